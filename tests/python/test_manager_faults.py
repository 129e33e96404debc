# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""What managers make of servers that end, hang or are short of something, and of those that come
after them at the same address."""

import itertools
import os
import resource
import signal
import sys
import tempfile
import threading
import time
import unittest

from support import Interrupting, Interruption, TestCase

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

    def set(self, value):
        self.value = value

    def make_unreadable(self, kind):
        self.value = Unreadable(kind)

    def make_unwritable(self, kind):
        self.value = Unwritable(kind)


class Unwritable:
    def __init__(self, kind):
        self.kind = kind

    def __reduce__(self):
        raise self.kind('cannot be written')


def refuse(kind):
    raise kind('cannot be read')


class Unreadable:
    def __init__(self, kind):
        self.kind = kind

    def __reduce__(self):
        return refuse, (self.kind,)


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

    def test_goes_on_for_a_client(self):
        """Who has connected makes objects in whichever server is there."""
        self.replace()
        self.assertEqual(self.client.Thing(2).get(), 2)
        self.assertEqual(self.client._number_of_objects(), 0)
        self.replace()
        self.assertEqual(self.client._number_of_objects(), 0)

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
        link._teller = -1       # as if another thread was talking
        gone._close()
        link._teller = None
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

    def test_drops_beside_one_that_hangs(self):
        """A proxy that goes waits for nothing, since the garbage collector may be who drops it."""
        manager = self.start()
        things = [manager.Thing(n) for n in range(600)]
        self.assertEqual(manager._number_of_objects(), 600)
        os.kill(manager._process.pid, signal.SIGSTOP)
        while things:
            things.pop()
        for _ in range(600):        # until there is no room for more
            manager._link._untold += (('none', 1),) * 100
            manager._link._flush()
        self.assertTrue(manager._link._untold)
        os.kill(manager._process.pid, signal.SIGCONT)
        self.assertEqual(manager._number_of_objects(), 0)
        self.assertEqual(manager._link._untold, [])

    def test_forks_beside_one_that_hangs(self):
        """Only the first waits for it; when it goes on, so do they."""
        manager = self.start()
        thing = manager.Thing(1)
        patience, links.PATIENCE = links.PATIENCE, 0.2
        self.addCleanup(setattr, links, 'PATIENCE', patience)
        os.kill(manager._process.pid, signal.SIGSTOP)
        asked = []
        connect = manager._link._connect
        manager._link._connect = lambda *hello, **more: asked.append(hello) or connect(
            *hello, **more)
        for _ in range(3):
            self.child(int).join()
        self.assertEqual(len(asked), 1)

        # A child that was born without a connection holds what it has inherited all the same.
        gone, said = mproc.Event(), mproc.Queue()

        def use():
            said.put(thing.get())
            gone.wait()
            said.put(thing.get())
        child = self.child(use)
        os.kill(manager._process.pid, signal.SIGCONT)
        self.assertEqual((said.get(timeout=30), thing.get()), (1, 1))
        other, thing = thing, manager.Thing(1)
        other = None
        self.assertEqual(manager._number_of_objects(), 2)
        gone.set()
        self.assertEqual(said.get(timeout=30), 1)
        child.join()
        said = mproc.Queue()
        self.child(lambda: said.put(thing.get())).join()
        self.assertEqual(said.get(timeout=30), 1)
        self.assertGreater(len([hello for hello in asked if hello[0] == 'anchor']), 1)
        del manager._link._connect

    def test_errors_of_values(self):
        """… that look like those of a connection."""
        manager = self.start()
        thing = manager.Thing()
        for kind in FileNotFoundError, ConnectionResetError, EOFError:
            with self.subTest(kind):
                self.assertRaises(kind, thing.set, Unwritable(kind))
                with self.assertRaises(mproc.RemoteError) as caught:
                    thing.set(Unreadable(kind))
                self.assertIn(kind.__name__, str(caught.exception))
                thing.make_unreadable(kind)
                self.assertRaises(kind, thing.get)
                thing.make_unwritable(kind)
                with self.assertRaises(mproc.RemoteError) as caught:
                    thing.get()
                self.assertIn(kind.__name__, str(caught.exception))
                thing.set(5)
                self.assertEqual((thing.get(), manager._number_of_objects()), (5, 1))

    def test_interrupted(self):
        """By exceptions of signal handlers, anywhere in what a process says to the server."""
        # Python prints those that come up in finalizers.
        hook, sys.unraisablehook = sys.unraisablehook, lambda unraisable: None
        self.addCleanup(setattr, sys, 'unraisablehook', hook)
        manager = self.start()
        for moment in itertools.count():
            interrupting = Interrupting({links.__file__}, moment)
            while True:
                try:
                    with interrupting:
                        thing = manager.Thing(moment)
                        found = thing.get()
                        thing = None
                except Interruption:
                    thing = None
                    continue
                break
            self.assertEqual((found, manager._link._teller), (moment, None))
            if not interrupting.done:
                break
        self.assertGreater(moment, 20)
        self.child(int).join()


if __name__ == '__main__':
    unittest.main()
