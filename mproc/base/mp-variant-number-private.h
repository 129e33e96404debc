/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Numbers as the elements of serialized GVariants.
 */

#pragma once

#include "mproc/base/mp-variant-type-private.h"

G_BEGIN_DECLS

gboolean mp_variant_store_number  (MpPlainValue         value,
                                   const MpVariantType *layout,
                                   guint8              *target);
gboolean mp_variant_store_numbers (const MpPlainValue  *values,
                                   gsize                count,
                                   const MpVariantType *layout,
                                   guint8              *target,
                                   gsize               *misfit);

G_END_DECLS
