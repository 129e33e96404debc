/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The block as it lies in the arena: a header, the data, and the references that the message holds
 * on shared objects while it is on its way.
 *
 * A reference to a block moves without being counted anew: from a lease of the writer's process to
 * a record of a queue, and from there to a lease of the reader's.
 */

#pragma once

#include "mproc/memory/mp-block.h"
#include "mproc/memory/mp-lease-private.h"

G_BEGIN_DECLS

typedef struct {
  MpSharedHeader header;
  guint64  size;                /* of the data, which begins 64 bytes from the block's start */
  guint64  n_objects;           /* words behind the data, each a reference or 0 */
} MpBlockShared;

G_STATIC_ASSERT (sizeof (MpBlockShared) <= 64);

#define MP_BLOCK_DATA(offset) ((guint8 *) mp_arena_pointer ((offset) + 64))

/* A shared object that a message refers to, and what keeps it alive before the message does. */
typedef struct {
  MpOffset       offset;
  guint32        kind;
  guint32        serial;
  gpointer       holder;
  GDestroyNotify let_go;
} MpReference;

/* A new block, and a lease on it. @references: of MpReference, or NULL. */
MpStatus mp_block_create   (gsize                size,
                            GArray              *references,
                            const MpWaitLimits  *limits,
                            MpOffset            *offset,
                            guint32             *lease);

static inline gsize
mp_block_size (MpOffset offset)
{
  return (gsize) ((const MpBlockShared *) mp_arena_pointer (offset))->size;
}

static inline gboolean
mp_block_has_objects (MpOffset offset)
{
  return ((const MpBlockShared *) mp_arena_pointer (offset))->n_objects != 0;
}

/* Says that less of a block without references is data. */
static inline void
mp_block_shrink (MpOffset offset,
                 gsize    size)
{
  ((MpBlockShared *) mp_arena_pointer (offset))->size = size;
}

/* Makes a handle on a block out of a lease, which it takes over. */
MpBlock *mp_block_adopt    (MpOffset             offset,
                            guint32              lease);

/* If nobody else holds @self: its lease, to be given away; then say mp_block_gave(). */
gboolean mp_block_give     (MpBlock             *self,
                            MpOffset            *offset,
                            guint32             *lease);
void     mp_block_gave     (MpBlock             *self);

/* A second lease on the block, to be given away. */
MpStatus mp_block_lease    (MpBlock             *self,
                            MpOffset            *offset,
                            guint32             *lease);


G_END_DECLS
