/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * What the tests that kill processes at random moments share: how many to kill, killing one, and a
 * check after each case that nothing is left behind: no thread's or process's slot, no lease, no
 * byte.
 *
 * MPROC_TEST_KILLS sets how many are killed in each case; the last line of a program's output says
 * how many there were in all.
 */

#pragma once

#include <stdlib.h>
#include <string.h>

#include "tests/c/step-common.h"

#define N_PEERS 4

static guint n_killed;

static inline guint
n_kills (void)
{
  const char *text = g_getenv ("MPROC_TEST_KILLS");

  return text != NULL ? (guint) atoi (text) : 60;
}

static inline void
kill_and_reap (int pid)
{
  kill (pid, SIGKILL);
  test_reap (pid, -SIGKILL);
  n_killed++;
}

/* Without this process's table of leases, which keeps its size. */
static inline StepUse
kill_measure (void)
{
  const MpProcessSlot *process = &mp_arena.processes[mp_arena.process];
  StepUse use = step_measure ();

  for (guint i = 0; i < MP_N_LEASE_CHUNKS && process->lease_chunks[i] != 0; i++)
    {
      gsize size;

      mp_heap_block (process->lease_chunks[i], &size);
      use.bytes -= size;
    }

  return use;
}

static inline void
run_kill_case (gconstpointer data)
{
  StepUse before, after;

  g_assert_true (mp_family_ensure (NULL));
  mp_recover_sweep ();
  before = kill_measure ();
  run_family_case (data);
  /* Who is forked and killed may be given up a little later. */
  for (guint i = 0; i < 500; i++)
    {
      mp_recover_sweep ();
      after = kill_measure ();
      if (after.slots == before.slots)
        break;
      g_usleep (10000);
    }
  g_assert_cmpuint (after.slots, ==, before.slots);
  g_assert_cmpuint (after.leases, ==, before.leases);
  g_assert_cmpuint (after.bytes, ==, before.bytes);
}

static inline void
add_kill_case (const char *path,
               GTestFunc   func)
{
  g_test_add_data_func (path, (gconstpointer) func, run_kill_case);
}

static inline int
run_kill_cases (void)
{
  int result = g_test_run ();

  g_print ("# %u processes killed\n", n_killed);
  return result;
}
