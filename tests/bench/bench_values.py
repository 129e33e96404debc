# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""What values cost Python: conversions to GVariants and back beside PyGObject's, and a put and get
beside plain pickling.

    meson test -C build --benchmark -v bench_values

All contenders run in turn, round by round, on one CPU; of each the median round counts. The
conversions run in bench-values, a program in C. A ratio above 1 is how many times the library is
faster, except where the row says "times as long". MPROC_BENCH_ROUNDS sets how many rounds,
MPROC_BENCH_QUICK=1 makes them short.
"""

import os
import pickle
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from gi.repository import GLib

import mproc

QUICK = bool(os.environ.get('MPROC_BENCH_QUICK'))
ROUNDS = int(os.environ.get('MPROC_BENCH_ROUNDS', 3 if QUICK else 9))
N_ROWS = 500 if QUICK else 10_000

VARIANT, PICKLE = 1, 2

SMALL = {'id': 12345, 'name': 'a name', 'ok': True, 'score': 0.5, 'tags': ['a', 'b', 'c'],
         'position': {'x': 1, 'y': -2}}


def row(i):
    return {'id': i, 'name': f'row number {i}', 'ok': i % 3 == 0, 'score': i / 4,
            'tags': ['alpha', 'beta', f't{i % 7}'], 'position': {'x': i, 'y': -i}}


LARGE = {'title': 'rows', 'rows': [row(i) for i in range(N_ROWS)]}


def variant(value):
    """The GVariant that the library makes, as a program makes it with PyGObject."""
    if isinstance(value, dict):
        return GLib.Variant('a{sv}', {key: variant(each) for key, each in value.items()})
    if isinstance(value, list) and isinstance(value[0], dict):
        return GLib.Variant.new_array(None, [variant(each) for each in value])
    kind = {bool: 'b', int: 'x', float: 'd', str: 's', list: 'as'}[type(value)]
    return GLib.Variant(kind, value)


class Converter:
    """The program in C, and the files that it reads."""

    def __init__(self, folder):
        self.folder = Path(folder)
        program = Path(os.environ['MPROC_BUILD_ROOT']) / 'tests' / 'bench-values'
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True)

    def write(self, name, data):
        (self.folder / name).write_bytes(data)

    def measure(self, source, target, times, name):
        print(source, target, times, self.folder / name, file=self.process.stdin, flush=True)
        return float(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def measure(function, times):
    start = time.perf_counter()
    for _ in range(times):
        function()
    return (time.perf_counter() - start) / times


def contest(contenders):
    """The median seconds of each; a contender is a function that measures itself."""
    rounds = {name: [] for name in contenders}
    for _ in range(ROUNDS):
        for name, run in contenders.items():
            rounds[name].append(run())
    return {name: statistics.median(times) for name, times in rounds.items()}


def conversions(converter, name, value, times, slow_times):
    pickled = pickle.dumps(value, 5)
    built = variant(value)
    converter.write(f'{name}.pickle', pickled)
    box = GLib.Variant.new_variant(built)
    converter.write(f'{name}.variant', box.get_data_as_bytes().get_data())

    medians = contest({
        'build': lambda: measure(lambda: variant(value), slow_times),
        'to': lambda: converter.measure(PICKLE, VARIANT, times, f'{name}.pickle'),
        'unpack': lambda: measure(built.unpack, slow_times),
        'back': lambda: converter.measure(VARIANT, PICKLE, times, f'{name}.variant'),
        'loads': lambda: measure(lambda: pickle.loads(pickled), times),
    })
    to, back, loads = medians['to'], medians['back'], medians['loads']
    print(f'\n{name}, a pickle of {len(pickled):,} bytes')
    report('pickle to GVariant', to, 'GLib.Variant()', medians['build'], medians['build'] / to)
    report('GVariant to pickle', back, 'GLib.Variant.unpack()', medians['unpack'],
           medians['unpack'] / back)
    report('pickle to GVariant', to, 'pickle.loads()', loads, loads / to)
    report('GVariant to pickle', back, 'pickle.loads()', loads, loads / back)


def report(what, ours, than, theirs, ratio, unit='x'):
    print(f'  {what:<20} {ours * 1e6:>10.2f} us   {than:<24} {theirs * 1e6:>10.2f} us  '
          f'{ratio:>8.2f} {unit}')


def messages(times):
    """A put and get in one process beside pickling and unpickling."""
    q = mproc.Queue()

    def put_get():
        q.put(SMALL)
        q.get()

    medians = contest({
        'queue': lambda: measure(put_get, times),
        'pickle': lambda: measure(lambda: pickle.loads(pickle.dumps(SMALL, 5)), times),
    })
    print('\nsmall, Python to Python')
    report('put() and get()', medians['queue'], 'pickle.dumps(), loads()', medians['pickle'],
           medians['queue'] / medians['pickle'], 'times as long')


def main():
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    shrink = 20 if QUICK else 1
    with tempfile.TemporaryDirectory() as folder:
        converter = Converter(folder)
        conversions(converter, 'small', SMALL, 20000 // shrink, 500 // shrink)
        conversions(converter, 'large', LARGE, 5, 1)
        converter.close()
    messages(20000 // shrink)


if __name__ == '__main__':
    main()
