/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The tree between two encodings: the making of containers, and the check that a writer may walk
 * it. What belongs to one encoding is in its reader and writer.
 *
 * A list that grows in steps, as pickles build them, stays in place while it is the last one and
 * else moves to the end with twice the room, so appending is linear over all.
 */

#include "config.h"

#include "mproc/base/mp-plain-private.h"

#include "mproc/base/mp-pickle-private.h"

/* Bytes of the handle of a shared object; real ones have less than a hundred. */
#define MAX_HANDLE 255

/* What each kind is called in messages. */
static const char * const kind_names[] = {
  [MP_PLAIN_NONE] = "nothing",
  [MP_PLAIN_BOOL] = "bool",
  [MP_PLAIN_INT] = "integer",
  [MP_PLAIN_UINT] = "integer",
  [MP_PLAIN_BIGINT] = "big integer",
  [MP_PLAIN_DOUBLE] = "float",
  [MP_PLAIN_STR] = "string",
  [MP_PLAIN_BYTES] = "bytes",
  [MP_PLAIN_DATETIME] = "date-time",
  [MP_PLAIN_OBJECT] = "shared object",
  [MP_PLAIN_LIST] = "list",
  [MP_PLAIN_TUPLE] = "tuple",
  [MP_PLAIN_DICT] = "dict",
  [MP_PLAIN_SET] = "set",
  [MP_PLAIN_FROZENSET] = "frozenset",
  [MP_PLAIN_VECTOR] = "vector",
  [MP_PLAIN_VARIANT] = "GVariant",
  [MP_PLAIN_GOBJECT] = "GObject",
  [MP_PLAIN_ARRAY] = "array",
  [MP_PLAIN_FOREIGN] = "foreign object",
};

const char *
mp_plain_kind_name (MpPlainKind kind)
{
  return kind_names[kind];
}

/* Takes the values from @first up off the stack, and pushes a container of them. */
gboolean
mp_plain_wrap (MpPlain     *self,
               MpPlainKind  kind,
               gsize        first)
{
  gsize count = self->n_stack - first;
  MpPlainNode *node;

  if (!mp_plain_grow (self, &self->values, &self->values_room, self->n_values + count,
                      sizeof (MpPlainValue)) ||
      !mp_plain_grow (self, &self->nodes, &self->nodes_room, self->n_nodes + 1,
                      sizeof (MpPlainNode)))
    return FALSE;

  node = &self->nodes[self->n_nodes];
  *node = (MpPlainNode) { .start = self->n_values, .count = count, .room = count, .kind = kind };
  if (count > 0)
    memcpy (self->values + node->start, self->stack + first, count * sizeof (MpPlainValue));
  self->n_values += count;
  self->n_stack = first;

  return mp_plain_push (self, (MpPlainValue) { .kind = kind, .as.node = self->n_nodes++ });
}

/* Gives @node room for @count children, where it lies or at the end. */
static gboolean
reserve_children (MpPlain *self,
                  guint32  index,
                  gsize    count)
{
  MpPlainNode *node = &self->nodes[index];
  gboolean last = node->start + node->room == self->n_values;
  gsize room = (node->count == 0 || last) ? count : MAX (count, 2 * (gsize) node->count);
  gsize start = last ? node->start : self->n_values;

  if (count <= node->room)
    return TRUE;
  if (!mp_plain_grow (self, &self->values, &self->values_room, start + room,
                      sizeof (MpPlainValue)))
    return FALSE;

  if (!last && node->count > 0)
    memcpy (self->values + start, self->values + node->start,
            node->count * sizeof (MpPlainValue));
  node->start = start;
  node->room = room;
  self->n_values = start + room;
  return TRUE;
}

/* Moves the values from @first up off the stack to the end of the container. */
gboolean
mp_plain_extend (MpPlain *self,
                 guint32  node,
                 gsize    first)
{
  gsize count = self->n_stack - first;
  MpPlainNode *target = &self->nodes[node];

  if (!reserve_children (self, node, target->count + count))
    return FALSE;

  if (count > 0)
    memcpy (self->values + target->start + target->count, self->stack + first,
            count * sizeof (MpPlainValue));
  target->count += count;
  self->n_stack = first;
  return TRUE;
}

/* The length of the run of plain ASCII that begins the text; notes a NUL in it. */
static gsize
ascii_run (const guint8 *text,
           gsize         length,
           guint8       *flags)
{
  const guint64 ones = G_GUINT64_CONSTANT (0x0101010101010101);
  const guint64 highs = ones << 7;
  gsize i = 0;

  for (; i + 8 <= length; i += 8)
    {
      guint64 word;

      memcpy (&word, text + i, 8);
      if (word & highs)
        break;
      if ((word - ones) & ~word & highs)
        *flags |= MP_PLAIN_HAS_NUL;
    }
  for (; i < length && text[i] < 0x80; i++)
    if (text[i] == 0)
      *flags |= MP_PLAIN_HAS_NUL;

  return i;
}

/* Whether the text is UTF-8; notes a NUL in it, which g_utf8_validate() takes for an error. */
static gboolean
check_utf8 (const guint8 *text,
            gsize         length,
            guint8       *flags)
{
  gsize i = ascii_run (text, length, flags);

  while (i < length)
    {
      const char *end;

      if (g_utf8_validate_len ((const char *) text + i, length - i, &end))
        return TRUE;
      if (*end != '\0')
        return FALSE;
      *flags |= MP_PLAIN_HAS_NUL;
      i = (const guint8 *) end + 1 - text;
    }

  return TRUE;
}

gboolean
mp_plain_push_str (MpPlain *self,
                   gsize    offset,
                   gsize    length,
                   guint8   flags)
{
  const guint8 *base = (flags & MP_PLAIN_SCRATCH) ? self->scratch : self->input;

  if (length > 0 && !check_utf8 (base + offset, length, &flags))
    return mp_plain_fail (self, MP_ERROR_INVALID_DATA, "A string is not valid UTF-8");

  return mp_plain_push_data (self, MP_PLAIN_STR, offset, length, flags);
}

/* A shared object, if that can be a handle; FALSE without an error if not. */
gboolean
mp_plain_push_object (MpPlain      *self,
                      MpPlainValue  handle)
{
  if (handle.kind != MP_PLAIN_STR || handle.length == 0 || handle.length > MAX_HANDLE ||
      (handle.flags & MP_PLAIN_HAS_NUL))
    return FALSE;

  handle.kind = MP_PLAIN_OBJECT;
  self->has_objects = TRUE;
  return mp_plain_push (self, handle);
}

/* Lists in a place where Python wants something hashable become tuples, sets frozen sets. */
gboolean
mp_plain_freeze (MpPlain      *self,
                 MpPlainValue *value)
{
  MpPlainNode *node;

  if (!mp_plain_is_container (*value))
    return TRUE;

  node = mp_plain_node (self, *value);
  if (value->kind == MP_PLAIN_SET)
    node->kind = value->kind = MP_PLAIN_FROZENSET;
  else if (value->kind == MP_PLAIN_LIST)
    {
      node->kind = value->kind = MP_PLAIN_TUPLE;
      for (guint32 i = 0; i < node->count; i++)
        if (!mp_plain_freeze (self, &self->values[node->start + i]))
          return FALSE;
    }

  return TRUE;
}

/* Turns the list of pairs on top of the stack into a dict. */
gboolean
mp_plain_pairs (MpPlain  *self,
                gboolean  freeze_keys)
{
  MpPlainValue list = self->stack[self->n_stack - 1];
  gsize first = self->n_stack;
  guint32 start, count;

  if (list.kind != MP_PLAIN_LIST)
    return mp_plain_fail (self, MP_ERROR_INVALID_DATA, "A dict is no list of pairs");

  start = mp_plain_node (self, list)->start;
  count = mp_plain_node (self, list)->count;
  for (guint32 i = 0; i < count; i++)
    {
      MpPlainValue pair = self->values[start + i];
      MpPlainNode *node = mp_plain_is_container (pair) ? mp_plain_node (self, pair) : NULL;

      if ((pair.kind != MP_PLAIN_LIST && pair.kind != MP_PLAIN_TUPLE) || node->count != 2)
        return mp_plain_fail (self, MP_ERROR_INVALID_DATA, "A dict is no list of pairs");
      if (freeze_keys && !mp_plain_freeze (self, &self->values[node->start]))
        return FALSE;
      if (!mp_plain_push (self, self->values[node->start]) ||
          !mp_plain_push (self, self->values[node->start + 1]))
        return FALSE;
    }

  if (!mp_plain_wrap (self, MP_PLAIN_DICT, first))
    return FALSE;
  self->stack[first - 1] = self->stack[first];
  self->n_stack = first;
  return TRUE;
}

static gboolean seal_node (MpPlain *self, guint32 index, guint depth);

static gboolean
too_deep (MpPlain *self)
{
  return mp_plain_fail (self, MP_ERROR_NOT_PLAIN,
                        "The value is nested deeper than %d containers", MP_PLAIN_MAX_DEPTH);
}

/* Adds what @child costs to @cost and raises @height if it is a higher container. */
static inline gboolean
seal_child (MpPlain      *self,
            MpPlainValue *child,
            guint         depth,
            guint64      *cost,
            guint8       *height)
{
  *cost += sizeof *child;
  if (child->kind <= MP_PLAIN_UINT || child->kind == MP_PLAIN_DOUBLE ||
      child->kind == MP_PLAIN_DATETIME)
    return TRUE;

  if (mp_plain_is_container (*child))
    {
      if (!seal_node (self, child->as.node, depth))
        return FALSE;
      *cost += mp_plain_node (self, *child)->cost;
      *height = MAX (*height, mp_plain_node (self, *child)->height);
      /* It may have been copied before it was known how many dimensions it has. */
      child->kind = mp_plain_node (self, *child)->kind;
      return TRUE;
    }

  if (child->kind == MP_PLAIN_FOREIGN)
    return mp_plain_fail (self, MP_ERROR_NOT_PLAIN, "Python object of type %s",
                          mp_pickle_foreign_name (*child));

  *cost += child->length;
  return TRUE;
}

/* @depth counts the containers around this one. Recursion ends at the depth limit. */
static gboolean
seal_node (MpPlain *self,
           guint32  index,
           guint    depth)
{
  MpPlainNode *node = &self->nodes[index];
  guint64 cost = 0;
  guint8 height = 0;

  if (node->state == MP_PLAIN_OPEN)
    return mp_plain_fail (self, MP_ERROR_NOT_PLAIN, "A Python %s that contains itself",
                          mp_plain_kind_name (node->kind));
  if (node->pending)
    return mp_plain_fail (self, MP_ERROR_INVALID_DATA, "A pickled array has no contents");
  if (depth >= MP_PLAIN_MAX_DEPTH ||
      (node->state == MP_PLAIN_SEALED && depth + node->height > MP_PLAIN_MAX_DEPTH))
    return too_deep (self);
  if (node->state == MP_PLAIN_SEALED)
    return TRUE;

  node->state = MP_PLAIN_OPEN;
  for (guint32 i = 0; i < node->count; i++)
    if (!seal_child (self, &self->values[node->start + i], depth + 1, &cost, &height))
      return FALSE;
  if (cost > self->budget)
    return mp_plain_fail (self, MP_ERROR_NOT_PLAIN,
                          "The value shares parts so often that written out it is too large");

  node->state = MP_PLAIN_SEALED;
  node->cost = cost;
  node->height = height + 1;
  return TRUE;
}

/* Checks that the one value on the stack is a finite tree of bounded depth and size. */
gboolean
mp_plain_seal (MpPlain *self)
{
  guint64 cost = 0;
  guint8 height = 0;

  if (self->n_stack != 1)
    return mp_plain_fail (self, MP_ERROR_INVALID_DATA, "The data are not one value");

  return seal_child (self, &self->stack[0], 0, &cost, &height);
}
