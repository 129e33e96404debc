# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""The small programs of examples/, in every language: what they print, and that they end."""

import ast
import unittest

from programs import command, run


class Examples:
    """The cases; a class below for each language."""

    language = None
    queue = 'queue'
    proxy = r'^a proxy of type MpListProxy, for 10 items in process \d+$'

    def lines(self, stem):
        """What a program prints, if it ends well and says nothing on stderr."""
        words = command(self.language, stem)
        if words is None:
            self.skipTest('was not built')
        status, out, err = run(words)
        self.assertEqual((status, err), (0, b''))
        return out.decode().splitlines()

    def assertNumbers(self, lines, expected):
        self.assertEqual([ast.literal_eval(line) for line in lines], [list(expected)])

    def test_queue(self):
        self.assertEqual(self.lines(self.queue), ['hello world'])

    def test_connection(self):
        self.assertEqual(self.lines('connection'), ['1', '4', '9'])

    def test_pool(self):
        self.assertNumbers(self.lines('pool'), (x * x for x in range(10)))

    def test_lambda(self):
        self.assertNumbers(self.lines('lambda'), (x ** 2 + x for x in range(10)))

    def test_manager(self):
        lines = self.lines('manager')
        self.assertNumbers(lines[:1], reversed(range(10)))
        self.assertEqual(len(lines), 2 if self.proxy else 1)
        if self.proxy:
            self.assertRegex(lines[1], self.proxy)

    def test_condition(self):
        self.assertEqual(self.lines('condition'), [
            '<Condition(<RLock(None, 0)>, 0)>',
            '<Condition(<RLock(MainProcess, 1)>, 0)>'])


class C(Examples, unittest.TestCase):
    language = 'C'


class Vala(Examples, unittest.TestCase):
    language = 'Vala'


class Python(Examples, unittest.TestCase):
    language = 'Python'
    queue = 'hello'
    proxy = r"^<ListProxy object, typeid 'list' at 0x[0-9a-f]+>$"

    def test_array(self):
        lines = self.lines('array')
        self.assertNumbers(lines[:1], (i * i for i in range(10)))
        self.assertEqual(lines[1:], ['10'])

    def test_three_languages(self):
        status, out, err = run(command('Python', 'three-languages') +
                               command('C', 'three-languages'))
        self.assertEqual((status, err), (0, b''))
        self.assertEqual(out.decode().splitlines(), [
            'apples: 3.50', 'bread: 6.50', 'cheese: 41.00', 'dates 🌴: 0.00', 'eggs: 6.00',
            'figs: 5.00', '3 answers from C', '3 answers from JavaScript'])


class JavaScript(Examples, unittest.TestCase):
    language = 'JavaScript'
    proxy = None

    def test_shared_numpy(self):
        self.assertEqual(self.lines('shared-numpy'), ['0 1 2 3 4 5 6 7', '6 22'])


if __name__ == '__main__':
    unittest.main()
