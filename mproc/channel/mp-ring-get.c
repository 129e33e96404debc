/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The consumers' end of a ring.
 *
 * A get copies the message out, then commits by moving `head_pos` on. Killed before that store, the
 * message is still there; after it, it is the dead's, and if it had left a lease, whoever finds it
 * knows which message that was. A large message's block goes into the consumer's hand by the same
 * store and is copied with no lock held.
 */

#include "config.h"

#include <string.h>

#include "mproc/channel/mp-ring-private.h"
#include "mproc/memory/mp-heap-private.h"
#include "mproc/sync/mp-wait-private.h"

static MpStatus
lock_head (MpRing             *ring,
           const MpWaitLimits *limits)
{
  MpGuardResult result;

  if (mp_self () == 0)
    return MP_STATUS_INVALID;

  mp_self_slot ()->object = mp_arena_offset (ring);
  result = mp_guard_lock (&ring->head_guard, NULL, limits);
  if (G_UNLIKELY (result == MP_GUARD_STOLEN))
    mp_ring_fix_head (ring);

  return result <= MP_GUARD_STOLEN ? MP_STATUS_OK : mp_guard_status (result);
}

/* What recovery needs to know of the get that follows; the place first. */
static void
announce (MpRing  *ring,
          guint64  n,
          guint64 *lease)
{
  __atomic_store_n (&ring->in_pos, ring->head_pos, __ATOMIC_RELEASE);
  __atomic_store_n (&ring->in_n, n, __ATOMIC_RELEASE);
  if (lease != NULL)
    __atomic_store_n (lease, n, __ATOMIC_RELEASE);
}

/* Whether the producers' end is still in the segment that starts at @segment. */
static gboolean
tail_is_in (MpRing   *ring,
            MpOffset  segment)
{
  gsize size;

  return mp_heap_block (__atomic_load_n (&ring->tail_pos, __ATOMIC_ACQUIRE), &size) == segment;
}

/* Under the lock: leaves the used-up segment, which moves to a hand and is freed unlocked. Not
 * while the producer who linked the next one is still in it: if he died there, who repairs his end
 * needs it. */
static MpStatus
jump (MpRing             *ring,
      const MpWaitLimits *limits)
{
  guint64 *hand = &mp_self_slot ()->hands[1];
  gsize size;
  MpOffset segment = mp_heap_block (ring->head_pos, &size);

  if (G_UNLIKELY (tail_is_in (ring, segment)))
    {
      MpStatus status;

      mp_guard_unlock (&ring->head_guard);
      status = mp_ring_settle_tail (ring, limits);
      return status == MP_STATUS_OK ? lock_head (ring, limits) : status;
    }

  announce (ring, ring->head_n, NULL);
  mp_intent_begin (&ring->head_intent, MP_INTENT_TAKE, &ring->head_pos,
                   mp_ring_word (ring->head_pos)[1], hand, segment);
  mp_intent_commit (&ring->head_intent, &ring->head_pos, hand);
  mp_guard_unlock (&ring->head_guard);
  mp_heap_free (hand);

  return lock_head (ring, limits);
}

static MpStatus
take_inline (MpRing        *ring,
             guint64        header,
             guint8        *buffer,
             gsize          size,
             guint64       *lease,
             MpRingMessage *message)
{
  message->size = MP_RECORD_SIZE (header);
  if (message->size > size)
    return MP_STATUS_INVALID;

  memcpy (buffer, mp_ring_word (ring->head_pos) + 1, message->size);
  announce (ring, ring->head_n + 1, lease);
  __atomic_store_n (&ring->head_pos, ring->head_pos + MP_RECORD_BYTES (message->size),
                    __ATOMIC_RELEASE);

  return MP_STATUS_OK;
}

/* The memory is got before the commit: if there is none, the message stays. */
static MpStatus
take_block (MpRing        *ring,
            guint64       *lease,
            MpRingMessage *message)
{
  guint64 *hand = &mp_self_slot ()->hands[0];
  guint64 *word = mp_ring_word (ring->head_pos);

  message->size = word[2];
  message->data = g_try_malloc (message->size);
  if (message->data == NULL)
    return MP_STATUS_NO_SPACE;

  announce (ring, ring->head_n + 1, lease);
  mp_intent_begin (&ring->head_intent, MP_INTENT_TAKE, &ring->head_pos,
                   ring->head_pos + MP_RECORD_BYTES (16), hand, word[1]);
  mp_intent_commit (&ring->head_intent, &ring->head_pos, hand);

  return MP_STATUS_OK;
}

/* Under the lock: takes the record at the head. */
static MpStatus
take_record (MpRing        *ring,
             guint64        header,
             guint8        *buffer,
             gsize          size,
             guint64       *lease,
             MpRingMessage *message)
{
  MpStatus status;

  message->encoding = MP_RECORD_ENCODING (header);
  if (MP_RECORD_KIND (header) == MP_RECORD_BLOCK)
    status = take_block (ring, lease, message);
  else
    status = take_inline (ring, header, buffer, size, lease, message);
  if (status == MP_STATUS_OK)
    __atomic_store_n (&ring->head_n, ring->in_n, __ATOMIC_RELEASE);

  return status;
}

static void
finish_block (MpRingMessage *message)
{
  guint64 *hand = &mp_self_slot ()->hands[0];

  if (message->data == NULL)
    return;

  memcpy (message->data, mp_arena_pointer (*hand), message->size);
  mp_heap_free (hand);
}

MpStatus
mp_ring_get (MpRing             *ring,
             guint8             *buffer,
             gsize               size,
             guint64            *lease,
             const MpWaitLimits *limits,
             MpRingMessage      *message)
{
  MpStatus status = lock_head (ring, limits);
  guint64 header = 0;
  gboolean closed = FALSE;

  message->data = NULL;
  while (status == MP_STATUS_OK)
    {
      /* Before the record: what was put before the closing is seen. */
      closed = __atomic_load_n (&ring->closed, __ATOMIC_ACQUIRE) != 0;
      header = __atomic_load_n (mp_ring_word (ring->head_pos), __ATOMIC_ACQUIRE);
      if (G_LIKELY (header == 0 || MP_RECORD_KIND (header) != MP_RECORD_JUMP))
        break;
      status = jump (ring, limits);
    }
  if (status != MP_STATUS_OK)
    {
      if (mp_self () != 0)
        mp_self_slot ()->object = 0;
      return status;
    }

  if (header != 0)
    status = take_record (ring, header, buffer, size, lease, message);
  else
    status = closed ? MP_STATUS_CLOSED : MP_STATUS_TIMED_OUT;
  mp_guard_unlock (&ring->head_guard);

  if (status == MP_STATUS_OK)
    {
      finish_block (message);
      if (ring->max != 0)
        mp_event_wake (&ring->writable);
    }
  mp_self_slot ()->object = 0;

  return status;
}
