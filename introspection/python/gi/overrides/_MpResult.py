# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""Mp.Pool and Mp.Result in Python: values in and out, and a task's own exception.

A task that failed left a dictionary: of a GError its domain and code, of an exception its language,
type, text and traceback, and, if its language could store it, the exception itself.
"""

from gi.overrides import _MpCodec
from gi.overrides._MpErrors import (DOMAIN, OK, TIMED_OUT, Cancelled, RemoteError, RemoteTraceback,
                                    TimeoutError, WorkerDied, from_code, from_status, translated)
from gi.overrides._MpSync import wait
from gi.repository import GLib

# MpFunctionKind
NAMED = 1

# GIOErrorEnum
IO_CANCELLED = 19


def _failure(details, status):
    """The exception for the a{sv} that a task failed with."""
    if details is None:
        return from_status(status)
    domain = _text(details, 'domain')
    if not domain:
        return _remote_exception(details)
    code = details.lookup_value('code', None).get_int32()
    message = _text(details, 'message')
    if domain == DOMAIN:
        return _with_details(from_code(code, message), details)
    if domain == 'g-io-error-quark' and code == IO_CANCELLED:
        return Cancelled(message)
    return GLib.Error(message, domain, code)


def _with_details(error, details):
    if isinstance(error, WorkerDied):
        error.pid = _number(details, 'pid')
        error.signal = _number(details, 'signal')
        error.exitcode = _number(details, 'exit-code')
    return error


def _number(details, key):
    value = details.lookup_value(key, None)
    return None if value is None else value.get_int32()


def _remote_exception(details):
    error = None
    data = details.lookup_value('exception', None)
    if data is not None and _text(details, 'language') == 'python' and data.n_children():
        try:
            error = _MpCodec.loads(data.get_data_as_bytes().get_data())
        except Exception:
            error = None
    if not isinstance(error, BaseException):
        parts = [_text(details, 'type'), _text(details, 'message')]
        error = RemoteError(': '.join(filter(None, parts)))
    traceback = _text(details, 'traceback')
    if traceback:
        error.__cause__ = RemoteTraceback(traceback)
    return error


def _text(details, key):
    value = details.lookup_value(key, None)
    return '' if value is None else value.get_string()


class ResultMethods:
    def wait(self, timeout=None):
        """Whether it is ready, after so many seconds at most."""
        status = wait(self.wait_raw, timeout)
        if status in (OK, TIMED_OUT):
            return status == OK
        raise from_status(status)

    def outcome(self):
        """(True, the value) or (False, the exception); only when ready."""
        status, encoding, data = self.get_data(_MpCodec.PICKLE)
        try:
            if status == OK:
                return True, _MpCodec.decode(encoding, data)
            return False, _failure(self.get_error_details(), status)
        except Exception as error:
            return False, error

    def get(self, timeout=None):
        """The value; the exception of the task is raised here."""
        if not self.wait(timeout):
            raise TimeoutError
        good, value = self.outcome()
        if good:
            return value
        raise value


class PoolMethods:
    def submit_named(self, name, argument=None):
        """Gives a task for a function that the workers know by name; its Mp.Result."""
        encoding, data, met = _MpCodec.encode(argument)
        with translated:
            return _MpCodec.attached(met, self.submit_data, NAMED, name.encode(), 0, encoding,
                                     data)

    def join(self, timeout=None):
        """Waits until the workers have ended. False if that did not come in time."""
        status = wait(self.join_raw, timeout)
        if status in (OK, TIMED_OUT):
            return status == OK
        raise from_status(status)
