/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * One sleep on words of shared memory, bounded by a slice, a deadline, a cancellable and signals.
 */

#pragma once

#include "mproc/memory/mp-guard-private.h"

G_BEGIN_DECLS

#define MP_SLEEP_SLICE (100 * 1000)     /* microseconds */
#define MP_SLEEP_MAX_LIVES 30

typedef struct {
  const MpWaitLimits *limits;
  gint64 slice_end;             /* of an interruptible call as a whole */
  gint64 deadline;
  gulong handler;
} MpSleeper;

void          mp_sleeper_init  (MpSleeper          *self,
                                const MpWaitLimits *limits);
void          mp_sleeper_clear (MpSleeper          *self);

/* Sleeps while *@word is @value, at most @most microseconds, and no longer than the threads of
 * @lives live. MP_GUARD_TAKEN: look again; else why the wait is over. */
MpGuardResult mp_sleeper_sleep (MpSleeper          *self,
                                guint32            *word,
                                guint32             value,
                                MpThreadSlot      **lives,
                                guint               n_lives,
                                gint64              most);

/* Makes the thread that sleeps with @slot look up. */
void          mp_sleeper_kick  (MpThreadSlot       *slot);

/* Whether spinning can help: there is more than one CPU. */
gboolean      mp_can_spin      (void);

G_END_DECLS
