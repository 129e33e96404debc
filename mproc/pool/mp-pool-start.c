/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * How a worker, a process or a thread, is started and gets its seat. All of it is done by the
 * pool's attendant.
 */

#include "config.h"

#include "mproc/pool/mp-pool-private.h"

#include "mproc/base/mp-error-private.h"
#include "mproc/process/mp-process-private.h"

/* How long to wait after a worker could not be started. */
#define RETRY (100 * G_TIME_SPAN_MILLISECOND)

/* Takes over the name. */
void
mp_pool_note_change (MpPoolNews *news,
                     char       *name,
                     int         pid,
                     gboolean    ended,
                     int         exit_code)
{
  MpPoolChange change = { name, pid, ended, exit_code };

  if (news->changes == NULL)
    news->changes = g_array_new (FALSE, FALSE, sizeof (MpPoolChange));
  g_array_append_val (news->changes, change);
}

static char *
make_handle (MpPoolPrivate *priv,
             guint          seat,
             guint          generation)
{
  g_autofree char *board = mp_shared_get_handle (MP_SHARED (priv->board_object));
  g_autofree char *results = mp_shared_get_handle (MP_SHARED (priv->results));
  GString *handle = g_string_new (board);

  for (guint i = 0; i < MP_POOL_LANES; i++)
    {
      g_autofree char *lane = mp_shared_get_handle (MP_SHARED (priv->lanes[i]));

      g_string_append_printf (handle, ",%s", lane);
    }
  g_string_append_printf (handle, ",%s,%u,%u", results, seat, generation);

  return g_string_free (handle, FALSE);
}

static MpProcess *
start_process (MpPoolPrivate *priv,
               guint          seat,
               guint          generation,
               GError       **error)
{
  g_autofree char *handle = make_handle (priv, seat, generation);
  g_autoptr (MpProcess) process = mp_pool_make_worker (handle, priv->language, priv->start,
                                                      error);

  /* Ctrl-C is for the owner to decide on, from the worker's first instruction. */
  if (process != NULL)
    mp_process_private (process)->deaf_to_interrupts = TRUE;
  if (process == NULL
      || !mp_process_set_daemon (process, TRUE, error)
      || !mp_process_start (process, error))
    return NULL;

  return g_steal_pointer (&process);
}

/* Under the mutex: the next one may do better. */
static void
note_no_start (MpPoolPrivate *priv,
               int           *output)
{
  mp_clear_fd (output);
  priv->failures++;
  g_free (priv->last_failure);
  priv->last_failure = g_strdup (priv->start_error->message);
  priv->retry_at = g_get_monotonic_time () + RETRY;
}

static gboolean
seat_process (MpPoolPrivate *priv,
              guint          seat,
              MpPoolWorker  *worker)
{
  MpProcess *process = start_process (priv, seat, worker->generation, &priv->start_error);

  if (process == NULL)
    return FALSE;

  worker->process = process;
  worker->name = g_strdup (mp_process_get_name (process));
  worker->pid = mp_process_get_pid (process);
  worker->sentinel = mp_process_get_sentinel (process);
  if (priv->board->rules.memory_limit > 0)
    worker->cgroup = mp_worker_enter_cgroup (seat, priv->board->rules.memory_limit, worker->pid);

  return TRUE;
}

static gboolean
seat_thread (MpPoolPrivate *priv,
             guint          seat,
             MpPoolWorker  *worker)
{
  g_autofree char *handle = make_handle (priv, seat, worker->generation);

  worker->thread = mp_pool_thread_start (handle, priv->start, &priv->start_error);
  if (worker->thread == NULL)
    return FALSE;

  worker->name = g_strdup_printf ("PoolThread-%u", seat + 1);
  worker->pid = priv->owner;
  worker->sentinel = -1;

  return TRUE;
}

gboolean
mp_pool_start_worker (MpPool     *self,
                      guint       seat,
                      MpPoolNews *news)
{
  MpPoolPrivate *priv = mp_pool_get_private (self);
  MpPoolWorker worker = { .output = priv->captures ? mp_worker_make_output () : -1 };
  gboolean seated;

  g_clear_error (&priv->start_error);
  mp_pool_board_clear_seat (priv->board, seat);
  priv->board->seats[seat].output = worker.output;
  mp_pool_lock ();
  worker.generation = priv->generation;
  mp_pool_unlock ();

  seated = priv->threads ? seat_thread (priv, seat, &worker) : seat_process (priv, seat, &worker);
  worker.started = g_get_monotonic_time ();

  mp_pool_lock ();
  if (seated)
    {
      mp_pool_note_change (news, g_strdup (worker.name), worker.pid, FALSE, 0);
      priv->roster[seat] = worker;
      priv->roster_serial++;
      priv->retry_at = 0;
    }
  else
    {
      note_no_start (priv, &worker.output);
    }
  mp_pool_wake_contexts (priv);
  mp_pool_unlock ();

  return seated;
}

/* A pool of this type, whose workers are started. */
MpPool *
mp_pool_construct (GType    type,
                   guint    n_workers,
                   GError **error)
{
  g_autoptr (MpPool) self = NULL;
  MpPoolPrivate *priv;

  if (n_workers > MP_POOL_MAX_WORKERS)
    {
      g_set_error (error, MP_ERROR, MP_ERROR_INVALID_ARGUMENT,
                   "A pool has at most %d workers, not %u", MP_POOL_MAX_WORKERS, n_workers);
      return NULL;
    }

  self = g_object_new (type, "n-workers", n_workers, NULL);
  if (!mp_pool_is_owner (self, error))
    return NULL;

  mp_pool_attend (self, FALSE);
  priv = mp_pool_get_private (self);
  if (priv->start_error != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&priv->start_error));
      return NULL;
    }

  return g_steal_pointer (&self);
}
