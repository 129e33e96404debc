# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""What the tests of the shape share: where things are, and how the tables of Meson are read."""

import os
import re
from pathlib import Path

ROOT = Path(os.environ.get('MPROC_SOURCE_ROOT') or Path(__file__).resolve().parents[2])
BUILD = Path(os.environ.get('MPROC_BUILD_ROOT') or ROOT / 'build')

FLOORS = ['base', 'memory', 'sync', 'data', 'channel', 'process', 'pool', 'manager']
FOLDERS = ['mproc', 'introspection', 'tests', 'examples', 'doc', '.ci']


def read(path):
    return Path(path).read_text(encoding='utf-8')


def relative(path):
    return str(Path(path).relative_to(ROOT))


def files(folder, *patterns):
    """The files below a folder of the tree, sorted."""
    found = {path for pattern in patterns for path in (ROOT / folder).rglob(pattern)}
    return sorted(path for path in found if '__pycache__' not in path.parts and path.is_file())


def all_files(*patterns):
    """The files of the whole tree, without what is built in it."""
    found = [path for folder in FOLDERS for path in files(folder, *patterns)]
    for pattern in patterns:
        found += [path for path in ROOT.glob(pattern) if path.is_file()]
    return sorted(set(found))


def c_files():
    return files('mproc', '*.c', '*.h')


def public_headers():
    """Those below the floors; not the umbrella, nor what is generated."""
    return [path for floor in FLOORS for path in files(f'mproc/{floor}', '*.h')
            if not path.name.endswith('-private.h')]


def table(meson_file, name):
    """The names in one list of a meson.build: NAME = [ … ] or 'NAME': [ … ]."""
    head = rf"(?:^{re.escape(name)} = |^\s+'{re.escape(name)}': )\[(.*?)\]"
    match = re.search(head, read(ROOT / meson_file), re.DOTALL | re.MULTILINE)
    if match is None:
        raise LookupError(f'{meson_file} has no table {name}')
    return re.findall(r"'([^']+)'", match[1])


def without_comments(text):
    return re.sub(r'/\*.*?\*/', lambda m: '\n' * m[0].count('\n'), text, flags=re.DOTALL)


def includes(path):
    """What a C file includes, in order, with quotes or angles left off."""
    text = without_comments(read(path))
    return re.findall(r'^#\s*include\s+[<"]([^>"]+)[>"]', text, re.MULTILINE)
