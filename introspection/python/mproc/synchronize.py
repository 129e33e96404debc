# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""The classes behind mproc.Lock() and its like, under the names multiprocessing.synchronize has."""

from gi.repository import Mp

Lock = Mp.Lock
RLock = Mp.RLock
Condition = Mp.Condition
Semaphore = Mp.Semaphore
BoundedSemaphore = Mp.BoundedSemaphore
Event = Mp.Event
Barrier = Mp.Barrier

# The greatest value of a semaphore.
SEM_VALUE_MAX = 2**31 - 1



class _Kinds(type):
    def __instancecheck__(cls, thing):
        return isinstance(thing, (Lock, RLock, Semaphore))


class SemLock(metaclass=_Kinds):
    """What the locks and semaphores have in common, for isinstance(); it makes none."""

    SEM_VALUE_MAX = SEM_VALUE_MAX

    def __new__(cls, *arguments):
        raise TypeError('use Lock, RLock, Semaphore or BoundedSemaphore')


__all__ = ['Lock', 'RLock', 'Condition', 'Semaphore', 'BoundedSemaphore', 'Event', 'Barrier']
