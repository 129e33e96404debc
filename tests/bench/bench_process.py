# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""Starting and joining processes: beside multiprocessing, beside the bare calls, by each method.

    meson test -C build --benchmark -v bench_process

What is compared runs in turn, one process each, and the medians count. The row in C is printed by
the program bench-process, if it is there. MPROC_BENCH_QUICK=1 makes all of it short.
"""

import multiprocessing
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import mproc

QUICK = bool(os.environ.get('MPROC_BENCH_QUICK'))


def nothing():
    pass


def bare():
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)


def starter(make):
    def start_and_join():
        process = make(target=nothing)
        process.start()
        process.join()
    return start_and_join


def medians(contenders, rounds):
    """The median time of each, in microseconds."""
    times = {name: [] for name in contenders}
    for call in contenders.values():
        call()
    for _ in range(rounds):
        for name, call in contenders.items():
            start = time.perf_counter()
            call()
            times[name].append((time.perf_counter() - start) * 1e6)
    return {name: statistics.median(found) for name, found in times.items()}


def show(title, found, base):
    print(title)
    for name, value in found.items():
        print(f'  {name:<28} {value:>10.0f} us  {value / found[base]:>6.2f}')


def main():
    show('fork', medians({
        'mproc': starter(mproc.Process),
        'multiprocessing': starter(multiprocessing.Process),
        'os.fork and waitpid': bare,
    }, 20 if QUICK else 300), 'mproc')
    show('start methods', medians({
        f'{package.__name__} {method}': starter(package.get_context(method).Process)
        for method in ('forkserver', 'spawn') for package in (mproc, multiprocessing)
    }, 2 if QUICK else 20), 'mproc forkserver')
    program = Path(os.environ.get('MPROC_BUILD_ROOT', '.')) / 'tests' / 'bench-process'
    if program.exists():
        sys.stdout.flush()
        subprocess.run([program, '20' if QUICK else '500'], check=True)


if __name__ == '__main__':
    main()
