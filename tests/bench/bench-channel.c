/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * mproc beside its C peers and the bare limits of the machine, in one run.
 *
 *     meson test -C build --benchmark -v bench-channel
 *     build/tests/bench-channel [--quick] [ROW…]
 *
 * Prints each contest as it goes, and one table of ratios with their targets at the end. Nothing is
 * judged by the exit status: a machine that does something else meanwhile misses any target.
 */

#include "config.h"

#include <stdio.h>
#include <string.h>

#include "bench-contest.h"
#include "bench-rows.h"

static const struct {
  const char *name;
  void      (*run) (void);
} rows[] = {
  { "streams", bench_streams },
  { "crowds", bench_crowds },
  { "hot", bench_hot_trips },
  { "asleep", bench_asleep_trips },
  { "idle", bench_idle },
  { "large", bench_large },
  { "views", bench_views },
  { "in-place", bench_in_place },
  { "locks", bench_locks },
  { "many-locks", bench_many_locks },
  { "creation", bench_creation },
  { "fork", bench_fork },
  { "backlog", bench_backlog },
  { "connections", bench_connections },
};

static gboolean
is_wanted (const char  *name,
           int          argc,
           char       **argv)
{
  gboolean any = FALSE;

  for (int i = 1; i < argc; i++)
    {
      if (g_str_equal (argv[i], name))
        return TRUE;
      any |= argv[i][0] != '-';
    }

  return !any;
}

int
main (int    argc,
      char **argv)
{
  for (int i = 1; i < argc; i++)
    bench_quick |= g_str_equal (argv[i], "--quick");

  if (!bench_find_cpus ())
    {
      printf ("Two CPUs are needed to measure anything\n");
      return 77;
    }

  /* The captain works as little as it can, but not wherever it likes. */
  bench_pin (0);
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    if (is_wanted (rows[i].name, argc, argv))
      rows[i].run ();
  bench_table_print ();

  return 0;
}
