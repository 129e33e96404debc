# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""Proxies: what a process sees of the objects that a manager's server of Python holds.

A proxy is a token (which server, which object) and a link to that server; its methods are calls.
It travels in values, and in the server that has the object it becomes a proxy which calls it
directly. What is in a message of mproc holds its object by a ticket, see server.py.
"""

import weakref

from gi.overrides import _MpCodec
from gi.repository import Mp

from . import links
from .links import PROXY
from .process import _spawning
from .server import Token

__all__ = ['BaseProxy', 'MakeProxyType', 'AutoProxy', 'IteratorProxy', 'AcquirerProxy',
           'ConditionProxy', 'EventProxy', 'BarrierProxy', 'NamespaceProxy', 'ValueProxy',
           'PoolProxy']


class BaseProxy:
    """The base of all proxies."""

    def __init__(self, token, serializer='pickle', manager=None, authkey=None, exposed=None,
                 incref=True, manager_owned=False):
        self._token = token
        self._id = token.id
        self._serializer = serializer
        self._manager = manager
        self._exposed = exposed
        self._link = links.find(token.address, authkey)
        self._authkey = self._link.authkey
        if incref:
            self._link.hold(self._id)
            self._close = weakref.finalize(self, self._link.drop, self._id)
            self._close.atexit = False      # the end of the process drops all

    def _callmethod(self, methodname, args=(), kwds={}):
        """What a method of the object returns, or what it raises."""
        kind, result = self._link.call(self._id, methodname, args, kwds)
        if kind != PROXY:
            return links.unwrap(kind, result)
        exposed, token = result
        self._link.adopt(token.id)
        try:
            registry = getattr(self._manager, '_registry', {})
            make = registry.get(token.typeid, (None,))[-1] or AutoProxy
            return make(token, self._serializer, manager=self._manager, authkey=self._authkey,
                        exposed=exposed)
        finally:
            self._link.drop(token.id)

    def _getvalue(self):
        """A copy of the object."""
        return self._callmethod('#GETVALUE')

    def __reduce__(self):
        more = {}
        if _spawning.active:
            more['authkey'] = self._authkey
        if getattr(self, '_isauto', False):
            more['exposed'] = self._exposed_
            maker = AutoProxy
        else:
            maker = type(self)
        _MpCodec.hold_by(self._make_ticket)
        return RebuildProxy, (maker, self._token, self._serializer, more)

    def _make_ticket(self):
        """A shared object that the message holds, and as long as it does the server holds ours."""
        ticket = Mp.Event.new()
        self._link.ticket(self._id, ticket.get_handle())
        return ticket

    def __deepcopy__(self, memo):
        return self._getvalue()

    def __repr__(self):
        return f'<{type(self).__name__} object, typeid {self._token.typeid!r} at {id(self):#x}>'

    def __str__(self):
        """The object's own text."""
        try:
            return self._callmethod('__repr__')
        except Exception:
            return repr(self)[:-1] + "; '__str__()' failed>"


def RebuildProxy(func, token, serializer, kwds):
    """Makes a proxy that was pickled."""
    return func(token, serializer, **kwds)


# ── Types made from names ───────────────────────────────────────────────────────────────────────

_types = {}


def _method(name):
    def call(self, /, *args, **kwds):
        return self._callmethod(name, args, kwds)
    call.__name__ = call.__qualname__ = name
    return call


def MakeProxyType(name, exposed, _cache=_types):
    """A type of proxies that has these methods."""
    exposed = tuple(exposed)
    known = _cache.get((name, exposed))
    if known is None:
        methods = {method: _method(method) for method in exposed}
        known = _cache[name, exposed] = type(name, (BaseProxy,),
                                             methods | {'_exposed_': exposed})
    return known


def AutoProxy(token, serializer='pickle', manager=None, authkey=None, exposed=None, incref=True,
              manager_owned=False):
    """A proxy that has the methods which the object exposes."""
    if exposed is None:
        exposed = links.find(token.address, authkey).ask('get_methods', token)
    made = MakeProxyType(f'AutoProxy[{token.typeid}]', exposed)
    proxy = made(token, serializer, manager=manager, authkey=authkey, incref=incref,
                 manager_owned=manager_owned)
    proxy._isauto = True
    return proxy


# ── Types of their own ──────────────────────────────────────────────────────────────────────────

class IteratorProxy(BaseProxy):
    _exposed_ = ('__next__', 'send', 'throw', 'close')

    def __iter__(self):
        return self

    def __next__(self, *args):
        return self._callmethod('__next__', args)

    def send(self, *args):
        return self._callmethod('send', args)

    def throw(self, *args):
        return self._callmethod('throw', args)

    def close(self, *args):
        return self._callmethod('close', args)


class AcquirerProxy(BaseProxy):
    _exposed_ = ('acquire', 'release')

    def acquire(self, blocking=True, timeout=None):
        return self._callmethod('acquire', (blocking,) if timeout is None else (blocking, timeout))

    def release(self):
        return self._callmethod('release')

    def __enter__(self):
        return self._callmethod('acquire')

    def __exit__(self, *details):
        return self._callmethod('release')


class ConditionProxy(AcquirerProxy):
    _exposed_ = ('acquire', 'release', 'wait', 'notify', 'notify_all')

    def wait(self, timeout=None):
        return self._callmethod('wait', (timeout,))

    def notify(self, n=1):
        return self._callmethod('notify', (n,))

    def notify_all(self):
        return self._callmethod('notify_all')

    def wait_for(self, predicate, timeout=None):
        """Waits until predicate(), which runs here, is true."""
        import time
        end = None if timeout is None else time.monotonic() + timeout
        result = predicate()
        while not result:
            rest = None if end is None else end - time.monotonic()
            if rest is not None and rest <= 0:
                break
            self.wait(rest)
            result = predicate()
        return result


EventProxy = MakeProxyType('EventProxy', ('is_set', 'set', 'clear', 'wait'))


class BarrierProxy(BaseProxy):
    _exposed_ = ('__getattribute__', 'wait', 'abort', 'reset')

    def wait(self, timeout=None):
        return self._callmethod('wait', (timeout,))

    def abort(self):
        return self._callmethod('abort')

    def reset(self):
        return self._callmethod('reset')

    parties = property(lambda self: self._callmethod('__getattribute__', ('parties',)))
    n_waiting = property(lambda self: self._callmethod('__getattribute__', ('n_waiting',)))
    broken = property(lambda self: self._callmethod('__getattribute__', ('broken',)))


class NamespaceProxy(BaseProxy):
    """Its attributes are those of the object, unless they begin with an underscore."""

    _exposed_ = ('__getattribute__', '__setattr__', '__delattr__')

    def __getattr__(self, key):
        if key[0] == '_':
            return object.__getattribute__(self, key)
        return self._callmethod('__getattribute__', (key,))

    def __setattr__(self, key, value):
        if key[0] == '_':
            object.__setattr__(self, key, value)
        else:
            self._callmethod('__setattr__', (key, value))

    def __delattr__(self, key):
        if key[0] == '_':
            object.__delattr__(self, key)
        else:
            self._callmethod('__delattr__', (key,))


class ValueProxy(BaseProxy):
    _exposed_ = ('get', 'set')

    def get(self):
        return self._callmethod('get')

    def set(self, value):
        return self._callmethod('set', (value,))

    value = property(get, set)


ArrayProxy = MakeProxyType('ArrayProxy', ('__len__', '__getitem__', '__setitem__'))

_LIST = ('__add__', '__contains__', '__delitem__', '__getitem__', '__len__', '__mul__',
         '__reversed__', '__rmul__', '__setitem__', 'append', 'count', 'extend', 'index',
         'insert', 'pop', 'remove', 'reverse', 'sort', '__imul__')
_DICT = ('__contains__', '__delitem__', '__getitem__', '__iter__', '__len__', '__setitem__',
         'clear', 'copy', 'get', 'items', 'keys', 'pop', 'popitem', 'setdefault', 'update',
         'values')


BaseListProxy = MakeProxyType('BaseListProxy', _LIST)


class ListProxy(BaseListProxy):
    """A list in a server of Python; lists of a local manager are Mp.ListProxy."""

    def __iadd__(self, value):
        self._callmethod('extend', (value,))
        return self

    def __imul__(self, value):
        self._callmethod('__imul__', (value,))
        return self


class DictProxy(MakeProxyType('BaseDictProxy', _DICT)):
    """A dict in a server of Python."""

    def __iter__(self):
        return iter(self._callmethod('keys'))


class PoolProxy(MakeProxyType('BasePoolProxy', (
        'apply', 'apply_async', 'close', 'imap', 'imap_unordered', 'join', 'map', 'map_async',
        'starmap', 'starmap_async', 'terminate'))):
    def __enter__(self):
        return self

    def __exit__(self, *details):
        self.terminate()
