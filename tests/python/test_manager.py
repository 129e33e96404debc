# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""Managers: lists and dicts in a server, used as if they were list and dict."""

import os
import signal
import time
import unittest

from support import Running, TestCase, is_running, wait_until

from gi.repository import Mp

import mproc


class Base(TestCase):
    def setUp(self):
        super().setUp()
        self.m = mproc.Manager()
        self.addCleanup(self.end)

    def end(self):
        self.m.shutdown()
        del self.m


class Lists(Base):
    def test_behaves_as_list(self):
        """The same calls on both give the same results, errors and contents."""
        calls = [
            lambda l: l.append(3), lambda l: l.extend([1, 2]), lambda l: l.extend(iter('ab')),
            lambda l: l.insert(0, 'first'), lambda l: l.insert(-1, 'x'), lambda l: l.insert(99, 9),
            lambda l: l[0], lambda l: l[-1], lambda l: l[99], lambda l: l['x'], lambda l: l[1:3],
            lambda l: l[::-1], lambda l: l[:], lambda l: l.__setitem__(0, {'a': (1, 2)}),
            lambda l: l.__setitem__(99, 1), lambda l: l.__setitem__(slice(1, 3), [7, 8, 9]),
            lambda l: l.__setitem__(slice(None, None, 3), [0] * len(l[::3])),
            lambda l: l.pop(), lambda l: l.pop(0), lambda l: l.pop(99), lambda l: l.remove('x'),
            lambda l: l.remove('not there'), lambda l: l.index(9), lambda l: l.index('no'),
            lambda l: l.index(0, 1), lambda l: l.count(0), lambda l: 9 in l, lambda l: 'no' in l,
            lambda l: len(l), lambda l: list(l), lambda l: list(reversed(l)), lambda l: l + [1],
            lambda l: [1] + l, lambda l: l * 2, lambda l: 2 * l, lambda l: l.reverse(),
            lambda l: l.__delitem__(0), lambda l: l.__delitem__(99),
            lambda l: l.__delitem__(slice(0, 2)), lambda l: l.copy(), lambda l: l == [1],
            lambda l: l == list(l), lambda l: l != [1], lambda l: str(l), lambda l: bool(l),
            lambda l: l.sort(key=str), lambda l: l.sort(key=str, reverse=True), lambda l: l.clear(),
            lambda l: l.pop(), lambda l: bool(l), lambda l: l.extend([3, 1, 2]), lambda l: l.sort(),
            lambda l: l.sort(reverse=True), lambda l: 1.0 in l, lambda l: l.remove(2.0),
            lambda l: l < [4], lambda l: max(l), lambda l: sorted(l), lambda l: [*l, 5],
        ]
        plain, proxy = [5, 'five'], self.m.list([5, 'five'])
        for number, call in enumerate(calls):
            with self.subTest(call=number):
                self.assertEqual(outcome(call, proxy), outcome(call, plain))
                self.assertEqual(proxy._getvalue(), plain)

    def test_augmented(self):
        l = self.m.list()
        same = l
        l += [1, 2]
        l *= 2
        self.assertIs(l, same)
        self.assertEqual(l, [1, 2, 1, 2])

    def test_texts(self):
        l = self.m.list(range(10))
        l.reverse()
        self.assertEqual(str(l), '[9, 8, 7, 6, 5, 4, 3, 2, 1, 0]')
        self.assertRegex(repr(l), r"^<ListProxy object, typeid 'list' at 0x[0-9a-f]+>$")

    def test_any_value(self):
        values = [None, b'x', (1,), {1: 2}, {3}, 10 ** 30, 'ü', float('inf'), len, ValueError]
        l = self.m.list(values)
        self.assertEqual(list(l), values)

    def test_natural_in_the_library_too(self):
        manager = Mp.Manager.new()
        self.addCleanup(manager.shutdown)
        self.assertEqual(manager.create_list([1, 'a'])[1], 'a')
        self.assertEqual(manager.create_dict({'a': 1})['a'], 1)


class Dicts(Base):
    def test_keys_are_hashable(self):
        d = self.m.dict(a=1)
        self.assertRaises(TypeError, d.__setitem__, [], 5)
        self.assertRaises(TypeError, d.setdefault, {}, 5)
        self.assertEqual(d.copy(), {'a': 1})

    def test_behaves_as_dict(self):
        calls = [
            lambda d: d['a'], lambda d: d['no'], lambda d: d.__setitem__('b', [1, 2]),
            lambda d: d.get('b'), lambda d: d.get('no'), lambda d: d.get('no', 5),
            lambda d: d.setdefault('b', 0), lambda d: d.setdefault('c', 0),
            lambda d: d.setdefault('n'), lambda d: d.update({'x': 1}, y=2),
            lambda d: d.update([('z', 3)]), lambda d: d.update(), lambda d: d.pop('x'),
            lambda d: d.pop('x'), lambda d: d.pop('x', 'default'), lambda d: 'y' in d,
            lambda d: 'no' in d, lambda d: len(d), lambda d: list(d), lambda d: list(d.keys()),
            lambda d: list(d.values()), lambda d: list(d.items()), lambda d: dict(d),
            lambda d: d.__delitem__('y'), lambda d: d.__delitem__('y'), lambda d: d.copy(),
            lambda d: d == {'a': 1}, lambda d: d == dict(d), lambda d: str(d), lambda d: bool(d),
            lambda d: d | {'q': 1}, lambda d: {'q': 1} | d, lambda d: d.__setitem__(5, 'five'),
            lambda d: d[5], lambda d: d.__setitem__((1, 'x'), None), lambda d: d[1, 'x'],
            lambda d: d.popitem(), lambda d: d.popitem(), lambda d: d.clear(),
            lambda d: d.popitem(), lambda d: bool(d),
        ]
        plain, proxy = {'a': 1}, self.m.dict({'a': 1})
        for number, call in enumerate(calls):
            with self.subTest(call=number):
                self.assertEqual(outcome(call, proxy), outcome(call, plain))
                self.assertEqual(proxy._getvalue(), plain)

    def test_construction_and_texts(self):
        d = self.m.dict([('a', 1)], b=2)
        same = d
        d |= {'c': 3}
        self.assertIs(d, same)
        self.assertEqual(d, {'a': 1, 'b': 2, 'c': 3})
        self.assertRegex(repr(d), r"^<DictProxy object, typeid 'dict' at 0x[0-9a-f]+>$")


def outcome(call, subject):
    try:
        return call(subject)
    except Exception as error:
        return type(error), str(error)


def add(l, d, number):
    for i in range(50):
        l.append((number, i))
    d[number] = os.getpid()


class Sharing(Base):
    def test_children(self):
        l, d = self.m.list(), self.m.dict()
        children = [self.child(add, l, d, number) for number in range(4)]
        for p in children:
            p.join()
        self.assertEqual(sorted(l), [(n, i) for n in range(4) for i in range(50)])
        self.assertEqual(d, {n: p.pid for n, p in enumerate(children)})

    def test_pool(self):
        l, d = self.m.list(), self.m.dict()
        with mproc.Pool(2) as p:
            p.starmap(add, [(l, d, n) for n in range(4)])
        p.join()
        self.assertEqual(len(l), 200)
        self.assertEqual(sorted(d), [0, 1, 2, 3])

    def test_changes_are_one_step(self):
        l = self.m.list([3, 1, 2])

        def change(number):
            for i in range(20):
                l.append((number, i))
                l.sort(key=str)
                l.remove((number, i))

        for p in [self.child(change, number) for number in range(3)]:
            p.join()
            self.assertEqual(p.exitcode, 0)
        self.assertEqual(sorted(l), [1, 2, 3])

    def test_proxies_travel(self):
        l, d, q = self.m.list(), self.m.dict(), mproc.Queue()
        l.append(d)
        d['x'] = 1
        self.assertEqual(l[0], {'x': 1})
        q.put((l, d))
        other, _ = q.get()
        other.append(2)
        self.assertEqual(len(l), 2)

    def test_queues_and_locks_of_a_manager(self):
        q, lock = self.m.Queue(), self.m.Lock()
        self.child(lambda: (lock.acquire(), q.put(5), lock.release()))
        self.assertEqual(q.get(timeout=10), 5)


class End(TestCase):
    def test_with(self):
        with mproc.Manager() as m:
            l = m.list([1])
            pid = m._mp.get_pid()
            self.assertTrue(is_running(pid))
        self.assertTrue(wait_until(lambda: not is_running(pid)))
        self.assertRaises(mproc.ServerDied, len, l)
        self.assertRaises(ConnectionError, l.append, 1)

    def test_lives_as_long_as_a_proxy(self):
        l = mproc.Manager().list([1])
        self.assertEqual(l, [1])
        pid = l.manager.get_pid()
        del l
        self.assertTrue(wait_until(lambda: not is_running(pid)))

    def test_killed_server(self):
        m = mproc.Manager()
        l = m.list([1])
        os.kill(m._mp.get_pid(), signal.SIGKILL)
        time.sleep(0.1)
        self.assertRaises(mproc.ServerDied, l.append, 1)
        m.shutdown()

    def test_ends_with_its_creator(self):
        program = Running('''
import time, mproc
m = mproc.Manager()
print(m._mp.get_pid())
time.sleep(60)
''')
        pid = int(program.expect(''))
        program.process.kill()
        program.end()
        self.assertTrue(wait_until(lambda: not is_running(pid)))

    def test_ends_at_exit(self):
        program = Running('import mproc\nm = mproc.Manager()\nprint(m._mp.get_pid())\n')
        pid = int(program.expect(''))
        self.assertEqual(program.end()[::2], (0, ''))
        self.assertTrue(wait_until(lambda: not is_running(pid)))


if __name__ == '__main__':
    unittest.main()
