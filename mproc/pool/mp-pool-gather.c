/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * How results come home: who may look (the attendant), what it finds in the result queue, and how
 * threads wait for it.
 *
 * A thread that waits becomes the attendant if there is none, and sleeps on the result queue;
 * others wait on the pool's condition for the attendant to find theirs too, or to leave. A main
 * context never waits: when the doorbell or a worker's end wakes it, it looks once, unless an
 * attendant is there, who will see the same.
 */

#include "config.h"

#include "mproc/pool/mp-pool-private.h"

#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "mproc/base/mp-at-fork-private.h"
#include "mproc/base/mp-deadline-private.h"
#include "mproc/base/mp-error-private.h"
#include "mproc/base/mp-payload-private.h"
#include "mproc/memory/mp-attach-private.h"
#include "mproc/pool/mp-result-private.h"
#include "mproc/pool/mp-task-error-private.h"

/* Results taken before anything else is looked at, such as what the attendant itself waits for. */
#define BATCH 256

/* Workers are looked after this often while results keep coming. */
#define SUPERVISE_INTERVAL (20 * G_TIME_SPAN_MILLISECOND)

/* … and this often when there is none, before anybody sleeps: it costs more than a task does. */
#define GLANCE_INTERVAL G_TIME_SPAN_MILLISECOND

#define SLICE (100 * G_TIME_SPAN_MILLISECOND)

static GMutex pool_mutex;

int mp_pool_this_process;

/* A fork waits until no thread is in the middle of a change, so that the child finds the mutex
 * free and what it guards whole. */
static void
before_fork (void)
{
  g_mutex_lock (&pool_mutex);
}

static void
after_fork (void)
{
  g_mutex_unlock (&pool_mutex);
}

MP_AT_FORK static void
after_fork_in_child (void)
{
  mp_pool_this_process = getpid ();
  mp_mutex_reset (&pool_mutex);
}

static void __attribute__ ((constructor))
register_fork_handlers (void)
{
  mp_pool_this_process = getpid ();
  pthread_atfork (before_fork, after_fork, after_fork_in_child);
}

void
mp_pool_lock (void)
{
  g_mutex_lock (&pool_mutex);
}

void
mp_pool_unlock (void)
{
  g_mutex_unlock (&pool_mutex);
}

/* ── News ───────────────────────────────────────────────────────────────────────────────────── */

static void
add_news (GPtrArray **list,
          MpResult   *result)
{
  if (*list == NULL)
    *list = g_ptr_array_new_with_free_func (g_object_unref);
  g_ptr_array_add (*list, result);
}

static void
tell_group (MpTaskGroup *group,
            MpResult    *result,
            MpPoolNews  *news)
{
  group->n_left--;
  if (group->failed == NULL && result->error != NULL)
    group->failed = g_object_ref (result);
  if (group->n_left == 0 || group->failed == result)
    mp_op_advance_all (&group->ops, news);
}

static void
count (MpPoolPrivate *priv,
       MpResult      *result)
{
  if (result->error == NULL)
    priv->counts.n_done++;
  else
    priv->counts.n_failed++;
  priv->counts.n_over++;
}

/* Under the mutex: @result, which is ready, waits no more. */
void
mp_pool_complete (MpPool     *self,
                  MpResult   *result,
                  MpPoolNews *news)
{
  MpPoolPrivate *priv = mp_pool_get_private (self);
  MpResult *stolen = mp_waiting_steal (&priv->waiting, result->id);

  count (priv, result);
  if (stolen == NULL)
    stolen = g_object_ref (result);
  if (news->first == NULL)
    news->first = stolen;
  else
    add_news (&news->ready, stolen);

  while (result->iterators != NULL)
    {
      MpResultIterator *iterator = result->iterators->data;

      result->iterators = g_slist_delete_link (result->iterators, result->iterators);
      mp_result_iterator_arrived (iterator, result, news);
    }

  if (result->extra == NULL)
    return;
  if (result->extra->ops != NULL)
    mp_op_advance_all (&result->extra->ops, news);
  if (result->extra->group != NULL)
    tell_group (result->extra->group, result, news);
}

/* Under the mutex. */
void
mp_pool_fail_waiting (MpPool        *self,
                      const GError  *error,
                      MpTaskFailure  failure,
                      MpPoolNews    *news)
{
  MpPoolPrivate *priv = mp_pool_get_private (self);
  g_autoptr (GPtrArray) results = mp_waiting_list (&priv->waiting);

  for (guint i = 0; i < results->len; i++)
    {
      MpResult *result = results->pdata[i];

      mp_result_take_verdict (result, failure, g_error_copy (error), 0, MP_EXIT_CODE_NONE);
      mp_pool_complete (self, result, news);
    }
}

static void
tell_each (GPtrArray **list,
           void      (*func) (MpResult *result))
{
  g_autoptr (GPtrArray) results = g_steal_pointer (list);

  for (guint i = 0; results != NULL && i < results->len; i++)
    func (results->pdata[i]);
}

static void
tell_ready (MpResult *result)
{
  if (result->extra != NULL)
    mp_result_drop_cancellable (result);
  mp_result_notify_ready (result);
}

/* Without the mutex and the office: runs callbacks. */
void
mp_pool_deliver (MpPool     *self,
                 MpPoolNews *news,
                 gboolean    in_dispatch)
{
  g_autoptr (GSList) ops = g_slist_reverse (g_steal_pointer (&news->ops));
  g_autoptr (MpResult) first = g_steal_pointer (&news->first);

  if (news->told != NULL)
    tell_each (&news->told, mp_result_notify_progress);
  if (first != NULL || news->changes != NULL || news->printed != NULL)
    mp_pool_emit_changes (self, news);
  if (first != NULL)
    tell_ready (first);
  if (news->ready != NULL)
    tell_each (&news->ready, tell_ready);

  for (GSList *l = ops; l != NULL; l = l->next)
    mp_op_finish (l->data, in_dispatch);
}

/* ── Taking results ─────────────────────────────────────────────────────────────────────────── */

typedef struct {
  MpResultHeader header;
  MpTaskTimes    times;     /* if it has any */
  gsize          at;        /* where the payload begins */
  MpPayload     *payload;
  GError        *error;
  GVariant      *details;
} Outcome;

static void
outcome_clear (Outcome *self)
{
  g_clear_pointer (&self->payload, mp_payload_unref);
  g_clear_pointer (&self->details, g_variant_unref);
  g_clear_error (&self->error);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Outcome, outcome_clear)

/* What is in a message from the result queue. */
typedef struct {
  guint         encoding;
  const guint8 *data;
  gsize         size;
  MpBlock      *block;          /* (owned) (nullable) that it came in */
} Message;

/* The rest of it: whoever holds the value holds what it refers to. */
static MpPayload *
make_payload (const Message *message,
              gsize          at)
{
  g_autoptr (GBytes) whole = NULL;
  g_autoptr (GBytes) bytes = NULL;
  MpPayload *payload;

  if (message->block == NULL)
    {
      bytes = g_bytes_new (message->data + at, message->size - at);
      return mp_payload_new (message->encoding, bytes);
    }

  whole = mp_block_get_bytes (message->block);
  bytes = g_bytes_new_from_bytes (whole, at, message->size - at);
  payload = mp_payload_new (message->encoding, bytes);
  if (payload != NULL)
    mp_payload_set_holder (payload, mp_block_ref (message->block),
                           (GDestroyNotify) mp_block_unref);

  return payload;
}

static gboolean
outcome_read (Outcome       *self,
              const Message *message)
{
  const guint8 *data = message->data;

  if (message->size < sizeof self->header)
    return FALSE;

  memcpy (&self->header, data, sizeof self->header);
  self->at = sizeof self->header;
  if (self->header.timed && message->size >= self->at + sizeof self->times)
    {
      memcpy (&self->times, data + self->at, sizeof self->times);
      self->at += sizeof self->times;
    }
  if (self->header.outcome == MP_OUTCOME_NOTHING)
    self->payload = mp_payload_ref (mp_pool_get_nothing ());
  else
    self->payload = make_payload (message, self->at);

  if (self->payload != NULL && self->header.outcome == MP_OUTCOME_FAILED)
    {
      self->details = mp_payload_get_variant (self->payload, NULL, &self->error);
      if (self->details != NULL)
        self->error = mp_task_error_to_error (self->details);
    }

  return self->payload != NULL;
}

/* Under the mutex: whoever sits there is of use. */
static void
note_proof (MpPoolPrivate        *priv,
            const MpResultHeader *header)
{
  if (header->seat < priv->n_seats && priv->roster[header->seat].pid == header->pid)
    priv->roster[header->seat].proved = TRUE;

  priv->failures = 0;
  priv->deaths = 0;
}

/* Under the mutex: the task goes on, and has said how far it is. */
static void
take_progress (MpResult   *result,
               Outcome    *outcome,
               MpPoolNews *news)
{
  MpTaskExtra *extra = mp_result_get_extra (result);
  gsize size;
  const guint8 *data = g_bytes_get_data (mp_payload_get_bytes (outcome->payload), &size);

  if (size < sizeof extra->progress)
    return;

  memcpy (&extra->progress, data, sizeof extra->progress);
  if (size > sizeof extra->progress)
    {
      g_free (extra->progress_text);
      extra->progress_text = g_utf8_make_valid ((const char *) data + sizeof extra->progress,
                                                size - sizeof extra->progress);
    }
  add_news (&news->told, g_object_ref (result));
}

/* Under the mutex: the outcome comes next, or its worker has died. */
void
mp_pool_take_output (MpResult   *result,
                     GBytes     *bytes,
                     MpPoolNews *news)
{
  MpTaskExtra *extra = mp_result_get_extra (result);
  gsize size;
  const char *data = g_bytes_get_data (bytes, &size);

  if (extra->output == NULL)
    extra->output = g_string_new (NULL);
  g_string_append_len (extra->output, data, size);
  add_news (&news->printed, g_object_ref (result));
}

/* Under the mutex: TRUE if the task is done. */
static gboolean
take_outcome (MpPoolPrivate *priv,
              MpResult      *result,
              Outcome       *outcome,
              MpPoolNews    *news)
{
  int pid = outcome->header.pid;

  switch (outcome->header.outcome)
    {
    case MP_OUTCOME_BACK:
      result->number = 0;
      return FALSE;
    case MP_OUTCOME_PROGRESS:
      take_progress (result, outcome, news);
      return FALSE;
    case MP_OUTCOME_OUTPUT:
      mp_pool_take_output (result, mp_payload_get_bytes (outcome->payload), news);
      return FALSE;
    default:
      if (outcome->times.began != 0)
        mp_pool_trace_add (priv, result, &outcome->header, &outcome->times);
      if (outcome->error == NULL)
        mp_result_take_payload (result, g_steal_pointer (&outcome->payload), pid);
      else if (result->extra != NULL && result->extra->retry_errors && result->extra->retries > 0)
        return FALSE;
      else
        mp_result_take_failure (result, g_steal_pointer (&outcome->error),
                                g_steal_pointer (&outcome->details), pid);
      return TRUE;
    }
}

/* (transfer full) (nullable): the result, if its task is to be put again. */
static MpResult *
apply (MpPool     *self,
       Outcome    *outcome,
       MpPoolNews *news)
{
  MpPoolPrivate *priv = mp_pool_get_private (self);
  guint kind = outcome->header.outcome;
  MpResult *again = NULL;
  MpResult *result;

  mp_pool_lock ();
  note_proof (priv, &outcome->header);
  result = mp_waiting_lookup (&priv->waiting, outcome->header.id);
  if (result != NULL && take_outcome (priv, result, outcome, news))
    mp_pool_complete (self, result, news);
  else if (result != NULL && (kind == MP_OUTCOME_BACK || kind == MP_OUTCOME_FAILED))
    again = g_object_ref (result);
  mp_pool_unlock ();

  return again;
}

static void
accept_message (MpPool        *self,
                const Message *message,
                MpPoolNews    *news)
{
  g_auto (Outcome) outcome = { 0 };
  g_autoptr (MpResult) again = NULL;

  if (!outcome_read (&outcome, message))
    return;

  again = apply (self, &outcome, news);
  if (again != NULL && outcome.header.outcome == MP_OUTCOME_FAILED)
    {
      mp_pool_retry (self, again, news);
    }
  else if (again != NULL)
    {
      if (message->block != NULL)
        mp_attach_block (message->block);
      mp_pool_put_again (self, again, message->encoding, message->data + outcome.at,
                         message->size - outcome.at, news);
    }
}

/* Small ones go to @buffer. */
static gboolean
take_message (MpQueue *queue,
              guint8  *buffer,
              gsize    size,
              Message *message)
{
  const MpWaitLimits limits = { MP_DEADLINE_NOW, NULL, FALSE };
  MpRingMessage taken = { 0 };

  if (mp_queue_get_until (queue, buffer, size, TRUE, NULL, &limits, &taken) != MP_STATUS_OK)
    return FALSE;

  *message = (Message) { taken.encoding, buffer, taken.size, NULL };
  if (taken.block != 0)
    {
      message->block = mp_block_adopt (taken.block, taken.lease);
      message->data = mp_block_get_data (message->block, NULL);
    }

  return TRUE;
}

/* For the attendant. Returns how many results there were. */
guint
mp_pool_drain (MpPool     *self,
               MpPoolNews *news)
{
  MpPoolPrivate *priv = mp_pool_get_private (self);
  guint8 buffer[MP_RING_INLINE_MAX] __attribute__ ((aligned (8)));
  Message message;
  guint n = 0;

  while (n < BATCH && take_message (priv->results, buffer, sizeof buffer, &message))
    {
      accept_message (self, &message, news);
      g_clear_pointer (&message.block, mp_block_unref);
      n++;
    }

  return n;
}

/* ── The attendant ──────────────────────────────────────────────────────────────────────────── */

/* @interval: how long the workers may have been left alone if no result is there. */
static gboolean
look (MpPool     *self,
      gint64      interval,
      MpPoolNews *news)
{
  MpPoolPrivate *priv = mp_pool_get_private (self);
  guint n = mp_pool_drain (self, news);
  gboolean urgent = g_atomic_int_compare_and_exchange (&priv->urgent, TRUE, FALSE);
  gboolean changed = FALSE;

  if (n > 0)
    interval = SUPERVISE_INTERVAL;
  if (urgent || interval == 0 || mp_pool_now () - priv->supervised > interval)
    changed = mp_pool_supervise (self, news);

  return n > 0 || changed;
}

/* Under the mutex. GLib asks the kernel to wake even nobody. */
void
mp_pool_wake_followers (MpPoolPrivate *priv)
{
  if (priv->n_followers > 0)
    g_cond_broadcast (&priv->changed);
}

static void
wait_until (MpPoolPrivate *priv,
            gint64         end)
{
  priv->n_followers++;
  g_cond_wait_until (&priv->changed, &pool_mutex, end);
  priv->n_followers--;
}

/* Under the mutex, which both release for a while. */
static void
take_office (MpPoolPrivate *priv)
{
  priv->attendant = g_thread_self ();
  priv->kicks_seen = g_atomic_int_get (&priv->kicks);
  mp_pool_unlock ();
}

static void
leave_office (MpPool     *self,
              MpPoolNews *news,
              gboolean    in_dispatch)
{
  MpPoolPrivate *priv = mp_pool_get_private (self);

  mp_pool_lock ();
  if (priv->state == MP_POOL_TERMINATED && !priv->buried)
    {
      g_autoptr (GError) error = g_error_new_literal (MP_ERROR, MP_ERROR_TERMINATED,
                                                      "The pool was terminated");

      mp_pool_unlock ();
      mp_pool_drain (self, news);
      mp_pool_kill_workers (self);
      mp_pool_lock ();
      mp_pool_fail_waiting (self, error, MP_TASK_FAILURE_TERMINATED, news);
      priv->buried = TRUE;
    }

  priv->attendant = NULL;
  mp_pool_wake_followers (priv);
  if (priv->end_ops != NULL && mp_pool_has_ended (self))
    mp_op_advance_all (&priv->end_ops, news);
  mp_pool_unlock ();

  mp_pool_deliver (self, news, in_dispatch);
}

/* Makes the attendant look up, if it sleeps. */
void
mp_pool_kick (MpPool *self)
{
  MpPoolPrivate *priv = mp_pool_get_private (self);

  g_atomic_int_inc (&priv->kicks);
  mp_queue_kick (priv->results);
}

/* Looks once, if nobody else does. */
void
mp_pool_attend (MpPool   *self,
                gboolean  in_dispatch)
{
  MpPoolPrivate *priv = mp_pool_get_private (self);
  MpPoolNews news = { 0 };

  if (!mp_pool_is_owner (self, NULL))
    return;

  mp_pool_lock ();
  if (priv->attendant != NULL)
    {
      mp_pool_unlock ();
      mp_pool_kick (self);
      return;
    }

  take_office (priv);
  look (self, 0, &news);
  leave_office (self, &news, in_dispatch);
}

/* Under the mutex, which it releases for a while. */
static MpStatus
attend_and_wait (MpPool       *self,
                 gint64        deadline,
                 gboolean      interruptible,
                 GCancellable *cancellable)
{
  MpPoolPrivate *priv = mp_pool_get_private (self);
  gboolean leaving = priv->state != MP_POOL_OPEN && priv->waiting.size == 0;
  MpPoolNews news = { 0 };
  MpStatus status = MP_STATUS_OK;

  take_office (priv);
  if (!look (self, GLANCE_INTERVAL, &news))
    {
      status = mp_pool_sleep (self, leaving, deadline, cancellable);
      if (look (self, 0, &news) || (status == MP_STATUS_INTERRUPTED && !interruptible))
        status = MP_STATUS_OK;
      else if (status == MP_STATUS_OK && interruptible)
        status = MP_STATUS_INTERRUPTED;
    }
  leave_office (self, &news, FALSE);

  mp_pool_lock ();
  return status;
}

/* Under the mutex: somebody else is the attendant. A cancellation is seen within a slice. */
static MpStatus
follow (MpPoolPrivate *priv,
        gint64         deadline)
{
  gint64 now = g_get_monotonic_time ();

  if (priv->attendant == g_thread_self ())
    return MP_STATUS_INVALID;
  if (deadline <= now)
    return MP_STATUS_TIMED_OUT;

  wait_until (priv, MIN (deadline, now + SLICE));
  return MP_STATUS_OK;
}

/* Waits until @check (@data) says so. With @interruptible, returns MP_STATUS_INTERRUPTED at the
 * latest after a slice. MP_STATUS_INVALID: not this process's pool, or called from inside, by the
 * function that makes workers. */
MpStatus
mp_pool_wait (MpPool       *self,
              MpPoolCheck   check,
              gpointer      data,
              gint64        deadline,
              gboolean      interruptible,
              GCancellable *cancellable)
{
  MpPoolPrivate *priv = mp_pool_get_private (self);
  gint64 slice_end = interruptible ? g_get_monotonic_time () + SLICE : MP_DEADLINE_NEVER;
  MpStatus status = MP_STATUS_OK;

  if (!mp_pool_is_owner (self, NULL))
    return MP_STATUS_INVALID;

  mp_pool_lock ();
  while (!check (data))
    {
      if (status != MP_STATUS_OK)
        break;

      if (g_cancellable_is_cancelled (cancellable))
        status = MP_STATUS_CANCELLED;
      else if (priv->attendant == NULL)
        status = attend_and_wait (self, deadline, interruptible, cancellable);
      else
        status = follow (priv, MIN (deadline, slice_end));

      if (status != MP_STATUS_OK && status != MP_STATUS_TIMED_OUT)
        continue;
      if (mp_deadline_left (deadline, 1) == 0)
        status = MP_STATUS_TIMED_OUT;
      else
        status = mp_deadline_left (slice_end, 1) == 0 ? MP_STATUS_INTERRUPTED : MP_STATUS_OK;
    }

  if (check (data))
    status = MP_STATUS_OK;
  mp_pool_unlock ();

  return status;
}

/* Ends everything, at once. The state is MP_POOL_TERMINATED already; if the caller is the
 * attendant itself, from inside, that happens when it leaves the office. */
void
mp_pool_bury (MpPool *self)
{
  MpPoolPrivate *priv = mp_pool_get_private (self);
  MpPoolNews news = { 0 };

  mp_pool_lock ();
  while (priv->attendant != NULL && priv->attendant != g_thread_self ())
    {
      mp_pool_unlock ();
      mp_pool_kick (self);
      mp_pool_lock ();
      if (priv->attendant != NULL)
        wait_until (priv, g_get_monotonic_time () + 5 * G_TIME_SPAN_MILLISECOND);
    }

  if (priv->buried || priv->attendant != NULL)
    {
      mp_pool_unlock ();
      return;
    }

  take_office (priv);
  leave_office (self, &news, FALSE);
}
