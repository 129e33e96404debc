# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""What a process starts with, logging, finalizers: what goes beyond target and args."""

import gc
import logging
import os
import re
import resource
import signal
import subprocess
import sys
import time
import unittest

from support import TestCase, children, descriptors, run

from gi.repository import Mp

import mproc
from mproc import util


class Setup(TestCase):
    def tell(self, look, **setup):
        """What look() gives in a child with this setup."""
        q = mproc.Queue()
        p = mproc.Process(target=lambda: q.put(look()), **setup)
        p.start()
        result = q.get(timeout=20)
        p.join()
        p.close()
        return result

    def test_environment(self):
        os.environ['MP_TEST'] = 'here'
        self.addCleanup(os.environ.pop, 'MP_TEST')

        def look():
            shell = subprocess.run(['/bin/sh', '-c', 'echo $X'], text=True, check=True,
                                   stdout=subprocess.PIPE)
            return os.environ.get('MP_TEST'), os.environ.get('HOME'), shell.stdout
        home = os.environ.get('HOME')
        self.assertEqual(self.tell(look, add_env={'X': 'é y'}), ('here', home, 'é y\n'))
        self.assertEqual(self.tell(look, env={'X': '1'}), (None, None, '1\n'))
        self.assertEqual(os.environ['MP_TEST'], 'here')
        for wrong in {'': 'x'}, {'a=b': 'x'}, {'a': 'x\0'}:
            with self.assertRaises(ValueError):
                mproc.Process(env=wrong)
        with self.assertRaises(TypeError):
            mproc.Process(env={}, add_env={})

    def test_folder(self):
        self.assertEqual(self.tell(os.getcwd, cwd='/usr'), '/usr')
        p = mproc.Process(cwd='/nowhere at all')
        with self.assertRaisesRegex(FileNotFoundError, 'nowhere at all'):
            p.start()
        self.assertIsNone(p.pid)

    def test_limits(self):
        self.assertEqual(self.tell(lambda: resource.getrlimit(resource.RLIMIT_NOFILE),
                                   limits={'files': (40, 50)}), (40, 50))
        self.assertEqual(self.tell(lambda: resource.getrlimit(resource.RLIMIT_CORE),
                                   limits={resource.RLIMIT_CORE: 0}), (0, 0))
        with self.assertRaisesRegex(ValueError, 'no limit'):
            mproc.Process(limits={'nonsense': 1})

    def test_address_space(self):
        """The arena's range does not count; what the child asks for does."""
        def look():
            try:
                return len(bytes(1 << 30))
            except MemoryError:
                return len(bytes(1 << 20))
        self.assertEqual(self.tell(look, limits={'address_space': 600 << 20}), 1 << 20)

    def test_cpus(self):
        cpu = min(os.sched_getaffinity(0))
        self.assertEqual(self.tell(lambda: os.sched_getaffinity(0), affinity={cpu}), {cpu})
        self.assertEqual(self.tell(lambda: os.nice(0), nice=2), os.nice(0) + 2)
        with self.assertRaises(OSError):
            mproc.Process(affinity=[1000]).start()

    def test_pipes(self):
        def talk():
            print('out', input())
            print('err', sys.stdin.readline().strip(), file=sys.stderr)
        p = mproc.Process(target=talk, stdin='pipe', stdout='pipe', stderr='pipe')
        self.assertIsNone(p.stdin)
        p.start()
        other = self.child(time.sleep, 60)      # which must not keep the pipes open
        p.stdin.write(b'one\ntwo\n')
        p.stdin.close()
        self.assertEqual(p.stdout.read(), b'out one\n')
        self.assertEqual(p.stderr.read(), b'err two\n')
        p.join()
        self.assertEqual(p.exitcode, 0)
        p.close()
        other.kill()
        with self.assertRaisesRegex(ValueError, 'standard stream'):
            mproc.Process(stdout='tape')

    def test_interrupt_and_check(self):
        p = self.child(signal.pause, stderr='null')
        p.interrupt()
        p.join(20)
        self.assertIn(p.exitcode, (1, -signal.SIGINT))
        with self.assertRaisesRegex(mproc.ProcessError, 'exit code 1|signal 2'):
            p.check()
        p = self.child(int)
        p.join()
        p.check()

    def test_names_are_checked(self):
        with self.assertRaises(AssertionError):
            mproc.Process(name=5)


class Many(TestCase):
    """A thousand processes leave no descriptor, zombie, memory or slot."""

    @staticmethod
    def kill(n, method='fork'):
        make = mproc.get_context(method).Process
        for _ in range(n):
            process = make(target=time.sleep, args=(600,))
            process.start()
            process.kill()
            process.join()
            if process.exitcode != -signal.SIGKILL:
                raise AssertionError(f'exit code {process.exitcode}')

    @staticmethod
    def resident():
        with open('/proc/self/statm', encoding='ascii') as file:
            return int(file.read().split()[1]) * resource.getpagesize()

    def check_flat(self, before, after, method):
        self.kill(before, method)
        gc.collect()
        fds, memory, used = descriptors(), self.resident(), Mp.memory_get_used()
        server = children()
        self.kill(after, method)
        gc.collect()
        self.assertEqual(descriptors(), fds)
        self.assertEqual(children(), server)
        self.assertLess(self.resident() - memory, 1 << 20)
        self.assertLess(Mp.memory_get_used() - used, 1 << 16)

    def test_thousand(self):
        self.check_flat(200, 800, 'fork')

    def test_of_a_server(self):
        self.addCleanup(Mp.Process.stop_servers)
        self.check_flat(30, 70, 'forkserver')
        Mp.Process.stop_servers()


class Logging(unittest.TestCase):
    def test_lines(self):
        program = '''
import mproc, sys
def f():
    mproc.get_logger().warning('from the child')
    mproc.util.sub_debug('too detailed')
if __name__ == '__main__':
    mproc.log_to_stderr(mproc.util.INFO)
    p = mproc.get_context(sys.argv[1]).Process(target=f, name='Child')
    p.start()
    p.join()
    mproc.get_logger().error('at the end')
'''
        path = f'/tmp/mproc-test-{os.getpid()}.py'
        with open(path, 'w', encoding='ascii') as file:
            file.write(program)
        self.addCleanup(os.unlink, path)
        for method in mproc.get_all_start_methods():
            with self.subTest(method=method):
                status, out, errors = run(f'import runpy, sys; sys.argv = [{path!r}, {method!r}]; '
                                          f'runpy.run_path({path!r}, run_name="__main__")')
                lines = errors.splitlines()
                self.assertEqual((status, out), (0, ''), errors)
                self.assertIn('[WARNING/Child] from the child', lines)
                self.assertIn('[INFO/Child] child process calling self.run()', lines)
                self.assertIn('[ERROR/MainProcess] at the end', lines)
                self.assertNotIn('too detailed', errors)

    def test_threads_are_warned_of_once(self):
        program = '''
import mproc, threading
mproc.log_to_stderr(mproc.util.SUBWARNING)
stop = threading.Event()
threading.Thread(target=stop.wait).start()
for _ in range(3):
    p = mproc.Process(target=int)
    p.start()
    p.join()
stop.set()
'''
        status, out, errors = run(program)
        self.assertEqual((status, out), (0, ''), errors)
        self.assertEqual(len(errors.splitlines()), 1, errors)
        self.assertIn('[SUBWARNING/MainProcess] this process forks while it has 2 threads', errors)

    def test_glib(self):
        program = '''
import mproc, logging
mproc.get_logger().setLevel(logging.INFO)
mproc.get_logger().warning('careful')
mproc.get_logger().info('quiet')
mproc.get_logger().debug('too detailed')
'''
        for domain, expected in (None, 'careful'), ('mproc', 'quiet'):
            env = os.environ | ({} if domain is None else {'G_MESSAGES_DEBUG': domain})
            status, out, errors = run(program, env=env)
            self.assertEqual(status, 0, errors)
            self.assertIn(expected, out + errors)
            self.assertNotIn('too detailed', out + errors)

    def test_handlers(self):
        """A program's handlers get what the package and the library say, also of a fork."""
        program = '''
import logging, mproc, sys
class Handler(logging.Handler):
    def emit(self, record):
        q.put([record.levelname, record.processName, record.getMessage()])
def f():
    mproc.get_logger().warning('from the child, %d', 3)
if __name__ == '__main__':
    q = mproc.Queue()
    handler = Handler()
    logger = logging.getLogger('mproc')
    logger.addHandler(handler)
    assert mproc.get_logger() is logger
    assert mproc.log_to_stderr() is logger and handler in logger.handlers
    logger.setLevel(logging.INFO)
    p = mproc.Process(target=f, name='Child')
    p.start()
    p.join()
    while not q.empty():
        print(*q.get())
'''
        status, out, errors = run(program)
        self.assertEqual(status, 0, errors)
        lines = re.sub('pid [0-9]+', 'pid N', out).splitlines()
        for line in ('INFO MainProcess process Child has pid N',
                     'INFO Child child process calling self.run()',
                     'WARNING Child from the child, 3', 'INFO Child process shutting down',
                     'INFO MainProcess process Child has ended with exit code 0'):
            self.assertEqual(lines.count(line), 1, out)
            level, name, text = line.split(' ', 2)
            self.assertIn(f'[{level}/{name}] {text}', re.sub('pid [0-9]+', 'pid N', errors))

    def test_no_handler(self):
        """GLib's log has the fields, also before a level was set."""
        program = '''
import mproc
mproc.get_logger().info('not important')
mproc.get_logger().warning('im%s', 'portant')
'''
        environment = os.environ | {'G_MESSAGES_DEBUG': 'all'}
        status, out, errors = run(program, env=environment)
        self.assertEqual((status, out), (0, ''), errors)
        self.assertRegex(errors, 'mproc-WARNING .*: important')
        self.assertNotIn('not important', errors)

    def test_ends_once(self):
        """A worker's interpreter ends after its work has; that is one end."""
        program = '''
import mproc
mproc.log_to_stderr(mproc.util.INFO)
p = mproc.FunctionProcess('python', 'os', 'getpriority', 0, method='spawn')
p.start()
p.join()
'''
        status, out, errors = run(program)
        self.assertEqual(status, 0, errors)
        self.assertEqual(errors.count('Process-1] process shutting down'), 1, errors)

    def test_level_names(self):
        self.assertIs(mproc.get_logger(), util.get_logger())
        self.assertEqual(logging.getLevelName(5), 'SUBDEBUG')
        self.assertEqual(logging.getLevelName(25), 'SUBWARNING')


class Finalizers(TestCase):
    def test_order(self):
        done = []
        keep = [util.Finalize(None, done.append, (n,), exitpriority=n) for n in (1, 10, -5)]
        keep.append(util.Finalize(None, done.append, ('later',), exitpriority=10))
        util.run_finalizers(0)
        self.assertEqual(done, ['later', 10, 1])
        self.assertTrue(keep[2].still_active())
        keep[2].cancel()
        util.run_finalizers()
        self.assertEqual(done, ['later', 10, 1])

    def test_objects(self):
        class Thing:
            pass
        thing, done = Thing(), []
        finalizer = util.Finalize(thing, done.append, (1,))
        self.assertIn('callback', repr(finalizer))
        del thing
        self.assertEqual(done, [1])
        self.assertIn('dead', repr(finalizer))
        for wrong in {'exitpriority': 'x'}, {}:
            with self.assertRaises((TypeError, ValueError)):
                util.Finalize(None, int, **wrong)

    def test_children(self):
        q = mproc.Queue()
        util.Finalize(None, q.put, ('parent',), exitpriority=1)
        self.addCleanup(util.forget)

        def child():
            util.Finalize(None, q.put, ('child',), exitpriority=1)
        p = self.child(child)
        p.join()
        self.assertEqual(q.get(timeout=10), 'child')
        self.assertTrue(q.empty())


if __name__ == '__main__':
    unittest.main()
