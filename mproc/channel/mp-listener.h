/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The listener: where processes that are no relatives connect to.
 */

#pragma once

#if !defined(MP_INSIDE) && !defined(MP_COMPILATION)
#error "Only <mproc/mproc.h> can be included directly."
#endif

#include "mproc/channel/mp-connection.h"

G_BEGIN_DECLS

#define MP_TYPE_LISTENER (mp_listener_get_type ())

MP_AVAILABLE_IN_0_1
G_DECLARE_FINAL_TYPE (MpListener, mp_listener, MP, LISTENER, GObject)

MP_AVAILABLE_IN_0_1
MpListener   *mp_listener_new               (const char           *address,
                                             guint                 backlog,
                                             GBytes               *authkey,
                                             GError              **error);
MP_AVAILABLE_IN_0_1
MpConnection *mp_listener_accept            (MpListener           *self,
                                             double                timeout,
                                             GCancellable         *cancellable,
                                             GError              **error);
MP_AVAILABLE_IN_0_1
void          mp_listener_accept_async      (MpListener           *self,
                                             GCancellable         *cancellable,
                                             GAsyncReadyCallback   callback,
                                             gpointer              user_data);
MP_AVAILABLE_IN_0_1
MpConnection *mp_listener_accept_finish     (MpListener           *self,
                                             GAsyncResult         *result,
                                             GError              **error);
MP_AVAILABLE_IN_0_1
const char   *mp_listener_get_address       (MpListener           *self);
MP_AVAILABLE_IN_0_1
const char   *mp_listener_get_last_accepted (MpListener           *self);
MP_AVAILABLE_IN_0_1
double        mp_listener_get_auth_timeout  (MpListener           *self);
MP_AVAILABLE_IN_0_1
void          mp_listener_set_auth_timeout  (MpListener           *self,
                                             double                seconds);
MP_AVAILABLE_IN_0_1
int           mp_listener_get_fd            (MpListener           *self);
MP_AVAILABLE_IN_0_1
void          mp_listener_close             (MpListener           *self);
MP_AVAILABLE_IN_0_1
gboolean      mp_listener_is_closed         (MpListener           *self);

/* For bindings. */
MP_AVAILABLE_IN_0_1
int           mp_listener_accept_raw        (MpListener           *self,
                                             gint64                usec,
                                             MpConnection        **connection);

G_END_DECLS
