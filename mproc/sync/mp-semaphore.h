/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * A number of permits, shared by processes and by threads of them.
 */

#pragma once

#if !defined(MP_INSIDE) && !defined(MP_COMPILATION)
#error "Only <mproc/mproc.h> can be included directly."
#endif

#include "mproc/memory/mp-shared.h"

G_BEGIN_DECLS

/**
 * MP_SEMAPHORE_MAX_VALUE:
 *
 * The greatest value of a [class@Mp.Semaphore].
 *
 * Since: 0.1
 */
#define MP_SEMAPHORE_MAX_VALUE 2147483647

#define MP_TYPE_SEMAPHORE (mp_semaphore_get_type ())

MP_AVAILABLE_IN_0_1
G_DECLARE_DERIVABLE_TYPE (MpSemaphore, mp_semaphore, MP, SEMAPHORE, MpShared)

/**
 * MpSemaphoreClass:
 * @parent_class: the parent class
 *
 * The class structure of [class@Mp.Semaphore].
 *
 * Since: 0.1
 */
struct _MpSemaphoreClass
{
  MpSharedClass parent_class;

  /*< private >*/
  gpointer padding[4];
};

MP_AVAILABLE_IN_0_1
MpSemaphore *mp_semaphore_new             (guint                value,
                                           GError             **error);
MP_AVAILABLE_IN_0_1
MpSemaphore *mp_semaphore_new_recoverable (guint                value,
                                           GError             **error);
MP_AVAILABLE_IN_0_1
gboolean     mp_semaphore_acquire         (MpSemaphore         *self,
                                           double               timeout,
                                           GCancellable        *cancellable,
                                           GError             **error);
MP_AVAILABLE_IN_0_1
gboolean     mp_semaphore_try_acquire     (MpSemaphore         *self);
MP_AVAILABLE_IN_0_1
void         mp_semaphore_acquire_async   (MpSemaphore         *self,
                                           GCancellable        *cancellable,
                                           GAsyncReadyCallback  callback,
                                           gpointer             user_data);
MP_AVAILABLE_IN_0_1
gboolean     mp_semaphore_acquire_finish  (MpSemaphore         *self,
                                           GAsyncResult        *result,
                                           GError             **error);
MP_AVAILABLE_IN_0_1
gboolean     mp_semaphore_release         (MpSemaphore         *self,
                                           GError             **error);
MP_AVAILABLE_IN_0_1
guint        mp_semaphore_get_value       (MpSemaphore         *self);
MP_AVAILABLE_IN_0_1
gboolean     mp_semaphore_get_recoverable (MpSemaphore         *self);

/* For bindings */
MP_AVAILABLE_IN_0_1
int          mp_semaphore_acquire_raw     (MpSemaphore         *self,
                                           gint64               usec);
MP_AVAILABLE_IN_0_1
int          mp_semaphore_release_raw     (MpSemaphore         *self);

#define MP_TYPE_BOUNDED_SEMAPHORE (mp_bounded_semaphore_get_type ())

MP_AVAILABLE_IN_0_1
G_DECLARE_DERIVABLE_TYPE (MpBoundedSemaphore, mp_bounded_semaphore, MP, BOUNDED_SEMAPHORE,
                          MpSemaphore)

/**
 * MpBoundedSemaphoreClass:
 * @parent_class: the parent class
 *
 * The class structure of [class@Mp.BoundedSemaphore].
 *
 * Since: 0.1
 */
struct _MpBoundedSemaphoreClass
{
  MpSemaphoreClass parent_class;

  /*< private >*/
  gpointer padding[4];
};

MP_AVAILABLE_IN_0_1
MpBoundedSemaphore *mp_bounded_semaphore_new             (guint                value,
                                                          GError             **error);
MP_AVAILABLE_IN_0_1
MpBoundedSemaphore *mp_bounded_semaphore_new_recoverable (guint                value,
                                                          GError             **error);
MP_AVAILABLE_IN_0_1
guint               mp_bounded_semaphore_get_max_value   (MpBoundedSemaphore  *self);

G_END_DECLS
