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

    def test_bad_values(self):
        self.assertRaises(TypeError, ShareableList, [[]])
        self.assertRaises(struct.error, ShareableList, [1 << 63])
        self.assertRaises(ValueError, ShareableList)
        sl = ShareableList([1])
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


if __name__ == '__main__':
    unittest.main()
