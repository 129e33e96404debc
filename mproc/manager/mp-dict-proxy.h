/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * A dict in a manager's server, as any process sees it.
 */

#pragma once

#if !defined(MP_INSIDE) && !defined(MP_COMPILATION)
#error "Only <mproc/mproc.h> can be included directly."
#endif

#include "mproc/manager/mp-proxy.h"

G_BEGIN_DECLS

#define MP_TYPE_DICT_PROXY (mp_dict_proxy_get_type ())

MP_AVAILABLE_IN_0_1
G_DECLARE_DERIVABLE_TYPE (MpDictProxy, mp_dict_proxy, MP, DICT_PROXY, MpProxy)

/**
 * MpDictProxyClass:
 * @parent_class: the parent class
 *
 * The class structure of [class@Mp.DictProxy].
 *
 * Since: 0.1
 */
struct _MpDictProxyClass
{
  MpProxyClass parent_class;

  /*< private >*/
  gpointer padding[8];
};

MP_AVAILABLE_IN_0_1
GVariant *mp_dict_proxy_get         (MpDictProxy  *self,
                                     GVariant     *key,
                                     GError      **error);
MP_AVAILABLE_IN_0_1
gboolean  mp_dict_proxy_set         (MpDictProxy  *self,
                                     GVariant     *key,
                                     GVariant     *value,
                                     GError      **error);
MP_AVAILABLE_IN_0_1
GVariant *mp_dict_proxy_set_default (MpDictProxy  *self,
                                     GVariant     *key,
                                     GVariant     *value,
                                     GError      **error);
MP_AVAILABLE_IN_0_1
gboolean  mp_dict_proxy_contains    (MpDictProxy  *self,
                                     GVariant     *key,
                                     GError      **error);
MP_AVAILABLE_IN_0_1
GVariant *mp_dict_proxy_pop         (MpDictProxy  *self,
                                     GVariant     *key,
                                     GError      **error);
MP_AVAILABLE_IN_0_1
gboolean  mp_dict_proxy_pop_item    (MpDictProxy  *self,
                                     GVariant    **key,
                                     GVariant    **value,
                                     GError      **error);
MP_AVAILABLE_IN_0_1
gboolean  mp_dict_proxy_remove      (MpDictProxy  *self,
                                     GVariant     *key,
                                     GError      **error);
MP_AVAILABLE_IN_0_1
gboolean  mp_dict_proxy_update      (MpDictProxy  *self,
                                     GVariant     *content,
                                     GError      **error);
MP_AVAILABLE_IN_0_1
GVariant *mp_dict_proxy_get_keys    (MpDictProxy  *self,
                                     GError      **error);
MP_AVAILABLE_IN_0_1
GVariant *mp_dict_proxy_get_values  (MpDictProxy  *self,
                                     GError      **error);

G_END_DECLS
