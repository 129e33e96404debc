/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/**
 * MpWorker:
 *
 * The worker's side of a pool: take a task, run it, say how it went.
 *
 * It is used in the process that the pool's [callback@Mp.WorkerFunc] made, with the handle given
 * there, by one thread at a time:
 *
 * ```c
 * while ((status = mp_worker_next (worker, 0, -1, &kind, …)) != MP_STATUS_CLOSED)
 *   if (status == MP_STATUS_OK)
 *     // run it, then
 *     mp_worker_finish (worker, …) or mp_worker_fail (worker, …);
 * ```
 *
 * Since: 0.1
 */

/*
 * A worker is what it does to the two queues and to its seat of the board. The order is what the
 * owner relies on: the lease is written before a message is taken; the result is put before the
 * lease is cleared. So a worker may be killed at any instruction.
 */

#include "config.h"

#include "mproc/pool/mp-worker.h"

#include <string.h>
#include <unistd.h>

#include "mproc/base/mp-deadline-private.h"
#include "mproc/base/mp-error-private.h"
#include "mproc/channel/mp-ring-fast-private.h"
#include "mproc/pool/mp-pool-board-private.h"
#include "mproc/pool/mp-pool.h"
#include "mproc/pool/mp-task-error-private.h"
#include "mproc/pool/mp-worker-private.h"

/* How long to wait for room in the shared memory when not even a failure can be reported. */
#define NO_SPACE_TRIES 50
#define NO_SPACE_PAUSE (20 * G_TIME_SPAN_MILLISECOND)

G_DEFINE_FINAL_TYPE (MpWorker, mp_worker, G_TYPE_OBJECT)

void
mp_worker_forget_task (MpWorker *self)
{
  g_clear_pointer (&self->task.payload, mp_payload_unref);
  g_clear_pointer (&self->converted, mp_payload_unref);
  g_clear_pointer (&self->block, mp_block_unref);
  self->task = (MpWorkerTask) { 0 };
}

static void
mp_worker_finalize (GObject *object)
{
  MpWorker *self = MP_WORKER (object);

  mp_worker_forget_task (self);
  mp_worker_drop_timers (self);
  if (self->memory_watch != NULL)
    mp_worker_drop_memory_watch (self);
  if (self->cancellable != NULL)
    mp_task_drop_cancellable (self);
  g_free (self->buffer);
  if (self->output >= 0 && self->pid == getpid ())
    close (self->output);
  g_clear_object (&self->results);
  for (guint i = 0; i < MP_POOL_LANES; i++)
    g_clear_object (&self->lanes[i]);
  g_clear_object (&self->board_object);

  G_OBJECT_CLASS (mp_worker_parent_class)->finalize (object);
}

static void
mp_worker_class_init (MpWorkerClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = mp_worker_finalize;
}

static void
mp_worker_init (MpWorker *self)
{
  self->pid = getpid ();
  self->output = -1;
  self->buffer = g_malloc (MP_RING_INLINE_MAX);
}

/* ── Opening ────────────────────────────────────────────────────────────────────────────────── */

static gpointer
open_part (const char  *handle,
           GType        type,
           GError     **error)
{
  g_autoptr (MpShared) part = mp_shared_open (handle, error);

  if (part == NULL)
    return NULL;

  if (!g_type_is_a (G_OBJECT_TYPE (part), type))
    {
      g_set_error (error, MP_ERROR, MP_ERROR_INVALID_ARGUMENT, "%s is no %s", handle,
                   g_type_name (type));
      return NULL;
    }

  return g_steal_pointer (&part);
}

static gboolean
open_seat (MpWorker    *self,
           const char  *seat,
           const char  *generation,
           GError     **error)
{
  guint64 seat_number, generation_number;

  if (!g_ascii_string_to_unsigned (seat, 10, 0, G_N_ELEMENTS (self->board->seats) - 1,
                                   &seat_number, error)
      || !g_ascii_string_to_unsigned (generation, 10, 0, G_MAXUINT32, &generation_number, error))
    return FALSE;

  self->seat = seat_number;
  self->own = &self->board->seats[seat_number];
  self->generation = generation_number;

  return TRUE;
}

static gboolean
open_handle (MpWorker    *self,
             const char  *handle,
             GError     **error)
{
  g_auto (GStrv) parts = g_strsplit (handle, ",", -1);

  if (g_strv_length (parts) != 4 + MP_POOL_LANES)
    {
      g_set_error (error, MP_ERROR, MP_ERROR_INVALID_ARGUMENT, "“%s” is no worker's handle",
                   handle);
      return FALSE;
    }

  self->board_object = open_part (parts[0], MP_TYPE_POOL_BOARD, error);
  if (self->board_object == NULL)
    return FALSE;
  self->board = mp_pool_board_get_data (self->board_object);

  for (guint i = 0; i < MP_POOL_LANES; i++)
    {
      self->lanes[i] = open_part (parts[1 + i], MP_TYPE_QUEUE, error);
      if (self->lanes[i] == NULL)
        return FALSE;
      self->rings[i] = mp_shared_get_data (MP_SHARED (self->lanes[i]));
    }

  self->results = open_part (parts[1 + MP_POOL_LANES], MP_TYPE_QUEUE, error);
  if (self->results == NULL)
    return FALSE;
  self->result_ring = mp_shared_get_data (MP_SHARED (self->results));

  return open_seat (self, parts[2 + MP_POOL_LANES], parts[3 + MP_POOL_LANES], error);
}

/**
 * mp_worker_new:
 * @handle: what the pool gave to its [callback@Mp.WorkerFunc]
 * @error: return location for an error
 *
 * Makes this process a worker of the pool.
 *
 * It can fail with [error@Mp.Error.INVALID_ARGUMENT] if @handle is none, and with
 * [error@Mp.Error.NO_SUCH_OBJECT] if the pool does not exist any more.
 *
 * Returns: (transfer full): the worker
 *
 * Since: 0.1
 */
MpWorker *
mp_worker_new (const char  *handle,
               GError     **error)
{
  g_autoptr (MpWorker) self = NULL;

  g_return_val_if_fail (handle != NULL, NULL);

  self = g_object_new (MP_TYPE_WORKER, NULL);
  if (!open_handle (self, handle, error))
    return NULL;

  mp_worker_begin_output (self);
  self->idle_since = g_get_monotonic_time ();
  mp_pool_board_store (&self->own->taken, MP_SEAT_TAKEN);

  return g_steal_pointer (&self);
}

/* ── Results ────────────────────────────────────────────────────────────────────────────────── */

#define N_PARTS 3
#define SMALL 256

/* A message that is copied together first takes the short way into the ring. */
static gboolean
put_small (MpWorker          *self,
           guint              encoding,
           const MpQueuePart *parts)
{
  guint8 message[SMALL + sizeof (MpResultHeader) + sizeof (MpTaskTimes)];
  gsize size = 0;

  for (guint i = 0; i < N_PARTS; i++)
    {
      mp_ring_copy (message + size, parts[i].data, parts[i].size);
      size += parts[i].size;
    }

  return mp_ring_put_fast (self->result_ring, encoding, message, size);
}

MpStatus
mp_worker_put_outcome (MpWorker   *self,
                       MpOutcome   outcome,
                       guint       encoding,
                       const void *data,
                       gsize       size)
{
  gboolean timed = mp_pool_board_load (&self->board->rules.timed) != 0;
  MpResultHeader header = { self->header.id, self->seat, self->pid, outcome, timed };
  MpTaskTimes times = { self->began, 0 };
  MpQueuePart parts[N_PARTS] = {
    { &header, sizeof header },
    { &times, timed ? sizeof times : 0 },
    { data, size },
  };

  if (timed)
    times.ended = g_get_monotonic_time ();

  if (size <= SMALL && put_small (self, encoding, parts))
    return MP_STATUS_OK;

  return mp_queue_put_parts (self->results, encoding, parts, N_PARTS, MP_DEADLINE_NEVER, FALSE,
                             NULL, NULL);
}

static MpStatus
put_failure (MpWorker *self,
             GVariant *details)
{
  g_autoptr (GVariant) held = g_variant_ref_sink (details);
  g_autoptr (MpPayload) payload = mp_payload_new_variant (held);
  gsize size;
  gconstpointer data = g_bytes_get_data (mp_payload_get_bytes (payload), &size);

  return mp_worker_put_outcome (self, MP_OUTCOME_FAILED, mp_payload_get_encoding (payload), data,
                                size);
}

/* The outcome was too big for the shared memory. Others may give some back before long; if not,
 * this worker ends with the task, and the owner makes that known. */
static MpStatus
report_no_space (MpWorker *self,
                 gsize     size)
{
  g_autoptr (GError) error =
    g_error_new (MP_ERROR, MP_ERROR_NO_SPACE,
                 "The task's result of %" G_GSIZE_FORMAT " bytes does not fit into the shared "
                 "memory", size);
  MpStatus status = MP_STATUS_NO_SPACE;

  for (guint i = 0; i < NO_SPACE_TRIES && status == MP_STATUS_NO_SPACE; i++)
    {
      if (i > 0)
        g_usleep (NO_SPACE_PAUSE);
      status = put_failure (self, mp_task_error_from_error (error, self->pid));
    }

  return status;
}

/* Another task may follow, unless the owner is about to kill this worker for the one that ended. */
void
mp_worker_begin_rest (MpWorker *self)
{
  mp_worker_end_limits (self);
  mp_pool_board_clear_lease (self->board, self->seat);
  if (!mp_pool_board_end_running (self->board, self->seat, self->header.id))
    self->had_enough = TRUE;
  if (self->board->rules.idle_usec > 0)
    self->idle_since = g_get_monotonic_time ();
  self->task.held = FALSE;
  mp_task_set_worker (NULL);
  if (self->cancellable != NULL)
    mp_task_drop_cancellable (self);
}

/* The task is over if its outcome is in the queue: only then is the lease given back. */
MpStatus
mp_worker_end_task (MpWorker *self,
                    MpStatus  status,
                    gsize     size)
{
  if (status == MP_STATUS_NO_SPACE)
    status = report_no_space (self, size);

  if (status == MP_STATUS_OK)
    {
      self->n_done++;
      mp_worker_begin_rest (self);
      self->had_enough |= mp_worker_has_enough (self);
    }

  return status;
}

MpStatus
mp_worker_finish_with_nothing (MpWorker *self)
{
  if (!self->task.held)
    return MP_STATUS_INVALID;

  mp_worker_send_output (self);

  return mp_worker_end_task (self,
                             mp_worker_put_outcome (self, MP_OUTCOME_NOTHING, MP_ENCODING_VARIANT,
                                                    NULL, 0),
                             0);
}

/**
 * mp_worker_finish:
 * @self: a worker that has taken a task
 * @encoding: the encoding of @data, an [enum@Mp.Encoding]
 * @data: (array length=size) (nullable): what the task returned
 * @size: the size of @data in bytes
 *
 * Says that the task went well.
 *
 * Should the shared memory have no room for it, the task fails with [error@Mp.Error.NO_SPACE].
 *
 * Returns: %MP_STATUS_OK; %MP_STATUS_INVALID without a task, or if @encoding is none. With any
 *   other status the worker should end
 *
 * Since: 0.1
 */
int
mp_worker_finish (MpWorker     *self,
                  guint         encoding,
                  const guint8 *data,
                  gsize         size)
{
  g_return_val_if_fail (MP_IS_WORKER (self), MP_STATUS_INVALID);

  if (!self->task.held || encoding < MP_ENCODING_VARIANT || encoding > MP_ENCODING_BYTES)
    return MP_STATUS_INVALID;

  mp_worker_send_output (self);

  return mp_worker_end_task (self,
                             mp_worker_put_outcome (self, MP_OUTCOME_VALUE, encoding, data, size),
                             size);
}

MpStatus
mp_worker_fail_with_error (MpWorker     *self,
                           const GError *error)
{
  if (!self->task.held)
    return MP_STATUS_INVALID;

  mp_worker_send_output (self);

  return mp_worker_end_task (self,
                             put_failure (self, mp_task_error_from_error (error, self->pid)), 0);
}

/**
 * mp_worker_fail:
 * @self: a worker that has taken a task
 * @language: (nullable): the language in which it failed, such as "python"
 * @type_name: (nullable): the type of the exception
 * @message: (nullable): its text
 * @traceback: (nullable): where it happened, as the language prints it
 * @exception: (nullable) (array length=exception_size): the exception itself, as the language
 *   stores it
 * @exception_size: the size of @exception in bytes
 *
 * Says that the task failed.
 *
 * The texts need not be valid UTF-8.
 *
 * Returns: %MP_STATUS_OK; %MP_STATUS_INVALID without a task. With any other status the worker
 *   should end
 *
 * Since: 0.1
 */
int
mp_worker_fail (MpWorker     *self,
                const char   *language,
                const char   *type_name,
                const char   *message,
                const char   *traceback,
                const guint8 *exception,
                gsize         exception_size)
{
  MpTaskException fields = { language, type_name, message, traceback, exception, exception_size };

  g_return_val_if_fail (MP_IS_WORKER (self), MP_STATUS_INVALID);

  if (!self->task.held)
    return MP_STATUS_INVALID;

  mp_worker_send_output (self);

  return mp_worker_end_task (self,
                             put_failure (self, mp_task_error_from_exception (&fields, self->pid)),
                             exception_size);
}
