/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The array as it lies in the arena.
 */

#pragma once

#include "mproc/data/mp-array.h"
#include "mproc/data/mp-data-private.h"
#include "mproc/data/mp-element-private.h"

G_BEGIN_DECLS

typedef struct {
  MpSharedHeader header;
  guint32     type;             /* MpElementType */
  guint32     unused;
  MpDataLink  lock;
  guint64     length;           /* elements */
  MpDataBlock block;
} MpArrayShared;

/* NULL: it cannot be used in this process. */
MpArrayShared *mp_array_get_shared (MpArray              *self,
                                    GError              **error);

/* The place of @n elements from @index on; NULL: they are not all there. */
gpointer       mp_array_find       (MpArray              *self,
                                    guint64               index,
                                    guint64               n,
                                    const MpArrayShared **array,
                                    GError              **error);

G_END_DECLS
