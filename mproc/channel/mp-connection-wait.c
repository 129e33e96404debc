/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Waiting for any of many: connections, queues, listeners, processes, sockets, descriptors.
 *
 * All are looked at first. If none is ready, a main context of the call's own has a source for each
 * and sleeps until one is dispatched; then all are looked at again. So shared memory wakes it by
 * the doorbell, and everything else by its descriptor. What can be waited for but is made on a
 * higher floor, a process, is known by its property "sentinel".
 */

#include "config.h"

#include <poll.h>

#include <glib-unix.h>

#include "mproc/base/mp-error-private.h"
#include "mproc/channel/mp-connection-private.h"
#include "mproc/channel/mp-listener-private.h"
#include "mproc/memory/mp-sleep-private.h"
#include "mproc/sync/mp-doorbell-private.h"

#define SPIN_USEC 20

/* What is waited for, by the number it was given: first the objects, then the descriptors. */
typedef struct {
  GObject   **objects;
  gsize       n_objects;
  gsize       n;
  int        *fds;              /* of each; -1: it has none that tells all */
  guint8     *ready;
  gboolean    in_memory;        /* one of them at least is in shared memory only */
} Crowd;

static gboolean
has_sentinel (GObject *object)
{
  GParamSpec *pspec = g_object_class_find_property (G_OBJECT_GET_CLASS (object), "sentinel");

  return pspec != NULL && pspec->value_type == G_TYPE_INT;
}

/* FALSE: it is nothing that can be waited for. */
static gboolean
find_fd (GObject  *object,
         int      *fd)
{
  *fd = -1;
  if (MP_IS_CONNECTION (object) || MP_IS_QUEUE (object) || MP_IS_LISTENER (object))
    return TRUE;
  if (G_IS_SOCKET (object))
    *fd = g_socket_get_fd (G_SOCKET (object));
  else if (has_sentinel (object))
    g_object_get (object, "sentinel", fd, NULL);

  return *fd >= 0;
}

static gboolean
is_ready (GObject *object)
{
  if (MP_IS_CONNECTION (object))
    return mp_connection_look (object);
  if (MP_IS_QUEUE (object))
    return mp_queue_is_readable (MP_QUEUE (object));

  return mp_listener_look (MP_LISTENER (object));
}

/* How many are ready. */
static guint
look_at_all (Crowd *crowd)
{
  g_autofree struct pollfd *polls = g_new0 (struct pollfd, crowd->n);
  guint n_ready = 0;

  for (gsize i = 0; i < crowd->n; i++)
    polls[i] = (struct pollfd) { crowd->fds[i], POLLIN, 0 };
  if (poll (polls, crowd->n, 0) < 0)
    for (gsize i = 0; i < crowd->n; i++)
      polls[i].revents = 0;

  for (gsize i = 0; i < crowd->n; i++)
    {
      crowd->ready[i] = crowd->fds[i] >= 0 ? polls[i].revents != 0
                                           : i < crowd->n_objects && is_ready (crowd->objects[i]);
      n_ready += crowd->ready[i];
    }

  return n_ready;
}

static gboolean
note (gpointer data)
{
  *(gboolean *) data = TRUE;
  return G_SOURCE_CONTINUE;
}

static gboolean
note_fd (int          fd G_GNUC_UNUSED,
         GIOCondition condition G_GNUC_UNUSED,
         gpointer     data)
{
  return note (data);
}

static gboolean
is_queue_ready (gpointer queue)
{
  return mp_queue_is_readable (queue);
}

static void
attach_each (Crowd        *crowd,
             GMainContext *context,
             gboolean     *noted)
{
  for (gsize i = 0; i < crowd->n; i++)
    {
      g_autoptr (GSource) source = NULL;

      if (crowd->fds[i] >= 0)
        source = g_unix_fd_source_new (crowd->fds[i], G_IO_IN);
      else if (i >= crowd->n_objects)
        continue;
      else if (MP_IS_CONNECTION (crowd->objects[i]))
        source = mp_connection_source_new (MP_CONNECTION (crowd->objects[i]), FALSE);
      else if (MP_IS_QUEUE (crowd->objects[i]))
        source = mp_doorbell_source_new (is_queue_ready, crowd->objects[i]);
      else
        source = mp_listener_source_new (MP_LISTENER (crowd->objects[i]));

      g_source_set_callback (source, crowd->fds[i] >= 0 ? G_SOURCE_FUNC (note_fd) : note, noted,
                             NULL);
      g_source_attach (source, context);
    }
}

static gboolean
nothing (gpointer data G_GNUC_UNUSED)
{
  return G_SOURCE_CONTINUE;
}

static gboolean
nothing_cancelled (GCancellable *cancellable G_GNUC_UNUSED,
                   gpointer      data G_GNUC_UNUSED)
{
  return G_SOURCE_CONTINUE;
}

/* One sleep in the context, until something is dispatched, a signal came, or @usec are over. */
static void
sleep_in (GMainContext *context,
          gint64        usec)
{
  g_autoptr (GSource) timer = g_timeout_source_new ((guint) ((usec + 999) / 1000));

  g_source_set_callback (timer, nothing, NULL, NULL);
  g_source_attach (timer, context);
  g_main_context_iteration (context, TRUE);
  g_source_destroy (timer);
}

static MpStatus
sleep_until_one (Crowd              *crowd,
                 const MpWaitLimits *limits,
                 gint64              slice)
{
  g_autoptr (GMainContext) context = g_main_context_new ();
  gboolean noted = FALSE;
  MpStatus status = MP_STATUS_OK;

  attach_each (crowd, context, &noted);
  if (limits->cancellable != NULL)
    {
      g_autoptr (GSource) source = g_cancellable_source_new (limits->cancellable);

      g_source_set_callback (source, G_SOURCE_FUNC (nothing_cancelled), NULL, NULL);
      g_source_attach (source, context);
    }

  while (!noted && status == MP_STATUS_OK)
    {
      gint64 left = mp_deadline_left (limits->deadline, MP_SLEEP_SLICE);

      if (g_cancellable_is_cancelled (limits->cancellable))
        status = MP_STATUS_CANCELLED;
      else if (left == 0)
        status = MP_STATUS_TIMED_OUT;
      else if (slice != 0 && mp_deadline_passed (slice))
        status = MP_STATUS_INTERRUPTED;
      else
        sleep_in (context, slice != 0 ? MIN (left, mp_deadline_left (slice, left)) : left);
    }

  return status;
}

/* A moment of looking is cheaper than a sleep, if only shared memory can be what comes. */
static guint
spin (Crowd *crowd)
{
  gint64 end = g_get_monotonic_time () + SPIN_USEC;
  guint n_ready = 0;

  if (!crowd->in_memory || !mp_can_spin ())
    return 0;
  while (n_ready == 0 && g_get_monotonic_time () < end)
    n_ready = look_at_all (crowd);

  return n_ready;
}

static MpStatus
wait_until (Crowd              *crowd,
            const MpWaitLimits *limits)
{
  gint64 slice = mp_fd_slice (limits);
  MpStatus status = MP_STATUS_OK;

  if (g_cancellable_is_cancelled (limits->cancellable))
    return MP_STATUS_CANCELLED;
  if (look_at_all (crowd) > 0)
    return MP_STATUS_OK;
  if (mp_deadline_passed (limits->deadline))
    return MP_STATUS_TIMED_OUT;
  if (spin (crowd) > 0)
    return MP_STATUS_OK;

  do
    {
      status = sleep_until_one (crowd, limits, slice);
      /* Whatever ended the wait, what was waited for counts first. */
      if (look_at_all (crowd) > 0)
        return MP_STATUS_OK;
    }
  while (status == MP_STATUS_OK);

  return status;
}

/* FALSE: one of them cannot be waited for. */
static gboolean
gather (Crowd      *crowd,
        GObject   **objects,
        gsize       n_objects,
        const int  *fds,
        gsize       n_fds)
{
  crowd->objects = objects;
  crowd->n_objects = n_objects;
  crowd->n = n_objects + n_fds;
  crowd->fds = g_new (int, crowd->n);
  crowd->ready = g_new0 (guint8, crowd->n + 1);
  crowd->in_memory = FALSE;

  for (gsize i = 0; i < n_fds; i++)
    crowd->fds[n_objects + i] = fds[i];
  for (gsize i = 0; i < n_objects; i++)
    {
      if (!G_IS_OBJECT (objects[i]) || !find_fd (objects[i], &crowd->fds[i]))
        return FALSE;
      crowd->in_memory |= MP_IS_QUEUE (objects[i]) ||
                          (MP_IS_CONNECTION (objects[i]) &&
                           mp_connection_get_fd (MP_CONNECTION (objects[i])) < 0);
    }

  return TRUE;
}

static void
disperse (Crowd *crowd)
{
  g_clear_pointer (&crowd->fds, g_free);
  g_clear_pointer (&crowd->ready, g_free);
}

/**
 * mp_connection_wait:
 * @objects: (array length=n_objects): connections, queues, listeners, processes that were started,
 *   and #GSocket objects
 * @n_objects: how many
 * @timeout: how many seconds to wait; negative for no limit
 * @cancellable: (nullable): a #GCancellable
 * @error: return location for an error
 *
 * Waits until one of many is ready: a connection or queue has something to take or is at its end, a
 * listener has somebody to accept, a process has ended.
 *
 * Nothing is taken. Somebody else may be faster: use a timeout of 0 then.
 *
 * Errors: [error@Mp.Error.INVALID_ARGUMENT] if one of them cannot be waited for,
 * `G_IO_ERROR_CANCELLED`. That the time is over is no error.
 *
 * Returns: (transfer container) (element-type GObject) (nullable): those that are ready; none if
 *   the time is over; %NULL after an error
 *
 * Since: 0.1
 */
GPtrArray *
mp_connection_wait (GObject      **objects,
         gsize          n_objects,
         double         timeout,
         GCancellable  *cancellable,
         GError       **error)
{
  const MpWaitLimits limits = { mp_deadline_from_seconds (timeout), cancellable, FALSE };
  GPtrArray *ready = NULL;
  MpStatus status;
  Crowd crowd;

  g_return_val_if_fail (objects != NULL || n_objects == 0, NULL);

  if (!gather (&crowd, objects, n_objects, NULL, 0))
    g_set_error_literal (error, MP_ERROR, MP_ERROR_INVALID_ARGUMENT,
                         "One of the objects is nothing that can be waited for");
  else
    {
      status = wait_until (&crowd, &limits);
      if (status == MP_STATUS_OK || status == MP_STATUS_TIMED_OUT)
        ready = g_ptr_array_new_with_free_func (g_object_unref);
      else
        mp_status_to_error (status, error);
      for (gsize i = 0; i < n_objects && ready != NULL; i++)
        if (crowd.ready[i])
          g_ptr_array_add (ready, g_object_ref (objects[i]));
    }
  disperse (&crowd);

  return ready;
}

/**
 * mp_connection_wait_raw:
 * @objects: (array length=n_objects): as for [func@Mp.Connection.wait]
 * @n_objects: how many
 * @fds: (array length=n_fds): descriptors to be readable
 * @n_fds: how many
 * @usec: how many microseconds to wait; negative for no limit
 * @ready: (out) (array length=n_ready) (transfer full): for each of @objects and then of @fds
 *   whether it is ready
 * @n_ready: (out): how many these are, that is both together
 *
 * Waits until one of many is ready. For language bindings.
 *
 * Returns: an [enum@Mp.Status]: `OK`, `TIMED_OUT`, `INVALID` if one of them cannot be waited for,
 *   or `INTERRUPTED`, at the latest after a tenth of a second: then call again
 *
 * Since: 0.1
 */
int
mp_connection_wait_raw (GObject   **objects,
             gsize       n_objects,
             const int  *fds,
             gsize       n_fds,
             gint64      usec,
             guint8    **ready,
             gsize      *n_ready)
{
  const MpWaitLimits limits = { mp_deadline_from_usec (usec), NULL, TRUE };
  MpStatus status = MP_STATUS_INVALID;
  Crowd crowd;

  if (gather (&crowd, objects, n_objects, fds, n_fds))
    status = wait_until (&crowd, &limits);
  *ready = g_steal_pointer (&crowd.ready);
  *n_ready = crowd.n;
  disperse (&crowd);

  return status;
}
