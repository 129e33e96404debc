/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Proxies in values.
 *
 * A proxy goes to other processes as text, HANDLE/TICKET: the first tells how the object is
 * reached, the second is the handle of the shared object that keeps it meanwhile (mp-ticket.c). A
 * proxy has its ticket made when it is first sent, and keeps it; so the server is asked once. The
 * reader reaches the object through its own connection, and has no use for the ticket.
 *
 * A server of another family of processes cannot see the ticket. Then this process does what the
 * server would: it keeps a proxy until nobody else refers to the ticket, as long as it lives.
 */

#include "config.h"

#include "mproc/manager/mp-proxy-private.h"

#include <string.h>

#include "mproc/manager/mp-ticket-private.h"
#include "mproc/memory/mp-attach-private.h"

#define TAG "mp.object"

static GMutex mutex;
static GPtrArray *kept;         /* proxies of other families' servers */

/* Lets go of what has arrived. The mutex is held; what to unref comes out. */
static void
drop_arrived (GPtrArray *dropped)
{
  for (guint i = 0; kept != NULL && i < kept->len; i++)
    {
      MpProxy *proxy = kept->pdata[i];

      if (mp_ticket_is_forsaken (mp_proxy_peek_ticket (proxy)))
        {
          g_ptr_array_add (dropped, proxy);
          g_ptr_array_remove_index_fast (kept, i--);
        }
    }
}

static void
keep_here (MpProxy *self)
{
  g_autoptr (GPtrArray) dropped = g_ptr_array_new_with_free_func (g_object_unref);

  g_mutex_lock (&mutex);
  drop_arrived (dropped);
  if (kept == NULL)
    kept = g_ptr_array_new ();
  if (!g_ptr_array_find (kept, self, NULL))
    g_ptr_array_add (kept, g_object_ref (self));
  g_mutex_unlock (&mutex);
}

/* A new ticket that the server has seen. *@seen: FALSE if it cannot. */
static MpShared *
make_ticket (MpProxy   *self,
             gboolean  *seen,
             GError   **error)
{
  g_autoptr (MpShared) ticket = mp_ticket_new (error);
  g_autoptr (GByteArray) frame = g_byte_array_new ();
  g_autofree char *handle = NULL;
  GError *local = NULL;

  if (ticket == NULL)
    return NULL;

  handle = mp_shared_get_handle (ticket);
  mp_frame_append (frame, MP_ENCODING_BYTES, handle, strlen (handle));
  *seen = mp_proxy_call_frame (self, MP_METHOD_HOLD, 0, 0, frame, NULL, &local);
  if (*seen || g_error_matches (local, MP_ERROR, MP_ERROR_NOT_SUPPORTED))
    {
      g_clear_error (&local);
      return g_steal_pointer (&ticket);
    }

  g_propagate_error (error, local);
  return NULL;
}

/**
 * mp_proxy_get_ticket:
 * @self: a proxy
 * @error: return location for an error
 *
 * Gives the shared object that keeps what is in the server while a value with @self is on its way.
 * For language bindings.
 *
 * In a value, the proxy is the text of its handle, a slash, and the ticket's handle; see
 * [method@Mp.Proxy.get_handle]. Whoever sends it lets the message hold the ticket:
 * [method@Mp.Shared.attach]. To read it, give the text to [func@Mp.Proxy.open].
 *
 * Errors: [error@Mp.Error.NO_SUCH_OBJECT] if the object does not exist any more;
 * [error@Mp.Error.SERVER_DIED] if the server is gone; [error@Mp.Error.NO_SPACE].
 *
 * Returns: (transfer full): the ticket
 *
 * Since: 0.1
 */
MpShared *
mp_proxy_get_ticket (MpProxy  *self,
                     GError  **error)
{
  g_autoptr (MpShared) ticket = NULL;
  gboolean seen = TRUE;

  g_return_val_if_fail (MP_IS_PROXY (self), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  ticket = mp_proxy_ref_ticket (self, &seen);
  if (ticket == NULL)
    {
      g_autoptr (MpShared) made = make_ticket (self, &seen, error);

      if (made == NULL)
        return NULL;
      ticket = mp_proxy_adopt_ticket (self, made, &seen);
    }
  if (!seen)
    keep_here (self);

  return g_steal_pointer (&ticket);
}

/**
 * mp_proxy_to_variant:
 * @self: a proxy
 * @error: return location for an error
 *
 * Makes a value that stands for @self, to be put in a queue or in a manager's object, alone or
 * inside other values.
 *
 * Every language's reader gets a proxy of the same object. The value keeps the object alive, and so
 * does every message in which it is sent, until that has been read, even if this process ends: see
 * [method@Mp.Shared.to_variant].
 *
 * If the object's server belongs to another family of processes, it is this process that keeps the
 * object meanwhile.
 *
 * Errors: [error@Mp.Error.NO_SUCH_OBJECT] if the object does not exist any more;
 * [error@Mp.Error.SERVER_DIED] if the server is gone; [error@Mp.Error.NO_SPACE].
 *
 * Returns: (transfer full): the value, not floating
 *
 * Since: 0.1
 */
GVariant *
mp_proxy_to_variant (MpProxy  *self,
                     GError  **error)
{
  g_autoptr (MpShared) ticket = NULL;
  g_autofree char *object = NULL;
  g_autofree char *holder = NULL;
  g_autofree char *text = NULL;

  g_return_val_if_fail (MP_IS_PROXY (self), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  ticket = mp_proxy_get_ticket (self, error);
  if (ticket == NULL)
    return NULL;

  object = mp_proxy_get_handle (self);
  holder = mp_shared_get_handle (ticket);
  text = g_strdup_printf ("%s%c%s", object, MP_TICKET_MARK, holder);
  return g_variant_ref_sink (mp_attach_variant (ticket, text));
}

/**
 * mp_proxy_from_variant:
 * @value: a value that was made by [method@Mp.Proxy.to_variant], or by a proxy of another language
 * @error: return location for an error
 *
 * Makes a proxy of the object that a value stands for.
 *
 * Do so while you hold the payload or the value in which it came.
 *
 * Errors: [error@Mp.Error.INVALID_DATA] if the value stands for no proxy, and those of
 * [func@Mp.Proxy.open].
 *
 * Returns: (transfer full): a [class@Mp.ListProxy] or [class@Mp.DictProxy]
 *
 * Since: 0.1
 */
MpProxy *
mp_proxy_from_variant (GVariant  *value,
                       GError   **error)
{
  g_autoptr (GVariant) pair = NULL;
  g_autoptr (GVariant) content = NULL;
  const char *tag = "";
  const char *text = "";

  g_return_val_if_fail (value != NULL, NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  if (g_variant_is_of_type (value, G_VARIANT_TYPE ("m(sv)")))
    pair = g_variant_get_maybe (value);
  if (pair != NULL)
    g_variant_get (pair, "(&sv)", &tag, &content);
  if (strcmp (tag, TAG) == 0 && g_variant_is_of_type (content, G_VARIANT_TYPE_STRING))
    text = g_variant_get_string (content, NULL);
  if (g_str_has_prefix (text, MP_MANAGER_HANDLE_PREFIX))
    return mp_proxy_open (text, error);

  g_set_error_literal (error, MP_ERROR, MP_ERROR_INVALID_DATA, "The value stands for no proxy");
  return NULL;
}
