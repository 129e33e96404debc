/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Sleeping, for guards and for events alike.
 *
 * A sleep watches the word itself, the life words of those it depends on, and the thread's own kick
 * word if it can be cancelled. No sleep is longer than a slice, whatever happens: so a wake-up that
 * was lost in a way nobody thought of costs a tenth of a second and not a hang, and a signal that
 * arrived just before the system call is noticed soon.
 */

#include "config.h"

#include "mproc/memory/mp-sleep-private.h"

#include <unistd.h>

#include "mproc/memory/mp-futex-private.h"

static gboolean wait_any_missing;

/* The CPUs of the system, not those this thread may use: who is pinned to one CPU waits for
 * somebody who is pinned to another. */
gboolean
mp_can_spin (void)
{
  static long n_cpus;

  if (G_UNLIKELY (n_cpus == 0))
    {
      long found = sysconf (_SC_NPROCESSORS_ONLN);

      n_cpus = MAX (1, found);
    }

  return n_cpus > 1;
}

void
mp_sleeper_kick (MpThreadSlot *slot)
{
  __atomic_add_fetch (&slot->kick, 1, __ATOMIC_SEQ_CST);
  mp_futex_wake (&slot->kick, 1);
}

static void
cancelled_cb (GCancellable *cancellable G_GNUC_UNUSED,
              gpointer      slot)
{
  mp_sleeper_kick (slot);
}

void
mp_sleeper_init (MpSleeper          *self,
                 const MpWaitLimits *limits)
{
  self->limits = limits;
  self->slice_end = 0;
  self->deadline = limits != NULL ? limits->deadline : MP_DEADLINE_NEVER;
  self->handler = 0;
}

void
mp_sleeper_clear (MpSleeper *self)
{
  if (self->handler != 0)
    g_cancellable_disconnect (self->limits->cancellable, self->handler);
}

/* The words to sleep on; at most MP_FUTEX_MAX_WORDS. 0 if one of the lives is over. */
static guint
collect_words (struct futex_waitv  *words,
               guint32             *word,
               guint32              value,
               guint32             *kick,
               guint32              kick_value,
               MpThreadSlot       **lives,
               guint                n_lives)
{
  guint n = 0;

  mp_futex_word (&words[n++], word, value);
  if (kick != NULL)
    mp_futex_word (&words[n++], kick, kick_value);
  for (guint i = 0; i < n_lives && n < MP_FUTEX_MAX_WORDS; i++)
    {
      guint32 life = __atomic_load_n (mp_life_word (lives[i]), __ATOMIC_ACQUIRE);

      if ((life & FUTEX_OWNER_DIED) != 0)
        return 0;
      mp_futex_word (&words[n++], mp_life_word (lives[i]), life);
    }

  return n;
}

static int
sleep_until (guint32       *word,
             guint32        value,
             guint32       *kick,
             guint32        kick_value,
             MpThreadSlot **lives,
             guint          n_lives,
             gint64         until)
{
  struct futex_waitv words[MP_FUTEX_MAX_WORDS];
  guint n_words;
  int result;

  if (wait_any_missing || (n_lives == 0 && kick == NULL))
    return mp_futex_wait (word, value, until);

  n_words = collect_words (words, word, value, kick, kick_value, lives, n_lives);
  if (n_words == 0)
    return 0;
  result = mp_futex_wait_any (words, n_words, until);
  if (result == ENOSYS || result == EPERM)
    {
      wait_any_missing = TRUE;
      result = 0;
    }

  return result;
}

/* When this sleep has to end at the latest; 0 if it must not begin. */
static gint64
slice_until (MpSleeper *self,
             gint64     now,
             gint64     most)
{
  const MpWaitLimits *limits = self->limits;
  gint64 until = now + (wait_any_missing ? MIN (most, MP_SLEEP_SLICE / 10) : most);

  if (limits == NULL)
    return until;
  if (limits->interruptible)
    {
      if (self->slice_end == 0)
        self->slice_end = now + MP_SLEEP_SLICE;
      until = MIN (until, self->slice_end);
    }

  return MIN (until, self->deadline);
}

MpGuardResult
mp_sleeper_sleep (MpSleeper     *self,
                  guint32       *word,
                  guint32        value,
                  MpThreadSlot **lives,
                  guint          n_lives,
                  gint64         most)
{
  const MpWaitLimits *limits = self->limits;
  GCancellable *cancellable = limits != NULL ? limits->cancellable : NULL;
  guint32 *kick = cancellable != NULL ? &mp_self_slot ()->kick : NULL;
  guint32 kick_value = kick != NULL ? __atomic_load_n (kick, __ATOMIC_ACQUIRE) : 0;
  gint64 now = g_get_monotonic_time ();
  gint64 until;
  int result;

  /* Who would not wait for a message still has to wait his turn at its lock; but not for ever,
   * if the holder is stopped. */
  if (self->deadline == MP_DEADLINE_NOW)
    self->deadline = now + MP_SLEEP_SLICE;
  until = slice_until (self, now, most);

  if (cancellable != NULL && self->handler == 0)
    self->handler = g_cancellable_connect (cancellable, G_CALLBACK (cancelled_cb),
                                           mp_self_slot (), NULL);
  if (g_cancellable_is_cancelled (cancellable))
    return MP_GUARD_CANCELLED;
  if (self->deadline <= now)
    return MP_GUARD_TIMED_OUT;
  if (until <= now)
    return MP_GUARD_INTERRUPTED;

  result = sleep_until (word, value, kick, kick_value, lives, n_lives, until);

  return result == EINTR && limits != NULL && limits->interruptible ? MP_GUARD_INTERRUPTED
                                                                    : MP_GUARD_TAKEN;
}
