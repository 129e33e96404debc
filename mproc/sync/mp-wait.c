/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The one way to wait: spin a little, if that has paid off lately and there is a second CPU; then
 * sleep in bounded pieces on the event and on the lives of the others.
 *
 * A spin that ends in success takes tenths of a microsecond, and one in vain costs its whole
 * length; so after a few in vain for the same event the waits that spin become rare, down to one
 * in 64, and one success makes them all spin again.
 *
 * The first sleep is a short plain one, because watching many lives costs more than a wake-up
 * itself; who still sleeps after that watches up to thirty lives, and recovers whoever dies. That
 * is how a death is noticed without a reaper, a thread, or a poll: the kernel wakes a watcher.
 */

#include "config.h"

#include "mproc/sync/mp-wait-private.h"

#include "mproc/memory/mp-futex-private.h"
#include "mproc/memory/mp-recover-private.h"
#include "mproc/memory/mp-sleep-private.h"
#include "mproc/sync/mp-doorbell-private.h"

#define FIRST_SLEEP 5000        /* microseconds */
#define SWEEP_EVERY 10          /* slices */
#define LONG_AFTER 10           /* then a slice is twice as long */

/* Spinning. Longer than it takes to wake a sleeper: where two who answer one another both slept,
 * one of them has to wait that out for the spinning to begin again. */
#define SPIN_MOST 80000         /* nanoseconds */
#define SPIN_LEAST 64           /* looks, most with a pause after: a microsecond or two */
#define QUICK_LOOKS 16          /* of these without: a pause takes as long as the answer may */
#define PATIENCE 6              /* long spins in vain before only some waits get one */
#define MOST_SKIPPED 6          /* then every 2nd, 4th, … 2^6th */
#define CLOSE 4                 /* waits in a row that were over at the first look */
#define DISTANCE 128            /* pauses */
#define RETHINK 64
#define GAIN_LEAST 1000         /* nanoseconds of work that falling back has to bring */
#define N_HISTORIES 16

/* What waiting for an event was like lately, as seen by this thread: who waits long for work and
 * briefly for answers learns both. Two events that share an entry disturb each other a little. */
typedef struct {
  guint32 n_vain;               /* long spins in vain since the last that was not */
  guint32 n_skipped;            /* waits without a long spin since the last */
  gint32  n_close;              /* waits in a row that were over at the first look */
  gint64  fell_back;            /* when this thread last let the others get ahead; 0: not lately */
} MpSpinHistory;

static __thread MpSpinHistory histories[N_HISTORIES];
static __thread guint n_slices;         /* slept in all waits: those of bindings are short */

static gint64
now_ns (void)
{
  struct timespec ts;

  clock_gettime (CLOCK_MONOTONIC, &ts);
  return (gint64) ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static MpSpinHistory *
history_of (const guint32 *event)
{
  MpOffset offset = mp_arena_offset (event);

  return &histories[((offset >> 2) ^ (offset >> 7) ^ (offset >> 12)) % N_HISTORIES];
}

/* Whether a long spin may pay off: it did lately, or it is time to try again. */
static gboolean
worth_spinning (MpSpinHistory *history)
{
  if (history->n_vain < PATIENCE)
    return TRUE;
  if (++history->n_skipped >> MIN (history->n_vain - PATIENCE + 1, MOST_SKIPPED) == 0)
    return FALSE;

  history->n_skipped = 0;
  return TRUE;
}

/* A consumer at the heels of its producer wrests each message's cache lines from him while he
 * still writes: both are faster if it falls back a little and takes many at once. The answer to a
 * question is hardly ever there at the first look, so round trips do not get here. Now and then a
 * few waits look at once, to learn whether that is still so. */
static void
keep_distance (MpSpinHistory *history)
{
  if (history->n_close < CLOSE || history->n_close % RETHINK < CLOSE)
    return;
  /* Not where the others cannot get ahead, as in a queue with few places. */
  if (history->fell_back != 0 && now_ns () - history->fell_back < GAIN_LEAST)
    {
      history->n_close = -RETHINK;
      history->fell_back = 0;
      return;
    }

  for (guint i = 0; i < DISTANCE; i++)
    mp_cpu_relax ();
  history->fell_back = now_ns ();
}

/* The clock, which costs more than a look, is asked once in a microsecond or two. */
static gboolean
spin_for (MpReadyFunc    ready,
          gpointer       data,
          gint64         budget,
          MpSpinHistory *history)
{
  gint64 end = 0;

  keep_distance (history);
  for (;;)
    {
      for (guint i = 0; i < SPIN_LEAST; i++)
        {
          if (ready (data))
            {
              history->n_close = end == 0 && i == 0 ? history->n_close + 1
                                                    : MIN (history->n_close, 0);
              return TRUE;
            }
          if (i >= QUICK_LOOKS)
            mp_cpu_relax ();
        }

      if (budget == 0)
        return FALSE;
      if (end == 0)
        end = now_ns () + budget;
      else if (now_ns () >= end)
        return FALSE;
    }
}

static gboolean
spin (const guint32 *event,
      MpReadyFunc    ready,
      gpointer       data)
{
  MpSpinHistory *history = history_of (event);
  gboolean worth = worth_spinning (history);

  if (spin_for (ready, data, worth ? SPIN_MOST : 0, history))
    {
      history->n_vain = 0;
      return TRUE;
    }

  history->n_vain += worth;
  return FALSE;
}

/* Some living threads of the family other than this one, another selection each time if there are
 * many. The dead among them are recovered. */
static guint
choose_lives (MpThreadSlot **lives,
              guint          turn,
              gboolean      *died)
{
  guint32 n = MIN (__atomic_load_n (&mp_arena.header->n_threads, __ATOMIC_ACQUIRE),
                   MP_MAX_THREADS);
  guint n_lives = 0;

  for (guint32 i = 0; i < n && n_lives < MP_SLEEP_MAX_LIVES; i++)
    {
      MpThreadSlot *slot = &mp_arena.threads[(i + turn * MP_SLEEP_MAX_LIVES) % n];

      if (slot == mp_self_slot () ||
          MP_SLOT_STATE (__atomic_load_n (&slot->state, __ATOMIC_ACQUIRE)) != MP_SLOT_LIVE)
        continue;
      if (__atomic_load_n (mp_life_word (slot), __ATOMIC_ACQUIRE) & FUTEX_OWNER_DIED)
        {
          mp_recover_thread (slot);
          *died = TRUE;
        }
      else
        lives[n_lives++] = slot;
    }

  return n_lives;
}

static MpGuardResult
sleep_once (MpSleeper *sleeper,
            guint32   *event,
            guint32    value,
            guint      turn)
{
  MpThreadSlot *lives[MP_SLEEP_MAX_LIVES];
  gboolean died = FALSE;
  guint n_lives = turn > 0 ? choose_lives (lives, n_slices, &died) : 0;
  gint64 most = turn == 0 ? FIRST_SLEEP : turn < LONG_AFTER ? MP_SLEEP_SLICE : 2 * MP_SLEEP_SLICE;
  MpGuardResult result = mp_sleeper_sleep (sleeper, event, value, lives, n_lives, most);

  for (guint i = 0; i < n_lives; i++)
    if (__atomic_load_n (mp_life_word (lives[i]), __ATOMIC_ACQUIRE) & FUTEX_OWNER_DIED)
      {
        mp_recover_thread (lives[i]);
        died = TRUE;
      }
  if (died)
    {
      mp_recover_sweep ();
      n_slices = SWEEP_EVERY - 2;       /* its process may need a moment to go: look again soon */
    }
  if (turn > 0 && ++n_slices % SWEEP_EVERY == 0)
    mp_recover_sweep ();

  return result;
}

MpStatus
mp_word_wait (guint32            *event,
              MpReadyFunc         ready,
              gpointer            data,
              gpointer            object,
              const MpWaitLimits *limits,
              gboolean           *slept)
{
  MpGuardResult result = MP_GUARD_TAKEN;
  MpSleeper sleeper;

  if (limits != NULL && limits->deadline == 0)
    return ready (data) ? MP_STATUS_OK : MP_STATUS_TIMED_OUT;
  if (mp_self () == 0)
    return MP_STATUS_INVALID;
  if (mp_can_spin () && spin (event, ready, data))
    return MP_STATUS_OK;

  mp_self_slot ()->object = mp_arena_offset (object);
  mp_sleeper_init (&sleeper, limits);
  for (guint turn = 0; result == MP_GUARD_TAKEN; turn++)
    {
      guint32 value = __atomic_or_fetch (event, 1, __ATOMIC_SEQ_CST);

      __atomic_thread_fence (__ATOMIC_SEQ_CST);
      if (ready (data))
        break;
      *slept = TRUE;
      result = sleep_once (&sleeper, event, value, turn);
    }
  mp_sleeper_clear (&sleeper);
  mp_self_slot ()->object = 0;

  /* Whatever ended the wait, what was waited for counts first. */
  return ready (data) ? MP_STATUS_OK : mp_guard_status (result);
}

void
mp_event_pass_on (guint32     *event,
                  MpReadyFunc  ready,
                  gpointer     data)
{
  __atomic_or_fetch (event, 1, __ATOMIC_SEQ_CST);
  if (ready (data))
    mp_event_wake (event, 1);
}

void
mp_event_wake_slow (guint32 *event,
                    int      n)
{
  guint32 value = __atomic_load_n (event, __ATOMIC_SEQ_CST);

  if ((value & 1) != 0 &&
      __atomic_compare_exchange_n (event, &value, (value + 2) & ~1u, FALSE, __ATOMIC_SEQ_CST,
                                   __ATOMIC_RELAXED))
    mp_futex_wake (event, n);
  if (__atomic_load_n (&mp_arena.header->n_armed, __ATOMIC_SEQ_CST) != 0)
    mp_doorbell_ring ();
}

void
mp_event_wake_all (guint32 *event)
{
  __atomic_or_fetch (event, 1, __ATOMIC_SEQ_CST);
  mp_event_wake_slow (event, G_MAXINT);
}
