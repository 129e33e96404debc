/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The calls by which a program gives one task: they say how the function is named elsewhere, and
 * leave the rest to mp-pool-tasks.c.
 */

#include "config.h"

#include "mproc/pool/mp-pool-private.h"

#include <string.h>

#include "mproc/base/mp-error-private.h"
#include "mproc/process/mp-function-private.h"

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

/* No argument is a variant that is nothing; it is encoded once. */
static MpPayload *
get_nothing (void)
{
  static MpPayload *nothing;

  if (g_once_init_enter (&nothing))
    {
      g_autoptr (GVariant) value =
        g_variant_ref_sink (g_variant_new_maybe (G_VARIANT_TYPE_VARIANT, NULL));

      g_once_init_leave (&nothing, mp_payload_new_variant (value));
    }

  return nothing;
}

static MpResult *
submit_one (MpPool                *self,
            const MpPoolFunction  *function,
            GVariant              *argument,
            MpTaskOptions         *options,
            GError               **error)
{
  MpPoolRequest request = { options, NULL };

  if (argument == NULL)
    return mp_pool_submit_payload (self, function, MP_TASK_DEFAULT, get_nothing (), &request,
                                   error);

  return mp_pool_submit_variant (self, function, MP_TASK_DEFAULT, argument, &request, error);
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
  return mp_pool_submit_with (self, func, argument, NULL, error);
}

/**
 * mp_pool_submit_with:
 * @self: a pool
 * @func: (scope forever): the function
 * @argument: (nullable): its argument, as in [method@Mp.Pool.submit]
 * @options: (nullable): how the task is to be run
 * @error: return location for an error
 *
 * Gives a task that has options.
 *
 * It fails as [method@Mp.Pool.submit] does. In a pool that is bounded it waits for room.
 *
 * Returns: (transfer full): the result to be
 *
 * Since: 0.1
 */
MpResult *
mp_pool_submit_with (MpPool         *self,
                     MpTaskFunc      func,
                     GVariant       *argument,
                     MpTaskOptions  *options,
                     GError        **error)
{
  g_autoptr (GVariant) held = argument != NULL ? g_variant_ref_sink (argument) : NULL;
  MpPoolFunction function;

  g_return_val_if_fail (MP_IS_POOL (self), NULL);
  g_return_val_if_fail (func != NULL, NULL);

  if (!mp_pool_is_owner (self, error)
      || !mp_pool_function_from_address (self, func, &function, error))
    return NULL;

  return submit_one (self, &function, held, options, error);
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
  return mp_pool_submit_named_with (self, name, argument, NULL, error);
}

/**
 * mp_pool_submit_named_with:
 * @self: a pool
 * @name: the name of a function that the workers know, see [func@Mp.function_register]
 * @argument: (nullable): its argument, as in [method@Mp.Pool.submit_named]
 * @options: (nullable): how the task is to be run
 * @error: return location for an error
 *
 * Gives a task that has options.
 *
 * It fails as [method@Mp.Pool.submit_named] does. In a pool that is bounded it waits for room.
 *
 * Returns: (transfer full): the result to be
 *
 * Since: 0.1
 */
MpResult *
mp_pool_submit_named_with (MpPool         *self,
                           const char     *name,
                           GVariant       *argument,
                           MpTaskOptions  *options,
                           GError        **error)
{
  g_autoptr (GVariant) held = argument != NULL ? g_variant_ref_sink (argument) : NULL;
  MpPoolFunction function;

  g_return_val_if_fail (MP_IS_POOL (self), NULL);
  g_return_val_if_fail (name != NULL, NULL);

  function = mp_pool_function_from_name (name);

  return submit_one (self, &function, held, options, error);
}
