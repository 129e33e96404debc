/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * MpArray: elements, ranges, bounds, several processes at once, and deaths.
 */

#include "config.h"

#include "mproc/data/mp-array.h"

#include <string.h>

#include "mproc/memory/mp-memory.h"
#include "tests/c/family-common.h"

#define MIB (1u << 20)

static MpArray *
make (MpElementType type,
      guint64       length)
{
  g_autoptr (GError) error = NULL;
  MpArray *array = mp_array_new (type, length, &error);

  g_assert_no_error (error);
  g_assert_cmpuint (mp_array_get_length (array), ==, length);
  g_assert_cmpint (mp_array_get_element_type (array), ==, type);
  return array;
}

#define assert_fails(expression) \
  G_STMT_START \
  { \
    g_autoptr (GError) error = NULL; \
    (void) (expression); \
    g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_ARGUMENT); \
  } \
  G_STMT_END

static void
test_elements (void)
{
  for (int type = MP_ELEMENT_TYPE_INT8; type <= MP_ELEMENT_TYPE_BOOLEAN; type++)
    {
      g_autoptr (MpArray) array = make ((MpElementType) type, 100);

      for (guint i = 0; i < 100; i++)
        {
          g_assert_cmpint (mp_array_get_int64 (array, i, NULL), ==, 0);
          g_assert_true (mp_array_set_uint64 (array, i, i % 2, NULL));
        }
      for (guint i = 0; i < 100; i++)
        g_assert_cmpfloat (mp_array_get_double (array, i, NULL), ==, i % 2);
    }
}

static void
test_bounds (void)
{
  g_autoptr (MpArray) array = make (MP_ELEMENT_TYPE_INT32, 10);
  g_autoptr (MpArray) empty = make (MP_ELEMENT_TYPE_INT32, 0);
  g_autoptr (GBytes) three = g_bytes_new ("abc", 3);
  g_autoptr (GBytes) four = g_bytes_new ("abcd", 4);
  gint32 numbers[10];

  assert_fails (mp_array_get_int64 (array, 10, &error));
  assert_fails (mp_array_get_int64 (array, G_MAXUINT64, &error));
  assert_fails (mp_array_set_int64 (array, 10, 0, &error));
  assert_fails (mp_array_add (array, 10, 1, &error));
  assert_fails (mp_array_compare_and_set (array, 10, 1, 2, &error));
  assert_fails (mp_array_set_int64 (array, 0, G_MAXINT64, &error));
  assert_fails (mp_array_get_range (array, 5, 6, numbers, &error));
  assert_fails (mp_array_get_range (array, 11, 0, numbers, &error));
  assert_fails (mp_array_set_range (array, 2, G_MAXUINT64 - 1, numbers, &error));
  assert_fails (mp_array_read (array, G_MAXUINT64, 2, &error));
  assert_fails (mp_array_write (array, 0, three, &error));
  assert_fails (mp_array_write (array, 10, four, &error));
  assert_fails (mp_array_get_int64 (empty, 0, &error));
  g_assert_true (mp_array_get_range (array, 10, 0, NULL, NULL));
  g_assert_true (mp_array_get_range (empty, 0, 0, NULL, NULL));
}

static void
test_absurd (void)
{
  const guint64 lengths[] = { G_MAXUINT64, G_MAXUINT64 / 8, G_MAXINT64 / 8 };
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (lengths); i++)
    {
      g_assert_null (mp_array_new (MP_ELEMENT_TYPE_DOUBLE, lengths[i], &error));
      g_assert_error (error, MP_ERROR, MP_ERROR_NO_SPACE);
      g_clear_error (&error);
    }
  g_assert_null (mp_array_new ((MpElementType) 77, 1, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_ARGUMENT);
}

static void
test_limit (void)
{
  guint64 limit = mp_memory_get_limit ();
  g_autoptr (GError) error = NULL;
  g_autoptr (MpArray) array = NULL;

  mp_memory_set_limit (mp_memory_get_used () + MIB, NULL);
  g_assert_null (mp_array_new (MP_ELEMENT_TYPE_DOUBLE, 64 * MIB, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_NO_SPACE);
  mp_memory_set_limit (limit, NULL);
  array = make (MP_ELEMENT_TYPE_DOUBLE, 1000);
}

static void
test_ranges (void)
{
  g_autoptr (MpArray) array = make (MP_ELEMENT_TYPE_INT16, 6);
  const gint16 numbers[] = { 1, -2, 3, -4 };
  gint16 back[6];
  g_autoptr (GBytes) some = NULL;
  g_autoptr (GBytes) view = NULL;
  gint16 *place;
  gsize size;

  g_assert_true (mp_array_set_range (array, 1, 4, numbers, NULL));
  g_assert_true (mp_array_get_range (array, 0, 6, back, NULL));
  g_assert_cmpint (back[0], ==, 0);
  g_assert_cmpint (memcmp (back + 1, numbers, sizeof numbers), ==, 0);
  some = mp_array_read (array, 2, 2, NULL);
  g_assert_cmpuint (g_bytes_get_size (some), ==, 4);
  g_assert_true (mp_array_write (array, 4, some, NULL));
  g_assert_cmpint (mp_array_get_int64 (array, 4, NULL), ==, -2);
  g_assert_cmpint (mp_array_get_int64 (array, 5, NULL), ==, 3);

  place = mp_array_get_data (array, &size);
  g_assert_cmpuint (size, ==, 12);
  g_assert_cmpuint ((guintptr) place % 64, ==, 0);
  view = mp_array_get_bytes (array, NULL);
  g_clear_object (&array);
  g_assert_true (g_bytes_get_data (view, &size) == place);
  g_assert_cmpint (place[5], ==, 3);
}

static void
test_atomics (void)
{
  g_autoptr (MpArray) array = make (MP_ELEMENT_TYPE_UINT16, 3);
  g_autoptr (MpArray) floats = make (MP_ELEMENT_TYPE_DOUBLE, 2);
  g_autoptr (GVariant) number = NULL;

  g_assert_cmpint (mp_array_add (array, 1, -1, NULL), ==, 0);
  g_assert_cmpint (mp_array_exchange (array, 1, 6, NULL), ==, 65535);
  g_assert_cmpint (mp_array_and (array, 1, 3, NULL), ==, 6);
  g_assert_cmpint (mp_array_or (array, 1, 8, NULL), ==, 2);
  g_assert_cmpint (mp_array_xor (array, 1, 2, NULL), ==, 10);
  g_assert_true (mp_array_compare_and_set (array, 1, 8, 9, NULL));
  g_assert_false (mp_array_compare_and_set (array, 1, 8, 9, NULL));
  g_assert_cmpuint (mp_array_get_uint64 (array, 1, NULL), ==, 9);
  g_assert_cmpuint (mp_array_get_uint64 (array, 0, NULL), ==, 0);
  g_assert_cmpuint (mp_array_get_uint64 (array, 2, NULL), ==, 0);
  g_assert_cmpfloat (mp_array_add_double (floats, 1, 0.5, NULL), ==, 0);
  g_assert_cmpfloat (mp_array_exchange_double (floats, 1, 4, NULL), ==, 0.5);
  g_assert_true (mp_array_compare_and_set_double (floats, 1, 4, 5, NULL));
  g_assert_true (mp_array_set_variant (floats, 0, g_variant_new_int32 (3), NULL));
  number = mp_array_get_variant (floats, 0, NULL);
  g_assert_cmpfloat (g_variant_get_double (number), ==, 3);
}

#define N_PEERS 4
#define N_ROUNDS 10000

/* Four processes add to neighbouring elements; nobody's addition spoils another's. */
static void
test_adding_together (void)
{
  g_autoptr (MpArray) array = make (MP_ELEMENT_TYPE_UINT16, 3);
  int pids[N_PEERS];

  for (guint i = 0; i < N_PEERS; i++)
    {
      pids[i] = fork ();
      for (guint k = 0; pids[i] == 0 && k < N_ROUNDS; k++)
        {
          mp_array_add (array, 0, 1, NULL);
          mp_array_add (array, 2, 2, NULL);
        }
      if (pids[i] == 0)
        _exit (0);
    }
  for (guint i = 0; i < N_PEERS; i++)
    test_reap (pids[i], 0);
  g_assert_cmpint (mp_array_get_int64 (array, 0, NULL), ==, N_PEERS * N_ROUNDS);
  g_assert_cmpint (mp_array_get_int64 (array, 1, NULL), ==, 0);
  g_assert_cmpint (mp_array_get_int64 (array, 2, NULL), ==, 2 * N_PEERS * N_ROUNDS % 65536);
}

/* Processes that make arrays are killed at any moment: no block stays behind. */
static void
test_makers_die (void)
{
  guint64 before;

  mp_memory_trim ();
  before = mp_memory_get_used ();
  for (guint i = 0; i < 40; i++)
    {
      int pid = fork ();

      while (pid == 0)
        g_object_unref (make (MP_ELEMENT_TYPE_INT64, 20000));
      g_usleep (2000 + i * 137);
      kill (pid, SIGKILL);
      test_reap (pid, -SIGKILL);
      mp_memory_trim ();
    }
  g_assert_cmpuint (mp_memory_get_used (), <=, before + MIB);
}

static void
test_handle_and_lock (void)
{
  g_autoptr (MpArray) array = make (MP_ELEMENT_TYPE_FLOAT, 7);
  g_autoptr (MpArray) bare = mp_array_new_with_lock (MP_ELEMENT_TYPE_FLOAT, 7, NULL, NULL);
  g_autofree char *handle = mp_shared_get_handle (MP_SHARED (array));
  g_autofree char *text = mp_shared_to_string (MP_SHARED (array));
  g_autoptr (MpShared) same = mp_shared_open (handle, NULL);

  g_assert_cmpstr (text, ==, "<Array(float, 7)>");
  g_assert_cmpuint (mp_array_get_length (MP_ARRAY (same)), ==, 7);
  g_assert_true (MP_IS_RLOCK (mp_array_get_lock (MP_ARRAY (same))));
  g_assert_null (mp_array_get_lock (bare));
  g_clear_object (&array);
  g_assert_true (mp_array_set_double (MP_ARRAY (same), 6, 0.5, NULL));
  g_assert_cmpfloat (mp_array_get_double (MP_ARRAY (same), 6, NULL), ==, 0.5);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  add_family_case ("/array/elements", test_elements);
  add_family_case ("/array/bounds", test_bounds);
  add_family_case ("/array/absurd", test_absurd);
  add_family_case ("/array/limit", test_limit);
  add_family_case ("/array/ranges", test_ranges);
  add_family_case ("/array/atomics", test_atomics);
  add_family_case ("/array/adding-together", test_adding_together);
  add_family_case ("/array/makers-die", test_makers_die);
  add_family_case ("/array/handle-and-lock", test_handle_and_lock);

  return g_test_run ();
}
