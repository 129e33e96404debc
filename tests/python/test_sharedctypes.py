# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""mproc.Value, Array and mproc.sharedctypes: as multiprocessing's, and atomic."""

import ctypes
import gc
import pickle
import signal
import threading
import unittest

from support import TestCase

import mproc
from gi.repository import Mp
from mproc import sharedctypes


class Point(ctypes.Structure):
    _fields_ = [('x', ctypes.c_int), ('y', ctypes.c_double)]


class Values(TestCase):
    def test_all_codes(self):
        for code, type_ in sharedctypes.typecode_to_type.items():
            value = mproc.Value(code)
            self.assertIsInstance(value.get_obj(), type_)
            self.assertIn(value.value, (0, b'\0', '\0'))
        self.assertEqual(mproc.Value('i', 7).value, 7)
        self.assertEqual(mproc.Value('d', 2.5).value, 2.5)
        self.assertEqual(mproc.Value('c', b'x').value, b'x')
        self.assertIs(mproc.Value(ctypes.c_bool, True).value, True)
        self.assertEqual(mproc.Value(ctypes.c_longdouble, 1.5).value, 1.5)
        with self.assertRaises(TypeError):
            mproc.Value('i', 'text')

    def test_locks(self):
        lock = mproc.Lock()
        value = mproc.Value('i', 3, lock=lock)
        self.assertIs(value.get_lock(), lock)
        self.assertIsInstance(mproc.Value('i').get_lock(), Mp.RLock)
        self.assertIsInstance(mproc.Value('i', lock=False), ctypes.c_int)
        self.assertRaises(AttributeError, mproc.Value, 'i', lock='none')
        value = mproc.Value('i', 3)
        with value:
            value.value += 1
            self.assertTrue(value.get_lock().locked())
        value.acquire()
        value.release()
        self.assertEqual(repr(value), '<Synchronized wrapper for c_int(4)>')
        self.assertEqual(mproc.get_context('fork').Value('i', 9).value, 9)

    def test_between_processes(self):
        value, array = mproc.Value('d', 1.5), mproc.Array('i', range(5))

        def work():
            value.value *= 2
            array[1:3] = [10, 20]
        child = self.child(work)
        child.join()
        self.assertEqual(value.value, 3.0)
        self.assertEqual(array[:], [0, 10, 20, 3, 4])

    def test_atomic(self):
        value = mproc.Value('i', 0)
        total = mproc.Value('d', 0)
        wide = mproc.Value('Q', 0)

        def work():
            for _ in range(10000):
                value.add(1)
            for _ in range(1000):
                total.add(0.5)
                wide.add(1 << 50)
        for child in [self.child(work) for _ in range(4)]:
            child.join()
        self.assertEqual((value.value, total.value, wide.value), (40000, 2000.0, 4000 << 50))
        self.assertEqual(value.exchange(5), 40000)
        self.assertTrue(value.compare_and_set(5, 6))
        self.assertFalse(value.compare_and_set(5, 7))
        self.assertEqual(value.value, 6)
        wide.exchange((1 << 64) - 1)
        self.assertEqual(wide.add(2), (1 << 64) - 1)
        self.assertEqual(wide.value, 1)
        self.assertRaises(ValueError, value.exchange, 1 << 40)
        self.assertRaises(ValueError, value.exchange, 1 << 70)
        self.assertRaises(TypeError, value.add, 0.5)

    def test_locked_increments(self):
        value = mproc.Value('i', 0)

        def work():
            for _ in range(500):
                with value.get_lock():
                    value.value += 1
        for child in [self.child(work) for _ in range(4)]:
            child.join()
        self.assertEqual(value.value, 2000)

    def test_structures(self):
        point = mproc.Value(Point, 3, 1.5)
        self.assertEqual((point.x, point.y), (3, 1.5))
        points = mproc.Array(Point, [(1, 2), (3, 4)])

        def work():
            point.x += 1
            points[1].y = 9
        self.child(work).join()
        self.assertEqual((point.x, points[1].y), (4, 9))
        self.assertEqual(type(point).__name__, 'SynchronizedPoint')
        new = sharedctypes.copy(point.get_obj())
        new.x = 0
        self.assertEqual((point.x, new.y), (4, 1.5))
        self.assertRaises(AssertionError, sharedctypes.synchronized, point)

    def test_parts_keep_the_whole(self):
        part = mproc.RawArray(Point, 1000)[999]
        gc.collect()
        others = [mproc.RawArray('d', [1.0] * 2000) for _ in range(20)]
        self.assertEqual((part.x, part.y), (0, 0))
        del others

    def test_arrays(self):
        array = mproc.Array('i', 5)
        self.assertEqual((len(array), array[:]), (5, [0] * 5))
        array[-1] = 4
        self.assertEqual(list(array), [0, 0, 0, 0, 4])
        with self.assertRaises(IndexError):
            array[5]
        self.assertEqual(array.add(4, 3), 4)
        self.assertTrue(array.compare_and_set(-1, 7, 8))
        self.assertEqual(array[4], 8)
        self.assertRaises(IndexError, array.add, 5, 1)
        self.assertRaises(ValueError, mproc.Array, 'i', -1)
        self.assertEqual(len(mproc.Array('i', 0)), 0)
        self.assertEqual(mproc.RawArray('i', (n for n in range(3)))[:], [0, 1, 2])
        for size in 1 << 62, 1 << 61:
            self.assertRaises((MemoryError, OverflowError), mproc.Array, 'd', size)

    def test_strings(self):
        text = mproc.Array('c', b'hello')
        self.assertEqual((text.value, text.raw, text[:2]), (b'hello', b'hello', b'he'))
        text.value = b'hi'
        self.assertEqual((text.value, text.raw), (b'hi', b'hi\0lo'))
        self.assertEqual(type(text).__name__, 'SynchronizedString')

    def test_numpy(self):
        try:
            import numpy
        except ImportError:
            self.skipTest('numpy is not there')
        raw = mproc.RawArray('d', 100)
        array = numpy.frombuffer(raw)
        array[7] = 1.5
        self.assertEqual(raw[7], 1.5)

    def test_to_a_running_process(self):
        q, back = mproc.Queue(), mproc.Queue()

        def work():
            for _ in range(5):
                thing = q.get()
                if hasattr(thing, 'x'):
                    thing.x = 42
                elif hasattr(thing, '__len__'):
                    thing[0] = 42
                else:
                    thing.value = 42
                back.put(type(thing).__name__)
        child = self.child(work)
        things = [mproc.Value('i'), mproc.Array('d', 3), mproc.RawValue('h'),
                  mproc.RawArray('b', 2), mproc.Value(Point)]
        for thing in things:
            q.put(thing)
        names = [back.get(timeout=20) for _ in things]
        child.join()
        self.assertEqual(names, [type(thing).__name__ for thing in things])
        self.assertEqual([things[0].value, things[1][0], things[2].value, things[3][0],
                          things[4].x], [42] * 5)
        self.assertRaises(RuntimeError, pickle.dumps, things[0])
        self.assertEqual(pickle.loads(pickle.dumps(ctypes.c_int(3))).value, 3)

    def test_a_lock_of_threads_is_not_copied(self):
        class Wrapped:
            def __init__(self, lock):
                self.acquire, self.release = lock.acquire, lock.release

        q = mproc.Queue()
        for lock in (threading.Lock(), threading.RLock(), threading.Condition(),
                     threading.Semaphore(), Wrapped(threading.Lock())):
            for thing in mproc.Value('i', lock=lock), mproc.Array('i', 2, lock=lock):
                for send in q.put, lambda thing: q.put_many([thing]), pickle.dumps:
                    with self.assertRaisesRegex(TypeError, 'cannot be sent to another process'):
                        send(thing)
        self.assertTrue(q.empty())
        for lock in mproc.Lock(), mproc.Condition(), mproc.Semaphore():
            q.put(mproc.Value('i', 5, lock=lock))
            same = q.get()
            self.assertEqual((same.value, type(same.get_lock())), (5, type(lock)))

    def test_killed_holder(self):
        value, q = mproc.Value('i', 1), mproc.Queue()

        def work():
            value.acquire()
            q.put('held')
            signal.pause()
        child = self.child(work)
        q.get(timeout=20)
        child.kill()
        child.join()
        value.value = 2
        self.assertEqual(value.value, 2)


class Bare(TestCase):
    """The classes of gi.repository.Mp themselves."""

    def test_value(self):
        value = Mp.Value.new(Mp.ElementType.UINT8)
        value.value = 250
        self.assertEqual(value.add(10), 250)
        self.assertEqual((value.value, value.and_(1), value.or_(2), value.xor(3)), (4, 4, 0, 2))
        self.assertRaises(ValueError, setattr, value, 'value', 256)
        self.assertRaises(ValueError, value.exchange, -1)
        flag = Mp.Value.new(Mp.ElementType.BOOLEAN)
        self.assertIs(flag.exchange(True), False)
        self.assertIs(flag.value, True)

    def test_array(self):
        array = Mp.Array.new(Mp.ElementType.UINT64, 3)
        array[1] = (1 << 64) - 1
        self.assertEqual(list(array), [0, (1 << 64) - 1, 0])
        array[:2] = [5, 6]
        self.assertEqual(array[::-1], [0, 6, 5])
        with array.buf as view:
            view[2] = 7
        self.assertEqual((array[-1], len(array)), (7, 3))
        self.assertRaises(IndexError, array.__getitem__, 3)


if __name__ == '__main__':
    unittest.main()
