# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""The names of multiprocessing.resource_tracker, for programs that tell theirs what not to unlink.

There is no tracker here: shared memory goes with the last process that has it, and what was given a
name stays until somebody unlinks it. So there is nothing to be told, and nothing unlinks behind a
program's back.
"""

__all__ = ['ensure_running', 'register', 'unregister']


def register(name, rtype):
    """Nothing: what is of a family goes with it."""


def unregister(name, rtype):
    """Nothing: nobody unlinks the name but who calls unlink()."""


def ensure_running():
    """Nothing: there is no such process."""
