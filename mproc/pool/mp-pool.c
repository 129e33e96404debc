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

#include <unistd.h>

#include "mproc/base/mp-deadline-private.h"
#include "mproc/base/mp-error-private.h"
#include "mproc/pool/mp-result-private.h"
#include "mproc/pool/mp-worker-private.h"

enum
{
  PROP_0,
  PROP_N_WORKERS,
  N_PROPS,
};

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

  if (priv->owner != getpid ())
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

/* ── The link ───────────────────────────────────────────────────────────────────────────────── */

static MpPoolLink *
link_new (MpPool *self)
{
  MpPoolLink *link = g_atomic_rc_box_new0 (MpPoolLink);

  g_weak_ref_init (&link->pool, self);

  return link;
}

static void
link_clear (gpointer link)
{
  g_weak_ref_clear (&((MpPoolLink *) link)->pool);
}

MpPoolLink *
mp_pool_link_ref (MpPoolLink *link)
{
  return g_atomic_rc_box_acquire (link);
}

void
mp_pool_link_unref (MpPoolLink *link)
{
  g_atomic_rc_box_release_full (link, link_clear);
}

/* ── The function that makes workers ────────────────────────────────────────────────────────── */

/* Guarded by the mutex; @n_users is the setting itself and each call that is under way. */
typedef struct {
  MpWorkerFunc   func;
  gpointer       user_data;
  GDestroyNotify notify;
  guint          n_users;
} WorkerMaker;

static WorkerMaker *maker;

static WorkerMaker *
use_maker (void)
{
  WorkerMaker *used;

  mp_pool_lock ();
  used = maker;
  if (used != NULL)
    used->n_users++;
  mp_pool_unlock ();

  return used;
}

static void
drop_maker (WorkerMaker *used)
{
  gboolean last;

  if (used == NULL)
    return;

  mp_pool_lock ();
  last = --used->n_users == 0;
  mp_pool_unlock ();

  if (last)
    {
      if (used->notify != NULL)
        used->notify (used->user_data);
      g_free (used);
    }
}

/**
 * mp_pool_set_worker_func:
 * @func: (scope notified) (nullable): makes workers, or %NULL for the default
 * @user_data: data for @func
 * @notify: (nullable): called when @func is not needed any more
 *
 * Sets how all pools of this process make workers from now on.
 *
 * A language binding sets it when it is loaded, so that workers know that language's functions.
 * The function is called in whichever thread uses the pool, with nothing locked; it must not use
 * the pool itself. By default, workers are forked and run functions of C.
 *
 * Since: 0.1
 */
void
mp_pool_set_worker_func (MpWorkerFunc   func,
                         gpointer       user_data,
                         GDestroyNotify notify)
{
  WorkerMaker *old;
  WorkerMaker *new_maker = NULL;

  if (func != NULL)
    {
      new_maker = g_new0 (WorkerMaker, 1);
      *new_maker = (WorkerMaker) { func, user_data, notify, 1 };
    }

  mp_pool_lock ();
  old = maker;
  maker = new_maker;
  mp_pool_unlock ();

  drop_maker (old);
}

/* For the attendant: a process not started yet. */
MpProcess *
mp_pool_make_worker (const char  *handle,
                     GError     **error)
{
  WorkerMaker *used = use_maker ();
  MpProcess *process;

  if (used != NULL)
    process = used->func (handle, used->user_data);
  else
    process = mp_worker_make_native_process (handle);
  drop_maker (used);

  if (process == NULL)
    g_set_error_literal (error, MP_ERROR, MP_ERROR_FAILED,
                         "The function that makes workers made no process");

  return process;
}

/* ── Construction ───────────────────────────────────────────────────────────────────────────── */

static gboolean
make_shared_parts (MpPoolPrivate  *priv,
                   GError        **error)
{
  if (priv->n_workers == 0)
    priv->n_workers = mp_get_usable_cpus ();
  priv->n_workers = CLAMP (priv->n_workers, 1, MP_POOL_MAX_WORKERS);
  priv->n_seats = MP_POOL_SEATS (priv->n_workers);
  priv->roster = g_new0 (MpPoolWorker, priv->n_seats);

  priv->board_object = mp_pool_board_new (error);
  if (priv->board_object == NULL)
    return FALSE;

  priv->board = mp_pool_board_get_data (priv->board_object);
  priv->tasks = mp_queue_new (0, error);
  if (priv->tasks == NULL)
    return FALSE;

  priv->results = mp_queue_new (0, error);

  return priv->results != NULL;
}

static void
mp_pool_constructed (GObject *object)
{
  MpPoolPrivate *priv = mp_pool_get_private (MP_POOL (object));

  G_OBJECT_CLASS (mp_pool_parent_class)->constructed (object);

  make_shared_parts (priv, &priv->construct_error);
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

  if (priv->owner == getpid ())
    {
      g_clear_object (&priv->results);
      g_clear_object (&priv->tasks);
      g_clear_object (&priv->board_object);
      g_clear_pointer (&priv->waiting, g_hash_table_unref);
      g_clear_pointer (&priv->references, g_hash_table_unref);
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
  switch (prop_id)
    {
    case PROP_N_WORKERS:
      g_value_set_uint (value, mp_pool_get_n_workers (MP_POOL (object)));
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
  MpPoolPrivate *priv = mp_pool_get_private (MP_POOL (object));

  switch (prop_id)
    {
    case PROP_N_WORKERS:
      priv->n_workers = g_value_get_uint (value);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
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

  /**
   * MpPool:n-workers: (getter get_n_workers)
   *
   * How many workers the pool has; when it is made, 0 stands for as many as there are CPUs that
   * this process may use.
   *
   * Since: 0.1
   */
  props[PROP_N_WORKERS] =
    g_param_spec_uint ("n-workers", NULL, NULL, 0, MP_POOL_MAX_WORKERS, 0,
                       G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  g_object_class_install_properties (object_class, N_PROPS, props);
}

static void
mp_pool_init (MpPool *self)
{
  MpPoolPrivate *priv = mp_pool_get_private (self);

  priv->owner = getpid ();
  priv->link = link_new (self);
  priv->waiting = g_hash_table_new_full (g_int64_hash, g_int64_equal, NULL, g_object_unref);
  priv->references = g_hash_table_new_full (NULL, NULL, NULL, (GDestroyNotify) g_bytes_unref);
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
  g_autoptr (MpPool) self = NULL;
  MpPoolPrivate *priv;

  if (n_workers > MP_POOL_MAX_WORKERS)
    {
      g_set_error (error, MP_ERROR, MP_ERROR_INVALID_ARGUMENT,
                   "A pool has at most %d workers, not %u", MP_POOL_MAX_WORKERS, n_workers);
      return NULL;
    }

  self = g_object_new (MP_TYPE_POOL, "n-workers", n_workers, NULL);
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
      if (priv->roster[i].process != NULL)
        g_array_append_val (pids, priv->roster[i].pid);
    }
  mp_pool_unlock ();

  return pids;
}

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
  mp_queue_kick (priv->tasks);
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

  mp_queue_kick (priv->tasks);
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

static gboolean
has_ended (gpointer data)
{
  MpPoolPrivate *priv = mp_pool_get_private (data);

  return g_hash_table_size (priv->waiting) == 0 && !mp_pool_has_workers (priv);
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

  status = mp_pool_wait (self, has_ended, self, mp_deadline_from_seconds (timeout), FALSE,
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

  return mp_pool_wait (self, has_ended, self, mp_deadline_from_usec (usec), TRUE, NULL);
}
