/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * What all proxies of objects in a manager's server have in common.
 */

#pragma once

#if !defined(MP_INSIDE) && !defined(MP_COMPILATION)
#error "Only <mproc/mproc.h> can be included directly."
#endif

#include "mproc/base/mp-payload.h"
#include "mproc/memory/mp-shared.h"

G_BEGIN_DECLS

#define MP_TYPE_PROXY (mp_proxy_get_type ())

MP_AVAILABLE_IN_0_1
G_DECLARE_DERIVABLE_TYPE (MpProxy, mp_proxy, MP, PROXY, GObject)

/**
 * MpProxyClass:
 * @parent_class: the parent class
 * @to_string: describes the content, for people
 *
 * The class structure of [class@Mp.Proxy].
 *
 * Since: 0.1
 */
struct _MpProxyClass
{
  GObjectClass parent_class;

  char *(*to_string) (MpProxy  *self,
                      GError  **error);

  /*< private >*/
  gpointer padding[8];
};

/**
 * MpProxyModifyFunc:
 * @content: the present content
 * @user_data: the data given with the function
 * @error: return location for an error, which stops the change
 *
 * Makes new content of the present one. It may be called more than once, because another process
 * may have changed the object in between; so it should do nothing else.
 *
 * Returns: (transfer full): the new content; a floating reference is sunk. %NULL with @error set
 *   leaves the object as it is
 *
 * Since: 0.1
 */
typedef GVariant *(*MpProxyModifyFunc) (GVariant  *content,
                                        gpointer   user_data,
                                        GError   **error);

MP_AVAILABLE_IN_0_1
MpProxy   *mp_proxy_open               (const char           *handle,
                                        GError              **error);
MP_AVAILABLE_IN_0_1
char      *mp_proxy_get_handle         (MpProxy              *self);
MP_AVAILABLE_IN_0_1
GVariant  *mp_proxy_to_variant         (MpProxy              *self,
                                        GError              **error);
MP_AVAILABLE_IN_0_1
MpProxy   *mp_proxy_from_variant       (GVariant             *value,
                                        GError              **error);
MP_AVAILABLE_IN_0_1
char      *mp_proxy_to_string          (MpProxy              *self,
                                        GError              **error);
MP_AVAILABLE_IN_0_1
gint64     mp_proxy_get_length         (MpProxy              *self,
                                        GError              **error);
MP_AVAILABLE_IN_0_1
gboolean   mp_proxy_clear              (MpProxy              *self,
                                        GError              **error);
MP_AVAILABLE_IN_0_1
GVariant  *mp_proxy_get_content        (MpProxy              *self,
                                        guint64              *version,
                                        GError              **error);
MP_AVAILABLE_IN_0_1
gboolean   mp_proxy_replace            (MpProxy              *self,
                                        GVariant             *content,
                                        GError              **error);
MP_AVAILABLE_IN_0_1
gboolean   mp_proxy_replace_if_version (MpProxy              *self,
                                        guint64               version,
                                        GVariant             *content,
                                        gboolean             *replaced,
                                        GError              **error);
MP_AVAILABLE_IN_0_1
gboolean   mp_proxy_modify             (MpProxy              *self,
                                        MpProxyModifyFunc     func,
                                        gpointer              user_data,
                                        GError              **error);

/* For bindings: what a message with the proxy has to hold. */
MP_AVAILABLE_IN_0_1
MpShared  *mp_proxy_get_ticket         (MpProxy              *self,
                                        GError              **error);

/* For bindings: any method, with values in any encoding. */
MP_AVAILABLE_IN_0_1
gboolean   mp_proxy_call_data          (MpProxy              *self,
                                        const char           *method,
                                        gint64                start,
                                        gint64                end,
                                        guint64               version,
                                        const guint8         *values,
                                        gsize                 values_size,
                                        guint                 wanted,
                                        guint8              **out_values,
                                        gsize                *out_size,
                                        gint64               *out_number,
                                        guint64              *out_version,
                                        GError              **error);
MP_AVAILABLE_IN_0_1
gboolean   mp_proxy_call_text          (MpProxy              *self,
                                        const char           *method,
                                        gint64                start,
                                        gint64                end,
                                        guint64               version,
                                        const char * const   *values,
                                        char                **out_values,
                                        gint64               *out_number,
                                        guint64              *out_version,
                                        GError              **error);

G_END_DECLS
