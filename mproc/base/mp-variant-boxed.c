/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Writes values with the type that they canonically have: what stands in a `v`, and in the dicts
 * and lists of such. This is the way that nearly all values take, so what is common is done
 * without a look at the table of types; mp-variant-writer.c would write the same bytes.
 */

#include "config.h"

#include "mproc/base/mp-variant-writer-private.h"

/* A string key with the padding around it; *@end is where it ends in its entry. */
static inline gboolean
put_key (MpVariantWriter *self,
         MpPlainValue     key,
         gsize           *end)
{
  gsize padding = -(gsize) (key.length + 1) & 7;
  guint8 *space = mp_variant_take (self, 8, key.length + 1 + padding);

  if (space == NULL)
    return FALSE;

  memcpy (space, mp_plain_data (self->plain, key), key.length);
  for (gsize i = 0; i <= padding; i++)
    space[key.length + i] = 0;
  *end = key.length + 1;
  return TRUE;
}

/* The one framing offset of an entry of @size bytes. */
static inline gboolean
put_end (MpVariantWriter *self,
         gsize            end,
         gsize            size)
{
  guint width = mp_variant_choose_offset_size (size, 1);
  guint8 *space = mp_plain_out_take (self->out, width);

  if (space == NULL)
    return mp_variant_no_memory (self);

  mp_variant_store_frames (space, &end, 1, width);
  return TRUE;
}

/* The entries of a dict whose canonical type is a{sv}: what put_elements() writes, only faster. */
gboolean
mp_variant_put_vardict (MpVariantWriter *self,
                        MpPlainNode     *node,
                        guint            depth)
{
  gsize start = self->out->length, mark, key_end;
  guint32 first = node->start, count = node->count;

  if (!mp_variant_open_frames (self, count / 2, &mark))
    return FALSE;

  for (guint32 i = 0; i < count; i += 2)
    {
      const MpPlainValue *values = self->plain->values + first + i;
      gsize entry = mp_variant_align (self->out->length, 8);

      if (!put_key (self, values[0], &key_end) ||
          !mp_variant_put_boxed (self, values[1], depth + 2) ||
          !put_end (self, key_end, self->out->length - entry))
        return FALSE;
      self->plain->offsets[mark + i / 2] = self->out->length - start;
    }

  return mp_variant_put_frames (self, start, mark);
}

/* The elements of a list whose canonical type is as. */
gboolean
mp_variant_put_strings (MpVariantWriter *self,
                        MpPlainNode     *node)
{
  gsize start = self->out->length, mark;

  if (!mp_variant_open_frames (self, node->count, &mark))
    return FALSE;

  for (guint32 i = 0; i < node->count; i++)
    {
      MpPlainValue text = self->plain->values[node->start + i];

      if (!mp_variant_put_bytes (self, mp_plain_data (self->plain, text), text.length) ||
          !mp_variant_put_byte (self, 0))
        return FALSE;
      self->plain->offsets[mark + i] = self->out->length - start;
    }

  return mp_variant_put_frames (self, start, mark);
}

/* The tag of the extension that holds the value, and the type inside. */
static const char *
extension_of (MpPlainValue value,
              MpCanonical *inner)
{
  *inner = MP_CANONICAL_LIST;
  switch (value.kind)
    {
    case MP_PLAIN_TUPLE:
      return "mp.tuple";
    case MP_PLAIN_SET:
      return "mp.set";
    case MP_PLAIN_FROZENSET:
      return "mp.frozenset";
    case MP_PLAIN_DICT:
      *inner = MP_CANONICAL_PAIRS;
      return "mp.dict";
    case MP_PLAIN_STR:
      *inner = MP_CANONICAL_BYTES;
      return "mp.str";
    case MP_PLAIN_DATETIME:
      *inner = MP_CANONICAL_STR;
      return "mp.datetime";
    case MP_PLAIN_OBJECT:
      *inner = MP_CANONICAL_STR;
      return "mp.object";
    case MP_PLAIN_ARRAY:
      *inner = MP_CANONICAL_PARTS;
      return "mp.ndarray";
    default:
      *inner = MP_CANONICAL_STR;
      return "mp.int";
    }
}

/* What stands inside an extension, without its type. */
static gboolean
put_inner (MpVariantWriter *self,
           MpPlainValue     value,
           MpCanonical      inner,
           guint            depth)
{
  char text[MP_ISO8601_SIZE];

  if (value.kind == MP_PLAIN_DATETIME)
    return mp_variant_put_bytes (self, text, mp_plain_iso8601 (value, text)) &&
           mp_variant_put_byte (self, 0);
  if (!mp_plain_is_container (value))
    return mp_variant_put_bytes (self, mp_plain_data (self->plain, value), value.length) &&
           (inner == MP_CANONICAL_BYTES || mp_variant_put_byte (self, 0));
  return mp_variant_writer_put (self, value, self->plain->canonical[inner], depth);
}

/* The bytes that a value had as a `v`, up to the last @less. */
static gboolean
put_raw (MpVariantWriter *self,
         MpPlainValue     value,
         gsize            less,
         guint            depth)
{
  MpPlainValue bytes = mp_plain_raw_bytes (self->plain, value);

  return mp_variant_check_depth (self, depth + bytes.extra) &&
         mp_variant_put_bytes (self, mp_plain_data (self->plain, bytes), bytes.length - less);
}

/* Just ("mp.tag", <inner>) of the type m(sv). */
gboolean
mp_variant_put_extension (MpVariantWriter *self,
                          MpPlainValue     value,
                          guint            depth)
{
  gsize start = self->out->length, tag_end;
  MpCanonical inner;
  const char *tag = extension_of (value, &inner);

  if (value.kind == MP_PLAIN_GOBJECT)
    return put_raw (self, value, strlen ("m(sv)") + 1, depth);

  tag_end = strlen (tag) + 1;
  return mp_variant_put_bytes (self, tag, tag_end) && mp_variant_pad (self, 8) &&
         put_inner (self, value, inner, depth + 3) && mp_variant_put_byte (self, 0) &&
         mp_variant_put_bytes (self, mp_canonical_strings[inner], mp_canonical_lengths[inner]) &&
         put_end (self, tag_end, self->out->length - start) && mp_variant_put_byte (self, 0);
}

/* A tuple, whose type is its own. */
static gboolean
put_boxed_tuple (MpVariantWriter *self,
                 MpPlainValue     value,
                 guint            depth)
{
  gsize mark = self->plain->n_types, length;
  const char *text = mp_canonical_string (self->plain, value, MP_CANONICAL_TUPLE, &length);
  guint32 type;

  if (!mp_variant_types_parse (self->plain, text, length, &type) ||
      !mp_variant_writer_put (self, value, type, depth + 1))
    return FALSE;

  self->plain->n_types = mark;
  text = mp_canonical_string (self->plain, value, MP_CANONICAL_TUPLE, &length);
  return mp_variant_put_byte (self, 0) && mp_variant_put_bytes (self, text, length);
}

/* A number or nothing with its type; the output is aligned for it. */
static inline gboolean
put_boxed_scalar (MpVariantWriter *self,
                  const void      *bytes,
                  gsize            size,
                  MpCanonical      canonical)
{
  gsize length = mp_canonical_lengths[canonical];
  guint8 *space = mp_plain_out_take (self->out, size + 1 + length);

  if (space == NULL)
    return mp_variant_no_memory (self);

  memcpy (space, bytes, size);
  space[size] = 0;
  memcpy (space + size + 1, mp_canonical_strings[canonical], length);
  return TRUE;
}

static inline gboolean
put_boxed_string (MpVariantWriter *self,
                  MpPlainValue     text)
{
  guint8 *space = mp_plain_out_take (self->out, (gsize) text.length + 3);

  if (space == NULL)
    return mp_variant_no_memory (self);

  memcpy (space, mp_plain_data (self->plain, text), text.length);
  memcpy (space + text.length, "\0\0s", 3);
  return TRUE;
}

static gboolean
put_boxed_container (MpVariantWriter *self,
                     MpPlainValue     value,
                     guint            depth)
{
  MpCanonical canonical = mp_canonical (self->plain, value);
  gboolean ok;

  if (canonical == MP_CANONICAL_UNKNOWN)
    return FALSE;
  if (canonical == MP_CANONICAL_TUPLE)
    return put_boxed_tuple (self, value, depth);
  if (canonical == MP_CANONICAL_VARIANT)
    return put_raw (self, value, 0, depth);

  if (canonical == MP_CANONICAL_EXTENSION)
    ok = mp_variant_put_extension (self, value, depth + 1);
  else if (canonical == MP_CANONICAL_VARDICT)
    ok = mp_variant_put_vardict (self, mp_plain_node (self->plain, value), depth + 1);
  else
    ok = mp_variant_writer_put (self, value, self->plain->canonical[canonical], depth + 1);

  return ok && mp_variant_put_byte (self, 0) &&
         mp_variant_put_bytes (self, mp_canonical_strings[canonical],
                               mp_canonical_lengths[canonical]);
}

/* The value with its canonical type, as the content of a `v`. */
gboolean
mp_variant_put_boxed (MpVariantWriter *self,
                      MpPlainValue     value,
                      guint            depth)
{
  if (!mp_variant_check_depth (self, depth + 1))
    return FALSE;

  switch (value.kind)
    {
    case MP_PLAIN_NONE:
      return put_boxed_scalar (self, "", 0, MP_CANONICAL_NONE);
    case MP_PLAIN_BOOL:
      return put_boxed_scalar (self, &(guint8) { value.as.i != 0 }, 1, MP_CANONICAL_BOOL);
    case MP_PLAIN_INT:
      return put_boxed_scalar (self, &value.as.i, 8, MP_CANONICAL_INT);
    case MP_PLAIN_UINT:
      return put_boxed_scalar (self, &value.as.u, 8, MP_CANONICAL_UINT);
    case MP_PLAIN_DOUBLE:
      return put_boxed_scalar (self, &value.as.d, 8, MP_CANONICAL_DOUBLE);
    case MP_PLAIN_STR:
      return value.flags & MP_PLAIN_HAS_NUL ? put_boxed_container (self, value, depth)
                                            : put_boxed_string (self, value);
    default:
      return put_boxed_container (self, value, depth);
    }
}
