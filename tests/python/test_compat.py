# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""Programs of multiprocessing run with only the import line changed, and print the same."""

import importlib.util
import re
import subprocess
import sys
import unittest
from pathlib import Path

from support import TestCase, run

EXAMPLES = Path(__file__).resolve().parents[2] / 'examples'

# The same module in every interpreter that runs these tests, and dill's fork of it where it is.
PEERS = [name for name in ('multiprocessing', 'multiprocess') if importlib.util.find_spec(name)]


def plain(text):
    """Without what differs from run to run."""
    return re.sub(r'0x[0-9a-f]+', '0x…', text)


class Examples(TestCase):
    def ours(self, name):
        result = subprocess.run([sys.executable, EXAMPLES / name], text=True, timeout=60,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE)
        self.assertEqual((result.returncode, result.stderr), (0, ''))
        return plain(result.stdout)

    def theirs(self, name, peer):
        text = (EXAMPLES / name).read_text(encoding='utf-8')
        changed = text.replace('from mproc import', f'from {peer} import')
        self.assertNotEqual(text, changed)
        status, out, errors = run(changed)
        self.assertEqual((status, errors), (0, ''))
        return plain(out)

    def check(self, name, expected, peers=PEERS):
        self.assertEqual(self.ours(name), expected)
        for peer in peers:
            with self.subTest(peer=peer):
                self.assertEqual(self.theirs(name, peer), expected)

    def test_hello(self):
        self.check('hello.py', 'hello world\n')

    def test_manager(self):
        self.check('manager.py', '[9, 8, 7, 6, 5, 4, 3, 2, 1, 0]\n'
                                 "<ListProxy object, typeid 'list' at 0x…>\n")

    def test_pool(self):
        self.check('pool.py', '[0, 1, 4, 9, 16, 25, 36, 49, 64, 81]\n')

    def test_lambda(self):
        self.check('lambda.py', '[0, 2, 6, 12, 20, 30, 42, 56, 72, 90]\n',
                   [peer for peer in PEERS if peer == 'multiprocess'])

    def test_condition(self):
        self.check('condition.py', '<Condition(<RLock(None, 0)>, 0)>\n'
                                   '<Condition(<RLock(MainProcess, 1)>, 0)>\n')


class Programs(TestCase):
    """Longer ones, of the kind that manuals show."""

    def check(self, body):
        outputs = {}
        for module in ('multiprocessing', 'mproc'):
            status, out, errors = run(f'import {module} as mp\nimport os, queue, sys, time\n{body}')
            self.assertEqual((status, errors), (0, ''), module)
            outputs[module] = plain(out)
        self.assertEqual(outputs['mproc'], outputs['multiprocessing'])
        self.assertNotEqual(outputs['mproc'], '')

    def test_task_queue(self):
        self.check('''
def worker(tasks, done):
    for func, args in iter(tasks.get, 'STOP'):
        done.put((func(*args), func.__name__, args))

def mul(a, b):
    return a * b

def plus(a, b):
    return a + b

if __name__ == '__main__':
    tasks, done = mp.Queue(), mp.Queue()
    work = [(mul, (i, 7)) for i in range(20)] + [(plus, (i, 8)) for i in range(10)]
    for task in work:
        tasks.put(task)
    workers = [mp.Process(target=worker, args=(tasks, done)) for _ in range(4)]
    for w in workers:
        w.start()
    for line in sorted(done.get() for _ in work):
        print(line)
    for w in workers:
        tasks.put('STOP')
    for w in workers:
        w.join()
        print(w.exitcode, w.name, w.is_alive())
''')

    def test_pool_calls(self):
        self.check('''
def calculate(func, args):
    return '%s says that %s%s = %s' % ('it', func.__name__, args, func(*args))

def mul(a, b):
    return a * b

def pow3(x):
    return x ** 3

def f(x):
    return 1.0 / (x - 5.0)

if __name__ == '__main__':
    with mp.Pool(4) as pool:
        results = [pool.apply_async(calculate, (mul, (i, 7))) for i in range(5)]
        imap = pool.imap(pow3, range(10))
        unordered = pool.imap_unordered(pow3, range(10))
        for r in results:
            print(r.get())
        print(list(imap), sorted(unordered))
        for call in (lambda: pool.apply(f, (5,)), lambda: pool.map(f, range(10)),
                     lambda: list(pool.imap(f, range(10)))):
            try:
                print(call())
            except ZeroDivisionError as error:
                print('Got', error)
        it = pool.imap(f, range(10))
        for i in range(10):
            try:
                x = next(it)
            except ZeroDivisionError:
                print('error at', i)
            except StopIteration:
                break
        res = pool.apply_async(calculate, (mul, (1, 2)))
        while True:
            try:
                print(res.get(0.02))
                break
            except mp.TimeoutError:
                pass
        A, B = [], ['56', '0', '1', '8']
        r = pool.apply_async(mul, (7, 8), callback=lambda v: A.append(str(v)))
        r.wait()
        r = pool.map_async(pow3, range(3), callback=lambda v: A.extend(map(str, v)))
        r.wait()
        print(A == B)
    try:
        pool.apply(mul, (1, 2))
    except ValueError as error:
        print(error)
''')

    def test_managers_and_names(self):
        self.check('''
def f(d, l):
    d[1] = '1'
    d['2'] = 2
    d[0.25] = None
    l.reverse()

if __name__ == '__main__':
    with mp.Manager() as manager:
        d, l = manager.dict(), manager.list(range(10))
        p = mp.Process(target=f, args=(d, l))
        p.start()
        p.join()
        print(d, l, repr(d), repr(l))
        print(l[2:4], l + [5], l.index(3), len(d), d.get('x'), 3 in l, d.copy(), d.items())
    print(mp.current_process(), mp.parent_process(), mp.active_children(), mp.cpu_count())
''')

    def test_errors_and_ends(self):
        self.check('''
def show(call):
    try:
        print(call())
    except BaseException as error:
        print(type(error).__name__, error)

if __name__ == '__main__':
    show(mp.Lock().release)
    show(mp.RLock().release)
    show(mp.Condition().notify)
    show(mp.Condition().wait)
    show(mp.Queue().get_nowait)
    q = mp.Queue(1)
    q.put(1)
    show(lambda: q.put(2, timeout=0.01))
    show(q.full)
    q.close()
    show(lambda: mp.Pool(0))
    show(lambda: mp.Pool(1, 'x'))
    p = mp.Process(target=sys.exit, args=(3,))
    show(p.join)
    show(lambda: p.sentinel)
    p.start()
    show(p.start)
    p.join()
    show(lambda: (p.exitcode, p.daemon, p.name))
    show(lambda: repr(p).replace(str(p.pid), 'PID').replace(str(os.getpid()), 'PARENT'))
    p.close()
    show(p.is_alive)
    show(lambda: mp.Process(1))
''')


class Guide(TestCase):
    def test_programs_of_the_guide_run(self):
        text = (EXAMPLES.parent / 'doc/python.md').read_text(encoding='utf-8')
        programs = re.findall(r'^```python\n(.*?)^```$', text, re.DOTALL | re.MULTILINE)
        self.assertGreater(len(programs), 5)
        for program in programs:
            with self.subTest(program=program):
                status, out, errors = run(program)
                self.assertEqual((status, errors), (0, ''))
                self.assertNotEqual(out, '')


if __name__ == '__main__':
    unittest.main()
