# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""What imap() and imap_unordered() give while they are interrupted, and by several threads."""

import collections
import itertools
import threading
import unittest

import support
from gi.overrides import _MpFast

from mproc import iterators, pool, results
from mproc.pool import Pool
from support import Interrupting, Interruption

OWN = {module.__file__ for module in (iterators, pool, results)}


class Tick(Exception):
    """What other handlers raise. In Python's own way of giving a task nobody can tell it from what
    the item's pickling raises."""


KINDS = (Interruption,) if _MpFast.native is None else (Interruption, Tick)


def double(x):
    return 2 * x


def take_all(iterator, interrupting):
    """All results, with interruptions met on the way."""
    found = []
    while True:
        try:
            with interrupting:
                value = iterator.__next__()
        except interrupting.kind:
            continue
        except StopIteration:
            return found
        found.append(value)


class Interrupted(support.TestCase):
    def check(self, name, chunksize, buffersize):
        for kind in KINDS:
            with self.subTest(kind):
                self.check_kind(kind, name, chunksize, buffersize)

    def check_kind(self, kind, name, chunksize, buffersize):
        wanted = [double(x) for x in range(9)]
        with Pool(1) as made:
            for moment in itertools.count():
                interrupting = Interrupting(OWN, moment, kind)
                iterator = getattr(made, name)(double, iter(range(9)), chunksize,
                                               buffersize=buffersize)
                found = take_all(iterator, interrupting)
                if name == 'imap_unordered':
                    found.sort()
                self.assertEqual(found, wanted, f'moment {moment}')
                if not interrupting.done:
                    break
            self.assertGreater(moment, 50)
            self.assertIsNone(made._gatherer)
            self.assertEqual(made._feeding, [])

    def test_imap(self):
        self.check('imap', 1, None)
        self.check('imap', 1, 2)

    def test_imap_of_chunks(self):
        self.check('imap', 2, 2)

    def test_imap_unordered(self):
        self.check('imap_unordered', 1, None)
        self.check('imap_unordered', 1, 2)

    def test_imap_unordered_of_chunks(self):
        self.check('imap_unordered', 2, 2)

    def test_callbacks(self):
        called = []
        with Pool(1) as made:
            for moment in itertools.count():
                called.clear()
                given = [made.apply_async(double, (1,), callback=called.append),
                         made.map_async(double, range(4), 2, callback=called.append)]
                for one in given:
                    support.wait_until(lambda: all(p.is_ready() for p in one._get_parts()))
                interrupting = Interrupting(OWN, moment)
                while made._calls:
                    try:
                        with interrupting:
                            made._gather()
                    except interrupting.kind:
                        pass
                self.assertEqual(sorted(called, key=str), [2, [0, 2, 4, 6]], f'moment {moment}')
                if not interrupting.done:
                    break
            self.assertGreater(moment, 10)
            self.assertIsNone(made._gatherer)

    def test_a_pool_is_closed_and_joined(self):
        for moment in itertools.count():
            made = Pool(1)
            interrupting = Interrupting(OWN, moment)
            iterator = made.imap(double, iter(range(40)), buffersize=2)
            made.close()
            while True:
                try:
                    with interrupting:
                        made.join()
                except interrupting.kind:
                    continue
                break
            self.assertEqual(list(iterator), [double(x) for x in range(40)])
            made.terminate()
            if not interrupting.done or moment > 60:
                break
        self.assertGreater(moment, 20)


class Threads(support.TestCase):
    def share(self, iterator):
        """Has four threads take everything."""
        found = collections.deque()

        def take():
            for value in iterator:
                found.append(value)

        takers = [threading.Thread(target=take) for _ in range(4)]
        for taker in takers:
            taker.start()
        for taker in takers:
            taker.join()
        return sorted(found)

    def test_each_result_is_taken_once(self):
        with Pool(2) as made:
            for name, chunksize in itertools.product(('imap', 'imap_unordered'), (1, 5)):
                found = self.share(getattr(made, name)(double, iter(range(500)), chunksize))
                self.assertEqual(found, [double(x) for x in range(500)])

    def test_one_waits_while_another_reads_the_input(self):
        reading, goes_on = threading.Event(), threading.Event()

        def numbers():
            yield 1
            yield 2
            reading.set()
            goes_on.wait(30)
            yield 3

        with Pool(1) as made:
            found = collections.deque()
            iterator = None

            def begin():
                nonlocal iterator
                iterator = made.imap(double, numbers(), buffersize=2)
                started.set()
                found.extend(iterator)

            started = threading.Event()
            first = threading.Thread(target=begin)
            first.start()
            started.wait(30)
            reading.wait(30)
            second = threading.Thread(target=lambda: found.extend(iterator))
            second.start()
            goes_on.set()
            first.join()
            second.join()
            self.assertEqual(sorted(found), [2, 4, 6])


if __name__ == '__main__':
    unittest.main()
