/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * What a pool's program may set and see while it works: how many workers, the rules for them, and
 * how many tasks there are.
 *
 * The rules stand on the board, where every worker reads them. They may be set before the board is
 * there, as properties of construction; until then they are kept aside.
 */

#include "config.h"

#include "mproc/pool/mp-pool-private.h"

#include "mproc/pool/mp-result-private.h"
#include "mproc/process/mp-function-private.h"

static MpPoolRules *
get_rules (MpPoolPrivate *priv)
{
  return priv->board != NULL ? &priv->board->rules : &priv->wanted;
}

/* ── Workers ────────────────────────────────────────────────────────────────────────────────── */

/**
 * mp_pool_set_n_workers: (set-property n-workers)
 * @self: a pool
 * @n_workers: how many workers, at most 1000; 0 for as many as there are CPUs that this process
 *   may use
 *
 * Sets how many workers the pool has, while it works.
 *
 * New ones are started now. Those too many leave, when they have finished the task that they run.
 *
 * Since: 0.1
 */
void
mp_pool_set_n_workers (MpPool *self,
                       guint   n_workers)
{
  MpPoolPrivate *priv;
  gboolean changed;

  g_return_if_fail (MP_IS_POOL (self));

  priv = mp_pool_get_private (self);
  if (priv->board == NULL)
    {
      priv->n_workers = n_workers;
      return;
    }
  if (!mp_pool_is_owner (self, NULL))
    return;

  n_workers = CLAMP (n_workers == 0 ? mp_get_usable_cpus () : n_workers, 1, MP_POOL_MAX_WORKERS);
  mp_pool_lock ();
  changed = priv->n_workers != n_workers;
  priv->n_workers = n_workers;
  priv->n_seats = MAX (priv->n_seats, MP_POOL_SEATS (n_workers));
  mp_pool_unlock ();

  g_atomic_int_set (&priv->urgent, TRUE);
  mp_pool_attend (self, FALSE);
  if (changed)
    mp_pool_notify_n_workers (self);
}

/**
 * mp_pool_get_worker_language: (get-property worker-language)
 * @self: a pool
 *
 * Gets which language the workers speak.
 *
 * Returns: (nullable): its name, or %NULL for that of the program
 *
 * Since: 0.1
 */
const char *
mp_pool_get_worker_language (MpPool *self)
{
  g_return_val_if_fail (MP_IS_POOL (self), NULL);

  return mp_pool_get_private (self)->language;
}

/**
 * mp_pool_set_worker_language: (set-property worker-language)
 * @self: a pool
 * @language: (nullable): "python", "gjs", "native" for C, another one for which
 *   [func@Mp.Process.set_worker_command] was called, or %NULL for that of the program
 *
 * Sets which language the workers speak. Those that there are are replaced.
 *
 * Their functions are given by name, [method@Mp.Pool.submit_named]: one that is registered in the
 * worker, in C also `/path/library.so:function`, in Python also `module:function` or
 * `/path/module.py:function`, in JavaScript also `file:///path/module.js#function`.
 * Values travel by the common model.
 *
 * Since: 0.1
 */
void
mp_pool_set_worker_language (MpPool     *self,
                             const char *language)
{
  MpPoolPrivate *priv;
  gboolean changed, started;

  g_return_if_fail (MP_IS_POOL (self));

  priv = mp_pool_get_private (self);
  language = g_intern_string (language);
  mp_pool_lock ();
  changed = priv->language != language;
  priv->language = language;
  started = priv->board != NULL && mp_pool_has_workers (priv);
  mp_pool_unlock ();

  if (started && changed)
    mp_pool_renew (self, NULL);
  if (changed)
    mp_pool_notify_language (self);
}

static void
free_start (gpointer data)
{
  MpWorkerStart *start = data;

  g_bytes_unref (start->function);
  g_clear_pointer (&start->argument, g_variant_unref);
  g_free (start);
}

void
mp_pool_drop_starts (MpPoolPrivate *priv)
{
  g_clear_pointer (&priv->start, free_start);
  g_slist_free_full (g_steal_pointer (&priv->old_starts), free_start);
}

static MpWorkerStart *
start_new (MpTaskFunc   func,
           GVariant    *argument,
           GError     **error)
{
  GBytes *function = mp_function_describe (func, error);
  MpWorkerStart *start;

  if (function == NULL)
    return NULL;

  start = g_new0 (MpWorkerStart, 1);
  start->kind = MP_FUNCTION_SYMBOL;
  start->function = function;
  start->argument = g_variant_ref (argument);

  return start;
}

/**
 * mp_pool_set_initializer:
 * @self: a pool
 * @func: (scope forever) (nullable): the function, or %NULL for none
 * @argument: (nullable): its argument; a floating reference is sunk
 * @error: return location for an error
 *
 * Sets what each worker runs before its first task. The workers that there are are replaced.
 *
 * What it returns is dropped. If it fails, so does each task of that worker, with the error of the
 * initializer. It holds for workers of C; a language has its own way.
 *
 * It fails as [method@Mp.Pool.renew] does, and with [error@Mp.Error.NOT_SUPPORTED] if @func was
 * made at run time.
 *
 * Returns: %TRUE, or %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
mp_pool_set_initializer (MpPool      *self,
                         MpTaskFunc   func,
                         GVariant    *argument,
                         GError     **error)
{
  g_autoptr (GVariant) held = NULL;
  MpPoolPrivate *priv;
  MpWorkerStart *start = NULL;

  g_return_val_if_fail (MP_IS_POOL (self), FALSE);

  held = g_variant_ref_sink (argument != NULL
                               ? argument : g_variant_new_maybe (G_VARIANT_TYPE_VARIANT, NULL));
  if (!mp_pool_is_owner (self, error))
    return FALSE;
  if (func != NULL)
    {
      start = start_new (func, held, error);
      if (start == NULL)
        return FALSE;
    }

  priv = mp_pool_get_private (self);
  mp_pool_lock ();
  if (priv->start != NULL)
    priv->old_starts = g_slist_prepend (priv->old_starts, priv->start);
  priv->start = start;
  mp_pool_unlock ();

  return mp_pool_renew (self, error);
}

/* ── Rules ──────────────────────────────────────────────────────────────────────────────────── */

/**
 * mp_pool_get_max_tasks_per_worker: (get-property max-tasks-per-worker)
 * @self: a pool
 *
 * Gets after how many tasks a worker ends and another takes its place.
 *
 * Returns: the number; 0 for no bound
 *
 * Since: 0.1
 */
guint
mp_pool_get_max_tasks_per_worker (MpPool *self)
{
  g_return_val_if_fail (MP_IS_POOL (self), 0);

  return get_rules (mp_pool_get_private (self))->max_tasks;
}

/**
 * mp_pool_set_max_tasks_per_worker: (set-property max-tasks-per-worker)
 * @self: a pool
 * @max_tasks: the number; 0 for no bound
 *
 * Sets after how many tasks a worker ends and another takes its place.
 *
 * Since: 0.1
 */
void
mp_pool_set_max_tasks_per_worker (MpPool *self,
                                  guint   max_tasks)
{
  g_return_if_fail (MP_IS_POOL (self));

  mp_pool_board_store (&get_rules (mp_pool_get_private (self))->max_tasks, max_tasks);
}

/**
 * mp_pool_get_max_worker_memory: (get-property max-worker-memory)
 * @self: a pool
 *
 * Gets with how many resident bytes after a task a worker ends and another takes its place.
 *
 * Returns: bytes; 0 for no bound
 *
 * Since: 0.1
 */
guint64
mp_pool_get_max_worker_memory (MpPool *self)
{
  g_return_val_if_fail (MP_IS_POOL (self), 0);

  return get_rules (mp_pool_get_private (self))->max_memory;
}

/**
 * mp_pool_set_max_worker_memory: (set-property max-worker-memory)
 * @self: a pool
 * @bytes: bytes; 0 for no bound
 *
 * Sets with how many resident bytes after a task a worker ends and another takes its place.
 *
 * Since: 0.1
 */
void
mp_pool_set_max_worker_memory (MpPool  *self,
                               guint64  bytes)
{
  g_return_if_fail (MP_IS_POOL (self));

  __atomic_store_n (&get_rules (mp_pool_get_private (self))->max_memory, bytes, __ATOMIC_SEQ_CST);
}

/**
 * mp_pool_get_memory_limit: (get-property memory-limit)
 * @self: a pool
 *
 * Gets how many resident bytes a worker may have.
 *
 * Returns: bytes; 0 for no limit
 *
 * Since: 0.1
 */
guint64
mp_pool_get_memory_limit (MpPool *self)
{
  g_return_val_if_fail (MP_IS_POOL (self), 0);

  return get_rules (mp_pool_get_private (self))->memory_limit;
}

/**
 * mp_pool_set_memory_limit: (set-property memory-limit)
 * @self: a pool
 * @bytes: bytes; 0 for no limit
 *
 * Sets how many resident bytes a worker may have.
 *
 * One that has more while it runs a task is killed, within a few hundredths of a second, whatever
 * anybody else does meanwhile. Where the program may make control groups that bound memory, each
 * worker that is started afterwards is in one of its own, and the kernel keeps the limit.
 *
 * Since: 0.1
 */
void
mp_pool_set_memory_limit (MpPool  *self,
                          guint64  bytes)
{
  MpPoolPrivate *priv;

  g_return_if_fail (MP_IS_POOL (self));

  priv = mp_pool_get_private (self);
  mp_pool_lock ();
  __atomic_store_n (&get_rules (priv)->memory_limit, bytes, __ATOMIC_SEQ_CST);
  mp_pool_wake_contexts (priv);
  mp_pool_unlock ();
}

/**
 * mp_pool_get_idle_timeout: (get-property idle-timeout)
 * @self: a pool
 *
 * Gets after how many seconds without a task a worker ends.
 *
 * Returns: seconds; 0 for never
 *
 * Since: 0.1
 */
double
mp_pool_get_idle_timeout (MpPool *self)
{
  g_return_val_if_fail (MP_IS_POOL (self), 0);

  return get_rules (mp_pool_get_private (self))->idle_usec / (double) G_USEC_PER_SEC;
}

/**
 * mp_pool_set_idle_timeout: (set-property idle-timeout)
 * @self: a pool
 * @seconds: seconds; 0 for never
 *
 * Sets after how many seconds without a task a worker ends.
 *
 * Since: 0.1
 */
void
mp_pool_set_idle_timeout (MpPool *self,
                          double  seconds)
{
  gint64 usec = seconds > 0 ? (gint64) MAX (1, MIN (seconds, 1e9) * G_USEC_PER_SEC) : 0;

  g_return_if_fail (MP_IS_POOL (self));

  __atomic_store_n (&get_rules (mp_pool_get_private (self))->idle_usec, usec, __ATOMIC_SEQ_CST);
}

/**
 * mp_pool_get_max_pending: (get-property max-pending)
 * @self: a pool
 *
 * Gets how many tasks may be given and not done.
 *
 * Returns: the number; 0 for no bound
 *
 * Since: 0.1
 */
guint
mp_pool_get_max_pending (MpPool *self)
{
  g_return_val_if_fail (MP_IS_POOL (self), 0);

  return mp_pool_get_private (self)->max_pending;
}

/**
 * mp_pool_set_max_pending: (set-property max-pending)
 * @self: a pool
 * @max_pending: the number; 0 for no bound
 *
 * Sets how many tasks may be given and not done. Who gives one more waits for room.
 *
 * Since: 0.1
 */
void
mp_pool_set_max_pending (MpPool *self,
                         guint   max_pending)
{
  g_return_if_fail (MP_IS_POOL (self));

  mp_pool_lock ();
  mp_pool_get_private (self)->max_pending = max_pending;
  mp_pool_unlock ();
}

/**
 * mp_pool_get_capture_output: (get-property capture-output)
 * @self: a pool
 *
 * Gets whether what tasks print goes to [property@Mp.Result:output].
 *
 * Returns: %TRUE if it does
 *
 * Since: 0.1
 */
gboolean
mp_pool_get_capture_output (MpPool *self)
{
  g_return_val_if_fail (MP_IS_POOL (self), FALSE);

  return mp_pool_get_private (self)->captures;
}

/**
 * mp_pool_set_capture_output: (set-property capture-output)
 * @self: a pool
 * @capture: whether it does
 *
 * Sets whether what tasks print goes to [property@Mp.Result:output]; for workers that are started
 * afterwards.
 *
 * Since: 0.1
 */
void
mp_pool_set_capture_output (MpPool   *self,
                            gboolean  capture)
{
  g_return_if_fail (MP_IS_POOL (self));

  mp_pool_lock ();
  mp_pool_get_private (self)->captures = !!capture;
  mp_pool_unlock ();
}

/**
 * mp_pool_get_trace: (get-property trace)
 * @self: a pool
 *
 * Gets whether the pool notes when each task began and ended.
 *
 * Returns: %TRUE if it does
 *
 * Since: 0.1
 */
gboolean
mp_pool_get_trace (MpPool *self)
{
  g_return_val_if_fail (MP_IS_POOL (self), FALSE);

  return get_rules (mp_pool_get_private (self))->timed != 0;
}

/**
 * mp_pool_set_trace: (set-property trace)
 * @self: a pool
 * @trace: whether it does
 *
 * Sets whether the pool notes when each task began and ended, for [method@Mp.Pool.save_trace].
 *
 * Since: 0.1
 */
void
mp_pool_set_trace (MpPool   *self,
                   gboolean  trace)
{
  g_return_if_fail (MP_IS_POOL (self));

  mp_pool_board_store (&get_rules (mp_pool_get_private (self))->timed, !!trace);
}
