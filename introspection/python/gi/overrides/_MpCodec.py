# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""Python values to bytes and back.

A value is written as a pickle, which is what Python makes fastest; bytes go as they are. The
library converts only where another language reads. What pickle refuses is tried with dill, then
cloudpickle, if they are installed. Everything is written in the caller, so that an object that
cannot travel fails where it was given.

A shared object of the library (a lock, a queue) travels as its handle, but only inside such a
value: pickled by anybody else it would be a name without an owner. The message itself holds the
object until it was read, so encoding gives the shared objects of the value too, and whoever sends
it does so through attached(). They are attached around the very call that sends, and never longer:
between encoding and sending, or two tries, a signal handler may send something else.
"""

import collections
import pickle
import threading

import gi.repository

from gi.overrides import _MpBuffers

VARIANT, PICKLE, JSON, BYTES = range(1, 5)

PROTOCOL = 5

# In the bytes of a GVariant: what stands for a shared object or a proxy begins with it.
OBJECT_TAG = b'mp.object\0'


class _State(threading.local):
    # The shared objects in what this thread is encoding. None: it is not; False: it tries, and
    # does it again if it meets one.
    met = None


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
    """`with encoding() as met:` lets shared objects be pickled as their handles, and lists them."""

    __slots__ = ('before',)

    def __enter__(self):
        self.before = _state.met
        if not is_encoding():
            _state.met = []
        return _state.met

    def __exit__(self, *details):
        _state.met = self.before


def dump(value, set_aside=None):
    """(the value as a pickle, the shared objects in it); @set_aside is pickle's buffer_callback."""
    before = _state.met
    met = _state.met = []
    try:
        return _dumps(value, PROTOCOL, buffer_callback=set_aside), met
    except Exception as error:
        met.clear()
        try:
            return dump_by_value(value), met
        except Exception:
            raise error from None
    finally:
        _state.met = before


loads = pickle.loads


# ── Reducers ────────────────────────────────────────────────────────────────────────────────────
# A program may have its values written by a pickler of its own: see mproc.reduction.

reducer = None
_dumps = pickle.dumps


class _Written:
    """Stands for a value that only the reducer's own loads() reads."""

    def __init__(self, read, data):
        self.parts = read, (data,)

    def __reduce__(self):
        return self.parts


def _dump_by_reducer(value, protocol=PROTOCOL, buffer_callback=None):
    pickler = reducer.ForkingPickler
    data = bytes(pickler.dumps(value))
    read = getattr(pickler, 'loads', pickle.loads)
    return data if read is pickle.loads else pickle.dumps(_Written(read, data), PROTOCOL)


class _NoPickler:
    """Has the accelerator leave large values to what is above."""

    def __init__(self, *arguments):
        raise TypeError('values are written by a reducer')


def set_reducer(given, is_own):
    """Has values be written by given.ForkingPickler.dumps(), unless it @is_own, pickle's."""
    global reducer, _dumps
    reducer = given
    _dumps = pickle.dumps if is_own else _dump_by_reducer
    from gi.overrides import _MpFast
    if _MpFast.native is not None:
        _MpFast.native.set_dumps(_dumps, pickle.Pickler if is_own else _NoPickler)


def encode(value):
    """The encoding, the bytes and the shared objects for a value."""
    if type(value) is bytes:
        return BYTES, value, ()
    return PICKLE, *dump(value)


def attached(met, send, *arguments):
    """Calls what sends one message, which will hold the shared objects @met until it was read."""
    if not met:
        return send(*arguments)
    detach_all = gi.repository.Mp.Shared.detach_all
    detach_all()
    try:
        for shared in met:
            shared.attach()
        return send(*arguments)
    finally:
        detach_all()            # what was not sent; nothing, if it was


def decode(encoding, data):
    """The value that the bytes, or the memory of a block, are in this encoding."""
    if encoding == PICKLE:
        return loads(data) if type(data) is bytes else _MpBuffers.load(data)
    if encoding == BYTES:
        return bytes(data or b'')
    if encoding == JSON:
        import json
        return json.loads(data)
    from gi.repository import GLib
    kind = GLib.VariantType.new('v')
    return GLib.Variant.new_from_bytes(kind, GLib.Bytes.new(data), False).unpack()


def open_shared(handle):
    if handle.startswith(PROXY_PREFIX):
        return open_proxy(handle)
    return gi.repository.Mp.Shared.open(handle)


def open_proxy(handle):
    return gi.repository.Mp.Proxy.open(handle)


def load_variant(data):
    from gi.repository import GLib
    content = GLib.Bytes.new(data)
    if OBJECT_TAG in data:      # the GVariant holds the shared objects that it names
        payload = gi.repository.Mp.Payload.new(VARIANT, content)
        if payload.get_objects():
            return payload.get_variant(None)
    return GLib.Variant.new_from_bytes(GLib.VariantType.new('v'), content, False).get_variant()


def load_object(data):
    from gi.overrides._MpErrors import translated
    with translated:
        return gi.repository.Mp.Serializable.from_variant(load_variant(data))


def load_bytes(data):
    from gi.repository import GLib
    return GLib.Bytes.new(data)


def load_date_time(text):
    from gi.repository import GLib
    value = GLib.Variant.new_maybe(None, GLib.Variant('(sv)', ('mp.datetime',
                                                               GLib.Variant('s', text))))
    return gi.repository.Mp.date_time_from_variant(value)


def is_encoding():
    """Whether this thread is in the middle of encoding a value."""
    return _state.met is not None and _state.met is not False


def is_for_others():
    """Whether what this thread is pickling is for another process, or tried for one."""
    return _state.met is not None


def check_encoding(thing):
    """Refuses to have it pickled by anybody else."""
    if not is_encoding():
        raise RuntimeError(f'{type(thing).__name__} objects should only be shared between '
                           'processes through inheritance')


def reduce_shared(shared):
    """How an object in shared memory is pickled."""
    check_encoding(shared)
    _state.met.append(shared)
    return open_shared, (shared.get_handle(),)


def exists(handle):
    """Whether there is a shared object of this handle."""
    try:
        gi.repository.Mp.Shared.open(handle)
    except Exception:
        return False
    return True


def hold_by(make):
    """Has the message, if one is being encoded, hold the shared object that make() gives."""
    if _state.met is None:
        return
    if _state.met is False:
        raise RuntimeError('a value that refers to shared objects')
    _state.met.append(make())


def attempt(dumps, value):
    """What dumps() makes of a value in which there is nothing that the message has to hold."""
    before = _state.met
    _state.met = False
    try:
        return dumps(value)
    finally:
        _state.met = before


PROXY_PREFIX = 'mproc-manager:'

# What programs pickle by themselves holds nothing. So the last proxies that were in it are held.
_sent = collections.OrderedDict()
MAX_SENT = 1024


def reduce_proxy(proxy):
    """How a proxy of a manager's object is pickled; any process of the user may open it."""
    if _state.met is not None:
        check_encoding(proxy)
        ticket = proxy.get_ticket()
        _state.met.append(ticket)
        return open_proxy, (f'{proxy.get_handle()}/{ticket.get_handle()}',)
    _sent[id(proxy)] = proxy
    _sent.move_to_end(id(proxy))
    if len(_sent) > MAX_SENT:
        _sent.popitem(last=False)
    return open_proxy, (proxy.get_handle(),)


def forget_proxies(part):
    """Lets go of the proxies that were sent and whose handles contain @part."""
    for key, proxy in list(_sent.items()):
        if part in proxy.get_handle():
            _sent.pop(key, None)
