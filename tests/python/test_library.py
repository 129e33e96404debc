# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""The library itself, as `from gi.repository import Mp` gives it: natural values, subclasses."""

import sys
import unittest

from support import TestCase, run

from gi.repository import Mp

import mproc

HEAD = '''
import gi, sys
gi.require_version('Mp', '1')
from gi.repository import GLib, Mp
'''


class Processes(TestCase):
    def test_function(self):
        q = mproc.Queue()
        p = Mp.Process.new('Own', q.put, 'from the child')
        p.start()
        self.assertEqual(q.get(timeout=10), 'from the child')
        self.assertTrue(p.join(10))
        self.assertEqual(p.exitcode, 0)

    def test_subclass(self):
        q = mproc.Queue()

        class Worker(Mp.Process):
            def do_run(self):
                q.put(self.get_name())
                sys.exit(3)

        p = Worker(name='Derived')
        p.start()
        self.assertEqual(q.get(timeout=10), 'Derived')
        p.join()
        self.assertEqual(p.exitcode, 3)

    def test_errors(self):
        p = Mp.Process.new('Once', int)
        with self.assertRaises(ValueError):
            p.join()
        p.start()
        with self.assertRaises(ValueError):
            p.start()
        p.join()


class Queues(TestCase):
    def test_subclass(self):
        class Numbers(Mp.Queue):
            def total(self):
                return sum(self)

        q = Numbers(max_items=3)
        for n in range(3):
            q.put(n)
        self.assertTrue(q.full())
        q.shutdown()
        self.assertEqual(q.total(), 3)

    def test_constructors(self):
        self.assertEqual(Mp.Queue.new(5).get_max_items(), 5)
        self.assertEqual(Mp.Queue.new().get_max_items(), 0)
        self.assertEqual(Mp.Queue().get_max_items(), 0)

    def test_handles(self):
        q = Mp.Queue.new()
        other = Mp.Shared.open(q.get_handle())
        self.assertIs(type(other), Mp.Queue)
        other.put((1, 2))
        self.assertEqual(q.get(), (1, 2))


class Pools(TestCase):
    """Functions that are registered by name run in workers made with and without the package."""

    PROGRAM = HEAD + '''
if sys.argv[1] == 'with':
    import mproc.pool
def twice(argument, *_):
    return GLib.Variant('x', 2 * argument.unpack())
def bad(argument, *_):
    raise GLib.Error('no', 'my-domain', 7)
Mp.function_register('twice', twice)
Mp.function_register('bad', bad)
pool = Mp.Pool.new(2)
print(pool.submit_named('twice', 21).get(10))
for name in 'unknown', 'bad':
    try:
        pool.submit_named(name).get(10)
    except Exception as error:
        print(type(error).__name__, getattr(error, 'code', ''))
r = pool.submit_named('twice', 1)
print(r.wait(10), r.outcome())
pool.close()
print(pool.join(10))
'''

    def test_named_functions(self):
        for package in 'with', 'without':
            with self.subTest(package=package):
                status, out, errors = run(self.PROGRAM, package)
                self.assertEqual((status, errors), (0, ''))
                self.assertEqual(out, '42\nNoSuchFunctionError \nError 7\nTrue (True, 2)\nTrue\n')


if __name__ == '__main__':
    unittest.main()
