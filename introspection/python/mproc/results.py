# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""What a pool gives for a task: AsyncResult for one or a list, iterators for a stream.

A result consists of parts, the library's Mp.Results: one per task. They belong to the pool's owner
process; any of its threads may wait for them.

With the accelerator the parts are its Tasks, which have the same methods, and the result of
apply_async() is a Task itself: a million of them may wait.
"""

import collections
import itertools
import pickle
import sys
import threading
import traceback
from time import monotonic

from gi.overrides import _MpCodec, _MpFast, _MpResult, _MpShield
from gi.overrides._MpErrors import CLOSED, OK
from gi.repository import Mp

from .errors import TimeoutError

_native = _MpFast.native

if _native is not None:
    _native.setup_pool(decode=_MpCodec.decode, failure=_MpResult.failure,
                       timeout_error=TimeoutError, deferred=_MpShield.deferred,
                       raise_deferred=_MpShield.raise_deferred, pickler=pickle.Pickler)


class _SlowStream:
    """The accelerator's Stream, in Python."""

    def __init__(self):
        self._iterator = Mp.ResultIterator.new(False)
        self._left = 0
        self._got = collections.deque()
        self._added = collections.deque(maxlen=0)

    def __len__(self):
        return self._left

    def add(self, part):
        self._added += map(self._iterator.add, (part,))     # see turns.py
        self._left += 1

    def next_into(self, usec, into):
        if not self._got:
            self._got += map(self._iterator.next_raw, (usec,))
        status, part = self._got[0]
        if part is not None:
            into += (part,)
            self._left -= 1
        del self._got[0]
        return status

    def next_async(self, call):
        def came(source, result):
            part = source.next_finish(result)
            self._left -= part is not None
            call(part)
        self._iterator.next_async(None, came)


def new_stream():
    """Gives parts as they become ready."""
    return _SlowStream() if _native is None else _native.Stream()


class AsyncResult:
    """The result of apply_async(), map_async() and starmap_async()."""

    __slots__ = ()

    def successful(self):
        """Whether it is there without an exception; only when ready."""
        if not self.ready():
            raise ValueError(f'{self!r} not ready')
        return self._fetch()[0]

    def get_async(self, cancellable=None, callback=None, *data):
        """Waits in the main loop and then calls callback(result, waiting, *data), which gets the
        value from get_finish(waiting). The cancellable ends the waiting, and no task."""
        from .mainloop import Waiting
        Waiting(self, cancellable, callback, data).for_parts(self._get_parts())

    def get_finish(self, waiting):
        """In the callback of get_async(): the value; the exception of the task is raised here."""
        waiting.check()
        return self.get()

    def _get_parts(self):
        return (self,)

    def _has_failed_early(self):
        """Whether it is over though not all parts are ready."""
        return False

    def _call_back(self, callback, error_callback):
        good, value = self._fetch()
        call = callback if good else error_callback
        if call is None or self._was_called:
            return
        try:
            self._was_called = True
            call(value)
        except Exception:
            print(f'Exception in the callback {call!r} of a pool:', file=sys.stderr)
            traceback.print_exc()


class PartsResult(AsyncResult):
    """One that consists of the results of several tasks."""

    def __init__(self, pool, parts, callback, error_callback):
        self._pool = pool
        self._parts = self._kept = parts
        self._outcome = None
        self._early = {}        # part: its outcome, read while others were waited for
        self._callbacks = callback, error_callback
        self._was_called = False
        self._left = len(parts)     # of those whose coming was not counted yet
        self._last = None           # the last one that was
        if callback or error_callback:
            if parts:
                pool._watch(self, parts)
            else:
                self._call_back(*self._callbacks)

    def ready(self):
        """Whether it is there, or has failed."""
        self._pool._gather()
        return self._outcome is not None or self._has_failed_early() \
            or all(part.is_ready() for part in self._parts)

    def wait(self, timeout=None):
        """Waits until it is ready, or for so many seconds."""
        if self._outcome is None:
            self._pool._wait(self._wait_raw, timeout)

    def get(self, timeout=None):
        """The value; the exception of the task is raised here."""
        self.wait(timeout)
        if self._outcome is None and not all(part.is_ready() for part in self._parts):
            raise TimeoutError
        good, value = self._fetch()
        if good:
            return value
        raise value

    def cancel(self):
        """Cancels what is not done: what is queued is dropped, what runs is stopped. Whether there
        was anything."""
        return any([part.cancel() for part in self._parts])

    @property
    def output(self):
        """What its tasks printed, if the pool captures that."""
        return ''.join(part.dup_output() or '' for part in self._kept)

    @property
    def progress(self):
        """How much is done, from 0 to 1, as far as the tasks have told."""
        self._pool._gather()
        parts = [part.get_progress() if not part.is_ready() else 1.0 for part in self._kept]
        return sum(parts) / len(parts) if parts else 1.0

    @property
    def progress_text(self):
        """What the task is at, as it told by report_progress()."""
        self._pool._gather()
        return next((text for text in (part.dup_progress_text() for part in self._kept) if text),
                    None)

    def _n_items(self):
        """How many parts are done, and how many there are."""
        return sum(part.is_ready() for part in self._kept), len(self._kept)

    def _get_parts(self):
        return self._parts

    def _wait_raw(self, usec):
        # One part after the other: those after the first are mostly there when it is.
        for part in self._parts:
            if not part.is_ready():
                status = part.wait_raw(usec)
                if status != OK:
                    return status
                usec = 0
            self._read_early(part)
        return OK

    def _read_early(self, part):
        """What is there is read while the rest is still at work."""
        if len(self._parts) > 1 and part not in self._early:
            self._early[part] = part.outcome()

    def _fetch(self):
        if self._outcome is None:
            early = self._early
            self._outcome = self._combine([early.get(part) or part.outcome()
                                           for part in self._parts])
            self._parts = ()
            self._early = {}
        return self._outcome

    def _part_came(self, part):
        """Told once or, if an interruption came between, twice in a row."""
        if self._last is not part:
            self._last = part
            self._left -= 1
        if self._left == 0:
            self._call_back(*self._callbacks)


class _SlowApplyResult(PartsResult):
    def _combine(self, outcomes):
        return outcomes[0]


if _native is None:
    ApplyResult = _SlowApplyResult

    def make_apply_result(pool, part, callback, error_callback):
        return ApplyResult(pool, [part], callback, error_callback)
else:
    class ApplyResult(_native.Task, AsyncResult):
        """The result of apply_async(): one task, which is all it has."""

        __slots__ = ('__weakref__',)

        def ready(self):
            self._pool._gather()
            return self._was_read or self.is_ready()

        @property
        def output(self):
            return self.dup_output() or ''

        @property
        def progress(self):
            self._pool._gather()
            return 1.0 if self.is_ready() else self.get_progress()

        @property
        def progress_text(self):
            self._pool._gather()
            return self.dup_progress_text() or None

        def _n_items(self):
            return int(self.is_ready()), 1

    class _WatchedResult(ApplyResult):
        """One with a callback."""

        __slots__ = ('_callbacks', '_was_called')

        def _part_came(self, part):
            self._call_back(*self._callbacks)

    def make_apply_result(pool, part, callback, error_callback):
        if not callback and not error_callback:
            return ApplyResult(part, pool)
        result = _WatchedResult(part, pool)
        result._callbacks = callback, error_callback
        result._was_called = False
        pool._watch(result, [result])
        return result


class MapResult(PartsResult):
    def __init__(self, pool, parts, callback, error_callback, stop_on_error=False):
        self._stream = None
        self._came = collections.deque()
        if stop_on_error:
            self._stream = new_stream()
            for part in parts:
                self._stream.add(part)
        super().__init__(pool, parts, callback, error_callback)

    def _wait_raw(self, usec):
        """With stop_on_error: the first part that failed, in time, ends it."""
        while self._stream is not None:
            status = OK if self._came else self._stream.next_into(usec, self._came)
            if status not in (OK, CLOSED):
                return status
            part = self._came[0] if self._came else None
            if part is None:
                self._stream = None
            elif part.is_successful():
                del self._came[0]
            else:
                self._stream = None
                self._outcome = part.outcome()
                self.cancel()
                self._parts = ()
                return OK
        return super()._wait_raw(usec)

    def _has_failed_early(self):
        return self._stream is not None and self._wait_raw(0) == OK

    def _combine(self, outcomes):
        values = []
        for good, value in outcomes:
            if not good:
                return False, value
            values += value
        return True, values


def show_progress(result):
    """Waits for a result and shows on stderr how far it is: by tqdm, or in a line of text."""
    try:
        from tqdm import tqdm
    except ImportError:
        _show_text(result)
        return
    with tqdm(total=result._n_items()[1], unit='chunk') as bar:
        while not result.ready():
            bar.update(result._n_items()[0] - bar.n)
            result.wait(0.1)
        bar.update(result._n_items()[0] - bar.n)


def _show_text(result):
    shown = None
    while True:
        ready = result.ready()
        text = '{} of {}'.format(*result._n_items())
        if text != shown:
            print(f'\r{text}', end='', file=sys.stderr, flush=True)
            shown = text
        if ready:
            break
        result.wait(0.1)
    print(file=sys.stderr)
