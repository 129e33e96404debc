/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Reads the serialized form of a GVariant of type `v`, native byte order, into the tree.
 *
 * GLib's own accessors never fail: bytes that are not in normal form read as default values. Here
 * they are an error, found while reading, because a value silently replaced by a default is data
 * lost. Every element must lie where the normal form puts it, padding must be zero and framing
 * offsets must have the smallest size that serves.
 */

#include "config.h"

#include "mproc/base/mp-plain-out-private.h"
#include "mproc/base/mp-variant-type-private.h"

typedef struct {
  MpPlain        *plain;
  const guint8   *base;       /* what is read; in the tree, places in it are counted from @start */
  gsize           start;
  guint8          flags;      /* of the tree's values: where that is */
  guint           deepest;    /* level that was read */
} VariantReader;

typedef gboolean (*ExtensionFunc) (MpPlain *plain);

static gboolean read_value (VariantReader *self, guint32 type, const guint8 *data, gsize size,
                            guint depth);

static gboolean
not_normal (VariantReader *self)
{
  return mp_plain_fail (self->plain, MP_ERROR_INVALID_DATA, "A GVariant is not in normal form");
}

static gsize
read_offset (const guint8 *data,
             guint         size)
{
  guint8 small;
  guint16 medium;
  guint32 large;
  guint64 huge;

  switch (size)
    {
    case 1:
      memcpy (&small, data, sizeof small);
      return small;
    case 2:
      memcpy (&medium, data, sizeof medium);
      return medium;
    case 4:
      memcpy (&large, data, sizeof large);
      return large;
    default:
      memcpy (&huge, data, sizeof huge);
      return huge;
    }
}

static gboolean
is_zero (const guint8 *data,
         gsize         from,
         gsize         to)
{
  for (; from < to; from++)
    if (data[from] != 0)
      return FALSE;

  return TRUE;
}

#define READ(c_type, push)                        \
  {                                               \
    c_type number;                                \
    memcpy (&number, data, sizeof number);        \
    return push;                                  \
  }

/* A number; there are as many bytes as its type has. */
static gboolean
read_number (VariantReader *self,
             char           kind,
             const guint8  *data)
{
  MpPlain *plain = self->plain;

  switch (kind)
    {
    case 'b':
      return data[0] <= 1 ? mp_plain_push_simple (plain, MP_PLAIN_BOOL, data[0])
                          : not_normal (self);
    case 'y':
      return mp_plain_push_simple (plain, MP_PLAIN_INT, data[0]);
    case 'n':
      READ (gint16, mp_plain_push_simple (plain, MP_PLAIN_INT, number))
    case 'q':
      READ (guint16, mp_plain_push_simple (plain, MP_PLAIN_INT, number))
    case 'i':
      READ (gint32, mp_plain_push_simple (plain, MP_PLAIN_INT, number))
    case 'u':
      READ (guint32, mp_plain_push_simple (plain, MP_PLAIN_INT, number))
    case 'x':
      READ (gint64, mp_plain_push_simple (plain, MP_PLAIN_INT, number))
    case 't':
      READ (guint64, mp_plain_push_unsigned (plain, number))
    case 'd':
      READ (double, mp_plain_push_double (plain, number))
    default:
      return mp_plain_fail (plain, MP_ERROR_NOT_PLAIN,
                            "A GVariant handle: file descriptors do not travel in values");
    }
}

#undef READ

/* A text with its NUL; object paths and signatures have rules of their own. */
static gboolean
read_text (VariantReader *self,
           char           kind,
           const guint8  *data,
           gsize          size)
{
  const char *text = (const char *) data;

  if (size == 0 || memchr (data, 0, size) != data + size - 1 ||
      (kind == 'o' && !g_variant_is_object_path (text)) ||
      (kind == 'g' && !g_variant_is_signature (text)))
    return not_normal (self);

  return mp_plain_push_str (self->plain, self->start + (data - self->base), size - 1,
                            self->flags);
}

/* What stands in front of a type of one character, if that is one of the common ones; else
 * *@done is not set. */
static inline gboolean
read_boxed_scalar (VariantReader *self,
                   const guint8  *data,
                   gsize          size,
                   gboolean      *done)
{
  gint64 integer;
  double number;

  *done = TRUE;
  if (data[size + 1] == 's')
    return read_text (self, 's', data, size);
  if (data[size + 1] == 'x' && size == sizeof integer)
    {
      memcpy (&integer, data, sizeof integer);
      return mp_plain_push_simple (self->plain, MP_PLAIN_INT, integer);
    }
  if (data[size + 1] == 'd' && size == sizeof number)
    {
      memcpy (&number, data, sizeof number);
      return mp_plain_push_double (self->plain, number);
    }

  *done = FALSE;
  return TRUE;
}

static gboolean
read_boxed (VariantReader *self,
            const guint8  *data,
            gsize          size,
            guint          depth)
{
  const guint8 *nul;
  gsize mark = self->plain->n_types;
  gboolean done, ok;
  guint32 type;

  if (size >= 2 && data[size - 2] == 0 && depth < MP_VARIANT_MAX_DEPTH)
    {
      self->deepest = MAX (self->deepest, depth + 1);
      ok = read_boxed_scalar (self, data, size - 2, &done);
      if (done)
        return ok;
    }

  nul = size > 0 ? memrchr (data, 0, size) : NULL;
  if (nul == NULL)
    return not_normal (self);
  if (!mp_variant_types_parse (self->plain, (const char *) nul + 1, data + size - nul - 1, &type))
    return FALSE;

  ok = read_value (self, type, data, nul - data, depth + 1);
  self->plain->n_types = mark;
  return ok;
}

/* Where the member or element that begins at or after @start lies; its padding must be zero. */
static inline gboolean
check_member (VariantReader *self,
              guint          alignment,
              const guint8  *data,
              gsize         *start,
              gsize          end)
{
  gsize aligned = mp_variant_align (*start, alignment);

  if (end < aligned || !is_zero (data, *start, aligned))
    return not_normal (self);

  *start = aligned;
  return TRUE;
}

/* Pushes the members one by one. */
static gboolean
read_members (VariantReader *self,
              guint32        type,
              const guint8  *data,
              gsize          size,
              guint          depth)
{
  MpVariantType tuple = self->plain->types[type];
  guint width = mp_variant_offset_size (size);
  gsize frames = (gsize) tuple.frames * width, body = size - frames;
  gsize start = 0, end, frame = size;
  guint32 member = tuple.child;

  if (frames > size || (tuple.fixed != 0 && tuple.fixed != size) ||
      (frames > 0 && mp_variant_choose_offset_size (body, tuple.frames) != width))
    return not_normal (self);

  for (guint32 i = 0; i < tuple.count; i++)
    {
      gsize fixed = self->plain->types[member].fixed;
      guint alignment = self->plain->types[member].alignment;

      if (fixed != 0)
        end = mp_variant_align (start, alignment) + fixed;
      else if (i + 1 == tuple.count)
        end = body;
      else
        end = read_offset (data + (frame -= width), width);

      if (end > body)
        return not_normal (self);
      if (!check_member (self, alignment, data, &start, end) ||
          !read_value (self, member, data + start, end - start, depth + 1))
        return FALSE;
      start = end;
      member = self->plain->types[member].next;
    }

  return tuple.fixed != 0 ? is_zero (data, start, size) || not_normal (self)
                          : start == body || not_normal (self);
}

/* The extension's value is on top of the stack, above its tag: what each makes of it. */
static gboolean
rename_list (MpPlain     *plain,
             MpPlainKind  kind)
{
  MpPlainValue *value = &plain->stack[plain->n_stack - 1];

  if (value->kind != MP_PLAIN_LIST)
    return mp_plain_fail (plain, MP_ERROR_INVALID_DATA, "A GVariant extension holds no list");

  value->kind = mp_plain_node (plain, *value)->kind = kind;
  return TRUE;
}

static gboolean
make_tuple (MpPlain *plain)
{
  return rename_list (plain, MP_PLAIN_TUPLE);
}

static gboolean
make_set (MpPlain *plain)
{
  return rename_list (plain, MP_PLAIN_SET);
}

static gboolean
make_frozenset (MpPlain *plain)
{
  return rename_list (plain, MP_PLAIN_FROZENSET);
}

static gboolean
make_dict (MpPlain *plain)
{
  return mp_plain_pairs (plain, FALSE);
}

static gboolean
make_int (MpPlain *plain)
{
  MpPlainValue text = plain->stack[--plain->n_stack];

  return text.kind == MP_PLAIN_STR
         ? mp_plain_push_decimal (plain, (const char *) mp_plain_data (plain, text), text.length)
         : mp_plain_fail (plain, MP_ERROR_INVALID_DATA, "A big integer is not decimal");
}

static gboolean
make_str (MpPlain *plain)
{
  MpPlainValue bytes = plain->stack[--plain->n_stack];

  return bytes.kind == MP_PLAIN_BYTES
         ? mp_plain_push_str (plain, bytes.as.offset, bytes.length, bytes.flags)
         : mp_plain_fail (plain, MP_ERROR_INVALID_DATA, "A string with NUL is not in bytes");
}

static gboolean
make_datetime (MpPlain *plain)
{
  MpPlainValue text = plain->stack[--plain->n_stack];

  return text.kind == MP_PLAIN_STR
         ? mp_plain_push_iso8601 (plain, (const char *) mp_plain_data (plain, text), text.length)
         : mp_plain_fail (plain, MP_ERROR_INVALID_DATA, "A date-time is not a string");
}

static gboolean
make_array (MpPlain *plain)
{
  MpPlainValue tuple = plain->stack[--plain->n_stack];
  const MpPlainValue *parts = tuple.kind == MP_PLAIN_TUPLE &&
                              mp_plain_node (plain, tuple)->count == 3
                              ? mp_plain_parts (plain, tuple) : NULL;

  return (parts != NULL && mp_plain_push_array (plain, parts[0], parts[1], parts[2])) ||
         mp_plain_fail (plain, MP_ERROR_INVALID_DATA, "An array does not fit its shape");
}

static gboolean
make_object (MpPlain *plain)
{
  MpPlainValue handle = plain->stack[--plain->n_stack];

  return mp_plain_push_object (plain, handle) ||
         mp_plain_fail (plain, MP_ERROR_INVALID_DATA, "A shared object has no handle");
}

static const struct
{
  const char    *tag;
  ExtensionFunc  make;
} extensions[] = {
  { "mp.int", make_int },
  { "mp.str", make_str },
  { "mp.tuple", make_tuple },
  { "mp.dict", make_dict },
  { "mp.set", make_set },
  { "mp.frozenset", make_frozenset },
  { "mp.datetime", make_datetime },
  { "mp.ndarray", make_array },
  { "mp.object", make_object },
};

/* m(sv) that is not Nothing: an extension if its tag says so, else a tuple like any other. */
static gboolean
read_extension (VariantReader *self,
                guint32        type,
                const guint8  *data,
                gsize          size,
                guint          depth)
{
  MpPlain *plain = self->plain;
  gsize first = plain->n_stack;
  guint outer = self->deepest, levels;
  const char *tag;

  self->deepest = depth;
  if (!read_members (self, type, data, size, depth))
    return FALSE;
  levels = self->deepest - depth + 1;
  self->deepest = MAX (self->deepest, outer);

  tag = (const char *) mp_plain_data (plain, plain->stack[first]);
  if (strncmp (tag, "mp.", 3) != 0)
    return mp_plain_wrap (plain, MP_PLAIN_TUPLE, first);
  if (strcmp (tag, "mp.gobject") == 0)
    {
      plain->stack[first] = plain->stack[first + 1];
      plain->n_stack = first + 1;
      return mp_plain_push_gobject (plain, data, size, levels);
    }

  for (guint i = 0; i < G_N_ELEMENTS (extensions); i++)
    if (strcmp (tag, extensions[i].tag) == 0)
      {
        if (!extensions[i].make (plain))
          return FALSE;
        plain->stack[first] = plain->stack[first + 1];
        plain->n_stack = first + 1;
        return TRUE;
      }

  return mp_plain_fail (plain, MP_ERROR_NOT_PLAIN, "A GVariant extension “%.40s”", tag);
}

static gboolean
read_maybe (VariantReader *self,
            guint32        type,
            const guint8  *data,
            gsize          size,
            guint          depth)
{
  MpVariantType maybe = self->plain->types[type];
  gsize fixed = self->plain->types[maybe.child].fixed;

  if (size == 0)
    return mp_plain_push_simple (self->plain, MP_PLAIN_NONE, 0);
  if (fixed != 0 ? size != fixed : data[size - 1] != 0)
    return not_normal (self);

  size -= fixed == 0;
  if (maybe.extension)
    return read_extension (self, maybe.child, data, size, depth + 1);
  return read_value (self, maybe.child, data, size, depth + 1);
}

/* One element: an entry gives two values, anything else one. */
static inline gboolean
read_element (VariantReader *self,
              guint32        type,
              const guint8  *data,
              gsize          size,
              guint          depth)
{
  if (self->plain->types[type].kind == '{')
    return depth <= MP_VARIANT_MAX_DEPTH ? read_members (self, type, data, size, depth)
                                         : not_normal (self);

  return read_value (self, type, data, size, depth);
}

/* The elements of an ax or ad. */
static gboolean
push_numbers (VariantReader *self,
              char           kind,
              const guint8  *data,
              gsize          size)
{
  MpPlain *plain = self->plain;
  MpPlainValue value = { .kind = kind == 'x' ? MP_PLAIN_INT : MP_PLAIN_DOUBLE };

  if (!mp_plain_grow (plain, &plain->stack, &plain->stack_room, plain->n_stack + size / 8,
                      sizeof value))
    return FALSE;

  for (gsize at = 0; at < size; at += 8)
    {
      memcpy (&value.as, data + at, 8);
      plain->stack[plain->n_stack++] = value;
    }

  return TRUE;
}

static gboolean
read_fixed_elements (VariantReader *self,
                     guint32        element,
                     const guint8  *data,
                     gsize          size,
                     guint          depth)
{
  gsize fixed = self->plain->types[element].fixed;

  if (size % fixed != 0)
    return not_normal (self);
  if (strchr ("xd", self->plain->types[element].kind) != NULL)
    return push_numbers (self, self->plain->types[element].kind, data, size);
  for (gsize at = 0; at < size; at += fixed)
    if (!read_element (self, element, data + at, fixed, depth + 1))
      return FALSE;

  return TRUE;
}

/* The entry of a a{sv}, at a multiple of 8: what read_members() makes of it, only faster. */
static inline gboolean
read_var_entry (VariantReader *self,
                const guint8  *data,
                gsize          size,
                guint          depth)
{
  guint width = mp_variant_offset_size (size);
  gsize body = size - width, key_end, value;

  if (size < width)
    return not_normal (self);
  key_end = read_offset (data + body, width);
  value = mp_variant_align (key_end, 8);
  if (key_end > body || value > body || mp_variant_choose_offset_size (body, 1) != width ||
      !is_zero (data, key_end, value))
    return not_normal (self);

  return read_text (self, 's', data, key_end) &&
         read_boxed (self, data + value, body - value, depth + 1);
}

/* An element of varying size: the entry of a vardict, another entry, or a value. */
static inline gboolean
read_varying_element (VariantReader *self,
                      guint32        element,
                      gboolean       vardict,
                      const guint8  *data,
                      gsize          size,
                      guint          depth)
{
  if (vardict)
    return depth < MP_VARIANT_MAX_DEPTH ? read_var_entry (self, data, size, depth)
                                        : not_normal (self);

  return read_element (self, element, data, size, depth);
}

static gboolean
read_elements (VariantReader *self,
               MpVariantType  array,
               const guint8  *data,
               gsize          size,
               guint          depth)
{
  guint width = mp_variant_offset_size (size);
  guint alignment = self->plain->types[array.child].alignment;
  gsize body, count, start = 0, end;

  if (size == 0)
    return TRUE;
  if (size < width)
    return not_normal (self);
  body = read_offset (data + size - width, width);
  if (body > size || (size - body) % width != 0)
    return not_normal (self);
  count = (size - body) / width;
  if (count == 0 || mp_variant_choose_offset_size (body, count) != width)
    return not_normal (self);

  for (gsize i = 0; i < count; i++, start = end)
    {
      end = read_offset (data + body + i * width, width);
      if (end > body)
        return not_normal (self);
      if (!check_member (self, alignment, data, &start, end) ||
          !read_varying_element (self, array.child, array.vardict, data + start, end - start,
                                 depth + 1))
        return FALSE;
    }

  return start == body || not_normal (self);
}

static gboolean
read_array (VariantReader *self,
            guint32        type,
            const guint8  *data,
            gsize          size,
            guint          depth)
{
  MpVariantType array = self->plain->types[type];
  guint32 element = array.child;
  MpVariantType *element_type = &self->plain->types[element];
  MpPlainKind kind = element_type->kind == '{' ? MP_PLAIN_DICT : MP_PLAIN_LIST;
  gsize first = self->plain->n_stack;
  gboolean ok;

  if (element_type->kind == 'y')
    return mp_plain_push_data (self->plain, MP_PLAIN_BYTES, self->start + (data - self->base), size,
                               self->flags);

  ok = element_type->fixed != 0 ? read_fixed_elements (self, element, data, size, depth)
                                : read_elements (self, array, data, size, depth);
  return ok && mp_plain_wrap (self->plain, kind, first);
}

static gboolean
read_value (VariantReader *self,
            guint32        type,
            const guint8  *data,
            gsize          size,
            guint          depth)
{
  char kind = self->plain->types[type].kind;
  gsize first = self->plain->n_stack;

  if (depth > MP_VARIANT_MAX_DEPTH)
    return mp_plain_fail (self->plain, MP_ERROR_INVALID_DATA, "A GVariant is nested too deep");
  self->deepest = MAX (self->deepest, depth);

  switch (kind)
    {
    case 's':
    case 'o':
    case 'g':
      return read_text (self, kind, data, size);
    case 'v':
      return read_boxed (self, data, size, depth);
    case 'a':
      return read_array (self, type, data, size, depth);
    case 'm':
      return read_maybe (self, type, data, size, depth);
    case '(':
    case '{':
      return read_members (self, type, data, size, depth) &&
             mp_plain_wrap (self->plain, MP_PLAIN_TUPLE, first);
    default:
      return size == self->plain->types[type].fixed ? read_number (self, kind, data)
                                                   : not_normal (self);
    }
}

gboolean
mp_variant_read (MpPlain *plain)
{
  VariantReader self = { .plain = plain, .base = plain->input };

  return mp_variant_types_init (plain) && read_boxed (&self, plain->input, plain->input_size, 0);
}

/* Bytes in the scratch area may move meanwhile, so a copy is read. */
gboolean
mp_variant_read_inner (MpPlain      *plain,
                       MpPlainValue  bytes,
                       guint        *levels)
{
  g_autofree guint8 *copy = g_try_malloc (bytes.length + 1);
  VariantReader self = { .plain = plain, .base = copy, .start = bytes.as.offset,
                         .flags = bytes.flags & MP_PLAIN_SCRATCH };
  gboolean ok;

  if (copy == NULL)
    return mp_plain_fail (plain, MP_ERROR_FAILED, "There is no memory for the value");

  memcpy (copy, mp_plain_data (plain, bytes), bytes.length);
  ok = mp_variant_types_init (plain) && read_boxed (&self, copy, bytes.length, 0);
  *levels = self.deepest + 1;
  return ok;
}
