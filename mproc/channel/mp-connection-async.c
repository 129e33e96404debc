/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * A connection in a main loop: tasks and sources, no thread. An attempt is made when one may
 * succeed; somebody else may have been faster, then it goes on waiting. For shared memory that is
 * when the doorbell rings, for a socket when its descriptor is ready.
 */

#include "config.h"

#include "mproc/base/mp-payload-private.h"
#include "mproc/channel/mp-connection-private.h"
#include "mproc/memory/mp-attach-private.h"
#include "mproc/sync/mp-doorbell-private.h"

/* --- The source of a socket ---------------------------------------------------------------- */

typedef struct {
  GSource       source;
  MpConnection *connection;
  gpointer      tag;
  gboolean      out;
} SocketSource;

static gboolean
socket_prepare (GSource *source,
                int     *timeout)
{
  SocketSource *self = (SocketSource *) source;

  *timeout = -1;
  return mp_connection_is_closed (self->connection) ||
         (!self->out && mp_stream_has (mp_connection_private (self->connection)->stream));
}

static gboolean
socket_check (GSource *source)
{
  SocketSource *self = (SocketSource *) source;
  int timeout;

  return g_source_query_unix_fd (source, self->tag) != 0 || socket_prepare (source, &timeout);
}

static gboolean
socket_dispatch (GSource     *source G_GNUC_UNUSED,
                 GSourceFunc  callback,
                 gpointer     data)
{
  return callback != NULL ? callback (data) : G_SOURCE_REMOVE;
}

static void
socket_finalize (GSource *source)
{
  g_clear_object (&((SocketSource *) source)->connection);
}

static GSourceFuncs socket_funcs = {
  .prepare = socket_prepare,
  .check = socket_check,
  .dispatch = socket_dispatch,
  .finalize = socket_finalize,
};

GSource *
mp_connection_source_new (MpConnection *self,
                          gboolean      out)
{
  MpConnectionPrivate *priv = mp_connection_private (self);
  SocketSource *socket_source;
  GSource *source;

  if (priv->stream == NULL)
    {
      source = mp_doorbell_source_new (mp_connection_look, self);
      mp_doorbell_source_hold (source, G_OBJECT (self));
      mp_connection_watch_peers (source);
      return source;
    }

  source = g_source_new (&socket_funcs, sizeof (SocketSource));
  socket_source = (SocketSource *) source;
  socket_source->connection = g_object_ref (self);
  socket_source->out = out;
  if (priv->stream->fd >= 0)
    socket_source->tag = g_source_add_unix_fd (source, priv->stream->fd, out ? G_IO_OUT : G_IO_IN);

  return source;
}

static void
follow (GSource      *source,
        GCancellable *cancellable)
{
  g_autoptr (GSource) child = NULL;

  if (cancellable == NULL)
    return;

  child = g_cancellable_source_new (cancellable);
  g_source_set_dummy_callback (child);
  g_source_add_child_source (source, child);
}

/**
 * mp_connection_create_source:
 * @self: a connection
 * @cancellable: (nullable): a #GCancellable
 *
 * Makes a source that is dispatched whenever there may be something to receive, or nothing will
 * come any more, or @cancellable was cancelled. Its callback is a #GSourceFunc.
 *
 * Use a timeout of 0 in the callback: somebody else may be faster, or only a part of a message may
 * have come.
 *
 * Returns: (transfer full): a new source, to be attached to a main context
 *
 * Since: 0.1
 */
GSource *
mp_connection_create_source (MpConnection *self,
                             GCancellable *cancellable)
{
  GSource *source;

  g_return_val_if_fail (MP_IS_CONNECTION (self), NULL);

  source = mp_connection_source_new (self, FALSE);
  g_source_set_static_name (source, "[mproc] connection");
  follow (source, cancellable);

  return source;
}

/* Has @attempt (@task) called until it returns G_SOURCE_REMOVE, which it has not at once. */
static void
repeat (GTask       *task,
        gboolean     out,
        GSourceFunc  attempt)
{
  g_autoptr (GSource) source = mp_connection_source_new (g_task_get_source_object (task), out);

  follow (source, g_task_get_cancellable (task));
  g_task_attach_source (task, source, attempt);
}

/* --- Receiving ----------------------------------------------------------------------------- */

static gboolean
recv_attempt (gpointer data)
{
  GTask *task = data;
  GError *error = NULL;
  MpPayload *payload;

  if (g_task_return_error_if_cancelled (task))
    return G_SOURCE_REMOVE;

  payload = mp_connection_recv_payload (g_task_get_source_object (task), 0, NULL, &error);
  if (g_error_matches (error, MP_ERROR, MP_ERROR_TIMED_OUT))
    {
      g_clear_error (&error);
      return G_SOURCE_CONTINUE;
    }

  if (payload != NULL)
    g_task_return_pointer (task, payload, (GDestroyNotify) mp_payload_unref);
  else
    g_task_return_error (task, error);
  return G_SOURCE_REMOVE;
}

/**
 * mp_connection_recv_async:
 * @self: a connection
 * @cancellable: (nullable): a #GCancellable
 * @callback: (scope async): called in the thread-default main context when there is a result
 * @user_data: data for @callback
 *
 * Receives a message, without blocking: [method@Mp.Connection.recv_payload] for main loops.
 *
 * After a cancellation nothing was taken. That the processes with the other end of a pipe in shared
 * memory were killed is noticed at once.
 *
 * Since: 0.1
 */
void
mp_connection_recv_async (MpConnection        *self,
                          GCancellable        *cancellable,
                          GAsyncReadyCallback  callback,
                          gpointer             user_data)
{
  g_autoptr (GTask) task = NULL;

  g_return_if_fail (MP_IS_CONNECTION (self));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, mp_connection_recv_async);
  g_task_set_check_cancellable (task, FALSE);   /* what was done is done */
  if (recv_attempt (task) == G_SOURCE_CONTINUE)
    repeat (task, FALSE, recv_attempt);
}

/**
 * mp_connection_recv_finish:
 * @self: a connection
 * @result: what the callback got
 * @error: return location for an error
 *
 * Finishes [method@Mp.Connection.recv_async].
 *
 * Errors: those of [method@Mp.Connection.recv_payload].
 *
 * Returns: (transfer full): the encoded value
 *
 * Since: 0.1
 */
MpPayload *
mp_connection_recv_finish (MpConnection  *self,
                           GAsyncResult  *result,
                           GError       **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);

  return g_task_propagate_pointer (G_TASK (result), error);
}

/* --- Sending ------------------------------------------------------------------------------- */

/* Of a socket only. A letter that has begun is sent to its end, whatever is cancelled meanwhile. */
typedef struct {
  MpConnection   *connection;
  MpStreamLetter *letter;
} Posted;

static void
free_posted (gpointer data)
{
  Posted *posted = data;

  if (posted->letter != NULL)
    mp_stream_drop (mp_connection_private (posted->connection)->stream, posted->letter);
  g_object_unref (posted->connection);
  g_free (posted);
}

static gboolean
send_attempt (gpointer data)
{
  GTask *task = data;
  Posted *posted = g_task_get_task_data (task);
  MpStream *stream = mp_connection_private (posted->connection)->stream;
  GError *error = NULL;
  MpStatus status;

  if (posted->letter->sent == 0 && g_task_return_error_if_cancelled (task))
    return G_SOURCE_REMOVE;

  status = mp_stream_send_step (stream, posted->letter);
  if (status == MP_STATUS_TIMED_OUT)
    return G_SOURCE_CONTINUE;

  if (mp_connection_report (posted->connection, status, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
  return G_SOURCE_REMOVE;
}

static void
send_to_socket (GTask        *task,
                MpConnection *self,
                MpPayload    *payload)
{
  MpConnectionPrivate *priv = mp_connection_private (self);
  Posted *posted = g_new0 (Posted, 1);
  g_autoptr (MpPayload) converted = NULL;
  GBytes *bytes;
  GError *error = NULL;
  gconstpointer data;
  gsize size;

  posted->connection = g_object_ref (self);
  g_task_set_task_data (task, posted, free_posted);
  if (priv->stream->plain && mp_payload_get_encoding (payload) != MP_ENCODING_BYTES)
    payload = converted = mp_payload_convert (payload, MP_ENCODING_PICKLE, &error);
  if (payload == NULL)
    {
      g_task_return_error (task, error);
      return;
    }

  bytes = mp_payload_get_bytes (payload);
  data = g_bytes_get_data (bytes, &size);
  posted->letter = mp_stream_letter_new (priv->stream, mp_payload_get_encoding (payload), data,
                                         size, bytes, -1);
  mp_stream_post (priv->stream, posted->letter);
  if (send_attempt (task) == G_SOURCE_CONTINUE)
    repeat (task, TRUE, send_attempt);
}

/**
 * mp_connection_send_async:
 * @self: a connection
 * @payload: the encoded value
 * @cancellable: (nullable): a #GCancellable
 * @callback: (scope async): called in the thread-default main context when it is out
 * @user_data: data for @callback
 *
 * Sends an encoded value without blocking: [method@Mp.Connection.send_payload] for main loops.
 *
 * Messages go in the order of the calls. A message of which a part is out is sent to its end, even
 * if it is cancelled.
 *
 * Since: 0.1
 */
void
mp_connection_send_async (MpConnection        *self,
                          MpPayload           *payload,
                          GCancellable        *cancellable,
                          GAsyncReadyCallback  callback,
                          gpointer             user_data)
{
  g_autoptr (GTask) task = NULL;
  MpConnectionPrivate *priv;
  GError *error = NULL;

  g_return_if_fail (MP_IS_CONNECTION (self));
  g_return_if_fail (payload != NULL);

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, mp_connection_send_async);
  g_task_set_check_cancellable (task, FALSE);
  priv = mp_connection_private (self);
  if (g_task_return_error_if_cancelled (task))
    return;

  if (priv->stream != NULL && !priv->closed && !priv->no_output && priv->opening == NULL)
    send_to_socket (task, self, payload);
  else if (mp_connection_send_payload (self, payload, 0, NULL, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

/**
 * mp_connection_send_finish:
 * @self: a connection
 * @result: what the callback got
 * @error: return location for an error
 *
 * Finishes [method@Mp.Connection.send_async].
 *
 * Errors: those of [method@Mp.Connection.send_payload].
 *
 * Returns: %TRUE if the message was sent
 *
 * Since: 0.1
 */
gboolean
mp_connection_send_finish (MpConnection  *self,
                           GAsyncResult  *result,
                           GError       **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}
