/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * What the tests of shared memory share: reaping children of a bare fork(), and a check that a case
 * leaves neither descriptors nor children nor threads.
 */

#pragma once

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mproc/base/mp-error.h"
#include "threads-common.h"

/* Waits for a child; @expected: its exit code, or minus the signal that ended it. */
static inline void
test_reap (int pid,
           int expected)
{
  int status = 0;

  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  g_assert_cmpint (WIFEXITED (status) ? WEXITSTATUS (status) : -WTERMSIG (status), ==, expected);
}

static inline void
run_family_case (gconstpointer data)
{
  GTestFunc func = (GTestFunc) data;
  static gboolean warm;
  int fds, threads;

  if (!warm)
    func ();
  warm = TRUE;
  fds = count_entries ("/proc/self/fd");
  threads = count_threads ();
  func ();
  g_assert_cmpint (count_entries ("/proc/self/fd"), ==, fds);
  wait_for_threads (threads);
  g_assert_cmpint (waitpid (-1, NULL, WNOHANG), ==, -1);
  g_assert_cmpint (errno, ==, ECHILD);
}

static inline void
add_family_case (const char *path,
                 GTestFunc   func)
{
  g_test_add_data_func (path, (gconstpointer) func, run_family_case);
}
