/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The slow path of the lock word: somebody holds it, or did when he died.
 *
 * Stealing needs no list of held locks: the word names its owner, and whether that owner lives is
 * one load from its slot. A woken sleeper takes the lock with the waiters bit set, since it cannot
 * know whether it was the last one.
 */

#include "config.h"

#include "mproc/memory/mp-guard-private.h"

#include "mproc/memory/mp-futex-private.h"
#include "mproc/memory/mp-sleep-private.h"

#define SPINS 200

void
mp_guard_wake (guint32 *word)
{
  mp_futex_wake (word, 1);
}

MpStatus
mp_guard_status (MpGuardResult result)
{
  switch (result)
    {
    case MP_GUARD_TAKEN:
    case MP_GUARD_STOLEN:
      return MP_STATUS_OK;
    case MP_GUARD_TIMED_OUT:
      return MP_STATUS_TIMED_OUT;
    case MP_GUARD_INTERRUPTED:
      return MP_STATUS_INTERRUPTED;
    case MP_GUARD_CANCELLED:
      return MP_STATUS_CANCELLED;
    case MP_GUARD_FAILED:
    default:
      return MP_STATUS_INVALID;
    }
}

/* One attempt. TRUE if it is decided; FALSE with the value that stood in the way. */
static gboolean
try_once (guint32       *word,
          guint32        me,
          guint32        waiters,
          guint32       *seen,
          guint32       *previous,
          MpGuardResult *result)
{
  guint32 value = __atomic_load_n (word, __ATOMIC_ACQUIRE);
  guint32 owner = value & MP_ID_MASK;

  *seen = value;
  if (owner != 0 && !mp_id_is_dead (owner))
    return FALSE;

  /* Of the dead nobody knows who still sleeps for him: keep the bit. */
  waiters |= owner != 0 ? MP_GUARD_WAITERS : value & MP_GUARD_WAITERS;
  if (!__atomic_compare_exchange_n (word, &value, me | waiters, FALSE, __ATOMIC_ACQUIRE,
                                    __ATOMIC_RELAXED))
    {
      *seen = 0;
      return FALSE;
    }

  if (owner != 0 && previous != NULL)
    *previous = owner;
  *result = owner != 0 ? MP_GUARD_STOLEN : MP_GUARD_TAKEN;
  return TRUE;
}

static gboolean
mark_waiting (guint32 *word,
              guint32 *value)
{
  guint32 expected = *value;

  if (expected & MP_GUARD_WAITERS)
    return TRUE;

  *value |= MP_GUARD_WAITERS;
  return __atomic_compare_exchange_n (word, &expected, *value, FALSE, __ATOMIC_RELAXED,
                                      __ATOMIC_RELAXED);
}

MpGuardResult
mp_guard_try_lock (guint32 *word)
{
  MpGuardResult result = MP_GUARD_TIMED_OUT;
  guint32 seen;

  if (mp_self () == 0)
    return MP_GUARD_FAILED;

  /* 0 is seen when somebody else was faster by a moment. */
  while (!try_once (word, mp_self (), 0, &seen, NULL, &result) && seen == 0)
    ;

  return result;
}

/* Looks at the word only: whether its owner lives stands in a line that the owner is writing to,
 * and each look there would hold him up. */
static void
spin_while (const guint32 *word,
            guint32        value,
            guint         *spins)
{
  while (*spins > 0 && __atomic_load_n (word, __ATOMIC_RELAXED) == value)
    {
      (*spins)--;
      mp_cpu_relax ();
    }
}

MpGuardResult
mp_guard_lock_slow (guint32            *word,
                    guint32            *previous,
                    const MpWaitLimits *limits)
{
  MpGuardResult result = MP_GUARD_TAKEN;
  guint32 me = mp_self ();
  guint32 waiters = 0;
  guint32 seen;
  guint spins = mp_can_spin () ? SPINS : 0;
  MpSleeper sleeper;

  if (me == 0)
    return MP_GUARD_FAILED;

  mp_sleeper_init (&sleeper, limits);
  while (!try_once (word, me, waiters, &seen, previous, &result))
    {
      MpThreadSlot *owner;

      if (seen == 0)
        continue;
      if (spins > 0)
        {
          spin_while (word, seen, &spins);
          continue;
        }
      owner = mp_id_slot (seen & MP_ID_MASK);
      if (!mark_waiting (word, &seen))
        continue;
      waiters = MP_GUARD_WAITERS;
      result = mp_sleeper_sleep (&sleeper, word, seen, &owner, 1, MP_SLEEP_SLICE);
      if (result != MP_GUARD_TAKEN)
        break;
    }
  mp_sleeper_clear (&sleeper);

  return result;
}
