/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The connection for language bindings: bytes or text in, bytes or text out, a status number, no
 * GError for ordinary outcomes. Each call waits a tenth of a second at most before it lets the
 * interpreter run its signal handlers. What goes through shared memory may also use the queues
 * ([method@Mp.Connection.get_input]) and all that bindings have made of those.
 */

#include "config.h"

#include "mproc/base/mp-error-private.h"
#include "mproc/base/mp-transcode-private.h"
#include "mproc/channel/mp-connection-private.h"

/**
 * mp_connection_send_data:
 * @self: a connection
 * @encoding: how the bytes are to be read: an [enum@Mp.Encoding]
 * @data: (array length=size): the encoded value
 * @size: how many bytes
 * @usec: how many microseconds to wait until it is out; negative for no limit
 * @begun: (out): whether, though it is not done, a part is out and the rest will follow: then do
 *   not send it again, but call [method@Mp.Connection.flush_raw]
 *
 * Sends an encoded value. For language bindings.
 *
 * Returns: an [enum@Mp.Status]: `OK`, `TIMED_OUT`, `CLOSED` if the other end is gone, `INVALID` if
 *   the connection is closed or does not go that way, `NO_SPACE`, `NOT_PLAIN` if the other end
 *   cannot be given such a value, `FAILED`: see [method@Mp.Connection.check]; or `INTERRUPTED`, at
 *   the latest after a tenth of a second
 *
 * Since: 0.1
 */
int
mp_connection_send_data (MpConnection *self,
                         guint         encoding,
                         const guint8 *data,
                         gsize         size,
                         gint64        usec,
                         gboolean     *begun)
{
  const MpWaitLimits limits = { mp_deadline_from_usec (usec), NULL, TRUE };

  *begun = FALSE;
  if (encoding < MP_ENCODING_VARIANT || encoding > MP_ENCODING_BYTES)
    return MP_STATUS_INVALID;

  return mp_connection_send_until (self, encoding, data, size, NULL, &limits, begun);
}

/**
 * mp_connection_flush_raw:
 * @self: a connection
 * @usec: how many microseconds to wait; negative for no limit
 *
 * Sends the rest of messages of which a part is out. For language bindings.
 *
 * Returns: an [enum@Mp.Status], as [method@Mp.Connection.send_data]
 *
 * Since: 0.1
 */
int
mp_connection_flush_raw (MpConnection *self,
                         gint64        usec)
{
  const MpWaitLimits limits = { mp_deadline_from_usec (usec), NULL, TRUE };

  return mp_connection_flush_until (self, &limits);
}

/* In the encoding wanted; as it is, with NOT_PLAIN, if that cannot be. */
static MpStatus
convert (guint    wanted,
         guint   *encoding,
         GBytes **bytes)
{
  GBytes *converted;

  if (wanted == 0 || wanted == *encoding || *encoding == MP_ENCODING_BYTES)
    return MP_STATUS_OK;

  converted = mp_transcode_bytes (*encoding, *bytes, wanted, NULL);
  if (converted == NULL)
    return MP_STATUS_NOT_PLAIN;

  g_bytes_unref (*bytes);
  *bytes = converted;
  *encoding = wanted;
  return MP_STATUS_OK;
}

/**
 * mp_connection_take_data:
 * @self: a connection
 * @wanted: the [enum@Mp.Encoding] that the caller reads, or 0 for any
 * @max_size: how many bytes are allowed; 0 for any number
 * @usec: how many microseconds to wait for a message; negative for no limit
 * @encoding: (out): how the bytes are to be read: @wanted, or `BYTES`
 * @data: (out) (array length=size) (transfer full) (nullable): the encoded value, unless it lies in
 *   @block
 * @size: (out): how many bytes the encoded value has
 * @block: (out) (transfer full) (nullable): the block of shared memory that the value came in, if
 *   it did: hold it until the value has been read
 *
 * Receives a message, in the encoding wanted. For language bindings.
 *
 * With `NOT_PLAIN` the message was taken, and is returned as its writer encoded it. With `INVALID`
 * it is larger than allowed, or a descriptor, and stays; or the connection cannot be used so.
 *
 * Returns: an [enum@Mp.Status]: `OK`, `TIMED_OUT`, `CLOSED` if nothing will come any more,
 *   `NOT_PLAIN`, `INVALID`, `NO_SPACE`, `FAILED`: see [method@Mp.Connection.check]; or
 *   `INTERRUPTED`, at the latest after a tenth of a second: then call again
 *
 * Since: 0.1
 */
int
mp_connection_take_data (MpConnection  *self,
                         guint          wanted,
                         gsize          max_size,
                         gint64         usec,
                         guint         *encoding,
                         guint8       **data,
                         gsize         *size,
                         MpBlock      **block)
{
  const MpWaitLimits limits = { mp_deadline_from_usec (usec), NULL, TRUE };
  MpStatus status;
  GBytes *bytes;

  *data = NULL;
  *size = 0;
  status = mp_connection_take_until (self, max_size != 0 ? max_size : G_MAXUINT64, &limits,
                                     encoding, &bytes, block);
  if (status != MP_STATUS_OK)
    return status;

  status = convert (wanted, encoding, &bytes);
  *size = g_bytes_get_size (bytes);
  if (*block != NULL && g_bytes_get_data (bytes, NULL) == mp_block_get_data (*block, NULL))
    g_bytes_unref (bytes);
  else
    *data = g_bytes_unref_to_data (bytes, size);

  return status;
}

/**
 * mp_connection_take_text:
 * @self: a connection
 * @usec: how many microseconds to wait for a message; negative for no limit
 * @text: (out) (transfer full) (nullable): the value as JSON text, or why it cannot be read
 *
 * Receives a value as JSON text. For language bindings.
 *
 * With `NOT_PLAIN` and `INVALID_DATA` the message was taken and is lost; @text tells why.
 *
 * Returns: an [enum@Mp.Status], as [method@Mp.Connection.take_data], or `INVALID_DATA`
 *
 * Since: 0.1
 */
int
mp_connection_take_text (MpConnection  *self,
                         gint64         usec,
                         char         **text)
{
  const MpWaitLimits limits = { mp_deadline_from_usec (usec), NULL, TRUE };
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) bytes = NULL;
  g_autoptr (GBytes) json = NULL;
  g_autoptr (MpBlock) block = NULL;
  MpStatus status;
  gconstpointer data;
  guint encoding;
  gsize size;

  *text = NULL;
  status = mp_connection_take_until (self, G_MAXUINT64, &limits, &encoding, &bytes, &block);
  if (status != MP_STATUS_OK)
    return status;

  data = g_bytes_get_data (bytes, &size);
  json = mp_transcode_to_text (encoding, data, size, &error);
  if (json == NULL)
    {
      *text = g_strdup (error->message);
      return mp_status_of_unread (error);
    }

  *text = g_strndup (g_bytes_get_data (json, NULL), g_bytes_get_size (json));
  return MP_STATUS_OK;
}

/**
 * mp_connection_poll_raw:
 * @self: a connection
 * @usec: how many microseconds to wait; negative for no limit
 *
 * Waits until there is something to receive, or nothing will come any more. For language bindings.
 *
 * Returns: an [enum@Mp.Status]: `OK` if there is, `TIMED_OUT`, `INVALID` if the connection is
 *   closed or for sending only, or `INTERRUPTED`, at the latest after a tenth of a second: then
 *   call again
 *
 * Since: 0.1
 */
int
mp_connection_poll_raw (MpConnection *self,
                        gint64        usec)
{
  const MpWaitLimits limits = { mp_deadline_from_usec (usec), NULL, TRUE };

  return mp_connection_poll_until (self, &limits);
}
