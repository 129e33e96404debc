/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Pools of threads: the calls of any pool, in this very process, and what they refuse.
 */

#include "config.h"

#include "pool-common.h"

#include "mproc/pool/mp-task.h"
#include "mproc/pool/mp-thread-pool.h"

static int counter;

static MpPool *
new_threads (guint n)
{
  g_autoptr (GError) error = NULL;
  MpThreadPool *pool = mp_thread_pool_new (n, &error);

  g_assert_no_error (error);

  return MP_POOL (pool);
}

/* The memory is the program's own. */
static GVariant *
increment (GVariant  *argument,
           GError   **error)
{
  return g_variant_new_int64 (g_atomic_int_add (&counter, 1));
}

static GVariant *
get_thread (GVariant  *argument,
            GError   **error)
{
  return g_variant_new_uint64 ((gsize) g_thread_self ());
}

static GVariant *
wait_until_told (GVariant  *argument,
                 GError   **error)
{
  g_atomic_int_set (&counter, 1);
  while (!mp_task_should_stop ())
    g_usleep (1000);
  g_atomic_int_set (&counter, 2);

  return g_variant_ref (argument);
}

static void
wait_for_counter (int value)
{
  while (g_atomic_int_get (&counter) != value)
    g_usleep (1000);
}

static void
test_calls (void)
{
  g_autoptr (MpPool) pool = new_threads (2);
  g_autoptr (MpResult) one = submit (pool, square, 12);
  g_autoptr (MpResult) bad = submit (pool, square_but_13, 13);
  g_autoptr (MpResult) where = submit (pool, get_thread, 0);
  g_autoptr (GVariant) thread = NULL;
  g_autoptr (GVariant) list = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (get_int64 (one), ==, 144);
  g_free (get_failure (bad, POOL_TEST_ERROR, 4));
  thread = mp_result_get (where, 30, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (g_variant_get_uint64 (thread) != (gsize) g_thread_self ());

  list = mp_pool_map (pool, square, new_range (1000), 7, 30, NULL, &error);
  g_assert_no_error (error);
  assert_squares (list, 1000);

  g_atomic_int_set (&counter, 0);
  g_clear_pointer (&list, g_variant_unref);
  list = mp_pool_map (pool, increment, new_range (500), 1, 30, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpint (g_atomic_int_get (&counter), ==, 500);
  close_and_join (pool);
}

static void
test_order (void)
{
  g_autoptr (MpPool) pool = new_threads (3);
  g_autoptr (GError) error = NULL;
  g_autoptr (MpResultIterator) squares = mp_pool_iterate (pool, square, new_range (100), 1, TRUE,
                                                          &error);
  GVariant *value;
  gint64 n = 0;

  g_assert_no_error (error);
  while (mp_result_iterator_next (squares, 30, NULL, &value, &error) && value != NULL)
    {
      g_assert_cmpint (g_variant_get_int64 (value), ==, n * n);
      g_variant_unref (value);
      n++;
    }
  g_assert_no_error (error);
  g_assert_cmpint (n, ==, 100);
  close_and_join (pool);
}

static void
test_cancel (void)
{
  g_autoptr (MpPool) pool = new_threads (1);
  g_autoptr (MpResult) running = NULL;
  g_autoptr (MpResult) queued = NULL;
  g_autoptr (MpResult) next = NULL;

  g_atomic_int_set (&counter, 0);
  running = submit (pool, wait_until_told, 1);
  queued = submit (pool, increment, 1);
  next = submit (pool, square, 3);
  wait_for_counter (1);
  g_assert_true (mp_result_cancel (queued));
  g_assert_true (mp_result_cancel (running));
  g_free (get_failure (running, G_IO_ERROR, G_IO_ERROR_CANCELLED));
  g_free (get_failure (queued, G_IO_ERROR, G_IO_ERROR_CANCELLED));
  g_assert_cmpint (get_int64 (next), ==, 9);
  g_assert_cmpint (g_atomic_int_get (&counter), ==, 2);
  close_and_join (pool);
}

/* What is queued fails at once; what runs is told, and ends in its own time. */
static void
test_terminate (void)
{
  g_autoptr (MpPool) pool = new_threads (1);
  g_autoptr (MpResult) running = NULL;
  g_autoptr (MpResult) queued = NULL;
  int n_threads = count_threads ();

  g_atomic_int_set (&counter, 0);
  running = submit (pool, wait_until_told, 1);
  queued = submit (pool, square, 1);
  wait_for_counter (1);
  mp_pool_terminate (pool);
  g_free (get_failure (running, MP_ERROR, MP_ERROR_TERMINATED));
  g_free (get_failure (queued, MP_ERROR, MP_ERROR_TERMINATED));
  wait_for_counter (2);
  wait_for_threads (n_threads - 1);
}

static void
test_soft_limit (void)
{
  g_autoptr (MpPool) pool = new_threads (1);
  g_autoptr (MpTaskOptions) options = mp_task_options_new ();
  g_autoptr (MpResult) told = NULL;
  g_autoptr (MpResult) refused = NULL;
  g_autoptr (GError) error = NULL;

  mp_task_options_set_soft_time_limit (options, 0.02);
  told = mp_pool_submit_with (pool, wait_until_told, g_variant_new_int64 (4), options, &error);
  g_assert_no_error (error);
  g_assert_cmpint (get_int64 (told), ==, 4);

  mp_task_options_set_time_limit (options, 1);
  refused = mp_pool_submit_with (pool, square, g_variant_new_int64 (4), options, &error);
  g_assert_null (refused);
  g_assert_error (error, MP_ERROR, MP_ERROR_NOT_SUPPORTED);
  close_and_join (pool);
}

static void
assert_refuses (const char *property,
                gint64      value)
{
  g_autoptr (MpPool) pool = new_threads (1);
  g_autoptr (GError) error = NULL;

  if (strcmp (property, "worker-language") == 0)
    g_object_set (pool, property, "python", NULL);
  else if (strcmp (property, "capture-output") == 0)
    g_object_set (pool, property, TRUE, NULL);
  else
    g_object_set (pool, property, (guint64) value, NULL);
  g_assert_null (mp_pool_submit (pool, square, g_variant_new_int64 (4), &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_NOT_SUPPORTED);
  close_and_join (pool);
}

static void
test_refused (void)
{
  g_autoptr (GError) error = NULL;

  assert_refuses ("memory-limit", 1 << 30);
  assert_refuses ("max-worker-memory", 1 << 30);
  assert_refuses ("capture-output", TRUE);
  assert_refuses ("worker-language", 0);
  g_assert_null (mp_thread_pool_new (100000, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_ARGUMENT);
}

/* Growing, shrinking, recycling, an initializer: as any pool. */
static void
test_rules (void)
{
  g_autoptr (MpPool) pool = new_threads (1);
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) list = NULL;

  g_atomic_int_set (&counter, 0);
  g_assert_true (mp_pool_set_initializer (pool, increment, NULL, &error));
  g_assert_no_error (error);
  mp_pool_set_n_workers (pool, 3);
  mp_pool_set_max_tasks_per_worker (pool, 5);
  list = mp_pool_map (pool, square, new_range (100), 1, 30, NULL, &error);
  g_assert_no_error (error);
  assert_squares (list, 100);
  g_assert_cmpint (g_atomic_int_get (&counter), >=, 20);
  close_and_join (pool);
}

static void
keep_result (GObject      *source,
             GAsyncResult *result,
             gpointer      data)
{
  *(GAsyncResult **) data = g_object_ref (result);
}

static void
test_async (void)
{
  g_autoptr (MpPool) pool = new_threads (2);
  g_autoptr (GAsyncResult) outcome = NULL;
  g_autoptr (GAsyncResult) joined = NULL;
  g_autoptr (GVariant) list = NULL;
  g_autoptr (GError) error = NULL;

  mp_pool_map_async (pool, square, new_range (50), 1, NULL, keep_result, &outcome);
  while (outcome == NULL)
    g_main_context_iteration (NULL, TRUE);
  list = mp_pool_map_finish (pool, outcome, &error);
  g_assert_no_error (error);
  assert_squares (list, 50);

  mp_pool_close (pool);
  mp_pool_join_async (pool, NULL, keep_result, &joined);
  while (joined == NULL)
    g_main_context_iteration (NULL, TRUE);
  g_assert_true (mp_pool_join_finish (pool, joined, &error));
  g_assert_no_error (error);
}

/* Threads that end while a main context waits for that, and for nothing else: sooner or later in
 * each of many rounds. */
static void
test_async_join (void)
{
  for (guint i = 0; i < 200; i++)
    {
      g_autoptr (MpPool) pool = new_threads (2);
      g_autoptr (GAsyncResult) joined = NULL;
      g_autoptr (GError) error = NULL;

      mp_pool_close (pool);
      mp_pool_join_async (pool, NULL, keep_result, &joined);
      while (joined == NULL)
        g_main_context_iteration (NULL, TRUE);
      g_assert_true (mp_pool_join_finish (pool, joined, &error));
      g_assert_no_error (error);
    }
}

/* Nobody closes it. */
static void
test_dropped (void)
{
  MpPool *pool = new_threads (2);
  g_autoptr (MpResult) result = submit (pool, square, 2);
  int before = count_threads () - 2;

  g_assert_cmpint (get_int64 (result), ==, 4);
  g_object_unref (pool);
  wait_for_threads (before);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  /* The first wait in a main context opens what stays. */
  test_async ();

  add_pool_case ("/thread-pool/calls", test_calls);
  add_pool_case ("/thread-pool/order", test_order);
  add_pool_case ("/thread-pool/cancel", test_cancel);
  add_pool_case ("/thread-pool/terminate", test_terminate);
  add_pool_case ("/thread-pool/soft-limit", test_soft_limit);
  add_pool_case ("/thread-pool/refused", test_refused);
  add_pool_case ("/thread-pool/rules", test_rules);
  add_pool_case ("/thread-pool/async", test_async);
  add_pool_case ("/thread-pool/async-join", test_async_join);
  add_pool_case ("/thread-pool/dropped", test_dropped);

  return g_test_run ();
}
