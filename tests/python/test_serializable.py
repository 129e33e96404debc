# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""GLib's values in Python's, objects of the program's own GObject classes, values that only another
language can have, and proxies on their way between processes."""

import decimal
import gc
import os
import pickle
import signal
import unittest

from gi.repository import GLib, GObject, Mp

from support import TestCase

import mproc


class Point(GObject.Object, Mp.Serializable):
    __gtype_name__ = 'PythonPoint'

    def __init__(self, x=0, y=0):
        super().__init__()
        self.x, self.y = x, y

    def do_get_state(self):
        if self.x == 'broken':
            raise ZeroDivisionError('by a class')
        if self.x == 'none':
            return None
        return GLib.Variant('(ii)', (self.x, self.y))

    def do_set_state(self, state):
        self.x, self.y = state.unpack()
        return self.x >= 0


class Subpoint(Point):
    __gtype_name__ = 'PythonSubpoint'


def through(value, encoding=None):
    """What a reader gets, in Python, after the value was converted."""
    queue = mproc.Queue()
    queue.put(value)
    payload = queue.get_payload()
    if encoding is not None:
        payload = payload.convert(encoding)
    return payload.get_value()


def canonical(value):
    queue = mproc.Queue()
    queue.put(value)
    return queue.get_payload().get_variant(None)


class Objects(TestCase):
    def setUp(self):
        super().setUp()
        self.addCleanup(Mp.Serializable.disallow, Point)
        self.addCleanup(Mp.Serializable.disallow, Subpoint)

    def test_round_trip(self):
        Mp.Serializable.allow(Point)
        self.assertTrue(Mp.Serializable.is_allowed(Point))
        for encoding in None, Mp.Encoding.VARIANT, Mp.Encoding.JSON, Mp.Encoding.PICKLE:
            with self.subTest(encoding=encoding):
                back = through({'here': [Point(3, -4), 'x']}, encoding)
                self.assertEqual(type(back['here'][0]), Point)
                self.assertEqual((back['here'][0].x, back['here'][0].y), (3, -4))
                self.assertEqual(back['here'][1], 'x')
        for queue in mproc.Queue(), mproc.JoinableQueue():
            queue.put(Point(1, 2))
            self.assertEqual(queue.get().y, 2)
            queue.put_many([Point(1, 2), 5, Point(3, 4)])
            self.assertEqual([getattr(value, 'x', value) for value in queue.get_many(3)], [1, 5, 3])

    def test_as_c_sees_it(self):
        value = canonical([Point(1, 2)])
        self.assertEqual(value.print_(False),
                         "[<@m(sv) ('mp.gobject', <('PythonPoint', <(1, 2)>)>)>]")
        Mp.Serializable.allow(Point)
        point = Mp.Serializable.from_variant(value.get_child_value(0).get_variant())
        self.assertEqual((point.x, point.y), (1, 2))
        self.assertEqual(Mp.Payload.new_variant(point.to_variant()).get_value().x, 1)

    def test_not_allowed(self):
        queue = mproc.Queue()
        queue.put(Subpoint(1, 2))
        payload = queue.get_payload()
        Mp.Serializable.allow(Point)
        with self.assertRaisesRegex(mproc.NotPlainError, 'PythonSubpoint.* not allowed'):
            payload.get_value()
        queue.put_payload(payload)
        with self.assertRaisesRegex(mproc.NotPlainError, 'PythonSubpoint'):
            queue.get()
        Mp.Serializable.allow(Subpoint)
        queue.put_payload(payload)
        self.assertEqual(type(queue.get()), Subpoint)
        Mp.Serializable.disallow(Subpoint)
        self.assertFalse(Mp.Serializable.is_allowed(Subpoint))
        self.assertRaises(mproc.NotPlainError, payload.get_value)
        content = GLib.Variant('(sv)', ('PythonNowhere', GLib.Variant('i', 1)))
        unknown = GLib.Variant('(sv)', ('mp.gobject', content))
        queue.put_payload(Mp.Payload.new_variant(GLib.Variant.new_maybe(None, unknown)))
        with self.assertRaisesRegex(mproc.NotPlainError, 'PythonNowhere, .* does not have'):
            queue.get()
        for kind in GObject.Object, Mp.Lock:
            self.assertRaises(ValueError, Mp.Serializable.allow, kind)

    def test_function(self):
        made = []

        def make(state):
            made.append(state.unpack())
            return Point(70, 71)
        Mp.Serializable.allow(Point, make)
        self.assertEqual(through(Point(1, 2)).x, 70)
        self.assertEqual(made, [(1, 2)])

    def test_classes_that_fail(self):
        queue = mproc.Queue()
        self.assertRaisesRegex(ZeroDivisionError, 'by a class', queue.put, Point('broken'))
        self.assertRaises(TypeError, queue.put, [Point('none')])
        self.assertRaises(TypeError, queue.put, GObject.Object())
        Mp.Serializable.allow(Point)
        with self.assertRaisesRegex(mproc.ProcessError, 'set_state.* of a PythonPoint'):
            through(Point(-1, 2))
        self.assertTrue(queue.empty())

    def test_in_a_child(self):
        Mp.Serializable.allow(Point)
        there, back = mproc.Queue(), mproc.Queue()

        def work():
            point = there.get()
            point.x += 1
            back.put(point)
        self.child(work)
        there.put(Point(1, 2))
        self.assertEqual(back.get(timeout=60).x, 2)


class Boxed(TestCase):
    def test_variant(self):
        for text in "{'a': 1}", "int16 5", "(1, @as [])", "<<'x'>>", "@ms nothing", "b'x'":
            with self.subTest(text=text):
                variant = GLib.Variant.parse(None, text, None, None)
                self.assertTrue(canonical(variant).equal(variant))
                self.assertTrue(canonical([0, variant]).get_child_value(1).get_variant()
                                .equal(variant))
                back = through([variant])[0]
                self.assertIsInstance(back, GLib.Variant)
                self.assertTrue(back.equal(variant))
                plain = through([variant], Mp.Encoding.JSON)[0]
                expected = variant.unpack()
                if isinstance(expected, tuple):
                    expected = list(expected)
                if text.startswith('b'):
                    expected = b'x\0'
                self.assertEqual(plain, expected)

    def test_bytes(self):
        back = through({'x': GLib.Bytes.new(b'a\0b')})['x']
        self.assertIsInstance(back, GLib.Bytes)
        self.assertEqual(back.get_data(), b'a\0b')
        self.assertEqual(canonical(GLib.Bytes.new(b'ab')).print_(True), "[byte 0x61, 0x62]")
        self.assertEqual(through(GLib.Bytes.new(b''), Mp.Encoding.VARIANT), b'')

    def test_date_time(self):
        for text in '2024-02-03T04:05:06.000007+05:30', '1969-12-31T23:59:59.999999Z':
            with self.subTest(text=text):
                moment = GLib.DateTime.new_from_iso8601(text, None)
                back = through([moment])[0]
                self.assertIsInstance(back, GLib.DateTime)
                self.assertTrue(back.equal(moment))
                self.assertEqual(back.get_utc_offset(), moment.get_utc_offset())
                self.assertEqual(through(moment, Mp.Encoding.VARIANT).isoformat(),
                                 text.replace('Z', '+00:00'))

    def test_pickled_by_others(self):
        self.assertEqual(pickle.loads(pickle.dumps(GLib.Bytes.new(b'x'))).get_data(), b'x')
        self.assertEqual(pickle.loads(pickle.dumps(GLib.Variant('i', 3))).unpack(), 3)

    def test_too_deep(self):
        variant = GLib.Variant('i', 1)
        for _ in range(60):
            variant = GLib.Variant('av', [variant])
        self.assertTrue(through(variant).equal(variant))
        with self.assertRaises(GLib.Error) as caught:
            canonical(variant)
        self.assertTrue(caught.exception.matches(GLib.quark_from_string('mp-error-quark'),
                                                 Mp.Error.NOT_PLAIN))


class Holder(GObject.Object, Mp.Serializable):
    """Has a queue in its state."""
    __gtype_name__ = 'PythonHolder'
    queue = None

    def do_get_state(self):
        return GLib.Variant('(sv)', ('the queue', self.queue.to_variant()))

    def do_set_state(self, state):
        self.queue = Mp.Shared.from_variant(state.get_child_value(1).get_variant())
        return True


class SharedInVariants(TestCase):
    """A GVariant that names a shared object, beside others in the same value."""

    def setUp(self):
        Mp.Serializable.allow(Holder)
        self.addCleanup(Mp.Serializable.disallow, Holder)

    def make(self):
        """A value with three queues that only the message will hold, and their handles."""
        one, two, three = queues = [mproc.Queue() for _ in range(3)]
        for number, queue in enumerate(queues):
            queue.put(number)
        value = {'variant': GLib.Variant('(sv)', ('x', one.to_variant())), 'direct': two,
                 'object': Holder()}
        value['object'].queue = three
        return value, [queue.get_handle() for queue in queues]

    def put(self, put):
        value, handles = self.make()
        put(value)
        del value
        gc.collect()
        return handles

    def check_gone(self, handles):
        gc.collect()
        for handle in handles:
            self.assertRaises(mproc.NoSuchObjectError, Mp.Shared.open, handle)

    def check(self, value):
        one = Mp.Shared.from_variant(value['variant'].get_child_value(1).get_variant())
        self.assertEqual([one.get(), value['direct'].get(), value['object'].queue.get()],
                         [0, 1, 2])

    def test_in_a_queue(self):
        queue = mproc.Queue()
        for put in queue.put, lambda value: queue.put_many([1, value]), queue.put_async:
            handles = self.put(put)
            value = queue.get()
            self.check(value if value != 1 else queue.get())
            del value
            while GLib.MainContext.default().iteration(False):
                pass                    # put_async() holds it until it is done
            self.check_gone(handles)

    def test_in_another_process(self):
        there, back = mproc.Queue(), mproc.Queue()

        def work():
            value = there.get(timeout=60)
            back.put(value)
            self.check(value)
        self.put(there.put)
        self.child(work).join()
        value = back.get(timeout=60)
        queue = Mp.Shared.from_variant(value['variant'].get_child_value(1).get_variant())
        self.assertTrue(queue.empty() and value['object'].queue.empty())

    def test_as_others_see_it(self):
        for encoding in Mp.Encoding.VARIANT, Mp.Encoding.JSON:
            queue = mproc.Queue()
            self.put(queue.put)
            payload = queue.get_payload().convert(encoding)
            self.assertTrue(payload.get_value()['direct'].get() == 1)
            state = payload.get_variant(None).lookup_value('object', None)
            self.assertEqual(Mp.Serializable.from_variant(state).queue.get(), 2)

    def test_in_a_manager(self):
        with mproc.Manager() as manager:
            content = manager.list()
            self.put(content.append)
            self.check(content.pop())

    def test_the_variant_goes_later(self):
        queue, other = mproc.Queue(), mproc.Queue()
        variant = mproc.Lock().to_variant()
        other.put('something else')
        other.get()
        queue.put([variant])
        del variant
        gc.collect()
        self.assertTrue(Mp.Shared.from_variant(queue.get()[0]).acquire(timeout=0))

    def test_pickled_by_others(self):
        lock = mproc.Lock()
        variant = pickle.loads(pickle.dumps(lock.to_variant()))
        self.assertEqual(Mp.Shared.from_variant(variant).get_handle(), lock.get_handle())


class Opaque(TestCase):
    def test_of_python(self):
        """What C says of it; Python's own reader has it whole."""
        queue, other = mproc.Queue(), mproc.Queue()
        lock = mproc.Lock()
        handle = lock.get_handle()
        queue.put([decimal.Decimal('1.5'), lock])
        del lock
        payload = queue.get_payload()
        with self.assertRaises(GLib.Error) as caught:
            payload.get_variant(None)
        self.assertEqual(caught.exception.message, 'Python object of type decimal.Decimal')
        self.assertEqual(queue.get_payload_raw(0), (Mp.Status.TIMED_OUT, None))
        # The message holds the lock, and so do the one that it is put into and its value.
        other.put_payload(payload)
        del payload
        number, opened = other.get()
        self.assertEqual(number, decimal.Decimal('1.5'))
        self.assertEqual(opened.get_handle(), handle)
        self.assertTrue(opened.acquire(False))
        opened.release()

    def test_of_other_languages(self):
        """The reason is in the exception, also for many at once and for large ones."""
        queue = mproc.Queue()
        unknown = GLib.Variant('(sv)', ('mp.unheard', GLib.Variant('i', 1)))
        value = GLib.Variant.new_maybe(None, unknown)
        for padding in 0, 9000:
            inner = GLib.Variant('(vs)', (value, 'x' * padding))
            with self.subTest(padding=padding):
                queue.put_payload(Mp.Payload.new_variant(inner))
                with self.assertRaisesRegex(mproc.NotPlainError, 'GVariant.*mp.unheard'):
                    queue.get()
                queue.put_payload(Mp.Payload.new_variant(inner))
                with self.assertRaisesRegex(mproc.NotPlainError, 'GVariant.*mp.unheard'):
                    queue.get_many(5)
                queue.put_payload(Mp.Payload.new_variant(inner))
                payload = queue.get_payload()
                self.assertEqual(payload.get_encoding(), Mp.Encoding.VARIANT)
                self.assertRaisesRegex(mproc.NotPlainError, 'GVariant.*mp.unheard',
                                       payload.get_value)
        self.assertTrue(queue.empty())

    def test_payloads_wait(self):
        queue = mproc.Queue(1)
        self.assertRaises(mproc.queues.Empty, queue.get_payload, False)
        self.assertRaises(mproc.queues.Empty, queue.get_payload, timeout=0.15)
        queue.put('a')
        payload = queue.get_payload()
        queue.put_payload(payload)
        self.assertRaises(mproc.queues.Full, queue.put_payload, payload, False)
        self.assertRaises(mproc.queues.Full, queue.put_payload, payload, timeout=0.15)
        self.assertEqual(queue.get(), 'a')
        queue.shutdown()
        self.assertRaises(mproc.ShutDown, queue.get_payload)
        self.assertRaises(mproc.ShutDown, queue.put_payload, payload)
        queue.close()
        self.assertRaises(ValueError, queue.get_payload)


class Proxies(TestCase):
    @classmethod
    def setUpClass(cls):
        """The first callback opens what the process keeps."""
        done, queue = [], mproc.Queue()
        queue.put_async(1, None, lambda source, result: done.append(result))
        while not done:
            GLib.MainContext.default().iteration(True)

    def setUp(self):
        super().setUp()
        self.manager = mproc.Manager()
        self.addCleanup(self.end)

    def end(self):
        self.manager.shutdown()
        del self.manager

    def gone(self, handle):
        try:
            Mp.Proxy.open(handle)
        except mproc.NoSuchObjectError:
            return True
        return False

    def test_every_way(self):
        """Alone, nested, in batches, in the main loop; the same object each time."""
        queue = mproc.Queue()
        proxy = self.manager.list([0])
        queue.put(proxy)
        queue.put({'a': [proxy, (proxy,)]})
        queue.put_many([1, proxy, [proxy]])
        done = []
        queue.put_async({'x': proxy}, None, lambda source, result: done.append(result))
        while not done:
            GLib.MainContext.default().iteration(True)
        seen = [queue.get()]
        value = queue.get()
        seen += [value['a'][0], value['a'][1][0]]
        values = queue.get_many(3)
        seen += [values[1], values[2][0], queue.get()['x']]
        for number, other in enumerate(seen, 1):
            other.append(number)
        self.assertEqual(list(proxy), list(range(len(seen) + 1)))

    def test_every_encoding(self):
        proxy = self.manager.dict({'a': 1})
        for encoding in Mp.Encoding.VARIANT, Mp.Encoding.JSON:
            back = through({'p': [proxy]}, encoding)['p'][0]
            self.assertIsInstance(back, Mp.DictProxy)
            back[str(encoding)] = 2
        self.assertEqual(len(proxy), 3)
        self.assertEqual(Mp.Proxy.from_variant(canonical(proxy))['a'], 1)
        with self.assertRaises(mproc.InvalidDataError):
            Mp.Proxy.from_variant(GLib.Variant('i', 3))

    def test_held_while_it_travels(self):
        queue = mproc.Queue()
        proxy = self.manager.list(['here'])
        handle = proxy.get_handle()
        queue.put([proxy])
        del proxy
        gc.collect()
        # A few looks of the server, which comes by every second.
        for _ in range(60):
            self.assertFalse(self.gone(handle))
            GLib.usleep(50000)
        back = queue.get()
        self.assertEqual(list(back[0]), ['here'])
        del back
        gc.collect()
        self.assertSoon(lambda: self.gone(handle), 60)

    def test_sender_dies(self):
        queue = mproc.Queue()

        def work():
            queue.put([self.manager.list(['from', 'the', 'dead'])])
            os.kill(os.getpid(), signal.SIGKILL)
        child = self.child(work)
        child.join()
        self.assertEqual(child.exitcode, -signal.SIGKILL)
        GLib.usleep(2500000)
        self.assertEqual(list(queue.get()[0]), ['from', 'the', 'dead'])

    def test_in_each_other(self):
        outer, inner = self.manager.dict(), self.manager.list([1])
        handle = inner.get_handle()
        outer['key'] = [inner]
        del inner
        gc.collect()
        for _ in range(50):
            self.assertFalse(self.gone(handle))
            GLib.usleep(50000)
        outer['key'][0].append(2)
        self.assertEqual(list(outer['key'][0]), [1, 2])
        del outer['key']
        gc.collect()
        self.assertSoon(lambda: self.gone(handle), 60)

    def test_pickled_by_others(self):
        """Whoever pickles by himself can have it opened while the sender has it."""
        proxy = self.manager.list([1])
        self.assertEqual(list(pickle.loads(pickle.dumps(proxy))), [1])


if __name__ == '__main__':
    unittest.main()
