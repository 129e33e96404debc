# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""Large values: blocks of shared memory, views of them, and how long they live."""

import gc
import multiprocessing
import os
import pickle
import signal
import unittest

from support import TestCase, open_main_loop, wait_until

from gi.overrides import _MpBuffers
from gi.repository import GLib, Mp

import mproc

try:
    import numpy
except ImportError:
    numpy = None

MIB = 1 << 20


class Numbers:
    """What numpy does, without numpy: a large buffer beside the pickle."""

    def __init__(self, content):
        self.content = content

    def __reduce_ex__(self, protocol):
        return Numbers, (pickle.PickleBuffer(self.content),)


def iterate():
    """What the main loop has to do now."""
    while GLib.MainContext.default().iteration(False):
        pass


def used():
    """What of the shared memory is in use, apart from what is kept warm."""
    gc.collect()
    Mp.memory_trim()
    return Mp.memory_get_used()


class Large(TestCase):
    def test_bytes_and_texts(self):
        q = mproc.Queue()
        for value in (os.urandom(5 * MIB), bytearray(os.urandom(3 * MIB)), 'ü' * MIB,
                      [os.urandom(2 * MIB), 'x' * MIB], {'a': bytearray(MIB)}, list(range(MIB))):
            q.put(value)
            got = q.get()
            self.assertIs(type(got), type(value))
            self.assertEqual(got, value)

    def test_every_size_around_the_borders(self):
        q = mproc.Queue()
        for border in 0, 4096, 4096 * 2, _MpBuffers.LARGE, 65536, 131072:
            for size in range(max(0, border - 70), border + 70, 7):
                data = os.urandom(size)
                for value in data, bytearray(data), Numbers(data):
                    q.put(value)
                    got = q.get()
                    if isinstance(got, Numbers):
                        got, value = bytes(got.content), data
                    self.assertEqual(got, value)

    def test_a_memoryview_is_refused_as_by_multiprocessing(self):
        with self.assertRaises(TypeError) as ours:
            mproc.Queue().put(memoryview(bytes(100000)))
        with self.assertRaises(TypeError) as theirs:
            multiprocessing.SimpleQueue().put(memoryview(bytes(100000)))
        self.assertEqual(str(ours.exception), str(theirs.exception))

    def test_between_processes(self):
        there, back = mproc.Queue(), mproc.Queue()
        self.child(lambda: [back.put(Numbers(n.content)) for n in iter(there.get, None)])
        for size in (MIB, 3 * MIB + 5, 100):
            data = os.urandom(size)
            there.put(Numbers(data))
            self.assertEqual(bytes(back.get(timeout=10).content), data)
        there.put(None)

    def test_of_a_killed_sender(self):
        q = mproc.Queue()
        p = self.child(lambda: (q.put(Numbers(b'x' * MIB)), q.put('sent'), signal.pause()))
        self.assertSoon(lambda: q.qsize() == 2)
        p.kill()
        p.join()
        self.assertEqual(bytes(q.get().content), b'x' * MIB)
        self.assertEqual(q.get(), 'sent')


class Views(TestCase):
    """A view holds the memory; nothing else does."""

    def get(self, *buffers, **options):
        q = mproc.Queue()
        q.put([Numbers(content) for content in buffers])
        return [numbers.content for numbers in q.get(**options)]

    def test_are_read_only_or_copies(self):
        view, = self.get(b'x' * 100000)
        self.assertIsInstance(view, memoryview)
        with self.assertRaises(TypeError):
            view[0] = 5
        view, = self.get(bytearray(b'x' * 100000))
        self.assertTrue(view.readonly)
        copy, = self.get(bytearray(b'x' * 100000), writable=True)
        copy[0] = 5
        self.assertEqual(copy[:2], b'\5x')

    def test_small_buffers_stay_in_the_pickle(self):
        small, large = self.get(b'x' * 100, b'y' * 100000)
        self.assertEqual((type(small), type(large)), (bytes, memoryview))

    def test_begin_where_numbers_may(self):
        import ctypes
        for view in self.get(b'x' * 100001, b'y' * 40007, b'z' * 50000):
            start = ctypes.c_char.from_buffer_copy(view[:1])
            self.assertIn(start.value, b'xyz')
            if numpy:
                self.assertEqual(numpy.frombuffer(view, 'B').ctypes.data % 64, 0)

    def test_live_as_long_as_anything_looks(self):
        before = used()
        one, other = self.get(b'x' * MIB, b'y' * MIB)       # their queue is gone already
        self.assertGreater(used(), before + 2 * MIB)
        part = one[1000:2000]
        del one
        self.assertGreater(used(), before + MIB)
        self.assertEqual(bytes(part), b'x' * 1000)
        self.assertEqual(bytes(other), b'y' * MIB)
        del part, other
        self.assertLess(used(), before + MIB)

    def test_a_fork_has_them_too(self):
        view, = self.get(b'x' * MIB)
        go, answers = mproc.Queue(), mproc.Queue()
        self.child(lambda: (go.get(), answers.put(bytes(view[-5:]))))
        del view
        gc.collect()
        mproc.Queue().put(os.urandom(MIB))                  # would take freed memory
        go.put(1)
        self.assertEqual(answers.get(timeout=10), b'xxxxx')

    def test_many_do_not_pile_up(self):
        q = mproc.Queue()
        before = used()
        for _ in range(300):
            q.put([Numbers(b'x' * MIB)])
            q.get()
        self.assertLess(Mp.memory_get_used(), before + 80 * MIB)
        self.assertLess(used(), before + MIB)

    def test_with_shared_objects(self):
        q = mproc.Queue()
        q.put([mproc.Lock(), Numbers(b'x' * MIB), mproc.Event()])
        gc.collect()
        lock, numbers, event = q.get()
        self.assertTrue(lock.acquire(False))
        self.assertEqual(bytes(numbers.content), b'x' * MIB)
        event.set()

    def test_no_room(self):
        q = mproc.Queue()
        before = used()
        limit = Mp.memory_get_limit()
        self.addCleanup(Mp.memory_set_limit, limit)
        Mp.memory_set_limit(before + 16 * MIB)
        with self.assertRaises(mproc.NoSpaceError):
            q.put(Numbers(bytes(64 * MIB)))
        self.assertTrue(q.empty())
        q.put(Numbers(b'z' * MIB))
        self.assertEqual(q.get().content[0], ord('z'))

    def test_a_full_queue(self):
        import queue
        q = mproc.Queue(1)
        q.put(Numbers(bytes(MIB)))
        before = used()
        for _ in range(5):
            self.assertRaises(queue.Full, q.put, Numbers(bytes(MIB)), timeout=0.01)
        self.assertLess(used(), before + MIB)

    def test_damaged(self):
        """Whoever writes nonsense into a queue gets an error out of it, and nothing else."""
        q = mproc.Queue()
        good = bytes(_MpBuffers.look(_MpBuffers.write(pickle.dumps(5), [memoryview(bytes(40000))])))
        for at in range(len(good) - 32, len(good)):
            for byte in 0, 1, 127, 255:
                bad = bytearray(good)
                bad[at] = byte
                q.put_data(2, bytes(bad), -1)
                try:
                    self.assertEqual(q.get(), 5)
                except (ValueError, pickle.UnpicklingError):
                    pass
        self.assertTrue(q.empty())


class BesideSharedObjects(TestCase):
    setUpClass = staticmethod(open_main_loop)

    def test_in_one_copy(self):
        q, full = mproc.Queue(), mproc.Queue(1)
        full.put(None)
        for put in q.put, q.put_async, full.put_async:
            inner, before = mproc.Queue(), used()
            put([inner, Numbers(b'x' * MIB)])
            inner.put('kept')
            del inner
            if put == full.put_async:       # where it waits, it lies in shared memory already
                self.assertGreater(used(), before + MIB)
                full.get()
            source = q if put != full.put_async else full
            self.assertTrue(wait_until(lambda: iterate() or not source.empty()))
            got, numbers = source.get()
            self.assertTrue(numbers.content.readonly)
            self.assertLess(used(), before + 2 * MIB)
            self.assertEqual((got.get(timeout=20), bytes(numbers.content)), ('kept', b'x' * MIB))
            del got, numbers
            wait_until(lambda: iterate() or used() < before + MIB)
            self.assertLess(used(), before + MIB)


@unittest.skipUnless(numpy, 'needs numpy')
class Arrays(TestCase):
    def test_one_mebibyte(self):
        q = mproc.Queue()
        array = numpy.arange(MIB // 8, dtype='d')
        q.put(array)
        got = q.get()
        self.assertTrue((got == array).all())
        self.assertEqual((got.dtype, got.shape), (array.dtype, array.shape))
        self.assertFalse(got.flags.writeable)
        self.assertFalse(got.flags.owndata)
        del q
        gc.collect()
        self.assertEqual(got[-1], array[-1])
        q = mproc.Queue()
        q.put(array)
        got = q.get(writable=True)
        got[0] = 99
        self.assertEqual(got[0], 99)

    def test_shapes_and_types(self):
        q = mproc.Queue()
        base = numpy.arange(60000)
        for array in (base.reshape(300, 200), base.reshape(300, 200).T, base[::3], base > 5,
                      base.astype('c16').reshape(30, 20, 100), numpy.array([None, 'x'] * 20000),
                      numpy.array(['text'] * 20000), numpy.zeros((0, 5)), base[:10]):
            q.put({'array': array})
            got = q.get()['array']
            self.assertEqual((got.dtype, got.shape), (array.dtype, array.shape))
            self.assertTrue((got == array).all())

    def test_of_objects_that_are_shared(self):
        q = mproc.Queue()
        array = numpy.empty(10000, dtype=object)
        array[:] = [q]
        q.put([array, numpy.arange(100000)])
        array = q.get()[0]
        self.assertIs(array[0], array[-1])
        self.assertIs(type(array[0]), type(q))

    def test_slices_hold_the_block(self):
        q = mproc.Queue()
        before = used()
        q.put(numpy.ones(MIB))
        column = q.get().reshape(-1, 1024)[:, 5]
        self.assertGreater(used(), before + MIB)
        self.assertEqual(column.sum(), 1024)
        del column
        self.assertLess(used(), before + MIB)


if __name__ == '__main__':
    unittest.main()
