/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The manager when somebody talks nonsense to the server, or nothing, or too much, and when the
 * server cannot be started.
 */

#include "config.h"

#include "manager-common.h"

#include <sys/resource.h>

static int
dial (Fixture *fixture)
{
  int fd = mp_manager_connect (fixture->address, 20);

  g_assert_cmpint (fd, >=, 0);

  return fd;
}

static int
dial_and_greet (Fixture *fixture)
{
  MpManagerHello hello = { .magic = MP_MANAGER_MAGIC };
  MpManagerWelcome welcome;
  int fd = dial (fixture);

  memcpy (hello.token, fixture->token, sizeof hello.token);
  g_assert_true (mp_manager_send (fd, &hello, sizeof hello, NULL, 0));
  g_assert_true (mp_manager_receive (fd, &welcome, sizeof welcome));
  g_assert_cmpuint (welcome.magic, ==, MP_MANAGER_MAGIC);

  return fd;
}

static void
assert_hung_up (int fd)
{
  char byte;

  g_assert_cmpint (recv (fd, &byte, 1, 0), <=, 0);
  g_assert_cmpint (errno, !=, EAGAIN);
  close (fd);
}

static void
test_strangers (Fixture       *fixture,
                gconstpointer  data)
{
  MpManagerHello hello = { .magic = MP_MANAGER_MAGIC };
  const char *garbage = "GET / HTTP/1.1\r\nHost: example.org\r\n\r\n";
  int fd;

  fd = dial (fixture);
  g_assert_true (mp_manager_send (fd, garbage, strlen (garbage), NULL, 0));
  errno = 0;
  assert_hung_up (fd);

  fd = dial (fixture);
  memcpy (hello.token, fixture->token, sizeof hello.token);
  hello.token[MP_MANAGER_KEY_SIZE - 1] ^= 1;
  g_assert_true (mp_manager_send (fd, &hello, sizeof hello, NULL, 0));
  errno = 0;
  assert_hung_up (fd);

  fd = dial (fixture);
  memcpy (hello.token, fixture->token, sizeof hello.token);
  hello.clone_of = 123456;
  g_assert_true (mp_manager_send (fd, &hello, sizeof hello, NULL, 0));
  errno = 0;
  assert_hung_up (fd);

  fd = dial (fixture);
  g_assert_true (mp_manager_send (fd, &hello, sizeof hello / 2, NULL, 0));
  close (fd);
  assert_server_fine (fixture);
}

static void
test_bad_handles (Fixture       *fixture,
                  gconstpointer  data)
{
  g_autofree char *handle = mp_proxy_get_handle (MP_PROXY (fixture->list));
  gsize length = strlen (handle);
  g_autoptr (GError) error = NULL;
  g_autofree char *wrong = g_strdup (handle);
  char *digit = wrong + strlen (MP_MANAGER_HANDLE_PREFIX) + MP_MANAGER_HEX_SIZE + 1;

  for (gsize cut = 0; cut < length; cut++)
    {
      g_autofree char *shorter = g_strndup (handle, cut);

      g_assert_null (mp_proxy_open (shorter, &error));
      g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_ARGUMENT);
      g_clear_error (&error);
    }

  *digit = *digit == '0' ? '1' : '0';
  g_assert_null (mp_proxy_open (wrong, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_AUTHENTICATION);
  g_clear_error (&error);

  g_free (wrong);
  wrong = g_strconcat (handle, "999", NULL);
  g_assert_null (mp_proxy_open (wrong, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_NO_SUCH_OBJECT);
  assert_server_fine (fixture);
}

/* More strangers than it takes: the oldest have to go, the others are served. */
static void
test_flood (Fixture       *fixture,
            gconstpointer  data)
{
  int fds[300];

  for (guint i = 0; i < G_N_ELEMENTS (fds); i++)
    {
      fds[i] = dial (fixture);
      if (i % 50 == 0)
        g_assert_true (mp_list_proxy_append (fixture->list, integer (i), NULL));
    }
  g_assert_cmpuint (count_server_fds (fixture->manager), <, fixture->server_fds + 100);
  close (dial_and_greet (fixture));
  for (guint i = 0; i < G_N_ELEMENTS (fds); i++)
    close (fds[i]);
  assert_server_fine (fixture);
}

static void
test_frames (Fixture       *fixture,
             gconstpointer  data)
{
  MpManagerRequest huge = { .body_size = MP_MANAGER_MAX_BODY + 1, .method = MP_METHOD_LENGTH };
  MpManagerRequest half = { .body_size = 1000000, .method = MP_METHOD_EXTEND };
  MpManagerRequest strange = { .method = 4711, .object = fixture->object };
  MpManagerReply reply;
  int fds[2];
  int fd;

  fd = dial_and_greet (fixture);
  g_assert_true (mp_manager_send (fd, &huge, sizeof huge, NULL, 0));
  errno = 0;
  assert_hung_up (fd);

  for (guint i = 0; i < G_N_ELEMENTS (fds); i++)
    fds[i] = dial_and_greet (fixture);
  g_assert_true (mp_manager_send (fds[0], &half, sizeof half, "abc", 3));
  g_assert_true (mp_manager_send (fds[1], &half, sizeof half / 2, NULL, 0));
  g_assert_true (mp_list_proxy_append (fixture->list, integer (1), NULL));
  for (guint i = 0; i < G_N_ELEMENTS (fds); i++)
    close (fds[i]);

  fd = dial_and_greet (fixture);
  g_assert_true (mp_manager_send (fd, &strange, sizeof strange, NULL, 0));
  g_assert_true (mp_manager_receive (fd, &reply, sizeof reply));
  g_assert_cmpuint (reply.status, ==, MP_ERROR_INVALID_ARGUMENT + 1);
  close (fd);
  assert_server_fine (fixture);
}

static void
fill (MpManagerRequest *request,
      guint8           *body,
      gsize             size)
{
  request->body_size = g_test_rand_int_range (0, size);
  request->method = g_test_rand_int_range (0, MP_N_METHODS + 2);
  request->object = g_test_rand_int_range (0, 4);
  request->start = g_test_rand_int_range (-5, 5);
  request->end = g_test_rand_int_range (-5, 5);
  request->version = g_test_rand_int_range (0, 5);
  request->wanted = g_test_rand_int_range (0, 6);
  for (guint i = 0; i < request->body_size; i++)
    body[i] = g_test_rand_bit () ? g_test_rand_int () : 0;
  if (g_test_rand_bit () && request->body_size >= MP_FRAME_HEAD_SIZE + MP_FRAME_VALUE_SIZE)
    {
      guint32 head[] = { 1, g_test_rand_int_range (1, 5) };
      guint64 rest = request->body_size - MP_FRAME_HEAD_SIZE - MP_FRAME_VALUE_SIZE;

      memcpy (body, head, sizeof head);
      memcpy (body + sizeof head, &rest, sizeof rest);
    }
}

/* Any request of somebody who knows the token, every one answered. */
static void
test_random_requests (Fixture       *fixture,
                      gconstpointer  data)
{
  int fd = dial_and_greet (fixture);

  for (guint i = 0; i < 5000; i++)
    {
      MpManagerRequest request = { 0 };
      MpManagerReply reply;
      guint8 body[64];

      fill (&request, body, sizeof body);
      g_assert_true (mp_manager_send (fd, &request, sizeof request, body, request.body_size));
      if (request.method != MP_METHOD_RELEASE)
        {
          g_autofree guint8 *answer = NULL;

          g_assert_true (mp_manager_receive (fd, &reply, sizeof reply));
          g_assert_cmpuint (reply.body_size, <=, MP_MANAGER_MAX_BODY);
          answer = g_malloc (reply.body_size + 1);
          g_assert_true (mp_manager_receive (fd, answer, reply.body_size));
        }
    }
  close (fd);
  assert_server_fine (fixture);
}

/* Who asks for much and does not read it waits alone, and gets all of it when it reads. */
static void
test_slow_reader (Fixture       *fixture,
                  gconstpointer  data)
{
  MpManagerRequest request = { .method = MP_METHOD_GET_ALL, .object = fixture->object };
  g_autofree char *text = g_strnfill (4 * 1024 * 1024, 'x');
  g_autofree guint8 *body = NULL;
  MpManagerReply reply;
  guint32 count;
  int fd;

  g_assert_true (mp_list_proxy_append (fixture->list, g_variant_new_string (text), NULL));
  fd = dial_and_greet (fixture);
  for (guint i = 0; i < 50; i++)
    g_assert_true (mp_manager_send (fd, &request, sizeof request, NULL, 0));
  for (guint i = 0; i < 100; i++)
    g_assert_cmpint (mp_proxy_get_length (MP_PROXY (fixture->list), NULL), ==, 1);

  body = g_malloc (5 * 1024 * 1024);
  for (guint i = 0; i < 50; i++)
    {
      g_assert_true (mp_manager_receive (fd, &reply, sizeof reply));
      g_assert_cmpuint (reply.body_size, >, 4 * 1024 * 1024);
      g_assert_cmpuint (reply.body_size, <, 5 * 1024 * 1024);
      g_assert_true (mp_manager_receive (fd, body, reply.body_size));
      g_assert_true (mp_frame_check (body, reply.body_size, &count));
      g_assert_cmpuint (count, ==, 1);
    }
  close (fd);
  assert_server_fine (fixture);
}

/* With fewer descriptors than there are connections the server goes on with those it has. */
static void
test_out_of_descriptors (Fixture       *fixture,
                         gconstpointer  data)
{
  rlim_t limit = fixture->server_fds + 10;
  struct rlimit few = { limit, limit };
  int fds[60];

  g_assert_cmpint (prlimit (mp_manager_get_pid (fixture->manager), RLIMIT_NOFILE, &few, NULL),
                   ==, 0);
  for (guint i = 0; i < 7; i++)
    fds[i] = dial_and_greet (fixture);
  for (guint i = 7; i < G_N_ELEMENTS (fds); i++)
    fds[i] = dial (fixture);
  g_assert_true (mp_list_proxy_append (fixture->list, integer (1), NULL));
  for (guint i = 0; i < G_N_ELEMENTS (fds); i++)
    close (fds[i]);
  close (dial_and_greet (fixture));
  assert_server_fine (fixture);
}

/* ── Starting ────────────────────────────────────────────────────────────────────────────────── */

static void
test_start_fails (void)
{
  g_autofree char *libexec = g_strdup (g_getenv ("MPROC_LIBEXECDIR"));
  g_autofree char *folder = g_dir_make_tmp ("mproc-test-XXXXXX", NULL);
  g_autofree char *program = g_build_filename (folder, "mp-manager-server", NULL);
  g_autoptr (GError) error = NULL;
  guint fds = count_fds ("self");

  g_setenv ("MPROC_LIBEXECDIR", folder, TRUE);
  g_assert_null (mp_manager_new (&error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
  g_clear_error (&error);

  g_assert_cmpint (symlink ("/bin/true", program), ==, 0);
  g_assert_null (mp_manager_new (&error));
  g_assert_error (error, MP_ERROR, MP_ERROR_SERVER_DIED);

  g_setenv ("MPROC_LIBEXECDIR", libexec, TRUE);
  g_assert_cmpuint (count_fds ("self"), ==, fds);
  g_assert_cmpint (waitpid (-1, NULL, WNOHANG), ==, -1);
  unlink (program);
  rmdir (folder);
}

int
main (int    argc,
      char **argv)
{
  static const Case cases[] = {
    { "/manager/nonsense/strangers", test_strangers },
    { "/manager/nonsense/handles", test_bad_handles },
    { "/manager/nonsense/flood", test_flood },
    { "/manager/nonsense/frames", test_frames },
    { "/manager/nonsense/random", test_random_requests },
    { "/manager/nonsense/slow-reader", test_slow_reader },
    { "/manager/nonsense/out-of-descriptors", test_out_of_descriptors },
  };

  g_test_init (&argc, &argv, NULL);
  add_cases (cases, G_N_ELEMENTS (cases));
  g_test_add_func ("/manager/start-fails", test_start_fails);

  return g_test_run ();
}
