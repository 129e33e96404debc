/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The calls by which a program gives one task: they have the function named, and leave the rest to
 * mp-pool-tasks.c.
 */

#include "config.h"

#include "mproc/pool/mp-pool-private.h"

#include "mproc/base/mp-deadline-private.h"
#include "mproc/pool/mp-result-private.h"

static MpResult *
submit_one (MpPool                *self,
            const MpPoolFunction  *function,
            GVariant              *argument,
            const MpPoolRequest   *request,
            GError               **error)
{
  if (argument == NULL)
    return mp_pool_submit_empty (self, function, request, error);

  return mp_pool_submit_variant (self, function, MP_TASK_DEFAULT, argument, request, error);
}

static MpResult *
submit_func (MpPool               *self,
             MpTaskFunc            func,
             GVariant             *argument,
             const MpPoolRequest  *request,
             GError              **error)
{
  g_autoptr (GVariant) held = argument != NULL ? g_variant_ref_sink (argument) : NULL;
  MpPoolFunction function;

  g_return_val_if_fail (MP_IS_POOL (self), NULL);
  g_return_val_if_fail (func != NULL, NULL);

  if (!mp_pool_is_owner (self, error)
      || !mp_pool_function_from_address (self, func, &function, error))
    return NULL;

  return submit_one (self, &function, held, request, error);
}

static MpResult *
submit_name (MpPool               *self,
             const char           *name,
             GVariant             *argument,
             const MpPoolRequest  *request,
             GError              **error)
{
  g_autoptr (GVariant) held = argument != NULL ? g_variant_ref_sink (argument) : NULL;
  MpPoolFunction function;

  g_return_val_if_fail (MP_IS_POOL (self), NULL);
  g_return_val_if_fail (name != NULL, NULL);

  function = mp_pool_function_from_name (name);

  return submit_one (self, &function, held, request, error);
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
 * It does not wait for the task. In a pool that is bounded it waits for room, without limit: until
 * fewer than [property@Mp.Pool:max-pending] tasks are not done.
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
 * It does and fails as [method@Mp.Pool.submit]; where it waits for room, the cancellable of
 * @options ends that with %G_IO_ERROR_CANCELLED.
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
  return submit_func (self, func, argument, &(MpPoolRequest) { options }, error);
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
 * It waits for room and fails as [method@Mp.Pool.submit] does. If a worker does not know the
 * function, the task fails with [error@Mp.Error.NO_SUCH_FUNCTION].
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
 * It does and fails as [method@Mp.Pool.submit_named]; where it waits for room, the cancellable of
 * @options ends that with %G_IO_ERROR_CANCELLED.
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
  return submit_name (self, name, argument, &(MpPoolRequest) { options }, error);
}

/* ── One task, and its result ───────────────────────────────────────────────────────────────── */

static GVariant *
get_value (MpResult              *result,
           const MpPoolPatience  *patience,
           GError               **error)
{
  MpStatus status = mp_result_wait_until (result, patience->deadline, FALSE,
                                          patience->cancellable);

  return mp_result_status_to_error (status, error) ? mp_result_get_value (result, error) : NULL;
}

/**
 * mp_pool_apply:
 * @self: a pool
 * @func: (scope forever): the function
 * @argument: (nullable): its argument, as in [method@Mp.Pool.submit]
 * @timeout: how long to wait, in seconds; negative for no limit
 * @cancellable: (nullable): a #GCancellable
 * @error: return location for an error
 *
 * Calls a function in a worker, and waits for what it returns.
 *
 * It fails as [method@Mp.Pool.submit] and [method@Mp.Result.get] do. If the waiting ends before the
 * task, that is done all the same. In a pool that is bounded @timeout and @cancellable go for the
 * waiting for room, too; if they end that, the task is not given.
 *
 * Returns: (transfer full): what the function returned
 *
 * Since: 0.1
 */
GVariant *
mp_pool_apply (MpPool        *self,
               MpTaskFunc     func,
               GVariant      *argument,
               double         timeout,
               GCancellable  *cancellable,
               GError       **error)
{
  MpPoolPatience patience = { mp_deadline_from_seconds (timeout), cancellable };
  MpPoolRequest request = { NULL, NULL, &patience };
  g_autoptr (MpResult) result = submit_func (self, func, argument, &request, error);

  return result != NULL ? get_value (result, &patience, error) : NULL;
}

/**
 * mp_pool_apply_named:
 * @self: a pool
 * @name: the name of a function that the workers know, see [func@Mp.function_register]
 * @argument: (nullable): its argument, as in [method@Mp.Pool.submit_named]
 * @timeout: how long to wait, in seconds; negative for no limit
 * @cancellable: (nullable): a #GCancellable
 * @error: return location for an error
 *
 * Calls a function in a worker, and waits for what it returns.
 *
 * It fails as [method@Mp.Pool.submit_named] and [method@Mp.Result.get] do. Its waiting is that of
 * [method@Mp.Pool.apply].
 *
 * Returns: (transfer full): what the function returned
 *
 * Since: 0.1
 */
GVariant *
mp_pool_apply_named (MpPool        *self,
                     const char    *name,
                     GVariant      *argument,
                     double         timeout,
                     GCancellable  *cancellable,
                     GError       **error)
{
  MpPoolPatience patience = { mp_deadline_from_seconds (timeout), cancellable };
  MpPoolRequest request = { NULL, NULL, &patience };
  g_autoptr (MpResult) result = submit_name (self, name, argument, &request, error);

  return result != NULL ? get_value (result, &patience, error) : NULL;
}
