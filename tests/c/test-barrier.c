/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * MpBarrier: rounds, the action, breaking and resetting, and parties that are killed while they
 * wait or run the action.
 */

#include "config.h"

#include <sys/mman.h>

#include "mproc/sync/mp-barrier.h"
#include "tests/c/sync-common.h"

/* What a child exits with: the index, or 100 and the code of the error. */
static int
wait_here (MpBarrier *barrier,
           double     timeout)
{
  g_autoptr (GError) error = NULL;
  int index = mp_barrier_wait (barrier, timeout, NULL, &error);

  return index >= 0 ? index : 100 + error->code;
}

static int
start_party (MpBarrier *barrier)
{
  int pid = fork ();

  if (pid == 0)
    _exit (wait_here (barrier, 60));

  return pid;
}

static void
await_waiting (MpBarrier *barrier,
               guint      n)
{
  gint64 end = g_get_monotonic_time () + (gint64) (20 * slowness ()) * G_USEC_PER_SEC;

  while (mp_barrier_get_n_waiting (barrier) != n)
    {
      g_assert_cmpint (g_get_monotonic_time (), <, end);
      g_usleep (500);
    }
}

static void
test_basic (void)
{
  g_autoptr (MpBarrier) barrier = mp_barrier_new (2, -1, NULL);
  int pid = start_party (barrier);
  g_autofree char *handle = mp_shared_get_handle (MP_SHARED (barrier));
  g_autoptr (MpShared) same = mp_shared_open (handle, NULL);

  await_waiting (MP_BARRIER (same), 1);
  assert_text (barrier, "<Barrier(1 of 2 waiting)>");
  g_assert_cmpint (wait_here (MP_BARRIER (same), 20), ==, 1);
  test_reap (pid, 0);
  assert_text (barrier, "<Barrier(0 of 2 waiting)>");

  g_assert_cmpuint (mp_barrier_get_parties (MP_BARRIER (same)), ==, 2);
  g_assert_cmpfloat (mp_barrier_get_timeout (MP_BARRIER (same)), ==, -1);
}

static void
test_alone (void)
{
  g_autoptr (MpBarrier) alone = mp_barrier_new (1, 2.5, NULL);
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < 3; i++)
    g_assert_cmpint (wait_here (alone, -1), ==, 0);
  g_assert_cmpfloat (mp_barrier_get_timeout (alone), ==, 2.5);

  g_assert_null (mp_barrier_new (0, -1, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_ARGUMENT);
  g_clear_error (&error);
  g_assert_null (mp_barrier_new (8193, -1, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_ARGUMENT);
}

#define N_PARTIES 4
#define N_ROUNDS 500

/* Nobody is a round ahead, and in each round every index is there once. */
static void
test_rounds (void)
{
  g_autoptr (MpBarrier) barrier = mp_barrier_new (N_PARTIES, -1, NULL);
  gint *at = mmap (NULL, 65536, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  gint *seen = at + N_PARTIES;
  int pids[N_PARTIES];

  for (guint me = 0; me < N_PARTIES; me++)
    {
      pids[me] = fork ();
      for (gint round = 1; pids[me] == 0 && round <= N_ROUNDS; round++)
        {
          int index;

          g_atomic_int_set (&at[me], round);
          index = wait_here (barrier, 60);
          if (index >= N_PARTIES)
            _exit (index);
          g_atomic_int_or ((guint *) &seen[round], 1u << index);
          for (guint i = 0; i < N_PARTIES; i++)
            if (g_atomic_int_get (&at[i]) < round || g_atomic_int_get (&at[i]) > round + 1)
              _exit (50);
        }
      if (pids[me] == 0)
        _exit (0);
    }
  for (guint me = 0; me < N_PARTIES; me++)
    test_reap (pids[me], 0);
  for (gint round = 1; round <= N_ROUNDS; round++)
    g_assert_cmpint (seen[round], ==, (1 << N_PARTIES) - 1);
  munmap (at, 65536);
}

/* --- Breaking ------------------------------------------------------------------------------ */

static void
assert_broken (MpBarrier *barrier)
{
  g_assert_true (mp_barrier_is_broken (barrier));
  g_assert_cmpuint (mp_barrier_get_n_waiting (barrier), ==, 0);
  assert_text (barrier, "<Barrier(broken)>");
  g_assert_cmpint (wait_here (barrier, 20), ==, 100 + MP_ERROR_BROKEN);
}

static void
assert_works (MpBarrier *barrier)
{
  guint n = mp_barrier_get_parties (barrier) - 1;
  int *pids = g_newa (int, n);

  for (guint i = 0; i < n; i++)
    {
      pids[i] = start_party (barrier);
      await_waiting (barrier, i + 1);
    }
  g_assert_cmpint (wait_here (barrier, 20), ==, (int) n);
  for (guint i = 0; i < n; i++)
    test_reap (pids[i], (int) i);
}

static void
test_timeout (void)
{
  g_autoptr (MpBarrier) barrier = mp_barrier_new (3, 0.1, NULL);
  int pid = start_party (barrier);
  gint64 before;

  await_waiting (barrier, 1);
  before = g_get_monotonic_time ();
  g_assert_cmpint (wait_here (barrier, -1), ==, 100 + MP_ERROR_TIMED_OUT);
  g_assert_cmpint (g_get_monotonic_time () - before, >=, 100000);
  test_reap (pid, 100 + MP_ERROR_BROKEN);
  assert_broken (barrier);
  g_assert_true (mp_barrier_reset (barrier, NULL));
  assert_works (barrier);
}

static void
test_abort_and_reset (void)
{
  g_autoptr (MpBarrier) barrier = mp_barrier_new (3, -1, NULL);
  int pids[2] = { start_party (barrier), start_party (barrier) };

  await_waiting (barrier, 2);
  g_assert_true (mp_barrier_abort (barrier, NULL));
  for (guint i = 0; i < 2; i++)
    test_reap (pids[i], 100 + MP_ERROR_BROKEN);
  g_assert_true (mp_barrier_abort (barrier, NULL));
  assert_broken (barrier);
  g_assert_true (mp_barrier_reset (barrier, NULL));
  assert_works (barrier);

  pids[0] = start_party (barrier);
  await_waiting (barrier, 1);
  g_assert_true (mp_barrier_reset (barrier, NULL));
  test_reap (pids[0], 100 + MP_ERROR_BROKEN);
  g_assert_false (mp_barrier_is_broken (barrier));
  g_assert_true (mp_barrier_reset (barrier, NULL));
  assert_works (barrier);
}

static void
test_cancel (void)
{
  g_autoptr (MpBarrier) barrier = mp_barrier_new (3, -1, NULL);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;
  int pid = start_party (barrier);
  GThread *thread;

  await_waiting (barrier, 1);
  thread = g_thread_new ("cancel", cancel_later, cancellable);
  g_assert_cmpint (mp_barrier_wait (barrier, -1, cancellable, &error), ==, -1);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_thread_join (thread);
  test_reap (pid, 100 + MP_ERROR_BROKEN);
  assert_broken (barrier);
}

/* --- The action ---------------------------------------------------------------------------- */

typedef struct {
  gint     n_runs;
  gint     n_waiting;
  gboolean succeed;
} Acted;

static gboolean
act (MpBarrier  *barrier,
     gpointer    data,
     GError    **error)
{
  Acted *acted = data;

  g_atomic_int_inc (&acted->n_runs);
  acted->n_waiting = (gint) mp_barrier_get_n_waiting (barrier);
  if (!acted->succeed)
    g_set_error_literal (error, MP_ERROR, MP_ERROR_FULL, "failed on purpose");

  return acted->succeed;
}

static void
test_action (void)
{
  g_autoptr (MpBarrier) barrier = mp_barrier_new (2, -1, NULL);
  Acted *acted = mmap (NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  int pid;

  acted->succeed = TRUE;
  mp_barrier_set_action (barrier, act, acted, NULL);
  assert_works (barrier);
  g_assert_cmpint (acted->n_runs, ==, 1);
  g_assert_cmpint (acted->n_waiting, ==, 2);

  acted->succeed = FALSE;
  pid = start_party (barrier);
  await_waiting (barrier, 1);
  g_assert_cmpint (wait_here (barrier, 20), ==, 100 + MP_ERROR_FULL);
  test_reap (pid, 100 + MP_ERROR_BROKEN);
  assert_broken (barrier);
  g_assert_cmpint (acted->n_runs, ==, 2);
  munmap (acted, 4096);
}

/* While the last one acts, somebody comes for the next round; somebody else gives up. */
static void
test_pieces (void)
{
  g_autoptr (MpBarrier) barrier = mp_barrier_new (2, -1, NULL);
  guint ticket, index, other;
  int pid = start_party (barrier);

  await_waiting (barrier, 1);
  g_assert_cmpint (mp_barrier_wait_begin (barrier, 0, &ticket, &index), ==, MP_STATUS_OK);
  g_assert_cmpuint (index, ==, 1);
  g_assert_cmpint (mp_barrier_wait_begin (barrier, 0, &other, &index), ==, MP_STATUS_TIMED_OUT);
  g_assert_cmpint (mp_barrier_wait_begin (barrier, -1, &other, &index), ==,
                   MP_STATUS_INTERRUPTED);
  g_assert_cmpint (mp_barrier_wait_raw (barrier, ticket, -1), ==, MP_STATUS_INTERRUPTED);
  g_assert_cmpint (mp_barrier_wait_end (barrier, ticket, TRUE), ==, MP_STATUS_OK);
  test_reap (pid, 0);
  g_assert_cmpint (mp_barrier_wait_end (barrier, ticket, FALSE), ==, MP_STATUS_OK);
  g_assert_false (mp_barrier_is_broken (barrier));

  pid = start_party (barrier);
  await_waiting (barrier, 1);
  g_assert_cmpint (mp_barrier_wait_begin (barrier, 0, &ticket, &index), ==, MP_STATUS_OK);
  g_assert_cmpint (mp_barrier_wait_end (barrier, ticket, FALSE), ==, MP_STATUS_BROKEN);
  test_reap (pid, 100 + MP_ERROR_BROKEN);
  assert_broken (barrier);
}

/* --- Deaths -------------------------------------------------------------------------------- */

/* Those who wait with the dead learn it long before any time is over; so does who comes later. */
static void
test_dead_waiter (void)
{
  g_autoptr (MpBarrier) barrier = mp_barrier_new (4, -1, NULL);
  int pids[3];

  for (guint i = 0; i < 3; i++)
    {
      pids[i] = start_party (barrier);
      await_waiting (barrier, i + 1);
    }
  g_usleep (30000);
  kill (pids[1], SIGKILL);
  test_reap (pids[0], 100 + MP_ERROR_BROKEN);
  test_reap (pids[2], 100 + MP_ERROR_BROKEN);
  test_reap (pids[1], -SIGKILL);
  assert_broken (barrier);
  g_assert_true (mp_barrier_reset (barrier, NULL));
  assert_works (barrier);

  pids[0] = start_party (barrier);
  await_waiting (barrier, 1);
  kill (pids[0], SIGKILL);
  test_reap (pids[0], -SIGKILL);
  assert_broken (barrier);
}

static gboolean
die (MpBarrier  *barrier G_GNUC_UNUSED,
     gpointer    data G_GNUC_UNUSED,
     GError    **error G_GNUC_UNUSED)
{
  kill (getpid (), SIGKILL);
  return TRUE;
}

static void
test_dead_actor (void)
{
  g_autoptr (MpBarrier) barrier = mp_barrier_new (3, -1, NULL);
  int pids[3];

  mp_barrier_set_action (barrier, die, NULL, NULL);
  for (guint i = 0; i < 2; i++)
    {
      pids[i] = start_party (barrier);
      await_waiting (barrier, i + 1);
    }
  pids[2] = start_party (barrier);
  test_reap (pids[0], 100 + MP_ERROR_BROKEN);
  test_reap (pids[1], 100 + MP_ERROR_BROKEN);
  test_reap (pids[2], -SIGKILL);
  assert_broken (barrier);
}

#define STORM_PARTIES 8
#define STORM_KILLS 100

static int
start_stormer (MpBarrier *barrier,
               gint      *passed)
{
  int pid = fork ();

  while (pid == 0)
    {
      int result = wait_here (barrier, 60);

      if (result < STORM_PARTIES)
        g_atomic_int_inc (passed);
      else if (result == 100 + MP_ERROR_BROKEN)
        g_usleep (100);
      else
        _exit (result);
    }

  return pid;
}

/* Eight go from round to round; one is killed at random, replaced, and the barrier reset. They must
 * get through rounds again each time. */
static void
test_storm (void)
{
  g_autoptr (MpBarrier) barrier = mp_barrier_new (STORM_PARTIES, -1, NULL);
  gint *passed = mmap (NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  int pids[STORM_PARTIES];
  guint n_broken = 0;

  for (guint i = 0; i < STORM_PARTIES; i++)
    pids[i] = start_stormer (barrier, passed);
  for (guint i = 0; i < STORM_KILLS; i++)
    {
      guint victim = (guint) g_random_int_range (0, STORM_PARTIES);
      gint64 end = g_get_monotonic_time () + (gint64) (20 * slowness ()) * G_USEC_PER_SEC;
      gint before = g_atomic_int_get (passed);

      while (g_atomic_int_get (passed) < before + 2 * STORM_PARTIES)
        {
          g_assert_cmpint (g_get_monotonic_time (), <, end);
          if (mp_barrier_is_broken (barrier))
            g_assert_true (mp_barrier_reset (barrier, NULL));
          g_usleep (50);
        }
      g_usleep ((gulong) g_random_int_range (0, 300));
      kill (pids[victim], SIGKILL);
      test_reap (pids[victim], -SIGKILL);
      n_broken += mp_barrier_is_broken (barrier);
      pids[victim] = start_stormer (barrier, passed);
    }
  for (guint i = 0; i < STORM_PARTIES; i++)
    {
      kill (pids[i], SIGKILL);
      test_reap (pids[i], -SIGKILL);
    }
  g_assert_cmpuint (n_broken, >, 0);
  g_assert_true (mp_barrier_reset (barrier, NULL));
  assert_works (barrier);
  g_test_message ("%d arrivals passed, %u of %d kills broke the barrier", *passed, n_broken,
                  STORM_KILLS);
  munmap (passed, 4096);
}

/* --- In a main loop ------------------------------------------------------------------------ */

static int
come_last (gpointer barrier,
           gpointer unused G_GNUC_UNUSED)
{
  return wait_here (barrier, 60);
}

/* Two parties of one thread, and one of another process. */
static void
test_async (void)
{
  g_autoptr (MpBarrier) barrier = mp_barrier_new (3, -1, NULL);
  g_autoptr (GAsyncResult) first = NULL;
  g_autoptr (GAsyncResult) second = NULL;
  int go[2];
  int pid = start_later (go, come_last, barrier, NULL);

  mp_barrier_wait_async (barrier, NULL, keep_result, &first);
  mp_barrier_wait_async (barrier, NULL, keep_result, &second);
  g_assert_cmpuint (mp_barrier_get_n_waiting (barrier), ==, 2);
  tell (go);
  g_assert_cmpint (mp_barrier_wait_finish (barrier, wait_for (&first), NULL), ==, 0);
  g_assert_cmpint (mp_barrier_wait_finish (barrier, wait_for (&second), NULL), ==, 1);
  test_reap (pid, 2);

  g_clear_object (&first);
  g_clear_object (&second);
  mp_barrier_wait_async (barrier, NULL, keep_result, &first);
  mp_barrier_wait_async (barrier, NULL, keep_result, &second);
  g_main_context_iteration (NULL, FALSE);
  g_assert_cmpint (wait_here (barrier, 20), ==, 2);
  g_assert_cmpint (mp_barrier_wait_finish (barrier, wait_for (&first), NULL), ==, 0);
  g_assert_cmpint (mp_barrier_wait_finish (barrier, wait_for (&second), NULL), ==, 1);
}

static void
test_async_break (void)
{
  g_autoptr (MpBarrier) barrier = mp_barrier_new (3, 0.1, NULL);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GAsyncResult) first = NULL;
  g_autoptr (GAsyncResult) second = NULL;
  g_autoptr (GAsyncResult) third = NULL;
  g_autoptr (GError) error = NULL;
  int pid;

  mp_barrier_wait_async (barrier, NULL, keep_result, &first);
  g_assert_cmpint (mp_barrier_wait_finish (barrier, wait_for (&first), &error), ==, -1);
  g_assert_error (error, MP_ERROR, MP_ERROR_TIMED_OUT);
  g_clear_error (&error);
  assert_broken (barrier);
  g_assert_true (mp_barrier_reset (barrier, NULL));

  mp_barrier_wait_async (barrier, cancellable, keep_result, &second);
  g_timeout_add (20, cancel_cb, cancellable);
  g_assert_cmpint (mp_barrier_wait_finish (barrier, wait_for (&second), &error), ==, -1);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&error);
  assert_broken (barrier);

  /* Nobody rings for the dead here: the source looks by itself. */
  g_clear_object (&barrier);
  barrier = mp_barrier_new (3, -1, NULL);
  pid = start_party (barrier);
  await_waiting (barrier, 1);
  mp_barrier_wait_async (barrier, NULL, keep_result, &third);
  kill (pid, SIGKILL);
  g_assert_cmpint (mp_barrier_wait_finish (barrier, wait_for (&third), &error), ==, -1);
  g_assert_error (error, MP_ERROR, MP_ERROR_BROKEN);
  test_reap (pid, -SIGKILL);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  /* The first one is run twice: it opens what a process keeps for main loops. */
  add_family_case ("/barrier/async", test_async);
  add_family_case ("/barrier/basic", test_basic);
  add_family_case ("/barrier/alone", test_alone);
  add_family_case ("/barrier/rounds", test_rounds);
  add_family_case ("/barrier/timeout", test_timeout);
  add_family_case ("/barrier/abort-and-reset", test_abort_and_reset);
  add_family_case ("/barrier/cancel", test_cancel);
  add_family_case ("/barrier/action", test_action);
  add_family_case ("/barrier/pieces", test_pieces);
  add_family_case ("/barrier/dead-waiter", test_dead_waiter);
  add_family_case ("/barrier/dead-actor", test_dead_actor);
  add_family_case ("/barrier/storm", test_storm);
  add_family_case ("/barrier/async-break", test_async_break);

  return g_test_run ();
}
