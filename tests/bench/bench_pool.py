# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""Pools of mproc beside those of multiprocessing, in one run: how many times as fast.

Each row is measured in turns, and of each the best turn counts, so that what else the machine does
concerns both. The absolute numbers change from machine to machine; the ratios are what it is for.

    bench_pool.py [SCALE]      SCALE multiplies how much is done
"""

import multiprocessing
import os
import sys
import time

import mproc

TURNS = 3
WORKERS = 2
SCALE = float(sys.argv[1]) if len(sys.argv) > 1 else 1


def identity(x):
    return x


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


def map_many(pool):
    pool.map(identity, range(count(1000000)))


BIG = [os.urandom(1 << 20)] * 64


def map_big(pool):
    pool.map(len, BIG)


def map_big_back(pool):
    pool.map(identity, BIG)


ROWS = [('apply', apply), ('apply_async', apply_async), ('imap, chunk 1', imap),
        ('map of 10^6 items', map_many), ('64 items of 1 MiB, there', map_big),
        ('… there and back', map_big_back)]


def measure(work, pool):
    began = time.perf_counter()
    work(pool)
    return time.perf_counter() - began


def show(name, theirs, ours):
    print(f'{name:28} {theirs * 1000:10.2f} ms {ours * 1000:10.2f} ms {theirs / ours:8.2f}')


def main():
    print(f'{"":28} {"multiprocessing":>13} {"mproc":>13} {"ratio":>8}')
    modules = multiprocessing, mproc
    show('start of a pool', *(min(start(module) for _ in range(TURNS)) for module in modules))
    pools = [module.Pool(WORKERS) for module in modules]
    for name, work in ROWS:
        times = [min(turns) for turns in zip(*([measure(work, pool) for pool in pools]
                                               for _ in range(TURNS)))]
        show(name, *times)
    for pool in pools:
        pool.terminate()
        pool.join()


if __name__ == '__main__':
    main()
