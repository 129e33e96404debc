# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""Shared objects inside values, given to processes that already run."""

import functools
import gc
import os
import queue
import signal
import threading
import time
import unittest

from support import TestCase

from gi.repository import Mp

import mproc


# What each shareable object is made by; how a change is made to it by whoever has it, and how that
# is seen by whoever else has it.
KINDS = {
    'Queue': (mproc.Queue, lambda q: q.put(7), lambda q: q.get(timeout=5) == 7),
    'JoinableQueue': (mproc.JoinableQueue, lambda q: q.put(7),
                      lambda q: (q.get(timeout=5), q.task_done(), q.join(5)) == (7, None, True)),
    'SimpleQueue': (mproc.SimpleQueue, lambda q: q.put(7), lambda q: q.get() == 7),
    'Lock': (mproc.Lock, lambda l: l.acquire(), lambda l: not l.acquire(False)),
    'RLock': (mproc.RLock, lambda l: l.acquire(), lambda l: l.locked()),
    'Condition': (mproc.Condition, lambda c: c.acquire(), lambda c: c.get_lock().locked()),
    'Semaphore': (lambda: mproc.Semaphore(3), lambda s: s.acquire(), lambda s: s.get_value() == 2),
    'BoundedSemaphore': (lambda: mproc.BoundedSemaphore(3), lambda s: s.acquire(),
                         lambda s: s.get_value() == 2),
    'Event': (mproc.Event, lambda e: e.set(), lambda e: e.wait(5)),
    'Barrier': (lambda: mproc.Barrier(2), lambda b: b.abort(), lambda b: b.broken),
}
if hasattr(mproc, 'Value'):
    KINDS['Value'] = (lambda: mproc.Value('i', 5), lambda v: setattr(v, 'value', 7),
                      lambda v: v.value == 7)
if hasattr(mproc, 'Array'):
    KINDS['Array'] = (lambda: mproc.Array('d', 3), lambda a: a.__setitem__(1, 2.5),
                      lambda a: a[:] == [0, 2.5, 0])


def use(name, thing):
    KINDS[name][1](thing)
    return os.getpid()


def use_nested(name, things):
    use(name, things[0]['deep'][1])
    return things


def make(name):
    return KINDS[name][0]()


def use_all(names, things):
    for name, thing in zip(names, things):
        use(name, thing)
    return os.getpid()


class Failed(Exception):
    pass


def fail_with(thing):
    raise Failed(thing)


def put_number(q, n):
    q.put(n)
    return n


def use_initial(_):
    _initial.put(os.getpid())


def keep_initial(q):
    global _initial
    _initial = q


def used():
    """What of the shared memory is in use, apart from what is kept warm."""
    gc.collect()
    Mp.memory_trim()
    return Mp.memory_get_used()


class Objects(TestCase):
    """Each kind, given in every way to a process that was there before it."""

    def for_each(self, check):
        """Calls check(name, a new object, what shows that it was used)."""
        for name in KINDS:
            with self.subTest(kind=name):
                check(name, make(name), KINDS[name][2])

    def test_through_a_queue_to_a_running_process(self):
        q, answers = mproc.Queue(), mproc.Queue()
        p = self.child(lambda: [answers.put(use(*item)) for item in iter(q.get, None)])
        def check(name, thing, seen):
            q.put((name, thing))
            self.assertEqual(answers.get(timeout=10), p.pid)
            self.assertTrue(seen(thing))
        self.for_each(check)
        q.put(None)
        p.join()

    def test_the_same_class_comes_out(self):
        q = mproc.Queue()
        def check(name, thing, _):
            q.put([thing, thing])
            one, other = q.get()
            self.assertIs(type(one), type(thing))
            self.assertIs(one, other)
        self.for_each(check)

    def test_in_nested_containers(self):
        q = mproc.Queue()

        def check(name, thing, seen):
            for value in ([{'deep': (1, thing)}], ({'deep': [None, thing]}, 'x' * 100000)):
                q.put(value)
            use_nested(name, q.get())
            self.assertTrue(seen(thing))
            self.assertIs(type(q.get()[0]['deep'][1]), type(thing))
        self.for_each(check)

    def test_the_message_holds_it(self):
        """The sender lets go as soon as it has sent."""
        q = mproc.Queue()
        for name in KINDS:
            with self.subTest(kind=name):
                things = [make(name) for _ in range(3)]
                q.put(things)
                del things
                gc.collect()
                one, two, three = q.get()
                KINDS[name][1](one)
                self.assertTrue(KINDS[name][2](one))
                del one, two, three

    def test_the_sender_is_killed(self):
        q = mproc.Queue()

        def send():
            for name in KINDS:
                q.put((name, make(name)))
            q.put(None)
            signal.pause()

        p = self.child(send)
        self.assertSoon(lambda: q.qsize() == len(KINDS) + 1)
        p.kill()
        p.join()
        for name, thing in iter(q.get, None):
            with self.subTest(kind=name):
                use(name, thing)
                other = self.through(q, thing)
                self.assertTrue(KINDS[name][2](other if name != 'Lock' else thing))

    def through(self, q, thing):
        own = mproc.Queue()
        own.put(thing)
        return own.get()

    def test_nothing_is_left(self):
        """Read, not read, failed, sent by the dead: after the first time nothing more is in use."""
        before = [used() for _ in range(6) if self.use_everything()]
        self.assertLessEqual(max(before[2:]), before[1])

    def use_everything(self):
        q, dropped = mproc.Queue(), mproc.Queue()
        for _ in range(200):
            q.put([make(name) for name in KINDS])
            dropped.put([make(name) for name in KINDS])
            q.get()
            self.assertRaises(TypeError, q.put, [mproc.Lock(), (x for x in ())])
        with mproc.Pool(2) as pool:
            self.assertEqual(len(pool.map(make, list(KINDS) * 10, 3)), 10 * len(KINDS))
            pool.starmap(put_number, [(mproc.Queue(), i) for i in range(100)], 7)
        pool.join()
        p = self.child(lambda: [q.put([make(name), b'x' * 10000]) for name in list(KINDS) * 99])
        q.get(timeout=10)
        p.kill()
        p.join()
        return True

    def test_many_in_one_message(self):
        q = mproc.Queue()
        q.put([mproc.Lock() for _ in range(2000)])
        locks = q.get()
        self.assertTrue(all(lock.acquire(False) for lock in locks))

    def test_what_fails_leaves_nothing(self):
        q, lock = mproc.Queue(), mproc.Lock()
        for _ in range(100):
            with self.assertRaises(TypeError):
                q.put([lock, mproc.Queue(), (x for x in ())])
        q.put('small')              # which would hold what the failed had left behind
        self.assertEqual(q.get(), 'small')
        full = mproc.Queue(1)
        full.put(1)
        with self.assertRaises(queue.Full):
            full.put(mproc.Queue(), timeout=0.01)
        self.assertEqual(full.get(), 1)

    def test_putting_while_a_value_is_encoded(self):
        """Each message holds its own objects."""
        outer, inner = mproc.Queue(), mproc.Queue()

        class Sends:
            def __reduce__(self):
                inner.put(mproc.Event())
                return list, ()

        outer.put([mproc.Lock(), Sends(), mproc.Lock()])
        gc.collect()
        self.assertFalse(inner.get().is_set())
        one, _, other = outer.get()
        self.assertTrue(one.acquire(False) and other.acquire(False))

    def test_a_full_queue_is_waited_for(self):
        """What is attached survives the interruptions of a long wait, and handlers that put."""
        q, side = mproc.Queue(1), mproc.Queue()
        before = signal.signal(signal.SIGALRM, lambda *_: side.put(mproc.Lock()))
        self.addCleanup(signal.signal, signal.SIGALRM, before)
        q.put('first')
        timer = threading.Timer(0.5, q.get)
        timer.start()
        signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)
        try:
            q.put([mproc.Event(), 'x' * 50000])
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        timer.join()
        gc.collect()
        q.get()[0].set()
        self.assertGreater(side.qsize(), 3)
        while not side.empty():
            self.assertTrue(side.get().acquire(False))

    def test_not_outside_of_messages(self):
        import pickle
        def check(name, thing, _):
            with self.assertRaisesRegex(RuntimeError, r'^\w+ objects should only be shared between '
                                        'processes through inheritance'):
                pickle.dumps(thing)
        self.for_each(check)

    def test_threads_do_not_mix_their_objects(self):
        queues = [mproc.Queue() for _ in range(4)]
        failures = []

        def run(q):
            try:
                for i in range(100):
                    q.put([i, mproc.Lock()])
                    number, lock = q.get(timeout=10)
                    assert number == i and lock.acquire(False)
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=run, args=(q,)) for q in queues]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual(failures, [])

    # ── Pools ───────────────────────────────────────────────────────────────────────────────────

    def pool(self, *arguments):
        pool = mproc.Pool(2, *arguments)
        self.addCleanup(pool.join)
        self.addCleanup(pool.terminate)
        return pool

    def test_arguments_of_tasks(self):
        with self.pool() as pool:
            def check(name, thing, seen):
                self.assertNotEqual(pool.apply(use, (name, thing)), os.getpid())
                self.assertTrue(seen(thing))
                thing = make(name)
                back = pool.apply_async(use_nested, (name, [{'deep': (0, thing)}])).get(10)
                self.assertIs(type(back[0]['deep'][1]), type(thing))
                self.assertTrue(seen(thing))
            self.for_each(check)

    def test_every_chunk_has_its_own(self):
        with self.pool() as pool:
            queues = [mproc.Queue() for _ in range(40)]
            result = pool.starmap_async(put_number, zip(queues, range(40)), 3)
            self.assertEqual(result.get(20), list(range(40)))
            self.assertEqual([q.get(timeout=5) for q in queues], list(range(40)))
            # Nobody but the tasks holds these.
            result = pool.starmap_async(put_number, [(mproc.Queue(), i) for i in range(40)], 3)
            gc.collect()
            self.assertEqual(result.get(20), list(range(40)))
            made = ((mproc.Queue(), i) for i in range(200))
            self.assertEqual(list(pool.imap(functools.partial(_star, put_number), made, 4)),
                             list(range(200)))
            made = ((mproc.Queue(), i) for i in range(200))
            self.assertEqual(sorted(pool.imap_unordered(functools.partial(_star, put_number), made,
                                                        4)), list(range(200)))

    def test_inside_of_the_function(self):
        q = mproc.Queue()
        with self.pool() as pool:
            pool.map(functools.partial(put_number, q), range(10))
            self.assertEqual(sorted(q.get_many(10)), list(range(10)))
            pool.map(q.put, range(10))
            self.assertEqual(sorted(q.get_many(10)), list(range(10)))
            result = pool.apply_async(mproc.Queue().put, (1,))
            gc.collect()
            self.assertIsNone(result.get(10))

    def test_initargs(self):
        q = mproc.Queue()
        with self.pool(keep_initial, (q,)) as pool:
            pool.map(use_initial, range(4))
            pids = set(pool.pids)
        self.assertEqual({q.get(timeout=5) for _ in range(4)} - pids, set())

    def test_results_of_tasks(self):
        with self.pool() as pool:
            for name in KINDS:
                with self.subTest(kind=name):
                    thing = pool.apply(make, (name,))
                    use(name, thing)
                    self.assertTrue(KINDS[name][2](thing))
            waiting = pool.map_async(make, ['Queue'] * 10, 3)
            time.sleep(0.3)
            for q in waiting.get(10):
                q.put(5)
                self.assertEqual(q.get(), 5)

    def test_the_worker_is_gone_when_the_result_is_read(self):
        pool = self.pool(None, (), 1)
        results = [pool.apply_async(make, ('Queue',)) for _ in range(4)]
        pool.close()
        pool.join()
        for result in results:
            q = result.get(5)
            q.put(1)
            self.assertEqual(q.get(), 1)

    def test_in_exceptions(self):
        with self.pool() as pool:
            q = mproc.Queue()
            with self.assertRaises(Failed) as caught:
                pool.apply(fail_with, (q,))
            caught.exception.args[0].put(5)
            self.assertEqual(q.get(timeout=5), 5)
            result = pool.apply_async(fail_made)
            result.wait(10)
            with self.assertRaises(Failed) as caught:
                result.get()
            caught.exception.args[0].put(6)
            self.assertEqual(caught.exception.args[0].get(), 6)
            del caught, result

    def test_a_closed_pool_takes_nothing(self):
        pool = self.pool()
        pool.close()
        for _ in range(10):
            self.assertRaises(ValueError, pool.apply_async, use, ('Queue', mproc.Queue()))

    # ── Managers ────────────────────────────────────────────────────────────────────────────────

    def test_in_a_manager(self):
        with mproc.Manager() as manager:
            l, d, done = manager.list(), manager.dict(), mproc.Queue()

            def check(name, thing, seen):
                l.append(thing)
                d[name] = [thing]
                self.child(lambda: (use(name, l[-1]), d[name], done.put(1), time.sleep(100)))
                self.assertEqual(done.get(timeout=10), 1)
                self.assertTrue(seen(thing))
            self.for_each(check)

    def test_only_in_a_manager(self):
        """The server holds what is in its values, and what it has just given away."""
        with mproc.Manager() as manager:
            l, d = manager.list(), manager.dict()

            def check(name, thing, seen):
                child = self.child(lambda: (l.append(make(name)), d.update({name: [make(name)]})))
                child.join()
                for one, other in (l[-1], l.pop()), (d[name][0], d.pop(name)[0]):
                    use(name, one)
                    self.assertTrue(seen(other))
            self.for_each(check)


def _star(function, arguments):
    return function(*arguments)


def fail_made():
    raise Failed(mproc.Queue())


class Foreign(TestCase):
    def test_a_variant_of_it(self):
        q, inner = mproc.Queue(), mproc.Queue()
        q.put(inner)
        payload = q.get_payload(-1, None)
        other = Mp.Shared.from_variant(payload.get_variant(None))
        other.put(5)
        self.assertEqual(inner.get(), 5)
        q.put_payload(Mp.Payload.new_variant(inner.to_variant()), -1, None)
        q.get().put(6)
        self.assertEqual(inner.get(), 6)

    def test_what_does_not_exist_any_more(self):
        handle = mproc.Lock().get_handle()
        gc.collect()
        self.assertRaises(mproc.NoSuchObjectError, Mp.Shared.open, handle)
        self.assertRaises(ValueError, Mp.Shared.open, 'nonsense')


if __name__ == '__main__':
    unittest.main()
