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
#include <string.h>

#include "mproc/base/mp-deadline-private.h"
#include "mproc/base/mp-error-private.h"
#include "mproc/memory/mp-attach-private.h"
#include "mproc/pool/mp-pool-private.h"
#include "mproc/process/mp-function-private.h"
#include "mproc/process/mp-process-private.h"

/* ── One task ───────────────────────────────────────────────────────────────────────────────── */

/* A name that nobody registered may be that of a library's function, `library.so:function`. */
static gboolean
names_module (const MpWorkerTask  *task,
              char               **module,
              char               **function)
{
  g_autofree char *name = NULL;
  char *colon;

  if (task->kind != MP_FUNCTION_NAMED)
    return FALSE;

  name = g_strndup ((const char *) task->function, task->function_size);
  colon = strrchr (name, ':');
  if (colon == NULL || mp_function_is_registered (name))
    return FALSE;

  *module = g_strndup (name, colon - name);
  *function = g_strdup (colon + 1);

  return TRUE;
}

static GVariant *
call_by_name (const MpWorkerTask  *task,
              GVariant            *argument,
              GError             **error)
{
  g_autofree char *module = NULL;
  g_autofree char *function = NULL;

  if (names_module (task, &module, &function))
    return mp_process_call_module (module, function, argument, error);

  return mp_function_call (task->kind, task->function, task->function_size, argument, error);
}

/* Without the parts of a call that are the same each time, if the board knows where the function
 * is. */
static GVariant *
call (MpWorker  *self,
      GVariant  *argument,
      GError   **error)
{
  const MpWorkerTask *task = &self->task;
  MpTaskFunc *func;

  if (task->known == 0 || task->kind != MP_FUNCTION_SYMBOL)
    return call_by_name (task, argument, error);

  func = &self->functions[task->known - 1];
  if (*func == NULL)
    *func = mp_function_resolve (task->function, task->function_size, error);

  return *func != NULL ? mp_function_call_func (*func, argument, error) : NULL;
}

/* The function with each item of the list; a variant is unboxed. Stops at the first error. */
static GVariant *
call_with_each (MpWorker  *self,
                GVariant  *argument,
                GError   **error)
{
  g_autoptr (GVariant) items = mp_pool_open_list (argument);
  g_auto (GVariantBuilder) builder;
  gsize n = g_variant_n_children (items);

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("av"));
  for (gsize i = 0; i < n; i++)
    {
      g_autoptr (GVariant) item = mp_pool_get_item (items, i);
      g_autoptr (GVariant) result = call (self, item, error);

      if (result == NULL)
        return NULL;
      g_variant_builder_add (&builder, "v", result);
    }

  return g_variant_ref_sink (g_variant_builder_end (&builder));
}

static GVariant *
run_function (MpWorker  *self,
              GError   **error)
{
  g_autoptr (GVariant) argument = NULL;

  if (self->task.is_empty)
    return call (self, mp_pool_get_nothing_value (), error);

  argument = mp_payload_get_variant (mp_worker_get_argument (self), NULL, error);
  if (argument == NULL)
    return NULL;

  return (self->task.flags & MP_TASK_MAP) != 0 ? call_with_each (self, argument, error)
                                               : call (self, argument, error);
}

static MpStatus
finish_with (MpWorker *self,
             GVariant *result)
{
  g_autoptr (MpPayload) payload = mp_payload_new_variant (result);
  gsize size;
  gconstpointer data = g_bytes_get_data (mp_payload_get_bytes (payload), &size);

  mp_attach_payload (payload);

  return mp_worker_finish (self, mp_payload_get_encoding (payload), data, size);
}

static MpStatus
run_task (MpWorker *self)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) result = run_function (self, &error);

  if (result == NULL)
    return mp_worker_fail_with_error (self, error);
  if (result == mp_pool_get_nothing_value ())
    return mp_worker_finish_with_nothing (self);

  return finish_with (self, result);
}

/* ── The loop ───────────────────────────────────────────────────────────────────────────────── */

static MpStatus
run_all_tasks (MpWorker *self)
{
  for (;;)
    {
      MpStatus status = mp_worker_take (self, MP_DEADLINE_NEVER);

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

  if (self->task.held)
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
      MpStatus status = mp_worker_take (self, MP_DEADLINE_NEVER);

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

MpStatus
mp_worker_serve (MpWorker            *self,
                 const MpWorkerStart *start)
{
  g_autoptr (GError) problem = NULL;

  if (start == NULL || run_start (start, &problem))
    return mp_worker_run_native (self);

  return fail_all_tasks (self, problem);
}

static gboolean
run_worker (MpProcess  *process,
            gpointer    data,
            GError    **error)
{
  const Inheritance *inheritance = data;
  g_autoptr (MpWorker) worker = mp_worker_new (inheritance->handle, error);
  MpStatus status;

  if (worker == NULL)
    return FALSE;

  /* Ctrl-C is for the pool's owner to decide on; its workers end with it. */
  signal (SIGINT, SIG_IGN);

  status = mp_worker_serve (worker, inheritance->start);

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
