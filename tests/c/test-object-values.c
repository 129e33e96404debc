/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * GVariants that stand for shared objects: they hold them as long as they are held themselves, and
 * so does each message in which they go, whenever that is sent. No message holds what it does not
 * name. In each case all handles of the sender are gone before anything is read.
 */

#include <mproc/mproc.h>

static MpQueue *
new_queue (void)
{
  g_autoptr (GError) error = NULL;
  MpQueue *queue = mp_queue_new (0, &error);

  g_assert_no_error (error);
  return queue;
}

/* A value that stands for a queue with one number in it, which nobody else holds. */
static GVariant *
new_value (char **handle)
{
  g_autoptr (MpQueue) inner = new_queue ();

  g_assert_true (mp_queue_put (inner, g_variant_new_int64 (7), 0, NULL, NULL));
  *handle = mp_shared_get_handle (MP_SHARED (inner));
  return mp_shared_to_variant (MP_SHARED (inner));
}

static void
put (MpQueue  *queue,
     GVariant *value)
{
  g_autoptr (GError) error = NULL;

  mp_queue_put (queue, value, 0, NULL, &error);
  g_assert_no_error (error);
}

static void
assert_gone (const char *handle)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (mp_shared_open (handle, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_NO_SUCH_OBJECT);
}

static void
assert_stays (const char *handle)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MpShared) shared = mp_shared_open (handle, &error);

  g_assert_no_error (error);
}

/* Takes the value and opens the queue that it is, or that is its child number @child. */
static void
assert_arrives (MpQueue *queue,
                int      child)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) value = mp_queue_get (queue, 0, NULL, &error);
  g_autoptr (GVariant) inside = NULL;
  g_autoptr (GVariant) number = NULL;
  g_autoptr (MpShared) inner = NULL;

  g_assert_no_error (error);
  if (child >= 0)
    g_variant_get_child (value, (gsize) child, "v", &inside);
  inner = mp_shared_from_variant (child >= 0 ? inside : value, &error);
  g_assert_no_error (error);
  number = mp_queue_get (MP_QUEUE (inner), 0, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpint (g_variant_get_int64 (number), ==, 7);
}

static void
test_value_holds (void)
{
  g_autofree char *handle = NULL;
  g_autoptr (GVariant) value = g_variant_ref_sink (new_value (&handle));

  assert_stays (handle);
  g_clear_pointer (&value, g_variant_unref);
  assert_gone (handle);
}

static void
test_put (void)
{
  g_autoptr (MpQueue) queue = new_queue ();
  g_autofree char *handle = NULL;

  put (queue, new_value (&handle));
  assert_stays (handle);
  assert_arrives (queue, -1);
  assert_gone (handle);
}

static void
test_inside (void)
{
  g_autoptr (MpQueue) queue = new_queue ();
  g_autofree char *first = NULL;
  g_autofree char *second = NULL;
  g_autofree char *third = NULL;

  put (queue, g_variant_new ("(vv)", new_value (&first), new_value (&second)));
  put (queue, g_variant_new_parsed ("[<'x'>, <(%v, 5)>]", new_value (&third)));
  assert_stays (first);
  assert_arrives (queue, 1);
  assert_gone (first);
  assert_gone (second);
  assert_stays (third);
  mp_payload_unref (mp_queue_get_payload (queue, 0, NULL, NULL));
  assert_gone (third);
}

/* Other messages of the thread come first, and they do not hold it. */
static void
test_others_between (void)
{
  g_autoptr (MpQueue) queue = new_queue ();
  g_autoptr (MpQueue) other = new_queue ();
  g_autofree char *handle = NULL;
  g_autoptr (GVariant) value = g_variant_ref_sink (new_value (&handle));

  put (other, g_variant_new_string ("something else"));
  put (queue, value);
  g_clear_pointer (&value, g_variant_unref);
  g_object_unref (g_steal_pointer (&other));
  assert_arrives (queue, -1);
  assert_gone (handle);
}

/* A value may go many times, and a payload that is made of it, too. */
static void
test_many_times (void)
{
  g_autoptr (MpQueue) queue = new_queue ();
  g_autofree char *handle = NULL;
  g_autoptr (MpPayload) payload = mp_payload_new_variant (new_value (&handle));
  MpPayload *payloads[] = { payload, payload };

  g_assert_cmpuint (mp_payload_get_objects (payload)->len, ==, 1);
  g_assert_true (mp_queue_put_payload (queue, payload, 0, NULL, NULL));
  g_assert_cmpint (mp_queue_put_payload_raw (queue, payload, 0), ==, MP_STATUS_OK);
  g_assert_cmpuint (mp_queue_put_batch (queue, payloads, 2, 0, NULL, NULL), ==, 2);
  g_clear_pointer (&payload, mp_payload_unref);
  for (guint i = 0; i < 3; i++)
    {
      assert_stays (handle);
      mp_payload_unref (mp_queue_get_payload (queue, 0, NULL, NULL));
    }
  assert_arrives (queue, -1);
  assert_gone (handle);
}

/* What was read can be put into something else, and that sent on. */
static void
test_sent_on (void)
{
  g_autoptr (MpQueue) queue = new_queue ();
  g_autoptr (MpQueue) other = new_queue ();
  g_autofree char *handle = NULL;
  g_autoptr (GError) error = NULL;

  put (queue, new_value (&handle));
  put (other, g_variant_new ("(sv)", "from another", mp_queue_get (queue, 0, NULL, &error)));
  g_assert_no_error (error);
  assert_stays (handle);
  assert_arrives (other, 1);
}

/* A queue that is full: what was not put is not held, and not by the next message either. */
static void
test_not_put (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MpQueue) queue = mp_queue_new (1, NULL);
  g_autofree char *handle = NULL;

  put (queue, g_variant_new_int64 (1));
  g_assert_false (mp_queue_put (queue, new_value (&handle), 0, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_FULL);
  assert_gone (handle);
}

/* A payload of bytes that somebody else wrote: what is read from it holds, once asked to look. */
static void
test_looked_for (void)
{
  g_autofree char *handle = NULL;
  g_autoptr (MpPayload) made = mp_payload_new_variant (new_value (&handle));
  MpPayload *payload = mp_payload_new (MP_ENCODING_VARIANT, mp_payload_get_bytes (made));
  g_autoptr (GVariant) value = NULL;

  g_assert_cmpuint (mp_payload_get_objects (payload)->len, ==, 1);
  g_clear_pointer (&made, mp_payload_unref);
  value = mp_payload_get_variant (payload, NULL, NULL);
  mp_payload_unref (payload);
  assert_stays (handle);
  g_clear_pointer (&value, g_variant_unref);
  assert_gone (handle);

  payload = mp_payload_new_variant (g_variant_new_string (handle + 1));
  g_assert_null (mp_payload_get_objects (payload));
  mp_payload_unref (payload);
}

/* A manager's server holds it, and no message after that. */
static void
test_manager (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MpManager) manager = mp_manager_new (&error);
  g_autoptr (MpListProxy) list = mp_manager_create_list (manager, NULL, &error);
  g_autoptr (MpQueue) queue = new_queue ();
  g_autofree char *handle = NULL;

  g_assert_no_error (error);
  g_assert_true (mp_list_proxy_append (list, new_value (&handle), &error));
  put (queue, g_variant_new_int64 (1));
  assert_stays (handle);
  g_assert_true (mp_proxy_clear (MP_PROXY (list), &error));
  assert_gone (handle);
  g_assert_cmpuint (mp_queue_qsize (queue), ==, 1);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/object-values/value-holds", test_value_holds);
  g_test_add_func ("/object-values/put", test_put);
  g_test_add_func ("/object-values/inside", test_inside);
  g_test_add_func ("/object-values/others-between", test_others_between);
  g_test_add_func ("/object-values/many-times", test_many_times);
  g_test_add_func ("/object-values/sent-on", test_sent_on);
  g_test_add_func ("/object-values/not-put", test_not_put);
  g_test_add_func ("/object-values/looked-for", test_looked_for);
  g_test_add_func ("/object-values/manager", test_manager);

  return g_test_run ();
}
