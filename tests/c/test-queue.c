/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * MpQueue: what it promises to one process, to several, and to those who outlive a kill.
 */

#include "config.h"

#include <string.h>

#include "mproc/base/mp-deadline-private.h"
#include "mproc/channel/mp-queue-private.h"
#include "mproc/memory/mp-memory.h"
#include "mproc/memory/mp-recover-private.h"
#include "tests/c/family-common.h"

static MpQueue *
new_queue (guint max_items)
{
  g_autoptr (GError) error = NULL;
  MpQueue *queue = mp_queue_new (max_items, &error);

  g_assert_no_error (error);
  return queue;
}

static void
put_int (MpQueue *queue,
         gint64   value)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (mp_queue_put (queue, g_variant_new_int64 (value), 10, NULL, &error));
  g_assert_no_error (error);
}

static gint64
get_int (MpQueue *queue)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) value = mp_queue_get (queue, 10, NULL, &error);

  g_assert_no_error (error);
  return g_variant_get_int64 (value);
}

static void
test_basic (void)
{
  g_autoptr (MpQueue) queue = new_queue (0);
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;

  g_assert_true (mp_queue_empty (queue));
  g_assert_false (mp_queue_full (queue));
  for (gint64 i = 0; i < 1000; i++)
    put_int (queue, i);
  g_assert_cmpuint (mp_queue_qsize (queue), ==, 1000);
  for (gint64 i = 0; i < 1000; i++)
    g_assert_cmpint (get_int (queue), ==, i);

  g_assert_null (mp_queue_try_get (queue, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_EMPTY);
  g_clear_error (&error);
  g_assert_null (mp_queue_get (queue, 0.05, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_TIMED_OUT);

  text = mp_shared_to_string (MP_SHARED (queue));
  g_assert_cmpstr (text, ==, "<Queue(0 items)>");
}

static void
test_bounded (void)
{
  g_autoptr (MpQueue) queue = new_queue (2);
  g_autoptr (GError) error = NULL;

  g_assert_cmpuint (mp_queue_get_max_items (queue), ==, 2);
  put_int (queue, 1);
  put_int (queue, 2);
  g_assert_true (mp_queue_full (queue));
  g_assert_false (mp_queue_try_put (queue, g_variant_new_int64 (3), &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_FULL);
  g_clear_error (&error);
  g_assert_false (mp_queue_put (queue, g_variant_new_int64 (3), 0.05, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_TIMED_OUT);
  g_assert_cmpint (get_int (queue), ==, 1);
  put_int (queue, 3);
  g_assert_cmpint (get_int (queue), ==, 2);
  g_assert_cmpint (get_int (queue), ==, 3);
}

/* Every size around the borders of records, segments and blocks. */
static void
test_sizes (void)
{
  static const gsize sizes[] = { 0,    1,     7,     8,     9,     1000,   1008,    1024,    4095,
                                 4096, 4097, 32768, 32769, 65536, 100000, 1 << 20, 3 << 20 };
  g_autoptr (MpQueue) queue = new_queue (0);
  g_autoptr (GError) error = NULL;

  for (guint round = 0; round < 3; round++)
    {
      for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
        {
          g_autofree guint8 *data = g_malloc (sizes[i] + 1);

          memset (data, (int) (i + round + 1), sizes[i]);
          mp_queue_put_bytes (queue, data, sizes[i], -1, NULL, &error);
          g_assert_no_error (error);
        }
      for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
        {
          g_autoptr (MpPayload) payload = mp_queue_get_payload (queue, 1, NULL, &error);
          gsize size;
          const guint8 *data;

          g_assert_no_error (error);
          data = g_bytes_get_data (mp_payload_get_bytes (payload), &size);
          g_assert_cmpuint (mp_payload_get_encoding (payload), ==, MP_ENCODING_BYTES);
          g_assert_cmpuint (size, ==, sizes[i]);
          for (gsize k = 0; k < size; k++)
            g_assert_cmpuint (data[k], ==, i + round + 1);
        }
    }
}

static void
test_get_into (void)
{
  g_autoptr (MpQueue) queue = new_queue (0);
  g_autoptr (GError) error = NULL;
  char buffer[64];

  g_assert_true (mp_queue_put_bytes (queue, "twelve bytes", 12, -1, NULL, &error));
  g_assert_cmpint (mp_queue_get_into (queue, buffer, 4, -1, NULL, &error), ==, -1);
  g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_ARGUMENT);
  g_clear_error (&error);
  g_assert_cmpint (mp_queue_get_into (queue, buffer, sizeof buffer, -1, NULL, &error), ==, 12);
  g_assert_no_error (error);
  g_assert_cmpmem (buffer, 12, "twelve bytes", 12);
}

static void
test_close (void)
{
  g_autoptr (MpQueue) queue = new_queue (0);
  g_autoptr (GError) error = NULL;

  put_int (queue, 1);
  mp_queue_close (queue);
  g_assert_true (mp_queue_is_closed (queue));
  g_assert_false (mp_queue_try_put (queue, g_variant_new_int64 (2), &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_CLOSED);
  g_clear_error (&error);
  g_assert_cmpint (get_int (queue), ==, 1);
  g_assert_null (mp_queue_get (queue, -1, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_CLOSED);
}

static void
test_handle (void)
{
  g_autoptr (MpQueue) queue = new_queue (5);
  g_autofree char *handle = mp_shared_get_handle (MP_SHARED (queue));
  g_autoptr (GError) error = NULL;
  g_autoptr (MpShared) same = mp_shared_open (handle, &error);
  const char *bad[] = { "", "queue", "queue:", "queue:0:0:0", "lock:40:1:1", "nothing:40:1:2" };

  g_assert_no_error (error);
  g_assert_true (MP_IS_QUEUE (same));
  g_assert_cmpuint (mp_queue_get_max_items (MP_QUEUE (same)), ==, 5);
  put_int (queue, 42);
  g_assert_cmpint (get_int (MP_QUEUE (same)), ==, 42);

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_assert_null (mp_shared_open (bad[i], &error));
      g_assert_true (error->domain == MP_ERROR);
      g_clear_error (&error);
    }

  g_clear_object (&queue);
  put_int (MP_QUEUE (same), 43);
  g_clear_object (&same);
  g_assert_null (mp_shared_open (handle, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_NO_SUCH_OBJECT);
}

static void
test_limit (void)
{
  g_autoptr (MpQueue) queue = new_queue (0);
  g_autoptr (GError) error = NULL;
  g_autofree guint8 *data = g_malloc0 (1 << 20);
  guint64 limit = mp_memory_get_limit ();
  guint n = 0;

  g_assert_true (mp_memory_set_limit (mp_memory_get_used () + (16 << 20), &error));
  while (mp_queue_put_bytes (queue, data, 1 << 20, 0, NULL, &error))
    n++;
  g_assert_error (error, MP_ERROR, MP_ERROR_NO_SPACE);
  g_assert_cmpuint (n, >, 4);
  g_assert_cmpuint (mp_queue_qsize (queue), ==, n);
  g_clear_error (&error);

  while (!mp_queue_empty (queue))
    {
      g_autoptr (MpPayload) payload = mp_queue_get_payload (queue, 0, NULL, &error);

      g_assert_no_error (error);
    }
  g_assert_true (mp_queue_put_bytes (queue, data, 1 << 20, 0, NULL, &error));
  mp_memory_set_limit (limit, NULL);
}

static void
test_memory_comes_back (void)
{
  guint64 before;
  guint8 data[5000] = { 0 };

  g_object_unref (new_queue (0));
  before = mp_memory_get_used ();
  for (guint round = 0; round < 20; round++)
    {
      g_autoptr (MpQueue) queue = new_queue (0);

      for (guint i = 0; i < 2000; i++)
        g_assert_true (mp_queue_put_bytes (queue, data, i % 2 != 0 ? 5000 : 64, -1, NULL, NULL));
    }
  /* Classes keep their spans; twenty rounds must not need more of them than one. */
  g_assert_cmpuint (mp_memory_get_used (), <=, before + (20 << 20));
}

static gboolean
cancel_cb (gpointer cancellable)
{
  g_cancellable_cancel (cancellable);
  return G_SOURCE_REMOVE;
}

static gpointer
cancel_later (gpointer cancellable)
{
  g_usleep (50000);
  cancel_cb (cancellable);
  return NULL;
}

static void
test_cancel (void)
{
  g_autoptr (MpQueue) queue = new_queue (0);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;
  GThread *thread = g_thread_new ("cancel", cancel_later, cancellable);

  g_assert_null (mp_queue_get (queue, -1, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_thread_join (thread);
}

static void
got_cb (GObject      *source,
        GAsyncResult *result,
        gpointer      data)
{
  g_autoptr (GError) error = NULL;
  MpPayload **payload = data;

  *payload = mp_queue_get_finish (MP_QUEUE (source), result, &error);
  if (error != NULL)
    *payload = mp_payload_new_variant (g_variant_new_string (error->message));
}

static void
test_async (void)
{
  g_autoptr (MpQueue) queue = new_queue (0);
  g_autoptr (MpPayload) payload = NULL;
  g_autoptr (MpPayload) second = NULL;
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GVariant) value = NULL;
  int pid;

  mp_queue_get_async (queue, NULL, got_cb, &payload);
  pid = fork ();
  if (pid == 0)
    {
      g_usleep (50000);
      put_int (queue, 7);
      _exit (0);
    }
  while (payload == NULL)
    g_main_context_iteration (NULL, TRUE);
  test_reap (pid, 0);
  value = mp_payload_get_variant (payload, NULL, NULL);
  g_assert_cmpint (g_variant_get_int64 (value), ==, 7);

  mp_queue_get_async (queue, cancellable, got_cb, &second);
  g_timeout_add (50, cancel_cb, cancellable);
  while (second == NULL)
    g_main_context_iteration (NULL, TRUE);
}

/* Several producers and consumers, in processes: nothing lost, nothing twice, FIFO per producer. */
#define N_PEERS 3
#define N_MESSAGES 20000

static void
produce (MpQueue *queue,
         int      who)
{
  for (int i = 0; i < N_MESSAGES; i++)
    {
      int message[16] = { who, i };

      if (!mp_queue_put_bytes (queue, message, sizeof message, 60, NULL, NULL))
        _exit (2);
    }
  _exit (0);
}

static void
consume (MpQueue *queue,
         MpQueue *report)
{
  int last[N_PEERS] = { -1, -1, -1 };
  int counts[N_PEERS] = { 0 };
  int message[16];

  while (mp_queue_get_into (queue, message, sizeof message, 60, NULL, NULL) > 0)
    {
      if (message[0] < 0)
        break;
      if (message[1] <= last[message[0]])
        _exit (3);
      last[message[0]] = message[1];
      counts[message[0]]++;
    }
  mp_queue_put_bytes (report, counts, sizeof counts, -1, NULL, NULL);
  _exit (0);
}

static void
many_peers (guint max_items)
{
  g_autoptr (MpQueue) queue = new_queue (max_items);
  g_autoptr (MpQueue) report = new_queue (0);
  int pids[2 * N_PEERS];
  int end[16] = { -1 };
  int counts[N_PEERS] = { 0 };

  for (int i = 0; i < 2 * N_PEERS; i++)
    {
      pids[i] = fork ();
      if (pids[i] == 0)
        {
          if (i < N_PEERS)
            produce (queue, i);
          consume (queue, report);
        }
    }
  for (int i = 0; i < N_PEERS; i++)
    test_reap (pids[i], 0);
  for (int i = 0; i < N_PEERS; i++)
    g_assert_true (mp_queue_put_bytes (queue, end, sizeof end, 60, NULL, NULL));
  for (int i = 0; i < N_PEERS; i++)
    {
      int part[N_PEERS];

      g_assert_cmpint (mp_queue_get_into (report, part, sizeof part, 60, NULL, NULL), ==,
                       sizeof part);
      for (int k = 0; k < N_PEERS; k++)
        counts[k] += part[k];
      test_reap (pids[N_PEERS + i], 0);
    }
  for (int i = 0; i < N_PEERS; i++)
    g_assert_cmpint (counts[i], ==, N_MESSAGES);
}

static void
test_many_unbounded (void)
{
  many_peers (0);
}

static void
test_many_bounded (void)
{
  many_peers (4);
}

/* A consumer killed while it waits takes nothing with it. */
static void
test_killed_waiter (void)
{
  g_autoptr (MpQueue) queue = new_queue (0);
  int pids[4];

  for (guint i = 0; i < G_N_ELEMENTS (pids); i++)
    {
      pids[i] = fork ();
      if (pids[i] == 0)
        {
          mp_queue_get_into (queue, &(int){ 0 }, sizeof (int), -1, NULL, NULL);
          _exit (0);
        }
    }
  g_usleep (50000);
  for (guint i = 0; i < G_N_ELEMENTS (pids); i++)
    {
      kill (pids[i], SIGKILL);
      test_reap (pids[i], -SIGKILL);
    }
  put_int (queue, 5);
  g_assert_cmpint (get_int (queue), ==, 5);
}

static void
test_numbers (void)
{
  g_autoptr (MpQueue) queue = new_queue (0);
  guint64 lease = 0;
  guint64 number;
  MpQueuePart parts[] = { { "ab", 2 }, { "cd", 2 } };
  g_autoptr (GBytes) bytes = NULL;
  gconstpointer data;
  guint encoding;
  gsize size;

  for (guint64 i = 1; i <= 3; i++)
    {
      g_assert_cmpint (mp_queue_put_parts (queue, MP_ENCODING_BYTES, parts, 2, MP_DEADLINE_NOW,
                                           FALSE, NULL, &number), ==, MP_STATUS_OK);
      g_assert_cmpuint (number, ==, i);
    }
  g_assert_false (mp_queue_was_taken (queue, 1));
  g_assert_cmpint (mp_queue_take (queue, &lease, MP_DEADLINE_NOW, FALSE, NULL, &encoding, &bytes,
                                  NULL), ==, MP_STATUS_OK);
  data = g_bytes_get_data (bytes, &size);
  g_assert_cmpmem (data, size, "abcd", 4);
  g_assert_cmpuint (lease, ==, 1);
  g_assert_true (mp_queue_was_taken (queue, 1));
  g_assert_false (mp_queue_was_taken (queue, 2));
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  test_async (); /* opens the doorbell, which stays */

  add_family_case ("/queue/basic", test_basic);
  add_family_case ("/queue/bounded", test_bounded);
  add_family_case ("/queue/sizes", test_sizes);
  add_family_case ("/queue/get-into", test_get_into);
  add_family_case ("/queue/close", test_close);
  add_family_case ("/queue/handle", test_handle);
  add_family_case ("/queue/limit", test_limit);
  add_family_case ("/queue/memory-comes-back", test_memory_comes_back);
  add_family_case ("/queue/cancel", test_cancel);
  add_family_case ("/queue/async", test_async);
  add_family_case ("/queue/numbers", test_numbers);
  add_family_case ("/queue/many-unbounded", test_many_unbounded);
  add_family_case ("/queue/many-bounded", test_many_bounded);
  add_family_case ("/queue/killed-waiter", test_killed_waiter);

  return g_test_run ();
}
