# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""What a pool gives for a task: AsyncResult for one or a list, iterators for a stream.

A result consists of parts, the library's Mp.Results: one per task. They belong to the pool's owner
process; any of its threads may wait for them.
"""

import collections
import sys
import traceback

from gi.overrides._MpErrors import OK
from gi.repository import Mp

from .errors import TimeoutError

# How many tasks of an iterator are on their way at once, per worker.
AHEAD = 16


class AsyncResult:
    """The result of apply_async(), map_async() and starmap_async()."""

    def __init__(self, pool, parts, callback, error_callback):
        self._pool = pool
        self._parts = parts
        self._outcome = None
        self._callback = callback
        self._error_callback = error_callback
        self._left = len(parts)
        if callback or error_callback:
            if parts:
                pool._watch(self, parts)
            else:
                self._call_back()

    def ready(self):
        """Whether it is there, or has failed."""
        self._pool._gather()
        return self._outcome is not None or all(part.is_ready() for part in self._parts)

    def successful(self):
        """Whether it is there without an exception; only when ready."""
        if not self.ready():
            raise ValueError(f'{self!r} not ready')
        return self._fetch()[0]

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

    def _wait_raw(self, usec):
        # One part after the other: those after the first are mostly there when it is.
        for part in self._parts:
            if not part.is_ready():
                status = part.wait_raw(usec)
                if status != OK:
                    return status
                usec = 0
        return OK

    def _fetch(self):
        if self._outcome is None:
            self._outcome = self._combine([part.outcome() for part in self._parts])
            self._parts = ()
        return self._outcome

    def _part_came(self):
        self._left -= 1
        if self._left == 0:
            self._call_back()

    def _call_back(self):
        good, value = self._fetch()
        call = self._callback if good else self._error_callback
        if call is None:
            return
        try:
            call(value)
        except Exception:
            print(f'Exception in the callback {call!r} of a pool:', file=sys.stderr)
            traceback.print_exc()


class ApplyResult(AsyncResult):
    def _combine(self, outcomes):
        return outcomes[0]


class MapResult(AsyncResult):
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
    of what was taken; more when the pool is joined, which has to give them all."""

    def __init__(self, pool, submit, iterable, chunksize):
        self._pool = pool
        self._submit = submit
        self._input = iter(iterable)
        self._chunksize = chunksize
        self._ahead = AHEAD * pool._mp.get_n_workers()
        self._values = collections.deque()
        self._parts = collections.deque()
        self._reading = False
        pool._feeding.append(self)
        self._feed()

    def __iter__(self):
        return self

    def __next__(self):
        return self.next()

    def next(self, timeout=None):
        """The next result. TimeoutError if it is not there in time (seconds)."""
        while not self._values:
            self._feed()
            part = self._next_part(timeout)
            self._feed()
            if isinstance(part, _Broken):
                raise part.error
            good, value = part.outcome()
            if not good:
                raise value
            self._values.extend(value)
        return self._values.popleft()

    def _next_part(self, timeout):
        if not self._parts:
            raise StopIteration
        if not isinstance(self._parts[0], _Broken):
            if self._pool._wait(self._parts[0].wait_raw, timeout) != OK:
                raise TimeoutError
        return self._parts.popleft()

    def _n_ahead(self):
        return len(self._parts)

    def _add(self, part):
        self._parts.append(part)

    def _feed(self):
        """Gives tasks until enough are ahead, or the input ends."""
        if self._pool._is_over():
            self._input = None
        if self._reading or self._input is None:
            return
        self._reading = True
        try:
            while self._input is not None and self._n_ahead() < self._ahead:
                self._give_one()
        finally:
            self._reading = False

    def _feed_all(self):
        self._ahead = float('inf')
        self._feed()

    def _give_one(self):
        chunk, problem = [], None
        try:
            for item in self._input:
                chunk.append(item)
                if len(chunk) == self._chunksize:
                    break
        except Exception as error:
            problem = error
        if chunk:
            try:
                self._add(self._submit(chunk))
            except Exception as error:
                self._add(_Broken(error))
        if problem is not None:
            self._add(_Broken(problem))
        if problem is not None or len(chunk) < self._chunksize:
            self._end_input()

    def _end_input(self):
        self._input = None
        if self in self._pool._feeding:
            self._pool._feeding.remove(self)
            self._pool._close_if_fed()


class IMapUnorderedIterator(IMapIterator):
    """Results as they come."""

    def __init__(self, *arguments):
        self._stream = Mp.ResultIterator.new(False)
        self._n_given = 0
        super().__init__(*arguments)

    def _n_ahead(self):
        return self._n_given

    def _add(self, part):
        if isinstance(part, _Broken):
            self._parts.append(part)
        else:
            self._stream.add(part)
            self._n_given += 1

    def _next_part(self, timeout):
        if self._n_given == 0:
            return super()._next_part(timeout)
        part = None

        def call(usec):
            nonlocal part
            status, part = self._stream.next_raw(usec)
            return status

        if self._pool._wait(call, timeout) != OK:
            raise TimeoutError
        self._n_given -= 1
        return part
