# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""Logging, and what is to be done when a process ends.

The logger is the standard library's, `logging.getLogger('mproc')`: what the package and the library
say goes to the handlers that the program has given it. Without any it goes to GLib's structured
log, domain "mproc", with the process's name and id as fields. Its level is the library's, which
children begin with, whatever language they are of; handlers are only inherited by a fork.

Finalizers belong to the process that made them; a child begins without any, and with what was
registered to be done after a fork. Neither costs a process anything that has none.
"""

import atexit
import itertools
import os
import threading
import weakref

from gi.repository import GLib, Mp

__all__ = ['get_logger', 'log_to_stderr', 'sub_debug', 'debug', 'info', 'sub_warning', 'Finalize',
           'ForkAwareLocal', 'ForkAwareThreadLock', 'close_all_fds_except', 'close_fds',
           'get_temp_dir', 'is_exiting', 'register_after_fork']

NOTSET, SUBDEBUG, DEBUG, INFO, SUBWARNING = 0, 5, 10, 20, 25
LOGGER_NAME = NAME = 'mproc'
DEFAULT_LOGGING_FORMAT = FORMAT = '[%(levelname)s/%(processName)s] %(message)s'

abstract_sockets_supported = True

_logger = None
_threshold = Mp.log_get_level()


def _make_class(logging, base):
    """The logger's class, on top of the one that the program's loggers have."""
    class Logger(base):
        """Tells the library its level, and what a record's process is called."""

        def setLevel(self, level):
            global _threshold
            super().setLevel(level)
            _threshold = self.level
            Mp.log_set_level(self.level)

        def makeRecord(self, *arguments, **more):
            from . import process
            record = super().makeRecord(*arguments, **more)
            record.processName = process.current_process().name
            return record

        def callHandlers(self, record):
            if self.hasHandlers():
                super().callHandlers(record)
            else:
                _hand_to_glib(record)

    return Logger


def _hand_to_glib(record):
    """With the fields that the library's own messages have."""
    flags = GLib.LogLevelFlags
    for least, flag in ((30, flags.LEVEL_WARNING), (SUBWARNING, flags.LEVEL_MESSAGE),
                        (INFO, flags.LEVEL_INFO), (NOTSET, flags.LEVEL_DEBUG)):
        if record.levelno >= least:
            break
    fields = {'MESSAGE': record.getMessage(), 'MPROC_LEVEL': str(record.levelno),
              'MPROC_PID': str(record.process), 'MPROC_PROCESS': record.processName}
    fields = {name: GLib.Variant('s', text) for name, text in fields.items()}
    GLib.log_variant(NAME, flag, GLib.Variant('a{sv}', fields))


def _hear(level, message):
    """What the library says, which has looked at the level."""
    if _logger is not None:
        _logger.handle(_logger.makeRecord(NAME, level, '(library)', 0, message, (), None))


# Not once the interpreter has gone. This is called after process.end_process().
atexit.register(Mp.log_set_func, None)


def learn():
    """In a worker: what the library was told at its start."""
    global _logger, _threshold
    _logger = None
    _threshold = Mp.log_get_level()


def _add_stderr_handler(logging, logger):
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter(FORMAT))
    logger.addHandler(handler)


def get_logger():
    """The logger of the package, which the program may give handlers."""
    global _logger, _threshold
    if _logger is None:
        import logging

        logging.addLevelName(SUBDEBUG, 'SUBDEBUG')
        logging.addLevelName(SUBWARNING, 'SUBWARNING')
        logger = logging.getLogger(NAME)
        if not hasattr(logger, '_mproc'):
            logger.__class__ = _make_class(logging, type(logger))
            logger._mproc = True
            logger.propagate = False
        level = Mp.log_get_level() or logger.level
        logger.setLevel(level)
        if Mp.log_get_to_stderr() and not logger.handlers:
            _add_stderr_handler(logging, logger)
        _logger = logger
        Mp.log_set_func(_hear)
    return _logger


def log_to_stderr(level=None):
    """Has the logger write to stderr, too, and gives it. Children do the same."""
    import logging
    logger = get_logger()
    _add_stderr_handler(logging, logger)
    Mp.log_set_to_stderr(True)
    if level:
        logger.setLevel(level)
    return logger


def _log(level, message, arguments):
    if 0 < _threshold <= level:
        get_logger().log(level, message, *arguments)


def sub_debug(message, *arguments):
    _log(SUBDEBUG, message, arguments)


def debug(message, *arguments):
    _log(DEBUG, message, arguments)


def info(message, *arguments):
    _log(INFO, message, arguments)


def sub_warning(message, *arguments):
    _log(SUBWARNING, message, arguments)


# ── Finalizers ──────────────────────────────────────────────────────────────────────────────────

_registry = {}
_counter = itertools.count()
_exiting = False


class Finalize:
    """Calls callback(*args, **kwargs) once: when @obj dies, when this object is called, or, with an
    exit priority, when the process ends. Higher priorities come first, later ones of the same."""

    def __init__(self, obj, callback, args=(), kwargs=None, exitpriority=None):
        if exitpriority is not None and not isinstance(exitpriority, int):
            raise TypeError(f'Exitpriority ({exitpriority!r}) must be None or int, not '
                            f'{type(exitpriority)}')
        if obj is None and exitpriority is None:
            raise ValueError('Without object, exitpriority cannot be None')
        self._weakref = None if obj is None else weakref.ref(obj, self)
        self._callback = callback
        self._args = args
        self._kwargs = kwargs or {}
        self._key = (exitpriority, next(_counter))
        self._pid = os.getpid()
        _registry[self._key] = self

    def __call__(self, wr=None):
        """Runs the callback, unless it ran, was cancelled, or belongs to another process."""
        if _registry.pop(self._key, None) is None:
            return None
        callback, args, kwargs, pid = self._callback, self._args, self._kwargs, self._pid
        self._forget()
        return callback(*args, **kwargs) if pid == os.getpid() else None

    def cancel(self):
        """Makes sure that it is never run."""
        if _registry.pop(self._key, None) is not None:
            self._forget()

    def still_active(self):
        return self._key in _registry

    def _forget(self):
        self._weakref = self._callback = self._args = self._kwargs = None

    def __repr__(self):
        if self._callback is None:
            return f'<{type(self).__name__} object, dead>'
        text = f'<{type(self).__name__} object, callback={self._callback!r}'
        if self._args:
            text += f', args={self._args}'
        if self._kwargs:
            text += f', kwargs={self._kwargs}'
        if self._key[0] is not None:
            text += f', exitpriority={self._key[0]}'
        return text + '>'


def run_finalizers(least=None):
    """Runs those of at least this priority; all that have one, and the others, if it is None."""
    def wanted(key):
        return least is None or key[0] is not None and key[0] >= least

    def order(key):
        return (key[0] is not None, key[0] or 0, key[1])

    if not _registry:
        return
    for key in sorted(filter(wanted, _registry), key=order, reverse=True):
        finalizer = _registry.get(key)
        if finalizer is not None:
            try:
                finalizer()
            except Exception:
                import traceback
                traceback.print_exc()


def is_exiting():
    """Whether this process is about to end."""
    return _exiting


def begin_exit():
    global _exiting
    _exiting = True


def forget():
    """In a child: what belongs to its parent is left alone."""
    global _exiting
    _exiting = False
    if _registry:
        for finalizer in _registry.values():
            finalizer._forget()
        _registry.clear()
    if _after_fork:
        _run_after_fork()


# ── After a fork ────────────────────────────────────────────────────────────────────────────────

_after_fork = None      # until there is something: a child looks at it


def register_after_fork(obj, func):
    """Has each child that inherits @obj call func(obj) before its work, if it still has it."""
    global _after_fork
    if _after_fork is None:
        _after_fork = weakref.WeakValueDictionary()
    _after_fork[next(_counter), id(obj), func] = obj


def _run_after_fork():
    for (_number, _identity, func), obj in sorted(_after_fork.items(), key=lambda item: item[0][0]):
        try:
            func(obj)
        except Exception as error:
            info('what was registered for after a fork raised %r', error)


class ForkAwareThreadLock:
    """A lock of threads that is free in a child, whoever held it in its parent."""

    def __init__(self):
        self._lock = threading.Lock()
        self.acquire = self._lock.acquire
        self.release = self._lock.release
        register_after_fork(self, ForkAwareThreadLock._at_fork_reinit)

    def _at_fork_reinit(self):
        self._lock._at_fork_reinit()

    def __enter__(self):
        return self._lock.__enter__()

    def __exit__(self, *details):
        return self._lock.__exit__(*details)


class ForkAwareLocal(threading.local):
    """Data of a thread that a child begins without, and that travels as nothing."""

    def __init__(self):
        register_after_fork(self, lambda local: local.__dict__.clear())

    def __reduce__(self):
        return type(self), ()


# ── Files ───────────────────────────────────────────────────────────────────────────────────────

def get_temp_dir():
    """A folder for temporary files, which is removed when the process that first asked for it ends
    by itself; its children are given the same."""
    from . import process
    config = process.current_process()._config
    if config.get('tempdir') is None:
        import tempfile
        config['tempdir'] = tempfile.mkdtemp(prefix='mproc-')
        info('created temp directory %s', config['tempdir'])
        Finalize(None, _remove_temp_dir, (config,), exitpriority=-100)
    return config['tempdir']


def _remove_temp_dir(config):
    import shutil
    shutil.rmtree(config.pop('tempdir'), ignore_errors=True)


def is_abstract_socket_namespace(address):
    """Whether the address of a Unix socket is no file."""
    if not address:
        return False
    if not isinstance(address, (bytes, str)):
        raise TypeError(f'address type of {address!r} unrecognized')
    return address[0] in (0, '\0')


def close_all_fds_except(fds):
    """Closes all descriptors of this process but these: for a process forked by hand only, as the
    library's are among them."""
    first = 0
    for fd in sorted(fds):
        os.closerange(first, fd)
        first = fd + 1
    os.closerange(first, os.sysconf('SC_OPEN_MAX'))


def close_fds(*fds):
    """Closes these descriptors."""
    for fd in fds:
        os.close(fd)
