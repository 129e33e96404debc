/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The queue for language bindings: bytes or text in, bytes or text out, a status number, no GError
 * for ordinary outcomes. A value that another language wrote is converted here, so that the reader
 * gets the encoding it asked for. Each call waits a tenth of a second at most before it lets the
 * interpreter run its signal handlers.
 */

#include "config.h"

#include <string.h>

#include "mproc/base/mp-deadline-private.h"
#include "mproc/base/mp-error-private.h"
#include "mproc/base/mp-transcode-private.h"
#include "mproc/channel/mp-queue-private.h"
#include "mproc/channel/mp-ring-fast-private.h"

/**
 * mp_queue_put_data:
 * @self: a queue
 * @encoding: how the bytes are to be read: an [enum@Mp.Encoding]
 * @data: (array length=size): the encoded value
 * @size: how many bytes
 * @usec: how many microseconds to wait for room; negative for no limit
 *
 * Puts an encoded value. For language bindings.
 *
 * Returns: an [enum@Mp.Status]: `OK`, `TIMED_OUT`, `CLOSED`, `NO_SPACE`, `INVALID`, or
 *   `INTERRUPTED`, at the latest after a tenth of a second: then call again
 *
 * Since: 0.1
 */
int
mp_queue_put_data (MpQueue      *self,
                   guint         encoding,
                   const guint8 *data,
                   gsize         size,
                   gint64        usec)
{
  MpQueuePart part = { data, size };
  MpRing *ring = mp_shared_get_data (MP_SHARED (self));

  if (encoding < MP_ENCODING_VARIANT || encoding > MP_ENCODING_BYTES)
    return MP_STATUS_INVALID;
  if (G_LIKELY (ring != NULL && mp_ring_put_fast (ring, encoding, data, size)))
    return MP_STATUS_OK;

  return mp_queue_put_parts (self, encoding, &part, 1, mp_deadline_from_usec (usec), TRUE, NULL,
                             NULL);
}

/* The value in the encoding wanted; itself if it is in it, or bytes, already. */
static MpStatus
convert (guint    wanted,
         guint   *encoding,
         GBytes **bytes)
{
  GBytes *converted;
  gconstpointer data;
  gsize size;

  if (wanted == 0 || wanted == *encoding || *encoding == MP_ENCODING_BYTES)
    return MP_STATUS_OK;

  data = g_bytes_get_data (*bytes, &size);
  converted = mp_transcode (*encoding, data, size, wanted, NULL);
  if (converted == NULL)
    return MP_STATUS_NOT_PLAIN;

  g_bytes_unref (*bytes);
  *bytes = converted;
  *encoding = wanted;
  return MP_STATUS_OK;
}

/**
 * mp_queue_get_data:
 * @self: a queue
 * @wanted: the [enum@Mp.Encoding] that the caller reads, or 0 for any
 * @usec: how many microseconds to wait for a value; negative for no limit
 * @encoding: (out): how the bytes are to be read: @wanted, or `BYTES`
 * @data: (out) (array length=size) (transfer full) (nullable): the encoded value
 * @size: (out): how many bytes
 *
 * Takes the first value, in the encoding wanted, as a copy. For language bindings.
 *
 * With `NOT_PLAIN` the value was taken, and is returned as its writer encoded it. What shared
 * objects the value refers to may be gone before they are opened: see
 * [method@Mp.Queue.take_data].
 *
 * Returns: an [enum@Mp.Status]: `OK`, `TIMED_OUT`, `CLOSED`, `NOT_PLAIN`, `NO_SPACE`, `INVALID`, or
 *   `INTERRUPTED`, at the latest after a tenth of a second: then call again
 *
 * Since: 0.1
 */
int
mp_queue_get_data (MpQueue  *self,
                   guint     wanted,
                   gint64    usec,
                   guint    *encoding,
                   guint8  **data,
                   gsize    *size)
{
  MpBlock *block;
  MpStatus status = mp_queue_take_data (self, wanted, usec, encoding, data, size, &block);

  if (block != NULL && *data == NULL)
    *data = g_memdup2 (mp_block_get_data (block, NULL), *size);
  g_clear_pointer (&block, mp_block_unref);

  return status;
}

/**
 * mp_queue_take_data:
 * @self: a queue
 * @wanted: the [enum@Mp.Encoding] that the caller reads, or 0 for any
 * @usec: how many microseconds to wait for a value; negative for no limit
 * @encoding: (out): how the bytes are to be read: @wanted, or `BYTES`
 * @data: (out) (array length=size) (transfer full) (nullable): the encoded value, unless it lies in
 *   @block
 * @size: (out): how many bytes the encoded value has
 * @block: (out) (transfer full) (nullable): the block of shared memory that the value came in, if
 * it
 *   did: hold it until the value has been read
 *
 * Takes the first value, in the encoding wanted, without copying a large one. For language
 * bindings.
 *
 * A large value, or one that refers to shared objects, comes in a block. If @data is %NULL then,
 * the encoded value is what is in the block; else it had to be converted.
 *
 * With `NOT_PLAIN` the value was taken, and is returned as its writer encoded it.
 *
 * Returns: an [enum@Mp.Status], as [method@Mp.Queue.get_data]
 *
 * Since: 0.1
 */
int
mp_queue_take_data (MpQueue  *self,
                    guint     wanted,
                    gint64    usec,
                    guint    *encoding,
                    guint8  **data,
                    gsize    *size,
                    MpBlock **block)
{
  GBytes *bytes;
  MpStatus status;

  *data = NULL;
  *size = 0;
  status = mp_queue_take (self, NULL, mp_deadline_from_usec (usec), TRUE, NULL, encoding, &bytes,
                          block);
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
 * mp_queue_put_block_data:
 * @self: a queue
 * @encoding: how the bytes are to be read: an [enum@Mp.Encoding]
 * @block: the encoded value, as it lies in shared memory
 * @usec: how many microseconds to wait for room; negative for no limit
 *
 * Puts an encoded value that was written in place. For language bindings.
 *
 * Returns: an [enum@Mp.Status], as [method@Mp.Queue.put_data]
 *
 * Since: 0.1
 */
int
mp_queue_put_block_data (MpQueue *self,
                         guint    encoding,
                         MpBlock *block,
                         gint64   usec)
{
  const MpWaitLimits limits = { mp_deadline_from_usec (usec), NULL, TRUE };

  if (encoding < MP_ENCODING_VARIANT || encoding > MP_ENCODING_BYTES || block == NULL)
    return MP_STATUS_INVALID;

  return mp_queue_put_block_until (self, encoding, block, &limits);
}

/**
 * mp_queue_put_text:
 * @self: a queue
 * @text: the value as JSON text
 * @usec: how many microseconds to wait for room; negative for no limit
 *
 * Puts a value given as JSON text. For language bindings.
 *
 * Returns: an [enum@Mp.Status], as [method@Mp.Queue.put_data]
 *
 * Since: 0.1
 */
int
mp_queue_put_text (MpQueue    *self,
                   const char *text,
                   gint64      usec)
{
  return mp_queue_put_data (self, MP_ENCODING_JSON, (const guint8 *) text, strlen (text), usec);
}

/**
 * mp_queue_get_text:
 * @self: a queue
 * @usec: how many microseconds to wait for a value; negative for no limit
 * @text: (out) (transfer full) (nullable): the value as JSON text, or why it cannot be read
 *
 * Takes the first value, as JSON text. For language bindings.
 *
 * With `NOT_PLAIN` and `INVALID_DATA` the value was taken and is lost; @text tells why. What is
 * attached to the text is lost too, and what shared objects the value refers to may be gone before
 * they are opened: see [method@Mp.Queue.take_text].
 *
 * Returns: an [enum@Mp.Status], as [method@Mp.Queue.get_data]
 *
 * Since: 0.1
 */
int
mp_queue_get_text (MpQueue  *self,
                   gint64    usec,
                   char    **text)
{
  g_autofree guint8 *pieces = NULL;
  MpBlock *block;
  gsize size;
  int status = mp_queue_take_text (self, usec, text, &pieces, &size, &block);

  g_clear_pointer (&block, mp_block_unref);
  return status;
}

/* As JSON; else why not, and a status that is not OK. */
static MpStatus
to_json (guint    encoding,
         GBytes  *bytes,
         GBytes **json,
         char   **text)
{
  g_autoptr (GError) error = NULL;

  *json = mp_transcode_bytes (encoding, bytes, MP_ENCODING_JSON, &error);
  if (*json != NULL)
    return MP_STATUS_OK;

  *text = g_strdup (error->message);
  return mp_status_of_unread (error);
}

/* Copies the text, and what is attached to it unless @in_place. FALSE if nothing is attached. */
static gboolean
split_json (GBytes    *json,
            gboolean   in_place,
            char     **text,
            guint8   **pieces,
            gsize     *n_pieces)
{
  gsize size;
  const char *data = g_bytes_get_data (json, &size);
  const char *nul = size > 0 ? memchr (data, '\0', size) : NULL;
  gsize start = nul != NULL ? (gsize) (nul - data + 8) & ~(gsize) 7 : size;

  *text = size > 0 ? g_strndup (data, nul != NULL ? (gsize) (nul - data) : size) : g_strdup ("");
  if (start >= size)
    return FALSE;

  if (!in_place)
    {
      *n_pieces = size - start;
      *pieces = g_memdup2 (data + start, *n_pieces);
    }
  return TRUE;
}

static gboolean
has_objects (MpBlock *block)
{
  return mp_block_has_objects (mp_arena_offset (mp_block_get_data (block, NULL)) - 64);
}

/**
 * mp_queue_take_text:
 * @self: a queue
 * @usec: how many microseconds to wait for a value; negative for no limit
 * @text: (out) (transfer full) (nullable): the value as JSON text, or why it cannot be read
 * @pieces: (out) (array length=n_pieces) (transfer full) (nullable): the bytes that are attached to
 *   the text, unless they lie in @block
 * @n_pieces: (out): how many bytes that are
 * @block: (out) (transfer full) (nullable): what the value came in, if it refers to shared objects
 *   or if its bytes are there, from the next multiple of 8 behind the text's NUL on: hold it until
 *   all is read
 *
 * Takes the first value, as JSON text and what is attached to it. For language bindings.
 *
 * With `NOT_PLAIN` and `INVALID_DATA` the value was taken and is lost; @text tells why.
 *
 * Returns: an [enum@Mp.Status], as [method@Mp.Queue.get_data], or `INVALID_DATA`
 *
 * Since: 0.1
 */
int
mp_queue_take_text (MpQueue  *self,
                    gint64    usec,
                    char    **text,
                    guint8  **pieces,
                    gsize    *n_pieces,
                    MpBlock **block)
{
  g_autoptr (GBytes) bytes = NULL, json = NULL;
  gboolean in_block = FALSE;
  MpStatus status;
  guint encoding;

  *text = NULL;
  *pieces = NULL;
  *n_pieces = 0;
  status = mp_queue_take (self, NULL, mp_deadline_from_usec (usec), TRUE, NULL, &encoding, &bytes,
                          block);
  if (status != MP_STATUS_OK)
    return status;

  status = to_json (encoding, bytes, &json, text);
  if (status == MP_STATUS_OK)
    in_block = split_json (json, *block != NULL && json == bytes, text, pieces, n_pieces) &&
               *pieces == NULL;
  if (*block != NULL && (json == NULL || (!in_block && !has_objects (*block))))
    g_clear_pointer (block, mp_block_unref);

  return status;
}
