# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""How the threads of a process take turns, where a signal handler may raise an exception.

Python runs signal handlers after a call, when a function begins, and when a loop goes back; not
between other operations, where it does not switch threads either. So an exception may come up just
after a lock has been acquired, before any `try`, and then nobody knows who has it; and it may come
just after a call has taken an item out of a queue, and then that is lost.

What must not be torn apart is therefore written without any call in between: `queue += (item,)`,
`item = queue[0]` and `del queue[0]` instead of methods, and a variable that says which thread has
its turn instead of a lock:

    me = get_ident()
    while self._holder not in (None, me):
        self._bell.wait()
    outer, self._holder = self._holder, me
    try:
        ...
    finally:
        self._holder = outer
    if self._bell.n_waiting:
        self._bell.ring()
"""

import threading
from time import monotonic

# How long a thread waits before it looks again, should nobody wake it.
LOOK = 0.1


class Bell:
    """Wakes threads that wait for the turn of another one, mostly."""

    def __init__(self):
        self._lock = threading.Lock()
        self._lock.acquire()
        self.n_waiting = 0

    def wait(self, end=None):
        """Until ring(), or a while; no longer than to the time @end."""
        self.n_waiting += 1
        try:
            seconds = LOOK if end is None else min(LOOK, end - monotonic())
            self._lock.acquire(timeout=max(0, seconds))
        finally:
            self.n_waiting -= 1

    def ring(self):
        try:
            self._lock.release()
        except RuntimeError:
            pass    # it has rung already
