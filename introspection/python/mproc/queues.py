# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""The classes behind mproc.Queue() and its like, under the names multiprocessing.queues has.

A joinable queue is an Mp.Queue too: what can be joined is up to how it was made.
"""

from queue import Empty, Full

from gi.overrides import _MpCodec
from gi.repository import Mp

Queue = Mp.Queue

__all__ = ['Queue', 'JoinableQueue', 'SimpleQueue', 'Empty', 'Full']


class _Joinable(type):
    def __call__(cls, maxsize=0):
        return Mp.Queue.new_joinable(max(0, maxsize))

    def __instancecheck__(cls, thing):
        return isinstance(thing, Mp.Queue) and thing.is_joinable()


class JoinableQueue(metaclass=_Joinable):
    """JoinableQueue(maxsize) makes one, and isinstance(queue, JoinableQueue) tells one."""


class SimpleQueue:
    """A queue with the few methods that multiprocessing's has, and no bound."""

    def __init__(self):
        self._queue = Mp.Queue.new()
        self._closed = False

    @classmethod
    def _open(cls, queue):
        self = cls.__new__(cls)
        self._queue = queue
        self._closed = False
        return self

    def put(self, obj):
        """Appends a value."""
        self._check_open()
        self._queue.put(obj)

    def get(self):
        """Takes the oldest value, and waits for it."""
        self._check_open()
        return self._queue.get()

    def empty(self):
        """Whether there is no value now."""
        self._check_open()
        return self._queue.empty()

    def close(self):
        """This process will use the queue no more; others are not concerned."""
        self._closed = True

    def _check_open(self):
        if self._closed:
            raise OSError('handle is closed')

    def __reduce__(self):
        _MpCodec.check_encoding(self)
        return self._open, (self._queue,)

    def __repr__(self):
        return f'<mproc.{type(self).__qualname__} object at {id(self):#x}>'
