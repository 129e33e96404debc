/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The value of a result for bindings: bytes or text in the encoding that they want, and a status
 * instead of an error. Only of results that are ready, in any thread.
 */

#include "config.h"

#include "mproc/pool/mp-result.h"

#include <string.h>

#include "mproc/base/mp-error-private.h"
#include "mproc/pool/mp-result-private.h"

static MpStatus
check_raw (MpResult *self)
{
  if (!mp_result_peek_ready (self))
    return MP_STATUS_TIMED_OUT;

  return self->error == NULL ? MP_STATUS_OK : MP_STATUS_FAILED;
}

static MpStatus
get_converted (MpResult   *self,
               guint       wanted,
               MpPayload **payload)
{
  g_autoptr (GError) error = NULL;
  MpStatus status = check_raw (self);

  if (status != MP_STATUS_OK)
    return status;

  if (wanted == 0 || wanted == mp_payload_get_encoding (self->payload))
    *payload = mp_payload_ref (self->payload);
  else
    *payload = mp_payload_convert (self->payload, wanted, &error);

  if (*payload != NULL)
    return MP_STATUS_OK;

  return g_error_matches (error, MP_ERROR, MP_ERROR_INVALID_ARGUMENT) ? MP_STATUS_INVALID
                                                                      : mp_status_of_unread (error);
}

/**
 * mp_result_get_data:
 * @self: a result
 * @wanted: the encoding wanted, an [enum@Mp.Encoding], or 0 for the one it has
 * @encoding: (out): the encoding of @data
 * @data: (out) (array length=size) (transfer full) (nullable): the value
 * @size: (out): the size of @data in bytes
 *
 * Gets what the task returned, without waiting, for bindings.
 *
 * Returns: %MP_STATUS_OK; %MP_STATUS_TIMED_OUT if the task is not done; %MP_STATUS_FAILED if it
 *   failed, see [method@Mp.Result.get_error_details]; %MP_STATUS_NOT_PLAIN,
 *   %MP_STATUS_INVALID_DATA or %MP_STATUS_INVALID if the value cannot be had in that encoding
 *
 * Since: 0.1
 */
int
mp_result_get_data (MpResult  *self,
                    guint      wanted,
                    guint     *encoding,
                    guint8   **data,
                    gsize     *size)
{
  g_autoptr (MpPayload) payload = NULL;
  MpStatus status;

  *encoding = 0;
  *data = NULL;
  *size = 0;
  g_return_val_if_fail (MP_IS_RESULT (self), MP_STATUS_INVALID);

  status = get_converted (self, wanted, &payload);
  if (status == MP_STATUS_OK)
    {
      gconstpointer bytes = g_bytes_get_data (mp_payload_get_bytes (payload), size);

      *encoding = mp_payload_get_encoding (payload);
      *data = g_memdup2 (bytes, *size);
    }

  return status;
}

/**
 * mp_result_get_text:
 * @self: a result
 * @text: (out) (transfer full) (nullable): the value as JSON text
 *
 * Gets what the task returned as JSON, without waiting, for bindings.
 *
 * If bytes are attached to the text, @text is %NULL, and all of it is had by
 * [method@Mp.Result.get_data].
 *
 * Returns: a status as from [method@Mp.Result.get_data]
 *
 * Since: 0.1
 */
int
mp_result_get_text (MpResult  *self,
                    char     **text)
{
  g_autoptr (MpPayload) payload = NULL;
  MpStatus status;

  *text = NULL;
  g_return_val_if_fail (MP_IS_RESULT (self), MP_STATUS_INVALID);

  status = get_converted (self, MP_ENCODING_JSON, &payload);
  if (status == MP_STATUS_OK)
    {
      gsize size;
      const char *json = g_bytes_get_data (mp_payload_get_bytes (payload), &size);

      if (size == 0 || memchr (json, '\0', size) == NULL)
        *text = g_strndup (json, size);
    }

  return status;
}
