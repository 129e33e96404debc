/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * A program of C or Vala as the worker of a pool: mp_process_serve_worker() comes here if that is
 * what the program was started for, and its registered functions are tasks then.
 *
 * The floor of processes knows nothing of pools, so it is told of this when the library is loaded.
 */

#include "config.h"

#include <signal.h>

#include "mproc/base/mp-error-private.h"
#include "mproc/pool/mp-worker.h"
#include "mproc/process/mp-process-private.h"

/* Ctrl-C is for the pool's owner to decide on; its workers end with it. */
static gboolean
serve_pool (const char  *handle,
            GError     **error)
{
  g_autoptr (MpWorker) worker = mp_worker_new (handle, error);

  if (worker == NULL)
    return FALSE;

  signal (SIGINT, SIG_IGN);
  if (mp_worker_run_native (worker) == MP_STATUS_CLOSED)
    return TRUE;

  g_set_error_literal (error, MP_ERROR, MP_ERROR_FAILED, "The worker cannot go on");
  return FALSE;
}

__attribute__ ((constructor)) static void
set_serve_pool (void)
{
  mp_process_serve_pool = serve_pool;
}
