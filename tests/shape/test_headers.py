# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""The headers: what is public, what may see what, and that users get in by one door."""

import re
import subprocess
import unittest

import shape

GUARD = ('#if !defined(MP_INSIDE) && !defined(MP_COMPILATION)\n'
         '#error "Only <mproc/mproc.h> can be included directly."\n'
         '#endif\n')
GENERATED = {'mproc/mp-version.h', 'mproc/mp-enum-types.h'}


def floor_of(name):
    parts = name.split('/')
    return parts[1] if len(parts) == 3 and parts[0] == 'mproc' else None


class Headers(unittest.TestCase):
    def test_umbrella_lists_every_public_header(self):
        listed = shape.includes(shape.ROOT / 'mproc/mproc.h')
        public = {shape.relative(path) for path in shape.public_headers()} | GENERATED
        self.assertEqual(sorted(listed), sorted(public))

    def test_guards(self):
        templates = [shape.ROOT / 'mproc/mp-version.h.in', shape.ROOT / 'mproc/mp-enum-types.h.in']
        for path in shape.public_headers() + templates:
            with self.subTest(header=shape.relative(path)):
                self.assertIn(f'#pragma once\n\n{GUARD}', shape.read(path))

    def test_private_headers_have_no_guard_but_once(self):
        for path in shape.files('mproc', '*-private.h'):
            with self.subTest(header=shape.relative(path)):
                self.assertIn('#pragma once\n', shape.read(path))
                self.assertNotIn('MP_AVAILABLE_IN', shape.read(path))

    def test_public_headers_include_nothing_private(self):
        for path in shape.public_headers():
            for name in shape.includes(path):
                with self.subTest(header=shape.relative(path), include=name):
                    self.assertFalse(name.endswith('-private.h') or name == 'config.h')

    def test_floors_look_down(self):
        for path in shape.c_files():
            own = floor_of(shape.relative(path))
            if own is None:
                continue
            for name in shape.includes(path):
                other = floor_of(name)
                with self.subTest(file=shape.relative(path), include=name):
                    self.assertNotEqual(name, 'mproc/mproc.h', 'the umbrella shows all floors')
                    if other is not None:
                        self.assertLessEqual(shape.FLOORS.index(other), shape.FLOORS.index(own))

    def test_sources_begin_with_config_and_their_own_header(self):
        for path in shape.files('mproc', '*.c'):
            names = shape.includes(path)
            with self.subTest(file=shape.relative(path)):
                self.assertEqual(names[:1], ['config.h'])
                own = [shape.relative(path)[:-2] + end for end in ('.h', '-private.h')]
                own = [name for name in own if (shape.ROOT / name).exists()]
                if own:
                    self.assertIn(names[1], own)

    def test_includes_are_found_from_the_top(self):
        known = {shape.relative(path) for path in shape.files('mproc', '*.h')} | GENERATED
        for path in shape.c_files():
            quoted = re.findall(r'^#include "([^"]+)"', shape.read(path), re.MULTILINE)
            for name in quoted:
                with self.subTest(file=shape.relative(path), include=name):
                    self.assertIn(name, known | {'config.h'})

    def test_every_prototype_says_since_when(self):
        for path in shape.public_headers():
            text = shape.without_comments(shape.read(path))
            for match in re.finditer(r'^[A-Za-z][\w *]*?\b(mp_\w+) +\((?!\*)', text, re.MULTILINE):
                before = text[:match.start()].rstrip().splitlines()[-1]
                with self.subTest(function=match[1]):
                    self.assertRegex(before, r'^MP_AVAILABLE_IN_\d+_\d+$')
            for match in re.finditer(r'^G_DECLARE_\w+_TYPE \((\w+)', text, re.MULTILINE):
                before = text[:match.start()].rstrip().splitlines()[-1]
                with self.subTest(type=match[1]):
                    self.assertRegex(before, r'^MP_AVAILABLE_IN_\d+_\d+$')


class Doors(unittest.TestCase):
    """Tried with the compiler itself."""

    def compile(self, text):
        flags = subprocess.run(['pkg-config', '--cflags', 'gio-2.0'], check=True, text=True,
                               stdout=subprocess.PIPE).stdout.split()
        command = ['cc', '-x', 'c', '-fsyntax-only', '-Wall', '-Werror', '-Wstrict-prototypes',
                   f'-I{shape.ROOT}', f'-I{shape.BUILD}', *flags, '-']
        return subprocess.run(command, input=text, text=True, check=False,
                              stderr=subprocess.PIPE)

    def test_umbrella_compiles_alone(self):
        result = self.compile('#include <mproc/mproc.h>\nint x;\n')
        self.assertEqual(result.returncode, 0, result.stderr)

    def test_others_send_to_the_umbrella(self):
        for path in shape.public_headers():
            result = self.compile(f'#include <{shape.relative(path)}>\n')
            with self.subTest(header=shape.relative(path)):
                self.assertIn('Only <mproc/mproc.h>', result.stderr)

    def test_old_users_are_told_what_is_newer(self):
        result = self.compile('#include <glib.h>\n'
                              '#define MP_VERSION_MAX_ALLOWED 0\n'
                              '#include <mproc/mproc.h>\n'
                              'GQuark f (void);\n'
                              'GQuark f (void) { return mp_error_quark (); }\n')
        self.assertIn('Not available before 0.1', result.stderr)


if __name__ == '__main__':
    unittest.main()
