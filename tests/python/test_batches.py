# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""Queues beyond put() and get(): many values in one call, joinable and simple queues, wrong use."""

import multiprocessing
import os
import pickle
import queue
import signal
import threading
import time
import unittest

from support import TestCase

import mproc
import mproc.queues


class Unreadable:
    """Travels, and fails where it arrives."""

    def __reduce__(self):
        return int, ('not a number',)


class Unwilling:
    def __reduce__(self):
        raise ValueError('I stay')


class Batches(TestCase):
    def test_any_number_and_size(self):
        q = mproc.Queue()
        values = []
        for n in 0, 1, 2, 300, 5000:
            values = list(range(n))
            self.assertEqual(q.put_many(values), n)
            if n:
                self.assertEqual(q.get_many(n), values)
        values = ['x' * size for size in (0, 1, 4000, 4096, 5000, 70000, 10)] * 30
        self.assertEqual(q.put_many(iter(values)), len(values))
        self.assertEqual(q.get_many(10000), values)

    def test_mixed_values(self):
        q, lock = mproc.Queue(), mproc.Lock()
        q.put_many([b'a', 1, lock, b'b' * 100000, {'c': 2}, bytearray(50000), None])
        got = q.get_many(100)
        got[2].acquire()
        self.assertFalse(lock.acquire(False))
        self.assertEqual(got[:2] + got[3:], [b'a', 1, b'b' * 100000, {'c': 2}, bytearray(50000),
                                             None])

    def test_in_the_order_of_single_ones(self):
        q = mproc.Queue()
        q.put(0)
        q.put_many([1, 'x' * 5000, 2])
        q.put(3)
        self.assertEqual(q.get(), 0)
        self.assertEqual(q.get_many(2), [1, 'x' * 5000])
        self.assertEqual(q.get(), 2)
        self.assertEqual(q.get_many(1), [3])
        self.assertTrue(q.empty())

    def test_get_waits_for_the_first_only(self):
        q = mproc.Queue()
        before = time.monotonic()
        self.assertRaises(queue.Empty, q.get_many, 5, False)
        self.assertRaises(queue.Empty, q.get_many, 5, timeout=0.25)
        self.assertGreaterEqual(time.monotonic() - before, 0.25)
        self.child(lambda: (time.sleep(0.3), q.put('late')))
        self.assertEqual(q.get_many(5), ['late'])
        q.put('there')
        self.assertEqual(q.get_many(5), ['there'])
        self.child(lambda: (time.sleep(0.3), q.put('large' * 10000)))
        self.assertEqual(q.get_many(5), ['large' * 10000])

    def test_put_in_a_bounded_queue(self):
        q = mproc.Queue(10)
        self.assertEqual(q.put_many(range(25), block=False), 10)
        self.assertRaises(queue.Full, q.put_many, range(3), False)
        self.assertRaises(queue.Full, q.put_many, ['x' * 100000], timeout=0.05)
        self.assertEqual(q.put_many([], False), 0)
        self.assertEqual(q.get_many(4), [0, 1, 2, 3])
        before = time.monotonic()
        self.assertEqual(q.put_many(['a'] * 7, timeout=0.25), 4)
        self.assertGreaterEqual(time.monotonic() - before, 0.25)
        self.child(lambda: [q.get() for _ in range(500)])
        self.assertEqual(q.put_many(range(490)), 490)

    def test_what_cannot_be_sent(self):
        q = mproc.Queue()
        with self.assertRaisesRegex(ValueError, 'I stay') as caught:
            q.put_many([1, 2, Unwilling(), 4])
        self.assertEqual(caught.exception.n_put, 2)
        self.assertEqual(q.get_many(9), [1, 2])

        def fails():
            yield 'first'
            raise KeyError('mine')
        with self.assertRaises(KeyError) as caught:
            q.put_many(fails())
        self.assertEqual((caught.exception.n_put, q.get_many(9)), (1, ['first']))
        self.assertRaises(TypeError, q.put_many, 5)

    def test_what_cannot_be_read(self):
        q = mproc.Queue()
        for large in '', 'x' * 10000:
            q.put_many([1, [Unreadable(), large], 2, large, [Unreadable(), large], 3])
            with self.assertRaises(ValueError) as caught:
                q.get_many(5)
            self.assertEqual(caught.exception.values, [1, 2, large])
            self.assertEqual(q.get_many(5), [3])
        q.put(1)
        q.put_text('this is not JSON', -1)
        q.put(2)
        with self.assertRaises(mproc.InvalidDataError) as caught:
            q.get_many(5)
        self.assertEqual(caught.exception.values, [1, 2])

    def test_values_of_other_languages(self):
        q = mproc.Queue()
        for i in range(3):
            q.put_text('{"a": [%d, null]}' % i, -1)
        self.assertEqual(q.get_many(5), [{'a': [i, None]} for i in range(3)])

    def test_producers_and_consumers(self):
        q, results = mproc.Queue(100), mproc.Queue()

        def consume():
            got = []
            while None not in got:
                got += q.get_many(17)
            rest = got[got.index(None) + 1:]
            q.put_many(rest)                    # the ends of the others
            results.put(got[:got.index(None)])

        def produce(number):
            sizes = [0, 10, 6000]
            q.put_many((number, i, 'x' * sizes[i % 3]) for i in range(1000))

        consumers = [self.child(consume) for _ in range(2)]
        producers = [self.child(produce, number) for number in range(3)]
        for p in producers:
            p.join()
        q.put_many([None] * len(consumers))
        got = [results.get(timeout=30) for _ in consumers]
        self.assertEqual(sorted(item[:2] for items in got for item in items),
                         [(n, i) for n in range(3) for i in range(1000)])

    def test_ctrl_c_leaves_what_was_done(self):
        q = mproc.Queue(5)
        before = signal.signal(signal.SIGUSR1, signal.default_int_handler)
        self.addCleanup(signal.signal, signal.SIGUSR1, before)
        timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGUSR1))
        timer.start()
        with self.assertRaises(KeyboardInterrupt) as caught:
            q.put_many(range(10))
        timer.join()
        self.assertEqual((caught.exception.n_put, q.qsize()), (5, 5))
        self.assertEqual(q.get_many(9), list(range(5)))

    def test_the_end(self):
        q = mproc.Queue()
        q.put_many([1, 2])
        q.shutdown()
        with self.assertRaises(mproc.ShutDown) as caught:
            q.put_many([3])
        self.assertEqual(caught.exception.n_put, 0)
        self.assertEqual(q.get_many(5), [1, 2])
        self.assertRaises(mproc.ShutDown, q.get_many, 5)
        q.close()
        self.assertRaisesRegex(ValueError, 'is closed', q.get_many, 5)
        self.assertRaisesRegex(ValueError, 'is closed', q.put_many, [5])


class Joinable(TestCase):
    def test_as_multiprocessing(self):
        for package in multiprocessing, mproc:
            q = package.JoinableQueue(5)
            self.assertIsInstance(q, package.queues.JoinableQueue)
            self.assertIsInstance(q, package.queues.Queue)
            self.assertNotIsInstance(package.Queue(), package.queues.JoinableQueue)
            with self.assertRaisesRegex(ValueError, r'^task_done\(\) called too many times$'):
                q.task_done()
            q.join()
            for i in range(5):
                q.put(i)
            self.assertRaises(queue.Full, q.put, 5, False)
            self.assertEqual([q.get() for _ in range(5)], list(range(5)))
            for _ in range(5):
                q.task_done()
            self.assertRaises(ValueError, q.task_done)
            q.join()
            q.close()
            self.assertRaisesRegex(ValueError, r'^Queue <.*JoinableQueue object at 0x\w+> is '
                                   'closed$', q.put, 1)
            q.join_thread()

    def test_join_with_a_limit(self):
        q = mproc.JoinableQueue()
        self.assertIs(q.join(), True)
        q.put(1)
        self.assertIs(q.join(0), False)
        before = time.monotonic()
        self.assertIs(q.join(0.25), False)
        self.assertGreaterEqual(time.monotonic() - before, 0.25)
        q.get()
        self.assertIs(q.join(0), False)
        q.task_done()
        self.assertIs(q.join(0), True)

    def test_workers(self):
        q, results = mproc.JoinableQueue(), mproc.Queue()

        def work():
            for n in q:
                results.put(n)
                q.task_done()

        for _ in range(3):
            self.child(work)
        q.put_many(range(300))
        self.assertTrue(q.join(30))
        self.assertEqual(sorted(results.get_many(1000)), list(range(300)))
        q.shutdown()

    def test_a_killed_worker_gives_back(self):
        q, taken, done = mproc.JoinableQueue(), mproc.Queue(), mproc.Queue()
        q.put_many([1, 2, 3, [4, 'x' * 100000]])
        p = self.child(lambda: (q.get(), q.get(), q.task_done(), q.get(), taken.put(1),
                                signal.pause()))
        taken.get(timeout=10)
        self.assertIs(q.join(0.1), False)
        p.kill()
        p.join()

        def work():
            for value in q:
                done.put(value)
                q.task_done()

        self.child(work)
        self.assertTrue(q.join(20))
        values = done.get_many(10)
        self.assertEqual(sorted(values, key=str), [2, 3, [4, 'x' * 100000]])
        q.shutdown()

    def test_batches(self):
        q = mproc.JoinableQueue()
        q.put_many(['a', b'b', 'c' * 100000])
        self.assertEqual(q.get_many(10), ['a', b'b', 'c' * 100000])
        for _ in range(3):
            self.assertIs(q.join(0), False)
            q.task_done()
        self.assertIs(q.join(0), True)

    def test_through_a_queue_it_stays_joinable(self):
        q, way = mproc.JoinableQueue(), mproc.Queue()
        way.put(q)
        self.assertIsInstance(way.get(), mproc.queues.JoinableQueue)
        self.assertRegex(repr(q), '^<mproc.JoinableQueue object at 0x')

    def test_others_are_not(self):
        self.assertRaisesRegex(ValueError, 'is not joinable', mproc.Queue().join)
        self.assertRaisesRegex(ValueError, 'is not joinable', mproc.Queue().task_done)


class Simple(TestCase):
    def test_as_multiprocessing(self):
        for package in multiprocessing, mproc:
            q = package.SimpleQueue()
            self.assertIsInstance(q, package.queues.SimpleQueue)
            self.assertTrue(q.empty())
            for value in 1, b'bytes', {'a': [None]}:
                q.put(value)
                self.assertFalse(q.empty())
                self.assertEqual(q.get(), value)
            with self.assertRaisesRegex(RuntimeError, '^SimpleQueue objects should only'):
                pickle.dumps(q)
            q.close()
            q.close()
            for call in q.get, q.empty, lambda: q.put(1):
                self.assertRaisesRegex(OSError, '^handle is closed$', call)

    def test_between_processes(self):
        there, back = mproc.SimpleQueue(), mproc.SimpleQueue()
        p = self.child(lambda: [back.put([value]) for value in iter(there.get, None)])
        for value in 1, 'x', [2]:
            there.put(value)
            self.assertEqual(back.get(), [value])
        there.put(there)
        back.get()[0].put(None)         # the same queue
        p.join()
        self.assertEqual(p.exitcode, 0)


class Wrong(TestCase):
    """What is wrong for multiprocessing is wrong here."""

    def outcome(self, call):
        try:
            call()
        except Exception as error:
            return type(error)
        return None

    def test_sizes(self):
        for size in -1, 0, 5, True, 2.5, 'x', None, [], 2**31, 2**40:
            for name in 'Queue', 'JoinableQueue':
                with self.subTest(size=size, kind=name):
                    theirs = self.outcome(lambda: getattr(multiprocessing, name)(size))
                    ours = self.outcome(lambda: getattr(mproc, name)(size))
                    self.assertEqual(ours, theirs if size != 2**31 else None)

    def test_sizes_of_the_library(self):
        from gi.repository import Mp
        for size, error in ((-1, ValueError), (-2**70, ValueError), (2**32, OverflowError),
                            (2.5, TypeError), ('x', TypeError), (None, TypeError)):
            self.assertRaises(error, Mp.Queue.new, size)
            self.assertRaises(error, Mp.Queue.new_joinable, size)

    def test_timeouts(self):
        for value in -1, 0, 0.01, 'x', []:
            with self.subTest(timeout=value):
                theirs, ours = multiprocessing.Queue(1), mproc.Queue(1)
                self.assertEqual(self.outcome(lambda: ours.get(True, value)),
                                 self.outcome(lambda: theirs.get(True, value)))
                theirs.put(1)
                ours.put(1)
                self.assertEqual(self.outcome(lambda: ours.put(2, True, value)),
                                 self.outcome(lambda: theirs.put(2, True, value)))
                theirs.close()
                theirs.join_thread()

    def test_numbers_of_values(self):
        q = mproc.Queue()
        q.put(1)
        self.assertRaises(ValueError, q.get_many, 0)
        self.assertRaises(ValueError, q.get_many, -5)
        self.assertRaises(TypeError, q.get_many, 'x')
        self.assertRaises(TypeError, q.get_many, 1.5)
        self.assertEqual(q.get_many(2**70), [1])


if __name__ == '__main__':
    unittest.main()
