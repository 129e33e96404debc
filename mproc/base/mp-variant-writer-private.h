/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The state of the GVariant writer, and how it appends to its output. Values of an expected type
 * are written in mp-variant-writer.c, those whose type is the canonical one in mp-variant-boxed.c.
 */

#pragma once

#include "mproc/base/mp-plain-out-private.h"
#include "mproc/base/mp-variant-type-private.h"

G_BEGIN_DECLS

/* GVariant counts the levels of the type below too; a few less than its limit is safe. */
#define MAX_WRITE_DEPTH (MP_VARIANT_MAX_DEPTH - 2)

typedef struct {
  MpPlain        *plain;
  MpPlainOut     *out;
  gsize           n_ends;    /* of the plain's offsets: ends of the elements of open containers */
  gboolean        misfit;    /* the error is about the expected type, and wants its place */
} MpVariantWriter;

gboolean mp_variant_writer_put     (MpVariantWriter *self,
                                    MpPlainValue     value,
                                    guint32          type,
                                    guint            depth);

/* mp-variant-boxed.c */
gboolean mp_variant_put_boxed      (MpVariantWriter *self,
                                    MpPlainValue     value,
                                    guint            depth);
gboolean mp_variant_put_extension  (MpVariantWriter *self,
                                    MpPlainValue     value,
                                    guint            depth);
gboolean mp_variant_put_vardict    (MpVariantWriter *self,
                                    MpPlainNode     *node,
                                    guint            depth);
gboolean mp_variant_put_strings    (MpVariantWriter *self,
                                    MpPlainNode     *node);

static inline gboolean
mp_variant_no_memory (MpVariantWriter *self)
{
  return mp_plain_fail (self->plain, MP_ERROR_FAILED, "There is no memory for the value");
}

static inline gboolean
mp_variant_check_depth (MpVariantWriter *self,
                        guint            depth)
{
  return G_LIKELY (depth <= MAX_WRITE_DEPTH) ||
         mp_plain_fail (self->plain, MP_ERROR_NOT_PLAIN,
                        "The value is nested deeper than a GVariant can be");
}

/* Space for @length bytes, @padding zeros before them. */
static inline guint8 *
mp_variant_take (MpVariantWriter *self,
                 guint            alignment,
                 gsize            length)
{
  gsize padding = mp_variant_align (self->out->length, alignment) - self->out->length;
  guint8 *space = mp_plain_out_take (self->out, padding + length);

  if (G_UNLIKELY (space == NULL))
    {
      mp_variant_no_memory (self);
      return NULL;
    }

  for (gsize i = 0; i < padding; i++)
    space[i] = 0;
  return space + padding;
}

static inline gboolean
mp_variant_pad (MpVariantWriter *self,
                guint            alignment)
{
  return (self->out->length & (alignment - 1)) == 0 || mp_variant_take (self, alignment, 0) != NULL;
}

static inline gboolean
mp_variant_put_byte (MpVariantWriter *self,
                     guint8           byte)
{
  return mp_plain_out_byte (self->out, byte) || mp_variant_no_memory (self);
}

static inline gboolean
mp_variant_put_bytes (MpVariantWriter *self,
                      gconstpointer    data,
                      gsize            length)
{
  return mp_plain_out_bytes (self->out, data, length) || mp_variant_no_memory (self);
}

/* Room for the ends of @count elements, from the mark on that is returned in @mark. */
static inline gboolean
mp_variant_open_frames (MpVariantWriter *self,
                        gsize            count,
                        gsize           *mark)
{
  MpPlain *plain = self->plain;

  *mark = self->n_ends;
  self->n_ends += count;
  return self->n_ends <= plain->offsets_room ||
         mp_plain_grow (plain, &plain->offsets, &plain->offsets_room, self->n_ends,
                        sizeof (gsize));
}

/* Writes @count framing offsets of @width bytes. */
static inline void
mp_variant_store_frames (guint8      *space,
                         const gsize *ends,
                         gsize        count,
                         guint        width)
{
  for (gsize i = 0; i < count; i++)
    switch (width)
      {
      case 1:
        space[i] = ends[i];
        break;
      case 2:
        memcpy (space + 2 * i, &(guint16) { ends[i] }, 2);
        break;
      case 4:
        memcpy (space + 4 * i, &(guint32) { ends[i] }, 4);
        break;
      default:
        memcpy (space + 8 * i, &(guint64) { ends[i] }, 8);
        break;
      }
}

/* Writes the framing offsets from @mark on, of a container that began at @start. */
static inline gboolean
mp_variant_put_frames (MpVariantWriter *self,
                       gsize            start,
                       gsize            mark)
{
  gsize count = self->n_ends - mark;
  guint width = mp_variant_choose_offset_size (self->out->length - start, count);
  guint8 *space = count > 0 ? mp_plain_out_take (self->out, count * width) : NULL;

  if (count > 0 && space == NULL)
    return mp_variant_no_memory (self);

  if (count > 0)
    mp_variant_store_frames (space, self->plain->offsets + mark, count, width);
  self->n_ends = mark;
  return TRUE;
}

G_END_DECLS
