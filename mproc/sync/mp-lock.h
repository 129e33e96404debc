/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Mutual exclusion between processes, and between threads of them.
 */

#pragma once

#if !defined(MP_INSIDE) && !defined(MP_COMPILATION)
#error "Only <mproc/mproc.h> can be included directly."
#endif

#include "mproc/memory/mp-shared.h"

G_BEGIN_DECLS

#define MP_TYPE_LOCK (mp_lock_get_type ())

MP_AVAILABLE_IN_0_1
G_DECLARE_DERIVABLE_TYPE (MpLock, mp_lock, MP, LOCK, MpShared)

/**
 * MpLockClass:
 * @parent_class: the parent class
 *
 * The class structure of [class@Mp.Lock].
 *
 * Since: 0.1
 */
struct _MpLockClass
{
  MpSharedClass parent_class;

  /*< private >*/
  gpointer padding[4];
};

MP_AVAILABLE_IN_0_1
MpLock   *mp_lock_new           (GError       **error);
MP_AVAILABLE_IN_0_1
gboolean  mp_lock_acquire       (MpLock        *self,
                                 double         timeout,
                                 GCancellable  *cancellable,
                                 GError       **error);
MP_AVAILABLE_IN_0_1
gboolean  mp_lock_try_acquire   (MpLock        *self);
MP_AVAILABLE_IN_0_1
void      mp_lock_acquire_async  (MpLock              *self,
                                  GCancellable        *cancellable,
                                  GAsyncReadyCallback  callback,
                                  gpointer             user_data);
MP_AVAILABLE_IN_0_1
gboolean  mp_lock_acquire_finish (MpLock        *self,
                                  GAsyncResult  *result,
                                  GError       **error);
MP_AVAILABLE_IN_0_1
gboolean  mp_lock_release       (MpLock        *self,
                                 GError       **error);
MP_AVAILABLE_IN_0_1
gboolean  mp_lock_is_locked     (MpLock        *self);
MP_AVAILABLE_IN_0_1
gboolean  mp_lock_get_abandoned (MpLock        *self);

/* For bindings */
MP_AVAILABLE_IN_0_1
int       mp_lock_acquire_raw   (MpLock        *self,
                                 gint64         usec);
MP_AVAILABLE_IN_0_1
int       mp_lock_release_raw   (MpLock        *self);

#define MP_TYPE_RLOCK (mp_rlock_get_type ())

MP_AVAILABLE_IN_0_1
G_DECLARE_DERIVABLE_TYPE (MpRLock, mp_rlock, MP, RLOCK, MpLock)

/**
 * MpRLockClass:
 * @parent_class: the parent class
 *
 * The class structure of [class@Mp.RLock].
 *
 * Since: 0.1
 */
struct _MpRLockClass
{
  MpLockClass parent_class;

  /*< private >*/
  gpointer padding[4];
};

MP_AVAILABLE_IN_0_1
MpRLock  *mp_rlock_new          (GError       **error);

G_END_DECLS
