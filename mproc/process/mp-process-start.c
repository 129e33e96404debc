/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * From "new" to "running".
 *
 * A function is run by fork. An interpreter has to fork by its own means and never come back from
 * there in the child, so it gives a fork function; the one below is that of C and Vala. All the
 * set-up that a child of this library needs is in pthread_atfork() handlers and in
 * mp_process_enter_child(), never in the code around the fork function, and no lock is held while
 * that runs. A command is run by mp-process-command.c.
 *
 * A daemon's life hangs on its control pipe. Only the parent has the write end: the kernel closes
 * it when the parent is gone, in whatever way, and that kills the child. (PR_SET_PDEATHSIG would
 * do so when the forking thread ends.)
 */

#include "config.h"

#include "mproc/process/mp-process-private.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mproc/base/mp-at-fork-private.h"
#include "mproc/base/mp-error-private.h"
#include "mproc/memory/mp-family-private.h"
#include "mproc/process/mp-log-private.h"
#include "mproc/process/mp-process-setup-private.h"

typedef struct
{
  MpForkFunc func;
  gpointer user_data;
  GDestroyNotify notify;
} ForkHook;

/* Under the lock; a call holds a reference. */
static ForkHook *fork_hook;

static __thread MpProcess *starting;

/* The process this thread is starting, or else NULL. */
MpProcess *
mp_process_get_starting (void)
{
  return starting;
}

/* ── The fork function of C and Vala ─────────────────────────────────────────────────────────── */

/* What is buffered would be written by both. A thread that waits for input holds the lock of its
 * stream, and flushing all streams would wait for it; then only the output streams are flushed. */
static void
flush_stdio (void)
{
  if (ftrylockfile (stdin) == 0)
    {
      funlockfile (stdin);
      fflush (NULL);
    }
  else
    {
      fflush (stdout);
      fflush (stderr);
    }
}

/* The traceback of C. */
static void
print_error (MpProcess    *self,
             const GError *error)
{
  const char *domain = error != NULL ? g_quark_to_string (error->domain) : "mp-error-quark";
  const char *message = error != NULL ? error->message : "The function failed without an error";

  fflush (stdout);
  fprintf (stderr, "Process %s (pid %d): %s: %s\n", mp_process_get_name (self), (int) getpid (),
           domain, message);
}

MP_AT_FORK static void G_GNUC_NORETURN
run_child (MpProcess *self)
{
  GError *error = NULL;
  gboolean done;

  mp_process_enter_child (self);
  /* A fork server is deaf to it. */
  if (mp_process_private (self)->birth != NULL)
    signal (SIGINT, SIG_DFL);
  done = MP_PROCESS_GET_CLASS (self)->run (self, &error);
  if (!done)
    print_error (self, error);
  mp_process_leave_child (self);
  _exit (done ? EXIT_SUCCESS : EXIT_FAILURE);
}

MP_AT_FORK static int
default_fork (MpProcess *self,
              gpointer   user_data G_GNUC_UNUSED)
{
  pid_t pid;

  flush_stdio ();
  pid = fork ();
  if (pid < 0)
    return -errno;
  if (pid == 0)
    run_child (self);

  return pid;
}

/* ── Fork functions ──────────────────────────────────────────────────────────────────────────── */

static void
fork_hook_clear (gpointer data)
{
  ForkHook *hook = data;

  if (hook->notify != NULL)
    hook->notify (hook->user_data);
}

static void
fork_hook_unref (ForkHook *hook)
{
  if (hook != NULL)
    g_atomic_rc_box_release_full (hook, fork_hook_clear);
}

/* A handler that runs in the child before that is a process of its own, or that leaves the fork
 * function of an interpreter in the parent, would do harm. The child takes its signals when it
 * enters. */
static void
block_signals (sigset_t *former)
{
  sigset_t all;

  sigfillset (&all);
  pthread_sigmask (SIG_BLOCK, &all, former);
}

static int
call_fork_func (MpProcess *self)
{
  MpProcessPrivate *priv = mp_process_private (self);
  ForkHook *hook = NULL;
  int pid;

  if (priv->fork_func == NULL)
    {
      mp_process_lock ();
      hook = fork_hook != NULL ? g_atomic_rc_box_acquire (fork_hook) : NULL;
      mp_process_unlock ();
    }

  mp_context_find_wakeups (priv->wakeups);
  priv->purges_input = __fbufsize (stdin) > 0;
  starting = self;
  block_signals (&priv->signals);
  if (priv->fork_func != NULL)
    pid = priv->fork_func (self, priv->fork_data);
  else
    pid = hook != NULL ? hook->func (self, hook->user_data) : default_fork (self, NULL);
  if (getpid () != priv->parent_pid)
    {
      fprintf (stderr, "Process %s (pid %d): the fork function has returned in the child\n",
               priv->name, (int) getpid ());
      _exit (EXIT_FAILURE);
    }
  pthread_sigmask (SIG_SETMASK, &priv->signals, NULL);
  starting = NULL;
  fork_hook_unref (hook);

  return pid;
}

/* By the language's fork function. Returns the child's pid, or -1 with @error set. */
pid_t
mp_process_fork_now (MpProcess  *self,
                     GError    **error)
{
  int result = call_fork_func (self);

  mp_family_child_started (MAX (result, -1));
  if (result > 0)
    return result;

  if (result == -ENOTSUP)
    g_set_error (error, MP_ERROR, MP_ERROR_NOT_SUPPORTED,
                 "Process %s cannot be forked: this language's runtime does not survive it. "
                 "Make the process with a command instead",
                 mp_process_get_name (self));
  else if (result == 0)
    g_set_error (error, MP_ERROR, MP_ERROR_FAILED, "The fork function returned no process id");
  else
    mp_error_set_errno (error, -result, "Cannot fork");

  return -1;
}

/* ── Reports ─────────────────────────────────────────────────────────────────────────────────── */

/* In the child; async-signal-safe. */
void
mp_process_send_report (int fd,
                        int saved_errno,
                        int step)
{
  const MpStartReport report = { saved_errno, step };

  if (write (fd, &report, sizeof report) < 0)
    _exit (126);
}

static void
close_report (MpProcess *self)
{
  mp_process_lock ();
  mp_clear_fd (&mp_process_private (self)->report_write);
  mp_process_unlock ();
}

/* TRUE when the pipe was closed by a child that has begun. One that could not is reaped. */
gboolean
mp_process_wait_for_report (MpProcess  *self,
                            int         report_read,
                            pid_t       pid,
                            GError    **error)
{
  MpStartReport report;
  ssize_t length;

  close_report (self);
  do
    length = read (report_read, &report, sizeof report);
  while (length < 0 && errno == EINTR);
  if (length != sizeof report)
    return TRUE;

  while (waitpid (pid, NULL, 0) < 0 && errno == EINTR)
    continue;
  mp_family_child_ended (pid);

  return mp_process_setup_explain (self, &report, error);
}

/* The child has only the thread that forks, and whatever the others hold is held there for ever. */
static void
warn_of_threads (void)
{
  static int warned;
  struct stat status;

  if (G_LIKELY (mp_log_threshold == 0) || g_atomic_int_get (&warned) ||
      stat ("/proc/self/task", &status) != 0 || status.st_nlink <= 3)
    return;

  if (g_atomic_int_compare_and_exchange (&warned, FALSE, TRUE))
    MP_LOG (MP_LOG_LEVEL_SUBWARNING,
            "this process forks while it has %d threads: code in the child that waits for what "
            "another thread held waits for ever; a fork server does not have this problem",
            (int) status.st_nlink - 2);
}

/* Without a setup there is nothing that can fail before the work begins. */
static pid_t
fork_child (MpProcess  *self,
            GError    **error)
{
  MpProcessPrivate *priv = mp_process_private (self);
  int report_read = -1;
  pid_t pid;

  warn_of_threads ();
  if (priv->setup == NULL)
    return mp_process_fork_now (self, error);

  if (!mp_process_open_pipe (&report_read, &priv->report_write))
    {
      mp_error_set_errno (error, errno, "Cannot make a pipe to a new process");
      mp_clear_fd (&report_read);
      return -1;
    }

  pid = mp_process_fork_now (self, error);
  if (pid > 0 && !mp_process_wait_for_report (self, report_read, pid, error))
    pid = -1;
  close (report_read);

  return pid;
}

/* ── Start ───────────────────────────────────────────────────────────────────────────────────── */

static gboolean
begin (MpProcess  *self,
       GError    **error)
{
  MpProcessPrivate *priv = mp_process_private (self);
  gboolean fresh;

  mp_process_lock ();
  fresh = priv->state == MP_PROCESS_NEW;
  if (fresh)
    {
      priv->state = MP_PROCESS_STARTING;
      priv->parent_pid = getpid ();
      mp_process_list_add (self);
    }
  mp_process_unlock ();

  if (!fresh)
    g_set_error (error, MP_ERROR, MP_ERROR_INVALID_STATE,
                 "Process %s has been started already", priv->name);

  return fresh;
}

/* Else a program that does not know of workers would run itself again and again. */
static gboolean
check_bootstrapping (GError **error)
{
  if (!mp_process_is_bootstrapping ())
    return TRUE;

  g_set_error (error, MP_ERROR, MP_ERROR_INVALID_STATE,
               "This process was started to run a function of the program, and starts another "
               "process instead: call mp_process_serve() first in main(), before any process is "
               "started");
  return FALSE;
}

static void
end_failed (MpProcess *self)
{
  MpProcessPrivate *priv = mp_process_private (self);
  gboolean listed;

  mp_process_lock ();
  mp_clear_fd (&priv->control_read);
  mp_clear_fd (&priv->control_write);
  mp_clear_fd (&priv->report_write);
  priv->state = MP_PROCESS_NEW;
  listed = mp_process_list_remove (self);
  mp_process_unlock ();

  if (priv->watch != NULL)
    mp_process_watch_drop (g_steal_pointer (&priv->watch));
  if (listed)
    g_object_unref (self);
}

/* A descriptor that a child keeps must not be one of the standard streams, should this process
 * have closed those. */
gboolean
mp_process_raise_fd (int *fd)
{
  int higher;

  if (*fd < 0 || *fd > STDERR_FILENO)
    return *fd >= 0;

  higher = fcntl (*fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
  if (higher < 0)
    return FALSE;
  close (*fd);
  *fd = higher;

  return TRUE;
}

/* The ends are members of a listed process. Under the lock, so that whatever another thread forks
 * meanwhile closes the write end: its copy would keep the pipe open. */
gboolean
mp_process_open_pipe (int *read_end,
                      int *write_end)
{
  int fds[2];
  gboolean done;

  mp_process_lock ();
  done = pipe2 (fds, O_CLOEXEC) == 0;
  if (done)
    {
      *read_end = fds[0];
      *write_end = fds[1];
      done = mp_process_raise_fd (read_end) && mp_process_raise_fd (write_end);
    }
  mp_process_unlock ();

  return done;
}

static gboolean
open_control (MpProcess  *self,
              GError    **error)
{
  MpProcessPrivate *priv = mp_process_private (self);

  if (!priv->daemon || mp_process_open_pipe (&priv->control_read, &priv->control_write))
    return TRUE;

  mp_error_set_errno (error, errno, "Cannot make the control pipe of a daemon");
  return FALSE;
}

/* So that a program which starts and forgets processes does not collect zombies. */
static void
reap_others (void)
{
  g_autoptr (GPtrArray) children = mp_process_list_copy ();

  for (guint i = 0; i < children->len; i++)
    mp_process_reap (children->pdata[i], MP_REAP_DEFER);
}

/* GLib ends the program if it cannot make the descriptor that wakes a main context. */
static gboolean
check_descriptors (GError **error)
{
  static gboolean made;
  int fd;

  if (g_atomic_int_get (&made))
    return TRUE;

  fd = eventfd (0, EFD_CLOEXEC);
  if (fd < 0)
    {
      mp_error_set_errno (error, errno, "Cannot make a descriptor for the main context");
      return FALSE;
    }
  close (fd);
  g_main_context_default ();
  g_atomic_int_set (&made, TRUE);

  return TRUE;
}

static pid_t
make_child (MpProcess  *self,
            GError    **error)
{
  MpProcessPrivate *priv = mp_process_private (self);

  if (!check_bootstrapping (error) || !check_descriptors (error) || !mp_family_ensure (error) ||
      !open_control (self, error) ||
      (priv->setup != NULL && !mp_process_setup_open (self, error)))
    return -1;

  priv->watch = mp_process_watch_take ();
  if (priv->by_server)
    return mp_fork_client_start (self, error);

  return priv->argv != NULL ? mp_process_spawn (self, error) : fork_child (self, error);
}

/**
 * mp_process_start:
 * @self: a process
 * @error: return location for an error
 *
 * Starts the process. From then on [signal@Mp.Process::exited] may be emitted, from the calling
 * thread's default main context.
 *
 * Fails with [error@Mp.Error.INVALID_STATE] if the process was started before,
 * [error@Mp.Error.NOT_SUPPORTED] if it has no command and the calling language cannot fork,
 * [error@Mp.Error.NO_SPACE] if there is no room left in the shared memory of the family,
 * [error@Mp.Error.SERVER_DIED] if its fork server cannot be reached, and the system's own
 * %G_IO_ERROR if it cannot be made, its program cannot be run, or it cannot have what was set for
 * its start: folder, limits, CPUs. After a failure it may be tried again.
 *
 * Returns: %TRUE if the process runs
 *
 * Since: 0.1
 */
gboolean
mp_process_start (MpProcess  *self,
                  GError    **error)
{
  return mp_process_start_by (self, NULL, NULL, error);
}

/**
 * mp_process_start_by: (skip)
 * @self: a process
 * @func: (scope call) (closure user_data) (nullable): the fork function of this start, or %NULL
 *   for the one that [func@Mp.Process.set_fork_func] has set
 * @user_data: the data for @func
 * @error: return location for an error
 *
 * Starts the process as [method@Mp.Process.start] does, by a fork function of the caller: for
 * language bindings that are written in C. A process with a command, or one that a server makes,
 * does not fork here, and leaves @func alone.
 *
 * Fails as [method@Mp.Process.start] does.
 *
 * Returns: %TRUE if the process runs
 *
 * Since: 0.1
 */
gboolean
mp_process_start_by (MpProcess   *self,
                     MpForkFunc   func,
                     gpointer     user_data,
                     GError     **error)
{
  MpProcessPrivate *priv = mp_process_private (self);
  pid_t pid;

  g_return_val_if_fail (MP_IS_PROCESS (self), FALSE);

  if (!begin (self, error))
    return FALSE;

  priv->fork_func = func;
  priv->fork_data = user_data;
  reap_others ();
  pid = make_child (self, error);
  if (priv->setup != NULL)
    mp_process_setup_opened (self, pid > 0);
  if (pid < 0)
    {
      end_failed (self);
      return FALSE;
    }

  mp_process_adopt (self, pid);
  if (priv->control_read >= 0)
    {
      mp_process_lock ();
      mp_clear_fd (&priv->control_read);
      mp_process_unlock ();
    }
  if (!priv->hidden)
    MP_LOG_INFO ("process %s has pid %d", priv->name, (int) pid);
  mp_process_notify_pid (self);

  return TRUE;
}

/**
 * mp_process_set_fork_func:
 * @func: (scope notified) (closure user_data) (destroy notify) (nullable): the fork function, or
 *   %NULL for the default one
 * @user_data: the data for @func
 * @notify: (nullable): frees @user_data when the function is replaced
 *
 * Sets how this process, and those forked from it, fork: for language bindings, once, when they
 * are loaded. A language that does not survive a fork sets a function that returns -ENOTSUP.
 *
 * Since: 0.1
 */
void
mp_process_set_fork_func (MpForkFunc     func,
                          gpointer       user_data,
                          GDestroyNotify notify)
{
  ForkHook *hook = NULL, *former;

  if (func != NULL)
    {
      hook = g_atomic_rc_box_new0 (ForkHook);
      *hook = (ForkHook) { func, user_data, notify };
    }

  mp_process_lock ();
  former = fork_hook;
  fork_hook = hook;
  mp_process_unlock ();
  fork_hook_unref (former);
}
