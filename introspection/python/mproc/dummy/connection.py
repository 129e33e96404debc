# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""Connections between threads: two queues of the process."""

import time
from queue import Queue

__all__ = ['Client', 'Listener', 'Pipe']

families = [None]


class Listener:
    """Waits for clients; its address is a queue."""

    def __init__(self, address=None, family=None, backlog=1):
        self._backlog_queue = Queue(backlog)

    def accept(self):
        return Connection(*self._backlog_queue.get())

    def close(self):
        self._backlog_queue = None

    @property
    def address(self):
        return self._backlog_queue

    def __enter__(self):
        return self

    def __exit__(self, *details):
        self.close()


def Client(address):
    """Connects to a Listener."""
    there, back = Queue(), Queue()
    address.put((there, back))
    return Connection(back, there)


def Pipe(duplex=True):
    """Two connections, each the other end of the other."""
    one, other = Queue(), Queue()
    return Connection(one, other), Connection(other, one)


class Connection:
    def __init__(self, incoming, outgoing):
        self._in = incoming
        self._out = outgoing
        self.send = self.send_bytes = outgoing.put
        self.recv = self.recv_bytes = incoming.get

    def poll(self, timeout=0.0):
        """Whether there is something to receive, after so many seconds at most."""
        end = None if timeout is None else time.monotonic() + timeout
        with self._in.not_empty:
            while not self._in._qsize():
                left = None if end is None else end - time.monotonic()
                if left is not None and left <= 0:
                    return False
                self._in.not_empty.wait(left)
        return True

    def close(self):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *details):
        self.close()
