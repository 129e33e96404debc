# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""What a pool gives for a task: AsyncResult for one or a list, iterators for a stream.

A result consists of parts, the library's Mp.Results: one per task. They belong to the pool's owner
process; any of its threads may wait for them.

With the accelerator the parts are its Tasks, which have the same methods, and the result of
apply_async() is a Task itself: a million of them may wait.
"""

import collections
import itertools
import pickle
import sys
import threading
import traceback
from time import monotonic

from gi.overrides import _MpCodec, _MpFast, _MpResult, _MpShield
from gi.overrides._MpErrors import CLOSED, OK
from gi.repository import Mp

from .errors import TimeoutError

# How many tasks of an iterator are on their way at once, per worker.
AHEAD = 16

# How long a thread that takes results waits for one that reads the input, before it looks again.
LOOK = 0.1


_native = _MpFast.native

if _native is not None:
    _native.setup_pool(decode=_MpCodec.decode, failure=_MpResult.failure,
                       timeout_error=TimeoutError, deferred=_MpShield.deferred,
                       raise_deferred=_MpShield.raise_deferred, pickler=pickle.Pickler)


def _slice(end):
    return LOOK if end is None else max(0, min(LOOK, end - monotonic()))


def new_stream():
    """Gives parts as they become ready."""
    return Mp.ResultIterator.new(False) if _native is None else _native.Stream()


class AsyncResult:
    """The result of apply_async(), map_async() and starmap_async()."""

    __slots__ = ()

    def successful(self):
        """Whether it is there without an exception; only when ready."""
        if not self.ready():
            raise ValueError(f'{self!r} not ready')
        return self._fetch()[0]

    def get_async(self, cancellable=None, callback=None, *data):
        """Waits in the main loop and then calls callback(result, waiting, *data), which gets the
        value from get_finish(waiting). The cancellable ends the waiting, and no task."""
        from .mainloop import Waiting
        Waiting(self, cancellable, callback, data).for_parts(self._get_parts())

    def get_finish(self, waiting):
        """In the callback of get_async(): the value; the exception of the task is raised here."""
        waiting.check()
        return self.get()

    def _get_parts(self):
        return (self,)

    def _has_failed_early(self):
        """Whether it is over though not all parts are ready."""
        return False

    def _call_back(self, callback, error_callback):
        good, value = self._fetch()
        call = callback if good else error_callback
        if call is None:
            return
        try:
            call(value)
        except Exception:
            print(f'Exception in the callback {call!r} of a pool:', file=sys.stderr)
            traceback.print_exc()


class PartsResult(AsyncResult):
    """One that consists of the results of several tasks."""

    def __init__(self, pool, parts, callback, error_callback):
        self._pool = pool
        self._parts = self._kept = parts
        self._outcome = None
        self._early = {}        # part: its outcome, read while others were waited for
        self._callbacks = callback, error_callback
        self._left = len(parts)
        if callback or error_callback:
            if parts:
                pool._watch(self, parts)
            else:
                self._call_back(*self._callbacks)

    def ready(self):
        """Whether it is there, or has failed."""
        self._pool._gather()
        return self._outcome is not None or self._has_failed_early() \
            or all(part.is_ready() for part in self._parts)

    def wait(self, timeout=None):
        """Waits until it is ready, or for so many seconds."""
        if self._outcome is None:
            self._pool._wait(self._wait_raw, timeout)

    def get(self, timeout=None):
        """The value; the exception of the task is raised here."""
        self.wait(timeout)
        if self._outcome is None and not all(part.is_ready() for part in self._parts):
            raise TimeoutError
        good, value = self._fetch()
        if good:
            return value
        raise value

    def cancel(self):
        """Cancels what is not done: what is queued is dropped, what runs is stopped. Whether there
        was anything."""
        return any([part.cancel() for part in self._parts])

    @property
    def output(self):
        """What its tasks printed, if the pool captures that."""
        return ''.join(part.dup_output() or '' for part in self._kept)

    @property
    def progress(self):
        """How much is done, from 0 to 1, as far as the tasks have told."""
        self._pool._gather()
        parts = [part.get_progress() if not part.is_ready() else 1.0 for part in self._kept]
        return sum(parts) / len(parts) if parts else 1.0

    @property
    def progress_text(self):
        """What the task is at, as it told by report_progress()."""
        self._pool._gather()
        return next((text for text in (part.dup_progress_text() for part in self._kept) if text),
                    None)

    def _n_items(self):
        """How many parts are done, and how many there are."""
        return sum(part.is_ready() for part in self._kept), len(self._kept)

    def _get_parts(self):
        return self._parts

    def _wait_raw(self, usec):
        # One part after the other: those after the first are mostly there when it is.
        for part in self._parts:
            if not part.is_ready():
                status = part.wait_raw(usec)
                if status != OK:
                    return status
                usec = 0
            self._read_early(part)
        return OK

    def _read_early(self, part):
        """What is there is read while the rest is still at work."""
        if len(self._parts) > 1 and part not in self._early:
            self._early[part] = part.outcome()

    def _fetch(self):
        if self._outcome is None:
            early = self._early
            self._outcome = self._combine([early.get(part) or part.outcome()
                                           for part in self._parts])
            self._parts = ()
            self._early = {}
        return self._outcome

    def _part_came(self):
        self._left -= 1
        if self._left == 0:
            self._call_back(*self._callbacks)


class _SlowApplyResult(PartsResult):
    def _combine(self, outcomes):
        return outcomes[0]


if _native is None:
    ApplyResult = _SlowApplyResult

    def make_apply_result(pool, part, callback, error_callback):
        return ApplyResult(pool, [part], callback, error_callback)
else:
    class ApplyResult(_native.Task, AsyncResult):
        """The result of apply_async(): one task, which is all it has."""

        __slots__ = ('__weakref__',)

        def ready(self):
            self._pool._gather()
            return self._was_read or self.is_ready()

        @property
        def output(self):
            return self.dup_output() or ''

        @property
        def progress(self):
            self._pool._gather()
            return 1.0 if self.is_ready() else self.get_progress()

        @property
        def progress_text(self):
            self._pool._gather()
            return self.dup_progress_text() or None

        def _n_items(self):
            return int(self.is_ready()), 1

    class _WatchedResult(ApplyResult):
        """One with a callback."""

        __slots__ = ('_callbacks',)

        def _part_came(self):
            self._call_back(*self._callbacks)

    def make_apply_result(pool, part, callback, error_callback):
        if not callback and not error_callback:
            return ApplyResult(part, pool)
        result = _WatchedResult(part, pool)
        result._callbacks = callback, error_callback
        pool._watch(result, [result])
        return result


class MapResult(PartsResult):
    def __init__(self, pool, parts, callback, error_callback, stop_on_error=False):
        self._stream = None
        if stop_on_error:
            self._stream = new_stream()
            for part in parts:
                self._stream.add(part)
        super().__init__(pool, parts, callback, error_callback)

    def _wait_raw(self, usec):
        """With stop_on_error: the first part that failed, in time, ends it."""
        while self._stream is not None:
            status, part = self._stream.next_raw(usec)
            if status not in (OK, CLOSED):
                return status
            if part is None or status == CLOSED:
                self._stream = None
            elif not part.is_successful():
                self._stream = None
                self._outcome = part.outcome()
                self.cancel()
                self._parts = ()
                return OK
        return super()._wait_raw(usec)

    def _has_failed_early(self):
        return self._stream is not None and self._wait_raw(0) == OK

    def _combine(self, outcomes):
        values = []
        for good, value in outcomes:
            if not good:
                return False, value
            values += value
        return True, values


class _Broken:
    """Stands where a task could not be given: the input raised, or an item cannot travel."""

    def __init__(self, error):
        self.error = error


class IMapIterator:
    """Results in the order of their tasks. Of the input, AHEAD tasks per worker are given ahead
    of what was taken; more when the pool is joined, which has to give them all. A task is a list of
    items, or with chunksize None one item.

    Any thread may take results. The input is read by one at a time, and that may be one which waits
    for something else of the pool."""

    def __init__(self, pool, submit, iterable, chunksize, buffersize=None):
        self._pool = pool
        self._submit = submit
        self._input = iter(iterable)
        self._chunksize = chunksize
        self._give = self._give_item if chunksize is None else self._give_chunk
        self._ahead = buffersize or AHEAD * pool._mp.get_n_workers()
        # To give many at once wakes workers less often than to give one for each result taken.
        self._few = self._ahead - 1 if buffersize else self._ahead // 2
        # And to read some at once costs less than one after the other.
        self._batch = self._ahead // 4 if chunksize is None else 0
        self._values = collections.deque()
        self._parts = collections.deque()
        self._taking = threading.RLock()
        self._reading = threading.Lock()
        self._reader = None         # the thread that has that
        pool._feeding.append(self)
        self._feed()

    def __iter__(self):
        return self

    def __next__(self):
        return self.next()

    def next(self, timeout=None):
        """The next result. TimeoutError if it is not there in time (seconds)."""
        end = None if timeout is None else monotonic() + timeout
        if not self._taking.acquire(timeout=-1 if end is None else min(max(timeout, 0), 1e6)):
            raise TimeoutError
        try:
            while not self._values:
                self._take_values(end)
            value = self._values.popleft()
        finally:
            self._taking.release()
        if type(value) is _Broken:
            raise value.error
        return value

    def _take_values(self, end):
        """Reads what comes next, and a little of what is there besides."""
        if self._input is not None:
            self._feed()
        if not self._n_here() and not self._await_part(end):
            raise StopIteration
        part = self._next_part(None if end is None else max(0, end - monotonic()))
        if part is None:
            return
        if self._input is not None and self._ahead > 1:
            self._feed_after(part)
        self._read(part)
        for _ in range(self._batch):
            part = self._next_ready()
            if part is None:
                break
            self._read(part)

    def _feed_after(self, part):
        try:
            self._feed()
        except BaseException:
            self._put_back(part)
            raise

    def _read(self, part):
        """An exception of somebody else's, such as KeyboardInterrupt, costs no result."""
        if type(part) is _Broken:
            self._values.append(part)
            return
        try:
            good, value = part.outcome()
        except BaseException:
            self._put_back(part)
            raise
        if not good:
            self._values.append(_Broken(value))
        elif self._chunksize is None:
            self._values.append(value)
        else:
            self._values.extend(value)

    def _await_part(self, end):
        """Waits while another thread reads the input. Whether there is a part then."""
        while not self._n_here() and self._input is not None:
            if self._reader == threading.get_ident():
                break       # the input asks for its own results
            if self._reading.acquire(timeout=_slice(end)):
                self._reading.release()
                self._feed()
            elif end is not None and monotonic() >= end and not self._n_here():
                raise TimeoutError
        return self._n_here() > 0

    def _n_here(self):
        return len(self._parts)

    def _next_part(self, timeout):
        part = self._parts[0]
        if type(part) is not _Broken and not part.is_ready():
            if self._pool._wait(part.wait_raw, timeout) != OK:
                raise TimeoutError
        elif self._pool._calls:
            self._pool._gather()
        return self._parts.popleft()

    def _next_ready(self):
        parts = self._parts
        return parts.popleft() if parts and (
            type(parts[0]) is _Broken or parts[0].is_ready()) else None

    def _put_back(self, part):
        self._parts.appendleft(part)

    def next_async(self, cancellable=None, callback=None, *data):
        """Waits in the main loop for the next result and then calls
        callback(iterator, waiting, *data), which gets it from next_finish(waiting)."""
        from .mainloop import Waiting
        waiting = Waiting(self, cancellable, callback, data)
        if not self._values and self._input is not None:
            self._feed()
        self._wait_in_loop(waiting)

    def next_finish(self, waiting):
        """In the callback of next_async(): the next result; StopIteration behind the last."""
        waiting.check()
        return self.next()

    def _has_failed_early(self):
        return False

    def _wait_in_loop(self, waiting):
        parts = list(itertools.islice(self._parts, 1))
        waiting.for_parts(() if self._values or not parts or type(parts[0]) is _Broken else parts)

    def _n_ahead(self):
        return len(self._parts) + (self._batch and len(self._values))

    def _add(self, part):
        self._parts.append(part)

    def _feed(self):
        """If few are ahead, gives tasks until enough are, or the input ends."""
        if self._pool._is_over():
            self._input = None
        if self._input is None or self._n_ahead() > self._few \
                or not self._reading.acquire(blocking=False):
            return
        self._reader = threading.get_ident()
        try:
            while self._input is not None and self._n_ahead() < self._ahead:
                self._give()
        finally:
            self._reader = None
            self._reading.release()

    def _feed_all(self):
        self._ahead = self._few = float('inf')
        self._feed()
        while self._input is not None and self._reader != threading.get_ident():
            with self._reading:     # by another thread
                pass
            self._feed()

    def _give_item(self):
        try:
            item = next(self._input)
        except StopIteration:
            self._end_input()
        except Exception as error:
            self._add(_Broken(error))
            self._end_input()
        else:
            self._give_task(item)

    def _give_chunk(self):
        chunk, problem = [], None
        try:
            for item in self._input:
                chunk.append(item)
                if len(chunk) == self._chunksize:
                    break
        except Exception as error:
            problem = error
        if chunk:
            self._give_task(chunk)
        if problem is not None:
            self._add(_Broken(problem))
        if problem is not None or len(chunk) < self._chunksize:
            self._end_input()

    def _give_task(self, argument):
        try:
            part = self._submit(argument)
        except Exception as error:
            part = _Broken(error)
        self._add(part)

    def _end_input(self):
        self._input = None
        if self in self._pool._feeding:
            self._pool._feeding.remove(self)
            self._pool._close_if_fed()


class IMapUnorderedIterator(IMapIterator):
    """Results as they come."""

    def __init__(self, *arguments):
        self._stream = new_stream()
        self._n_given = self._n_taken = 0
        self._came = collections.deque()    # parts that the main loop has taken
        self._waiting = None                # who waits there
        self._is_taking = False
        super().__init__(*arguments)

    def _n_ahead(self):
        return self._n_given - self._n_taken + (self._batch and len(self._values))

    def _n_here(self):
        return self._n_given - self._n_taken + len(self._parts)

    def _add(self, part):
        if isinstance(part, _Broken):
            self._parts.append(part)
        else:
            self._stream.add(part)
            self._n_given += 1

    def _next_part(self, timeout):
        if self._n_given == self._n_taken:
            return super()._next_part(timeout)
        if not self._came:
            status = self._take_from_stream(0)
            if status == OK:
                if self._pool._calls:
                    self._pool._gather()
            else:
                status = self._pool._wait(self._take_from_stream, timeout)
            if status == CLOSED:    # one was lost in an interruption
                self._n_taken = self._n_given
                return None
            if status != OK:
                raise TimeoutError
        part = self._came.popleft()
        self._n_taken += 1
        return part

    def _next_ready(self):
        if not self._came and (self._n_given == self._n_taken or self._take_from_stream(0) != OK):
            return None
        part = self._came.popleft()
        self._n_taken += 1
        return part

    def _take_from_stream(self, usec):
        if _native is not None:
            return self._stream.next_into(usec, self._came)
        status, part = self._stream.next_raw(usec)
        if status == OK:
            self._came.append(part)
        return status

    def _put_back(self, part):
        if type(part) is _Broken:
            super()._put_back(part)
        else:
            self._came.appendleft(part)
            self._n_taken -= 1

    def _wait_in_loop(self, waiting):
        if self._values or self._came or self._n_given == self._n_taken:
            waiting.end_later()
            return
        self._waiting = waiting
        if not self._is_taking:
            from .mainloop import next_of
            self._is_taking = True
            next_of(self._stream, self._take)

    def _take(self, part):
        self._is_taking = False
        self._came.append(part)
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.end()


def show_progress(result):
    """Waits for a result and shows on stderr how far it is: by tqdm, or in a line of text."""
    try:
        from tqdm import tqdm
    except ImportError:
        _show_text(result)
        return
    with tqdm(total=result._n_items()[1], unit='chunk') as bar:
        while not result.ready():
            bar.update(result._n_items()[0] - bar.n)
            result.wait(0.1)
        bar.update(result._n_items()[0] - bar.n)


def _show_text(result):
    shown = None
    while True:
        ready = result.ready()
        text = '{} of {}'.format(*result._n_items())
        if text != shown:
            print(f'\r{text}', end='', file=sys.stderr, flush=True)
            shown = text
        if ready:
            break
        result.wait(0.1)
    print(file=sys.stderr)
