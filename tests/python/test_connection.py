# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""Connections: what multiprocessing promises of them, over shared memory and over sockets; and what
it does not: deaths, Ctrl-C, waiting for everything at once, descriptors through shared memory."""

import array
import errno
import multiprocessing.connection
import os
import pickle
import signal
import socket
import sys
import tempfile
import threading
import time
import unittest

from support import Running, TestCase, run

from gi.repository import GLib, Mp

import mproc
import mproc.connection
import mproc.reduction

KEY = b'the key'


def open_what_stays():
    """A main loop that waits for shared memory opens what it keeps."""
    a, b = mproc.Pipe()
    loop = GLib.MainLoop()
    b.recv_async(None, lambda *_: loop.quit())
    GLib.idle_add(lambda: a.send(1) and False)
    loop.run()


open_what_stays()


def echo(connection, other):
    other.close()
    try:
        while True:
            connection.send(connection.recv())
    except EOFError:
        connection.close()


class Cases:
    """What holds for both kinds; a class below for each."""

    def pipe(self, duplex=True):
        ends = mproc.Pipe(duplex, sockets=self.sockets)
        for end in ends:
            self.addCleanup(end.close)
        return ends

    def test_values(self):
        a, b = self.pipe()
        values = [1, None, 'text', b'bytes', bytearray(b'x'), [1, [2.5]], {'a': (1, 2)}, {1, 2},
                  b'', '', 2**100, 'x' * 100000, float('inf'), range(3), ValueError('no')]
        # What does not fit into a socket needs somebody who takes it.
        thread = threading.Thread(target=lambda: [a.send(value) for value in values])
        thread.start()
        got = [b.recv() for _ in values]
        thread.join()
        self.assertEqual(repr(got), repr(values))
        self.assertEqual([type(value) for value in got], [type(value) for value in values])

    def test_both_ways_with_a_child(self):
        a, b = self.pipe()
        child = self.child(echo, b, a)
        b.close()
        for value in ('one', {'two': 2}, list(range(1000))):
            a.send(value)
            self.assertEqual(a.recv(), value)
        a.close()
        child.join()
        self.assertEqual(child.exitcode, 0)

    def test_one_way(self):
        reader, writer = self.pipe(False)
        self.assertEqual((reader.readable, reader.writable), (True, False))
        self.assertEqual((writer.readable, writer.writable), (False, True))
        writer.send('x')
        self.assertEqual(reader.recv(), 'x')
        for call, words in ((lambda: reader.send(1), 'read-only'), (writer.recv, 'write-only'),
                            (lambda: reader.send_bytes(b''), 'read-only'),
                            (writer.recv_bytes, 'write-only'), (writer.poll, 'write-only')):
            with self.assertRaisesRegex(OSError, words):
                call()

    def test_end(self):
        a, b = self.pipe()
        a.send('last')
        a.close()
        a.close()
        self.assertTrue(a.closed)
        self.assertTrue(b.poll(20))
        self.assertEqual(b.recv(), 'last')
        self.assertTrue(b.poll(20))
        for call in (b.recv, b.recv_bytes, lambda: b.recv_bytes_into(bytearray(3))):
            with self.assertRaises(EOFError):
                call()
        with self.assertRaises(BrokenPipeError):
            b.send(1)
        with self.assertRaises(BrokenPipeError):
            b.send_bytes(b'x')
        for call in (a.recv, lambda: a.send(1), a.poll, a.fileno, a.recv_bytes,
                     lambda: a.send_bytes(b'')):
            with self.assertRaisesRegex(OSError, 'handle is closed'):
                call()

    def test_bytes(self):
        a, b = self.pipe()
        a.send_bytes(b'0123456789')
        self.assertEqual(b.recv_bytes(), b'0123456789')
        a.send_bytes(bytearray(b'0123456789'), 2)
        self.assertEqual(b.recv_bytes(), b'23456789')
        a.send_bytes(memoryview(b'0123456789'), 2, 3)
        self.assertEqual(b.recv_bytes(), b'234')
        a.send_bytes(array.array('i', [1, 2]))
        self.assertEqual(b.recv_bytes(), bytes(array.array('i', [1, 2])))
        a.send_bytes(b'abc', 3)
        self.assertEqual(b.recv_bytes(0), b'')
        for arguments in ((b'abc', -1), (b'abc', 4), (b'abc', 1, 3), (b'abc', 0, -1)):
            with self.assertRaises(ValueError):
                a.send_bytes(*arguments)
        with self.assertRaises(TypeError):
            a.send_bytes('text')
        with self.assertRaises(ValueError):
            b.recv_bytes(-1)

    def test_a_value_as_bytes(self):
        a, b = self.pipe()
        a.send({'x': 1})
        self.assertEqual(pickle.loads(b.recv_bytes()), {'x': 1})

    def test_maxlength(self):
        a, b = self.pipe()
        a.send_bytes(b'0123456789')
        with self.assertRaisesRegex(OSError, 'bad message length'):
            b.recv_bytes(9)
        self.assertEqual(b.recv_bytes(10), b'0123456789')      # it stays

    def test_into(self):
        a, b = self.pipe()
        buffer = bytearray(b'..........')
        a.send_bytes(b'abc')
        self.assertEqual(b.recv_bytes_into(buffer, 2), 3)
        self.assertEqual(buffer, b'..abc.....')
        numbers = array.array('i', [0] * 4)
        a.send_bytes(array.array('i', [5, 6]))
        self.assertEqual(b.recv_bytes_into(numbers, numbers.itemsize), 2 * numbers.itemsize)
        self.assertEqual(list(numbers), [0, 5, 6, 0])
        large = os.urandom(200000)
        thread = threading.Thread(target=a.send_bytes, args=(large,))
        thread.start()
        with self.assertRaises(mproc.BufferTooShort) as caught:
            b.recv_bytes_into(buffer)
        thread.join()
        self.assertEqual(caught.exception.args, (large,))
        for offset in (-1, 11):
            with self.assertRaises(ValueError):
                b.recv_bytes_into(buffer, offset)

    def test_poll(self):
        a, b = self.pipe()
        self.assertIs(b.poll(), False)
        self.assertIs(b.poll(0.02), False)
        timer = threading.Timer(0.05, a.send, ('x',))
        timer.start()
        self.assertIs(b.poll(None), True)
        timer.join()
        self.assertIs(b.poll(), True)
        self.assertEqual(b.recv(), 'x')
        with self.assertRaises(mproc.TimeoutError):
            b.recv(timeout=0.02)
        with self.assertRaises(mproc.TimeoutError):
            b.recv_bytes(timeout=0)

    def test_context_manager_and_iteration(self):
        a, b = self.pipe()
        with a:
            for i in range(5):
                a.send(i)
        self.assertTrue(a.closed)
        self.assertEqual(list(b), [0, 1, 2, 3, 4])

    def test_unpicklable(self):
        a, b = self.pipe()
        with self.assertRaises(Exception):
            a.send(x for x in ())
        a.send('next')
        self.assertEqual(b.recv(), 'next')

    def test_killed_peer(self):
        a, b = self.pipe()

        def chatter(here, other):
            other.close()
            while True:
                here.send('x' * 1000)

        child = self.child(chatter, b, a)
        b.close()
        n = 0
        with self.assertRaises((EOFError, OSError)) as caught:
            while True:
                self.assertEqual(a.recv(), 'x' * 1000)
                n += 1
                if n == 50:
                    child.kill()
        if not self.sockets:
            self.assertIsInstance(caught.exception, EOFError)
        child.join()

    def test_descriptors(self):
        a, b = self.pipe()

        def give(here, other):
            other.close()
            with tempfile.TemporaryFile() as file:
                file.write(b'written by the child')
                file.flush()
                mproc.reduction.send_handle(here, file.fileno())

        child = self.child(give, a, b)
        fd = mproc.reduction.recv_handle(b)
        child.join()
        with open(fd, 'rb') as file:
            self.assertFalse(os.get_inheritable(fd))
            file.seek(0)
            self.assertEqual(file.read(), b'written by the child')
        with self.assertRaises(mproc.TimeoutError):
            b.recv_fd(timeout=0.02)
        with self.assertRaises(OSError):
            a.send_fd(12345)

    def test_sockets_travel(self):
        a, b = self.pipe()
        one, other = socket.socketpair()
        thread = threading.Thread(target=mproc.reduction.send_socket, args=(a, one))
        thread.start()
        with mproc.reduction.recv_socket(b) as got:
            thread.join()
            one.close()
            got.sendall(b'hello')
            self.assertEqual(other.recv(10), b'hello')
        other.close()

    def test_main_loop(self):
        a, b = self.pipe()
        loop = GLib.MainLoop()
        got = []

        def received(connection, result):
            got.append(connection.recv_finish(result))
            if got[-1] == 'end':
                a.close()
                b.recv_async(None, ended)
            else:
                b.recv_async(None, received)

        def ended(connection, result):
            with self.assertRaises(EOFError):
                connection.recv_finish(result)
            loop.quit()

        def sent(connection, result):
            got.append(connection.send_finish(result))
            a.send('end')

        b.recv_async(None, received)
        a.send_async({'x': [1]}, None, sent)
        loop.run()
        self.assertCountEqual([repr(value) for value in got], ["True", "{'x': [1]}", "'end'"])

    def test_wait(self):
        pairs = [self.pipe() for _ in range(3)]
        readers = [b for _a, b in pairs]
        self.assertEqual(mproc.connection.wait(readers, 0), [])
        self.assertEqual(mproc.connection.wait(readers, 0.02), [])
        pairs[1][0].send('x')
        self.assertEqual(mproc.connection.wait(readers, 20), [readers[1]])
        pairs[2][0].close()
        self.assertEqual(mproc.connection.wait(readers, 20), readers[1:])

    def test_repr(self):
        a, b = self.pipe()
        self.assertRegex(repr(a), r'^<mproc\.connection\.Connection (handle \d+|in shared memory) ')
        a.close()
        self.assertRegex(repr(a), r'^<mproc\.connection\.Connection closed ')
        self.assertIsInstance(b, mproc.connection.Connection)

    def test_nothing_is_left(self):
        for _ in range(200):
            a, b = self.pipe()
            a.send([1, 2, 3])
            a.close()
            b.close()

    def test_interrupt(self):
        program = Running(f'''
import mproc
a, b = mproc.Pipe(sockets={self.sockets})
print('ready')
try:
    {{what}}
except KeyboardInterrupt:
    print('interrupted')
a.send('still of use')
print(b.recv())
'''.replace('{what}', 'b.recv()'))
        program.expect('ready')
        time.sleep(0.05)
        program.interrupt()
        self.assertEqual(program.end()[:2], (0, 'interrupted\nstill of use\n'))


class InMemory(Cases, TestCase):
    sockets = False

    def test_no_descriptor(self):
        a, _b = self.pipe()
        with self.assertRaises(OSError) as caught:
            a.fileno()
        self.assertEqual(caught.exception.errno, errno.ENOTSUP)

    def test_ends_in_values(self):
        a, b = self.pipe()
        near, far = self.pipe()
        queue = mproc.Queue()
        queue.put({'answer to': far})
        far.close()
        a.send([b])                     # its own other end: why not
        got = queue.get()['answer to']
        got.send('hello')
        self.assertEqual(near.recv(), 'hello')
        got.close()
        with self.assertRaises(EOFError):
            near.recv()
        self.assertEqual(len(b.recv()), 1)
        with self.assertRaises(RuntimeError):
            pickle.dumps(a)

    def test_shared_objects_in_values(self):
        a, b = self.pipe()
        a.send({'queue': mproc.Queue()})
        b.recv()['queue'].put(1)

    def test_large_values_are_views(self):
        a, b = self.pipe()
        data = array.array('d', range(100000))
        a.send(pickle.PickleBuffer(data))
        got = b.recv()
        self.assertTrue(got.readonly)
        self.assertEqual(bytes(got), bytes(data))

    def test_a_pool_gets_ends(self):
        a, b = self.pipe()
        with mproc.Pool(1) as pool:
            result = pool.apply_async(_send_hello, (b,))
            self.assertEqual(a.recv(timeout=30), 'hello')
            result.get(30)


def _send_hello(connection):
    connection.send('hello')


class OverSockets(Cases, TestCase):
    sockets = True

    def test_fileno(self):
        a, b = self.pipe()
        self.assertEqual(a.fileno(), a.get_fd())
        a.send(1)
        self.assertEqual(multiprocessing.connection.wait([b], 20), [b])

    def test_message_where_a_descriptor_was_expected(self):
        a, b = self.pipe()
        a.send('x')
        a.send_fd(0)
        with self.assertRaises(OSError):
            b.recv_fd(timeout=20)
        self.assertEqual(b.recv(), 'x')
        with self.assertRaises(OSError):
            b.recv(timeout=20)
        os.close(b.recv_fd(timeout=20))

    def test_ends_in_values(self):
        """The descriptor is kept until the value is read, by anybody, and closed if nobody does."""
        a, b = self.pipe()
        queue, (near, far) = mproc.Queue(), self.pipe()
        queue.put({'answer to': far})
        far.close()
        child = self.child(lambda: queue.get()['answer to'].send('hello'))
        self.assertEqual(near.recv(), 'hello')
        child.join()
        with self.assertRaises(EOFError):
            near.recv()
        near, far = self.pipe(False)
        a.send([far])
        far.close()
        got = b.recv()[0]
        self.assertEqual((got.readable, got.writable), (False, True))
        got.send_bytes(b'x')
        got.close()
        self.assertEqual(near.recv_bytes(), b'x')
        near, far = self.pipe()
        queue.put(far)
        far.close()
        del queue
        mproc.Queue().put(a)        # with the next what was dropped is looked for
        with self.assertRaises(EOFError):
            near.recv()
        with self.assertRaises(RuntimeError):
            pickle.dumps(a)

    def test_a_pool_gets_ends(self):
        a, b = self.pipe()
        with mproc.Pool(1) as pool:
            pool.apply(lambda end: end.send('from there'), (b,))
        self.assertEqual(a.recv(), 'from there')

    def test_sockets_and_descriptors_in_values(self):
        one, other = socket.socketpair()
        reader, writer = os.pipe()
        queue = mproc.Queue()
        queue.put([other, mproc.reduction.DupFd(writer)])
        other.close()
        os.close(writer)
        got, descriptor = queue.get()
        again = mproc.Queue()
        again.put([mproc.reduction.DupFd(1)])       # leaves another before detach()
        got.sendall(b'abc')
        self.assertEqual(one.recv(10), b'abc')
        writer = descriptor.detach()
        os.write(writer, b'x')
        self.assertEqual(os.read(reader, 5), b'x')
        self.assertRaises(OSError, descriptor.detach)
        for fd in (writer, reader):
            os.close(fd)
        got.close()
        with self.assertRaises(TypeError):
            pickle.dumps(one)
        one.close()

    def test_flags_of_a_handle(self):
        one, other = socket.socketpair()
        reader = mproc.connection.Connection(one.detach(), writable=False)
        writer = mproc.connection.Connection(other.detach(), readable=False)
        writer.send(5)
        self.assertEqual(reader.recv(), 5)
        self.assertEqual((reader.readable, reader.writable), (True, False))
        self.assertEqual((writer.readable, writer.writable), (False, True))
        for call in (reader.send, reader.send_bytes):
            self.assertRaises(OSError, call, b'x')
        for call in (writer.recv, writer.poll, writer.recv_bytes):
            self.assertRaises(OSError, call)
        reader.close()
        writer.close()

    def test_of_a_handle(self):
        one, other = socket.socketpair()
        a = mproc.connection.Connection(one.detach())
        b = mproc.connection.Connection(other.detach())
        self.addCleanup(a.close)
        self.addCleanup(b.close)
        a.send([1, 2])
        self.assertEqual(b.recv(), [1, 2])
        for bad, kind in ((-1, ValueError), ('x', AttributeError), (10**6, OSError)):
            with self.assertRaises(kind):
                mproc.connection.Connection(bad)
        with tempfile.TemporaryFile() as file, self.assertRaises(OSError):
            mproc.connection.Connection(file.fileno())

    def test_interrupted_in_the_middle(self):
        program = Running('''
import mproc, threading
a, b = mproc.Pipe(sockets=True)
print('ready')
try:
    a.send('x' * 5000000)
except KeyboardInterrupt:
    print('interrupted')
got = []
thread = threading.Thread(target=lambda: got.extend([b.recv(), b.recv()]))
thread.start()
a.send('next')
thread.join()
print(len(got[0]), got[1])
''')
        program.expect('ready')
        time.sleep(0.2)
        program.interrupt()
        self.assertEqual(program.end()[:2], (0, 'interrupted\n5000000 next\n'))


class Listeners(TestCase):
    def meet(self, listener, client):
        """Both ends of a line, the client's made in a thread."""
        found = []
        thread = threading.Thread(target=lambda: found.append(client()))
        thread.start()
        here = listener.accept(30)
        thread.join()
        self.addCleanup(here.close)
        self.addCleanup(found[0].close)
        return here, found[0]

    def check(self, address, family=None, authkey=None):
        with mproc.connection.Listener(address, family, 1, authkey) as listener:
            here, there = self.meet(listener, lambda: mproc.connection.Client(
                listener.address, authkey=authkey, timeout=30))
            here.send({'x': b'1'})
            self.assertEqual(there.recv(), {'x': b'1'})
            there.send('back')
            self.assertEqual(here.recv(), 'back')
            return listener.address, listener.last_accepted

    def test_addresses(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, 'socket')
            for key in (None, KEY):
                self.assertEqual(self.check(path, None, key), (path, ''))
                self.assertFalse(os.path.exists(path))
                self.assertEqual(self.check('\0mproc-test', 'AF_UNIX', key)[0], '\0mproc-test')
                address, accepted = self.check(('localhost', 0), None, key)
                self.assertEqual(accepted[0], address[0])
                self.assertGreater(address[1], 0)
                self.assertEqual(self.check(None, 'AF_INET', key)[0][0], '127.0.0.1')
                self.assertEqual(self.check(None, None, key)[0][0], '\0')

    def test_errors(self):
        with self.assertRaises(ValueError):
            mproc.connection.Listener(family='AF_NONE')
        with self.assertRaises(ValueError):
            mproc.connection.Client(5)
        with self.assertRaises(TypeError):
            mproc.connection.Listener(authkey='text')
        with self.assertRaises(ConnectionRefusedError):
            mproc.connection.Client('\0mproc-nobody')
        with self.assertRaises(FileNotFoundError):
            mproc.connection.Client('/nowhere/at/all')
        with mproc.connection.Listener() as listener:
            with self.assertRaises(OSError) as caught:
                mproc.connection.Listener(listener.address)
            self.assertEqual(caught.exception.errno, errno.EADDRINUSE)
            with self.assertRaises(mproc.TimeoutError):
                listener.accept(0.02)
        with self.assertRaisesRegex(OSError, 'listener is closed'):
            listener.accept()

    def test_wrong_key(self):
        with mproc.connection.Listener(authkey=KEY) as listener:
            caught = []

            def client():
                try:
                    mproc.connection.Client(listener.address, authkey=b'wrong', timeout=30)
                except mproc.AuthenticationError as error:
                    caught.append(error)

            thread = threading.Thread(target=client)
            thread.start()
            with self.assertRaises(mproc.AuthenticationError):
                listener.accept(30)
            thread.join()
            self.assertEqual(len(caught), 1)

    def test_one_who_says_nothing(self):
        with mproc.connection.Listener(authkey=KEY) as listener, \
                socket.socket(socket.AF_UNIX) as silent:
            silent.connect(listener.address)
            here, there = self.meet(listener, lambda: mproc.connection.Client(
                listener.address, authkey=KEY, timeout=30))
            there.send(1)
            self.assertEqual(here.recv(), 1)

        # A listener that says nothing: the client's time is over.
        with socket.socket(socket.AF_UNIX) as silent:
            silent.bind('\0mproc-silent')
            silent.listen()
            with self.assertRaises(mproc.TimeoutError):
                mproc.connection.Client('\0mproc-silent', authkey=KEY, timeout=0.05)

    def test_challenges_by_hand(self):
        for sockets in (False, True):
            a, b = mproc.Pipe(sockets=sockets)
            for theirs, error in ((KEY, None), (b'wrong', mproc.AuthenticationError)):
                outcome = []

                def answer():
                    try:
                        outcome.append(mproc.connection.answer_challenge(b, theirs))
                    except Exception as caught:
                        outcome.append(type(caught))

                thread = threading.Thread(target=answer)
                thread.start()
                if error is None:
                    mproc.connection.deliver_challenge(a, KEY)
                else:
                    with self.assertRaises(error):
                        mproc.connection.deliver_challenge(a, KEY)
                thread.join()
                self.assertEqual(outcome, [error])
            a.close()
            b.close()

    def test_the_words_of_multiprocessing(self):
        """What Python 3.12's Client does, and its frames."""
        with mproc.connection.Listener(authkey=KEY) as listener:
            def client():
                raw = socket.socket(socket.AF_UNIX)
                raw.connect(listener.address)
                with multiprocessing.connection.Connection(raw.detach()) as old:
                    mproc.connection.answer_challenge(old, KEY)
                    mproc.connection.deliver_challenge(old, KEY)
                    old.send({'from': 'multiprocessing'})
                    answers.append(old.recv())
                    answers.append(old.recv())

            answers = []
            thread = threading.Thread(target=client)
            thread.start()
            with listener.accept(30) as here:
                self.assertTrue(here.get_plain())
                self.assertEqual(here.recv(), {'from': 'multiprocessing'})
                here.send(b'bytes')
                here.send(['list'])
                thread.join()
        self.assertEqual(answers, [b'bytes', ['list']])

    def test_processes(self):
        with mproc.connection.Listener(authkey=KEY) as listener:
            def client(address):
                with mproc.connection.Client(address, authkey=KEY) as connection:
                    connection.send(os.getpid())
                    assert connection.recv() == os.getpid()

            children = [self.child(client, listener.address) for _ in range(5)]
            for _ in children:
                with listener.accept(30) as connection:
                    connection.send(connection.recv())
            for child in children:
                child.join()
                self.assertEqual(child.exitcode, 0)

    def test_interrupts(self):
        for what in ('listener.accept()',
                     'mproc.connection.Client(listener.address, authkey=b"x")'):
            with self.subTest(what=what):
                program = Running(f'''
import mproc, mproc.connection, time
listener = mproc.connection.Listener()
print('ready')
try:
    {what}
except KeyboardInterrupt:
    print('interrupted')
''')
                program.expect('ready')
                time.sleep(0.05)
                program.interrupt()
                self.assertEqual(program.end()[:2], (0, 'interrupted\n'))

    def test_main_loop(self):
        loop = GLib.MainLoop()
        got = []

        def accepted(listener, result):
            got.append(listener.accept_finish(result))
            loop.quit()

        listener = Mp.Listener.new(authkey=GLib.Bytes.new(KEY))
        listener.accept_async(None, accepted)
        child = self.child(lambda address: mproc.connection.Client(address, authkey=KEY).send(7),
                           '\0' + listener.get_address()[1:])
        loop.run()
        self.assertEqual(got[0].recv(), 7)
        child.join()
        got[0].close()
        listener.close()


class Names(unittest.TestCase):
    def test_modules(self):
        status, out, _err = run('import mproc; print(mproc.connection.Client.__name__, '
                               'mproc.reduction.send_handle.__name__, mproc.Pipe.__name__)')
        self.assertEqual((status, out), (0, 'Client send_handle Pipe\n'))


if __name__ == '__main__':
    sys.exit(unittest.main())
