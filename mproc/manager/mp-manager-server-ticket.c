/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The tickets that the server has seen: what holds its objects while proxies of them are on their
 * way in messages, see mp-ticket.c.
 *
 * Nobody tells the server that a ticket is forsaken, so it looks: a second after something has
 * happened here, and then at ever longer intervals, as nothing but memory depends on it. While it
 * looks it also gives back what dead processes held, or a ticket of theirs would live until
 * somebody else does so.
 */

#include "config.h"

#include "mproc/manager/mp-manager-server-object-private.h"

#include "mproc/manager/mp-ticket-private.h"
#include "mproc/memory/mp-recover-private.h"

#define SHORTEST_USEC (1 * G_USEC_PER_SEC)
#define LONGEST_USEC (64 * G_USEC_PER_SEC)

typedef struct {
  MpShared *ticket;
  guint64   object;
} Held;

static GArray *tickets;
static gint64 interval;
static gint64 next_look;

static void
clear_held (gpointer data)
{
  Held *held = data;

  g_object_unref (held->ticket);
  mp_server_object_let_go (held->object);
}

/* One reference on the object is the ticket's from now on. */
void
mp_server_tickets_add (MpShared *ticket,
                       guint64   object)
{
  Held held = { g_object_ref (ticket), object };

  if (tickets == NULL)
    {
      tickets = g_array_new (FALSE, FALSE, sizeof held);
      g_array_set_clear_func (tickets, clear_held);
    }
  g_array_append_val (tickets, held);
}

static gboolean
have_any (void)
{
  return tickets != NULL && tickets->len > 0;
}

/* Milliseconds until the next look, or -1. */
int
mp_server_tickets_timeout (void)
{
  gint64 left = next_look - g_get_monotonic_time ();

  if (!have_any ())
    return -1;

  return left <= 0 ? 0 : (int) (left / 1000 + 1);
}

static void
look (void)
{
  mp_recover_sweep ();
  for (guint i = tickets->len; i-- > 0;)
    if (mp_ticket_is_forsaken (g_array_index (tickets, Held, i).ticket))
      g_array_remove_index_fast (tickets, i);
}

/* After each round of events; @busy: if there were any. */
void
mp_server_tickets_tidy (gboolean busy)
{
  gint64 now;

  if (!have_any ())
    return;

  now = g_get_monotonic_time ();
  if (busy && interval != SHORTEST_USEC)
    {
      interval = SHORTEST_USEC;
      next_look = now + interval;
    }
  if (now < next_look)
    return;

  look ();
  next_look = now + interval;
  interval = MIN (interval * 2, LONGEST_USEC);
}

void
mp_server_tickets_free (void)
{
  g_clear_pointer (&tickets, g_array_unref);
}
