# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""How a function gets to workers that were forked before it was given.

 1. By reference, as pickle does it: its module and name. That is right only if the workers have
    the same function under that name, so everything of __main__ that the pickle would name is
    compared with what __main__ held when the pool was made, and that of other modules with what
    this pool was first given under the same name.
 2. By value, if dill or cloudpickle is installed, and all that the code names in __main__ was
    there when the pool was made.
 3. By inheritance: the function is put into the pool's table, and the pool forks fresh workers,
    which have a copy of everything this process has. This always works, and costs a few
    milliseconds per worker.

The state here belongs to the pool's owner; the workers only read the table they inherited.

Functions may also be registered under a name, for callers of any language: the registry is the
library's, so a name that C has registered in this process is known to Python, and the other way
round.
"""

import importlib.util
import io
import pickle
import sys
import types

from gi.overrides import _MpCodec, _MpProcess

# MpFunctionKind, from MP_FUNCTION_LANGUAGE on.
PICKLED = 32
INHERITED = 33

# How the worker calls the function with an item; the first byte of what it is sent.
CALL, STAR, APPLY = b'1', b'*', b'a'

# By value the function travels with every task: above this many bytes it is inherited instead.
MAX_VALUE = 64 * 1024

_ATOMS = (type(None), bool, int, float, complex, str, bytes)


_registered = {}


def function(name=None):
    """A decorator that registers a function of one argument under a name, or its own."""
    def register(call, name=name):
        name = call.__name__ if name is None else name
        _registered[name] = call
        _registered[getattr(call, '__module__', None), name] = call
        _MpProcess.register(name, call)
        return call

    return register(name, None) if callable(name) else register


def registered(name):
    """The function that was last registered under a name in this process, or None."""
    return _registered.get(name)


def registered_by(module, name):
    """The one of this module that was registered under a name, or None."""
    return _registered.get((module, name))


class Unknown(Exception):
    """The workers do not have it."""


class Functions:
    """What the workers of one pool know."""

    def __init__(self):
        self.table = []          # what fresh workers inherit
        self._settled = []       # those of it that cannot have changed: (function, parts, number)
        main = vars(sys.modules['__main__'])
        self._names = frozenset(main)
        self._things = {name: thing for name, thing in main.items() if callable(thing)}
        self._modules = frozenset(sys.modules)
        self._met = {}           # which function of a module was first given by its name

    def describe(self, function, style):
        """The kind and bytes that name @function, and whether the pool has to be renewed."""
        if not callable(function):
            raise TypeError(f'{type(function).__name__!r} object is not callable')
        data = self._by_reference(function) or self._by_value(function)
        if data is not None:
            return PICKLED, style + data, False
        number, renew = self._by_inheritance(function)
        return INHERITED, style + b'%d' % number, renew

    def _by_reference(self, function):
        buffer = io.BytesIO()
        try:
            with _MpCodec.encoding():
                _Pickler(buffer, self).dump(function)
        except Exception:
            return None
        data = _name_shortly(function) or buffer.getvalue()
        return data if len(data) <= MAX_VALUE else None

    def _by_value(self, function):
        if not isinstance(function, types.FunctionType) or not self.knows_names_of(function) or \
                _is_replaced(function):
            return None
        try:
            with _MpCodec.encoding():
                data = _MpCodec.dump_by_value(function)
        except Exception:
            return None
        return data if len(data) <= MAX_VALUE else None

    def _by_inheritance(self, function):
        parts = _parts(function)
        if parts is not None:
            for known, before, number in self._settled:
                if known is function and _same(parts, before):
                    return number, False
        number = len(self.table)
        self.table.append(function)
        if parts is not None:
            self._settled.append((function, parts, number))
        return number, True

    def knows(self, thing):
        """Whether the workers find this very function or class by its name."""
        module = getattr(thing, '__module__', None)
        if module != '__main__':
            first = self._met.setdefault((module, getattr(thing, '__qualname__', None)), thing)
            return first is thing and (module in self._modules or _importable(module))
        top, _, rest = thing.__qualname__.partition('.')
        known = self._things.get(top)
        if known is None or known is not vars(sys.modules['__main__']).get(top):
            return False
        if not rest and known is not thing:
            return False
        return self.knows_names_of(thing)

    def knows_names_of(self, function, seen=None):
        """Whether all that a function of __main__ names there was there for the workers too."""
        main = vars(sys.modules['__main__'])
        seen = set() if seen is None else seen
        if not isinstance(function, types.FunctionType) or id(function) in seen:
            return True
        seen.add(id(function))
        inner = [cell.cell_contents for cell in function.__closure__ or () if _filled(cell)]
        if function.__globals__ is main:
            names = [name for name in _names(function.__code__) if name in main]
            if not all(self._knows_name(name, main[name]) for name in names):
                return False
            inner += [main[name] for name in names]
        return all(self.knows_names_of(thing, seen) for thing in inner)

    def _knows_name(self, name, thing):
        if name not in self._names:
            return False
        return not callable(thing) or self._things.get(name) is thing


class _Pickler(pickle.Pickler):
    """Refuses to name what the workers do not have."""

    def __init__(self, file, functions):
        super().__init__(file, _MpCodec.PROTOCOL)
        self.functions = functions

    def reducer_override(self, thing):
        if isinstance(thing, (types.FunctionType, type)) and not self.functions.knows(thing):
            raise Unknown(thing)
        return NotImplemented


def _name_shortly(function):
    """The shortest pickle of a function of a module, or None: it is in each task's message."""
    name, module = getattr(function, '__qualname__', ''), getattr(function, '__module__', None)
    if type(function) not in (types.FunctionType, types.BuiltinFunctionType) or \
            not isinstance(module, str) or not name.isidentifier() or \
            not (name.isascii() and module.isascii()) or '\n' in module or \
            vars(sys.modules.get(module) or types).get(name) is not function:
        return None
    return b'\x80\x05c%s\n%s\n.' % (module.encode(), name.encode())


def _is_replaced(function):
    """Whether a module has it under its name, where workers have another: dill would name it."""
    module = getattr(function, '__module__', None)
    return module != '__main__' and \
        vars(sys.modules.get(module) or types).get(function.__qualname__) is function


def _importable(module):
    try:
        return module is not None and importlib.util.find_spec(module) is not None
    except (ImportError, ValueError, AttributeError):
        return False


def _names(code):
    """The global names that a code object and those inside it may use."""
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            names |= _names(constant)
    return names


def _filled(cell):
    try:
        cell.cell_contents
    except ValueError:
        return False
    return True


def _parts(function):
    """What a function carries along, if none of that can change; else None."""
    if not isinstance(function, types.FunctionType) or function.__dict__:
        return None
    parts = [cell.cell_contents if _filled(cell) else None for cell in function.__closure__ or ()]
    parts += function.__defaults__ or ()
    parts += (function.__kwdefaults__ or {}).values()
    main = vars(sys.modules['__main__'])
    flat = [function.__code__]
    if function.__globals__ is main:
        flat += [main[name] for name in sorted(_names(function.__code__)) if name in main]
    for part in parts:
        if isinstance(part, types.FunctionType):
            inner = None if part is function else _parts(part)
            if inner is None:
                return None
            flat += [part, *inner]
        elif isinstance(part, (*_ATOMS, type, types.ModuleType, types.BuiltinFunctionType)):
            flat.append(part)
        else:
            return None
    return flat


def _same(one, other):
    return len(one) == len(other) and all(a is b for a, b in zip(one, other))
