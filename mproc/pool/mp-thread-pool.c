/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/**
 * MpThreadPool:
 *
 * A pool whose workers are threads of this process: the same calls as those of [class@Mp.Pool].
 *
 * It is the one class of the library that starts threads, and it does so because it was asked for.
 * Tasks share all memory of the program, so functions that are given to it have to be safe in
 * threads; every function registered by name in this process is known at once. It suits functions
 * that wait, and those that must see what the program has; a language with a global lock, and a
 * function that may crash, want processes.
 *
 * A thread cannot be killed. A cancelled task that runs goes on, with its result dropped;
 * [func@Mp.task_should_stop] tells it so. What needs a process of its own is refused when a task is
 * given, with [error@Mp.Error.NOT_SUPPORTED]: [property@Mp.TaskOptions:time-limit],
 * [property@Mp.Pool:memory-limit], [property@Mp.Pool:max-worker-memory],
 * [property@Mp.Pool:capture-output] and [property@Mp.Pool:worker-language].
 *
 * Since: 0.1
 */

/*
 * The threads do what worker processes do, with the same queues and seats; see mp-pool-start.c. A
 * thread has references of its own to all that it needs, so that a pool can go away while a task
 * still runs.
 */

#include "config.h"

#include "mproc/pool/mp-thread-pool.h"

#include <unistd.h>

#include "mproc/base/mp-at-fork-private.h"
#include "mproc/base/mp-error-private.h"
#include "mproc/memory/mp-fork-private.h"
#include "mproc/pool/mp-pool-private.h"
#include "mproc/process/mp-process-private.h"

struct _MpThreadPool
{
  MpPool parent_instance;
};

G_DEFINE_FINAL_TYPE (MpThreadPool, mp_thread_pool, MP_TYPE_POOL)

static void
mp_thread_pool_class_init (MpThreadPoolClass *klass)
{
}

static void
mp_thread_pool_init (MpThreadPool *self)
{
  mp_pool_get_private (MP_POOL (self))->threads = TRUE;
}

/**
 * mp_thread_pool_new:
 * @n_threads: how many threads, at most 1000; 0 for as many as there are CPUs that this process may
 *   use
 * @error: return location for an error
 *
 * Makes a pool and starts its threads.
 *
 * It can fail with [error@Mp.Error.INVALID_ARGUMENT] if there would be too many threads, with
 * [error@Mp.Error.NO_SPACE] if the shared memory is used up, and with [error@Mp.Error.FAILED] if no
 * thread can be started.
 *
 * Returns: (transfer full): the pool
 *
 * Since: 0.1
 */
MpThreadPool *
mp_thread_pool_new (guint    n_threads,
                    GError **error)
{
  return (MpThreadPool *) mp_pool_construct (MP_TYPE_THREAD_POOL, n_threads, error);
}

/* ── What threads cannot do ─────────────────────────────────────────────────────────────────── */

gboolean
mp_pool_threads_allow (MpPoolPrivate       *priv,
                       const MpTaskLimits  *limits,
                       GError             **error)
{
  const char *what = NULL;

  if (limits->hard > 0)
    what = "a limit of time, other than a soft one,";
  else if (priv->board->rules.memory_limit > 0 || priv->board->rules.max_memory > 0)
    what = "a limit of memory";
  else if (priv->captures)
    what = "to capture what tasks print";
  else if (priv->language != NULL)
    what = "another language";

  if (what != NULL)
    g_set_error (error, MP_ERROR, MP_ERROR_NOT_SUPPORTED,
                 "In a pool of threads %s is not possible: use MpPool, whose workers are processes",
                 what);

  return what == NULL;
}

/* ── A thread ───────────────────────────────────────────────────────────────────────────────── */

struct _MpPoolThread
{
  gatomicrefcount ref_count;
  int             is_over;      /* atomic */
  int             owner;        /* the process */
  GThread        *thread;
  MpWorker       *worker;       /* (owned) by the thread, when it runs */
  MpWorkerStart   start;        /* (owned) what is run first, if there is a function */
};

static GMutex over_mutex;
static GCond over_cond;

static MP_AT_FORK void
forget_others (void)
{
  if (over_mutex.i[0] == 0)
    return;                     /* nothing to write, so no page to copy */

  mp_mutex_reset (&over_mutex);
  over_cond = (GCond) { 0 };
}

__attribute__ ((constructor)) static void
register_hook (void)
{
  mp_fork_add_child_hook (forget_others);
}

static void
thread_unref (MpPoolThread *self)
{
  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;

  g_clear_pointer (&self->start.function, g_bytes_unref);
  g_clear_pointer (&self->start.argument, g_variant_unref);
  g_free (self);
}

static gpointer
run_thread (gpointer data)
{
  MpPoolThread *self = data;
  MpQueue *results = g_object_ref (self->worker->results);

  mp_worker_serve (self->worker, self->start.function != NULL ? &self->start : NULL);
  g_clear_object (&self->worker);

  g_mutex_lock (&over_mutex);
  g_atomic_int_set (&self->is_over, TRUE);
  g_cond_broadcast (&over_cond);
  g_mutex_unlock (&over_mutex);

  /* Whoever waits for results has a look at the threads. */
  mp_queue_kick (results);
  g_object_unref (results);
  thread_unref (self);

  return NULL;
}

MpPoolThread *
mp_pool_thread_start (const char           *handle,
                      const MpWorkerStart  *start,
                      GError              **error)
{
  g_autoptr (MpWorker) worker = mp_worker_new (handle, error);
  MpPoolThread *self;

  if (worker == NULL)
    return NULL;

  self = g_new0 (MpPoolThread, 1);
  g_atomic_ref_count_init (&self->ref_count);
  g_atomic_ref_count_inc (&self->ref_count);
  self->owner = mp_pool_this_process;
  self->worker = g_steal_pointer (&worker);
  if (start != NULL)
    self->start = (MpWorkerStart) { start->kind, g_bytes_ref (start->function),
                                    g_variant_ref (start->argument) };

  self->thread = g_thread_try_new ("pool-thread", run_thread, self, error);
  if (self->thread != NULL)
    return self;

  g_clear_object (&self->worker);
  thread_unref (self);
  thread_unref (self);
  return NULL;
}

gboolean
mp_pool_thread_is_over (MpPoolThread *self)
{
  return g_atomic_int_get (&self->is_over);
}

void
mp_pool_thread_free (MpPoolThread *self)
{
  if (self->owner == mp_pool_this_process && mp_pool_thread_is_over (self))
    g_thread_join (self->thread);
  else
    g_thread_unref (self->thread);

  thread_unref (self);
}

gboolean
mp_pool_is_thread_over (MpPoolPrivate *priv)
{
  for (guint i = 0; i < priv->n_seats; i++)
    {
      if (priv->roster[i].thread != NULL && mp_pool_thread_is_over (priv->roster[i].thread))
        return TRUE;
    }

  return FALSE;
}

void
mp_pool_threads_wait (MpPoolPrivate *priv,
                      gint64         usec)
{
  gint64 end = g_get_monotonic_time () + usec;

  g_mutex_lock (&over_mutex);
  while (!mp_pool_is_thread_over (priv) && g_cond_wait_until (&over_cond, &over_mutex, end))
    ;
  g_mutex_unlock (&over_mutex);
}

void
mp_pool_worker_clear (MpPoolWorker *worker)
{
  g_clear_pointer (&worker->thread, mp_pool_thread_free);
  if (worker->process != NULL)
    mp_process_drop_sentinel (worker->process);
  g_clear_object (&worker->process);
  mp_clear_fd (&worker->output);
  if (worker->cgroup != NULL)
    rmdir (worker->cgroup);
  g_clear_pointer (&worker->cgroup, g_free);
}
