/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * What is said between a process and the keeper of its descriptors, over a socket of packets: one
 * request for each connection, and one answer.
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define MP_KEEPER_LEAVE 'L'     /* with a descriptor */
#define MP_KEEPER_TAKE  'T'
#define MP_KEEPER_YES   'Y'     /* to one who takes, with the descriptor */
#define MP_KEEPER_NO    'N'
#define MP_KEEPER_FULL  'F'     /* to one who leaves: as many are kept as this process may have */

/* Its address is "\0mproc-keeper-" and so many hexadecimal digits. */
#define MP_KEEPER_PREFIX "mproc-keeper-"
#define MP_KEEPER_DIGITS 32

typedef struct {
  char   what;
  guint8 key[16];               /* of this descriptor; random */
} MpKeeperRequest;

G_END_DECLS
