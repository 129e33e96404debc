/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * How many tasks a pool has and had, and the telling of it. The counts are kept under the mutex by
 * who changes them; what is at work is read from the board.
 */

#include "config.h"

#include "mproc/pool/mp-pool-private.h"

#include "mproc/pool/mp-result-private.h"

/* Under the mutex. A worker clears its seat a moment after its result is there. */
guint
mp_pool_count_running (MpPoolPrivate *priv)
{
  guint n = 0;

  for (guint i = 0; i < priv->n_seats; i++)
    {
      guint64 id = mp_pool_board_get_running (priv->board, i) & ~MP_SEAT_CONDEMNED;

      n += mp_pool_is_seated (priv, i) && id != 0
           && mp_waiting_lookup (&priv->waiting, id) != NULL;
    }

  return n;
}

/* Of one that could not be made there is nothing to count. */
static MpPoolPrivate *
get_counted (MpPool *self)
{
  MpPoolPrivate *priv = mp_pool_get_private (self);

  return priv->board != NULL ? priv : NULL;
}

/**
 * mp_pool_get_n_queued: (get-property n-queued)
 * @self: a pool
 *
 * Gets how many tasks wait for a worker.
 *
 * Returns: the number
 *
 * Since: 0.1
 */
guint
mp_pool_get_n_queued (MpPool *self)
{
  MpPoolPrivate *priv;
  guint n, n_running;

  g_return_val_if_fail (MP_IS_POOL (self), 0);

  priv = get_counted (self);
  if (priv == NULL)
    return 0;

  mp_pool_lock ();
  n = priv->waiting.size;
  n_running = mp_pool_count_running (priv);
  mp_pool_unlock ();

  return n > n_running ? n - n_running : 0;
}

/**
 * mp_pool_get_n_running: (get-property n-running)
 * @self: a pool
 *
 * Gets how many tasks are at work.
 *
 * Returns: the number
 *
 * Since: 0.1
 */
guint
mp_pool_get_n_running (MpPool *self)
{
  MpPoolPrivate *priv;
  guint n;

  g_return_val_if_fail (MP_IS_POOL (self), 0);

  priv = get_counted (self);
  if (priv == NULL)
    return 0;

  mp_pool_lock ();
  n = mp_pool_count_running (priv);
  mp_pool_unlock ();

  return n;
}

static MpPoolCounts
get_counts (MpPool *self)
{
  MpPoolCounts counts;

  mp_pool_lock ();
  counts = mp_pool_get_private (self)->counts;
  mp_pool_unlock ();

  return counts;
}

/**
 * mp_pool_get_n_done: (get-property n-done)
 * @self: a pool
 *
 * Gets how many tasks have given a value.
 *
 * Returns: the number
 *
 * Since: 0.1
 */
guint64
mp_pool_get_n_done (MpPool *self)
{
  g_return_val_if_fail (MP_IS_POOL (self), 0);

  return get_counts (self).n_done;
}

/**
 * mp_pool_get_n_failed: (get-property n-failed)
 * @self: a pool
 *
 * Gets how many tasks have failed, whatever the reason.
 *
 * Returns: the number
 *
 * Since: 0.1
 */
guint64
mp_pool_get_n_failed (MpPool *self)
{
  g_return_val_if_fail (MP_IS_POOL (self), 0);

  return get_counts (self).n_failed;
}

/**
 * mp_pool_get_n_retried: (get-property n-retried)
 * @self: a pool
 *
 * Gets how often a task was tried again.
 *
 * Returns: the number
 *
 * Since: 0.1
 */
guint64
mp_pool_get_n_retried (MpPool *self)
{
  g_return_val_if_fail (MP_IS_POOL (self), 0);

  return get_counts (self).n_retried;
}

/**
 * mp_pool_get_progress: (get-property progress)
 * @self: a pool
 *
 * Gets how much is done of what was given since the pool last had nothing to do.
 *
 * Returns: the fraction, from 0 to 1; 0 before the first task
 *
 * Since: 0.1
 */
double
mp_pool_get_progress (MpPool *self)
{
  MpPoolCounts counts;

  g_return_val_if_fail (MP_IS_POOL (self), 0);

  counts = get_counts (self);

  return counts.n_given > 0 ? MIN (1, counts.n_over / (double) counts.n_given) : 0;
}

static void
change_clear (gpointer data)
{
  g_free (((MpPoolChange *) data)->name);
}

/* Without the mutex. */
void
mp_pool_emit_changes (MpPool     *self,
                      MpPoolNews *news)
{
  g_autoptr (GArray) changes = g_steal_pointer (&news->changes);
  g_autoptr (GPtrArray) printed = g_steal_pointer (&news->printed);
  static guint notify;

  if (changes != NULL)
    g_array_set_clear_func (changes, change_clear);
  for (guint i = 0; changes != NULL && i < changes->len; i++)
    mp_pool_emit_worker (self, &g_array_index (changes, MpPoolChange, i));
  for (guint i = 0; printed != NULL && i < printed->len; i++)
    {
      mp_result_notify_output (printed->pdata[i]);
      mp_pool_emit_output (self, printed->pdata[i]);
    }

  /* Mostly nobody listens. */
  if (notify == 0)
    notify = g_signal_lookup ("notify", G_TYPE_OBJECT);
  if (g_signal_handler_find (self, G_SIGNAL_MATCH_ID, notify, 0, NULL, NULL, NULL) != 0)
    mp_pool_notify_counts (self);
}
