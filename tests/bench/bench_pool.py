# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""Pools of mproc beside those of multiprocessing, in one run: how many times as fast.

Each row is measured in turns, first one and then the other, and the medians count, so that what
else the machine does concerns both. The absolute numbers change from machine to machine; the ratios
are what it is for. The last rows are about mproc alone: what it costs that many tasks wait.

    bench_pool.py [SCALE]      SCALE multiplies how much is done
"""

import functools
import gc
import multiprocessing
import os
import statistics
import sys
import time

import mproc

TURNS = 5
WORKERS = 2
SCALE = float(sys.argv[1]) if len(sys.argv) > 1 else 1


def identity(x):
    return x


def nothing():
    pass


def count(n):
    return max(1, int(n * SCALE))


def start(module):
    began = time.perf_counter()
    pool = module.Pool(WORKERS)
    pool.apply(identity, (1,))
    took = time.perf_counter() - began
    pool.terminate()
    pool.join()
    return took


def apply(pool):
    for i in range(count(1000)):
        pool.apply(identity, (i,))


def apply_async(pool):
    results = [pool.apply_async(identity, (i,)) for i in range(count(5000))]
    for result in results:
        result.get()


def imap(pool):
    for _ in pool.imap(identity, range(count(5000))):
        pass


def imap_unordered(pool):
    for _ in pool.imap_unordered(identity, range(count(5000))):
        pass


def map_many(pool):
    pool.map(identity, range(count(1000000)))


@functools.cache
def big():
    return [os.urandom(1 << 20) for _ in range(64)]


def map_big(pool):
    pool.map(len, big())


def map_big_back(pool):
    pool.map(identity, big())


# What is asked is how many times as fast as multiprocessing it shall be.
ROWS = [('apply', apply, 10), ('apply_async', apply_async, 4), ('imap, chunk 1', imap, 4),
        ('imap_unordered, chunk 1', imap_unordered, 4), ('map of 10^6 items', map_many, 1),
        ('64 items of 1 MiB, there', map_big, 5), ('… there and back', map_big_back, 5)]


def measure(work, pool):
    began = time.perf_counter()
    work(pool)
    return time.perf_counter() - began


def show(name, theirs, ours, asked):
    ratio = theirs / ours
    missed = '' if ratio >= asked else '  (missed)'
    print(f'{name:28} {theirs * 1000:10.2f} ms {ours * 1000:10.2f} ms {ratio:8.2f}   >= {asked}'
          f'{missed}')


def beside_multiprocessing():
    print(f'{"":28} {"multiprocessing":>13} {"mproc":>13} {"ratio":>8}  asked')
    modules = multiprocessing, mproc
    turns = [[start(module) for module in modules] for _ in range(3 * TURNS)]
    show('start of a pool', *map(statistics.median, zip(*turns)), 1)
    big()
    pools = [module.Pool(WORKERS) for module in modules]
    for name, work, asked in ROWS:
        turns = [[measure(work, pool) for pool in pools] for _ in range(TURNS)]
        show(name, *map(statistics.median, zip(*turns)), asked)
    for pool in pools:
        pool.terminate()
        pool.join()


def resident():
    with open('/proc/self/statm') as file:
        return int(file.read().split()[1]) * os.sysconf('SC_PAGE_SIZE')


def rate(pool, n):
    """Tasks a second, all of which are given before the first result is looked at."""
    gc.collect()
    began = time.perf_counter()
    results = [pool.apply_async(nothing) for _ in range(n)]
    for result in results:
        result.get()
    return n / (time.perf_counter() - began)


def many_waiting():
    with mproc.Pool(WORKERS) as pool:
        rate(pool, 1000)
        for n in (count(10000), count(100000), count(1000000)):
            print(f'{f"{n} tasks wait":28} {rate(pool, n):10.0f} a second')


def memory():
    """Of a task that waits: the library's memory, shared and not, and Python's. It comes first, as
    long as no memory is left over from anything."""
    n = count(300000)
    with mproc.Pool(1) as pool:
        pool.apply(nothing)
        pool.apply_async(time.sleep, (3600,))
        before = resident()
        results = [pool.apply_async(nothing) for _ in range(n)]
        took = (resident() - before) / n
        python = sys.getsizeof(results[0]) + 8      # and its place in the list
        print(f'{"a task that waits":28} {took:10.0f} bytes, of which {python:.0f} are Python\'s')


if __name__ == '__main__':
    # Its own process: one that has grown large before forks slowly, whatever the library.
    if os.fork() == 0:
        memory()
        sys.stdout.flush()
        os._exit(0)
    os.wait()
    beside_multiprocessing()
    many_waiting()
