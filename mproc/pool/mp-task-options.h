/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * How a task is to be run: its limits, its priority, how often it is tried.
 */

#pragma once

#if !defined(MP_INSIDE) && !defined(MP_COMPILATION)
#error "Only <mproc/mproc.h> can be included directly."
#endif

#include "mproc/base/mp-error.h"

G_BEGIN_DECLS

/**
 * MpTaskPriority:
 * @MP_TASK_PRIORITY_LOW: when nothing else waits.
 * @MP_TASK_PRIORITY_NORMAL: in the order in which tasks are given.
 * @MP_TASK_PRIORITY_HIGH: before all others that wait.
 *
 * Which of the tasks that wait a worker takes first.
 *
 * Since: 0.1
 */
typedef enum {
  MP_TASK_PRIORITY_LOW = -1,
  MP_TASK_PRIORITY_NORMAL = 0,
  MP_TASK_PRIORITY_HIGH = 1,
} MpTaskPriority;

#define MP_TYPE_TASK_OPTIONS (mp_task_options_get_type ())

MP_AVAILABLE_IN_0_1
G_DECLARE_FINAL_TYPE (MpTaskOptions, mp_task_options, MP, TASK_OPTIONS, GObject)

MP_AVAILABLE_IN_0_1
MpTaskOptions  *mp_task_options_new                  (void);
MP_AVAILABLE_IN_0_1
const char     *mp_task_options_get_name             (MpTaskOptions  *self);
MP_AVAILABLE_IN_0_1
void            mp_task_options_set_name             (MpTaskOptions  *self,
                                                      const char     *name);
MP_AVAILABLE_IN_0_1
MpTaskPriority  mp_task_options_get_priority         (MpTaskOptions  *self);
MP_AVAILABLE_IN_0_1
void            mp_task_options_set_priority         (MpTaskOptions  *self,
                                                      MpTaskPriority  priority);
MP_AVAILABLE_IN_0_1
guint           mp_task_options_get_retries          (MpTaskOptions  *self);
MP_AVAILABLE_IN_0_1
void            mp_task_options_set_retries          (MpTaskOptions  *self,
                                                      guint           retries);
MP_AVAILABLE_IN_0_1
gboolean        mp_task_options_get_retry_errors     (MpTaskOptions  *self);
MP_AVAILABLE_IN_0_1
void            mp_task_options_set_retry_errors     (MpTaskOptions  *self,
                                                      gboolean        retry_errors);
MP_AVAILABLE_IN_0_1
double          mp_task_options_get_time_limit       (MpTaskOptions  *self);
MP_AVAILABLE_IN_0_1
void            mp_task_options_set_time_limit       (MpTaskOptions  *self,
                                                      double          time_limit);
MP_AVAILABLE_IN_0_1
double          mp_task_options_get_soft_time_limit  (MpTaskOptions  *self);
MP_AVAILABLE_IN_0_1
void            mp_task_options_set_soft_time_limit  (MpTaskOptions  *self,
                                                      double          soft_time_limit);
MP_AVAILABLE_IN_0_1
gboolean        mp_task_options_get_stop_on_error    (MpTaskOptions  *self);
MP_AVAILABLE_IN_0_1
void            mp_task_options_set_stop_on_error    (MpTaskOptions  *self,
                                                      gboolean        stop_on_error);
MP_AVAILABLE_IN_0_1
GCancellable   *mp_task_options_get_cancellable      (MpTaskOptions  *self);
MP_AVAILABLE_IN_0_1
void            mp_task_options_set_cancellable      (MpTaskOptions  *self,
                                                      GCancellable   *cancellable);

G_END_DECLS
