# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""Descriptors over connections, as in multiprocessing.reduction.

They go over pipes in shared memory and over Unix sockets. Through shared memory the sender waits
until the other side calls recv_handle() for the first time.

In values, in those of queues and tasks too, there can be connections over sockets, DupFd objects,
and sockets once this module was imported. A keeper holds their descriptors until the value is read,
see mp_fd_leave(), but no longer than the process lives that has sent them.
"""

import copyreg
import errno
import os
import socket

from gi.overrides import _MpCodec, _MpConnection

__all__ = ['DupFd', 'recv_handle', 'recv_socket', 'send_handle', 'send_socket']


def send_handle(connection, handle, destination_pid=None):
    """Sends a duplicate of a descriptor; the process at the other end gets it, whichever it is."""
    connection.send_fd(handle)


def recv_handle(connection):
    """Receives a descriptor, which is the caller's."""
    return connection.recv_fd()


def send_socket(connection, sock):
    """Sends a socket, which stays open here."""
    connection.send_fd(sock.fileno())


def recv_socket(connection):
    """Receives a socket."""
    return socket.socket(fileno=connection.recv_fd())


class DupFd:
    """A duplicate of a descriptor, to be part of a value; its reader calls detach(), or it is
    closed with this."""

    _is_own = False

    def __init__(self, fd):
        self._fd = fd

    def detach(self):
        """The descriptor, which is the caller's. In the process that made this, the original."""
        fd = self._fd
        if fd is None:
            raise OSError(errno.EBADF, 'the descriptor was detached already')
        if self._is_own:
            self._fd = None
        return fd

    @classmethod
    def _open(cls, ticket):
        self = cls(_MpConnection.take_fd(ticket))
        self._is_own = True
        return self

    def __del__(self):
        if self._is_own and self._fd is not None:
            os.close(self._fd)

    def __reduce__(self):
        _MpCodec.check_encoding(self)
        if self._fd is None:
            raise OSError(errno.EBADF, 'the descriptor was detached already')
        return DupFd._open, (_MpConnection.leave_fd(self._fd),)


def _rebuild_socket(ticket, family, kind, protocol):
    return socket.socket(family, kind, protocol, fileno=_MpConnection.take_fd(ticket))


def _reduce_socket(sock):
    if not _MpCodec.is_encoding():
        raise TypeError(f"cannot pickle '{type(sock).__name__}' object")
    return _rebuild_socket, (_MpConnection.leave_fd(sock.fileno()), sock.family, sock.type,
                             sock.proto)


copyreg.pickle(socket.socket, _reduce_socket)
