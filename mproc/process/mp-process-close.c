/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * After the end: whether it was a good one, and letting go of what the object still holds.
 */

#include "config.h"

#include "mproc/process/mp-process.h"

#include <string.h>

#include "mproc/process/mp-process-private.h"
#include "mproc/process/mp-process-setup-private.h"

/* More messages than that are in no worker's queue. */
#define MOST_MESSAGES 4

/* What a worker that failed has left in the queue from which it had its work, behind what it did
 * not come to take. */
static char *
take_failure (MpProcessPrivate *priv)
{
  for (guint i = 0; priv->boot != NULL && i < MOST_MESSAGES; i++)
    {
      g_autoptr (GVariant) value = mp_queue_try_get (priv->boot, NULL);

      if (value != NULL && g_variant_is_of_type (value, G_VARIANT_TYPE_STRING))
        return g_variant_dup_string (value, NULL);
    }

  return NULL;
}

/* A program that does not know of workers ends as if all were well. */
static gboolean
has_worked (MpProcessPrivate *priv)
{
  return priv->boot == NULL || priv->worker == NULL ||
         (!g_str_has_prefix (priv->worker, "call ") &&
          !g_str_has_prefix (priv->worker, "process ")) ||
         mp_queue_empty (priv->boot);
}

static void
describe_failure (MpProcessPrivate  *priv,
                  GError           **error)
{
  if (priv->failure == NULL)
    priv->failure = take_failure (priv);

  if (priv->exit_code == MP_EXIT_CODE_UNKNOWN)
    g_set_error (error, MP_ERROR, MP_ERROR_FAILED,
                 "Process %s has ended; how is not known, since somebody else took its status",
                 priv->name);
  else if (priv->exit_code < 0)
    g_set_error (error, MP_ERROR, MP_ERROR_WORKER_DIED,
                 "Process %s (pid %d) was killed by signal %d (%s)", priv->name, priv->pid,
                 -priv->exit_code, strsignal (-priv->exit_code));
  else
    g_set_error (error, MP_ERROR, MP_ERROR_TASK_FAILED,
                 "Process %s (pid %d) ended with exit code %d%s%s", priv->name, priv->pid,
                 priv->exit_code, priv->failure != NULL ? ": " : "",
                 priv->failure != NULL ? priv->failure : "");
}

/**
 * mp_process_check:
 * @self: a process
 * @error: return location for an error
 *
 * Asks whether the process ended well, and if not, why; without waiting.
 *
 * Fails with [error@Mp.Error.WORKER_DIED] if a signal killed it, [error@Mp.Error.TASK_FAILED] if it
 * ended with another exit code than 0 (of a process made by [ctor@Mp.Process.new_function], the
 * message says what went wrong in it) or without calling the function, [error@Mp.Error.FAILED] if
 * it is not known how it ended, and [error@Mp.Error.INVALID_STATE] if it was not started, or still
 * runs.
 *
 * Returns: %TRUE if its exit code is 0
 *
 * Since: 0.1
 */
gboolean
mp_process_check (MpProcess  *self,
                  GError    **error)
{
  MpProcessPrivate *priv = mp_process_private (self);

  g_return_val_if_fail (MP_IS_PROCESS (self), FALSE);

  if (mp_process_get_exit_code (self) == 0 && has_worked (priv))
    return TRUE;

  if (priv->exit_code == 0)
    g_set_error (error, MP_ERROR, MP_ERROR_TASK_FAILED,
                 "Process %s (pid %d) has ended without calling the function: its program does not "
                 "serve as a worker, see mp_process_serve()",
                 priv->name, priv->pid);
  else if (priv->exit_code == MP_EXIT_CODE_NONE)
    g_set_error (error, MP_ERROR, MP_ERROR_INVALID_STATE, "Process %s %s", priv->name,
                 priv->state == MP_PROCESS_NEW ? "has not been started" : "has not ended");
  else
    describe_failure (priv, error);

  return FALSE;
}

static gboolean
refuse (MpProcess   *self,
        const char  *reason,
        GError     **error)
{
  g_set_error (error, MP_ERROR, MP_ERROR_INVALID_STATE, "Process %s cannot be closed: %s",
               mp_process_get_name (self), reason);
  return FALSE;
}

/* Returns what held it back, or NULL. */
static const char *
close_locked (MpProcess *self)
{
  MpProcessPrivate *priv = mp_process_private (self);

  switch (priv->state)
    {
    case MP_PROCESS_STARTING:
    case MP_PROCESS_RUNNING:
      return "it still runs";
    case MP_PROCESS_SELF:
      return "it is the calling process";
    case MP_PROCESS_PARENT:
    case MP_PROCESS_FOREIGN:
      return "it is no child of this process";
    default:
      priv->state = MP_PROCESS_CLOSED;
      priv->sentinel_taken = FALSE;
      mp_process_close_pidfd (self);
      return NULL;
    }
}

/**
 * mp_process_close:
 * @self: a process
 * @error: return location for an error
 *
 * Lets go of what the object holds: its sentinel, its ends of pipes, the data of its function.
 * Afterwards it can be asked for its name, process id and exit code, and for nothing else. Closing
 * it again does nothing.
 *
 * Without this call, all that is let go of with the object.
 *
 * Fails with [error@Mp.Error.INVALID_STATE] if the process still runs, or is no child of this one.
 *
 * Returns: %TRUE if the object is closed
 *
 * Since: 0.1
 */
gboolean
mp_process_close (MpProcess  *self,
                  GError    **error)
{
  MpProcessPrivate *priv = mp_process_private (self);
  GDestroyNotify notify;
  const char *reason;

  g_return_val_if_fail (MP_IS_PROCESS (self), FALSE);

  mp_process_reap (self, MP_REAP_ANNOUNCE);
  mp_process_lock ();
  reason = close_locked (self);
  mp_process_unlock ();
  if (reason != NULL)
    return refuse (self, reason, error);

  if (priv->boot != NULL && priv->failure == NULL)
    priv->failure = take_failure (priv);
  g_clear_pointer (&priv->setup, mp_process_setup_free);
  g_clear_object (&priv->boot);
  notify = g_steal_pointer (&priv->notify);
  if (notify != NULL)
    notify (priv->user_data);

  return TRUE;
}
