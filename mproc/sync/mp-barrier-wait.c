/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Waiting at a barrier: blocking, in a main loop, and in pieces for bindings. Each is the same:
 * arrive; the last one runs the action and ends the round, the others wait for its end.
 *
 * The action runs with no lock held: whoever waits can still give up meanwhile, and then breaks the
 * barrier.
 */

#include "config.h"

#include "mproc/sync/mp-barrier-private.h"

#include "mproc/base/mp-error-private.h"
#include "mproc/sync/mp-async-private.h"

typedef struct {
  MpBarrier *self;
  gint64     deadline;
  gboolean   arrived;
  guint32    round;
  guint32    index;
} AsyncWait;

static MpBarrierShared *
get_shared (MpBarrier *self)
{
  return mp_shared_get_data ((MpShared *) self);
}

/* By the last to arrive. */
static gboolean
act_and_end (MpBarrier        *self,
             MpBarrierShared  *barrier,
             guint32           round,
             GError          **error)
{
  g_autoptr (GError) own = NULL;
  gboolean success = mp_barrier_run_action (self, &own);
  MpStatus status = mp_barrier_end (barrier, round, success);

  if (!success && own != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&own));
      return FALSE;
    }

  return mp_status_to_error (status, error);
}

static gint64
deadline_for (MpBarrierShared *barrier,
              double           timeout)
{
  return timeout >= 0 ? mp_deadline_from_seconds (timeout)
                      : mp_deadline_from_usec (barrier->timeout);
}

/* Waits for its turn to arrive, if the action of the round before still runs. */
static MpStatus
arrive (MpBarrierShared    *barrier,
        const MpWaitLimits *limits,
        guint32            *round,
        guint32            *index)
{
  MpStatus status = mp_barrier_arrive (barrier, round, index);

  while (status == MP_STATUS_TIMED_OUT)
    {
      status = mp_barrier_wait_idle (barrier, limits);
      if (status != MP_STATUS_OK)
        return status;
      status = mp_barrier_arrive (barrier, round, index);
    }

  return status;
}

/**
 * mp_barrier_wait:
 * @self: a barrier
 * @timeout: how many seconds to wait; negative for [property@Mp.Barrier:timeout]
 * @cancellable: (nullable): a #GCancellable
 * @error: return location for an error
 *
 * Arrives, and waits until all others have. Who gives up breaks the barrier.
 *
 * Errors: [error@Mp.Error.BROKEN], [error@Mp.Error.TIMED_OUT], `G_IO_ERROR_CANCELLED`,
 * [error@Mp.Error.INVALID_STATE] if the barrier cannot be used in this process, and whatever the
 * action of this process fails with.
 *
 * Returns: how many were there before, different for each of the parties; -1 after an error
 *
 * Since: 0.1
 */
int
mp_barrier_wait (MpBarrier     *self,
                 double         timeout,
                 GCancellable  *cancellable,
                 GError       **error)
{
  MpWaitLimits limits = { MP_DEADLINE_NEVER, cancellable, FALSE };
  MpBarrierShared *barrier;
  guint32 round, index;
  MpStatus status;

  g_return_val_if_fail (MP_IS_BARRIER (self), -1);

  barrier = get_shared (self);
  if (barrier == NULL)
    {
      mp_status_to_error (MP_STATUS_INVALID, error);
      return -1;
    }
  if (g_cancellable_set_error_if_cancelled (cancellable, error))
    return -1;

  limits.deadline = deadline_for (barrier, timeout);
  status = arrive (barrier, &limits, &round, &index);
  if (status == MP_STATUS_OK && index + 1 == barrier->parties)
    return act_and_end (self, barrier, round, error) ? (int) index : -1;
  if (status == MP_STATUS_OK)
    status = mp_barrier_wait_round (barrier, round, &limits);

  return mp_status_to_error (status, error) ? (int) index : -1;
}

/* --- In a main loop ------------------------------------------------------------------------ */

static gboolean
may_go_on (gpointer data)
{
  AsyncWait *async = data;
  MpBarrierShared *barrier = get_shared (async->self);

  if (barrier == NULL)
    return TRUE;

  return async->arrived ? mp_barrier_is_over (barrier, async->round)
                        : mp_barrier_is_idle (barrier);
}

static gboolean
settle (GTask    *task,
        MpStatus  status)
{
  const AsyncWait *async = g_task_get_task_data (task);

  if (status != MP_STATUS_OK)
    return mp_async_settle (task, status);

  g_task_return_int (task, async->index);
  return G_SOURCE_REMOVE;
}

/* The attempt to arrive. */
static gboolean
attempt_arrive (GTask           *task,
                AsyncWait       *async,
                MpBarrierShared *barrier)
{
  MpStatus status = mp_barrier_arrive (barrier, &async->round, &async->index);
  GError *error = NULL;

  if (status != MP_STATUS_OK)
    return settle (task, status);

  async->arrived = TRUE;
  if (async->index + 1 < barrier->parties)
    return G_SOURCE_CONTINUE;

  if (act_and_end (async->self, barrier, async->round, &error))
    g_task_return_int (task, async->index);
  else
    g_task_return_error (task, error);
  return G_SOURCE_REMOVE;
}

static gboolean
attempt_wait (gpointer task)
{
  AsyncWait *async = g_task_get_task_data (task);
  MpBarrierShared *barrier = get_shared (async->self);
  gboolean cancelled = g_cancellable_is_cancelled (g_task_get_cancellable (task));
  MpStatus status;

  if (barrier == NULL)
    return settle (task, MP_STATUS_INVALID);
  if (!async->arrived && !cancelled &&
      attempt_arrive (task, async, barrier) == G_SOURCE_REMOVE)
    return G_SOURCE_REMOVE;

  status = async->arrived ? mp_barrier_outcome (barrier, async->round) : MP_STATUS_TIMED_OUT;
  if (status != MP_STATUS_TIMED_OUT)
    return settle (task, status);
  if (!cancelled && async->deadline > g_get_monotonic_time ())
    return G_SOURCE_CONTINUE;

  if (async->arrived && mp_barrier_leave (barrier, async->round) == MP_STATUS_OK)
    return settle (task, MP_STATUS_OK);
  if (!g_task_return_error_if_cancelled (task))
    g_task_return_new_error (task, MP_ERROR, MP_ERROR_TIMED_OUT, "The operation timed out");
  return G_SOURCE_REMOVE;
}

/**
 * mp_barrier_wait_async:
 * @self: a barrier
 * @cancellable: (nullable): a #GCancellable
 * @callback: (scope async): called in the thread-default main context when there is a result
 * @user_data: data for @callback
 *
 * Arrives, and waits until all others have, without blocking: [method@Mp.Barrier.wait] for main
 * loops, with [property@Mp.Barrier:timeout]. The party is the thread that calls this: if it ends
 * the barrier is broken. Cancelling breaks it, too.
 *
 * Since: 0.1
 */
void
mp_barrier_wait_async (MpBarrier           *self,
                       GCancellable        *cancellable,
                       GAsyncReadyCallback  callback,
                       gpointer             user_data)
{
  g_autoptr (GTask) task = NULL;
  MpBarrierShared *barrier;
  AsyncWait *async;

  g_return_if_fail (MP_IS_BARRIER (self));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, mp_barrier_wait_async);
  g_task_set_check_cancellable (task, FALSE);
  barrier = get_shared (self);
  async = g_new0 (AsyncWait, 1);
  async->self = self;
  async->deadline = barrier != NULL ? deadline_for (barrier, -1) : MP_DEADLINE_NEVER;
  g_task_set_task_data (task, async, g_free);
  mp_async_wait (task, may_go_on, async, async->deadline, attempt_wait);
}

/**
 * mp_barrier_wait_finish:
 * @self: a barrier
 * @result: what the callback got
 * @error: return location for an error
 *
 * Finishes [method@Mp.Barrier.wait_async].
 *
 * Errors: those of [method@Mp.Barrier.wait].
 *
 * Returns: how many were there before, or -1 after an error
 *
 * Since: 0.1
 */
int
mp_barrier_wait_finish (MpBarrier     *self,
                        GAsyncResult  *result,
                        GError       **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), -1);

  return (int) g_task_propagate_int (G_TASK (result), error);
}

/* --- For bindings -------------------------------------------------------------------------- */

/**
 * mp_barrier_wait_begin:
 * @self: a barrier
 * @usec: how many microseconds to wait if the action of the round before still runs; negative for
 *   no limit
 * @ticket: (out): what the calls that follow need
 * @index: (out): how many were there before
 *
 * Arrives. For language bindings: if all have arrived now (@index is the number of parties less
 * one), run the action and call [method@Mp.Barrier.wait_end]. Else [method@Mp.Barrier.wait_raw]
 * follows until it is not interrupted, or [method@Mp.Barrier.wait_end] to give up.
 *
 * Returns: an [enum@Mp.Status]: `OK`; `BROKEN`; `TIMED_OUT`, `INTERRUPTED` (call again) and
 *   `INVALID`, without having arrived
 *
 * Since: 0.1
 */
int
mp_barrier_wait_begin (MpBarrier *self,
                       gint64     usec,
                       guint     *ticket,
                       guint     *index)
{
  MpWaitLimits limits = { mp_deadline_from_usec (usec), NULL, TRUE };
  MpBarrierShared *barrier = get_shared (self);

  *ticket = *index = 0;
  return barrier != NULL ? arrive (barrier, &limits, ticket, index) : MP_STATUS_INVALID;
}

/**
 * mp_barrier_wait_raw:
 * @self: a barrier
 * @ticket: from [method@Mp.Barrier.wait_begin]
 * @usec: how many microseconds to wait; negative for no limit
 *
 * Waits until all have arrived. For language bindings.
 *
 * Returns: an [enum@Mp.Status]: `OK`; `BROKEN`; `TIMED_OUT`, which has broken the barrier;
 *   `INVALID`; or `INTERRUPTED`, at the latest after a tenth of a second: then call again
 *
 * Since: 0.1
 */
int
mp_barrier_wait_raw (MpBarrier *self,
                     guint      ticket,
                     gint64     usec)
{
  MpWaitLimits limits = { mp_deadline_from_usec (usec), NULL, TRUE };
  MpBarrierShared *barrier = get_shared (self);

  return barrier != NULL ? mp_barrier_wait_round (barrier, ticket, &limits) : MP_STATUS_INVALID;
}

/**
 * mp_barrier_wait_end:
 * @self: a barrier
 * @ticket: from [method@Mp.Barrier.wait_begin]
 * @success: %TRUE by the last to arrive, if its action did not fail
 *
 * Releases all who wait if @success is %TRUE, else breaks the barrier. For language bindings.
 *
 * Returns: an [enum@Mp.Status]: `OK` if all were released, `BROKEN`, `INVALID`
 *
 * Since: 0.1
 */
int
mp_barrier_wait_end (MpBarrier *self,
                     guint      ticket,
                     gboolean   success)
{
  MpBarrierShared *barrier = get_shared (self);

  return barrier != NULL ? mp_barrier_end (barrier, ticket, success) : MP_STATUS_INVALID;
}
