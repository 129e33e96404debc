/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Functions by name and by reference. What another program makes of a reference is seen in this
 * one, called as "--program REFERENCE NUMBER": it is loaded at other addresses then.
 */

#include "config.h"

#include "process-common.h"

#include <dlfcn.h>

#include "mproc/process/mp-function-private.h"

static char *self_path;

/* ── Functions ───────────────────────────────────────────────────────────────────────────────── */

static GVariant *
twice (GVariant  *argument,
       GError   **error)
{
  return g_variant_new_int64 (2 * g_variant_get_int64 (argument));
}

static GVariant *
add (GVariant  *argument,
     gpointer   data,
     GError   **error)
{
  return g_variant_new_int64 (g_variant_get_int64 (argument) + GPOINTER_TO_INT (data));
}

static GVariant *
fail (GVariant  *argument,
      gpointer   data,
      GError   **error)
{
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_BUSY, "Too busy");
  return data != NULL ? g_variant_new_boolean (TRUE) : NULL;
}

static GVariant *
give_nothing (GVariant  *argument,
              gpointer   data,
              GError   **error)
{
  return NULL;
}

static int freed;

static void
count_freed (gpointer data)
{
  freed++;
}

static GVariant *
replace_self (GVariant  *argument,
              gpointer   data,
              GError   **error)
{
  mp_function_register ("replaced", add, NULL, NULL);

  /* The data are there as long as this runs. */
  return g_variant_new_int64 (freed);
}

static gint64
call_number (guint       kind,
             const void *function,
             gsize       size,
             gint64      number)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) result =
    mp_function_call (kind, function, size, g_variant_new_int64 (number), &error);

  g_assert_no_error (error);
  g_assert_false (g_variant_is_floating (result));

  return g_variant_get_int64 (result);
}

static gint64
call_name (const char *name,
           gint64      number)
{
  return call_number (MP_FUNCTION_NAMED, name, strlen (name), number);
}

static void
assert_call_fails (guint       kind,
                   const char *function,
                   GQuark      domain,
                   int         code,
                   const char *words)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (mp_function_call (kind, (const guint8 *) function, strlen (function),
                                   g_variant_new_int64 (1), &error));
  g_assert_error (error, domain, code);
  g_assert_nonnull (strstr (error->message, words));
}

/* ── By name ─────────────────────────────────────────────────────────────────────────────────── */

static void
test_named (void)
{
  freed = 0;
  mp_function_register ("add", add, GINT_TO_POINTER (1), count_freed);
  g_assert_true (mp_function_is_registered ("add"));
  g_assert_cmpint (call_name ("add", 41), ==, 42);

  mp_function_register ("add", add, GINT_TO_POINTER (10), count_freed);
  g_assert_cmpint (freed, ==, 1);
  g_assert_cmpint (call_name ("add", 41), ==, 51);

  /* The name need not end with a zero byte. */
  g_assert_cmpint (call_number (MP_FUNCTION_NAMED, "addition", 3, 1), ==, 11);

  mp_function_register ("add", NULL, NULL, NULL);
  g_assert_cmpint (freed, ==, 2);
  g_assert_false (mp_function_is_registered ("add"));
  assert_call_fails (MP_FUNCTION_NAMED, "add", MP_ERROR, MP_ERROR_NO_SUCH_FUNCTION, "add");
}

static void
test_replaced_while_it_runs (void)
{
  freed = 0;
  mp_function_register ("replaced", replace_self, NULL, count_freed);
  g_assert_cmpint (call_name ("replaced", 1), ==, 0);
  g_assert_cmpint (freed, ==, 1);
  g_assert_cmpint (call_name ("replaced", 1), ==, 1);
  mp_function_register ("replaced", NULL, NULL, NULL);
}

static void
test_failures (void)
{
  mp_function_register ("fail", fail, NULL, NULL);
  mp_function_register ("fail-twice", fail, &freed, NULL);
  mp_function_register ("nothing", give_nothing, NULL, NULL);

  assert_call_fails (MP_FUNCTION_NAMED, "fail", G_IO_ERROR, G_IO_ERROR_BUSY, "busy");
  assert_call_fails (MP_FUNCTION_NAMED, "fail-twice", G_IO_ERROR, G_IO_ERROR_BUSY, "busy");
  assert_call_fails (MP_FUNCTION_NAMED, "nothing", MP_ERROR, MP_ERROR_TASK_FAILED, "neither");
  assert_call_fails (MP_FUNCTION_NAMED, "missing", MP_ERROR, MP_ERROR_NO_SUCH_FUNCTION, "missing");
  assert_call_fails (MP_FUNCTION_LANGUAGE, "x", MP_ERROR, MP_ERROR_NOT_SUPPORTED,
                     "functions of C");
  assert_call_fails (0, "x", MP_ERROR, MP_ERROR_NOT_SUPPORTED, "functions of C");
}

static gboolean
call_inherited (MpProcess  *process,
                gpointer    data,
                GError    **error)
{
  return call_name ("inherited", 2) == 7;
}

static void
test_inherited (void)
{
  g_autoptr (MpProcess) process = mp_process_new (NULL, call_inherited, NULL, NULL);

  mp_function_register ("inherited", add, GINT_TO_POINTER (5), NULL);
  g_assert_cmpint (start_and_join (process), ==, 0);
}

static int stop_registering;

static gpointer
register_often (gpointer data)
{
  while (!g_atomic_int_get (&stop_registering))
    mp_function_register ("inherited", add, GINT_TO_POINTER (5), NULL);

  return NULL;
}

/* A child finds the registry's lock free, whoever held it at the fork. */
static void
test_forks_while_registering (void)
{
  GThread *thread = g_thread_new ("register", register_often, NULL);

  for (int i = 0; i < 100; i++)
    test_inherited ();
  g_atomic_int_set (&stop_registering, 1);
  g_thread_join (thread);
}

/* ── By reference ────────────────────────────────────────────────────────────────────────────── */

static char *
describe (MpTaskFunc func)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) bytes = mp_function_describe (func, &error);
  gsize size;
  const char *text;

  g_assert_no_error (error);
  text = g_bytes_get_data (bytes, &size);

  return g_strndup (text, size);
}

static MpTaskFunc
resolve (const char *reference)
{
  g_autoptr (GError) error = NULL;
  MpTaskFunc func = mp_function_resolve ((const guint8 *) reference, strlen (reference), &error);

  g_assert_no_error (error);
  return func;
}

static void
test_reference (void)
{
  g_autofree char *own = describe (twice);
  g_autofree char *foreign = describe ((MpTaskFunc) g_variant_ref_sink);

  /* Twice, since the second time is answered from what is remembered. */
  for (int i = 0; i < 2; i++)
    {
      g_assert_true (resolve (own) == twice);
      g_assert_true (resolve (foreign) == (MpTaskFunc) g_variant_ref_sink);
      g_assert_cmpint (call_number (MP_FUNCTION_SYMBOL, own, strlen (own), 21), ==, 42);
    }
}

/* The number that another run of this program gets. */
static int
call_elsewhere (const char *reference,
                const char *number)
{
  const char *argv[] = { self_path, "--program", reference, number, NULL };
  g_autoptr (MpProcess) process = mp_process_new_command (NULL, argv);

  return start_and_join (process);
}

static void
test_reference_elsewhere (void)
{
  g_autofree char *own = describe (twice);
  g_autofree char *foreign = describe ((MpTaskFunc) g_variant_ref_sink);

  g_assert_cmpint (call_elsewhere (own, "21"), ==, 42);
  g_assert_cmpint (call_elsewhere (foreign, "21"), ==, 21);
  g_assert_cmpint (call_elsewhere ("0 0 /no/such.so", "21"), ==, 100 + MP_ERROR_NO_SUCH_FUNCTION);
}

static void
test_library_is_missing (void)
{
  assert_call_fails (MP_FUNCTION_SYMBOL, "10 abc /no/such/library.so", MP_ERROR,
                     MP_ERROR_NO_SUCH_FUNCTION, "/no/such/library.so");
}

/* Any library that every system has. */
static char *
find_unused_library (void)
{
  Dl_info info;
  g_autofree char *folder = NULL;

  g_assert_cmpint (dladdr ((gpointer) getpid, &info), !=, 0);
  folder = g_path_get_dirname (info.dli_fname);

  return g_build_filename (folder, "libBrokenLocale.so.1", NULL);
}

/* A library that this program does not use is loaded to see what it is. */
static void
test_library_is_loaded (void)
{
  g_autofree char *library = find_unused_library ();
  g_autofree char *reference = g_strdup_printf ("0 - %s", library);

  if (!g_file_test (library, G_FILE_TEST_EXISTS))
    {
      g_test_skip ("There is no library to try");
      return;
    }
  g_assert_null (dlopen (library, RTLD_LAZY | RTLD_NOLOAD));
  assert_call_fails (MP_FUNCTION_SYMBOL, reference, MP_ERROR, MP_ERROR_NO_SUCH_FUNCTION,
                     "another build");
  g_assert_nonnull (dlopen (library, RTLD_LAZY | RTLD_NOLOAD));
}

static char *
with_field (const char *reference,
            int         field,
            const char *value)
{
  g_auto (GStrv) fields = g_strsplit (reference, " ", 3);

  g_free (fields[field]);
  fields[field] = g_strdup (value);

  return g_strjoinv (" ", fields);
}

static void
test_wrong_references (void)
{
  static const char *garbage[] = { "", " ", "x", "10", "10 abc", "zz abc /lib/x.so", "-1 a b",
                                   "ffffffffffffffffff a b" };
  g_autofree char *own = describe (twice);
  g_autofree char *foreign = describe ((MpTaskFunc) g_variant_ref_sink);
  g_autofree char *other_build = with_field (foreign, 1, "0123abcd");
  g_autofree char *not_code = with_field (foreign, 0, "0");
  g_autofree char *far_away = with_field (foreign, 0, "7fffffffffffffff");
  g_autofree char *other_program = with_field (own, 1, "0123abcd");
  g_autofree char *named_program = with_field (other_program, 2, " /bin/other");

  for (gsize i = 0; i < G_N_ELEMENTS (garbage); i++)
    assert_call_fails (MP_FUNCTION_SYMBOL, garbage[i], MP_ERROR, MP_ERROR_NO_SUCH_FUNCTION, "");
  assert_call_fails (MP_FUNCTION_SYMBOL, other_build, MP_ERROR, MP_ERROR_NO_SUCH_FUNCTION,
                     "another build");
  assert_call_fails (MP_FUNCTION_SYMBOL, not_code, MP_ERROR, MP_ERROR_NO_SUCH_FUNCTION, "glib");
  assert_call_fails (MP_FUNCTION_SYMBOL, far_away, MP_ERROR, MP_ERROR_NO_SUCH_FUNCTION, "glib");
  assert_call_fails (MP_FUNCTION_SYMBOL, other_program, MP_ERROR, MP_ERROR_NO_SUCH_FUNCTION,
                     "another build");
  assert_call_fails (MP_FUNCTION_SYMBOL, named_program, MP_ERROR, MP_ERROR_NO_SUCH_FUNCTION,
                     "/bin/other");
}

static void
assert_not_describable (gpointer address)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (mp_function_describe ((MpTaskFunc) address, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_NOT_SUPPORTED);
}

static void
test_not_describable (void)
{
  g_autofree char *heap = g_malloc (100);
  int stack;

  assert_not_describable (NULL);
  assert_not_describable (heap);
  assert_not_describable (&stack);
  assert_not_describable (&freed);
}

static int
run_program (const char *reference,
             const char *number)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) result =
    mp_function_call (MP_FUNCTION_SYMBOL, (const guint8 *) reference, strlen (reference),
                      g_variant_new_int64 (atoi (number)), &error);

  return result != NULL ? g_variant_get_int64 (result) : 100 + error->code;
}

int
main (int    argc,
      char **argv)
{
  self_path = g_file_read_link ("/proc/self/exe", NULL);
  if (argc == 4 && strcmp (argv[1], "--program") == 0)
    return run_program (argv[2], argv[3]);

  g_test_init (&argc, &argv, NULL);

  add_case ("/function/named", test_named);
  add_case ("/function/replaced-while-it-runs", test_replaced_while_it_runs);
  add_case ("/function/failures", test_failures);
  add_case ("/function/inherited", test_inherited);
  add_case ("/function/forks-while-registering", test_forks_while_registering);
  add_case ("/function/reference", test_reference);
  add_case ("/function/reference-elsewhere", test_reference_elsewhere);
  add_case ("/function/library-is-missing", test_library_is_missing);
  add_case ("/function/library-is-loaded", test_library_is_loaded);
  add_case ("/function/wrong-references", test_wrong_references);
  add_case ("/function/not-describable", test_not_describable);

  return g_test_run ();
}
