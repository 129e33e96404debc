# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""Ctrl-C at any moment: one KeyboardInterrupt, no hang, nobody left, whatever was going on."""

import os
import random
import signal
import subprocess
import time
import unittest

from support import Running, TestCase, wait_until

ROUNDS = 8

PROGRAMS = {
    'processes': '''
import time, mproc
print('go')
while True:
    p = mproc.Process(target=time.sleep, args=(0.01,))
    p.start()
    p.join()
''',
    # Without dill, which swallows whatever is raised at one moment of its import.
    'pools': '''
import sys
import mproc
sys.modules['dill'] = None
print('go')
while True:
    with mproc.Pool(2) as p:
        p.map(abs, range(10))
        p.apply(lambda: 3)
''',
    'everything': '''
import sys
import mproc
from mproc.managers import BaseManager
sys.modules['dill'] = None
class Things(BaseManager):
    pass
Things.register('list', list)
print('go')
while True:
    with mproc.Pool(2) as p, mproc.Manager() as m, Things() as things:
        shared, own = m.list(), things.list()
        p.map(shared.append, range(4))
        p.map(own.append, range(4))
        shared.append(len(own._getvalue()))
''',
    'shared objects': '''
import mproc
q, l, c = mproc.Queue(), mproc.Lock(), mproc.Condition()
d = mproc.Manager().dict()
print('go')
while True:
    q.put(1)
    q.get()
    with l:
        pass
    with c:
        c.wait(0.001)
        c.notify()
    d[1] = 2
    d.get(1)
''',
}


class Storm(TestCase):
    def one(self, program, delay):
        running = Running(program)
        running.expect('go')
        time.sleep(delay)
        running.interrupt()
        # The interpreter drops an exception that comes at the entry of a __del__, and says so.
        again = not wait_until(lambda: running.process.poll() is not None, 6)
        if again:
            running.interrupt()
        status, _, errors = running.end(20)
        if again:
            self.assertIn('Exception ignored in', errors)
        self.assertEqual(status, -signal.SIGINT, errors)
        self.assertTrue(errors.endswith('KeyboardInterrupt\n'), errors)
        self.assertNotIn('GError', errors)
        left = subprocess.run(['ps', '-o', 'pid=', '-g', str(running.process.pid)], text=True,
                              stdout=subprocess.PIPE, check=False).stdout.split()
        for pid in left:
            try:
                os.kill(int(pid), signal.SIGKILL)
            except ProcessLookupError:
                left.remove(pid)
        self.assertEqual(left, [], 'processes left')

    def test_at_any_moment(self):
        chance = random.Random()
        for name, program in PROGRAMS.items():
            for _ in range(ROUNDS):
                delay = chance.uniform(0, 0.15)
                with self.subTest(program=name, delay=delay):
                    self.one(program, delay)


if __name__ == '__main__':
    unittest.main()
