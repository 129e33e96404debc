/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The lock as it lies in the arena, and what a condition needs of it.
 */

#pragma once

#include "mproc/memory/mp-shared-private.h"
#include "mproc/sync/mp-lock.h"

G_BEGIN_DECLS

typedef struct {
  MpSharedHeader header;
  guint32 word;                 /* as a guard: the owner's id, and the bit of the waiters */
  guint32 count;                /* how often the owner holds it; RLock only */
  guint32 abandoned;            /* the owner before died with it */
} MpLockShared;

/* Whether the calling thread holds it. */
gboolean mp_lock_is_mine       (MpLock             *self);

/* Lets go whatever the count, which is returned, to be given back on acquiring again. */
guint    mp_lock_release_fully (MpLock             *self);
MpStatus mp_lock_acquire_again (MpLock             *self,
                                guint               count,
                                const MpWaitLimits *limits);

G_END_DECLS
