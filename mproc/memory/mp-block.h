/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * A block: a message as it lies in shared memory, to be filled or read in place.
 */

#pragma once

#if !defined(MP_INSIDE) && !defined(MP_COMPILATION)
#error "Only <mproc/mproc.h> can be included directly."
#endif

#include "mproc/base/mp-error.h"
#include "mproc/base/mp-payload.h"

G_BEGIN_DECLS

#define MP_TYPE_BLOCK (mp_block_get_type ())

/**
 * MpBlock:
 *
 * A piece of shared memory that travels as a message.
 *
 * Whoever wants to send much data without a copy makes a block, fills it in place and puts it in a
 * queue. Whoever takes it reads it in place. The memory is given back when the last who holds the
 * block lets go; if a process dies, it lets go of all it held.
 *
 * A block that has been put belongs to whoever takes it: who put it can only give its reference
 * back.
 *
 * Since: 0.1
 */
typedef struct _MpBlock MpBlock;

MP_AVAILABLE_IN_0_1
GType      mp_block_get_type     (void) G_GNUC_CONST;

MP_AVAILABLE_IN_0_1
MpBlock   *mp_block_new          (gsize        size,
                                  GError     **error);
MP_AVAILABLE_IN_0_1
MpBlock   *mp_block_new_attached (gsize        size,
                                  GError     **error);
MP_AVAILABLE_IN_0_1
MpBlock   *mp_block_ref          (MpBlock     *self);
MP_AVAILABLE_IN_0_1
void       mp_block_unref        (MpBlock     *self);
MP_AVAILABLE_IN_0_1
gpointer   mp_block_get_data     (MpBlock     *self,
                                  gsize       *size);
MP_AVAILABLE_IN_0_1
guint64    mp_block_get_address  (MpBlock     *self);
MP_AVAILABLE_IN_0_1
gsize      mp_block_get_size     (MpBlock     *self);
MP_AVAILABLE_IN_0_1
GBytes    *mp_block_get_bytes    (MpBlock     *self);
MP_AVAILABLE_IN_0_1
MpPayload *mp_block_to_payload   (MpBlock     *self,
                                  MpEncoding   encoding);
MP_AVAILABLE_IN_0_1
void       mp_block_release      (MpBlock     *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MpBlock, mp_block_unref)

G_END_DECLS
