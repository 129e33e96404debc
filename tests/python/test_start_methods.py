# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""Fork, spawn and fork server; functions by name in workers of other languages."""

import os
import signal
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from support import TestCase, is_running, wait_until

from gi.repository import Mp

import mproc


class Programs(unittest.TestCase):
    """Each program is a file, as users have them, and runs with every start method."""

    methods = ('fork', 'spawn', 'forkserver')

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def run_file(self, text, *arguments, timeout=60, module='mproc'):
        path = self.folder / 'program.py'
        path.write_text(f'import {module} as mp\nimport os, sys, time\n{text}', encoding='utf-8')
        result = subprocess.run([sys.executable, path, *arguments], text=True, timeout=timeout,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE)
        return result.returncode, result.stdout, result.stderr

    def check_all(self, text, peer=True):
        for method in self.methods:
            with self.subTest(method=method):
                status, out, errors = self.run_file(text, method)
                self.assertEqual((status, errors), (0, ''))
                self.assertNotEqual(out, '')
                if peer:
                    theirs = self.run_file(text, method, module='multiprocessing')
                    self.assertEqual(out, theirs[1], theirs[2])

    def test_target(self):
        self.check_all('''
class Thing:
    def __init__(self, n):
        self.n = n
    def double(self):
        return self.n * 2

def f(q, thing, *, key):
    q.put((thing.double(), key, os.getpid() != os.getppid(), mp.current_process().daemon,
           mp.parent_process().name, mp.get_start_method(), sys.argv[1:], f.__name__))

if __name__ == '__main__':
    mp.set_start_method(sys.argv[1])
    q = mp.Queue()
    p = mp.Process(target=f, args=(q, Thing(21)), kwargs={'key': 'k'}, name='Given')
    p.start()
    print(q.get())
    p.join()
    print(p.exitcode, p.name, type(p).__name__)
''')

    def test_subclass_and_context(self):
        self.check_all('''
def make(method):
    return mp.get_context(method)

ctx = make(sys.argv[1])

class Worker(ctx.Process):
    def __init__(self, q):
        super().__init__()
        self.q = q
    def run(self):
        self.q.put(('ran', self.name, self.pid == os.getpid()))
        sys.exit(7)

if __name__ == '__main__':
    q = ctx.Queue()
    w = Worker(q)
    w.start()
    print(q.get())
    w.join()
    print(w.exitcode, ctx.get_start_method())
''')

    def test_authkey_and_nesting(self):
        self.check_all('''
def inner(q):
    q.put((bytes(mp.current_process().authkey), mp.current_process().name))

def outer(q, method):
    p = mp.get_context(method).Process(target=inner, args=(q,), name='Inner')
    p.start()
    p.join()
    q.put(p.exitcode)

if __name__ == '__main__':
    mp.current_process().authkey = b'secret'
    ctx = mp.get_context(sys.argv[1])
    q = ctx.Queue()
    p = ctx.Process(target=outer, args=(q, sys.argv[1]))
    p.start()
    print(q.get(), q.get())
    p.join()
''')

    def test_exceptions(self):
        for method in self.methods:
            with self.subTest(method=method):
                status, out, errors = self.run_file('''
def f():
    1 / 0
if __name__ == '__main__':
    p = mp.get_context(sys.argv[1]).Process(target=f, name='Bad')
    p.start()
    p.join()
    print(p.exitcode)
    try:
        p.check()
    except mp.ProcessError as error:
        print(error)
''', method)
                self.assertEqual(status, 0, errors)
                self.assertRegex(out, r'^1\nProcess Bad \(pid \d+\) ended with exit code 1')
                if method != 'fork':
                    self.assertIn('ZeroDivisionError', out)
                self.assertRegex(errors, r'^Process Bad:\nTraceback')

    def test_unguarded_program(self):
        for method in ('spawn', 'forkserver'):
            with self.subTest(method=method):
                _, out, errors = self.run_file('''
p = mp.get_context(sys.argv[1]).Process(target=print, args=('never',))
p.start()
p.join()
print('exit code', p.exitcode)
''', method)
                self.assertIn('bootstrapping phase', errors)
                self.assertIn('exit code 1', out)
                self.assertNotIn('never', out)

    def test_preload(self):
        (self.folder / 'slow_to_load.py').write_text('import os\nLOADED_BY = os.getpid()\n')
        status, out, errors = self.run_file('''
def f(q):
    import slow_to_load
    q.put((slow_to_load.LOADED_BY, os.getpid(), os.getppid(), mp.parent_process().pid))

if __name__ == '__main__':
    mp.set_forkserver_preload(['slow_to_load', 'no_such_module'])
    ctx = mp.get_context('forkserver')
    q = ctx.Queue()
    for _ in range(2):
        p = ctx.Process(target=f, args=(q,))
        p.start()
        p.join()
        print(*q.get(), os.getpid())
''')
        self.assertEqual((status, errors), (0, ''))
        rows = [list(map(int, line.split())) for line in out.splitlines()]
        for loaded_by, pid, ppid, parent, main in rows:
            self.assertEqual((loaded_by, parent), (ppid, main))
            self.assertNotEqual(pid, loaded_by)
        self.assertEqual(rows[0][0], rows[1][0], 'two servers')

    def test_interrupt_while_the_server_imports(self):
        (self.folder / 'very_slow_to_load.py').write_text('import time\ntime.sleep(600)\n')
        status, out, errors = self.run_file('''
import signal

def stop(number, frame):
    raise KeyboardInterrupt

if __name__ == '__main__':
    signal.signal(signal.SIGALRM, stop)
    mp.set_forkserver_preload(['very_slow_to_load'])
    ctx = mp.get_context('forkserver')
    p = ctx.Process(target=int)
    for start in (p.start, p.start, lambda: ctx.Pool(1)):
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        try:
            start()
        except KeyboardInterrupt:
            print('interrupted', p.pid)
''')
        self.assertEqual((status, out, errors), (0, 'interrupted None\n' * 3, ''))

    def test_server_ends_with_the_program(self):
        for end in ('', 'os.kill(os.getpid(), 9)'):
            status, out, errors = self.run_file(f'''
def f(q):
    q.put(os.getppid())
if __name__ == '__main__':
    ctx = mp.get_context('forkserver')
    q = ctx.Queue()
    p = ctx.Process(target=f, args=(q,))
    p.start()
    print(q.get(), flush=True)
    p.join()
    {end}
''')
            self.assertEqual(status, -signal.SIGKILL if end else 0, errors)
            self.assertTrue(wait_until(lambda: not is_running(int(out))), 'the server is left')

    def test_daemons_of_a_killed_program(self):
        """Eight daemons, some in code that never enters the library, of all three kinds."""
        status, out, errors = self.run_file('''
def busy(q):
    q.put(os.getpid())
    while True:
        pass

def calm(q):
    q.put(os.getpid())
    time.sleep(600)

if __name__ == '__main__':
    q = mp.Queue()
    for i in range(8):
        method = ('fork', 'spawn', 'forkserver')[i % 3]
        mp.get_context(method).Process(target=busy if i % 4 == 0 else calm, args=(q,),
                                       daemon=True).start()
    print(*[q.get(timeout=60) for _ in range(8)], flush=True)
    os.kill(os.getpid(), 9)
''')
        self.assertEqual(status, -signal.SIGKILL, errors)
        pids = list(map(int, out.split()))
        self.assertEqual(len(pids), 8)
        self.assertTrue(wait_until(lambda: not any(map(is_running, pids))), 'daemons are left')

    def test_daemons_outlive_the_thread_that_started_them(self):
        for method in self.methods:
            status, out, errors = self.run_file('''
import threading
def child(q, go):
    go.wait()
    q.put('alive')
if __name__ == '__main__':
    ctx = mp.get_context(sys.argv[1])
    q, go = ctx.Queue(), ctx.Event()
    def start():
        ctx.Process(target=child, args=(q, go), daemon=True).start()
    t = threading.Thread(target=start)
    t.start()
    t.join()
    time.sleep(0.2)
    go.set()
    print(q.get(timeout=20))
''', method)
            self.assertEqual((status, out, errors), (0, 'alive\n', ''))


class Rules(TestCase):
    def setUp(self):
        super().setUp()
        self.addCleanup(Mp.Process.stop_servers)

    def test_contexts(self):
        self.assertEqual(mproc.get_all_start_methods(), ['fork', 'spawn', 'forkserver'])
        for method in mproc.get_all_start_methods():
            context = mproc.get_context(method)
            self.assertEqual(context.get_start_method(), method)
            self.assertEqual(context.Process._start_method, method)
            with self.assertRaisesRegex(ValueError, 'concrete context'):
                context.set_start_method('fork')
        with self.assertRaisesRegex(ValueError, 'cannot find context'):
            mproc.get_context('teleport')
        self.assertIs(mproc.get_context().get_context('fork'), mproc.get_context('fork'))

    def test_set_start_method(self):
        before = mproc.get_start_method(allow_none=True)
        self.addCleanup(mproc.set_start_method, before, force=True)
        mproc.set_start_method('spawn', force=True)
        self.assertEqual(mproc.get_start_method(), 'spawn')
        with self.assertRaisesRegex(RuntimeError, 'already been set'):
            mproc.set_start_method('fork')
        with self.assertRaises(ValueError):
            mproc.set_start_method('teleport', force=True)
        mproc.set_start_method(None, force=True)
        self.assertIsNone(mproc.get_start_method(allow_none=True))

    def test_what_cannot_travel(self):
        p = mproc.get_context('spawn').Process(target=(i for i in ()).__next__)
        with self.assertRaises(TypeError):
            p.start()
        self.assertIsNone(p.pid)
        with self.assertRaises(TypeError):
            mproc.Queue().put(p)
        with self.assertRaises(TypeError):
            mproc.set_forkserver_preload([5])

    def test_executable(self):
        self.addCleanup(mproc.set_executable, sys.executable)
        mproc.set_executable('/nowhere/python3')
        p = mproc.get_context('spawn').Process(target=int)
        with self.assertRaisesRegex(FileNotFoundError, '/nowhere/python3'):
            p.start()
        mproc.set_executable('/bin/true')
        p = mproc.get_context('spawn').Process(target=int)
        p.start()
        p.join()
        self.assertEqual(p.exitcode, 0)
        with self.assertRaisesRegex(mproc.RemoteError, 'without calling the function'):
            p.check()

    def test_preload_that_fails(self):
        for on_error, ended, told in ('ignore', 0, ''), ('warn', 0, 'none_such'), \
                ('fail', 'ServerDied', 'none_such'):
            result = subprocess.run([sys.executable, '-c', f'''
import mproc
if __name__ == '__main__':
    mproc.set_forkserver_preload(['none_such'], on_error={on_error!r})
    p = mproc.get_context('forkserver').Process(target=int)
    try:
        p.start()
        p.join()
        print(p.exitcode)
    except mproc.ServerDied as error:
        print(type(error).__name__)
'''], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60)
            self.assertEqual((result.returncode, result.stdout), (0, f'{ended}\n'), result.stderr)
            self.assertEqual(told in result.stderr, True, result.stderr)
            self.assertEqual(bool(result.stderr), bool(told), result.stderr)
        with self.assertRaises(ValueError):
            mproc.set_forkserver_preload([], on_error='panic')

    def test_server_that_never_is(self):
        self.addCleanup(mproc.set_executable, sys.executable)
        for path, error in (('/nowhere/python3', FileNotFoundError),
                            ('/bin/true', mproc.ServerDied)):
            mproc.set_executable(path)
            p = mproc.get_context('forkserver').Process(target=int)
            with self.assertRaises(error):
                p.start()
            self.assertIsNone(p.pid)


class Languages(unittest.TestCase):
    """One function by name, in a worker of each language, from Python."""

    TASKS = Path(__file__).resolve().parent.parent / 'gjs' / 'tasks.js'

    def call(self, *what, **options):
        p = mproc.FunctionProcess(*what, **options)
        p.start()
        p.join(60)
        return p

    def setUp(self):
        self.addCleanup(Mp.Process.stop_servers)
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.module = Path(folder.name) / 'some_tasks.py'
        self.module.write_text('''
import mproc
@mproc.function('sum')
def add(argument):
    queue, *values = argument
    queue.put(['python', sum(values)])
def plain(argument):
    argument.put('plain')
''')
        self.script = Path(folder.name) / 'some_tasks.js'
        self.script.write_text('''
const {Mp} = imports.gi;
Mp.register('sum', ([queue, ...values]) => {
    queue.put(['javascript', values.reduce((a, b) => a + b, 0)]);
});
export function fail(value) {
    throw new Error(`no ${value}`);
}
''')

    def test_python(self):
        for method in ('spawn', 'forkserver'):
            q = mproc.Queue()
            self.call('python', self.module, 'sum', [q, 1, 2, 3], method=method).check()
            self.assertEqual(q.get(timeout=20), ['python', 6])
            self.call('python', self.module, 'plain', q, method=method).check()
            self.assertEqual(q.get(timeout=20), 'plain')

    def test_gjs(self):
        q = mproc.Queue()
        self.call('gjs', self.script, 'sum', [q, 1, 2, 4]).check()
        self.assertEqual(q.get(timeout=20), ['javascript', 7])
        with self.assertRaisesRegex(mproc.NotSupportedError, 'does not survive a fork'):
            self.call('gjs', self.script, 'sum', [q], method='forkserver')
        with self.assertRaisesRegex(mproc.ProcessError, 'no 5'):
            self.call('gjs', self.script, 'fail', 5, stderr='null').check()

    def test_library(self):
        q = mproc.Queue()
        library = f'{os.environ["MPROC_BUILD_ROOT"]}/tests/libtasks-of-test.so'
        for method in ('spawn', 'forkserver'):
            for name, expected in ('sum', 'registered'), ('exported_sum', 'symbol'):
                self.call('native', library, name, [q, 1, 2, 4], method=method).check()
                self.assertEqual(q.get(timeout=20), (expected, 7))

    def test_programs(self):
        """Functions that a program of C or Vala registers in its main()."""
        q = mproc.Queue()
        self.addCleanup(Mp.Process.set_worker_command, 'native', None)
        for program, expected in ('tasks-of-test', 'registered'), ('vala-tasks-of-test', 'Vala'):
            path = Path(os.environ['MPROC_BUILD_ROOT']) / 'tests' / program
            if not path.exists():
                continue    # there is no compiler for it
            Mp.Process.set_worker_command('native', [str(path)])
            for method in 'spawn', 'forkserver':
                self.call('native', '', 'sum', [q, 1, 2, 4], method=method).check()
                self.assertEqual(q.get(timeout=20), (expected, 7))
            Mp.Process.stop_servers()
            with self.assertRaisesRegex(mproc.ProcessError, 'missing'):
                self.call('native', '', 'missing', stderr='null').check()
            with mproc.Pool(1, language='native') as pool:
                self.assertEqual(pool.apply('sum', ([q, 3, 4],)), 7)
                self.assertEqual(q.get(timeout=20), (expected, 7))
                with self.assertRaises(mproc.NoSuchFunctionError):
                    pool.apply('missing', (1,))

    def test_native(self):
        """Any function of the right type will do: this one gives back its argument."""
        for method in ('spawn', 'forkserver'):
            self.call('native', 'libglib-2.0.so.0', 'g_variant_ref_sink', [1, 2],
                      method=method).check()

    def test_tasks(self):
        """The same functions in pools of each language."""
        library = f'{os.environ["MPROC_BUILD_ROOT"]}/tests/libtasks-of-test.so'
        q = mproc.Queue()
        for language, prefix, names in [
                ('python', f'{self.module}:', {'sum': ['python', 7]}),
                ('gjs', f'file://{self.script}#', {'sum': ['javascript', 7]}),
                ('native', f'{library}:', {'sum': ('registered', 7),
                                           'exported_sum': ('symbol', 7)})]:
            with self.subTest(language=language), mproc.Pool(1, language=language) as pool:
                for name, expected in names.items():
                    pool.apply(prefix + name, ([q, 1, 2, 4],))
                    self.assertEqual(q.get(timeout=20), expected)
                with self.assertRaisesRegex(Exception, 'missing'):
                    pool.apply(f'{prefix}missing', (1,))

    def test_names_that_two_modules_have(self):
        other = self.module.parent / 'other' / self.module.name
        other.parent.mkdir()
        other.write_text("import mproc\ncalls = 0\n@mproc.function('sum')\n"
                         'def anything(argument):\n    global calls\n    calls += 1\n'
                         '    return calls\n')
        q = mproc.Queue()
        with mproc.Pool(1, language='python') as pool:
            for n in 1, 2:
                pool.apply(f'{self.module}:sum', ([q, n],))
                self.assertEqual(q.get(timeout=20), ['python', n])
                self.assertEqual(pool.apply(f'{other}:sum', (1,)), n)
            with self.assertRaises(mproc.NoSuchFunctionError):
                pool.apply(f'{self.module.parent}/none.py:sum', ([q],))

    def test_faults(self):
        (self.module.parent / 'raises.py').write_text('1 / 0')
        for what, text in [
            (('python', 'no_such_module', 'f'), "No module named 'no_such_module'"),
            (('python', self.module.parent / 'raises.py', 'f'), 'division by zero'),
            (('python', self.module, 'missing'), 'no function “missing”'),
            (('python', self.module.parent / 'none.py', 'f'), 'none.py'),
            (('gjs', '/nowhere/x.js', 'f'), 'cannot be imported'),
            (('gjs', self.script, 'missing'), 'exports no function “missing”'),
            (('native', '/nowhere/x.so', 'f'), 'cannot be loaded'),
            (('native', 'libc.so.6', 'no_such_symbol'), 'no function “no_such_symbol”'),
        ]:
            with self.subTest(what=what):
                p = self.call(*what, stderr='null')
                self.assertEqual(p.exitcode, 1)
                with self.assertRaisesRegex(mproc.ProcessError, text):
                    p.check()
        with self.assertRaisesRegex(mproc.NotSupportedError, 'cobol'):
            self.call('cobol', 'x', 'y')


if __name__ == '__main__':
    unittest.main()
