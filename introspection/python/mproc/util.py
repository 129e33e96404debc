# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""Logging, and what is to be done when a process ends.

The logger is the standard library's, `logging.getLogger('mproc')`: what the package and the library
say goes to the handlers that the program has given it. Without any it goes to GLib's structured
log, domain "mproc", with the process's name and id as fields. Its level is the library's, which
children begin with, whatever language they are of; handlers are only inherited by a fork.

Finalizers belong to the process that made them; a child begins without any.
"""

import atexit
import itertools
import os
import weakref

from gi.repository import GLib, Mp

__all__ = ['get_logger', 'log_to_stderr', 'sub_debug', 'debug', 'info', 'sub_warning', 'Finalize',
           'is_exiting']

NOTSET, SUBDEBUG, DEBUG, INFO, SUBWARNING = 0, 5, 10, 20, 25
NAME = 'mproc'
FORMAT = '[%(levelname)s/%(processName)s] %(message)s'

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
    if not _registry:
        return
    for finalizer in _registry.values():
        finalizer._forget()
    _registry.clear()
