/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Where a number of processes or threads wait for each other.
 */

#pragma once

#if !defined(MP_INSIDE) && !defined(MP_COMPILATION)
#error "Only <mproc/mproc.h> can be included directly."
#endif

#include "mproc/memory/mp-shared.h"

G_BEGIN_DECLS

#define MP_TYPE_BARRIER (mp_barrier_get_type ())

MP_AVAILABLE_IN_0_1
G_DECLARE_DERIVABLE_TYPE (MpBarrier, mp_barrier, MP, BARRIER, MpShared)

/**
 * MpBarrierClass:
 * @parent_class: the parent class
 *
 * The class structure of [class@Mp.Barrier].
 *
 * Since: 0.1
 */
struct _MpBarrierClass
{
  MpSharedClass parent_class;

  /*< private >*/
  gpointer padding[4];
};

/**
 * MpBarrierAction:
 * @barrier: the barrier
 * @user_data: data given with the action
 * @error: return location for an error
 *
 * What the last to arrive does before all are released, see [method@Mp.Barrier.set_action].
 *
 * Returns: %TRUE if it succeeded; else the barrier is broken
 *
 * Since: 0.1
 */
typedef gboolean (*MpBarrierAction) (MpBarrier  *barrier,
                                     gpointer    user_data,
                                     GError    **error);

MP_AVAILABLE_IN_0_1
MpBarrier *mp_barrier_new           (guint                 parties,
                                     double                timeout,
                                     GError              **error);
MP_AVAILABLE_IN_0_1
void       mp_barrier_set_action    (MpBarrier            *self,
                                     MpBarrierAction       action,
                                     gpointer              user_data,
                                     GDestroyNotify        destroy);
MP_AVAILABLE_IN_0_1
int        mp_barrier_wait          (MpBarrier            *self,
                                     double                timeout,
                                     GCancellable         *cancellable,
                                     GError              **error);
MP_AVAILABLE_IN_0_1
void       mp_barrier_wait_async    (MpBarrier            *self,
                                     GCancellable         *cancellable,
                                     GAsyncReadyCallback   callback,
                                     gpointer              user_data);
MP_AVAILABLE_IN_0_1
int        mp_barrier_wait_finish   (MpBarrier            *self,
                                     GAsyncResult         *result,
                                     GError              **error);
MP_AVAILABLE_IN_0_1
gboolean   mp_barrier_reset         (MpBarrier            *self,
                                     GError              **error);
MP_AVAILABLE_IN_0_1
gboolean   mp_barrier_abort         (MpBarrier            *self,
                                     GError              **error);
MP_AVAILABLE_IN_0_1
guint      mp_barrier_get_parties   (MpBarrier            *self);
MP_AVAILABLE_IN_0_1
double     mp_barrier_get_timeout   (MpBarrier            *self);
MP_AVAILABLE_IN_0_1
guint      mp_barrier_get_n_waiting (MpBarrier            *self);
MP_AVAILABLE_IN_0_1
gboolean   mp_barrier_is_broken     (MpBarrier            *self);

/* For bindings: a wait in pieces, each of which may be interrupted. */
MP_AVAILABLE_IN_0_1
int        mp_barrier_wait_begin    (MpBarrier            *self,
                                     gint64                usec,
                                     guint                *ticket,
                                     guint                *index);
MP_AVAILABLE_IN_0_1
int        mp_barrier_wait_raw      (MpBarrier            *self,
                                     guint                 ticket,
                                     gint64                usec);
MP_AVAILABLE_IN_0_1
int        mp_barrier_wait_end      (MpBarrier            *self,
                                     guint                 ticket,
                                     gboolean              success);

G_END_DECLS
