/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Killed at any instruction of what queues can do beyond put and get: batches, joinable queues,
 * blocks, and messages that refer to other shared objects. How, is in step-common.h.
 */

#include "config.h"

#include "mproc/channel/mp-queue.h"
#include "mproc/memory/mp-block.h"
#include "mproc/sync/mp-lock.h"
#include "tests/c/step-common.h"

#define N_BATCH 3
#define FIRST_PUT 100           /* the number of the first that the victim puts */
#define BLOCK 10000

typedef struct {
  MpQueue   *queue;
  MpLock    *lock;              /* what messages refer to */
  MpPayload *batch[N_BATCH];
  guint      n_before;          /* messages 1, 2, 3 … */
  guint      may_be_taken;
  guint      may_be_put;
} State;

static void
put (MpQueue *queue,
     guint    number)
{
  g_assert_true (mp_queue_put_bytes (queue, &number, sizeof number, 10, NULL, NULL));
}

/* 0 if there is none. */
static guint
get (MpQueue *queue)
{
  guint number = 0;

  mp_queue_get_into (queue, &number, sizeof number, 0, NULL, NULL);
  return number;
}

static State *
set_up (MpQueue *queue,
        guint    n_before,
        guint    may_be_taken,
        guint    may_be_put)
{
  State *state = g_new0 (State, 1);

  state->queue = queue;
  state->n_before = n_before;
  state->may_be_taken = may_be_taken;
  state->may_be_put = may_be_put;
  for (guint i = 1; i <= n_before; i++)
    put (queue, i);

  return state;
}

static void
tear_down (gpointer argument)
{
  State *state = argument;

  for (guint i = 0; i < N_BATCH; i++)
    g_clear_pointer (&state->batch[i], mp_payload_unref);
  g_clear_object (&state->lock);
  g_object_unref (state->queue);
  g_free (state);
}

static void
check_works (State *state)
{
  g_assert_cmpuint (mp_queue_qsize (state->queue), ==, 0);
  for (guint i = 1; i <= 20; i++)
    put (state->queue, i);
  for (guint i = 1; i <= 20; i++)
    g_assert_cmpuint (get (state->queue), ==, i);
  g_assert_cmpuint (get (state->queue), ==, 0);
}

/* --- Batches ------------------------------------------------------------------------------- */

static gpointer
set_up_put_batch (void)
{
  State *state = set_up (mp_queue_new (0, NULL), 3, 0, N_BATCH);

  for (guint i = 0; i < N_BATCH; i++)
    {
      guint number = FIRST_PUT + i;
      g_autoptr (GBytes) bytes = g_bytes_new (&number, sizeof number);

      state->batch[i] = mp_payload_new (MP_ENCODING_BYTES, bytes);
    }

  return state;
}

static void
put_batch (gpointer argument)
{
  State *state = argument;

  g_assert_cmpuint (mp_queue_put_batch (state->queue, state->batch, N_BATCH, 10, NULL, NULL), ==,
                    N_BATCH);
}

static gpointer
set_up_get_batch (void)
{
  return set_up (mp_queue_new (0, NULL), 5, N_BATCH, 0);
}

static void
get_batch (gpointer argument)
{
  State *state = argument;
  g_autoptr (GPtrArray) got = mp_queue_get_batch (state->queue, N_BATCH, 10, NULL, NULL);

  g_assert_nonnull (got);
  g_assert_cmpuint (got->len, ==, N_BATCH);
}

/* Whatever part of the batch was put or taken is its beginning. */
static void
check_batch (gpointer argument)
{
  State *state = argument;
  guint number = get (state->queue);
  guint n_put = 0;

  g_assert_cmpuint (number, >=, 1);
  g_assert_cmpuint (number, <=, state->may_be_taken + 1);
  for (guint expected = number; expected <= state->n_before; expected++)
    {
      g_assert_cmpuint (number, ==, expected);
      number = get (state->queue);
    }
  for (; number != 0; number = get (state->queue))
    g_assert_cmpuint (number, ==, FIRST_PUT + n_put++);
  g_assert_cmpuint (n_put, <=, state->may_be_put);
  check_works (state);
}

/* --- Joinable queues ----------------------------------------------------------------------- */

static gpointer
set_up_joinable (void)
{
  return set_up (mp_queue_new_joinable (0, NULL), 3, 1, 0);
}

static void
take (gpointer argument)
{
  State *state = argument;
  guint number;

  g_assert_cmpint (mp_queue_get_into (state->queue, &number, sizeof number, 10, NULL, NULL), ==,
                   sizeof number);
}

static void
finish (gpointer argument)
{
  State *state = argument;

  g_assert_true (mp_queue_task_done (state->queue, NULL));
}

static void
take_and_finish (gpointer state)
{
  take (state);
  finish (state);
}

/* What the victim had taken and not finished comes back, once; then all work can be finished. */
static void
check_joinable (gpointer argument)
{
  State *state = argument;
  gboolean seen[4] = { FALSE, FALSE, FALSE };
  guint number;

  mp_recover_sweep ();
  while ((number = get (state->queue)) != 0)
    {
      g_assert_cmpuint (number, <=, 3);
      g_assert_false (seen[number]);
      seen[number] = TRUE;
      g_assert_false (mp_queue_join (state->queue, 0, NULL, NULL));
      g_assert_true (mp_queue_task_done (state->queue, NULL));
    }
  g_assert_true (seen[2] && seen[3]);
  g_assert_true (mp_queue_join (state->queue, 1, NULL, NULL));
  g_assert_false (mp_queue_task_done (state->queue, NULL));
}

/* The victim only takes: nothing may be missing, whenever it comes. */
static void
check_joinable_all (gpointer argument)
{
  State *state = argument;
  guint seen = 0;

  for (guint i = 1; i <= 3; i++)
    {
      guint number = 0;

      g_assert_cmpint (mp_queue_get_into (state->queue, &number, sizeof number, 5, NULL, NULL), ==,
                       sizeof number);
      g_assert_cmpuint (seen & 1u << number, ==, 0);
      seen |= 1u << number;
    }
  g_assert_cmpuint (seen, ==, 14);
  g_assert_cmpuint (get (state->queue), ==, 0);
  for (guint i = 1; i <= 3; i++)
    {
      g_assert_false (mp_queue_join (state->queue, 0, NULL, NULL));
      g_assert_true (mp_queue_task_done (state->queue, NULL));
    }
  g_assert_true (mp_queue_join (state->queue, 1, NULL, NULL));
}

/* --- Blocks -------------------------------------------------------------------------------- */

static gpointer
set_up_put_block (void)
{
  return set_up (mp_queue_new (0, NULL), 0, 0, 1);
}

static void
put_one_block (MpQueue *queue)
{
  g_autoptr (MpBlock) block = mp_block_new (BLOCK, NULL);

  memset (mp_block_get_data (block, NULL), 5, BLOCK);
  g_assert_true (mp_queue_put_block (queue, block, 10, NULL, NULL));
}

static void
put_block (gpointer argument)
{
  State *state = argument;

  put_one_block (state->queue);
}

static gpointer
set_up_get_block (void)
{
  State *state = set_up_put_block ();

  put_one_block (state->queue);
  return state;
}

/* Read in place, sent on, and let go. */
static void
pass_block (gpointer argument)
{
  State *state = argument;
  g_autoptr (MpBlock) block = mp_queue_get_block (state->queue, 10, NULL, NULL);
  g_autoptr (GBytes) view = mp_block_get_bytes (block);

  g_assert_cmpuint (g_bytes_get_size (view), ==, BLOCK);
  g_assert_true (mp_queue_put_block (state->queue, block, 10, NULL, NULL));
}

static void
check_block (gpointer argument)
{
  State *state = argument;
  g_autoptr (MpBlock) block = mp_queue_get_block (state->queue, 0, NULL, NULL);

  if (block != NULL)
    {
      gsize size;
      const guint8 *data = mp_block_get_data (block, &size);

      g_assert_cmpuint (size, ==, BLOCK);
      for (gsize i = 0; i < size; i++)
        g_assert_cmpuint (data[i], ==, 5);
    }
  check_works (state);
}

/* --- References ---------------------------------------------------------------------------- */

static gpointer
set_up_reference (void)
{
  State *state = set_up (mp_queue_new (0, NULL), 0, 0, 1);

  state->lock = mp_lock_new (NULL);
  return state;
}

static void
put_lock (gpointer argument)
{
  State *state = argument;

  g_assert_true (mp_queue_put (state->queue, mp_shared_to_variant (MP_SHARED (state->lock)), 10,
                               NULL, NULL));
}

static gpointer
set_up_reference_put (void)
{
  State *state = set_up_reference ();

  put_lock (state);
  g_clear_object (&state->lock);        /* the message alone keeps it now */
  return state;
}

static void
get_lock (gpointer argument)
{
  State *state = argument;
  g_autoptr (GVariant) value = mp_queue_get (state->queue, 10, NULL, NULL);
  g_autoptr (MpShared) lock = mp_shared_from_variant (value, NULL);

  g_assert_nonnull (lock);
  g_assert_true (mp_lock_acquire (MP_LOCK (lock), 10, NULL, NULL));
}

static void
check_reference (gpointer argument)
{
  State *state = argument;
  g_autoptr (GVariant) value = mp_queue_get (state->queue, 0, NULL, NULL);

  if (value != NULL)
    {
      g_autoptr (MpShared) lock = mp_shared_from_variant (value, NULL);

      g_assert_true (MP_IS_LOCK (lock));
      g_assert_true (mp_lock_acquire (MP_LOCK (lock), 5, NULL, NULL));
      g_assert_true (mp_lock_release (MP_LOCK (lock), NULL));
    }
  g_clear_pointer (&value, g_variant_unref);
  check_works (state);
}

static const StepCase cases[] = {
  { "put-batch", set_up_put_batch, put_batch, check_batch, tear_down, NULL, FALSE },
  { "get-batch", set_up_get_batch, get_batch, check_batch, tear_down, NULL, FALSE },
  { "take", set_up_joinable, take, check_joinable_all, tear_down, NULL, FALSE },
  { "task-done", set_up_joinable, finish, check_joinable, tear_down, take, FALSE },
  { "take-and-finish", set_up_joinable, take_and_finish, check_joinable, tear_down, NULL, FALSE },
  { "put-block", set_up_put_block, put_block, check_block, tear_down, NULL, FALSE },
  { "pass-block", set_up_get_block, pass_block, check_block, tear_down, NULL, FALSE },
  { "put-reference", set_up_reference, put_lock, check_reference, tear_down, NULL, FALSE },
  { "get-reference", set_up_reference_put, get_lock, check_reference, tear_down, NULL, FALSE },
};

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  step_add_cases (cases, G_N_ELEMENTS (cases));

  return g_test_run ();
}
