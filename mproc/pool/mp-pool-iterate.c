/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * One function for all items of a list, and the results one by one. The list is cut into chunks as
 * for a map, or each item is a task of its own.
 */

#include "config.h"

#include "mproc/pool/mp-pool-private.h"

#include "mproc/pool/mp-result-private.h"

/* ── One by one ─────────────────────────────────────────────────────────────────────────────── */

/* Without chunks, each item goes as it is. */
static GPtrArray *
submit_single_items (MpPool                *self,
                     const MpPoolFunction  *function,
                     GVariant              *list,
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
  for (gsize i = 0; i < n_items; i++)
    {
      g_autoptr (GVariant) item = mp_pool_get_item (items, i);
      MpResult *result = mp_pool_submit_variant (self, function, MP_TASK_DEFAULT, item, request,
                                                 error);

      if (result == NULL)
        return NULL;
      g_ptr_array_add (results, result);
    }

  return g_steal_pointer (&results);
}

static MpResultIterator *
iterate (MpPool                *self,
         const MpPoolFunction  *function,
         GVariant              *items,
         gsize                  chunk_size,
         gboolean               ordered,
         MpTaskOptions         *options,
         GError               **error)
{
  MpPoolRequest request = { options };
  g_autoptr (GPtrArray) results = NULL;
  MpResultIterator *iterator;

  if (chunk_size <= 1)
    results = submit_single_items (self, function, items, &request, error);
  else
    results = mp_pool_submit_items (self, function, items, chunk_size, &request, error);
  if (results == NULL)
    return NULL;

  iterator = mp_result_iterator_new (ordered);
  for (guint i = 0; i < results->len; i++)
    mp_result_iterator_add (iterator, results->pdata[i]);

  return iterator;
}

/**
 * mp_pool_iterate:
 * @self: a pool
 * @func: (scope forever): the function
 * @items: an array or a tuple; a floating reference is sunk
 * @chunk_size: how many items make a task; 0 for one
 * @ordered: whether results come in the order of the items, rather than as they are ready
 * @error: return location for an error
 *
 * Calls a function with each item of a list, in the workers, and hands out the results one by one.
 *
 * A task that fails gives its error in its place; the results of other tasks still come.
 *
 * All tasks are given before it returns: in a pool that is bounded it waits for room as
 * [method@Mp.Pool.submit] does, for each of them.
 *
 * It fails as [method@Mp.Pool.submit] does, and with [error@Mp.Error.INVALID_ARGUMENT] if @items
 * is no list.
 *
 * Returns: (transfer full): the results to be
 *
 * Since: 0.1
 */
MpResultIterator *
mp_pool_iterate (MpPool      *self,
                 MpTaskFunc   func,
                 GVariant    *items,
                 gsize        chunk_size,
                 gboolean     ordered,
                 GError     **error)
{
  return mp_pool_iterate_with (self, func, items, chunk_size, ordered, NULL, error);
}

/**
 * mp_pool_iterate_with:
 * @self: a pool
 * @func: (scope forever): the function
 * @items: an array or a tuple; a floating reference is sunk
 * @chunk_size: how many items make a task; 0 for one
 * @ordered: whether results come in the order of the items, rather than as they are ready
 * @options: (nullable): how each task is to be run
 * @error: return location for an error
 *
 * Calls a function with each item of a list, in the workers, and hands out the results one by one.
 *
 * It does and fails as [method@Mp.Pool.iterate].
 *
 * Returns: (transfer full): the results to be
 *
 * Since: 0.1
 */
MpResultIterator *
mp_pool_iterate_with (MpPool         *self,
                      MpTaskFunc      func,
                      GVariant       *items,
                      gsize           chunk_size,
                      gboolean        ordered,
                      MpTaskOptions  *options,
                      GError        **error)
{
  g_autoptr (GVariant) held = NULL;
  MpPoolFunction function;

  g_return_val_if_fail (MP_IS_POOL (self), NULL);
  g_return_val_if_fail (func != NULL, NULL);
  g_return_val_if_fail (items != NULL, NULL);

  held = g_variant_ref_sink (items);
  if (!mp_pool_is_owner (self, error)
      || !mp_pool_function_from_address (self, func, &function, error))
    return NULL;

  return iterate (self, &function, held, chunk_size, ordered, options, error);
}

/**
 * mp_pool_iterate_named:
 * @self: a pool
 * @name: the name of a function that the workers know, see [func@Mp.function_register]
 * @items: an array or a tuple; a floating reference is sunk
 * @chunk_size: how many items make a task; 0 for one
 * @ordered: whether results come in the order of the items, rather than as they are ready
 * @error: return location for an error
 *
 * Calls a function with each item of a list, in the workers, and hands out the results one by one.
 *
 * It does and fails as [method@Mp.Pool.iterate].
 *
 * Returns: (transfer full): the results to be
 *
 * Since: 0.1
 */
MpResultIterator *
mp_pool_iterate_named (MpPool      *self,
                       const char  *name,
                       GVariant    *items,
                       gsize        chunk_size,
                       gboolean     ordered,
                       GError     **error)
{
  return mp_pool_iterate_named_with (self, name, items, chunk_size, ordered, NULL, error);
}

/**
 * mp_pool_iterate_named_with:
 * @self: a pool
 * @name: the name of a function that the workers know, see [func@Mp.function_register]
 * @items: an array or a tuple; a floating reference is sunk
 * @chunk_size: how many items make a task; 0 for one
 * @ordered: whether results come in the order of the items, rather than as they are ready
 * @options: (nullable): how each task is to be run
 * @error: return location for an error
 *
 * Calls a function with each item of a list, in the workers, and hands out the results one by one.
 *
 * It does and fails as [method@Mp.Pool.iterate].
 *
 * Returns: (transfer full): the results to be
 *
 * Since: 0.1
 */
MpResultIterator *
mp_pool_iterate_named_with (MpPool         *self,
                            const char     *name,
                            GVariant       *items,
                            gsize           chunk_size,
                            gboolean        ordered,
                            MpTaskOptions  *options,
                            GError        **error)
{
  g_autoptr (GVariant) held = NULL;
  MpPoolFunction function;

  g_return_val_if_fail (MP_IS_POOL (self), NULL);
  g_return_val_if_fail (name != NULL, NULL);
  g_return_val_if_fail (items != NULL, NULL);

  held = g_variant_ref_sink (items);
  function = mp_pool_function_from_name (name);

  return iterate (self, &function, held, chunk_size, ordered, options, error);
}
