# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""Contexts: the whole interface of the package, bound to one way of starting processes.

The names of the package are the methods of the default context. Each imports what it needs when it
is first called, so that `import mproc` stays quick.
"""

import os

from gi.repository import Mp

from . import process
from .errors import AuthenticationError, BufferTooShort, ProcessError, TimeoutError

METHODS = ('fork',)


class BaseContext:
    ProcessError = ProcessError
    BufferTooShort = BufferTooShort
    TimeoutError = TimeoutError
    AuthenticationError = AuthenticationError

    Process = process.Process
    current_process = staticmethod(process.current_process)
    parent_process = staticmethod(process.parent_process)
    active_children = staticmethod(process.active_children)

    def cpu_count(self):
        """How many CPUs the machine has."""
        count = os.cpu_count()
        if count is None:
            raise NotImplementedError('cannot determine number of cpus')
        return count

    def usable_cpu_count(self):
        """How many CPUs this process may use: its affinity and its cgroup's quota."""
        return Mp.get_usable_cpus()

    def Queue(self, maxsize=0):
        """A queue in shared memory; maxsize above 0 is how many values it holds at most."""
        return Mp.Queue.new(max(0, maxsize))

    def JoinableQueue(self, maxsize=0):
        """A queue whose join() waits until task_done() was called for all that was put."""
        return Mp.Queue.new_joinable(max(0, maxsize))

    def SimpleQueue(self):
        """A queue with put(), get(), empty() and close()."""
        from .queues import SimpleQueue
        return SimpleQueue()

    def Lock(self):
        return Mp.Lock.new()

    def RLock(self):
        return Mp.RLock.new()

    def Condition(self, lock=None):
        """Notifications under a lock; a new RLock if none is given."""
        return Mp.Condition.new(lock)

    def Semaphore(self, value=1, *, recoverable=False):
        """Permits. Those of a recoverable one come back when the thread that holds them dies."""
        return Mp.Semaphore.new(value, recoverable)

    def BoundedSemaphore(self, value=1, *, recoverable=False):
        """A semaphore that cannot be released above its first value."""
        return Mp.BoundedSemaphore.new(value, recoverable)

    def Event(self):
        """A flag to set, clear and wait for."""
        return Mp.Event.new()

    def Barrier(self, parties, action=None, timeout=None):
        """Where @parties wait for each other; the last one to arrive calls action()."""
        return Mp.Barrier.new(parties, action, timeout)

    def Value(self, typecode_or_type, *args, lock=True):
        """A ctypes object in shared memory, under a lock."""
        from .sharedctypes import Value
        return Value(typecode_or_type, *args, lock=lock, ctx=self)

    def Array(self, typecode_or_type, size_or_initializer, *, lock=True):
        """A ctypes array in shared memory, under a lock."""
        from .sharedctypes import Array
        return Array(typecode_or_type, size_or_initializer, lock=lock, ctx=self)

    def RawValue(self, typecode_or_type, *args):
        """A ctypes object in shared memory."""
        from .sharedctypes import RawValue
        return RawValue(typecode_or_type, *args)

    def RawArray(self, typecode_or_type, size_or_initializer):
        """A ctypes array in shared memory."""
        from .sharedctypes import RawArray
        return RawArray(typecode_or_type, size_or_initializer)

    def Pool(self, processes=None, initializer=None, initargs=(), maxtasksperchild=None):
        """A pool of worker processes."""
        from .pool import Pool
        return Pool(processes, initializer, initargs, maxtasksperchild, context=self)

    def Manager(self):
        """A started manager: a server process that holds lists and dicts."""
        from .managers import SyncManager
        manager = SyncManager()
        manager.start()
        return manager

    def freeze_support(self):
        """Nothing: it exists for programs that call it."""

    def get_context(self, method=None):
        if method is None:
            return self
        if method not in METHODS:
            raise ValueError(f'cannot find context for {method!r}: mproc starts the processes of '
                             f'Python programs with {", ".join(METHODS)}')
        return _contexts[method]

    def get_start_method(self, allow_none=False):
        return METHODS[0]

    def set_start_method(self, method, force=False):
        raise ValueError('cannot set start method of concrete context')

    def get_all_start_methods(self):
        return list(METHODS)


class ForkContext(BaseContext):
    """Children are copies of this process."""

    _name = 'fork'

    def get_context(self, method=None):
        return self if method is None else super().get_context(method)


class DefaultContext(BaseContext):
    """Starts processes in the way that set_start_method() says."""

    _method = None

    def get_start_method(self, allow_none=False):
        if self._method is None:
            if allow_none:
                return None
            self._method = METHODS[0]
        return self._method

    def set_start_method(self, method, force=False):
        if self._method is not None and not force:
            raise RuntimeError('context has already been set')
        if method is not None:
            self.get_context(method)
        self._method = method


_contexts = {'fork': ForkContext()}
default_context = DefaultContext()
