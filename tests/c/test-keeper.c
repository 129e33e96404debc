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
  add_case ("/keeper/nonsense", test_nonsense);

  return g_test_run ();
}
