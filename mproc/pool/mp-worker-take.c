/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * How a worker comes by its next task: from the most urgent queue that has one, or by waiting.
 *
 * A small message is read in the worker's own buffer, a large one in the block that it came in; the
 * argument becomes a payload only if somebody wants it as one.
 */

#include "config.h"

#include "mproc/pool/mp-worker.h"

#include <string.h>

#include "mproc/base/mp-deadline-private.h"
#include "mproc/base/mp-error-private.h"
#include "mproc/memory/mp-attach-private.h"
#include "mproc/pool/mp-pool-board-private.h"
#include "mproc/pool/mp-pool.h"
#include "mproc/pool/mp-worker-private.h"

static gboolean
is_too_old (MpWorker *self)
{
  return mp_pool_board_load (&self->board->generation) != self->generation;
}

static gboolean
is_to_leave (MpWorker *self)
{
  return self->had_enough || is_too_old (self) || mp_pool_board_load (&self->own->leave);
}

static gboolean
has_message (MpWorker *self)
{
  for (guint i = 0; i < MP_POOL_LANES; i++)
    {
      if (mp_ring_readable (self->rings[i]))
        return TRUE;
    }

  return FALSE;
}

static gboolean
was_told_something (gpointer data)
{
  MpWorker *self = data;

  return is_to_leave (self) || mp_pool_board_load (&self->board->closing) || has_message (self);
}

static MpStatus
take_from (MpWorker *self,
           guint     lane,
           guint    *encoding)
{
  const MpWaitLimits limits = { MP_DEADLINE_NOW, NULL, TRUE };
  MpRingMessage message = { 0 };
  MpStatus status = mp_queue_get_until (self->lanes[lane], self->buffer, MP_RING_INLINE_MAX, TRUE,
                                        &self->own->lease, &limits, &message);

  if (status != MP_STATUS_OK)
    return status;

  *encoding = message.encoding;
  self->message = self->buffer;
  self->message_size = message.size;
  if (message.block != 0)
    {
      self->block = mp_block_adopt (message.block, message.lease);
      self->message = mp_block_get_data (self->block, NULL);
    }

  return MP_STATUS_OK;
}

/* TIMED_OUT: there is none, or another worker was faster. */
static MpStatus
take_now (MpWorker *self,
          guint    *encoding)
{
  MpStatus status = MP_STATUS_TIMED_OUT;

  for (guint i = 0; i < MP_POOL_LANES && status == MP_STATUS_TIMED_OUT; i++)
    {
      if (!mp_ring_readable (self->rings[i]))
        continue;

      self->own->lane = i;
      status = take_from (self, i, encoding);
    }

  return status;
}

/* Who gives a task looks for workers after the put, and so sees that this one leaves, or is seen
 * here to have put it. */
static gboolean
may_leave_idle (MpWorker *self)
{
  gint64 most = self->board->rules.idle_usec;

  if (most <= 0 || g_get_monotonic_time () - self->idle_since < most)
    return FALSE;

  mp_pool_board_store (&self->own->taken, MP_SEAT_LEFT);
  if (!has_message (self))
    return TRUE;

  mp_pool_board_store (&self->own->taken, MP_SEAT_TAKEN);
  return FALSE;
}

static MpStatus
leave (MpWorker *self)
{
  mp_pool_board_store (&self->own->taken, MP_SEAT_LEFT);

  return MP_STATUS_CLOSED;
}

/* Whoever is told to close looks at the queues once more: tasks were put before that. */
static MpStatus
take_message (MpWorker *self,
              gint64    deadline,
              guint    *encoding)
{
  gboolean slept = FALSE;
  gboolean closing;
  MpStatus status;

  do
    {
      if (is_to_leave (self))
        return leave (self);

      closing = mp_pool_board_load (&self->board->closing);
      status = take_now (self, encoding);
      if (status == MP_STATUS_OK && slept)
        mp_pool_board_pass_on (self->lanes[MP_POOL_LANE_NORMAL]);
      if (status != MP_STATUS_TIMED_OUT)
        return status;
      if (closing || may_leave_idle (self))
        return leave (self);

      status = mp_pool_board_wait (self->lanes[MP_POOL_LANE_NORMAL], was_told_something, self,
                                   deadline, NULL, &slept);
    }
  while (status == MP_STATUS_OK);

  return status;
}

/* A task that only a worker made later can run. */
static MpStatus
hand_back (MpWorker *self,
           guint     encoding)
{
  MpStatus status;

  if (self->block != NULL)
    mp_attach_block (self->block);
  status = mp_worker_put_outcome (self, MP_OUTCOME_BACK, encoding, self->message,
                                  self->message_size);
  status = mp_worker_end_task (self, status, self->message_size);

  return status == MP_STATUS_OK ? MP_STATUS_CLOSED : status;
}

/* A cancelled task is passed over. The owner says so first and then looks who runs it: one of the
 * two sees the other. */
static gboolean
begin_work (MpWorker *self)
{
  __atomic_store_n (&self->own->running, self->header.id, __ATOMIC_SEQ_CST);

  return !mp_pool_board_is_cancelled (self->board, self->header.id);
}

/* Where the argument begins; 0: the message is none. */
static gsize
read_header (MpWorker *self)
{
  const guint8 *data = self->message;
  gsize size = self->message_size;
  gsize at = sizeof self->header;

  if (size < at)
    return 0;
  memcpy (&self->header, data, at);

  self->limits = (MpTaskLimits) { 0 };
  if ((self->header.flags & MP_TASK_LIMITED) != 0)
    {
      if (size < at + sizeof self->limits)
        return 0;
      memcpy (&self->limits, data + at, sizeof self->limits);
      at += sizeof self->limits;
    }

  return at;
}

/* The function's name is behind the argument, or on the board. */
static gboolean
read_function (MpWorker     *self,
               gsize         at,
               MpWorkerTask *task)
{
  guint32 n = self->header.function_size;

  if ((self->header.flags & MP_TASK_KNOWN) != 0)
    {
      if (n >= MP_POOL_FUNCTIONS)
        return FALSE;
      task->known = n + 1;
      task->function = self->board->functions[n].name;
      task->function_size = self->board->functions[n].size;
      n = 0;
    }
  else if (n <= self->message_size - at)
    {
      task->function = self->message + self->message_size - n;
      task->function_size = n;
    }
  else
    {
      return FALSE;
    }

  task->argument = self->message + at;
  task->argument_size = self->message_size - at - n;

  return TRUE;
}

/* OK: the message is this worker's task now. INTERRUPTED: it was cancelled. */
static MpStatus
read_message (MpWorker *self,
              guint     encoding)
{
  gsize at = read_header (self);
  MpWorkerTask task = {
    .held = TRUE,
    .kind = self->header.kind,
    .flags = self->header.flags & ~MP_TASK_INNER,
    .encoding = encoding,
    .is_empty = (self->header.flags & MP_TASK_EMPTY) != 0,
  };

  if (at == 0 || !read_function (self, at, &task))
    return MP_STATUS_INVALID;

  if (!begin_work (self))
    {
      mp_worker_begin_rest (self);
      return MP_STATUS_INTERRUPTED;
    }

  if ((self->header.flags & MP_TASK_INHERITED) != 0
      && (gint32) (self->generation - self->header.generation) < 0)
    return hand_back (self, encoding);

  self->task = task;
  mp_worker_begin_limits (self);
  mp_task_set_worker (self);

  return MP_STATUS_OK;
}

static MpPayload *
make_argument (MpWorker *self)
{
  const MpWorkerTask *task = &self->task;
  g_autoptr (GBytes) whole = NULL;
  g_autoptr (GBytes) bytes = NULL;

  if (task->is_empty)
    return mp_payload_ref (mp_pool_get_nothing ());

  if (self->block != NULL)
    {
      whole = mp_block_get_bytes (self->block);
      bytes = g_bytes_new_from_bytes (whole, task->argument - self->message, task->argument_size);
    }
  else
    {
      bytes = g_bytes_new (task->argument, task->argument_size);
    }

  return mp_payload_new (task->encoding, bytes);
}

MpPayload *
mp_worker_get_argument (MpWorker *self)
{
  if (self->task.payload == NULL)
    self->task.payload = make_argument (self);

  return self->task.payload;
}

/* An argument that cannot be had in the encoding wanted is the task's failure, not the worker's. */
static MpStatus
convert_argument (MpWorker *self,
                  guint     wanted)
{
  g_autoptr (GError) error = NULL;
  MpStatus status;

  g_clear_pointer (&self->converted, mp_payload_unref);
  if (!self->task.is_empty && (wanted == 0 || wanted == self->task.encoding))
    return MP_STATUS_OK;

  if (wanted == 0)
    self->converted = mp_payload_ref (mp_worker_get_argument (self));
  else
    self->converted = mp_payload_convert (mp_worker_get_argument (self), wanted, &error);
  if (self->converted != NULL)
    return MP_STATUS_OK;

  status = mp_worker_fail_with_error (self, error);

  return status == MP_STATUS_OK ? MP_STATUS_INTERRUPTED : status;
}

/* One try. MP_STATUS_INTERRUPTED: nothing yet, and it may go on. */
MpStatus
mp_worker_take (MpWorker *self,
                gint64    deadline)
{
  guint encoding;
  MpStatus status;

  if (self->board == NULL || self->task.held)
    return MP_STATUS_INVALID;

  do
    {
      mp_worker_forget_task (self);
      status = take_message (self, deadline, &encoding);
      if (status != MP_STATUS_OK)
        return status;
      status = read_message (self, encoding);
    }
  while (status == MP_STATUS_INTERRUPTED);

  return status;
}

/**
 * mp_worker_next:
 * @self: a worker without a task
 * @wanted: the encoding wanted of the argument, an [enum@Mp.Encoding], or 0 for the one it has
 * @usec: how long to wait, in microseconds; negative for no limit
 * @kind: (out): how @function is to be understood
 * @flags: (out): an [flags@Mp.TaskFlags]
 * @function: (out) (array length=function_size) (transfer none): what names the function
 * @function_size: (out): the size of @function in bytes
 * @encoding: (out): the encoding of @data
 * @data: (out) (array length=size) (transfer none): the argument
 * @size: (out): the size of @data in bytes
 *
 * Takes the next task. It is to be ended by [method@Mp.Worker.finish] or
 * [method@Mp.Worker.fail] before the next one is taken.
 *
 * @function and @data stay until then. A task whose argument cannot be had in the encoding wanted
 * fails without being returned.
 *
 * Returns: %MP_STATUS_OK; %MP_STATUS_CLOSED if the worker is to end; %MP_STATUS_TIMED_OUT;
 *   %MP_STATUS_INVALID if the last task was not ended; or %MP_STATUS_INTERRUPTED at the latest
 *   after a tenth of a second: run what is pending, and call again. With any other status the
 *   worker should end
 *
 * Since: 0.1
 */
int
mp_worker_next (MpWorker  *self,
                guint      wanted,
                gint64     usec,
                guint     *kind,
                guint     *flags,
                guint8   **function,
                gsize     *function_size,
                guint     *encoding,
                guint8   **data,
                gsize     *size)
{
  MpStatus status;

  *kind = *flags = *encoding = 0;
  *function = *data = NULL;
  *function_size = *size = 0;
  g_return_val_if_fail (MP_IS_WORKER (self), MP_STATUS_INVALID);

  status = mp_worker_take (self, mp_deadline_from_usec (usec));
  if (status != MP_STATUS_OK)
    return status;

  return mp_worker_get_task (self, wanted, kind, flags, function, function_size, encoding, data,
                             size);
}

/**
 * mp_worker_get_task:
 * @self: a worker with a task
 * @wanted: the encoding wanted of the argument, an [enum@Mp.Encoding], or 0 for the one it has
 * @kind: (out): how @function is to be understood
 * @flags: (out): an [flags@Mp.TaskFlags]
 * @function: (out) (array length=function_size) (transfer none): what names the function
 * @function_size: (out): the size of @function in bytes
 * @encoding: (out): the encoding of @data
 * @data: (out) (array length=size) (transfer none): the argument
 * @size: (out): the size of @data in bytes
 *
 * Gets all about the task that was taken last, as [method@Mp.Worker.next] does.
 *
 * A task whose argument cannot be had in the encoding wanted fails, and another may be taken.
 *
 * Returns: %MP_STATUS_OK; %MP_STATUS_INVALID without a task; or %MP_STATUS_INTERRUPTED if the task
 *   failed. With any other status the worker should end
 *
 * Since: 0.1
 */
int
mp_worker_get_task (MpWorker  *self,
                    guint      wanted,
                    guint     *kind,
                    guint     *flags,
                    guint8   **function,
                    gsize     *function_size,
                    guint     *encoding,
                    guint8   **data,
                    gsize     *size)
{
  MpStatus status;

  *kind = *flags = *encoding = 0;
  *function = *data = NULL;
  *function_size = *size = 0;
  g_return_val_if_fail (MP_IS_WORKER (self), MP_STATUS_INVALID);

  status = self->task.held ? convert_argument (self, wanted) : MP_STATUS_INVALID;
  if (status != MP_STATUS_OK)
    return status;

  *kind = self->task.kind;
  *flags = self->task.flags;
  *function = (guint8 *) self->task.function;
  *function_size = self->task.function_size;
  *encoding = self->task.encoding;
  *data = (guint8 *) self->task.argument;
  *size = self->task.argument_size;
  if (self->converted != NULL)
    {
      *encoding = mp_payload_get_encoding (self->converted);
      *data = (guint8 *) g_bytes_get_data (mp_payload_get_bytes (self->converted), size);
    }

  return MP_STATUS_OK;
}
