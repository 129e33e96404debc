# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""Values at random, of every kind that Python can send, and what "the same" is for them."""

import array
import collections
import datetime
import decimal
import enum
import fractions
import math
import uuid

BORDERS = [0, 1, 2**7, 2**8, 2**15, 2**16, 2**31, 2**32, 2**53, 2**63, 2**64, 10**19, 10**100]
FLOATS = [0.0, -0.0, 1.0, 0.1, 5e-324, 2.2250738585072014e-308, 1e22, 1e23, 1e300,
          math.inf, -math.inf, math.nan, 2.0**53, 2.0**63, 2.0**64, -1.5]
TEXTS = ['', 'a', 'null', '$mp', '__proto__', '1', '"', '\\', '\0', 'a\0b', '\x7f', '\x80', 'é',
         '\u2028', '\ufeff', '\uffff', '\U0001f600', '\U0010ffff', 'x' * 255, 'x' * 256]
LONE_SURROGATES = ['\ud800', 'x\udfffy']


class Point:
    """Attributes, in a dict."""

    def __init__(self, *content):
        self.content = list(content)


class Slots:
    """Attributes without one."""

    __slots__ = ('content',)

    def __init__(self, *content):
        self.content = list(content)


class Numbers(list):
    pass


class Named(dict):
    pass


class Text(str):
    pass


class Failure(Exception):
    def __init__(self, *args):
        super().__init__(*args)
        self.content = list(args)


class Colour(enum.Enum):
    RED = 1


Pair = collections.namedtuple('Pair', 'one other')

EXACT_ONLY = [
    lambda r: complex(r.random(), -0.0), lambda r: decimal.Decimal(r.randrange(1000)) / 7,
    lambda r: fractions.Fraction(r.randrange(99), 7), lambda r: range(r.randrange(9), 20, 3),
    lambda r: datetime.date(2000, 2, 29), lambda r: datetime.timedelta(r.randrange(99), 5, 7),
    lambda r: datetime.datetime(2000, 1, 1, r.randrange(24)), lambda r: datetime.time(1, 2),
    lambda r: Colour.RED, lambda r: Text('text'), lambda r: uuid.UUID(int=r.getrandbits(128)),
    lambda r: r.choice(LONE_SURROGATES), lambda r: len, lambda r: Point, lambda r: ...,
    lambda r: int, lambda r: slice(1, r.randrange(9)),
]


class Generator:
    """Makes values out of a random.Random."""

    def __init__(self, random, exact=False):
        self.random = random
        self.exact = exact      # also what only Python can hold: instances, cycles, shared parts
        self.arrays = True      # also array.array
        self.made = []          # containers that may be used again
        self.left = 0

    def value(self):
        self.made.clear()
        self.left = self.random.choice([3, 10, 40, 150])
        return self.any(self.random.randrange(1, 7))

    # ── Scalars ─────────────────────────────────────────────────────────────────────────────────

    def integer(self):
        kind = self.random.randrange(3)
        if kind == 0:
            return self.random.randrange(-300, 300)
        if kind == 1:
            return self.random.choice([-1, 1]) * self.random.choice(BORDERS) + \
                self.random.randrange(-2, 3)
        return self.random.choice([-1, 1]) * self.random.getrandbits(self.random.randrange(1, 300))

    def double(self):
        if self.random.random() < 0.5:
            return self.random.choice(FLOATS)
        return self.random.uniform(-1, 1) * 2.0 ** self.random.randrange(-1000, 1000)

    def text(self):
        if self.random.random() < 0.5:
            return self.random.choice(TEXTS)
        top = self.random.choice([0x7f, 0x7ff, 0xd7ff, 0x10ffff])
        points = [self.random.randrange(top + 1) for _ in range(self.random.randrange(20))]
        return ''.join(chr(point) for point in points if not 0xd800 <= point < 0xe000)

    def data(self):
        return self.random.randbytes(self.random.choice([0, 1, 2, 3, 4, 20, 255, 256, 300]))

    def moment(self):
        zone = datetime.timezone(datetime.timedelta(minutes=self.random.randrange(-1439, 1440)))
        return datetime.datetime(self.random.randrange(2, 9999), self.random.randrange(1, 13),
                                 self.random.randrange(1, 29), self.random.randrange(24),
                                 self.random.randrange(60), self.random.randrange(60),
                                 self.random.choice([0, 1, 999, 1000, 999999,
                                                     self.random.randrange(10**6)]),
                                 self.random.choice([datetime.timezone.utc, zone]))

    def scalar(self):
        if self.exact and self.random.random() < 0.2:
            return self.random.choice(EXACT_ONLY)(self.random)
        make = self.random.choice([self.integer, self.integer, self.double, self.text, self.text,
                                   self.data, self.moment, lambda: None, lambda: True,
                                   lambda: False])
        return make()

    # ── Containers ──────────────────────────────────────────────────────────────────────────────

    def key(self, depth=2):
        """What a dict's key or a set's member can be; no NaN, since two of them are one."""
        kind = self.random.randrange(9)
        if kind == 0 and depth:
            return tuple(self.key(depth - 1) for _ in range(self.random.randrange(4)))
        if kind == 1 and depth:
            return frozenset(self.key(depth - 1) for _ in range(self.random.randrange(4)))
        if kind == 2:
            return self.data()
        if kind == 3:
            return self.random.choice([None, True, False])
        if kind == 4:
            number = self.double()
            return 0.5 if math.isnan(number) else number
        return self.text() if kind < 7 else self.integer()

    def numbers(self):
        code = self.random.choice('bBhHiIlLqQfd')
        data = self.random.randbytes(8 * self.random.choice([0, 1, 2, 50]))
        return array.array(code, data)

    def items(self, depth):
        n = self.random.choice([0, 1, 2, 3, 5, 12])
        make = self.random.choice([lambda: self.any(depth - 1)] * 4 + [
            self.integer, self.double, self.text, self.data, lambda: self.random.random() < 0.5,
            lambda: {self.text(): self.any(depth - 1)}])
        return [make() for _ in range(n)]

    def mapping(self, depth):
        key = self.random.choice([self.text, lambda: self.random.randrange(-5, 5), self.key])
        return {key(): self.any(depth - 1) for _ in range(self.random.randrange(6))}

    def container(self, depth):
        kind = self.random.randrange(13 if not self.exact else 17)
        if kind < 4:
            return self.items(depth)
        if kind == 4:
            return tuple(self.items(depth))
        if kind == 5:
            return tuple(range(self.random.choice([63, 64, 65, 300])))
        if kind < 9:
            return self.mapping(depth)
        if kind == 9:
            return self.random.choice([set, frozenset])(self.key() for _ in range(4))
        if kind == 10:
            return bytearray(self.data())
        if kind == 11:
            return collections.OrderedDict(self.mapping(depth))
        if kind == 12:
            return self.numbers() if self.arrays else []
        make = self.random.choice([Point, Slots, Failure, lambda *c: Numbers(c), Pair._make,
                                   lambda *c: Named(enumerate(c)), lambda *c: collections.deque(c)])
        if make == Pair._make:
            return Pair(self.any(depth - 1), self.any(depth - 1))
        return make(*self.items(depth))

    def any(self, depth):
        self.left -= 1
        if depth <= 0 or self.left < 0 or self.random.random() < 0.3:
            return self.scalar()
        if self.exact and self.made and self.random.random() < 0.2:
            return self.random.choice(self.made)
        value = self.container(depth)
        self.made.append(value)
        if self.exact and isinstance(value, list) and self.random.random() < 0.1:
            value.append(self.random.choice(self.made))         # itself, perhaps
        return value


# ── Comparing ───────────────────────────────────────────────────────────────────────────────────

def state(value):
    """What of a container is compared, in an order that two equal ones share."""
    kind = type(value)
    if kind in (set, frozenset):
        return sorted(value, key=lambda member: (repr(type(member)), repr(canonical(member))))
    if isinstance(value, dict):
        parts = [part for item in value.items() for part in item]
        return [*parts, getattr(value, '__dict__', None)]
    if isinstance(value, (list, tuple, collections.deque)):
        return [*value, getattr(value, '__dict__', None)]
    if kind is Slots:
        return [value.content]
    if isinstance(value, (Point, BaseException)):
        return [value.__dict__, getattr(value, 'args', None)]
    return None


def canonical(member):
    """Something hashable with one repr() for all equal members of sets."""
    if isinstance(member, frozenset):
        return sorted((repr(type(part)), repr(canonical(part))) for part in member)
    if isinstance(member, tuple):
        return [canonical(part) for part in member]
    return member


def difference(first, second, identity=True):
    """Where two values differ, in words, or None. With @identity the same part is to be at the same
    places, in both."""
    pairs, back = {}, {}            # of ids: nothing of the two values may end meanwhile
    stack = [(first, second, '')]
    while stack:
        one, other, where = stack.pop()
        if type(one) is not type(other):
            return f'{where}: {type(one)} and {type(other)}'
        parts, others = state(one), state(other)
        if parts is None:
            if repr(one) != repr(other):        # which tells -0.0 from 0.0, and NaN is NaN
                return f'{where}: {one!r} and {other!r}'
            continue
        if identity:
            if not is_constant(one) and (pairs.get(id(one), id(other)) != id(other) or
                                         back.get(id(other), id(one)) != id(one)):
                return f'{where}: another {type(one)} than before'
            if id(one) in pairs:
                continue
            pairs[id(one)] = id(other)
            back[id(other)] = id(one)
        if len(parts) != len(others):
            return f'{where}: {len(parts)} and {len(others)} parts'
        stack += [(a, b, f'{where}.{i}') for i, (a, b) in enumerate(zip(parts, others))]
    return None


def is_constant(value):
    """pickle may make one of equal ones, or several of one."""
    return isinstance(value, (tuple, frozenset))
