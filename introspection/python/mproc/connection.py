# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""Connections between processes, relatives or not, as in multiprocessing.connection.

Pipe() gives two ends in shared memory; Listener and Client meet at an address. Everything here
runs in the caller; no thread helps.
"""

import hmac
import os

from gi.overrides import _MpConnection
from gi.overrides._MpConnection import wait
from gi.repository import GLib, Mp

from .errors import AuthenticationError, BufferTooShort  # noqa: F401

__all__ = ['Client', 'Connection', 'Listener', 'Pipe', 'answer_challenge', 'deliver_challenge',
           'wait']

Connection = Mp.Connection

# The kinds of addresses; which one is taken if none is given.
families = ['AF_INET', 'AF_UNIX']
default_family = 'AF_UNIX'


def Pipe(duplex=True, *, sockets=False):
    """Two connected ends. If not @duplex the first only receives and the second only sends.

    With @sockets they have descriptors; else they are in shared memory, which is faster."""
    make = Mp.pipe_new_sockets if sockets else Mp.pipe_new
    with _MpConnection.translated:
        ok, one, other = make(duplex)
    return one, other


# ── Addresses ───────────────────────────────────────────────────────────────────────────────────

def address_type(address):
    """The family of an address, by its form."""
    if isinstance(address, tuple):
        return 'AF_INET'
    if isinstance(address, (str, bytes)):
        return 'AF_UNIX'
    raise ValueError(f'address type of {address!r} unrecognized')


def arbitrary_address(family):
    """An address of a family that nobody has yet."""
    if family == 'AF_INET':
        return ('localhost', 0)
    if family != 'AF_UNIX':
        raise ValueError(f'Family {family} is not recognized.')
    import tempfile
    from .util import get_temp_dir
    return tempfile.mktemp(prefix='listener-', dir=get_temp_dir())


def _check_family(address, family):
    if family is not None and family not in ('AF_INET', 'AF_INET6', 'AF_UNIX'):
        raise ValueError(f'Family {family} is not recognized.')
    family = family or (address_type(address) if address is not None else 'AF_UNIX')
    if address is None and family != 'AF_UNIX':
        return ('localhost', 0)
    return address


def _to_text(address):
    """An address as the library writes it."""
    if address is None:
        return None
    if isinstance(address, tuple):
        host, port = address[:2]
        return f'[{host}]:{port}' if ':' in host else f'{host}:{port}'
    address = os.fsdecode(address)
    if address[:1] == '\0':
        return '@' + address[1:]
    return os.path.abspath(address)


def _from_text(text):
    """The other way round."""
    if text is None or text[0] == '/':
        return text
    if text[0] == '@':
        return '\0' + text[1:]
    host, _colon, port = text.rpartition(':')
    return host.strip('[]'), int(port)


def _check_key(authkey):
    if authkey is None:
        return None
    if not isinstance(authkey, (bytes, bytearray)):
        raise TypeError('authkey should be a byte string')
    return bytes(authkey)


# ── Listeners and clients ───────────────────────────────────────────────────────────────────────

class Listener:
    """Where other processes connect to.

    The address is a tuple of host and port, a path, or an abstract name ('\\0name'); without one
    it is an abstract name that nobody else has. With a key each who connects must have it too."""

    def __init__(self, address=None, family=None, backlog=1, authkey=None):
        given = address = _check_family(address, family)
        key = _check_key(authkey)
        with _MpConnection.translated:
            self._listener = Mp.Listener.new(_to_text(address), max(1, backlog),
                                             None if key is None else GLib.Bytes.new(key))
        self._address = given if isinstance(given, (str, bytes)) \
            else _from_text(self._listener.get_address())

    def accept(self, timeout=None):
        """Waits for somebody who connects; gives a Connection.

        AuthenticationError if somebody does not have the key: the next can be accepted then.
        TimeoutError if nobody came in time (seconds)."""
        return self._listener.accept(timeout)

    def close(self):
        """Stops listening."""
        self._listener.close()

    @property
    def address(self):
        return self._address

    @property
    def last_accepted(self):
        """From where the last one connected that was accepted; None, or '' for a Unix socket."""
        text = self._listener.get_last_accepted()
        if text is None:
            return '' if isinstance(self._address, (str, bytes)) else None
        return _from_text(text)

    def fileno(self):
        fd = self._listener.get_fd()
        if fd < 0:
            raise OSError('listener is closed')
        return fd

    def __enter__(self):
        return self

    def __exit__(self, *details):
        self.close()

    def __repr__(self):
        return f'<mproc.connection.Listener at {self._address!r}>'


def Client(address, family=None, authkey=None, *, timeout=None):
    """Connects to a Listener; gives a Connection. TimeoutError if that takes longer (seconds)."""
    address = _check_family(address, family)
    return _MpConnection.connect(_to_text(address), _check_key(authkey), timeout)


# ── Authentication by hand ──────────────────────────────────────────────────────────────────────
# The words that both sides of a Listener exchange, for programs that do it over connections of
# their own.

CHALLENGE = b'#CHALLENGE#'
WELCOME = b'#WELCOME#'
FAILURE = b'#FAILURE#'
MAX_SIZE = 256
RANDOM_SIZE = 40
DIGESTS = ('sha256', 'sha384', 'sha512')


def _sign(authkey, asked, digest_name):
    return b'{%s}' % digest_name.encode() + hmac.digest(authkey, asked, digest_name)


def deliver_challenge(connection, authkey, digest_name='sha256'):
    """Has the other side prove that it has the key. AuthenticationError if it does not."""
    key = _check_key(authkey)
    if digest_name not in DIGESTS:
        raise ValueError(f'the digest must be one of {", ".join(DIGESTS)}')
    asked = b'{%s}' % digest_name.encode() + os.urandom(RANDOM_SIZE)
    connection.send_bytes(CHALLENGE + asked)
    answer = connection.recv_bytes(MAX_SIZE)
    if not hmac.compare_digest(answer, _sign(key, asked, digest_name)):
        connection.send_bytes(FAILURE)
        raise AuthenticationError('digest received was wrong')
    connection.send_bytes(WELCOME)


def answer_challenge(connection, authkey):
    """Proves to the other side that this one has the key. AuthenticationError if it says no."""
    key = _check_key(authkey)
    message = connection.recv_bytes(MAX_SIZE)
    asked = message.removeprefix(CHALLENGE)
    digest_name = asked[1:].partition(b'}')[0].decode('ascii', 'replace')
    if asked == message or not asked.startswith(b'{') or digest_name not in DIGESTS:
        raise AuthenticationError('protocol error, expected a challenge')
    connection.send_bytes(_sign(key, asked, digest_name))
    if connection.recv_bytes(MAX_SIZE) != WELCOME:
        raise AuthenticationError('digest sent was rejected')
