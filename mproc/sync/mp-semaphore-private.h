/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The semaphore as it lies in the arena: a count, or, if it is recoverable, one word per permit
 * that names the thread that holds it.
 */

#pragma once

#include "mproc/memory/mp-shared-private.h"
#include "mproc/sync/mp-semaphore.h"

G_BEGIN_DECLS

/* Recoverable: one block of the heap. */
#define MP_SEMAPHORE_MAX_PERMITS 8192u

typedef struct {
  MpSharedHeader header;
  guint32  event;
  guint32  value;               /* permits that are free; not used if recoverable */
  guint32  max;                 /* what `value` may be at most */
  guint32  n_permits;           /* recoverable: how many words there are; else 0 */
  MpOffset permits;             /* each 0, or the id of a thread that may be dead */
} MpSemaphoreShared;

/* A permit, or TIMED_OUT, INVALID, and how else @limits end the wait. */
MpStatus mp_permits_acquire (MpSemaphoreShared       *semaphore,
                             const MpWaitLimits      *limits);
/* NOT_OWNER: there would be too many, or the caller holds none of a recoverable semaphore. */
MpStatus mp_permits_release (MpSemaphoreShared       *semaphore);
/* How many there are now. */
guint32  mp_permits_free    (const MpSemaphoreShared *semaphore);
/* As an MpReadyFunc: whether a permit is free, or its holder dead. */
gboolean mp_permits_any     (gpointer                 semaphore);

G_END_DECLS
