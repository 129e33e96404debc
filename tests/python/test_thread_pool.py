# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""ThreadPool, Pool(workers=0) and mproc.dummy: the interface of Pool without processes."""

import contextlib
import io
import os
import sys
import tempfile
import threading
import unittest

import mproc
import mproc.dummy
from mproc import trace
from mproc.dummy import connection
from mproc.pool import Pool, ThreadPool


def square(x):
    return x * x


def fail(x):
    raise KeyError(x)


class Both:
    def test_apply(self):
        with self.make() as pool:
            self.assertEqual(pool.apply(square, (3,)), 9)
            self.assertEqual(pool.apply_async(int, ('11',), {'base': 2}).get(), 3)
            self.assertEqual(pool.apply(os.getpid), os.getpid())
            with self.assertRaises(KeyError):
                pool.apply(fail, (1,))

    def test_maps(self):
        with self.make() as pool:
            self.assertEqual(pool.map(square, range(20)), [x * x for x in range(20)])
            self.assertEqual(pool.map(square, []), [])
            self.assertEqual(pool.starmap(pow, [(2, 3), (3, 2)]), [8, 9])
            self.assertEqual(list(pool.imap(square, range(20))), [x * x for x in range(20)])
            self.assertEqual(sorted(pool.imap_unordered(square, range(5))), [0, 1, 4, 9, 16])
            with self.assertRaises(KeyError):
                pool.map(fail, range(3))

    def test_callbacks(self):
        seen = []
        with self.make() as pool:
            pool.apply_async(square, (3,), callback=seen.append).wait()
            failed = pool.map_async(fail, range(3), error_callback=seen.append)
            failed.wait()
            self.assertFalse(failed.successful())
            pool.close()
            pool.join()
        self.assertEqual(seen[0], 9)
        self.assertIsInstance(seen[1], KeyError)

    def test_nothing_is_copied(self):
        things = []
        with self.make() as pool:
            self.assertIs(pool.apply(lambda: things), things)

    def test_end(self):
        pool = self.make()
        pool.close()
        pool.join()
        with self.assertRaises(ValueError):
            pool.apply(square, (1,))

    def test_retries(self):
        calls = []

        def second_time():
            calls.append(1)
            if len(calls) < 2:
                raise ValueError
            return len(calls)

        with self.make() as pool:
            with self.assertRaises(ValueError):
                pool.apply(second_time, retries=1)      # that is for workers that die
            calls.clear()
            self.assertEqual(pool.apply(second_time, retries=1, retry_errors=True), 2)
            with self.assertRaises(KeyError):
                pool.map(fail, range(3), retries=2, retry_errors=True)
            self.assertEqual(pool.stats()['retried'], 1 + 2 * 3)

    def test_wrong_options(self):
        with self.make() as pool:
            with self.assertRaisesRegex(TypeError, 'no option'):
                pool.apply(square, (1,), colour='red')
            with self.assertRaises(ValueError):
                pool.apply(square, (1,), timeout=0)

    def test_exit(self):
        """Whoever waits for a task that exits learns of it; the others go on."""
        with self.make() as pool:
            with self.assertRaisesRegex(mproc.RemoteError, 'SystemExit: 3') as caught:
                pool.apply(sys.exit, (3,))
            self.assertIsInstance(caught.exception.__cause__, SystemExit)
            self.assertEqual(pool.map(square, range(9)), [x * x for x in range(9)])

    def test_stats(self):
        with self.make() as pool:
            pool.map(square, range(4), chunksize=1)
            pool.apply_async(fail, (1,)).wait()
            stats = pool.stats()
            self.assertGreaterEqual(stats['done'], 4)
            self.assertEqual(stats['failed'], 1)
            self.assertEqual(stats['running'] + stats['queued'], 0)
            self.assertEqual(pool.pids, [os.getpid()])

    def test_progress_bar(self):
        stream = io.StringIO()
        with self.make() as pool, contextlib.redirect_stderr(stream):
            self.assertEqual(pool.map(square, range(4), progress=True), [0, 1, 4, 9])
        self.assertIn('4', stream.getvalue())

    def test_trace(self):
        with self.make(trace=True) as pool, tempfile.TemporaryDirectory() as folder:
            pool.map(square, range(10), chunksize=2, name='squares')
            path = os.path.join(folder, 'trace.json')
            pool.save_trace(path)
            with open(path, encoding='utf-8') as file:
                tasks = trace.read(file)
        self.assertEqual([task[1] for task in tasks], ['squares'] * 5)
        self.assertEqual(trace.draw(tasks).count('<rect'), 5)

    def test_progress(self):
        with self.make() as pool:
            result = pool.apply_async(mproc.report_progress, (0.25, 'a quarter'))
            self.assertTrue(result.get())
            self.assertEqual((result.progress, result.progress_text), (1, 'a quarter'))


class Threads(Both, unittest.TestCase):
    def make(self, **options):
        return ThreadPool(2, **options)

    def test_limit_is_refused(self):
        with self.make() as pool, self.assertRaisesRegex(ValueError, 'needs processes'):
            pool.apply(square, (1,), soft_timeout=1)

    def test_progress_meanwhile(self):
        told, gate = threading.Event(), threading.Event()

        def work():
            mproc.report_progress(0.25)
            told.set()
            gate.wait()

        with ThreadPool(1) as pool:
            result = pool.apply_async(work)
            told.wait()
            self.assertEqual(result.progress, 0.25)
            gate.set()
            result.get()

    def test_priority(self):
        gate, order = threading.Event(), []
        with ThreadPool(1) as pool:
            pool.apply_async(gate.wait)
            results = [pool.apply_async(order.append, (i,), priority=i) for i in (-1, 0, 1, 0)]
            gate.set()
            for result in results:
                result.get()
        self.assertEqual(order, [1, 0, 0, -1])

    def test_at_once(self):
        barrier = threading.Barrier(3)
        with ThreadPool(3) as pool:
            self.assertEqual(sorted(pool.map(lambda x: barrier.wait(10) * 0 + x, range(3), 1)),
                             [0, 1, 2])

    def test_initializer(self):
        seen = []
        with ThreadPool(2, seen.append, (1,)) as pool:
            pool.map(square, range(3))
        self.assertEqual(seen, [1, 1])
        with ThreadPool(1, fail, (1,)) as pool:
            with self.assertRaises(mproc.InitializerError):
                pool.apply(square, (1,))

    def test_terminate(self):
        gate = threading.Event()
        pool = ThreadPool(1)
        pool.apply_async(gate.wait)
        queued = pool.apply_async(square, (1,))
        pool.terminate()
        with self.assertRaises(mproc.Terminated):
            queued.get()
        gate.set()
        pool.join()

    def test_cancel(self):
        gate = threading.Event()
        with ThreadPool(1) as pool:
            pool.apply_async(gate.wait)
            queued = pool.apply_async(square, (1,))
            self.assertTrue(queued.cancel())
            gate.set()
            with self.assertRaises(mproc.Cancelled):
                queued.get()


class Serial(Both, unittest.TestCase):
    def make(self, **options):
        return Pool(workers=0, **options)

    def test_limit_is_left_aside(self):
        with self.make() as pool:
            self.assertEqual(pool.apply(square, (2,), timeout=0.001, soft_timeout=0.001), 4)

    def test_initializer(self):
        with self.make(initializer=fail, initargs=(1,)) as pool:
            with self.assertRaises(mproc.InitializerError):
                pool.apply(square, (1,))

    def test_output(self):
        with self.make(capture_output=True) as pool:
            first, second = (pool.apply_async(print, (i,)) for i in (1, 2))
            self.assertEqual((first.output, second.output), ('1\n', '2\n'))
            self.assertEqual(pool.map_async(print, (3, 4)).output, '3\n4\n')

    def test_interrupt(self):
        """It is for who waits, as the task runs in his thread."""
        def interrupt():
            raise KeyboardInterrupt

        with self.make() as pool:
            with self.assertRaises(KeyboardInterrupt):
                pool.apply(interrupt)
            self.assertEqual(pool.apply(square, (3,)), 9)

    def test_in_this_thread(self):
        with self.make() as pool:
            self.assertIs(pool.apply(threading.current_thread), threading.current_thread())


class Dummy(unittest.TestCase):
    def test_process(self):
        queue = mproc.dummy.Queue()
        process = mproc.dummy.Process(target=queue.put, args=(3,))
        self.assertIsNone(process.exitcode)
        process.start()
        process.join()
        self.assertEqual((queue.get(), process.exitcode), (3, 0))
        self.assertEqual(mproc.dummy.active_children(), [])

    def test_pipe(self):
        with connection.Listener() as listener:
            client = connection.Client(listener.address)
            server = listener.accept()
            client.send('hello')
            self.assertTrue(server.poll(5))
            self.assertEqual(server.recv(), 'hello')
            self.assertFalse(client.poll())

    def test_rest(self):
        manager = mproc.dummy.Manager()
        namespace = manager.Namespace(a=1)
        self.assertEqual(repr(namespace), 'Namespace(a=1)')
        self.assertEqual(manager.Value('i', 3).value, 3)
        self.assertEqual(list(manager.Array('i', [1, 2])), [1, 2])
        with mproc.dummy.Pool(2) as pool:
            self.assertEqual(pool.map(square, [1, 2]), [1, 4])


if __name__ == '__main__':
    unittest.main(argv=sys.argv)
