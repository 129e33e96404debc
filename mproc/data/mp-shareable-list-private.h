/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The table of a shareable list, for the files that make up the class.
 */

#pragma once

#include "mproc/data/mp-shareable-list.h"
#include "mproc/data/mp-slots-private.h"

G_BEGIN_DECLS

/* NULL: the memory cannot be used, or is damaged. @size: of the memory. */
MpSlots *mp_shareable_list_get_slots (MpShareableList  *self,
                                      gsize            *size,
                                      GError          **error);

G_END_DECLS
