/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/* How the end of a process is heard of: join in its forms, the signal, the sentinel. */

#include "config.h"

#include "process-common.h"

#include <signal.h>
#include <sys/time.h>

#include "mproc/process/mp-process-private.h"

static gboolean
exit_with (MpProcess  *process,
           gpointer    data,
           GError    **error)
{
  exit (GPOINTER_TO_INT (data));
}

static gboolean
sleep_short (MpProcess  *process,
             gpointer    data,
             GError    **error)
{
  g_usleep (100000);
  return TRUE;
}

/* ── Join ────────────────────────────────────────────────────────────────────────────────────── */

static void
test_join_timeout (void)
{
  g_autoptr (MpProcess) process = mp_process_new (NULL, sleep_long, NULL, NULL);
  g_autoptr (GError) error = NULL;
  gint64 begin;

  start (process);
  begin = g_get_monotonic_time ();
  g_assert_false (mp_process_join (process, 0.05, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_TIMED_OUT);
  g_assert_cmpint (g_get_monotonic_time () - begin, >=, 50000);
  g_clear_error (&error);
  g_assert_false (mp_process_join (process, 0, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_TIMED_OUT);
  g_assert_true (mp_process_is_alive (process));
  g_assert_cmpint (mp_process_get_exit_code (process), ==, MP_EXIT_CODE_NONE);

  g_assert_true (mp_process_kill (process, NULL));
  join (process);
  join (process);
  g_assert_cmpint (mp_process_get_exit_code (process), ==, -SIGKILL);
  g_assert_true (mp_process_kill (process, NULL));
  g_assert_true (mp_process_terminate (process, NULL));
}

static void
test_join_states (void)
{
  g_autoptr (MpProcess) process = mp_process_new (NULL, do_nothing, NULL, NULL);
  g_autoptr (GError) error = NULL;

  g_assert_false (mp_process_join (process, -1, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_STATE);
  g_clear_error (&error);
  g_assert_false (mp_process_kill (process, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_STATE);
  g_clear_error (&error);
  g_assert_cmpint (mp_process_join_raw (process, 0), ==, MP_STATUS_INVALID);
  g_assert_false (mp_process_join (mp_process_get_current (), -1, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_STATE);
  g_clear_error (&error);

  g_assert_cmpint (start_and_join (process), ==, 0);
  g_assert_false (mp_process_start (process, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_STATE);
  g_clear_error (&error);
  g_assert_false (mp_process_set_daemon (process, TRUE, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_STATE);
}

static volatile int signals_seen;

static void
count_signal (int number)
{
  signals_seen++;
}

static void
send_alarm_in (int usec)
{
  struct sigaction action = { .sa_handler = count_signal };
  struct itimerval timer = { .it_value = { .tv_usec = usec } };

  signals_seen = 0;
  sigaction (SIGALRM, &action, NULL);
  setitimer (ITIMER_REAL, &timer, NULL);
}

static void
test_join_signals (void)
{
  g_autoptr (MpProcess) process = mp_process_new (NULL, sleep_long, NULL, NULL);
  g_autoptr (GError) error = NULL;

  start (process);
  send_alarm_in (20000);
  g_assert_false (mp_process_join (process, 0.1, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_TIMED_OUT);
  g_assert_cmpint (signals_seen, ==, 1);

  send_alarm_in (20000);
  g_assert_cmpint (mp_process_join_raw (process, -1), ==, MP_STATUS_INTERRUPTED);
  g_assert_cmpint (signals_seen, ==, 1);
  g_assert_cmpint (mp_process_join_raw (process, -1), ==, MP_STATUS_INTERRUPTED);
  g_assert_cmpint (mp_process_join_raw (process, 10000), ==, MP_STATUS_TIMED_OUT);
  g_assert_cmpint (mp_process_join_raw (process, 0), ==, MP_STATUS_TIMED_OUT);
  signal (SIGALRM, SIG_DFL);

  mp_process_terminate (process, NULL);
  while (mp_process_join_raw (process, -1) == MP_STATUS_INTERRUPTED)
    continue;
  g_assert_cmpint (mp_process_join_raw (process, 0), ==, MP_STATUS_OK);
  g_assert_cmpint (mp_process_get_exit_code (process), ==, -SIGTERM);
}

static gpointer
cancel_soon (gpointer data)
{
  g_usleep (50000);
  g_cancellable_cancel (data);
  return NULL;
}

static void
test_join_cancel (void)
{
  g_autoptr (MpProcess) process = mp_process_new (NULL, sleep_long, NULL, NULL);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;
  GThread *thread;

  start (process);
  thread = g_thread_new ("cancel", cancel_soon, cancellable);
  g_assert_false (mp_process_join (process, -1, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_thread_join (thread);
  g_assert_true (mp_process_is_alive (process));
  mp_process_kill (process, NULL);
  join (process);
}

static gpointer
join_in_thread (gpointer data)
{
  join (data);
  return GINT_TO_POINTER (mp_process_get_exit_code (data));
}

static void
test_join_threads (void)
{
  g_autoptr (MpProcess) process = mp_process_new (NULL, sleep_long, NULL, NULL);
  GThread *threads[8];

  start (process);
  for (int i = 0; i < 8; i++)
    threads[i] = g_thread_new ("join", join_in_thread, process);
  g_usleep (50000);
  mp_process_kill (process, NULL);
  for (int i = 0; i < 8; i++)
    g_assert_cmpint (GPOINTER_TO_INT (g_thread_join (threads[i])), ==, -SIGKILL);
}

static void
keep_result (GObject      *source,
             GAsyncResult *result,
             gpointer      data)
{
  *(GAsyncResult **) data = g_object_ref (result);
}

static void
wait_for_result (GAsyncResult **result)
{
  while (*result == NULL)
    g_main_context_iteration (NULL, TRUE);
}

static void
join_async (gboolean cancel)
{
  g_autoptr (MpProcess) process = mp_process_new (NULL, sleep_long, NULL, NULL);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GAsyncResult) first = NULL;
  g_autoptr (GAsyncResult) second = NULL;
  g_autoptr (GError) error = NULL;

  mp_process_join_async (process, NULL, keep_result, &first);
  wait_for_result (&first);
  g_assert_false (mp_process_join_finish (process, first, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_STATE);
  g_clear_error (&error);
  g_clear_object (&first);

  start (process);
  mp_process_join_async (process, cancellable, keep_result, &first);
  mp_process_join_async (process, NULL, keep_result, &second);
  if (cancel)
    g_cancellable_cancel (cancellable);
  else
    mp_process_kill (process, NULL);
  wait_for_result (&first);
  g_assert_cmpint (mp_process_join_finish (process, first, &error), ==, !cancel);
  if (cancel)
    g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);

  /* One end is enough for both, whoever reaps. */
  mp_process_kill (process, NULL);
  join (process);
  wait_for_result (&second);
  g_assert_true (mp_process_join_finish (process, second, NULL));
}

static void
test_join_async (void)
{
  join_async (FALSE);
  join_async (TRUE);
  mp_process_without_pidfd = TRUE;
  join_async (FALSE);
  mp_process_without_pidfd = FALSE;
}

/* ── The signal ──────────────────────────────────────────────────────────────────────────────── */

typedef struct
{
  int times;
  int notified;
  int code;
  GThread *thread;
} Seen;

static void
exited_cb (MpProcess *process,
           int        code,
           gpointer   data)
{
  Seen *seen = data;

  g_assert_cmpint (mp_process_get_exit_code (process), ==, code);
  seen->times++;
  seen->code = code;
  seen->thread = g_thread_self ();
}

static void
notify_cb (MpProcess  *process,
           GParamSpec *pspec,
           gpointer    data)
{
  ((Seen *) data)->notified++;
}

static MpProcess *
watched (MpProcessFunc func,
         Seen         *seen)
{
  MpProcess *process = mp_process_new (NULL, func, GINT_TO_POINTER (3), NULL);

  *seen = (Seen) { 0 };
  g_signal_connect (process, "exited", G_CALLBACK (exited_cb), seen);
  g_signal_connect (process, "notify::exit-code", G_CALLBACK (notify_cb), seen);

  return process;
}

static void
assert_seen (Seen *seen)
{
  while (g_main_context_iteration (NULL, FALSE))
    continue;
  g_assert_cmpint (seen->times, ==, 1);
  g_assert_cmpint (seen->notified, ==, 1);
  g_assert_cmpint (seen->code, ==, 3);
  g_assert_true (seen->thread == g_thread_self ());
}

static void
exited_from_context (void)
{
  Seen seen;
  MpProcess *process = watched (exit_with, &seen);

  /* Nobody else keeps the object. */
  start (process);
  g_object_unref (process);
  while (seen.times == 0)
    g_main_context_iteration (NULL, TRUE);
  assert_seen (&seen);
}

static void
test_exited (void)
{
  exited_from_context ();
  mp_process_without_pidfd = TRUE;
  exited_from_context ();
  mp_process_without_pidfd = FALSE;
}

static void
test_exited_from_calls (void)
{
  Seen seen;
  g_autoptr (MpProcess) joined = watched (exit_with, &seen);
  g_autoptr (MpProcess) polled = NULL;

  start_and_join (joined);
  g_assert_cmpint (seen.times, ==, 1);
  assert_seen (&seen);

  polled = watched (exit_with, &seen);
  start (polled);
  while (mp_process_is_alive (polled))
    g_usleep (1000);
  g_assert_cmpint (seen.times, ==, 1);
  assert_seen (&seen);
}

/* The start of another process reaps, but leaves it to the context to tell. */
static void
test_exited_after_start (void)
{
  Seen seen;
  MpProcess *process = watched (exit_with, &seen);
  g_autoptr (MpProcess) other = mp_process_new (NULL, do_nothing, NULL, NULL);
  int sentinel;

  start (process);
  sentinel = mp_process_get_sentinel (process);
  g_assert_true (wait_for_eof (sentinel, 60));
  start (other);
  g_assert_cmpint (seen.times, ==, 0);
  g_assert_cmpint (mp_process_get_exit_code (process), ==, 3);
  g_assert_cmpint (seen.times, ==, 0);
  g_object_unref (process);
  assert_seen (&seen);
  join (other);
}

static void
test_exited_private_context (void)
{
  Seen seen;
  g_autoptr (GMainContext) context = g_main_context_new ();
  g_autoptr (MpProcess) process = watched (exit_with, &seen);

  g_main_context_push_thread_default (context);
  start (process);
  g_main_context_pop_thread_default (context);
  while (seen.times == 0)
    g_main_context_iteration (context, TRUE);
  assert_seen (&seen);
}

static void
test_sentinel (void)
{
  g_autoptr (MpProcess) process = mp_process_new (NULL, sleep_short, NULL, NULL);
  struct pollfd poll_fd = { .events = POLLIN };

  g_assert_cmpint (mp_process_get_sentinel (process), ==, -1);
  start (process);
  poll_fd.fd = mp_process_get_sentinel (process);
  g_assert_cmpint (poll (&poll_fd, 1, 0), ==, 0);
  g_assert_cmpint (poll (&poll_fd, 1, 60000), ==, 1);
  join (process);
  g_assert_cmpint (mp_process_get_sentinel (process), ==, poll_fd.fd);
  g_assert_cmpint (poll (&poll_fd, 1, 0), ==, 1);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  /* The first task opens descriptors of GLib's own, for good. */
  g_object_unref (g_task_new (NULL, NULL, NULL, NULL));

  add_case ("/process/join/timeout", test_join_timeout);
  add_case ("/process/join/states", test_join_states);
  add_case ("/process/join/signals", test_join_signals);
  add_case ("/process/join/cancel", test_join_cancel);
  add_case ("/process/join/threads", test_join_threads);
  add_case ("/process/join/async", test_join_async);
  add_case ("/process/exited/context", test_exited);
  add_case ("/process/exited/calls", test_exited_from_calls);
  add_case ("/process/exited/start", test_exited_after_start);
  add_case ("/process/exited/private-context", test_exited_private_context);
  add_case ("/process/sentinel", test_sentinel);

  return g_test_run ();
}
