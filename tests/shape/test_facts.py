# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""What is said in two places is the same in both: README, NEWS, style files, meson.build."""

import re
import unittest
import xml.etree.ElementTree as ElementTree

import shape

CORE = '{http://www.gtk.org/introspection/core/1.0}'
C = '{http://www.gtk.org/introspection/c/1.0}'


def fact(pattern):
    return re.search(pattern, shape.read(shape.ROOT / 'meson.build'))[1]


class Facts(unittest.TestCase):
    def setUp(self):
        self.readme = shape.read(shape.ROOT / 'README.md')

    def test_versions_in_the_readme(self):
        glib = fact(r"glib_floor = '([\d.]+)'")
        meson = fact(r"meson_version: '>= (\d+\.\d+)")
        self.assertEqual(set(re.findall(r'GLib (\d+\.\d+)', self.readme)), {glib})
        self.assertEqual(set(re.findall(r'Meson (\d+\.\d+)', self.readme)), {meson})

    def test_commands_in_the_readme_exist(self):
        commands = re.findall(r'\bsh (\S+/\S+\.sh)', self.readme)
        self.assertEqual(sorted(set(commands)), ['examples/run.sh', 'tests/run.sh'])
        for command in commands:
            self.assertTrue((shape.ROOT / command).is_file(), command)

    def test_links_in_the_documents_lead_somewhere(self):
        documents = list(shape.ROOT.glob('*.md')) + shape.files('doc', '*.md')
        for path in documents:
            for target in re.findall(r'\]\(([^)#:]+)(?:#[^)]*)?\)', shape.read(path)):
                with self.subTest(document=shape.relative(path), link=target):
                    generated = target.endswith('.html') and path.parent.name == 'doc'
                    self.assertTrue(generated or (path.parent / target).exists())

    def test_readme_names_every_class(self):
        gir = ElementTree.parse(shape.BUILD / 'introspection/Mp-1.gir').getroot()
        for element in gir.iter(CORE + 'class'):
            with self.subTest(type=element.get(C + 'type')):
                self.assertIn(element.get(C + 'type'), self.readme)

    def test_news_begins_with_this_version(self):
        news = shape.read(shape.ROOT / 'NEWS.md')
        first = re.search(r'^## (\d+\.\d+\.\d+)', news, re.MULTILINE)[1]
        self.assertEqual(first, fact(r"  version: '([\d.]+)'"))

    def test_licence_is_what_meson_says(self):
        self.assertEqual(fact(r"license: '([^']+)'"), 'BSD-3-Clause')
        licence = shape.read(shape.ROOT / 'LICENSE')
        for words in ('Redistributions of source code must retain',
                      'Redistributions in binary form must reproduce', 'Neither the name'):
            self.assertIn(words, licence)

    def test_options_are_explained(self):
        text = shape.read(shape.ROOT / 'CONTRIBUTING.md')
        options = re.findall(r"^option\('(\w+)'", shape.read(shape.ROOT / 'meson_options.txt'),
                             re.MULTILINE)
        for option in options:
            with self.subTest(option=option):
                self.assertIn(f'`{option}`', text)

    def test_style_files_agree(self):
        editor = shape.read(shape.ROOT / '.editorconfig')
        clang = shape.read(shape.ROOT / '.clang-format')
        for in_editor, in_clang in [(r'max_line_length = (\d+)', r'ColumnLimit: (\d+)'),
                                    (r'indent_size = (\d+)', r'IndentWidth: (\d+)')]:
            self.assertEqual(re.search(in_editor, editor)[1], re.search(in_clang, clang)[1])


if __name__ == '__main__':
    unittest.main()
