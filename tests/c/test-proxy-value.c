/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Proxies of a manager's objects in values: what keeps the object while they are on their way,
 * whoever dies meanwhile, and that nothing keeps it afterwards.
 */

#include "config.h"

#include "manager-common.h"

#include <signal.h>

#include "mproc/base/mp-payload.h"
#include "mproc/channel/mp-queue.h"
#include "mproc/memory/mp-memory.h"

/* ── Helpers ─────────────────────────────────────────────────────────────────────────────────── */

/* Boxed, so that it is floating. */
static GVariant *
to_value (gpointer proxy)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) value = mp_proxy_to_variant (proxy, &error);

  g_assert_no_error (error);
  g_assert_false (g_variant_is_floating (value));
  return g_variant_new_variant (value);
}

/* What is in a box, or the value itself. */
static MpProxy *
from_value (GVariant  *value,
            GError   **error)
{
  g_autoptr (GVariant) inner = g_variant_is_of_type (value, G_VARIANT_TYPE_VARIANT)
                               ? g_variant_get_variant (value) : g_variant_ref (value);

  return mp_proxy_from_variant (inner, error);
}

static void
put (MpQueue  *queue,
     GVariant *value)
{
  g_autoptr (GError) error = NULL;

  mp_queue_put (queue, value, -1, NULL, &error);
  g_assert_no_error (error);
}

/* The proxy in `{'list': <[<…>]>}`. */
static MpListProxy *
open_inner (GVariant *value)
{
  g_autoptr (GVariant) items = g_variant_lookup_value (value, "list", NULL);
  g_autoptr (GVariant) box = g_variant_get_child_value (items, 0);
  g_autoptr (GError) error = NULL;
  MpProxy *proxy = from_value (box, &error);

  g_assert_no_error (error);
  return MP_LIST_PROXY (proxy);
}

static MpListProxy *
get (MpQueue *queue)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) value = mp_queue_get (queue, -1, NULL, &error);

  g_assert_no_error (error);
  return open_inner (value);
}

static GVariant *
nested (gpointer proxy)
{
  return g_variant_new_parsed ("{'list': <[%*]>}", to_value (proxy));
}

static gboolean
exists (const char *handle)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MpProxy) proxy = mp_proxy_open (handle, &error);

  if (proxy == NULL)
    g_assert_error (error, MP_ERROR, MP_ERROR_NO_SUCH_OBJECT);
  return proxy != NULL;
}

/* The server looks for itself, and every call has it look soon. The test's watchdog limits it. */
static void
wait_until_gone (const char *handle)
{
  while (exists (handle))
    g_usleep (20000);
}

/* A few looks of the server, while the object is there. */
static void
assert_stays (const char *handle)
{
  for (guint i = 0; i < 60; i++)
    {
      g_assert_true (exists (handle));
      g_usleep (50000);
    }
}

/* ── On the way ──────────────────────────────────────────────────────────────────────────────── */

static void
test_queue (Fixture       *fixture,
            gconstpointer  data)
{
  g_autoptr (MpQueue) queue = mp_queue_new (0, NULL);
  MpListProxy *list = new_list (fixture, "[1, 2]");
  g_autofree char *handle = mp_proxy_get_handle (MP_PROXY (list));
  MpListProxy *back;

  put (queue, nested (list));
  g_object_unref (list);
  assert_stays (handle);

  back = get (queue);
  assert_text (back, "[1, 2]");
  g_object_unref (back);
  wait_until_gone (handle);
}

/* Each encoding, and the same object at the end. */
static void
test_encodings (Fixture       *fixture,
                gconstpointer  data)
{
  static const MpEncoding ways[] = { MP_ENCODING_JSON, MP_ENCODING_PICKLE, MP_ENCODING_VARIANT };
  g_autoptr (MpQueue) queue = mp_queue_new (0, NULL);
  g_autoptr (GVariant) value = NULL;

  put (queue, nested (fixture->list));
  g_assert_true (mp_list_proxy_append (fixture->list, integer (7), NULL));
  {
    g_autoptr (MpPayload) payload = mp_queue_get_payload (queue, -1, NULL, NULL);

    for (guint i = 0; i < G_N_ELEMENTS (ways); i++)
      {
        g_autoptr (MpPayload) before = payload;
        g_autoptr (GError) error = NULL;

        payload = mp_payload_convert (before, ways[i], &error);
        g_assert_no_error (error);
      }
    value = mp_payload_get_variant (payload, NULL, NULL);
  }
  {
    g_autoptr (MpListProxy) back = open_inner (value);

    assert_text (back, "[7]");
  }
}

static void
test_sender_dies (Fixture       *fixture,
                  gconstpointer  data)
{
  g_autoptr (MpQueue) queue = mp_queue_new (0, NULL);
  g_autofree char *handle = NULL;
  g_autoptr (GVariant) text = NULL;
  MpListProxy *back;
  int status;
  pid_t child = fork ();

  if (child == 0)
    {
      MpListProxy *list = new_list (fixture, "['from the dead']");

      put (queue, string (mp_proxy_get_handle (MP_PROXY (list))));
      put (queue, nested (list));
      kill (getpid (), SIGKILL);
    }
  g_assert_cmpint (waitpid (child, &status, 0), ==, child);
  g_assert_true (WIFSIGNALED (status));

  text = mp_queue_get (queue, -1, NULL, NULL);
  handle = g_variant_dup_string (text, NULL);
  assert_stays (handle);
  back = get (queue);
  assert_text (back, "['from the dead']");
  g_object_unref (back);
  wait_until_gone (handle);
}

/* A message that is forwarded unread, and one that nobody reads. */
static void
test_forwarded (Fixture       *fixture,
                gconstpointer  data)
{
  g_autoptr (MpQueue) first = mp_queue_new (0, NULL);
  MpQueue *second = mp_queue_new (0, NULL);
  MpListProxy *list = new_list (fixture, "[5]");
  g_autofree char *handle = mp_proxy_get_handle (MP_PROXY (list));
  g_autoptr (GError) error = NULL;

  put (first, nested (list));
  g_object_unref (list);
  {
    g_autoptr (MpPayload) payload = mp_queue_get_payload (first, -1, NULL, &error);

    g_assert_no_error (error);
    mp_queue_put_payload (second, payload, -1, NULL, &error);
    g_assert_no_error (error);
  }
  assert_stays (handle);
  g_object_unref (second);
  wait_until_gone (handle);
}

/* What is sent again needs no more of the server than the reader does. */
static void
test_many (Fixture       *fixture,
           gconstpointer  data)
{
  g_autoptr (MpQueue) queue = mp_queue_new (0, NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (MpShared) ticket = mp_proxy_get_ticket (MP_PROXY (fixture->list), &error);
  g_autoptr (MpShared) again = mp_proxy_get_ticket (MP_PROXY (fixture->list), &error);

  g_assert_no_error (error);
  g_assert_true (ticket == again);
  for (guint i = 0; i < 100; i++)
    put (queue, nested (fixture->list));
  for (gint64 i = 0; i < 100; i++)
    {
      g_autoptr (MpListProxy) back = get (queue);

      g_assert_true (mp_list_proxy_append (back, integer (i), NULL));
    }
  g_assert_cmpint (mp_proxy_get_length (MP_PROXY (fixture->list), NULL), ==, 100);
}

/* ── In each other ───────────────────────────────────────────────────────────────────────────── */

static void
test_nested (Fixture       *fixture,
             gconstpointer  data)
{
  MpListProxy *inner = new_list (fixture, "['inner']");
  g_autofree char *handle = mp_proxy_get_handle (MP_PROXY (inner));
  g_autoptr (MpDictProxy) dict = new_dict (fixture, NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) value = NULL;
  g_autoptr (MpProxy) back = NULL;

  g_assert_true (mp_dict_proxy_set (dict, string ("key"), to_value (inner), &error));
  mp_shared_detach_all ();      /* the server has it */
  g_object_unref (inner);
  assert_stays (handle);

  value = mp_dict_proxy_get (dict, string ("key"), &error);
  g_assert_no_error (error);
  back = from_value (value, &error);
  g_assert_no_error (error);
  assert_text (back, "['inner']");
  g_clear_object (&back);
  g_assert_true (mp_proxy_clear (MP_PROXY (dict), &error));
  wait_until_gone (handle);
}

/* Two managers: one keeps a proxy of the other's. */
static void
test_two_managers (Fixture       *fixture,
                   gconstpointer  data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MpManager) other = mp_manager_new (&error);
  MpListProxy *inner = mp_manager_create_list (other, parse ("[1]"), &error);
  g_autofree char *handle = mp_proxy_get_handle (MP_PROXY (inner));

  g_assert_true (mp_list_proxy_append (fixture->list, to_value (inner), &error));
  mp_shared_detach_all ();
  g_object_unref (inner);
  assert_stays (handle);
  g_assert_true (mp_proxy_clear (MP_PROXY (fixture->list), &error));
  wait_until_gone (handle);
}

/* ── What is refused ─────────────────────────────────────────────────────────────────────────── */

static void
test_refused (Fixture       *fixture,
              gconstpointer  data)
{
  static const char * const texts[] = {
    "1", "@m(sv) nothing", "@m(sv) ('mp.object', <1>)", "@m(sv) ('mp.object', <'lock:1:2:3'>)",
    "@m(sv) ('mp.set', <'mproc-manager:'>)", "('mp.object', <'mproc-manager:'>)",
  };
  g_autofree char *handle = mp_proxy_get_handle (MP_PROXY (fixture->list));
  const char * const ends[] = { "x", "/", "/ticket:0:0:0", " /", "//", "0000000000000000000000" };
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_autoptr (GVariant) value = g_variant_ref_sink (g_variant_new_parsed (texts[i]));

      g_assert_null (mp_proxy_from_variant (value, &error));
      g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_DATA);
      g_clear_error (&error);
    }
  for (guint i = 0; i < G_N_ELEMENTS (ends); i++)
    {
      g_autofree char *text = g_strconcat (handle, ends[i], NULL);
      g_autoptr (MpProxy) proxy = mp_proxy_open (text, &error);

      g_assert_true ((proxy != NULL) == (ends[i][0] == '/'));
      g_assert_true (proxy != NULL || g_error_matches (error, MP_ERROR, MP_ERROR_INVALID_ARGUMENT));
      g_clear_error (&error);
    }
}

static void
test_server_gone (Fixture       *fixture,
                  gconstpointer  data)
{
  g_autoptr (MpListProxy) sent = new_list (fixture, NULL);
  g_autoptr (MpQueue) queue = mp_queue_new (0, NULL);
  g_autoptr (GVariant) value = NULL;
  g_autoptr (GVariant) items = NULL;
  g_autoptr (GError) error = NULL;

  put (queue, to_value (sent));
  mp_manager_shutdown (fixture->manager);
  g_assert_null (mp_proxy_to_variant (MP_PROXY (fixture->list), &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_SERVER_DIED);
  g_clear_error (&error);

  value = mp_queue_get (queue, -1, NULL, &error);
  g_assert_no_error (error);
  g_assert_null (from_value (value, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_SERVER_DIED);
}

/* ── Another family ──────────────────────────────────────────────────────────────────────────── */

#define GUEST "MP_TEST_GUEST"

/* A program that got nothing but a handle: the server is not of its family. */
static int
be_guest (const char *handle)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MpQueue) queue = mp_queue_new (0, NULL);
  MpProxy *proxy = mp_proxy_open (handle, &error);
  MpListProxy *back;

  g_assert_no_error (error);
  g_unsetenv (GUEST);
  put (queue, nested (proxy));
  g_object_unref (proxy);
  for (guint i = 0; i < 50; i++)
    {
      g_assert_true (exists (handle));
      g_usleep (20000);
    }
  back = get (queue);
  assert_text (back, "['for guests']");

  /* The next that is sent lets go of what has arrived. */
  put (queue, nested (back));
  g_object_unref (get (queue));
  g_object_unref (back);
  return 0;
}

static const char *own_path;

static void
test_other_family (Fixture       *fixture,
                   gconstpointer  data)
{
  g_autoptr (MpListProxy) list = new_list (fixture, "['for guests']");
  g_autofree char *handle = mp_proxy_get_handle (MP_PROXY (list));
  g_auto (GStrv) environment = g_environ_setenv (g_get_environ (), GUEST, handle, TRUE);
  char *command[] = { (char *) own_path, NULL };
  g_autoptr (GError) error = NULL;
  int status;

  environment = g_environ_unsetenv (environment, "MPROC_ARENA");
  g_spawn_sync (NULL, command, environment, G_SPAWN_DEFAULT, NULL, NULL, NULL, NULL, &status,
                &error);
  g_assert_no_error (error);
  g_assert_true (g_spawn_check_wait_status (status, &error));
  g_clear_object (&list);
  wait_until_gone (handle);
}

int
main (int    argc,
      char **argv)
{
  static const Case cases[] = {
    { "/proxy-value/queue", test_queue },
    { "/proxy-value/encodings", test_encodings },
    { "/proxy-value/sender-dies", test_sender_dies },
    { "/proxy-value/forwarded", test_forwarded },
    { "/proxy-value/many", test_many },
    { "/proxy-value/nested", test_nested },
    { "/proxy-value/two-managers", test_two_managers },
    { "/proxy-value/refused", test_refused },
    { "/proxy-value/server-gone", test_server_gone },
    { "/proxy-value/other-family", test_other_family },
  };

  own_path = argv[0];
  if (g_getenv (GUEST) != NULL)
    {
      g_autofree char *handle = g_strdup (g_getenv (GUEST));

      return be_guest (handle);
    }

  g_test_init (&argc, &argv, NULL);
  add_cases (cases, G_N_ELEMENTS (cases));

  return g_test_run ();
}
