/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * What a program may know and say about the family's shared memory as a whole.
 */

#pragma once

#if !defined(MP_INSIDE) && !defined(MP_COMPILATION)
#error "Only <mproc/mproc.h> can be included directly."
#endif

#include "mproc/base/mp-error.h"

G_BEGIN_DECLS

MP_AVAILABLE_IN_0_1
guint64   mp_memory_get_limit   (void);
MP_AVAILABLE_IN_0_1
gboolean  mp_memory_set_limit   (guint64   limit,
                                 GError  **error);
MP_AVAILABLE_IN_0_1
guint64   mp_memory_get_used    (void);
MP_AVAILABLE_IN_0_1
void      mp_memory_trim        (void);

G_END_DECLS
