/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The canonical type of each value, asked for container by container and remembered in the node,
 * since a shared node is asked for more than once.
 *
 * The types are few on purpose: a reader in C can expect them. Lists of one kind are arrays of
 * that kind, so that numbers lie in a row; a dict with string keys is always a{sv}, so that
 * g_variant_lookup() works. A tuple is a tuple while its type string stays short: a type string
 * can be exponentially longer than the data it describes.
 */

#include "config.h"

#include "mproc/base/mp-variant-canonical-private.h"

#define MAX_TUPLE_MEMBERS 64
#define MAX_TUPLE_STRING 255

const char * const mp_canonical_strings[MP_N_CANONICAL] = {
  [MP_CANONICAL_UNKNOWN] = "",
  [MP_CANONICAL_NONE] = "mv",
  [MP_CANONICAL_BOOL] = "b",
  [MP_CANONICAL_INT] = "x",
  [MP_CANONICAL_UINT] = "t",
  [MP_CANONICAL_DOUBLE] = "d",
  [MP_CANONICAL_STR] = "s",
  [MP_CANONICAL_BYTES] = "ay",
  [MP_CANONICAL_EXTENSION] = "m(sv)",
  [MP_CANONICAL_BOOLS] = "ab",
  [MP_CANONICAL_INTS] = "ax",
  [MP_CANONICAL_DOUBLES] = "ad",
  [MP_CANONICAL_STRS] = "as",
  [MP_CANONICAL_BYTE_STRINGS] = "aay",
  [MP_CANONICAL_VARDICTS] = "aa{sv}",
  [MP_CANONICAL_LIST] = "av",
  [MP_CANONICAL_VARDICT] = "a{sv}",
  [MP_CANONICAL_INT_DICT] = "a{xv}",
  [MP_CANONICAL_PAIRS] = "a(vv)",
  [MP_CANONICAL_PARTS] = "(saxay)",
  [MP_CANONICAL_VARIANT] = "v",
  [MP_CANONICAL_VECTORS] = "an",
  [MP_CANONICAL_VECTORS + 1] = "aq",
  [MP_CANONICAL_VECTORS + 2] = "ai",
  [MP_CANONICAL_VECTORS + 3] = "au",
  [MP_CANONICAL_VECTORS + 4] = "at",
};

const guint8 mp_canonical_lengths[MP_N_CANONICAL] = {
  [MP_CANONICAL_NONE] = 2,
  [MP_CANONICAL_BOOL] = 1,
  [MP_CANONICAL_INT] = 1,
  [MP_CANONICAL_UINT] = 1,
  [MP_CANONICAL_DOUBLE] = 1,
  [MP_CANONICAL_STR] = 1,
  [MP_CANONICAL_BYTES] = 2,
  [MP_CANONICAL_EXTENSION] = 5,
  [MP_CANONICAL_BOOLS] = 2,
  [MP_CANONICAL_INTS] = 2,
  [MP_CANONICAL_DOUBLES] = 2,
  [MP_CANONICAL_STRS] = 2,
  [MP_CANONICAL_BYTE_STRINGS] = 3,
  [MP_CANONICAL_VARDICTS] = 6,
  [MP_CANONICAL_LIST] = 2,
  [MP_CANONICAL_VARDICT] = 5,
  [MP_CANONICAL_INT_DICT] = 5,
  [MP_CANONICAL_PAIRS] = 5,
  [MP_CANONICAL_PARTS] = 7,
  [MP_CANONICAL_VARIANT] = 1,
  [MP_CANONICAL_VECTORS] = 2,
  [MP_CANONICAL_VECTORS + 1] = 2,
  [MP_CANONICAL_VECTORS + 2] = 2,
  [MP_CANONICAL_VECTORS + 3] = 2,
  [MP_CANONICAL_VECTORS + 4] = 2,
};

/* What a list is whose items are all of the given type; else it is MP_CANONICAL_LIST. */
static const guint8 list_of[MP_CANONICAL_TUPLE + 1] = {
  [MP_CANONICAL_BOOL] = MP_CANONICAL_BOOLS,
  [MP_CANONICAL_INT] = MP_CANONICAL_INTS,
  [MP_CANONICAL_DOUBLE] = MP_CANONICAL_DOUBLES,
  [MP_CANONICAL_STR] = MP_CANONICAL_STRS,
  [MP_CANONICAL_BYTES] = MP_CANONICAL_BYTE_STRINGS,
  [MP_CANONICAL_VARDICT] = MP_CANONICAL_VARDICTS,
};

static const guint8 scalar_types[] = {
  [MP_PLAIN_NONE] = MP_CANONICAL_NONE,
  [MP_PLAIN_BOOL] = MP_CANONICAL_BOOL,
  [MP_PLAIN_INT] = MP_CANONICAL_INT,
  [MP_PLAIN_UINT] = MP_CANONICAL_UINT,
  [MP_PLAIN_BIGINT] = MP_CANONICAL_EXTENSION,
  [MP_PLAIN_DOUBLE] = MP_CANONICAL_DOUBLE,
  [MP_PLAIN_STR] = MP_CANONICAL_STR,
  [MP_PLAIN_BYTES] = MP_CANONICAL_BYTES,
  [MP_PLAIN_DATETIME] = MP_CANONICAL_EXTENSION,
  [MP_PLAIN_OBJECT] = MP_CANONICAL_EXTENSION,
};

static MpCanonical
list_type (MpPlain           *plain,
           const MpPlainNode *node)
{
  MpCanonical first;

  if (node->count == 0)
    return MP_CANONICAL_LIST;

  first = mp_canonical (plain, plain->values[node->start]);
  if (first == MP_CANONICAL_UNKNOWN || list_of[first] == MP_CANONICAL_UNKNOWN)
    return first == MP_CANONICAL_UNKNOWN ? first : MP_CANONICAL_LIST;

  for (guint32 i = 1; i < node->count; i++)
    if (mp_canonical (plain, plain->values[node->start + i]) != first)
      return plain->error != NULL ? MP_CANONICAL_UNKNOWN : MP_CANONICAL_LIST;

  return list_of[first];
}

static MpCanonical
dict_type (MpPlain           *plain,
           const MpPlainNode *node)
{
  gboolean texts = TRUE, ints = node->count > 0;

  for (guint32 i = 0; i < node->count && (texts || ints); i += 2)
    {
      MpPlainValue key = plain->values[node->start + i];

      texts = texts && key.kind == MP_PLAIN_STR && !(key.flags & MP_PLAIN_HAS_NUL);
      ints = ints && key.kind == MP_PLAIN_INT;
    }

  if (texts)
    return MP_CANONICAL_VARDICT;
  return ints ? MP_CANONICAL_INT_DICT : MP_CANONICAL_EXTENSION;
}

static MpCanonical
tuple_type (MpPlain     *plain,
            MpPlainNode *node)
{
  char text[MAX_TUPLE_STRING + 1];
  gsize used = 0, length;
  guint8 *copy;

  if (node->count > MAX_TUPLE_MEMBERS)
    return MP_CANONICAL_EXTENSION;

  text[used++] = '(';
  for (guint32 i = 0; i < node->count; i++)
    {
      MpPlainValue member = plain->values[node->start + i];
      MpCanonical type = mp_canonical (plain, member);
      const char *string;

      if (type == MP_CANONICAL_UNKNOWN)
        return type;
      string = mp_canonical_string (plain, member, type, &length);
      if (used + length + 1 > MAX_TUPLE_STRING)
        return MP_CANONICAL_EXTENSION;
      memcpy (text + used, string, length);
      used += length;
    }
  text[used++] = ')';

  node->type_offset = plain->n_scratch;
  node->type_length = used;
  copy = mp_plain_scratch (plain, used);
  if (copy == NULL)
    return MP_CANONICAL_UNKNOWN;
  memcpy (copy, text, used);
  return MP_CANONICAL_TUPLE;
}

/* The array of the same bytes, or of the next larger numbers. */
static MpCanonical
vector_type (MpPlain      *plain,
             MpPlainValue  value)
{
  static const char arrays[] = "nqiut";
  MpPlainValue bytes;
  const MpVectorType *type = mp_plain_vector (plain, value, &bytes);

  if (type->kind == 'b')
    return MP_CANONICAL_BOOLS;
  if (type->kind == 'f')
    return MP_CANONICAL_DOUBLES;
  if (type->size == 1)
    return type->kind == 'u' ? MP_CANONICAL_BYTES : MP_CANONICAL_VECTORS;
  if (type->variant == 'x')
    return MP_CANONICAL_INTS;

  return MP_CANONICAL_VECTORS + (strchr (arrays, type->variant) - arrays);
}

/* MP_CANONICAL_UNKNOWN if there is no memory, which is then the error of @plain. */
MpCanonical
mp_canonical (MpPlain      *plain,
              MpPlainValue  value)
{
  MpPlainNode *node;

  if (value.kind == MP_PLAIN_STR && (value.flags & MP_PLAIN_HAS_NUL))
    return MP_CANONICAL_EXTENSION;
  if (!mp_plain_is_container (value))
    return scalar_types[value.kind];

  node = mp_plain_node (plain, value);
  if (node->type != MP_CANONICAL_UNKNOWN)
    return node->type;

  if (node->kind == MP_PLAIN_LIST)
    node->type = list_type (plain, node);
  else if (node->kind == MP_PLAIN_DICT)
    node->type = dict_type (plain, node);
  else if (node->kind == MP_PLAIN_TUPLE)
    node->type = tuple_type (plain, node);
  else if (node->kind == MP_PLAIN_VECTOR)
    node->type = vector_type (plain, value);
  else if (node->kind == MP_PLAIN_VARIANT)
    node->type = MP_CANONICAL_VARIANT;
  else
    node->type = MP_CANONICAL_EXTENSION;

  return node->type;
}

/* The type string of @value, whose canonical type is @type. Not terminated; valid until the next
 * mp_canonical(). */
const char *
mp_canonical_string (MpPlain      *plain,
                     MpPlainValue  value,
                     MpCanonical   type,
                     gsize        *length)
{
  if (type == MP_CANONICAL_TUPLE)
    {
      *length = mp_plain_node (plain, value)->type_length;
      return (const char *) plain->scratch + mp_plain_node (plain, value)->type_offset;
    }

  *length = mp_canonical_lengths[type];
  return mp_canonical_strings[type];
}
