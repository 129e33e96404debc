/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The shared objects that the value which a thread is just encoding refers to, until the message
 * is made that will hold them.
 */

#pragma once

#include "mproc/memory/mp-block-private.h"

G_BEGIN_DECLS

/* The calling thread's attachments (MpReference), which are the caller's now; NULL if there are
 * none, as nearly always. */
GArray   *mp_attach_claim   (void);

extern __thread gboolean mp_attach_pending __attribute__ ((tls_model ("initial-exec")));

/* Whether there are any; one load. */
static inline gboolean
mp_attach_any (void)
{
  return mp_attach_pending;
}

/* Gives them back: the message was not sent yet. */
void      mp_attach_restore (GArray   *references);

/* The next message keeps @block alive, if that refers to anything. */
void      mp_attach_block   (MpBlock  *block);

G_END_DECLS
