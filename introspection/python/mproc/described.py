# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""Remembers how functions were described, as long as that is still right.

To describe a function for workers means to look at all that it names in __main__. A program gives
the same function again and again, so what was found is kept: the names it depends on and what they
stood for. As long as they stand for the very same things, the description holds. It belongs to one
pool, in its owner.
"""

import sys
import types

from .functions import APPLY, PICKLED, STAR, _names

MAX_KNOWN = 256


class Described:
    def __init__(self, functions):
        self._functions = functions
        # function: (bytes, where its names are, what these stood for, and the bytes for a call
        # with arguments, and with named ones too)
        self.known = {}

    def find(self, function):
        """The bytes that name a function by reference, if that is known and holds; else None."""
        try:
            data, namespace, things, _, _ = self.known[function]
        except (KeyError, TypeError):
            return None
        for name, thing in things:
            if namespace.get(name) is not thing:
                del self.known[function]
                return None
        return data

    def note(self, function, kind, data):
        """Keeps what was found, if it can be known later whether it still holds."""
        if kind != PICKLED or '.' in getattr(function, '__qualname__', '.') or \
                type(function) not in (types.FunctionType, types.BuiltinFunctionType) or \
                getattr(function, '__closure__', None) is not None:
            return
        namespace = vars(sys.modules.get(function.__module__) or types)
        if namespace.get(function.__name__) is not function or len(data) > MAX_KNOWN:
            return
        if not self._functions.knows(function):
            return
        things = {function.__name__: function}
        if function.__module__ == '__main__':
            self._collect(function, namespace, things, set())
        if len(self.known) >= MAX_KNOWN:
            self.known.clear()
        self.known[function] = (data, namespace, tuple(things.items()), STAR + data, APPLY + data)

    def _collect(self, function, main, things, seen):
        """The callables that it names in __main__, and those that they name."""
        if function in seen:
            return
        seen.add(function)
        for name in _names(function.__code__):
            thing = main.get(name)
            if callable(thing):
                things[name] = thing
                if type(thing) is types.FunctionType and thing.__globals__ is main:
                    self._collect(thing, main, things, seen)
