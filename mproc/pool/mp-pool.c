/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/**
 * MpPool:
 *
 * A pool of worker processes that run tasks.
 *
 * A task is a function and an argument. It goes through shared memory to whichever worker is idle,
 * and what the function returns comes back as a [class@Mp.Result]. A task that fails gives its own
 * error to its own caller; all other tasks are not affected. A worker that ends in the middle of a
 * task, by a crash or by SIGKILL, is replaced, and the caller of its task gets
 * [error@Mp.Error.WORKER_DIED].
 *
 * The pool starts no threads. Results are taken in, and workers replaced, when the program does
 * something with the pool: when it waits for a result, gives a task, or runs the main context in
 * which it has an asynchronous operation waiting.
 *
 * A pool can be used by all threads of the process that made it, but by no other process: there,
 * calls fail with [error@Mp.Error.INVALID_STATE].
 *
 * Dropping the last reference is as [method@Mp.Pool.terminate].
 *
 * Since: 0.1
 */

/*
 * The public face: construction, ending, and what bindings set. Tasks are given in mp-pool-tasks.c,
 * results gathered in mp-pool-gather.c, workers looked after in mp-pool-supervise.c. The rules of
 * threads and locking are in mp-pool-private.h.
 */

#include "config.h"

#include "mproc/pool/mp-pool-private.h"


#include "mproc/pool/mp-result-private.h"

enum
{
  PROP_0,
  PROP_N_WORKERS,
  PROP_MAX_TASKS_PER_WORKER,
  PROP_MAX_WORKER_MEMORY,
  PROP_MEMORY_LIMIT,
  PROP_IDLE_TIMEOUT,
  PROP_MAX_PENDING,
  PROP_CAPTURE_OUTPUT,
  PROP_TRACE,
  PROP_WORKER_LANGUAGE,
  PROP_N_QUEUED,
  PROP_N_RUNNING,
  PROP_N_DONE,
  PROP_N_FAILED,
  PROP_N_RETRIED,
  PROP_PROGRESS,
  N_PROPS,
};

enum
{
  WORKER_STARTED,
  WORKER_ENDED,
  TASK_OUTPUT,
  N_SIGNALS,
};

static guint signals[N_SIGNALS];
static GParamSpec *props[N_PROPS];

G_DEFINE_TYPE_WITH_PRIVATE (MpPool, mp_pool, G_TYPE_OBJECT)

MpPoolPrivate *
mp_pool_get_private (MpPool *self)
{
  return mp_pool_get_instance_private (self);
}

/* Whether this is the process that made it, and it could be made. */
gboolean
mp_pool_is_owner (MpPool  *self,
                  GError **error)
{
  MpPoolPrivate *priv = mp_pool_get_private (self);

  if (priv->owner != mp_pool_this_process)
    {
      g_set_error (error, MP_ERROR, MP_ERROR_INVALID_STATE,
                   "The pool belongs to process %d and cannot be used in another", priv->owner);
      return FALSE;
    }

  if (priv->construct_error != NULL)
    {
      if (error != NULL)
        *error = g_error_copy (priv->construct_error);
      return FALSE;
    }

  return TRUE;
}

/* ── Construction ───────────────────────────────────────────────────────────────────────────── */

static gboolean
make_lanes (MpPoolPrivate  *priv,
            GError        **error)
{
  for (guint i = 0; i < MP_POOL_LANES; i++)
    {
      priv->lanes[i] = mp_queue_new (0, error);
      if (priv->lanes[i] == NULL)
        return FALSE;
    }

  return TRUE;
}

static gboolean
make_shared_parts (MpPoolPrivate  *priv,
                   GError        **error)
{
  if (priv->n_workers == 0)
    priv->n_workers = mp_get_usable_cpus ();
  priv->n_workers = CLAMP (priv->n_workers, 1, MP_POOL_MAX_WORKERS);
  priv->n_seats = MP_POOL_SEATS (priv->n_workers);

  priv->board_object = mp_pool_board_new (error);
  if (priv->board_object == NULL)
    return FALSE;

  priv->board = mp_pool_board_get_data (priv->board_object);
  if (!make_lanes (priv, error))
    return FALSE;

  priv->results = mp_queue_new (0, error);

  return priv->results != NULL;
}

static void
mp_pool_constructed (GObject *object)
{
  MpPoolPrivate *priv = mp_pool_get_private (MP_POOL (object));
  MpPoolRules wanted = priv->wanted;

  G_OBJECT_CLASS (mp_pool_parent_class)->constructed (object);

  if (make_shared_parts (priv, &priv->construct_error))
    {
      wanted.owner = priv->owner;
      priv->board->rules = wanted;
    }
}

static void
mp_pool_dispose (GObject *object)
{
  mp_pool_terminate (MP_POOL (object));

  G_OBJECT_CLASS (mp_pool_parent_class)->dispose (object);
}

/* In a forked child, only memory is given back: workers and their seats are not the child's, and
 * a thread that is not there any more may have been in the middle of anything but what the mutex
 * guards. */
static void
mp_pool_finalize (GObject *object)
{
  MpPoolPrivate *priv = mp_pool_get_private (MP_POOL (object));

  if (priv->owner == mp_pool_this_process)
    {
      g_clear_object (&priv->results);
      for (guint i = 0; i < MP_POOL_LANES; i++)
        g_clear_object (&priv->lanes[i]);
      g_clear_object (&priv->board_object);
      mp_waiting_clear (&priv->waiting);
      mp_pool_drop_starts (priv);
      g_clear_pointer (&priv->trace, mp_pool_trace_free);
      g_clear_pointer (&priv->references, g_hash_table_unref);
      g_clear_pointer (&priv->names, g_hash_table_unref);
      g_clear_pointer (&priv->watches, g_ptr_array_unref);
      g_clear_pointer (&priv->roster, g_free);
      g_clear_pointer (&priv->last_failure, g_free);
      g_clear_error (&priv->start_error);
      g_clear_error (&priv->construct_error);
      g_clear_pointer (&priv->link, mp_pool_link_unref);
      g_cond_clear (&priv->changed);
    }

  G_OBJECT_CLASS (mp_pool_parent_class)->finalize (object);
}

static void
mp_pool_get_property (GObject    *object,
                      guint       prop_id,
                      GValue     *value,
                      GParamSpec *pspec)
{
  MpPool *self = MP_POOL (object);

  switch (prop_id)
    {
    case PROP_N_WORKERS:
      g_value_set_uint (value, mp_pool_get_n_workers (self));
      break;
    case PROP_MAX_TASKS_PER_WORKER:
      g_value_set_uint (value, mp_pool_get_max_tasks_per_worker (self));
      break;
    case PROP_MAX_WORKER_MEMORY:
      g_value_set_uint64 (value, mp_pool_get_max_worker_memory (self));
      break;
    case PROP_MEMORY_LIMIT:
      g_value_set_uint64 (value, mp_pool_get_memory_limit (self));
      break;
    case PROP_IDLE_TIMEOUT:
      g_value_set_double (value, mp_pool_get_idle_timeout (self));
      break;
    case PROP_MAX_PENDING:
      g_value_set_uint (value, mp_pool_get_max_pending (self));
      break;
    case PROP_CAPTURE_OUTPUT:
      g_value_set_boolean (value, mp_pool_get_capture_output (self));
      break;
    case PROP_TRACE:
      g_value_set_boolean (value, mp_pool_get_trace (self));
      break;
    case PROP_WORKER_LANGUAGE:
      g_value_set_string (value, mp_pool_get_worker_language (self));
      break;
    case PROP_N_QUEUED:
      g_value_set_uint (value, mp_pool_get_n_queued (self));
      break;
    case PROP_N_RUNNING:
      g_value_set_uint (value, mp_pool_get_n_running (self));
      break;
    case PROP_N_DONE:
      g_value_set_uint64 (value, mp_pool_get_n_done (self));
      break;
    case PROP_N_FAILED:
      g_value_set_uint64 (value, mp_pool_get_n_failed (self));
      break;
    case PROP_N_RETRIED:
      g_value_set_uint64 (value, mp_pool_get_n_retried (self));
      break;
    case PROP_PROGRESS:
      g_value_set_double (value, mp_pool_get_progress (self));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
mp_pool_set_property (GObject      *object,
                      guint         prop_id,
                      const GValue *value,
                      GParamSpec   *pspec)
{
  MpPool *self = MP_POOL (object);

  switch (prop_id)
    {
    case PROP_N_WORKERS:
      mp_pool_set_n_workers (self, g_value_get_uint (value));
      break;
    case PROP_MAX_TASKS_PER_WORKER:
      mp_pool_set_max_tasks_per_worker (self, g_value_get_uint (value));
      break;
    case PROP_MAX_WORKER_MEMORY:
      mp_pool_set_max_worker_memory (self, g_value_get_uint64 (value));
      break;
    case PROP_MEMORY_LIMIT:
      mp_pool_set_memory_limit (self, g_value_get_uint64 (value));
      break;
    case PROP_IDLE_TIMEOUT:
      mp_pool_set_idle_timeout (self, g_value_get_double (value));
      break;
    case PROP_MAX_PENDING:
      mp_pool_set_max_pending (self, g_value_get_uint (value));
      break;
    case PROP_CAPTURE_OUTPUT:
      mp_pool_set_capture_output (self, g_value_get_boolean (value));
      break;
    case PROP_TRACE:
      mp_pool_set_trace (self, g_value_get_boolean (value));
      break;
    case PROP_WORKER_LANGUAGE:
      mp_pool_set_worker_language (self, g_value_get_string (value));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

#define RW (G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS)
#define RO (G_PARAM_READABLE | G_PARAM_STATIC_STRINGS)

static void
add_worker_rules (void)
{
  /**
   * MpPool:n-workers: (getter get_n_workers) (setter set_n_workers)
   *
   * How many workers the pool has; when it is made, 0 stands for as many as there are CPUs that
   * this process may use.
   *
   * Since: 0.1
   */
  props[PROP_N_WORKERS] =
    g_param_spec_uint ("n-workers", NULL, NULL, 0, MP_POOL_MAX_WORKERS, 0,
                       G_PARAM_READWRITE | G_PARAM_CONSTRUCT | G_PARAM_EXPLICIT_NOTIFY
                         | G_PARAM_STATIC_STRINGS);

  /**
   * MpPool:max-tasks-per-worker: (getter get_max_tasks_per_worker)
   *   (setter set_max_tasks_per_worker)
   *
   * After how many tasks a worker ends and another takes its place; 0 for no bound.
   *
   * Since: 0.1
   */
  props[PROP_MAX_TASKS_PER_WORKER] =
    g_param_spec_uint ("max-tasks-per-worker", NULL, NULL, 0, G_MAXUINT, 0, RW);

  /**
   * MpPool:max-worker-memory: (getter get_max_worker_memory) (setter set_max_worker_memory)
   *
   * With how many resident bytes after a task a worker ends and another takes its place; 0 for no
   * bound.
   *
   * Since: 0.1
   */
  props[PROP_MAX_WORKER_MEMORY] =
    g_param_spec_uint64 ("max-worker-memory", NULL, NULL, 0, G_MAXUINT64, 0, RW);

  /**
   * MpPool:memory-limit: (getter get_memory_limit) (setter set_memory_limit)
   *
   * How many resident bytes a worker may have; 0 for no limit. One that has more is killed, and its
   * task fails with [error@Mp.Error.MEMORY_LIMIT]. The pool looks several times a second, while
   * somebody waits for it; between two looks a worker can grow further.
   *
   * Since: 0.1
   */
  props[PROP_MEMORY_LIMIT] =
    g_param_spec_uint64 ("memory-limit", NULL, NULL, 0, G_MAXUINT64, 0, RW);
}

static void
add_task_rules (void)
{
  /**
   * MpPool:idle-timeout: (getter get_idle_timeout) (setter set_idle_timeout)
   *
   * After how many seconds without a task a worker ends; 0 for never. Then workers are only started
   * when there are tasks for them.
   *
   * Since: 0.1
   */
  props[PROP_IDLE_TIMEOUT] =
    g_param_spec_double ("idle-timeout", NULL, NULL, 0, G_MAXDOUBLE, 0, RW);

  /**
   * MpPool:max-pending: (getter get_max_pending) (setter set_max_pending)
   *
   * How many tasks may be given and not done; 0 for no bound. Who gives one more waits.
   *
   * Since: 0.1
   */
  props[PROP_MAX_PENDING] =
    g_param_spec_uint ("max-pending", NULL, NULL, 0, G_MAXUINT, 0, RW);

  /**
   * MpPool:capture-output: (getter get_capture_output) (setter set_capture_output)
   *
   * Whether what tasks print goes to [property@Mp.Result:output] instead of to where the program
   * prints. It holds for workers that are started afterwards.
   *
   * Since: 0.1
   */
  props[PROP_CAPTURE_OUTPUT] =
    g_param_spec_boolean ("capture-output", NULL, NULL, FALSE, RW);

  /**
   * MpPool:trace: (getter get_trace) (setter set_trace)
   *
   * Whether the pool notes when each task began and ended, for [method@Mp.Pool.save_trace].
   *
   * Since: 0.1
   */
  props[PROP_TRACE] =
    g_param_spec_boolean ("trace", NULL, NULL, FALSE, RW);

  /**
   * MpPool:worker-language: (getter get_worker_language) (setter set_worker_language)
   *
   * Which language the workers speak; %NULL for that of the program.
   *
   * Since: 0.1
   */
  props[PROP_WORKER_LANGUAGE] =
    g_param_spec_string ("worker-language", NULL, NULL, NULL, RW);
}

static void
add_counts_of_now (void)
{
  /**
   * MpPool:n-queued: (getter get_n_queued)
   *
   * How many tasks wait for a worker.
   *
   * Since: 0.1
   */
  props[PROP_N_QUEUED] =
    g_param_spec_uint ("n-queued", NULL, NULL, 0, G_MAXUINT, 0, RO);

  /**
   * MpPool:n-running: (getter get_n_running)
   *
   * How many tasks are at work.
   *
   * Since: 0.1
   */
  props[PROP_N_RUNNING] =
    g_param_spec_uint ("n-running", NULL, NULL, 0, G_MAXUINT, 0, RO);
}

static void
add_counts (void)
{
  /**
   * MpPool:n-done: (getter get_n_done)
   *
   * How many tasks have given a value.
   *
   * Since: 0.1
   */
  props[PROP_N_DONE] =
    g_param_spec_uint64 ("n-done", NULL, NULL, 0, G_MAXUINT64, 0, RO);

  /**
   * MpPool:n-failed: (getter get_n_failed)
   *
   * How many tasks have failed.
   *
   * Since: 0.1
   */
  props[PROP_N_FAILED] =
    g_param_spec_uint64 ("n-failed", NULL, NULL, 0, G_MAXUINT64, 0, RO);

  /**
   * MpPool:n-retried: (getter get_n_retried)
   *
   * How often a task was tried again.
   *
   * Since: 0.1
   */
  props[PROP_N_RETRIED] =
    g_param_spec_uint64 ("n-retried", NULL, NULL, 0, G_MAXUINT64, 0, RO);

  /**
   * MpPool:progress: (getter get_progress)
   *
   * How much is done of what was given since the pool last had nothing to do, from 0 to 1.
   *
   * Since: 0.1
   */
  props[PROP_PROGRESS] =
    g_param_spec_double ("progress", NULL, NULL, 0, 1, 0, RO);
}

static void
add_signals (void)
{
  /**
   * MpPool::worker-started:
   * @self: the pool
   * @pid: the worker's process id
   * @name: its name
   *
   * A worker was started.
   *
   * This and the other signals are emitted in the thread that looks after the pool just then.
   *
   * Since: 0.1
   */
  signals[WORKER_STARTED] =
    g_signal_new ("worker-started", MP_TYPE_POOL, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                  G_TYPE_NONE, 2, G_TYPE_INT, G_TYPE_STRING);

  /**
   * MpPool::worker-ended:
   * @self: the pool
   * @pid: the worker's process id
   * @name: its name
   * @exit_code: its exit code, or minus the number of the signal that ended it
   *
   * A worker has ended, for whatever reason.
   *
   * Since: 0.1
   */
  signals[WORKER_ENDED] =
    g_signal_new ("worker-ended", MP_TYPE_POOL, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                  G_TYPE_NONE, 3, G_TYPE_INT, G_TYPE_STRING, G_TYPE_INT);

  /**
   * MpPool::task-output:
   * @self: the pool
   * @result: the task's result, which may not be ready yet
   *
   * A task printed something; see [property@Mp.Result:output].
   *
   * Since: 0.1
   */
  signals[TASK_OUTPUT] =
    g_signal_new ("task-output", MP_TYPE_POOL, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                  G_TYPE_NONE, 1, MP_TYPE_RESULT);
}

static void
mp_pool_class_init (MpPoolClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->constructed = mp_pool_constructed;
  object_class->dispose = mp_pool_dispose;
  object_class->finalize = mp_pool_finalize;
  object_class->get_property = mp_pool_get_property;
  object_class->set_property = mp_pool_set_property;

  add_worker_rules ();
  add_task_rules ();
  add_counts_of_now ();
  add_counts ();
  g_object_class_install_properties (object_class, N_PROPS, props);
  add_signals ();
}

void
mp_pool_emit_worker (MpPool             *self,
                     const MpPoolChange *change)
{
  if (change->ended)
    g_signal_emit (self, signals[WORKER_ENDED], 0, change->pid, change->name, change->exit_code);
  else
    g_signal_emit (self, signals[WORKER_STARTED], 0, change->pid, change->name);
}

void
mp_pool_emit_output (MpPool   *self,
                     MpResult *result)
{
  g_signal_emit (self, signals[TASK_OUTPUT], 0, result);
}

void
mp_pool_notify_counts (MpPool *self)
{
  for (guint i = PROP_N_QUEUED; i < N_PROPS; i++)
    g_object_notify_by_pspec (G_OBJECT (self), props[i]);
}

void
mp_pool_notify_language (MpPool *self)
{
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_WORKER_LANGUAGE]);
}

void
mp_pool_notify_n_workers (MpPool *self)
{
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_N_WORKERS]);
}

static void
mp_pool_init (MpPool *self)
{
  MpPoolPrivate *priv = mp_pool_get_private (self);

  priv->owner = mp_pool_this_process;
  priv->link = mp_pool_link_new (self);
  mp_waiting_init (&priv->waiting);
  priv->roster = g_new0 (MpPoolWorker, MP_POOL_SEATS (MP_POOL_MAX_WORKERS));
  priv->references = g_hash_table_new_full (NULL, NULL, NULL, mp_pool_reference_free);
  priv->names = mp_pool_names_new ();
  priv->watches = g_ptr_array_new ();
  g_cond_init (&priv->changed);
}

/**
 * mp_pool_new:
 * @n_workers: how many workers, at most 1000; 0 for as many as there are CPUs that this process
 *   may use
 * @error: return location for an error
 *
 * Makes a pool and starts its workers.
 *
 * Subclasses construct it by its property; it then starts its workers with the first task.
 *
 * It can fail with [error@Mp.Error.INVALID_ARGUMENT] if there would be too many workers, with
 * [error@Mp.Error.NO_SPACE] if the shared memory is used up, and with the error of the first
 * worker that cannot be started.
 *
 * Returns: (transfer full): the pool
 *
 * Since: 0.1
 */
MpPool *
mp_pool_new (guint    n_workers,
             GError **error)
{
  return mp_pool_construct (MP_TYPE_POOL, n_workers, error);
}

/**
 * mp_pool_get_n_workers: (get-property n-workers)
 * @self: a pool
 *
 * Gets how many workers the pool has.
 *
 * For a moment there can be fewer or more, while one is replaced.
 *
 * Returns: the number
 *
 * Since: 0.1
 */
guint
mp_pool_get_n_workers (MpPool *self)
{
  g_return_val_if_fail (MP_IS_POOL (self), 0);

  return mp_pool_get_private (self)->n_workers;
}

/**
 * mp_pool_get_pids:
 * @self: a pool
 *
 * Gets the process ids of the workers that there are now.
 *
 * Returns: (transfer full) (element-type gint): the ids, in no order; empty in a process other than
 *   the pool's
 *
 * Since: 0.1
 */
GArray *
mp_pool_get_pids (MpPool *self)
{
  GArray *pids = g_array_new (FALSE, FALSE, sizeof (int));
  MpPoolPrivate *priv;

  g_return_val_if_fail (MP_IS_POOL (self), pids);

  if (!mp_pool_is_owner (self, NULL))
    return pids;

  priv = mp_pool_get_private (self);
  mp_pool_attend (self, FALSE);
  mp_pool_lock ();
  for (guint i = 0; i < priv->n_seats; i++)
    {
      if (mp_pool_is_seated (priv, i))
        g_array_append_val (pids, priv->roster[i].pid);
    }
  mp_pool_unlock ();

  return pids;
}
