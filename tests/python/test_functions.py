# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""How functions reach workers that were forked before: by reference, by value, by inheritance.

Most cases are about what __main__ defines after the pool was made, so they are programs of their
own, each run with dill and without it.
"""

import functools
import sys
import unittest

from support import TestCase, run

import mproc
from mproc.functions import CALL, INHERITED, PICKLED, Functions

HEAD = '''
import sys
if sys.argv[1] == 'without':
    sys.modules['dill'] = sys.modules['cloudpickle'] = None
import functools
from mproc import Condition, Lock, Pool, Queue
'''


def double(x):
    return 2 * x


class Doubler:
    def __init__(self, factor=2):
        self.factor = factor

    def __call__(self, x):
        return self.factor * x

    def method(self, x):
        return self.factor * x

    @classmethod
    def of_class(cls, x):
        return 2 * x

    @staticmethod
    def static(x):
        return 2 * x


class Importable(TestCase):
    def test_travel_by_reference(self):
        functions = Functions()
        with mproc.Pool(1) as p:
            for function in (double, len, str.upper, Doubler(), Doubler().method, Doubler.static,
                             Doubler.of_class, functools.partial(pow, 2), int, 'x'.join):
                with self.subTest(function=function):
                    self.assertEqual(functions.describe(function, CALL)[::2], (PICKLED, False))
            pids = p.pids
            self.assertEqual(p.map(Doubler(3).method, [1, 2]), [3, 6])
            self.assertEqual(p.map(functools.partial(pow, 2), [1, 2]), [2, 4])
            self.assertEqual(p.map(str.upper, ['a']), ['A'])
            self.assertEqual(p.pids, pids)
        p.join()

    def test_inheritance_renews_once_for_what_cannot_change(self):
        functions = Functions()
        before, sys.modules['dill'] = sys.modules.get('dill'), None
        try:
            plain = lambda x: x  # noqa: E731
            self.assertEqual(functions.describe(plain, CALL), (INHERITED, b'10', True))
            self.assertEqual(functions.describe(plain, CALL), (INHERITED, b'10', False))
            number, things = 1, []
            with_atom = lambda x: number  # noqa: E731
            self.assertTrue(functions.describe(with_atom, CALL)[2])
            self.assertFalse(functions.describe(with_atom, CALL)[2])
            number = 2
            self.assertTrue(functions.describe(with_atom, CALL)[2])
            with_list = lambda x: things  # noqa: E731
            self.assertTrue(functions.describe(with_list, CALL)[2])
            self.assertTrue(functions.describe(with_list, CALL)[2])
        finally:
            del sys.modules['dill']
            if before is not None:
                sys.modules['dill'] = before


class Main(TestCase):
    def check(self, program, expected):
        for dill in 'with', 'without':
            with self.subTest(dill=dill):
                status, out, errors = run(HEAD + program, dill)
                self.assertEqual((status, errors), (0, ''))
                self.assertEqual(out, expected)

    def test_lambdas(self):
        self.check('''
p = Pool(2)
print(p.map(lambda x: (lambda y: y**2)(x) + x, range(10)))
print(p.apply(lambda *a, **k: (a, k), (1, 2), {'c': 3}))
print(p.starmap(lambda a, b: a * b, [(1, 2), (3, 4)]))
print(list(p.imap(lambda x: -x, range(3))), sorted(p.imap_unordered(lambda x: -x, range(3))))
print(p.apply_async(lambda: 5).get(10))
p.close(); p.join()
''', '[0, 2, 6, 12, 20, 30, 42, 56, 72, 90]\n((1, 2), {\'c\': 3})\n[2, 12]\n'
     '[0, -1, -2] [-2, -1, 0]\n5\n')

    def test_defined_after_the_pool(self):
        self.check('''
p = Pool(2)
def helper(x):
    return x + offset
offset = 10
def late(x):
    return helper(x) * 2
class Late:
    def __init__(self, x):
        self.x = x
    def get(self, y):
        return late(self.x + y)
print(p.map(late, [1, 2]))
print(p.map(Late(5).get, [1, 2]))
print(p.map(functools.partial(lambda a, b: a - b, 10), [1, 2]))
p.close(); p.join()
''', '[22, 24]\n[32, 34]\n[9, 8]\n')

    def test_defined_anew(self):
        self.check('''
def f(x):
    return 'old'
def g(x):
    return f(x)
p = Pool(2)
print(p.map(f, [1]), p.map(g, [1]))
def f(x):
    return 'new'
print(p.map(f, [1]), p.map(g, [1]))
def f(x):
    return 'newer'
print(p.map(f, [1]), p.map(g, [1]))
p.close(); p.join()
''', "['old'] ['old']\n['new'] ['new']\n['newer'] ['newer']\n")

    def test_captured(self):
        self.check('''
p = Pool(2)
def main():
    factor, things = 2, [1]
    f = lambda x: x * factor + sum(things)
    print(p.map(f, [1, 2]))
    factor = 3
    print(p.map(f, [1, 2]))
    things.append(10)
    print(p.map(f, [1, 2]))
    def fib(n):
        return n if n < 2 else fib(n - 1) + fib(n - 2)
    print(p.map(fib, [10]))
main()
p.close(); p.join()
''', '[3, 5]\n[4, 7]\n[14, 17]\n[55]\n')

    def test_captured_shared_objects_and_generators(self):
        self.check('''
p = Pool(1)
def main():
    q, lock = Queue(), Lock()
    numbers = (n for n in range(3))
    def f(x):
        with lock:
            q.put(x)
        return next(numbers)
    print(p.map(f, [7]), q.get(timeout=5))
main()
p.close(); p.join()
''', '[0] 7\n')

    def test_initialized_globals(self):
        self.check('''
value = None
def init(x):
    global value
    value = x
def get(x):
    return value
p = Pool(2, init, ('initialized',))
print(p.map(get, [1]), p.map(lambda x: value, [1]))
def late(x):
    return value
print(p.map(late, [1]))
p.close(); p.join()
''', "['initialized'] ['initialized']\n['initialized']\n")

    def test_tasks_that_run_meanwhile_are_not_disturbed(self):
        self.check('''
import time
def slow(x):
    time.sleep(0.3)
    return x
p = Pool(2)
r = p.map_async(slow, range(4), 1)
print(p.map(lambda x: x + 1, range(3)))
s = [p.apply_async(lambda i=i: i) for i in range(5)]
print([x.get(20) for x in s], r.get(20))
p.close(); p.join()
''', '[1, 2, 3]\n[0, 1, 2, 3, 4] [0, 1, 2, 3]\n')

    def test_errors_in_them(self):
        self.check('''
p = Pool(1)
try:
    p.map(lambda x: 1 / x, [0])
except ZeroDivisionError as error:
    print(error, 'in <lambda>' in str(error.__cause__))
p.close(); p.join()
''', 'division by zero True\n')


if __name__ == '__main__':
    unittest.main()
