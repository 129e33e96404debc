/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The barrier as it lies in the arena.
 *
 * Parties meet in rounds. The word `phase` has the round, its state and how many have arrived;
 * every change, made under the guard, is one store to it, and what else was written before counts
 * only with that. So who steals the guard has nothing to repair.
 */

#pragma once

#include "mproc/memory/mp-shared-private.h"
#include "mproc/sync/mp-barrier.h"

G_BEGIN_DECLS

#define MP_BARRIER_MAX_PARTIES 8192u     /* their seats are one block of the heap */

typedef enum {
  MP_BARRIER_FILLING,
  MP_BARRIER_ACTING,            /* all have arrived; the last one runs the action */
  MP_BARRIER_BROKEN,            /* until it is reset */
} MpBarrierState;

/* round << 32 | MpBarrierState << 24 | arrived */
#define MP_PHASE(round, state, arrived) \
  ((guint64) (guint32) (round) << 32 | (guint64) (state) << 24 | (arrived))
#define MP_PHASE_ROUND(phase) ((guint32) ((phase) >> 32))
#define MP_PHASE_STATE(phase) ((MpBarrierState) (((phase) >> 24) & 0xff))
#define MP_PHASE_ARRIVED(phase) ((guint32) (phase) & 0xffffff)

typedef struct {
  MpSharedHeader header;
  guint32  guard;
  guint32  event;
  guint64  phase;
  guint64  broken;              /* of the last 64 rounds that are over: bit round % 64 */
  gint64   timeout;             /* microseconds; negative: none */
  guint32  parties;
  MpOffset seats;               /* ids of the threads that have arrived in this round, in order */
} MpBarrierShared;

/* Arrives in the present round. OK: wait for its end, or, if *@index is the last one, run the
 * action and end it. TIMED_OUT: the action of the round before still runs. BROKEN. INVALID. */
MpStatus mp_barrier_arrive     (MpBarrierShared    *barrier,
                                guint32            *round,
                                guint32            *index);

/* How a round ended; TIMED_OUT: not yet. Notices the dead. */
MpStatus mp_barrier_outcome    (MpBarrierShared    *barrier,
                                guint32             round);

/* By the last to arrive: releases all, or breaks the barrier. Returns how the round ended. */
MpStatus mp_barrier_end        (MpBarrierShared    *barrier,
                                guint32             round,
                                gboolean            success);

/* By one who gives up: breaks the barrier, unless the round is over. Returns how it ended. */
MpStatus mp_barrier_leave      (MpBarrierShared    *barrier,
                                guint32             round);

/* Whatever round it is. */
MpStatus mp_barrier_break      (MpBarrierShared    *barrier);
MpStatus mp_barrier_begin_anew (MpBarrierShared    *barrier);

/* Waits for the end of a round as @limits say, and gives up if they end the wait otherwise than by
 * an interruption. */
MpStatus mp_barrier_wait_round (MpBarrierShared    *barrier,
                                guint32             round,
                                const MpWaitLimits *limits);

/* Waits as long as an action runs. */
MpStatus mp_barrier_wait_idle  (MpBarrierShared    *barrier,
                                const MpWaitLimits *limits);

/* As MpReadyFuncs, which take no guards. */
gboolean mp_barrier_is_idle    (gpointer            barrier);
gboolean mp_barrier_is_over    (MpBarrierShared    *barrier,
                                guint32             round);

/* The phase, after the dead were noticed. */
guint64  mp_barrier_get_phase  (MpBarrierShared    *barrier);

/* The action of this process, if it has one. */
gboolean mp_barrier_run_action (MpBarrier          *self,
                                GError            **error);

/* After the death of a thread that was in it. */
gboolean mp_barrier_recover    (gpointer            shared,
                                guint32             dead);

G_END_DECLS
