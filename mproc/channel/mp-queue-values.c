/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Putting and getting values in the idiom of C and Vala: a GVariant, bytes, an encoded value, or a
 * block of shared memory as it is. All are thin: encode, put, report; take, decode, report.
 */

#include "config.h"

#include "mproc/channel/mp-queue-private.h"

#include <string.h>

#include "mproc/base/mp-deadline-private.h"
#include "mproc/base/mp-payload-private.h"
#include "mproc/channel/mp-ring-fast-private.h"

/**
 * mp_queue_put:
 * @self: a queue
 * @value: the value; a floating reference is sunk
 * @timeout: how many seconds to wait for room; negative for no limit
 * @cancellable: (nullable): a #GCancellable
 * @error: return location for an error
 *
 * Puts a value at the end of the queue, waiting while the queue is full.
 *
 * Errors: [error@Mp.Error.TIMED_OUT] ([error@Mp.Error.FULL] if @timeout is 0),
 * [error@Mp.Error.CLOSED], [error@Mp.Error.NO_SPACE] if the family's memory has reached its
 * limit, [error@Mp.Error.INVALID_STATE] if the queue cannot be used in this process,
 * `G_IO_ERROR_CANCELLED`. After an error nothing was put.
 *
 * Returns: %TRUE if the value was put
 *
 * Since: 0.1
 */
gboolean
mp_queue_put (MpQueue       *self,
              GVariant      *value,
              double         timeout,
              GCancellable  *cancellable,
              GError       **error)
{
  g_autoptr (MpPayload) payload = NULL;

  g_return_val_if_fail (MP_IS_QUEUE (self), FALSE);
  g_return_val_if_fail (value != NULL, FALSE);

  payload = mp_payload_new_variant (value);
  return mp_queue_put_payload (self, payload, timeout, cancellable, error);
}

/**
 * mp_queue_try_put:
 * @self: a queue
 * @value: the value; a floating reference is sunk
 * @error: return location for an error
 *
 * Puts a value at the end of the queue if there is room now.
 *
 * Errors: [error@Mp.Error.FULL], and those of [method@Mp.Queue.put].
 *
 * Returns: %TRUE if the value was put
 *
 * Since: 0.1
 */
gboolean
mp_queue_try_put (MpQueue   *self,
                  GVariant  *value,
                  GError   **error)
{
  return mp_queue_put (self, value, 0, NULL, error);
}

/**
 * mp_queue_get:
 * @self: a queue
 * @timeout: how many seconds to wait for a value; negative for no limit
 * @cancellable: (nullable): a #GCancellable
 * @error: return location for an error
 *
 * Takes the first value, waiting while the queue is empty.
 *
 * A value that was put by another language arrives as the canonical #GVariant for it.
 *
 * Errors: [error@Mp.Error.TIMED_OUT] ([error@Mp.Error.EMPTY] if @timeout is 0),
 * [error@Mp.Error.CLOSED] once the queue is closed and empty, [error@Mp.Error.NOT_PLAIN] if
 * only the language that put the value can read it (it is taken all the same: use
 * [method@Mp.Queue.get_payload] to be able to pass it on), [error@Mp.Error.INVALID_STATE] if the
 * queue cannot be used in this process, `G_IO_ERROR_CANCELLED`.
 *
 * Returns: (transfer full): the value
 *
 * Since: 0.1
 */
GVariant *
mp_queue_get (MpQueue       *self,
              double         timeout,
              GCancellable  *cancellable,
              GError       **error)
{
  g_autoptr (MpPayload) payload = mp_queue_get_payload (self, timeout, cancellable, error);

  return payload != NULL ? mp_payload_get_variant (payload, NULL, error) : NULL;
}

/**
 * mp_queue_try_get:
 * @self: a queue
 * @error: return location for an error
 *
 * Takes the first value if there is one now.
 *
 * Errors: [error@Mp.Error.EMPTY], and those of [method@Mp.Queue.get].
 *
 * Returns: (transfer full): the value
 *
 * Since: 0.1
 */
GVariant *
mp_queue_try_get (MpQueue  *self,
                  GError  **error)
{
  return mp_queue_get (self, 0, NULL, error);
}

/**
 * mp_queue_put_bytes: (skip)
 * @self: a queue
 * @data: (array length=size) (element-type guint8) (nullable): the bytes
 * @size: how many
 * @timeout: how many seconds to wait for room; negative for no limit
 * @cancellable: (nullable): a #GCancellable
 * @error: return location for an error
 *
 * Puts bytes, the fastest kind of value: `ay` to C and Vala, `bytes` to Python.
 *
 * Errors: as [method@Mp.Queue.put].
 *
 * Returns: %TRUE if the bytes were put
 *
 * Since: 0.1
 */
gboolean
mp_queue_put_bytes (MpQueue        *self,
                    gconstpointer   data,
                    gsize           size,
                    double          timeout,
                    GCancellable   *cancellable,
                    GError        **error)
{
  MpQueuePart part = { data, size };
  MpRing *ring;
  gint64 deadline;

  g_return_val_if_fail (MP_IS_QUEUE (self), FALSE);
  g_return_val_if_fail (data != NULL || size == 0, FALSE);

  ring = mp_shared_get_data (MP_SHARED (self));
  if (G_LIKELY (cancellable == NULL && ring != NULL &&
                mp_ring_put_fast (ring, MP_ENCODING_BYTES, data, size)))
    return TRUE;

  deadline = mp_deadline_from_seconds (timeout);
  return mp_queue_report (mp_queue_put_parts (self, MP_ENCODING_BYTES, &part, 1, deadline, FALSE,
                                     cancellable, NULL), deadline, MP_ERROR_FULL, error);
}

static gssize
too_small (gsize    needed,
           gsize    size,
           GError **error)
{
  g_set_error (error, MP_ERROR, MP_ERROR_INVALID_ARGUMENT,
               "The message has %" G_GSIZE_FORMAT " bytes, the buffer %" G_GSIZE_FORMAT, needed,
               size);
  return -1;
}

/**
 * mp_queue_get_into: (skip)
 * @self: a queue
 * @buffer: (array length=size) (element-type guint8): where the bytes go
 * @size: how many bytes there is room for
 * @timeout: how many seconds to wait for a value; negative for no limit
 * @cancellable: (nullable): a #GCancellable
 * @error: return location for an error
 *
 * Takes the first message as it was encoded, with no memory allocated for it.
 *
 * For queues on which only [method@Mp.Queue.put_bytes] is used; of other values one gets the
 * encoded form. A message that does not fit stays in the queue.
 *
 * Errors: [error@Mp.Error.INVALID_ARGUMENT] if the message is larger than @size, and those of
 * [method@Mp.Queue.get].
 *
 * Returns: the message's size in bytes, or -1
 *
 * Since: 0.1
 */
gssize
mp_queue_get_into (MpQueue       *self,
                   gpointer       buffer,
                   gsize          size,
                   double         timeout,
                   GCancellable  *cancellable,
                   GError       **error)
{
  MpWaitLimits limits = { 0, cancellable, FALSE };
  MpRingMessage message = { 0 };
  MpStatus status;
  MpRing *ring;

  g_return_val_if_fail (MP_IS_QUEUE (self), -1);
  g_return_val_if_fail (buffer != NULL || size == 0, -1);

  ring = mp_shared_get_data (MP_SHARED (self));
  if (G_LIKELY (cancellable == NULL && ring != NULL &&
                mp_ring_get_fast (ring, buffer, size, &message.size) != 0))
    return (gssize) message.size;

  limits.deadline = mp_deadline_from_seconds (timeout);
  status = mp_queue_get_until (self, buffer, size, FALSE, NULL, &limits, &message);
  if (status == MP_STATUS_INVALID && message.size > size)
    return too_small (message.size, size, error);
  if (!mp_queue_report (status, limits.deadline, MP_ERROR_EMPTY, error))
    return -1;

  return (gssize) message.size;
}

/**
 * mp_queue_put_payload:
 * @self: a queue
 * @payload: the encoded value
 * @timeout: how many seconds to wait for room; negative for no limit
 * @cancellable: (nullable): a #GCancellable
 * @error: return location for an error
 *
 * Puts a value that is encoded already, such as one taken with
 * [method@Mp.Queue.get_payload].
 *
 * Errors: as [method@Mp.Queue.put].
 *
 * Returns: %TRUE if the value was put
 *
 * Since: 0.1
 */
gboolean
mp_queue_put_payload (MpQueue       *self,
                      MpPayload     *payload,
                      double         timeout,
                      GCancellable  *cancellable,
                      GError       **error)
{
  MpWaitLimits limits = { mp_deadline_from_seconds (timeout), cancellable, FALSE };

  g_return_val_if_fail (MP_IS_QUEUE (self), FALSE);
  g_return_val_if_fail (payload != NULL, FALSE);

  return mp_queue_report (mp_queue_put_encoded (self, payload, &limits), limits.deadline,
                          MP_ERROR_FULL, error);
}

/**
 * mp_queue_get_payload:
 * @self: a queue
 * @timeout: how many seconds to wait for a value; negative for no limit
 * @cancellable: (nullable): a #GCancellable
 * @error: return location for an error
 *
 * Takes the first value as its writer encoded it, without reading it.
 *
 * Errors: those of [method@Mp.Queue.get], but never [error@Mp.Error.NOT_PLAIN].
 *
 * Returns: (transfer full): the encoded value
 *
 * Since: 0.1
 */
MpPayload *
mp_queue_get_payload (MpQueue       *self,
                      double         timeout,
                      GCancellable  *cancellable,
                      GError       **error)
{
  gint64 deadline = mp_deadline_from_seconds (timeout);
  g_autoptr (GBytes) bytes = NULL;
  MpBlock *block;
  MpPayload *payload;
  MpStatus status;
  guint encoding;

  g_return_val_if_fail (MP_IS_QUEUE (self), NULL);

  status = mp_queue_take (self, NULL, deadline, FALSE, cancellable, &encoding, &bytes, &block);
  if (!mp_queue_report (status, deadline, MP_ERROR_EMPTY, error))
    return NULL;

  payload = mp_payload_new (encoding, bytes);
  if (block != NULL)
    mp_payload_set_holder (payload, block, (GDestroyNotify) mp_block_unref);
  return payload;
}

/**
 * mp_queue_put_block:
 * @self: a queue
 * @block: the bytes, as they lie in shared memory
 * @timeout: how many seconds to wait for room; negative for no limit
 * @cancellable: (nullable): a #GCancellable
 * @error: return location for an error
 *
 * Puts bytes that were written in place, without a copy: whatever the size, it takes as long as a
 * small message. To its reader it is what [method@Mp.Queue.put_bytes] puts.
 *
 * After success @block is not the caller's any more, and of no use but to be given back
 * ([method@Mp.Block.unref]); after an error it is as it was.
 *
 * Errors: as [method@Mp.Queue.put].
 *
 * Returns: %TRUE if the block was put
 *
 * Since: 0.1
 */
gboolean
mp_queue_put_block (MpQueue       *self,
                    MpBlock       *block,
                    double         timeout,
                    GCancellable  *cancellable,
                    GError       **error)
{
  MpWaitLimits limits = { mp_deadline_from_seconds (timeout), cancellable, FALSE };

  g_return_val_if_fail (MP_IS_QUEUE (self), FALSE);
  g_return_val_if_fail (block != NULL, FALSE);

  return mp_queue_report (mp_queue_put_block_until (self, MP_ENCODING_BYTES, block, &limits),
                          limits.deadline, MP_ERROR_FULL, error);
}

/* A message that lies in line, into a block of its own, which is made before it is taken. Or, if
 * somebody else was faster, the block that comes next. */
static MpStatus
take_into_block (MpQueue             *self,
                 const MpWaitLimits  *limits,
                 MpBlock            **block)
{
  MpRingMessage message = { 0 };
  MpOffset offset;
  guint32 lease;
  MpStatus status = mp_block_create (MP_RING_INLINE_MAX, NULL, limits, &offset, &lease);

  if (status != MP_STATUS_OK)
    return status;

  status = mp_queue_get_until (self, MP_BLOCK_DATA (offset), MP_RING_INLINE_MAX, TRUE, NULL, limits,
                               &message);
  if (status == MP_STATUS_OK && message.block == 0)
    {
      mp_block_shrink (offset, message.size);
      *block = mp_block_adopt (offset, lease);
      return status;
    }

  mp_lease_drop (lease);
  if (status == MP_STATUS_OK)
    *block = mp_block_adopt (message.block, message.lease);
  return status;
}

/**
 * mp_queue_get_block:
 * @self: a queue
 * @timeout: how many seconds to wait for a value; negative for no limit
 * @cancellable: (nullable): a #GCancellable
 * @error: return location for an error
 *
 * Takes the first message as it lies in shared memory, without a copy if it is larger than 4096
 * bytes, or was put by [method@Mp.Queue.put_block].
 *
 * For queues on which only bytes are put; of other values one gets the encoded form.
 *
 * Errors: those of [method@Mp.Queue.get_payload], and [error@Mp.Error.NO_SPACE].
 *
 * Returns: (transfer full): the message
 *
 * Since: 0.1
 */
MpBlock *
mp_queue_get_block (MpQueue       *self,
                    double         timeout,
                    GCancellable  *cancellable,
                    GError       **error)
{
  const MpWaitLimits limits = { mp_deadline_from_seconds (timeout), cancellable, FALSE };
  MpRingMessage message = { 0 };
  MpBlock *block = NULL;
  MpStatus status;

  g_return_val_if_fail (MP_IS_QUEUE (self), NULL);

  /* Without a buffer only a block is taken; what lies in line stays. */
  status = mp_queue_get_until (self, NULL, 0, TRUE, NULL, &limits, &message);
  if (status == MP_STATUS_OK && message.block == 0)
    return mp_block_new (0, error);     /* an empty message */
  if (status == MP_STATUS_OK)
    block = mp_block_adopt (message.block, message.lease);
  else if (status == MP_STATUS_INVALID && message.block == 0 && message.size > 0)
    status = take_into_block (self, &limits, &block);
  mp_queue_report (status, limits.deadline, MP_ERROR_EMPTY, error);

  return block;
}
