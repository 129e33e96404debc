/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The producers' end of a ring.
 *
 * A put copies the message behind the last record, writes 0 where the next header will be, and
 * commits by storing the header. Killed before that store, there is no message; after it, there is.
 * A batch is written from its second message on, and the first one's header commits them all. A
 * block's reference goes from a lease of the producer's process into the record by the same store.
 * New segments are allocated with no lock held; if another producer was faster, ours is given back.
 */

#include "config.h"

#include "mproc/channel/mp-ring-fast-private.h"
#include "mproc/memory/mp-heap-private.h"
#include "mproc/memory/mp-lease-private.h"
#include "mproc/sync/mp-wait-private.h"

#define LAST_SEGMENT 65536u        /* a whole span: such memory can be given back */

static MpStatus
lock_tail (MpRing             *ring,
           const MpWaitLimits *limits)
{
  MpGuardResult result;

  if (mp_self () == 0)
    return MP_STATUS_INVALID;

  mp_self_slot ()->object = mp_arena_offset (ring);
  result = mp_guard_lock (&ring->tail_guard, NULL, limits);
  if (G_UNLIKELY (result == MP_GUARD_STOLEN))
    mp_ring_fix_tail (ring);
  if (G_LIKELY (result <= MP_GUARD_STOLEN))
    return MP_STATUS_OK;

  mp_self_slot ()->object = 0;
  return mp_guard_status (result);
}

MpStatus
mp_ring_settle_tail (MpRing             *ring,
                     const MpWaitLimits *limits)
{
  MpStatus status = lock_tail (ring, limits);

  if (status == MP_STATUS_OK)
    mp_guard_unlock (&ring->tail_guard);

  return status;
}

static guint32
segment_size (MpRing *ring,
              gsize   bytes)
{
  guint32 size = ring->next_size;

  while (size < bytes + MP_RING_JUMP_BYTES)
    size *= 2;

  return size;
}

/* Under the lock: the chain goes on in the segment in *@hand. */
static void
link_segment (MpRing  *ring,
              guint64 *hand)
{
  guint64 *word = mp_ring_word (ring->tail_pos);
  MpOffset segment = *hand;
  gsize size;

  mp_heap_block (segment, &size);
  *mp_ring_word (segment) = 0;
  word[1] = segment;
  mp_intent_begin (&ring->tail_intent, MP_INTENT_GIVE, word,
                   MP_RECORD (ring->tail_n, MP_RECORD_JUMP, 0, 0), hand, segment);
  mp_intent_commit (&ring->tail_intent, word, hand);
  ring->next_size = (guint32) MIN (size * 2, LAST_SEGMENT);
  ring->tail_end = segment + size;
  /* Last: until then no consumer frees the segment that we leave, see jump(). */
  __atomic_store_n (&ring->tail_pos, segment, __ATOMIC_RELEASE);
}

static MpStatus
add_segment (MpRing             *ring,
             gsize               bytes,
             const MpWaitLimits *limits)
{
  guint64 *hand = &mp_self_slot ()->hands[1];
  MpStatus status = mp_heap_allocate (segment_size (ring, bytes), hand, limits);

  if (status != MP_STATUS_OK)
    return status;

  status = lock_tail (ring, limits);
  if (status == MP_STATUS_OK)
    {
      if (!mp_ring_has_room (ring, bytes))
        link_segment (ring, hand);
      mp_guard_unlock (&ring->tail_guard);
    }
  mp_heap_free (hand);

  return status;
}

static void
copy_parts (guint8           *to,
            const MpRingPart *parts,
            guint             n_parts)
{
  for (guint i = 0; i < n_parts; i++)
    {
      mp_ring_copy (to, parts[i].data, parts[i].size);
      to += parts[i].size;
    }
}

/* As many as there is room for in the segment. */
static guint
write_batch (MpRing           *ring,
             guint             encoding,
             const MpRingPart *items,
             guint             n_items)
{
  guint64 *first = mp_ring_word (ring->tail_pos);
  MpOffset pos = ring->tail_pos;
  guint n = 0;

  while (n < n_items &&
         pos + MP_RECORD_BYTES (items[n].size) + MP_RING_JUMP_BYTES <= ring->tail_end)
    {
      guint64 *word = mp_ring_word (pos);

      copy_parts ((guint8 *) (word + 1), &items[n], 1);
      if (n > 0)
        *word = MP_RECORD (ring->tail_n + n + 1, MP_RECORD_INLINE, encoding, items[n].size);
      pos += MP_RECORD_BYTES (items[n].size);
      n++;
    }
  *mp_ring_word (pos) = 0;
  __atomic_store_n (first, MP_RECORD (ring->tail_n + 1, MP_RECORD_INLINE, encoding,
                                      items[0].size), __ATOMIC_RELEASE);
  mp_ring_advance (ring, n, pos);

  return n;
}

static void
write_block (MpRing   *ring,
             guint     encoding,
             guint64  *entry,
             MpOffset  block)
{
  guint64 *word = mp_ring_word (ring->tail_pos);
  MpOffset next = ring->tail_pos + MP_RECORD_BLOCK_BYTES;

  word[1] = block;
  *mp_ring_word (next) = 0;
  mp_intent_begin (&ring->tail_intent, MP_INTENT_GIVE, word,
                   MP_RECORD (ring->tail_n + 1, MP_RECORD_BLOCK, encoding, 0), entry, block);
  mp_intent_commit (&ring->tail_intent, word, entry);
  mp_ring_advance (ring, 1, next);
}

/* With the lock held: why no message can be put now, or OK. */
static MpStatus
refusal (MpRing *ring)
{
  if (G_UNLIKELY (ring->closed))
    return MP_STATUS_CLOSED;
  if (ring->max == 0 || (gint64) (ring->tail_n - ring->seen_n) < (gint64) ring->max)
    return MP_STATUS_OK;

  /* The consumers' line, which they are writing to, is read only when it may be full. */
  ring->seen_n = __atomic_load_n (&ring->head_n, __ATOMIC_ACQUIRE);
  return mp_ring_writable (ring) ? MP_STATUS_OK : MP_STATUS_TIMED_OUT;
}

static MpStatus
lock_with_room (MpRing             *ring,
                gsize               bytes,
                const MpWaitLimits *limits)
{
  MpStatus status;

  while ((status = lock_tail (ring, limits)) == MP_STATUS_OK)
    {
      gboolean room = mp_ring_has_room (ring, bytes);

      status = refusal (ring);
      if (G_LIKELY (status == MP_STATUS_OK && room))
        return MP_STATUS_OK;

      mp_guard_unlock (&ring->tail_guard);
      if (status == MP_STATUS_OK)
        status = add_segment (ring, bytes, limits);
      if (status != MP_STATUS_OK)
        return status;
    }

  return status;
}

/* @n messages are there: unlocks, and tells as many of those who wait. */
static void
unlock_and_wake (MpRing   *ring,
                 guint64  *number,
                 guint     n)
{
  if (number != NULL)
    *number = ring->tail_n;
  mp_guard_unlock (&ring->tail_guard);
  mp_event_wake (&ring->readable, n);
}

MpStatus
mp_ring_put (MpRing             *ring,
             guint               encoding,
             const MpRingPart   *parts,
             guint               n_parts,
             const MpWaitLimits *limits,
             guint64            *number)
{
  gsize size = 0;
  MpStatus status;

  if (mp_self () == 0)
    return MP_STATUS_INVALID;
  for (guint i = 0; i < n_parts; i++)
    size += parts[i].size;

  status = lock_with_room (ring, MP_RECORD_BYTES (size), limits);
  if (G_LIKELY (status == MP_STATUS_OK))
    {
      copy_parts ((guint8 *) (mp_ring_word (ring->tail_pos) + 1), parts, n_parts);
      mp_ring_commit_inline (ring, encoding, size);
      unlock_and_wake (ring, number, 1);
    }
  mp_self_slot ()->object = 0;

  return status;
}

MpStatus
mp_ring_put_block (MpRing             *ring,
                   guint               encoding,
                   MpOffset            block,
                   guint32             lease,
                   const MpWaitLimits *limits,
                   guint64            *number)
{
  guint64 *entry;
  MpStatus status;

  if (mp_self () == 0)
    return MP_STATUS_INVALID;

  status = lock_with_room (ring, MP_RECORD_BLOCK_BYTES, limits);
  if (status == MP_STATUS_OK && !mp_lease_begin_move (lease, &entry))
    {
      mp_guard_unlock (&ring->tail_guard);
      status = MP_STATUS_INVALID;
    }
  if (status == MP_STATUS_OK)
    {
      write_block (ring, encoding, entry, block);
      mp_lease_end_move (lease);
      unlock_and_wake (ring, number, 1);
    }
  mp_self_slot ()->object = 0;

  return status;
}

MpStatus
mp_ring_put_batch (MpRing             *ring,
                   guint               encoding,
                   const MpRingPart   *items,
                   guint               n_items,
                   const MpWaitLimits *limits,
                   guint              *n_put)
{
  MpStatus status;

  if (mp_self () == 0 || n_items == 0)
    return MP_STATUS_INVALID;

  status = lock_with_room (ring, MP_RECORD_BYTES (items[0].size), limits);
  if (status == MP_STATUS_OK)
    {
      guint64 head_n = __atomic_load_n (&ring->head_n, __ATOMIC_ACQUIRE);
      guint64 room = ring->max == 0 ? n_items
                                    : ring->max - (ring->tail_n - head_n);

      *n_put = write_batch (ring, encoding, items, (guint) MIN (n_items, MAX (room, 1)));
      unlock_and_wake (ring, NULL, *n_put);
    }
  mp_self_slot ()->object = 0;

  return status;
}
