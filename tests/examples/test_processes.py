# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""The longer example programs about processes: what they print, and that they end."""

import unittest

from programs import command, run

WORK = sorted([f'multiply({i}, 7) = {i * 7}' for i in range(10)] +
              [f'add({i}, 8) = {i + 8}' for i in range(5)])


class Programs(unittest.TestCase):
    def lines(self, language, stem, *arguments):
        """What a program prints, if it ends well and says nothing on stderr."""
        status, out, errors = run([*command(language, stem), *arguments])
        self.assertEqual((status, errors), (0, b''))
        return out.decode().splitlines()

    def test_workers(self):
        self.assertEqual(self.lines('Python', 'workers'), [*WORK, 'all by workers: True'])
        self.assertEqual(self.lines('C', 'workers'), WORK)
        self.assertEqual(self.lines('JavaScript', 'workers'),
                         [*WORK, 'Worker 0 ended with 0', 'Worker 1 ended with 0'])

    def test_synchronize(self):
        self.assertEqual(self.lines('Python', 'synchronize'), [
            'value: 5000', 'array: [0.0, 1.0, 4.0, 9.0, 16.0]', 'rlock: True',
            'semaphore: never more than three inside: True', 'condition: True',
            'event: nobody through: True', 'event: through: True', 'barrier: True',
            'joinable queue: all done: True'])

        self.assertEqual(self.lines('C', 'synchronize'), [
            'value: 5000', 'array: 0 1 4 9 16', 'rlock: yes',
            'semaphore: never more than three inside: yes', 'condition: 20 turns',
            'event: nobody through: yes', 'event: through', 'barrier: yes',
            'joinable queue: all done: yes'])
        self.assertEqual(self.lines('JavaScript', 'synchronize'), [
            'value: 3000', 'rlock: in out in out in out',
            'semaphore: never more than two inside: true', 'condition: 20 turns',
            'event: nobody through: true', 'event: through',
            'barrier: come come come gone gone gone', 'joinable queue: all done: true'])

    def test_newtype(self):
        self.assertEqual(self.lines('Python', 'newtype'), [
            'balance: 310', 'error: -5 is no deposit', 'private methods: False', 'audit: Bob has 7',
            'only what is exposed: True', 'squares: [0, 1, 4, 9, 16, 25, 36, 49]',
            'operator: 68 19807040628566084398385987584'])
        self.assertEqual(self.lines('JavaScript', 'newtype'), [
            'audit: Ada has 310', 'error: RangeError: -5 is no deposit',
            'error: TypeError: there is no method _balance',
            'history: deposit 1, deposit 2, deposit 3', 'exit code: -15'])

    def test_webserver(self):
        self.assertEqual(self.lines('Python', 'webserver', '--test'), [
            '4 servers, 20 requests answered: True', 'exit codes: {-15}'])

        self.assertEqual(self.lines('C', 'webserver', '--test'), [
            '4 servers, 20 requests answered: yes', *['exit code: -15'] * 4])
        self.assertEqual(self.lines('JavaScript', 'webserver', '--test'), [
            '4 servers, 20 requests answered: true', *['exit code: -15'] * 4])

    def test_benchmarks(self):
        for language, arrays in {
                'Python': ['list of Python', 'unsynchronized array', 'synchronized array'],
                'C': ['array in place', 'array'],
                'JavaScript': ['typed array', 'shared array']}.items():
            lines = self.lines(language, 'benchmarks', '--quick')
            self.assertEqual([line.split(':')[0] for line in lines],
                             [*arrays, 'lock', 'rlock', 'queue', 'pipe', 'condition'])
            for line in lines:
                self.assertRegex(line, r': \d+ in [\d.]+ s, [1-9]\d* per second$')

    def test_pool_calls(self):
        cubes = [x ** 3 for x in range(8)]
        self.assertEqual(self.lines('Python', 'pool-calls'), [
            *[f'multiply({i}, 7) = {i * 7}' for i in range(4)], f'in order: {cubes}',
            f'in any order: {cubes}', 'starmap: [2, 12]', 'apply: division by zero',
            'map: division by zero', 'imap: division by zero', 'imap, one by one: 9 of 10',
            'not ready at first: True', 'callbacks: [56, 0, 1, 8, 27]'])


if __name__ == '__main__':
    unittest.main()
