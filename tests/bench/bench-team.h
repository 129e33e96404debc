/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Processes that do one thing together, each pinned to one of two CPUs, and how long it took them.
 *
 * A team is forked once and runs many rounds, so that every round finds its memory mapped and its
 * caches warm. Between rounds its members sleep in the kernel; before each, all of them meet, so
 * that nobody's waking up is measured.
 */

#pragma once

#include <glib.h>
#include <time.h>

G_BEGIN_DECLS

#define BENCH_MAX_MEMBERS 8

typedef struct _BenchTeam BenchTeam;

/* What a member does in a round of size @n. */
typedef void (*BenchPart) (gpointer state, guint64 n);

typedef struct {
  BenchPart prepare;            /* once, in the member's process; or NULL */
  BenchPart part;
  guint     cpu;                /* 0 or 1 */
} BenchMember;

/* FALSE: there are no two CPUs, and nothing can be measured. */
gboolean   bench_find_cpus  (void);
void       bench_pin        (guint              cpu);

BenchTeam *bench_team_new   (gpointer           state,
                             const BenchMember *members,
                             guint              n_members);
/* Nanoseconds from the first member's start to the last one's end; or what a member reported. */
double     bench_team_run   (BenchTeam         *self,
                             guint64            n);
void       bench_team_free  (BenchTeam         *self);

/* In a member: the round's result is @value, and not its duration. */
void       bench_report     (double             value);

static inline gint64
bench_now (void)
{
  struct timespec ts;

  clock_gettime (CLOCK_MONOTONIC, &ts);
  return (gint64) ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static inline void
bench_relax (void)
{
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause ();
#elif defined(__aarch64__)
  __asm__ volatile ("yield");
#else
  __asm__ volatile ("" ::: "memory");
#endif
}

G_END_DECLS
