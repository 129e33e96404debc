/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Pools whose workers die: in a task, idle, between two steps, at once after their birth, or
 * without being born.
 */

#include "config.h"

#include "pool-common.h"

#include "mproc/process/mp-process-private.h"

/* ── In a task ──────────────────────────────────────────────────────────────────────────────── */

static void
assert_ends_with (MpPool     *pool,
                  gint64      how,
                  const char *text)
{
  g_autoptr (MpResult) result = submit (pool, end_worker, how);
  g_autofree char *message = get_failure (result, MP_ERROR, MP_ERROR_WORKER_DIED);
  g_autofree char *whole = NULL;
  g_autoptr (GVariant) details = mp_result_get_error_details (result);
  int pid;
  gint32 detail_pid, code;

  g_object_get (result, "pid", &pid, NULL);
  g_assert_cmpint (pid, >, 0);
  whole = g_strdup_printf ("(pid %d) %s while it ran the task", pid, text);
  g_assert_nonnull (strstr (message, whole));
  g_assert_true (mp_result_is_ready (result));
  g_assert_false (mp_result_is_successful (result));
  g_assert_true (g_variant_lookup (details, "pid", "i", &detail_pid));
  g_assert_cmpint (detail_pid, ==, pid);
  g_assert_true (g_variant_lookup (details, "code", "i", &code));
  g_assert_cmpint (code, ==, MP_ERROR_WORKER_DIED);
}

static void
test_ends_in_task (void)
{
  g_autoptr (MpPool) pool = new_pool (2);
  g_autoptr (MpResult) other = submit (pool, nap, 200);
  g_autoptr (MpResult) later = NULL;

  assert_ends_with (pool, SIGKILL, "was killed by signal 9 (SIGKILL)");
  assert_ends_with (pool, SIGTERM, "was killed by signal 15 (SIGTERM)");
  assert_ends_with (pool, 1000, "exited with code 0");
  assert_ends_with (pool, 1003, "exited with code 3");

  g_assert_cmpint (get_int64 (other), ==, 200);
  later = submit (pool, square, 4);
  g_assert_cmpint (get_int64 (later), ==, 16);
}

/* Each task of a map that dies takes no other with it. */
static void
test_every_other_task_dies (void)
{
  g_autoptr (MpPool) pool = new_pool (3);
  g_autoptr (GPtrArray) results = g_ptr_array_new_with_free_func (g_object_unref);

  for (guint i = 0; i < 60; i++)
    g_ptr_array_add (results, i % 2 == 0 ? submit (pool, square, i)
                                         : submit (pool, end_worker, SIGKILL));
  for (guint i = 0; i < 60; i++)
    {
      if (i % 2 == 0)
        g_assert_cmpint (get_int64 (results->pdata[i]), ==, i * i);
      else
        g_free (get_failure (results->pdata[i], MP_ERROR, MP_ERROR_WORKER_DIED));
    }
}

static void
test_map_with_a_death (void)
{
  g_autoptr (MpPool) pool = new_pool (2);
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) list = NULL;

  list = mp_pool_map (pool, end_worker, g_variant_new_parsed ("[int64 9, 1007]"), 1, 30, NULL,
                      &error);
  g_assert_null (list);
  g_assert_error (error, MP_ERROR, MP_ERROR_WORKER_DIED);
  list = mp_pool_map (pool, square, new_range (20), 0, 30, NULL, NULL);
  assert_squares (list, 20);
}

/* ── Idle ───────────────────────────────────────────────────────────────────────────────────── */

static void
kill_all (MpPool *pool)
{
  g_autoptr (GArray) pids = mp_pool_get_pids (pool);

  for (guint i = 0; i < pids->len; i++)
    kill (g_array_index (pids, int, i), SIGKILL);
}

/* No task is lost, and however often that happens the pool does not give up. */
static void
test_killed_while_idle (void)
{
  g_autoptr (MpPool) pool = new_pool (3);

  for (gint64 i = 0; i < 50; i++)
    {
      g_autoptr (MpResult) result = NULL;

      kill_all (pool);
      result = submit (pool, square, i);
      g_assert_cmpint (get_int64 (result), ==, i * i);
    }
}

/* ── At any time ────────────────────────────────────────────────────────────────────────────── */

typedef struct {
  MpPool *pool;
  int     stop;
  guint   n_killed;
} Killer;

static gpointer
kill_at_random (gpointer data)
{
  Killer *killer = data;
  g_autoptr (GRand) random = g_rand_new_with_seed (42);

  while (!g_atomic_int_get (&killer->stop))
    {
      g_autoptr (GArray) pids = mp_pool_get_pids (killer->pool);

      if (pids->len > 0)
        {
          guint i = g_rand_int_range (random, 0, pids->len);

          killer->n_killed += kill (g_array_index (pids, int, i), SIGKILL) == 0;
        }
      g_usleep (g_rand_int_range (random, 0, 4000));
    }

  return NULL;
}

/* Hundreds of workers are killed while tasks of all sizes run. Each task is done, or its caller is
 * told; no result goes to the wrong caller. */
static void
test_soak (void)
{
  g_autoptr (MpPool) pool = new_pool (3);
  Killer killer = { pool, FALSE, 0 };
  GThread *thread = g_thread_new ("killer", kill_at_random, &killer);
  g_autofree char *filling = g_strnfill (50000, 'x');
  guint n_good = 0, n_dead = 0;

  while (killer.n_killed < 400)
    {
      g_autoptr (GPtrArray) results = g_ptr_array_new_with_free_func (g_object_unref);

      for (gint64 i = 0; i < 200; i++)
        {
          GVariant *argument = g_variant_new ("(xs)", i, i % 10 == 0 ? filling : "small");

          g_ptr_array_add (results, mp_pool_submit (pool, echo, argument, NULL));
        }

      for (gint64 i = 0; i < 200; i++)
        {
          g_autoptr (GError) error = NULL;
          g_autoptr (GVariant) value = mp_result_get (results->pdata[i], 60, NULL, &error);
          gint64 number;

          if (value == NULL)
            {
              g_assert_error (error, MP_ERROR, MP_ERROR_WORKER_DIED);
              n_dead++;
              continue;
            }
          g_variant_get (value, "(x&s)", &number, NULL);
          g_assert_cmpint (number, ==, i);
          n_good++;
        }
    }
  g_atomic_int_set (&killer.stop, TRUE);
  g_thread_join (thread);

  g_test_message ("%u workers killed, %u tasks done, %u lost", killer.n_killed, n_good, n_dead);
  g_assert_cmpuint (n_dead, <=, killer.n_killed);
  g_assert_cmpuint (n_good, >, n_dead);
  g_assert_cmpuint (mp_queue_qsize (mp_pool_get_private (pool)->lanes[1]), ==, 0);
}

/* The owner's workers end with it, also when it is killed. */
static gboolean
own_a_pool (MpProcess  *process,
            gpointer    write_end,
            GError    **error)
{
  g_autoptr (MpPool) pool = new_pool (2);
  g_autoptr (MpResult) result = submit (pool, nap, 60000);

  g_assert_cmpint (write (GPOINTER_TO_INT (write_end), "x", 1), ==, 1);
  pause ();

  return mp_result_is_ready (result);
}

static void
test_owner_is_killed (void)
{
  int fds[2];
  char byte;
  g_autoptr (MpProcess) owner = NULL;

  g_assert_cmpint (pipe (fds), ==, 0);
  owner = mp_process_new (NULL, own_a_pool, GINT_TO_POINTER (fds[1]), NULL);
  start (owner);
  close (fds[1]);
  g_assert_cmpint (read (fds[0], &byte, 1), ==, 1);
  g_assert_true (mp_process_kill (owner, NULL));
  join (owner);
  g_assert_true (wait_for_eof (fds[0], 30));
  close (fds[0]);
}

/* ── Too early ──────────────────────────────────────────────────────────────────────────────── */

typedef struct {
  guint    n_calls;
  gboolean make_none;
  gboolean gone;
} Maker;

static gboolean
exit_at_once (MpProcess  *process,
              gpointer    data,
              GError    **error)
{
  _exit (5);
}

static MpProcess *
make_useless_worker (const char *handle,
                     gpointer    data)
{
  Maker *maker = data;

  maker->n_calls++;

  return maker->make_none ? NULL : mp_process_new ("Useless", exit_at_once, NULL, NULL);
}

static void
note_gone (gpointer data)
{
  ((Maker *) data)->gone = TRUE;
}

static void
test_no_process (void)
{
  Maker maker = { .make_none = TRUE };
  g_autoptr (GError) error = NULL;

  mp_pool_set_worker_func (make_useless_worker, &maker, note_gone);
  g_assert_null (mp_pool_new (2, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_FAILED);
  g_assert_cmpuint (maker.n_calls, ==, 1);
  g_assert_false (maker.gone);
  mp_pool_set_worker_func (NULL, NULL, NULL);
  g_assert_true (maker.gone);
}

static void
test_keep_dying (void)
{
  Maker maker = { .make_none = FALSE };
  g_autoptr (MpPool) pool = NULL;
  g_autoptr (MpResult) one = NULL, two = NULL, three = NULL;
  g_autofree char *message = NULL, *other_message = NULL;

  mp_pool_set_worker_func (make_useless_worker, &maker, note_gone);
  pool = new_pool (2);
  one = submit (pool, square, 1);
  two = submit (pool, square, 2);
  message = get_failure (one, MP_ERROR, MP_ERROR_WORKER_DIED);
  other_message = get_failure (two, MP_ERROR, MP_ERROR_WORKER_DIED);
  g_assert_true (g_str_has_prefix (message, "Workers keep dying: worker Useless (pid "));
  g_assert_true (g_str_has_suffix (message, "exited with code 5"));
  g_assert_cmpstr (message, ==, other_message);
  g_assert_cmpuint (maker.n_calls, <, 50);

  /* Asked again, it tries again. */
  mp_pool_set_worker_func (NULL, NULL, NULL);
  three = submit (pool, square, 3);
  g_assert_cmpint (get_int64 (three), ==, 9);
}

static gpointer
await (gpointer result)
{
  mp_result_wait (result, -1, NULL, NULL);

  return NULL;
}

/* While others wait, somebody hears that his task has failed, and gives it again at once. */
static void
test_again_at_once (void)
{
  Maker maker = { .make_none = FALSE };
  g_autoptr (MpPool) pool = NULL;
  g_autoptr (MpResult) first = NULL, again = NULL;
  GThread *thread;

  mp_pool_set_worker_func (make_useless_worker, &maker, NULL);
  pool = new_pool (1);
  first = submit (pool, square, 1);
  for (guint i = 0; i < 60000; i++)
    g_object_unref (submit (pool, square, 2));
  thread = g_thread_new ("await", await, first);

  while (!mp_result_is_ready (first))
    g_usleep (20);
  mp_pool_set_worker_func (NULL, NULL, NULL);
  again = submit (pool, square, 3);
  g_thread_join (thread);
  g_assert_cmpint (get_int64 (again), ==, 9);
}

/* The first one never begins to work, as one that was forked at a bad moment. */
static gboolean
hang (MpProcess  *process,
      gpointer    data,
      GError    **error)
{
  for (;;)
    pause ();

  return TRUE;
}

static MpProcess *
make_hanging_worker (const char *handle,
                     gpointer    data)
{
  mp_pool_set_worker_func (NULL, NULL, NULL);

  return mp_process_new ("Stuck", hang, NULL, NULL);
}

static void
test_never_begins (void)
{
  gint64 limit = mp_pool_birth_limit;
  g_autoptr (MpPool) pool = NULL;
  g_autoptr (MpResult) result = NULL;

  mp_pool_birth_limit = 200 * G_TIME_SPAN_MILLISECOND;
  mp_pool_set_worker_func (make_hanging_worker, NULL, NULL);
  pool = new_pool (1);
  result = submit (pool, square, 8);
  g_assert_cmpint (get_int64 (result), ==, 64);
  mp_pool_birth_limit = limit;
}

static MpProcess *
make_slow_worker (const char *handle,
                  gpointer    maker)
{
  g_auto (GStrv) words = mp_process_worker_words ("native", NULL);
  const char *argv[] = {
    "/bin/sh", "-c", "sleep 1; exec \"$@\"", "sh", words[0], "worker", handle, NULL,
  };

  ((Maker *) maker)->n_calls++;

  return mp_process_new_command ("Slow", argv);
}

/* A program takes its time to be loaded. */
static void
test_begins_late (void)
{
  Maker maker = { .make_none = FALSE };
  gint64 limit = mp_pool_birth_limit;
  g_autoptr (GError) error = NULL;
  g_autoptr (MpPool) pool = NULL;
  g_autoptr (MpResult) result = NULL;

  mp_pool_birth_limit = 200 * G_TIME_SPAN_MILLISECOND;
  mp_pool_set_worker_func (make_slow_worker, &maker, NULL);
  pool = new_pool (1);
  result = mp_pool_submit_named (pool, "nobody", NULL, &error);
  g_assert_no_error (error);
  g_free (get_failure (result, MP_ERROR, MP_ERROR_NO_SUCH_FUNCTION));
  g_assert_cmpuint (maker.n_calls, ==, 1);
  mp_pool_set_worker_func (NULL, NULL, NULL);
  mp_pool_birth_limit = limit;
}

/* A closed pool needs workers as long as there are tasks; not for ever either. */
static void
test_keep_dying_when_closed (void)
{
  Maker maker = { .make_none = FALSE };
  g_autoptr (MpPool) pool = NULL;
  g_autoptr (MpResult) result = NULL;

  mp_pool_set_worker_func (make_useless_worker, &maker, NULL);
  pool = new_pool (2);
  result = submit (pool, square, 1);
  mp_pool_close (pool);
  g_free (get_failure (result, MP_ERROR, MP_ERROR_WORKER_DIED));
  g_assert_cmpuint (maker.n_calls, <, 50);
  close_and_join (pool);
  mp_pool_set_worker_func (NULL, NULL, NULL);
}

/* One that takes over when the pool is closed already. */
static void
test_death_when_closed (void)
{
  g_autoptr (MpPool) pool = new_pool (1);
  g_autoptr (MpResult) lost = submit (pool, end_worker, SIGKILL);
  g_autoptr (MpResult) kept = submit (pool, square, 5);

  close_and_join (pool);
  g_free (get_failure (lost, MP_ERROR, MP_ERROR_WORKER_DIED));
  g_assert_cmpint (get_int64 (kept), ==, 25);
}

static void
test_none_can_be_made_any_more (void)
{
  Maker maker = { .make_none = TRUE };
  g_autoptr (MpPool) pool = new_pool (2);
  g_autoptr (MpResult) last = submit (pool, end_worker, SIGKILL);
  g_autoptr (MpResult) waiting = NULL;
  g_autofree char *message = NULL;

  mp_pool_set_worker_func (make_useless_worker, &maker, NULL);
  g_free (get_failure (last, MP_ERROR, MP_ERROR_WORKER_DIED));
  kill_all (pool);
  waiting = submit (pool, square, 1);
  message = get_failure (waiting, MP_ERROR, MP_ERROR_WORKER_DIED);
  g_assert_true (g_str_has_prefix (message, "Workers keep dying: "));
  g_assert_cmpuint (maker.n_calls, <, 50);
  mp_pool_set_worker_func (NULL, NULL, NULL);
}

/* A function that makes workers must not wait for the pool that asks it; it is told so. */
static GError *inside_error;
static MpResult *inside_result;

static MpProcess *
wait_inside (const char *handle,
             gpointer    data)
{
  g_clear_error (&inside_error);
  mp_result_wait (inside_result, -1, NULL, &inside_error);

  return NULL;
}

static void
test_wait_from_inside (void)
{
  g_autoptr (MpPool) pool = new_pool (1);
  g_autoptr (MpResult) running = submit (pool, nap, 60000);

  inside_result = submit (pool, square, 2);
  mp_pool_set_worker_func (wait_inside, NULL, NULL);
  kill_all (pool);
  g_free (get_failure (inside_result, MP_ERROR, MP_ERROR_WORKER_DIED));
  g_assert_error (inside_error, MP_ERROR, MP_ERROR_INVALID_STATE);
  g_clear_error (&inside_error);
  g_clear_object (&inside_result);
  mp_pool_set_worker_func (NULL, NULL, NULL);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  add_pool_case ("/pool/deaths/in-task", test_ends_in_task);
  add_pool_case ("/pool/deaths/every-other-task", test_every_other_task_dies);
  add_pool_case ("/pool/deaths/map", test_map_with_a_death);
  add_pool_case ("/pool/deaths/idle", test_killed_while_idle);
  add_pool_case ("/pool/deaths/soak", test_soak);
  add_pool_case ("/pool/deaths/owner", test_owner_is_killed);
  add_pool_case ("/pool/deaths/no-process", test_no_process);
  add_pool_case ("/pool/deaths/keep-dying", test_keep_dying);
  add_pool_case ("/pool/deaths/again-at-once", test_again_at_once);
  add_pool_case ("/pool/deaths/never-begins", test_never_begins);
  add_pool_case ("/pool/deaths/begins-late", test_begins_late);
  add_pool_case ("/pool/deaths/keep-dying-when-closed", test_keep_dying_when_closed);
  add_pool_case ("/pool/deaths/when-closed", test_death_when_closed);
  add_pool_case ("/pool/deaths/none-can-be-made", test_none_can_be_made_any_more);
  add_pool_case ("/pool/deaths/wait-from-inside", test_wait_from_inside);

  return g_test_run ();
}
