# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""The package: its names, contexts and errors, and how it says what is missing."""

import os
import queue
import subprocess
import sys
import unittest
from pathlib import Path

from support import TestCase, run

from gi.repository import Gio, GLib, Mp

import mproc

PYTHON = Path(mproc.__file__).resolve().parents[1]


class Names(unittest.TestCase):
    def test_all_are_there(self):
        for name in mproc.__all__:
            with self.subTest(name=name):
                self.assertTrue(hasattr(mproc, name))
        for name in ('Process', 'Queue', 'Lock', 'RLock', 'Condition', 'Pool', 'Manager',
                     'cpu_count', 'current_process', 'parent_process', 'active_children',
                     'get_context', 'TimeoutError', 'WorkerDied', 'freeze_support'):
            self.assertIn(name, mproc.__all__)

    def test_import_star(self):
        status, out, errors = run('from mproc import *\nprint(Pool, TimeoutError)')
        self.assertEqual((status, errors), (0, ''))

    def test_contexts(self):
        context = mproc.get_context('fork')
        self.assertEqual(context.get_start_method(), 'fork')
        self.assertIs(context.get_context(), context)
        self.assertEqual(mproc.get_start_method(), 'fork')
        self.assertIs(type(context.Queue()), Mp.Queue)
        with self.assertRaisesRegex(ValueError, 'cannot find context for .nonsense.*fork'):
            mproc.get_context('nonsense')
        mproc.set_start_method('fork', force=True)
        with self.assertRaises(RuntimeError):
            mproc.set_start_method('fork')
        with self.assertRaises(ValueError):
            context.set_start_method('fork')

    def test_cpus(self):
        self.assertEqual(mproc.cpu_count(), os.cpu_count())
        self.assertLessEqual(mproc.usable_cpu_count(), len(os.sched_getaffinity(0)))

    def test_the_override_needs_no_package(self):
        status, out, errors = run('import gi, sys\ngi.require_version("Mp", "1")\n'
                                  'from gi.repository import Mp\nq = Mp.Queue.new()\n'
                                  'q.put([1])\nprint(q.get(), "mproc" in sys.modules)')
        self.assertEqual((out, errors), ('[1] False\n', ''))

    def test_import_is_light(self):
        heavy = ['multiprocessing', 'asyncio', 'subprocess', 'dill', 'mproc.pool',
                 'mproc.managers']
        out = run('import sys, mproc\nprint(*sys.modules)')[1].split()
        self.assertEqual([name for name in heavy if name in out], [])


class Missing(unittest.TestCase):
    """An interpreter that cannot work says what to do."""

    def error(self, program, **environment):
        result = subprocess.run([sys.executable, '-S', '-c', program], text=True,
                                env={**os.environ, **environment}, stderr=subprocess.PIPE)
        self.assertEqual(result.returncode, 1)
        return result.stderr.splitlines()[-1]

    def test_gi(self):
        # With -S there is no dist-packages, and what PYTHONPATH has of gi is only the overrides.
        text = self.error('import mproc', PYTHONPATH=str(PYTHON))
        self.assertIn('ImportError: mproc needs PyGObject', text)
        self.assertIn('/usr/bin/python3', text)

    def test_typelib(self):
        import gi
        folder = str(Path(gi.__file__).resolve().parents[1])
        text = self.error('import mproc', GI_TYPELIB_PATH='/nowhere',
                          PYTHONPATH=f'{PYTHON}:{folder}')
        if 'Error' not in text:
            self.skipTest('the typelib is installed in this system')
        self.assertIn('needs the typelib Mp-1', text)


class Errors(TestCase):
    def test_kinds(self):
        self.assertTrue(issubclass(mproc.TimeoutError, (mproc.ProcessError, TimeoutError)))
        self.assertTrue(issubclass(mproc.ShutDown, ValueError))
        self.assertEqual(mproc.WorkerDied.__module__, 'mproc')
        for kind in (mproc.WorkerDied, mproc.NotPlainError, mproc.NoSpaceError, mproc.ServerDied,
                     mproc.StateError, mproc.Terminated, mproc.RemoteError):
            self.assertTrue(issubclass(kind, mproc.ProcessError))
            q = mproc.Queue()
            q.put(kind('text'))
            got = q.get()
            self.assertIs(type(got), kind)
            self.assertEqual(got.args, ('text',))

    def test_every_code_has_an_exception(self):
        from gi.overrides import _MpErrors
        codes = {int(getattr(Mp.Error, name)): name for name in dir(Mp.Error)
                 if name.isupper() and name != 'NOT_PLAIN'}
        self.assertGreater(len(codes), 15)
        expected = {'EMPTY': queue.Empty, 'FULL': queue.Full, 'CLOSED': mproc.ShutDown,
                    'TIMED_OUT': mproc.TimeoutError, 'WORKER_DIED': mproc.WorkerDied,
                    'NOT_OWNER': AssertionError, 'SERVER_DIED': mproc.ServerDied,
                    'NO_SPACE': mproc.NoSpaceError, 'TERMINATED': mproc.Terminated,
                    'NO_SUCH_OBJECT': mproc.NoSuchObjectError}
        for code, name in codes.items():
            error = _MpErrors.from_code(code, 'why')
            self.assertEqual(str(error), 'why')
            self.assertIs(type(error), expected.get(name, type(error)))
        self.assertEqual(_MpErrors.NOT_OWNER_CODE, Mp.Error.NOT_OWNER)

    def test_statuses_are_those_of_the_library(self):
        from gi.overrides import _MpErrors
        for name in ('OK', 'TIMED_OUT', 'CLOSED', 'INTERRUPTED', 'CANCELLED', 'NO_SPACE',
                     'NOT_PLAIN', 'NOT_OWNER', 'INVALID', 'FAILED'):
            self.assertEqual(getattr(_MpErrors, name), getattr(Mp.Status, name))

    def test_system_errors_keep_their_number(self):
        from gi.overrides import _MpErrors
        error = GLib.Error('gone', 'g-io-error-quark', Gio.IOErrorEnum.NOT_FOUND)
        self.assertIsInstance(_MpErrors.from_glib(error), FileNotFoundError)
        error = GLib.Error('other', 'g-io-error-quark', Gio.IOErrorEnum.FAILED)
        self.assertIsInstance(_MpErrors.from_glib(error), OSError)

    def test_of_the_library(self):
        with self.assertRaises(ValueError):
            Mp.Shared.open('nonsense')
        handle = mproc.Queue().get_handle()
        with self.assertRaises(mproc.NoSuchObjectError):
            Mp.Shared.open(handle)


if __name__ == '__main__':
    unittest.main()
