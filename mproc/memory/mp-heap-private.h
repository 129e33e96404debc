/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The arena's allocator. Blocks up to 32 KiB come from lists per size class, larger ones are runs
 * of 64 KiB spans. A block is always in exactly one place: an object, a hand, or the heap; every
 * move is one commit store under the lock of one class or of the runs, described by an intent.
 */

#pragma once

#include "mproc/memory/mp-guard-private.h"

G_BEGIN_DECLS

#define MP_HEAP_OP_RUNS 0xffffu
#define MP_HAND_RUN G_GUINT64_CONSTANT (1)      /* in a hand: the whole run, whatever its class */

/* Takes a block of at least @size bytes (64-byte aligned, content undefined) into *@hand, which
 * lies in the arena and is 0. MP_STATUS_OK, NO_SPACE, or how @limits ended the wait. */
MpStatus mp_heap_allocate   (gsize                size,
                             guint64             *hand,
                             const MpWaitLimits  *limits);

/* Gives back the block in *@hand, and makes that 0. 0 is fine. If somebody is stopped with the lock
 * that this takes, what is in a hand of the calling thread's own is put aside after a tenth of a
 * second; else this waits. */
void     mp_heap_free       (guint64             *hand);

/* Gives back what the dead thread of @slot had put aside, before its hands are emptied. */
void     mp_heap_free_parked (MpThreadSlot       *slot);

/* The block that @offset lies in, and its size. Not for offsets inside runs of several spans. */
MpOffset mp_heap_block      (MpOffset             offset,
                             gsize               *size);

/* After the death of a thread: takes and repairs the lock of the class, or of the runs. */
void     mp_heap_recover    (guint32              heap_op);

/* The same for all locks of the allocator. */
void     mp_heap_recover_all (void);

/* Bytes in runs, and bytes that have memory. */
void     mp_heap_measure    (guint64             *used,
                             guint64             *ready);

/* Gives the memory of all that is free back to the system. */
void     mp_heap_trim       (void);

/* Between the files of the heap. An entry of the table of spans: */
#define MP_SPAN_LENGTH(entry) ((guint32) (entry))
#define MP_SPAN_CLASS(entry) ((guint) ((entry) >> 32) & 0xff)
#define MP_SPAN_PUNCHED (G_GUINT64_CONSTANT (1) << 63)  /* free, and has lost its memory */
#define MP_SPAN_MARKED (G_GUINT64_CONSTANT (1) << 62)   /* being taken from its class */

extern const guint32 mp_heap_class_sizes[MP_N_CLASSES];

guint64  mp_heap_n_spans_ready (void);
MpOffset mp_heap_span_offset  (guint64              index);
guint64  mp_heap_span_index   (MpOffset             offset);
MpStatus mp_heap_lock_runs    (const MpWaitLimits  *limits);
void     mp_heap_unlock_runs  (void);
MpStatus mp_heap_lock_class   (guint                class,
                               const MpWaitLimits  *limits);
void     mp_heap_unlock_class (guint                class);

/* Under the lock of the runs: the free spans at @index become a run, in *@hand. TRUE if part of it
 * had lost its memory. */
gboolean mp_heap_take_found   (guint64              index,
                               guint64              n,
                               guint64              entry,
                               guint64              tag,
                               guint64             *hand);
MpStatus mp_heap_give_run     (guint64             *hand,
                               gboolean             cold,
                               const MpWaitLimits  *limits);

/* Gives spans of the class that are all free back to the runs. */
void     mp_heap_reclaim      (guint                class);
void     mp_heap_reclaim_all  (void);
/* Under the class's lock: takes the blocks of marked spans out of its list. */
void     mp_heap_unlink_marked (guint               class);

G_END_DECLS
