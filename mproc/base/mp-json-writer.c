/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Writes the tree as JSON text, with the "$mp" objects that mp-json-reader.c describes. Tuples
 * become arrays and frozen sets become sets: JavaScript has nothing else to read them into. A
 * date-time keeps its moment to the millisecond, not its zone. Long bytes are attached behind the
 * text; until it is complete they wait on the stack of the tree, above the value.
 */

#include "config.h"

#include "mproc/base/mp-json-private.h"

#include <math.h>

typedef struct {
  MpPlain    *plain;
  MpPlainOut *out;
  gsize       attached;     /* bytes up to the end of the last piece */
} JsonWriter;

static gboolean put (JsonWriter *self, MpPlainValue value);

/* What ends a run of characters that stand for themselves. */
static inline gboolean
is_special (guint8 c)
{
  return c < 0x20 || c == '"' || c == '\\';
}

static gboolean
put_escape (MpPlainOut *out,
            guint8      c)
{
  static const char hex[] = "0123456789abcdef";
  char text[] = "\\u0000";

  if (c == '"' || c == '\\')
    return mp_plain_out_byte (out, '\\') && mp_plain_out_byte (out, c);
  if (c == '\n')
    return mp_plain_out_text (out, "\\n");

  text[4] = hex[c >> 4];
  text[5] = hex[c & 15];
  return mp_plain_out_bytes (out, text, 6);
}

static gboolean
put_string (JsonWriter   *self,
            MpPlainValue  value)
{
  const guint8 *text = mp_plain_data (self->plain, value);
  gsize from = 0;

  if (!mp_plain_out_byte (self->out, '"'))
    return FALSE;

  for (gsize i = 0; i <= value.length; i++)
    {
      if (i < value.length && !is_special (text[i]))
        continue;
      if (!mp_plain_out_bytes (self->out, text + from, i - from) ||
          (i < value.length && !put_escape (self->out, text[i])))
        return FALSE;
      from = i + 1;
    }

  return mp_plain_out_byte (self->out, '"');
}

static gboolean
put_integer (JsonWriter   *self,
             MpPlainValue  value)
{
  gboolean negative = value.kind == MP_PLAIN_INT && value.as.i < 0;
  guint64 magnitude = negative ? -value.as.u : value.as.u;

  if (magnitude < (guint64) MP_JSON_SAFE)
    return mp_json_put_integer (self->out, magnitude, negative);

  return mp_plain_out_text (self->out, "{\"$mp\":[\"int\",\"") &&
         mp_json_put_integer (self->out, magnitude, negative) &&
         mp_plain_out_text (self->out, "\"]}");
}

static gboolean
put_big_integer (JsonWriter   *self,
                 MpPlainValue  value)
{
  return mp_plain_out_text (self->out, "{\"$mp\":[\"int\",\"") &&
         mp_plain_out_bytes (self->out, mp_plain_data (self->plain, value), value.length) &&
         mp_plain_out_text (self->out, "\"]}");
}

static gboolean
put_double (JsonWriter *self,
            double      number)
{
  if (isnan (number))
    return mp_plain_out_text (self->out, "{\"$mp\":[\"float\",\"nan\"]}");
  if (isinf (number) && number > 0)
    return mp_plain_out_text (self->out, "{\"$mp\":[\"float\",\"inf\"]}");
  if (isinf (number))
    return mp_plain_out_text (self->out, "{\"$mp\":[\"float\",\"-inf\"]}");

  return mp_json_put_double (self->out, number);
}

/* Where the bytes will be attached. */
static gboolean
put_place (JsonWriter   *self,
           MpPlainValue  bytes)
{
  gsize start = MP_JSON_ALIGN (self->attached);

  self->attached = start + bytes.length;
  return mp_plain_push (self->plain, bytes) && mp_plain_out_byte (self->out, '[') &&
         mp_json_put_integer (self->out, start, FALSE) && mp_plain_out_byte (self->out, ',') &&
         mp_json_put_integer (self->out, bytes.length, FALSE) && mp_plain_out_byte (self->out, ']');
}

/* {"$mp":["tag",<bytes>]} */
static gboolean
put_data (JsonWriter   *self,
          const char   *tag,
          MpPlainValue  bytes)
{
  if (!mp_plain_out_text (self->out, "{\"$mp\":[\"") ||
      !mp_plain_out_bytes (self->out, tag, strlen (tag)) ||
      !mp_plain_out_text (self->out, "\","))
    return FALSE;

  if (bytes.length >= MP_JSON_ATTACH && !self->plain->flat)
    return put_place (self, bytes) && mp_plain_out_text (self->out, "]}");

  return mp_plain_out_byte (self->out, '"') &&
         mp_json_put_base64 (self->out, mp_plain_data (self->plain, bytes), bytes.length) &&
         mp_plain_out_text (self->out, "\"]}");
}

/* As a typed array. JavaScript has none of bools: these are an array. */
static gboolean
put_vector (JsonWriter   *self,
            MpPlainValue  value)
{
  MpPlainValue bytes, item;
  const MpVectorType *type = mp_plain_vector (self->plain, value, &bytes);

  if (type->json != NULL)
    return put_data (self, type->json, bytes);

  if (!mp_plain_out_byte (self->out, '['))
    return FALSE;
  for (gsize i = 0; i < bytes.length / type->size; i++)
    if ((i > 0 && !mp_plain_out_byte (self->out, ',')) ||
        !mp_plain_vector_item (self->plain, value, i, &item) || !put (self, item))
      return FALSE;
  return mp_plain_out_byte (self->out, ']');
}

static gboolean
put_date (JsonWriter   *self,
          MpPlainValue  value)
{
  gint64 ms = value.as.i / 1000 - (value.as.i % 1000 < 0);

  return mp_plain_out_text (self->out, "{\"$mp\":[\"date\",") &&
         mp_json_put_integer (self->out, ms < 0 ? -(guint64) ms : (guint64) ms, ms < 0) &&
         mp_plain_out_text (self->out, "]}");
}

static gboolean
put_object (JsonWriter   *self,
            MpPlainValue  value)
{
  return mp_plain_out_text (self->out, "{\"$mp\":[\"object\",") && put_string (self, value) &&
         mp_plain_out_text (self->out, "]}");
}

static gboolean
put_array (JsonWriter        *self,
           const MpPlainNode *node)
{
  if (!mp_plain_out_byte (self->out, '['))
    return FALSE;

  for (guint32 i = 0; i < node->count; i++)
    if ((i > 0 && !mp_plain_out_byte (self->out, ',')) ||
        !put (self, self->plain->values[node->start + i]))
      return FALSE;

  return mp_plain_out_byte (self->out, ']');
}

static gboolean
put_set (JsonWriter        *self,
         const MpPlainNode *node)
{
  return mp_plain_out_text (self->out, "{\"$mp\":[\"set\",") && put_array (self, node) &&
         mp_plain_out_text (self->out, "]}");
}

static gboolean
put_pairs (JsonWriter        *self,
           const MpPlainNode *node)
{
  for (guint32 i = 0; i < node->count; i += 2)
    {
      const MpPlainValue *pair = self->plain->values + node->start + i;

      if ((i > 0 && !mp_plain_out_byte (self->out, ',')) ||
          !mp_plain_out_byte (self->out, '[') || !put (self, pair[0]) ||
          !mp_plain_out_byte (self->out, ',') || !put (self, pair[1]) ||
          !mp_plain_out_byte (self->out, ']'))
        return FALSE;
    }

  return mp_plain_out_text (self->out, "]]}");
}

static gboolean
put_members (JsonWriter        *self,
             const MpPlainNode *node)
{
  if (!mp_plain_out_byte (self->out, '{'))
    return FALSE;

  for (guint32 i = 0; i < node->count; i += 2)
    {
      const MpPlainValue *pair = self->plain->values + node->start + i;

      if ((i > 0 && !mp_plain_out_byte (self->out, ',')) || !put_string (self, pair[0]) ||
          !mp_plain_out_byte (self->out, ':') || !put (self, pair[1]))
        return FALSE;
    }

  return mp_plain_out_byte (self->out, '}');
}

/* An object if all keys are strings, and none is the mark itself; else a map or a list of pairs. */
static gboolean
put_dict (JsonWriter        *self,
          const MpPlainNode *node)
{
  gboolean marked = FALSE;

  for (guint32 i = 0; i < node->count; i += 2)
    {
      MpPlainValue key = self->plain->values[node->start + i];

      if (key.kind != MP_PLAIN_STR)
        return mp_plain_out_text (self->out, "{\"$mp\":[\"map\",[") && put_pairs (self, node);
      marked = marked || (key.length == strlen (MP_JSON_MARK) &&
                          memcmp (mp_plain_data (self->plain, key), MP_JSON_MARK,
                                  key.length) == 0);
    }

  return marked ? mp_plain_out_text (self->out, "{\"$mp\":[\"object\",[") &&
                  put_pairs (self, node)
                : put_members (self, node);
}

static gboolean
put (JsonWriter   *self,
     MpPlainValue  value)
{
  switch (value.kind)
    {
    case MP_PLAIN_NONE:
      return mp_plain_out_text (self->out, "null");
    case MP_PLAIN_BOOL:
      return value.as.i ? mp_plain_out_text (self->out, "true")
                        : mp_plain_out_text (self->out, "false");
    case MP_PLAIN_INT:
    case MP_PLAIN_UINT:
      return put_integer (self, value);
    case MP_PLAIN_BIGINT:
      return put_big_integer (self, value);
    case MP_PLAIN_DOUBLE:
      return put_double (self, value.as.d);
    case MP_PLAIN_STR:
      return put_string (self, value);
    case MP_PLAIN_BYTES:
      return put_data (self, "bytes", value);
    case MP_PLAIN_DATETIME:
      return put_date (self, value);
    case MP_PLAIN_OBJECT:
      return put_object (self, value);
    case MP_PLAIN_LIST:
    case MP_PLAIN_TUPLE:
      return put_array (self, mp_plain_node (self->plain, value));
    case MP_PLAIN_DICT:
      return put_dict (self, mp_plain_node (self->plain, value));
    case MP_PLAIN_VARIANT:
      return put (self, mp_plain_raw_value (self->plain, value));
    case MP_PLAIN_GOBJECT:
      return put_data (self, "variant", mp_plain_raw_bytes (self->plain, value));
    case MP_PLAIN_VECTOR:
      return put_vector (self, value);
    case MP_PLAIN_ARRAY:
      return mp_plain_fail (self->plain, MP_ERROR_NOT_PLAIN,
                            "An array of other than one dimension, which JavaScript does not have");
    default:
      return put_set (self, mp_plain_node (self->plain, value));
    }
}

/* Zeros up to the next piece. */
static gboolean
align (MpPlainOut *out)
{
  static const char zeros[8];

  return mp_plain_out_bytes (out, zeros, MP_JSON_ALIGN (out->length) - out->length);
}

/* A NUL and the pieces, if there are any. */
static gboolean
put_pieces (JsonWriter *self)
{
  if (self->plain->n_stack == 1)
    return TRUE;
  if (!mp_plain_out_byte (self->out, '\0'))
    return FALSE;

  for (gsize i = 1; i < self->plain->n_stack; i++)
    {
      MpPlainValue bytes = self->plain->stack[i];

      if (!align (self->out) ||
          !mp_plain_out_bytes (self->out, mp_plain_data (self->plain, bytes), bytes.length))
        return FALSE;
    }

  self->plain->n_stack = 1;
  return TRUE;
}

gboolean
mp_json_write (MpPlain    *plain,
               MpPlainOut *out)
{
  JsonWriter self = { .plain = plain, .out = out };

  return (put (&self, plain->stack[0]) && put_pieces (&self)) ||
         mp_plain_fail (plain, MP_ERROR_FAILED, "There is no memory for the value");
}
