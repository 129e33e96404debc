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

/* Gives back the block in *@hand, and makes that 0. 0 is fine. */
void     mp_heap_free       (guint64             *hand);

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

/* Gives the memory of free runs back to the system. */
void     mp_heap_trim       (void);

G_END_DECLS
