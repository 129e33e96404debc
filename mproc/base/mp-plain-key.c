/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Equality: the keys of dicts and the members of sets must differ, and the canonical form brings
 * equal values of different languages to equal bytes.
 *
 * Python takes 1, 1.0 and True for one key, JavaScript's Map and GVariant do not. So a map can be
 * fine between those and still be an error on its way to Python, where an entry would vanish.
 */

#include "config.h"

#include "mproc/base/mp-plain-private.h"

#include <math.h>

/* Up to here comparing each with each is faster than a table. */
#define FEW 8

typedef struct {
  MpPlain  *plain;
  gboolean  for_python;
} KeyCheck;

typedef struct {
  guint32 hash;
  guint32 index;     /* plus one; 0 is free */
} KeySlot;

/* Floats and bools as the integers that they are for Python. */
static MpPlainValue
fold_number (MpPlainValue value)
{
  if (value.kind == MP_PLAIN_BOOL)
    value.kind = MP_PLAIN_INT;
  else if (value.kind == MP_PLAIN_DOUBLE && value.as.d >= -9223372036854775808.0 &&
           value.as.d < 9223372036854775808.0 && (double) (gint64) value.as.d == value.as.d)
    {
      value.kind = MP_PLAIN_INT;
      value.as.i = (gint64) value.as.d;
    }

  return value;
}

static int
compare_data (MpPlain      *plain,
              MpPlainValue  a,
              MpPlainValue  b)
{
  int order = a.length == b.length ? memcmp (mp_plain_data (plain, a), mp_plain_data (plain, b),
                                             a.length)
                                   : 0;

  if (a.extra != b.extra)       /* bytes of different vectors */
    return a.extra < b.extra ? -1 : 1;
  return a.length != b.length ? (a.length < b.length ? -1 : 1) : order;
}

#define ORDER(a, b) ((a) < (b) ? -1 : (a) > (b))

/* A total order; 0 for values that are equal in kind and content. */
static int
compare (MpPlain      *plain,
         MpPlainValue  a,
         MpPlainValue  b)
{
  int order = 0;

  if (a.kind != b.kind)
    return ORDER (a.kind, b.kind);

  switch (a.kind)
    {
    case MP_PLAIN_NONE:
      return 0;
    case MP_PLAIN_BIGINT:
    case MP_PLAIN_STR:
    case MP_PLAIN_BYTES:
    case MP_PLAIN_OBJECT:
      return compare_data (plain, a, b);
    case MP_PLAIN_BOOL:
    case MP_PLAIN_INT:
    case MP_PLAIN_DATETIME:
      return ORDER (a.as.i, b.as.i);
    case MP_PLAIN_UINT:
    case MP_PLAIN_DOUBLE:       /* by their bits, so that NaN has a place */
      return ORDER (a.as.u, b.as.u);
    default:
      break;
    }

  if (a.as.node == b.as.node)
    return 0;
  if (mp_plain_node (plain, a)->count != mp_plain_node (plain, b)->count)
    return ORDER (mp_plain_node (plain, a)->count, mp_plain_node (plain, b)->count);
  for (guint32 i = 0; order == 0 && i < mp_plain_node (plain, a)->count; i++)
    order = compare (plain, plain->values[mp_plain_node (plain, a)->start + i],
                     plain->values[mp_plain_node (plain, b)->start + i]);

  return order;
}

/* Whether the two are one key. */
static gboolean
same_key (KeyCheck     *self,
          MpPlainValue  a,
          MpPlainValue  b)
{
  const MpPlainNode *left, *right;

  if (self->for_python)
    {
      a = fold_number (a);
      b = fold_number (b);
    }
  if (a.kind != MP_PLAIN_TUPLE || b.kind != MP_PLAIN_TUPLE)
    return compare (self->plain, a, b) == 0;

  left = mp_plain_node (self->plain, a);
  right = mp_plain_node (self->plain, b);
  if (left->count != right->count)
    return FALSE;
  for (guint32 i = 0; i < left->count; i++)
    if (!same_key (self, self->plain->values[left->start + i],
                   self->plain->values[right->start + i]))
      return FALSE;

  return TRUE;
}

static guint64
mix (guint64 hash,
     guint64 more)
{
  hash = (hash ^ more) * G_GUINT64_CONSTANT (0x9e3779b97f4a7c15);
  return hash ^ hash >> 29;
}

static guint64 hash_key (KeyCheck *self, MpPlainValue key, guint64 hash);

/* By the children: of a set in any order, of others in theirs. */
static guint64
hash_children (KeyCheck          *self,
               const MpPlainNode *node,
               guint64            hash)
{
  guint64 start = mix (hash, node->count), sum = 0;

  hash = start;
  for (guint32 i = 0; i < node->count; i++)
    if (node->kind == MP_PLAIN_SET || node->kind == MP_PLAIN_FROZENSET)
      sum += hash_key (self, self->plain->values[node->start + i], start);
    else
      hash = hash_key (self, self->plain->values[node->start + i], hash);

  return mix (hash, sum);
}

/* Equal for same keys. */
static guint64
hash_key (KeyCheck     *self,
          MpPlainValue  key,
          guint64       hash)
{
  const guint8 *data;
  guint64 word = 0;

  if (self->for_python)
    key = fold_number (key);
  hash = mix (hash, key.kind);

  if (key.kind == MP_PLAIN_STR || key.kind == MP_PLAIN_BYTES || key.kind == MP_PLAIN_BIGINT ||
      key.kind == MP_PLAIN_OBJECT)
    {
      data = mp_plain_data (self->plain, key);
      for (gsize i = 0; i + 8 <= key.length; i += 8)
        {
          memcpy (&word, data + i, 8);
          hash = mix (hash, word);
        }
      word = key.length;
      for (gsize i = key.length & ~(gsize) 7; i < key.length; i++)
        word = word << 8 | data[i];
      return mix (hash, word);
    }
  if (!mp_plain_is_container (key))
    return key.kind == MP_PLAIN_NONE ? hash : mix (hash, key.as.u);

  return hash_children (self, mp_plain_node (self->plain, key), hash);
}

static gboolean
twice (KeyCheck          *self,
       const MpPlainNode *node)
{
  return mp_plain_fail (self->plain, MP_ERROR_INVALID_DATA,
                        node->kind == MP_PLAIN_DICT ? "A dict has the same key twice"
                                                    : "A set has the same member twice");
}

static gboolean
check_few (KeyCheck          *self,
           const MpPlainNode *node,
           guint              step)
{
  const MpPlainValue *values = self->plain->values + node->start;

  for (guint32 i = step; i < node->count; i += step)
    for (guint32 j = 0; j < i; j += step)
      if (values[i].kind == MP_PLAIN_STR && values[j].kind == MP_PLAIN_STR
          ? values[i].length == values[j].length && compare_data (self->plain, values[i],
                                                                  values[j]) == 0
          : same_key (self, values[i], values[j]))
        return twice (self, node);

  return TRUE;
}

static gboolean
check_many (KeyCheck          *self,
            const MpPlainNode *node,
            guint              step)
{
  static gsize seed;
  const MpPlainValue *values = self->plain->values + node->start;
  gsize size = 32, at;
  g_autofree KeySlot *slots = NULL;

  /* Chosen once, so that nobody outside knows which keys collide. */
  if (g_once_init_enter (&seed))
    g_once_init_leave (&seed, (gsize) g_random_int () << 1 | 1);

  while (size < 2 * (gsize) node->count / step)
    size *= 2;
  slots = g_try_new0 (KeySlot, size);
  if (slots == NULL)
    return mp_plain_fail (self->plain, MP_ERROR_FAILED, "There is no memory for the value");

  for (guint32 i = 0; i < node->count; i += step)
    {
      guint32 hash = hash_key (self, values[i], seed);

      for (at = hash & (size - 1); slots[at].index != 0; at = (at + 1) & (size - 1))
        if (slots[at].hash == hash && same_key (self, values[slots[at].index - 1], values[i]))
          return twice (self, node);
      slots[at] = (KeySlot) { .hash = hash, .index = i + 1 };
    }

  return TRUE;
}

/* What Python can have as a key. */
static gboolean
check_hashable (KeyCheck     *self,
                MpPlainValue  key)
{
  const MpPlainNode *node = mp_plain_is_container (key) ? mp_plain_node (self->plain, key) : NULL;

  if (node == NULL || key.kind == MP_PLAIN_FROZENSET)
    return TRUE;
  if (key.kind != MP_PLAIN_TUPLE)
    return mp_plain_fail (self->plain, MP_ERROR_NOT_PLAIN,
                          "A %s as a dict's key or a set's member, which Python cannot have",
                          mp_plain_kind_name (key.kind));

  for (guint32 i = 0; i < node->count; i++)
    if (!check_hashable (self, self->plain->values[node->start + i]))
      return FALSE;

  return TRUE;
}

static gboolean
check_node (KeyCheck          *self,
            const MpPlainNode *node)
{
  guint step = node->kind == MP_PLAIN_DICT ? 2 : 1;

  for (guint32 i = 0; i < node->count; i += step)
    mp_plain_unwrap (self->plain, &self->plain->values[node->start + i]);
  for (guint32 i = 0; self->for_python && i < node->count; i += step)
    if (!check_hashable (self, self->plain->values[node->start + i]))
      return FALSE;

  return node->count / step <= FEW ? check_few (self, node, step) : check_many (self, node, step);
}

/* A dict or set that is part of the value, and not empty. */
static inline gboolean
has_keys (const MpPlainNode *node)
{
  return node->state >= MP_PLAIN_SEALED && node->count > 0 && node->kind >= MP_PLAIN_DICT &&
         node->kind <= MP_PLAIN_FROZENSET;
}

/* Whether both are dicts with the same strings as keys, in the same order: rows of one table. */
static inline gboolean
same_strings (MpPlain           *self,
              const MpPlainNode *a,
              const MpPlainNode *b)
{
  const MpPlainValue *left = self->values + a->start, *right = self->values + b->start;

  if (a->count != b->count || a->kind != MP_PLAIN_DICT || b->kind != MP_PLAIN_DICT)
    return FALSE;

  for (guint32 i = 0; i < a->count; i += 2)
    if (left[i].kind != MP_PLAIN_STR || right[i].kind != MP_PLAIN_STR ||
        left[i].length != right[i].length ||
        ((left[i].as.offset != right[i].as.offset || left[i].flags != right[i].flags) &&
         compare_data (self, left[i], right[i]) != 0))
      return FALSE;

  return TRUE;
}

/* Checks every dict and set of the sealed tree. */
gboolean
mp_plain_check_keys (MpPlain  *self,
                     gboolean  for_python)
{
  KeyCheck check = { self, for_python };
  const MpPlainNode *last = NULL;

  for (gsize i = 0; i < self->n_nodes; i++)
    {
      const MpPlainNode *node = &self->nodes[i];

      if (!has_keys (node) || (last != NULL && same_strings (self, last, node)))
        continue;
      if (!check_node (&check, node))
        return FALSE;
      last = node;
    }

  return TRUE;
}

static int
compare_members (gconstpointer a,
                 gconstpointer b,
                 gpointer      plain)
{
  return compare (plain, *(const MpPlainValue *) a, *(const MpPlainValue *) b);
}

static void
normalize_value (MpPlain      *self,
                 MpPlainValue *value)
{
  MpPlainNode *node;

  mp_plain_unwrap (self, value);
  if (value->kind == MP_PLAIN_DATETIME)
    value->length = 0;
  else if (value->kind == MP_PLAIN_DOUBLE && isnan (value->as.d))
    value->as.u = G_GUINT64_CONSTANT (0x7ff8000000000000);
  else if (value->kind == MP_PLAIN_DOUBLE)
    *value = fold_number (*value);
  if (!mp_plain_is_container (*value) || value->kind == MP_PLAIN_GOBJECT)
    return;

  node = mp_plain_node (self, *value);
  if (node->kind == MP_PLAIN_TUPLE)
    node->kind = MP_PLAIN_LIST;
  if (node->kind == MP_PLAIN_FROZENSET)
    node->kind = MP_PLAIN_SET;
  value->kind = node->kind;
  if (node->state == MP_PLAIN_NORMAL)
    return;

  node->state = MP_PLAIN_NORMAL;
  for (guint32 i = 0; i < node->count; i++)
    normalize_value (self, &self->values[node->start + i]);
  if (node->kind == MP_PLAIN_SET && node->count > 1)
    g_qsort_with_data (self->values + node->start, node->count, sizeof (MpPlainValue),
                       compare_members, self);
}

/* The vector that @value is as a list; if of bytes, as these. */
static gboolean
expand_vector (MpPlain      *self,
               MpPlainValue *value)
{
  MpPlainValue vector = *value, item;
  const MpVectorType *type = mp_plain_vector (self, vector, value);
  gsize first = self->n_stack, count = value->length / type->size;

  value->extra = 0;
  if (type->variant == 'y')
    return TRUE;

  for (gsize i = 0; i < count; i++)
    if (!mp_plain_vector_item (self, vector, i, &item) || !mp_plain_push (self, item))
      return FALSE;
  if (!mp_plain_wrap (self, MP_PLAIN_LIST, first))
    return FALSE;

  *value = self->stack[--self->n_stack];
  mp_plain_node (self, *value)->state = MP_PLAIN_SEALED;
  return TRUE;
}

/* Replaces the vectors of the tree. By index, since a list more can move all values. */
static gboolean
expand_vectors (MpPlain *self)
{
  gsize n_nodes = self->n_nodes;
  MpPlainValue value = self->stack[0];

  if (value.kind == MP_PLAIN_VECTOR)
    {
      if (!expand_vector (self, &value))
        return FALSE;
      self->stack[0] = value;
    }

  for (gsize i = 0; i < n_nodes; i++)
    for (guint32 j = 0; self->nodes[i].state >= MP_PLAIN_SEALED && j < self->nodes[i].count; j++)
      {
        value = self->values[self->nodes[i].start + j];
        if (value.kind != MP_PLAIN_VECTOR)
          continue;
        if (!expand_vector (self, &value))
          return FALSE;
        self->values[self->nodes[i].start + j] = value;
      }

  return TRUE;
}

/* Takes away what languages differ in: tuple or list, list or vector, frozen or not, 1.0 or 1, the
 * zone of a moment, the order of a set. The order of a dict stays. */
gboolean
mp_plain_normalize (MpPlain *self)
{
  if (!expand_vectors (self))
    return FALSE;

  normalize_value (self, &self->stack[0]);
  return TRUE;
}
