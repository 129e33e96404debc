# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""How to run the example programs of each language. The environment is the caller's: that of the
tests, which is the one of `meson devenv`, or of an installation."""

import os
import subprocess
import sys
import time
from pathlib import Path

SOURCE = Path(os.environ['MPROC_SOURCE_ROOT']) / 'examples'
BUILD = Path(os.environ['MPROC_BUILD_ROOT']) / 'examples'
SLOWNESS = float(os.environ.get('MPROC_TEST_SLOWNESS', 1))
LIMIT = 40 * SLOWNESS


def command(language, stem):
    """The words of the command that runs examples/STEM in a language; None if it was not built."""
    path = {
        'C': BUILD / f'c-{stem}',
        'Vala': BUILD / f'vala-{stem}',
        'Python': SOURCE / f'{stem}.py',
        'JavaScript': SOURCE / f'{stem}.js',
    }[language]
    if language == 'Vala' and not path.exists():
        return None
    interpreter = {'Python': [sys.executable], 'JavaScript': ['gjs', '-m']}.get(language, [])
    return [*interpreter, str(path)]


def run(words, **options):
    """Runs a command with a time limit: (exit status, stdout, stderr), as bytes."""
    options.setdefault('stdin', subprocess.DEVNULL)
    result = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=LIMIT,
                            **options)
    return result.returncode, result.stdout, result.stderr


def wait_until(condition, seconds=10):
    """Whether condition() becomes true in time."""
    end = time.monotonic() + seconds * SLOWNESS
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.005)
    return True


def processes_of(group):
    """The living processes of a process group."""
    found = []
    for name in filter(str.isdigit, os.listdir('/proc')):
        try:
            status = Path(f'/proc/{name}/stat').read_text(encoding='ascii', errors='replace')
        except OSError:
            continue
        state, _, its_group = status.rpartition(')')[2].split()[:3]
        if int(its_group) == group and state not in 'ZX':
            found.append(int(name))
    return found
