/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The common case of a put and a get, to be compiled into the caller: a small message, room for it
 * or something there, nobody in the way. It saves a dozen calls, which are half of the time.
 *
 * Each does what it does in full, or nothing: FALSE means that the long way has to be taken, which
 * finds out why. The rules are those of mp-ring-put.c and mp-ring-get.c, whose inner parts these
 * are.
 */

#pragma once

#include <string.h>

#include "mproc/channel/mp-ring-private.h"
#include "mproc/memory/mp-attach-private.h"
#include "mproc/sync/mp-wait-private.h"

G_BEGIN_DECLS

#define MP_RING_JUMP_BYTES 16u
/* How far before it is written a line is asked for. It is with a consumer's CPU still, and letting
 * go of the guard would wait for it. */
#define MP_RING_AHEAD 640u

/* A call of memcpy() costs more than the copy of a small message. */
static inline void
mp_ring_copy (guint8       *to,
              const guint8 *from,
              gsize         size)
{
  if (G_LIKELY (size >= 32 && size <= 64))
    {
      /* From both ends, overlapping in the middle. */
      __builtin_memcpy (to, from, 32);
      __builtin_memcpy (to + size - 32, from + size - 32, 32);
    }
  else if (size >= 8 && size < 32)
    {
      guint8 end[8];

      __builtin_memcpy (end, from + size - 8, 8);
      for (gsize i = 0; i + 8 <= size; i += 8)
        __builtin_memcpy (to + i, from + i, 8);
      __builtin_memcpy (to + size - 8, end, 8);
    }
  else if (size > 0)
    memcpy (to, from, size);
}

static inline gboolean
mp_ring_has_room (MpRing *ring,
                  gsize   bytes)
{
  return ring->tail_pos + bytes + MP_RING_JUMP_BYTES <= ring->tail_end;
}

/* The messages are there. Their number first: recovery finds it again from the records, but only
 * as long as they have not been passed. */
static inline void
mp_ring_advance (MpRing   *ring,
                 guint     n,
                 MpOffset  pos)
{
  __atomic_store_n (&ring->tail_n, ring->tail_n + n, __ATOMIC_RELEASE);
  __atomic_store_n (&ring->tail_pos, pos, __ATOMIC_RELEASE);
}

/* Under the lock: the message whose bytes are in place. */
static inline void
mp_ring_commit_inline (MpRing *ring,
                       guint   encoding,
                       gsize   size)
{
  guint64 *word = mp_ring_word (ring->tail_pos);
  MpOffset next = ring->tail_pos + MP_RECORD_BYTES (size);

  *mp_ring_word (next) = 0;
  __atomic_store_n (word, MP_RECORD (ring->tail_n + 1, MP_RECORD_INLINE, encoding, size),
                    __ATOMIC_RELEASE);
  mp_ring_advance (ring, 1, next);
}

/* What recovery needs to know of the get that follows; the place first. */
static inline void
mp_ring_announce (MpRing  *ring,
                  guint64  n,
                  guint64 *lease)
{
  __atomic_store_n (&ring->in_pos, ring->head_pos, __ATOMIC_RELEASE);
  __atomic_store_n (&ring->in_n, n, __ATOMIC_RELEASE);
  if (lease != NULL)
    __atomic_store_n (lease, n, __ATOMIC_RELEASE);
}

/* Under the lock: the message at the head, of @size bytes, goes to @buffer. */
static inline void
mp_ring_take_inline (MpRing  *ring,
                     guint8  *buffer,
                     gsize    size,
                     guint64 *lease)
{
  guint64 *word = mp_ring_word (ring->head_pos) + 1;

  mp_ring_copy (buffer, (const guint8 *) word, size);
  mp_ring_announce (ring, ring->head_n + 1, lease);
  __atomic_store_n (&ring->head_pos, ring->head_pos + MP_RECORD_BYTES (size), __ATOMIC_RELEASE);

  /* Nobody looks at these bytes again. Written to by this CPU, the line passes to the producer's in
   * one step when it comes round; only read, it would have to be taken back from both. A release
   * store: not before the commit. */
  if (size > 0)
    __atomic_store_n (word, 0, __ATOMIC_RELEASE);
}

/* Takes the guard if nobody has it. */
static inline gboolean
mp_ring_try_guard (MpRing  *ring,
                   guint32 *guard)
{
  guint32 me = mp_self_tls.id;
  guint32 free = 0;

  if (G_UNLIKELY (me == 0))
    return FALSE;

  mp_self_slot ()->object = mp_arena_offset (ring);
  if (G_LIKELY (__atomic_compare_exchange_n (guard, &free, me, FALSE, __ATOMIC_ACQUIRE,
                                             __ATOMIC_RELAXED)))
    return TRUE;

  mp_self_slot ()->object = 0;
  return FALSE;
}

static inline gboolean
mp_ring_put_fast (MpRing       *ring,
                  guint         encoding,
                  const guint8 *data,
                  gsize         size)
{
  gboolean done;

  if (size > MP_RING_INLINE_MAX || ring->joinable || mp_attach_any () ||
      !mp_ring_try_guard (ring, &ring->tail_guard))
    return FALSE;

  done = ring->closed == 0 && mp_ring_has_room (ring, MP_RECORD_BYTES (size)) &&
         (ring->max == 0 || (gint64) (ring->tail_n - ring->seen_n) < (gint64) ring->max);
  if (G_LIKELY (done))
    {
      __builtin_prefetch (mp_ring_word (ring->tail_pos + MP_RING_AHEAD), 1);
      mp_ring_copy ((guint8 *) (mp_ring_word (ring->tail_pos) + 1), data, size);
      mp_ring_commit_inline (ring, encoding, size);
    }
  mp_guard_unlock (&ring->tail_guard);
  if (G_LIKELY (done))
    mp_event_wake (&ring->readable, 1);
  mp_self_slot ()->object = 0;

  return done;
}

/* The message's encoding, or 0. */
static inline guint
mp_ring_get_fast (MpRing *ring,
                  guint8 *buffer,
                  gsize   room,
                  gsize  *size)
{
  guint encoding = 0;
  guint64 header;

  if (ring->joinable || !mp_ring_try_guard (ring, &ring->head_guard))
    return 0;

  header = __atomic_load_n (mp_ring_word (ring->head_pos), __ATOMIC_ACQUIRE);
  *size = MP_RECORD_SIZE (header);
  if (G_LIKELY (header != 0 && MP_RECORD_KIND (header) == MP_RECORD_INLINE && *size <= room))
    {
      encoding = MP_RECORD_ENCODING (header);
      mp_ring_take_inline (ring, buffer, *size, NULL);
      __atomic_store_n (&ring->head_n, ring->in_n, __ATOMIC_RELEASE);
    }
  mp_guard_unlock (&ring->head_guard);
  if (ring->max != 0 && encoding != 0)
    mp_event_wake (&ring->writable, 1);
  mp_self_slot ()->object = 0;

  return encoding;
}

G_END_DECLS
