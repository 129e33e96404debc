# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""The server of a manager of Python objects: it makes them, holds them, and calls their methods.

It runs in a process of its own, or wherever serve_forever() is called. Each connection has a
thread, since a method may wait (for a lock, say) and since locks belong to threads. An object
lives as long as a client holds it: references belong to the client's anchor connection, and go
with that. Objects of the server itself that have proxies hold what these refer to; and a ticket
holds an object for a proxy that is on its way in a message, until nobody holds the message.
"""

import collections
import itertools
import os
import sys
import threading
import time
import traceback

from gi.overrides import _MpCodec

from . import links
from .connection import Listener, wait
from .errors import AuthenticationError, NoSuchObjectError
from .links import ANCHOR, CALLS, ERROR, PROXY, RETURN, TRACEBACK, UNSERIALIZABLE

# How often the server looks whether what tickets stand for has arrived, if it holds any (seconds).
TICKET_INTERVAL = 1.0

# Before it tries again to take in somebody for whom there was no room (seconds).
PAUSE = 0.05

# What a dict gives that cannot be sent.
VIEWS = type({}.keys()), type({}.values()), type({}.items())


def public_methods(thing):
    """The names of the methods that do not begin with an underscore."""
    return [name for name in dir(thing) if name[0] != '_' and callable(getattr(thing, name))]


class Token:
    """Names an object of a server."""

    __slots__ = ('typeid', 'address', 'id')

    def __init__(self, typeid, address, identifier):
        self.typeid, self.address, self.id = typeid, address, identifier

    def __getstate__(self):
        return self.typeid, self.address, self.id

    def __setstate__(self, state):
        self.typeid, self.address, self.id = state

    def __repr__(self):
        return f'{type(self).__name__}(typeid={self.typeid!r}, address={self.address!r}, ' \
               f'id={self.id!r})'


class _Object:
    """What the server holds."""

    __slots__ = ('value', 'typeid', 'exposed', 'makes', 'count')

    def __init__(self, value, typeid, exposed, makes):
        self.value, self.typeid = value, typeid
        self.exposed, self.makes = set(exposed), dict(makes or {})
        self.count = 0


class Server:
    """Serves the objects of a registry, which is a manager's, at an address."""

    # What clients may call of the server itself.
    PUBLIC = ('create', 'get_methods', 'shutdown', 'debug_info', 'number_of_objects', 'dummy')

    # What every object answers to, exposed or not.
    ALWAYS = {'__str__': str, '__repr__': repr, '#GETVALUE': lambda value: value}

    def __init__(self, registry, address, authkey, serializer='pickle'):
        if not isinstance(authkey, bytes):
            raise TypeError(f'authkey {authkey!r} is not bytes')
        self.registry = registry
        self.authkey = authkey
        self._listener = Listener(address, backlog=64, authkey=bytes(authkey))
        self.address = self._listener.address
        self.link = links.OwnLink(self)
        self._lock = threading.RLock()
        self._objects = {}
        self._numbers = itertools.count(1)
        self._clients = {None: collections.Counter()}
        self._dropped = collections.deque()
        self._tickets = {}
        self._stopping = False
        self._bell = os.pipe()
        self._name = os.urandom(16).hex()

    # ── Serving ─────────────────────────────────────────────────────────────────────────────────

    def serve_forever(self):
        """Serves until a client calls shutdown(), or Ctrl-C; then it ends the program with
        SystemExit, as multiprocessing does."""
        links.set_own_server(self)
        try:
            while not self._stopping:
                self._accept()
                self._look_at_tickets()
        except (KeyboardInterrupt, SystemExit):
            pass
        finally:
            links.set_own_server(None)
            self._listener.close()
            with self._lock:
                bell, self._bell = self._bell, None
            for fd in bell:
                os.close(fd)
        sys.exit(0)

    def _ring(self):
        """Has the main thread look at what is new."""
        with self._lock:
            if self._bell is not None:
                os.write(self._bell[1], b'.')

    def _accept(self):
        """Takes in whoever has connected and knows the key."""
        timeout = TICKET_INTERVAL if self._tickets else None
        if self._bell[0] in wait([self._listener._listener, self._bell[0]], timeout):
            os.read(self._bell[0], 1)
        try:
            connection = self._listener.accept(0)
        except (AuthenticationError, ConnectionError, TimeoutError):
            return      # or he has gone again
        except OSError:         # no descriptors or no memory: he still waits at the door
            time.sleep(PAUSE)
            return
        try:
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()
        except RuntimeError:    # no more threads; the others are served
            connection.close()

    def _serve(self, connection):
        """The life of a connection."""
        with connection:
            try:
                kind, client, *more = connection.recv()
                if kind == ANCHOR:
                    self._serve_anchor(connection, client, *more)
                elif kind == CALLS and more == [self._name]:
                    self._serve_calls(connection, client)
            except (EOFError, OSError):
                pass
            except Exception:
                traceback.print_exc()

    def _serve_calls(self, connection, client):
        while True:
            try:
                request = connection.recv()
            except Exception as error:
                if not links.is_of_value(error, connection):
                    return
                answer = TRACEBACK, traceback.format_exc()  # what only the client's program knows
            else:
                answer = self.answer(client, *request)
            # Kept until the next request: by then what it refers to has been opened.
            try:
                self._send(connection, answer)
            finally:
                if self._stopping:
                    self._ring()

    def _serve_anchor(self, connection, client, parent):
        self._join(client, parent)
        try:
            connection.send(self._name)
            while True:
                number, what, *arguments = connection.recv()
                answer = self._tell(client, what, *arguments)
                if what != 'drop':      # nobody waits for that
                    self._send(connection, (number, *answer))
        finally:
            self._leave(client)

    def _send(self, connection, answer):
        try:
            connection.send(answer)
        except Exception as error:
            if not links.is_of_value(error, connection):
                raise
            connection.send((UNSERIALIZABLE, traceback.format_exc()))

    # ── Calls ───────────────────────────────────────────────────────────────────────────────────

    def answer(self, client, identifier, name, arguments, keywords):
        """(kind, result) of a call."""
        try:
            if identifier is None:
                if name not in self.PUBLIC:
                    raise AttributeError(f'the server has no method {name!r}')
                return RETURN, getattr(self, name)(client, *arguments, **keywords)
            return self._call(client, self._find(identifier), name, arguments, keywords)
        except NoSuchObjectError as error:
            return ERROR, (error, traceback.format_exc())
        except BaseException:
            return TRACEBACK, traceback.format_exc()

    def _find(self, identifier):
        with self._lock:
            found = self._objects.get(identifier)
        if found is None:
            raise NoSuchObjectError(f'the manager has no object {identifier!r} any more')
        return found

    def _call(self, client, found, name, arguments, keywords):
        if name not in found.exposed:
            if name in self.ALWAYS:
                return RETURN, self.ALWAYS[name](found.value)
            raise AttributeError(f'method {name!r} of {type(found.value)!r} object is not in '
                                 f'exposed={sorted(found.exposed)!r}')
        try:
            result = getattr(found.value, name)(*arguments, **keywords)
        except Exception as error:
            return ERROR, (error, traceback.format_exc())
        typeid = found.makes.get(name)
        if typeid is None:
            return RETURN, list(result) if isinstance(result, VIEWS) else result
        exposed, token = self._make(client, typeid, result)
        return PROXY, (exposed, token)

    def _make(self, client, typeid, *arguments, **keywords):
        """A new object, which the client holds once: (what is exposed, token)."""
        function, exposed, makes, _proxytype = self.registry[typeid]
        if function is not None:
            value = function(*arguments, **keywords)
        elif keywords or len(arguments) != 1:
            raise ValueError('Without callable, must have one non-keyword argument')
        else:
            value = arguments[0]
        names = set(public_methods(value) if exposed is None else exposed) | set(makes or {})
        with self._lock:
            if client not in self._clients:
                raise ConnectionError('the client has gone')
            identifier = f'{next(self._numbers):x}'
            self._objects[identifier] = _Object(value, typeid, names, makes)
            self.hold(client, identifier)
        return tuple(sorted(names)), Token(typeid, self.address, identifier)

    def create(self, client, typeid, /, *arguments, **keywords):
        return self._make(client, typeid, *arguments, **keywords)

    def get_methods(self, client, token):
        return tuple(sorted(self._find(token.id).exposed))

    def dummy(self, client):
        pass

    def number_of_objects(self, client):
        self._look_at_tickets()
        with self._lock:
            return len(self._objects)

    def debug_info(self, client):
        """A text with a line or two for each object."""
        with self._lock:
            objects = sorted(self._objects.items(), key=lambda item: int(item[0], 16))
        return '\n'.join(f'  {identifier}:       refcount={found.count}\n'
                         f'    {str(found.value)[:75]}' for identifier, found in objects)

    def shutdown(self, client):
        """Ends the server, after the answer."""
        self._stopping = True

    # ── References ──────────────────────────────────────────────────────────────────────────────

    def _tell(self, client, what, *arguments):
        """What a client says over its anchor."""
        try:
            {'hold': self.hold, 'drop': self._drop_several, 'ticket': self._hold_for,
             'settle': self.dummy}[what](client, *arguments)
        except Exception as error:
            return ERROR, (error, traceback.format_exc())
        self._drop_dropped()
        return RETURN, None

    def _join(self, client, parent):
        """A process that begins, with what its parent holds if it was forked."""
        with self._lock:
            mine = self._clients.setdefault(client, collections.Counter())
            for identifier, count in self._clients.get(parent, {}).items() if parent else ():
                mine[identifier] += count
                self._objects[identifier].count += count

    def _leave(self, client):
        with self._lock:
            held = self._clients.pop(client, {})
            gone = [self._lower(identifier, count) for identifier, count in held.items()]
        gone.clear()        # their ends may call anything: with no lock held
        self._drop_dropped()

    def hold(self, client, identifier):
        """One more reference of a client; None is the server."""
        with self._lock:
            held = self._clients.get(client)
            if held is None:
                raise ConnectionError('the client has gone')
            self._find(identifier).count += 1
            held[identifier] += 1

    def _drop_several(self, client, dropped):
        for identifier, count in dropped:
            self._drop(client, identifier, count)

    def _drop(self, client, identifier, count=1):
        with self._lock:
            self._clients[client][identifier] -= count
            if self._clients[client][identifier] <= 0:
                del self._clients[client][identifier]
            gone = self._lower(identifier, count)
        del gone

    def _lower(self, identifier, count):
        found = self._objects[identifier]
        found.count -= count
        return self._objects.pop(identifier) if found.count <= 0 else None

    def drop_later(self, identifier):
        """For finalizers, which may run in the middle of anything here."""
        self._dropped.append(identifier)

    def ticket(self, identifier, handle):
        self._hold_for(None, identifier, handle)

    def _hold_for(self, _client, identifier, handle):
        """Holds an object as long as what the handle names exists: somewhere in a message."""
        with self._lock:
            self.hold(None, identifier)
            is_first = not self._tickets
            self._tickets[handle] = identifier
        self._look_at_tickets()
        if is_first:
            self._ring()

    def _drop_dropped(self):
        while self._dropped:
            self._drop(None, self._dropped.popleft())

    def _look_at_tickets(self):
        """Drops what nobody waits for any more."""
        self._drop_dropped()
        with self._lock:
            tickets = list(self._tickets.items())
        over = [(handle, identifier) for handle, identifier in tickets
                if not _MpCodec.exists(handle)]
        for handle, identifier in over:
            with self._lock:
                known = self._tickets.pop(handle, None) is not None
            if known:
                self._drop(None, identifier)
