/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * MpPlainOut: the bytes a writer has written so far, in the tree that it writes. It grows by
 * doubling; every call that may have to grow returns NULL or FALSE if there is no memory. What is
 * written is bounded, because the tree is sealed.
 */

#pragma once

#include "mproc/base/mp-plain-private.h"

G_BEGIN_DECLS

gboolean  mp_plain_out_grow     (MpPlainOut *self,
                                 gsize       more);
GBytes   *mp_plain_out_steal    (MpPlainOut *self);

/* The writers: each appends the one value of the sealed tree. */
gboolean  mp_variant_write      (MpPlain    *plain,
                                 MpPlainOut *out);
gboolean  mp_variant_write_as   (MpPlain            *plain,
                                 MpPlainOut         *out,
                                 const GVariantType *type);
gboolean  mp_pickle_write       (MpPlain    *plain,
                                 MpPlainOut *out);
gboolean  mp_json_write         (MpPlain    *plain,
                                 MpPlainOut *out);

/* The readers: each pushes the one value of the input. */
gboolean  mp_variant_read       (MpPlain    *plain);
/* The same for a serialized `v` in bytes of the value; @levels: how deep that nests. */
gboolean  mp_variant_read_inner (MpPlain      *plain,
                                 MpPlainValue  bytes,
                                 guint        *levels);
gboolean  mp_pickle_read        (MpPlain    *plain);
gboolean  mp_json_read          (MpPlain    *plain);

/* Space for @length bytes, already counted as written. */
static inline guint8 *
mp_plain_out_take (MpPlainOut *self,
                   gsize       length)
{
  guint8 *space;

  if (G_UNLIKELY (self->room - self->length < length || self->data == NULL) &&
      !mp_plain_out_grow (self, length))
    return NULL;

  space = self->data + self->length;
  self->length += length;
  return space;
}

static inline gboolean
mp_plain_out_byte (MpPlainOut *self,
                   guint8      byte)
{
  guint8 *space = mp_plain_out_take (self, 1);

  if (space == NULL)
    return FALSE;

  *space = byte;
  return TRUE;
}

static inline gboolean
mp_plain_out_bytes (MpPlainOut    *self,
                    gconstpointer  data,
                    gsize          length)
{
  guint8 *space = mp_plain_out_take (self, length);

  if (space == NULL)
    return FALSE;

  if (length > 0)
    memcpy (space, data, length);
  return TRUE;
}

/* A literal of C. */
#define mp_plain_out_text(self, literal) \
  mp_plain_out_bytes ((self), "" literal, sizeof (literal) - 1)

G_END_DECLS
