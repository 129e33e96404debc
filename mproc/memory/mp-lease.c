/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The leases of each process, kept in its slot in the arena.
 *
 * An entry is the offset of an object, or a link of the free list (odd). A lease and the object's
 * count move together by an intent under the guard of the object's stripe: the entry is the hand. A
 * forked child has copies at the same indexes as its parent, so that what it inherited stays right.
 *
 * Who drops the last lease destroys the object; while he does so his slot's `dying` names it, and
 * whoever recovers him finishes. `dying` with serial 0 is a raw block that is no object yet.
 *
 * Locks, in this order: the process's lease_guard, a stripe's, the heap's.
 */

#include "config.h"

#include "mproc/memory/mp-lease-private.h"

#include <string.h>

#include "mproc/memory/mp-heap-private.h"

#define CHUNK_0 64u

static MpProcessSlot *
own_process (void)
{
  return &mp_arena.processes[mp_arena.process];
}

/* --- Entries ------------------------------------------------------------------------------- */

static guint
chunk_of (guint64  index,
          guint64 *inside)
{
  guint chunk = (guint) (63 - __builtin_clzll (index / CHUNK_0 + 1));

  *inside = index - CHUNK_0 * ((G_GUINT64_CONSTANT (1) << chunk) - 1);
  return chunk;
}

static guint64 *
entry_at (MpProcessSlot *process,
          guint64        index)
{
  guint64 inside;
  guint chunk = chunk_of (index, &inside);

  return (guint64 *) mp_arena_pointer (process->lease_chunks[chunk]) + inside;
}

/* One more entry at the end, 0. */
static MpStatus
append_entry (MpProcessSlot *process)
{
  guint64 inside;
  guint chunk = chunk_of (process->n_leases, &inside);

  if (chunk >= MP_N_LEASE_CHUNKS)
    return MP_STATUS_NO_SPACE;
  if (process->lease_chunks[chunk] == 0)
    {
      MpStatus status = mp_heap_allocate ((gsize) CHUNK_0 << chunk << 3,
                                          &process->lease_chunks[chunk], NULL);

      if (status != MP_STATUS_OK)
        return status;
    }

  *entry_at (process, process->n_leases) = 0;
  __atomic_store_n (&process->n_leases, process->n_leases + 1, __ATOMIC_RELEASE);
  return MP_STATUS_OK;
}

static MpStatus
take_entry (guint32 *index)
{
  MpProcessSlot *process = own_process ();
  MpStatus status = mp_guard_status (mp_guard_lock (&process->lease_guard, NULL, NULL));

  if (status != MP_STATUS_OK)
    return status;

  if (process->free_lease != 0)
    {
      guint64 *entry;

      *index = (guint32) (process->free_lease - 1);
      entry = entry_at (process, *index);
      process->free_lease = *entry >> 1;
      __atomic_store_n (entry, 0, __ATOMIC_RELEASE);
    }
  else
    {
      *index = (guint32) process->n_leases;
      status = append_entry (process);
    }
  mp_guard_unlock (&process->lease_guard);

  return status;
}

static void
give_entry (guint32 index)
{
  MpProcessSlot *process = own_process ();

  if (mp_guard_lock (&process->lease_guard, NULL, NULL) > MP_GUARD_STOLEN)
    return;

  *entry_at (process, index) = process->free_lease << 1 | 1;
  process->free_lease = (guint64) index + 1;
  mp_guard_unlock (&process->lease_guard);
}

/* --- Counts -------------------------------------------------------------------------------- */

/* The stripe of the object at @offset, locked; NULL if this thread cannot lock. */
static MpStripe *
lock_stripe (MpOffset offset)
{
  MpStripe *stripe = &mp_arena.header->stripes[(offset >> 6) % MP_N_STRIPES];
  MpGuardResult result = mp_guard_lock (&stripe->guard, NULL, NULL);

  if (result == MP_GUARD_STOLEN)
    mp_intent_fix (&stripe->intent);

  return result <= MP_GUARD_STOLEN ? stripe : NULL;
}

static void
unlock_stripe (MpStripe *stripe)
{
  mp_guard_unlock (&stripe->guard);
}

static void
count_up (MpStripe       *stripe,
          MpSharedHeader *shared,
          guint64        *entry)
{
  mp_intent_begin (&stripe->intent, MP_INTENT_TAKE, &shared->refs, shared->refs + 1, entry,
                   mp_arena_offset (shared));
  mp_intent_commit (&stripe->intent, &shared->refs, entry);
}

/* If it was the last, the caller's thread has to destroy the object: it says so at once, so that
 * nobody else thinks he has to. */
static gboolean
count_down (MpStripe       *stripe,
            MpSharedHeader *shared,
            guint64        *entry)
{
  mp_intent_begin (&stripe->intent, MP_INTENT_GIVE, &shared->refs, shared->refs - 1, entry,
                   mp_arena_offset (shared));
  mp_intent_commit (&stripe->intent, &shared->refs, entry);
  if (shared->refs > 0)
    return FALSE;

  __atomic_store_n (&shared->dying, mp_self (), __ATOMIC_RELEASE);
  return TRUE;
}

static gboolean
is_object (MpOffset offset,
           guint32  serial)
{
  const MpSharedHeader *shared;

  if (offset % 64 != 0 || !mp_arena_contains (offset, sizeof *shared) ||
      offset - mp_arena.header->heap >= mp_arena.header->heap_ready)
    return FALSE;

  shared = mp_arena_pointer (offset);
  return shared->magic == MP_SHARED_MAGIC && shared->serial == serial;
}

/* The object that @slot's `dying` names is nobody's any more. It is the current object meanwhile:
 * if this thread dies too, what it has in its hands is settled with the object first. */
static void
destroy (MpThreadSlot *slot)
{
  MpSharedHeader *shared = mp_arena_pointer (slot->dying);
  const MpKindInfo *info = mp_kind_get_info (shared->kind);
  MpThreadSlot *self = mp_self_slot ();
  MpOffset object = self->object;

  __atomic_store_n (&self->object, slot->dying, __ATOMIC_RELEASE);
  if (info != NULL && info->destroy != NULL)
    info->destroy (shared);
  __atomic_store_n (&self->object, object, __ATOMIC_RELEASE);

  /* From here it is a raw block: freeing writes over what made it an object. */
  __atomic_store_n (&slot->dying_serial, 0, __ATOMIC_RELEASE);
  mp_heap_free (&slot->dying);
}

static void
drop_entry (guint64 *entry)
{
  MpThreadSlot *slot = mp_self_slot ();
  MpOffset offset = *entry;
  MpSharedHeader *shared = mp_arena_pointer (offset);
  MpStripe *stripe;
  gboolean last = FALSE;

  if (offset == 0 || (offset & 1) != 0)
    return;

  slot->dying_serial = shared->serial;
  __atomic_store_n (&slot->dying, offset, __ATOMIC_RELEASE);
  stripe = lock_stripe (offset);
  if (stripe != NULL)
    {
      last = *entry == offset && count_down (stripe, shared, entry);
      unlock_stripe (stripe);
    }
  if (last)
    destroy (slot);
  __atomic_store_n (&slot->dying, 0, __ATOMIC_RELEASE);
}

/* Whether the object that the dead thread was letting go of is its to destroy: claimed by it, or by
 * nobody though no lease is left. */
static gboolean
inherits_destruction (MpThreadSlot *slot,
                      guint32       dead)
{
  MpSharedHeader *shared = mp_arena_pointer (slot->dying);
  MpStripe *stripe = lock_stripe (slot->dying);
  gboolean inherits;

  if (stripe == NULL)
    return FALSE;

  inherits = is_object (slot->dying, (guint32) slot->dying_serial) && shared->refs == 0 &&
             (shared->dying == 0 || shared->dying == dead);
  if (inherits)
    __atomic_store_n (&shared->dying, dead, __ATOMIC_RELEASE);
  unlock_stripe (stripe);

  return inherits;
}

void
mp_lease_finish_dying (MpThreadSlot *slot,
                       guint32       dead)
{
  if (slot->dying == 0)
    return;

  if (slot->dying_serial == 0)
    mp_heap_free (&slot->dying);
  else if (inherits_destruction (slot, dead))
    destroy (slot);
  __atomic_store_n (&slot->dying, 0, __ATOMIC_RELEASE);
}

/* --- Leases -------------------------------------------------------------------------------- */

/* A zeroed object with no leases, in the slot's `dying`: if this thread dies now, it goes. */
static MpStatus
make_object (MpKind kind)
{
  const MpKindInfo *info = mp_kind_get_info (kind);
  MpThreadSlot *slot = mp_self_slot ();
  MpSharedHeader *shared;
  MpStatus status;

  slot->dying_serial = 0;
  status = mp_heap_allocate (info->size, &slot->dying, NULL);
  if (status != MP_STATUS_OK)
    return status;

  shared = mp_arena_pointer (slot->dying);
  memset (shared, 0, info->size);
  shared->kind = kind;
  do
    shared->serial = __atomic_add_fetch (&mp_arena.header->serial, 1, __ATOMIC_RELAXED);
  while (shared->serial == 0);
  shared->magic = MP_SHARED_MAGIC;
  __atomic_store_n (&slot->dying_serial, shared->serial, __ATOMIC_RELEASE);

  return MP_STATUS_OK;
}

MpStatus
mp_lease_create (MpKind    kind,
                 MpOffset *offset,
                 guint32  *lease)
{
  MpThreadSlot *slot;
  MpStripe *stripe;
  MpStatus status;

  if (mp_self () == 0)
    return MP_STATUS_INVALID;
  status = take_entry (lease);
  if (status != MP_STATUS_OK)
    return status;
  status = make_object (kind);
  if (status != MP_STATUS_OK)
    {
      give_entry (*lease);
      return status;
    }

  slot = mp_self_slot ();
  *offset = slot->dying;
  stripe = lock_stripe (*offset);
  if (stripe != NULL)
    {
      count_up (stripe, mp_arena_pointer (*offset), entry_at (own_process (), *lease));
      unlock_stripe (stripe);
    }
  __atomic_store_n (&slot->dying, 0, __ATOMIC_RELEASE);

  return MP_STATUS_OK;
}

MpStatus
mp_lease_take (MpOffset  offset,
               guint32   kind,
               guint32   serial,
               guint32  *lease)
{
  MpSharedHeader *shared;
  MpStripe *stripe;
  MpStatus status;

  if (mp_self () == 0 || !is_object (offset, serial))
    return MP_STATUS_INVALID;
  status = take_entry (lease);
  if (status != MP_STATUS_OK)
    return status;

  shared = mp_arena_pointer (offset);
  status = MP_STATUS_INVALID;
  stripe = lock_stripe (offset);
  if (stripe != NULL)
    {
      if (is_object (offset, serial) && shared->refs > 0 && shared->kind == kind)
        {
          count_up (stripe, shared, entry_at (own_process (), *lease));
          status = MP_STATUS_OK;
        }
      unlock_stripe (stripe);
    }
  if (status != MP_STATUS_OK)
    give_entry (*lease);

  return status;
}

void
mp_lease_drop (guint32 lease)
{
  if (mp_self () == 0)
    return;

  drop_entry (entry_at (own_process (), lease));
  give_entry (lease);
}

static gboolean
copy_entry (MpProcessSlot *child,
            guint64        index)
{
  guint64 value = *entry_at (own_process (), index);
  MpStripe *stripe;
  guint64 *entry;

  if (append_entry (child) != MP_STATUS_OK)
    return FALSE;

  entry = entry_at (child, index);
  if (value == 0 || (value & 1) != 0)
    *entry = value;
  else if ((stripe = lock_stripe (value)) != NULL)
    {
      /* Another thread may have dropped it meanwhile. */
      if (*entry_at (own_process (), index) == value)
        count_up (stripe, mp_arena_pointer (value), entry);
      unlock_stripe (stripe);
    }

  return TRUE;
}

gboolean
mp_lease_copy_all (MpProcessSlot *child)
{
  MpProcessSlot *process = own_process ();
  gboolean done = TRUE;

  if (mp_guard_lock (&process->lease_guard, NULL, NULL) > MP_GUARD_STOLEN)
    return FALSE;

  for (guint64 i = 0; done && i < process->n_leases; i++)
    done = copy_entry (child, i);
  child->free_lease = process->free_lease;
  mp_guard_unlock (&process->lease_guard);

  return done;
}

void
mp_lease_drop_all (MpProcessSlot *process)
{
  for (guint64 i = 0; i < process->n_leases; i++)
    drop_entry (entry_at (process, i));
  process->free_lease = 0;
  __atomic_store_n (&process->n_leases, 0, __ATOMIC_RELEASE);
  for (guint i = 0; i < MP_N_LEASE_CHUNKS; i++)
    mp_heap_free (&process->lease_chunks[i]);
}
