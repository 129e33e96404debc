# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""Descriptors over connections, as in multiprocessing.reduction.

They go over pipes in shared memory and over Unix sockets. Through shared memory the sender waits
until the other side calls recv_handle() for the first time.
"""

import socket

__all__ = ['recv_handle', 'recv_socket', 'send_handle', 'send_socket']


def send_handle(connection, handle, destination_pid=None):
    """Sends a duplicate of a descriptor; the process at the other end gets it, whichever it is."""
    connection.send_fd(handle)


def recv_handle(connection):
    """Receives a descriptor, which is the caller's."""
    return connection.recv_fd()


def send_socket(connection, sock):
    """Sends a socket, which stays open here."""
    connection.send_fd(sock.fileno())


def recv_socket(connection):
    """Receives a socket."""
    return socket.socket(fileno=connection.recv_fd())
