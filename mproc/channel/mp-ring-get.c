/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The consumers' end of a ring.
 *
 * A get copies the message out, then commits by moving `head_pos` on. Killed before that store, the
 * message is still there; after it, it is the dead's, and if it had left a lease, whoever finds it
 * knows which message that was. The reference to a large message's block goes into a lease of the
 * consumer's process by the same store, or, if the ring is joinable, into the table of claims.
 */

#include "config.h"

#include <string.h>

#include "mproc/channel/mp-ring-fast-private.h"
#include "mproc/memory/mp-block-private.h"
#include "mproc/memory/mp-heap-private.h"
#include "mproc/sync/mp-wait-private.h"

#define LOOK_FOR_LOST_EVERY 64u

MpStatus
mp_ring_lock_head (MpRing             *ring,
                   const MpWaitLimits *limits)
{
  MpGuardResult result;

  if (mp_self () == 0)
    return MP_STATUS_INVALID;

  mp_self_slot ()->object = mp_arena_offset (ring);
  result = mp_guard_lock (&ring->head_guard, NULL, limits);
  if (G_UNLIKELY (result == MP_GUARD_STOLEN))
    mp_ring_fix_head (ring);
  if (G_LIKELY (result <= MP_GUARD_STOLEN))
    return MP_STATUS_OK;

  mp_self_slot ()->object = 0;
  return mp_guard_status (result);
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
      return status == MP_STATUS_OK ? mp_ring_lock_head (ring, limits) : status;
    }

  mp_ring_announce (ring, ring->head_n, NULL);
  mp_intent_begin (&ring->head_intent, MP_INTENT_TAKE, &ring->head_pos,
                   mp_ring_word (ring->head_pos)[1], hand, segment);
  mp_intent_commit (&ring->head_intent, &ring->head_pos, hand);
  mp_guard_unlock (&ring->head_guard);
  mp_heap_free (hand);

  return mp_ring_lock_head (ring, limits);
}

/* Locks the head; the header of the first record, or 0. */
static MpStatus
find_first (MpRing             *ring,
            const MpWaitLimits *limits,
            guint64            *header,
            gboolean           *closed)
{
  MpStatus status = mp_ring_lock_head (ring, limits);

  while (status == MP_STATUS_OK)
    {
      /* Before the record: what was put before the closing is seen. */
      *closed = __atomic_load_n (&ring->closed, __ATOMIC_ACQUIRE) != 0;
      *header = __atomic_load_n (mp_ring_word (ring->head_pos), __ATOMIC_ACQUIRE);
      if (G_LIKELY (*header == 0 || MP_RECORD_KIND (*header) != MP_RECORD_JUMP))
        break;
      status = jump (ring, limits);
    }

  return status;
}

/* --- One message --------------------------------------------------------------------------- */

/* A lease of this process's own on a block that the ring holds. */
static MpStatus
lease_block (MpRingMessage *message)
{
  const MpSharedHeader *shared = mp_arena_pointer (message->block);

  return mp_lease_take (message->block, MP_KIND_BLOCK, shared->serial, &message->lease);
}

/* The reference moves to the claim, and the consumer's lease is one more: the message may be
 * declared done while it is still being read. */
static MpStatus
claim_block (MpRing        *ring,
             guint64        next,
             MpRingMessage *message)
{
  MpRingClaim *claim;
  MpStatus status = mp_ring_new_claim (ring, &claim);

  if (status == MP_STATUS_OK)
    status = lease_block (message);
  if (status != MP_STATUS_OK)
    return status;

  mp_ring_hold_claim (claim, ring->head_n + 1, message->encoding);
  mp_ring_announce (ring, ring->head_n + 1, NULL);
  mp_intent_begin (&ring->head_intent, MP_INTENT_TAKE, &ring->head_pos, next, &claim->block,
                   message->block);
  mp_intent_commit (&ring->head_intent, &ring->head_pos, &claim->block);
  __atomic_store_n (&ring->n_claimed, ring->n_claimed + 1, __ATOMIC_RELEASE);

  return MP_STATUS_OK;
}

static MpStatus
take_block (MpRing        *ring,
            guint64       *lease,
            MpRingMessage *message)
{
  guint64 next = ring->head_pos + MP_RECORD_BLOCK_BYTES;
  guint64 *entry;
  MpStatus status;

  if (ring->joinable)
    return claim_block (ring, next, message);

  status = mp_lease_reserve (&message->lease, &entry);
  if (status != MP_STATUS_OK)
    return status;

  mp_ring_announce (ring, ring->head_n + 1, lease);
  mp_intent_begin (&ring->head_intent, MP_INTENT_TAKE, &ring->head_pos, next, entry,
                   message->block);
  mp_intent_commit (&ring->head_intent, &ring->head_pos, entry);

  return MP_STATUS_OK;
}

/* Under the lock: takes the record at the head. */
static MpStatus
take_record (MpRing        *ring,
             guint64        header,
             guint8        *buffer,
             gsize          size,
             gboolean       views,
             guint64       *lease,
             MpRingMessage *message)
{
  MpStatus status;

  message->encoding = MP_RECORD_ENCODING (header);
  if (MP_RECORD_KIND (header) == MP_RECORD_BLOCK)
    {
      message->block = mp_ring_word (ring->head_pos)[1];
      message->size = mp_block_size (message->block);
      status = views || message->size <= size ? take_block (ring, lease, message)
                                              : MP_STATUS_INVALID;
    }
  else
    {
      message->block = 0;
      message->size = MP_RECORD_SIZE (header);
      status = message->size <= size ? MP_STATUS_OK : MP_STATUS_INVALID;
      if (status == MP_STATUS_OK)
        mp_ring_take_inline (ring, buffer, message->size, lease);
    }
  if (status == MP_STATUS_OK)
    __atomic_store_n (&ring->head_n, ring->in_n, __ATOMIC_RELEASE);

  return status;
}

/* Under the lock of a joinable ring: what a dead consumer had taken. */
static MpStatus
take_lost (MpRing        *ring,
           gsize          size,
           gboolean       views,
           MpRingMessage *message)
{
  MpRingClaim *claim = mp_ring_lost_claim (ring);
  MpStatus status;

  if (claim == NULL)
    return MP_STATUS_TIMED_OUT;

  message->encoding = claim->encoding;
  message->block = claim->block;
  message->size = mp_block_size (message->block);
  if (!views && message->size > size)
    return MP_STATUS_INVALID;

  status = lease_block (message);
  if (status == MP_STATUS_OK)
    mp_ring_hold_claim (claim, claim->number, claim->encoding);

  return status;
}

/* After the lock: a block that is not wanted as a view. */
static void
copy_block (guint8        *buffer,
            MpRingMessage *message)
{
  memcpy (buffer, MP_BLOCK_DATA (message->block), message->size);
  mp_lease_drop (message->lease);
  message->block = 0;
}

MpStatus
mp_ring_get (MpRing             *ring,
             guint8             *buffer,
             gsize               size,
             gboolean            views,
             guint64            *lease,
             const MpWaitLimits *limits,
             MpRingMessage      *message)
{
  guint64 header = 0;
  gboolean closed = FALSE;
  MpStatus status = find_first (ring, limits, &header, &closed);

  if (status != MP_STATUS_OK)
    return status;

  status = MP_STATUS_TIMED_OUT;
  if (G_UNLIKELY (ring->joinable) && (header == 0 || ring->head_n % LOOK_FOR_LOST_EVERY == 0))
    status = take_lost (ring, size, views, message);
  if (status == MP_STATUS_TIMED_OUT && header != 0)
    status = take_record (ring, header, buffer, size, views, lease, message);
  else if (status == MP_STATUS_TIMED_OUT && closed)
    status = MP_STATUS_CLOSED;
  mp_guard_unlock (&ring->head_guard);

  if (status == MP_STATUS_OK && ring->max != 0)
    mp_event_wake (&ring->writable, 1);
  mp_self_slot ()->object = 0;
  if (status == MP_STATUS_OK && message->block != 0 && !views)
    copy_block (buffer, message);

  return status;
}

/* --- Many ---------------------------------------------------------------------------------- */

/* Copies records from the head on; what they are in all is taken by one store. */
static guint
copy_records (MpRing  *ring,
              guint8  *buffer,
              gsize    size,
              guint    n,
              guint64 *next,
              gsize   *n_bytes)
{
  guint n_got = 0;

  *next = ring->head_pos;
  *n_bytes = 0;
  while (n_got < n)
    {
      guint64 *word = mp_ring_word (*next);
      guint64 header = __atomic_load_n (word, __ATOMIC_ACQUIRE);
      guint32 *frame = (guint32 *) (buffer + *n_bytes);
      gsize bytes = MP_RECORD_BYTES (MP_RECORD_SIZE (header));

      if (header == 0 || MP_RECORD_KIND (header) != MP_RECORD_INLINE || *n_bytes + bytes > size)
        break;
      frame[0] = (guint32) MP_RECORD_SIZE (header);
      frame[1] = MP_RECORD_ENCODING (header);
      memcpy (frame + 2, word + 1, bytes - 8);
      *n_bytes += bytes;
      *next += bytes;
      n_got++;
    }

  return n_got;
}

MpStatus
mp_ring_get_batch (MpRing             *ring,
                   guint8             *buffer,
                   gsize               size,
                   guint               n,
                   const MpWaitLimits *limits,
                   gsize              *n_bytes,
                   guint              *n_got)
{
  guint64 header = 0;
  guint64 next;
  gboolean closed = FALSE;
  MpStatus status = find_first (ring, limits, &header, &closed);

  *n_got = 0;
  *n_bytes = 0;
  if (status != MP_STATUS_OK)
    return status;

  *n_got = copy_records (ring, buffer, size, n, &next, n_bytes);
  if (*n_got > 0)
    {
      mp_ring_announce (ring, ring->head_n + *n_got, NULL);
      __atomic_store_n (&ring->head_pos, next, __ATOMIC_RELEASE);
      __atomic_store_n (&ring->head_n, ring->in_n, __ATOMIC_RELEASE);
    }
  else if (header != 0)
    status = MP_STATUS_INVALID;
  else
    status = closed ? MP_STATUS_CLOSED : MP_STATUS_TIMED_OUT;
  mp_guard_unlock (&ring->head_guard);

  /* As many producers as there are places now. */
  if (*n_got > 0 && ring->max != 0)
    mp_event_wake (&ring->writable, (int) *n_got);
  mp_self_slot ()->object = 0;

  return status;
}
