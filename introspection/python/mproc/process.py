# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""Process, and what a process knows of itself, its parent and its children.

A Process holds an Mp.Process from the moment it is started; until then it is only a description.
What it starts with beside that (environment, streams, limits) is in setup.py.

The module's state belongs to one process; most of it is in the object of that process, _current,
where it is made when it is first needed. In a child, _enter() changes little more than which object
that is, because each object that a child looks at is a page to be copied.
"""

import atexit
import itertools
import os
import signal
import threading
import weakref
from os import getpid

from gi.overrides import _MpFast, _MpProcess
from gi.repository import GLib, Mp

from . import util

__all__ = ['Process', 'FunctionProcess', 'current_process', 'parent_process', 'active_children']

# The folder in which the program began; None if that is gone.
try:
    ORIGINAL_DIR = os.path.abspath(os.getcwd())
except OSError:
    ORIGINAL_DIR = None


# The accelerator's looks at much fewer objects.
_new = Mp.Process.new if _MpFast.native is None else _MpFast.native.new_process


class AuthenticationString(bytes):
    """A key that does not leave the process by accident."""

    def __reduce__(self):
        if _spawning.active:
            return AuthenticationString, (bytes(self),)
        raise TypeError('Pickling an AuthenticationString object is disallowed for security '
                        'reasons')


class _Spawning(threading.local):
    """Whether this thread is encoding a Process for a child of its own."""

    active = False


_spawning = _Spawning()


class BaseProcess:
    """What every process, the main one included, tells of itself."""

    _mp = None
    _closed = False
    _parent_pid = None
    _preparing = False      # in a child: whether the program's main module is being imported
    _nests = False          # whether it may have children though it is a daemon: workers may

    # Of the process that this is, in itself.
    _numbers = None         # those of the children that it describes
    _prefix = ''            # what their numbers are written after
    _parent = None

    def __init__(self, name, identity, config):
        self._name = name
        self._identity = identity
        self._config = config

    @property
    def name(self):
        return self._name

    @name.setter
    def name(self, name):
        assert isinstance(name, str), 'name must be a string'
        self._name = name
        if self is _current:
            Mp.Process.get_current().set_name(name)

    @property
    def daemon(self):
        """Whether it ends when the process that started it ends."""
        return self._config.get('daemon', False)

    @daemon.setter
    def daemon(self, daemon):
        assert self._mp is None, 'process has already started'
        self._config['daemon'] = bool(daemon)

    @property
    def authkey(self):
        if 'authkey' not in self._config:
            key = Mp.Process.get_current().get_authkey().get_data()
            self._config['authkey'] = AuthenticationString(key or b'')
        return self._config['authkey']

    @authkey.setter
    def authkey(self, key):
        self._config['authkey'] = AuthenticationString(key)
        if self is _current:
            Mp.Process.get_current().set_authkey(GLib.Bytes.new(self._config['authkey']))

    @property
    def pid(self):
        self._check_closed()
        if self is _current:
            return getpid()
        return self._mp and self._mp.get_pid()

    ident = pid

    def _begin_numbers(self):
        self._prefix = ''.join([f'{number}:' for number in self._identity])
        return self.__dict__.setdefault('_numbers', itertools.count(1))

    def _get_parent(self):
        return self._parent

    def _check_closed(self):
        if self._closed:
            raise ValueError('process object is closed')

    def _poll(self):
        return None if self._mp is None else self._mp.exitcode

    def __repr__(self):
        code = None
        if self is _current:
            status = 'started'
        elif self._closed:
            status = 'closed'
        elif self._parent_pid != getpid():
            status = 'unknown'
        elif self._mp is None:
            status = 'initial'
        else:
            code = self._poll()
            status = 'started' if code is None else 'stopped'
        words = [type(self).__name__, f'name={self._name!r}']
        if self._mp is not None:
            words.append(f'pid={self._mp.get_pid()}')
        words += [f'parent={self._parent_pid}', status]
        if code is not None:
            words.append(f'exitcode={_describe(code)}')
        if self.daemon:
            words.append('daemon')
        return f'<{" ".join(words)}>'


class Process(BaseProcess):
    """A process that calls target(*args, **kwargs), or run() of a subclass.

    Beyond multiprocessing: env (a dict, the whole environment) or add_env (changes of it), cwd,
    stdin, stdout and stderr ('inherit', 'null' or 'pipe', as which the attribute of that name is
    a binary file of this process after the start), limits ({'files': 64, 'data': (soft, hard)}),
    affinity (CPU numbers), nice (an increment)."""

    stdin = stdout = stderr = None
    _start_method = None        # that of the default context
    _ignores_interrupts = False
    _setup = None

    def __init__(self, group=None, target=None, name=None, args=(), kwargs={}, *, daemon=None,
                 **setup):
        assert group is None, 'group argument must be None for now'
        assert name is None or isinstance(name, str), 'name must be a string'
        # Few calls and objects, here as in start() and join(): each of their pages is copied anew
        # between two forks. An attribute of the object itself costs less than one of its class.
        current = _current
        number = next(current._numbers or current._begin_numbers())
        self._mp = self._setup = None
        self._closed = False
        self._identity = current._identity + (number,)
        self._name = name or f'{self.__class__.__name__}-{current._prefix}{number}'
        self._config = {**current._config}
        self._parent_pid = getpid()
        self._parent_name = current._name
        if setup:
            from .setup import Setup
            for option in setup:
                if option not in Setup.__init__.__kwdefaults__:
                    raise TypeError(f'Process() got an unexpected keyword argument {option!r}')
            self._setup = Setup(**setup)
        self._target = target
        self._args = tuple(args)
        self._kwargs = dict(kwargs)
        if daemon is not None:
            self.daemon = daemon

    def run(self):
        """The work; runs in the child."""
        if self._target:
            self._target(*self._args, **self._kwargs)

    def start(self):
        global _has_children
        current = _current
        if self._mp is not None or self._closed or current._config or \
                self._parent_pid != getpid():
            self._check_startable()
        _has_children = True
        plain = self._setup is None and not self._ignores_interrupts and \
            (self._start_method or _default_method or 'fork') == 'fork'
        mp = self._configure() if plain else self._prepare()
        started = False
        try:
            if plain:
                mp.fork_owner(self)
            else:
                mp.start()
            started = True
        finally:
            if not started and mp.get_pid() <= 0:
                self._mp = None
            else:
                if not plain:
                    mp.plan = None
                # What only the child needs must not live as long as this object does.
                del self._target, self._args, self._kwargs
        if self._setup is not None:
            self.stdin, self.stdout, self.stderr = self._setup.files(mp)

    def _check_startable(self):
        self._check_closed()
        assert self._mp is None, 'cannot start a process twice'
        assert self._parent_pid == getpid(), \
            'can only start a process object created by current process'
        assert not _current._config.get('daemon') or _current._nests, \
            'daemonic processes are not allowed to have children'

    def _get_method(self):
        return self._start_method or _default_method or 'fork'

    def _prepare(self):
        """The Mp.Process that will run this one when it is started by whomever."""
        mp = self._configure()
        if self._get_method() == 'fork':
            mp.plan = _MpProcess.Plan(mp, self._enter)
            mp.plan.ignores_interrupts = self._ignores_interrupts
            if self._setup is not None:
                self._setup.plan(mp.plan)
        return mp

    def _configure(self):
        method = self._start_method or _default_method or 'fork'
        self._mp = mp = _new(self._name) if method == 'fork' else self._make(method)
        mp.owner = self
        if self._config != _current._config:
            self._differ(mp, self._config, _current._config)
        if self._setup is not None:
            self._setup.apply(mp)
        return mp

    def _differ(self, mp, own, inherited):
        if own.get('daemon', False) is not inherited.get('daemon', False):
            mp.set_daemon(self.daemon)
        if own.get('authkey') is not inherited.get('authkey'):
            mp.set_authkey(GLib.Bytes.new(self.authkey))

    def _make(self, method):
        from . import spawn
        return spawn.make(self, method)

    def __getstate__(self):
        """For the child, which is nobody's child object: no handles of the parent's."""
        if not _spawning.active:
            raise TypeError(f'cannot pickle {type(self).__name__!r} object: a process is only '
                            'handed to the child that it describes')
        state = self.__dict__.copy()
        for name in ('_mp', '_setup', 'stdin', 'stdout', 'stderr'):
            state.pop(name, None)
        return state

    def _enter(self):
        """The child's life, between its first and last Python statement."""
        global _current, _has_children
        _current = self
        _has_children = False
        if _exit_calls:
            _exit_calls.clear()
        if util._registry or util._exiting or util._threshold or util._after_fork:
            util.forget()
            util.info('child process calling self.run()')
        try:
            self.run()
        finally:
            end_process()

    def _get_parent(self):
        if self._parent is None:
            self._parent = _ParentProcess(self._parent_name, self._parent_pid)
        return self._parent

    def _enter_spawned(self):
        self._name = Mp.Process.get_current().get_name()
        self._enter()

    def join(self, timeout=None):
        mp = self._mp
        if mp is None or self._parent_pid != getpid():
            self._check_closed()
            assert self._parent_pid == getpid(), 'can only join a child process'
            assert mp is not None, 'can only join a started process'
        if mp.join(timeout):
            mp.owner = None     # it need not wait for the collector

    def is_alive(self):
        self._check_closed()
        if self is _current:
            return True
        assert self._parent_pid == getpid(), 'can only test a child process'
        return self._mp is not None and self._mp.exitcode is None

    def terminate(self):
        """Sends SIGTERM."""
        self._signal('terminate')

    def kill(self):
        """Sends SIGKILL."""
        self._signal('kill')

    def interrupt(self):
        """Sends SIGINT."""
        self._signal('interrupt')

    def check(self):
        """Raises an error that tells how it ended, unless it ended well."""
        self._check_closed()
        if self._mp is None:
            raise ValueError('process not started')
        self._mp.check()

    def _signal(self, how):
        self._check_closed()
        assert self._mp is not None, 'can only end a started process'
        if self._mp.exitcode is None:
            getattr(self._mp, how)()

    def close(self):
        """Lets go of what the object holds; only when the process has ended."""
        if self._mp is not None and self._mp.exitcode is None:
            raise ValueError('Cannot close a process while it is still running. '
                             'You should first call join() or terminate().')
        for file in (self.stdin, self.stdout, self.stderr):
            if file is not None:
                file.close()
        if self._mp is not None and self._parent_pid == getpid():
            self._mp.close()
        self._mp = None
        self._closed = True

    @property
    def exitcode(self):
        """None while it runs, then the exit code, or the negated number of a signal."""
        self._check_closed()
        return None if self is _current else self._poll()

    @property
    def sentinel(self):
        """A file descriptor that becomes readable when the process ends."""
        self._check_closed()
        if self._mp is None:
            raise ValueError('process not started')
        return self._mp.get_sentinel()


class FunctionProcess(Process):
    """A process that calls a function of any language by name, with one argument.

    The language is 'python', 'gjs' or 'native' (a library of C or Vala); the module a name, path or
    URI as that language has them. The method is 'spawn' or 'forkserver'."""

    def __init__(self, language, module, function, argument=None, *, method='spawn', **options):
        super().__init__(**options)
        self._call = {'module': os.fspath(module), 'function': function, 'argument': argument}
        self._language = language
        self._start_method = method

    def _make(self, method):
        from . import spawn
        return spawn.make_call(self.name, self._language, self._call, method)


class _MainProcess(BaseProcess):
    """The first process, or one that some program started which is not of Python."""

    def __init__(self):
        mp = Mp.Process.get_current()
        super().__init__(mp.get_name(), (), {'daemon': True} if mp.get_daemon() else {})

    def close(self):
        pass


class _ParentProcess(BaseProcess):
    """The parent, as its child sees it."""

    def __init__(self, name, pid):
        super().__init__(name, (), {})
        self._pid = pid

    @property
    def pid(self):
        return self._pid

    ident = pid

    def is_alive(self):
        return not Mp.Process.get_parent().join(0)

    def join(self, timeout=None):
        Mp.Process.get_parent().join(timeout)


def _describe(code):
    """-15 as -SIGTERM."""
    try:
        return f'-{signal.Signals(-code).name}' if code < 0 else code
    except ValueError:
        return code


def become_child():
    """In a worker, which is started by no fork: learns from the library who this process is."""
    global _current
    util.learn()
    parent = Mp.Process.get_parent()
    _current = _MainProcess()
    if parent is not None:
        _current._parent = _ParentProcess(parent.get_name(), parent.get_pid())


# Whether this process ever started one.
_has_children = False

# What set_start_method() said, as far as it is known here.
_default_method = None

become_child()
_MpProcess.prepare(Mp.Process.new())

# What is to be ended before the children are: weak methods of pools and managers.
_exit_calls = []

if _MpFast.native is not None:
    _MpFast.native.setup_children(process=globals(), util=vars(util), exit_calls=_exit_calls)


def at_exit(method):
    """Calls a bound method when this process ends, if its object still lives."""
    _exit_calls[:] = [call for call in _exit_calls if call() is not None]
    _exit_calls.append(weakref.WeakMethod(method))


def end_process():
    """Ends what this process started: daemons are terminated, others awaited."""
    again = util.is_exiting()       # a worker does so before its interpreter ends
    util.begin_exit()
    if not (_exit_calls or util._registry or util._threshold or _has_children):
        return
    if not again:
        util.info('process shutting down')
    util.run_finalizers(0)
    while _exit_calls:
        method = _exit_calls.pop()()
        if method is not None:
            method()
    children = active_children() if _has_children else ()
    for child in children:
        if child.daemon:
            child._mp.terminate()
    for child in children:
        child._mp.join()
    util.run_finalizers()


atexit.register(end_process)


def current_process():
    """The Process object of this process."""
    return _current


def parent_process():
    """The process that started this one; None in the main process."""
    return _current._get_parent()


def active_children():
    """The processes this one has started and that still run."""
    owners = [getattr(mp, 'owner', None) for mp in Mp.Process.get_children()]
    return [owner for owner in owners if owner is not None and owner._poll() is None]
