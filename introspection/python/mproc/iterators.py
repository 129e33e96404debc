# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""What imap() and imap_unordered() give: results of a stream of tasks, taken one by one.

There is no thread that reads the input. Whoever takes a result, or waits for something else of the
pool, reads a little of it first: one thread at a time, and one at a time takes results.

A signal handler may raise an exception, KeyboardInterrupt above all, and the program may go on
with the iterator. It loses no item, no task and no result by that, and nothing stays held: see
turns.py for how that is written. What an interruption does to the input is the input's affair: a
generator that it hits ends there.
"""

import collections
import functools
import itertools
from threading import get_ident
from time import monotonic

from gi.overrides._MpErrors import OK

from .errors import TimeoutError
from .results import new_stream
from .turns import Bell

# How many tasks of an iterator are on their way at once, per worker.
AHEAD = 16


class _Broken:
    """Stands where a task could not be given: the input raised, or an item cannot travel."""

    def __init__(self, error):
        self.error = error


# Takes anything and keeps nothing.
_sink = collections.deque(maxlen=0)


def _move(submit, pending, add):
    """As the accelerator's Submitter.move(): gives a task for what is first in @pending, or tells
    why not. Here an interruption may have a task done twice, of which one result counts."""
    try:
        part = submit(pending[0])
    except Exception as error:
        return error
    sink = _sink
    sink += map(add, (part,))       # a call with no instant after it
    del pending[0]


class IMapIterator:
    """Results in the order of their tasks. Of the input, AHEAD tasks per worker are given ahead
    of what was taken; more when the pool is joined, which has to give them all. A task is a list of
    items, or with chunksize None one item."""

    def __init__(self, pool, submit, iterable, chunksize, buffersize=None):
        self._pool = pool
        self._input = iter(iterable)        # None when it has ended
        self._problem = None                # what it raised then
        self._chunksize = chunksize
        self._chunk = []
        self._pending = collections.deque()     # what was read, and is to be given next
        self._move = getattr(submit, 'move', None) or functools.partial(_move, submit)
        self._hungry = True                 # until all is given
        self._ahead = buffersize or AHEAD * pool._mp.get_n_workers()
        # To give many at once wakes workers less often than to give one for each result taken.
        self._few = self._ahead - 1 if buffersize else self._ahead // 2
        # And to read some at once costs less than one after the other.
        self._batch = self._ahead // 4 if chunksize is None else 0
        self._parts = collections.deque()       # tasks that were given
        self._values = collections.deque()      # what comes next
        self._add = self._get_add()
        self._taker = self._reader = None       # threads, by their numbers
        self._bell = Bell()
        pool._feeding.append(self)
        self._feed()

    def __iter__(self):
        return self

    def next(self, timeout=None):
        """The next result. TimeoutError if it is not there in time (seconds)."""
        end = None if timeout is None else monotonic() + timeout
        values = self._values
        me = get_ident()
        while self._taker not in (None, me):
            self._await_turn(end)
        outer, self._taker = self._taker, me    # it may be its own input that asks
        try:
            while not values:
                self._take_values(end)
            value = values[0]
            broken = type(value) is _Broken
            if self._bell.n_waiting:
                self._bell.ring()
            del values[0]
        finally:
            self._taker = outer
        if broken:
            raise value.error
        return value

    # Not a function of its own, in whose call of the other one the result could be lost.
    __next__ = next

    def _await_turn(self, end):
        if end is not None and monotonic() >= end:
            raise TimeoutError
        self._bell.wait(end)

    # ── Taking ──────────────────────────────────────────────────────────────────────────────────

    def _take_values(self, end):
        """Reads what comes next, and a little of what is there besides."""
        if self._hungry:
            self._feed()
        if not self._n_here() and not self._await_part(end):
            raise StopIteration
        self._await_first(None if end is None else max(0, end - monotonic()))
        if self._hungry and self._ahead > 1:
            self._feed(1)
        for _ in range(1 + self._batch):
            queue = self._first_ready()
            if queue is None:
                break
            self._read(queue)

    def _read(self, queue):
        part = queue[0]
        if type(part) is _Broken:
            value, several = part, False
        else:
            good, value = part.outcome()
            several = good and self._chunksize is not None
            if not good:
                value = _Broken(value)
        self._values += value if several else (value,)
        del queue[0]

    def _await_part(self, end):
        """Waits while another thread reads the input. Whether there is a part then."""
        while not self._n_here() and self._hungry:
            if self._reader == get_ident():
                break       # the input asks for its own results
            if self._reader is not None:
                self._await_turn(end)
            self._feed()
        return self._n_here() > 0

    def _n_here(self):
        return len(self._parts)

    def _get_add(self):
        """What takes a task that was given."""
        return self._parts.append

    def _await_first(self, timeout):
        part = self._parts[0]
        if type(part) is not _Broken and not part.is_ready():
            if self._pool._wait(part.wait_raw, timeout) != OK:
                raise TimeoutError
        elif self._pool._calls:
            self._pool._gather()

    def _first_ready(self):
        """Where the next part is that can be read, at the head."""
        parts = self._parts
        return parts if parts and (type(parts[0]) is _Broken or parts[0].is_ready()) else None

    def next_async(self, cancellable=None, callback=None, *data):
        """Waits in the main loop for the next result and then calls
        callback(iterator, waiting, *data), which gets it from next_finish(waiting)."""
        from .mainloop import Waiting
        waiting = Waiting(self, cancellable, callback, data)
        if not self._values and self._hungry:
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

    # ── Giving ──────────────────────────────────────────────────────────────────────────────────

    def _n_ahead(self):
        return len(self._parts) + (self._batch and len(self._values))

    def _feed(self, n_taken=0):
        """If few are ahead, beside @n_taken, gives tasks until enough are, or the input ends."""
        if self._pool._is_over():
            self._hungry = False
        enough = self._n_ahead() - n_taken > self._few
        me = get_ident()
        if enough or not self._hungry or self._reader is not None:
            return
        self._reader = me
        try:
            while self._hungry and self._n_ahead() - n_taken < self._ahead:
                self._give()
        finally:
            self._reader = None
        if self._bell.n_waiting:
            self._bell.ring()

    def _feed_all(self):
        self._ahead = self._few = float('inf')
        self._feed()
        while self._hungry and self._reader != get_ident():
            if self._reader is not None:
                self._bell.wait()
            self._feed()

    def _give(self):
        """One step: reads what makes a task, and gives that; when all is given, ends this."""
        if not self._pending:
            if self._input is not None:
                self._read_input()
            if self._chunk:
                self._read_chunk()
        if self._pending:
            self._give_task()
        elif self._input is None:
            self._end_feeding()

    def _read_input(self):
        """Reads an item. Nothing but the input raises inside of the try."""
        into = self._pending if self._chunksize is None else self._chunk
        try:
            for item in self._input:
                into += (item,)
                return
            self._input = None
        except Exception as error:
            self._input, self._problem = None, error

    def _read_chunk(self):
        while len(self._chunk) < self._chunksize and self._input is not None:
            self._read_input()
        self._pending += (self._chunk,)
        self._chunk = []

    def _give_task(self):
        error = self._move(self._pending, self._add)
        if error is not None:
            broken = _Broken(error)
            self._parts += (broken,)
            del self._pending[0]

    def _end_feeding(self):
        pool = self._pool
        problem = None if self._problem is None else _Broken(self._problem)
        if self in pool._feeding:
            pool._feeding.remove(self)
        pool._close_if_fed()
        if problem is not None:
            self._parts += (problem,)
        self._hungry = False


class IMapUnorderedIterator(IMapIterator):
    """Results as they come. What could not be given comes last."""

    def __init__(self, *arguments):
        self._stream = new_stream()         # tasks that are on their way
        self._came = collections.deque()    # those that have come
        self._waiting = None                # who waits in the main loop
        self._is_taking = False
        super().__init__(*arguments)

    def _get_add(self):
        return self._stream.add

    def _n_ahead(self):
        return len(self._stream) + len(self._came) + (self._batch and len(self._values))

    def _n_here(self):
        return len(self._stream) + len(self._came) + len(self._parts)

    def _await_first(self, timeout):
        if self._came or not len(self._stream):
            return
        if self._take_from_stream(0) == OK:
            if self._pool._calls:
                self._pool._gather()
        elif self._pool._wait(self._take_from_stream, timeout) != OK:
            raise TimeoutError

    def _first_ready(self):
        if self._came or len(self._stream) and self._take_from_stream(0) == OK:
            return self._came
        return self._parts if self._parts and not len(self._stream) else None

    def _take_from_stream(self, usec):
        return self._stream.next_into(usec, self._came)

    def _wait_in_loop(self, waiting):
        if self._values or self._came or not len(self._stream):
            waiting.end_later()
            return
        self._waiting = waiting
        if not self._is_taking:
            from .mainloop import next_of
            self._is_taking = True
            next_of(self._stream, self._take)

    def _take(self, part):
        self._is_taking = False
        self._came += (part,)
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.end()
