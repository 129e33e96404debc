/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The leases of each process, kept in its slot in the arena.
 *
 * An entry is the offset of an object, or a link of the free list (odd). A lease and the object's
 * count move together by an intent under the guard of the object's stripe: the entry is the hand.
 * (The first reference to an object, and the only one to a block, need no stripe: nobody else can
 * reach those. Then the slot's `dying_entry` names the word that goes with the count.) A forked
 * child has copies at the same indexes as its parent, so that what it inherited stays right.
 *
 * A counted reference may lie in any word of the arena, not only in a lease table: in a message
 * that is on its way, or in an object that refers to another. Such words move by the intents of who
 * owns them; the count does not change then.
 *
 * Who drops the last reference has to destroy the object. Until that is certain his slot's `dying`
 * names it (with serial 0: a raw block that is no object yet); then it is in his slot's list of
 * `graves`, from which it goes to a hand and the heap. Destroying one object may put others before
 * it in that list: nothing here recurses, however deep objects lie in one another. Whoever recovers
 * a dead thread finishes what it had begun.
 *
 * Locks, in this order: a ring's head guard, the process's lease_guard, a stripe's, the heap's.
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
lock_entries (MpProcessSlot *process)
{
  return mp_guard_status (mp_guard_lock (&process->lease_guard, NULL, NULL));
}

/* With the guard. */
static MpStatus
pick_entry (MpProcessSlot *process,
            guint32       *index)
{
  guint64 *entry;

  if (process->free_lease == 0)
    {
      *index = (guint32) process->n_leases;
      return append_entry (process);
    }

  *index = (guint32) (process->free_lease - 1);
  entry = entry_at (process, *index);
  process->free_lease = *entry >> 1;
  __atomic_store_n (entry, 0, __ATOMIC_RELEASE);

  return MP_STATUS_OK;
}

static MpStatus
take_entry (guint32 *index)
{
  MpProcessSlot *process = own_process ();
  MpStatus status = lock_entries (process);

  if (status == MP_STATUS_OK)
    {
      status = pick_entry (process, index);
      mp_guard_unlock (&process->lease_guard);
    }

  return status;
}

/* With the guard. */
static void
put_back (MpProcessSlot *process,
          guint32        index)
{
  *entry_at (process, index) = process->free_lease << 1 | 1;
  process->free_lease = (guint64) index + 1;
}

static void
give_entry (guint32 index)
{
  MpProcessSlot *process = own_process ();

  if (lock_entries (process) != MP_STATUS_OK)
    return;

  put_back (process, index);
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

static void
push_grave (MpThreadSlot *slot,
            MpOffset      offset)
{
  MpSharedHeader *shared = mp_arena_pointer (offset);

  shared->next_grave = slot->graves;
  __atomic_store_n (&slot->graves, offset, __ATOMIC_RELEASE);
}

/* Frees what the object owns. The slot tells which one: if this thread dies too, what it has in its
 * hands is settled with the object first. */
static void
empty_grave (MpSharedHeader *shared)
{
  const MpKindInfo *info = mp_kind_get_info (shared->kind);
  MpThreadSlot *self = mp_self_slot ();

  if (info == NULL || info->destroy == NULL)
    return;

  __atomic_store_n (&self->emptying, mp_arena_offset (shared), __ATOMIC_RELEASE);
  info->destroy (shared);
  __atomic_store_n (&self->emptying, 0, __ATOMIC_RELEASE);
}

/* The first grave's block goes to the heap. For a moment the hand and the list both name it: then
 * it counts as in the list. */
static void
free_grave (MpThreadSlot *slot)
{
  MpSharedHeader *shared = mp_arena_pointer (slot->graves);
  guint64 *hand = &slot->hands[MP_HAND_GRAVE];

  __atomic_store_n (&shared->magic, 0, __ATOMIC_RELEASE);
  __atomic_store_n (hand, slot->graves, __ATOMIC_RELEASE);
  __atomic_store_n (&slot->graves, shared->next_grave, __ATOMIC_RELEASE);
  mp_heap_free (hand);
}

static __thread gboolean burying __attribute__ ((tls_model ("initial-exec")));

static void
bury (MpThreadSlot *slot)
{
  burying = TRUE;
  while (slot->graves != 0)
    {
      MpOffset first = slot->graves;

      empty_grave (mp_arena_pointer (first));
      if (slot->graves == first)        /* else others lie before it now */
        free_grave (slot);
    }
  burying = FALSE;
}

void
mp_lease_drop_word (guint64 *entry)
{
  MpThreadSlot *slot = mp_self_slot ();
  MpOffset offset = *entry;
  MpSharedHeader *shared = mp_arena_pointer (offset);
  MpStripe *stripe;
  gboolean last = FALSE;

  if (offset == 0 || (offset & 1) != 0)
    return;

  slot->dying_serial = shared->serial;
  slot->dying_entry = 0;
  __atomic_store_n (&slot->dying, offset, __ATOMIC_RELEASE);
  stripe = lock_stripe (offset);
  if (stripe != NULL)
    {
      last = *entry == offset && count_down (stripe, shared, entry);
      unlock_stripe (stripe);
    }
  if (last)
    push_grave (slot, offset);
  __atomic_store_n (&slot->dying, 0, __ATOMIC_RELEASE);
  if (last && !burying)
    bury (slot);
}

/* The same for a lease of this process, with the guard of its entries, if it is the only reference
 * to a block: nobody else can find that and count it up, so the stripe is not needed. The claim
 * comes before the count: else whoever recovers a thread that died while it dropped another
 * reference could find a block of nobody's between the two. */
static gboolean
drop_sole (MpThreadSlot *slot,
           guint64      *entry)
{
  MpOffset offset = *entry;
  MpSharedHeader *shared = mp_arena_pointer (offset);

  if (offset == 0 || (offset & 1) != 0 || shared->kind != MP_KIND_BLOCK ||
      __atomic_load_n (&shared->refs, __ATOMIC_ACQUIRE) != 1)
    return FALSE;

  slot->dying_serial = shared->serial;
  slot->dying_entry = mp_arena_offset (entry);
  __atomic_store_n (&slot->dying, offset, __ATOMIC_RELEASE);
  __atomic_store_n (&shared->dying, mp_self (), __ATOMIC_RELEASE);
  __atomic_store_n (&shared->refs, 0, __ATOMIC_RELEASE);
  __atomic_store_n (entry, 0, __ATOMIC_RELEASE);
  push_grave (slot, offset);
  __atomic_store_n (&slot->dying, 0, __ATOMIC_RELEASE);

  return TRUE;
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

/* Of a sole reference the count went first. */
static void
forget_entry (MpThreadSlot *slot)
{
  guint64 *entry = slot->dying_entry != 0 ? mp_arena_pointer (slot->dying_entry) : NULL;

  if (entry != NULL && *entry == slot->dying)
    __atomic_store_n (entry, 0, __ATOMIC_RELEASE);
}

/* With the recover_guard of @slot. Should this thread die meanwhile, whoever recovers it must not
 * touch these graves before the dead thread they belong to has been seen to, by whomever. */
static void
inherit (MpThreadSlot *slot)
{
  MpThreadSlot *self = mp_self_slot ();

  self->heir_state = slot->state;
  __atomic_store_n (&self->heir_of, (guint64) (slot - mp_arena.threads) + 1, __ATOMIC_RELEASE);
  bury (slot);
  __atomic_store_n (&self->heir_of, 0, __ATOMIC_RELEASE);
}

void
mp_lease_finish_dying (MpThreadSlot *slot,
                       guint32       dead)
{
  if (slot->hands[MP_HAND_GRAVE] != 0 && slot->hands[MP_HAND_GRAVE] == slot->graves)
    __atomic_store_n (&slot->hands[MP_HAND_GRAVE], 0, __ATOMIC_RELEASE);
  mp_heap_free (&slot->hands[MP_HAND_GRAVE]);

  if (slot->dying != 0)
    {
      if (slot->dying_serial == 0)
        mp_heap_free (&slot->dying);
      else if (slot->graves != slot->dying && inherits_destruction (slot, dead))
        {
          forget_entry (slot);
          push_grave (slot, slot->dying);
        }
      __atomic_store_n (&slot->dying, 0, __ATOMIC_RELEASE);
    }
  inherit (slot);
  bury (mp_self_slot ());
}

/* --- Leases -------------------------------------------------------------------------------- */

/* A zeroed object with no leases and @more bytes behind it that are not, in the slot's `dying`: if
 * this thread dies now, it goes. */
static MpStatus
make_object (MpKind              kind,
             gsize               more,
             const MpWaitLimits *limits)
{
  const MpKindInfo *info = mp_kind_get_info (kind);
  MpThreadSlot *slot = mp_self_slot ();
  MpSharedHeader *shared;
  MpStatus status;
  gsize size;

  if (__builtin_add_overflow (info->size, more, &size))
    return MP_STATUS_NO_SPACE;

  slot->dying_serial = 0;
  slot->dying_entry = 0;
  status = mp_heap_allocate (size, &slot->dying, limits);
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

/* Nobody else knows the object yet, and no fork looks at the entry while the guard is held. */
static void
first_reference (MpThreadSlot *slot,
                 guint64      *entry)
{
  MpSharedHeader *shared = mp_arena_pointer (slot->dying);

  __atomic_store_n (&slot->dying_entry, mp_arena_offset (entry), __ATOMIC_RELEASE);
  __atomic_store_n (entry, slot->dying, __ATOMIC_RELEASE);
  __atomic_store_n (&shared->refs, 1, __ATOMIC_RELEASE);
}

MpStatus
mp_lease_create (MpKind    kind,
                 MpOffset *offset,
                 guint32  *lease)
{
  return mp_lease_create_sized (kind, 0, NULL, offset, lease);
}

MpStatus
mp_lease_create_sized (MpKind              kind,
                       gsize               more,
                       const MpWaitLimits *limits,
                       MpOffset           *offset,
                       guint32            *lease)
{
  MpProcessSlot *process = own_process ();
  MpThreadSlot *slot;
  MpStatus status;

  if (mp_self () == 0)
    return MP_STATUS_INVALID;
  status = make_object (kind, more, limits);
  if (status != MP_STATUS_OK)
    return status;

  slot = mp_self_slot ();
  *offset = slot->dying;
  status = lock_entries (process);
  if (status == MP_STATUS_OK)
    {
      status = pick_entry (process, lease);
      if (status == MP_STATUS_OK)
        first_reference (slot, entry_at (process, *lease));
      mp_guard_unlock (&process->lease_guard);
    }
  if (status != MP_STATUS_OK)
    {
      __atomic_store_n (&slot->dying_serial, 0, __ATOMIC_RELEASE);      /* a raw block again */
      mp_heap_free (&slot->dying);
    }
  __atomic_store_n (&slot->dying, 0, __ATOMIC_RELEASE);

  return status;
}

MpStatus
mp_lease_take_word (MpOffset  offset,
                    guint32   kind,
                    guint32   serial,
                    guint64  *entry)
{
  MpSharedHeader *shared;
  MpStatus status = MP_STATUS_INVALID;
  MpStripe *stripe;

  if (mp_self () == 0 || !is_object (offset, serial))
    return MP_STATUS_INVALID;

  shared = mp_arena_pointer (offset);
  stripe = lock_stripe (offset);
  if (stripe != NULL)
    {
      if (is_object (offset, serial) && shared->refs > 0 && shared->kind == kind)
        {
          count_up (stripe, shared, entry);
          status = MP_STATUS_OK;
        }
      unlock_stripe (stripe);
    }

  return status;
}

MpStatus
mp_lease_take (MpOffset  offset,
               guint32   kind,
               guint32   serial,
               guint32  *lease)
{
  MpStatus status;

  if (mp_self () == 0 || !is_object (offset, serial))
    return MP_STATUS_INVALID;

  status = take_entry (lease);
  if (status != MP_STATUS_OK)
    return status;

  status = mp_lease_take_word (offset, kind, serial, entry_at (own_process (), *lease));
  if (status != MP_STATUS_OK)
    give_entry (*lease);

  return status;
}

MpStatus
mp_lease_reserve (guint32  *lease,
                  guint64 **entry)
{
  MpStatus status = take_entry (lease);

  if (status == MP_STATUS_OK)
    *entry = entry_at (own_process (), *lease);
  return status;
}

void
mp_lease_drop (guint32 lease)
{
  MpProcessSlot *process = own_process ();
  gboolean dropped;

  if (mp_self () == 0 || lock_entries (process) != MP_STATUS_OK)
    return;

  dropped = drop_sole (mp_self_slot (), entry_at (process, lease));
  if (dropped)
    put_back (process, lease);
  mp_guard_unlock (&process->lease_guard);

  if (dropped && !burying)
    bury (mp_self_slot ());
  if (dropped)
    return;

  mp_lease_drop_word (entry_at (process, lease));
  give_entry (lease);
}

gboolean
mp_lease_begin_move (guint32   lease,
                     guint64 **entry)
{
  if (lock_entries (own_process ()) != MP_STATUS_OK)
    return FALSE;

  *entry = entry_at (own_process (), lease);
  return TRUE;
}

void
mp_lease_end_move (guint32 lease)
{
  put_back (own_process (), lease);
  mp_guard_unlock (&own_process ()->lease_guard);
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

/* With the guard: gives up the free entries at the end. A process that once had very many would
 * else copy them for each of its children. */
static void
trim_entries (MpProcessSlot *process)
{
  guint64 n = process->n_leases;

  while (n > 0 && (*entry_at (process, n - 1) & 1) != 0)
    n--;
  if (n == process->n_leases)
    return;

  process->free_lease = 0;
  for (guint64 i = n; i > 0; i--)
    if ((*entry_at (process, i - 1) & 1) != 0)
      put_back (process, (guint32) (i - 1));
  __atomic_store_n (&process->n_leases, n, __ATOMIC_RELEASE);
}

gboolean
mp_lease_copy_all (MpProcessSlot *child)
{
  MpProcessSlot *process = own_process ();
  gboolean done = TRUE;

  if (lock_entries (process) != MP_STATUS_OK)
    return FALSE;

  trim_entries (process);
  for (guint64 i = 0; done && i < process->n_leases; i++)
    done = copy_entry (child, i);
  child->free_lease = process->free_lease;
  if (!done)
    mp_guard_unlock (&process->lease_guard);

  return done;
}

void
mp_lease_copied (void)
{
  mp_guard_unlock (&own_process ()->lease_guard);
}

void
mp_lease_drop_all (MpProcessSlot *process)
{
  for (guint64 i = 0; i < process->n_leases; i++)
    mp_lease_drop_word (entry_at (process, i));
  process->free_lease = 0;
  __atomic_store_n (&process->n_leases, 0, __ATOMIC_RELEASE);
  for (guint i = 0; i < MP_N_LEASE_CHUNKS; i++)
    mp_heap_free (&process->lease_chunks[i]);
}
