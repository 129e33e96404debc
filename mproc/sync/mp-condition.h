/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Waiting, under a lock, for somebody to say that something changed.
 */

#pragma once

#if !defined(MP_INSIDE) && !defined(MP_COMPILATION)
#error "Only <mproc/mproc.h> can be included directly."
#endif

#include "mproc/sync/mp-lock.h"

G_BEGIN_DECLS

#define MP_TYPE_CONDITION (mp_condition_get_type ())

MP_AVAILABLE_IN_0_1
G_DECLARE_DERIVABLE_TYPE (MpCondition, mp_condition, MP, CONDITION, MpShared)

/**
 * MpConditionClass:
 * @parent_class: the parent class
 *
 * The class structure of [class@Mp.Condition].
 *
 * Since: 0.1
 */
struct _MpConditionClass
{
  MpSharedClass parent_class;

  /*< private >*/
  gpointer padding[4];
};

MP_AVAILABLE_IN_0_1
MpCondition *mp_condition_new        (MpLock        *lock,
                                      GError       **error);
MP_AVAILABLE_IN_0_1
MpLock      *mp_condition_get_lock   (MpCondition   *self);
MP_AVAILABLE_IN_0_1
gboolean     mp_condition_acquire    (MpCondition   *self,
                                      double         timeout,
                                      GCancellable  *cancellable,
                                      GError       **error);
MP_AVAILABLE_IN_0_1
gboolean     mp_condition_release    (MpCondition   *self,
                                      GError       **error);
MP_AVAILABLE_IN_0_1
gboolean     mp_condition_wait       (MpCondition   *self,
                                      double         timeout,
                                      GCancellable  *cancellable,
                                      GError       **error);
MP_AVAILABLE_IN_0_1
gboolean     mp_condition_notify     (MpCondition   *self,
                                      guint          n,
                                      GError       **error);
MP_AVAILABLE_IN_0_1
gboolean     mp_condition_notify_all (MpCondition   *self,
                                      GError       **error);

/* For bindings: a wait in pieces, each of which may be interrupted. */
MP_AVAILABLE_IN_0_1
int          mp_condition_wait_begin (MpCondition   *self,
                                      guint         *ticket);
MP_AVAILABLE_IN_0_1
int          mp_condition_wait_raw   (MpCondition   *self,
                                      guint          ticket,
                                      gint64         usec);
MP_AVAILABLE_IN_0_1
int          mp_condition_wait_end   (MpCondition   *self,
                                      guint          ticket);

G_END_DECLS
