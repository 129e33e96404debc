# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""Shared memory and lists in it, with the interface of multiprocessing.shared_memory.

Memory without a name of its own belongs to the family of processes and is gone with the last that
holds it, however that ends; its `name` works in any process of the family. Named memory stays until
it is unlinked. Objects may be sent to a process that already runs. No resource tracker is needed.
"""

import functools
import operator

from gi.overrides import _MpCodec, _MpData
from gi.repository import Mp

from .errors import InvalidDataError

__all__ = ['SharedMemory', 'ShareableList']

PREFIX = 'shared-memory:'       # of a handle


def _check_name(name):
    """What the argument means; a slash in front means nothing, as with shm_open()."""
    return None if name is None else _MpData.check_name(name).lstrip('/') or name


def _open(name):
    return Mp.Shared.open(name) if name.startswith(PREFIX) else Mp.SharedMemory.open_named(name)


def _reduce(thing, shm):
    """How memory, or a list in it, is pickled: by its handle in a value that mproc encodes, so that
    the message holds it. Elsewhere only what has a name can be, by that."""
    if shm._mp.name is None or _MpCodec.is_encoding():
        return type(thing)._around, (thing._mp,)
    return functools.partial(type(thing), name=shm.name), ()


class SharedMemory:
    """A block of shared memory: made with create=True, or opened by its name.

    @track exists for programs that give it; nothing is tracked.
    """

    def __init__(self, name=None, create=False, size=0, *, track=True):
        name, size = _check_name(name), operator.index(size)
        if size < 0:
            raise ValueError("'size' must be a positive integer")
        if create and size == 0:
            raise ValueError("'size' must be a positive number different from zero")
        if name is None and not create:
            raise ValueError("'name' can only be None if create=True")
        if size >= 1 << 63:
            raise OverflowError("'size' is too large")

        if not create:
            self._hold(_open(name))
        elif name is None:
            self._hold(Mp.SharedMemory.new(size))
        else:
            self._hold(Mp.SharedMemory.new_named(name, size))

    @classmethod
    def _around(cls, mp):
        self = cls.__new__(cls)
        self._hold(mp)
        return self

    def _hold(self, mp):
        self._mp = mp
        # An anonymous one's handle is known only as long as it is open.
        self._name = mp.name or mp.get_handle()
        self._buf = mp.buf

    @property
    def buf(self):
        """The memory, as a writable memoryview; None once it is closed."""
        return self._buf

    @property
    def name(self):
        return self._name

    @property
    def size(self):
        return self._mp.size

    def close(self):
        """Lets go of the memory in this process."""
        self._buf = None
        self._mp.close()

    def unlink(self):
        """Removes the name; memory without one goes by itself."""
        if self._mp.name is not None:
            Mp.SharedMemory.unlink(self._mp.name)

    def __reduce__(self):
        return _reduce(self, self)

    def __repr__(self):
        return f'{type(self).__name__}({self.name!r}, size={self.size})'


class ShareableList:
    """A list of fixed length, of int, float, bool, str, bytes and None, in shared memory.

    Items are changed in place, each in one step. A str or bytes has as much room as the first one
    in its slot had, rounded up.
    """

    def __init__(self, sequence=None, *, name=None):
        name = _check_name(name)
        if sequence is not None or name is None:
            self._hold(Mp.ShareableList.new(() if sequence is None else sequence, name))
        elif name.startswith(PREFIX):
            self._hold(Mp.ShareableList(memory=Mp.Shared.open(name)))
        else:
            self._hold(Mp.ShareableList.open_named(name))

    @classmethod
    def _around(cls, mp):
        self = cls.__new__(cls)
        self._hold(mp)
        return self

    def _hold(self, mp):
        if mp.get_handle() is None:
            raise InvalidDataError('the shared memory does not hold a shareable list')
        self._mp = mp
        self.shm = SharedMemory._around(mp.get_memory())

    def __getitem__(self, position):
        return self._mp[position]

    def __setitem__(self, position, value):
        try:
            self._mp[position] = value
        except ValueError as error:
            if isinstance(value, (str, bytes)) and 'exceed' in str(error):
                raise ValueError('bytes/str item exceeds available storage') from None
            raise

    def __len__(self):
        return len(self._mp)

    def __iter__(self):
        return iter(self._mp)

    @property
    def format(self):
        """The items' formats, as struct writes them."""
        return self._mp.format

    def count(self, value):
        """How many items equal @value."""
        return self._mp.count(value)

    def index(self, value):
        """The position of the first item that equals @value; ValueError if there is none."""
        return self._mp.index(value)

    def __reduce__(self):
        return _reduce(self, self.shm)

    def __repr__(self):
        return f'{type(self).__name__}({list(self)}, name={self.shm.name!r})'
