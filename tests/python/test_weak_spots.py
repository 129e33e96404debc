# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""Where multiprocessing is known to hang, to lose data or to leave things behind, in what concerns
locks, conditions, events, barriers, queues and shared memory. One test for each such spot: the same
thing is done with mproc, and has to go well. They are named after what goes wrong there."""

import os
import signal
import subprocess
import sys
import threading
import time
import unittest

from support import TestCase, run, wait_until

import mproc

SOON = 10  # seconds; a hang is for ever


class TestDeath(TestCase):
    def kill(self, process):
        os.kill(process.pid, signal.SIGKILL)
        process.join(SOON)
        self.assertEqual(process.exitcode, -signal.SIGKILL)

    def test_lock_of_a_dead_process_is_never_released(self):
        for make in mproc.Lock, mproc.RLock:
            lock, q = make(), mproc.Queue()

            def hold(lock=lock, q=q):
                lock.acquire()
                q.put('held')
                time.sleep(100)

            process = self.child(hold)
            self.assertEqual(q.get(timeout=SOON), 'held')
            self.assertFalse(lock.acquire(timeout=0.05))
            self.kill(process)
            self.assertTrue(lock.acquire(timeout=SOON))
            self.assertTrue(lock.abandoned)
            lock.release()
            with lock:
                self.assertFalse(lock.abandoned)

    def test_semaphore_of_a_dead_process_is_never_released(self):
        semaphore, q = mproc.Semaphore(1, recoverable=True), mproc.Queue()

        def hold():
            semaphore.acquire()
            q.put('held')
            time.sleep(100)

        process = self.child(hold)
        self.assertEqual(q.get(timeout=SOON), 'held')
        self.assertFalse(semaphore.acquire(timeout=0.05))
        self.kill(process)
        self.assertTrue(semaphore.acquire(timeout=SOON))

    def test_queue_is_locked_by_a_consumer_killed_in_get(self):
        for _ in range(20):
            q = mproc.Queue()
            processes = [self.child(q.get) for _ in range(3)]
            time.sleep(0.02)
            for process in processes:
                self.kill(process)
            for i in range(5):
                q.put(i)
            self.assertEqual([q.get(timeout=SOON) for _ in range(5)], list(range(5)))

    def test_half_a_message_of_a_producer_killed_in_put(self):
        big = b'x' * 3_000_000
        for i in range(20):
            q = mproc.Queue()

            def put_for_ever(q=q):
                for _ in range(100):
                    q.put(big)

            process = self.child(put_for_ever)
            time.sleep(0.002 * (i % 5))
            self.kill(process)
            q.put('end')
            while (item := q.get(timeout=SOON)) != 'end':
                self.assertEqual(item, big)
            with self.assertRaises(mproc.queues.Empty):
                q.get(timeout=0.1)

    def waiters(self, wait, ready):
        """Three processes that wait, one of which is killed then."""
        processes = [self.child(wait) for _ in range(3)]
        for _ in processes:
            ready.get(timeout=SOON)
        time.sleep(0.05)
        self.kill(processes[0])
        return processes[1:]

    def check_all_end(self, processes):
        for process in processes:
            process.join(SOON)
            self.assertEqual(process.exitcode, 0)

    def test_event_set_hangs_after_a_waiter_was_killed(self):
        event, ready = mproc.Event(), mproc.Queue()

        def wait():
            ready.put(None)
            if not event.wait(SOON):
                sys.exit(1)

        rest = self.waiters(wait, ready)
        event.set()
        self.check_all_end(rest)

    def test_notify_all_hangs_after_a_waiter_was_killed(self):
        condition, ready = mproc.Condition(), mproc.Queue()

        def wait():
            with condition:
                ready.put(None)
                if not condition.wait(SOON):
                    sys.exit(1)

        rest = self.waiters(wait, ready)
        with condition:
            condition.notify_all()
        self.check_all_end(rest)

    def test_barrier_hangs_after_a_party_was_killed(self):
        barrier, ready = mproc.Barrier(4), mproc.Queue()

        def wait():
            ready.put(None)
            try:
                barrier.wait(SOON)
            except threading.BrokenBarrierError:
                return
            sys.exit(1)

        rest = self.waiters(wait, ready)
        self.check_all_end(rest)
        self.assertTrue(barrier.broken)
        with self.assertRaises(threading.BrokenBarrierError):
            barrier.wait(SOON)
        barrier.reset()
        self.assertFalse(barrier.broken)

    def test_join_of_a_joinable_queue_hangs_after_a_worker_died(self):
        q, taken = mproc.JoinableQueue(), mproc.Queue()
        for i in range(3):
            q.put(i)

        def take_and_stay():
            taken.put(q.get())
            time.sleep(100)

        def work():
            while True:
                taken.put(q.get())
                q.task_done()

        process = self.child(take_and_stay)
        self.assertEqual(taken.get(timeout=SOON), 0)
        self.kill(process)
        self.child(work)
        self.assertEqual(sorted(taken.get(timeout=SOON) for _ in range(3)), [0, 1, 2])
        self.assertTrue(q.join(SOON) in (None, True))


class TestQueues(TestCase):
    def test_join_before_the_queue_is_drained_deadlocks(self):
        q = mproc.Queue()
        process = self.child(lambda: [q.put(b'x' * 1_000_000) for _ in range(5)])
        process.join(SOON)
        self.assertEqual(process.exitcode, 0)
        self.assertEqual([len(q.get(timeout=SOON)) for _ in range(5)], [1_000_000] * 5)

    def test_join_of_a_joinable_queue_has_no_timeout(self):
        q = mproc.JoinableQueue()
        q.put(1)
        try:
            self.assertFalse(q.join(0.1))
        except TimeoutError:
            pass
        q.get()
        q.task_done()
        q.join(SOON)

    def test_what_cannot_be_serialized_is_dropped_silently(self):
        q = mproc.Queue()
        with self.assertRaises(TypeError):
            q.put(number for number in range(3))
        self.assertTrue(q.empty())
        q.put('after')
        self.assertEqual(q.get(timeout=SOON), 'after')

    def test_fork_deadlocks_on_what_another_thread_held(self):
        q, lock, stop = mproc.Queue(), mproc.Lock(), threading.Event()

        def use():
            while not stop.is_set():
                with lock:
                    q.put(b'x' * 10_000)
                    q.get(timeout=SOON)

        users = [threading.Thread(target=use) for _ in range(3)]
        for user in users:
            user.start()

        def child():
            mine = mproc.Queue()
            mine.put(b'y' * 10_000)
            with lock:
                mine.get(timeout=SOON)

        try:
            for _ in range(20):
                process = self.child(child)
                process.join(SOON)
                self.assertEqual(process.exitcode, 0)
        finally:
            stop.set()
            for user in users:
                user.join()


CREATE_AND_BE_KILLED = '''
import os, signal, time
import mproc, mproc.shared_memory
memory = mproc.shared_memory.SharedMemory(create=True, size=1_000_000)
memory.buf[:5] = b'hello'
lock, q, value = mproc.Lock(), mproc.Queue(), mproc.Value('i')
for _ in range(3):
    mproc.Process(target=time.sleep, args=[100]).start()
print('ready', flush=True)
os.killpg(0, signal.SIGKILL)
'''

ATTACH = '''
import sys
from mproc.shared_memory import SharedMemory
memory = SharedMemory(sys.argv[1])
assert bytes(memory.buf[:5]) == b'hello'
memory.buf[5] += 1
memory.close()
'''


class TestSharedMemory(TestCase):
    def test_is_left_in_dev_shm_when_all_are_killed(self):
        before = set(os.listdir('/dev/shm'))
        process = subprocess.run([sys.executable, '-c', CREATE_AND_BE_KILLED], process_group=0,
                                 stdout=subprocess.PIPE, timeout=60)
        self.assertEqual(process.returncode, -signal.SIGKILL)
        self.assertEqual(process.stdout, b'ready\n')
        # Others may leave something there meanwhile: it is not mproc's.
        new = [name for name in set(os.listdir('/dev/shm')) - before if 'mproc' in name]
        self.assertEqual(new, [])

    def test_is_destroyed_when_one_who_attached_ends(self):
        from mproc.shared_memory import SharedMemory

        name = f'mproc-weak-spots-{os.getpid()}'
        memory = SharedMemory(name, create=True, size=4096)
        try:
            memory.buf[:6] = b'hello\0'
            for _ in range(3):
                self.assertEqual(run(ATTACH, name), (0, '', ''))
            self.assertEqual(memory.buf[5], 3)
            again = SharedMemory(name)
            self.assertEqual(bytes(again.buf[:6]), b'hello\3')
            again.close()
        finally:
            memory.close()
            memory.unlink()
        with self.assertRaises(FileNotFoundError):
            SharedMemory(name)

    def test_adding_to_a_value_loses_updates(self):
        value, array = mproc.Value('q', 0), mproc.Array('i', 2)

        def add():
            for _ in range(2_000):
                value.add(1)
                array.add(1, 2)

        processes = [self.child(add) for _ in range(4)]
        for process in processes:
            process.join(60)
            self.assertEqual(process.exitcode, 0)
        self.assertEqual(value.value, 8_000)
        self.assertEqual(list(array), [0, 16_000])

    def test_a_killed_holder_of_a_value_stops_all_others(self):
        value, ready = mproc.Value('i', 0), mproc.Queue()

        def hold():
            with value.get_lock():
                ready.put(None)
                time.sleep(100)

        process = self.child(hold)
        ready.get(timeout=SOON)
        os.kill(process.pid, signal.SIGKILL)
        process.join(SOON)
        done = []
        with value.get_lock():
            value.value += 1
            done.append(value.value)
        self.assertEqual(done, [1])
        self.assertTrue(wait_until(lambda: value.value == 1))


if __name__ == '__main__':
    unittest.main()
