/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * How statuses and errno values become errors.
 */

#pragma once

#include "mproc/base/mp-error.h"

G_BEGIN_DECLS

/* TRUE for MP_STATUS_OK; else sets @error and returns FALSE. */
gboolean mp_status_to_error (MpStatus      status,
                             GError      **error);

/* Why a value could not be read: INVALID_DATA, or else NOT_PLAIN. */
MpStatus mp_status_of_unread (const GError *error);

/* Sets a G_IO_ERROR for @saved_errno, "@what: strerror". */
void     mp_error_set_errno (GError      **error,
                             int           saved_errno,
                             const char   *what);

G_END_DECLS
