/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Results and iterators: waiting for them in every way, what errors become, and what bindings use.
 */

#include "config.h"

#include "pool-common.h"

#include "mproc/pool/mp-worker.h"

/* ── Waiting ────────────────────────────────────────────────────────────────────────────────── */

static void
test_wait (void)
{
  g_autoptr (MpPool) pool = new_pool (1);
  g_autoptr (MpResult) result = submit (pool, nap, 300);
  gint64 start_time = g_get_monotonic_time ();
  g_autoptr (GError) error = NULL;

  g_assert_false (mp_result_is_ready (result));
  g_assert_false (mp_result_is_successful (result));
  g_assert_false (mp_result_wait (result, 0, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_TIMED_OUT);
  g_clear_error (&error);
  g_assert_null (mp_result_get (result, 0.02, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_TIMED_OUT);
  g_assert_cmpint (g_get_monotonic_time () - start_time, >=, 20000);
  g_clear_error (&error);

  g_assert_true (mp_result_wait (result, -1, NULL, &error));
  g_assert_no_error (error);
  g_assert_true (mp_result_is_ready (result));
  g_assert_cmpint (get_int64 (result), ==, 300);
}

/* Asking is enough: nothing else makes the pool look. */
static void
test_poll (void)
{
  g_autoptr (MpPool) pool = new_pool (1);
  g_autoptr (MpResult) result = submit (pool, nap, 20);

  while (!mp_result_is_ready (result))
    g_usleep (1000);
  g_assert_true (mp_result_is_successful (result));
}

static gpointer
cancel_soon (gpointer cancellable)
{
  g_usleep (30000);
  g_cancellable_cancel (cancellable);

  return NULL;
}

static void
test_cancel (void)
{
  g_autoptr (MpPool) pool = new_pool (1);
  g_autoptr (MpResult) result = submit (pool, nap, 400);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  GThread *thread = g_thread_new ("canceller", cancel_soon, cancellable);
  g_autoptr (GError) error = NULL;

  g_assert_false (mp_result_wait (result, -1, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_thread_join (thread);
  g_assert_false (mp_result_is_ready (result));
  g_assert_cmpint (get_int64 (result), ==, 400);
}

static void
count_notification (guint *count)
{
  (*count)++;
}

static void
test_notify (void)
{
  g_autoptr (MpPool) pool = new_pool (1);
  g_autoptr (MpResult) result = submit (pool, nap, 100);
  guint count = 0;

  g_signal_connect_swapped (result, "notify::ready", G_CALLBACK (count_notification), &count);
  get_int64 (result);
  get_int64 (result);
  g_assert_cmpuint (count, ==, 1);
}

static void
ignore_signal (int number)
{
}

static gpointer
send_signal_soon (gpointer thread)
{
  g_usleep (20000);
  pthread_kill (*(pthread_t *) thread, SIGUSR1);

  return NULL;
}

static void
test_raw (void)
{
  g_autoptr (MpPool) pool = new_pool (1);
  g_autoptr (MpResult) result = submit (pool, nap, 500);
  struct sigaction action = { .sa_handler = ignore_signal, .sa_flags = SA_RESTART };
  pthread_t self = pthread_self ();
  GThread *thread;
  guint8 *data;
  guint encoding;
  gsize size;

  g_assert_cmpint (mp_result_wait_raw (result, 0), ==, MP_STATUS_TIMED_OUT);
  g_assert_cmpint (mp_result_wait_raw (result, 1000), ==, MP_STATUS_TIMED_OUT);
  g_assert_cmpint (mp_result_get_data (result, 0, &encoding, &data, &size), ==,
                   MP_STATUS_TIMED_OUT);
  g_assert_null (data);

  sigaction (SIGUSR1, &action, NULL);
  thread = g_thread_new ("signaller", send_signal_soon, &self);
  g_assert_cmpint (mp_result_wait_raw (result, -1), ==, MP_STATUS_INTERRUPTED);
  g_thread_join (thread);

  while (mp_result_wait_raw (result, -1) == MP_STATUS_INTERRUPTED)
    ;
  g_assert_cmpint (mp_result_wait_raw (result, 0), ==, MP_STATUS_OK);
}

static void
test_raw_values (void)
{
  g_autoptr (MpPool) pool = new_pool (1);
  g_autoptr (MpResult) good = submit (pool, square, 11);
  g_autoptr (MpResult) bad = submit (pool, square_but_13, 13);
  g_autofree guint8 *data = NULL;
  g_autofree char *text = NULL;
  guint encoding;
  gsize size;

  get_int64 (good);
  g_assert_cmpint (mp_result_get_text (good, &text), ==, MP_STATUS_OK);
  g_assert_cmpstr (text, ==, "121");
  g_assert_cmpint (mp_result_get_data (good, MP_ENCODING_PICKLE, &encoding, &data, &size), ==,
                   MP_STATUS_OK);
  g_assert_cmpuint (encoding, ==, MP_ENCODING_PICKLE);
  g_assert_cmpuint (size, >, 0);
  g_clear_pointer (&data, g_free);
  g_assert_cmpint (mp_result_get_data (good, MP_ENCODING_BYTES, &encoding, &data, &size), ==,
                   MP_STATUS_INVALID_DATA);
  g_assert_cmpint (mp_result_get_data (good, 99, &encoding, &data, &size), ==, MP_STATUS_INVALID);

  g_free (get_failure (bad, POOL_TEST_ERROR, 4));
  g_assert_cmpint (mp_result_wait_raw (bad, 0), ==, MP_STATUS_OK);
  g_assert_cmpint (mp_result_get_data (bad, 0, &encoding, &data, &size), ==, MP_STATUS_FAILED);
}

/* ── Errors ─────────────────────────────────────────────────────────────────────────────────── */

static GVariant *
return_nothing (GVariant  *argument,
                GError   **error)
{
  return NULL;
}

static void
test_errors (void)
{
  g_autoptr (MpPool) pool = new_pool (2);
  g_autoptr (MpResult) own = submit (pool, square_but_13, 13);
  g_autoptr (MpResult) none = submit (pool, return_nothing, 0);
  g_autoptr (MpResult) good = submit (pool, square_but_13, 12);
  g_autofree char *message = get_failure (own, POOL_TEST_ERROR, 4);
  g_autoptr (GVariant) details = mp_result_get_error_details (own);
  const char *domain;

  g_assert_cmpstr (message, ==, "thirteen");
  g_assert_true (g_variant_lookup (details, "domain", "&s", &domain));
  g_assert_cmpstr (domain, ==, g_quark_to_string (POOL_TEST_ERROR));
  g_free (get_failure (own, POOL_TEST_ERROR, 4));
  g_free (get_failure (none, MP_ERROR, MP_ERROR_TASK_FAILED));
  g_assert_cmpint (get_int64 (good), ==, 144);
}

/* A task has to be ended before the next is taken. */
static void
assert_busy (MpWorker *worker)
{
  guint kind, flags, encoding;
  guint8 *function, *data;
  gsize function_size, size;

  g_assert_cmpint (mp_worker_next (worker, 0, 0, &kind, &flags, &function, &function_size,
                                   &encoding, &data, &size), ==, MP_STATUS_INVALID);
}

/* A worker of another language: it fails as the kind of its function says. */
static gboolean
serve_foreign (MpProcess  *process,
               gpointer    handle,
               GError    **error)
{
  g_autoptr (MpWorker) worker = mp_worker_new (handle, error);
  guint kind, flags, encoding;
  guint8 *function, *data;
  gsize function_size, size;
  int status;

  if (worker == NULL)
    return FALSE;

  g_assert_cmpint (mp_worker_finish (worker, MP_ENCODING_JSON, NULL, 0), ==, MP_STATUS_INVALID);
  g_assert_cmpint (mp_worker_fail (worker, NULL, NULL, NULL, NULL, NULL, 0), ==,
                   MP_STATUS_INVALID);

  while ((status = mp_worker_next (worker, MP_ENCODING_JSON, -1, &kind, &flags, &function,
                                   &function_size, &encoding, &data, &size)) != MP_STATUS_CLOSED)
    {
      if (status != MP_STATUS_OK)
        continue;
      g_assert_cmpuint (encoding, ==, MP_ENCODING_JSON);
      assert_busy (worker);
      if (kind < MP_FUNCTION_LANGUAGE)
        status = mp_worker_run_native (worker);
      else if (kind == MP_FUNCTION_LANGUAGE)
        status = mp_worker_fail (worker, "klingon", "Qapla", "\xff mev", "line 1\nline 2",
                                 (const guint8 *) "\0\1\2", 3);
      else if (kind == MP_FUNCTION_LANGUAGE + 1)
        status = mp_worker_fail (worker, NULL, NULL, NULL, NULL, NULL, 0);
      else
        status = mp_worker_finish (worker, MP_ENCODING_JSON, (const guint8 *) "[1,", 3);
      g_assert_cmpint (status, ==, MP_STATUS_OK);
    }

  return TRUE;
}

static MpProcess *
make_foreign_worker (const char *handle,
                     gpointer    data)
{
  return mp_process_new (NULL, serve_foreign, g_strdup (handle), g_free);
}

static MpResult *
submit_foreign (MpPool     *pool,
                guint       kind,
                MpEncoding  encoding,
                const char *text)
{
  return mp_pool_submit_data (pool, kind, (const guint8 *) "f", 1, MP_TASK_DEFAULT, encoding,
                              (const guint8 *) text, strlen (text), NULL);
}

static void
assert_foreign_failure (MpResult *result)
{
  g_autofree char *message = get_failure (result, MP_ERROR, MP_ERROR_TASK_FAILED);
  g_autoptr (GVariant) details = mp_result_get_error_details (result);
  g_autoptr (GVariant) exception = NULL;
  const char *text;

  g_assert_cmpstr (message, ==, "Qapla: \xef\xbf\xbd mev");
  g_assert_true (g_variant_lookup (details, "language", "&s", &text));
  g_assert_cmpstr (text, ==, "klingon");
  g_assert_true (g_variant_lookup (details, "traceback", "&s", &text));
  g_assert_cmpstr (text, ==, "line 1\nline 2");
  exception = g_variant_lookup_value (details, "exception", G_VARIANT_TYPE_BYTESTRING);
  g_assert_cmpmem (g_variant_get_data (exception), g_variant_get_size (exception), "\0\1\2", 3);
}

static void
test_foreign_workers (void)
{
  g_autoptr (MpPool) pool = NULL;
  g_autoptr (MpResult) full = NULL, bare = NULL, broken = NULL, native = NULL, unreadable = NULL;

  mp_pool_set_worker_func (make_foreign_worker, NULL, NULL);
  pool = new_pool (1);
  mp_pool_set_worker_func (NULL, NULL, NULL);

  full = submit_foreign (pool, MP_FUNCTION_LANGUAGE, MP_ENCODING_JSON, "[]");
  bare = submit_foreign (pool, MP_FUNCTION_LANGUAGE + 1, MP_ENCODING_JSON, "[]");
  broken = submit_foreign (pool, MP_FUNCTION_LANGUAGE + 2, MP_ENCODING_JSON, "[]");
  unreadable = submit_foreign (pool, MP_FUNCTION_LANGUAGE, MP_ENCODING_PICKLE, "no pickle");
  native = submit (pool, square, 6);

  assert_foreign_failure (full);
  g_free (get_failure (bare, MP_ERROR, MP_ERROR_TASK_FAILED));
  g_free (get_failure (broken, MP_ERROR, MP_ERROR_INVALID_DATA));
  g_assert_true (mp_result_is_successful (broken));
  g_free (get_failure (unreadable, MP_ERROR, MP_ERROR_INVALID_DATA));
  g_assert_cmpint (get_int64 (native), ==, 36);
  close_and_join (pool);
}

/* Bindings can make any object; what was not made by its maker is of no use, and harmless. */
static void
test_made_by_hand (void)
{
  g_autoptr (MpResult) result = g_object_new (MP_TYPE_RESULT, NULL);
  g_autoptr (MpResultIterator) iterator = g_object_new (MP_TYPE_RESULT_ITERATOR, NULL);
  g_autoptr (MpWorker) worker = g_object_new (MP_TYPE_WORKER, NULL);

  assert_busy (worker);
  g_assert_cmpint (mp_worker_run_native (worker), ==, MP_STATUS_INVALID);
  mp_result_iterator_add (iterator, result);
  g_free (get_failure (result, MP_ERROR, MP_ERROR_TERMINATED));
}

static void
test_bad_arguments (void)
{
  g_autoptr (MpPool) pool = new_pool (1);
  g_autoptr (MpResult) unknown = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_null (mp_pool_submit_data (pool, MP_FUNCTION_NAMED, NULL, 0, 0, 77, NULL, 0, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_ARGUMENT);
  unknown = submit_foreign (pool, 12345, MP_ENCODING_JSON, "1");
  g_free (get_failure (unknown, MP_ERROR, MP_ERROR_NOT_SUPPORTED));
}

/* ── Iterators ──────────────────────────────────────────────────────────────────────────────── */

static gint64
next_int64 (MpResultIterator *iterator)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) value = NULL;

  g_assert_true (mp_result_iterator_next (iterator, 30, NULL, &value, &error));
  g_assert_no_error (error);

  return g_variant_get_int64 (value);
}

static void
assert_end (MpResultIterator *iterator)
{
  g_autoptr (GError) error = NULL;
  GVariant *value;
  MpResult *result;

  g_assert_false (mp_result_iterator_next (iterator, -1, NULL, &value, &error));
  g_assert_no_error (error);
  g_assert_null (value);
  g_assert_null (mp_result_iterator_next_result (iterator, -1, NULL, &error));
  g_assert_no_error (error);
  g_assert_cmpint (mp_result_iterator_next_raw (iterator, -1, &result), ==, MP_STATUS_CLOSED);
  g_assert_null (result);
  g_assert_cmpuint (mp_result_iterator_get_pending (iterator), ==, 0);
}

static void
test_iterate_ordered (void)
{
  g_autoptr (MpPool) pool = new_pool (2);
  const gsize chunks[] = { 0, 1, 3, 100 };

  for (guint i = 0; i < G_N_ELEMENTS (chunks); i++)
    {
      g_autoptr (MpResultIterator) iterator =
        mp_pool_iterate (pool, square, new_range (20), chunks[i], TRUE, NULL);

      for (gint64 j = 0; j < 20; j++)
        g_assert_cmpint (next_int64 (iterator), ==, j * j);
      assert_end (iterator);
    }
}

static void
test_iterate_unordered (void)
{
  g_autoptr (MpPool) pool = new_pool (3);
  g_autoptr (GVariant) naps =
    g_variant_ref_sink (g_variant_new_parsed ("[int64 400, 200, 0]"));
  g_autoptr (MpResultIterator) iterator = mp_pool_iterate (pool, nap, naps, 0, FALSE, NULL);

  g_assert_cmpuint (mp_result_iterator_get_pending (iterator), ==, 3);
  g_assert_cmpint (next_int64 (iterator), ==, 0);
  g_assert_cmpint (next_int64 (iterator), ==, 200);
  g_assert_cmpint (next_int64 (iterator), ==, 400);
  assert_end (iterator);
}

static void
test_iterate_with_failures (void)
{
  g_autoptr (MpPool) pool = new_pool (2);
  g_autoptr (MpResultIterator) iterator =
    mp_pool_iterate (pool, square_but_13, new_range (20), 1, TRUE, NULL);
  g_autoptr (GError) error = NULL;
  GVariant *value;

  for (gint64 j = 0; j < 13; j++)
    g_assert_cmpint (next_int64 (iterator), ==, j * j);
  g_assert_false (mp_result_iterator_next (iterator, 30, NULL, &value, &error));
  g_assert_error (error, POOL_TEST_ERROR, 4);
  for (gint64 j = 14; j < 20; j++)
    g_assert_cmpint (next_int64 (iterator), ==, j * j);
  assert_end (iterator);
}

static void
test_iterate_and_wait (void)
{
  g_autoptr (MpPool) pool = new_pool (1);
  g_autoptr (MpResultIterator) iterator =
    mp_pool_iterate (pool, nap, g_variant_new_parsed ("[int64 400]"), 0, FALSE, NULL);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;
  MpResult *result;
  GVariant *value;

  g_assert_false (mp_result_iterator_next (iterator, 0, NULL, &value, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_TIMED_OUT);
  g_clear_error (&error);
  g_cancellable_cancel (cancellable);
  g_assert_false (mp_result_iterator_next (iterator, -1, cancellable, &value, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_cmpint (mp_result_iterator_next_raw (iterator, 0, &result), ==, MP_STATUS_TIMED_OUT);
  g_assert_cmpint (mp_result_iterator_next_raw (iterator, -1, &result), ==,
                   MP_STATUS_INTERRUPTED);
  g_assert_cmpint (next_int64 (iterator), ==, 400);
}

static void
test_iterate_over_pools (void)
{
  g_autoptr (MpPool) one = new_pool (1);
  g_autoptr (MpPool) two = new_pool (1);
  g_autoptr (MpResultIterator) iterator = mp_result_iterator_new (FALSE);
  gint64 sum = 0;

  assert_end (iterator);
  for (gint64 i = 0; i < 20; i++)
    {
      g_autoptr (MpResult) result = submit (i % 2 == 0 ? one : two, square, i);

      mp_result_iterator_add (iterator, result);
    }
  for (gint64 i = 0; i < 20; i++)
    sum += next_int64 (iterator);
  g_assert_cmpint (sum, ==, 2470);
  assert_end (iterator);
}

static void
test_iterator_dropped (void)
{
  g_autoptr (MpPool) pool = new_pool (2);
  MpResultIterator *iterator = mp_pool_iterate (pool, nap, new_range (20), 0, FALSE, NULL);

  next_int64 (iterator);
  g_assert_finalize_object (iterator);
  close_and_join (pool);
}

static void
test_iterator_without_its_pool (void)
{
  MpPool *pool = new_pool (2);
  g_autoptr (MpResultIterator) iterator =
    mp_pool_iterate (pool, nap, g_variant_new_parsed ("[int64 60000]"), 0, FALSE, NULL);
  g_autoptr (GError) error = NULL;
  GVariant *value;

  g_assert_finalize_object (pool);
  g_assert_false (mp_result_iterator_next (iterator, -1, NULL, &value, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_TERMINATED);
  assert_end (iterator);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  add_pool_case ("/result/wait", test_wait);
  add_pool_case ("/result/poll", test_poll);
  add_pool_case ("/result/cancel", test_cancel);
  add_pool_case ("/result/notify", test_notify);
  add_pool_case ("/result/raw", test_raw);
  add_pool_case ("/result/raw/values", test_raw_values);
  add_pool_case ("/result/errors", test_errors);
  add_pool_case ("/result/foreign-workers", test_foreign_workers);
  add_pool_case ("/result/made-by-hand", test_made_by_hand);
  add_pool_case ("/result/bad-arguments", test_bad_arguments);
  add_pool_case ("/iterator/ordered", test_iterate_ordered);
  add_pool_case ("/iterator/unordered", test_iterate_unordered);
  add_pool_case ("/iterator/failures", test_iterate_with_failures);
  add_pool_case ("/iterator/waiting", test_iterate_and_wait);
  add_pool_case ("/iterator/several-pools", test_iterate_over_pools);
  add_pool_case ("/iterator/dropped", test_iterator_dropped);
  add_pool_case ("/iterator/without-its-pool", test_iterator_without_its_pool);

  return g_test_run ();
}
