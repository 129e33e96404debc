# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""Processes that begin as new interpreters, or as copies of a fork server.

The parent makes a queue, puts into it what the child has to know of its program and then the
Process object, and starts a worker, to which it gives the queue's handle. The worker makes itself
look like the program (sys.path, sys.argv, the folder, `__main__` under the name `__mp_main__`),
takes the Process and runs it. A worker that was started by another language finds the name of a
function there instead.

    python3 -c "from mproc.spawn import main; main()" process HANDLE
    python3 -c "from mproc.spawn import main; main()" call HANDLE
    python3 -c "from mproc.spawn import main; main()" forkserver FD OPTIONS

What goes wrong in a worker is printed, and put into the queue for the parent's check().
"""

import importlib
import importlib.util
import json
import os
import subprocess
import sys
import traceback
from pathlib import Path

from gi.overrides import _MpProcess
from gi.overrides._MpErrors import INTERRUPTED, NoSuchFunctionError, translated
from gi.repository import Mp

from .process import _spawning

LANGUAGE = 'python'

# What the standard library's own children are told, as far as it concerns ours.
_PARTS = ('sys_path', 'sys_argv', 'dir', 'orig_dir', 'init_main_from_name', 'init_main_from_path')
_FLAG = '--mproc-worker'

_executable = sys.executable
_preload = ['__main__']
_on_error = 'ignore'


# ── In the parent ───────────────────────────────────────────────────────────────────────────────

def set_executable(path):
    """Sets the interpreter that is started."""
    global _executable
    _executable = os.fspath(path) if path is not None else None


def get_executable():
    return _executable


def set_forkserver_preload(names, on_error='ignore'):
    """Sets which modules a fork server imports, before it is started; '__main__' is the program.

    Of a module that cannot be found nothing is said, unless @on_error is 'warn'; other failures are
    told of. With 'fail' either of them ends the server, and whoever starts a process is told."""
    global _preload, _on_error
    if not all(isinstance(name, str) for name in names):
        raise TypeError('module_names must be a list of strings')
    if on_error not in ('ignore', 'warn', 'fail'):
        raise ValueError(f"on_error must be 'ignore', 'warn' or 'fail', not {on_error!r}")
    _preload = list(names)
    _on_error = on_error


def command():
    """The first words of the command line of a worker."""
    if getattr(sys, 'frozen', False):
        return [_executable, _FLAG]
    root = str(Path(__file__).resolve().parent.parent)
    program = f'import sys; sys.path.append({root!r}); from mproc.spawn import main; main()'
    return [_executable, *subprocess._args_from_interpreter_flags(), '-c', program]


def preparation(name):
    """What the child has to know of this program."""
    from multiprocessing import spawn
    whole = spawn.get_preparation_data(name)
    if not os.path.exists(whole.get('init_main_from_path', '/')):
        del whole['init_main_from_path']    # <stdin>, say: there is nothing to import
    return {part: whole[part] for part in _PARTS if part in whole}


def make(process, method):
    """The Mp.Process that will run a Process object in a worker."""
    _check_bootstrapping()
    boot = Mp.Queue.new(2)
    data = preparation(process.name)
    # Only a server may be in another folder than this process; and who was given one stays there.
    if method == 'spawn' or process._setup is not None and process._setup.cwd is not None:
        data.pop('dir', None)
    boot.put(data | {'start_method': method})
    _spawning.active = True
    try:
        boot.put(process)
    finally:
        _spawning.active = False
    return _worker(process.name, LANGUAGE, 'process', boot, method)


def make_call(name, language, call, method):
    """The Mp.Process that will call a function by name in a worker of its language."""
    boot = Mp.Queue.new(1)
    boot.put(call)
    return _worker(name, language, 'call', boot, method)


def _worker(name, language, kind, boot, method):
    Mp.Process.set_worker_command(LANGUAGE, command())
    with translated:
        mp = Mp.Process.new_worker(name, language, kind, boot)
    if method == 'fork':
        raise ValueError('a function by name is called by a worker, which is no copy of this '
                         "process: the method is 'spawn' or 'forkserver'")
    if method == 'forkserver':
        options = preparation('ignore') | {'preload': _preload, 'on_error': _on_error}
        Mp.Process.set_server_options(LANGUAGE, json.dumps(options))
        mp.set_start_method(Mp.StartMethod.FORKSERVER)
        _await_server(language)
    return mp


def _await_server(language):
    """A server may take long to import what it was told to; this can be interrupted."""
    with translated:
        while Mp.Process.await_server(language, -1) == INTERRUPTED:
            pass


def _check_bootstrapping():
    from . import process
    if process.current_process()._preparing:
        raise RuntimeError('''
        An attempt has been made to start a new process before the
        current process has finished its bootstrapping phase.

        The child imports the program's main module, so what starts
        processes there must be guarded:

            if __name__ == '__main__':
                freeze_support()
                ...

        freeze_support() is only needed in a program that is frozen to
        an executable.''')


# ── In the child ────────────────────────────────────────────────────────────────────────────────

def freeze_support():
    """Runs the worker, if a frozen program was started as one."""
    if getattr(sys, 'frozen', False) and sys.argv[1:2] == [_FLAG]:
        main(sys.argv[2:])


def main(words=None):
    """The whole life of a worker."""
    kind, handle, *options = sys.argv[1:] if words is None else words
    if kind == 'worker':
        from . import worker
        name = Mp.Process.get_current().get_name
        sys.exit(_MpProcess.bootstrap(name, lambda: worker.serve(handle)))
    _MpProcess.run_worker = run
    if kind == 'forkserver':
        from . import forkserver
        forkserver.main(int(handle), *options)
    name = Mp.Process.get_current().get_name
    sys.exit(_MpProcess.bootstrap(name, lambda: run(f'{kind} {handle}')))


def run(worker):
    """What a worker does: "KIND HANDLE"."""
    kind, _, handle = worker.partition(' ')
    with translated:
        boot = Mp.Shared.open(handle)
    try:
        _KINDS[kind](boot)
    except SystemExit:
        raise
    except BaseException as error:
        text = ''.join(traceback.format_exception_only(error)).strip()
        try:
            boot.put(text.encode('utf-8', 'backslashreplace').decode(), False)
        except Exception:
            pass  # the parent is told by the exit code, then
        raise


def _run_process(boot):
    from . import process
    process.become_child()
    process.current_process()._preparing = True
    data = boot.get(False)
    process._default_method = data.pop('start_method')
    prepare(data)
    child = boot.get(False)
    child._enter_spawned()


def prepare(data):
    """Makes this interpreter look like that of the program."""
    from multiprocessing import spawn
    spawn.prepare(data)


def _call_function(boot):
    from . import process
    process.become_child()
    message = boot.get(False)
    call = find(message['module'], message['function'])
    try:
        call(message['argument'])
    finally:
        process.end_process()


def find(module, name):
    """The function that a module has registered, or has, under a name; or else, as one that it
    uses may have done so, that anybody has registered."""
    from . import functions
    call = None
    if module:
        loaded = load(module)
        call = functions.registered_by(loaded.__name__, name) or _attribute(loaded, name)
    if not callable(call):
        call = functions.registered(name)
    if not callable(call):
        where = f'The module {module}' if module else 'This worker'
        raise NoSuchFunctionError(f'{where} has no function “{name}”, registered or otherwise')
    return call


def _attribute(thing, path):
    for part in path.split('.'):
        thing = getattr(thing, part, None)
    return thing


def load(module):
    """The module of this name, or in this file."""
    if '/' not in module and not module.endswith('.py'):
        return _import(module)
    path = Path(module).resolve()
    if not path.is_file():
        raise NoSuchFunctionError(f'There is no file {path}')
    name = path.stem if _is_name_of(path.stem, path) else f'_mproc_file_{path}'
    known = sys.modules.get(name)
    if known is not None:
        return known
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None:
        raise ImportError(f'{path} is no Python file')
    loaded = importlib.util.module_from_spec(spec)
    sys.path.append(str(path.parent))
    sys.modules[name] = loaded
    try:
        spec.loader.exec_module(loaded)
    except BaseException:
        sys.modules.pop(name, None)
        raise
    return loaded


def _import(module):
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or not f'{module}.'.startswith(f'{error.name}.'):
            raise   # it is there, but what it imports is not
        raise NoSuchFunctionError(str(error)) from error


def _is_name_of(name, path):
    """Whether an import of this name gives this file, or gave nothing before."""
    if not name.isidentifier():
        return False
    known = sys.modules.get(name)
    if known is not None:
        file = getattr(known, '__file__', None)
    else:
        spec = importlib.util.find_spec(name)
        file = path if spec is None else spec.origin
    return file is not None and Path(file).resolve() == path


_KINDS = {'process': _run_process, 'call': _call_function}
