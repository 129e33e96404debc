# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""How a Python process becomes two: the hook by which the library forks an interpreter.

The hook returns only in the parent. In the child everything happens here: the work is run, an
exception becomes a traceback on stderr and an exit code, threads are awaited, output is flushed
once, and os._exit() ends the process, so that no C frame and no exit function of the parent ever
runs in the child.
"""

import errno
import functools
import os
import signal
import sys
import threading
import traceback

from gi.overrides._MpErrors import OK, TIMED_OUT, from_status, translated
from gi.overrides._MpShield import Shield, calling_back, defer, forget_deferred
from gi.overrides._MpSync import wait

NO_EXIT_CODE = -2147483648
UNKNOWN_EXIT_CODE = 2147483647


def flush():
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (AttributeError, ValueError, OSError):
            pass  # None, closed or broken: nothing that could be written


_ALL_SIGNALS = signal.valid_signals()


def _fork(process):
    """What the library calls to start @process; a negative result is an errno."""
    # A handler that raises between os.fork() and the end would lose the child's number.
    flush()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _ALL_SIGNALS)
    try:
        pid = os.fork()
    except OSError as error:
        pid = -error.errno
    if pid == 0:
        code = 1
        try:
            code = _child(process, before)
        finally:
            os._exit(code)
    try:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    except BaseException as error:
        defer(error)
    return pid


fork = Shield(_fork, -errno.EINTR)


def _child(process, mask):
    forget_deferred()
    process.enter_child()
    work = getattr(process, 'work', None) or functools.partial(type(process).do_run, process)
    if getattr(process, 'ignores_interrupts', False):
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    def start():
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        work()

    code = bootstrap(process.get_name(), start)
    process.leave_child()
    return code & 0xff


def bootstrap(name, work):
    """Runs the work of a child and returns its exit code."""
    try:
        try:
            _close_stdin()
            work()
            code = 0
        except SystemExit as error:
            code = _code_of(error)
        except BaseException:
            code = 1
            _report(name)
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


def _report(name):
    if sys.stderr is not None:
        sys.stderr.write(f'Process {name}:\n')
        traceback.print_exc()


def _close_stdin():
    """A child must not read what is typed for its parent."""
    try:
        sys.stdin.close()
    except (AttributeError, OSError, ValueError):
        pass
    try:
        sys.stdin = open(os.open(os.devnull, os.O_RDONLY), encoding='utf-8', closefd=False)
    except (OSError, ValueError):
        pass


class ProcessMethods:
    """Mp.Process with natural values. Programs use mproc.Process, which holds one of these."""

    def start(self):
        with calling_back, translated:
            super().start()

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
