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
/* A lease on the object at @offset if it still is the one with @serial: else INVALID. */
MpStatus mp_lease_take         (MpOffset        offset,
                                guint32         kind,
                                guint32         serial,
                                guint32        *lease);
void     mp_lease_drop         (guint32         lease);

/* Gives @child, a reserved slot, all that this process holds, at the same indexes. */
gboolean mp_lease_copy_all     (MpProcessSlot  *child);
/* Drops everything that @process holds. */
void     mp_lease_drop_all     (MpProcessSlot  *process);

/* Finishes the destruction that a dead thread had begun, if any. */
void     mp_lease_finish_dying (MpThreadSlot   *slot,
                                guint32         dead);

G_END_DECLS
