/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * One number in shared memory.
 */

#pragma once

#if !defined(MP_INSIDE) && !defined(MP_COMPILATION)
#error "Only <mproc/mproc.h> can be included directly."
#endif

#include "mproc/data/mp-element.h"
#include "mproc/sync/mp-lock.h"

G_BEGIN_DECLS

#define MP_TYPE_VALUE (mp_value_get_type ())

MP_AVAILABLE_IN_0_1
G_DECLARE_DERIVABLE_TYPE (MpValue, mp_value, MP, VALUE, MpShared)

/**
 * MpValueClass:
 * @parent_class: the parent class
 *
 * The class structure of [class@Mp.Value].
 *
 * Since: 0.1
 */
struct _MpValueClass
{
  MpSharedClass parent_class;

  /*< private >*/
  gpointer padding[4];
};

MP_AVAILABLE_IN_0_1
MpValue      *mp_value_new                    (MpElementType   type,
                                               GError        **error);
MP_AVAILABLE_IN_0_1
MpValue      *mp_value_new_with_lock          (MpElementType   type,
                                               MpLock         *lock,
                                               GError        **error);
MP_AVAILABLE_IN_0_1
MpElementType mp_value_get_element_type       (MpValue *self);
MP_AVAILABLE_IN_0_1
MpLock       *mp_value_get_lock               (MpValue *self);
MP_AVAILABLE_IN_0_1
gint64        mp_value_get_int64              (MpValue  *self,
                                               GError  **error);
MP_AVAILABLE_IN_0_1
guint64       mp_value_get_uint64             (MpValue  *self,
                                               GError  **error);
MP_AVAILABLE_IN_0_1
double        mp_value_get_double             (MpValue  *self,
                                               GError  **error);
MP_AVAILABLE_IN_0_1
GVariant     *mp_value_get_variant            (MpValue  *self,
                                               GError  **error);
MP_AVAILABLE_IN_0_1
gboolean      mp_value_set_int64              (MpValue  *self,
                                               gint64    number,
                                               GError  **error);
MP_AVAILABLE_IN_0_1
gboolean      mp_value_set_uint64             (MpValue  *self,
                                               guint64   number,
                                               GError  **error);
MP_AVAILABLE_IN_0_1
gboolean      mp_value_set_double             (MpValue  *self,
                                               double    number,
                                               GError  **error);
MP_AVAILABLE_IN_0_1
gboolean      mp_value_set_variant            (MpValue   *self,
                                               GVariant  *number,
                                               GError   **error);
MP_AVAILABLE_IN_0_1
gint64        mp_value_add                    (MpValue  *self,
                                               gint64    amount,
                                               GError  **error);
MP_AVAILABLE_IN_0_1
double        mp_value_add_double             (MpValue  *self,
                                               double    amount,
                                               GError  **error);
MP_AVAILABLE_IN_0_1
gint64        mp_value_and                    (MpValue  *self,
                                               gint64    bits,
                                               GError  **error);
MP_AVAILABLE_IN_0_1
gint64        mp_value_or                     (MpValue  *self,
                                               gint64    bits,
                                               GError  **error);
MP_AVAILABLE_IN_0_1
gint64        mp_value_xor                    (MpValue  *self,
                                               gint64    bits,
                                               GError  **error);
MP_AVAILABLE_IN_0_1
gint64        mp_value_exchange               (MpValue  *self,
                                               gint64    number,
                                               GError  **error);
MP_AVAILABLE_IN_0_1
double        mp_value_exchange_double        (MpValue  *self,
                                               double    number,
                                               GError  **error);
MP_AVAILABLE_IN_0_1
gboolean      mp_value_compare_and_set        (MpValue  *self,
                                               gint64    expected,
                                               gint64    desired,
                                               GError  **error);
MP_AVAILABLE_IN_0_1
gboolean      mp_value_compare_and_set_double (MpValue  *self,
                                               double    expected,
                                               double    desired,
                                               GError  **error);
MP_AVAILABLE_IN_0_1
gpointer      mp_value_get_data               (MpValue *self);

/* For bindings */
MP_AVAILABLE_IN_0_1
guint64       mp_value_get_address            (MpValue *self);
MP_AVAILABLE_IN_0_1
GVariant     *mp_value_change_exactly         (MpValue     *self,
                                               const char  *how,
                                               gint64       number,
                                               GError     **error);

G_END_DECLS
