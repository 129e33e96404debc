/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/**
 * MpResultIterator:
 *
 * Results as they come, or in the order in which their tasks were given.
 *
 * [method@Mp.Pool.iterate] makes one for a list of items. One made by
 * [ctor@Mp.ResultIterator.new] can be given any results, from several pools too, also while others
 * are being taken.
 *
 * [method@Mp.ResultIterator.next] yields values, one for each item; the other calls yield the
 * results of whole tasks, each of which has a list of values if its task was for several items. Use
 * the one or the other.
 *
 * Taking is for one thread at a time, but for [method@Mp.ResultIterator.next_async], which can be
 * called again while earlier ones wait.
 *
 * Since: 0.1
 */

/*
 * Ordered, it is a queue of results whose head may or may not be ready. Unordered, it is a queue of
 * results that are ready and a set of those that are not, each of which knows the iterator and
 * tells it. All of that is under the pools' mutex. The iterator does not keep pools alive; waiting
 * does.
 */

#include "config.h"

#include "mproc/pool/mp-result-iterator.h"

#include "mproc/base/mp-deadline-private.h"
#include "mproc/base/mp-error-private.h"
#include "mproc/pool/mp-result-private.h"

/* A wait for several pools looks at one after the other, this long each. */
#define TURN (5 * G_TIME_SPAN_MILLISECOND)

struct _MpResultIterator
{
  GObject     parent_instance;

  gboolean    ordered;

  /* Under the mutex. */
  GQueue      queue;        /* (owned) */
  GHashTable *pending;      /* (owned) unordered: those not ready */
  GPtrArray  *links;        /* (owned) to the pools of the results */
  GSList     *ops;          /* unordered: operations that wait */

  /* The taking thread's own. */
  GVariant   *items;        /* of a list being handed out */
  gsize       next_item;
};

G_DEFINE_FINAL_TYPE (MpResultIterator, mp_result_iterator, G_TYPE_OBJECT)

static void
mp_result_iterator_dispose (GObject *object)
{
  MpResultIterator *self = MP_RESULT_ITERATOR (object);
  g_autoptr (GHashTable) pending = NULL;
  GHashTableIter iter;
  gpointer key;

  mp_pool_lock ();
  pending = g_steal_pointer (&self->pending);
  if (pending != NULL)
    {
      g_hash_table_iter_init (&iter, pending);
      while (g_hash_table_iter_next (&iter, &key, NULL))
        {
          MpResult *result = key;

          result->iterators = g_slist_remove (result->iterators, self);
        }
    }
  mp_pool_unlock ();

  G_OBJECT_CLASS (mp_result_iterator_parent_class)->dispose (object);
}

static void
mp_result_iterator_finalize (GObject *object)
{
  MpResultIterator *self = MP_RESULT_ITERATOR (object);

  g_queue_clear_full (&self->queue, g_object_unref);
  g_clear_pointer (&self->links, g_ptr_array_unref);
  g_clear_pointer (&self->items, g_variant_unref);

  G_OBJECT_CLASS (mp_result_iterator_parent_class)->finalize (object);
}

static void
mp_result_iterator_class_init (MpResultIteratorClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->dispose = mp_result_iterator_dispose;
  object_class->finalize = mp_result_iterator_finalize;
}

static void
mp_result_iterator_init (MpResultIterator *self)
{
  g_queue_init (&self->queue);
  self->pending = g_hash_table_new_full (NULL, NULL, g_object_unref, NULL);
  self->links = g_ptr_array_new_with_free_func ((GDestroyNotify) mp_pool_link_unref);
}

/**
 * mp_result_iterator_new:
 * @ordered: whether results are yielded in the order in which they are added, rather than in the
 *   one in which they become ready
 *
 * Makes an iterator without results.
 *
 * Returns: (transfer full): the iterator
 *
 * Since: 0.1
 */
MpResultIterator *
mp_result_iterator_new (gboolean ordered)
{
  MpResultIterator *self = g_object_new (MP_TYPE_RESULT_ITERATOR, NULL);

  self->ordered = !!ordered;

  return self;
}

/* ── Filling ────────────────────────────────────────────────────────────────────────────────── */

/* Under the mutex: a result in the set is ready. */
void
mp_result_iterator_arrived (MpResultIterator *self,
                            MpResult         *result,
                            MpPoolNews       *news)
{
  g_hash_table_steal (self->pending, result);
  g_queue_push_tail (&self->queue, result);
  mp_op_advance_all (&self->ops, news);
}

/* The pools of the results, as far as they are there and this process's own: (owned). */
static GPtrArray *
get_pools (MpResultIterator *self)
{
  GPtrArray *pools = g_ptr_array_new_with_free_func (g_object_unref);

  mp_pool_lock ();
  for (guint i = 0; i < self->links->len; i++)
    {
      MpPoolLink *link = self->links->pdata[i];
      MpPool *pool = g_weak_ref_get (&link->pool);

      if (pool != NULL)
        g_ptr_array_add (pools, pool);
    }
  mp_pool_unlock ();

  for (guint i = pools->len; i-- > 0;)
    {
      if (!mp_pool_is_owner (pools->pdata[i], NULL))
        g_ptr_array_remove_index (pools, i);
    }

  return pools;
}

/**
 * mp_result_iterator_add:
 * @self: an iterator
 * @result: a result
 *
 * Adds the result of a task.
 *
 * Since: 0.1
 */
void
mp_result_iterator_add (MpResultIterator *self,
                        MpResult         *result)
{
  MpPoolNews news = { 0 };

  g_return_if_fail (MP_IS_RESULT_ITERATOR (self));
  g_return_if_fail (MP_IS_RESULT (result));

  mp_pool_lock ();
  if (result->link != NULL && !g_ptr_array_find (self->links, result->link, NULL))
    g_ptr_array_add (self->links, mp_pool_link_ref (result->link));
  if (self->ordered || mp_result_peek_ready (result))
    {
      g_queue_push_tail (&self->queue, g_object_ref (result));
      mp_op_advance_all (&self->ops, &news);
    }
  else if (!g_hash_table_contains (self->pending, result))
    {
      g_hash_table_add (self->pending, g_object_ref (result));
      result->iterators = g_slist_prepend (result->iterators, self);
    }
  mp_pool_unlock ();

  for (GSList *l = g_slist_reverse (news.ops); l != NULL; l = g_slist_delete_link (l, l))
    mp_op_finish (l->data, FALSE);
}

/**
 * mp_result_iterator_get_pending:
 * @self: an iterator
 *
 * Gets how many results were added and not yet taken.
 *
 * Returns: the number
 *
 * Since: 0.1
 */
guint
mp_result_iterator_get_pending (MpResultIterator *self)
{
  guint n;

  g_return_val_if_fail (MP_IS_RESULT_ITERATOR (self), 0);

  mp_pool_lock ();
  n = self->queue.length + g_hash_table_size (self->pending);
  mp_pool_unlock ();

  return n;
}

/* ── Taking results ─────────────────────────────────────────────────────────────────────────── */

/* Under the mutex. */
static gboolean
is_at_end (MpResultIterator *self)
{
  return self->queue.length == 0 && g_hash_table_size (self->pending) == 0;
}

/* Under the mutex: (transfer full) the next result if it is ready. */
static MpResult *
pop (MpResultIterator *self)
{
  MpResult *head = g_queue_peek_head (&self->queue);

  return head != NULL && mp_result_peek_ready (head) ? g_queue_pop_head (&self->queue) : NULL;
}

typedef struct {
  MpResultIterator *self;
  MpResult         *taken;
  gboolean          at_end;
} Taking;

static gboolean
check_taking (gpointer data)
{
  Taking *taking = data;

  if (taking->taken == NULL)
    taking->taken = pop (taking->self);
  taking->at_end = taking->taken == NULL && is_at_end (taking->self);

  return taking->taken != NULL || taking->at_end;
}

static MpStatus
wait_for_several (GPtrArray    *pools,
                  Taking       *taking,
                  gint64        deadline,
                  gboolean      interruptible,
                  GCancellable *cancellable)
{
  gint64 slice_end = g_get_monotonic_time () + 100 * G_TIME_SPAN_MILLISECOND;

  for (guint i = 0;; i = (i + 1) % pools->len)
    {
      gint64 turn_end = MIN (deadline, g_get_monotonic_time () + TURN);
      MpStatus status = mp_pool_wait (pools->pdata[i], check_taking, taking, turn_end,
                                      interruptible, cancellable);

      if (status != MP_STATUS_TIMED_OUT && status != MP_STATUS_INTERRUPTED)
        return status;
      if (mp_deadline_left (deadline, 1) == 0)
        return MP_STATUS_TIMED_OUT;
      if (interruptible && mp_deadline_left (slice_end, 1) == 0)
        return MP_STATUS_INTERRUPTED;
    }
}

/* OK: there is a result, or NULL at the end. */
static MpStatus
take (MpResultIterator  *self,
      gint64             deadline,
      gboolean           interruptible,
      GCancellable      *cancellable,
      MpResult         **result)
{
  g_autoptr (GPtrArray) pools = NULL;
  Taking taking = { self, NULL, FALSE };
  MpStatus status = MP_STATUS_OK;
  gboolean found;

  mp_pool_lock ();
  found = check_taking (&taking);
  mp_pool_unlock ();

  if (!found)
    {
      pools = get_pools (self);
      if (pools->len == 0)
        status = MP_STATUS_INVALID;
      else if (pools->len == 1)
        status = mp_pool_wait (pools->pdata[0], check_taking, &taking, deadline, interruptible,
                               cancellable);
      else
        status = wait_for_several (pools, &taking, deadline, interruptible, cancellable);
    }

  *result = taking.taken;
  return status;
}

/**
 * mp_result_iterator_next_result:
 * @self: an iterator
 * @timeout: how long to wait, in seconds; negative for no limit
 * @cancellable: (nullable): a #GCancellable
 * @error: return location for an error
 *
 * Takes the next result, when it is ready.
 *
 * A result that is ready may be that of a task that failed; that is no error here. This call can
 * fail with [error@Mp.Error.TIMED_OUT], %G_IO_ERROR_CANCELLED and
 * [error@Mp.Error.INVALID_STATE].
 *
 * Returns: (transfer full) (nullable): the result, which is ready; or %NULL without an error at
 *   the end, or with @error set
 *
 * Since: 0.1
 */
MpResult *
mp_result_iterator_next_result (MpResultIterator  *self,
                                double             timeout,
                                GCancellable      *cancellable,
                                GError           **error)
{
  MpResult *result;
  MpStatus status;

  g_return_val_if_fail (MP_IS_RESULT_ITERATOR (self), NULL);

  status = take (self, mp_deadline_from_seconds (timeout), FALSE, cancellable, &result);
  mp_result_status_to_error (status, error);

  return result;
}

/**
 * mp_result_iterator_next_raw:
 * @self: an iterator
 * @usec: how long to wait, in microseconds; negative for no limit
 * @result: (out) (transfer full) (nullable): the result, which is ready
 *
 * As [method@Mp.ResultIterator.next_result], for bindings.
 *
 * Returns: %MP_STATUS_OK; %MP_STATUS_CLOSED at the end; %MP_STATUS_TIMED_OUT; %MP_STATUS_INVALID
 *   in another process; or %MP_STATUS_INTERRUPTED at the latest after a tenth of a second: run
 *   what is pending, and call again
 *
 * Since: 0.1
 */
int
mp_result_iterator_next_raw (MpResultIterator  *self,
                             gint64             usec,
                             MpResult         **result)
{
  MpStatus status;

  *result = NULL;
  g_return_val_if_fail (MP_IS_RESULT_ITERATOR (self), MP_STATUS_INVALID);

  status = take (self, mp_deadline_from_usec (usec), TRUE, NULL, result);

  return status == MP_STATUS_OK && *result == NULL ? MP_STATUS_CLOSED : status;
}

/* ── Taking values ──────────────────────────────────────────────────────────────────────────── */

/* The next of the list being handed out, if any. */
static GVariant *
next_of_list (MpResultIterator *self)
{
  if (self->items == NULL)
    return NULL;

  if (self->next_item < g_variant_n_children (self->items))
    return mp_pool_get_item (self->items, self->next_item++);

  g_clear_pointer (&self->items, g_variant_unref);
  return NULL;
}

/* FALSE: the task failed. TRUE without a value: the list was empty. */
static gboolean
open_result (MpResultIterator  *self,
             MpResult          *result,
             GVariant         **value,
             GError           **error)
{
  g_autoptr (GVariant) whole = mp_result_get_value (result, error);

  if (whole == NULL)
    return FALSE;

  if (result->is_list && g_variant_is_container (whole))
    {
      self->items = mp_pool_open_list (whole);
      self->next_item = 0;
      *value = next_of_list (self);
    }
  else
    {
      *value = g_steal_pointer (&whole);
    }

  return TRUE;
}

/**
 * mp_result_iterator_next:
 * @self: an iterator
 * @timeout: how long to wait, in seconds; negative for no limit
 * @cancellable: (nullable): a #GCancellable
 * @value: (out) (optional) (transfer full) (nullable): the value
 * @error: return location for an error
 *
 * Takes the value for the next item, when it is there.
 *
 * It can fail with the error of the task that was to make it, in the ways of
 * [method@Mp.Result.get]; the next call then goes on behind that task. It can also fail with
 * [error@Mp.Error.TIMED_OUT], %G_IO_ERROR_CANCELLED and [error@Mp.Error.INVALID_STATE].
 *
 * Returns: %TRUE if there is a value; %FALSE without an error at the end, or with @error set
 *
 * Since: 0.1
 */
gboolean
mp_result_iterator_next (MpResultIterator  *self,
                         double             timeout,
                         GCancellable      *cancellable,
                         GVariant         **value,
                         GError           **error)
{
  gint64 deadline = mp_deadline_from_seconds (timeout);
  g_autoptr (GVariant) found = NULL;

  if (value != NULL)
    *value = NULL;
  g_return_val_if_fail (MP_IS_RESULT_ITERATOR (self), FALSE);

  found = next_of_list (self);
  while (found == NULL)
    {
      g_autoptr (MpResult) result = NULL;
      MpStatus status = take (self, deadline, FALSE, cancellable, &result);

      if (!mp_result_status_to_error (status, error) || result == NULL)
        return FALSE;
      if (!open_result (self, result, &found, error))
        return FALSE;
    }

  if (value != NULL)
    *value = g_steal_pointer (&found);

  return TRUE;
}

/* ── Asynchronously ─────────────────────────────────────────────────────────────────────────── */

static gboolean
advance_next (MpOp *op)
{
  MpResultIterator *self = op->subject;
  MpResult *head;

  op->taken = pop (self);
  if (op->taken != NULL || is_at_end (self))
    return TRUE;

  head = g_queue_peek_head (&self->queue);
  mp_op_place (op, head != NULL ? &mp_result_get_extra (head)->ops : &self->ops);

  return FALSE;
}

static void
finish_next (MpOp *op)
{
  g_task_return_pointer (op->task, g_steal_pointer (&op->taken), g_object_unref);
}

/* There is nothing to wait for. */
static void
return_at_once (MpResultIterator *self,
                GTask            *task)
{
  GError *error = NULL;
  MpResult *result;
  MpStatus status = take (self, 0, FALSE, NULL, &result);

  if (mp_result_status_to_error (status, &error))
    g_task_return_pointer (task, result, g_object_unref);
  else
    g_task_return_error (task, error);
}

/**
 * mp_result_iterator_next_async:
 * @self: an iterator
 * @cancellable: (nullable): a #GCancellable
 * @callback: (scope async): called when there is a result, or the end
 * @user_data: data for @callback
 *
 * Waits in the thread's default main context for the next result.
 *
 * The pools are kept alive until then.
 *
 * Since: 0.1
 */
void
mp_result_iterator_next_async (MpResultIterator    *self,
                               GCancellable        *cancellable,
                               GAsyncReadyCallback  callback,
                               gpointer             user_data)
{
  g_autoptr (GPtrArray) pools = NULL;
  g_autoptr (GTask) task = NULL;
  MpOp *op;

  g_return_if_fail (MP_IS_RESULT_ITERATOR (self));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, mp_result_iterator_next_async);

  pools = get_pools (self);
  if (pools->len == 0)
    {
      return_at_once (self, task);
      return;
    }

  op = mp_op_new (g_steal_pointer (&task), g_object_ref (self));
  op->advance = advance_next;
  op->finish = finish_next;
  for (guint i = 0; i < pools->len; i++)
    mp_op_add_pool (op, pools->pdata[i]);
  mp_op_start (op);
}

/**
 * mp_result_iterator_next_finish:
 * @self: an iterator
 * @result: what the callback was given
 * @error: return location for an error
 *
 * Gets the result that was waited for.
 *
 * It fails only with %G_IO_ERROR_CANCELLED.
 *
 * Returns: (transfer full) (nullable): the result, which is ready; or %NULL without an error at
 *   the end, or with @error set
 *
 * Since: 0.1
 */
MpResult *
mp_result_iterator_next_finish (MpResultIterator  *self,
                                GAsyncResult      *result,
                                GError           **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);

  return g_task_propagate_pointer (G_TASK (result), error);
}
