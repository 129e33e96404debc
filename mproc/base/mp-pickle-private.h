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

/* What a foreign value is: its extra field. The names come first, what they make comes last. */
enum {
  PY_ENCODE,
  PY_BYTES,
  PY_BYTEARRAY,
  PY_SET,
  PY_FROZENSET,
  PY_ORDERED_DICT,
  PY_DATETIME,
  PY_TIMEZONE,
  PY_TIMEDELTA,
  PY_ARRAY,
  PY_ARRAY_RECONSTRUCTOR,
  NUMPY_SCALAR,
  NUMPY_DTYPE,
  NUMPY_NDARRAY,
  NUMPY_RECONSTRUCT,
  NUMPY_FROMBUFFER,
  MP_OPEN_SHARED,
  MP_OPEN_PROXY,
  MP_LOAD_VARIANT,
  MP_LOAD_OBJECT,
  MP_LOAD_BYTES,
  MP_LOAD_DATE_TIME,
  N_CALLABLES,
  A_TIMEDELTA = N_CALLABLES,  /* as.i: microseconds */
  A_TIMEZONE,                 /* as.i: seconds east */
  A_DTYPE,                    /* as.i: bytes; length: 'f', 'i', 'u' or 'b' */
};

/* A memo entry that was never set. */
#define MP_PICKLE_UNSET 0xff

typedef struct {
  MpPlain      *plain;
  const guint8 *next;
  const guint8 *end;
  gsize         n_marks;    /* of the plain's offsets: heights of the stack */
  gsize         fence;      /* the last mark: nothing below it may be taken */
  gsize         n_memo;
  const guint8 *buffers;    /* where each begins and how long it is, two words each; or NULL */
  gsize         n_buffers;
  gsize         n_taken;    /* of them */
  gboolean      done;
} MpPickleReader;

/* One instruction; what it is called with is behind it. */
typedef gboolean (*MpPickleOp) (MpPickleReader *self);

/* All that mp_pickle_run() does not do itself. */
extern const MpPickleOp mp_pickle_ops[256];

gboolean    mp_pickle_run          (MpPickleReader *self);
gboolean    mp_pickle_memo_put     (MpPickleReader *self,
                                    guint64         index);
gboolean    mp_pickle_memo_get     (MpPickleReader *self,
                                    guint64         index);
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

/* What a call of one of the names makes of its arguments: pushes it, or returns FALSE, perhaps
 * without an error, if these are not as they should be. */
typedef gboolean (*MpPickleReducer) (MpPlain            *plain,
                                     const MpPlainValue *args,
                                     guint32             n_args);

gboolean    mp_pickle_push_foreign (MpPlain        *plain,
                                    guint           id,
                                    guint32         length,
                                    gint64          number);
gboolean    mp_pickle_is_foreign   (MpPlainValue    value,
                                    guint           id);
gboolean    mp_pickle_is_text      (MpPlain        *plain,
                                    MpPlainValue    value,
                                    const char     *text);

/* mp-pickle-array.c */
gboolean    mp_pickle_array (MpPlain            *plain,
                             const MpPlainValue *args,
                             guint32             n_args);
gboolean    mp_pickle_array_reconstructor (MpPlain            *plain,
                                           const MpPlainValue *args,
                                           guint32             n_args);
gboolean    mp_pickle_dtype (MpPlain            *plain,
                             const MpPlainValue *args,
                             guint32             n_args);
gboolean    mp_pickle_scalar (MpPlain            *plain,
                              const MpPlainValue *args,
                              guint32             n_args);
gboolean    mp_pickle_reconstruct (MpPlain            *plain,
                                   const MpPlainValue *args,
                                   guint32             n_args);
gboolean    mp_pickle_ndarray (MpPlain            *plain,
                               const MpPlainValue *args,
                               guint32             n_args);
gboolean    mp_pickle_frombuffer (MpPlain            *plain,
                                  const MpPlainValue *args,
                                  guint32             n_args);
gboolean    mp_pickle_build_array  (MpPlain        *plain,
                                    MpPlainValue    array,
                                    MpPlainNode    *state);
gboolean    mp_pickle_build_dtype  (MpPlain        *plain,
                                    MpPlainValue    order);

/* Whether there are @count values above the last mark. */
static inline gboolean
mp_pickle_has (MpPickleReader *self,
               gsize           count)
{
  return G_LIKELY (self->plain->n_stack - self->fence >= count) ||
         mp_pickle_fail (self, "stack underflow");
}

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

  if (G_UNLIKELY (bytes == NULL))
    return FALSE;

#if G_BYTE_ORDER == G_LITTLE_ENDIAN
  *number = 0;
  memcpy (number, bytes, size);
#else
  *number = 0;
  for (guint i = size; i-- > 0;)
    *number = *number << 8 | bytes[i];
#endif
  return TRUE;
}

G_END_DECLS
