/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Accepting, and everybody's proving that he knows the key.
 *
 * All who have connected authenticate at once, each in its own time and in steps that do not block,
 * so nobody keeps others waiting; who is not done when his time is over is dropped. The steps are
 * taken inside the calls of those who accept; there is no thread. A forked child may accept, too:
 * it has the socket, but begins with nobody.
 */

#include "config.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <unistd.h>

#include "mproc/base/mp-error-private.h"
#include "mproc/channel/mp-connection-private.h"
#include "mproc/channel/mp-listener-address-private.h"
#include "mproc/channel/mp-listener-private.h"
#include "mproc/memory/mp-sleep-private.h"

#define MAX_PENDING 256

static void
finish (MpListener   *self,
        MpConnection *connection,
        GError       *error,
        char         *from)
{
  MpFinished *finished = g_new0 (MpFinished, 1);

  finished->connection = connection;
  finished->error = error;
  finished->from = from;
  g_queue_push_tail (&self->finished, finished);
}

static void
welcome (MpListener            *self,
         int                    fd,
         const MpSocketAddress *address)
{
  MpConnection *connection = mp_connection_adopt (fd);
  char *from = mp_socket_address_to_text (address);
  MpPending *pending;
  int yes = 1;

  setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  if (self->authkey == NULL)
    {
      finish (self, connection, NULL, from);
      return;
    }

  pending = g_new0 (MpPending, 1);
  pending->connection = connection;
  pending->auth = mp_auth_new (self->authkey, TRUE);
  pending->from = from;
  pending->deadline = mp_deadline_from_seconds (self->auth_seconds);
  g_ptr_array_add (self->pending, pending);
}

/* Lets in who has connected. Without a key one at a time: others may want the next. */
static void
let_in (MpListener *self)
{
  while (self->pending->len < MAX_PENDING && g_queue_is_empty (&self->finished))
    {
      MpSocketAddress address = { .size = sizeof address.storage };
      int fd = accept4 (self->fd, (struct sockaddr *) &address.storage, &address.size,
                        SOCK_CLOEXEC);

      if (fd >= 0)
        welcome (self, fd, &address);
      else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
        {
          GError *error = NULL;

          mp_error_set_errno (&error, errno, "Cannot accept");
          finish (self, NULL, error, NULL);
        }
      else if (errno != EINTR && errno != ECONNABORTED)
        return;
    }
}

/* TRUE: one less is pending. Who does not know the key is reported, who says nothing or nonsense is
 * not: that may be anybody. */
static gboolean
go_on (MpListener *self,
       MpPending    *pending)
{
  MpConnectionPrivate *priv = mp_connection_private (pending->connection);
  MpStatus status = mp_auth_step (pending->auth, priv->stream, &pending->wants);

  if (status == MP_STATUS_TIMED_OUT && !mp_deadline_passed (pending->deadline))
    return FALSE;

  if (status == MP_STATUS_OK)
    {
      g_clear_pointer (&pending->auth, mp_auth_free);
      finish (self, g_steal_pointer (&pending->connection), NULL, g_steal_pointer (&pending->from));
    }
  else if (status == MP_STATUS_NOT_OWNER)
    finish (self, NULL,
            g_error_new_literal (MP_ERROR, MP_ERROR_AUTHENTICATION,
                                 "Somebody who does not have the key has tried to connect"),
            g_steal_pointer (&pending->from));

  return TRUE;
}

/* With the mutex. */
static void
take_steps (MpListener *self)
{
  if (self->pid != getpid ())
    {
      self->pid = getpid ();    /* those who were on their way are the parent's */
      g_ptr_array_set_size (self->pending, 0);
      g_queue_clear_full (&self->finished, mp_listener_free_finished);
    }

  for (guint i = self->pending->len; i > 0; i--)
    if (go_on (self, g_ptr_array_index (self->pending, i - 1)))
      g_ptr_array_remove_index (self->pending, i - 1);
  let_in (self);
  for (guint i = self->pending->len; i > 0; i--)
    if (go_on (self, g_ptr_array_index (self->pending, i - 1)))
      g_ptr_array_remove_index (self->pending, i - 1);
}

gboolean
mp_listener_look (MpListener *self)
{
  gboolean found;

  g_mutex_lock (&self->mutex);
  if (self->fd >= 0 && g_queue_is_empty (&self->finished))
    take_steps (self);
  found = self->fd < 0 || !g_queue_is_empty (&self->finished);
  g_mutex_unlock (&self->mutex);

  return found;
}

/* What there is: OK, TIMED_OUT: nothing, FAILED: @error, INVALID: closed. */
static MpStatus
accept_step (MpListener    *self,
             MpConnection **connection,
             GError       **error)
{
  MpStatus status = MP_STATUS_INVALID;
  MpFinished *finished = NULL;

  *connection = NULL;
  mp_listener_look (self);
  g_mutex_lock (&self->mutex);
  if (self->fd >= 0)
    {
      finished = g_queue_pop_head (&self->finished);
      status = finished == NULL ? MP_STATUS_TIMED_OUT
                                : finished->connection != NULL ? MP_STATUS_OK : MP_STATUS_FAILED;
    }
  if (status == MP_STATUS_OK)
    {
      *connection = g_steal_pointer (&finished->connection);
      g_free (self->last_accepted);
      self->last_accepted = g_steal_pointer (&finished->from);
    }
  g_mutex_unlock (&self->mutex);

  if (finished != NULL && finished->error != NULL)
    g_propagate_error (error, g_steal_pointer (&finished->error));
  g_clear_pointer (&finished, mp_listener_free_finished);
  return status;
}

/* All descriptors that a step may be possible for; until when. */
static GArray *
collect_fds (MpListener *self,
             gint64     *until)
{
  GArray *fds = g_array_new (FALSE, FALSE, sizeof (struct pollfd));
  struct pollfd one = { -1, POLLIN, 0 };

  *until = MP_DEADLINE_NEVER;
  g_mutex_lock (&self->mutex);
  one.fd = self->pending->len < MAX_PENDING ? self->fd : -1;
  g_array_append_val (fds, one);
  for (guint i = 0; i < self->pending->len; i++)
    {
      MpPending *pending = g_ptr_array_index (self->pending, i);

      one.fd = mp_connection_get_fd (pending->connection);
      one.events = pending->wants;
      *until = MIN (*until, pending->deadline);
      g_array_append_val (fds, one);
    }
  g_mutex_unlock (&self->mutex);

  return fds;
}

/* One sleep, of at most a slice. */
static MpStatus
wait_for_anybody (MpListener         *self,
                  const MpWaitLimits *limits,
                  gint64              slice)
{
  GPollFD cancel = { -1, 0, 0 };
  struct pollfd one = { -1, POLLIN, 0 };
  g_autoptr (GArray) fds = NULL;
  gint64 until, left;
  int n;

  if (mp_deadline_passed (limits->deadline))
    return MP_STATUS_TIMED_OUT;

  fds = collect_fds (self, &until);
  left = MIN (mp_deadline_left (limits->deadline, MP_SLEEP_SLICE),
              mp_deadline_left (until, MP_SLEEP_SLICE));
  if (slice != 0)
    left = MIN (left, mp_deadline_left (slice, MP_SLEEP_SLICE));
  if (limits->cancellable != NULL && g_cancellable_make_pollfd (limits->cancellable, &cancel))
    one.fd = cancel.fd;
  g_array_append_val (fds, one);

  n = poll ((struct pollfd *) (gpointer) fds->data, fds->len, (int) ((left + 999) / 1000));
  if (cancel.fd >= 0)
    g_cancellable_release_fd (limits->cancellable);
  if (g_cancellable_is_cancelled (limits->cancellable))
    return MP_STATUS_CANCELLED;
  if (limits->interruptible &&
      ((n < 0 && errno == EINTR) || (slice != 0 && mp_deadline_passed (slice))))
    return MP_STATUS_INTERRUPTED;

  return MP_STATUS_OK;
}

static MpStatus
accept_until (MpListener          *self,
              const MpWaitLimits  *limits,
              MpConnection       **connection,
              GError             **error)
{
  gint64 slice = mp_fd_slice (limits);
  MpStatus status;

  while ((status = accept_step (self, connection, error)) == MP_STATUS_TIMED_OUT)
    {
      status = wait_for_anybody (self, limits, slice);
      if (status != MP_STATUS_OK)
        break;
    }

  return status;
}

static gboolean
report (MpStatus   status,
        GError   **error)
{
  if (status == MP_STATUS_FAILED)
    return FALSE;               /* it is set */
  if (status == MP_STATUS_INVALID)
    {
      g_set_error_literal (error, MP_ERROR, MP_ERROR_INVALID_STATE, "The listener is closed");
      return FALSE;
    }

  return mp_status_to_error (status, error);
}

/**
 * mp_listener_accept:
 * @self: a listener
 * @timeout: how many seconds to wait; negative for no limit
 * @cancellable: (nullable): a #GCancellable
 * @error: return location for an error
 *
 * Waits for somebody who connects, and who knows the key if there is one.
 *
 * That somebody who does not have the key has tried is an error, after which the next can be
 * accepted. Who connects and says nothing keeps nobody waiting, and is dropped in the end, see
 * [property@Mp.Listener:auth-timeout].
 *
 * Errors: [error@Mp.Error.TIMED_OUT], [error@Mp.Error.AUTHENTICATION] if somebody does not have
 * the key, [error@Mp.Error.INVALID_STATE] if the listener is closed,
 * `G_IO_ERROR_TOO_MANY_OPEN_FILES`, `G_IO_ERROR_CANCELLED`.
 *
 * Returns: (transfer full): the connection
 *
 * Since: 0.1
 */
MpConnection *
mp_listener_accept (MpListener    *self,
                    double         timeout,
                    GCancellable  *cancellable,
                    GError       **error)
{
  const MpWaitLimits limits = { mp_deadline_from_seconds (timeout), cancellable, FALSE };
  MpConnection *connection;

  g_return_val_if_fail (MP_IS_LISTENER (self), NULL);

  report (accept_until (self, &limits, &connection, error), error);
  return connection;
}

/**
 * mp_listener_accept_raw:
 * @self: a listener
 * @usec: how many microseconds to wait; negative for no limit
 * @connection: (out) (transfer full) (nullable): the connection
 *
 * Waits for somebody who connects. For language bindings.
 *
 * Returns: an [enum@Mp.Status]: `OK`, `TIMED_OUT`, `NOT_OWNER` if somebody who does not have the
 *   key has tried, `INVALID` if the listener is closed, `NO_SPACE` if there can be no more
 *   descriptors, or `INTERRUPTED`, at the latest after a tenth of a second: then call again
 *
 * Since: 0.1
 */
int
mp_listener_accept_raw (MpListener    *self,
                        gint64         usec,
                        MpConnection **connection)
{
  const MpWaitLimits limits = { mp_deadline_from_usec (usec), NULL, TRUE };
  g_autoptr (GError) error = NULL;
  MpStatus status = accept_until (self, &limits, connection, &error);

  if (status != MP_STATUS_FAILED)
    return status;

  return g_error_matches (error, MP_ERROR, MP_ERROR_AUTHENTICATION) ? MP_STATUS_NOT_OWNER
                                                                    : MP_STATUS_NO_SPACE;
}

/* --- In a main loop ------------------------------------------------------------------------ */

static gboolean
once_dispatch (GSource     *source G_GNUC_UNUSED,
               GSourceFunc  callback,
               gpointer     data)
{
  return callback != NULL ? callback (data) : G_SOURCE_REMOVE;
}

/* Without a check of its own a source is ready when one of its descriptors or its time is. */
static GSourceFuncs once_funcs = {
  .dispatch = once_dispatch,
};

GSource *
mp_listener_source_new (MpListener *self)
{
  GSource *source = g_source_new (&once_funcs, sizeof (GSource));
  gint64 until;
  g_autoptr (GArray) fds = collect_fds (self, &until);

  for (guint i = 0; i < fds->len; i++)
    {
      const struct pollfd *one = &g_array_index (fds, struct pollfd, i);

      if (one->fd >= 0)
        g_source_add_unix_fd (source, one->fd, one->events == POLLOUT ? G_IO_OUT : G_IO_IN);
    }
  if (until != MP_DEADLINE_NEVER)
    g_source_set_ready_time (source, until);
  g_source_set_static_name (source, "[mproc] listener");

  return source;
}

static gboolean
accept_attempt (gpointer data)
{
  GTask *task = data;
  MpListener *self = g_task_get_source_object (task);
  g_autoptr (GSource) source = NULL;
  MpConnection *connection;
  GError *error = NULL;
  MpStatus status;

  if (g_task_return_error_if_cancelled (task))
    return G_SOURCE_REMOVE;

  status = accept_step (self, &connection, &error);
  if (status == MP_STATUS_OK)
    g_task_return_pointer (task, connection, g_object_unref);
  else if (status != MP_STATUS_TIMED_OUT)
    {
      report (status, &error);
      g_task_return_error (task, error);
    }
  if (status != MP_STATUS_TIMED_OUT)
    return G_SOURCE_REMOVE;

  source = mp_listener_source_new (self);
  if (g_task_get_cancellable (task) != NULL)
    {
      g_autoptr (GSource) child = g_cancellable_source_new (g_task_get_cancellable (task));

      g_source_set_dummy_callback (child);
      g_source_add_child_source (source, child);
    }
  g_task_attach_source (task, source, accept_attempt);
  return G_SOURCE_REMOVE;
}

/**
 * mp_listener_accept_async:
 * @self: a listener
 * @cancellable: (nullable): a #GCancellable
 * @callback: (scope async): called in the thread-default main context when there is a result
 * @user_data: data for @callback
 *
 * Waits for somebody who connects, without blocking: [method@Mp.Listener.accept] for main loops.
 *
 * After a cancellation nobody was accepted.
 *
 * Since: 0.1
 */
void
mp_listener_accept_async (MpListener          *self,
                          GCancellable        *cancellable,
                          GAsyncReadyCallback  callback,
                          gpointer             user_data)
{
  g_autoptr (GTask) task = NULL;

  g_return_if_fail (MP_IS_LISTENER (self));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, mp_listener_accept_async);
  g_task_set_check_cancellable (task, FALSE);
  accept_attempt (task);
}

/**
 * mp_listener_accept_finish:
 * @self: a listener
 * @result: what the callback got
 * @error: return location for an error
 *
 * Finishes [method@Mp.Listener.accept_async].
 *
 * Errors: those of [method@Mp.Listener.accept].
 *
 * Returns: (transfer full): the connection
 *
 * Since: 0.1
 */
MpConnection *
mp_listener_accept_finish (MpListener    *self,
                           GAsyncResult  *result,
                           GError       **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);

  return g_task_propagate_pointer (G_TASK (result), error);
}
