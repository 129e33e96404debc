/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Pipes in shared memory: two rings, and two ends that are counted.
 *
 * An end is a shared object that refers to the ring it reads from and to the one it writes to; what
 * a process holds of a pipe is a lease on an end. When the last lease on an end is gone, because it
 * was closed everywhere or because the processes that had it are dead, the end is destroyed, and
 * that closes both rings: the other end takes what is still there, and then learns that nothing
 * more will come. So an end behaves like a descriptor, and needs none.
 */

#include "config.h"

#include "mproc/channel/mp-pipe-private.h"

#include <errno.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "mproc/base/mp-error-private.h"
#include "mproc/channel/mp-connection-private.h"
#include "mproc/memory/mp-lease-private.h"

/* Closing a ring that is closed does no harm: this may be begun again by somebody else. */
static void
let_go (guint64 *word)
{
  if (*word == 0)
    return;

  mp_ring_close (mp_arena_pointer (*word));
  mp_lease_drop_word (word);
}

static void
destroy_end (gpointer shared)
{
  MpPipeEnd *end = shared;

  let_go (&end->output);
  let_go (&end->input);
  mp_lease_drop_word (&end->line);
}

static const MpKindInfo line_kind = {
  .name = "pipe",
  .size = sizeof (MpPipeLine),
};

static const MpKindInfo end_kind = {
  .name = "connection",
  .size = sizeof (MpPipeEnd),
  .get_type = mp_connection_get_type,
  .destroy = destroy_end,
};

__attribute__ ((constructor)) static void
register_kind (void)
{
  mp_kind_register (MP_KIND_CONNECTION, &end_kind);
  mp_kind_register (MP_KIND_PIPE, &line_kind);
}

MpQueue *
mp_pipe_open_queue (const guint64 *word)
{
  const MpSharedHeader *ring;
  g_autofree char *handle = NULL;

  if (*word == 0)
    return NULL;

  ring = mp_arena_pointer (*word);
  handle = g_strdup_printf ("queue:%" G_GINT64_MODIFIER "x:%x:%" G_GINT64_MODIFIER "x", *word,
                            ring->serial, mp_arena.header->token[0]);
  return mp_shared_check (g_object_new (MP_TYPE_QUEUE, "handle", handle, NULL), NULL);
}

static MpStatus
refer (guint64 *word,
       MpQueue *queue)
{
  const MpSharedHeader *ring = queue != NULL ? mp_shared_get_data (MP_SHARED (queue)) : NULL;

  if (ring == NULL)
    return MP_STATUS_OK;

  return mp_lease_take_word (mp_arena_offset (ring), MP_KIND_QUEUE, ring->serial, word);
}

/* What an end of its own refers to. */
static MpStatus
bind_end (MpPipeEnd *end,
          MpOffset   line,
          guint32    side,
          MpQueue   *input,
          MpQueue   *output)
{
  const MpSharedHeader *shared = mp_arena_pointer (line);
  MpStatus status = mp_lease_take_word (line, MP_KIND_PIPE, shared->serial, &end->line);

  end->side = side;
  if (status == MP_STATUS_OK)
    status = refer (&end->input, input);
  if (status == MP_STATUS_OK)
    status = refer (&end->output, output);

  return status;
}

static MpConnection *
new_end (MpOffset   line,
         guint32    side,
         MpQueue   *input,
         MpQueue   *output,
         GError   **error)
{
  g_autoptr (MpConnection) self = g_object_new (MP_TYPE_CONNECTION, NULL);
  MpConnectionPrivate *priv;
  MpPipeEnd *end;

  self = mp_shared_check (g_steal_pointer (&self), error);
  if (self == NULL)
    return NULL;

  end = mp_shared_get_data (MP_SHARED (self));
  if (!mp_status_to_error (bind_end (end, line, side, input, output), error))
    return NULL;

  priv = mp_connection_private (self);
  g_set_object (&priv->input, input);
  g_set_object (&priv->output, output);
  return g_steal_pointer (&self);
}

static MpStatus
new_line (MpOffset *offset,
          guint32  *lease)
{
  guint64 random[4];
  MpPipeLine *line;
  MpStatus status;

  if (getrandom (random, sizeof random, 0) != sizeof random)
    return MP_STATUS_FAILED;
  status = mp_lease_create (MP_KIND_PIPE, offset, lease);
  if (status != MP_STATUS_OK)
    return status;

  line = mp_arena_pointer (*offset);
  memcpy (line->name, random, sizeof line->name);
  memcpy (line->secret, random + 2, sizeof line->secret);

  return MP_STATUS_OK;
}

/**
 * mp_pipe_new:
 * @duplex: whether both ends can send and receive
 * @one: (out) (transfer full): one end; if not @duplex the one that receives
 * @other: (out) (transfer full): the other end; if not @duplex the one that sends
 * @error: return location for an error
 *
 * Makes a pipe between processes of the family, in shared memory.
 *
 * A forked child has both ends; any other process of the family gets one in a message or by its
 * handle. An end is closed when all who had it have closed it, or have died: so each process should
 * close the end that it does not use. There is no bound on what is on its way but that of the
 * shared memory.
 *
 * The ends have no descriptor that other calls could wait for: [func@Mp.Connection.wait], the
 * asynchronous calls and [method@Mp.Connection.create_source] do. Where a descriptor is needed:
 * [func@Mp.pipe_new_sockets].
 *
 * Errors: [error@Mp.Error.NO_SPACE]; a [error@Gio.IOErrorEnum] if there can be no shared memory.
 *
 * Returns: %TRUE if there is a pipe
 *
 * Since: 0.1
 */
gboolean
mp_pipe_new (gboolean       duplex,
             MpConnection **one,
             MpConnection **other,
             GError       **error)
{
  g_autoptr (MpQueue) there = NULL;
  g_autoptr (MpQueue) back = NULL;
  g_autoptr (MpConnection) first = NULL;
  g_autoptr (MpConnection) second = NULL;
  MpOffset line;
  guint32 lease;

  g_return_val_if_fail (one != NULL && other != NULL, FALSE);

  *one = *other = NULL;
  there = mp_queue_new (0, error);
  if (there == NULL)
    return FALSE;
  if (duplex)
    back = mp_queue_new (0, error);
  if (duplex && back == NULL)
    return FALSE;

  if (!mp_status_to_error (new_line (&line, &lease), error))
    return FALSE;
  first = new_end (line, 0, there, back, error);
  second = first != NULL ? new_end (line, 1, back, there, error) : NULL;
  mp_lease_drop (lease);
  if (second == NULL)
    return FALSE;

  *one = g_steal_pointer (&first);
  *other = g_steal_pointer (&second);
  return TRUE;
}

/**
 * mp_pipe_new_sockets:
 * @duplex: whether both ends can send and receive
 * @one: (out) (transfer full): one end; if not @duplex the one that receives
 * @other: (out) (transfer full): the other end; if not @duplex the one that sends
 * @error: return location for an error
 *
 * Makes a pipe of two connected sockets.
 *
 * It is slower than [func@Mp.pipe_new], but its ends have descriptors: any loop can wait for them,
 * and they can be given to processes outside of the family.
 *
 * Errors: a [error@Gio.IOErrorEnum] if there can be no sockets.
 *
 * Returns: %TRUE if there is a pipe
 *
 * Since: 0.1
 */
gboolean
mp_pipe_new_sockets (gboolean       duplex,
                     MpConnection **one,
                     MpConnection **other,
                     GError       **error)
{
  int fds[2];

  g_return_val_if_fail (one != NULL && other != NULL, FALSE);

  *one = *other = NULL;
  if (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
    {
      mp_error_set_errno (error, errno, "Cannot make a pair of sockets");
      return FALSE;
    }

  *one = mp_connection_adopt (fds[0]);
  *other = mp_connection_adopt (fds[1]);
  if (!duplex)
    {
      shutdown (fds[1], SHUT_RD);
      mp_connection_set_ways (*one, TRUE, FALSE);
      mp_connection_set_ways (*other, FALSE, TRUE);
    }
  return TRUE;
}
