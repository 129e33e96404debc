# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""A program with a main loop uses a pool: nothing blocks, and whatever is waited for comes by a
callback. That the loop goes on is seen by what else it does meanwhile."""

import os
import signal
import sys
import threading
import time
import unittest

import support
from gi.repository import Gio, GLib

import mproc
from mproc.pool import Pool, ThreadPool


def square(x):
    return x * x


def fail(x):
    raise KeyError(x)


def fail_or_stay(x):
    if x == 0:
        raise KeyError('zero')
    time.sleep(1000)


def stay(started):
    started.put(os.getpid())
    time.sleep(1000)


class Loop(support.TestCase):
    def setUp(self):
        support.open_main_loop()
        with Pool(1) as pool:   # the first wait for a pool makes what a context keeps
            self.run_until(lambda done: pool.apply_async(square, (1,)).get_async(
                None, lambda *unused: done(None)))
        super().setUp()

    def run_until(self, begin):
        """Runs a main loop until what begin(done) has begun calls done(value); gives the value."""
        loop, found = GLib.MainLoop(), []

        def done(value):
            found.append(value)
            loop.quit()

        def hang():
            loop.quit()
            return GLib.SOURCE_REMOVE

        watchdog = GLib.timeout_add_seconds(20, hang)
        begin(done)
        self.assertEqual(found, [], 'it has not waited for the loop')
        loop.run()
        self.assertEqual(len(found), 1, 'nothing came')
        GLib.source_remove(watchdog)
        return found[0]

    def wait_for(self, result, cancellable=None):
        """(True, its value) or (False, its error)."""
        def begin(done):
            def finish(source, waiting, *data):
                self.assertIs(source, result)
                self.assertEqual(data, ('data',))
                try:
                    done((True, source.get_finish(waiting)))
                except Exception as error:
                    done((False, error))

            result.get_async(cancellable, finish, 'data')
        return self.run_until(begin)

    def collect(self, iterator):
        found = []

        def begin(done):
            def came(source, waiting):
                try:
                    found.append(source.next_finish(waiting))
                except StopIteration:
                    done(found)
                except Exception as error:
                    found.append(type(error))
                    source.next_async(None, came)
                else:
                    source.next_async(None, came)
            iterator.next_async(None, came)
        return self.run_until(begin)

    def pools(self):
        for make in Pool, ThreadPool:
            with self.subTest(make=make.__name__), make(2) as pool:
                yield pool

    def test_results(self):
        for pool in self.pools():
            self.assertEqual(self.wait_for(pool.apply_async(square, (3,))), (True, 9))
            self.assertEqual(self.wait_for(pool.map_async(square, range(20))),
                             (True, [x * x for x in range(20)]))
            self.assertEqual(self.wait_for(pool.map_async(square, [])), (True, []))
            good, error = self.wait_for(pool.apply_async(fail, ('it',)))
            self.assertFalse(good)
            self.assertIsInstance(error, KeyError)
            ready = pool.apply_async(square, (4,))
            ready.wait()
            self.assertEqual(self.wait_for(ready), (True, 16))

    def test_the_loop_goes_on(self):
        """What the task waits for is done by the loop."""
        event = mproc.Event()

        def let_go():
            event.set()
            return GLib.SOURCE_REMOVE

        with Pool(1) as pool:
            result = pool.apply_async(event.wait, (60,))
            GLib.timeout_add(50, let_go)
            self.assertEqual(self.wait_for(result), (True, True))

    def test_death(self):
        started = mproc.Queue()
        with Pool(1) as pool:
            result = pool.apply_async(stay, (started,))
            os.kill(started.get(timeout=20), signal.SIGKILL)
            good, error = self.wait_for(result)
            self.assertFalse(good)
            self.assertIsInstance(error, mproc.WorkerDied)
            self.assertEqual(self.wait_for(pool.apply_async(square, (5,))), (True, 25))

    def test_stop_on_error(self):
        with Pool(2) as pool:
            good, error = self.wait_for(pool.map_async(fail_or_stay, range(9), chunksize=1,
                                                       stop_on_error=True))
            self.assertFalse(good)
            self.assertIsInstance(error, KeyError)

    def test_cancelling_the_waiting(self):
        for pool in self.pools():
            gate = threading.Event()
            is_thread = isinstance(pool, ThreadPool)
            call = gate.wait if is_thread else time.sleep
            result = pool.apply_async(call, (1000,))
            for early in True, False:
                cancellable = Gio.Cancellable()
                if early:
                    cancellable.cancel()
                else:
                    GLib.timeout_add(20, lambda: bool(cancellable.cancel()))
                good, error = self.wait_for(result, cancellable)
                self.assertFalse(good)
                self.assertTrue(error.matches(Gio.io_error_quark(), Gio.IOErrorEnum.CANCELLED))
            self.assertFalse(result.ready())
            gate.set()

    def test_iterators(self):
        expected = [x * x for x in range(200)]
        with Pool(2) as pool:
            self.assertEqual(self.collect(pool.imap(square, range(200))), expected)
            self.assertEqual(self.collect(pool.imap(square, range(200), chunksize=7)), expected)
            self.assertEqual(sorted(self.collect(pool.imap_unordered(square, range(200)))),
                             expected)
            self.assertEqual(sorted(self.collect(pool.imap_unordered(square, range(200), 7))),
                             expected)
            self.assertEqual(self.collect(pool.imap(fail, range(3))), [KeyError] * 3)
            self.assertEqual(self.collect(pool.imap_unordered(square, ())), [])

    def test_both_at_once(self):
        """A call that blocks and one that waits in the loop do not take each other's results."""
        with Pool(2) as pool:
            results = pool.imap_unordered(square, range(10))
            seen = []

            def begin(done):
                def came(source, waiting):
                    seen.append(source.next_finish(waiting))
                    seen.extend(source)
                    done(sorted(seen))
                results.next_async(None, came)
                seen.append(results.next())
            self.assertEqual(self.run_until(begin), [x * x for x in range(10)])

    def test_callbacks_of_others(self):
        seen = []
        with Pool(1) as pool:
            for i in range(5):
                pool.apply_async(square, (i,), callback=seen.append)
            self.wait_for(pool.apply_async(square, (9,)))
        self.assertEqual(seen, [0, 1, 4, 9, 16])

    def test_properties_and_signals(self):
        """What a progress bar is bound to changes while the loop runs."""
        fractions, changes = [], []
        with Pool(1) as pool:
            shared = pool.gobject
            handlers = [
                shared.connect('notify::progress',
                               lambda *_: fractions.append(shared.props.progress)),
                shared.connect('worker-started', lambda _, *change: changes.append(change)),
                shared.connect('worker-ended', lambda _, *change: changes.append(change))]
            self.wait_for(pool.map_async(square, range(10), chunksize=1))
            victim, = pool.pids
            self.wait_for(pool.apply_async(os._exit, (3,)))
            self.wait_for(pool.apply_async(square, (1,)))
            for handler in handlers:
                shared.disconnect(handler)
        self.assertIn(1, fractions)
        (pid, _, code), (after, _) = changes
        self.assertEqual((pid, code), (victim, 3))
        self.assertNotEqual(after, victim)

    def test_in_a_thread(self):
        """It ends in the thread's own context."""
        found = []

        def work():
            context = GLib.MainContext()
            context.push_thread_default()
            loop = GLib.MainLoop(context)
            with Pool(1) as pool:
                def finish(source, waiting):
                    found.append((source.get_finish(waiting), threading.current_thread()))
                    loop.quit()
                pool.apply_async(square, (6,)).get_async(None, finish)
                loop.run()
            context.pop_thread_default()

        thread = threading.Thread(target=work)
        thread.start()
        thread.join(20)
        self.assertEqual(found, [(36, thread)])


if __name__ == '__main__':
    unittest.main(argv=sys.argv)
