# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""ctypes objects in shared memory, with the interface of multiprocessing.sharedctypes.

Numbers lie in an Mp.Value or Mp.Array, which programs in other languages can open too, structures
in an Mp.SharedMemory. Objects may be sent to a process that already runs; those with a lock can
also be changed atomically, without it: add(), exchange(), compare_and_set().
"""

import copyreg
import ctypes
import pickle

from gi.overrides import _MpCodec
from gi.repository import Mp

__all__ = ['RawValue', 'RawArray', 'Value', 'Array', 'copy', 'synchronized']

typecode_to_type = {
    'c': ctypes.c_char, 'u': ctypes.c_wchar,
    'b': ctypes.c_byte, 'B': ctypes.c_ubyte,
    'h': ctypes.c_short, 'H': ctypes.c_ushort,
    'i': ctypes.c_int, 'I': ctypes.c_uint,
    'l': ctypes.c_long, 'L': ctypes.c_ulong,
    'q': ctypes.c_longlong, 'Q': ctypes.c_ulonglong,
    'f': ctypes.c_float, 'd': ctypes.c_double,
}

_CODES = {type_: code for code, type_ in typecode_to_type.items()}
_CODES[ctypes.c_bool] = '?'


def _element_type(type_):
    code = _CODES.get(type_)
    return None if code is None else Mp.ElementType.from_typecode(code)


def _store_for(type_, length, lock):
    """A new shared object for one (length None) or so many of a type."""
    element_type = _element_type(type_)
    if element_type is None:
        size = ctypes.sizeof(type_) * (1 if length is None else length)
        return Mp.SharedMemory.new(max(1, size))
    lock = lock if isinstance(lock, Mp.Lock) else None
    if length is None:
        return Mp.Value.new_with_lock(element_type, lock)
    return Mp.Array.new_with_lock(element_type, length, lock)


def _rebuild(type_, store, length):
    """The ctypes object on a shared object."""
    if length is not None:
        type_ = type_ * length
    copyreg.pickle(type_, _reduce)
    obj = type_.from_address(store.get_address())
    obj._mproc_store = store
    # Memory is held by what it gave out, so that nobody can close it under the object.
    obj._mproc_owner = store.get_bytes() if hasattr(store, 'get_bytes') else store
    return obj


def _reduce(obj):
    store = obj.__dict__.get('_mproc_store') if hasattr(obj, '__dict__') else None
    if store is None:
        return obj.__reduce__()
    if isinstance(obj, ctypes.Array):
        return _rebuild, (obj._type_, store, obj._length_)
    return _rebuild, (type(obj), store, None)


def _new(type_, length=None, lock=None):
    return _rebuild(type_, _store_for(type_, length, lock), length)


def _raw_value(typecode_or_type, args, lock=None):
    obj = _new(typecode_to_type.get(typecode_or_type, typecode_or_type), lock=lock)
    obj.__init__(*args)
    return obj


def _raw_array(typecode_or_type, size_or_initializer, lock=None):
    type_ = typecode_to_type.get(typecode_or_type, typecode_or_type)
    if isinstance(size_or_initializer, int):
        if size_or_initializer < 0:
            raise ValueError('Array length must be >= 0')
        return _new(type_, size_or_initializer, lock)
    if not hasattr(size_or_initializer, '__len__'):
        size_or_initializer = list(size_or_initializer)
    obj = _new(type_, len(size_or_initializer), lock)
    obj.__init__(*size_or_initializer)
    return obj


def RawValue(typecode_or_type, *args):
    """A ctypes object in shared memory, without a lock."""
    return _raw_value(typecode_or_type, args)


def RawArray(typecode_or_type, size_or_initializer):
    """A ctypes array in shared memory, without a lock."""
    return _raw_array(typecode_or_type, size_or_initializer)


def _check_lock(lock, ctx):
    """The lock that the argument stands for; False for none."""
    if lock in (True, None):
        return Mp.RLock.new() if ctx is None else ctx.RLock()
    if lock is not False and not hasattr(lock, 'acquire'):
        raise AttributeError(f"{lock!r} has no method 'acquire'")
    return lock


def Value(typecode_or_type, *args, lock=True, ctx=None):
    """A ctypes object in shared memory, and a wrapper with a lock around it."""
    lock = _check_lock(lock, ctx)
    obj = _raw_value(typecode_or_type, args, lock)
    return obj if lock is False else synchronized(obj, lock)


def Array(typecode_or_type, size_or_initializer, *, lock=True, ctx=None):
    """A ctypes array in shared memory, and a wrapper with a lock around it."""
    lock = _check_lock(lock, ctx)
    obj = _raw_array(typecode_or_type, size_or_initializer, lock)
    return obj if lock is False else synchronized(obj, lock)


def copy(obj):
    """A new object in shared memory with the same content."""
    if isinstance(obj, ctypes.Array):
        new = _new(obj._type_, obj._length_)
    else:
        new = _new(type(obj))
    ctypes.memmove(ctypes.addressof(new), ctypes.addressof(obj), ctypes.sizeof(obj))
    return new


# ── With a lock ─────────────────────────────────────────────────────────────────────────────────

def synchronized(obj, lock=None, ctx=None):
    """A wrapper around a ctypes object, whose every use is under the lock."""
    if isinstance(obj, SynchronizedBase):
        raise AssertionError('object already synchronized')
    if isinstance(obj, ctypes._SimpleCData):
        return Synchronized(obj, lock, ctx)
    if isinstance(obj, ctypes.Array):
        kind = SynchronizedString if obj._type_ is ctypes.c_char else SynchronizedArray
        return kind(obj, lock, ctx)
    return _class_for(type(obj))(obj, lock, ctx)


def _locked_property(name):
    def get(self):
        with self:
            return getattr(self._obj, name)

    def set(self, value):
        with self:
            setattr(self._obj, name, value)

    return property(get, set)


_classes = {}


def _class_for(type_):
    if type_ not in _classes:
        fields = {field[0]: _locked_property(field[0]) for field in type_._fields_}
        _classes[type_] = type(f'Synchronized{type_.__name__}', (SynchronizedBase,), fields)
    return _classes[type_]


def _check_shared(lock):
    """Refuses a lock that would be copied: dill does so with those of threads, in anything."""
    if isinstance(lock, Mp.Shared):
        return
    try:
        pickle.dumps(lock, _MpCodec.PROTOCOL)
    except Exception as error:
        raise TypeError(f'{lock!r}, the lock of a shared object, cannot be sent to another '
                        f'process: {error}') from None


class SynchronizedBase:
    def __init__(self, obj, lock=None, ctx=None):
        self._obj = obj
        self._lock = _check_lock(lock or None, ctx)
        self.acquire = self._lock.acquire
        self.release = self._lock.release

    def __enter__(self):
        return self._lock.__enter__()

    def __exit__(self, *details):
        return self._lock.__exit__(*details)

    def __reduce__(self):
        _check_shared(self._lock)
        return synchronized, (self._obj, self._lock)

    def get_obj(self):
        """The ctypes object."""
        return self._obj

    def get_lock(self):
        return self._lock

    def _atomic(self):
        """The shared object that can be changed atomically."""
        store = getattr(self._obj, '_mproc_store', None)
        if not isinstance(store, (Mp.Value, Mp.Array)):
            raise TypeError(f'{type(self._obj).__name__} objects have no atomic changes')
        return store

    def __repr__(self):
        return f'<{type(self).__name__} wrapper for {self._obj}>'


class Synchronized(SynchronizedBase):
    value = _locked_property('value')

    def add(self, amount):
        """Adds in one step, without the lock; returns what was there."""
        return self._atomic().add(amount)

    def exchange(self, number):
        """Sets the number in one step, without the lock; returns what was there."""
        return self._atomic().exchange(number)

    def compare_and_set(self, expected, desired):
        """Sets it to @desired if it is @expected, in one step, without the lock; whether it was."""
        return self._atomic().compare_and_set(expected, desired)


class SynchronizedArray(SynchronizedBase):
    def __len__(self):
        return len(self._obj)

    def __getitem__(self, index):
        with self:
            return self._obj[index]

    def __setitem__(self, index, value):
        with self:
            self._obj[index] = value

    def add(self, index, amount):
        """Adds to an element in one step, without the lock; returns what it was."""
        return self._atomic().add(index, amount)

    def exchange(self, index, number):
        """Sets an element in one step, without the lock; returns what it was."""
        return self._atomic().exchange(index, number)

    def compare_and_set(self, index, expected, desired):
        """Sets an element to @desired if it is @expected, in one step; whether it was."""
        return self._atomic().compare_and_set(index, expected, desired)


class SynchronizedString(SynchronizedArray):
    value = _locked_property('value')
    raw = _locked_property('raw')
