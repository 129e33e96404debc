# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""The classes behind mproc.Lock() and its like, under the names multiprocessing.synchronize has."""

from gi.repository import Mp

Lock = Mp.Lock
RLock = Mp.RLock
Condition = Mp.Condition

__all__ = ['Lock', 'RLock', 'Condition']
