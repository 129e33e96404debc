# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""What Pool has beyond multiprocessing: options of tasks, cancelling, rules for workers, nesting,
progress, output, timelines. A task that must not end by itself never does."""

import contextlib
import io
import json
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
import unittest

import support

import mproc
from mproc import trace
from mproc.pool import Pool


def square(x):
    return x * x


def forever(x):
    while True:
        time.sleep(10)


def wait_to_be_told(x):
    try:
        forever(x)
    except mproc.SoftTimeLimitExceeded:
        return 'told'


def die(x):
    os.kill(os.getpid(), signal.SIGKILL)


def attempt(path, n):
    """Dies n times, then tells how often it was begun."""
    with open(path, 'a', encoding='ascii') as file:
        file.write('x')
    size = os.path.getsize(path)
    if size <= n:
        die(0)
    return size


def fail_or_stay(x):
    if x == 0:
        raise KeyError('zero')
    forever(x)


def report(x):
    mproc.report_progress(0.5, 'half')
    return mproc.current_task_id()


def say(x):
    print('number', x)
    return x


def in_a_pool(n):
    with Pool(2) as pool:
        return pool.map(square, range(n))


def in_a_process(x):
    queue = mproc.Queue()
    process = mproc.Process(target=queue.put, args=(x,))
    process.start()
    process.join()
    return queue.get()


def grow(x):
    held = bytearray(x)
    for i in range(0, x, 1024):
        held[i] = 1
    forever(x)


def pid_of(x):
    return os.getpid()


class Options(support.TestCase):
    def test_time_limit(self):
        with Pool(2) as pool:
            with self.assertRaises(mproc.TimeLimitExceeded) as caught:
                pool.apply(forever, (1,), timeout=0.05)
            self.assertIsInstance(caught.exception, mproc.WorkerDied)
            self.assertEqual(caught.exception.signal, signal.SIGKILL)
            self.assertGreater(caught.exception.pid, 0)
            self.assertEqual(pool.apply(square, (3,)), 9)

    def test_soft_limit(self):
        with Pool(1) as pool:
            self.assertEqual(pool.apply(wait_to_be_told, (1,), soft_timeout=0.05), 'told')
            with self.assertRaises(mproc.SoftTimeLimitExceeded):
                pool.apply(forever, (1,), soft_timeout=0.05)
            self.assertEqual(pool.map(square, range(20), soft_timeout=60), [
                x * x for x in range(20)])

    def test_retries(self):
        with Pool(1) as pool, tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, 'attempts')
            self.assertEqual(pool.apply(attempt, (path, 2), retries=2), 3)
            with self.assertRaises(mproc.WorkerDied):
                pool.apply(die, (1,), retries=1)
            self.assertEqual(pool.stats()['retried'], 3)

    def test_priority(self):
        with Pool(1) as pool:
            order = []
            first = pool.apply_async(time.sleep, (0.3,))
            self.assertTrue(support.wait_until(lambda: pool.stats()['running'] == 1))
            results = [pool.apply_async(square, (i,), callback=order.append, priority=i)
                       for i in (-1, 0, 1)]
            first.get()
            for result in results:
                result.get()
            self.assertEqual(sorted(order), [0, 1, 1])
            self.assertEqual([result.get() for result in results], [1, 0, 1])

    def test_wrong_options(self):
        with Pool(1) as pool:
            with self.assertRaisesRegex(TypeError, 'no option'):
                pool.apply(square, (1,), colour='red')
            with self.assertRaises(ValueError):
                pool.apply(square, (1,), timeout=0)

    def test_cancel(self):
        with Pool(1) as pool:
            running = pool.apply_async(forever, (1,))
            queued = pool.map_async(forever, range(10))
            after = pool.apply_async(square, (5,))
            self.assertTrue(support.wait_until(lambda: pool.stats()['running'] == 1))
            self.assertTrue(queued.cancel())
            self.assertTrue(running.cancel())
            self.assertFalse(running.cancel())
            for result in running, queued:
                with self.assertRaises(mproc.Cancelled):
                    result.get()
            self.assertEqual(after.get(), 25)

    def test_stop_on_error(self):
        with Pool(2) as pool:
            with self.assertRaisesRegex(KeyError, 'zero'):
                pool.map(fail_or_stay, range(20), chunksize=1, stop_on_error=True)
            self.assertEqual(pool.map(square, range(9), stop_on_error=True),
                             [x * x for x in range(9)])


class Rules(support.TestCase):
    def test_memory_limit(self):
        with Pool(1, memory_limit=400 << 20) as pool:
            with self.assertRaises(mproc.MemoryLimitExceeded):
                pool.apply(grow, (1 << 30,))
            self.assertEqual(pool.apply(square, (2,)), 4)

    def test_no_worker_can_be_made(self):
        """Tasks fail for want of one, nobody else's call does, and later there are some again."""
        def refuse(process):
            raise OSError('no more')

        stream, prepare = io.StringIO(), mproc.process.Process._prepare
        with Pool(1) as pool, contextlib.redirect_stderr(stream):
            pid, = pool.pids
            mproc.process.Process._prepare = refuse
            try:
                os.kill(pid, signal.SIGKILL)
                with self.assertRaisesRegex(mproc.WorkerDied, 'made no process'):
                    pool.apply(square, (2,))
            finally:
                mproc.process.Process._prepare = prepare
            self.assertEqual(pool.apply(square, (3,)), 9)
        self.assertIn("A worker of a pool cannot be made: OSError('no more')", stream.getvalue())

    def test_resize(self):
        with Pool(1) as pool:
            pool.resize(3)
            self.assertTrue(support.wait_until(lambda: len(pool.pids) == 3))
            pool.resize(1)
            self.assertTrue(support.wait_until(lambda: len(pool.pids) == 1))
            self.assertEqual(pool.apply(square, (2,)), 4)

    def test_idle_timeout(self):
        with Pool(2, idle_timeout=0.01) as pool:
            self.assertTrue(support.wait_until(lambda: not pool.pids))
            self.assertEqual(pool.map(square, range(4)), [0, 1, 4, 9])

    def test_max_pending(self):
        with Pool(2, max_pending=4) as pool:
            results = [pool.apply_async(square, (i,)) for i in range(100)]
            self.assertEqual([r.get() for r in results], [i * i for i in range(100)])

    def test_max_pending_of_threads(self):
        """Room that another thread takes is waited for again."""
        given = []
        with Pool(1, max_pending=1) as pool:
            def give():
                given.extend([pool.apply_async(square, (i,)) for i in range(200)])
            threads = [threading.Thread(target=give) for _ in range(4)]
            interval = sys.getswitchinterval()
            sys.setswitchinterval(1e-5)
            try:
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join()
            finally:
                sys.setswitchinterval(interval)
            self.assertEqual(sum(result.get() for result in given),
                             4 * sum(i * i for i in range(200)))

    def test_buffersize(self):
        taken = []

        def endless():
            number = 0
            while True:
                taken.append(number)
                yield number
                number += 1

        with Pool(2) as pool:
            results = pool.imap(square, endless(), buffersize=5)
            self.assertEqual([next(results) for _ in range(50)], [x * x for x in range(50)])
            self.assertLessEqual(len(taken), 56)

    def test_nesting(self):
        with Pool(2) as pool:
            self.assertEqual(pool.apply(in_a_pool, (4,)), [0, 1, 4, 9])
            self.assertEqual(pool.apply(in_a_process, (7,)), 7)


@unittest.skipUnless(shutil.which('gjs'), 'gjs is not installed')
class OtherLanguages(support.TestCase):
    def test_gjs_workers(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, 'tasks.js')
            with open(path, 'w', encoding='utf-8') as file:
                file.write('export function add(x) { return x.reduce((a, b) => a + b, 0); }\n'
                           'export function fail(x) { throw new RangeError(`no ${x}`); }\n')
            with Pool(1, language='gjs') as pool:
                self.assertEqual(pool.apply(f'file://{path}#add', ([1, 2, 3],)), 6)
                self.assertEqual(pool.map(f'file://{path}#add', [[1], [2, 3]]), [1, 5])
                with self.assertRaisesRegex(mproc.RemoteError, 'RangeError: no 1') as caught:
                    pool.apply(f'file://{path}#fail', (1,))
                self.assertIn('fail@', str(caught.exception.__cause__))

    def test_functions_that_workers_cannot_run(self):
        for language, hint in ('gjs', 'module.js#name'), ('native', 'libwork.so:function'):
            with Pool(1, language=language) as pool:
                with self.assertRaisesRegex(mproc.NotSupportedError, hint):
                    pool.apply(square, (1,))

    def test_python_workers_by_name(self):
        with Pool(1, language='python') as pool:
            self.assertEqual(pool.apply('math:sqrt', (16,)), 4)
            with self.assertRaises(mproc.NoSuchFunctionError):
                pool.apply('no_such_module:function', (1,))


class Seeing(support.TestCase):
    def test_counts(self):
        """A task whose result is there runs no more."""
        with Pool(2) as pool:
            for i in range(1, 500):
                pool.apply(square, (i,))
                stats = pool.stats()
                self.assertEqual((stats['done'], stats['running'], stats['queued']), (i, 0, 0))

    def test_progress(self):
        with Pool(1) as pool:
            result = pool.apply_async(report, (1,))
            self.assertEqual(result.get(), 1)
            self.assertEqual(result.progress_text, 'half')
            self.assertEqual(result.progress, 1)
        self.assertFalse(mproc.report_progress(0.5))

    def test_progress_bar(self):
        stream = io.StringIO()
        with Pool(1) as pool, contextlib.redirect_stderr(stream):
            self.assertEqual(pool.map(square, range(4), progress=True), [0, 1, 4, 9])
        self.assertIn('4', stream.getvalue())

    def test_output(self):
        with Pool(1, capture_output=True) as pool:
            first, second = (pool.apply_async(say, (i,)) for i in (1, 2))
            self.assertEqual((first.get(), second.get()), (1, 2))
            self.assertEqual((first.output, second.output), ('number 1\n', 'number 2\n'))

    def test_trace(self):
        with Pool(2, trace=True) as pool, tempfile.TemporaryDirectory() as folder:
            pool.map(square, range(10), name='squares')
            path = os.path.join(folder, 'trace.json')
            pool.save_trace(path)
            with open(path, encoding='utf-8') as file:
                events = json.load(file)['traceEvents']
            names = [event['name'] for event in events if event['ph'] == 'X']
            self.assertEqual(set(names), {'squares'})
            with open(path, encoding='utf-8') as file:
                picture = trace.draw(trace.read(file))
            self.assertEqual(picture.count('<rect'), len(names))
            self.assertIn(f'{len(names)} tasks', picture)

    def test_changed_global(self):
        """What a function names is looked at again when that has changed."""
        status, output, errors = support.run('''
import mproc
def helper(x): return x
def function(x): return helper(x)
if __name__ == '__main__':
    with mproc.Pool(1) as pool:
        print(pool.apply(function, (1,)), pool.apply(function, (1,)))
        def helper(x): return x + 10
        print(pool.apply(function, (1,)))
        def function(x): return -helper(x)
        print(pool.apply(function, (1,)))
''')
        self.assertEqual((status, output), (0, '1 1\n11\n-11\n'), errors)


if __name__ == '__main__':
    unittest.main(argv=sys.argv)
