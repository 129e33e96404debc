/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The program of workers that run functions of libraries:
 *
 *   mp-worker call HANDLE       calls one function, for MpProcess
 *   mp-worker forkserver FD     forks children that do so
 *   mp-worker worker HANDLE     runs tasks until there are no more, for MpPool
 *
 * It uses the shared library, as the libraries do that it loads.
 */

#include "config.h"

#include <stdio.h>
#include <stdlib.h>

#include "mproc/process/mp-process.h"

int
main (int    argc,
      char **argv)
{
  g_autoptr (GError) error = NULL;

  if (argc < 3)
    {
      fprintf (stderr, "This program is started by the library: %s call|forkserver|worker HANDLE\n",
               argv[0]);
      return 2;
    }

  if (mp_process_serve_worker (argv[1], argv[2], &error))
    return EXIT_SUCCESS;

  fprintf (stderr, "Process %s: %s\n", mp_process_get_name (mp_process_get_current ()),
           error != NULL ? error->message : "failed");
  return EXIT_FAILURE;
}
