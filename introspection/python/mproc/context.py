# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""Contexts: the whole interface of the package, bound to one way of starting processes.

The names of the package are the methods of the default context. Each imports what it needs when it
is first called, so that `import mproc` stays quick.
"""

import os
import sys

from gi.overrides import _MpCodec
from gi.repository import Mp

from . import process, util
from .errors import AuthenticationError, BufferTooShort, ProcessError, TimeoutError

METHODS = ('fork', 'spawn', 'forkserver')


Process = process.Process


def assert_spawning(obj):
    """RuntimeError unless mproc is sending what this object is in: for a __getstate__()."""
    if not _MpCodec.is_for_others():
        raise RuntimeError(f'{type(obj).__name__} objects should only be shared between processes '
                           'through inheritance')


class BaseContext:
    ProcessError = ProcessError
    BufferTooShort = BufferTooShort
    TimeoutError = TimeoutError
    AuthenticationError = AuthenticationError

    Process = process.Process
    FunctionProcess = process.FunctionProcess
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

    def Pipe(self, duplex=True, *, sockets=False):
        """Two connected ends. If not @duplex the first only receives and the second only sends.

        With @sockets they have descriptors; else they are in shared memory, which is faster."""
        from .connection import Pipe
        return Pipe(duplex, sockets=sockets)

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

    def Pool(self, processes=None, initializer=None, initargs=(), maxtasksperchild=None, **more):
        """A pool of worker processes; @more are keyword arguments of mproc.pool.Pool."""
        from .pool import Pool
        return Pool(processes, initializer, initargs, maxtasksperchild, context=self, **more)

    def Manager(self):
        """A started manager: a server process that holds lists and dicts."""
        from .managers import SyncManager
        manager = SyncManager()
        manager.start()
        return manager

    def freeze_support(self):
        """Runs the worker, if this program is frozen and was started as one; else nothing."""
        from . import spawn
        spawn.freeze_support()

    def set_executable(self, executable):
        """Sets the interpreter that 'spawn' and 'forkserver' start."""
        from . import spawn
        spawn.set_executable(executable)

    def set_forkserver_preload(self, module_names, *, on_error='ignore'):
        """Sets which modules a fork server imports, before it is started; and what it does if one
        cannot be imported: 'ignore', 'warn' or 'fail'."""
        from . import spawn
        spawn.set_forkserver_preload(module_names, on_error)

    def get_logger(self):
        """The logger of the package."""
        return util.get_logger()

    def log_to_stderr(self, level=None):
        """Has the logger write to stderr, and gives it."""
        return util.log_to_stderr(level)

    def allow_connection_pickling(self):
        """Has sockets be part of values, too; connections always can."""
        from . import reduction  # noqa: F401

    @property
    def reducer(self):
        """What writes the values that are sent: mproc.reduction, or an object like it, which has a
        ForkingPickler with dumps() and perhaps loads(). It is one for all contexts."""
        if _MpCodec.reducer is None:
            from . import reduction
            return reduction
        return _MpCodec.reducer

    @reducer.setter
    def reducer(self, reducer):
        from . import reduction
        pickler = reducer.ForkingPickler
        if not callable(pickler.dumps):
            raise TypeError(f'{pickler!r} has no dumps()')
        _MpCodec.set_reducer(reducer, pickler is reduction.ForkingPickler)

    def get_context(self, method=None):
        if method is None:
            return self
        if method not in _contexts:
            raise ValueError(f'cannot find context for {method!r}: there are '
                             f'{", ".join(METHODS)}')
        return _contexts[method]

    def get_start_method(self, allow_none=False):
        return self._name

    def set_start_method(self, method, force=False):
        raise ValueError('cannot set start method of concrete context')

    def get_all_start_methods(self):
        return list(METHODS)


class ForkProcess(process.Process):
    _start_method = 'fork'


class SpawnProcess(process.Process):
    _start_method = 'spawn'


class ForkServerProcess(process.Process):
    _start_method = 'forkserver'


class ForkContext(BaseContext):
    """Children are copies of this process."""

    _name = 'fork'
    Process = ForkProcess


class SpawnContext(BaseContext):
    """Children are new interpreters."""

    _name = 'spawn'
    Process = SpawnProcess


class ForkServerContext(BaseContext):
    """Children are copies of a server, which has one thread and has run nothing but imports."""

    _name = 'forkserver'
    Process = ForkServerProcess


class DefaultContext(BaseContext):
    """Starts processes in the way that set_start_method() says."""

    def get_context(self, method=None):
        if method is None:
            self.get_start_method()
        return super().get_context(method)

    def get_start_method(self, allow_none=False):
        if process._default_method is None and not allow_none:
            process._default_method = METHODS[0]
        return process._default_method

    def set_start_method(self, method, force=False):
        if process._default_method is not None and not force:
            raise RuntimeError('context has already been set')
        if method is not None:
            self.get_context(method)
        process._default_method = method


_contexts = {'fork': ForkContext(), 'spawn': SpawnContext(), 'forkserver': ForkServerContext()}
default_context = DefaultContext()

# What a spawned child sends back names the program's main module so.
sys.modules.setdefault('__mp_main__', sys.modules['__main__'])
