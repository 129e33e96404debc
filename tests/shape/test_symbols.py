# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""What the library exports and what the typelib offers are exactly what two snapshots say.

Changed on purpose? MPROC_UPDATE_SNAPSHOTS=1 meson test -C build --suite shape
"""

import os
import re
import subprocess
import unittest
import xml.etree.ElementTree as ElementTree

import shape

LIBRARY = shape.BUILD / 'mproc/libmproc-1.so'
TYPELIB = shape.BUILD / 'introspection/Mp-1.typelib'
GIR = shape.BUILD / 'introspection/Mp-1.gir'
UPDATE = bool(os.environ.get('MPROC_UPDATE_SNAPSHOTS'))

CORE = '{http://www.gtk.org/introspection/core/1.0}'
C = '{http://www.gtk.org/introspection/c/1.0}'


def exported():
    lines = subprocess.run(['nm', '-D', '--defined-only', str(LIBRARY)], check=True, text=True,
                           stdout=subprocess.PIPE).stdout.splitlines()
    return sorted(line.split()[2] for line in lines)


def offered():
    """The typelib as g-ir-generate reads it: one line per thing and per parameter."""
    xml = subprocess.run(['g-ir-generate', str(TYPELIB)], check=True, text=True,
                         stdout=subprocess.PIPE).stdout
    lines = []
    namespace = ElementTree.fromstring(xml).find(CORE + 'namespace')
    for thing in namespace:
        describe(thing, '', lines)
    return lines


def type_name(element):
    for child in element:
        if child.tag.endswith('}array'):
            return type_name(child) + '[]'
        if child.tag.endswith('}type'):
            inner = ', '.join(type_name([part]) for part in child if part.tag.endswith('}type'))
            return child.get('name') + (f'<{inner}>' if inner else '')
    return '…'


def signature(element):
    parts = []
    for parameter in element.iterfind(f'{CORE}parameters/{CORE}parameter'):
        words = [parameter.get('direction', ''), parameter.get('transfer-ownership', ''),
                 'nullable' if parameter.get('allow-none') or parameter.get('nullable') else '',
                 type_name(parameter), parameter.get('name')]
        parts.append(' '.join(word for word in words if word and word not in ('in', 'none')))
    result = element.find(CORE + 'return-value')
    text = f'({", ".join(parts)})'
    if result is not None:
        owner = result.get('transfer-ownership', 'none')
        text += f' -> {"" if owner == "none" else owner + " "}{type_name(result)}'
        text += ' or null' if result.get('allow-none') or result.get('nullable') else ''
    return text + (' throws' if element.get('throws') == '1' else '')


def describe(thing, indent, lines):
    kind = thing.tag.rsplit('}', 1)[1]
    if kind in ('class', 'record', 'interface', 'enumeration', 'bitfield', 'union'):
        parent = thing.get('parent')
        lines.append(f'{indent}{kind} {thing.get("name")}' + (f' : {parent}' if parent else ''))
        for child in thing:
            describe(child, indent + '  ', lines)
    elif kind == 'member':
        lines.append(f'{indent}{thing.get("name")} = {thing.get("value")}')
    elif kind == 'constant':
        lines.append(f'{indent}constant {thing.get("name")}')
    elif kind == 'property':
        rights = 'w' if thing.get('writable') == '1' else ''
        rights += 'c' if thing.get('construct-only') == '1' else ''
        lines.append(f'{indent}property {thing.get("name")} r{rights}: {type_name(thing)}')
    elif kind in ('function', 'method', 'constructor', 'virtual-method', 'callback',
                  '{glib}signal', 'signal'):
        lines.append(f'{indent}{kind} {thing.get("name")} {signature(thing)}')


class Snapshots(unittest.TestCase):
    maxDiff = None

    def check(self, name, lines):
        path = shape.ROOT / 'tests/shape' / name
        if UPDATE:
            path.write_text('\n'.join(lines) + '\n', encoding='utf-8')
        self.assertEqual(shape.read(path).splitlines(), lines,
                         f'{name} differs; see the head of test_symbols.py')

    def test_exported_symbols(self):
        self.check('symbols.txt', exported())

    def test_typelib(self):
        self.check('typelib.txt', offered())


class Names(unittest.TestCase):
    def test_symbols_carry_the_name_of_a_concept(self):
        # mp_init, mp_clear and mp_set belong to another well-known library.
        for name in exported():
            with self.subTest(symbol=name):
                self.assertRegex(name, r'^mp_[a-z]+_[a-z0-9_]+$')

    def test_exported_is_what_the_headers_declare(self):
        declared = set()
        paths = shape.public_headers() + [shape.BUILD / 'mproc/mp-enum-types.h']
        for path in paths:
            text = shape.without_comments(shape.read(path))
            declared |= set(re.findall(r'\b(mp_\w+) +\(', text))
            for prefix in re.findall(r'G_DECLARE_\w+_TYPE \(\w+, (\w+)', text):
                declared.add(f'{prefix}_get_type')
        declared = {name for name in declared if not re.fullmatch(r'mp_\w+_t', name)}
        self.assertEqual(sorted(set(exported()) - declared), [], 'exported, declared nowhere')
        missing = {name for name in declared - set(exported()) if self.is_prototype(name, paths)}
        self.assertEqual(sorted(missing), [], 'declared, but not exported')

    def is_prototype(self, name, paths):
        pattern = re.compile(rf'MP_AVAILABLE_IN_\d+_\d+\s+[^;]*?\b{name} +\(')
        return any(pattern.search(shape.without_comments(shape.read(path))) for path in paths)


class Documentation(unittest.TestCase):
    def test_everything_says_since_when(self):
        namespace = ElementTree.parse(GIR).getroot().find(CORE + 'namespace')
        for element in namespace.iter():
            name = element.get(C + 'identifier') or element.get(C + 'type')
            kind = element.tag.rsplit('}', 1)[1]
            if kind not in ('function', 'method', 'constructor', 'class', 'enumeration',
                            'bitfield', 'interface') or name is None:
                continue
            with self.subTest(name=name):
                self.assertIsNotNone(element.get('version'), f'{name} has no "Since:"')

    def test_properties_and_signals_say_since_when(self):
        namespace = ElementTree.parse(GIR).getroot().find(CORE + 'namespace')
        for owner in namespace.iter(CORE + 'class'):
            for element in owner:
                if element.tag.rsplit('}', 1)[1] in ('property', 'signal'):
                    with self.subTest(owner=owner.get('name'), name=element.get('name')):
                        self.assertIsNotNone(element.get('version'))

    def test_one_way_to_say_returns(self):
        for path in shape.c_files():
            with self.subTest(file=shape.relative(path)):
                self.assertNotRegex(shape.read(path), r'\* Return value' r':')


if __name__ == '__main__':
    unittest.main()
