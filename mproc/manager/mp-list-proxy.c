/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * MpListProxy: each method is one request to the server (see mp-proxy.c), which does the work as
 * one step. Here values are only packed and unpacked.
 */

#include "config.h"

#include "mproc/manager/mp-list-proxy.h"

#include "mproc/manager/mp-manager-values-private.h"
#include "mproc/manager/mp-proxy-private.h"

/**
 * MpListProxy:
 *
 * A list of plain values that lives in the server of an [class@Mp.Manager].
 *
 * It is made by [method@Mp.Manager.create_list]. Indices are as in Python: 0 is the first item, -1
 * the last. Values are equal if they are as plain data, whatever language wrote them.
 *
 * Since: 0.1
 */
G_DEFINE_TYPE (MpListProxy, mp_list_proxy, MP_TYPE_PROXY)

static void
mp_list_proxy_class_init (MpListProxyClass *klass)
{
}

static void
mp_list_proxy_init (MpListProxy *self)
{
}

/**
 * mp_list_proxy_append:
 * @self: a list proxy
 * @value: any plain value; a floating reference is sunk
 * @error: return location for an error
 *
 * Adds an item at the end.
 *
 * Errors: [error@Mp.Error.SERVER_DIED] if the server is gone.
 *
 * Returns: %TRUE if it is done, %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
mp_list_proxy_append (MpListProxy  *self,
                      GVariant     *value,
                      GError      **error)
{
  g_autoptr (GByteArray) frame = NULL;

  g_return_val_if_fail (MP_IS_LIST_PROXY (self), FALSE);
  g_return_val_if_fail (value != NULL, FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  frame = mp_values_new (value, NULL);

  return mp_proxy_call_frame (MP_PROXY (self), MP_METHOD_EXTEND, 0, 0, frame, NULL, error);
}

/**
 * mp_list_proxy_extend:
 * @self: a list proxy
 * @values: an array or tuple; a floating reference is sunk
 * @error: return location for an error
 *
 * Adds all items of @values at the end, as one step.
 *
 * Errors: [error@Mp.Error.INVALID_ARGUMENT] if @values is no array or tuple;
 * [error@Mp.Error.SERVER_DIED] if the server is gone.
 *
 * Returns: %TRUE if it is done, %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
mp_list_proxy_extend (MpListProxy  *self,
                      GVariant     *values,
                      GError      **error)
{
  g_autoptr (GByteArray) frame = NULL;

  g_return_val_if_fail (MP_IS_LIST_PROXY (self), FALSE);
  g_return_val_if_fail (values != NULL, FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  frame = mp_values_new_content (MP_OBJECT_LIST, values, error);
  if (frame == NULL)
    return FALSE;

  return mp_proxy_call_frame (MP_PROXY (self), MP_METHOD_EXTEND, 0, 0, frame, NULL, error);
}

/**
 * mp_list_proxy_insert:
 * @self: a list proxy
 * @index: an index; a negative one counts from the end
 * @value: any plain value; a floating reference is sunk
 * @error: return location for an error
 *
 * Adds an item before the one at @index. An index beyond the ends means the end.
 *
 * Errors: [error@Mp.Error.SERVER_DIED] if the server is gone.
 *
 * Returns: %TRUE if it is done, %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
mp_list_proxy_insert (MpListProxy  *self,
                      gint64        index,
                      GVariant     *value,
                      GError      **error)
{
  g_autoptr (GByteArray) frame = NULL;

  g_return_val_if_fail (MP_IS_LIST_PROXY (self), FALSE);
  g_return_val_if_fail (value != NULL, FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  frame = mp_values_new (value, NULL);

  return mp_proxy_call_frame (MP_PROXY (self), MP_METHOD_INSERT, index, 0, frame, NULL, error);
}

/**
 * mp_list_proxy_get:
 * @self: a list proxy
 * @index: an index; a negative one counts from the end
 * @error: return location for an error
 *
 * Gets an item.
 *
 * Errors: [error@Mp.Error.NO_SUCH_KEY] if there is no such index; [error@Mp.Error.NOT_PLAIN] if
 * only another language can read it; [error@Mp.Error.INVALID_DATA] if it does not decode;
 * [error@Mp.Error.SERVER_DIED] if the server is gone.
 *
 * Returns: (transfer full): the value
 *
 * Since: 0.1
 */
GVariant *
mp_list_proxy_get (MpListProxy  *self,
                   gint64        index,
                   GError      **error)
{
  g_return_val_if_fail (MP_IS_LIST_PROXY (self), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  return mp_proxy_call_value (MP_PROXY (self), MP_METHOD_GET, index, NULL, error);
}

/**
 * mp_list_proxy_set:
 * @self: a list proxy
 * @index: an index; a negative one counts from the end
 * @value: any plain value; a floating reference is sunk
 * @error: return location for an error
 *
 * Puts @value in the place of an item.
 *
 * Errors: [error@Mp.Error.NO_SUCH_KEY] if there is no such index; [error@Mp.Error.SERVER_DIED] if
 * the server is gone.
 *
 * Returns: %TRUE if it is done, %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
mp_list_proxy_set (MpListProxy  *self,
                   gint64        index,
                   GVariant     *value,
                   GError      **error)
{
  g_autoptr (GByteArray) frame = NULL;

  g_return_val_if_fail (MP_IS_LIST_PROXY (self), FALSE);
  g_return_val_if_fail (value != NULL, FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  frame = mp_values_new (value, NULL);

  return mp_proxy_call_frame (MP_PROXY (self), MP_METHOD_SET, index, 0, frame, NULL, error);
}

/**
 * mp_list_proxy_pop:
 * @self: a list proxy
 * @index: an index; a negative one counts from the end
 * @error: return location for an error
 *
 * Takes an item out. An item that cannot be read stays.
 *
 * Errors: [error@Mp.Error.NO_SUCH_KEY] if there is no such index; [error@Mp.Error.NOT_PLAIN] if
 * only another language can read it; [error@Mp.Error.INVALID_DATA] if it does not decode;
 * [error@Mp.Error.SERVER_DIED] if the server is gone.
 *
 * Returns: (transfer full): the value
 *
 * Since: 0.1
 */
GVariant *
mp_list_proxy_pop (MpListProxy  *self,
                   gint64        index,
                   GError      **error)
{
  g_return_val_if_fail (MP_IS_LIST_PROXY (self), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  return mp_proxy_call_value (MP_PROXY (self), MP_METHOD_POP, index, NULL, error);
}

/**
 * mp_list_proxy_remove_at:
 * @self: a list proxy
 * @index: an index; a negative one counts from the end
 * @error: return location for an error
 *
 * Throws an item away.
 *
 * Errors: [error@Mp.Error.NO_SUCH_KEY] if there is no such index; [error@Mp.Error.SERVER_DIED] if
 * the server is gone.
 *
 * Returns: %TRUE if it is done, %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
mp_list_proxy_remove_at (MpListProxy  *self,
                         gint64        index,
                         GError      **error)
{
  g_return_val_if_fail (MP_IS_LIST_PROXY (self), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  return mp_proxy_call_frame (MP_PROXY (self), MP_METHOD_REMOVE_AT, index, 0, NULL, NULL, error);
}

/**
 * mp_list_proxy_remove:
 * @self: a list proxy
 * @value: the value to look for; a floating reference is sunk
 * @error: return location for an error
 *
 * Throws the first item away that equals @value.
 *
 * Errors: [error@Mp.Error.NO_SUCH_KEY] if there is none; [error@Mp.Error.SERVER_DIED] if the
 * server is gone.
 *
 * Returns: %TRUE if it is done, %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
mp_list_proxy_remove (MpListProxy  *self,
                      GVariant     *value,
                      GError      **error)
{
  g_autoptr (GByteArray) frame = NULL;

  g_return_val_if_fail (MP_IS_LIST_PROXY (self), FALSE);
  g_return_val_if_fail (value != NULL, FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  frame = mp_values_new (value, NULL);

  return mp_proxy_call_frame (MP_PROXY (self), MP_METHOD_REMOVE, 0, 0, frame, NULL, error);
}

/**
 * mp_list_proxy_get_slice:
 * @self: a list proxy
 * @start: the first index; a negative one counts from the end
 * @end: the index after the last; a negative one counts from the end, %G_MAXINT64 is the
 *   end
 * @error: return location for an error
 *
 * Gets the items of a range, which is clipped to the list.
 *
 * Errors: [error@Mp.Error.NOT_PLAIN] if only another language can read it;
 * [error@Mp.Error.INVALID_DATA] if it does not decode;  [error@Mp.Error.SERVER_DIED] if the server
 * is gone.
 *
 * Returns: (transfer full): an array: of one type if all items are alike, else `av`
 *
 * Since: 0.1
 */
GVariant *
mp_list_proxy_get_slice (MpListProxy  *self,
                         gint64        start,
                         gint64        end,
                         GError      **error)
{
  g_return_val_if_fail (MP_IS_LIST_PROXY (self), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  return mp_proxy_call_list (MP_PROXY (self), MP_METHOD_GET_SLICE, start, end, error);
}

/**
 * mp_list_proxy_replace_slice:
 * @self: a list proxy
 * @start: the first index; a negative one counts from the end
 * @end: the index after the last; a negative one counts from the end, %G_MAXINT64 is the
 *   end
 * @values: (nullable): an array or tuple; a floating reference is sunk. %NULL: nothing
 * @error: return location for an error
 *
 * Puts the items of @values, which may be more or less, in the place of a range; %NULL deletes the
 * range.
 *
 * Errors: [error@Mp.Error.INVALID_ARGUMENT] if @values is no array or tuple;
 * [error@Mp.Error.SERVER_DIED] if the server is gone.
 *
 * Returns: %TRUE if it is done, %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
mp_list_proxy_replace_slice (MpListProxy  *self,
                             gint64        start,
                             gint64        end,
                             GVariant     *values,
                             GError      **error)
{
  g_autoptr (GByteArray) frame = NULL;

  g_return_val_if_fail (MP_IS_LIST_PROXY (self), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  frame = mp_values_new_content (MP_OBJECT_LIST, values, error);
  if (frame == NULL)
    return FALSE;

  return mp_proxy_call_frame (MP_PROXY (self), MP_METHOD_REPLACE_SLICE, start, end, frame, NULL,
                              error);
}

/**
 * mp_list_proxy_index_of:
 * @self: a list proxy
 * @value: the value to look for; a floating reference is sunk
 * @error: return location for an error
 *
 * Finds the first item that equals @value.
 *
 * Errors: [error@Mp.Error.SERVER_DIED] if the server is gone. That there is none is no error.
 *
 * Returns: its index; -1 if there is none, and with @error set
 *
 * Since: 0.1
 */
gint64
mp_list_proxy_index_of (MpListProxy  *self,
                        GVariant     *value,
                        GError      **error)
{
  g_autoptr (GByteArray) frame = NULL;
  gint64 number = -1;

  g_return_val_if_fail (MP_IS_LIST_PROXY (self), -1);
  g_return_val_if_fail (value != NULL, -1);
  g_return_val_if_fail (error == NULL || *error == NULL, -1);

  frame = mp_values_new (value, NULL);
  mp_proxy_call_frame (MP_PROXY (self), MP_METHOD_INDEX_OF, 0, MP_MANAGER_END, frame, &number,
                       error);

  return number;
}

/**
 * mp_list_proxy_count:
 * @self: a list proxy
 * @value: the value to look for; a floating reference is sunk
 * @error: return location for an error
 *
 * Counts the items that equal @value.
 *
 * Errors: [error@Mp.Error.SERVER_DIED] if the server is gone.
 *
 * Returns: their number, or -1 with @error set
 *
 * Since: 0.1
 */
gint64
mp_list_proxy_count (MpListProxy  *self,
                     GVariant     *value,
                     GError      **error)
{
  g_autoptr (GByteArray) frame = NULL;
  gint64 number = -1;

  g_return_val_if_fail (MP_IS_LIST_PROXY (self), -1);
  g_return_val_if_fail (value != NULL, -1);
  g_return_val_if_fail (error == NULL || *error == NULL, -1);

  frame = mp_values_new (value, NULL);
  mp_proxy_call_frame (MP_PROXY (self), MP_METHOD_COUNT, 0, 0, frame, &number, error);

  return number;
}

/**
 * mp_list_proxy_contains:
 * @self: a list proxy
 * @value: the value to look for; a floating reference is sunk
 * @error: return location for an error
 *
 * Checks whether an item equals @value.
 *
 * Errors: [error@Mp.Error.SERVER_DIED] if the server is gone.
 *
 * Returns: %TRUE if there is one; %FALSE if there is none, and with @error set
 *
 * Since: 0.1
 */
gboolean
mp_list_proxy_contains (MpListProxy  *self,
                        GVariant     *value,
                        GError      **error)
{
  g_autoptr (GByteArray) frame = NULL;
  gint64 number = -1;

  g_return_val_if_fail (MP_IS_LIST_PROXY (self), FALSE);
  g_return_val_if_fail (value != NULL, FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  frame = mp_values_new (value, NULL);
  mp_proxy_call_frame (MP_PROXY (self), MP_METHOD_CONTAINS, 0, 0, frame, &number, error);

  return number == 1;
}

/**
 * mp_list_proxy_reverse:
 * @self: a list proxy
 * @error: return location for an error
 *
 * Turns the order of the items round.
 *
 * Errors: [error@Mp.Error.SERVER_DIED] if the server is gone.
 *
 * Returns: %TRUE if it is done, %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
mp_list_proxy_reverse (MpListProxy  *self,
                       GError      **error)
{
  g_return_val_if_fail (MP_IS_LIST_PROXY (self), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  return mp_proxy_call_frame (MP_PROXY (self), MP_METHOD_REVERSE, 0, 0, NULL, NULL, error);
}
