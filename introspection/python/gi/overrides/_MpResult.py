# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""Mp.Pool and Mp.Result in Python: values in and out, and a task's own exception.

A task that failed left a dictionary: of a GError its domain and code, of an exception its language,
type, text and traceback, and, if its language could store it, the exception itself; of one that
workers of all languages have in common, both.
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


def failure(details, status):
    """The exception for what a task failed with, as a dict; without it, for the status."""
    if details is None:
        return from_status(status)
    if not details.get('domain') or details.get('language') == 'python':
        error = _remote_exception(details)
    else:
        error = _of_domain(details['domain'], details.get('code', 0), details)
    traceback = details.get('traceback')
    if traceback:
        error.__cause__ = RemoteTraceback(traceback)
    return error


def _of_domain(domain, code, details):
    message = details.get('message', '')
    if domain == DOMAIN:
        return _with_details(from_code(code, message), details)
    if domain == 'g-io-error-quark' and code == IO_CANCELLED:
        return Cancelled(message)
    return GLib.Error(message, domain, code)


def _with_details(error, details):
    if isinstance(error, WorkerDied):
        error.pid = details.get('pid')
        error.signal = details.get('signal')
        error.exitcode = details.get('exit-code')
    return error


def _remote_exception(details):
    error = None
    data = details.get('exception')
    if data and details.get('language') == 'python':
        try:
            error = _MpCodec.loads(data)
        except Exception:
            error = None
    if not isinstance(error, BaseException):
        parts = [details.get('type'), details.get('message')]
        error = RemoteError(': '.join(filter(None, parts)))
    return error


def _plain(details):
    """The a{sv} as a dict."""
    if details is None:
        return None
    plain = {}
    for key in details.keys():
        value = details.lookup_value(key, None)
        is_bytes = value.get_type_string() == 'ay'
        plain[key] = value.get_data_as_bytes().get_data() if is_bytes else value.unpack()
    return plain


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
            return False, failure(_plain(self.get_error_details()), status)
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
