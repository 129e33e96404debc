/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * What a payload came in and what it refers to: kept as long as the payload, by who knows what it
 * is. Shared objects are of a higher floor, which says how they are found.
 */

#pragma once

#include "mproc/base/mp-payload.h"

G_BEGIN_DECLS

/* Once, before the payload is given to anybody. Consumes @holder. */
void     mp_payload_set_holder (MpPayload      *self,
                                gpointer        holder,
                                GDestroyNotify  let_go);
gpointer mp_payload_get_holder (MpPayload      *self);

/* Finds the objects that a serialized `v` refers to: (element-type GObject), or NULL. */
typedef GPtrArray *(*MpPayloadFinder) (GBytes *bytes);

void       mp_payload_set_finder   (MpPayloadFinder  finder);

/* Those that were found; NULL if there are none, or nobody has looked. */
GPtrArray *mp_payload_peek_objects (MpPayload       *self);

G_END_DECLS
