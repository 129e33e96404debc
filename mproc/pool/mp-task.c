/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * What a task can say and ask while a worker runs it. It is for the worker's own thread, in the
 * worker's own process: anywhere else there is no task.
 */

#include "config.h"

#include "mproc/pool/mp-task.h"

#include <string.h>

#include "mproc/pool/mp-pool-private.h"
#include "mproc/pool/mp-worker-private.h"

/* Progress is told this often at most, but for the end. */
#define REPORT_INTERVAL (20 * G_TIME_SPAN_MILLISECOND)

static __thread MpWorker *current;

void
mp_task_set_worker (MpWorker *worker)
{
  current = worker;
}

MpWorker *
mp_task_get_worker (void)
{
  return current != NULL && current->pid == mp_pool_this_process ? current : NULL;
}

/**
 * mp_task_get_current_id:
 *
 * Gets the number of the task that this thread runs, which is that of its [class@Mp.Result] in the
 * pool's owner.
 *
 * Returns: the number, or 0 outside of a task
 *
 * Since: 0.1
 */
guint64
mp_task_get_current_id (void)
{
  MpWorker *worker = mp_task_get_worker ();

  return worker != NULL ? worker->header.id : 0;
}

/**
 * mp_task_should_stop:
 *
 * Asks whether the soft limit of time of the task that this thread runs is over, or, in a pool of
 * threads, whether the task was cancelled.
 *
 * Returns: %TRUE if the task should come to an end; %FALSE outside of a task, too
 *
 * Since: 0.1
 */
gboolean
mp_task_should_stop (void)
{
  MpWorker *worker = mp_task_get_worker ();

  if (worker == NULL)
    return FALSE;
  if (mp_pool_board_get_running (worker->board, worker->seat) & MP_SEAT_CONDEMNED)
    return TRUE;

  return worker->limits.soft > 0
         && g_get_monotonic_time () - worker->began >= worker->limits.soft;
}

/**
 * mp_task_report_progress:
 * @fraction: how much of the task is done, from 0 to 1
 * @text: (nullable): what it is at
 *
 * Tells the pool's owner how far the task is that this thread runs.
 *
 * It becomes the properties [property@Mp.Result:progress] and [property@Mp.Result:progress-text].
 * Reports that follow one another within 20 milliseconds are left out, but for that of the end.
 *
 * Returns: %FALSE outside of a task
 *
 * Since: 0.1
 */
gboolean
mp_task_report_progress (double      fraction,
                         const char *text)
{
  MpWorker *worker = mp_task_get_worker ();
  g_autofree guint8 *message = NULL;
  gsize size = text != NULL ? strlen (text) : 0;
  gint64 now = g_get_monotonic_time ();

  if (worker == NULL)
    return FALSE;
  if (fraction < 1 && worker->reported != 0 && now - worker->reported < REPORT_INTERVAL)
    return TRUE;

  worker->reported = now;
  fraction = fraction > 0 ? MIN (fraction, 1) : 0;
  message = g_malloc (sizeof fraction + size);
  memcpy (message, &fraction, sizeof fraction);
  if (size > 0)
    memcpy (message + sizeof fraction, text, size);
  mp_worker_put_outcome (worker, MP_OUTCOME_PROGRESS, MP_ENCODING_BYTES, message,
                         sizeof fraction + size);

  return TRUE;
}
