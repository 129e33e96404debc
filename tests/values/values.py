# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""The side of Python in the table of values (cases*.toml): values.c says what it does, and this
does the same. The text of a value is its repr()."""

import array
import collections
import datetime
import decimal
import hashlib
import pprint
import re
import sys

try:
    import numpy
except ImportError:
    numpy = None

import mproc

from gi.repository import GLib, GObject, Mp

SECONDS = 60
LONGEST = 2000
MANY = 100000
MIB = 1 << 20

# The case of no name ends everything.
END = ''

ERRORS = {mproc.NotPlainError: 'NOT_PLAIN', mproc.InvalidDataError: 'INVALID_DATA'}


class Point:
    def __init__(self, x, y):
        self.x, self.y = x, y

    def __repr__(self):
        return f'Point({self.x}, {self.y})'


class ValuesPoint(GObject.Object, Mp.Serializable):
    __gtype_name__ = 'ValuesPoint'

    def __init__(self, x=0, y=0):
        super().__init__()
        self.x, self.y = x, y

    def do_get_state(self):
        return GLib.Variant('(ii)', (self.x, self.y))

    def do_set_state(self, state):
        self.x, self.y = state.unpack()
        return True


class Text(str):
    def __repr__(self):
        return f'Text({str(self)!r})'


class Failure(ValueError):
    pass


def nest(innermost, wrap, depth):
    value = innermost
    for _ in range(depth - 1):
        value = wrap(value)
    return value


def cycle():
    value = [1]
    value.append(value)
    return value


def failure():
    error = Failure('what', 5)
    error.note = 'kept'
    return error


def zone(hours, minutes):
    return datetime.timezone(datetime.timedelta(hours=hours, minutes=minutes))


twice = [1]
inner = mproc.Queue()

CASES = {
    'null': None,
    'true': True,
    'false': False,
    'int 0': 0,
    'int 1': 1,
    'int -1': -1,
    'int 2^31-1': 2**31 - 1,
    'int 2^31': 2**31,
    'int -2^31': -2**31,
    'int -2^31-1': -2**31 - 1,
    'int 2^53-1': 2**53 - 1,
    'int 2^53': 2**53,
    'int 2^53+1': 2**53 + 1,
    'int -2^53+1': -2**53 + 1,
    'int -2^53-1': -2**53 - 1,
    'int 2^63-1': 2**63 - 1,
    'int -2^63': -2**63,
    'int 2^63': 2**63,
    'int 2^64-1': 2**64 - 1,
    'int 2^64': 2**64,
    'int -2^63-1': -2**63 - 1,
    'int 10^100': 10**100,
    'int of 10000 digits': 10**9999,
    'int of 10001 digits': 10**10000,
    'float 0.5': 0.5,
    'float 0.1': 0.1,
    'float 1.0': 1.0,
    'float -0.0': -0.0,
    'float 1e22': 1e22,
    'float smallest': 5e-324,
    'float largest': sys.float_info.max,
    'float inf': float('inf'),
    'float -inf': float('-inf'),
    'float nan': float('nan'),
    'str empty': '',
    'str ASCII': 'Hello, world',
    'str escapes': 'a"b\\c\n\t',
    'str null': 'null',
    'str $mp': '"$mp"',
    'str beyond the BMP': 'hé 日 😀',
    'str with U+0000': 'a\0b',
    'str with a lone surrogate': 'a\ud800',
    'bytes empty': b'',
    'bytes': b'\x00\x01\x7f\xff',
    'list empty': [],
    'list of bools': [True, False],
    'list of ints': [1, -2, 2**53 + 1],
    'list of floats': [0.5, -1.5],
    'list of strs': ['a', '', 'b'],
    'list of bytes': [b'\1', b''],
    'list of dicts': [{'a': 1}, {}],
    'list mixed': [1, 'a', None, True],
    'list of int and float': [1, 2.5],
    'list of int and uint64': [1, 2**63],
    'list of lists': [[1, 2], []],
    'list of nulls': [None, None],
    'tuple empty': (),
    'tuple of 1': ('a',),
    'tuple of 2': (1, 'a'),
    'tuple of tuples': ((1, 2), ('a',)),
    'tuple of 64': tuple(range(64)),
    'tuple of 65': tuple(range(65)),
    'dict empty': {},
    'dict': {'b': 1, 'a': [None]},
    'dict integer-like': {'2': 'two', '1': 'one', 'x': 'ex'},
    'dict $mp': {'$mp': 1},
    'dict __proto__': {'__proto__': 1, 'a': 2},
    'dict of int': {1: 'a', -5: 'b'},
    'dict of bytes': {b'k': 1},
    'dict mixed': {'a': 1, 2.5: 'b', None: 'c', (1, 2): 'd'},
    'dict key with U+0000': {'a\0': 1},
    'set': {1, 2, 3},
    'set empty': set(),
    'set of tuple': {(1, 'a')},
    'set of frozenset': {frozenset({1})},
    'frozenset': frozenset({1, 2}),
    'moment in UTC': datetime.datetime(2020, 2, 29, 23, 59, 58, 125000, datetime.timezone.utc),
    'moment in a zone': datetime.datetime(2020, 2, 29, 23, 59, 58, 123456, zone(5, 30)),
    'shared twice': [twice, twice],
    '40 lists': nest([], lambda value: [value], 40),
    '41 lists': nest([], lambda value: [value], 41),
    '40 dicts': nest({}, lambda value: {'k': value}, 40),
    '41 dicts': nest({}, lambda value: {'k': value}, 41),
    'bytes of 1 MiB': bytes(range(4)) * (MIB // 4),
    'str of 1 MiB': 'x' * MIB,
    'list of 100000': list(range(MANY)),
    'queue': inner,
    'queue inside': {'inside': [inner, 'x']},
    'object': ValuesPoint(1, -2),
    'object inside': [ValuesPoint(3, 4), 'x'],

    'GLib.Variant': GLib.Variant('a{si}', {'a': 1}),
    'GLib.Bytes': GLib.Bytes.new(b'\1\2'),
    'GLib.DateTime': GLib.DateTime.new_from_iso8601('2020-02-29T23:59:58.123456+05:30'),

    # What only Python has.
    'array of doubles': array.array('d', [1.5, -2]),
    'array of shorts': array.array('h', [1, -2]),
    'bytearray': bytearray(b'ab'),
    'OrderedDict': collections.OrderedDict(b=1, a=2),
    'str of a subclass': Text('a'),
    'instance': Point(1, 2),
    'instance inside': [{'p': Point(1, 2)}],
    'class': Point,
    'Decimal': decimal.Decimal('1.5'),
    'complex': 1 + 2j,
    'range': range(3),
    'exception': failure(),
    'moment without a zone': datetime.datetime(2020, 1, 1),
    'date': datetime.date(2020, 1, 1),
    'cycle': cycle(),
}

if numpy:
    CASES['numpy vector'] = numpy.array([1.5, -2])
    CASES['numpy matrix'] = numpy.array([[1, 2], [-1, 256]], dtype='i2')
    CASES['numpy float'] = numpy.float64(0.5)


# ── Values as texts ─────────────────────────────────────────────────────────────────────────────

class Printer(pprint.PrettyPrinter):
    """repr(), sets sorted, shared objects told by what they are."""

    def format(self, object, context, maxlevels, level):
        if isinstance(object, Mp.Shared):
            return f'<{type(object).__name__} {object.qsize()}>', False, False
        if isinstance(object, Mp.Proxy):
            return f'<{type(object).__name__} {len(object)}>', False, False
        if isinstance(object, ValuesPoint):
            return f'<ValuesPoint {object.x} {object.y}>', False, False
        if isinstance(object, Failure):
            return f'{object!r} {object.__dict__}', False, False
        if type(object).__module__ == 'numpy':
            text = f'numpy.{type(object).__name__} {object.dtype.str} {object.tolist()}'
            return text, False, False
        if isinstance(object, GLib.Bytes):
            return f'Bytes {object.get_data()}', False, False
        if isinstance(object, GLib.DateTime):
            return object.format('DateTime %Y-%m-%dT%H:%M:%S.%f%:z'), False, False
        return super().format(object, context, maxlevels, level)


def describe(value):
    text = Printer(width=sys.maxsize, sort_dicts=False).pformat(value)
    text = re.sub(r'<Recursion on (\w+) with id=\d+>', r'<the same \1>', text)
    data = text.encode()
    if len(data) > LONGEST:
        return f'{len(data)} bytes {hashlib.sha256(data).hexdigest()}'
    return text


def say(what, name, text):
    print(what, name, text, sep='\t')


def say_error(what, name, error):
    say(what, name, f'error {ERRORS.get(type(error), type(error).__name__)} {error}')


# ── The three programs ──────────────────────────────────────────────────────────────────────────

def put(queue, name, value):
    """Puts the value and the name behind it."""
    try:
        queue.put(value, timeout=SECONDS)
    except Exception as error:
        say_error('refused', name, error)
    else:
        queue.put(name, timeout=SECONDS)


def write_all(queue, proxy):
    inner.put(7)
    for name, value in (CASES | {'proxy': proxy, 'proxy inside': [proxy, 'x']}).items():
        say('wrote', name, describe(value))
        put(queue, name, value)
    put(queue, END, END)


def read_all(queue, other):
    while True:
        problem = value = None
        try:
            value = queue.get(timeout=SECONDS)
        except Exception as error:
            problem = error
        name = queue.get(timeout=SECONDS)
        if name == END:
            break
        if problem is not None:
            say_error('read', name, problem)
            continue
        say('read', name, describe(value))
        if other is not None:
            put(other, name, value)
    if other is not None:
        put(other, END, END)


def main():
    what, *handles = sys.argv[1:]
    sys.set_int_max_str_digits(0)
    Mp.Serializable.allow(ValuesPoint)
    queue = Mp.Shared.open(handles[0])
    if what == 'write':
        write_all(queue, Mp.Proxy.open(handles[1]))
    else:
        read_all(queue, Mp.Shared.open(handles[1]) if what == 'pass' else None)


if __name__ == '__main__':
    # What pickle finds by its module is to be found in the readers too.
    sys.modules['values'] = sys.modules['__main__']
    for kind in Point, Text, Failure:
        kind.__module__ = 'values'
    main()
