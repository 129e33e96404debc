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
 * in the worker's process, where the task is, and takes no signals, which are for the thread that
 * runs the task. A child that is forked by a task has the times, too, and starts a thread of its
 * own when it asks for the cancellable.
 */

#include "config.h"

#include "mproc/pool/mp-task.h"

#include <pthread.h>
#include <signal.h>

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

/* Of the task that this thread runs, for its children: (unowned). */
static __thread GCancellable *of_task;
static __thread int process_of_task;

static void
appointment_clear (gpointer data)
{
  g_object_unref (((Appointment *) data)->cancellable);
}

MP_AT_FORK static void
after_fork_in_child (void)
{
  mp_mutex_reset (&mutex);
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
  pthread_atfork (before_fork, after_fork, after_fork_in_child);
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

/* Under the mutex. Without a thread, mp_task_should_stop() still tells. */
static void
ensure_thread (void)
{
  GThread *thread;
  sigset_t all, former;

  if (has_thread || appointments == NULL || appointments->len == 0)
    return;

  sigfillset (&all);
  pthread_sigmask (SIG_BLOCK, &all, &former);
  thread = g_thread_try_new ("soft-limits", keep_appointments, NULL, NULL);
  pthread_sigmask (SIG_SETMASK, &former, NULL);
  has_thread = thread != NULL;
  g_clear_pointer (&thread, g_thread_unref);
}

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
  ensure_thread ();
  g_cond_signal (&changed);
  g_mutex_unlock (&mutex);
}

static GCancellable *
in_child (void)
{
  g_mutex_lock (&mutex);
  ensure_thread ();
  g_mutex_unlock (&mutex);

  return of_task;
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

  if (of_task == worker->cancellable)
    of_task = NULL;
  g_clear_object (&worker->cancellable);
}

/**
 * mp_task_get_cancellable:
 *
 * Gets a cancellable for the task that this thread runs: it is cancelled when the task's soft limit
 * of time is over.
 *
 * It is for calls that wait, such as those of GIO; [func@Mp.task_should_stop] asks without it. The
 * first call of a task that has a limit starts a thread in the worker's process. A child that the
 * task forks afterwards has the cancellable and the limit, too, from its own first call on.
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
    return of_task != NULL && process_of_task != mp_pool_this_process ? in_child () : NULL;

  if (worker->cancellable == NULL)
    {
      worker->cancellable = g_cancellable_new ();
      of_task = worker->cancellable;
      process_of_task = mp_pool_this_process;
      if (mp_task_should_stop ())
        g_cancellable_cancel (worker->cancellable);
      else if (worker->limits.soft > 0)
        make_appointment (worker->began + worker->limits.soft, worker->cancellable);
    }

  return worker->cancellable;
}
