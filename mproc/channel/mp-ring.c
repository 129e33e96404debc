/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * What both ends of a ring share: its beginning and end, and repairing an end whose holder died.
 *
 * Runs in any thread of any member. An end is repaired by whoever steals its lock, before anything
 * else, and the repair may itself be interrupted by death and begun again.
 */

#include "config.h"

#include "mproc/channel/mp-ring-private.h"
#include "mproc/memory/mp-futex-private.h"
#include "mproc/memory/mp-heap-private.h"
#include "mproc/memory/mp-lease-private.h"
#include "mproc/sync/mp-wait-private.h"

#define FIRST_SEGMENT 1024u
#define DESTROYED 2u             /* in `closed`: destruction has begun */

static gsize
record_bytes (guint64 header)
{
  return MP_RECORD_KIND (header) == MP_RECORD_BLOCK ? MP_RECORD_BLOCK_BYTES
                                                    : MP_RECORD_BYTES (MP_RECORD_SIZE (header));
}

/* The records tell how far the dead producer got. */
void
mp_ring_fix_tail (MpRing *ring)
{
  guint64 header;

  mp_intent_fix (&ring->tail_intent);
  if (ring->tail_pos == 0)
    return;

  while ((header = __atomic_load_n (mp_ring_word (ring->tail_pos), __ATOMIC_ACQUIRE)) != 0)
    if (MP_RECORD_KIND (header) == MP_RECORD_JUMP)
      ring->tail_pos = mp_ring_word (ring->tail_pos)[1];
    else
      {
        /* The number first: if this is interrupted too, it is found again from the record. Signed:
         * of a batch the count may be ahead. */
        __atomic_store_n (&ring->tail_n,
                          ring->tail_n + (gint64) (gint32) ((guint32) (header >> 32) -
                                                            (guint32) ring->tail_n),
                          __ATOMIC_RELEASE);
        __atomic_store_n (&ring->tail_pos, ring->tail_pos + record_bytes (header),
                          __ATOMIC_RELEASE);
      }

  {
    gsize size;
    MpOffset start = mp_heap_block (ring->tail_pos, &size);

    ring->tail_end = start + size;
  }
}

void
mp_ring_fix_head (MpRing *ring)
{
  mp_intent_fix (&ring->head_intent);
  if (ring->head_pos != ring->in_pos)
    ring->head_n = ring->in_n;
  if (ring->joinable)
    mp_ring_fix_claims (ring);
}

gboolean
mp_ring_readable (gpointer data)
{
  MpRing *ring = data;
  guint64 *word = mp_ring_word (__atomic_load_n (&ring->head_pos, __ATOMIC_ACQUIRE));

  if (__atomic_load_n (word, __ATOMIC_ACQUIRE) != 0)
    {
      /* What is not in the first line is on its way while the guard is taken. */
      __builtin_prefetch (word + 8);
      return TRUE;
    }

  return __atomic_load_n (&ring->closed, __ATOMIC_ACQUIRE) != 0 ||
         (G_UNLIKELY (ring->joinable) && mp_ring_lost_claim (ring) != NULL);
}

gboolean
mp_ring_writable (gpointer data)
{
  MpRing *ring = data;

  return ring->max == 0 || __atomic_load_n (&ring->closed, __ATOMIC_ACQUIRE) != 0 ||
         /* Signed: a consumer may be ahead of the producer's count for a moment. */
         (gint64) (__atomic_load_n (&ring->tail_n, __ATOMIC_ACQUIRE) -
                   __atomic_load_n (&ring->head_n, __ATOMIC_ACQUIRE)) < (gint64) ring->max;
}

MpStatus
mp_ring_begin (MpRing *ring)
{
  guint64 *hand = &mp_self_slot ()->hands[1];
  MpStatus status;

  ring->next_size = FIRST_SEGMENT;
  mp_self_slot ()->object = mp_arena_offset (ring);
  status = mp_heap_allocate (FIRST_SEGMENT, hand, NULL);
  if (status == MP_STATUS_OK &&
      mp_guard_lock (&ring->tail_guard, NULL, NULL) <= MP_GUARD_STOLEN)
    {
      MpOffset segment = *hand;

      *mp_ring_word (segment) = 0;
      mp_intent_begin (&ring->tail_intent, MP_INTENT_GIVE, &ring->tail_pos, segment, hand, segment);
      mp_intent_commit (&ring->tail_intent, &ring->tail_pos, hand);
      ring->tail_end = segment + FIRST_SEGMENT;
      __atomic_store_n (&ring->head_pos, segment, __ATOMIC_RELEASE);
      mp_guard_unlock (&ring->tail_guard);
    }
  mp_self_slot ()->object = 0;

  return status;
}

void
mp_ring_close (MpRing *ring)
{
  const MpWaitLimits limits = { MP_DEADLINE_NOW, NULL, FALSE };
  MpGuardResult result = mp_guard_lock (&ring->tail_guard, NULL, &limits);

  /* Under the producers' lock: no message comes after it. If the holder is stopped, without. */
  if (result == MP_GUARD_STOLEN)
    mp_ring_fix_tail (ring);
  __atomic_store_n (&ring->closed, 1, __ATOMIC_SEQ_CST);
  if (result <= MP_GUARD_STOLEN)
    mp_guard_unlock (&ring->tail_guard);
  mp_event_wake_all (&ring->readable);
  mp_event_wake_all (&ring->writable);
  mp_event_wake_all (&ring->finished);
}

guint64
mp_ring_n_taken (MpRing *ring)
{
  guint64 n;
  MpGuardResult result = mp_guard_lock (&ring->head_guard, NULL, NULL);

  if (result == MP_GUARD_STOLEN)
    mp_ring_fix_head (ring);
  n = ring->head_n;
  if (result <= MP_GUARD_STOLEN)
    mp_guard_unlock (&ring->head_guard);

  return n;
}

/* FALSE: not now. */
static gboolean
repair (MpRing *ring)
{
  const MpWaitLimits limits = { MP_DEADLINE_NOW, NULL, FALSE };
  MpGuardResult result = mp_guard_lock (&ring->tail_guard, NULL, &limits);

  if (result == MP_GUARD_STOLEN)
    mp_ring_fix_tail (ring);
  if (result > MP_GUARD_STOLEN)
    return FALSE;
  mp_guard_unlock (&ring->tail_guard);

  result = mp_guard_lock (&ring->head_guard, NULL, &limits);
  if (result == MP_GUARD_STOLEN)
    mp_ring_fix_head (ring);
  if (result > MP_GUARD_STOLEN)
    return FALSE;
  mp_guard_unlock (&ring->head_guard);

  return TRUE;
}

gboolean
mp_ring_recover (gpointer shared,
                 guint32  dead G_GNUC_UNUSED)
{
  MpRing *ring = shared;

  if (!repair (ring))
    return FALSE;

  /* The dead may have been woken, or may have let go without waking: all look again. */
  mp_futex_wake (&ring->tail_guard, G_MAXINT);
  mp_futex_wake (&ring->head_guard, G_MAXINT);
  mp_event_wake_all (&ring->readable);
  mp_event_wake_all (&ring->writable);
  mp_event_wake_all (&ring->finished);
  return TRUE;
}

/* Frees one thing at a time, each by an intent of the head, so that it can be begun again. */
void
mp_ring_destroy (gpointer shared)
{
  MpRing *ring = shared;
  guint64 *hand = &mp_self_slot ()->hands[1];

  repair (ring);        /* nobody can be waiting */
  if (ring->closed != DESTROYED)
    {
      if (ring->head_pos == 0)
        ring->head_pos = ring->tail_pos;        /* killed at its beginning */
      __atomic_store_n (&ring->closed, DESTROYED, __ATOMIC_RELEASE);
    }
  mp_ring_drop_claims (ring);

  while (ring->head_pos != 0)
    {
      guint64 header = *mp_ring_word (ring->head_pos);
      guint kind = header != 0 ? MP_RECORD_KIND (header) : MP_RECORD_JUMP;
      guint64 next = header != 0 ? mp_ring_word (ring->head_pos)[1] : 0;
      gsize size;

      if (kind == MP_RECORD_INLINE)
        {
          ring->head_pos += MP_RECORD_BYTES (MP_RECORD_SIZE (header));
          continue;
        }
      if (kind == MP_RECORD_BLOCK)
        {
          mp_lease_drop_word (&mp_ring_word (ring->head_pos)[1]);
          ring->head_pos += MP_RECORD_BLOCK_BYTES;
          continue;
        }
      if (mp_guard_lock (&ring->head_guard, NULL, NULL) > MP_GUARD_STOLEN)
        return;
      mp_intent_begin (&ring->head_intent, MP_INTENT_TAKE, &ring->head_pos, next, hand,
                       mp_heap_block (ring->head_pos, &size));
      mp_intent_commit (&ring->head_intent, &ring->head_pos, hand);
      mp_guard_unlock (&ring->head_guard);
      mp_heap_free (hand);
    }
}
