/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Messages that are blocks of shared memory: filled and read in place, forwarded without a copy,
 * and holding references on shared objects until they have been read; and batches.
 */

#include <mproc/mproc.h>
#include <string.h>

#include "c/family-common.h"
#include "mproc/memory/mp-heap-private.h"

static MpQueue *
new_queue (void)
{
  g_autoptr (GError) error = NULL;
  MpQueue *queue = mp_queue_new (0, &error);

  g_assert_no_error (error);
  return queue;
}

static MpBlock *
new_block (gsize size,
           int   value)
{
  g_autoptr (GError) error = NULL;
  MpBlock *block = mp_block_new (size, &error);
  gsize got;
  gpointer data;

  g_assert_no_error (error);
  data = mp_block_get_data (block, &got);
  g_assert_cmpuint (got, ==, size);
  g_assert_cmpuint ((guintptr) data % 64, ==, 0);
  memset (data, value, size);
  return block;
}

static void
check_block (MpBlock *block,
             gsize    size,
             int      value)
{
  gsize got;
  const guint8 *data = mp_block_get_data (block, &got);

  g_assert_cmpuint (got, ==, size);
  for (gsize i = 0; i < size; i += 1 + size / 7)
    g_assert_cmpuint (data[i], ==, value);
  if (size > 0)
    g_assert_cmpuint (data[size - 1], ==, value);
}

static void
test_in_place (void)
{
  const gsize sizes[] = { 0, 1, 63, 64, 4096, 4097, 65536, 1 << 20, 5000001 };
  g_autoptr (MpQueue) queue = new_queue ();
  guint64 used = mp_memory_get_used ();

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (MpBlock) got = NULL;
      MpBlock *block = new_block (sizes[i], 7);
      guint64 address = mp_block_get_address (block);

      g_assert_true (mp_queue_put_block (queue, block, 0, NULL, &error));
      g_assert_no_error (error);
      mp_block_unref (block);
      got = mp_queue_get_block (queue, 0, NULL, &error);
      g_assert_no_error (error);
      g_assert_cmpuint (mp_block_get_address (got), ==, address);
      check_block (got, sizes[i], 7);
    }
  g_assert_cmpuint (mp_memory_get_used (), <=, used + 65536 * 4);
}

static void
test_bytes_come_as_blocks (void)
{
  g_autoptr (MpQueue) queue = new_queue ();
  g_autofree guint8 *data = g_malloc (1 << 20);
  g_autoptr (MpBlock) large = NULL;
  g_autoptr (MpBlock) small = NULL;
  guint8 *buffer[4];

  memset (data, 9, 1 << 20);
  g_assert_true (mp_queue_put_bytes (queue, data, 1 << 20, 0, NULL, NULL));
  g_assert_true (mp_queue_put_bytes (queue, data, 10, 0, NULL, NULL));
  g_assert_true (mp_queue_put_bytes (queue, data, 1 << 20, 0, NULL, NULL));
  large = mp_queue_get_block (queue, 0, NULL, NULL);
  check_block (large, 1 << 20, 9);
  small = mp_queue_get_block (queue, 0, NULL, NULL);
  check_block (small, 10, 9);

  /* What does not fit stays, whatever its size. */
  g_assert_cmpint (mp_queue_get_into (queue, buffer, sizeof buffer, 0, NULL, NULL), ==, -1);
  g_assert_cmpuint (mp_queue_qsize (queue), ==, 1);
  g_assert_cmpint (mp_queue_get_into (queue, data, 1 << 20, 0, NULL, NULL), ==, 1 << 20);
}

static void
test_release (void)
{
  MpBlock *block = new_block (1 << 20, 1);
  g_autoptr (GBytes) bytes = mp_block_get_bytes (block);
  g_autoptr (GBytes) none = NULL;
  g_autoptr (MpQueue) queue = new_queue ();
  g_autoptr (GError) error = NULL;
  guint64 used = mp_memory_get_used ();

  mp_block_release (block);
  mp_block_release (block);
  g_assert_cmpuint (mp_memory_get_used (), <, used);
  g_assert_null (mp_block_get_data (block, NULL));
  g_assert_cmpuint (mp_block_get_address (block), ==, 0);
  g_assert_cmpuint (mp_block_get_size (block), ==, 0);
  none = mp_block_get_bytes (block);
  g_assert_cmpuint (g_bytes_get_size (none), ==, 0);
  g_assert_false (mp_queue_put_block (queue, block, 0, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_STATE);
  mp_block_unref (block);
}

/* What a block was made with lives as long as the block, through any number of queues. */
static void
test_holds_objects (void)
{
  g_autoptr (MpQueue) queue = new_queue ();
  g_autoptr (MpQueue) inner = new_queue ();
  g_autofree char *handle = g_strdup (mp_shared_get_handle (MP_SHARED (inner)));
  g_autoptr (MpPayload) payload = NULL;
  g_autoptr (MpPayload) got = NULL;
  g_autoptr (MpShared) opened = NULL;
  g_autoptr (GError) error = NULL;
  MpBlock *block;

  mp_shared_attach (MP_SHARED (inner));
  block = mp_block_new_attached (100000, &error);
  g_assert_no_error (error);
  g_clear_object (&inner);
  memset (mp_block_get_data (block, NULL), 5, 100000);
  payload = mp_block_to_payload (block, MP_ENCODING_BYTES);
  mp_block_unref (block);

  for (guint i = 0; i < 2; i++)
    {
      g_assert_true (mp_queue_put_payload (queue, payload, 0, NULL, &error));
      g_clear_pointer (&payload, mp_payload_unref);
      payload = mp_queue_get_payload (queue, 0, NULL, &error);
      g_assert_nonnull (payload);
    }
  opened = mp_shared_open (handle, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (g_bytes_get_size (mp_payload_get_bytes (payload)), ==, 100000);

  g_clear_object (&opened);
  g_clear_pointer (&payload, mp_payload_unref);
  opened = mp_shared_open (handle, &error);
  g_assert_error (error, MP_ERROR, MP_ERROR_NO_SUCH_OBJECT);
}

/* With an error, they are still attached. */
static void
test_holds_objects_in_vain (void)
{
  g_autoptr (MpQueue) inner = new_queue ();
  g_autoptr (MpBlock) block = NULL;
  g_autoptr (GError) error = NULL;

  mp_shared_attach (MP_SHARED (inner));
  g_assert_null (mp_block_new_attached ((gsize) 1 << 62, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_NO_SPACE);
  block = mp_block_new_attached (1, NULL);
  g_assert_nonnull (block);
  mp_shared_detach_all ();
}

static void
test_absurd (void)
{
  const gsize sizes[] = { G_MAXSIZE, G_MAXSIZE - 64, G_MAXSIZE / 2, (gsize) 1 << 62 };

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_null (mp_block_new (sizes[i], &error));
      g_assert_error (error, MP_ERROR, MP_ERROR_NO_SPACE);
    }
}

/* A view outlives the queue, and the process that wrote it. */
static void
test_view_outlives (void)
{
  MpQueue *queue = new_queue ();
  g_autoptr (MpBlock) block = NULL;
  int pid = fork ();

  if (pid == 0)
    {
      MpBlock *mine = new_block (300000, 5);

      _exit (mp_queue_put_block (queue, mine, 0, NULL, NULL) ? 0 : 1);
    }
  test_reap (pid, 0);
  block = mp_queue_get_block (queue, 0, NULL, NULL);
  g_object_unref (queue);
  mp_memory_trim ();
  check_block (block, 300000, 5);
}

/* A forked child has what its parent held, and keeps it when that lets go. */
static void
test_fork (void)
{
  g_autoptr (MpQueue) queue = new_queue ();
  MpBlock *block = new_block (200000, 3);
  int pid = fork ();

  if (pid == 0)
    {
      g_assert_true (mp_queue_get_into (queue, &(char) { 0 }, 1, 10, NULL, NULL) == 1);
      check_block (block, 200000, 3);
      g_assert_true (mp_queue_put_block (queue, block, 0, NULL, NULL));
      _exit (0);
    }
  mp_block_unref (block);
  block = new_block (200000, 4);
  g_assert_true (mp_queue_put_bytes (queue, "x", 1, 0, NULL, NULL));
  test_reap (pid, 0);
  mp_block_unref (block);
  block = mp_queue_get_block (queue, 0, NULL, NULL);
  check_block (block, 200000, 3);
  mp_block_unref (block);
}

static void
test_forward (void)
{
  g_autoptr (MpQueue) queue = new_queue ();
  g_autoptr (MpQueue) next = new_queue ();
  g_autoptr (MpPayload) payload = NULL;
  g_autoptr (MpPayload) last = NULL;
  g_autofree guint8 *data = g_malloc0 (100000);

  g_assert_true (mp_queue_put_bytes (queue, data, 100000, 0, NULL, NULL));
  payload = mp_queue_get_payload (queue, 0, NULL, NULL);
  g_assert_true (mp_queue_put_payload (next, payload, 0, NULL, NULL));
  last = mp_queue_get_payload (next, 0, NULL, NULL);
  g_assert_true (g_bytes_get_data (mp_payload_get_bytes (payload), NULL) ==
                 g_bytes_get_data (mp_payload_get_bytes (last), NULL));
}

/* --- Shared objects in messages ------------------------------------------------------------ */

/* The message holds the queue that is in it: its writer has let go, and even died. */
static void
test_objects (void)
{
  g_autoptr (MpQueue) queue = new_queue ();
  g_autoptr (MpPayload) payload = NULL;
  g_autoptr (GVariant) value = NULL;
  g_autoptr (GVariant) pair = NULL;
  g_autoptr (MpShared) inner = NULL;
  g_autoptr (GError) error = NULL;
  gint64 answer = 0;
  int pid = fork ();

  if (pid == 0)
    {
      MpQueue *mine = new_queue ();

      g_assert_true (mp_queue_put (mine, g_variant_new_int64 (42), 0, NULL, NULL));
      g_assert_true (mp_queue_put (queue, g_variant_new ("(sv)", "take this",
                                                         mp_shared_to_variant (MP_SHARED (mine))),
                                   0, NULL, NULL));
      kill (getpid (), SIGKILL);
    }
  test_reap (pid, -SIGKILL);
  mp_memory_trim ();

  payload = mp_queue_get_payload (queue, 0, NULL, &error);
  g_assert_no_error (error);
  value = mp_payload_get_variant (payload, NULL, &error);
  g_assert_no_error (error);
  g_variant_get_child (value, 1, "v", &pair);
  inner = mp_shared_from_variant (pair, &error);
  g_assert_no_error (error);
  g_clear_pointer (&payload, mp_payload_unref);
  g_clear_pointer (&value, g_variant_unref);
  value = mp_queue_get (MP_QUEUE (inner), 0, NULL, &error);
  g_assert_no_error (error);
  answer = g_variant_get_int64 (value);
  g_assert_cmpint (answer, ==, 42);
}

/* A queue in a queue in a queue…: dropping the outermost drops all, without recursion. */
static void
test_deep (void)
{
  const guint depth = 3000;
  guint64 used;
  MpQueue *outer;

  mp_memory_trim ();
  used = mp_memory_get_used ();
  outer = new_queue ();
  for (guint i = 0; i < depth; i++)
    {
      MpQueue *wider = new_queue ();

      g_assert_true (mp_queue_put (wider, mp_shared_to_variant (MP_SHARED (outer)), 0, NULL, NULL));
      g_object_unref (outer);
      outer = wider;
    }
  g_object_unref (outer);
  outer = NULL;

  /* Spans that were cut into blocks are kept for the next; a second round needs no more. */
  used = mp_memory_get_used ();
  for (guint i = 0; i < depth; i++)
    {
      MpQueue *wider = new_queue ();

      if (outer != NULL)
        g_assert_true (mp_queue_put (wider, mp_shared_to_variant (MP_SHARED (outer)), 0, NULL,
                                     NULL));
      g_clear_object (&outer);
      outer = wider;
    }
  g_object_unref (outer);
  g_assert_cmpuint (mp_memory_get_used (), <=, used);
}

/* A queue that is in itself is a cycle, and lives until it is emptied. */
static void
test_objects_dropped (void)
{
  g_autoptr (MpQueue) queue = new_queue ();
  g_autoptr (GError) error = NULL;
  g_autofree char *handle = NULL;
  MpQueue *inner = new_queue ();

  handle = mp_shared_get_handle (MP_SHARED (inner));
  g_assert_true (mp_queue_put (queue, mp_shared_to_variant (MP_SHARED (inner)), 0, NULL, NULL));
  g_object_unref (inner);
  inner = MP_QUEUE (mp_shared_open (handle, &error));
  g_assert_no_error (error);
  g_object_unref (inner);

  mp_payload_unref (mp_queue_get_payload (queue, 0, NULL, NULL));
  g_assert_null (mp_shared_open (handle, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_NO_SUCH_OBJECT);
}

static void
test_not_attached (void)
{
  g_autoptr (MpQueue) queue = new_queue ();
  g_autoptr (MpQueue) inner = new_queue ();
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) number = g_variant_ref_sink (g_variant_new_int32 (1));

  g_variant_unref (g_variant_ref_sink (mp_shared_to_variant (MP_SHARED (inner))));
  mp_shared_detach_all ();
  g_assert_true (mp_queue_put (queue, number, 0, NULL, NULL));
  g_assert_null (mp_shared_from_variant (number, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_DATA);
}

/* --- Batches ------------------------------------------------------------------------------- */

static MpPayload *
new_payload (guint number,
             gsize size)
{
  g_autofree guint8 *data = g_malloc0 (MAX (size, sizeof number));
  g_autoptr (GBytes) bytes = NULL;

  memcpy (data, &number, sizeof number);
  bytes = g_bytes_new (data, MAX (size, sizeof number));
  return mp_payload_new (MP_ENCODING_BYTES, bytes);
}

static gsize
size_of (guint i)
{
  return i % 97 == 0 ? 30000 : 4 + i % 300;
}

static void
test_batch (void)
{
  const guint n = 5000;
  g_autoptr (MpQueue) queue = new_queue ();
  g_autoptr (GPtrArray) payloads = g_ptr_array_new_with_free_func ((GDestroyNotify)
                                                                   mp_payload_unref);
  guint next = 0;

  for (guint i = 0; i < n; i++)
    g_ptr_array_add (payloads, new_payload (i, size_of (i)));
  g_assert_cmpuint (mp_queue_put_batch (queue, (MpPayload **) payloads->pdata, n, 0, NULL, NULL),
                    ==, n);
  g_assert_cmpuint (mp_queue_qsize (queue), ==, n);

  while (next < n)
    {
      g_autoptr (GPtrArray) got = mp_queue_get_batch (queue, 700, 0, NULL, NULL);

      g_assert_cmpuint (got->len, >, 0);
      g_assert_cmpuint (got->len, <=, 700);
      for (guint i = 0; i < got->len; i++, next++)
        {
          gsize size;
          const guint8 *data = g_bytes_get_data (mp_payload_get_bytes (got->pdata[i]), &size);

          g_assert_cmpuint (size, ==, size_of (next));
          g_assert_cmpmem (data, sizeof next, &next, sizeof next);
        }
    }
}

static void
test_batch_bounded (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MpQueue) queue = mp_queue_new (10, NULL);
  g_autoptr (GPtrArray) payloads = g_ptr_array_new_with_free_func ((GDestroyNotify)
                                                                   mp_payload_unref);
  g_autoptr (GPtrArray) got = NULL;

  for (guint i = 0; i < 25; i++)
    g_ptr_array_add (payloads, new_payload (i, 8));
  g_assert_cmpuint (mp_queue_put_batch (queue, (MpPayload **) payloads->pdata, 25, 0, NULL, &error),
                    ==, 10);
  g_assert_error (error, MP_ERROR, MP_ERROR_FULL);
  g_assert_cmpuint (mp_queue_qsize (queue), ==, 10);
  got = mp_queue_get_batch (queue, 4, 0, NULL, NULL);
  g_assert_cmpuint (got->len, ==, 4);
  g_clear_error (&error);
  g_assert_cmpuint (mp_queue_put_batch (queue, (MpPayload **) payloads->pdata + 10, 15, 0.01, NULL,
                                        &error), ==, 4);
  g_assert_error (error, MP_ERROR, MP_ERROR_TIMED_OUT);
}

static void
append_frame (GByteArray *frames,
              guint       encoding,
              guint       size)
{
  guint32 header[2] = { size, encoding };

  g_byte_array_append (frames, (const guint8 *) header, sizeof header);
  g_byte_array_set_size (frames, frames->len + (size + 7) / 8 * 8);
}

static void
test_frames (void)
{
  const guint n = 3000;
  g_autoptr (MpQueue) queue = new_queue ();
  g_autoptr (GByteArray) frames = g_byte_array_new ();
  guint total = 0;
  gsize n_put;

  for (guint i = 0; i < n; i++)
    append_frame (frames, MP_ENCODING_BYTES, i % 50);
  g_assert_cmpint (mp_queue_put_frames (queue, frames->data, frames->len, 0, &n_put), ==,
                   MP_STATUS_OK);
  g_assert_cmpuint (n_put, ==, n);
  while (total < n)
    {
      g_autofree guint8 *data = NULL;
      gsize size;
      guint n_got;

      g_assert_cmpint (mp_queue_get_frames (queue, 0, 1000, 0, &data, &size, &n_got), ==,
                       MP_STATUS_OK);
      for (gsize at = 0, i = 0; i < n_got; i++, total++)
        {
          const guint32 *header = (const guint32 *) (data + at);

          g_assert_cmpuint (header[0], ==, total % 50);
          g_assert_cmpuint (header[1], ==, MP_ENCODING_BYTES);
          at += 8 + (header[0] + 7) / 8 * 8;
          g_assert_cmpuint (at, <=, size);
        }
    }

  /* Nonsense is refused as a whole. */
  frames->len -= 8 + 56;
  append_frame (frames, 99, 5);
  g_assert_cmpint (mp_queue_put_frames (queue, frames->data, frames->len, 0, &n_put), ==,
                   MP_STATUS_INVALID);
  g_assert_cmpuint (mp_queue_qsize (queue), ==, 0);
}

/* --- Sources ------------------------------------------------------------------------------- */

static gboolean
count_cb (gpointer data)
{
  MpQueue *queue = data;
  g_autoptr (GVariant) value = mp_queue_try_get (queue, NULL);

  return value != NULL ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

static void
put_done_cb (GObject      *object,
             GAsyncResult *result,
             gpointer      data)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (mp_queue_put_finish (MP_QUEUE (object), result, &error));
  g_assert_no_error (error);
  ++*(int *) data;
}

static void
test_source (void)
{
  MpQueue *queue = mp_queue_new (2, NULL);
  g_autoptr (GSource) source = mp_queue_create_source (queue, G_IO_IN, NULL);
  int n_put = 0;

  g_source_set_callback (source, count_cb, queue, NULL);
  for (guint i = 0; i < 5; i++)
    {
      g_autoptr (MpPayload) payload = new_payload (i, 8);

      mp_queue_put_async (queue, payload, NULL, put_done_cb, &n_put);
    }
  while (g_main_context_iteration (NULL, FALSE))
    ;
  g_assert_cmpint (n_put, ==, 2);
  g_source_attach (source, NULL);
  while (n_put < 5 || mp_queue_qsize (queue) > 0)
    g_main_context_iteration (NULL, TRUE);
  g_source_destroy (source);
  g_object_unref (queue);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  test_source (); /* opens the doorbell, which stays */

  add_family_case ("/block/in-place", test_in_place);
  add_family_case ("/block/bytes", test_bytes_come_as_blocks);
  add_family_case ("/block/release", test_release);
  add_family_case ("/block/holds-objects", test_holds_objects);
  add_family_case ("/block/holds-objects-in-vain", test_holds_objects_in_vain);
  add_family_case ("/block/absurd", test_absurd);
  add_family_case ("/block/view-outlives", test_view_outlives);
  add_family_case ("/block/fork", test_fork);
  add_family_case ("/block/forward", test_forward);
  add_family_case ("/objects/killed-writer", test_objects);
  add_family_case ("/objects/deep", test_deep);
  add_family_case ("/objects/dropped", test_objects_dropped);
  add_family_case ("/objects/not-attached", test_not_attached);
  add_family_case ("/batch/values", test_batch);
  add_family_case ("/batch/bounded", test_batch_bounded);
  add_family_case ("/batch/frames", test_frames);
  add_family_case ("/source", test_source);

  return g_test_run ();
}
