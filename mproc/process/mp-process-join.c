/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Waiting for the end of a child, or of the parent: join in its three forms, and is_alive.
 *
 * Every wait is a loop of "has it ended?" and a bounded sleep on the pidfd. Any thread may wait;
 * the one that finds the end first reaps the child and announces it. While a thread polls the
 * pidfd its number is not closed, so that it cannot come to mean another file.
 */

#include "config.h"

#include "mproc/process/mp-process-private.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "mproc/base/mp-deadline-private.h"
#include "mproc/base/mp-error-private.h"

/* Microseconds: the longest sleep of a raw wait. */
#define RAW_SLICE 100000

/* ── Waiting ─────────────────────────────────────────────────────────────────────────────────── */

static int
poll_usec (struct pollfd *fds,
           guint          n_fds,
           gint64         usec)
{
  struct timespec time = { usec / G_USEC_PER_SEC, (usec % G_USEC_PER_SEC) * 1000 };

  return ppoll (fds, n_fds, &time, NULL);
}

/* Sleeps until the process has ended, @cancel is readable, @usec are over or a signal arrives;
 * FALSE for the last. */
static gboolean
sleep_for_end (MpProcess *self,
               int        cancel,
               gint64     usec)
{
  MpProcessPrivate *priv = mp_process_private (self);
  struct pollfd fds[2] = { { .fd = -1, .events = POLLIN }, { .fd = cancel, .events = POLLIN } };
  gboolean interrupted;

  mp_process_lock ();
  fds[0].fd = priv->pidfd;
  priv->pollers++;
  mp_process_unlock ();

  if (fds[0].fd < 0)
    usec = MIN (usec, MP_PROCESS_BLIND_SLICE);
  interrupted = poll_usec (fds, G_N_ELEMENTS (fds), usec) < 0 && errno == EINTR;

  mp_process_lock ();
  priv->pollers--;
  if (priv->state == MP_PROCESS_ENDED)
    mp_process_close_pidfd (self);
  mp_process_unlock ();

  return !interrupted;
}

static gboolean
parent_has_ended (MpProcess *self)
{
  MpProcessPrivate *priv = mp_process_private (self);

  return priv->pidfd >= 0 ? mp_pidfd_has_ended (priv->pidfd) : getppid () != priv->pid;
}

static gboolean
has_ended (MpProcess *self,
           MpReap     how)
{
  if (mp_process_private (self)->state == MP_PROCESS_PARENT)
    return parent_has_ended (self);

  return mp_process_reap (self, how);
}

/* Whether there is something to wait for. */
static gboolean
is_joinable (MpProcess *self)
{
  MpProcessState state = mp_process_private (self)->state;

  return state == MP_PROCESS_RUNNING || state == MP_PROCESS_ENDED || state == MP_PROCESS_PARENT;
}

static MpStatus
wait_for_end (MpProcess *self,
              gint64     deadline,
              int        cancel,
              MpReap     how)
{
  while (!has_ended (self, how))
    {
      gint64 left = mp_deadline_left (deadline, G_USEC_PER_SEC);
      struct pollfd poll_fd = { .fd = cancel, .events = POLLIN };

      if (cancel >= 0 && poll (&poll_fd, 1, 0) > 0)
        return MP_STATUS_CANCELLED;
      if (left == 0)
        return MP_STATUS_TIMED_OUT;
      sleep_for_end (self, cancel, left);
    }

  return MP_STATUS_OK;
}

/* TRUE if @self is no running child, at the latest at @deadline. */
gboolean
mp_process_wait_until (MpProcess *self,
                       gint64     deadline,
                       MpReap     how)
{
  return !is_joinable (self) || wait_for_end (self, deadline, -1, how) == MP_STATUS_OK;
}

static gboolean
check_joinable (MpProcess  *self,
                GError    **error)
{
  MpProcessState state = mp_process_private (self)->state;
  const char *reason = "it has not been started";

  if (is_joinable (self))
    return TRUE;

  if (state == MP_PROCESS_SELF)
    reason = "it is the calling process";
  else if (state == MP_PROCESS_FOREIGN)
    reason = "it is no child of this process";
  else if (state == MP_PROCESS_CLOSED)
    reason = "it has been closed";
  g_set_error (error, MP_ERROR, MP_ERROR_INVALID_STATE, "Process %s cannot be joined: %s",
               mp_process_get_name (self), reason);

  return FALSE;
}

/* ── Public ──────────────────────────────────────────────────────────────────────────────────── */

/**
 * mp_process_join:
 * @self: a process
 * @timeout: how long to wait, in seconds; negative: without limit
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Waits until the process has ended. Signals do not end the wait. It may be called any number of
 * times, from any thread.
 *
 * Fails with [error@Mp.Error.TIMED_OUT] if the process still runs after @timeout,
 * [error@Mp.Error.INVALID_STATE] if it was not started, or not by this process, and
 * %G_IO_ERROR_CANCELLED if @cancellable was cancelled.
 *
 * Returns: %TRUE if the process has ended
 *
 * Since: 0.1
 */
gboolean
mp_process_join (MpProcess     *self,
                 double         timeout,
                 GCancellable  *cancellable,
                 GError       **error)
{
  gint64 deadline = mp_deadline_from_seconds (timeout);
  GPollFD poll_fd = { .fd = -1 };
  gboolean watched;
  MpStatus status;

  g_return_val_if_fail (MP_IS_PROCESS (self), FALSE);

  if (!check_joinable (self, error) || g_cancellable_set_error_if_cancelled (cancellable, error))
    return FALSE;

  watched = g_cancellable_make_pollfd (cancellable, &poll_fd);
  g_object_ref (self);
  status = wait_for_end (self, deadline, watched ? poll_fd.fd : -1, MP_REAP_ANNOUNCE);
  g_object_unref (self);
  if (watched)
    g_cancellable_release_fd (cancellable);

  return mp_status_to_error (status, error);
}

/**
 * mp_process_join_raw:
 * @self: a process
 * @usec: how long to wait, in microseconds; negative: without limit
 *
 * Waits as [method@Mp.Process.join], for language bindings. Comes back with
 * %MP_STATUS_INTERRUPTED when a signal arrives, and at the latest after a tenth of a second, so
 * that the interpreter can run its handlers and call again.
 *
 * Returns: an [enum@Mp.Status]: %MP_STATUS_OK if the process has ended, %MP_STATUS_TIMED_OUT,
 *   %MP_STATUS_INTERRUPTED, or %MP_STATUS_INVALID if it cannot be joined here
 *
 * Since: 0.1
 */
int
mp_process_join_raw (MpProcess *self,
                     gint64     usec)
{
  gint64 deadline = mp_deadline_from_usec (usec);
  gint64 left;
  MpStatus status = MP_STATUS_OK;

  g_return_val_if_fail (MP_IS_PROCESS (self), MP_STATUS_INVALID);

  if (!is_joinable (self))
    return MP_STATUS_INVALID;

  g_object_ref (self);
  if (!has_ended (self, MP_REAP_ANNOUNCE))
    {
      left = mp_deadline_left (deadline, RAW_SLICE);
      if (left > 0)
        sleep_for_end (self, -1, left);
      if (!has_ended (self, MP_REAP_ANNOUNCE))
        status = mp_deadline_left (deadline, 1) == 0 ? MP_STATUS_TIMED_OUT : MP_STATUS_INTERRUPTED;
    }
  g_object_unref (self);

  return status;
}

typedef struct
{
  guint generation;
  int fd;   /* its own: another thread may reap, and the process's one is closed then */
} Join;

static void
join_free (gpointer data)
{
  Join *join = data;

  mp_clear_fd (&join->fd);
  g_free (join);
}

/* In a forked child the task is left alone: it is the parent's to end. */
static gboolean
join_cb (gpointer data)
{
  GTask *task = data;
  Join *join = g_task_get_task_data (task);
  MpProcess *self = g_task_get_source_object (task);

  if (join->generation != mp_process_get_generation ())
    {
      g_object_ref (task);
      return G_SOURCE_REMOVE;
    }

  if (g_task_return_error_if_cancelled (task))
    return G_SOURCE_REMOVE;
  if (!has_ended (self, MP_REAP_ANNOUNCE))
    return G_SOURCE_CONTINUE;

  g_task_return_boolean (task, TRUE);
  return G_SOURCE_REMOVE;
}

static void
attach_join (GTask *task,
             Join  *join)
{
  gpointer tag;
  g_autoptr (GSource) source = mp_process_source_new (join->fd, &tag);
  GCancellable *cancellable = g_task_get_cancellable (task);

  if (cancellable != NULL)
    {
      g_autoptr (GSource) cancelled = g_cancellable_source_new (cancellable);

      g_source_set_dummy_callback (cancelled);
      g_source_add_child_source (source, cancelled);
    }

  g_task_attach_source (task, source, join_cb);
}

/**
 * mp_process_join_async:
 * @self: a process
 * @cancellable: (nullable): a cancellable
 * @callback: (scope async) (closure user_data): called when the process has ended, in the
 *   thread-default main context of the caller
 * @user_data: the data for @callback
 *
 * Waits until the process has ended, without blocking. Get the outcome with
 * [method@Mp.Process.join_finish].
 *
 * Since: 0.1
 */
void
mp_process_join_async (MpProcess           *self,
                       GCancellable        *cancellable,
                       GAsyncReadyCallback  callback,
                       gpointer             user_data)
{
  MpProcessPrivate *priv = mp_process_private (self);
  g_autoptr (GTask) task = NULL;
  GError *error = NULL;
  Join *join;

  g_return_if_fail (MP_IS_PROCESS (self));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, mp_process_join_async);
  if (!check_joinable (self, &error))
    {
      g_task_return_error (task, error);
      return;
    }

  join = g_new0 (Join, 1);
  join->generation = mp_process_get_generation ();
  mp_process_lock ();
  join->fd = priv->pidfd >= 0 ? fcntl (priv->pidfd, F_DUPFD_CLOEXEC, 3) : -1;
  mp_process_unlock ();
  g_task_set_task_data (task, join, join_free);
  attach_join (task, join);
}

/**
 * mp_process_join_finish:
 * @self: a process
 * @result: what the callback got
 * @error: return location for an error
 *
 * Finishes [method@Mp.Process.join_async].
 *
 * Fails with [error@Mp.Error.INVALID_STATE] if the process was not started, or not by this
 * process, and %G_IO_ERROR_CANCELLED if the wait was cancelled.
 *
 * Returns: %TRUE if the process has ended
 *
 * Since: 0.1
 */
gboolean
mp_process_join_finish (MpProcess     *self,
                        GAsyncResult  *result,
                        GError       **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}

/**
 * mp_process_is_alive:
 * @self: a process
 *
 * Asks whether the process runs: a child of this process, its parent, or itself.
 *
 * Returns: %TRUE if it was started and has not ended; %FALSE too for a process that is no
 *   relative of this one
 *
 * Since: 0.1
 */
gboolean
mp_process_is_alive (MpProcess *self)
{
  g_return_val_if_fail (MP_IS_PROCESS (self), FALSE);

  if (mp_process_private (self)->state == MP_PROCESS_SELF)
    return TRUE;

  return is_joinable (self) && !has_ended (self, MP_REAP_ANNOUNCE);
}
