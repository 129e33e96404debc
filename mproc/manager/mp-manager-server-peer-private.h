/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The connections of the server.
 */

#pragma once

#include "mproc/manager/mp-manager-protocol-private.h"

G_BEGIN_DECLS

typedef struct _MpServerPeer MpServerPeer;

void     mp_server_peers_init    (int            epoll_fd,
                                  int            listener,
                                  const guint8  *token);
void     mp_server_peers_accept  (void);
int      mp_server_peers_timeout (void);
void     mp_server_peers_tidy    (void);
void     mp_server_peers_free    (void);
void     mp_server_peer_event    (MpServerPeer  *self,
                                  guint32        events);

G_END_DECLS
