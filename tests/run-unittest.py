# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""Runs the unittest cases of one file and prints TAP: run-unittest.py SECONDS FILE [NAME…]

When the time is over it prints the stack of every thread and ends: an alarm does that, and not a
thread, because the tests fork and count threads. A file without a case is a failure.
"""

import faulthandler
import importlib.util
import os
import signal
import sys
import unittest

SLOWNESS = float(os.environ.get('MPROC_TEST_SLOWNESS', 1))


class TapResult(unittest.TestResult):
    """Prints one line of TAP per case, and on stderr what went wrong."""

    def __init__(self):
        super().__init__()
        self.broken = {}

    def report(self, ok, test, note=''):
        print(f'{"ok" if ok else "not ok"} {self.testsRun} {test.id()}{note}', flush=True)

    def comment(self, text):
        print(text, file=sys.stderr, flush=True)

    def stopTest(self, test):
        super().stopTest(test)
        if test.id() in self.broken:
            self.comment(self.broken[test.id()])
            self.report(False, test)

    def fail(self, test, err):
        text = self._exc_info_to_string(err, test)
        self.broken[test.id()] = self.broken.get(test.id(), '') + text

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.fail(test, err)

    def addError(self, test, err):
        super().addError(test, err)
        self.fail(test, err)
        if not isinstance(test, unittest.TestCase):  # setUpClass, setUpModule
            self.testsRun += 1
            self.comment(self.broken[test.id()])
            self.report(False, test)

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self.broken.setdefault(test.id(), '')
            self.broken[test.id()] += f'{subtest.id()}\n' + self._exc_info_to_string(err, test)

    def addSuccess(self, test):
        super().addSuccess(test)
        self.report(True, test)

    def addExpectedFailure(self, test, err):
        super().addExpectedFailure(test, err)
        self.report(True, test, ' # fails as expected')

    def addUnexpectedSuccess(self, test):
        super().addUnexpectedSuccess(test)
        self.broken[test.id()] = 'succeeded, but was expected to fail'

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        if not isinstance(test, unittest.TestCase):
            self.testsRun += 1
        self.report(True, test, f' # SKIP {reason}')


def load(path):
    name = os.path.splitext(os.path.basename(path))[0]
    folder = os.path.dirname(os.path.abspath(path))
    sys.path[0] = folder
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def main():
    faulthandler.enable()
    faulthandler.register(signal.SIGALRM, all_threads=True, chain=True)
    seconds, path, *names = sys.argv[1:]
    signal.alarm(int(int(seconds) * SLOWNESS))

    module = load(path)
    loader = unittest.TestLoader()
    if names:
        suite = loader.loadTestsFromNames(names, module)
    else:
        suite = loader.loadTestsFromModule(module)
    result = TapResult()
    suite.run(result)

    print(f'1..{result.testsRun}', flush=True)
    signal.alarm(0)
    if result.testsRun == 0:
        print('no test cases', file=sys.stderr)
        return 1
    return 0 if result.wasSuccessful() else 1


if __name__ == '__main__':
    sys.exit(main())
