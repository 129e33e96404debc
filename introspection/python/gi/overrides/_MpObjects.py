# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""GLib's own values in Python's: GLib.Variant, GLib.Bytes, GLib.DateTime, and objects of classes
that implement Mp.Serializable; and what can be done with a value that is not for Python.

Each is pickled as the call of a loader in _MpCodec, which Python's readers make. Readers of other
languages know these names and call nothing: to them it is the GVariant, bytes, a moment, or an
object of theirs.
"""

import copyreg

from gi.overrides import _MpCodec
from gi.overrides._MpErrors import translated
import gi.repository
from gi.repository import GLib


def _take_bytes(variant):
    """A GVariant as the bytes of the `v` that it is in. The message holds what they name."""
    payload = gi.repository.Mp.Payload.new_variant(variant)
    data = payload.get_bytes().get_data() or b''
    if _MpCodec.OBJECT_TAG in data:
        for shared in payload.get_objects() or ():
            _MpCodec.hold_by(lambda shared=shared: shared)
    return data


def reduce_variant(variant):
    return _MpCodec.load_variant, (_take_bytes(variant),)


def reduce_bytes(data):
    return _MpCodec.load_bytes, (data.get_data() or b'',)


def reduce_date_time(moment):
    text = gi.repository.Mp.date_time_to_variant(moment).unpack()[1]
    return _MpCodec.load_date_time, (text,)


def install():
    copyreg.pickle(GLib.Variant, reduce_variant)
    copyreg.pickle(GLib.Bytes, reduce_bytes)
    copyreg.pickle(GLib.DateTime, reduce_date_time)


class SerializableMethods:
    """Objects that can go to other processes: a class has do_get_state(), which gives a
    GLib.Variant, and do_set_state(state), which gets it in a new object."""

    def __reduce_ex__(self, protocol):
        # What such a method in Python raises is raised here; through C it would be another error.
        get_state = getattr(type(self), 'do_get_state', None)
        with translated:
            state = get_state(self) if get_state is not None else self.get_state()
        if not isinstance(state, GLib.Variant):
            raise TypeError(f'do_get_state() of {type(self).__qualname__} gave no GLib.Variant')
        content = GLib.Variant('(sv)', (self.__gtype__.name, state))
        value = GLib.Variant.new_maybe(
            None, GLib.Variant.new_tuple(GLib.Variant('s', 'mp.gobject'),
                                         GLib.Variant.new_variant(content)))
        return _MpCodec.load_object, (_take_bytes(value),)

    def to_variant(self):
        """The value that stands for the object, for use inside of other GVariants."""
        with translated:
            return super().to_variant()


class PayloadMethods:
    """A message as its writer encoded it."""

    def get_value(self, *, writable=False):
        """The value. NotPlainError, with the writer's language and the type, if Python cannot have
        it; the payload can still be put into another queue, or given to another reader."""
        encoding, payload = self.get_encoding(), self
        if encoding not in (_MpCodec.PICKLE, _MpCodec.BYTES):
            with translated:
                payload = self.convert(_MpCodec.PICKLE)
            encoding = payload.get_encoding()
        data = payload.get_bytes().get_data() or b''
        if encoding == _MpCodec.PICKLE:
            from gi.overrides import _MpBuffers
            return _MpBuffers.load(data, writable)
        return data
