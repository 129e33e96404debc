# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""Arrays of numbers on their way to other languages and back, small in the pickle and large beside
it. Those of numpy are left out where it is not installed."""

import array
import pickle
import sys
import unittest
from unittest import mock

from support import TestCase

from gi.overrides import _MpBuffers
from gi.repository import GLib, Mp

import mproc

try:
    import numpy
except ImportError:
    numpy = None

needs_numpy = unittest.skipIf(numpy is None, 'numpy is not installed')

# So many numbers of a byte are in the pickle, or in a buffer.
SMALL, LARGE = 40, 2 * _MpBuffers.LARGE

# The GVariant type of a vector of each type of numpy.
VECTORS = {'i2': 'an', 'i4': 'ai', 'i8': 'ax', 'u1': 'ay', 'u2': 'aq', 'u4': 'au', 'u8': 'at',
           'f8': 'ad'}


class Ours:
    """What numpy does, without numpy: a large buffer beside the pickle."""

    def __init__(self, content):
        self.content = content

    def __reduce_ex__(self, protocol):
        return bytes, (pickle.PickleBuffer(self.content),)


def seen_by_c(value):
    """The GVariant that a program in C takes from the queue."""
    q = mproc.Queue()
    q.put(value)
    return q.get_payload(-1).get_variant(None)


def through_c(value):
    """The value after a program in C took it and put it again."""
    q = mproc.Queue()
    q.put_payload(Mp.Payload.new_variant(seen_by_c(value)), -1)
    return q.get()


def content(variant):
    return variant.get_data_as_bytes().get_data() or b''


class Vectors(TestCase):
    def test_arrays_of_the_module(self):
        for code, kind in {'h': 'an', 'i': 'ai', 'q': 'ax', 'Q': 'at', 'd': 'ad'}.items():
            for n in SMALL, LARGE:
                numbers = array.array(code, [i % 999 for i in range(n)])
                variant = seen_by_c(numbers)
                self.assertEqual(variant.get_type_string(), kind)
                self.assertEqual(content(variant), numbers.tobytes())

    def test_buffers(self):
        data = bytes(range(256)) * LARGE
        for value in Ours(data), Ours(bytearray(data)):
            variant = seen_by_c(value)
            self.assertEqual(variant.get_type_string(), 'ay')
            self.assertEqual(content(variant), data)

        variant = seen_by_c({'a': [Ours(data), Ours(data[1:])], 'b': 1})
        self.assertEqual(variant.get_type_string(), 'a{sv}')
        self.assertEqual(content(variant.lookup_value('a', None).get_child_value(1)), data[1:])

    @needs_numpy
    def test_numpy(self):
        for dtype, kind in VECTORS.items():
            for n in SMALL, LARGE:
                numbers = numpy.arange(n).astype(dtype)
                variant = seen_by_c(numbers)
                self.assertEqual(variant.get_type_string(), kind)
                self.assertEqual(content(variant), numbers.tobytes())

    @needs_numpy
    def test_steps(self):
        numbers = numpy.arange(2 * LARGE, dtype='f8')[::2]
        self.assertEqual(content(seen_by_c(numbers)), numbers.tobytes())

    @needs_numpy
    def test_an_expected_type(self):
        q = mproc.Queue()
        q.put(numpy.arange(LARGE, dtype='i4'))
        payload = q.get_payload(-1)
        variant = payload.get_variant(GLib.VariantType('ad'))
        self.assertEqual(content(variant), numpy.arange(LARGE, dtype='f8').tobytes())
        with self.assertRaisesRegex(GLib.Error, r'value\[256\]: 256 does not fit the type “y”'):
            payload.get_variant(GLib.VariantType('ay'))


class Arrays(TestCase):
    def check(self, value):
        variant = seen_by_c(value)
        self.assertEqual(variant.get_type_string(), 'm(sv)')
        extension = variant.get_child_value(0)
        self.assertEqual(extension.get_child_value(0).unpack(), 'mp.ndarray')
        parts = extension.get_child_value(1).get_variant()
        self.assertEqual(parts.get_type_string(), '(saxay)')
        self.assertEqual(parts.get_child_value(0).unpack(), value.dtype.str)
        self.assertEqual(parts.get_child_value(1).unpack(), list(value.shape))
        self.assertEqual(content(parts.get_child_value(2)), value.tobytes())

        got = through_c(value)
        self.assertIs(type(got), numpy.ndarray)
        self.assertEqual((got.dtype, got.shape), (value.dtype, value.shape))
        self.assertTrue((got == value).all())
        self.assertTrue(got.flags.writeable)

    @needs_numpy
    def test_every_type(self):
        for dtype in (*VECTORS, 'i1', 'b1', 'f4'):
            self.check((numpy.arange(24) % 5).astype(dtype).reshape(2, 3, 4))

    @needs_numpy
    def test_shapes(self):
        for shape in (), (1, 1), (0, 3), (3, 0), (2,) * 8, (200, 300):
            self.check(numpy.arange(numpy.prod(shape, dtype=int), dtype='u2').reshape(shape))

    @needs_numpy
    def test_order_in_memory(self):
        rows = numpy.arange(60000, dtype='i4').reshape(3, 100, 200)
        for value in (numpy.asfortranarray(rows), rows.T, rows[:, ::2], rows[::-1],
                      numpy.asfortranarray(rows[:, :2, :3]), rows.transpose(1, 0, 2)):
            self.check(value)

    @needs_numpy
    def test_inside_of_others(self):
        matrix = numpy.eye(3)
        got = through_c([{'m': matrix}, (matrix, 1), matrix])
        for each in got[0]['m'], got[1][0], got[2]:
            self.assertTrue((each == matrix).all())

    @needs_numpy
    def test_what_is_not_plain(self):
        for value in (numpy.zeros((2, 2), '>f8'), numpy.zeros((2, 2), 'c16'), numpy.zeros(2, 'f2'),
                      numpy.array([['a']]), numpy.array([[object()]], dtype=object)):
            with self.assertRaises(GLib.Error) as raised:
                seen_by_c(value)
            self.assertTrue(raised.exception.matches(Mp.Error.quark(), Mp.Error.NOT_PLAIN))

    @needs_numpy
    def test_javascript_has_none(self):
        q = mproc.Queue()
        q.put(numpy.eye(2))
        with self.assertRaisesRegex(GLib.Error, 'other than one dimension'):
            q.get_payload(-1).convert(Mp.Encoding.JSON)

    def test_without_numpy(self):
        text = "@m(sv) ('mp.ndarray', <('|u1', [int64 1, 2], [byte 1, 2])>)"
        q = mproc.Queue()
        q.put_payload(Mp.Payload.new_variant(GLib.Variant.parse(None, text, None, None)), -1)
        with mock.patch.dict(sys.modules, {'numpy': None}):
            self.assertRaisesRegex(ImportError, 'numpy', q.get)


if __name__ == '__main__':
    unittest.main()
