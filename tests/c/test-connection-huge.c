/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * One message of more than 4 GiB over a socket: whole, with its ends and what lies at the borders
 * of 2 and 4 GiB where it was. It takes so much memory, and some seconds: only if MPROC_TEST_HUGE=1
 * is set. The sender's copy is a mapping of which only a few pages exist.
 */

#include "config.h"

#include "process-common.h"

#include <sys/mman.h>

#include "mproc/channel/mp-connection.h"

#define GIB ((gsize) 1 << 30)
#define SIZE (4 * GIB + 4097)

static const gsize places[] = { 0, 2 * GIB - 1, 2 * GIB, 4 * GIB - 1, 4 * GIB, SIZE - 1 };

static gboolean
send_huge (MpProcess  *process,
           gpointer    data,
           GError    **error)
{
  guint8 *bytes = mmap (NULL, SIZE, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

  g_assert_true (bytes != MAP_FAILED);
  for (guint i = 0; i < G_N_ELEMENTS (places); i++)
    bytes[places[i]] = (guint8) (i + 1);

  return mp_connection_send_bytes (data, bytes, SIZE, -1, NULL, error) &&
         mp_connection_send_bytes (data, "next", 4, -1, NULL, error);
}

static void
test_huge (void)
{
  g_autoptr (MpConnection) here = NULL;
  g_autoptr (MpConnection) there = NULL;
  g_autoptr (MpProcess) process = NULL;
  g_autoptr (GBytes) bytes = NULL;
  g_autoptr (GBytes) next = NULL;
  g_autoptr (GError) error = NULL;
  const guint8 *data;
  gsize size;

  if (g_getenv ("MPROC_TEST_HUGE") == NULL)
    {
      g_test_skip ("takes more than 4 GiB of memory; MPROC_TEST_HUGE=1 runs it");
      return;
    }

  g_assert_true (mp_pipe_new_sockets (TRUE, &here, &there, NULL));
  process = mp_process_new (NULL, send_huge, there, NULL);
  start (process);
  bytes = mp_connection_recv_bytes (here, 0, -1, NULL, &error);
  g_assert_no_error (error);
  data = g_bytes_get_data (bytes, &size);
  g_assert_cmpuint (size, ==, SIZE);
  for (guint i = 0; i < G_N_ELEMENTS (places); i++)
    g_assert_cmpuint (data[places[i]], ==, i + 1);
  next = mp_connection_recv_bytes (here, 4, -1, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpmem (g_bytes_get_data (next, NULL), g_bytes_get_size (next), "next", 4);
  join (process);
  g_assert_cmpint (mp_process_get_exit_code (process), ==, 0);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  add_case ("/connection/huge", test_huge);

  return g_test_run ();
}
