/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * MpShareableList: kinds, room, names, several writers, killed writers, and damage.
 */

#include "config.h"

#include "mproc/data/mp-shareable-list.h"

#include <string.h>
#include <sys/prctl.h>

#include "mproc/memory/mp-memory.h"
#include "tests/c/family-common.h"

static char *own_name;

/* What a child has when it ends is no leak. */
static gpointer volatile kept[3];

static MpShareableList *
make (const char *text)
{
  g_autoptr (GError) error = NULL;
  GVariant *items = g_variant_parse (NULL, text, NULL, NULL, &error);
  MpShareableList *list;

  g_assert_no_error (error);
  list = mp_shareable_list_new (items, &error);
  g_variant_unref (items);
  g_assert_no_error (error);
  return list;
}

static void
assert_item (MpShareableList *list,
             guint64          index,
             const char      *expected)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) value = mp_shareable_list_get (list, index, &error);
  g_autofree char *text = NULL;

  g_assert_no_error (error);
  text = g_variant_print (value, TRUE);
  g_assert_cmpstr (text, ==, expected);
}

static void
set (MpShareableList *list,
     guint64          index,
     const char      *text)
{
  g_autoptr (GError) error = NULL;
  GVariant *value = g_variant_parse (NULL, text, NULL, NULL, NULL);

  mp_shareable_list_set (list, index, value, &error);
  g_variant_unref (value);
  g_assert_no_error (error);
}

static void
assert_set_fails (MpShareableList *list,
                  guint64          index,
                  const char      *text,
                  int              code)
{
  g_autoptr (GError) error = NULL;
  GVariant *value = g_variant_parse (NULL, text, NULL, NULL, NULL);

  g_assert_false (mp_shareable_list_set (list, index, value, &error));
  g_variant_unref (value);
  g_assert_error (error, MP_ERROR, code);
}

#define ALL "(7, -2.5, true, 'häns', b'by', @mv nothing, uint64 9, '')"

static void
test_kinds (void)
{
  g_autoptr (MpShareableList) list = make (ALL);
  g_autoptr (MpShareableList) empty = make ("@av []");
  g_autofree char *format = mp_shareable_list_get_format (list, NULL);
  g_autofree char *nothing = mp_shareable_list_get_format (empty, NULL);

  g_assert_cmpuint (mp_shareable_list_get_length (list), ==, 8);
  assert_item (list, 0, "int64 7");
  assert_item (list, 1, "-2.5");
  assert_item (list, 2, "true");
  assert_item (list, 3, "'häns'");
  assert_item (list, 4, "b'by'");
  assert_item (list, 5, "@mv nothing");
  assert_item (list, 6, "int64 9");
  assert_item (list, 7, "''");
  g_assert_cmpstr (format, ==, "qdxxxxxxx?8s8sxxxxxx?xq8s");
  g_assert_cmpstr (nothing, ==, "");
  g_assert_cmpuint (mp_shareable_list_get_length (empty), ==, 0);
}

/* A slot may change its kind, but not grow. */
static void
test_room (void)
{
  g_autoptr (MpShareableList) list = make ("<[<1>, <'12345678'>, <false>]>");
  g_autofree char *format = NULL;

  set (list, 0, "'12345678'");
  assert_item (list, 0, "'12345678'");
  assert_set_fails (list, 0, "'123456789'", MP_ERROR_INVALID_ARGUMENT);
  assert_item (list, 0, "'12345678'");
  set (list, 1, "'1234567890123456'");
  assert_set_fails (list, 1, "'12345678901234567'", MP_ERROR_INVALID_ARGUMENT);
  set (list, 1, "@mv nothing");
  assert_item (list, 1, "@mv nothing");
  set (list, 1, "'back'");
  set (list, 2, "1.25");
  set (list, 2, "<<int16 -3>>");
  assert_item (list, 2, "int64 -3");
  format = mp_shareable_list_get_format (list, NULL);
  g_assert_cmpstr (format, ==, "8s16sq");
}

static void
test_bad (void)
{
  g_autoptr (MpShareableList) list = make ("[1, 2]");
  const char *bad[] = { "[[1, 2]]", "{'a': 1}", "@a(ii) [(1, 2)]", "[@mi 1]", "1", "@mi nothing" };

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GVariant) items = g_variant_parse (NULL, bad[i], NULL, NULL, NULL);

      g_assert_null (mp_shareable_list_new (items, &error));
      g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_ARGUMENT);
    }
  assert_set_fails (list, 2, "1", MP_ERROR_NO_SUCH_KEY);
  assert_set_fails (list, G_MAXUINT64, "1", MP_ERROR_NO_SUCH_KEY);
  assert_set_fails (list, 0, "uint64 9223372036854775808", MP_ERROR_INVALID_ARGUMENT);
  assert_set_fails (list, 0, "[1]", MP_ERROR_INVALID_ARGUMENT);
  assert_item (list, 0, "int64 1");
}

static gint64
search (MpShareableList *list,
        const char      *text,
        gboolean         count)
{
  g_autoptr (GVariant) value = g_variant_parse (NULL, text, NULL, NULL, NULL);
  g_autoptr (GError) error = NULL;
  gint64 result = count ? mp_shareable_list_count (list, value, &error)
                        : mp_shareable_list_index (list, value, &error);

  if (result < 0)
    g_assert_error (error, MP_ERROR, MP_ERROR_NO_SUCH_KEY);
  return result;
}

static void
test_search (void)
{
  g_autoptr (MpShareableList) list = make ("<(1, 'a', 1.0, true, b'a', @mv nothing, 2, 'a')>");

  g_assert_cmpint (search (list, "1", TRUE), ==, 3);
  g_assert_cmpint (search (list, "'a'", TRUE), ==, 2);
  g_assert_cmpint (search (list, "'b'", TRUE), ==, 0);
  g_assert_cmpint (search (list, "@mv nothing", TRUE), ==, 1);
  g_assert_cmpint (search (list, "2.0", FALSE), ==, 6);
  g_assert_cmpint (search (list, "'a'", FALSE), ==, 1);
  g_assert_cmpint (search (list, "3", FALSE), ==, -1);
}

static void
test_named (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MpShareableList) list = NULL;
  g_autoptr (MpShareableList) same = NULL;
  g_autoptr (MpSharedMemory) other = NULL;

  list = mp_shareable_list_new_named (own_name, g_variant_new ("(is)", 3, "three"), &error);
  g_assert_no_error (error);
  g_assert_null (mp_shareable_list_new_named (own_name, g_variant_new ("(i)", 3), &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_EXISTS);
  g_clear_error (&error);
  same = mp_shareable_list_open_named (own_name, &error);
  g_assert_no_error (error);
  set (same, 0, "4");
  assert_item (list, 0, "int64 4");
  g_assert_cmpstr (mp_shared_memory_get_name (mp_shareable_list_get_memory (same)), ==, own_name);
  g_assert_true (mp_shared_memory_unlink (own_name, NULL));
  g_assert_null (mp_shareable_list_open_named (own_name, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
  g_clear_error (&error);

  /* Memory that holds no list. */
  other = mp_shared_memory_new_named (own_name, 200, NULL);
  g_assert_null (mp_shareable_list_open_named (own_name, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_DATA);
  g_assert_true (mp_shared_memory_unlink (own_name, NULL));
}

/* Every byte of the table spoiled in turn: errors or values, and nothing worse. The lock is left
 * out: its bytes belong to the C library. */
static void
test_damaged (void)
{
  g_autoptr (MpShareableList) list = make ("<(1, 'text', @mv nothing)>");
  MpSharedMemory *memory = mp_shareable_list_get_memory (list);
  gsize size;
  guint8 *data = mp_shared_memory_get_data (memory, &size, NULL);

  for (gsize i = 0; i < size; i++)
    for (guint flip = 1; flip < 256 && (i < 24 || i >= 64); flip = flip * 3 + 1)
      {
        data[i] ^= (guint8) flip;
        for (guint k = 0; k < 4; k++)
          {
            g_autoptr (GError) error = NULL;
            g_autoptr (GVariant) value = mp_shareable_list_get (list, k, &error);
            g_autofree char *format = mp_shareable_list_get_format (list, NULL);

            g_assert_true (value != NULL || error != NULL);
          }
        data[i] ^= (guint8) flip;
      }
  assert_item (list, 1, "'text'");
}

static void
test_closed (void)
{
  g_autoptr (MpShareableList) list = make ("<(1, 2)>");
  g_autoptr (GError) error = NULL;

  mp_shared_memory_close (mp_shareable_list_get_memory (list));
  g_assert_null (mp_shareable_list_get (list, 0, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_STATE);
  assert_set_fails (list, 0, "1", MP_ERROR_INVALID_STATE);
}

static void
test_handle (void)
{
  g_autoptr (MpShareableList) list = make ("<(1, 'x')>");
  g_autofree char *handle = mp_shared_get_handle (MP_SHARED (list));
  g_autoptr (MpShared) same = mp_shared_open (handle, NULL);
  int pid;

  kept[0] = list;
  kept[1] = same;
  kept[2] = handle;
  pid = fork ();
  if (pid == 0)
    {
      set (list, 1, "'child'");
      _exit (0);
    }
  test_reap (pid, 0);
  g_clear_object (&list);
  assert_item (MP_SHAREABLE_LIST (same), 1, "'child'");
}

/* --- Writers ------------------------------------------------------------------------------- */

#define ROOM 4000

static void
write_for_ever (MpShareableList *list,
                guint            number)
{
  char text[ROOM + 1];

  prctl (PR_SET_PDEATHSIG, SIGKILL);
  for (guint i = number;; i += 7)
    {
      guint length = 1 + (i * 131) % ROOM;

      memset (text, 'a' + (char) (i % 26), length);
      text[length] = '\0';
      if (!mp_shareable_list_set (list, 0, g_variant_new_string (text), NULL))
        _exit (1);
    }
}

/* Whole values only: one letter, as often as its length says. */
static void
check_text (MpShareableList *list)
{
  g_autoptr (GVariant) value = mp_shareable_list_get (list, 0, NULL);
  const char *text;
  gsize length;

  g_assert_nonnull (value);
  text = g_variant_get_string (value, &length);
  for (gsize i = 1; i < length; i++)
    g_assert_cmpint (text[i], ==, text[0]);
}

static void
test_killed_writers (void)
{
  g_autofree char *longest = g_strnfill (ROOM, 'z');
  g_autoptr (MpShareableList) list =
    mp_shareable_list_new (g_variant_new ("(s)", longest), NULL);
  guint kills = g_test_slow () ? 1000 : g_getenv ("MPROC_TEST_SLOWNESS") != NULL ? 20 : 150;

  for (guint i = 0; i < kills; i++)
    {
      int pids[2];
      gint64 end = g_get_monotonic_time () + 1500 + (i * 37) % 1000;

      for (guint k = 0; k < 2; k++)
        {
          pids[k] = fork ();
          if (pids[k] == 0)
            write_for_ever (list, 3 * i + k);
        }
      while (g_get_monotonic_time () < end)
        check_text (list);
      for (guint k = 0; k < 2; k++)
        kill (pids[k], SIGKILL);
      for (guint k = 0; k < 2; k++)
        test_reap (pids[k], -SIGKILL);
      check_text (list);
      set (list, 0, "'mmmm'");
      assert_item (list, 0, "'mmmm'");
    }
}

static void
test_limit (void)
{
  guint64 limit = mp_memory_get_limit ();
  g_autofree char *text = g_strnfill (64u << 20, 'l');
  g_autoptr (GVariant) items = g_variant_ref_sink (g_variant_new ("(s)", text));
  g_autoptr (GError) error = NULL;

  mp_memory_set_limit (mp_memory_get_used () + (1u << 20), NULL);
  g_assert_null (mp_shareable_list_new (items, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_NO_SPACE);
  mp_memory_set_limit (limit, NULL);
}

static void
test_data (void)
{
  const guint32 items[] = { 2, 8, 5, 0, 4, 4, 0x00620061, 0, 0 };
  const guint32 bad[][4] = { { 2, 4, 1, 0 }, { 9, 0, 0, 0 }, { 5, 100, 0, 0 }, { 1, 8, 0, 0 } };
  g_autoptr (GBytes) bytes = g_bytes_new (items, sizeof items);
  g_autoptr (MpShareableList) list = mp_shareable_list_new_data (NULL, bytes, NULL);
  g_autoptr (GBytes) data = NULL;
  guint kind;

  g_assert_cmpuint (mp_shareable_list_get_length (list), ==, 3);
  assert_item (list, 0, "int64 5");
  data = mp_shareable_list_get_data (list, 1, &kind, NULL);
  g_assert_cmpuint (kind, ==, 4);
  g_assert_cmpmem (g_bytes_get_data (data, NULL), g_bytes_get_size (data), "a\0b", 4);
  assert_item (list, 1, "[byte 0x61, 0x00, 0x62, 0x00]");
  assert_item (list, 2, "@mv nothing");
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GBytes) wrong = g_bytes_new (bad[i], sizeof bad[i]);
      g_autoptr (GError) error = NULL;

      g_assert_null (mp_shareable_list_new_data (NULL, wrong, &error));
      g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_ARGUMENT);
      g_clear_error (&error);
      g_assert_false (mp_shareable_list_set_data (list, 0, 2 + i, wrong, &error));
      g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_ARGUMENT);
    }
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  own_name = g_strdup_printf ("list-test-%d", getpid ());

  add_family_case ("/shareable-list/kinds", test_kinds);
  add_family_case ("/shareable-list/room", test_room);
  add_family_case ("/shareable-list/bad", test_bad);
  add_family_case ("/shareable-list/search", test_search);
  add_family_case ("/shareable-list/named", test_named);
  add_family_case ("/shareable-list/damaged", test_damaged);
  add_family_case ("/shareable-list/closed", test_closed);
  add_family_case ("/shareable-list/handle", test_handle);
  add_family_case ("/shareable-list/killed-writers", test_killed_writers);
  add_family_case ("/shareable-list/limit", test_limit);
  add_family_case ("/shareable-list/data", test_data);

  return g_test_run ();
}
