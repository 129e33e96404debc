# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""Where pools of multiprocessing, loky, concurrent.futures or billiard are known to hang, to break
or to go wrong. One test for each such spot: the same thing is done with mproc, and has to go well.
They are named after what goes wrong there."""

import itertools
import os
import signal
import sys
import threading
import time
import types
import unittest

from support import Running, TestCase, wait_until

import mproc
from mproc.pool import Pool

SOON = 20  # seconds; a hang is for ever


def square(x):
    return x * x


def stay(started):
    started.put(os.getpid())
    time.sleep(1000)


def leave(x):
    os._exit(x)


class Base(BaseException):
    pass


def fail_basely():
    raise Base('base')


class Awkward(Exception):
    """Pickles, but does not unpickle."""

    def __init__(self, one, two):
        super().__init__(one)


def fail_awkwardly(x):
    raise Awkward(x, x)


def fail(count):
    count.add(1)
    raise RuntimeError('begun wrongly')


def fail_callback(x):
    raise RuntimeError('called back wrongly')


class Deaths(TestCase):
    def check_works(self, pool):
        self.assertEqual(pool.map_async(square, range(20)).get(SOON), [x * x for x in range(20)])

    def test_killed_while_it_works_hangs(self):
        started = mproc.Queue()
        with Pool(2) as pool:
            lost = pool.apply_async(stay, (started,))
            os.kill(started.get(timeout=SOON), signal.SIGKILL)
            with self.assertRaises(mproc.WorkerDied) as caught:
                lost.get(SOON)
            self.assertEqual(caught.exception.signal, signal.SIGKILL)
            self.check_works(pool)

    def test_killed_while_it_is_idle_hangs(self):
        """Nor does terminate() hang, as often as it is done."""
        for _ in range(5):
            with Pool(2) as pool:
                self.check_works(pool)
                for pid in pool.pids:
                    os.kill(pid, signal.SIGKILL)
                self.check_works(pool)
                for pid in pool.pids:
                    os.kill(pid, signal.SIGKILL)

    def test_exit_in_a_task_hangs(self):
        with Pool(1) as pool:
            with self.assertRaises(mproc.WorkerDied) as caught:
                pool.apply_async(leave, (3,)).get(SOON)
            self.assertEqual(caught.exception.exitcode, 3)
            with self.assertRaisesRegex(mproc.RemoteError, 'Base: base'):
                pool.apply_async(fail_basely).get(SOON)
            with self.assertRaisesRegex(mproc.RemoteError, 'SystemExit'):
                pool.apply_async(sys.exit, (1,)).get(SOON)
            self.check_works(pool)

    def test_one_death_breaks_all_other_tasks(self):
        started = mproc.Queue()
        with Pool(2) as pool:
            before = [pool.apply_async(square, (i,)) for i in range(50)]
            lost = pool.apply_async(stay, (started,))
            after = [pool.apply_async(square, (i,)) for i in range(50)]
            os.kill(started.get(timeout=SOON), signal.SIGKILL)
            self.assertEqual([r.get(SOON) for r in before + after],
                             [i * i for i in range(50)] * 2)
            with self.assertRaises(mproc.WorkerDied):
                lost.get(SOON)

    def test_recycled_workers_hang(self):
        with Pool(2, maxtasksperchild=1) as pool:
            self.assertEqual(pool.map_async(square, range(60), chunksize=1).get(SOON),
                             [x * x for x in range(60)])

    def test_fork_beside_threads_hangs(self):
        queue, lock, stop = mproc.Queue(), mproc.Lock(), threading.Event()

        def use():
            while not stop.is_set():
                with lock:
                    queue.put(b'x' * 10000)
                    queue.get(timeout=SOON)

        users = [threading.Thread(target=use) for _ in range(2)]
        for user in users:
            user.start()
        try:
            for _ in range(10):
                with Pool(2, maxtasksperchild=2) as pool:
                    self.check_works(pool)
        finally:
            stop.set()
            for user in users:
                user.join()


class Errors(TestCase):
    def test_exception_that_does_not_unpickle_ends_all(self):
        with Pool(2) as pool:
            results = [pool.apply_async(fail_awkwardly, (i,)) for i in range(1000)]
            for i, result in enumerate(results):
                with self.assertRaisesRegex(mproc.RemoteError, f'Awkward: {i}$'):
                    result.get(SOON)
            self.assertEqual(pool.apply(square, (3,)), 9)

    def test_callback_that_raises_ends_all(self):
        seen = []
        with Pool(1) as pool:
            program = sys.stderr
            sys.stderr = open(os.devnull, 'w', encoding='utf-8')
            try:
                for _ in range(3):
                    pool.apply_async(square, (2,), callback=fail_callback).wait(SOON)
                pool.apply_async(square, (3,), callback=seen.append).wait(SOON)
            finally:
                sys.stderr.close()
                sys.stderr = program
            self.assertTrue(wait_until(lambda: seen == [9], SOON))

    def test_initializer_that_raises_forks_for_ever(self):
        count = mproc.Value('i', 0)
        with Pool(2, fail, (count,)) as pool:
            for _ in range(20):
                with self.assertRaisesRegex(mproc.InitializerError, 'begun wrongly'):
                    pool.apply_async(square, (1,)).get(SOON)
            self.assertLessEqual(count.value, 2)

    def test_function_of_a_module_that_cannot_be_pickled_hangs(self):
        module = types.ModuleType('made_here')
        exec('def double(x): return x * 2', vars(module))
        sys.modules['made_here'] = module
        self.addCleanup(sys.modules.pop, 'made_here')
        with Pool(1) as pool:
            self.assertEqual(pool.map_async(module.double, range(4)).get(SOON), [0, 2, 4, 6])
            with self.assertRaises(Exception):
                pool.apply(square, (x for x in ()))
            self.assertEqual(pool.apply_async(module.double, (4,)).get(SOON), 8)


class Control(TestCase):
    def test_no_limit_of_time_and_no_cancel(self):
        with Pool(1) as pool:
            with self.assertRaises(mproc.TimeLimitExceeded):
                pool.apply_async(time.sleep, (1000,), timeout=0.05).get(SOON)
            running = pool.apply_async(time.sleep, (1000,))
            queued = pool.apply_async(time.sleep, (1000,))
            self.assertTrue(wait_until(lambda: pool.stats()['running'] == 1, SOON))
            for result in queued, running:
                self.assertTrue(result.cancel())
                with self.assertRaises(mproc.Cancelled):
                    result.get(SOON)
            self.assertEqual(pool.apply_async(square, (3,)).get(SOON), 9)

    def test_imap_reads_its_input_without_bound(self):
        for name in 'imap', 'imap_unordered':
            given = itertools.count()
            with Pool(2) as pool:
                results = getattr(pool, name)(square, given)
                for _ in range(10):
                    results.next(SOON)
                time.sleep(0.2)
                self.assertLess(next(given), 200)

    def test_interrupt_prints_a_traceback_per_worker(self):
        program = Running('''
import time
import mproc
if __name__ == '__main__':
    with mproc.Pool(4) as pool:
        result = pool.map_async(time.sleep, [1000] * 8, chunksize=1)
        while pool.stats()['running'] < 4:
            time.sleep(0.01)
        print('ready', *pool.pids)
        result.get()
''')
        pids = program.expect('ready').split()[1:]
        program.interrupt()
        status, _, errors = program.end()
        self.assertNotEqual(status, 0)
        self.assertEqual(errors.count('Traceback'), 1, errors)
        self.assertTrue(wait_until(lambda: not any(os.path.exists(f'/proc/{p}') for p in pids)))


if __name__ == '__main__':
    unittest.main(argv=sys.argv)
