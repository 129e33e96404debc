# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""What travels to workers that inherit nothing: those of a pool made by 'spawn' or 'forkserver'.

Such a worker is a new interpreter, or a copy of a fork server. It has imported the program's main
module as `__mp_main__`, under which its guard keeps the program itself from running again. So a
function gets there by reference, as pickle does it, or by value with dill or cloudpickle; what can
do neither is refused where it is given.

The state here belongs to the pool's owner. A TravellingSpec is pickled anew for each worker; what
the initializer needs and cannot be read there makes that worker's tasks fail, and not the worker.
"""

import io
import pickle
import sys
import types

from gi.overrides import _MpCodec

from .functions import PICKLED, Functions, _importable, _name_shortly, _names

_MAIN = ('__main__', '__mp_main__')


class TravellingFunctions(Functions):
    """What is known of the functions of such a pool. No worker inherits any of them."""

    def __init__(self, method):
        super().__init__()
        self._method = method
        self._main_is_imported = _has_main()

    def describe(self, function, style):
        """The kind and bytes that name @function. Workers need never be renewed for one."""
        if not callable(function):
            raise TypeError(f'{type(function).__name__!r} object is not callable')
        problem = None
        for write in self._refer, self._copy:
            try:
                data = write(function)
            except Exception as error:
                problem = problem or error
            else:
                return PICKLED, style + data, False
        raise pickle.PicklingError(
            f'{_describe(function)} cannot travel to workers that are made by {self._method!r}: '
            f'{problem}. They inherit nothing, so it has to be at the top level of a module that '
            'they can import, or dill or cloudpickle has to be installed') from problem

    def _refer(self, function):
        buffer = io.BytesIO()
        with _MpCodec.encoding():
            _Pickler(buffer, self).dump(function)
        return _name_shortly(function) or buffer.getvalue()

    def _copy(self, function):
        if not isinstance(function, types.FunctionType):
            raise pickle.PicklingError('it is no function of Python')
        lacking = None if self._main_is_imported else self._name_in_main(function)
        if lacking is not None:
            raise pickle.PicklingError(f'it uses {lacking!r} of a main module that has no file')
        with _MpCodec.encoding():
            return _MpCodec.dump_by_value(function)

    def _name_in_main(self, function):
        main = vars(sys.modules['__main__'])
        if function.__globals__ is not main:
            return None
        return next((name for name in sorted(_names(function.__code__)) if name in main), None)

    def knows(self, thing):
        """Whether a worker can import it, as far as can be told here."""
        module = getattr(thing, '__module__', None)
        if module in _MAIN:
            return self._main_is_imported
        return _importable(module)


class _Pickler(pickle.Pickler):
    """Refuses what is in no module that a worker can import."""

    def __init__(self, file, functions):
        super().__init__(file, _MpCodec.PROTOCOL)
        self.functions = functions

    def reducer_override(self, thing):
        if isinstance(thing, (types.FunctionType, type)) and not self.functions.knows(thing):
            module = thing.__module__
            raise pickle.PicklingError('the main module has no file' if module in _MAIN else
                                       f'there is no module {module!r} to import')
        return NotImplemented


def _has_main():
    """Whether workers import the program's main module: one from a file or a package."""
    from .spawn import preparation
    data = preparation('ignore')
    return 'init_main_from_name' in data or 'init_main_from_path' in data


def _describe(function):
    return f'The function {getattr(function, "__qualname__", repr(function))!r}'


# ── What a worker is told ───────────────────────────────────────────────────────────────────────

class _NoFunctions:
    table = ()


class TravellingSpec:
    """What such a worker has to know."""

    functions = _NoFunctions
    problem = None          # why the initializer could not be read
    key = None

    def __init__(self, method, initializer, initargs, limit):
        self.method = method
        self.initializer = initializer
        self.initargs = initargs
        self.limit = limit

    def check(self):
        """Raises what keeps the initializer from travelling. The pool calls it before it forks."""
        if self.initializer is not None:
            with _MpCodec.encoding():
                self._write_initializer()

    def _write_initializer(self):
        whole = self.initializer, self.initargs
        try:
            return pickle.dumps(whole, _MpCodec.PROTOCOL)
        except Exception as error:
            try:
                return _MpCodec.dump_by_value(whole)
            except Exception:
                raise error from None

    def __reduce__(self):
        data = None if self.initializer is None else self._write_initializer()
        return _read_spec, (self.method, self.limit, data)


def _read_spec(method, limit, data):
    spec = TravellingSpec(method, None, (), limit)
    if data is not None:
        try:
            spec.initializer, spec.initargs = _MpCodec.loads(data)
        except Exception as error:
            spec.problem = error
    return spec
