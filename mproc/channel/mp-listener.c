/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * MpListener: a listening socket, and those who have connected but not yet shown that they know the
 * key.
 *
 * Here is the object; accepting is in mp-listener-accept.c. Any thread may use it. Only the process
 * that made the listener removes its file.
 */

#include "config.h"

#include "mproc/channel/mp-listener.h"

#include <errno.h>
#include <unistd.h>

#include "mproc/base/mp-error-private.h"
#include "mproc/channel/mp-auth-private.h"
#include "mproc/channel/mp-listener-address-private.h"
#include "mproc/channel/mp-listener-private.h"

/**
 * MpListener:
 *
 * A place that other processes connect to, relatives or not, on this machine or another.
 *
 * Its address is a path ("/run/user/1000/x"), an abstract name ("@x"), which leaves nothing in the
 * file system, or a host and port ("localhost:0", "[::1]:4711"; port 0 finds a free one). Each who
 * connects, with [ctor@Mp.Connection.connect], becomes an [class@Mp.Connection].
 *
 * With a key both sides prove that they have it, see [ctor@Mp.Connection.connect]. Without one,
 * everybody who can reach the address is let in: an abstract name and a port can be reached by
 * every user of the machine.
 *
 * Since: 0.1
 */

#define DEFAULT_AUTH_SECONDS 10.0

enum {
  PROP_ADDRESS = 1,
  PROP_LAST_ACCEPTED,
  PROP_AUTH_TIMEOUT,
  PROP_CLOSED,
  N_PROPS,
};

static GParamSpec *properties[N_PROPS];

G_DEFINE_FINAL_TYPE (MpListener, mp_listener, G_TYPE_OBJECT)

static void
free_pending (gpointer data)
{
  MpPending *pending = data;

  g_clear_pointer (&pending->auth, mp_auth_free);
  g_clear_object (&pending->connection);
  g_free (pending->from);
  g_free (pending);
}

void
mp_listener_free_finished (gpointer data)
{
  MpFinished *finished = data;

  g_clear_object (&finished->connection);
  g_clear_error (&finished->error);
  g_free (finished->from);
  g_free (finished);
}

static void
mp_listener_finalize (GObject *object)
{
  MpListener *self = MP_LISTENER (object);

  mp_listener_close (self);
  g_ptr_array_unref (self->pending);
  g_clear_pointer (&self->authkey, g_bytes_unref);
  g_free (self->address);
  g_free (self->last_accepted);
  g_mutex_clear (&self->mutex);

  G_OBJECT_CLASS (mp_listener_parent_class)->finalize (object);
}

static void
mp_listener_get_property (GObject    *object,
                          guint       property,
                          GValue     *value,
                          GParamSpec *pspec)
{
  MpListener *self = MP_LISTENER (object);

  switch (property)
    {
    case PROP_ADDRESS:
      g_value_set_string (value, self->address);
      break;
    case PROP_LAST_ACCEPTED:
      g_value_set_string (value, self->last_accepted);
      break;
    case PROP_AUTH_TIMEOUT:
      g_value_set_double (value, self->auth_seconds);
      break;
    case PROP_CLOSED:
      g_value_set_boolean (value, mp_listener_is_closed (self));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, property, pspec);
    }
}

static void
mp_listener_set_property (GObject      *object,
                          guint         property,
                          const GValue *value,
                          GParamSpec   *pspec)
{
  if (property == PROP_AUTH_TIMEOUT)
    mp_listener_set_auth_timeout (MP_LISTENER (object), g_value_get_double (value));
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, property, pspec);
}

static void
mp_listener_class_init (MpListenerClass *class)
{
  GObjectClass *object_class = G_OBJECT_CLASS (class);
  const GParamFlags readable = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS;

  object_class->finalize = mp_listener_finalize;
  object_class->get_property = mp_listener_get_property;
  object_class->set_property = mp_listener_set_property;

  /**
   * MpListener:address: (getter get_address)
   *
   * Where it listens.
   *
   * Since: 0.1
   */
  properties[PROP_ADDRESS] = g_param_spec_string ("address", NULL, NULL, NULL, readable);

  /**
   * MpListener:last-accepted: (getter get_last_accepted)
   *
   * From where the last one connected that was accepted. Changes are not notified.
   *
   * Since: 0.1
   */
  properties[PROP_LAST_ACCEPTED] = g_param_spec_string ("last-accepted", NULL, NULL, NULL,
                                                        readable);

  /**
   * MpListener:auth-timeout: (getter get_auth_timeout) (setter set_auth_timeout)
   *
   * How many seconds somebody who has connected may take to prove that he knows the key.
   *
   * Since: 0.1
   */
  properties[PROP_AUTH_TIMEOUT] =
    g_param_spec_double ("auth-timeout", NULL, NULL, 0, G_MAXDOUBLE, DEFAULT_AUTH_SECONDS,
                         G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS);

  /**
   * MpListener:closed: (getter is_closed)
   *
   * Whether the listener was closed here. Changes are not notified.
   *
   * Since: 0.1
   */
  properties[PROP_CLOSED] = g_param_spec_boolean ("closed", NULL, NULL, FALSE, readable);

  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
mp_listener_init (MpListener *self)
{
  g_mutex_init (&self->mutex);
  g_queue_init (&self->finished);
  self->fd = -1;
  self->pending = g_ptr_array_new_with_free_func (free_pending);
  self->auth_seconds = DEFAULT_AUTH_SECONDS;
  self->owner = self->pid = getpid ();
}

/* --- Making and closing -------------------------------------------------------------------- */

/* A socket that listens, or -1 with errno. */
static int
listen_at (const MpSocketAddress *address,
           guint                  backlog)
{
  int fd = socket (address->storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  int yes = 1;
  int saved;

  if (fd < 0)
    return -1;
  if (address->storage.ss_family != AF_UNIX)
    setsockopt (fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (bind (fd, (const struct sockaddr *) &address->storage, address->size) == 0 &&
      listen (fd, (int) MIN (backlog, SOMAXCONN)) == 0)
    return fd;

  saved = errno;
  close (fd);
  errno = saved;
  return -1;
}

static gboolean
begin_listening (MpListener  *self,
                 const char  *address,
                 guint        backlog,
                 GError     **error)
{
  g_autoptr (GArray) addresses = mp_socket_addresses (address, TRUE, error);
  MpSocketAddress own = { .size = sizeof own.storage };

  if (addresses == NULL)
    return FALSE;

  for (guint i = 0; i < addresses->len && self->fd < 0; i++)
    self->fd = listen_at (&g_array_index (addresses, MpSocketAddress, i), backlog);
  if (self->fd < 0)
    {
      mp_error_set_errno (error, errno, address);
      return FALSE;
    }

  getsockname (self->fd, (struct sockaddr *) &own.storage, &own.size);
  self->address = address[0] == '/' ? g_strdup (address) : mp_socket_address_to_text (&own);
  self->path = address[0] == '/' ? g_strdup (address) : NULL;
  return TRUE;
}

/**
 * mp_listener_new:
 * @address: (nullable): "/path", "@name" or "host:port"; %NULL for an abstract name that nobody
 *   else has
 * @backlog: how many may have connected before they are accepted; 0 for the most that there can be
 * @authkey: (nullable): the key that others must have, or %NULL to let everybody in
 * @error: return location for an error
 *
 * Begins to listen.
 *
 * A path must not exist; it is removed when the listener is closed by the process that made it. If
 * that is killed it stays.
 *
 * Errors: [error@Mp.Error.INVALID_ARGUMENT] if @address is none, `G_IO_ERROR_ADDRESS_IN_USE`,
 * `G_IO_ERROR_PERMISSION_DENIED`, or another #GIOErrorEnum.
 *
 * Returns: (transfer full): the listener
 *
 * Since: 0.1
 */
MpListener *
mp_listener_new (const char  *address,
                 guint        backlog,
                 GBytes      *authkey,
                 GError     **error)
{
  g_autoptr (MpListener) self = g_object_new (MP_TYPE_LISTENER, NULL);
  g_autofree char *random = address == NULL ? mp_socket_address_random () : NULL;

  if (!begin_listening (self, address != NULL ? address : random,
                        backlog != 0 ? backlog : SOMAXCONN, error))
    return NULL;

  self->authkey = authkey != NULL ? g_bytes_ref (authkey) : NULL;
  return g_steal_pointer (&self);
}

/**
 * mp_listener_close:
 * @self: a listener
 *
 * Stops listening here. Those who have been accepted stay connected; those who have not are
 * dropped. Closing twice does nothing.
 *
 * Since: 0.1
 */
void
mp_listener_close (MpListener *self)
{
  g_return_if_fail (MP_IS_LISTENER (self));

  g_mutex_lock (&self->mutex);
  if (self->fd >= 0)
    close (self->fd);
  self->fd = -1;
  if (self->path != NULL && self->owner == getpid ())
    unlink (self->path);
  g_clear_pointer (&self->path, g_free);
  g_ptr_array_set_size (self->pending, 0);
  g_queue_clear_full (&self->finished, mp_listener_free_finished);
  g_mutex_unlock (&self->mutex);
}

/**
 * mp_listener_is_closed: (get-property closed)
 * @self: a listener
 *
 * Tells whether it was closed here.
 *
 * Returns: %TRUE if it is closed
 *
 * Since: 0.1
 */
gboolean
mp_listener_is_closed (MpListener *self)
{
  g_return_val_if_fail (MP_IS_LISTENER (self), TRUE);

  return g_atomic_int_get (&self->fd) < 0;
}

/**
 * mp_listener_get_address: (get-property address)
 * @self: a listener
 *
 * Gets where it listens, with the port that was found if it was asked for port 0.
 *
 * Returns: (nullable): the address to connect to
 *
 * Since: 0.1
 */
const char *
mp_listener_get_address (MpListener *self)
{
  g_return_val_if_fail (MP_IS_LISTENER (self), NULL);

  return self->address;
}

/**
 * mp_listener_get_last_accepted: (get-property last-accepted)
 * @self: a listener
 *
 * Gets from where the last one connected that was accepted: a host and port, or what a Unix
 * socket was bound to.
 *
 * Returns: (nullable): the address; %NULL if there is none yet, or it has no name
 *
 * Since: 0.1
 */
const char *
mp_listener_get_last_accepted (MpListener *self)
{
  g_return_val_if_fail (MP_IS_LISTENER (self), NULL);

  return self->last_accepted;
}

/**
 * mp_listener_get_auth_timeout: (get-property auth-timeout)
 * @self: a listener
 *
 * Gets how long somebody who has connected may take to prove that he knows the key.
 *
 * Returns: the seconds
 *
 * Since: 0.1
 */
double
mp_listener_get_auth_timeout (MpListener *self)
{
  g_return_val_if_fail (MP_IS_LISTENER (self), 0);

  return self->auth_seconds;
}

/**
 * mp_listener_set_auth_timeout: (set-property auth-timeout)
 * @self: a listener
 * @seconds: the seconds; 10 if nothing is said
 *
 * Sets how long somebody who has connected may take to prove that he knows the key. Then he is
 * dropped.
 *
 * Since: 0.1
 */
void
mp_listener_set_auth_timeout (MpListener *self,
                              double      seconds)
{
  g_return_if_fail (MP_IS_LISTENER (self));
  g_return_if_fail (seconds >= 0);

  if (self->auth_seconds == seconds)
    return;

  self->auth_seconds = seconds;
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_AUTH_TIMEOUT]);
}

/**
 * mp_listener_get_fd:
 * @self: a listener
 *
 * Gets the socket that listens.
 *
 * Returns: the descriptor, or -1 after closing
 *
 * Since: 0.1
 */
int
mp_listener_get_fd (MpListener *self)
{
  g_return_val_if_fail (MP_IS_LISTENER (self), -1);

  return g_atomic_int_get (&self->fd);
}
