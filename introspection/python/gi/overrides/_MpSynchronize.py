# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""What Mp.Semaphore, Mp.BoundedSemaphore, Mp.Event and Mp.Barrier do in Python.

Names, signatures, exceptions and texts are those of multiprocessing.synchronize. Waiting is done in
pieces, as in _MpSync: Ctrl-C ends every wait.
"""

import operator
from threading import BrokenBarrierError
from time import monotonic

from gi.overrides import _MpCodec, _MpErrors, _MpSync
from gi.overrides._MpErrors import BROKEN, INTERRUPTED, OK, TIMED_OUT, from_status
import gi.repository

MAX_VALUE = 2**31 - 1


def check_value(value):
    """What a semaphore can be made with."""
    value = operator.index(value)
    if value < 0:
        raise ValueError('semaphore initial value must be >= 0')
    if value > MAX_VALUE:
        raise OverflowError(f'semaphore initial value must be <= {MAX_VALUE}')
    return value


def check_parties(parties):
    """What a barrier can be made with."""
    parties = operator.index(parties)
    if parties < 1:
        raise ValueError('parties must be > 0')
    if parties > 0xffffffff:
        raise OverflowError('parties is too large')
    return parties


class SemaphoreMethods(_MpSync.Acquired):
    def __repr__(self):
        name, parenthesis, rest = self.to_string().partition('(')
        return f'<{type(self).__name__}({rest}' if parenthesis else name


class BoundedSemaphoreMethods(SemaphoreMethods):
    """The same; only the texts and limits of the library differ."""


class EventMethods:
    def set(self):
        """Releases all who wait."""
        with _MpErrors.translated:
            super().set()

    def clear(self):
        """Who waits from now on waits until it is set again."""
        with _MpErrors.translated:
            super().clear()

    def wait(self, timeout=None):
        """Waits until it is set, or was since the call; False if not in time (seconds)."""
        ticket = self.wait_begin()
        status = _MpSync.wait(lambda usec: self.wait_raw(ticket, usec), timeout)
        if status == OK:
            return True
        if status == TIMED_OUT:
            return False
        raise from_status(status)

    def __repr__(self):
        state = 'set' if self.is_set() else 'unset'
        return f'<{type(self).__qualname__} at {id(self):#x} {state}>'


def open_barrier(handle, action):
    barrier = gi.repository.Mp.Shared.open(handle)
    barrier._action = action
    return barrier


class BarrierMethods:
    _action = None

    parties = property(lambda self: self.get_parties(), doc='How many have to arrive.')
    n_waiting = property(lambda self: self.get_n_waiting(), doc='How many have arrived.')
    broken = property(lambda self: self.is_broken(), doc='Whether waiting would fail.')

    def wait(self, timeout=None):
        """Arrives and waits for the others; gives how many were there before.

        BrokenBarrierError if anyone gave up, died, or broke the barrier by abort() or reset()."""
        if timeout is None and self.get_timeout() >= 0:
            timeout = self.get_timeout()
        end = None if timeout is None else monotonic() + timeout
        status = INTERRUPTED
        while status == INTERRUPTED:
            status, ticket, index = self.wait_begin(_MpSync.remaining(end))
        if status == OK:
            status = self._meet(ticket, index, end)
        if status == OK:
            return index
        if status in (BROKEN, TIMED_OUT):
            raise BrokenBarrierError
        raise from_status(status)

    def _meet(self, ticket, index, end):
        """Having arrived: the last one acts and releases the others, who wait for that."""
        try:
            if index + 1 == self.get_parties():
                if self._action is not None:
                    self._action()
                return self.wait_end(ticket, True)
            status = INTERRUPTED
            while status == INTERRUPTED:
                status = self.wait_raw(ticket, _MpSync.remaining(end))
            return status
        except BaseException:
            self.wait_end(ticket, False)
            raise

    def reset(self):
        """As it was at first; who waits gets BrokenBarrierError."""
        with _MpErrors.translated:
            super().reset()

    def abort(self):
        """Breaks the barrier."""
        with _MpErrors.translated:
            super().abort()

    def __reduce_ex__(self, protocol):
        function, (handle, *rest) = _MpCodec.reduce_shared(self)
        if self._action is None:
            return function, (handle, *rest)
        return open_barrier, (handle, self._action)

    def __repr__(self):
        head = f'<mproc.synchronize.{type(self).__qualname__} at {id(self):#x}: '
        if self.broken:
            return head + 'broken>'
        return head + f'waiters={self.n_waiting}/{self.parties}>'
