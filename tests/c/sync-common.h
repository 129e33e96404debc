/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * What the tests of semaphores, events and barriers share.
 */

#pragma once

#include <stdlib.h>

#include "mproc/memory/mp-shared.h"
#include "tests/c/family-common.h"

static inline double
slowness (void)
{
  const char *text = g_getenv ("MPROC_TEST_SLOWNESS");

  return text != NULL ? MAX (atof (text), 1) : 1;
}

static inline void
assert_text (gpointer    shared,
             const char *expected)
{
  g_autofree char *text = mp_shared_to_string (MP_SHARED (shared));

  g_assert_cmpstr (text, ==, expected);
}

/* In a thread. */
static inline gpointer
cancel_later (gpointer cancellable)
{
  g_usleep (50000);
  g_cancellable_cancel (cancellable);
  return NULL;
}

/* In a main loop. */
static inline gboolean
cancel_cb (gpointer cancellable)
{
  g_cancellable_cancel (cancellable);
  return G_SOURCE_REMOVE;
}

static inline void
keep_result (GObject      *source G_GNUC_UNUSED,
             GAsyncResult *result,
             gpointer      kept)
{
  *(GAsyncResult **) kept = g_object_ref (result);
}

static inline GAsyncResult *
wait_for (GAsyncResult **result)
{
  while (*result == NULL)
    g_main_context_iteration (NULL, TRUE);

  return *result;
}

/* A child that begins when it is told to; it has no copy of what waits here by then. */
static inline int
start_later (int        go[2],
             int      (*work) (gpointer object, gpointer other),
             gpointer   object,
             gpointer   other)
{
  char byte;
  int pid;

  g_assert_cmpint (pipe (go), ==, 0);
  pid = fork ();
  if (pid == 0)
    _exit (read (go[0], &byte, 1) == 1 ? work (object, other) : 99);

  return pid;
}

static inline void
tell (int go[2])
{
  g_assert_cmpint (write (go[1], "x", 1), ==, 1);
  close (go[0]);
  close (go[1]);
}
