/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Pools whose workers stay alive: giving tasks, maps and their chunks, renewal, the end, threads
 * and forks of the owner. What happens when workers die is in test-pool-deaths.c, results and
 * iterators are in test-result.c.
 */

#include "config.h"

#include "pool-common.h"

#include "mproc/pool/mp-worker-private.h"
#include "mproc/process/mp-function.h"

/* ── Tasks ──────────────────────────────────────────────────────────────────────────────────── */

static void
test_submit (void)
{
  g_autoptr (MpPool) pool = new_pool (2);
  g_autoptr (MpResult) result = submit (pool, square, 7);
  int pid;

  g_assert_cmpint (get_int64 (result), ==, 49);
  g_assert_cmpint (get_int64 (result), ==, 49);
  g_assert_true (mp_result_is_ready (result));
  g_assert_true (mp_result_is_successful (result));
  g_assert_null (mp_result_get_error_details (result));
  g_object_get (result, "pid", &pid, NULL);
  g_assert_cmpint (pid, >, 0);
  g_assert_cmpint (pid, !=, getpid ());
  g_assert_cmpuint (mp_pool_get_n_workers (pool), ==, 2);
}

static GVariant *
is_nothing (GVariant  *argument,
            GError   **error)
{
  return g_variant_new_boolean (g_variant_is_of_type (argument, G_VARIANT_TYPE ("mv"))
                                && g_variant_n_children (argument) == 0);
}

static void
test_no_argument (void)
{
  g_autoptr (MpPool) pool = new_pool (1);
  g_autoptr (MpResult) result = mp_pool_submit (pool, is_nothing, NULL, NULL);
  g_autoptr (GVariant) value = mp_result_get (result, 30, NULL, NULL);

  g_assert_true (g_variant_get_boolean (value));
}

static GVariant *
add (GVariant  *argument,
     gpointer   user_data,
     GError   **error)
{
  return g_variant_new_int64 (g_variant_get_int64 (argument) + *(int *) user_data);
}

static void
test_named (void)
{
  int summand = 100;
  g_autoptr (MpPool) pool = NULL;
  g_autoptr (MpResult) good = NULL, bad = NULL;
  g_autofree char *message = NULL;

  mp_function_register ("pool-test-add", add, &summand, NULL);
  pool = new_pool (1);
  summand = 0;
  good = mp_pool_submit_named (pool, "pool-test-add", g_variant_new_int64 (1), NULL);
  bad = mp_pool_submit_named (pool, "pool-test-unheard-of", g_variant_new_int64 (1), NULL);

  g_assert_cmpint (get_int64 (good), ==, 101);
  message = get_failure (bad, MP_ERROR, MP_ERROR_NO_SUCH_FUNCTION);
  g_assert_nonnull (strstr (message, "pool-test-unheard-of"));
  mp_function_register ("pool-test-add", NULL, NULL, NULL);
}

static void
test_big_payloads (void)
{
  const gsize sizes[] = { 0, 1, 4095, 4096, 4097, 70000, 1 << 20, 5 << 20 };
  g_autoptr (MpPool) pool = new_pool (2);

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      g_autofree guint8 *bytes = g_malloc (sizes[i] + 1);
      g_autoptr (GVariant) value = NULL, back = NULL;
      g_autoptr (MpResult) result = NULL;
      g_autoptr (GError) error = NULL;

      memset (bytes, 'a' + i, sizes[i]);
      value = g_variant_ref_sink (g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, bytes, sizes[i],
                                                             1));
      result = mp_pool_submit (pool, echo, value, &error);
      g_assert_no_error (error);
      back = mp_result_get (result, 30, NULL, &error);
      g_assert_no_error (error);
      g_assert_cmpmem (g_variant_get_data (back), g_variant_get_size (back), bytes, sizes[i]);
    }
}

/* More tasks than workers, taken in another order than given. */
static void
test_many (void)
{
  g_autoptr (MpPool) pool = new_pool (3);
  g_autoptr (GPtrArray) results = g_ptr_array_new_with_free_func (g_object_unref);

  for (gint64 i = 0; i < 5000; i++)
    g_ptr_array_add (results, submit (pool, square, i));
  for (gint64 i = 4999; i >= 0; i--)
    g_assert_cmpint (get_int64 (results->pdata[i]), ==, i * i);
}

static void
test_forgotten_results (void)
{
  g_autoptr (MpPool) pool = new_pool (2);

  for (gint64 i = 0; i < 100; i++)
    g_object_unref (submit (pool, square, i));

  close_and_join (pool);
}

/* ── Maps ───────────────────────────────────────────────────────────────────────────────────── */

static void
test_map (void)
{
  g_autoptr (MpPool) pool = new_pool (2);
  const gint64 lengths[] = { 0, 1, 7, 8, 9, 1000 };
  const gsize chunks[] = { 0, 1, 3, 1000, G_MAXSIZE };

  for (guint i = 0; i < G_N_ELEMENTS (lengths); i++)
    {
      for (guint j = 0; j < G_N_ELEMENTS (chunks); j++)
        {
          g_autoptr (GError) error = NULL;
          g_autoptr (GVariant) list = mp_pool_map (pool, square, new_range (lengths[i]), chunks[j],
                                                   30, NULL, &error);

          g_assert_no_error (error);
          assert_squares (list, lengths[i]);
        }
    }
}

static void
test_map_of_any_list (void)
{
  g_autoptr (MpPool) pool = new_pool (2);
  const char *texts[] = { "(int64 0, int64 1, int64 2)", "[<int64 0>, <int64 1>, <int64 2>]",
                          "(int64 0, <int64 1>, int64 2)" };

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      GVariant *items = g_variant_new_parsed (texts[i]);
      g_autoptr (GError) error = NULL;
      g_autoptr (GVariant) list = mp_pool_map (pool, square, items, 2, 30, NULL, &error);

      g_assert_no_error (error);
      assert_squares (list, 3);
    }
}

static void
test_map_of_no_list (void)
{
  g_autoptr (MpPool) pool = new_pool (1);
  g_autoptr (GError) error = NULL;

  g_assert_null (mp_pool_map (pool, square, g_variant_new_int64 (3), 0, 30, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_ARGUMENT);
}

static GVariant *
note_item (GVariant  *argument,
           gpointer   pipe_end,
           GError   **error)
{
  char byte = g_variant_get_int64 (argument);

  g_assert_cmpint (write (GPOINTER_TO_INT (pipe_end), &byte, 1), ==, 1);

  return square_but_13 (argument, error);
}

/* The items behind the one that fails are done, but for those of its own chunk. */
static void
test_map_fails_when_all_are_done (void)
{
  g_autoptr (MpPool) pool = NULL;
  g_autoptr (GError) error = NULL;
  char bytes[40];
  int fds[2];

  g_assert_cmpint (pipe (fds), ==, 0);
  mp_function_register ("pool-test-note", note_item, GINT_TO_POINTER (fds[1]), NULL);
  pool = new_pool (2);
  g_assert_null (mp_pool_map_named (pool, "pool-test-note", new_range (20), 2, 30, NULL, &error));
  g_assert_error (error, POOL_TEST_ERROR, 4);
  g_assert_cmpstr (error->message, ==, "thirteen");
  g_assert_cmpint (read (fds[0], bytes, sizeof bytes), ==, 20);

  mp_function_register ("pool-test-note", NULL, NULL, NULL);
  close (fds[0]);
  close (fds[1]);
}

static GVariant *
count_chunk (GVariant  *argument,
             GError   **error)
{
  static gint64 calls;

  return g_variant_new_int64 (++calls);
}

/* With one worker that counts its calls, an unordered iteration tells how items were cut. */
static void
test_default_chunks (void)
{
  g_autoptr (MpPool) pool = new_pool (1);
  g_autoptr (GVariant) list = NULL;
  guint n_before, n_after;

  list = mp_pool_map (pool, count_chunk, new_range (10), 0, 30, NULL, NULL);
  g_assert_cmpuint (g_variant_n_children (list), ==, 10);

  /* ⌈10 / (4 · 1)⌉ = 3 items: 4 tasks. */
  n_before = mp_pool_get_private (pool)->last_id;
  g_clear_pointer (&list, g_variant_unref);
  list = mp_pool_map (pool, count_chunk, new_range (10), 0, 30, NULL, NULL);
  n_after = mp_pool_get_private (pool)->last_id;
  g_assert_cmpuint (n_after - n_before, ==, 4);
}

static void
test_map_times_out (void)
{
  g_autoptr (MpPool) pool = new_pool (2);
  g_autoptr (GError) error = NULL;
  gint64 start_time = g_get_monotonic_time ();

  g_assert_null (mp_pool_map (pool, nap, g_variant_new_parsed ("[int64 30000]"), 0, 0.05, NULL,
                              &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_TIMED_OUT);
  g_assert_cmpint (g_get_monotonic_time () - start_time, >=, 50000);
}

/* ── Renewal ────────────────────────────────────────────────────────────────────────────────── */

static MpResult *
submit_inherited (MpPool     *pool,
                  const char *name)
{
  g_autoptr (MpPayload) payload = mp_payload_new_variant (g_variant_new_int64 (1));
  g_autoptr (GError) error = NULL;
  MpResult *result;
  gsize size;
  gconstpointer data = g_bytes_get_data (mp_payload_get_bytes (payload), &size);

  result = mp_pool_submit_data (pool, MP_FUNCTION_NAMED, (const guint8 *) name, strlen (name),
                                MP_TASK_INHERITED, MP_ENCODING_VARIANT, data, size, &error);
  g_assert_no_error (error);

  return result;
}

static void
test_renew (void)
{
  g_autoptr (MpPool) pool = new_pool (2);
  int summand = 10;

  for (guint round = 0; round < 5; round++)
    {
      g_autofree char *name = g_strdup_printf ("pool-test-%u", round);
      g_autoptr (MpResult) busy = submit (pool, nap, 20);
      g_autoptr (GError) error = NULL;

      mp_function_register (name, add, &summand, NULL);
      g_assert_true (mp_pool_renew (pool, &error));
      g_assert_no_error (error);
      for (guint i = 0; i < 20; i++)
        {
          g_autoptr (MpResult) result = submit_inherited (pool, name);

          g_assert_cmpint (get_int64 (result), ==, 11);
        }
      g_assert_cmpint (get_int64 (busy), ==, 20);
      mp_function_register (name, NULL, NULL, NULL);
    }
}

/* A worker that took a task which it is too old for hands it back. Here it is told nothing of the
 * renewal, as if it had looked just before. */
static void
test_hand_back (void)
{
  g_autoptr (MpPool) pool = new_pool (1);
  g_autoptr (MpResult) result = NULL;
  MpPoolPrivate *priv = mp_pool_get_private (pool);
  int summand = 10;

  mp_function_register ("pool-test-late", add, &summand, NULL);
  mp_pool_lock ();
  priv->generation++;
  mp_pool_unlock ();
  result = submit_inherited (pool, "pool-test-late");
  mp_pool_board_store (&priv->board->generation, priv->generation);

  g_assert_cmpint (get_int64 (result), ==, 11);
  mp_function_register ("pool-test-late", NULL, NULL, NULL);
}

/* ── The end ────────────────────────────────────────────────────────────────────────────────── */

static void
test_close_and_join (void)
{
  g_autoptr (MpPool) pool = new_pool (2);
  g_autoptr (GPtrArray) results = g_ptr_array_new_with_free_func (g_object_unref);
  g_autoptr (GError) error = NULL;
  g_autoptr (GArray) pids = NULL;

  g_assert_false (mp_pool_join (pool, -1, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_STATE);
  g_clear_error (&error);
  g_assert_cmpint (mp_pool_join_raw (pool, -1), ==, MP_STATUS_INVALID);

  for (gint64 i = 0; i < 50; i++)
    g_ptr_array_add (results, submit (pool, square, i));
  mp_pool_close (pool);
  g_assert_null (mp_pool_submit (pool, square, g_variant_new_int64 (1), &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_CLOSED);
  g_clear_error (&error);
  g_assert_false (mp_pool_renew (pool, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_CLOSED);
  g_clear_error (&error);

  close_and_join (pool);
  assert_no_children ();
  pids = mp_pool_get_pids (pool);
  g_assert_cmpuint (pids->len, ==, 0);
  for (gint64 i = 0; i < 50; i++)
    g_assert_cmpint (get_int64 (results->pdata[i]), ==, i * i);
  g_assert_cmpint (mp_pool_join_raw (pool, 0), ==, MP_STATUS_OK);
}

static void
test_join_times_out (void)
{
  g_autoptr (MpPool) pool = new_pool (1);
  g_autoptr (MpResult) result = submit (pool, nap, 30000);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;

  mp_pool_close (pool);
  g_assert_false (mp_pool_join (pool, 0.05, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_TIMED_OUT);
  g_clear_error (&error);
  g_cancellable_cancel (cancellable);
  g_assert_false (mp_pool_join (pool, -1, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_cmpint (mp_pool_join_raw (pool, -1), ==, MP_STATUS_INTERRUPTED);
  g_assert_cmpint (mp_pool_join_raw (pool, 1000), ==, MP_STATUS_TIMED_OUT);
}

static void
test_terminate (void)
{
  g_autoptr (MpPool) pool = new_pool (2);
  g_autoptr (GPtrArray) results = g_ptr_array_new_with_free_func (g_object_unref);
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < 10; i++)
    g_ptr_array_add (results, submit (pool, nap, 3600000));
  mp_pool_terminate (pool);
  mp_pool_terminate (pool);
  assert_no_children ();

  for (guint i = 0; i < results->len; i++)
    g_free (get_failure (results->pdata[i], MP_ERROR, MP_ERROR_TERMINATED));
  g_assert_null (mp_pool_submit (pool, square, g_variant_new_int64 (1), &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_TERMINATED);
  g_assert_true (mp_pool_join (pool, 0, NULL, NULL));
}

static void
test_drop (void)
{
  MpPool *pool = new_pool (2);
  g_autoptr (MpResult) result = submit (pool, nap, 3600000);

  g_assert_finalize_object (pool);
  g_free (get_failure (result, MP_ERROR, MP_ERROR_TERMINATED));
}

static void
test_too_many_workers (void)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (mp_pool_new (MP_POOL_MAX_WORKERS + 1, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_ARGUMENT);
}

static void
test_default_number (void)
{
  g_autoptr (MpPool) pool = new_pool (0);

  g_assert_cmpuint (mp_pool_get_n_workers (pool), ==, mp_get_usable_cpus ());
}

/* As a subclass does. */
static void
test_late_start (void)
{
  g_autoptr (MpPool) pool = g_object_new (MP_TYPE_POOL, "n-workers", 2, NULL);
  g_autoptr (MpResult) result = NULL;

  assert_no_children ();
  result = submit (pool, square, 3);
  g_assert_cmpint (get_int64 (result), ==, 9);
}

/* ── Threads and forks of the owner ─────────────────────────────────────────────────────────── */

static gpointer
use_in_thread (gpointer data)
{
  MpPool *pool = data;

  for (gint64 i = 0; i < 500; i++)
    {
      g_autoptr (MpResult) one = submit (pool, square, i);
      g_autoptr (MpResult) two = submit (pool, square, i + 1);

      g_assert_cmpint (get_int64 (two), ==, (i + 1) * (i + 1));
      g_assert_cmpint (get_int64 (one), ==, i * i);
    }

  return NULL;
}

static void
test_threads (void)
{
  g_autoptr (MpPool) pool = new_pool (2);
  GThread *threads[4];

  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("user", use_in_thread, pool);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
}

static gpointer
wait_in_thread (gpointer result)
{
  return get_failure (result, MP_ERROR, MP_ERROR_TERMINATED);
}

static void
test_terminate_while_a_thread_waits (void)
{
  g_autoptr (MpPool) pool = new_pool (2);
  g_autoptr (MpResult) result = submit (pool, nap, 3600000);
  GThread *thread = g_thread_new ("waiter", wait_in_thread, result);

  g_usleep (20000);
  mp_pool_terminate (pool);
  g_free (g_thread_join (thread));
}

/* In a forked child: the parent's pool is of no use and unharmed, and another can be made. */
static gboolean
use_in_child (MpProcess  *process,
              gpointer    data,
              GError    **error)
{
  MpPool *parents = ((gpointer *) data)[0];
  MpResult *waiting = ((gpointer *) data)[1];
  g_autoptr (GArray) pids = mp_pool_get_pids (parents);
  g_autoptr (GError) own_error = NULL;
  g_autoptr (MpPool) own = NULL;
  g_autoptr (MpResult) result = NULL;

  g_assert_cmpuint (pids->len, ==, 0);
  g_assert_null (mp_pool_submit (parents, square, g_variant_new_int64 (1), &own_error));
  g_assert_error (own_error, MP_ERROR, MP_ERROR_INVALID_STATE);
  g_clear_error (&own_error);
  g_assert_false (mp_result_is_ready (waiting));
  g_assert_false (mp_result_wait (waiting, -1, NULL, &own_error));
  g_assert_error (own_error, MP_ERROR, MP_ERROR_INVALID_STATE);
  mp_pool_close (parents);
  mp_pool_terminate (parents);
  g_object_unref (parents);

  own = new_pool (1);
  result = submit (own, square, 5);

  return get_int64 (result) == 25;
}

static void
test_forked_child (void)
{
  g_autoptr (MpPool) pool = new_pool (1);
  g_autoptr (MpResult) waiting = submit (pool, nap, 300);
  gpointer data[] = { pool, waiting };
  g_autoptr (MpProcess) child = mp_process_new (NULL, use_in_child, data, NULL);

  g_assert_cmpint (start_and_join (child), ==, 0);
  g_assert_cmpint (get_int64 (waiting), ==, 300);
}

/* Pools are used by threads while another forks: a child finds the mutex free, and what it guards
 * whole. The child touches nothing of GLib, whose own locks may be held for ever there. */
static void
check_mutex_in_child (MpPool *pool)
{
  MpPoolPrivate *priv = mp_pool_get_private (pool);
  gboolean whole;

  mp_pool_lock ();
  whole = priv->state == MP_POOL_OPEN && priv->n_putting <= 2;
  mp_pool_unlock ();
  _exit (whole ? 0 : 1);
}

static void
test_fork_beside_threads (void)
{
  g_autoptr (MpPool) pool = new_pool (2);
  GThread *threads[2];

  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("user", use_in_thread, pool);
  for (guint i = 0; i < 50; i++)
    {
      int pid = fork ();
      int status;

      if (pid == 0)
        check_mutex_in_child (pool);
      g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
      g_assert_cmpint (status, ==, 0);
    }
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
}

/* ── The worker's side ──────────────────────────────────────────────────────────────────────── */

static void
test_bad_handles (void)
{
  const char *handles[] = { "", "x", "a,b,c,d,e", "pool:0:0:0,queue:0:0:0,queue:0:0:0,0,0" };

  for (guint i = 0; i < G_N_ELEMENTS (handles); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_null (mp_worker_new (handles[i], &error));
      g_assert_nonnull (error);
      g_assert_true (error->domain == MP_ERROR);
    }
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  add_pool_case ("/pool/submit", test_submit);
  add_pool_case ("/pool/no-argument", test_no_argument);
  add_pool_case ("/pool/named", test_named);
  add_pool_case ("/pool/big-payloads", test_big_payloads);
  add_pool_case ("/pool/many", test_many);
  add_pool_case ("/pool/forgotten-results", test_forgotten_results);
  add_pool_case ("/pool/map", test_map);
  add_pool_case ("/pool/map/any-list", test_map_of_any_list);
  add_pool_case ("/pool/map/no-list", test_map_of_no_list);
  add_pool_case ("/pool/map/fails-when-all-are-done", test_map_fails_when_all_are_done);
  add_pool_case ("/pool/map/default-chunks", test_default_chunks);
  add_pool_case ("/pool/map/times-out", test_map_times_out);
  add_pool_case ("/pool/renew", test_renew);
  add_pool_case ("/pool/renew/hand-back", test_hand_back);
  add_pool_case ("/pool/close-and-join", test_close_and_join);
  add_pool_case ("/pool/join-times-out", test_join_times_out);
  add_pool_case ("/pool/terminate", test_terminate);
  add_pool_case ("/pool/drop", test_drop);
  add_pool_case ("/pool/too-many-workers", test_too_many_workers);
  add_pool_case ("/pool/default-number", test_default_number);
  add_pool_case ("/pool/late-start", test_late_start);
  add_pool_case ("/pool/threads", test_threads);
  add_pool_case ("/pool/terminate-while-a-thread-waits", test_terminate_while_a_thread_waits);
  add_pool_case ("/pool/forked-child", test_forked_child);
  add_pool_case ("/pool/fork-beside-threads", test_fork_beside_threads);
  add_pool_case ("/pool/bad-handles", test_bad_handles);

  return g_test_run ();
}
