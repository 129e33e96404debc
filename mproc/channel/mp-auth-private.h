/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Two sides prove to each other that they have the same key, without sending it.
 */

#pragma once

#include "mproc/channel/mp-connection-stream-private.h"

G_BEGIN_DECLS

typedef struct _MpAuth MpAuth;

/* @server: the side that was connected to, which asks first. */
MpAuth  *mp_auth_new   (GBytes    *key,
                        gboolean   server);
void     mp_auth_free  (MpAuth    *self);

/* Goes on as far as it can without waiting. OK: both have the key, and the stream is ready for
 * messages; TIMED_OUT: not yet, @wants tells what to poll for; NOT_OWNER: the other side does not
 * have the key, or says that we do not; CLOSED, FAILED: no answer, or nonsense. */
MpStatus mp_auth_step  (MpAuth    *self,
                        MpStream  *stream,
                        short     *wants);

G_END_DECLS
