#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""A list that lives in a manager's server, where every process can reach it."""

from mproc import Manager

if __name__ == '__main__':
    manager = Manager()
    l = manager.list(range(10))
    l.reverse()
    print(l)
    print(repr(l))
