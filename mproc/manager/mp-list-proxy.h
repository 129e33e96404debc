/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * A list in a manager's server, as any process sees it.
 */

#pragma once

#if !defined(MP_INSIDE) && !defined(MP_COMPILATION)
#error "Only <mproc/mproc.h> can be included directly."
#endif

#include "mproc/manager/mp-proxy.h"

G_BEGIN_DECLS

#define MP_TYPE_LIST_PROXY (mp_list_proxy_get_type ())

MP_AVAILABLE_IN_0_1
G_DECLARE_DERIVABLE_TYPE (MpListProxy, mp_list_proxy, MP, LIST_PROXY, MpProxy)

/**
 * MpListProxyClass:
 * @parent_class: the parent class
 *
 * The class structure of [class@Mp.ListProxy].
 *
 * Since: 0.1
 */
struct _MpListProxyClass
{
  MpProxyClass parent_class;

  /*< private >*/
  gpointer padding[8];
};

MP_AVAILABLE_IN_0_1
gboolean  mp_list_proxy_append        (MpListProxy  *self,
                                       GVariant     *value,
                                       GError      **error);
MP_AVAILABLE_IN_0_1
gboolean  mp_list_proxy_extend        (MpListProxy  *self,
                                       GVariant     *values,
                                       GError      **error);
MP_AVAILABLE_IN_0_1
gboolean  mp_list_proxy_insert        (MpListProxy  *self,
                                       gint64        index,
                                       GVariant     *value,
                                       GError      **error);
MP_AVAILABLE_IN_0_1
GVariant *mp_list_proxy_get           (MpListProxy  *self,
                                       gint64        index,
                                       GError      **error);
MP_AVAILABLE_IN_0_1
gboolean  mp_list_proxy_set           (MpListProxy  *self,
                                       gint64        index,
                                       GVariant     *value,
                                       GError      **error);
MP_AVAILABLE_IN_0_1
GVariant *mp_list_proxy_pop           (MpListProxy  *self,
                                       gint64        index,
                                       GError      **error);
MP_AVAILABLE_IN_0_1
gboolean  mp_list_proxy_remove_at     (MpListProxy  *self,
                                       gint64        index,
                                       GError      **error);
MP_AVAILABLE_IN_0_1
gboolean  mp_list_proxy_remove        (MpListProxy  *self,
                                       GVariant     *value,
                                       GError      **error);
MP_AVAILABLE_IN_0_1
GVariant *mp_list_proxy_get_slice     (MpListProxy  *self,
                                       gint64        start,
                                       gint64        end,
                                       GError      **error);
MP_AVAILABLE_IN_0_1
gboolean  mp_list_proxy_replace_slice (MpListProxy  *self,
                                       gint64        start,
                                       gint64        end,
                                       GVariant     *values,
                                       GError      **error);
MP_AVAILABLE_IN_0_1
gint64    mp_list_proxy_index_of      (MpListProxy  *self,
                                       GVariant     *value,
                                       GError      **error);
MP_AVAILABLE_IN_0_1
gint64    mp_list_proxy_count         (MpListProxy  *self,
                                       GVariant     *value,
                                       GError      **error);
MP_AVAILABLE_IN_0_1
gboolean  mp_list_proxy_contains      (MpListProxy  *self,
                                       GVariant     *value,
                                       GError      **error);
MP_AVAILABLE_IN_0_1
gboolean  mp_list_proxy_reverse       (MpListProxy  *self,
                                       GError      **error);

G_END_DECLS
