#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""A condition says who holds its lock."""

from mproc import Condition

if __name__ == '__main__':
    c = Condition()
    print(c)
    c.acquire()
    print(c)
