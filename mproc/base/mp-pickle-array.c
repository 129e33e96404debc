/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Arrays of numbers in pickles: what the calls make by which Python writes those of the array
 * module and of numpy. The numbers themselves are not looked at; they stay where they are in the
 * pickle, or in a buffer behind it.
 */

#include "config.h"

#include "mproc/base/mp-pickle-private.h"

/* Pushes the one number that the bytes are. */
static gboolean
push_number (MpPlain     *plain,
             MpPlainValue bytes,
             char         kind,
             gsize        size)
{
  return bytes.kind == MP_PLAIN_BYTES && bytes.length == size &&
         mp_plain_push_raw (plain, kind, size, mp_plain_data (plain, bytes));
}

/* Changes the byte order of the numbers, in the scratch area. */
static gboolean
swap_bytes (MpPlain      *plain,
            MpPlainValue *bytes,
            gsize         size)
{
  gsize start = plain->n_scratch;
  guint8 *target = bytes->kind == MP_PLAIN_BYTES && bytes->length % size == 0
                   ? mp_plain_scratch (plain, bytes->length) : NULL;
  const guint8 *source;

  if (target == NULL)
    return FALSE;

  source = mp_plain_data (plain, *bytes);
  for (gsize i = 0; i < bytes->length; i++)
    target[i] = source[i - i % size + size - 1 - i % size];
  bytes->as.offset = start;
  bytes->flags |= MP_PLAIN_SCRATCH;
  return TRUE;
}

/* array.array ('d', [1.0, 2.0]), as protocol 2 has it, which stays a list; or ('d', bytes). */
gboolean
mp_pickle_array (MpPlain            *plain,
                 const MpPlainValue *args,
                 guint32             n_args)
{
  static const char codes[] = "bBhHiIlLqQfd", kinds[] = "iuiuiuiuiuff";
  static const guint8 sizes[] = { 1, 1, 2, 2, 4, 4, sizeof (long), sizeof (long), 8, 8, 4, 8 };
  const char *code;

  if (n_args != 2 || args[0].kind != MP_PLAIN_STR || args[0].length != 1)
    return FALSE;
  if (args[1].kind == MP_PLAIN_LIST)
    return mp_plain_push (plain, args[1]);

  code = memchr (codes, *mp_plain_data (plain, args[0]), strlen (codes));
  return code != NULL &&
         mp_plain_push_vector (plain, args[1], kinds[code - codes], sizes[code - codes]);
}

/* (array.array, typecode, machine format, bytes), where the format tells the layout. */
gboolean
mp_pickle_array_reconstructor (MpPlain            *plain,
                               const MpPlainValue *args,
                               guint32             n_args)
{
  static const char kinds[] = "uiuuiiuuiiuuiiffff";
  static const guint8 sizes[] = { 1, 1, 2, 2, 2, 2, 4, 4, 4, 4, 8, 8, 8, 8, 4, 4, 8, 8 };
  MpPlainValue bytes;
  gint64 format;

  if (n_args != 4 || !mp_pickle_is_foreign (args[0], PY_ARRAY) || args[2].kind != MP_PLAIN_INT ||
      args[2].as.i < 0 || args[2].as.i >= (gint64) sizeof sizes)
    return FALSE;

  format = args[2].as.i;
  bytes = args[3];
  if (format > 1 && (format & 1) == (G_BYTE_ORDER == G_LITTLE_ENDIAN) &&
      !swap_bytes (plain, &bytes, sizes[format]))
    return FALSE;
  return mp_plain_push_vector (plain, bytes, kinds[format], sizes[format]);
}

gboolean
mp_pickle_dtype (MpPlain            *plain,
                 const MpPlainValue *args,
                 guint32             n_args)
{
  const guint8 *text;

  if (n_args < 1 || args[0].kind != MP_PLAIN_STR || args[0].length != 2)
    return FALSE;

  text = mp_plain_data (plain, args[0]);
  if (strchr ("fiub", text[0]) == NULL || text[0] == '\0' || !strchr ("1248", text[1]) ||
      text[1] == '\0')
    return mp_plain_fail (plain, MP_ERROR_NOT_PLAIN, "Python object of numpy type %.2s", text);

  return mp_pickle_push_foreign (plain, A_DTYPE, text[0], text[1] - '0');
}

gboolean
mp_pickle_scalar (MpPlain            *plain,
                  const MpPlainValue *args,
                  guint32             n_args)
{
  return n_args == 2 && mp_pickle_is_foreign (args[0], A_DTYPE) &&
         push_number (plain, args[1], args[0].length, args[0].as.i);
}

/* An array without contents yet; they come with BUILD. */
gboolean
mp_pickle_reconstruct (MpPlain            *plain,
                       const MpPlainValue *args,
                       guint32             n_args)
{
  if (n_args != 3 || !mp_pickle_is_foreign (args[0], NUMPY_NDARRAY) ||
      !mp_plain_wrap (plain, MP_PLAIN_VECTOR, plain->n_stack))
    return FALSE;

  mp_plain_node (plain, plain->stack[plain->n_stack - 1])->pending = TRUE;
  return TRUE;
}

/* Pushes what the container of an array of that shape holds; *@one: whether it has one dimension,
 * and so is a vector. */
static gboolean
push_contents (MpPlain     *plain,
               MpPlainValue bytes,
               MpPlainValue dtype,
               MpPlainValue shape,
               gboolean     first_fastest,
               gboolean    *one)
{
  gsize first = plain->n_stack;

  if (!mp_pickle_is_foreign (dtype, A_DTYPE) || shape.kind != MP_PLAIN_TUPLE ||
      !mp_plain_push_parts (plain, bytes, dtype.length, dtype.as.i, shape, first_fastest))
    return FALSE;

  *one = mp_plain_node (plain, shape)->count == 1;
  if (!*one)
    return TRUE;

  plain->n_stack = first;
  return mp_plain_vector_bytes (plain, &bytes, dtype.length, dtype.as.i) &&
         mp_plain_push (plain, bytes);
}

/* (bytes, dtype, shape, order), of which the order may be missing. */
gboolean
mp_pickle_frombuffer (MpPlain            *plain,
                      const MpPlainValue *args,
                      guint32             n_args)
{
  gsize first = plain->n_stack;
  gboolean one;

  return n_args >= 3 &&
         push_contents (plain, args[0], args[1], args[2],
                        n_args > 3 && mp_pickle_is_text (plain, args[3], "F"), &one) &&
         mp_plain_wrap (plain, one ? MP_PLAIN_VECTOR : MP_PLAIN_ARRAY, first);
}

/* numpy.ndarray (shape, name of the type, bytes), as the writer of pickles has it. */
gboolean
mp_pickle_ndarray (MpPlain            *plain,
                   const MpPlainValue *args,
                   guint32             n_args)
{
  return n_args == 3 && args[0].kind == MP_PLAIN_TUPLE &&
         mp_plain_push_array (plain, args[1], args[0], args[2]);
}

/* The contents of an array: (version, shape, dtype, column order, bytes). */
gboolean
mp_pickle_build_array (MpPlain     *plain,
                       MpPlainValue array,
                       MpPlainNode *state)
{
  const MpPlainValue *values = mp_plain_children (plain, state);
  gsize first = plain->n_stack;
  gboolean one;

  if (state->count != 5 || values[3].kind != MP_PLAIN_BOOL ||
      !push_contents (plain, values[4], values[2], values[1], values[3].as.i != 0, &one))
    return mp_plain_fail (plain, MP_ERROR_NOT_PLAIN, "Python object of type numpy.ndarray");

  mp_plain_node (plain, array)->pending = FALSE;
  mp_plain_node (plain, array)->kind = one ? MP_PLAIN_VECTOR : MP_PLAIN_ARRAY;
  return mp_plain_extend (plain, array.as.node, first);
}

/* Whether the byte order that a dtype is given is the native one. */
gboolean
mp_pickle_build_dtype (MpPlain     *plain,
                       MpPlainValue order)
{
  const char *native = G_BYTE_ORDER == G_LITTLE_ENDIAN ? "<" : ">";

  return mp_pickle_is_text (plain, order, native) || mp_pickle_is_text (plain, order, "|") ||
         mp_pickle_is_text (plain, order, "=") ||
         mp_plain_fail (plain, MP_ERROR_NOT_PLAIN,
                        "Python object of a numpy type of foreign byte order");
}
