# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""Queues: values, waiting, the end, many users, and the death of some."""

import array
import collections
import datetime
import gc
import os
import pickle
import queue
import signal
import threading
import time
import unittest

from support import TestCase, open_main_loop, run

from gi.repository import Gio, GLib, Mp

import mproc


class Point:
    def __init__(self, x):
        self.x = x

    def __eq__(self, other):
        return self.x == other.x


class Unwilling:
    def __reduce__(self):
        raise ValueError('I stay')


class Values(TestCase):
    VALUES = [
        None, True, False, 0, -1, 2 ** 63 - 1, 2 ** 64, -10 ** 30, 1.5, float('inf'), 'text', '',
        'nul\0', 'ünï', b'bytes', b'', bytearray(b'x'), [], [1, 'two', None], (), (1, (2, 3)),
        {}, {'a': [1]}, {1: 2, None: 3, (1, 2): 'x'}, {1, 2}, frozenset('ab'), range(3), 1 + 2j,
        datetime.datetime(2026, 1, 2, 3, 4), collections.OrderedDict(a=1),
        array.array('d', [1.0, 2.0]), Point(3), ValueError('x'), len, Point,
        'x' * 100000, b'y' * 1000000, list(range(10000)),
    ]

    def same(self, got, value):
        self.assertIs(type(got), type(value))
        if isinstance(value, Exception):
            self.assertEqual(got.args, value.args)
        else:
            self.assertEqual(got, value)

    def test_come_out_as_they_went_in(self):
        q = mproc.Queue()
        for value in self.VALUES:
            with self.subTest(value=repr(value)[:50]):
                q.put(value)
                self.same(q.get(), value)

    def test_nan_and_cycles(self):
        q = mproc.Queue()
        q.put(float('nan'))
        got = q.get()
        self.assertNotEqual(got, got)
        cycle = []
        cycle.append(cycle)
        q.put(cycle)
        got = q.get()
        self.assertIs(got[0], got)

    def test_the_library_itself_has_natural_values(self):
        q = Mp.Queue.new(0)
        q.put({'a': 1})
        self.assertEqual(q.get(), {'a': 1})
        self.assertIs(type(q), type(mproc.Queue()))

    def test_what_cannot_travel_fails_in_put(self):
        q = mproc.Queue()
        with self.assertRaisesRegex(ValueError, 'I stay'):
            q.put(Unwilling())
        with self.assertRaises(TypeError):
            q.put(x for x in ())
        self.assertTrue(q.empty())

    def test_lambda_needs_dill(self):
        program = '''
import sys
if sys.argv[1] == 'without':
    sys.modules['dill'] = sys.modules['cloudpickle'] = None
import mproc
q = mproc.Queue()
try:
    q.put(lambda x: x + 1)
    print(q.get()(1))
except Exception as error:
    print(type(error).__name__)
'''
        try:
            import dill  # noqa: F401
        except ImportError:
            self.skipTest('dill is not installed')
        self.assertEqual(run(program, 'with')[1], '2\n')
        self.assertIn(run(program, 'without')[1], ('PicklingError\n', 'AttributeError\n'))

    def test_variants_of_c(self):
        from gi.repository import GLib
        q = mproc.Queue()
        value = GLib.Variant('a{sv}', {'n': GLib.Variant('i', 5), 'l': GLib.Variant('ad', [1.5])})
        payload = Mp.Payload.new_variant(value)
        q.put_payload(payload, -1, None)
        self.assertEqual(q.get(), {'n': 5, 'l': [1.5]})

    def test_c_reads_plain_values(self):
        q = mproc.Queue()
        q.put({'n': 5, 'l': [1.5], 's': 'x'})
        self.assertEqual(q.get_payload(-1, None).get_variant(None).unpack(),
                         {'n': 5, 'l': [1.5], 's': 'x'})

    def test_values_of_javascript(self):
        q = mproc.Queue()
        q.put_text('{"a": [1, 2.5, null, "x"], "b": {"$mp": ["bytes", "aGk="]}}', -1)
        self.assertEqual(q.get(), {'a': [1, 2.5, None, 'x'], 'b': b'hi'})
        q.put({'a': (True, None)})
        self.assertEqual(q.get_text(-1)[1], '{"a":[true,null]}')
        q.put_text('this is not JSON', -1)
        self.assertRaises(mproc.InvalidDataError, q.get)
        q.put('goes on')
        self.assertEqual(q.get(), 'goes on')

    def test_shared_objects_travel(self):
        q, inner, lock = mproc.Queue(), mproc.Queue(), mproc.Lock()
        q.put([inner, {'lock': lock}])
        other, things = q.get()
        other.put(5)
        self.assertEqual(inner.get(timeout=5), 5)
        lock.acquire()
        self.assertFalse(things['lock'].acquire(False))
        lock.release()

    def test_shared_objects_are_not_pickled_by_others(self):
        import copy
        import pickle
        for thing in mproc.Queue(), mproc.Lock(), mproc.RLock(), mproc.Condition():
            with self.assertRaisesRegex(RuntimeError, 'through inheritance'):
                pickle.dumps(thing)
            with self.assertRaises((RuntimeError, TypeError)):
                copy.copy(thing)


class Waiting(TestCase):
    def test_empty_and_full(self):
        q = mproc.Queue(2)
        self.assertTrue(q.empty())
        self.assertFalse(q.full())
        self.assertRaises(queue.Empty, q.get, False)
        self.assertRaises(queue.Empty, q.get_nowait)
        q.put(1)
        q.put_nowait(2)
        self.assertEqual(q.qsize(), 2)
        self.assertTrue(q.full())
        self.assertRaises(queue.Full, q.put, 3, False)
        self.assertRaises(queue.Full, q.put_nowait, 3)
        self.assertEqual([q.get(), q.get_nowait()], [1, 2])
        self.assertRaises(queue.Empty, q.get, True, -1)

    def test_timeouts(self):
        q = mproc.Queue(1)
        before = time.monotonic()
        self.assertRaises(queue.Empty, q.get, True, 0.25)
        q.put(1)
        self.assertRaises(queue.Full, q.put, 2, timeout=0.25)
        self.assertGreaterEqual(time.monotonic() - before, 0.5)

    def test_get_waits_for_put(self):
        q = mproc.Queue()
        self.child(lambda: (time.sleep(0.3), q.put('late')))
        self.assertEqual(q.get(timeout=10), 'late')

    def test_put_waits_for_room(self):
        q, done = mproc.Queue(1), mproc.Queue()
        q.put(0)
        self.child(lambda: (q.put(1), done.put('put')))
        self.assertRaises(queue.Empty, done.get, timeout=0.2)
        self.assertEqual(q.get(), 0)
        self.assertEqual(done.get(timeout=10), 'put')
        self.assertEqual(q.get(timeout=10), 1)

    def test_handlers_run_while_it_waits(self):
        """The handler, in the thread that waits, brings what it waits for."""
        q = mproc.Queue()
        before = signal.signal(signal.SIGUSR1, lambda *_: q.put('handled'))
        self.addCleanup(signal.signal, signal.SIGUSR1, before)
        timer = threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGUSR1))
        timer.start()
        self.assertEqual(q.get(), 'handled')
        timer.join()

    def test_a_handler_may_raise(self):
        class Enough(Exception):
            pass

        def handler(*_):
            raise Enough

        before = signal.signal(signal.SIGUSR1, handler)
        self.addCleanup(signal.signal, signal.SIGUSR1, before)
        timer = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGUSR1))
        timer.start()
        with self.assertRaises(Enough):
            mproc.Queue().get(timeout=20)
        timer.join()


class End(TestCase):
    def test_close_is_of_this_process(self):
        q = mproc.Queue()
        p = self.child(lambda: (q.put('still open'), q.close()))
        self.assertEqual(q.get(timeout=10), 'still open')
        p.join()
        self.assertEqual(p.exitcode, 0)
        q.put(1)
        q.close()
        with self.assertRaisesRegex(ValueError, 'Queue .* is closed'):
            q.put(2)
        with self.assertRaisesRegex(ValueError, 'is closed'):
            q.get()
        q.join_thread()
        q.cancel_join_thread()

    def test_shutdown_ends_iteration_everywhere(self):
        q, results = mproc.Queue(), mproc.Queue()
        self.child(lambda: results.put(list(q)))
        for i in range(100):
            q.put(i)
        q.shutdown()
        self.assertEqual(results.get(timeout=10), list(range(100)))
        self.assertRaises(ValueError, q.put, 1)
        self.assertRaises(mproc.ShutDown, q.get)

    def test_shutdown_at_once(self):
        q = mproc.Queue()
        q.put(1)
        q.shutdown(immediate=True)
        self.assertEqual(list(q), [])

    def test_shutdown_wakes_those_who_wait(self):
        q, results = mproc.Queue(), mproc.Queue()

        def wait():
            try:
                q.get()
            except mproc.ShutDown:
                results.put('woken')
        self.child(wait)
        time.sleep(0.2)
        q.shutdown()
        self.assertEqual(results.get(timeout=10), 'woken')


class Many(TestCase):
    def test_producers_and_consumers(self):
        tasks, results = mproc.Queue(10), mproc.Queue()

        def produce(number):
            for i in range(500):
                tasks.put((number, i))

        def consume():
            results.put([item for item in iter(tasks.get, None)])

        producers = [self.child(produce, number) for number in range(3)]
        consumers = [self.child(consume) for _ in range(3)]
        for p in producers:
            p.join()
        for _ in consumers:
            tasks.put(None)
        lists = [results.get(timeout=20) for _ in consumers]
        self.assertEqual(sorted(sum(lists, [])), [(n, i) for n in range(3) for i in range(500)])
        for got in lists:
            for number in range(3):
                own = [i for n, i in got if n == number]
                self.assertEqual(own, sorted(own))

    def test_threads(self):
        q = mproc.Queue(5)
        got = []
        users = [threading.Thread(target=lambda: [q.put(i) for i in range(200)]) for _ in range(2)]
        users += [threading.Thread(target=lambda: [got.append(q.get()) for _ in range(200)])
                  for _ in range(2)]
        for t in users:
            t.start()
        for t in users:
            t.join(20)
        self.assertEqual(sorted(got), sorted(list(range(200)) * 2))

    def test_killed_users_harm_nobody(self):
        q = mproc.Queue()

        def use():
            while True:
                q.put('x' * 100)
                q.get()

        for _ in range(10):
            p = mproc.Process(target=use)
            p.start()
            time.sleep(0.02)
            p.kill()
            p.join()
            self.assertEqual(p.exitcode, -signal.SIGKILL)
        while not q.empty():
            q.get(timeout=5)
        q.put('mine')
        self.assertEqual(q.get(timeout=5), 'mine')


class InMainLoops(TestCase):
    setUpClass = staticmethod(open_main_loop)

    def finish(self, start, *data):
        """Starts something, and gives what its callback gets."""
        context, got = GLib.MainContext.default(), []
        start(lambda *arguments: got.append(arguments), *data)
        end = time.monotonic() + 20
        while not got and time.monotonic() < end:
            context.iteration(False) or time.sleep(0.001)
        self.assertTrue(got, 'no callback')
        return got[0]

    def put(self, q, value, *data):
        return self.finish(lambda *rest: q.put_async(value, None, *rest), *data)

    def get(self, q):
        source, result = self.finish(lambda *rest: q.get_async(None, *rest))
        return source.get_finish(result)

    def test_values_in_and_out(self):
        q = mproc.Queue()
        for value in Values.VALUES:
            source, result, *data = self.put(q, value, 'more', 3)
            self.assertIs(source, q)
            self.assertEqual(data, ['more', 3])
            self.assertIs(q.put_finish(result), True)
            Values.same(self, self.get(q), value)

    def test_with_the_other_calls(self):
        q = mproc.Queue()
        q.put({'a': [1]})
        self.assertEqual(self.get(q), {'a': [1]})
        self.put(q, ('b', None))
        self.assertEqual(q.get(), ('b', None))
        q.put_payload(Mp.Payload.new_variant(GLib.Variant('a{sv}', {'x': GLib.Variant('i', 5)})),
                      0, None)
        self.assertEqual(self.get(q), {'x': 5})

    def test_large_buffers(self):
        q = mproc.Queue()
        large = [pickle.PickleBuffer(bytearray(b'b' * 100000)), 1]
        q.put(large)
        got = self.get(q)
        self.assertEqual((bytes(got[0]), got[1]), (b'b' * 100000, 1))
        self.put(q, large)
        self.assertEqual(bytes(q.get()[0]), b'b' * 100000)
        self.put(q, large)
        self.assertEqual(bytes(self.get(q)[0]), b'b' * 100000)

    def test_shared_objects(self):
        q, other = mproc.Queue(), mproc.Queue()
        lock, values = mproc.Lock(), mproc.Array('i', [1, 2])
        handle = lock.get_handle()
        self.put(q, {'lock': lock, 'values': values, 'queue': other})
        del lock, values
        gc.collect()
        got = self.get(q)
        self.assertTrue(got['lock'].acquire(False))
        self.assertEqual((got['lock'].get_handle(), got['values'][:]), (handle, [1, 2]))
        got['queue'].put('reached')
        self.assertEqual(other.get(), 'reached')
        del got
        gc.collect()
        self.assertRaises(mproc.NoSuchObjectError, Mp.Shared.open, handle)

    def test_waits_for_room(self):
        q = mproc.Queue(1)
        q.put(1)
        value, got = [2], []
        q.put_async(value, None, lambda source, result: got.append(source.put_finish(result)))
        value.append('too late')
        self.assertEqual((self.get(q), self.get(q)), (1, [2]))
        self.finish(lambda done: GLib.idle_add(done))
        self.assertEqual(got, [True])

    def test_errors(self):
        q = mproc.Queue(1)
        self.assertRaisesRegex(ValueError, 'I stay', q.put_async, Unwilling())
        cancellable = Gio.Cancellable()
        cancellable.cancel()
        source, result = self.finish(lambda done: q.get_async(cancellable, done))
        with self.assertRaises(GLib.Error) as caught:
            q.get_finish(result)
        self.assertTrue(caught.exception.matches(Gio.io_error_quark(), Gio.IOErrorEnum.CANCELLED))
        q.shutdown()
        self.assertRaises(mproc.ShutDown, self.get, q)
        source, result = self.put(q, 1)
        self.assertRaises(mproc.ShutDown, q.put_finish, result)
        q.close()
        self.assertRaises(ValueError, q.put_async, 1)
        self.assertRaises(ValueError, q.get_async)


if __name__ == '__main__':
    unittest.main()
