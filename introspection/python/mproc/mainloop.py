# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""Waiting for a pool's results in GLib's main loop, which goes on meanwhile.

A Waiting is one call of get_async() or next_async(). It belongs to the thread that made it, and
ends in the main context that was this thread's default one. While any is under way, that context
takes in the pool's results and looks after its workers, so the callbacks of other results run there
too.
"""

from gi.repository import Gio, GLib

from gi.overrides import _MpFast


def when_ready(part, call):
    """Has the main loop run call(None) when a part of a result is ready."""
    if _MpFast.native is None:
        part.get_async(None, lambda *unused: call(None))
    else:
        _MpFast.native.when_ready(part, call)


def next_of(stream, call):
    """Has the main loop run call(part) with the next part that a stream gives."""
    stream.next_async(call)


class Waiting:
    """What is told to callback(source, waiting, *data)."""

    def __init__(self, source, cancellable, callback, data):
        self.source = source
        self.is_cancelled = self._is_over = False
        self._callback = callback
        self._data = data
        self._context = GLib.MainContext.get_thread_default()
        self._cancellable, self._handler = cancellable, 0
        if cancellable is not None:
            # connect() calls at once if it is cancelled already.
            self._handler = cancellable.connect(lambda *unused: self._cancel())

    def for_parts(self, parts):
        """It ends when all of them are ready."""
        self._left = 1
        for part in parts:
            if not part.is_ready():
                self._left += 1
                when_ready(part, self._one_came)
        self._later(self._one_came)

    def _one_came(self, _):
        self._left -= 1
        if self._left == 0 or self.source._has_failed_early():
            self.end()

    def end_later(self):
        """Never from within the call that began it."""
        self._later(lambda _: self.end())

    def _cancel(self):
        self.is_cancelled = True
        self.end_later()

    def _later(self, call):
        def run(_):
            call(None)
            return GLib.SOURCE_REMOVE
        source = GLib.idle_source_new()
        source.set_priority(GLib.PRIORITY_DEFAULT)
        source.set_callback(run)
        source.attach(self._context)

    def end(self):
        if self._is_over:
            return
        self._is_over = True
        if self._handler:
            # Not from within its handler, which would wait for itself: _cancel() only notes it.
            self._cancellable.disconnect(self._handler)
        self.source._pool._gather()
        if self._callback is not None:
            self._callback(self.source, self, *self._data)

    def check(self):
        """Raises the error of a cancelled operation."""
        if self.is_cancelled:
            raise GLib.Error.new_literal(Gio.io_error_quark(), 'Operation was cancelled',
                                         Gio.IOErrorEnum.CANCELLED)
