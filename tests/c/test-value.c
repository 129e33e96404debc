/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * MpValue: types, ranges, atomic changes by several processes at once, locks, and deaths.
 */

#include "config.h"

#include "mproc/data/mp-value.h"

#include <float.h>
#include <math.h>

#include "mproc/memory/mp-memory.h"
#include "tests/c/family-common.h"

static MpValue *
make (MpElementType type)
{
  g_autoptr (GError) error = NULL;
  MpValue *value = mp_value_new (type, &error);

  g_assert_no_error (error);
  return value;
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
test_ranges (void)
{
  static const struct
  {
    MpElementType type;
    gint64        least;
    gint64        most;
  } rows[] = {
    { MP_ELEMENT_TYPE_INT8, -128, 127 },
    { MP_ELEMENT_TYPE_UINT8, 0, 255 },
    { MP_ELEMENT_TYPE_INT16, -32768, 32767 },
    { MP_ELEMENT_TYPE_UINT16, 0, 65535 },
    { MP_ELEMENT_TYPE_INT32, G_MININT32, G_MAXINT32 },
    { MP_ELEMENT_TYPE_UINT32, 0, G_MAXUINT32 },
    { MP_ELEMENT_TYPE_BOOLEAN, 0, 1 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (MpValue) value = make (rows[i].type);

      g_assert_cmpint (mp_value_get_int64 (value, NULL), ==, 0);
      g_assert_cmpint (mp_value_get_element_type (value), ==, rows[i].type);
      g_assert_true (mp_value_set_int64 (value, rows[i].least, NULL));
      g_assert_cmpint (mp_value_get_int64 (value, NULL), ==, rows[i].least);
      g_assert_true (mp_value_set_double (value, (double) rows[i].most, NULL));
      g_assert_cmpint (mp_value_get_int64 (value, NULL), ==, rows[i].most);
      assert_fails (mp_value_set_int64 (value, rows[i].least - 1, &error));
      assert_fails (mp_value_set_int64 (value, rows[i].most + 1, &error));
      assert_fails (mp_value_set_uint64 (value, G_MAXUINT64, &error));
      assert_fails (mp_value_set_double (value, 0.5, &error));
      assert_fails (mp_value_set_double (value, (double) NAN, &error));
      assert_fails (mp_value_exchange (value, rows[i].most + 1, &error));
      g_assert_cmpint (mp_value_get_int64 (value, NULL), ==, rows[i].most);
    }
}

static void
test_wide (void)
{
  g_autoptr (MpValue) wide = make (MP_ELEMENT_TYPE_INT64);
  g_autoptr (MpValue) unsign = make (MP_ELEMENT_TYPE_UINT64);
  g_autoptr (GVariant) variant = NULL;

  g_assert_true (mp_value_set_int64 (wide, G_MININT64, NULL));
  g_assert_cmpint (mp_value_get_int64 (wide, NULL), ==, G_MININT64);
  assert_fails (mp_value_get_uint64 (wide, &error));
  assert_fails (mp_value_set_double (wide, 0x1p63, &error));
  g_assert_true (mp_value_set_double (wide, -0x1p63, NULL));

  g_assert_true (mp_value_set_uint64 (unsign, G_MAXUINT64, NULL));
  g_assert_cmpuint (mp_value_get_uint64 (unsign, NULL), ==, G_MAXUINT64);
  assert_fails (mp_value_get_int64 (unsign, &error));
  assert_fails (mp_value_set_int64 (unsign, -1, &error));
  variant = mp_value_get_variant (unsign, NULL);
  g_assert_cmpuint (g_variant_get_uint64 (variant), ==, G_MAXUINT64);
  g_assert_cmpint (mp_value_add (unsign, 2, NULL), ==, -1);
  g_assert_cmpuint (mp_value_get_uint64 (unsign, NULL), ==, 1);
}

static void
test_floats (void)
{
  g_autoptr (MpValue) single = make (MP_ELEMENT_TYPE_FLOAT);
  g_autoptr (MpValue) value = make (MP_ELEMENT_TYPE_DOUBLE);

  g_assert_true (mp_value_set_double (single, 1.5, NULL));
  g_assert_cmpfloat (mp_value_get_double (single, NULL), ==, 1.5);
  assert_fails (mp_value_set_double (single, 1e300, &error));
  g_assert_true (mp_value_set_double (single, INFINITY, NULL));
  assert_fails (mp_value_get_int64 (single, &error));

  g_assert_true (mp_value_set_int64 (value, -3, NULL));
  g_assert_cmpfloat (mp_value_add_double (value, 0.25, NULL), ==, -3);
  g_assert_cmpfloat (mp_value_get_double (value, NULL), ==, -2.75);
  g_assert_cmpint (mp_value_get_int64 (value, NULL), ==, -2);
  assert_fails (mp_value_add (value, 1, &error));
  assert_fails (mp_value_and (value, 1, &error));
  assert_fails (mp_value_exchange (value, 1, &error));
  assert_fails (mp_value_compare_and_set (value, 1, 2, &error));
  g_assert_cmpfloat (mp_value_exchange_double (value, 0.0, NULL), ==, -2.75);
  g_assert_true (mp_value_compare_and_set_double (value, -0.0, (double) NAN, NULL));
  g_assert_true (mp_value_compare_and_set_double (value, (double) NAN, 1, NULL));
  g_assert_false (mp_value_compare_and_set_double (value, (double) NAN, 2, NULL));
  g_assert_cmpfloat (mp_value_get_double (value, NULL), ==, 1);
}

static void
test_atomics (void)
{
  g_autoptr (MpValue) value = make (MP_ELEMENT_TYPE_INT8);
  g_autoptr (MpValue) flag = make (MP_ELEMENT_TYPE_BOOLEAN);

  g_assert_cmpint (mp_value_add (value, 100, NULL), ==, 0);
  g_assert_cmpint (mp_value_add (value, 100, NULL), ==, 100);
  g_assert_cmpint (mp_value_get_int64 (value, NULL), ==, -56);
  g_assert_cmpint (mp_value_exchange (value, 0x0f, NULL), ==, -56);
  g_assert_cmpint (mp_value_and (value, ~1, NULL), ==, 0x0f);
  g_assert_cmpint (mp_value_or (value, 0x40, NULL), ==, 0x0e);
  g_assert_cmpint (mp_value_xor (value, -1, NULL), ==, 0x4e);
  g_assert_cmpint (mp_value_get_int64 (value, NULL), ==, ~0x4e);
  g_assert_false (mp_value_compare_and_set (value, 5, 6, NULL));
  g_assert_true (mp_value_compare_and_set (value, ~0x4e, 6, NULL));
  assert_fails (mp_value_compare_and_set (value, 6, 1000, &error));
  assert_fails (mp_value_add_double (value, 1, &error));
  assert_fails (mp_value_exchange_double (value, 1, &error));

  g_assert_cmpint (mp_value_exchange (flag, 1, NULL), ==, 0);
  g_assert_cmpint (mp_value_xor (flag, 4, NULL), ==, 1);
  g_assert_cmpint (mp_value_get_int64 (flag, NULL), ==, 0);
  assert_fails (mp_value_add (flag, 1, &error));
}

static void
test_variants (void)
{
  g_autoptr (MpValue) value = make (MP_ELEMENT_TYPE_INT16);
  g_autoptr (MpValue) flag = make (MP_ELEMENT_TYPE_BOOLEAN);
  g_autoptr (GVariant) number = NULL;
  g_autoptr (GVariant) truth = NULL;

  g_assert_true (mp_value_set_variant (value, g_variant_new_byte (200), NULL));
  g_assert_true (mp_value_set_variant (value, g_variant_new ("v", g_variant_new_int32 (-7)), NULL));
  number = mp_value_get_variant (value, NULL);
  g_assert_cmpint (g_variant_get_int64 (number), ==, -7);
  assert_fails (mp_value_set_variant (value, g_variant_new_uint32 (70000), &error));
  assert_fails (mp_value_set_variant (value, g_variant_new_string ("7"), &error));
  g_assert_true (mp_value_set_variant (flag, g_variant_new_boolean (TRUE), NULL));
  truth = mp_value_get_variant (flag, NULL);
  g_assert_true (g_variant_get_boolean (truth));
}

static void
test_typecodes (void)
{
  static const struct
  {
    const char *code;
    gsize       size;
    int         type;
  } rows[] = {
    { "b", 1, MP_ELEMENT_TYPE_INT8 },   { "B", 1, MP_ELEMENT_TYPE_UINT8 },
    { "h", sizeof (short), 0 },         { "i", sizeof (int), 0 },
    { "I", sizeof (int), 0 },           { "l", sizeof (long), 0 },
    { "L", sizeof (long), 0 },          { "q", 8, MP_ELEMENT_TYPE_INT64 },
    { "Q", 8, MP_ELEMENT_TYPE_UINT64 }, { "f", 4, MP_ELEMENT_TYPE_FLOAT },
    { "d", 8, MP_ELEMENT_TYPE_DOUBLE }, { "?", 1, MP_ELEMENT_TYPE_BOOLEAN },
    { "n", sizeof (gsize), 0 },         { "c", 1, 0 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (GError) error = NULL;
      MpElementType type = mp_element_type_from_typecode (rows[i].code, &error);

      g_assert_no_error (error);
      g_assert_cmpuint (mp_element_type_get_size (type), ==, rows[i].size);
      if (rows[i].type != 0)
        g_assert_cmpint (type, ==, rows[i].type);
    }
  assert_fails (mp_element_type_from_typecode ("ii", &error));
  assert_fails (mp_element_type_from_typecode ("", &error));
  assert_fails (mp_element_type_from_typecode ("z", &error));
  g_assert_cmpuint (mp_element_type_get_size ((MpElementType) 99), ==, 0);
  assert_fails (mp_value_new ((MpElementType) 0, &error));
  assert_fails (mp_value_new ((MpElementType) 12, &error));
}

static gpointer volatile kept[4];

#define N_PEERS 4
#define N_ROUNDS 10000

/* Four processes add, each 10,000 times, to each type: no addition is lost. */
static void
test_adding_together (void)
{
  g_autoptr (MpValue) wide = make (MP_ELEMENT_TYPE_INT64);
  g_autoptr (MpValue) narrow = make (MP_ELEMENT_TYPE_UINT8);
  g_autoptr (MpValue) single = make (MP_ELEMENT_TYPE_FLOAT);
  g_autoptr (MpValue) swapped = make (MP_ELEMENT_TYPE_INT32);
  int pids[N_PEERS];

  /* What a child has when it ends is no leak. */
  kept[0] = wide;
  kept[1] = narrow;
  kept[2] = single;
  kept[3] = swapped;
  for (guint i = 0; i < N_PEERS; i++)
    {
      pids[i] = fork ();
      for (guint k = 0; pids[i] == 0 && k < N_ROUNDS; k++)
        {
          gint64 old;

          mp_value_add (wide, 3, NULL);
          mp_value_add (narrow, 1, NULL);
          mp_value_add_double (single, 0.5, NULL);
          do
            old = mp_value_get_int64 (swapped, NULL);
          while (!mp_value_compare_and_set (swapped, old, old + 1, NULL));
        }
      if (pids[i] == 0)
        _exit (0);
    }
  for (guint i = 0; i < N_PEERS; i++)
    test_reap (pids[i], 0);

  g_assert_cmpint (mp_value_get_int64 (wide, NULL), ==, 3 * N_PEERS * N_ROUNDS);
  g_assert_cmpint (mp_value_get_int64 (narrow, NULL), ==, (N_PEERS * N_ROUNDS) % 256);
  g_assert_cmpfloat (mp_value_get_double (single, NULL), ==, N_PEERS * N_ROUNDS / 2);
  g_assert_cmpint (mp_value_get_int64 (swapped, NULL), ==, N_PEERS * N_ROUNDS);
}

static void
test_locks (void)
{
  g_autoptr (MpLock) lock = mp_lock_new (NULL);
  g_autoptr (MpValue) own = make (MP_ELEMENT_TYPE_INT32);
  g_autoptr (MpValue) given = mp_value_new_with_lock (MP_ELEMENT_TYPE_INT32, lock, NULL);
  g_autoptr (MpValue) bare = mp_value_new_with_lock (MP_ELEMENT_TYPE_INT32, NULL, NULL);
  g_autofree char *handle = mp_shared_get_handle (MP_SHARED (given));
  g_autofree char *bare_handle = mp_shared_get_handle (MP_SHARED (bare));
  g_autoptr (MpShared) same = mp_shared_open (handle, NULL);
  g_autoptr (MpShared) same_bare = mp_shared_open (bare_handle, NULL);

  g_assert_true (MP_IS_RLOCK (mp_value_get_lock (own)));
  g_assert_true (mp_value_get_lock (given) == lock);
  g_assert_null (mp_value_get_lock (bare));
  g_assert_null (mp_value_get_lock (MP_VALUE (same_bare)));
  g_assert_true (mp_lock_try_acquire (mp_value_get_lock (MP_VALUE (same))));
  g_assert_true (mp_lock_is_locked (lock));
  g_assert_true (mp_lock_release (lock, NULL));
}

static void
test_creator_dies (void)
{
  g_autoptr (MpShared) value = NULL;
  char handle[128] = "";
  int pid, ready[2];

  g_assert_cmpint (pipe (ready), ==, 0);
  pid = fork ();
  if (pid == 0)
    {
      MpValue *mine = make (MP_ELEMENT_TYPE_DOUBLE);

      mp_value_set_double (mine, 2.5, NULL);
      g_assert_true (mp_lock_try_acquire (mp_value_get_lock (mine)));
      g_strlcpy (handle, mp_shared_get_handle (MP_SHARED (mine)), sizeof handle);
      g_assert_cmpint (write (ready[1], handle, sizeof handle), ==, sizeof handle);
      for (;;)
        pause ();
    }
  g_assert_cmpint (read (ready[0], handle, sizeof handle), ==, sizeof handle);
  value = mp_shared_open (handle, NULL);
  kill (pid, SIGKILL);
  test_reap (pid, -SIGKILL);
  mp_memory_trim ();
  g_assert_cmpfloat (mp_value_get_double (MP_VALUE (value), NULL), ==, 2.5);
  g_assert_true (mp_lock_acquire (mp_value_get_lock (MP_VALUE (value)), 10, NULL, NULL));
  g_assert_true (mp_lock_get_abandoned (mp_value_get_lock (MP_VALUE (value))));
  g_assert_true (mp_lock_release (mp_value_get_lock (MP_VALUE (value)), NULL));
  close (ready[0]);
  close (ready[1]);
}

/* A lock goes with the last value that has it, and not before. */
static void
test_locks_go (void)
{
  guint64 before;

  g_object_unref (make (MP_ELEMENT_TYPE_INT8));
  mp_memory_trim ();
  before = mp_memory_get_used ();
  for (guint i = 0; i < 20000; i++)
    {
      g_autoptr (MpValue) value = make (MP_ELEMENT_TYPE_INT8);
      g_autofree char *handle = i % 100 == 0 ? mp_shared_get_handle (MP_SHARED (value)) : NULL;

      if (handle != NULL)
        {
          g_autoptr (MpShared) same = mp_shared_open (handle, NULL);

          g_clear_object (&value);
          g_assert_true (mp_lock_try_acquire (mp_value_get_lock (MP_VALUE (same))));
        }
    }
  mp_memory_trim ();
  g_assert_cmpuint (mp_memory_get_used (), <=, before + (1u << 18));
}

static void
test_text_and_place (void)
{
  g_autoptr (MpValue) value = make (MP_ELEMENT_TYPE_INT16);
  g_autofree char *text = NULL;
  gint16 *place = mp_value_get_data (value);

  *place = -5;
  g_assert_cmpuint (mp_value_get_address (value), ==, (guint64) (guintptr) place);
  text = mp_shared_to_string (MP_SHARED (value));
  g_assert_cmpstr (text, ==, "<Value(int16, -5)>");
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  add_family_case ("/value/ranges", test_ranges);
  add_family_case ("/value/wide", test_wide);
  add_family_case ("/value/floats", test_floats);
  add_family_case ("/value/atomics", test_atomics);
  add_family_case ("/value/variants", test_variants);
  add_family_case ("/value/typecodes", test_typecodes);
  add_family_case ("/value/adding-together", test_adding_together);
  add_family_case ("/value/locks", test_locks);
  add_family_case ("/value/creator-dies", test_creator_dies);
  add_family_case ("/value/locks-go", test_locks_go);
  add_family_case ("/value/text-and-place", test_text_and_place);

  return g_test_run ();
}
