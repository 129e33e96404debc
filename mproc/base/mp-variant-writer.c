/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Writes the tree as the serialized form of a GVariant: either boxed in `v` with its canonical
 * type, or as the value of a type that the reader expects.
 *
 * The serialized form can be written from front to back: a container's framing offsets come last
 * and their size depends on what was written before them only. So there is one walk, and no
 * GVariant object. Every container starts at a multiple of its alignment, counted from the start
 * of the output, which is aligned for everything.
 *
 * Where a value does not fit the expected type the error says where: each level on the way back
 * puts its own index or key in front of the message.
 */

#include "config.h"

#include "mproc/base/mp-variant-writer-private.h"

#include "mproc/base/mp-variant-number-private.h"

/* The type string of a parsed type, for messages. */
static void
append_type (MpVariantWriter *self,
             guint32          index,
             GString         *text)
{
  MpVariantType type = self->plain->types[index];

  g_string_append_c (text, type.kind);
  if (type.kind == 'a' || type.kind == 'm')
    append_type (self, type.child, text);
  else if (type.kind == '(' || type.kind == '{')
    {
      index = type.child;
      for (guint32 i = 0; i < type.count; i++, index = self->plain->types[index].next)
        append_type (self, index, text);
      g_string_append_c (text, type.kind == '(' ? ')' : '}');
    }
}

static gboolean
does_not_fit (MpVariantWriter *self,
              MpPlainValue     value,
              guint32          type)
{
  g_autoptr (GString) text = g_string_new (NULL);

  append_type (self, type, text);
  self->misfit = TRUE;
  if (value.kind == MP_PLAIN_INT)
    return mp_plain_fail (self->plain, MP_ERROR_INVALID_DATA,
                          ": %" G_GINT64_FORMAT " does not fit the type “%s”", value.as.i,
                          text->str);

  return mp_plain_fail (self->plain, MP_ERROR_INVALID_DATA, ": %s does not fit the type “%s”",
                        mp_plain_kind_name (value.kind), text->str);
}

/* Puts the place in front of the message of what did not fit there. */
static gboolean
at_index (MpVariantWriter *self,
          gint64           index)
{
  if (self->misfit)
    g_prefix_error (&self->plain->error, "[%" G_GINT64_FORMAT "]", index);
  return FALSE;
}

static gboolean
at_key (MpVariantWriter *self,
        MpPlainValue     key,
        gint64           index)
{
  const char *text;

  if (!self->misfit || key.kind != MP_PLAIN_STR)
    return at_index (self, key.kind == MP_PLAIN_INT ? key.as.i : index);

  text = (const char *) mp_plain_data (self->plain, key);
  g_prefix_error (&self->plain->error, "[\"%.*s\"]", (int) MIN (key.length, 40), text);
  return FALSE;
}

static gboolean
put_number (MpVariantWriter *self,
            MpPlainValue     value,
            guint32          type)
{
  const MpVariantType *layout = &self->plain->types[type];
  guint8 *space = mp_plain_out_take (self->out, layout->fixed);

  if (space == NULL)
    return mp_variant_no_memory (self);
  return mp_variant_store_number (value, layout, space) || does_not_fit (self, value, type);
}

static gboolean
put_text (MpVariantWriter *self,
          MpPlainValue     value,
          guint32          type)
{
  char kind = self->plain->types[type].kind;
  gsize start = self->out->length;
  const char *text;

  if (value.kind != MP_PLAIN_STR || (value.flags & MP_PLAIN_HAS_NUL))
    return does_not_fit (self, value, type);
  if (!mp_variant_put_bytes (self, mp_plain_data (self->plain, value), value.length) ||
      !mp_variant_put_byte (self, 0))
    return FALSE;

  text = (const char *) self->out->data + start;
  if ((kind == 'o' && !g_variant_is_object_path (text)) ||
      (kind == 'g' && !g_variant_is_signature (text)))
    return does_not_fit (self, value, type);

  return TRUE;
}

/* As many values at @values as the tuple or entry has members. */
static gboolean
put_members (MpVariantWriter    *self,
             const MpPlainValue *values,
             guint32             type,
             guint               depth)
{
  MpVariantType tuple = self->plain->types[type];
  gsize start = self->out->length, mark, last;
  guint32 member = tuple.child;

  if (!mp_variant_open_frames (self, tuple.frames, &mark))
    return FALSE;

  /* The offsets of a tuple stand in the order of its end. */
  last = self->n_ends;
  for (guint32 i = 0; i < tuple.count; i++)
    {
      MpVariantType layout = self->plain->types[member];

      if (!mp_variant_pad (self, layout.alignment))
        return FALSE;
      if (!mp_variant_writer_put (self, values[i], member, depth + 1))
        return tuple.kind == '{' ? FALSE : at_index (self, i);
      if (layout.fixed == 0 && i + 1 < tuple.count)
        self->plain->offsets[--last] = self->out->length - start;
      member = layout.next;
    }

  if (tuple.count == 0)
    return mp_variant_put_byte (self, 0);
  if (tuple.fixed != 0)
    return mp_variant_pad (self, tuple.alignment);
  return mp_variant_put_frames (self, start, mark);
}

static gboolean
put_tuple (MpVariantWriter *self,
           MpPlainValue     value,
           guint32          type,
           guint            depth)
{
  MpPlainNode *node = mp_plain_is_container (value) ? mp_plain_node (self->plain, value) : NULL;

  if ((value.kind != MP_PLAIN_LIST && value.kind != MP_PLAIN_TUPLE &&
       value.kind != MP_PLAIN_ARRAY) ||
      node->count != self->plain->types[type].count)
    return does_not_fit (self, value, type);

  return put_members (self, mp_plain_children (self->plain, node), type, depth);
}

/* The elements of an array of numbers, in a row. */
static gboolean
put_numbers (MpVariantWriter *self,
             MpPlainNode     *node,
             guint32          element)
{
  const MpVariantType *layout = &self->plain->types[element];
  guint8 *space;
  gsize misfit;

  if (node->count == 0)
    return TRUE;

  space = mp_plain_out_take (self->out, node->count * layout->fixed);
  if (space == NULL)
    return mp_variant_no_memory (self);
  if (mp_variant_store_numbers (mp_plain_children (self->plain, node), node->count, layout, space,
                                &misfit))
    return TRUE;

  does_not_fit (self, self->plain->values[node->start + misfit], element);
  return at_index (self, misfit);
}

/* The numbers of a vector: as they are, if the array has the same. */
static gboolean
put_vector (MpVariantWriter *self,
            MpPlainValue     value,
            guint32          element,
            guint            depth)
{
  MpVariantType layout = self->plain->types[element];
  gsize start = self->out->length, mark, count;
  MpPlainValue bytes, item;
  const MpVectorType *type = mp_plain_vector (self->plain, value, &bytes);

  if (layout.kind == type->variant)
    return mp_variant_put_bytes (self, mp_plain_data (self->plain, bytes), bytes.length);

  count = bytes.length / type->size;
  if (!mp_variant_open_frames (self, layout.fixed == 0 ? count : 0, &mark))
    return FALSE;

  for (gsize i = 0; i < count; i++)
    {
      if (!mp_plain_vector_item (self->plain, value, i, &item) ||
          !mp_variant_pad (self, layout.alignment))
        return FALSE;
      if (!mp_variant_writer_put (self, item, element, depth + 1))
        return at_index (self, i);
      if (layout.fixed == 0)
        self->plain->offsets[mark + i] = self->out->length - start;
    }

  return mp_variant_put_frames (self, start, mark);
}

/* The elements of any array; @step is 2 if they are the entries of a dict. */
static gboolean
put_elements (MpVariantWriter *self,
              MpPlainNode     *node,
              guint            step,
              guint32          element,
              guint            depth)
{
  MpVariantType layout = self->plain->types[element];
  gsize start = self->out->length, mark;

  if (!mp_variant_open_frames (self, layout.fixed == 0 ? node->count / step : 0, &mark))
    return FALSE;

  for (guint32 i = 0; i < node->count; i += step)
    {
      const MpPlainValue *values = self->plain->values + node->start + i;

      if (!mp_variant_pad (self, layout.alignment))
        return FALSE;
      if (step == 2 && !put_members (self, values, element, depth + 1))
        return at_key (self, values[0], i / 2);
      if (step == 1 && !mp_variant_writer_put (self, values[0], element, depth + 1))
        return at_index (self, i);
      if (layout.fixed == 0)
        self->plain->offsets[mark + i / step] = self->out->length - start;
    }

  return mp_variant_put_frames (self, start, mark);
}

static gboolean
put_array (MpVariantWriter *self,
           MpPlainValue     value,
           guint32          type,
           guint            depth)
{
  MpVariantType array = self->plain->types[type], layout = self->plain->types[array.child];
  gboolean numbers = layout.fixed != 0 && layout.kind != '(' && layout.kind != '{';

  if (value.kind == MP_PLAIN_BYTES && layout.kind == 'y')
    return mp_variant_put_bytes (self, mp_plain_data (self->plain, value), value.length);
  if (!mp_plain_is_container (value) || value.kind == MP_PLAIN_ARRAY ||
      (layout.kind == '{' && value.kind != MP_PLAIN_DICT))
    return does_not_fit (self, value, type);

  if (value.kind == MP_PLAIN_VECTOR)
    return put_vector (self, value, array.child, depth);
  if (array.vardict && mp_canonical (self->plain, value) == MP_CANONICAL_VARDICT)
    return mp_variant_put_vardict (self, mp_plain_node (self->plain, value), depth);
  if (value.kind == MP_PLAIN_DICT)
    return layout.kind == '{' || (layout.kind == '(' && layout.count == 2)
           ? put_elements (self, mp_plain_node (self->plain, value), 2, array.child, depth)
           : does_not_fit (self, value, type);
  if (numbers)
    return put_numbers (self, mp_plain_node (self->plain, value), array.child);
  if (layout.kind == 's' && mp_canonical (self->plain, value) == MP_CANONICAL_STRS)
    return mp_variant_put_strings (self, mp_plain_node (self->plain, value));
  return put_elements (self, mp_plain_node (self->plain, value), 1, array.child, depth);
}

static gboolean
put_maybe (MpVariantWriter *self,
           MpPlainValue     value,
           guint32          type,
           guint            depth)
{
  guint32 child = self->plain->types[type].child;

  if (value.kind == MP_PLAIN_NONE)
    return TRUE;
  if (value.kind == MP_PLAIN_GOBJECT && !self->plain->types[type].extension)
    return does_not_fit (self, value, type);
  if (self->plain->types[type].extension &&
      mp_canonical (self->plain, value) == MP_CANONICAL_EXTENSION)
    return mp_variant_put_extension (self, value, depth);
  if (!mp_variant_writer_put (self, value, child, depth + 1))
    return FALSE;
  return self->plain->types[child].fixed != 0 || mp_variant_put_byte (self, 0);
}

gboolean
mp_variant_writer_put (MpVariantWriter *self,
                       MpPlainValue     value,
                       guint32          type,
                       guint            depth)
{
  if (!mp_variant_check_depth (self, depth))
    return FALSE;

  if (G_UNLIKELY (value.kind == MP_PLAIN_VARIANT && self->plain->types[type].kind != 'v'))
    return mp_variant_writer_put (self, mp_plain_raw_value (self->plain, value), type, depth);
  if (G_UNLIKELY (value.kind == MP_PLAIN_GOBJECT &&
                  strchr ("vm", self->plain->types[type].kind) == NULL))
    return does_not_fit (self, value, type);

  switch (self->plain->types[type].kind)
    {
    case 's':
    case 'o':
    case 'g':
      return put_text (self, value, type);
    case 'v':
      return mp_variant_put_boxed (self, value, depth);
    case 'a':
      return put_array (self, value, type, depth);
    case 'm':
      return put_maybe (self, value, type, depth);
    case '(':
    case '{':
      return put_tuple (self, value, type, depth);
    default:
      return put_number (self, value, type);
    }
}

gboolean
mp_variant_write (MpPlain    *plain,
                  MpPlainOut *out)
{
  MpVariantWriter self = { .plain = plain, .out = out };

  return mp_variant_types_init (plain) && mp_variant_put_boxed (&self, plain->stack[0], 0);
}

/* Writes the value as the definite @type, not boxed. */
gboolean
mp_variant_write_as (MpPlain            *plain,
                     MpPlainOut         *out,
                     const GVariantType *type)
{
  MpVariantWriter self = { .plain = plain, .out = out };
  guint32 index;
  gboolean ok = mp_variant_types_init (plain) &&
                mp_variant_types_parse (plain, g_variant_type_peek_string (type),
                                        g_variant_type_get_string_length (type), &index) &&
                mp_variant_writer_put (&self, plain->stack[0], index, 0);

  if (!ok && self.misfit)
    g_prefix_error (&plain->error, "value");
  return ok;
}
