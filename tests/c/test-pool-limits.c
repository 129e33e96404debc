/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * What bounds workers while nobody looks: limits of memory, control groups, soft limits that reach
 * a task in a call of GIO, and how fast workers that keep dying are replaced; and workers of
 * another program that run functions of libraries.
 */

#include "config.h"

#include "pool-common.h"

#include <glib/gstdio.h>

#include "mproc/pool/mp-task.h"
#include "mproc/pool/mp-worker-private.h"

#define MEGABYTES(n) ((guint64) (n) * 1024 * 1024)

/* ── Memory ─────────────────────────────────────────────────────────────────────────────────── */

/* So many megabytes, and then it does not end by itself. */
static GVariant *
grow (GVariant  *argument,
      GError   **error)
{
  gsize size = MEGABYTES (g_variant_get_int64 (argument));
  volatile char *memory = g_malloc (size);

  for (gsize i = 0; i < size; i += 4096)
    memory[i] = 1;
  while (memory[0] == 1)
    g_usleep (1000);

  return g_variant_ref (argument);
}

/* The owner does nothing at all meanwhile. */
static void
test_memory_unwatched (void)
{
  g_autoptr (MpPool) pool = g_object_new (MP_TYPE_POOL, "n-workers", 1, "memory-limit",
                                          MEGABYTES (120), NULL);
  g_autoptr (MpResult) good = submit (pool, square, 3);
  g_autoptr (MpResult) result = NULL;
  g_autofree char *message = NULL;
  int pid;

  g_assert_cmpint (get_int64 (good), ==, 9);
  g_object_get (good, "pid", &pid, NULL);
  result = submit (pool, grow, 300);
  while (mp_worker_get_resident (pid) != 0)
    g_usleep (1000);

  message = get_failure (result, MP_ERROR, MP_ERROR_MEMORY_LIMIT);
  g_assert_nonnull (strstr (message, "memory"));
  g_assert_cmpint (mp_result_get_failure (result), ==, MP_TASK_FAILURE_MEMORY_LIMIT);
  close_and_join (pool);
}

static char *
make_file (const char *directory,
           const char *name,
           const char *text)
{
  char *path = g_build_filename (directory, name, NULL);

  g_assert_true (g_file_set_contents (path, text, -1, NULL));

  return path;
}

static void
assert_content (const char *directory,
                const char *name,
                const char *expected)
{
  g_autofree char *path = g_build_filename (directory, name, NULL);
  g_autofree char *text = NULL;

  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
  g_assert_cmpstr (text, ==, expected);
}

static void
remove_tree (const char *path)
{
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *child = g_build_filename (path, name, NULL);

      remove_tree (child);
    }
  g_remove (path);
}

/* A folder that looks like one of control groups. */
static void
fill_group (const char *directory,
            const char *handed_on)
{
  g_mkdir_with_parents (directory, 0755);
  g_free (make_file (directory, "cgroup.controllers", "cpu memory pids\n"));
  g_free (make_file (directory, "cgroup.subtree_control", handed_on));
  g_free (make_file (directory, "cgroup.procs", ""));
}

static void
test_cgroup_found (void)
{
  g_autofree char *root = g_dir_make_tmp (NULL, NULL);
  g_autofree char *membership = make_file (root, "self", "4:memory:/old\n0::/user/app\n");
  g_autofree char *nothing = make_file (root, "none", "4:memory:/old\n");
  g_autofree char *above = g_build_filename (root, "user", NULL);
  g_autofree char *own = g_build_filename (above, "app", NULL);
  g_autofree char *found = NULL;

  g_assert_null (mp_cgroup_find (root, nothing));
  g_assert_null (mp_cgroup_find (root, membership));
  fill_group (own, "\n");
  fill_group (above, "cpu\n");
  g_assert_null (mp_cgroup_find (root, membership));

  fill_group (above, "cpu memory\n");
  found = mp_cgroup_find (root, membership);
  g_assert_cmpstr (found, ==, above);
  g_clear_pointer (&found, g_free);

  fill_group (own, "memory\n");
  found = mp_cgroup_find (root, membership);
  g_assert_cmpstr (found, ==, own);
  remove_tree (root);
}

static void
test_cgroup_entered (void)
{
  g_autofree char *root = g_dir_make_tmp (NULL, NULL);
  g_autofree char *group = g_build_filename (root, "worker", NULL);
  g_autofree char *entered = NULL;

  /* A group that has no limit of memory is given up again. */
  g_assert_null (mp_cgroup_enter (root, "worker", 1000, 42));
  g_assert_false (g_file_test (group, G_FILE_TEST_EXISTS));

  fill_group (group, "\n");
  g_free (make_file (group, "memory.max", "max\n"));
  entered = mp_cgroup_enter (root, "worker", 1000, 42);
  g_assert_cmpstr (entered, ==, group);
  assert_content (group, "memory.max", "1000");
  assert_content (group, "cgroup.procs", "42");

  g_assert_false (mp_cgroup_was_too_big (group));
  g_free (make_file (group, "memory.events", "low 0\noom 3\noom_kill 0\n"));
  g_assert_false (mp_cgroup_was_too_big (group));
  g_free (make_file (group, "memory.events", "low 0\noom 3\noom_kill 2\n"));
  g_assert_true (mp_cgroup_was_too_big (group));
  remove_tree (root);
}

/* Where the kernel lets us. */
static void
test_cgroup_kills (void)
{
  g_autoptr (MpPool) pool = NULL;
  g_autoptr (MpResult) result = NULL;
  g_autofree char *parent = mp_cgroup_find ("/sys/fs/cgroup", "/proc/self/cgroup");

  if (parent == NULL)
    {
      g_test_skip ("no control group for memory is delegated here");
      return;
    }

  pool = g_object_new (MP_TYPE_POOL, "n-workers", 1, "memory-limit", MEGABYTES (120), NULL);
  result = submit (pool, grow, 300);
  g_free (get_failure (result, MP_ERROR, MP_ERROR_MEMORY_LIMIT));
  close_and_join (pool);
}

/* ── Soft limits ────────────────────────────────────────────────────────────────────────────── */

static void
stop_loop (GCancellable *cancellable,
           gpointer      loop)
{
  g_main_loop_quit (loop);
}

/* Waits in poll() for the cancellable alone. */
static GVariant *
wait_for_cancellable (GVariant  *argument,
                      GError   **error)
{
  GCancellable *cancellable = mp_task_get_cancellable ();
  g_autoptr (GMainContext) context = g_main_context_new ();
  g_autoptr (GMainLoop) loop = g_main_loop_new (context, FALSE);
  g_autoptr (GSource) source = g_cancellable_source_new (cancellable);

  g_assert_true (cancellable == mp_task_get_cancellable ());
  g_source_set_callback (source, (GSourceFunc) (GCallback) stop_loop, loop, NULL);
  g_source_attach (source, context);
  g_main_loop_run (loop);

  return g_variant_new_boolean (mp_task_should_stop ());
}

static GVariant *
is_cancelled (GVariant  *argument,
              GError   **error)
{
  return g_variant_new_boolean (g_cancellable_is_cancelled (mp_task_get_cancellable ()));
}

static gboolean
get_boolean (MpResult *result)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) value = mp_result_get (result, 30, NULL, &error);

  g_assert_no_error (error);

  return g_variant_get_boolean (value);
}

static void
test_soft_cancellable (void)
{
  g_autoptr (MpPool) pool = new_pool (1);
  g_autoptr (MpTaskOptions) options = mp_task_options_new ();

  g_assert_null (mp_task_get_cancellable ());
  mp_task_options_set_soft_time_limit (options, 0.02);
  for (int i = 0; i < 3; i++)
    {
      g_autoptr (MpResult) told = mp_pool_submit_with (pool, wait_for_cancellable, NULL, options,
                                                       NULL);
      g_autoptr (MpResult) next = mp_pool_submit (pool, is_cancelled, NULL, NULL);

      g_assert_true (get_boolean (told));
      g_assert_false (get_boolean (next));
    }
  close_and_join (pool);
}

/* A child of the task has the task's limit. */
static GVariant *
wait_in_child (GVariant  *argument,
               GError   **error)
{
  GCancellable *cancellable = mp_task_get_cancellable ();
  int status = 0;
  pid_t pid;

  g_assert_false (g_cancellable_is_cancelled (cancellable));
  pid = fork ();
  if (pid == 0)
    {
      for (int i = 0; i < 3000 && !g_cancellable_is_cancelled (mp_task_get_cancellable ()); i++)
        g_usleep (10000);
      _exit (g_cancellable_is_cancelled (cancellable) ? 7 : 8);
    }
  waitpid (pid, &status, 0);

  return g_variant_new_boolean (WIFEXITED (status) && WEXITSTATUS (status) == 7);
}

static void
test_soft_cancellable_in_child (void)
{
  g_autoptr (MpPool) pool = new_pool (1);
  g_autoptr (MpTaskOptions) options = mp_task_options_new ();
  g_autoptr (MpResult) result = NULL;

  mp_task_options_set_soft_time_limit (options, 0.3);
  result = mp_pool_submit_with (pool, wait_in_child, NULL, options, NULL);
  g_assert_true (get_boolean (result));
  close_and_join (pool);
}

/* Whether SIGTERM is blocked in the thread that waits for soft limits; -1: there is none yet. */
static gint64
is_limit_thread_deaf (void)
{
  g_autoptr (GDir) threads = g_dir_open ("/proc/self/task", 0, NULL);
  const char *name;

  while ((name = g_dir_read_name (threads)) != NULL)
    {
      g_autofree char *path = g_build_filename ("/proc/self/task", name, "status", NULL);
      g_autofree char *text = NULL;

      if (g_file_get_contents (path, &text, NULL, NULL) && strstr (text, "soft-limits") != NULL)
        return g_ascii_strtoull (strstr (text, "SigBlk:") + 7, NULL, 16) >> (SIGTERM - 1) & 1;
    }

  return -1;
}

static GVariant *
look_at_limit_thread (GVariant  *argument,
                      GError   **error)
{
  gint64 deaf;

  g_assert_nonnull (mp_task_get_cancellable ());
  while ((deaf = is_limit_thread_deaf ()) < 0)
    g_usleep (1000);

  return g_variant_new_int64 (deaf);
}

static void
test_soft_limit_thread_is_deaf (void)
{
  g_autoptr (MpPool) pool = new_pool (1);
  g_autoptr (MpTaskOptions) options = mp_task_options_new ();
  g_autoptr (MpResult) result = NULL;

  mp_task_options_set_soft_time_limit (options, 100);
  result = mp_pool_submit_with (pool, look_at_limit_thread, NULL, options, NULL);
  g_assert_cmpint (get_int64 (result), ==, 1);
  close_and_join (pool);
}

/* ── Deaths ─────────────────────────────────────────────────────────────────────────────────── */

static void
count_start (MpPool     *pool,
             const char *name,
             int         pid,
             gint64     *times)
{
  gint64 n = ++times[0];

  if (n < 100)
    times[n] = g_get_monotonic_time ();
}

/* After many deaths in a row each new worker comes later than the one before, up to a bound; one
 * result, and they come at once again. */
static void
test_restart_rate (void)
{
  g_autoptr (MpPool) pool = new_pool (1);
  gint64 times[100] = { 0 };
  gint64 last;

  g_signal_connect (pool, "worker-started", G_CALLBACK (count_start), times);
  for (int i = 0; i < 18; i++)
    {
      g_autoptr (MpResult) result = submit (pool, end_worker, SIGKILL);

      g_free (get_failure (result, MP_ERROR, MP_ERROR_WORKER_DIED));
    }

  {
    g_autoptr (MpResult) good = submit (pool, square, 5);

    g_assert_cmpint (get_int64 (good), ==, 25);
  }
  g_assert_cmpint (times[0], ==, 18);
  last = times[18] - times[17];
  g_assert_cmpint (last, >=, 60 * G_TIME_SPAN_MILLISECOND);
  close_and_join (pool);
}

/* ── Functions of libraries ─────────────────────────────────────────────────────────────────── */

static void
test_native_workers (void)
{
  g_autoptr (MpPool) pool = g_object_new (MP_TYPE_POOL, "n-workers", 2, "worker-language",
                                          "native", NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (MpResult) echoed = NULL;
  g_autoptr (MpResult) missing = NULL;
  g_autoptr (MpResult) nowhere = NULL;

  echoed = mp_pool_submit_named (pool, "libglib-2.0.so.0:g_variant_ref_sink",
                                 g_variant_new_int64 (7), &error);
  g_assert_no_error (error);
  g_assert_cmpint (get_int64 (echoed), ==, 7);

  missing = mp_pool_submit_named (pool, "libglib-2.0.so.0:no_such_function", NULL, NULL);
  nowhere = mp_pool_submit_named (pool, "/nowhere/library.so:function", NULL, NULL);
  g_free (get_failure (missing, MP_ERROR, MP_ERROR_NO_SUCH_FUNCTION));
  g_free (get_failure (nowhere, MP_ERROR, MP_ERROR_NO_SUCH_FUNCTION));
  close_and_join (pool);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  add_pool_case ("/pool-limits/memory-unwatched", test_memory_unwatched);
  add_pool_case ("/pool-limits/cgroup-found", test_cgroup_found);
  add_pool_case ("/pool-limits/cgroup-entered", test_cgroup_entered);
  add_pool_case ("/pool-limits/cgroup-kills", test_cgroup_kills);
  add_pool_case ("/pool-limits/soft-cancellable", test_soft_cancellable);
  add_pool_case ("/pool-limits/soft-cancellable-in-child", test_soft_cancellable_in_child);
  add_pool_case ("/pool-limits/soft-limit-thread", test_soft_limit_thread_is_deaf);
  add_pool_case ("/pool-limits/restart-rate", test_restart_rate);
  add_pool_case ("/pool-limits/native-workers", test_native_workers);

  return g_test_run ();
}
