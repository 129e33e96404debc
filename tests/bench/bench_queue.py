# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""The Python package beside multiprocessing: messages, round trips, large messages, locks.

    meson test -C build --benchmark -v bench_queue

Both run in turn, round by round, with the same two processes each pinned to one of two CPUs; of
each the median round counts. MPROC_BENCH_ROUNDS sets how many rounds, MPROC_BENCH_QUICK=1 makes
them short.
"""

import multiprocessing
import os
import statistics
import sys
import time

import mproc

QUICK = bool(os.environ.get('MPROC_BENCH_QUICK'))
ROUNDS = int(os.environ.get('MPROC_BENCH_ROUNDS', 3 if QUICK else 9))
SHRINK = 20 if QUICK else 1

SMALL = b'x' * 64
LARGE = b'x' * (1 << 20)


def pin(index):
    os.sched_setaffinity(0, {CPUS[index]})


def partner(commands, there, back):
    """What the other process does: as many messages, or answers, as it is asked for."""
    pin(1)
    while (command := commands.recv()) is not None:
        work, n, message = command
        if work == 'stream':
            for _ in range(n):
                there.put(message)
        else:
            for _ in range(n):
                there.put(back.get())


class Contender:
    """One of the packages, with a partner of its own that lives as long as the contest."""

    def __init__(self, name, package):
        self.name = name
        self.there, self.back = package.Queue(), package.Queue()
        self.lock = package.Lock()
        self.commands, end = multiprocessing.Pipe()
        self.process = package.Process(target=partner, args=(end, self.there, self.back))
        self.process.start()

    def close(self):
        self.commands.send(None)
        self.process.join()

    def stream(self, n, message):
        """Seconds a message, from the first to the last."""
        self.commands.send(('stream', n, message))
        get = self.there.get
        get()
        start = time.perf_counter()
        for _ in range(n - 1):
            get()
        return (time.perf_counter() - start) / (n - 1)

    def trips(self, n, message):
        self.commands.send(('trips', n, None))
        put, get = self.back.put, self.there.get
        start = time.perf_counter()
        for _ in range(n):
            put(message)
            get()
        return (time.perf_counter() - start) / n

    def locks(self, n, _):
        lock = self.lock
        start = time.perf_counter()
        for _ in range(n):
            lock.acquire()
            lock.release()
        return (time.perf_counter() - start) / n


WORKS = [
    # what, how, how often, with what, how many times as fast it has to be
    ('64-byte messages', Contender.stream, 40000, SMALL, 3),
    ('round trip, 64 bytes', Contender.trips, 4000, SMALL, 15),
    ('1 MiB messages', Contender.stream, 200, LARGE, 5),
    ('lock and unlock', Contender.locks, 200000, None, None),
]


def main():
    contenders = [Contender('mproc', mproc), Contender('multiprocessing', multiprocessing)]
    pin(0)

    print(f'{"what":24}' + ''.join(f'{one.name:>18}' for one in contenders) +
          f'{"ratio":>9}{"target":>9}')
    missed = 0
    for what, run, n, message, target in WORKS:
        n = max(n // SHRINK, 10)
        times = {one: [] for one in contenders}
        for one in contenders:
            run(one, max(n // 10, 5), message)
        for _ in range(ROUNDS):
            for one in contenders:
                times[one].append(run(one, n, message))
        ours, theirs = (statistics.median(times[one]) for one in contenders)
        ratio = theirs / ours
        mark = ' MISSED' if target is not None and ratio < target else ''
        missed += bool(mark)
        print(f'{what:24}{ours * 1e6:15.2f} us{theirs * 1e6:15.2f} us{ratio:9.2f}'
              f'{f">= {target}" if target is not None else "":>9}{mark}', flush=True)
    print(f'{missed} of the targets missed')

    for one in contenders:
        one.close()


if __name__ == '__main__':
    CPUS = sorted(os.sched_getaffinity(0))[:2]
    if len(CPUS) < 2:
        print('Two CPUs are needed to measure anything')
        sys.exit(77)
    main()
