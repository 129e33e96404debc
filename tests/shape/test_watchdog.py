# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""The watchdog, which all other tests rely on: it says no when it has to."""

import os
import subprocess
import time
import unittest

import shape

WATCHDOG = shape.BUILD / 'tests/watchdog'
LEFT_BEHIND, TIMED_OUT = 70, 71


class Watchdog(unittest.TestCase):
    def watch(self, seconds, script, **environment):
        command = [str(WATCHDOG), str(seconds), 'sh', '-c', script]
        return subprocess.run(command, text=True, capture_output=True, check=False,
                              env={**os.environ, **environment})

    def is_gone(self, pid):
        try:
            os.kill(int(pid), 0)
        except ProcessLookupError:
            return True
        return False

    def test_status_and_output_pass_through(self):
        result = self.watch(10, 'echo out; echo err >&2; exit 3')
        self.assertEqual((result.returncode, result.stdout, result.stderr), (3, 'out\n', 'err\n'))
        self.assertEqual(self.watch(10, 'true').returncode, 0)

    def test_a_signal_is_a_failure(self):
        result = self.watch(10, 'kill -SEGV $$')
        self.assertEqual(result.returncode, 128 + 11)
        self.assertIn('killed by signal 11', result.stderr)

    def test_hanging(self):
        before = time.monotonic()
        result = self.watch(0.5, 'echo $$; sleep 60')
        self.assertGreaterEqual(time.monotonic() - before, 0.5)
        self.assertEqual(result.returncode, TIMED_OUT)
        self.assertIn('Bail out!', result.stdout)
        self.assertIn('sleep 60', result.stderr)
        self.assertTrue(self.is_gone(result.stdout.split()[0]))

    def test_orphans_are_found_wherever_they_hide(self):
        result = self.watch(20, '(setsid sleep 61 >/dev/null 2>&1 & echo $!) & wait')
        self.assertEqual(result.returncode, LEFT_BEHIND)
        self.assertIn('sleep 61', result.stderr)
        self.assertTrue(self.is_gone(result.stdout.split()[0]))

    def test_late_ones_have_some_time(self):
        result = self.watch(20, '(sleep 0.5 &) ; exit 0')
        self.assertEqual(result.returncode, 0)

    def test_the_group_of_the_test_is_its_own(self):
        result = self.watch(10, "trap '' TERM; kill -TERM 0; exit 4")
        self.assertEqual(result.returncode, 4)

    def test_wrapper(self):
        result = self.watch(10, 'echo "$WORD"', MPROC_TEST_WRAPPER='env WORD=wrapped')
        self.assertEqual(result.stdout, 'wrapped\n')


if __name__ == '__main__':
    unittest.main()
