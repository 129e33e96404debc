/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * What keeps a manager's object while a proxy of it is on its way.
 */

#pragma once

#include "mproc/memory/mp-shared.h"

G_BEGIN_DECLS

#define MP_TYPE_TICKET (mp_ticket_get_type ())
G_DECLARE_FINAL_TYPE (MpTicket, mp_ticket, MP, TICKET, MpShared)

/* Between the handle of a manager's object and the ticket's, in values. */
#define MP_TICKET_MARK '/'

MpShared *mp_ticket_new         (GError   **error);

/* Whether nobody refers to the ticket but the caller, who has opened or made it once. */
gboolean  mp_ticket_is_forsaken (MpShared  *ticket);

G_END_DECLS
