/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Killed at any instruction of allocating, freeing and forking; how, is in step-common.h.
 *
 * What is checked is in the harness: after recovery as many bytes, leases and slots are in use as
 * before.
 */

#include "config.h"

#include "mproc/channel/mp-queue.h"
#include "mproc/memory/mp-block.h"
#include "mproc/sync/mp-lock.h"
#include "tests/c/step-common.h"

#define BLOCK 3000              /* bytes */

typedef struct {
  MpQueue *queue;
  MpLock  *lock;
  MpBlock *block;               /* both taken from the queue; or NULL */
  GBytes  *view;
} State;

static gpointer
set_up (void)
{
  State *state = g_new0 (State, 1);

  state->queue = mp_queue_new (0, NULL);
  state->lock = mp_lock_new (NULL);
  return state;
}

static void
tear_down (gpointer argument)
{
  State *state = argument;

  g_clear_pointer (&state->block, mp_block_unref);
  g_clear_pointer (&state->view, g_bytes_unref);
  g_object_unref (state->queue);
  g_object_unref (state->lock);
  g_free (state);
}

/* The allocator works: blocks of all kinds can be had, do not overlap, and go back. */
static void
check (gpointer argument)
{
  static const gsize sizes[] = { 64, 64, 5000, 40000, 100000 };
  State *state = argument;
  guint64 *hand = &mp_self_slot ()->hands[0];
  guint8 byte = 7;

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      g_assert_cmpint (mp_heap_allocate (sizes[i], hand, NULL), ==, MP_STATUS_OK);
      memset (mp_arena_pointer (*hand), 0xee, sizes[i]);
      mp_heap_free (hand);
    }
  g_assert_true (mp_queue_put_bytes (state->queue, &byte, 1, 0, NULL, NULL));
  g_assert_cmpint (mp_queue_get_into (state->queue, &byte, 1, 0, NULL, NULL), ==, 1);
  g_assert_true (mp_lock_acquire (state->lock, 5, NULL, NULL));
  g_assert_true (mp_lock_release (state->lock, NULL));
}

static void
allocate_and_free (gsize size)
{
  guint64 *hand = &mp_self_slot ()->hands[0];

  g_assert_cmpint (mp_heap_allocate (size, hand, NULL), ==, MP_STATUS_OK);
  mp_heap_free (hand);
}

static void
small (gpointer state G_GNUC_UNUSED)
{
  allocate_and_free (100);
}

static void
large (gpointer state G_GNUC_UNUSED)
{
  allocate_and_free (100000);
}

/* A span is cut into two blocks of 32 KiB. The survivor holds all there are, the victim those that
 * it freed when it warmed up: so it needs a span. */
#define HALF_SPAN 30000
#define MOST_HALVES 1000

static gpointer
set_up_refill (void)
{
  MpHeapClass *list = &mp_arena.header->classes[MP_N_CLASSES - 1];
  State *state = set_up ();
  guint64 *hand = &mp_self_slot ()->hands[1];
  guint64 *halves;

  g_assert_cmpint (mp_heap_allocate (MOST_HALVES * sizeof *halves, hand, NULL), ==, MP_STATUS_OK);
  halves = mp_arena_pointer (*hand);
  memset (halves, 0, MOST_HALVES * sizeof *halves);
  for (guint i = 0; list->head != 0 && i < MOST_HALVES; i++)
    g_assert_cmpint (mp_heap_allocate (HALF_SPAN, &halves[i], NULL), ==, MP_STATUS_OK);

  return state;
}

static void
tear_down_refill (gpointer state)
{
  guint64 *hands = mp_self_slot ()->hands;
  guint64 *halves = mp_arena_pointer (hands[1]);

  for (guint i = 0; i < MOST_HALVES; i++)
    mp_heap_free (&halves[i]);
  mp_heap_free (&hands[1]);
  tear_down (state);
}

/* Also by the victim, that has warmed up and holds nothing yet. */
static void
take_halves (gpointer state G_GNUC_UNUSED)
{
  guint64 *hands = mp_self_slot ()->hands;

  for (guint i = 0; i < 2 && mp_arena.header->classes[MP_N_CLASSES - 1].head != 0; i++)
    if (hands[i] == 0)
      g_assert_cmpint (mp_heap_allocate (HALF_SPAN, &hands[i], NULL), ==, MP_STATUS_OK);
}

static void
refill (gpointer state G_GNUC_UNUSED)
{
  guint64 *hand = &mp_self_slot ()->hands[MP_HAND_GRAVE];

  g_assert_cmpint (mp_heap_allocate (HALF_SPAN, hand, NULL), ==, MP_STATUS_OK);
  mp_heap_free (hand);
}

static void
trim (gpointer state G_GNUC_UNUSED)
{
  mp_heap_trim ();
}

static void
make_objects (gpointer state G_GNUC_UNUSED)
{
  g_autoptr (MpLock) lock = mp_lock_new (NULL);
  g_autoptr (MpLock) other = mp_lock_new (NULL);

  g_assert_nonnull (lock);
  g_assert_nonnull (other);
}

/* --- Forks --------------------------------------------------------------------------------- */

static MpBlock *
put_and_get_block (MpQueue *queue,
                   int      byte)
{
  MpBlock *block = mp_block_new (BLOCK, NULL);

  memset (mp_block_get_data (block, NULL), byte, BLOCK);
  g_assert_true (mp_queue_put_block (queue, block, 10, NULL, NULL));
  mp_block_unref (block);
  block = mp_queue_get_block (queue, 10, NULL, NULL);
  g_assert_nonnull (block);
  return block;
}

static gpointer
set_up_blocks (void)
{
  State *state = set_up ();
  g_autoptr (MpBlock) viewed = put_and_get_block (state->queue, 2);

  state->block = put_and_get_block (state->queue, 1);
  state->view = mp_block_get_bytes (viewed);
  return state;
}

static gboolean
is_filled (gconstpointer data,
           gsize         size,
           guint8        byte)
{
  const guint8 *bytes = data;

  for (gsize i = 0; i < size; i++)
    if (bytes[i] != byte)
      return FALSE;

  return size == BLOCK;
}

static gboolean
blocks_are_whole (State *state)
{
  gsize size, view_size;
  gconstpointer data = mp_block_get_data (state->block, &size);
  gconstpointer view = g_bytes_get_data (state->view, &view_size);

  return is_filled (data, size, 1) && is_filled (view, view_size, 2);
}

/* With live objects and blocks: the child gets leases on them before it exists. What it lets go of
 * is its own. */
static void
fork_once (gpointer argument)
{
  State *state = argument;
  int pid = fork ();

  if (pid == 0)
    {
      gboolean whole = blocks_are_whole (state);

      g_clear_pointer (&state->block, mp_block_unref);
      whole = whole && is_filled (g_bytes_get_data (state->view, NULL), BLOCK, 2);
      g_clear_pointer (&state->view, g_bytes_unref);
      _exit (whole ? 0 : 1);
    }
  test_reap (pid, 0);
}

/* The victim's child may be on its way still when the victim is reaped. The survivor's blocks are
 * what they were, whoever died; one of them goes on through the queue. */
static void
check_after_fork (gpointer argument)
{
  State *state = argument;

  for (guint i = 0; i < 4000 && step_slots_in_use () > 2; i++)
    {
      g_usleep (1000);
      mp_recover_sweep ();
    }
  g_assert_true (blocks_are_whole (state));
  check (state);
  g_assert_true (blocks_are_whole (state));
  g_assert_true (mp_queue_put_block (state->queue, state->block, 10, NULL, NULL));
  g_clear_pointer (&state->block, mp_block_unref);
  state->block = mp_queue_get_block (state->queue, 10, NULL, NULL);
  g_assert_nonnull (state->block);
  g_assert_true (blocks_are_whole (state));
}

/* --- A child that dies before it has come to its slot --------------------------------------- */

/* Its parent lives on, does nothing, and knows nothing. */
static void
fork_and_wait (int go[2])
{
  char byte;

  ptrace (PTRACE_TRACEME, 0, 0, 0);
  raise (SIGSTOP);
  if (fork () == 0)
    _exit (0);
  if (read (go[0], &byte, 1) != 1)
    _exit (1);
  mp_recover_sweep ();
  _exit (step_slots_in_use () == 4 ? 0 : 2);
}

/* The parent at its beginning, to the fork; returns the child, which is stopped before its first
 * instruction. */
static int
run_to_fork (int parent)
{
  int status;
  gulong child = 0;

  g_assert_cmpint (waitpid (parent, &status, 0), ==, parent);
  g_assert_cmpint (ptrace (PTRACE_SETOPTIONS, parent, 0, PTRACE_O_TRACEFORK), ==, 0);
  g_assert_cmpint (ptrace (PTRACE_CONT, parent, 0, 0), ==, 0);
  g_assert_cmpint (waitpid (parent, &status, 0), ==, parent);
  g_assert_cmpint (status >> 8, ==, SIGTRAP | PTRACE_EVENT_FORK << 8);
  g_assert_cmpint (ptrace (PTRACE_GETEVENTMSG, parent, 0, &child), ==, 0);
  g_assert_cmpint (waitpid ((int) child, &status, __WALL), ==, (int) child);
  g_assert_cmpint (ptrace (PTRACE_DETACH, parent, 0, 0), ==, 0);

  return (int) child;
}

/* TRUE if the child was killed before it ended. */
static gboolean
kill_child_after (guint steps)
{
  int go[2], parent, child, status = 0;
  gboolean alive = TRUE;

  g_assert_cmpint (pipe (go), ==, 0);
  parent = fork ();
  if (parent == 0)
    fork_and_wait (go);
  child = run_to_fork (parent);
  for (guint i = 0; alive && i < steps; i++)
    {
      g_assert_cmpint (ptrace (PTRACE_SINGLESTEP, child, 0, 0), ==, 0);
      g_assert_cmpint (waitpid (child, &status, __WALL), ==, child);
      alive = WIFSTOPPED (status);
    }
  if (alive)
    {
      kill (child, SIGKILL);
      g_assert_cmpint (waitpid (child, &status, __WALL), ==, child);
    }
  g_assert_cmpint (write (go[1], "", 1), ==, 1);
  test_reap (parent, 0);
  close (go[0]);
  close (go[1]);
  mp_recover_sweep ();
  g_assert_cmpuint (step_slots_in_use (), ==, 2);

  return alive;
}

static void
test_child_before_it_comes (void)
{
  g_autoptr (MpQueue) queue = NULL;
  guint steps = 0;

  if (step_stride (NULL) == 0)
    {
      g_test_skip ("MPROC_TEST_STRIDE is 0");
      return;
    }
  queue = mp_queue_new (0, NULL);
  g_assert_nonnull (queue);
  while (kill_child_after (steps))
    steps += step_stride (NULL) > 0 ? (guint) step_stride (NULL) : 7;
  g_assert_cmpuint (steps, >, 0);
  g_test_message ("up to %u instructions", steps);
}

static const StepCase cases[] = {
  { "small", set_up, small, check, tear_down, NULL, FALSE },
  { "large", set_up, large, check, tear_down, NULL, FALSE },
  { "refill", set_up_refill, refill, check, tear_down_refill, take_halves, FALSE },
  { "trim", set_up, trim, check, tear_down, NULL, FALSE },
  { "objects", set_up, make_objects, check, tear_down, NULL, FALSE },
  { "fork", set_up_blocks, fork_once, check_after_fork, tear_down, NULL, TRUE },
};

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  step_add_cases (cases, G_N_ELEMENTS (cases));
  g_test_add_func ("/step/child-before-it-comes", test_child_before_it_comes);

  return g_test_run ();
}
