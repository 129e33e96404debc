/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The result of a task: not there yet, a value, or an error.
 */

#pragma once

#if !defined(MP_INSIDE) && !defined(MP_COMPILATION)
#error "Only <mproc/mproc.h> can be included directly."
#endif

#include "mproc/base/mp-payload.h"

G_BEGIN_DECLS

/**
 * MpTaskFailure:
 * @MP_TASK_FAILURE_NONE: it is not done yet, or went well.
 * @MP_TASK_FAILURE_ERROR: its function failed, with an error or exception.
 * @MP_TASK_FAILURE_SERIALIZATION: its result, argument or function could not travel.
 * @MP_TASK_FAILURE_SIGNAL: a signal ended the worker while it ran the task.
 * @MP_TASK_FAILURE_EXIT: the worker exited while it ran the task.
 * @MP_TASK_FAILURE_TIME_LIMIT: it ran longer than its limit, and was stopped.
 * @MP_TASK_FAILURE_MEMORY_LIMIT: its worker became bigger than the pool allows, and was stopped.
 * @MP_TASK_FAILURE_CANCELLED: it was cancelled.
 * @MP_TASK_FAILURE_TERMINATED: the pool was terminated before.
 * @MP_TASK_FAILURE_NO_WORKER: no worker could be started, or lived long enough, to run it.
 *
 * Why a task has no value.
 *
 * Since: 0.1
 */
typedef enum {
  MP_TASK_FAILURE_NONE,
  MP_TASK_FAILURE_ERROR,
  MP_TASK_FAILURE_SERIALIZATION,
  MP_TASK_FAILURE_SIGNAL,
  MP_TASK_FAILURE_EXIT,
  MP_TASK_FAILURE_TIME_LIMIT,
  MP_TASK_FAILURE_MEMORY_LIMIT,
  MP_TASK_FAILURE_CANCELLED,
  MP_TASK_FAILURE_TERMINATED,
  MP_TASK_FAILURE_NO_WORKER,
} MpTaskFailure;

#define MP_TYPE_RESULT (mp_result_get_type ())

MP_AVAILABLE_IN_0_1
G_DECLARE_FINAL_TYPE (MpResult, mp_result, MP, RESULT, GObject)

MP_AVAILABLE_IN_0_1
gboolean   mp_result_is_ready          (MpResult             *self);
MP_AVAILABLE_IN_0_1
gboolean   mp_result_is_successful     (MpResult             *self);
MP_AVAILABLE_IN_0_1
gboolean   mp_result_wait              (MpResult             *self,
                                        double                timeout,
                                        GCancellable         *cancellable,
                                        GError              **error);
MP_AVAILABLE_IN_0_1
GVariant  *mp_result_get               (MpResult             *self,
                                        double                timeout,
                                        GCancellable         *cancellable,
                                        GError              **error);
MP_AVAILABLE_IN_0_1
MpPayload *mp_result_get_payload       (MpResult             *self,
                                        double                timeout,
                                        GCancellable         *cancellable,
                                        GError              **error);
MP_AVAILABLE_IN_0_1
void       mp_result_get_async         (MpResult             *self,
                                        GCancellable         *cancellable,
                                        GAsyncReadyCallback   callback,
                                        gpointer              user_data);
MP_AVAILABLE_IN_0_1
MpPayload *mp_result_get_finish        (MpResult             *self,
                                        GAsyncResult         *result,
                                        GError              **error);
MP_AVAILABLE_IN_0_1
GVariant  *mp_result_get_error_details (MpResult             *self);
MP_AVAILABLE_IN_0_1
gboolean   mp_result_cancel            (MpResult             *self);
MP_AVAILABLE_IN_0_1
guint64    mp_result_get_id            (MpResult             *self);
MP_AVAILABLE_IN_0_1
MpTaskFailure mp_result_get_failure    (MpResult             *self);
MP_AVAILABLE_IN_0_1
double     mp_result_get_progress      (MpResult             *self);
MP_AVAILABLE_IN_0_1
char      *mp_result_dup_progress_text (MpResult             *self);
MP_AVAILABLE_IN_0_1
char      *mp_result_dup_output        (MpResult             *self);

/* For bindings */
MP_AVAILABLE_IN_0_1
int        mp_result_wait_raw          (MpResult             *self,
                                        gint64                usec);
MP_AVAILABLE_IN_0_1
int        mp_result_get_data          (MpResult             *self,
                                        guint                 wanted,
                                        guint                *encoding,
                                        guint8              **data,
                                        gsize                *size);
MP_AVAILABLE_IN_0_1
int        mp_result_get_text          (MpResult             *self,
                                        char                **text);

G_END_DECLS
