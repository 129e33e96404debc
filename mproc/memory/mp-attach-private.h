/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The shared objects that the value which a thread is just encoding refers to, until the message
 * is made that will hold them.
 */

#pragma once

#include "mproc/base/mp-payload.h"
#include "mproc/memory/mp-block-private.h"
#include "mproc/memory/mp-shared.h"

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

/* The next message keeps alive what was found in @payload. FALSE if that is nothing. */
gboolean   mp_attach_payload (MpPayload    *payload);

/* The shared objects named in @data, a value of any encoding: (element-type MpShared), or NULL. */
GPtrArray *mp_attach_find    (gconstpointer data,
                              gsize         size);

/* A value that stands for what has @handle, and holds @holder as long as it is not written out. */
GVariant  *mp_attach_variant (MpShared     *holder,
                              const char   *handle);

/* Has payloads look for shared objects. */
void       mp_attach_install (void);

G_END_DECLS
