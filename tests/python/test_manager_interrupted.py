# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""What proxies and managers do after a signal handler has raised in the midst of their work: at the
first moment where one can run, then at the second, and so on, until there are no more."""

import itertools
import os
import signal
import sys
import threading
import unittest

import mproc
from mproc import links, managers, proxies
from mproc.managers import BaseManager
from support import Interrupting, Interruption, TestCase

OWN = {module.__file__ for module in (links, managers, proxies)}


class Alarm(Exception):
    """What handlers raise that are no interruption of the whole program."""


class Thing:
    def __init__(self, value=0):
        self.value = value

    def get(self):
        return self.value

    def say(self, event, value):
        """The value, as soon as the event is set."""
        event.wait()
        return value


class Things(BaseManager):
    pass


Things.register('Thing', Thing)
Things.register('RLock', threading.RLock, proxies.AcquirerProxy)


class Base(TestCase):
    def setUp(self):
        self.manager = Things()
        self.manager.start()
        self.addCleanup(self.manager.shutdown)
        # What is raised in a finalizer is told there.
        hook, sys.unraisablehook = sys.unraisablehook, lambda details: None
        self.addCleanup(setattr, sys, 'unraisablehook', hook)

    def each_moment(self, work, kind=Interruption):
        """Has work() interrupted at each of its moments in turn; gives each."""
        for moment in itertools.count():
            interrupting = Interrupting(OWN, moment, kind)
            try:
                with interrupting:
                    work()
            except kind:
                pass
            yield moment
            if not interrupting.done:
                break
        self.assertGreater(moment, 5)


class Interrupted(Base):
    def test_making_and_dropping(self):
        """Nothing stays held: others, and the same thread, go on."""
        def make_and_drop():
            thing = self.manager.Thing(1)
            self.assertEqual(thing.get(), 1)
        for moment in self.each_moment(make_and_drop):
            self.assertEqual(self.manager.Thing(moment).get(), moment)
        found = []
        thread = threading.Thread(target=lambda: found.append(self.manager.Thing(5).get()))
        thread.start()
        thread.join()
        self.assertEqual(found, [5])

    def test_answers_are_those_of_the_call(self):
        one, other = self.manager.Thing(1), self.manager.Thing(2)
        for kind in Interruption, Alarm, TimeoutError:
            for _moment in self.each_moment(one.get, kind):
                self.assertEqual((other.get(), one.get()), (2, 1))

    def test_what_others_have_stays(self):
        """A drop that is interrupted drops no more than one."""
        kept = self.manager.Thing(3)

        def hold_and_drop():
            proxies.RebuildProxy(proxies.AutoProxy, kept._token, 'pickle',
                                 {'authkey': self.manager._authkey})
        for _moment in self.each_moment(hold_and_drop):
            self.assertEqual(kept.get(), 3)

    def test_forks(self):
        kept = self.manager.Thing(4)

        def work():
            child = mproc.Process(target=int)
            child.start()
            child.join()
        for _moment in self.each_moment(work):
            child = self.child(lambda: os._exit(kept.get()))
            child.join()
            self.assertEqual(child.exitcode, 4)


class Handlers(Base):
    """Real ones, while an answer is awaited."""

    def interrupt(self, kind):
        def handle(number, frame):
            raise kind
        self.addCleanup(signal.signal, signal.SIGALRM, signal.signal(signal.SIGALRM, handle))
        thing, event = self.manager.Thing(1), mproc.Event()
        self.assertEqual(thing.get(), 1)
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        with self.assertRaises(kind):
            thing.say(event, 'late')
        return thing, event

    def test_next_call_does_not_wait_for_the_answer(self):
        for kind in Interruption, Alarm, TimeoutError:
            thing, event = self.interrupt(kind)
            self.assertEqual(thing.get(), 1)
            event.set()
            self.assertEqual([thing.get() for _ in range(3)], [1] * 3)

    def test_locks_outlive_values_that_cannot_be_sent(self):
        """They belong to the thread of the connection, so that is kept."""
        lock, thing = self.manager.RLock(), self.manager.Thing(1)
        with lock:
            self.assertRaises(Exception, thing.say, threading.Lock(), 1)
        taken = []
        other = threading.Thread(target=lambda: taken.append(lock.acquire(False)))
        other.start()
        other.join()
        self.assertEqual(taken, [True])


del Base

if __name__ == '__main__':
    unittest.main()
