/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Writes the tree as JSON text, with the "$mp" objects that mp-json-reader.c describes. Tuples
 * become arrays and frozen sets become sets: JavaScript has nothing else to read them into. A
 * date-time keeps its moment to the millisecond, not its zone.
 */

#include "config.h"

#include "mproc/base/mp-json-private.h"

#include <math.h>

typedef struct {
  MpPlain    *plain;
  MpPlainOut *out;
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

static gboolean
put_data (JsonWriter   *self,
          MpPlainValue  value)
{
  return mp_plain_out_text (self->out, "{\"$mp\":[\"bytes\",\"") &&
         mp_json_put_base64 (self->out, mp_plain_data (self->plain, value), value.length) &&
         mp_plain_out_text (self->out, "\"]}");
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
      return put_data (self, value);
    case MP_PLAIN_DATETIME:
      return put_date (self, value);
    case MP_PLAIN_OBJECT:
      return put_object (self, value);
    case MP_PLAIN_LIST:
    case MP_PLAIN_TUPLE:
      return put_array (self, mp_plain_node (self->plain, value));
    case MP_PLAIN_DICT:
      return put_dict (self, mp_plain_node (self->plain, value));
    default:
      return put_set (self, mp_plain_node (self->plain, value));
    }
}

gboolean
mp_json_write (MpPlain    *plain,
               MpPlainOut *out)
{
  JsonWriter self = { plain, out };

  return put (&self, plain->stack[0]) ||
         mp_plain_fail (plain, MP_ERROR_FAILED, "There is no memory for the value");
}
