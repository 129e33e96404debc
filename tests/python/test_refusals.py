# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""When the system refuses another process, and children that die before they are ready: the error
says why, and nothing is left of the attempt."""

import os
import unittest

from support import TestCase, run

import mproc

# A program that forbids itself to fork by a seccomp filter, which gives the error wanted.
PREAMBLE = '''
import ctypes, errno, gc, os, struct, sys
import mproc
from mproc.managers import BaseManager

class Things(BaseManager):
    pass
Things.register('list', list)

CALLS = {'x86_64': (56, 57, 58, 435), 'aarch64': (220, 435)}

def refuse_processes(number):
    calls = CALLS.get(os.uname().machine)
    if calls is None:
        sys.exit(77)
    code = struct.pack('HBBI', 0x20, 0, 0, 0)
    for call in calls:
        code += struct.pack('HBBI', 0x15, 0, 1, call) + struct.pack('HBBI', 6, 0, 0,
                                                                    0x50000 | number)
    code += struct.pack('HBBI', 6, 0, 0, 0x7fff0000)
    kept = ctypes.create_string_buffer(code)
    program = ctypes.create_string_buffer(struct.pack('HxxxxxxP', len(code) // 8,
                                                      ctypes.addressof(kept)))
    libc = ctypes.CDLL(None)
    null = ctypes.c_ulong(0)
    if libc.prctl(38, ctypes.c_ulong(1), null, null, null) or \\
            libc.prctl(22, ctypes.c_ulong(2), program, null, null):
        sys.exit(77)

def start(method, **more):
    p = mproc.get_context(method).Process(target=print, **more)
    try:
        p.start()
    finally:
        assert p.pid is None and p.exitcode is None and not p.is_alive(), p

def pool():
    mproc.Pool(2)

def manager():
    mproc.Manager()

def base_manager():
    Things().start()

def call():
    mproc.FunctionProcess('gjs', '/nowhere.js', 'f').start()

def use():
    gc.collect()
    return sorted(os.listdir('/proc/self/fd')), mproc.active_children(), \\
        os.listdir('/proc/self/task'), \\
        open(f'/proc/self/task/{os.getpid()}/children').read()

first = mproc.Process(target=int)
first.start()
first.join()
del first
number = getattr(errno, sys.argv[1])
refuse_processes(number)
attempts = {'fork': lambda: start('fork'), 'daemon': lambda: start('fork', daemon=True),
            'environment': lambda: start('fork', env={}), 'spawn': lambda: start('spawn'),
            'forkserver': lambda: start('forkserver'), 'pool': pool, 'manager': manager,
            'base manager': base_manager, 'call': call}
for name, attempt in attempts.items():
    before = None
    for _ in range(4):
        try:
            attempt()
        except OSError as error:
            print(name, errno.errorcode.get(error.errno), type(error).__name__)
        else:
            print(name, 'was not refused')
        after = use()
        if before is not None and after != before:
            print(name, 'left', before, after)
        before = after
'''


class Refused(unittest.TestCase):
    def check(self, name):
        status, out, errors = run(PREAMBLE, name)
        if status == 77:
            self.skipTest('this system has no seccomp filters')
        kind = 'BlockingIOError' if name == 'EAGAIN' else 'OSError'
        expected = [f'{what} {name} {kind}' for what in (
            'fork', 'daemon', 'environment', 'spawn', 'forkserver', 'pool', 'manager',
            'base manager', 'call') for _ in range(4)]
        self.assertEqual(out.splitlines(), expected, errors)
        self.assertEqual((status, errors), (0, ''))

    def test_limit_of_processes(self):
        self.check('EAGAIN')

    def test_no_memory(self):
        self.check('ENOMEM')


class Stillborn(TestCase):
    """Programs that cannot be run, or that end before they take their work."""

    def setUp(self):
        super().setUp()
        self.addCleanup(mproc.set_executable, mproc.spawn.get_executable())

    def start(self, executable):
        mproc.set_executable(executable)
        process = mproc.get_context('spawn').Process(target=abs, args=(1,))
        process.start()
        process.join(60)
        return process

    def test_missing_interpreter(self):
        for path in ('/nowhere/python3', '/etc/passwd', '/'):
            with self.subTest(path=path), self.assertRaises((FileNotFoundError, PermissionError)):
                self.start(path)

    def test_dies_before_it_is_ready(self):
        process = self.start('/bin/false')
        self.assertEqual(process.exitcode, 1)
        self.assertRaises(mproc.ProcessError, process.check)
        process.close()

    def test_killed_before_it_is_ready(self):
        process = mproc.get_context('spawn').Process(target=abs, args=(1,))
        process.start()
        process.kill()
        process.join(60)
        self.assertEqual(process.exitcode, -9)
        self.assertRaisesRegex(mproc.ProcessError, 'SIGKILL|signal 9', process.check)
        process.close()

    def test_server_of_a_manager(self):
        class Things(mproc.managers.BaseManager):
            pass
        with self.assertRaisesRegex(mproc.ServerDied, 'before it was ready'):
            Things().start(os._exit, (1,))


if __name__ == '__main__':
    unittest.main()
