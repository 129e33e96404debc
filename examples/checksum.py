#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""Prints the SHA-256 sums of files, and of all files below folders, in the order of their paths.
N processes compute them. `sha256sum -c` accepts the output."""

import argparse
import hashlib
import os
import stat
import sys
import time

from mproc import Pool, WorkerDied

FILES_PER_TASK = 16
ESCAPES = str.maketrans({'\\': r'\\', '\n': r'\n', '\r': r'\r'})


def checksum(path):
    """Runs in a worker: (path, size, sum, None) or (path, 0, None, why not)."""
    digest, size = hashlib.sha256(), 0
    try:
        with open(path, 'rb', buffering=0) as file:
            buffer = memoryview(bytearray(256 * 1024))
            while count := file.readinto(buffer):
                digest.update(buffer[:count])
                size += count
    except OSError as error:
        return path, 0, None, error.strerror
    return path, size, digest.hexdigest(), None


def find(path, complain):
    """The paths and sizes of a file, or of the regular files below a folder."""
    found, files = [], [path]
    if os.path.isdir(path):
        tree = os.walk(path, onerror=lambda error: complain(error.filename, error.strerror))
        files = (os.path.join(folder, name) for folder, _, names in tree for name in names)
    for file in files:
        try:
            status = os.stat(file, follow_symlinks=file is path)
        except OSError as error:
            complain(file, error.strerror)
            continue
        if file is path or stat.S_ISREG(status.st_mode):
            found.append((file, status.st_size))
    return sorted(found, key=lambda file: os.fsencode(file[0]))


def line(path, digest):
    """As sha256sum prints it: a backslash before the line says that the name is escaped."""
    escaped = path.translate(ESCAPES)
    return f'{"" if escaped == path else chr(92)}{digest}  {escaped}\n'


class Progress:
    """One line on stderr that changes, if stderr is a terminal."""

    def __init__(self, files):
        self.files, self.bytes = len(files), sum(size for _, size in files)
        self.files_done = self.bytes_done = 0
        self.started = self.shown = time.monotonic()
        self.visible = sys.stderr.isatty()

    def add(self, size):
        self.files_done += 1
        self.bytes_done += size
        now = time.monotonic()
        if self.visible and now - self.shown > 0.1:
            self.shown = now
            rate = self.bytes_done / (now - self.started)
            left = max(0, self.bytes - self.bytes_done) / max(rate, 1)
            print(f'\r\033[K{self.files_done} of {self.files} files, {self.bytes_done / 1e6:.1f} '
                  f'of {self.bytes / 1e6:.1f} MB, {rate / 1e6:.1f} MB/s, {left:.0f} s left',
                  end='', file=sys.stderr, flush=True)

    def clear(self):
        if self.visible:
            print('\r\033[K', end='', file=sys.stderr, flush=True)


def main():
    parser = argparse.ArgumentParser(prog='mp-checksum', description=__doc__)
    parser.add_argument('-j', metavar='N', type=int, dest='jobs', default=0,
                        help='how many processes')
    parser.add_argument('paths', metavar='PATH', nargs='+')
    options = parser.parse_args()
    if options.jobs < 0:
        parser.error('argument -j: not a number of processes')
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors='surrogateescape')
    problems = []

    def complain(path, why):
        progress.clear()
        problems.append(path)
        print(f'mp-checksum: {path}: {why}', file=sys.stderr)

    progress = Progress([])
    files = [file for path in options.paths for file in find(path, complain)]
    progress = Progress(files)
    paths = (path for path, _ in files)
    try:
        with Pool(options.jobs or None) as pool:
            for path, size, digest, why in pool.imap(checksum, paths, FILES_PER_TASK):
                progress.add(size)
                if why is None:
                    if sys.stdout.isatty():
                        progress.clear()
                    sys.stdout.write(line(path, digest))
                else:
                    complain(path, why)
    finally:
        progress.clear()
    return 1 if problems else 0


if __name__ == '__main__':
    try:
        sys.exit(main())
    except WorkerDied as error:
        sys.exit(f'mp-checksum: {error}')
    except KeyboardInterrupt:
        sys.exit(130)
