/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Taking from a queue in a main loop: a GTask and a doorbell source, no thread. The source tries
 * when there may be something; somebody else may have been faster, then it goes on waiting.
 */

#include "config.h"

#include "mproc/base/mp-deadline-private.h"
#include "mproc/base/mp-error-private.h"
#include "mproc/channel/mp-queue-private.h"
#include "mproc/sync/mp-doorbell-private.h"

static gboolean
ready_cb (gpointer queue)
{
  return mp_queue_is_readable (queue);
}

/* One attempt. TRUE if the task is decided. */
static gboolean
try_get (GTask *task)
{
  MpQueue *self = g_task_get_source_object (task);
  GError *error = NULL;
  MpPayload *payload;

  if (g_task_return_error_if_cancelled (task))
    return TRUE;

  payload = mp_queue_get_payload (self, 0, NULL, &error);
  if (g_error_matches (error, MP_ERROR, MP_ERROR_EMPTY))
    {
      g_clear_error (&error);
      return FALSE;
    }

  if (payload != NULL)
    g_task_return_pointer (task, payload, (GDestroyNotify) mp_payload_unref);
  else
    g_task_return_error (task, error);
  return TRUE;
}

static gboolean
doorbell_cb (gpointer task)
{
  return try_get (task) ? G_SOURCE_REMOVE : G_SOURCE_CONTINUE;
}

/**
 * mp_queue_get_async:
 * @self: a queue
 * @cancellable: (nullable): a #GCancellable
 * @callback: (scope async): called in the thread-default main context when there is a result
 * @user_data: data for @callback
 *
 * Takes the first value, without blocking: [method@Mp.Queue.get_payload] for main loops.
 *
 * After a cancellation nothing was taken.
 *
 * Since: 0.1
 */
void
mp_queue_get_async (MpQueue             *self,
                    GCancellable        *cancellable,
                    GAsyncReadyCallback  callback,
                    gpointer             user_data)
{
  g_autoptr (GTask) task = NULL;
  g_autoptr (GSource) source = NULL;

  g_return_if_fail (MP_IS_QUEUE (self));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, mp_queue_get_async);
  g_task_set_check_cancellable (task, FALSE);
  if (try_get (task))
    return;

  source = mp_doorbell_source_new (ready_cb, self);
  if (cancellable != NULL)
    {
      g_autoptr (GSource) child = g_cancellable_source_new (cancellable);

      g_source_set_dummy_callback (child);
      g_source_add_child_source (source, child);
    }
  g_task_attach_source (task, source, doorbell_cb);
}

/**
 * mp_queue_get_finish:
 * @self: a queue
 * @result: what the callback got
 * @error: return location for an error
 *
 * Finishes [method@Mp.Queue.get_async].
 *
 * Errors: those of [method@Mp.Queue.get_payload].
 *
 * Returns: (transfer full): the encoded value
 *
 * Since: 0.1
 */
MpPayload *
mp_queue_get_finish (MpQueue       *self,
                     GAsyncResult  *result,
                     GError       **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);

  return g_task_propagate_pointer (G_TASK (result), error);
}
