# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""What Mp.Connection and Mp.Listener do in Python, with the names of multiprocessing.

An end of a pipe in shared memory sends and receives by its two queues, and so has all that these
have: speed, large buffers without a copy, shared objects in values. A socket uses the raw twins of
the connection. Waiting is in pieces, so that signal handlers run.
"""

import errno
import os
import stat

import gi.repository
from gi.repository import GLib

from gi.overrides import _MpBuffers, _MpCodec, _MpQueue
from gi.overrides._MpCodec import BYTES, PICKLE
from gi.overrides._MpErrors import (CLOSED, FAILED, INTERRUPTED, INVALID, NOT_OWNER, NOT_PLAIN, OK,
                                    TIMED_OUT, AuthenticationError, BufferTooShort, ShutDown,
                                    TimeoutError, from_status, translated)
from gi.overrides._MpSync import microseconds, remaining


def _broken():
    return BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))


def _late():
    return TimeoutError('nothing came in time')


def check_handle(handle):
    """The number of a descriptor that is a socket."""
    handle = handle.__index__()
    if handle < 0:
        raise ValueError('invalid handle')
    if not stat.S_ISSOCK(os.fstat(handle).st_mode):
        raise OSError(errno.ENOTSOCK, os.strerror(errno.ENOTSOCK))
    return handle


def read_payload(message):
    """The value of an Mp.Payload."""
    payload = message
    if message.get_encoding() not in (PICKLE, BYTES):
        with translated:
            payload = message.convert(PICKLE)
    encoded = payload.get_bytes().get_data() or b''
    if payload.get_encoding() == PICKLE:
        return _MpBuffers.load(encoded)
    return encoded


# ── Descriptors in values ───────────────────────────────────────────────────────────────────────
# A keeper holds them until they are taken, see mp_fd_leave(). What was in a message that nobody
# will read is taken back when the next is left: a shared object in the message tells.

_left = {}


def leave_fd(fd):
    """A text for a value, by which its reader takes a duplicate of a descriptor."""
    Mp = gi.repository.Mp
    for ticket, (pid, handle) in list(_left.items()):
        if pid != os.getpid():
            _left.pop(ticket, None)         # the parent's
        elif not _MpCodec.exists(handle) and _left.pop(ticket, None):
            _close_left(Mp, ticket)
    with translated:
        ticket = Mp.fd_leave(fd)

    def make():
        hold = Mp.Event.new()
        _left[ticket] = os.getpid(), hold.get_handle()
        return hold
    try:
        _MpCodec.hold_by(make)
    except RuntimeError:
        _close_left(Mp, ticket)
        raise
    return ticket


def _close_left(Mp, ticket):
    try:
        os.close(Mp.fd_take(ticket))
    except GLib.Error:
        pass        # its reader has it


def take_fd(ticket):
    """The descriptor, which is the caller's."""
    with translated:
        return gi.repository.Mp.fd_take(ticket)


def rebuild(ticket, readable, writable):
    fd = take_fd(ticket)
    return gi.repository.Mp.Connection(fd, readable, writable)


class _Values:
    """What is raised in this `with` comes from a value, not from the connection."""

    def __init__(self, connection):
        self.connection = connection

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if error is not None:
            self.connection._value_error = id(error)


class ConnectionMethods:
    # The queues of an end in shared memory, once they are known; None after closing.
    _in = _out = None

    # The id() of the last exception that a value has raised when it was written or read: nothing of
    # it was sent, or all of it was received.
    _value_error = None

    # What a connection made of a handle is not to be used for.
    _no_input = _no_output = False

    # ── What it is ──────────────────────────────────────────────────────────────────────────────

    closed = property(lambda self: self.is_closed(), doc='Whether the connection is closed here.')
    readable = property(lambda self: not self._no_input and self.get_readable(),
                        doc='Whether it is for receiving.')
    writable = property(lambda self: not self._no_output and self.get_writable(),
                        doc='Whether it is for sending.')

    def fileno(self):
        """The descriptor of a socket. A pipe in shared memory has none."""
        self._check_closed()
        fd = self.get_fd()
        if fd < 0:
            raise OSError(errno.ENOTSUP, 'a pipe in shared memory has no descriptor: use '
                                         'mproc.connection.wait(), or Pipe(sockets=True)')
        return fd

    def close(self):
        """Closes the connection here; the other end learns of it when all have closed this one."""
        self._in = self._out = None
        super().close()

    def __enter__(self):
        return self

    def __exit__(self, *details):
        self.close()

    def __repr__(self):
        if self.is_closed():
            state = 'closed'
        else:
            fd = self.get_fd()
            state = 'in shared memory' if fd < 0 else f'handle {fd}'
        return f'<mproc.connection.Connection {state} at {id(self):#x}>'

    def __reduce_ex__(self, protocol):
        self._check_closed()
        if self.get_fd() < 0:
            return _MpCodec.reduce_shared(self)
        _MpCodec.check_encoding(self)
        return self._leave()

    def _leave(self):
        """How a socket is pickled, wherever the pickle goes."""
        self._check_closed()
        if self.get_fd() < 0:
            return _MpCodec.reduce_shared(self)
        if self.get_plain():
            raise TypeError('a connection to multiprocessing cannot be part of a value: send its '
                            'descriptor with mproc.reduction.send_handle()')
        return rebuild, (leave_fd(self.get_fd()), self.readable, self.writable)

    def _check_closed(self):
        if self.is_closed():
            raise OSError('handle is closed')

    def _check_readable(self):
        self._check_closed()
        if not self.readable:
            raise OSError('connection is write-only')

    def _check_writable(self):
        self._check_closed()
        if not self.writable:
            raise OSError('connection is read-only')

    def _find_in(self):
        self._check_readable()
        self._in = self.get_input()
        return self._in

    def _find_out(self):
        self._check_writable()
        self._out = self.get_output()
        return self._out

    # ── Sending ─────────────────────────────────────────────────────────────────────────────────

    def send(self, obj):
        """Sends a value. BrokenPipeError if the other end is gone."""
        out = self._out or self._find_out()
        if out is not None:
            try:
                out.put(obj)
            except ShutDown:
                raise _broken() from None
        elif type(obj) is bytes and not self.get_plain():
            self._send(BYTES, obj)
        else:
            with _Values(self):
                data, met = _MpCodec.dump(obj)
            _MpCodec.attached(met, self._send, PICKLE, data)

    def send_bytes(self, buf, offset=0, size=None):
        """Sends bytes, as one message."""
        out = self._out or self._find_out()
        view = memoryview(buf)
        if view.itemsize > 1:
            view = view.cast('B')
        if offset < 0:
            raise ValueError('offset is negative')
        if view.nbytes < offset:
            raise ValueError('buffer length < offset')
        if size is None:
            size = view.nbytes - offset
        elif size < 0:
            raise ValueError('size is negative')
        elif offset + size > view.nbytes:
            raise ValueError('buffer length < offset + size')
        data = buf if type(buf) is bytes and size == len(buf) else bytes(view[offset:offset + size])
        if out is None:
            self._send(BYTES, data)
            return
        try:
            out.put(data)
        except ShutDown:
            raise _broken() from None

    def _send(self, encoding, data):
        """What is begun is sent to its end, or goes before the next, whatever a handler raises."""
        status, begun = self.send_data(encoding, data, -1)
        while status == INTERRUPTED:
            if begun:
                status = self.flush_raw(-1)
            else:
                status, begun = self.send_data(encoding, data, -1)
        if status != OK:
            raise self._failed(status, _broken)

    # What the accelerator calls.
    _not_plain = staticmethod(_MpQueue.not_plain)

    def _send_failed(self, status):
        return self._failed(status, _broken)

    def _recv_failed(self, status):
        return _late() if status == TIMED_OUT else self._failed(status, EOFError)

    def _failed(self, status, ended):
        if status == CLOSED:
            return ended()
        if status == INVALID:
            return OSError('handle is closed' if self.is_closed()
                           else 'the connection cannot be used so')
        if status == FAILED:
            try:
                with translated:
                    self.check()
            except ValueError as error:         # what came is no message
                return OSError(str(error))
            except Exception as error:
                return error
        return from_status(status)

    # ── Receiving ───────────────────────────────────────────────────────────────────────────────

    def recv(self, *, timeout=None, writable=False):
        """Receives a value. EOFError if nothing more will come; TimeoutError if nothing came in
        time (seconds). @writable: as for the get() of a queue."""
        source = self._in or self._find_in()
        if source is not None:
            try:
                return source.get(True, timeout, writable=writable)
            except ShutDown:
                raise EOFError from None
            except _MpQueue.queue.Empty:
                raise _late() from None
        status, encoding, data, block = self._take(PICKLE, 0, timeout)
        if status == NOT_PLAIN:
            raise _MpQueue.not_plain(encoding, data, block)
        with _Values(self):
            return _MpQueue.decode(encoding, data, block, writable)

    def recv_bytes(self, maxlength=None, *, timeout=None):
        """Receives the bytes of a message. OSError if it has more than @maxlength: it stays."""
        self._check_readable()
        if maxlength is not None and maxlength < 0:
            raise ValueError('negative maxlength')
        status, encoding, data, block = self._take(0, maxlength or 0, timeout)
        if block is not None and not data:
            data = bytes(_MpBuffers.look(block))
        if maxlength == 0 and data:
            raise OSError('bad message length')
        return data or b''

    def recv_bytes_into(self, buf, offset=0, *, timeout=None):
        """Receives the bytes of a message into a buffer, and gives their number. BufferTooShort,
        which has the message, if there is not enough room."""
        self._check_readable()
        with memoryview(buf) as view, view.cast('B') as room:
            if offset < 0:
                raise ValueError('negative offset')
            if offset > room.nbytes:
                raise ValueError('offset too large')
            status, encoding, data, block = self._take(0, 0, timeout)
            if block is not None and not data:
                data = _MpBuffers.look(block)
            data = data or b''
            size = len(data)
            if offset + size > room.nbytes:
                raise BufferTooShort(bytes(data))
            room[offset:offset + size] = data
            return size

    def _take(self, wanted, max_size, timeout):
        usec = microseconds(True, timeout)
        end = _MpQueue.end_of(usec)
        result = self.take_data(wanted, max_size, usec)
        while result[0] == INTERRUPTED:
            result = self.take_data(wanted, max_size, remaining(end))
        status = result[0]
        if status in (OK, NOT_PLAIN):
            return result
        if status == TIMED_OUT:
            raise _late()
        if status == INVALID and max_size and not self.is_closed():
            raise OSError('bad message length')
        raise self._failed(status, EOFError)

    def poll(self, timeout=0.0):
        """Whether there is something to receive, or nothing will come any more; waits so long for
        it (seconds), or for ever if that is None."""
        self._check_readable()
        status = _MpQueue.repeat(self.poll_raw, microseconds(True, timeout))
        if status in (OK, TIMED_OUT):
            return status == OK
        raise self._failed(status, EOFError)

    def __iter__(self):
        """What comes, until nothing more will."""
        while True:
            try:
                value = self.recv()
            except EOFError:
                return
            yield value

    # ── Descriptors ─────────────────────────────────────────────────────────────────────────────

    def send_fd(self, fd, *, timeout=None):
        """Sends a duplicate of a descriptor."""
        self._check_writable()
        os.fstat(fd)
        status = _MpQueue.repeat(lambda usec: self.send_fd_raw(fd, usec),
                                 microseconds(True, timeout))
        if status == TIMED_OUT:
            raise TimeoutError('nobody wants a descriptor in time')
        if status != OK:
            raise self._failed(status, _broken)

    def recv_fd(self, *, timeout=None):
        """Receives a descriptor, which is the caller's."""
        self._check_readable()
        usec = microseconds(True, timeout)
        end = _MpQueue.end_of(usec)
        status, fd = self.recv_fd_raw(usec)
        while status == INTERRUPTED:
            status, fd = self.recv_fd_raw(remaining(end))
        if status == TIMED_OUT:
            raise _late()
        if status == INVALID and not self.is_closed():
            raise OSError('no descriptor comes next')
        if status != OK:
            raise self._failed(status, EOFError)
        return fd

    # ── In a main loop ──────────────────────────────────────────────────────────────────────────

    def send_async(self, obj, cancellable=None, callback=None, *data):
        """Sends a value without blocking, and then calls callback(connection, result, *data)."""
        self._check_writable()
        if type(obj) is bytes and self.get_plain():
            encoded, met = _MpCodec.dump(obj)
            payload = gi.repository.Mp.Payload.new(PICKLE, GLib.Bytes.new(encoded))
        else:
            payload, met = _MpQueue.to_payload(obj)
        _MpCodec.attached(met, super().send_async, payload, cancellable, callback, *data)

    def send_finish(self, result):
        """In the callback of send_async(): True, or the exception."""
        try:
            return _MpQueue.finish(super().send_finish, result)
        except ShutDown:
            raise _broken() from None

    def recv_async(self, cancellable=None, callback=None, *data):
        """Receives a value without blocking, and then calls callback(connection, result, *data),
        which gets it from recv_finish()."""
        self._check_readable()
        super().recv_async(cancellable, callback, *data)

    def recv_finish(self, result):
        """In the callback of recv_async(): the value, or the exception."""
        try:
            message = _MpQueue.finish(super().recv_finish, result)
        except ShutDown:
            raise EOFError from None
        return read_payload(message)


class ListenerMethods:
    def accept(self, timeout=None):
        """Waits for somebody who connects. AuthenticationError if he does not have the key."""
        usec = microseconds(True, timeout)
        end = _MpQueue.end_of(usec)
        status, connection = self.accept_raw(usec)
        while status == INTERRUPTED:
            status, connection = self.accept_raw(remaining(end))
        if status == OK:
            return connection
        if status == TIMED_OUT:
            raise TimeoutError('nobody has connected in time')
        if status == NOT_OWNER:
            raise AuthenticationError('digest received was wrong')
        if status == INVALID:
            raise OSError('listener is closed')
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    def accept_finish(self, result):
        """In the callback of accept_async(): the connection, or the exception."""
        return _MpQueue.finish(super().accept_finish, result)


def connect(address, key, timeout=None):
    """A connection to an address, as the library writes them."""
    with translated:
        connection = gi.repository.Mp.Connection.begin(
            address, None if key is None else GLib.Bytes.new(key))
    status = _MpQueue.repeat(connection.open_raw, microseconds(True, timeout))
    if status == OK:
        return connection
    error = connection._failed(status, EOFError)
    connection.close()
    if status == TIMED_OUT:
        raise TimeoutError('could not connect in time')
    if status == NOT_OWNER:
        raise AuthenticationError('digest sent was rejected')
    raise error


def _number_of(thing):
    if isinstance(thing, int):
        return thing
    sentinel = getattr(thing, 'sentinel', None)
    return thing.fileno() if sentinel is None else sentinel


def wait(things, timeout=None):
    """Those of @things that are ready: connections, queues, listeners, processes that were started,
    descriptors, or whatever has a fileno()."""
    Mp = gi.repository.Mp
    shared = (Mp.Connection, Mp.Queue, Mp.Listener)
    things = list(things)
    objects = [thing for thing in things if isinstance(thing, shared)]
    rest = [thing for thing in things if not isinstance(thing, shared)]
    fds = [_number_of(thing) for thing in rest]
    usec = microseconds(True, timeout)
    end = _MpQueue.end_of(usec)
    status, ready = Mp.Connection.wait_raw(objects, fds, usec)
    while status == INTERRUPTED:
        status, ready = Mp.Connection.wait_raw(objects, fds, remaining(end))
    if status == INVALID:
        raise ValueError('one of the objects cannot be waited for')
    chosen = {id(thing) for thing, is_ready in zip(objects + rest, ready) if is_ready}
    return [thing for thing in things if id(thing) in chosen]
