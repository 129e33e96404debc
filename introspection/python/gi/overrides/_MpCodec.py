# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""Python values to bytes and back.

A value is written as a pickle, which is what Python makes fastest; bytes go as they are. The
library converts only where another language reads. What pickle refuses is tried with dill, then
cloudpickle, if they are installed. Everything is written in the caller, so that an object that
cannot travel fails where it was given.

A shared object of the library (a lock, a queue) travels as its handle, but only inside such a
value: pickled by anybody else it would be a name without an owner.
"""

import collections
import pickle
import threading

import gi.repository

VARIANT, PICKLE, JSON, BYTES = range(1, 5)

PROTOCOL = 5


class _State(threading.local):
    encoding = False


_state = _State()


class _ByDill:
    """Stands for a value that dill wrote, and that only dill can read."""

    def __init__(self, data):
        self.data = data

    def __reduce__(self):
        return load_dill, (self.data,)


def load_dill(data):
    import dill
    return dill.loads(data)


def dump_by_value(value):
    """Writes functions and classes too, if dill or cloudpickle is there; else ImportError."""
    try:
        import dill
    except ImportError:
        import cloudpickle
        return cloudpickle.dumps(value, PROTOCOL)
    return pickle.dumps(_ByDill(dill.dumps(value, PROTOCOL)), PROTOCOL)


class encoding:
    """`with encoding():` lets shared objects be pickled as their handles."""

    __slots__ = ('before',)

    def __enter__(self):
        self.before = _state.encoding
        _state.encoding = True

    def __exit__(self, *details):
        _state.encoding = self.before


def dumps(value):
    """The value as a pickle."""
    before = _state.encoding
    _state.encoding = True
    try:
        return pickle.dumps(value, PROTOCOL)
    except Exception as error:
        try:
            return dump_by_value(value)
        except Exception:
            raise error from None
    finally:
        _state.encoding = before


loads = pickle.loads


def encode(value):
    """The encoding and the bytes for a value."""
    if type(value) is bytes:
        return BYTES, value
    return PICKLE, dumps(value)


def decode(encoding, data):
    """The value that the bytes are in this encoding."""
    if encoding == PICKLE:
        return loads(data)
    if encoding == BYTES:
        return bytes(data or b'')
    if encoding == JSON:
        import json
        return json.loads(data)
    from gi.repository import GLib
    kind = GLib.VariantType.new('v')
    return GLib.Variant.new_from_bytes(kind, GLib.Bytes.new(data), False).unpack()


# A handle holds nothing. So what was sent last is held here until it is likely to have been opened.
_sent = collections.OrderedDict()
MAX_SENT = 1024


def open_shared(handle):
    return gi.repository.Mp.Shared.open(handle)


def open_proxy(handle):
    return gi.repository.Mp.Proxy.open(handle)


def reduce_shared(shared):
    """How an object in shared memory is pickled."""
    if not _state.encoding:
        raise RuntimeError(f'{type(shared).__name__} objects should only be shared between '
                           'processes through inheritance')
    _hold(shared)
    return open_shared, (shared.get_handle(),)


def reduce_proxy(proxy):
    """How a proxy of a manager's object is pickled; any process of the user may open it."""
    _hold(proxy)
    return open_proxy, (proxy.get_handle(),)


def _hold(thing):
    _sent[id(thing)] = thing
    _sent.move_to_end(id(thing))
    if len(_sent) > MAX_SENT:
        _sent.popitem(last=False)


def forget_proxies(part):
    """Lets go of the proxies that were sent and whose handles contain @part."""
    for key, thing in list(_sent.items()):
        if isinstance(thing, gi.repository.Mp.Proxy) and part in thing.get_handle():
            _sent.pop(key, None)
