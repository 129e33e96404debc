/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The main contexts a forked child inherits.
 *
 * A GMainContext is woken through an eventfd, and a fork shares that with the parent: if the child
 * iterates the context it takes wake-ups away that were meant for the parent, whose callbacks then
 * come late. So the child puts a fresh eventfd in its place.
 *
 * Which descriptor that is the parent finds out before the fork, because the child must not call
 * anything that takes the context's lock: another thread of the parent may have held it. GLib does
 * not tell, but of the eventfds that the context polls it is the one whose count grows when the
 * context is woken. A context that another thread is running is left alone: in the child that
 * thread owns it for ever, so nobody can iterate it.
 */

#include "config.h"

#include "mproc/process/mp-process-private.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "mproc/base/mp-at-fork-private.h"

/* Of the default context, which lives for ever. */
static int default_wakeup = -1;

/* -1 if @fd is no eventfd. */
static gint64
read_count (int fd)
{
  char path[32], text[512];
  const char *line;
  guint64 count;
  int info;
  ssize_t length;

  g_snprintf (path, sizeof path, "/proc/self/fdinfo/%d", fd);
  info = open (path, O_RDONLY | O_CLOEXEC);
  if (info < 0)
    return -1;
  length = read (info, text, sizeof text - 1);
  close (info);
  text[MAX (length, 0)] = '\0';
  line = strstr (text, "eventfd-count:");

  return line != NULL && sscanf (line, "eventfd-count: %" G_GINT64_MODIFIER "x", &count) == 1
           ? (gint64) count : -1;
}

/* Which of @fds grows when @context is woken; another one may do so by chance. */
static int
find_growing (GMainContext *context,
              GPollFD      *fds,
              int           n_fds)
{
  g_autofree gint64 *before = g_new (gint64, n_fds + 1);
  int result = -1, found = 0;

  for (int i = 0; i < n_fds; i++)
    before[i] = read_count (fds[i].fd);
  g_main_context_wakeup (context);
  for (int i = 0; i < n_fds; i++)
    if (before[i] >= 0 && read_count (fds[i].fd) > before[i])
      {
        result = fds[i].fd;
        found++;
      }

  return found == 1 ? result : -1;
}

static int
find_wakeup (GMainContext *context)
{
  g_autofree GPollFD *fds = NULL;
  int timeout, n_fds, result = -1;

  if (!g_main_context_acquire (context))
    return -1;

  n_fds = g_main_context_query (context, G_MAXINT, &timeout, NULL, 0);
  fds = g_new0 (GPollFD, n_fds + 1);
  n_fds = MIN (n_fds, g_main_context_query (context, G_MAXINT, &timeout, fds, n_fds));
  for (int i = 0; i < 3 && result < 0; i++)
    result = find_growing (context, fds, n_fds);

  g_main_context_release (context);

  return result;
}

/* In the parent, in the thread that is about to fork. -1 in @fds stands for none. */
void
mp_context_find_wakeups (int fds[MP_PROCESS_CONTEXTS])
{
  GMainContext *context = g_main_context_get_thread_default ();

  if (default_wakeup < 0)
    default_wakeup = find_wakeup (g_main_context_default ());
  fds[0] = default_wakeup;
  fds[1] = -1;
  if (context != NULL && context != g_main_context_default ())
    fds[1] = find_wakeup (context);
}

/* In the child. Takes no lock and allocates nothing. The descriptors are GLib's: none of them can
 * have been closed since they were found. */
MP_AT_FORK void
mp_context_leave_to_parent (const int fds[MP_PROCESS_CONTEXTS])
{
  for (int i = 0; i < MP_PROCESS_CONTEXTS; i++)
    {
      int fresh = fds[i] >= 0 ? eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK) : -1;

      if (fresh >= 0)
        dup3 (fresh, fds[i], O_CLOEXEC);
      mp_clear_fd (&fresh);
    }
}
