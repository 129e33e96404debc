/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The machine, and the instructions that make up nearly all of a pickle: those that push one scalar
 * (nothing, numbers, strings and bytes), marks and the memo. Strings and bytes stay where they are
 * in the pickle. They are part of the loop, since a call for each would cost more than what it
 * does; the others are in a table.
 */

#include "config.h"

#include "mproc/base/mp-pickle-private.h"

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

static inline gboolean
push_int (MpPickleReader *self,
          guint           size)
{
  guint64 number;

  return mp_pickle_take_number (self, size, &number) &&
         mp_plain_push_simple (self->plain, MP_PLAIN_INT,
                               size == 4 ? (gint32) number : (gint64) number);
}

static inline gboolean
push_float (MpPickleReader *self)
{
  const guint8 *bytes = mp_pickle_take (self, 8);
  guint64 bits;
  double number;

  if (bytes == NULL)
    return FALSE;

  memcpy (&bits, bytes, sizeof bits);
  bits = GUINT64_FROM_BE (bits);
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

static inline gboolean
push_mark (MpPickleReader *self)
{
  MpPlain *plain = self->plain;

  if (G_UNLIKELY (self->n_marks == plain->offsets_room) &&
      !mp_plain_grow (plain, &plain->offsets, &plain->offsets_room, self->n_marks + 1,
                      sizeof (gsize)))
    return FALSE;

  plain->offsets[self->n_marks++] = self->fence = plain->n_stack;
  return TRUE;
}

/* Remembers what is on top of the stack. */
static inline gboolean
memoize (MpPickleReader *self)
{
  MpPlain *plain = self->plain;

  if (G_UNLIKELY (self->n_memo == plain->memo_room || plain->n_stack == self->fence))
    return mp_pickle_memo_put (self, self->n_memo);

  plain->memo[self->n_memo++] = plain->stack[plain->n_stack - 1];
  return TRUE;
}

static inline gboolean
memo_put (MpPickleReader *self,
          guint           width)
{
  guint64 index;

  return mp_pickle_take_number (self, width, &index) && mp_pickle_memo_put (self, index);
}

static inline gboolean
memo_get (MpPickleReader *self,
          guint           width)
{
  guint64 index;

  if (!mp_pickle_take_number (self, width, &index))
    return FALSE;
  if (G_UNLIKELY (index >= self->n_memo))
    return mp_pickle_memo_get (self, index);
  if (G_UNLIKELY (self->plain->memo[index].kind == MP_PICKLE_UNSET))
    return mp_pickle_memo_get (self, index);

  return mp_plain_push (self->plain, self->plain->memo[index]);
}

/* Numbers, and what is not scalar. */
static inline gboolean
step_other (MpPickleReader *self,
            guint8          code)
{
  MpPlain *plain = self->plain;

  switch (code)
    {
    case 'N':
      return mp_plain_push_simple (plain, MP_PLAIN_NONE, 0);
    case 0x88:
      return mp_plain_push_simple (plain, MP_PLAIN_BOOL, 1);
    case 0x89:
      return mp_plain_push_simple (plain, MP_PLAIN_BOOL, 0);
    case 'J':
      return push_int (self, 4);
    case 'K':
      return push_int (self, 1);
    case 'M':
      return push_int (self, 2);
    case 0x8a:
      return push_long (self, 1);
    case 0x8b:
      return push_long (self, 4);
    case 'G':
      return push_float (self);
    default:
      return mp_pickle_ops[code] != NULL ? mp_pickle_ops[code] (self)
                                         : mp_pickle_fail (self, "unknown instruction");
    }
}

/* Carries out the next instruction. */
static inline gboolean
step (MpPickleReader *self)
{
  const guint8 *code = mp_pickle_take (self, 1);

  if (code == NULL)
    return FALSE;

  switch (*code)
    {
    case 0x94:
      return memoize (self);
    case 'h':
      return memo_get (self, 1);
    case 'j':
      return memo_get (self, 4);
    case 'q':
      return memo_put (self, 1);
    case 'r':
      return memo_put (self, 4);
    case '(':
      return push_mark (self);
    case 0x8c:
      return push_text (self, 1);
    case 'X':
      return push_text (self, 4);
    case 0x8d:
      return push_text (self, 8);
    case 'C':
      return push_bytes (self, 1);
    case 'B':
      return push_bytes (self, 4);
    case 0x8e:
    case 0x96:     /* BYTEARRAY8 */
      return push_bytes (self, 8);
    default:
      return step_other (self, *code);
    }
}

/* Runs the pickle up to its end. */
gboolean
mp_pickle_run (MpPickleReader *self)
{
  while (!self->done)
    if (!step (self))
      return FALSE;

  return TRUE;
}
