# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""The exceptions of mproc in Python, and how an error of the C library becomes one of them.

They live here because the override needs them and must not import the package; programs see and
catch them as `mproc.WorkerDied` and so on, and that is the name they show. Nothing here touches a
process: it runs anywhere.
"""

import builtins
import errno
import os
import queue
import threading

from gi.repository import GLib

# MpStatus, what the raw calls return.
OK, TIMED_OUT, CLOSED, INTERRUPTED, CANCELLED = range(5)
NO_SPACE, NOT_PLAIN, NOT_OWNER, INVALID, FAILED, BROKEN, INVALID_DATA = range(5, 12)

# The domain of MpError, and the one of its codes that must be told apart here.
DOMAIN = 'mp-error-quark'
NOT_OWNER_CODE = 10

# Python has it from 3.13 on.
_SHUT_DOWN_BASES = (queue.ShutDown, ValueError) if hasattr(queue, 'ShutDown') else (ValueError,)


class ProcessError(Exception):
    """The base of what is mproc's own."""


class TimeoutError(ProcessError, builtins.TimeoutError):
    """A result was not there in time."""


class BufferTooShort(ProcessError):
    """A message is longer than the buffer given for it."""


class AuthenticationError(ProcessError):
    """The other side does not know the key."""


class WorkerDied(ProcessError):
    """The worker that ran the task ended before the task was done; the message tells how.

    `pid` is the worker's; `signal` is the one that ended it, or `exitcode` what it exited with."""

    pid = signal = exitcode = None


class TimeLimitExceeded(WorkerDied):
    """The task ran longer than its limit, and its worker was killed."""


class SoftTimeLimitExceeded(ProcessError):
    """Raised in a task that has run longer than its soft limit; it may clean up and return."""


class MemoryLimitExceeded(WorkerDied):
    """The worker became bigger than its pool allows, and was killed."""


class Cancelled(ProcessError):
    """The task was cancelled."""


class Terminated(ProcessError):
    """The pool was terminated before the task was done."""


class RemoteError(ProcessError):
    """Code in another process failed with something that cannot be raised here."""


class InitializerError(RemoteError):
    """The initializer of a pool failed in the worker; its traceback is the cause."""


class NotPlainError(ProcessError, TypeError):
    """The value can only be read by the language that wrote it."""


class NoSpaceError(ProcessError, MemoryError):
    """The family's shared memory has reached its limit."""


class ServerDied(ProcessError, ConnectionError):
    """The server process of a manager is gone."""


class AbandonedError(ProcessError):
    """The process that held the object died while it changed it."""


class NotSupportedError(ProcessError, NotImplementedError):
    """This kernel or language cannot do it; the message tells what to use."""


class NoSuchObjectError(ProcessError, LookupError):
    """What the handle names does not exist any more."""


class NoSuchFunctionError(ProcessError, LookupError):
    """The worker does not know the function."""


class InvalidDataError(ProcessError, ValueError):
    """Bytes that do not decode."""


class StateError(ProcessError, ValueError):
    """The object is not in a state that allows the call, or does not belong to this process."""


class ShutDown(*_SHUT_DOWN_BASES):
    """The queue was shut down, and what was in it has been taken."""


class MaybeEncodingError(ProcessError):
    """The result of a task cannot be sent back."""


class RemoteTraceback(Exception):
    """The cause of an exception that was raised in another process: its traceback there."""

    def __init__(self, text):
        super().__init__(text)
        self.text = text

    def __str__(self):
        return f'\n"""\n{self.text}"""'


OWN = [ProcessError, TimeoutError, BufferTooShort, AuthenticationError, WorkerDied,
       TimeLimitExceeded, SoftTimeLimitExceeded, MemoryLimitExceeded, Cancelled, Terminated,
       RemoteError, InitializerError, NotPlainError, NoSpaceError, ServerDied, AbandonedError,
       NotSupportedError, NoSuchObjectError, NoSuchFunctionError, InvalidDataError, StateError,
       ShutDown, MaybeEncodingError, RemoteTraceback]
for _class in OWN:
    _class.__module__ = 'mproc'

# MpError, in the order of its members.
_BY_CODE = [ProcessError, queue.Empty, queue.Full, ShutDown, TimeoutError, NoSpaceError,
            NotPlainError, InvalidDataError, ValueError, StateError, AssertionError,
            NotSupportedError, NoSuchObjectError, NoSuchFunctionError, LookupError, WorkerDied,
            RemoteError, Terminated, ServerDied, AbandonedError, threading.BrokenBarrierError,
            TimeLimitExceeded, MemoryLimitExceeded, AuthenticationError, BufferTooShort]

_BY_STATUS = {
    TIMED_OUT: (TimeoutError, 'the operation timed out'),
    CLOSED: (ShutDown, 'the object is closed'),
    CANCELLED: (ProcessError, 'the operation was cancelled'),
    NO_SPACE: (NoSpaceError, 'the shared memory has reached its limit'),
    NOT_PLAIN: (NotPlainError, 'the value can only be read by the language that wrote it'),
    NOT_OWNER: (AssertionError, 'the lock is not held by the caller'),
    INVALID: (StateError, 'the object cannot be used here'),
    FAILED: (ProcessError, 'the operation failed'),
    BROKEN: (threading.BrokenBarrierError, 'the barrier is broken'),
    INVALID_DATA: (InvalidDataError, 'the value does not decode'),
}

# What GIO tells of errno, as far as a caller is likely to act on it.
_ERRNO = {
    'NOT_FOUND': errno.ENOENT, 'EXISTS': errno.EEXIST, 'PERMISSION_DENIED': errno.EACCES,
    'NO_SPACE': errno.ENOSPC, 'INVALID_ARGUMENT': errno.EINVAL, 'BUSY': errno.EBUSY,
    'WOULD_BLOCK': errno.EAGAIN, 'TOO_MANY_OPEN_FILES': errno.EMFILE,
    'NOT_SUPPORTED': errno.ENOTSUP, 'BROKEN_PIPE': errno.EPIPE,
    'CONNECTION_REFUSED': errno.ECONNREFUSED, 'TIMED_OUT': errno.ETIMEDOUT,
    'ADDRESS_IN_USE': errno.EADDRINUSE, 'NOT_CONNECTED': errno.ENOTCONN,
    'IS_DIRECTORY': errno.EISDIR, 'NOT_DIRECTORY': errno.ENOTDIR,
}


def from_code(code, message):
    """The exception for one of the codes of MP_ERROR."""
    kind = _BY_CODE[code] if 0 <= code < len(_BY_CODE) else ProcessError
    return kind(message)


def from_status(status, message=None):
    """The exception for a raw call that did not end well."""
    kind, text = _BY_STATUS.get(status, (ProcessError, f'unknown status {status}'))
    return kind(message or text)


def _find_errno(message):
    """GIO has one code for several errnos; the library ends its message with the errno's text."""
    text = message.rpartition(': ')[2]
    for number in errno.errorcode:
        if os.strerror(number) == text:
            return number
    return None


def from_glib(error):
    """The exception for a GLib.Error: an own one, an OSError, or the error itself."""
    if error.domain == DOMAIN:
        return from_code(error.code, error.message)
    if error.domain == 'g-io-error-quark':
        from gi.repository import Gio
        nick = Gio.IOErrorEnum(error.code).value_nick.upper().replace('-', '_')
        number = _find_errno(error.message) or _ERRNO.get(nick)
        return OSError(number, error.message) if number else OSError(error.message)
    return error


class _Translated:
    """`with translated:` turns the errors of C into exceptions."""

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if isinstance(error, GLib.Error):
            raise from_glib(error) from None
        return False


translated = _Translated()
