/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Joinable queues: waiting until all work is done, and getting back what the dead had taken.
 */

#include <mproc/mproc.h>
#include <string.h>

#include "c/family-common.h"

static MpQueue *
new_joinable (void)
{
  g_autoptr (GError) error = NULL;
  MpQueue *queue = mp_queue_new_joinable (0, &error);

  g_assert_no_error (error);
  return queue;
}

static void
put (MpQueue *queue,
     guint    number)
{
  g_assert_true (mp_queue_put_bytes (queue, &number, sizeof number, 0, NULL, NULL));
}

static guint
get (MpQueue *queue,
     double   timeout)
{
  guint number = G_MAXUINT;

  mp_queue_get_into (queue, &number, sizeof number, timeout, NULL, NULL);
  return number;
}

static gboolean
is_done (MpQueue *queue)
{
  return mp_queue_join (queue, 0, NULL, NULL);
}

static void
test_basic (void)
{
  g_autoptr (MpQueue) queue = new_joinable ();
  g_autoptr (GError) error = NULL;

  g_assert_true (mp_queue_is_joinable (queue));
  g_assert_true (is_done (queue));
  g_assert_false (mp_queue_task_done (queue, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_STATE);
  g_clear_error (&error);

  for (guint i = 0; i < 100; i++)
    put (queue, i);
  g_assert_false (is_done (queue));
  for (guint i = 0; i < 100; i++)
    {
      g_assert_cmpuint (get (queue, 0), ==, i);
      g_assert_false (is_done (queue));
    }
  g_assert_cmpuint (mp_queue_qsize (queue), ==, 0);
  g_assert_false (mp_queue_join (queue, 0.01, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_TIMED_OUT);
  g_clear_error (&error);
  for (guint i = 0; i < 100; i++)
    {
      g_assert_false (is_done (queue));
      g_assert_true (mp_queue_task_done (queue, &error));
      g_assert_no_error (error);
    }
  g_assert_true (is_done (queue));
  g_assert_false (mp_queue_task_done (queue, NULL));
}

static void
test_plain_queue (void)
{
  g_autoptr (MpQueue) queue = mp_queue_new (0, NULL);
  g_autoptr (GError) error = NULL;

  g_assert_false (mp_queue_is_joinable (queue));
  g_assert_false (mp_queue_join (queue, 0, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_STATE);
  g_clear_error (&error);
  g_assert_false (mp_queue_task_done (queue, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_STATE);
}

/* Takes @n messages, says done for @n_done of them, and dies. */
static void
take_and_die (MpQueue *queue,
              guint    n,
              guint    n_done)
{
  int pid = fork ();

  if (pid == 0)
    {
      for (guint i = 0; i < n; i++)
        if (get (queue, 5) == G_MAXUINT)
          _exit (1);
      for (guint i = 0; i < n_done; i++)
        if (!mp_queue_task_done (queue, NULL))
          _exit (2);
      kill (getpid (), SIGKILL);
    }
  test_reap (pid, -SIGKILL);
}

static void
test_dead_worker (void)
{
  g_autoptr (MpQueue) queue = new_joinable ();
  gboolean seen[10] = { FALSE };

  for (guint i = 0; i < 10; i++)
    put (queue, i);
  take_and_die (queue, 6, 2);
  g_assert_false (is_done (queue));
  g_assert_cmpuint (mp_queue_qsize (queue), ==, 8);

  /* Those that were given back come before the others, and none twice. */
  for (guint i = 2; i < 10; i++)
    {
      guint number = get (queue, 5);

      g_assert_cmpuint (number, <, 10);
      g_assert_false (seen[number]);
      seen[number] = TRUE;
      g_assert_true (mp_queue_task_done (queue, NULL));
    }
  g_assert_false (seen[0]);
  g_assert_false (seen[1]);
  g_assert_true (is_done (queue));
}

/* Who waits for a message gets what a worker that dies meanwhile had taken. */
static void
test_waiting (void)
{
  g_autoptr (MpQueue) queue = new_joinable ();
  g_autoptr (MpQueue) ready = mp_queue_new (0, NULL);
  int pid;

  put (queue, 77);
  pid = fork ();
  if (pid == 0)
    {
      get (queue, 5);
      put (ready, 1);
      g_usleep (100000);
      kill (getpid (), SIGKILL);
    }
  g_assert_cmpuint (get (ready, 10), ==, 1);
  g_assert_cmpuint (get (queue, 30), ==, 77);
  g_assert_true (mp_queue_task_done (queue, NULL));
  test_reap (pid, -SIGKILL);
  g_assert_true (is_done (queue));
}

static void
test_join_wakes (void)
{
  g_autoptr (MpQueue) queue = new_joinable ();
  int pid;

  for (guint i = 0; i < 500; i++)
    put (queue, i);
  pid = fork ();
  if (pid == 0)
    {
      for (guint i = 0; i < 500; i++)
        {
          get (queue, 5);
          if (i % 100 == 0)
            g_usleep (2000);
          mp_queue_task_done (queue, NULL);
        }
      _exit (0);
    }
  g_assert_true (mp_queue_join (queue, -1, NULL, NULL));
  g_assert_cmpuint (mp_queue_qsize (queue), ==, 0);
  test_reap (pid, 0);
}

/* Done by another process than the one that took it. */
static void
test_done_elsewhere (void)
{
  g_autoptr (MpQueue) queue = new_joinable ();
  int pid;

  put (queue, 1);
  g_assert_cmpuint (get (queue, 0), ==, 1);
  pid = fork ();
  if (pid == 0)
    _exit (mp_queue_task_done (queue, NULL) ? 0 : 1);
  test_reap (pid, 0);
  g_assert_true (is_done (queue));
}

/* Large messages, views that outlive task_done(), and a queue dropped with work in it. */
static void
test_blocks (void)
{
  g_autoptr (MpQueue) queue = new_joinable ();
  g_autofree guint8 *data = g_malloc (100000);
  g_autoptr (MpBlock) block = NULL;
  gsize size;
  const guint8 *view;

  memset (data, 8, 100000);
  for (guint i = 0; i < 3; i++)
    g_assert_true (mp_queue_put_bytes (queue, data, 100000, 0, NULL, NULL));
  block = mp_queue_get_block (queue, 0, NULL, NULL);
  g_assert_true (mp_queue_task_done (queue, NULL));
  view = mp_block_get_data (block, &size);
  g_assert_cmpuint (size, ==, 100000);
  g_assert_cmpuint (view[99999], ==, 8);
  mp_block_unref (mp_queue_get_block (queue, 0, NULL, NULL));
  g_clear_pointer (&block, mp_block_unref);
}

static void
test_storm (void)
{
  const guint n = 400;
  g_autoptr (MpQueue) queue = new_joinable ();
  guint n_killed = 0;
  guint worked = 0;

  for (guint i = 0; i < n; i++)
    put (queue, i);
  while (!is_done (queue) && n_killed < 60)
    {
      int pid = fork ();

      if (pid == 0)
        for (;;)
          {
            if (get (queue, 1) == G_MAXUINT)
              _exit (0);
            g_usleep (g_random_int_range (0, 300));
            mp_queue_task_done (queue, NULL);
          }
      g_usleep (g_random_int_range (500, 4000));
      kill (pid, SIGKILL);
      waitpid (pid, NULL, 0);
      n_killed++;
    }
  while (get (queue, 0) != G_MAXUINT)
    {
      mp_queue_task_done (queue, NULL);
      worked++;
    }
  g_test_message ("%u kills, %u messages left", n_killed, worked);
  g_assert_true (is_done (queue));
}

static void
joined_cb (GObject      *object,
           GAsyncResult *result,
           gpointer      data)
{
  g_assert_true (mp_queue_join_finish (MP_QUEUE (object), result, NULL));
  *(gboolean *) data = TRUE;
}

static void
test_async (void)
{
  g_autoptr (MpQueue) queue = new_joinable ();
  gboolean joined = FALSE;
  int pid;

  put (queue, 1);
  mp_queue_join_async (queue, NULL, joined_cb, &joined);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  g_assert_false (joined);
  pid = fork ();
  if (pid == 0)
    {
      get (queue, 0);
      _exit (mp_queue_task_done (queue, NULL) ? 0 : 1);
    }
  while (!joined)
    g_main_context_iteration (NULL, TRUE);
  test_reap (pid, 0);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  test_async (); /* opens the doorbell, which stays */

  add_family_case ("/join/basic", test_basic);
  add_family_case ("/join/plain-queue", test_plain_queue);
  add_family_case ("/join/dead-worker", test_dead_worker);
  add_family_case ("/join/waiting", test_waiting);
  add_family_case ("/join/wakes", test_join_wakes);
  add_family_case ("/join/done-elsewhere", test_done_elsewhere);
  add_family_case ("/join/blocks", test_blocks);
  add_family_case ("/join/storm", test_storm);
  add_family_case ("/join/async", test_async);

  return g_test_run ();
}
