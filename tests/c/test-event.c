/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * MpEvent: setting, clearing and waiting in every way, and waiters that are killed.
 */

#include "config.h"

#include "mproc/sync/mp-event.h"
#include "tests/c/sync-common.h"

static void
set (MpEvent *event)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (mp_event_set (event, &error));
  g_assert_no_error (error);
}

static void
test_basic (void)
{
  g_autoptr (MpEvent) event = mp_event_new (NULL);
  g_autofree char *handle = mp_shared_get_handle (MP_SHARED (event));
  g_autoptr (MpShared) same = mp_shared_open (handle, NULL);
  g_autofree char *text = mp_shared_to_string (same);
  g_autoptr (GError) error = NULL;
  gint64 before = g_get_monotonic_time ();

  g_assert_cmpstr (text, ==, "<Event unset>");
  g_assert_false (mp_event_is_set (event));
  g_assert_false (mp_event_wait (event, 0, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_TIMED_OUT);
  g_clear_error (&error);
  g_assert_false (mp_event_wait (event, 0.15, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_TIMED_OUT);
  g_assert_cmpint (g_get_monotonic_time () - before, >=, 150000);
  set (event);
  set (event);
  g_assert_true (mp_event_is_set (MP_EVENT (same)));
  g_assert_true (mp_event_wait (event, -1, NULL, NULL));
  g_assert_true (mp_event_wait (event, 0, NULL, NULL));
  g_assert_true (mp_event_clear (event, NULL));
  g_assert_false (mp_event_is_set (event));
}

/* Who waits in pieces does not miss that it was set and cleared between them. */
static void
test_pieces (void)
{
  g_autoptr (MpEvent) event = mp_event_new (NULL);
  guint ticket = mp_event_wait_begin (event);

  g_assert_cmpint (mp_event_wait_raw (event, ticket, 0), ==, MP_STATUS_TIMED_OUT);
  g_assert_cmpint (mp_event_wait_raw (event, ticket, -1), ==, MP_STATUS_INTERRUPTED);
  set (event);
  g_assert_true (mp_event_clear (event, NULL));
  g_assert_cmpint (mp_event_wait_raw (event, ticket, 0), ==, MP_STATUS_OK);
  ticket = mp_event_wait_begin (event);
  g_assert_cmpint (mp_event_wait_raw (event, ticket, 0), ==, MP_STATUS_TIMED_OUT);
}

#define N_WAITERS 4

static int
start_waiter (MpEvent *event,
              int      fd)
{
  int pid = fork ();

  if (pid == 0)
    {
      guint ticket = mp_event_wait_begin (event);
      int status;

      if (write (fd, "w", 1) != 1)
        _exit (9);
      do
        status = mp_event_wait_raw (event, ticket, 60 * G_USEC_PER_SEC);
      while (status == MP_STATUS_INTERRUPTED);
      _exit (status);
    }

  return pid;
}

/* All are released by one setting, even if it is over at once. */
static void
test_release_all (void)
{
  g_autoptr (MpEvent) event = mp_event_new (NULL);
  int pids[N_WAITERS], ready[2];
  char byte;

  g_assert_cmpint (pipe (ready), ==, 0);
  for (guint i = 0; i < N_WAITERS; i++)
    pids[i] = start_waiter (event, ready[1]);
  for (guint i = 0; i < N_WAITERS; i++)
    g_assert_cmpint (read (ready[0], &byte, 1), ==, 1);
  g_usleep (20000);
  set (event);
  g_assert_true (mp_event_clear (event, NULL));
  for (guint i = 0; i < N_WAITERS; i++)
    test_reap (pids[i], MP_STATUS_OK);
  close (ready[0]);
  close (ready[1]);
}

/* multiprocessing's set() waits for an acknowledgement of each waiter, the dead included. */
static void
test_dead_waiters (void)
{
  g_autoptr (MpEvent) event = mp_event_new (NULL);
  int pids[N_WAITERS], ready[2];
  char byte;

  g_assert_cmpint (pipe (ready), ==, 0);
  for (guint i = 0; i < N_WAITERS; i++)
    pids[i] = start_waiter (event, ready[1]);
  for (guint i = 0; i < N_WAITERS; i++)
    g_assert_cmpint (read (ready[0], &byte, 1), ==, 1);
  for (guint i = 1; i < N_WAITERS; i++)
    kill (pids[i], SIGKILL);
  set (event);
  test_reap (pids[0], MP_STATUS_OK);
  for (guint i = 1; i < N_WAITERS; i++)
    test_reap (pids[i], -SIGKILL);
  close (ready[0]);
  close (ready[1]);
}

static void
test_cancel (void)
{
  g_autoptr (MpEvent) event = mp_event_new (NULL);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;
  GThread *thread = g_thread_new ("cancel", cancel_later, cancellable);

  g_assert_false (mp_event_wait (event, -1, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_thread_join (thread);
}

/* --- In a main loop ------------------------------------------------------------------------ */

static int
set_and_clear (gpointer event,
               gpointer unused G_GNUC_UNUSED)
{
  return mp_event_set (event, NULL) && mp_event_clear (event, NULL) ? 0 : 1;
}

static void
test_async (void)
{
  g_autoptr (MpEvent) event = mp_event_new (NULL);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GAsyncResult) first = NULL;
  g_autoptr (GAsyncResult) second = NULL;
  g_autoptr (GAsyncResult) third = NULL;
  g_autoptr (GError) error = NULL;
  int go[2];
  int pid = start_later (go, set_and_clear, event, NULL);

  mp_event_wait_async (event, NULL, keep_result, &first);
  mp_event_wait_async (event, NULL, keep_result, &second);
  mp_event_wait_async (event, cancellable, keep_result, &third);
  g_timeout_add (20, cancel_cb, cancellable);
  g_assert_false (mp_event_wait_finish (event, wait_for (&third), &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_null (first);

  tell (go);
  g_assert_true (mp_event_wait_finish (event, wait_for (&first), NULL));
  g_assert_true (mp_event_wait_finish (event, wait_for (&second), NULL));
  test_reap (pid, 0);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  /* The first one is run twice: it opens what a process keeps for main loops. */
  add_family_case ("/event/async", test_async);
  add_family_case ("/event/basic", test_basic);
  add_family_case ("/event/pieces", test_pieces);
  add_family_case ("/event/release-all", test_release_all);
  add_family_case ("/event/dead-waiters", test_dead_waiters);
  add_family_case ("/event/cancel", test_cancel);

  return g_test_run ();
}
