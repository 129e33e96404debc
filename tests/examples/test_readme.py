# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""The README's ten lines in four languages do what it says they do."""

import os
import re
import shlex
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from programs import LIMIT

README = Path(os.environ['MPROC_SOURCE_ROOT']) / 'README.md'
BUILD = Path(os.environ['MPROC_BUILD_ROOT'])
ENVIRONMENT = {**os.environ, 'PKG_CONFIG_PATH': str(BUILD / 'meson-uninstalled')}
SQUARES = [x * x for x in range(10)]


class TenLines(unittest.TestCase):
    def setUp(self):
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))

    def source(self, language, name):
        """The README's first block of code in a language, as a file."""
        code = re.search(f'^```{language}\n(.*?)^```$', README.read_text(encoding='utf-8'),
                         re.DOTALL | re.MULTILINE)
        self.assertIsNotNone(code, f'no block of {language}')
        path = self.folder / name
        path.write_text(code[1], encoding='utf-8')
        return path

    def check(self, *words):
        """The program prints the squares, however its language writes a list."""
        result = subprocess.run([str(word) for word in words], stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, timeout=LIMIT, text=True, check=True)
        printed = re.sub('<(int64 )?|int64 |>', '', result.stdout)
        self.assertEqual([int(n) for n in re.findall('[0-9]+', printed)], SQUARES, result.stdout)

    def test_python(self):
        self.check(sys.executable, self.source('python', 'squares.py'))

    def test_javascript(self):
        self.check('gjs', '-m', self.source('js', 'squares.js'))

    def test_c(self):
        flags = subprocess.check_output(['pkg-config', '--cflags', '--libs', 'mproc-1'],
                                        env=ENVIRONMENT, text=True)
        program = self.folder / 'squares'
        subprocess.run(['cc', '-o', program, self.source('c', 'squares.c'), *shlex.split(flags)],
                       check=True, timeout=LIMIT)
        self.check(program)

    def test_vala(self):
        if not (BUILD / 'examples' / 'vala-pool').exists():
            self.skipTest('Vala was not built')
        program = self.folder / 'squares'
        subprocess.run(['valac', '--pkg', 'mproc-1', '-o', program,
                        self.source('vala', 'squares.vala')], check=True, timeout=LIMIT,
                       env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.check(program)


if __name__ == '__main__':
    unittest.main()
