/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Workers that run functions of C: the process that a pool makes if no language has said
 * otherwise, its loop, and one task of it, which the worker of a language may run too.
 *
 * All of it runs in a worker's process, in one thread.
 */

#include "config.h"

#include "mproc/pool/mp-worker-private.h"

#include <signal.h>

#include "mproc/base/mp-error-private.h"
#include "mproc/pool/mp-pool-private.h"
#include "mproc/process/mp-function-private.h"

/* ── One task ───────────────────────────────────────────────────────────────────────────────── */

static GVariant *
call (const MpWorkerTask  *task,
      GVariant            *argument,
      GError             **error)
{
  return mp_function_call (task->kind, task->function, task->function_size, argument, error);
}

/* The function with each item of the list; a variant is unboxed. Stops at the first error. */
static GVariant *
call_with_each (const MpWorkerTask  *task,
                GVariant            *argument,
                GError             **error)
{
  g_autoptr (GVariant) items = mp_pool_open_list (argument);
  g_auto (GVariantBuilder) builder;
  gsize n = g_variant_n_children (items);

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("av"));
  for (gsize i = 0; i < n; i++)
    {
      g_autoptr (GVariant) item = mp_pool_get_item (items, i);
      g_autoptr (GVariant) result = call (task, item, error);

      if (result == NULL)
        return NULL;
      g_variant_builder_add (&builder, "v", result);
    }

  return g_variant_ref_sink (g_variant_builder_end (&builder));
}

static MpPayload *
run_function (const MpWorkerTask  *task,
              GError             **error)
{
  g_autoptr (GVariant) argument = mp_payload_get_variant (task->argument, NULL, error);
  g_autoptr (GVariant) result = NULL;

  if (argument == NULL)
    return NULL;

  if ((task->flags & MP_TASK_MAP) != 0)
    result = call_with_each (task, argument, error);
  else
    result = call (task, argument, error);

  return result != NULL ? mp_payload_new_variant (result) : NULL;
}

static MpStatus
run_task (MpWorker *self)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MpPayload) payload = run_function (mp_worker_get_task (self), &error);
  gconstpointer data;
  gsize size;

  if (payload == NULL)
    return mp_worker_fail_with_error (self, error);

  data = g_bytes_get_data (mp_payload_get_bytes (payload), &size);

  return mp_worker_finish (self, mp_payload_get_encoding (payload), data, size);
}

/* ── The loop ───────────────────────────────────────────────────────────────────────────────── */

static MpStatus
run_all_tasks (MpWorker *self)
{
  for (;;)
    {
      guint kind, flags, encoding;
      guint8 *function, *data;
      gsize function_size, size;
      MpStatus status = mp_worker_next (self, 0, -1, &kind, &flags, &function, &function_size,
                                        &encoding, &data, &size);

      if (status == MP_STATUS_OK)
        status = run_task (self);
      if (status != MP_STATUS_OK && status != MP_STATUS_INTERRUPTED)
        return status;
    }
}

/**
 * mp_worker_run_native:
 * @self: a worker
 *
 * Runs functions of C and Vala.
 *
 * If the worker has taken a task, this runs that one, whose kind is %MP_FUNCTION_NAMED or
 * %MP_FUNCTION_SYMBOL, and ends it. Without a task, it runs tasks until the worker is to end.
 *
 * Returns: %MP_STATUS_OK after one task; %MP_STATUS_CLOSED when the worker is to end. With any
 *   other status it should end too
 *
 * Since: 0.1
 */
int
mp_worker_run_native (MpWorker *self)
{
  g_return_val_if_fail (MP_IS_WORKER (self), MP_STATUS_INVALID);

  if (mp_worker_get_task (self)->held)
    return run_task (self);

  return run_all_tasks (self);
}

/* ── The process ────────────────────────────────────────────────────────────────────────────── */

typedef struct {
  char                *handle;
  const MpWorkerStart *start;   /* (nullable) the pool's own */
} Inheritance;

static void
inheritance_free (gpointer data)
{
  Inheritance *self = data;

  g_free (self->handle);
  g_free (self);
}

/* Every task fails as the initializer did, so that its caller learns of it. */
static MpStatus
fail_all_tasks (MpWorker     *self,
                const GError *error)
{
  g_autoptr (GError) told = g_error_copy (error);

  g_prefix_error (&told, "The initializer of the worker failed: ");
  for (;;)
    {
      guint kind, flags, encoding;
      guint8 *function, *data;
      gsize function_size, size;
      MpStatus status = mp_worker_next (self, 0, -1, &kind, &flags, &function, &function_size,
                                        &encoding, &data, &size);

      if (status == MP_STATUS_OK)
        status = mp_worker_fail_with_error (self, told);
      if (status != MP_STATUS_OK && status != MP_STATUS_INTERRUPTED)
        return status;
    }
}

static gboolean
run_start (const MpWorkerStart  *start,
           GError              **error)
{
  g_autoptr (GVariant) result = NULL;
  gsize size;
  gconstpointer function = g_bytes_get_data (start->function, &size);

  result = mp_function_call (start->kind, function, size, start->argument, error);

  return result != NULL;
}

static gboolean
run_worker (MpProcess  *process,
            gpointer    data,
            GError    **error)
{
  const Inheritance *inheritance = data;
  g_autoptr (MpWorker) worker = mp_worker_new (inheritance->handle, error);
  g_autoptr (GError) problem = NULL;
  MpStatus status;

  if (worker == NULL)
    return FALSE;

  /* Ctrl-C is for the pool's owner to decide on; its workers end with it. */
  signal (SIGINT, SIG_IGN);

  if (inheritance->start == NULL || run_start (inheritance->start, &problem))
    status = mp_worker_run_native (worker);
  else
    status = fail_all_tasks (worker, problem);

  return status == MP_STATUS_CLOSED || mp_status_to_error (status, error);
}

MpProcess *
mp_worker_make_native_process (const char          *handle,
                               const MpWorkerStart *start)
{
  static int n_made;
  g_autofree char *name = g_strdup_printf ("PoolWorker-%d", g_atomic_int_add (&n_made, 1) + 1);
  Inheritance *inheritance = g_new (Inheritance, 1);

  *inheritance = (Inheritance) { g_strdup (handle), start };

  return mp_process_new (name, run_worker, inheritance, inheritance_free);
}
