/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Numeric vectors in the tree: typed arrays of JavaScript, arrays of numpy and of array.array.
 *
 * A vector is a container whose one child is the bytes of the numbers, in native byte order; the
 * child says in its extra field what they are. So a vector of a million numbers costs what its
 * bytes cost, and writing it is one copy wherever the other side has the same kind of array. Where
 * it has not, the writer asks for the numbers one by one.
 *
 * The kinds are numpy's letters: 'i', 'u', 'f' and 'b' for bool. Only numpy has the latter.
 */

#include "config.h"

#include "mproc/base/mp-plain-private.h"

static const MpVectorType types[] = {
  { 'f', 8, 'd', 'd', "float64" },
  { 'f', 4, 0, 'f', "float32" },
  { 'i', 8, 'x', 'q', "int64" },
  { 'i', 4, 'i', 'i', "int32" },
  { 'i', 2, 'n', 'h', "int16" },
  { 'i', 1, 0, 'b', "int8" },
  { 'u', 8, 't', 'Q', "uint64" },
  { 'u', 4, 'u', 'I', "uint32" },
  { 'u', 2, 'q', 'H', "uint16" },
  { 'u', 1, 'y', 'B', "bytes" },
  { 'b', 1, 0, 0, NULL },
};

#define PUSH_AS(c_type, push)               \
  {                                         \
    c_type number;                          \
    memcpy (&number, raw, sizeof number);   \
    return push;                            \
  }

/* Pushes the number of @size bytes at @raw; FALSE without an error if there is no such kind. */
gboolean
mp_plain_push_raw (MpPlain      *self,
                   char          kind,
                   gsize         size,
                   const guint8 *raw)
{
  switch (kind << 8 | size)
    {
    case 'b' << 8 | 1:
      return mp_plain_push_simple (self, MP_PLAIN_BOOL, raw[0] != 0);
    case 'i' << 8 | 1:
      return mp_plain_push_simple (self, MP_PLAIN_INT, (gint8) raw[0]);
    case 'i' << 8 | 2:
      PUSH_AS (gint16, mp_plain_push_simple (self, MP_PLAIN_INT, number))
    case 'i' << 8 | 4:
      PUSH_AS (gint32, mp_plain_push_simple (self, MP_PLAIN_INT, number))
    case 'i' << 8 | 8:
      PUSH_AS (gint64, mp_plain_push_simple (self, MP_PLAIN_INT, number))
    case 'u' << 8 | 1:
      return mp_plain_push_simple (self, MP_PLAIN_INT, raw[0]);
    case 'u' << 8 | 2:
      PUSH_AS (guint16, mp_plain_push_simple (self, MP_PLAIN_INT, number))
    case 'u' << 8 | 4:
      PUSH_AS (guint32, mp_plain_push_simple (self, MP_PLAIN_INT, number))
    case 'u' << 8 | 8:
      PUSH_AS (guint64, mp_plain_push_unsigned (self, number))
    case 'f' << 8 | 4:
      PUSH_AS (float, mp_plain_push_double (self, number))
    case 'f' << 8 | 8:
      PUSH_AS (double, mp_plain_push_double (self, number))
    default:
      return FALSE;
    }
}

#undef PUSH_AS

/* Makes the bytes those of a vector; FALSE without an error if they cannot be. */
gboolean
mp_plain_vector_bytes (MpPlain      *self,
                       MpPlainValue *bytes,
                       char          kind,
                       gsize         size)
{
  for (guint i = 0; bytes->kind == MP_PLAIN_BYTES && i < G_N_ELEMENTS (types); i++)
    if (types[i].kind == kind && types[i].size == size)
      {
        bytes->extra = i;
        return bytes->length % size == 0;
      }

  return FALSE;
}

/* Pushes a vector that has these bytes. */
gboolean
mp_plain_push_vector (MpPlain      *self,
                      MpPlainValue  bytes,
                      char          kind,
                      gsize         size)
{
  return mp_plain_vector_bytes (self, &bytes, kind, size) && mp_plain_push (self, bytes) &&
         mp_plain_wrap (self, MP_PLAIN_VECTOR, self->n_stack - 1);
}

const MpVectorType *
mp_plain_vector (MpPlain      *self,
                 MpPlainValue  vector,
                 MpPlainValue *bytes)
{
  *bytes = self->values[mp_plain_node (self, vector)->start];
  return &types[bytes->extra];
}

gboolean
mp_plain_vector_item (MpPlain      *self,
                      MpPlainValue  vector,
                      gsize         index,
                      MpPlainValue *item)
{
  MpPlainValue bytes;
  const MpVectorType *type = mp_plain_vector (self, vector, &bytes);

  if (!mp_plain_push_raw (self, type->kind, type->size,
                          mp_plain_data (self, bytes) + index * type->size))
    return FALSE;

  *item = self->stack[--self->n_stack];
  return TRUE;
}

/* The vector that JSON calls so, or NULL. */
const MpVectorType *
mp_vector_type_of_json (const guint8 *name,
                        gsize         length)
{
  for (guint i = 0; i < G_N_ELEMENTS (types); i++)
    if (types[i].json != NULL && strlen (types[i].json) == length &&
        memcmp (types[i].json, name, length) == 0)
      return &types[i];

  return NULL;
}
