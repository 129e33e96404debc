# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""What Mp.SharedMemory, Mp.Value, Mp.Array and Mp.ShareableList do in Python.

Memory appears as memoryviews, which numpy and ctypes take without a copy. What exports them is a
ctypes array that holds what the library gave out for it: so a view, a slice of it or an array on it
keeps the memory, whatever was closed meanwhile.
"""

import ctypes
import operator
import struct
import weakref

from gi.overrides._MpErrors import translated
from gi.repository import GLib

NOTHING, BOOLEAN, INTEGER, FLOAT, STRING, BYTES = range(6)
MASK = (1 << 64) - 1


def check_name(name):
    """A name for memory. The library would see the end of it where a NUL is."""
    if not isinstance(name, str):
        raise TypeError(f'a name must be a str, not {type(name).__name__}')
    if '\0' in name:
        raise ValueError('embedded null character')
    return name


def exporter(address, size, owner):
    """A ctypes array on memory that lasts as long as @owner."""
    array = (ctypes.c_ubyte * size).from_address(address)
    array.owner = owner
    return array


def view(address, size, owner):
    return memoryview(exporter(address, size, owner)).cast('B')


class SharedMemoryMethods:
    _view = None

    @property
    def name(self):
        """The name by which any process of the user can open it, or None."""
        return self.get_name()

    @property
    def size(self):
        return self.get_size()

    @property
    def buf(self):
        """The memory, as a writable memoryview; None once it is closed."""
        if self.is_closed():
            return None
        # Held weakly: it holds this object, in C, where the garbage collector sees no circle.
        memory = None if self._view is None else self._view()
        if memory is None:
            with translated:
                owner = self.get_bytes()
                memory = view(self.get_address(), self.get_size(), owner)
            self._view = weakref.ref(memory)
        return memory

    def close(self):
        """Lets go of it in this process, as soon as no view of it is in use any more."""
        # Not released: numpy holds the memoryview, and counts on it to hold the memory.
        self._view = None
        super().close()


# ── Numbers ─────────────────────────────────────────────────────────────────────────────────────

PLAIN = {'int8', 'uint8', 'int16', 'uint16', 'int32', 'uint32', 'int64'}


def is_floating(element_type):
    return element_type.value_nick in ('float', 'double')


def _signed(number):
    """How an unsigned number of 64 bits is given to calls that take its bits."""
    return number - MASK - 1 if number >> 63 == 1 else number


class _NumberMethods:
    """What values and arrays share. The first arguments are the index of an array's element."""

    def _call(self, name, *arguments):
        with translated:
            return getattr(super(), name)(*arguments)

    def _result(self, number):
        if self._unsigned is None:
            nick = self.get_element_type().value_nick
            self._unsigned = nick == 'uint64'
            self._boolean = nick == 'boolean'
        if self._unsigned:
            return number & MASK
        return bool(number) if self._boolean else number

    _unsigned = None
    _boolean = False
    _plain = None

    def _is_plain(self):
        """Whether the numbers are integers that the library gives as such."""
        if self._plain is None:
            self._plain = self.get_element_type().value_nick in PLAIN
        return self._plain

    def _change(self, name, where, numbers):
        if is_floating(self.get_element_type()):
            return self._call(f'{name}_double', *where, *map(float, numbers))
        for number in numbers:
            if not isinstance(number, int):
                raise TypeError(f'an integer is required, not {type(number).__name__}')
        arguments = [_signed(number) for number in numbers]
        if not all(-(1 << 63) <= number < 1 << 63 for number in arguments):
            raise ValueError('the number does not fit into 64 bits')
        result = self._call(name, *where, *arguments)
        return result if name == 'compare_and_set' else self._result(result)

    def _get(self, *where):
        return self._call('get_variant', *where).unpack()

    def _set(self, *arguments):
        *where, number = arguments
        if isinstance(number, bool):
            number = GLib.Variant.new_boolean(number)
        elif isinstance(number, int):
            if not -(1 << 63) <= number <= MASK:
                raise ValueError(f'{number} does not fit into 64 bits')
            make = GLib.Variant.new_uint64 if number >> 63 > 0 else GLib.Variant.new_int64
            number = make(number)
        else:
            number = GLib.Variant.new_double(float(number))
        self._call('set_variant', *where, number)


class ValueMethods(_NumberMethods):
    @property
    def value(self):
        return self._get()

    @value.setter
    def value(self, number):
        self._set(number)

    def add(self, amount):
        """Adds in one step, which no other process can come between; returns what was there."""
        if type(amount) is int and self._is_plain():
            try:
                return super().add(amount)
            except OverflowError:
                pass
        return self._change('add', (), [amount])

    def exchange(self, number):
        """Sets the number, and returns what was there, in one step."""
        return self._change('exchange', (), [number])

    def compare_and_set(self, expected, desired):
        """Sets the number to @desired if it is @expected, in one step; whether it was."""
        return self._change('compare_and_set', (), [expected, desired])

    def and_(self, bits):
        return self._change('and_', (), [bits])

    def or_(self, bits):
        return self._change('or_', (), [bits])

    def xor(self, bits):
        return self._change('xor', (), [bits])


class ArrayMethods(_NumberMethods):
    def __len__(self):
        return self.get_length()

    def _index(self, index):
        length = len(self)
        index = operator.index(index)
        if not -length <= index < length:
            raise IndexError('array index out of range')
        return index % length

    def __getitem__(self, index):
        if isinstance(index, slice):
            return [self._get(i) for i in range(*index.indices(len(self)))]
        return self._get(self._index(index))

    def __setitem__(self, index, value):
        if not isinstance(index, slice):
            self._set(self._index(index), value)
            return
        places = range(*index.indices(len(self)))
        values = list(value)
        if len(values) != len(places):
            raise ValueError('an array cannot change its length')
        for i, number in zip(places, values):
            self._set(i, number)

    def __iter__(self):
        return (self._get(i) for i in range(len(self)))

    @property
    def buf(self):
        """The elements, as a writable memoryview of their type."""
        nick = self.get_element_type().value_nick
        with translated:
            owner = self.get_bytes()
        size = owner.get_size()
        if size == 0:
            return memoryview(b'').cast(FORMATS[nick])
        return view(self.get_address(), size, owner).cast(FORMATS[nick])

    def add(self, index, amount):
        """Adds to an element in one step, and returns what it was."""
        index = self._index(index)
        if type(amount) is int and self._is_plain():
            try:
                return super().add(index, amount)
            except OverflowError:
                pass
        return self._change('add', (index,), [amount])

    def exchange(self, index, number):
        return self._change('exchange', (self._index(index),), [number])

    def compare_and_set(self, index, expected, desired):
        return self._change('compare_and_set', (self._index(index),), [expected, desired])

    def and_(self, index, bits):
        return self._change('and_', (self._index(index),), [bits])

    def or_(self, index, bits):
        return self._change('or_', (self._index(index),), [bits])

    def xor(self, index, bits):
        return self._change('xor', (self._index(index),), [bits])


FORMATS = {'int8': 'b', 'uint8': 'B', 'int16': 'h', 'uint16': 'H', 'int32': 'i', 'uint32': 'I',
           'int64': 'q', 'uint64': 'Q', 'float': 'f', 'double': 'd', 'boolean': '?'}


# ── Lists ───────────────────────────────────────────────────────────────────────────────────────

def pack(value):
    """The kind and the bytes of an item."""
    if value is None:
        return NOTHING, b''
    if isinstance(value, bool):
        return BOOLEAN, b'\1' if value else b'\0'
    if isinstance(value, int):
        return INTEGER, struct.pack('q', value)
    if isinstance(value, float):
        return FLOAT, struct.pack('d', value)
    if isinstance(value, str):
        return STRING, value.encode()
    if isinstance(value, bytes):
        return BYTES, value
    raise TypeError(f'a {type(value).__name__} cannot be in a ShareableList: int, float, bool, '
                    'str, bytes and None can')


def unpack(kind, data):
    if kind == INTEGER:
        return struct.unpack('q', data)[0]
    if kind == FLOAT:
        return struct.unpack('d', data)[0]
    if kind == STRING:
        return data.decode()
    if kind == BOOLEAN:
        return data != b'\0'
    return data if kind == BYTES else None


def pack_all(values):
    """The items as mp_shareable_list_new_data() takes them."""
    parts = []
    for kind, data in map(pack, values):
        parts += [struct.pack('=II', kind, len(data)), data]
    return GLib.Bytes.new(b''.join(parts))


class ShareableListMethods:
    def __len__(self):
        return self.get_length()

    def _index(self, index, message):
        length = len(self)
        index = operator.index(index)
        if not -length <= index < length:
            raise IndexError(message)
        return index % length

    def __getitem__(self, index):
        index = self._index(index, 'index out of range')
        with translated:
            data, kind = self.get_data(index)
        return unpack(kind, data.get_data() or b'')

    def __setitem__(self, index, value):
        index = self._index(index, 'assignment index out of range')
        kind, data = pack(value)
        with translated:
            self.set_data(index, kind, GLib.Bytes.new(data))

    def __iter__(self):
        return (self[i] for i in range(len(self)))

    @property
    def format(self):
        """The items' formats, as struct writes them."""
        with translated:
            return self.get_format()

    def count(self, value):
        return sum(value == item for item in self)

    def index(self, value):
        for i, item in enumerate(self):
            if value == item:
                return i
        raise ValueError(f'{value!r} not in this container')
