# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""How objects are pickled on their way to other processes, and descriptors over connections.

ForkingPickler.register(type, reduce) says how objects of a type are pickled in what mproc sends:
values of queues, connections and managers, arguments of spawned processes, tasks and their results.
By anybody else they are pickled as before. The entry is in copyreg's table, where every pickler
looks; it asks whether mproc is encoding. It belongs to this process, and to what it forks. Such an
entry is not told the protocol, so it tells a type that reduces itself 4, always: its buffers are no
longer out of band where the program itself pickles them by protocol 5.

Descriptors go over pipes in shared memory and over Unix sockets. Through shared memory the sender
waits until the other side calls recv_handle() for the first time.

In values, in those of queues and tasks too, there can be connections over sockets, DupFd objects,
and sockets once this module was imported. A keeper holds their descriptors until the value is read,
see mp_fd_leave(), but no longer than the process lives that has sent them.
"""

import collections
import copyreg
import errno
import io
import os
import pickle
import socket

from gi.overrides import _MpCodec, _MpConnection
from gi.repository import Mp

__all__ = ['AbstractReducer', 'DupFd', 'ForkingPickler', 'dump', 'recv_handle', 'recv_socket',
           'recvfds', 'register', 'send_handle', 'send_socket', 'sendfds']

HAVE_SEND_HANDLE = True


# ── Pickling ────────────────────────────────────────────────────────────────────────────────────

class ForkingPickler(pickle.Pickler):
    """A pickler that knows the registered types; also what else travels between processes only:
    sockets and connections over them, by a descriptor that waits for the reader."""

    _extra_reducers = {}
    loads = pickle.loads

    def __init__(self, *args):
        super().__init__(*args)
        self.dispatch_table = collections.ChainMap(ForkingPickler._extra_reducers, _unheld,
                                                   copyreg.dispatch_table)

    @classmethod
    def register(cls, type, reduce):
        """Has objects of exactly this type pickled as reduce(object) says: a callable and its
        arguments, as for copyreg.pickle()."""
        if not callable(reduce):
            raise TypeError('reduction functions must be callable')
        ForkingPickler._extra_reducers[type] = reduce
        if type not in _elsewhere:
            _elsewhere[type] = copyreg.dispatch_table.get(type)
            copyreg.dispatch_table[type] = _reduce_registered

    @classmethod
    def dumps(cls, obj, protocol=None):
        """The pickle of an object, as a memoryview."""
        buffer = io.BytesIO()
        cls(buffer, protocol).dump(obj)
        return buffer.getbuffer()


register = ForkingPickler.register

# How those types are pickled by everybody else, if they are known to copyreg.
_elsewhere = {}


def _reduce_registered(thing):
    kind = type(thing)
    if _MpCodec.is_for_others():
        return ForkingPickler._extra_reducers[kind](thing)
    reduce = _elsewhere[kind]
    # Not 5: copy.copy() asks, too, and must not get a buffer that is the original's.
    return thing.__reduce_ex__(4) if reduce is None else reduce(thing)


def dump(obj, file, protocol=None):
    """Writes an object to a file with the ForkingPickler."""
    ForkingPickler(file, protocol).dump(obj)


# ── Descriptors ─────────────────────────────────────────────────────────────────────────────────

def sendfds(sock, fds):
    """Sends descriptors over a Unix socket of the program's own."""
    fds = list(fds)
    socket.send_fds(sock, [bytes([len(fds) % 256])], fds)


def recvfds(sock, size):
    """Receives so many descriptors from sendfds(), as a list."""
    message, fds, _flags, _address = socket.recv_fds(sock, 1, size)
    if not message and not fds:
        raise EOFError
    if len(fds) != size or message != bytes([size % 256]):
        for fd in fds:
            os.close(fd)
        raise RuntimeError(f'{size} descriptors were expected, and {len(fds)} came')
    return list(fds)


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
    return _leave_socket(sock)


def _leave_socket(sock):
    return _rebuild_socket, (_MpConnection.leave_fd(sock.fileno()), sock.family, sock.type,
                             sock.proto)


copyreg.pickle(socket.socket, _reduce_socket)

# What a program pickles by itself is held by no message: such a descriptor waits for its reader.
_unheld = {socket.socket: _leave_socket, Mp.Connection: Mp.Connection._leave}


class AbstractReducer:
    """A base for what `context.reducer` may be set to: it has a ForkingPickler of its own, whose
    dumps() writes whatever mproc sends, and whose loads() reads it."""

    ForkingPickler = ForkingPickler
    DupFd = DupFd
    register = register
    dump = staticmethod(dump)
    send_handle = staticmethod(send_handle)
    recv_handle = staticmethod(recv_handle)
    sendfds = staticmethod(sendfds)
    recvfds = staticmethod(recvfds)
