/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * A queue in a main loop: tasks and sources on the doorbell, no thread. An attempt is made when one
 * may succeed; somebody else may have been faster, then it goes on waiting.
 */

#include "config.h"

#include "mproc/base/mp-deadline-private.h"
#include "mproc/base/mp-error-private.h"
#include "mproc/channel/mp-queue-private.h"
#include "mproc/memory/mp-attach-private.h"
#include "mproc/sync/mp-async-private.h"
#include "mproc/sync/mp-doorbell-private.h"

static gboolean
is_readable (gpointer queue)
{
  return mp_queue_is_readable (queue);
}

static gboolean
is_writable (gpointer queue)
{
  return mp_queue_is_writable (queue);
}

/* --- Taking -------------------------------------------------------------------------------- */

static gboolean
get_attempt (gpointer data)
{
  GTask *task = data;
  GError *error = NULL;
  MpPayload *payload;

  if (g_task_return_error_if_cancelled (task))
    return G_SOURCE_REMOVE;

  payload = mp_queue_get_payload (g_task_get_source_object (task), 0, NULL, &error);
  if (g_error_matches (error, MP_ERROR, MP_ERROR_EMPTY))
    {
      g_clear_error (&error);
      return G_SOURCE_CONTINUE;
    }

  if (payload != NULL)
    g_task_return_pointer (task, payload, (GDestroyNotify) mp_payload_unref);
  else
    g_task_return_error (task, error);
  return G_SOURCE_REMOVE;
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

  g_return_if_fail (MP_IS_QUEUE (self));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, mp_queue_get_async);
  g_task_set_check_cancellable (task, FALSE);   /* what was done is done */
  mp_async_wait (task, is_readable, self, MP_DEADLINE_NEVER, get_attempt);
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

/* --- Putting ------------------------------------------------------------------------------- */

/* A value on its way, and what it refers to. */
typedef struct {
  MpPayload *payload;
  GArray    *references;
} Letter;

static void
free_letter (gpointer data)
{
  Letter *letter = data;

  mp_payload_unref (letter->payload);
  g_clear_pointer (&letter->references, g_array_unref);
  g_free (letter);
}

/* What the thread has attached meanwhile is for another message. */
static gboolean
send_letter (MpQueue       *queue,
             const Letter  *letter,
             GError       **error)
{
  GArray *others = mp_attach_claim ();
  GArray *left;
  gboolean sent;

  if (letter->references != NULL)
    mp_attach_restore (g_array_ref (letter->references));
  sent = mp_queue_put_payload (queue, letter->payload, 0, NULL, error);
  left = mp_attach_claim ();
  g_clear_pointer (&left, g_array_unref);
  mp_attach_restore (others);

  return sent;
}

static gboolean
put_attempt (gpointer data)
{
  GTask *task = data;
  GError *error = NULL;

  if (g_task_return_error_if_cancelled (task))
    return G_SOURCE_REMOVE;

  if (send_letter (g_task_get_source_object (task), g_task_get_task_data (task), &error))
    g_task_return_boolean (task, TRUE);
  else if (!g_error_matches (error, MP_ERROR, MP_ERROR_FULL))
    g_task_return_error (task, g_steal_pointer (&error));
  else
    {
      g_clear_error (&error);
      return G_SOURCE_CONTINUE;
    }

  return G_SOURCE_REMOVE;
}

/**
 * mp_queue_put_async:
 * @self: a queue
 * @payload: the encoded value
 * @cancellable: (nullable): a #GCancellable
 * @callback: (scope async): called in the thread-default main context when there was room
 * @user_data: data for @callback
 *
 * Puts a value at the end of the queue when there is room, without blocking:
 * [method@Mp.Queue.put_payload] for main loops.
 *
 * Calls do not wait for one another: if the order matters, put the next when this one is done.
 * After a cancellation nothing was put.
 *
 * Since: 0.1
 */
void
mp_queue_put_async (MpQueue             *self,
                    MpPayload           *payload,
                    GCancellable        *cancellable,
                    GAsyncReadyCallback  callback,
                    gpointer             user_data)
{
  g_autoptr (GTask) task = NULL;
  Letter *letter;

  g_return_if_fail (MP_IS_QUEUE (self));
  g_return_if_fail (payload != NULL);

  letter = g_new (Letter, 1);
  letter->payload = mp_payload_ref (payload);
  letter->references = mp_attach_claim ();

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, mp_queue_put_async);
  g_task_set_check_cancellable (task, FALSE);   /* what was done is done */
  g_task_set_task_data (task, letter, free_letter);
  mp_async_wait (task, is_writable, self, MP_DEADLINE_NEVER, put_attempt);
}

/**
 * mp_queue_put_finish:
 * @self: a queue
 * @result: what the callback got
 * @error: return location for an error
 *
 * Finishes [method@Mp.Queue.put_async].
 *
 * Errors: those of [method@Mp.Queue.put_payload].
 *
 * Returns: %TRUE if the value was put
 *
 * Since: 0.1
 */
gboolean
mp_queue_put_finish (MpQueue       *self,
                     GAsyncResult  *result,
                     GError       **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}

/* --- Sources ------------------------------------------------------------------------------- */

static gboolean
is_either (gpointer queue)
{
  return mp_queue_is_readable (queue) || mp_queue_is_writable (queue);
}

/**
 * mp_queue_create_source:
 * @self: a queue
 * @condition: %G_IO_IN for a value to take, %G_IO_OUT for room, or both
 * @cancellable: (nullable): a #GCancellable
 *
 * Makes a source that is dispatched whenever there may be something to take, or room to put, or the
 * queue is closed, or @cancellable was cancelled. Its callback is a #GSourceFunc.
 *
 * Use the `try_` calls in the callback: somebody else may be faster.
 *
 * Returns: (transfer full): a new source, to be attached to a main context
 *
 * Since: 0.1
 */
GSource *
mp_queue_create_source (MpQueue      *self,
                        GIOCondition  condition,
                        GCancellable *cancellable)
{
  MpReadyFunc ready = is_either;
  GSource *source;

  g_return_val_if_fail (MP_IS_QUEUE (self), NULL);

  if ((condition & (G_IO_IN | G_IO_OUT)) == G_IO_IN)
    ready = is_readable;
  else if ((condition & (G_IO_IN | G_IO_OUT)) == G_IO_OUT)
    ready = is_writable;

  source = mp_doorbell_source_new (ready, self);
  mp_doorbell_source_hold (source, G_OBJECT (self));
  g_source_set_static_name (source, "[mproc] queue");
  if (cancellable != NULL)
    {
      g_autoptr (GSource) child = g_cancellable_source_new (cancellable);

      g_source_set_dummy_callback (child);
      g_source_add_child_source (source, child);
    }

  return source;
}
