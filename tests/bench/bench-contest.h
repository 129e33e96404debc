/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Several ways to do the same thing, run in turn, and the table of how they compare.
 *
 * Times on a shared machine change by a factor of two within a minute. So every round runs all
 * ways one after the other, of each the median over the rounds counts, and only ratios are judged.
 */

#pragma once

#include "bench-team.h"

G_BEGIN_DECLS

typedef struct _BenchContest BenchContest;

/* Does the thing @n times; returns the nanoseconds of all, or with BENCH_WHOLE a value as it is. */
typedef double (*BenchRun) (gpointer state, guint64 n);

typedef enum {
  BENCH_AT_LEAST,               /* the second has to take so many times as long as the first */
  BENCH_AT_MOST,                /* the first may take so many times as long as the second */
  BENCH_SHOWN,                  /* as AT_MOST, but nothing is asked */
} BenchTarget;

/* How long to try, and how often. */
extern gboolean bench_quick;

BenchContest *bench_contest_new    (const char   *title,
                                    const char   *unit);
/* @n: the size of a round; 0: what takes some tens of milliseconds. */
void          bench_contest_enter  (BenchContest *self,
                                    const char   *name,
                                    BenchRun      run,
                                    gpointer      state,
                                    guint64       n);
/* The same, run by a team, which the contest owns from now on. */
void          bench_contest_team   (BenchContest *self,
                                    const char   *name,
                                    BenchTeam    *team,
                                    guint64       n);
/* The result of a round is a value, such as a latency, and not to be divided by @n. */
void          bench_contest_whole  (BenchContest *self);
void          bench_contest_run    (BenchContest *self);
/* In nanoseconds; negative if there is no such entry. */
double        bench_contest_median (BenchContest *self,
                                    const char   *name);
void          bench_contest_free   (BenchContest *self);

/* A row of the table, from the medians of a contest; none if one of them did not take part. */
void          bench_contest_row    (BenchContest *self,
                                    const char   *name,
                                    const char   *against,
                                    BenchTarget   kind,
                                    double        target);
/* A row that is no contest: @value has to be at most @target, or is only shown if that is 0. */
void          bench_table_value    (const char   *title,
                                    const char   *name,
                                    double        value,
                                    const char   *unit,
                                    double        target);
/* A row of two times in nanoseconds. */
void          bench_table_ratio    (const char   *title,
                                    const char   *name,
                                    double        first,
                                    const char   *against,
                                    double        second,
                                    BenchTarget   kind,
                                    double        target);
void          bench_table_print    (void);

G_END_DECLS
