/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * A process's place in the family when it forks, by whatever call runs pthread_atfork handlers.
 *
 * Before the fork the parent reserves a process slot for the child and takes all its leases again
 * for it, so that nothing the child inherits can be freed under it. The child makes the slot its
 * own; if there was none, it is cut off: every use of the arena there fails with an error.
 *
 * A child may never come: the fork failed, or it was killed at once. fork() handlers are not told
 * the child's pid, so the parent remembers when the fork began and ended: a slot is given back when
 * no child of this process runs that began in between and has not come to its slot. When the parent
 * is gone, others do it. Who is given up while he is on his way after all, is cut off: the slot's
 * word decides.
 *
 * The handlers run in the forking thread. The mutex is private to the process, and protects all
 * variables that are not of a thread.
 */

#include "config.h"

#include "mproc/memory/mp-fork-private.h"

#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "mproc/base/mp-at-fork-private.h"
#include "mproc/memory/mp-family-private.h"
#include "mproc/memory/mp-identity-private.h"
#include "mproc/memory/mp-lease-private.h"
#include "mproc/memory/mp-recover-private.h"

#define MAX_HOOKS 8

/* How many forks there may be without a sweep: from the first number on, up to their sum. */
#define MIN_UNSWEPT 64
#define MAX_UNSWEPT 512

static GMutex mutex;
static gint64 reserved_index = -1;      /* for the child of the fork now under way */
static guint64 reserved_state;
static __thread gint64 last_forked = -1;
static __thread guint64 last_state;
/* A slot that was set aside for a child that has not come to it, when last looked. */
typedef struct {
  guint32 index;
  guint64 state;
  guint64 from, until;          /* when the child began, in ticks */
} Expected;

static GArray *expected;        /* of Expected */
static int n_unswept;           /* forks since the last sweep */
static MpForkHook child_hooks[MAX_HOOKS];
static MpForkHook join_hooks[MAX_HOOKS];
static const char *self_name = "MainProcess";

void
mp_fork_lock (void)
{
  g_mutex_lock (&mutex);
}

void
mp_fork_unlock (void)
{
  g_mutex_unlock (&mutex);
}

static void
add_hook (MpForkHook *hooks,
          MpForkHook  hook)
{
  guint i = 0;

  while (i < MAX_HOOKS && hooks[i] != NULL)
    i++;
  g_assert (i < MAX_HOOKS);
  hooks[i] = hook;
}

MP_AT_FORK static void
run_hooks (const MpForkHook *hooks)
{
  for (guint i = 0; i < MAX_HOOKS && hooks[i] != NULL; i++)
    hooks[i] ();
}

void
mp_fork_add_child_hook (MpForkHook hook)
{
  add_hook (child_hooks, hook);
}

void
mp_fork_add_join_hook (MpForkHook hook)
{
  add_hook (join_hooks, hook);
}

void
mp_fork_run_join_hooks (void)
{
  run_hooks (join_hooks);
}

static void
give_back (gint64  index,
           guint64 state)
{
  MpProcessSlot *slot = &mp_arena.processes[index];

  mp_lease_drop_all (slot);
  __atomic_compare_exchange_n (&slot->state, &state,
                               MP_SLOT_WORD (0, MP_SLOT_GENERATION (state), MP_SLOT_FREE), FALSE,
                               __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

static gboolean
is_usable (void)
{
  return mp_arena.base != NULL && !mp_arena.cut_off && mp_self () != 0;
}

/* Nobody tells of the end of a child that was not started by the library. So that their slots do
 * not pile up, a sweep is made now and then, the more seldom the more there is to look at. */
static void
sweep_sometimes (void)
{
  const guint limit = MIN_UNSWEPT + MIN (mp_arena.header->n_processes, MAX_UNSWEPT);

  if ((guint) g_atomic_int_add (&n_unswept, 1) >= limit)
    mp_recover_sweep ();
}

static void
reserve (void)
{
  reserved_index = mp_identity_reserve_process (&reserved_state);
  if (reserved_index >= 0)
    return;

  mp_recover_sweep ();
  reserved_index = mp_identity_reserve_process (&reserved_state);
}

static void
prepare (void)
{
  const gboolean usable = is_usable ();

  if (usable)
    sweep_sometimes ();
  mp_fork_lock ();
  reserved_index = -1;
  if (!usable)
    return;

  reserve ();
  if (reserved_index >= 0)
    mp_arena.processes[reserved_index].pid_namespace =
      mp_arena.processes[mp_arena.process].pid_namespace;
  if (reserved_index >= 0 && !mp_lease_copy_all (&mp_arena.processes[reserved_index]))
    {
      give_back (reserved_index, reserved_state);
      reserved_index = -1;
    }
}

/* Of those who have come by now nothing need be remembered. */
static void
forget_arrived (void)
{
  for (guint i = expected != NULL ? expected->len : 0; i > 0; i--)
    {
      const Expected *one = &g_array_index (expected, Expected, i - 1);

      if (__atomic_load_n (&mp_arena.processes[one->index].state, __ATOMIC_ACQUIRE) != one->state)
        g_array_remove_index_fast (expected, i - 1);
    }
}

static void
in_parent (void)
{
  if (reserved_index >= 0)
    mp_lease_copied ();
  last_forked = reserved_index;
  last_state = reserved_state;
  if (reserved_index >= 0)
    {
      Expected one = { (guint32) reserved_index, reserved_state,
                       mp_arena.processes[reserved_index].forked_from, mp_identity_ticks () };

      if (expected == NULL)
        expected = g_array_new (FALSE, FALSE, sizeof one);
      forget_arrived ();
      g_array_append_val (expected, one);
    }
  mp_fork_unlock ();
}

/* Not while a fork is under way, nor in one's own: the next one who looks will do. */
void
mp_fork_sweep (void)
{
  g_atomic_int_set (&n_unswept, 0);
  if (!g_mutex_trylock (&mutex))
    return;

  forget_arrived ();
  for (guint i = 0; expected != NULL && i < expected->len; i++)
    {
      const Expected *one = &g_array_index (expected, Expected, i);

      if (!mp_identity_child_on_way (getpid (), one->from, one->until))
        mp_recover_reserved (one->index, one->state);
    }
  g_mutex_unlock (&mutex);
}

MP_AT_FORK static void
adopt (void)
{
  MpProcessSlot *slot = &mp_arena.processes[reserved_index];
  guint64 state = reserved_state;
  guint64 mine = MP_SLOT_WORD (getpid (), MP_SLOT_GENERATION (state), MP_SLOT_LIVE);

  mp_arena.process = (guint32) reserved_index;
  mp_arena.cut_off = !__atomic_compare_exchange_n (&slot->state, &state, mine, FALSE,
                                                   __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

MP_AT_FORK static void
in_child (void)
{
  mp_identity_forget_thread ();
  last_forked = -1;
  expected = NULL;
  if (mp_arena.base != NULL && !mp_arena.cut_off)
    {
      if (reserved_index >= 0)
        adopt ();
      else
        mp_arena.cut_off = TRUE;
    }
  run_hooks (child_hooks);
  mp_mutex_reset (&mutex);
}

__attribute__ ((constructor)) static void
register_handlers (void)
{
  pthread_atfork (prepare, in_parent, in_child);
}

void
mp_family_child_started (int pid)
{
  gint64 index = last_forked;
  guint64 state;

  last_forked = -1;
  if (index < 0)
    return;

  state = __atomic_load_n (&mp_arena.processes[index].state, __ATOMIC_ACQUIRE);
  if (state != last_state)
    return;
  if (pid > 0)
    mp_arena.processes[index].forked_pid = pid;
  else
    give_back (index, state);
}

void
mp_family_child_ended (int pid)
{
  if (is_usable ())
    mp_recover_child (pid);
}

/* @name stays what it is as long as it is this process's. */
MP_AT_FORK void
mp_family_set_self_name (const char *name)
{
  self_name = name;
}

const char *
mp_family_get_self_name (void)
{
  return self_name;
}
