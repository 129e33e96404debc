/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Death is normal: processes that use shared objects are killed at random moments, again and
 * again, so that slots are reused all the time, and the survivors check every promise; in the end,
 * that nothing is left behind. What decides how many, is in kill-common.h.
 */

#include "config.h"

#include "mproc/channel/mp-queue.h"
#include "mproc/memory/mp-block.h"
#include "mproc/memory/mp-family-private.h"
#include "mproc/memory/mp-heap-private.h"
#include "mproc/memory/mp-memory.h"
#include "mproc/memory/mp-recover-private.h"
#include "mproc/sync/mp-condition.h"
#include "mproc/sync/mp-semaphore.h"
#include "tests/c/kill-common.h"

#define SMALL 56
#define LARGE 9000

/* What a message says: who put it, and which of his it is; the rest is filled with its number. */
typedef struct {
  guint32 producer;
  guint32 number;
} Stamp;

static void
produce_for_ever (MpQueue *queue,
                  guint    producer)
{
  guint8 data[LARGE];
  guint32 *words = (guint32 *) data;

  for (guint32 number = 0;; number++)
    {
      gsize size = number % 50 == 49 ? LARGE : SMALL;

      for (gsize i = 0; i < size / 4; i++)
        words[i] = number;
      words[0] = producer;
      if (!mp_queue_put_bytes (queue, data, size, -1, NULL, NULL))
        _exit (1);
    }
}

/* Passes on the stamps of what it takes; a damaged message ends it with a code of its own. */
static void
consume_for_ever (MpQueue *queue,
                  MpQueue *seen)
{
  guint8 data[LARGE];
  const guint32 *words = (const guint32 *) data;

  for (;;)
    {
      gssize size = mp_queue_get_into (queue, data, sizeof data, -1, NULL, NULL);
      Stamp stamp = { words[0], words[1] };

      if (size != SMALL && size != LARGE)
        _exit (2);
      for (gssize i = 1; i < size / 4; i++)
        if (words[i] != stamp.number)
          _exit (3);
      if (!mp_queue_put_bytes (seen, &stamp, sizeof stamp, -1, NULL, NULL))
        _exit (1);
    }
}

typedef struct {
  MpQueue *queue;
  MpQueue *seen;
  int      pids[2 * N_PEERS];
  guint    n_producers;         /* ever started */
  guint64  n_seen;
  guint    killed_consumers;
  GArray  *numbers;             /* per producer: how many of its messages were seen, highest + 1 */
  GArray  *counts;
} Soak;

static void
start_peer (Soak *soak,
            guint i)
{
  gboolean producer = i < N_PEERS;

  soak->pids[i] = fork ();
  g_assert_cmpint (soak->pids[i], >=, 0);
  if (soak->pids[i] == 0)
    {
      if (producer)
        produce_for_ever (soak->queue, soak->n_producers);
      consume_for_ever (soak->queue, soak->seen);
    }
  if (producer)
    {
      guint32 zero = 0;

      soak->n_producers++;
      g_array_append_val (soak->numbers, zero);
      g_array_append_val (soak->counts, zero);
    }
}

static void
kill_peer (Soak *soak,
           guint i)
{
  kill_and_reap (soak->pids[i]);
  soak->killed_consumers += i >= N_PEERS;
}

static void
drain_seen (Soak   *soak,
            double  timeout,
            guint   most)
{
  Stamp stamp;

  for (guint i = 0; i < most; i++)
    {
      guint32 *next;

      if (mp_queue_get_into (soak->seen, &stamp, sizeof stamp, timeout, NULL, NULL) <= 0)
        return;
      next = &g_array_index (soak->numbers, guint32, stamp.producer);

      g_assert_cmpuint (stamp.producer, <, soak->n_producers);
      *next = MAX (*next, stamp.number + 1);
      g_array_index (soak->counts, guint32, stamp.producer)++;
      soak->n_seen++;
    }
}

/* Per producer no more stamps than numbers: nothing twice; and of all, no more missing than
 * consumers were killed, each of which may have taken one message with it. */
static void
check_counts (Soak *soak)
{
  guint64 missing = 0;

  for (guint i = 0; i < soak->n_producers; i++)
    {
      guint32 next = g_array_index (soak->numbers, guint32, i);
      guint32 count = g_array_index (soak->counts, guint32, i);

      g_assert_cmpuint (count, <=, next);
      missing += next - count;
    }
  g_test_message ("%" G_GUINT64_FORMAT " messages, %u kills of consumers, %" G_GUINT64_FORMAT
                  " missing", soak->n_seen, soak->killed_consumers, missing);
  g_assert_cmpuint (missing, <=, soak->killed_consumers);
}

static void
soak_queue (guint max_items)
{
  Soak soak = { .queue = mp_queue_new (max_items, NULL), .seen = mp_queue_new (0, NULL) };
  g_autoptr (GRand) random = g_rand_new_with_seed (max_items + 1);

  soak.numbers = g_array_new (FALSE, FALSE, sizeof (guint32));
  soak.counts = g_array_new (FALSE, FALSE, sizeof (guint32));
  for (guint i = 0; i < 2 * N_PEERS; i++)
    start_peer (&soak, i);

  for (guint kills = 0; kills < n_kills (); kills++)
    {
      guint victim = (guint) g_rand_int_range (random, 0, 2 * N_PEERS);

      drain_seen (&soak, g_rand_double_range (random, 0, 0.002), 3000);
      kill_peer (&soak, victim);
      start_peer (&soak, victim);
    }

  for (guint i = 0; i < N_PEERS; i++)
    kill_peer (&soak, i);
  while (!mp_queue_empty (soak.queue))
    drain_seen (&soak, 0.05, G_MAXUINT);
  drain_seen (&soak, 0.2, G_MAXUINT);
  for (guint i = N_PEERS; i < 2 * N_PEERS; i++)
    {
      kill_peer (&soak, i);
      soak.killed_consumers--;  /* it was idle */
    }
  drain_seen (&soak, 0, G_MAXUINT);
  check_counts (&soak);

  g_array_unref (soak.numbers);
  g_array_unref (soak.counts);
  g_object_unref (soak.queue);
  g_object_unref (soak.seen);
}

static void
test_unbounded (void)
{
  soak_queue (0);
}

static void
test_bounded (void)
{
  soak_queue (8);
}

/* A counter in two halves under a lock: whoever finds the lock abandoned repairs it. */

static void
count_for_ever (MpLock  *lock,
                guint64 *halves)
{
  for (;;)
    {
      if (!mp_lock_acquire (lock, -1, NULL, NULL))
        _exit (1);
      if (mp_lock_get_abandoned (lock))
        halves[1] = halves[0];
      if (halves[0] != halves[1])
        _exit (2);
      __atomic_add_fetch (&halves[0], 1, __ATOMIC_SEQ_CST);
      __atomic_add_fetch (&halves[1], 1, __ATOMIC_SEQ_CST);
      if (!mp_lock_release (lock, NULL))
        _exit (3);
    }
}

static void
test_lock (void)
{
  g_autoptr (MpLock) lock = mp_lock_new (NULL);
  g_autoptr (GRand) random = g_rand_new_with_seed (7);
  guint64 *hand = &mp_self_slot ()->hands[0];
  guint64 *halves;
  int pids[N_PEERS];

  g_assert_cmpint (mp_heap_allocate (64, hand, NULL), ==, MP_STATUS_OK);
  halves = mp_arena_pointer (*hand);
  halves[0] = halves[1] = 0;

  for (guint kills = 0; kills < n_kills () + N_PEERS; kills++)
    {
      int *pid = &pids[kills % N_PEERS];

      if (kills >= N_PEERS)
        {
          g_usleep ((gulong) g_rand_int_range (random, 0, 3000));
          kill_and_reap (*pid);
        }
      *pid = fork ();
      if (*pid == 0)
        count_for_ever (lock, halves);
    }
  for (guint i = 0; i < N_PEERS; i++)
    {
      kill_and_reap (pids[i]);
    }

  g_assert_true (mp_lock_acquire (lock, 5, NULL, NULL));
  g_assert_cmpuint (halves[0] - halves[1], <=, 1);
  g_assert_cmpuint (halves[0], >, n_kills ());
  mp_heap_free (hand);
}

/* Waiters and notifiers killed: no count is left behind, and the living are notified. */
static void
wait_for_ever (MpCondition *condition)
{
  for (;;)
    {
      if (!mp_condition_acquire (condition, -1, NULL, NULL))
        _exit (1);
      mp_condition_wait (condition, 0.05, NULL, NULL);
      if (!mp_condition_release (condition, NULL))
        _exit (2);
    }
}

static void
notify_for_ever (MpCondition *condition)
{
  for (;;)
    {
      if (!mp_condition_acquire (condition, -1, NULL, NULL) ||
          !mp_condition_notify (condition, 1, NULL) || !mp_condition_release (condition, NULL))
        _exit (1);
    }
}

static void
test_condition (void)
{
  g_autoptr (MpCondition) condition = mp_condition_new (NULL, NULL);
  g_autoptr (GRand) random = g_rand_new_with_seed (9);
  g_autofree char *text = NULL;
  int pids[N_PEERS];

  for (guint kills = 0; kills < n_kills () + N_PEERS; kills++)
    {
      int *pid = &pids[kills % N_PEERS];

      if (kills >= N_PEERS)
        {
          g_usleep ((gulong) g_rand_int_range (random, 0, 3000));
          kill_and_reap (*pid);
        }
      *pid = fork ();
      if (*pid == 0 && kills % N_PEERS == 0)
        notify_for_ever (condition);
      if (*pid == 0)
        wait_for_ever (condition);
    }
  for (guint i = 0; i < N_PEERS; i++)
    {
      kill_and_reap (pids[i]);
    }

  mp_recover_sweep ();
  g_assert_true (mp_condition_acquire (condition, 5, NULL, NULL));
  text = mp_shared_to_string (MP_SHARED (condition));
  g_assert_cmpstr (text, ==, "<Condition(<RLock(MainProcess, 1)>, 0)>");
}

/* Objects made, shared, opened and dropped by processes that are killed meanwhile: all memory
 * comes back. */
static void
churn_for_ever (void)
{
  static const guint8 data[5000];

  for (guint i = 0;; i++)
    {
      g_autoptr (MpQueue) queue = mp_queue_new (0, NULL);
      g_autofree char *handle = mp_shared_get_handle (MP_SHARED (queue));
      g_autoptr (MpShared) again = mp_shared_open (handle, NULL);
      g_autoptr (MpLock) lock = mp_lock_new (NULL);

      if (again == NULL || lock == NULL)
        _exit (1);
      for (guint k = 0; k < 30; k++)
        mp_queue_put_bytes (queue, data, i % 3 != 0 ? 100 : 5000, 0, NULL, NULL);
      mp_payload_unref (mp_queue_get_payload (MP_QUEUE (again), 0, NULL, NULL));
    }
}

static guint64
used_after_sweep (void)
{
  /* The last threads of the dead may run on for a moment. */
  for (guint i = 0; i < 20; i++)
    {
      mp_memory_trim ();
      g_usleep (5000);
    }

  return mp_memory_get_used ();
}

static void
churn (guint kills)
{
  for (guint i = 0; i < kills; i++)
    {
      int pid = fork ();

      if (pid == 0)
        churn_for_ever ();
      mp_family_child_started (pid);
      g_usleep (2000 + i % 7 * 300);
      kill_and_reap (pid);
      mp_family_child_ended (pid);
    }
}

static void
test_leases (void)
{
  guint64 before;

  mp_memory_trim ();            /* the family begins here, not in a child */
  churn (20);
  before = used_after_sweep ();
  churn (n_kills ());
  g_assert_cmpuint (used_after_sweep (), <=, before + 8 * MP_SPAN_SIZE);
}

/* Permits of the dead come back, those of a plain semaphore do not: here one gives what another
 * takes, and at most what was killed on its way is gone. */
static void
take_and_give_for_ever (MpSemaphore *semaphore)
{
  for (;;)
    if (!mp_semaphore_acquire (semaphore, -1, NULL, NULL) ||
        !mp_semaphore_release (semaphore, NULL))
      _exit (1);
}

static void
test_semaphore (void)
{
  g_autoptr (MpSemaphore) semaphore = mp_semaphore_new_recoverable (2, NULL);
  g_autoptr (GRand) random = g_rand_new_with_seed (10);
  int pids[N_PEERS];

  for (guint kills = 0; kills < n_kills () + N_PEERS; kills++)
    {
      int *pid = &pids[kills % N_PEERS];

      if (kills >= N_PEERS)
        {
          g_usleep ((gulong) g_rand_int_range (random, 0, 3000));
          kill_and_reap (*pid);
        }
      *pid = fork ();
      if (*pid == 0)
        take_and_give_for_ever (semaphore);
    }
  for (guint i = 0; i < N_PEERS; i++)
    kill_and_reap (pids[i]);

  g_assert_cmpuint (mp_semaphore_get_value (semaphore), ==, 2);
  for (guint i = 0; i < 2; i++)
    g_assert_true (mp_semaphore_acquire (semaphore, 5, NULL, NULL));
  g_assert_false (mp_semaphore_try_acquire (semaphore));
}

/* Blocks sent on from one to the next and the first again: each is filled with one number, and
 * there are never more than were put in. */
#define N_BLOCKS 12

static void
pass_on_for_ever (MpQueue *queue,
                  guint    number)
{
  for (;;)
    {
      g_autoptr (MpBlock) block = mp_queue_get_block (queue, -1, NULL, NULL);
      gsize size;
      guint8 *data = block != NULL ? mp_block_get_data (block, &size) : NULL;

      if (data == NULL)
        _exit (1);
      for (gsize i = 1; i < size; i++)
        if (data[i] != data[0])
          _exit (2);
      if (number % 3 == 0)
        {
          g_autoptr (MpBlock) copy = mp_block_new (size, NULL);

          if (copy == NULL)
            _exit (3);
          memcpy (mp_block_get_data (copy, NULL), data, size);
          if (!mp_queue_put_block (queue, copy, -1, NULL, NULL))
            _exit (4);
        }
      else if (!mp_queue_put_block (queue, block, -1, NULL, NULL))
        _exit (4);
    }
}

static void
put_new_block (MpQueue *queue,
               guint    number)
{
  static const gsize sizes[] = { 100, 5000, 40000, 200000 };
  gsize size = sizes[number % G_N_ELEMENTS (sizes)];
  g_autoptr (MpBlock) block = mp_block_new (size, NULL);

  g_assert_nonnull (block);
  memset (mp_block_get_data (block, NULL), (int) number, size);
  g_assert_true (mp_queue_put_block (queue, block, 10, NULL, NULL));
}

static void
test_blocks (void)
{
  g_autoptr (MpQueue) queue = mp_queue_new (0, NULL);
  g_autoptr (GRand) random = g_rand_new_with_seed (11);
  int pids[N_PEERS];

  for (guint i = 0; i < N_BLOCKS; i++)
    put_new_block (queue, i);
  for (guint kills = 0; kills < n_kills () + N_PEERS; kills++)
    {
      int *pid = &pids[kills % N_PEERS];

      if (kills >= N_PEERS)
        {
          g_usleep ((gulong) g_rand_int_range (random, 0, 3000));
          kill_and_reap (*pid);
          g_assert_cmpuint (mp_queue_qsize (queue), <=, N_BLOCKS);
          while (mp_queue_qsize (queue) < N_BLOCKS / 2)
            put_new_block (queue, kills);
        }
      *pid = fork ();
      if (*pid == 0)
        pass_on_for_ever (queue, kills);
    }
  for (guint i = 0; i < N_PEERS; i++)
    kill_and_reap (pids[i]);
}

/* Joinable: what the killed had taken and not finished comes back, so that all work is done, at
 * least once, and join() knows when. */
static void
work_for_ever (MpQueue *queue,
               MpQueue *seen)
{
  guint32 number;

  while (mp_queue_get_into (queue, &number, sizeof number, -1, NULL, NULL) == sizeof number)
    if (!mp_queue_put_bytes (seen, &number, sizeof number, -1, NULL, NULL) ||
        !mp_queue_task_done (queue, NULL))
      break;
  _exit (1);
}

/* How often each piece was done; how many were done again. */
static guint
count_done (MpQueue *seen,
            GArray  *counts)
{
  guint n_again = 0;
  guint32 number;

  while (mp_queue_get_into (seen, &number, sizeof number, 0, NULL, NULL) > 0)
    {
      g_assert_cmpuint (number, <, counts->len);
      n_again += g_array_index (counts, guint8, number) > 0;
      g_array_index (counts, guint8, number) = 1;
    }

  return n_again;
}

/* There is always work, so that nobody is killed while he waits for it. */
static void
put_work (MpQueue *queue,
          GArray  *counts)
{
  static const guint8 none;

  while (mp_queue_qsize (queue) < 2000)
    {
      guint32 number = counts->len;

      g_array_append_val (counts, none);
      g_assert_true (mp_queue_put_bytes (queue, &number, sizeof number, 0, NULL, NULL));
    }
}

static void
test_joinable (void)
{
  g_autoptr (MpQueue) queue = mp_queue_new_joinable (0, NULL);
  g_autoptr (MpQueue) seen = mp_queue_new (0, NULL);
  g_autoptr (GRand) random = g_rand_new_with_seed (12);
  g_autoptr (GArray) counts = g_array_new (FALSE, FALSE, 1);
  guint n_again = 0;
  int pids[N_PEERS];

  for (guint kills = 0; kills < n_kills () + N_PEERS; kills++)
    {
      int *pid = &pids[kills % N_PEERS];

      put_work (queue, counts);
      if (kills >= N_PEERS)
        {
          g_usleep ((gulong) g_rand_int_range (random, 0, 1000));
          kill_and_reap (*pid);
        }
      *pid = fork ();
      if (*pid == 0)
        work_for_ever (queue, seen);
      n_again += count_done (seen, counts);
    }
  g_assert_true (mp_queue_join (queue, 60, NULL, NULL));
  n_again += count_done (seen, counts);
  g_test_message ("%u pieces of work, %u done again", counts->len, n_again);
  for (guint i = 0; i < counts->len; i++)
    g_assert_cmpuint (g_array_index (counts, guint8, i), ==, 1);
  g_assert_cmpuint (n_again, <=, n_kills ());
  for (guint i = 0; i < N_PEERS; i++)
    kill_and_reap (pids[i]);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  add_kill_case ("/kill/queue-unbounded", test_unbounded);
  add_kill_case ("/kill/queue-bounded", test_bounded);
  add_kill_case ("/kill/lock", test_lock);
  add_kill_case ("/kill/condition", test_condition);
  add_kill_case ("/kill/semaphore", test_semaphore);
  add_kill_case ("/kill/blocks", test_blocks);
  add_kill_case ("/kill/joinable", test_joinable);
  add_kill_case ("/kill/leases", test_leases);

  return run_kill_cases ();
}
