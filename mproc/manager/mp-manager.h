/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The manager: a server process that holds objects for any number of processes.
 */

#pragma once

#if !defined(MP_INSIDE) && !defined(MP_COMPILATION)
#error "Only <mproc/mproc.h> can be included directly."
#endif

#include "mproc/manager/mp-dict-proxy.h"
#include "mproc/manager/mp-list-proxy.h"

G_BEGIN_DECLS

#define MP_TYPE_MANAGER (mp_manager_get_type ())

MP_AVAILABLE_IN_0_1
G_DECLARE_DERIVABLE_TYPE (MpManager, mp_manager, MP, MANAGER, GObject)

/**
 * MpManagerClass:
 * @parent_class: the parent class
 *
 * The class structure of [class@Mp.Manager].
 *
 * Since: 0.1
 */
struct _MpManagerClass
{
  GObjectClass parent_class;

  /*< private >*/
  gpointer padding[8];
};

MP_AVAILABLE_IN_0_1
MpManager   *mp_manager_new         (GError     **error);
MP_AVAILABLE_IN_0_1
MpListProxy *mp_manager_create_list (MpManager   *self,
                                     GVariant    *content,
                                     GError     **error);
MP_AVAILABLE_IN_0_1
MpDictProxy *mp_manager_create_dict (MpManager   *self,
                                     GVariant    *content,
                                     GError     **error);
MP_AVAILABLE_IN_0_1
void         mp_manager_shutdown    (MpManager   *self);
MP_AVAILABLE_IN_0_1
gboolean     mp_manager_is_alive    (MpManager   *self);
MP_AVAILABLE_IN_0_1
int          mp_manager_get_pid     (MpManager   *self);
MP_AVAILABLE_IN_0_1
const char  *mp_manager_get_address (MpManager   *self);

G_END_DECLS
