#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""Two processes fill one array, each a half of it, and count what they did."""

from mproc import Array, Process, Value

N = 10


def fill(array, done, start, stop):
    for i in range(start, stop):
        array[i] = i * i
        done.add(1)


if __name__ == '__main__':
    array = Array('i', N)
    done = Value('i')
    processes = [Process(target=fill, args=(array, done, 0, N // 2)),
                 Process(target=fill, args=(array, done, N // 2, N))]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    print(array[:])
    print(done.value)
