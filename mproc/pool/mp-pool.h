/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * A pool of worker processes that run tasks.
 */

#pragma once

#if !defined(MP_INSIDE) && !defined(MP_COMPILATION)
#error "Only <mproc/mproc.h> can be included directly."
#endif

#include "mproc/pool/mp-result-iterator.h"
#include "mproc/pool/mp-task-options.h"
#include "mproc/process/mp-function.h"
#include "mproc/process/mp-process.h"

G_BEGIN_DECLS

#define MP_TYPE_POOL (mp_pool_get_type ())

MP_AVAILABLE_IN_0_1
G_DECLARE_DERIVABLE_TYPE (MpPool, mp_pool, MP, POOL, GObject)

/**
 * MpPoolClass:
 * @parent_class: the parent class
 *
 * The class structure of [class@Mp.Pool].
 *
 * Since: 0.1
 */
struct _MpPoolClass
{
  GObjectClass parent_class;

  /*< private >*/
  gpointer padding[8];
};

/**
 * MpTaskFlags:
 * @MP_TASK_DEFAULT: one call with the argument.
 * @MP_TASK_MAP: the argument is a list; the function is called with each item, and the result
 *   is the list of results.
 * @MP_TASK_INHERITED: only a worker forked after the last [method@Mp.Pool.renew] knows the
 *   function.
 *
 * How a task is to be run.
 *
 * Since: 0.1
 */
typedef enum { /*< flags >*/
  MP_TASK_DEFAULT = 0,
  MP_TASK_MAP = 1 << 0,
  MP_TASK_INHERITED = 1 << 1,
} MpTaskFlags;

/**
 * MpWorkerFunc:
 * @handle: what the worker opens with [ctor@Mp.Worker.new]
 * @user_data: the data given with the function
 *
 * Makes, but does not start, the process of one more worker.
 *
 * Returns: (transfer full) (nullable): the process, or %NULL if none can be made
 *
 * Since: 0.1
 */
typedef MpProcess *(*MpWorkerFunc) (const char *handle,
                                    gpointer    user_data);

MP_AVAILABLE_IN_0_1
MpPool           *mp_pool_new           (guint                 n_workers,
                                         GError              **error);
MP_AVAILABLE_IN_0_1
guint             mp_pool_get_n_workers (MpPool               *self);
MP_AVAILABLE_IN_0_1
MpResult         *mp_pool_submit        (MpPool               *self,
                                         MpTaskFunc            func,
                                         GVariant             *argument,
                                         GError              **error);
MP_AVAILABLE_IN_0_1
MpResult         *mp_pool_submit_named  (MpPool               *self,
                                         const char           *name,
                                         GVariant             *argument,
                                         GError              **error);
MP_AVAILABLE_IN_0_1
MpResult         *mp_pool_submit_with   (MpPool               *self,
                                         MpTaskFunc            func,
                                         GVariant             *argument,
                                         MpTaskOptions        *options,
                                         GError              **error);
MP_AVAILABLE_IN_0_1
MpResult         *mp_pool_submit_named_with (MpPool           *self,
                                         const char           *name,
                                         GVariant             *argument,
                                         MpTaskOptions        *options,
                                         GError              **error);
MP_AVAILABLE_IN_0_1
GVariant         *mp_pool_apply           (MpPool              *self,
                                           MpTaskFunc           func,
                                           GVariant            *argument,
                                           double               timeout,
                                           GCancellable        *cancellable,
                                           GError             **error);
MP_AVAILABLE_IN_0_1
GVariant         *mp_pool_apply_named     (MpPool              *self,
                                           const char          *name,
                                           GVariant            *argument,
                                           double               timeout,
                                           GCancellable        *cancellable,
                                           GError             **error);
MP_AVAILABLE_IN_0_1
gboolean          mp_pool_wait_room     (MpPool               *self,
                                         double                timeout,
                                         GCancellable         *cancellable,
                                         GError              **error);
MP_AVAILABLE_IN_0_1
GVariant         *mp_pool_map           (MpPool               *self,
                                         MpTaskFunc            func,
                                         GVariant             *items,
                                         gsize                 chunk_size,
                                         double                timeout,
                                         GCancellable         *cancellable,
                                         GError              **error);
MP_AVAILABLE_IN_0_1
GVariant         *mp_pool_map_named     (MpPool               *self,
                                         const char           *name,
                                         GVariant             *items,
                                         gsize                 chunk_size,
                                         double                timeout,
                                         GCancellable         *cancellable,
                                         GError              **error);
MP_AVAILABLE_IN_0_1
GVariant         *mp_pool_map_with      (MpPool               *self,
                                         MpTaskFunc            func,
                                         GVariant             *items,
                                         gsize                 chunk_size,
                                         MpTaskOptions        *options,
                                         double                timeout,
                                         GCancellable         *cancellable,
                                         GError              **error);
MP_AVAILABLE_IN_0_1
GVariant         *mp_pool_map_named_with (MpPool              *self,
                                         const char           *name,
                                         GVariant             *items,
                                         gsize                 chunk_size,
                                         MpTaskOptions        *options,
                                         double                timeout,
                                         GCancellable         *cancellable,
                                         GError              **error);
MP_AVAILABLE_IN_0_1
void              mp_pool_map_async     (MpPool               *self,
                                         MpTaskFunc            func,
                                         GVariant             *items,
                                         gsize                 chunk_size,
                                         GCancellable         *cancellable,
                                         GAsyncReadyCallback   callback,
                                         gpointer              user_data);
MP_AVAILABLE_IN_0_1
void              mp_pool_map_async_with (MpPool              *self,
                                         MpTaskFunc            func,
                                         GVariant             *items,
                                         gsize                 chunk_size,
                                         MpTaskOptions        *options,
                                         GCancellable         *cancellable,
                                         GAsyncReadyCallback   callback,
                                         gpointer              user_data);
MP_AVAILABLE_IN_0_1
GVariant         *mp_pool_map_finish    (MpPool               *self,
                                         GAsyncResult         *result,
                                         GError              **error);
MP_AVAILABLE_IN_0_1
MpResultIterator *mp_pool_iterate       (MpPool               *self,
                                         MpTaskFunc            func,
                                         GVariant             *items,
                                         gsize                 chunk_size,
                                         gboolean              ordered,
                                         GError              **error);
MP_AVAILABLE_IN_0_1
MpResultIterator *mp_pool_iterate_named (MpPool               *self,
                                         const char           *name,
                                         GVariant             *items,
                                         gsize                 chunk_size,
                                         gboolean              ordered,
                                         GError              **error);
MP_AVAILABLE_IN_0_1
MpResultIterator *mp_pool_iterate_with  (MpPool               *self,
                                         MpTaskFunc            func,
                                         GVariant             *items,
                                         gsize                 chunk_size,
                                         gboolean              ordered,
                                         MpTaskOptions        *options,
                                         GError              **error);
MP_AVAILABLE_IN_0_1
MpResultIterator *mp_pool_iterate_named_with (MpPool          *self,
                                         const char           *name,
                                         GVariant             *items,
                                         gsize                 chunk_size,
                                         gboolean              ordered,
                                         MpTaskOptions        *options,
                                         GError              **error);
MP_AVAILABLE_IN_0_1
void              mp_pool_close         (MpPool               *self);
MP_AVAILABLE_IN_0_1
void              mp_pool_terminate     (MpPool               *self);
MP_AVAILABLE_IN_0_1
gboolean          mp_pool_join          (MpPool               *self,
                                         double                timeout,
                                         GCancellable         *cancellable,
                                         GError              **error);
MP_AVAILABLE_IN_0_1
void              mp_pool_join_async    (MpPool               *self,
                                         GCancellable         *cancellable,
                                         GAsyncReadyCallback   callback,
                                         gpointer              user_data);
MP_AVAILABLE_IN_0_1
gboolean          mp_pool_join_finish   (MpPool               *self,
                                         GAsyncResult         *result,
                                         GError              **error);
MP_AVAILABLE_IN_0_1
GArray           *mp_pool_get_pids      (MpPool               *self);

/* Rules for workers */
MP_AVAILABLE_IN_0_1
void              mp_pool_set_n_workers (MpPool               *self,
                                         guint                 n_workers);
MP_AVAILABLE_IN_0_1
const char       *mp_pool_get_worker_language (MpPool         *self);
MP_AVAILABLE_IN_0_1
void              mp_pool_set_worker_language (MpPool         *self,
                                         const char           *language);
MP_AVAILABLE_IN_0_1
gboolean          mp_pool_set_initializer (MpPool             *self,
                                         MpTaskFunc            func,
                                         GVariant             *argument,
                                         GError              **error);
MP_AVAILABLE_IN_0_1
guint             mp_pool_get_max_tasks_per_worker (MpPool    *self);
MP_AVAILABLE_IN_0_1
void              mp_pool_set_max_tasks_per_worker (MpPool    *self,
                                         guint                 max_tasks);
MP_AVAILABLE_IN_0_1
guint64           mp_pool_get_max_worker_memory (MpPool       *self);
MP_AVAILABLE_IN_0_1
void              mp_pool_set_max_worker_memory (MpPool       *self,
                                         guint64               bytes);
MP_AVAILABLE_IN_0_1
guint64           mp_pool_get_memory_limit (MpPool            *self);
MP_AVAILABLE_IN_0_1
void              mp_pool_set_memory_limit (MpPool            *self,
                                         guint64               bytes);
MP_AVAILABLE_IN_0_1
double            mp_pool_get_idle_timeout (MpPool            *self);
MP_AVAILABLE_IN_0_1
void              mp_pool_set_idle_timeout (MpPool            *self,
                                         double                seconds);
MP_AVAILABLE_IN_0_1
guint             mp_pool_get_max_pending (MpPool             *self);
MP_AVAILABLE_IN_0_1
void              mp_pool_set_max_pending (MpPool             *self,
                                         guint                 max_pending);
MP_AVAILABLE_IN_0_1
gboolean          mp_pool_get_capture_output (MpPool          *self);
MP_AVAILABLE_IN_0_1
void              mp_pool_set_capture_output (MpPool          *self,
                                         gboolean              capture);

/* Seeing it work */
MP_AVAILABLE_IN_0_1
guint             mp_pool_get_n_queued  (MpPool               *self);
MP_AVAILABLE_IN_0_1
guint             mp_pool_get_n_running (MpPool               *self);
MP_AVAILABLE_IN_0_1
guint64           mp_pool_get_n_done    (MpPool               *self);
MP_AVAILABLE_IN_0_1
guint64           mp_pool_get_n_failed  (MpPool               *self);
MP_AVAILABLE_IN_0_1
guint64           mp_pool_get_n_retried (MpPool               *self);
MP_AVAILABLE_IN_0_1
double            mp_pool_get_progress  (MpPool               *self);
MP_AVAILABLE_IN_0_1
gboolean          mp_pool_get_trace     (MpPool               *self);
MP_AVAILABLE_IN_0_1
void              mp_pool_set_trace     (MpPool               *self,
                                         gboolean              trace);
MP_AVAILABLE_IN_0_1
gboolean          mp_pool_save_trace    (MpPool               *self,
                                         const char           *path,
                                         GError              **error);

/* For bindings */
MP_AVAILABLE_IN_0_1
void              mp_pool_set_worker_func (MpWorkerFunc         func,
                                           gpointer             user_data,
                                           GDestroyNotify       notify);
MP_AVAILABLE_IN_0_1
MpResult         *mp_pool_submit_data     (MpPool              *self,
                                           guint                kind,
                                           const guint8        *function,
                                           gsize                function_size,
                                           guint                flags,
                                           guint                encoding,
                                           const guint8        *data,
                                           gsize                size,
                                           GError             **error);
MP_AVAILABLE_IN_0_1
MpResult         *mp_pool_submit_data_with (MpPool             *self,
                                           guint                kind,
                                           const guint8        *function,
                                           gsize                function_size,
                                           guint                flags,
                                           guint                encoding,
                                           const guint8        *data,
                                           gsize                size,
                                           MpTaskOptions       *options,
                                           GError             **error);
MP_AVAILABLE_IN_0_1
MpResult         *mp_pool_submit_pieces   (MpPool              *self,
                                           guint                kind,
                                           const guint8        *function,
                                           gsize                function_size,
                                           guint                flags,
                                           guint                encoding,
                                           const guint8 *const *data,
                                           const gsize         *sizes,
                                           guint                n_pieces,
                                           MpTaskOptions       *options,
                                           GError             **error);
MP_AVAILABLE_IN_0_1
MpResult         *mp_pool_submit_text     (MpPool              *self,
                                           guint                kind,
                                           const char          *function,
                                           guint                flags,
                                           const char          *text,
                                           MpTaskOptions       *options,
                                           GError             **error);
MP_AVAILABLE_IN_0_1
char             *mp_pool_apply_text      (MpPool              *self,
                                           guint                kind,
                                           const char          *function,
                                           const char          *text,
                                           MpResult           **rest,
                                           GError             **error);
MP_AVAILABLE_IN_0_1
int               mp_pool_wait_room_raw   (MpPool              *self,
                                           gint64               usec);
MP_AVAILABLE_IN_0_1
gboolean          mp_pool_renew           (MpPool              *self,
                                           GError             **error);
MP_AVAILABLE_IN_0_1
int               mp_pool_join_raw        (MpPool              *self,
                                           gint64               usec);

G_END_DECLS
