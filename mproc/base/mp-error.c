/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The error domain, and the one place where a status of the raw calls becomes a GError.
 */

#include "config.h"

#include "mproc/base/mp-error-private.h"

/**
 * mp_error_quark:
 *
 * The quark of [error@Mp.Error].
 *
 * Returns: the quark
 *
 * Since: 0.1
 */
G_DEFINE_QUARK (mp-error-quark, mp_error)

/* What each status says as an error when the caller has nothing more exact to say. */
static const struct
{
  int         code;
  const char *message;
} status_errors[] = {
  [MP_STATUS_OK]          = { MP_ERROR_FAILED, "No error" },
  [MP_STATUS_TIMED_OUT]   = { MP_ERROR_TIMED_OUT, "The operation timed out" },
  [MP_STATUS_CLOSED]      = { MP_ERROR_CLOSED, "The object is closed" },
  [MP_STATUS_INTERRUPTED] = { MP_ERROR_FAILED, "The operation was interrupted by a signal" },
  [MP_STATUS_CANCELLED]   = { MP_ERROR_FAILED, "The operation was cancelled" },
  [MP_STATUS_NO_SPACE]    = { MP_ERROR_NO_SPACE, "The shared memory has reached its limit" },
  [MP_STATUS_NOT_PLAIN]   = { MP_ERROR_NOT_PLAIN,
                              "The value can only be read by the language that wrote it" },
  [MP_STATUS_NOT_OWNER]   = { MP_ERROR_NOT_OWNER, "The lock is not held by the caller" },
  [MP_STATUS_INVALID]     = { MP_ERROR_INVALID_STATE, "The object cannot be used here" },
  [MP_STATUS_FAILED]      = { MP_ERROR_FAILED, "The operation failed" },
  [MP_STATUS_BROKEN]      = { MP_ERROR_BROKEN, "The barrier is broken" },
  [MP_STATUS_INVALID_DATA] = { MP_ERROR_INVALID_DATA, "The value does not decode" },
};

gboolean
mp_status_to_error (MpStatus   status,
                    GError   **error)
{
  if (status == MP_STATUS_OK)
    return TRUE;

  if (status == MP_STATUS_CANCELLED)
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CANCELLED, "Operation was cancelled");
  else if ((guint) status < G_N_ELEMENTS (status_errors))
    g_set_error_literal (error, MP_ERROR, status_errors[status].code,
                         status_errors[status].message);
  else
    g_set_error (error, MP_ERROR, MP_ERROR_FAILED, "Unknown status %d", status);

  return FALSE;
}

MpStatus
mp_status_of_unread (const GError *error)
{
  return g_error_matches (error, MP_ERROR, MP_ERROR_INVALID_DATA) ? MP_STATUS_INVALID_DATA
                                                                  : MP_STATUS_NOT_PLAIN;
}

void
mp_error_set_errno (GError     **error,
                    int          saved_errno,
                    const char  *what)
{
  g_set_error (error, G_IO_ERROR, g_io_error_from_errno (saved_errno), "%s: %s", what,
               g_strerror (saved_errno));
}
