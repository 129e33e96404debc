/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Waiting until all the work that was put in a queue is done. What is counted is in the ring, see
 * mp-ring-claims.c; a consumer that dies leaves its messages to the others, so they are not done.
 */

#include "config.h"

#include "mproc/channel/mp-queue-private.h"

#include "mproc/base/mp-deadline-private.h"
#include "mproc/base/mp-error-private.h"
#include "mproc/sync/mp-async-private.h"
#include "mproc/sync/mp-wait-private.h"

static MpRing *
get_joinable (MpQueue *self)
{
  MpRing *ring = mp_shared_get_data (MP_SHARED (self));

  return ring != NULL && ring->joinable ? ring : NULL;
}

static gboolean
refuse (MpQueue   *self,
        MpStatus   status,
        GError   **error)
{
  if (status == MP_STATUS_INVALID && mp_shared_get_data (MP_SHARED (self)) != NULL)
    g_set_error_literal (error, MP_ERROR, MP_ERROR_INVALID_STATE,
                         mp_queue_is_joinable (self)
                           ? "Nobody has a message of the queue whose work is not done"
                           : "The queue is not joinable");
  else
    mp_status_to_error (status, error);

  return FALSE;
}

static MpStatus
join_until (MpQueue            *self,
            const MpWaitLimits *limits)
{
  MpRing *ring = get_joinable (self);
  gboolean slept = FALSE;
  gboolean done = FALSE;
  MpStatus status;

  if (ring == NULL)
    return MP_STATUS_INVALID;

  while ((status = mp_ring_is_done (ring, limits, &done)) == MP_STATUS_OK && !done)
    {
      if (limits->deadline <= g_get_monotonic_time ())
        return MP_STATUS_TIMED_OUT;
      status = mp_word_wait (&ring->finished, mp_ring_may_be_done, ring, ring, limits, &slept);
      if (status != MP_STATUS_OK)
        return status;
    }

  return status;
}

/**
 * mp_queue_task_done:
 * @self: a joinable queue
 * @error: return location for an error
 *
 * Says that the work on a message is done: on the one that this process took first of those on
 * which work is not done, or if it has none, on the first that any process took.
 *
 * Errors: [error@Mp.Error.INVALID_STATE] if nobody has such a message, or the queue is not
 * joinable, or cannot be used in this process.
 *
 * Returns: %TRUE if there was such a message
 *
 * Since: 0.1
 */
gboolean
mp_queue_task_done (MpQueue  *self,
                    GError  **error)
{
  MpStatus status;

  g_return_val_if_fail (MP_IS_QUEUE (self), FALSE);

  status = mp_queue_task_done_raw (self);
  return status == MP_STATUS_OK || refuse (self, status, error);
}

/**
 * mp_queue_task_done_raw:
 * @self: a joinable queue
 *
 * Says that the work on a message is done. For language bindings.
 *
 * Returns: an [enum@Mp.Status]: `OK`, or `INVALID` if nobody has a message on which work is not
 * done
 *
 * Since: 0.1
 */
int
mp_queue_task_done_raw (MpQueue *self)
{
  MpRing *ring;

  g_return_val_if_fail (MP_IS_QUEUE (self), MP_STATUS_INVALID);

  ring = get_joinable (self);
  return ring != NULL ? mp_ring_task_done (ring, NULL) : MP_STATUS_INVALID;
}

/**
 * mp_queue_join:
 * @self: a joinable queue
 * @timeout: how many seconds to wait; negative for no limit
 * @cancellable: (nullable): a #GCancellable
 * @error: return location for an error
 *
 * Waits until the queue is empty and the work on all that was taken from it is done.
 *
 * Errors: [error@Mp.Error.TIMED_OUT], [error@Mp.Error.INVALID_STATE] if the queue is not joinable
 * or cannot be used in this process, `G_IO_ERROR_CANCELLED`.
 *
 * Returns: %TRUE if all is done
 *
 * Since: 0.1
 */
gboolean
mp_queue_join (MpQueue       *self,
               double         timeout,
               GCancellable  *cancellable,
               GError       **error)
{
  const MpWaitLimits limits = { mp_deadline_from_seconds (timeout), cancellable, FALSE };
  MpStatus status;

  g_return_val_if_fail (MP_IS_QUEUE (self), FALSE);

  status = join_until (self, &limits);
  return status == MP_STATUS_OK || refuse (self, status, error);
}

/**
 * mp_queue_join_raw:
 * @self: a joinable queue
 * @usec: how many microseconds to wait; negative for no limit
 *
 * Waits until all work is done. For language bindings.
 *
 * Returns: an [enum@Mp.Status]: `OK`, `TIMED_OUT`, `INVALID`, or `INTERRUPTED`, at the latest after
 *   a tenth of a second: then call again
 *
 * Since: 0.1
 */
int
mp_queue_join_raw (MpQueue *self,
                   gint64   usec)
{
  const MpWaitLimits limits = { mp_deadline_from_usec (usec), NULL, TRUE };

  g_return_val_if_fail (MP_IS_QUEUE (self), MP_STATUS_INVALID);

  return join_until (self, &limits);
}

/* --- In a main loop ------------------------------------------------------------------------ */

static gboolean
may_be_done (gpointer queue)
{
  MpRing *ring = get_joinable (queue);

  if (ring == NULL)
    return TRUE;

  mp_event_listen (&ring->finished);
  return mp_ring_may_be_done (ring);
}

static gboolean
join_attempt (gpointer task)
{
  const MpWaitLimits limits = { MP_DEADLINE_NOW, NULL, FALSE };

  if (g_task_return_error_if_cancelled (task))
    return G_SOURCE_REMOVE;

  return mp_async_settle (task, join_until (g_task_get_source_object (task), &limits));
}

/**
 * mp_queue_join_async:
 * @self: a joinable queue
 * @cancellable: (nullable): a #GCancellable
 * @callback: (scope async): called in the thread-default main context
 * @user_data: data for @callback
 *
 * Waits until all work is done, without blocking: [method@Mp.Queue.join] for main loops.
 *
 * Since: 0.1
 */
void
mp_queue_join_async (MpQueue             *self,
                     GCancellable        *cancellable,
                     GAsyncReadyCallback  callback,
                     gpointer             user_data)
{
  g_autoptr (GTask) task = NULL;

  g_return_if_fail (MP_IS_QUEUE (self));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, mp_queue_join_async);
  mp_async_wait (task, may_be_done, self, MP_DEADLINE_NEVER, join_attempt);
}

/**
 * mp_queue_join_finish:
 * @self: a joinable queue
 * @result: what the callback got
 * @error: return location for an error
 *
 * Finishes [method@Mp.Queue.join_async].
 *
 * Errors: those of [method@Mp.Queue.join].
 *
 * Returns: %TRUE if all is done
 *
 * Since: 0.1
 */
gboolean
mp_queue_join_finish (MpQueue       *self,
                      GAsyncResult  *result,
                      GError       **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}
