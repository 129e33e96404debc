/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Rounds, medians, and the table that is printed at the end.
 */

#include "config.h"

#include "bench-contest.h"

#include <stdio.h>
#include <stdlib.h>

#define N_ROUNDS 9
#define N_QUICK_ROUNDS 3
#define ROUND_TIME 60e6                 /* nanoseconds */
#define QUICK_ROUND_TIME 5e5

typedef struct {
  char      *name;
  BenchRun   run;
  gpointer   state;
  BenchTeam *team;
  guint64    n;
  double     rounds[N_ROUNDS];
  double     median;
} BenchEntry;

struct _BenchContest {
  char      *title;
  char      *unit;
  gboolean   whole;
  GPtrArray *entries;
};

gboolean bench_quick;

static GString *table;
static guint n_missed;

static void
entry_free (gpointer data)
{
  BenchEntry *entry = data;

  if (entry->team != NULL)
    bench_team_free (entry->team);
  g_free (entry->name);
  g_free (entry);
}

BenchContest *
bench_contest_new (const char *title,
                   const char *unit)
{
  BenchContest *self = g_new0 (BenchContest, 1);

  self->title = g_strdup (title);
  self->unit = g_strdup (unit);
  self->entries = g_ptr_array_new_with_free_func (entry_free);

  return self;
}

void
bench_contest_free (BenchContest *self)
{
  g_ptr_array_unref (self->entries);
  g_free (self->title);
  g_free (self->unit);
  g_free (self);
}

void
bench_contest_enter (BenchContest *self,
                     const char   *name,
                     BenchRun      run,
                     gpointer      state,
                     guint64       n)
{
  BenchEntry *entry = g_new0 (BenchEntry, 1);

  entry->name = g_strdup (name);
  entry->run = run;
  entry->state = state;
  entry->n = n;
  g_ptr_array_add (self->entries, entry);
}

static double
run_team (gpointer state,
          guint64  n)
{
  return bench_team_run (state, n);
}

void
bench_contest_team (BenchContest *self,
                    const char   *name,
                    BenchTeam    *team,
                    guint64       n)
{
  BenchEntry *entry;

  bench_contest_enter (self, name, run_team, team, n);
  entry = g_ptr_array_index (self->entries, self->entries->len - 1);
  entry->team = team;
}

void
bench_contest_whole (BenchContest *self)
{
  self->whole = TRUE;
}

/* Rounds of all entries are equally long, so that a disturbance hits all alike. The first rounds
 * also are what maps and warms. */
static void
choose_size (BenchEntry *entry)
{
  double wanted = bench_quick ? QUICK_ROUND_TIME : ROUND_TIME;
  guint64 n = bench_quick ? 8 : 64;
  guint n_long = 0;
  double took = wanted;

  if (entry->n != 0)
    {
      entry->run (entry->state, entry->n);
      return;
    }

  /* Until a round is long enough twice in a row: what made the first one long may have been the
   * mapping and the warming. */
  while (n_long < 2)
    {
      took = entry->run (entry->state, n);
      n_long = took < wanted / 8 ? 0 : n_long + 1;
      n *= n_long == 0 ? 4 : 1;
    }
  entry->n = (guint64) (n * (wanted / took)) & ~(guint64) 7;
  entry->n = MAX (entry->n, 8);
}

static int
compare_doubles (gconstpointer a,
                 gconstpointer b)
{
  double difference = *(const double *) a - *(const double *) b;

  return (difference > 0) - (difference < 0);
}

void
bench_contest_run (BenchContest *self)
{
  guint n_rounds = bench_quick ? N_QUICK_ROUNDS : N_ROUNDS;

  for (guint i = 0; i < self->entries->len; i++)
    choose_size (g_ptr_array_index (self->entries, i));
  for (guint round = 0; round < n_rounds; round++)
    for (guint i = 0; i < self->entries->len; i++)
      {
        BenchEntry *entry = g_ptr_array_index (self->entries, i);
        double result = entry->run (entry->state, entry->n);

        entry->rounds[round] = self->whole ? result : result / entry->n;
      }

  printf ("%s\n", self->title);
  for (guint i = 0; i < self->entries->len; i++)
    {
      BenchEntry *entry = g_ptr_array_index (self->entries, i);

      qsort (entry->rounds, n_rounds, sizeof (double), compare_doubles);
      entry->median = entry->rounds[n_rounds / 2];
      printf ("  %-44s %12.1f ns %s   (%.1f … %.1f)\n", entry->name, entry->median, self->unit,
              entry->rounds[0], entry->rounds[n_rounds - 1]);
    }
  fflush (stdout);
}

double
bench_contest_median (BenchContest *self,
                      const char   *name)
{
  for (guint i = 0; i < self->entries->len; i++)
    {
      BenchEntry *entry = g_ptr_array_index (self->entries, i);

      if (g_str_equal (entry->name, name))
        return entry->median;
    }

  return -1;
}

/* --- The table ----------------------------------------------------------------------------- */

static char *
format_time (double ns)
{
  if (ns < 1e3)
    return g_strdup_printf ("%.1f ns", ns);
  if (ns < 1e6)
    return g_strdup_printf ("%.2f us", ns / 1e3);

  return g_strdup_printf ("%.2f ms", ns / 1e6);
}

static void
add_row (const char *title,
         const char *name,
         const char *first,
         const char *against,
         const char *second,
         const char *ratio,
         const char *target,
         gboolean    missed)
{
  if (table == NULL)
    table = g_string_new (NULL);
  n_missed += missed;
  g_string_append_printf (table, "%-30s %-26s %11s  %-26s %11s %9s %8s %s\n", title, name, first,
                          against, second, ratio, target, missed ? "MISSED" : "");
}

void
bench_table_value (const char *title,
                   const char *name,
                   double      value,
                   const char *unit,
                   double      target)
{
  g_autofree char *first = g_strdup_printf ("%.4g %s", value, unit);
  g_autofree char *wanted = target != 0 ? g_strdup_printf ("<= %g", target) : g_strdup ("");

  add_row (title, name, first, "", "", "", wanted, target != 0 && value > target);
}

void
bench_table_ratio (const char  *title,
                   const char  *name,
                   double       first,
                   const char  *against,
                   double       second,
                   BenchTarget  kind,
                   double       target)
{
  double ratio = kind == BENCH_AT_LEAST ? second / first : first / second;
  gboolean missed = (kind == BENCH_AT_LEAST && ratio < target) ||
                    (kind == BENCH_AT_MOST && ratio > target);
  g_autofree char *first_time = format_time (first);
  g_autofree char *second_time = format_time (second);
  g_autofree char *ratio_text = g_strdup_printf ("%.2f", ratio);
  g_autofree char *wanted = kind == BENCH_SHOWN
                              ? g_strdup ("")
                              : g_strdup_printf ("%s %g", kind == BENCH_AT_LEAST ? ">=" : "<=",
                                                 target);

  add_row (title, name, first_time, against, second_time, ratio_text, wanted, missed);
}

void
bench_contest_row (BenchContest *self,
                   const char   *name,
                   const char   *against,
                   BenchTarget   kind,
                   double        target)
{
  double first = bench_contest_median (self, name);
  double second = bench_contest_median (self, against);

  if (first > 0 && second > 0)
    bench_table_ratio (self->title, name, first, against, second, kind, target);
}

void
bench_table_print (void)
{
  printf ("\nRatios: how many times as fast where >= is asked, as slow where <= is.\n\n");
  printf ("%-30s %-26s %11s  %-26s %11s %9s %8s\n", "what", "who", "", "against", "", "ratio",
          "target");
  if (table != NULL)
    printf ("%s", table->str);
  printf ("\n%u of the targets missed\n", n_missed);
  fflush (stdout);
}
