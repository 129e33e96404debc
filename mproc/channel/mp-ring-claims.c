/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * What is taken from a joinable ring and not yet done.
 *
 * Each message that was taken has an entry here, with the reference to its block and the identity
 * of who took it, until mp_ring_task_done(). A claim whose holder is dead is lost: the message is
 * given to the next who asks. So every message is worked on at least once, whoever dies.
 *
 * An entry is free while it has no block; the block goes in and out by intents of the head, under
 * whose guard all here is done. `n_claimed` follows from the entries.
 */

#include "config.h"

#include "mproc/channel/mp-ring-private.h"
#include "mproc/memory/mp-heap-private.h"
#include "mproc/memory/mp-lease-private.h"
#include "mproc/memory/mp-recover-private.h"
#include "mproc/sync/mp-wait-private.h"

#define FIRST_CHUNK 32u

static guint64
load_block (const MpRingClaim *claim)
{
  return __atomic_load_n (&claim->block, __ATOMIC_ACQUIRE);
}

static MpRingClaim *
claim_at (MpRing  *ring,
          guint32  index)
{
  guint chunk = 31 - __builtin_clz (index / FIRST_CHUNK + 1);
  guint32 inside = index - FIRST_CHUNK * ((1u << chunk) - 1);

  return (MpRingClaim *) mp_arena_pointer (ring->claims[chunk]) + inside;
}

/* By way of a hand: until the heap's own commit a block is not ours, and whoever steals the head
 * meanwhile must not see it here. */
static MpStatus
add_chunk (MpRing *ring,
           guint   chunk)
{
  guint64 *hand = &mp_self_slot ()->hands[0];
  MpStatus status;

  if (chunk >= MP_RING_CLAIM_CHUNKS)
    return MP_STATUS_NO_SPACE;

  status = mp_heap_allocate (((gsize) FIRST_CHUNK << chunk) * sizeof (MpRingClaim), hand, NULL);
  if (status != MP_STATUS_OK)
    return status;

  mp_intent_begin (&ring->head_intent, MP_INTENT_GIVE, &ring->claims[chunk], *hand, hand, *hand);
  mp_intent_commit (&ring->head_intent, &ring->claims[chunk], hand);
  return MP_STATUS_OK;
}

static MpStatus
append_claim (MpRing       *ring,
              MpRingClaim **claim)
{
  guint chunk = 31 - __builtin_clz (ring->n_claims / FIRST_CHUNK + 1);
  MpStatus status = MP_STATUS_OK;

  if (chunk >= MP_RING_CLAIM_CHUNKS || ring->claims[chunk] == 0)
    status = add_chunk (ring, chunk);
  if (status != MP_STATUS_OK)
    return status;

  *claim = claim_at (ring, ring->n_claims);
  (*claim)->block = 0;
  __atomic_store_n (&ring->n_claims, ring->n_claims + 1, __ATOMIC_RELEASE);
  return MP_STATUS_OK;
}

MpStatus
mp_ring_new_claim (MpRing       *ring,
                   MpRingClaim **claim)
{
  for (guint32 i = 0; ring->n_claimed < ring->n_claims && i < ring->n_claims; i++)
    if (claim_at (ring, i)->block == 0)
      {
        *claim = claim_at (ring, i);
        return MP_STATUS_OK;
      }

  return append_claim (ring, claim);
}

void
mp_ring_hold_claim (MpRingClaim *claim,
                    guint64      number,
                    guint        encoding)
{
  claim->number = number;
  claim->encoding = encoding;
  claim->process = mp_arena.process;
  claim->process_state = __atomic_load_n (&mp_arena.processes[mp_arena.process].state,
                                          __ATOMIC_ACQUIRE);
  __atomic_store_n (&claim->thread, mp_self (), __ATOMIC_RELEASE);
}

/* Two loads: recovery is what finds out that a process is gone, and then its slot has another
 * state. The thread's end says little, since another may be doing the work. */
static gboolean
is_lost (const MpRingClaim *claim)
{
  const MpProcessSlot *slot = &mp_arena.processes[claim->process % MP_MAX_PROCESSES];

  return mp_id_is_dead (__atomic_load_n (&claim->thread, __ATOMIC_ACQUIRE)) &&
         __atomic_load_n (&slot->state, __ATOMIC_ACQUIRE) != claim->process_state;
}

static gboolean
is_own (const MpRingClaim *claim)
{
  return claim->process == mp_arena.process &&
         claim->process_state == mp_arena.processes[mp_arena.process].state;
}

MpRingClaim *
mp_ring_lost_claim (MpRing *ring)
{
  MpRingClaim *oldest = NULL;

  for (guint32 i = 0; i < __atomic_load_n (&ring->n_claims, __ATOMIC_ACQUIRE); i++)
    {
      MpRingClaim *claim = claim_at (ring, i);

      if (load_block (claim) != 0 && (oldest == NULL || claim->number < oldest->number) &&
          is_lost (claim))
        oldest = claim;
    }

  return oldest;
}

void
mp_ring_look_for_lost (MpRing *ring)
{
  for (guint32 i = 0; i < __atomic_load_n (&ring->n_claims, __ATOMIC_ACQUIRE); i++)
    {
      const MpRingClaim *claim = claim_at (ring, i);

      if (load_block (claim) != 0 && !is_lost (claim) &&
          mp_id_is_dead (__atomic_load_n (&claim->thread, __ATOMIC_ACQUIRE)))
        {
          mp_recover_sweep ();
          return;
        }
    }
}

guint
mp_ring_n_lost (MpRing *ring)
{
  guint n = 0;

  for (guint32 i = 0; i < __atomic_load_n (&ring->n_claims, __ATOMIC_ACQUIRE); i++)
    n += load_block (claim_at (ring, i)) != 0 && is_lost (claim_at (ring, i));

  return n;
}

/* The caller's oldest, else that of anyone who lives: who does the work need not be who took it. */
static MpRingClaim *
claim_to_finish (MpRing *ring)
{
  MpRingClaim *own = NULL;
  MpRingClaim *any = NULL;

  for (guint32 i = 0; i < ring->n_claims; i++)
    {
      MpRingClaim *claim = claim_at (ring, i);

      if (claim->block == 0)
        continue;
      if ((any == NULL || claim->number < any->number) && !is_lost (claim))
        any = claim;
      if (is_own (claim) && (own == NULL || claim->number < own->number))
        own = claim;
    }

  return own != NULL ? own : any;
}

static gboolean
is_done (MpRing *ring)
{
  /* Signed: a consumer may be ahead of the producer's count for a moment. */
  return __atomic_load_n (&ring->n_claimed, __ATOMIC_ACQUIRE) == 0 &&
         (gint64) (__atomic_load_n (&ring->tail_n, __ATOMIC_ACQUIRE) -
                   __atomic_load_n (&ring->head_n, __ATOMIC_ACQUIRE)) <= 0;
}

/* Under the guard. The counts may not know yet of a record whose producer was killed. */
static gboolean
is_surely_done (MpRing *ring)
{
  MpOffset pos = ring->head_pos;
  guint64 header;

  while ((header = __atomic_load_n (mp_ring_word (pos), __ATOMIC_ACQUIRE)) != 0 &&
         MP_RECORD_KIND (header) == MP_RECORD_JUMP)
    pos = mp_ring_word (pos)[1];

  return header == 0 && is_done (ring);
}

static MpStatus
finish_claim (MpRing  *ring,
              guint64 *entry)
{
  MpRingClaim *claim = claim_to_finish (ring);

  if (claim == NULL)
    return MP_STATUS_INVALID;

  mp_intent_begin (&ring->head_intent, MP_INTENT_TAKE, &claim->block, 0, entry, claim->block);
  mp_intent_commit (&ring->head_intent, &claim->block, entry);
  __atomic_store_n (&ring->n_claimed, ring->n_claimed - 1, __ATOMIC_RELEASE);

  return MP_STATUS_OK;
}

MpStatus
mp_ring_task_done (MpRing             *ring,
                   const MpWaitLimits *limits)
{
  gboolean done = FALSE;
  guint64 *entry;
  guint32 lease;
  MpStatus status;

  if (mp_self () == 0)
    return MP_STATUS_INVALID;
  status = mp_lease_reserve (&lease, &entry);
  if (status != MP_STATUS_OK)
    return status;

  status = mp_ring_lock_head (ring, limits);
  if (status == MP_STATUS_OK)
    {
      status = finish_claim (ring, entry);
      done = is_surely_done (ring);
      mp_guard_unlock (&ring->head_guard);
    }
  if (status == MP_STATUS_OK && done)
    mp_event_wake (&ring->finished, G_MAXINT);
  mp_self_slot ()->object = 0;
  mp_lease_drop (lease);

  return status;
}

MpStatus
mp_ring_is_done (MpRing             *ring,
                 const MpWaitLimits *limits,
                 gboolean           *done)
{
  MpStatus status = mp_ring_lock_head (ring, limits);

  if (status != MP_STATUS_OK)
    return status;

  *done = is_surely_done (ring);
  mp_guard_unlock (&ring->head_guard);
  mp_self_slot ()->object = 0;

  return MP_STATUS_OK;
}

gboolean
mp_ring_may_be_done (gpointer ring)
{
  return is_done (ring);
}

void
mp_ring_fix_claims (MpRing *ring)
{
  guint32 n = 0;

  for (guint32 i = 0; i < ring->n_claims; i++)
    n += claim_at (ring, i)->block != 0;
  __atomic_store_n (&ring->n_claimed, n, __ATOMIC_RELEASE);
}

void
mp_ring_drop_claims (MpRing *ring)
{
  for (guint32 i = 0; i < ring->n_claims; i++)
    mp_lease_drop_word (&claim_at (ring, i)->block);
  __atomic_store_n (&ring->n_claims, 0, __ATOMIC_RELEASE);
  for (guint i = 0; i < MP_RING_CLAIM_CHUNKS; i++)
    mp_heap_free (&ring->claims[i]);
}
