/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Many messages in one call: one lock and one wake-up for all that lie together.
 *
 * Neighbours that are small and of one encoding go in as a group, which becomes visible as a whole;
 * a large message between them goes alone. So a batch is a row of groups, each all or nothing, in
 * order. For bindings a batch is one piece of memory, a row of frames: two guint32, size and
 * encoding, and the message's bytes padded to 8.
 */

#include "config.h"

#include "mproc/channel/mp-queue-private.h"

#include <string.h>

#include "mproc/base/mp-deadline-private.h"
#include "mproc/base/mp-error-private.h"
#include "mproc/base/mp-payload-private.h"
#include "mproc/base/mp-transcode-private.h"
#include "mproc/memory/mp-attach-private.h"

#define GROUP 256
#define BUFFER_SIZE (64u << 10)
#define FRAME_BYTES(size) (8 + (((gsize) (size) + 7) & ~(gsize) 7))

typedef struct {
  guint         encoding;
  MpRingPart    part;
  MpPayload    *payload;        /* or NULL */
} Item;

/* Gets item number @index; FALSE at the end. */
typedef gboolean (*ItemFunc) (gpointer source,
                              gsize    index,
                              Item    *item);

static gboolean
is_small (const Item *item)
{
  return item->part.size <= MP_RING_INLINE_MAX &&
         (item->payload == NULL || (mp_payload_get_holder (item->payload) == NULL &&
                                    mp_payload_peek_objects (item->payload) == NULL));
}

/* --- Putting ------------------------------------------------------------------------------- */

/* The group that begins with item @first. */
static guint
collect_group (ItemFunc    next,
               gpointer    source,
               gsize       first,
               const Item *item,
               MpRingPart *parts)
{
  guint n = 1;
  Item other = { 0 };

  parts[0] = item->part;
  while (n < GROUP && next (source, first + n, &other) && is_small (&other) &&
         other.encoding == item->encoding)
    parts[n++] = other.part;

  return n;
}

static MpStatus
put_one (MpQueue            *self,
         const Item         *item,
         const MpWaitLimits *limits)
{
  if (item->payload != NULL)
    return mp_queue_put_encoded (self, item->payload, limits);

  return mp_queue_put_parts (self, item->encoding, &item->part, 1, limits->deadline,
                             limits->interruptible, limits->cancellable, NULL);
}

/* Each message of a batch holds all that the batch refers to. */
static MpStatus
put_referring (MpQueue            *self,
               const Item         *item,
               GArray             *references,
               const MpWaitLimits *limits)
{
  GArray *left;
  MpStatus status;

  mp_attach_restore (g_array_ref (references));
  status = put_one (self, item, limits);
  left = mp_attach_claim ();
  g_clear_pointer (&left, g_array_unref);

  return status;
}

static MpStatus
put_all (MpQueue            *self,
         ItemFunc            next,
         gpointer            source,
         const MpWaitLimits *limits,
         gsize              *n_put)
{
  MpRing *ring = mp_shared_get_data (MP_SHARED (self));
  MpStatus status = ring != NULL ? MP_STATUS_OK : MP_STATUS_INVALID;
  GArray *references = mp_attach_claim ();
  MpRingPart parts[GROUP];
  Item item = { 0 };

  *n_put = 0;
  while (status == MP_STATUS_OK && next (source, *n_put, &item))
    {
      guint n = 1;

      if (references != NULL)
        status = put_referring (self, &item, references, limits);
      else if (ring->joinable || !is_small (&item))
        status = put_one (self, &item, limits);
      else
        status = mp_queue_put_some (self, item.encoding, parts,
                                    collect_group (next, source, *n_put, &item, parts), limits,
                                    &n);
      if (status == MP_STATUS_OK)
        *n_put += n;
    }
  if (status == MP_STATUS_INTERRUPTED)
    mp_attach_restore (g_steal_pointer (&references));
  g_clear_pointer (&references, g_array_unref);

  return status;
}

/* --- Values -------------------------------------------------------------------------------- */

typedef struct {
  MpPayload **payloads;
  gsize       n;
} Payloads;

static gboolean
next_payload (gpointer source,
              gsize    index,
              Item    *item)
{
  const Payloads *payloads = source;

  if (index >= payloads->n)
    return FALSE;

  item->payload = payloads->payloads[index];
  item->encoding = mp_payload_get_encoding (item->payload);
  item->part.data = g_bytes_get_data (mp_payload_get_bytes (item->payload), &item->part.size);
  return TRUE;
}

/**
 * mp_queue_put_batch:
 * @self: a queue
 * @payloads: (array length=n_payloads): the encoded values
 * @n_payloads: how many
 * @timeout: how many seconds to wait for room, in all; negative for no limit
 * @cancellable: (nullable): a #GCancellable
 * @error: return location for an error
 *
 * Puts many values, in order, with fewer locks and wake-ups than one by one.
 *
 * Other producers' values may come in between. After an error the first values, as many as the
 * call returns, were put.
 *
 * Errors: as [method@Mp.Queue.put].
 *
 * Returns: how many were put: all, unless @error is set
 *
 * Since: 0.1
 */
gsize
mp_queue_put_batch (MpQueue       *self,
                    MpPayload    **payloads,
                    gsize          n_payloads,
                    double         timeout,
                    GCancellable  *cancellable,
                    GError       **error)
{
  const MpWaitLimits limits = { mp_deadline_from_seconds (timeout), cancellable, FALSE };
  Payloads source = { payloads, n_payloads };
  MpStatus status;
  gsize n_put;

  g_return_val_if_fail (MP_IS_QUEUE (self), 0);
  g_return_val_if_fail (payloads != NULL || n_payloads == 0, 0);

  if (g_cancellable_set_error_if_cancelled (cancellable, error))
    return 0;

  status = put_all (self, next_payload, &source, &limits, &n_put);
  mp_queue_report (status, limits.deadline, MP_ERROR_FULL, error);
  return n_put;
}

/**
 * mp_queue_get_batch:
 * @self: a queue
 * @max: how many values to take at most
 * @timeout: how many seconds to wait for the first; negative for no limit
 * @cancellable: (nullable): a #GCancellable
 * @error: return location for an error
 *
 * Takes all values that are there, up to @max; waits only for the first.
 *
 * Errors: those of [method@Mp.Queue.get_payload].
 *
 * Returns: (transfer container) (element-type MpPayload): the encoded values, at least one
 *
 * Since: 0.1
 */
GPtrArray *
mp_queue_get_batch (MpQueue       *self,
                    guint          max,
                    double         timeout,
                    GCancellable  *cancellable,
                    GError       **error)
{
  g_autoptr (GPtrArray) payloads = NULL;
  MpPayload *payload;

  g_return_val_if_fail (MP_IS_QUEUE (self), NULL);
  g_return_val_if_fail (max > 0, NULL);

  payload = mp_queue_get_payload (self, timeout, cancellable, error);
  if (payload == NULL)
    return NULL;

  payloads = g_ptr_array_new_with_free_func ((GDestroyNotify) mp_payload_unref);
  while (payload != NULL)
    {
      g_ptr_array_add (payloads, payload);
      payload = payloads->len < max ? mp_queue_get_payload (self, 0, NULL, NULL) : NULL;
    }

  return g_steal_pointer (&payloads);
}

/* --- Frames -------------------------------------------------------------------------------- */

typedef struct {
  const guint8 *data;
  gsize         size;
  gsize         index;          /* of the frame at @at */
  gsize         at;
  gsize         mark_index;     /* of one that is known, at or before all that will be asked for */
  gsize         mark_at;
} Frames;

/* The frames are read in order, but a group looks ahead and the next begins where that one ended.
 * */
static gboolean
next_frame (gpointer source,
            gsize    index,
            Item    *item)
{
  Frames *frames = source;
  guint32 header[2];
  gboolean back = index < frames->index;

  if (back)
    {
      frames->index = frames->mark_index;
      frames->at = frames->mark_at;
    }
  for (;; frames->index++)
    {
      if (frames->size - frames->at < sizeof header)
        return FALSE;
      memcpy (header, frames->data + frames->at, sizeof header);
      if (header[0] > frames->size - frames->at - sizeof header)
        return FALSE;
      if (frames->index == index)
        break;
      frames->at += MIN (FRAME_BYTES (header[0]), frames->size - frames->at);
    }

  if (back)
    {
      frames->mark_index = frames->index;
      frames->mark_at = frames->at;
    }
  item->encoding = header[1];
  item->part = (MpRingPart) { frames->data + frames->at + sizeof header, header[0] };
  return TRUE;
}

static gboolean
are_frames (const guint8 *data,
            gsize         size)
{
  gsize at = 0;
  guint32 header[2];

  while (at < size)
    {
      if (size - at < sizeof header)
        return FALSE;
      memcpy (header, data + at, sizeof header);
      if (header[0] > size - at - sizeof header || header[1] < MP_ENCODING_VARIANT ||
          header[1] > MP_ENCODING_BYTES)
        return FALSE;
      at += MIN (FRAME_BYTES (header[0]), size - at);
    }

  return TRUE;
}

/**
 * mp_queue_put_frames:
 * @self: a queue
 * @frames: (array length=size): encoded values, each as two unsigned 32-bit integers, its size and
 *   its [enum@Mp.Encoding], and its bytes, padded to a multiple of 8
 * @size: how many bytes in all
 * @usec: how many microseconds to wait for room; negative for no limit
 * @n_put: (out): how many values were put
 *
 * Puts many values. For language bindings.
 *
 * Returns: an [enum@Mp.Status], as [method@Mp.Queue.put_data]; `INVALID` if @frames are none, and
 *   then nothing was put
 *
 * Since: 0.1
 */
int
mp_queue_put_frames (MpQueue      *self,
                     const guint8 *frames,
                     gsize         size,
                     gint64        usec,
                     gsize        *n_put)
{
  const MpWaitLimits limits = { mp_deadline_from_usec (usec), NULL, TRUE };
  Frames source = { .data = frames, .size = size };

  *n_put = 0;
  g_return_val_if_fail (MP_IS_QUEUE (self), MP_STATUS_INVALID);

  if (!are_frames (frames, size))
    return MP_STATUS_INVALID;

  return put_all (self, next_frame, &source, &limits, n_put);
}

static void
append_frame (GByteArray   *frames,
              guint         encoding,
              gconstpointer data,
              gsize         size)
{
  static const guint8 padding[8];
  guint32 header[2] = { (guint32) size, encoding };

  g_byte_array_append (frames, (const guint8 *) header, sizeof header);
  if (size > 0)
    g_byte_array_append (frames, data, (guint) size);
  g_byte_array_append (frames, padding, (guint) (FRAME_BYTES (size) - sizeof header - size));
}

/* In the encoding wanted where that is possible, else as it is. */
static void
append_converted (GByteArray   *frames,
                  guint         wanted,
                  guint         encoding,
                  gconstpointer data,
                  gsize         size)
{
  g_autoptr (GBytes) bytes = NULL;

  if (wanted != 0 && encoding != wanted && encoding != MP_ENCODING_BYTES)
    bytes = mp_transcode (encoding, data, size, wanted, NULL);
  if (bytes != NULL)
    {
      data = g_bytes_get_data (bytes, &size);
      encoding = wanted;
    }
  append_frame (frames, encoding, data, size);
}

static void
append_frames (GByteArray   *frames,
               guint         wanted,
               const guint8 *data,
               gsize         size)
{
  Frames source = { .data = data, .size = size };
  Item item = { 0 };

  for (gsize i = 0; next_frame (&source, i, &item); i++)
    append_converted (frames, wanted, item.encoding, item.part.data, item.part.size);
}

/* All that lies together, up to a bufferful. */
static MpStatus
get_some (MpQueue    *self,
          guint8     *buffer,
          guint       wanted,
          guint       max,
          GByteArray *frames,
          guint      *n_got)
{
  const MpWaitLimits limits = { MP_DEADLINE_NOW, NULL, TRUE };
  MpRing *ring = mp_shared_get_data (MP_SHARED (self));
  gsize size = 0;
  guint n = 0;
  MpStatus status = ring != NULL ? mp_ring_get_batch (ring, buffer, BUFFER_SIZE, max - *n_got,
                                                      &limits, &size, &n)
                                 : MP_STATUS_INVALID;

  if (n > 0)
    append_frames (frames, wanted, buffer, size);
  *n_got += n;

  return status;
}

/**
 * mp_queue_get_frames:
 * @self: a queue
 * @wanted: the [enum@Mp.Encoding] that the caller reads, or 0 for any
 * @max: how many values to take at most
 * @usec: how many microseconds to wait for the first; negative for no limit
 * @frames: (out) (array length=size) (transfer full) (nullable): the values, as
 *   [method@Mp.Queue.put_frames] takes them; one that cannot be had in the encoding wanted is
 *   as its writer encoded it
 * @size: (out): how many bytes
 * @n_got: (out): how many values
 *
 * Takes many small values. For language bindings.
 *
 * A value that lies in a block of its own is not taken: with `INVALID`, and @n_got 0, the first is
 * one. Take that with [method@Mp.Queue.take_data].
 *
 * Returns: an [enum@Mp.Status]: `OK`, `TIMED_OUT`, `CLOSED`, `INVALID`, or `INTERRUPTED`, at the
 *   latest after a tenth of a second: then call again
 *
 * Since: 0.1
 */
int
mp_queue_get_frames (MpQueue  *self,
                     guint     wanted,
                     guint     max,
                     gint64    usec,
                     guint8  **frames,
                     gsize    *size,
                     guint    *n_got)
{
  gint64 deadline = mp_deadline_from_usec (usec);
  g_autofree guint8 *buffer = g_malloc (BUFFER_SIZE);
  g_autoptr (GByteArray) array = g_byte_array_new ();
  MpStatus status;

  *frames = NULL;
  *size = 0;
  *n_got = 0;
  g_return_val_if_fail (MP_IS_QUEUE (self), MP_STATUS_INVALID);

  while ((status = get_some (self, buffer, wanted, max, array, n_got)) == MP_STATUS_TIMED_OUT &&
         *n_got == 0 && deadline > g_get_monotonic_time ())
    {
      status = mp_queue_wait_readable (self, deadline, NULL);
      if (status != MP_STATUS_OK)
        return status;
    }
  while (status == MP_STATUS_OK && *n_got < max && array->len < G_MAXINT / 2)
    status = get_some (self, buffer, wanted, max, array, n_got);
  if (*n_got == 0)
    return status;

  *size = array->len;
  *frames = g_byte_array_free (g_steal_pointer (&array), FALSE);
  return MP_STATUS_OK;
}
