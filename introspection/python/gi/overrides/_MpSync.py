# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""Waiting, and what Mp.Lock, Mp.RLock and Mp.Condition do in Python.

Every call that waits uses the raw twin of the C call, which returns a number. INTERRUPTED comes
when a signal arrived, and at the latest after a tenth of a second: being back in the interpreter
runs the handlers, and KeyboardInterrupt leaves the loop by itself.
"""

import operator
import os
import threading
from time import monotonic

from gi.overrides import _MpCodec
from gi.overrides._MpErrors import (DOMAIN, INTERRUPTED, NOT_OWNER, NOT_OWNER_CODE, OK, TIMED_OUT,
                                    from_glib, from_status)
from gi.repository import GLib


def microseconds(block, timeout):
    """What the raw calls take; a time in the past means: do not wait."""
    if not block:
        return 0
    if timeout is None or timeout > 1e9:
        return -1
    return max(0, int(timeout * 1e6))


def remaining(end):
    """The microseconds until the monotonic time @end; without limit if that is None."""
    if end is None or end - monotonic() > 1e9:
        return -1
    return max(0, int((end - monotonic()) * 1e6))


def wait(call, timeout=None):
    """Calls call(usec) until it was not interrupted; returns its status."""
    usec = microseconds(True, timeout)
    end = None if usec < 0 else monotonic() + usec / 1e6
    status = call(usec)
    while status == INTERRUPTED:
        status = call(remaining(end))
    return status


class SharedMethods:
    def __reduce_ex__(self, protocol):
        return _MpCodec.reduce_shared(self)


class _Held:
    """What everything that can be held has."""

    def __enter__(self):
        self.acquire()
        return True

    def __exit__(self, *details):
        self.release()


class Acquired(_Held):
    """What can be acquired and released by itself: locks and semaphores."""

    _not_owner = (ValueError, 'semaphore or lock released too many times')

    def acquire(self, block=True, timeout=None):
        """Takes the lock. False if that was not possible in time (seconds)."""
        usec = microseconds(block, timeout)
        status = self.acquire_raw(usec)
        if status == INTERRUPTED:
            end = None if usec < 0 else monotonic() + usec / 1e6
            while status == INTERRUPTED:
                status = self.acquire_raw(remaining(end))
        if status == OK:
            return True
        if status == TIMED_OUT:
            return False
        raise from_status(status)

    def release(self):
        status = self.release_raw()
        if status != OK:
            if status == NOT_OWNER:
                kind, message = self._not_owner
                raise kind(message)
            raise from_status(status)


class LockMethods(Acquired):
    _counted = False

    abandoned = property(lambda self: self.get_abandoned(),
                         doc='Whether the holder before the present one died with it.')

    def locked(self):
        """Whether anybody holds it now."""
        return self.is_locked()

    def __repr__(self):
        """As the library says it, but with the name that Python has for this thread."""
        text = self.to_string()
        if any(word in text for word in _NOT_MINE):
            return text
        head, comma, count = text[:-2].rpartition(', ') if self._counted else (text[:-2], '', '')
        if threading.get_native_id() != os.getpid():
            head = head.rpartition('|')[0]
        thread = threading.current_thread().name
        if thread != 'MainThread':
            head += '|' + thread
        return f'{head}{comma}{count})>'


_NOT_MINE = ('SomeOther', '=None)', '(None,', 'unknown')


class RLockMethods(LockMethods):
    _counted = True
    _not_owner = (AssertionError, 'attempt to release recursive lock not owned by thread')


class ConditionMethods(_Held):
    abandoned = property(lambda self: self.get_lock().abandoned,
                         doc='Whether the holder of the lock before the present one died with it.')

    def acquire(self, block=True, timeout=None):
        return self.get_lock().acquire(block, timeout)

    def release(self):
        self.get_lock().release()

    def wait(self, timeout=None):
        """Gives the lock back, waits for a notification, takes the lock. False at the timeout."""
        end = None if timeout is None else monotonic() + timeout
        while not self._wait_once(end):
            if end is not None and monotonic() >= end:
                return False
        return True

    def _wait_once(self, end):
        """Whether there was a notification for this thread; it may be woken without one."""
        status, ticket = self.wait_begin()
        if status == NOT_OWNER:
            raise AssertionError('must acquire() condition before using wait()')
        if status != OK:
            raise from_status(status)
        try:
            status = INTERRUPTED
            while status == INTERRUPTED:
                status = self.wait_raw(ticket, remaining(end))
        finally:
            result = self._take_back(ticket)
        if status not in (OK, TIMED_OUT):
            raise from_status(status)
        return result == OK

    def _take_back(self, ticket):
        # Ctrl-C must not leave a `with` block without its lock; a second one does not wait.
        interrupt = None
        status = INTERRUPTED
        while status == INTERRUPTED:
            try:
                status = self.wait_end(ticket)
            except KeyboardInterrupt as error:
                if interrupt is not None:
                    raise
                interrupt = error
        if interrupt is not None:
            raise interrupt
        if status not in (OK, TIMED_OUT):
            raise from_status(status)
        return status

    def wait_for(self, predicate, timeout=None):
        """Waits until predicate() is true, and returns what it returned last."""
        end = None if timeout is None else monotonic() + timeout
        result = predicate()
        while not result:
            left = None if end is None else end - monotonic()
            if left is not None and left <= 0:
                break
            self.wait(left)
            result = predicate()
        return result

    def notify(self, n=1):
        """Wakes up to @n of those who wait."""
        n = operator.index(n)
        if n < 0:
            raise ValueError(f'the number to notify must be >= 0, not {n}')
        self._notify(super().notify, n)

    def notify_all(self):
        self._notify(super().notify_all)

    def _notify(self, call, *arguments):
        try:
            call(*arguments)
        except GLib.Error as error:
            if error.matches(GLib.quark_from_string(DOMAIN), NOT_OWNER_CODE):
                raise AssertionError('lock is not owned') from None
            raise from_glib(error) from None

    def __repr__(self):
        waiters = self.to_string().rpartition(', ')[2].rstrip(')>')
        return f'<{type(self).__name__}({self.get_lock()!r}, {waiters})>'
