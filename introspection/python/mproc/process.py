# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""Process, and what a process knows of itself, its parent and its children.

A Process holds an Mp.Process from the moment it is started; until then it is only a description.
The module's state belongs to one process: in a child, _enter() makes it anew before the target
runs, and closes what the child itself has started when the target is done.
"""

import atexit
import itertools
import os
import signal
import weakref

from gi.repository import Mp

__all__ = ['Process', 'current_process', 'parent_process', 'active_children']


class AuthenticationString(bytes):
    """A key that does not leave the process by accident."""

    def __reduce__(self):
        raise TypeError('Pickling an AuthenticationString object is disallowed for security '
                        'reasons')


class BaseProcess:
    """What every process, the main one included, tells of itself."""

    _mp = None
    _closed = False
    _parent_pid = None

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
            self._config['authkey'] = AuthenticationString(os.urandom(32))
        return self._config['authkey']

    @authkey.setter
    def authkey(self, key):
        self._config['authkey'] = AuthenticationString(key)

    @property
    def pid(self):
        self._check_closed()
        if self is _current:
            return os.getpid()
        return self._mp and self._mp.get_pid()

    ident = pid

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
        elif self._parent_pid != os.getpid():
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
    """A process that calls target(*args, **kwargs), or run() of a subclass."""

    def __init__(self, group=None, target=None, name=None, args=(), kwargs={}, *, daemon=None):
        assert group is None, 'group argument must be None for now'
        identity = _current._identity + (next(_numbers),)
        name = name or f'{type(self).__name__}-{":".join(map(str, identity))}'
        super().__init__(name, identity, dict(_current._config))
        self._parent_pid = os.getpid()
        self._parent_name = _current.name
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
        self._check_closed()
        assert self._mp is None, 'cannot start a process twice'
        assert self._parent_pid == os.getpid(), \
            'can only start a process object created by current process'
        assert not _current.daemon, 'daemonic processes are not allowed to have children'
        mp = self._prepare()
        try:
            mp.start()
        finally:
            if mp.get_pid() <= 0:
                self._mp = None
            else:
                # What only the child needs must not live as long as this object does.
                mp.work = None
                del self._target, self._args, self._kwargs

    def _prepare(self):
        """The Mp.Process that will run this one."""
        mp = Mp.Process.new(self._name)
        mp.set_daemon(self.daemon)
        mp.work = self._enter
        mp.owner = self
        self._mp = mp
        return mp

    def _enter(self):
        """The child's life, between its first and last Python statement."""
        global _current, _parent, _numbers
        _parent = _ParentProcess(self._parent_name, self._parent_pid)
        _current = self
        _numbers = itertools.count(1)
        _exit_calls.clear()
        try:
            self.run()
        finally:
            _exit()

    def join(self, timeout=None):
        self._check_closed()
        assert self._parent_pid == os.getpid(), 'can only join a child process'
        assert self._mp is not None, 'can only join a started process'
        self._mp.join(timeout)

    def is_alive(self):
        self._check_closed()
        if self is _current:
            return True
        assert self._parent_pid == os.getpid(), 'can only test a child process'
        return self._mp is not None and self._mp.exitcode is None

    def terminate(self):
        """Sends SIGTERM."""
        self._signal('terminate')

    def kill(self):
        """Sends SIGKILL."""
        self._signal('kill')

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


class _MainProcess(BaseProcess):
    def __init__(self):
        super().__init__('MainProcess', (), {})

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


_current = _MainProcess()
_parent = None
_numbers = itertools.count(1)

# What is to be ended before the children are: weak methods of pools and managers.
_exit_calls = []


def at_exit(method):
    """Calls a bound method when this process ends, if its object still lives."""
    _exit_calls[:] = [call for call in _exit_calls if call() is not None]
    _exit_calls.append(weakref.WeakMethod(method))


def _exit():
    """Ends what this process started: daemons are terminated, others awaited."""
    while _exit_calls:
        method = _exit_calls.pop()()
        if method is not None:
            method()
    children = active_children()
    for child in children:
        if child.daemon:
            child._mp.terminate()
    for child in children:
        child._mp.join()


atexit.register(_exit)


def current_process():
    """The Process object of this process."""
    return _current


def parent_process():
    """The process that started this one; None in the main process."""
    return _parent


def active_children():
    """The processes this one has started and that still run."""
    owners = [getattr(mp, 'owner', None) for mp in Mp.Process.get_children()]
    return [owner for owner in owners if owner is not None and owner._poll() is None]
