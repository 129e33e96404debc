/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The table: what a process knows of itself, of its parent and of its children; how it becomes
 * another process's child; and its duties at the end.
 *
 * There is one table per process. A fork copies it, and the pthread_atfork() handlers here put
 * the copy right before any other code of the child runs: nothing of the parent's can be joined,
 * signalled or announced there, and no pipe of a sibling is kept open. They allocate nothing and
 * take no lock of GLib's, since another thread of the parent may have held it. So a child that was
 * forked by someone else, such as an interpreter's own fork call, is in order too.
 *
 * What was inherited is not freed: it may be wrapped by a language whose objects the child must
 * leave alone. Between fork and work nothing is allocated or copied either, and no function called
 * that is not needed: each page touched then costs more than what is done with it.
 */

#include "config.h"

#include "mproc/process/mp-process-private.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <unistd.h>

#include "mproc/base/mp-at-fork-private.h"
#include "mproc/base/mp-deadline-private.h"
#include "mproc/memory/mp-family-private.h"
#include "mproc/process/mp-log-private.h"
#include "mproc/process/mp-process-setup-private.h"

/* How long a daemon may take to end after SIGTERM before it gets SIGKILL. */
#define DAEMON_GRACE 1.0

static struct
{
  GMutex lock;
  guint generation;      /* changes with each fork */
  pid_t pid;             /* whose table this is */
  guint counter;         /* of the processes made here */
  const char *identity;  /* NULL in the first process */
  GBytes *authkey;       /* NULL until it is needed */
  gboolean daemon;
  int control_fd;        /* a daemon's end of the pipe that its parent holds open */
  MpProcess *children;
  MpProcess *inherited;  /* children of the ancestors */
  MpProcess *current;
  MpProcess *parent;
  pid_t parent_pid;      /* 0 in the first process */
  const char *parent_name;
  const char *name;      /* until there is a current object */
  gboolean by_server;    /* forked by a server, whose parent is not this one's */
} table = { .control_fd = -1 };

void
mp_process_lock (void)
{
  g_mutex_lock (&table.lock);
}

void
mp_process_unlock (void)
{
  g_mutex_unlock (&table.lock);
}

guint
mp_process_get_generation (void)
{
  return table.generation;
}

gboolean
mp_process_default_daemon (void)
{
  return table.daemon;
}

/* Under the lock. */
GBytes **
mp_process_self_key (void)
{
  return &table.authkey;
}

char *
mp_process_next_identity (void)
{
  guint number;

  mp_process_lock ();
  number = ++table.counter;
  mp_process_unlock ();

  return table.identity == NULL ? g_strdup_printf ("%u", number)
                                : g_strdup_printf ("%s:%u", table.identity, number);
}

/* ── The list of children ────────────────────────────────────────────────────────────────────── */

/* With the lock held. */
void
mp_process_list_add (MpProcess *self)
{
  MpProcessPrivate *priv = mp_process_private (self);

  priv->next = table.children;
  table.children = g_object_ref (self);
}

/* With the lock held. If it was there, the list's reference is now the caller's. */
gboolean
mp_process_list_remove (MpProcess *self)
{
  MpProcessPrivate *priv = mp_process_private (self);

  for (MpProcess **link = &table.children; *link != NULL; link = &mp_process_private (*link)->next)
    if (*link == self)
      {
        *link = priv->next;
        priv->next = NULL;
        return TRUE;
      }

  return FALSE;
}

GPtrArray *
mp_process_list_copy (void)
{
  GPtrArray *copy = g_ptr_array_new_with_free_func (g_object_unref);

  mp_process_lock ();
  for (MpProcess *child = table.children; child != NULL; child = mp_process_private (child)->next)
    g_ptr_array_add (copy, g_object_ref (child));
  mp_process_unlock ();

  return copy;
}

/* With the lock held: those whose end @watch has to announce, or to ask for. */
GPtrArray *
mp_process_list_collect (MpProcessWatch *watch)
{
  GPtrArray *found = g_ptr_array_new_with_free_func (g_object_unref);

  for (MpProcess *child = table.children; child != NULL; child = mp_process_private (child)->next)
    {
      MpProcessPrivate *priv = mp_process_private (child);

      if (priv->watch == watch && (priv->blind || priv->state == MP_PROCESS_ENDED))
        g_ptr_array_add (found, g_object_ref (child));
    }

  return found;
}

/* With the lock held: whether there is one @watch has to ask for. */
gboolean
mp_process_list_is_blind (MpProcessWatch *watch)
{
  for (MpProcess *child = table.children; child != NULL; child = mp_process_private (child)->next)
    if (mp_process_private (child)->watch == watch && mp_process_private (child)->blind)
      return TRUE;

  return FALSE;
}

/* ── At fork ─────────────────────────────────────────────────────────────────────────────────── */

/* The child's end of a control pipe is kept by the one child it was made for. */
MP_AT_FORK static void
disown (MpProcess *process)
{
  MpProcessPrivate *priv = mp_process_private (process);

  mp_clear_fd (&priv->control_write);
  mp_clear_fd (&priv->pidfd);
  mp_clear_fd (&priv->signal_fd);
  if (process != mp_process_get_starting ())
    {
      mp_clear_fd (&priv->report_write);
      mp_clear_fd (&priv->control_read);
    }
  if (priv->setup != NULL)
    mp_process_setup_disown (priv->setup);
  if (priv->state != MP_PROCESS_ENDED)
    priv->state = MP_PROCESS_FOREIGN;

  priv->announced = TRUE;
  priv->pollers = 0;
  priv->watch = NULL;
}

MP_AT_FORK static void
become_another_process (void)
{
  MpProcess *last = NULL;

  for (MpProcess *child = table.children; child != NULL; child = mp_process_private (child)->next)
    {
      disown (child);
      last = child;
    }

  if (last != NULL)
    {
      mp_process_private (last)->next = table.inherited;
      table.inherited = table.children;
      table.children = NULL;
    }

  mp_clear_fd (&table.control_fd);
  mp_process_watch_forget ();
  mp_fork_client_forget ();
  mp_fork_server_forget ();
  table.pid = getpid ();
  table.generation++;
}

MP_AT_FORK static void
after_fork_in_child (void)
{
  become_another_process ();
  mp_mutex_reset (&table.lock);
}

/* ── The end of this process ─────────────────────────────────────────────────────────────────── */

static void
signal_daemons (GPtrArray *children,
                int        number)
{
  for (guint i = 0; i < children->len; i++)
    if (mp_process_private (children->pdata[i])->daemon)
      mp_process_send_signal (children->pdata[i], number);
}

static gboolean
await_children (GPtrArray *children,
                gboolean   daemons,
                gint64     deadline)
{
  gboolean all = TRUE;

  for (guint i = 0; i < children->len; i++)
    if (mp_process_private (children->pdata[i])->daemon == daemons)
      all &= mp_process_wait_until (children->pdata[i], deadline, MP_REAP_SILENT);

  return all;
}

/* Whoever was forked past the handlers above (vfork, a raw clone) has no children here. The
 * objects are not let go of: their languages may be gone already. */
MP_AT_FORK static void
do_exit_duties (void)
{
  GPtrArray *children;

  if (table.children == NULL || getpid () != table.pid)
    return;

  children = mp_process_list_copy ();
  MP_LOG_DEBUG ("process ends: %u children are awaited or terminated", children->len);
  signal_daemons (children, SIGTERM);
  if (!await_children (children, TRUE, mp_deadline_from_seconds (DAEMON_GRACE)))
    {
      signal_daemons (children, SIGKILL);
      await_children (children, TRUE, MP_DEADLINE_NEVER);
    }
  await_children (children, FALSE, MP_DEADLINE_NEVER);

  g_ptr_array_set_free_func (children, NULL);
  g_ptr_array_unref (children);
}

/* ── The beginning of this process ───────────────────────────────────────────────────────────── */

static void
read_story (void)
{
  MpProcessStory story;

  if (!mp_process_read_story (&story))
    return;

  table.parent_pid = story.parent_pid;
  table.parent_name = story.parent_name;
  table.name = story.name;
  table.identity = story.identity;
  table.daemon = story.daemon;
  table.control_fd = story.control_fd;
  table.authkey = story.authkey;
  mp_process_set_pending ();
  mp_family_set_self_name (story.name);
}

/* When the library is loaded; a forked child inherits all of it. */
__attribute__ ((constructor)) static void
set_up (void)
{
  table.pid = getpid ();
  pthread_atfork (mp_process_lock, mp_process_unlock, after_fork_in_child);
  atexit (do_exit_duties);
  read_story ();
}

MP_AT_FORK static void
replace_stdin (void)
{
  int fd = open ("/dev/null", O_RDONLY | O_CLOEXEC);

  if (fd < 0)
    return;

  if (fd == STDIN_FILENO)
    fcntl (fd, F_SETFD, 0);
  else
    {
      dup2 (fd, STDIN_FILENO);
      close (fd);
    }
}

/* From here on the kernel kills this process when the last write end of the pipe is closed; that
 * is in the parent alone. If it was closed before, there is nothing left to be told of.
 * Async-signal-safe. */
void
mp_control_arm (int   fd,
                pid_t parent_pid)
{
  struct pollfd poll_fd = { .fd = fd, .events = POLLIN };

  fcntl (fd, F_SETOWN, getpid ());
  fcntl (fd, F_SETSIG, SIGKILL);
  fcntl (fd, F_SETFL, O_NONBLOCK | O_ASYNC);

  if (getppid () != parent_pid || (poll (&poll_fd, 1, 0) > 0 && (poll_fd.revents & POLLHUP)))
    kill (getpid (), SIGKILL);
}

/* Who was "self" in the parent is the parent here. */
MP_AT_FORK static void
take_parents_place (MpProcess *self)
{
  MpProcessPrivate *priv = mp_process_private (self);
  MpProcess *former = table.current;

  table.parent = former;
  table.parent_pid = priv->parent_pid;
  table.parent_name = table.name != NULL ? table.name : "MainProcess";
  if (former != NULL)
    {
      MpProcessPrivate *parent = mp_process_private (former);

      parent->state = MP_PROCESS_PARENT;
      parent->pid = priv->parent_pid;
    }
}

/* Who asked the server for this process is its parent; the server never is heard of. */
static void
take_birth (const MpBirth *birth)
{
  MpProcess *parent = mp_process_new_relative (birth->story.parent_name, birth->story.parent_pid,
                                               MP_PROCESS_PARENT);

  mp_process_private (parent)->pidfd = birth->parent_pidfd;
  table.parent = parent;
  table.parent_pid = birth->story.parent_pid;
  table.parent_name = birth->story.parent_name;
  table.by_server = TRUE;
  mp_log_set_level (birth->log_level);
  mp_log_set_to_stderr (birth->log_to_stderr);
}

/* The list's reference on @self, which is never given up here, is the table's too. */
MP_AT_FORK static void
become (MpProcess *self)
{
  MpProcessPrivate *priv = mp_process_private (self);

  table.name = NULL;
  table.current = self;
  table.counter = 0;
  table.identity = priv->identity;
  table.daemon = priv->birth != NULL ? priv->birth->story.daemon : priv->daemon;
  table.authkey = priv->authkey;
  table.control_fd = priv->control_read;
  priv->control_read = -1;
  priv->state = MP_PROCESS_SELF;
  priv->pid = getpid ();
}

/* The parent waits for the report, or for the pipe's end, if there is a setup. */
static void
take_setup (MpProcessPrivate *priv)
{
  int step, error = mp_process_setup_apply (priv->setup, &step);

  if (error != 0)
    {
      mp_process_send_report (priv->report_write, error, step);
      _exit (127);
    }

  if (priv->setup->environment != NULL)
    environ = priv->setup->environment;
  for (int i = 0; i < MP_N_STREAMS; i++)
    mp_clear_fd (&priv->setup->child_ends[i]);
  mp_clear_fd (&priv->setup->null_fd);
  mp_clear_fd (&priv->report_write);
}

/* A child that is not in the list was forked by somebody else. */
MP_AT_FORK static gboolean
enter (MpProcess *self)
{
  MpProcessPrivate *priv = mp_process_private (self);

  if (table.pid != getpid ())
    become_another_process ();
  if (priv->state != MP_PROCESS_FOREIGN || mp_process_get_starting () != self)
    return FALSE;

  if (priv->birth == NULL)
    take_parents_place (self);
  become (self);
  if (table.control_fd >= 0)
    mp_control_arm (table.control_fd, priv->birth != NULL ? getppid () : table.parent_pid);

  return TRUE;
}

/**
 * mp_process_enter_child:
 * @self: the process that was started
 *
 * Makes the calling process, which has just been forked for @self, that process: it gets a name,
 * a parent and an empty standard input, has no children yet, and will not outlive its parent if
 * it is a daemon. For fork functions, in the child, before anything else. Until then all signals
 * are blocked, as they are in the parent as long as the fork function runs. For a process that was
 * not started it does nothing, so that a language may call it once to have it ready.
 *
 * Since: 0.1
 */
MP_AT_FORK void
mp_process_enter_child (MpProcess *self)
{
  MpProcessPrivate *priv = mp_process_private (self);

  if (priv->state == MP_PROCESS_NEW)
    return;

  /* Without the lock: as yet this is the only thread. */
  if (!enter (self))
    {
      g_critical ("mp_process_enter_child() is for the child of a fork function");
      return;
    }

  if (priv->birth != NULL)
    take_birth (priv->birth);
  if (priv->setup != NULL)
    take_setup (priv);
  else
    replace_stdin ();
  if (priv->purges_input)
    __fpurge (stdin);
  mp_context_leave_to_parent (priv->wakeups);
  mp_family_set_self_name (priv->name);
  pthread_sigmask (SIG_SETMASK, &priv->signals, NULL);
}

/**
 * mp_process_leave_child:
 * @self: the process that ends
 *
 * Does what this process owes before its end: terminates the daemons it started, waits for its
 * other children, writes out the standard streams. For fork functions, in the child, before
 * _exit(2). A process that ends by exit(3) does the same by itself. For any other process than the
 * calling one it does nothing.
 *
 * Since: 0.1
 */
MP_AT_FORK void
mp_process_leave_child (MpProcess *self)
{
  if (mp_process_private (self)->state != MP_PROCESS_SELF)
    return;

  do_exit_duties ();
  fflush (NULL);
}

/* ── Relatives ───────────────────────────────────────────────────────────────────────────────── */

/* Of all threads that make the object at once, one's is kept. */
static MpProcess *
keep_relative (MpProcess **place,
               MpProcess  *relative)
{
  g_autoptr (MpProcess) spare = relative;

  mp_process_lock ();
  if (*place == NULL)
    *place = g_steal_pointer (&spare);
  mp_process_unlock ();

  return *place;
}

/**
 * mp_process_get_current:
 *
 * Gets the process that calls this.
 *
 * Returns: (transfer none): this process
 *
 * Since: 0.1
 */
MpProcess *
mp_process_get_current (void)
{
  MpProcess *self;
  const char *name;

  if (table.current != NULL)
    return table.current;

  name = table.name != NULL ? table.name : "MainProcess";
  self = mp_process_new_relative (name, getpid (), MP_PROCESS_SELF);
  mp_process_private (self)->daemon = table.daemon;

  return keep_relative (&table.current, self);
}

/* The pid means the parent only as long as that is the parent. */
static int
open_parent (void)
{
  int fd = mp_pidfd_open (table.parent_pid);

  if (fd >= 0 && !table.by_server && getppid () != table.parent_pid)
    mp_clear_fd (&fd);

  return fd;
}

/**
 * mp_process_get_parent:
 *
 * Gets the process that started this one. It can be asked for its name and process id, whether it
 * is alive, and it can be joined: that waits until it has ended. How it ended is not known here.
 *
 * Returns: (transfer none) (nullable): the parent, or %NULL in a process that was not started
 *   by [method@Mp.Process.start]
 *
 * Since: 0.1
 */
MpProcess *
mp_process_get_parent (void)
{
  MpProcess *parent;

  if (table.parent_pid == 0)
    return NULL;

  parent = table.parent;
  if (parent == NULL)
    {
      parent = mp_process_new_relative (table.parent_name, table.parent_pid, MP_PROCESS_PARENT);
      parent = keep_relative (&table.parent, parent);
    }

  mp_process_lock ();
  if (mp_process_private (parent)->pidfd < 0)
    mp_process_private (parent)->pidfd = open_parent ();
  mp_process_unlock ();

  return parent;
}

/**
 * mp_process_get_children:
 *
 * Gets the children of this process that are alive. Those found to have ended are let go of, and
 * leave no zombie.
 *
 * Returns: (transfer container) (element-type MpProcess): the living children, latest first
 *
 * Since: 0.1
 */
GPtrArray *
mp_process_get_children (void)
{
  GPtrArray *children;

  children = mp_process_list_copy ();
  for (guint i = children->len; i > 0; i--)
    if (mp_process_private (children->pdata[i - 1])->state == MP_PROCESS_STARTING ||
        mp_process_private (children->pdata[i - 1])->hidden ||
        mp_process_reap (children->pdata[i - 1], MP_REAP_ANNOUNCE))
      g_ptr_array_remove_index (children, i - 1);

  return children;
}
