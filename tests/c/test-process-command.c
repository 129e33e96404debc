/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Processes that run a program, and processes forked by a language's own function. The program is
 * this one, called with "--program NAME ARGUMENTS…".
 */

#include "config.h"

#include "process-common.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>

#include "mproc/memory/mp-family-private.h"
#include "mproc/process/mp-process-private.h"

static char *self_path;

static MpProcess *
new_program (const char *name,
             const char *program,
             const char *argument)
{
  const char *argv[] = { self_path, "--program", program, argument, NULL };

  return mp_process_new_command (name, argv);
}

/* ── The programs ────────────────────────────────────────────────────────────────────────────── */

/* "NAME PARENT-NAME PARENT-PID DAEMON": exits with the number of what is wrong. */
static int
check_story (const char *expected)
{
  MpProcess *self = mp_process_get_current ();
  MpProcess *parent = mp_process_get_parent ();
  g_autoptr (MpProcess) child = mp_process_new (NULL, NULL, NULL, NULL);
  g_auto (GStrv) words = g_strsplit (expected, "|", -1);

  if (strcmp (mp_process_get_name (self), words[0]) != 0 ||
      strcmp (mp_family_get_self_name (), words[0]) != 0)
    return 1;
  if (parent == NULL || strcmp (mp_process_get_name (parent), words[1]) != 0)
    return 2;
  if (mp_process_get_pid (parent) != atoi (words[2]) || !mp_process_is_alive (parent))
    return 3;
  if (mp_process_get_daemon (self) != atoi (words[3]))
    return 4;
  if (mp_process_get_pid (self) != getpid ())
    return 5;
  if (!g_str_has_prefix (mp_process_get_name (child), "Process-") ||
      !g_str_has_suffix (mp_process_get_name (child), ":1"))
    return 6;

  return 0;
}

/* What a program gets: the family's memory, an empty input, no other descriptor, nothing of this in
 * the environment, no blocked or ignored signal. */
static int
check_surroundings (const char *unused)
{
  struct sigaction action;
  sigset_t mask;
  char byte;
  int fds = 0;

  for (int fd = 3; fd < 256; fd++)
    fds += fcntl (fd, F_GETFD) >= 0;
  if (fds != 1)
    return 1;
  if (!mp_family_ensure (NULL) || fcntl (mp_family_get_fd (), F_GETFD) != FD_CLOEXEC)
    return 2;
  if (read (STDIN_FILENO, &byte, 1) != 0)
    return 3;
  sigprocmask (SIG_BLOCK, NULL, &mask);
  if (sigismember (&mask, SIGUSR1))
    return 4;
  if (sigaction (SIGPIPE, NULL, &action) != 0 || action.sa_handler != SIG_DFL)
    return 5;
  if (g_getenv (MP_FAMILY_ENVIRONMENT) != NULL || g_getenv (MP_PROCESS_ENVIRONMENT) != NULL)
    return 6;

  return 0;
}

/* Started by a shell, which handed on what was meant for itself. */
static int
check_stranger (const char *unused)
{
  return mp_process_get_parent () != NULL ||
         strcmp (mp_process_get_name (mp_process_get_current ()), "MainProcess") != 0;
}

static int
run_program (const char *name,
             const char *argument)
{
  static const struct
  {
    const char *name;
    int (*function) (const char *argument);
  } programs[] = {
    { "exit", atoi },
    { "story", check_story },
    { "surroundings", check_surroundings },
    { "stranger", check_stranger },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (programs); i++)
    if (strcmp (programs[i].name, name) == 0)
      return programs[i].function (argument);

  return 99;
}

/* ── Commands ────────────────────────────────────────────────────────────────────────────────── */

static int
run_shell (const char *script)
{
  const char *argv[] = { "sh", "-c", script, NULL };
  g_autoptr (MpProcess) process = mp_process_new_command (NULL, argv);

  return start_and_join (process);
}

static void
test_exit_codes (void)
{
  g_autoptr (MpProcess) process = new_program (NULL, "exit", "7");

  g_assert_cmpint (start_and_join (process), ==, 7);
  g_assert_cmpint (run_shell ("exit 0"), ==, 0);
  g_assert_cmpint (run_shell ("exit 5"), ==, 5);
  g_assert_cmpint (run_shell ("kill -9 $$"), ==, -9);
}

static void
assert_cannot_run (const char *program,
                   GQuark      domain,
                   int         code)
{
  const char *argv[] = { program, "argument", NULL };
  g_autoptr (MpProcess) process = mp_process_new_command (NULL, argv);
  g_autoptr (GError) error = NULL;

  /* A start that failed may be repeated. */
  for (int i = 0; i < 2; i++)
    {
      g_clear_error (&error);
      g_assert_false (mp_process_start (process, &error));
      g_assert_error (error, domain, code);
      if (program != NULL && program[0] != '\0')
        g_assert_nonnull (strstr (error->message, program));
      g_assert_cmpint (mp_process_get_pid (process), ==, 0);
    }
}

static void
test_failures (void)
{
  assert_cannot_run ("no-such-program-anywhere", G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
  assert_cannot_run ("/no/such/program", G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
  assert_cannot_run ("/etc/passwd", G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED);
  assert_cannot_run ("/", G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED);
  assert_cannot_run ("", MP_ERROR, MP_ERROR_INVALID_ARGUMENT);
  assert_cannot_run (NULL, MP_ERROR, MP_ERROR_INVALID_ARGUMENT);
}

/* As a shell would, so is a script without its first line. */
static void
test_script (void)
{
  g_autofree char *path = NULL;
  const char *argv[] = { NULL, "23", NULL };
  g_autoptr (MpProcess) process = NULL;
  int fd = g_file_open_tmp ("mproc-XXXXXX", &path, NULL);

  g_assert_cmpint (write (fd, "exit $1\n", 8), ==, 8);
  fchmod (fd, 0700);
  close (fd);
  argv[0] = path;
  process = mp_process_new_command (NULL, argv);
  g_assert_cmpint (start_and_join (process), ==, 23);
  unlink (path);
}

static void
test_story (void)
{
  for (int daemon = 0; daemon < 2; daemon++)
    {
      g_autofree char *expected =
        g_strdup_printf ("Größe 7 %%|MainProcess|%d|%d", (int) getpid (), daemon);
      g_autoptr (MpProcess) process = new_program ("Größe 7 %", "story", expected);

      mp_process_set_daemon (process, daemon, NULL);
      g_assert_cmpint (start_and_join (process), ==, 0);
    }
}

static void
test_surroundings (void)
{
  g_autoptr (MpProcess) process = new_program (NULL, "surroundings", NULL);
  g_autoptr (MpProcess) sibling = new_daemon (sleep_long, NULL);
  sigset_t mask, former;

  /* Whatever the caller of the tests left open is not what is looked for. */
  for (int fd = 3; fd < 256; fd++)
    fcntl (fd, F_SETFD, FD_CLOEXEC);

  start (sibling);
  sigemptyset (&mask);
  sigaddset (&mask, SIGUSR1);
  sigprocmask (SIG_BLOCK, &mask, &former);
  signal (SIGPIPE, SIG_IGN);
  g_assert_cmpint (start_and_join (process), ==, 0);
  signal (SIGPIPE, SIG_DFL);
  sigprocmask (SIG_BLOCK, NULL, &mask);
  g_assert_true (sigismember (&mask, SIGUSR1));
  sigprocmask (SIG_SETMASK, &former, NULL);
  mp_process_kill (sibling, NULL);
  join (sibling);
}

static void
test_stranger (void)
{
  g_autofree char *script = g_strdup_printf ("%s --program stranger; exit $?", self_path);

  g_assert_cmpint (run_shell (script), ==, 0);
}

static gpointer
start_many (gpointer data)
{
  for (int i = 0; i < 25; i++)
    {
      g_autoptr (MpProcess) forked = new_daemon (do_nothing, NULL);
      g_autoptr (MpProcess) command = new_program (NULL, "exit", "4");

      mp_process_set_daemon (command, TRUE, NULL);
      start (forked);
      start (command);
      join (command);
      join (forked);
      g_assert_cmpint (mp_process_get_exit_code (command), ==, 4);
      g_assert_cmpint (mp_process_get_exit_code (forked), ==, 0);
    }

  return NULL;
}

/* Forks and execs of several threads at once hold nothing open for one another. */
static void
test_threads (void)
{
  GThread *threads[4];

  for (int i = 0; i < 4; i++)
    threads[i] = g_thread_new ("start", start_many, NULL);
  for (int i = 0; i < 4; i++)
    g_thread_join (threads[i]);
}

/* ── Fork functions ──────────────────────────────────────────────────────────────────────────── */

static int
fork_as_languages_do (MpProcess *process,
                      gpointer   data)
{
  int pid = fork ();

  if (pid != 0)
    return pid > 0 ? pid : -errno;

  mp_process_enter_child (process);
  if (mp_process_get_current () != process)
    _exit (1);
  mp_process_leave_child (process);
  _exit (GPOINTER_TO_INT (data));
}

static int
fork_never (MpProcess *process,
            gpointer   data)
{
  return GPOINTER_TO_INT (data);
}

static int
fork_and_return (MpProcess *process,
                 gpointer   data)
{
  int pid = fork ();

  if (pid == 0)
    dup2 (open ("/dev/null", O_WRONLY), STDERR_FILENO);

  return pid;
}

static int functions_freed;

static void
count_freed (gpointer data)
{
  functions_freed++;
}

static void
assert_fork_fails (int    result,
                   GQuark domain,
                   int    code)
{
  g_autoptr (MpProcess) process = mp_process_new (NULL, do_nothing, NULL, NULL);
  g_autoptr (GError) error = NULL;

  mp_process_set_fork_func (fork_never, GINT_TO_POINTER (result), count_freed);
  mp_process_set_daemon (process, TRUE, NULL);
  g_assert_false (mp_process_start (process, &error));
  g_assert_error (error, domain, code);
  g_assert_cmpint (mp_process_get_pid (process), ==, 0);
  g_assert_false (mp_process_is_alive (process));

  mp_process_set_fork_func (NULL, NULL, NULL);
  g_assert_cmpint (start_and_join (process), ==, 0);
}

static void
test_fork_func (void)
{
  g_autoptr (MpProcess) process = mp_process_new (NULL, NULL, NULL, NULL);
  g_autoptr (MpProcess) lost = mp_process_new (NULL, NULL, NULL, NULL);

  functions_freed = 0;
  mp_process_set_fork_func (fork_as_languages_do, GINT_TO_POINTER (7), count_freed);
  g_assert_cmpint (start_and_join (process), ==, 7);
  mp_process_set_fork_func (fork_and_return, NULL, count_freed);
  g_assert_cmpint (functions_freed, ==, 1);
  g_assert_cmpint (start_and_join (lost), ==, 1);

  assert_fork_fails (-ENOTSUP, MP_ERROR, MP_ERROR_NOT_SUPPORTED);
  assert_fork_fails (-ENOMEM, G_IO_ERROR, g_io_error_from_errno (ENOMEM));
  assert_fork_fails (0, MP_ERROR, MP_ERROR_FAILED);
  g_assert_cmpint (functions_freed, ==, 5);
}

/* A command needs no fork function. */
static void
test_command_without_fork (void)
{
  mp_process_set_fork_func (fork_never, GINT_TO_POINTER (-ENOTSUP), NULL);
  g_assert_cmpint (run_shell ("exit 3"), ==, 3);
  mp_process_set_fork_func (NULL, NULL, NULL);
}

int
main (int    argc,
      char **argv)
{
  self_path = g_file_read_link ("/proc/self/exe", NULL);
  if (argc > 2 && strcmp (argv[1], "--program") == 0)
    return run_program (argv[2], argv[3]);

  g_test_init (&argc, &argv, NULL);

  add_case ("/process/command/exit-codes", test_exit_codes);
  add_case ("/process/command/failures", test_failures);
  add_case ("/process/command/script", test_script);
  add_case ("/process/command/story", test_story);
  add_case ("/process/command/surroundings", test_surroundings);
  add_case ("/process/command/stranger", test_stranger);
  add_case ("/process/command/threads", test_threads);
  add_case ("/process/fork-func/contract", test_fork_func);
  add_case ("/process/fork-func/command", test_command_without_fork);

  return g_test_run ();
}
