/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * MpProxy: what stands in a process for an object in a manager's server.
 *
 * A proxy is a link (the process's connection to the server, shared by all its proxies) and the
 * object's number. It holds one reference in the server from its making until it is finalized; a
 * fork gives the child's copy of it a reference of its own (see mp-manager-link.c). It has no
 * state that changes but its ticket (see mp-proxy-value.c), so any thread may use it. Calls block
 * for the time of one exchange with the server, which answers at once.
 */

#include "config.h"

#include "mproc/manager/mp-proxy-private.h"

#include <stdio.h>
#include <string.h>

#include "mproc/manager/mp-dict-proxy.h"
#include "mproc/manager/mp-list-proxy.h"
#include "mproc/manager/mp-manager-values-private.h"
#include "mproc/manager/mp-ticket-private.h"

typedef struct
{
  MpManagerLink *link;
  MpObjectType type;
  guint64 object;

  GMutex mutex;                 /* of what follows */
  MpShared *ticket;             /* once it was sent: holds the object for messages */
  gboolean seen;                /* the server has seen it */
} MpProxyPrivate;

/**
 * MpProxy:
 *
 * What stands in a process for an object that lives in the server of an [class@Mp.Manager].
 *
 * A proxy works in every process that has it: in the one that made it, in processes forked from
 * there, and in any process of the same user that opened its handle. Each call is done by the
 * server as a whole, so processes never see each other's half-done changes. For a change that
 * needs the present content there is [method@Mp.Proxy.modify].
 *
 * The object lives as long as some process has a proxy of it. When a process ends, however it
 * ends, the server forgets what it held.
 *
 * If the server is gone, every call fails at once with [error@Mp.Error.SERVER_DIED].
 *
 * The values inside are copies: changing a value that was read changes nothing in the server
 * until it is written again. Proxies can be put into queues, and into each other: see
 * [method@Mp.Proxy.to_variant].
 *
 * Since: 0.1
 */
G_DEFINE_ABSTRACT_TYPE_WITH_PRIVATE (MpProxy, mp_proxy, G_TYPE_OBJECT)

static MpProxyPrivate *
get_private (MpProxy *self)
{
  return mp_proxy_get_instance_private (self);
}

static void
mp_proxy_finalize (GObject *object)
{
  MpProxyPrivate *priv = get_private (MP_PROXY (object));

  g_clear_object (&priv->ticket);
  g_mutex_clear (&priv->mutex);
  if (priv->link != NULL)
    {
      mp_manager_link_release (priv->link, priv->object);
      mp_manager_link_unref (priv->link);
    }

  G_OBJECT_CLASS (mp_proxy_parent_class)->finalize (object);
}

static char *
mp_proxy_real_to_string (MpProxy  *self,
                         GError  **error)
{
  g_auto (MpManagerCall) call = { .method = MP_METHOD_GET_ALL };

  if (!mp_proxy_call (self, &call, error))
    return NULL;

  return mp_values_print (get_private (self)->type, call.reply, call.reply_size, error);
}

static void
mp_proxy_class_init (MpProxyClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = mp_proxy_finalize;
  klass->to_string = mp_proxy_real_to_string;
}

static void
mp_proxy_init (MpProxy *self)
{
  g_mutex_init (&get_private (self)->mutex);
}

/* ── For the other files of this floor ───────────────────────────────────────────────────────── */

MpProxy *
mp_proxy_make (MpManagerLink *link,
               MpObjectType   type,
               guint64        object)
{
  MpProxy *self = g_object_new (type == MP_OBJECT_DICT ? MP_TYPE_DICT_PROXY : MP_TYPE_LIST_PROXY,
                                NULL);
  MpProxyPrivate *priv = get_private (self);

  priv->link = mp_manager_link_ref (link);
  priv->type = type;
  priv->object = object;

  return self;
}

MpShared *
mp_proxy_ref_ticket (MpProxy  *self,
                     gboolean *seen)
{
  return mp_proxy_adopt_ticket (self, NULL, seen);
}

/* Of one that has it for good. */
MpShared *
mp_proxy_peek_ticket (MpProxy *self)
{
  return get_private (self)->ticket;
}

MpShared *
mp_proxy_adopt_ticket (MpProxy  *self,
                       MpShared *ticket,
                       gboolean *seen)
{
  MpProxyPrivate *priv = get_private (self);
  MpShared *result;

  g_mutex_lock (&priv->mutex);
  if (priv->ticket == NULL && ticket != NULL)
    {
      priv->ticket = g_object_ref (ticket);
      priv->seen = *seen;
    }
  *seen = priv->seen;
  result = priv->ticket != NULL ? g_object_ref (priv->ticket) : NULL;
  g_mutex_unlock (&priv->mutex);

  return result;
}

gboolean
mp_proxy_call (MpProxy        *self,
               MpManagerCall  *call,
               GError        **error)
{
  MpProxyPrivate *priv = get_private (self);
  gboolean done;

  if (priv->link == NULL)
    {
      g_set_error_literal (error, MP_ERROR, MP_ERROR_INVALID_STATE,
                           "A proxy is made by a manager or opened from a handle");
      return FALSE;
    }
  call->object = priv->object;
  done = mp_manager_link_call (priv->link, call, error);
  mp_shared_detach_all ();      /* what is in the values the server holds itself by now */

  return done;
}

gboolean
mp_proxy_call_frame (MpProxy          *self,
                     MpManagerMethod   method,
                     gint64            start,
                     gint64            end,
                     GByteArray       *values,
                     gint64           *number,
                     GError          **error)
{
  g_auto (MpManagerCall) call = {
    .method = method,
    .start = start,
    .end = end,
    .frame = values != NULL ? values->data : NULL,
    .frame_size = values != NULL ? values->len : 0,
  };

  if (!mp_proxy_call (self, &call, error))
    return FALSE;
  if (number != NULL)
    *number = call.number;

  return TRUE;
}

GVariant *
mp_proxy_call_value (MpProxy          *self,
                     MpManagerMethod   method,
                     gint64            start,
                     GByteArray       *values,
                     GError          **error)
{
  g_auto (MpManagerCall) call = {
    .method = method,
    .start = start,
    .wanted = MP_ENCODING_VARIANT,
    .frame = values != NULL ? values->data : NULL,
    .frame_size = values != NULL ? values->len : 0,
  };

  if (!mp_proxy_call (self, &call, error))
    return NULL;

  return mp_values_get (call.reply, call.reply_size, 0, error);
}

GVariant *
mp_proxy_call_list (MpProxy          *self,
                    MpManagerMethod   method,
                    gint64            start,
                    gint64            end,
                    GError          **error)
{
  g_auto (MpManagerCall) call = { .method = method, .start = start, .end = end };

  if (!mp_proxy_call (self, &call, error))
    return NULL;

  return mp_values_get_content (MP_OBJECT_LIST, call.reply, call.reply_size, error);
}

/* ── Handles ─────────────────────────────────────────────────────────────────────────────────── */

static gboolean
parse_handle (const char *handle,
              guint8     *address,
              guint8     *token,
              guint64    *object)
{
  const char *address_hex = handle + strlen (MP_MANAGER_HANDLE_PREFIX);
  const char *token_hex = address_hex + MP_MANAGER_HEX_SIZE + 1;
  const char *number = token_hex + MP_MANAGER_HEX_SIZE + 1;
  char digits[24] = "", end = '\0';

  return g_str_has_prefix (handle, MP_MANAGER_HANDLE_PREFIX)
         && mp_manager_key_from_hex (address_hex, address) && token_hex[-1] == ':'
         && mp_manager_key_from_hex (token_hex, token) && number[-1] == ':'
         && sscanf (number, "%23[0-9]%c", digits, &end) >= 1
         && (end == '\0' || end == MP_TICKET_MARK)
         && g_ascii_string_to_unsigned (digits, 10, 1, G_MAXUINT64, object, NULL);
}

/**
 * mp_proxy_open:
 * @handle: what [method@Mp.Proxy.get_handle] gave, in this or another process; what follows a slash
 *   is not looked at
 *
 * Makes a proxy of the object that @handle names, in any process of the same user.
 *
 * Errors: [error@Mp.Error.INVALID_ARGUMENT] if @handle is no handle;
 * [error@Mp.Error.NO_SUCH_OBJECT] if the object does not exist any more;
 * [error@Mp.Error.SERVER_DIED] if the server is gone; [error@Mp.Error.AUTHENTICATION] if the server
 * belongs to somebody else or does not accept the handle; [error@Mp.Error.TIMED_OUT] if it does
 * not answer for half a minute.
 *
 * Returns: (transfer full): a [class@Mp.ListProxy] or [class@Mp.DictProxy]
 *
 * Since: 0.1
 */
MpProxy *
mp_proxy_open (const char  *handle,
               GError     **error)
{
  g_autoptr (MpManagerLink) link = NULL;
  guint8 address[MP_MANAGER_KEY_SIZE];
  guint8 token[MP_MANAGER_KEY_SIZE];
  MpObjectType type;
  guint64 object;

  g_return_val_if_fail (handle != NULL, NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  if (!parse_handle (handle, address, token, &object))
    {
      g_set_error_literal (error, MP_ERROR, MP_ERROR_INVALID_ARGUMENT,
                           "This is not the handle of a manager's object");
      return NULL;
    }

  link = mp_manager_link_get (address, token);
  if (!mp_manager_link_open (link, object, &type, error))
    return NULL;

  return mp_proxy_make (link, type, object);
}

/**
 * mp_proxy_get_handle:
 * @self: a proxy
 *
 * Gets a text by which any process of the same user can reach the object with
 * [func@Mp.Proxy.open].
 *
 * Whoever knows the text and is the same user has access to everything in the server, so it is to
 * be kept as a password is. It does not keep the object alive: the sender has to keep a proxy
 * until the receiver has opened it. Inside of values use [method@Mp.Proxy.to_variant] instead.
 *
 * Returns: (transfer full): the handle; free it with g_free()
 *
 * Since: 0.1
 */
char *
mp_proxy_get_handle (MpProxy *self)
{
  MpProxyPrivate *priv;

  g_return_val_if_fail (MP_IS_PROXY (self), NULL);

  priv = get_private (self);
  if (priv->link == NULL)
    return g_strdup (MP_MANAGER_HANDLE_PREFIX);

  return mp_manager_link_get_handle (priv->link, priv->object);
}

/* ── What every object can do ────────────────────────────────────────────────────────────────── */

/**
 * mp_proxy_to_string:
 * @self: a proxy
 * @error: return location for an error
 *
 * Describes the content for people, as `[9, 8, 7]` or `{'name': 'value'}`. A value that only its
 * own language can read is shown as `<not plain>`.
 *
 * Errors: [error@Mp.Error.SERVER_DIED] if the server is gone; [error@Mp.Error.INVALID_DATA] if a
 * value does not decode.
 *
 * Returns: (transfer full): the text; free it with g_free()
 *
 * Since: 0.1
 */
char *
mp_proxy_to_string (MpProxy  *self,
                    GError  **error)
{
  g_return_val_if_fail (MP_IS_PROXY (self), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  return MP_PROXY_GET_CLASS (self)->to_string (self, error);
}

/**
 * mp_proxy_get_length:
 * @self: a proxy
 * @error: return location for an error
 *
 * Gets how many items a list has, or keys a dict.
 *
 * Errors: [error@Mp.Error.SERVER_DIED] if the server is gone.
 *
 * Returns: the number, or -1 with @error set
 *
 * Since: 0.1
 */
gint64
mp_proxy_get_length (MpProxy  *self,
                     GError  **error)
{
  gint64 number = -1;

  g_return_val_if_fail (MP_IS_PROXY (self), -1);
  g_return_val_if_fail (error == NULL || *error == NULL, -1);

  mp_proxy_call_frame (self, MP_METHOD_LENGTH, 0, 0, NULL, &number, error);

  return number;
}

/**
 * mp_proxy_clear:
 * @self: a proxy
 * @error: return location for an error
 *
 * Empties the object.
 *
 * Errors: [error@Mp.Error.SERVER_DIED] if the server is gone.
 *
 * Returns: %TRUE if it is done, %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
mp_proxy_clear (MpProxy  *self,
                GError  **error)
{
  g_return_val_if_fail (MP_IS_PROXY (self), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  return mp_proxy_call_frame (self, MP_METHOD_CLEAR, 0, 0, NULL, NULL, error);
}

/**
 * mp_proxy_get_content:
 * @self: a proxy
 * @version: (out) (optional): return location for the object's version
 * @error: return location for an error
 *
 * Gets everything in one piece: a list as an array (of one type if all items are alike, such as
 * `ax` for integers, else `av`), a dict as `a{sv}` if all its keys are texts, `a{xv}` if all are
 * integers, and else as the extension `mp.dict`.
 *
 * The version grows with each change of the object.
 *
 * Errors: [error@Mp.Error.NOT_PLAIN] if there is a value that only its own language can read;
 * [error@Mp.Error.INVALID_DATA] if a value does not decode; [error@Mp.Error.SERVER_DIED] if the
 * server is gone.
 *
 * Returns: (transfer full): the content
 *
 * Since: 0.1
 */
GVariant *
mp_proxy_get_content (MpProxy  *self,
                      guint64  *version,
                      GError  **error)
{
  g_auto (MpManagerCall) call = { .method = MP_METHOD_GET_ALL };

  g_return_val_if_fail (MP_IS_PROXY (self), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  if (version != NULL)
    *version = 0;
  if (!mp_proxy_call (self, &call, error))
    return NULL;
  if (version != NULL)
    *version = call.new_version;

  return mp_values_get_content (get_private (self)->type, call.reply, call.reply_size, error);
}

static gboolean
replace (MpProxy          *self,
         MpManagerMethod   method,
         guint64           version,
         GVariant         *content,
         gboolean         *replaced,
         GError          **error)
{
  g_autoptr (GByteArray) frame = mp_values_new_content (get_private (self)->type, content, error);
  g_auto (MpManagerCall) call = { .method = method, .version = version };

  if (frame == NULL)
    return FALSE;
  call.frame = frame->data;
  call.frame_size = frame->len;
  if (!mp_proxy_call (self, &call, error))
    return FALSE;
  *replaced = call.number != 0;

  return TRUE;
}

/**
 * mp_proxy_replace:
 * @self: a proxy
 * @content: an array or tuple for a list, a dictionary for a dict; a floating reference is sunk
 * @error: return location for an error
 *
 * Puts @content in place of what was there.
 *
 * Errors: [error@Mp.Error.INVALID_ARGUMENT] if @content is of another type;
 * [error@Mp.Error.NOT_PLAIN] if a key cannot be one; [error@Mp.Error.SERVER_DIED] if the server is
 * gone.
 *
 * Returns: %TRUE if it is done, %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
mp_proxy_replace (MpProxy   *self,
                  GVariant  *content,
                  GError   **error)
{
  gboolean replaced;

  g_return_val_if_fail (MP_IS_PROXY (self), FALSE);
  g_return_val_if_fail (content != NULL, FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  return replace (self, MP_METHOD_REPLACE, 0, content, &replaced, error);
}

/**
 * mp_proxy_replace_if_version:
 * @self: a proxy
 * @version: the version the caller has seen
 * @content: an array or tuple for a list, a dictionary for a dict; a floating reference is sunk
 * @replaced: (out): return location for whether the object was still as the caller has seen it
 * @error: return location for an error
 *
 * Puts @content in place of what was there, if nobody changed the object since it had @version.
 * With [method@Mp.Proxy.get_content] in a loop this makes any change atomic.
 *
 * Errors: as [method@Mp.Proxy.replace]. That the object has changed is none.
 *
 * Returns: %TRUE if it is done or the object has changed, %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
mp_proxy_replace_if_version (MpProxy   *self,
                             guint64    version,
                             GVariant  *content,
                             gboolean  *replaced,
                             GError   **error)
{
  gboolean ignored;

  g_return_val_if_fail (MP_IS_PROXY (self), FALSE);
  g_return_val_if_fail (content != NULL, FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  if (replaced == NULL)
    replaced = &ignored;
  *replaced = FALSE;

  return replace (self, MP_METHOD_REPLACE_IF_VERSION, version, content, replaced, error);
}

/**
 * mp_proxy_modify:
 * @self: a proxy
 * @func: (scope call): makes the new content
 * @user_data: data for @func
 * @error: return location for an error
 *
 * Changes the content by a function of the present content, as one step for everybody else. The
 * function runs in the calling process, without a lock; if the object was changed meanwhile, it
 * is called again with what is there now.
 *
 * Errors: what @func sets, and those of [method@Mp.Proxy.get_content] and
 * [method@Mp.Proxy.replace].
 *
 * Returns: %TRUE if it is done, %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
mp_proxy_modify (MpProxy            *self,
                 MpProxyModifyFunc   func,
                 gpointer            user_data,
                 GError            **error)
{
  gboolean replaced = FALSE;

  g_return_val_if_fail (MP_IS_PROXY (self), FALSE);
  g_return_val_if_fail (func != NULL, FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  while (!replaced)
    {
      guint64 version;
      g_autoptr (GVariant) content = mp_proxy_get_content (self, &version, error);
      g_autoptr (GVariant) changed = NULL;

      if (content == NULL)
        return FALSE;
      changed = func (content, user_data, error);
      if (changed == NULL)
        return FALSE;
      if (g_variant_is_floating (changed))
        g_variant_ref_sink (changed);
      if (!mp_proxy_replace_if_version (self, version, changed, &replaced, error))
        return FALSE;
    }

  return TRUE;
}
