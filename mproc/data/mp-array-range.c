/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Many elements of an array at once: copied in and out, or in place. Whoever wants no other process
 * in between holds the array's lock.
 */

#include "config.h"

#include "mproc/data/mp-array.h"

#include <string.h>

#include "mproc/base/mp-error-private.h"
#include "mproc/data/mp-array-private.h"

/**
 * mp_array_get_range: (skip)
 * @self: an array
 * @start: the first element
 * @n: how many
 * @elements: memory for as many elements of the array's type
 * @error: return location for an error
 *
 * Copies elements out of the array.
 *
 * Errors: [error@Mp.Error.INVALID_ARGUMENT] if they are not all there,
 * [error@Mp.Error.INVALID_STATE] if the array cannot be used in this process.
 *
 * Returns: %TRUE if they were copied
 *
 * Since: 0.1
 */
gboolean
mp_array_get_range (MpArray   *self,
                    guint64    start,
                    guint64    n,
                    gpointer   elements,
                    GError   **error)
{
  const MpArrayShared *array;
  gconstpointer at;

  g_return_val_if_fail (MP_IS_ARRAY (self), FALSE);
  g_return_val_if_fail (elements != NULL || n == 0, FALSE);

  at = mp_array_find (self, start, n, &array, error);
  if (at == NULL)
    return FALSE;

  if (n > 0)
    memcpy (elements, at, (gsize) n * mp_element_type_get_size (array->type));
  return TRUE;
}

/**
 * mp_array_set_range: (skip)
 * @self: an array
 * @start: the first element
 * @n: how many
 * @elements: as many elements of the array's type
 * @error: return location for an error
 *
 * Copies elements into the array.
 *
 * Errors: as [method@Mp.Array.read].
 *
 * Returns: %TRUE if they were copied
 *
 * Since: 0.1
 */
gboolean
mp_array_set_range (MpArray        *self,
                    guint64         start,
                    guint64         n,
                    gconstpointer   elements,
                    GError        **error)
{
  const MpArrayShared *array;
  gpointer at;

  g_return_val_if_fail (MP_IS_ARRAY (self), FALSE);
  g_return_val_if_fail (elements != NULL || n == 0, FALSE);

  at = mp_array_find (self, start, n, &array, error);
  if (at == NULL)
    return FALSE;

  if (n > 0)
    memcpy (at, elements, (gsize) n * mp_element_type_get_size (array->type));
  return TRUE;
}

/**
 * mp_array_read:
 * @self: an array
 * @start: the first element
 * @n: how many
 * @error: return location for an error
 *
 * Copies elements out of the array.
 *
 * Errors: [error@Mp.Error.INVALID_ARGUMENT] if they are not all there,
 * [error@Mp.Error.INVALID_STATE] if the array cannot be used in this process.
 *
 * Returns: (transfer full): the elements, in the machine's own form
 *
 * Since: 0.1
 */
GBytes *
mp_array_read (MpArray  *self,
               guint64   start,
               guint64   n,
               GError  **error)
{
  const MpArrayShared *array;
  gconstpointer at;

  g_return_val_if_fail (MP_IS_ARRAY (self), NULL);

  at = mp_array_find (self, start, n, &array, error);
  return at != NULL ? g_bytes_new (at, (gsize) n * mp_element_type_get_size (array->type)) : NULL;
}

/**
 * mp_array_write:
 * @self: an array
 * @start: the first element
 * @elements: elements of the array's type, in the machine's own form
 * @error: return location for an error
 *
 * Copies elements into the array.
 *
 * Errors: [error@Mp.Error.INVALID_ARGUMENT] if @elements are not whole elements or do not fit,
 * [error@Mp.Error.INVALID_STATE] if the array cannot be used in this process.
 *
 * Returns: %TRUE if they were copied
 *
 * Since: 0.1
 */
gboolean
mp_array_write (MpArray  *self,
                guint64   start,
                GBytes   *elements,
                GError  **error)
{
  gconstpointer data;
  gsize size, each;

  g_return_val_if_fail (MP_IS_ARRAY (self), FALSE);
  g_return_val_if_fail (elements != NULL, FALSE);

  data = g_bytes_get_data (elements, &size);
  each = MAX (mp_element_type_get_size (mp_array_get_element_type (self)), 1);
  if (size % each != 0)
    {
      g_set_error (error, MP_ERROR, MP_ERROR_INVALID_ARGUMENT,
                   "%" G_GSIZE_FORMAT " bytes are not whole elements of %" G_GSIZE_FORMAT, size,
                   each);
      return FALSE;
    }

  return mp_array_set_range (self, start, size / each, data, error);
}

/**
 * mp_array_get_data: (skip)
 * @self: an array
 * @size: (out) (optional): return location for the size in bytes
 *
 * Gets the elements' place in memory, which is aligned to 64 bytes.
 *
 * Returns: (transfer none) (nullable): a pointer that is good as long as @self is, or %NULL if the
 *   array cannot be used in this process
 *
 * Since: 0.1
 */
gpointer
mp_array_get_data (MpArray *self,
                   gsize   *size)
{
  const MpArrayShared *array;

  g_return_val_if_fail (MP_IS_ARRAY (self), NULL);

  array = mp_shared_get_data (MP_SHARED (self));
  if (size != NULL)
    *size = array == NULL
              ? 0
              : (gsize) array->length * mp_element_type_get_size (array->type);

  return array != NULL ? mp_arena_pointer (array->block.offset) : NULL;
}

/**
 * mp_array_get_address:
 * @self: an array
 *
 * Gets the address of the elements. For language bindings: whatever uses it has to hold @self.
 *
 * Returns: the address, or 0 if the array cannot be used in this process
 *
 * Since: 0.1
 */
guint64
mp_array_get_address (MpArray *self)
{
  return (guint64) (guintptr) mp_array_get_data (self, NULL);
}

/**
 * mp_array_get_bytes:
 * @self: an array
 * @error: return location for an error
 *
 * Gets the elements as a #GBytes, without a copy. Others may change the content.
 *
 * Errors: [error@Mp.Error.INVALID_STATE] if the array cannot be used in this process.
 *
 * Returns: (transfer full): the elements, in the machine's own form
 *
 * Since: 0.1
 */
GBytes *
mp_array_get_bytes (MpArray  *self,
                    GError  **error)
{
  gpointer data;
  gsize size;

  g_return_val_if_fail (MP_IS_ARRAY (self), NULL);

  data = mp_array_get_data (self, &size);
  if (data == NULL)
    {
      mp_status_to_error (MP_STATUS_INVALID, error);
      return NULL;
    }

  return g_bytes_new_with_free_func (data, size, g_object_unref, g_object_ref (self));
}
