# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""Processes: what they are told and tell, how they end, and what is left of them."""

import os
import select
import signal
import threading
import time
import unittest

from support import Running, TestCase, is_running, run, wait_until

from gi.repository import Mp

import mproc


class Basics(TestCase):
    def test_without_its_constructor(self):
        from gi.repository import Mp

        class Half(Mp.Process):
            def __init__(self):
                pass

        for call in (lambda p: p.fork(int), lambda p: p.join(0.1)):
            with self.assertRaises((RuntimeError, TypeError)):
                call(Half())

    def test_target_and_arguments(self):
        q = mproc.Queue()
        p = mproc.Process(target=lambda *a, **k: q.put((a, k)), args=(1, 'two'), kwargs={'k': 3})
        p.start()
        self.assertEqual(q.get(timeout=10), ((1, 'two'), {'k': 3}))
        self.assertIsNone(p.join())
        self.assertEqual(p.exitcode, 0)

    def test_subclass(self):
        q = mproc.Queue()

        class Worker(mproc.Process):
            def __init__(self, word):
                super().__init__()
                self.word = word

            def run(self):
                q.put((self.word, self.name, mproc.current_process() is self))

        w = Worker('hi')
        w.start()
        self.assertEqual(q.get(timeout=10), ('hi', w.name, True))
        w.join()
        self.assertRegex(w.name, r'^Worker-\d+$')

    def test_life(self):
        q = mproc.Queue()
        p = mproc.Process(target=q.get)
        self.assertFalse(p.is_alive())
        self.assertEqual((p.exitcode, p.pid, p.ident), (None, None, None))
        with self.assertRaisesRegex(AssertionError, 'started process'):
            p.join()
        with self.assertRaisesRegex(ValueError, 'not started'):
            p.sentinel
        p.start()
        self.assertTrue(p.is_alive())
        self.assertIsNone(p.exitcode)
        self.assertEqual(p.ident, p.pid)
        self.assertIn(p, mproc.active_children())
        with self.assertRaisesRegex(AssertionError, 'twice'):
            p.start()
        with self.assertRaisesRegex(ValueError, 'still running'):
            p.close()
        p.join(0.1)
        p.join(-1)
        self.assertTrue(p.is_alive())
        self.assertEqual(select.select([p.sentinel], [], [], 0)[0], [])
        q.put(1)
        self.assertEqual(select.select([p.sentinel], [], [], 10)[0], [p.sentinel])
        p.join(10)
        self.assertFalse(p.is_alive())
        self.assertEqual(p.exitcode, 0)
        self.assertNotIn(p, mproc.active_children())
        p.terminate()
        p.close()
        for use in p.join, p.is_alive, p.terminate, p.kill, p.start, lambda: p.exitcode:
            with self.assertRaisesRegex(ValueError, 'process object is closed'):
                use()

    def test_terminate_and_kill(self):
        for how, number in ('terminate', signal.SIGTERM), ('kill', signal.SIGKILL):
            p = self.child(time.sleep, 60)
            getattr(p, how)()
            p.join(10)
            self.assertEqual(p.exitcode, -number)
            self.assertIn(f'exitcode=-{signal.Signals(number).name}', repr(p))

    def test_names(self):
        q = mproc.Queue()
        self.assertEqual(mproc.current_process().name, 'MainProcess')
        self.assertIsNone(mproc.parent_process())

        def parent():
            p = mproc.Process(target=lambda: q.put((mproc.current_process().name,
                                                    mproc.parent_process().name)))
            p.start()
            p.join()
        p = self.child(parent)
        number = p.name.rpartition('-')[2]
        self.assertEqual(q.get(timeout=10), (f'Process-{number}:1', p.name))
        self.child(lambda: q.put(Mp.Process.get_current().get_name()), name='Given')
        self.assertEqual(q.get(timeout=10), 'Given')
        with self.assertRaises(AssertionError):
            p.name = 5

    def test_parent(self):
        q = mproc.Queue()

        def child():
            parent = mproc.parent_process()
            q.put((parent.pid, parent.name, parent.is_alive()))
        self.child(child)
        self.assertEqual(q.get(timeout=10), (os.getpid(), 'MainProcess', True))

    def test_parent_that_dies(self):
        q = mproc.Queue()

        def orphan():
            q.put('started')
            parent = mproc.parent_process()
            parent.join(20)
            q.put(parent.is_alive())

        def parent():
            mproc.Process(target=orphan).start()
            time.sleep(60)
        p = self.child(parent)
        self.assertEqual(q.get(timeout=10), 'started')
        p.kill()
        p.join()
        self.assertIs(q.get(timeout=10), False)

    def test_config_is_inherited(self):
        key = b'secret'
        mproc.current_process().authkey = key
        q = mproc.Queue()
        p = mproc.Process(target=lambda: q.put((bytes(mproc.current_process().authkey),
                                                mproc.current_process().daemon)), daemon=True)
        p.start()
        self.assertEqual(q.get(timeout=10), (key, True))
        p.join()
        with self.assertRaises(TypeError):
            q.put(mproc.current_process().authkey)
        with self.assertRaises(AssertionError):
            p.daemon = False

    def test_repr(self):
        p = mproc.Process(target=time.sleep, args=(0,), name='P')
        self.assertEqual(repr(p), f"<Process name='P' parent={os.getpid()} initial>")
        p.daemon = True
        p.start()
        p.join()
        self.assertEqual(repr(p), f"<Process name='P' pid={p.pid} parent={os.getpid()} stopped "
                                  "exitcode=0 daemon>")
        p.close()
        self.assertEqual(repr(p), f"<Process name='P' parent={os.getpid()} closed daemon>")

    def test_many(self):
        q = mproc.Queue()
        processes = [self.child(q.put, i) for i in range(30)]
        self.assertEqual(sorted(q.get(timeout=20) for _ in processes), list(range(30)))

    def test_threads_of_the_parent(self):
        stop, q = threading.Event(), mproc.Queue()

        def busy():
            while not stop.is_set():
                sum(range(100))
        threads = [threading.Thread(target=busy) for _ in range(3)]
        for t in threads:
            t.start()
        try:
            for i in range(30):
                p = mproc.Process(target=q.put, args=(i,))
                p.start()
                self.assertEqual(q.get(timeout=10), i)
                p.join(10)
                self.assertEqual(p.exitcode, 0)
        finally:
            stop.set()
            for t in threads:
                t.join()

    def test_start_fails_as_it_should(self):
        program = '''
import resource, mproc
resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
import os
os.setuid(65534)
p = mproc.Process(target=print)
try:
    p.start()
except OSError as error:
    print(type(error).__name__, error.errno)
print(p.is_alive(), p.pid)
'''
        if os.getuid() != 0:
            self.skipTest('only root may become somebody else')
        status, out, errors = run(program)
        self.assertEqual((status, out), (0, 'BlockingIOError 11\nFalse None\n'), errors)


class Ends(TestCase):
    """How a child ends, as seen from outside: status, output, errors."""

    def one(self, body, head=''):
        program = f'''
import atexit, os, sys, threading, time
import mproc
{head}
def f():
    {body}
if __name__ == '__main__':
    atexit.register(print, 'parent at exit')
    print('before')
    p = mproc.Process(target=f)
    p.start()
    p.join()
    print('exitcode', p.exitcode)
'''
        status, out, errors = run(program)
        self.assertEqual(status, 0, errors)
        return out.splitlines(), errors

    def test_return(self):
        out, errors = self.one('print("child")')
        self.assertEqual(out, ['before', 'child', 'exitcode 0', 'parent at exit'])
        self.assertEqual(errors, '')

    def test_exception(self):
        out, errors = self.one('print("child"); 1 / 0')
        self.assertEqual(out, ['before', 'child', 'exitcode 1', 'parent at exit'])
        self.assertRegex(errors, r'^Process Process-1:\nTraceback \(most recent call last\):\n')
        self.assertRegex(errors, r'ZeroDivisionError: division by zero\n$')

    def test_exit(self):
        for call, code, text in [('sys.exit()', 0, ''), ('sys.exit(3)', 3, ''),
                                 ('sys.exit(True)', 1, ''), ('sys.exit("why")', 1, 'why\n'),
                                 ('sys.exit(256 + 5)', 5, ''), ('os._exit(7)', 7, ''),
                                 ('raise SystemExit(4)', 4, ''), ('os.abort()', -6, '')]:
            with self.subTest(call=call):
                out, errors = self.one(call)
                self.assertEqual(out, ['before', f'exitcode {code}', 'parent at exit'])
                self.assertEqual(errors, text)

    def test_threads_are_awaited(self):
        out, errors = self.one('threading.Thread(target=lambda: (time.sleep(0.3), '
                               'print("thread"))).start(); print("main")')
        self.assertEqual(out, ['before', 'main', 'thread', 'exitcode 0', 'parent at exit'])
        self.assertEqual(errors, '')

    def test_children_are_awaited_and_daemons_ended(self):
        out, errors = self.one('''
    mproc.Process(target=lambda: (time.sleep(0.3), print("grandchild"))).start()
    mproc.Process(target=time.sleep, args=(60,), daemon=True).start()''')
        self.assertEqual(out, ['before', 'grandchild', 'exitcode 0', 'parent at exit'])
        self.assertEqual(errors, '')

    def test_daemons_have_no_children(self):
        out, errors = self.one('mproc.current_process()._config["daemon"] = True; '
                               'mproc.Process(target=print).start()')
        self.assertIn('AssertionError: daemonic processes are not allowed', errors)

    def test_stdin_is_empty(self):
        out, errors = self.one('print(repr(sys.stdin.read()), repr(os.read(0, 1)))')
        self.assertEqual(out[1], "'' b''")

    def test_interrupt(self):
        out, errors = self.one('raise KeyboardInterrupt')
        self.assertIn('exitcode 1', out)
        self.assertTrue(errors.endswith('KeyboardInterrupt\n'), errors)

    def test_broken_stdout(self):
        out, errors = self.one('os.close(1); print("x")')
        self.assertEqual(out[0], 'before')
        self.assertEqual(out[-1], 'parent at exit')

    def test_fork_by_others(self):
        out, errors = self.one('''
    pid = os.fork()
    if pid == 0:
        q = mproc.Queue()
        q.put("own")
        print(q.get(), flush=True)
        os._exit(0)
    os.waitpid(pid, 0)''')
        self.assertEqual(out, ['before', 'own', 'exitcode 0', 'parent at exit'])

    def test_main_exit_joins_children_and_ends_daemons(self):
        program = '''
import os, time
import mproc
d = mproc.Process(target=time.sleep, args=(60,), daemon=True)
d.start()
mproc.Process(target=lambda: (time.sleep(0.3), print('child', flush=True))).start()
print(d.pid, flush=True)
'''
        status, out, errors = run(program)
        pid, child = out.split()
        self.assertEqual((status, child, errors), (0, 'child', ''))
        self.assertFalse(is_running(int(pid)))

    def test_daemons_die_with_a_killed_parent(self):
        program = Running('''
import time
import mproc
d = mproc.Process(target=time.sleep, args=(60,), daemon=True)
d.start()
print(d.pid)
time.sleep(60)
''')
        pid = int(program.expect(''))
        self.assertTrue(is_running(pid))
        program.process.kill()
        program.end()
        self.assertTrue(wait_until(lambda: not is_running(pid)))


if __name__ == '__main__':
    unittest.main()
