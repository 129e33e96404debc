/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * What the tests of processes share: each case runs after one process was started and joined, so
 * that whatever stays open for good is open, and has to leave no child and no descriptor.
 */

#pragma once

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mproc/process/mp-process.h"

static inline int
count_fds (void)
{
  DIR *dir = opendir ("/proc/self/fd");
  int count = 0;

  while (readdir (dir) != NULL)
    count++;
  closedir (dir);

  return count;
}

static inline void
assert_no_children (void)
{
  g_autoptr (GPtrArray) children = mp_process_get_children ();

  g_assert_cmpuint (children->len, ==, 0);
  g_assert_cmpint (waitpid (-1, NULL, WNOHANG), ==, -1);
  g_assert_cmpint (errno, ==, ECHILD);
}

static inline void
start (MpProcess *process)
{
  g_autoptr (GError) error = NULL;

  mp_process_start (process, &error);
  g_assert_no_error (error);
  g_assert_cmpint (mp_process_get_pid (process), >, 0);
}

static inline void
join (MpProcess *process)
{
  g_autoptr (GError) error = NULL;

  mp_process_join (process, -1, NULL, &error);
  g_assert_no_error (error);
}

static inline int
start_and_join (MpProcess *process)
{
  start (process);
  join (process);

  return mp_process_get_exit_code (process);
}

static inline gboolean
do_nothing (MpProcess  *process,
            gpointer    data,
            GError    **error)
{
  return TRUE;
}

static inline gboolean
sleep_long (MpProcess  *process,
            gpointer    data,
            GError    **error)
{
  for (;;)
    pause ();

  return TRUE;
}

static inline MpProcess *
new_daemon (MpProcessFunc func,
            gpointer      data)
{
  MpProcess *process = mp_process_new (NULL, func, data, NULL);

  g_assert_true (mp_process_set_daemon (process, TRUE, NULL));

  return process;
}

/* TRUE if all holders of the pipe's write end are gone within @seconds. */
static inline gboolean
wait_for_eof (int fd,
              int seconds)
{
  struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
  char byte;

  while (poll (&poll_fd, 1, seconds * 1000) > 0)
    if (read (fd, &byte, 1) <= 0)
      return TRUE;

  return FALSE;
}

static inline void
run_case (gconstpointer data)
{
  GTestFunc func = (GTestFunc) data;
  g_autoptr (MpProcess) warm = mp_process_new (NULL, do_nothing, NULL, NULL);
  int before;

  g_assert_cmpint (start_and_join (warm), ==, 0);
  while (g_main_context_iteration (NULL, FALSE))
    continue;

  before = count_fds ();
  func ();
  while (g_main_context_iteration (NULL, FALSE))
    continue;
  assert_no_children ();
  g_assert_cmpint (count_fds (), ==, before);
}

static inline void
add_case (const char *path,
          GTestFunc   func)
{
  g_test_add_data_func (path, (gconstpointer) func, run_case);
}
