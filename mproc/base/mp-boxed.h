/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * GLib's boxed types as values.
 */

#pragma once

#if !defined(MP_INSIDE) && !defined(MP_COMPILATION)
#error "Only <mproc/mproc.h> can be included directly."
#endif

#include "mproc/base/mp-error.h"

G_BEGIN_DECLS

MP_AVAILABLE_IN_0_1
GVariant  *mp_bytes_to_variant       (GBytes     *bytes);
MP_AVAILABLE_IN_0_1
GBytes    *mp_bytes_from_variant     (GVariant   *value,
                                      GError    **error);
MP_AVAILABLE_IN_0_1
GVariant  *mp_date_time_to_variant   (GDateTime  *date_time);
MP_AVAILABLE_IN_0_1
GDateTime *mp_date_time_from_variant (GVariant   *value,
                                      GError    **error);

G_END_DECLS
