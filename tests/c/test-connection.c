/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Connections: the same cases for a pipe in shared memory and for a pair of sockets. What the other
 * end says comes out here, whole and in order; limits, the end, closing; children that talk, are
 * killed, or get an end in a message.
 */

#include "config.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "mproc/channel/mp-connection.h"
#include "mproc/memory/mp-memory.h"
#include "tests/c/sync-common.h"

typedef gboolean (*MakeFunc) (gboolean       duplex,
                              MpConnection **one,
                              MpConnection **other,
                              GError       **error);

static MakeFunc make = mp_pipe_new;

static void
make_pipe (gboolean       duplex,
           MpConnection **one,
           MpConnection **other)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (make (duplex, one, other, &error));
  g_assert_no_error (error);
}

static void
send_text (MpConnection *to,
           const char   *text)
{
  g_autoptr (GError) error = NULL;

  mp_connection_send (to, g_variant_new_string (text), 20, NULL, &error);
  g_assert_no_error (error);
}

static void
expect_text (MpConnection *from,
             const char   *text)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) value = mp_connection_recv (from, 20, NULL, &error);

  g_assert_no_error (error);
  g_assert_cmpstr (g_variant_get_string (value, NULL), ==, text);
}

static void
expect_error (MpConnection *from,
              double        timeout,
              int           code)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) value = mp_connection_recv (from, timeout, NULL, &error);

  g_assert_error (error, MP_ERROR, code);
  g_assert_null (value);
}

/* --- One process --------------------------------------------------------------------------- */

static void
test_both_ways (void)
{
  g_autoptr (MpConnection) a = NULL;
  g_autoptr (MpConnection) b = NULL;

  make_pipe (TRUE, &a, &b);
  g_assert_true (mp_connection_get_readable (a) && mp_connection_get_writable (a));
  g_assert_true (mp_connection_get_readable (b) && mp_connection_get_writable (b));
  send_text (a, "one");
  send_text (a, "two");
  send_text (b, "back");
  expect_text (b, "one");
  expect_text (b, "two");
  expect_text (a, "back");
  expect_error (a, 0, MP_ERROR_TIMED_OUT);
  expect_error (a, 0.02, MP_ERROR_TIMED_OUT);
}

static void
test_one_way (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MpConnection) reader = NULL;
  g_autoptr (MpConnection) writer = NULL;

  make_pipe (FALSE, &reader, &writer);
  g_assert_true (mp_connection_get_readable (reader) && !mp_connection_get_writable (reader));
  g_assert_true (!mp_connection_get_readable (writer) && mp_connection_get_writable (writer));
  send_text (writer, "hello");
  expect_text (reader, "hello");

  g_assert_false (mp_connection_send_bytes (reader, "x", 1, 0, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_STATE);
  expect_error (writer, 0, MP_ERROR_INVALID_STATE);

  mp_connection_close (writer);
  expect_error (reader, 20, MP_ERROR_CLOSED);
}

static void
test_end (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MpConnection) a = NULL;
  g_autoptr (MpConnection) b = NULL;

  make_pipe (TRUE, &a, &b);
  send_text (a, "last");
  mp_connection_close (a);
  mp_connection_close (a);
  g_assert_true (mp_connection_is_closed (a));
  g_assert_false (mp_connection_is_closed (b));
  g_assert_cmpint (mp_connection_get_fd (a), ==, -1);

  g_assert_true (mp_connection_poll (b, 20, NULL, &error));
  expect_text (b, "last");
  g_assert_true (mp_connection_poll (b, 20, NULL, &error));
  expect_error (b, 20, MP_ERROR_CLOSED);
  expect_error (b, 0, MP_ERROR_CLOSED);
  g_assert_false (mp_connection_send (b, g_variant_new_int32 (1), 20, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_CLOSED);

  expect_error (a, 0, MP_ERROR_INVALID_STATE);
  g_clear_error (&error);
  g_assert_false (mp_connection_send_bytes (a, "x", 1, 0, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_STATE);
  g_clear_error (&error);
  g_assert_false (mp_connection_poll (a, 0, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_STATE);
}

static void
test_sizes (void)
{
  static const gsize sizes[] = { 0, 1, 63, 64, 4095, 4096, 4097, 65536, 3000000 };
  g_autoptr (MpConnection) a = NULL;
  g_autoptr (MpConnection) b = NULL;
  guint8 *data = g_malloc0 (3000000);

  for (gsize i = 0; i < 3000000; i++)
    data[i] = (guint8) (i * 7 + (i >> 8));
  make_pipe (TRUE, &a, &b);
  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GBytes) bytes = NULL;

      /* What does not fit into the socket goes out piece by piece, as the other end takes it. */
      if (!mp_connection_send_bytes (a, data, sizes[i], 0, NULL, &error))
        g_assert_error (error, MP_ERROR, MP_ERROR_TIMED_OUT);
      g_clear_error (&error);
      while (bytes == NULL)
        {
          bytes = mp_connection_recv_bytes (b, 0, 0, NULL, &error);
          if (bytes == NULL)
            g_assert_error (error, MP_ERROR, MP_ERROR_TIMED_OUT);
          g_clear_error (&error);
          mp_connection_flush_raw (a, 0);
        }
      g_assert_cmpmem (data, sizes[i], g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes));
    }
  g_free (data);
}

static void
test_too_short (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MpConnection) a = NULL;
  g_autoptr (MpConnection) b = NULL;
  g_autoptr (GBytes) bytes = NULL;
  char buffer[16];

  make_pipe (TRUE, &a, &b);
  g_assert_true (mp_connection_send_bytes (a, "0123456789", 10, 20, NULL, NULL));
  g_assert_cmpint (mp_connection_recv_into (b, buffer, 9, 20, NULL, &error), ==, -1);
  g_assert_error (error, MP_ERROR, MP_ERROR_TOO_SHORT);
  g_clear_error (&error);
  g_assert_null (mp_connection_recv_bytes (b, 9, 20, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_TOO_SHORT);
  g_clear_error (&error);
  g_assert_true (mp_connection_poll (b, 0, NULL, NULL));

  bytes = mp_connection_recv_bytes (b, 10, 20, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpmem (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), "0123456789", 10);
  g_assert_true (mp_connection_send_bytes (a, "abc", 3, 20, NULL, NULL));
  g_assert_cmpint (mp_connection_recv_into (b, buffer, sizeof buffer, 20, NULL, &error), ==, 3);
  g_assert_cmpmem (buffer, 3, "abc", 3);
}

static void
test_poll (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MpConnection) a = NULL;
  g_autoptr (MpConnection) b = NULL;
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  GThread *thread;

  make_pipe (TRUE, &a, &b);
  g_assert_false (mp_connection_poll (b, 0, NULL, &error));
  g_assert_no_error (error);
  g_assert_false (mp_connection_poll (b, 0.02, NULL, &error));
  g_assert_no_error (error);
  send_text (a, "x");
  g_assert_true (mp_connection_poll (b, -1, NULL, &error));
  expect_text (b, "x");

  thread = g_thread_new (NULL, cancel_later, cancellable);
  g_assert_null (mp_connection_recv (b, -1, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_thread_join (thread);
}

static void
test_descriptors (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MpConnection) a = NULL;
  g_autoptr (MpConnection) b = NULL;
  int fds[2], fd;
  char byte = 0;
  pid_t pid;

  make_pipe (TRUE, &a, &b);
  g_assert_false (mp_connection_send_fd (a, 12345, 0, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_ARGUMENT);
  g_clear_error (&error);
  g_assert_cmpint (mp_connection_recv_fd (b, 0, NULL, &error), ==, -1);
  g_assert_error (error, MP_ERROR, MP_ERROR_TIMED_OUT);
  g_clear_error (&error);

  g_assert_cmpint (pipe2 (fds, O_CLOEXEC), ==, 0);
  pid = fork ();
  if (pid == 0)
    _exit (mp_connection_send_fd (a, fds[1], 20, NULL, NULL) ? 0 : 1);
  test_reap (pid, 0);
  close (fds[1]);

  /* The sender has ended; what it sent is there. */
  fd = mp_connection_recv_fd (b, 20, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpint (fcntl (fd, F_GETFD), ==, FD_CLOEXEC);
  g_assert_cmpint (write (fd, "y", 1), ==, 1);
  g_assert_cmpint (read (fds[0], &byte, 1), ==, 1);
  g_assert_cmpint (byte, ==, 'y');
  close (fd);
  close (fds[0]);
}

/* --- Children ------------------------------------------------------------------------------ */

static int
echo (MpConnection *here,
      MpConnection *there)
{
  g_autoptr (GError) error = NULL;

  mp_connection_close (there);
  for (;;)
    {
      g_autoptr (MpPayload) payload = mp_connection_recv_payload (here, 30, NULL, &error);

      if (payload == NULL)
        return g_error_matches (error, MP_ERROR, MP_ERROR_CLOSED) ? 0 : 2;
      if (!mp_connection_send_payload (here, payload, 30, NULL, NULL))
        return 3;
    }
}

static void
test_child (void)
{
  g_autoptr (MpConnection) a = NULL;
  g_autoptr (MpConnection) b = NULL;
  int pid;

  make_pipe (TRUE, &a, &b);
  pid = fork ();
  if (pid == 0)
    _exit (echo (b, a));
  mp_connection_close (b);

  for (guint i = 0; i < 500; i++)
    {
      g_autofree char *text = g_strdup_printf ("message %u", i);

      send_text (a, text);
      expect_text (a, text);
    }
  mp_connection_close (a);
  test_reap (pid, 0);
}

static volatile int n_signals;

static void
count_signal (int number)
{
  n_signals++;
}

/* Signals break no call: each goes on where it was, in the middle of a message too. */
static void
test_signals (void)
{
  static guint8 large[2000000];
  struct sigaction action = { .sa_handler = count_signal };
  struct itimerval often = { { 0, 500 }, { 0, 500 } }, never = { { 0, 0 }, { 0, 0 } };
  g_autoptr (MpConnection) a = NULL;
  g_autoptr (MpConnection) b = NULL;
  int pid;

  make_pipe (TRUE, &a, &b);
  pid = fork ();
  if (pid == 0)
    _exit (echo (b, a));
  mp_connection_close (b);
  n_signals = 0;
  sigaction (SIGALRM, &action, NULL);
  setitimer (ITIMER_REAL, &often, NULL);
  for (guint i = 0; i < 10 || n_signals < 20; i++)
    {
      g_autoptr (GBytes) back = NULL;
      g_autoptr (GError) error = NULL;
      large[i % sizeof large] = i;
      if (mp_connection_send_bytes (a, large, sizeof large, 60, NULL, &error))
        back = mp_connection_recv_bytes (a, 0, 60, NULL, &error);
      g_assert_no_error (error);
      g_assert_cmpmem (g_bytes_get_data (back, NULL), g_bytes_get_size (back), large, sizeof large);
    }
  setitimer (ITIMER_REAL, &never, NULL);
  mp_connection_close (a);
  test_reap (pid, 0);
}

/* A child that is killed while this process waits for what it says. */
static void
test_killed (void)
{
  for (guint i = 0; i < 20; i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (MpConnection) a = NULL;
      g_autoptr (MpConnection) b = NULL;
      guint n = 0;
      int pid;

      make_pipe (TRUE, &a, &b);
      pid = fork ();
      if (pid == 0)
        {
          mp_connection_close (a);
          for (guint k = 0; ; k++)
            if (!mp_connection_send (b, g_variant_new_uint32 (k), 30, NULL, NULL))
              _exit (1);
        }
      mp_connection_close (b);

      while (error == NULL)
        {
          g_autoptr (GVariant) value = mp_connection_recv (a, 30, NULL, &error);

          if (value != NULL)
            g_assert_cmpuint (g_variant_get_uint32 (value), ==, n++);
          if (n == 100 + i)
            kill (pid, SIGKILL);
        }
      /* Whole messages only; of a socket the last one may be cut off. */
      if (!g_error_matches (error, MP_ERROR, MP_ERROR_INVALID_DATA) || make == mp_pipe_new)
        g_assert_error (error, MP_ERROR, MP_ERROR_CLOSED);
      test_reap (pid, -SIGKILL);
      g_assert_false (mp_connection_send (a, g_variant_new_boolean (TRUE), 30, NULL, NULL));
    }
}

/* --- Threads ------------------------------------------------------------------------------- */

#define N_THREADS 4
#define N_MESSAGES 200
#define MOST 40000

/* Message after message of one byte's repetitions. */
static gpointer
send_much (gpointer to)
{
  static int number;
  guint8 byte = (guint8) g_atomic_int_add (&number, 1);
  guint8 *data = g_malloc (MOST);

  memset (data, byte, MOST);
  for (guint i = 0; i < N_MESSAGES; i++)
    g_assert_true (mp_connection_send_bytes (to, data, 1 + (i * 1237) % MOST, 60, NULL, NULL));
  g_free (data);
  return NULL;
}

static gpointer
recv_much (gpointer from)
{
  for (guint i = 0; i < N_MESSAGES; i++)
    {
      g_autoptr (GBytes) bytes = mp_connection_recv_bytes (from, 0, 60, NULL, NULL);
      gsize size;
      const guint8 *data = g_bytes_get_data (bytes, &size);

      for (gsize k = 1; k < size; k++)
        g_assert_cmpint (data[k], ==, data[0]);
    }
  return NULL;
}

static void
test_threads (void)
{
  g_autoptr (MpConnection) a = NULL;
  g_autoptr (MpConnection) b = NULL;
  GThread *threads[2 * N_THREADS];

  make_pipe (TRUE, &a, &b);
  for (guint i = 0; i < N_THREADS; i++)
    {
      threads[2 * i] = g_thread_new (NULL, send_much, a);
      threads[2 * i + 1] = g_thread_new (NULL, recv_much, b);
    }
  for (guint i = 0; i < 2 * N_THREADS; i++)
    g_thread_join (threads[i]);
  expect_error (b, 0, MP_ERROR_TIMED_OUT);
}

static gpointer
close_later (gpointer connection)
{
  g_usleep (30000);
  mp_connection_close (connection);
  return NULL;
}

/* Another thread closes the connection that one waits on. */
static void
test_closed_meanwhile (void)
{
  g_autoptr (MpConnection) a = NULL;
  g_autoptr (MpConnection) b = NULL;
  GThread *thread;

  make_pipe (TRUE, &a, &b);
  thread = g_thread_new (NULL, close_later, b);
  expect_error (b, 60, MP_ERROR_INVALID_STATE);
  g_thread_join (thread);
}

/* --- In a main loop ------------------------------------------------------------------------ */

static void
test_async (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MpConnection) a = NULL;
  g_autoptr (MpConnection) b = NULL;
  g_autoptr (GAsyncResult) received = NULL;
  g_autoptr (GAsyncResult) sent = NULL;
  g_autoptr (MpPayload) payload = mp_payload_new_variant (g_variant_new_string ("later"));
  g_autoptr (MpPayload) got = NULL;
  g_autoptr (GVariant) value = NULL;

  make_pipe (TRUE, &a, &b);
  mp_connection_recv_async (b, NULL, keep_result, &received);
  g_assert_null (received);
  mp_connection_send_async (a, payload, NULL, keep_result, &sent);
  g_assert_true (mp_connection_send_finish (a, wait_for (&sent), &error));
  got = mp_connection_recv_finish (b, wait_for (&received), &error);
  g_assert_no_error (error);
  value = mp_payload_get_variant (got, NULL, &error);
  g_assert_cmpstr (g_variant_get_string (value, NULL), ==, "later");
}

static void
test_async_end (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MpConnection) a = NULL;
  g_autoptr (MpConnection) b = NULL;
  g_autoptr (GAsyncResult) received = NULL;
  g_autoptr (GAsyncResult) cancelled = NULL;
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  int pid;

  make_pipe (TRUE, &a, &b);
  mp_connection_recv_async (a, cancellable, keep_result, &cancelled);
  g_timeout_add (10, cancel_cb, cancellable);
  g_assert_null (mp_connection_recv_finish (a, wait_for (&cancelled), &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&error);

  /* Nobody but this main loop is there to notice that the child is gone. */
  pid = fork ();
  if (pid == 0)
    {
      mp_connection_close (a);
      for (;;)
        pause ();
    }
  mp_connection_close (b);
  mp_connection_recv_async (a, NULL, keep_result, &received);
  kill (pid, SIGKILL);
  g_assert_null (mp_connection_recv_finish (a, wait_for (&received), &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_CLOSED);
  test_reap (pid, -SIGKILL);
}

static gboolean
count_and_take (gpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) value = mp_connection_recv (((gpointer *) data)[0], 0, NULL, &error);
  guint *n = ((gpointer *) data)[1];

  if (value != NULL)
    *n += g_variant_get_uint32 (value);

  return *n < 6 ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

static void
test_source (void)
{
  g_autoptr (MpConnection) a = NULL;
  g_autoptr (MpConnection) b = NULL;
  g_autoptr (GSource) source = NULL;
  guint n = 0;
  gpointer data[2];

  make_pipe (TRUE, &a, &b);
  data[0] = b;
  data[1] = &n;
  source = mp_connection_create_source (b, NULL);
  g_source_set_callback (source, count_and_take, data, NULL);
  g_source_attach (source, NULL);
  for (guint i = 1; i <= 3; i++)
    g_assert_true (mp_connection_send (a, g_variant_new_uint32 (i), 20, NULL, NULL));
  while (n < 6)
    g_main_context_iteration (NULL, TRUE);
  g_assert_cmpuint (n, ==, 6);
  while (!g_source_is_destroyed (source))
    g_main_context_iteration (NULL, TRUE);
}

/* --- Only in shared memory ----------------------------------------------------------------- */

static void
test_in_message (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MpConnection) a = NULL;
  g_autoptr (MpConnection) b = NULL;
  g_autoptr (MpConnection) far = NULL;
  g_autoptr (MpConnection) near = NULL;
  g_autoptr (MpPayload) payload = NULL;
  g_autoptr (GVariant) value = NULL;
  g_autoptr (MpShared) opened = NULL;

  make_pipe (TRUE, &a, &b);
  make_pipe (TRUE, &near, &far);
  mp_connection_send (a, mp_shared_to_variant (MP_SHARED (far)), 20, NULL, &error);
  g_assert_no_error (error);
  /* The message has it; so it is not closed. */
  mp_connection_close (far);
  send_text (near, "to whom it may concern");

  payload = mp_connection_recv_payload (b, 20, NULL, &error);
  g_assert_no_error (error);
  value = mp_payload_get_variant (payload, NULL, &error);
  opened = mp_shared_from_variant (value, &error);
  g_assert_no_error (error);
  g_clear_pointer (&payload, mp_payload_unref);
  g_clear_pointer (&value, g_variant_unref);
  expect_text (MP_CONNECTION (opened), "to whom it may concern");
  send_text (MP_CONNECTION (opened), "thanks");
  expect_text (near, "thanks");
  mp_connection_close (MP_CONNECTION (opened));
  expect_error (near, 20, MP_ERROR_CLOSED);
}

static void
test_text (void)
{
  g_autoptr (MpConnection) a = NULL;
  g_autoptr (MpConnection) b = NULL;
  g_autofree char *text = NULL;

  make_pipe (FALSE, &a, &b);
  text = mp_shared_to_string (MP_SHARED (b));
  g_assert_cmpstr (text, ==, "<Connection(writable)>");
}

/* Of an unsent message, of an end that is dropped unread, nothing is left. */
static void
test_memory (void)
{
  for (guint i = 0; i < 300; i++)
    {
      g_autoptr (MpConnection) a = NULL;
      g_autoptr (MpConnection) b = NULL;
      g_autofree guint8 *data = g_malloc0 (1 << 20);

      make_pipe (TRUE, &a, &b);
      g_assert_true (mp_connection_send_bytes (a, data, 1 << 20, 20, NULL, NULL));
      g_assert_true (mp_connection_send_bytes (b, data, 1 << 20, 20, NULL, NULL));
    }
  g_assert_cmpuint (mp_memory_get_used (), <, 100u << 20);
}

static const struct {
  const char *name;
  GTestFunc   func;
} cases[] = {
  { "both-ways", test_both_ways },
  { "one-way", test_one_way },
  { "end", test_end },
  { "sizes", test_sizes },
  { "too-short", test_too_short },
  { "poll", test_poll },
  { "descriptors", test_descriptors },
  { "child", test_child },
  { "signals", test_signals },
  { "killed", test_killed },
  { "threads", test_threads },
  { "closed-meanwhile", test_closed_meanwhile },
  { "async", test_async },
  { "async-end", test_async_end },
  { "source", test_source },
};

static void
run_over_sockets (gconstpointer func)
{
  make = mp_pipe_new_sockets;
  run_family_case (func);
}

static void
run_in_memory (gconstpointer func)
{
  make = mp_pipe_new;
  run_family_case (func);
}

/* What the library and GLib open once and keep. */
static void
open_what_stays (void)
{
  g_autoptr (MpConnection) a = NULL;
  g_autoptr (MpConnection) b = NULL;

  test_async ();
  make_pipe (TRUE, &a, &b);
  send_text (a, "x");
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  open_what_stays ();
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *memory = g_strconcat ("/connection/memory/", cases[i].name, NULL);
      g_autofree char *sockets = g_strconcat ("/connection/sockets/", cases[i].name, NULL);

      g_test_add_data_func (memory, (gconstpointer) cases[i].func, run_in_memory);
      g_test_add_data_func (sockets, (gconstpointer) cases[i].func, run_over_sockets);
    }
  g_test_add_data_func ("/connection/in-message", (gconstpointer) test_in_message, run_in_memory);
  g_test_add_data_func ("/connection/text", (gconstpointer) test_text, run_in_memory);
  g_test_add_data_func ("/connection/memory", (gconstpointer) test_memory, run_in_memory);

  return g_test_run ();
}
