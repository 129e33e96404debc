/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The worker from inside.
 */

#pragma once

#include "mproc/pool/mp-worker.h"
#include "mproc/process/mp-process.h"

G_BEGIN_DECLS

/* The task that was taken last and is not finished. All of it stays until the next is taken. */
typedef struct {
  gboolean      held;
  guint         kind;
  guint         flags;
  const guint8 *function;
  gsize         function_size;
  MpPayload    *argument;
} MpWorkerTask;

const MpWorkerTask *mp_worker_get_task            (MpWorker      *self);

/* As mp_worker_fail(), with an error. */
MpStatus            mp_worker_fail_with_error     (MpWorker      *self,
                                                   const GError  *error);

/* A process, not started, that is a worker for functions of C. */
MpProcess          *mp_worker_make_native_process (const char    *handle);

G_END_DECLS
