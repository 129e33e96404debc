# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""Managers: a server process that holds lists and dicts, and gives proxies of them.

Queues, locks and conditions need no server: those that a manager gives live in shared memory, and
can be arguments of tasks as its proxies can.
"""

import os

from gi.repository import Mp

from . import process

ListProxy = Mp.ListProxy
DictProxy = Mp.DictProxy

__all__ = ['SyncManager', 'ListProxy', 'DictProxy']


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
