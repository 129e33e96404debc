# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""The fork server of Python: an interpreter that has imported what is needed, and forks.

It has one thread and never runs the program's own code beside its imports, so its children begin in
a known state, in a few milliseconds. The library's loop forks, through the same hook as everywhere;
what the child does is in spawn.py. It ends when nobody is connected to it any more.
"""

import json
import os
import sys
import traceback

from gi.repository import Mp

from . import process, spawn
from .spawn import set_forkserver_preload

__all__ = ['ensure_running', 'set_forkserver_preload']


def ensure_running():
    """Has this process have a fork server: before it has threads, or so that the first start is as
    quick as the others."""
    from .context import ForkServerProcess
    child = ForkServerProcess(name='ForkServerProbe', daemon=False)
    child.start()
    child.join()


def main(fd, options='{}'):
    """The whole life of a server; the modules of the options are imported first."""
    options = json.loads(options)
    _import(options.pop('preload', []), options.pop('on_error', 'ignore'), options)
    _check_threads()
    Mp.Process.serve_forks(fd)


def _import(names, on_error, data):
    """A module that fails is told of, and imported again by the children that need it."""
    process.current_process()._preparing = True
    path = data.get('sys_path')
    if path is not None:
        sys.path[:] = path
    for name in names:
        try:
            if name != '__main__':
                __import__(name)
            elif 'init_main_from_name' in data or 'init_main_from_path' in data:
                spawn.prepare({key: data[key] for key in data if key.startswith('init_main')})
        except Exception as error:
            if isinstance(error, ImportError) and on_error == 'ignore':
                continue
            print(f'The fork server cannot import {name}:', file=sys.stderr)
            traceback.print_exc()
            if on_error == 'fail':
                sys.exit(1)
    process.current_process()._preparing = False


def _check_threads():
    n_threads = len(os.listdir('/proc/self/task'))
    if n_threads > 1:
        print(f'The fork server has {n_threads} threads after its imports; its children have only '
              'one of them, and may wait for what the others held', file=sys.stderr)
