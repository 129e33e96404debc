/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * What bounds a worker: the time of a task, and how much it does and grows before another takes its
 * place.
 *
 * A hard limit is a timer of the kernel that sends this process SIGKILL: nothing that the task does
 * can put it off, and nobody else has to be awake. The seat says when it will fire, so that the
 * owner can tell why the worker died. A soft limit is a time that the task can ask for, and a
 * signal if the language has said which one it understands.
 */

#include "config.h"

#include "mproc/pool/mp-worker-private.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

/* ── Time ───────────────────────────────────────────────────────────────────────────────────── */

/* Without a timer the owner does what it can when it looks. */
static void
arm (MpWorkerTimer *timer,
     int            number,
     gint64         usec)
{
  struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = number };
  struct itimerspec when = { .it_value = { usec / G_USEC_PER_SEC,
                                           usec % G_USEC_PER_SEC * 1000 } };

  if (!timer->made)
    timer->made = timer_create (CLOCK_MONOTONIC, &event, &timer->id) == 0;
  if (timer->made)
    timer->armed = timer_settime (timer->id, 0, &when, NULL) == 0;
}

static void
disarm (MpWorkerTimer *timer)
{
  struct itimerspec never = { 0 };

  if (timer->armed)
    timer_settime (timer->id, 0, &never, NULL);
  timer->armed = FALSE;
}

static void
drop (MpWorkerTimer *timer)
{
  if (timer->made)
    timer_delete (timer->id);
  *timer = (MpWorkerTimer) { 0 };
}

/* A forked child has none of its parent's. */
void
mp_worker_drop_timers (MpWorker *self)
{
  if (self->pid != getpid ())
    return;

  drop (&self->hard);
  drop (&self->soft);
}

void
mp_worker_begin_limits (MpWorker *self)
{
  const MpTaskLimits *limits = &self->limits;

  self->reported = 0;
  if (G_UNLIKELY (self->memory_watch == NULL
                  && __atomic_load_n (&self->board->rules.memory_limit, __ATOMIC_RELAXED) != 0))
    mp_worker_watch_memory (self);
  if (limits->hard == 0 && limits->soft == 0
      && mp_pool_board_load (&self->board->rules.timed) == 0)
    return;

  self->began = g_get_monotonic_time ();
  __atomic_store_n (&self->own->since, self->began, __ATOMIC_SEQ_CST);
  if (limits->hard > 0)
    {
      __atomic_store_n (&self->own->limit, self->began + limits->hard, __ATOMIC_SEQ_CST);
      arm (&self->hard, SIGKILL, limits->hard);
    }
  if (limits->soft > 0 && self->soft_signal != 0)
    arm (&self->soft, self->soft_signal, limits->soft);
}

void
mp_worker_end_limits (MpWorker *self)
{
  disarm (&self->soft);
  disarm (&self->hard);
  if (self->limits.hard > 0)
    __atomic_store_n (&self->own->limit, 0, __ATOMIC_SEQ_CST);
}

/**
 * mp_worker_set_soft_signal:
 * @self: a worker
 * @number: a signal, or 0 for none
 *
 * Says which signal tells a task that its soft limit of time is over.
 *
 * The language has to handle it: the library only sends it, to this process.
 *
 * Since: 0.1
 */
void
mp_worker_set_soft_signal (MpWorker *self,
                           int       number)
{
  g_return_if_fail (MP_IS_WORKER (self));

  drop (&self->soft);
  self->soft_signal = number;
}

/* ── Work and memory ────────────────────────────────────────────────────────────────────────── */

/* Resident bytes of a process, 0 if it is not there any more. */
guint64
mp_worker_get_resident (int pid)
{
  char path[32], text[128];
  unsigned long long pages;
  gssize n;
  int fd;

  g_snprintf (path, sizeof path, "/proc/%d/statm", pid);
  fd = open (path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return 0;

  n = read (fd, text, sizeof text - 1);
  close (fd);
  text[MAX (n, 0)] = '\0';

  return sscanf (text, "%*u %llu", &pages) == 1 ? pages * (guint64) sysconf (_SC_PAGESIZE) : 0;
}

gboolean
mp_worker_has_enough (MpWorker *self)
{
  const MpPoolRules *rules = &self->board->rules;
  guint32 max_tasks = mp_pool_board_load (&rules->max_tasks);
  guint64 limit = __atomic_load_n (&rules->memory_limit, __ATOMIC_SEQ_CST);
  guint64 max_memory = __atomic_load_n (&rules->max_memory, __ATOMIC_SEQ_CST);

  if (max_tasks != 0 && self->n_done >= max_tasks)
    return TRUE;

  if (limit != 0)
    max_memory = max_memory != 0 ? MIN (max_memory, limit) : limit;

  return max_memory != 0 && mp_worker_get_resident (self->pid) > max_memory;
}
