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

/* A message: header and limits before the pieces of the argument, the name of the function behind.
 * Mostly there is one piece. */
#define N_AROUND 3
#define N_FEW (N_AROUND + 1)

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

/* Under the mutex: workers that end when they are idle may all have gone. */
static gboolean
wants_worker (MpPoolPrivate *priv)
{
  guint wanted = MIN (priv->n_workers, priv->waiting.size);
  guint n = 0;

  if (priv->board->rules.idle_usec <= 0)
    return FALSE;

  for (guint i = 0; i < priv->n_seats && n < wanted; i++)
    n += mp_pool_is_seated (priv, i)
         && mp_pool_board_load (&priv->board->seats[i].taken) != MP_SEAT_LEFT;

  return n < wanted;
}

/* Under the mutex: whether to replace workers that died while nobody looked, at most every now and
 * then. A program may give a task and do something else for long. */
static gboolean
is_look_due (MpPoolPrivate *priv)
{
  gint64 now = mp_pool_now ();

  if (now - priv->looked <= LOOK_INTERVAL && !wants_worker (priv))
    return FALSE;

  priv->looked = now;
  return TRUE;
}

/* The put is over: the message has this number, or with 0 there is none. TRUE if the workers are to
 * be looked after. */
static gboolean
note_number (MpPool   *self,
             MpResult *result,
             guint64   number)
{
  MpPoolPrivate *priv = mp_pool_get_private (self);
  MpResult *dropped = NULL;
  gboolean due = FALSE;

  mp_pool_lock ();
  priv->n_putting--;
  if (number != 0)
    {
      result->number = number;
      due = is_look_due (priv);
    }
  else
    {
      dropped = mp_waiting_steal (&priv->waiting, result->id);
    }
  mp_pool_unlock ();

  g_clear_object (&dropped);

  return due;
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

/* Another thread may have seen the end of the task already, and have let go of its cancellable:
 * then nobody would disconnect. */
static void
connect_cancellable (MpResult *result)
{
  g_autoptr (GCancellable) cancellable = NULL;
  gboolean is_over;
  gulong id;

  if (result->extra == NULL)
    return;

  mp_pool_lock ();
  if (result->extra->cancellable != NULL)
    cancellable = g_object_ref (result->extra->cancellable);
  mp_pool_unlock ();
  if (cancellable == NULL)
    return;

  id = g_signal_connect_data (cancellable, "cancelled", G_CALLBACK (cancel_result),
                              g_object_ref (result), (GClosureNotify) (GCallback) g_object_unref,
                              0);
  mp_pool_lock ();
  is_over = result->extra->cancellable == NULL;
  if (!is_over)
    result->extra->cancel_id = id;
  mp_pool_unlock ();

  if (is_over)
    g_signal_handler_disconnect (cancellable, id);
  else if (g_cancellable_is_cancelled (cancellable))
    mp_result_cancel (result);
  if (mp_result_peek_ready (result))
    mp_result_drop_cancellable (result);
}

/* ── Giving ─────────────────────────────────────────────────────────────────────────────────── */

/* The name of a function that is on the board does not go with each task. */
static void
name_known (const MpPoolFunction *function,
            MpTaskHeader         *header,
            MpQueuePart          *part)
{
  if (function->known == 0)
    return;

  header->flags |= MP_TASK_KNOWN;
  header->function_size = function->known - 1;
  part->size = 0;
}

static MpResult *
submit (MpPool                *self,
        const MpPoolFunction  *function,
        guint                  flags,
        const MpPoolArgument  *argument,
        const MpPoolRequest   *request,
        GError               **error)
{
  MpPoolPrivate *priv = mp_pool_get_private (self);
  MpTaskHeader header = { 0, function->kind, flags, 0, function->size };
  MpTaskLimits limits = limits_of (request->options);
  gboolean limited = limits.soft > 0 || limits.hard > 0;
  guint n_parts = N_AROUND + argument->n_pieces;
  g_autofree MpQueuePart *many = n_parts > N_FEW ? g_new (MpQueuePart, n_parts) : NULL;
  MpQueuePart few[N_FEW];
  MpQueuePart *parts = many != NULL ? many : few;
  g_autoptr (MpResult) result = NULL;
  guint64 number = 0;
  MpStatus status;
  gboolean due;

  if (!mp_pool_is_owner (self, error)
      || (priv->threads && !mp_pool_threads_allow (priv, &limits, error)))
    return NULL;

  if (limited)
    header.flags |= MP_TASK_LIMITED;
  parts[0] = (MpQueuePart) { &header, sizeof header };
  parts[1] = (MpQueuePart) { &limits, limited ? sizeof limits : 0 };
  for (guint i = 0; i < argument->n_pieces; i++)
    parts[2 + i] = argument->pieces[i];
  parts[n_parts - 1] = (MpQueuePart) { function->name, function->size };
  name_known (function, &header, &parts[n_parts - 1]);
  result = mp_result_new (self, (flags & MP_TASK_MAP) != 0);
  result->lane = lane_of (request->options);
  keep_options (result, request, &limits);
  if (G_UNLIKELY (priv->board->rules.timed))
    name_after_function (result, function);
  if (!enter (self, result, &header, error))
    return NULL;

  status = mp_pool_put_task (priv, result, argument->encoding, parts, n_parts, &number);
  due = note_number (self, result, status == MP_STATUS_OK ? number : 0);
  if (!mp_status_to_error (status, error))
    return NULL;

  connect_cancellable (result);
  if (due)
    {
      g_atomic_int_set (&priv->urgent, TRUE);
      mp_pool_attend (self, FALSE);
    }

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
 * The calls that give a task do so by themselves; another thread may take the room before the
 * caller does.
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

/* What one of two cancellables says. */
static void
pass_on (GCancellable *cancellable,
         gpointer      either)
{
  g_cancellable_cancel (either);
}

static MpStatus
wait_room (MpPool       *self,
           gint64        deadline,
           GCancellable *cancellable,
           GCancellable *other)
{
  g_autoptr (GCancellable) either = NULL;
  gulong id, other_id;
  MpStatus status;

  if (cancellable == NULL || other == NULL || cancellable == other)
    return mp_pool_wait (self, has_room, self, deadline, FALSE,
                         cancellable != NULL ? cancellable : other);

  either = g_cancellable_new ();
  id = g_cancellable_connect (cancellable, G_CALLBACK (pass_on), either, NULL);
  other_id = g_cancellable_connect (other, G_CALLBACK (pass_on), either, NULL);
  status = mp_pool_wait (self, has_room, self, deadline, FALSE, either);
  g_cancellable_disconnect (cancellable, id);
  g_cancellable_disconnect (other, other_id);

  return status;
}

gboolean
mp_pool_make_room (MpPool               *self,
                   const MpPoolRequest  *request,
                   GError              **error)
{
  static const MpPoolPatience endless = { MP_DEADLINE_NEVER, NULL };
  const MpPoolPatience *patience = request->patience != NULL ? request->patience : &endless;
  GCancellable *cancellable = NULL;

  if (G_LIKELY (mp_pool_get_private (self)->max_pending == 0))
    return TRUE;

  if (!mp_pool_is_owner (self, error))
    return FALSE;

  if (request->options != NULL)
    cancellable = mp_task_options_get_cancellable (request->options);

  return mp_status_to_error (wait_room (self, patience->deadline, patience->cancellable,
                                        cancellable),
                             error);
}

gboolean
mp_pool_was_overtaken (GError **problem)
{
  if (!g_error_matches (*problem, MP_ERROR, MP_ERROR_FULL))
    return FALSE;

  g_clear_error (problem);
  return TRUE;
}

/* Waits for room, if the pool is bounded. (nullable) @payload is what the argument is of. */
static MpResult *
submit_into_room (MpPool                *self,
                  const MpPoolFunction  *function,
                  guint                  flags,
                  const MpPoolArgument  *argument,
                  MpPayload             *payload,
                  const MpPoolRequest   *request,
                  GError               **error)
{
  GError *problem = NULL;
  MpResult *result;

  do
    {
      if (!mp_pool_make_room (self, request, error))
        return NULL;

      if (payload != NULL)
        mp_attach_payload (payload);
      result = submit (self, function, flags, argument, request, &problem);
      if (payload != NULL)
        mp_shared_detach_all ();
    }
  while (result == NULL && mp_pool_was_overtaken (&problem));

  if (problem != NULL)
    g_propagate_error (error, problem);

  return result;
}

MpResult *
mp_pool_submit_payload (MpPool                *self,
                        const MpPoolFunction  *function,
                        guint                  flags,
                        MpPayload             *payload,
                        const MpPoolRequest   *request,
                        GError               **error)
{
  MpQueuePart piece;
  MpPoolArgument argument = { mp_payload_get_encoding (payload), &piece, 1 };

  piece.data = g_bytes_get_data (mp_payload_get_bytes (payload), &piece.size);

  return submit_into_room (self, function, flags, &argument, payload, request, error);
}

MpResult *
mp_pool_submit_empty (MpPool                *self,
                      const MpPoolFunction  *function,
                      const MpPoolRequest   *request,
                      GError               **error)
{
  MpPoolArgument argument = { MP_ENCODING_VARIANT, &(MpQueuePart) { NULL, 0 }, 1 };

  return submit_into_room (self, function, MP_TASK_EMPTY, &argument, NULL, request, error);
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

MpResult *
mp_pool_submit_foreign (MpPool                *self,
                        const MpPoolFunction  *function,
                        guint                  flags,
                        const MpPoolArgument  *argument,
                        MpTaskOptions         *options,
                        GError               **error)
{
  MpPoolFunction found;

  if (!mp_pool_is_owner (self, error)
      || !check_data (argument->encoding, function->size, error))
    return NULL;

  found = mp_pool_function_find (self, function);

  return submit (self, &found, flags & (MP_TASK_MAP | MP_TASK_INHERITED), argument,
                 &(MpPoolRequest) { options }, error);
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

  return mp_pool_submit_foreign (self, &(MpPoolFunction) { kind, function, function_size, 0 },
                                 flags,
                                 &(MpPoolArgument) { encoding, &(MpQueuePart) { data, size }, 1 },
                                 options, error);
}
