/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The queue as it lies in the arena: a chain of segments full of records, one lock at each end.
 *
 * A record is a header word and its bytes, padded to 8; the header is the commit of a put, and 0
 * where nothing is yet, so that a consumer needs no other word of the producers'. A large message's
 * record holds the offset of its block. A segment ends with a JUMP to the next. What the dead was
 * doing can be told from the words beside the lock it held:
 *
 *  - tail: the records themselves say how far it got; `pos`, `n` and `end` follow from them;
 *  - head: `pos` is the commit of a get; `in_pos` and `in_n`, written before, give `n`.
 */

#pragma once

#include "mproc/memory/mp-shared-private.h"

G_BEGIN_DECLS

#define MP_RING_INLINE_MAX 4096u

typedef struct {
  MpSharedHeader header;
  guint64  max;                 /* messages; 0: no bound */
  guint32  closed;

  guint32  tail_guard __attribute__ ((aligned (128)));
  guint32  next_size;           /* of the next segment */
  MpOffset tail_pos;
  guint64  tail_n;              /* messages ever put */
  MpOffset tail_end;
  MpIntent tail_intent;

  guint32  head_guard __attribute__ ((aligned (128)));
  guint32  unused;
  MpOffset head_pos;
  guint64  head_n;              /* messages ever taken */
  MpOffset in_pos;
  guint64  in_n;
  MpIntent head_intent;

  guint32  readable __attribute__ ((aligned (128)));    /* event words */
  guint32  writable;
} MpRing;

typedef struct {
  gconstpointer data;
  gsize         size;
} MpRingPart;

/* What a get found. */
typedef struct {
  guint    encoding;
  gsize    size;
  guint8  *data;                /* for a large message: new memory of the caller (g_free) */
} MpRingMessage;

/* Gives a new ring its first segment. */
MpStatus mp_ring_begin     (MpRing             *ring);

/* Puts one message without waiting for room: OK, TIMED_OUT if there is none, CLOSED, NO_SPACE, or
 * how
 * @limits ended waiting for the lock. */
MpStatus mp_ring_put       (MpRing             *ring,
                            guint               encoding,
                            const MpRingPart   *parts,
                            guint               n_parts,
                            const MpWaitLimits *limits,
                            guint64            *number);

/* Takes one message without waiting for one: OK, TIMED_OUT if there is none, CLOSED. Up to @size
 * bytes go to @buffer; a message that is larger than that and is stored in line stays, with
 * MP_STATUS_INVALID and its size in @message. Large ones (message->data != NULL) never do. */
MpStatus mp_ring_get       (MpRing             *ring,
                            guint8             *buffer,
                            gsize               size,
                            guint64            *lease,
                            const MpWaitLimits *limits,
                            MpRingMessage      *message);

void     mp_ring_close     (MpRing             *ring);
guint64  mp_ring_n_taken   (MpRing             *ring);
gboolean mp_ring_readable  (gpointer            ring);
gboolean mp_ring_writable  (gpointer            ring);

/* For mp_kind_register(). */
void     mp_ring_destroy   (gpointer            shared);
gboolean mp_ring_recover   (gpointer            shared,
                            guint32             dead);

/* Between the files of the ring. */
#define MP_RECORD_INLINE 1u
#define MP_RECORD_BLOCK 2u
#define MP_RECORD_JUMP 3u
#define MP_RECORD(n, kind, encoding, size) \
  (((guint64) (guint32) (n) << 32) | ((guint64) (kind) << 30) | \
   ((guint64) ((encoding) & 0xf) << 26) | (size))
#define MP_RECORD_KIND(header) ((guint) ((header) >> 30) & 3)
#define MP_RECORD_ENCODING(header) ((guint) ((header) >> 26) & 0xf)
#define MP_RECORD_SIZE(header) ((gsize) (header) & 0x3ffffff)
#define MP_RECORD_BYTES(size) (8 + (((gsize) (size) + 7) & ~(gsize) 7))

static inline guint64 *
mp_ring_word (MpOffset offset)
{
  return mp_arena_pointer (offset);
}

/* Waits until no producer is inside, or repairs what a dead one left. */
MpStatus mp_ring_settle_tail (MpRing           *ring,
                              const MpWaitLimits *limits);
void     mp_ring_fix_tail  (MpRing             *ring);
void     mp_ring_fix_head  (MpRing             *ring);

G_END_DECLS
