/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The parser of GVariant type strings. The basic types are the first entries of every table, then
 * come the canonical ones; so the type of nearly every value costs a look into a small table.
 */

#include "config.h"

#include "mproc/base/mp-variant-type-private.h"

static const char basic_types[] = "bynqiuxthdsogv";

static const MpVariantType basic_layouts[] = {
  { .kind = 'b', .alignment = 1, .fixed = 1 },
  { .kind = 'y', .alignment = 1, .fixed = 1 },
  { .kind = 'n', .alignment = 2, .fixed = 2 },
  { .kind = 'q', .alignment = 2, .fixed = 2 },
  { .kind = 'i', .alignment = 4, .fixed = 4 },
  { .kind = 'u', .alignment = 4, .fixed = 4 },
  { .kind = 'x', .alignment = 8, .fixed = 8 },
  { .kind = 't', .alignment = 8, .fixed = 8 },
  { .kind = 'h', .alignment = 4, .fixed = 4 },
  { .kind = 'd', .alignment = 8, .fixed = 8 },
  { .kind = 's', .alignment = 1 },
  { .kind = 'o', .alignment = 1 },
  { .kind = 'g', .alignment = 1 },
  { .kind = 'v', .alignment = 8 },
};

typedef struct {
  MpPlain        *plain;
  const char     *next;
  const char     *end;
} TypeParser;

static gboolean
add_type (MpPlain *self,
          char     kind,
          guint32 *index)
{
  const char *basic = strchr (basic_types, kind);
  MpVariantType container = { .kind = kind, .alignment = 1 };

  if (!mp_plain_grow (self, &self->types, &self->types_room, self->n_types + 1, sizeof container))
    return FALSE;

  *index = self->n_types;
  self->types[self->n_types++] = basic != NULL ? basic_layouts[basic - basic_types] : container;
  return TRUE;
}

static gboolean
bad_type (TypeParser *self)
{
  return mp_plain_fail (self->plain, MP_ERROR_INVALID_DATA,
                        "A GVariant has no valid type string");
}

static gboolean parse_one (TypeParser *self, guint depth, guint32 *index);

/* Members up to @close, linked one to the next; sizes are added up by layout(). */
static gboolean
parse_members (TypeParser *self,
               char        close,
               guint       depth,
               guint32     parent)
{
  guint32 last = 0, member;

  while (self->next < self->end && *self->next != close)
    {
      if (!parse_one (self, depth, &member))
        return FALSE;
      if (last == 0)
        self->plain->types[parent].child = member;
      else
        self->plain->types[last].next = member;
      self->plain->types[parent].count++;
      last = member;
    }

  if (self->next == self->end)
    return bad_type (self);
  self->next++;
  return TRUE;
}

/* The alignment, the size and the number of framing offsets of a tuple. */
static void
layout (MpPlain       *self,
        MpVariantType *tuple)
{
  gboolean varies = FALSE;
  gsize size = 0;
  guint32 index = tuple->child;

  for (guint32 i = 0; i < tuple->count; i++)
    {
      MpVariantType *member = &self->types[index];

      tuple->alignment = MAX (tuple->alignment, member->alignment);
      size = mp_variant_align (size, member->alignment) + member->fixed;
      varies |= member->fixed == 0;
      tuple->frames += member->fixed == 0 && i + 1 < tuple->count;
      index = member->next;
    }

  tuple->fixed = varies ? 0 : MAX (1, mp_variant_align (size, tuple->alignment));
}

/* Whether the members are those of an entry: a basic key and one value. */
static gboolean
is_entry (MpPlain       *self,
          MpVariantType *type)
{
  return type->count == 2 && self->types[type->child].kind != 'v' &&
         strchr (basic_types, self->types[type->child].kind) != NULL;
}

/* Whether this is (sv) or {sv}. */
static gboolean
is_pair (MpPlain       *self,
         MpVariantType *type,
         char           kind)
{
  return type->kind == kind && type->count == 2 && self->types[type->child].kind == 's' &&
         self->types[self->types[type->child].next].kind == 'v';
}

static gboolean
parse_one (TypeParser *self,
           guint       depth,
           guint32    *index)
{
  MpPlain *table = self->plain;
  char kind = self->next < self->end ? *self->next++ : '\0';
  guint32 child;

  if (depth > MP_VARIANT_MAX_DEPTH || !strchr ("bynqiuxthdsogvam({", kind) || kind == '\0')
    return bad_type (self);
  if (!add_type (table, kind, index))
    return FALSE;

  if (kind == 'a' || kind == 'm')
    {
      if (!parse_one (self, depth + 1, &child))
        return FALSE;
      table->types[*index].child = child;
      table->types[*index].alignment = table->types[child].alignment;
      table->types[*index].extension = kind == 'm' && is_pair (table, &table->types[child], '(');
      table->types[*index].vardict = kind == 'a' && is_pair (table, &table->types[child], '{');
    }
  else if (kind == '(' || kind == '{')
    {
      if (!parse_members (self, kind == '(' ? ')' : '}', depth + 1, *index))
        return FALSE;
      layout (table, &table->types[*index]);
      if (kind == '{' && !is_entry (table, &table->types[*index]))
        return bad_type (self);
    }

  return TRUE;
}

/* Adds the one complete, definite type that @text is. */
static gboolean
add_parsed (MpPlain    *self,
            const char *text,
            gsize       length,
            guint32    *type)
{
  TypeParser parser = { .plain = self, .next = text, .end = text + length };

  return parse_one (&parser, 1, type) &&
         (parser.next == parser.end || bad_type (&parser));
}

/* Begins a table, unless it was begun for an earlier value. */
gboolean
mp_variant_types_init (MpPlain *self)
{
  guint32 *canonical = self->canonical;

  if (self->n_common_types == 0)
    {
      if (!mp_plain_grow (self, &self->types, &self->types_room, 64, sizeof (MpVariantType)))
        return FALSE;
      memcpy (self->types, basic_layouts, sizeof basic_layouts);
      self->n_types = G_N_ELEMENTS (basic_layouts);
      for (guint i = MP_CANONICAL_NONE; i < MP_N_CANONICAL; i++)
        if (!add_parsed (self, mp_canonical_strings[i], mp_canonical_lengths[i], &canonical[i]))
          return FALSE;
      self->n_common_types = self->n_types;
    }

  self->n_types = self->n_common_types;
  return TRUE;
}

static inline MpCanonical
match (MpCanonical  candidate,
       const char  *text)
{
  return memcmp (mp_canonical_strings[candidate], text, mp_canonical_lengths[candidate]) == 0
         ? candidate : MP_CANONICAL_UNKNOWN;
}

/* Which canonical container type the text is, if one. */
static inline MpCanonical
find_canonical (const char *text,
                gsize       length)
{
  static const guint8 arrays[128] = {
    ['b'] = MP_CANONICAL_BOOLS, ['x'] = MP_CANONICAL_INTS, ['d'] = MP_CANONICAL_DOUBLES,
    ['s'] = MP_CANONICAL_STRS, ['y'] = MP_CANONICAL_BYTES, ['v'] = MP_CANONICAL_LIST,
  };

  if (length == 2 && text[0] == 'a')
    return arrays[text[1] & 0x7f] != 0 ? match (arrays[text[1] & 0x7f], text) : 0;
  if (length == 2)
    return match (MP_CANONICAL_NONE, text);
  if (length == 5 && text[1] == '{')
    return text[2] == 's' ? match (MP_CANONICAL_VARDICT, text)
                          : match (MP_CANONICAL_INT_DICT, text);
  if (length == 5)
    return match (MP_CANONICAL_EXTENSION, text);
  return length == 6 ? match (MP_CANONICAL_VARDICTS, text) : MP_CANONICAL_UNKNOWN;
}

/* Finds or makes the entry of the one complete, definite type that @text is. */
gboolean
mp_variant_types_parse (MpPlain    *self,
                        const char *text,
                        gsize       length,
                        guint32    *type)
{
  static const guint8 basic[128] = {     /* places in basic_types, plus one */
    ['b'] = 1, ['y'] = 2, ['n'] = 3, ['q'] = 4, ['i'] = 5, ['u'] = 6, ['x'] = 7, ['t'] = 8,
    ['h'] = 9, ['d'] = 10, ['s'] = 11, ['o'] = 12, ['g'] = 13, ['v'] = 14,
  };
  MpCanonical canonical;

  if (length == 1 && (guint8) text[0] < 128 && basic[(guint8) text[0]] != 0)
    {
      *type = basic[(guint8) text[0]] - 1;
      return TRUE;
    }

  canonical = find_canonical (text, length);
  if (canonical == MP_CANONICAL_UNKNOWN)
    return add_parsed (self, text, length, type);

  *type = self->canonical[canonical];
  return TRUE;
}
