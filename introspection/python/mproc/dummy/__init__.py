# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""The interface of the package over threads: nothing is shared but by being the same object.

A Process here is a thread; locks and queues are those of `threading` and `queue`.
"""

import array
import queue
import sys
import threading
import weakref
from queue import Queue
from threading import (Barrier, BoundedSemaphore, Condition, Event, Lock, RLock, Semaphore,
                       current_thread)

from .connection import Pipe

__all__ = ['Process', 'current_process', 'parent_process', 'active_children', 'freeze_support',
           'Lock', 'RLock', 'Semaphore', 'BoundedSemaphore', 'Condition', 'Event', 'Barrier',
           'Queue', 'JoinableQueue', 'SimpleQueue', 'Manager', 'Pipe', 'Pool', 'Namespace',
           'Value', 'Array', 'dict', 'list']


class DummyProcess(threading.Thread):
    """A thread that looks like a process."""

    def __init__(self, group=None, target=None, name=None, args=(), kwargs={}):
        super().__init__(group, target, name, args, kwargs)
        self._pid = None
        self._children = weakref.WeakKeyDictionary()
        self._start_called = False
        self._parent = current_process()

    def start(self):
        if self._parent is not current_process():
            raise RuntimeError(f'Parent is {self._parent!r} but current_process is '
                               f'{current_process()!r}')
        self._start_called = True
        if hasattr(self._parent, '_children'):
            self._parent._children[self] = None
        super().start()

    @property
    def exitcode(self):
        """0 when it has ended; None before."""
        return 0 if self._start_called and not self.is_alive() else None


Process = DummyProcess
current_process = current_thread
current_process()._children = weakref.WeakKeyDictionary()


def parent_process():
    """The thread that started this one, or None for the first."""
    return getattr(current_process(), '_parent', None)


def active_children():
    """The threads started by this one that have not ended."""
    children = current_process()._children
    for child in [*children]:
        if not child.is_alive():
            children.pop(child, None)
    return [*children]


def freeze_support():
    pass


dict = dict
list = list
SimpleQueue = queue.SimpleQueue
JoinableQueue = Queue


class Namespace:
    def __init__(self, /, **kwds):
        self.__dict__.update(kwds)

    def __repr__(self):
        items = sorted(f'{name}={value!r}' for name, value in self.__dict__.items()
                       if not name.startswith('_'))
        return f'{type(self).__name__}({", ".join(items)})'


class Value:
    """A value that is an attribute."""

    def __init__(self, typecode, value, lock=True):
        self._typecode = typecode
        self.value = value

    def __repr__(self):
        return f'<{type(self).__name__}({self._typecode!r}, {self.value!r})>'


def Array(typecode, sequence, lock=True):
    return array.array(typecode, sequence)


def Manager():
    """This very module."""
    return sys.modules[__name__]


def shutdown():
    pass


def Pool(processes=None, initializer=None, initargs=()):
    """A pool of threads."""
    from ..threadpool import ThreadPool
    return ThreadPool(processes, initializer, initargs)
