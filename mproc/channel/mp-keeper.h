/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Descriptors in values: what is put into the value is a text, by which its reader takes them.
 */

#pragma once

#if !defined(MP_INSIDE) && !defined(MP_COMPILATION)
#error "Only <mproc/mproc.h> can be included directly."
#endif

#include <gio/gio.h>

#include "mproc/mp-version.h"

G_BEGIN_DECLS

MP_AVAILABLE_IN_0_1
char *mp_fd_leave (int          fd,
                   GError     **error);
MP_AVAILABLE_IN_0_1
int   mp_fd_take  (const char  *ticket,
                   GError     **error);

G_END_DECLS
