#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""A child process answers through a pipe until nobody asks any more."""

from mproc import Pipe, Process


def answer(there, here):
    here.close()                # the child has both ends; this one is not its own
    for number in there:
        there.send(number * number)


if __name__ == '__main__':
    here, there = Pipe()
    process = Process(target=answer, args=(there, here))
    process.start()
    there.close()
    for number in (1, 2, 3):
        here.send(number)
        print(here.recv())
    here.close()
    process.join()
