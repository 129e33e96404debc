/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Arrays of numbers of several dimensions, or of none, in the tree.
 *
 * An array is a container of three: the name of its numbers' type as numpy spells it ("<f8"), the
 * list of its dimensions, and the bytes, the last index changing fastest. So it costs what its
 * bytes cost. One whose first index changes fastest is turned around when it is read, so that
 * readers have one order to know. Numbers are in native byte order.
 */

#include "config.h"

#include "mproc/base/mp-plain-private.h"

/* As many as numpy has. */
#define MAX_DIMENSIONS 32

/* The letters before numpy's types that say whose byte order it is: this machine's, or anyone's. */
#define NATIVE (G_BYTE_ORDER == G_LITTLE_ENDIAN ? '<' : '>')
#define ANY '|'

/* How many bytes an array of that shape takes; FALSE if that is no shape. */
static gboolean
measure (MpPlain           *self,
         const MpPlainNode *shape,
         gsize              item,
         guint64           *size)
{
  *size = item;
  if (shape->count > MAX_DIMENSIONS)
    return FALSE;

  for (guint32 i = 0; i < shape->count; i++)
    {
      MpPlainValue dimension = self->values[shape->start + i];

      if (dimension.kind != MP_PLAIN_INT || dimension.as.i < 0 ||
          (*size > 0 && dimension.as.u > G_MAXUINT32 / *size))
        return FALSE;
      *size *= dimension.as.u;
    }

  return TRUE;
}

/* Moves @indices on by one, the last changing fastest; returns where their number is in an array
 * whose first index changes fastest. */
static gsize
next_place (const gint64 *shape,
            gint64       *indices,
            guint         n)
{
  gsize place = 0;

  for (guint i = n; i-- > 0;)
    {
      if (++indices[i] < shape[i])
        break;
      indices[i] = 0;
    }
  for (guint i = n; i-- > 0;)
    place = place * shape[i] + indices[i];

  return place;
}

/* The same numbers in the other order, in the scratch area. */
static gboolean
turn_around (MpPlain           *self,
             const MpPlainNode *node,
             gsize              item,
             MpPlainValue      *bytes)
{
  gint64 shape[MAX_DIMENSIONS], indices[MAX_DIMENSIONS] = { 0 };
  gsize offset = self->n_scratch, place = 0;
  guint8 *space = mp_plain_scratch (self, bytes->length);
  const guint8 *data = mp_plain_data (self, *bytes);

  if (space == NULL)
    return FALSE;

  for (guint i = 0; i < node->count; i++)
    shape[i] = self->values[node->start + i].as.i;
  for (gsize at = 0; at < bytes->length; at += item)
    {
      memcpy (space + at, data + place * item, item);
      place = next_place (shape, indices, node->count);
    }

  bytes->flags |= MP_PLAIN_SCRATCH;
  bytes->as.offset = offset;
  return TRUE;
}

static gboolean
push_name (MpPlain *self,
           char     kind,
           gsize    item)
{
  gsize offset = self->n_scratch;
  guint8 *name = mp_plain_scratch (self, 3);

  if (name == NULL)
    return FALSE;

  name[0] = item == 1 ? ANY : NATIVE;
  name[1] = kind;
  name[2] = '0' + item;
  return mp_plain_push_data (self, MP_PLAIN_STR, offset, 3, MP_PLAIN_SCRATCH);
}

/* Pushes what is in the container of an array; FALSE, perhaps without an error, if the numbers of
 * @item bytes do not fill the @shape, a tuple or list. */
gboolean
mp_plain_push_parts (MpPlain      *self,
                     MpPlainValue  bytes,
                     char          kind,
                     gsize         item,
                     MpPlainValue  shape,
                     gboolean      first_fastest)
{
  MpPlainNode *node = mp_plain_is_container (shape) ? mp_plain_node (self, shape) : NULL;
  gsize first = self->n_stack;
  guint64 size;

  if ((shape.kind != MP_PLAIN_TUPLE && shape.kind != MP_PLAIN_LIST) ||
      !mp_plain_vector_bytes (self, &bytes, kind, item) || !measure (self, node, item, &size) ||
      size != bytes.length)
    return FALSE;

  bytes.extra = 0;
  if (first_fastest && node->count > 1 && size > 0 && !turn_around (self, node, item, &bytes))
    return FALSE;
  if (!push_name (self, kind, item))
    return FALSE;
  for (guint32 i = 0, n = node->count; i < n; i++)
    if (!mp_plain_push (self, self->values[mp_plain_node (self, shape)->start + i]))
      return FALSE;

  self->has_arrays |= mp_plain_node (self, shape)->count != 1;
  return mp_plain_wrap (self, MP_PLAIN_LIST, first + 1) && mp_plain_push (self, bytes);
}

/* Pushes an array whose numbers are called @name; FALSE, perhaps without an error, if there is
 * none. One of a single dimension is a vector. */
gboolean
mp_plain_push_array (MpPlain      *self,
                     MpPlainValue  name,
                     MpPlainValue  shape,
                     MpPlainValue  bytes)
{
  gsize first = self->n_stack, item;
  char text[3];

  if (name.kind != MP_PLAIN_STR || name.length != sizeof text)
    return FALSE;

  memcpy (text, mp_plain_data (self, name), sizeof text);
  item = text[2] - '0';
  if (text[2] < '1' || text[2] > '8' || (text[0] != NATIVE && (text[0] != ANY || item > 1)) ||
      !mp_plain_push_parts (self, bytes, text[1], item, shape, FALSE))
    return FALSE;
  if (mp_plain_node (self, shape)->count != 1)
    return mp_plain_wrap (self, MP_PLAIN_ARRAY, first);

  self->n_stack = first;
  return mp_plain_push_vector (self, bytes, text[1], item);
}

/* The name of an array's numbers, its dimensions, its bytes. */
const MpPlainValue *
mp_plain_parts (MpPlain      *self,
                MpPlainValue  array)
{
  return mp_plain_children (self, mp_plain_node (self, array));
}
