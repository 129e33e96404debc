/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Functions of Python, of JavaScript and of libraries, by name from C, as processes and as tasks:
 * what they are given, what they give back, and what is told of those that fail or cannot be
 * loaded. Without an interpreter (or what binds it to the library) its cases are skipped.
 */

#include "config.h"

#include "process-common.h"

#include <glib/gstdio.h>

#include "mproc/channel/mp-queue.h"
#include "mproc/pool/mp-pool.h"
#include "mproc/process/mp-process-setup.h"

typedef struct {
  const char   *language;
  const char   *probe[4];       /* a command that succeeds if the language can be used */
  const char   *file;
  const char   *text;
  const char   *broken;         /* of a module that fails while it is loaded */
  const char   *reason;         /* what is told of that one */
  const char   *format;         /* the name of a task: "%s" for the module, "%s" for the function */
  MpStartMethod methods[2];
  guint         n_methods;
} Language;

static const Language languages[] = {
  {
    "python", { "python3", "-c", "import mproc" }, "tasks_of_test.py",
    "import mproc\n"
    "@mproc.function('sum')\n"
    "def add(argument):\n"
    "    queue, *values = argument\n"
    "    queue.put(sum(values))\n"
    "    return len(values)\n"
    "def fail(argument):\n"
    "    raise ValueError(f'no {argument}')\n",
    "1 / 0\n", "division by zero", "%s:%s",
    { MP_START_METHOD_SPAWN, MP_START_METHOD_FORKSERVER }, 2,
  },
  {
    "gjs", { "gjs", "-c", "imports.gi.versions.Mp = '1'; imports.gi.Mp;" }, "tasksOfTest.js",
    "const {Mp} = imports.gi;\n"
    "Mp.register('sum', ([queue, ...values]) => {\n"
    "  queue.put(values.reduce((a, b) => a + b, 0));\n"
    "  return values.length;\n"
    "});\n"
    "export function fail(value) { throw new Error(`no ${value}`); }\n",
    "throw new Error('not today');\n", "not today", "file://%s#%s",
    { MP_START_METHOD_SPAWN }, 1,
  },
};

static gboolean
is_there (const Language *language)
{
  g_autoptr (MpProcess) probe = mp_process_new_command (NULL, language->probe);

  mp_process_set_streams (probe, MP_STREAM_NULL, MP_STREAM_NULL, MP_STREAM_NULL, NULL);
  return mp_process_start (probe, NULL) && mp_process_join (probe, -1, NULL, NULL) &&
         mp_process_get_exit_code (probe) == 0;
}

static MpProcess *
new_call (const Language *language,
          const char     *path,
          const char     *function,
          GVariant       *argument,
          MpStartMethod   method)
{
  g_autoptr (GError) error = NULL;
  MpProcess *process = mp_process_new_function (NULL, language->language, path, function, argument,
                                                &error);

  g_assert_no_error (error);
  mp_process_set_start_method (process, method, &error);
  g_assert_no_error (error);

  return process;
}

/* [queue, 40, 2] */
static GVariant *
new_argument (MpQueue *queue)
{
  GVariant *parts[] = { mp_shared_to_variant (MP_SHARED (queue)), g_variant_new_int64 (40),
                        g_variant_new_int64 (2) };

  for (guint i = 0; i < G_N_ELEMENTS (parts); i++)
    parts[i] = g_variant_new_variant (parts[i]);

  return g_variant_new_array (G_VARIANT_TYPE_VARIANT, parts, G_N_ELEMENTS (parts));
}

/* Each language has its own kind of number. */
static void
assert_number (GVariant *value,
               gint64    expected)
{
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_DOUBLE))
    g_assert_cmpfloat (g_variant_get_double (value), ==, expected);
  else if (g_variant_is_of_type (value, G_VARIANT_TYPE_INT32))
    g_assert_cmpint (g_variant_get_int32 (value), ==, expected);
  else
    g_assert_cmpint (g_variant_get_int64 (value), ==, expected);
}

static void
assert_sum_in (MpQueue *queue)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) sum = mp_queue_get (queue, -1, NULL, &error);

  g_assert_no_error (error);
  assert_number (sum, 42);
}

static void
check_sum (const Language *language,
           const char     *path,
           MpStartMethod   method)
{
  g_autoptr (MpQueue) queue = mp_queue_new (0, NULL);
  g_autoptr (MpProcess) process = new_call (language, path, "sum", new_argument (queue), method);
  g_autoptr (GError) error = NULL;

  start (process);
  assert_sum_in (queue);
  join (process);
  g_assert_true (mp_process_check (process, &error));
  g_assert_no_error (error);
}

static void
check_failure (const Language *language,
               const char     *path,
               const char     *function,
               const char     *expected,
               MpStartMethod   method)
{
  g_autoptr (MpProcess) process = new_call (language, path, function, g_variant_new_int64 (5),
                                            method);
  g_autoptr (GError) error = NULL;

  mp_process_set_streams (process, MP_STREAM_INHERIT, MP_STREAM_INHERIT, MP_STREAM_NULL, NULL);
  g_assert_cmpint (start_and_join (process), ==, 1);
  g_assert_false (mp_process_check (process, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_TASK_FAILED);
  if (strstr (error->message, expected) == NULL)
    g_error ("“%s” does not tell of “%s”", error->message, expected);
}

/* ── Tasks ───────────────────────────────────────────────────────────────────────────────────── */

static MpResult *
submit_named (MpPool     *pool,
              const char *format,
              const char *module,
              const char *function,
              GVariant   *argument)
{
  g_auto (GStrv) parts = g_strsplit (format, "%s", 3);
  g_autofree char *name = g_strconcat (parts[0], module, parts[1], function, NULL);
  g_autoptr (GError) error = NULL;
  MpResult *result = mp_pool_submit_named (pool, name, argument, &error);

  g_assert_no_error (error);

  return result;
}

static void
assert_fails (MpResult   *result,
              MpError     code,
              const char *text)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (mp_result_get (result, -1, NULL, &error));
  g_assert_error (error, MP_ERROR, code);
  if (strstr (error->message, text) == NULL)
    g_error ("“%s” does not tell of “%s”", error->message, text);
}

static void
check_tasks (const Language *language,
             const char     *path,
             const char     *missing,
             const char     *broken)
{
  g_autoptr (MpQueue) queue = mp_queue_new (0, NULL);
  g_autoptr (MpPool) pool = g_object_new (MP_TYPE_POOL, "n-workers", 1, "worker-language",
                                          language->language, NULL);
  const char *format = language->format;
  g_autoptr (MpResult) sum = submit_named (pool, format, path, "sum", new_argument (queue));
  g_autoptr (MpResult) failed = submit_named (pool, format, path, "fail", g_variant_new_int64 (5));
  g_autoptr (MpResult) unknown = submit_named (pool, format, path, "unknown", NULL);
  g_autoptr (MpResult) nowhere = submit_named (pool, format, missing, "sum", NULL);
  g_autoptr (MpResult) unloaded = submit_named (pool, format, broken, "sum", NULL);
  g_autoptr (MpResult) again = submit_named (pool, format, path, "sum", new_argument (queue));
  g_autoptr (GVariant) value = mp_result_get (sum, -1, NULL, NULL);
  g_autoptr (GVariant) last = NULL;

  assert_number (value, 2);
  assert_sum_in (queue);
  assert_fails (failed, MP_ERROR_TASK_FAILED, "no 5");
  assert_fails (unknown, MP_ERROR_NO_SUCH_FUNCTION, "unknown");
  assert_fails (nowhere, MP_ERROR_NO_SUCH_FUNCTION, language->file);
  assert_fails (unloaded, MP_ERROR_TASK_FAILED, language->reason);
  last = mp_result_get (again, -1, NULL, NULL);
  assert_number (last, 2);
  assert_sum_in (queue);
  mp_pool_close (pool);
  g_assert_true (mp_pool_join (pool, -1, NULL, NULL));
}

/* ── Languages ───────────────────────────────────────────────────────────────────────────────── */

static void
run_language (gconstpointer data)
{
  const Language *language = data;
  g_autofree char *folder = g_dir_make_tmp ("mproc-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (folder, language->file, NULL);
  g_autofree char *missing = g_build_filename (folder, "missing", language->file, NULL);
  g_autofree char *broken_name = g_strconcat ("broken_", language->file, NULL);
  g_autofree char *broken = g_build_filename (folder, broken_name, NULL);

  if (!is_there (language))
    {
      g_test_skip ("this language cannot be used here");
      g_rmdir (folder);
      return;
    }

  g_assert_true (g_file_set_contents (path, language->text, -1, NULL));
  g_assert_true (g_file_set_contents (broken, language->broken, -1, NULL));
  for (guint i = 0; i < language->n_methods; i++)
    {
      check_sum (language, path, language->methods[i]);
      check_failure (language, path, "fail", "no 5", language->methods[i]);
      check_failure (language, path, "unknown", "unknown", language->methods[i]);
      check_failure (language, missing, "sum", language->file, language->methods[i]);
      check_failure (language, broken, "sum", language->reason, language->methods[i]);
    }
  mp_process_stop_servers ();
  assert_no_children ();
  check_tasks (language, path, missing, broken);
  assert_no_children ();

  g_unlink (path);
  g_unlink (broken);
  g_rmdir (folder);
}

/* A library of C, whose one function is registered and whose other is a symbol. */
static void
test_library (void)
{
  static const Language library = { .language = "native" };
  static const MpStartMethod methods[] = { MP_START_METHOD_SPAWN, MP_START_METHOD_FORKSERVER };
  static const char *const names[] = { "sum", "exported_sum" };
  g_autofree char *path = g_build_filename (g_getenv ("G_TEST_BUILDDIR"), "libtasks-of-test.so",
                                            NULL);
  g_autoptr (MpPool) pool = g_object_new (MP_TYPE_POOL, "n-workers", 1, "worker-language",
                                          "native", NULL);

  for (guint i = 0; i < G_N_ELEMENTS (methods); i++)
    {
      g_autoptr (MpQueue) queue = mp_queue_new (0, NULL);
      g_autoptr (MpProcess) process = new_call (&library, path, names[i], new_argument (queue),
                                                methods[i]);
      g_autoptr (MpResult) result = submit_named (pool, "%s:%s", path, names[i],
                                                  new_argument (queue));
      g_autoptr (GVariant) value = mp_result_get (result, -1, NULL, NULL);

      assert_number (value, 42);
      g_assert_cmpint (start_and_join (process), ==, 0);
      g_assert_cmpint (mp_queue_qsize (queue), ==, 2);
      check_failure (&library, path, names[i], "This is no list", methods[i]);
      check_failure (&library, path, "unknown", "unknown", methods[i]);
      check_failure (&library, "/nowhere/lib.so", "sum", "/nowhere/lib.so", methods[i]);
    }
  mp_pool_close (pool);
  g_assert_true (mp_pool_join (pool, -1, NULL, NULL));
  mp_process_stop_servers ();
}

static void
check_program_task (void)
{
  g_autoptr (MpQueue) queue = mp_queue_new (0, NULL);
  g_autoptr (MpPool) pool = g_object_new (MP_TYPE_POOL, "n-workers", 1, "worker-language",
                                          "native", NULL);
  g_autoptr (MpResult) result = submit_named (pool, "%s%s", "", "sum", new_argument (queue));
  g_autoptr (GVariant) value = mp_result_get (result, -1, NULL, NULL);

  assert_number (value, 42);
  g_assert_cmpint (mp_queue_qsize (queue), ==, 1);
  mp_pool_close (pool);
  g_assert_true (mp_pool_join (pool, -1, NULL, NULL));
}

/* Programs of C and Vala that register their functions in main(). */
static void
test_program (void)
{
  static const Language native = { .language = "native" };
  static const char *const names[] = { "tasks-of-test", "vala-tasks-of-test" };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *path = g_build_filename (g_getenv ("G_TEST_BUILDDIR"), names[i], NULL);
      const char *words[] = { path, NULL };
      g_autoptr (MpQueue) queue = mp_queue_new (0, NULL);
      g_autoptr (MpProcess) process = NULL;

      if (!g_file_test (path, G_FILE_TEST_EXISTS))
        continue;
      mp_process_set_worker_command ("native", words);
      process = new_call (&native, "", "sum", new_argument (queue), MP_START_METHOD_SPAWN);
      g_assert_cmpint (start_and_join (process), ==, 0);
      g_assert_cmpint (mp_queue_qsize (queue), ==, 1);
      check_failure (&native, "", "unknown", "unknown", MP_START_METHOD_SPAWN);
      check_program_task ();
      mp_process_set_worker_command ("native", NULL);
    }
}

/* Any exported function of the right type will do: this one gives back its argument. */
static void
test_any_library (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MpProcess) process =
    mp_process_new_function (NULL, "native", "libglib-2.0.so.0", "g_variant_ref_sink",
                             g_variant_new_int64 (5), &error);

  g_assert_no_error (error);
  g_assert_cmpint (start_and_join (process), ==, 0);
  g_assert_true (mp_process_check (process, &error));
  g_assert_no_error (error);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_setenv ("PYTHONDONTWRITEBYTECODE", "1", TRUE);
  for (guint i = 0; i < G_N_ELEMENTS (languages); i++)
    {
      g_autofree char *path = g_strconcat ("/process-languages/", languages[i].language, NULL);

      g_test_add_data_func (path, &languages[i], run_language);
    }
  add_case ("/process-languages/library", test_library);
  add_case ("/process-languages/program", test_program);
  add_case ("/process-languages/any-library", test_any_library);

  return g_test_run ();
}
