/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The parser of GVariant type strings. The basic types are the first entries of every table, so
 * that the type of most values costs a look into a string of fourteen characters.
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
  MpVariantTypes *table;
  const char     *next;
  const char     *end;
} TypeParser;

static gboolean
add_type (MpVariantTypes *self,
          char            kind,
          guint32        *index)
{
  const char *basic = strchr (basic_types, kind);
  MpVariantType container = { .kind = kind, .alignment = 1 };

  if (!mp_plain_grow (self->plain, &self->types, &self->room, self->n_types + 1,
                      sizeof container))
    return FALSE;

  *index = self->n_types;
  self->types[self->n_types++] = basic != NULL ? basic_layouts[basic - basic_types] : container;
  return TRUE;
}

gboolean
mp_variant_types_init (MpVariantTypes *self,
                       MpPlain        *plain)
{
  *self = (MpVariantTypes) { .plain = plain };
  if (!mp_plain_grow (plain, &self->types, &self->room, G_N_ELEMENTS (basic_layouts),
                      sizeof (MpVariantType)))
    return FALSE;

  memcpy (self->types, basic_layouts, sizeof basic_layouts);
  self->n_types = G_N_ELEMENTS (basic_layouts);
  return TRUE;
}

void
mp_variant_types_clear (MpVariantTypes *self)
{
  g_free (self->types);
}

static gboolean
bad_type (TypeParser *self)
{
  return mp_plain_fail (self->table->plain, MP_ERROR_INVALID_DATA,
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
        self->table->types[parent].child = member;
      else
        self->table->types[last].next = member;
      self->table->types[parent].count++;
      last = member;
    }

  if (self->next == self->end)
    return bad_type (self);
  self->next++;
  return TRUE;
}

/* The alignment, the size and the number of framing offsets of a tuple. */
static void
layout (MpVariantTypes *self,
        MpVariantType  *tuple)
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
is_entry (MpVariantTypes *self,
          MpVariantType  *type)
{
  return type->count == 2 && self->types[type->child].kind != 'v' &&
         strchr (basic_types, self->types[type->child].kind) != NULL;
}

static gboolean
is_extension (MpVariantTypes *self,
              MpVariantType  *element)
{
  return element->kind == '(' && element->count == 2 && self->types[element->child].kind == 's' &&
         self->types[self->types[element->child].next].kind == 'v';
}

static gboolean
parse_one (TypeParser *self,
           guint       depth,
           guint32    *index)
{
  MpVariantTypes *table = self->table;
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
      table->types[*index].extension = kind == 'm' && is_extension (table, &table->types[child]);
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

/* Finds or makes the entry of the one complete, definite type that @text is. */
gboolean
mp_variant_types_parse (MpVariantTypes *self,
                        const char     *text,
                        gsize           length,
                        guint32        *type)
{
  TypeParser parser = { .table = self, .next = text, .end = text + length };
  const char *basic = length == 1 && text[0] != '\0' ? strchr (basic_types, text[0]) : NULL;

  if (basic != NULL)
    {
      *type = basic - basic_types;
      return TRUE;
    }

  return parse_one (&parser, 1, type) &&
         (parser.next == parser.end || bad_type (&parser));
}
