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
