# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""What managers make of servers that end, hang or are short of something, and of those that come
after them at the same address."""

import os
import resource
import signal
import tempfile
import threading
import time
import unittest

from support import TestCase

import mproc
from mproc import links
from mproc.connection import Client
from mproc.managers import BaseManager

KEY = b'key'


class Thing:
    def __init__(self, value=0):
        self.value = value

    def get(self):
        return self.value


class Things(BaseManager):
    pass


Things.register('Thing', Thing)


def allow_descriptors(n):
    """So many more than there are."""
    n += max(map(int, os.listdir('/proc/self/fd'))) + 1
    resource.setrlimit(resource.RLIMIT_NOFILE, (n, n))


def refuse_third_thread():
    start = threading.Thread.start
    left = [2]

    def begin(self):
        left[0] -= 1
        if left[0] < 0:
            threading.Thread.start = start
            raise RuntimeError("can't start new thread")
        start(self)
    threading.Thread.start = begin


def get_ticks(pid):
    """The time that a process has worked."""
    with open(f'/proc/{pid}/stat') as file:
        return sum(map(int, file.read().rpartition(')')[2].split()[11:13]))


class Successors(TestCase):
    """A server at the address of one that was killed."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.address = f'{folder.name}/server'
        self.start()
        self.client = self.connect()
        self.thing = self.client.Thing(1)

    def start(self):
        self.manager = Things(self.address, KEY)
        self.manager.start()
        self.addCleanup(self.manager.shutdown)

    def connect(self):
        client = Things(self.address, KEY)
        client.connect()
        return client

    def replace(self):
        self.manager._process.kill()
        self.manager._process.join()
        if os.path.exists(self.address):
            os.unlink(self.address)
        self.start()

    def test_can_be_connected_to(self):
        """… as long as there are proxies of the former one's objects, too."""
        self.replace()
        self.assertEqual(self.connect().Thing(2).get(), 2)
        self.assertEqual(self.manager.Thing(3).get(), 3)

    def test_does_not_answer_for_it(self):
        self.replace()
        others = [self.manager.Thing(n) for n in range(5)]
        for _ in range(3):
            self.assertRaises(mproc.ServerDied, self.thing.get)
        self.assertEqual([other.get() for other in others], [0, 1, 2, 3, 4])


class Faults(TestCase):
    def start(self, *initializer, **more):
        manager = Things(authkey=KEY, **more)
        manager.start(*initializer)
        self.addCleanup(manager.shutdown)
        return manager

    def test_one_that_hangs_is_shut_down(self):
        manager = self.start(shutdown_timeout=0.2)
        pid = manager._process.pid
        os.kill(pid, signal.SIGSTOP)
        manager.shutdown()
        self.assertRaises(ProcessLookupError, os.kill, pid, 0)

    def test_who_shuts_down_does_not_wait(self):
        manager = self.start()
        pid = manager._process.pid
        with Client(manager.address, authkey=KEY) as anchor:
            anchor.send(('anchor', 'me', None))
            calls = Client(manager.address, authkey=KEY)
            calls.send(('calls', 'me', anchor.recv()))
            os.kill(pid, signal.SIGSTOP)
            calls.send((None, 'shutdown', (), {}))
            calls.close()
            os.kill(pid, signal.SIGCONT)
            manager._process.join(30)
        self.assertEqual(manager._process.exitcode, 0)

    def test_without_descriptors(self):
        """It does not work itself to death, and goes on when there are some again."""
        manager = self.start(allow_descriptors, (6,))
        thing = manager.Thing(1)
        clients = []
        with self.assertRaises(OSError):
            while True:
                clients.append(Client(manager.address, authkey=KEY, timeout=0.3))
        before = get_ticks(manager._process.pid)
        time.sleep(1)
        self.assertLess(get_ticks(manager._process.pid) - before, 50)
        for client in clients:
            client.close()
        with Client(manager.address, authkey=KEY, timeout=30):
            self.assertEqual(thing.get(), 1)

    def test_without_threads(self):
        manager = self.start(refuse_third_thread)
        thing = manager.Thing(1)
        with Client(manager.address, authkey=KEY) as client:
            self.assertRaises((EOFError, OSError), client.recv)
        self.assertEqual((thing.get(), manager.Thing(2).get()), (1, 2))

    def test_call_in_a_call(self):
        """A signal handler asks the server while its answer to another question is awaited."""
        manager = self.start()
        one, other = manager.Thing(1), manager.Thing(2)
        said = []

        def ask(number, frame):
            said.append(other.get())
        before = signal.signal(signal.SIGALRM, ask)
        self.addCleanup(signal.signal, signal.SIGALRM, before)
        os.kill(manager._process.pid, signal.SIGSTOP)
        threading.Timer(0.4, os.kill, (manager._process.pid, signal.SIGCONT)).start()
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        self.assertEqual(one.get(), 1)
        self.assertEqual((said, one.get(), other.get()), ([2], 1, 2))

    def test_dropped_just_before_a_fork(self):
        """What the parent has still to tell the server, the child has, too."""
        manager = self.start()
        kept, gone = manager.Thing(1), manager.Thing(2)
        link = links.find(manager.address, KEY)
        with link._lock:        # as if another thread was talking
            gone._close()
        go_on = mproc.Event()
        said = mproc.Queue()

        def hold():
            said.put(kept.get())
            go_on.wait()
        child = self.child(hold)
        self.assertEqual(said.get(timeout=30), 1)
        end = time.monotonic() + 30
        while manager._number_of_objects() > 1 and time.monotonic() < end:
            time.sleep(0.01)
        self.assertEqual(manager._number_of_objects(), 1)
        go_on.set()
        child.join()


if __name__ == '__main__':
    unittest.main()
