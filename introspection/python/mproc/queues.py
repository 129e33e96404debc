# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""The classes behind mproc.Queue(), under the names that multiprocessing.queues has."""

from queue import Empty, Full

from gi.repository import Mp

Queue = Mp.Queue

__all__ = ['Queue', 'Empty', 'Full']
