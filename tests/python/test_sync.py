# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""Locks and conditions: exclusion, errors, text, death; as in multiprocessing, or better."""

import multiprocessing
import os
import signal
import threading
import time
import unittest

from support import Running, TestCase

from gi.repository import Mp

import mproc


class Locks(TestCase):
    def test_excludes_other_processes(self):
        lock, q = mproc.Lock(), mproc.Queue()
        counter = mproc.Queue()
        counter.put(0)

        def add():
            for _ in range(300):
                with lock:
                    counter.put(counter.get() + 1)
            q.put('done')

        for _ in range(3):
            self.child(add)
        self.assertEqual([q.get(timeout=30) for _ in range(3)], ['done'] * 3)
        self.assertEqual(counter.get(), 900)

    def test_acquire(self):
        lock, q = mproc.Lock(), mproc.Queue()
        self.assertTrue(lock.acquire())
        self.assertTrue(lock.locked())
        self.assertFalse(lock.acquire(False))
        self.assertFalse(lock.acquire(block=False))
        self.assertFalse(lock.acquire(timeout=-1))
        before = time.monotonic()
        self.assertFalse(lock.acquire(True, 0.2))
        self.assertGreaterEqual(time.monotonic() - before, 0.2)
        self.child(lambda: q.put(lock.acquire(timeout=0.1)))
        self.assertFalse(q.get(timeout=10))
        lock.release()
        self.assertFalse(lock.locked())

    def test_with(self):
        for lock in mproc.Lock(), mproc.RLock(), mproc.Condition():
            with lock as value:
                self.assertIs(value, True)
            with self.assertRaises(ZeroDivisionError), lock:
                1 / 0
            self.assertTrue(lock.acquire(False))
            lock.release()

    def test_rlock_is_recursive(self):
        lock, q = mproc.RLock(), mproc.Queue()
        for _ in range(3):
            self.assertTrue(lock.acquire())
        for left in (2, 1, 0):
            lock.release()
            self.child(lambda: q.put(lock.acquire(False)))
            self.assertEqual(q.get(timeout=10), left == 0)

    def test_errors(self):
        with self.assertRaisesRegex(ValueError, 'semaphore or lock released too many times'):
            mproc.Lock().release()
        with self.assertRaisesRegex(AssertionError, 'not owned by thread'):
            mproc.RLock().release()
        lock, errors = mproc.RLock(), []

        def other():
            try:
                lock.release()
            except AssertionError as error:
                errors.append(error)
        lock.acquire()
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
        self.assertEqual(len(errors), 1)
        lock.release()

    def test_dead_owner_lets_go(self):
        for lock in mproc.Lock(), mproc.RLock():
            p = self.child(lambda: (lock.acquire(), os.kill(os.getpid(), signal.SIGKILL)))
            p.join()
            self.assertTrue(lock.acquire(timeout=10))
            lock.release()

    def test_kinds(self):
        self.assertIsInstance(mproc.RLock(), mproc.synchronize.RLock)
        self.assertIs(type(mproc.Lock()), Mp.Lock)
        self.assertTrue(Mp.Lock.new().acquire(timeout=1))


class Text(TestCase):
    """Every state is shown in the very words of multiprocessing."""

    def both(self, scene):
        """What scene(module, say) says for multiprocessing, and for mproc."""
        texts = []
        for module in multiprocessing, mproc:
            said = []
            scene(module, said.append)
            texts.append(said)
        return texts

    def check(self, scene):
        theirs, ours = self.both(scene)
        self.assertEqual(ours, theirs)
        self.assertGreater(len(ours), 2)

    def test_lock(self):
        def scene(module, say):
            lock = module.Lock()
            say(repr(lock))
            lock.acquire()
            say(repr(lock))
            self.in_thread(lambda: say(repr(lock)))
            say(self.in_child(module, lambda: repr(lock)))
            lock.release()
            say(repr(lock))
            self.in_thread(lambda: (lock.acquire(), say(repr(lock)), lock.release()))
            say(self.in_child(module, lambda: (lock.acquire(), repr(lock), lock.release())[1]))
        self.check(scene)

    def test_rlock(self):
        def scene(module, say):
            lock = module.RLock()
            say(repr(lock))
            lock.acquire()
            say(repr(lock))
            lock.acquire()
            say(str(lock))
            self.in_thread(lambda: say(repr(lock)))
            say(self.in_child(module, lambda: repr(lock)))
            lock.release()
            lock.release()
            self.in_thread(lambda: (lock.acquire(), say(repr(lock)), lock.release()))
            say(self.in_child(module, lambda: (lock.acquire(), repr(lock), lock.release())[1]))
        self.check(scene)

    def test_condition(self):
        def scene(module, say):
            c = module.Condition()
            say(repr(c))
            c.acquire()
            say(repr(c))
            c.acquire()
            say(repr(c))
            say(self.in_child(module, lambda: repr(c)))
            self.in_thread(lambda: say(repr(c)))
            say(repr(module.Condition(module.Lock())))
        self.check(scene)

    def test_condition_with_waiters(self):
        def scene(module, say):
            c, ready = module.Condition(), module.Queue()

            def wait():
                with c:
                    ready.put(1)
                    c.wait()
            p = module.Process(target=wait)
            p.start()
            ready.get()
            with c:
                say(repr(c))
                c.notify()
                say(repr(c))
            p.join()
            say(repr(c))
            ready.close()
            ready.join_thread()
        self.check(scene)

    def test_name_of_the_process(self):
        def scene(module, say):
            lock = module.Lock()
            before = module.current_process().name
            module.current_process().name = 'Other'
            lock.acquire()
            say(repr(lock))
            module.current_process().name = before
            say(repr(lock))
            say(before)
        self.check(scene)

    def in_thread(self, call):
        thread = threading.Thread(target=call, name='T')
        thread.start()
        thread.join()

    def in_child(self, module, call):
        q = module.SimpleQueue() if hasattr(module, 'SimpleQueue') else module.Queue()
        p = module.Process(target=lambda: q.put(call()), name='Child')
        p.start()
        text = q.get()
        p.join()
        p.close()
        if hasattr(q, 'close'):
            q.close()
        return text


class Conditions(TestCase):
    def test_notify_wakes_one(self):
        c, q = mproc.Condition(), mproc.Queue()

        def wait():
            with c:
                q.put('waits')
                c.wait()
                q.put('woken')

        for _ in range(2):
            self.child(wait)
        for _ in range(2):
            q.get(timeout=10)
        with c:
            c.notify()
        self.assertEqual(q.get(timeout=10), 'woken')
        self.assertRaises(mproc.queues.Empty, q.get, timeout=0.2)
        with c:
            c.notify(1)
        self.assertEqual(q.get(timeout=10), 'woken')

    def test_notify_all(self):
        c, q = mproc.Condition(mproc.Lock()), mproc.Queue()

        def wait():
            with c:
                q.put('waits')
                q.put(c.wait(20))

        for _ in range(3):
            self.child(wait)
        self.assertEqual([q.get(timeout=10) for _ in range(3)], ['waits'] * 3)
        with c:
            c.notify_all()
        self.assertEqual([q.get(timeout=10) for _ in range(3)], [True] * 3)

    def test_timeout_takes_the_lock_back(self):
        c, q = mproc.Condition(), mproc.Queue()
        with c, c:
            self.assertFalse(c.wait(0.2))
            self.child(lambda: q.put(c.acquire(False)))
            self.assertFalse(q.get(timeout=10))
        self.child(lambda: q.put(c.acquire(False)))
        self.assertTrue(q.get(timeout=10))

    def test_wait_for(self):
        c, tickets = mproc.Condition(), mproc.Queue()

        def give():
            for i in range(3):
                with c:
                    tickets.put(i)
                    c.notify_all()
        self.child(give)
        with c:
            self.assertIs(c.wait_for(lambda: tickets.qsize() == 3, 10), True)
            self.assertIs(c.wait_for(lambda: False, 0.1), False)
            self.assertEqual(c.wait_for(lambda: 'at once'), 'at once')

    def test_errors(self):
        c = mproc.Condition()
        with self.assertRaisesRegex(AssertionError, r'must acquire\(\) condition before'):
            c.wait()
        with self.assertRaisesRegex(AssertionError, 'lock is not owned'):
            c.notify()
        with self.assertRaisesRegex(AssertionError, 'lock is not owned'):
            c.notify_all()
        with self.assertRaises(AssertionError):
            c.release()

    def test_dead_waiters_hold_nobody_up(self):
        c, q = mproc.Condition(), mproc.Queue()

        def wait():
            with c:
                q.put('waits')
                c.wait()

        victims = [self.child(wait) for _ in range(2)]
        for _ in victims:
            q.get(timeout=10)
        for p in victims:
            p.kill()
            p.join()
        with c:
            c.notify_all()


class Interrupts(TestCase):
    """Ctrl-C ends every call that waits."""

    SCENES = {
        'Lock': 'lock = Lock(); lock.acquire(); ready(); lock.acquire()',
        'Lock with timeout': 'lock = Lock(); lock.acquire(); ready(); lock.acquire(timeout=30)',
        'Queue.get': 'q = Queue(); ready(); q.get()',
        'Queue.put': 'q = Queue(1); q.put(1); ready(); q.put(2)',
        'for': 'q = Queue(); ready(); list(q)',
        'Condition': 'c = Condition(); c.acquire(); ready(); c.wait()',
        'with Condition': 'c = Condition()\nwith c:\n    ready()\n    c.wait(30)',
        # The child gets the signal too, and would print a traceback of its own.
        'join': 'def f():\n    signal.signal(2, signal.SIG_IGN); ready(); time.sleep(30)\n'
                'p = Process(target=f, daemon=True); p.start(); p.join()',
    }

    def test_every_wait(self):
        head = 'import signal, time\nfrom mproc import *\ndef ready(): print("ready")\n'
        started = {name: Running(head + scene) for name, scene in self.SCENES.items()}
        for name, program in started.items():
            with self.subTest(wait=name):
                program.expect('ready')
                time.sleep(0.1)
                program.interrupt()
                status, _, errors = program.end()
                self.assertEqual(status, -signal.SIGINT, errors)
                self.assertEqual(errors.strip().splitlines()[-1], 'KeyboardInterrupt')
                self.assertNotIn('GError', errors)


if __name__ == '__main__':
    unittest.main()
