/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Waiting in a main context.
 *
 * An operation is a GTask that stands in the list of what it waits for: a result, or an iterator
 * that takes results as they come. When that happens, the pool lets it advance: it is done, or
 * goes to stand in the next list. A pool has a watch for each main context in which operations wait
 * for it, however many these are: a doorbell source that looks at the result queue, and a source
 * that polls the sentinels of the workers. Both do no more than to attend to the pool once. An
 * operation keeps its pools alive, and so does a watch.
 */

#include "config.h"

#include "mproc/pool/mp-pool-private.h"

#include "mproc/pool/mp-result-private.h"
#include "mproc/sync/mp-doorbell-private.h"

/* ── Sentinels ──────────────────────────────────────────────────────────────────────────────── */

typedef struct {
  GSource  source;
  MpPool  *pool;            /* (unowned) the callback's data owns it */
  guint    roster_serial;
  GArray  *tags;
} SentinelSource;

/* In the source's own thread; under the mutex. */
static void
follow_roster (SentinelSource *self,
               MpPoolPrivate  *priv)
{
  for (guint i = 0; i < self->tags->len; i++)
    g_source_remove_unix_fd (&self->source, g_array_index (self->tags, gpointer, i));
  g_array_set_size (self->tags, 0);

  for (guint i = 0; i < priv->n_seats; i++)
    {
      const MpPoolWorker *worker = &priv->roster[i];

      if (worker->process != NULL && worker->sentinel >= 0)
        {
          gpointer tag = g_source_add_unix_fd (&self->source, worker->sentinel, G_IO_IN);

          g_array_append_val (self->tags, tag);
        }
    }

  self->roster_serial = priv->roster_serial;
}

static gboolean
sentinel_source_prepare (GSource *source,
                         int     *timeout)
{
  SentinelSource *self = (SentinelSource *) source;
  MpPoolPrivate *priv = mp_pool_get_private (self->pool);

  mp_pool_lock ();
  if (self->roster_serial != priv->roster_serial)
    follow_roster (self, priv);
  g_source_set_ready_time (source, mp_pool_next_look (priv));
  mp_pool_unlock ();

  *timeout = -1;
  return FALSE;
}

static gboolean
sentinel_source_check (GSource *source)
{
  SentinelSource *self = (SentinelSource *) source;

  for (guint i = 0; i < self->tags->len; i++)
    {
      if (g_source_query_unix_fd (source, g_array_index (self->tags, gpointer, i)) != 0)
        return TRUE;
    }

  return FALSE;
}

static gboolean
sentinel_source_dispatch (GSource     *source,
                          GSourceFunc  callback,
                          gpointer     data)
{
  return callback != NULL ? callback (data) : G_SOURCE_REMOVE;
}

static void
sentinel_source_finalize (GSource *source)
{
  g_array_unref (((SentinelSource *) source)->tags);
}

static GSource *
sentinel_source_new (MpPool *pool)
{
  static GSourceFuncs funcs = {
    .prepare = sentinel_source_prepare,
    .check = sentinel_source_check,
    .dispatch = sentinel_source_dispatch,
    .finalize = sentinel_source_finalize,
  };
  GSource *source = g_source_new (&funcs, sizeof (SentinelSource));
  SentinelSource *self = (SentinelSource *) source;

  self->pool = pool;
  self->roster_serial = mp_pool_get_private (pool)->roster_serial - 1;
  self->tags = g_array_new (FALSE, FALSE, sizeof (gpointer));
  g_source_set_name (source, "[mproc] pool workers");

  return source;
}

/* ── Watches ────────────────────────────────────────────────────────────────────────────────── */

typedef struct {
  GMainContext *context;
  GSource      *doorbell;
  GSource      *sentinels;
  guint         n_ops;
} MpPoolWatch;

/* A thread has no sentinel: at its end it rings as if it had put a result. The question about the
 * queue comes first, since with that the source listens. */
static gboolean
has_news (gpointer data)
{
  MpPoolPrivate *priv = mp_pool_get_private (data);
  gboolean is_over;

  if (mp_queue_is_readable (priv->results))
    return TRUE;
  if (!priv->threads)
    return FALSE;

  mp_pool_lock ();
  is_over = mp_pool_is_thread_over (priv);
  mp_pool_unlock ();

  return is_over;
}

static gboolean
on_something (gpointer data)
{
  mp_pool_attend (data, TRUE);

  return G_SOURCE_CONTINUE;
}

/* Under the mutex. */
static MpPoolWatch *
find_watch (MpPoolPrivate *priv,
            GMainContext  *context)
{
  for (guint i = 0; i < priv->watches->len; i++)
    {
      MpPoolWatch *watch = priv->watches->pdata[i];

      if (watch->context == context)
        return watch;
    }

  return NULL;
}

static MpPoolWatch *
watch_new (MpPool       *pool,
           GMainContext *context)
{
  MpPoolWatch *watch = g_new0 (MpPoolWatch, 1);

  watch->context = g_main_context_ref (context);
  watch->doorbell = mp_doorbell_source_new (has_news, pool);
  g_source_set_callback (watch->doorbell, on_something, g_object_ref (pool), g_object_unref);
  watch->sentinels = sentinel_source_new (pool);
  g_source_set_callback (watch->sentinels, on_something, g_object_ref (pool), g_object_unref);

  return watch;
}

static void
watch_free (MpPoolWatch *watch)
{
  g_source_destroy (watch->doorbell);
  g_source_destroy (watch->sentinels);
  g_source_unref (watch->doorbell);
  g_source_unref (watch->sentinels);
  g_main_context_unref (watch->context);
  g_free (watch);
}

static void
watch_pool (MpPool       *pool,
            GMainContext *context)
{
  MpPoolPrivate *priv = mp_pool_get_private (pool);
  MpPoolWatch *fresh = NULL;
  MpPoolWatch *watch;

  mp_pool_lock ();
  watch = find_watch (priv, context);
  if (watch == NULL)
    {
      mp_pool_unlock ();
      fresh = watch_new (pool, context);
      mp_pool_lock ();
      watch = find_watch (priv, context);
    }

  if (watch == NULL)
    {
      watch = g_steal_pointer (&fresh);
      g_ptr_array_add (priv->watches, watch);
      g_source_attach (watch->doorbell, context);
      g_source_attach (watch->sentinels, context);
    }
  watch->n_ops++;
  mp_pool_unlock ();

  if (fresh != NULL)
    watch_free (fresh);
}

static void
unwatch_pool (MpPool       *pool,
              GMainContext *context)
{
  MpPoolPrivate *priv = mp_pool_get_private (pool);
  MpPoolWatch *watch;

  mp_pool_lock ();
  watch = find_watch (priv, context);
  if (watch != NULL && --watch->n_ops == 0)
    g_ptr_array_remove_fast (priv->watches, watch);
  else
    watch = NULL;
  mp_pool_unlock ();

  if (watch != NULL)
    watch_free (watch);
}

/* Under the mutex: what the sources look at has changed. */
void
mp_pool_wake_contexts (MpPoolPrivate *priv)
{
  for (guint i = 0; i < priv->watches->len; i++)
    g_main_context_wakeup (((MpPoolWatch *) priv->watches->pdata[i])->context);
}

/* ── Operations ─────────────────────────────────────────────────────────────────────────────── */

/* @subject: (transfer full), and @task too. */
MpOp *
mp_op_new (GTask    *task,
           gpointer  subject)
{
  MpOp *op = g_atomic_rc_box_new0 (MpOp);

  op->task = task;
  op->subject = subject;
  op->pools = g_ptr_array_new_with_free_func (g_object_unref);

  return op;
}

static void
op_clear (gpointer data)
{
  MpOp *op = data;

  g_clear_object (&op->task);
  g_clear_object (&op->subject);
  g_clear_object (&op->taken);
  g_clear_pointer (&op->results, g_ptr_array_unref);
  g_clear_pointer (&op->group, mp_task_group_unref);
  g_clear_pointer (&op->pools, g_ptr_array_unref);
}

static void
op_unref (gpointer op)
{
  g_atomic_rc_box_release_full (op, op_clear);
}

void
mp_op_add_pool (MpOp   *op,
                MpPool *pool)
{
  g_ptr_array_add (op->pools, g_object_ref (pool));
}

/* Under the mutex. */
void
mp_op_place (MpOp    *op,
             GSList **list)
{
  *list = g_slist_prepend (*list, op);
  op->place = list;
}

/* Under the mutex: what the operations in @list wait for has come. They are served in the order
 * in which they came. */
void
mp_op_advance_all (GSList     **list,
                   MpPoolNews  *news)
{
  GSList *ops = g_slist_reverse (g_steal_pointer (list));

  while (ops != NULL)
    {
      MpOp *op = ops->data;

      ops = g_slist_delete_link (ops, ops);
      op->place = NULL;
      if (op->advance (op))
        news->ops = g_slist_prepend (news->ops, op);
    }
}

/* Under the mutex. */
static void
leave_place (MpOp *op)
{
  *op->place = g_slist_remove (*op->place, op);
  op->place = NULL;
}

static void
return_cancelled (MpOp *op)
{
  g_task_return_new_error (op->task, G_IO_ERROR, G_IO_ERROR_CANCELLED, "Operation was cancelled");
}

/* In the operation's context, without the mutex. */
static void
op_end (MpOp *op)
{
  GMainContext *context = g_task_get_context (op->task);

  if (op->cancel != NULL)
    {
      g_source_destroy (op->cancel);
      g_clear_pointer (&op->cancel, g_source_unref);
    }

  for (guint i = 0; i < op->pools->len; i++)
    unwatch_pool (op->pools->pdata[i], context);

  op->finish (op);
  op_unref (op);
}

static gboolean
finish_in_context (gpointer data)
{
  op_end (data);

  return G_SOURCE_REMOVE;
}

/* An operation ends in its own main context. A call that blocks there does not run its callback:
 * that gets an iteration of its own. */
void
mp_op_finish (MpOp     *op,
              gboolean  in_dispatch)
{
  GSource *current = g_main_current_source ();
  g_autoptr (GSource) idle = NULL;

  if (in_dispatch && current != NULL
      && g_source_get_context (current) == g_task_get_context (op->task))
    {
      op_end (op);
      return;
    }

  idle = g_idle_source_new ();
  g_source_set_priority (idle, g_task_get_priority (op->task));
  g_source_set_callback (idle, finish_in_context, op, NULL);
  g_source_attach (idle, g_task_get_context (op->task));
}

static gboolean
on_cancelled (GCancellable *cancellable,
              gpointer      data)
{
  MpOp *op = data;
  gboolean waiting;

  mp_pool_lock ();
  waiting = op->place != NULL;
  if (waiting)
    leave_place (op);
  mp_pool_unlock ();

  if (waiting)
    {
      op->finish = return_cancelled;
      op_end (op);
    }

  return G_SOURCE_REMOVE;
}

static void
attach_cancel_source (MpOp *op)
{
  GCancellable *cancellable = g_task_get_cancellable (op->task);
  GSource *source;

  if (cancellable == NULL)
    return;

  source = g_cancellable_source_new (cancellable);
  g_source_set_callback (source, G_SOURCE_FUNC (on_cancelled), g_atomic_rc_box_acquire (op),
                         op_unref);
  op->cancel = source;
  g_source_attach (source, g_task_get_context (op->task));
}

/* Takes over @op. */
void
mp_op_start (MpOp *op)
{
  GMainContext *context = g_task_get_context (op->task);
  gboolean done, cancelled;

  g_task_set_check_cancellable (op->task, FALSE);
  for (guint i = 0; i < op->pools->len; i++)
    watch_pool (op->pools->pdata[i], context);
  attach_cancel_source (op);

  mp_pool_lock ();
  done = op->advance (op);
  cancelled = !done && g_cancellable_is_cancelled (g_task_get_cancellable (op->task));
  if (cancelled)
    leave_place (op);
  mp_pool_unlock ();

  if (cancelled)
    op->finish = return_cancelled;
  if (done || cancelled)
    mp_op_finish (op, FALSE);
}
