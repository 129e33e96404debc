/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Killed at any instruction of what is done with locks, conditions, semaphores, events and
 * barriers; how, is in step-common.h.
 *
 * Where waking is what the victim was doing, a process waits meanwhile, and has to be released in
 * time, by the victim or, if it died before, by the survivor.
 */

#include "config.h"

#include "mproc/sync/mp-barrier.h"
#include "mproc/sync/mp-condition.h"
#include "mproc/sync/mp-event.h"
#include "mproc/sync/mp-lock-private.h"
#include "mproc/sync/mp-semaphore.h"
#include "tests/c/step-common.h"

/* --- Locks --------------------------------------------------------------------------------- */

typedef struct {
  MpLock      *lock;
  MpCondition *condition;
  MpSemaphore *semaphore;
  MpEvent     *event;
  MpBarrier   *barrier;
  int          waiter;          /* a process; 0: none */
  int          ready[2];
  guint        n_free;          /* semaphore: permits before the victim, */
  int          change;          /* and by how many it may change them */
} State;

static gpointer
set_up_lock (void)
{
  State *state = g_new0 (State, 1);

  state->lock = mp_lock_new (NULL);
  return state;
}

static gpointer
set_up_rlock (void)
{
  State *state = g_new0 (State, 1);

  state->lock = (MpLock *) mp_rlock_new (NULL);
  return state;
}

static void
tear_down (gpointer argument)
{
  State *state = argument;

  if (state->waiter > 0)
    test_reap (state->waiter, 0);
  g_clear_object (&state->lock);
  g_clear_object (&state->condition);
  g_clear_object (&state->semaphore);
  g_clear_object (&state->event);
  g_clear_object (&state->barrier);
  g_free (state);
}

static void
acquire (gpointer argument)
{
  State *state = argument;

  g_assert_true (mp_lock_acquire (state->lock, 10, NULL, NULL));
}

static void
acquire_twice (gpointer state)
{
  acquire (state);
  acquire (state);
}

static void
release (gpointer argument)
{
  State *state = argument;

  g_assert_true (mp_lock_release (state->lock, NULL));
}

static void
release_twice (gpointer state)
{
  release (state);
  release (state);
}

/* The next one gets it, and is told if the victim had it. */
static void
check_lock (gpointer argument)
{
  State *state = argument;
  const MpLockShared *shared = mp_shared_get_data (MP_SHARED (state->lock));
  gboolean was_held = shared->word != 0;

  g_assert_false (mp_lock_is_locked (state->lock));
  g_assert_true (mp_lock_acquire (state->lock, 5, NULL, NULL));
  g_assert_cmpint (mp_lock_get_abandoned (state->lock), ==, was_held);
  g_assert_true (mp_lock_release (state->lock, NULL));
  g_assert_true (mp_lock_acquire (state->lock, 5, NULL, NULL));
  g_assert_false (mp_lock_get_abandoned (state->lock));
  g_assert_true (mp_lock_release (state->lock, NULL));
  g_assert_false (mp_lock_release (state->lock, NULL));
}

/* --- Conditions ---------------------------------------------------------------------------- */

static gpointer
set_up_condition (void)
{
  State *state = g_new0 (State, 1);

  state->condition = mp_condition_new (NULL, NULL);
  return state;
}

static void
wait_in_vain (gpointer argument)
{
  State *state = argument;

  mp_condition_acquire (state->condition, 10, NULL, NULL);
  mp_condition_wait (state->condition, 0, NULL, NULL);
  mp_condition_release (state->condition, NULL);
}

/* A process that says that it is there, does @work, and ends with 0 if that returned TRUE. */
static void
start_waiter (State     *state,
              gboolean (*work) (State *state))
{
  char byte = 0;

  g_assert_cmpint (pipe (state->ready), ==, 0);
  state->waiter = fork ();
  if (state->waiter == 0)
    _exit (work (state) ? 0 : 1);
  close (state->ready[1]);
  g_assert_cmpint (read (state->ready[0], &byte, 1), ==, 1);
  close (state->ready[0]);
}

static void
say_ready (State *state)
{
  g_assert_cmpint (write (state->ready[1], "", 1), ==, 1);
  close (state->ready[0]);
  close (state->ready[1]);
}

/* Who acquires the lock after it said so knows that this one waits. */
static gboolean
wait_for_notification (State *state)
{
  gboolean done = mp_condition_acquire (state->condition, 10, NULL, NULL);

  say_ready (state);
  done = done && mp_condition_wait (state->condition, 20, NULL, NULL);
  return mp_condition_release (state->condition, NULL) && done;
}

static gpointer
set_up_condition_waited (void)
{
  State *state = set_up_condition ();

  start_waiter (state, wait_for_notification);
  return state;
}

static void
notify (gpointer argument)
{
  State *state = argument;

  mp_condition_acquire (state->condition, 10, NULL, NULL);
  mp_condition_notify (state->condition, 1, NULL);
  mp_condition_release (state->condition, NULL);
}

/* The waiter ends, woken by the victim or by us, which tear_down() sees; no count is left. */
static void
check_condition (gpointer argument)
{
  State *state = argument;
  g_autofree char *text = NULL;

  g_assert_true (mp_condition_acquire (state->condition, 5, NULL, NULL));
  g_assert_true (mp_condition_notify_all (state->condition, NULL));
  g_assert_true (mp_condition_release (state->condition, NULL));
  if (state->waiter > 0)
    test_reap (state->waiter, 0);
  state->waiter = 0;

  mp_recover_sweep ();
  g_assert_true (mp_condition_acquire (state->condition, 5, NULL, NULL));
  text = mp_shared_to_string (MP_SHARED (state->condition));
  g_assert_cmpstr (text, ==, "<Condition(<RLock(MainProcess, 1)>, 0)>");
  g_assert_true (mp_condition_release (state->condition, NULL));
}

/* --- Semaphores ---------------------------------------------------------------------------- */

static gpointer
set_up_semaphore (gboolean recoverable,
                  int      change)
{
  State *state = g_new0 (State, 1);

  state->semaphore = recoverable ? mp_semaphore_new_recoverable (3, NULL)
                                 : mp_semaphore_new (3, NULL);
  state->n_free = 3;
  state->change = change;
  return state;
}

static gpointer
set_up_permits (void)
{
  return set_up_semaphore (FALSE, -1);
}

static gpointer
set_up_recoverable (void)
{
  return set_up_semaphore (TRUE, 0);
}

static gpointer
set_up_bounded (void)
{
  State *state = g_new0 (State, 1);

  state->semaphore = (MpSemaphore *) mp_bounded_semaphore_new (3, NULL);
  state->n_free = 3;
  state->change = -1;
  return state;
}

static void
take_permit (gpointer argument)
{
  State *state = argument;

  g_assert_true (mp_semaphore_acquire (state->semaphore, 10, NULL, NULL));
}

static void
give_permit (gpointer argument)
{
  State *state = argument;

  g_assert_true (mp_semaphore_release (state->semaphore, NULL));
}

static void
take_and_give (gpointer state)
{
  take_permit (state);
  give_permit (state);
}

/* Its permits are what there were, with or without what the victim took, which nobody gives back,
 * unless they were to be recovered. All that are left can be taken. */
static void
check_semaphore (gpointer argument)
{
  State *state = argument;
  guint n = mp_semaphore_get_value (state->semaphore);

  g_assert_cmpuint (n, >=, (guint) ((int) state->n_free + state->change));
  g_assert_cmpuint (n, <=, state->n_free);
  for (guint i = 0; i < n; i++)
    g_assert_true (mp_semaphore_acquire (state->semaphore, 5, NULL, NULL));
  g_assert_false (mp_semaphore_try_acquire (state->semaphore));
  for (guint i = 0; i < n; i++)
    g_assert_true (mp_semaphore_release (state->semaphore, NULL));
  g_assert_cmpuint (mp_semaphore_get_value (state->semaphore), ==, n);
}

static gboolean
wait_for_permit (State *state)
{
  say_ready (state);
  return mp_semaphore_acquire (state->semaphore, 20, NULL, NULL);
}

/* No permit is left, and somebody waits for one. */
static gpointer
set_up_permits_waited (void)
{
  State *state = g_new0 (State, 1);

  state->semaphore = mp_semaphore_new (0, NULL);
  start_waiter (state, wait_for_permit);
  return state;
}

/* One permit more suffices if the victim gave none. */
static void
check_permit_waited (gpointer argument)
{
  State *state = argument;

  g_assert_true (mp_semaphore_release (state->semaphore, NULL));
  test_reap (state->waiter, 0);
  state->waiter = 0;
  g_assert_cmpuint (mp_semaphore_get_value (state->semaphore), <=, 1);
  while (mp_semaphore_try_acquire (state->semaphore))
    ;
  g_assert_cmpuint (mp_semaphore_get_value (state->semaphore), ==, 0);
}

/* --- Events -------------------------------------------------------------------------------- */

static gpointer
set_up_event (void)
{
  State *state = g_new0 (State, 1);

  state->event = mp_event_new (NULL);
  return state;
}

static gboolean
wait_for_event (State *state)
{
  say_ready (state);
  return mp_event_wait (state->event, 20, NULL, NULL);
}

static gpointer
set_up_event_waited (void)
{
  State *state = set_up_event ();

  start_waiter (state, wait_for_event);
  return state;
}

static void
set_event (gpointer argument)
{
  State *state = argument;

  g_assert_true (mp_event_set (state->event, NULL));
}

static void
set_clear_wait (gpointer argument)
{
  State *state = argument;

  mp_event_wait (state->event, 0, NULL, NULL);
  set_event (state);
  mp_event_wait (state->event, 1, NULL, NULL);
  g_assert_true (mp_event_clear (state->event, NULL));
}

static void
check_event (gpointer argument)
{
  State *state = argument;

  g_assert_true (mp_event_set (state->event, NULL));
  if (state->waiter > 0)
    test_reap (state->waiter, 0);
  state->waiter = 0;
  g_assert_true (mp_event_is_set (state->event));
  g_assert_true (mp_event_wait (state->event, 0, NULL, NULL));
  g_assert_true (mp_event_clear (state->event, NULL));
  g_assert_false (mp_event_is_set (state->event));
  g_assert_false (mp_event_wait (state->event, 0, NULL, NULL));
}

/* --- Barriers ------------------------------------------------------------------------------ */

static gpointer
set_up_barrier (void)
{
  State *state = g_new0 (State, 1);

  state->barrier = mp_barrier_new (2, -1, NULL);
  return state;
}

/* Ends well whether the round succeeds or breaks: but it ends. */
static gboolean
wait_at_barrier (State *state)
{
  g_autoptr (GError) error = NULL;

  say_ready (state);
  return mp_barrier_wait (state->barrier, 20, NULL, &error) >= 0 ||
         g_error_matches (error, MP_ERROR, MP_ERROR_BROKEN);
}

static gpointer
set_up_barrier_waited (void)
{
  State *state = set_up_barrier ();

  start_waiter (state, wait_at_barrier);
  return state;
}

/* Alone, for a moment: breaks it. */
static void
wait_alone (gpointer argument)
{
  State *state = argument;

  mp_barrier_wait (state->barrier, 0, NULL, NULL);
  mp_barrier_reset (state->barrier, NULL);
}

static void
wait_together (gpointer argument)
{
  State *state = argument;

  mp_barrier_wait (state->barrier, 10, NULL, NULL);
}

static void
abort_barrier (gpointer argument)
{
  State *state = argument;

  g_assert_true (mp_barrier_abort (state->barrier, NULL));
}

/* Who waits is released by aborting at the latest; and then the barrier works. */
static void
check_barrier (gpointer argument)
{
  State *state = argument;

  if (state->waiter > 0)
    {
      g_assert_true (mp_barrier_abort (state->barrier, NULL));
      test_reap (state->waiter, 0);
    }
  state->waiter = 0;
  mp_recover_sweep ();
  g_assert_true (mp_barrier_reset (state->barrier, NULL));
  g_assert_false (mp_barrier_is_broken (state->barrier));
  g_assert_cmpuint (mp_barrier_get_n_waiting (state->barrier), ==, 0);

  start_waiter (state, wait_at_barrier);
  g_assert_cmpint (mp_barrier_wait (state->barrier, 10, NULL, NULL), >=, 0);
}

static const StepCase cases[] = {
  { "acquire", set_up_lock, acquire, check_lock, tear_down, NULL, FALSE },
  { "acquire-twice", set_up_rlock, acquire_twice, check_lock, tear_down, NULL, FALSE },
  { "release", set_up_lock, release, check_lock, tear_down, acquire, FALSE },
  { "release-twice", set_up_rlock, release_twice, check_lock, tear_down, acquire_twice, FALSE },
  { "wait", set_up_condition, wait_in_vain, check_condition, tear_down, NULL, FALSE },
  { "notify", set_up_condition_waited, notify, check_condition, tear_down, NULL, FALSE },
  { "permit", set_up_permits, take_and_give, check_semaphore, tear_down, NULL, FALSE },
  { "permit-bounded", set_up_bounded, take_and_give, check_semaphore, tear_down, NULL, FALSE },
  { "permit-recoverable", set_up_recoverable, take_and_give, check_semaphore, tear_down, NULL,
    FALSE },
  { "permit-given", set_up_permits_waited, give_permit, check_permit_waited, tear_down, NULL,
    FALSE },
  { "event", set_up_event, set_clear_wait, check_event, tear_down, NULL, FALSE },
  { "event-set", set_up_event_waited, set_event, check_event, tear_down, NULL, FALSE },
  { "barrier-alone", set_up_barrier, wait_alone, check_barrier, tear_down, NULL, FALSE },
  { "barrier-abort", set_up_barrier_waited, abort_barrier, check_barrier, tear_down, NULL, FALSE },
  { "barrier-together", set_up_barrier_waited, wait_together, check_barrier, tear_down, NULL,
    FALSE },
};

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  step_add_cases (cases, G_N_ELEMENTS (cases));

  return g_test_run ();
}
