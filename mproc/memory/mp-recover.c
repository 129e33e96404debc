/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Clearing up after the dead, by whoever notices first; several may do it at once.
 *
 * A thread: its object is repaired (its locks stolen), then the allocator's lock it was under, and
 * only then is it certain what its hands still hold, which is given back. Its last act done, the
 * slot is freed by a compare-and-swap that carries the generation: a late recoverer cannot free a
 * slot that somebody else uses by now.
 *
 * A process: only when all its threads are dead AND the process is gone, because the threads of a
 * killed process do not all stop at the same moment.
 *
 * Who is stopped (SIGSTOP, a debugger, a frozen group) while he holds a lock of the allocator or of
 * the counts would stop all who clear up, which waiting calls with a timeout do. So nothing is
 * begun while that is so: what the dead held stays until he goes on, or is dead too.
 */

#include "config.h"

#include "mproc/memory/mp-recover-private.h"

#include <signal.h>
#include <unistd.h>

#include "mproc/memory/mp-fork-private.h"
#include "mproc/memory/mp-futex-private.h"
#include "mproc/memory/mp-heap-private.h"
#include "mproc/memory/mp-lease-private.h"

#define STOPPED_TRIES 60        /* looks at a lock that somebody holds, */
#define STOPPED_USEC 1000       /* and the pause between them; */
#define STOPPED_PAUSE 500000    /* how long nothing is tried then */

/* Waiting for a guard, but not for ever for somebody who is stopped. */
static const MpWaitLimits not_for_ever = { MP_DEADLINE_NOW, NULL, FALSE };

/* FALSE if one and the same living thread held it for longer than anybody should. */
static gboolean
guard_moves (guint32 *guard)
{
  guint32 owner = __atomic_load_n (guard, __ATOMIC_ACQUIRE) & MP_ID_MASK;

  if (owner == mp_self ())
    return TRUE;
  for (guint tries = 0; tries < STOPPED_TRIES; tries++)
    {
      if (owner == 0 || mp_id_is_dead (owner) ||
          (__atomic_load_n (guard, __ATOMIC_ACQUIRE) & MP_ID_MASK) != owner)
        return TRUE;
      g_usleep (tries < 10 ? 10 : STOPPED_USEC);
    }

  return FALSE;
}

/* Whether the locks that clearing up needs are not held by somebody who is stopped. */
static gboolean
locks_move (void)
{
  MpArenaHeader *header = mp_arena.header;
  static __thread gint64 looked;        /* when somebody was found to be stopped */
  gboolean moving = looked == 0 || g_get_monotonic_time () > looked + STOPPED_PAUSE;

  moving = moving && guard_moves (&header->heap_guard);
  for (guint i = 0; moving && i < MP_N_CLASSES; i++)
    moving = guard_moves (&header->classes[i].guard);
  for (guint i = 0; moving && i < MP_N_STRIPES; i++)
    moving = guard_moves (&header->stripes[i].guard);
  if (moving)
    looked = 0;
  else if (looked == 0 || g_get_monotonic_time () > looked + STOPPED_PAUSE)
    looked = g_get_monotonic_time ();

  return moving;
}

/* The slot's state word if its thread is dead, else 0. */
static guint64
dead_state (MpThreadSlot *slot)
{
  guint64 state = __atomic_load_n (&slot->state, __ATOMIC_ACQUIRE);
  guint32 life = __atomic_load_n (mp_life_word (slot), __ATOMIC_ACQUIRE);

  return MP_SLOT_STATE (state) == MP_SLOT_LIVE && (life & FUTEX_OWNER_DIED) != 0 ? state : 0;
}

/* FALSE: not now, somebody who lives is stopped in it. */
static gboolean
recover_object (MpOffset offset,
                guint32  dead)
{
  MpSharedHeader *shared;
  const MpKindInfo *info;

  if (!mp_arena_contains (offset, sizeof *shared))
    return TRUE;

  shared = mp_arena_pointer (offset);
  info = mp_kind_get_info (shared->kind);
  if (shared->magic != MP_SHARED_MAGIC || info == NULL)
    return TRUE;

  return info->recover == NULL || info->recover (shared, dead);
}

/* What the dead was freeing the contents of. If that was in the grave of another dead, who recovers
 * that one may be at it now, and it is gone when he is done: so that comes first. */
static gboolean
recover_emptying (MpThreadSlot *slot,
                  guint32       dead)
{
  MpThreadSlot *other = &mp_arena.threads[(slot->heir_of - 1) % MP_MAX_THREADS];

  if (slot->heir_of == 0)
    return recover_object (slot->emptying, dead);

  if (__atomic_load_n (&other->state, __ATOMIC_ACQUIRE) == slot->heir_state)
    mp_recover_thread (other);
  return __atomic_load_n (&other->state, __ATOMIC_ACQUIRE) != slot->heir_state;
}

static void
free_thread_slot (MpThreadSlot *slot,
                  guint64       state)
{
  __atomic_compare_exchange_n (&slot->state, &state,
                               MP_SLOT_WORD (0, MP_SLOT_GENERATION (state), MP_SLOT_FREE), FALSE,
                               __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

void
mp_recover_thread (MpThreadSlot *slot)
{
  guint64 state = dead_state (slot);
  guint32 index = (guint32) (slot - mp_arena.threads);
  guint32 dead = MP_SLOT_GENERATION (state) << 16 | (index + 1);
  MpGuardResult result;

  if (state == 0 || !locks_move ())
    return;
  result = mp_guard_lock (&slot->recover_guard, NULL, &not_for_ever);
  if (result > MP_GUARD_STOLEN)
    return;

  /* A recoverer before us may have died inside the allocator, with these hands. */
  if (result == MP_GUARD_STOLEN)
    mp_heap_recover_all ();
  if (dead_state (slot) == state && recover_object (slot->object, dead) &&
      recover_object (slot->waiting, dead) && recover_emptying (slot, dead))
    {
      mp_heap_recover (slot->heap_op);
      mp_heap_free_parked (slot);      /* first: they may still be in hands, too */
      mp_lease_finish_dying (slot, dead);
      for (guint i = 0; i < MP_N_HANDS; i++)
        mp_heap_free (&slot->hands[i]);
      mp_futex_wake (mp_life_word (slot), G_MAXINT);
      /* Before the guard is let go: who gets it next must find the slot free. */
      free_thread_slot (slot, state);
    }
  mp_guard_unlock (&slot->recover_guard);
}

static gboolean
process_has_threads (guint32 process)
{
  guint32 n = MIN (__atomic_load_n (&mp_arena.header->n_threads, __ATOMIC_ACQUIRE),
                   MP_MAX_THREADS);

  for (guint32 i = 0; i < n; i++)
    {
      MpThreadSlot *slot = &mp_arena.threads[i];
      guint64 state = __atomic_load_n (&slot->state, __ATOMIC_ACQUIRE);

      if (MP_SLOT_STATE (state) == MP_SLOT_LIVE && slot->process == process)
        return TRUE;
    }

  return FALSE;
}

/* A slot set aside for a child that was given up: it may be coming right now after all. Another
 * generation settles that: the child's compare-and-swap fails, and it is cut off. */
static gboolean
claim_process (MpProcessSlot *slot,
               guint64       *state)
{
  guint64 mine = MP_SLOT_WORD (getpid (), MP_SLOT_GENERATION (*state) + 1, MP_SLOT_RESERVED);

  if (MP_SLOT_STATE (*state) == MP_SLOT_LIVE)
    return __atomic_load_n (&slot->state, __ATOMIC_ACQUIRE) == *state;
  if (!__atomic_compare_exchange_n (&slot->state, state, mine, FALSE, __ATOMIC_ACQ_REL,
                                    __ATOMIC_RELAXED))
    return FALSE;

  slot->forked_pid = 0;
  *state = mine;
  return TRUE;
}

/* The process that had the slot is gone, or will never come to it. */
static void
empty_process (guint32 index,
               guint64 state)
{
  MpProcessSlot *slot = &mp_arena.processes[index];
  MpGuardResult result;

  if (!locks_move ())
    return;
  result = mp_guard_lock (&slot->lease_guard, NULL, &not_for_ever);
  if (result > MP_GUARD_STOLEN)
    return;

  if (result == MP_GUARD_STOLEN)
    mp_heap_recover_all ();
  if (claim_process (slot, &state))
    {
      mp_lease_drop_all (slot);
      __atomic_compare_exchange_n (&slot->state, &state,
                                   MP_SLOT_WORD (0, MP_SLOT_GENERATION (state), MP_SLOT_FREE),
                                   FALSE, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
    }
  mp_guard_unlock (&slot->lease_guard);
}

static void
recover_process (guint32 index)
{
  MpProcessSlot *slot = &mp_arena.processes[index];
  guint64 state = __atomic_load_n (&slot->state, __ATOMIC_ACQUIRE);

  if (MP_SLOT_STATE (state) != MP_SLOT_FREE && index != mp_arena.process &&
      !process_has_threads (index) && mp_identity_process_gone (slot, state))
    empty_process (index, state);
}

void
mp_recover_reserved (guint32 index,
                     guint64 state)
{
  if (mp_self () != 0)
    empty_process (index, state);
}

/* A thread that was killed between reserving its slot and living in it held nothing. */
static void
recover_reserved_thread (MpThreadSlot *slot)
{
  guint64 state = __atomic_load_n (&slot->state, __ATOMIC_ACQUIRE);
  int pid = MP_SLOT_PID (state);

  if (MP_SLOT_STATE (state) == MP_SLOT_RESERVED && pid != getpid () &&
      slot->process < MP_MAX_PROCESSES &&
      mp_identity_pid_gone (pid, mp_arena.processes[slot->process].pid_namespace))
    free_thread_slot (slot, state);
}

static void
recover_threads (void)
{
  for (guint32 i = 0; i < MIN (mp_arena.header->n_threads, MP_MAX_THREADS); i++)
    {
      mp_recover_thread (&mp_arena.threads[i]);
      recover_reserved_thread (&mp_arena.threads[i]);
    }
}

void
mp_recover_sweep (void)
{
  recover_threads ();
  for (guint32 i = 0; i < MIN (mp_arena.header->n_processes, MP_MAX_PROCESSES); i++)
    recover_process (i);
  mp_fork_sweep ();
}

/* To ask whether a process lives takes some system calls, so no other one is asked for. */
void
mp_recover_child (int pid)
{
  recover_threads ();
  for (guint32 i = 0; i < MIN (mp_arena.header->n_processes, MP_MAX_PROCESSES); i++)
    {
      MpProcessSlot *slot = &mp_arena.processes[i];
      guint64 state = __atomic_load_n (&slot->state, __ATOMIC_ACQUIRE);

      if (MP_SLOT_STATE (state) == MP_SLOT_RESERVED ? slot->forked_pid == pid
                                                    : MP_SLOT_PID (state) == pid)
        recover_process (i);
    }
}
