/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Single elements of arrays, and their atomic changes. Each is one step, without a lock.
 */

#include "config.h"

#include "mproc/data/mp-array.h"

#include "mproc/data/mp-array-private.h"

static gboolean
store (MpArray   *self,
       guint64    index,
       MpNumber   number,
       GError   **error)
{
  const MpArrayShared *array;
  gpointer at = mp_array_find (self, index, 1, &array, error);

  return at != NULL && mp_element_store (array->type, at, number, error);
}

/**
 * mp_array_get_int64:
 * @self: an array
 * @index: which element, from 0
 * @error: return location for an error
 *
 * Gets an element as a signed integer. Floats are cut off towards zero.
 *
 * Errors: [error@Mp.Error.INVALID_ARGUMENT] if the number is beyond that range, or there is no
 * element @index; [error@Mp.Error.INVALID_STATE] if the array cannot be used in this process.
 *
 * Returns: the number, or 0
 *
 * Since: 0.1
 */
gint64
mp_array_get_int64 (MpArray  *self,
                    guint64   index,
                    GError  **error)
{
  const MpArrayShared *array;
  gconstpointer at;
  MpNumber number;

  g_return_val_if_fail (MP_IS_ARRAY (self), 0);

  at = mp_array_find (self, index, 1, &array, error);
  if (at == NULL)
    return 0;

  number = mp_element_load (array->type, at);
  return mp_number_to_int64 (&number, error);
}

/**
 * mp_array_get_uint64:
 * @self: an array
 * @index: which element, from 0
 * @error: return location for an error
 *
 * Gets an element as an unsigned integer. Floats are cut off towards zero.
 *
 * Errors: [error@Mp.Error.INVALID_ARGUMENT] if the number is negative or beyond that range, or
 * there is no element @index; [error@Mp.Error.INVALID_STATE] if the array cannot be used in this
 * process.
 *
 * Returns: the number, or 0
 *
 * Since: 0.1
 */
guint64
mp_array_get_uint64 (MpArray  *self,
                     guint64   index,
                     GError  **error)
{
  const MpArrayShared *array;
  gconstpointer at;
  MpNumber number;

  g_return_val_if_fail (MP_IS_ARRAY (self), 0);

  at = mp_array_find (self, index, 1, &array, error);
  if (at == NULL)
    return 0;

  number = mp_element_load (array->type, at);
  return mp_number_to_uint64 (&number, error);
}

/**
 * mp_array_get_double:
 * @self: an array
 * @index: which element, from 0
 * @error: return location for an error
 *
 * Gets an element as a `double`, which is exact for integers up to 2^53.
 *
 * Errors: [error@Mp.Error.INVALID_ARGUMENT] if there is no element @index;
 * [error@Mp.Error.INVALID_STATE] if the array cannot be used in this process.
 *
 * Returns: the number, or 0
 *
 * Since: 0.1
 */
double
mp_array_get_double (MpArray  *self,
                     guint64   index,
                     GError  **error)
{
  const MpArrayShared *array;
  gconstpointer at;
  MpNumber number;

  g_return_val_if_fail (MP_IS_ARRAY (self), 0);

  at = mp_array_find (self, index, 1, &array, error);
  if (at == NULL)
    return 0;

  number = mp_element_load (array->type, at);
  return mp_number_to_double (&number);
}

/**
 * mp_array_get_variant:
 * @self: an array
 * @index: which element, from 0
 * @error: return location for an error
 *
 * Gets an element as a #GVariant: `b`, `d`, `x`, or from 2^63 on `t`.
 *
 * Errors: [error@Mp.Error.INVALID_ARGUMENT] if there is no element @index;
 * [error@Mp.Error.INVALID_STATE] if the array cannot be used in this process.
 *
 * Returns: (transfer full): the number
 *
 * Since: 0.1
 */
GVariant *
mp_array_get_variant (MpArray  *self,
                      guint64   index,
                      GError  **error)
{
  const MpArrayShared *array;
  gconstpointer at;
  MpNumber number;

  g_return_val_if_fail (MP_IS_ARRAY (self), NULL);

  at = mp_array_find (self, index, 1, &array, error);
  if (at == NULL)
    return NULL;

  number = mp_element_load (array->type, at);
  return g_variant_ref_sink (mp_number_to_variant (&number));
}

/**
 * mp_array_set_int64:
 * @self: an array
 * @index: which element, from 0
 * @number: the new number
 * @error: return location for an error
 *
 * Sets an element.
 *
 * Errors: [error@Mp.Error.INVALID_ARGUMENT] if @number is outside the range of the type, or there
 * is no element @index; [error@Mp.Error.INVALID_STATE] if the array cannot be used in this
 * process.
 *
 * Returns: %TRUE if it was set
 *
 * Since: 0.1
 */
gboolean
mp_array_set_int64 (MpArray  *self,
                    guint64   index,
                    gint64    number,
                    GError  **error)
{
  g_return_val_if_fail (MP_IS_ARRAY (self), FALSE);

  return store (self, index, (MpNumber) { .kind = MP_NUMBER_INT, .i = number }, error);
}

/**
 * mp_array_set_uint64:
 * @self: an array
 * @index: which element, from 0
 * @number: the new number
 * @error: return location for an error
 *
 * Sets an element.
 *
 * Errors: [error@Mp.Error.INVALID_ARGUMENT] if @number is outside the range of the type, or there
 * is no element @index; [error@Mp.Error.INVALID_STATE] if the array cannot be used in this
 * process.
 *
 * Returns: %TRUE if it was set
 *
 * Since: 0.1
 */
gboolean
mp_array_set_uint64 (MpArray  *self,
                     guint64   index,
                     guint64   number,
                     GError  **error)
{
  g_return_val_if_fail (MP_IS_ARRAY (self), FALSE);

  return store (self, index, (MpNumber) { .kind = MP_NUMBER_UINT, .u = number }, error);
}

/**
 * mp_array_set_double:
 * @self: an array
 * @index: which element, from 0
 * @number: the new number
 * @error: return location for an error
 *
 * Sets an element. Integer types take only whole numbers.
 *
 * Errors: [error@Mp.Error.INVALID_ARGUMENT] if @number is outside the range of the type, or there
 * is no element @index; [error@Mp.Error.INVALID_STATE] if the array cannot be used in this
 * process.
 *
 * Returns: %TRUE if it was set
 *
 * Since: 0.1
 */
gboolean
mp_array_set_double (MpArray  *self,
                     guint64   index,
                     double    number,
                     GError  **error)
{
  g_return_val_if_fail (MP_IS_ARRAY (self), FALSE);

  return store (self, index, (MpNumber) { .kind = MP_NUMBER_DOUBLE, .d = number }, error);
}

/**
 * mp_array_set_variant:
 * @self: an array
 * @index: which element, from 0
 * @number: the new number, as any type of numbers; a floating reference is sunk
 * @error: return location for an error
 *
 * Sets an element.
 *
 * Errors: [error@Mp.Error.INVALID_ARGUMENT] if @number is none, or outside the range of the type,
 * or there is no element @index; [error@Mp.Error.INVALID_STATE] if the array cannot be used in
 * this process.
 *
 * Returns: %TRUE if it was set
 *
 * Since: 0.1
 */
gboolean
mp_array_set_variant (MpArray   *self,
                      guint64    index,
                      GVariant  *number,
                      GError   **error)
{
  g_autoptr (GVariant) held = NULL;
  MpNumber wrapped;

  g_return_val_if_fail (MP_IS_ARRAY (self), FALSE);
  g_return_val_if_fail (number != NULL, FALSE);

  held = g_variant_ref_sink (number);
  return mp_number_from_variant (held, &wrapped, error) &&
         store (self, index, wrapped, error);
}

/* --- Atomic changes ------------------------------------------------------------------------ */

/**
 * mp_array_add:
 * @self: an array
 * @index: which element, from 0
 * @amount: what to add
 * @error: return location for an error
 *
 * Adds to an element in one atomic step. Beyond the range of the type it begins again at the other
 * end, as in C.
 *
 * Errors: [error@Mp.Error.INVALID_ARGUMENT] for floating and boolean types, or there is no element
 * @index; [error@Mp.Error.INVALID_STATE] if the array cannot be used in this process.
 *
 * Returns: the number before; of an unsigned 64-bit type, its bits
 *
 * Since: 0.1
 */
gint64
mp_array_add (MpArray  *self,
              guint64   index,
              gint64    amount,
              GError  **error)
{
  const MpArrayShared *array;
  gpointer at;

  g_return_val_if_fail (MP_IS_ARRAY (self), 0);

  at = mp_array_find (self, index, 1, &array, error);
  return at != NULL ? mp_element_add (array->type, at, amount, error) : 0;
}

/**
 * mp_array_add_double:
 * @self: an array
 * @index: which element, from 0
 * @amount: what to add
 * @error: return location for an error
 *
 * Adds to an element, of a floating type, in one atomic step.
 *
 * Errors: [error@Mp.Error.INVALID_ARGUMENT] for other types, or there is no element @index;
 * [error@Mp.Error.INVALID_STATE] if the array cannot be used in this process.
 *
 * Returns: the number before
 *
 * Since: 0.1
 */
double
mp_array_add_double (MpArray  *self,
                     guint64   index,
                     double    amount,
                     GError  **error)
{
  const MpArrayShared *array;
  gpointer at;

  g_return_val_if_fail (MP_IS_ARRAY (self), 0);

  at = mp_array_find (self, index, 1, &array, error);
  return at != NULL ? mp_element_add_double (array->type, at, amount, error) : 0;
}

/**
 * mp_array_and:
 * @self: an array
 * @index: which element, from 0
 * @bits: the other operand
 * @error: return location for an error
 *
 * Combines an element with other bits by “and”, in one atomic step.
 *
 * Errors: [error@Mp.Error.INVALID_ARGUMENT] for floating types, or there is no element @index;
 * [error@Mp.Error.INVALID_STATE] if the array cannot be used in this process.
 *
 * Returns: the number before; of an unsigned 64-bit type, its bits
 *
 * Since: 0.1
 */
gint64
mp_array_and (MpArray  *self,
              guint64   index,
              gint64    bits,
              GError  **error)
{
  const MpArrayShared *array;
  gpointer at;

  g_return_val_if_fail (MP_IS_ARRAY (self), 0);

  at = mp_array_find (self, index, 1, &array, error);
  return at != NULL ? mp_element_combine (array->type, at, MP_COMBINE_AND, bits, error) : 0;
}

/**
 * mp_array_or:
 * @self: an array
 * @index: which element, from 0
 * @bits: the other operand
 * @error: return location for an error
 *
 * Combines an element with other bits by “or”, in one atomic step.
 *
 * Errors: [error@Mp.Error.INVALID_ARGUMENT] for floating types, or there is no element @index;
 * [error@Mp.Error.INVALID_STATE] if the array cannot be used in this process.
 *
 * Returns: the number before; of an unsigned 64-bit type, its bits
 *
 * Since: 0.1
 */
gint64
mp_array_or (MpArray  *self,
             guint64   index,
             gint64    bits,
             GError  **error)
{
  const MpArrayShared *array;
  gpointer at;

  g_return_val_if_fail (MP_IS_ARRAY (self), 0);

  at = mp_array_find (self, index, 1, &array, error);
  return at != NULL ? mp_element_combine (array->type, at, MP_COMBINE_OR, bits, error) : 0;
}

/**
 * mp_array_xor:
 * @self: an array
 * @index: which element, from 0
 * @bits: the other operand
 * @error: return location for an error
 *
 * Combines an element with other bits by “exclusive or”, in one atomic step.
 *
 * Errors: [error@Mp.Error.INVALID_ARGUMENT] for floating types, or there is no element @index;
 * [error@Mp.Error.INVALID_STATE] if the array cannot be used in this process.
 *
 * Returns: the number before; of an unsigned 64-bit type, its bits
 *
 * Since: 0.1
 */
gint64
mp_array_xor (MpArray  *self,
              guint64   index,
              gint64    bits,
              GError  **error)
{
  const MpArrayShared *array;
  gpointer at;

  g_return_val_if_fail (MP_IS_ARRAY (self), 0);

  at = mp_array_find (self, index, 1, &array, error);
  return at != NULL ? mp_element_combine (array->type, at, MP_COMBINE_XOR, bits, error) : 0;
}

/**
 * mp_array_exchange:
 * @self: an array
 * @index: which element, from 0
 * @number: the new number; for an unsigned 64-bit type, its bits
 * @error: return location for an error
 *
 * Sets an element and gets what it was before, in one atomic step.
 *
 * Errors: [error@Mp.Error.INVALID_ARGUMENT] for floating types, or if @number is outside the
 * range, or there is no element @index; [error@Mp.Error.INVALID_STATE] if the array cannot be used
 * in this process.
 *
 * Returns: the number before; of an unsigned 64-bit type, its bits
 *
 * Since: 0.1
 */
gint64
mp_array_exchange (MpArray  *self,
                   guint64   index,
                   gint64    number,
                   GError  **error)
{
  const MpArrayShared *array;
  gpointer at;

  g_return_val_if_fail (MP_IS_ARRAY (self), 0);

  at = mp_array_find (self, index, 1, &array, error);
  return at != NULL ? mp_element_exchange (array->type, at, number, error) : 0;
}

/**
 * mp_array_exchange_double:
 * @self: an array
 * @index: which element, from 0
 * @number: the new number
 * @error: return location for an error
 *
 * Sets an element, of a floating type, and gets what it was before, in one atomic step.
 *
 * Errors: [error@Mp.Error.INVALID_ARGUMENT] for other types, or if @number is outside the range,
 * or there is no element @index; [error@Mp.Error.INVALID_STATE] if the array cannot be used in
 * this process.
 *
 * Returns: the number before
 *
 * Since: 0.1
 */
double
mp_array_exchange_double (MpArray  *self,
                          guint64   index,
                          double    number,
                          GError  **error)
{
  const MpArrayShared *array;
  gpointer at;

  g_return_val_if_fail (MP_IS_ARRAY (self), 0);

  at = mp_array_find (self, index, 1, &array, error);
  return at != NULL ? mp_element_exchange_double (array->type, at, number, error) : 0;
}

/**
 * mp_array_compare_and_set:
 * @self: an array
 * @index: which element, from 0
 * @expected: what it should be
 * @desired: what it then becomes
 * @error: return location for an error
 *
 * Sets an element if it is @expected, in one atomic step. For unsigned 64-bit types both are bits.
 *
 * Errors: [error@Mp.Error.INVALID_ARGUMENT] for floating types, or if an argument is outside the
 * range, or there is no element @index; [error@Mp.Error.INVALID_STATE] if the array cannot be used
 * in this process.
 *
 * Returns: %TRUE if it was set; %FALSE without an error if it was something else
 *
 * Since: 0.1
 */
gboolean
mp_array_compare_and_set (MpArray  *self,
                          guint64   index,
                          gint64    expected,
                          gint64    desired,
                          GError  **error)
{
  const MpArrayShared *array;
  gpointer at;

  g_return_val_if_fail (MP_IS_ARRAY (self), FALSE);

  at = mp_array_find (self, index, 1, &array, error);
  return at != NULL && mp_element_compare_and_set (array->type, at, expected, desired, error);
}

/**
 * mp_array_compare_and_set_double:
 * @self: an array
 * @index: which element, from 0
 * @expected: what it should be
 * @desired: what it then becomes
 * @error: return location for an error
 *
 * Sets an element, of a floating type, if it equals @expected, in one atomic step.
 *
 * Errors: [error@Mp.Error.INVALID_ARGUMENT] for other types, or if an argument is outside the
 * range, or there is no element @index; [error@Mp.Error.INVALID_STATE] if the array cannot be used
 * in this process.
 *
 * Returns: %TRUE if it was set; %FALSE without an error if it was something else
 *
 * Since: 0.1
 */
gboolean
mp_array_compare_and_set_double (MpArray  *self,
                                 guint64   index,
                                 double    expected,
                                 double    desired,
                                 GError  **error)
{
  const MpArrayShared *array;
  gpointer at;

  g_return_val_if_fail (MP_IS_ARRAY (self), FALSE);

  at = mp_array_find (self, index, 1, &array, error);
  return at != NULL &&
         mp_element_compare_and_set_double (array->type, at, expected, desired, error);
}
