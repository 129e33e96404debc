/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Clients: connecting to a listener, in steps that do not block, of which the calls that wait and
 * those for main loops are made.
 *
 * A host may have several addresses. The socket that is being tried always has the number that the
 * connection was made with; what was tried before it is closed.
 */

#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <unistd.h>

#include "mproc/base/mp-error-private.h"
#include "mproc/channel/mp-auth-private.h"
#include "mproc/channel/mp-connection-private.h"
#include "mproc/channel/mp-listener-address-private.h"

#define RETRY_USEC 10000        /* while a listener's queue is full */

struct _MpOpening {
  char     *name;
  GArray   *addresses;          /* of MpSocketAddress */
  guint     n_tried;
  gboolean  is_connecting;      /* to the last that was tried */
  gboolean  is_connected;
  MpAuth   *auth;               /* NULL: without a key */
};

void
mp_opening_free (MpOpening *self)
{
  g_clear_pointer (&self->auth, mp_auth_free);
  g_array_unref (self->addresses);
  g_free (self->name);
  g_free (self);
}

/* --- Steps --------------------------------------------------------------------------------- */

static int
new_socket (const MpSocketAddress *address)
{
  return socket (address->storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

/* OK: connected; TIMED_OUT: on its way, or to be tried again; FAILED with errno. */
static MpStatus
try_address (MpOpening             *self,
             int                    fd,
             const MpSocketAddress *address,
             short                 *wants)
{
  *wants = POLLOUT;
  if (connect (fd, (const struct sockaddr *) &address->storage, address->size) == 0)
    return MP_STATUS_OK;
  if (errno == EAGAIN)
    {
      *wants = 0;
      return MP_STATUS_TIMED_OUT;
    }
  if (errno != EINPROGRESS && errno != EINTR)
    return MP_STATUS_FAILED;

  self->is_connecting = TRUE;
  return MP_STATUS_TIMED_OUT;
}

static MpStatus
look_at (MpOpening *self,
         int        fd,
         short     *wants)
{
  struct pollfd poll_fd = { fd, POLLOUT, 0 };
  int failure = 0;
  socklen_t size = sizeof failure;

  *wants = POLLOUT;
  if (poll (&poll_fd, 1, 0) <= 0)
    return MP_STATUS_TIMED_OUT;

  self->is_connecting = FALSE;
  getsockopt (fd, SOL_SOCKET, SO_ERROR, &failure, &size);
  errno = failure;
  return failure == 0 ? MP_STATUS_OK : MP_STATUS_FAILED;
}

/* After a failure: the next address, if there is one, gets a socket of the same number. */
static gboolean
go_on (MpOpening *self,
       int        fd)
{
  int saved = errno;
  int next;

  if (self->n_tried + 1 >= self->addresses->len)
    return FALSE;

  self->n_tried++;
  next = new_socket (&g_array_index (self->addresses, MpSocketAddress, self->n_tried));
  if (next >= 0)
    {
      dup3 (next, fd, O_CLOEXEC);
      close (next);
    }
  errno = saved;

  return next >= 0;
}

static MpStatus
connect_step (MpOpening *self,
              MpStream  *stream,
              short     *wants)
{
  MpStatus status;

  do
    {
      const MpSocketAddress *address = &g_array_index (self->addresses, MpSocketAddress,
                                                       self->n_tried);

      status = self->is_connecting ? look_at (self, stream->fd, wants)
                                   : try_address (self, stream->fd, address, wants);
    }
  while (status == MP_STATUS_FAILED && go_on (self, stream->fd));

  if (status == MP_STATUS_FAILED)
    {
      GError *error = NULL;

      mp_error_set_errno (&error, errno, self->name);
      mp_stream_fail (stream, error);
    }

  return status;
}

/* Who shares the descriptor with others expects it to block. */
static void
finish_socket (int fd)
{
  int yes = 1;

  fcntl (fd, F_SETFL, fcntl (fd, F_GETFL) & ~O_NONBLOCK);
  setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
}

static MpStatus
authenticate (MpOpening *self,
              MpStream  *stream,
              short     *wants)
{
  MpStatus status = self->auth != NULL ? mp_auth_step (self->auth, stream, wants) : MP_STATUS_OK;
  const char *why = status == MP_STATUS_NOT_OWNER ? "the two sides do not have the same key"
                                                  : "it does not speak our language";

  if (status == MP_STATUS_OK || status == MP_STATUS_TIMED_OUT)
    return status;

  if (status == MP_STATUS_CLOSED)
    mp_stream_fail (stream, g_error_new (G_IO_ERROR, G_IO_ERROR_CONNECTION_CLOSED,
                                         "“%s” hung up in the middle of the authentication",
                                         self->name));
  else
    mp_stream_fail (stream, g_error_new (MP_ERROR, MP_ERROR_AUTHENTICATION,
                                         "Authentication with “%s” failed: %s", self->name, why));
  return status == MP_STATUS_NOT_OWNER ? status : MP_STATUS_FAILED;
}

static MpStatus
open_step (MpConnection *self,
           short        *wants)
{
  MpConnectionPrivate *priv = mp_connection_private (self);
  MpOpening *opening = priv->opening;
  MpStatus status = MP_STATUS_OK;

  if (priv->closed)
    return MP_STATUS_INVALID;
  if (opening == NULL)
    return MP_STATUS_OK;
  if (!mp_stream_check (priv->stream, NULL))
    return MP_STATUS_FAILED;

  if (!opening->is_connected)
    {
      status = connect_step (opening, priv->stream, wants);
      if (status != MP_STATUS_OK)
        return status;
      opening->is_connected = TRUE;
      finish_socket (priv->stream->fd);
    }

  status = authenticate (opening, priv->stream, wants);
  if (status == MP_STATUS_OK)
    g_clear_pointer (&priv->opening, mp_opening_free);

  return status;
}

static MpStatus
open_until (MpConnection       *self,
            const MpWaitLimits *limits)
{
  MpStream *stream = mp_connection_private (self)->stream;
  gint64 until = mp_fd_slice (limits);
  MpStatus status;
  short wants;

  while ((status = open_step (self, &wants)) == MP_STATUS_TIMED_OUT)
    {
      status = mp_fd_wait (wants != 0 ? stream->fd : -1, wants,
                           &(MpWaitLimits) { wants != 0 ? limits->deadline
                                                        : MIN (limits->deadline,
                                                               g_get_monotonic_time () +
                                                                 RETRY_USEC),
                                             limits->cancellable, limits->interruptible }, until);
      if (status == MP_STATUS_TIMED_OUT && !mp_deadline_passed (limits->deadline))
        status = MP_STATUS_OK;
      if (status != MP_STATUS_OK)
        break;
    }

  return status;
}

/* --- Calls --------------------------------------------------------------------------------- */

/**
 * mp_connection_begin:
 * @address: where somebody listens
 * @authkey: (nullable): the key, or %NULL to connect without authentication
 * @error: return location for an error
 *
 * Begins to connect; [method@Mp.Connection.open_raw] goes on. For language bindings.
 *
 * Errors: those of [ctor@Mp.Connection.connect] that are known at once.
 *
 * Returns: (transfer full): a connection that is not yet open
 *
 * Since: 0.1
 */
MpConnection *
mp_connection_begin (const char  *address,
                     GBytes      *authkey,
                     GError     **error)
{
  MpConnection *self;
  MpOpening *opening;
  GArray *addresses;
  int fd;

  g_return_val_if_fail (address != NULL, NULL);

  addresses = mp_socket_addresses (address, FALSE, error);
  if (addresses == NULL)
    return NULL;

  fd = new_socket (&g_array_index (addresses, MpSocketAddress, 0));
  if (fd < 0)
    {
      mp_error_set_errno (error, errno, "Cannot make a socket");
      g_array_unref (addresses);
      return NULL;
    }

  opening = g_new0 (MpOpening, 1);
  opening->name = g_strdup (address);
  opening->addresses = addresses;
  opening->auth = authkey != NULL ? mp_auth_new (authkey, FALSE) : NULL;
  self = mp_connection_adopt (fd);
  mp_connection_private (self)->opening = opening;

  return self;
}

/**
 * mp_connection_open_raw:
 * @self: a connection that [func@Mp.Connection.begin] has begun
 * @usec: how many microseconds to wait; negative for no limit
 *
 * Goes on connecting. For language bindings.
 *
 * Returns: an [enum@Mp.Status]: `OK`, `TIMED_OUT`, `NOT_OWNER` if the two sides do not have the
 *   same key, `FAILED`: see [method@Mp.Connection.check]; or `INTERRUPTED`, at the latest after a
 *   tenth of a second: then call again
 *
 * Since: 0.1
 */
int
mp_connection_open_raw (MpConnection *self,
                        gint64        usec)
{
  const MpWaitLimits limits = { mp_deadline_from_usec (usec), NULL, TRUE };

  return open_until (self, &limits);
}

static gboolean
report_open (MpConnection  *self,
             MpStatus       status,
             GError       **error)
{
  if (status == MP_STATUS_NOT_OWNER)
    status = MP_STATUS_FAILED;

  return mp_connection_report (self, status, error);
}

/**
 * mp_connection_connect: (constructor)
 * @address: where somebody listens: "/path", "@name" for an abstract name, "host:port"
 * @authkey: (nullable): the key, or %NULL to connect without authentication
 * @timeout: how many seconds that may take; negative for no limit
 * @cancellable: (nullable): a #GCancellable
 * @error: return location for an error
 *
 * Connects to an [class@Mp.Listener].
 *
 * With a key each side proves to the other that it has the same one, by a challenge and its
 * HMAC-SHA256; the key itself is never sent. What is sent later is not encrypted. A host's name is
 * looked up first, which @timeout does not cover.
 *
 * Errors: [error@Mp.Error.TIMED_OUT], [error@Mp.Error.INVALID_ARGUMENT] if @address is none,
 * [error@Mp.Error.AUTHENTICATION] if the two sides do not have the same key,
 * `G_IO_ERROR_CONNECTION_CLOSED` if the other hung up before it said so,
 * `G_IO_ERROR_CONNECTION_REFUSED`, `G_IO_ERROR_NOT_FOUND`, `G_IO_ERROR_CANCELLED`, or another
 * #GIOErrorEnum.
 *
 * Returns: (transfer full): the connection
 *
 * Since: 0.1
 */
MpConnection *
mp_connection_connect (const char    *address,
                       GBytes        *authkey,
                       double         timeout,
                       GCancellable  *cancellable,
                       GError       **error)
{
  const MpWaitLimits limits = { mp_deadline_from_seconds (timeout), cancellable, FALSE };
  g_autoptr (MpConnection) self = mp_connection_begin (address, authkey, error);

  if (self == NULL || !report_open (self, open_until (self, &limits), error))
    return NULL;

  return g_steal_pointer (&self);
}

static gboolean
open_attempt (gpointer data)
{
  GTask *task = data;
  MpConnection *self = g_task_get_task_data (task);
  g_autoptr (GSource) source = NULL;
  GError *error = NULL;
  MpStatus status;
  short wants = 0;

  if (g_task_return_error_if_cancelled (task))
    return G_SOURCE_REMOVE;

  status = open_step (self, &wants);
  if (status != MP_STATUS_TIMED_OUT)
    {
      if (report_open (self, status, &error))
        g_task_return_pointer (task, g_object_ref (self), g_object_unref);
      else
        g_task_return_error (task, error);
      return G_SOURCE_REMOVE;
    }

  /* What it waits for changes from step to step: each has a source of its own. */
  source = wants != 0 ? mp_connection_source_new (self, wants == POLLOUT)
                      : g_timeout_source_new (RETRY_USEC / 1000);
  if (g_task_get_cancellable (task) != NULL)
    {
      g_autoptr (GSource) child = g_cancellable_source_new (g_task_get_cancellable (task));

      g_source_set_dummy_callback (child);
      g_source_add_child_source (source, child);
    }
  g_task_attach_source (task, source, open_attempt);
  return G_SOURCE_REMOVE;
}

/**
 * mp_connection_connect_async:
 * @address: where somebody listens
 * @authkey: (nullable): the key, or %NULL to connect without authentication
 * @cancellable: (nullable): a #GCancellable
 * @callback: (scope async): called in the thread-default main context when there is a result
 * @user_data: data for @callback
 *
 * Connects to an [class@Mp.Listener] without blocking: [ctor@Mp.Connection.connect] for main
 * loops. Only a host's name is looked up in the call itself.
 *
 * Since: 0.1
 */
void
mp_connection_connect_async (const char          *address,
                             GBytes              *authkey,
                             GCancellable        *cancellable,
                             GAsyncReadyCallback  callback,
                             gpointer             user_data)
{
  g_autoptr (GTask) task = g_task_new (NULL, cancellable, callback, user_data);
  MpConnection *self;
  GError *error = NULL;

  g_return_if_fail (address != NULL);

  g_task_set_source_tag (task, mp_connection_connect_async);
  g_task_set_check_cancellable (task, FALSE);
  self = mp_connection_begin (address, authkey, &error);
  if (self == NULL)
    {
      g_task_return_error (task, error);
      return;
    }

  g_task_set_task_data (task, self, g_object_unref);
  open_attempt (task);
}

/**
 * mp_connection_connect_finish: (constructor)
 * @result: what the callback got
 * @error: return location for an error
 *
 * Finishes [func@Mp.Connection.connect_async].
 *
 * Errors: those of [ctor@Mp.Connection.connect].
 *
 * Returns: (transfer full): the connection
 *
 * Since: 0.1
 */
MpConnection *
mp_connection_connect_finish (GAsyncResult  *result,
                              GError       **error)
{
  g_return_val_if_fail (g_task_is_valid (result, NULL), NULL);

  return g_task_propagate_pointer (G_TASK (result), error);
}
