/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * GVariants and GObjects in the tree, which keep their bytes.
 *
 * Python and JavaScript can put a GVariant. To their own readers it is that, to C and Vala too, of
 * the very type it had; to the others it is the plain value that C could have put. So it becomes a
 * container of two: what it is as a plain value, and the bytes of a serialized `v`. Reading it
 * first makes sure that the bytes are in normal form, so they may be written without a look.
 *
 * A GObject that implements MpSerializable is in all encodings the extension "mp.gobject", whose
 * content is its type's name and its state, of the type (sv). It is kept in the same way. Nobody
 * but its reader knows whether that type exists there.
 */

#include "config.h"

#include "mproc/base/mp-plain-private.h"

#include "mproc/base/mp-plain-out-private.h"

/* Wraps what is from @first up on the stack together with the bytes. */
static gboolean
wrap_raw (MpPlain      *self,
          MpPlainKind   kind,
          MpPlainValue  bytes,
          guint         levels)
{
  bytes.extra = (guint16) levels;
  return mp_plain_push (self, bytes) && mp_plain_wrap (self, kind, self->n_stack - 2);
}

/* Pushes what is in the serialized `v` that the bytes are. */
gboolean
mp_plain_push_variant (MpPlain      *self,
                       MpPlainValue  bytes)
{
  guint levels;

  if (!mp_variant_read_inner (self, bytes, &levels))
    return FALSE;
  if (self->stack[self->n_stack - 1].kind == MP_PLAIN_GOBJECT)
    return TRUE;

  return wrap_raw (self, MP_PLAIN_VARIANT, bytes, levels);
}

static gboolean
is_name_and_state (MpPlain      *self,
                   MpPlainValue  value)
{
  MpPlainNode *node = value.kind == MP_PLAIN_TUPLE ? mp_plain_node (self, value) : NULL;

  return node != NULL && node->count == 2 && self->values[node->start].kind == MP_PLAIN_STR;
}

/* Makes a GObject of the pair on top of the stack. The bytes at @data are the extension's, without
 * the end of the maybe; those kept are of the `v` that would hold it. */
gboolean
mp_plain_push_gobject (MpPlain       *self,
                       gconstpointer  data,
                       gsize          size,
                       guint          levels)
{
  static const char end[] = "\0\0m(sv)";
  gsize n_end = sizeof end - 1, start = self->n_scratch;
  MpPlainValue bytes = { .kind = MP_PLAIN_BYTES, .flags = MP_PLAIN_SCRATCH, .as.offset = start,
                         .length = (guint32) (size + n_end) };
  guint8 *space;

  if (!is_name_and_state (self, self->stack[self->n_stack - 1]))
    return mp_plain_fail (self, MP_ERROR_INVALID_DATA, "A GObject has no name and state");

  space = mp_plain_scratch (self, size + n_end);
  if (space == NULL)
    return FALSE;
  memcpy (space, data, size);
  memcpy (space + size, end, n_end);

  return wrap_raw (self, MP_PLAIN_GOBJECT, bytes, levels + 2);
}

/* The plain value of a GVariant; of a GObject, its name and state. */
MpPlainValue
mp_plain_raw_value (MpPlain      *self,
                    MpPlainValue  raw)
{
  return self->values[mp_plain_node (self, raw)->start];
}

MpPlainValue
mp_plain_raw_bytes (MpPlain      *self,
                    MpPlainValue  raw)
{
  return self->values[mp_plain_node (self, raw)->start + 1];
}

/* A GVariant becomes the plain value that it is. */
void
mp_plain_unwrap (MpPlain      *self,
                 MpPlainValue *value)
{
  while (value->kind == MP_PLAIN_VARIANT)
    *value = mp_plain_raw_value (self, *value);
}
