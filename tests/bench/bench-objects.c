/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * What it costs to hold a lock, to make and drop things, to have many of them, and to leave many
 * messages in a queue. All in one process.
 */

#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <mproc/mproc.h>

#include "bench-contest.h"
#include "bench-peers.h"
#include "bench-rows.h"

#define N_LOCKS 100000
#define N_BACKLOG (10 * 1000 * 1000)
#define SMALL 64

/* --- Locks --------------------------------------------------------------------------------- */

static double
cycle_lock (gpointer state,
            guint64  n)
{
  gint64 start = bench_now ();

  for (guint64 i = 0; i < n; i++)
    if (!mp_lock_acquire (state, -1, NULL, NULL) || !mp_lock_release (state, NULL))
      g_error ("A free lock cannot be had");

  return bench_now () - start;
}

static double
cycle_mutex (gpointer state,
             guint64  n)
{
  gint64 start = bench_now ();

  for (guint64 i = 0; i < n; i++)
    if (pthread_mutex_lock (state) != 0 || pthread_mutex_unlock (state) != 0)
      g_error ("A free mutex cannot be had");

  return bench_now () - start;
}

static pthread_mutex_t *
mutex_new (void)
{
  pthread_mutex_t *mutex = mmap (NULL, sizeof *mutex, PROT_READ | PROT_WRITE,
                                 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  pthread_mutexattr_t attributes;

  g_assert (mutex != MAP_FAILED);
  pthread_mutexattr_init (&attributes);
  pthread_mutexattr_setrobust (&attributes, PTHREAD_MUTEX_ROBUST);
  pthread_mutexattr_setpshared (&attributes, PTHREAD_PROCESS_SHARED);
  pthread_mutex_init (mutex, &attributes);
  pthread_mutexattr_destroy (&attributes);

  return mutex;
}

void
bench_locks (void)
{
  BenchContest *contest = bench_contest_new ("lock and unlock, nobody else", "a pair");
  g_autoptr (MpLock) lock = mp_lock_new (NULL);
  g_autoptr (MpRLock) rlock = mp_rlock_new (NULL);
  pthread_mutex_t *mutex = mutex_new ();

  g_assert (lock != NULL && rlock != NULL);
  bench_contest_enter (contest, "mproc", cycle_lock, lock, 0);
  bench_contest_enter (contest, "mproc, recursive", cycle_lock, rlock, 0);
  bench_contest_enter (contest, "robust pthread mutex", cycle_mutex, mutex, 0);
  bench_contest_run (contest);
  bench_contest_row (contest, "mproc", "robust pthread mutex", BENCH_AT_MOST, 1.5);
  bench_contest_row (contest, "mproc, recursive", "robust pthread mutex", BENCH_SHOWN, 0);
  bench_contest_free (contest);
  munmap (mutex, sizeof *mutex);
}

static guint
count_descriptors (void)
{
  DIR *directory = opendir ("/proc/self/fd");
  guint n = 0;

  while (readdir (directory) != NULL)
    n++;
  closedir (directory);

  return n;
}

void
bench_many_locks (void)
{
  g_autoptr (GPtrArray) locks = g_ptr_array_new_with_free_func (g_object_unref);
  guint n_locks = bench_quick ? N_LOCKS / 10 : N_LOCKS;
  guint descriptors = count_descriptors ();
  guint64 used = mp_memory_get_used ();
  gint64 start = bench_now ();

  for (guint i = 0; i < n_locks; i++)
    {
      MpLock *lock = mp_lock_new (NULL);

      if (lock == NULL || !mp_lock_acquire (lock, 0, NULL, NULL))
        g_error ("Lock %u cannot be had", i);
      g_ptr_array_add (locks, lock);
    }
  bench_table_value ("100,000 locks, all held", "mproc, to make one",
                     (double) (bench_now () - start) / n_locks, "ns", 0);
  bench_table_value ("100,000 locks, all held", "mproc, memory of one",
                     (double) (mp_memory_get_used () - used) / n_locks, "bytes", 0);
  bench_table_value ("100,000 locks, all held", "mproc, descriptors",
                     count_descriptors () - descriptors, "", 0);
}

/* --- Making and dropping ------------------------------------------------------------------- */

static double
make_queues (gpointer state G_GNUC_UNUSED,
             guint64  n)
{
  gint64 start = bench_now ();

  for (guint64 i = 0; i < n; i++)
    {
      MpQueue *queue = mp_queue_new (0, NULL);

      if (queue == NULL)
        g_error ("A queue cannot be had");
      g_object_unref (queue);
    }

  return bench_now () - start;
}

static double
make_pipes (gpointer state G_GNUC_UNUSED,
            guint64  n)
{
  gint64 start = bench_now ();
  int ends[2];

  for (guint64 i = 0; i < n; i++)
    if (pipe (ends) != 0 || close (ends[0]) != 0 || close (ends[1]) != 0)
      g_error ("A pipe cannot be had");

  return bench_now () - start;
}

void
bench_creation (void)
{
  BenchContest *contest = bench_contest_new ("make and drop", "a pair");

  bench_contest_enter (contest, "mproc queue", make_queues, NULL, 0);
  bench_contest_enter (contest, "pipe() and two closes", make_pipes, NULL, 0);
  bench_contest_run (contest);
  bench_contest_row (contest, "mproc queue", "pipe() and two closes", BENCH_AT_MOST, 1);
  bench_contest_free (contest);
}

static double
fork_and_wait (gpointer state G_GNUC_UNUSED,
               guint64  n)
{
  gint64 start = bench_now ();

  for (guint64 i = 0; i < n; i++)
    {
      /* Without the handlers of fork(): what the kernel alone needs. */
      pid_t pid = _Fork ();

      if (pid == 0)
        _exit (0);
      if (pid < 0 || waitpid (pid, NULL, 0) != pid)
        g_error ("A child cannot be had");
    }

  return bench_now () - start;
}

static gboolean
do_nothing (MpProcess  *process G_GNUC_UNUSED,
            gpointer    data G_GNUC_UNUSED,
            GError    **error G_GNUC_UNUSED)
{
  return TRUE;
}

static double
start_and_join (gpointer state G_GNUC_UNUSED,
                guint64  n)
{
  gint64 start = bench_now ();

  for (guint64 i = 0; i < n; i++)
    {
      g_autoptr (MpProcess) process = mp_process_new (NULL, do_nothing, NULL, NULL);

      if (!mp_process_start (process, NULL) || !mp_process_join (process, -1, NULL, NULL))
        g_error ("A process cannot be had");
    }

  return bench_now () - start;
}

void
bench_fork (void)
{
  BenchContest *contest = bench_contest_new ("start a process and join it", "a process");

  bench_contest_enter (contest, "mproc", start_and_join, NULL, 0);
  bench_contest_enter (contest, "bare fork and wait", fork_and_wait, NULL, 0);
  bench_contest_run (contest);
  bench_contest_row (contest, "mproc", "bare fork and wait", BENCH_SHOWN, 0);
  bench_contest_free (contest);
}

/* --- A long queue -------------------------------------------------------------------------- */

/* Bytes of memory the arena's descriptor really has. */
static double
resident (void)
{
  double bytes = 0;

  for (int fd = 0; fd < 64; fd++)
    {
      g_autofree char *link = g_strdup_printf ("/proc/self/fd/%d", fd);
      g_autofree char *name = g_file_read_link (link, NULL);
      struct stat status;

      if (name != NULL && strstr (name, "memfd:") != NULL && fstat (fd, &status) == 0)
        bytes += status.st_blocks * 512.0;
    }

  return bytes;
}

void
bench_backlog (void)
{
  const char *title = "10 million of 64 bytes, unread";
  guint64 n = bench_quick ? N_BACKLOG / 100 : N_BACKLOG;
  gpointer queue = bench_mproc_unbounded.open (0, SMALL);
  guint8 data[SMALL] = { 1 };
  double used = mp_memory_get_used ();
  double before = resident ();
  gint64 start = bench_now ();

  bench_mproc.put (queue, data, SMALL, n);
  bench_table_value (title, "mproc, to put one", (double) (bench_now () - start) / n, "ns", 0);
  bench_table_value (title, "mproc, memory for one", (mp_memory_get_used () - used) / n, "bytes",
                     1.5 * SMALL + 32);
  bench_table_value (title, "mproc, pages for one", (resident () - before) / n, "bytes",
                     1.5 * SMALL + 32);

  start = bench_now ();
  bench_mproc.get (queue, data, SMALL, n);
  bench_table_value (title, "mproc, to take one", (double) (bench_now () - start) / n, "ns", 0);
  bench_table_value (title, "mproc, used once drained",
                     (mp_memory_get_used () - used) / (1 << 20), "MiB", 1);
  bench_table_value (title, "mproc, pages once drained", resident () / (1 << 20), "MiB",
                     N_BACKLOG * 72.0 / 4 / (1 << 20) + 1);
  mp_memory_trim ();
  bench_table_value (title, "mproc, pages once trimmed", resident () / (1 << 20), "MiB", 2);
  bench_mproc.close (queue);
}
