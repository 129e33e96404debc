/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Pools in a main loop: results, maps and iterators without blocking, deaths that nobody waits for
 * in a call, cancellation, several contexts and threads.
 */

#include "config.h"

#include "pool-common.h"

#include "mproc/sync/mp-doorbell-private.h"

static void
run_until (gpointer *done)
{
  while (*done == NULL)
    g_main_context_iteration (NULL, TRUE);
}

static void
store_outcome (GObject      *object,
               GAsyncResult *outcome,
               gpointer      place)
{
  *(gpointer *) place = g_object_ref (outcome);
}

static gint64
finish_int64 (MpResult     *result,
              GAsyncResult *outcome)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MpPayload) payload = mp_result_get_finish (result, outcome, &error);
  g_autoptr (GVariant) value = NULL;

  g_assert_no_error (error);
  value = mp_payload_get_variant (payload, G_VARIANT_TYPE_INT64, &error);
  g_assert_no_error (error);

  return g_variant_get_int64 (value);
}

static gboolean
count_tick (gpointer count)
{
  (*(guint *) count)++;

  return G_SOURCE_CONTINUE;
}

/* The loop goes on turning meanwhile; what is ready already comes later all the same. */
static void
test_get (void)
{
  g_autoptr (MpPool) pool = new_pool (1);
  g_autoptr (MpResult) result = submit (pool, nap, 200);
  GAsyncResult *outcome = NULL;
  guint ticks = 0;
  guint source = g_timeout_add (5, count_tick, &ticks);

  mp_result_get_async (result, NULL, store_outcome, &outcome);
  g_assert_null (outcome);
  run_until ((gpointer *) &outcome);
  g_assert_cmpint (finish_int64 (result, outcome), ==, 200);
  g_assert_cmpuint (ticks, >, 5);
  g_clear_object (&outcome);

  mp_result_get_async (result, NULL, store_outcome, &outcome);
  g_assert_null (outcome);
  run_until ((gpointer *) &outcome);
  g_assert_cmpint (finish_int64 (result, outcome), ==, 200);
  g_clear_object (&outcome);
  g_source_remove (source);
}

typedef struct {
  guint  n_left;
  gint64 sum;
} Sum;

static void
add_outcome (GObject      *object,
             GAsyncResult *outcome,
             gpointer      data)
{
  Sum *sum = data;

  sum->sum += finish_int64 (MP_RESULT (object), outcome);
  sum->n_left--;
}

static void
test_many (void)
{
  g_autoptr (MpPool) pool = new_pool (2);
  Sum sum = { 2000, 0 };

  for (gint64 i = 0; i < 2000; i++)
    {
      g_autoptr (MpResult) result = submit (pool, square, i);

      mp_result_get_async (result, NULL, add_outcome, &sum);
    }
  while (sum.n_left > 0)
    g_main_context_iteration (NULL, TRUE);
  g_assert_cmpint (sum.sum, ==, G_GINT64_CONSTANT (2664667000));
}

/* The pool lives as long as somebody waits for its results. */
static void
test_dropped_pool (void)
{
  MpPool *pool = new_pool (1);
  g_autoptr (MpResult) result = submit (pool, nap, 50);
  GAsyncResult *outcome = NULL;

  mp_result_get_async (result, NULL, store_outcome, &outcome);
  g_object_unref (pool);
  run_until ((gpointer *) &outcome);
  g_assert_cmpint (finish_int64 (result, outcome), ==, 50);
  g_clear_object (&outcome);
}

static void
test_death (void)
{
  g_autoptr (MpPool) pool = new_pool (2);
  g_autoptr (MpResult) lost = submit (pool, end_worker, SIGKILL);
  GAsyncResult *outcome = NULL;
  g_autoptr (GError) error = NULL;

  mp_result_get_async (lost, NULL, store_outcome, &outcome);
  run_until ((gpointer *) &outcome);
  g_assert_null (mp_result_get_finish (lost, outcome, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_WORKER_DIED);
  g_clear_object (&outcome);
}

/* Those that wait in the queue behind all the dead are done by their successors. */
static void
test_all_die (void)
{
  g_autoptr (MpPool) pool = new_pool (2);
  g_autoptr (GPtrArray) lost = g_ptr_array_new_with_free_func (g_object_unref);
  Sum sum = { 20, 0 };

  for (guint i = 0; i < 6; i++)
    g_ptr_array_add (lost, submit (pool, end_worker, SIGKILL));
  for (gint64 i = 0; i < 20; i++)
    {
      g_autoptr (MpResult) result = submit (pool, square, i);

      mp_result_get_async (result, NULL, add_outcome, &sum);
    }
  while (sum.n_left > 0)
    g_main_context_iteration (NULL, TRUE);
  g_assert_cmpint (sum.sum, ==, 2470);
}

static void
test_terminate (void)
{
  g_autoptr (MpPool) pool = new_pool (1);
  g_autoptr (MpResult) result = submit (pool, nap, 60000);
  GAsyncResult *outcome = NULL;
  g_autoptr (GError) error = NULL;

  mp_result_get_async (result, NULL, store_outcome, &outcome);
  mp_pool_terminate (pool);
  g_assert_null (outcome);
  run_until ((gpointer *) &outcome);
  g_assert_null (mp_result_get_finish (result, outcome, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_TERMINATED);
  g_clear_object (&outcome);
}

static gpointer
cancel_soon (gpointer cancellable)
{
  g_usleep (20000);
  g_cancellable_cancel (cancellable);

  return NULL;
}

static void
test_cancel (void)
{
  g_autoptr (MpPool) pool = new_pool (1);
  g_autoptr (MpResult) result = submit (pool, nap, 400);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  GAsyncResult *outcome = NULL;
  g_autoptr (GError) error = NULL;
  GThread *thread = g_thread_new ("canceller", cancel_soon, cancellable);

  mp_result_get_async (result, cancellable, store_outcome, &outcome);
  run_until ((gpointer *) &outcome);
  g_assert_null (mp_result_get_finish (result, outcome, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_object (&outcome);
  g_clear_error (&error);
  g_thread_join (thread);

  /* It was cancelled before. */
  mp_result_get_async (result, cancellable, store_outcome, &outcome);
  g_assert_null (outcome);
  run_until ((gpointer *) &outcome);
  g_assert_null (mp_result_get_finish (result, outcome, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_object (&outcome);
  g_assert_cmpint (get_int64 (result), ==, 400);
}

/* A call that blocks takes the results in, but leaves the callbacks to the main loop. */
static void
test_beside_blocking (void)
{
  g_autoptr (MpPool) pool = new_pool (1);
  g_autoptr (MpResult) first = submit (pool, square, 3);
  g_autoptr (MpResult) second = submit (pool, square, 4);
  GAsyncResult *outcome = NULL;

  mp_result_get_async (first, NULL, store_outcome, &outcome);
  g_assert_cmpint (get_int64 (second), ==, 16);
  g_assert_true (mp_result_is_ready (first));
  g_assert_null (outcome);
  run_until ((gpointer *) &outcome);
  g_assert_cmpint (finish_int64 (first, outcome), ==, 9);
  g_clear_object (&outcome);
}

static void
test_map (void)
{
  g_autoptr (MpPool) pool = new_pool (2);
  GAsyncResult *outcome = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) list = NULL;

  mp_pool_map_async (pool, square, new_range (100), 7, NULL, store_outcome, &outcome);
  run_until ((gpointer *) &outcome);
  list = mp_pool_map_finish (pool, outcome, &error);
  g_assert_no_error (error);
  assert_squares (list, 100);
  g_clear_object (&outcome);

  mp_pool_map_async (pool, square_but_13, new_range (100), 7, NULL, store_outcome, &outcome);
  run_until ((gpointer *) &outcome);
  g_assert_null (mp_pool_map_finish (pool, outcome, &error));
  g_assert_error (error, POOL_TEST_ERROR, 4);
  g_clear_object (&outcome);
  g_clear_error (&error);

  mp_pool_map_async (pool, square, new_range (0), 0, NULL, store_outcome, &outcome);
  run_until ((gpointer *) &outcome);
  g_clear_pointer (&list, g_variant_unref);
  list = mp_pool_map_finish (pool, outcome, &error);
  assert_squares (list, 0);
  g_clear_object (&outcome);

  mp_pool_close (pool);
  mp_pool_map_async (pool, square, new_range (3), 0, NULL, store_outcome, &outcome);
  run_until ((gpointer *) &outcome);
  g_assert_null (mp_pool_map_finish (pool, outcome, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_CLOSED);
  g_clear_object (&outcome);
}

static MpResult *
next_result (MpResultIterator *iterator)
{
  GAsyncResult *outcome = NULL;
  g_autoptr (GError) error = NULL;
  MpResult *result;

  mp_result_iterator_next_async (iterator, NULL, store_outcome, &outcome);
  run_until ((gpointer *) &outcome);
  result = mp_result_iterator_next_finish (iterator, outcome, &error);
  g_assert_no_error (error);
  g_clear_object (&outcome);

  return result;
}

static void
test_iterate (void)
{
  g_autoptr (MpPool) pool = new_pool (2);

  for (int ordered = 0; ordered <= 1; ordered++)
    {
      g_autoptr (MpResultIterator) iterator =
        mp_pool_iterate (pool, square, new_range (50), 1, ordered, NULL);
      gint64 sum = 0;

      for (gint64 i = 0; i < 50; i++)
        {
          g_autoptr (MpResult) result = next_result (iterator);

          sum += get_int64 (result);
          if (ordered)
            g_assert_cmpint (get_int64 (result), ==, i * i);
        }
      g_assert_cmpint (sum, ==, 40425);
      g_assert_null (next_result (iterator));
    }
}

/* All calls wait at once; each gets another result, one the end. */
static void
test_iterate_in_parallel (void)
{
  g_autoptr (MpPool) pool = new_pool (2);

  for (int ordered = 0; ordered <= 1; ordered++)
    {
      g_autoptr (MpResultIterator) iterator =
        mp_pool_iterate (pool, square, new_range (10), 1, ordered, NULL);
      GAsyncResult *outcomes[11] = { NULL };
      gint64 sum = 0;

      for (guint i = 0; i < 11; i++)
        mp_result_iterator_next_async (iterator, NULL, store_outcome, &outcomes[i]);
      for (guint i = 0; i < 11; i++)
        {
          g_autoptr (MpResult) result = NULL;

          run_until ((gpointer *) &outcomes[i]);
          result = mp_result_iterator_next_finish (iterator, outcomes[i], NULL);
          if (i < 10)
            sum += get_int64 (result);
          else
            g_assert_null (result);
          g_clear_object (&outcomes[i]);
        }
      g_assert_cmpint (sum, ==, 285);
    }
}

static void
test_iterate_cancelled (void)
{
  g_autoptr (MpPool) pool = new_pool (1);
  g_autoptr (MpResultIterator) iterator =
    mp_pool_iterate (pool, nap, g_variant_new_parsed ("[int64 100]"), 1, TRUE, NULL);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (MpResult) result = NULL;
  GAsyncResult *outcome = NULL;
  g_autoptr (GError) error = NULL;

  mp_result_iterator_next_async (iterator, cancellable, store_outcome, &outcome);
  g_cancellable_cancel (cancellable);
  run_until ((gpointer *) &outcome);
  g_assert_null (mp_result_iterator_next_finish (iterator, outcome, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_object (&outcome);

  /* Nothing was lost by that. */
  result = next_result (iterator);
  g_assert_cmpint (get_int64 (result), ==, 100);
}

/* A thread with a context of its own, beside one that blocks on the same pool. */
static gpointer
iterate_own_context (gpointer data)
{
  MpPool *pool = data;
  g_autoptr (GMainContext) context = g_main_context_new ();
  Sum sum = { 200, 0 };

  g_main_context_push_thread_default (context);
  for (gint64 i = 0; i < 200; i++)
    {
      g_autoptr (MpResult) result = submit (pool, square, i);

      mp_result_get_async (result, NULL, add_outcome, &sum);
    }
  while (sum.n_left > 0)
    g_main_context_iteration (context, TRUE);
  g_main_context_pop_thread_default (context);
  g_assert_cmpint (sum.sum, ==, 2646700);

  return NULL;
}

static void
test_contexts (void)
{
  g_autoptr (MpPool) pool = new_pool (2);
  GThread *threads[3];

  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("loop", iterate_own_context, pool);
  for (gint64 i = 0; i < 300; i++)
    {
      g_autoptr (MpResult) result = submit (pool, square, i);

      g_assert_cmpint (get_int64 (result), ==, i * i);
    }
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
}

/* Without anything to wait for, a pool leaves nothing in the context. */
static void
test_no_source_stays (void)
{
  g_autoptr (MpPool) pool = new_pool (1);
  g_autoptr (MpResult) result = submit (pool, square, 2);
  GAsyncResult *outcome = NULL;

  mp_result_get_async (result, NULL, store_outcome, &outcome);
  run_until ((gpointer *) &outcome);
  g_clear_object (&outcome);
  while (g_main_context_iteration (NULL, FALSE))
    continue;
  g_assert_cmpuint (mp_pool_get_private (pool)->watches->len, ==, 0);
  g_assert_finalize_object (g_steal_pointer (&pool));
}

static gboolean
never (gpointer data G_GNUC_UNUSED)
{
  return FALSE;
}

/* What stays open once it was needed: the process's doorbell, and what GLib makes for the first
 * task. A result that is there before it is asked for needs no doorbell: it is made here, whatever
 * the scheduler does. */
static void
open_what_stays (void)
{
  g_autoptr (MpPool) pool = new_pool (1);
  g_autoptr (MpResult) result = submit (pool, square, 2);
  GAsyncResult *outcome = NULL;

  g_source_unref (mp_doorbell_source_new (never, NULL));
  mp_result_get_async (result, NULL, store_outcome, &outcome);
  run_until ((gpointer *) &outcome);
  g_clear_object (&outcome);
}

/* Fails for 0, and never ends for all else. */
static GVariant *
fail_at_zero (GVariant  *argument,
              GError   **error)
{
  while (g_variant_get_int64 (argument) != 0)
    pause ();

  g_set_error (error, POOL_TEST_ERROR, 2, "zero");
  return NULL;
}

static void
test_stop_on_error_async (void)
{
  g_autoptr (MpTaskOptions) options = mp_task_options_new ();
  g_autoptr (MpPool) pool = new_pool (2);
  g_autoptr (GAsyncResult) outcome = NULL;
  g_autoptr (GVariant) values = NULL;
  g_autoptr (GError) error = NULL;

  mp_task_options_set_stop_on_error (options, TRUE);
  mp_pool_map_async_with (pool, fail_at_zero, new_range (50), 1, options, NULL, store_outcome,
                          &outcome);
  run_until ((gpointer *) &outcome);
  values = mp_pool_map_finish (pool, outcome, &error);
  g_assert_error (error, POOL_TEST_ERROR, 2);
  g_assert_null (values);

  mp_pool_close (pool);
  g_clear_object (&outcome);
  mp_pool_join_async (pool, NULL, store_outcome, &outcome);
  run_until ((gpointer *) &outcome);
  g_clear_error (&error);
  g_assert_true (mp_pool_join_finish (pool, outcome, &error));
  g_assert_no_error (error);
}

/* The waiting for room ends with the cancellable, and nothing has been given. */
static void
test_full (void)
{
  g_autoptr (MpPool) pool = new_pool (1);
  g_autoptr (MpResult) held = submit (pool, fail_at_zero, 1);
  g_autoptr (GCancellable) cancelled = g_cancellable_new ();
  g_autoptr (GAsyncResult) outcome = NULL;
  g_autoptr (GVariant) values = NULL;
  g_autoptr (GError) error = NULL;

  g_cancellable_cancel (cancelled);
  mp_pool_set_max_pending (pool, 1);
  mp_pool_map_async (pool, square, new_range (3), 1, cancelled, store_outcome, &outcome);
  run_until ((gpointer *) &outcome);
  values = mp_pool_map_finish (pool, outcome, &error);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_null (values);

  mp_result_cancel (held);
  close_and_join (pool);
  g_assert_cmpuint (mp_pool_get_n_done (pool), ==, 0);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  open_what_stays ();

  add_pool_case ("/pool/async/get", test_get);
  add_pool_case ("/pool/async/many", test_many);
  add_pool_case ("/pool/async/dropped-pool", test_dropped_pool);
  add_pool_case ("/pool/async/death", test_death);
  add_pool_case ("/pool/async/all-die", test_all_die);
  add_pool_case ("/pool/async/terminate", test_terminate);
  add_pool_case ("/pool/async/cancel", test_cancel);
  add_pool_case ("/pool/async/stop-on-error-and-join", test_stop_on_error_async);
  add_pool_case ("/pool/async/full", test_full);
  add_pool_case ("/pool/async/beside-blocking", test_beside_blocking);
  add_pool_case ("/pool/async/map", test_map);
  add_pool_case ("/pool/async/iterate", test_iterate);
  add_pool_case ("/pool/async/iterate-in-parallel", test_iterate_in_parallel);
  add_pool_case ("/pool/async/iterate-cancelled", test_iterate_cancelled);
  add_pool_case ("/pool/async/contexts", test_contexts);
  add_pool_case ("/pool/async/no-source-stays", test_no_source_stays);

  return g_test_run ();
}
