/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Waiting for something to become true in shared memory, and telling those who wait.
 *
 * An event word is sequence << 1 | somebody-sleeps. Who changes what others wait for commits the
 * change first and wakes then; who waits says so first and looks again then.
 */

#pragma once

#include "mproc/memory/mp-guard-private.h"

G_BEGIN_DECLS

typedef gboolean (*MpReadyFunc) (gpointer data);

/* Waits until @ready (@data), which must not block or take guards. OK: it was true a moment ago.
 * @slept: becomes TRUE if the thread slept, else stays as it is.
 * @object: the shared object waited for, so that the death of a waiter is not the loss of a
 * wake-up. (What waits for an MpEvent is mp_event_wait().) */
MpStatus mp_word_wait      (guint32             *event,
                            MpReadyFunc          ready,
                            gpointer             data,
                            gpointer             object,
                            const MpWaitLimits  *limits,
                            gboolean            *slept);

/* By a waiter that slept, whether it got what it wanted or gave up: others may sleep still, and one
 * wake-up wakes one. */
void     mp_event_pass_on  (guint32             *event,
                            MpReadyFunc          ready,
                            gpointer             data);

void     mp_event_wake_slow (guint32            *event,
                             int                 n);
void     mp_event_wake_all  (guint32            *event);

/* For the ready function of a wait in a main loop: says that somebody waits, as a sleeper does,
 * before it looks. */
static inline void
mp_event_listen (guint32 *event)
{
  if ((__atomic_load_n (event, __ATOMIC_SEQ_CST) & 1) == 0)
    __atomic_or_fetch (event, 1, __ATOMIC_SEQ_CST);
  __atomic_thread_fence (__ATOMIC_SEQ_CST);
}

/* After the commit and a full fence (unlocking a guard is one): wakes up to @n sleepers, and those
 * who listen in main loops. One load if there are none. */
static inline void
mp_event_wake (guint32 *event,
               int      n)
{
  if (G_UNLIKELY ((__atomic_load_n (event, __ATOMIC_SEQ_CST) & 1) != 0))
    mp_event_wake_slow (event, n);
}

/* For all sleepers, where nobody ever wakes only some, and main loops that do not listen. */
static inline void
mp_event_wake_many (guint32 *event)
{
  if (G_UNLIKELY ((__atomic_load_n (event, __ATOMIC_SEQ_CST) & 1) != 0 ||
                  __atomic_load_n (&mp_arena.header->n_armed, __ATOMIC_SEQ_CST) != 0))
    mp_event_wake_slow (event, G_MAXINT);
}

G_END_DECLS
