# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""Pool: worker processes that run functions.

There is no thread behind a pool. Whoever waits for one of its results, or asks whether one is
there, gathers all that have come and looks after the workers; callbacks run then too, in the
thread that waits. A pool belongs to the process that made it.
"""

import operator
import os
import threading
import warnings
import weakref
from time import monotonic

from gi.overrides import _MpCodec
from gi.overrides._MpErrors import INTERRUPTED, OK, TIMED_OUT, from_status, translated
from gi.overrides._MpShield import Shield, calling_back, raise_deferred
from gi.overrides._MpSync import remaining
from gi.repository import Mp

from . import process, worker
from .functions import APPLY, CALL, INHERITED, STAR, Functions
from .results import ApplyResult, AsyncResult, IMapIterator, IMapUnorderedIterator, MapResult

__all__ = ['Pool', 'AsyncResult', 'MapResult', 'IMapIterator', 'IMapUnorderedIterator']

MAP, INHERITED_FLAG = 1, 2

RUN, CLOSE, TERMINATE = 'RUN', 'CLOSE', 'TERMINATE'


class _Spec:
    """What a worker has to know; it inherits this."""

    def __init__(self, functions, initializer, initargs, limit):
        self.functions = functions
        self.initializer = initializer
        self.initargs = initargs
        self.limit = limit


class _Specs(threading.local):
    making = None


# By the part of a worker's handle that is its pool's.
_specs = {}
_current = _Specs()


def _make_worker(handle):
    """What the library calls, from within any call on a pool, to get one more worker."""
    key = handle.rsplit(',', 2)[0]
    if _current.making is not None:
        _specs[key] = _current.making
        _current.making.key = key
    spec = _specs.get(key) or _plain
    child = process.Process(target=worker.main, args=(handle, spec), daemon=True)
    child._name = child._name.replace('Process', 'ForkPoolWorker', 1)
    mp = child._prepare()
    mp.ignores_interrupts = True
    return mp


# For pools that were made without this module.
_plain = _Spec(Functions(), None, (), None)

Mp.Pool.set_worker_func(Shield(_make_worker, None))


class Pool:
    """Workers that run functions; by default one per CPU that this process may use."""

    _state = TERMINATE
    _owner = None

    def __init__(self, processes=None, initializer=None, initargs=(), maxtasksperchild=None,
                 context=None):
        if processes is None:
            processes = Mp.get_usable_cpus()
        if processes < 1:
            raise ValueError('Number of processes must be at least 1')
        if maxtasksperchild is not None and \
                (not isinstance(maxtasksperchild, int) or maxtasksperchild <= 0):
            raise ValueError('maxtasksperchild must be a positive int or None')
        if initializer is not None and not callable(initializer):
            raise TypeError('initializer must be a callable')
        assert not process.current_process().daemon, \
            'daemonic processes are not allowed to have children'

        self._owner = os.getpid()
        self._functions = Functions()
        self._spec = _Spec(self._functions, initializer, tuple(initargs), maxtasksperchild)
        self._spec.key = None
        self._calls = {}                  # Mp.Result of a call with a callback: its AsyncResult
        self._done = Mp.ResultIterator.new(False)
        self._gathering = threading.RLock()
        self._feeding = []                # iterators whose input is not all given yet
        self._mp = self._make(processes)
        self._state = RUN
        process.at_exit(self.terminate)

    def _make(self, processes):
        _current.making = self._spec
        try:
            with calling_back:
                return Mp.Pool.new(processes)
        finally:
            _current.making = None
            if self._spec.key is not None:
                weakref.finalize(self, _specs.pop, self._spec.key, None)

    # ── Giving tasks ────────────────────────────────────────────────────────────────────────────

    def apply(self, func, args=(), kwds={}):
        """func(*args, **kwds) in a worker."""
        return self.apply_async(func, args, kwds).get()

    def apply_async(self, func, args=(), kwds={}, callback=None, error_callback=None):
        self._check_running()
        submit = self._submitter(func, APPLY)
        return ApplyResult(self, [submit((tuple(args), dict(kwds)))], callback, error_callback)

    def map(self, func, iterable, chunksize=None):
        """[func(item) for item in iterable], on all workers."""
        return self.map_async(func, iterable, chunksize).get()

    def map_async(self, func, iterable, chunksize=None, callback=None, error_callback=None):
        return self._map(func, CALL, iterable, chunksize, callback, error_callback)

    def starmap(self, func, iterable, chunksize=None):
        """[func(*item) for item in iterable], on all workers."""
        return self.starmap_async(func, iterable, chunksize).get()

    def starmap_async(self, func, iterable, chunksize=None, callback=None, error_callback=None):
        return self._map(func, STAR, iterable, chunksize, callback, error_callback)

    def _map(self, func, style, iterable, chunksize, callback, error_callback):
        self._check_running()
        items = list(iterable)
        if chunksize is None:
            chunksize = -(-len(items) // (self._mp.get_n_workers() * 4))
        chunksize = max(1, operator.index(chunksize))
        submit = self._submitter(func, style, MAP)
        parts = [submit(items[start:start + chunksize])
                 for start in range(0, len(items), chunksize)]
        return MapResult(self, parts, callback, error_callback)

    def imap(self, func, iterable, chunksize=1):
        """The results in order, as they come. The input is read only a little ahead."""
        return self._imap(IMapIterator, func, iterable, chunksize)

    def imap_unordered(self, func, iterable, chunksize=1):
        """The results as they come, whatever their order."""
        return self._imap(IMapUnorderedIterator, func, iterable, chunksize)

    def _imap(self, kind, func, iterable, chunksize):
        self._check_running()
        chunksize = operator.index(chunksize)
        if chunksize < 1:
            raise ValueError(f'Chunksize must be 1+, not {chunksize}')
        return kind(self, self._submitter(func, CALL, MAP), iterable, chunksize)

    def _submitter(self, func, style, flags=0):
        """A function that gives one more task for @func and returns its Mp.Result."""
        with _MpCodec.encoding() as in_function:
            kind, data, renew = self._functions.describe(func, style)
        if renew:
            with calling_back, translated:
                self._mp.renew()
        if kind == INHERITED:
            flags |= INHERITED_FLAG

        def submit(argument):
            encoding, payload, met = _MpCodec.encode(argument)
            with calling_back, translated:
                return _MpCodec.attached([*in_function, *met], self._mp.submit_data, kind, data,
                                         flags, encoding, payload)
        return submit

    # ── Gathering results ───────────────────────────────────────────────────────────────────────

    def _watch(self, result, parts):
        """Sees to it that the callbacks of @result run when all its parts have come."""
        for part in parts:
            self._calls[part] = result
            self._done.add(part)

    def _gather(self):
        """Runs the callbacks that are due, and gives out more of the input of iterators."""
        if not self._gathering.acquire(blocking=False):
            return  # another thread does it
        try:
            while self._calls:
                status, part = self._done.next_raw(0)
                if status != OK or part is None:
                    break
                self._calls.pop(part)._part_came()
            for iterator in list(self._feeding):
                iterator._feed()
        finally:
            self._gathering.release()

    def _wait(self, call, timeout=None):
        """Waits with call(usec), and looks after everything else meanwhile."""
        status = call(0)
        if status != OK:
            end = None if timeout is None else monotonic() + timeout
            while status in (INTERRUPTED, TIMED_OUT):
                self._gather()
                raise_deferred()
                left = remaining(end)
                status = call(left)
                if status == TIMED_OUT and left == 0:
                    break
        raise_deferred()
        if self._calls:
            self._gather()
        return status

    # ── The end ─────────────────────────────────────────────────────────────────────────────────

    def close(self):
        """No more tasks; the workers end when they have done what was given."""
        if self._state == RUN:
            self._state = CLOSE
            self._close_if_fed()

    def _close_if_fed(self):
        if self._state == CLOSE and not self._feeding:
            self._mp.close()

    def terminate(self):
        """Ends the workers at once; tasks that are not done fail with Terminated."""
        if self._owner == os.getpid() and self._state != TERMINATE:
            self._state = TERMINATE
            self._feeding.clear()
            self._mp.terminate()

    def join(self):
        """Waits until the workers have ended; after close() or terminate()."""
        if self._state == RUN:
            raise ValueError('Pool is still running')
        self._check_owner()
        for iterator in list(self._feeding):
            iterator._feed_all()
        status = self._wait(self._mp.join_raw)
        while self._calls and self._state != TERMINATE:
            before = len(self._calls)
            self._gather()
            if len(self._calls) == before:
                break
        if status != OK:
            raise from_status(status)

    def _is_over(self):
        return self._state == TERMINATE

    def _check_owner(self):
        if self._owner != os.getpid():
            raise ValueError('Pool belongs to another process')

    def _check_running(self):
        if self._state != RUN:
            raise ValueError('Pool not running')
        self._check_owner()

    def __enter__(self):
        self._check_running()
        return self

    def __exit__(self, *details):
        self.terminate()

    def __del__(self, warn=warnings.warn):
        if self._state == RUN and self._owner == os.getpid():
            warn(f'unclosed running multiprocessing pool {self!r}', ResourceWarning, source=self)
            self.terminate()

    def __reduce__(self):
        raise NotImplementedError('pool objects cannot be passed between processes or pickled')

    def __repr__(self):
        size = self._mp.get_n_workers() if self._owner else 0
        return f'<{type(self).__module__}.{type(self).__qualname__} state={self._state} ' \
               f'pool_size={size}>'

    @property
    def pids(self):
        """The process ids of the workers that live now."""
        return list(self._mp.get_pids())
