/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Messages about what processes do, through GLib's structured log of the domain "mproc".
 *
 * The level belongs to the process; children begin with their parent's. A program that has a log
 * writer of its own gets fields with the process's name and id beside the message. Otherwise GLib
 * prints warnings, and the rest if G_MESSAGES_DEBUG asks for it; or, if the program said so, each
 * message goes to standard error as one line, without passing through GLib. A language that has
 * loggers of its own sets a function, which then gets all messages of this process.
 *
 * Never called between a fork and the child's work, or with a lock held. The function is changed
 * under the lock of the processes, which a fork leaves free; it is called without.
 */

#include "config.h"

#include "mproc/process/mp-log-private.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "mproc/memory/mp-family-private.h"
#include "mproc/process/mp-process-private.h"

typedef struct
{
  MpLogFunc func;
  gpointer user_data;
  GDestroyNotify notify;
} LogHook;

int mp_log_threshold;
static gboolean log_to_stderr;
static LogHook *log_hook;

static const struct
{
  int level;
  GLogLevelFlags flags;
  const char *priority;
  const char *name;
} levels[] = {
  { MP_LOG_LEVEL_ERROR, G_LOG_LEVEL_WARNING, "3", "ERROR" },
  { MP_LOG_LEVEL_WARNING, G_LOG_LEVEL_WARNING, "4", "WARNING" },
  { MP_LOG_LEVEL_SUBWARNING, G_LOG_LEVEL_MESSAGE, "5", "SUBWARNING" },
  { MP_LOG_LEVEL_INFO, G_LOG_LEVEL_INFO, "6", "INFO" },
  { MP_LOG_LEVEL_DEBUG, G_LOG_LEVEL_DEBUG, "7", "DEBUG" },
  { G_MININT, G_LOG_LEVEL_DEBUG, "7", "SUBDEBUG" },
};

static guint
find_level (int level)
{
  guint i = 0;

  while (levels[i].level > level)
    i++;

  return i;
}

static void
write_structured (guint       kind,
                  int         level,
                  const char *message)
{
  char pid[16], number[16];
  const GLogField fields[] = {
    { "MESSAGE", message, -1 },
    { "PRIORITY", levels[kind].priority, -1 },
    { "GLIB_DOMAIN", "mproc", -1 },
    { "MPROC_LEVEL", number, -1 },
    { "MPROC_PID", pid, -1 },
    { "MPROC_PROCESS", mp_family_get_self_name (), -1 },
  };

  g_snprintf (number, sizeof number, "%d", level);
  g_snprintf (pid, sizeof pid, "%d", (int) getpid ());
  g_log_structured_array (levels[kind].flags, fields, G_N_ELEMENTS (fields));
}

/* In one write, so that the lines of several processes do not mix. */
static void
write_line (guint       kind,
            const char *message)
{
  g_autofree char *line = g_strdup_printf ("[%s/%s] %s\n", levels[kind].name,
                                           mp_family_get_self_name (), message);

  fflush (stderr);
  if (write (STDERR_FILENO, line, strlen (line)) < 0)
    return;
}

/* ── A function of the program's ─────────────────────────────────────────────────────────────── */

static void
clear_log_hook (gpointer data)
{
  LogHook *hook = data;

  if (hook->notify != NULL)
    hook->notify (hook->user_data);
}

static void
log_hook_unref (LogHook *hook)
{
  if (hook != NULL)
    g_atomic_rc_box_release_full (hook, clear_log_hook);
}

static gboolean
call_log_hook (int         level,
               const char *message)
{
  LogHook *hook = NULL;

  mp_process_lock ();
  if (log_hook != NULL)
    hook = g_atomic_rc_box_acquire (log_hook);
  mp_process_unlock ();
  if (hook == NULL)
    return FALSE;

  hook->func (level, message, hook->user_data);
  log_hook_unref (hook);

  return TRUE;
}

/**
 * mp_log_set_func:
 * @func: (scope notified) (closure user_data) (destroy notify) (nullable): the function, or %NULL
 *   for the default
 * @user_data: the data for @func
 * @notify: (nullable): frees @user_data when the function is replaced
 *
 * Sets where messages go in this process, and in those forked from it, instead of to GLib's log or
 * standard error.
 *
 * It is called for what the level allows, by any thread that has something to say, without a lock.
 * For languages that have loggers of their own; in C, a writer of GLib's
 * (`g_log_set_writer_func()`) gets the messages with all their fields.
 *
 * Since: 0.1
 */
void
mp_log_set_func (MpLogFunc      func,
                 gpointer       user_data,
                 GDestroyNotify notify)
{
  LogHook *hook = NULL, *former;

  if (func != NULL)
    {
      hook = g_atomic_rc_box_new0 (LogHook);
      *hook = (LogHook) { func, user_data, notify };
    }

  mp_process_lock ();
  former = log_hook;
  log_hook = hook;
  mp_process_unlock ();
  log_hook_unref (former);
}

/* ── Messages ────────────────────────────────────────────────────────────────────────────────── */

/**
 * mp_log_message:
 * @level: how important it is, see [enum@Mp.LogLevel]
 * @message: the text, one line
 *
 * Logs a message if the level that was set allows it.
 *
 * It goes to GLib's structured log, domain `mproc`, with the fields `MPROC_PROCESS` and `MPROC_PID`
 * (who says it) and `MPROC_LEVEL`; or to standard error, see [func@Mp.log_set_to_stderr]; or to a
 * function, see [func@Mp.log_set_func].
 *
 * Since: 0.1
 */
void
mp_log_message (int         level,
                const char *message)
{
  guint kind = find_level (level);

  g_return_if_fail (message != NULL);

  if (mp_log_threshold == 0 || level < mp_log_threshold)
    return;

  if (call_log_hook (level, message))
    return;

  if (log_to_stderr)
    write_line (kind, message);
  else
    write_structured (kind, level, message);
}

void
mp_log_printf (int         level,
               const char *format,
               ...)
{
  g_autofree char *message = NULL;
  va_list arguments;

  va_start (arguments, format);
  message = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  mp_log_message (level, message);
}

/**
 * mp_log_set_level:
 * @level: the least level that is logged, see [enum@Mp.LogLevel]; %MP_LOG_LEVEL_OFF for nothing
 *
 * Sets what is logged, by the library and by [func@Mp.log_message], in this process and in those
 * that it starts from now on. The default is %MP_LOG_LEVEL_OFF.
 *
 * Since: 0.1
 */
void
mp_log_set_level (int level)
{
  mp_log_threshold = MAX (level, 0);
}

/**
 * mp_log_get_level:
 *
 * Gets what is logged.
 *
 * Returns: the least level that is logged; %MP_LOG_LEVEL_OFF if nothing is
 *
 * Since: 0.1
 */
int
mp_log_get_level (void)
{
  return mp_log_threshold;
}

/**
 * mp_log_set_to_stderr:
 * @to_stderr: whether to do so
 *
 * Has messages written to standard error as `[INFO/Process-1] …`, instead of to GLib's log; here
 * and in the processes started from now on.
 *
 * Since: 0.1
 */
void
mp_log_set_to_stderr (gboolean to_stderr)
{
  log_to_stderr = !!to_stderr;
}

/**
 * mp_log_get_to_stderr:
 *
 * Asks where messages go.
 *
 * Returns: %TRUE if to standard error, %FALSE if to GLib's log
 *
 * Since: 0.1
 */
gboolean
mp_log_get_to_stderr (void)
{
  return log_to_stderr;
}
