# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""The interface of Pool without processes: over threads, or in the caller itself.

Nothing is serialized: functions get the very objects that were given. ThreadPool has threads of its
own, which are daemons and end with close() or terminate(). SerialPool, Pool(workers=0), has none: a
task runs while it is given, so that a debugger sees it.

Options mean what they mean in Pool. No worker dies here, so retries count only together with
retry_errors. A thread cannot be killed: ThreadPool refuses limits of time. SerialPool leaves them
aside, as whoever looks at a task with a debugger takes his time, and so the same program runs.
"""

import collections
import contextlib
import io
import operator
import os
import queue
import sys
import threading
import time
import traceback
import warnings

from gi.repository import Mp

from . import task
from .errors import Cancelled, InitializerError, RemoteError, Terminated, TimeoutError
from .results import AsyncResult, show_progress

__all__ = ['ThreadPool', 'SerialPool', 'LocalResult']

RUN, CLOSE, TERMINATE = 'RUN', 'CLOSE', 'TERMINATE'

# Of more tasks than that the last are in a timeline.
MAX_TRACED = 1000000

_LIMITS = ('timeout', 'soft_timeout')
_OPTIONS = (*_LIMITS, 'retries', 'retry_errors', 'priority', 'name')


class LocalResult(AsyncResult):
    """The result of a task that runs in this process."""

    _parts = ()             # of a map: the results of its chunks

    def __init__(self, pool, call, callback, error_callback, options):
        self._pool = pool
        self._call = call
        self._callbacks = error_callback, callback
        self._retries = options.get('retries') or 0 if options.get('retry_errors') else 0
        self._name = options.get('name')
        self._priority = max(-1, min(1, operator.index(options.get('priority') or 0)))
        self._done = threading.Condition()
        self._outcome = None
        self._waitings = []         # in main loops
        self._progress = 0.0
        self._progress_text = None
        self._output = ''

    @property
    def output(self):
        """What its tasks printed, if the pool captures that."""
        return self._output + ''.join(part.output for part in self._parts)

    @property
    def progress(self):
        """How much is done, from 0 to 1, as far as the tasks have told."""
        if self._outcome is not None:
            return 1.0
        if not self._parts:
            return self._progress
        return sum(part.progress for part in self._parts) / len(self._parts)

    @property
    def progress_text(self):
        """What the task is at, as it told by report_progress()."""
        texts = (part.progress_text for part in self._parts)
        return self._progress_text or next((text for text in texts if text), None)

    def _report(self, fraction, text):
        self._progress = max(0.0, min(1.0, float(fraction)))
        self._progress_text = text or self._progress_text

    def _n_items(self):
        """How many parts are done, and how many there are."""
        return sum(part.ready() for part in self._parts), len(self._parts)

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

    def get_async(self, cancellable=None, callback=None, *data):
        """As AsyncResult.get_async()."""
        from .mainloop import Waiting
        waiting = Waiting(self, cancellable, callback, data)
        with self._done:
            if self._outcome is None:
                self._waitings.append(waiting)
                return
        waiting.end_later()

    def get_finish(self, waiting):
        """As AsyncResult.get_finish()."""
        waiting.check()
        return self.get()

    def cancel(self):
        """A task that runs in a thread goes on; its result is dropped."""
        for part in self._parts:
            part.cancel()
        return self._settle(False, Cancelled('The task was cancelled'))

    def _run(self):
        """Runs the task, as often as it may be tried."""
        while self._outcome is None:
            good, value = self._pool._timed(self._attempt, self)
            if good or self._retries <= 0:
                self._settle(good, value)
            else:
                self._retries -= 1
                self._pool._n_retried += 1

    def _attempt(self):
        """(True, what it returned) or (False, what it raised)."""
        try:
            with task.running(self), self._pool._captured(self):
                return True, self._call()
        except Exception as error:
            return False, error
        except KeyboardInterrupt as error:
            # Not the task's own, but that of who sits at the terminal, if this is his thread.
            self._settle(False, _as_remote(error))
            if threading.current_thread() is threading.main_thread():
                raise
            return False, _as_remote(error)
        except BaseException as error:
            return False, _as_remote(error)

    def _settle(self, good, value):
        with self._done:
            if self._outcome is not None:
                return False
            self._outcome = good, value
            self._call = None
            self._done.notify_all()
        for waiting in self._waitings:
            waiting.end_later()
        self._pool._settled(self, good)
        callback = self._callbacks[good]
        if callback is not None:
            try:
                callback(value)
            except Exception:
                print(f'Exception in the callback {callback!r} of a pool:', file=sys.stderr)
                traceback.print_exc()
        return True


def _as_remote(error):
    """What waits for an exit or the like gets this, as it does of a process."""
    problem = RemoteError(f'{type(error).__qualname__}: {error}'.rstrip(': '))
    problem.__cause__ = error
    return problem


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


def _finish(result, progress):
    if progress:
        show_progress(result)
    return result.get()


class _Base:
    """What both have: everything in terms of _give(result)."""

    _state = TERMINATE
    _owner = None

    def __init__(self, trace=False):
        self._owner = os.getpid()
        self._lock = threading.Lock()
        self._pending = set()
        self._counts = [0, 0]           # of tasks that failed, and that went well
        self._n_retried = self._n_running = 0
        self._trace = collections.deque(maxlen=MAX_TRACED) if trace else None
        self._state = RUN

    def apply(self, func, args=(), kwds={}, **options):
        return self.apply_async(func, args, kwds, **options).get()

    def apply_async(self, func, args=(), kwds={}, callback=None, error_callback=None, **options):
        if not callable(func):
            raise TypeError(f'{type(func).__name__!r} object is not callable')
        return self._submit(lambda: func(*args, **kwds), callback, error_callback, options)

    def map(self, func, iterable, chunksize=None, *, progress=False, **options):
        return _finish(self.map_async(func, iterable, chunksize, **options), progress)

    def map_async(self, func, iterable, chunksize=None, callback=None, error_callback=None, *,
                  stop_on_error=False, **options):
        return self._map(func, list(iterable), chunksize, callback, error_callback, options,
                         stop_on_error)

    def starmap(self, func, iterable, chunksize=None, *, progress=False, **options):
        return _finish(self.starmap_async(func, iterable, chunksize, **options), progress)

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
                            callback, error_callback, {})
        whole._parts = parts
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
        for name, value in options.items():
            if name not in _OPTIONS:
                raise TypeError(f'a task has no option {name!r}; it can have '
                                f'{", ".join(_OPTIONS)}')
            if name in _LIMITS and value is not None:
                self._check_limit(name, value)
        result = LocalResult(self, call, callback, error_callback, options)
        with self._lock:
            self._pending.add(result)
        self._give(result)
        return result

    def _settled(self, result, good):
        with self._lock:
            if result in self._pending:
                self._pending.discard(result)
                self._counts[good] += 1

    def _captured(self, result):
        return contextlib.nullcontext()

    def _gather(self):
        """Callbacks have run already, in the threads of their tasks."""

    def _timed(self, attempt, result):
        if result._parts:
            return attempt()    # a map: only puts together what its tasks gave
        with self._lock:
            self._n_running += 1
        began = time.monotonic_ns()
        try:
            good, value = attempt()
        finally:
            with self._lock:
                self._n_running -= 1
        if self._trace is not None:
            self._trace.append((result._name, began, time.monotonic_ns(), good,
                                threading.get_native_id()))
        return good, value

    def save_trace(self, path):
        """Saves the timeline of tasks as a Chrome trace; the pool was made with trace=True."""
        from .trace import write
        with open(path, 'w', encoding='utf-8') as file:
            write(self._trace or (), file)

    @property
    def pids(self):
        """The process ids of the workers: there is none but this process."""
        return [os.getpid()]

    def stats(self):
        """How many tasks are queued, running, done and failed, and were tried again."""
        with self._lock:
            n_pending, n_running = len(self._pending), self._n_running
            failed, done = self._counts
        return {'workers': self._size(), 'queued': max(0, n_pending - n_running),
                'running': n_running, 'done': done, 'failed': failed, 'retried': self._n_retried}

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

    def __init__(self, processes=None, initializer=None, initargs=(), *, trace=False):
        if processes is None:
            processes = Mp.get_usable_cpus()
        if processes < 1:
            raise ValueError('Number of processes must be at least 1')
        if initializer is not None and not callable(initializer):
            raise TypeError('initializer must be a callable')
        super().__init__(trace)
        self._tasks = _Tasks()
        self._threads = [threading.Thread(target=_work, daemon=True,
                                          args=(self._tasks, initializer, tuple(initargs)))
                         for _ in range(processes)]
        for thread in self._threads:
            thread.start()

    def _size(self):
        return len(self._threads) if self._owner else 0

    def _give(self, result):
        self._tasks.put(result)

    def _check_limit(self, name, value):
        raise ValueError(f'a task in a thread cannot be stopped: {name} needs processes')

    def close(self):
        if self._state == RUN:
            self._state = CLOSE
            self._send_home()

    def _send_home(self):
        for _ in self._threads:
            self._tasks.send_home()

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


class _Tasks:
    """What threads take, by priority. For each task there is a token in the queue, and it is in its
    lane before, so who gets a token finds one."""

    def __init__(self):
        self._tokens = queue.SimpleQueue()
        self._lanes = [collections.deque() for _ in range(3)]

    def put(self, result):
        self._lanes[1 - result._priority].append(result)
        self._tokens.put(True)

    def send_home(self):
        self._tokens.put(False)

    def get(self):
        """None: there will be no more."""
        if not self._tokens.get():
            return None
        while True:
            for lane in self._lanes:
                try:
                    return lane.popleft()
                except IndexError:
                    pass  # another thread was quicker, and left one in a lane behind or before


def _break(error):
    """What all tasks fail with if the initializer did."""
    broken = InitializerError(f'the initializer failed: {error!r}')
    broken.__cause__ = error
    return broken


def _work(tasks, initializer, initargs):
    """A thread: it does not hold the pool, so that a dropped pool ends."""
    broken = None
    if initializer is not None:
        try:
            initializer(*initargs)
        except BaseException as error:
            broken = _break(error)
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

    def __init__(self, initializer=None, initargs=(), *, capture_output=False, trace=False):
        super().__init__(trace)
        self._captures = capture_output
        self._broken = None
        if initializer is not None:
            if not callable(initializer):
                raise TypeError('initializer must be a callable')
            try:
                initializer(*initargs)
            except Exception as error:
                self._broken = _break(error)

    def _size(self):
        return 1

    def _give(self, result):
        if self._broken is not None:
            result._settle(False, self._broken)
        else:
            result._run()

    def _check_limit(self, name, value):
        if not value > 0:
            raise ValueError(f'{name} must be above 0, not {value!r}')

    @contextlib.contextmanager
    def _captured(self, result):
        if not self._captures or result._parts:
            yield
            return
        text = io.StringIO()
        try:
            with contextlib.redirect_stdout(text), contextlib.redirect_stderr(text):
                yield
        finally:
            result._output += text.getvalue()

    def _imap(self, func, iterable, chunksize, ordered, buffersize, options):
        return super()._imap(func, iterable, chunksize, ordered, 1, options)

    def resize(self, processes):
        """There are no workers; what is given to other pools may be given here, too."""
        if operator.index(processes) < 1:
            raise ValueError('Number of processes must be at least 1')

    def close(self):
        if self._state == RUN:
            self._state = CLOSE

    def terminate(self):
        self._state = TERMINATE

    def join(self):
        if self._state == RUN:
            raise ValueError('Pool is still running')
