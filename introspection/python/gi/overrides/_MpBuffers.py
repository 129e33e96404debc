# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""Large values in blocks of shared memory: written in place, read where they lie.

What a pickle holds in large buffers (a numpy array its numbers) is not made part of the pickle but
copied beside it, once, into the same block:

    the pickle | buffers, each at a multiple of 64 | where and how long each is | their number, MARK

A pickle ends with a full stop, and MARK does not: so a block is a plain pickle for every reader, or
says by its end that it is not. The library's readers for other languages know that end, too.

Whatever is read from a block without a copy holds the block: memory ends when nothing looks at it
any more. It is read-only, because the block may have other readers.
"""

import functools
import pickle
import struct

import gi.repository

from gi.overrides._MpErrors import translated

# What is smaller costs less inside of the pickle.
LARGE = 32 * 1024

STOP = ord('.')
ALIGNMENT = 64

MARK = b'mpbuf\0\0\1'
_ENTRY = struct.Struct('=QQ')
_END = struct.Struct('=Q8s')

class _IsLarge(Exception):
    """The value has large buffers."""


def _refuse(buffer):
    if buffer.raw().nbytes < LARGE:
        return True
    raise _IsLarge


# As pickle.dumps(value, 5), but it raises if the value has large buffers.
dumps = functools.partial(pickle.dumps, protocol=5, buffer_callback=_refuse)

# Types of memory by the number of their size's bits: a type per size would be one per message.
_types = {}


def set_aside(buffers, buffer):
    """A buffer_callback of pickle: keeps the large for a block, leaves the others in the pickle."""
    raw = buffer.raw()
    if raw.nbytes < LARGE:
        return True
    buffers.append(raw)
    return False


def look(block):
    """The writable memoryview of a block, which holds it."""
    size = block.get_size()
    if size == 0:
        return memoryview(b'')
    bits = size.bit_length()
    kind = _types.get(bits)
    if kind is None:
        import ctypes           # which most programs do not need
        kind = _types[bits] = ctypes.c_ubyte * (1 << bits)
    memory = kind.from_address(block.get_address())
    memory.owner = block
    return memoryview(memory).cast('B')[:size]


def _plan(head, buffers):
    """Where each buffer begins, and what comes behind the last: (starts, place of it, it)."""
    at = len(head)
    starts, entries = [], []
    for buffer in buffers:
        at += -at % ALIGNMENT
        starts.append(at)
        entries.append(_ENTRY.pack(at, buffer.nbytes))
        at += buffer.nbytes
    entries.append(_END.pack(len(buffers), MARK))
    return starts, at, b''.join(entries)


def write(head, buffers):
    """A new block with a pickle and its buffers; it holds what shared objects are attached."""
    starts, at, end = _plan(head, buffers)
    with translated:
        block = gi.repository.Mp.Block.new_attached(at + len(end))
    view = look(block)
    view[:len(head)] = head
    for start, buffer in zip(starts, buffers):
        view[start:start + buffer.nbytes] = buffer
    view[at:] = end
    return block


def _find(view):
    """The buffers behind the pickle; none if it has none, ValueError if that is not so."""
    if len(view) < _END.size or view[-1] == STOP:
        return []
    number, mark = _END.unpack_from(view, len(view) - _END.size)
    if mark != MARK:
        return []
    first = len(view) - _END.size - number * _ENTRY.size
    if first < 0:
        raise ValueError('the buffers of the message are damaged')
    buffers = []
    for start, size in _ENTRY.iter_unpack(view[first:len(view) - _END.size]):
        if start + size > first:
            raise ValueError('the buffers of the message are damaged')
        buffers.append(view[start:start + size])
    return buffers


def load(memory, writable=False):
    """The value of a pickle that lies in a block. Its buffers are views, or copies if they shall
    be writable."""
    view = memoryview(memory)
    buffers = _find(view)
    if writable:
        buffers = [bytearray(buffer) for buffer in buffers]
    else:
        buffers = [buffer.toreadonly() for buffer in buffers]
    return pickle.loads(view, buffers=buffers)
