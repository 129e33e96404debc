/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Round trips over connections: an end of a pipe in shared memory beside a pair of queues, and a
 * socket with whole messages beside the bare socket.
 */

#include "config.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <mproc/mproc.h>

#include "bench-contest.h"
#include "bench-rows.h"

#define SIZE 64

/* What goes there and back; one kind of line or the other. */
typedef struct {
  MpConnection *ends[2];
  MpQueue      *queues[2];
  int           fds[2];
} BenchLine;

static void
connection_say (BenchLine *self,
                guint      end)
{
  static const guint8 data[SIZE];

  if (!mp_connection_send_bytes (self->ends[end], data, SIZE, -1, NULL, NULL))
    g_error ("A message cannot be sent");
}

static void
connection_hear (BenchLine *self,
                 guint      end)
{
  guint8 buffer[SIZE];

  if (mp_connection_recv_into (self->ends[end], buffer, SIZE, -1, NULL, NULL) != SIZE)
    g_error ("A message cannot be received");
}

static void
queue_say (BenchLine *self,
           guint      end)
{
  static const guint8 data[SIZE];

  if (!mp_queue_put_bytes (self->queues[end], data, SIZE, -1, NULL, NULL))
    g_error ("A message cannot be put");
}

static void
queue_hear (BenchLine *self,
            guint      end)
{
  guint8 buffer[SIZE];

  if (mp_queue_get_into (self->queues[1 - end], buffer, SIZE, -1, NULL, NULL) != SIZE)
    g_error ("A message cannot be taken");
}

static void
socket_say (BenchLine *self,
            guint      end)
{
  static const guint8 data[SIZE];

  if (write (self->fds[end], data, SIZE) != SIZE)
    g_error ("Cannot write");
}

static void
socket_hear (BenchLine *self,
             guint      end)
{
  guint8 buffer[SIZE];

  if (read (self->fds[end], buffer, SIZE) != SIZE)
    g_error ("Cannot read");
}

#define DEFINE_PAIR(kind) \
  static void \
  kind##_ask (gpointer state, \
              guint64  n) \
  { \
    for (guint64 i = 0; i < n; i++) \
      { \
        kind##_say (state, 0); \
        kind##_hear (state, 0); \
      } \
  } \
\
  static void \
  kind##_answer (gpointer state, \
                 guint64  n) \
  { \
    for (guint64 i = 0; i < n; i++) \
      { \
        kind##_hear (state, 1); \
        kind##_say (state, 1); \
      } \
  }

DEFINE_PAIR (connection)
DEFINE_PAIR (queue)
DEFINE_PAIR (socket)

static void
enter (BenchContest *contest,
       const char   *name,
       BenchLine    *line,
       BenchPart     asks,
       BenchPart     answers)
{
  const BenchMember members[] = { { NULL, asks, 0 }, { NULL, answers, 1 } };

  bench_contest_team (contest, name, bench_team_new (line, members, 2), 0);
}

static void
clear (BenchLine *line)
{
  for (guint i = 0; i < 2; i++)
    {
      g_clear_object (&line->ends[i]);
      g_clear_object (&line->queues[i]);
      if (line->fds[i] >= 0)
        close (line->fds[i]);
    }
}

void
bench_connections (void)
{
  BenchContest *contest = bench_contest_new ("round trip of a connection", "a trip");
  BenchLine memory = { .fds = { -1, -1 } };
  BenchLine sockets = { .fds = { -1, -1 } };
  BenchLine bare = { .fds = { -1, -1 } };

  if (!mp_pipe_new (TRUE, &memory.ends[0], &memory.ends[1], NULL) ||
      !mp_pipe_new_sockets (TRUE, &sockets.ends[0], &sockets.ends[1], NULL) ||
      socketpair (AF_UNIX, SOCK_STREAM, 0, bare.fds) != 0)
    g_error ("There can be no connections");
  memory.queues[0] = mp_queue_new (0, NULL);
  memory.queues[1] = mp_queue_new (0, NULL);

  enter (contest, "mproc queues", &memory, queue_ask, queue_answer);
  enter (contest, "mproc pipe", &memory, connection_ask, connection_answer);
  enter (contest, "bare socket", &bare, socket_ask, socket_answer);
  enter (contest, "mproc over a socket", &sockets, connection_ask, connection_answer);
  bench_contest_run (contest);
  bench_contest_row (contest, "mproc pipe", "mproc queues", BENCH_AT_MOST, 1.1);
  bench_contest_row (contest, "mproc over a socket", "bare socket", BENCH_AT_MOST, 1.3);
  bench_contest_free (contest);

  clear (&memory);
  clear (&sockets);
  clear (&bare);
}
