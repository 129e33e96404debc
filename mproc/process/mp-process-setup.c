/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * What may be said of a child before its start: environment, folder, standard streams, limits,
 * CPUs, nice value; and its ends of pipes afterwards. Here it is only written down, under the lock
 * of all processes; mp-process-apply.c makes it true.
 */

#include "config.h"

#include "mproc/process/mp-process-setup.h"

#include <string.h>
#include <unistd.h>

#include "mproc/process/mp-process-private.h"
#include "mproc/process/mp-process-setup-private.h"

MpProcessSetup *
mp_process_setup_new (void)
{
  MpProcessSetup *self = g_new0 (MpProcessSetup, 1);

  self->kinds[STDIN_FILENO] = MP_STREAM_NULL;
  self->null_fd = -1;
  for (int i = 0; i < MP_N_STREAMS; i++)
    self->child_ends[i] = self->parent_ends[i] = -1;

  return self;
}

void
mp_process_setup_free (MpProcessSetup *self)
{
  for (int i = 0; i < MP_N_STREAMS; i++)
    {
      mp_clear_fd (&self->child_ends[i]);
      g_clear_object (&self->streams[i]);
    }
  mp_clear_fd (&self->null_fd);
  g_strfreev (self->environment);
  g_free (self->directory);
  g_free (self);
}

/* The setup, with the lock held; or NULL with @error set, if the process was started. */
static MpProcessSetup *
lock_setup (MpProcess  *self,
            GError    **error)
{
  MpProcessPrivate *priv = mp_process_private (self);

  mp_process_lock ();
  if (priv->state == MP_PROCESS_NEW)
    {
      if (priv->setup == NULL)
        priv->setup = mp_process_setup_new ();
      return priv->setup;
    }

  mp_process_unlock ();
  g_set_error (error, MP_ERROR, MP_ERROR_INVALID_STATE,
               "Process %s has been started: what it starts with cannot be changed", priv->name);
  return NULL;
}

static gboolean
refuse (GError     **error,
        const char  *message)
{
  g_set_error_literal (error, MP_ERROR, MP_ERROR_INVALID_ARGUMENT, message);
  return FALSE;
}

/* ── Environment and folder ──────────────────────────────────────────────────────────────────── */

/**
 * mp_process_set_environment:
 * @self: a process
 * @environment: (array zero-terminated=1) (element-type filename) (nullable): all variables of the
 *   child, as `NAME=VALUE`; %NULL for those of this process at the start
 * @error: return location for an error
 *
 * Sets the environment of the child.
 *
 * Fails with [error@Mp.Error.INVALID_STATE] if the process was started, and
 * [error@Mp.Error.INVALID_ARGUMENT] if there is no name before a `=` in one of the strings.
 *
 * Returns: %TRUE if it was set
 *
 * Since: 0.1
 */
gboolean
mp_process_set_environment (MpProcess           *self,
                            const char * const  *environment,
                            GError             **error)
{
  MpProcessSetup *setup;

  g_return_val_if_fail (MP_IS_PROCESS (self), FALSE);

  for (int i = 0; environment != NULL && environment[i] != NULL; i++)
    if (environment[i][0] == '=' || strchr (environment[i], '=') == NULL)
      return refuse (error, "A variable of the environment is NAME=VALUE");

  setup = lock_setup (self, error);
  if (setup == NULL)
    return FALSE;
  g_strfreev (setup->environment);
  setup->environment = g_strdupv ((char **) environment);
  mp_process_unlock ();

  return TRUE;
}

/**
 * mp_process_set_variable:
 * @self: a process
 * @name: (type filename): the name of a variable
 * @value: (type filename) (nullable): its value in the child, or %NULL if it is to have none
 * @error: return location for an error
 *
 * Sets one variable of the child's environment. The others are, unless they were set before, those
 * that this process has at the time of this call.
 *
 * Fails with [error@Mp.Error.INVALID_STATE] if the process was started, and
 * [error@Mp.Error.INVALID_ARGUMENT] if @name is empty or contains `=`.
 *
 * Returns: %TRUE if it was set
 *
 * Since: 0.1
 */
gboolean
mp_process_set_variable (MpProcess   *self,
                         const char  *name,
                         const char  *value,
                         GError     **error)
{
  MpProcessSetup *setup;
  char **environment;

  g_return_val_if_fail (MP_IS_PROCESS (self), FALSE);
  g_return_val_if_fail (name != NULL, FALSE);

  if (*name == '\0' || strchr (name, '=') != NULL)
    return refuse (error, "The name of a variable is not empty and has no “=” in it");

  setup = lock_setup (self, error);
  if (setup == NULL)
    return FALSE;
  environment = setup->environment != NULL ? setup->environment : g_get_environ ();
  setup->environment = value != NULL ? g_environ_setenv (environment, name, value, TRUE)
                                     : g_environ_unsetenv (environment, name);
  mp_process_unlock ();

  return TRUE;
}

/**
 * mp_process_get_environment:
 * @self: a process
 *
 * Gets the environment that was set for the child.
 *
 * Returns: (transfer full) (array zero-terminated=1) (element-type filename) (nullable): all
 *   variables, as `NAME=VALUE`; %NULL if they are those of the parent
 *
 * Since: 0.1
 */
char **
mp_process_get_environment (MpProcess *self)
{
  MpProcessPrivate *priv = mp_process_private (self);
  char **environment = NULL;

  g_return_val_if_fail (MP_IS_PROCESS (self), NULL);

  mp_process_lock ();
  if (priv->setup != NULL)
    environment = g_strdupv (priv->setup->environment);
  mp_process_unlock ();

  return environment;
}

/**
 * mp_process_set_working_directory:
 * @self: a process
 * @path: (type filename) (nullable): the folder, or %NULL for that of this process at the start
 * @error: return location for an error
 *
 * Sets the working directory of the child. A relative path begins at that of this process.
 *
 * Fails with [error@Mp.Error.INVALID_STATE] if the process was started. If the child cannot go
 * there, the start fails.
 *
 * Returns: %TRUE if it was set
 *
 * Since: 0.1
 */
gboolean
mp_process_set_working_directory (MpProcess   *self,
                                  const char  *path,
                                  GError     **error)
{
  MpProcessSetup *setup;

  g_return_val_if_fail (MP_IS_PROCESS (self), FALSE);

  setup = lock_setup (self, error);
  if (setup == NULL)
    return FALSE;
  g_free (setup->directory);
  setup->directory = g_strdup (path);
  mp_process_unlock ();

  return TRUE;
}

/* ── Standard streams ────────────────────────────────────────────────────────────────────────── */

/**
 * mp_process_set_streams:
 * @self: a process
 * @standard_input: what the child reads
 * @standard_output: where it writes
 * @standard_error: where it writes messages
 * @error: return location for an error
 *
 * Sets the standard streams of the child. Without this call they are %MP_STREAM_NULL,
 * %MP_STREAM_INHERIT and %MP_STREAM_INHERIT.
 *
 * This process's end of a pipe is there as soon as the child was started, see
 * [method@Mp.Process.get_stdin_pipe], [method@Mp.Process.get_stdout_pipe] and
 * [method@Mp.Process.get_stderr_pipe]. Read all of them: a child waits when a pipe is full.
 *
 * With a pipe to the child's input, SIGPIPE is ignored in this process from the start on unless it
 * has a handler: writing to a child that reads no more is an error of the stream.
 *
 * Fails with [error@Mp.Error.INVALID_STATE] if the process was started.
 *
 * Returns: %TRUE if they were set
 *
 * Since: 0.1
 */
gboolean
mp_process_set_streams (MpProcess  *self,
                        MpStream    standard_input,
                        MpStream    standard_output,
                        MpStream    standard_error,
                        GError    **error)
{
  const MpStream kinds[MP_N_STREAMS] = { standard_input, standard_output, standard_error };
  MpProcessSetup *setup;

  g_return_val_if_fail (MP_IS_PROCESS (self), FALSE);

  for (int i = 0; i < MP_N_STREAMS; i++)
    if ((guint) kinds[i] > MP_STREAM_PIPE)
      return refuse (error, "A standard stream is inherited, null or a pipe");

  setup = lock_setup (self, error);
  if (setup == NULL)
    return FALSE;
  memcpy (setup->kinds, kinds, sizeof kinds);
  mp_process_unlock ();

  return TRUE;
}

/**
 * mp_process_get_input_kind:
 * @self: a process
 *
 * Asks what the standard input of the child is; for language bindings.
 *
 * Returns: what was said in [method@Mp.Process.set_streams]
 *
 * Since: 0.1
 */
MpStream
mp_process_get_input_kind (MpProcess *self)
{
  MpProcessPrivate *priv = mp_process_private (self);

  g_return_val_if_fail (MP_IS_PROCESS (self), MP_STREAM_NULL);

  return priv->setup != NULL ? priv->setup->kinds[STDIN_FILENO] : MP_STREAM_NULL;
}

static gpointer
get_stream (MpProcess *self,
            int        number)
{
  MpProcessPrivate *priv = mp_process_private (self);
  gpointer stream = NULL;

  mp_process_lock ();
  if (priv->setup != NULL && priv->state != MP_PROCESS_SELF && priv->state != MP_PROCESS_FOREIGN)
    stream = priv->setup->streams[number];
  mp_process_unlock ();

  return stream;
}

/**
 * mp_process_get_stdin_pipe:
 * @self: a process
 *
 * Gets the stream that writes to the child's standard input. Close it when all is written.
 *
 * Returns: (transfer none) (nullable): the stream; %NULL before the start, or if there is no pipe
 *
 * Since: 0.1
 */
GOutputStream *
mp_process_get_stdin_pipe (MpProcess *self)
{
  g_return_val_if_fail (MP_IS_PROCESS (self), NULL);

  return get_stream (self, STDIN_FILENO);
}

/**
 * mp_process_get_stdout_pipe:
 * @self: a process
 *
 * Gets the stream that reads what the child writes to its standard output. It ends when the child,
 * and all that inherited its end of the pipe, have closed it or ended.
 *
 * Returns: (transfer none) (nullable): the stream; %NULL before the start, or if there is no pipe
 *
 * Since: 0.1
 */
GInputStream *
mp_process_get_stdout_pipe (MpProcess *self)
{
  g_return_val_if_fail (MP_IS_PROCESS (self), NULL);

  return get_stream (self, STDOUT_FILENO);
}

/**
 * mp_process_get_stderr_pipe:
 * @self: a process
 *
 * Gets the stream that reads what the child writes to its standard error.
 *
 * Returns: (transfer none) (nullable): the stream; %NULL before the start, or if there is no pipe
 *
 * Since: 0.1
 */
GInputStream *
mp_process_get_stderr_pipe (MpProcess *self)
{
  g_return_val_if_fail (MP_IS_PROCESS (self), NULL);

  return get_stream (self, STDERR_FILENO);
}

/* ── Limits and CPUs ─────────────────────────────────────────────────────────────────────────── */

/**
 * mp_process_set_limit:
 * @self: a process
 * @limit: what is limited
 * @soft: the limit; negative: none
 * @hard: what the child may raise @soft to; negative: anything
 * @error: return location for an error
 *
 * Limits what the child may use of something. %MP_LIMIT_ADDRESS_SPACE is seldom what you want: it
 * counts what is mapped and not what is used.
 *
 * Fails with [error@Mp.Error.INVALID_STATE] if the process was started, and
 * [error@Mp.Error.INVALID_ARGUMENT] if @soft is above @hard. If @hard is above what this process
 * may use itself, the start fails.
 *
 * Returns: %TRUE if it was set
 *
 * Since: 0.1
 */
gboolean
mp_process_set_limit (MpProcess  *self,
                      MpLimit     limit,
                      gint64      soft,
                      gint64      hard,
                      GError    **error)
{
  MpProcessSetup *setup;

  g_return_val_if_fail (MP_IS_PROCESS (self), FALSE);

  if ((guint) limit >= MP_N_LIMITS)
    return refuse (error, "There is no such limit");
  if (hard >= 0 && (soft < 0 || soft > hard))
    return refuse (error, "The soft limit is above the hard one");

  setup = lock_setup (self, error);
  if (setup == NULL)
    return FALSE;
  setup->limits[limit] = (MpProcessLimit) { soft, hard, TRUE };
  mp_process_unlock ();

  return TRUE;
}

/**
 * mp_process_set_affinity:
 * @self: a process
 * @cpus: (array length=n_cpus): the numbers of the CPUs on which the child may run
 * @n_cpus: how many there are
 * @error: return location for an error
 *
 * Binds the child to some of the CPUs.
 *
 * Fails with [error@Mp.Error.INVALID_STATE] if the process was started, and
 * [error@Mp.Error.INVALID_ARGUMENT] if there is no CPU in the list, or a number above 1023. If this
 * process may use none of them itself, the start fails.
 *
 * Returns: %TRUE if it was set
 *
 * Since: 0.1
 */
gboolean
mp_process_set_affinity (MpProcess    *self,
                         const guint  *cpus,
                         gsize         n_cpus,
                         GError      **error)
{
  MpProcessSetup *setup;
  cpu_set_t set;

  g_return_val_if_fail (MP_IS_PROCESS (self), FALSE);
  g_return_val_if_fail (cpus != NULL || n_cpus == 0, FALSE);

  CPU_ZERO (&set);
  for (gsize i = 0; i < n_cpus; i++)
    {
      if (cpus[i] >= CPU_SETSIZE)
        return refuse (error, "There is no CPU of such a number");
      CPU_SET (cpus[i], &set);
    }
  if (n_cpus == 0)
    return refuse (error, "A process needs a CPU to run on");

  setup = lock_setup (self, error);
  if (setup == NULL)
    return FALSE;
  setup->cpus = set;
  setup->has_cpus = TRUE;
  mp_process_unlock ();

  return TRUE;
}

/**
 * mp_process_set_nice:
 * @self: a process
 * @increment: by how much nicer to others the child is than this process; -20 to 19
 * @error: return location for an error
 *
 * Sets how the child shares the CPUs with others, see nice(2). A negative number needs privileges;
 * without them the start fails.
 *
 * Fails with [error@Mp.Error.INVALID_STATE] if the process was started, and
 * [error@Mp.Error.INVALID_ARGUMENT] if @increment is out of range.
 *
 * Returns: %TRUE if it was set
 *
 * Since: 0.1
 */
gboolean
mp_process_set_nice (MpProcess  *self,
                     int         increment,
                     GError    **error)
{
  MpProcessSetup *setup;

  g_return_val_if_fail (MP_IS_PROCESS (self), FALSE);

  if (increment < -20 || increment > 19)
    return refuse (error, "A nice value is changed by -20 to 19");

  setup = lock_setup (self, error);
  if (setup == NULL)
    return FALSE;
  setup->nice = increment;
  mp_process_unlock ();

  return TRUE;
}
