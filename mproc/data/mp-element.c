/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The elements of shared values and arrays: types, ranges, and atomic changes.
 *
 * Runs anywhere, on any naturally aligned address; knows nothing of objects.
 */

#include "config.h"

#include "mproc/data/mp-element.h"

#include <float.h>
#include <limits.h>
#include <math.h>
#include <string.h>
#include <wchar.h>

#include "mproc/data/mp-element-private.h"

typedef struct {
  const char *name;
  gsize       size;
  gint64      least;            /* of integers */
  guint64     most;
} TypeInfo;

static const TypeInfo types[] = {
  [MP_ELEMENT_TYPE_INT8] = { "int8", 1, G_MININT8, G_MAXINT8 },
  [MP_ELEMENT_TYPE_UINT8] = { "uint8", 1, 0, G_MAXUINT8 },
  [MP_ELEMENT_TYPE_INT16] = { "int16", 2, G_MININT16, G_MAXINT16 },
  [MP_ELEMENT_TYPE_UINT16] = { "uint16", 2, 0, G_MAXUINT16 },
  [MP_ELEMENT_TYPE_INT32] = { "int32", 4, G_MININT32, G_MAXINT32 },
  [MP_ELEMENT_TYPE_UINT32] = { "uint32", 4, 0, G_MAXUINT32 },
  [MP_ELEMENT_TYPE_INT64] = { "int64", 8, G_MININT64, G_MAXINT64 },
  [MP_ELEMENT_TYPE_UINT64] = { "uint64", 8, 0, G_MAXUINT64 },
  [MP_ELEMENT_TYPE_FLOAT] = { "float", sizeof (float), 0, 0 },
  [MP_ELEMENT_TYPE_DOUBLE] = { "double", sizeof (double), 0, 0 },
  [MP_ELEMENT_TYPE_BOOLEAN] = { "boolean", 1, 0, 1 },
};

#define SIGNED_OF_SIZE(size) \
  ((size) == 1 ? MP_ELEMENT_TYPE_INT8 : (size) == 2 ? MP_ELEMENT_TYPE_INT16 : \
   (size) == 4 ? MP_ELEMENT_TYPE_INT32 : MP_ELEMENT_TYPE_INT64)

/* The codes of Python's struct, array and multiprocessing: the types of C on this platform. */
static const struct
{
  char code;
  int  type;
} typecodes[] = {
  { '?', MP_ELEMENT_TYPE_BOOLEAN },
  { 'b', MP_ELEMENT_TYPE_INT8 },
  { 'B', MP_ELEMENT_TYPE_UINT8 },
  { 'c', CHAR_MIN < 0 ? MP_ELEMENT_TYPE_INT8 : MP_ELEMENT_TYPE_UINT8 },
  { 'h', SIGNED_OF_SIZE (sizeof (short)) },
  { 'H', SIGNED_OF_SIZE (sizeof (short)) + 1 },
  { 'i', SIGNED_OF_SIZE (sizeof (int)) },
  { 'I', SIGNED_OF_SIZE (sizeof (int)) + 1 },
  { 'l', SIGNED_OF_SIZE (sizeof (long)) },
  { 'L', SIGNED_OF_SIZE (sizeof (long)) + 1 },
  { 'q', SIGNED_OF_SIZE (sizeof (long long)) },
  { 'Q', SIGNED_OF_SIZE (sizeof (long long)) + 1 },
  { 'n', SIGNED_OF_SIZE (sizeof (gssize)) },
  { 'N', SIGNED_OF_SIZE (sizeof (gsize)) + 1 },
  { 'u', SIGNED_OF_SIZE (sizeof (wchar_t)) + (WCHAR_MIN < 0 ? 0 : 1) },
  { 'f', MP_ELEMENT_TYPE_FLOAT },
  { 'd', MP_ELEMENT_TYPE_DOUBLE },
};

gboolean
mp_element_type_check (MpElementType   type,
                       GError        **error)
{
  if ((guint) type < G_N_ELEMENTS (types) && types[type].size != 0)
    return TRUE;

  g_set_error (error, MP_ERROR, MP_ERROR_INVALID_ARGUMENT, "%d is no type of elements", type);
  return FALSE;
}

const char *
mp_element_type_name (MpElementType type)
{
  return types[type].name;
}

/**
 * mp_element_type_from_typecode:
 * @typecode: one letter
 * @error: return location for an error
 *
 * Finds the element type for a type of C, named by its letter in Python's `struct` and `array`:
 * `b` and `B` for the signed and unsigned `char`, `h` and `H` for `short`, `i` and `I` for `int`,
 * `l` and `L` for `long`, `q` and `Q` for `long long`, `n` and `N` for `gssize` and `gsize`, `c`
 * for a plain `char`, `u` for `wchar_t`, `f` for `float`, `d` for `double`, `?` for `bool`.
 *
 * Errors: [error@Mp.Error.INVALID_ARGUMENT].
 *
 * Returns: the type
 *
 * Since: 0.1
 */
MpElementType
mp_element_type_from_typecode (const char  *typecode,
                               GError     **error)
{
  g_return_val_if_fail (typecode != NULL, MP_ELEMENT_TYPE_INT32);

  for (guint i = 0; i < G_N_ELEMENTS (typecodes); i++)
    if (typecode[0] == typecodes[i].code && typecode[1] == '\0')
      return (MpElementType) typecodes[i].type;

  g_set_error (error, MP_ERROR, MP_ERROR_INVALID_ARGUMENT, "“%s” is no code of a type", typecode);
  return MP_ELEMENT_TYPE_INT32;
}

/**
 * mp_element_type_get_size:
 * @type: a type
 *
 * Tells how many bytes an element of a type takes.
 *
 * Returns: the size in bytes, or 0 if there is no such type
 *
 * Since: 0.1
 */
gsize
mp_element_type_get_size (MpElementType type)
{
  return (guint) type < G_N_ELEMENTS (types) ? types[type].size : 0;
}

/* --- Numbers ------------------------------------------------------------------------------- */

static void
set_range_error (const MpNumber  *number,
                 const char      *type,
                 GError         **error)
{
  g_autoptr (GVariant) variant = g_variant_ref_sink (mp_number_to_variant (number));
  g_autofree char *text = g_variant_print (variant, FALSE);

  g_set_error (error, MP_ERROR, MP_ERROR_INVALID_ARGUMENT, "%s does not fit into type %s", text,
               type);
}

gint64
mp_number_to_int64 (const MpNumber  *number,
                    GError         **error)
{
  if (number->kind == MP_NUMBER_INT)
    return number->i;
  if (number->kind == MP_NUMBER_DOUBLE)
    {
      if (number->d >= -0x1p63 && number->d < 0x1p63)
        return (gint64) number->d;
    }
  else if (number->u <= G_MAXINT64)
    return (gint64) number->u;

  set_range_error (number, "int64", error);
  return 0;
}

guint64
mp_number_to_uint64 (const MpNumber  *number,
                     GError         **error)
{
  if (number->kind == MP_NUMBER_INT)
    {
      if (number->i >= 0)
        return (guint64) number->i;
    }
  else if (number->kind == MP_NUMBER_DOUBLE)
    {
      if (number->d > -1 && number->d < 0x1p64)
        return (guint64) number->d;
    }
  else
    return number->u;

  set_range_error (number, "uint64", error);
  return 0;
}

double
mp_number_to_double (const MpNumber *number)
{
  switch (number->kind)
    {
    case MP_NUMBER_INT:
      return (double) number->i;
    case MP_NUMBER_DOUBLE:
      return number->d;
    case MP_NUMBER_UINT:
    case MP_NUMBER_BOOLEAN:
    default:
      return (double) number->u;
    }
}

/* Floating: `b`, `d`, `x`, or `t` for what only that can hold. */
GVariant *
mp_number_to_variant (const MpNumber *number)
{
  switch (number->kind)
    {
    case MP_NUMBER_INT:
      return g_variant_new_int64 (number->i);
    case MP_NUMBER_DOUBLE:
      return g_variant_new_double (number->d);
    case MP_NUMBER_BOOLEAN:
      return g_variant_new_boolean (number->u != 0);
    case MP_NUMBER_UINT:
    default:
      return number->u <= G_MAXINT64 ? g_variant_new_int64 ((gint64) number->u)
                                     : g_variant_new_uint64 (number->u);
    }
}

static MpNumber
from_int (gint64 i)
{
  return (MpNumber) { .kind = MP_NUMBER_INT, .i = i };
}

static MpNumber
from_uint (guint64 u)
{
  return (MpNumber) { .kind = MP_NUMBER_UINT, .u = u };
}

gboolean
mp_number_from_variant (GVariant  *variant,
                        MpNumber  *number,
                        GError   **error)
{
  g_autoptr (GVariant) child = NULL;

  switch (g_variant_classify (variant))
    {
    case G_VARIANT_CLASS_BYTE:
      *number = from_uint (g_variant_get_byte (variant));
      return TRUE;
    case G_VARIANT_CLASS_INT16:
      *number = from_int (g_variant_get_int16 (variant));
      return TRUE;
    case G_VARIANT_CLASS_UINT16:
      *number = from_uint (g_variant_get_uint16 (variant));
      return TRUE;
    case G_VARIANT_CLASS_INT32:
      *number = from_int (g_variant_get_int32 (variant));
      return TRUE;
    case G_VARIANT_CLASS_UINT32:
      *number = from_uint (g_variant_get_uint32 (variant));
      return TRUE;
    case G_VARIANT_CLASS_INT64:
      *number = from_int (g_variant_get_int64 (variant));
      return TRUE;
    case G_VARIANT_CLASS_UINT64:
      *number = from_uint (g_variant_get_uint64 (variant));
      return TRUE;
    case G_VARIANT_CLASS_DOUBLE:
      *number = (MpNumber) { .kind = MP_NUMBER_DOUBLE, .d = g_variant_get_double (variant) };
      return TRUE;
    case G_VARIANT_CLASS_BOOLEAN:
      *number = (MpNumber) { .kind = MP_NUMBER_BOOLEAN, .u = g_variant_get_boolean (variant) };
      return TRUE;
    case G_VARIANT_CLASS_VARIANT:
      child = g_variant_get_variant (variant);
      return mp_number_from_variant (child, number, error);
    case G_VARIANT_CLASS_HANDLE:
    case G_VARIANT_CLASS_STRING:
    case G_VARIANT_CLASS_OBJECT_PATH:
    case G_VARIANT_CLASS_SIGNATURE:
    case G_VARIANT_CLASS_MAYBE:
    case G_VARIANT_CLASS_ARRAY:
    case G_VARIANT_CLASS_TUPLE:
    case G_VARIANT_CLASS_DICT_ENTRY:
    default:
      g_set_error (error, MP_ERROR, MP_ERROR_INVALID_ARGUMENT,
                   "A value of type “%s” is no number", g_variant_get_type_string (variant));
      return FALSE;
    }
}

/* --- Bits ---------------------------------------------------------------------------------- */

static gboolean
is_float (MpElementType type)
{
  return type == MP_ELEMENT_TYPE_FLOAT || type == MP_ELEMENT_TYPE_DOUBLE;
}

static guint64
float_to_bits (MpElementType type,
               double        number)
{
  guint64 bits = 0;
  float single = (float) number;

  if (type == MP_ELEMENT_TYPE_FLOAT)
    memcpy (&bits, &single, sizeof single);
  else
    memcpy (&bits, &number, sizeof number);
  return bits;
}

static double
float_from_bits (MpElementType type,
                 guint64       bits)
{
  double number;
  float single;

  if (type == MP_ELEMENT_TYPE_FLOAT)
    {
      memcpy (&single, &bits, sizeof single);
      return single;
    }
  memcpy (&number, &bits, sizeof number);
  return number;
}

static guint64
load_bits (gsize         size,
           gconstpointer at)
{
  switch (size)
    {
    case 1:
      return __atomic_load_n ((const guint8 *) at, __ATOMIC_SEQ_CST);
    case 2:
      return __atomic_load_n ((const guint16 *) at, __ATOMIC_SEQ_CST);
    case 4:
      return __atomic_load_n ((const guint32 *) at, __ATOMIC_SEQ_CST);
    default:
      return __atomic_load_n ((const guint64 *) at, __ATOMIC_SEQ_CST);
    }
}

static guint64
exchange_bits (gsize    size,
               gpointer at,
               guint64  bits)
{
  switch (size)
    {
    case 1:
      return __atomic_exchange_n ((guint8 *) at, (guint8) bits, __ATOMIC_SEQ_CST);
    case 2:
      return __atomic_exchange_n ((guint16 *) at, (guint16) bits, __ATOMIC_SEQ_CST);
    case 4:
      return __atomic_exchange_n ((guint32 *) at, (guint32) bits, __ATOMIC_SEQ_CST);
    default:
      return __atomic_exchange_n ((guint64 *) at, bits, __ATOMIC_SEQ_CST);
    }
}

#define SWAP(type) \
  { \
    type old = (type) expected; \
    return __atomic_compare_exchange_n ((type *) at, &old, (type) desired, FALSE, \
                                        __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST); \
  }

static gboolean
swap_bits (gsize    size,
           gpointer at,
           guint64  expected,
           guint64  desired)
{
  switch (size)
    {
    case 1:
      SWAP (guint8)
    case 2:
      SWAP (guint16)
    case 4:
      SWAP (guint32)
    default:
      SWAP (guint64)
    }
}

static guint64
add_bits (gsize    size,
          gpointer at,
          guint64  amount)
{
  switch (size)
    {
    case 1:
      return __atomic_fetch_add ((guint8 *) at, (guint8) amount, __ATOMIC_SEQ_CST);
    case 2:
      return __atomic_fetch_add ((guint16 *) at, (guint16) amount, __ATOMIC_SEQ_CST);
    case 4:
      return __atomic_fetch_add ((guint32 *) at, (guint32) amount, __ATOMIC_SEQ_CST);
    default:
      return __atomic_fetch_add ((guint64 *) at, amount, __ATOMIC_SEQ_CST);
    }
}

/* An integer's bits with its sign; those of unsigned 64 bits as they are. */
static gint64
int_from_bits (MpElementType type,
               guint64       bits)
{
  guint shift = 64 - 8 * (guint) types[type].size;

  return types[type].least < 0 ? (gint64) (bits << shift) >> shift : (gint64) bits;
}

/* FALSE: @number is outside the range of @type. */
static gboolean
to_bits (MpElementType    type,
         const MpNumber  *number,
         guint64         *bits,
         GError         **error)
{
  const TypeInfo *info = &types[type];
  double d = mp_number_to_double (number);
  gboolean fits;

  if (is_float (type))
    {
      fits = type != MP_ELEMENT_TYPE_FLOAT || !isfinite (d) || fabs (d) <= (double) FLT_MAX;
      *bits = fits ? float_to_bits (type, d) : 0;
    }
  else if (number->kind == MP_NUMBER_DOUBLE)
    {
      fits = d == trunc (d) && d >= (double) info->least && d < (double) info->most + 1;
      *bits = fits ? (d < 0 ? (guint64) (gint64) d : (guint64) d) : 0;
    }
  else
    {
      fits = number->kind == MP_NUMBER_INT && number->i < 0 ? number->i >= info->least
                                                            : number->u <= info->most;
      *bits = number->u;
    }

  if (!fits)
    set_range_error (number, info->name, error);
  return fits;
}

MpNumber
mp_element_load (MpElementType type,
                 gconstpointer at)
{
  guint64 bits = load_bits (types[type].size, at);

  if (is_float (type))
    return (MpNumber) { .kind = MP_NUMBER_DOUBLE, .d = float_from_bits (type, bits) };
  if (type == MP_ELEMENT_TYPE_BOOLEAN)
    return (MpNumber) { .kind = MP_NUMBER_BOOLEAN, .u = bits != 0 };
  if (types[type].least < 0)
    return from_int (int_from_bits (type, bits));

  return from_uint (bits);
}

gboolean
mp_element_store (MpElementType   type,
                  gpointer        at,
                  MpNumber        number,
                  GError        **error)
{
  guint64 bits;

  if (!to_bits (type, &number, &bits, error))
    return FALSE;

  exchange_bits (types[type].size, at, bits);
  return TRUE;
}

/* --- Atomic changes ------------------------------------------------------------------------ */

static gboolean
refuse (MpElementType   type,
        const char     *what,
        GError        **error)
{
  g_set_error (error, MP_ERROR, MP_ERROR_INVALID_ARGUMENT, "Elements of type %s cannot be %s",
               types[type].name, what);
  return FALSE;
}

gint64
mp_element_add (MpElementType   type,
                gpointer        at,
                gint64          amount,
                GError        **error)
{
  if (is_float (type) || type == MP_ELEMENT_TYPE_BOOLEAN)
    return refuse (type, "added to as integers", error);

  return int_from_bits (type, add_bits (types[type].size, at, (guint64) amount));
}

double
mp_element_add_double (MpElementType   type,
                       gpointer        at,
                       double          amount,
                       GError        **error)
{
  gsize size = types[type].size;
  guint64 old;
  double number;

  if (!is_float (type))
    return refuse (type, "added to as floats", error);

  do
    {
      old = load_bits (size, at);
      number = float_from_bits (type, old);
    }
  while (!swap_bits (size, at, old, float_to_bits (type, number + amount)));

  return number;
}

gint64
mp_element_combine (MpElementType   type,
                    gpointer        at,
                    MpCombine       how,
                    gint64          bits,
                    GError        **error)
{
  gsize size = types[type].size;
  guint64 operand = type == MP_ELEMENT_TYPE_BOOLEAN ? bits != 0 : (guint64) bits;
  guint64 old, new;

  if (is_float (type))
    return refuse (type, "combined bit by bit", error);

  do
    {
      old = load_bits (size, at);
      new = how == MP_COMBINE_AND ? old & operand
            : how == MP_COMBINE_OR ? old | operand : old ^ operand;
    }
  while (!swap_bits (size, at, old, new));

  return int_from_bits (type, old);
}

/* As a number of 64 bits; for unsigned ones the bits are what counts. */
static gboolean
int_to_bits (MpElementType   type,
             gint64          number,
             guint64        *bits,
             GError        **error)
{
  MpNumber wrapped = from_int (number);

  if (is_float (type))
    return refuse (type, "exchanged as integers", error);
  if (type == MP_ELEMENT_TYPE_UINT64)
    wrapped = from_uint ((guint64) number);

  return to_bits (type, &wrapped, bits, error);
}

gint64
mp_element_exchange (MpElementType   type,
                     gpointer        at,
                     gint64          number,
                     GError        **error)
{
  guint64 bits;

  if (!int_to_bits (type, number, &bits, error))
    return 0;

  return int_from_bits (type, exchange_bits (types[type].size, at, bits));
}

static gboolean
double_to_bits (MpElementType   type,
                double          number,
                guint64        *bits,
                GError        **error)
{
  const MpNumber wrapped = { .kind = MP_NUMBER_DOUBLE, .d = number };

  if (!is_float (type))
    return refuse (type, "exchanged as floats", error);

  return to_bits (type, &wrapped, bits, error);
}

double
mp_element_exchange_double (MpElementType   type,
                            gpointer        at,
                            double          number,
                            GError        **error)
{
  guint64 bits;

  if (!double_to_bits (type, number, &bits, error))
    return 0;

  return float_from_bits (type, exchange_bits (types[type].size, at, bits));
}

gboolean
mp_element_compare_and_set (MpElementType   type,
                            gpointer        at,
                            gint64          expected,
                            gint64          desired,
                            GError        **error)
{
  guint64 from, to;

  return int_to_bits (type, expected, &from, error) && int_to_bits (type, desired, &to, error) &&
         swap_bits (types[type].size, at, from, to);
}

gboolean
mp_element_compare_and_set_double (MpElementType   type,
                                   gpointer        at,
                                   double          expected,
                                   double          desired,
                                   GError        **error)
{
  gsize size = types[type].size;
  guint64 from, to, old;

  if (!double_to_bits (type, expected, &from, error) ||
      !double_to_bits (type, desired, &to, error))
    return FALSE;

  /* Equal as numbers: 0.0 and -0.0 are, and one NaN is as good as another. */
  expected = float_from_bits (type, from);
  do
    {
      double number;

      old = load_bits (size, at);
      number = float_from_bits (type, old);
      if (!(number == expected || (isnan (number) && isnan (expected))))
        return FALSE;
    }
  while (!swap_bits (size, at, old, to));

  return TRUE;
}
