/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The fuzz target of a manager's two sides, without the socket between them: what the server makes
 * of any requests, and what a client makes of any reply.
 *
 * The input is a row of steps. A step is a method (one byte), five bytes (which object, start, end,
 * version, the encoding wanted), the length of what follows and that. What follows is a frame of
 * values as it is if the method's highest bit is set; else each value is an encoding, a length and
 * bytes, and the frame is made here, so that most requests get as far as the method. The reply to
 * every step is read as a client would; a method of 0xff makes the bytes themselves a reply.
 */

#include "config.h"

#include <stdint.h>

#include "mproc/manager/mp-manager-server-object-private.h"
#include "mproc/manager/mp-manager-values-private.h"

#define RAW 0x80
#define REPLY 0xff
#define HEAD_SIZE 7
#define MAX_STEPS 24
#define MAX_OBJECTS 8

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

typedef struct {
  const uint8_t *at;
  const uint8_t *end;
  GHashTable *held;                 /* as of one connection */
  guint64 objects[MAX_OBJECTS];     /* that were made, by the order of their making */
  guint n_objects;
} Session;

/* ── The client ──────────────────────────────────────────────────────────────────────────────── */

static void
check_read (gboolean      success,
            const GError *error)
{
  g_assert_true (success == (error == NULL));
  if (!success)
    g_assert_true (error->domain == MP_ERROR && g_utf8_validate (error->message, -1, NULL));
}

static void
read_as_content (MpObjectType  type,
                 gconstpointer frame,
                 gsize         size)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GError) print_error = NULL;
  g_autoptr (GVariant) content = mp_values_get_content (type, frame, size, &error);
  g_autofree char *text = mp_values_print (type, frame, size, &print_error);

  check_read (content != NULL, error);
  check_read (text != NULL, print_error);
  if (content != NULL)
    g_free (g_variant_print (content, TRUE));
}

static void
read_reply (gconstpointer frame,
            gsize         size)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GError) json_error = NULL;
  g_autoptr (GVariant) first = NULL;
  g_autofree char *json = NULL;
  guint32 count;

  if (!mp_frame_check (frame, size, &count))
    return;

  read_as_content (MP_OBJECT_LIST, frame, size);
  read_as_content (MP_OBJECT_DICT, frame, size);
  first = mp_values_get (frame, size, 0, &error);
  check_read (first != NULL, error);
  json = mp_values_to_json (frame, size, &json_error);
  check_read (json != NULL, json_error);

  for (MpEncoding wanted = MP_ENCODING_VARIANT; wanted <= MP_ENCODING_BYTES; wanted++)
    {
      g_autoptr (GError) convert_error = NULL;
      g_autoptr (GByteArray) converted = mp_values_convert (frame, size, wanted, &convert_error);

      check_read (converted != NULL, convert_error);
      if (converted != NULL)
        {
          guint32 n_converted;

          g_assert_true (mp_frame_check (converted->data, converted->len, &n_converted));
          g_assert_cmpuint (n_converted, ==, count);
        }
    }
}

/* ── The server ──────────────────────────────────────────────────────────────────────────────── */

/* A frame of the values that the input describes shortly. */
static GByteArray *
make_frame (const uint8_t *data,
            gsize          size)
{
  GByteArray *frame = g_byte_array_new ();
  gsize at = 0;

  while (at + 2 <= size)
    {
      gsize length = MIN (data[at + 1], size - at - 2);

      mp_frame_append (frame, MP_ENCODING_VARIANT + data[at] % 4, data + at + 2, length);
      at += 2 + length;
    }

  return frame;
}

static void
call (Session                *self,
      const MpManagerRequest *request,
      const guint8           *body)
{
  MpServerReply reply = { 0 };

  mp_server_objects_call (request, body, self->held, &reply);
  g_assert_cmpuint (reply.status, <=, MP_ERROR_BROKEN + 1);
  if (request->method == MP_METHOD_CREATE && reply.status == 0)
    self->objects[self->n_objects++ % MAX_OBJECTS] = (guint64) reply.number;
  read_reply (reply.body, reply.body_size);

  g_clear_pointer (&reply.shared, g_ptr_array_unref);
  g_free (reply.body);
}

static void
step (Session *self)
{
  const uint8_t *head = self->at;
  gsize size = MIN ((gsize) head[6] * 2, (gsize) (self->end - head) - HEAD_SIZE);
  const uint8_t *body = head + HEAD_SIZE;
  MpManagerRequest request = {
    .object = head[1] < MAX_OBJECTS ? self->objects[head[1]] : head[1],
    .start = (gint8) head[2],
    .end = head[3] == 0 ? MP_MANAGER_END : (gint8) head[3],
    .version = head[4],
    .method = head[0] & ~RAW,
    .wanted = head[5] % 8,
  };

  self->at = body + size;
  if (head[0] == REPLY)
    read_reply (body, size);
  else if (head[0] & RAW)
    {
      request.body_size = size;
      call (self, &request, body);
    }
  else
    {
      g_autoptr (GByteArray) frame = make_frame (body, size);

      request.body_size = frame->len;
      call (self, &request, frame->data);
    }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data,
                        size_t         size)
{
  Session self = { .at = data, .end = data + size };

  self.held = mp_server_held_new ();
  for (guint i = 0; i < MAX_STEPS && self.end - self.at >= HEAD_SIZE; i++)
    step (&self);
  mp_server_held_free (self.held);
  mp_server_objects_free ();

  return 0;
}
