/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/* The life of one process: start, exit code, join in its forms, names, commands, fork functions. */

#include "config.h"

#include "process-common.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/time.h>

#include "mproc/memory/mp-family-private.h"
#include "mproc/process/mp-process-private.h"

/* ── Work for children ───────────────────────────────────────────────────────────────────────── */

static gboolean
fail (MpProcess  *process,
      gpointer    data,
      GError    **error)
{
  dup2 (GPOINTER_TO_INT (data), STDERR_FILENO);
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_BUSY, "Too busy");
  return FALSE;
}

static gboolean
exit_with (MpProcess  *process,
           gpointer    data,
           GError    **error)
{
  exit (GPOINTER_TO_INT (data));
}

static gboolean
kill_self (MpProcess  *process,
           gpointer    data,
           GError    **error)
{
  kill (getpid (), GPOINTER_TO_INT (data));
  return TRUE;
}

static gboolean
sleep_short (MpProcess  *process,
             gpointer    data,
             GError    **error)
{
  g_usleep (100000);
  return TRUE;
}

static gboolean
read_stdin (MpProcess  *process,
            gpointer    data,
            GError    **error)
{
  char byte;

  return read (STDIN_FILENO, &byte, 1) == 0;
}

/* ── Exit codes ──────────────────────────────────────────────────────────────────────────────── */

static int
run (MpProcessFunc func,
     int           number)
{
  g_autoptr (MpProcess) process = mp_process_new (NULL, func, GINT_TO_POINTER (number), NULL);
  int code;

  g_assert_cmpint (mp_process_get_exit_code (process), ==, MP_EXIT_CODE_NONE);
  g_assert_cmpint (mp_process_get_pid (process), ==, 0);
  g_assert_false (mp_process_is_alive (process));

  code = start_and_join (process);
  g_assert_false (mp_process_is_alive (process));

  return code;
}

static void
test_exit_codes (void)
{
  g_assert_cmpint (run (do_nothing, 0), ==, 0);
  g_assert_cmpint (run (NULL, 0), ==, 0);
  g_assert_cmpint (run (exit_with, 3), ==, 3);
  g_assert_cmpint (run (exit_with, 0), ==, 0);
  g_assert_cmpint (run (kill_self, SIGKILL), ==, -SIGKILL);
  g_assert_cmpint (run (kill_self, SIGTERM), ==, -SIGTERM);
  g_assert_cmpint (run (read_stdin, 0), ==, 0);
}

static void
test_without_pidfd (void)
{
  mp_process_without_pidfd = TRUE;
  test_exit_codes ();
  mp_process_without_pidfd = FALSE;
}

static void
test_error_is_printed (void)
{
  g_autoptr (MpProcess) process = NULL;
  g_autofree char *expected = NULL;
  char text[200] = "";
  int fds[2];

  g_assert_cmpint (pipe2 (fds, O_CLOEXEC), ==, 0);
  process = mp_process_new ("Worker-1", fail, GINT_TO_POINTER (fds[1]), NULL);
  g_assert_cmpint (start_and_join (process), ==, 1);
  g_assert_cmpint (read (fds[0], text, sizeof text - 1), >, 0);
  expected = g_strdup_printf ("Process Worker-1 (pid %d): g-io-error-quark: Too busy\n",
                              mp_process_get_pid (process));
  g_assert_cmpstr (text, ==, expected);
  close (fds[0]);
  close (fds[1]);
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

/* ── Names and relatives ─────────────────────────────────────────────────────────────────────── */

static gboolean
is_child_of (MpProcess  *process,
             gpointer    data,
             GError    **error)
{
  MpProcess *parent = mp_process_get_parent ();

  return mp_process_get_current () == process && mp_process_get_pid (process) == getpid () &&
         mp_process_is_alive (process) && parent != NULL &&
         mp_process_get_pid (parent) == getppid () && mp_process_is_alive (parent) &&
         strcmp (mp_process_get_name (parent), data) == 0 &&
         strcmp (mp_family_get_self_name (), mp_process_get_name (process)) == 0 &&
         !mp_process_join (parent, 0.01, NULL, NULL);
}

static gboolean
nest (MpProcess  *process,
      gpointer    data,
      GError    **error)
{
  const char *name = mp_process_get_name (process);
  g_autofree char *expected = g_strconcat (name, ":2", NULL);
  g_autoptr (MpProcess) first = mp_process_new ("named", NULL, NULL, NULL);
  g_autoptr (MpProcess) second = mp_process_new (NULL, is_child_of, (gpointer) name, NULL);
  g_autoptr (GPtrArray) children = mp_process_get_children ();

  if (children->len != 0 || strcmp (mp_process_get_name (second), expected) != 0 ||
      !is_child_of (process, (gpointer) "MainProcess", NULL))
    return FALSE;

  return mp_process_start (second, error) && mp_process_join (second, -1, NULL, error) &&
         mp_process_get_exit_code (second) == 0;
}

static void
test_names (void)
{
  g_autoptr (MpProcess) named = mp_process_new ("Alice", nest, NULL, NULL);
  g_autoptr (MpProcess) first = mp_process_new (NULL, nest, NULL, NULL);
  g_autoptr (MpProcess) second = mp_process_new (NULL, nest, NULL, NULL);
  int number = atoi (mp_process_get_name (first) + strlen ("Process-"));

  g_assert_cmpstr (mp_process_get_name (mp_process_get_current ()), ==, "MainProcess");
  g_assert_null (mp_process_get_parent ());
  g_assert_true (g_str_has_prefix (mp_process_get_name (first), "Process-"));
  g_assert_cmpint (atoi (mp_process_get_name (second) + strlen ("Process-")), ==, number + 1);
  g_assert_cmpint (start_and_join (first), ==, 0);
  g_assert_cmpint (start_and_join (second), ==, 0);
  g_assert_cmpstr (mp_process_get_name (named), ==, "Alice");
  mp_process_set_name (named, "Bob");
  g_assert_cmpstr (mp_process_get_name (named), ==, "Bob");
}

static gboolean
use_inherited (MpProcess  *process,
               gpointer    data,
               GError    **error)
{
  MpProcess *sibling = data;
  g_autoptr (GError) own_error = NULL;

  if (mp_process_is_alive (sibling) || mp_process_get_sentinel (sibling) != -1 ||
      mp_process_kill (sibling, NULL) || mp_process_join_raw (sibling, -1) != MP_STATUS_INVALID)
    return FALSE;

  mp_process_join (sibling, -1, NULL, &own_error);
  return g_error_matches (own_error, MP_ERROR, MP_ERROR_INVALID_STATE);
}

static void
test_inherited (void)
{
  g_autoptr (MpProcess) sibling = mp_process_new (NULL, sleep_long, NULL, NULL);
  g_autoptr (MpProcess) process = mp_process_new (NULL, use_inherited, sibling, NULL);
  g_autoptr (GPtrArray) children = NULL;

  start (sibling);
  g_assert_cmpint (start_and_join (process), ==, 0);
  g_assert_true (mp_process_is_alive (sibling));
  children = mp_process_get_children ();
  g_assert_cmpuint (children->len, ==, 1);
  g_assert_true (children->pdata[0] == sibling);
  mp_process_kill (sibling, NULL);
  join (sibling);
}

static gboolean
has_daemon_default (MpProcess  *process,
                    gpointer    data,
                    GError    **error)
{
  g_autoptr (MpProcess) child = mp_process_new (NULL, NULL, NULL, NULL);

  return mp_process_get_daemon (process) == GPOINTER_TO_INT (data) &&
         mp_process_get_daemon (child) == GPOINTER_TO_INT (data);
}

static void
test_daemon_default (void)
{
  for (int daemon = 0; daemon < 2; daemon++)
    {
      g_autoptr (MpProcess) process =
        mp_process_new (NULL, has_daemon_default, GINT_TO_POINTER (daemon), NULL);

      g_assert_false (mp_process_get_daemon (process));
      g_object_set (process, "daemon", daemon, NULL);
      g_assert_cmpint (start_and_join (process), ==, 0);
    }
}

/* ── A class of one's own ────────────────────────────────────────────────────────────────────── */

#define TEST_TYPE_COUNTER (test_counter_get_type ())
G_DECLARE_FINAL_TYPE (TestCounter, test_counter, TEST, COUNTER, MpProcess)

struct _TestCounter
{
  MpProcess parent_instance;
  int number;
  int exited;
};

G_DEFINE_FINAL_TYPE (TestCounter, test_counter, MP_TYPE_PROCESS)

static gboolean
test_counter_run (MpProcess  *process,
                  GError    **error)
{
  exit (TEST_COUNTER (process)->number);
}

static void
test_counter_exited (MpProcess *process,
                     int        code)
{
  TEST_COUNTER (process)->exited = code;
}

static void
test_counter_class_init (TestCounterClass *klass)
{
  MP_PROCESS_CLASS (klass)->run = test_counter_run;
  MP_PROCESS_CLASS (klass)->exited = test_counter_exited;
}

static void
test_counter_init (TestCounter *self)
{
}

static void
test_subclass (void)
{
  TestCounter *counter = g_object_new (TEST_TYPE_COUNTER, "daemon", TRUE, NULL);

  counter->number = 42;
  g_assert_true (g_str_has_prefix (mp_process_get_name (MP_PROCESS (counter)), "Process-"));
  g_assert_true (mp_process_get_daemon (MP_PROCESS (counter)));
  g_assert_cmpint (start_and_join (MP_PROCESS (counter)), ==, 42);
  g_assert_cmpint (counter->exited, ==, 42);
  g_assert_finalize_object (counter);
}

static void
set_true (gpointer data)
{
  *(gboolean *) data = TRUE;
}

static void
test_data_is_freed (void)
{
  gboolean freed = FALSE;
  MpProcess *process = mp_process_new (NULL, do_nothing, &freed, set_true);

  g_assert_cmpint (start_and_join (process), ==, 0);
  g_assert_false (freed);
  g_assert_finalize_object (process);
  g_assert_true (freed);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  /* The first task opens descriptors of GLib's own, for good. */
  g_object_unref (g_task_new (NULL, NULL, NULL, NULL));

  add_case ("/process/exit-codes", test_exit_codes);
  add_case ("/process/without-pidfd", test_without_pidfd);
  add_case ("/process/error-is-printed", test_error_is_printed);
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
  add_case ("/process/names", test_names);
  add_case ("/process/inherited", test_inherited);
  add_case ("/process/daemon-default", test_daemon_default);
  add_case ("/process/subclass", test_subclass);
  add_case ("/process/data-is-freed", test_data_is_freed);

  return g_test_run ();
}
