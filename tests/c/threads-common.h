/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Counting the threads of a test, to see that a case leaves none behind.
 */

#pragma once

#include <dirent.h>

#include <glib.h>

static inline int
count_entries (const char *path)
{
  DIR *directory = opendir (path);
  int n = 0;

  while (readdir (directory) != NULL)
    n++;
  closedir (directory);

  return n;
}

static inline int
count_threads (void)
{
  return count_entries ("/proc/self/task") - 2; /* it and its parent */
}

/* A thread that was joined may be listed a moment longer; one that stays is the watchdog's. */
static inline void
wait_for_threads (int expected)
{
  while (count_threads () > expected)
    g_usleep (1000);
}
