# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""The tree: every file has its row in a table, its licence, a bearable length and clean text."""

import re
import unittest

import shape

LINES = 700
FUNCTION_LINES = 60
COLUMNS = 100
CODE = ['*.c', '*.h', '*.py', '*.js', '*.vala', '*.sh', 'meson.build', 'meson_options.txt',
        '*.in', '*.metadata', '.editorconfig', '.clang-format', '.gitignore']


class Tables(unittest.TestCase):
    """A file that no table names is not built, not installed or not run, and nobody notices."""

    def check(self, meson_file, rows, folder, *patterns, recursive=False):
        on_disk = {path.relative_to(shape.ROOT / folder).as_posix()
                   for path in shape.files(folder, *patterns)
                   if recursive or path.parent == shape.ROOT / folder}
        self.assertEqual(sorted(rows), sorted(on_disk), f'{meson_file} against {folder}')
        self.assertEqual(len(rows), len(set(rows)), f'{meson_file} names a file twice')

    def test_library(self):
        parts = shape.table('mproc/meson.build', 'mp-manager-server')
        parts += shape.table('mproc/meson.build', 'mp-keeper')
        parts += shape.table('mproc/meson.build', 'mp-worker')
        for floor in shape.FLOORS:
            rows = shape.table('mproc/meson.build', floor)
            rows += [p.split('/')[1] for p in parts if p.startswith(floor + '/')]
            with self.subTest(floor=floor):
                self.check('mproc/meson.build', rows, f'mproc/{floor}', '*.c', '*.h')

    def test_python_layer(self):
        for folder in ('gi/overrides', 'mproc'):
            with self.subTest(folder=folder):
                self.check('introspection/meson.build',
                           shape.table('introspection/meson.build', folder),
                           f'introspection/python/{folder}', '*.py', recursive=True)

    def test_python_layer_leaves_gi_alone(self):
        for folder in ('gi', 'gi/overrides'):
            path = shape.ROOT / 'introspection/python' / folder / '__init__.py'
            self.assertFalse(path.exists(), 'it would hide the real gi')

    def test_gjs_layer(self):
        self.check('introspection/meson.build',
                   shape.table('introspection/meson.build', 'gjs_overrides'),
                   'introspection/gjs/overrides', '*.js')
        self.check('introspection/meson.build',
                   shape.table('introspection/meson.build', 'gjs_programs'),
                   'introspection/gjs', '*.js')

    def test_tests(self):
        for name, folder, pattern in [('python_tests', 'python', 'test_*.py'),
                                      ('gjs_tests', 'gjs', 'test*.js'),
                                      ('vala_tests', 'vala', 'test-*.vala'),
                                      ('c_tests', 'c', 'test-*.c'),
                                      ('values_tests', 'values', 'test_*.py'),
                                      ('fuzz_targets', 'fuzz', 'fuzz-*.c'),
                                      ('bench_programs', 'bench', 'bench_*.py'),
                                      ('example_tests', 'examples', 'test_*.py')]:
            with self.subTest(table=name):
                self.check('tests/meson.build', shape.table('tests/meson.build', name),
                           f'tests/{folder}', pattern)

    def test_examples(self):
        rows = shape.table('examples/meson.build', 'c_examples')
        rows += shape.table('examples/meson.build', 'vala_examples')
        rows += shape.table('examples/meson.build', 'script_examples')
        self.check('examples/meson.build', rows, 'examples', '*.c', '*.vala', '*.py', '*.js')

    def test_guides(self):
        self.check('doc/meson.build', shape.table('doc/meson.build', 'guides'), 'doc', '*.md')


class Text(unittest.TestCase):
    def each(self, *patterns):
        for path in shape.all_files(*patterns):
            yield path, shape.read(path)

    def test_licence(self):
        for path, text in self.each(*CODE):
            head = '\n'.join(text.splitlines()[:5])
            with self.subTest(file=shape.relative(path)):
                self.assertRegex(head, r'SPDX-FileCopyrightText: \d{4} The mproc authors')
                self.assertIn('SPDX-License-Identifier: BSD-3-Clause', head)

    def test_length_of_files(self):
        for path, text in self.each(*CODE):
            with self.subTest(file=shape.relative(path)):
                self.assertLessEqual(text.count('\n'), LINES)

    def test_whitespace(self):
        for path, text in self.each(*CODE, '*.md'):
            with self.subTest(file=shape.relative(path)):
                self.assertTrue(text.endswith('\n') and not text.endswith('\n\n'),
                                'ends with one newline')
                self.assertIsNone(re.search(r'[ \t]+$', text, re.MULTILINE), 'trailing blanks')
                self.assertNotIn('\t', text)

    def test_width(self):
        for path, text in self.each('*.c', '*.h', '*.vala', '*.py', '*.js'):
            wide = [n for n, line in enumerate(text.splitlines(), 1) if len(line) > COLUMNS]
            with self.subTest(file=shape.relative(path)):
                self.assertEqual(wide, [], f'lines of more than {COLUMNS} columns')

    def test_nothing_left_for_later(self):
        marks = re.compile(r'\b(?:TO' r'DO|FIX' r'ME|XX' r'X)\b')
        for path, text in self.each(*CODE, '*.md'):
            with self.subTest(file=shape.relative(path)):
                self.assertIsNone(marks.search(text))

    def test_length_of_functions(self):
        for path, text in self.each('*.c'):
            start = None
            for number, line in enumerate(text.splitlines(), 1):
                if line == '{':
                    start = number
                elif line == '}' and start is not None:
                    with self.subTest(file=shape.relative(path), line=start):
                        self.assertLessEqual(number - start - 1, FUNCTION_LINES)
                    start = None


if __name__ == '__main__':
    unittest.main()
