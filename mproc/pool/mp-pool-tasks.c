/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Giving tasks, one at a time; those of a list are in mp-pool-map.c.
 *
 * A task is entered among those that wait before its message is put, because its result can be
 * there before the put returns. The message's number is known only afterwards; until it is noted,
 * n_putting keeps the attendant from judging a lease that it cannot place.
 */

#include "config.h"

#include "mproc/pool/mp-pool-private.h"

#include <string.h>

#include "mproc/base/mp-deadline-private.h"
#include "mproc/base/mp-error-private.h"
#include "mproc/memory/mp-attach-private.h"
#include "mproc/pool/mp-result-private.h"
#include "mproc/process/mp-function-private.h"

/* While tasks are given, workers are looked after this often. */
#define LOOK_INTERVAL (20 * G_TIME_SPAN_MILLISECOND)

typedef struct {
  guint         encoding;
  gconstpointer data;
  gsize         size;
} Argument;

/* ── One task ───────────────────────────────────────────────────────────────────────────────── */

/* Under the mutex: the pool is open and has room. */
static gboolean
may_enter (MpPoolPrivate *priv)
{
  return priv->state == MP_POOL_OPEN
         && (priv->max_pending == 0 || priv->waiting.size < priv->max_pending);
}

/* Under the mutex. */
static void
enter_waiting (MpPoolPrivate *priv,
               MpResult      *result,
               MpTaskHeader  *header)
{
  if (priv->waiting.size == 0)
    priv->counts.n_given = priv->counts.n_over = 0;
  result->id = ++priv->last_id;
  header->id = result->id;
  header->generation = priv->generation;
  mp_waiting_insert (&priv->waiting, result->id, g_object_ref (result));
  mp_pool_board_set_cancelled (priv->board, result->id, FALSE);
  priv->counts.n_given++;
  priv->n_putting++;
  priv->failures = 0;
  priv->retry_at = 0;
}

/* Enters a new task among those that wait. */
static gboolean
enter (MpPool        *self,
       MpResult      *result,
       MpTaskHeader  *header,
       GError       **error)
{
  MpPoolPrivate *priv = mp_pool_get_private (self);
  MpPoolState state;
  gboolean entered;

  mp_pool_lock ();
  state = priv->state;
  entered = may_enter (priv);
  if (entered)
    enter_waiting (priv, result, header);
  mp_pool_unlock ();

  if (!entered && mp_pool_check_open (state, error))
    g_set_error (error, MP_ERROR, MP_ERROR_FULL, "The pool has %u tasks that are not done",
                 priv->max_pending);

  return entered;
}

/* The put is over: the message has this number, or with 0 there is none. */
static void
note_number (MpPool   *self,
             MpResult *result,
             guint64   number)
{
  MpPoolPrivate *priv = mp_pool_get_private (self);
  MpResult *dropped = NULL;

  mp_pool_lock ();
  priv->n_putting--;
  if (number != 0)
    result->number = number;
  else
    dropped = mp_waiting_steal (&priv->waiting, result->id);
  mp_pool_unlock ();

  g_clear_object (&dropped);
}

/* Under the mutex: workers that end when they are idle may all have gone. */
static gboolean
wants_worker (MpPoolPrivate *priv)
{
  guint wanted = MIN (priv->n_workers, priv->waiting.size);
  guint n = 0;

  if (priv->board->rules.idle_usec <= 0)
    return FALSE;

  for (guint i = 0; i < priv->n_seats && n < wanted; i++)
    n += priv->roster[i].process != NULL
         && mp_pool_board_load (&priv->board->seats[i].taken) != MP_SEAT_LEFT;

  return n < wanted;
}

/* Replaces workers that died while nobody looked, at most every now and then: a program may give a
 * task and do something else for long. */
static void
look_after_workers (MpPool *self)
{
  MpPoolPrivate *priv = mp_pool_get_private (self);
  gint64 now = g_get_monotonic_time ();
  gboolean due;

  mp_pool_lock ();
  due = now - priv->looked > LOOK_INTERVAL || wants_worker (priv);
  if (due)
    priv->looked = now;
  mp_pool_unlock ();

  if (due)
    {
      g_atomic_int_set (&priv->urgent, TRUE);
      mp_pool_attend (self, FALSE);
    }
}

/* ── Options ────────────────────────────────────────────────────────────────────────────────── */

static guint
lane_of (MpTaskOptions *options)
{
  int priority = options != NULL ? (int) mp_task_options_get_priority (options) : 0;

  return MP_POOL_LANE_NORMAL - priority;
}

static gint64
to_usec (double seconds)
{
  return seconds > 0 ? (gint64) MAX (1, MIN (seconds, 1e9) * G_USEC_PER_SEC) : 0;
}

static MpTaskLimits
limits_of (MpTaskOptions *options)
{
  if (options == NULL)
    return (MpTaskLimits) { 0 };

  return (MpTaskLimits) {
    .soft = to_usec (mp_task_options_get_soft_time_limit (options)),
    .hard = to_usec (mp_task_options_get_time_limit (options)),
  };
}

/* Before anybody else knows the result. */
static void
keep_options (MpResult            *result,
              const MpPoolRequest *request,
              const MpTaskLimits  *limits)
{
  MpTaskOptions *options = request->options;
  MpTaskExtra *extra;

  if (request->group == NULL && options == NULL)
    return;

  extra = mp_result_get_extra (result);
  if (request->group != NULL)
    extra->group = mp_task_group_ref (request->group);
  if (options == NULL)
    return;

  extra->name = g_strdup (mp_task_options_get_name (options));
  extra->retries = mp_task_options_get_retries (options);
  extra->retry_errors = mp_task_options_get_retry_errors (options);
  extra->limits = *limits;
  g_set_object (&extra->cancellable, mp_task_options_get_cancellable (options));
}

/* A timeline wants a name; that of a function of C is behind the file it is in. */
static void
name_after_function (MpResult             *result,
                     const MpPoolFunction *function)
{
  MpTaskExtra *extra = mp_result_get_extra (result);

  if (extra->name == NULL && function->kind == MP_FUNCTION_NAMED)
    extra->name = g_strndup (function->name, function->size);
}

static void
cancel_result (GCancellable *cancellable,
               gpointer      result)
{
  mp_result_cancel (result);
}

static void
connect_cancellable (MpResult *result)
{
  GCancellable *cancellable = result->extra != NULL ? result->extra->cancellable : NULL;
  gulong id;

  if (cancellable == NULL)
    return;

  id = g_signal_connect_data (cancellable, "cancelled", G_CALLBACK (cancel_result),
                              g_object_ref (result), (GClosureNotify) (GCallback) g_object_unref,
                              0);
  mp_pool_lock ();
  result->extra->cancel_id = id;
  mp_pool_unlock ();

  if (g_cancellable_is_cancelled (cancellable))
    mp_result_cancel (result);
  if (mp_result_peek_ready (result))
    mp_result_drop_cancellable (result);
}

/* ── Messages ───────────────────────────────────────────────────────────────────────────────── */

#define N_PARTS 4

static void
copy_parts (guint8            *to,
            const MpQueuePart *parts)
{
  for (guint i = 0; i < N_PARTS; i++)
    {
      if (parts[i].size > 0)
        memcpy (to, parts[i].data, parts[i].size);
      to += parts[i].size;
    }
}

/* With what it refers to, for as long as the task may be tried again. */
static MpStatus
keep_in_block (MpTaskExtra       *extra,
               const MpQueuePart *parts,
               gsize              size)
{
  MpWaitLimits limits = { MP_DEADLINE_NEVER, NULL, FALSE };
  g_autoptr (GArray) references = mp_attach_claim ();
  MpOffset offset;
  guint32 lease;
  MpStatus status = mp_block_create (size, references, &limits, &offset, &lease);

  if (status != MP_STATUS_OK)
    return status;

  copy_parts (MP_BLOCK_DATA (offset), parts);
  extra->block = mp_block_adopt (offset, lease);

  return extra->block != NULL ? MP_STATUS_OK : MP_STATUS_FAILED;
}

/* A task that may be tried again keeps its message. */
static MpStatus
keep_message (MpTaskExtra       *extra,
              guint              encoding,
              const MpQueuePart *parts)
{
  gsize size = 0;
  guint8 *copy;

  for (guint i = 0; i < N_PARTS; i++)
    size += parts[i].size;

  extra->encoding = encoding;
  if (size > MP_RING_INLINE_MAX || mp_attach_any ())
    return keep_in_block (extra, parts, size);

  copy = g_malloc (size);
  copy_parts (copy, parts);
  extra->message = g_bytes_new_take (copy, size);

  return MP_STATUS_OK;
}

/* Gives what is kept. */
static MpStatus
put_kept (MpPoolPrivate *priv,
          MpResult      *result,
          guint64       *number)
{
  MpTaskExtra *extra = result->extra;
  MpWaitLimits limits = { MP_DEADLINE_NEVER, NULL, FALSE };
  MpRing *ring = mp_shared_get_data (MP_SHARED (priv->lanes[result->lane]));
  MpQueuePart part;
  MpOffset offset;
  guint32 lease;
  MpStatus status;

  if (extra->message != NULL)
    {
      part.data = g_bytes_get_data (extra->message, &part.size);
      return mp_queue_put_parts (priv->lanes[result->lane], extra->encoding, &part, 1,
                                 MP_DEADLINE_NEVER, FALSE, NULL, number);
    }

  status = mp_block_lease (extra->block, &offset, &lease);
  if (status != MP_STATUS_OK)
    return status;

  status = mp_ring_put_block (ring, extra->encoding, offset, lease, &limits, number);
  if (status != MP_STATUS_OK)
    mp_lease_drop (lease);

  return status;
}

/* Workers wait on the normal queue. */
static void
wake_for_lane (MpPoolPrivate *priv,
               guint          lane)
{
  if (lane != MP_POOL_LANE_NORMAL)
    mp_queue_kick (priv->lanes[MP_POOL_LANE_NORMAL]);
}

static MpStatus
put (MpPoolPrivate     *priv,
     MpResult          *result,
     guint              encoding,
     const MpQueuePart *parts,
     guint64           *number)
{
  MpStatus status = MP_STATUS_OK;

  if (result->extra == NULL || result->extra->retries == 0)
    {
      status = mp_queue_put_parts (priv->lanes[result->lane], encoding, parts, N_PARTS,
                                   MP_DEADLINE_NEVER, FALSE, NULL, number);
    }
  else
    {
      status = keep_message (result->extra, encoding, parts);
      if (status == MP_STATUS_OK)
        status = put_kept (priv, result, number);
    }

  if (status == MP_STATUS_OK)
    wake_for_lane (priv, result->lane);

  return status;
}

/* ── Giving ─────────────────────────────────────────────────────────────────────────────────── */

static MpResult *
submit (MpPool                *self,
        const MpPoolFunction  *function,
        guint                  flags,
        const Argument        *argument,
        const MpPoolRequest   *request,
        GError               **error)
{
  MpPoolPrivate *priv = mp_pool_get_private (self);
  MpTaskHeader header = { 0, function->kind, flags, 0, function->size };
  MpTaskLimits limits = limits_of (request->options);
  gboolean limited = limits.soft > 0 || limits.hard > 0;
  MpQueuePart parts[N_PARTS] = {
    { &header, sizeof header },
    { &limits, limited ? sizeof limits : 0 },
    { argument->data, argument->size },
    { function->name, function->size },
  };
  g_autoptr (MpResult) result = NULL;
  guint64 number = 0;
  MpStatus status;

  if (!mp_pool_is_owner (self, error))
    return NULL;

  if (limited)
    header.flags |= MP_TASK_LIMITED;
  result = mp_result_new (self, (flags & MP_TASK_MAP) != 0);
  result->lane = lane_of (request->options);
  keep_options (result, request, &limits);
  if (G_UNLIKELY (priv->board->rules.timed))
    name_after_function (result, function);
  if (!enter (self, result, &header, error))
    return NULL;

  status = put (priv, result, argument->encoding, parts, &number);
  note_number (self, result, status == MP_STATUS_OK ? number : 0);
  if (!mp_status_to_error (status, error))
    return NULL;

  connect_cancellable (result);
  look_after_workers (self);

  return g_steal_pointer (&result);
}

static gboolean
has_room (gpointer data)
{
  MpPoolPrivate *priv = mp_pool_get_private (data);

  return priv->state != MP_POOL_OPEN || may_enter (priv);
}

/**
 * mp_pool_wait_room:
 * @self: a pool
 * @timeout: how long to wait, in seconds; negative for no limit
 * @cancellable: (nullable): a #GCancellable
 * @error: return location for an error
 *
 * Waits until the pool has fewer tasks that are not done than [property@Mp.Pool:max-pending].
 *
 * The calls that give a task do so by themselves.
 *
 * It can fail with [error@Mp.Error.TIMED_OUT], with %G_IO_ERROR_CANCELLED, and with
 * [error@Mp.Error.INVALID_STATE] in a process other than the pool's.
 *
 * Returns: %TRUE, also if the pool is not open any more, or %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
mp_pool_wait_room (MpPool        *self,
                   double         timeout,
                   GCancellable  *cancellable,
                   GError       **error)
{
  g_return_val_if_fail (MP_IS_POOL (self), FALSE);

  if (!mp_pool_is_owner (self, error))
    return FALSE;

  return mp_status_to_error (mp_pool_wait (self, has_room, self,
                                           mp_deadline_from_seconds (timeout), FALSE, cancellable),
                             error);
}

/**
 * mp_pool_wait_room_raw:
 * @self: a pool
 * @usec: how long to wait, in microseconds; negative for no limit
 *
 * As [method@Mp.Pool.wait_room], for bindings.
 *
 * Returns: %MP_STATUS_OK, %MP_STATUS_TIMED_OUT, %MP_STATUS_INVALID in a process other than the
 *   pool's, or %MP_STATUS_INTERRUPTED at the latest after a tenth of a second: run what is pending,
 *   and call again
 *
 * Since: 0.1
 */
int
mp_pool_wait_room_raw (MpPool *self,
                       gint64  usec)
{
  g_return_val_if_fail (MP_IS_POOL (self), MP_STATUS_INVALID);

  return mp_pool_wait (self, has_room, self, mp_deadline_from_usec (usec), TRUE, NULL);
}

/* Under the mutex: the put did not succeed. */
static void
fail_put (MpPool     *self,
          MpResult   *result,
          MpStatus    status,
          MpPoolNews *news)
{
  GError *error = NULL;

  if (mp_status_to_error (status, &error))
    return;

  if (mp_result_peek_ready (result))
    {
      g_clear_error (&error);
      return;
    }
  mp_result_take_failure (result, error, NULL, 0);
  mp_pool_complete (self, result, news);
}

gboolean
mp_pool_retry (MpPool     *self,
               MpResult   *result,
               MpPoolNews *news)
{
  MpPoolPrivate *priv = mp_pool_get_private (self);
  guint64 number = 0;
  MpStatus status;
  gboolean again;

  mp_pool_lock ();
  again = result->extra != NULL && result->extra->retries > 0 && !mp_result_peek_ready (result)
          && priv->state != MP_POOL_TERMINATED;
  if (again)
    {
      result->extra->retries--;
      result->extra->n_tries++;
      priv->counts.n_retried++;
      priv->n_putting++;
    }
  mp_pool_unlock ();
  if (!again)
    return FALSE;

  status = put_kept (priv, result, &number);
  mp_pool_lock ();
  priv->n_putting--;
  result->number = number;
  fail_put (self, result, status, news);
  mp_pool_unlock ();
  wake_for_lane (priv, result->lane);

  return TRUE;
}

/* For the attendant: a worker has handed a task back, whose message this is. */
void
mp_pool_put_again (MpPool       *self,
                   MpResult     *result,
                   guint         encoding,
                   const guint8 *message,
                   gsize         size,
                   MpPoolNews   *news)
{
  MpPoolPrivate *priv = mp_pool_get_private (self);
  MpQueuePart part = { message, size };
  guint64 number = 0;
  MpStatus status;

  mp_pool_lock ();
  priv->n_putting++;
  mp_pool_unlock ();

  status = mp_queue_put_parts (priv->lanes[result->lane], encoding, &part, 1, MP_DEADLINE_NEVER,
                               FALSE, NULL, &number);

  mp_pool_lock ();
  priv->n_putting--;
  result->number = number;
  fail_put (self, result, status, news);
  mp_pool_unlock ();
  wake_for_lane (priv, result->lane);
}

/* Waits for room, if the pool is bounded. */
MpResult *
mp_pool_submit_payload (MpPool                *self,
                        const MpPoolFunction  *function,
                        guint                  flags,
                        MpPayload             *payload,
                        const MpPoolRequest   *request,
                        GError               **error)
{
  Argument argument = { mp_payload_get_encoding (payload), NULL, 0 };

  argument.data = g_bytes_get_data (mp_payload_get_bytes (payload), &argument.size);
  if (G_UNLIKELY (mp_pool_get_private (self)->max_pending > 0)
      && !mp_pool_wait_room (self, -1, request->options != NULL
                                         ? mp_task_options_get_cancellable (request->options)
                                         : NULL, error))
    return NULL;

  return submit (self, function, flags, &argument, request, error);
}

MpResult *
mp_pool_submit_variant (MpPool                *self,
                        const MpPoolFunction  *function,
                        guint                  flags,
                        GVariant              *value,
                        const MpPoolRequest   *request,
                        GError               **error)
{
  g_autoptr (MpPayload) payload = mp_payload_new_variant (value);

  return mp_pool_submit_payload (self, function, flags, payload, request, error);
}

static gboolean
check_data (guint    encoding,
            gsize    function_size,
            GError **error)
{
  if (encoding >= MP_ENCODING_VARIANT && encoding <= MP_ENCODING_BYTES
      && function_size <= G_MAXUINT32)
    return TRUE;

  g_set_error (error, MP_ERROR, MP_ERROR_INVALID_ARGUMENT,
               "No task can have an argument of encoding %u and a function of %" G_GSIZE_FORMAT
               " bytes", encoding, function_size);
  return FALSE;
}

/**
 * mp_pool_submit_data:
 * @self: a pool
 * @kind: how @function is to be understood: an [enum@Mp.FunctionKind], or a number from
 *   %MP_FUNCTION_LANGUAGE up
 * @function: (array length=function_size) (nullable): what names the function
 * @function_size: the size of @function in bytes
 * @flags: an [flags@Mp.TaskFlags]
 * @encoding: the encoding of @data, an [enum@Mp.Encoding]
 * @data: (array length=size) (nullable): the argument
 * @size: the size of @data in bytes
 * @error: return location for an error
 *
 * Gives a task, for bindings.
 *
 * It does not wait for room: in a pool that is bounded it fails with [error@Mp.Error.FULL] if there
 * is none. Else it fails as [method@Mp.Pool.submit] does, and with
 * [error@Mp.Error.INVALID_ARGUMENT] if @encoding is none.
 *
 * Returns: (transfer full): the result to be
 *
 * Since: 0.1
 */
MpResult *
mp_pool_submit_data (MpPool        *self,
                     guint          kind,
                     const guint8  *function,
                     gsize          function_size,
                     guint          flags,
                     guint          encoding,
                     const guint8  *data,
                     gsize          size,
                     GError       **error)
{
  return mp_pool_submit_data_with (self, kind, function, function_size, flags, encoding, data, size,
                                   NULL, error);
}

/**
 * mp_pool_submit_data_with:
 * @self: a pool
 * @kind: how @function is to be understood: an [enum@Mp.FunctionKind], or a number from
 *   %MP_FUNCTION_LANGUAGE up
 * @function: (array length=function_size) (nullable): what names the function
 * @function_size: the size of @function in bytes
 * @flags: an [flags@Mp.TaskFlags]
 * @encoding: the encoding of @data, an [enum@Mp.Encoding]
 * @data: (array length=size) (nullable): the argument
 * @size: the size of @data in bytes
 * @options: (nullable): how the task is to be run
 * @error: return location for an error
 *
 * Gives a task, for bindings.
 *
 * It fails as [method@Mp.Pool.submit_data] does.
 *
 * Returns: (transfer full): the result to be
 *
 * Since: 0.1
 */
MpResult *
mp_pool_submit_data_with (MpPool         *self,
                          guint           kind,
                          const guint8   *function,
                          gsize           function_size,
                          guint           flags,
                          guint           encoding,
                          const guint8   *data,
                          gsize           size,
                          MpTaskOptions  *options,
                          GError        **error)
{
  g_return_val_if_fail (MP_IS_POOL (self), NULL);
  g_return_val_if_fail (options == NULL || MP_IS_TASK_OPTIONS (options), NULL);

  if (!check_data (encoding, function_size, error))
    return NULL;

  return submit (self, &(MpPoolFunction) { kind, function, function_size },
                 flags & (MP_TASK_MAP | MP_TASK_INHERITED), &(Argument) { encoding, data, size },
                 &(MpPoolRequest) { options, NULL }, error);
}
