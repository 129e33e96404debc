/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The calls of MpProxy that are made for language bindings: any method by its name, with values
 * in any encoding, as bytes or as text. Any thread; no state.
 */

#include "config.h"

#include "mproc/manager/mp-proxy-private.h"

#include <string.h>

#include "mproc/manager/mp-manager-values-private.h"

static gboolean
call_by_name (MpProxy        *self,
              const char     *name,
              MpManagerCall  *call,
              GError        **error)
{
  guint32 count;

  call->method = mp_manager_method_from_name (name);
  if (call->method == MP_METHOD_NONE)
    {
      g_set_error (error, MP_ERROR, MP_ERROR_INVALID_ARGUMENT, "No method is named “%s”", name);
      return FALSE;
    }
  if (!mp_frame_check (call->frame, call->frame_size, &count))
    {
      g_set_error_literal (error, MP_ERROR, MP_ERROR_INVALID_DATA,
                           "The values are not framed as they should be");
      return FALSE;
    }

  return mp_proxy_call (self, call, error);
}

static void
give_numbers (const MpManagerCall *call,
              gint64              *out_number,
              guint64             *out_version)
{
  if (out_number != NULL)
    *out_number = call->number;
  if (out_version != NULL)
    *out_version = call->new_version;
}

/**
 * mp_proxy_call_data:
 * @self: a proxy
 * @method: the name of a method, see below
 * @start: an index, or the start of a slice
 * @end: the end of a slice
 * @version: the version for `replace_if_version`
 * @values: (array length=values_size) (nullable): the values given to the method, framed
 * @values_size: the size of @values in bytes
 * @wanted: the [enum@Mp.Encoding] in which values are returned, or 0 for each in the encoding of
 *   its writer
 * @out_values: (out) (array length=out_size) (transfer full): return location for the values
 *   that the method returns, framed
 * @out_size: (out): return location for the size of @out_values in bytes
 * @out_number: (out) (optional): return location for the number that the method returns, or 0
 * @out_version: (out) (optional): return location for the object's version after the call
 * @error: return location for an error
 *
 * Calls any method with values in any encoding. Made for language bindings: a language whose
 * values are not plain stores them in its own encoding, and gets them back as they were.
 *
 * Values travel in a frame: their count as 32-bit unsigned integer; then for each its encoding, a
 * 32-bit unsigned [enum@Mp.Encoding], its size in bytes, a 64-bit unsigned integer, and its bytes.
 * All in native byte order, without padding. No bytes at all are a frame of no values. What is
 * returned is framed in the same way.
 *
 * The methods, which are named as the C functions are:
 *
 * - of all: `length` (gives a number), `clear`, `get_all` (gives values; keys and values in turn
 *   for a dict), `replace` (takes what `get_all` gives), `replace_if_version` (the same; the
 *   number is 1 if it was done), `contains` (takes a value or key; the number is 1 or 0)
 * - of lists: `get`, `set` (takes a value), `pop`, `remove_at` and `insert` (takes any number of
 *   values) at @start; `extend` (takes any number of values; append is this with one);
 *   `remove`, `count` and `index_of` (take a value; the latter looks between @start and @end, and
 *   the number is -1 if it is not there); `get_slice` and `replace_slice` (takes any number of
 *   values) from @start to @end; `reverse`
 * - of dicts: `get`, `pop`, `remove` (take a key), `set` and `set_default` (take key and value;
 *   the latter gives the value that is there, and its number is 1 if it was put there now),
 *   `update` (takes keys and values in turn), `pop_item` (gives key and value), `get_keys`,
 *   `get_values`
 *
 * Negative indices count from the end. Slices are clipped; an @end beyond the last index is the
 * end. @start, @end and @version are 0 where nothing is said of them.
 *
 * Errors: [error@Mp.Error.NO_SUCH_KEY] if an index, value or key is not there;
 * [error@Mp.Error.NOT_PLAIN] if a key is not plain, or if a value cannot be given in @wanted;
 * [error@Mp.Error.INVALID_ARGUMENT] if the object has no such method or if it takes another number
 * of values; [error@Mp.Error.INVALID_DATA] if @values are not well framed or do not decode;
 * [error@Mp.Error.SERVER_DIED] if the server is gone.
 *
 * Returns: %TRUE if it is done, %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
mp_proxy_call_data (MpProxy       *self,
                    const char    *method,
                    gint64         start,
                    gint64         end,
                    guint64        version,
                    const guint8  *values,
                    gsize          values_size,
                    guint          wanted,
                    guint8       **out_values,
                    gsize         *out_size,
                    gint64        *out_number,
                    guint64       *out_version,
                    GError       **error)
{
  g_auto (MpManagerCall) call = {
    .start = start, .end = end, .version = version, .wanted = wanted,
    .frame = values, .frame_size = values_size,
  };
  g_autoptr (GByteArray) converted = NULL;

  g_return_val_if_fail (MP_IS_PROXY (self), FALSE);
  g_return_val_if_fail (method != NULL, FALSE);
  g_return_val_if_fail (out_values != NULL && out_size != NULL, FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  *out_values = NULL;
  *out_size = 0;
  if (!call_by_name (self, method, &call, error))
    return FALSE;
  give_numbers (&call, out_number, out_version);

  if (wanted == 0)
    {
      *out_size = call.reply_size;
      *out_values = g_steal_pointer (&call.reply);
      return TRUE;
    }

  converted = mp_values_convert (call.reply, call.reply_size, wanted, error);
  if (converted == NULL)
    return FALSE;
  *out_values = g_byte_array_steal (converted, out_size);

  return TRUE;
}

/**
 * mp_proxy_call_text:
 * @self: a proxy
 * @method: the name of a method, as for [method@Mp.Proxy.call_data]
 * @start: an index, or the start of a slice
 * @end: the end of a slice
 * @version: the version for `replace_if_version`
 * @values: (array zero-terminated=1) (nullable): the values given to the method, each as JSON
 * @out_values: (out) (transfer full): return location for the values that the method returns, as
 *   one JSON array of them
 * @out_number: (out) (optional): return location for the number that the method returns, or 0
 * @out_version: (out) (optional): return location for the object's version after the call
 * @error: return location for an error
 *
 * Calls any method with values as JSON texts, which some languages make and read fastest. All
 * else is as for [method@Mp.Proxy.call_data], also the errors.
 *
 * Returns: %TRUE if it is done, %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
mp_proxy_call_text (MpProxy             *self,
                    const char          *method,
                    gint64               start,
                    gint64               end,
                    guint64              version,
                    const char * const  *values,
                    char               **out_values,
                    gint64              *out_number,
                    guint64             *out_version,
                    GError             **error)
{
  g_auto (MpManagerCall) call = {
    .start = start, .end = end, .version = version, .wanted = MP_ENCODING_JSON,
  };
  g_autoptr (GByteArray) frame = g_byte_array_new ();

  g_return_val_if_fail (MP_IS_PROXY (self), FALSE);
  g_return_val_if_fail (method != NULL, FALSE);
  g_return_val_if_fail (out_values != NULL, FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  *out_values = NULL;
  for (guint i = 0; values != NULL && values[i] != NULL; i++)
    mp_frame_append (frame, MP_ENCODING_JSON, values[i], strlen (values[i]));
  call.frame = frame->data;
  call.frame_size = frame->len;
  if (!call_by_name (self, method, &call, error))
    return FALSE;
  give_numbers (&call, out_number, out_version);
  *out_values = mp_values_to_json (call.reply, call.reply_size, error);

  return *out_values != NULL;
}
