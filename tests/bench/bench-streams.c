/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * How long a message takes when many follow one another: 64 bytes from one process to another, from
 * four to four, and 1 MiB. All queues have the same bound, so that all hold the same caches.
 */

#include "config.h"

#include <string.h>

#include "bench-contest.h"
#include "bench-peers.h"
#include "bench-rows.h"

#define SMALL 64
#define LARGE (1 << 20)
#define N_SLOTS 4096

/* One channel, and what its members put and get. */
typedef struct {
  const BenchPeer *peer;
  gpointer         channel;
  gsize            size;
  guint            share;       /* of how many members of a kind each is one */
  guint8          *data;
} BenchStream;

static void
prepare_producer (gpointer state,
                  guint64  n G_GNUC_UNUSED)
{
  BenchStream *self = state;

  memset (self->data, 1, self->size);
  if (self->peer->attach != NULL)
    self->peer->attach (self->channel, TRUE);
}

static void
prepare_consumer (gpointer state,
                  guint64  n G_GNUC_UNUSED)
{
  BenchStream *self = state;

  memset (self->data, 2, self->size);
  if (self->peer->attach != NULL)
    self->peer->attach (self->channel, FALSE);
}

static void
produce (gpointer state,
         guint64  n)
{
  BenchStream *self = state;

  self->peer->put (self->channel, self->data, self->size, n / self->share);
}

static void
consume (gpointer state,
         guint64  n)
{
  BenchStream *self = state;

  self->peer->get (self->channel, self->data, self->size, n / self->share);
}

static BenchStream *
stream_new (const BenchPeer *peer,
            guint            n_slots,
            gsize            size,
            guint            share)
{
  BenchStream *self = g_new0 (BenchStream, 1);

  self->peer = peer;
  self->channel = peer->open (n_slots, size);
  self->size = size;
  self->share = share;
  self->data = g_malloc (size);

  return self;
}

static void
stream_free (gpointer data)
{
  BenchStream *self = data;

  self->peer->close (self->channel);
  g_free (self->data);
  g_free (self);
}

static void
enter_stream (BenchContest *contest,
              GPtrArray    *streams,
              BenchStream  *stream)
{
  BenchMember members[BENCH_MAX_MEMBERS];
  guint n = 0;

  for (guint i = 0; i < stream->share; i++)
    {
      members[n++] = (BenchMember) { prepare_producer, produce, 0 };
      members[n++] = (BenchMember) { prepare_consumer, consume, 1 };
    }
  g_ptr_array_add (streams, stream);
  bench_contest_team (contest, stream->peer->name, bench_team_new (stream, members, n), 0);
}

/* Runs @peers against one another; NULLs among them are those that were not built. */
static BenchContest *
compare (const char              *title,
         const BenchPeer * const *peers,
         guint                    n_peers,
         guint                    n_slots,
         gsize                    size,
         guint                    share)
{
  g_autoptr (GPtrArray) streams = g_ptr_array_new_with_free_func (stream_free);
  BenchContest *contest = bench_contest_new (title, "a message");

  for (guint i = 0; i < n_peers; i++)
    enter_stream (contest, streams, stream_new (peers[i], n_slots, size, share));
  bench_contest_run (contest);

  return contest;
}

void
bench_streams (void)
{
  const BenchPeer *peers[] = {
    &bench_mproc, &bench_mproc_unbounded, &bench_mproc_variant, &bench_ring_plain,
    &bench_ring_cached, &bench_pipe, &bench_socket,
#ifdef BENCH_HAVE_BOOST
    &bench_boost,
#endif
#ifdef BENCH_HAVE_ZMQ
    &bench_zmq,
#endif
  };
  BenchContest *contest = compare ("64 bytes, one to one", peers, G_N_ELEMENTS (peers), N_SLOTS,
                                   SMALL, 1);

  bench_contest_row (contest, "mproc", "boost message_queue", BENCH_AT_LEAST, 5);
  bench_contest_row (contest, "mproc", "bare ring", BENCH_AT_MOST, 3);
  bench_contest_row (contest, "mproc", "bare ring, cached indices", BENCH_AT_MOST, 3);
  bench_contest_row (contest, "mproc", "ZeroMQ ipc", BENCH_SHOWN, 0);
  bench_contest_row (contest, "mproc", "pipe", BENCH_SHOWN, 0);
  bench_contest_row (contest, "mproc", "Unix socket", BENCH_SHOWN, 0);
  bench_contest_row (contest, "mproc, no bound", "boost message_queue", BENCH_AT_LEAST, 5);
  bench_contest_row (contest, "mproc, as GVariant", "mproc", BENCH_SHOWN, 0);
  bench_contest_free (contest);
}

void
bench_crowds (void)
{
  const BenchPeer *peers[] = {
    &bench_mproc, &bench_mproc_unbounded, &bench_pipe, &bench_packets,
#ifdef BENCH_HAVE_BOOST
    &bench_boost,
#endif
  };
  BenchContest *contest = compare ("64 bytes, four to four", peers, G_N_ELEMENTS (peers), N_SLOTS,
                                   SMALL, 4);

  bench_contest_row (contest, "mproc", "boost message_queue", BENCH_AT_LEAST, 5);
  bench_contest_row (contest, "mproc, no bound", "boost message_queue", BENCH_AT_LEAST, 5);
  bench_contest_row (contest, "mproc", "pipe", BENCH_SHOWN, 0);
  bench_contest_row (contest, "mproc", "Unix socket, packets", BENCH_SHOWN, 0);
  bench_contest_free (contest);
}

void
bench_large (void)
{
  const BenchPeer *peers[] = {
    &bench_mproc, &bench_pipe, &bench_socket,
#ifdef BENCH_HAVE_BOOST
    &bench_boost,
#endif
#ifdef BENCH_HAVE_ZMQ
    &bench_zmq,
#endif
  };
  BenchContest *contest = compare ("1 MiB, copied in and out", peers, G_N_ELEMENTS (peers), 4,
                                   LARGE, 1);

  bench_contest_row (contest, "mproc", "boost message_queue", BENCH_SHOWN, 0);
  bench_contest_row (contest, "mproc", "ZeroMQ ipc", BENCH_SHOWN, 0);
  bench_contest_row (contest, "mproc", "pipe", BENCH_SHOWN, 0);
  bench_contest_free (contest);
}
