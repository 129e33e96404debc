# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""mproc.shared_memory: as multiprocessing's, across deaths, and on other libraries' ground."""

import gc
import os
import pickle
import signal
import struct
import unittest

from support import TestCase, run

import mproc
from gi.repository import Mp
from mproc.managers import SharedMemoryManager
from mproc.shared_memory import ShareableList, SharedMemory

NAME = f'python-test-{os.getpid()}'


class Memory(TestCase):
    def setUp(self):
        super().setUp()
        names = Mp.SharedMemory.list()
        self.addCleanup(lambda: self.assertEqual(Mp.SharedMemory.list(), names))

    def test_anonymous(self):
        shm = SharedMemory(create=True, size=100)
        self.assertEqual((shm.size, len(shm.buf), bytes(shm.buf)), (100, 100, bytes(100)))
        self.assertFalse(shm.buf.readonly)
        shm.buf[:4] = b'here'
        same = SharedMemory(name=shm.name)
        self.assertEqual(bytes(same.buf[:4]), b'here')
        self.assertEqual(repr(shm), f'SharedMemory({shm.name!r}, size=100)')
        shm.unlink()
        shm.close()
        self.assertIsNone(shm.buf)
        shm.close()
        self.assertEqual(bytes(same.buf[:4]), b'here')
        same.close()

    def test_named(self):
        shm = SharedMemory(NAME, create=True, size=5000)
        self.addCleanup(shm.close)
        self.assertEqual(shm.name, NAME)
        self.assertRaises(FileExistsError, SharedMemory, NAME, create=True, size=10)
        shm.buf[4999] = 7
        program = ('import sys; from mproc.shared_memory import SharedMemory\n'
                   's = SharedMemory(name=sys.argv[1], track=False)\n'
                   'print(s.size, s.buf[4999]); s.buf[0] = 9; s.close()')
        self.assertEqual(run(program, NAME), (0, '5000 7\n', ''))
        self.assertEqual(shm.buf[0], 9)
        shm.unlink()
        self.assertRaises(FileNotFoundError, SharedMemory, NAME)
        self.assertRaises(FileNotFoundError, shm.unlink)

    def test_bad_arguments(self):
        self.assertRaises(ValueError, SharedMemory, create=True)
        self.assertRaises(ValueError, SharedMemory, create=True, size=-1)
        self.assertRaises(ValueError, SharedMemory)
        self.assertRaises(ValueError, SharedMemory, 'a/b', create=True, size=1)
        self.assertRaises(ValueError, SharedMemory, '', create=True, size=1)
        self.assertRaises(OverflowError, SharedMemory, create=True, size=1 << 63)
        self.assertRaises(MemoryError, SharedMemory, create=True, size=(1 << 63) - 1)
        self.assertRaises(OSError, SharedMemory, NAME, create=True, size=1 << 60)
        self.assertRaises(ValueError, SharedMemory, 'shared-memory:no')
        self.assertRaises(FileNotFoundError, SharedMemory, 'does-not-exist')
        self.assertRaises(ValueError, SharedMemory, '/', create=True, size=1)
        for size in 2.5, '2', None:
            self.assertRaises(TypeError, SharedMemory, NAME, create=True, size=size)
            self.assertRaises(TypeError, Mp.SharedMemory.new, size)
            self.assertRaises(TypeError, Mp.SharedMemory.new_named, NAME, size)
        for name in 3, b'name', ['x']:
            self.assertRaises(TypeError, SharedMemory, name, create=True, size=1)
            self.assertRaises(TypeError, SharedMemory, name)
            self.assertRaises(TypeError, ShareableList, [1], name=name)
            self.assertRaises(TypeError, ShareableList, name=name)
            self.assertRaises(TypeError, Mp.SharedMemory.unlink, name)

    def test_nul_in_names(self):
        shm = SharedMemory(NAME, create=True, size=10)
        self.addCleanup(shm.unlink)
        anonymous = SharedMemory(create=True, size=10)
        for call in (lambda name: SharedMemory(name), lambda name: ShareableList(name=name),
                     lambda name: SharedMemory(name, create=True, size=1),
                     lambda name: ShareableList([1], name=name),
                     lambda name: Mp.SharedMemory.new_named(name, 1),
                     lambda name: Mp.ShareableList.new([1], name),
                     Mp.SharedMemory.open_named, Mp.ShareableList.open_named,
                     Mp.SharedMemory.unlink):
            for name in NAME + '\0', NAME + '\0x', '\0', anonymous.name + '\0':
                with self.assertRaisesRegex(ValueError, '^embedded null character$'):
                    call(name)
        self.assertIn(NAME, Mp.SharedMemory.list())

    def test_slash_in_front(self):
        shm = SharedMemory('/' + NAME, create=True, size=10)
        shm.buf[0] = 4
        self.assertEqual((shm.name, SharedMemory(NAME).buf[0]), (NAME, 4))
        self.assertEqual(SharedMemory('/' + NAME).buf[0], 4)
        self.assertRaises(FileExistsError, SharedMemory, NAME, create=True, size=10)
        shm.unlink()
        sl = ShareableList([7], name='/' + NAME)
        self.assertEqual(list(ShareableList(name=NAME)), [7])
        sl.shm.unlink()

    def test_pickled_by_name(self):
        shm, sl = SharedMemory(NAME, create=True, size=10), ShareableList([1], name=NAME + '-l')
        self.addCleanup(sl.shm.unlink)
        shm.buf[0] = 7
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            same, list_ = pickle.loads(pickle.dumps((shm, sl), protocol))
            self.assertEqual((type(same), same.name, same.size, same.buf[0], list(list_)),
                             (SharedMemory, NAME, 10, 7, [1]))
            list_[0] = 1
        program = ('import pickle, sys; shm, sl = pickle.loads(bytes.fromhex(sys.argv[1]))\n'
                   'shm.buf[1] = 9; sl[0] = "x"; print(shm, sl)')
        data = pickle.dumps((shm, sl)).hex()
        self.assertEqual(run(program, data), (0, f'{shm!r} ShareableList([\'x\'], '
                                                 f'name={sl.shm.name!r})\n', ''))
        self.assertEqual((shm.buf[1], sl[0]), (9, 'x'))
        data = pickle.dumps(shm, 5)
        shm.unlink()
        self.assertRaises(FileNotFoundError, pickle.loads, data)
        self.assertRaises(RuntimeError, pickle.dumps, ShareableList([1]))

    def test_named_in_messages(self):
        q = mproc.Queue()
        shm, sl = SharedMemory(NAME, create=True, size=10), ShareableList([1], name=NAME + '-l')
        shm.buf[0] = 7
        q.put(shm)
        q.put([sl])
        q.put_many([shm, {'list': sl}])
        self.addCleanup(Mp.SharedMemory.unlink, shm.name)
        self.addCleanup(Mp.SharedMemory.unlink, sl.shm.name)
        del shm, sl
        gc.collect()
        self.assertEqual((q.get().buf[0], list(q.get()[0])), (7, [1]))
        first, second = q.get_many(2)
        self.assertEqual((first.buf[0], list(second['list'])), (7, [1]))

    def test_foreign(self):
        path = f'/dev/shm/mproc-{NAME}'
        with open(path, 'wb') as file:
            file.write(b'x' * 10000)
        self.addCleanup(os.unlink, path)
        self.assertRaises(mproc.InvalidDataError, SharedMemory, NAME)

    def test_views_keep_it(self):
        shm = SharedMemory(create=True, size=4 << 20)
        part = shm.buf[1000:2000]
        used = Mp.memory_get_used()
        shm.close()
        del shm
        gc.collect()
        part[:] = b'v' * 1000
        self.assertEqual(Mp.memory_get_used(), used)
        del part
        gc.collect()
        self.assertLessEqual(Mp.memory_get_used(), used - (4 << 20))

    def test_what_was_not_closed_goes_too(self):
        for make in (lambda: SharedMemory(create=True, size=4 << 20),
                     lambda: ShareableList(['x' * (4 << 20)]),
                     lambda: Mp.SharedMemory.new(4 << 20)):
            gc.collect()
            used = Mp.memory_get_used()
            thing = make()
            view = thing.buf if hasattr(thing, 'buf') else thing.shm.buf
            self.assertIs(view, thing.buf if hasattr(thing, 'buf') else thing.shm.buf)
            handle = getattr(thing, '_mp', thing).get_handle()
            del thing, view
            gc.collect()
            self.assertLessEqual(Mp.memory_get_used(), used)
            self.assertRaises(mproc.NoSuchObjectError, Mp.Shared.open, handle)

    def test_numpy(self):
        try:
            import numpy
        except ImportError:
            self.skipTest('numpy is not there')
        shm = SharedMemory(create=True, size=800)
        array = numpy.ndarray((10, 10), dtype='d', buffer=shm.buf)
        array[:] = 1.5
        self.assertEqual(struct.unpack_from('d', shm.buf, 792), (1.5,))
        shm.close()
        del shm
        gc.collect()
        others = [SharedMemory(create=True, size=800) for _ in range(50)]
        array += 1
        self.assertEqual(array.sum(), 250)
        self.assertTrue(all(bytes(other.buf) == bytes(800) for other in others))

    def test_through_a_queue(self):
        q, back = mproc.Queue(), mproc.Queue()

        def work():
            memory = q.get()
            memory.buf[0] += 1
            back.put(bytes(memory.buf[:3]))
        self.child(work)
        shm = SharedMemory(create=True, size=3)
        shm.buf[:] = b'abc'
        q.put(shm)
        self.assertEqual(back.get(timeout=20), b'bbc')
        self.assertEqual(shm.buf[0], ord('b'))
        self.assertRaises(RuntimeError, pickle.dumps, shm)

    def test_creator_dies(self):
        q = mproc.Queue()

        def work():
            q.put(SharedMemory(create=True, size=1 << 20))
            q.put('sent')
            signal.pause()
        child = self.child(work)
        shm = q.get(timeout=20)
        self.assertEqual(q.get(timeout=20), 'sent')
        shm.buf[1 << 19] = 5
        child.kill()
        child.join()
        Mp.memory_trim()
        self.assertEqual(shm.buf[1 << 19], 5)

    def test_limit(self):
        limit = Mp.memory_get_limit()
        Mp.memory_set_limit(Mp.memory_get_used() + (1 << 20))
        try:
            self.assertRaises(mproc.NoSpaceError, SharedMemory, create=True, size=1 << 29)
        finally:
            Mp.memory_set_limit(limit)
        SharedMemory(create=True, size=1 << 20).close()

    def test_file_size_limit(self):
        program = ('import resource, sys; from mproc.shared_memory import SharedMemory\n'
                   'SharedMemory(create=True, size=10)\n'
                   'resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, 1 << 16))\n'
                   'try: SharedMemory(sys.argv[1], create=True, size=1 << 20)\n'
                   'except OSError as error: print("refused")')
        self.assertEqual(run(program, NAME), (0, 'refused\n', ''))


class Lists(TestCase):
    VALUES = [1, -2.5, True, 'häns', b'by\0', None, '', 'a\0b', 1 << 62]

    def test_values(self):
        sl = ShareableList(self.VALUES)
        self.assertEqual(list(sl), self.VALUES)
        self.assertEqual([type(item) for item in sl], [type(item) for item in self.VALUES])
        self.assertEqual(len(sl), 9)
        self.assertEqual(sl.format, 'qdxxxxxxx?8s8sxxxxxx?x8s8sq')
        self.assertEqual(repr(sl), f'ShareableList({self.VALUES!r}, name={sl.shm.name!r})')
        self.assertEqual(sl[-1], 1 << 62)
        self.assertEqual(list(ShareableList([])), [])
        self.assertEqual(list(ShareableList()), [])
        self.assertEqual(list(ShareableList(range(3))), [0, 1, 2])

    def test_like_multiprocessing(self):
        from multiprocessing import resource_tracker, shared_memory
        values = [7, 'text', b'12345678', None, False, 2.5, 'x' * 100]
        theirs, ours = shared_memory.ShareableList(values), ShareableList(values)
        try:
            for _ in range(2):
                self.assertEqual(list(ours), list(theirs))
                self.assertEqual(ours.format, theirs.format)
                self.assertEqual(ours.count(7), theirs.count(7))
                self.assertEqual(ours.index(2.5), theirs.index(2.5))
                for sl in ours, theirs:
                    sl[0] = 'short'
                    sl[1] = 4.5
                    sl[-1] = 'y' * 104
            for sl in ours, theirs:
                with self.assertRaisesRegex(ValueError, 'exceeds available storage'):
                    sl[6] = 'z' * 105
                with self.assertRaisesRegex(IndexError, 'assignment index out of range'):
                    sl[7] = 1
                with self.assertRaisesRegex(IndexError, '^index out of range'):
                    sl[7]
                self.assertRaises(struct.error, sl.__setitem__, 0, 1 << 64)
                self.assertRaises(ValueError, sl.index, 'not there')
        finally:
            theirs.shm.close()
            theirs.shm.unlink()
            resource_tracker._resource_tracker._stop()

    def test_ends(self):
        for values in [], [5], [1, 'two', 3]:
            sl = ShareableList(values)
            for index in range(-len(values), len(values)):
                self.assertEqual(sl[index], values[index])
            for index in -len(values) - 5, -len(values) - 1, len(values), len(values) + 9, 1 << 70:
                with self.assertRaisesRegex(IndexError, '^index out of range'):
                    sl[index]
                with self.assertRaisesRegex(IndexError, '^assignment index out of range'):
                    sl[index] = 0
            self.assertEqual(list(sl), values)

    def test_bad_values(self):
        self.assertRaises(TypeError, ShareableList, [[]])
        self.assertRaises(struct.error, ShareableList, [1 << 63])
        sl = ShareableList([1])
        for index in 0.5, '0', slice(0, 1), None:
            self.assertRaises(TypeError, lambda: sl[index])
            self.assertRaises(TypeError, sl.__setitem__, index, 1)
        self.assertRaises(TypeError, sl.__setitem__, 0, {})
        self.assertEqual(sl[0], 1)

    def test_names(self):
        sl = ShareableList([1, 'two'], name=NAME)
        same = ShareableList(name=NAME)
        same[0] = 3
        self.assertEqual(sl[0], 3)
        sl.shm.unlink()
        self.assertRaises(FileNotFoundError, ShareableList, name=NAME)
        anonymous = ShareableList(['x'])
        self.assertEqual(list(ShareableList(name=anonymous.shm.name)), ['x'])
        memory = SharedMemory(create=True, size=100)
        self.assertRaises(mproc.InvalidDataError, ShareableList, name=memory.name)

    def test_through_a_queue(self):
        q, back = mproc.Queue(), mproc.Queue()

        def work():
            sl = q.get()
            sl[1] = 'child'
            back.put(list(sl))
        self.child(work)
        sl = ShareableList([1, 'parent'])
        q.put(sl)
        self.assertEqual(back.get(timeout=20), [1, 'child'])
        self.assertEqual(sl[1], 'child')

    def test_after_close(self):
        sl = ShareableList([1])
        sl.shm.close()
        self.assertRaises(mproc.ProcessError, sl.__getitem__, 0)


class Managers(TestCase):
    def test_holds_what_it_made(self):
        used = Mp.memory_get_used()
        with SharedMemoryManager() as manager:
            memory, numbers = manager.SharedMemory(1 << 20), manager.ShareableList([1, 'two'])
            memory.buf[5] = 6
            names = memory.name, numbers.shm.name
            del memory, numbers
            gc.collect()
            self.assertGreaterEqual(Mp.memory_get_used(), used + (1 << 20))
            self.assertEqual(SharedMemory(names[0]).buf[5], 6)
            self.assertEqual(list(ShareableList(name=names[1])), [1, 'two'])
            kept = SharedMemory(names[0])
            gc.collect()
        self.assertEqual(kept.buf[5], 6)
        del kept
        gc.collect()
        self.assertLess(Mp.memory_get_used(), used + (1 << 20))
        for name in names:
            self.assertRaises(mproc.NoSuchObjectError, Mp.Shared.open, name)

    def test_in_children(self):
        q, go = mproc.Queue(), mproc.Event()

        def inherits():
            q.put(manager.ShareableList(['from a child']).shm.name)
            manager.shutdown()          # not its

        def receives():
            q.put(tasks.get().SharedMemory(10).name)
            go.wait()
        tasks = mproc.Queue()
        running = self.child(receives)
        with SharedMemoryManager() as manager:
            self.child(inherits).join()
            self.assertEqual(list(ShareableList(name=q.get(timeout=20))), ['from a child'])
            tasks.put(manager)
            name = q.get(timeout=20)
            go.set()
            running.join()
            self.assertEqual(SharedMemory(name).size, 10)
        gc.collect()
        self.assertRaises(mproc.NoSuchObjectError, Mp.Shared.open, name)

    def test_states(self):
        manager = SharedMemoryManager()
        self.assertRaises(AssertionError, manager.SharedMemory, 10)
        self.assertRaises(AssertionError, manager.ShareableList, [1])
        manager.shutdown()
        manager.start()
        self.assertRaises(AssertionError, manager.start)
        self.assertRaises(ValueError, manager.SharedMemory, 0)
        self.assertRaises(RuntimeError, pickle.dumps, manager)
        manager.shutdown()
        manager.shutdown()
        self.assertRaises(AssertionError, manager.SharedMemory, 10)
        self.assertRaises(AssertionError, manager.ShareableList, [1])

    def test_at_exit(self):
        program = ('import mproc, sys; from gi.repository import Mp\n'
                   'from mproc.managers import SharedMemoryManager\n'
                   'manager = SharedMemoryManager(); manager.start()\n'
                   'name = manager.SharedMemory(1 << 20).name\n'
                   'def look():\n'
                   '    before.wait()\n'
                   '    try: Mp.Shared.open(name); print("there")\n'
                   '    except mproc.NoSuchObjectError: print("gone")\n'
                   'before = mproc.Event()\n'
                   'from mproc import process\n'
                   'class Last:\n'
                   '    def go(self): before.set()\n'
                   'last = Last()\n'
                   'process._exit_calls.insert(0, process.weakref.WeakMethod(last.go))\n'
                   'mproc.Process(target=look).start()')
        self.assertEqual(run(program), (0, 'gone\n', ''))


if __name__ == '__main__':
    unittest.main()
