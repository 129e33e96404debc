/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * What a process starts with: environment, folder, streams, limits, CPUs, nice value; for forked
 * children and for programs alike. And what becomes of it when the system refuses.
 */

#include "config.h"

#include "process-common.h"

#include <gio/gio.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>

#include "mproc/process/mp-process-setup.h"

typedef void (*SetUp) (MpProcess *process);

/* ── The child's view ────────────────────────────────────────────────────────────────────────── */

/* Fails if the shell's test fails; the same test for a forked child and for a command. */
static gboolean
run_shell (MpProcess  *process,
           gpointer    script,
           GError    **error)
{
  int status = system (script);

  return WIFEXITED (status) && WEXITSTATUS (status) == 0;
}

static void
check (SetUp       set_up,
       const char *script)
{
  const char *argv[] = { "/bin/sh", "-c", script, NULL };
  g_autoptr (MpProcess) forked = mp_process_new (NULL, run_shell, (gpointer) script, NULL);
  g_autoptr (MpProcess) command = mp_process_new_command (NULL, argv);

  set_up (forked);
  g_assert_cmpint (start_and_join (forked), ==, 0);
  set_up (command);
  g_assert_cmpint (start_and_join (command), ==, 0);
}

static void
set_variables (MpProcess *process)
{
  g_assert_true (mp_process_set_variable (process, "MP_TEST_A", "one two", NULL));
  g_assert_true (mp_process_set_variable (process, "MP_TEST_GONE", NULL, NULL));
}

static void
set_all_variables (MpProcess *process)
{
  const char *environment[] = { "PATH=/usr/bin:/bin", "MP_TEST_A=x", NULL };

  g_assert_true (mp_process_set_environment (process, environment, NULL));
  g_assert_true (mp_process_set_variable (process, "MP_TEST_B", "y", NULL));
}

static void
set_folder (MpProcess *process)
{
  g_assert_true (mp_process_set_working_directory (process, "/usr", NULL));
}

static void
set_limits (MpProcess *process)
{
  g_assert_true (mp_process_set_limit (process, MP_LIMIT_FILES, 40, 50, NULL));
  g_assert_true (mp_process_set_limit (process, MP_LIMIT_CORE, 0, 0, NULL));
}

static void
set_cpus (MpProcess *process)
{
  cpu_set_t mine;
  guint first = 0;

  sched_getaffinity (0, sizeof mine, &mine);
  while (!CPU_ISSET (first, &mine))
    first++;
  g_assert_true (mp_process_set_affinity (process, &first, 1, NULL));
}

static void
set_nice (MpProcess *process)
{
  g_assert_true (mp_process_set_nice (process, 3, NULL));
}

static void
test_surroundings (void)
{
  g_autofree char *nicer = g_strdup_printf ("test $(nice) = %d",
                                            getpriority (PRIO_PROCESS, 0) + 3);

  g_setenv ("MP_TEST_GONE", "here", TRUE);
  check (set_variables, "test \"$MP_TEST_A\" = 'one two' && test -z \"$MP_TEST_GONE\"");
  check (set_all_variables, "test $MP_TEST_A$MP_TEST_B = xy && test -z \"$HOME$MP_TEST_GONE\"");
  g_assert_cmpstr (g_getenv ("MP_TEST_GONE"), ==, "here");
  g_unsetenv ("MP_TEST_GONE");
  check (set_folder, "test $(pwd) = /usr");
  check (set_limits, "test $(ulimit -Sn) = 40 && test $(ulimit -Hn) = 50 && test $(ulimit -c) = 0");
  check (set_cpus, "test $(nproc) = 1");
  check (set_nice, nicer);
}

/* ── Streams ─────────────────────────────────────────────────────────────────────────────────── */

static gboolean
echo (MpProcess  *process,
      gpointer    data,
      GError    **error)
{
  char line[100];

  if (fgets (line, sizeof line, stdin) == NULL)
    return FALSE;
  printf ("out %s", line);
  fprintf (stderr, "err %s", line);

  return TRUE;
}

static void
assert_reads (GInputStream *stream,
              const char   *expected)
{
  char text[100] = "";
  gsize length;

  g_assert_nonnull (stream);
  g_assert_true (g_input_stream_read_all (stream, text, sizeof text - 1, &length, NULL, NULL));
  g_assert_cmpstr (text, ==, expected);
}

/* While it runs another one is forked, which must not keep the pipes open. */
static void
talk (MpProcess *process)
{
  g_autoptr (MpProcess) sibling = new_daemon (sleep_long, NULL);
  GOutputStream *input;

  g_assert_true (mp_process_set_streams (process, MP_STREAM_PIPE, MP_STREAM_PIPE, MP_STREAM_PIPE,
                                         NULL));
  g_assert_null (mp_process_get_stdin_pipe (process));
  start (process);
  start (sibling);
  input = mp_process_get_stdin_pipe (process);
  g_assert_true (g_output_stream_write_all (input, "hello\n", 6, NULL, NULL, NULL));
  g_assert_true (g_output_stream_close (input, NULL, NULL));
  assert_reads (mp_process_get_stdout_pipe (process), "out hello\n");
  assert_reads (mp_process_get_stderr_pipe (process), "err hello\n");
  join (process);
  g_assert_cmpint (mp_process_get_exit_code (process), ==, 0);
  g_assert_true (mp_process_kill (sibling, NULL));
  join (sibling);
}

static void
test_pipes (void)
{
  const char *argv[] = { "sh", "-c", "read line; echo out $line; echo err $line >&2", NULL };
  g_autoptr (MpProcess) forked = mp_process_new (NULL, echo, NULL, NULL);
  g_autoptr (MpProcess) command = mp_process_new_command (NULL, argv);

  talk (forked);
  talk (command);
}

/* The child's input is full or gone: an error, and no SIGPIPE. */
static void
test_broken_pipe (void)
{
  const char *argv[] = { "true", NULL };
  g_autoptr (MpProcess) process = mp_process_new_command (NULL, argv);
  g_autoptr (GError) error = NULL;

  g_assert_true (mp_process_set_streams (process, MP_STREAM_PIPE, MP_STREAM_NULL, MP_STREAM_NULL,
                                         NULL));
  g_assert_cmpint (start_and_join (process), ==, 0);
  g_assert_false (g_output_stream_write_all (mp_process_get_stdin_pipe (process), "x", 1, NULL,
                                             NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_BROKEN_PIPE);
}

/* ── What cannot be ──────────────────────────────────────────────────────────────────────────── */

static void
set_no_folder (MpProcess *process)
{
  g_assert_true (mp_process_set_working_directory (process, "/nowhere at all", NULL));
}

static void
set_no_cpu (MpProcess *process)
{
  const guint cpu = 1000;

  g_assert_true (mp_process_set_affinity (process, &cpu, 1, NULL));
}

static void
assert_fails (SetUp       set_up,
              const char *text)
{
  const char *argv[] = { "true", NULL };

  for (int i = 0; i < 2; i++)
    {
      g_autoptr (MpProcess) process = i == 0 ? mp_process_new (NULL, do_nothing, NULL, NULL)
                                             : mp_process_new_command (NULL, argv);
      g_autoptr (GError) error = NULL;

      set_up (process);
      g_assert_false (mp_process_start (process, &error));
      g_assert_cmpuint (error->domain, ==, G_IO_ERROR);
      g_assert_nonnull (strstr (error->message, text));
      g_assert_cmpint (mp_process_get_pid (process), ==, 0);
      assert_no_children ();

      /* It may be tried again. */
      g_assert_true (mp_process_set_working_directory (process, "/", NULL));
      if (set_up == set_no_folder)
        g_assert_cmpint (start_and_join (process), ==, 0);
    }
}

static void
test_refused (void)
{
  assert_fails (set_no_folder, "/nowhere at all");
  assert_fails (set_no_cpu, "CPUs");
}

static void
test_nonsense (void)
{
  g_autoptr (MpProcess) process = mp_process_new (NULL, do_nothing, NULL, NULL);
  const char *nameless[] = { "=x", NULL };
  GError *error = NULL;

  g_assert_false (mp_process_set_environment (process, nameless, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_ARGUMENT);
  g_clear_error (&error);
  g_assert_false (mp_process_set_variable (process, "a=b", "c", &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_ARGUMENT);
  g_clear_error (&error);
  g_assert_false (mp_process_set_affinity (process, NULL, 0, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_ARGUMENT);
  g_clear_error (&error);
  g_assert_false (mp_process_set_nice (process, 40, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_ARGUMENT);
  g_clear_error (&error);
  g_assert_false (mp_process_set_limit (process, MP_LIMIT_FILES, 10, 5, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_ARGUMENT);
  g_clear_error (&error);

  g_assert_cmpint (start_and_join (process), ==, 0);
  g_assert_false (mp_process_set_nice (process, 1, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_STATE);
  g_clear_error (&error);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  add_case ("/process-setup/surroundings", test_surroundings);
  add_case ("/process-setup/pipes", test_pipes);
  add_case ("/process-setup/broken-pipe", test_broken_pipe);
  add_case ("/process-setup/refused", test_refused);
  add_case ("/process-setup/nonsense", test_nonsense);

  return g_test_run ();
}
