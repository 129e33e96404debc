/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Leases: which process holds which shared objects, so that a process that dies lets go of them.
 */

#pragma once

#include "mproc/memory/mp-shared-private.h"

G_BEGIN_DECLS

/* A new zeroed object of @kind, and a lease on it. */
MpStatus mp_lease_create       (MpKind          kind,
                                MpOffset       *offset,
                                guint32        *lease);
/* The same with @more bytes behind the kind's structure, which are not zeroed. */
MpStatus mp_lease_create_sized (MpKind               kind,
                                gsize                more,
                                const MpWaitLimits  *limits,
                                MpOffset            *offset,
                                guint32             *lease);
/* A lease on the object at @offset if it still is the one with @serial: else INVALID. */
MpStatus mp_lease_take         (MpOffset        offset,
                                guint32         kind,
                                guint32         serial,
                                guint32        *lease);
void     mp_lease_drop         (guint32         lease);

/* An empty lease, whose entry a reference is moved to by somebody's intent. */
MpStatus mp_lease_reserve      (guint32        *lease,
                                guint64       **entry);

/* The other way: between the two the reference moves from the lease's entry to where others find
 * it, and no fork sees it in both places. Then the lease is gone. FALSE: not begun. */
gboolean mp_lease_begin_move   (guint32         lease,
                                guint64       **entry);
void     mp_lease_end_move     (guint32         lease);

/* References that lie in other words of the arena: taking one, if the object still is the one with
 * @serial, and dropping it. */
MpStatus mp_lease_take_word    (MpOffset        offset,
                                guint32         kind,
                                guint32         serial,
                                guint64        *entry);
void     mp_lease_drop_word    (guint64        *entry);

/* Gives @child, a reserved slot, all that this process holds, at the same indexes. If that went
 * well no lease is taken or given here before mp_lease_copied(), which comes after the fork. */
gboolean mp_lease_copy_all     (MpProcessSlot  *child);
void     mp_lease_copied       (void);
/* Drops everything that @process holds. */
void     mp_lease_drop_all     (MpProcessSlot  *process);

/* Finishes the destruction that a dead thread had begun, if any. */
void     mp_lease_finish_dying (MpThreadSlot   *slot,
                                guint32         dead);

G_END_DECLS
