# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""Reducers of the program's own, what is done after a fork, and the other names that programs of
multiprocessing take from its modules."""

import copy
import io
import os
import pickle
import socket
import subprocess
import sys
import tempfile
import threading
import unittest
from pathlib import Path

from support import TestCase

import mproc
from mproc import reduction, util


class Marked:
    """Cannot be pickled but by a reducer."""

    def __init__(self, mark='none'):
        self.mark = mark

    def __reduce_ex__(self, protocol):
        raise TypeError('not without a reducer')


class Plain:
    """Can be pickled; when it was by the reducer it says so."""

    how = 'by itself'


def make_plain():
    made = Plain()
    made.how = 'by its reducer'
    return made


reduction.ForkingPickler.register(Marked, lambda thing: (Marked, (thing.mark,)))
reduction.register(Plain, lambda thing: (make_plain, ()))


class Registered(TestCase):
    """Wherever values travel."""

    def assertMade(self, got):
        self.assertEqual((type(got[0]), got[0].mark, got[1].how),
                         (Marked, 'x', 'by its reducer'))

    def setUp(self):
        super().setUp()
        self.pair = Marked('x'), Plain()

    def test_queues(self):
        queue = mproc.Queue()
        queue.put(self.pair)
        self.assertMade(queue.get())
        # With what the accelerator leaves to Python: a shared object, and a large buffer.
        queue.put((*self.pair, queue, bytearray(100_000)))
        got = queue.get()
        self.assertMade(got)
        self.assertEqual((got[2].get_handle(), len(got[3])), (queue.get_handle(), 100_000))
        simple = mproc.SimpleQueue()
        simple.put(self.pair)
        self.assertMade(simple.get())

    def test_connections(self):
        for sockets in False, True:
            here, there = mproc.Pipe(sockets=sockets)
            with here, there:
                here.send(self.pair)
                self.assertMade(there.recv())

    def test_pools(self):
        with mproc.Pool(1) as pool:
            self.assertMade(pool.apply(tuple, (self.pair,)))
            self.assertMade(pool.map(copy_of, [self.pair])[0])
            large = (*self.pair, b'x' * 500_000)
            self.assertMade(pool.map(copy_of, [large])[0])

    def test_managers(self):
        with mproc.Manager() as manager:
            things = manager.list([self.pair])
            things.append(self.pair)
            self.assertMade(things[0])
            self.assertMade(things[1])
        with Holders() as manager:
            holder = manager.Holder(self.pair)
            self.assertMade(holder.get())

    def test_others_are_not_concerned(self):
        with self.assertRaisesRegex(TypeError, 'not without a reducer'):
            pickle.dumps(Marked())
        self.assertEqual(pickle.loads(pickle.dumps(Plain())).how, 'by itself')
        for make in copy.copy, copy.deepcopy:
            self.assertEqual(make(self.pair[1]).how, 'by itself')

    def test_registered_before(self):
        """What copyreg knows goes on for others."""
        class Known:
            pass
        import copyreg
        copyreg.pickle(Known, lambda thing: 'KNOWN')
        reduction.register(Known, lambda thing: (str, ('mproc',)))
        reduction.register(Known, lambda thing: (str, ('mproc again',)))
        queue = mproc.Queue()
        queue.put([Known()])
        self.assertEqual(queue.get(), ['mproc again'])
        self.assertEqual(copyreg.dispatch_table[Known](Known()), 'KNOWN')

    def test_the_pickler(self):
        pickler = reduction.ForkingPickler
        data = pickler.dumps(self.pair)
        self.assertIsInstance(data, memoryview)
        self.assertMade(pickler.loads(data))
        file = io.BytesIO()
        reduction.dump(self.pair, file, 4)
        self.assertMade(pickle.loads(file.getvalue()))
        with self.assertRaisesRegex(RuntimeError, 'inheritance'):
            pickler.dumps(mproc.Lock())
        with self.assertRaises(TypeError):
            pickler.register(Plain, 'nothing')

    def test_sockets_by_the_pickler(self):
        pickler = reduction.ForkingPickler
        one, other = socket.socketpair()
        with one, other, pickler.loads(pickler.dumps(one)) as again:
            again.send(b'x')
            self.assertEqual(other.recv(10), b'x')
        here, there = mproc.Pipe(sockets=True)
        with here, there, pickler.loads(pickler.dumps(here)) as again:
            again.send('y')
            self.assertEqual(there.recv(), 'y')
        # Its helper goes by itself a little later: not while this case is watched.
        self.wait_for_keeper()

    def wait_for_keeper(self):
        from support import children, wait_until
        self.assertTrue(wait_until(lambda: not children(), 60))

    def test_descriptors_by_hand(self):
        one, other = socket.socketpair()
        with one, other:
            reduction.sendfds(one, [0, 1])
            fds = reduction.recvfds(other, 2)
            self.assertEqual([os.path.sameopenfile(fd, n) for n, fd in enumerate(fds)], [True] * 2)
            util.close_fds(*fds)
            reduction.sendfds(one, [0])
            with self.assertRaises(RuntimeError):
                reduction.recvfds(other, 2)
            one.close()
            with self.assertRaises(EOFError):
                reduction.recvfds(other, 1)


def copy_of(pair):
    return pair


class Holder:
    def __init__(self, thing):
        self.thing = thing

    def get(self):
        return self.thing


class Holders(mproc.managers.BaseManager):
    pass


Holders.register('Holder', Holder)


class Numbered(reduction.ForkingPickler):
    """Counts, and writes what nobody else can read."""

    count = 0

    @classmethod
    def dumps(cls, obj, protocol=None):
        Numbered.count += 1
        return bytes(byte ^ 255 for byte in super().dumps(obj, protocol))

    @staticmethod
    def loads(data):
        return pickle.loads(bytes(byte ^ 255 for byte in data))


class Reducer(reduction.AbstractReducer):
    ForkingPickler = Numbered
    register = Numbered.register


class Reducers(TestCase):
    def tearDown(self):
        mproc.get_context().reducer = reduction
        super().tearDown()

    def test_own_reducer(self):
        self.assertIs(mproc.get_context().reducer, reduction)
        self.assertIs(mproc.reducer, reduction)
        reducer = Reducer()
        mproc.get_context('fork').reducer = reducer
        self.assertIs(mproc.get_context('spawn').reducer, reducer)
        self.assertIs(mproc.reducer, reducer)

        queue, value = mproc.Queue(), ['a', {1: 2}]
        large = [bytearray(b'x' * 500_000), 1]
        here, there = mproc.Pipe(sockets=True)
        with here, there, mproc.Pool(1) as pool:
            for thing in value, large, (Marked('x'), queue):
                before = Numbered.count
                queue.put(thing)
                got = queue.get()
                self.assertGreater(Numbered.count, before)
                self.assertEqual(type(got), type(thing))
            before = Numbered.count
            here.send(value)
            self.assertEqual((there.recv(), Numbered.count), (value, before + 1))
            self.assertEqual(pool.apply(copy_of, (value,)), value)
            self.assertEqual(pool.map(copy_of, [large, 1]), [large, 1])
            self.assertGreater(Numbered.count, before + 2)

        mproc.get_context().reducer = reduction
        before = Numbered.count
        queue.put(value)
        self.assertEqual((queue.get(), Numbered.count), (value, before))

    def test_wrong(self):
        for wrong in object(), type('R', (), {'ForkingPickler': object}):
            with self.assertRaises((AttributeError, TypeError)):
                mproc.get_context().reducer = wrong


class AfterFork(TestCase):
    def test_register(self):
        queue, thing, gone = mproc.Queue(), Holder(5), Holder(6)
        util.register_after_fork(thing, lambda holder: queue.put(('after', holder.thing)))
        util.register_after_fork(thing, lambda holder: 1 / 0)
        util.register_after_fork(thing, lambda holder: queue.put('second'))
        util.register_after_fork(gone, lambda holder: queue.put('gone'))
        del gone
        process = mproc.Process(target=queue.put, args=('work',))
        process.start()
        process.join()
        self.assertEqual([queue.get() for _ in range(3)], [('after', 5), 'second', 'work'])
        self.assertTrue(queue.empty())
        with mproc.Pool(1) as pool:
            self.assertEqual(pool.apply(int), 0)
            self.assertEqual([queue.get(timeout=10) for _ in range(2)], [('after', 5), 'second'])

    def test_locks_and_locals(self):
        lock, local, queue = util.ForkAwareThreadLock(), util.ForkAwareLocal(), mproc.Queue()
        local.x = 1

        def child():
            with lock:
                queue.put((hasattr(local, 'x'), lock._lock.locked()))
        with lock:
            process = mproc.Process(target=child)
            process.start()
            process.join()
            self.assertEqual(queue.get(timeout=10), (False, True))
        self.assertEqual(local.x, 1)
        self.assertFalse(vars(pickle.loads(pickle.dumps(local))))


PROGRAM = '''
import sys, os
import {module} as mp
from {module} import util
from {module}.reduction import ForkingPickler

class Thing:
    def __reduce_ex__(self, protocol):
        raise TypeError('not without a reducer')

def make():
    return 'made'

ForkingPickler.register(Thing, lambda thing: (make, ()))

def work(thing, queue):
    queue.put((thing, os.path.isdir(util.get_temp_dir())))
    util.Finalize(None, queue.put, ('finalized',), exitpriority=1)

if __name__ == '__main__':
    ctx = mp.get_context(sys.argv[1])
    queue = ctx.SimpleQueue()
    folder = util.get_temp_dir()
    process = ctx.Process(target=work, args=([Thing()], queue))
    process.start()
    print(queue.get(), queue.get())
    process.join()
    print(process.exitcode, util.get_temp_dir() == folder, os.path.isdir(folder))
    print(folder, file=sys.stderr)
'''


class Programs(unittest.TestCase):
    """Against multiprocessing, with every start method."""

    def run_both(self, method):
        with tempfile.TemporaryDirectory() as folder:
            results = []
            for module in 'mproc', 'multiprocessing':
                path = Path(folder) / 'program.py'
                path.write_text(PROGRAM.format(module=module), encoding='utf-8')
                results.append(subprocess.run([sys.executable, path, method], text=True,
                                              timeout=60, capture_output=True))
        return results

    def test_arguments_and_temporary_files(self):
        for method in 'fork', 'spawn', 'forkserver':
            with self.subTest(method=method):
                ours, theirs = self.run_both(method)
                self.assertEqual((ours.returncode, ours.stdout), (0, theirs.stdout), ours.stderr)
                self.assertEqual(ours.stdout, "(['made'], True) finalized\n0 True True\n")
                self.assertFalse(os.path.exists(ours.stderr.strip()), ours.stderr)


class Names(TestCase):
    """That they are there, and do what little they have to."""

    def test_tracker(self):
        from mproc import resource_tracker
        memory = mproc.shared_memory.SharedMemory(create=True, size=10)
        resource_tracker.unregister(memory.name, 'shared_memory')
        resource_tracker.ensure_running()
        memory.close()

    def test_fork_server(self):
        from mproc import forkserver
        from gi.repository import Mp
        forkserver.ensure_running()
        Mp.Process.stop_servers()

    def test_addresses(self):
        from mproc import connection
        self.assertIn(connection.default_family, connection.families)
        with connection.Listener(connection.arbitrary_address('AF_UNIX')) as listener, \
                connection.Client(listener.address):
            self.assertTrue(os.path.exists(listener.address))
        self.assertFalse(util.is_abstract_socket_namespace(listener.address))
        self.assertTrue(util.is_abstract_socket_namespace('\0x'))
        with self.assertRaises(ValueError):
            connection.arbitrary_address('AF_PIPE')
        util.run_finalizers()

    def test_kinds(self):
        from mproc import context, managers, synchronize
        for thing in mproc.Lock(), mproc.RLock(), mproc.Semaphore(), mproc.BoundedSemaphore():
            self.assertIsInstance(thing, synchronize.SemLock)
        self.assertNotIsInstance(mproc.Event(), synchronize.SemLock)
        with self.assertRaisesRegex(RuntimeError, 'Holder objects .* inheritance'):
            context.assert_spawning(Holder(1))
        mproc.allow_connection_pickling()
        self.assertTrue(os.path.isabs(mproc.process.ORIGINAL_DIR))
        managers.BaseManager.register('Lock', threading.Lock, managers.AcquirerProxy)
        with managers.BaseManager() as manager:
            lock = manager.Lock()
            with lock:
                self.assertFalse(lock.acquire(False))

    def test_closing_all(self):
        def child():
            keep = [os.dup(0), os.dup(0)]
            util.close_all_fds_except(keep)
            os.fstat(keep[0])
            os.fstat(keep[1])
            os._exit(sum(os.path.exists(f'/proc/self/fd/{fd}') for fd in range(100)))
        process = mproc.Process(target=child)
        process.start()
        process.join()
        self.assertEqual(process.exitcode, 2)


if __name__ == '__main__':
    unittest.main()
