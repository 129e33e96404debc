# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""Pool: worker processes that run functions.

There is no thread behind a pool. Whoever waits for one of its results, or asks whether one is
there, gathers all that have come and looks after the workers; callbacks run then too, in the
thread that waits. A pool belongs to the process that made it.

Beside what multiprocessing has, tasks have options, as keyword arguments of all calls that give
one:

    timeout         seconds that it may run; then its worker is killed (TimeLimitExceeded)
    soft_timeout    seconds after which SoftTimeLimitExceeded is raised in it
    retries         how often it is run again if its worker dies or goes beyond a limit
    retry_errors    whether that goes for its own exceptions, too
    priority        1 before and -1 behind all others that wait
    name            what timelines call it
"""

import collections
import itertools
import operator
import os
import sys
import threading
import warnings
import weakref
from queue import Full
from threading import get_ident
from time import monotonic

from gi.overrides import _MpCodec, _MpFast
from gi.overrides._MpErrors import INTERRUPTED, OK, TIMED_OUT, from_status, translated
from gi.overrides._MpShield import Shield, calling_back, raise_deferred
from gi.overrides._MpSync import remaining
from gi.repository import Mp

from . import process, worker
from .described import Described
from .errors import MaybeEncodingError, RemoteTraceback, TimeoutError  # noqa: F401: as there
from .functions import APPLY, CALL, INHERITED, PICKLED, STAR, Functions
from .iterators import IMapIterator, IMapUnorderedIterator
from .results import (ApplyResult, AsyncResult, MapResult, make_apply_result, new_stream,
                      show_progress)

__all__ = ['Pool', 'ThreadPool', 'AsyncResult', 'MapResult', 'IMapIterator',
           'IMapUnorderedIterator']

MAP, INHERITED_FLAG = 1, 2

# MpFunctionKind
NAMED = 1

RUN, CLOSE, TERMINATE = 'RUN', 'CLOSE', 'TERMINATE'


class _Spec:
    """What a worker has to know; it inherits this. Others are told by a TravellingSpec."""

    method = 'fork'
    key = problem = None

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
    """What the library calls, from within any call on a pool, to get one more worker.

    None if there can be none now: that is no matter of who happens to call, but of the tasks, which
    fail if it stays so. Only to who makes the pool it is an error."""
    try:
        return _describe_worker(handle)
    except Exception as error:
        if _current.making is not None:
            raise
        print(f'A worker of a pool cannot be made: {error!r}', file=sys.stderr)
        return None


def _describe_worker(handle):
    key = handle.rsplit(',', 2)[0]
    if _current.making is not None:
        _specs[key] = _current.making
        _current.making.key = key
    spec = _specs.get(key) or _plain
    child = process.Process(target=worker.main, args=(handle, spec), daemon=True)
    child._name = child._name.replace('Process', _WORKERS[spec.method], 1)
    child._start_method = spec.method
    child._ignores_interrupts = True
    return child._prepare()


_WORKERS = {'fork': 'ForkPoolWorker', 'spawn': 'SpawnPoolWorker',
            'forkserver': 'ForkServerPoolWorker'}


def _get_method(context):
    if context is None:
        from .context import default_context as context
    method = context.get_start_method()
    if method not in _WORKERS:
        raise ValueError(f'there are no workers made by {method!r}: {", ".join(_WORKERS)}')
    return method


def _make_spec(method, initializer, initargs, limit):
    """What a pool knows of its functions, and what it tells its workers."""
    if method == 'fork':
        functions = Functions()
        return functions, _Spec(functions, initializer, initargs, limit)
    from .travelling import TravellingFunctions, TravellingSpec
    spec = TravellingSpec(method, initializer, initargs, limit)
    spec.check()
    return TravellingFunctions(method), spec


# For pools that were made without this module.
_plain = _Spec(Functions(), None, (), None)

Mp.Pool.set_worker_func(Shield(_make_worker, None))


# The names of options in Mp.TaskOptions.
_OPTIONS = {'timeout': 'time_limit', 'soft_timeout': 'soft_time_limit', 'retries': 'retries',
            'retry_errors': 'retry_errors', 'priority': 'priority', 'name': 'name'}


def _make_options(given):
    """The Mp.TaskOptions for keyword arguments, or None if all of them are as by default."""
    options = None
    for name, value in given.items():
        if name not in _OPTIONS:
            raise TypeError(f'a task has no option {name!r}; it can have {", ".join(_OPTIONS)}')
        if value is None or value is False:
            continue
        if name in ('timeout', 'soft_timeout') and not value > 0:
            raise ValueError(f'{name} must be above 0, not {value!r}')
        options = options or Mp.TaskOptions.new()
        if name == 'priority':
            value = Mp.TaskPriority(max(-1, min(1, operator.index(value))))
        getattr(options, f'set_{_OPTIONS[name]}')(value)
    return options


# What Pool(workers=0) heeds of the arguments; the others are rules for workers.
_SERIAL = ('initializer', 'initargs', 'capture_output', 'trace')


class Pool:
    """Workers that run functions; by default one per CPU that this process may use.

    With workers=0 there are none: tasks run where they are given, to be looked at by a debugger.

    maxmemoryperchild: resident bytes after a task with which a worker is replaced
    memory_limit: resident bytes that a worker may have; it is killed (MemoryLimitExceeded)
    idle_timeout: seconds without a task after which a worker ends, until there are tasks again
    max_pending: how many tasks may be given and not done; who gives one more waits
    capture_output: what tasks print is AsyncResult.output instead
    trace: note the times of tasks, for save_trace()
    language: of the workers, such as 'gjs'; their functions are given by name, and have one
        argument
    """

    _state = TERMINATE
    _owner = None
    _core = None

    def __new__(cls, *args, workers=None, **kwargs):
        if workers == 0 and cls is Pool:
            from .threadpool import SerialPool
            return SerialPool(*args[1:3], **{key: value for key, value in kwargs.items()
                                             if key in _SERIAL})
        return super().__new__(cls)

    def __init__(self, processes=None, initializer=None, initargs=(), maxtasksperchild=None,
                 context=None, *, workers=None, maxmemoryperchild=None, memory_limit=None,
                 idle_timeout=None, max_pending=None, capture_output=False, trace=False,
                 language=None):
        if workers is not None:
            processes = workers
        if processes is None:
            processes = Mp.get_usable_cpus()
        if processes < 1:
            raise ValueError('Number of processes must be at least 1')
        if maxtasksperchild is not None and \
                (not isinstance(maxtasksperchild, int) or maxtasksperchild <= 0):
            raise ValueError('maxtasksperchild must be a positive int or None')
        if initializer is not None and not callable(initializer):
            raise TypeError('initializer must be a callable')
        current = process.current_process()
        if current._preparing:
            from .spawn import _check_bootstrapping
            _check_bootstrapping()
        assert not current.daemon or current._nests, \
            'daemonic processes are not allowed to have children'

        self._owner = os.getpid()
        method = _get_method(context) if language is None else 'fork'
        self._functions, self._spec = _make_spec(method, initializer, tuple(initargs),
                                                 maxtasksperchild)
        self._described = Described(self._functions)
        self._calls = {}                  # part of a result with a callback: the result
        self._done = new_stream()         # those parts, as they become ready
        self._due = collections.deque()   # those that are, until their callbacks have run
        self._gatherer = None             # the thread that runs them
        self._feeding = []                # iterators whose input is not all given yet
        self._mp = self._make(processes, capture_output, language)
        self._bounded = bool(max_pending)
        for set_rule, value in ((self._mp.set_max_worker_memory, maxmemoryperchild),
                                (self._mp.set_memory_limit, memory_limit),
                                (self._mp.set_idle_timeout, idle_timeout),
                                (self._mp.set_max_pending, max_pending),
                                (self._mp.set_trace, trace)):
            if value:
                set_rule(value)
        self._core = self._make_core()
        self._state = RUN
        process.at_exit(self.terminate)

    def _make(self, processes, captures, language):
        _current.making = self._spec
        if self._spec.method == 'fork':
            worker.prepare()
        try:
            with calling_back:
                if not captures and language is None:
                    return Mp.Pool.new(processes)
                pool = Mp.Pool(n_workers=processes, capture_output=captures,
                               worker_language=language)
                pool.get_pids()  # starts them
                return pool
        finally:
            _current.making = None
            if self._spec.key is not None:
                weakref.finalize(self, _specs.pop, self._spec.key, None)

    def _make_core(self):
        """The way of the accelerator, if it is there. It does not wait for room."""
        native = _MpFast.native
        if native is None or self._bounded:
            return None
        return native.Core(self._mp, self._described.known, self._calls, self._feeding, ApplyResult)

    # ── Giving tasks ────────────────────────────────────────────────────────────────────────────

    def apply(self, func, args=(), kwds={}, **options):
        """func(*args, **kwds) in a worker."""
        return self.apply_async(func, args, kwds, **options).get()

    def apply_async(self, func, args=(), kwds={}, callback=None, error_callback=None, **options):
        self._check_running()
        submit = self._submitter(func, APPLY, 0, options)
        part = submit((tuple(args), dict(kwds)))
        return make_apply_result(self, part, callback, error_callback)

    def map(self, func, iterable, chunksize=None, *, progress=False, **options):
        """[func(item) for item in iterable], on all workers.

        With progress=True it shows how far it is, by tqdm if that is installed. With
        stop_on_error=True the first exception ends it, and what is not done is cancelled."""
        return self._finish(self.map_async(func, iterable, chunksize, **options), progress)

    def map_async(self, func, iterable, chunksize=None, callback=None, error_callback=None, *,
                  stop_on_error=False, **options):
        return self._map(func, CALL, iterable, chunksize, callback, error_callback, stop_on_error,
                         options)

    def starmap(self, func, iterable, chunksize=None, *, progress=False, **options):
        """[func(*item) for item in iterable], on all workers."""
        return self._finish(self.starmap_async(func, iterable, chunksize, **options), progress)

    def starmap_async(self, func, iterable, chunksize=None, callback=None, error_callback=None, *,
                      stop_on_error=False, **options):
        return self._map(func, STAR, iterable, chunksize, callback, error_callback, stop_on_error,
                         options)

    def _finish(self, result, progress):
        if progress:
            show_progress(result)
        return result.get()

    def _map(self, func, style, iterable, chunksize, callback, error_callback, stop_on_error,
             options):
        self._check_running()
        if not hasattr(iterable, '__len__'):
            iterable = list(iterable)
        if chunksize is None:
            chunksize = -(-len(iterable) // (self._mp.get_n_workers() * 4))
        chunksize = max(1, operator.index(chunksize))
        submit = self._submitter(func, style, MAP, options)
        parts = []
        # The workers begin while the rest is still being read.
        items = iter(iterable)
        try:
            while chunk := list(itertools.islice(items, chunksize)):
                parts.append(submit(chunk))
        except BaseException:
            for part in parts:
                part.cancel()
            raise
        return MapResult(self, parts, callback, error_callback, stop_on_error)

    def imap(self, func, iterable, chunksize=1, *, buffersize=None, **options):
        """The results in order, as they come. The input is read only a little ahead: @buffersize
        chunks, by default 16 for each worker."""
        return self._imap(IMapIterator, func, iterable, chunksize, buffersize, options)

    def imap_unordered(self, func, iterable, chunksize=1, *, buffersize=None, **options):
        """The results as they come, whatever their order."""
        return self._imap(IMapUnorderedIterator, func, iterable, chunksize, buffersize, options)

    def _imap(self, kind, func, iterable, chunksize, buffersize, options):
        self._check_running()
        chunksize = operator.index(chunksize)
        if chunksize < 1:
            raise ValueError(f'Chunksize must be 1+, not {chunksize}')
        if buffersize is not None and operator.index(buffersize) < 1:
            raise ValueError('buffersize must be 1 or more')
        submit = self._submitter(func, CALL, MAP if chunksize > 1 else 0, options)
        return kind(self, submit, iterable, chunksize if chunksize > 1 else None, buffersize)

    def _describe(self, func, style):
        """The kind and bytes that name @func, and the shared objects in it."""
        if isinstance(func, str):
            return NAMED, func.encode(), ()
        data = self._described.find(func)
        if data is not None:
            return PICKLED, style + data, ()
        with _MpCodec.encoding() as met:
            kind, data, renew = self._functions.describe(func, style)
        if renew:
            with calling_back, translated:
                self._mp.renew()
        elif not met:
            self._described.note(func, kind, data[len(style):])
        return kind, data, met

    def _submitter(self, func, style, flags=0, options=None):
        """A function that gives one more task for @func and returns its part of the result."""
        kind, data, in_function = self._describe(func, style)
        if kind == INHERITED:
            flags |= INHERITED_FLAG
        task_options = _make_options(options) if options else None
        submit_data = self._mp.submit_data_with
        encode = _MpCodec.encode
        of_one = kind == NAMED and style == APPLY

        def submit(argument):
            if of_one:
                argument = argument[0][0] if len(argument[0]) == 1 else list(argument[0])
            encoding, payload, met = encode(argument)
            given = kind, data, flags, encoding, payload, task_options
            while True:
                if self._bounded:
                    self._wait(self._mp.wait_room_raw)
                try:
                    with calling_back, translated:
                        if not met and not in_function:
                            return submit_data(*given)
                        return _MpCodec.attached([*in_function, *met], submit_data, *given)
                except Full:
                    self._bounded = True    # now at least; or another thread took the room
        if _MpFast.native is None:
            return submit
        if self._core is None or in_function or of_one:
            return lambda argument: _MpFast.native.Task(submit(argument))
        return _MpFast.native.Submitter(self._core, kind, data, flags, task_options, submit)

    # ── Gathering results ───────────────────────────────────────────────────────────────────────

    def _watch(self, result, parts):
        """Sees to it that the callbacks of @result run when all its parts have come."""
        for part in parts:
            self._calls[part] = result
            self._done.add(part)

    def _gather(self):
        """Runs the callbacks that are due, and gives out more of the input of iterators."""
        me = get_ident()
        if self._gatherer not in (None, me):
            return  # another thread does it
        outer, self._gatherer = self._gatherer, me      # see turns.py
        try:
            while self._calls:
                if not self._due and self._done.next_into(0, self._due) != OK or not self._due:
                    break
                self._run_callback(self._due[0])
            for iterator in list(self._feeding):
                iterator._feed()
        finally:
            self._gatherer = outer

    def _run_callback(self, part):
        """A callback is called once, whatever interrupts this; that may come back for it."""
        result = self._calls.get(part)
        if result is not None:
            result._part_came(part)
        self._calls.pop(part, None)
        if self._due and self._due[0] is part:
            del self._due[0]

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
            self._close_core()
            self._close_if_fed()

    def _close_core(self):
        if self._core is not None:
            self._core.close()

    def _close_if_fed(self):
        if self._state == CLOSE and not self._feeding:
            self._mp.close()

    def terminate(self):
        """Ends the workers at once; tasks that are not done fail with Terminated."""
        if self._owner == os.getpid() and self._state != TERMINATE:
            self._state = TERMINATE
            self._close_core()
            self._feeding.clear()
            self._mp.terminate()

    def join(self):
        """Waits until the workers have ended; after close() or terminate()."""
        if self._state == RUN:
            raise ValueError('Pool is still running')
        self._check_owner()
        for iterator in list(self._feeding):
            iterator._feed_all()
        self._close_if_fed()
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

    # ── Seeing it work ──────────────────────────────────────────────────────────────────────────

    def resize(self, processes):
        """From now on the pool has so many workers."""
        if operator.index(processes) < 1:
            raise ValueError('Number of processes must be at least 1')
        self._check_running()
        with calling_back:
            self._mp.set_n_workers(processes)

    def stats(self):
        """How many tasks are queued, running, done and failed, and were tried again."""
        mp = self._mp
        return {'workers': mp.get_n_workers(), 'queued': mp.get_n_queued(),
                'running': mp.get_n_running(), 'done': mp.get_n_done(),
                'failed': mp.get_n_failed(), 'retried': mp.get_n_retried()}

    def save_trace(self, path):
        """Saves the timeline of tasks as a Chrome trace; the pool was made with trace=True."""
        self._check_owner()
        with calling_back, translated:
            self._mp.save_trace(os.fspath(path))

    @property
    def gobject(self):
        """The Mp.Pool: its properties (progress, n-queued, …) can be bound, its signals tell of
        workers."""
        return self._mp

    @property
    def pids(self):
        """The process ids of the workers that live now."""
        return list(self._mp.get_pids())


_MpFast.put({Pool: 'pool'})


def __getattr__(name):
    if name == 'ThreadPool':
        from .threadpool import ThreadPool
        return ThreadPool
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
