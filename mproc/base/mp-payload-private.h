/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * What a payload came in: kept as long as the payload, by who knows what it is.
 */

#pragma once

#include "mproc/base/mp-payload.h"

G_BEGIN_DECLS

/* Once, before the payload is given to anybody. Consumes @holder. */
void     mp_payload_set_holder (MpPayload      *self,
                                gpointer        holder,
                                GDestroyNotify  let_go);
gpointer mp_payload_get_holder (MpPayload      *self);

G_END_DECLS
