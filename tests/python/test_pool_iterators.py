# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""The iterators of a pool in the hands of several threads, of signal handlers, and with inputs that
take their time."""

import signal
import threading
import time
import unittest

from support import TestCase

import mproc


def slow_input(n):
    for i in range(n):
        time.sleep(0.03)
        yield i


def slow(number):
    time.sleep(0.001)
    return number


class Tick(Exception):
    pass


class Iterators(TestCase):
    def setUp(self):
        self.pool = mproc.Pool(2)
        self.addCleanup(self.pool.terminate)

    def each(self):
        return self.pool.imap, self.pool.imap_unordered

    def test_join_reads_a_slow_input(self):
        """… and who takes the results meanwhile is not told that there are no more."""
        for name in ('imap', 'imap_unordered'):
            with mproc.Pool(2) as pool:
                results = getattr(pool, name)(abs, slow_input(20), buffersize=2)
                pool.close()
                thread = threading.Thread(target=pool.join)
                thread.start()
                self.assertEqual(sorted(results), list(range(20)))
                thread.join()

    def test_many_take(self):
        for imap in self.each():
            results, taken, failures = imap(slow, range(300)), [], []

            def take():
                try:
                    taken.extend(results)
                except BaseException as error:
                    failures.append(error)
            threads = [threading.Thread(target=take) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.assertEqual((failures, sorted(taken)), ([], list(range(300))))

    def test_input_that_waits_for_results(self):
        came = threading.Semaphore(1)

        def ask():
            for i in range(5):
                self.assertTrue(came.acquire(timeout=30))
                yield i
        for number in self.pool.imap(abs, ask(), buffersize=1):
            came.release()
        self.assertEqual(number, 4)

    def test_exceptions_of_a_signal_handler(self):
        """What a wait is left by costs no result, and no later call fails for it."""
        is_waiting = False

        def tick(number, frame):
            if is_waiting:
                raise Tick
        before = signal.signal(signal.SIGALRM, tick)
        self.addCleanup(signal.signal, signal.SIGALRM, before)
        for imap in self.each():
            results, taken = imap(slow, range(500)), []
            signal.setitimer(signal.ITIMER_REAL, 0.001, 0.0047)
            while True:
                try:
                    is_waiting = True
                    value = results.next()
                    is_waiting = False
                    taken.append(value)
                except Tick:
                    is_waiting = False
                except StopIteration:
                    is_waiting = False
                    break
            signal.setitimer(signal.ITIMER_REAL, 0)
            # The signal can come when the value is on its way from next() to here.
            self.assertGreater(len(taken), 480)


if __name__ == '__main__':
    unittest.main()
