# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""Semaphores, events and barriers: as in multiprocessing, run beside it; and what dies there."""

import multiprocessing
import os
import re
import signal
import threading
import time
import unittest
from threading import BrokenBarrierError

from support import Running, TestCase

from gi.repository import Mp

import mproc

BOTH = multiprocessing, mproc

# The first one opens what multiprocessing keeps.
_first = multiprocessing.Barrier(1)


def outcome(call):
    """What call() returns, or which exception it raises."""
    try:
        return call()
    except BaseException as error:
        return type(error), str(error)


class Semaphores(TestCase):
    def scene(self, module):
        for kind in module.Semaphore, module.BoundedSemaphore:
            for s in kind(), kind(2), kind(value=3), kind(0):
                yield repr(s), str(s), s.get_value()
                yield s.acquire(False), s.acquire(block=False), s.acquire(True, 0.01)
                yield s.acquire(timeout=0), s.acquire(timeout=-1), repr(s)
                yield [outcome(s.release) for _ in range(4)], repr(s)
            with kind() as value:
                yield value
        yield outcome(module.Semaphore(2**31 - 1).release)
        yield module.Semaphore(2**31 - 1).get_value()
        yield isinstance(module.BoundedSemaphore(), type(module.Semaphore()))
        yield outcome(lambda: module.Semaphore('1'))
        yield outcome(lambda: module.Semaphore(1.5))
        yield outcome(lambda: module.Semaphore(None))

    def test_as_in_multiprocessing(self):
        theirs, ours = (list(self.scene(module)) for module in BOTH)
        self.assertEqual(ours, theirs)
        self.assertGreater(len(ours), 30)

    def test_refused(self):
        for kind in mproc.Semaphore, mproc.BoundedSemaphore:
            self.assertRaises(ValueError, kind, -1)
            self.assertRaises(OverflowError, kind, 2**31)
            self.assertRaises(OverflowError, kind, 2**80)
        self.assertRaises(ValueError, mproc.Semaphore, 0, recoverable=True)
        self.assertRaises(ValueError, mproc.Semaphore, 8193, recoverable=True)

    def test_between_processes(self):
        s, q = mproc.Semaphore(0), mproc.Queue()
        self.child(lambda: [q.put(s.acquire(timeout=20)) for _ in range(3)])
        self.assertRaises(mproc.queues.Empty, q.get, timeout=0.1)
        for _ in range(3):
            s.release()
            self.assertTrue(q.get(timeout=10))
        self.assertEqual(s.get_value(), 0)

    def test_through_a_queue(self):
        """multiprocessing refuses that."""
        q = mproc.Queue()
        for s in mproc.Semaphore(2), mproc.BoundedSemaphore(2, recoverable=True):
            q.put(s)
            same = q.get()
            self.assertIs(type(same), type(s))
            same.acquire()
            self.assertEqual(s.get_value(), 1)
            s.release()

    def test_recoverable(self):
        plain, owned, q = mproc.Semaphore(2), mproc.Semaphore(2, recoverable=True), mproc.Queue()

        def take_and_die():
            for s in plain, owned, owned:
                s.acquire()
            q.put((plain.get_value(), owned.get_value()))
            os.kill(os.getpid(), signal.SIGKILL)

        p = self.child(take_and_die)
        self.assertEqual(q.get(timeout=10), (1, 0))
        self.assertTrue(owned.acquire(timeout=10))
        p.join()
        self.assertEqual((plain.get_value(), owned.get_value()), (1, 1))
        self.assertTrue(owned.get_recoverable())
        owned.release()
        self.assertRaises(ValueError, owned.release)

    def test_abandoned_locks(self):
        lock, q = mproc.Lock(), mproc.Queue()
        p = self.child(lambda: (lock.acquire(), q.put(1), time.sleep(60)))
        q.get(timeout=10)
        p.kill()
        self.assertTrue(lock.acquire(timeout=10))
        self.assertIs(lock.abandoned, True)
        lock.release()
        with lock:
            self.assertIs(lock.abandoned, False)


class Events(TestCase):
    def scene(self, module):
        e = module.Event()
        shown = re.compile(r' at 0x[0-9a-f]+ ')
        yield e.is_set(), e.wait(0), e.wait(0.01), e.wait(timeout=-1), shown.sub(' ', repr(e))
        yield e.set(), e.is_set(), e.wait(), e.wait(0), shown.sub(' ', repr(e)), e.set()
        yield e.clear(), e.is_set(), e.wait(0), e.clear()

    def test_as_in_multiprocessing(self):
        theirs, ours = (list(self.scene(module)) for module in BOTH)
        self.assertEqual(ours, theirs)

    def test_waits_as_long_as_said(self):
        e = mproc.Event()
        before = time.monotonic()
        self.assertFalse(e.wait(0.25))
        self.assertGreaterEqual(time.monotonic() - before, 0.25)

    def test_releases_all(self):
        e, q = mproc.Event(), mproc.Queue()

        def wait():
            q.put('waits')
            q.put(e.wait(20))

        for _ in range(3):
            self.child(wait)
        self.assertEqual([q.get(timeout=10) for _ in range(3)], ['waits'] * 3)
        time.sleep(0.3)         # more than one piece of a wait
        e.set()
        e.clear()
        self.assertEqual([q.get(timeout=10) for _ in range(3)], [True] * 3)

    def test_dead_waiters_hold_nobody_up(self):
        e, q = mproc.Event(), mproc.Queue()
        victims = [self.child(lambda: (q.put(1), e.wait())) for _ in range(3)]
        for _ in victims:
            q.get(timeout=10)
        time.sleep(0.05)
        for p in victims:
            p.kill()
            p.join()
        e.set()

    def test_through_a_queue(self):
        e, q = mproc.Event(), mproc.Queue()
        q.put(e)
        q.get().set()
        self.assertTrue(e.is_set())


class Barriers(TestCase):
    def meet(self, module, parties=3, wait=None, **options):
        """What each of so many processes gets."""
        b, q = module.Barrier(parties, **options), module.Queue()

        def party():
            q.put(outcome(lambda: (wait or type(b).wait)(b)))

        processes = [module.Process(target=party) for _ in range(parties)]
        for p in processes:
            p.start()
        got = [q.get(timeout=20) for _ in processes]
        for p in processes:
            p.join()
            p.close()
        q.close()
        q.join_thread()
        return sorted(got, key=repr), b.broken, b.n_waiting, b.parties

    def test_as_in_multiprocessing(self):
        def fail():
            raise KeyError('no')

        for wait, options in [
                (None, {}),
                (None, {'timeout': 20}),
                (lambda b: [b.wait() for _ in range(5)] and 0, {}),
                (lambda b: b.wait(timeout=20), {'action': lambda: None}),
                (None, {'action': fail}),
                (lambda b: b.abort(), {})]:
            theirs, ours = (self.meet(module, wait=wait, **options) for module in BOTH)
            self.assertEqual(ours, theirs)

    def states(self, module):
        b = module.Barrier(2)
        shown = re.compile(r'^<\w+\.|0x[0-9a-f]+')
        yield b.parties, b.n_waiting, b.broken, shown.sub('', repr(b))
        yield outcome(lambda: b.wait(0.05)), b.broken, shown.sub('', repr(b))
        yield outcome(b.wait), b.reset(), b.broken, b.reset()
        yield b.abort(), b.broken, outcome(b.wait), b.n_waiting, b.reset(), b.broken
        yield outcome(lambda: b.wait(-1)), b.broken
        yield outcome(lambda: module.Barrier(2, timeout=0.05).wait())
        yield outcome(lambda: module.Barrier(1).wait())
        said = []
        yield module.Barrier(1, lambda: said.append(1), 2).wait(), said
        yield outcome(module.Barrier(1, action=lambda: 1 / 0).wait)

    def test_states_as_in_multiprocessing(self):
        theirs, ours = (list(self.states(module)) for module in BOTH)
        self.assertEqual(ours, theirs)

    def test_refused(self):
        self.assertRaises(ValueError, mproc.Barrier, 0)
        self.assertRaises(ValueError, mproc.Barrier, -2)
        self.assertRaises(ValueError, mproc.Barrier, 8193)
        self.assertRaises(OverflowError, mproc.Barrier, 2**40)
        self.assertRaises(TypeError, mproc.Barrier, 'x')

    def test_one_action_before_all_are_released(self):
        q = mproc.Queue()
        got = self.meet(mproc, 4, action=lambda: q.put('acted'),
                        wait=lambda b: (b.wait(), q.qsize()))
        self.assertEqual(got[0], [(i, 1) for i in range(4)])

    def test_reset_breaks_those_who_wait(self):
        b, q = mproc.Barrier(3), mproc.Queue()
        for _ in range(2):
            self.child(lambda: q.put(outcome(b.wait)[0]))
        self.assertSoon(lambda: b.n_waiting == 2)
        b.reset()
        self.assertEqual([q.get(timeout=10) for _ in range(2)], [BrokenBarrierError] * 2)
        self.assertFalse(b.broken)

    def test_dead_party(self):
        b, q = mproc.Barrier(3), mproc.Queue()
        victim = self.child(b.wait)
        self.assertSoon(lambda: b.n_waiting == 1)
        self.child(lambda: q.put(outcome(b.wait)[0]))
        self.assertSoon(lambda: b.n_waiting == 2)
        victim.kill()
        self.assertIs(q.get(timeout=10), BrokenBarrierError)
        self.assertTrue(b.broken)
        self.assertRaises(BrokenBarrierError, b.wait)

    def test_dead_actor(self):
        b = mproc.Barrier(2, action=lambda: os.kill(os.getpid(), signal.SIGKILL))
        q = mproc.Queue()
        self.child(lambda: q.put(outcome(b.wait)[0]))
        self.assertSoon(lambda: b.n_waiting == 1)
        self.child(b.wait)
        self.assertIs(q.get(timeout=10), BrokenBarrierError)

    def test_through_a_queue(self):
        q = mproc.Queue()
        q.put(mproc.Barrier(1, print_nothing, 5))
        b = q.get()
        self.assertEqual((b.wait(), b.parties, b.get_timeout()), (0, 1, 5))
        self.assertIs(b._action, print_nothing)
        q.put(mproc.Barrier(1))
        self.assertIsNone(q.get()._action)

    def test_threads(self):
        b, got = mproc.Barrier(3), []
        threads = [threading.Thread(target=lambda: got.append(b.wait(10))) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(sorted(got), [0, 1, 2])


def print_nothing():
    pass


class Names(TestCase):
    def test_everywhere(self):
        from mproc import synchronize
        for name in 'Semaphore', 'BoundedSemaphore', 'Event', 'Barrier':
            kind = getattr(synchronize, name)
            self.assertIs(kind, getattr(Mp, name))
            self.assertTrue(hasattr(multiprocessing.synchronize, name))
            argument = [1] if name == 'Barrier' else []
            for context in mproc, mproc.get_context(), mproc.get_context('fork'):
                self.assertIs(type(getattr(context, name)(*argument)), kind)

    def test_handles(self):
        for thing in mproc.Semaphore(4), mproc.Event(), mproc.Barrier(4):
            self.assertIs(type(Mp.Shared.open(thing.get_handle())), type(thing))


class Conditions(TestCase):
    def test_which_locks(self):
        for lock in mproc.Lock(), mproc.RLock():
            self.assertEqual(mproc.Condition(lock).get_lock(), lock)
        for lock in threading.Lock(), threading.RLock(), 5, mproc.Event(), mproc.Condition():
            for make in mproc.Condition, Mp.Condition.new:
                with self.assertRaisesRegex(TypeError, 'must be a Lock or RLock of mproc, not '):
                    make(lock)

    def test_how_many(self):
        c = mproc.Condition()
        with c:
            for n in -1, -1 << 40:
                with self.assertRaisesRegex(ValueError, 'must be >= 0'):
                    c.notify(n)
            for n in 1.5, 'one', None:
                self.assertRaises(TypeError, c.notify, n)
            c.notify(0)
            c.notify(3)

    def test_abandoned(self):
        c = mproc.Condition()
        with c:
            self.assertIs(c.abandoned, False)

        def die():
            c.acquire()
            os.kill(os.getpid(), signal.SIGKILL)
        self.child(die).join()
        with c:
            self.assertIs(c.abandoned, True)
            self.assertIs(c.get_lock().abandoned, True)
        with c:
            self.assertIs(c.abandoned, False)


class Interrupts(TestCase):
    """Ctrl-C ends every call that waits; at a barrier it breaks that."""

    SCENES = {
        'Semaphore': 's = Semaphore(0); ready(); s.acquire()',
        'with': 's = BoundedSemaphore(1)\nwith s:\n    ready()\n    with s:\n        pass',
        'Event': 'e = Event(); ready(); e.wait()',
        'Event with timeout': 'e = Event(); ready(); e.wait(30)',
        'Barrier': 'b = Barrier(2); ready()\ntry:\n    b.wait()\nfinally:\n    assert b.broken',
    }

    def test_every_wait(self):
        head = 'import signal, time\nfrom mproc import *\ndef ready(): print("ready")\n'
        started = {name: Running(head + scene) for name, scene in self.SCENES.items()}
        for name, program in started.items():
            with self.subTest(wait=name):
                program.expect('ready')
                time.sleep(0.15)
                program.interrupt()
                status, _, errors = program.end()
                self.assertEqual(status, -signal.SIGINT, errors)
                self.assertEqual(errors.strip().splitlines()[-1], 'KeyboardInterrupt')


if __name__ == '__main__':
    unittest.main()
