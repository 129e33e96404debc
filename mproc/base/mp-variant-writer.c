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

#include "mproc/base/mp-plain-out-private.h"
#include "mproc/base/mp-variant-canonical-private.h"
#include "mproc/base/mp-variant-type-private.h"

/* GVariant counts the levels of the type below too; a few less than its limit is safe. */
#define MAX_WRITE_DEPTH (MP_VARIANT_MAX_DEPTH - 2)

typedef struct {
  MpPlain        *plain;
  MpPlainOut     *out;
  MpVariantTypes  types;
  guint32         canonical[MP_N_CANONICAL];   /* parsed when first needed; 0 before */
  gsize          *ends;      /* of the elements written so far, for each open container */
  gsize           n_ends;
  gsize           ends_room;
  gboolean        misfit;    /* the error is about the expected type, and wants its place */
} VariantWriter;

static gboolean put (VariantWriter *self, MpPlainValue value, guint32 type, guint depth);
static gboolean put_boxed (VariantWriter *self, MpPlainValue value, guint depth);
static gboolean put_extension (VariantWriter *self, MpPlainValue value, guint depth);

static gboolean
no_memory (VariantWriter *self)
{
  return mp_plain_fail (self->plain, MP_ERROR_FAILED, "There is no memory for the value");
}

/* The type string of a parsed type, for messages. */
static void
append_type (VariantWriter *self,
             guint32        index,
             GString       *text)
{
  MpVariantType type = self->types.types[index];

  g_string_append_c (text, type.kind);
  if (type.kind == 'a' || type.kind == 'm')
    append_type (self, type.child, text);
  else if (type.kind == '(' || type.kind == '{')
    {
      index = type.child;
      for (guint32 i = 0; i < type.count; i++, index = self->types.types[index].next)
        append_type (self, index, text);
      g_string_append_c (text, type.kind == '(' ? ')' : '}');
    }
}

static gboolean
does_not_fit (VariantWriter *self,
              MpPlainValue   value,
              guint32        type)
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
at_index (VariantWriter *self,
          gint64         index)
{
  if (self->misfit)
    g_prefix_error (&self->plain->error, "[%" G_GINT64_FORMAT "]", index);
  return FALSE;
}

static gboolean
at_key (VariantWriter *self,
        MpPlainValue   key,
        gint64         index)
{
  const char *text;

  if (!self->misfit || key.kind != MP_PLAIN_STR)
    return at_index (self, key.kind == MP_PLAIN_INT ? key.as.i : index);

  text = (const char *) mp_plain_data (self->plain, key);
  g_prefix_error (&self->plain->error, "[\"%.*s\"]", (int) MIN (key.length, 40), text);
  return FALSE;
}

static gboolean
pad (VariantWriter *self,
     guint          alignment)
{
  gsize padding = mp_variant_align (self->out->length, alignment) - self->out->length;
  guint8 *space;

  if (padding == 0)
    return TRUE;

  space = mp_plain_out_take (self->out, padding);
  if (space == NULL)
    return no_memory (self);
  memset (space, 0, padding);
  return TRUE;
}

static gboolean
put_byte (VariantWriter *self,
          guint8         byte)
{
  return mp_plain_out_byte (self->out, byte) || no_memory (self);
}

static gboolean
put_bytes (VariantWriter *self,
           gconstpointer  data,
           gsize          length)
{
  return mp_plain_out_bytes (self->out, data, length) || no_memory (self);
}

static gboolean
push_end (VariantWriter *self,
          gsize          start)
{
  if (self->n_ends == self->ends_room &&
      !mp_plain_grow (self->plain, &self->ends, &self->ends_room, self->n_ends + 1,
                      sizeof (gsize)))
    return FALSE;

  self->ends[self->n_ends++] = self->out->length - start;
  return TRUE;
}

/* Writes the framing offsets pushed since @mark, of a container that began at @start. */
static gboolean
put_frames (VariantWriter *self,
            gsize          start,
            gsize          mark,
            gboolean       reverse)
{
  gsize count = self->n_ends - mark;
  guint width = mp_variant_choose_offset_size (self->out->length - start, count);
  guint8 *space = count > 0 ? mp_plain_out_take (self->out, count * width) : NULL;

  if (count > 0 && space == NULL)
    return no_memory (self);

  for (gsize i = 0; i < count; i++, space += width)
    {
      guint64 end = self->ends[reverse ? self->n_ends - 1 - i : mark + i];

#if G_BYTE_ORDER == G_BIG_ENDIAN
      end <<= 64 - 8 * width;
#endif
      memcpy (space, &end, width);
    }

  self->n_ends = mark;
  return TRUE;
}

/* Whether an integer is in the range of the type; *@bits are then its low bytes. */
static gboolean
integer_fits (MpPlainValue  value,
              char          kind,
              guint64      *bits)
{
  gint64 i = value.as.i;

  *bits = value.as.u;
  if (value.kind == MP_PLAIN_UINT)
    return kind == 't';
  if (value.kind != MP_PLAIN_INT)
    return FALSE;

  switch (kind)
    {
    case 'y':
      return i >= 0 && i <= G_MAXUINT8;
    case 'n':
      return i >= G_MININT16 && i <= G_MAXINT16;
    case 'q':
      return i >= 0 && i <= G_MAXUINT16;
    case 'i':
      return i >= G_MININT32 && i <= G_MAXINT32;
    case 'u':
      return i >= 0 && i <= G_MAXUINT32;
    case 'x':
      return TRUE;
    case 't':
      return i >= 0;
    default:
      return FALSE;
    }
}

/* Whether the number is one that a double holds exactly. */
static gboolean
double_fits (MpPlainValue  value,
             double       *number)
{
  const double limit = 18446744073709551616.0;

  if (value.kind == MP_PLAIN_DOUBLE)
    *number = value.as.d;
  else if (value.kind == MP_PLAIN_INT)
    *number = value.as.i;
  else if (value.kind == MP_PLAIN_UINT)
    *number = value.as.u;

  if (value.kind == MP_PLAIN_INT)
    return *number < limit / 2 && (gint64) *number == value.as.i;
  if (value.kind == MP_PLAIN_UINT)
    return *number < limit && (guint64) *number == value.as.u;
  return value.kind == MP_PLAIN_DOUBLE;
}

/* Stores a number of a basic type at @target. */
static gboolean
store_number (VariantWriter *self,
              MpPlainValue   value,
              guint32        type,
              guint8        *target)
{
  const MpVariantType *layout = &self->types.types[type];
  guint64 bits;
  double number = 0;

  if (layout->kind == 'd')
    {
      if (!double_fits (value, &number))
        return does_not_fit (self, value, type);
      memcpy (target, &number, sizeof number);
      return TRUE;
    }
  if (layout->kind == 'b')
    {
      *target = value.as.i;
      return value.kind == MP_PLAIN_BOOL || does_not_fit (self, value, type);
    }

  if (!integer_fits (value, layout->kind, &bits))
    return does_not_fit (self, value, type);
#if G_BYTE_ORDER == G_BIG_ENDIAN
  bits <<= 64 - 8 * layout->fixed;
#endif
  memcpy (target, &bits, layout->fixed);
  return TRUE;
}

static gboolean
put_number (VariantWriter *self,
            MpPlainValue   value,
            guint32        type)
{
  guint8 *space = mp_plain_out_take (self->out, self->types.types[type].fixed);

  return space != NULL ? store_number (self, value, type, space) : no_memory (self);
}

static gboolean
put_text (VariantWriter *self,
          MpPlainValue   value,
          guint32        type)
{
  char kind = self->types.types[type].kind;
  gsize start = self->out->length;
  const char *text;

  if (value.kind != MP_PLAIN_STR || (value.flags & MP_PLAIN_HAS_NUL))
    return does_not_fit (self, value, type);
  if (!put_bytes (self, mp_plain_data (self->plain, value), value.length) || !put_byte (self, 0))
    return FALSE;

  text = (const char *) self->out->data + start;
  if ((kind == 'o' && !g_variant_is_object_path (text)) ||
      (kind == 'g' && !g_variant_is_signature (text)))
    return does_not_fit (self, value, type);

  return TRUE;
}

/* As many values at @values as the tuple or entry has members. */
static gboolean
put_members (VariantWriter      *self,
             const MpPlainValue *values,
             guint32             type,
             guint               depth)
{
  MpVariantType tuple = self->types.types[type];
  gsize start = self->out->length, mark = self->n_ends;
  guint32 member = tuple.child;

  for (guint32 i = 0; i < tuple.count; i++)
    {
      MpVariantType layout = self->types.types[member];

      if (!pad (self, layout.alignment))
        return FALSE;
      if (!put (self, values[i], member, depth + 1))
        return tuple.kind == '{' ? FALSE : at_index (self, i);
      if (layout.fixed == 0 && i + 1 < tuple.count && !push_end (self, start))
        return FALSE;
      member = layout.next;
    }

  if (tuple.count == 0)
    return put_byte (self, 0);
  if (tuple.fixed != 0)
    return pad (self, tuple.alignment);
  return put_frames (self, start, mark, TRUE);
}

static gboolean
put_tuple (VariantWriter *self,
           MpPlainValue   value,
           guint32        type,
           guint          depth)
{
  MpPlainNode *node = mp_plain_is_container (value) ? mp_plain_node (self->plain, value) : NULL;

  if ((value.kind != MP_PLAIN_LIST && value.kind != MP_PLAIN_TUPLE) ||
      node->count != self->types.types[type].count)
    return does_not_fit (self, value, type);

  return put_members (self, mp_plain_children (self->plain, node), type, depth);
}

/* The elements of an array of numbers, in a row. */
static gboolean
put_numbers (VariantWriter *self,
             MpPlainNode   *node,
             guint32        element)
{
  gsize fixed = self->types.types[element].fixed;
  const MpPlainValue *values = mp_plain_children (self->plain, node);
  guint8 *space = node->count > 0 ? mp_plain_out_take (self->out, node->count * fixed) : NULL;

  if (node->count > 0 && space == NULL)
    return no_memory (self);
  for (guint32 i = 0; i < node->count; i++)
    if (!store_number (self, values[i], element, space + i * fixed))
      return at_index (self, i);

  return TRUE;
}

/* The elements of any array; @step is 2 if they are the entries of a dict. */
static gboolean
put_elements (VariantWriter *self,
              MpPlainNode   *node,
              guint          step,
              guint32        element,
              guint          depth)
{
  MpVariantType layout = self->types.types[element];
  gsize start = self->out->length, mark = self->n_ends;

  for (guint32 i = 0; i < node->count; i += step)
    {
      const MpPlainValue *values = self->plain->values + node->start + i;

      if (!pad (self, layout.alignment))
        return FALSE;
      if (step == 2 && !put_members (self, values, element, depth + 1))
        return at_key (self, values[0], i / 2);
      if (step == 1 && !put (self, values[0], element, depth + 1))
        return at_index (self, i);
      if (layout.fixed == 0 && !push_end (self, start))
        return FALSE;
    }

  return put_frames (self, start, mark, FALSE);
}

static gboolean
put_array (VariantWriter *self,
           MpPlainValue   value,
           guint32        type,
           guint          depth)
{
  guint32 element = self->types.types[type].child;
  MpVariantType layout = self->types.types[element];

  if (value.kind == MP_PLAIN_BYTES && layout.kind == 'y')
    return put_bytes (self, mp_plain_data (self->plain, value), value.length);
  if (!mp_plain_is_container (value) || (layout.kind == '{' && value.kind != MP_PLAIN_DICT))
    return does_not_fit (self, value, type);

  if (value.kind == MP_PLAIN_DICT)
    return layout.kind == '{' || (layout.kind == '(' && layout.count == 2)
           ? put_elements (self, mp_plain_node (self->plain, value), 2, element, depth)
           : does_not_fit (self, value, type);
  if (layout.fixed != 0 && layout.kind != '(')
    return put_numbers (self, mp_plain_node (self->plain, value), element);
  return put_elements (self, mp_plain_node (self->plain, value), 1, element, depth);
}

static gboolean
put_maybe (VariantWriter *self,
           MpPlainValue   value,
           guint32        type,
           guint          depth)
{
  guint32 child = self->types.types[type].child;

  if (value.kind == MP_PLAIN_NONE)
    return TRUE;
  if (self->types.types[type].extension &&
      mp_canonical (self->plain, value) == MP_CANONICAL_EXTENSION)
    return put_extension (self, value, depth);
  if (!put (self, value, child, depth + 1))
    return FALSE;
  return self->types.types[child].fixed != 0 || put_byte (self, 0);
}

static gboolean
put (VariantWriter *self,
     MpPlainValue   value,
     guint32        type,
     guint          depth)
{
  if (depth > MAX_WRITE_DEPTH)
    return mp_plain_fail (self->plain, MP_ERROR_NOT_PLAIN,
                          "The value is nested deeper than a GVariant can be");

  switch (self->types.types[type].kind)
    {
    case 's':
    case 'o':
    case 'g':
      return put_text (self, value, type);
    case 'v':
      return put_boxed (self, value, depth);
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

/* The tag of the extension that holds the value, and the type inside. */
static const char *
extension_of (MpPlainValue  value,
              MpCanonical  *inner)
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
    default:
      *inner = MP_CANONICAL_STR;
      return "mp.int";
    }
}

static gboolean
canonical_type (VariantWriter *self,
                MpCanonical    canonical,
                guint32       *type)
{
  const char *text = mp_canonical_strings[canonical];

  if (self->canonical[canonical] == 0 &&
      !mp_variant_types_parse (&self->types, text, strlen (text), &self->canonical[canonical]))
    return FALSE;

  *type = self->canonical[canonical];
  return TRUE;
}

/* What stands inside an extension, without its type. */
static gboolean
put_inner (VariantWriter *self,
           MpPlainValue   value,
           MpCanonical    inner,
           guint          depth)
{
  char text[MP_ISO8601_SIZE];
  guint32 type;

  if (value.kind == MP_PLAIN_DATETIME)
    return put_bytes (self, text, mp_plain_iso8601 (value, text)) && put_byte (self, 0);
  if (!mp_plain_is_container (value))
    return put_bytes (self, mp_plain_data (self->plain, value), value.length) &&
           (inner == MP_CANONICAL_BYTES || put_byte (self, 0));
  return canonical_type (self, inner, &type) && put (self, value, type, depth);
}

/* Just ("mp.tag", <inner>) of the type m(sv). */
static gboolean
put_extension (VariantWriter *self,
               MpPlainValue   value,
               guint          depth)
{
  gsize start = self->out->length, mark = self->n_ends;
  MpCanonical inner;
  const char *tag = extension_of (value, &inner);
  const char *type = mp_canonical_strings[inner];

  return put_bytes (self, tag, strlen (tag) + 1) && push_end (self, start) && pad (self, 8) &&
         put_inner (self, value, inner, depth + 3) && put_byte (self, 0) &&
         put_bytes (self, type, strlen (type)) && put_frames (self, start, mark, TRUE) &&
         put_byte (self, 0);
}

/* Drops the types parsed since @mark. */
static void
forget_types (VariantWriter *self,
              gsize          mark)
{
  self->types.n_types = mark;
  for (guint i = 0; i < MP_N_CANONICAL; i++)
    if (self->canonical[i] >= mark)
      self->canonical[i] = 0;
}

/* The value with its canonical type, as the content of a `v`. */
static gboolean
put_boxed (VariantWriter *self,
           MpPlainValue   value,
           guint          depth)
{
  MpCanonical canonical = mp_canonical (self->plain, value);
  gsize mark, length;
  const char *text;
  guint32 type;

  if (canonical == MP_CANONICAL_UNKNOWN)
    return FALSE;
  if (canonical == MP_CANONICAL_EXTENSION)
    {
      if (!put_extension (self, value, depth + 1))
        return FALSE;
    }
  else
    {
      text = mp_canonical_string (self->plain, value, canonical, &length);
      mark = self->types.n_types;
      if (canonical < MP_N_CANONICAL ? !canonical_type (self, canonical, &type)
                                     : !mp_variant_types_parse (&self->types, text, length, &type))
        return FALSE;
      if (!put (self, value, type, depth + 1))
        return FALSE;
      /* Only a tuple's own type goes again; the others are kept, and those parsed inside too. */
      if (canonical == MP_CANONICAL_TUPLE)
        forget_types (self, mark);
    }

  text = mp_canonical_string (self->plain, value, canonical, &length);
  return put_byte (self, 0) && put_bytes (self, text, length);
}

static gboolean
writer_init (VariantWriter *self,
             MpPlain       *plain,
             MpPlainOut    *out)
{
  *self = (VariantWriter) { .plain = plain, .out = out };
  return mp_variant_types_init (&self->types, plain);
}

static void
writer_clear (VariantWriter *self)
{
  mp_variant_types_clear (&self->types);
  g_free (self->ends);
}

gboolean
mp_variant_write (MpPlain    *plain,
                  MpPlainOut *out)
{
  VariantWriter self;
  gboolean ok = writer_init (&self, plain, out) && put_boxed (&self, plain->stack[0], 0);

  writer_clear (&self);
  return ok;
}

/* Writes the value as the definite @type, not boxed. */
gboolean
mp_variant_write_as (MpPlain            *plain,
                     MpPlainOut         *out,
                     const GVariantType *type)
{
  VariantWriter self;
  guint32 index;
  gboolean ok = writer_init (&self, plain, out) &&
                mp_variant_types_parse (&self.types, g_variant_type_peek_string (type),
                                        g_variant_type_get_string_length (type), &index) &&
                put (&self, plain->stack[0], index, 0);

  if (!ok && self.misfit)
    g_prefix_error (&plain->error, "value");
  writer_clear (&self);
  return ok;
}
