# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""mp-checksum in four languages against `find | xargs -P sha256sum`, and against one worker.

    meson test -C build --benchmark -v bench_checksum

It makes a folder of some 5,000 files between 1 KiB and 1 MiB, reads it once, so that the disk has
no part in it, and takes the best of a few runs of each. More than 1.0 in a column is faster than
what the column compares with.
"""

import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

FILES = int(os.environ.get('MPROC_BENCH_FILES', 5000))
ROUNDS = int(os.environ.get('MPROC_BENCH_ROUNDS', 3))

SOURCE = Path(os.environ['MPROC_SOURCE_ROOT']) / 'examples'
BUILD = Path(os.environ['MPROC_BUILD_ROOT']) / 'examples'
LANGUAGES = {
    'C': [BUILD / 'c-checksum'],
    'Python': [sys.executable, SOURCE / 'checksum.py'],
    'JavaScript': ['gjs', '-m', SOURCE / 'checksum.js'],
    'Vala': [BUILD / 'vala-checksum'],
}


def fill(folder):
    chance = random.Random(1)
    block = chance.randbytes(1 << 20)
    total = 0
    for number in range(FILES):
        place = folder / f'{number % 50:02}'
        place.mkdir(exist_ok=True)
        size = int(1024 * 2 ** chance.uniform(0, 10))
        (place / f'{number:05}').write_bytes(block[:size])
        total += size
    return total


def measure(command):
    """The best time of a few runs, and what the last one printed, in order."""
    best = float('inf')
    for _ in range(ROUNDS):
        before = time.monotonic()
        result = subprocess.run([str(word) for word in command], check=True, text=True,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        best = min(best, time.monotonic() - before)
    return best, sorted(result.stdout.splitlines())


def main():
    cpus = len(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        total = fill(folder)
        print(f'{FILES} files, {total / 2 ** 20:.0f} MiB, {cpus} CPUs, best of {ROUNDS}')

        find = f'find {name} -type f -print0 | xargs -0 -P{cpus} -n64 sha256sum'
        reference, expected = measure(['sh', '-c', find])
        print(f'{"xargs -P" + str(cpus):12}{reference:7.3f} s')
        print(f'{"":12}{"time":>9}{"one worker":>12}{"× xargs":>10}{"× one":>8}')

        for language, command in LANGUAGES.items():
            many, printed = measure([*command, '-j', cpus, name])
            if printed != expected:
                raise SystemExit(f'{language} prints something else than sha256sum')
            one, _ = measure([*command, '-j', 1, name])
            print(f'{language:12}{many:7.3f} s{one:10.3f} s'
                  f'{reference / many:10.2f}{one / many:8.2f}', flush=True)


if __name__ == '__main__':
    main()
