/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Killed at any instruction of what is done with queues; how, is in step-common.h.
 *
 * A queue holds messages 1, 2, 3 …, each filled with its number; what the victim puts is 100. The
 * survivor expects all in order, the first perhaps gone if the victim was to take it, and then a
 * queue that works.
 */

#include "config.h"

#include "mproc/channel/mp-queue.h"
#include "tests/c/step-common.h"

#define SMALL 56
#define LARGE 4200              /* more than fits into a record */
#define FIRST_PUT 100           /* the number of what the victim puts */

typedef struct {
  MpQueue *queue;
  guint    taken;               /* before the victim */
  guint    n_before;
  guint    may_be_taken;        /* the last that the victim may take, */
  guint    may_be_put;          /* how many it may put */
  gsize    size;
} State;

static guint8 data[LARGE];

static void
put (MpQueue *queue,
     guint    number,
     gsize    size)
{
  g_autoptr (GError) error = NULL;

  memset (data, (int) number, size);
  mp_queue_put_bytes (queue, data, size, 10, NULL, &error);
  g_assert_no_error (error);
}

/* The number of the first message, whose bytes must all be it; 0 if there is none. */
static guint
get (MpQueue *queue,
     gsize    size)
{
  gssize got = mp_queue_get_into (queue, data, sizeof data, 0, NULL, NULL);

  if (got < 0)
    return 0;
  g_assert_cmpint (got, ==, size);
  for (gsize i = 1; i < size; i++)
    g_assert_cmpuint (data[i], ==, data[0]);

  return data[0];
}

static gpointer
set_up (guint n_before,
        guint may_be_taken,
        guint may_be_put,
        gsize size)
{
  State *state = g_new0 (State, 1);

  *state = (State) { mp_queue_new (0, NULL), 0, n_before, may_be_taken, may_be_put, size };
  for (guint i = 1; i <= n_before; i++)
    put (state->queue, i, size);

  return state;
}

static void
tear_down (gpointer argument)
{
  State *state = argument;

  g_object_unref (state->queue);
  g_free (state);
}

/* The child has filled in the data before it is stepped: filling is not what is tested. */
static void
prepare_data (gpointer state G_GNUC_UNUSED)
{
  memset (data, FIRST_PUT, sizeof data);
}

static void
check_works (State *state)
{
  g_assert_cmpuint (mp_queue_qsize (state->queue), ==, 0);
  for (guint i = 1; i <= 20; i++)
    put (state->queue, i, state->size);
  g_assert_cmpuint (mp_queue_qsize (state->queue), ==, 20);
  for (guint i = 1; i <= 20; i++)
    g_assert_cmpuint (get (state->queue, state->size), ==, i);
  g_assert_cmpuint (get (state->queue, state->size), ==, 0);

  mp_queue_close (state->queue);
  g_assert_true (mp_queue_is_closed (state->queue));
  g_assert_false (mp_queue_put_bytes (state->queue, data, 1, 0, NULL, NULL));
}

/* All that was there is there, in order, less what the victim may have taken, and with what it may
 * have put. */
static void
check (gpointer argument)
{
  State *state = argument;
  guint number = get (state->queue, state->size);
  guint expected = number;

  if (state->n_before > 0 && number < FIRST_PUT && number > 0)
    {
      g_assert_cmpuint (number, >, state->taken);
      g_assert_cmpuint (number, <=, state->may_be_taken + 1);
    }
  else
    g_assert_cmpuint (state->n_before, ==, state->may_be_taken);
  for (; number > 0 && number < FIRST_PUT; number = get (state->queue, state->size))
    g_assert_cmpuint (number, ==, expected++);
  if (expected > 0 && expected < FIRST_PUT)
    g_assert_cmpuint (expected, ==, state->n_before + 1);
  if (number == FIRST_PUT)
    {
      g_assert_cmpuint (state->may_be_put, ==, 1);
      g_assert_cmpuint (get (state->queue, state->size), ==, 0);
    }

  check_works (state);
}

/* --- The operations ------------------------------------------------------------------------ */

static gpointer
set_up_put (void)
{
  return set_up (3, 0, 1, SMALL);
}

/* Fifteen records of 64 bytes fill the first segment of 1 KiB: the next put links a new one, and
 * the sixteenth get leaves it. */
static gpointer
set_up_put_segment (void)
{
  return set_up (15, 0, 1, SMALL);
}

static gpointer
set_up_put_large (void)
{
  return set_up (3, 0, 1, LARGE);
}

static void
put_one (gpointer argument)
{
  State *state = argument;

  mp_queue_put_bytes (state->queue, data, state->size, 10, NULL, NULL);
}

static gpointer
set_up_get (void)
{
  return set_up (3, 1, 0, SMALL);
}

static gpointer
set_up_get_large (void)
{
  return set_up (3, 1, 0, LARGE);
}

static gpointer
set_up_get_segment (void)
{
  State *state = set_up (17, 16, 0, SMALL);

  for (guint i = 1; i <= 14; i++)
    g_assert_cmpuint (get (state->queue, SMALL), ==, i);
  state->taken = 14;

  return state;
}

static void
get_one (gpointer argument)
{
  State *state = argument;

  mp_queue_get_into (state->queue, data, sizeof data, 10, NULL, NULL);
}

static void
get_two (gpointer state)
{
  get_one (state);
  get_one (state);
}

static gpointer
set_up_nothing_changes (void)
{
  return set_up (3, 0, 0, SMALL);
}

/* With a message and a large one in it: what a queue owns is freed piece by piece. */
static void
create_and_drop (gpointer state G_GNUC_UNUSED)
{
  g_autoptr (MpQueue) other = mp_queue_new (0, NULL);

  mp_queue_put_bytes (other, data, SMALL, 10, NULL, NULL);
  mp_queue_put_bytes (other, data, LARGE, 10, NULL, NULL);
}

static void
open_and_drop (gpointer argument)
{
  State *state = argument;
  g_autofree char *handle = mp_shared_get_handle (MP_SHARED (state->queue));
  g_autoptr (MpShared) other = mp_shared_open (handle, NULL);

  g_assert_nonnull (other);
}

static void
close_queue (gpointer argument)
{
  State *state = argument;

  mp_queue_close (state->queue);
}

/* Closed or not, what was in it is still there. */
static void
check_closed (gpointer argument)
{
  State *state = argument;

  for (guint i = 1; i <= state->n_before; i++)
    g_assert_cmpuint (get (state->queue, state->size), ==, i);
  g_assert_cmpuint (get (state->queue, state->size), ==, 0);
  if (!mp_queue_is_closed (state->queue))
    check_works (state);
}

static const StepCase cases[] = {
  { "put", set_up_put, put_one, check, tear_down, prepare_data, FALSE },
  { "put-in-new-segment", set_up_put_segment, put_one, check, tear_down, prepare_data, FALSE },
  { "put-large", set_up_put_large, put_one, check, tear_down, prepare_data, FALSE },
  { "get", set_up_get, get_one, check, tear_down, NULL, FALSE },
  { "get-leaves-segment", set_up_get_segment, get_two, check, tear_down, NULL, FALSE },
  { "get-large", set_up_get_large, get_one, check, tear_down, NULL, FALSE },
  { "create-and-drop", set_up_nothing_changes, create_and_drop, check, tear_down, NULL, FALSE },
  { "open-and-drop", set_up_nothing_changes, open_and_drop, check, tear_down, NULL, FALSE },
  { "close", set_up_nothing_changes, close_queue, check_closed, tear_down, NULL, FALSE },
};

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  step_add_cases (cases, G_N_ELEMENTS (cases));

  return g_test_run ();
}
