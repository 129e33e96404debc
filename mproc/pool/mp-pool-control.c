/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Stopping tasks: because somebody cancels them, or because they are beyond a limit.
 *
 * A worker is only ever killed for the task that it runs at that very moment. The owner says so by
 * an atomic exchange in the worker's seat; the worker, when it has ended a task, takes its word
 * back by another. So either the task was over before, or the worker takes no more tasks.
 */

#include "config.h"

#include "mproc/pool/mp-pool-private.h"

#include <gio/gio.h>

#include "mproc/base/mp-error-private.h"
#include "mproc/pool/mp-result-private.h"

/* How big workers are is looked at this often. */
#define MEASURE_INTERVAL (50 * G_TIME_SPAN_MILLISECOND)

/* The kernel kills at the limit; this long after it the owner does, should there be no timer. */
#define GRACE (100 * G_TIME_SPAN_MILLISECOND)

gboolean
mp_pool_condemn (MpPoolPrivate *priv,
                 guint          seat,
                 guint64        id,
                 MpTaskFailure  verdict,
                 GPtrArray     *doomed)
{
  MpPoolWorker *worker = &priv->roster[seat];

  if (!mp_pool_is_seated (priv, seat) || !mp_pool_board_condemn (priv->board, seat, id))
    return FALSE;

  worker->verdict = verdict;
  if (worker->process != NULL)
    g_ptr_array_add (doomed, g_object_ref (worker->process));

  return TRUE;
}

/* Without the mutex. */
void
mp_pool_kill_doomed (GPtrArray *doomed)
{
  for (guint i = 0; i < doomed->len; i++)
    mp_process_kill (doomed->pdata[i], NULL);
}

/* ── Cancelling ─────────────────────────────────────────────────────────────────────────────── */

/* Under the mutex. Whoever comes to run it later sees that it is cancelled. */
static void
cancel_one (MpPoolPrivate *priv,
            MpResult      *result,
            GPtrArray     *doomed)
{
  if (priv->last_id - result->id < MP_POOL_CANCEL_BITS)
    mp_pool_board_set_cancelled (priv->board, result->id, TRUE);

  for (guint i = 0; i < priv->n_seats; i++)
    {
      if (mp_pool_condemn (priv, i, result->id, MP_TASK_FAILURE_CANCELLED, doomed))
        break;
    }

  mp_result_take_verdict (result, MP_TASK_FAILURE_CANCELLED,
                          g_error_new_literal (G_IO_ERROR, G_IO_ERROR_CANCELLED,
                                               "The task was cancelled"),
                          0, MP_EXIT_CODE_NONE);
}

guint
mp_pool_cancel (MpPool    *self,
                MpResult **results,
                guint      n)
{
  MpPoolPrivate *priv = mp_pool_get_private (self);
  g_autoptr (GPtrArray) doomed = g_ptr_array_new_with_free_func (g_object_unref);
  MpPoolNews news = { 0 };
  guint n_cancelled = 0;

  if (!mp_pool_is_owner (self, NULL))
    return 0;

  mp_pool_lock ();
  for (guint i = 0; i < n; i++)
    {
      if (mp_result_peek_ready (results[i]) || results[i]->id == 0)
        continue;
      cancel_one (priv, results[i], doomed);
      mp_pool_complete (self, results[i], &news);
      n_cancelled++;
    }
  mp_pool_wake_followers (priv);
  mp_pool_unlock ();

  mp_pool_kill_doomed (doomed);
  g_atomic_int_set (&priv->urgent, TRUE);
  mp_pool_kick (self);
  mp_pool_deliver (self, &news, FALSE);

  return n_cancelled;
}

/* ── Limits ─────────────────────────────────────────────────────────────────────────────────── */

/* Of those that run longer than they may and were not killed by the kernel. */
static void
enforce_time (MpPoolPrivate *priv,
              guint          seat,
              gint64         now,
              GPtrArray     *doomed)
{
  guint64 running = mp_pool_board_get_running (priv->board, seat);
  gint64 limit = __atomic_load_n (&priv->board->seats[seat].limit, __ATOMIC_SEQ_CST);

  if (running != 0 && limit != 0 && now > limit + GRACE)
    mp_pool_condemn (priv, seat, running & ~MP_SEAT_CONDEMNED, MP_TASK_FAILURE_TIME_LIMIT,
                     doomed);
}

/* An idle one that is too big leaves by itself. */
static void
enforce_memory (MpPoolPrivate *priv,
                guint          seat,
                GPtrArray     *doomed)
{
  guint64 running = mp_pool_board_get_running (priv->board, seat);

  if (mp_worker_get_resident (priv->roster[seat].pid) <= priv->board->rules.memory_limit)
    return;

  if (running == 0)
    mp_pool_board_store (&priv->board->seats[seat].leave, TRUE);
  else
    mp_pool_condemn (priv, seat, running & ~MP_SEAT_CONDEMNED, MP_TASK_FAILURE_MEMORY_LIMIT,
                     doomed);
}

/* Under the mutex. Which workers are too many is decided by who is idle. */
static void
send_surplus_home (MpPoolPrivate *priv)
{
  for (guint pass = 0; pass < 2; pass++)
    {
      guint n_here = 0;

      for (guint i = 0; i < priv->n_seats; i++)
        n_here += mp_pool_is_seated (priv, i) && !priv->board->seats[i].leave;

      for (guint i = priv->n_seats; i-- > 0 && n_here > priv->n_workers;)
        {
          if (!mp_pool_is_seated (priv, i) || priv->board->seats[i].leave
              || priv->roster[i].generation != priv->generation
              || (pass == 0 && mp_pool_board_get_lease (priv->board, i) != 0))
            continue;

          mp_pool_board_store (&priv->board->seats[i].leave, TRUE);
          mp_queue_kick (priv->lanes[MP_POOL_LANE_NORMAL]);
          n_here--;
        }
    }
}

void
mp_pool_enforce (MpPool *self)
{
  MpPoolPrivate *priv = mp_pool_get_private (self);
  g_autoptr (GPtrArray) doomed = g_ptr_array_new_with_free_func (g_object_unref);
  gint64 now = g_get_monotonic_time ();
  gboolean measure = priv->board->rules.memory_limit > 0
                     && now - priv->measured >= MEASURE_INTERVAL;

  if (measure)
    priv->measured = now;

  mp_pool_lock ();
  for (guint i = 0; i < priv->n_seats; i++)
    {
      if (!mp_pool_is_seated (priv, i))
        continue;
      enforce_time (priv, i, now, doomed);
      if (measure)
        enforce_memory (priv, i, doomed);
    }
  if (priv->state == MP_POOL_OPEN)
    send_surplus_home (priv);
  mp_pool_unlock ();

  mp_pool_kill_doomed (doomed);
}
