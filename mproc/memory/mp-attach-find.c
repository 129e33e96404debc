/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The shared objects inside of an encoded value, for who holds the value and so has to hold them: a
 * payload that was made of a GVariant, and a manager's server.
 *
 * In a value of any encoding a queue or lock is its handle, a text that ends with the family's
 * token: 64 random bits, which nothing else contains. So the handles are found without reading the
 * value. Whoever gave it holds the objects until this has opened them.
 */

#include "config.h"

#include "mproc/memory/mp-attach-private.h"

#include <string.h>

#include "mproc/base/mp-payload-private.h"
#include "mproc/memory/mp-family-private.h"
#include "mproc/memory/mp-shared-private.h"

#define MOST_TEXT 96            /* bytes of a handle */

/* The end of every handle of the family, or "" if this process has none. */
static const char *
handle_end (void)
{
  static char end[24];
  static gsize made;

  if (mp_family_ensure (NULL) && g_once_init_enter (&made))
    {
      g_snprintf (end, sizeof end, ":%" G_GINT64_MODIFIER "x", mp_arena.header->token[0]);
      g_once_init_leave (&made, 1);
    }

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
mp_attach_find (gconstpointer data,
                gsize         size)
{
  const char *tail = handle_end ();
  gsize n_tail = strlen (tail);
  const guint8 *start = data;
  const guint8 *at = data;
  GPtrArray *found = NULL;

  while (n_tail > 0 && (at = memmem (at, size - (gsize) (at - start), tail, n_tail)) != NULL)
    {
      const guint8 *serial = skip_number (start, at);
      const guint8 *colon = serial != NULL ? skip_number (start, serial) : NULL;
      MpShared *shared = colon != NULL ? open_before (start, colon, at + n_tail) : NULL;

      at += n_tail;
      if (shared == NULL)
        continue;
      if (found == NULL)
        found = g_ptr_array_new_with_free_func (g_object_unref);
      g_ptr_array_add (found, shared);
    }

  return found;
}

/* --- Payloads ------------------------------------------------------------------------------ */

/* Of a serialized `v`. Only a value with texts or with further values of any type in it has any. */
static GPtrArray *
find_in_variant (GBytes *bytes)
{
  gsize size;
  const char *data = g_bytes_get_data (bytes, &size);
  const char *type = size > 0 ? memrchr (data, '\0', size) : NULL;
  gsize n_type = type != NULL ? size - (gsize) (type - data) : 0;

  if (type == NULL || (memchr (type, 's', n_type) == NULL && memchr (type, 'v', n_type) == NULL))
    return NULL;

  return mp_attach_find (data, size);
}

void
mp_attach_install (void)
{
  mp_payload_set_finder (find_in_variant);
}

gboolean
mp_attach_payload (MpPayload *payload)
{
  GPtrArray *objects = mp_payload_peek_objects (payload);

  if (G_LIKELY (objects == NULL))
    return FALSE;

  for (guint i = 0; i < objects->len; i++)
    mp_shared_attach (objects->pdata[i]);
  return TRUE;
}
