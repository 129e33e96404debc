/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The manager as its users see it: every method of lists and dicts, the calls for bindings, and
 * versions. Many processes and deaths are in test-manager-processes.c, what misbehaves in
 * test-manager-nonsense.c.
 */

#include "config.h"

#include "manager-common.h"

/* ── Lists ───────────────────────────────────────────────────────────────────────────────────── */

static void
test_list_change (Fixture       *fixture,
                  gconstpointer  data)
{
  g_autoptr (MpListProxy) list = new_list (fixture, "[int64 0, 1, 2, 3, 4, 5, 6, 7, 8, 9]");

  g_assert_true (mp_list_proxy_reverse (list, NULL));
  assert_text (list, "[9, 8, 7, 6, 5, 4, 3, 2, 1, 0]");
  g_assert_true (mp_list_proxy_replace_slice (list, 2, -2, NULL, NULL));
  assert_text (list, "[9, 8, 1, 0]");
  g_assert_true (mp_list_proxy_append (list, string ("end"), NULL));
  g_assert_true (mp_list_proxy_insert (list, 0, integer (10), NULL));
  g_assert_true (mp_list_proxy_insert (list, -1, integer (-1), NULL));
  g_assert_true (mp_list_proxy_insert (list, 99, g_variant_new_boolean (TRUE), NULL));
  assert_text (list, "[10, 9, 8, 1, 0, -1, 'end', true]");
  g_assert_true (mp_list_proxy_extend (list, parse ("(1.5, 'x')"), NULL));
  g_assert_cmpint (mp_proxy_get_length (MP_PROXY (list), NULL), ==, 10);
  g_assert_true (mp_list_proxy_set (list, -1, string ("y"), NULL));
  g_assert_true (mp_list_proxy_remove_at (list, 0, NULL));
  assert_value (mp_list_proxy_pop (list, -1, NULL), "'y'");
  assert_value (mp_list_proxy_pop (list, 0, NULL), "9");
  g_assert_true (mp_list_proxy_replace_slice (list, 1, 4, parse ("['a']"), NULL));
  assert_text (list, "[8, 'a', 'end', true, 1.5]");
  g_assert_true (mp_proxy_clear (MP_PROXY (list), NULL));
  assert_text (list, "[]");
}

static void
test_list_read (Fixture       *fixture,
                gconstpointer  data)
{
  g_autoptr (MpListProxy) list = new_list (fixture, "[int64 5, 6, 7, 8]");
  g_autoptr (MpListProxy) mixed = new_list (fixture, "[<int64 5>, <'six'>, <{'seven': <7.5>}>]");
  g_autoptr (GVariant) content = NULL;

  assert_value (mp_list_proxy_get (list, 0, NULL), "5");
  assert_value (mp_list_proxy_get (list, -1, NULL), "8");
  assert_value (mp_list_proxy_get_slice (list, 1, G_MAXINT64, NULL), "[6, 7, 8]");
  assert_value (mp_list_proxy_get_slice (list, -3, -1, NULL), "[6, 7]");
  assert_value (mp_list_proxy_get_slice (list, G_MININT64, 1, NULL), "[5]");
  assert_value (mp_list_proxy_get_slice (list, 3, 1, NULL), "[]");
  content = mp_proxy_get_content (MP_PROXY (list), NULL, NULL);
  g_assert_cmpstr (g_variant_get_type_string (content), ==, "ax");
  assert_value (mp_proxy_get_content (MP_PROXY (mixed), NULL, NULL),
                "[<int64 5>, <'six'>, <{'seven': <7.5>}>]");
  assert_text (mixed, "[5, 'six', {'seven': 7.5}]");
}

static void
test_list_search (Fixture       *fixture,
                  gconstpointer  data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MpListProxy) list = new_list (fixture, "[<int64 1>, <'a'>, <'b'>, <'a'>, <[1.5]>]");

  g_assert_cmpint (mp_list_proxy_index_of (list, string ("a"), &error), ==, 1);
  g_assert_cmpint (mp_list_proxy_count (list, string ("a"), &error), ==, 2);
  g_assert_true (mp_list_proxy_contains (list, parse ("[1.5]"), &error));
  g_assert_true (mp_list_proxy_contains (list, parse ("byte 1"), &error));
  g_assert_false (mp_list_proxy_contains (list, string ("c"), &error));
  g_assert_cmpint (mp_list_proxy_index_of (list, string ("c"), &error), ==, -1);
  g_assert_cmpint (mp_list_proxy_count (list, integer (3), &error), ==, 0);
  g_assert_no_error (error);

  g_assert_true (mp_list_proxy_remove (list, string ("a"), NULL));
  assert_text (list, "[1, 'b', 'a', [1.5]]");
  g_assert_false (mp_list_proxy_remove (list, string ("c"), &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_NO_SUCH_KEY);
}

static void
test_list_errors (Fixture       *fixture,
                  gconstpointer  data)
{
  g_autoptr (MpListProxy) list = new_list (fixture, "[int64 1]");
  gint64 indices[] = { 1, -2, G_MAXINT64, G_MININT64 };
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (indices); i++)
    {
      g_assert_null (mp_list_proxy_get (list, indices[i], &error));
      g_assert_error (error, MP_ERROR, MP_ERROR_NO_SUCH_KEY);
      g_clear_error (&error);
      g_assert_null (mp_list_proxy_pop (list, indices[i], &error));
      g_assert_error (error, MP_ERROR, MP_ERROR_NO_SUCH_KEY);
      g_clear_error (&error);
      g_assert_false (mp_list_proxy_set (list, indices[i], integer (0), &error));
      g_assert_error (error, MP_ERROR, MP_ERROR_NO_SUCH_KEY);
      g_clear_error (&error);
      g_assert_false (mp_list_proxy_remove_at (list, indices[i], &error));
      g_assert_error (error, MP_ERROR, MP_ERROR_NO_SUCH_KEY);
      g_clear_error (&error);
    }

  g_assert_false (mp_list_proxy_extend (list, integer (1), &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_ARGUMENT);
  g_clear_error (&error);
  g_assert_null (mp_manager_create_list (fixture->manager, parse ("{'a': 1}"), &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_ARGUMENT);
  assert_text (list, "[1]");
}

/* ── Dicts ───────────────────────────────────────────────────────────────────────────────────── */

static void
test_dict_change (Fixture       *fixture,
                  gconstpointer  data)
{
  g_autoptr (MpDictProxy) dict = new_dict (fixture, "{'one': <1>, 'two': <2>}");
  g_autoptr (GVariant) key = NULL;
  g_autoptr (GVariant) value = NULL;

  g_assert_true (mp_dict_proxy_set (dict, string ("three"), parse ("[3, 3]"), NULL));
  g_assert_true (mp_dict_proxy_set (dict, string ("one"), string ("1"), NULL));
  assert_text (dict, "{'one': '1', 'two': 2, 'three': [3, 3]}");
  assert_value (mp_dict_proxy_set_default (dict, string ("two"), integer (9), NULL), "2");
  assert_value (mp_dict_proxy_set_default (dict, string ("four"), integer (4), NULL), "4");
  assert_value (mp_dict_proxy_pop (dict, string ("two"), NULL), "2");
  g_assert_true (mp_dict_proxy_update (dict, parse ("{'five': 5, 'three': 3}"), NULL));
  assert_text (dict, "{'one': '1', 'three': 3, 'four': 4, 'five': 5}");
  g_assert_true (mp_dict_proxy_pop_item (dict, &key, &value, NULL));
  assert_value (g_steal_pointer (&key), "'five'");
  assert_value (g_steal_pointer (&value), "5");
  g_assert_true (mp_dict_proxy_remove (dict, string ("three"), NULL));
  g_assert_cmpint (mp_proxy_get_length (MP_PROXY (dict), NULL), ==, 2);
  assert_value (mp_dict_proxy_get_keys (dict, NULL), "['one', 'four']");
  assert_value (mp_dict_proxy_get_values (dict, NULL), "[<'1'>, <int64 4>]");
  assert_value (mp_proxy_get_content (MP_PROXY (dict), NULL, NULL),
                "{'one': <'1'>, 'four': <int64 4>}");
  g_assert_true (mp_proxy_replace (MP_PROXY (dict), parse ("{'only': true}"), NULL));
  assert_text (dict, "{'only': true}");
  g_assert_true (mp_proxy_clear (MP_PROXY (dict), NULL));
  assert_text (dict, "{}");
}

static void
test_dict_keys (Fixture       *fixture,
                gconstpointer  data)
{
  g_autoptr (MpDictProxy) numbers = new_dict (fixture, "{int64 1: 'one', 2: 'two'}");
  g_autoptr (MpDictProxy) mixed = new_dict (fixture, NULL);
  g_autoptr (GVariant) content = NULL;
  g_autoptr (MpDictProxy) copy = NULL;

  assert_value (mp_dict_proxy_get (numbers, parse ("byte 2"), NULL), "'two'");
  assert_value (mp_proxy_get_content (MP_PROXY (numbers), NULL, NULL), "{1: <'one'>, 2: <'two'>}");

  g_assert_true (mp_dict_proxy_set (mixed, parse ("(1, 'a')"), integer (1), NULL));
  g_assert_true (mp_dict_proxy_set (mixed, parse ("1.5"), integer (2), NULL));
  g_assert_true (mp_dict_proxy_set (mixed, parse ("''"), integer (3), NULL));
  g_assert_true (mp_dict_proxy_contains (mixed, parse ("(1, 'a')"), NULL));
  assert_value (mp_dict_proxy_get (mixed, parse ("1.5"), NULL), "2");
  assert_text (mixed, "{(1, 'a'): 1, 1.5: 2, '': 3}");

  content = mp_proxy_get_content (MP_PROXY (mixed), NULL, NULL);
  g_assert_cmpstr (g_variant_get_type_string (content), ==, "m(sv)");
  copy = mp_manager_create_dict (fixture->manager, content, NULL);
  assert_text (copy, "{(1, 'a'): 1, 1.5: 2, '': 3}");
}

static void
test_dict_errors (Fixture       *fixture,
                  gconstpointer  data)
{
  g_autoptr (MpDictProxy) dict = new_dict (fixture, NULL);
  GVariant *key, *value;
  g_autoptr (GError) error = NULL;

  g_assert_null (mp_dict_proxy_get (dict, string ("a"), &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_NO_SUCH_KEY);
  g_clear_error (&error);
  g_assert_null (mp_dict_proxy_pop (dict, string ("a"), &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_NO_SUCH_KEY);
  g_clear_error (&error);
  g_assert_false (mp_dict_proxy_remove (dict, string ("a"), &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_NO_SUCH_KEY);
  g_clear_error (&error);
  g_assert_false (mp_dict_proxy_pop_item (dict, &key, &value, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_NO_SUCH_KEY);
  g_clear_error (&error);
  g_assert_false (mp_dict_proxy_contains (dict, string ("a"), &error));
  g_assert_no_error (error);
  g_assert_false (mp_dict_proxy_update (dict, parse ("['a']"), &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_ARGUMENT);
}

/* ── Versions ────────────────────────────────────────────────────────────────────────────────── */

static void
test_versions (Fixture       *fixture,
               gconstpointer  data)
{
  g_autoptr (MpListProxy) list = new_list (fixture, "[int64 1]");
  MpProxy *proxy = MP_PROXY (list);
  guint64 first, second;
  gboolean replaced;

  assert_value (mp_proxy_get_content (proxy, &first, NULL), "[1]");
  assert_value (mp_proxy_get_content (proxy, &second, NULL), "[1]");
  g_assert_cmpuint (first, ==, second);
  g_assert_true (mp_proxy_replace_if_version (proxy, first, parse ("[int64 2]"), &replaced, NULL));
  g_assert_true (replaced);
  g_assert_true (mp_proxy_replace_if_version (proxy, first, parse ("[int64 3]"), &replaced, NULL));
  g_assert_false (replaced);
  assert_value (mp_proxy_get_content (proxy, &second, NULL), "[2]");
  g_assert_cmpuint (second, >, first);
}

static GVariant *
add_one (GVariant  *content,
         gpointer   user_data,
         GError   **error)
{
  gint64 number;
  g_autoptr (GVariant) inner = NULL;

  g_assert_true (g_variant_lookup (content, "n", "x", &number));
  inner = g_variant_ref_sink (g_variant_new_int64 (number + 1));

  return g_variant_new_parsed ("{'n': %v}", inner);
}

static GVariant *
refuse (GVariant  *content,
        gpointer   user_data,
        GError   **error)
{
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CANCELLED, "no");
  return NULL;
}

/* No process loses another's change. */
static void
test_modify (Fixture       *fixture,
             gconstpointer  data)
{
  g_autoptr (MpDictProxy) dict = new_dict (fixture, "{'n': <int64 0>}");
  g_autoptr (GError) error = NULL;
  pid_t children[4];

  for (guint i = 0; i < G_N_ELEMENTS (children); i++)
    {
      children[i] = fork ();
      if (children[i] != 0)
        continue;
      for (guint j = 0; j < 50; j++)
        if (!mp_proxy_modify (MP_PROXY (dict), add_one, NULL, NULL))
          _exit (1);
      _exit (0);
    }
  for (guint i = 0; i < G_N_ELEMENTS (children); i++)
    assert_child_succeeds (children[i]);
  assert_text (dict, "{'n': 200}");

  g_assert_false (mp_proxy_modify (MP_PROXY (dict), refuse, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  assert_text (dict, "{'n': 200}");
}

/* ── Raw twins ───────────────────────────────────────────────────────────────────────────────── */

#define PICKLED_OBJECT "\x80\x02" "cbuiltins\nobject\nq\x00)\x81q\x01."

static void
add_to_frame (GByteArray *frame,
              guint32     encoding,
              const char *data,
              guint64     size)
{
  guint32 count = 0;

  if (frame->len == 0)
    g_byte_array_append (frame, (guint8 *) &count, 4);
  (*(guint32 *) frame->data)++;
  g_byte_array_append (frame, (guint8 *) &encoding, 4);
  g_byte_array_append (frame, (guint8 *) &size, 8);
  g_byte_array_append (frame, (const guint8 *) data, size);
}

static gboolean
call_data (gpointer     proxy,
           const char  *method,
           GByteArray  *in,
           guint        wanted,
           GByteArray **out,
           gint64      *number,
           GError     **error)
{
  guint8 *data;
  gsize size;

  if (!mp_proxy_call_data (proxy, method, 0, 0, 0, in != NULL ? in->data : NULL,
                           in != NULL ? in->len : 0, wanted, &data, &size, number, NULL, error))
    return FALSE;
  if (out != NULL)
    *out = g_byte_array_new_take (data, size);
  else
    g_free (data);

  return TRUE;
}

/* What only its own language can read stays as it is, and is not lost to a reader who cannot. */
static void
test_opaque (Fixture       *fixture,
             gconstpointer  data)
{
  g_autoptr (MpListProxy) list = new_list (fixture, "['before']");
  g_autoptr (GByteArray) in = g_byte_array_new ();
  g_autoptr (GByteArray) out = NULL;
  g_autoptr (GError) error = NULL;
  gint64 number = 0;

  add_to_frame (in, MP_ENCODING_PICKLE, PICKLED_OBJECT, sizeof PICKLED_OBJECT - 1);
  g_assert_true (call_data (list, "extend", in, 0, NULL, NULL, NULL));
  assert_text (list, "['before', <not plain>]");
  g_assert_true (call_data (list, "count", in, 0, NULL, &number, NULL));
  g_assert_cmpint (number, ==, 1);

  g_assert_null (mp_list_proxy_pop (list, -1, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_NOT_PLAIN);
  g_clear_error (&error);
  g_assert_null (mp_proxy_get_content (MP_PROXY (list), NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_NOT_PLAIN);
  g_clear_error (&error);

  g_assert_true (mp_list_proxy_remove_at (list, 0, NULL));
  g_assert_true (call_data (list, "pop", NULL, MP_ENCODING_PICKLE, &out, NULL, &error));
  g_assert_no_error (error);
  g_assert_cmpmem (out->data, out->len, in->data, in->len);
  assert_text (list, "[]");
}

static void
test_opaque_key (Fixture       *fixture,
                 gconstpointer  data)
{
  g_autoptr (MpDictProxy) dict = new_dict (fixture, "{'a': 1}");
  g_autoptr (GByteArray) in = g_byte_array_new ();
  g_autoptr (GError) error = NULL;

  add_to_frame (in, MP_ENCODING_JSON, "\"b\"", 3);
  add_to_frame (in, MP_ENCODING_JSON, "2", 1);
  add_to_frame (in, MP_ENCODING_PICKLE, PICKLED_OBJECT, sizeof PICKLED_OBJECT - 1);
  add_to_frame (in, MP_ENCODING_JSON, "3", 1);
  g_assert_false (call_data (dict, "update", in, 0, NULL, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_NOT_PLAIN);
  assert_text (dict, "{'a': 1}");
}

static void
test_call_errors (Fixture       *fixture,
                  gconstpointer  data)
{
  g_autoptr (MpListProxy) list = new_list (fixture, NULL);
  g_autoptr (GByteArray) broken = g_byte_array_new ();
  g_autoptr (GByteArray) two = g_byte_array_new ();
  g_autoptr (GError) error = NULL;
  const char *bad[] = { "", "no_such", "create", "pop_item" };

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_assert_false (call_data (list, bad[i], NULL, 0, NULL, NULL, &error));
      g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_ARGUMENT);
      g_clear_error (&error);
    }

  add_to_frame (two, MP_ENCODING_JSON, "1", 1);
  add_to_frame (two, MP_ENCODING_JSON, "2", 1);
  g_assert_false (call_data (list, "count", two, 0, NULL, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_ARGUMENT);
  g_clear_error (&error);

  for (guint cut = 1; cut < two->len; cut++)
    {
      g_byte_array_set_size (broken, 0);
      g_byte_array_append (broken, two->data, cut);
      g_assert_false (call_data (list, "extend", broken, 0, NULL, NULL, &error));
      g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_DATA);
      g_clear_error (&error);
    }
  assert_text (list, "[]");
}

static void
test_call_text (Fixture       *fixture,
                gconstpointer  data)
{
  g_autoptr (MpDictProxy) dict = new_dict (fixture, NULL);
  const char * const pairs[] = { "\"a\"", "[1, 2]", "2", "{\"x\": null}", NULL };
  const char * const key[] = { "\"a\"", NULL };
  g_autofree char *all = NULL;
  g_autofree char *one = NULL;
  g_autofree char *none = NULL;
  g_autoptr (GError) error = NULL;
  gint64 number;
  guint64 version;

  g_assert_true (mp_proxy_call_text (MP_PROXY (dict), "update", 0, 0, 0, pairs, &none, &number,
                                     &version, &error));
  g_assert_cmpstr (none, ==, "[]");
  g_assert_cmpuint (version, >, 1);
  g_assert_true (mp_proxy_call_text (MP_PROXY (dict), "get", 0, 0, 0, key, &one, NULL, NULL,
                                     &error));
  g_assert_cmpstr (one, ==, "[[1, 2]]");
  g_assert_true (mp_proxy_call_text (MP_PROXY (dict), "get_all", 0, 0, 0, NULL, &all, NULL, NULL,
                                     &error));
  g_assert_cmpstr (all, ==, "[\"a\",[1, 2],2,{\"x\": null}]");
  assert_value (mp_dict_proxy_get (dict, string ("a"), NULL), "[1, 2]");
  g_assert_true (mp_dict_proxy_contains (dict, integer (2), NULL));
}

/* ── Properties ──────────────────────────────────────────────────────────────────────────────── */

static void
test_properties (Fixture       *fixture,
                 gconstpointer  data)
{
  g_autofree char *address = NULL;
  int pid;

  g_object_get (fixture->manager, "pid", &pid, "address", &address, NULL);
  g_assert_cmpint (pid, ==, mp_manager_get_pid (fixture->manager));
  g_assert_cmpint (pid, >, 0);
  g_assert_cmpstr (address, ==, mp_manager_get_address (fixture->manager));
  g_assert_true (g_str_has_prefix (address, "@mproc-manager-"));
}

static void
test_unmade (void)
{
  g_autoptr (MpListProxy) list = g_object_new (MP_TYPE_LIST_PROXY, NULL);
  g_autoptr (MpManager) manager = g_object_new (MP_TYPE_MANAGER, NULL);
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (mp_proxy_get_length (MP_PROXY (list), &error), ==, -1);
  g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_STATE);
  g_clear_error (&error);
  g_assert_null (mp_manager_create_list (manager, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_STATE);
  g_assert_false (mp_manager_is_alive (manager));
  mp_manager_shutdown (manager);
}

int
main (int    argc,
      char **argv)
{
  static const Case cases[] = {
    { "/manager/list/change", test_list_change },
    { "/manager/list/read", test_list_read },
    { "/manager/list/search", test_list_search },
    { "/manager/list/errors", test_list_errors },
    { "/manager/dict/change", test_dict_change },
    { "/manager/dict/keys", test_dict_keys },
    { "/manager/dict/errors", test_dict_errors },
    { "/manager/versions", test_versions },
    { "/manager/modify", test_modify },
    { "/manager/call/opaque", test_opaque },
    { "/manager/call/opaque-key", test_opaque_key },
    { "/manager/call/errors", test_call_errors },
    { "/manager/call/text", test_call_text },
    { "/manager/properties", test_properties },
  };

  g_test_init (&argc, &argv, NULL);
  add_cases (cases, G_N_ELEMENTS (cases));
  g_test_add_func ("/manager/unmade", test_unmade);

  return g_test_run ();
}
