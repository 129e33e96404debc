/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Tasks with options, and what stops them: retries, limits of time and memory, priorities,
 * cancelling, and maps that end with the first error. Nothing here relies on how long anything
 * takes: a task that must not end by itself never does.
 */

#include "config.h"

#include <gio/gio.h>
#include <glib/gstdio.h>
#include <string.h>

#include "pool-common.h"

#include "mproc/pool/mp-task.h"

/* ── Tasks ──────────────────────────────────────────────────────────────────────────────────── */

static GVariant *
never_end (GVariant  *argument,
           GError   **error)
{
  for (;;)
    pause ();

  return NULL;
}

/* The times that a task was begun are counted in a file, which outlives the workers. */
static int attempts = -1;

static guint
count_attempt (void)
{
  char byte = 'x';

  g_assert_cmpint (write (attempts, &byte, 1), ==, 1);

  return lseek (attempts, 0, SEEK_END);
}

static guint
count_attempts (void)
{
  return lseek (attempts, 0, SEEK_END);
}

static void
begin_attempts (void)
{
  g_autofree char *path = NULL;

  attempts = g_file_open_tmp (NULL, &path, NULL);
  g_assert_cmpint (attempts, >=, 0);
  g_unlink (path);
}

static void
end_attempts (void)
{
  close (attempts);
  attempts = -1;
}

/* Dies as often as its argument says, then returns how often it was begun. */
static GVariant *
die_first (GVariant  *argument,
           GError   **error)
{
  guint n = count_attempt ();

  if (n <= g_variant_get_int64 (argument))
    raise (SIGKILL);

  return g_variant_new_int64 (n);
}

static GVariant *
fail_first (GVariant  *argument,
            GError   **error)
{
  guint n = count_attempt ();

  if (n > g_variant_get_int64 (argument))
    return g_variant_new_int64 (n);

  g_set_error (error, POOL_TEST_ERROR, 1, "attempt %u", n);
  return NULL;
}

static GVariant *
wait_to_be_told (GVariant  *argument,
                 GError   **error)
{
  while (!mp_task_should_stop ())
    g_usleep (1000);

  return g_variant_new_string ("told");
}

/* Grows by the megabytes that its argument says, and stays. */
static GVariant *
grow (GVariant  *argument,
      GError   **error)
{
  gsize size = g_variant_get_int64 (argument) * 1024 * 1024;
  volatile char *memory = g_malloc (size);

  for (gsize i = 0; i < size; i += 1024)
    memory[i] = 1;

  return never_end (argument, error);
}

static GVariant *
grow_and_return (GVariant  *argument,
                 GError   **error)
{
  gsize size = g_variant_get_int64 (argument) * 1024 * 1024;
  volatile char *memory = g_malloc (size);

  for (gsize i = 0; i < size; i += 1024)
    memory[i] = 1;

  return g_variant_new_int32 (memory[size / 2] != 0 ? getpid () : 0);
}

/* ── Short forms ────────────────────────────────────────────────────────────────────────────── */

static MpResult *
submit_with (MpPool        *pool,
             MpTaskFunc     func,
             gint64         argument,
             MpTaskOptions *options)
{
  g_autoptr (GError) error = NULL;
  MpResult *result = mp_pool_submit_with (pool, func, g_variant_new_int64 (argument), options,
                                          &error);

  g_assert_no_error (error);

  return result;
}

static void
wait_until_running (MpPool *pool,
                    guint   n)
{
  while (mp_pool_get_n_running (pool) != n)
    g_usleep (1000);
}

static int
get_pid (MpResult *result)
{
  g_autoptr (GVariant) value = mp_result_get (result, 30, NULL, NULL);

  g_assert_nonnull (value);

  return g_variant_get_int32 (value);
}

/* ── Retries ────────────────────────────────────────────────────────────────────────────────── */

static void
test_retries (void)
{
  g_autoptr (MpTaskOptions) options = mp_task_options_new ();
  g_autoptr (MpPool) pool = NULL;
  g_autoptr (MpResult) kept = NULL;
  g_autoptr (MpResult) lost = NULL;
  g_autofree char *message = NULL;

  begin_attempts ();
  pool = new_pool (1);
  mp_task_options_set_retries (options, 3);
  kept = submit_with (pool, die_first, 3, options);
  g_assert_cmpint (get_int64 (kept), ==, 4);
  g_assert_cmpuint (mp_pool_get_n_retried (pool), ==, 3);

  lost = submit_with (pool, die_first, 100, options);
  message = get_failure (lost, MP_ERROR, MP_ERROR_WORKER_DIED);
  g_assert_nonnull (strstr (message, "SIGKILL"));
  g_assert_cmpuint (count_attempts (), ==, 8);
  g_assert_cmpint (mp_result_get_failure (lost), ==, MP_TASK_FAILURE_SIGNAL);
  end_attempts ();
}

static void
test_retry_errors (void)
{
  g_autoptr (MpTaskOptions) options = mp_task_options_new ();
  g_autoptr (MpPool) pool = NULL;
  g_autoptr (MpResult) failed = NULL;
  g_autoptr (MpResult) kept = NULL;
  g_autofree char *message = NULL;

  begin_attempts ();
  pool = new_pool (1);
  mp_task_options_set_retries (options, 2);
  failed = submit_with (pool, fail_first, 100, options);
  message = get_failure (failed, POOL_TEST_ERROR, 1);
  g_assert_cmpstr (message, ==, "attempt 1");
  g_assert_cmpint (mp_result_get_failure (failed), ==, MP_TASK_FAILURE_ERROR);

  mp_task_options_set_retry_errors (options, TRUE);
  kept = submit_with (pool, fail_first, 2, options);
  g_assert_cmpint (get_int64 (kept), ==, 3);
  end_attempts ();
}

/* A large argument is kept in shared memory, and given again from there. */
static GVariant *
sum_or_die (GVariant  *argument,
            GError   **error)
{
  gsize n;
  const gint64 *numbers = g_variant_get_fixed_array (argument, &n, sizeof *numbers);
  gint64 sum = 0;

  if (count_attempt () == 1)
    raise (SIGKILL);
  for (gsize i = 0; i < n; i++)
    sum += numbers[i];

  return g_variant_new_int64 (sum);
}

static void
test_retry_large (void)
{
  g_autoptr (MpTaskOptions) options = mp_task_options_new ();
  g_autoptr (GError) error = NULL;
  g_autoptr (MpPool) pool = NULL;
  g_autoptr (MpResult) result = NULL;

  begin_attempts ();
  pool = new_pool (1);
  mp_task_options_set_retries (options, 1);
  result = mp_pool_submit_with (pool, sum_or_die, new_range (100000), options, &error);
  g_assert_no_error (error);
  g_assert_cmpint (get_int64 (result), ==, 100000LL * 99999 / 2);
  g_assert_cmpuint (count_attempts (), ==, 2);
  end_attempts ();
}

/* ── Limits ─────────────────────────────────────────────────────────────────────────────────── */

static void
test_time_limit (void)
{
  g_autoptr (MpTaskOptions) options = mp_task_options_new ();
  g_autoptr (MpPool) pool = new_pool (2);
  g_autoptr (MpResult) other = submit (pool, nap, 100);
  g_autoptr (MpResult) result = NULL;
  g_autoptr (GVariant) details = NULL;
  g_autofree char *message = NULL;
  int number;

  mp_task_options_set_time_limit (options, 0.05);
  result = submit_with (pool, never_end, 0, options);
  message = get_failure (result, MP_ERROR, MP_ERROR_TIME_LIMIT);
  g_assert_nonnull (strstr (message, "0.05 seconds"));
  g_assert_cmpint (mp_result_get_failure (result), ==, MP_TASK_FAILURE_TIME_LIMIT);
  details = mp_result_get_error_details (result);
  g_assert_true (g_variant_lookup (details, "signal", "i", &number));
  g_assert_cmpint (number, ==, SIGKILL);
  g_assert_cmpint (get_int64 (other), ==, 100);
}

/* The kernel ends it though nobody looks after the pool. */
static void
test_time_limit_alone (void)
{
  g_autoptr (MpTaskOptions) options = mp_task_options_new ();
  g_autoptr (MpPool) pool = new_pool (1);
  g_autoptr (GArray) pids = mp_pool_get_pids (pool);
  g_autoptr (MpResult) result = NULL;
  g_autofree char *stat = g_strdup_printf ("/proc/%d/stat", g_array_index (pids, int, 0));
  gboolean ended = FALSE;

  mp_task_options_set_time_limit (options, 0.05);
  result = submit_with (pool, never_end, 0, options);
  while (!ended)
    {
      g_autofree char *text = NULL;

      g_usleep (2000);
      ended = !g_file_get_contents (stat, &text, NULL, NULL) || strstr (text, ") Z ") != NULL;
    }
  g_free (get_failure (result, MP_ERROR, MP_ERROR_TIME_LIMIT));
}

static void
test_soft_limit (void)
{
  g_autoptr (MpTaskOptions) options = mp_task_options_new ();
  g_autoptr (MpPool) pool = new_pool (1);
  g_autoptr (MpResult) result = NULL;
  g_autoptr (GVariant) value = NULL;

  g_assert_false (mp_task_should_stop ());
  mp_task_options_set_soft_time_limit (options, 0.02);
  result = submit_with (pool, wait_to_be_told, 0, options);
  value = mp_result_get (result, 30, NULL, NULL);
  g_assert_cmpstr (g_variant_get_string (value, NULL), ==, "told");
}

static void
test_memory_limit (void)
{
  g_autoptr (MpPool) pool = new_pool (2);
  g_autoptr (MpResult) result = NULL;
  g_autofree char *message = NULL;

  mp_pool_set_memory_limit (pool, 150 * 1024 * 1024);
  result = submit (pool, grow, 300);
  message = get_failure (result, MP_ERROR, MP_ERROR_MEMORY_LIMIT);
  g_assert_nonnull (strstr (message, "pid"));
  g_assert_cmpint (mp_result_get_failure (result), ==, MP_TASK_FAILURE_MEMORY_LIMIT);
}

static void
test_recycling (void)
{
  g_autoptr (MpPool) pool = new_pool (1);
  g_autoptr (MpResult) first = NULL;
  g_autoptr (MpResult) second = NULL;
  g_autoptr (MpResult) third = NULL;

  mp_pool_set_max_tasks_per_worker (pool, 2);
  g_assert_cmpuint (mp_pool_get_max_tasks_per_worker (pool), ==, 2);
  first = submit (pool, get_worker_pid, 0);
  second = submit (pool, get_worker_pid, 0);
  third = submit (pool, get_worker_pid, 0);
  g_assert_cmpint (get_pid (first), ==, get_pid (second));
  g_assert_cmpint (get_pid (second), !=, get_pid (third));
}

static void
test_recycling_by_memory (void)
{
  g_autoptr (MpPool) pool = new_pool (1);
  g_autoptr (MpResult) first = NULL;
  g_autoptr (MpResult) second = NULL;

  mp_pool_set_max_worker_memory (pool, 150 * 1024 * 1024);
  first = submit (pool, grow_and_return, 300);
  second = submit (pool, get_worker_pid, 0);
  g_assert_cmpint (get_pid (first), !=, get_pid (second));
}

/* ── Order ──────────────────────────────────────────────────────────────────────────────────── */

static void
test_priorities (void)
{
  g_autoptr (MpTaskOptions) options = mp_task_options_new ();
  g_autoptr (MpResultIterator) done = mp_result_iterator_new (FALSE);
  g_autoptr (MpPool) pool = new_pool (1);
  g_autoptr (MpResult) first = submit (pool, nap, 300);
  const int given[] = { MP_TASK_PRIORITY_LOW, MP_TASK_PRIORITY_NORMAL, MP_TASK_PRIORITY_HIGH };

  wait_until_running (pool, 1);
  for (guint i = 0; i < G_N_ELEMENTS (given); i++)
    {
      g_autoptr (MpResult) result = NULL;

      mp_task_options_set_priority (options, given[i]);
      result = submit_with (pool, echo, given[i], options);
      mp_result_iterator_add (done, result);
    }
  g_assert_cmpint (get_int64 (first), ==, 300);

  for (int expected = MP_TASK_PRIORITY_HIGH; expected >= MP_TASK_PRIORITY_LOW; expected--)
    {
      g_autoptr (GVariant) value = NULL;

      g_assert_true (mp_result_iterator_next (done, 30, NULL, &value, NULL));
      g_assert_cmpint (g_variant_get_int64 (value), ==, expected);
    }
}

/* ── Cancelling ─────────────────────────────────────────────────────────────────────────────── */

static void
assert_cancelled (MpResult *result)
{
  g_free (get_failure (result, G_IO_ERROR, G_IO_ERROR_CANCELLED));
  g_assert_cmpint (mp_result_get_failure (result), ==, MP_TASK_FAILURE_CANCELLED);
}

static void
test_cancel_queued (void)
{
  g_autoptr (MpPool) pool = NULL;
  g_autoptr (MpResult) first = NULL;
  g_autoptr (MpResult) queued = NULL;
  g_autoptr (MpResult) last = NULL;

  begin_attempts ();
  pool = new_pool (1);
  first = submit (pool, nap, 100);
  wait_until_running (pool, 1);
  queued = submit (pool, die_first, 0);
  last = submit (pool, square, 3);
  g_assert_true (mp_result_cancel (queued));
  g_assert_false (mp_result_cancel (queued));
  assert_cancelled (queued);
  g_assert_cmpint (get_int64 (first), ==, 100);
  g_assert_cmpint (get_int64 (last), ==, 9);
  g_assert_cmpuint (count_attempts (), ==, 0);
  g_assert_false (mp_result_cancel (last));
  end_attempts ();
}

static void
test_cancel_running (void)
{
  g_autoptr (MpPool) pool = new_pool (1);
  g_autoptr (MpResult) running = submit (pool, never_end, 0);
  g_autoptr (MpResult) next = submit (pool, square, 4);

  wait_until_running (pool, 1);
  g_assert_true (mp_result_cancel (running));
  assert_cancelled (running);
  g_assert_cmpint (get_int64 (next), ==, 16);
  close_and_join (pool);
}

static void
test_cancellable (void)
{
  g_autoptr (MpTaskOptions) options = mp_task_options_new ();
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (MpPool) pool = new_pool (1);
  g_autoptr (MpResult) running = NULL;
  g_autoptr (MpResult) queued = NULL;
  g_autoptr (MpResult) late = NULL;
  g_autoptr (MpResult) other = NULL;

  mp_task_options_set_cancellable (options, cancellable);
  running = submit_with (pool, never_end, 0, options);
  queued = submit_with (pool, never_end, 0, options);
  other = submit (pool, square, 5);
  wait_until_running (pool, 1);
  g_cancellable_cancel (cancellable);
  assert_cancelled (running);
  assert_cancelled (queued);
  late = submit_with (pool, never_end, 0, options);
  assert_cancelled (late);
  g_assert_cmpint (get_int64 (other), ==, 25);
}

/* ── Maps ───────────────────────────────────────────────────────────────────────────────────── */

static GVariant *
fail_or_stay (GVariant  *argument,
              GError   **error)
{
  if (g_variant_get_int64 (argument) != 0)
    return never_end (argument, error);

  g_set_error (error, POOL_TEST_ERROR, 2, "zero");
  return NULL;
}

static void
test_stop_on_error (void)
{
  g_autoptr (MpTaskOptions) options = mp_task_options_new ();
  g_autoptr (MpPool) pool = new_pool (2);
  g_autoptr (GVariant) values = NULL;
  g_autoptr (GVariant) squares = NULL;
  g_autoptr (GError) error = NULL;

  mp_task_options_set_stop_on_error (options, TRUE);
  values = mp_pool_map_with (pool, fail_or_stay, new_range (50), 1, options, -1, NULL, &error);
  g_assert_error (error, POOL_TEST_ERROR, 2);
  g_assert_null (values);
  g_clear_error (&error);

  squares = mp_pool_map_with (pool, square, new_range (50), 3, options, 30, NULL, &error);
  g_assert_no_error (error);
  assert_squares (squares, 50);
  close_and_join (pool);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  add_pool_case ("/pool-control/retries", test_retries);
  add_pool_case ("/pool-control/retry-errors", test_retry_errors);
  add_pool_case ("/pool-control/retry-large", test_retry_large);
  add_pool_case ("/pool-control/time-limit", test_time_limit);
  add_pool_case ("/pool-control/time-limit-alone", test_time_limit_alone);
  add_pool_case ("/pool-control/soft-limit", test_soft_limit);
  add_pool_case ("/pool-control/memory-limit", test_memory_limit);
  add_pool_case ("/pool-control/recycling", test_recycling);
  add_pool_case ("/pool-control/recycling-by-memory", test_recycling_by_memory);
  add_pool_case ("/pool-control/priorities", test_priorities);
  add_pool_case ("/pool-control/cancel-queued", test_cancel_queued);
  add_pool_case ("/pool-control/cancel-running", test_cancel_running);
  add_pool_case ("/pool-control/cancellable", test_cancellable);
  add_pool_case ("/pool-control/stop-on-error", test_stop_on_error);

  return g_test_run ();
}
