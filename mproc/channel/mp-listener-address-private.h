/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Addresses of sockets as texts: "/path", "@abstract", "host:port", "[host]:port".
 */

#pragma once

#include <gio/gio.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "mproc/base/mp-error.h"

G_BEGIN_DECLS

typedef struct {
  struct sockaddr_storage storage;
  socklen_t               size;
} MpSocketAddress;

/* All addresses (MpSocketAddress) that @text may stand for, at least one; NULL: not understood, or
 * not known. @to_listen: an empty host is all. */
GArray  *mp_socket_addresses (const char             *text,
                              gboolean                to_listen,
                              GError                **error);

/* A name that nobody else has: abstract, of 128 random bits. */
char    *mp_socket_address_random (void);

/* As @text above; of a client that has no name: NULL. */
char    *mp_socket_address_to_text (const MpSocketAddress *address);

G_END_DECLS
