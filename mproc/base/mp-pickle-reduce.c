/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The closed table of names that a pickle may call, and what the calls make of plain arguments.
 *
 * Python writes some plain things as calls: bytes and sets in old protocols, numpy's scalars,
 * moments with a fixed zone, one-dimensional arrays of numbers; and so does the library's own
 * Python layer with shared objects. They are recognized by module,
 * name and the shape of the arguments. Any other name ends the reading with MP_ERROR_NOT_PLAIN
 * and the name in the message. What is lost on the way is in doc/values.md.
 */

#include "config.h"

#include "mproc/base/mp-pickle-private.h"

#define DAY_US (G_GINT64_CONSTANT (86400000000))

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
  N_CALLABLES,
  A_TIMEDELTA = N_CALLABLES,  /* as.i: microseconds */
  A_TIMEZONE,                 /* as.i: seconds east */
  A_DTYPE,                    /* as.i: bytes; length: 'f', 'i', 'u' or 'b' */
};

static const char * const foreign_names[] = {
  [PY_ENCODE] = "_codecs.encode",
  [PY_BYTES] = "builtins.bytes",
  [PY_BYTEARRAY] = "builtins.bytearray",
  [PY_SET] = "builtins.set",
  [PY_FROZENSET] = "builtins.frozenset",
  [PY_ORDERED_DICT] = "collections.OrderedDict",
  [PY_DATETIME] = "datetime.datetime",
  [PY_TIMEZONE] = "datetime.timezone",
  [PY_TIMEDELTA] = "datetime.timedelta",
  [PY_ARRAY] = "array.array",
  [PY_ARRAY_RECONSTRUCTOR] = "array._array_reconstructor",
  [NUMPY_SCALAR] = "numpy.core.multiarray.scalar",
  [NUMPY_DTYPE] = "numpy.dtype",
  [NUMPY_NDARRAY] = "numpy.ndarray",
  [NUMPY_RECONSTRUCT] = "numpy.core.multiarray._reconstruct",
  [NUMPY_FROMBUFFER] = "numpy.core.numeric._frombuffer",
  [MP_OPEN_SHARED] = "gi.overrides._MpCodec.open_shared",
  [A_TIMEDELTA] = "datetime.timedelta",
  [A_TIMEZONE] = "datetime.timezone",
  [A_DTYPE] = "numpy.dtype",
};

/* Other names of the same things: protocol 2 uses Python 2's, numpy 2 moved its own. */
static const struct
{
  const char *name;
  guint       id;
} aliases[] = {
  { "__builtin__.bytes", PY_BYTES },
  { "__builtin__.bytearray", PY_BYTEARRAY },
  { "__builtin__.set", PY_SET },
  { "__builtin__.frozenset", PY_FROZENSET },
  { "numpy._core.multiarray.scalar", NUMPY_SCALAR },
  { "numpy._core.multiarray._reconstruct", NUMPY_RECONSTRUCT },
  { "numpy._core.numeric._frombuffer", NUMPY_FROMBUFFER },
};

typedef gboolean (*ReduceFunc) (MpPlain            *plain,
                                const MpPlainValue *args,
                                guint32             n_args);

const char *
mp_pickle_foreign_name (MpPlainValue value)
{
  return foreign_names[value.extra];
}

static gboolean
names (const char *full,
       const char *module,
       gsize       module_length,
       const char *name,
       gsize       name_length)
{
  return strlen (full) == module_length + 1 + name_length &&
         memcmp (full, module, module_length) == 0 && full[module_length] == '.' &&
         memcmp (full + module_length + 1, name, name_length) == 0;
}

static gboolean
push_foreign (MpPlain *plain,
              guint    id,
              guint32  length,
              gint64   number)
{
  return mp_plain_push (plain, (MpPlainValue) { .kind = MP_PLAIN_FOREIGN, .extra = id,
                                                .length = length, .as.i = number });
}

/* Pushes the callable of that name, if it is in the table. */
gboolean
mp_pickle_push_global (MpPlain    *plain,
                       const char *module,
                       gsize       module_length,
                       const char *name,
                       gsize       name_length)
{
  g_autofree char *text = NULL;

  for (guint i = 0; i < N_CALLABLES; i++)
    if (names (foreign_names[i], module, module_length, name, name_length))
      return push_foreign (plain, i, 0, 0);
  for (guint i = 0; i < G_N_ELEMENTS (aliases); i++)
    if (names (aliases[i].name, module, module_length, name, name_length))
      return push_foreign (plain, aliases[i].id, 0, 0);

  text = g_strdup_printf ("%.*s.%.*s", (int) MIN (module_length, 100), module,
                          (int) MIN (name_length, 100), name);
  if (!g_utf8_validate (text, -1, NULL))
    return mp_plain_fail (plain, MP_ERROR_INVALID_DATA, "A pickled name is not valid UTF-8");

  return mp_plain_fail (plain, MP_ERROR_NOT_PLAIN, "Python object of type %s", text);
}

static gboolean
is_foreign (MpPlainValue value,
            guint        id)
{
  return value.kind == MP_PLAIN_FOREIGN && value.extra == id;
}

static gboolean
is_text (MpPlain      *plain,
         MpPlainValue  value,
         const char   *text)
{
  return value.kind == MP_PLAIN_STR && value.length == strlen (text) &&
         memcmp (mp_plain_data (plain, value), text, value.length) == 0;
}

/* The bytes whose values are the characters of the string. */
static gboolean
push_latin1 (MpPlain            *plain,
             const MpPlainValue *args)
{
  gsize start = plain->n_scratch, n = 0;
  guint8 *space;
  const guint8 *text;

  if (args[0].kind != MP_PLAIN_STR ||
      (!is_text (plain, args[1], "latin1") && !is_text (plain, args[1], "latin-1")))
    return FALSE;
  space = mp_plain_scratch (plain, args[0].length);
  if (space == NULL)
    return FALSE;

  text = mp_plain_data (plain, args[0]);
  for (guint32 i = 0; i < args[0].length; i++)
    if (text[i] < 0x80)
      space[n++] = text[i];
    else if (text[i] == 0xc2 || text[i] == 0xc3)
      {
        space[n++] = (text[i] & 3) << 6 | (text[i + 1] & 0x3f);
        i++;
      }
    else
      return FALSE;

  plain->n_scratch = start + n;
  return mp_plain_push_data (plain, MP_PLAIN_BYTES, start, n, MP_PLAIN_SCRATCH);
}

static gboolean
reduce_encode (MpPlain            *plain,
               const MpPlainValue *args,
               guint32             n_args)
{
  return n_args == 2 && push_latin1 (plain, args);
}

static gboolean
reduce_bytes (MpPlain            *plain,
              const MpPlainValue *args,
              guint32             n_args)
{
  if (n_args == 0)
    return mp_plain_push_data (plain, MP_PLAIN_BYTES, 0, 0, 0);
  if (n_args == 1 && args[0].kind == MP_PLAIN_BYTES)
    return mp_plain_push (plain, args[0]);
  return n_args == 2 && push_latin1 (plain, args);
}

/* A container of @kind with what the list in the arguments has now. */
static gboolean
push_members (MpPlain            *plain,
              const MpPlainValue *args,
              guint32             n_args,
              MpPlainKind         kind)
{
  gsize first = plain->n_stack;
  MpPlainNode *node;

  if (n_args == 0)
    return mp_plain_wrap (plain, kind, first);
  if (n_args != 1 || args[0].kind != MP_PLAIN_LIST)
    return FALSE;

  node = mp_plain_node (plain, args[0]);
  for (guint32 i = 0; i < node->count; i++)
    if (!mp_plain_push (plain, plain->values[node->start + i]))
      return FALSE;
  return mp_plain_wrap (plain, kind, first);
}

static gboolean
reduce_set (MpPlain            *plain,
            const MpPlainValue *args,
            guint32             n_args)
{
  return push_members (plain, args, n_args, MP_PLAIN_SET);
}

static gboolean
reduce_frozenset (MpPlain            *plain,
                  const MpPlainValue *args,
                  guint32             n_args)
{
  return push_members (plain, args, n_args, MP_PLAIN_FROZENSET);
}

static gboolean
reduce_ordered_dict (MpPlain            *plain,
                     const MpPlainValue *args,
                     guint32             n_args)
{
  return n_args == 0 && mp_plain_wrap (plain, MP_PLAIN_DICT, plain->n_stack);
}

static gboolean
reduce_timedelta (MpPlain            *plain,
                  const MpPlainValue *args,
                  guint32             n_args)
{
  if (n_args != 3 || args[0].kind != MP_PLAIN_INT || args[1].kind != MP_PLAIN_INT ||
      args[2].kind != MP_PLAIN_INT || ABS (args[0].as.i) > 1 || args[1].as.i < 0 ||
      args[1].as.i > 86400 || args[2].as.i < 0 || args[2].as.i > 1000000)
    return FALSE;

  return push_foreign (plain, A_TIMEDELTA, 0,
                       args[0].as.i * DAY_US + args[1].as.i * 1000000 + args[2].as.i);
}

static gboolean
reduce_timezone (MpPlain            *plain,
                 const MpPlainValue *args,
                 guint32             n_args)
{
  /* A name in the second argument is lost. */
  if (n_args < 1 || n_args > 2 || !is_foreign (args[0], A_TIMEDELTA) ||
      args[0].as.i % 1000000 != 0 || ABS (args[0].as.i) >= DAY_US)
    return FALSE;

  return push_foreign (plain, A_TIMEZONE, 0, args[0].as.i / 1000000);
}

static gboolean
reduce_datetime (MpPlain            *plain,
                 const MpPlainValue *args,
                 guint32             n_args)
{
  const guint8 *b;
  gint64 seconds;
  int year, month;

  if (n_args == 1)
    return mp_plain_fail (plain, MP_ERROR_NOT_PLAIN,
                          "Python object of type datetime.datetime without a time zone");
  if (n_args != 2 || args[0].kind != MP_PLAIN_BYTES || args[0].length != 10 ||
      !is_foreign (args[1], A_TIMEZONE))
    return FALSE;

  b = mp_plain_data (plain, args[0]);
  year = b[0] << 8 | b[1];
  month = b[2] & 0x7f;      /* the high bit is "fold", which a fixed zone does not need */
  if (year < 1 || year > 9999 || month > 12 || !g_date_valid_dmy (b[3], month, year) ||
      b[4] > 23 || b[5] > 59 || b[6] > 59)
    return FALSE;

  seconds = mp_date_to_days (year, month, b[3]) * 86400 + (b[4] * 60 + b[5]) * 60 + b[6];
  return mp_plain_push_time (plain, (seconds - args[1].as.i) * 1000000 +
                                    (b[7] << 16 | b[8] << 8 | b[9]), args[1].as.i);
}

static gboolean
swap_bytes (guint8       *target,
            const guint8 *source,
            gsize         size,
            gboolean      swap)
{
  for (gsize i = 0; i < size; i++)
    target[i] = source[swap ? size - 1 - i : i];

  return TRUE;
}

#define PUSH_AS(c_type, push)               \
  {                                         \
    c_type number;                          \
    memcpy (&number, raw, sizeof number);   \
    return push;                            \
  }

/* Pushes the number of @size bytes; @kind is numpy's letter for what it is. */
static gboolean
push_raw (MpPlain      *plain,
          char          kind,
          gsize         size,
          const guint8 *raw)
{
  switch (kind << 8 | size)
    {
    case 'b' << 8 | 1:
      return mp_plain_push_simple (plain, MP_PLAIN_BOOL, raw[0] != 0);
    case 'i' << 8 | 1:
      return mp_plain_push_simple (plain, MP_PLAIN_INT, (gint8) raw[0]);
    case 'i' << 8 | 2:
      PUSH_AS (gint16, mp_plain_push_simple (plain, MP_PLAIN_INT, number))
    case 'i' << 8 | 4:
      PUSH_AS (gint32, mp_plain_push_simple (plain, MP_PLAIN_INT, number))
    case 'i' << 8 | 8:
      PUSH_AS (gint64, mp_plain_push_simple (plain, MP_PLAIN_INT, number))
    case 'u' << 8 | 1:
      return mp_plain_push_simple (plain, MP_PLAIN_INT, raw[0]);
    case 'u' << 8 | 2:
      PUSH_AS (guint16, mp_plain_push_simple (plain, MP_PLAIN_INT, number))
    case 'u' << 8 | 4:
      PUSH_AS (guint32, mp_plain_push_simple (plain, MP_PLAIN_INT, number))
    case 'u' << 8 | 8:
      PUSH_AS (guint64, mp_plain_push_unsigned (plain, number))
    case 'f' << 8 | 4:
      PUSH_AS (float, mp_plain_push_double (plain, number))
    case 'f' << 8 | 8:
      PUSH_AS (double, mp_plain_push_double (plain, number))
    default:
      return FALSE;
    }
}

#undef PUSH_AS

/* Pushes all numbers that @bytes holds. */
static gboolean
push_vector (MpPlain      *plain,
             MpPlainValue  bytes,
             char          kind,
             gsize         size,
             gboolean      swap)
{
  guint8 raw[8];

  if (bytes.kind != MP_PLAIN_BYTES || size == 0 || size > 8 || bytes.length % size != 0)
    return FALSE;

  for (gsize at = 0; at < bytes.length; at += size)
    {
      swap_bytes (raw, mp_plain_data (plain, bytes) + at, size, swap);
      if (!push_raw (plain, kind, size, raw))
        return FALSE;
    }

  return TRUE;
}

/* array.array ('d', [1.0, 2.0]), as protocol 2 has it. */
static gboolean
reduce_array (MpPlain            *plain,
              const MpPlainValue *args,
              guint32             n_args)
{
  return n_args == 2 && args[0].kind == MP_PLAIN_STR && args[0].length == 1 &&
         args[1].kind == MP_PLAIN_LIST && mp_plain_push (plain, args[1]);
}

/* (array.array, typecode, machine format, bytes), where the format tells the layout. */
static gboolean
reduce_array_reconstructor (MpPlain            *plain,
                            const MpPlainValue *args,
                            guint32             n_args)
{
  static const char kinds[] = "uiuuiiuuiiuuiiffff";
  static const guint8 sizes[] = { 1, 1, 2, 2, 2, 2, 4, 4, 4, 4, 8, 8, 8, 8, 4, 4, 8, 8 };
  gsize first = plain->n_stack;
  gboolean swap;
  gint64 format;

  if (n_args != 4 || !is_foreign (args[0], PY_ARRAY) || args[2].kind != MP_PLAIN_INT ||
      args[2].as.i < 0 || args[2].as.i >= (gint64) sizeof sizes)
    return FALSE;

  format = args[2].as.i;
  swap = (format & 1) == (G_BYTE_ORDER == G_LITTLE_ENDIAN);
  if (!push_vector (plain, args[3], kinds[format], sizes[format], swap && format > 1))
    return FALSE;
  return mp_plain_wrap (plain, MP_PLAIN_LIST, first);
}

static gboolean
reduce_dtype (MpPlain            *plain,
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

  return push_foreign (plain, A_DTYPE, text[0], text[1] - '0');
}

static gboolean
reduce_scalar (MpPlain            *plain,
               const MpPlainValue *args,
               guint32             n_args)
{
  return n_args == 2 && is_foreign (args[0], A_DTYPE) && args[1].length == args[0].as.i &&
         push_vector (plain, args[1], args[0].length, args[0].as.i, FALSE);
}

/* An array without contents yet; they come with BUILD. */
static gboolean
reduce_reconstruct (MpPlain            *plain,
                    const MpPlainValue *args,
                    guint32             n_args)
{
  if (n_args != 3 || !is_foreign (args[0], NUMPY_NDARRAY) ||
      !mp_plain_wrap (plain, MP_PLAIN_LIST, plain->n_stack))
    return FALSE;

  mp_plain_node (plain, plain->stack[plain->n_stack - 1])->pending = TRUE;
  return TRUE;
}

/* Pushes the numbers of an array of that shape, which must have one dimension. */
static gboolean
push_shaped (MpPlain      *plain,
             MpPlainValue  bytes,
             MpPlainValue  dtype,
             MpPlainValue  shape)
{
  gsize first = plain->n_stack;
  MpPlainNode *node;
  MpPlainValue count;

  if (shape.kind != MP_PLAIN_TUPLE || !is_foreign (dtype, A_DTYPE))
    return FALSE;
  node = mp_plain_node (plain, shape);
  if (node->count != 1)
    return mp_plain_fail (plain, MP_ERROR_NOT_PLAIN,
                          "Python object of type numpy.ndarray with %u dimensions", node->count);

  count = plain->values[node->start];
  return push_vector (plain, bytes, dtype.length, dtype.as.i, FALSE) &&
         count.kind == MP_PLAIN_INT && count.as.i == (gint64) (plain->n_stack - first);
}

static gboolean
reduce_frombuffer (MpPlain            *plain,
                   const MpPlainValue *args,
                   guint32             n_args)
{
  gsize first = plain->n_stack;

  return n_args >= 3 && push_shaped (plain, args[0], args[1], args[2]) &&
         mp_plain_wrap (plain, MP_PLAIN_LIST, first);
}

static gboolean
reduce_open_shared (MpPlain            *plain,
                    const MpPlainValue *args,
                    guint32             n_args)
{
  return n_args == 1 && mp_plain_push_object (plain, args[0]);
}

static const ReduceFunc reducers[N_CALLABLES] = {
  [PY_ENCODE] = reduce_encode,
  [PY_BYTES] = reduce_bytes,
  [PY_BYTEARRAY] = reduce_bytes,
  [PY_SET] = reduce_set,
  [PY_FROZENSET] = reduce_frozenset,
  [PY_ORDERED_DICT] = reduce_ordered_dict,
  [PY_DATETIME] = reduce_datetime,
  [PY_TIMEZONE] = reduce_timezone,
  [PY_TIMEDELTA] = reduce_timedelta,
  [PY_ARRAY] = reduce_array,
  [PY_ARRAY_RECONSTRUCTOR] = reduce_array_reconstructor,
  [NUMPY_SCALAR] = reduce_scalar,
  [NUMPY_DTYPE] = reduce_dtype,
  [NUMPY_RECONSTRUCT] = reduce_reconstruct,
  [NUMPY_FROMBUFFER] = reduce_frombuffer,
  [MP_OPEN_SHARED] = reduce_open_shared,
};

static gboolean
not_plain (MpPlain      *plain,
           MpPlainValue  callable)
{
  return mp_plain_fail (plain, MP_ERROR_NOT_PLAIN, "Python object of type %s",
                        mp_pickle_foreign_name (callable));
}

/* Replaces the callable and its arguments on the stack, which are there, by the result. */
gboolean
mp_pickle_reduce (MpPlain *plain)
{
  MpPlainValue callable = plain->stack[plain->n_stack - 2];
  MpPlainValue args = plain->stack[plain->n_stack - 1];
  MpPlainValue copies[4];
  MpPlainNode *node;

  if (callable.kind != MP_PLAIN_FOREIGN || args.kind != MP_PLAIN_TUPLE)
    return mp_plain_fail (plain, MP_ERROR_INVALID_DATA, "A pickle calls what is no callable");

  node = mp_plain_node (plain, args);
  if (callable.extra >= N_CALLABLES || reducers[callable.extra] == NULL ||
      node->count > G_N_ELEMENTS (copies))
    return not_plain (plain, callable);

  if (node->count > 0)
    memcpy (copies, plain->values + node->start, node->count * sizeof copies[0]);
  plain->n_stack -= 2;
  return reducers[callable.extra] (plain, copies, node->count) || not_plain (plain, callable);
}

/* The contents of an array: (version, shape, dtype, column order, bytes). */
static gboolean
build_vector (MpPlain      *plain,
              MpPlainValue  vector,
              MpPlainNode  *state)
{
  const MpPlainValue *values = mp_plain_children (plain, state);
  gsize first = plain->n_stack;

  if (state->count != 5 || !push_shaped (plain, values[4], values[2], values[1]))
    return mp_plain_fail (plain, MP_ERROR_NOT_PLAIN, "Python object of type numpy.ndarray");

  mp_plain_node (plain, vector)->pending = FALSE;
  return mp_plain_extend (plain, vector.as.node, first);
}

/* Gives the state on top of the stack to the object below it, which stays. */
gboolean
mp_pickle_build (MpPlain *plain)
{
  MpPlainValue object = plain->stack[plain->n_stack - 2];
  MpPlainValue state = plain->stack[plain->n_stack - 1];
  const char *native = G_BYTE_ORDER == G_LITTLE_ENDIAN ? "<" : ">";
  MpPlainNode *node = state.kind == MP_PLAIN_TUPLE ? mp_plain_node (plain, state) : NULL;

  plain->n_stack--;
  if (object.kind == MP_PLAIN_LIST && mp_plain_node (plain, object)->pending && node != NULL)
    return build_vector (plain, object, node);

  if (is_foreign (object, A_DTYPE) && node != NULL && node->count > 1)
    {
      MpPlainValue order = plain->values[node->start + 1];

      return is_text (plain, order, native) || is_text (plain, order, "|") ||
             is_text (plain, order, "=") ||
             mp_plain_fail (plain, MP_ERROR_NOT_PLAIN,
                            "Python object of a numpy type of foreign byte order");
    }

  return object.kind == MP_PLAIN_FOREIGN
         ? not_plain (plain, object)
         : mp_plain_fail (plain, MP_ERROR_INVALID_DATA, "A pickle builds what has no state");
}
