/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The blocks and links of shared objects that hold data.
 *
 * A block comes to its object from a hand, and by an intent: whoever dies on the way leaves it
 * either in the hand or in the object. It goes with the object, never before. A link is a counted
 * reference.
 */

#include "config.h"

#include "mproc/data/mp-data-private.h"

#include <string.h>

#include "mproc/memory/mp-lease-private.h"

MpStatus
mp_data_block_begin (gpointer     shared,
                     MpDataBlock *block,
                     gsize        size)
{
  guint64 *hand = &mp_self_slot ()->hands[0];
  MpStatus status;

  mp_self_slot ()->object = mp_arena_offset (shared);
  status = mp_heap_allocate (size, hand, NULL);
  if (status == MP_STATUS_OK)
    {
      /* The heap's memory is somebody's before. */
      memset (mp_arena_pointer (*hand), 0, size);
      status = mp_guard_status (mp_guard_lock (&block->guard, NULL, NULL));
    }
  if (status == MP_STATUS_OK)
    {
      mp_intent_begin (&block->intent, MP_INTENT_GIVE, &block->offset, *hand, hand, *hand);
      mp_intent_commit (&block->intent, &block->offset, hand);
      mp_guard_unlock (&block->guard);
    }
  mp_self_slot ()->object = 0;

  return status;
}

gboolean
mp_data_block_recover (MpDataBlock *block)
{
  const MpWaitLimits limits = { MP_DEADLINE_NOW, NULL, FALSE };
  MpGuardResult result = mp_guard_lock (&block->guard, NULL, &limits);

  if (result == MP_GUARD_STOLEN)
    mp_intent_fix (&block->intent);
  if (result > MP_GUARD_STOLEN)
    return FALSE;
  mp_guard_unlock (&block->guard);

  return TRUE;
}

void
mp_data_block_free (MpDataBlock *block)
{
  if (mp_data_block_recover (block))
    mp_heap_free (&block->offset);
}

gboolean
mp_data_link_set (MpDataLink *link,
                  gpointer    target)
{
  const MpSharedHeader *header;

  if (target == NULL)
    return TRUE;

  header = mp_shared_get_data (MP_SHARED (target));
  if (header == NULL)
    return FALSE;

  link->kind = header->kind;
  link->serial = header->serial;
  return mp_lease_take_word (mp_arena_offset (header), link->kind, link->serial,
                             &link->offset) == MP_STATUS_OK;
}

void
mp_data_link_drop (MpDataLink *link)
{
  mp_lease_drop_word (&link->offset);
}

gpointer
mp_data_link_open (const MpDataLink  *link,
                   GError           **error)
{
  const MpKindInfo *info = mp_kind_get_info (link->kind);
  g_autofree char *handle = NULL;

  if (info == NULL || link->offset == 0)
    return NULL;

  handle = g_strdup_printf ("%s:%" G_GINT64_MODIFIER "x:%x:%" G_GINT64_MODIFIER "x", info->name,
                            link->offset, link->serial, mp_arena.header->token[0]);
  return mp_shared_open (handle, error);
}

MpStatus
mp_data_lock_begin (MpDataLink  *link,
                    MpLock     **lock,
                    gboolean     is_new,
                    gboolean     own)
{
  if (!is_new)
    {
      g_clear_object (lock);
      *lock = mp_data_link_open (link, NULL);
      return *lock == NULL && link->offset != 0 ? MP_STATUS_INVALID : MP_STATUS_OK;
    }

  if (*lock == NULL && own)
    {
      *lock = (MpLock *) mp_rlock_new (NULL);
      if (*lock == NULL)
        return MP_STATUS_NO_SPACE;
    }

  return mp_data_link_set (link, *lock) ? MP_STATUS_OK : MP_STATUS_INVALID;
}
