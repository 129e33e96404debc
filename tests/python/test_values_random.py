# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""Thousands of values at random: from Python to Python nothing changes, and through the other
encodings only what doc/values.md says.

MPROC_TEST_SEED=<number> makes other values, MPROC_TEST_VALUES is how many."""

import array
import collections
import datetime
import json
import os
import pickle
import pickletools
import random
import unittest

from support import TestCase

from gi.repository import GLib, Mp

import mproc
from random_values import Generator, difference

SEED = int(os.environ.get('MPROC_TEST_SEED', 20261122))
COUNT = int(os.environ.get('MPROC_TEST_VALUES', 2000))

VARIANT, PICKLE, JSON, BYTES = (Mp.Encoding.VARIANT, Mp.Encoding.PICKLE, Mp.Encoding.JSON,
                                Mp.Encoding.BYTES)
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
MILLISECOND = datetime.timedelta(milliseconds=1)


def in_variant(value):
    """What a value is after GVariant."""
    kind = type(value)
    if kind is bytearray:
        return bytes(value)
    if kind is array.array:
        return bytes(value) if value.typecode == 'B' else list(value)
    if kind in (list, tuple, set, frozenset):
        return kind(map(in_variant, value))
    if kind in (dict, collections.OrderedDict):
        return {in_variant(key): in_variant(item) for key, item in value.items()}
    if kind is datetime.datetime:
        return value.replace(tzinfo=datetime.timezone(value.utcoffset()))
    return value


def in_json(value, is_key=False):
    """What a value is after JSON. What is in a key or set can be nothing but a tuple or frozen set
    when it comes back."""
    kind = type(value)
    if kind is bytearray:
        return bytes(value)
    if kind is array.array:
        code = {'l': 'q', 'L': 'Q'}.get(value.typecode, value.typecode)     # by their size
        return bytes(value) if code == 'B' else array.array(code, value)
    if kind in (list, tuple):
        return (tuple if is_key else list)(in_json(item, is_key) for item in value)
    if kind in (set, frozenset):
        return (frozenset if is_key else set)(in_json(item, True) for item in value)
    if kind in (dict, collections.OrderedDict):
        return {in_json(key, True): in_json(item) for key, item in value.items()}
    if kind is datetime.datetime:
        return EPOCH + (value - EPOCH) // MILLISECOND * MILLISECOND
    return value


class Random(TestCase):
    def setUp(self):
        super().setUp()
        self.random = random.Random(SEED)

    def values(self, exact):
        generator = Generator(self.random, exact)
        for _ in range(COUNT):
            # Before protocol 3, an array.array is written as a list.
            self.protocol = self.random.randrange(2, 6)
            generator.arrays = self.protocol > 2
            yield generator.value()

    def assertSame(self, got, expected, identity=True):
        found = difference(expected, got, identity=identity)
        if found:
            self.fail(f'MPROC_TEST_SEED={SEED}: {found}\n{expected!r:.2000}\n{got!r:.2000}')

    def pickled(self, value):
        """As one of Python's picklers writes it."""
        dumps = self.random.choice([pickle.dumps, pickle.dumps, pickle._dumps])
        data = dumps(value, self.protocol)
        return pickletools.optimize(data) if self.random.random() < 0.2 else data

    def through(self, value, encoding):
        """A plain value, converted to an encoding and back."""
        payload = Mp.Payload.new(PICKLE, GLib.Bytes.new(self.pickled(value)))
        middle = payload.convert(encoding)
        self.assertEqual(middle.get_encoding(), encoding)
        return middle, pickle.loads(middle.convert(PICKLE).get_bytes().get_data())

    # ── Python to Python ────────────────────────────────────────────────────────────────────────

    def test_python_to_python(self):
        q = mproc.Queue()
        for value in self.values(True):
            q.put(value)
            self.assertSame(q.get(), value)

    def test_many_at_once(self):
        q = mproc.Queue()
        values = list(self.values(True))
        for start in range(0, COUNT, 100):
            batch = values[start:start + 100]
            q.put_many(batch)
            for value, got in zip(batch, q.get_many(len(batch)), strict=True):
                self.assertSame(got, value)

    def test_to_another_process_and_back(self):
        there, back = mproc.Queue(), mproc.Queue()
        self.child(lambda: [back.put(item[0]) for item in iter(there.get, None)])
        for value in self.values(True):
            there.put([value])
            self.assertSame(back.get(timeout=60), value)
        there.put(None)

    # ── Through the other encodings ─────────────────────────────────────────────────────────────

    def test_through_variant(self):
        for value in self.values(False):
            middle, got = self.through(value, VARIANT)
            self.assertSame(got, in_variant(value), identity=False)
            self.assertTrue(middle.get_variant(None).is_normal_form())

    def test_through_json(self):
        for value in self.values(False):
            middle, got = self.through(value, JSON)
            self.assertSame(got, in_json(value), identity=False)
            json.loads(middle.get_bytes().get_data())       # it is JSON for others, too

    def test_through_both(self):
        """Python to GVariant to JSON to Python loses what the two lose, and no more."""
        for value in self.values(False):
            middle = self.through(value, VARIANT)[0]
            got = pickle.loads(middle.convert(JSON).convert(PICKLE).get_bytes().get_data())
            self.assertSame(got, in_json(in_variant(value)), identity=False)

    def test_a_second_time(self):
        """What has been through an encoding comes through it unchanged from then on."""
        for value in self.values(False):
            for encoding in VARIANT, JSON:
                middle, got = self.through(value, encoding)
                again, last = self.through(got, encoding)
                self.assertSame(last, got, identity=False)
                if not is_loose(value):
                    self.assertEqual(again.get_bytes().get_data(), middle.get_bytes().get_data())

    def test_whatever_it_is(self):
        """A value of any kind is converted, or not, but then with a reason."""
        failed = 0
        for value in self.values(True):
            payload = Mp.Payload.new(PICKLE, GLib.Bytes.new(self.pickled(value)))
            for encoding in VARIANT, JSON, BYTES:
                try:
                    middle = payload.convert(encoding)
                except GLib.Error as error:
                    self.assertTrue(error.matches(Mp.Error.quark(), Mp.Error.NOT_PLAIN) or
                                    error.matches(Mp.Error.quark(), Mp.Error.INVALID_DATA))
                    self.assertTrue(error.message)
                    failed += 1
                else:
                    middle.convert(VARIANT)
        self.assertGreater(failed, COUNT)

    def test_cut_pickles(self):
        """The beginning of a pickle is no value."""
        for value in self.values(False):
            data = pickle.dumps(value, self.random.randrange(2, 6))
            cut = data[:self.random.randrange(len(data))]
            payload = Mp.Payload.new(PICKLE, GLib.Bytes.new(cut))
            with self.assertRaises(GLib.Error) as caught:
                payload.convert(VARIANT)
            self.assertTrue(caught.exception.matches(Mp.Error.quark(), Mp.Error.INVALID_DATA) or
                            caught.exception.matches(Mp.Error.quark(), Mp.Error.NOT_PLAIN))


def is_loose(value):
    """Whether there are two ways to write it: sets have no order, arrays come back as lists."""
    if isinstance(value, (set, frozenset)):
        return len(value) > 1 or any(map(is_loose, value))
    if isinstance(value, dict):
        return any(map(is_loose, value)) or any(map(is_loose, value.values()))
    return isinstance(value, array.array) or \
        isinstance(value, (list, tuple)) and any(map(is_loose, value))


print(f'# MPROC_TEST_SEED={SEED}', flush=True)

if __name__ == '__main__':
    unittest.main()
