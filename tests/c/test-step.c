/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Killed at any instruction: a child is single-stepped with ptrace(2) through one operation, killed
 * after so many instructions, and the survivor checks that the object works, that no message is
 * lost or there twice, that no lock, slot or byte is left behind. Then the same one step later.
 *
 * MPROC_TEST_STRIDE sets by how many instructions the steps grow; 1 tries each of them,
 * and 0 none, for tools that cannot be traced.
 */

#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>

#include "mproc/channel/mp-queue.h"
#include "mproc/memory/mp-family-private.h"
#include "mproc/memory/mp-heap-private.h"
#include "mproc/memory/mp-recover-private.h"
#include "mproc/sync/mp-condition.h"
#include "tests/c/family-common.h"

#define SMALL 56
#define LARGE 4200             /* more than fits into a record */
#define N_BEFORE 3

typedef struct {
  const char *name;
  void      (*operate) (MpQueue *queue, MpCondition *condition);
  gsize       size;             /* of the messages */
  int         change;           /* how the number of messages may change */
  guint       n_before;
} Operation;

static guint
stride (void)
{
  const char *text = g_getenv ("MPROC_TEST_STRIDE");

  return text != NULL ? (guint) MAX (atoi (text), 0) : 41;
}

/* What is taken from the heap, to the block. */
static guint64
bytes_in_use (void)
{
  guint64 used = 0;

  for (guint64 i = 0; i < mp_arena.header->heap_ready >> MP_SPAN_SHIFT;)
    {
      guint32 length = (guint32) mp_arena.spans[i];

      used += (guint64) length << MP_SPAN_SHIFT;
      i += MAX (length, 1);
    }
  for (guint class = 0; class < MP_N_CLASSES; class++)
    for (MpOffset block = mp_arena.header->classes[class].head; block != 0;
         block = *(guint64 *) mp_arena_pointer (block))
      {
        gsize size;

        g_assert_cmpuint (mp_heap_block (block, &size), ==, block);
        used -= size;
      }

  return used;
}

static guint
slots_in_use (void)
{
  guint n = 0;

  for (guint32 i = 0; i < mp_arena.header->n_threads; i++)
    n += MP_SLOT_STATE (mp_arena.threads[i].state) != MP_SLOT_FREE;
  for (guint32 i = 0; i < mp_arena.header->n_processes; i++)
    n += MP_SLOT_STATE (mp_arena.processes[i].state) != MP_SLOT_FREE;

  return n;
}

static guint8 data[LARGE];

static void
put (MpQueue *queue,
     guint    number,
     gsize    size)
{
  g_autoptr (GError) error = NULL;

  memset (data, (int) number, size);
  mp_queue_put_bytes (queue, data, size, 10, NULL, &error);
  g_assert_no_error (error);
}

/* The number of the first message, whose bytes must all be it; 0 if there is none. */
static guint
get (MpQueue *queue,
     gsize    size)
{
  gssize got = mp_queue_get_into (queue, data, sizeof data, 0, NULL, NULL);

  if (got < 0)
    return 0;
  g_assert_cmpint (got, ==, size);
  for (gsize i = 1; i < size; i++)
    g_assert_cmpuint (data[i], ==, data[0]);

  return data[0];
}

/* --- The operations ------------------------------------------------------------------------ */

/* The child has filled in the data before it is stepped: filling is not what is tested. */
static void
put_small (MpQueue     *queue,
           MpCondition *condition G_GNUC_UNUSED)
{
  mp_queue_put_bytes (queue, data, SMALL, 10, NULL, NULL);
}

static void
put_large (MpQueue     *queue,
           MpCondition *condition G_GNUC_UNUSED)
{
  mp_queue_put_bytes (queue, data, LARGE, 10, NULL, NULL);
}

static void
get_any (MpQueue     *queue,
         MpCondition *condition G_GNUC_UNUSED)
{
  mp_queue_get_into (queue, data, sizeof data, 10, NULL, NULL);
}

static void
create_and_drop (MpQueue     *queue G_GNUC_UNUSED,
                 MpCondition *condition G_GNUC_UNUSED)
{
  g_autoptr (MpQueue) other = mp_queue_new (0, NULL);

  mp_queue_put_bytes (other, data, SMALL, 10, NULL, NULL);
}

static void
lock_and_notify (MpQueue     *queue G_GNUC_UNUSED,
                 MpCondition *condition)
{
  mp_condition_acquire (condition, -1, NULL, NULL);
  mp_condition_notify (condition, 1, NULL);
  mp_condition_wait (condition, 0, NULL, NULL);
  mp_condition_release (condition, NULL);
}

/* Fourteen records of 64 bytes fill the first segment of 1 KiB: the next put links a new one, and
 * the fifteenth get leaves it. */
static const Operation operations[] = {
  { "put", put_small, SMALL, 1, N_BEFORE },
  { "put-in-new-segment", put_small, SMALL, 1, 15 },
  { "put-large", put_large, LARGE, 1, N_BEFORE },
  { "get", get_any, SMALL, -1, N_BEFORE },
  { "get-large", get_any, LARGE, -1, N_BEFORE },
  { "create-and-drop", create_and_drop, SMALL, 0, N_BEFORE },
  { "lock-and-notify", lock_and_notify, SMALL, 0, N_BEFORE },
};

/* --- One death ----------------------------------------------------------------------------- */

/* The child: everything it needs is warm when it stops. */
static int
start_child (const Operation *operation,
             MpQueue         *queue,
             MpCondition     *condition)
{
  int pid = fork ();
  int status;

  if (pid == 0)
    {
      g_autoptr (MpQueue) warm = mp_queue_new (0, NULL);

      put (warm, 1, operation->size);
      memset (data, 100, sizeof data);
      ptrace (PTRACE_TRACEME, 0, 0, 0);
      raise (SIGSTOP);
      operation->operate (queue, condition);
      _exit (0);
    }
  mp_family_child_started (pid);
  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  g_assert_true (WIFSTOPPED (status));

  return pid;
}

/* TRUE if the child ended before it had made so many steps. */
static gboolean
step_and_kill (int   pid,
               guint steps)
{
  int status = 0;

  for (guint i = 0; i < steps; i++)
    {
      g_assert_cmpint (ptrace (PTRACE_SINGLESTEP, pid, 0, 0), ==, 0);
      g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
      if (WIFEXITED (status))
        {
          g_assert_cmpint (WEXITSTATUS (status), ==, 0);
          return TRUE;
        }
      g_assert_true (WIFSTOPPED (status));
    }
  kill (pid, SIGKILL);
  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  g_assert_true (WIFSIGNALED (status));

  return FALSE;
}

/* All that was there before is there in order, with or without what the child did. */
static void
check_queue (const Operation *operation,
             MpQueue         *queue)
{
  guint first = get (queue, operation->size);
  guint next = first + 1;
  guint number;

  g_assert_cmpuint (first, >=, 1);
  g_assert_cmpuint (first, <=, operation->change < 0 ? 2 : 1);
  while ((number = get (queue, operation->size)) != 0 && number != 100)
    g_assert_cmpuint (number, ==, next++);
  g_assert_cmpuint (next, ==, operation->n_before + 1);
  if (number == 100)
    {
      g_assert_cmpint (operation->change, ==, 1);
      g_assert_cmpuint (get (queue, operation->size), ==, 0);
    }
  g_assert_cmpuint (mp_queue_qsize (queue), ==, 0);

  for (guint i = 1; i <= 20; i++)
    put (queue, i, operation->size);
  g_assert_cmpuint (mp_queue_qsize (queue), ==, 20);
  for (guint i = 1; i <= 20; i++)
    g_assert_cmpuint (get (queue, operation->size), ==, i);
}

static void
check_condition (MpCondition *condition)
{
  g_autofree char *text = NULL;

  g_assert_true (mp_condition_acquire (condition, 10, NULL, NULL));
  text = mp_shared_to_string (MP_SHARED (condition));
  g_assert_cmpstr (text, ==, "<Condition(<RLock(MainProcess, 1)>, 0)>");
  g_assert_true (mp_condition_release (condition, NULL));
}

/* TRUE if the operation was done before the child was to be killed. */
static gboolean
die_after (const Operation *operation,
           guint            steps,
           guint64          bytes)
{
  g_autoptr (MpQueue) queue = mp_queue_new (0, NULL);
  g_autoptr (MpCondition) condition = mp_condition_new (NULL, NULL);
  gboolean done;

  for (guint i = 1; i <= operation->n_before; i++)
    put (queue, i, operation->size);
  done = step_and_kill (start_child (operation, queue, condition), steps);
  check_queue (operation, queue);
  mp_recover_sweep ();
  check_condition (condition);
  g_clear_object (&condition);
  g_clear_object (&queue);
  mp_recover_sweep ();
  g_assert_cmpuint (slots_in_use (), ==, 2);
  if (bytes != 0)
    g_assert_cmpuint (bytes_in_use (), ==, bytes);

  return done;
}

static void
test_operation (gconstpointer argument)
{
  const Operation *operation = argument;
  guint steps = 1;
  guint64 bytes;

  if (stride () == 0)
    {
      g_test_skip ("MPROC_TEST_STRIDE is 0");
      return;
    }
  g_assert_true (mp_family_ensure (NULL));
  die_after (operation, 1, 0);
  bytes = bytes_in_use ();
  /* Copying a large message takes thousands of steps, all alike. */
  while (!die_after (operation, steps, bytes))
    steps += operation->size == LARGE ? 5 * stride () : stride ();
  g_test_message ("%s: %u instructions", operation->name, steps);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  for (guint i = 0; i < G_N_ELEMENTS (operations); i++)
    {
      g_autofree char *path = g_strconcat ("/step/", operations[i].name, NULL);

      g_test_add_data_func (path, &operations[i], test_operation);
    }

  return g_test_run ();
}
