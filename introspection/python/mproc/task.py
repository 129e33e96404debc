# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""What a task can say and ask while a worker, a thread of a ThreadPool, or the caller runs it."""

import contextlib
import threading

from gi.repository import Mp

__all__ = ['report_progress', 'should_stop', 'current_task_id']


class _Local(threading.local):
    result = None


_local = _Local()


@contextlib.contextmanager
def running(result):
    """While a task without a process runs, what it reports goes to its result."""
    before, _local.result = _local.result, result
    try:
        yield
    finally:
        _local.result = before


def report_progress(fraction, text=None):
    """Says how much of the task is done, from 0 to 1, and what it is at. Whether there is one."""
    if _local.result is not None:
        _local.result._report(fraction, text)
        return True
    return Mp.task_report_progress(fraction, text)


def should_stop():
    """Whether the soft limit of time of the task is over."""
    return Mp.task_should_stop()


def current_task_id():
    """The number of the task that runs here, or 0."""
    return Mp.task_get_current_id()
