/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * How the soft limit of time reaches a task that waits in a call of GIO: a cancellable, made when
 * the task asks for it.
 *
 * A cancellable cannot be cancelled by a signal handler, so the first task that asks for one, and
 * has a limit, starts a thread of the worker that waits for the times and does nothing else. It is
 * in the worker's process, where the task is; a child that is forked by a task starts its own.
 */

#include "config.h"

#include "mproc/pool/mp-task.h"

#include <pthread.h>

#include "mproc/base/mp-at-fork-private.h"
#include "mproc/pool/mp-pool-private.h"
#include "mproc/pool/mp-worker-private.h"

typedef struct {
  gint64        end;            /* monotonic, microseconds */
  GCancellable *cancellable;    /* (owned) */
} Appointment;

/* All of it is guarded by the mutex. */
static GMutex mutex;
static GCond changed;
static GArray *appointments;
static gboolean has_thread;

static void
appointment_clear (gpointer data)
{
  g_object_unref (((Appointment *) data)->cancellable);
}

MP_AT_FORK static void
forget_all (void)
{
  mp_mutex_reset (&mutex);
  appointments = NULL;
  has_thread = FALSE;
}

static void
before_fork (void)
{
  g_mutex_lock (&mutex);
}

static void
after_fork (void)
{
  g_mutex_unlock (&mutex);
}

static void __attribute__ ((constructor))
register_fork_handlers (void)
{
  pthread_atfork (before_fork, after_fork, forget_all);
}

/* (transfer full) (nullable): one whose time has come; else when the next one's will. */
static GCancellable *
take_due (gint64 *next)
{
  gint64 now = g_get_monotonic_time ();

  *next = G_MAXINT64;
  for (guint i = 0; i < appointments->len; i++)
    {
      Appointment *appointment = &g_array_index (appointments, Appointment, i);

      if (appointment->end <= now)
        {
          GCancellable *due = g_object_ref (appointment->cancellable);

          g_array_remove_index_fast (appointments, i);
          return due;
        }
      *next = MIN (*next, appointment->end);
    }

  return NULL;
}

G_NORETURN static gpointer
keep_appointments (gpointer data)
{
  gint64 next;

  g_mutex_lock (&mutex);
  for (;;)
    {
      g_autoptr (GCancellable) due = take_due (&next);

      if (due != NULL)
        {
          g_mutex_unlock (&mutex);
          g_cancellable_cancel (due);
          g_mutex_lock (&mutex);
        }
      else if (next == G_MAXINT64)
        {
          g_cond_wait (&changed, &mutex);
        }
      else
        {
          g_cond_wait_until (&changed, &mutex, next);
        }
    }
}

/* Without a thread, mp_task_should_stop() still tells. */
static void
make_appointment (gint64        end,
                  GCancellable *cancellable)
{
  Appointment appointment = { end, g_object_ref (cancellable) };

  g_mutex_lock (&mutex);
  if (appointments == NULL)
    {
      appointments = g_array_new (FALSE, FALSE, sizeof (Appointment));
      g_array_set_clear_func (appointments, appointment_clear);
    }
  g_array_append_val (appointments, appointment);
  if (!has_thread)
    {
      GThread *thread = g_thread_try_new ("soft-limits", keep_appointments, NULL, NULL);

      has_thread = thread != NULL;
      g_clear_pointer (&thread, g_thread_unref);
    }
  g_cond_signal (&changed);
  g_mutex_unlock (&mutex);
}

/* The task is over. */
void
mp_task_drop_cancellable (MpWorker *worker)
{
  g_mutex_lock (&mutex);
  for (guint i = 0; appointments != NULL && i < appointments->len; i++)
    {
      if (g_array_index (appointments, Appointment, i).cancellable == worker->cancellable)
        {
          g_array_remove_index_fast (appointments, i);
          break;
        }
    }
  g_mutex_unlock (&mutex);

  g_clear_object (&worker->cancellable);
}

/**
 * mp_task_get_cancellable:
 *
 * Gets a cancellable for the task that this thread runs: it is cancelled when the task's soft limit
 * of time is over.
 *
 * It is for calls that wait, such as those of GIO; [func@Mp.task_should_stop] asks without it. The
 * first call of a task that has a limit starts a thread in the worker's process.
 *
 * Returns: (transfer none) (nullable): the cancellable, which is the task's own, or %NULL outside
 *   of a task
 *
 * Since: 0.1
 */
GCancellable *
mp_task_get_cancellable (void)
{
  MpWorker *worker = mp_task_get_worker ();

  if (worker == NULL)
    return NULL;

  if (worker->cancellable == NULL)
    {
      worker->cancellable = g_cancellable_new ();
      if (mp_task_should_stop ())
        g_cancellable_cancel (worker->cancellable);
      else if (worker->limits.soft > 0)
        make_appointment (worker->began + worker->limits.soft, worker->cancellable);
    }

  return worker->cancellable;
}
