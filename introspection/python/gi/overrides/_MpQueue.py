# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""What Mp.Queue does in Python: put, get, batches, joining, the end.

As everywhere, what waits uses the raw twin of the C call, in pieces. A value is encoded before
anything is waited for, and sent by the thread that encoded it. A value that came in a block is
decoded while the block is held: with it the message lets go of the shared objects in the value.
"""

from functools import partial
import operator
import queue
import struct
from time import monotonic

from gi.overrides import _MpBuffers, _MpCodec
from gi.overrides._MpCodec import BYTES, PICKLE
from gi.overrides._MpErrors import (CLOSED, DOMAIN, INTERRUPTED, INVALID, NOT_PLAIN, OK, TIMED_OUT,
                                    ShutDown, StateError, from_glib, from_status,
                                    translated)
from gi.overrides._MpSync import microseconds, remaining
import gi.repository
from gi.repository import GLib

MAX_ITEMS = 2**32 - 1

# A batch goes to the library in pieces of this many bytes; what is larger goes by itself.
BATCH = 64 * 1024

_FRAME = struct.Struct('=II')
_PADDING = [bytes(size) for size in range(8)]


def check_size(size):
    """The bound of a queue; 0 is none."""
    size = operator.index(size)
    if size < 0:
        raise ValueError(f'the size of a queue must be >= 0, not {size}')
    if size > MAX_ITEMS:
        raise OverflowError(f'the size of a queue must be <= {MAX_ITEMS}')
    return size


def end_of(usec):
    """The monotonic time at which so many microseconds are over; None if there is no limit."""
    return None if usec < 0 else monotonic() + usec / 1e6


def repeat(call, usec):
    """Calls call(usec) until it was not interrupted; returns its status."""
    end = end_of(usec)
    status = call(usec)
    while status == INTERRUPTED:
        status = call(remaining(end))
    return status


def encode(value):
    """The encoding, the bytes, the shared objects and the large buffers for a value."""
    if type(value) is bytes:
        return BYTES, value, (), ()
    buffers = []
    data, met = _MpCodec.dump(value, partial(_MpBuffers.set_aside, buffers))
    return PICKLE, data, met, buffers


def to_payload(value):
    """The encoded value, and the shared objects that its message has to hold."""
    encoding, data, met, buffers = encode(value)
    if buffers:
        block = _MpCodec.attached(met, _MpBuffers.write, data, buffers)
        return block.to_payload(encoding), ()
    return gi.repository.Mp.Payload.new(encoding, GLib.Bytes.new(data)), met


def decode(encoding, data, block, writable=False):
    """The value of a message, as take_data() gave it."""
    if block is None or data:
        return _MpCodec.decode(encoding, data)
    if encoding == PICKLE:
        return _MpBuffers.load(_MpBuffers.look(block), writable)
    return _MpCodec.decode(encoding, bytes(_MpBuffers.look(block)))


def not_plain(encoding, data, block=None):
    """The exception for a message that could not be converted, which tells the reason."""
    if not data and block is not None:
        data = bytes(_MpBuffers.look(block))
    payload = gi.repository.Mp.Payload.new(encoding, GLib.Bytes.new(data or b''))
    try:
        payload.convert(PICKLE)
    except GLib.Error as error:
        return from_glib(error)
    return from_status(NOT_PLAIN)


def finish(call, result):
    """What call(result) gives at the end of something in a main loop. That it was cancelled is a
    GLib.Error there, as with everything else that is."""
    try:
        return call(result)
    except GLib.Error as error:
        if error.domain == DOMAIN:
            raise from_glib(error) from None
        raise


class QueueMethods:
    _closed_here = False

    # ── One value ───────────────────────────────────────────────────────────────────────────────

    def put(self, obj, block=True, timeout=None):
        """Appends a value. queue.Full if there was no room in time (seconds)."""
        self._check_open()
        encoding, data, met, buffers = encode(obj)
        send = self._sender(encoding, data, met, buffers)
        status = repeat(send, microseconds(block, timeout))
        if status != OK:
            raise self._put_failed(status)

    def get(self, block=True, timeout=None, *, writable=False):
        """Takes the oldest value. queue.Empty if none came in time (seconds).

        The large buffers of the value, such as a big numpy array's, are read where they lie and
        cannot be changed; with @writable they are copies that can, if the sender could."""
        self._check_open()
        usec = microseconds(block, timeout)
        end = end_of(usec)
        status, encoding, data, memory = self.take_data(PICKLE, usec)
        while status == INTERRUPTED:
            status, encoding, data, memory = self.take_data(PICKLE, remaining(end))
        if status == NOT_PLAIN:
            raise not_plain(encoding, data, memory)
        if status != OK:
            raise self._get_failed(status)
        return decode(encoding, data, memory, writable)

    def _sender(self, encoding, data, met=(), buffers=()):
        """What puts an encoded value, as call(usec)."""
        if buffers:
            block = _MpCodec.attached(met, _MpBuffers.write, data, buffers)
            return partial(self.put_block_data, encoding, block)
        if met:
            return partial(_MpCodec.attached, met, self.put_data, encoding, data)
        return partial(self.put_data, encoding, data)

    def _check_open(self):
        if self._closed_here:
            raise ValueError(f'Queue {self!r} is closed')

    def _put_failed(self, status):
        if status == TIMED_OUT:
            return queue.Full()
        if status == CLOSED:
            return ShutDown(f'Queue {self!r} was shut down')
        return from_status(status)

    def _get_failed(self, status):
        if status == TIMED_OUT:
            return queue.Empty()
        if status == CLOSED:
            return ShutDown(f'Queue {self!r} was shut down, and is empty')
        return from_status(status)

    # ── Messages as they are ────────────────────────────────────────────────────────────────────

    def put_payload(self, payload, block=True, timeout=None):
        """Appends a message that was taken with get_payload() as it is."""
        self._check_open()
        status = repeat(partial(self.put_payload_raw, payload), microseconds(block, timeout))
        if status != OK:
            raise self._put_failed(status)

    def get_payload(self, block=True, timeout=None):
        """Takes the oldest message without reading it, an Mp.Payload: its value may be one that
        only another language can have. queue.Empty if none came in time (seconds)."""
        self._check_open()
        usec = microseconds(block, timeout)
        end = end_of(usec)
        status, payload = self.get_payload_raw(usec)
        while status == INTERRUPTED:
            status, payload = self.get_payload_raw(remaining(end))
        if status != OK:
            raise self._get_failed(status)
        return payload

    @staticmethod
    def _not_plain(encoding, data):
        return not_plain(encoding, data)

    def put_nowait(self, obj):
        return self.put(obj, False)

    def get_nowait(self):
        return self.get(False)

    try_put = put_nowait
    try_get = get_nowait

    # ── Many values ─────────────────────────────────────────────────────────────────────────────

    def put_many(self, iterable, block=True, timeout=None):
        """Appends all values, in order, and gives their number.

        It is less if there was no room for all in time (seconds); queue.Full if for none. Any
        other exception has the number as its attribute n_put. Values of others may come between."""
        self._check_open()
        batch = _Batch(self, end_of(microseconds(block, timeout)))
        try:
            try:
                for value in iterable:
                    if not batch.add(value):
                        break
            except Exception:
                batch.flush()           # what came before it is put
                raise
            batch.flush()
        except BaseException as error:
            error.n_put = batch.n_put
            raise
        if batch.is_full and not batch.n_put:
            raise queue.Full
        return batch.n_put

    def get_many(self, max, block=True, timeout=None, *, writable=False):
        """A list of the oldest values, up to @max of them. It waits for the first only.

        If one cannot be decoded, that is raised when all have been taken; the exception has those
        that could in its attribute values."""
        self._check_open()
        max = operator.index(max)
        if max < 1:
            raise ValueError(f'the number of values must be >= 1, not {max}')
        end = end_of(microseconds(block, timeout))
        harvest = _Harvest(self, writable)
        try:
            status = harvest.more(max, end)
            while status == OK and harvest.n_taken < max:
                status = harvest.more(max - harvest.n_taken, 0)
            if harvest.error is not None:
                raise harvest.error
        except BaseException as error:
            error.values = harvest.values
            raise
        if not harvest.n_taken:
            raise self._get_failed(status)
        return harvest.values

    # ── In a main loop ──────────────────────────────────────────────────────────────────────────

    def put_async(self, obj, cancellable=None, callback=None, *data):
        """Appends a value when there is room, and then calls callback(queue, result, *data).

        The value is encoded at once, and what is changed in it later does not count."""
        self._check_open()
        payload, met = to_payload(obj)
        _MpCodec.attached(met, super().put_async, payload, cancellable, callback, *data)

    def put_finish(self, result):
        """In the callback of put_async(): True, or the exception."""
        return finish(super().put_finish, result)

    def get_async(self, cancellable=None, callback=None, *data):
        """Takes the oldest value when there is one, and then calls callback(queue, result, *data),
        which gets it from get_finish()."""
        self._check_open()
        super().get_async(cancellable, callback, *data)

    def get_finish(self, result):
        """In the callback of get_async(): the value, or the exception."""
        message = payload = finish(super().get_finish, result)
        if message.get_encoding() not in (PICKLE, BYTES):
            with translated:
                payload = message.convert(PICKLE)
        encoded = payload.get_bytes().get_data() or b''
        if payload.get_encoding() == PICKLE:
            return _MpBuffers.load(encoded)
        return _MpCodec.decode(BYTES, encoded)

    # ── Work that is to be done ─────────────────────────────────────────────────────────────────

    def task_done(self):
        """Of a joinable queue: the work on a value that was taken is done."""
        self._check_joinable()
        status = self.task_done_raw()
        if status == INVALID:
            raise ValueError('task_done() called too many times')
        if status != OK:
            raise from_status(status)

    def join(self, timeout=None):
        """Of a joinable queue: waits until the work on all values is done.

        False if it was not in time (seconds). What a consumer that died had taken is not done:
        others get it."""
        self._check_joinable()
        status = repeat(self.join_raw, microseconds(True, timeout))
        if status in (OK, TIMED_OUT):
            return status == OK
        raise from_status(status)

    def _check_joinable(self):
        if not self.is_joinable():
            raise StateError(f'Queue {self!r} is not joinable')

    # ── The end ─────────────────────────────────────────────────────────────────────────────────

    def close(self):
        """This process will use the queue no more; others are not concerned."""
        self._closed_here = True

    def join_thread(self):
        """Nothing to wait for: put() has moved the data when it returns."""

    def cancel_join_thread(self):
        """Nothing to cancel, for the same reason."""

    def shutdown(self, immediate=False):
        """Ends the queue for everyone: no more put(); get() and iteration end when it is empty."""
        super().close()
        if immediate:
            self._drain()

    def _drain(self):
        status = OK
        while status in (OK, INTERRUPTED, NOT_PLAIN):
            status = self.take_data(0, 0)[0]

    def __iter__(self):
        while True:
            try:
                value = self.get()
            except ShutDown:
                return
            yield value

    def __repr__(self):
        name = 'JoinableQueue' if self.is_joinable() else type(self).__name__
        return f'<mproc.{name} object at {id(self):#x}>'


class _Batch:
    """Values on their way into a queue: the small are collected, the others go by themselves."""

    def __init__(self, target, end):
        self.target = target
        self.end = end
        # Inside of another value's encoding, shared objects would be taken for that one's.
        self.is_nested = _MpCodec.is_encoding()
        self.frames = []
        self.size = 0
        self.n_put = 0
        self.is_full = False

    def add(self, value):
        """Whether there was room up to now."""
        if type(value) is bytes:
            encoding, data = BYTES, value
        elif self.is_nested:
            return self._add_slowly(value)
        else:
            try:
                encoding, data = PICKLE, _MpCodec.attempt(_MpBuffers.dumps, value)
            except Exception:
                return self._add_slowly(value)
        return self._add_frame(encoding, data)

    def _add_slowly(self, value):
        encoding, data, met, buffers = encode(value)
        if met or buffers:
            return self.flush() and self.put(self.target._sender(encoding, data, met, buffers))
        return self._add_frame(encoding, data)

    def _add_frame(self, encoding, data):
        size = len(data)
        if size > BATCH:
            return self.flush() and self.put(self.target._sender(encoding, data))
        self.frames.append(_FRAME.pack(size, encoding) + data + _PADDING[-size % 8])
        self.size += size
        return self.size < BATCH or self.flush()

    def put(self, send):
        status = repeat(send, remaining(self.end))
        self.n_put += status == OK
        return self._judge(status)

    def flush(self):
        """The same for what was collected."""
        if not self.frames:
            return True
        status = INTERRUPTED
        while self.frames and status in (OK, INTERRUPTED):
            status, n_put = self.target.put_frames(b''.join(self.frames), remaining(self.end))
            self.n_put += n_put
            del self.frames[:n_put]
        self.frames.clear()
        self.size = 0
        return self._judge(status)

    def _judge(self, status):
        self.is_full = status == TIMED_OUT
        if status not in (OK, TIMED_OUT):
            raise self.target._put_failed(status)
        return status == OK


class _Harvest:
    """Values out of a queue: the small in pieces of many, those in blocks one by one."""

    def __init__(self, source, writable):
        self.source = source
        self.writable = writable
        self.values = []
        self.n_taken = 0
        self.error = None

    def more(self, max, end):
        """Takes some, and waits for them until the monotonic time @end, or for ever if None."""
        while True:
            usec = remaining(end)
            status, frames, n_taken = self.source.get_frames(PICKLE, min(max, MAX_ITEMS), usec)
            self.n_taken += n_taken
            if n_taken:
                self.read_all(frames)
            elif status == INVALID:
                # The first lies in a block, or the queue is of no use; or it did when we looked.
                status = self.one()
            if status != INTERRUPTED and (status != TIMED_OUT or usec == 0):
                return status

    def one(self):
        status, *message = self.source.take_data(PICKLE, 0)
        if status in (OK, NOT_PLAIN):
            self.n_taken += 1
            self.read(status, *message)
            status = OK
        return status

    def read_all(self, frames):
        at, end, values = 0, len(frames), self.values
        while at < end:
            size, encoding = _FRAME.unpack_from(frames, at)
            at += 8
            data = frames[at:at + size]
            at += size + -size % 8
            try:
                values.append(data if encoding == BYTES else self.decode(encoding, data))
            except Exception as error:
                self.error = self.error or error

    def decode(self, encoding, data):
        if encoding != PICKLE:
            raise not_plain(encoding, data)     # it could not be converted
        return _MpCodec.loads(data)

    def read(self, status, encoding, data, block):
        try:
            if status != OK:
                raise not_plain(encoding, data, block)
            self.values.append(decode(encoding, data, block, self.writable))
        except Exception as error:
            self.error = self.error or error
