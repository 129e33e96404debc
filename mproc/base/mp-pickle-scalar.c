/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The instructions of a pickle that push one scalar: nothing, numbers, strings and bytes. Strings
 * and bytes stay where they are in the pickle.
 */

#include "config.h"

#include "mproc/base/mp-pickle-private.h"

static gboolean
op_none (MpPickleReader *self)
{
  return mp_plain_push_simple (self->plain, MP_PLAIN_NONE, 0);
}

static gboolean
op_true (MpPickleReader *self)
{
  return mp_plain_push_simple (self->plain, MP_PLAIN_BOOL, 1);
}

static gboolean
op_false (MpPickleReader *self)
{
  return mp_plain_push_simple (self->plain, MP_PLAIN_BOOL, 0);
}

static gboolean
op_binint (MpPickleReader *self)
{
  guint64 number;

  return mp_pickle_take_number (self, 4, &number) &&
         mp_plain_push_simple (self->plain, MP_PLAIN_INT, (gint32) number);
}

static gboolean
op_binint1 (MpPickleReader *self)
{
  guint64 number;

  return mp_pickle_take_number (self, 1, &number) &&
         mp_plain_push_simple (self->plain, MP_PLAIN_INT, number);
}

static gboolean
op_binint2 (MpPickleReader *self)
{
  guint64 number;

  return mp_pickle_take_number (self, 2, &number) &&
         mp_plain_push_simple (self->plain, MP_PLAIN_INT, number);
}

static gboolean
push_long (MpPickleReader *self,
           guint           width)
{
  const guint8 *bytes;
  guint64 size;

  if (!mp_pickle_take_number (self, width, &size))
    return FALSE;

  bytes = mp_pickle_take (self, size);
  return bytes != NULL && mp_plain_push_long (self->plain, bytes, size);
}

static gboolean
op_long1 (MpPickleReader *self)
{
  return push_long (self, 1);
}

static gboolean
op_long4 (MpPickleReader *self)
{
  return push_long (self, 4);
}

static gboolean
op_binfloat (MpPickleReader *self)
{
  const guint8 *bytes = mp_pickle_take (self, 8);
  guint64 bits = 0;
  double number;

  if (bytes == NULL)
    return FALSE;

  for (guint i = 0; i < 8; i++)
    bits = bits << 8 | bytes[i];
  memcpy (&number, &bits, sizeof number);
  return mp_plain_push_double (self->plain, number);
}

/* Python encodes lone surrogates as if they were characters, which UTF-8 forbids. */
static gboolean
has_surrogate (const guint8 *text,
               gsize         length)
{
  for (gsize i = 0; i + 1 < length; i++)
    if (text[i] == 0xed && text[i + 1] >= 0xa0)
      return TRUE;

  return FALSE;
}

static inline gboolean
push_text (MpPickleReader *self,
           guint           width)
{
  const guint8 *text;
  guint64 length;

  if (!mp_pickle_take_number (self, width, &length))
    return FALSE;
  text = mp_pickle_take (self, length);
  if (text == NULL)
    return FALSE;
  if (mp_plain_push_str (self->plain, text - self->plain->input, length, 0))
    return TRUE;

  if (g_error_matches (self->plain->error, MP_ERROR, MP_ERROR_INVALID_DATA) &&
      has_surrogate (text, length))
    {
      g_clear_error (&self->plain->error);
      mp_plain_fail (self->plain, MP_ERROR_NOT_PLAIN, "Python str with a lone surrogate");
    }
  return FALSE;
}

static gboolean
op_short_text (MpPickleReader *self)
{
  return push_text (self, 1);
}

static gboolean
op_text (MpPickleReader *self)
{
  return push_text (self, 4);
}

static gboolean
op_text8 (MpPickleReader *self)
{
  return push_text (self, 8);
}

static gboolean
push_bytes (MpPickleReader *self,
            guint           width)
{
  const guint8 *bytes;
  guint64 length;

  if (!mp_pickle_take_number (self, width, &length))
    return FALSE;

  bytes = mp_pickle_take (self, length);
  return bytes != NULL && mp_plain_push_data (self->plain, MP_PLAIN_BYTES,
                                              bytes - self->plain->input, length, 0);
}

static gboolean
op_short_bytes (MpPickleReader *self)
{
  return push_bytes (self, 1);
}

static gboolean
op_bytes (MpPickleReader *self)
{
  return push_bytes (self, 4);
}

static gboolean
op_bytes8 (MpPickleReader *self)
{
  return push_bytes (self, 8);
}

const MpPickleOp mp_pickle_scalar_ops[256] = {
  ['N'] = op_none,
  [0x88] = op_true,
  [0x89] = op_false,
  ['J'] = op_binint,
  ['K'] = op_binint1,
  ['M'] = op_binint2,
  [0x8a] = op_long1,
  [0x8b] = op_long4,
  ['G'] = op_binfloat,
  [0x8c] = op_short_text,
  ['X'] = op_text,
  [0x8d] = op_text8,
  ['C'] = op_short_bytes,
  ['B'] = op_bytes,
  [0x8e] = op_bytes8,
  [0x96] = op_bytes8,        /* BYTEARRAY8 */
};
