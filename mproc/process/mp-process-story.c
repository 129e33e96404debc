/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * What the program of a command is told of itself, through its environment.
 *
 * MPROC_ARENA says how to reach the family's memory, at the same descriptor number as here.
 * MPROC_PROCESS says whose child it is, and begins with its process id, written by the child
 * itself: whoever inherits the variable by way of a program that knows nothing of it finds that he
 * is not meant.
 */

#include "config.h"

#include "mproc/process/mp-process-private.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "mproc/process/mp-log.h"

enum {
  FIELD_PID,
  FIELD_PARENT,
  FIELD_CONTROL_FD,
  FIELD_KEY_FD,
  FIELD_DAEMON,
  FIELD_LOG_LEVEL,
  FIELD_LOG_TO_STDERR,
  FIELD_IDENTITY,
  FIELD_NAME,
  FIELD_PARENT_NAME,
  N_FIELDS
};

static char *
escape (const char *text)
{
  return g_uri_escape_string (text != NULL ? text : "", NULL, FALSE);
}

/* The fields above, with blanks between them. The first is left to be filled in. */
char *
mp_process_tell_story (MpProcess *self,
                       int        key_fd)
{
  MpProcessPrivate *priv = mp_process_private (self);
  g_autofree char *name = escape (priv->name);
  g_autofree char *parent = escape (mp_process_get_name (mp_process_get_current ()));

  return g_strdup_printf ("%0*d %d %d %d %d %d %d %s %s %s", MP_PROCESS_PID_DIGITS, 0,
                          (int) priv->parent_pid, priv->control_read, key_fd, priv->daemon,
                          priv->hidden ? 0 : mp_log_get_level (), mp_log_get_to_stderr (),
                          priv->identity, name,
                          parent);
}

static gboolean
parse (MpProcessStory  *story,
       char           **fields)
{
  if (g_strv_length (fields) != N_FIELDS || atoi (fields[FIELD_PID]) != getpid ())
    return FALSE;

  story->parent_pid = atoi (fields[FIELD_PARENT]);
  story->control_fd = atoi (fields[FIELD_CONTROL_FD]);
  story->authkey = mp_process_read_key (atoi (fields[FIELD_KEY_FD]));
  story->daemon = atoi (fields[FIELD_DAEMON]);
  mp_log_set_level (atoi (fields[FIELD_LOG_LEVEL]));
  mp_log_set_to_stderr (atoi (fields[FIELD_LOG_TO_STDERR]));
  story->identity = g_strdup (fields[FIELD_IDENTITY]);
  story->name = g_uri_unescape_string (fields[FIELD_NAME], NULL);
  story->parent_name = g_uri_unescape_string (fields[FIELD_PARENT_NAME], NULL);

  return story->parent_pid > 0 && story->name != NULL && story->parent_name != NULL;
}

/* TRUE if this process is an exec'ed child of the library's. What is in @story is the caller's. The
 * variable is used up. */
gboolean
mp_process_read_story (MpProcessStory *story)
{
  const char *text = g_getenv (MP_PROCESS_ENVIRONMENT);
  g_auto (GStrv) fields = text != NULL ? g_strsplit (text, " ", -1) : NULL;

  if (text == NULL)
    return FALSE;

  g_unsetenv (MP_PROCESS_ENVIRONMENT);
  memset (story, 0, sizeof *story);
  if (!parse (story, fields))
    {
      g_clear_pointer (&story->authkey, g_bytes_unref);
      g_free (story->identity);
      g_free (story->name);
      g_free (story->parent_name);
      return FALSE;
    }
  if (story->control_fd >= 0)
    fcntl (story->control_fd, F_SETFD, FD_CLOEXEC);

  return TRUE;
}
