# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""From Python to Python a value is exactly what was sent: what pickle can carry, what dill can
where pickle cannot, and buffers beside the pickle, which are read where they lie."""

import collections
import dataclasses
import enum
import functools
import gc
import operator
import pickle
import re
import sys
import unittest
from unittest import mock

from support import TestCase

from gi.repository import Mp

import mproc

try:
    import dill
except ImportError:
    dill = None
try:
    import numpy
except ImportError:
    numpy = None

MIB = 1 << 20


class Failure(Exception):
    """Its arguments are not what its constructor takes."""

    def __init__(self, path, code):
        super().__init__(f'{path}: {code}')
        self.path, self.code = path, code

    def __reduce__(self):
        return type(self), (self.path, self.code), self.__dict__


class Node:
    def __init__(self, name):
        self.name, self.links = name, []


class Stateful:
    def __init__(self):
        self.kept, self.dropped = 1, 2

    def __getstate__(self):
        return {'kept': self.kept}

    def __setstate__(self, state):
        self.__dict__.update(state, restored=True)


class Single:
    """There is one of it in every process."""

    def __reduce__(self):
        return 'SINGLE'


SINGLE = Single()


class Flag(enum.Flag):
    READ, WRITE = 1, 2


@dataclasses.dataclass(frozen=True)
class Record:
    name: str
    numbers: list


class Long(int):
    pass


class Tagged(dict):
    pass


def mapped(address):
    """What is mapped at an address: a line of /proc/self/maps."""
    with open('/proc/self/maps', encoding='utf-8') as file:
        for line in file:
            start, end = (int(part, 16) for part in re.match('(.*?)-(.*?) ', line).groups())
            if start <= address < end:
                return line
    return ''


class Exact(TestCase):
    def through(self, value):
        q = mproc.Queue()
        q.put(value)
        got = q.get()
        self.assertIs(type(got), type(value))
        return got

    def test_one_part_at_two_places(self):
        part, text = [1], {'x': 1}
        got = self.through({'a': part, 'b': [part, text], 'c': (text, part)})
        self.assertIs(got['a'], got['b'][0])
        self.assertIs(got['a'], got['c'][1])
        self.assertIs(got['b'][1], got['c'][0])
        got['a'].append(2)
        self.assertEqual(got['b'][0], [1, 2])

    def test_cycles(self):
        ring = []
        ring.append({'ring': (ring,)})
        got = self.through(ring)
        self.assertIs(got[0]['ring'][0], got)

        first, second = Node('first'), Node('second')
        first.links += [second, first]
        second.links.append(first)
        got = self.through(first)
        self.assertIs(got.links[0].links[0], got)
        self.assertIs(got.links[1], got)
        self.assertEqual((got.name, got.links[0].name), ('first', 'second'))

    def test_instances(self):
        number, tagged = Long(5), Tagged(a=1)
        number.note = tagged.note = 'kept'
        for value in number, tagged:
            got = self.through(value)
            self.assertEqual((got, got.note), (value, 'kept'))
        self.assertEqual(self.through(Record('x', [1])), Record('x', [1]))
        self.assertIs(self.through(SINGLE), SINGLE)
        self.assertIs(self.through(Flag.READ | Flag.WRITE), Flag.READ | Flag.WRITE)
        self.assertEqual(self.through(Stateful()).__dict__, {'kept': 1, 'restored': True})
        self.assertEqual(self.through(collections.defaultdict(list, a=[1]))['b'], [])
        self.assertEqual(self.through(functools.partial(operator.add, 2))(3), 5)

    def test_exceptions(self):
        error = Failure('/tmp', 5)
        error.more = {'deep': [1]}
        error.add_note('a note')
        got = self.through(error)
        self.assertEqual((got.path, got.code, str(got)), ('/tmp', 5, '/tmp: 5'))
        self.assertEqual(got.more, {'deep': [1]})
        self.assertEqual(got.__notes__, ['a note'])
        group = self.through(ExceptionGroup('some', [error, OSError(2, 'gone', 'name')]))
        self.assertEqual((group.exceptions[0].code, group.exceptions[1].filename), (5, 'name'))
        self.assertIs(type(group.exceptions[1]), FileNotFoundError)

    def test_between_processes(self):
        there, back = mproc.Queue(), mproc.Queue()
        self.child(lambda: [back.put((type(value).__name__, value))
                            for value in iter(there.get, None)])
        for value in (Failure('x', 1), Record('r', [2]), Node('n'), Flag.WRITE, Tagged(b=2)):
            there.put(value)
            name, got = back.get(timeout=30)
            self.assertEqual(name, type(value).__name__)
            self.assertEqual(pickle.dumps(got), pickle.dumps(value))
        there.put(None)

    def test_bytes_and_their_kin(self):
        for size in 0, 5, 40000, MIB:
            data = bytes(range(256)) * (size // 256 + 1)
            sent = bytearray(data)
            got = self.through(sent)
            self.assertEqual(got, data)
            got[:3] = b'xyz'                            # one's own, which may be changed
            self.assertEqual(sent, data)
            self.assertIs(self.through(bytes(data)).__class__, bytes)
            with self.assertRaisesRegex(TypeError, 'memoryview'):
                mproc.Queue().put(memoryview(data))
            with self.assertRaisesRegex(TypeError, 'memoryview'):
                mproc.Queue().put([memoryview(data)])

    def test_what_pickle_refuses_is_as_it_refuses_it(self):
        with mock.patch.dict(sys.modules, {'dill': None, 'cloudpickle': None}):
            for value in (lambda: 1, (x for x in ()), [open('/dev/null', 'rb')], sys._getframe()):
                with self.assertRaises(Exception) as theirs:
                    pickle.dumps(value, 5)
                with self.assertRaises(type(theirs.exception)) as ours:
                    mproc.Queue().put(value)
                self.assertEqual(str(ours.exception), str(theirs.exception))
                del value
            gc.collect()


@unittest.skipUnless(dill, 'needs dill')
class ByDill(TestCase):
    def test_functions(self):
        q = mproc.Queue()
        factor = 3
        q.put({'triple': lambda x: x * factor, 'plain': [1, 'a']})
        got = q.get()
        self.assertEqual((got['triple'](7), got['plain']), (21, [1, 'a']))

        class Local:
            def answer(self):
                return 42
        q.put(Local())
        self.assertEqual(q.get().answer(), 42)

    def test_in_a_running_process(self):
        there, back = mproc.Queue(), mproc.Queue()
        self.child(lambda: [back.put(function(5)) for function in iter(there.get, None)])
        for i in range(3):
            there.put(lambda x, i=i: x + i)
            self.assertEqual(back.get(timeout=30), 5 + i)
        there.put(None)

    def test_shared_parts(self):
        q, part = mproc.Queue(), [1]
        q.put([part, lambda: 1, part])
        got = q.get()
        self.assertIs(got[0], got[2])

    def test_with_shared_objects(self):
        q, inner = mproc.Queue(), mproc.Queue()
        q.put([lambda: 5, inner])
        del inner
        gc.collect()
        function, inner = q.get()
        inner.put(function())
        self.assertEqual(inner.get(), 5)

    def test_dill_is_not_asked_for_what_pickle_can(self):
        with mock.patch.object(dill, 'dumps', side_effect=AssertionError):
            q = mproc.Queue()
            q.put([1, Record('x', [])])
            self.assertEqual(q.get(), [1, Record('x', [])])

    def test_is_not_plain(self):
        """Another language is told what it is."""
        q = mproc.Queue()
        q.put([lambda: 1])
        payload = q.get_payload(-1, None)
        with self.assertRaises(Exception) as caught:
            payload.get_variant(None)
        self.assertTrue(caught.exception.matches(Mp.Error.quark(), Mp.Error.NOT_PLAIN))


@unittest.skipUnless(numpy, 'needs numpy')
class Views(TestCase):
    """What is received lies where the sender wrote it: no byte is copied."""

    def assertInShared(self, array):
        self.assertFalse(array.flags.owndata)
        self.assertFalse(array.flags.writeable)
        for address in array.ctypes.data, array.ctypes.data + array.nbytes - 1:
            self.assertRegex(mapped(address), r'/memfd:\S*mproc')

    def test_lie_in_the_shared_memory(self):
        q = mproc.Queue()
        base = numpy.arange(MIB // 8, dtype='d')
        record = numpy.zeros(9000, dtype=[('x', 'i4'), ('y', 'f8')])
        record['y'] = numpy.arange(9000)
        for array in (base, base.reshape(256, -1), base.reshape(256, -1).T, base.astype('>i4'),
                      record):
            q.put(array)
            got = q.get()
            self.assertInShared(got)
            self.assertEqual((got.dtype, got.shape), (array.dtype, array.shape))
            self.assertEqual((got.flags.c_contiguous, got.flags.f_contiguous),
                             (array.flags.c_contiguous, array.flags.f_contiguous))
            self.assertTrue((got == array).all())

    def test_several_in_one_message(self):
        q = mproc.Queue()
        arrays = [numpy.full(20000, i, dtype='i4') for i in range(5)]
        q.put({'arrays': arrays, 'again': arrays[0], 'text': 'x' * 100000})
        got = q.get()
        for array, sent in zip(got['arrays'], arrays):
            self.assertInShared(array)
            self.assertTrue((array == sent).all())
        self.assertIs(got['again'], got['arrays'][0])

    def test_two_readers_of_one_object_have_their_own(self):
        q = mproc.Queue()
        array = numpy.arange(50000)
        q.put(array)
        q.put(array)
        one, other = q.get(), q.get(writable=True)
        other[0] = 77
        self.assertEqual((one[0], array[0], other[0]), (0, 0, 77))
        self.assertInShared(one)

    def test_the_sender_may_go_on_writing(self):
        q = mproc.Queue()
        array = numpy.zeros(50000)
        q.put(array)
        array[:] = 1
        self.assertEqual(q.get().sum(), 0)

    def test_outlive_their_sender_and_their_queue(self):
        q = mproc.Queue()
        p = self.child(lambda: (q.put(numpy.full(MIB, 7, dtype='u1')), q.put('sent')))
        got = q.get(timeout=30)
        self.assertEqual(q.get(timeout=30), 'sent')
        p.kill()
        p.join()
        del q
        gc.collect()
        for _ in range(20):
            mproc.Queue().put(numpy.zeros(MIB, dtype='u1'))    # would take freed memory
        self.assertEqual((int(got.min()), int(got.max())), (7, 7))
        self.assertInShared(got)

    def test_small_ones_are_ordinary(self):
        q = mproc.Queue()
        q.put(numpy.arange(10))
        got = q.get()
        got[0] = 5
        self.assertEqual(got.sum(), 50)


if __name__ == '__main__':
    unittest.main()
