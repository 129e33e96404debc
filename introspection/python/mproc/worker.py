# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""What a worker of a pool does, from its fork to its end.

It runs in a child of the pool's owner, forked or made otherwise, and ignores Ctrl-C, so that one
key gives one traceback, in the owner. Nothing that a task or the initializer raises ends it.
"""

import functools
import gc
import signal
import traceback

from gi.overrides import _MpCodec, _MpFast, _MpProcess
from gi.overrides._MpErrors import CLOSED, FAILED, INVALID, NOT_PLAIN, OK, translated
from gi.repository import GLib, Mp

from . import process
from . import results  # noqa: F401: it gives the accelerator what serve() needs, too
from .errors import (InitializerError, MaybeEncodingError, NoSuchFunctionError, NotSupportedError,
                     SoftTimeLimitExceeded)
from .functions import APPLY, CALL, INHERITED, PICKLED, STAR, registered

NAMED, LANGUAGE = 1, 16
MAP = 1

# A task may come after any time; returning this often costs nothing.
SLICE = 1000000

MAX_CACHED = 64

# What tells a task that its soft limit of time is over.
SOFT_SIGNAL = signal.SIGRTMIN + 9


@functools.cache
def prepare():
    """Has this process make, once, what else each worker would make in pages of its own: the class
    and what calls it."""
    try:
        Mp.Worker.new('')
    except GLib.Error:
        pass    # that is no handle


def main(handle, spec):
    """The target of a worker's process."""
    gc.freeze()     # what is the parent's is not collected here, and so its memory stays shared
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    process.current_process()._nests = True
    with translated:
        worker = Mp.Worker.new(handle)
    Loop(worker, spec).run()


class _Nothing:
    """The spec of a worker that inherits nothing: one of a pool of another language."""

    class functions:
        table = ()

    method = initializer = limit = problem = None


def serve(handle):
    """The whole life of such a worker."""
    main(handle, _Nothing)


def _find_named(name):
    """The function that is registered under a name, or module:function; None if C may have it."""
    found = registered(name)
    module, colon, path = name.rpartition(':')
    if found is None and colon:
        from .spawn import find
        found = find(module, path)
    return found


class Loop:
    """Takes tasks and runs them, until the pool is closed or the worker has done its share."""

    def __init__(self, worker, spec):
        self.worker = worker
        self.table = spec.functions.table
        self.limit = spec.limit
        self.inherits = spec.method == 'fork'
        self.cache = {}
        self.at_work = False
        signal.signal(SOFT_SIGNAL, self.on_soft_limit)
        worker.set_soft_signal(SOFT_SIGNAL)
        self.broken = self.initialize(spec)

    def initialize(self, spec):
        """None, or what every task is to fail with."""
        if spec.problem is not None:
            return _broken('the initializer cannot be read in the worker', spec.problem)
        if spec.initializer is None:
            return None
        try:
            spec.initializer(*spec.initargs)
        except BaseException as error:
            return _broken('the initializer failed', error)
        return None

    def on_soft_limit(self, number, frame):
        """Once for a task, and only while that is at work."""
        if self.at_work:
            self.at_work = False
            raise SoftTimeLimitExceeded('the soft limit of time of the task is over')

    def run(self):
        if _MpFast.native is not None:
            _MpFast.native.serve(self)
        else:
            self.serve()

    def serve(self):
        """What the accelerator does too, where it is."""
        done = 0
        while self.limit is None or done < self.limit:
            status, kind, flags, function, encoding, data = self.worker.next(_MpCodec.PICKLE,
                                                                             SLICE)
            if status in (CLOSED, INVALID, FAILED):
                break
            if status == NOT_PLAIN:
                self.not_plain()
                done += 1
            elif status == OK:
                self.one(kind, flags, bytes(function or b''), encoding, data)
                done += 1

    def not_plain(self):
        self.fail(TypeError('the argument can only be read by the language that wrote it'))

    def one(self, kind, flags, function, encoding, data):
        if kind < LANGUAGE and (kind != NAMED or not self.knows_named(function)):
            self.worker.run_native()
            return
        try:
            good, value = self.call(kind, flags, function, encoding, data)
        except SoftTimeLimitExceeded as error:
            good, value = False, error  # on its way out already
        if good:
            self.finish(value)
        else:
            self.fail(value)

    def call(self, kind, flags, function, encoding, data):
        """(True, what it returned) or (False, what it raised)."""
        try:
            call = self.find(kind, function)
            if kind != NAMED:
                call = _adapt(function[:1], call)
            argument = _MpCodec.decode(encoding, data)
            self.at_work = True
            value = [call(item) for item in argument] if flags & MAP else call(argument)
            self.at_work = False
        except BaseException as error:
            self.at_work = False
            return False, error
        return True, value

    def knows_named(self, name):
        """Whether it is a Python function; one that cannot be found is, too."""
        text = name.decode('utf-8', 'replace')
        return registered(text) is not None or ':' in text

    def find(self, kind, function):
        """What the bytes of a task name, behind the byte that says how it is called."""
        if self.broken is not None:
            raise self.broken
        if kind == NAMED:
            return _find_named(function.decode('utf-8', 'replace'))
        target = self.cache.get(function)
        if target is None:
            rest = function[1:]
            if kind == INHERITED:
                target = self.table[int(rest)]
            elif kind == PICKLED:
                target = self.load(rest)
            else:
                raise NotSupportedError('the workers of this pool run functions of Python: give '
                                        "the name of one, as in 'module:function'")
            # A function that came by value may keep state of its own: a fresh one each time.
            if kind == INHERITED or len(self.cache) < MAX_CACHED and _is_global(target):
                self.cache[function] = target
        return target

    def load(self, data):
        try:
            return _MpCodec.loads(data)
        except AttributeError as error:
            if self.inherits:
                raise
            raise NoSuchFunctionError(
                f'{error}: this worker is no copy of the program; it has what its modules define '
                "when they are imported, and of the main module nothing that is under its guard "
                "(if __name__ == '__main__')") from error

    def finish(self, value):
        try:
            encoding, data, met = _MpCodec.encode(value)
        except BaseException as error:
            self.fail(MaybeEncodingError(f"Error sending result: '{_show(value)}'. "
                                         f"Reason: '{error!r}'"))
            return
        _MpProcess.flush()
        status = _MpCodec.attached(met, self.worker.finish, encoding, data)
        if status != OK:
            self.not_sent(status)

    def not_sent(self, status):
        self.fail(MaybeEncodingError(f'Error sending result: status {status}'))

    def fail(self, error):
        """Tells the caller, as far as possible with the exception itself."""
        _MpProcess.flush()
        text = ''.join(traceback.format_exception(error))
        kind = type(error)
        name = kind.__qualname__
        if kind.__module__ not in ('builtins', '__main__'):
            name = f'{kind.__module__}.{name}'
        data, met = pickled(error)
        _MpCodec.attached(met, self.worker.fail, 'python', _utf8(name), _utf8(_message(error)),
                          _utf8(text), data)


def _adapt(style, target):
    """The function of one argument that the style makes of @target."""
    if style == CALL:
        return target
    if style == STAR:
        return lambda item: target(*item)
    if style == APPLY:
        return lambda item: target(*item[0], **item[1])
    raise LookupError(f'unknown way to call a function: {style!r}')


def _is_global(target):
    return '.' not in getattr(target, '__qualname__', '.') and '<' not in target.__qualname__


def pickled(error):
    """The exception as a pickle that is known to load, and its shared objects; or nothing."""
    if not isinstance(error, Exception):
        return b'', ()
    try:
        data, met = _MpCodec.dump(error)
        copy = _MpCodec.loads(data)
    except BaseException:
        return b'', ()
    return (data, met) if type(copy) is type(error) else (b'', ())


def _broken(what, error):
    problem = InitializerError(f'{what}: {_describe(error)}')
    problem.__cause__ = error
    return problem


def _utf8(text):
    """Text that the library takes: a lone surrogate, as file names have, is written out."""
    return text.encode('utf-8', 'backslashreplace').decode()


def _message(error):
    try:
        return str(error)
    except BaseException:
        return ''


def _describe(error):
    return ''.join(traceback.format_exception_only(type(error), error)).strip()


def _show(value):
    try:
        return repr(value)
    except BaseException:
        return object.__repr__(value)
