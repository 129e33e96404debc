/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * What only some results have: what their options ask for, and what their tasks told on the way.
 * And cancelling, which is for all.
 */

#include "config.h"

#include "mproc/pool/mp-result.h"

#include <gio/gio.h>

#include "mproc/pool/mp-result-private.h"

/* ── Groups ─────────────────────────────────────────────────────────────────────────────────── */

MpTaskGroup *
mp_task_group_new (guint n)
{
  MpTaskGroup *self = g_atomic_rc_box_new0 (MpTaskGroup);

  self->n_left = n;

  return self;
}

MpTaskGroup *
mp_task_group_ref (MpTaskGroup *self)
{
  return g_atomic_rc_box_acquire (self);
}

static void
task_group_clear (gpointer data)
{
  g_clear_object (&((MpTaskGroup *) data)->failed);
}

void
mp_task_group_unref (MpTaskGroup *self)
{
  g_atomic_rc_box_release_full (self, task_group_clear);
}

/* ── Extra ──────────────────────────────────────────────────────────────────────────────────── */

MpTaskExtra *
mp_result_get_extra (MpResult *self)
{
  if (self->extra == NULL)
    self->extra = g_new0 (MpTaskExtra, 1);

  return self->extra;
}

void
mp_task_extra_free (MpTaskExtra *self)
{
  g_free (self->name);
  g_free (self->progress_text);
  g_clear_pointer (&self->details, g_variant_unref);
  g_clear_pointer (&self->message, g_bytes_unref);
  g_clear_pointer (&self->block, mp_block_unref);
  g_clear_pointer (&self->group, mp_task_group_unref);
  g_clear_object (&self->cancellable);
  if (self->output != NULL)
    g_string_free (self->output, TRUE);
  g_free (self);
}

/* A handler that runs just now, in another thread, is waited for; in this one it is its own. */
void
mp_result_drop_cancellable (MpResult *self)
{
  g_autoptr (GCancellable) cancellable = NULL;
  gulong id = 0;

  mp_pool_lock ();
  if (self->extra != NULL)
    {
      cancellable = g_steal_pointer (&self->extra->cancellable);
      id = self->extra->cancel_id;
      self->extra->cancel_id = 0;
    }
  mp_pool_unlock ();

  if (cancellable != NULL && id != 0)
    g_signal_handler_disconnect (cancellable, id);
}

/* ── What is told of it ─────────────────────────────────────────────────────────────────────── */

/**
 * mp_result_get_id: (get-property id)
 * @self: a result
 *
 * Gets the number of the task; no two of a pool have the same.
 *
 * In the worker, [func@Mp.task_get_current_id] gives it.
 *
 * Returns: the number
 *
 * Since: 0.1
 */
guint64
mp_result_get_id (MpResult *self)
{
  g_return_val_if_fail (MP_IS_RESULT (self), 0);

  return self->id;
}

/**
 * mp_result_get_failure: (get-property failure)
 * @self: a result
 *
 * Gets why the task has no value, without waiting.
 *
 * Returns: the reason; %MP_TASK_FAILURE_NONE as long as the task is not done, or if it has a value
 *
 * Since: 0.1
 */
MpTaskFailure
mp_result_get_failure (MpResult *self)
{
  g_return_val_if_fail (MP_IS_RESULT (self), MP_TASK_FAILURE_NONE);

  return mp_result_peek_ready (self) ? self->failure : MP_TASK_FAILURE_NONE;
}

/**
 * mp_result_get_progress: (get-property progress)
 * @self: a result
 *
 * Gets how much of the task is done, as far as the task has told.
 *
 * Returns: the fraction, from 0 to 1
 *
 * Since: 0.1
 */
double
mp_result_get_progress (MpResult *self)
{
  double progress;

  g_return_val_if_fail (MP_IS_RESULT (self), 0);

  mp_pool_lock ();
  progress = self->extra != NULL ? self->extra->progress : 0;
  if (mp_result_peek_ready (self) && self->error == NULL)
    progress = 1;
  mp_pool_unlock ();

  return progress;
}

/**
 * mp_result_dup_progress_text: (get-property progress-text)
 * @self: a result
 *
 * Gets what the task is at, as it has told itself.
 *
 * Returns: (transfer full) (nullable): the text, or %NULL if it told none
 *
 * Since: 0.1
 */
char *
mp_result_dup_progress_text (MpResult *self)
{
  char *text;

  g_return_val_if_fail (MP_IS_RESULT (self), NULL);

  mp_pool_lock ();
  text = self->extra != NULL ? g_strdup (self->extra->progress_text) : NULL;
  mp_pool_unlock ();

  return text;
}

/**
 * mp_result_dup_output: (get-property output)
 * @self: a result
 *
 * Gets what the task printed to its standard output and error, if its pool captures that.
 *
 * It is there when the task is done, also if its worker died. What is no UTF-8 is replaced.
 *
 * Returns: (transfer full) (nullable): the text, or %NULL if there is none
 *
 * Since: 0.1
 */
char *
mp_result_dup_output (MpResult *self)
{
  char *text = NULL;

  g_return_val_if_fail (MP_IS_RESULT (self), NULL);

  mp_pool_lock ();
  if (self->extra != NULL && self->extra->output != NULL)
    text = g_utf8_make_valid (self->extra->output->str, self->extra->output->len);
  mp_pool_unlock ();

  return text;
}

/**
 * mp_result_cancel:
 * @self: a result
 *
 * Cancels the task, if it is not done.
 *
 * Whoever waits for it gets %G_IO_ERROR_CANCELLED at once. A task that is queued is never run. One
 * that runs is stopped: its worker is killed, and replaced; nobody knows how far it got. No other
 * task is concerned.
 *
 * It can be called in any thread of the process that gave the task.
 *
 * Returns: %TRUE if the task was cancelled; %FALSE if it was done already, or belongs to another
 *   process
 *
 * Since: 0.1
 */
gboolean
mp_result_cancel (MpResult *self)
{
  g_autoptr (MpPool) pool = NULL;

  g_return_val_if_fail (MP_IS_RESULT (self), FALSE);

  if (mp_result_is_ready (self))
    return FALSE;

  pool = mp_result_get_pool (self);

  return pool != NULL && mp_pool_cancel (pool, &self, 1) > 0;
}
