/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Starting and joining a forked process in C, beside bare fork and waitpid, in turn. The bare fork
 * runs no handlers: it is what a program has that does not use the library.
 */

#include <mproc/mproc.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static gboolean
do_nothing (MpProcess  *process,
            gpointer    data,
            GError    **error)
{
  return TRUE;
}

static double
run_bare (void)
{
  gint64 start = g_get_monotonic_time ();
  pid_t pid = _Fork ();

  if (pid == 0)
    _exit (0);
  waitpid (pid, NULL, 0);

  return g_get_monotonic_time () - start;
}

static double
run_ours (void)
{
  gint64 start = g_get_monotonic_time ();
  MpProcess *process = mp_process_new (NULL, do_nothing, NULL, NULL);

  if (!mp_process_start (process, NULL) || !mp_process_join (process, -1, NULL, NULL))
    exit (1);
  g_object_unref (process);

  return g_get_monotonic_time () - start;
}

static int
compare (const void *a,
         const void *b)
{
  const double first = *(const double *) a, second = *(const double *) b;

  return first < second ? -1 : first > second;
}

int
main (int    argc,
      char **argv)
{
  const int n = argc > 1 ? MAX (atoi (argv[1]), 1) : 500;
  double *bare = g_new (double, n), *ours = g_new (double, n);

  run_ours ();
  for (int i = 0; i < n; i++)
    {
      bare[i] = run_bare ();
      ours[i] = run_ours ();
    }
  qsort (bare, n, sizeof *bare, compare);
  qsort (ours, n, sizeof *ours, compare);
  printf ("C\n  mproc %.0f us, fork and waitpid %.0f us: %.2f\n", ours[n / 2], bare[n / 2],
          ours[n / 2] / bare[n / 2]);
  g_free (bare);
  g_free (ours);

  return 0;
}
