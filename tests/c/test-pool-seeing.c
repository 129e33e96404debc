/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Pools that change while they work, and what a program sees of it: how many workers, bounds,
 * initializers, progress, output, counts, signals, timelines.
 */

#include "config.h"

#include <gio/gio.h>
#include <stdio.h>
#include <glib/gstdio.h>
#include <string.h>

#include "pool-common.h"

#include "mproc/pool/mp-task.h"

static gboolean started_by_initializer;

static GVariant *
initialize (GVariant  *argument,
            GError   **error)
{
  started_by_initializer = TRUE;

  return g_variant_ref (argument);
}

static GVariant *
fail_to_initialize (GVariant  *argument,
                    GError   **error)
{
  g_set_error_literal (error, POOL_TEST_ERROR, 7, "no licence");
  return NULL;
}

static GVariant *
was_initialized (GVariant  *argument,
                 GError   **error)
{
  return g_variant_new_int64 (started_by_initializer);
}

static GVariant *
report (GVariant  *argument,
        GError   **error)
{
  mp_task_report_progress (0.25, "a quarter");

  return g_variant_new_int64 (mp_task_get_current_id ());
}

static GVariant *
print (GVariant  *argument,
       GError   **error)
{
  printf ("number %d\n", (int) g_variant_get_int64 (argument));
  if (g_variant_get_int64 (argument) < 0)
    {
      fflush (stdout);
      raise (SIGKILL);
    }

  return g_variant_ref (argument);
}

static guint
count_workers (MpPool *pool)
{
  g_autoptr (GArray) pids = mp_pool_get_pids (pool);

  return pids->len;
}

static void
wait_for_workers (MpPool *pool,
                  guint   n)
{
  while (count_workers (pool) != n)
    g_usleep (1000);
}

static void
test_grow_and_shrink (void)
{
  g_autoptr (MpPool) pool = new_pool (1);
  g_autoptr (MpResult) result = NULL;

  mp_pool_set_n_workers (pool, 4);
  g_assert_cmpuint (mp_pool_get_n_workers (pool), ==, 4);
  wait_for_workers (pool, 4);
  mp_pool_set_n_workers (pool, 1);
  wait_for_workers (pool, 1);
  result = submit (pool, square, 6);
  g_assert_cmpint (get_int64 (result), ==, 36);
  close_and_join (pool);
}

static void
test_idle_timeout (void)
{
  g_autoptr (MpPool) pool = new_pool (2);

  mp_pool_set_idle_timeout (pool, 0.01);
  wait_for_workers (pool, 0);
  for (gint64 i = 0; i < 3; i++)
    {
      g_autoptr (MpResult) result = submit (pool, square, i);

      g_assert_cmpint (get_int64 (result), ==, i * i);
      wait_for_workers (pool, 0);
    }
  close_and_join (pool);
}

static void
test_max_pending (void)
{
  g_autoptr (MpPool) pool = new_pool (1);
  g_autoptr (GPtrArray) results = g_ptr_array_new_with_free_func (g_object_unref);

  mp_pool_set_max_pending (pool, 3);
  for (gint64 i = 0; i < 50; i++)
    {
      g_ptr_array_add (results, submit (pool, square, i));
      g_assert_cmpuint (mp_pool_get_n_queued (pool) + mp_pool_get_n_running (pool), <=, 4);
    }
  for (gint64 i = 0; i < 50; i++)
    g_assert_cmpint (get_int64 (results->pdata[i]), ==, i * i);
}

static void
test_full (void)
{
  static const guint8 nothing[1];
  g_autoptr (MpPool) pool = new_pool (1);
  g_autoptr (MpResult) first = submit (pool, nap, 200);
  g_autoptr (MpResult) second = NULL;
  g_autoptr (GError) error = NULL;

  mp_pool_set_max_pending (pool, 1);
  second = mp_pool_submit_data (pool, MP_FUNCTION_NAMED, nothing, 0, 0, MP_ENCODING_BYTES, nothing,
                                0, &error);
  g_assert_error (error, MP_ERROR, MP_ERROR_FULL);
  g_assert_null (second);
  g_assert_cmpint (get_int64 (first), ==, 200);
  g_assert_cmpint (mp_pool_wait_room_raw (pool, 0), ==, MP_STATUS_OK);
}

static void
test_initializer (void)
{
  g_autoptr (MpPool) pool = new_pool (2);
  g_autoptr (GError) error = NULL;
  g_autoptr (MpResult) result = NULL;
  g_autoptr (MpResult) failed = NULL;
  g_autofree char *message = NULL;

  g_assert_true (mp_pool_set_initializer (pool, initialize, NULL, &error));
  g_assert_no_error (error);
  result = submit (pool, was_initialized, 0);
  /* A worker from before may have been faster. */
  g_assert_cmpint (get_int64 (result), <=, 1);
  wait_for_workers (pool, 2);

  g_assert_true (mp_pool_set_initializer (pool, fail_to_initialize, NULL, &error));
  wait_for_workers (pool, 2);
  do
    {
      g_clear_object (&failed);
      failed = submit (pool, square, 2);
      mp_result_wait (failed, 30, NULL, NULL);
    }
  while (mp_result_is_successful (failed));
  message = get_failure (failed, POOL_TEST_ERROR, 7);
  g_assert_cmpstr (message, ==, "The initializer of the worker failed: no licence");
}

static void
count_notify (GObject    *object,
              GParamSpec *pspec,
              gpointer    count)
{
  ++*(guint *) count;
}

static void
test_progress (void)
{
  g_autoptr (MpPool) pool = new_pool (1);
  g_autoptr (MpResult) result = submit (pool, report, 0);
  g_autofree char *text = NULL;
  guint n = 0;

  g_assert_false (mp_task_report_progress (0.5, NULL));
  g_assert_cmpuint (mp_task_get_current_id (), ==, 0);
  g_signal_connect (result, "notify::progress", G_CALLBACK (count_notify), &n);
  g_assert_cmpint (get_int64 (result), ==, mp_result_get_id (result));
  text = mp_result_dup_progress_text (result);
  g_assert_cmpstr (text, ==, "a quarter");
  g_assert_cmpuint (n, ==, 1);
  g_assert_cmpfloat (mp_result_get_progress (result), ==, 1);
}

static void
test_output (void)
{
  g_autoptr (MpPool) pool = g_object_new (MP_TYPE_POOL, "n-workers", 1, "capture-output", TRUE,
                                          NULL);
  g_autoptr (MpResult) first = submit (pool, print, 1);
  g_autoptr (MpResult) second = submit (pool, print, 2);
  g_autoptr (MpResult) crash = submit (pool, print, -3);
  g_autoptr (MpResult) quiet = submit (pool, square, 4);
  g_autofree char *texts[4] = { NULL };

  g_assert_cmpint (get_int64 (first), ==, 1);
  g_assert_cmpint (get_int64 (second), ==, 2);
  g_free (get_failure (crash, MP_ERROR, MP_ERROR_WORKER_DIED));
  g_assert_cmpint (get_int64 (quiet), ==, 16);

  texts[0] = mp_result_dup_output (first);
  texts[1] = mp_result_dup_output (second);
  texts[2] = mp_result_dup_output (crash);
  texts[3] = mp_result_dup_output (quiet);
  g_assert_cmpstr (texts[0], ==, "number 1\n");
  g_assert_cmpstr (texts[1], ==, "number 2\n");
  g_assert_cmpstr (texts[2], ==, "number -3\n");
  g_assert_null (texts[3]);
  for (guint i = 1; i < 4; i++)
    g_clear_pointer (&texts[i], g_free);
}

static void
on_started (MpPool     *pool,
            int         pid,
            const char *name,
            gpointer    count)
{
  g_assert_cmpint (pid, >, 0);
  ++*(guint *) count;
}

static void
on_ended (MpPool     *pool,
          int         pid,
          const char *name,
          int         exit_code,
          gpointer    ended)
{
  *(int *) ended = exit_code;
}

static void
test_counts (void)
{
  g_autoptr (MpPool) pool = new_pool (1);
  g_autoptr (MpResult) good = NULL;
  g_autoptr (MpResult) bad = NULL;
  g_autoptr (MpResult) dead = NULL;
  guint n_started = 0, n_notified = 0;
  int ended = 0;

  g_signal_connect (pool, "worker-started", G_CALLBACK (on_started), &n_started);
  g_signal_connect (pool, "worker-ended", G_CALLBACK (on_ended), &ended);
  g_signal_connect (pool, "notify::progress", G_CALLBACK (count_notify), &n_notified);
  good = submit (pool, square, 2);
  bad = submit (pool, square_but_13, 13);
  dead = submit (pool, end_worker, SIGSEGV);
  mp_result_wait (good, 30, NULL, NULL);
  mp_result_wait (bad, 30, NULL, NULL);
  mp_result_wait (dead, 30, NULL, NULL);

  g_assert_cmpuint (mp_pool_get_n_done (pool), ==, 1);
  g_assert_cmpuint (mp_pool_get_n_failed (pool), ==, 2);
  g_assert_cmpuint (mp_pool_get_n_queued (pool), ==, 0);
  g_assert_cmpuint (mp_pool_get_n_running (pool), ==, 0);
  g_assert_cmpfloat (mp_pool_get_progress (pool), ==, 1);
  g_assert_cmpuint (n_started, >=, 1);
  g_assert_cmpuint (n_notified, >=, 1);
  g_assert_cmpint (ended, ==, -SIGSEGV);
}

static void
test_trace (void)
{
  g_autoptr (MpTaskOptions) options = mp_task_options_new ();
  g_autoptr (MpPool) pool = new_pool (2);
  g_autoptr (MpResult) result = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *path = NULL;
  g_autofree char *text = NULL;
  int fd = g_file_open_tmp (NULL, &path, NULL);

  close (fd);
  mp_pool_set_trace (pool, TRUE);
  mp_task_options_set_name (options, "the \"nap\"");
  result = mp_pool_submit_with (pool, nap, g_variant_new_int64 (5), options, &error);
  g_assert_no_error (error);
  g_assert_cmpint (get_int64 (result), ==, 5);
  g_assert_true (mp_pool_save_trace (pool, path, &error));
  g_assert_no_error (error);
  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
  g_assert_nonnull (strstr (text, "\"name\":\"the \\\"nap\\\"\""));
  g_assert_nonnull (strstr (text, "\"ph\":\"X\""));
  g_unlink (path);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  add_pool_case ("/pool-seeing/grow-and-shrink", test_grow_and_shrink);
  add_pool_case ("/pool-seeing/idle-timeout", test_idle_timeout);
  add_pool_case ("/pool-seeing/max-pending", test_max_pending);
  add_pool_case ("/pool-seeing/full", test_full);
  add_pool_case ("/pool-seeing/initializer", test_initializer);
  add_pool_case ("/pool-seeing/progress", test_progress);
  add_pool_case ("/pool-seeing/output", test_output);
  add_pool_case ("/pool-seeing/counts", test_counts);
  add_pool_case ("/pool-seeing/trace", test_trace);

  return g_test_run ();
}
