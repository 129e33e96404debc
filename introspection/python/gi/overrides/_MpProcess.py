# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""How a Python process becomes two: the hook by which the library forks an interpreter.

The hook returns only in the parent. In the child everything happens here: the work is run, an
exception becomes a traceback on stderr and an exit code, threads are awaited, output is flushed
once, and os._exit() ends the process, so that no C frame and no exit function of the parent ever
runs in the child.

A child pays for each page that it touches, and for each function of the library that is called for
the first time. So what can be known before the fork is found out there.
"""

import errno
import functools
import os
import signal
import sys
import threading
import traceback

from gi.overrides import _MpCodec, _MpFast
from gi.overrides._MpErrors import DOMAIN, OK, TIMED_OUT, from_glib, from_status, translated
from gi.overrides._MpShield import (Shield, calling_back, deferred, forget_deferred,
                                    has_deferred)
from gi.overrides._MpSync import wait
import gi.repository
from gi.repository import GLib

NO_EXIT_CODE = -2147483648
UNKNOWN_EXIT_CODE = 2147483647

# MP_ERROR_TASK_FAILED.
TASK_FAILED = 16


def flush():
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (AttributeError, ValueError, OSError):
            pass  # None, closed or broken: nothing that could be written


def _fork(process):
    """What the library calls to start @process; a negative result is an errno."""
    # The library has blocked all signals: a handler that raises between os.fork() and the end would
    # lose the child's number.
    flush()
    errors = has_deferred()
    plan = getattr(process, 'plan', None) or Plan(process)
    try:
        pid = os.fork()
    except OSError as error:
        pid = -error.errno
    if pid == 0:
        code = 1
        try:
            if errors:
                forget_deferred()
            code = _child(process, plan)
        finally:
            os._exit(code)
    return pid


fork = Shield(_fork, -errno.EINTR)

# What runs a worker in the child of a fork server: run_worker("KIND HANDLE").
run_worker = None


class Plan:
    """What a child will do. The default is what Mp.Process itself knows; the package, which knows
    all without asking the library, makes its own."""

    ignores_interrupts = False
    heeds_interrupts = False            # a fork server is deaf to Ctrl-C; its children are not
    environment = None
    input_kind = 1

    def __init__(self, process, work=None):
        self.work = work
        if work is not None:
            return
        self.work = getattr(process, 'work', None)
        if self.work is None:
            self.work = functools.partial(type(process).do_run, process)
            if run_worker is not None and process.get_worker() is not None:
                self.heeds_interrupts = True
                self.work = functools.partial(run_worker, process.get_worker())
        self.environment = process.get_environment()
        self.input_kind = int(process.get_input_kind())


def _child(process, plan):
    def start():
        if plan.ignores_interrupts:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        if plan.heeds_interrupts:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        process.enter_child()           # from here on signals come
        _replace_stdin(plan.input_kind)
        if plan.environment is not None:
            _take_environment(plan.environment)
        plan.work()

    code = bootstrap(process.get_name, start)
    process.leave_child()
    return code & 0xff


def prepare(process):
    """Has the library's functions that children call ready: a first call takes long. They do
    nothing for a process that was not started."""
    process.enter_child()
    process.leave_child()


def install():
    """Gives the accelerator, if it is there, what children are to do in Python."""
    if _MpFast.native is not None:
        _MpFast.native.setup_process(
            fork=os.fork, threading=threading, get_code=_get_code,
            print_error=traceback.print_exception, from_error=_from_error, stdin=_stdin,
            deferred=deferred, forget_deferred=forget_deferred)


def _get_code(error, process):
    """The exit code of a child whose work raised @error."""
    if isinstance(error, SystemExit):
        return _code_of(error)
    _report(process.get_name, error)
    return 1


def _from_error(domain, code, text):
    return from_glib(GLib.Error(text, domain, code))


def _take_environment(variables):
    """Makes os.environ what the environment has become."""
    data = {}
    for variable in variables:
        name, _, value = os.fsencode(variable).partition(b'=')
        data[name] = value
    # The interpreter's copy; that of C is there already.
    os.environb._data.clear()
    os.environb._data.update(data)


def bootstrap(get_name, work):
    """Runs the work of a child and returns its exit code."""
    try:
        try:
            work()
            code = 0
        except SystemExit as error:
            code = _code_of(error)
        except BaseException as error:
            code = 1
            _report(get_name, error)
        finally:
            _await_threads()
    finally:
        flush()
    return code


def _await_threads():
    try:
        threading._shutdown()
    except BaseException:
        traceback.print_exc()


def _code_of(error):
    if error.code is None:
        return 0
    if isinstance(error.code, int):
        return error.code
    print(error.code, file=sys.stderr)
    return 1


def _report(get_name, error):
    if sys.stderr is not None:
        sys.stderr.write(f'Process {get_name()}:\n')
        traceback.print_exception(error)


def _fresh_stdin():
    """Reads what the standard input will be then; nothing is ever read from it here."""
    try:
        return open(0, encoding='utf-8', closefd=False)
    except (OSError, ValueError):
        return None


_stdin = _fresh_stdin()


def _replace_stdin(kind):
    """What the parent has read ahead is not the child's. 0: inherited, 1: null, 2: a pipe."""
    if kind == 0 or sys.stdin is None:
        return
    # The library has put another file in the place of the parent's.
    sys.stdin = _stdin or _fresh_stdin()


def register(name, call):
    """Has the library know a Python function of one argument, for who calls it by its name."""
    Mp = gi.repository.Mp

    def run(argument, *unused):
        value = None
        if argument is not None:
            payload = Mp.Payload.new_variant(argument).convert(_MpCodec.PICKLE)
            value = _MpCodec.decode(_MpCodec.PICKLE, payload.get_bytes().get_data())
        try:
            encoding, data, met = _MpCodec.encode(call(value))
        except Exception as error:
            raise GLib.Error(f'{type(error).__name__}: {error}', DOMAIN, TASK_FAILED) from error
        for shared in met:
            shared.attach()     # to the message in which the result goes
        return Mp.Payload.new(encoding, GLib.Bytes.new(data)).get_variant(None)

    Mp.function_register(name, run)


class ProcessMethods:
    """Mp.Process with natural values. Programs use mproc.Process, which holds one of these."""

    def start(self):
        with calling_back, translated:
            super().start()

    def fork(self, work):
        """Starts the process; the child calls work()."""
        self.plan = Plan(self, work)
        try:
            self.start()
        finally:
            # What only the child needs must not live as long as this object does.
            self.plan = None

    def fork_owner(self, owner):
        """Starts the process; the child calls owner._enter()."""
        self.fork(owner._enter)

    def join(self, timeout=None):
        """Waits for the end. False if that did not come in time (seconds)."""
        status = wait(self.join_raw, timeout)
        if status in (OK, TIMED_OUT):
            return status == OK
        raise from_status(status, f'process {self.get_name()} was not started by this process')

    def terminate(self):
        with translated:
            return super().terminate()

    def kill(self):
        with translated:
            return super().kill()

    def interrupt(self):
        with translated:
            return super().interrupt()

    def close(self):
        with translated:
            return super().close()

    def check(self):
        """Raises what tells how the process ended, unless it ended well."""
        with translated:
            return super().check()

    def set_start_method(self, method):
        with translated:
            return super().set_start_method(method)

    def set_daemon(self, daemon):
        with translated:
            return super().set_daemon(daemon)

    @property
    def exitcode(self):
        """None while it runs, then the exit code, or the negated number of a signal."""
        self.is_alive()
        code = self.get_exit_code()
        if code == NO_EXIT_CODE:
            return None
        return 255 if code == UNKNOWN_EXIT_CODE else code
