# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""Waiting for any of many: connections of both kinds, queues, processes, sockets."""

import signal
import socket
import time
import unittest

from support import Running, TestCase

import mproc
import mproc.connection


def setUpModule():
    """The first wait opens the doorbell, which stays."""
    mproc.connection.wait([mproc.Queue()], 0.01)


class Waiting(TestCase):
    def test_everything(self):
        a, b = mproc.Pipe()
        c, d = mproc.Pipe(sockets=True)
        queue = mproc.Queue()
        one, other = socket.socketpair()
        child = self.child(signal.pause)
        for _round in range(2):
            things = [b, d, queue, other, child.sentinel]
            self.assertEqual(mproc.connection.wait(things, 0), [])
            a.send(1)
            self.assertEqual(mproc.connection.wait(things, 20), [b])
            b.recv()
            queue.put(1)
            self.assertEqual(mproc.connection.wait(things, 20), [queue])
            queue.get()
            one.sendall(b'x')
            self.assertEqual(mproc.connection.wait(things, 20), [other])
            other.recv(1)
            c.send(1)
            self.assertEqual(mproc.connection.wait(things, 20), [d])
            d.recv()
        child.kill()
        self.assertEqual(mproc.connection.wait(things), [child.sentinel])
        child.join()
        for thing in (a, b, c, d, one, other):
            thing.close()

    def test_from_another_process(self):
        a, b = mproc.Pipe()
        child = self.child(lambda: (time.sleep(0.05), a.send('x')))
        self.assertEqual(mproc.connection.wait([b], 30), [b])
        self.assertEqual(b.recv(), 'x')
        child.join()
        a.close()
        b.close()

    def test_listeners_and_processes(self):
        with mproc.connection.Listener() as listener:
            child = self.child(mproc.connection.Client, listener.address)
            ready = mproc.connection.wait([listener, child], 30)
            self.assertIn(listener, ready)
            listener.accept().close()
            child.join()
            self.assertEqual(mproc.connection.wait([listener, child], 30), [child])

    def test_killed_peer(self):
        """Who has the other end of a pipe and is killed rings nobody's bell."""
        a, b = mproc.Pipe()
        queue = mproc.Queue()
        child = self.child(signal.pause)
        a.close()
        self.assertEqual(mproc.connection.wait([b, queue], 0), [])
        child.kill()
        self.assertEqual(mproc.connection.wait([b, queue]), [b])
        self.assertRaises(EOFError, b.recv)
        child.join()
        b.close()

    def test_nothing(self):
        self.assertEqual(mproc.connection.wait([], 0.01), [])
        with self.assertRaises(AttributeError):
            mproc.connection.wait([object()], 0)
        with self.assertRaises(TypeError):
            mproc.connection.wait(5)

    def test_interrupt(self):
        program = Running('''
import mproc, mproc.connection
a, b = mproc.Pipe()
print('ready')
try:
    mproc.connection.wait([b])
except KeyboardInterrupt:
    print('interrupted')
''')
        program.expect('ready')
        time.sleep(0.05)
        program.interrupt()
        self.assertEqual(program.end()[:2], (0, 'interrupted\n'))


if __name__ == '__main__':
    unittest.main()
