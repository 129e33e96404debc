/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Numbers of one type in a row, in shared memory.
 */

#pragma once

#if !defined(MP_INSIDE) && !defined(MP_COMPILATION)
#error "Only <mproc/mproc.h> can be included directly."
#endif

#include "mproc/data/mp-element.h"
#include "mproc/sync/mp-lock.h"

G_BEGIN_DECLS

#define MP_TYPE_ARRAY (mp_array_get_type ())

MP_AVAILABLE_IN_0_1
G_DECLARE_DERIVABLE_TYPE (MpArray, mp_array, MP, ARRAY, MpShared)

/**
 * MpArrayClass:
 * @parent_class: the parent class
 *
 * The class structure of [class@Mp.Array].
 *
 * Since: 0.1
 */
struct _MpArrayClass
{
  MpSharedClass parent_class;

  /*< private >*/
  gpointer padding[4];
};

MP_AVAILABLE_IN_0_1
MpArray      *mp_array_new                    (MpElementType   type,
                                               guint64         length,
                                               GError        **error);
MP_AVAILABLE_IN_0_1
MpArray      *mp_array_new_with_lock          (MpElementType   type,
                                               guint64         length,
                                               MpLock         *lock,
                                               GError        **error);
MP_AVAILABLE_IN_0_1
MpElementType mp_array_get_element_type       (MpArray *self);
MP_AVAILABLE_IN_0_1
guint64       mp_array_get_length             (MpArray *self);
MP_AVAILABLE_IN_0_1
MpLock       *mp_array_get_lock               (MpArray *self);
MP_AVAILABLE_IN_0_1
gint64        mp_array_get_int64              (MpArray  *self,
                                               guint64   index,
                                               GError  **error);
MP_AVAILABLE_IN_0_1
guint64       mp_array_get_uint64             (MpArray  *self,
                                               guint64   index,
                                               GError  **error);
MP_AVAILABLE_IN_0_1
double        mp_array_get_double             (MpArray  *self,
                                               guint64   index,
                                               GError  **error);
MP_AVAILABLE_IN_0_1
GVariant     *mp_array_get_variant            (MpArray  *self,
                                               guint64   index,
                                               GError  **error);
MP_AVAILABLE_IN_0_1
gboolean      mp_array_set_int64              (MpArray  *self,
                                               guint64   index,
                                               gint64    number,
                                               GError  **error);
MP_AVAILABLE_IN_0_1
gboolean      mp_array_set_uint64             (MpArray  *self,
                                               guint64   index,
                                               guint64   number,
                                               GError  **error);
MP_AVAILABLE_IN_0_1
gboolean      mp_array_set_double             (MpArray  *self,
                                               guint64   index,
                                               double    number,
                                               GError  **error);
MP_AVAILABLE_IN_0_1
gboolean      mp_array_set_variant            (MpArray   *self,
                                               guint64    index,
                                               GVariant  *number,
                                               GError   **error);
MP_AVAILABLE_IN_0_1
gint64        mp_array_add                    (MpArray  *self,
                                               guint64   index,
                                               gint64    amount,
                                               GError  **error);
MP_AVAILABLE_IN_0_1
double        mp_array_add_double             (MpArray  *self,
                                               guint64   index,
                                               double    amount,
                                               GError  **error);
MP_AVAILABLE_IN_0_1
gint64        mp_array_and                    (MpArray  *self,
                                               guint64   index,
                                               gint64    bits,
                                               GError  **error);
MP_AVAILABLE_IN_0_1
gint64        mp_array_or                     (MpArray  *self,
                                               guint64   index,
                                               gint64    bits,
                                               GError  **error);
MP_AVAILABLE_IN_0_1
gint64        mp_array_xor                    (MpArray  *self,
                                               guint64   index,
                                               gint64    bits,
                                               GError  **error);
MP_AVAILABLE_IN_0_1
gint64        mp_array_exchange               (MpArray  *self,
                                               guint64   index,
                                               gint64    number,
                                               GError  **error);
MP_AVAILABLE_IN_0_1
double        mp_array_exchange_double        (MpArray  *self,
                                               guint64   index,
                                               double    number,
                                               GError  **error);
MP_AVAILABLE_IN_0_1
gboolean      mp_array_compare_and_set        (MpArray  *self,
                                               guint64   index,
                                               gint64    expected,
                                               gint64    desired,
                                               GError  **error);
MP_AVAILABLE_IN_0_1
gboolean      mp_array_compare_and_set_double (MpArray  *self,
                                               guint64   index,
                                               double    expected,
                                               double    desired,
                                               GError  **error);
MP_AVAILABLE_IN_0_1
gboolean      mp_array_get_range              (MpArray   *self,
                                               guint64    start,
                                               guint64    n,
                                               gpointer   elements,
                                               GError   **error);
MP_AVAILABLE_IN_0_1
gboolean      mp_array_set_range              (MpArray        *self,
                                               guint64         start,
                                               guint64         n,
                                               gconstpointer   elements,
                                               GError        **error);
MP_AVAILABLE_IN_0_1
GBytes       *mp_array_read                   (MpArray  *self,
                                               guint64   start,
                                               guint64   n,
                                               GError  **error);
MP_AVAILABLE_IN_0_1
gboolean      mp_array_write                  (MpArray  *self,
                                               guint64   start,
                                               GBytes   *elements,
                                               GError  **error);
MP_AVAILABLE_IN_0_1
gpointer      mp_array_get_data               (MpArray *self,
                                               gsize   *size);
MP_AVAILABLE_IN_0_1
GBytes       *mp_array_get_bytes              (MpArray  *self,
                                               GError  **error);

/* For bindings */
MP_AVAILABLE_IN_0_1
guint64       mp_array_get_address            (MpArray *self);
MP_AVAILABLE_IN_0_1
GVariant     *mp_array_change_exactly         (MpArray     *self,
                                               guint64      index,
                                               const char  *how,
                                               gint64       number,
                                               GError     **error);

G_END_DECLS
