/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The base class of every object that lives in the family's shared memory.
 */

#pragma once

#if !defined(MP_INSIDE) && !defined(MP_COMPILATION)
#error "Only <mproc/mproc.h> can be included directly."
#endif

#include "mproc/base/mp-error.h"

G_BEGIN_DECLS

#define MP_TYPE_SHARED (mp_shared_get_type ())

MP_AVAILABLE_IN_0_1
G_DECLARE_DERIVABLE_TYPE (MpShared, mp_shared, MP, SHARED, GObject)

/**
 * MpSharedClass:
 * @parent_class: the parent class
 * @to_string: describes kind and state, for people
 *
 * The class structure of [class@Mp.Shared]. Only mproc's own classes derive from it directly.
 *
 * Since: 0.1
 */
struct _MpSharedClass
{
  GObjectClass parent_class;

  char *(*to_string) (MpShared *self);

  /*< private >*/
  gpointer padding[8];
};

MP_AVAILABLE_IN_0_1
char     *mp_shared_get_handle   (MpShared    *self);
MP_AVAILABLE_IN_0_1
MpShared *mp_shared_open         (const char  *handle,
                                  GError     **error);
MP_AVAILABLE_IN_0_1
char     *mp_shared_to_string    (MpShared    *self);
MP_AVAILABLE_IN_0_1
GVariant *mp_shared_to_variant   (MpShared    *self);
MP_AVAILABLE_IN_0_1
MpShared *mp_shared_from_variant (GVariant    *value,
                                  GError     **error);
MP_AVAILABLE_IN_0_1
void      mp_shared_attach       (MpShared    *self);
MP_AVAILABLE_IN_0_1
void      mp_shared_detach_all   (void);

G_END_DECLS
