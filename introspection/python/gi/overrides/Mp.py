# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""What `from gi.repository import Mp` adds to the introspected library.

Natural Python values instead of GVariants, exceptions instead of GLib.Errors, `with` and `for`.
The package `mproc` builds on these classes and gives them the names and signatures of
multiprocessing; this file and its neighbours use nothing but the standard library and gi.

Importing it tells the library how to fork an interpreter.
"""

import operator

from gi.module import get_introspection_module
from gi.overrides import (_MpConnection, _MpData, _MpErrors, _MpFast, _MpObjects,
                          _MpProcess, _MpProxy, _MpQueue, _MpResult, _MpSync, _MpSynchronize,
                          override)

Mp = get_introspection_module('Mp')

__all__ = []


class Shared(_MpSync.SharedMethods, Mp.Shared):
    """The base of all objects in the family's shared memory."""

    @staticmethod
    def open(handle):
        """The object with that handle, in any process of the family."""
        with _MpErrors.translated:
            return Mp.Shared.open(handle)


Shared = override(Shared)
__all__.append('Shared')


class Serializable(_MpObjects.SerializableMethods, Mp.Serializable):
    """The interface of objects that can go to other processes."""

    @staticmethod
    def allow(kind, make=None):
        """Objects of this class may come in values: made by kind() and do_set_state(state), or by
        make(state)."""
        with _MpErrors.translated:
            if make is None:
                return Mp.Serializable.allow(kind)
            return Mp.Serializable.allow_with_func(kind, lambda state: make(state))

    @staticmethod
    def from_variant(value):
        """The object that a value stands for, if its class was allowed."""
        with _MpErrors.translated:
            return Mp.Serializable.from_variant(value)


Serializable = override(Serializable)
__all__.append('Serializable')


class Payload(_MpObjects.PayloadMethods, Mp.Payload):
    """A message as its writer encoded it."""


Payload = override(Payload)
__all__.append('Payload')

_MpObjects.install()


class Queue(_MpQueue.QueueMethods, Mp.Queue):
    """Values from any process of the family to any other, first in, first out."""

    @classmethod
    def new(cls, max_items=0):
        """A queue; @max_items above 0 is how many values it holds at most."""
        max_items = _MpQueue.check_size(max_items)
        with _MpErrors.translated:
            return super().new(max_items)

    @classmethod
    def new_joinable(cls, max_items=0):
        """A queue whose join() waits until task_done() was called for all that was put."""
        max_items = _MpQueue.check_size(max_items)
        with _MpErrors.translated:
            return super().new_joinable(max_items)


Queue = override(Queue)
__all__.append('Queue')


class Connection(_MpConnection.ConnectionMethods, Mp.Connection):
    """One end of a line that messages go along. Connection(handle) takes over a socket."""

    def __init__(self, handle=None, readable=True, writable=True, **properties):
        if handle is None:
            super().__init__(**properties)
            return
        if not readable and not writable:
            raise ValueError('at least one of `readable` and `writable` must be True')
        super().__init__(fd=_MpConnection.check_handle(handle))
        self._no_input, self._no_output = not readable, not writable


Connection = override(Connection)
__all__.append('Connection')


class Listener(_MpConnection.ListenerMethods, Mp.Listener):
    """Where other processes connect to."""

    @classmethod
    def new(cls, address=None, backlog=0, authkey=None):
        with _MpErrors.translated:
            return super().new(address, backlog, authkey)


Listener = override(Listener)
__all__.append('Listener')


class Lock(_MpSync.LockMethods, Mp.Lock):
    """Mutual exclusion between processes, and between threads of them."""

    @classmethod
    def new(cls):
        with _MpErrors.translated:
            return super().new()


Lock = override(Lock)
__all__.append('Lock')


class RLock(_MpSync.RLockMethods, Mp.RLock):
    """A lock that its owner may take more than once."""

    @classmethod
    def new(cls):
        with _MpErrors.translated:
            return super().new()


RLock = override(RLock)
__all__.append('RLock')


class Condition(_MpSync.ConditionMethods, Mp.Condition):
    """Waiting, under a lock, for somebody to say that something changed."""

    @classmethod
    def new(cls, lock=None):
        if lock is not None and not isinstance(lock, Mp.Lock):
            raise TypeError('the lock of a condition must be a Lock or RLock of mproc, not '
                            f'{type(lock).__module__}.{type(lock).__qualname__}')
        with _MpErrors.translated:
            return super().new(lock)


Condition = override(Condition)
__all__.append('Condition')


class Semaphore(_MpSynchronize.SemaphoreMethods, Mp.Semaphore):
    """A number of permits. Those of a recoverable one come back when their holder dies."""

    @classmethod
    def new(cls, value=1, recoverable=False):
        value = _MpSynchronize.check_value(value)
        with _MpErrors.translated:
            return super().new_recoverable(value) if recoverable else super().new(value)


Semaphore = override(Semaphore)
__all__.append('Semaphore')


class BoundedSemaphore(_MpSynchronize.BoundedSemaphoreMethods, Mp.BoundedSemaphore):
    """A semaphore that cannot be released above the value it was made with."""

    @classmethod
    def new(cls, value=1, recoverable=False):
        value = _MpSynchronize.check_value(value)
        with _MpErrors.translated:
            return super().new_recoverable(value) if recoverable else super().new(value)


BoundedSemaphore = override(BoundedSemaphore)
__all__.append('BoundedSemaphore')


class Event(_MpSynchronize.EventMethods, Mp.Event):
    """A flag that any process may set, clear and wait for."""

    @classmethod
    def new(cls):
        with _MpErrors.translated:
            return super().new()


Event = override(Event)
__all__.append('Event')


class Barrier(_MpSynchronize.BarrierMethods, Mp.Barrier):
    """Where a number of processes or threads wait for each other."""

    @classmethod
    def new(cls, parties, action=None, timeout=None):
        parties = _MpSynchronize.check_parties(parties)
        with _MpErrors.translated:
            barrier = super().new(parties, -1 if timeout is None else max(0, timeout))
        if action is not None:
            barrier._action = action
        return barrier


Barrier = override(Barrier)
__all__.append('Barrier')


class SharedMemory(_MpData.SharedMemoryMethods, Mp.SharedMemory):
    """Memory that several processes have mapped."""

    @classmethod
    def new(cls, size):
        """Memory of the family, which is gone with the last process that holds it."""
        size = operator.index(size)
        with _MpErrors.translated:
            return super().new(size)

    @classmethod
    def new_named(cls, name, size):
        """Memory that any process of the user can open, until it is unlinked."""
        name, size = _MpData.check_name(name), operator.index(size)
        with _MpErrors.translated:
            return super().new_named(name, size)

    @classmethod
    def open_named(cls, name):
        name = _MpData.check_name(name)
        with _MpErrors.translated:
            return super().open_named(name)

    @staticmethod
    def unlink(name):
        """Removes a name."""
        name = _MpData.check_name(name)
        with _MpErrors.translated:
            Mp.SharedMemory.unlink(name)

    @staticmethod
    def list():
        """The names of the user's named memory."""
        with _MpErrors.translated:
            return Mp.SharedMemory.list()


SharedMemory = override(SharedMemory)
__all__.append('SharedMemory')


class Value(_MpData.ValueMethods, Mp.Value):
    """A number in shared memory."""

    @classmethod
    def new(cls, element_type):
        """A number, 0, with a lock of its own."""
        with _MpErrors.translated:
            return super().new(element_type)

    @classmethod
    def new_with_lock(cls, element_type, lock=None):
        """A number, 0, with a given lock or without one."""
        with _MpErrors.translated:
            return super().new_with_lock(element_type, lock)


Value = override(Value)
__all__.append('Value')


class Array(_MpData.ArrayMethods, Mp.Array):
    """Numbers of one type in shared memory."""

    @classmethod
    def new(cls, element_type, length):
        """Zeros, with a lock of their own."""
        with _MpErrors.translated:
            return super().new(element_type, length)

    @classmethod
    def new_with_lock(cls, element_type, length, lock=None):
        """Zeros, with a given lock or without one."""
        with _MpErrors.translated:
            return super().new_with_lock(element_type, length, lock)


Array = override(Array)
__all__.append('Array')


class ShareableList(_MpData.ShareableListMethods, Mp.ShareableList):
    """A list of fixed slots in shared memory."""

    @classmethod
    def new(cls, values, name=None):
        """A list of these values, in memory of that name or without one."""
        if name is not None:
            _MpData.check_name(name)
        with _MpErrors.translated:
            return super().new_data(name, _MpData.pack_all(values))

    @classmethod
    def open_named(cls, name):
        name = _MpData.check_name(name)
        with _MpErrors.translated:
            return super().open_named(name)


ShareableList = override(ShareableList)
__all__.append('ShareableList')


class Process(_MpProcess.ProcessMethods, Mp.Process):
    """A child process. Its work is a callable, or do_run() of a subclass."""

    @classmethod
    def new(cls, name=None, func=None, *arguments):
        """A process that will call func(*arguments)."""
        process = cls(name=name)
        if func is not None:
            process.work = lambda: func(*arguments)
        return process


Process = override(Process)
__all__.append('Process')


class Result(_MpResult.ResultMethods, Mp.Result):
    """The result of a task: not there yet, a value, or an exception."""


Result = override(Result)
__all__.append('Result')


class Pool(_MpResult.PoolMethods, Mp.Pool):
    """Worker processes that run tasks. Programs use mproc.Pool, which holds one of these."""

    @classmethod
    def new(cls, n_workers=0):
        """A pool; of as many workers as there are usable CPUs if @n_workers is 0."""
        with _MpErrors.translated:
            return super().new(n_workers)


Pool = override(Pool)
__all__.append('Pool')


class Proxy(_MpProxy.ProxyMethods, Mp.Proxy):
    """An object in a manager's server."""

    @staticmethod
    def from_variant(value):
        """The proxy that a GVariant stands for."""
        with _MpErrors.translated:
            return Mp.Proxy.from_variant(value)

    @staticmethod
    def open(handle):
        """The object with that handle, in any process of the user."""
        with _MpErrors.translated:
            return Mp.Proxy.open(handle)


Proxy = override(Proxy)
__all__.append('Proxy')


class ListProxy(_MpProxy.ListProxyMethods, Mp.ListProxy):
    """A list in a manager's server."""


ListProxy = override(ListProxy)
__all__.append('ListProxy')


class DictProxy(_MpProxy.DictProxyMethods, Mp.DictProxy):
    """A dict in a manager's server."""


DictProxy = override(DictProxy)
__all__.append('DictProxy')


class Manager(_MpProxy.ManagerMethods, Mp.Manager):
    """A server process that holds lists and dicts for any number of processes."""

    @classmethod
    def new(cls):
        with _MpErrors.translated:
            return super().new()


Manager = override(Manager)
__all__.append('Manager')

_MpFast.install({Queue: 'queue', Connection: 'connection', Lock: 'lock', RLock: 'lock',
                 Condition: 'condition', Semaphore: 'semaphore', BoundedSemaphore: 'semaphore',
                 Process: 'process'})
_MpProcess.install()

Process.set_fork_func(_MpProcess.fork)
