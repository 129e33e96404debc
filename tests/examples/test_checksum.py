# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""mp-checksum in every language: against coreutils, and when a worker or the program is killed.
tests/python/test_checksum.py looks closer at the one of Python."""

import os
import pty
import re
import signal
import subprocess
import tempfile
import unittest
from pathlib import Path

from programs import LIMIT, command, processes_of, run, wait_until

NAMES = [b'a b', b' lead', b'trail ', b'back\\slash', b'new\nline', b'return\r', b'\\n', b'*',
         b'-dash', b'%41', b'#frag', b'q?', b'caf\xc3\xa9', b'not \xff UTF-8 \xfe', b'~',
         b'"quote\'']


class Checksum:
    """The cases; a class below for each language."""

    language = None
    interrupted = -signal.SIGINT, 130

    def setUp(self):
        self.words = command(self.language, 'checksum')
        if self.words is None:
            self.skipTest('was not built')
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.root = Path(scratch.name)
        self.folder = self.root / 'f'
        self.folder.mkdir()

    def fill(self, files=150):
        for number in range(files):
            place = self.folder / f'd{number % 5}' / ('deep/er' if number % 3 else '')
            place.mkdir(parents=True, exist_ok=True)
            (place / f'{number}.x').write_bytes(os.urandom(number * 997 % 70000))
        for name in NAMES:
            with open(os.path.join(os.fsencode(self.folder), name), 'wb') as file:
                file.write(name)
        (self.folder / 'empty').touch()
        (self.folder / 'nothing').mkdir()
        (self.folder / 'd0.z').write_text('sorts between d0 and d0/', encoding='ascii')
        (self.folder / 'link').symlink_to('a b')
        (self.folder / 'loop').symlink_to('.')
        os.mkfifo(self.folder / 'pipe')

    def run_it(self, *arguments):
        return run([*self.words, *arguments], cwd=self.root)

    def expected(self, folder='f'):
        """Of the same files, in the order of their bytes."""
        return run(['sh', '-c', f'find {folder} -type f -print0 | LC_ALL=C sort -z | '
                    'xargs -0r sha256sum'], cwd=self.root)[1]

    # ── What it prints ───────────────────────────────────────────────────────────

    def test_as_coreutils(self):
        self.fill()
        expected = self.expected()
        for arguments in ['f'], ['-j', '0', 'f'], ['-j', '1', 'f'], ['-j', '5', 'f']:
            status, out, err = self.run_it(*arguments)
            self.assertEqual((status, err), (0, b''))
            self.assertEqual(out.splitlines(), expected.splitlines())
        check = subprocess.run(['sha256sum', '-c', '--status', '--strict'], input=expected,
                               cwd=self.root, check=False)
        self.assertEqual(check.returncode, 0)
        self.assertEqual(run(['sh', '-c', 'sha256sum -c --status --strict'], cwd=self.root,
                             stdin=self.file_with(out))[0], 0)

    def file_with(self, content):
        file = tempfile.TemporaryFile()
        self.addCleanup(file.close)
        file.write(content)
        file.seek(0)
        return file

    def test_several_arguments(self):
        self.fill(20)
        status, out, err = self.run_it('f/café', 'f/d1/', 'f/a b', 'f/link')
        self.assertEqual((status, err), (0, b''))
        self.assertEqual([line[66:].decode() for line in out.splitlines()],
                         ['f/café', *(line[66:].decode() for line in
                                      self.expected('f/d1/').splitlines()), 'f/a b', 'f/link'])

    def test_an_empty_folder(self):
        self.assertEqual(self.run_it('f'), (0, b'', b''))

    def test_usage(self):
        for arguments in [], ['-j', '-1', 'f'], ['-j', 'x', 'f']:
            status, out, err = self.run_it(*arguments)
            self.assertEqual((status, out), (2, b''), arguments)
            self.assertIn(b'sage: ', err)

    # ── Files that cannot be read ────────────────────────────────────────────────

    def test_missing(self):
        self.fill(30)
        (self.folder / 'dangling').symlink_to('nowhere')
        status, out, err = self.run_it('not there', 'f', 'f/dangling')
        self.assertEqual(status, 1)
        self.assertEqual(out, self.expected())
        self.assertEqual(err.splitlines(), [
            b'mp-checksum: not there: No such file or directory',
            b'mp-checksum: f/dangling: No such file or directory'])

    def test_unreadable(self):
        """A file that nobody can read, among others that everybody can."""
        self.fill(30)
        status, out, err = self.run_it('f/a b', '/proc/self/mem', 'f/empty')
        self.assertEqual((status, err), (1, b'mp-checksum: /proc/self/mem: Input/output error\n'))
        self.assertEqual(out, self.expected("'f/a b'") + self.expected('f/empty'))

    def test_forbidden(self):
        self.fill(30)
        expected = [line for line in self.expected().splitlines() if not line.endswith(b'f/a b')]
        (self.folder / 'a b').chmod(0)
        if os.access(self.folder / 'a b', os.R_OK):
            self.skipTest('root may read everything')
        status, out, err = self.run_it('f')
        self.assertEqual((status, err), (1, b'mp-checksum: f/a b: Permission denied\n'))
        self.assertEqual(out.splitlines(), expected)

    def test_a_folder_that_cannot_be_searched(self):
        """Its names can be read, and nothing else; what comes after it is done."""
        for name in 'a', 'm', 'z':
            (self.folder / name).mkdir()
            (self.folder / name / 'file').write_text(name, encoding='ascii')
        expected = [line for line in self.expected().splitlines() if not line.endswith(b'm/file')]
        (self.folder / 'm').chmod(0o444)
        self.addCleanup((self.folder / 'm').chmod, 0o755)
        if os.access(self.folder / 'm', os.X_OK):
            self.skipTest('root may search everything')
        status, out, err = self.run_it('f')
        self.assertEqual((status, err), (1, b'mp-checksum: f/m/file: Permission denied\n'))
        self.assertEqual(out.splitlines(), expected)

    # ── While it runs ────────────────────────────────────────────────────────────

    def big(self):
        for number in range(64):
            with open(self.folder / f'{number:02}', 'wb') as file:
                file.truncate(40000000)

    def start(self, **options):
        """The program in a group of its own, when its two workers read."""
        options = {'stdout': subprocess.PIPE, 'stderr': subprocess.PIPE} | options
        process = subprocess.Popen([*self.words, '-j', '2', 'f'], stdin=subprocess.DEVNULL,
                                   cwd=self.root, process_group=0, **options)
        self.addCleanup(self.end, process)
        self.assertTrue(wait_until(lambda: len(self.workers(process)) == 2, 20))
        return process

    def workers(self, process):
        """Those of the program's children that have one of the files open."""
        return [pid for pid in processes_of(process.pid)
                if pid != process.pid and self.has_open(pid)]

    def has_open(self, pid):
        try:
            return any(os.readlink(f'/proc/{pid}/fd/{fd}').startswith(str(self.folder))
                       for fd in os.listdir(f'/proc/{pid}/fd'))
        except OSError:
            return False

    def end(self, process):
        for pid in processes_of(process.pid):
            os.kill(pid, signal.SIGKILL)
        process.communicate()

    def assertNothingLeft(self, process):
        self.assertTrue(wait_until(lambda: not processes_of(process.pid)),
                        'processes that outlive the program')

    def test_killed_worker(self):
        self.big()
        process = self.start()
        os.kill(self.workers(process)[0], signal.SIGKILL)
        err = process.communicate(timeout=LIMIT)[1]
        self.assertEqual(process.returncode, 1)
        self.assertRegex(err, rb'^mp-checksum: .*SIGKILL')
        self.assertEqual(len(err.splitlines()), 1, err)
        self.assertNothingLeft(process)

    def test_interrupt(self):
        self.big()
        process = self.start()
        os.killpg(process.pid, signal.SIGINT)
        err = process.communicate(timeout=LIMIT)[1]
        self.assertIn(process.returncode, self.interrupted)
        self.assertEqual(err, b'')
        self.assertNothingLeft(process)

    def test_killed_itself(self):
        self.big()
        process = self.start()
        process.kill()
        self.assertEqual(process.wait(LIMIT), -signal.SIGKILL)
        self.assertNothingLeft(process)

    def test_progress(self):
        with open(self.folder / 'big', 'wb') as file:
            file.truncate(150000000)
        for number in range(40):
            (self.folder / f'{number}').touch()
        ours, theirs = pty.openpty()
        process = subprocess.Popen([*self.words, '-j', '2', 'f'], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=theirs, cwd=self.root)
        self.addCleanup(process.communicate)
        os.close(theirs)
        shown = b''
        try:
            while chunk := os.read(ours, 4096):
                shown += chunk
        except OSError:
            pass    # the other end was closed
        os.close(ours)
        self.assertEqual(process.wait(LIMIT), 0)
        self.assertTrue(re.search(rb'\d+ of 41 files, [\d.]+( of 150\.0)? MB, [\d.]+ MB/s, '
                                  rb'\d+ s left', shown), shown)
        self.assertTrue(shown.endswith(b'\r\x1b[K'), shown)
        # Each stays until the next one comes.
        self.assertLessEqual(shown.count(b'\x1b[K'), shown.count(b' s left') + 1, shown)


class C(Checksum, unittest.TestCase):
    language = 'C'


class Vala(Checksum, unittest.TestCase):
    language = 'Vala'


class Python(Checksum, unittest.TestCase):
    language = 'Python'


class JavaScript(Checksum, unittest.TestCase):
    language = 'JavaScript'


if __name__ == '__main__':
    unittest.main()
