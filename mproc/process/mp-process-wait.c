/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The end of a child: how it is noticed, what its exit code was, who is told. Nothing here blocks.
 *
 * A pidfd polls readable when the process has ended, whoever reaps it. Reaping is one step under
 * the lock, which exactly one caller takes; the same caller announces the end, in one of three
 * ways (MpReap). Without pidfds (a very old kernel, a strict sandbox, no descriptor left) the
 * waits here look again every few milliseconds.
 *
 * If somebody else reaped the child (a wait for any child, or SIGCHLD ignored), newer kernels
 * still tell the exit code through the pidfd; otherwise it is unknown, and said to be.
 */

#include "config.h"

#include "mproc/process/mp-process-private.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mproc/memory/mp-family-private.h"
#include "mproc/process/mp-log-private.h"

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

/* Newer than the system's headers may be; struct pidfd_info of <linux/pidfd.h> as of Linux 6.15. */
typedef struct
{
  guint64 mask;
  guint64 cgroup;
  guint32 ids[11];
  gint32 status;
} PidfdInfo;

#define PIDFD_INFO_WANT_EXIT (G_GUINT64_CONSTANT (1) << 3)
#define PIDFD_INFO_IOCTL _IOWR (0xFF, 11, PidfdInfo)

gboolean mp_process_without_pidfd;

/* ── pidfds ──────────────────────────────────────────────────────────────────────────────────── */

int
mp_pidfd_open (pid_t pid)
{
  if (mp_process_without_pidfd)
    {
      errno = ENOSYS;
      return -1;
    }

  return syscall (SYS_pidfd_open, pid, 0);
}

gboolean
mp_pidfd_has_ended (int pidfd)
{
  struct pollfd poll_fd = { .fd = pidfd, .events = POLLIN };

  return poll (&poll_fd, 1, 0) > 0;
}

/* With the lock held. A number that was handed out, or is being polled, stays what it is. */
void
mp_process_close_pidfd (MpProcess *self)
{
  MpProcessPrivate *priv = mp_process_private (self);

  mp_clear_fd (&priv->signal_fd);
  if (priv->pollers == 0 && !priv->sentinel_taken)
    mp_clear_fd (&priv->pidfd);
}

/* The one who asked for the number polls it no more. */
void
mp_process_drop_sentinel (MpProcess *self)
{
  MpProcessPrivate *priv = mp_process_private (self);

  mp_process_lock ();
  priv->sentinel_taken = FALSE;
  if (priv->state == MP_PROCESS_ENDED)
    mp_process_close_pidfd (self);
  mp_process_unlock ();
}

/* Returns 0, or an errno value: ECHILD if @self is no child of this process. */
int
mp_process_send_signal (MpProcess *self,
                        int        number)
{
  MpProcessPrivate *priv = mp_process_private (self);
  int result = ECHILD;

  mp_process_lock ();
  if (priv->state == MP_PROCESS_ENDED)
    result = 0;
  else if (priv->state == MP_PROCESS_RUNNING && (priv->signal_fd >= 0 || priv->pidfd >= 0))
    result = syscall (SYS_pidfd_send_signal,
                      priv->signal_fd >= 0 ? priv->signal_fd : priv->pidfd, number, NULL, 0) == 0
               ? 0 : errno;
  else if (priv->state == MP_PROCESS_RUNNING)
    result = kill (priv->pid, number) == 0 ? 0 : errno;
  mp_process_unlock ();

  return result == ESRCH ? 0 : result;
}

/* ── Reaping ─────────────────────────────────────────────────────────────────────────────────── */

int
mp_exit_code_from_status (int status)
{
  return WIFSIGNALED (status) ? -WTERMSIG (status) : WEXITSTATUS (status);
}

int
mp_pidfd_get_exit_code (int pidfd)
{
  PidfdInfo info = { .mask = PIDFD_INFO_WANT_EXIT };

  if (pidfd < 0 || ioctl (pidfd, PIDFD_INFO_IOCTL, &info) != 0 ||
      (info.mask & PIDFD_INFO_WANT_EXIT) == 0)
    return MP_EXIT_CODE_UNKNOWN;

  return mp_exit_code_from_status (info.status);
}

/* A child with its SIGCHLD ignored is nobody's to wait for only once it has ended. */
static gboolean
is_gone (MpProcessPrivate *priv)
{
  if (priv->pidfd >= 0)
    return mp_pidfd_has_ended (priv->pidfd);

  return kill (priv->pid, 0) != 0 && errno == ESRCH;
}

static int
wait_for_status (MpProcessPrivate *priv,
                 siginfo_t        *info)
{
  const int flags = WEXITED | WNOHANG;
  int result = -1;

  info->si_pid = 0;
  errno = EINVAL;
  if (priv->pidfd >= 0)
    result = waitid ((idtype_t) P_PIDFD, priv->pidfd, info, flags);
  /* Linux 5.3 knows pidfds, but not how to wait for them. */
  if (result != 0 && errno == EINVAL)
    result = waitid (P_PID, priv->pid, info, flags);

  return result;
}

/* TRUE if the child has ended; its exit code is known then. */
static gboolean
take_status (MpProcessPrivate *priv)
{
  siginfo_t info;

  if (priv->by_server)
    return mp_fork_client_take_status (priv);

  if (wait_for_status (priv, &info) == 0)
    {
      if (info.si_pid == 0)
        return FALSE;
      priv->exit_code = info.si_code == CLD_EXITED ? info.si_status : -info.si_status;
      return TRUE;
    }

  if (!is_gone (priv))
    return FALSE;

  priv->exit_code = mp_pidfd_get_exit_code (priv->pidfd);
  return TRUE;
}

/* With the lock held. */
static gboolean
end_if_ended (MpProcess *self)
{
  MpProcessPrivate *priv = mp_process_private (self);

  if (priv->state != MP_PROCESS_RUNNING || !take_status (priv))
    return FALSE;

  priv->state = MP_PROCESS_ENDED;
  mp_clear_fd (&priv->control_write);
  mp_process_watch_remove (self, priv->pidfd);
  mp_process_close_pidfd (self);

  return TRUE;
}

static void
announce (MpProcess *self,
          gboolean   listed,
          MpReap     how)
{
  mp_process_watch_drop (g_steal_pointer (&mp_process_private (self)->watch));
  if (how == MP_REAP_SILENT)
    return;

  mp_process_emit_exited (self, mp_process_private (self)->exit_code);
  if (listed)
    g_object_unref (self);
}

/* Looks whether the child has ended, tells whom @how says, and returns whether it has. The caller
 * has a reference. */
gboolean
mp_process_reap (MpProcess *self,
                 MpReap     how)
{
  MpProcessPrivate *priv = mp_process_private (self);
  gboolean later = how == MP_REAP_DEFER && mp_process_has_listeners (self);
  gboolean first, ended, tell, listed = FALSE;

  mp_process_lock ();
  first = end_if_ended (self);
  ended = priv->state == MP_PROCESS_ENDED;
  tell = ended && !priv->announced && !later;
  if (tell)
    {
      priv->announced = TRUE;
      listed = mp_process_list_remove (self);
    }
  else if (first)
    mp_process_watch_hurry (priv->watch);
  mp_process_unlock ();

  if (first)
    {
      if (!priv->hidden)
        MP_LOG_INFO ("process %s has ended with exit code %d", priv->name, priv->exit_code);
      mp_family_child_ended (priv->pid);
    }
  if (tell)
    announce (self, listed, how);

  return ended;
}

/* ── A source ────────────────────────────────────────────────────────────────────────────────── */

/* Ready when its descriptor or its time is. After a fork the copy in the child is of no use: it is
 * ready at once, and its callback sees why. */
typedef struct
{
  GSource source;
  guint generation;
} EndSource;

static gboolean
end_source_prepare (GSource *source,
                    int     *timeout)
{
  *timeout = -1;
  return ((EndSource *) source)->generation != mp_process_get_generation ();
}

static gboolean
end_source_dispatch (GSource     *source,
                     GSourceFunc  callback,
                     gpointer     data)
{
  /* Without a descriptor: look again in a while. */
  g_source_set_ready_time (source, g_get_monotonic_time () + MP_PROCESS_BLIND_SLICE);

  return callback (data);
}

/* @tag gets what names @fd in the source, NULL if @fd is -1. */
GSource *
mp_process_source_new (int       fd,
                       gpointer *tag)
{
  static GSourceFuncs funcs = {
    .prepare = end_source_prepare,
    .dispatch = end_source_dispatch,
  };
  GSource *source = g_source_new (&funcs, sizeof (EndSource));

  g_source_set_static_name (source, "[mproc] end of a process");
  ((EndSource *) source)->generation = mp_process_get_generation ();
  *tag = NULL;
  if (fd >= 0)
    *tag = g_source_add_unix_fd (source, fd, G_IO_IN);
  else
    g_source_set_ready_time (source, 0);

  return source;
}

/* @pid was forked for @self: from here on it is a running child. */
void
mp_process_adopt (MpProcess *self,
                  pid_t      pid)
{
  MpProcessPrivate *priv = mp_process_private (self);

  mp_process_lock ();
  priv->pid = pid;
  if (!priv->by_server)
    priv->pidfd = mp_pidfd_open (pid);
  priv->state = MP_PROCESS_RUNNING;
  mp_process_watch_add (self, priv->pidfd);
  mp_process_unlock ();
}
