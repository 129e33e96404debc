/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The family's memory: the allocator, leases over fork, the limit, and what the code relies on.
 */

#include "config.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "mproc/channel/mp-queue.h"
#include "mproc/sync/mp-lock.h"
#include "mproc/memory/mp-family-private.h"
#include "mproc/memory/mp-heap-private.h"
#include "mproc/memory/mp-memory.h"
#include "mproc/memory/mp-recover-private.h"
#include "tests/c/family-common.h"

static guint64 *
hand (void)
{
  g_assert_true (mp_family_ensure (NULL));
  return &mp_self_slot ()->hands[0];
}

/* The life word is glibc's lock word: the thread id, with the bit we set; and OWNER_DIED after. */
static void
test_life_word (void)
{
  MpThreadSlot *slot;
  guint32 n;
  int pid;

  hand ();
  g_assert_cmpuint (*mp_life_word (mp_self_slot ()) & FUTEX_TID_MASK, ==, gettid ());
  g_assert_cmpuint (*mp_life_word (mp_self_slot ()) & FUTEX_WAITERS, !=, 0);
  g_assert_false (mp_id_is_dead (mp_self ()));

  n = mp_arena.header->n_threads;
  pid = fork ();
  if (pid == 0)
    {
      hand ();
      kill (getpid (), SIGKILL);
    }
  test_reap (pid, -SIGKILL);
  for (guint32 i = 0; i < mp_arena.header->n_threads; i++)
    {
      slot = &mp_arena.threads[i];
      if (MP_SLOT_STATE (slot->state) == MP_SLOT_LIVE && slot != mp_self_slot ())
        g_assert_cmpuint (*mp_life_word (slot) & FUTEX_OWNER_DIED, !=, 0);
    }
  mp_recover_sweep ();
  for (guint32 i = n; i < mp_arena.header->n_threads; i++)
    g_assert_cmpuint (MP_SLOT_STATE (mp_arena.threads[i].state), ==, MP_SLOT_FREE);
}

static gpointer
use_in_thread (gpointer data G_GNUC_UNUSED)
{
  g_assert_true (mp_family_ensure (NULL));
  return GUINT_TO_POINTER (mp_self ());
}

/* A thread that ends gives its slot back, and its id is dead. */
static void
test_thread_end (void)
{
  guint32 id = GPOINTER_TO_UINT (g_thread_join (g_thread_new ("user", use_in_thread, NULL)));
  guint32 next = GPOINTER_TO_UINT (g_thread_join (g_thread_new ("user", use_in_thread, NULL)));

  g_assert_true (mp_id_is_dead (id));
  g_assert_cmpuint (id, !=, next);
  g_assert_cmpuint (id & 0xffff, ==, next & 0xffff);
}

/* Blocks of all sizes do not overlap, keep what is written, and go back. */
static void
test_heap (void)
{
  g_autoptr (GRand) random = g_rand_new_with_seed (5);
  guint64 *h = hand ();
  guint64 *table_hand = &mp_self_slot ()->hands[1];
  guint64 *blocks;
  gsize sizes[200];

  g_assert_cmpint (mp_heap_allocate (sizeof (guint64) * 200, table_hand, NULL), ==, MP_STATUS_OK);
  blocks = mp_arena_pointer (*table_hand);
  memset (blocks, 0, sizeof (guint64) * 200);

  for (guint round = 0; round < 20000; round++)
    {
      guint i = (guint) g_rand_int_range (random, 0, 200);

      if (blocks[i] != 0)
        {
          const guint8 *data = mp_arena_pointer (blocks[i]);

          g_assert_cmpuint (data[0], ==, i);
          g_assert_cmpuint (data[sizes[i] - 1], ==, i);
          mp_heap_free (&blocks[i]);
          g_assert_cmpuint (blocks[i], ==, 0);
        }
      else
        {
          guint8 *data;

          sizes[i] = (gsize) g_rand_int_range (random, 2, round % 10 == 0 ? 300000 : 9000);
          g_assert_cmpint (mp_heap_allocate (sizes[i], &blocks[i], NULL), ==, MP_STATUS_OK);
          g_assert_cmpuint (blocks[i] % 64, ==, 0);
          data = mp_arena_pointer (blocks[i]);
          data[0] = data[sizes[i] - 1] = (guint8) i;
        }
    }
  for (guint i = 0; i < 200; i++)
    mp_heap_free (&blocks[i]);
  mp_heap_free (table_hand);
  g_assert_cmpuint (*h, ==, 0);
}

static void
test_limit (void)
{
  guint64 *h = hand ();
  guint64 limit = mp_memory_get_limit ();

  g_assert_cmpuint (limit, >=, 32 << 20);
  g_assert_cmpint (mp_heap_allocate (G_MAXSIZE / 2, h, NULL), ==, MP_STATUS_NO_SPACE);
  g_assert_cmpint (mp_heap_allocate (limit + 1, h, NULL), ==, MP_STATUS_NO_SPACE);
  g_assert_cmpuint (*h, ==, 0);
  g_assert_true (mp_memory_set_limit (0, NULL));
  g_assert_cmpint (mp_heap_allocate (64 << 20, h, NULL), ==, MP_STATUS_NO_SPACE);
  g_assert_true (mp_memory_set_limit (limit, NULL));
  g_assert_cmpint (mp_heap_allocate (64 << 20, h, NULL), ==, MP_STATUS_OK);
  mp_heap_free (h);
}

static guint64
arena_blocks (void)
{
  struct stat status;

  g_assert_cmpint (fstat (mp_family_get_fd (), &status), ==, 0);
  return (guint64) status.st_blocks * 512;
}

/* Trimming gives the memory of what was freed back to the system, and it comes back on use. */
static void
test_trim (void)
{
  guint64 *h = hand ();
  guint64 full;

  g_assert_cmpint (mp_heap_allocate (32 << 20, h, NULL), ==, MP_STATUS_OK);
  memset (mp_arena_pointer (*h), 1, 32 << 20);
  mp_heap_free (h);
  full = arena_blocks ();
  mp_memory_trim ();
  g_assert_cmpuint (arena_blocks () + (30 << 20), <, full);
  g_assert_cmpint (mp_heap_allocate (32 << 20, h, NULL), ==, MP_STATUS_OK);
  memset (mp_arena_pointer (*h), 2, 32 << 20);
  mp_heap_free (h);
  mp_memory_trim ();
}

/* Spans that were cut into blocks go back once all of their blocks are free. */
static void
test_trim_blocks (void)
{
  const guint n = 20000;
  g_autofree guint64 *blocks = g_new0 (guint64, n);
  guint64 before;

  hand ();
  mp_memory_trim ();
  before = mp_memory_get_used ();
  for (guint i = 0; i < n; i++)
    {
      g_assert_cmpint (mp_heap_allocate (1 + i * 37 % 32000, hand (), NULL), ==, MP_STATUS_OK);
      blocks[i] = *hand ();
      *hand () = 0;
    }
  g_assert_cmpuint (mp_memory_get_used (), >, before + n * 1000);
  /* One of each seven stays. */
  for (guint i = 0; i < n; i++)
    if (i % 7 != 0)
      {
        *hand () = blocks[i];
        mp_heap_free (hand ());
      }
  mp_memory_trim ();
  for (guint i = 0; i < n; i += 7)
    {
      *hand () = blocks[i];
      mp_heap_free (hand ());
    }
  mp_memory_trim ();
  g_assert_cmpuint (mp_memory_get_used (), <=, before);

  /* What is left of the lists is sound. */
  for (guint i = 0; i < 1000; i++)
    {
      g_assert_cmpint (mp_heap_allocate (1 + i * 37 % 32000, hand (), NULL), ==, MP_STATUS_OK);
      mp_heap_free (hand ());
    }
}

/* The parent drops an object at once after the fork; the child still has it. */
static void
test_fork_lease (void)
{
  MpQueue *queue = mp_queue_new (0, NULL);
  g_autofree char *handle = mp_shared_get_handle (MP_SHARED (queue));
  int go[2], pid;
  char byte;

  g_assert_true (mp_queue_put (queue, g_variant_new_int64 (3), 0, NULL, NULL));
  g_assert_cmpint (pipe (go), ==, 0);
  pid = fork ();
  if (pid == 0)
    {
      g_autoptr (GVariant) value = NULL;

      if (read (go[0], &byte, 1) != 1)
        _exit (1);
      value = mp_queue_get (queue, 0, NULL, NULL);
      if (value == NULL || g_variant_get_int64 (value) != 3)
        _exit (2);
      g_object_unref (queue);
      _exit (mp_shared_open (handle, NULL) == NULL ? 0 : 3);
    }
  g_object_unref (queue);
  g_assert_cmpint (write (go[1], "x", 1), ==, 1);
  test_reap (pid, 0);
  close (go[0]);
  close (go[1]);
}

/* How many leases a forked child has; -1 if it cannot make and drop objects. @kept: it has them. */
static int
fork_and_count (GPtrArray *kept)
{
  int pid = fork (), status;

  if (pid == 0)
    {
      guint64 n = mp_arena.processes[mp_arena.process].n_leases;

      for (guint i = 0; i < 200; i++)
        g_ptr_array_add (kept, mp_lock_new (NULL));
      for (guint i = 0; i < kept->len; i++)
        if (!mp_lock_try_acquire (kept->pdata[i]) || !mp_lock_release (kept->pdata[i], NULL))
          _exit (255);
      g_ptr_array_set_size (kept, 0);
      _exit ((int) MIN (n, 254));
    }
  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  g_assert_true (WIFEXITED (status));
  return WEXITSTATUS (status) == 255 ? -1 : WEXITSTATUS (status);
}

/* Who once had many leases does not copy them for each child; what is in use stays where it is. */
static void
test_fork_after_many (void)
{
  g_autoptr (GPtrArray) kept = g_ptr_array_new_with_free_func (g_object_unref);
  g_autoptr (GPtrArray) locks = g_ptr_array_new_with_free_func (g_object_unref);
  int before = fork_and_count (kept);

  g_assert_cmpint (before, >=, 0);
  for (guint i = 0; i < 5000; i++)
    g_ptr_array_add (i == 3 || i == 40 ? kept : locks, mp_lock_new (NULL));
  g_assert_cmpint (fork_and_count (kept), ==, 254);
  g_ptr_array_set_size (locks, 0);
  g_assert_cmpint (fork_and_count (kept), <=, before + 50);
  for (guint i = 0; i < 5000; i++)
    g_ptr_array_add (locks, mp_lock_new (NULL));
  g_assert_cmpint (fork_and_count (kept), ==, 254);
  g_ptr_array_set_size (locks, 0);
  g_ptr_array_set_size (kept, 0);
  g_assert_cmpint (fork_and_count (kept), <=, before);
}

/* Growing is not subject to the limit on file sizes. */
static void
test_file_size_limit (void)
{
  int pid;

  hand ();
  pid = fork ();
  if (pid == 0)
    {
      const struct rlimit small = { 1 << 20, 1 << 20 };
      guint64 *h = hand ();

      setrlimit (RLIMIT_FSIZE, &small);
      _exit (mp_heap_allocate (48 << 20, h, NULL) == MP_STATUS_OK ? 0 : 1);
    }
  test_reap (pid, 0);
  mp_recover_sweep ();
}

static void
test_seals (void)
{
  const MpArenaHeader *header;
  int seals;

  hand ();
  header = mp_arena.header;
  seals = fcntl (mp_family_get_fd (), F_GET_SEALS);
  g_assert_cmpint (seals & F_SEAL_SHRINK, !=, 0);
  g_assert_cmpint (seals & F_SEAL_GROW, !=, 0);
  g_assert_cmpint (fcntl (mp_family_get_fd (), F_GETFD) & FD_CLOEXEC, !=, 0);
  g_assert_cmpint (ftruncate (mp_family_get_fd (), (off_t) header->size / 2), ==, -1);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  add_family_case ("/memory/life-word", test_life_word);
  add_family_case ("/memory/thread-end", test_thread_end);
  add_family_case ("/memory/heap", test_heap);
  add_family_case ("/memory/limit", test_limit);
  add_family_case ("/memory/trim", test_trim);
  add_family_case ("/memory/trim-blocks", test_trim_blocks);
  add_family_case ("/memory/fork-lease", test_fork_lease);
  add_family_case ("/memory/fork-after-many", test_fork_after_many);
  add_family_case ("/memory/file-size-limit", test_file_size_limit);
  add_family_case ("/memory/seals", test_seals);

  return g_test_run ();
}
