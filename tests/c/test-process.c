/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/* What one process is and does: its exit code, its name and relatives, a class of one's own. */

#include "config.h"

#include "process-common.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>

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
read_stdin (MpProcess  *process,
            gpointer    data,
            GError    **error)
{
  char byte;

  return getchar () == EOF && read (STDIN_FILENO, &byte, 1) == 0;
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
}

static void
test_stdin_is_empty (void)
{
  int fds[2], former = dup (STDIN_FILENO);

  g_assert_cmpint (pipe2 (fds, O_CLOEXEC), ==, 0);
  g_assert_cmpint (write (fds[1], "abc", 3), ==, 3);
  dup2 (fds[0], STDIN_FILENO);
  g_assert_cmpint (getchar (), ==, 'a');
  g_assert_cmpint (run (read_stdin, 0), ==, 0);
  g_assert_cmpint (getchar (), ==, 'b');
  g_assert_cmpint (getchar (), ==, 'c');
  dup2 (former, STDIN_FILENO);
  close (former);
  close (fds[0]);
  close (fds[1]);
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

  add_case ("/process/exit-codes", test_exit_codes);
  add_case ("/process/stdin-is-empty", test_stdin_is_empty);
  add_case ("/process/without-pidfd", test_without_pidfd);
  add_case ("/process/error-is-printed", test_error_is_printed);
  add_case ("/process/names", test_names);
  add_case ("/process/inherited", test_inherited);
  add_case ("/process/daemon-default", test_daemon_default);
  add_case ("/process/subclass", test_subclass);
  add_case ("/process/data-is-freed", test_data_is_freed);

  return g_test_run ();
}
