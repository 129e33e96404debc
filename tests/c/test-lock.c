/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * MpLock, MpRLock and MpCondition: between threads, between processes, and after a death.
 */

#include "config.h"

#include "mproc/sync/mp-condition.h"

#include <glib/gstdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "tests/c/family-common.h"

static void
assert_text (gpointer    shared,
             const char *expected)
{
  g_autofree char *text = mp_shared_to_string (MP_SHARED (shared));

  g_assert_cmpstr (text, ==, expected);
}

static void
acquire (gpointer lock)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (mp_lock_acquire (MP_LOCK (lock), 10, NULL, &error));
  g_assert_no_error (error);
}

static void
release (gpointer lock)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (mp_lock_release (MP_LOCK (lock), &error));
  g_assert_no_error (error);
}

static void
test_lock (void)
{
  g_autoptr (MpLock) lock = mp_lock_new (NULL);
  g_autoptr (GError) error = NULL;

  assert_text (lock, "<Lock(owner=None)>");
  acquire (lock);
  assert_text (lock, "<Lock(owner=MainProcess)>");
  g_assert_true (mp_lock_is_locked (lock));
  g_assert_false (mp_lock_try_acquire (lock));
  g_assert_false (mp_lock_acquire (lock, 0.05, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_TIMED_OUT);
  g_clear_error (&error);
  release (lock);
  g_assert_false (mp_lock_is_locked (lock));
  g_assert_false (mp_lock_release (lock, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_NOT_OWNER);
}

static gpointer
describe_in_thread (gpointer shared)
{
  return mp_shared_to_string (shared);
}

static gpointer
release_in_thread (gpointer lock)
{
  g_autoptr (GError) error = NULL;

  mp_lock_release (lock, &error);
  return error != NULL ? GINT_TO_POINTER (error->code + 1) : NULL;
}

/* Anyone may release a Lock, only its holder an RLock. */
static void
test_threads (void)
{
  g_autoptr (MpLock) lock = mp_lock_new (NULL);
  g_autoptr (MpRLock) rlock = mp_rlock_new (NULL);
  g_autofree char *text = NULL;
  gpointer code;

  acquire (lock);
  acquire (rlock);
  text = g_thread_join (g_thread_new ("other", describe_in_thread, lock));
  g_assert_cmpstr (text, ==, "<Lock(owner=SomeOtherThread)>");
  code = g_thread_join (g_thread_new ("other", release_in_thread, lock));
  g_assert_null (code);
  g_assert_false (mp_lock_is_locked (lock));
  code = g_thread_join (g_thread_new ("other", release_in_thread, rlock));
  g_assert_cmpint (GPOINTER_TO_INT (code), ==, MP_ERROR_NOT_OWNER + 1);
  release (rlock);
}

static void
test_rlock (void)
{
  g_autoptr (MpRLock) lock = mp_rlock_new (NULL);
  int pid;

  assert_text (lock, "<RLock(None, 0)>");
  acquire (lock);
  acquire (lock);
  assert_text (lock, "<RLock(MainProcess, 2)>");
  release (lock);
  pid = fork ();
  if (pid == 0)
    {
      assert_text (lock, "<RLock(SomeOtherProcess, nonzero)>");
      _exit (mp_lock_try_acquire (MP_LOCK (lock)));
    }
  test_reap (pid, 0);
  release (lock);
  assert_text (lock, "<RLock(None, 0)>");
}

#define N_PEERS 4
#define N_ROUNDS 5000

/* A number under the lock, in a file mapped by all. */
static void
test_exclusion (void)
{
  g_autoptr (MpLock) lock = mp_lock_new (NULL);
  char name[] = "/tmp/mproc-test-XXXXXX";
  int fd = g_mkstemp (name);
  int pids[N_PEERS];
  guint64 count = 0;

  unlink (name);
  g_assert_cmpint (pwrite (fd, &count, sizeof count, 0), ==, sizeof count);
  for (guint i = 0; i < N_PEERS; i++)
    {
      pids[i] = fork ();
      for (guint k = 0; pids[i] == 0 && k < N_ROUNDS; k++)
        {
          if (!mp_lock_acquire (lock, -1, NULL, NULL) ||
              pread (fd, &count, sizeof count, 0) != sizeof count)
            _exit (1);
          count++;
          if (pwrite (fd, &count, sizeof count, 0) != sizeof count ||
              !mp_lock_release (lock, NULL))
            _exit (2);
        }
      if (pids[i] == 0)
        _exit (0);
    }
  for (guint i = 0; i < N_PEERS; i++)
    test_reap (pids[i], 0);
  g_assert_cmpint (pread (fd, &count, sizeof count, 0), ==, sizeof count);
  g_assert_cmpuint (count, ==, N_PEERS * N_ROUNDS);
  close (fd);
}

/* The holder is killed: the one who waits gets the lock, and is told. */
static void
test_abandoned (void)
{
  g_autoptr (MpLock) lock = mp_lock_new (NULL);
  int ready[2];
  char byte;
  int pid;

  g_assert_cmpint (pipe (ready), ==, 0);
  pid = fork ();
  if (pid == 0)
    {
      acquire (lock);
      g_assert_cmpint (write (ready[1], "x", 1), ==, 1);
      for (;;)
        pause ();
    }
  g_assert_cmpint (read (ready[0], &byte, 1), ==, 1);
  assert_text (lock, "<Lock(owner=SomeOtherProcess)>");
  g_assert_false (mp_lock_try_acquire (lock));
  kill (pid, SIGKILL);
  acquire (lock);
  g_assert_true (mp_lock_get_abandoned (lock));
  release (lock);
  acquire (lock);
  g_assert_false (mp_lock_get_abandoned (lock));
  release (lock);
  test_reap (pid, -SIGKILL);
  close (ready[0]);
  close (ready[1]);
}

static gpointer
cancel_later (gpointer cancellable)
{
  g_usleep (50000);
  g_cancellable_cancel (cancellable);
  return NULL;
}

static void
test_cancel (void)
{
  g_autoptr (MpLock) lock = mp_lock_new (NULL);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;
  GThread *thread;

  acquire (lock);
  thread = g_thread_new ("cancel", cancel_later, cancellable);
  g_assert_false (mp_lock_acquire (lock, -1, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_thread_join (thread);
  release (lock);
  g_clear_error (&error);
  g_assert_false (mp_lock_acquire (lock, -1, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_false (mp_lock_is_locked (lock));
}

static void
test_condition (void)
{
  g_autoptr (MpCondition) condition = mp_condition_new (NULL, NULL);
  g_autoptr (GError) error = NULL;

  assert_text (condition, "<Condition(<RLock(None, 0)>, 0)>");
  g_assert_false (mp_condition_wait (condition, 1, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_NOT_OWNER);
  g_clear_error (&error);
  g_assert_false (mp_condition_notify (condition, 1, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_NOT_OWNER);
  g_clear_error (&error);

  acquire (mp_condition_get_lock (condition));
  acquire (mp_condition_get_lock (condition));
  assert_text (condition, "<Condition(<RLock(MainProcess, 2)>, 0)>");
  g_assert_false (mp_condition_wait (condition, 0.05, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_TIMED_OUT);
  assert_text (condition, "<Condition(<RLock(MainProcess, 2)>, 0)>");
  release (mp_condition_get_lock (condition));
  release (mp_condition_get_lock (condition));
}

static void
wait_once (MpCondition *condition,
           int          fd,
           double       timeout)
{
  acquire (mp_condition_get_lock (condition));
  if (write (fd, "w", 1) != 1)
    _exit (9);
  if (!mp_condition_wait (condition, timeout, NULL, NULL))
    _exit (1);
  if (!mp_condition_release (condition, NULL))
    _exit (2);
  _exit (0);
}

/* Three wait; one notification wakes one of them, the next the others. */
static void
test_notify (void)
{
  g_autoptr (MpCondition) condition = mp_condition_new (NULL, NULL);
  int pids[3], ready[2], status;
  char byte;

  g_assert_cmpint (pipe (ready), ==, 0);
  for (guint i = 0; i < 3; i++)
    {
      pids[i] = fork ();
      if (pids[i] == 0)
        wait_once (condition, ready[1], 30);
    }
  for (guint i = 0; i < 3; i++)
    g_assert_cmpint (read (ready[0], &byte, 1), ==, 1);

  acquire (mp_condition_get_lock (condition));
  assert_text (condition, "<Condition(<RLock(MainProcess, 1)>, 3)>");
  g_assert_true (mp_condition_notify (condition, 1, NULL));
  release (mp_condition_get_lock (condition));
  g_assert_cmpint (waitpid (-1, &status, 0), >, 0);
  g_assert_cmpint (status, ==, 0);
  g_usleep (100000);
  g_assert_cmpint (waitpid (-1, &status, WNOHANG), ==, 0);

  acquire (mp_condition_get_lock (condition));
  assert_text (condition, "<Condition(<RLock(MainProcess, 1)>, 2)>");
  g_assert_true (mp_condition_notify_all (condition, NULL));
  release (mp_condition_get_lock (condition));
  for (guint i = 0; i < 2; i++)
    {
      g_assert_cmpint (waitpid (-1, &status, 0), >, 0);
      g_assert_cmpint (status, ==, 0);
    }
  close (ready[0]);
  close (ready[1]);
}

#define N_NOTIFICATIONS 2000

/* Waits again and again, sometimes not long enough, and counts how often it was notified. */
static int
start_counter (MpCondition *condition,
               gint        *count,
               gboolean     patient)
{
  int pid = fork ();

  if (pid == 0)
    acquire (mp_condition_get_lock (condition));
  while (pid == 0)
    if (mp_condition_wait (condition, patient ? 60 : 0.002, NULL, NULL))
      g_atomic_int_inc (count);

  return pid;
}

/* How many wait and have not been notified. The lock is held. */
static int
count_waiting (MpCondition *condition)
{
  g_autofree char *text = mp_shared_to_string (MP_SHARED (condition));

  return atoi (strrchr (text, ',') + 1);
}

/* As many return as were notified, no more and no fewer, also if others give up meanwhile. */
static void
test_exactness (void)
{
  g_autoptr (MpCondition) condition = mp_condition_new (NULL, NULL);
  gint *count = mmap (NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  gint64 end = g_get_monotonic_time () + 60 * G_USEC_PER_SEC;
  gint total = 0;
  int pids[4];

  for (guint i = 0; i < 4; i++)
    pids[i] = start_counter (condition, count, i < 3);
  for (guint i = 0; i < N_NOTIFICATIONS; i++)
    {
      guint n;

      acquire (mp_condition_get_lock (condition));
      n = (guint) g_random_int_range (0, count_waiting (condition) + 1);
      g_assert_true (mp_condition_notify (condition, n, NULL));
      total += (gint) n;
      release (mp_condition_get_lock (condition));
      if (i % 8 == 0)
        g_usleep (500);
    }
  while (g_atomic_int_get (count) < total)
    {
      g_assert_cmpint (g_get_monotonic_time (), <, end);
      g_usleep (1000);
    }
  g_usleep (250000);
  g_assert_cmpint (g_atomic_int_get (count), ==, total);
  for (guint i = 0; i < 4; i++)
    {
      kill (pids[i], SIGKILL);
      test_reap (pids[i], -SIGKILL);
    }
  g_test_message ("%d notifications taken", total);
  munmap (count, 4096);
}

static void
test_handle (void)
{
  g_autoptr (MpLock) lock = mp_lock_new (NULL);
  g_autoptr (MpCondition) condition = mp_condition_new (lock, NULL);
  g_autofree char *handle = mp_shared_get_handle (MP_SHARED (condition));
  g_autoptr (GError) error = NULL;
  g_autoptr (MpShared) same = mp_shared_open (handle, &error);

  g_assert_no_error (error);
  acquire (mp_condition_get_lock (MP_CONDITION (same)));
  g_assert_true (mp_lock_is_locked (lock));
  release (lock);
  g_clear_object (&condition);
  g_clear_object (&lock);
  acquire (mp_condition_get_lock (MP_CONDITION (same)));
  release (mp_condition_get_lock (MP_CONDITION (same)));
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  add_family_case ("/lock/basic", test_lock);
  add_family_case ("/lock/threads", test_threads);
  add_family_case ("/lock/rlock", test_rlock);
  add_family_case ("/lock/exclusion", test_exclusion);
  add_family_case ("/lock/abandoned", test_abandoned);
  add_family_case ("/lock/cancel", test_cancel);
  add_family_case ("/condition/basic", test_condition);
  add_family_case ("/condition/notify", test_notify);
  add_family_case ("/condition/exactness", test_exactness);
  add_family_case ("/condition/handle", test_handle);

  return g_test_run ();
}
