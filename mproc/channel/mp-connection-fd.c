/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Descriptors from one end of a connection to the other.
 *
 * Over a Unix socket a descriptor is a message of its own kind, in its place among the others.
 * Shared memory cannot hold one. So the end of a pipe that receives descriptors opens a mailbox, a
 * listening socket with an abstract name that both ends know, and keeps it until it is closed; the
 * sender connects, leaves the descriptor there and goes on: it waits in the kernel until it is
 * taken, whatever becomes of the sender. The name can be seen by anybody, so both check that the
 * other is of the same user, and the receiver that the sender knows what only the family does.
 */

#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "mproc/base/mp-error-private.h"
#include "mproc/channel/mp-connection-private.h"
#include "mproc/channel/mp-pipe-private.h"
#include "mproc/sync/mp-wait-private.h"

/* --- Mailboxes ----------------------------------------------------------------------------- */

/* The name of the mailbox of the end @side. */
static socklen_t
fill_address (const MpPipeLine   *line,
              guint32             side,
              struct sockaddr_un *address)
{
  int n;

  memset (address, 0, sizeof *address);
  address->sun_family = AF_UNIX;
  n = g_snprintf (address->sun_path + 1, sizeof address->sun_path - 1,
                  "mproc-mailbox-%016" G_GINT64_MODIFIER "x%016" G_GINT64_MODIFIER "x-%u",
                  line->name[0], line->name[1], side);

  return (socklen_t) (offsetof (struct sockaddr_un, sun_path) + 1 + (gsize) n);
}

static int
new_socket (void)
{
  return socket (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

static gboolean
is_same_user (int fd)
{
  struct ucred peer;
  socklen_t size = sizeof peer;

  return getsockopt (fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.uid == geteuid ();
}

static void
take_turn (MpPipeLine *line,
           guint32     side)
{
  __atomic_add_fetch (&line->turns[side], 1, __ATOMIC_SEQ_CST);
  mp_event_wake_all (&line->event);
}

/* Only one process can have it: descriptors for an end that several share go to the first. */
static gboolean
open_mailbox (MpConnectionPrivate *priv,
              const MpPipeEnd     *end)
{
  MpPipeLine *line = mp_arena_pointer (end->line);
  struct sockaddr_un address;
  socklen_t size = fill_address (line, end->side, &address);
  int fd;

  if (priv->mailbox >= 0)
    return TRUE;

  fd = new_socket ();
  if (fd < 0 || bind (fd, (struct sockaddr *) &address, size) < 0 || listen (fd, SOMAXCONN) < 0)
    {
      if (fd >= 0)
        close (fd);
      return FALSE;
    }

  priv->mailbox = fd;
  take_turn (line, end->side);
  return TRUE;
}

void
mp_connection_close_mailbox (MpConnection *self)
{
  MpConnectionPrivate *priv = mp_connection_private (self);

  if (priv->mailbox >= 0)
    close (priv->mailbox);
  priv->mailbox = -1;
}

/* --- Sending ------------------------------------------------------------------------------- */

static gboolean
send_letter (int               to,
             const MpPipeLine *line,
             int               fd)
{
  union { struct cmsghdr header; guint8 space[CMSG_SPACE (sizeof (int))]; } control = { 0 };
  struct iovec part = { (gpointer) line->secret, sizeof line->secret };
  struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1,
                            .msg_control = &control, .msg_controllen = sizeof control };

  control.header.cmsg_level = SOL_SOCKET;
  control.header.cmsg_type = SCM_RIGHTS;
  control.header.cmsg_len = CMSG_LEN (sizeof fd);
  memcpy (CMSG_DATA (&control.header), &fd, sizeof fd);

  return sendmsg (to, &message, MSG_NOSIGNAL) == sizeof line->secret;
}

/* TIMED_OUT: there is no mailbox, or it is full. */
static MpStatus
deliver (const MpPipeLine *line,
         guint32           side,
         int               fd)
{
  struct sockaddr_un address;
  socklen_t size = fill_address (line, side, &address);
  MpStatus status = MP_STATUS_FAILED;
  int to = new_socket ();
  int saved;

  if (to < 0)
    return MP_STATUS_FAILED;

  if (connect (to, (struct sockaddr *) &address, size) < 0)
    status = errno == ECONNREFUSED || errno == EAGAIN || errno == EINTR ? MP_STATUS_TIMED_OUT
                                                                       : MP_STATUS_FAILED;
  else if (is_same_user (to) && send_letter (to, line, fd))
    status = MP_STATUS_OK;
  saved = errno;
  close (to);
  errno = saved;

  return status;
}

typedef struct {
  const guint32 *turns;
  guint32        seen;
  MpQueue       *queue;
} Turn;

static gboolean
is_turned (gpointer data)
{
  const Turn *turn = data;

  return __atomic_load_n (turn->turns, __ATOMIC_SEQ_CST) != turn->seen ||
         mp_queue_is_closed (turn->queue);
}

static MpStatus
post_to_mailbox (MpConnection       *self,
                 int                 fd,
                 const MpWaitLimits *limits)
{
  MpConnectionPrivate *priv = mp_connection_private (self);
  const MpPipeEnd *end = mp_shared_get_data (MP_SHARED (self));
  MpPipeLine *line = end != NULL ? mp_arena_pointer (end->line) : NULL;
  gboolean slept = FALSE;
  MpStatus status;

  if (end == NULL || priv->output == NULL)
    return MP_STATUS_INVALID;

  do
    {
      guint32 side = 1 - end->side;
      Turn turn = { &line->turns[side],
                    __atomic_load_n (&line->turns[side], __ATOMIC_SEQ_CST), priv->output };

      if (mp_queue_is_closed (priv->output))
        return MP_STATUS_CLOSED;
      status = deliver (line, side, fd);
      if (status != MP_STATUS_TIMED_OUT || mp_deadline_passed (limits->deadline))
        return status;
      status = mp_word_wait (&line->event, is_turned, &turn, line, limits, &slept);
    }
  while (status == MP_STATUS_OK);

  return status;
}

MpStatus
mp_connection_send_fd_until (MpConnection       *self,
                             int                 fd,
                             const MpWaitLimits *limits,
                             gboolean           *begun)
{
  MpConnectionPrivate *priv = mp_connection_private (self);
  MpStreamLetter *letter;

  *begun = FALSE;
  if (priv->closed || priv->opening != NULL || priv->no_output)
    return MP_STATUS_INVALID;
  if (priv->stream == NULL)
    return post_to_mailbox (self, fd, limits);

  letter = mp_stream_letter_new (priv->stream, MP_STREAM_FD, NULL, 0, NULL, fd);
  if (letter->fd >= 0)
    return mp_connection_letter_until (self, letter, limits, begun);

  mp_stream_drop (priv->stream, letter);
  return MP_STATUS_FAILED;
}

/* Whether descriptors can go along the line at all. */
static gboolean
check_passing (MpConnection  *self,
               GError       **error)
{
  MpConnectionPrivate *priv = mp_connection_private (self);
  int domain = AF_UNIX;
  socklen_t size = sizeof domain;

  if (priv->stream != NULL)
    getsockopt (priv->stream->fd, SOL_SOCKET, SO_DOMAIN, &domain, &size);
  if (domain == AF_UNIX && !mp_connection_get_plain (self))
    return TRUE;

  g_set_error_literal (error, MP_ERROR, MP_ERROR_NOT_SUPPORTED, domain != AF_UNIX
                       ? "Descriptors cannot go over a network"
                       : "Descriptors cannot be sent to multiprocessing");
  return FALSE;
}

/**
 * mp_connection_send_fd:
 * @self: a connection
 * @fd: a descriptor; it stays open here
 * @timeout: how many seconds to wait; negative for no limit
 * @cancellable: (nullable): a #GCancellable
 * @error: return location for an error
 *
 * Sends a descriptor: an open file, a socket, anything. The other end takes a duplicate with
 * [method@Mp.Connection.recv_fd].
 *
 * Over a Unix socket it has its place among the messages. Through a pipe in shared memory it goes
 * beside them; there the call waits until the other end has begun to receive descriptors, which it
 * has once it has called [method@Mp.Connection.recv_fd].
 *
 * Errors: [error@Mp.Error.NOT_SUPPORTED] over a network, and those of [method@Mp.Connection.send].
 *
 * Returns: %TRUE if it was sent
 *
 * Since: 0.1
 */
gboolean
mp_connection_send_fd (MpConnection  *self,
                       int            fd,
                       double         timeout,
                       GCancellable  *cancellable,
                       GError       **error)
{
  const MpWaitLimits limits = { mp_deadline_from_seconds (timeout), cancellable, FALSE };
  MpStatus status;
  gboolean begun;

  g_return_val_if_fail (MP_IS_CONNECTION (self), FALSE);

  if (fcntl (fd, F_GETFD) < 0)
    {
      g_set_error (error, MP_ERROR, MP_ERROR_INVALID_ARGUMENT, "%d is not a descriptor", fd);
      return FALSE;
    }
  if (!check_passing (self, error))
    return FALSE;

  status = mp_connection_send_fd_until (self, fd, &limits, &begun);
  return mp_connection_report (self, status, error);
}

/**
 * mp_connection_send_fd_raw:
 * @self: a connection
 * @fd: a descriptor
 * @usec: how many microseconds to wait; negative for no limit
 *
 * Sends a descriptor. For language bindings.
 *
 * Returns: an [enum@Mp.Status]: `OK`, `TIMED_OUT`, `CLOSED`, `INVALID` if the connection or the
 *   descriptor cannot be used so, `FAILED`, or `INTERRUPTED`, at the latest after a tenth of a
 *   second: then call again
 *
 * Since: 0.1
 */
int
mp_connection_send_fd_raw (MpConnection *self,
                           int           fd,
                           gint64        usec)
{
  const MpWaitLimits limits = { mp_deadline_from_usec (usec), NULL, TRUE };
  gboolean begun;

  if (fcntl (fd, F_GETFD) < 0 || !check_passing (self, NULL))
    return MP_STATUS_INVALID;

  return mp_connection_send_fd_until (self, fd, &limits, &begun);
}

/* --- Receiving ----------------------------------------------------------------------------- */

/* What a sender left; -1 if it was none of the family. */
static int
read_letter (int               from,
             const MpPipeLine *line)
{
  union { struct cmsghdr header; guint8 space[CMSG_SPACE (sizeof (int))]; } control = { 0 };
  guint64 secret[2] = { 0, 0 };
  struct iovec part = { secret, sizeof secret };
  struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1,
                            .msg_control = &control, .msg_controllen = sizeof control };
  struct pollfd poll_fd = { from, POLLIN, 0 };
  gssize n = -1;
  int fd = -1;

  /* It sends at once after connecting; who does not, is none of us. */
  if (is_same_user (from) && poll (&poll_fd, 1, 1000) > 0)
    n = recvmsg (from, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (n >= 0 && control.header.cmsg_type == SCM_RIGHTS &&
      control.header.cmsg_len >= CMSG_LEN (sizeof fd))
    memcpy (&fd, CMSG_DATA (&control.header), sizeof fd);
  if (fd >= 0 && (n != sizeof secret || memcmp (secret, line->secret, sizeof secret) != 0))
    {
      close (fd);
      fd = -1;
    }

  return fd;
}

/* One descriptor out of the mailbox, or -1. */
static int
empty_mailbox (MpConnectionPrivate *priv,
               const MpPipeEnd     *end)
{
  MpPipeLine *line = mp_arena_pointer (end->line);
  int from = accept4 (priv->mailbox, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
  int fd;

  if (from < 0)
    return -1;

  fd = read_letter (from, line);
  close (from);
  take_turn (line, end->side);

  return fd;
}

static MpStatus
take_from_mailbox (MpConnection       *self,
                   const MpWaitLimits *limits,
                   int                *fd)
{
  MpConnectionPrivate *priv = mp_connection_private (self);
  const MpPipeEnd *end = mp_shared_get_data (MP_SHARED (self));
  gint64 until = mp_fd_slice (limits);
  MpStatus status = MP_STATUS_OK;

  if (end == NULL || priv->input == NULL)
    return MP_STATUS_INVALID;
  if (!open_mailbox (priv, end))
    return MP_STATUS_FAILED;

  while (status == MP_STATUS_OK)
    {
      gboolean ended = mp_queue_is_closed (priv->input);

      if (priv->closed)
        return MP_STATUS_INVALID;
      *fd = empty_mailbox (priv, end);
      if (*fd >= 0 || ended)
        return *fd >= 0 ? MP_STATUS_OK : MP_STATUS_CLOSED;
      mp_connection_look_for_dead ();
      status = mp_fd_wait (priv->mailbox, POLLIN, limits, until);
    }

  return status;
}

static MpStatus
take_fd_from_stream (MpStream           *stream,
                     const MpWaitLimits *limits,
                     int                *fd)
{
  gint64 until = mp_fd_slice (limits);
  MpStatus status;
  guint encoding;

  do
    {
      status = mp_stream_receive_step (stream);
      if (status == MP_STATUS_OK)
        status = mp_stream_take (stream, NULL, G_MAXUINT64, &encoding, NULL, NULL, fd);
      if (status != MP_STATUS_TIMED_OUT)
        break;
      status = mp_fd_wait (stream->fd, POLLIN, limits, until);
    }
  while (status == MP_STATUS_OK);

  /* The kernel drops what cannot be opened here, for want of a free number. */
  return status == MP_STATUS_OK && *fd < 0 ? MP_STATUS_FAILED : status;
}

MpStatus
mp_connection_recv_fd_until (MpConnection       *self,
                             const MpWaitLimits *limits,
                             int                *fd)
{
  MpConnectionPrivate *priv = mp_connection_private (self);

  *fd = -1;
  if (priv->closed || priv->opening != NULL || priv->no_input)
    return MP_STATUS_INVALID;
  if (priv->stream == NULL)
    return take_from_mailbox (self, limits, fd);

  return take_fd_from_stream (priv->stream, limits, fd);
}

/**
 * mp_connection_recv_fd:
 * @self: a connection
 * @timeout: how many seconds to wait for one; negative for no limit
 * @cancellable: (nullable): a #GCancellable
 * @error: return location for an error
 *
 * Receives a descriptor that the other end has sent with [method@Mp.Connection.send_fd]. It is
 * closed when a program is executed.
 *
 * Through a pipe in shared memory, if several processes have this end, only one can receive
 * descriptors, and it needs one for itself until it closes the connection.
 *
 * Errors: [error@Mp.Error.NOT_SUPPORTED] over a network, [error@Mp.Error.INVALID_STATE] also if
 * what comes next over a socket is a message, which stays, [error@Mp.Error.FAILED] if there can be
 * no more descriptors, and those of [method@Mp.Connection.recv_payload].
 *
 * Returns: the descriptor, which is the caller's, or -1
 *
 * Since: 0.1
 */
int
mp_connection_recv_fd (MpConnection  *self,
                       double         timeout,
                       GCancellable  *cancellable,
                       GError       **error)
{
  const MpWaitLimits limits = { mp_deadline_from_seconds (timeout), cancellable, FALSE };
  MpStatus status;
  int fd;

  g_return_val_if_fail (MP_IS_CONNECTION (self), -1);

  if (!check_passing (self, error))
    return -1;

  status = mp_connection_recv_fd_until (self, &limits, &fd);
  if (status == MP_STATUS_INVALID && !mp_connection_is_closed (self) &&
      mp_connection_get_readable (self))
    g_set_error_literal (error, MP_ERROR, MP_ERROR_INVALID_STATE,
                         "What comes next is a message and not a descriptor");
  else
    mp_connection_report (self, status, error);

  return fd;
}

/**
 * mp_connection_recv_fd_raw:
 * @self: a connection
 * @usec: how many microseconds to wait for one; negative for no limit
 * @fd: (out): the descriptor, which is the caller's, or -1
 *
 * Receives a descriptor. For language bindings.
 *
 * Returns: an [enum@Mp.Status], as [method@Mp.Connection.send_fd_raw]
 *
 * Since: 0.1
 */
int
mp_connection_recv_fd_raw (MpConnection *self,
                           gint64        usec,
                           int          *fd)
{
  const MpWaitLimits limits = { mp_deadline_from_usec (usec), NULL, TRUE };

  *fd = -1;
  if (!check_passing (self, NULL))
    return MP_STATUS_INVALID;

  return mp_connection_recv_fd_until (self, &limits, fd);
}
