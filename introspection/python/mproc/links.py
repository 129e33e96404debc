# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""What a process has to do with a manager's server: connections, and references that it holds.

A Link is one server as this process knows it. It has a connection of its own, the anchor, and one
for each thread that makes calls, as locks of the server belong to threads. References belong to
the anchor: if this process ends, however it does, the kernel closes that, and the server drops
what the process held. Before a fork the parent opens the child's anchor, on which the server holds
for the child what the parent holds; so the child may use all proxies that it was born with.

A link lives as long as a manager or a proxy of this process refers to it. No thread helps: what
a finalizer drops is told to the server by whoever has the anchor next, or by the finalizer itself.
It waits for nothing: a drop has no answer, and what the anchor has no room for stays until later.

One thread at a time talks over the anchor; see turns.py for how it takes that turn.
"""

import collections
import os
import select
import threading
import weakref
from threading import get_ident
from time import monotonic

from .connection import Client
from .errors import AuthenticationError, NoSuchObjectError, RemoteError, ServerDied
from .turns import Bell

# Kinds of answers.
RETURN, ERROR, TRACEBACK, PROXY, UNSERIALIZABLE = range(5)

# For a server that somebody has stopped, a fork waits no longer than this (seconds), and once.
PATIENCE = 5

# So many drops go in one message: less than what a socket takes that has room at all.
AT_ONCE = 500

# What a process sends first on a connection.
ANCHOR, CALLS = 'anchor', 'calls'

_links = weakref.WeakValueDictionary()

# Those above, and those that others have taken the place of. By number: unlike a WeakSet it can be
# looked through while other threads change it.
_all = weakref.WeakValueDictionary()

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


def is_of_value(error, connection):
    """Whether a value could not be written or read; the connection goes on, then. The next
    exception may be where this one was, so what is known of it is forgotten."""
    found, connection._value_error = connection._value_error, None
    return found == id(error)


class Link:
    """One server, as this process knows it."""

    def __init__(self, address, authkey):
        self.address = address
        self.authkey = authkey
        self._server = None         # its name: another at this address has another
        self._lost = False          # it is not there any more, or has ended a connection
        self._in_vain = False       # whether it has not answered when it was asked for a fork
        self._dropped = collections.deque()
        self._begin()
        _all[id(self)] = self

    def _begin(self):
        self._teller = None         # the thread that has the anchor
        self._bell = Bell()
        self._local = threading.local()
        self._held = {}             # identifier → [how many here, how many the server counts]
        self._anchor = None
        self._client = os.urandom(16).hex()
        self._number = 0
        self._closed = False
        self._child = None
        self._forking = False       # whether it is for a fork that a thread has the anchor
        self._inherited = []        # what a child still has to hold
        self._untold = []           # (identifier, count) of what is held here no more

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
        the connection can be used again. After an interruption it cannot: the answer may come."""
        try:
            connection.send(request)
            answer = connection.recv()
            self._in_vain = False
            return answer
        except BaseException as error:
            if is_of_value(error, connection):
                raise
            connection.close()
            if isinstance(error, (EOFError, ConnectionError)) or self._closed:
                raise self._gone(error) from None
            raise

    def call(self, identifier, name, arguments=(), keywords=None):
        """(kind, result) of calling a method of an object, or of the server if that is None.

        The thread's connection is not there for others meanwhile: a signal handler that makes a
        call in the middle of this one needs another."""
        if self._anchor is None:
            self._exchange()
        elif self._dropped or self._untold:     # before a fork, or when there was no room
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
        anchor, self._anchor = self._anchor, None
        if anchor is not None:
            anchor.close()

    # ── References ──────────────────────────────────────────────────────────────────────────────

    def _need_anchor(self):
        """With the turn: makes the connection that the references belong to."""
        if self._anchor is None:
            anchor = self._connect(ANCHOR, self._client, None)
            self._ask_first(anchor)
            self._anchor = anchor
            self._hold_again()

    def _hold_again(self):
        """In a child that was born without an anchor: what it has inherited. What is gone meanwhile
        is found missing when it is used."""
        while self._inherited:
            identifier = self._inherited[0]
            del self._inherited[0]
            try:
                self._tell(('hold', identifier))
                self._held[identifier][1] += 1
            except NoSuchObjectError:
                pass

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

    def _tell(self, request):
        """With the turn: asks over the anchor. An answer to a request whose caller was interrupted
        is passed over."""
        anchor = self._anchor
        number = self._number = self._number + 1
        try:
            anchor.send((number, *request))
            answer = None, None, None
            while answer[0] != number:
                answer = anchor.recv()
        except (EOFError, OSError) as error:
            raise self._gone(error) from None
        self._in_vain = False
        return unwrap(*answer[1:])

    def _exchange(self, *request):
        """Asks over the anchor, which is made if need be; no request is for that only."""
        me = get_ident()
        while self._teller is not None:
            if self._teller == me:
                raise RuntimeError('a signal handler or finalizer uses a manager in the middle of '
                                   'what the same thread says to its server')
            self._bell.wait()
        self._teller = me
        try:
            self._need_anchor()
            self._sum_up()
            self._tell_untold(patiently=True)
            if request:
                self._tell(request)
        finally:
            self._teller = None
        self._let_go()

    def _let_go(self):
        if self._bell.n_waiting:
            self._bell.ring()
        if self._dropped or self._untold:
            self._flush()

    def adopt(self, identifier):
        """The server has counted one for this process: a proxy will have it."""
        held = self._held
        if identifier not in held:
            held[identifier] = [0, 0]
        counts = held[identifier]
        counts[0] += 1
        counts[1] += 1

    def hold(self, identifier):
        """One more proxy of this process refers to an object."""
        held = self._held
        if identifier in held:
            held[identifier][0] += 1
            return
        self._exchange('hold', identifier)
        self.adopt(identifier)

    def drop(self, identifier):
        """One proxy less. Called by finalizers, maybe in the middle of anything here."""
        self._dropped += (identifier,)
        self._flush()

    def ticket(self, identifier, handle):
        """The server holds the object as long as somebody holds what the handle names."""
        self._exchange('ticket', identifier, handle)

    def settle(self):
        """When this returns, the server has done all that it was told."""
        if self._anchor is not None:
            self._exchange('settle')

    def _flush(self):
        """Tells of what was dropped, unless that takes waiting."""
        goes_on = True
        while goes_on and (self._dropped or self._untold):
            me = get_ident()
            if self._teller is not None:
                return      # that thread does it
            self._teller = me
            try:
                self._sum_up()
                goes_on = self._tell_untold()
            finally:
                self._teller = None
        if self._bell.n_waiting:
            self._bell.ring()

    def _sum_up(self):
        dropped, held, untold = self._dropped, self._held, self._untold
        while dropped:
            identifier = dropped[0]
            del dropped[0]
            if identifier in held:
                counts = held[identifier]
                counts[0] -= 1
                if counts[0] <= 0:
                    del held[identifier]
                    untold += ((identifier, counts[1]),) if counts[1] else ()

    def _tell_untold(self, patiently=False):
        """Whether there was room for it."""
        untold, anchor = self._untold, self._anchor
        try:
            while untold and anchor is not None and not self._closed:
                if not patiently and not _has_room(anchor):
                    return False
                some = untold[:AT_ONCE]
                del untold[:AT_ONCE]
                anchor.send((0, 'drop', some))
        except OSError:
            pass
        untold.clear()      # with the server all references are gone
        return True

    # ── Forks ───────────────────────────────────────────────────────────────────────────────────

    def before_fork(self):
        """The child's own anchor, if it is born with references. Nobody else has the anchor until
        the kernel has taken its picture."""
        me = get_ident()
        end = monotonic() + (0 if self._in_vain else PATIENCE)
        while self._teller not in (None, me):
            if monotonic() >= end:
                self._in_vain = True
                return
            self._bell.wait(end)
        if self._teller is None:
            self._teller = me
            self._forking = True
        self._child = None
        if not self._held or self._closed or self._in_vain:
            return
        client = os.urandom(16).hex()
        try:
            anchor = self._connect(ANCHOR, client, self._client, timeout=PATIENCE)
            self._ask_first(anchor, PATIENCE)
            self._child = client, anchor
        except (OSError, EOFError, AuthenticationError):
            self._in_vain = True    # the child learns of it when it makes a call

    def after_fork_in_parent(self):
        if self._teller != get_ident():
            return      # another thread's fork, maybe
        child, self._child = self._child, None
        if self._forking:
            self._forking = False
            self._teller = None
            self._let_go()
        if child is not None:
            child[1].close()

    def after_fork_in_child(self):
        held, closed = self._held, self._closed
        child = self._child if self._teller == get_ident() else None    # not of another's fork
        if self._anchor is not None:
            self._anchor.close()
        self._begin()
        self._closed = closed
        if child is not None:
            self._client, self._anchor = child
            self._held = held
        else:
            self._held = {identifier: [counts[0], 0] for identifier, counts in held.items()}
            self._inherited = list(held)


def _has_room(connection):
    """Whether a message of some kilobytes can be sent without waiting."""
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLOUT)
    return bool(poll.poll(0))


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

    def settle(self):
        pass


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


# Several threads may fork at the same time. Each link knows whose turn it is.

def _look_through():
    return filter(None, (reference() for reference in _all.valuerefs()))


def _before():
    for link in _look_through():
        link.before_fork()


def _in_parent():
    for link in _look_through():
        link.after_fork_in_parent()


def _in_child():
    set_own_server(None)
    for link in _look_through():
        link.after_fork_in_child()


os.register_at_fork(before=_before, after_in_parent=_in_parent, after_in_child=_in_child)
