# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""Round trips between two processes of Python, beside multiprocessing: a value over a pipe there
and back, and a call of a manager's object.

    meson test -C build --benchmark -v bench_connections

What is compared runs in turns; the ratios of each turn are taken, and their median is shown with
the least and the greatest. MPROC_BENCH_QUICK=1 makes it short.
"""

import multiprocessing
import multiprocessing.managers
import os
import statistics
import time

import mproc
import mproc.managers

QUICK = bool(os.environ.get('MPROC_BENCH_QUICK'))
ROUNDS, TRIPS = (3, 100) if QUICK else (15, 1500)
VALUE = ('1', 'increase', (5,), {})


class Counter:
    def __init__(self):
        self.n = 0

    def increase(self, by):
        self.n += by
        return self.n


class OurManager(mproc.managers.BaseManager):
    pass


class TheirManager(multiprocessing.managers.BaseManager):
    pass


OurManager.register('Counter', Counter)
TheirManager.register('Counter', Counter)


def echo(connection):
    while True:
        connection.send(connection.recv())


def echoing(package, **options):
    """One trip to a child that sends back what it gets."""
    here, there = package.Pipe(**options)
    package.Process(target=echo, args=(there,), daemon=True).start()

    def trip():
        here.send(VALUE)
        here.recv()
    return trip


def called(counter):
    return lambda: counter.increase(1)


def time_of(trip):
    start = time.perf_counter()
    for _ in range(TRIPS):
        trip()
    return (time.perf_counter() - start) / TRIPS * 1e6


def compare(what, ours, theirs):
    for trip in ours, theirs:
        trip()
    times = [(time_of(ours), time_of(theirs)) for _ in range(ROUNDS)]
    ratios = sorted(their / our for our, their in times)
    mine, other = (statistics.median(column) for column in zip(*times))
    print(f'{what:<34} {mine:>7.1f} us  {other:>7.1f} us  {statistics.median(ratios):>5.2f} times '
          f'as fast ({ratios[0]:.2f} … {ratios[-1]:.2f})')


def main():
    theirs = echoing(multiprocessing)
    compare('a pipe in shared memory', echoing(mproc), theirs)
    compare('a pipe of sockets', echoing(mproc, sockets=True), theirs)
    with OurManager() as ours, TheirManager() as others:
        compare("a call of a manager's object", called(ours.Counter()), called(others.Counter()))


if __name__ == '__main__':
    main()
