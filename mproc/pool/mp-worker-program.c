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

#include <signal.h>
#include <string.h>

#include "mproc/pool/mp-worker.h"
#include "mproc/process/mp-process.h"

/* Ctrl-C is for the pool's owner to decide on; its workers end with it. */
static gboolean
serve_pool (const char  *handle,
            GError     **error)
{
  g_autoptr (MpWorker) worker = mp_worker_new (handle, error);

  if (worker == NULL)
    return FALSE;

  signal (SIGINT, SIG_IGN);

  return mp_worker_run_native (worker) == MP_STATUS_CLOSED;
}

static gboolean
serve (const char  *kind,
       const char  *handle,
       GError     **error)
{
  return strcmp (kind, "worker") == 0 ? serve_pool (handle, error)
                                      : mp_process_serve_worker (kind, handle, error);
}

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

  if (serve (argv[1], argv[2], &error))
    return EXIT_SUCCESS;

  fprintf (stderr, "Process %s: %s\n", mp_process_get_name (mp_process_get_current ()),
           error != NULL ? error->message : "failed");
  return EXIT_FAILURE;
}
