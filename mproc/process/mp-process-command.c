/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The exec of a command.
 *
 * The child is made by vfork(): it shares the parent's memory until it runs the program, while
 * the calling thread of the parent stands still and takes no signals. So this works in a program
 * with threads, and costs the same however much memory that has; but the child may do nothing
 * except what is async-signal-safe. Everything is prepared in an ExecPlan before.
 *
 * What it inherits beside the standard streams: the arena, its key, a daemon's control pipe, and at
 * most one descriptor more, all at the numbers that they have here. See mp-process-story.c for how
 * it learns these.
 */

#include "config.h"

#include "mproc/process/mp-process-private.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mproc/base/mp-error-private.h"
#include "mproc/memory/mp-family-private.h"
#include "mproc/process/mp-process-setup-private.h"

typedef struct
{
  char *path;
  char **argv;
  char **shell_argv;   /* for a script without "#!" */
  char **environment;
  char *pid_digits;    /* in @environment, filled in by the child */
  const MpProcessSetup *setup;
  int null_fd;
  gboolean ignores_interrupts;
  int arena_fd;        /* ours, or a copy above the standard streams */
  int key_fd;
  int extra_fd;
  int control_fd;
  int report_read;     /* the child writes there why it cannot run the program */
  int report_write;
  pid_t parent_pid;
} ExecPlan;

/* ── In the child, sharing the parent's memory: async-signal-safe only ───────────────────────── */

/* What the environment ignores on purpose (nohup, a shell's background jobs) stays ignored. */
static void
reset_signals (void)
{
  for (int number = 1; number < NSIG; number++)
    {
      struct sigaction action;

      if (sigaction (number, NULL, &action) != 0)
        continue;
      if (action.sa_handler == SIG_IGN &&
          (number == SIGHUP || number == SIGINT || number == SIGQUIT))
        continue;

      memset (&action, 0, sizeof action);
      action.sa_handler = SIG_DFL;
      sigaction (number, &action, NULL);
    }
}

static void
write_pid (char *digits)
{
  pid_t pid = getpid ();

  for (int i = MP_PROCESS_PID_DIGITS - 1; i >= 0; i--, pid /= 10)
    digits[i] = '0' + pid % 10;
}

static void G_GNUC_NORETURN
run_program (ExecPlan *plan)
{
  sigset_t none;
  int error, step = MP_STEP_NONE;

  reset_signals ();
  if (plan->ignores_interrupts)
    signal (SIGINT, SIG_IGN);
  write_pid (plan->pid_digits);
  fcntl (plan->arena_fd, F_SETFD, 0);
  fcntl (plan->key_fd, F_SETFD, 0);
  if (plan->extra_fd >= 0)
    fcntl (plan->extra_fd, F_SETFD, 0);
  if (plan->control_fd >= 0)
    {
      fcntl (plan->control_fd, F_SETFD, 0);
      mp_control_arm (plan->control_fd, plan->parent_pid);
    }

  if (plan->setup == NULL)
    dup2 (plan->null_fd, STDIN_FILENO);
  error = plan->setup != NULL ? mp_process_setup_apply (plan->setup, &step) : 0;
  if (error == 0)
    {
      sigemptyset (&none);
      sigprocmask (SIG_SETMASK, &none, NULL);
      execve (plan->path, plan->argv, plan->environment);
      if (errno == ENOEXEC)
        execve (plan->shell_argv[0], plan->shell_argv, plan->environment);
      error = errno;
      step = MP_STEP_EXEC;
    }

  mp_process_send_report (plan->report_write, error, step);
  _exit (127);
}

/* ── In the parent ───────────────────────────────────────────────────────────────────────────── */

/* With every signal blocked: a handler in the child would change the parent's memory. */
static pid_t
vfork_program (ExecPlan *plan)
{
  sigset_t all, former;
  pid_t pid;
  int error;

  sigfillset (&all);
  pthread_sigmask (SIG_BLOCK, &all, &former);
  pid = vfork ();
  if (pid == 0)
    run_program (plan);
  error = errno;
  pthread_sigmask (SIG_SETMASK, &former, NULL);
  errno = error;

  return pid;
}

static void
plan_environment (ExecPlan  *plan,
                  MpProcess *self)
{
  g_autofree char *story = mp_process_tell_story (self, plan->key_fd);
  g_autofree char *invitation = mp_family_get_invitation (plan->arena_fd);
  MpProcessPrivate *priv = mp_process_private (self);
  char **environment = mp_process_get_environment (self);

  if (environment == NULL)
    environment = g_get_environ ();
  if (priv->worker != NULL && priv->language == NULL)
    environment = g_environ_setenv (environment, MP_WORKER_ENVIRONMENT, priv->worker, TRUE);

  environment = g_environ_setenv (environment, MP_FAMILY_ENVIRONMENT, invitation, TRUE);
  environment = g_environ_setenv (environment, MP_PROCESS_ENVIRONMENT, story, TRUE);
  plan->environment = environment;
  plan->pid_digits = (char *) g_environ_getenv (environment, MP_PROCESS_ENVIRONMENT);
}

static gboolean
plan_program (ExecPlan   *plan,
              char      **argv,
              GError    **error)
{
  if (argv[0] == NULL || argv[0][0] == '\0')
    {
      g_set_error (error, MP_ERROR, MP_ERROR_INVALID_ARGUMENT, "The command is empty");
      return FALSE;
    }

  if (strchr (argv[0], '/') != NULL)
    plan->path = g_strdup (argv[0]);
  else
    plan->path = g_find_program_in_path (argv[0]);
  if (plan->path == NULL)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
                   "Cannot run the program “%s”: it was not found in PATH", argv[0]);
      return FALSE;
    }

  plan->argv = argv;
  plan->shell_argv = g_new0 (char *, g_strv_length (argv) + 2);
  plan->shell_argv[0] = (char *) "/bin/sh";
  plan->shell_argv[1] = plan->path;
  memcpy (plan->shell_argv + 2, argv + 1, sizeof (char *) * (g_strv_length (argv) - 1));

  return TRUE;
}

static gboolean
plan_fds (ExecPlan   *plan,
          MpProcess  *self,
          GError    **error)
{
  MpProcessPrivate *priv = mp_process_private (self);

  plan->parent_pid = getpid ();
  plan->null_fd = open ("/dev/null", O_RDONLY | O_CLOEXEC);
  plan->arena_fd = fcntl (mp_family_get_fd (), F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
  plan->key_fd = mp_process_copy_key (self);
  plan->extra_fd = priv->extra_fd;
  if (plan->null_fd < 0 || plan->arena_fd < 0 || !mp_process_raise_fd (&plan->key_fd) ||
      !mp_process_open_pipe (&plan->report_read, &priv->report_write))
    {
      mp_error_set_errno (error, errno, "Cannot open the descriptors of a new process");
      return FALSE;
    }
  plan->setup = priv->setup;
  plan->control_fd = priv->control_read;
  plan->report_write = priv->report_write;

  return TRUE;
}

static void
plan_clear (ExecPlan *plan)
{
  mp_clear_fd (&plan->null_fd);
  mp_clear_fd (&plan->arena_fd);
  mp_clear_fd (&plan->key_fd);
  mp_clear_fd (&plan->report_read);
  g_strfreev (plan->environment);
  g_free (plan->shell_argv);
  g_free (plan->path);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (ExecPlan, plan_clear)

/* Returns the child's pid, or -1 with @error set. */
pid_t
mp_process_spawn (MpProcess  *self,
                  GError    **error)
{
  MpProcessPrivate *priv = mp_process_private (self);
  g_auto (ExecPlan) plan = { .null_fd = -1, .arena_fd = -1, .key_fd = -1, .extra_fd = -1,
                            .control_fd = -1, .report_read = -1,
                            .ignores_interrupts = priv->deaf_to_interrupts };
  pid_t pid;

  if (!plan_program (&plan, priv->argv, error) || !plan_fds (&plan, self, error))
    return -1;

  plan_environment (&plan, self);
  pid = vfork_program (&plan);
  if (pid < 0)
    {
      mp_error_set_errno (error, errno, "Cannot fork");
      return -1;
    }

  return mp_process_wait_for_report (self, plan.report_read, pid, error) ? pid : -1;
}
