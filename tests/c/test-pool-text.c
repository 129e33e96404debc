/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Tasks as texts: what bindings use on both sides, and the one call that gives a task and waits.
 *
 * The worker here is one of another language. Its functions are named by a letter each: "e" answers
 * with its argument and with the function's number, "l" with a long text, "f" fails, "s" waits at
 * the gate, for longer than the caller waits in one call, and "d" dies.
 */

#include "config.h"

#include "pool-common.h"

#include "mproc/pool/mp-worker.h"
#include "mproc/sync/mp-event.h"

#define E_KIND (MP_FUNCTION_LANGUAGE + 5)
#define LONG 50000

static MpEvent *gate;

/* ── The worker ─────────────────────────────────────────────────────────────────────────────── */

static int
answer (MpWorker   *worker,
        char        letter,
        guint       number,
        const char *text)
{
  g_autofree char *made = NULL;

  if (letter == 'f')
    return mp_worker_fail (worker, "x", "Error", "no", NULL, NULL, 0);
  if (letter == 'd')
    raise (SIGKILL);
  if (letter == 's')
    g_assert_true (mp_event_wait (gate, -1, NULL, NULL));

  made = letter == 'l' ? g_strnfill (LONG, '1') : g_strdup_printf ("[%u,%s]", number, text);

  return mp_worker_finish_text (worker, made);
}

/* What the worker learns of a task that is more than a text, or the first of its function. */
static char
learn (MpWorker *worker,
       guint     flags,
       char    **text)
{
  guint kind, flags_again, encoding;
  guint8 *function, *data;
  gsize function_size, size;

  g_assert_cmpint (mp_worker_get_task (worker, MP_ENCODING_JSON, &kind, &flags_again, &function,
                                       &function_size, &encoding, &data, &size),
                   ==, MP_STATUS_OK);
  g_assert_cmpuint (kind, ==, E_KIND);
  g_assert_cmpuint (flags_again, ==, flags);
  g_assert_cmpuint (encoding, ==, MP_ENCODING_JSON);
  if (*text != NULL)
    g_assert_cmpmem (*text, strlen (*text), data, size);
  else
    *text = g_strndup ((const char *) data, size);

  return function[0];
}

static int
serve_one (MpWorker *worker,
           char     *letters)
{
  g_autofree char *text = NULL;
  guint flags, number;
  int status = mp_worker_next_text (worker, -1, &flags, &number, &text);
  char letter;

  if (status != MP_STATUS_OK)
    return status == MP_STATUS_INTERRUPTED ? MP_STATUS_OK : status;

  g_assert_true (text == NULL || (number > 0 && number < 64));
  letter = text != NULL ? letters[number] : 0;
  if (letter == 0)
    letter = learn (worker, flags, &text);
  letters[number] = number > 0 ? letter : 0;

  return answer (worker, letter, number, text);
}

static gboolean
serve (MpProcess  *process,
       gpointer    handle,
       GError    **error)
{
  g_autoptr (MpWorker) worker = mp_worker_new (handle, error);
  char letters[64] = "";

  if (worker == NULL)
    return FALSE;

  g_assert_cmpint (mp_worker_finish_text (worker, "1"), ==, MP_STATUS_INVALID);
  while (serve_one (worker, letters) == MP_STATUS_OK)
    ;

  return TRUE;
}

static MpProcess *
make_worker (const char *handle,
             gpointer    data)
{
  return mp_process_new (NULL, serve, g_strdup (handle), g_free);
}

static MpPool *
new_foreign_pool (void)
{
  mp_pool_set_worker_func (make_worker, NULL, NULL);

  return new_pool (1);
}

static void
end (MpPool *pool)
{
  close_and_join (pool);
  mp_pool_set_worker_func (NULL, NULL, NULL);
}

/* ── Cases ──────────────────────────────────────────────────────────────────────────────────── */

static char *
get_text (MpResult *result)
{
  char *text;

  g_assert_true (mp_result_wait (result, 30, NULL, NULL));
  g_assert_cmpint (mp_result_get_text (result, &text), ==, MP_STATUS_OK);

  return text;
}

/* If the task took longer than the one call waits, its text is in the rest. */
static void
assert_applies (MpPool     *pool,
                const char *function,
                const char *text,
                const char *expected)
{
  g_autoptr (MpResult) rest = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *value = mp_pool_apply_text (pool, E_KIND, function, text, &rest, &error);

  g_assert_no_error (error);
  g_assert_true ((value == NULL) == (rest != NULL));
  if (rest != NULL)
    value = get_text (rest);
  g_assert_cmpstr (value, ==, expected);
}

static void
test_numbers (void)
{
  g_autoptr (MpPool) pool = new_foreign_pool ();

  assert_applies (pool, "e", "1", "[1,1]");
  assert_applies (pool, "e", "2", "[1,2]");
  assert_applies (pool, "e+", "3", "[2,3]");
  assert_applies (pool, "e", "4", "[1,4]");
  assert_applies (pool, "e", "", "[1,]");
  end (pool);
}

/* Those that have no number go with each task. */
static void
test_too_many_functions (void)
{
  g_autoptr (MpPool) pool = new_foreign_pool ();
  g_autofree char *long_name = g_strnfill (1000, 'e');

  assert_applies (pool, long_name, "0", "[0,0]");
  for (guint i = 0; i < 100; i++)
    {
      g_autofree char *name = g_strdup_printf ("e%u", i);
      g_autofree char *expected = g_strdup_printf ("[%u,7]", i < 32 ? i + 1 : 0);

      assert_applies (pool, name, "7", expected);
      assert_applies (pool, name, "7", expected);
    }
  end (pool);
}

static MpResult *
apply_for_rest (MpPool     *pool,
                const char *function,
                const char *text)
{
  g_autoptr (GError) error = NULL;
  MpResult *rest;

  g_assert_null (mp_pool_apply_text (pool, E_KIND, function, text, &rest, &error));
  g_assert_no_error (error);
  g_assert_nonnull (rest);

  return rest;
}

static void
test_late (void)
{
  g_autoptr (MpPool) pool = NULL;
  g_autoptr (MpResult) slow = NULL;
  g_autofree char *slow_text = NULL;

  gate = mp_event_new (NULL);
  pool = new_foreign_pool ();
  slow = apply_for_rest (pool, "s", "1");
  g_assert_true (mp_event_set (gate, NULL));
  slow_text = get_text (slow);
  g_assert_cmpstr (slow_text, ==, "[1,1]");
  end (pool);
  g_clear_object (&gate);
}

static void
test_rest (void)
{
  g_autoptr (MpPool) pool = new_foreign_pool ();
  g_autofree char *long_text = g_strnfill (LONG, '1');
  g_autoptr (MpResult) large = apply_for_rest (pool, "l", long_text);
  g_autoptr (MpResult) failed = apply_for_rest (pool, "f", "3");
  g_autoptr (MpResult) dead = apply_for_rest (pool, "d", "4");
  g_autofree char *large_text = get_text (large);
  g_autoptr (MpResult) after = NULL;
  g_autofree char *after_text = NULL;

  g_assert_cmpstr (large_text, ==, long_text);
  g_free (get_failure (failed, MP_ERROR, MP_ERROR_TASK_FAILED));
  g_free (get_failure (dead, MP_ERROR, MP_ERROR_WORKER_DIED));
  after = mp_pool_submit_text (pool, E_KIND, "e", MP_TASK_DEFAULT, "5", NULL, NULL);
  after_text = get_text (after);
  g_assert_cmpstr (after_text, ==, "[4,5]");
  end (pool);
}

static void
test_submit_text (void)
{
  g_autoptr (MpPool) pool = new_foreign_pool ();
  g_autoptr (MpTaskOptions) options = mp_task_options_new ();
  g_autoptr (MpResult) plain = mp_pool_submit_text (pool, E_KIND, "e", MP_TASK_MAP, "1", NULL,
                                                    NULL);
  g_autoptr (MpResult) limited = NULL;
  g_autofree char *plain_text = NULL, *limited_text = NULL;

  mp_task_options_set_time_limit (options, 60);
  mp_task_options_set_retries (options, 2);
  limited = mp_pool_submit_text (pool, E_KIND, "e", MP_TASK_DEFAULT, "2", options, NULL);
  plain_text = get_text (plain);
  limited_text = get_text (limited);

  g_assert_cmpstr (plain_text, ==, "[1,1]");
  g_assert_cmpstr (limited_text, ==, "[1,2]");
  end (pool);
}

static GVariant *
add_one (GVariant  *argument,
         gpointer   user_data,
         GError   **error)
{
  return g_variant_new_int64 (g_variant_get_int64 (argument) + 1);
}

/* The same text may name functions of different kinds. */
static void
test_kinds (void)
{
  g_autoptr (MpPool) pool = NULL;
  g_autoptr (MpResult) named = NULL, other = NULL;
  g_autoptr (GError) error = NULL;

  mp_function_register ("text-test-add", add_one, NULL, NULL);
  pool = new_pool (1);
  for (guint i = 0; i < 2; i++)
    {
      g_clear_object (&named);
      g_clear_object (&other);
      named = mp_pool_submit_text (pool, MP_FUNCTION_NAMED, "text-test-add", 0, "41", NULL, &error);
      g_assert_no_error (error);
      other = mp_pool_submit_text (pool, E_KIND, "text-test-add", 0, "41", NULL, &error);
      g_assert_no_error (error);
      g_assert_cmpint (get_int64 (named), ==, 42);
      g_free (get_failure (other, MP_ERROR, MP_ERROR_NOT_SUPPORTED));
    }
  mp_function_register ("text-test-add", NULL, NULL, NULL);
  close_and_join (pool);
}

static GVariant *
wait_at_gate (GVariant  *argument,
              GError   **error)
{
  return mp_event_wait (gate, -1, NULL, error) ? g_variant_ref (argument) : NULL;
}

static void
test_apply (void)
{
  g_autoptr (MpPool) pool = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) value = NULL;

  gate = mp_event_new (NULL);
  pool = new_pool (1);
  value = mp_pool_apply (pool, square, g_variant_new_int64 (9), -1, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpint (g_variant_get_int64 (value), ==, 81);

  g_assert_null (mp_pool_apply (pool, square_but_13, g_variant_new_int64 (13), -1, NULL, &error));
  g_assert_error (error, POOL_TEST_ERROR, 4);
  g_clear_error (&error);
  g_assert_null (mp_pool_apply (pool, wait_at_gate, NULL, 0.01, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_TIMED_OUT);
  g_clear_error (&error);
  g_assert_true (mp_event_set (gate, NULL));
  g_assert_null (mp_pool_apply_named (pool, "nobody", NULL, -1, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_NO_SUCH_FUNCTION);
  g_clear_error (&error);
  close_and_join (pool);

  g_assert_null (mp_pool_apply (pool, square, g_variant_new_int64 (9), -1, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_CLOSED);
  g_clear_object (&gate);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  add_pool_case ("/pool-text/numbers", test_numbers);
  add_pool_case ("/pool-text/too-many-functions", test_too_many_functions);
  add_pool_case ("/pool-text/late", test_late);
  add_pool_case ("/pool-text/rest", test_rest);
  add_pool_case ("/pool-text/submit", test_submit_text);
  add_pool_case ("/pool-text/kinds", test_kinds);
  add_pool_case ("/pool-text/apply", test_apply);

  return g_test_run ();
}
