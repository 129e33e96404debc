/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * MpTicket: a shared object that has nothing in it but its count of references.
 *
 * What is in a manager's server is held by connections, and a message has none. What messages can
 * hold are shared objects. So who sends a proxy makes a ticket, shows it to the server, and lets
 * the message hold it; the server keeps the object until nobody but itself refers to the ticket.
 * All that is known of shared objects then holds for proxies: the sender may die, the message may
 * be dropped, forwarded or kept in a manager, its reader may be killed.
 *
 * Used by the library's proxies and by the server, in any thread.
 */

#include "config.h"

#include "mproc/manager/mp-ticket-private.h"

#include "mproc/memory/mp-shared-private.h"

struct _MpTicket
{
  MpShared parent_instance;
};

G_DEFINE_TYPE (MpTicket, mp_ticket, MP_TYPE_SHARED)

static const MpKindInfo ticket_kind = {
  .name = "ticket",
  .size = sizeof (MpSharedHeader),
  .get_type = mp_ticket_get_type,
};

__attribute__ ((constructor)) static void
register_kind (void)
{
  mp_kind_register (MP_KIND_TICKET, &ticket_kind);
}

static void
mp_ticket_constructed (GObject *object)
{
  gboolean is_new;

  mp_shared_construct (MP_SHARED (object), MP_KIND_TICKET, &is_new);
  G_OBJECT_CLASS (mp_ticket_parent_class)->constructed (object);
}

static void
mp_ticket_class_init (MpTicketClass *class)
{
  G_OBJECT_CLASS (class)->constructed = mp_ticket_constructed;
}

static void
mp_ticket_init (MpTicket *self G_GNUC_UNUSED)
{
}

MpShared *
mp_ticket_new (GError **error)
{
  return mp_shared_check (g_object_new (MP_TYPE_TICKET, NULL), error);
}

/* The count only grows while somebody else refers to it, so 1 is for ever. */
gboolean
mp_ticket_is_forsaken (MpShared *ticket)
{
  const MpSharedHeader *shared = mp_shared_get_data (ticket);

  return shared == NULL || __atomic_load_n (&shared->refs, __ATOMIC_ACQUIRE) <= 1;
}
