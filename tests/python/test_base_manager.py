# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""Managers of types of one's own: a server of Python, its objects, and proxies of them."""

import os
import pickle
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

from support import TestCase, run

import mproc
from mproc.managers import (AutoProxy, BaseManager, BaseProxy, IteratorProxy, MakeProxyType,
                            SyncManager)


class Thing:
    """A little of everything."""

    def __init__(self, value=0):
        self.value = value

    def get(self):
        return self.value

    def set(self, value):
        self.value = value

    def add(self, other):
        """What @other is in the server: the object itself, or a proxy of it."""
        self.value += other.get()
        return type(other).__name__

    def pid(self):
        return os.getpid()

    def fail(self):
        raise KeyError('of the thing')

    def exit(self):
        raise SystemExit(3)

    def unsendable(self):
        return count(1)

    def child(self):
        return Thing(self.value + 1)

    def _hidden(self):
        return 'hidden'

    def __repr__(self):
        return f'Thing({self.value!r})'


class Odd(Exception):
    """Cannot be read where it was sent."""

    def __init__(self, one, two):
        super().__init__(one)


def count(limit):
    yield from range(limit)


class NextProxy(BaseProxy):
    _exposed_ = ('__next__',)

    def __iter__(self):
        return self

    def __next__(self):
        return self._callmethod('__next__')


class Things(BaseManager):
    pass


shared_queue = queue.Queue()

Things.register('Thing', Thing, method_to_typeid={'child': 'Child'})
Things.register('Child', exposed=('get', '_hidden'))
Things.register('Hidden', Thing, exposed=('_hidden', 'get'))
Things.register('count', count, proxytype=NextProxy)
Things.register('generator', count, proxytype=IteratorProxy)
Things.register('get_queue', lambda: shared_queue)
Things.register('list', list)
Things.register('lock', threading.RLock, proxytype=mproc.managers.proxies.AcquirerProxy)


class Base(TestCase):
    def setUp(self):
        super().setUp()
        self.m = Things()
        self.m.start()
        self.addCleanup(self.end)

    def end(self):
        self.m.shutdown()
        del self.m

    def count(self):
        return self.m._number_of_objects()


class Calls(Base):
    def test_methods(self):
        thing = self.m.Thing(5)
        self.assertEqual(thing.get(), 5)
        thing.set([1, {'a': 2}])
        self.assertEqual(thing.get(), [1, {'a': 2}])
        self.assertNotIn(thing.pid(), (os.getpid(), 0))
        self.assertEqual(thing._callmethod('get'), [1, {'a': 2}])

    def test_texts(self):
        thing = self.m.Thing('x')
        self.assertEqual(str(thing), "Thing('x')")
        self.assertRegex(repr(thing), r"^<AutoProxy\[Thing\] object, typeid 'Thing' at 0x\w+>$")
        self.assertIsInstance(thing._getvalue(), Thing)
        self.assertEqual(thing._getvalue().value, 'x')

    def test_exposed(self):
        thing, hidden = self.m.Thing(), self.m.Hidden(3)
        self.assertFalse(hasattr(thing, '_hidden'))
        with self.assertRaisesRegex(mproc.RemoteError, 'not in exposed'):
            thing._callmethod('_hidden')
        self.assertEqual((hidden._hidden(), hidden.get()), ('hidden', 3))
        self.assertFalse(hasattr(hidden, 'set'))

    def test_results_that_stay_there(self):
        child = self.m.Thing(1).child()
        self.assertEqual((child.get(), child._hidden()), (2, 'hidden'))
        self.assertEqual(child._token.typeid, 'Child')

    def test_generators(self):
        self.assertEqual(list(self.m.count(5)), [0, 1, 2, 3, 4])
        generator = self.m.generator(3)
        self.assertEqual([next(generator), generator.send(None)], [0, 1])
        self.assertEqual(list(generator), [2])
        with self.assertRaises(StopIteration):
            next(generator)

    def test_made_types(self):
        made = MakeProxyType('Mine', ('append', '__len__'))
        self.assertIs(MakeProxyType('Mine', ['append', '__len__']), made)

        class More(Things):
            pass
        More.register('mine', list, proxytype=made)
        self.assertFalse(hasattr(Things, 'mine'))
        with More() as manager:
            mine = manager.mine('ab')
            mine.append('c')
            self.assertEqual(len(mine), 3)
            with self.assertRaises(mproc.RemoteError):
                mine._callmethod('pop')

    def test_without_callable(self):
        class Given(BaseManager):
            pass
        Given.register('given')
        with Given() as manager:
            self.assertEqual(manager.given([1])._getvalue(), [1])
            self.assertRaisesRegex(mproc.RemoteError, 'one non-keyword', manager.given, 1, 2)

    def test_threads_have_locks_of_their_own(self):
        lock = self.m.lock()
        got = []
        with lock:
            self.assertTrue(lock.acquire())
            lock.release()
            other = threading.Thread(target=lambda: got.append(lock.acquire(False)))
            other.start()
            other.join()
        self.assertEqual(got, [False])

    def test_waiting_call_keeps_nobody_waiting(self):
        q = self.m.get_queue()
        got = []
        waiter = threading.Thread(target=lambda: got.append(q.get()))
        waiter.start()
        self.m.Thing().get()
        q.put('late')
        waiter.join()
        self.assertEqual(got, ['late'])
        self.assertEqual(q.qsize(), 0)


class Errors(Base):
    def test_exception_with_its_traceback(self):
        with self.assertRaises(KeyError) as caught:
            self.m.Thing().fail()
        self.assertEqual(caught.exception.args, ('of the thing',))
        self.assertIn('in fail\n', str(caught.exception.__cause__))
        self.assertIsInstance(caught.exception.__cause__, mproc.RemoteError)

    def test_exit_does_not_end_the_server(self):
        thing = self.m.Thing()
        with self.assertRaisesRegex(mproc.RemoteError, 'SystemExit: 3'):
            thing.exit()
        self.assertEqual(thing.get(), 0)

    def test_what_cannot_be_sent(self):
        thing = self.m.Thing()
        with self.assertRaisesRegex(mproc.RemoteError, 'cannot be sent'):
            thing.unsendable()
        self.assertRaises(TypeError, thing.set, count(1))
        self.assertEqual(thing.get(), 0)

    def test_creation_fails(self):
        before = self.count()
        with self.assertRaisesRegex(mproc.RemoteError, 'TypeError'):
            self.m.Thing(1, 2, 3)
        self.assertEqual(self.count(), before)

    def test_states(self):
        manager = Things()
        self.assertRaises(AssertionError, manager.Thing)
        self.assertRaises(AssertionError, manager.shutdown)
        manager.start()
        self.assertRaises(mproc.ProcessError, manager.start)
        thing = manager.Thing()
        manager.shutdown()
        manager.shutdown()
        self.assertRaises(mproc.ServerDied, thing.get)
        self.assertRaises(mproc.ProcessError, manager.start)
        self.assertRaises(ValueError, Things, serializer='xmlrpclib')
        self.assertRaises(TypeError, Things().start, 5)
        self.assertRegex(str(thing), "'__str__\\(\\)' failed>$")

    def test_killed_server(self):
        thing = self.m.Thing()
        os.kill(thing.pid(), signal.SIGKILL)
        self.m.join()
        for _ in range(2):
            with self.assertRaisesRegex(mproc.ServerDied, 'is gone'):
                thing.get()
        with self.assertRaises(ConnectionError):
            self.m.Thing()

    def test_killed_in_a_call(self):
        q, thing = self.m.get_queue(), self.m.Thing()
        pid = thing.pid()
        killer = threading.Timer(0.1, os.kill, (pid, signal.SIGKILL))
        killer.start()
        self.assertRaises(mproc.ServerDied, q.get)
        killer.join()

    def test_initializer(self):
        with self.assertRaisesRegex(ZeroDivisionError, 'division') as caught:
            Things().start(lambda: 1 // 0)
        self.assertIn('<lambda>', str(caught.exception.__cause__))
        with self.assertRaisesRegex(mproc.ServerDied, 'exit code 5'):
            Things().start(os._exit, (5,))
        manager = Things()
        manager.start(shared_queue.put, ('first',))
        self.assertEqual(manager.get_queue().get(), 'first')
        manager.shutdown()

    def test_address_in_use(self):
        with self.assertRaises(OSError):
            Things(address=self.m.address).start()

    def test_wrong_key(self):
        other = Things(address=self.m.address, authkey=b'not this')
        with self.assertRaises(mproc.AuthenticationError):
            other.connect()
        self.assertEqual(self.m.Thing(3).get(), 3)

    def test_interrupted_call(self):
        """What a call was to get does not come as the answer of the next."""
        q, thing = self.m.get_queue(), self.m.Thing(8)

        def stop(number, frame):
            raise InterruptedError('stop')
        before = signal.signal(signal.SIGALRM, stop)
        self.addCleanup(signal.signal, signal.SIGALRM, before)
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        with self.assertRaises((InterruptedError, mproc.ServerDied)):
            q.get()
        self.assertEqual(thing.get(), 8)
        q.put(1)


def keep(thing, said, go_on):
    said.put(thing.get())
    go_on.wait()
    said.put(thing.get())


def hold_and_wait(thing, said):
    said.put(thing.get())
    time.sleep(1000)


def read_and_get(values, said):
    said.put(values.get().get())


SPAWNED = '''
import sys, time
import mproc
from mproc.managers import BaseManager

class Thing:
    def __init__(self, value):
        self.value = value
    def get(self):
        return self.value

class Things(BaseManager):
    pass
Things.register('Thing', Thing)

def hold(thing, said, go_on):
    said.put(thing.get())
    go_on.wait()

if __name__ == '__main__':
    context = mproc.get_context(sys.argv[1])
    with Things(ctx=context) as manager:
        said, go_on = mproc.Queue(), mproc.Event()
        child = context.Process(target=hold, args=(manager.Thing(9), said, go_on))
        child.start()
        print('child', said.get(timeout=50))
        print('held', manager._number_of_objects())
        go_on.set()
        child.join()
        end = time.monotonic() + 30
        while manager._number_of_objects() and time.monotonic() < end:
            time.sleep(0.01)
        print('left', manager._number_of_objects())
'''


class References(Base):
    def test_last_proxy(self):
        before = self.count()
        thing = self.m.Thing()
        second = AutoProxy(thing._token, authkey=self.m._authkey)
        self.assertEqual(self.count(), before + 1)
        del thing
        self.assertEqual(self.count(), before + 1)
        self.assertEqual(second.get(), 0)
        token = second._token
        del second
        self.assertEqual(self.count(), before)
        with self.assertRaises(mproc.NoSuchObjectError):
            AutoProxy(token, authkey=self.m._authkey, exposed=('get',))

    def test_forked_child_holds_what_it_was_born_with(self):
        said, go_on = mproc.Queue(), mproc.Event()
        thing = self.m.Thing(4)
        child = self.child(keep, thing, said, go_on)
        del thing
        self.assertEqual(said.get(timeout=30), 4)
        self.assertEqual(self.count(), 1)
        go_on.set()
        self.assertEqual(said.get(timeout=30), 4)
        child.join()
        self.assertSoon(lambda: self.count() == 0)

    def test_killed_client(self):
        said = mproc.Queue()
        thing = self.m.Thing(4)
        child = self.child(hold_and_wait, thing, said)
        said.get(timeout=30)
        del thing
        self.assertEqual(self.count(), 1)
        child.kill()
        child.join()
        self.assertSoon(lambda: self.count() == 0)

    def test_in_a_message(self):
        """Held while it is on its way, by nobody else; and not any more if it is dropped."""
        values, said = mproc.Queue(), mproc.Queue()
        values.put(self.m.Thing(6))
        self.assertEqual(self.count(), 1)
        child = self.child(read_and_get, values, said)
        self.assertEqual(said.get(timeout=30), 6)
        child.join()
        self.assertSoon(lambda: self.count() == 0)
        values.put(self.m.Thing(7))
        self.assertEqual(self.count(), 1)
        values.get(timeout=30)
        self.assertSoon(lambda: self.count() == 0)

    def test_spawned_child(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, 'program.py')
            with open(path, 'w', encoding='utf-8') as file:
                file.write(SPAWNED)
            for method in ('spawn', 'forkserver'):
                result = subprocess.run([sys.executable, path, method], text=True, timeout=60,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
                self.assertEqual(result.stdout, 'child 9\nheld 1\nleft 0\n', result.stderr)
                self.assertEqual((result.returncode, result.stderr), (0, ''))

    def test_as_argument(self):
        one, two = self.m.Thing(1), self.m.Thing(2)
        self.assertEqual(one.add(two), 'AutoProxy[Thing]')
        self.assertEqual(one.get(), 3)

    def test_in_each_other(self):
        outer = self.m.list()
        outer.append(self.m.Thing(5))
        self.assertEqual(self.count(), 2)
        inner = outer.pop()
        self.assertEqual(inner.get(), 5)
        del inner, outer
        self.assertSoon(lambda: self.count() == 0)

    def test_pickled_by_the_program(self):
        thing = self.m.Thing(5)
        again = pickle.loads(pickle.dumps(thing))
        again.set(6)
        self.assertEqual(thing.get(), 6)
        self.assertRaises(TypeError, pickle.dumps, self.m)

    def test_debug_info(self):
        thing = self.m.Thing('shown')
        self.assertRegex(self.m._debug_info(), r"refcount=1\n *Thing\('shown'\)")
        del thing


def work(address, key):
    manager = Things(address=address, authkey=key)
    manager.connect()
    q = manager.get_queue()
    while (number := q.get()) is not None:
        q.put(-number)
        break


REMOTE = '''
import queue, sys
from mproc.managers import BaseManager
q = queue.Queue()
class Remote(BaseManager):
    pass
Remote.register('get_queue', callable=lambda: q)
server = Remote(address=('127.0.0.1', 0), authkey=b'secret').get_server()
print(server.address[1], flush=True)
server.serve_forever()
'''

CLIENT = '''
import sys
from mproc.managers import BaseManager
class Remote(BaseManager):
    pass
Remote.register('get_queue')
m = Remote(address=('127.0.0.1', int(sys.argv[1])), authkey=b'secret')
m.connect()
q = m.get_queue()
q.put(q.get() * 2)
'''


class Network(TestCase):
    def test_started_over_tcp(self):
        manager = Things(address=('127.0.0.1', 0), authkey=b'key')
        manager.start()
        self.assertEqual(manager.address[0], '127.0.0.1')
        self.assertGreater(manager.address[1], 0)
        q = manager.get_queue()
        q.put(21)
        child = self.child(work, manager.address, b'key')
        child.join()
        self.assertEqual((child.exitcode, q.get(False)), (0, -21))
        manager.shutdown()

    def test_strangers(self):
        """A server, and clients that are no relatives of it."""
        server = subprocess.Popen([sys.executable, '-c', REMOTE], stdout=subprocess.PIPE, text=True)
        try:
            port = int(server.stdout.readline())

            class Remote(BaseManager):
                pass
            Remote.register('get_queue')
            manager = Remote(address=('127.0.0.1', port), authkey=b'secret')
            manager.connect()
            q = manager.get_queue()
            q.put([1, 'ä'])
            self.assertEqual(run(CLIENT, str(port)), (0, '', ''))
            self.assertEqual(q.get(), [1, 'ä', 1, 'ä'])
            with self.assertRaises(mproc.AuthenticationError):
                Remote(address=('127.0.0.1', port), authkey=b'wrong').connect()
            server.send_signal(signal.SIGINT)
            self.assertEqual(server.wait(30), 0)
            self.assertRaises(mproc.ServerDied, q.put, 1)
        finally:
            server.kill()
            server.wait()
            server.stdout.close()

    def test_nobody_there(self):
        manager = Things(address=('127.0.0.1', 9), authkey=b'key')
        self.assertRaises(ConnectionError, manager.connect)

    def test_sync_manager(self):
        """One with an address has all its types in a server of Python."""
        with SyncManager(address=('127.0.0.1', 0), authkey=b'key') as manager:
            there = SyncManager(address=manager.address, authkey=b'key')
            there.connect()
            numbers, table = there.list([3, 1, 2]), there.dict(a=1)
            numbers.sort()
            numbers += [4]
            table['b'] = 2
            self.assertEqual(str(numbers), '[1, 2, 3, 4]')
            self.assertEqual((list(table), table.items()), (['a', 'b'], [('a', 1), ('b', 2)]))
            with there.Lock() as locked:
                self.assertTrue(locked)
            q = there.Queue(2)
            q.put(1)
            self.assertEqual(q.get(), 1)
            self.assertRaises(queue.Empty, q.get, False)
            event, barrier = there.Event(), there.Barrier(1)
            event.set()
            self.assertTrue(event.wait(0))
            self.assertEqual((barrier.wait(), barrier.parties), (0, 1))
            condition = there.Condition()
            with condition:
                self.assertFalse(condition.wait_for(lambda: False, 0.01))
            del numbers, table, q, event, barrier, condition, locked, there


class OfManager(TestCase):
    """What Manager() has beside lists and dicts."""

    def setUp(self):
        super().setUp()
        self.m = mproc.Manager()
        self.addCleanup(self.end)

    def end(self):
        self.m.shutdown()
        del self.m

    def test_namespace(self):
        space = self.m.Namespace(a=1)
        space.b = [2]
        space._private = 3
        self.assertEqual((space.a, space.b), (1, [2]))
        self.assertEqual(str(space), 'Namespace(a=1, b=[2])')
        del space.a
        self.assertRaises(AttributeError, lambda: space.a)

    def test_value_and_array(self):
        value, array = self.m.Value('i', 4), self.m.Array('d', [1, 2])
        value.value += 1
        array[1] = 5
        self.assertEqual((value.value, value.get(), array[1], len(array)), (5, 5, 5.0, 2))
        self.assertEqual(str(value), "Value('i', 5)")

    def test_pool(self):
        pool = self.m.Pool(2)
        self.assertEqual(pool.map(abs, [-1, -2]), [1, 2])
        result = pool.apply_async(abs, (-3,))
        self.assertEqual(result.get(), 3)
        self.assertTrue(result.successful())
        self.assertEqual(list(pool.imap(abs, [-4, -5])), [4, 5])
        with pool:
            pass

    def test_in_shared_memory(self):
        for thing in (self.m.Queue(), self.m.JoinableQueue(), self.m.Lock(), self.m.RLock(),
                      self.m.Condition(), self.m.Semaphore(2), self.m.BoundedSemaphore(2),
                      self.m.Event(), self.m.Barrier(2)):
            self.assertIsInstance(thing, mproc.managers.Mp.Shared)

    def test_type_of_ones_own(self):
        class Mine(SyncManager):
            pass
        Mine.register('Thing', Thing)
        with Mine() as manager:
            self.assertEqual(manager.Thing(5).get(), 5)
            self.assertEqual(list(manager.list('ab')), ['a', 'b'])
        with self.assertRaises(AttributeError):
            self.m.Thing


if __name__ == '__main__':
    unittest.main()
