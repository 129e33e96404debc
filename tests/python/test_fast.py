# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""The accelerator: that it is there, owns what it should, and means what the Python methods mean.

What the methods do is tested where the classes are; those tests run with it and without it."""

import decimal
import gc
import os
import pickle
import queue
import signal
import sys
import threading
import time
import unittest

from support import Running, TestCase, run

from gi.repository import Mp

import mproc

try:
    from gi.overrides import _MpNative as native
except ImportError:
    native = None
try:
    import numpy
except ImportError:
    numpy = None

WANTED = os.environ.get('MPROC_NO_ACCELERATOR', '0') in ('', '0')


def setUpModule():
    if native is None or not WANTED:
        raise unittest.SkipTest('the accelerator was not built, or is not wanted')


class Unwilling:
    def __reduce__(self):
        raise ValueError('I stay')


class Tick(Exception):
    pass


class Ticking:
    """A signal every few milliseconds, whose handler raises."""

    def __init__(self, case, seconds=0.003):
        def tick(*_):
            raise Tick
        case.addCleanup(signal.signal, signal.SIGALRM, signal.signal(signal.SIGALRM, tick))
        self.alarm = signal.alarm(0)
        self.seconds = seconds

    def __enter__(self):
        signal.setitimer(signal.ITIMER_REAL, self.seconds, self.seconds)

    def __exit__(self, *details):
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.alarm(self.alarm)


class Presence(TestCase):
    def test_methods_are_its(self):
        kind = type(list.append)
        for cls, names in [(Mp.Queue, 'put get'), (Mp.Lock, 'acquire release __enter__ __exit__'),
                           (Mp.RLock, 'acquire release'), (Mp.Semaphore, 'acquire release'),
                           (Mp.BoundedSemaphore, 'acquire'), (Mp.Condition, 'acquire release')]:
            for name in names.split():
                with self.subTest(cls=cls, name=name):
                    self.assertIs(type(cls.__dict__[name]), kind)
                    if not name.startswith('_'):
                        self.assertIsNot(type(getattr(cls, f'_slow_{name}')), kind)

    def test_it_can_be_switched_off(self):
        program = '''
import mproc, sys
print(type(type(mproc.Queue()).put).__name__, 'gi.overrides._MpNative' in sys.modules)
'''
        for value, text in [('1', 'function False\n'), ('0', 'method_descriptor True\n'),
                            ('', 'method_descriptor True\n')]:
            environment = dict(os.environ, MPROC_NO_ACCELERATOR=value)
            self.assertEqual(run(program, env=environment), (0, text, ''))

    def test_another_version_is_left_alone(self):
        program = '''
from gi.overrides import _MpNative
_MpNative.INTERFACE = -1
import mproc
q = mproc.Queue()
q.put(1)
print(q.get(), type(type(q).put).__name__)
'''
        self.assertEqual(run(program), (0, '1 function\n', ''))

    def test_numbers_agree(self):
        from gi.overrides import _MpBuffers
        self.assertEqual(native.LARGE_BUFFER, _MpBuffers.LARGE)

    def test_signatures(self):
        import inspect
        for name in 'acquire', 'put', 'get':
            cls = Mp.Lock if name == 'acquire' else Mp.Queue
            theirs = list(inspect.signature(getattr(cls, f'_slow_{name}')).parameters)
            ours = list(inspect.signature(getattr(cls, name)).parameters)
            self.assertEqual(ours, theirs[:len(ours)])
            self.assertTrue(getattr(cls, name).__doc__)


class Meaning(TestCase):
    """What is odd has to end as it does in Python."""

    def outcome(self, call, *args, **named):
        try:
            return call(*args, **named)
        except BaseException as error:
            return type(error), [arg for arg in error.args if 'method' not in str(arg)]

    def test_arguments(self):
        q, lock = mproc.Queue(1), mproc.Lock()
        q.put(0)
        lock.acquire()
        for call, slow, args, named in [
            (q.put, q._slow_put, (1, 0), {}), (q.put, q._slow_put, (1,), {'block': []}),
            (q.put, q._slow_put, (1, 2, 0.01), {}), (q.put, q._slow_put, (1, True, -5), {}),
            (q.put, q._slow_put, (), {}), (q.put, q._slow_put, (1, 2, 3, 4), {}),
            (q.put, q._slow_put, (1,), {'what': 1}), (q.put, q._slow_put, (1,), {'obj': 1}),
            (q.put, q._slow_put, (), {'timeout': 0.01, 'obj': 1}),
            (q.put, q._slow_put, (1, True, 'x'), {}),
            (q.put, q._slow_put, (1, True, float('nan')), {}),
            (q.put, q._slow_put, (1, True, decimal.Decimal('0.01')), {}),
            (q.put, q._slow_put, (1, False, 'not looked at'), {}),
            (q.put, q._slow_put, (Unwilling(),), {}),
            (lock.acquire, lock._slow_acquire, (0,), {}),
            (lock.acquire, lock._slow_acquire, (True, 0.01), {}),
            (lock.acquire, lock._slow_acquire, (True, 0), {}),
            (lock.acquire, lock._slow_acquire, (), {'timeout': -1.5, 'block': True}),
            (lock.acquire, lock._slow_acquire, (True, object()), {}),
        ]:
            with self.subTest(args=args, named=named):
                self.assertEqual(self.outcome(call, *args, **named),
                                 self.outcome(slow, *args, **named))
        self.assertEqual(q.qsize(), 1)

    def test_receivers(self):
        for cls, name in (Mp.Queue, 'get'), (Mp.Lock, 'acquire'), (Mp.Lock, 'release'):
            method = getattr(cls, name)
            for receiver in None, object(), mproc.Event():
                self.assertRaises(TypeError, method, receiver)
            self.assertRaises(TypeError, method)
            empty = cls.__new__(cls)        # its GObject was never made
            self.assertRaisesRegex(RuntimeError, 'not initialized', method, empty)
        with self.assertRaisesRegex(RuntimeError, 'not initialized'):
            Mp.Queue.__new__(Mp.Queue).put(1)

    def test_subclasses_override(self):
        calls = []

        class Counted(Mp.Lock):
            def acquire(self, *args):
                calls.append(args)
                return super().acquire(*args)

        class Doubled(Mp.Queue):
            def put(self, obj, *args):
                super().put(obj * 2, *args)

        lock = Counted()
        with lock:
            self.assertFalse(lock.acquire(False))
        with mproc.Condition(lock):
            self.assertFalse(lock.acquire(False))
        self.assertEqual(calls, [(), (False,), (True, None), (False,)])
        q = Doubled()
        q.put(2)
        q.put_nowait(3)
        self.assertEqual([q.get(), q.get_nowait()], [4, 6])

    def test_pickled_inside_of_a_pickle(self):
        inner, outer, lock = mproc.Queue(), mproc.Queue(), mproc.Lock()

        class Sender:
            def __init__(self, value):
                self.value = value

            def __reduce__(self):
                inner.put(self.value)
                return int, (7,)

        for value in 5, lock, [lock, lock]:
            outer.put([lock, Sender(value), lock])
            first, number, third = outer.get()
            self.assertEqual((number, type(first), first.get_handle()),
                             (7, Mp.Lock, third.get_handle()))
            got = inner.get()
            self.assertIs(type(got), type(value))
            while not inner.empty():        # what was refused is written twice
                inner.get()
        with self.assertRaisesRegex(RuntimeError, 'through inheritance'):
            pickle.dumps(lock)

    def test_closed(self):
        q = mproc.Queue()
        q.close()
        self.assertRaisesRegex(ValueError, 'is closed', q.put, 1)
        self.assertRaisesRegex(ValueError, 'is closed', q.get)
        q = mproc.Queue()
        q.shutdown()
        self.assertRaisesRegex(mproc.ShutDown, 'was shut down$', q.put, 1)
        self.assertRaisesRegex(mproc.ShutDown, 'and is empty$', q.get)

    def test_sizes(self):
        q = mproc.Queue()
        for size in 0, 1, 4095, 4096, 4097, 65535, 65536, 1 << 20:
            for value in b'b' * size, 's' * size, bytearray(size), [b'x' * size] * 2:
                q.put(value)
                got = q.get()
                self.assertIs(type(got), type(value))
                self.assertEqual(got, value)


class Ownership(TestCase):
    def test_references(self):
        q, lock = mproc.Queue(1), mproc.Lock()
        value, text = object(), 'unlikely' * 20
        things = [q, lock, value, text, None, True, False, queue.Full, queue.Empty, int, Tick]

        def use():
            for call, *args in [
                (q.put, text), (q.put, text, False), (q.put, text, True, 0.0001), (q.get,),
                (q.get, False), (q.get, True, 0.0001), (q.put, value), (q.get,),
                (q.put, [lock]), (q.get,),
                (q.put, b'x' * 5000), (q.get,), (q.put, 's' * 5000), (q.get,), (q.put,),
                (lock.acquire,), (lock.acquire, False), (lock.acquire, True, 0.0001),
                (lock.release,), (lock.release,), (lock.__enter__,), (lock.__exit__, None, 1, 2),
                (q.put, Unwilling()), (lock.acquire, 1, 2, 3), (q.get, True, 'x'),
            ]:
                try:
                    call(*args)
                except Exception:
                    pass

        use()
        gc.collect()
        before = [sys.getrefcount(thing) for thing in things]
        for _ in range(200):
            use()
        gc.collect()
        after = [sys.getrefcount(thing) for thing in things]
        for thing, a, b in zip(things, before, after):
            with self.subTest(thing=thing):
                self.assertLess(abs(b - a), 150)      # one per round would be 200

    def test_memory_is_given_back(self):
        q = mproc.Queue()

        def use():
            for _ in range(200):
                q.put(b'x' * 100000)
                q.get()
                q.put('x' * 100000)
                q.get()
                block = native.Block(100000)
                block.send(q)
                q.get()
        use()
        before = Mp.memory_get_used()
        for _ in range(5):
            use()
        self.assertLess(Mp.memory_get_used() - before, 1 << 20)

    def test_large_buffers_hold_their_block(self):
        if numpy is None:
            self.skipTest('numpy is not installed')
        q = mproc.Queue()
        q.put({'a': numpy.arange(100000), 'b': numpy.arange(3)})
        got = q.get()
        piece = got.pop('a')[500:510]
        del got
        for _ in range(20):
            q.put(b'\xff' * 800000)
            q.get()
        self.assertEqual(piece.tolist(), list(range(500, 510)))
        self.assertFalse(piece.flags.writeable)
        self.assertIs(type(self.owner(piece)), native.Block)

    def owner(self, array):
        while hasattr(array, 'base'):
            array = array.base
        return array.obj

    def test_blocks(self):
        q = mproc.Queue()
        block = native.Block(100000)
        self.assertEqual((len(block), block.readonly), (100000, False))
        view = memoryview(block)
        view[:4] = b'head'
        view[4:] = bytes(99996)
        self.assertRaisesRegex(BufferError, '1 views', block.release)
        self.assertEqual(block.send(q), 0)
        self.assertEqual(q.get(), b'head' + bytes(99996))
        piece = view[1:3]
        del view, block
        gc.collect()
        self.assertEqual(bytes(piece), b'ea')

    def test_released_blocks(self):
        q = mproc.Queue()
        with native.Block(10) as block:
            memoryview(block).release()
        block.release()
        for call, *args in (memoryview, block), (len, block), (bytes, block), (block.send, q):
            self.assertRaises((ValueError, BufferError), call, *args)
        self.assertRaises(ValueError, native.Block, -1)
        self.assertRaises(TypeError, native.Block, 'x')
        self.assertRaises(MemoryError, native.Block, sys.maxsize)
        self.assertRaises(TypeError, native.Block(1).send, None)
        self.assertRaises(TypeError, native.Block(1).send, mproc.Lock())
        self.assertEqual(len(native.Block(0)), 0)
        self.assertEqual(native.Block(1).send(q, 99), 8)     # INVALID
        self.assertTrue(q.empty())


class Waiting(TestCase):
    def test_others_run_meanwhile(self):
        q, full, lock = mproc.Queue(), mproc.Queue(1), mproc.Lock()
        full.put(0)
        lock.acquire()
        waiters = [threading.Thread(target=call) for call in
                   (q.get, lambda: full.put(1), lambda: (lock.acquire(), lock.release()))]
        for waiter in waiters:
            waiter.start()
        time.sleep(0.2)
        self.assertEqual(sum(range(1000)), 499500)
        q.put(1)
        full.get()
        lock.release()
        for waiter in waiters:
            waiter.join(10)
            self.assertFalse(waiter.is_alive())

    def test_many_threads(self):
        q, lock = mproc.Queue(7), mproc.Lock()
        got, inside = [], []

        def produce(number):
            for i in range(400):
                q.put((number, i, b'x' * (i * 31 % 9000)))

        def consume():
            for _ in range(400):
                value = q.get()[:2]
                with lock:
                    inside.append(1)
                    self.assertEqual(len(inside), 1)
                    got.append(value)
                    inside.pop()

        threads = [threading.Thread(target=produce, args=(n,)) for n in range(4)]
        threads += [threading.Thread(target=consume) for _ in range(4)]
        for t in threads:
            t.start()
        for t in threads:
            t.join(60)
        self.assertEqual(sorted(got), [(n, i) for n in range(4) for i in range(400)])
        self.assertFalse(lock.locked())

    def test_a_fork_in_the_middle(self):
        q, results = mproc.Queue(), mproc.Queue()
        waiter = threading.Thread(target=lambda: results.put(q.get()))
        waiter.start()
        time.sleep(0.1)
        pid = os.fork()
        if pid == 0:
            q.put(['from the child', 'x' * 10000])
            os._exit(0)
        self.assertEqual(os.waitpid(pid, 0)[1], 0)
        self.assertEqual(results.get(timeout=10)[0], 'from the child')
        waiter.join()


class Signals(TestCase):
    def test_no_message_is_lost(self):
        # extend() stays in C from one value to the next, so only a wait can be interrupted.
        q, n = mproc.Queue(), 20000

        def produce():
            for i in range(n):
                q.put(i)
                if i % 500 == 0:
                    time.sleep(0.002)
            q.put(None)

        self.child(produce)
        got, ticks = [], 0
        with Ticking(self):
            while not got or got[-1] != n - 1:
                try:
                    got.extend(iter(q.get, None))
                except Tick:
                    ticks += 1
        self.assertEqual(got, list(range(n)))
        self.assertGreater(ticks, 0)

    def test_what_was_interrupted_was_not_put(self):
        q = mproc.Queue(1)
        q.put(0)
        interrupted = 0
        try:
            with Ticking(self):
                q.put(1)
        except Tick:
            interrupted += 1
        self.assertEqual((interrupted, q.qsize(), q.get()), (1, 1, 0))
        self.assertTrue(q.empty())

    def test_ctrl_c_ends_every_wait(self):
        for call in 'q.get()', 'full.put(1)', 'l.acquire()', 's.acquire()', 'c.acquire()', \
                    'l.__enter__()', 'q.get(timeout=100)', 'l.acquire(True, 100)':
            with self.subTest(call=call):
                running = Running(f'''
import threading, mproc
q, full, l, s = mproc.Queue(), mproc.Queue(1), mproc.Lock(), mproc.Semaphore(0)
c = mproc.Condition(l)
full.put(0)
l.acquire()
print('go')
try:
    {call}
except KeyboardInterrupt:
    print('interrupted', q.qsize(), full.qsize())
''')
                running.expect('go')
                time.sleep(0.1)
                running.interrupt()
                status, out, err = running.end()
                self.assertEqual((status, out), (0, 'interrupted 0 1\n'), err)

    def test_handlers_run_while_it_waits(self):
        """The handler, in the thread that waits, brings what it waits for."""
        s, q = mproc.Semaphore(0), mproc.Queue()
        before = signal.signal(signal.SIGUSR1, lambda *_: (s.release(), q.put('handled')))
        self.addCleanup(signal.signal, signal.SIGUSR1, before)
        for wait, got in (s.acquire, True), (q.get, 'handled'):
            timer = threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGUSR1))
            timer.start()
            self.assertEqual(wait(), got)
            timer.join()
            while not q.empty():
                q.get()


if __name__ == '__main__':
    unittest.main()
