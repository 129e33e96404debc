#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""Four workers square ten numbers."""

from mproc import Pool


def f(x):
    return x * x


if __name__ == '__main__':
    p = Pool(4)
    r = p.map_async(f, range(10))
    print(r.get(timeout=1))
    p.close()
    p.join()
