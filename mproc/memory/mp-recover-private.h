/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Clearing up after dead threads and processes.
 */

#pragma once

#include "mproc/memory/mp-identity-private.h"

G_BEGIN_DECLS

/* If the thread that had @slot is dead: gives back all it was holding, wakes all who waited for
 * it, and frees the slot. Any process may call it, several at once, with no guard held. */
void mp_recover_thread    (MpThreadSlot *slot);

/* Looks at every slot. */
void mp_recover_sweep     (void);

/* Looks at those of a child that has ended. */
void mp_recover_child     (int           pid);

/* Drops what was set aside in the process slot with @index, whose word is @state, for a child that
 * will never come. */
void mp_recover_reserved  (guint32       index,
                           guint64       state);

G_END_DECLS
