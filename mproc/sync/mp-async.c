/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Waiting in a main loop: a GTask, and a doorbell source that attempts what the task is for.
 *
 * The source belongs to the context in which the task was made, and holds the task; the task holds
 * the object. Somebody else may be faster than an attempt: then the source goes on.
 */

#include "config.h"

#include "mproc/sync/mp-async-private.h"

#include "mproc/base/mp-error-private.h"
#include "mproc/sync/mp-doorbell-private.h"

void
mp_async_wait (GTask       *task,
               MpReadyFunc  ready,
               gpointer     data,
               gint64       deadline,
               GSourceFunc  attempt)
{
  g_autoptr (GSource) source = NULL;

  if (attempt (task) == G_SOURCE_REMOVE)
    return;

  source = mp_doorbell_source_new (ready, data);
  if (deadline != MP_DEADLINE_NEVER)
    g_source_set_ready_time (source, deadline);
  if (g_task_get_cancellable (task) != NULL)
    {
      g_autoptr (GSource) child = g_cancellable_source_new (g_task_get_cancellable (task));

      g_source_set_dummy_callback (child);
      g_source_add_child_source (source, child);
    }
  g_task_attach_source (task, source, attempt);
}

gboolean
mp_async_settle (GTask    *task,
                 MpStatus  status)
{
  GError *error = NULL;

  if (status == MP_STATUS_TIMED_OUT)
    return G_SOURCE_CONTINUE;

  if (mp_status_to_error (status, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
  return G_SOURCE_REMOVE;
}
