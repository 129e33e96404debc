/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Starting and joining a forked process in C, in turn with the bare calls: `fork()` and
 * `waitpid()` in the same program, and the same with `_Fork()`, which runs no handlers, so that it
 * costs what it does in a program that does not use the library.
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
run_bare (pid_t (*call) (void))
{
  gint64 start = g_get_monotonic_time ();
  pid_t pid = call ();

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

static double
median (double *times,
        int     n)
{
  qsort (times, n, sizeof *times, compare);

  return times[n / 2];
}

/* How many times as long as @theirs. */
static void
print_row (const char *name,
           double      ours,
           double      theirs)
{
  printf ("  %-28s %10.0f us  %6.2f\n", name, theirs, ours / theirs);
}

int
main (int    argc,
      char **argv)
{
  const int n = argc > 1 ? MAX (atoi (argv[1]), 1) : 500;
  g_autofree double *bare = g_new (double, n);
  g_autofree double *naked = g_new (double, n);
  g_autofree double *ours = g_new (double, n);

  printf ("C\n");
  run_ours ();
  for (int i = 0; i < n; i++)
    {
      naked[i] = run_bare (_Fork);
      bare[i] = run_bare (fork);
      ours[i] = run_ours ();
    }
  print_row ("mproc", median (ours, n), median (ours, n));
  print_row ("fork and waitpid", median (ours, n), median (bare, n));
  print_row ("the same without handlers", median (ours, n), median (naked, n));

  return 0;
}
