# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""Lists and dicts in a manager's server, with the methods that list and dict have.

Values go to the server in Python's own encoding and come back as they were. What the server can do
by itself is one call; what needs Python's idea of order or equality, such as sort() and remove(),
fetches the content, changes it and puts it back if nobody has changed it meanwhile, else begins
again. So every method is one step for everybody else.
"""

import struct

from gi.overrides import _MpCodec
from gi.overrides._MpErrors import DOMAIN, from_glib, translated
from gi.repository import GLib

END = 2 ** 63 - 1
NO_SUCH_KEY = 14

_COUNT = struct.Struct('=I')
_VALUE = struct.Struct('=IQ')


def pack(values):
    """The values as one frame of bytes, and the shared objects in them."""
    pieces = [_COUNT.pack(len(values))]
    shared = []
    for value in values:
        encoding, data, met = _MpCodec.encode(value)
        shared += met
        pieces += [_VALUE.pack(encoding, len(data)), data]
    return b''.join(pieces), shared


def unpack(frame):
    """The values of a frame."""
    if not frame:
        return []
    view = memoryview(frame)
    at = _COUNT.size
    values = []
    for _ in range(_COUNT.unpack_from(view)[0]):
        encoding, size = _VALUE.unpack_from(view, at)
        at += _VALUE.size
        values.append(_MpCodec.decode(encoding, view[at:at + size]))
        at += size
    return values


def _pairs(content, more):
    """What dict(content, **more) holds, as one list of keys and values in turn."""
    items = dict(content, **more).items()
    return [part for item in items for part in item]


class ProxyMethods:
    def _call(self, method, values=(), start=0, end=0, version=0):
        """(values, number, version) that a method of the server gives."""
        # The server holds the shared objects of a value when it has got it; until then we do.
        frame, shared = pack(values) if values else (b'', None)
        try:
            reply = self.call_data(method, start, end, version, frame, _MpCodec.PICKLE)
        except GLib.Error as error:
            if error.matches(GLib.quark_from_string(DOMAIN), NO_SUCH_KEY):
                raise LookupError(error.message) from None
            raise from_glib(error) from None
        return unpack(reply[-3]), reply[-2], reply[-1]

    def _modify(self, change):
        """Replaces the content by what change() makes of it, and returns what that returned."""
        while True:
            content, version = self._fetch()
            result = change(content)
            _, done, _ = self._call('replace_if_version', self._flat(content), version=version)
            if done:
                return result

    def _getvalue(self):
        """A copy of the content."""
        return self._fetch()[0]

    copy = _getvalue

    def clear(self):
        self._call('clear')

    def __len__(self):
        return self._call('length')[1]

    def __bool__(self):
        return len(self) > 0

    def __eq__(self, other):
        if isinstance(other, ProxyMethods):
            return self is other or self._getvalue() == other._getvalue()
        return self._getvalue() == other if isinstance(other, self._type) else NotImplemented

    __hash__ = object.__hash__

    def __str__(self):
        return repr(self._getvalue())

    def __repr__(self):
        return f'<{type(self).__name__} object, typeid {self._type.__name__!r} at {id(self):#x}>'

    def __reduce_ex__(self, protocol):
        return _MpCodec.reduce_proxy(self)

    def get_ticket(self):
        with translated:
            return super().get_ticket()


class ListProxyMethods(ProxyMethods):
    _type = list

    def _fetch(self):
        values, _, version = self._call('get_all')
        return values, version

    @staticmethod
    def _flat(content):
        return content

    def append(self, value):
        self._call('extend', [value])

    def extend(self, values):
        values = list(values)
        if values:
            self._call('extend', values)

    def insert(self, index, value):
        self._call('insert', [value], start=index)

    def pop(self, index=-1):
        try:
            return self._call('pop', start=index)[0][0]
        except LookupError:
            raise IndexError('pop index out of range' if len(self) else
                             'pop from empty list') from None

    def remove(self, value):
        self._modify(lambda content: content.remove(value))

    def index(self, value, *limits):
        return self._getvalue().index(value, *limits)

    def count(self, value):
        return self._getvalue().count(value)

    def reverse(self):
        self._call('reverse')

    def sort(self, *, key=None, reverse=False):
        self._modify(lambda content: content.sort(key=key, reverse=reverse))

    def __contains__(self, value):
        return value in self._getvalue()

    def __iter__(self):
        return iter(self._getvalue())

    def __reversed__(self):
        return reversed(self._getvalue())

    def __getitem__(self, index):
        if isinstance(index, slice):
            return self._getvalue()[index]
        try:
            return self._call('get', start=_index(index))[0][0]
        except LookupError:
            raise IndexError('list index out of range') from None

    def __setitem__(self, index, value):
        if isinstance(index, slice):
            value = list(value)
            self._modify(lambda content: content.__setitem__(index, value))
            return
        try:
            self._call('set', [value], start=_index(index))
        except LookupError:
            raise IndexError('list assignment index out of range') from None

    def __delitem__(self, index):
        if isinstance(index, slice):
            self._modify(lambda content: content.__delitem__(index))
            return
        try:
            self._call('remove_at', start=_index(index))
        except LookupError:
            raise IndexError('list assignment index out of range') from None

    def __add__(self, other):
        if isinstance(other, ListProxyMethods):
            other = other._getvalue()
        return self._getvalue() + other

    def __radd__(self, other):
        return other + self._getvalue()

    def __iadd__(self, values):
        self.extend(values)
        return self

    def __mul__(self, factor):
        return self._getvalue() * factor

    __rmul__ = __mul__

    def __imul__(self, factor):
        self._modify(lambda content: content.__imul__(factor))
        return self

    def __lt__(self, other):
        return self._getvalue() < _content(other)

    def __le__(self, other):
        return self._getvalue() <= _content(other)

    def __gt__(self, other):
        return self._getvalue() > _content(other)

    def __ge__(self, other):
        return self._getvalue() >= _content(other)


def _content(other):
    return other._getvalue() if isinstance(other, ProxyMethods) else other


def _index(index):
    try:
        return index.__index__()
    except AttributeError:
        raise TypeError('list indices must be integers or slices, '
                        f'not {type(index).__name__}') from None


_MISSING = object()


class DictProxyMethods(ProxyMethods):
    _type = dict

    def _fetch(self):
        values, _, version = self._call('get_all')
        return dict(zip(values[::2], values[1::2])), version

    @staticmethod
    def _flat(content):
        return [part for item in content.items() for part in item]

    def get(self, key, default=None):
        try:
            return self._call('get', [key])[0][0]
        except LookupError:
            return default

    def pop(self, key, default=_MISSING):
        try:
            return self._call('pop', [key])[0][0]
        except LookupError:
            if default is _MISSING:
                raise KeyError(key) from None
            return default

    def popitem(self):
        try:
            return tuple(self._call('pop_item')[0])
        except LookupError:
            raise KeyError('popitem(): dictionary is empty') from None

    def setdefault(self, key, default=None):
        hash(key)
        return self._call('set_default', [key, default])[0][0]

    def update(self, content=(), **more):
        parts = _pairs(_content(content), more)
        if parts:
            self._call('update', parts)

    def keys(self):
        return self._call('get_keys')[0]

    def values(self):
        return self._call('get_values')[0]

    def items(self):
        return list(self._getvalue().items())

    def __contains__(self, key):
        return self._call('contains', [key])[1] != 0

    def __iter__(self):
        return iter(self.keys())

    def __getitem__(self, key):
        try:
            return self._call('get', [key])[0][0]
        except LookupError:
            raise KeyError(key) from None

    def __setitem__(self, key, value):
        hash(key)               # the server would take a list, but no dict could be made of it
        self._call('set', [key, value])

    def __delitem__(self, key):
        try:
            self._call('remove', [key])
        except LookupError:
            raise KeyError(key) from None

    def __or__(self, other):
        return self._getvalue() | _content(other)

    def __ror__(self, other):
        return other | self._getvalue()

    def __ior__(self, other):
        self.update(other)
        return self


class ManagerMethods:
    """Mp.Manager with natural values."""

    def create_list(self, content=()):
        with translated:
            proxy = super().create_list(None)
        proxy.manager = self        # which ends when nobody holds it
        proxy.extend(content)
        return proxy

    def create_dict(self, content=(), **more):
        with translated:
            proxy = super().create_dict(None)
        proxy.manager = self
        proxy.update(content, **more)
        return proxy

    def shutdown(self):
        """Ends the server."""
        address = self.get_address()
        super().shutdown()
        _MpCodec.forget_proxies(address.rpartition('-')[2])
