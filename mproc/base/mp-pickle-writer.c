/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Writes the tree as a Python pickle of protocol 4, which Python 3.4 and later load, or, if there
 * is an array of several dimensions, of protocol 5, which Python 3.8 and later load.
 *
 * There are no frames, which help only a reader of files, and the memo holds nothing but the keys
 * of dicts: rows of a table repeat them, and each then is one object in Python and two bytes here.
 * Two things are written as calls: date-times, of datetime's own classes, and shared objects, of
 * the function by which the library's Python layer opens them.
 */

#include "config.h"

#include "mproc/base/mp-plain-out-private.h"

/* Python's own pickler fills containers in steps of so many. */
#define BATCH 1000

#define KEY_SLOTS 256
#define MAX_KEY 64

enum {
  OP_PROTO = 0x80,
  OP_NONE = 'N',
  OP_TRUE = 0x88,
  OP_FALSE = 0x89,
  OP_BININT = 'J',
  OP_BININT1 = 'K',
  OP_BININT2 = 'M',
  OP_LONG1 = 0x8a,
  OP_LONG4 = 0x8b,
  OP_BINFLOAT = 'G',
  OP_SHORT_TEXT = 0x8c,
  OP_TEXT = 'X',
  OP_SHORT_BYTES = 'C',
  OP_BYTES = 'B',
  OP_BYTEARRAY8 = 0x96,
  OP_MARK = '(',
  OP_EMPTY_LIST = ']',
  OP_APPENDS = 'e',
  OP_EMPTY_TUPLE = ')',
  OP_TUPLE1 = 0x85,
  OP_TUPLE = 't',
  OP_EMPTY_DICT = '}',
  OP_SETITEMS = 'u',
  OP_EMPTY_SET = 0x8f,
  OP_ADDITEMS = 0x90,
  OP_FROZENSET = 0x91,
  OP_MEMOIZE = 0x94,
  OP_BINGET = 'h',
  OP_LONG_BINGET = 'j',
  OP_STACK_GLOBAL = 0x93,
  OP_REDUCE = 'R',
  OP_STOP = '.',
};

typedef struct {
  MpPlainValue key;        /* of kind MP_PLAIN_NONE if the slot is free */
  guint32      memo;
} KeySlot;

typedef struct {
  MpPlain    *plain;
  MpPlainOut *out;
  guint32     n_memo;
  KeySlot     keys[KEY_SLOTS];
} PickleWriter;

static gboolean put (PickleWriter *self, MpPlainValue value);

/* An instruction with @size bytes of @number behind it, little end first. */
static gboolean
put_op (PickleWriter *self,
        guint8        op,
        guint64       number,
        guint         size)
{
  guint8 *space = mp_plain_out_take (self->out, 1 + size);

  if (space == NULL)
    return FALSE;

  *space++ = op;
  for (; size > 0; size--, number >>= 8)
    *space++ = number & 0xff;
  return TRUE;
}

static gboolean
put_int (PickleWriter *self,
         gint64        number)
{
  guint size = 1;

  if (number >= 0 && number <= G_MAXUINT8)
    return put_op (self, OP_BININT1, number, 1);
  if (number >= 0 && number <= G_MAXUINT16)
    return put_op (self, OP_BININT2, number, 2);
  if (number >= G_MININT32 && number <= G_MAXINT32)
    return put_op (self, OP_BININT, number, 4);

  while (size < 8 && number >> (8 * size - 1) != 0 && number >> (8 * size - 1) != -1)
    size++;
  return put_op (self, OP_LONG1, size, 1) && put_op (self, number & 0xff, number >> 8, size - 1);
}

/* Nine bytes: the highest of eight would be the sign. */
static gboolean
put_unsigned (PickleWriter *self,
              guint64       number)
{
  return put_op (self, OP_LONG1, 9, 1) && put_op (self, number & 0xff, number >> 8, 8);
}

static gboolean
put_big (PickleWriter *self,
         MpPlainValue  value)
{
  guint8 bytes[MP_PLAIN_MAX_DIGITS];
  gsize size = mp_decimal_to_long ((const char *) mp_plain_data (self->plain, value),
                                   value.length, bytes);

  return put_op (self, size <= G_MAXUINT8 ? OP_LONG1 : OP_LONG4, size,
                 size <= G_MAXUINT8 ? 1 : 4) &&
         mp_plain_out_bytes (self->out, bytes, size);
}

static gboolean
put_double (PickleWriter *self,
            double        number)
{
  guint64 bits;
  guint8 bytes[9] = { OP_BINFLOAT };

  memcpy (&bits, &number, sizeof bits);
  for (guint i = 8; i > 0; i--, bits >>= 8)
    bytes[i] = bits & 0xff;

  return mp_plain_out_bytes (self->out, bytes, sizeof bytes);
}

static gboolean
put_data (PickleWriter *self,
          MpPlainValue  value,
          guint8        short_op,
          guint8        long_op)
{
  gboolean small = value.length <= G_MAXUINT8;

  return put_op (self, small ? short_op : long_op, value.length, small ? 1 : 4) &&
         mp_plain_out_bytes (self->out, mp_plain_data (self->plain, value), value.length);
}

static gboolean
put_text (PickleWriter *self,
          MpPlainValue  value)
{
  return put_data (self, value, OP_SHORT_TEXT, OP_TEXT);
}

/* A key: by the memo if it was there before. */
static gboolean
put_key (PickleWriter *self,
         MpPlainValue  key)
{
  const guint8 *data;
  guint32 hash = 2166136261u;
  KeySlot *slot;

  if (key.kind != MP_PLAIN_STR || key.length > MAX_KEY)
    return put (self, key);

  data = mp_plain_data (self->plain, key);
  for (guint32 i = 0; i < key.length; i++)
    hash = (hash ^ data[i]) * 16777619u;
  slot = &self->keys[(hash ^ hash >> 15) % KEY_SLOTS];
  if (slot->key.kind == MP_PLAIN_STR && slot->key.length == key.length &&
      memcmp (mp_plain_data (self->plain, slot->key), data, key.length) == 0)
    return slot->memo <= G_MAXUINT8 ? put_op (self, OP_BINGET, slot->memo, 1)
                                    : put_op (self, OP_LONG_BINGET, slot->memo, 4);

  *slot = (KeySlot) { .key = key, .memo = self->n_memo++ };
  return put_text (self, key) && mp_plain_out_byte (self->out, OP_MEMOIZE);
}

/* MARK, the children in batches, and @op that adds each batch to the container before them. */
static gboolean
put_batches (PickleWriter *self,
             MpPlainValue  value,
             guint8        op)
{
  const MpPlainNode *node = mp_plain_node (self->plain, value);
  const MpPlainValue *values = mp_plain_children (self->plain, node);
  gboolean dict = value.kind == MP_PLAIN_DICT;

  for (guint32 i = 0; i < node->count; i++)
    {
      if (i % BATCH == 0 && !mp_plain_out_byte (self->out, OP_MARK))
        return FALSE;
      if (dict && i % 2 == 0 ? !put_key (self, values[i]) : !put (self, values[i]))
        return FALSE;
      if (((i + 1) % BATCH == 0 || i + 1 == node->count) && !mp_plain_out_byte (self->out, op))
        return FALSE;
    }

  return TRUE;
}

static gboolean
put_children (PickleWriter *self,
              MpPlainValue  value)
{
  const MpPlainNode *node = mp_plain_node (self->plain, value);

  for (guint32 i = 0; i < node->count; i++)
    if (!put (self, self->plain->values[node->start + i]))
      return FALSE;

  return TRUE;
}

static gboolean
put_tuple (PickleWriter *self,
           MpPlainValue  value)
{
  guint32 count = mp_plain_node (self->plain, value)->count;

  if (count == 0)
    return mp_plain_out_byte (self->out, OP_EMPTY_TUPLE);
  if (count <= 3)
    return put_children (self, value) && mp_plain_out_byte (self->out, OP_TUPLE1 + count - 1);

  return mp_plain_out_byte (self->out, OP_MARK) && put_children (self, value) &&
         mp_plain_out_byte (self->out, OP_TUPLE);
}

/* datetime.timezone (datetime.timedelta (days, seconds, 0)) */
static gboolean
put_zone (PickleWriter *self,
          gint32        offset)
{
  gint32 days = offset < 0 ? -1 : 0;

  return mp_plain_out_text (self->out, "\x8c\x08" "datetime\x8c\x08" "timezone\x93"
                                       "\x8c\x08" "datetime\x8c\x09" "timedelta\x93") &&
         put_int (self, days) && put_int (self, offset - days * 86400) && put_int (self, 0) &&
         mp_plain_out_text (self->out, "\x87R\x85R");
}

static gboolean
put_datetime (PickleWriter *self,
              MpPlainValue  value)
{
  gint32 offset = (gint32) value.length;
  gint64 local = value.as.i + offset * G_GINT64_CONSTANT (1000000);
  gint64 days = local / G_GINT64_CONSTANT (86400000000);
  int year, month, day, seconds, fraction;

  days -= local - days * G_GINT64_CONSTANT (86400000000) < 0;
  local -= days * G_GINT64_CONSTANT (86400000000);
  mp_days_to_date (days, &year, &month, &day);
  seconds = local / 1000000;
  fraction = local % 1000000;

  return mp_plain_out_text (self->out, "\x8c\x08" "datetime\x8c\x08" "datetime\x93") &&
         put_op (self, OP_SHORT_BYTES, 10, 1) && put_op (self, year >> 8, year, 1) &&
         put_op (self, month, day, 1) && put_op (self, seconds / 3600, seconds / 60 % 60, 1) &&
         put_op (self, seconds % 60, fraction >> 16, 1) &&
         put_op (self, fraction >> 8, fraction, 1) && put_zone (self, offset) &&
         mp_plain_out_text (self->out, "\x86R");
}

/* gi.overrides._MpCodec.open_shared (handle) */
static gboolean
put_object (PickleWriter *self,
            MpPlainValue  value)
{
  return mp_plain_out_text (self->out, "\x8c\x15" "gi.overrides._MpCodec"
                                       "\x8c\x0b" "open_shared\x93") &&
         put_text (self, value) && mp_plain_out_text (self->out, "\x85R");
}

/* gi.overrides._MpCodec.load_object (bytes) */
static gboolean
put_gobject (PickleWriter *self,
             MpPlainValue  bytes)
{
  return mp_plain_out_text (self->out, "\x8c\x15" "gi.overrides._MpCodec"
                                       "\x8c\x0b" "load_object\x93") &&
         put_data (self, bytes, OP_SHORT_BYTES, OP_BYTES) &&
         mp_plain_out_text (self->out, "\x85R");
}

/* array.array (typecode, bytes); Python's arrays have no bools, so these are a list. */
static gboolean
put_vector (PickleWriter *self,
            MpPlainValue  value)
{
  MpPlainValue bytes, item;
  const MpVectorType *type = mp_plain_vector (self->plain, value, &bytes);

  if (type->python != 0)
    return mp_plain_out_text (self->out, "\x8c\x05" "array\x8c\x05" "array\x93\x8c\x01") &&
           mp_plain_out_byte (self->out, type->python) &&
           put_data (self, bytes, OP_SHORT_BYTES, OP_BYTES) &&
           mp_plain_out_text (self->out, "\x86R");

  if (!mp_plain_out_byte (self->out, OP_EMPTY_LIST) || !mp_plain_out_byte (self->out, OP_MARK))
    return FALSE;
  for (gsize i = 0; i < bytes.length / type->size; i++)
    if (!mp_plain_vector_item (self->plain, value, i, &item) || !put (self, item))
      return FALSE;
  return mp_plain_out_byte (self->out, OP_APPENDS);
}

/* numpy.ndarray (shape, name of the type, bytearray), which is an array that can be changed. */
static gboolean
put_ndarray (PickleWriter *self,
             MpPlainValue  value)
{
  const MpPlainValue *parts = mp_plain_parts (self->plain, value);

  return mp_plain_out_text (self->out, "\x8c\x05numpy\x8c\x07ndarray\x93((") &&
         put_children (self, parts[1]) && mp_plain_out_byte (self->out, OP_TUPLE) &&
         put_text (self, parts[0]) && put_op (self, OP_BYTEARRAY8, parts[2].length, 8) &&
         mp_plain_out_bytes (self->out, mp_plain_data (self->plain, parts[2]), parts[2].length) &&
         mp_plain_out_text (self->out, "tR");
}

static gboolean
put (PickleWriter *self,
     MpPlainValue  value)
{
  switch (value.kind)
    {
    case MP_PLAIN_NONE:
      return mp_plain_out_byte (self->out, OP_NONE);
    case MP_PLAIN_BOOL:
      return mp_plain_out_byte (self->out, value.as.i ? OP_TRUE : OP_FALSE);
    case MP_PLAIN_INT:
      return put_int (self, value.as.i);
    case MP_PLAIN_UINT:
      return put_unsigned (self, value.as.u);
    case MP_PLAIN_BIGINT:
      return put_big (self, value);
    case MP_PLAIN_DOUBLE:
      return put_double (self, value.as.d);
    case MP_PLAIN_STR:
      return put_text (self, value);
    case MP_PLAIN_BYTES:
      return put_data (self, value, OP_SHORT_BYTES, OP_BYTES);
    case MP_PLAIN_DATETIME:
      return put_datetime (self, value);
    case MP_PLAIN_OBJECT:
      return put_object (self, value);
    case MP_PLAIN_LIST:
      return mp_plain_out_byte (self->out, OP_EMPTY_LIST) && put_batches (self, value, OP_APPENDS);
    case MP_PLAIN_TUPLE:
      return put_tuple (self, value);
    case MP_PLAIN_DICT:
      return mp_plain_out_byte (self->out, OP_EMPTY_DICT) && put_batches (self, value, OP_SETITEMS);
    case MP_PLAIN_VECTOR:
      return put_vector (self, value);
    case MP_PLAIN_ARRAY:
      return put_ndarray (self, value);
    case MP_PLAIN_VARIANT:
      return put (self, mp_plain_raw_value (self->plain, value));
    case MP_PLAIN_GOBJECT:
      return put_gobject (self, mp_plain_raw_bytes (self->plain, value));
    case MP_PLAIN_SET:
      return mp_plain_out_byte (self->out, OP_EMPTY_SET) && put_batches (self, value, OP_ADDITEMS);
    default:
      return mp_plain_out_byte (self->out, OP_MARK) && put_children (self, value) &&
             mp_plain_out_byte (self->out, OP_FROZENSET);
    }
}

gboolean
mp_pickle_write (MpPlain    *plain,
                 MpPlainOut *out)
{
  PickleWriter self = { .plain = plain, .out = out };

  return (put_op (&self, OP_PROTO, plain->has_arrays ? 5 : 4, 1) && put (&self, plain->stack[0]) &&
          mp_plain_out_byte (out, OP_STOP)) ||
         mp_plain_fail (plain, MP_ERROR_FAILED, "There is no memory for the value");
}
