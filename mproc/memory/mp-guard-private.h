/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The lock word that everything in the arena is built on: 0 is free, else the owner's id and bit 31
 * if somebody sleeps. A lock whose owner is dead is stolen, and the thief is told, so that it can
 * finish or forget what the dead was doing BEFORE it does anything else.
 */

#pragma once

#include "mproc/base/mp-deadline-private.h"
#include "mproc/memory/mp-identity-private.h"

G_BEGIN_DECLS

#define MP_GUARD_WAITERS 0x80000000u

typedef enum {
  MP_GUARD_TAKEN,
  MP_GUARD_STOLEN,              /* taken from the dead: repair first */
  MP_GUARD_TIMED_OUT,
  MP_GUARD_INTERRUPTED,
  MP_GUARD_CANCELLED,
  MP_GUARD_FAILED,              /* this thread can have no identity */
} MpGuardResult;

typedef struct {
  gint64        deadline;
  GCancellable *cancellable;
  gboolean      interruptible;  /* return INTERRUPTED on EINTR and every tenth of a second */
} MpWaitLimits;

/* Without waiting: TAKEN, STOLEN or TIMED_OUT. */
MpGuardResult mp_guard_try_lock  (guint32             *word);

/* A guard result as a status. */
MpStatus      mp_guard_status    (MpGuardResult       result);

MpGuardResult mp_guard_lock_slow (guint32             *word,
                                  guint32             *previous,
                                  const MpWaitLimits  *limits);
void          mp_guard_wake      (guint32             *word);

/* @previous: the id stolen from. @limits: NULL waits for ever. */
static inline MpGuardResult
mp_guard_lock (guint32             *word,
               guint32             *previous,
               const MpWaitLimits  *limits)
{
  guint32 expected = 0;
  guint32 me = mp_self ();

  if (G_LIKELY (me != 0 && __atomic_compare_exchange_n (word, &expected, me, FALSE,
                                                        __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)))
    return MP_GUARD_TAKEN;

  return mp_guard_lock_slow (word, previous, limits);
}

/* The exchange is also the full fence that waking relies on. */
static inline void
mp_guard_unlock (guint32 *word)
{
  if (G_UNLIKELY (__atomic_exchange_n (word, 0, __ATOMIC_SEQ_CST) & MP_GUARD_WAITERS))
    mp_guard_wake (word);
}

/* Intents (see MpIntent). A commit is a release store, so that what recovery may read was written
 * before it, in program order. */
static inline void
mp_intent_begin (MpIntent   *intent,
                 MpIntentOp  op,
                 guint64    *word,
                 guint64     value,
                 guint64    *hand,
                 guint64     block)
{
  intent->word = mp_arena_offset (word);
  intent->value = value;
  intent->hand = mp_arena_offset (hand);
  intent->block = block;
  __atomic_store_n (&intent->op, op, __ATOMIC_RELEASE);
  if (op == MP_INTENT_TAKE)
    __atomic_store_n (hand, block, __ATOMIC_RELEASE);
}

static inline void
mp_intent_commit (MpIntent *intent,
                  guint64  *word,
                  guint64  *hand)
{
  gboolean give = intent->op == MP_INTENT_GIVE;

  __atomic_store_n (word, intent->value, __ATOMIC_RELEASE);
  if (give)
    __atomic_store_n (hand, 0, __ATOMIC_RELEASE);
  __atomic_store_n (&intent->op, MP_INTENT_NONE, __ATOMIC_RELEASE);
}

/* By the thief: whatever point the dead had reached, the block is in exactly one place after. */
static inline void
mp_intent_fix (MpIntent *intent)
{
  guint64 op = intent->op;

  if (op != MP_INTENT_NONE)
    {
      guint64 *hand = mp_arena_pointer (intent->hand);
      guint64 *word = mp_arena_pointer (intent->word);
      gboolean done = *word == intent->value;

      if (done == (op == MP_INTENT_GIVE) && *hand == intent->block)
        __atomic_store_n (hand, 0, __ATOMIC_RELEASE);
      __atomic_store_n (&intent->op, MP_INTENT_NONE, __ATOMIC_RELEASE);
    }
}

G_END_DECLS
