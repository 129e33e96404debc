# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""Processes, queues, locks, pools and managers, with the interface of multiprocessing.

    from mproc import Process, Queue

    def f(q):
        q.put('hello world')

    q = Queue()
    p = Process(target=f, args=[q])
    p.start()
    print(q.get())
    p.join()

Everything lives in libmproc-1 and is shared with the other languages that use it; see
`from gi.repository import Mp` for the library itself.
"""


def _check():
    """Says what is missing, where the import below would only say that something is."""
    import importlib.util
    import sys

    try:
        found = importlib.util.find_spec('gi._gi') is not None
    except ImportError:
        found = False
    if not found:
        raise ImportError(f'mproc needs PyGObject (the module gi), which {sys.executable} does '
                          'not have. On Debian and Ubuntu it is the package python3-gi, and '
                          '/usr/bin/python3 is the interpreter that sees it.')

    import gi
    try:
        gi.require_version('Mp', '1')
    except ValueError as error:
        raise ImportError(f'mproc needs the typelib Mp-1: {error}. Install libmproc-1, or let '
                          'GI_TYPELIB_PATH name the folder of Mp-1.typelib.') from None


_check()

from . import context  # noqa: E402
from .errors import *  # noqa: E402,F401,F403
from .errors import __all__ as _errors  # noqa: E402
from .util import SUBDEBUG, SUBWARNING  # noqa: E402,F401


def __getattr__(name):
    """Its modules, for those who say mproc.pool.Pool without importing that."""
    if name in ('connection', 'forkserver', 'functions', 'managers', 'pool', 'queues', 'reduction',
                'resource_tracker', 'results', 'setup', 'shared_memory', 'sharedctypes', 'spawn',
                'synchronize', 'task', 'threadpool', 'dummy', 'util', 'worker'):
        import importlib
        return importlib.import_module(f'{__name__}.{name}')
    if name == 'reducer':       # it may change, and loads a module
        return context.default_context.reducer
    if name == 'function':
        from .functions import function
        return function
    if name in ('report_progress', 'should_stop', 'current_task_id'):
        from . import task
        return getattr(task, name)
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')


_names = [_name for _name in dir(context.default_context)
          if not _name.startswith('_') and _name != 'reducer']
globals().update((_name, getattr(context.default_context, _name)) for _name in _names)

__all__ = sorted(set(_names + _errors))
