/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * MpDictProxy: each method is one request to the server (see mp-proxy.c), which does the work as
 * one step. Here keys and values are only packed and unpacked.
 */

#include "config.h"

#include "mproc/manager/mp-dict-proxy.h"

#include "mproc/manager/mp-manager-values-private.h"
#include "mproc/manager/mp-proxy-private.h"

/**
 * MpDictProxy:
 *
 * A dict of plain keys and values that lives in the server of an [class@Mp.Manager].
 *
 * It is made by [method@Mp.Manager.create_dict]. The keys keep the order in which they were added.
 * Keys are equal if they are as plain data, whatever language wrote them.
 *
 * Since: 0.1
 */
G_DEFINE_TYPE (MpDictProxy, mp_dict_proxy, MP_TYPE_PROXY)

static void
mp_dict_proxy_class_init (MpDictProxyClass *klass)
{
}

static void
mp_dict_proxy_init (MpDictProxy *self)
{
}

/**
 * mp_dict_proxy_get:
 * @self: a dict proxy
 * @key: any plain value; a floating reference is sunk
 * @error: return location for an error
 *
 * Gets the value of a key.
 *
 * Errors: [error@Mp.Error.NO_SUCH_KEY] if there is no such key; [error@Mp.Error.NOT_PLAIN] if only
 * another language can read it; [error@Mp.Error.INVALID_DATA] if it does not decode;
 * [error@Mp.Error.SERVER_DIED] if the server is gone.
 *
 * Returns: (transfer full): the value
 *
 * Since: 0.1
 */
GVariant *
mp_dict_proxy_get (MpDictProxy  *self,
                   GVariant     *key,
                   GError      **error)
{
  g_autoptr (GByteArray) frame = NULL;

  g_return_val_if_fail (MP_IS_DICT_PROXY (self), NULL);
  g_return_val_if_fail (key != NULL, NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  frame = mp_values_new (key, NULL);

  return mp_proxy_call_value (MP_PROXY (self), MP_METHOD_GET, 0, frame, error);
}

/**
 * mp_dict_proxy_set:
 * @self: a dict proxy
 * @key: any plain value; a floating reference is sunk
 * @value: any plain value; a floating reference is sunk
 * @error: return location for an error
 *
 * Sets the value of a key, which is added at the end if it is new.
 *
 * Errors: [error@Mp.Error.NOT_PLAIN] if the key is not plain; [error@Mp.Error.SERVER_DIED] if the
 * server is gone.
 *
 * Returns: %TRUE if it is done, %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
mp_dict_proxy_set (MpDictProxy  *self,
                   GVariant     *key,
                   GVariant     *value,
                   GError      **error)
{
  g_autoptr (GByteArray) frame = NULL;

  g_return_val_if_fail (MP_IS_DICT_PROXY (self), FALSE);
  g_return_val_if_fail (key != NULL, FALSE);
  g_return_val_if_fail (value != NULL, FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  frame = mp_values_new (key, value);

  return mp_proxy_call_frame (MP_PROXY (self), MP_METHOD_SET, 0, 0, frame, NULL, error);
}

/**
 * mp_dict_proxy_set_default:
 * @self: a dict proxy
 * @key: any plain value; a floating reference is sunk
 * @value: any plain value; a floating reference is sunk
 * @error: return location for an error
 *
 * Sets the value of a key if it has none, as one step.
 *
 * Errors: [error@Mp.Error.NOT_PLAIN] if only another language can read it;
 * [error@Mp.Error.INVALID_DATA] if it does not decode;  [error@Mp.Error.SERVER_DIED] if the server
 * is gone.
 *
 * Returns: (transfer full): the value that the key has now
 *
 * Since: 0.1
 */
GVariant *
mp_dict_proxy_set_default (MpDictProxy  *self,
                           GVariant     *key,
                           GVariant     *value,
                           GError      **error)
{
  g_autoptr (GByteArray) frame = NULL;

  g_return_val_if_fail (MP_IS_DICT_PROXY (self), NULL);
  g_return_val_if_fail (key != NULL, NULL);
  g_return_val_if_fail (value != NULL, NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  frame = mp_values_new (key, value);

  return mp_proxy_call_value (MP_PROXY (self), MP_METHOD_SET_DEFAULT, 0, frame, error);
}

/**
 * mp_dict_proxy_contains:
 * @self: a dict proxy
 * @key: any plain value; a floating reference is sunk
 * @error: return location for an error
 *
 * Checks whether there is a key.
 *
 * Errors: [error@Mp.Error.NOT_PLAIN] if the key is not plain; [error@Mp.Error.SERVER_DIED] if the
 * server is gone.
 *
 * Returns: %TRUE if there is; %FALSE if there is not, and with @error set
 *
 * Since: 0.1
 */
gboolean
mp_dict_proxy_contains (MpDictProxy  *self,
                        GVariant     *key,
                        GError      **error)
{
  g_autoptr (GByteArray) frame = NULL;
  gint64 number = -1;

  g_return_val_if_fail (MP_IS_DICT_PROXY (self), FALSE);
  g_return_val_if_fail (key != NULL, FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  frame = mp_values_new (key, NULL);
  mp_proxy_call_frame (MP_PROXY (self), MP_METHOD_CONTAINS, 0, 0, frame, &number, error);

  return number == 1;
}

/**
 * mp_dict_proxy_pop:
 * @self: a dict proxy
 * @key: any plain value; a floating reference is sunk
 * @error: return location for an error
 *
 * Takes a key and its value out. A value that cannot be read stays.
 *
 * Errors: [error@Mp.Error.NO_SUCH_KEY] if there is no such key; [error@Mp.Error.NOT_PLAIN] if only
 * another language can read it; [error@Mp.Error.INVALID_DATA] if it does not decode;
 * [error@Mp.Error.SERVER_DIED] if the server is gone.
 *
 * Returns: (transfer full): the value
 *
 * Since: 0.1
 */
GVariant *
mp_dict_proxy_pop (MpDictProxy  *self,
                   GVariant     *key,
                   GError      **error)
{
  g_autoptr (GByteArray) frame = NULL;

  g_return_val_if_fail (MP_IS_DICT_PROXY (self), NULL);
  g_return_val_if_fail (key != NULL, NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  frame = mp_values_new (key, NULL);

  return mp_proxy_call_value (MP_PROXY (self), MP_METHOD_POP, 0, frame, error);
}

/**
 * mp_dict_proxy_pop_item:
 * @self: a dict proxy
 * @key: (out) (transfer full): return location for the key
 * @value: (out) (transfer full): return location for the value
 * @error: return location for an error
 *
 * Takes the key out that was added last. If it or its value cannot be read, both stay.
 *
 * Errors: [error@Mp.Error.NO_SUCH_KEY] if the dict is empty; [error@Mp.Error.NOT_PLAIN] if only
 * another language can read it; [error@Mp.Error.INVALID_DATA] if it does not decode;
 * [error@Mp.Error.SERVER_DIED] if the server is gone.
 *
 * Returns: %TRUE if it is done, %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
mp_dict_proxy_pop_item (MpDictProxy  *self,
                        GVariant    **key,
                        GVariant    **value,
                        GError      **error)
{
  g_auto (MpManagerCall) call = { .method = MP_METHOD_POP_ITEM, .wanted = MP_ENCODING_VARIANT };
  g_autoptr (GVariant) first = NULL;
  g_autoptr (GVariant) second = NULL;

  g_return_val_if_fail (MP_IS_DICT_PROXY (self), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  if (!mp_proxy_call (MP_PROXY (self), &call, error))
    return FALSE;
  first = mp_values_get (call.reply, call.reply_size, 0, error);
  second = first != NULL ? mp_values_get (call.reply, call.reply_size, 1, error) : NULL;
  if (second == NULL)
    return FALSE;
  if (key != NULL)
    *key = g_steal_pointer (&first);
  if (value != NULL)
    *value = g_steal_pointer (&second);

  return TRUE;
}

/**
 * mp_dict_proxy_remove:
 * @self: a dict proxy
 * @key: any plain value; a floating reference is sunk
 * @error: return location for an error
 *
 * Throws a key and its value away.
 *
 * Errors: [error@Mp.Error.NO_SUCH_KEY] if there is no such key; [error@Mp.Error.NOT_PLAIN] if the
 * key is not plain;  [error@Mp.Error.SERVER_DIED] if the server is gone.
 *
 * Returns: %TRUE if it is done, %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
mp_dict_proxy_remove (MpDictProxy  *self,
                      GVariant     *key,
                      GError      **error)
{
  g_autoptr (GByteArray) frame = NULL;

  g_return_val_if_fail (MP_IS_DICT_PROXY (self), FALSE);
  g_return_val_if_fail (key != NULL, FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  frame = mp_values_new (key, NULL);

  return mp_proxy_call_frame (MP_PROXY (self), MP_METHOD_REMOVE, 0, 0, frame, NULL, error);
}

/**
 * mp_dict_proxy_update:
 * @self: a dict proxy
 * @content: a dictionary; a floating reference is sunk
 * @error: return location for an error
 *
 * Sets all keys of @content, as one step.
 *
 * Errors: [error@Mp.Error.INVALID_ARGUMENT] if @content is no dictionary;
 * [error@Mp.Error.NOT_PLAIN] if the key is not plain;  [error@Mp.Error.SERVER_DIED] if the server
 * is gone.
 *
 * Returns: %TRUE if it is done, %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
mp_dict_proxy_update (MpDictProxy  *self,
                      GVariant     *content,
                      GError      **error)
{
  g_autoptr (GByteArray) frame = NULL;

  g_return_val_if_fail (MP_IS_DICT_PROXY (self), FALSE);
  g_return_val_if_fail (content != NULL, FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  frame = mp_values_new_content (MP_OBJECT_DICT, content, error);
  if (frame == NULL)
    return FALSE;

  return mp_proxy_call_frame (MP_PROXY (self), MP_METHOD_UPDATE, 0, 0, frame, NULL, error);
}

/**
 * mp_dict_proxy_get_keys:
 * @self: a dict proxy
 * @error: return location for an error
 *
 * Gets all keys in their order.
 *
 * Errors: [error@Mp.Error.NOT_PLAIN] if only another language can read it;
 * [error@Mp.Error.INVALID_DATA] if it does not decode;  [error@Mp.Error.SERVER_DIED] if the server
 * is gone.
 *
 * Returns: (transfer full): an array: of one type if all keys are alike, else `av`
 *
 * Since: 0.1
 */
GVariant *
mp_dict_proxy_get_keys (MpDictProxy  *self,
                        GError      **error)
{
  g_return_val_if_fail (MP_IS_DICT_PROXY (self), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  return mp_proxy_call_list (MP_PROXY (self), MP_METHOD_GET_KEYS, 0, 0, error);
}

/**
 * mp_dict_proxy_get_values:
 * @self: a dict proxy
 * @error: return location for an error
 *
 * Gets all values in the order of their keys.
 *
 * Errors: [error@Mp.Error.NOT_PLAIN] if only another language can read it;
 * [error@Mp.Error.INVALID_DATA] if it does not decode;  [error@Mp.Error.SERVER_DIED] if the server
 * is gone.
 *
 * Returns: (transfer full): an array: of one type if all values are alike, else `av`
 *
 * Since: 0.1
 */
GVariant *
mp_dict_proxy_get_values (MpDictProxy  *self,
                          GError      **error)
{
  g_return_val_if_fail (MP_IS_DICT_PROXY (self), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  return mp_proxy_call_list (MP_PROXY (self), MP_METHOD_GET_VALUES, 0, 0, error);
}
