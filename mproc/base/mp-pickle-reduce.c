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
 * and the name in the message. What is lost on the way is in doc/values.md. The calls that make
 * arrays of numbers are in mp-pickle-array.c.
 */

#include "config.h"

#include "mproc/base/mp-pickle-private.h"

#define DAY_US (G_GINT64_CONSTANT (86400000000))

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
  [MP_OPEN_PROXY] = "gi.overrides._MpCodec.open_proxy",
  [MP_LOAD_VARIANT] = "gi.overrides._MpCodec.load_variant",
  [MP_LOAD_OBJECT] = "gi.overrides._MpCodec.load_object",
  [MP_LOAD_BYTES] = "gi.overrides._MpCodec.load_bytes",
  [MP_LOAD_DATE_TIME] = "gi.overrides._MpCodec.load_date_time",
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

gboolean
mp_pickle_push_foreign (MpPlain *plain,
                        guint    id,
                        guint32  length,
                        gint64   number)
{
  return mp_plain_push (plain, (MpPlainValue) { .kind = MP_PLAIN_FOREIGN, .extra = id,
                                                .length = length, .as.i = number });
}

gboolean
mp_pickle_is_foreign (MpPlainValue value,
                      guint        id)
{
  return value.kind == MP_PLAIN_FOREIGN && value.extra == id;
}

gboolean
mp_pickle_is_text (MpPlain     *plain,
                   MpPlainValue value,
                   const char  *text)
{
  return value.kind == MP_PLAIN_STR && value.length == strlen (text) &&
         memcmp (mp_plain_data (plain, value), text, value.length) == 0;
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
      return mp_pickle_push_foreign (plain, i, 0, 0);
  for (guint i = 0; i < G_N_ELEMENTS (aliases); i++)
    if (names (aliases[i].name, module, module_length, name, name_length))
      return mp_pickle_push_foreign (plain, aliases[i].id, 0, 0);

  text = g_strdup_printf ("%.*s.%.*s", (int) MIN (module_length, 100), module,
                          (int) MIN (name_length, 100), name);
  if (!g_utf8_validate (text, -1, NULL))
    return mp_plain_fail (plain, MP_ERROR_INVALID_DATA, "A pickled name is not valid UTF-8");

  return mp_plain_fail (plain, MP_ERROR_NOT_PLAIN, "Python object of type %s", text);
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
      (!mp_pickle_is_text (plain, args[1], "latin1") &&
       !mp_pickle_is_text (plain, args[1], "latin-1")))
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

  return mp_pickle_push_foreign (plain, A_TIMEDELTA, 0,
                       args[0].as.i * DAY_US + args[1].as.i * 1000000 + args[2].as.i);
}

static gboolean
reduce_timezone (MpPlain            *plain,
                 const MpPlainValue *args,
                 guint32             n_args)
{
  /* A name in the second argument is lost. */
  if (n_args < 1 || n_args > 2 || !mp_pickle_is_foreign (args[0], A_TIMEDELTA) ||
      args[0].as.i % 1000000 != 0 || ABS (args[0].as.i) >= DAY_US)
    return FALSE;

  return mp_pickle_push_foreign (plain, A_TIMEZONE, 0, args[0].as.i / 1000000);
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
      !mp_pickle_is_foreign (args[1], A_TIMEZONE))
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
reduce_open_shared (MpPlain            *plain,
                    const MpPlainValue *args,
                    guint32             n_args)
{
  return n_args == 1 && mp_plain_push_object (plain, args[0]);
}

static gboolean
reduce_load_variant (MpPlain            *plain,
                     const MpPlainValue *args,
                     guint32             n_args)
{
  return n_args == 1 && args[0].kind == MP_PLAIN_BYTES && mp_plain_push_variant (plain, args[0]);
}

static gboolean
reduce_load_date_time (MpPlain            *plain,
                       const MpPlainValue *args,
                       guint32             n_args)
{
  return n_args == 1 && args[0].kind == MP_PLAIN_STR &&
         mp_plain_push_iso8601 (plain, (const char *) mp_plain_data (plain, args[0]),
                                args[0].length);
}

static const MpPickleReducer reducers[N_CALLABLES] = {
  [PY_ENCODE] = reduce_encode,
  [PY_BYTES] = reduce_bytes,
  [PY_BYTEARRAY] = reduce_bytes,
  [PY_SET] = reduce_set,
  [PY_FROZENSET] = reduce_frozenset,
  [PY_ORDERED_DICT] = reduce_ordered_dict,
  [PY_DATETIME] = reduce_datetime,
  [PY_TIMEZONE] = reduce_timezone,
  [PY_TIMEDELTA] = reduce_timedelta,
  [PY_ARRAY] = mp_pickle_array,
  [PY_ARRAY_RECONSTRUCTOR] = mp_pickle_array_reconstructor,
  [NUMPY_SCALAR] = mp_pickle_scalar,
  [NUMPY_DTYPE] = mp_pickle_dtype,
  [NUMPY_NDARRAY] = mp_pickle_ndarray,
  [NUMPY_RECONSTRUCT] = mp_pickle_reconstruct,
  [NUMPY_FROMBUFFER] = mp_pickle_frombuffer,
  [MP_OPEN_SHARED] = reduce_open_shared,
  [MP_OPEN_PROXY] = reduce_open_shared,
  [MP_LOAD_VARIANT] = reduce_load_variant,
  [MP_LOAD_OBJECT] = reduce_load_variant,
  [MP_LOAD_BYTES] = reduce_bytes,
  [MP_LOAD_DATE_TIME] = reduce_load_date_time,
};

static gboolean
not_plain (MpPlain     *plain,
           MpPlainValue callable)
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

/* Gives the state on top of the stack to the object below it, which stays. */
gboolean
mp_pickle_build (MpPlain *plain)
{
  MpPlainValue object = plain->stack[plain->n_stack - 2];
  MpPlainValue state = plain->stack[plain->n_stack - 1];
  MpPlainNode *node = state.kind == MP_PLAIN_TUPLE ? mp_plain_node (plain, state) : NULL;

  plain->n_stack--;
  if (object.kind == MP_PLAIN_VECTOR && mp_plain_node (plain, object)->pending && node != NULL)
    return mp_pickle_build_array (plain, object, node);

  if (mp_pickle_is_foreign (object, A_DTYPE) && node != NULL && node->count > 1)
    return mp_pickle_build_dtype (plain, plain->values[node->start + 1]);

  return object.kind == MP_PLAIN_FOREIGN
         ? not_plain (plain, object)
         : mp_plain_fail (plain, MP_ERROR_INVALID_DATA, "A pickle builds what has no state");
}
