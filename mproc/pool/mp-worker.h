/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The worker's side of a pool: take a task, run it, say how it went. For bindings, and for
 * programs that write a worker of their own.
 */

#pragma once

#if !defined(MP_INSIDE) && !defined(MP_COMPILATION)
#error "Only <mproc/mproc.h> can be included directly."
#endif

#include "mproc/base/mp-payload.h"

G_BEGIN_DECLS

#define MP_TYPE_WORKER (mp_worker_get_type ())

MP_AVAILABLE_IN_0_1
G_DECLARE_FINAL_TYPE (MpWorker, mp_worker, MP, WORKER, GObject)

MP_AVAILABLE_IN_0_1
MpWorker *mp_worker_new        (const char    *handle,
                                GError       **error);
MP_AVAILABLE_IN_0_1
int       mp_worker_next       (MpWorker      *self,
                                guint          wanted,
                                gint64         usec,
                                guint         *kind,
                                guint         *flags,
                                guint8       **function,
                                gsize         *function_size,
                                guint         *encoding,
                                guint8       **data,
                                gsize         *size);
MP_AVAILABLE_IN_0_1
int       mp_worker_next_text  (MpWorker      *self,
                                gint64         usec,
                                guint         *flags,
                                guint         *function,
                                char         **text);
MP_AVAILABLE_IN_0_1
int       mp_worker_get_task   (MpWorker      *self,
                                guint          wanted,
                                guint         *kind,
                                guint         *flags,
                                guint8       **function,
                                gsize         *function_size,
                                guint         *encoding,
                                guint8       **data,
                                gsize         *size);
MP_AVAILABLE_IN_0_1
int       mp_worker_finish_text (MpWorker     *self,
                                const char    *text);
MP_AVAILABLE_IN_0_1
int       mp_worker_finish     (MpWorker      *self,
                                guint          encoding,
                                const guint8  *data,
                                gsize          size);
MP_AVAILABLE_IN_0_1
int       mp_worker_finish_pieces (MpWorker            *self,
                                   guint                encoding,
                                   const guint8 *const *data,
                                   const gsize         *sizes,
                                   guint                n_pieces);
MP_AVAILABLE_IN_0_1
int       mp_worker_fail       (MpWorker      *self,
                                const char    *language,
                                const char    *type_name,
                                const char    *message,
                                const char    *traceback,
                                const guint8  *exception,
                                gsize          exception_size);
MP_AVAILABLE_IN_0_1
int       mp_worker_run_native (MpWorker      *self);
MP_AVAILABLE_IN_0_1
void      mp_worker_set_soft_signal (MpWorker *self,
                                     int       number);

G_END_DECLS
