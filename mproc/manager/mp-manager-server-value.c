/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Values in the server, and replies made of them.
 *
 * The server keeps a value as it came. It looks inside only to compare: two values are equal if
 * their bytes are, or if both are plain and their canonical forms are. Of the canonical form a
 * value keeps a digest, so that a search in a long list converts each item once.
 *
 * Shared objects that are in a value are held as long as the value is. The client that sent it
 * holds them until the server has answered.
 *
 * A client may send anything, so memory is asked for in ways that can fail.
 */

#include "config.h"

#include "mproc/manager/mp-manager-server-object-private.h"

#include <string.h>

#include "mproc/base/mp-transcode-private.h"
#include "mproc/memory/mp-attach-private.h"

/* NULL if there is no memory. */
MpServerValue *
mp_server_value_new (const MpFrameValue *value)
{
  MpServerValue *self = g_try_malloc (sizeof *self + value->size);

  if (self == NULL)
    return NULL;

  self->refs = 1;
  self->encoding = value->encoding;
  self->kind = MP_SERVER_UNKNOWN;
  self->digest = 0;
  self->size = value->size;
  memcpy (self->data, value->data, value->size);
  self->shared = mp_attach_find (value->data, value->size);

  return self;
}

MpServerValue *
mp_server_value_ref (MpServerValue *self)
{
  self->refs++;
  return self;
}

void
mp_server_value_unref (gpointer data)
{
  MpServerValue *self = data;

  if (--self->refs > 0)
    return;

  g_clear_pointer (&self->shared, g_ptr_array_unref);
  g_free (self);
}

static guint64
digest_of (GBytes *bytes)
{
  gsize size;
  const guint8 *data = g_bytes_get_data (bytes, &size);
  guint64 digest = G_GUINT64_CONSTANT (0xcbf29ce484222325);

  for (gsize i = 0; i < size; i++)
    digest = (digest ^ data[i]) * G_GUINT64_CONSTANT (0x100000001b3);

  return digest;
}

/* The form in which equal values have equal bytes. NULL, and the error in @reply if that is
 * given, where there is none. */
GBytes *
mp_server_value_canonical (MpServerValue *self,
                           MpServerReply *reply)
{
  g_autoptr (GError) error = NULL;
  GBytes *bytes;

  bytes = mp_transcode_canonical (self->encoding, self->data, self->size, &error);
  if (bytes == NULL)
    {
      self->kind = MP_SERVER_OPAQUE;
      if (reply != NULL)
        mp_server_reply_error (reply, error->code, error->message);
    }
  else if (self->kind == MP_SERVER_UNKNOWN)
    {
      self->kind = MP_SERVER_PLAIN;
      self->digest = digest_of (bytes);
    }

  return bytes;
}

static gboolean
is_plain (MpServerValue *self)
{
  if (self->kind == MP_SERVER_UNKNOWN)
    {
      g_autoptr (GBytes) bytes = mp_server_value_canonical (self, NULL);
    }

  return self->kind == MP_SERVER_PLAIN;
}

gboolean
mp_server_value_equal (MpServerValue *self,
                       MpServerValue *other)
{
  g_autoptr (GBytes) own = NULL;
  g_autoptr (GBytes) others = NULL;

  if (self == other
      || (self->encoding == other->encoding && self->size == other->size
          && memcmp (self->data, other->data, self->size) == 0))
    return TRUE;
  if (!is_plain (self) || !is_plain (other) || self->digest != other->digest)
    return FALSE;

  own = mp_server_value_canonical (self, NULL);
  others = mp_server_value_canonical (other, NULL);

  return own != NULL && others != NULL && g_bytes_equal (own, others);
}

/* Whether the caller will be able to read the value that is about to be taken out for it. */
gboolean
mp_server_value_readable (MpServerValue *self,
                          MpServerCall  *call)
{
  guint32 wanted = call->request->wanted;
  g_autoptr (GBytes) bytes = NULL;

  if (wanted == 0 || wanted == self->encoding || self->kind == MP_SERVER_PLAIN)
    return TRUE;

  bytes = mp_server_value_canonical (self, call->reply);
  return bytes != NULL;
}

/* ── Replies ─────────────────────────────────────────────────────────────────────────────────── */

static guint8 *
put (guint8       *at,
     gconstpointer data,
     gsize         size)
{
  memcpy (at, data, size);
  return at + size;
}

static gsize
frame_size (MpServerValue * const *values,
            gsize                  n_values)
{
  gsize size = MP_FRAME_HEAD_SIZE;

  for (gsize i = 0; i < n_values; i++)
    size += MP_FRAME_VALUE_SIZE + values[i]->size;

  return size;
}

/* What is in the body lives until its receiver has opened it, even if the value goes before. */
static void
keep_shared (MpServerReply *reply,
             MpServerValue *value)
{
  if (value->shared == NULL)
    return;

  if (reply->shared == NULL)
    reply->shared = g_ptr_array_new_with_free_func (g_object_unref);
  for (guint i = 0; i < value->shared->len; i++)
    g_ptr_array_add (reply->shared, g_object_ref (value->shared->pdata[i]));
}

/* Makes the body of @reply. */
gboolean
mp_server_reply_values (MpServerReply         *reply,
                        MpServerValue * const *values,
                        gsize                  n_values)
{
  gsize size = frame_size (values, n_values);
  guint8 *body = size <= MP_MANAGER_MAX_BODY ? g_try_malloc (size) : NULL;
  guint32 count = n_values;
  guint8 *at = body;

  if (body == NULL)
    {
      mp_server_reply_error (reply, MP_ERROR_NO_SPACE,
                             "This is too much for one reply; get it in parts");
      return FALSE;
    }

  at = put (at, &count, sizeof count);
  for (gsize i = 0; i < n_values; i++)
    {
      guint64 wide = values[i]->size;

      at = put (at, &values[i]->encoding, sizeof values[i]->encoding);
      at = put (at, &wide, sizeof wide);
      at = put (at, values[i]->data, values[i]->size);
      keep_shared (reply, values[i]);
    }
  g_free (reply->body);
  reply->body = body;
  reply->body_size = size;

  return TRUE;
}

/* The message becomes the one value of the body. */
void
mp_server_reply_error (MpServerReply *reply,
                       MpError        code,
                       const char    *message)
{
  g_autoptr (GByteArray) frame = g_byte_array_new ();

  mp_frame_append (frame, MP_ENCODING_BYTES, message, strlen (message));
  g_free (reply->body);
  reply->status = code + 1;
  reply->body = g_byte_array_steal (frame, &reply->body_size);
}
