/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * What the pool needs of a queue beyond its public face: message numbers, so that it can tell
 * whether a dead worker had taken a message, and waiting that notices deaths.
 */

#pragma once

#include "mproc/channel/mp-queue.h"
#include "mproc/channel/mp-ring-private.h"
#include "mproc/memory/mp-block-private.h"

G_BEGIN_DECLS

typedef MpRingPart MpQueuePart;

/* Puts the concatenation of @parts as one message, with what the calling thread has attached.
 * @number: its number, 1 for the queue's first message, growing by one. @deadline as in
 * mp-deadline-private.h. An interrupting signal or a tenth of a second without success:
 * MP_STATUS_INTERRUPTED if @interruptible, else goes on. */
MpStatus mp_queue_put_parts     (MpQueue            *self,
                                 guint               encoding,
                                 const MpQueuePart  *parts,
                                 guint               n_parts,
                                 gint64              deadline,
                                 gboolean            interruptible,
                                 GCancellable       *cancellable,
                                 guint64            *number);

/* The same for a block. If nobody else holds it, it goes over as it is: the caller's is released.
 * */
MpStatus mp_queue_put_block_until (MpQueue            *self,
                                   guint               encoding,
                                   MpBlock            *block,
                                   const MpWaitLimits *limits);

/* The same for an encoded value, and what it refers to. */
MpStatus mp_queue_put_encoded   (MpQueue            *self,
                                 MpPayload          *payload,
                                 const MpWaitLimits *limits);

/* Puts as many of the first messages as there is room for at once. */
MpStatus mp_queue_put_some      (MpQueue            *self,
                                 guint               encoding,
                                 const MpRingPart   *items,
                                 guint               n_items,
                                 const MpWaitLimits *limits,
                                 guint              *n_put);

/* Takes a message: a large one as a view of its block, a small one in new memory. @block:
 * (nullable) (out): the block in which it came, if it did; what the message refers to lives as long
 * as that or
 * @bytes are held. If @lease (in arena memory) is not NULL the message's number is stored there
 * before the message is taken, so that whoever finds the caller dead knows which message it may
 * have held: it did if mp_queue_was_taken (number). */
MpStatus mp_queue_take          (MpQueue            *self,
                                 guint64            *lease,
                                 gint64              deadline,
                                 gboolean            interruptible,
                                 GCancellable       *cancellable,
                                 guint              *encoding,
                                 GBytes            **bytes,
                                 MpBlock           **block);

/* Takes a message into @buffer, or as a block, as mp_ring_get() does. */
MpStatus mp_queue_get_until     (MpQueue            *self,
                                 guint8             *buffer,
                                 gsize               size,
                                 gboolean            views,
                                 guint64            *lease,
                                 const MpWaitLimits *limits,
                                 MpRingMessage      *message);

/* Why a call that waited did not get what it waited for: @at_once if it would not have waited. */
gboolean mp_queue_report        (MpStatus            status,
                                 gint64              deadline,
                                 int                 at_once,
                                 GError            **error);

/* Whether message @number has been taken out. */
gboolean mp_queue_was_taken     (MpQueue            *self,
                                 guint64             number);

/* Sleeps until there is something to take (OK), a signal came or a tenth of a second is over
 * (INTERRUPTED), or @deadline is (TIMED_OUT). Deaths in the family are recovered meanwhile. */
MpStatus mp_queue_wait_readable (MpQueue            *self,
                                 gint64              deadline,
                                 GCancellable       *cancellable);

/* Whether there was something to take, or the queue was closed; for mp_doorbell_source_new(). */
gboolean mp_queue_is_readable   (MpQueue            *self);
/* Whether there was room, or the queue was closed. */
gboolean mp_queue_is_writable   (MpQueue            *self);

/* Wakes everyone who waits on the queue, so that they look at whatever else they depend on. */
void     mp_queue_kick          (MpQueue            *self);

G_END_DECLS
