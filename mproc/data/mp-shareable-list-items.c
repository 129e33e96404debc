/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The items of a shareable list.
 */

#include "config.h"

#include "mproc/data/mp-shareable-list-private.h"

#include <string.h>

#include "mproc/base/mp-error-private.h"

/**
 * mp_shareable_list_get_format:
 * @self: a list
 * @error: return location for an error
 *
 * Describes the items as Python's `struct` does: `q` for integers, `d` for floats, `xxxxxxx?` for
 * booleans, `xxxxxx?x` for nothing, and for strings and bytes their room, such as `16s`.
 *
 * Errors: [error@Mp.Error.INVALID_STATE] if the memory is closed or cannot be used in this process,
 * [error@Mp.Error.INVALID_DATA] if the list is damaged.
 *
 * Returns: (transfer full): the format
 *
 * Since: 0.1
 */
char *
mp_shareable_list_get_format (MpShareableList  *self,
                              GError          **error)
{
  static const char *const formats[] = { "xxxxxx?x", "xxxxxxx?", "q", "d" };
  g_autoptr (GString) text = g_string_new (NULL);
  MpSlots *slots;
  gsize size;

  g_return_val_if_fail (MP_IS_SHAREABLE_LIST (self), NULL);

  slots = mp_shareable_list_get_slots (self, &size, error);
  if (slots == NULL)
    return NULL;

  for (gsize i = 0; i < mp_slots_count (slots); i++)
    {
      MpItem item;
      g_autofree gpointer data = mp_slots_get (slots, size, i, &item, error);

      if (data == NULL)
        return NULL;
      if (item.kind < MP_ITEM_STRING)
        g_string_append (text, formats[item.kind]);
      else
        g_string_append_printf (text, "%" G_GSIZE_FORMAT "s", mp_slots_get_room (slots, size, i));
    }

  return g_string_free (g_steal_pointer (&text), FALSE);
}

/**
 * mp_shareable_list_get:
 * @self: a list
 * @index: which item, from 0
 * @error: return location for an error
 *
 * Gets an item, without waiting. A string that a #GVariant cannot hold, because there is a zero in
 * it, comes as `ay`.
 *
 * Errors: [error@Mp.Error.NO_SUCH_KEY] if there is no such item; as
 * [method@Mp.ShareableList.get_format].
 *
 * Returns: (transfer full): the value
 *
 * Since: 0.1
 */
GVariant *
mp_shareable_list_get (MpShareableList  *self,
                       guint64           index,
                       GError          **error)
{
  g_autofree gpointer data = NULL;
  MpSlots *slots;
  MpItem item;
  gsize size;

  g_return_val_if_fail (MP_IS_SHAREABLE_LIST (self), NULL);

  slots = mp_shareable_list_get_slots (self, &size, error);
  data = slots != NULL ? mp_slots_get (slots, size, (gsize) index, &item, error) : NULL;

  return data != NULL ? g_variant_ref_sink (mp_item_to_variant (&item)) : NULL;
}

/**
 * mp_shareable_list_set:
 * @self: a list
 * @index: which item, from 0
 * @value: the new value; a floating reference is sunk
 * @error: return location for an error
 *
 * Sets an item, in one step.
 *
 * Errors: [error@Mp.Error.INVALID_ARGUMENT] if @value cannot be in a list, or is longer than the
 * slot's room, [error@Mp.Error.NO_SUCH_KEY] if there is no such item; as
 * [method@Mp.ShareableList.get_format].
 *
 * Returns: %TRUE if it was set
 *
 * Since: 0.1
 */
gboolean
mp_shareable_list_set (MpShareableList  *self,
                       guint64           index,
                       GVariant         *value,
                       GError          **error)
{
  g_autoptr (GVariant) held = NULL;
  MpSlots *slots;
  MpItem item;
  gsize size;

  g_return_val_if_fail (MP_IS_SHAREABLE_LIST (self), FALSE);
  g_return_val_if_fail (value != NULL, FALSE);

  held = g_variant_ref_sink (value);
  slots = mp_shareable_list_get_slots (self, &size, error);
  return slots != NULL && mp_item_from_variant (held, &item, error) &&
         mp_slots_set (slots, size, (gsize) index, &item, error);
}

/* Numbers are equal across their kinds, as in Python: 1, 1.0, and true. */
static gboolean
is_number (const MpItem *item,
           double       *number,
           gint64       *integer)
{
  gconstpointer data = mp_item_get_data (item);

  *integer = 0;
  if (item->kind == MP_ITEM_FLOAT)
    memcpy (number, data, sizeof *number);
  else if (item->kind == MP_ITEM_INTEGER)
    memcpy (integer, data, sizeof *integer);
  else if (item->kind == MP_ITEM_BOOLEAN)
    *integer = *(const guint8 *) data != 0;
  else
    return FALSE;

  if (item->kind != MP_ITEM_FLOAT)
    *number = (double) *integer;
  return TRUE;
}

static gboolean
are_equal (const MpItem *a,
           const MpItem *b)
{
  double x, y;
  gint64 i, j;

  if (is_number (a, &x, &i) && is_number (b, &y, &j))
    return a->kind == MP_ITEM_FLOAT || b->kind == MP_ITEM_FLOAT ? x == y : i == j;

  return a->kind == b->kind && a->size == b->size &&
         (a->size == 0 || memcmp (mp_item_get_data (a), mp_item_get_data (b), a->size) == 0);
}

/* How many items equal @value; with @first, stops at the first, which it says. -1: failed. */
static gint64
search (MpShareableList  *self,
        GVariant         *value,
        gint64           *first,
        GError          **error)
{
  g_autoptr (GVariant) held = g_variant_ref_sink (value);
  MpSlots *slots;
  MpItem wanted;
  gint64 n = 0;
  gsize size;

  slots = mp_shareable_list_get_slots (self, &size, error);
  if (slots == NULL || !mp_item_from_variant (held, &wanted, error))
    return -1;

  for (gsize i = 0; i < mp_slots_count (slots); i++)
    {
      MpItem item;
      g_autofree gpointer data = mp_slots_get (slots, size, i, &item, error);

      if (data == NULL)
        return -1;
      if (!are_equal (&item, &wanted))
        continue;
      n++;
      if (first != NULL)
        {
          *first = (gint64) i;
          break;
        }
    }

  return n;
}

/**
 * mp_shareable_list_count:
 * @self: a list
 * @value: a value; a floating reference is sunk
 * @error: return location for an error
 *
 * Counts the items that equal a value. Numbers of different kinds may be equal.
 *
 * Errors: [error@Mp.Error.INVALID_ARGUMENT] if @value cannot be in a list; as
 * [method@Mp.ShareableList.get_format].
 *
 * Returns: how many there are, or -1 if that failed
 *
 * Since: 0.1
 */
gint64
mp_shareable_list_count (MpShareableList  *self,
                         GVariant         *value,
                         GError          **error)
{
  g_return_val_if_fail (MP_IS_SHAREABLE_LIST (self), -1);
  g_return_val_if_fail (value != NULL, -1);

  return search (self, value, NULL, error);
}

/**
 * mp_shareable_list_index:
 * @self: a list
 * @value: a value; a floating reference is sunk
 * @error: return location for an error
 *
 * Finds the first item that equals a value.
 *
 * Errors: [error@Mp.Error.NO_SUCH_KEY] if there is none; as [method@Mp.ShareableList.count].
 *
 * Returns: its index, or -1 if that failed
 *
 * Since: 0.1
 */
gint64
mp_shareable_list_index (MpShareableList  *self,
                         GVariant         *value,
                         GError          **error)
{
  gint64 first = -1;

  g_return_val_if_fail (MP_IS_SHAREABLE_LIST (self), -1);
  g_return_val_if_fail (value != NULL, -1);

  if (search (self, value, &first, error) == 0)
    g_set_error (error, MP_ERROR, MP_ERROR_NO_SUCH_KEY, "The value is not in the list");

  return first;
}

/**
 * mp_shareable_list_get_data:
 * @self: a list
 * @index: which item, from 0
 * @kind: (out): return location for its kind, as [ctor@Mp.ShareableList.new_data] has them
 * @error: return location for an error
 *
 * Gets an item. For language bindings.
 *
 * Errors: as [method@Mp.ShareableList.get].
 *
 * Returns: (transfer full): its bytes
 *
 * Since: 0.1
 */
GBytes *
mp_shareable_list_get_data (MpShareableList  *self,
                            guint64           index,
                            guint            *kind,
                            GError          **error)
{
  MpSlots *slots;
  gpointer data;
  MpItem item;
  gsize size;

  g_return_val_if_fail (MP_IS_SHAREABLE_LIST (self), NULL);
  g_return_val_if_fail (kind != NULL, NULL);

  *kind = 0;
  slots = mp_shareable_list_get_slots (self, &size, error);
  data = slots != NULL ? mp_slots_get (slots, size, (gsize) index, &item, error) : NULL;
  if (data == NULL)
    return NULL;

  *kind = item.kind;
  return g_bytes_new_take (data, item.size);
}

/**
 * mp_shareable_list_set_data:
 * @self: a list
 * @index: which item, from 0
 * @kind: its kind, as [ctor@Mp.ShareableList.new_data] has them
 * @data: its bytes
 * @error: return location for an error
 *
 * Sets an item. For language bindings.
 *
 * Errors: as [method@Mp.ShareableList.set].
 *
 * Returns: %TRUE if it was set
 *
 * Since: 0.1
 */
gboolean
mp_shareable_list_set_data (MpShareableList  *self,
                            guint64           index,
                            guint             kind,
                            GBytes           *data,
                            GError          **error)
{
  MpItem item = { .kind = (MpItemKind) kind };
  MpSlots *slots;
  gsize size;

  g_return_val_if_fail (MP_IS_SHAREABLE_LIST (self), FALSE);
  g_return_val_if_fail (data != NULL, FALSE);

  item.data = g_bytes_get_data (data, &item.size);
  slots = mp_shareable_list_get_slots (self, &size, error);
  return slots != NULL && mp_item_check (&item, error) &&
         mp_slots_set (slots, size, (gsize) index, &item, error);
}
