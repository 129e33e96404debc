/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The value as it lies in the arena.
 */

#pragma once

#include "mproc/data/mp-data-private.h"
#include "mproc/data/mp-element-private.h"
#include "mproc/data/mp-value.h"

G_BEGIN_DECLS

typedef struct {
  MpSharedHeader header;
  guint32    type;              /* MpElementType */
  guint32    unused;
  MpDataLink lock;
  guint64    bits;              /* the number, in the first bytes */
} MpValueShared;

/* NULL: it cannot be used in this process. */
MpValueShared *mp_value_get_shared (MpValue  *self,
                                    GError  **error);

G_END_DECLS
