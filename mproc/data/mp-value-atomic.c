/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The atomic changes of values. Each is one step, without a lock.
 */

#include "config.h"

#include "mproc/data/mp-value.h"

#include "mproc/data/mp-value-private.h"

/**
 * mp_value_add:
 * @self: a value
 * @amount: what to add
 * @error: return location for an error
 *
 * Adds to the value in one atomic step. Beyond the range of the type it begins again at the other
 * end, as in C.
 *
 * Errors: [error@Mp.Error.INVALID_ARGUMENT] for floating and boolean types;
 * [error@Mp.Error.INVALID_STATE] if the value cannot be used in this process.
 *
 * Returns: the number before; of an unsigned 64-bit type, its bits
 *
 * Since: 0.1
 */
gint64
mp_value_add (MpValue  *self,
              gint64    amount,
              GError  **error)
{
  MpValueShared *value;

  g_return_val_if_fail (MP_IS_VALUE (self), 0);

  value = mp_value_get_shared (self, error);
  return value != NULL ? mp_element_add (value->type, &value->bits, amount, error) : 0;
}

/**
 * mp_value_add_double:
 * @self: a value
 * @amount: what to add
 * @error: return location for an error
 *
 * Adds to the value, of a floating type, in one atomic step.
 *
 * Errors: [error@Mp.Error.INVALID_ARGUMENT] for other types; [error@Mp.Error.INVALID_STATE] if the
 * value cannot be used in this process.
 *
 * Returns: the number before
 *
 * Since: 0.1
 */
double
mp_value_add_double (MpValue  *self,
                     double    amount,
                     GError  **error)
{
  MpValueShared *value;

  g_return_val_if_fail (MP_IS_VALUE (self), 0);

  value = mp_value_get_shared (self, error);
  return value != NULL ? mp_element_add_double (value->type, &value->bits, amount, error) : 0;
}

/**
 * mp_value_and:
 * @self: a value
 * @bits: the other operand
 * @error: return location for an error
 *
 * Combines the value with other bits by “and”, in one atomic step.
 *
 * Errors: [error@Mp.Error.INVALID_ARGUMENT] for floating types; [error@Mp.Error.INVALID_STATE] if
 * the value cannot be used in this process.
 *
 * Returns: the number before; of an unsigned 64-bit type, its bits
 *
 * Since: 0.1
 */
gint64
mp_value_and (MpValue  *self,
              gint64    bits,
              GError  **error)
{
  MpValueShared *value;

  g_return_val_if_fail (MP_IS_VALUE (self), 0);

  value = mp_value_get_shared (self, error);
  return value != NULL ? mp_element_combine (value->type, &value->bits, MP_COMBINE_AND, bits, error)
                       : 0;
}

/**
 * mp_value_or:
 * @self: a value
 * @bits: the other operand
 * @error: return location for an error
 *
 * Combines the value with other bits by “or”, in one atomic step.
 *
 * Errors: [error@Mp.Error.INVALID_ARGUMENT] for floating types; [error@Mp.Error.INVALID_STATE] if
 * the value cannot be used in this process.
 *
 * Returns: the number before; of an unsigned 64-bit type, its bits
 *
 * Since: 0.1
 */
gint64
mp_value_or (MpValue  *self,
             gint64    bits,
             GError  **error)
{
  MpValueShared *value;

  g_return_val_if_fail (MP_IS_VALUE (self), 0);

  value = mp_value_get_shared (self, error);
  return value != NULL ? mp_element_combine (value->type, &value->bits, MP_COMBINE_OR, bits, error)
                       : 0;
}

/**
 * mp_value_xor:
 * @self: a value
 * @bits: the other operand
 * @error: return location for an error
 *
 * Combines the value with other bits by “exclusive or”, in one atomic step.
 *
 * Errors: [error@Mp.Error.INVALID_ARGUMENT] for floating types; [error@Mp.Error.INVALID_STATE] if
 * the value cannot be used in this process.
 *
 * Returns: the number before; of an unsigned 64-bit type, its bits
 *
 * Since: 0.1
 */
gint64
mp_value_xor (MpValue  *self,
              gint64    bits,
              GError  **error)
{
  MpValueShared *value;

  g_return_val_if_fail (MP_IS_VALUE (self), 0);

  value = mp_value_get_shared (self, error);
  return value != NULL ? mp_element_combine (value->type, &value->bits, MP_COMBINE_XOR, bits, error)
                       : 0;
}

/**
 * mp_value_exchange:
 * @self: a value
 * @number: the new number; for an unsigned 64-bit type, its bits
 * @error: return location for an error
 *
 * Sets the value and gets what it was before, in one atomic step.
 *
 * Errors: [error@Mp.Error.INVALID_ARGUMENT] for floating types, or if @number is outside the
 * range; [error@Mp.Error.INVALID_STATE] if the value cannot be used in this process.
 *
 * Returns: the number before; of an unsigned 64-bit type, its bits
 *
 * Since: 0.1
 */
gint64
mp_value_exchange (MpValue  *self,
                   gint64    number,
                   GError  **error)
{
  MpValueShared *value;

  g_return_val_if_fail (MP_IS_VALUE (self), 0);

  value = mp_value_get_shared (self, error);
  return value != NULL ? mp_element_exchange (value->type, &value->bits, number, error) : 0;
}

/**
 * mp_value_exchange_double:
 * @self: a value
 * @number: the new number
 * @error: return location for an error
 *
 * Sets the value, of a floating type, and gets what it was before, in one atomic step.
 *
 * Errors: [error@Mp.Error.INVALID_ARGUMENT] for other types, or if @number is outside the range;
 * [error@Mp.Error.INVALID_STATE] if the value cannot be used in this process.
 *
 * Returns: the number before
 *
 * Since: 0.1
 */
double
mp_value_exchange_double (MpValue  *self,
                          double    number,
                          GError  **error)
{
  MpValueShared *value;

  g_return_val_if_fail (MP_IS_VALUE (self), 0);

  value = mp_value_get_shared (self, error);
  return value != NULL ? mp_element_exchange_double (value->type, &value->bits, number, error) : 0;
}

/**
 * mp_value_compare_and_set:
 * @self: a value
 * @expected: what it should be
 * @desired: what it then becomes
 * @error: return location for an error
 *
 * Sets the value if it is @expected, in one atomic step. For unsigned 64-bit types both are bits.
 *
 * Errors: [error@Mp.Error.INVALID_ARGUMENT] for floating types, or if an argument is outside the
 * range; [error@Mp.Error.INVALID_STATE] if the value cannot be used in this process.
 *
 * Returns: %TRUE if it was set; %FALSE without an error if it was something else
 *
 * Since: 0.1
 */
gboolean
mp_value_compare_and_set (MpValue  *self,
                          gint64    expected,
                          gint64    desired,
                          GError  **error)
{
  MpValueShared *value;

  g_return_val_if_fail (MP_IS_VALUE (self), FALSE);

  value = mp_value_get_shared (self, error);
  return value != NULL &&
         mp_element_compare_and_set (value->type, &value->bits, expected, desired, error);
}

/**
 * mp_value_compare_and_set_double:
 * @self: a value
 * @expected: what it should be
 * @desired: what it then becomes
 * @error: return location for an error
 *
 * Sets the value, of a floating type, if it equals @expected, in one atomic step.
 *
 * Errors: [error@Mp.Error.INVALID_ARGUMENT] for other types, or if an argument is outside the
 * range; [error@Mp.Error.INVALID_STATE] if the value cannot be used in this process.
 *
 * Returns: %TRUE if it was set; %FALSE without an error if it was something else
 *
 * Since: 0.1
 */
gboolean
mp_value_compare_and_set_double (MpValue  *self,
                                 double    expected,
                                 double    desired,
                                 GError  **error)
{
  MpValueShared *value;

  g_return_val_if_fail (MP_IS_VALUE (self), FALSE);

  value = mp_value_get_shared (self, error);
  return value != NULL &&
         mp_element_compare_and_set_double (value->type, &value->bits, expected, desired, error);
}
