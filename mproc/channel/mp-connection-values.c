/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Sending and receiving in the idiom of C and Vala: a GVariant, bytes, an encoded value. All are
 * thin: encode, send, report; take, decode, report.
 */

#include "config.h"

#include <string.h>

#include "mproc/base/mp-payload-private.h"
#include "mproc/channel/mp-connection-private.h"
#include "mproc/channel/mp-ring-fast-private.h"

static gboolean
report_send (MpConnection  *self,
             MpStatus       status,
             GError       **error)
{
  if (status == MP_STATUS_INVALID && !mp_connection_is_closed (self) &&
      !mp_connection_get_writable (self))
    {
      g_set_error_literal (error, MP_ERROR, MP_ERROR_INVALID_STATE,
                           "The connection is for receiving only");
      return FALSE;
    }

  return mp_connection_report (self, status, error);
}

/* INVALID is also that a descriptor comes next. */
static gboolean
report_recv (MpConnection  *self,
             MpStatus       status,
             GError       **error)
{
  if (status == MP_STATUS_INVALID && !mp_connection_is_closed (self))
    {
      g_set_error_literal (error, MP_ERROR, MP_ERROR_INVALID_STATE,
                           mp_connection_get_readable (self)
                             ? "What comes next is a descriptor and not a message"
                             : "The connection is for sending only");
      return FALSE;
    }

  return mp_connection_report (self, status, error);
}

/**
 * mp_connection_send_payload:
 * @self: a connection
 * @payload: the encoded value
 * @timeout: how many seconds to wait until it is out; negative for no limit
 * @cancellable: (nullable): a #GCancellable
 * @error: return location for an error
 *
 * Sends an encoded value, as [method@Mp.Connection.send].
 *
 * Errors: those of [method@Mp.Connection.send].
 *
 * Returns: %TRUE if the message was sent
 *
 * Since: 0.1
 */
gboolean
mp_connection_send_payload (MpConnection  *self,
                            MpPayload     *payload,
                            double         timeout,
                            GCancellable  *cancellable,
                            GError       **error)
{
  MpWaitLimits limits = { mp_deadline_from_seconds (timeout), cancellable, FALSE };
  MpConnectionPrivate *priv;
  gboolean begun;
  GBytes *bytes;
  gsize size;
  gconstpointer data;

  g_return_val_if_fail (MP_IS_CONNECTION (self), FALSE);
  g_return_val_if_fail (payload != NULL, FALSE);

  priv = mp_connection_private (self);
  if (priv->output != NULL && !mp_connection_is_closed (self))
    return report_send (self, mp_queue_put_encoded (priv->output, payload, &limits), error);

  bytes = mp_payload_get_bytes (payload);
  data = g_bytes_get_data (bytes, &size);
  return report_send (self, mp_connection_send_until (self, mp_payload_get_encoding (payload), data,
                                                      size, bytes, &limits, &begun), error);
}

/**
 * mp_connection_send:
 * @self: a connection
 * @value: the value; a floating reference is sunk
 * @timeout: how many seconds to wait until it is out; negative for no limit
 * @cancellable: (nullable): a #GCancellable
 * @error: return location for an error
 *
 * Sends a value to the other end.
 *
 * On a socket the call may have to wait until the other end has taken what was sent before. If the
 * time is over, or @cancellable was cancelled, when a part of the message is out already, the rest
 * follows before anything else that is sent: what the other end receives is always whole.
 *
 * Errors: [error@Mp.Error.CLOSED] if the other end is gone, [error@Mp.Error.TIMED_OUT],
 * [error@Mp.Error.NO_SPACE], [error@Mp.Error.INVALID_STATE] if the connection is closed here or is
 * for receiving only, `G_IO_ERROR_CANCELLED`, or another #GIOErrorEnum.
 *
 * Returns: %TRUE if the message was sent
 *
 * Since: 0.1
 */
gboolean
mp_connection_send (MpConnection  *self,
                    GVariant      *value,
                    double         timeout,
                    GCancellable  *cancellable,
                    GError       **error)
{
  g_autoptr (MpPayload) payload = NULL;

  g_return_val_if_fail (MP_IS_CONNECTION (self), FALSE);
  g_return_val_if_fail (value != NULL, FALSE);

  payload = mp_payload_new_variant (value);
  return mp_connection_send_payload (self, payload, timeout, cancellable, error);
}

/**
 * mp_connection_send_bytes:
 * @self: a connection
 * @data: (array length=size) (element-type guint8): the bytes
 * @size: how many
 * @timeout: how many seconds to wait until they are out; negative for no limit
 * @cancellable: (nullable): a #GCancellable
 * @error: return location for an error
 *
 * Sends bytes as one message. Whoever receives a value gets a string of bytes.
 *
 * Errors: those of [method@Mp.Connection.send].
 *
 * Returns: %TRUE if the message was sent
 *
 * Since: 0.1
 */
gboolean
mp_connection_send_bytes (MpConnection   *self,
                          gconstpointer   data,
                          gsize           size,
                          double          timeout,
                          GCancellable   *cancellable,
                          GError        **error)
{
  MpWaitLimits limits = { 0, cancellable, FALSE };
  MpConnectionPrivate *priv;
  MpRing *ring;
  gboolean begun;

  g_return_val_if_fail (MP_IS_CONNECTION (self), FALSE);
  g_return_val_if_fail (data != NULL || size == 0, FALSE);

  priv = mp_connection_private (self);
  ring = priv->output != NULL ? mp_shared_get_data (MP_SHARED (priv->output)) : NULL;
  if (G_LIKELY (ring != NULL && cancellable == NULL && !priv->closed &&
                mp_ring_put_fast (ring, MP_ENCODING_BYTES, data, size)))
    return TRUE;

  limits.deadline = mp_deadline_from_seconds (timeout);
  return report_send (self, mp_connection_send_until (self, MP_ENCODING_BYTES, data, size, NULL,
                                                      &limits, &begun), error);
}

/**
 * mp_connection_recv_payload:
 * @self: a connection
 * @timeout: how many seconds to wait for a message; negative for no limit
 * @cancellable: (nullable): a #GCancellable
 * @error: return location for an error
 *
 * Receives a message as it was encoded.
 *
 * Errors: [error@Mp.Error.CLOSED] if the other end is gone and all it sent has been received,
 * [error@Mp.Error.TIMED_OUT]: then nothing is lost, [error@Mp.Error.INVALID_DATA] if what came is
 * no message or only a part of one: then the connection is of no use any more,
 * [error@Mp.Error.INVALID_STATE] if the connection is closed here, is for sending only, or a
 * descriptor comes next, [error@Mp.Error.NO_SPACE], `G_IO_ERROR_CANCELLED`, or another
 * #GIOErrorEnum.
 *
 * Returns: (transfer full): the encoded value
 *
 * Since: 0.1
 */
MpPayload *
mp_connection_recv_payload (MpConnection  *self,
                            double         timeout,
                            GCancellable  *cancellable,
                            GError       **error)
{
  const MpWaitLimits limits = { mp_deadline_from_seconds (timeout), cancellable, FALSE };
  g_autoptr (GBytes) bytes = NULL;
  MpPayload *payload;
  MpBlock *block;
  guint encoding;

  g_return_val_if_fail (MP_IS_CONNECTION (self), NULL);

  if (!report_recv (self, mp_connection_take_until (self, G_MAXUINT64, &limits, &encoding, &bytes,
                                                    &block), error))
    return NULL;

  payload = mp_payload_new (encoding, bytes);
  if (block != NULL)
    mp_payload_set_holder (payload, block, (GDestroyNotify) mp_block_unref);
  return payload;
}

/**
 * mp_connection_recv:
 * @self: a connection
 * @timeout: how many seconds to wait for a message; negative for no limit
 * @cancellable: (nullable): a #GCancellable
 * @error: return location for an error
 *
 * Receives a value, whatever language has sent it.
 *
 * Errors: those of [method@Mp.Connection.recv_payload], and those of
 * [method@Mp.Payload.get_variant]: the message is gone then.
 *
 * Returns: (transfer full): the value
 *
 * Since: 0.1
 */
GVariant *
mp_connection_recv (MpConnection  *self,
                    double         timeout,
                    GCancellable  *cancellable,
                    GError       **error)
{
  g_autoptr (MpPayload) payload = mp_connection_recv_payload (self, timeout, cancellable, error);

  return payload != NULL ? mp_payload_get_variant (payload, NULL, error) : NULL;
}

static gboolean
report_sized (MpConnection  *self,
              MpStatus       status,
              gsize          limit,
              GError       **error)
{
  if (status == MP_STATUS_INVALID && !mp_connection_is_closed (self) &&
      mp_connection_get_readable (self))
    {
      g_set_error (error, MP_ERROR, MP_ERROR_TOO_SHORT,
                   "The next message has more than %" G_GSIZE_FORMAT " bytes", limit);
      return FALSE;
    }

  return report_recv (self, status, error);
}

/**
 * mp_connection_recv_bytes:
 * @self: a connection
 * @max_size: how many bytes are allowed; 0 for any number
 * @timeout: how many seconds to wait for a message; negative for no limit
 * @cancellable: (nullable): a #GCancellable
 * @error: return location for an error
 *
 * Receives the bytes of a message. If it was not sent as bytes, they are the encoded value.
 *
 * Errors: those of [method@Mp.Connection.recv_payload]; [error@Mp.Error.TOO_SHORT] if the
 * message is larger than allowed: it can still be received.
 *
 * Returns: (transfer full): the bytes
 *
 * Since: 0.1
 */
GBytes *
mp_connection_recv_bytes (MpConnection  *self,
                          gsize          max_size,
                          double         timeout,
                          GCancellable  *cancellable,
                          GError       **error)
{
  const MpWaitLimits limits = { mp_deadline_from_seconds (timeout), cancellable, FALSE };
  guint64 max = max_size != 0 ? max_size : G_MAXUINT64;
  GBytes *bytes;
  MpStatus status;
  guint encoding;

  g_return_val_if_fail (MP_IS_CONNECTION (self), NULL);

  status = mp_connection_take_until (self, max, &limits, &encoding, &bytes, NULL);
  if (!(max_size != 0 ? report_sized (self, status, max_size, error)
                      : report_recv (self, status, error)))
    return NULL;

  return bytes;
}

/* The same into memory of the caller's. */
static MpStatus
take_into (MpConnection       *self,
           guint8             *buffer,
           gsize               size,
           const MpWaitLimits *limits,
           gsize              *n)
{
  MpConnectionPrivate *priv = mp_connection_private (self);
  g_autoptr (GBytes) bytes = NULL;
  MpRingMessage message = { 0 };
  MpStatus status;
  guint encoding;

  if (priv->input != NULL && !priv->closed)
    {
      status = mp_queue_get_until (priv->input, buffer, size, FALSE, NULL, limits, &message);
      *n = message.size;
      return status;
    }

  status = mp_connection_take_until (self, size, limits, &encoding, &bytes, NULL);
  if (status == MP_STATUS_OK)
    *n = g_bytes_get_size (bytes);
  if (status == MP_STATUS_OK && *n > 0)
    memcpy (buffer, g_bytes_get_data (bytes, NULL), *n);

  return status;
}

/**
 * mp_connection_recv_into: (skip)
 * @self: a connection
 * @buffer: (array length=size) (element-type guint8): where the bytes go
 * @size: how many there is room for
 * @timeout: how many seconds to wait for a message; negative for no limit
 * @cancellable: (nullable): a #GCancellable
 * @error: return location for an error
 *
 * Receives the bytes of a message into memory of the caller's.
 *
 * Errors: those of [method@Mp.Connection.recv_bytes].
 *
 * Returns: how many bytes the message has, or -1
 *
 * Since: 0.1
 */
gssize
mp_connection_recv_into (MpConnection  *self,
                         gpointer       buffer,
                         gsize          size,
                         double         timeout,
                         GCancellable  *cancellable,
                         GError       **error)
{
  MpWaitLimits limits = { 0, cancellable, FALSE };
  MpConnectionPrivate *priv;
  MpRing *ring;
  gsize n = 0;

  g_return_val_if_fail (MP_IS_CONNECTION (self), -1);
  g_return_val_if_fail (buffer != NULL || size == 0, -1);

  priv = mp_connection_private (self);
  ring = priv->input != NULL ? mp_shared_get_data (MP_SHARED (priv->input)) : NULL;
  if (G_LIKELY (ring != NULL && cancellable == NULL && !priv->closed &&
                mp_ring_get_fast (ring, buffer, size, &n) != 0))
    return (gssize) n;

  limits.deadline = mp_deadline_from_seconds (timeout);
  if (!report_sized (self, take_into (self, buffer, size, &limits, &n), size, error))
    return -1;

  return (gssize) n;
}

/**
 * mp_connection_poll:
 * @self: a connection
 * @timeout: how many seconds to wait; negative for no limit
 * @cancellable: (nullable): a #GCancellable
 * @error: return location for an error
 *
 * Waits until there is something to receive, or nothing will come any more. Nothing is taken.
 *
 * Errors: [error@Mp.Error.INVALID_STATE] if the connection is closed here or is for sending only,
 * `G_IO_ERROR_CANCELLED`. That the time is over is no error.
 *
 * Returns: %TRUE if a receiving call would find something; %FALSE without an error if the time is
 *   over
 *
 * Since: 0.1
 */
gboolean
mp_connection_poll (MpConnection  *self,
                    double         timeout,
                    GCancellable  *cancellable,
                    GError       **error)
{
  const MpWaitLimits limits = { mp_deadline_from_seconds (timeout), cancellable, FALSE };
  MpStatus status;

  g_return_val_if_fail (MP_IS_CONNECTION (self), FALSE);

  status = mp_connection_poll_until (self, &limits);
  if (status == MP_STATUS_TIMED_OUT)
    return FALSE;

  return report_recv (self, status, error);
}
