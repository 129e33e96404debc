/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Pools that are bounded: who gives a task to a full one waits for room, for as long as the call's
 * time and cancellables let it, and what was not given is not done.
 *
 * The one worker waits for a gate, so that the pool stays full until the test opens that.
 */

#include "config.h"

#include "pool-common.h"

#include "mproc/sync/mp-event.h"

#define A_MOMENT 0.02

static MpEvent *gate;

/* ── The pool ───────────────────────────────────────────────────────────────────────────────── */

static GVariant *
wait_at_gate (GVariant  *argument,
              GError   **error)
{
  return mp_event_wait (gate, -1, NULL, error) ? g_variant_ref (argument) : NULL;
}

/* One worker, and room for so many tasks, all but @n_free of which are there. */
static MpPool *
new_full_pool (guint       max_pending,
               guint       n_free,
               GPtrArray **held)
{
  MpPool *pool;

  gate = mp_event_new (NULL);
  g_assert_nonnull (gate);
  pool = new_pool (1);
  mp_pool_set_max_pending (pool, max_pending);
  *held = g_ptr_array_new_with_free_func (g_object_unref);
  for (guint i = 0; i < max_pending - n_free; i++)
    g_ptr_array_add (*held, submit (pool, wait_at_gate, i));

  return pool;
}

/* Nothing but what was held, and @n_more tasks, have been done in the end. */
static void
open_gate (MpPool    *pool,
           GPtrArray *held,
           guint      n_more)
{
  g_assert_true (mp_event_set (gate, NULL));
  for (guint i = 0; i < held->len; i++)
    g_assert_cmpint (get_int64 (held->pdata[i]), ==, i);
  close_and_join (pool);
  g_assert_cmpuint (mp_pool_get_n_done (pool), ==, held->len + n_more);
  g_ptr_array_unref (held);
  g_clear_object (&gate);
}

/* ── What does not get in ───────────────────────────────────────────────────────────────────── */

static GCancellable *
new_cancelled (void)
{
  GCancellable *cancellable = g_cancellable_new ();

  g_cancellable_cancel (cancellable);

  return cancellable;
}

static void
assert_failed (gconstpointer  value,
               GError       **error,
               GQuark         domain,
               int            code)
{
  g_assert_error (*error, domain, code);
  g_assert_null (value);
  g_clear_error (error);
}

static void
test_apply (void)
{
  GPtrArray *held;
  g_autoptr (MpPool) pool = new_full_pool (2, 0, &held);
  g_autoptr (GCancellable) cancelled = new_cancelled ();
  g_autoptr (GError) error = NULL;
  GVariant *value;

  value = mp_pool_apply (pool, square, g_variant_new_int64 (3), A_MOMENT, NULL, &error);
  assert_failed (value, &error, MP_ERROR, MP_ERROR_TIMED_OUT);
  value = mp_pool_apply (pool, square, g_variant_new_int64 (3), 0, NULL, &error);
  assert_failed (value, &error, MP_ERROR, MP_ERROR_TIMED_OUT);
  value = mp_pool_apply (pool, square, NULL, -1, cancelled, &error);
  assert_failed (value, &error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  value = mp_pool_apply_named (pool, "room", NULL, A_MOMENT, NULL, &error);
  assert_failed (value, &error, MP_ERROR, MP_ERROR_TIMED_OUT);
  value = mp_pool_apply_named (pool, "room", NULL, -1, cancelled, &error);
  assert_failed (value, &error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  open_gate (pool, held, 0);
}

static void
test_submit (void)
{
  GPtrArray *held;
  g_autoptr (MpPool) pool = new_full_pool (2, 0, &held);
  g_autoptr (MpTaskOptions) options = mp_task_options_new ();
  g_autoptr (GCancellable) cancelled = new_cancelled ();
  g_autoptr (GError) error = NULL;
  MpResult *result;

  mp_task_options_set_cancellable (options, cancelled);
  result = mp_pool_submit_with (pool, square, NULL, options, &error);
  assert_failed (result, &error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  result = mp_pool_submit_named_with (pool, "room", NULL, options, &error);
  assert_failed (result, &error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  open_gate (pool, held, 0);
}

/* What was given of a list is done, and the rest is not. */
static void
test_map (void)
{
  GPtrArray *held;
  g_autoptr (MpPool) pool = new_full_pool (3, 2, &held);
  g_autoptr (GCancellable) cancelled = new_cancelled ();
  g_autoptr (GError) error = NULL;
  GVariant *value;

  value = mp_pool_map (pool, square, new_range (5), 1, A_MOMENT, NULL, &error);
  assert_failed (value, &error, MP_ERROR, MP_ERROR_TIMED_OUT);
  value = mp_pool_map (pool, square, new_range (5), 1, -1, cancelled, &error);
  assert_failed (value, &error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  open_gate (pool, held, 2);
}

/* Either cancellable ends the waiting; only the options' one ends tasks. */
static void
test_map_with_two_cancellables (void)
{
  GPtrArray *held;
  g_autoptr (MpPool) pool = new_full_pool (2, 1, &held);
  g_autoptr (MpTaskOptions) options = mp_task_options_new ();
  g_autoptr (GCancellable) waiting = new_cancelled ();
  g_autoptr (GCancellable) tasks = g_cancellable_new ();
  g_autoptr (GError) error = NULL;
  GVariant *value;

  mp_task_options_set_cancellable (options, tasks);
  value = mp_pool_map_with (pool, square, new_range (3), 1, options, -1, waiting, &error);
  assert_failed (value, &error, G_IO_ERROR, G_IO_ERROR_CANCELLED);

  g_cancellable_reset (waiting);
  g_cancellable_cancel (tasks);
  value = mp_pool_map_with (pool, square, new_range (3), 1, options, -1, waiting, &error);
  assert_failed (value, &error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  open_gate (pool, held, 0);
}

/* A map that is done as a whole or not at all takes back what it gave. */
static void
test_map_that_stops (void)
{
  GPtrArray *held;
  g_autoptr (MpPool) pool = new_full_pool (2, 1, &held);
  g_autoptr (MpTaskOptions) options = mp_task_options_new ();
  g_autoptr (GError) error = NULL;
  GVariant *value;

  mp_task_options_set_stop_on_error (options, TRUE);
  value = mp_pool_map_with (pool, square, new_range (3), 1, options, A_MOMENT, NULL, &error);
  assert_failed (value, &error, MP_ERROR, MP_ERROR_TIMED_OUT);
  open_gate (pool, held, 0);
}

/* ── What gets in ───────────────────────────────────────────────────────────────────────────── */

static gpointer
apply_in_thread (gpointer pool)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) value = mp_pool_apply (pool, square, g_variant_new_int64 (5), 30, NULL,
                                              &error);

  g_assert_no_error (error);

  return GINT_TO_POINTER (g_variant_get_int64 (value));
}

static void
test_room_comes (void)
{
  GPtrArray *held;
  g_autoptr (MpPool) pool = new_full_pool (1, 0, &held);
  GThread *thread = g_thread_new ("apply", apply_in_thread, pool);

  g_assert_true (mp_event_set (gate, NULL));
  g_assert_cmpint (GPOINTER_TO_INT (g_thread_join (thread)), ==, 25);
  open_gate (pool, held, 1);
}

#define N_THREADS 4
#define N_EACH 200

static gpointer
submit_many (gpointer pool)
{
  for (int i = 0; i < N_EACH; i++)
    g_object_unref (submit (pool, square, i));

  return NULL;
}

/* Room that another thread takes is waited for again. */
static void
test_threads (void)
{
  g_autoptr (MpPool) pool = new_pool (1);
  GThread *threads[N_THREADS];

  mp_pool_set_max_pending (pool, 1);
  for (int i = 0; i < N_THREADS; i++)
    threads[i] = g_thread_new ("submit", submit_many, pool);
  for (int i = 0; i < N_THREADS; i++)
    g_thread_join (threads[i]);
  close_and_join (pool);
  g_assert_cmpuint (mp_pool_get_n_done (pool), ==, N_THREADS * N_EACH);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  add_pool_case ("/pool-room/apply", test_apply);
  add_pool_case ("/pool-room/submit", test_submit);
  add_pool_case ("/pool-room/map", test_map);
  add_pool_case ("/pool-room/map-with-two-cancellables", test_map_with_two_cancellables);
  add_pool_case ("/pool-room/map-that-stops", test_map_that_stops);
  add_pool_case ("/pool-room/room-comes", test_room_comes);
  add_pool_case ("/pool-room/threads", test_threads);

  return g_test_run ();
}
