/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * A pool while somebody kills its workers.
 *
 * A child of the test sends SIGKILL to a random worker every so many milliseconds; it learns of the
 * workers from the shared list of their ids that tasks write themselves into. With retries every
 * result is there, once and right; without, each is right or says that its worker died. In the end
 * there is no process, descriptor or shared memory more than in the beginning.
 *
 * MPROC_SOAK_TASKS says how many tasks there are at least; the full soak has 200000.
 * MPROC_SOAK_PERIOD: the milliseconds from one kill to the next.
 */

#include "config.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "pool-common.h"

#include "mproc/memory/mp-memory.h"

#define N_WORKERS 2
#define N_PIDS 8
#define BATCH 2000

/* What the first use leaves: a run of the allocator's for small objects. */
#define KEPT (2 * 65536)

/* The last workers that began a task; behind them, how many were killed. */
static volatile int *recent;

static GVariant *
cube (GVariant  *argument,
      GError   **error)
{
  gint64 number = g_variant_get_int64 (argument);

  recent[getpid () % N_PIDS] = getpid ();
  if (number % 16 == 0)
    g_usleep (500);

  return g_variant_new_int64 (number * number * number);
}

static guint64
get_setting (const char *name,
             guint64     fallback)
{
  const char *text = g_getenv (name);
  guint64 value;

  return text != NULL && g_ascii_string_to_unsigned (text, 10, 1, G_MAXUINT32, &value, NULL)
           ? value : fallback;
}

/* The number may be another process's by now. */
static gboolean
is_child_of (int pid,
             int parent)
{
  g_autofree char *path = g_strdup_printf ("/proc/%d/stat", pid);
  g_autofree char *text = NULL;
  int found;

  return g_file_get_contents (path, &text, NULL, NULL) && strrchr (text, ')') != NULL
         && sscanf (strrchr (text, ')') + 1, " %*c %d", &found) == 1 && found == parent;
}

/* One that lives, from a random place on. */
static void
kill_one (guint first,
          int   parent)
{
  for (guint i = 0; i < N_PIDS; i++)
    {
      int pid = recent[(first + i) % N_PIDS];

      if (pid > 0 && is_child_of (pid, parent))
        {
          recent[N_PIDS] += kill (pid, SIGKILL) == 0;
          return;
        }
    }
}

/* Until it is killed itself. */
static void
kill_workers (guint period)
{
  GRand *rand = g_rand_new_with_seed (getpid ());
  int parent = getppid ();

  for (;;)
    {
      g_usleep (period * G_TIME_SPAN_MILLISECOND);
      if (getppid () != parent)
        _exit (1);
      kill_one (g_rand_int_range (rand, 0, N_PIDS), parent);
    }
}

static int
start_killer (void)
{
  int pid = fork ();

  g_assert_cmpint (pid, >=, 0);
  if (pid == 0)
    kill_workers (get_setting ("MPROC_SOAK_PERIOD", 20));

  return pid;
}

static void
stop_killer (int pid)
{
  kill (pid, SIGKILL);
  g_assert_cmpint (waitpid (pid, NULL, 0), ==, pid);
}

/* Returns whether the worker died. */
static gboolean
check_result (MpResult *result,
              gint64    number,
              gboolean  may_fail)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) value = mp_result_get (result, 60, NULL, &error);

  if (value == NULL && may_fail)
    {
      g_assert_error (error, MP_ERROR, MP_ERROR_WORKER_DIED);
      return TRUE;
    }

  g_assert_no_error (error);
  g_assert_cmpint (g_variant_get_int64 (value), ==, number * number * number);

  return FALSE;
}

static guint
run_batch (MpPool        *pool,
           gint64         first,
           guint          n,
           MpTaskOptions *options)
{
  g_autoptr (GPtrArray) results = g_ptr_array_new_with_free_func (g_object_unref);
  guint n_died = 0;

  for (guint i = 0; i < n; i++)
    {
      g_autoptr (GError) error = NULL;
      MpResult *result = mp_pool_submit_with (pool, cube, g_variant_new_int64 (first + i), options,
                                              &error);

      g_assert_no_error (error);
      g_ptr_array_add (results, result);
    }

  for (guint i = 0; i < n; i++)
    n_died += check_result (results->pdata[i], first + i, options == NULL);

  return n_died;
}

/* What is in use when the dead have been cleared away, all threads of theirs included. */
static guint64
get_used (void)
{
  for (guint i = 0; i < 20; i++)
    {
      mp_memory_trim ();
      g_usleep (5 * G_TIME_SPAN_MILLISECOND);
    }

  return mp_memory_get_used ();
}

static void
soak (MpTaskOptions *options)
{
  guint64 before = get_used (), after;
  guint64 n_wanted = get_setting ("MPROC_SOAK_TASKS", 6000);
  guint64 n_tasks = 0;
  g_autoptr (MpPool) pool = NULL;
  guint n_died = 0;
  int killer;

  recent = mmap (NULL, (N_PIDS + 1) * sizeof *recent, PROT_READ | PROT_WRITE,
                 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  g_assert_true (recent != MAP_FAILED);
  killer = start_killer ();
  pool = new_pool (N_WORKERS);

  while (n_tasks < n_wanted || recent[N_PIDS] == 0)
    {
      n_died += run_batch (pool, n_tasks, BATCH, options);
      n_tasks += BATCH;
    }

  stop_killer (killer);
  g_test_message ("%" G_GUINT64_FORMAT " tasks, %d kills, %u lost, %" G_GUINT64_FORMAT
                  " tried again", n_tasks, recent[N_PIDS], n_died, mp_pool_get_n_retried (pool));
  g_assert_cmpuint (mp_pool_get_n_done (pool) + n_died, ==, n_tasks);
  close_and_join (pool);
  g_clear_object (&pool);
  after = get_used ();
  g_test_message ("%" G_GUINT64_FORMAT " bytes of shared memory before, %" G_GUINT64_FORMAT
                  " after", before, after);
  g_assert_cmpuint (after, <=, before + KEPT);
  munmap ((void *) recent, (N_PIDS + 1) * sizeof *recent);
}

static void
test_with_retries (void)
{
  g_autoptr (MpTaskOptions) options = mp_task_options_new ();

  mp_task_options_set_retries (options, 1000);
  soak (options);
}

static void
test_without_retries (void)
{
  soak (NULL);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  add_pool_case ("/pool-soak/with-retries", test_with_retries);
  add_pool_case ("/pool-soak/without-retries", test_without_retries);

  return g_test_run ();
}
