# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""Python functions that the library calls, shielded from signal handlers.

A handler runs in the main thread whenever a Python function is entered, so KeyboardInterrupt can
come up in a callback before its first line, where no `try` can be. The exception would be printed
and lost on its way through C, and with it what the callback had to return. A generator that waits
at a `yield` inside of a `try` has no such moment: to call its send() is to be inside already.

What is caught there is raised again as soon as the call of the library has returned.
"""

import operator
import threading


class _Deferred(threading.local):
    def __init__(self):
        self.errors = []


_deferred = _Deferred()

# One item for each exception that any thread has deferred: who finds it empty need not ask further.
deferred = []


class Shield(threading.local):
    """Calls function(argument); gives @failed, and defers the exception, if that raises.

    Each thread has a generator of its own that is ready for the next call, and each call makes the
    next one before anything else: in a forked child the present one never ends."""

    def __init__(self, function, failed):
        self.function = function
        self.failed = failed
        self.prepare()

    # Nothing of a call is Python's until send() resumes the generator.
    __call__ = property(operator.attrgetter('send'))

    def prepare(self):
        call = self.one_call()
        next(call)
        self.send = call.send

    def one_call(self):
        result = self.failed
        try:
            argument = yield
            self.prepare()
            result = self.function(argument)
        except GeneratorExit:
            raise
        except BaseException as error:
            _deferred.errors.append(error)
            deferred.append(None)
            self.prepare()
        yield result


def has_deferred():
    return bool(_deferred.errors)


def forget_deferred():
    del deferred[:len(_deferred.errors)]
    _deferred.errors.clear()


def raise_deferred():
    """Raises what was caught meanwhile. To be called after whatever may call back."""
    if _deferred.errors:
        del deferred[:1]
        raise _deferred.errors.pop() from None


class _CallingBack:
    """`with calling_back:` around a call that may call back."""

    def __enter__(self):
        return self

    def __exit__(self, *details):
        raise_deferred()
        return False


calling_back = _CallingBack()
