# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""The short way of plain tasks through a pool: it means what the long one means.

A function takes it from the second call on, so each test gives its task more than once. All of it
holds without the accelerator, too: there is only the long way then.
"""

import gc
import os
import pickle
import signal
import sys
import threading
import time
import unittest
import weakref

from support import TestCase, wait_until

import mproc
from gi.overrides import _MpFast
from mproc.errors import Cancelled, MaybeEncodingError, TimeoutError, WorkerDied
from mproc.pool import AsyncResult, Pool


def identity(x):
    return x


def add(a, b=0, *, c=0):
    return a + b + c


def nothing():
    pass


def die(number):
    os.kill(os.getpid(), number)
    time.sleep(60)


def fail_deeply(x):
    def inner():
        raise LookupError('deep', x)
    inner()


def wait_for(event):
    event.wait()


def give_refusing(x):
    return Refuses()


def give_exiting():
    return Exits()


def give_large_and_refusing(data):
    return [data, Refuses()]


def pair(x):
    return x, Late()


class Late:
    """Pickled by the long way only, as something with a shared object in it."""

    def __reduce__(self):
        if getattr(threading.current_thread(), 'tried', False):
            return str, ('late',)
        threading.current_thread().tried = True
        raise TypeError('not at first')


def put(q, x):
    q.put(x)


def change_first(data):
    data[0] = 7
    return data


class Refuses:
    def __reduce__(self):
        raise TypeError('never')


class Exits:
    def __reduce__(self):
        raise SystemExit(4)


class Alarm(Exception):
    pass


class Case(TestCase):
    def pool(self, *arguments, **options):
        pool = Pool(*arguments, **options)

        def end():
            pool.terminate()
            pool.join()
        self.addCleanup(end)
        for _ in range(2):
            self.assertIs(pool.apply(nothing), None)
        return pool


class Calls(Case):
    def test_arguments(self):
        pool = self.pool(1)
        for _ in range(3):
            self.assertEqual(pool.apply(add, (1,)), 1)
            self.assertEqual(pool.apply(add, [1, 2]), 3)
            self.assertEqual(pool.apply(add, (1,), {'c': 5}), 6)
            self.assertEqual(pool.apply(func=add, args=(1,), kwds={'b': 2, 'c': 3}), 6)
            self.assertEqual(pool.apply_async(add, (x for x in (1, 2))).get(), 3)
            self.assertEqual(pool.apply_async(add, kwds={'a': 4}).get(), 4)
            self.assertEqual(pool.apply(add, (1,), timeout=60), 1)
            self.assertEqual(pool.apply(len, ('abc',)), 3)
            self.assertEqual(pool.apply(int, ('12',)), 12)

    def test_nonsense(self):
        pool = self.pool(1)
        for _ in range(2):
            self.assertRaises(TypeError, pool.apply)
            self.assertRaises(TypeError, pool.apply, 1)
            self.assertRaises(TypeError, pool.apply, nothing, 5)
            self.assertRaises(TypeError, pool.apply, nothing, (), {}, colour='red')
            self.assertRaises(TypeError, pool.apply, add)
            self.assertRaises(TypeError, pool.apply_async, nothing, (), {}, None, None, 6)
            self.assertRaises(TypeError, pool.apply_async(nothing).get, 1, 2)
            self.assertEqual(pool.apply(add, (2,)), 2)

    def test_async_result(self):
        pool = self.pool(1)
        result = pool.apply_async(identity, ([1],))
        self.assertIsInstance(result, AsyncResult)
        self.assertIs(result.get(), result.get())
        self.assertTrue(result.ready() and result.successful())
        self.assertIs(result.wait(), None)
        self.assertEqual((result.progress, result.output), (1.0, ''))
        self.assertFalse(result.cancel())
        self.assertIs(weakref.ref(result)(), result)
        if _MpFast.native is not None:
            self.assertIsInstance(result, _MpFast.native.Task)

    def test_time_out(self):
        pool = self.pool(1)
        event = mproc.Event()
        result = pool.apply_async(wait_for, (event,))
        self.assertRaises(TimeoutError, result.get, 0.01)
        self.assertRaises(TimeoutError, result.get, timeout=0)
        self.assertRaises(ValueError, result.successful)
        self.assertIs(result.wait(0.01), None)
        self.assertFalse(result.ready())
        event.set()
        self.assertIs(result.get(60), None)

    def test_function_changes(self):
        pool = self.pool(1)
        self.addCleanup(globals().__setitem__, 'add', add)
        for _ in range(2):
            self.assertEqual(pool.apply(add, (1,)), 1)

        def other(a, b=0, *, c=0):
            return 'other'
        other.__qualname__ = other.__name__ = 'add'
        globals()['add'] = other
        for _ in range(2):
            self.assertEqual(pool.apply(other, (1,)), 'other')

    def test_subclass(self):
        class Counting(Pool):
            n = 0

            def apply_async(self, *arguments, **options):
                self.n += 1
                return super().apply_async(*arguments, **options)

        with Counting(1) as pool:
            for i in range(3):
                self.assertEqual(pool.apply(identity, (i,)), i)
            self.assertEqual(pool.n, 3)
        pool.join()

    def test_shared_objects(self):
        pool = self.pool(1)
        q = mproc.Queue()
        for i in range(3):
            pool.apply(put, (q, i))
        self.assertEqual([q.get() for _ in range(3)], [0, 1, 2])

    def test_after_the_end(self):
        pool = self.pool(1)
        late = pool.apply_async(identity, (5,))
        pool.close()
        for give in (lambda: pool.apply(nothing), lambda: pool.apply_async(nothing),
                     lambda: pool.map(identity, [1]), lambda: pool.imap(identity, [1])):
            self.assertRaises(ValueError, give)
        self.assertEqual(late.get(), 5)
        pool.join()

    def test_in_a_child(self):
        pool = self.pool(1)
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                pool.apply(nothing)
            except ValueError:
                code = 42
            finally:
                os._exit(code)
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 42)
        self.assertEqual(pool.apply(identity, (1,)), 1)

    def test_threads(self):
        pool = self.pool(2)
        wrong = []

        def work(number):
            for i in range(200):
                if pool.apply(add, (number, i)) != number + i:
                    wrong.append((number, i))
        threads = [threading.Thread(target=work, args=(1000 * n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])


class Failures(Case):
    def test_worker_killed(self):
        pool = self.pool(2)
        for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGKILL):
            with self.assertRaises(WorkerDied) as caught:
                pool.apply(die, (number,))
            self.assertEqual(caught.exception.signal, number)
            results = [pool.apply_async(identity, (i,)) for i in range(20)]
            lost = pool.apply_async(die, (number,))
            self.assertRaises(WorkerDied, lost.get)
            self.assertRaises(WorkerDied, lost.get)
            self.assertEqual([result.get() for result in results], list(range(20)))

    def test_cancelled(self):
        pool = self.pool(1)
        event = mproc.Event()
        running = pool.apply_async(wait_for, (event,))
        queued = [pool.apply_async(identity, (i,)) for i in range(10)]
        self.assertTrue(queued[3].cancel())
        self.assertFalse(queued[3].cancel())
        event.set()
        self.assertRaises(Cancelled, queued[3].get)
        self.assertFalse(queued[3].successful())
        self.assertEqual([queued[i].get() for i in (0, 2, 4, 9)], [0, 2, 4, 9])
        self.assertIs(running.get(), None)

    def test_argument_that_cannot_travel(self):
        pool = self.pool(1)
        for _ in range(2):
            self.assertEqual(pool.apply(identity, (1,)), 1)
            self.assertRaises(TypeError, pool.apply, identity, (Refuses(),))
            self.assertRaises(TypeError, pool.apply_async, identity, (Refuses(),))
            self.assertRaises(TypeError, pool.map, identity, [1, Refuses()], 1)
            with self.assertRaises(TypeError):
                list(pool.imap(identity, [Refuses()]))

    def test_result_that_cannot_travel(self):
        pool = self.pool(1)
        for _ in range(2):
            with self.assertRaises(MaybeEncodingError):
                pool.apply(give_refusing, (1,))
            self.assertRaises(MaybeEncodingError, pool.apply_async(give_refusing, (1,)).get)
            self.assertRaises(MaybeEncodingError, pool.map, give_refusing, [1, 2])
            self.assertRaises(MaybeEncodingError, pool.apply, give_exiting)

    def test_result_by_the_long_way(self):
        pool = self.pool(1)
        for _ in range(2):
            self.assertEqual(pool.apply(pair, (1,)), (1, 'late'))

    def test_exception(self):
        pool = self.pool(1)
        for call in (lambda: pool.apply(fail_deeply, (3,)),
                     pool.apply_async(fail_deeply, (3,)).get,
                     lambda: pool.map(fail_deeply, [3]), pool.imap(fail_deeply, [3]).next):
            with self.assertRaises(LookupError) as caught:
                call()
            self.assertEqual(caught.exception.args, ('deep', 3))
            self.assertIn('in fail_deeply', str(caught.exception.__cause__))
            self.assertIn('in inner', str(caught.exception.__cause__))

    def test_initializer(self):
        with Pool(1, initializer=fail_deeply, initargs=(1,)) as pool:
            for _ in range(3):
                with self.assertRaisesRegex(mproc.InitializerError, 'deep'):
                    pool.apply(identity, (1,))
        pool.join()

    def test_handler_that_raises(self):
        pool = self.pool(1)
        event = mproc.Event()

        def ring(number, frame):
            raise Alarm
        before = signal.signal(signal.SIGALRM, ring)
        self.addCleanup(signal.signal, signal.SIGALRM, before)
        pool.apply(identity, (1,))
        for wait in (lambda: pool.apply(wait_for, (event,)),
                     lambda: pool.apply_async(wait_for, (event,)).get(),
                     lambda: pool.apply_async(wait_for, (event,)).get(60)):
            signal.setitimer(signal.ITIMER_REAL, 0.05)
            self.assertRaises(Alarm, wait)
        event.set()
        self.assertEqual(pool.apply(identity, (2,)), 2)

    def test_tasks_per_worker(self):
        with Pool(1, maxtasksperchild=3) as pool:
            pids = [pool.apply(os.getpid) for _ in range(9)]
            self.assertEqual(len(set(pids)), 3)
        pool.join()


class Many(Case):
    def test_callbacks_in_order(self):
        pool = self.pool(1)
        seen = []
        results = [pool.apply_async(identity, (i,), callback=seen.append) for i in range(300)]
        failed = pool.apply_async(fail_deeply, (1,), error_callback=seen.append)
        plain = pool.apply_async(identity, ('plain',))
        self.assertEqual(plain.get(), 'plain')
        self.assertSoon(failed.ready)
        self.assertEqual(seen[:300], list(range(300)))
        self.assertIsInstance(seen[300], LookupError)
        self.assertTrue(all(result.ready() for result in results))

    def test_callback_while_others_wait(self):
        """apply() runs what is due, too."""
        pool = self.pool(2)
        seen = []
        pool.apply_async(identity, (1,), callback=seen.append)
        self.assertTrue(wait_until(lambda: pool.apply(identity, (seen[:],)) == [1], 30))

    def test_many_wait(self):
        pool = self.pool(2)
        event = mproc.Event()
        for _ in range(2):
            pool.apply_async(wait_for, (event,))
        results = [pool.apply_async(identity, (i,)) for i in range(50000)]
        self.assertEqual(pool.stats()['queued'], 50000)
        event.set()
        self.assertEqual([result.get() for result in results], list(range(50000)))

    @unittest.skipIf(_MpFast.native is None, 'without the accelerator they are larger')
    def test_they_are_small(self):
        pool = self.pool(1)
        self.assertLessEqual(sys.getsizeof(pool.apply_async(nothing)), 80)

    def test_imap(self):
        pool = self.pool(2)
        self.assertEqual(list(pool.imap(identity, iter(range(1000)))), list(range(1000)))
        self.assertEqual(sorted(pool.imap_unordered(identity, range(1000))), list(range(1000)))
        self.assertEqual(list(pool.imap(identity, range(100), 7)), list(range(100)))
        self.assertEqual(list(pool.imap(identity, [b'bytes', [], None])), [b'bytes', [], None])

    def test_cycle_is_collected(self):
        pool = self.pool(1)
        del self._cleanups[-1]
        pool.mine = [pool.apply_async(identity, (1,)), pool.imap(identity, [1, 2])]
        pool.mine[0].get()
        pool.terminate()
        pool.join()
        known = weakref.ref(pool)
        del pool
        gc.collect()
        self.assertIsNone(known())


class Large(Case):
    def test_there_and_back(self):
        pool = self.pool(2)
        data = os.urandom(1 << 20)
        for value in (data, [data, 'x', data], (data,), [bytearray(data)], [1, data, data[:5]],
                      pickle.PickleBuffer(data), {'a': data}):
            expected = data if type(value) is pickle.PickleBuffer else value
            self.assertEqual(pool.apply(identity, (value,)), expected)
            self.assertEqual(pool.apply_async(identity, (value,)).get(), expected)
            self.assertEqual(pool.map(identity, [value] * 3), [expected] * 3)
            self.assertEqual(list(pool.imap(identity, [value] * 3)), [expected] * 3)

    def test_can_be_changed(self):
        """What a task gets is its own, and what comes back is the caller's."""
        pool = self.pool(1)
        data = bytearray(1 << 20)
        for _ in range(2):
            result = pool.apply(change_first, (data,))
            self.assertEqual((result[0], data[0], len(result)), (7, 0, len(data)))
            result[1] = 8

    def test_many_pieces(self):
        pool = self.pool(1)
        value = [bytes([i % 256]) * 70000 for i in range(100)]
        self.assertEqual(pool.apply(identity, (value,)), value)

    def test_what_cannot_travel_is_in_it(self):
        pool = self.pool(1)
        data = bytes(1 << 20)
        self.assertRaises(TypeError, pool.apply, identity, ([data, Refuses()],))
        with self.assertRaises(MaybeEncodingError):
            pool.apply(give_large_and_refusing, (data,))
        self.assertEqual(pool.apply(len, (data,)), 1 << 20)


if __name__ == '__main__':
    unittest.main()
