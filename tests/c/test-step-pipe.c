/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Killed at any instruction of a pipe's life: while it is made, while a message is sent, and while
 * the last holder of an end lets go of it, by a call or by that very death. The other end must read
 * what is whole and then find the end of the line. How, is in step-common.h.
 */

#include "config.h"

#include "mproc/channel/mp-connection.h"
#include "mproc/channel/mp-queue.h"
#include "tests/c/step-common.h"

typedef struct {
  MpQueue      *queue;          /* the message in it alone holds the far end */
  MpConnection *near;
} State;

static void
tear_down (gpointer argument)
{
  State *state = argument;

  g_clear_object (&state->near);
  g_object_unref (state->queue);
  g_free (state);
}

static void
put_end (MpQueue      *queue,
         MpConnection *end)
{
  g_assert_true (mp_queue_put (queue, mp_shared_to_variant (MP_SHARED (end)), 10, NULL, NULL));
}

static MpConnection *
get_end (MpQueue *queue)
{
  g_autoptr (GVariant) value = mp_queue_get (queue, 0, NULL, NULL);
  MpShared *end = value != NULL ? mp_shared_from_variant (value, NULL) : NULL;

  return end != NULL ? MP_CONNECTION (end) : NULL;
}

static gpointer
set_up_nothing (void)
{
  State *state = g_new0 (State, 1);

  state->queue = mp_queue_new (0, NULL);
  return state;
}

static gpointer
set_up (void)
{
  State *state = set_up_nothing ();
  g_autoptr (MpConnection) far_end = NULL;

  g_assert_true (mp_pipe_new (TRUE, &state->near, &far_end, NULL));
  g_assert_true (mp_connection_send_bytes (state->near, "to", 2, 10, NULL, NULL));
  put_end (state->queue, far_end);

  return state;
}

/* --- What the victim does ------------------------------------------------------------------ */

static void
make_and_drop (gpointer argument G_GNUC_UNUSED)
{
  g_autoptr (MpConnection) one = NULL;
  g_autoptr (MpConnection) other = NULL;
  g_autoptr (GError) error = NULL;

  mp_pipe_new (FALSE, &one, &other, &error);
  g_assert_no_error (error);
}

/* The victim has the last lease when it has got the end: its death destroys it, or its dropping. */
static void
take_and_drop (gpointer argument)
{
  State *state = argument;
  g_autoptr (MpConnection) end = get_end (state->queue);

  g_assert_nonnull (end);
}

static void
answer_and_close (gpointer argument)
{
  State *state = argument;
  g_autoptr (MpConnection) end = get_end (state->queue);

  g_assert_true (mp_connection_send_bytes (end, "back", 4, 10, NULL, NULL));
  mp_connection_close (end);
}

/* --- What must be so afterwards ------------------------------------------------------------ */

/* Nobody has the far end: "back", if it was sent, and then nothing more. */
static void
check_ended (MpConnection *near)
{
  g_autoptr (GError) error = NULL;
  char buffer[8];
  gssize size = mp_connection_recv_into (near, buffer, sizeof buffer, 10, NULL, &error);

  if (size >= 0)
    {
      g_assert_cmpint (size, ==, 4);
      g_assert_cmpint (memcmp (buffer, "back", 4), ==, 0);
      size = mp_connection_recv_into (near, buffer, sizeof buffer, 10, NULL, &error);
    }
  g_assert_cmpint (size, ==, -1);
  g_assert_error (error, MP_ERROR, MP_ERROR_CLOSED);
  g_clear_error (&error);
  mp_recover_sweep ();          /* it may have died between the two directions */
  g_assert_false (mp_connection_send_bytes (near, "x", 1, 0, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_CLOSED);
}

/* The victim died before it had the far end, or it let go of that. */
static void
check (gpointer argument)
{
  State *state = argument;
  g_autoptr (MpConnection) end = get_end (state->queue);
  char buffer[8];

  if (end == NULL)
    {
      check_ended (state->near);
      return;
    }

  g_assert_cmpint (mp_connection_recv_into (end, buffer, sizeof buffer, 0, NULL, NULL), ==, 2);
  g_assert_true (mp_connection_send_bytes (end, "1", 1, 0, NULL, NULL));
  g_assert_cmpint (mp_connection_recv_into (state->near, buffer, sizeof buffer, 0, NULL, NULL), ==,
                   1);
  g_clear_object (&end);
  check_ended (state->near);
}

static void
check_nothing (gpointer argument)
{
  g_assert_null (get_end (((State *) argument)->queue));
}

static const StepCase cases[] = {
  { "make-and-drop", set_up_nothing, make_and_drop, check_nothing, tear_down, NULL, FALSE },
  { "take-and-drop", set_up, take_and_drop, check, tear_down, NULL, FALSE },
  { "answer-and-close", set_up, answer_and_close, check, tear_down, NULL, FALSE },
};

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  step_add_cases (cases, G_N_ELEMENTS (cases));

  return g_test_run ();
}
