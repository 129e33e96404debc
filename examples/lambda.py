#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""A pool that exists already gets a function that it has never seen."""

from mproc import Pool

if __name__ == '__main__':
    p = Pool(4)
    print(p.map(lambda x: (lambda y: y**2)(x) + x, range(10)))
    p.close()
    p.join()
