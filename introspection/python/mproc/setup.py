# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""What a Process may be given beyond multiprocessing: its surroundings.

Everything is checked when the Process is made; what the system refuses, start() raises.
"""

import operator
import os

from gi.overrides._MpErrors import translated
from gi.repository import Mp

_STREAMS = {'inherit': Mp.Stream.INHERIT, 'null': Mp.Stream.NULL, 'pipe': Mp.Stream.PIPE}

_LIMITS = {
    'cpu_time': Mp.Limit.CPU_TIME, 'file_size': Mp.Limit.FILE_SIZE, 'data': Mp.Limit.DATA,
    'stack': Mp.Limit.STACK, 'core': Mp.Limit.CORE, 'processes': Mp.Limit.PROCESSES,
    'files': Mp.Limit.FILES, 'locked_memory': Mp.Limit.LOCKED_MEMORY,
    'address_space': Mp.Limit.ADDRESS_SPACE,
}

# The numbers of the module resource are taken too.
_BY_RESOURCE = {'RLIMIT_CPU': 'cpu_time', 'RLIMIT_FSIZE': 'file_size', 'RLIMIT_DATA': 'data',
                'RLIMIT_STACK': 'stack', 'RLIMIT_CORE': 'core', 'RLIMIT_NPROC': 'processes',
                'RLIMIT_NOFILE': 'files', 'RLIMIT_MEMLOCK': 'locked_memory',
                'RLIMIT_AS': 'address_space'}


class Setup:
    """The surroundings of one process."""

    def __init__(self, *, env=None, add_env=None, cwd=None, stdin='null', stdout='inherit',
                 stderr='inherit', limits=None, affinity=None, nice=0):
        if env is not None and add_env is not None:
            raise TypeError('either env or add_env can be given')
        self._env = None if env is None else _variables(env)
        if add_env is not None:
            self._env = _variables({**os.environ, **add_env})
        self.cwd = None if cwd is None else os.fspath(cwd)
        self._streams = [_stream(kind) for kind in (stdin, stdout, stderr)]
        self._limits = [(_limit(name), *_pair(value)) for name, value in (limits or {}).items()]
        self._affinity = None if affinity is None else sorted(map(operator.index, affinity))
        self._nice = operator.index(nice)

    def apply(self, mp):
        """Tells an Mp.Process that is not started yet."""
        with translated:
            if self._env is not None:
                mp.set_environment(self._env)
            if self.cwd is not None:
                mp.set_working_directory(self.cwd)
            mp.set_streams(*self._streams)
            for limit in self._limits:
                mp.set_limit(*limit)
            if self._affinity is not None:
                mp.set_affinity(self._affinity)
            if self._nice:
                mp.set_nice(self._nice)

    def plan(self, plan):
        """Tells what a forked child will do."""
        plan.environment = self._env
        plan.input_kind = int(self._streams[0])

    def files(self, mp):
        """This process's ends of the pipes, as files; None where there is no pipe."""
        return [None if stream is None else _file(stream, mode) for stream, mode in (
            (mp.get_stdin_pipe(), 'wb'), (mp.get_stdout_pipe(), 'rb'),
            (mp.get_stderr_pipe(), 'rb'))]


def _variables(env):
    words = []
    for name, value in env.items():
        name, value = os.fspath(name), os.fspath(value)
        if not name or '=' in name or '\0' in name + value:
            raise ValueError(f'{name!r} cannot be a variable of the environment')
        words.append(f'{name}={value}')
    return words


def _stream(kind):
    if kind not in _STREAMS:
        raise ValueError(f'a standard stream is one of {", ".join(_STREAMS)}, not {kind!r}')
    return _STREAMS[kind]


def _limit(name):
    if not isinstance(name, str):
        import resource
        names = [key for key in _BY_RESOURCE if getattr(resource, key, None) == name]
        name = _BY_RESOURCE[names[0]] if names else name
    if name not in _LIMITS:
        raise ValueError(f'{name!r} is no limit; there are {", ".join(_LIMITS)}')
    return _LIMITS[name]


def _pair(value):
    """(soft, hard); one number is both, None and -1 are no limit."""
    soft, hard = value if isinstance(value, tuple) else (value, value)
    return tuple(-1 if part is None else operator.index(part) for part in (soft, hard))


def _file(stream, mode):
    """The file is what closes the descriptor from now on."""
    stream.set_close_fd(False)
    return open(stream.get_fd(), mode)
