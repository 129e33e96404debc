/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Functions of Python, of JavaScript and of libraries, started by name from C: what they are given,
 * what they give back, and what is told of those that fail. Without an interpreter (or what binds
 * it to the library) its cases are skipped.
 */

#include "config.h"

#include "process-common.h"

#include <glib/gstdio.h>

#include "mproc/channel/mp-queue.h"
#include "mproc/process/mp-process-setup.h"

typedef struct {
  const char   *language;
  const char   *probe[4];       /* a command that succeeds if the language can be used */
  const char   *file;
  const char   *text;
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
    "def fail(argument):\n"
    "    raise ValueError(f'no {argument}')\n",
    { MP_START_METHOD_SPAWN, MP_START_METHOD_FORKSERVER }, 2,
  },
  {
    "gjs", { "gjs", "-c", "imports.gi.versions.Mp = '1'; imports.gi.Mp;" }, "tasksOfTest.js",
    "const {Mp} = imports.gi;\n"
    "Mp.register('sum', ([queue, ...values]) => queue.put(values.reduce((a, b) => a + b, 0)));\n"
    "export function fail(value) { throw new Error(`no ${value}`); }\n",
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

static void
check_sum (const Language *language,
           const char     *path,
           MpStartMethod   method)
{
  g_autoptr (MpQueue) queue = mp_queue_new (0, NULL);
  GVariant *parts[] = { mp_shared_to_variant (MP_SHARED (queue)), g_variant_new_int64 (40),
                        g_variant_new_int64 (2) };
  GVariant *argument[G_N_ELEMENTS (parts)];
  g_autoptr (MpProcess) process = NULL;
  g_autoptr (GVariant) sum = NULL;
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (parts); i++)
    argument[i] = g_variant_new_variant (parts[i]);
  process = new_call (language, path, "sum", g_variant_new_array (G_VARIANT_TYPE_VARIANT, argument,
                                                                  G_N_ELEMENTS (argument)), method);
  start (process);
  sum = mp_queue_get (queue, -1, NULL, &error);
  g_assert_no_error (error);
  if (g_variant_is_of_type (sum, G_VARIANT_TYPE_DOUBLE))
    g_assert_cmpfloat (g_variant_get_double (sum), ==, 42);
  else if (g_variant_is_of_type (sum, G_VARIANT_TYPE_INT32))
    g_assert_cmpint (g_variant_get_int32 (sum), ==, 42);
  else
    g_assert_cmpint (g_variant_get_int64 (sum), ==, 42);
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
  g_assert_nonnull (strstr (error->message, expected));
}

static void
run_language (gconstpointer data)
{
  const Language *language = data;
  g_autofree char *folder = g_dir_make_tmp ("mproc-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (folder, language->file, NULL);
  g_autofree char *missing = g_build_filename (folder, "missing", language->file, NULL);

  if (!is_there (language))
    {
      g_test_skip ("this language cannot be used here");
      g_rmdir (folder);
      return;
    }

  g_assert_true (g_file_set_contents (path, language->text, -1, NULL));
  for (guint i = 0; i < language->n_methods; i++)
    {
      check_sum (language, path, language->methods[i]);
      check_failure (language, path, "fail", "no 5", language->methods[i]);
      check_failure (language, path, "unknown", "unknown", language->methods[i]);
      check_failure (language, missing, "sum", language->file, language->methods[i]);
    }
  mp_process_stop_servers ();
  assert_no_children ();

  g_unlink (path);
  g_rmdir (folder);
}

/* Any exported function of the right type will do: this one gives back its argument. */
static void
test_library (void)
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

  return g_test_run ();
}
