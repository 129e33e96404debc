/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * What a task can say and ask while a worker runs it.
 */

#pragma once

#if !defined(MP_INSIDE) && !defined(MP_COMPILATION)
#error "Only <mproc/mproc.h> can be included directly."
#endif

#include "mproc/base/mp-error.h"

G_BEGIN_DECLS

MP_AVAILABLE_IN_0_1
guint64  mp_task_get_current_id  (void);
MP_AVAILABLE_IN_0_1
gboolean mp_task_should_stop     (void);
MP_AVAILABLE_IN_0_1
gboolean mp_task_report_progress (double       fraction,
                                  const char  *text);
MP_AVAILABLE_IN_0_1
GCancellable *mp_task_get_cancellable (void);

G_END_DECLS
