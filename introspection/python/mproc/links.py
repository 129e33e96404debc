# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""What a process has to do with a manager's server: connections, and references that it holds.

A Link is one server as this process knows it. It has a connection of its own, the anchor, and one
for each thread that makes calls, as locks of the server belong to threads. References belong to
the anchor: if this process ends, however it does, the kernel closes that, and the server drops
what the process held. Before a fork the parent opens the child's anchor, on which the server holds
for the child what the parent holds; so the child may use all proxies that it was born with.

A link lives as long as a manager or a proxy of this process refers to it. No thread helps: what
a finalizer drops is told to the server by whoever holds the lock next, or by the finalizer itself.
"""

import collections
import os
import threading
import weakref

from .connection import Client
from .errors import AuthenticationError, RemoteError, ServerDied

# Kinds of answers.
RETURN, ERROR, TRACEBACK, PROXY, UNSERIALIZABLE = range(5)

# For a server that somebody has stopped, a fork waits no longer than this (seconds).
PATIENCE = 5

# What a process sends first on a connection.
ANCHOR, CALLS = 'anchor', 'calls'

_links = weakref.WeakValueDictionary()

# Those above, and those that others have taken the place of.
_all = weakref.WeakSet()

# The mproc.server.Server that runs in this process.
_own_server = None


def rule(text):
    return f'\n{"-" * 75}\n{text}{"-" * 75}'


def unwrap(kind, result):
    """What an answer of a server, other than a proxy, means here."""
    if kind == RETURN:
        return result
    if kind == ERROR:
        error, text = result
        if error.__cause__ is None:
            error.__cause__ = RemoteError(rule(text))
        raise error
    if kind == TRACEBACK:
        raise RemoteError(rule(result))
    raise RemoteError(f'the result cannot be sent: {result}')


class Link:
    """One server, as this process knows it."""

    def __init__(self, address, authkey):
        self.address = address
        self.authkey = authkey
        self._server = None         # its name: another at this address has another
        self._lost = False          # it is not there any more, or has ended a connection
        self._dropped = collections.deque()
        self._begin()
        _all.add(self)

    def _begin(self):
        self._lock = threading.Lock()
        self._local = threading.local()
        self._held = {}             # identifier → [how many here, how many the server counts]
        self._anchor = None
        self._client = os.urandom(16).hex()
        self._number = 0
        self._closed = False
        self._child = None
        self._locked = False

    # ── Connections ─────────────────────────────────────────────────────────────────────────────

    def _gone(self, error=None):
        self._lost = True
        text = f'the server of the manager at {self.address!r} is gone'
        return ServerDied(f'{text}: {error}' if str(error or '') else text)

    def _connect(self, *hello, timeout=None):
        if self._closed:
            raise self._gone('it was shut down')
        try:
            connection = Client(self.address, authkey=self.authkey, timeout=timeout)
            connection.send(hello)
        except (ConnectionError, FileNotFoundError, EOFError) as error:
            raise self._gone(error) from None
        return connection

    def _ask(self, connection, request):
        """A request that cannot be encoded was not sent, an unreadable answer was taken from it:
        the connection can be used again. After an interruption it cannot."""
        try:
            connection.send(request)
            return connection.recv()
        except (EOFError, OSError) as error:
            connection.close()
            raise self._gone(error) from None
        except Exception:
            raise
        except BaseException:
            connection.close()
            raise

    def call(self, identifier, name, arguments=(), keywords=None):
        """(kind, result) of calling a method of an object, or of the server if that is None.

        The thread's connection is not there for others meanwhile: a signal handler that makes a
        call in the middle of this one needs another."""
        if self._anchor is None:
            with self._lock:
                self._need_anchor()
        if self._dropped:       # before a fork
            self._flush()
        try:
            idle = self._local.connections
        except AttributeError:
            idle = self._local.connections = []
        connection = idle.pop() if idle else self._connect(CALLS, self._client, self._server)
        try:
            return self._ask(connection, (identifier, name, arguments, keywords or {}))
        finally:
            if not connection.closed:
                idle.append(connection)

    def ask(self, name, *arguments, **keywords):
        """What a method of the server returns."""
        return unwrap(*self.call(None, name, arguments, keywords))

    def is_new(self):
        """Whether it has never been used."""
        return self._server is None

    def end(self, timeout):
        """Asks the server to end; so many seconds are given it for each answer."""
        with self._connect(CALLS, self._client, self._server, timeout=timeout) as connection:
            connection.send((None, 'shutdown', (), {}))
            connection.recv(timeout=timeout)

    def close(self):
        """No calls any more, from this process; what it held was dropped."""
        self._closed = True
        self._local = threading.local()
        with self._lock:
            anchor, self._anchor = self._anchor, None
            if anchor is not None:
                anchor.close()

    # ── References ──────────────────────────────────────────────────────────────────────────────

    def _need_anchor(self):
        """With the lock: makes the connection that the references belong to."""
        if self._anchor is None:
            anchor = self._connect(ANCHOR, self._client, None)
            self._ask_first(anchor)
            self._anchor = anchor

    def _ask_first(self, anchor, timeout=None):
        try:
            server = anchor.recv(timeout=timeout)
        except (EOFError, OSError) as error:
            anchor.close()
            raise self._gone(error) from None
        if self._server not in (None, server):
            anchor.close()
            raise self._gone('there is another now')
        self._server = server

    def _tell(self, *request):
        """With the lock: one exchange over the anchor. An answer to a request whose caller was
        interrupted is passed over."""
        self._need_anchor()
        self._number += 1
        try:
            self._anchor.send((self._number, *request))
            while True:
                number, kind, result = self._anchor.recv()
                if number == self._number:
                    return unwrap(kind, result)
        except (EOFError, ConnectionError) as error:
            raise self._gone(error) from None

    def adopt(self, identifier):
        """The server has counted one for this process: a proxy will have it."""
        with self._lock:
            held = self._held.setdefault(identifier, [0, 0])
            held[0] += 1
            held[1] += 1
        self._flush()

    def hold(self, identifier):
        """One more proxy of this process refers to an object."""
        with self._lock:
            held = self._held.get(identifier)
            if held is None:
                self._tell('hold', identifier)
                held = self._held[identifier] = [0, 1]
            held[0] += 1
        self._flush()

    def drop(self, identifier):
        """One proxy less. Called by finalizers, maybe in the middle of anything here."""
        self._dropped.append(identifier)
        self._flush()

    def ticket(self, identifier, handle):
        """The server holds the object as long as somebody holds what the handle names."""
        with self._lock:
            self._tell('ticket', identifier, handle)
        self._flush()

    def _flush(self):
        while self._dropped and self._lock.acquire(blocking=False):
            try:
                while self._dropped:
                    self._drop_now(self._dropped.popleft())
            finally:
                self._lock.release()

    def _drop_now(self, identifier):
        held = self._held.get(identifier)
        if held is None:
            return
        held[0] -= 1
        if held[0] > 0:
            return
        del self._held[identifier]
        try:
            if self._anchor is not None and not self._closed:
                self._tell('drop', identifier, held[1])
        except (OSError, RemoteError):
            pass    # with the server all references are gone

    # ── Forks ───────────────────────────────────────────────────────────────────────────────────

    def before_fork(self):
        """The child's own anchor, if it is born with references. The lock is kept until the kernel
        has taken its picture."""
        self._child = None
        self._locked = self._lock.acquire(timeout=PATIENCE)
        if not self._locked or not self._held or self._closed:
            return
        client = os.urandom(16).hex()
        try:
            anchor = self._connect(ANCHOR, client, self._client, timeout=PATIENCE)
            self._ask_first(anchor, PATIENCE)
            self._child = client, anchor
        except (OSError, EOFError, AuthenticationError):
            pass    # the child learns of it when it makes a call

    def after_fork_in_parent(self):
        child, self._child = self._child, None
        if child is not None:
            child[1].close()
        if self._locked:
            self._lock.release()
        self._flush()

    def after_fork_in_child(self):
        held, child, closed = self._held, self._child, self._closed
        if self._anchor is not None:
            self._anchor.close()
        self._begin()
        self._closed = closed
        if child is not None:
            self._client, self._anchor = child
            self._held = held
        else:
            self._dropped.clear()


class OwnLink:
    """The server of this very process, for proxies in its own objects: nothing is sent."""

    def __init__(self, server):
        self._server = server
        self.address = server.address
        self.authkey = server.authkey

    def call(self, identifier, name, arguments=(), keywords=None):
        return self._server.answer(None, identifier, name, arguments, keywords or {})

    def ask(self, name, *arguments, **keywords):
        return unwrap(*self.call(None, name, arguments, keywords))

    def adopt(self, identifier):
        """What answer() makes for nobody is held for nobody."""
        self._server.hold(None, identifier)

    def hold(self, identifier):
        self._server.hold(None, identifier)

    def drop(self, identifier):
        self._server.drop_later(identifier)

    def ticket(self, identifier, handle):
        self._server.ticket(identifier, handle)


def _find_key(address):
    for link in list(_links.values()):
        if link.address == address and not link._closed:
            return link.authkey
    from .process import current_process
    return current_process().authkey


def find(address, authkey=None):
    """The link to the server at an address. Without a key it is one that is known here, if any."""
    if _own_server is not None and _own_server.address == address:
        return _own_server.link
    if authkey is None:
        authkey = _find_key(address)
    link = _links.get((address, authkey))
    return renew(address, authkey) if link is None or link._closed or link._lost else link


def renew(address, authkey):
    """The link to a server that has just begun, whoever may have been at that address before."""
    link = _links[address, authkey] = Link(address, authkey)
    return link


def set_own_server(server):
    global _own_server
    _own_server = server


# Those that a fork is concerned with, the same before and after it.
_forking = []


def _before():
    _forking[:] = list(_all)
    for link in _forking:
        link.before_fork()


def _in_parent():
    for link in _forking:
        link.after_fork_in_parent()
    _forking.clear()


def _in_child():
    set_own_server(None)
    for link in _forking:
        link.after_fork_in_child()
    _forking.clear()


os.register_at_fork(before=_before, after_in_parent=_in_parent, after_in_child=_in_child)
