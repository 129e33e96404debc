/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The queue as it lies in the arena: a chain of segments full of records, one lock at each end.
 *
 * A record is a header word and its bytes, padded to 8; the header is the commit of a put, and 0
 * where nothing is yet, so that a consumer needs no other word of the producers'. A large message's
 * record is a reference to its block. A segment ends with a JUMP to the next. What the dead was
 * doing can be told from the words beside the lock it held:
 *
 *  - tail: the records themselves say how far it got; `pos`, `n` and `end` follow from them;
 *  - head: `pos` is the commit of a get; `in_pos` and `in_n`, written before, give `n`.
 *
 * A joinable ring's messages are all blocks. Who takes one has it in the table of claims until it
 * says that the work is done; if it dies before, the message is given out again, before any other.
 */

#pragma once

#include "mproc/memory/mp-shared-private.h"

G_BEGIN_DECLS

#define MP_RING_INLINE_MAX 4096u
#define MP_RING_CLAIM_CHUNKS 20

/* A message that somebody is at work on, under the head's guard. */
typedef struct {
  guint64  block;               /* a reference; 0: the entry is free */
  guint64  number;              /* of the message */
  guint32  process;             /* index of the slot, and state word, of the process that has it */
  guint32  thread;              /* id of the thread that took it */
  guint32  encoding;
  guint64  process_state;
} MpRingClaim;

typedef struct {
  MpSharedHeader header;
  guint64  max;                 /* messages; 0: no bound */
  guint32  closed;
  guint32  joinable;

  guint32  tail_guard __attribute__ ((aligned (128)));
  guint32  next_size;           /* of the next segment */
  MpOffset tail_pos;
  guint64  tail_n;              /* messages ever put */
  MpOffset tail_end;
  guint64  seen_n;              /* head_n when a producer last looked */
  MpIntent tail_intent;

  guint32  head_guard __attribute__ ((aligned (128)));
  guint32  unused;
  MpOffset head_pos;
  guint64  head_n;              /* messages ever taken */
  MpOffset in_pos;
  guint64  in_n;
  MpIntent head_intent;
  guint32  n_claims;            /* entries ever used */
  guint32  n_claimed;           /* with a block */
  MpOffset claims[MP_RING_CLAIM_CHUNKS];        /* chunk k has 32 << k entries */

  guint32  readable __attribute__ ((aligned (128)));    /* event words */
  guint32  writable;
  guint32  finished;            /* of a joinable ring: nothing is left to do */
} MpRing;

typedef struct {
  gconstpointer data;
  gsize         size;
} MpRingPart;

/* What a get found. */
typedef struct {
  guint    encoding;
  gsize    size;
  MpOffset block;               /* of a large message, */
  guint32  lease;               /* and the caller's lease on it */
} MpRingMessage;

/* Gives a new ring its first segment. */
MpStatus mp_ring_begin     (MpRing             *ring);

/* Puts one message of up to MP_RING_INLINE_MAX bytes without waiting for room: OK, TIMED_OUT if
 * there is none, CLOSED, NO_SPACE, or how @limits ended waiting for the lock. */
MpStatus mp_ring_put       (MpRing             *ring,
                            guint               encoding,
                            const MpRingPart   *parts,
                            guint               n_parts,
                            const MpWaitLimits *limits,
                            guint64            *number);

/* The same for a block, whose reference moves from @lease, which is gone after OK. */
MpStatus mp_ring_put_block (MpRing             *ring,
                            guint               encoding,
                            MpOffset            block,
                            guint32             lease,
                            const MpWaitLimits *limits,
                            guint64            *number);

/* Puts as many of the first @n_items messages, each of up to MP_RING_INLINE_MAX bytes, as there is
 * room for, all at once: nobody sees a part of them. @n_put is at least 1 after OK. */
MpStatus mp_ring_put_batch (MpRing             *ring,
                            guint               encoding,
                            const MpRingPart   *items,
                            guint               n_items,
                            const MpWaitLimits *limits,
                            guint              *n_put);

/* Takes one message without waiting for one: OK, TIMED_OUT if there is none, CLOSED. Up to @size
 * bytes go to @buffer; a message that is larger than that stays, with MP_STATUS_INVALID and its
 * size in @message, unless it is a block and @views is true: then it is never copied. Another
 * block's lease is dropped after the copy. */
MpStatus mp_ring_get       (MpRing             *ring,
                            guint8             *buffer,
                            gsize               size,
                            gboolean            views,
                            guint64            *lease,
                            const MpWaitLimits *limits,
                            MpRingMessage      *message);

/* Takes up to @n messages that are stored in line and fit into @buffer, in the order of the queue,
 * each as a header of two guint32, size and encoding, and its bytes padded to 8. TIMED_OUT if there
 * is none, INVALID if the first is a block or larger than @size. */
MpStatus mp_ring_get_batch (MpRing             *ring,
                            guint8             *buffer,
                            gsize               size,
                            guint               n,
                            const MpWaitLimits *limits,
                            gsize              *n_bytes,
                            guint              *n_got);

/* Work on a message taken from a joinable ring: the oldest that this process has is done, else the
 * oldest that anyone has. INVALID: nobody has any. */
MpStatus mp_ring_task_done (MpRing             *ring,
                            const MpWaitLimits *limits);

/* Whether all that was ever put is done. */
MpStatus mp_ring_is_done   (MpRing             *ring,
                            const MpWaitLimits *limits,
                            gboolean           *done);
gboolean mp_ring_may_be_done (gpointer          ring);

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
#define MP_RECORD_BLOCK_BYTES 16
#define MP_RECORD_BYTES(size) (8 + (((gsize) (size) + 7) & ~(gsize) 7))

static inline guint64 *
mp_ring_word (MpOffset offset)
{
  return mp_arena_pointer (offset);
}

/* The head's guard, with what the dead left repaired. */
MpStatus mp_ring_lock_head (MpRing             *ring,
                            const MpWaitLimits *limits);

/* Under the head's guard: a free entry in the table of claims. */
MpStatus mp_ring_new_claim (MpRing             *ring,
                            MpRingClaim       **claim);
/* The oldest whose holder is dead, or NULL; also without the guard, to know whether to look. */
MpRingClaim *mp_ring_lost_claim (MpRing        *ring);
/* The claim is the caller's from now on. */
void     mp_ring_hold_claim (MpRingClaim       *claim,
                             guint64            number,
                             guint              encoding);
void     mp_ring_fix_claims (MpRing            *ring);
void     mp_ring_drop_claims (MpRing           *ring);
guint    mp_ring_n_lost    (MpRing             *ring);
/* Without the guard: if a thread that had taken something is dead, its process may be. */
void     mp_ring_look_for_lost (MpRing         *ring);

/* Waits until no producer is inside, or repairs what a dead one left. */
MpStatus mp_ring_settle_tail (MpRing           *ring,
                              const MpWaitLimits *limits);
void     mp_ring_fix_tail  (MpRing             *ring);
void     mp_ring_fix_head  (MpRing             *ring);

G_END_DECLS
