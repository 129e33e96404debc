/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Results as they come, or in the order in which their tasks were given.
 */

#pragma once

#if !defined(MP_INSIDE) && !defined(MP_COMPILATION)
#error "Only <mproc/mproc.h> can be included directly."
#endif

#include "mproc/pool/mp-result.h"

G_BEGIN_DECLS

#define MP_TYPE_RESULT_ITERATOR (mp_result_iterator_get_type ())

MP_AVAILABLE_IN_0_1
G_DECLARE_FINAL_TYPE (MpResultIterator, mp_result_iterator, MP, RESULT_ITERATOR, GObject)

MP_AVAILABLE_IN_0_1
MpResultIterator *mp_result_iterator_new         (gboolean              ordered);
MP_AVAILABLE_IN_0_1
void              mp_result_iterator_add         (MpResultIterator     *self,
                                                  MpResult             *result);
MP_AVAILABLE_IN_0_1
guint             mp_result_iterator_get_pending (MpResultIterator     *self);
MP_AVAILABLE_IN_0_1
gboolean          mp_result_iterator_next        (MpResultIterator     *self,
                                                  double                timeout,
                                                  GCancellable         *cancellable,
                                                  GVariant            **value,
                                                  GError              **error);
MP_AVAILABLE_IN_0_1
MpResult         *mp_result_iterator_next_result (MpResultIterator     *self,
                                                  double                timeout,
                                                  GCancellable         *cancellable,
                                                  GError              **error);
MP_AVAILABLE_IN_0_1
void              mp_result_iterator_next_async  (MpResultIterator     *self,
                                                  GCancellable         *cancellable,
                                                  GAsyncReadyCallback   callback,
                                                  gpointer              user_data);
MP_AVAILABLE_IN_0_1
MpResult         *mp_result_iterator_next_finish (MpResultIterator     *self,
                                                  GAsyncResult         *result,
                                                  GError              **error);

/* For bindings */
MP_AVAILABLE_IN_0_1
int               mp_result_iterator_next_raw    (MpResultIterator     *self,
                                                  gint64                usec,
                                                  MpResult            **result);

G_END_DECLS
