/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Renewing, closing, terminating and joining.
 */

#include "config.h"

#include "mproc/pool/mp-pool-private.h"

#include "mproc/base/mp-deadline-private.h"
#include "mproc/base/mp-error-private.h"

/**
 * mp_pool_renew:
 * @self: a pool
 * @error: return location for an error
 *
 * Has all workers replaced by new ones, each when it has finished the task that it runs.
 *
 * A forked worker knows what its parent knew when it was made, such as functions; after this call
 * tasks can be given with %MP_TASK_INHERITED that need what is known now. Workers that are idle
 * are replaced at once.
 *
 * It can fail with [error@Mp.Error.CLOSED], [error@Mp.Error.TERMINATED] or
 * [error@Mp.Error.INVALID_STATE].
 *
 * Returns: %TRUE, or %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
mp_pool_renew (MpPool  *self,
               GError **error)
{
  MpPoolPrivate *priv;
  MpPoolState state;

  g_return_val_if_fail (MP_IS_POOL (self), FALSE);

  if (!mp_pool_is_owner (self, error))
    return FALSE;

  priv = mp_pool_get_private (self);
  mp_pool_lock ();
  state = priv->state;
  if (state == MP_POOL_OPEN)
    {
      priv->generation++;
      mp_pool_board_store (&priv->board->generation, priv->generation);
    }
  mp_pool_unlock ();

  if (!mp_pool_check_open (state, error))
    return FALSE;

  g_atomic_int_set (&priv->urgent, TRUE);
  mp_queue_kick (priv->lanes[MP_POOL_LANE_NORMAL]);
  mp_pool_attend (self, FALSE);

  return TRUE;
}

/* ── Ending ─────────────────────────────────────────────────────────────────────────────────── */

gboolean
mp_pool_check_open (MpPoolState   state,
                    GError      **error)
{
  if (state == MP_POOL_CLOSED)
    g_set_error_literal (error, MP_ERROR, MP_ERROR_CLOSED, "The pool is closed");
  else if (state == MP_POOL_TERMINATED)
    g_set_error_literal (error, MP_ERROR, MP_ERROR_TERMINATED, "The pool was terminated");

  return state == MP_POOL_OPEN;
}

/**
 * mp_pool_close:
 * @self: a pool
 *
 * Says that no more tasks will be given. The workers leave when those given are done.
 *
 * The results can still be taken. Closing a pool that is closed or terminated does nothing, nor
 * does it in a process other than the pool's.
 *
 * Since: 0.1
 */
void
mp_pool_close (MpPool *self)
{
  MpPoolPrivate *priv;

  g_return_if_fail (MP_IS_POOL (self));

  if (!mp_pool_is_owner (self, NULL))
    return;

  priv = mp_pool_get_private (self);
  mp_pool_lock ();
  if (priv->state == MP_POOL_OPEN)
    priv->state = MP_POOL_CLOSED;
  mp_pool_board_store (&priv->board->closing, 1);
  mp_pool_unlock ();

  mp_queue_kick (priv->lanes[MP_POOL_LANE_NORMAL]);
}

/**
 * mp_pool_terminate:
 * @self: a pool
 *
 * Ends all workers at once, whatever they do. Tasks whose results have not come fail with
 * [error@Mp.Error.TERMINATED].
 *
 * The workers are killed, and gone when this returns. Terminating a pool again does nothing, nor
 * does it in a process other than the pool's.
 *
 * Since: 0.1
 */
void
mp_pool_terminate (MpPool *self)
{
  MpPoolPrivate *priv;

  g_return_if_fail (MP_IS_POOL (self));

  if (!mp_pool_is_owner (self, NULL))
    return;

  priv = mp_pool_get_private (self);
  mp_pool_lock ();
  priv->state = MP_POOL_TERMINATED;
  mp_pool_board_store (&priv->board->closing, 1);
  mp_pool_unlock ();

  mp_pool_bury (self);
}

/* Under the mutex. */
gboolean
mp_pool_has_ended (gpointer self)
{
  MpPoolPrivate *priv = mp_pool_get_private (self);

  return priv->waiting.size == 0 && !mp_pool_has_workers (priv);
}

static gboolean
may_join (MpPool  *self,
          GError **error)
{
  MpPoolPrivate *priv = mp_pool_get_private (self);
  MpPoolState state;

  if (!mp_pool_is_owner (self, error))
    return FALSE;

  mp_pool_lock ();
  state = priv->state;
  mp_pool_unlock ();

  if (state == MP_POOL_OPEN)
    g_set_error_literal (error, MP_ERROR, MP_ERROR_INVALID_STATE,
                         "The pool is joined before it was closed or terminated");

  return state != MP_POOL_OPEN;
}

/**
 * mp_pool_join:
 * @self: a pool that was closed or terminated
 * @timeout: how long to wait, in seconds; negative for no limit
 * @cancellable: (nullable): a #GCancellable
 * @error: return location for an error
 *
 * Waits until all tasks are done and all workers have left.
 *
 * It can fail with [error@Mp.Error.TIMED_OUT], with [error@Mp.Error.INVALID_STATE] if the pool
 * was neither closed nor terminated, and with %G_IO_ERROR_CANCELLED.
 *
 * Returns: %TRUE, or %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
mp_pool_join (MpPool        *self,
              double         timeout,
              GCancellable  *cancellable,
              GError       **error)
{
  MpStatus status;

  g_return_val_if_fail (MP_IS_POOL (self), FALSE);

  if (!may_join (self, error))
    return FALSE;

  status = mp_pool_wait (self, mp_pool_has_ended, self, mp_deadline_from_seconds (timeout), FALSE,
                         cancellable);
  if (status == MP_STATUS_TIMED_OUT)
    {
      g_set_error_literal (error, MP_ERROR, MP_ERROR_TIMED_OUT,
                           "The pool's tasks were not done in time");
      return FALSE;
    }

  return mp_status_to_error (status, error);
}

/**
 * mp_pool_join_raw:
 * @self: a pool that was closed or terminated
 * @usec: how long to wait, in microseconds; negative for no limit
 *
 * As [method@Mp.Pool.join], for bindings.
 *
 * Returns: %MP_STATUS_OK, %MP_STATUS_TIMED_OUT, %MP_STATUS_INVALID if the pool was neither closed
 *   nor terminated or belongs to another process, or %MP_STATUS_INTERRUPTED at the latest after
 *   a tenth of a second: run what is pending, and call again
 *
 * Since: 0.1
 */
int
mp_pool_join_raw (MpPool *self,
                  gint64  usec)
{
  g_return_val_if_fail (MP_IS_POOL (self), MP_STATUS_INVALID);

  if (!may_join (self, NULL))
    return MP_STATUS_INVALID;

  return mp_pool_wait (self, mp_pool_has_ended, self, mp_deadline_from_usec (usec), TRUE, NULL);
}

/* ── Asynchronously ─────────────────────────────────────────────────────────────────────────── */

static gboolean
advance_join (MpOp *op)
{
  MpPoolPrivate *priv = mp_pool_get_private (op->subject);

  if (mp_pool_has_ended (op->subject))
    return TRUE;

  mp_op_place (op, &priv->end_ops);
  return FALSE;
}

static void
finish_join (MpOp *op)
{
  g_task_return_boolean (op->task, TRUE);
}

/**
 * mp_pool_join_async:
 * @self: a pool that was closed or terminated
 * @cancellable: (nullable): a #GCancellable
 * @callback: (scope async): called when all tasks are done and all workers have left
 * @user_data: data for @callback
 *
 * Waits in the thread's default main context until all tasks are done and all workers have left.
 *
 * Since: 0.1
 */
void
mp_pool_join_async (MpPool              *self,
                    GCancellable        *cancellable,
                    GAsyncReadyCallback  callback,
                    gpointer             user_data)
{
  g_autoptr (GTask) task = NULL;
  GError *error = NULL;
  MpOp *op;

  g_return_if_fail (MP_IS_POOL (self));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, mp_pool_join_async);
  if (!may_join (self, &error))
    {
      g_task_return_error (task, error);
      return;
    }

  mp_pool_attend (self, FALSE);
  op = mp_op_new (g_steal_pointer (&task), g_object_ref (self));
  op->advance = advance_join;
  op->finish = finish_join;
  mp_op_add_pool (op, self);
  mp_op_start (op);
}

/**
 * mp_pool_join_finish:
 * @self: a pool
 * @result: what the callback was given
 * @error: return location for an error
 *
 * Ends what [method@Mp.Pool.join_async] began.
 *
 * It fails with %G_IO_ERROR_CANCELLED, and with [error@Mp.Error.INVALID_STATE] if the pool was
 * neither closed nor terminated, or belongs to another process.
 *
 * Returns: %TRUE, or %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
mp_pool_join_finish (MpPool        *self,
                     GAsyncResult  *result,
                     GError       **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}
