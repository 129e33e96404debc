/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/**
 * MpResult:
 *
 * The result of a task: not there yet, a value, or an error.
 *
 * It is made by the calls of [class@Mp.Pool] that give a task. Waiting for it, and asking whether
 * it is ready, is what makes the pool look for results; without any of that, or a main context that
 * runs an asynchronous operation of the pool, a result does not become ready.
 *
 * What it became stays: the value can be taken again and again. If the pool is terminated or goes
 * away before the task is done, the result is [error@Mp.Error.TERMINATED].
 *
 * The signal `notify::ready` is emitted once, in the thread in which the result was found.
 *
 * Since: 0.1
 */

/*
 * A result belongs to the process that gave the task. Before it is ready, the pool writes it under
 * its mutex; afterwards nothing changes it and any thread may read it.
 */

#include "config.h"

#include "mproc/pool/mp-result.h"

#include <string.h>

#include "mproc/base/mp-deadline-private.h"
#include "mproc/base/mp-error-private.h"
#include "mproc/mp-enum-types.h"
#include "mproc/pool/mp-result-private.h"
#include "mproc/pool/mp-task-error-private.h"

enum
{
  PROP_0,
  PROP_READY,
  PROP_SUCCESSFUL,
  PROP_PID,
  PROP_ID,
  PROP_FAILURE,
  PROP_PROGRESS,
  PROP_PROGRESS_TEXT,
  PROP_OUTPUT,
  N_PROPS,
};

static GParamSpec *props[N_PROPS];

G_DEFINE_FINAL_TYPE (MpResult, mp_result, G_TYPE_OBJECT)

/* Not the parent's, which does what GObject does again, a moment later, when the last reference
 * goes: a third of what a result costs. */
static void
mp_result_dispose (GObject *object)
{
}

static void
mp_result_finalize (GObject *object)
{
  MpResult *self = MP_RESULT (object);

  g_clear_pointer (&self->link, mp_pool_link_unref);
  g_clear_pointer (&self->payload, mp_payload_unref);
  g_clear_error (&self->error);
  if (self->extra != NULL)
    mp_task_extra_free (g_steal_pointer (&self->extra));

  G_OBJECT_CLASS (mp_result_parent_class)->finalize (object);
}

static void
mp_result_get_property (GObject    *object,
                        guint       prop_id,
                        GValue     *value,
                        GParamSpec *pspec)
{
  MpResult *self = MP_RESULT (object);

  switch (prop_id)
    {
    case PROP_READY:
      g_value_set_boolean (value, mp_result_is_ready (self));
      break;
    case PROP_SUCCESSFUL:
      g_value_set_boolean (value, mp_result_is_successful (self));
      break;
    case PROP_PID:
      g_value_set_int (value, mp_result_peek_ready (self) ? self->pid : 0);
      break;
    case PROP_ID:
      g_value_set_uint64 (value, self->id);
      break;
    case PROP_FAILURE:
      g_value_set_enum (value, mp_result_get_failure (self));
      break;
    case PROP_PROGRESS:
      g_value_set_double (value, mp_result_get_progress (self));
      break;
    case PROP_PROGRESS_TEXT:
      g_value_take_string (value, mp_result_dup_progress_text (self));
      break;
    case PROP_OUTPUT:
      g_value_take_string (value, mp_result_dup_output (self));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
add_outcome_properties (void)
{
  /**
   * MpResult:ready: (getter is_ready)
   *
   * Whether the task is done, well or not.
   *
   * Since: 0.1
   */
  props[PROP_READY] =
    g_param_spec_boolean ("ready", NULL, NULL, FALSE, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

  /**
   * MpResult:successful: (getter is_successful)
   *
   * Whether the task is done and has a value.
   *
   * Since: 0.1
   */
  props[PROP_SUCCESSFUL] =
    g_param_spec_boolean ("successful", NULL, NULL, FALSE,
                          G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

  /**
   * MpResult:pid:
   *
   * The process id of the worker that ran the task, or 0 if it is not done or none ran it.
   *
   * Since: 0.1
   */
  props[PROP_PID] =
    g_param_spec_int ("pid", NULL, NULL, 0, G_MAXINT, 0,
                      G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
}

static void
add_task_properties (void)
{
  /**
   * MpResult:id: (getter get_id)
   *
   * The number of the task; no two of a pool have the same.
   *
   * Since: 0.1
   */
  props[PROP_ID] =
    g_param_spec_uint64 ("id", NULL, NULL, 0, G_MAXUINT64, 0,
                         G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

  /**
   * MpResult:failure: (getter get_failure)
   *
   * Why the task has no value.
   *
   * Since: 0.1
   */
  props[PROP_FAILURE] =
    g_param_spec_enum ("failure", NULL, NULL, MP_TYPE_TASK_FAILURE, MP_TASK_FAILURE_NONE,
                       G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
}

static void
add_told_properties (void)
{
  /**
   * MpResult:progress: (getter get_progress)
   *
   * How much of the task is done, from 0 to 1, as the task itself has told by
   * [func@Mp.task_report_progress]; 1 when it has a value.
   *
   * Since: 0.1
   */
  props[PROP_PROGRESS] =
    g_param_spec_double ("progress", NULL, NULL, 0, 1, 0,
                         G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

  /**
   * MpResult:progress-text: (getter dup_progress_text)
   *
   * What the task is at, as it has told itself.
   *
   * Since: 0.1
   */
  props[PROP_PROGRESS_TEXT] =
    g_param_spec_string ("progress-text", NULL, NULL, NULL,
                         G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

  /**
   * MpResult:output: (getter dup_output)
   *
   * What the task printed, if its pool captures that.
   *
   * Since: 0.1
   */
  props[PROP_OUTPUT] =
    g_param_spec_string ("output", NULL, NULL, NULL,
                         G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
}

static void
mp_result_class_init (MpResultClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->dispose = mp_result_dispose;
  object_class->finalize = mp_result_finalize;
  object_class->get_property = mp_result_get_property;

  add_outcome_properties ();
  add_task_properties ();
  add_told_properties ();
  g_object_class_install_properties (object_class, N_PROPS, props);
}

static void
mp_result_init (MpResult *self)
{
  self->owner = mp_pool_this_process;
}

/* ── For the pool ───────────────────────────────────────────────────────────────────────────── */

MpResult *
mp_result_new (MpPool   *pool,
               gboolean  is_list)
{
  MpResult *self = g_object_new (MP_TYPE_RESULT, NULL);

  self->link = mp_pool_link_ref (mp_pool_get_private (pool)->link);
  self->is_list = is_list;
  self->lane = MP_POOL_LANE_NORMAL;

  return self;
}

void
mp_result_take_payload (MpResult  *self,
                        MpPayload *payload,
                        int        pid)
{
  self->payload = payload;
  self->pid = pid;
  g_atomic_int_set (&self->ready, TRUE);
}

void
mp_result_take_failure (MpResult *self,
                        GError   *error,
                        GVariant *details,
                        int       pid)
{
  if (details == NULL)
    details = g_variant_ref_sink (mp_task_error_from_error (error, pid));

  self->error = error;
  mp_result_get_extra (self)->details = details;
  self->pid = pid;
  if (self->failure == MP_TASK_FAILURE_NONE)
    self->failure = mp_task_error_is_serialization (error, details)
                      ? MP_TASK_FAILURE_SERIALIZATION : MP_TASK_FAILURE_ERROR;
  g_atomic_int_set (&self->ready, TRUE);
}

void
mp_result_take_verdict (MpResult      *self,
                        MpTaskFailure  failure,
                        GError        *error,
                        int            pid,
                        int            exit_code)
{
  GVariant *details = mp_task_error_from_verdict (error, pid, exit_code);

  self->failure = failure;
  mp_result_take_failure (self, error, g_variant_ref_sink (details), pid);
}

void
mp_result_notify_progress (MpResult *self)
{
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_PROGRESS]);
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_PROGRESS_TEXT]);
}

void
mp_result_notify_output (MpResult *self)
{
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_OUTPUT]);
}

void
mp_result_notify_ready (MpResult *self)
{
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_READY]);
}

/* ── Waiting ────────────────────────────────────────────────────────────────────────────────── */

static gboolean
check_ready (gpointer self)
{
  return mp_result_peek_ready (self);
}

/* (transfer full) (nullable): one that no pool made has none. */
MpPool *
mp_result_get_pool (MpResult *self)
{
  return self->link != NULL ? g_weak_ref_get (&self->link->pool) : NULL;
}

/* The pool is about to be finalized in another thread. */
static void
end_without_pool (MpResult *self)
{
  mp_pool_lock ();
  if (!mp_result_peek_ready (self))
    mp_result_take_verdict (self, MP_TASK_FAILURE_TERMINATED,
                            g_error_new_literal (MP_ERROR, MP_ERROR_TERMINATED,
                                                 "The pool does not exist any more"),
                            0, MP_EXIT_CODE_NONE);
  mp_pool_unlock ();
}

MpStatus
mp_result_wait_until (MpResult     *self,
                      gint64        deadline,
                      gboolean      interruptible,
                      GCancellable *cancellable)
{
  g_autoptr (MpPool) pool = NULL;

  if (mp_result_peek_ready (self))
    return MP_STATUS_OK;

  if (self->owner != mp_pool_this_process)
    return MP_STATUS_INVALID;

  pool = mp_result_get_pool (self);
  if (pool != NULL)
    return mp_pool_wait (pool, check_ready, self, deadline, interruptible, cancellable);

  end_without_pool (self);
  return MP_STATUS_OK;
}

gboolean
mp_result_status_to_error (MpStatus   status,
                           GError   **error)
{
  if (status == MP_STATUS_TIMED_OUT)
    g_set_error_literal (error, MP_ERROR, MP_ERROR_TIMED_OUT, "The task was not done in time");
  else if (status == MP_STATUS_INVALID)
    g_set_error_literal (error, MP_ERROR, MP_ERROR_INVALID_STATE,
                         "The result belongs to another process, or is waited for by the "
                         "function that makes its pool's workers");
  else
    return mp_status_to_error (status, error);

  return FALSE;
}

/**
 * mp_result_is_ready: (get-property ready)
 * @self: a result
 *
 * Looks whether the task is done, well or not, without waiting.
 *
 * Returns: %TRUE if it is done
 *
 * Since: 0.1
 */
gboolean
mp_result_is_ready (MpResult *self)
{
  g_autoptr (MpPool) pool = NULL;

  g_return_val_if_fail (MP_IS_RESULT (self), FALSE);

  if (mp_result_peek_ready (self) || self->owner != mp_pool_this_process)
    return mp_result_peek_ready (self);

  pool = mp_result_get_pool (self);
  if (pool != NULL)
    mp_pool_attend (pool, FALSE);
  else
    end_without_pool (self);

  return mp_result_peek_ready (self);
}

/**
 * mp_result_is_successful: (get-property successful)
 * @self: a result
 *
 * Looks whether the task is done and has a value, without waiting.
 *
 * Returns: %TRUE if it has a value; %FALSE if it failed or is not done yet
 *
 * Since: 0.1
 */
gboolean
mp_result_is_successful (MpResult *self)
{
  g_return_val_if_fail (MP_IS_RESULT (self), FALSE);

  return mp_result_is_ready (self) && self->error == NULL;
}

/**
 * mp_result_wait:
 * @self: a result
 * @timeout: how long to wait, in seconds; negative for no limit
 * @cancellable: (nullable): a #GCancellable
 * @error: return location for an error
 *
 * Waits until the task is done, well or not.
 *
 * It can fail with [error@Mp.Error.TIMED_OUT], with %G_IO_ERROR_CANCELLED, and with
 * [error@Mp.Error.INVALID_STATE] in a process other than the one that gave the task. The task
 * itself is not affected by any of these.
 *
 * Returns: %TRUE if the task is done, even if it failed; %FALSE with @error set otherwise
 *
 * Since: 0.1
 */
gboolean
mp_result_wait (MpResult      *self,
                double         timeout,
                GCancellable  *cancellable,
                GError       **error)
{
  g_return_val_if_fail (MP_IS_RESULT (self), FALSE);

  return mp_result_status_to_error (mp_result_wait_until (self, mp_deadline_from_seconds (timeout),
                                                          FALSE, cancellable),
                                    error);
}

/**
 * mp_result_wait_raw:
 * @self: a result
 * @usec: how long to wait, in microseconds; negative for no limit
 *
 * As [method@Mp.Result.wait], for bindings.
 *
 * Returns: %MP_STATUS_OK if the task is done, well or not; %MP_STATUS_TIMED_OUT;
 *   %MP_STATUS_INVALID in another process; or %MP_STATUS_INTERRUPTED at the latest after a tenth
 *   of a second: run what is pending, and call again
 *
 * Since: 0.1
 */
int
mp_result_wait_raw (MpResult *self,
                    gint64    usec)
{
  g_return_val_if_fail (MP_IS_RESULT (self), MP_STATUS_INVALID);

  return mp_result_wait_until (self, mp_deadline_from_usec (usec), TRUE, NULL);
}

/* ── The value ──────────────────────────────────────────────────────────────────────────────── */

static gboolean
check_value (MpResult  *self,
             GError   **error)
{
  if (self->error != NULL && error != NULL)
    *error = g_error_copy (self->error);

  return self->error == NULL;
}

GVariant *
mp_result_get_value (MpResult  *self,
                     GError   **error)
{
  if (!check_value (self, error))
    return NULL;
  if (self->payload == mp_pool_get_nothing ())
    return g_variant_ref (mp_pool_get_nothing_value ());

  return mp_payload_get_variant (self->payload, NULL, error);
}

/**
 * mp_result_get:
 * @self: a result
 * @timeout: how long to wait, in seconds; negative for no limit
 * @cancellable: (nullable): a #GCancellable
 * @error: return location for an error
 *
 * Waits until the task is done, and gets what it returned.
 *
 * It can fail with the task's own error. An exception of another language is
 * [error@Mp.Error.TASK_FAILED], with more in [method@Mp.Result.get_error_details]; but where the
 * worker does not know the function it is [error@Mp.Error.NO_SUCH_FUNCTION], and where it cannot
 * write the value [error@Mp.Error.NOT_PLAIN]. If the task was
 * never done it is [error@Mp.Error.WORKER_DIED] or [error@Mp.Error.TERMINATED]. If only the
 * language that wrote the value can read it, it is [error@Mp.Error.NOT_PLAIN]. Waiting can fail as
 * that of [method@Mp.Result.wait] does.
 *
 * Returns: (transfer full): the value
 *
 * Since: 0.1
 */
GVariant *
mp_result_get (MpResult      *self,
               double         timeout,
               GCancellable  *cancellable,
               GError       **error)
{
  g_return_val_if_fail (MP_IS_RESULT (self), NULL);

  if (!mp_result_wait (self, timeout, cancellable, error))
    return NULL;

  return mp_result_get_value (self, error);
}

/**
 * mp_result_get_payload:
 * @self: a result
 * @timeout: how long to wait, in seconds; negative for no limit
 * @cancellable: (nullable): a #GCancellable
 * @error: return location for an error
 *
 * Waits until the task is done, and gets what it returned, as it was written.
 *
 * It fails as [method@Mp.Result.get] does, but for what reading the value adds.
 *
 * Returns: (transfer full): the value
 *
 * Since: 0.1
 */
MpPayload *
mp_result_get_payload (MpResult      *self,
                       double         timeout,
                       GCancellable  *cancellable,
                       GError       **error)
{
  g_return_val_if_fail (MP_IS_RESULT (self), NULL);

  if (!mp_result_wait (self, timeout, cancellable, error) || !check_value (self, error))
    return NULL;

  return mp_payload_ref (self->payload);
}

/**
 * mp_result_get_error_details:
 * @self: a result
 *
 * Gets what is known of the failure of a task: a dictionary of type `a{sv}`, in which any of these
 * can be missing.
 *
 * - `message` (`s`): what happened
 * - `domain` (`s`), `code` (`i`): if it is a #GError, or what workers of all languages have in
 *   common
 * - `language` (`s`), `type` (`s`): the language, and the name there, of an exception
 * - `traceback` (`s`): where it happened, as the language prints it
 * - `exception` (`ay`): the exception itself, as the language stores it
 * - `pid` (`i`): the worker's process id
 * - `signal` (`i`), `exit-code` (`i`): how the worker ended, if it did
 *
 * Returns: (transfer full) (nullable): the dictionary, or %NULL if the task is not done or did not
 *   fail
 *
 * Since: 0.1
 */
GVariant *
mp_result_get_error_details (MpResult *self)
{
  g_return_val_if_fail (MP_IS_RESULT (self), NULL);

  if (!mp_result_peek_ready (self) || self->error == NULL)
    return NULL;

  return g_variant_ref (self->extra->details);
}

/* ── Asynchronously ─────────────────────────────────────────────────────────────────────────── */

static gboolean
advance_get (MpOp *op)
{
  MpResult *self = op->subject;

  if (mp_result_peek_ready (self))
    return TRUE;

  mp_op_place (op, &mp_result_get_extra (self)->ops);
  return FALSE;
}

static void
finish_get (MpOp *op)
{
  MpResult *self = op->subject;
  GError *error = NULL;

  if (check_value (self, &error))
    g_task_return_pointer (op->task, mp_payload_ref (self->payload),
                           (GDestroyNotify) mp_payload_unref);
  else
    g_task_return_error (op->task, error);
}

/**
 * mp_result_get_async:
 * @self: a result
 * @cancellable: (nullable): a #GCancellable
 * @callback: (scope async): called when the task is done
 * @user_data: data for @callback
 *
 * Waits in the thread's default main context until the task is done.
 *
 * The pool is kept alive until then. Cancelling ends the waiting, not the task.
 *
 * Since: 0.1
 */
void
mp_result_get_async (MpResult            *self,
                     GCancellable        *cancellable,
                     GAsyncReadyCallback  callback,
                     gpointer             user_data)
{
  g_autoptr (GTask) task = NULL;
  g_autoptr (MpPool) pool = NULL;
  MpOp *op;

  g_return_if_fail (MP_IS_RESULT (self));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, mp_result_get_async);

  if (!mp_result_is_ready (self) && self->owner != mp_pool_this_process)
    {
      GError *error = NULL;

      mp_result_status_to_error (MP_STATUS_INVALID, &error);
      g_task_return_error (task, error);
      return;
    }

  op = mp_op_new (g_steal_pointer (&task), g_object_ref (self));
  op->advance = advance_get;
  op->finish = finish_get;
  pool = mp_result_get_pool (self);
  if (pool != NULL && !mp_result_peek_ready (self))
    mp_op_add_pool (op, pool);
  else if (pool == NULL)
    end_without_pool (self);
  mp_op_start (op);
}

/**
 * mp_result_get_finish:
 * @self: a result
 * @result: what the callback was given
 * @error: return location for an error
 *
 * Gets what the task returned, as it was written.
 *
 * It fails as [method@Mp.Result.get_payload] does, but never for time.
 *
 * Returns: (transfer full): the value
 *
 * Since: 0.1
 */
MpPayload *
mp_result_get_finish (MpResult      *self,
                      GAsyncResult  *result,
                      GError       **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);

  return g_task_propagate_pointer (G_TASK (result), error);
}
