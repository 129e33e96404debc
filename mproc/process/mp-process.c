/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The class of MpProcess: its properties, its constructors, what can be asked and sent.
 *
 * An MpProcess belongs to the process that starts it, where it may be used from any thread. In a
 * forked child the same object stands for the child itself ("self"); every other one that was
 * running is of no use there and says so. Nothing here blocks.
 */

#include "config.h"

#include "mproc/process/mp-process.h"

#include <errno.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "mproc/base/mp-at-fork-private.h"
#include "mproc/base/mp-error-private.h"
#include "mproc/memory/mp-family-private.h"
#include "mproc/process/mp-process-private.h"
#include "mproc/process/mp-process-setup-private.h"

/**
 * MpProcess:
 *
 * A process that runs a function, a method or a program of yours.
 *
 * Give [ctor@Mp.Process.new] a function, or derive a class that overrides
 * [vfunc@Mp.Process.run], or give [ctor@Mp.Process.new_command] a program; then
 * [method@Mp.Process.start] it and [method@Mp.Process.join] it. The child of a function is made
 * by fork(2): it sees all that its parent had in memory, as a copy. A language whose runtime does
 * not survive that uses commands only.
 *
 * The [property@Mp.Process:exit-code] is 0 after success, 1 after an error (which is printed on
 * the standard error stream), what the child gave to exit(3), or -N if signal N killed it.
 * Standard input of every child is empty: only one process can read a terminal.
 *
 * A process that ends waits for the children it started. Those marked as
 * [property@Mp.Process:daemon] it terminates instead; the kernel kills them even if their parent
 * had no chance to, because it was killed itself.
 *
 * The object may be dropped while the process runs: the library keeps it until it has ended, and
 * leaves no zombie.
 *
 * Since: 0.1
 */

enum {
  PROP_0,
  PROP_NAME,
  PROP_DAEMON,
  PROP_PID,
  PROP_EXIT_CODE,
  PROP_SENTINEL,
  N_PROPS
};

static GParamSpec *properties[N_PROPS];
static guint exited_signal;

/* Set while this thread makes an object for a process that exists already. */
static __thread gboolean making_relative;

G_DEFINE_TYPE_WITH_PRIVATE (MpProcess, mp_process, G_TYPE_OBJECT)

MP_AT_FORK MpProcessPrivate *
mp_process_private (MpProcess *self)
{
  return mp_process_get_instance_private (self);
}

MP_AT_FORK static gboolean
mp_process_real_run (MpProcess  *self,
                     GError    **error)
{
  MpProcessPrivate *priv = mp_process_get_instance_private (self);

  if (priv->worker != NULL)
    return mp_process_run_worker (priv->worker, error);

  return priv->func == NULL || priv->func (self, priv->user_data, error);
}

static void
mp_process_get_property (GObject    *object,
                         guint       property,
                         GValue     *value,
                         GParamSpec *pspec)
{
  MpProcess *self = MP_PROCESS (object);

  switch (property)
    {
    case PROP_NAME:
      g_value_set_string (value, mp_process_get_name (self));
      break;
    case PROP_DAEMON:
      g_value_set_boolean (value, mp_process_get_daemon (self));
      break;
    case PROP_PID:
      g_value_set_int (value, mp_process_get_pid (self));
      break;
    case PROP_EXIT_CODE:
      g_value_set_int (value, mp_process_get_exit_code (self));
      break;
    case PROP_SENTINEL:
      g_value_set_int (value, mp_process_get_sentinel (self));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, property, pspec);
    }
}

static void
mp_process_set_property (GObject      *object,
                         guint         property,
                         const GValue *value,
                         GParamSpec   *pspec)
{
  MpProcess *self = MP_PROCESS (object);
  g_autoptr (GError) error = NULL;

  switch (property)
    {
    case PROP_NAME:
      mp_process_set_name (self, g_value_get_string (value));
      break;
    case PROP_DAEMON:
      if (!mp_process_set_daemon (self, g_value_get_boolean (value), &error))
        g_warning ("%s", error->message);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, property, pspec);
    }
}

/* Processes are counted when they are made, named or not, as multiprocessing does. */
static void
mp_process_constructed (GObject *object)
{
  MpProcessPrivate *priv = mp_process_get_instance_private (MP_PROCESS (object));

  G_OBJECT_CLASS (mp_process_parent_class)->constructed (object);

  if (making_relative)
    return;

  priv->identity = mp_process_next_identity ();
  priv->daemon = mp_process_default_daemon ();
  priv->authkey = mp_process_get_authkey (NULL);
  if (priv->name == NULL)
    priv->name = g_strconcat ("Process-", priv->identity, NULL);
}

/* The table owns a reference to whatever runs, so this one does not, or is not ours. */
static void
mp_process_finalize (GObject *object)
{
  MpProcessPrivate *priv = mp_process_get_instance_private (MP_PROCESS (object));

  if (priv->notify != NULL)
    priv->notify (priv->user_data);

  mp_clear_fd (&priv->pidfd);
  mp_clear_fd (&priv->signal_fd);
  mp_clear_fd (&priv->control_read);
  mp_clear_fd (&priv->control_write);
  mp_clear_fd (&priv->report_write);
  g_clear_pointer (&priv->argv, g_strfreev);
  g_clear_pointer (&priv->setup, mp_process_setup_free);
  g_clear_pointer (&priv->authkey, g_bytes_unref);
  g_clear_object (&priv->boot);
  g_free (priv->failure);
  g_free (priv->worker);
  g_free (priv->language);
  g_free (priv->identity);
  g_free (priv->name);

  G_OBJECT_CLASS (mp_process_parent_class)->finalize (object);
}

static void
install_properties (GObjectClass *object_class)
{
  const GParamFlags readable = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS;
  const GParamFlags writable = readable | G_PARAM_WRITABLE | G_PARAM_EXPLICIT_NOTIFY;

  /**
   * MpProcess:name: (getter get_name) (setter set_name)
   *
   * The name, for messages; it need not be unique. The default is `Process-1`, `Process-2`… by
   * the order in which this process makes them, and `Process-1:2` for the second one that
   * `Process-1` makes. The first process of all is the `MainProcess`.
   *
   * Since: 0.1
   */
  properties[PROP_NAME] =
    g_param_spec_string ("name", NULL, NULL, NULL, writable | G_PARAM_CONSTRUCT);

  /**
   * MpProcess:daemon: (getter get_daemon)
   *
   * Whether the process ends together with the one that starts it. It can be set until the start;
   * the default is what holds for the process that makes the object.
   *
   * Since: 0.1
   */
  properties[PROP_DAEMON] = g_param_spec_boolean ("daemon", NULL, NULL, FALSE, writable);

  /**
   * MpProcess:pid: (getter get_pid)
   *
   * The process id, 0 before the start.
   *
   * Since: 0.1
   */
  properties[PROP_PID] = g_param_spec_int ("pid", NULL, NULL, 0, G_MAXINT, 0, readable);

  /**
   * MpProcess:exit-code: (getter get_exit_code)
   *
   * How the process ended, see [method@Mp.Process.get_exit_code].
   *
   * Since: 0.1
   */
  properties[PROP_EXIT_CODE] = g_param_spec_int ("exit-code", NULL, NULL, G_MININT, G_MAXINT,
                                                 MP_EXIT_CODE_NONE, readable);

  /**
   * MpProcess:sentinel: (getter get_sentinel)
   *
   * A file descriptor that polls readable when the process has ended, see
   * [method@Mp.Process.get_sentinel].
   *
   * Since: 0.1
   */
  properties[PROP_SENTINEL] =
    g_param_spec_int ("sentinel", NULL, NULL, -1, G_MAXINT, -1, readable);

  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
mp_process_class_init (MpProcessClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->constructed = mp_process_constructed;
  object_class->finalize = mp_process_finalize;
  object_class->get_property = mp_process_get_property;
  object_class->set_property = mp_process_set_property;
  klass->run = mp_process_real_run;

  install_properties (object_class);

  /**
   * MpProcess::exited:
   * @self: the process
   * @exit_code: how it ended, see [method@Mp.Process.get_exit_code]
   *
   * The process has ended. Emitted once, only in the process that started it: from the main
   * context that was the thread's default one at the start, or from a call of
   * [method@Mp.Process.join], [method@Mp.Process.is_alive] or [func@Mp.Process.get_children] if
   * that finds out earlier. What ends while its parent ends is not announced.
   *
   * Since: 0.1
   */
  exited_signal = g_signal_new ("exited", MP_TYPE_PROCESS, G_SIGNAL_RUN_LAST,
                                G_STRUCT_OFFSET (MpProcessClass, exited), NULL, NULL,
                                g_cclosure_marshal_VOID__INT, G_TYPE_NONE, 1, G_TYPE_INT);
}

static void
mp_process_init (MpProcess *self)
{
  MpProcessPrivate *priv = mp_process_get_instance_private (self);

  priv->exit_code = MP_EXIT_CODE_NONE;
  priv->pidfd = -1;
  priv->signal_fd = -1;
  priv->extra_fd = -1;
  priv->control_read = -1;
  priv->control_write = -1;
  priv->report_write = -1;
  for (int i = 0; i < MP_PROCESS_CONTEXTS; i++)
    priv->wakeups[i] = -1;
}

/* ── For the other files of the class ────────────────────────────────────────────────────────── */

MpProcess *
mp_process_new_relative (const char     *name,
                         int             pid,
                         MpProcessState  state)
{
  MpProcess *self;
  MpProcessPrivate *priv;

  making_relative = TRUE;
  self = g_object_new (MP_TYPE_PROCESS, "name", name, NULL);
  making_relative = FALSE;

  priv = mp_process_get_instance_private (self);
  priv->pid = pid;
  priv->state = state;
  priv->announced = TRUE;

  return self;
}

void
mp_process_emit_exited (MpProcess *self,
                        int        exit_code)
{
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_EXIT_CODE]);
  g_signal_emit (self, exited_signal, 0, exit_code);
}

gboolean
mp_process_has_listeners (MpProcess *self)
{
  GQuark detail = g_quark_from_static_string ("exit-code");
  guint notify_signal = g_signal_lookup ("notify", G_TYPE_OBJECT);

  return MP_PROCESS_GET_CLASS (self)->exited != NULL ||
         g_signal_has_handler_pending (self, exited_signal, 0, TRUE) ||
         g_signal_has_handler_pending (self, notify_signal, detail, TRUE);
}

void
mp_process_notify_pid (MpProcess *self)
{
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_PID]);
}

/* ── Public ──────────────────────────────────────────────────────────────────────────────────── */

/**
 * mp_process_new:
 * @name: (nullable): the name, or %NULL for a default one
 * @func: (scope notified) (closure user_data) (destroy notify) (nullable): the work; without it
 *   the child does nothing and succeeds
 * @user_data: the data for @func
 * @notify: (nullable): frees @user_data when the object is finalized
 *
 * Makes a process that will run @func. It is not started yet.
 *
 * Returns: (transfer full): the new process
 *
 * Since: 0.1
 */
MpProcess *
mp_process_new (const char     *name,
                MpProcessFunc   func,
                gpointer        user_data,
                GDestroyNotify  notify)
{
  MpProcess *self = g_object_new (MP_TYPE_PROCESS, "name", name, NULL);
  MpProcessPrivate *priv = mp_process_get_instance_private (self);

  priv->func = func;
  priv->user_data = user_data;
  priv->notify = notify;

  return self;
}

/**
 * mp_process_new_command:
 * @name: (nullable): the name, or %NULL for a default one
 * @argv: (array zero-terminated=1): the program, searched in `PATH` if there is no slash in it,
 *   and its arguments
 *
 * Makes a process that will run another program. If that program uses this library too, it
 * belongs to the same family: shared objects can be handed to it, and
 * [func@Mp.Process.get_current] and [func@Mp.Process.get_parent] answer there as in a forked
 * child. It gets the environment and working directory that this process has at the start, its
 * output streams and what else is open without close-on-exec, and default signal handling.
 *
 * Returns: (transfer full): the new process, not started yet
 *
 * Since: 0.1
 */
MpProcess *
mp_process_new_command (const char         *name,
                        const char * const *argv)
{
  MpProcess *self = g_object_new (MP_TYPE_PROCESS, "name", name, NULL);
  MpProcessPrivate *priv = mp_process_get_instance_private (self);

  priv->argv = argv != NULL ? g_strdupv ((char **) argv) : g_new0 (char *, 1);

  return self;
}

static gboolean
send_signal (MpProcess  *self,
             int         number,
             GError    **error)
{
  int result = mp_process_send_signal (self, number);

  if (result == 0)
    return TRUE;

  if (result == ECHILD)
    g_set_error (error, MP_ERROR, MP_ERROR_INVALID_STATE,
                 "Process %s cannot be signalled: it is no running child of this process",
                 mp_process_get_name (self));
  else
    mp_error_set_errno (error, result, "Cannot signal the process");

  return FALSE;
}

/**
 * mp_process_terminate:
 * @self: a process
 * @error: return location for an error
 *
 * Sends SIGTERM to the process, which ends it unless it handles that signal. Does nothing if it
 * has ended already. Children of the process are not signalled.
 *
 * Fails with [error@Mp.Error.INVALID_STATE] if the process was not started, or not by this
 * process.
 *
 * Returns: %TRUE if the signal is on its way, or the process had ended
 *
 * Since: 0.1
 */
gboolean
mp_process_terminate (MpProcess  *self,
                      GError    **error)
{
  g_return_val_if_fail (MP_IS_PROCESS (self), FALSE);

  return send_signal (self, SIGTERM, error);
}

/**
 * mp_process_kill:
 * @self: a process
 * @error: return location for an error
 *
 * Sends SIGKILL to the process, which ends it at once. Does nothing if it has ended already.
 *
 * Fails with [error@Mp.Error.INVALID_STATE] if the process was not started, or not by this
 * process.
 *
 * Returns: %TRUE if the signal is on its way, or the process had ended
 *
 * Since: 0.1
 */
gboolean
mp_process_kill (MpProcess  *self,
                 GError    **error)
{
  g_return_val_if_fail (MP_IS_PROCESS (self), FALSE);

  return send_signal (self, SIGKILL, error);
}

/**
 * mp_process_interrupt:
 * @self: a process
 * @error: return location for an error
 *
 * Sends SIGINT to the process, as Ctrl-C does. Does nothing if it has ended already.
 *
 * Fails with [error@Mp.Error.INVALID_STATE] if the process was not started, or not by this
 * process.
 *
 * Returns: %TRUE if the signal is on its way, or the process had ended
 *
 * Since: 0.1
 */
gboolean
mp_process_interrupt (MpProcess  *self,
                      GError    **error)
{
  g_return_val_if_fail (MP_IS_PROCESS (self), FALSE);

  return send_signal (self, SIGINT, error);
}

/**
 * mp_process_get_name: (get-property name)
 * @self: a process
 *
 * Gets the name. It is valid until the name is changed.
 *
 * Returns: (transfer none): the name
 *
 * Since: 0.1
 */
const char *
mp_process_get_name (MpProcess *self)
{
  MpProcessPrivate *priv = mp_process_get_instance_private (self);

  g_return_val_if_fail (MP_IS_PROCESS (self), NULL);

  return priv->name;
}

/**
 * mp_process_set_name: (set-property name)
 * @self: a process
 * @name: (nullable): the new name; %NULL changes nothing
 *
 * Changes the name. A child that was started already does not hear of it; in the process itself,
 * the rest of the family sees the new name.
 *
 * Since: 0.1
 */
void
mp_process_set_name (MpProcess  *self,
                     const char *name)
{
  MpProcessPrivate *priv = mp_process_get_instance_private (self);

  g_return_if_fail (MP_IS_PROCESS (self));

  if (name == NULL || g_strcmp0 (name, priv->name) == 0)
    return;

  /* Any thread may be reading it. */
  if (priv->state == MP_PROCESS_SELF)
    mp_family_set_self_name (g_intern_string (name));
  else
    g_free (priv->name);
  priv->name = g_strdup (name);
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_NAME]);
}

/**
 * mp_process_get_daemon: (get-property daemon)
 * @self: a process
 *
 * Whether the process ends together with the one that starts it.
 *
 * Returns: %TRUE if it does
 *
 * Since: 0.1
 */
gboolean
mp_process_get_daemon (MpProcess *self)
{
  MpProcessPrivate *priv = mp_process_get_instance_private (self);

  g_return_val_if_fail (MP_IS_PROCESS (self), FALSE);

  return priv->daemon;
}

/**
 * mp_process_set_daemon:
 * @self: a process
 * @daemon: whether it shall end together with the process that starts it
 * @error: return location for an error
 *
 * Sets what [property@Mp.Process:daemon] says, before the start.
 *
 * Fails with [error@Mp.Error.INVALID_STATE] if the process was started already.
 *
 * Returns: %TRUE if it was set
 *
 * Since: 0.1
 */
gboolean
mp_process_set_daemon (MpProcess  *self,
                       gboolean    daemon,
                       GError    **error)
{
  MpProcessPrivate *priv = mp_process_get_instance_private (self);
  gboolean fresh, changed;

  g_return_val_if_fail (MP_IS_PROCESS (self), FALSE);

  daemon = !!daemon;
  mp_process_lock ();
  fresh = priv->state == MP_PROCESS_NEW;
  changed = fresh && priv->daemon != daemon;
  if (changed)
    priv->daemon = daemon;
  mp_process_unlock ();

  if (!fresh)
    g_set_error (error, MP_ERROR, MP_ERROR_INVALID_STATE,
                 "Process %s has been started: whether it is a daemon cannot be changed",
                 priv->name);
  else if (changed)
    g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_DAEMON]);

  return fresh;
}

/**
 * mp_process_get_pid: (get-property pid)
 * @self: a process
 *
 * Gets the process id. It stays the same after the process has ended, when the kernel may give it
 * to another one.
 *
 * Returns: the process id, or 0 before the start
 *
 * Since: 0.1
 */
int
mp_process_get_pid (MpProcess *self)
{
  MpProcessPrivate *priv = mp_process_get_instance_private (self);

  g_return_val_if_fail (MP_IS_PROCESS (self), 0);

  return priv->state == MP_PROCESS_SELF ? getpid () : priv->pid;
}

/**
 * mp_process_get_exit_code: (get-property exit-code)
 * @self: a process
 *
 * Asks how the process ended, without waiting.
 *
 * Returns: the exit code; -N if signal N killed the process; %MP_EXIT_CODE_NONE if it was not
 *   started or still runs; %MP_EXIT_CODE_UNKNOWN if it ended, but somebody else's wait(2) took
 *   its status and the kernel is too old to tell it twice
 *
 * Since: 0.1
 */
int
mp_process_get_exit_code (MpProcess *self)
{
  MpProcessPrivate *priv = mp_process_get_instance_private (self);

  g_return_val_if_fail (MP_IS_PROCESS (self), MP_EXIT_CODE_NONE);

  mp_process_reap (self, MP_REAP_DEFER);

  return priv->exit_code;
}

/**
 * mp_process_get_sentinel: (get-property sentinel)
 * @self: a process
 *
 * Gets a file descriptor that polls readable when the process has ended. It is good for poll(2)
 * and nothing else, belongs to the object, and is closed when that is finalized.
 *
 * Returns: the file descriptor, or -1 before the start, or if the kernel has none for processes
 *
 * Since: 0.1
 */
int
mp_process_get_sentinel (MpProcess *self)
{
  MpProcessPrivate *priv = mp_process_get_instance_private (self);
  int result;

  g_return_val_if_fail (MP_IS_PROCESS (self), -1);

  mp_process_lock ();
  /* The real one is closed when the process has ended, unless somebody had asked for it. */
  if (priv->state == MP_PROCESS_ENDED && priv->pidfd < 0)
    priv->pidfd = eventfd (1, EFD_CLOEXEC);
  if (priv->state != MP_PROCESS_SELF)
    priv->sentinel_taken = TRUE;
  result = priv->pidfd;
  mp_process_unlock ();

  return result;
}
