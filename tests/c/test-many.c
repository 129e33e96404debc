/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Many at once: a thousand queues in one process, 64 processes on one queue.
 */

#include "config.h"

#include "mproc/channel/mp-queue.h"
#include "mproc/memory/mp-family-private.h"
#include "mproc/memory/mp-recover-private.h"
#include "tests/c/family-common.h"

static void
test_queues (void)
{
  MpQueue *queues[1000];
  int fds;

  g_assert_true (mp_family_ensure (NULL));
  fds = count_entries ("/proc/self/fd");
  for (guint i = 0; i < G_N_ELEMENTS (queues); i++)
    {
      queues[i] = mp_queue_new (0, NULL);
      g_assert_true (mp_queue_put_bytes (queues[i], &i, sizeof i, 0, NULL, NULL));
    }
  g_assert_cmpint (count_entries ("/proc/self/fd"), ==, fds);
  for (guint i = 0; i < G_N_ELEMENTS (queues); i++)
    {
      guint got = 0;

      g_assert_cmpint (mp_queue_get_into (queues[i], &got, sizeof got, 0, NULL, NULL), ==,
                       sizeof got);
      g_assert_cmpuint (got, ==, i);
      g_object_unref (queues[i]);
    }
}

#define N_PROCESSES 64
#define N_EACH 50

static void
test_processes (void)
{
  g_autoptr (MpQueue) queue = mp_queue_new (16, NULL);
  g_autoptr (MpQueue) results = mp_queue_new (0, NULL);
  guint counts[N_PROCESSES] = { 0 };
  int pids[N_PROCESSES];

  for (guint i = 0; i < N_PROCESSES; i++)
    {
      pids[i] = fork ();
      for (guint k = 0; pids[i] == 0 && k < N_EACH; k++)
        {
          guint got;

          if (!mp_queue_put_bytes (queue, &i, sizeof i, 60, NULL, NULL) ||
              mp_queue_get_into (queue, &got, sizeof got, 60, NULL, NULL) != sizeof got ||
              !mp_queue_put_bytes (results, &got, sizeof got, 60, NULL, NULL))
            _exit (1);
        }
      if (pids[i] == 0)
        _exit (0);
    }
  for (guint i = 0; i < N_PROCESSES * N_EACH; i++)
    {
      guint got = N_PROCESSES;

      g_assert_cmpint (mp_queue_get_into (results, &got, sizeof got, 60, NULL, NULL), ==,
                       sizeof got);
      g_assert_cmpuint (got, <, N_PROCESSES);
      counts[got]++;
    }
  for (guint i = 0; i < N_PROCESSES; i++)
    {
      test_reap (pids[i], 0);
      g_assert_cmpuint (counts[i], ==, N_EACH);
    }
  g_assert_cmpuint (mp_queue_qsize (queue), ==, 0);
  mp_recover_sweep ();
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  add_family_case ("/many/queues", test_queues);
  add_family_case ("/many/processes", test_processes);

  return g_test_run ();
}
