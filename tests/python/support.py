# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""What the tests of the Python layer share: a case that checks that nothing is left behind, and
programs that run in an interpreter of their own."""

import gc
import os
import signal
import subprocess
import sys
import threading
import time
import unittest

from gi.repository import GLib

import mproc

# The first use of the library opens what it keeps: the family's memory, the main context. Not in
# workers, which import the test that began them.
if mproc.parent_process() is None:
    _first = mproc.Process(target=int)
    _first.start()
    _first.join()
    del _first
    mproc.Queue()


def descriptors():
    """The open file descriptors and what they are."""
    found = {}
    for name in os.listdir('/proc/self/fd'):
        try:
            found[int(name)] = os.readlink(f'/proc/self/fd/{name}')
        except OSError:
            pass  # the one of listdir() itself
    return found


def threads():
    return len(os.listdir('/proc/self/task'))


def children():
    """The processes whose parent is this one, zombies included."""
    path = f'/proc/self/task/{threading.get_native_id()}/children'
    with open(path, encoding='ascii') as file:
        return file.read().split()


def wait_until(condition, seconds=10):
    """Whether condition() becomes true in time."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.005)
    return True


class Interruption(BaseException):
    """As KeyboardInterrupt, which would end the run of the tests if it got lost."""


class Interrupting:
    """In a `with`, does what a handler does that raises, at a moment of the code in @files; whether
    it did is told by done.

    A signal handler runs where Python looks for signals: when a function begins, and when a call of
    C has come back. A profiler is told of just these moments."""

    def __init__(self, files, moment, kind=Interruption):
        self.files = files
        self.left = moment
        self.kind = kind
        self.done = False

    def __enter__(self):
        sys.setprofile(self.look)
        return self

    def __exit__(self, *details):
        sys.setprofile(None)

    def look(self, frame, event, argument):
        if self.done or event not in ('call', 'c_return'):
            return
        if frame.f_code.co_filename in self.files:
            self.left -= 1
            if self.left < 0:
                self.done = True
                raise self.kind


def is_running(pid):
    try:
        with open(f'/proc/{pid}/stat', encoding='ascii', errors='replace') as file:
            return file.read().rpartition(')')[2].split()[0] not in 'ZX'
    except OSError:
        return False


def run(program, *arguments, timeout=40, **options):
    """Runs the text of a program; gives (exit status, stdout, stderr)."""
    result = subprocess.run([sys.executable, '-c', program, *arguments], text=True,
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, timeout=timeout, **options)
    return result.returncode, result.stdout, result.stderr


class Running:
    """A program of its own process group, to be interrupted as a terminal does it."""

    def __init__(self, program, *arguments):
        self.process = subprocess.Popen([sys.executable, '-u', '-c', program, *arguments],
                                        text=True, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        process_group=0)

    def expect(self, word):
        """Reads lines until one begins with @word, and returns that."""
        for line in self.process.stdout:
            if line.startswith(word):
                return line.strip()
        raise AssertionError(f'ended without {word!r}: {self.process.communicate()}')

    def interrupt(self):
        """Ctrl-C."""
        os.killpg(self.process.pid, signal.SIGINT)

    def end(self, timeout=10):
        """(exit status, stdout, stderr); it must end by itself."""
        try:
            out, err = self.process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            out, err = self.process.communicate()
            raise AssertionError(f'does not end: {out!r} {err!r}') from None
        return self.process.returncode, out, err


def open_main_loop():
    """The first wait in a main loop opens what the process keeps: its context and its doorbell."""
    queue = mproc.Queue()
    queue.get_async(None, lambda source, result: source.get_finish(result))
    queue.put(1)
    while not queue.empty():
        GLib.MainContext.default().iteration(True)


class TestCase(unittest.TestCase):
    """Fails if a test leaves a descriptor, a thread or a child."""

    maxDiff = None

    def setUp(self):
        gc.collect()
        self.before = descriptors(), threads()
        self.addCleanup(self.check_nothing_left)

    def check_nothing_left(self):
        gc.collect()
        fds, n_threads = self.before
        new = {fd: what for fd, what in descriptors().items() if fds.get(fd) != what}
        self.assertEqual(new, {}, 'descriptors left')
        # join() returns a moment before the system has let a thread go.
        wait_until(lambda: threads() == n_threads, 5)
        self.assertEqual(threads(), n_threads, 'threads left')
        self.assertEqual(children(), [], 'children left')
        self.assertEqual(mproc.active_children(), [])

    def assertSoon(self, condition, seconds=10):
        self.assertTrue(wait_until(condition, seconds))

    def child(self, target, *args, **options):
        """A started process that is killed at the end, if it still runs."""
        process = mproc.Process(target=target, args=args, **options)
        process.start()

        def end():
            if process.is_alive():
                process.kill()
            process.join()
        self.addCleanup(end)
        return process
