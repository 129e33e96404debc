/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Taking and giving permits, by one compare-and-swap each: on the count, or on the word of one
 * permit. No lock, nothing to repair. A permit whose holder is dead is as good as a free one.
 *
 * Whoever gives a permit wakes one sleeper, and only if somebody said that he sleeps; a sleeper
 * that got one wakes the next if there is more. So that no wake-up dies with the one it was meant
 * for, the slots of threads name the semaphore while they give or wait: whoever recovers the dead
 * wakes all.
 */

#include "config.h"

#include "mproc/sync/mp-semaphore-private.h"

#include "mproc/sync/mp-wait-private.h"

static guint32 *
words_of (const MpSemaphoreShared *semaphore)
{
  return mp_arena_pointer (semaphore->permits);
}

static gboolean
is_free (guint32 holder)
{
  return holder == 0 || mp_id_is_dead (holder);
}

static gboolean
take_word (MpSemaphoreShared *semaphore)
{
  guint32 *words = words_of (semaphore);
  guint32 me = mp_self ();
  guint32 n = semaphore->n_permits;

  /* Each begins elsewhere: fewer meet at one word. */
  for (guint32 i = 0; i < n; i++)
    {
      guint32 *word = &words[(me + i) % n];
      guint32 holder = __atomic_load_n (word, __ATOMIC_ACQUIRE);

      if (is_free (holder) && __atomic_compare_exchange_n (word, &holder, me, FALSE,
                                                           __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
        return TRUE;
    }

  return FALSE;
}

static MpStatus
give_word (MpSemaphoreShared *semaphore)
{
  guint32 *words = words_of (semaphore);
  guint32 me = mp_self ();
  guint32 n = semaphore->n_permits;

  for (guint32 i = 0; i < n; i++)
    if (__atomic_load_n (&words[(me + i) % n], __ATOMIC_ACQUIRE) == me)
      {
        __atomic_store_n (&words[(me + i) % n], 0, __ATOMIC_SEQ_CST);
        return MP_STATUS_OK;
      }

  return MP_STATUS_NOT_OWNER;
}

static gboolean
take (MpSemaphoreShared *semaphore)
{
  guint32 value;

  if (semaphore->n_permits != 0)
    return take_word (semaphore);

  value = __atomic_load_n (&semaphore->value, __ATOMIC_ACQUIRE);
  while (value > 0)
    if (__atomic_compare_exchange_n (&semaphore->value, &value, value - 1, FALSE, __ATOMIC_ACQ_REL,
                                     __ATOMIC_ACQUIRE))
      return TRUE;

  return FALSE;
}

static MpStatus
give (MpSemaphoreShared *semaphore)
{
  guint32 value;

  if (semaphore->n_permits != 0)
    return give_word (semaphore);

  value = __atomic_load_n (&semaphore->value, __ATOMIC_ACQUIRE);
  while (value < semaphore->max)
    if (__atomic_compare_exchange_n (&semaphore->value, &value, value + 1, FALSE, __ATOMIC_SEQ_CST,
                                     __ATOMIC_ACQUIRE))
      return MP_STATUS_OK;

  return MP_STATUS_NOT_OWNER;
}

guint32
mp_permits_free (const MpSemaphoreShared *semaphore)
{
  const guint32 *words = words_of (semaphore);
  guint32 n = 0;

  if (semaphore->n_permits == 0)
    return __atomic_load_n (&semaphore->value, __ATOMIC_ACQUIRE);

  for (guint32 i = 0; i < semaphore->n_permits; i++)
    n += is_free (__atomic_load_n (&words[i], __ATOMIC_ACQUIRE));

  return n;
}

gboolean
mp_permits_any (gpointer data)
{
  const MpSemaphoreShared *semaphore = data;
  const guint32 *words = words_of (semaphore);

  if (semaphore->n_permits == 0)
    return __atomic_load_n (&semaphore->value, __ATOMIC_ACQUIRE) > 0;

  for (guint32 i = 0; i < semaphore->n_permits; i++)
    if (is_free (__atomic_load_n (&words[i], __ATOMIC_ACQUIRE)))
      return TRUE;

  return FALSE;
}

/* --- Waiting and waking -------------------------------------------------------------------- */

/* FALSE if the thread is known as a waiter already, below a signal handler. */
static gboolean
begin_waiting (MpSemaphoreShared *semaphore)
{
  if (mp_self_slot ()->waiting != 0)
    return FALSE;

  __atomic_store_n (&mp_self_slot ()->waiting, mp_arena_offset (semaphore), __ATOMIC_RELEASE);
  return TRUE;
}

static MpStatus
acquire_slowly (MpSemaphoreShared  *semaphore,
                const MpWaitLimits *limits)
{
  gboolean noted = begin_waiting (semaphore);
  gboolean ever_slept = FALSE;
  gboolean slept = FALSE;
  MpStatus status;

  do
    {
      status = mp_word_wait (&semaphore->event, mp_permits_any, semaphore, semaphore, limits,
                             &slept);
      ever_slept |= slept;
    }
  while (status == MP_STATUS_OK && !take (semaphore));

  /* Also by who gives up: the mark of the others may have gone with the wake-up he got. */
  if (ever_slept)
    mp_event_pass_on (&semaphore->event, mp_permits_any, semaphore);
  if (noted)
    __atomic_store_n (&mp_self_slot ()->waiting, 0, __ATOMIC_RELEASE);

  return status;
}

MpStatus
mp_permits_acquire (MpSemaphoreShared  *semaphore,
                    const MpWaitLimits *limits)
{
  if (mp_self () == 0)
    return MP_STATUS_INVALID;
  if (G_LIKELY (take (semaphore)))
    return MP_STATUS_OK;
  if (limits->deadline == MP_DEADLINE_NOW)
    return MP_STATUS_TIMED_OUT;

  return acquire_slowly (semaphore, limits);
}

MpStatus
mp_permits_release (MpSemaphoreShared *semaphore)
{
  MpThreadSlot *slot;
  MpOffset before;
  MpStatus status;

  if (mp_self () == 0)
    return MP_STATUS_INVALID;

  slot = mp_self_slot ();
  before = slot->object;
  __atomic_store_n (&slot->object, mp_arena_offset (semaphore), __ATOMIC_RELEASE);
  status = give (semaphore);
  if (status == MP_STATUS_OK && (__atomic_load_n (&semaphore->event, __ATOMIC_SEQ_CST) & 1) != 0)
    mp_event_wake_slow (&semaphore->event, 1);
  __atomic_store_n (&slot->object, before, __ATOMIC_RELEASE);

  return status;
}
