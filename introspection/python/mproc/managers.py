# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""Managers: server processes that hold objects for others, who see proxies of them.

There are two kinds of servers. That of lists and dicts is a program of the library, for all
languages; Manager() starts it, and its queues, locks and the like live in shared memory and need no
server at all. A BaseManager's is a process of Python that holds whatever its class has registered,
at an address that others can connect to, also over a network. A SyncManager has the first, and
the second beside it once something is asked for that only that can hold; one with an address of its
own has only the second.
"""

import os
import queue
import signal
import threading
import traceback

from gi.overrides import _MpCodec
from gi.repository import Mp

from . import links, process, proxies, util
from .connection import Client, Pipe  # noqa: F401  (Client: programs look for it here)
from .errors import ProcessError, RemoteError, ServerDied, ShutDown
from .proxies import (AcquirerProxy, ArrayProxy, AutoProxy, BarrierProxy, BaseListProxy, BaseProxy,
                      ConditionProxy, EventProxy, IteratorProxy, MakeProxyType, NamespaceProxy,
                      PoolProxy, RebuildProxy, ValueProxy)
from .server import Server, Token, public_methods  # noqa: F401

ListProxy = Mp.ListProxy
DictProxy = Mp.DictProxy

__all__ = ['BaseManager', 'SyncManager', 'SharedMemoryManager', 'BaseProxy', 'Token', 'Namespace',
           'MakeProxyType', 'AutoProxy', 'IteratorProxy', 'NamespaceProxy', 'ListProxy',
           'DictProxy', 'AcquirerProxy', 'ArrayProxy', 'BarrierProxy', 'BaseListProxy',
           'ConditionProxy', 'EventProxy', 'PoolProxy', 'RebuildProxy', 'ValueProxy']

INITIAL, STARTED, SHUTDOWN = 'initial', 'started', 'shutdown'


class _ServerProcess(process.Process):
    """Deaf to Ctrl-C from its first instant; though a daemon, its objects may have children."""

    _nests = True
    _ignores_interrupts = True


class BaseManager:
    """A manager of the types that were registered with its class."""

    _registry = {}
    _Server = Server

    def __init__(self, address=None, authkey=None, serializer='pickle', ctx=None, *,
                 shutdown_timeout=1.0):
        if serializer != 'pickle':
            raise ValueError(f"the serializer must be 'pickle', not {serializer!r}")
        if authkey is None:
            authkey = process.current_process().authkey
        self._address = address
        self._authkey = process.AuthenticationString(authkey)
        self._serializer = serializer
        self._ctx = ctx
        self._timeout = shutdown_timeout
        self._state = INITIAL
        self._process = None
        self._link = None
        self._end = None

    # ── The server ──────────────────────────────────────────────────────────────────────────────

    def _check_initial(self):
        if self._state == STARTED:
            raise ProcessError('Already started server')
        if self._state == SHUTDOWN:
            raise ProcessError('Manager has shut down')

    def get_server(self):
        """The server, to be run in this process: get_server().serve_forever()."""
        self._check_initial()
        return self._Server(self._registry, self._address, self._authkey, self._serializer)

    def connect(self):
        """Connects to a server that runs already, at the address."""
        self._check_initial()
        link = links.find(self._address, self._authkey)
        knew = not link.is_new()
        try:
            link.ask('dummy')
        except ServerDied:
            if not knew:
                raise
            link = links.find(self._address, self._authkey)     # that was a former one's
            link.ask('dummy')
        self._link = link
        self._state = STARTED

    def start(self, initializer=None, initargs=()):
        """Starts the server in a process of its own, which ends with this one."""
        self._check_initial()
        if initializer is not None and not callable(initializer):
            raise TypeError('initializer must be a callable')
        self._start_server(initializer, initargs)
        self._state = STARTED

    def _start_server(self, initializer=None, initargs=()):
        from .context import default_context
        reader, writer = Pipe(duplex=False)
        made = _ServerProcess(
            target=type(self)._run_server, daemon=True,
            args=(self._registry, self._address, self._authkey, self._serializer, writer,
                  initializer, initargs))
        made.name = f'{type(self).__name__}-{":".join(map(str, made._identity))}'
        made._start_method = (self._ctx or default_context).get_start_method()
        with reader:
            with writer:
                made.start()
            address = _await_address(reader, made)
        self._address = address
        self._process = made
        self._link = links.renew(address, self._authkey)
        self._end = util.Finalize(self, _end_server, args=(made, self._link, self._timeout),
                                  exitpriority=0)

    @classmethod
    def _run_server(cls, registry, address, authkey, serializer, writer, initializer, initargs):
        """The life of the server's process. A Ctrl-C in the terminal does not end it."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        with writer:
            try:
                if initializer is not None:
                    initializer(*initargs)
                server = cls._Server(registry, address, authkey, serializer)
            except BaseException as error:
                _send_error(writer, error)
                raise SystemExit(1) from None
            writer.send((server.address, None))
        server.serve_forever()

    def shutdown(self):
        """Ends the server that start() has started; only the process that did so can."""
        assert self._end is not None, 'this manager has started no server'
        self._end()
        if self._process is None or self._process._parent_pid == os.getpid():
            self._state = SHUTDOWN

    def join(self, timeout=None):
        """Waits for the end of the server's process."""
        if self._process is not None:
            self._process.join(timeout)
            if not self._process.is_alive():
                self._process = None

    @property
    def address(self):
        return self._address

    def __enter__(self):
        if self._state == INITIAL:
            self.start()
        assert self._state == STARTED
        return self

    def __exit__(self, *details):
        self.shutdown()

    def __reduce__(self):
        raise TypeError('a manager cannot be pickled; its proxies can')

    # ── Its objects ─────────────────────────────────────────────────────────────────────────────

    def _server(self):
        assert self._state == STARTED and self._link is not None, 'server not yet started'
        return self._link

    def _ask_server(self, name, *args, **kwds):
        """The link, and what a method of the server returns. After connect() that is asked which is
        at the address now: a former one has done nothing of it, or all of that is gone with it."""
        link = self._server()
        try:
            return link, link.ask(name, *args, **kwds)
        except ServerDied:
            if self._end is not None:       # it has started that server itself
                raise
        self._link = link = links.find(self._address, self._authkey)
        return link, link.ask(name, *args, **kwds)

    def _create(self, typeid, /, *args, **kwds):
        """The link, and a new object: its token and what it exposes. The process holds it until it
        drops it."""
        link, (exposed, token) = self._ask_server('create', typeid, *args, **kwds)
        link.adopt(token.id)
        return link, token, exposed

    def _make(self, typeid, /, *args, **kwds):
        """A new object's proxy."""
        link, token, exposed = self._create(typeid, *args, **kwds)
        try:
            make = self._registry[typeid][-1]
            return make(token, self._serializer, manager=self, authkey=self._authkey,
                        exposed=exposed)
        finally:
            link.drop(token.id)

    def _settle(self):
        try:
            self._server().settle()
        except ServerDied:
            pass    # who asks it something is told

    def _debug_info(self):
        self._settle()
        return self._ask_server('debug_info')[1]

    def _number_of_objects(self):
        self._settle()
        return self._ask_server('number_of_objects')[1]

    @classmethod
    def register(cls, typeid, callable=None, proxytype=None, exposed=None, method_to_typeid=None,
                 create_method=True):
        """Has managers of this class make objects by callable(), under the name @typeid.

        The methods in @exposed can be called: by default those that the type of the proxies says,
        else the public ones. @method_to_typeid says of which type the results of methods are that
        shall stay in the server and give proxies. With @create_method the managers get a method
        named @typeid."""
        if '_registry' not in cls.__dict__:
            cls._registry = cls._registry.copy()
        if proxytype is None:
            proxytype = AutoProxy
        exposed = exposed or getattr(proxytype, '_exposed_', None)
        method_to_typeid = method_to_typeid or getattr(proxytype, '_method_to_typeid_', None)
        for name, result in (method_to_typeid or {}).items():
            assert isinstance(name, str), f'{name!r} is not a string'
            assert isinstance(result, str), f'{result!r} is not a string'
        cls._registry[typeid] = callable, exposed, method_to_typeid, proxytype
        if create_method:
            def make(self, /, *args, **kwds):
                return self._make(typeid, *args, **kwds)
            make.__name__ = make.__qualname__ = typeid
            setattr(cls, typeid, make)


def _send_error(writer, error):
    text = ''.join(traceback.format_exception(error))
    try:
        writer.send((None, (error, text)))
    except Exception:
        writer.send((None, (None, text)))


def _await_address(reader, server):
    """Where a server that was started listens; the error if it could not begin."""
    try:
        address, failed = reader.recv()
    except EOFError:
        server.join()
        raise ServerDied('the server of the manager ended before it was ready, '
                         f'exit code {server.exitcode}') from None
    except BaseException:
        server.kill()
        server.join()
        raise
    if failed is None:
        return address
    server.join()
    error, text = failed
    if error is None:
        raise RemoteError(links.rule(text))
    error.__cause__ = RemoteError(links.rule(text))
    raise error


def _end_server(server, link, timeout):
    """Ends a server's process: asks, then insists."""
    try:
        link.end(timeout)
    except Exception:
        pass
    for how in (None, server.terminate, server.kill):
        if how is not None and server.is_alive():
            how()
        server.join(timeout if how is not server.kill else None)
        if not server.is_alive():
            break
    link.close()


# ── The manager of the usual types ──────────────────────────────────────────────────────────────

class Namespace:
    """An object for attributes."""

    def __init__(self, /, **kwds):
        self.__dict__.update(kwds)

    def __repr__(self):
        items = sorted(f'{name}={value!r}' for name, value in self.__dict__.items()
                       if not name.startswith('_'))
        return f'{type(self).__name__}({", ".join(items)})'


class _Value:
    def __init__(self, typecode, value, lock=True):
        self._typecode = typecode
        self._value = value

    def get(self):
        return self._value

    def set(self, value):
        self._value = value

    def __repr__(self):
        return f'Value({self._typecode!r}, {self._value!r})'


def _array(typecode, sequence, lock=True):
    import array
    return array.array(typecode, sequence)


def _pool(*args, **kwds):
    from .pool import Pool
    return Pool(*args, **kwds)


class SyncManager(BaseManager):
    """What mproc.Manager() returns, started."""

    def __init__(self, *args, **kwds):
        super().__init__(*args, **kwds)
        self._mp = None             # the manager of the library
        self._owner = None
        self._starting = threading.Lock()

    def start(self, initializer=None, initargs=()):
        """Starts the server."""
        assert self._state == INITIAL, 'server has already started'
        if self._address is not None or initializer is not None:
            super().start(initializer, initargs)
            return
        self._mp = Mp.Manager.new()
        self._owner = os.getpid()
        self._state = STARTED
        process.at_exit(self.shutdown)
        if self._registry is not SyncManager._registry:
            self._server()

    def shutdown(self):
        """Ends the server; only the process that started it can."""
        if self._end is not None:
            super().shutdown()
        if self._mp is not None and self._owner == os.getpid():
            self._state = SHUTDOWN
            mp, self._mp = self._mp, None
            mp.shutdown()

    def _server(self):
        self._check_running()
        if self._mp is not None:
            with self._starting:
                if self._link is None:
                    self._start_server()
        return super()._server()

    def _check_running(self):
        assert self._state != SHUTDOWN, 'server has been shut down'
        assert self._state == STARTED, 'server not yet started'

    def _is_local(self):
        """Whether what the library has is used, and not the server of Python."""
        self._check_running()
        return self._mp is not None

    @property
    def address(self):
        """Where the server listens."""
        return self._mp.get_address() if self._mp is not None else self._address

    def list(self, sequence=()):
        return self._mp.create_list(sequence) if self._is_local() else self._make('list', sequence)

    def dict(self, mapping=(), **more):
        if self._is_local():
            return self._mp.create_dict(mapping, **more)
        return self._make('dict', mapping, **more)


def _in_shared_memory(name):
    """A method that makes an object of the context, or one in the server if that is another's."""
    def make(self, *args, **kwds):
        if self._is_local():
            from .context import default_context
            return getattr(default_context, name)(*args, **kwds)
        return self._make(name, *args, **kwds)
    make.__name__ = make.__qualname__ = name
    return make


# What the library has in shared memory, and what servers of Python have in its place.
for _name, _callable, _proxytype in (
        ('Queue', queue.Queue, None), ('JoinableQueue', queue.Queue, None),
        ('Event', threading.Event, proxies.EventProxy),
        ('Lock', threading.Lock, proxies.AcquirerProxy),
        ('RLock', threading.RLock, proxies.AcquirerProxy),
        ('Semaphore', threading.Semaphore, proxies.AcquirerProxy),
        ('BoundedSemaphore', threading.BoundedSemaphore, proxies.AcquirerProxy),
        ('Condition', threading.Condition, proxies.ConditionProxy),
        ('Barrier', threading.Barrier, proxies.BarrierProxy)):
    SyncManager.register(_name, _callable, _proxytype, create_method=False)
    setattr(SyncManager, _name, _in_shared_memory(_name))

SyncManager.register('list', list, proxies.ListProxy, create_method=False)
SyncManager.register('dict', dict, proxies.DictProxy, create_method=False)
SyncManager.register('Namespace', Namespace, proxies.NamespaceProxy)
SyncManager.register('Value', _Value, proxies.ValueProxy)
SyncManager.register('Array', _array, proxies.ArrayProxy)
SyncManager.register('Pool', _pool, proxies.PoolProxy, method_to_typeid={
    'apply_async': 'AsyncResult', 'map_async': 'AsyncResult', 'starmap_async': 'AsyncResult',
    'imap': 'Iterator', 'imap_unordered': 'Iterator'})
SyncManager.register('AsyncResult', create_method=False)
SyncManager.register('Iterator', proxytype=IteratorProxy, create_method=False)


class SharedMemoryManager:
    """Makes shared memory and lists in it, and holds them until it is shut down.

    What it made can be opened by its name in any process of the family for so long, whoever else
    uses it. There is no server: a queue that nobody reads has a message for each, which holds it.
    So the manager can be used in all processes that have it, and may be sent to others; the one
    that started it ends it, or its end does.
    """

    def __init__(self):
        self._kept = None
        self._owner = None

    @classmethod
    def _open(cls, kept):
        self = cls.__new__(cls)
        self._kept = kept
        self._owner = None
        return self

    def start(self):
        """Has it begin."""
        assert self._kept is None, 'manager has already started'
        self._kept = Mp.Queue.new()
        self._owner = os.getpid()
        process.at_exit(self.shutdown)

    def shutdown(self):
        """Lets go of all that was made; only in the process that started it."""
        if self._kept is not None and self._owner == os.getpid():
            self._kept.shutdown(immediate=True)

    def _keep(self, made):
        try:
            self._kept.put(made)
        except ShutDown:
            raise AssertionError('manager has been shut down') from None
        return made

    def SharedMemory(self, size):
        """A new block of memory, of so many bytes."""
        from .shared_memory import SharedMemory
        assert self._kept is not None, 'manager not yet started'
        return self._keep(SharedMemory(create=True, size=size))

    def ShareableList(self, sequence):
        """A new list of these values."""
        from .shared_memory import ShareableList
        assert self._kept is not None, 'manager not yet started'
        return self._keep(ShareableList(sequence))

    def __enter__(self):
        if self._kept is None:
            self.start()
        return self

    def __exit__(self, *details):
        self.shutdown()

    def __reduce__(self):
        _MpCodec.check_encoding(self)
        assert self._kept is not None, 'manager not yet started'
        return self._open, (self._kept,)

    def __repr__(self):
        return f'<mproc.managers.{type(self).__qualname__} object at {id(self):#x}>'
