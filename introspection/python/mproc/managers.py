# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""Managers: a server process that holds lists and dicts, and gives proxies of them.

Queues, locks and conditions need no server: those that a manager gives live in shared memory, and
can be arguments of tasks as its proxies can.
"""

import os

from gi.overrides import _MpCodec
from gi.repository import Mp

from . import process
from .errors import ShutDown

ListProxy = Mp.ListProxy
DictProxy = Mp.DictProxy

__all__ = ['SyncManager', 'SharedMemoryManager', 'ListProxy', 'DictProxy']


class SyncManager:
    """What mproc.Manager() returns, started."""

    def __init__(self):
        self._mp = None
        self._ended = False
        self._owner = None

    def start(self):
        """Starts the server process."""
        assert self._mp is None and not self._ended, 'server has already started'
        self._mp = Mp.Manager.new()
        self._owner = os.getpid()
        process.at_exit(self.shutdown)

    def shutdown(self):
        """Ends the server; only the process that started it can."""
        if self._mp is not None and self._owner == os.getpid():
            self._ended = True
            mp, self._mp = self._mp, None
            mp.shutdown()

    def _server(self):
        assert not self._ended, 'server has been shut down'
        assert self._mp is not None, 'server not yet started'
        return self._mp

    @property
    def address(self):
        """Where the server listens."""
        return None if self._mp is None else self._mp.get_address()

    def list(self, sequence=()):
        return self._server().create_list(sequence)

    def dict(self, mapping=(), **more):
        return self._server().create_dict(mapping, **more)

    def Queue(self, maxsize=0):
        return Mp.Queue.new(max(0, maxsize))

    def Lock(self):
        return Mp.Lock.new()

    def RLock(self):
        return Mp.RLock.new()

    def Condition(self, lock=None):
        return Mp.Condition.new(lock)

    def __enter__(self):
        if self._mp is None:
            self.start()
        return self

    def __exit__(self, *details):
        self.shutdown()

    def __reduce__(self):
        raise TypeError('a manager cannot be pickled; its proxies can')


class SharedMemoryManager:
    """Makes shared memory and lists in it, and holds them until it is shut down.

    What it made can be opened by its name in any process of the family for so long, whoever else
    uses it. There is no server: a queue that nobody reads has a message for each, which holds it.
    So the manager can be used in all processes that have it, and may be sent to others; the one
    that started it ends it, or its end does.
    """

    def __init__(self):
        self._kept = None
        self._owner = None

    @classmethod
    def _open(cls, kept):
        self = cls.__new__(cls)
        self._kept = kept
        self._owner = None
        return self

    def start(self):
        """Has it begin."""
        assert self._kept is None, 'manager has already started'
        self._kept = Mp.Queue.new()
        self._owner = os.getpid()
        process.at_exit(self.shutdown)

    def shutdown(self):
        """Lets go of all that was made; only in the process that started it."""
        if self._kept is not None and self._owner == os.getpid():
            self._kept.shutdown(immediate=True)

    def _keep(self, made):
        try:
            self._kept.put(made)
        except ShutDown:
            raise AssertionError('manager has been shut down') from None
        return made

    def SharedMemory(self, size):
        """A new block of memory, of so many bytes."""
        from .shared_memory import SharedMemory
        assert self._kept is not None, 'manager not yet started'
        return self._keep(SharedMemory(create=True, size=size))

    def ShareableList(self, sequence):
        """A new list of these values."""
        from .shared_memory import ShareableList
        assert self._kept is not None, 'manager not yet started'
        return self._keep(ShareableList(sequence))

    def __enter__(self):
        if self._kept is None:
            self.start()
        return self

    def __exit__(self, *details):
        self.shutdown()

    def __reduce__(self):
        _MpCodec.check_encoding(self)
        assert self._kept is not None, 'manager not yet started'
        return self._open, (self._kept,)

    def __repr__(self):
        return f'<mproc.managers.{type(self).__qualname__} object at {id(self):#x}>'
