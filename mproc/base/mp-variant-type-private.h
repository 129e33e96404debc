/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * GVariant type strings, parsed once into a table with what serialization needs: alignment, fixed
 * size, members. Types are named by their index, since the table moves when it grows. Every table
 * begins with the basic and the canonical types, which are in it once for all. Whoever parses
 * another one for a short time sets n_types back afterwards.
 */

#pragma once

#include "mproc/base/mp-variant-canonical-private.h"

G_BEGIN_DECLS

/* How deep GVariant lets values and types nest. */
#define MP_VARIANT_MAX_DEPTH 128

typedef struct _MpVariantType {
  char    kind;        /* the first character of the type string */
  guint8  alignment;   /* 1, 2, 4 or 8 */
  guint8  extension;   /* this is m(sv) */
  guint8  vardict;     /* this is a{sv} */
  guint32 child;       /* element, or first member */
  guint32 next;        /* the following member, 0 for none */
  guint32 count;       /* of members */
  guint32 frames;      /* framing offsets a serialized tuple has */
  guint64 fixed;       /* bytes a value takes, 0 if they vary */
} MpVariantType;

gboolean mp_variant_types_init  (MpPlain        *plain);
gboolean mp_variant_types_parse (MpPlain        *plain,
                                 const char     *text,
                                 gsize           length,
                                 guint32        *type);

static inline gsize
mp_variant_align (gsize offset,
                  guint alignment)
{
  return (offset + alignment - 1) & ~(gsize) (alignment - 1);
}

/* The bytes of each framing offset in a container of @size bytes in all. */
static inline guint
mp_variant_offset_size (gsize size)
{
  if (size <= G_MAXUINT8)
    return 1;
  if (size <= G_MAXUINT16)
    return 2;
  return size <= G_MAXUINT32 ? 4 : 8;
}

/* The same, for a container of @body bytes and @count framing offsets. */
static inline guint
mp_variant_choose_offset_size (gsize body,
                               gsize count)
{
  if (body + count <= G_MAXUINT8)
    return 1;
  if (body + 2 * count <= G_MAXUINT16)
    return 2;
  return body + 4 * count <= G_MAXUINT32 ? 4 : 8;
}

G_END_DECLS
