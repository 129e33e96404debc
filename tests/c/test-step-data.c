/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Killed at any instruction of what is done with shareable lists, values, arrays and shared memory;
 * how, is in step-common.h.
 *
 * Named memory lies in files: there the state of the directory is what must be whole after each
 * death. The test has a directory of its own, so that it sees all that is left in it.
 */

#include "config.h"

#include <glib/gstdio.h>

#include "mproc/data/mp-array.h"
#include "mproc/data/mp-shareable-list.h"
#include "mproc/data/mp-value.h"
#include "tests/c/step-common.h"

#define SIZE 10000
#define NAME "step"

#define OLD "what was there before, all of it"
#define SHORTER "new"
#define LONGER "what is new, a little longer, too"

typedef struct {
  MpShareableList *list;
  const char      *text;        /* that the victim sets */
  MpValue         *value;
} State;

static gpointer
set_up (void)
{
  return g_new0 (State, 1);
}

static void
tear_down (gpointer argument)
{
  State *state = argument;

  g_clear_object (&state->list);
  g_clear_object (&state->value);
  g_free (state);
}

/* --- Shareable lists ----------------------------------------------------------------------- */

static MpShareableList *
make_list (void)
{
  GVariant *items = g_variant_new_parsed ("[<%s>, <7>, <true>]", OLD);
  MpShareableList *list = mp_shareable_list_new (items, NULL);

  g_assert_nonnull (list);
  return list;
}

static gpointer
set_up_list (const char *text)
{
  State *state = set_up ();

  state->list = make_list ();
  state->text = text;
  return state;
}

static gpointer
set_up_shorter (void)
{
  return set_up_list (SHORTER);
}

static gpointer
set_up_longer (void)
{
  return set_up_list (LONGER);
}

static void
set_item (gpointer argument)
{
  State *state = argument;

  g_assert_true (mp_shareable_list_set (state->list, 0, g_variant_new_string (state->text), NULL));
}

static gboolean
item_is (MpShareableList *list,
         guint64          index,
         const char      *text)
{
  g_autoptr (GVariant) item = mp_shareable_list_get (list, index, NULL);

  g_assert_nonnull (item);
  return g_strcmp0 (g_variant_get_string (item, NULL), text) == 0;
}

/* The old text or the new one, never a mixture, and the neighbours as they were; and its lock,
 * which may have been the victim's, can be had. */
static void
check_list (gpointer argument)
{
  static const char *const texts[] = { OLD, SHORTER, LONGER, "" };
  State *state = argument;
  g_autoptr (GVariant) number = mp_shareable_list_get (state->list, 1, NULL);
  g_autoptr (GVariant) flag = mp_shareable_list_get (state->list, 2, NULL);

  g_assert_true (item_is (state->list, 0, OLD) || item_is (state->list, 0, state->text));
  g_assert_cmpint (g_variant_get_int64 (number), ==, 7);
  g_assert_true (g_variant_get_boolean (flag));
  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_assert_true (
        mp_shareable_list_set (state->list, 0, g_variant_new_string (texts[i]), NULL));
      g_assert_true (item_is (state->list, 0, texts[i]));
    }
}

/* --- Made and dropped ---------------------------------------------------------------------- */

static void
create_list (gpointer state G_GNUC_UNUSED)
{
  g_object_unref (make_list ());
}

static void
create_value (gpointer state G_GNUC_UNUSED)
{
  g_autoptr (MpValue) value = mp_value_new (MP_ELEMENT_TYPE_DOUBLE, NULL);

  g_assert_nonnull (value);
}

static void
create_array (gpointer state G_GNUC_UNUSED)
{
  g_autoptr (MpArray) array = mp_array_new (MP_ELEMENT_TYPE_INT32, SIZE / 4, NULL);

  g_assert_nonnull (array);
}

static void
create_memory (gpointer state G_GNUC_UNUSED)
{
  g_autoptr (MpSharedMemory) memory = mp_shared_memory_new (SIZE, NULL);

  g_assert_nonnull (memory);
}

/* One of each works, and what it begins with is zero. */
static void
check_new (gpointer argument G_GNUC_UNUSED)
{
  g_autoptr (MpValue) value = mp_value_new (MP_ELEMENT_TYPE_DOUBLE, NULL);
  g_autoptr (MpArray) array = mp_array_new (MP_ELEMENT_TYPE_INT32, SIZE / 4, NULL);
  g_autoptr (MpSharedMemory) memory = mp_shared_memory_new (SIZE, NULL);
  g_autoptr (MpShareableList) list = make_list ();
  const guint8 *data = mp_shared_memory_get_data (memory, NULL, NULL);

  g_assert_true (mp_value_get_double (value, NULL) == 0.0);
  g_assert_true (mp_lock_acquire (mp_value_get_lock (value), 5, NULL, NULL));
  g_assert_true (mp_lock_release (mp_value_get_lock (value), NULL));
  for (guint i = 0; i < SIZE / 4; i++)
    g_assert_cmpint (mp_array_get_int64 (array, i, NULL), ==, 0);
  for (guint i = 0; i < SIZE; i++)
    g_assert_cmpuint (data[i], ==, 0);
  memset (mp_shared_memory_get_data (memory, NULL, NULL), 0xee, SIZE);
  g_assert_true (mp_array_set_int64 (array, SIZE / 4 - 1, -1, NULL));
  g_assert_true (item_is (list, 0, OLD));
}

/* --- Values -------------------------------------------------------------------------------- */

static gpointer
set_up_value (void)
{
  State *state = set_up ();

  state->value = mp_value_new (MP_ELEMENT_TYPE_INT64, NULL);
  g_assert_true (mp_value_set_int64 (state->value, 40, NULL));
  return state;
}

static void
add (gpointer argument)
{
  State *state = argument;

  mp_value_add (state->value, 2, NULL);
}

static void
check_value (gpointer argument)
{
  State *state = argument;
  gint64 number = mp_value_get_int64 (state->value, NULL);

  g_assert_true (number == 40 || number == 42);
  g_assert_cmpint (mp_value_add (state->value, 1, NULL), ==, number);
  g_assert_cmpint (mp_value_get_int64 (state->value, NULL), ==, number + 1);
}

/* --- Named memory -------------------------------------------------------------------------- */

static void
create_and_unlink (gpointer state G_GNUC_UNUSED)
{
  g_autoptr (MpSharedMemory) memory = mp_shared_memory_new_named (NAME, SIZE, NULL);

  g_assert_nonnull (memory);
  g_assert_true (mp_shared_memory_unlink (NAME, NULL));
}

/* How many files there are; each must be the one. */
static guint
count_files (void)
{
  g_autoptr (GDir) dir = g_dir_open (g_getenv ("MPROC_SHM_DIR"), 0, NULL);
  const char *entry;
  guint n = 0;

  g_assert_nonnull (dir);
  for (; (entry = g_dir_read_name (dir)) != NULL; n++)
    g_assert_cmpstr (entry, ==, "mproc-" NAME);

  return n;
}

/* Complete, or absent. */
static void
check_directory (gpointer argument G_GNUC_UNUSED)
{
  g_autoptr (MpSharedMemory) memory = mp_shared_memory_open_named (NAME, NULL);

  g_assert_cmpuint (count_files (), ==, memory != NULL ? 1 : 0);
  if (memory != NULL)
    {
      gsize size;
      guint8 *data = mp_shared_memory_get_data (memory, &size, NULL);

      g_assert_cmpuint (size, ==, SIZE);
      for (gsize i = 0; i < size; i++)
        g_assert_cmpuint (data[i]++, ==, 0);
      g_assert_true (mp_shared_memory_unlink (NAME, NULL));
    }
  create_and_unlink (NULL);
  g_assert_cmpuint (count_files (), ==, 0);
}

static const StepCase cases[] = {
  { "list-set-shorter", set_up_shorter, set_item, check_list, tear_down, NULL, FALSE },
  { "list-set-longer", set_up_longer, set_item, check_list, tear_down, NULL, FALSE },
  { "list-create-drop", set_up, create_list, check_new, tear_down, NULL, FALSE },
  { "value-create-drop", set_up, create_value, check_new, tear_down, NULL, FALSE },
  { "value-add", set_up_value, add, check_value, tear_down, NULL, FALSE },
  { "array-create-drop", set_up, create_array, check_new, tear_down, NULL, FALSE },
  { "memory-create-drop", set_up, create_memory, check_new, tear_down, NULL, FALSE },
  { "memory-named", set_up, create_and_unlink, check_directory, tear_down, NULL, FALSE, TRUE },
};

int
main (int    argc,
      char **argv)
{
  char directory[] = "/dev/shm/mproc-step-XXXXXX";
  int result;

  g_test_init (&argc, &argv, NULL);
  g_assert_nonnull (g_mkdtemp (directory));
  g_setenv ("MPROC_SHM_DIR", directory, TRUE);
  step_add_cases (cases, G_N_ELEMENTS (cases));
  result = g_test_run ();
  g_assert_cmpint (g_rmdir (directory), ==, 0);

  return result;
}
