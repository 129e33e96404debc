/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * How messages are moved and waited for, whatever the connection is. Through shared memory a queue
 * does all of it; on a socket every call is the same loop: a step that does not block, and a wait
 * for the descriptor.
 */

#include "config.h"

#include <poll.h>

#include "mproc/base/mp-transcode-private.h"
#include "mproc/channel/mp-connection-private.h"
#include "mproc/memory/mp-sleep-private.h"

#define SPIN_USEC 20            /* how long a socket is looked at before the thread sleeps */
#define PATIENCE 3              /* spins in vain before only some waits begin with one */

/* Whether it is closed or does not go that way. */
static MpStatus
usable (MpConnectionPrivate *priv,
        gboolean             out)
{
  if (g_atomic_int_get (&priv->closed) || priv->opening != NULL)
    return MP_STATUS_INVALID;
  if (priv->stream != NULL)
    return (out ? priv->no_output : priv->no_input) ? MP_STATUS_INVALID : MP_STATUS_OK;

  return (out ? priv->output : priv->input) != NULL ? MP_STATUS_OK : MP_STATUS_INVALID;
}

/* --- Sending ------------------------------------------------------------------------------- */

MpStatus
mp_connection_letter_until (MpConnection       *self,
                            MpStreamLetter     *letter,
                            const MpWaitLimits *limits,
                            gboolean           *begun)
{
  MpStream *stream = mp_connection_private (self)->stream;
  gint64 until = mp_fd_slice (limits);
  MpStatus status;

  if (letter != NULL)
    mp_stream_post (stream, letter);
  while ((status = mp_stream_send_step (stream, letter)) == MP_STATUS_TIMED_OUT)
    {
      status = mp_fd_wait (stream->fd, POLLOUT, limits, until);
      if (status != MP_STATUS_OK)
        break;
    }
  if (letter != NULL)
    *begun = mp_stream_drop (stream, letter) && status != MP_STATUS_OK;

  return status;
}

/* Python's multiprocessing reads pickles, and bytes. */
static GBytes *
for_plain (MpStream      *stream,
           guint          encoding,
           gconstpointer  data,
           gsize          size)
{
  if (!stream->plain || encoding == MP_ENCODING_PICKLE || encoding == MP_ENCODING_BYTES)
    return NULL;

  return mp_transcode (encoding, data, size, MP_ENCODING_PICKLE, NULL);
}

static MpStatus
send_to_stream (MpConnection       *self,
                guint               encoding,
                gconstpointer       data,
                gsize               size,
                GBytes             *owned,
                const MpWaitLimits *limits,
                gboolean           *begun)
{
  MpStream *stream = mp_connection_private (self)->stream;
  g_autoptr (GBytes) converted = for_plain (stream, encoding, data, size);

  if (converted != NULL)
    {
      data = g_bytes_get_data (converted, &size);
      owned = converted;
    }
  else if (stream->plain && encoding != MP_ENCODING_PICKLE && encoding != MP_ENCODING_BYTES)
    return MP_STATUS_NOT_PLAIN;

  return mp_connection_letter_until (self,
                                     mp_stream_letter_new (stream, encoding, data, size, owned, -1),
                                     limits, begun);
}

MpStatus
mp_connection_send_until (MpConnection       *self,
                          guint               encoding,
                          gconstpointer       data,
                          gsize               size,
                          GBytes             *owned,
                          const MpWaitLimits *limits,
                          gboolean           *begun)
{
  MpConnectionPrivate *priv = mp_connection_private (self);
  const MpQueuePart part = { data, size };
  MpStatus status = usable (priv, TRUE);

  *begun = FALSE;
  if (status != MP_STATUS_OK)
    return status;
  if (g_cancellable_is_cancelled (limits->cancellable))
    return MP_STATUS_CANCELLED;
  if (priv->stream != NULL)
    return send_to_stream (self, encoding, data, size, owned, limits, begun);

  return mp_queue_put_parts (priv->output, encoding, &part, 1, limits->deadline,
                             limits->interruptible, limits->cancellable, NULL);
}

MpStatus
mp_connection_flush_until (MpConnection       *self,
                           const MpWaitLimits *limits)
{
  MpStatus status = usable (mp_connection_private (self), TRUE);

  if (status != MP_STATUS_OK || mp_connection_private (self)->stream == NULL)
    return status;

  return mp_connection_letter_until (self, NULL, limits, NULL);
}

/* --- Receiving ----------------------------------------------------------------------------- */

static __thread guint n_vain;   /* spins in vain since the last that was not */

/* A moment of looking saves the sleep where answers come at once; after some in vain only every
 * sixteenth wait begins so. */
static MpStatus
spin (MpStream *stream)
{
  gint64 end;
  MpStatus status;

  if (!mp_can_spin () || (n_vain >= PATIENCE && n_vain++ % 16 != 0))
    return MP_STATUS_TIMED_OUT;

  end = g_get_monotonic_time () + SPIN_USEC;
  do
    status = mp_stream_receive_step (stream);
  while (status == MP_STATUS_TIMED_OUT && g_get_monotonic_time () < end);
  n_vain = status == MP_STATUS_TIMED_OUT ? n_vain + 1 : 0;

  return status;
}

/* A message that is too large is known by its head. */
static MpStatus
step (MpStream *stream,
      guint64   max)
{
  guint encoding;
  guint64 size;
  MpStatus status;

  if (max == G_MAXUINT64)
    return mp_stream_receive_step (stream);

  status = mp_stream_peek_step (stream, &encoding, &size);
  if (status != MP_STATUS_OK)
    return status;

  return size > max ? MP_STATUS_INVALID : mp_stream_receive_step (stream);
}

static MpStatus
wait_for_message (MpStream           *stream,
                  guint64             max,
                  const MpWaitLimits *limits,
                  gint64              until)
{
  gboolean spun = limits->deadline == MP_DEADLINE_NOW;
  MpStatus status;

  while ((status = step (stream, max)) == MP_STATUS_TIMED_OUT)
    {
      if (!spun && spin (stream) != MP_STATUS_TIMED_OUT)
        continue;
      spun = TRUE;
      status = mp_fd_wait (stream->fd, POLLIN, limits, until);
      if (status != MP_STATUS_OK)
        break;
    }

  return status;
}

/* In multiprocessing a message is a pickle if its sender says so; here, if it looks like one. */
static guint
plain_encoding (GBytes *bytes)
{
  gsize size;
  const guint8 *data = g_bytes_get_data (bytes, &size);

  return size > 2 && data[0] == 0x80 && data[size - 1] == '.' ? MP_ENCODING_PICKLE
                                                             : MP_ENCODING_BYTES;
}

static MpStatus
take_from_stream (MpStream           *stream,
                  guint64             max,
                  const MpWaitLimits *limits,
                  guint              *encoding,
                  GBytes            **bytes)
{
  gint64 until = mp_fd_slice (limits);
  MpStatus status;

  do
    {
      status = wait_for_message (stream, max, limits, until);
      if (status == MP_STATUS_OK)
        status = mp_stream_take (stream, NULL, max, encoding, bytes, NULL, NULL);
    }
  while (status == MP_STATUS_TIMED_OUT && !mp_deadline_passed (limits->deadline));
  if (status == MP_STATUS_OK && stream->plain)
    *encoding = plain_encoding (*bytes);

  return status;
}

static void
free_buffer (gpointer data)
{
  g_free (data);
}

/* What is larger than @max stays. Somebody else may take what was measured: then once more. */
static MpStatus
take_up_to (MpQueue            *queue,
            guint64             max,
            const MpWaitLimits *limits,
            guint              *encoding,
            GBytes            **bytes)
{
  guint8 *buffer = NULL;
  gsize room = 0;

  for (;;)
    {
      MpRingMessage message = { 0 };
      MpStatus status = mp_queue_get_until (queue, buffer, room, FALSE, NULL, limits, &message);

      if (status == MP_STATUS_OK)
        {
          *encoding = message.encoding;
          *bytes = g_bytes_new_with_free_func (buffer, message.size, free_buffer, buffer);
          return status;
        }
      if (status != MP_STATUS_INVALID || message.size <= room || message.size > max)
        {
          g_free (buffer);
          return status;
        }
      room = message.size;
      buffer = g_try_realloc (buffer, room);
      if (buffer == NULL)
        return MP_STATUS_NO_SPACE;
    }
}

/* In pieces, between which the lives of those who may have had the other end are looked at: that it
 * is closed by a death is what this end may be waiting for. */
static MpStatus
take_watching (MpConnectionPrivate *priv,
               const MpWaitLimits  *limits,
               guint               *encoding,
               GBytes             **bytes,
               MpBlock            **block)
{
  for (;;)
    {
      MpStatus status = mp_queue_take (priv->input, NULL, limits->deadline, TRUE,
                                       limits->cancellable, encoding, bytes, block);

      if (G_UNLIKELY (status != MP_STATUS_OK && g_atomic_int_get (&priv->closed)))
        return MP_STATUS_INVALID;       /* by another thread */
      if (status != MP_STATUS_INTERRUPTED)
        return status;
      mp_connection_look_for_dead ();
      if (limits->interruptible)
        return status;
    }
}

MpStatus
mp_connection_take_until (MpConnection       *self,
                          guint64             max,
                          const MpWaitLimits *limits,
                          guint              *encoding,
                          GBytes            **bytes,
                          MpBlock           **block)
{
  MpConnectionPrivate *priv = mp_connection_private (self);
  MpStatus status = usable (priv, FALSE);

  *encoding = 0;
  *bytes = NULL;
  if (block != NULL)
    *block = NULL;
  if (status != MP_STATUS_OK)
    return status;
  if (g_cancellable_is_cancelled (limits->cancellable))
    return MP_STATUS_CANCELLED;
  if (priv->stream != NULL)
    return take_from_stream (priv->stream, max, limits, encoding, bytes);
  if (limits->deadline == MP_DEADLINE_NOW)
    mp_connection_look_for_dead ();
  if (max < G_MAXUINT64)
    return take_up_to (priv->input, max, limits, encoding, bytes);

  return take_watching (priv, limits, encoding, bytes, block);
}

/* --- Looking ------------------------------------------------------------------------------- */

MpStatus
mp_connection_poll_until (MpConnection       *self,
                          const MpWaitLimits *limits)
{
  MpConnectionPrivate *priv = mp_connection_private (self);
  MpStatus status = usable (priv, FALSE);
  gint64 until = mp_fd_slice (limits);

  if (status != MP_STATUS_OK)
    return status;
  if (limits->deadline == MP_DEADLINE_NOW)
    return mp_connection_look (self) ? MP_STATUS_OK : MP_STATUS_TIMED_OUT;
  if (priv->stream == NULL)
    do
      {
        mp_connection_look_for_dead ();
        status = mp_queue_wait_readable (priv->input, limits->deadline, limits->cancellable);
      }
    while (status == MP_STATUS_INTERRUPTED && !limits->interruptible);
  else
    while (!mp_connection_look (self))
      {
        status = mp_fd_wait (priv->stream->fd, POLLIN, limits, until);
        if (status != MP_STATUS_OK)
          break;
      }

  return status;
}
