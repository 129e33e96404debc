# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""examples/checksum.py against coreutils, and what it does when things go wrong."""

import os
import pty
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

from support import TestCase, is_running, wait_until

PROGRAM = Path(__file__).resolve().parents[2] / 'examples/checksum.py'


class Checksum(TestCase):
    def setUp(self):
        super().setUp()
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = Path(scratch.name) / 'f'
        self.folder.mkdir()

    def fill(self, files=200):
        for number in range(files):
            place = self.folder / f'd{number % 7}' / ('e' if number % 3 else '')
            place.mkdir(parents=True, exist_ok=True)
            (place / f'{number}.x').write_bytes(os.urandom(number * 997 % 70000))
        for name in ('a b', 'back\\slash', 'new\nline', 'return\r', 'ü', '*', '-dash', ' lead'):
            (self.folder / name).write_text(name, encoding='utf-8')
        with open(os.fsencode(self.folder) + b'/\xff\xfe', 'wb') as file:
            file.write(b'not UTF-8')
        (self.folder / 'd0.z').write_text('sorts between d0 and d0/', encoding='ascii')
        (self.folder / 'link').symlink_to('a b')
        os.mkfifo(self.folder / 'pipe')

    def run_it(self, *arguments, **options):
        return subprocess.run([sys.executable, PROGRAM, *arguments], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60,
                              cwd=self.folder.parent, **options)

    def expected(self, folder='f'):
        return subprocess.run(f'find {folder} -type f -print0 | LC_ALL=C sort -z | '
                              'xargs -0 sha256sum', shell=True, cwd=self.folder.parent,
                              stdout=subprocess.PIPE, check=True).stdout

    def test_as_coreutils(self):
        self.fill()
        for arguments in ['f'], ['-j', '1', 'f'], ['-j5', 'f']:
            result = self.run_it(*arguments)
            self.assertEqual((result.returncode, result.stderr), (0, b''))
            self.assertEqual(result.stdout, self.expected())
        check = subprocess.run(['sha256sum', '-c', '--status', '--strict'], input=result.stdout,
                               cwd=self.folder.parent)
        self.assertEqual(check.returncode, 0)

    def test_several_arguments(self):
        self.fill(20)
        result = self.run_it('f/ü', 'f/d1', 'f/a b')
        self.assertEqual([line[66:] for line in result.stdout.decode().splitlines()][::4],
                         ['f/ü', 'f/a b'])

    def test_unreadable(self):
        self.fill(30)
        locked = self.folder / 'd1/e/1.x'
        locked.unlink()
        locked.symlink_to('nowhere')
        result = self.run_it('f', str(locked.relative_to(self.folder.parent)), 'not there')
        self.assertEqual(result.returncode, 1)
        self.assertEqual(result.stdout, self.expected())
        self.assertEqual(result.stderr.decode().splitlines(), [
            'mp-checksum: f/d1/e/1.x: No such file or directory',
            'mp-checksum: not there: No such file or directory'])

    def test_forbidden(self):
        self.fill(30)
        (self.folder / 'a b').chmod(0)
        if os.access(self.folder / 'a b', os.R_OK):
            self.skipTest('root may read everything')
        result = self.run_it('f')
        self.assertEqual(result.returncode, 1)
        self.assertEqual(result.stderr, b'mp-checksum: f/a b: Permission denied\n')

    def test_nothing(self):
        result = self.run_it('f')
        self.assertEqual((result.returncode, result.stdout, result.stderr), (0, b'', b''))

    def test_progress_on_a_terminal(self):
        self.fill(50)
        with open(self.folder / 'big', 'wb') as file:
            file.truncate(400000000)
        ours, theirs = pty.openpty()
        process = subprocess.Popen([sys.executable, PROGRAM, 'f'], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=theirs,
                                   cwd=self.folder.parent)
        os.close(theirs)
        shown = b''
        try:
            while chunk := os.read(ours, 4096):
                shown += chunk
        except OSError:
            pass
        os.close(ours)
        self.assertEqual(process.wait(60), 0)
        self.assertRegex(shown.decode(), r'\d+ of \d+ files, [\d.]+ of 40\d\.\d MB, [\d.]+ MB/s, '
                                         r'\d+ s left')

    def big(self):
        for number in range(64):
            with open(self.folder / str(number), 'wb') as file:
                file.truncate(60000000)

    def start(self):
        process = subprocess.Popen([sys.executable, PROGRAM, 'f'], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   cwd=self.folder.parent, process_group=0)
        path = Path(f'/proc/{process.pid}/task/{process.pid}/children')
        self.assertSoon(lambda: len(path.read_text().split()) >= 1)
        time.sleep(0.3)
        self.addCleanup(self.stop, process)
        return process, [int(one) for one in path.read_text().split()]

    def stop(self, process):
        process.kill()
        process.communicate()

    def test_interrupt(self):
        self.big()
        process, workers = self.start()
        os.killpg(process.pid, signal.SIGINT)
        errors = process.communicate(timeout=60)[1]
        self.assertEqual((process.returncode, errors), (130, b''))
        self.assertTrue(wait_until(lambda: not any(is_running(one) for one in workers)))

    def test_killed_worker(self):
        self.big()
        process, workers = self.start()
        os.kill(workers[0], signal.SIGKILL)
        errors = process.communicate(timeout=60)[1]
        self.assertEqual(process.returncode, 1)
        self.assertIn(b'SIGKILL', errors)
        self.assertNotIn(b'Traceback', errors)
        self.assertTrue(wait_until(lambda: not any(is_running(one) for one in workers)))


if __name__ == '__main__':
    unittest.main()
