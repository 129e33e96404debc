# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""The table of values, for each of the 16 pairs of a writer's and a reader's language.

A pair is three processes in a row, each in a program of its own: the writer puts every value into a
queue, the reader takes it and puts it into a second queue, and a second reader in the writer's
language shows what has come back. What all print is compared with cases.toml, which explains
itself, and its second part cases-own.toml. So a loss that the table tells of must be one, and no
other may happen."""

import hashlib
import importlib.util
import os
import re
import shutil
import sys
import tempfile
import tomllib
import unittest
from pathlib import Path

import mproc

from gi.repository import GLib, Mp

HERE = Path(__file__).parent
BUILD = Path(os.environ['MPROC_BUILD_ROOT']) / 'tests'
SECONDS = 80 * float(os.environ.get('MPROC_TEST_SLOWNESS', 1))
LONGEST = 2000

PROGRAMS = {
    'C': [str(BUILD / 'values-c')],
    'Vala': [str(BUILD / 'values-vala')],
    'Python': [sys.executable, str(HERE / 'values.py')],
    'GJS': ['gjs', '-m', str(HERE / 'values.js')],
}
# C and Vala have the same values.
FAMILY = {'C': 'c', 'Vala': 'c', 'Python': 'python', 'GJS': 'js'}
FAMILIES = {'c', 'python', 'js'}
FIELDS = FAMILIES | {'loss', 'needs', 'wrote', 'refused'}

REPEATED = re.compile('«(.*?)\\*([0-9]+)»')
COUNTED = re.compile('‹(.*?)#([0-9]+)›')


def expand(text):
    """«x*3» is xxx, and ‹#, #3› is 0, 1, 2; what is too long to be printed is a checksum."""
    text = REPEATED.sub(lambda match: match[1] * int(match[2]), text)
    text = COUNTED.sub(counted, text)
    data = text.encode()
    if len(data) > LONGEST:
        return f'{len(data)} bytes {hashlib.sha256(data).hexdigest()}'
    return text


def counted(match):
    form, separator = match[1].split('|')
    return separator.join(form.replace('#', str(i)) for i in range(int(match[2])))


def load():
    """The table: name → writer's family → what is expected there."""
    table = {}
    rows = {}
    for part in sorted(HERE.glob('cases*.toml')):
        rows |= tomllib.loads(part.read_text(encoding='utf-8'))
    for name, row in rows.items():
        if 'needs' in row and importlib.util.find_spec(row['needs']) is None:
            continue
        exceptions = row.pop('from', {})
        for family in row.pop('writers', sorted(FAMILIES)):
            special = exceptions.pop(family, {})
            merged = {**row, **special}
            merged.setdefault('loss', {})
            if unknown := set(merged) - FIELDS:
                raise ValueError(f'{name}: what is {unknown}?')
            table.setdefault(family, {})[name] = merged
        if exceptions:
            raise ValueError(f'{name} is not written by {set(exceptions)}')
    return table


TABLE = load()


def matches(text, expected):
    """An error is expected by its code and some words of its message."""
    if text is None or not expected.startswith('error '):
        return text == expand(expected)
    _, code, words = [*expected.split(' ', 2), ''][:3]
    return text.startswith(f'error {code} ') and words in text


class Program:
    """One of the three; what it printed is (what, name of the case) → text."""

    def __init__(self, folder, language, what, *shared):
        self.out = Path(folder) / f'{what}-{language}'
        words = [*PROGRAMS[language], what, *(each.get_handle() for each in shared)]
        self.process = Mp.Process.new_command(
            None, ['sh', '-c', 'out=$1; shift; exec "$@" >"$out"', 'sh', str(self.out), *words])
        self.process.start()

    def end(self, seconds):
        """Its exit code, once it has ended."""
        self.process.join(seconds)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        return self.process.get_exit_code()

    def said(self):
        said = {}
        for line in self.out.read_text(encoding='utf-8').splitlines():
            what, name, text = line.split('\t', 2)
            if (what, name) in said:
                raise AssertionError(f'{name} was {what} twice')
            said[what, name] = text
        return said


class Pairs(unittest.TestCase):
    """A test for each pair is added below."""

    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.manager = Mp.Manager.new()
        cls.list = cls.manager.create_list(GLib.Variant('ax', [7]))

    def run_three(self, writer, reader):
        there, back = mproc.Queue(), mproc.Queue()
        with tempfile.TemporaryDirectory() as folder:
            programs = [Program(folder, writer, 'write', there, self.list),
                        Program(folder, reader, 'pass', there, back),
                        Program(folder, writer, 'read', back)]
            codes = []
            for program in programs:        # without one, the others would wait for ever
                codes.append(program.end(0 if any(codes) else SECONDS))
            self.assertEqual(codes, [0, 0, 0], f'{writer} → {reader} → {writer}')
            return [program.said() for program in programs]

    def check_pair(self, writer, reader):
        """Of every case: what was written, what was read, what came back."""
        wrote, passed, came_back = self.run_three(writer, reader)
        rows = TABLE[FAMILY[writer]]
        self.assertEqual({name for what, name in wrote if what == 'wrote'}, set(rows),
                         'the cases of the writer, and those of the table')
        for name, row in rows.items():
            with self.subTest(case=name):
                self.check(row, FAMILY[writer], FAMILY[reader],
                           wrote['wrote', name], wrote.get(('refused', name)),
                           passed.get(('read', name)),
                           passed.get(('refused', name)) or came_back.get(('read', name)))

    def check(self, row, writer, reader, written, refused, read, back):
        if 'refused' in row:
            self.assertTrue(matches(refused, row['refused']), refused)
            self.assertIsNone(read)
            return

        loss = row['loss'].get(reader)
        self.assertIsNone(refused)
        self.assertEqual(written, expand(row.get('wrote', row[writer])), 'as its writer prints it')
        self.assertTrue(matches(read, row[reader]), f'{read}\n instead of {row[reader]}')
        if row[reader].startswith('error '):
            self.assertIsNone(loss, 'an error is no loss')
            self.assertIsNone(back)
        elif loss is None:
            self.assertEqual(back, written, 'something was lost on the way there and back')
        else:
            self.assertNotEqual(back, written, f'where is the loss: {loss}?')


def add_tests():
    for writer in PROGRAMS:
        for reader in PROGRAMS:
            def test(self, writer=writer, reader=reader):
                missing = [language for language in (writer, reader)
                           if language == 'Vala' and not Path(PROGRAMS['Vala'][0]).exists()
                           or language == 'GJS' and shutil.which('gjs') is None]
                if missing:
                    self.skipTest(f'{missing[0]} is not there')
                self.check_pair(writer, reader)
            setattr(Pairs, f'test_{writer}_to_{reader}'.lower(), test)


add_tests()

if __name__ == '__main__':
    unittest.main()
