# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""Pools whose workers are made by 'spawn' or 'forkserver': they inherit nothing, import the main
module as `__mp_main__`, and get functions by reference or by value."""

import functools
import os
import pickle
import signal
import sys
import tempfile
import threading
import unittest

import support

import mproc
from mproc import pool as pools

METHODS = ('spawn', 'forkserver')

state = None
here = []


def square(x):
    return x * x


def add(a, b, c=0):
    return a + b + c


def pid(_):
    return os.getpid()


def lineage(_):
    return __name__, os.getppid(), mproc.current_process().name


def begin(lock, value):
    global state
    state = lock, value


def begun(_):
    lock, value = state
    with lock:
        return value


def fail(*arguments):
    raise KeyError(*arguments)


def look(_):
    return list(here)


def die(_):
    os.kill(os.getpid(), signal.SIGKILL)


def say(x):
    print('number', x)
    return x


def length(data, x):
    return len(data) + x


def nested(n):
    with mproc.Pool(1) as pool:
        return pool.map(square, range(n)), mproc.get_start_method()


class Unreadable:
    """Pickles, but cannot be read."""

    def __reduce__(self):
        return fail, ('unreadable',)

    def __call__(self):
        pass


class Methods(support.TestCase):
    def setUp(self):
        # A server goes on after its pools, and this process keeps what it has of it.
        with mproc.get_context('forkserver').Pool(1) as pool:
            pool.apply(pid, (0,))
        self.kept = support.children()
        super().setUp()

    def check_nothing_left(self):
        kept, children = self.kept, support.children
        support.children = lambda: [child for child in children() if child not in kept]
        try:
            super().check_nothing_left()
        finally:
            support.children = children

    def each(self):
        for method in METHODS:
            with self.subTest(method=method):
                yield mproc.get_context(method)

    def test_work(self):
        for context in self.each():
            with context.Pool(2) as pool:
                self.assertEqual(pool.map(square, range(20)), [x * x for x in range(20)])
                self.assertEqual(pool.apply(add, (1, 2), {'c': 3}), 6)
                self.assertEqual(pool.starmap(add, [(1, 2), (3, 4)]), [3, 7])
                self.assertEqual(list(pool.imap(square, range(9))), [x * x for x in range(9)])
                self.assertEqual(sorted(pool.imap_unordered(square, range(4))), [0, 1, 4, 9])
                with self.assertRaisesRegex(KeyError, 'it'):
                    pool.apply(fail, ('it',))

    def test_who_they_are(self):
        for context in self.each():
            here.append(1)
            with context.Pool(1) as pool:
                name, parent, process = pool.apply(lineage, (0,))
                self.assertEqual(pool.apply(look, (0,)), [], 'they inherit nothing')
            self.assertIn(name, ('__mp_main__', 'test_pool_methods'))
            self.assertEqual(parent == os.getpid(), context.get_start_method() == 'spawn')
            kind = {'spawn': 'Spawn', 'forkserver': 'ForkServer'}[context.get_start_method()]
            self.assertRegex(process, f'^{kind}PoolWorker-')
            here.clear()

    def test_initializer(self):
        """It is pickled for each worker, with the shared objects among its arguments."""
        for context in self.each():
            with context.Pool(2, begin, (mproc.Lock(), 42), maxtasksperchild=3) as pool:
                self.assertEqual(pool.map(begun, range(12), chunksize=1), [42] * 12)
                self.assertGreater(len(set(pool.map(pid, range(12), chunksize=1))), 3)

    def test_initializer_that_fails(self):
        for context in self.each():
            with context.Pool(1, fail, ('begin',)) as pool:
                with self.assertRaisesRegex(mproc.InitializerError, "KeyError: 'begin'"):
                    pool.apply(square, (1,))
            with context.Pool(1, Unreadable()) as pool:
                with self.assertRaisesRegex(mproc.InitializerError, 'cannot be read'):
                    pool.apply(square, (1,))
            with self.assertRaises(TypeError):
                context.Pool(1, begin, (iter(x for x in ()), 1))

    def test_death(self):
        for context in self.each():
            with context.Pool(2, begin, (mproc.Lock(), 7)) as pool:
                with self.assertRaises(mproc.WorkerDied) as caught:
                    pool.apply(die, (1,))
                self.assertEqual(caught.exception.signal, signal.SIGKILL)
                self.assertEqual(pool.map(begun, range(8)), [7] * 8)
                for victim in pool.pids:
                    os.kill(victim, signal.SIGKILL)
                self.assertEqual(pool.map(begun, range(8), retries=9), [7] * 8)

    def test_rules(self):
        for context in self.each():
            with context.Pool(1, capture_output=True, idle_timeout=0.05) as pool:
                result = pool.apply_async(say, (2,))
                self.assertEqual((result.get(), result.output), (2, 'number 2\n'))
                self.assertTrue(support.wait_until(lambda: not pool.pids))
                self.assertEqual(pool.apply(square, (3,)), 9)
                pool.resize(2)
                self.assertEqual(pool.map(square, range(8)), [x * x for x in range(8)])

    def test_functions_that_travel(self):
        for context in self.each():
            with context.Pool(1) as pool:
                whole = functools.partial(length, b'x' * 1000000)
                self.assertEqual(pool.apply(whole, (1,)), 1000001)
                self.assertEqual(pool.apply('a b'.split), ['a', 'b'])
                self.assertEqual(pool.apply('math:sqrt', (16,)), 4)

    def test_functions_that_do_not_travel(self):
        for context in self.each():
            with context.Pool(1) as pool:
                before = pool.pids
                for function in (x for x in ()).__next__, threading.Lock().acquire:
                    with self.assertRaisesRegex(pickle.PicklingError, 'cannot travel to workers'):
                        pool.apply_async(function)
                with self.assertRaises(TypeError):
                    pool.apply(7)
                self.assertEqual(pool.apply(square, (2,)), 4)
                self.assertEqual(pool.pids, before)

    def test_nesting(self):
        for context in self.each():
            with context.Pool(1) as pool:
                self.assertEqual(pool.apply(nested, (3,)),
                                 ([0, 1, 4], context.get_start_method()))

    def test_wrong_method(self):
        class Context:
            def get_start_method(self):
                return 'thread'

        with self.assertRaisesRegex(ValueError, 'thread'):
            pools.Pool(1, context=Context())


PROGRAM = '''
import sys
if METHOD_WITHOUT_DILL:
    sys.modules['dill'] = sys.modules['cloudpickle'] = None
import mproc

def square(x):
    return x * x

def via(x):
    return square(x) + 1

class Thing:
    def __init__(self, x):
        self.x = x
    def get(self):
        return self.x

if __name__ == '__main__':
    def hidden(x):
        return x
    mproc.set_start_method(METHOD)
    with mproc.Pool(2) as pool:
        print(pool.map(square, range(4)), pool.apply(via, (2,)), pool.apply(Thing, (5,)).x,
              pool.apply(Thing(6).get))
        for function in hidden, lambda x: x + 1:
            try:
                print(pool.apply(function, (1,)))
            except Exception as error:
                print(type(error).__name__, str(error).partition(':')[0])
        print(pool.map(square, range(3)))
'''

UNGUARDED = '''
import mproc
mproc.set_start_method('spawn', force=True)
print(mproc.Pool(1).map(abs, range(3)))
'''


class Programs(unittest.TestCase):
    """Functions of a main module that is a file, and of one that is not."""

    def run_file(self, text):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, 'program.py')
            with open(path, 'w', encoding='utf-8') as file:
                file.write(text)
            return support.run(
                f'import os, sys; os.execv(sys.executable, [sys.executable, {path!r}])')

    def test_main(self):
        for method in METHODS:
            for without_dill in True, False:
                with self.subTest(method=method, without_dill=without_dill):
                    text = PROGRAM.replace('METHOD_WITHOUT_DILL', repr(without_dill))
                    status, out, errors = self.run_file(text.replace('METHOD', repr(method)))
                    self.assertEqual(status, 0, errors)
                    lines = out.splitlines()
                    self.assertEqual(lines[0], '[0, 1, 4, 9] 5 5 6')
                    self.assertIn("NoSuchFunctionError Can't get attribute 'hidden'", lines[1])
                    if without_dill:
                        self.assertRegex(lines[2], "PicklingError The function '<lambda>' cannot")
                    self.assertEqual(lines[3], '[0, 1, 4]')

    def test_without_a_file(self):
        text = PROGRAM.replace('METHOD_WITHOUT_DILL', 'True').replace('METHOD', "'spawn'")
        status, out, errors = support.run(text)
        self.assertEqual((status, out), (1, ''))
        self.assertIn("PicklingError: The function 'square' cannot travel", errors)
        self.assertIn('the main module has no file', errors)

    def test_unguarded(self):
        """What the workers say of why they cannot begin is what the caller gets."""
        status, out, errors = self.run_file(UNGUARDED)
        self.assertEqual((status, out), (1, ''))
        self.assertRegex(errors, 'WorkerDied: Workers keep dying: .*RuntimeError')
        self.assertIn('finished its bootstrapping phase', errors.rpartition('WorkerDied')[2])


if __name__ == '__main__':
    unittest.main(argv=sys.argv)
