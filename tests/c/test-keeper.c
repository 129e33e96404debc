/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Descriptors that are left for others: taken once, by any process; nonsense is refused; with the
 * process that left them they are gone.
 */

#include "config.h"

#include "process-common.h"

#include <fcntl.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "mproc/channel/mp-keeper.h"

static char *
leave (int fd)
{
  g_autoptr (GError) error = NULL;
  char *ticket = mp_fd_leave (fd, &error);

  g_assert_no_error (error);
  return ticket;
}

static void
assert_gone (const char *ticket)
{
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (mp_fd_take (ticket, &error), ==, -1);
  g_assert_error (error, MP_ERROR, MP_ERROR_NO_SUCH_OBJECT);
}

static gboolean
write_there (MpProcess  *process,
             gpointer    ticket,
             GError    **error)
{
  int fd = mp_fd_take (ticket, error);

  return fd >= 0 && write (fd, "x", 1) == 1;
}

static void
test_taken_once (void)
{
  int ends[2];
  char byte;

  g_assert_cmpint (pipe (ends), ==, 0);
  for (guint i = 0; i < 3; i++)
    {
      g_autofree char *ticket = leave (ends[1]);
      g_autofree char *other = leave (ends[1]);
      g_autoptr (MpProcess) process = mp_process_new (NULL, write_there, ticket, NULL);
      int fd;

      g_assert_cmpint (start_and_join (process), ==, 0);
      g_assert_cmpint (read (ends[0], &byte, 1), ==, 1);
      assert_gone (ticket);
      fd = mp_fd_take (other, NULL);
      g_assert_cmpint (fd, >=, 0);
      close (fd);
    }
  close (ends[1]);
  g_assert_cmpint (read (ends[0], &byte, 1), ==, 0);
  close (ends[0]);
}

static gboolean
leave_and_end (MpProcess  *process,
               gpointer    fds,
               GError    **error)
{
  int *ends = fds;
  g_autofree char *ticket = mp_fd_leave (ends[1], error);

  return ticket != NULL;
}

static void
test_gone_with_its_process (void)
{
  int ends[2];
  char byte;
  g_autoptr (MpProcess) process = NULL;

  g_assert_cmpint (pipe (ends), ==, 0);
  process = mp_process_new (NULL, leave_and_end, ends, NULL);
  g_assert_cmpint (start_and_join (process), ==, 0);
  close (ends[1]);
  g_assert_cmpint (read (ends[0], &byte, 1), ==, 0);
  close (ends[0]);
}

static gboolean
leave_and_take (GError **error)
{
  int fd = open ("/dev/zero", O_RDONLY | O_CLOEXEC);
  g_autofree char *ticket = mp_fd_leave (fd, error);
  int got = ticket != NULL ? mp_fd_take (ticket, error) : -1;

  close (fd);
  if (got >= 0)
    close (got);
  return got >= 0;
}

/* Its keeper starts with whatever number is free. */
static gboolean
leave_without_streams (MpProcess  *process,
                       gpointer    which,
                       GError    **error)
{
  for (int fd = 0; fd < 3; fd++)
    if ((GPOINTER_TO_INT (which) & 1 << fd) != 0)
      close (fd);

  return leave_and_take (error);
}

static void
test_closed_streams (void)
{
  for (int which = 1; which < 8; which++)
    {
      g_autoptr (MpProcess) process =
        mp_process_new (NULL, leave_without_streams, GINT_TO_POINTER (which), NULL);

      g_assert_cmpint (start_and_join (process), ==, 0);
    }
}

#define LIMIT 64

/* What is too much is refused, and what was left can be taken. */
static gboolean
leave_too_many (MpProcess  *process,
                gpointer    nothing,
                GError    **error)
{
  const struct rlimit limit = { LIMIT, LIMIT };
  g_autoptr (GPtrArray) tickets = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GError) full = NULL;
  char *ticket;

  setrlimit (RLIMIT_NOFILE, &limit);
  while ((ticket = mp_fd_leave (2, &full)) != NULL && tickets->len < LIMIT)
    g_ptr_array_add (tickets, ticket);
  g_assert_error (full, MP_ERROR, MP_ERROR_NO_SPACE);
  g_assert_cmpuint (tickets->len, >, LIMIT / 4);
  for (guint i = 0; i < tickets->len; i++)
    {
      int fd = mp_fd_take (tickets->pdata[i], error);

      if (fd < 0)
        return FALSE;
      close (fd);
    }

  return leave_and_take (error);
}

static void
test_full (void)
{
  g_autoptr (MpProcess) process = mp_process_new (NULL, leave_too_many, NULL, NULL);

  g_assert_cmpint (start_and_join (process), ==, 0);
}

/* Without room for it, a descriptor is left where it is. */
static gboolean
take_without_room (MpProcess  *process,
                   gpointer    nothing,
                   GError    **error)
{
  g_autofree char *ticket = mp_fd_leave (2, error);
  struct rlimit limit = { 1, 1 }, before;
  g_autoptr (GError) none = NULL;
  int fd = -1;

  getrlimit (RLIMIT_NOFILE, &before);
  for (limit.rlim_cur = 3; limit.rlim_cur < 64 && fd < 0; limit.rlim_cur++)
    {
      g_clear_error (&none);
      limit.rlim_max = before.rlim_max;
      setrlimit (RLIMIT_NOFILE, &limit);
      fd = mp_fd_take (ticket, &none);
      if (fd < 0)
        g_assert_error (none, G_IO_ERROR, G_IO_ERROR_TOO_MANY_OPEN_FILES);
    }

  return fd >= 0 && limit.rlim_cur > 5;
}

static void
test_no_room_here (void)
{
  g_autoptr (MpProcess) process = mp_process_new (NULL, take_without_room, NULL, NULL);

  g_assert_cmpint (start_and_join (process), ==, 0);
}

#define N_SILENT 100

static int
connect_to_keeper (const char *ticket)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  g_autofree char *name = g_strdup_printf ("mproc-keeper-%.32s", ticket + strlen ("mproc-fd:"));
  int fd = socket (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

  memcpy (address.sun_path + 1, name, strlen (name));
  g_assert_cmpint (connect (fd, (struct sockaddr *) &address,
                            offsetof (struct sockaddr_un, sun_path) + 1 + strlen (name)), ==, 0);
  return fd;
}

/* Who connects and says nothing keeps nobody waiting, and is sent away. */
static void
test_silent_peers (void)
{
  g_autofree char *ticket = leave (2);
  int peers[N_SILENT];
  char byte;

  for (guint i = 0; i < N_SILENT; i++)
    peers[i] = connect_to_keeper (ticket);
  g_assert_true (leave_and_take (NULL));
  for (guint i = 0; i < N_SILENT; i++)
    {
      g_assert_cmpint (read (peers[i], &byte, 1), <=, 0);
      close (peers[i]);
    }
  close (mp_fd_take (ticket, NULL));
}

static int stop_leaving;

static gpointer
leave_often (gpointer nothing)
{
  while (!g_atomic_int_get (&stop_leaving))
    g_assert_true (leave_and_take (NULL));

  return NULL;
}

static gboolean
leave_in_child (MpProcess  *process,
                gpointer    nothing,
                GError    **error)
{
  return leave_and_take (error);
}

/* A fork in the middle of another thread's call. */
static void
test_fork_meanwhile (void)
{
  GThread *thread = g_thread_new ("leaver", leave_often, NULL);

  for (guint i = 0; i < 30; i++)
    {
      g_autoptr (MpProcess) process = mp_process_new (NULL, leave_in_child, NULL, NULL);

      g_assert_cmpint (start_and_join (process), ==, 0);
    }
  g_atomic_int_set (&stop_leaving, TRUE);
  g_thread_join (thread);
}

static void
test_nonsense (void)
{
  static const char *const tickets[] = {
    "", "mproc-fd:", "mproc-fd:0123456789abcdef0123456789abcdef",
    "mproc-fd:0123456789abcdef0123456789abcdef/0123456789abcdef0123456789abcdeg",
    "mproc-fd:0123456789abcdef0123456789abcdef/0123456789abcdef0123456789abcdef0",
  };
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (tickets); i++)
    {
      g_assert_cmpint (mp_fd_take (tickets[i], &error), ==, -1);
      g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_ARGUMENT);
      g_clear_error (&error);
    }
  assert_gone ("mproc-fd:0123456789abcdef0123456789abcdef/0123456789abcdef0123456789abcdef");
  g_assert_null (mp_fd_leave (-1, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_ARGUMENT);
  g_clear_error (&error);
  g_assert_null (mp_fd_leave (1 << 20, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_ARGUMENT);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  add_case ("/keeper/taken-once", test_taken_once);
  add_case ("/keeper/gone-with-its-process", test_gone_with_its_process);
  add_case ("/keeper/closed-streams", test_closed_streams);
  add_case ("/keeper/full", test_full);
  add_case ("/keeper/no-room-here", test_no_room_here);
  add_case ("/keeper/silent-peers", test_silent_peers);
  add_case ("/keeper/fork-meanwhile", test_fork_meanwhile);
  add_case ("/keeper/nonsense", test_nonsense);

  return g_test_run ();
}
