/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The rounds of a barrier: arriving, ending, breaking; and waiting for these.
 *
 * Each who arrives leaves the id of his thread in a seat. Whoever waits looks at the seats of the
 * others whenever he looks up, and sleeps on their lives, too: so the death of one who has arrived
 * breaks the barrier at once, whether he waited or ran the action.
 *
 * Nobody has to acknowledge anything. A round that is over is over, and the next one begins with
 * the same store; who is late to look finds the outcome of his round in a ring of the last 64.
 */

#include "config.h"

#include "mproc/sync/mp-barrier-private.h"

#include "mproc/memory/mp-futex-private.h"
#include "mproc/sync/mp-wait-private.h"

typedef struct {
  MpBarrierShared *barrier;
  guint32          round;
} Wait;

static guint64
get_phase (const MpBarrierShared *barrier)
{
  return __atomic_load_n (&barrier->phase, __ATOMIC_ACQUIRE);
}

/* The commit of every change. */
static void
set_phase (MpBarrierShared *barrier,
           guint32          round,
           MpBarrierState   state,
           guint32          arrived)
{
  __atomic_store_n (&barrier->phase, MP_PHASE (round, state, arrived), __ATOMIC_SEQ_CST);
}

/* Counts once the round is over or the barrier broken, by the phase. */
static void
note_outcome (MpBarrierShared *barrier,
              guint32          round,
              gboolean         broken)
{
  guint64 bit = G_GUINT64_CONSTANT (1) << (round % 64);
  guint64 others = barrier->broken & ~bit;

  __atomic_store_n (&barrier->broken, broken ? others | bit : others, __ATOMIC_RELEASE);
}

static gboolean
is_running (guint64 phase,
            guint32 round)
{
  return MP_PHASE_ROUND (phase) == round && MP_PHASE_STATE (phase) != MP_BARRIER_BROKEN;
}

/* Without the guard a seat may be somebody's of the next round: who is dead there breaks that one,
 * and the guard is taken before anything is done. */
static gboolean
somebody_died (const MpBarrierShared *barrier,
               guint64                phase)
{
  const guint32 *seats = mp_arena_pointer (barrier->seats);
  guint32 n = MIN (MP_PHASE_ARRIVED (phase), barrier->parties);

  if (MP_PHASE_STATE (phase) == MP_BARRIER_BROKEN)
    return FALSE;
  for (guint32 i = 0; i < n; i++)
    if (mp_id_is_dead (__atomic_load_n (&seats[i], __ATOMIC_ACQUIRE)))
      return TRUE;

  return FALSE;
}

/* --- Under the guard ----------------------------------------------------------------------- */

static MpOffset
enter (MpBarrierShared *barrier)
{
  MpOffset before = mp_self_slot ()->object;

  __atomic_store_n (&mp_self_slot ()->object, mp_arena_offset (barrier), __ATOMIC_RELEASE);
  return before;
}

static gboolean
lock (MpBarrierShared    *barrier,
      const MpWaitLimits *limits,
      MpOffset           *before)
{
  if (mp_self () == 0)
    return FALSE;

  *before = enter (barrier);
  if (mp_guard_lock (&barrier->guard, NULL, limits) <= MP_GUARD_STOLEN)
    return TRUE;

  mp_self_slot ()->object = *before;
  return FALSE;
}

/* @wake: those who wait for the end of a round. */
static void
unlock (MpBarrierShared *barrier,
        MpOffset         before,
        gboolean         wake)
{
  mp_guard_unlock (&barrier->guard);
  if (wake)
    mp_event_wake_many (&barrier->event);
  __atomic_store_n (&mp_self_slot ()->object, before, __ATOMIC_RELEASE);
}

static void
break_round (MpBarrierShared *barrier)
{
  guint32 round = MP_PHASE_ROUND (get_phase (barrier));

  note_outcome (barrier, round, TRUE);
  set_phase (barrier, round, MP_BARRIER_BROKEN, 0);
}

static gboolean
notice_dead (MpBarrierShared *barrier)
{
  if (!somebody_died (barrier, get_phase (barrier)))
    return FALSE;

  break_round (barrier);
  return TRUE;
}

MpStatus
mp_barrier_arrive (MpBarrierShared *barrier,
                   guint32         *round,
                   guint32         *index)
{
  guint32 *seats = mp_arena_pointer (barrier->seats);
  MpStatus status = MP_STATUS_OK;
  MpOffset before;
  gboolean broke;
  guint64 phase;

  if (!lock (barrier, NULL, &before))
    return MP_STATUS_INVALID;

  broke = notice_dead (barrier);
  phase = get_phase (barrier);
  *round = MP_PHASE_ROUND (phase);
  *index = MP_PHASE_ARRIVED (phase);
  if (MP_PHASE_STATE (phase) == MP_BARRIER_BROKEN)
    status = MP_STATUS_BROKEN;
  else if (MP_PHASE_STATE (phase) == MP_BARRIER_ACTING)
    status = MP_STATUS_TIMED_OUT;
  else
    {
      gboolean last = *index + 1 == barrier->parties;

      __atomic_store_n (&seats[*index], mp_self (), __ATOMIC_RELEASE);
      set_phase (barrier, *round, last ? MP_BARRIER_ACTING : MP_BARRIER_FILLING, *index + 1);
    }
  unlock (barrier, before, broke);

  return status;
}

MpStatus
mp_barrier_end (MpBarrierShared *barrier,
                guint32          round,
                gboolean         success)
{
  MpOffset before;

  if (!lock (barrier, NULL, &before))
    return MP_STATUS_INVALID;

  if (!notice_dead (barrier) && is_running (get_phase (barrier), round))
    {
      if (success && MP_PHASE_STATE (get_phase (barrier)) == MP_BARRIER_ACTING)
        {
          note_outcome (barrier, round, FALSE);
          set_phase (barrier, round + 1, MP_BARRIER_FILLING, 0);
        }
      else
        break_round (barrier);
    }
  unlock (barrier, before, TRUE);

  return mp_barrier_outcome (barrier, round);
}

MpStatus
mp_barrier_leave (MpBarrierShared *barrier,
                  guint32          round)
{
  return mp_barrier_end (barrier, round, FALSE);
}

MpStatus
mp_barrier_break (MpBarrierShared *barrier)
{
  MpOffset before;

  if (!lock (barrier, NULL, &before))
    return MP_STATUS_INVALID;

  if (MP_PHASE_STATE (get_phase (barrier)) != MP_BARRIER_BROKEN)
    break_round (barrier);
  unlock (barrier, before, TRUE);

  return MP_STATUS_OK;
}

/* Those who have arrived find their round broken; nobody, and not broken: nothing to do. */
MpStatus
mp_barrier_begin_anew (MpBarrierShared *barrier)
{
  MpOffset before;
  guint64 phase;

  if (!lock (barrier, NULL, &before))
    return MP_STATUS_INVALID;

  phase = get_phase (barrier);
  if (MP_PHASE_STATE (phase) == MP_BARRIER_BROKEN || MP_PHASE_ARRIVED (phase) > 0)
    {
      note_outcome (barrier, MP_PHASE_ROUND (phase), TRUE);
      set_phase (barrier, MP_PHASE_ROUND (phase) + 1, MP_BARRIER_FILLING, 0);
    }
  unlock (barrier, before, TRUE);

  return MP_STATUS_OK;
}

gboolean
mp_barrier_recover (gpointer shared,
                    guint32  dead G_GNUC_UNUSED)
{
  const MpWaitLimits limits = { MP_DEADLINE_NOW, NULL, FALSE };
  MpBarrierShared *barrier = shared;
  MpOffset before;

  if (barrier->seats == 0)      /* killed while it was made */
    return TRUE;
  if (!lock (barrier, &limits, &before))
    return FALSE;

  notice_dead (barrier);
  unlock (barrier, before, FALSE);
  mp_futex_wake (&barrier->guard, G_MAXINT);
  mp_event_wake_all (&barrier->event);

  return TRUE;
}

/* --- Looking ------------------------------------------------------------------------------- */

guint64
mp_barrier_get_phase (MpBarrierShared *barrier)
{
  MpOffset before;

  if (somebody_died (barrier, get_phase (barrier)) && lock (barrier, NULL, &before))
    unlock (barrier, before, notice_dead (barrier));

  return get_phase (barrier);
}

MpStatus
mp_barrier_outcome (MpBarrierShared *barrier,
                    guint32          round)
{
  guint64 bit = G_GUINT64_CONSTANT (1) << (round % 64);

  if (is_running (mp_barrier_get_phase (barrier), round))
    return MP_STATUS_TIMED_OUT;

  return __atomic_load_n (&barrier->broken, __ATOMIC_ACQUIRE) & bit ? MP_STATUS_BROKEN
                                                                    : MP_STATUS_OK;
}

gboolean
mp_barrier_is_over (MpBarrierShared *barrier,
                    guint32          round)
{
  guint64 phase = get_phase (barrier);

  return !is_running (phase, round) || somebody_died (barrier, phase);
}

gboolean
mp_barrier_is_idle (gpointer barrier)
{
  guint64 phase = get_phase (barrier);

  return MP_PHASE_STATE (phase) != MP_BARRIER_ACTING || somebody_died (barrier, phase);
}

/* --- Waiting ------------------------------------------------------------------------------- */

static gboolean
is_over (gpointer data)
{
  const Wait *wait = data;

  return mp_barrier_is_over (wait->barrier, wait->round);
}

MpStatus
mp_barrier_wait_round (MpBarrierShared    *barrier,
                       guint32             round,
                       const MpWaitLimits *limits)
{
  Wait wait = { barrier, round };
  MpStatus status, outcome;
  gboolean slept = FALSE;

  do
    {
      status = mp_word_wait (&barrier->event, is_over, &wait, barrier, limits, &slept);
      outcome = mp_barrier_outcome (barrier, round);
      if (outcome != MP_STATUS_TIMED_OUT)
        return outcome;
    }
  while (status == MP_STATUS_OK);
  if (status == MP_STATUS_INTERRUPTED)
    return status;

  outcome = mp_barrier_leave (barrier, round);
  return outcome == MP_STATUS_OK ? MP_STATUS_OK : status;
}

MpStatus
mp_barrier_wait_idle (MpBarrierShared    *barrier,
                      const MpWaitLimits *limits)
{
  gboolean slept = FALSE;
  MpStatus status = mp_word_wait (&barrier->event, mp_barrier_is_idle, barrier, barrier, limits,
                                  &slept);

  /* If somebody died that is now known. */
  mp_barrier_get_phase (barrier);
  return status;
}
