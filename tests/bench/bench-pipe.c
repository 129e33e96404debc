/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * What the kernel offers: pipes, Unix stream sockets, and Unix sockets that keep messages whole.
 */

#include "config.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench-peers.h"

typedef struct {
  int ends[2];                  /* read, write */
} BenchPipe;

static gpointer
open_pipe (guint n_slots G_GNUC_UNUSED,
           gsize size G_GNUC_UNUSED)
{
  BenchPipe *self = g_new0 (BenchPipe, 1);

  if (pipe (self->ends) != 0)
    g_error ("No pipe: %s", g_strerror (errno));
  return self;
}

static gpointer
open_socket (guint n_slots G_GNUC_UNUSED,
             gsize size G_GNUC_UNUSED)
{
  BenchPipe *self = g_new0 (BenchPipe, 1);

  if (socketpair (AF_UNIX, SOCK_STREAM, 0, self->ends) != 0)
    g_error ("No sockets: %s", g_strerror (errno));
  return self;
}

static gpointer
open_packets (guint n_slots G_GNUC_UNUSED,
              gsize size G_GNUC_UNUSED)
{
  BenchPipe *self = g_new0 (BenchPipe, 1);

  if (socketpair (AF_UNIX, SOCK_SEQPACKET, 0, self->ends) != 0)
    g_error ("No sockets: %s", g_strerror (errno));
  return self;
}

static void
close_pipe (gpointer channel)
{
  BenchPipe *self = channel;

  close (self->ends[0]);
  close (self->ends[1]);
  g_free (self);
}

static void
put (gpointer      channel,
     const guint8 *data,
     gsize         size,
     guint64       n)
{
  BenchPipe *self = channel;

  for (guint64 i = 0; i < n; i++)
    for (gsize done = 0; done < size; )
      {
        gssize part = write (self->ends[1], data + done, size - done);

        if (part <= 0)
          g_error ("Cannot write: %s", g_strerror (errno));
        done += part;
      }
}

static void
get (gpointer  channel,
     guint8   *buffer,
     gsize     size,
     guint64   n)
{
  BenchPipe *self = channel;

  for (guint64 i = 0; i < n; i++)
    for (gsize done = 0; done < size; )
      {
        gssize part = read (self->ends[0], buffer + done, size - done);

        if (part <= 0)
          g_error ("Cannot read: %s", g_strerror (errno));
        done += part;
      }
}

const BenchPeer bench_pipe = { "pipe", open_pipe, NULL, put, get, close_pipe };
const BenchPeer bench_socket = { "Unix socket", open_socket, NULL, put, get, close_pipe };
const BenchPeer bench_packets = {
  "Unix socket, packets", open_packets, NULL, put, get, close_pipe,
};
