# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""Puts the methods of the accelerator, _MpNative, into the classes of the override.

The accelerator is optional and changes no meaning: whatever it does not do itself it leaves to the
method that it replaced, which stays in the class as `_slow_` and its name. The variable
MPROC_NO_ACCELERATOR=1 in the environment keeps everything in Python.
"""

import os
import pickle
import queue

from gi.overrides import _MpBuffers, _MpCodec, _MpErrors
from gi.repository import GObject

# Another is of another version of the library.
INTERFACE = 4

# The module, or None; from the moment on at which the override is there.
native = None


def load():
    """The module, or None if it is not there, not wanted, or does not fit this interpreter."""
    if os.environ.get('MPROC_NO_ACCELERATOR', '0') not in ('', '0'):
        return None
    try:
        from gi.overrides import _MpNative
        if _MpNative.INTERFACE != INTERFACE:
            return None
        _MpNative.setup(base=GObject.GObject.__mro__[-2], sample=GObject.Object(),
                        dumps=pickle.dumps, options={'protocol': _MpCodec.PROTOCOL},
                        loads=pickle.loads, load_block=_MpBuffers.load,
                        from_status=_MpErrors.from_status, empty=queue.Empty, full=queue.Full)
    except ImportError:
        return None
    return _MpNative


def install(classes):
    """Loads the module and puts its methods into the classes of the override."""
    global native
    native = load()
    if native is not None:
        _MpCodec._state = native.state
        put(classes)


def put(classes):
    """@classes: the kind of methods for each class."""
    if native is not None:
        fast = {cls: native.get_methods(cls, kind) for cls, kind in classes.items()}
        # All of the slow ones first: a class may have inherited its method from another of these.
        slow = {cls: {f'_slow_{name}': getattr(cls, name) for name in methods if name[0] != '_'}
                for cls, methods in fast.items()}
        for methods in slow, fast:
            for cls, names in methods.items():
                for name, method in names.items():
                    setattr(cls, name, method)
