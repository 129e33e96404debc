/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * MpConnection: the object, its two kinds, and what can be asked of it. Sending and receiving are
 * in mp-connection-transfer.c, in the idiom of C in mp-connection-values.c, of bindings in
 * mp-connection-raw.c, for main loops in mp-connection-async.c.
 *
 * It is an end of a pipe in shared memory (see mp-pipe.c), which is a shared object like any other
 * and travels in values; or it stands for a connected socket, and then is a shared object only by
 * name: it has no handle. Any thread may use it. Closing it frees what it holds of others at once,
 * the memory when the last reference to the object is gone.
 */

#include "config.h"

#include "mproc/channel/mp-connection.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "mproc/base/mp-error-private.h"
#include "mproc/channel/mp-connection-private.h"
#include "mproc/channel/mp-pipe-private.h"
#include "mproc/memory/mp-recover-private.h"

/**
 * MpConnection:
 *
 * One end of a line that messages go along, as they were sent, whole and in order.
 *
 * Between relatives it is an end of a pipe in shared memory ([func@Mp.pipe_new]), as fast as an
 * [class@Mp.Queue]; to any other process it is a socket ([ctor@Mp.Connection.connect],
 * [class@Mp.Listener]). What is sent at one end comes out at the other, whatever language is there.
 * When all who have the other end have closed it or died, what is still on its way can be received,
 * and then [error@Mp.Error.CLOSED] says that nothing more will come.
 *
 * ```c
 * g_autoptr (MpConnection) here = NULL, there = NULL;
 *
 * mp_pipe_new (TRUE, &here, &there, &error);
 * mp_connection_send (there, g_variant_new_string ("hello"), -1, NULL, &error);
 * value = mp_connection_recv (here, 5.0, NULL, &error);
 * ```
 *
 * Since: 0.1
 */

enum {
  PROP_FD = 1,
  PROP_READABLE,
  PROP_WRITABLE,
  PROP_CLOSED,
  N_PROPS,
};

#define LOOK_FOR_DEAD_EVERY (G_USEC_PER_SEC / 5)

static GParamSpec *properties[N_PROPS];

G_DEFINE_TYPE_WITH_PRIVATE (MpConnection, mp_connection, MP_TYPE_SHARED)

MpConnectionPrivate *
mp_connection_private (MpConnection *self)
{
  return mp_connection_get_instance_private (self);
}

/* --- The object ---------------------------------------------------------------------------- */

static gboolean
is_stream_socket (int fd)
{
  int type;
  socklen_t size = sizeof type;

  return getsockopt (fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_STREAM;
}

static void
mp_connection_constructed (GObject *object)
{
  MpConnectionPrivate *priv = mp_connection_private (MP_CONNECTION (object));
  gboolean is_new;
  MpPipeEnd *end;

  G_OBJECT_CLASS (mp_connection_parent_class)->constructed (object);
  if (priv->given_fd >= 0)
    {
      priv->stream = mp_stream_new (priv->given_fd);
      return;
    }

  end = mp_shared_construct (MP_SHARED (object), MP_KIND_CONNECTION, &is_new);
  if (end != NULL && !is_new)
    {
      priv->input = mp_pipe_open_queue (&end->input);
      priv->output = mp_pipe_open_queue (&end->output);
    }
}

static void
mp_connection_finalize (GObject *object)
{
  MpConnectionPrivate *priv = mp_connection_private (MP_CONNECTION (object));

  mp_connection_close_mailbox (MP_CONNECTION (object));
  g_clear_pointer (&priv->opening, mp_opening_free);
  g_clear_pointer (&priv->stream, mp_stream_free);
  g_clear_object (&priv->input);
  g_clear_object (&priv->output);

  G_OBJECT_CLASS (mp_connection_parent_class)->finalize (object);
}

static const char *
describe_ways (MpConnection *self)
{
  gboolean readable = mp_connection_get_readable (self);
  gboolean writable = mp_connection_get_writable (self);

  if (mp_connection_is_closed (self))
    return "closed";
  if (readable && writable)
    return "duplex";

  return readable ? "readable" : writable ? "writable" : "unusable";
}

static char *
mp_connection_to_string (MpShared *shared)
{
  return g_strdup_printf ("<Connection(%s)>", describe_ways (MP_CONNECTION (shared)));
}

static void
mp_connection_get_property (GObject    *object,
                            guint       property,
                            GValue     *value,
                            GParamSpec *pspec)
{
  MpConnection *self = MP_CONNECTION (object);

  switch (property)
    {
    case PROP_FD:
      g_value_set_int (value, mp_connection_get_fd (self));
      break;
    case PROP_READABLE:
      g_value_set_boolean (value, mp_connection_get_readable (self));
      break;
    case PROP_WRITABLE:
      g_value_set_boolean (value, mp_connection_get_writable (self));
      break;
    case PROP_CLOSED:
      g_value_set_boolean (value, mp_connection_is_closed (self));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, property, pspec);
    }
}

static void
mp_connection_set_property (GObject      *object,
                            guint         property,
                            const GValue *value,
                            GParamSpec   *pspec)
{
  MpConnectionPrivate *priv = mp_connection_private (MP_CONNECTION (object));

  if (property != PROP_FD)
    {
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, property, pspec);
      return;
    }

  priv->given_fd = g_value_get_int (value);
  if (priv->given_fd >= 0 && !is_stream_socket (priv->given_fd))
    priv->given_fd = -1;
}

static void
install_properties (GObjectClass *object_class)
{
  const GParamFlags readable = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS;

  /**
   * MpConnection:fd: (getter get_fd)
   *
   * The socket, or -1 for a pipe in shared memory and after closing. Given at construction, a
   * connected stream socket is taken over; see [ctor@Mp.Connection.new_for_fd].
   *
   * Since: 0.1
   */
  properties[PROP_FD] =
    g_param_spec_int ("fd", NULL, NULL, -1, G_MAXINT, -1,
                      G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  /**
   * MpConnection:readable: (getter get_readable)
   *
   * Whether messages can be received, because the line goes that way. Changes are not notified.
   *
   * Since: 0.1
   */
  properties[PROP_READABLE] = g_param_spec_boolean ("readable", NULL, NULL, FALSE, readable);

  /**
   * MpConnection:writable: (getter get_writable)
   *
   * Whether messages can be sent, because the line goes that way. Changes are not notified.
   *
   * Since: 0.1
   */
  properties[PROP_WRITABLE] = g_param_spec_boolean ("writable", NULL, NULL, FALSE, readable);

  /**
   * MpConnection:closed: (getter is_closed)
   *
   * Whether the connection was closed here. Changes are not notified.
   *
   * Since: 0.1
   */
  properties[PROP_CLOSED] = g_param_spec_boolean ("closed", NULL, NULL, FALSE, readable);

  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
mp_connection_class_init (MpConnectionClass *class)
{
  GObjectClass *object_class = G_OBJECT_CLASS (class);

  object_class->constructed = mp_connection_constructed;
  object_class->finalize = mp_connection_finalize;
  object_class->get_property = mp_connection_get_property;
  object_class->set_property = mp_connection_set_property;
  MP_SHARED_CLASS (class)->to_string = mp_connection_to_string;
  install_properties (object_class);
}

static void
mp_connection_init (MpConnection *self)
{
  MpConnectionPrivate *priv = mp_connection_private (self);

  priv->given_fd = -1;
  priv->mailbox = -1;
}

MpConnection *
mp_connection_adopt (int fd)
{
  return g_object_new (MP_TYPE_CONNECTION, "fd", fd, NULL);
}

/**
 * mp_connection_new_for_fd:
 * @fd: a connected stream socket
 * @error: return location for an error
 *
 * Makes a connection of a socket that comes from elsewhere. At the other end, too, there must be an
 * #MpConnection.
 *
 * After success the descriptor is the connection's, which closes it.
 *
 * Errors: [error@Mp.Error.INVALID_ARGUMENT] if @fd is not a stream socket; it is still the
 * caller's then.
 *
 * Returns: (transfer full): the connection
 *
 * Since: 0.1
 */
MpConnection *
mp_connection_new_for_fd (int      fd,
                          GError **error)
{
  if (fd < 0 || !is_stream_socket (fd))
    {
      g_set_error (error, MP_ERROR, MP_ERROR_INVALID_ARGUMENT,
                   "The descriptor %d is not a stream socket", fd);
      return NULL;
    }

  return mp_connection_adopt (fd);
}

void
mp_connection_set_ways (MpConnection *self,
                        gboolean      readable,
                        gboolean      writable)
{
  MpConnectionPrivate *priv = mp_connection_private (self);

  priv->no_input = !readable;
  priv->no_output = !writable;
}

/* --- What it is ---------------------------------------------------------------------------- */

/**
 * mp_connection_get_fd: (get-property fd)
 * @self: a connection
 *
 * Gets the descriptor that can be polled for what comes in.
 *
 * Returns: the socket, or -1 for a pipe in shared memory and after closing
 *
 * Since: 0.1
 */
int
mp_connection_get_fd (MpConnection *self)
{
  MpConnectionPrivate *priv;

  g_return_val_if_fail (MP_IS_CONNECTION (self), -1);

  priv = mp_connection_private (self);
  return priv->stream != NULL ? priv->stream->fd : -1;
}

/**
 * mp_connection_get_readable: (get-property readable)
 * @self: a connection
 *
 * Tells whether messages can be received.
 *
 * Returns: %TRUE if the line goes that way
 *
 * Since: 0.1
 */
gboolean
mp_connection_get_readable (MpConnection *self)
{
  MpConnectionPrivate *priv;

  g_return_val_if_fail (MP_IS_CONNECTION (self), FALSE);

  priv = mp_connection_private (self);
  return priv->stream != NULL ? !priv->no_input : priv->input != NULL;
}

/**
 * mp_connection_get_writable: (get-property writable)
 * @self: a connection
 *
 * Tells whether messages can be sent.
 *
 * Returns: %TRUE if the line goes that way
 *
 * Since: 0.1
 */
gboolean
mp_connection_get_writable (MpConnection *self)
{
  MpConnectionPrivate *priv;

  g_return_val_if_fail (MP_IS_CONNECTION (self), FALSE);

  priv = mp_connection_private (self);
  return priv->stream != NULL ? !priv->no_output : priv->output != NULL;
}

/**
 * mp_connection_is_closed: (get-property closed)
 * @self: a connection
 *
 * Tells whether the connection was closed here. Of the other end it says nothing.
 *
 * Returns: %TRUE if it is closed
 *
 * Since: 0.1
 */
gboolean
mp_connection_is_closed (MpConnection *self)
{
  g_return_val_if_fail (MP_IS_CONNECTION (self), TRUE);

  return g_atomic_int_get (&mp_connection_private (self)->closed);
}

/**
 * mp_connection_close:
 * @self: a connection
 *
 * Closes the connection here; it is of no use any more.
 *
 * The other end learns of it when all processes that have this end have closed it. What was sent is
 * delivered. Closing twice does nothing.
 *
 * Since: 0.1
 */
void
mp_connection_close (MpConnection *self)
{
  MpConnectionPrivate *priv;

  g_return_if_fail (MP_IS_CONNECTION (self));

  priv = mp_connection_private (self);
  if (!g_atomic_int_compare_and_exchange (&priv->closed, FALSE, TRUE))
    return;

  mp_connection_close_mailbox (self);
  if (priv->stream != NULL)
    {
      mp_stream_send_step (priv->stream, NULL);
      mp_stream_close (priv->stream);
    }
  else
    mp_shared_fail (MP_SHARED (self), MP_STATUS_CLOSED);
}

/**
 * mp_connection_get_input:
 * @self: a connection
 *
 * Gets the queue from which an end of a pipe in shared memory receives. For language bindings.
 *
 * Returns: (transfer none) (nullable): the queue; %NULL for a socket, or if the pipe does not go
 *   that way
 *
 * Since: 0.1
 */
MpQueue *
mp_connection_get_input (MpConnection *self)
{
  g_return_val_if_fail (MP_IS_CONNECTION (self), NULL);

  return mp_connection_private (self)->input;
}

/**
 * mp_connection_get_output:
 * @self: a connection
 *
 * Gets the queue to which an end of a pipe in shared memory sends. For language bindings.
 *
 * Returns: (transfer none) (nullable): the queue; %NULL for a socket, or if the pipe does not go
 *   that way
 *
 * Since: 0.1
 */
MpQueue *
mp_connection_get_output (MpConnection *self)
{
  g_return_val_if_fail (MP_IS_CONNECTION (self), NULL);

  return mp_connection_private (self)->output;
}

/**
 * mp_connection_get_plain:
 * @self: a connection
 *
 * Tells whether at the other end there is Python's own multiprocessing, which was found out while
 * both sides proved that they have the key.
 *
 * Messages are then what that package understands: values go as pickles, and what comes is a
 * pickle or bytes.
 *
 * Returns: %TRUE if it is
 *
 * Since: 0.1
 */
gboolean
mp_connection_get_plain (MpConnection *self)
{
  MpConnectionPrivate *priv;

  g_return_val_if_fail (MP_IS_CONNECTION (self), FALSE);

  priv = mp_connection_private (self);
  return priv->stream != NULL && priv->stream->plain;
}

/* --- Looking ------------------------------------------------------------------------------- */

/* In a main loop nobody watches the lives of others: an end whose holder was killed is found by
 * looking now and then. */
void
mp_connection_look_for_dead (void)
{
  static gint64 looked;
  gint64 now = g_get_monotonic_time ();

  if (mp_arena.base == NULL || mp_arena.cut_off ||
      now - __atomic_load_n (&looked, __ATOMIC_RELAXED) < LOOK_FOR_DEAD_EVERY)
    return;

  __atomic_store_n (&looked, now, __ATOMIC_RELAXED);
  mp_recover_sweep ();
}

gboolean
mp_connection_look (gpointer data)
{
  MpConnectionPrivate *priv = mp_connection_private (data);
  struct pollfd poll_fd = { -1, POLLIN, 0 };

  if (priv->closed || (priv->stream == NULL && priv->input == NULL))
    return TRUE;
  if (priv->stream == NULL)
    {
      mp_connection_look_for_dead ();
      return mp_queue_is_readable (priv->input);
    }

  poll_fd.fd = priv->stream->fd;
  return mp_stream_has (priv->stream) || poll (&poll_fd, 1, 0) > 0;
}

/* Why a call that needs an open connection which goes its way did not do what it should. */
gboolean
mp_connection_report (MpConnection  *self,
                      MpStatus       status,
                      GError       **error)
{
  MpConnectionPrivate *priv = mp_connection_private (self);

  if (G_LIKELY (status == MP_STATUS_OK))
    return TRUE;

  if (status == MP_STATUS_FAILED && priv->stream != NULL && !mp_stream_check (priv->stream, error))
    return FALSE;
  if (status == MP_STATUS_CLOSED)
    g_set_error_literal (error, MP_ERROR, MP_ERROR_CLOSED, "The other end is closed");
  else if (status == MP_STATUS_INVALID && mp_connection_is_closed (self))
    g_set_error_literal (error, MP_ERROR, MP_ERROR_INVALID_STATE, "The connection is closed");
  else
    return mp_status_to_error (status, error);

  return FALSE;
}

/**
 * mp_connection_check:
 * @self: a connection
 * @error: return location for an error
 *
 * Tells why a raw call has returned `FAILED`. For language bindings.
 *
 * Errors: those of [method@Mp.Connection.recv_payload], and of [ctor@Mp.Connection.connect].
 *
 * Returns: %TRUE if nothing has failed
 *
 * Since: 0.1
 */
gboolean
mp_connection_check (MpConnection  *self,
                     GError       **error)
{
  MpConnectionPrivate *priv;

  g_return_val_if_fail (MP_IS_CONNECTION (self), FALSE);

  priv = mp_connection_private (self);
  return priv->stream == NULL || mp_stream_check (priv->stream, error);
}
