/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * ZeroMQ's PUSH and PULL over ipc. Each member has a context of its own, whose thread runs on the
 * member's CPU.
 */

#include "config.h"

#include <unistd.h>
#include <zmq.h>

#include "bench-peers.h"

typedef struct {
  char  address[64];
  int   n_slots;
  void *socket;                 /* of this process */
} BenchZmq;

static gpointer
open_socket (guint n_slots,
             gsize size G_GNUC_UNUSED)
{
  static guint n_opened;
  BenchZmq *self = g_new0 (BenchZmq, 1);

  g_snprintf (self->address, sizeof self->address, "ipc://@mproc-bench-%d-%u", (int) getpid (),
              n_opened++);
  self->n_slots = (int) n_slots;
  return self;
}

static void
attach (gpointer channel,
        gboolean puts)
{
  static void *context;
  BenchZmq *self = channel;
  int result;

  if (context == NULL)
    context = zmq_ctx_new ();
  self->socket = zmq_socket (context, puts ? ZMQ_PUSH : ZMQ_PULL);
  zmq_setsockopt (self->socket, puts ? ZMQ_SNDHWM : ZMQ_RCVHWM, &self->n_slots,
                  sizeof self->n_slots);
  result = puts ? zmq_connect (self->socket, self->address)
                : zmq_bind (self->socket, self->address);
  if (result != 0)
    g_error ("No ZeroMQ socket: %s", zmq_strerror (zmq_errno ()));
}

static void
put (gpointer      channel,
     const guint8 *data,
     gsize         size,
     guint64       n)
{
  BenchZmq *self = channel;

  for (guint64 i = 0; i < n; i++)
    if (zmq_send (self->socket, data, size, 0) != (int) size)
      g_error ("ZeroMQ cannot send: %s", zmq_strerror (zmq_errno ()));
}

static void
get (gpointer  channel,
     guint8   *buffer,
     gsize     size,
     guint64   n)
{
  BenchZmq *self = channel;

  for (guint64 i = 0; i < n; i++)
    if (zmq_recv (self->socket, buffer, size, 0) != (int) size)
      g_error ("ZeroMQ cannot receive: %s", zmq_strerror (zmq_errno ()));
}

const BenchPeer bench_zmq = { "ZeroMQ ipc", open_socket, attach, put, get, g_free };
