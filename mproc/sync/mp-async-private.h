/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * What every `…_async` call of a shared object is made of: attempts, repeated in the task's main
 * context whenever one may succeed. No thread, and no state in the arena: who waits in a main loop
 * can be killed without anybody's noticing.
 */

#pragma once

#include "mproc/base/mp-deadline-private.h"
#include "mproc/base/mp-error.h"
#include "mproc/sync/mp-wait-private.h"

G_BEGIN_DECLS

/* Calls @attempt (@task), now, and later whenever @ready (@data) is true, the task's cancellable
 * was cancelled or @deadline is over. The attempt must not block; it returns G_SOURCE_REMOVE when
 * it has returned the task, and else G_SOURCE_CONTINUE. @ready must not block, take guards or
 * consume; @data lives as long as the task. The caller keeps its own reference to the task. */
void     mp_async_wait   (GTask       *task,
                          MpReadyFunc  ready,
                          gpointer     data,
                          gint64       deadline,
                          GSourceFunc  attempt);

/* For an attempt: returns TRUE by the task if @status is OK, goes on if it is TIMED_OUT, returns
 * the error that it stands for in any other case. */
gboolean mp_async_settle (GTask       *task,
                          MpStatus     status);

G_END_DECLS
