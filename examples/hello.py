#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""A child process sends a greeting through a queue."""

from mproc import Process, Queue


def f(q):
    q.put('hello world')


if __name__ == '__main__':
    q = Queue()
    p = Process(target=f, args=[q])
    p.start()
    print(q.get())
    p.join()
