# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""Which function a name means in a worker that has loaded several modules that know it: in workers
of each language, by the same table."""

import os
import sys
import tempfile
import unittest
from pathlib import Path

import mproc
import support

FILES = {
    'first.py': """
import mproc
for name in 'both', 'work', 'only':
    mproc.function(name)(lambda x: 'first')
""",
    'second.py': """
import mproc
def work(x):
    return 'second'
mproc.function('both')(lambda x: 'second')
""",
    'first.js': """
for (const name of ['both', 'work', 'only'])
    imports.gi.Mp.register(name, () => 'first');
""",
    'second.js': """
export function work() { return 'second'; }
imports.gi.Mp.register('both', () => 'second');
""",
    'colorsys.py': """
import textwrap2
def where(x):
    return 'here' + textwrap2.NEAR
""",
    'textwrap2.py': "NEAR = ' and near'\n",
}

# Module, function, and whose it is.
CASES = [
    ('first', 'both', 'first'),
    ('second', 'both', 'second'),
    ('first', 'work', 'first'),
    ('second', 'work', 'second'),   # exported: the first's, which is registered, is no better
    ('second', 'only', 'first'),    # nobody else has it
    ('first', 'both', 'first'),
    ('first', 'work', 'first'),
]


def standard_module(_):
    import colorsys
    return colorsys.__file__


class FunctionNames(support.TestCase):
    def setUp(self):
        super().setUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        for name, text in FILES.items():
            (self.folder / name).write_text(text)
        built = f'{os.environ["MPROC_BUILD_ROOT"]}/tests/lib%s-functions-of-test.so:%s'
        self.forms = {
            'python': f'{self.folder}/%s.py:%s',
            'gjs': f'file://{self.folder}/%s.js#%s',
            'native': built,
        }

    def check(self, cases):
        for language, form in self.forms.items():
            with self.subTest(language=language), mproc.Pool(1, language=language) as pool:
                for module, function, expected in cases:
                    answer = pool.apply(form % (module, function), (1,))
                    self.assertEqual((module, function, answer), (module, function, expected))
                for missing in ('first', 'nothing'), ('second', 'nothing'), ('third', 'both'):
                    with self.assertRaises(mproc.NoSuchFunctionError):
                        pool.apply(form % missing, (1,))

    def test_forwards(self):
        self.check([('first', 'only', 'first'), *CASES])

    def test_backwards(self):
        self.check([('first', 'only', 'first'), *reversed(CASES)])

    def test_modules_that_are_missing(self):
        """That is told alike in all languages; what a module lacks is its own error."""
        (self.folder / 'lacking.py').write_text('import no_module_at_all\n')
        with mproc.Pool(1) as pool:
            for name in 'no_module_at_all:f', 'mproc.no_module_at_all:f', 'mproc.nothing.more:f':
                with self.assertRaisesRegex(mproc.NoSuchFunctionError, 'No module named'):
                    pool.apply(name, (1,))
            with self.assertRaises(ModuleNotFoundError):
                pool.apply(f'{self.folder}/lacking.py:f', (1,))

    def test_files_with_names_of_other_modules(self):
        """The file is found, and so is what lies beside it; nobody else gets it instead."""
        with mproc.Pool(1) as pool:
            self.assertEqual(pool.apply(f'{self.folder}/colorsys.py:where', (1,)),
                             'here and near')
            self.assertNotIn(str(self.folder), pool.apply(standard_module, (1,)))

    def test_files_whose_names_are_free(self):
        """They can be imported by their names, as what a task returns is then."""
        (self.folder / 'free_name.py').write_text('class Thing: pass\ndef make(x): return Thing\n')

        def module_of(name):
            return pool.apply(name, (1,)).__module__
        with mproc.Pool(1) as pool:
            sys.path.append(str(self.folder))
            self.addCleanup(sys.path.remove, str(self.folder))
            self.assertEqual(module_of(f'{self.folder}/free_name.py:make'), 'free_name')


if __name__ == '__main__':
    unittest.main()
