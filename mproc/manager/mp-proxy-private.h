/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * What the manager and the two kinds of proxies share.
 */

#pragma once

#include "mproc/manager/mp-manager-link-private.h"
#include "mproc/manager/mp-proxy.h"

G_BEGIN_DECLS

/* A proxy of @object, whose reference on @link it takes over. */
MpProxy  *mp_proxy_make       (MpManagerLink    *link,
                               MpObjectType      type,
                               guint64           object);

/* Its ticket, or NULL if it has none yet. *@seen: whether the server has seen it. */
MpShared *mp_proxy_ref_ticket (MpProxy          *self,
                               gboolean         *seen);
MpShared *mp_proxy_peek_ticket (MpProxy         *self);
/* Gives it @ticket, unless another thread was faster; returns the one that it has now. */
MpShared *mp_proxy_adopt_ticket (MpProxy        *self,
                                 MpShared       *ticket,
                                 gboolean       *seen);

/* Fills in the object and calls. */
gboolean  mp_proxy_call       (MpProxy          *self,
                               MpManagerCall    *call,
                               GError          **error);

/* A call with the frame @values, if not NULL; its reply is thrown away. */
gboolean  mp_proxy_call_frame (MpProxy          *self,
                               MpManagerMethod   method,
                               gint64            start,
                               gint64            end,
                               GByteArray       *values,
                               gint64           *number,
                               GError          **error);

/* A call that is answered by one value. */
GVariant *mp_proxy_call_value (MpProxy          *self,
                               MpManagerMethod   method,
                               gint64            start,
                               GByteArray       *values,
                               GError          **error);

/* A call that is answered by any number of values. */
GVariant *mp_proxy_call_list  (MpProxy          *self,
                               MpManagerMethod   method,
                               gint64            start,
                               gint64            end,
                               GError          **error);

G_END_DECLS
