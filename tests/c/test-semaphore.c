/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * MpSemaphore and MpBoundedSemaphore: counts, limits, waiting in every way, and what becomes of
 * permits and waiters when processes are killed.
 */

#include "config.h"

#include <sys/mman.h>

#include "mproc/memory/mp-recover-private.h"
#include "mproc/sync/mp-lock.h"
#include "mproc/sync/mp-semaphore.h"
#include "tests/c/sync-common.h"

static void
acquire (gpointer semaphore)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (mp_semaphore_acquire (MP_SEMAPHORE (semaphore), 20 * slowness (), NULL, &error));
  g_assert_no_error (error);
}

static void
release (gpointer semaphore)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (mp_semaphore_release (MP_SEMAPHORE (semaphore), &error));
  g_assert_no_error (error);
}

static void
test_basic (void)
{
  g_autoptr (MpSemaphore) semaphore = mp_semaphore_new (2, NULL);
  g_autoptr (GError) error = NULL;
  gint64 before;

  assert_text (semaphore, "<Semaphore(value=2)>");
  acquire (semaphore);
  g_assert_true (mp_semaphore_try_acquire (semaphore));
  g_assert_false (mp_semaphore_try_acquire (semaphore));
  g_assert_cmpuint (mp_semaphore_get_value (semaphore), ==, 0);
  before = g_get_monotonic_time ();
  g_assert_false (mp_semaphore_acquire (semaphore, 0.15, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_TIMED_OUT);
  g_assert_cmpint (g_get_monotonic_time () - before, >=, 150000);
  g_assert_cmpint (mp_semaphore_acquire_raw (semaphore, 0), ==, MP_STATUS_TIMED_OUT);
  g_assert_cmpint (mp_semaphore_acquire_raw (semaphore, -1), ==, MP_STATUS_INTERRUPTED);
  for (guint i = 0; i < 3; i++)
    release (semaphore);
  assert_text (semaphore, "<Semaphore(value=3)>");
  g_assert_false (mp_semaphore_get_recoverable (semaphore));
}

static void
assert_refused (gpointer (*make) (guint value, GError **error),
                guint      value)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (make (value, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_ARGUMENT);
}

static gpointer
make_plain (guint    value,
            GError **error)
{
  return mp_semaphore_new (value, error);
}

static gpointer
make_bounded (guint    value,
              GError **error)
{
  return mp_bounded_semaphore_new (value, error);
}

static gpointer
make_recoverable (guint    value,
                  GError **error)
{
  return mp_semaphore_new_recoverable (value, error);
}

static void
test_limits (void)
{
  g_autoptr (MpSemaphore) full = mp_semaphore_new (MP_SEMAPHORE_MAX_VALUE, NULL);
  g_autoptr (MpBoundedSemaphore) bounded = mp_bounded_semaphore_new (1, NULL);
  g_autoptr (GError) error = NULL;

  g_assert_false (mp_semaphore_release (full, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_NOT_OWNER);
  g_clear_error (&error);
  assert_text (full, "<Semaphore(value=2147483647)>");

  assert_text (bounded, "<BoundedSemaphore(value=1, maxvalue=1)>");
  g_assert_false (mp_semaphore_release (MP_SEMAPHORE (bounded), &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_NOT_OWNER);
  acquire (bounded);
  assert_text (bounded, "<BoundedSemaphore(value=0, maxvalue=1)>");
  release (bounded);
  g_assert_cmpint (mp_semaphore_release_raw (MP_SEMAPHORE (bounded)), ==, MP_STATUS_NOT_OWNER);

  assert_refused (make_plain, G_MAXUINT);
  assert_refused (make_bounded, 0x80000000u);
  assert_refused (make_recoverable, 0);
  assert_refused (make_recoverable, 8193);
}

static void
test_handle (void)
{
  g_autoptr (MpSemaphore) semaphore = mp_semaphore_new (0, NULL);
  g_autoptr (MpBoundedSemaphore) bounded = mp_bounded_semaphore_new_recoverable (3, NULL);
  g_autofree char *handle = mp_shared_get_handle (MP_SHARED (semaphore));
  g_autofree char *handle2 = mp_shared_get_handle (MP_SHARED (bounded));
  g_autoptr (MpShared) same = mp_shared_open (handle, NULL);
  g_autoptr (MpShared) same2 = mp_shared_open (handle2, NULL);

  g_assert_cmpuint (mp_semaphore_get_value (MP_SEMAPHORE (same)), ==, 0);
  release (same);
  acquire (semaphore);
  g_assert_true (mp_semaphore_get_recoverable (MP_SEMAPHORE (same2)));
  acquire (bounded);
  assert_text (same2, "<BoundedSemaphore(value=2, maxvalue=3)>");
  release (same2);
}

static gpointer
release_in_thread (gpointer semaphore)
{
  g_autoptr (GError) error = NULL;

  mp_semaphore_release (semaphore, &error);
  return error != NULL ? GINT_TO_POINTER (error->code + 1) : NULL;
}

static gpointer
acquire_in_thread (gpointer semaphore)
{
  return GINT_TO_POINTER (mp_semaphore_try_acquire (semaphore));
}

/* Anyone releases a plain one; a recoverable one only who holds a permit, and a thread that ends
 * holds none any more. */
static void
test_threads (void)
{
  g_autoptr (MpSemaphore) plain = mp_semaphore_new (1, NULL);
  g_autoptr (MpSemaphore) owned = mp_semaphore_new_recoverable (2, NULL);

  acquire (plain);
  acquire (owned);
  g_assert_null (g_thread_join (g_thread_new ("other", release_in_thread, plain)));
  g_assert_cmpuint (mp_semaphore_get_value (plain), ==, 1);
  g_assert_cmpint (GPOINTER_TO_INT (g_thread_join (g_thread_new ("other", release_in_thread,
                                                                 owned))),
                   ==, MP_ERROR_NOT_OWNER + 1);
  g_assert_cmpuint (mp_semaphore_get_value (owned), ==, 1);

  g_assert_nonnull (g_thread_join (g_thread_new ("other", acquire_in_thread, plain)));
  g_assert_nonnull (g_thread_join (g_thread_new ("other", acquire_in_thread, owned)));
  g_assert_cmpuint (mp_semaphore_get_value (plain), ==, 0);
  g_assert_cmpuint (mp_semaphore_get_value (owned), ==, 1);
  release (owned);
  g_assert_cmpint (mp_semaphore_release_raw (owned), ==, MP_STATUS_NOT_OWNER);
}

#define N_PEERS 4
#define N_ROUNDS 4000
#define N_PERMITS 2

/* Never more inside than there are permits, and some have to sleep. */
static void
check_exclusion (MpSemaphore *semaphore)
{
  gint *inside = mmap (NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  int pids[N_PEERS];

  for (guint i = 0; i < N_PEERS; i++)
    {
      pids[i] = fork ();
      for (guint k = 0; pids[i] == 0 && k < N_ROUNDS; k++)
        {
          if (!mp_semaphore_acquire (semaphore, -1, NULL, NULL))
            _exit (1);
          if (g_atomic_int_add (inside, 1) >= N_PERMITS)
            _exit (2);
          if (k % 64 == 0)
            g_usleep (50);
          g_atomic_int_add (inside, -1);
          if (!mp_semaphore_release (semaphore, NULL))
            _exit (3);
        }
      if (pids[i] == 0)
        _exit (0);
    }
  for (guint i = 0; i < N_PEERS; i++)
    test_reap (pids[i], 0);
  g_assert_cmpint (*inside, ==, 0);
  g_assert_cmpuint (mp_semaphore_get_value (semaphore), ==, N_PERMITS);
  munmap (inside, 4096);
}

static void
test_exclusion (void)
{
  g_autoptr (MpSemaphore) plain = mp_semaphore_new (N_PERMITS, NULL);
  g_autoptr (MpSemaphore) owned = mp_semaphore_new_recoverable (N_PERMITS, NULL);

  check_exclusion (plain);
  check_exclusion (owned);
}

static void
test_cancel (void)
{
  g_autoptr (MpSemaphore) semaphore = mp_semaphore_new (0, NULL);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;
  GThread *thread = g_thread_new ("cancel", cancel_later, cancellable);

  g_assert_false (mp_semaphore_acquire (semaphore, -1, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_thread_join (thread);
  release (semaphore);
  g_clear_error (&error);
  g_assert_false (mp_semaphore_acquire (semaphore, -1, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_cmpuint (mp_semaphore_get_value (semaphore), ==, 1);
}

/* --- In a main loop ------------------------------------------------------------------------ */

static int
release_both (gpointer semaphore,
              gpointer lock)
{
  g_usleep (50000);
  return mp_semaphore_release (semaphore, NULL) && mp_lock_release (lock, NULL) ? 0 : 1;
}

static void
test_async (void)
{
  g_autoptr (MpSemaphore) semaphore = mp_semaphore_new (1, NULL);
  g_autoptr (MpLock) lock = mp_lock_new (NULL);
  g_autoptr (GAsyncResult) first = NULL;
  g_autoptr (GAsyncResult) second = NULL;
  g_autoptr (GAsyncResult) third = NULL;
  int go[2];
  int pid = start_later (go, release_both, semaphore, lock);

  g_assert_true (mp_lock_try_acquire (lock));
  mp_semaphore_acquire_async (semaphore, NULL, keep_result, &first);
  g_assert_true (mp_semaphore_acquire_finish (semaphore, wait_for (&first), NULL));
  mp_semaphore_acquire_async (semaphore, NULL, keep_result, &second);
  mp_lock_acquire_async (lock, NULL, keep_result, &third);
  for (guint i = 0; i < 5; i++)
    g_main_context_iteration (NULL, FALSE);
  g_assert_null (second);
  g_assert_null (third);

  tell (go);
  g_assert_true (mp_semaphore_acquire_finish (semaphore, wait_for (&second), NULL));
  g_assert_true (mp_lock_acquire_finish (lock, wait_for (&third), NULL));
  g_assert_true (mp_lock_is_locked (lock));
  g_assert_cmpuint (mp_semaphore_get_value (semaphore), ==, 0);
  test_reap (pid, 0);

  g_clear_object (&first);
  mp_semaphore_acquire_async (semaphore, NULL, keep_result, &first);
  g_main_context_iteration (NULL, FALSE);
  release (semaphore);
  g_assert_true (mp_semaphore_acquire_finish (semaphore, wait_for (&first), NULL));
}

static void
test_async_cancel (void)
{
  g_autoptr (MpSemaphore) semaphore = mp_semaphore_new (0, NULL);
  g_autoptr (MpLock) lock = mp_lock_new (NULL);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GAsyncResult) first = NULL;
  g_autoptr (GAsyncResult) second = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_true (mp_lock_try_acquire (lock));
  mp_semaphore_acquire_async (semaphore, cancellable, keep_result, &first);
  mp_lock_acquire_async (lock, cancellable, keep_result, &second);
  g_timeout_add (20, cancel_cb, cancellable);
  g_assert_false (mp_semaphore_acquire_finish (semaphore, wait_for (&first), &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&error);
  g_assert_false (mp_lock_acquire_finish (lock, wait_for (&second), &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  release (semaphore);
  g_assert_cmpuint (mp_semaphore_get_value (semaphore), ==, 1);
  g_assert_true (mp_lock_release (lock, NULL));
}

/* --- Deaths -------------------------------------------------------------------------------- */

static int
start_holder (MpSemaphore *semaphore,
              guint        n)
{
  int ready[2];
  char byte;
  int pid;

  g_assert_cmpint (pipe (ready), ==, 0);
  pid = fork ();
  if (pid == 0)
    {
      for (guint i = 0; i < n; i++)
        acquire (semaphore);
      g_assert_cmpint (write (ready[1], "x", 1), ==, 1);
      for (;;)
        pause ();
    }
  g_assert_cmpint (read (ready[0], &byte, 1), ==, 1);
  close (ready[0]);
  close (ready[1]);

  return pid;
}

static gpointer
kill_later (gpointer pid)
{
  g_usleep (200000);
  kill (GPOINTER_TO_INT (pid), SIGKILL);
  return NULL;
}

/* A plain semaphore keeps its count; who waits for a recoverable one is served at once. */
static void
test_dead_holder (void)
{
  g_autoptr (MpSemaphore) plain = mp_semaphore_new (3, NULL);
  g_autoptr (MpSemaphore) owned = mp_semaphore_new_recoverable (3, NULL);
  int pid = start_holder (plain, 2);
  GThread *thread;

  kill (pid, SIGKILL);
  test_reap (pid, -SIGKILL);
  mp_recover_sweep ();
  g_assert_cmpuint (mp_semaphore_get_value (plain), ==, 1);

  pid = start_holder (owned, 3);
  g_assert_cmpuint (mp_semaphore_get_value (owned), ==, 0);
  g_assert_false (mp_semaphore_try_acquire (owned));
  thread = g_thread_new ("kill", kill_later, GINT_TO_POINTER (pid));
  acquire (owned);
  g_assert_cmpuint (mp_semaphore_get_value (owned), ==, 2);
  release (owned);
  g_thread_join (thread);
  test_reap (pid, -SIGKILL);
}

/* Waiters are killed; whoever is left is woken. */
static void
test_dead_waiters (void)
{
  g_autoptr (MpSemaphore) semaphore = mp_semaphore_new (0, NULL);
  int pids[4];

  for (guint i = 0; i < 4; i++)
    {
      pids[i] = fork ();
      if (pids[i] == 0)
        _exit (mp_semaphore_acquire (semaphore, 60, NULL, NULL) ? 0 : 1);
    }
  g_usleep (100000);
  for (guint i = 0; i < 3; i++)
    kill (pids[i], SIGKILL);
  release (semaphore);
  test_reap (pids[3], 0);
  for (guint i = 0; i < 3; i++)
    test_reap (pids[i], -SIGKILL);
  g_assert_cmpuint (mp_semaphore_get_value (semaphore), ==, 0);
}

#define STORM_PEERS 8
#define STORM_KILLS 120

static int
start_stormer (MpSemaphore *semaphore,
               gint        *inside)
{
  int pid = fork ();

  while (pid == 0)
    {
      if (!mp_semaphore_acquire (semaphore, 60, NULL, NULL))
        _exit (1);
      g_atomic_int_inc (inside);
      if (!mp_semaphore_release (semaphore, NULL))
        _exit (2);
    }

  return pid;
}

/* Eight take and give as fast as they can, and are killed and replaced at random. In the end every
 * permit is there, and nobody was ever stuck. */
static void
test_storm (void)
{
  g_autoptr (MpSemaphore) semaphore = mp_semaphore_new_recoverable (3, NULL);
  gint *passed = mmap (NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  int pids[STORM_PEERS];

  for (guint i = 0; i < STORM_PEERS; i++)
    pids[i] = start_stormer (semaphore, passed);
  for (guint i = 0; i < STORM_KILLS; i++)
    {
      guint victim = (guint) g_random_int_range (0, STORM_PEERS);
      gint before = g_atomic_int_get (passed);
      gint64 end = g_get_monotonic_time () + (gint64) (20 * slowness ()) * G_USEC_PER_SEC;

      g_usleep ((gulong) g_random_int_range (100, 4000));
      kill (pids[victim], SIGKILL);
      test_reap (pids[victim], -SIGKILL);
      pids[victim] = start_stormer (semaphore, passed);
      while (g_atomic_int_get (passed) == before)
        g_assert_cmpint (g_get_monotonic_time (), <, end);
    }
  for (guint i = 0; i < STORM_PEERS; i++)
    {
      kill (pids[i], SIGKILL);
      test_reap (pids[i], -SIGKILL);
    }
  g_assert_cmpuint (mp_semaphore_get_value (semaphore), ==, 3);
  for (guint i = 0; i < 3; i++)
    acquire (semaphore);
  g_assert_false (mp_semaphore_try_acquire (semaphore));
  g_test_message ("%d permits taken and given, %d kills", *passed, STORM_KILLS + STORM_PEERS);
  munmap (passed, 4096);
}

#define N_LOCKS 100000

/* No descriptor, no limit but the memory. */
static void
test_many_locks (void)
{
  g_autoptr (GPtrArray) locks = g_ptr_array_new_with_free_func (g_object_unref);
  int fds = count_entries ("/proc/self/fd");
  int pid;

  for (guint i = 0; i < N_LOCKS; i++)
    {
      g_ptr_array_add (locks, mp_lock_new (NULL));
      g_assert_nonnull (locks->pdata[i]);
    }
  g_assert_cmpint (count_entries ("/proc/self/fd"), ==, fds);
  for (guint i = 0; i < N_LOCKS; i++)
    g_assert_true (mp_lock_try_acquire (locks->pdata[i]));
  pid = fork ();
  if (pid == 0)
    {
      for (guint i = 0; i < N_LOCKS; i++)
        if (mp_lock_try_acquire (locks->pdata[i]))
          _exit (1);
      for (guint i = 0; i < N_LOCKS; i += 2)
        if (!mp_lock_release (locks->pdata[i], NULL))
          _exit (2);
      _exit (0);
    }
  test_reap (pid, 0);
  for (guint i = 0; i < N_LOCKS; i++)
    g_assert_cmpint (mp_lock_is_locked (locks->pdata[i]), ==, i % 2);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  /* The first one is run twice: it opens what a process keeps for main loops. */
  add_family_case ("/semaphore/async", test_async);
  add_family_case ("/semaphore/basic", test_basic);
  add_family_case ("/semaphore/limits", test_limits);
  add_family_case ("/semaphore/handle", test_handle);
  add_family_case ("/semaphore/threads", test_threads);
  add_family_case ("/semaphore/exclusion", test_exclusion);
  add_family_case ("/semaphore/cancel", test_cancel);
  add_family_case ("/semaphore/async-cancel", test_async_cancel);
  add_family_case ("/semaphore/dead-holder", test_dead_holder);
  add_family_case ("/semaphore/dead-waiters", test_dead_waiters);
  add_family_case ("/semaphore/storm", test_storm);
  g_test_add_func ("/semaphore/many-locks", test_many_locks);

  return g_test_run ();
}
