# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""A pool while somebody kills its workers: with retries every result is there, once and right;
without, each is right or says that its worker died. Nothing is left in the end.

MPROC_SOAK_TASKS says how many tasks there are at least, by default few; MPROC_SOAK_PERIOD the
milliseconds from one kill to the next."""

import collections
import os
import random
import signal
import sys
import time
import unittest

import support

import mproc
from mproc.pool import Pool

N_TASKS = int(os.environ.get('MPROC_SOAK_TASKS', '2000'))
PERIOD = int(os.environ.get('MPROC_SOAK_PERIOD', '20')) / 1000
N_PIDS = 8

# The last workers that began a task; behind them, how many were killed.
recent = mproc.RawArray('i', N_PIDS + 1)


def cube(x):
    recent[os.getpid() % N_PIDS] = os.getpid()
    if x % 16 == 0:
        time.sleep(0.0005)
    return x * x * x


def parent_of(pid):
    try:
        with open(f'/proc/{pid}/stat', encoding='ascii', errors='replace') as file:
            return int(file.read().rpartition(')')[2].split()[1])
    except OSError:
        return None


def kill_workers():
    """Until it is killed itself."""
    parent = os.getppid()
    while os.getppid() == parent:
        time.sleep(PERIOD)
        pids = [pid for pid in recent[:N_PIDS] if pid > 0 and parent_of(pid) == parent]
        if pids:
            try:
                os.kill(random.choice(pids), signal.SIGKILL)
                recent[N_PIDS] += 1
            except ProcessLookupError:
                pass


class Soak(support.TestCase):
    def soak(self, pool, check, **options):
        killer = self.child(kill_workers, daemon=True)
        first = recent[N_PIDS]
        number = 0
        while number < N_TASKS or recent[N_PIDS] == first:
            results = [pool.apply_async(cube, (i,), **options) for i in range(number, number + 500)]
            for i, result in enumerate(results, number):
                check(i, result)
            number += 500
        killer.kill()
        killer.join()
        print(f'# {number} tasks, {recent[N_PIDS] - first} kills, {pool.stats()}', file=sys.stderr)
        return number

    def test_with_retries(self):
        def check(number, result):
            self.assertEqual(result.get(60), number ** 3)

        with Pool(2) as pool:
            number = self.soak(pool, check, retries=1000)
            self.assertEqual((pool.stats()['done'], pool.stats()['failed']), (number, 0))

    def test_without_retries(self):
        outcomes = collections.Counter()

        def check(number, result):
            try:
                self.assertEqual(result.get(60), number ** 3)
                outcomes['done'] += 1
            except mproc.WorkerDied as error:
                self.assertEqual(error.signal, signal.SIGKILL)
                outcomes['failed'] += 1

        with Pool(2) as pool:
            number = self.soak(pool, check)
            stats = pool.stats()
            self.assertEqual((outcomes['done'], outcomes['failed']),
                             (stats['done'], stats['failed']))
            self.assertEqual(sum(outcomes.values()), number)

    def test_iterators(self):
        """Each result comes once, in its place."""
        with Pool(2) as pool:
            killer = self.child(kill_workers, daemon=True)
            for kind in pool.imap, pool.imap_unordered:
                found = list(kind(cube, range(N_TASKS), retries=1000))
                self.assertEqual(sorted(found), [x ** 3 for x in range(N_TASKS)])
            killer.kill()
            killer.join()


if __name__ == '__main__':
    unittest.main(argv=sys.argv)
