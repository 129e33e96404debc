# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""The interface of Pool without processes: over threads, or in the caller itself.

Nothing is serialized: functions get the very objects that were given. ThreadPool has threads of its
own, which are daemons and end with close() or terminate(). SerialPool, Pool(workers=0), has none: a
task runs while it is given, so that a debugger sees it. Options that need a process to be killed
(timeout) are refused; retries count for what a task raises.
"""

import os
import queue
import sys
import threading
import traceback
import warnings

from gi.repository import Mp

from . import task
from .errors import Cancelled, InitializerError, Terminated, TimeoutError

__all__ = ['ThreadPool', 'SerialPool', 'LocalResult']

RUN, CLOSE, TERMINATE = 'RUN', 'CLOSE', 'TERMINATE'

_NEEDS_PROCESS = ('timeout', 'soft_timeout')


class LocalResult:
    """What AsyncResult is for Pool."""

    def __init__(self, pool, call, callback, error_callback, retries):
        self._pool = pool
        self._call = call
        self._callbacks = error_callback, callback
        self._retries = retries
        self._done = threading.Condition()
        self._outcome = None
        self.progress = 0.0
        self.progress_text = None
        self.output = ''

    def ready(self):
        return self._outcome is not None

    def successful(self):
        if self._outcome is None:
            raise ValueError(f'{self!r} not ready')
        return self._outcome[0]

    def wait(self, timeout=None):
        with self._done:
            self._done.wait_for(self.ready, timeout)

    def get(self, timeout=None):
        self.wait(timeout)
        if self._outcome is None:
            raise TimeoutError
        good, value = self._outcome
        if good:
            return value
        raise value

    def cancel(self):
        """A task that runs in a thread goes on; its result is dropped."""
        return self._settle(False, Cancelled('The task was cancelled'))

    def _run(self):
        if self._outcome is not None:
            return
        while True:
            try:
                with task.running(self):
                    value = self._call()
            except Exception as error:
                if self._retries > 0:
                    self._retries -= 1
                    continue
                self._settle(False, error)
            else:
                self._settle(True, value)
            return

    def _settle(self, good, value):
        with self._done:
            if self._outcome is not None:
                return False
            self._outcome = good, value
            self._call = None
            self._done.notify_all()
        self._pool._settled(self)
        callback = self._callbacks[good]
        if callback is not None:
            try:
                callback(value)
            except Exception:
                print(f'Exception in the callback {callback!r} of a pool:', file=sys.stderr)
                traceback.print_exc()
        return True


class _LocalIterator:
    """Results of imap(): of the input, some tasks are given ahead of what was taken."""

    def __init__(self, pool, func, iterable, ordered, ahead, options):
        self._pool = pool
        self._func = func
        self._input = iter(iterable)
        self._ordered = ordered
        self._ahead = ahead
        self._options = options
        self._given = []
        self._failed = None
        self._changed = threading.Condition()
        self._feed()

    def __iter__(self):
        return self

    def __next__(self):
        return self.next()

    def _feed(self):
        while self._input is not None and len(self._given) < self._ahead:
            try:
                item = next(self._input)
            except StopIteration:
                self._input = None
            except Exception as error:
                self._input, self._failed = None, error
            else:
                self._given.append(self._pool.apply_async(
                    self._func, (item,), callback=self._tell, error_callback=self._tell,
                    **self._options))

    def _tell(self, _):
        with self._changed:
            self._changed.notify_all()

    def _find(self):
        given = self._given[:1] if self._ordered else self._given
        return next((result for result in given if result.ready()), None)

    def next(self, timeout=None):
        self._feed()
        if not self._given:
            if self._failed is not None:
                error, self._failed = self._failed, None
                raise error
            raise StopIteration
        with self._changed:
            result = self._changed.wait_for(self._find, timeout)
        if not result:
            raise TimeoutError
        self._given.remove(result)
        self._feed()
        return result.get()


def _refuse_progress(progress):
    if progress:
        raise ValueError('a bar of progress needs a pool of processes')


class _Base:
    """What both have: everything in terms of _give(result)."""

    _state = TERMINATE
    _owner = None

    def __init__(self):
        self._owner = os.getpid()
        self._lock = threading.Condition()
        self._pending = set()
        self._state = RUN

    def apply(self, func, args=(), kwds={}, **options):
        return self.apply_async(func, args, kwds, **options).get()

    def apply_async(self, func, args=(), kwds={}, callback=None, error_callback=None, **options):
        if not callable(func):
            raise TypeError(f'{type(func).__name__!r} object is not callable')
        return self._submit(lambda: func(*args, **kwds), callback, error_callback, options)

    def map(self, func, iterable, chunksize=None, *, progress=False, **options):
        _refuse_progress(progress)
        return self.map_async(func, iterable, chunksize, **options).get()

    def map_async(self, func, iterable, chunksize=None, callback=None, error_callback=None, *,
                  stop_on_error=False, **options):
        return self._map(func, list(iterable), chunksize, callback, error_callback, options,
                         stop_on_error)

    def starmap(self, func, iterable, chunksize=None, *, progress=False, **options):
        _refuse_progress(progress)
        return self.starmap_async(func, iterable, chunksize, **options).get()

    def starmap_async(self, func, iterable, chunksize=None, callback=None, error_callback=None, *,
                      stop_on_error=False, **options):
        return self._map(lambda item: func(*item), list(iterable), chunksize, callback,
                         error_callback, options, stop_on_error)

    def _map(self, func, items, chunksize, callback, error_callback, options, stop_on_error):
        self._check_running()
        size = chunksize or max(1, -(-len(items) // (4 * self._size())))
        chunks = [items[start:start + size] for start in range(0, len(items), size)]
        parts = [self._submit(lambda chunk=chunk: [func(item) for item in chunk], None, None,
                              options)
                 for chunk in chunks]
        whole = LocalResult(self, lambda: [value for part in parts for value in part.get()],
                            callback, error_callback, 0)
        self._whenever(parts, whole, stop_on_error)
        return whole

    def _whenever(self, parts, whole, stop_on_error):
        """Runs @whole when all its parts are done, or, if it is to stop, ends it with an error."""
        left = [len(parts)]
        lock = threading.Lock()

        def failed(error):
            if stop_on_error and whole._settle(False, error):
                for part in parts:
                    part.cancel()
            one(error)

        def one(_):
            with lock:
                left[0] -= 1
                last = left[0] == 0
            if last:
                whole._run()

        if not parts:
            whole._run()
        for part in parts:
            with part._done:
                settled = part._outcome is not None
                part._callbacks = failed, one
            if settled:
                good, value = part._outcome
                (one if good else failed)(value)

    def imap(self, func, iterable, chunksize=1, *, buffersize=None, **options):
        return self._imap(func, iterable, chunksize, True, buffersize, options)

    def imap_unordered(self, func, iterable, chunksize=1, *, buffersize=None, **options):
        return self._imap(func, iterable, chunksize, False, buffersize, options)

    def _imap(self, func, iterable, chunksize, ordered, buffersize, options):
        self._check_running()
        if chunksize < 1:
            raise ValueError(f'Chunksize must be 1+, not {chunksize}')
        return _LocalIterator(self, func, iterable, ordered, buffersize or 16 * self._size(),
                              options)

    def _submit(self, call, callback, error_callback, options):
        self._check_running()
        for name in _NEEDS_PROCESS:
            if options.get(name):
                raise ValueError(f'a task in a thread cannot be stopped: {name} needs processes')
        result = LocalResult(self, call, callback, error_callback, options.get('retries') or 0)
        with self._lock:
            self._pending.add(result)
        self._give(result)
        return result

    def _settled(self, result):
        with self._lock:
            self._pending.discard(result)
            self._lock.notify_all()

    def _fail_pending(self):
        with self._lock:
            pending = list(self._pending)
        for result in pending:
            result._settle(False, Terminated('The pool was terminated'))

    def _check_running(self):
        if self._state != RUN:
            raise ValueError('Pool not running')
        if self._owner != os.getpid():
            raise ValueError('Pool belongs to another process')

    def __enter__(self):
        self._check_running()
        return self

    def __exit__(self, *details):
        self.terminate()

    def __reduce__(self):
        raise NotImplementedError('pool objects cannot be passed between processes or pickled')

    def __repr__(self):
        return f'<{type(self).__module__}.{type(self).__qualname__} state={self._state} ' \
               f'pool_size={self._size()}>'


class ThreadPool(_Base):
    """The interface of Pool, over threads of this process."""

    def __init__(self, processes=None, initializer=None, initargs=()):
        if processes is None:
            processes = Mp.get_usable_cpus()
        if processes < 1:
            raise ValueError('Number of processes must be at least 1')
        if initializer is not None and not callable(initializer):
            raise TypeError('initializer must be a callable')
        super().__init__()
        self._queue = queue.SimpleQueue()
        self._threads = [threading.Thread(target=_work, daemon=True,
                                          args=(self._queue, initializer, tuple(initargs)))
                         for _ in range(processes)]
        for thread in self._threads:
            thread.start()

    def _size(self):
        return len(self._threads) if self._owner else 0

    def _give(self, result):
        self._queue.put(result)

    def close(self):
        if self._state == RUN:
            self._state = CLOSE
            self._send_home()

    def _send_home(self):
        for _ in self._threads:
            self._queue.put(None)

    def terminate(self):
        """What is queued fails; what runs goes on, and nobody waits for it."""
        if self._owner != os.getpid() or self._state == TERMINATE:
            return
        was_running, self._state = self._state == RUN, TERMINATE
        self._fail_pending()
        if was_running:
            self._send_home()

    def join(self):
        if self._state == RUN:
            raise ValueError('Pool is still running')
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join()

    def __del__(self, warn=warnings.warn):
        if self._state == RUN and self._owner == os.getpid():
            warn(f'unclosed running multiprocessing pool {self!r}', ResourceWarning, source=self)
            self._send_home()


def _work(tasks, initializer, initargs):
    """A thread: it does not hold the pool, so that a dropped pool ends."""
    broken = None
    if initializer is not None:
        try:
            initializer(*initargs)
        except BaseException as error:
            broken = InitializerError(f'the initializer failed: {error!r}')
            broken.__cause__ = error
    while True:
        result = tasks.get()
        if result is None:
            return
        if broken is not None:
            result._settle(False, broken)
        else:
            result._run()
        del result


class SerialPool(_Base):
    """The interface of Pool; each task runs in the caller, while it is given."""

    def __init__(self, initializer=None, initargs=()):
        super().__init__()
        if initializer is not None:
            initializer(*initargs)

    def _size(self):
        return 1

    def _give(self, result):
        result._run()

    def _imap(self, func, iterable, chunksize, ordered, buffersize, options):
        return super()._imap(func, iterable, chunksize, ordered, 1, options)

    def close(self):
        if self._state == RUN:
            self._state = CLOSE

    def terminate(self):
        self._state = TERMINATE

    def join(self):
        if self._state == RUN:
            raise ValueError('Pool is still running')
