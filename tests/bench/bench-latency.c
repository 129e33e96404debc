/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Round trips: one process asks through one channel and the other answers through a second one.
 *
 * Hot: question follows question, so nobody has time to fall asleep who spins a little. Asleep: the
 * asker, busy all the time, lets so much time pass between questions that the other sleeps, and of
 * the trips of a round the median counts. Idle: a waiter to whom nobody comes.
 */

#include "config.h"

#include <linux/futex.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <mproc/mproc.h>

#include "bench-contest.h"
#include "bench-peers.h"
#include "bench-rows.h"

#define SIZE 64
#define PAUSE 300000            /* nanoseconds between questions to a sleeper */
#define N_PAUSES 200

typedef struct {
  const BenchPeer *peer;
  gpointer         there;
  gpointer         back;
  guint8           data[SIZE];
} BenchTrip;

static void
prepare_asker (gpointer state,
               guint64  n G_GNUC_UNUSED)
{
  BenchTrip *self = state;

  if (self->peer->attach != NULL)
    {
      self->peer->attach (self->there, TRUE);
      self->peer->attach (self->back, FALSE);
    }
}

static void
prepare_answerer (gpointer state,
                  guint64  n G_GNUC_UNUSED)
{
  BenchTrip *self = state;

  if (self->peer->attach != NULL)
    {
      self->peer->attach (self->there, FALSE);
      self->peer->attach (self->back, TRUE);
    }
}

static void
trip (BenchTrip *self)
{
  self->peer->put (self->there, self->data, SIZE, 1);
  self->peer->get (self->back, self->data, SIZE, 1);
}

static void
ask (gpointer state,
     guint64  n)
{
  for (guint64 i = 0; i < n; i++)
    trip (state);
}

static void
answer (gpointer state,
        guint64  n)
{
  BenchTrip *self = state;

  for (guint64 i = 0; i < n; i++)
    {
      self->peer->get (self->there, self->data, SIZE, 1);
      self->peer->put (self->back, self->data, SIZE, 1);
    }
}

static BenchTrip *
trip_new (const BenchPeer *peer)
{
  BenchTrip *self = g_new0 (BenchTrip, 1);

  self->peer = peer;
  self->there = peer->open (16, SIZE);
  self->back = peer->open (16, SIZE);

  return self;
}

static void
trip_free (gpointer data)
{
  BenchTrip *self = data;

  self->peer->close (self->there);
  self->peer->close (self->back);
  g_free (self);
}

/* --- The bare limits ----------------------------------------------------------------------- */

typedef struct {
  guint32 there __attribute__ ((aligned (128)));
  guint32 back __attribute__ ((aligned (128)));
  guint8  asked[SIZE] __attribute__ ((aligned (128)));
  guint8  answered[SIZE] __attribute__ ((aligned (128)));
} BenchWords;

static BenchWords *
words_new (void)
{
  BenchWords *words = mmap (NULL, sizeof (BenchWords), PROT_READ | PROT_WRITE,
                            MAP_SHARED | MAP_ANONYMOUS, -1, 0);

  g_assert (words != MAP_FAILED);
  return words;
}

static void
spin_past (guint32 *word,
           guint32  value)
{
  while (__atomic_load_n (word, __ATOMIC_ACQUIRE) == value)
    bench_relax ();
}

static void
sleep_past (guint32 *word,
            guint32  value)
{
  while (__atomic_load_n (word, __ATOMIC_ACQUIRE) == value)
    syscall (SYS_futex, word, FUTEX_WAIT, value, NULL, NULL, 0);
}

static void
wake (guint32 *word)
{
  __atomic_add_fetch (word, 1, __ATOMIC_SEQ_CST);
  syscall (SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static void
spin_ask (gpointer state,
          guint64  n)
{
  BenchWords *words = state;

  for (guint64 i = 0; i < n; i++)
    {
      guint32 before = words->back;

      __atomic_add_fetch (&words->there, 1, __ATOMIC_RELEASE);
      spin_past (&words->back, before);
    }
}

static void
spin_answer (gpointer state,
             guint64  n)
{
  BenchWords *words = state;

  for (guint64 i = 0; i < n; i++)
    {
      spin_past (&words->there, words->back);
      __atomic_add_fetch (&words->back, 1, __ATOMIC_RELEASE);
    }
}

/* The same with the message in it: copied in by its writer and out by its reader, as any channel
 * that owns its memory has to. */
static void
carry_ask (gpointer state,
           guint64  n)
{
  BenchWords *words = state;
  guint8 data[SIZE] = { 0 };

  for (guint64 i = 0; i < n; i++)
    {
      guint32 before = words->back;

      memcpy (words->asked, data, SIZE);
      __atomic_add_fetch (&words->there, 1, __ATOMIC_RELEASE);
      spin_past (&words->back, before);
      memcpy (data, words->answered, SIZE);
    }
}

static void
carry_answer (gpointer state,
              guint64  n)
{
  BenchWords *words = state;
  guint8 data[SIZE];

  for (guint64 i = 0; i < n; i++)
    {
      spin_past (&words->there, words->back);
      memcpy (data, words->asked, SIZE);
      memcpy (words->answered, data, SIZE);
      __atomic_add_fetch (&words->back, 1, __ATOMIC_RELEASE);
    }
}

static void
sleeping_trip (BenchWords *words)
{
  guint32 before = words->back;

  wake (&words->there);
  sleep_past (&words->back, before);
}

static void
half_sleeping_trip (BenchWords *words)
{
  guint32 before = words->back;

  wake (&words->there);
  spin_past (&words->back, before);
}

static void
sleeping_answer (gpointer state,
                 guint64  n)
{
  BenchWords *words = state;

  for (guint64 i = 0; i < n; i++)
    {
      sleep_past (&words->there, words->back);
      wake (&words->back);
    }
}

/* --- Pauses between the questions ---------------------------------------------------------- */

static int
compare_times (gconstpointer a,
               gconstpointer b)
{
  gint64 difference = *(const gint64 *) a - *(const gint64 *) b;

  return (difference > 0) - (difference < 0);
}

static void
report_median (gint64  *times,
               guint64  n)
{
  qsort (times, n, sizeof *times, compare_times);
  bench_report (times[n / 2]);
}

#define DEFINE_SLOW_ASK(name, Type, one_trip) \
  static void \
  name (gpointer state, \
        guint64  n) \
  { \
    g_autofree gint64 *times = g_new (gint64, n); \
    Type *self = state; \
\
    for (guint64 i = 0; i < n; i++) \
      { \
        gint64 start = bench_now () + PAUSE; \
\
        while (bench_now () < start) \
          bench_relax (); \
        start = bench_now (); \
        one_trip (self); \
        times[i] = bench_now () - start; \
      } \
    report_median (times, n); \
  }

DEFINE_SLOW_ASK (slow_ask, BenchTrip, trip)
DEFINE_SLOW_ASK (slow_sleeping_ask, BenchWords, sleeping_trip)
DEFINE_SLOW_ASK (slow_half_sleeping_ask, BenchWords, half_sleeping_trip)

/* --- The contests -------------------------------------------------------------------------- */

static void
enter_pair (BenchContest *contest,
            const char   *name,
            gpointer      state,
            BenchPart     asks,
            BenchPart     answers,
            guint64       n)
{
  const BenchMember members[] = { { NULL, asks, 0 }, { NULL, answers, 1 } };

  bench_contest_team (contest, name, bench_team_new (state, members, 2), n);
}

static const BenchPeer *peers[] = {
  &bench_mproc, &bench_pipe, &bench_socket,
#ifdef BENCH_HAVE_BOOST
  &bench_boost,
#endif
#ifdef BENCH_HAVE_ZMQ
  &bench_zmq,
#endif
};

static void
enter_peers (BenchContest *contest,
             GPtrArray    *trips,
             BenchPart     asks,
             guint64       n)
{
  const BenchMember members[] = { { prepare_asker, asks, 0 }, { prepare_answerer, answer, 1 } };

  for (guint i = 0; i < G_N_ELEMENTS (peers); i++)
    {
      BenchTrip *self = trip_new (peers[i]);

      g_ptr_array_add (trips, self);
      bench_contest_team (contest, self->peer->name, bench_team_new (self, members, 2), n);
    }
}

void
bench_hot_trips (void)
{
  g_autoptr (GPtrArray) trips = g_ptr_array_new_with_free_func (trip_free);
  BenchContest *contest = bench_contest_new ("round trip, both hot", "a trip");
  BenchWords *words = words_new ();

  enter_pair (contest, "bare spinning", words, spin_ask, spin_answer, 0);
  enter_pair (contest, "bare spinning, 64 bytes", words, carry_ask, carry_answer, 0);
  enter_peers (contest, trips, ask, 0);
  bench_contest_run (contest);
  bench_contest_row (contest, "mproc", "bare spinning", BENCH_AT_MOST, 3);
  bench_contest_row (contest, "mproc", "bare spinning, 64 bytes", BENCH_SHOWN, 0);
  bench_contest_row (contest, "mproc", "boost message_queue", BENCH_AT_LEAST, 50);
  bench_contest_row (contest, "mproc", "Unix socket", BENCH_AT_LEAST, 50);
  bench_contest_row (contest, "mproc", "pipe", BENCH_SHOWN, 0);
  bench_contest_row (contest, "mproc", "ZeroMQ ipc", BENCH_SHOWN, 0);
  bench_contest_free (contest);
  munmap (words, sizeof *words);
}

void
bench_asleep_trips (void)
{
  g_autoptr (GPtrArray) trips = g_ptr_array_new_with_free_func (trip_free);
  BenchContest *contest = bench_contest_new ("round trip, one asleep", "a trip (median)");
  BenchWords *both = words_new ();
  BenchWords *one = words_new ();
  guint64 n = bench_quick ? N_PAUSES / 10 : N_PAUSES;

  bench_contest_whole (contest);
  enter_pair (contest, "bare futex", both, slow_sleeping_ask, sleeping_answer, n);
  enter_pair (contest, "bare futex, asker spins", one, slow_half_sleeping_ask, sleeping_answer, n);
  enter_peers (contest, trips, slow_ask, n);
  bench_contest_run (contest);
  bench_contest_row (contest, "mproc", "bare futex", BENCH_AT_MOST, 2.5);
  bench_contest_row (contest, "mproc", "bare futex, asker spins", BENCH_AT_MOST, 2.5);
  bench_contest_row (contest, "mproc", "boost message_queue", BENCH_SHOWN, 0);
  bench_contest_row (contest, "mproc", "Unix socket", BENCH_SHOWN, 0);
  bench_contest_free (contest);
  munmap (both, sizeof *both);
  munmap (one, sizeof *one);
}

static double
cpu_time (void)
{
  struct rusage usage;

  getrusage (RUSAGE_SELF, &usage);
  return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/* @n: milliseconds. */
static void
wait_in_vain (gpointer state,
              guint64  n)
{
  guint8 buffer[SIZE];
  double before = cpu_time ();
  gint64 start = bench_now ();

  if (mp_queue_get_into (state, buffer, sizeof buffer, n / 1e3, NULL, NULL) >= 0)
    g_error ("There was something in the queue");
  bench_report ((cpu_time () - before) * 100 / ((bench_now () - start) / 1e9));
}

void
bench_idle (void)
{
  gpointer queue = bench_mproc.open (0, SIZE);
  const BenchMember one[] = { { NULL, wait_in_vain, 0 } };
  const BenchMember eight[BENCH_MAX_MEMBERS] = {
    one[0], one[0], one[0], one[0], one[0], one[0], one[0], one[0],
  };
  guint64 n = bench_quick ? 300 : 4000;
  BenchTeam *team = bench_team_new (queue, one, 1);
  double first = bench_team_run (team, n);

  bench_team_free (team);
  bench_table_value ("waiting in vain, use of a CPU", "mproc", first, "%", 0.1);

  team = bench_team_new (queue, eight, BENCH_MAX_MEMBERS);
  first = bench_team_run (team, n);
  bench_team_free (team);
  bench_table_value ("waiting in vain, use of a CPU", "mproc, one of eight", first, "%", 0.1);
  bench_mproc.close (queue);
}
