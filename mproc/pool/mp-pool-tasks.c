/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Giving tasks, one at a time; those of a list are in mp-pool-map.c.
 *
 * A task is entered among those that wait before its message is put, because its result can be
 * there before the put returns. The message's number is known only afterwards; until it is noted,
 * n_putting keeps the attendant from judging a lease that it cannot place.
 */

#include "config.h"

#include "mproc/pool/mp-pool-private.h"

#include <string.h>

#include "mproc/base/mp-deadline-private.h"
#include "mproc/base/mp-error-private.h"
#include "mproc/pool/mp-result-private.h"
#include "mproc/process/mp-function-private.h"

/* While tasks are given, workers are looked after this often. */
#define LOOK_INTERVAL (20 * G_TIME_SPAN_MILLISECOND)

typedef struct {
  guint         encoding;
  gconstpointer data;
  gsize         size;
} Argument;

/* ── One task ───────────────────────────────────────────────────────────────────────────────── */

/* Enters a new task among those that wait: (transfer full). */
static MpResult *
enter (MpPool        *self,
       guint          flags,
       MpTaskHeader  *header,
       GError       **error)
{
  MpPoolPrivate *priv = mp_pool_get_private (self);
  g_autoptr (MpResult) result = mp_result_new (self, 0, (flags & MP_TASK_MAP) != 0);
  MpPoolState state;

  mp_pool_lock ();
  state = priv->state;
  if (state == MP_POOL_OPEN)
    {
      result->id = ++priv->last_id;
      header->id = result->id;
      header->generation = priv->generation;
      g_hash_table_insert (priv->waiting, &result->id, g_object_ref (result));
      priv->n_putting++;
      priv->failures = 0;
      priv->retry_at = 0;
    }
  mp_pool_unlock ();

  return mp_pool_check_open (state, error) ? g_steal_pointer (&result) : NULL;
}

/* The put is over: the message has this number, or with 0 there is none. */
static void
note_number (MpPool   *self,
             MpResult *result,
             guint64   number)
{
  MpPoolPrivate *priv = mp_pool_get_private (self);

  mp_pool_lock ();
  priv->n_putting--;
  if (number != 0)
    result->number = number;
  else
    g_hash_table_remove (priv->waiting, &result->id);
  mp_pool_unlock ();
}

/* Replaces workers that died while nobody looked, at most every now and then: a program may give a
 * task and do something else for long. */
static void
look_after_workers (MpPool *self)
{
  MpPoolPrivate *priv = mp_pool_get_private (self);
  gint64 now = g_get_monotonic_time ();
  gboolean due;

  mp_pool_lock ();
  due = now - priv->looked > LOOK_INTERVAL;
  if (due)
    priv->looked = now;
  mp_pool_unlock ();

  if (due)
    mp_pool_attend (self, FALSE);
}

static MpResult *
submit (MpPool                *self,
        const MpPoolFunction  *function,
        guint                  flags,
        const Argument        *argument,
        GError               **error)
{
  MpPoolPrivate *priv = mp_pool_get_private (self);
  MpTaskHeader header = { 0, function->kind, flags, 0, function->size };
  MpQueuePart parts[] = {
    { &header, sizeof header },
    { argument->data, argument->size },
    { function->name, function->size },
  };
  g_autoptr (MpResult) result = NULL;
  guint64 number = 0;
  MpStatus status;

  if (!mp_pool_is_owner (self, error))
    return NULL;

  result = enter (self, flags, &header, error);
  if (result == NULL)
    return NULL;

  status = mp_queue_put_parts (priv->tasks, argument->encoding, parts, G_N_ELEMENTS (parts),
                               MP_DEADLINE_NEVER, FALSE, NULL, &number);
  note_number (self, result, status == MP_STATUS_OK ? number : 0);
  if (!mp_status_to_error (status, error))
    return NULL;

  look_after_workers (self);

  return g_steal_pointer (&result);
}

/* For the attendant: a worker has handed a task back, whose message this is. */
void
mp_pool_put_again (MpPool       *self,
                   MpResult     *result,
                   guint         encoding,
                   const guint8 *message,
                   gsize         size,
                   MpPoolNews   *news)
{
  MpPoolPrivate *priv = mp_pool_get_private (self);
  MpQueuePart part = { message, size };
  GError *error = NULL;
  guint64 number = 0;
  MpStatus status;

  mp_pool_lock ();
  priv->n_putting++;
  mp_pool_unlock ();

  status = mp_queue_put_parts (priv->tasks, encoding, &part, 1, MP_DEADLINE_NEVER, FALSE, NULL,
                               &number);

  mp_pool_lock ();
  priv->n_putting--;
  result->number = number;
  if (!mp_status_to_error (status, &error) && !mp_result_peek_ready (result))
    {
      mp_result_take_failure (result, g_steal_pointer (&error), NULL, 0);
      mp_pool_complete (self, result, news);
    }
  mp_pool_unlock ();

  g_clear_error (&error);
}

/**
 * mp_pool_submit_data:
 * @self: a pool
 * @kind: how @function is to be understood: an [enum@Mp.FunctionKind], or a number from
 *   %MP_FUNCTION_LANGUAGE up
 * @function: (array length=function_size) (nullable): what names the function
 * @function_size: the size of @function in bytes
 * @flags: an [flags@Mp.TaskFlags]
 * @encoding: the encoding of @data, an [enum@Mp.Encoding]
 * @data: (array length=size) (nullable): the argument
 * @size: the size of @data in bytes
 * @error: return location for an error
 *
 * Gives a task, for bindings.
 *
 * It fails as [method@Mp.Pool.submit] does, and with [error@Mp.Error.INVALID_ARGUMENT] if @encoding
 * is none.
 *
 * Returns: (transfer full): the result to be
 *
 * Since: 0.1
 */
MpResult *
mp_pool_submit_data (MpPool        *self,
                     guint          kind,
                     const guint8  *function,
                     gsize          function_size,
                     guint          flags,
                     guint          encoding,
                     const guint8  *data,
                     gsize          size,
                     GError       **error)
{
  g_return_val_if_fail (MP_IS_POOL (self), NULL);

  if (encoding < MP_ENCODING_VARIANT || encoding > MP_ENCODING_BYTES
      || function_size > G_MAXUINT32)
    {
      g_set_error (error, MP_ERROR, MP_ERROR_INVALID_ARGUMENT,
                   "No task can have an argument of encoding %u and a function of %" G_GSIZE_FORMAT
                   " bytes", encoding, function_size);
      return NULL;
    }

  return submit (self, &(MpPoolFunction) { kind, function, function_size }, flags,
                 &(Argument) { encoding, data, size }, error);
}

MpResult *
mp_pool_submit_variant (MpPool                *self,
                        const MpPoolFunction  *function,
                        guint                  flags,
                        GVariant              *value,
                        GError               **error)
{
  g_autoptr (MpPayload) payload = mp_payload_new_variant (value);
  Argument argument = { mp_payload_get_encoding (payload), NULL, 0 };

  argument.data = g_bytes_get_data (mp_payload_get_bytes (payload), &argument.size);

  return submit (self, function, flags, &argument, error);
}

/* ── Naming the function ────────────────────────────────────────────────────────────────────── */

/* How @func is named elsewhere; the pool keeps it. */
gboolean
mp_pool_function_from_address (MpPool          *self,
                               MpTaskFunc       func,
                               MpPoolFunction  *function,
                               GError         **error)
{
  MpPoolPrivate *priv = mp_pool_get_private (self);
  g_autoptr (GBytes) fresh = NULL;
  GBytes *reference;

  mp_pool_lock ();
  reference = g_hash_table_lookup (priv->references, (gpointer) func);
  mp_pool_unlock ();

  if (reference == NULL)
    {
      fresh = mp_function_describe (func, error);
      if (fresh == NULL)
        return FALSE;

      mp_pool_lock ();
      reference = g_hash_table_lookup (priv->references, (gpointer) func);
      if (reference == NULL)
        {
          reference = g_steal_pointer (&fresh);
          g_hash_table_insert (priv->references, (gpointer) func, reference);
        }
      mp_pool_unlock ();
    }

  function->kind = MP_FUNCTION_SYMBOL;
  function->name = g_bytes_get_data (reference, &function->size);

  return TRUE;
}

MpPoolFunction
mp_pool_function_from_name (const char *name)
{
  return (MpPoolFunction) { MP_FUNCTION_NAMED, name, strlen (name) };
}

static MpResult *
submit_one (MpPool                *self,
            const MpPoolFunction  *function,
            GVariant              *argument,
            GError               **error)
{
  if (argument == NULL)
    argument = g_variant_new_maybe (G_VARIANT_TYPE_VARIANT, NULL);

  return mp_pool_submit_variant (self, function, MP_TASK_DEFAULT, argument, error);
}

/**
 * mp_pool_submit:
 * @self: a pool
 * @func: (scope forever): the function
 * @argument: (nullable): its argument; a floating reference is sunk; %NULL is given to @func as a
 *   #GVariant of type `mv` that is nothing
 * @error: return location for an error
 *
 * Gives a task.
 *
 * The function is named to the worker by the library, or the program, that it is in. It does not
 * have to be exported.
 *
 * It can fail with [error@Mp.Error.CLOSED], [error@Mp.Error.TERMINATED],
 * [error@Mp.Error.NO_SPACE], with [error@Mp.Error.NOT_SUPPORTED] if @func was made at run time, and
 * with [error@Mp.Error.INVALID_STATE] in a process other than the pool's.
 *
 * Returns: (transfer full): the result to be
 *
 * Since: 0.1
 */
MpResult *
mp_pool_submit (MpPool      *self,
                MpTaskFunc   func,
                GVariant    *argument,
                GError     **error)
{
  g_autoptr (GVariant) held = argument != NULL ? g_variant_ref_sink (argument) : NULL;
  MpPoolFunction function;

  g_return_val_if_fail (MP_IS_POOL (self), NULL);
  g_return_val_if_fail (func != NULL, NULL);

  if (!mp_pool_is_owner (self, error)
      || !mp_pool_function_from_address (self, func, &function, error))
    return NULL;

  return submit_one (self, &function, held, error);
}

/**
 * mp_pool_submit_named:
 * @self: a pool
 * @name: the name of a function that the workers know, see [func@Mp.function_register]
 * @argument: (nullable): its argument; a floating reference is sunk; %NULL is given to the function
 *   as a #GVariant of type `mv` that is nothing
 * @error: return location for an error
 *
 * Gives a task.
 *
 * It fails as [method@Mp.Pool.submit] does. If a worker does not know the function, the task fails
 * with [error@Mp.Error.NO_SUCH_FUNCTION].
 *
 * Returns: (transfer full): the result to be
 *
 * Since: 0.1
 */
MpResult *
mp_pool_submit_named (MpPool      *self,
                      const char  *name,
                      GVariant    *argument,
                      GError     **error)
{
  g_autoptr (GVariant) held = argument != NULL ? g_variant_ref_sink (argument) : NULL;
  MpPoolFunction function;

  g_return_val_if_fail (MP_IS_POOL (self), NULL);
  g_return_val_if_fail (name != NULL, NULL);

  function = mp_pool_function_from_name (name);

  return submit_one (self, &function, held, error);
}
