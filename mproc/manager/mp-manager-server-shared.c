/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Shared objects inside the values that the server keeps.
 *
 * In a value of any encoding a queue or lock is its handle, a text that ends with the family's
 * token: 64 random bits, which nothing else contains. So the server finds them without reading the
 * value, and holds a lease on each while it holds the value. The client that sent it holds them
 * until the server has answered.
 */

#include "config.h"

#include "mproc/manager/mp-manager-server-object-private.h"

#include <string.h>

#include "mproc/memory/mp-family-private.h"
#include "mproc/memory/mp-shared-private.h"

#define MOST_TEXT 96            /* bytes of a handle */

/* The end of every handle of the family, or "" if this server has none. */
static const char *
handle_end (void)
{
  static char end[24];

  if (end[0] == '\0' && mp_family_ensure (NULL))
    g_snprintf (end, sizeof end, ":%" G_GINT64_MODIFIER "x", mp_arena.header->token[0]);

  return end;
}

static gboolean
is_hex (guint8 byte)
{
  return g_ascii_isdigit (byte) || (byte >= 'a' && byte <= 'f');
}

/* Back over a number and the colon before it. */
static const guint8 *
skip_number (const guint8 *start,
             const guint8 *at)
{
  const guint8 *end = at;

  while (at > start && is_hex (at[-1]))
    at--;

  return at > start && at < end && at[-1] == ':' ? at - 1 : NULL;
}

/* What comes before the numbers ends with the kind's name. Where that begins cannot be seen, but
 * only the right name opens the object. */
static MpShared *
open_before (const guint8 *start,
             const guint8 *colon,
             const guint8 *end)
{
  char text[MOST_TEXT + 1];
  MpShared *shared = NULL;

  for (const guint8 *at = colon; at > start && end - at < MOST_TEXT && shared == NULL; at--)
    {
      if (!g_ascii_islower (at[-1]) && at[-1] != '-')
        break;
      memcpy (text, at - 1, (gsize) (end - at + 1));
      text[end - at + 1] = '\0';
      shared = mp_shared_open (text, NULL);
    }

  return shared;
}

GPtrArray *
mp_server_find_shared (const guint8 *data,
                       gsize         size)
{
  const char *tail = handle_end ();
  gsize n_tail = strlen (tail);
  const guint8 *at = data;
  GPtrArray *found = NULL;

  while (n_tail > 0 && (at = memmem (at, size - (gsize) (at - data), tail, n_tail)) != NULL)
    {
      const guint8 *serial = skip_number (data, at);
      const guint8 *colon = serial != NULL ? skip_number (data, serial) : NULL;
      MpShared *shared = colon != NULL ? open_before (data, colon, at + n_tail) : NULL;

      at += n_tail;
      if (shared == NULL)
        continue;
      if (found == NULL)
        found = g_ptr_array_new_with_free_func (g_object_unref);
      g_ptr_array_add (found, shared);
    }

  return found;
}
