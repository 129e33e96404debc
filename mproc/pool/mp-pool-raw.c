/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * What bindings need beyond the calls with one piece of bytes: arguments and results that were
 * written in pieces, as a pickler does around large buffers, and are copied only once, to where
 * they are read.
 */

#include "config.h"

#include "mproc/pool/mp-worker.h"

#include "mproc/base/mp-deadline-private.h"
#include "mproc/pool/mp-pool-private.h"
#include "mproc/pool/mp-worker-private.h"

/* The header and the times go before them. */
#define N_HEADS 2

/**
 * mp_pool_submit_pieces: (skip)
 * @self: a pool
 * @kind: how @function is to be understood: an [enum@Mp.FunctionKind], or a number from
 *   %MP_FUNCTION_LANGUAGE up
 * @function: (array length=function_size) (nullable): what names the function
 * @function_size: the size of @function in bytes
 * @flags: an [flags@Mp.TaskFlags]
 * @encoding: the encoding of the pieces together, an [enum@Mp.Encoding]
 * @data: (array length=n_pieces): the pieces of the argument
 * @sizes: (array length=n_pieces): their sizes in bytes
 * @n_pieces: how many pieces
 * @options: (nullable): how the task is to be run
 * @error: return location for an error
 *
 * Gives a task, as [method@Mp.Pool.submit_data_with] does, with an argument in pieces.
 *
 * It fails as [method@Mp.Pool.submit_data] does.
 *
 * Returns: (transfer full): the result to be
 *
 * Since: 0.1
 */
MpResult *
mp_pool_submit_pieces (MpPool               *self,
                       guint                 kind,
                       const guint8         *function,
                       gsize                 function_size,
                       guint                 flags,
                       guint                 encoding,
                       const guint8 *const  *data,
                       const gsize          *sizes,
                       guint                 n_pieces,
                       MpTaskOptions        *options,
                       GError              **error)
{
  g_autofree MpQueuePart *pieces = NULL;

  g_return_val_if_fail (MP_IS_POOL (self), NULL);
  g_return_val_if_fail (options == NULL || MP_IS_TASK_OPTIONS (options), NULL);

  pieces = g_new0 (MpQueuePart, MAX (1, n_pieces));
  for (guint i = 0; i < n_pieces; i++)
    pieces[i] = (MpQueuePart) { data[i], sizes[i] };

  return mp_pool_submit_foreign (self, &(MpPoolFunction) { kind, function, function_size, 0 },
                                 flags,
                                 &(MpPoolArgument) { encoding, pieces, MAX (1, n_pieces) },
                                 options, error);
}

/**
 * mp_worker_finish_pieces: (skip)
 * @self: a worker that has taken a task
 * @encoding: the encoding of the pieces together, an [enum@Mp.Encoding]
 * @data: (array length=n_pieces): the pieces of what the task returned
 * @sizes: (array length=n_pieces): their sizes in bytes
 * @n_pieces: how many pieces
 *
 * Says that the task went well, as [method@Mp.Worker.finish] does, with a result in pieces.
 *
 * Returns: a status as from [method@Mp.Worker.finish]
 *
 * Since: 0.1
 */
int
mp_worker_finish_pieces (MpWorker            *self,
                         guint                encoding,
                         const guint8 *const *data,
                         const gsize         *sizes,
                         guint                n_pieces)
{
  g_autofree MpQueuePart *parts = NULL;
  MpResultHeader header;
  MpTaskTimes times;
  gboolean timed;
  gsize size = 0;

  g_return_val_if_fail (MP_IS_WORKER (self), MP_STATUS_INVALID);

  if (!self->task.held || encoding < MP_ENCODING_VARIANT || encoding > MP_ENCODING_BYTES)
    return MP_STATUS_INVALID;

  mp_worker_send_output (self);

  timed = mp_pool_board_load (&self->board->rules.timed) != 0;
  header = (MpResultHeader) { self->header.id, self->seat, self->pid, MP_OUTCOME_VALUE, timed };
  times = (MpTaskTimes) { self->began, timed ? g_get_monotonic_time () : 0 };
  parts = g_new (MpQueuePart, N_HEADS + n_pieces);
  parts[0] = (MpQueuePart) { &header, sizeof header };
  parts[1] = (MpQueuePart) { &times, timed ? sizeof times : 0 };
  for (guint i = 0; i < n_pieces; i++)
    {
      parts[N_HEADS + i] = (MpQueuePart) { data[i], sizes[i] };
      size += sizes[i];
    }

  return mp_worker_end_task (self,
                             mp_queue_put_parts (self->results, encoding, parts,
                                                 N_HEADS + n_pieces, MP_DEADLINE_NEVER, FALSE,
                                                 NULL, NULL),
                             size);
}
