/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Encoded values in and out of a queue for language bindings, as mp-queue-raw.c has it for bytes: a
 * status and no GError, a tenth of a second at most. A payload holds what it came in, so it can be
 * put into another queue unread, and what it refers to lives all the time.
 */

#include "config.h"

#include "mproc/base/mp-deadline-private.h"
#include "mproc/base/mp-payload-private.h"
#include "mproc/channel/mp-queue-private.h"

/**
 * mp_queue_put_payload_raw:
 * @self: a queue
 * @payload: the encoded value
 * @usec: how many microseconds to wait for room; negative for no limit
 *
 * Puts a value that is encoded already. For language bindings.
 *
 * Returns: an [enum@Mp.Status], as [method@Mp.Queue.put_data]
 *
 * Since: 0.1
 */
int
mp_queue_put_payload_raw (MpQueue   *self,
                          MpPayload *payload,
                          gint64     usec)
{
  const MpWaitLimits limits = { mp_deadline_from_usec (usec), NULL, TRUE };

  return payload != NULL ? mp_queue_put_encoded (self, payload, &limits) : MP_STATUS_INVALID;
}

/**
 * mp_queue_get_payload_raw:
 * @self: a queue
 * @usec: how many microseconds to wait for a value; negative for no limit
 * @payload: (out) (transfer full) (nullable): the encoded value, if the status is `OK`
 *
 * Takes the first value as its writer encoded it. For language bindings.
 *
 * Returns: an [enum@Mp.Status], as [method@Mp.Queue.get_data], but never `NOT_PLAIN`
 *
 * Since: 0.1
 */
int
mp_queue_get_payload_raw (MpQueue    *self,
                          gint64      usec,
                          MpPayload **payload)
{
  g_autoptr (GBytes) bytes = NULL;
  MpBlock *block = NULL;
  MpStatus status;
  guint encoding;

  *payload = NULL;
  status = mp_queue_take (self, NULL, mp_deadline_from_usec (usec), TRUE, NULL, &encoding, &bytes,
                          &block);
  if (status != MP_STATUS_OK)
    return status;

  *payload = mp_payload_new (encoding, bytes);
  if (block != NULL)
    mp_payload_set_holder (*payload, block, (GDestroyNotify) mp_block_unref);
  return status;
}
