# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""Pools: every way to give work, errors, callbacks, iterators, the end, and dead workers."""

import os
import signal
import sys
import threading
import time
import unittest
import warnings

from support import Running, TestCase, is_running, run, wait_until

import mproc
from mproc.errors import MaybeEncodingError
from mproc.pool import Pool


def square(x):
    return x * x


def add(a, b=0, *, c=0):
    return a + b + c


def fail(x):
    raise ValueError('bad', x)


def fail_on(x, bad):
    if x == bad:
        raise KeyError(x)
    return x


def slow(seconds):
    time.sleep(seconds)
    return seconds


def meet(where):
    """Whether so many tasks run at the same time."""
    q, number = where
    q.put(os.getpid())
    return wait_until(lambda: q.qsize() == number, 20)


def pid(_=None):
    return os.getpid()


def die(number):
    os.kill(os.getpid(), number)
    time.sleep(10)


class Awkward(Exception):
    """Pickles, but does not unpickle."""

    def __init__(self, one, two):
        super().__init__(one)


def fail_awkwardly():
    raise Awkward(1, 2)


def unpicklable():
    return (x for x in ())


def fail_with_surrogate(x):
    raise ValueError('bad name: \udcff')


class Exits:
    """Ends the process that pickles it, if that lets itself be ended."""

    def __reduce__(self):
        raise SystemExit(4)


def give_exits(_):
    return Exits()


class Base(TestCase):
    def pool(self, *args, **options):
        pool = mproc.Pool(*args, **options)

        def end():
            pool.terminate()
            pool.join()
        self.addCleanup(end)
        return pool


class Calls(Base):
    def setUp(self):
        super().setUp()
        self.p = self.pool(3)

    def test_errors_that_resist(self):
        with self.assertRaisesRegex(ValueError, 'bad name'):
            self.p.apply(fail_with_surrogate, (1,))
        with self.assertRaises(MaybeEncodingError):
            self.p.apply(give_exits, (1,))

    def test_chunk_sizes_are_integers(self):
        for size in float('nan'), 1.5, '1':
            self.assertRaises(TypeError, self.p.imap, square, [1], size)
            self.assertRaises(TypeError, self.p.map, square, [1], size)
        self.assertEqual(list(self.p.imap(square, [1, 2], 2)), [1, 4])

    def test_endless_timeouts(self):
        self.assertEqual(self.p.apply_async(square, (3,)).get(float('inf')), 9)

    def test_apply(self):
        self.assertEqual(self.p.apply(add, (1,)), 1)
        self.assertEqual(self.p.apply(add, (1, 2), {'c': 3}), 6)
        self.assertEqual(self.p.apply_async(add, [1, 2]).get(10), 3)

    def test_map(self):
        self.assertEqual(self.p.map(square, range(10)), [x * x for x in range(10)])
        self.assertEqual(self.p.map(square, []), [])
        self.assertEqual(self.p.map(square, iter([3])), [9])
        for chunksize in 1, 2, 7, 100:
            self.assertEqual(self.p.map(square, range(50), chunksize),
                             [x * x for x in range(50)])

    def test_starmap(self):
        pairs = [(i, i) for i in range(20)]
        self.assertEqual(self.p.starmap(add, pairs), [2 * i for i in range(20)])
        self.assertEqual(self.p.starmap_async(add, pairs, 3).get(10), [2 * i for i in range(20)])

    def test_result(self):
        r = self.p.apply_async(slow, (0.3,))
        self.assertFalse(r.ready())
        with self.assertRaisesRegex(ValueError, 'not ready'):
            r.successful()
        self.assertIsNone(r.wait(0.05))
        with self.assertRaises(mproc.TimeoutError):
            r.get(timeout=0.05)
        with self.assertRaises(TimeoutError):
            r.get(timeout=0)
        self.assertEqual(r.get(10), 0.3)
        self.assertTrue(r.ready() and r.successful())
        self.assertEqual(r.get(), 0.3)

    def test_runs_in_parallel(self):
        here = mproc.Queue()
        self.assertEqual(self.p.map(meet, [(here, 3)] * 3, 1), [True] * 3)

    def test_from_several_threads(self):
        got = []

        def use(number):
            with mproc.Pool(1) as own:
                got.append(own.apply(square, (number,)))
            got.extend(self.p.map(square, [number] * 10, 1))
            got.extend(self.p.imap_unordered(square, [number] * 10))
        threads = [threading.Thread(target=use, args=(number,)) for number in range(4)]
        for t in threads:
            t.start()
        for t in threads:
            t.join(60)
        self.assertEqual(sorted(got), sorted(n * n for n in range(4) for _ in range(21)))

    def test_imap(self):
        self.assertEqual(list(self.p.imap(square, range(50))), [x * x for x in range(50)])
        self.assertEqual(list(self.p.imap(square, range(50), 7)), [x * x for x in range(50)])
        it = self.p.imap(square, [2])
        self.assertEqual(next(it), 4)
        self.assertRaises(StopIteration, next, it)
        self.assertRaises(StopIteration, it.next, 1)
        with self.assertRaisesRegex(ValueError, r'Chunksize must be 1\+'):
            self.p.imap(square, [], 0)

    def test_imap_unordered(self):
        got = list(self.p.imap_unordered(slow, [0.6, 0.01, 0.02]))
        self.assertEqual(sorted(got), [0.01, 0.02, 0.6])
        self.assertEqual(got[-1], 0.6)
        self.assertEqual(sorted(self.p.imap_unordered(square, range(100), 9)),
                         [x * x for x in range(100)])

    def test_imap_times_out(self):
        for method in self.p.imap, self.p.imap_unordered:
            it = method(slow, [0.4])
            self.assertRaises(mproc.TimeoutError, it.next, 0.02)
            self.assertEqual(it.next(timeout=10), 0.4)

    def test_imap_reads_only_a_little_ahead(self):
        taken = []

        def endless():
            while True:
                taken.append(1)
                yield len(taken)
        it = self.p.imap(square, endless())
        self.assertEqual([next(it) for _ in range(5)], [1, 4, 9, 16, 25])
        self.assertLess(len(taken), 200)

    def test_imap_broken_input(self):
        def broken():
            yield 1
            yield 2
            raise OSError('no more')
        for method in self.p.imap, self.p.imap_unordered:
            it = method(square, broken())
            self.assertEqual(sorted([next(it), next(it)]), [1, 4])
            self.assertRaisesRegex(OSError, 'no more', next, it)
            self.assertRaises(StopIteration, next, it)

    def test_arguments_may_be_shared_objects(self):
        q, lock = mproc.Queue(), mproc.Lock()
        self.p.apply(put_locked, (q, lock, 5))
        self.assertEqual(q.get(timeout=5), 5)

    def test_big_values(self):
        data = os.urandom(3000000)
        self.assertEqual(self.p.apply(bytes, (data,)), data)
        self.assertEqual(self.p.map(len, [data] * 4), [len(data)] * 4)

    def test_many_small_tasks(self):
        results = [self.p.apply_async(square, (i,)) for i in range(2000)]
        self.assertEqual([r.get(30) for r in results], [i * i for i in range(2000)])


def put_locked(q, lock, value):
    with lock:
        q.put(value)


class Errors(Base):
    def setUp(self):
        super().setUp()
        self.p = self.pool(2)

    def test_own_exception_with_remote_traceback(self):
        with self.assertRaises(ValueError) as caught:
            self.p.apply(fail, (5,))
        self.assertEqual(caught.exception.args, ('bad', 5))
        cause = caught.exception.__cause__
        self.assertIsInstance(cause, mproc.RemoteTraceback)
        self.assertIn('in fail\n', str(cause))
        self.assertIn("ValueError: ('bad', 5)", str(cause))

    def test_only_the_task_fails(self):
        results = [self.p.apply_async(fail_on, (i, 3)) for i in range(6)]
        for i, r in enumerate(results):
            if i == 3:
                self.assertRaises(KeyError, r.get, 10)
                self.assertFalse(r.successful())
            else:
                self.assertEqual(r.get(10), i)

    def test_map_and_iterators(self):
        self.assertRaises(KeyError, self.p.starmap, fail_on, [(i, 3) for i in range(6)], 1)
        it = self.p.imap(fail_on_three, range(5))
        self.assertEqual([next(it) for _ in range(3)], [0, 1, 2])
        self.assertRaises(KeyError, next, it)
        self.assertEqual(next(it), 4)
        good, bad = [], 0
        it = self.p.imap_unordered(fail_on_three, range(5))
        while len(good) + bad < 5:
            try:
                good.append(next(it))
            except KeyError:
                bad += 1
        self.assertEqual((sorted(good), bad), ([0, 1, 2, 4], 1))

    def test_exceptions_that_cannot_travel(self):
        with self.assertRaisesRegex(mproc.RemoteError, 'Awkward: 1') as caught:
            self.p.apply(fail_awkwardly)
        self.assertIn('in fail_awkwardly', str(caught.exception.__cause__))

    def test_exit_in_a_task(self):
        with self.assertRaisesRegex(mproc.RemoteError, 'SystemExit: 3'):
            self.p.apply(sys.exit, (3,))
        self.assertEqual(self.p.apply(square, (3,)), 9)

    def test_results_that_cannot_travel(self):
        with self.assertRaisesRegex(mproc.MaybeEncodingError, 'Error sending result.*generator'):
            self.p.apply(unpicklable)

    def test_arguments_that_cannot_travel(self):
        with self.assertRaises(TypeError):
            self.p.apply(square, ((x for x in ()),))
        with self.assertRaises(TypeError):
            self.p.map(5, [1])
        it = self.p.imap(square, [1, (x for x in ()), 3])
        self.assertEqual(next(it), 1)
        self.assertRaises(TypeError, next, it)
        self.assertEqual(next(it), 9)

    def test_wrong_construction(self):
        self.assertRaisesRegex(ValueError, 'at least 1', mproc.Pool, 0)
        self.assertRaisesRegex(TypeError, 'callable', mproc.Pool, 1, 5)
        self.assertRaisesRegex(ValueError, 'maxtasksperchild', mproc.Pool, 1, None, (), 0)


def fail_on_three(x):
    return fail_on(x, 3)


class Callbacks(Base):
    def test_run_by_join(self):
        p, got, errors = self.pool(2), [], []
        for i in range(5):
            p.apply_async(square, (i,), callback=got.append, error_callback=errors.append)
        p.apply_async(fail, (1,), callback=got.append, error_callback=errors.append)
        p.map_async(square, range(3), callback=got.append)
        p.map_async(square, [], callback=got.append)
        p.close()
        p.join()
        self.assertEqual(sorted(got, key=str), sorted([0, 1, 4, 9, 16, [0, 1, 4], []], key=str))
        self.assertEqual([type(e) for e in errors], [ValueError])

    def test_run_by_other_waits(self):
        p, got = self.pool(2), []
        r = p.apply_async(square, (3,), callback=got.append)
        r.wait(10)
        self.assertEqual(got, [9])
        p.apply_async(square, (4,), callback=got.append)
        self.assertSoon(lambda: r.ready() and got == [9, 16])

    def test_may_give_tasks_and_fail(self):
        p, got = self.pool(2), []

        def again(value):
            got.append(value)
            if value < 1000:
                p.apply_async(square, (value,), callback=again)
            raise ValueError('of the callback')
        with open(os.devnull, 'w', encoding='ascii') as null:
            before, sys.stderr = sys.stderr, null
            try:
                p.apply_async(square, (2,), callback=again).wait(10)
                self.assertSoon(lambda: p.apply_async(square, (0,)).get(10) == 0 and len(got) == 4)
            finally:
                sys.stderr = before
        self.assertEqual(got, [4, 16, 256, 65536])


class Workers(Base):
    def test_number(self):
        self.assertEqual(len(set(self.pool(4).pids)), 4)
        count = mproc.usable_cpu_count()
        p = self.pool()
        self.assertEqual(len(p.pids), count)
        self.assertRegex(repr(p), f'state=RUN pool_size={count}>$')

    def test_initializer(self):
        p = self.pool(2, set_global, ('from the initializer',))
        self.assertEqual(p.map(get_global, range(4), 1), ['from the initializer'] * 4)

    def test_initializer_that_fails(self):
        p = self.pool(2, fail, (7,))
        with self.assertRaisesRegex(mproc.InitializerError, 'bad.*7') as caught:
            p.map(square, range(4))
        self.assertIn('in fail', str(caught.exception.__cause__))

    def test_maxtasksperchild(self):
        p = self.pool(2, maxtasksperchild=2)
        pids = p.map(pid, range(12), 1)
        self.assertEqual(len(pids), 12)
        self.assertGreaterEqual(len(set(pids)), 6)
        self.assertLessEqual(max(pids.count(one) for one in set(pids)), 2)

    def test_are_daemons_with_names(self):
        p = self.pool(1)
        name, daemon, parent = p.apply(who)
        self.assertRegex(name, r'^ForkPoolWorker-\d+$')
        self.assertTrue(daemon)
        self.assertEqual(parent, os.getpid())
        # They may have pools of their own all the same; test_pool_extras.py does.
        self.assertEqual([c.name for c in mproc.active_children()], [name])

    def test_signals(self):
        before = signal.signal(signal.SIGTERM, lambda *_: None)
        self.addCleanup(signal.signal, signal.SIGTERM, before)
        p = self.pool(1)
        self.assertEqual(p.apply(signal.getsignal, (signal.SIGINT,)), signal.SIG_IGN)
        self.assertEqual(p.apply(signal.getsignal, (signal.SIGTERM,)), signal.SIG_DFL)


_global = None


def set_global(value):
    global _global
    _global = value


def get_global(_):
    return _global


def who():
    me = mproc.current_process()
    return me.name, me.daemon, mproc.parent_process().pid


class End(Base):
    def test_close_and_join(self):
        p = self.pool(2)
        with self.assertRaisesRegex(ValueError, 'still running'):
            p.join()
        r = p.map_async(slow, [0.1] * 4, 1)
        it = p.imap(square, range(500))
        p.close()
        for call in (lambda: p.apply(square, (1,)), lambda: p.map(square, [1]),
                     lambda: p.imap(square, [1]), p.__enter__):
            self.assertRaisesRegex(ValueError, 'Pool not running', call)
        p.join()
        self.assertEqual(p.pids, [])
        self.assertEqual(r.get(0), [0.1] * 4)
        self.assertEqual(list(it), [x * x for x in range(500)])

    def test_with_terminates(self):
        with mproc.Pool(2) as p:
            r = p.apply_async(slow, (60,))
            pids = p.pids
            time.sleep(0.1)
        with self.assertRaises(mproc.Terminated):
            r.get(10)
        p.join()
        self.assertFalse(any(is_running(one) for one in pids))

    def test_dropped(self):
        p = Pool(1)
        pids = p.pids
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter('always')
            del p
        self.assertEqual([w.category for w in caught], [ResourceWarning])
        self.assertSoon(lambda: not any(is_running(one) for one in pids))

    def test_belongs_to_its_process(self):
        p, q = self.pool(1), mproc.Queue()

        def use():
            try:
                p.apply(square, (1,))
            except ValueError as error:
                q.put(str(error))
        self.child(use).join()
        self.assertIn('another process', q.get(timeout=5))
        self.assertEqual(p.apply(square, (3,)), 9)
        self.assertRaises(NotImplementedError, mproc.Queue().put, p)

    def test_in_a_child(self):
        q = mproc.Queue()

        def work():
            with mproc.Pool(2) as p:
                q.put(p.map(square, range(5)))
            p.join()
        p = self.child(work)
        self.assertEqual(q.get(timeout=20), [0, 1, 4, 9, 16])
        p.join()
        self.assertEqual(p.exitcode, 0)

    def test_exit_without_end(self):
        status, out, errors = run('''
import mproc, time
p = mproc.Pool(2)
r = p.map_async(time.sleep, [60, 60])
print(*p.pids)
''')
        self.assertEqual((status, errors), (0, ''))
        self.assertFalse(any(is_running(int(one)) for one in out.split()))


class Deaths(Base):
    def test_killed_in_a_task(self):
        p = self.pool(2)
        others = p.map_async(slow, [0.05] * 10, 1)
        for number in signal.SIGKILL, signal.SIGTERM:
            with self.assertRaisesRegex(mproc.WorkerDied, signal.Signals(number).name):
                p.apply(die, (number,))
        self.assertEqual(others.get(20), [0.05] * 10)
        with self.assertRaisesRegex(mproc.WorkerDied, 'code 9'):
            p.apply(os._exit, (9,))
        self.assertEqual(p.map(square, range(5)), [0, 1, 4, 9, 16])
        self.assertEqual(len(p.pids), 2)

    def test_killed_in_a_map(self):
        p = self.pool(2)
        r = p.map_async(slow, [0.2] * 8, 1)
        time.sleep(0.1)
        os.kill(p.pids[0], signal.SIGKILL)
        self.assertRaises(mproc.WorkerDied, r.get, 20)
        it = p.imap_unordered(slow, [0.2] * 4)
        time.sleep(0.1)
        os.kill(p.pids[0], signal.SIGKILL)
        got = 0
        with self.assertRaises(mproc.WorkerDied):
            for _ in it:
                got += 1
        got += sum(1 for _ in it)
        self.assertEqual(got, 3)

    def test_killed_when_idle(self):
        p = self.pool(2)
        p.map(square, range(4))
        for _ in range(3):
            for one in p.pids:
                os.kill(one, signal.SIGKILL)
            self.assertEqual(p.map(square, range(10)), [x * x for x in range(10)])

    def test_workers_die_with_a_killed_owner(self):
        program = Running('''
import time, mproc
p = mproc.Pool(2)
p.map_async(time.sleep, [60, 60])
print(*p.pids)
time.sleep(60)
''')
        pids = [int(one) for one in program.expect('').split()]
        self.assertTrue(all(is_running(one) for one in pids))
        program.process.kill()
        program.end()
        self.assertTrue(wait_until(lambda: not any(is_running(one) for one in pids)))

    def test_ctrl_c(self):
        program = Running('''
import time, mproc
if __name__ == '__main__':
    with mproc.Pool(2) as p:
        r = p.map_async(time.sleep, [60, 60])
        print(*p.pids)
        r.get()
''')
        pids = [int(one) for one in program.expect('').split()]
        time.sleep(0.2)
        program.interrupt()
        status, _, errors = program.end()
        self.assertEqual(status, -signal.SIGINT)
        self.assertEqual(errors.count('Traceback'), 1, errors)
        self.assertEqual(errors.count('KeyboardInterrupt'), 1, errors)
        self.assertTrue(wait_until(lambda: not any(is_running(one) for one in pids)))


if __name__ == '__main__':
    unittest.main()
