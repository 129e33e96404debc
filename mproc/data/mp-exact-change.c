/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The atomic changes of integers for languages whose numbers are doubles: what was there before
 * comes as a GVariant, which keeps all 64 bits.
 */

#include "config.h"

#include "mproc/data/mp-array-private.h"
#include "mproc/data/mp-array.h"
#include "mproc/data/mp-value-private.h"
#include "mproc/data/mp-value.h"

static gint64
change (MpElementType   type,
        gpointer        at,
        const char     *how,
        gint64          number,
        GError        **error)
{
  if (g_strcmp0 (how, "add") == 0)
    return mp_element_add (type, at, number, error);
  if (g_strcmp0 (how, "and") == 0)
    return mp_element_combine (type, at, MP_COMBINE_AND, number, error);
  if (g_strcmp0 (how, "or") == 0)
    return mp_element_combine (type, at, MP_COMBINE_OR, number, error);
  if (g_strcmp0 (how, "xor") == 0)
    return mp_element_combine (type, at, MP_COMBINE_XOR, number, error);
  if (g_strcmp0 (how, "exchange") == 0)
    return mp_element_exchange (type, at, number, error);

  g_set_error (error, MP_ERROR, MP_ERROR_INVALID_ARGUMENT, "There is no change “%s”", how);
  return 0;
}

static GVariant *
change_exactly (MpElementType   type,
                gpointer        at,
                const char     *how,
                gint64          number,
                GError        **error)
{
  GError *own_error = NULL;
  gint64 before = change (type, at, how, number, &own_error);

  if (own_error != NULL)
    {
      g_propagate_error (error, own_error);
      return NULL;
    }

  return g_variant_ref_sink (type == MP_ELEMENT_TYPE_UINT64
                             ? g_variant_new_uint64 ((guint64) before)
                             : g_variant_new_int64 (before));
}

/**
 * mp_value_change_exactly:
 * @self: a value
 * @how: `add`, `and`, `or`, `xor` or `exchange`
 * @number: the other operand; of an unsigned 64-bit type, its bits
 * @error: return location for an error
 *
 * Does what [method@Mp.Value.add] and its like do, for bindings whose numbers are not exact beyond
 * 2^53.
 *
 * Errors: [error@Mp.Error.INVALID_ARGUMENT] for a floating type, a number outside the range, or an
 * unknown change; [error@Mp.Error.INVALID_STATE] if the value cannot be used in this process.
 *
 * Returns: (transfer full): the number before, as `t` of an unsigned 64-bit type, else as `x`
 *
 * Since: 0.1
 */
GVariant *
mp_value_change_exactly (MpValue     *self,
                         const char  *how,
                         gint64       number,
                         GError     **error)
{
  MpValueShared *value;

  g_return_val_if_fail (MP_IS_VALUE (self), NULL);

  value = mp_value_get_shared (self, error);
  return value != NULL ? change_exactly (value->type, &value->bits, how, number, error) : NULL;
}

/**
 * mp_array_change_exactly:
 * @self: an array
 * @index: which element, from 0
 * @how: `add`, `and`, `or`, `xor` or `exchange`
 * @number: the other operand; of an unsigned 64-bit type, its bits
 * @error: return location for an error
 *
 * Does what [method@Mp.Array.add] and its like do, for bindings whose numbers are not exact beyond
 * 2^53.
 *
 * Errors: [error@Mp.Error.INVALID_ARGUMENT] for a floating type, a number outside the range, an
 * unknown change, or there is no element @index; [error@Mp.Error.INVALID_STATE] if the array cannot
 * be used in this process.
 *
 * Returns: (transfer full): the number before, as `t` of an unsigned 64-bit type, else as `x`
 *
 * Since: 0.1
 */
GVariant *
mp_array_change_exactly (MpArray     *self,
                         guint64      index,
                         const char  *how,
                         gint64       number,
                         GError     **error)
{
  const MpArrayShared *array;
  gpointer at;

  g_return_val_if_fail (MP_IS_ARRAY (self), NULL);

  at = mp_array_find (self, index, 1, &array, error);
  return at != NULL ? change_exactly (array->type, at, how, number, error) : NULL;
}
