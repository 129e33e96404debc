/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Listeners and their clients: addresses, keys, those who say nothing or nonsense, waiting for many
 * things at once. Both sides of a line are mostly in this process, in its main loop; where a peer
 * is to misbehave, it is a bare socket.
 */

#include "config.h"

#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "mproc/channel/mp-connection-stream-private.h"
#include "mproc/channel/mp-listener-address-private.h"
#include "mproc/channel/mp-listener.h"
#include "mproc/process/mp-process.h"
#include "tests/c/sync-common.h"

static GBytes *
key_of (const char *text)
{
  return g_bytes_new_static (text, strlen (text));
}

static MpListener *
new_listener (const char *address,
              GBytes     *key)
{
  g_autoptr (GError) error = NULL;
  MpListener *listener = mp_listener_new (address, 0, key, &error);

  g_assert_no_error (error);
  return listener;
}

/* Both ends of a line through a listener, made in one main loop. */
static void
meet (MpListener    *listener,
      GBytes        *key,
      MpConnection **here,
      MpConnection **there,
      GError       **here_error,
      GError       **there_error)
{
  g_autoptr (GAsyncResult) accepted = NULL;
  g_autoptr (GAsyncResult) connected = NULL;

  mp_listener_accept_async (listener, NULL, keep_result, &accepted);
  mp_connection_connect_async (mp_listener_get_address (listener), key, NULL, keep_result,
                               &connected);
  *there = mp_connection_connect_finish (wait_for (&connected), there_error);
  *here = mp_listener_accept_finish (listener, wait_for (&accepted), here_error);
}

static void
talk (MpConnection *here,
      MpConnection *there)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) heard = NULL;
  g_autoptr (GVariant) answer = NULL;

  g_assert_true (mp_connection_send (there, g_variant_new_string ("hello"), 20, NULL, &error));
  heard = mp_connection_recv (here, 20, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (g_variant_get_string (heard, NULL), ==, "hello");
  g_assert_true (mp_connection_send (here, g_variant_new_uint32 (7), 20, NULL, &error));
  answer = mp_connection_recv (there, 20, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (g_variant_get_uint32 (answer), ==, 7);
}

static void
check_address (const char *address,
               GBytes     *key)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MpListener) listener = new_listener (address, key);
  g_autoptr (MpConnection) here = NULL;
  g_autoptr (MpConnection) there = NULL;

  meet (listener, key, &here, &there, &error, &error);
  g_assert_no_error (error);
  talk (here, there);
}

static void
test_addresses (void)
{
  g_autoptr (GBytes) key = key_of ("the key");
  g_autofree char *folder = g_dir_make_tmp ("mproc-listener-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (folder, "socket", NULL);
  static const char * const others[] = { "@mproc-test-listener", "127.0.0.1:0", "localhost:0" };

  check_address (NULL, NULL);
  check_address (NULL, key);
  for (guint i = 0; i < G_N_ELEMENTS (others); i++)
    {
      check_address (others[i], NULL);
      check_address (others[i], key);
    }

  check_address (path, key);
  g_assert_false (g_file_test (path, G_FILE_TEST_EXISTS));
  g_assert_cmpint (rmdir (folder), ==, 0);
}

static void
test_bad_addresses (void)
{
  static const char * const bad[] = { "", "nothing", "@", "/", "host:", "::1:80", "host:name" };

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_null (mp_listener_new (bad[i], 0, NULL, &error));
      g_assert_true (error != NULL);
      g_clear_error (&error);
      g_assert_null (mp_connection_connect (bad[i], NULL, 1, NULL, &error));
      g_assert_true (error != NULL);
    }
}

static void
test_nobody_there (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MpListener) listener = new_listener (NULL, NULL);
  g_autoptr (MpListener) second = NULL;
  g_autofree char *address = g_strdup (mp_listener_get_address (listener));

  second = mp_listener_new (address, 0, NULL, &error);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_ADDRESS_IN_USE);
  g_clear_error (&error);
  g_assert_null (mp_listener_accept (listener, 0, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_TIMED_OUT);
  g_clear_error (&error);
  g_assert_null (mp_listener_accept (listener, 0.02, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_TIMED_OUT);
  g_clear_error (&error);

  mp_listener_close (listener);
  g_assert_true (mp_listener_is_closed (listener));
  g_assert_null (mp_listener_accept (listener, -1, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_STATE);
  g_clear_error (&error);
  g_assert_null (mp_connection_connect (address, NULL, 20, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CONNECTION_REFUSED);
  g_clear_error (&error);
  g_assert_null (mp_connection_connect ("/nowhere/at/all", NULL, 20, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
}

static void
test_wrong_key (void)
{
  g_autoptr (GBytes) right = key_of ("right");
  g_autoptr (GBytes) wrong = key_of ("wrong");
  g_autoptr (GError) here_error = NULL;
  g_autoptr (GError) there_error = NULL;
  g_autoptr (MpListener) listener = new_listener (NULL, right);
  g_autoptr (MpConnection) here = NULL;
  g_autoptr (MpConnection) there = NULL;

  meet (listener, wrong, &here, &there, &here_error, &there_error);
  g_assert_error (here_error, MP_ERROR, MP_ERROR_AUTHENTICATION);
  g_assert_error (there_error, MP_ERROR, MP_ERROR_AUTHENTICATION);
  g_assert_true (here == NULL && there == NULL);

  /* The next one is welcome. */
  g_clear_error (&here_error);
  g_clear_error (&there_error);
  meet (listener, right, &here, &there, &here_error, &there_error);
  g_assert_no_error (here_error);
  g_assert_no_error (there_error);
  talk (here, there);
}

/* --- Bare sockets -------------------------------------------------------------------------- */

static int
bare_client (MpListener *listener)
{
  g_autoptr (GArray) addresses = mp_socket_addresses (mp_listener_get_address (listener), FALSE,
                                                      NULL);
  const MpSocketAddress *address = &g_array_index (addresses, MpSocketAddress, 0);
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

  g_assert_cmpint (connect (fd, (const struct sockaddr *) &address->storage, address->size), ==, 0);
  return fd;
}

/* One who says nothing and one who talks nonsense keep nobody waiting. */
static void
test_silent (void)
{
  static const char nonsense[] = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
  g_autoptr (GBytes) key = key_of ("the key");
  g_autoptr (GError) error = NULL;
  g_autoptr (MpListener) listener = new_listener (NULL, key);
  g_autoptr (MpConnection) here = NULL;
  g_autoptr (MpConnection) there = NULL;
  int silent = bare_client (listener);
  int talker = bare_client (listener);
  int gone = bare_client (listener);
  char buffer[200];

  close (gone);
  g_assert_cmpint (write (talker, nonsense, sizeof nonsense), ==, sizeof nonsense);
  meet (listener, key, &here, &there, &error, &error);
  g_assert_no_error (error);
  talk (here, there);

  /* The first is dropped when its time is over. */
  mp_listener_set_auth_timeout (listener, 0.05);
  close (talker);
  talker = bare_client (listener);
  g_assert_null (mp_listener_accept (listener, 0.2 * slowness (), NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_TIMED_OUT);
  while (read (talker, buffer, sizeof buffer) > 0)
    continue;
  close (talker);
  close (silent);
}

typedef struct {
  const char *text;
  int         size;     /* 0: it hangs up */
  int         code;     /* of the error that its client gets */
  int         fd;
} Speaker;

static gboolean
say_and_wait (MpProcess  *process,
              gpointer    data,
              GError    **error)
{
  const Speaker *speaker = data;
  int line = accept (speaker->fd, NULL, NULL);

  if (speaker->text != NULL)
    g_assert_cmpint (write (line, speaker->text, speaker->size), ==, speaker->size);
  while (speaker->text == NULL || speaker->size > 0)
    pause ();

  return TRUE;
}

static int
listen_by_hand (const char *name)
{
  struct sockaddr_un address = { AF_UNIX, "" };
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  gsize size = offsetof (struct sockaddr_un, sun_path) + strlen (name);

  memcpy (address.sun_path + 1, name + 1, strlen (name) - 1);
  g_assert_cmpint (bind (fd, (struct sockaddr *) &address, size), ==, 0);
  g_assert_cmpint (listen (fd, 5), ==, 0);

  return fd;
}

/* A server that takes a connection and says nothing, nonsense, too much, or goodbye. */
static void
test_silent_server (void)
{
  static Speaker ways[] = {
    { NULL, 0, MP_ERROR_TIMED_OUT },
    { "\0\0\0\5\4abcd", 9, MP_ERROR_AUTHENTICATION },
    { "GET / HTTP/1.1\r\n\r\n", 18, MP_ERROR_INVALID_DATA },
    { "", 0, G_IO_ERROR_CONNECTION_CLOSED },
  };
  g_autofree char *name = g_strdup_printf ("@mproc-test-silent-%d", (int) getpid ());
  g_autoptr (GBytes) key = key_of ("the key");
  int fd = listen_by_hand (name);

  for (guint i = 0; i < G_N_ELEMENTS (ways); i++)
    {
      g_autoptr (MpProcess) process = mp_process_new (NULL, say_and_wait, &ways[i], NULL);
      g_autoptr (GError) error = NULL;

      ways[i].fd = fd;
      g_assert_true (mp_process_set_daemon (process, TRUE, NULL));
      g_assert_true (mp_process_start (process, &error));
      g_assert_null (mp_connection_connect (name, key, i == 0 ? 0.05 : 20, NULL, &error));
      g_assert_true (g_error_matches (error, i < 3 ? MP_ERROR : G_IO_ERROR, ways[i].code));
      mp_process_kill (process, NULL);
      g_assert_true (mp_process_join (process, -1, NULL, NULL));
    }
  close (fd);
}

/* The key is not sent, and an answer is good for one challenge only. */
static void
test_replay (void)
{
  g_autoptr (GBytes) key = key_of ("secret words");
  g_autoptr (GError) error = NULL;
  g_autoptr (MpListener) listener = new_listener (NULL, key);
  g_autofree guint8 *first = g_malloc0 (200);
  g_autofree guint8 *second = g_malloc0 (200);
  int fd[2] = { bare_client (listener), bare_client (listener) };

  g_assert_null (mp_listener_accept (listener, 0, NULL, &error));
  g_assert_cmpint (read (fd[0], first, 200), ==, 4 + 11 + 48);
  g_assert_cmpint (read (fd[1], second, 200), ==, 4 + 11 + 48);
  g_assert_cmpint (memcmp (first, second, 4 + 11 + 8 + 8), ==, 0);
  g_assert_cmpint (memcmp (first + 31, second + 31, 32), !=, 0);
  g_assert_null (memmem (first, 200, "secret", 6));

  /* Its own challenge sent back is no answer. */
  g_assert_cmpint (write (fd[0], first, 4 + 11 + 48), ==, 4 + 11 + 48);
  g_clear_error (&error);
  g_assert_null (mp_listener_accept (listener, 20, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_AUTHENTICATION);
  close (fd[0]);
  close (fd[1]);
}

/* What comes over a socket without a listener's help: whole, half, too much, nonsense. */
static void
expect_after (gconstpointer said,
              gsize         size,
              int           code)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MpConnection) connection = NULL;
  int fds[2];

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
  connection = mp_connection_new_for_fd (fds[0], &error);
  g_assert_no_error (error);
  g_assert_cmpint (write (fds[1], said, size), ==, (gssize) size);
  if (code != MP_ERROR_TIMED_OUT)
    close (fds[1]);
  g_assert_null (mp_connection_recv_payload (connection, 0.02, NULL, &error));
  g_assert_error (error, MP_ERROR, code);
  if (code == MP_ERROR_TIMED_OUT)
    close (fds[1]);

  /* It stays so. */
  g_clear_error (&error);
  g_assert_null (mp_connection_recv_payload (connection, 20, NULL, &error));
  code = code == MP_ERROR_TIMED_OUT ? MP_ERROR_INVALID_DATA : code;
  g_assert_error (error, MP_ERROR, code);
}

static void
test_frames (void)
{
  expect_after ("", 0, MP_ERROR_CLOSED);
  expect_after ("\0", 1, MP_ERROR_INVALID_DATA);
  expect_after ("\0\0\0\5", 4, MP_ERROR_INVALID_DATA);
  expect_after ("\0\0\0\5\4abc", 8, MP_ERROR_INVALID_DATA);
  expect_after ("\0\0\0\5\4abc", 8, MP_ERROR_TIMED_OUT);
  expect_after ("\0\0\0\0\4", 5, MP_ERROR_INVALID_DATA);
  expect_after ("\0\0\0\5\6abcd", 9, MP_ERROR_INVALID_DATA);
  expect_after ("GET / HTTP/1.1\r\n", 16, MP_ERROR_INVALID_DATA);
  expect_after ("\200\0\0\5\4", 5, MP_ERROR_INVALID_DATA);
  expect_after ("\377\377\377\377\377\377\377\377\377\377\377\377\4", 13, MP_ERROR_INVALID_DATA);
  /* As much as there is memory nowhere, of which nothing comes. */
  expect_after ("\377\377\377\377\0\0\377\377\377\377\377\377\4xyz", 16, MP_ERROR_TIMED_OUT);
}

/* The long form of the length, which begins at 2 GiB, may also tell a small one. */
static void
test_long_frames (void)
{
  static const char whole[] = "\377\377\377\377\0\0\0\0\0\0\0\4\4abc";
  static const guint8 head[] = { 255, 255, 255, 255, 0, 0, 0, 1, 64, 0, 0, 1, 4 };
  g_autoptr (GError) error = NULL;
  g_autoptr (MpConnection) connection = NULL;
  g_autoptr (GBytes) bytes = NULL;
  MpStreamLetter *letter;
  MpStream *stream;
  int fds[2];

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
  connection = mp_connection_new_for_fd (fds[0], &error);
  g_assert_cmpint (write (fds[1], whole, sizeof whole - 1), ==, sizeof whole - 1);
  bytes = mp_connection_recv_bytes (connection, 0, 20, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpmem (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), "abc", 3);

  /* 5 GiB, of which nothing is looked at. */
  stream = mp_stream_new (fds[1]);
  letter = mp_stream_letter_new (stream, MP_ENCODING_BYTES, NULL, 5 * (guint64) (1 << 30), NULL,
                                 -1);
  g_assert_cmpmem (letter->head, letter->head_size, head, sizeof head);
  mp_stream_drop (stream, letter);
  mp_stream_free (stream);
}

static void
test_not_a_socket (void)
{
  g_autoptr (GError) error = NULL;
  int fds[2];

  g_assert_cmpint (pipe (fds), ==, 0);
  g_assert_null (mp_connection_new_for_fd (fds[0], &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_ARGUMENT);
  g_clear_error (&error);
  g_assert_null (mp_connection_new_for_fd (-1, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_ARGUMENT);
  close (fds[0]);
  close (fds[1]);
}

/* --- Processes ----------------------------------------------------------------------------- */

static int
client (const char *address,
        GBytes     *key)
{
  g_autoptr (MpConnection) connection = mp_connection_connect (address, key, 30, NULL, NULL);
  g_autoptr (GVariant) answer = NULL;

  if (connection == NULL ||
      !mp_connection_send (connection, g_variant_new_int32 ((int) getpid ()), 30, NULL, NULL))
    return 1;

  answer = mp_connection_recv (connection, 30, NULL, NULL);
  return answer != NULL && g_variant_get_int32 (answer) == (int) getpid () ? 0 : 2;
}

static void
test_processes (void)
{
  g_autoptr (GBytes) key = key_of ("the key");
  g_autoptr (GError) error = NULL;
  g_autoptr (MpListener) listener = new_listener (NULL, key);
  int pids[8];

  for (guint i = 0; i < G_N_ELEMENTS (pids); i++)
    {
      pids[i] = fork ();
      if (pids[i] == 0)
        _exit (client (mp_listener_get_address (listener), key));
    }
  for (guint i = 0; i < G_N_ELEMENTS (pids); i++)
    {
      g_autoptr (MpConnection) connection = mp_listener_accept (listener, 30, NULL, &error);
      g_autoptr (GVariant) value = NULL;

      g_assert_no_error (error);
      value = mp_connection_recv (connection, 30, NULL, &error);
      g_assert_no_error (error);
      g_assert_true (mp_connection_send (connection, value, 30, NULL, &error));
    }
  for (guint i = 0; i < G_N_ELEMENTS (pids); i++)
    test_reap (pids[i], 0);
}

/* A forked server accepts at its parent's address, but its end does not remove the file. */
static void
test_forked_server (void)
{
  g_autofree char *folder = g_dir_make_tmp ("mproc-listener-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (folder, "socket", NULL);
  g_autoptr (MpListener) listener = new_listener (path, NULL);
  g_autoptr (MpConnection) connection = NULL;
  g_autoptr (GVariant) value = NULL;
  g_autoptr (GError) error = NULL;
  int pid = fork ();

  if (pid == 0)
    {
      MpConnection *accepted = mp_listener_accept (listener, 30, NULL, NULL);
      gboolean sent = accepted != NULL &&
                      mp_connection_send (accepted, g_variant_new_string ("child"), 30, NULL, NULL);

      g_clear_object (&accepted);
      g_clear_object (&listener);
      _exit (sent ? 0 : 1);
    }
  connection = mp_connection_connect (path, NULL, 30, NULL, &error);
  g_assert_no_error (error);
  value = mp_connection_recv (connection, 30, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (g_variant_get_string (value, NULL), ==, "child");
  test_reap (pid, 0);
  g_assert_true (g_file_test (path, G_FILE_TEST_EXISTS));
  mp_listener_close (listener);
  g_assert_cmpint (rmdir (folder), ==, 0);
}

/* --- Waiting for many ---------------------------------------------------------------------- */

static void
expect_ready (GObject   **objects,
              gsize       n_objects,
              double      timeout,
              gpointer    expected)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) ready = mp_connection_wait (objects, n_objects, timeout, NULL, &error);

  g_assert_no_error (error);
  g_assert_cmpuint (ready->len, ==, expected != NULL ? 1 : 0);
  if (expected != NULL)
    g_assert_true (g_ptr_array_index (ready, 0) == expected);
}

static gboolean
sleep_well (MpProcess  *process,
            gpointer    data,
            GError    **error)
{
  for (;;)
    pause ();

  return TRUE;
}

static void
test_wait (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MpConnection) a = NULL;
  g_autoptr (MpConnection) b = NULL;
  g_autoptr (MpConnection) c = NULL;
  g_autoptr (MpConnection) d = NULL;
  g_autoptr (MpConnection) client_end = NULL;
  g_autoptr (MpConnection) server_end = NULL;
  g_autoptr (MpQueue) queue = mp_queue_new (0, NULL);
  g_autoptr (MpListener) listener = new_listener (NULL, NULL);
  g_autoptr (MpProcess) process = mp_process_new (NULL, sleep_well, NULL, NULL);
  g_autoptr (GVariant) value = NULL;
  GObject *objects[5];
  guint n = 5;
  char buffer[4];

  mp_pipe_new (TRUE, &a, &b, &error);
  mp_pipe_new_sockets (TRUE, &c, &d, &error);
  g_assert_true (mp_process_set_daemon (process, TRUE, NULL));
  g_assert_true (mp_process_start (process, &error));
  g_assert_no_error (error);
  if (mp_process_get_sentinel (process) < 0)
    n = 4;              /* the kernel, or valgrind, has no descriptors of processes */
  objects[0] = G_OBJECT (b);
  objects[1] = G_OBJECT (d);
  objects[2] = G_OBJECT (queue);
  objects[3] = G_OBJECT (listener);
  objects[4] = G_OBJECT (process);

  expect_ready (objects, n, 0, NULL);
  expect_ready (objects, n, 0.02, NULL);
  mp_connection_send_bytes (a, "x", 1, 20, NULL, NULL);
  expect_ready (objects, n, 20, b);
  g_assert_cmpint (mp_connection_recv_into (b, buffer, sizeof buffer, 0, NULL, NULL), ==, 1);
  mp_connection_send_bytes (c, "y", 1, 20, NULL, NULL);
  expect_ready (objects, n, 20, d);
  expect_ready (objects + 2, n - 2, 0, NULL);
  mp_queue_put (queue, g_variant_new_boolean (TRUE), 20, NULL, NULL);
  expect_ready (objects + 2, n - 2, 20, queue);
  value = mp_queue_get (queue, 0, NULL, NULL);
  client_end = mp_connection_connect (mp_listener_get_address (listener), NULL, 20, NULL, NULL);
  expect_ready (objects + 2, n - 2, 20, listener);
  server_end = mp_listener_accept (listener, 0, NULL, &error);
  g_assert_no_error (error);
  talk (server_end, client_end);
  g_assert_true (mp_process_kill (process, &error));
  if (n == 5)
    expect_ready (objects + 2, n - 2, 20, process);
  mp_process_join (process, 20, NULL, &error);
  g_assert_no_error (error);
}

/* What makes it ready comes while it sleeps, from another process. */
static int
send_slowly (gpointer to,
             gpointer unused)
{
  g_usleep (30000);
  return mp_connection_send_bytes (to, "x", 1, 20, NULL, NULL) ? 0 : 1;
}

static void
test_wait_asleep (void)
{
  for (guint i = 0; i < 2; i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (MpConnection) a = NULL;
      g_autoptr (MpConnection) b = NULL;
      g_autoptr (GBytes) bytes = NULL;
      GObject *objects[1];
      int go[2], pid;

      if (i == 0)
        mp_pipe_new (TRUE, &a, &b, &error);
      else
        mp_pipe_new_sockets (TRUE, &a, &b, &error);
      g_assert_no_error (error);
      objects[0] = G_OBJECT (b);
      pid = start_later (go, send_slowly, a, NULL);
      tell (go);
      expect_ready (objects, 1, 30, b);
      bytes = mp_connection_recv_bytes (b, 0, 0, NULL, &error);
      g_assert_no_error (error);
      test_reap (pid, 0);
    }
}

static void
test_wait_badly (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (MpQueue) queue = mp_queue_new (0, NULL);
  g_autoptr (GPtrArray) ready = NULL;
  GObject *objects[] = { G_OBJECT (queue), G_OBJECT (cancellable) };
  GThread *thread;

  g_assert_null (mp_connection_wait (objects, 2, 0, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_ARGUMENT);
  g_clear_error (&error);
  thread = g_thread_new (NULL, cancel_later, cancellable);
  g_assert_null (mp_connection_wait (objects, 1, -1, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_thread_join (thread);
  g_clear_error (&error);
  ready = mp_connection_wait (NULL, 0, 0.01, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (ready->len, ==, 0);
}

/* What the library and GLib open once and keep. */
static void
open_what_stays (void)
{
  g_autoptr (MpProcess) process = mp_process_new (NULL, sleep_well, NULL, NULL);

  g_assert_true (mp_process_start (process, NULL));
  mp_process_kill (process, NULL);
  mp_process_join (process, -1, NULL, NULL);
  check_address (NULL, NULL);
  test_wait ();
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  open_what_stays ();
  add_family_case ("/listener/addresses", test_addresses);
  add_family_case ("/listener/bad-addresses", test_bad_addresses);
  add_family_case ("/listener/nobody-there", test_nobody_there);
  add_family_case ("/listener/wrong-key", test_wrong_key);
  add_family_case ("/listener/silent", test_silent);
  add_family_case ("/listener/silent-server", test_silent_server);
  add_family_case ("/listener/replay", test_replay);
  add_family_case ("/listener/frames", test_frames);
  add_family_case ("/listener/long-frames", test_long_frames);
  add_family_case ("/listener/not-a-socket", test_not_a_socket);
  add_family_case ("/listener/processes", test_processes);
  add_family_case ("/listener/forked-server", test_forked_server);
  add_family_case ("/wait/ready", test_wait);
  add_family_case ("/wait/asleep", test_wait_asleep);
  add_family_case ("/wait/badly", test_wait_badly);

  return g_test_run ();
}
