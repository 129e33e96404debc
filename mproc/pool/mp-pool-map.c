/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * One function for all items of a list: the list is cut into chunks, each of which is a task.
 *
 * What can be done with the results of the chunks: wait for all and join them (map), the same in a
 * main context, or hand them out one by one (iterate). A worker returns a chunk's results as `av`.
 */

#include "config.h"

#include "mproc/pool/mp-pool-private.h"

#include "mproc/base/mp-deadline-private.h"
#include "mproc/base/mp-error-private.h"
#include "mproc/pool/mp-result-private.h"

/* A default chunk of a map is such that each worker gets this many. */
#define CHUNKS_PER_WORKER 4

/* ── Lists ──────────────────────────────────────────────────────────────────────────────────── */

/* What is no list is an empty one. */
GVariant *
mp_pool_open_list (GVariant *list)
{
  g_autoptr (GBytes) bytes = NULL;

  if (!g_variant_is_container (list))
    return g_variant_ref_sink (g_variant_new_array (G_VARIANT_TYPE_VARIANT, NULL, 0));

  if (!g_variant_is_normal_form (list))
    return g_variant_ref (list);

  bytes = g_variant_get_data_as_bytes (list);

  return g_variant_ref_sink (g_variant_new_from_bytes (g_variant_get_type (list), bytes, TRUE));
}

GVariant *
mp_pool_get_item (GVariant *list,
                  gsize     index)
{
  g_autoptr (GVariant) item = g_variant_get_child_value (list, index);

  return g_variant_is_of_type (item, G_VARIANT_TYPE_VARIANT) ? g_variant_get_variant (item)
                                                             : g_steal_pointer (&item);
}

/* ── Cutting ────────────────────────────────────────────────────────────────────────────────── */

gboolean
mp_pool_check_items (GVariant  *items,
                     GError   **error)
{
  if (g_variant_is_of_type (items, G_VARIANT_TYPE_ARRAY)
      || g_variant_is_of_type (items, G_VARIANT_TYPE_TUPLE))
    return TRUE;

  g_set_error (error, MP_ERROR, MP_ERROR_INVALID_ARGUMENT,
               "The items must be an array or a tuple, not of type \"%s\"",
               g_variant_get_type_string (items));
  return FALSE;
}

static gsize
default_chunk_size (MpPool *self,
                    gsize   n_items)
{
  gsize n_chunks = (gsize) mp_pool_get_n_workers (self) * CHUNKS_PER_WORKER;

  return MAX (1, (n_items + n_chunks - 1) / n_chunks);
}

/* An array as @items is, or `av` for a tuple. Floating. */
static GVariant *
make_chunk (GVariant *items,
            gsize     first,
            gsize     n)
{
  g_autoptr (GPtrArray) children =
    g_ptr_array_new_full (n, (GDestroyNotify) g_variant_unref);
  const GVariantType *type = G_VARIANT_TYPE_VARIANT;

  if (g_variant_is_of_type (items, G_VARIANT_TYPE_ARRAY))
    type = g_variant_type_element (g_variant_get_type (items));

  for (gsize i = first; i < first + n; i++)
    {
      g_autoptr (GVariant) child = g_variant_get_child_value (items, i);

      if (g_variant_is_of_type (child, type))
        g_ptr_array_add (children, g_steal_pointer (&child));
      else
        g_ptr_array_add (children, g_variant_ref_sink (g_variant_new_variant (child)));
    }

  return g_variant_new_array (type, (GVariant **) children->pdata, n);
}

static MpResult *
submit_chunk (MpPool                *self,
              const MpPoolFunction  *function,
              GVariant              *items,
              gsize                  first,
              gsize                  n,
              const MpPoolRequest   *request,
              GError               **error)
{
  g_autoptr (GVariant) chunk = g_variant_ref_sink (make_chunk (items, first, n));

  return mp_pool_submit_variant (self, function, MP_TASK_MAP, chunk, request, error);
}

/* A list that cannot be given as a whole is not done in part; but when only the waiting for room
 * has ended, tasks go on as they do when the waiting for results does. */
static void
give_up (MpPool               *self,
         GPtrArray            *results,
         const MpPoolRequest  *request,
         GError               *problem,
         GError              **error)
{
  if (request->group != NULL
      || !(g_error_matches (problem, MP_ERROR, MP_ERROR_TIMED_OUT)
           || g_error_matches (problem, G_IO_ERROR, G_IO_ERROR_CANCELLED)))
    mp_pool_cancel (self, (MpResult **) results->pdata, results->len);

  g_propagate_error (error, problem);
}

/* The results of all chunks: (owned). */
GPtrArray *
mp_pool_submit_items (MpPool                *self,
                      const MpPoolFunction  *function,
                      GVariant              *list,
                      gsize                  chunk_size,
                      const MpPoolRequest   *request,
                      GError               **error)
{
  g_autoptr (GPtrArray) results = g_ptr_array_new_with_free_func (g_object_unref);
  g_autoptr (GVariant) items = NULL;
  gsize n_items;

  if (!mp_pool_is_owner (self, error) || !mp_pool_check_items (list, error))
    return NULL;

  items = mp_pool_open_list (list);
  n_items = g_variant_n_children (items);
  if (chunk_size == 0)
    chunk_size = default_chunk_size (self, n_items);
  if (request->group != NULL)
    request->group->n_left = (n_items + chunk_size - 1) / chunk_size;

  for (gsize i = 0; i < n_items;)
    {
      gsize n = MIN (chunk_size, n_items - i);
      GError *problem = NULL;
      MpResult *result = submit_chunk (self, function, items, i, n, request, &problem);

      if (result == NULL)
        {
          give_up (self, results, request, problem, error);
          return NULL;
        }
      g_ptr_array_add (results, result);
      i += n;
    }

  return g_steal_pointer (&results);
}

/* ── Joining ────────────────────────────────────────────────────────────────────────────────── */

static void
add_values (GVariantBuilder *builder,
            GVariant        *whole)
{
  g_autoptr (GVariant) list = mp_pool_open_list (whole);
  gsize n = g_variant_n_children (list);

  for (gsize i = 0; i < n; i++)
    {
      g_autoptr (GVariant) value = g_variant_get_child_value (list, i);

      if (g_variant_is_of_type (value, G_VARIANT_TYPE_VARIANT))
        g_variant_builder_add_value (builder, value);
      else
        g_variant_builder_add (builder, "v", value);
    }
}

/* Of results that are all ready: `av`, not floating, or the first error. */
static GVariant *
join_values (GPtrArray  *results,
             GError    **error)
{
  g_auto (GVariantBuilder) builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("av"));
  for (guint i = 0; i < results->len; i++)
    {
      g_autoptr (GVariant) list = mp_result_get_value (results->pdata[i], error);

      if (list == NULL)
        return NULL;
      add_values (&builder, list);
    }

  return g_variant_ref_sink (g_variant_builder_end (&builder));
}

static gboolean
stops_on_error (MpTaskOptions *options)
{
  return options != NULL && mp_task_options_get_stop_on_error (options);
}

/* A map whose end comes with its first error needs to know of it. */
static MpTaskGroup *
group_for (MpTaskOptions *options)
{
  return stops_on_error (options) ? mp_task_group_new (0) : NULL;
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MpTaskGroup, mp_task_group_unref)

/* Under the mutex. */
static gboolean
is_group_over (gpointer data)
{
  const MpTaskGroup *group = data;

  return group->n_left == 0 || group->failed != NULL;
}

static gboolean
wait_for_all (GPtrArray     *results,
              gint64         deadline,
              GCancellable  *cancellable,
              GError       **error)
{
  for (guint i = 0; i < results->len; i++)
    {
      MpStatus status = mp_result_wait_until (results->pdata[i], deadline, FALSE, cancellable);

      if (!mp_result_status_to_error (status, error))
        return FALSE;
    }

  return TRUE;
}

/* The rest of what was stopped is cancelled. */
static gboolean
wait_for_group (MpPool        *self,
                MpTaskGroup   *group,
                GPtrArray     *results,
                gint64         deadline,
                GCancellable  *cancellable,
                GError       **error)
{
  MpStatus status = mp_pool_wait (self, is_group_over, group, deadline, FALSE, cancellable);

  if (status != MP_STATUS_OK || group->failed != NULL)
    mp_pool_cancel (self, (MpResult **) results->pdata, results->len);
  if (!mp_result_status_to_error (status, error))
    return FALSE;

  if (group->failed != NULL && error != NULL)
    *error = g_error_copy (group->failed->error);

  return group->failed == NULL;
}

static GVariant *
map (MpPool                *self,
     const MpPoolFunction  *function,
     GVariant              *items,
     gsize                  chunk_size,
     MpTaskOptions         *options,
     const MpPoolPatience  *patience,
     GError               **error)
{
  g_autoptr (MpTaskGroup) group = group_for (options);
  MpPoolRequest request = { options, group, patience };
  g_autoptr (GPtrArray) results = mp_pool_submit_items (self, function, items, chunk_size, &request,
                                                        error);

  if (results == NULL)
    return NULL;

  if (group != NULL
      && !wait_for_group (self, group, results, patience->deadline, patience->cancellable, error))
    return NULL;
  if (!wait_for_all (results, patience->deadline, patience->cancellable, error))
    return NULL;

  return join_values (results, error);
}

/**
 * mp_pool_map:
 * @self: a pool
 * @func: (scope forever): the function
 * @items: an array or a tuple; a floating reference is sunk
 * @chunk_size: how many items make a task; 0 for as many as give each worker four tasks
 * @timeout: how long to wait, in seconds; negative for no limit
 * @cancellable: (nullable): a #GCancellable
 * @error: return location for an error
 *
 * Calls a function with each item of a list, in the workers, and waits for all results.
 *
 * An item that is a variant (of type `v`) is given to the function as what it contains.
 *
 * When all tasks are done, and any of them failed, the error is that of the first in the order of
 * the items, in the ways of [method@Mp.Result.get]. It can also fail as [method@Mp.Pool.submit]
 * does, with [error@Mp.Error.INVALID_ARGUMENT] if @items is no list, with
 * [error@Mp.Error.TIMED_OUT] and with %G_IO_ERROR_CANCELLED. Tasks that were given are done all
 * the same. In a pool that is bounded @timeout and @cancellable go for the waiting for room, too;
 * if they end that, the rest of the tasks is not given.
 *
 * Returns: (transfer full): the results in the order of the items, of type `av`
 *
 * Since: 0.1
 */
GVariant *
mp_pool_map (MpPool        *self,
             MpTaskFunc     func,
             GVariant      *items,
             gsize          chunk_size,
             double         timeout,
             GCancellable  *cancellable,
             GError       **error)
{
  return mp_pool_map_with (self, func, items, chunk_size, NULL, timeout, cancellable, error);
}

/**
 * mp_pool_map_with:
 * @self: a pool
 * @func: (scope forever): the function
 * @items: an array or a tuple; a floating reference is sunk
 * @chunk_size: how many items make a task; 0 for as many as give each worker four tasks
 * @options: (nullable): how each task is to be run
 * @timeout: how long to wait, in seconds; negative for no limit
 * @cancellable: (nullable): a #GCancellable that ends the waiting; that of @options ends the tasks
 * @error: return location for an error
 *
 * Calls a function with each item of a list, in the workers, and waits for all results; or for the
 * first error, if @options say so.
 *
 * It fails as [method@Mp.Pool.map] does.
 *
 * Returns: (transfer full): the results in the order of the items, of type `av`
 *
 * Since: 0.1
 */
GVariant *
mp_pool_map_with (MpPool         *self,
                  MpTaskFunc      func,
                  GVariant       *items,
                  gsize           chunk_size,
                  MpTaskOptions  *options,
                  double          timeout,
                  GCancellable   *cancellable,
                  GError        **error)
{
  MpPoolPatience patience = { mp_deadline_from_seconds (timeout), cancellable };
  g_autoptr (GVariant) held = NULL;
  MpPoolFunction function;

  g_return_val_if_fail (MP_IS_POOL (self), NULL);
  g_return_val_if_fail (func != NULL, NULL);
  g_return_val_if_fail (items != NULL, NULL);

  held = g_variant_ref_sink (items);
  if (!mp_pool_is_owner (self, error)
      || !mp_pool_function_from_address (self, func, &function, error))
    return NULL;

  return map (self, &function, held, chunk_size, options, &patience, error);
}

/**
 * mp_pool_map_named:
 * @self: a pool
 * @name: the name of a function that the workers know, see [func@Mp.function_register]
 * @items: an array or a tuple; a floating reference is sunk
 * @chunk_size: how many items make a task; 0 for as many as give each worker four tasks
 * @timeout: how long to wait, in seconds; negative for no limit
 * @cancellable: (nullable): a #GCancellable
 * @error: return location for an error
 *
 * Calls a function with each item of a list, in the workers, and waits for all results.
 *
 * It does and fails as [method@Mp.Pool.map].
 *
 * Returns: (transfer full): the results in the order of the items, of type `av`
 *
 * Since: 0.1
 */
GVariant *
mp_pool_map_named (MpPool        *self,
                   const char    *name,
                   GVariant      *items,
                   gsize          chunk_size,
                   double         timeout,
                   GCancellable  *cancellable,
                   GError       **error)
{
  return mp_pool_map_named_with (self, name, items, chunk_size, NULL, timeout, cancellable, error);
}

/**
 * mp_pool_map_named_with:
 * @self: a pool
 * @name: the name of a function that the workers know, see [func@Mp.function_register]
 * @items: an array or a tuple; a floating reference is sunk
 * @chunk_size: how many items make a task; 0 for as many as give each worker four tasks
 * @options: (nullable): how each task is to be run
 * @timeout: how long to wait, in seconds; negative for no limit
 * @cancellable: (nullable): a #GCancellable that ends the waiting; that of @options ends the tasks
 * @error: return location for an error
 *
 * Calls a function with each item of a list, in the workers, and waits for all results; or for the
 * first error, if @options say so.
 *
 * It does and fails as [method@Mp.Pool.map].
 *
 * Returns: (transfer full): the results in the order of the items, of type `av`
 *
 * Since: 0.1
 */
GVariant *
mp_pool_map_named_with (MpPool         *self,
                        const char     *name,
                        GVariant       *items,
                        gsize           chunk_size,
                        MpTaskOptions  *options,
                        double          timeout,
                        GCancellable   *cancellable,
                        GError        **error)
{
  MpPoolPatience patience = { mp_deadline_from_seconds (timeout), cancellable };
  g_autoptr (GVariant) held = NULL;
  MpPoolFunction function;

  g_return_val_if_fail (MP_IS_POOL (self), NULL);
  g_return_val_if_fail (name != NULL, NULL);
  g_return_val_if_fail (items != NULL, NULL);

  held = g_variant_ref_sink (items);
  function = mp_pool_function_from_name (name);

  return map (self, &function, held, chunk_size, options, &patience, error);
}

/* ── Asynchronously ─────────────────────────────────────────────────────────────────────────── */

/* Waits for one after the other. */
static gboolean
advance_map (MpOp *op)
{
  if (op->group != NULL && op->group->failed != NULL)
    return TRUE;
  if (op->group != NULL && op->group->n_left > 0)
    {
      mp_op_place (op, &op->group->ops);
      return FALSE;
    }

  while (op->index < op->results->len)
    {
      MpResult *result = op->results->pdata[op->index];

      if (!mp_result_peek_ready (result))
        {
          mp_op_place (op, &mp_result_get_extra (result)->ops);
          return FALSE;
        }
      op->index++;
    }

  return TRUE;
}

static void
finish_map (MpOp *op)
{
  GError *error = NULL;
  GVariant *values = NULL;

  if (op->group == NULL || op->group->failed == NULL)
    {
      values = join_values (op->results, &error);
    }
  else
    {
      mp_pool_cancel (op->pools->pdata[0], (MpResult **) op->results->pdata, op->results->len);
      error = g_error_copy (op->group->failed->error);
    }

  if (values != NULL)
    g_task_return_pointer (op->task, values, (GDestroyNotify) g_variant_unref);
  else
    g_task_return_error (op->task, error);
}

static GPtrArray *
submit_for_async (MpPool               *self,
                  MpTaskFunc            func,
                  GVariant             *items,
                  gsize                 chunk_size,
                  const MpPoolRequest  *request,
                  GError              **error)
{
  g_autoptr (GVariant) held = g_variant_ref_sink (items);
  MpPoolFunction function;

  if (!mp_pool_is_owner (self, error)
      || !mp_pool_function_from_address (self, func, &function, error))
    return NULL;

  return mp_pool_submit_items (self, &function, held, chunk_size, request, error);
}

/**
 * mp_pool_map_async:
 * @self: a pool
 * @func: (scope forever): the function
 * @items: an array or a tuple; a floating reference is sunk
 * @chunk_size: how many items make a task; 0 for as many as give each worker four tasks
 * @cancellable: (nullable): a #GCancellable
 * @callback: (scope async): called when all tasks are done
 * @user_data: data for @callback
 *
 * Calls a function with each item of a list, in the workers, and waits for all results in the
 * thread's default main context.
 *
 * All tasks are given before it returns: in a pool that is bounded it waits for room, until
 * @cancellable ends that, and blocks meanwhile.
 *
 * Since: 0.1
 */
void
mp_pool_map_async (MpPool              *self,
                   MpTaskFunc           func,
                   GVariant            *items,
                   gsize                chunk_size,
                   GCancellable        *cancellable,
                   GAsyncReadyCallback  callback,
                   gpointer             user_data)
{
  mp_pool_map_async_with (self, func, items, chunk_size, NULL, cancellable, callback, user_data);
}

/**
 * mp_pool_map_async_with:
 * @self: a pool
 * @func: (scope forever): the function
 * @items: an array or a tuple; a floating reference is sunk
 * @chunk_size: how many items make a task; 0 for as many as give each worker four tasks
 * @options: (nullable): how each task is to be run
 * @cancellable: (nullable): a #GCancellable that ends the waiting; that of @options ends the tasks
 * @callback: (scope async): called when all tasks are done
 * @user_data: data for @callback
 *
 * Calls a function with each item of a list, in the workers, and waits for all results in the
 * thread's default main context; or for the first error, if @options say so.
 *
 * [method@Mp.Pool.map_finish] ends it.
 *
 * Since: 0.1
 */
void
mp_pool_map_async_with (MpPool              *self,
                        MpTaskFunc           func,
                        GVariant            *items,
                        gsize                chunk_size,
                        MpTaskOptions       *options,
                        GCancellable        *cancellable,
                        GAsyncReadyCallback  callback,
                        gpointer             user_data)
{
  g_autoptr (MpTaskGroup) group = group_for (options);
  MpPoolPatience patience = { MP_DEADLINE_NEVER, cancellable };
  MpPoolRequest request = { options, group, &patience };
  g_autoptr (GTask) task = NULL;
  g_autoptr (GPtrArray) results = NULL;
  GError *error = NULL;
  MpOp *op;

  g_return_if_fail (MP_IS_POOL (self));
  g_return_if_fail (func != NULL);
  g_return_if_fail (items != NULL);

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, mp_pool_map_async_with);

  results = submit_for_async (self, func, items, chunk_size, &request, &error);
  if (results == NULL)
    {
      g_task_return_error (task, error);
      return;
    }

  op = mp_op_new (g_steal_pointer (&task), NULL);
  op->advance = advance_map;
  op->finish = finish_map;
  op->group = g_steal_pointer (&group);
  op->results = g_steal_pointer (&results);
  mp_op_add_pool (op, self);
  mp_op_start (op);
}

/**
 * mp_pool_map_finish:
 * @self: a pool
 * @result: what the callback was given
 * @error: return location for an error
 *
 * Gets the results.
 *
 * It fails as [method@Mp.Pool.map] does.
 *
 * Returns: (transfer full): the results in the order of the items, of type `av`
 *
 * Since: 0.1
 */
GVariant *
mp_pool_map_finish (MpPool        *self,
                    GAsyncResult  *result,
                    GError       **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);

  return g_task_propagate_pointer (G_TASK (result), error);
}
