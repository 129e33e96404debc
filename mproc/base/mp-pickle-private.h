/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The pickle reader's machine, which its instructions share, and what it knows of Python's classes:
 * a closed table of names, and what the calls of those names make. Nothing is imported and nothing
 * is called.
 */

#pragma once

#include "mproc/base/mp-plain-private.h"

G_BEGIN_DECLS

/* A memo entry that was never set. */
#define MP_PICKLE_UNSET 0xff

typedef struct {
  MpPlain      *plain;
  const guint8 *next;
  const guint8 *end;
  gsize        *marks;      /* heights of the stack */
  gsize         n_marks;
  gsize         marks_room;
  gsize         fence;      /* the last mark: nothing below it may be taken */
  MpPlainValue *memo;
  gsize         n_memo;
  gsize         memo_room;
  gboolean      done;
} MpPickleReader;

/* One instruction; what it is called with is behind it. */
typedef gboolean (*MpPickleOp) (MpPickleReader *self);

/* The instructions that push one scalar. */
extern const MpPickleOp mp_pickle_scalar_ops[256];

gboolean    mp_pickle_fail         (MpPickleReader *self,
                                    const char     *what);
const char *mp_pickle_foreign_name (MpPlainValue    value);
gboolean    mp_pickle_push_global  (MpPlain        *plain,
                                    const char     *module,
                                    gsize           module_length,
                                    const char     *name,
                                    gsize           name_length);
gboolean    mp_pickle_reduce       (MpPlain        *plain);
gboolean    mp_pickle_build        (MpPlain        *plain);

/* The next @length bytes of the pickle. */
static inline const guint8 *
mp_pickle_take (MpPickleReader *self,
                gsize           length)
{
  const guint8 *bytes = self->next;

  if (G_UNLIKELY ((gsize) (self->end - self->next) < length))
    {
      mp_pickle_fail (self, "truncated");
      return NULL;
    }

  self->next += length;
  return bytes;
}

/* An unsigned number of @size bytes, little end first. */
static inline gboolean
mp_pickle_take_number (MpPickleReader *self,
                       guint           size,
                       guint64        *number)
{
  const guint8 *bytes = mp_pickle_take (self, size);

  if (bytes == NULL)
    return FALSE;

  *number = 0;
  for (guint i = size; i-- > 0;)
    *number = *number << 8 | bytes[i];
  return TRUE;
}

G_END_DECLS
