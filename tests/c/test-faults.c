/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * What the system refuses: memory, descriptors, address space, slots, time. Each refusal has to be
 * a clear error of the call that met it, nothing may be lost by it, and the object goes on once
 * there is room.
 *
 * Cases that change limits or found families of their own run in a child or in a new program, which
 * is this one with a word after it.
 */

#include "config.h"

#include <fcntl.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "mproc/channel/mp-queue.h"
#include "mproc/memory/mp-block.h"
#include "mproc/memory/mp-family-private.h"
#include "mproc/memory/mp-heap-private.h"
#include "mproc/memory/mp-memory.h"
#include "mproc/memory/mp-recover-private.h"
#include "mproc/sync/mp-barrier.h"
#include "mproc/sync/mp-condition.h"
#include "mproc/sync/mp-semaphore.h"
#include "tests/c/step-common.h"

static const char *self_path;

/* --- The limit ----------------------------------------------------------------------------- */

/* Takes all there is: the blocks of every size, until none can be had. */
static GPtrArray *
use_up (void)
{
  static const gsize sizes[] = { 30 << 20, 1 << 20, 60000, 10000, 3000, 700, 200, 100, 1 };
  GPtrArray *blocks = g_ptr_array_new_with_free_func ((GDestroyNotify) mp_block_unref);

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    for (MpBlock *block; (block = mp_block_new (sizes[i], NULL)) != NULL;)
      g_ptr_array_add (blocks, block);

  return blocks;
}

typedef gboolean (*Call) (MpQueue  *queue,
                          GError  **error);

static gboolean
keep_or_drop (gpointer object)
{
  gboolean made = object != NULL;

  g_clear_object (&object);
  return made;
}

static gboolean
call_put_large (MpQueue  *queue,
                GError  **error)
{
  static const guint8 data[100000];

  return mp_queue_put_bytes (queue, data, sizeof data, 0, NULL, error);
}

/* Until the segments are full. */
static gboolean
call_put_small (MpQueue  *queue,
                GError  **error)
{
  static const guint8 data[1000];

  for (guint i = 0; i < 2000; i++)
    if (!mp_queue_put_bytes (queue, data, sizeof data, 0, NULL, error))
      return FALSE;
  return TRUE;
}

static gboolean
call_new_queue (MpQueue  *queue G_GNUC_UNUSED,
                GError  **error)
{
  return keep_or_drop (mp_queue_new (0, error));
}

static gboolean
call_new_lock (MpQueue  *queue G_GNUC_UNUSED,
               GError  **error)
{
  return keep_or_drop (mp_lock_new (error));
}

static gboolean
call_new_condition (MpQueue  *queue G_GNUC_UNUSED,
                    GError  **error)
{
  return keep_or_drop (mp_condition_new (NULL, error));
}

static gboolean
call_new_semaphore (MpQueue  *queue G_GNUC_UNUSED,
                    GError  **error)
{
  return keep_or_drop (mp_semaphore_new_recoverable (100, error));
}

static gboolean
call_new_barrier (MpQueue  *queue G_GNUC_UNUSED,
                  GError  **error)
{
  return keep_or_drop (mp_barrier_new (100, -1, error));
}

static gboolean
call_new_block (MpQueue  *queue G_GNUC_UNUSED,
                GError  **error)
{
  g_autoptr (MpBlock) block = mp_block_new (5000, error);

  return block != NULL;
}

static const Call calls[] = {
  call_put_large, call_put_small, call_new_queue, call_new_lock, call_new_condition,
  call_new_semaphore, call_new_barrier, call_new_block,
};

static void
drain (MpQueue *queue)
{
  guint8 *data = g_malloc (200000);

  while (mp_queue_get_into (queue, data, 200000, 0, NULL, NULL) >= 0)
    ;
  g_free (data);
}

static void
test_limit (void)
{
  guint64 old = mp_memory_get_limit ();
  g_autoptr (MpQueue) queue = mp_queue_new (0, NULL);
  guint8 byte = 5;

  g_assert_true (mp_queue_put_bytes (queue, &byte, 1, 0, NULL, NULL));
  g_assert_true (mp_memory_set_limit (mp_memory_get_used () + (2 << 20), NULL));
  for (guint i = 0; i < G_N_ELEMENTS (calls); i++)
    {
      g_autoptr (GPtrArray) blocks = use_up ();
      g_autoptr (GError) error = NULL;

      g_assert_false (calls[i](queue, &error));
      g_assert_error (error, MP_ERROR, MP_ERROR_NO_SPACE);
      g_clear_error (&error);
      byte = 0;
      if (i == 0)
        {
          g_assert_cmpint (mp_queue_get_into (queue, &byte, 1, 0, NULL, NULL), ==, 1);
          g_assert_cmpuint (byte, ==, 5);
        }
      g_ptr_array_set_size (blocks, 0);
      drain (queue);
      g_assert_true (mp_memory_set_limit (old, NULL));
      g_assert_true (calls[i](queue, &error));
      g_assert_no_error (error);
      drain (queue);
      mp_memory_trim ();
      g_assert_true (mp_memory_set_limit (mp_memory_get_used () + (2 << 20), NULL));
    }
  g_assert_true (mp_memory_set_limit (old, NULL));
}

/* --- Limits of the process ----------------------------------------------------------------- */

static int
run_self (const char *word)
{
  char *arguments[] = { (char *) self_path, (char *) word, NULL };
  int pid, status = 0;

  g_assert_cmpint (posix_spawn (&pid, self_path, NULL, NULL, arguments, environ), ==, 0);
  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);

  return WIFEXITED (status) ? WEXITSTATUS (status) : -WTERMSIG (status);
}

static void
set_limit (int    resource,
           rlim_t value)
{
  const struct rlimit limit = { value, value };

  g_assert_cmpint (setrlimit (resource, &limit), ==, 0);
}

/* 0 if a queue can be made and used, 1 if there was a clear error instead. */
static int
use_family (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MpQueue) queue = mp_queue_new (0, &error);
  guint8 data[5000] = { 3 };

  if (queue == NULL)
    return error != NULL && error->message[0] != '\0' ? 1 : 2;
  if (!mp_queue_put_bytes (queue, data, sizeof data, 0, NULL, &error))
    return error != NULL ? 1 : 2;

  return mp_queue_get_into (queue, data, sizeof data, 0, NULL, NULL) == sizeof data ? 0 : 2;
}

static int
begin_with_file_size_limit (void)
{
  set_limit (RLIMIT_FSIZE, 256 << 20);
  return use_family ();
}

/* Smaller than any arena: an error, and no SIGXFSZ. */
static int
begin_with_tiny_file_size_limit (void)
{
  set_limit (RLIMIT_FSIZE, 4096);
  return use_family ();
}

static int
begin_with_address_space_limit (void)
{
  set_limit (RLIMIT_AS, (rlim_t) 1 << 30);
  return use_family ();
}

static int
begin_with_tiny_address_space_limit (void)
{
  set_limit (RLIMIT_AS, (rlim_t) 64 << 20);
  return use_family ();
}

/* At the first use: an error; and once there is a descriptor, it works. */
static int
begin_without_descriptors (void)
{
  struct rlimit limit;
  int first;

  getrlimit (RLIMIT_NOFILE, &limit);
  limit.rlim_cur = 3;
  setrlimit (RLIMIT_NOFILE, &limit);
  first = use_family ();
  limit.rlim_cur = 64;
  setrlimit (RLIMIT_NOFILE, &limit);

  return first == 1 && use_family () == 0 ? 1 : 2;
}

static const struct {
  const char *word;
  int       (*run) (void);
  int         expected;
} beginnings[] = {
  { "file-size-limit", begin_with_file_size_limit, 0 },
  { "tiny-file-size-limit", begin_with_tiny_file_size_limit, 1 },
  { "address-space-limit", begin_with_address_space_limit, 0 },
  { "tiny-address-space-limit", begin_with_tiny_address_space_limit, 1 },
  { "no-descriptors", begin_without_descriptors, 1 },
};

static void
test_beginnings (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (beginnings); i++)
    {
      g_test_message ("%s", beginnings[i].word);
      g_assert_cmpint (run_self (beginnings[i].word), ==, beginnings[i].expected);
    }
}

/* In a child that has the arena already. */
static int
run_in_child (int (*work) (void))
{
  int pid = fork ();
  int status = 0;

  if (pid == 0)
    _exit (work ());
  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  mp_recover_sweep ();

  return WIFEXITED (status) ? WEXITSTATUS (status) : -WTERMSIG (status);
}

static int
limit_file_size_later (void)
{
  set_limit (RLIMIT_FSIZE, 4096);
  return use_family ();
}

static int
limit_address_space_later (void)
{
  set_limit (RLIMIT_AS, (rlim_t) 64 << 20);
  return use_family ();
}

static int
limit_descriptors_later (void)
{
  set_limit (RLIMIT_NOFILE, 3);
  return use_family ();
}

static void
test_limits_later (void)
{
  g_assert_true (mp_family_ensure (NULL));
  g_assert_cmpint (run_in_child (limit_file_size_later), ==, 0);
  g_assert_cmpint (run_in_child (limit_address_space_later), ==, 0);
  g_assert_cmpint (run_in_child (limit_descriptors_later), ==, 0);
}

/* --- Slots --------------------------------------------------------------------------------- */

/* All process slots but those in use, marked as this process's as long as @taken has them. */
static GArray *
take_slots (guint8 *table,
            gsize   stride,
            gsize   state_at,
            guint32 n_used,
            guint32 n)
{
  GArray *taken = g_array_new (FALSE, FALSE, sizeof (guint32));

  g_assert_cmpint (mp_arena_populate (mp_arena_offset (table), n * stride), ==, TRUE);
  for (guint32 i = 0; i < n; i++)
    {
      guint64 *state = (guint64 *) (table + i * stride + state_at);

      if (i >= n_used || MP_SLOT_STATE (*state) == MP_SLOT_FREE)
        {
          *state = MP_SLOT_WORD (getpid (), MP_SLOT_GENERATION (*state), MP_SLOT_RESERVED);
          g_array_append_val (taken, i);
        }
    }

  return taken;
}

static void
give_slots (guint8 *table,
            gsize   stride,
            gsize   state_at,
            GArray *taken)
{
  for (guint i = 0; i < taken->len; i++)
    {
      guint32 index = g_array_index (taken, guint32, i);
      guint64 *state = (guint64 *) (table + index * stride + state_at);

      *state = MP_SLOT_WORD (0, MP_SLOT_GENERATION (*state), MP_SLOT_FREE);
    }
  g_array_unref (taken);
}

static gpointer
use_in_thread (gpointer data G_GNUC_UNUSED)
{
  return GINT_TO_POINTER (use_family ());
}

static void
test_thread_slots (void)
{
  MpArenaHeader *header;
  GArray *taken;

  g_assert_true (mp_family_ensure (NULL));
  header = mp_arena.header;
  taken = take_slots ((guint8 *) mp_arena.threads, sizeof (MpThreadSlot),
                      G_STRUCT_OFFSET (MpThreadSlot, state), header->n_threads, MP_MAX_THREADS);
  g_assert_cmpint (GPOINTER_TO_INT (g_thread_join (g_thread_new ("late", use_in_thread, NULL))),
                   ==, 1);
  g_assert_cmpint (use_family (), ==, 0);
  give_slots ((guint8 *) mp_arena.threads, sizeof (MpThreadSlot),
              G_STRUCT_OFFSET (MpThreadSlot, state), taken);
  g_assert_cmpint (GPOINTER_TO_INT (g_thread_join (g_thread_new ("late", use_in_thread, NULL))),
                   ==, 0);
}

/* A child without a slot is cut off, and says so; the parent goes on. */
static void
test_process_slots (void)
{
  MpArenaHeader *header;
  GArray *taken;

  g_assert_true (mp_family_ensure (NULL));
  header = mp_arena.header;
  taken = take_slots ((guint8 *) mp_arena.processes, sizeof (MpProcessSlot),
                      G_STRUCT_OFFSET (MpProcessSlot, state), header->n_processes,
                      MP_MAX_PROCESSES);
  g_assert_cmpint (run_in_child (use_family), ==, 1);
  g_assert_cmpint (use_family (), ==, 0);
  give_slots ((guint8 *) mp_arena.processes, sizeof (MpProcessSlot),
              G_STRUCT_OFFSET (MpProcessSlot, state), taken);
  g_assert_cmpint (run_in_child (use_family), ==, 0);
}

/* Nobody tells the library that these have ended; their slots are used again all the same. */
static void
test_bare_forks (void)
{
  guint32 n_before;

  g_assert_true (mp_family_ensure (NULL));
  n_before = mp_arena.header->n_processes;
  for (int i = 0; i < 1000; i++)
    {
      int pid = fork ();

      if (pid == 0)
        _exit (0);
      g_assert_cmpint (waitpid (pid, NULL, 0), ==, pid);
    }
  g_assert_cmpint (mp_arena.header->n_processes, <, n_before + 800);
  g_assert_cmpint (run_in_child (use_family), ==, 0);
}

/* --- Somebody is stopped ------------------------------------------------------------------- */

/* A child that stops with the guard at @word. */
static int
stop_with (guint32 *word)
{
  int pid = fork ();
  int status = 0;

  if (pid == 0)
    {
      mp_guard_lock (word, NULL, NULL);
      raise (SIGSTOP);
      mp_guard_unlock (word);
      _exit (0);
    }
  g_assert_cmpint (waitpid (pid, &status, WUNTRACED), ==, pid);
  g_assert_true (WIFSTOPPED (status));

  return pid;
}

/* Somebody died, and now it cannot be cleared up. */
static void
leave_a_dead (void)
{
  int pid = fork ();

  if (pid == 0)
    {
      mp_queue_new (0, NULL);
      raise (SIGKILL);
    }
  test_reap (pid, -SIGKILL);
}

static void
check_stopped (guint32 *word)
{
  g_autoptr (MpQueue) queue = mp_queue_new (0, NULL);
  StepUse before = step_measure ();
  static guint8 data[5000];
  int pid;

  g_assert_true (mp_queue_put_bytes (queue, data, sizeof data, 0, NULL, NULL));
  leave_a_dead ();
  pid = stop_with (word);

  /* Each of these would wait for ever if they waited for the one who is stopped. */
  mp_recover_sweep ();
  mp_queue_put_bytes (queue, data, sizeof data, 0.2, NULL, NULL);
  while (mp_queue_get_into (queue, data, sizeof data, 0.2, NULL, NULL) > 0)
    ;

  kill (pid, SIGCONT);
  test_reap (pid, 0);
  g_usleep (600000);            /* nothing is tried for a while after somebody was found stopped */
  mp_recover_sweep ();
  g_assert_true (mp_queue_put_bytes (queue, data, sizeof data, 1, NULL, NULL));
  g_assert_cmpint (mp_queue_get_into (queue, data, sizeof data, 1, NULL, NULL), ==, sizeof data);
  step_assert_nothing_left (before);
}

static void
test_stopped (void)
{
  g_assert_true (mp_family_ensure (NULL));
  check_stopped (&mp_arena.header->classes[MP_N_CLASSES - 5].guard);   /* that of the messages */
  check_stopped (&mp_arena.header->heap_guard);
}

/* --- Other ways to begin and to end -------------------------------------------------------- */

static int
end_in_the_middle (void)
{
  g_autoptr (MpQueue) queue = mp_queue_new (0, NULL);
  g_autoptr (MpLock) lock = mp_lock_new (NULL);

  mp_lock_acquire (lock, 1, NULL, NULL);
  mp_heap_allocate (3000, &mp_self_slot ()->hands[0], NULL);
  _exit (0);
}

static int
fork_again (void)
{
  return run_in_child (use_family) == 0 ? use_family () : 3;
}

static int
vfork_and_spawn (void)
{
  int pid = vfork ();
  int status;

  if (pid == 0)
    {
      execl ("/bin/true", "true", (char *) NULL);
      _exit (9);
    }
  if (waitpid (pid, &status, 0) != pid || !WIFEXITED (status) || WEXITSTATUS (status) != 0)
    return 3;
  if (run_self ("no-word") != 77)
    return 4;

  return use_family ();
}

static void
test_processes (void)
{
  StepUse before;

  g_assert_cmpint (use_family (), ==, 0);
  mp_recover_sweep ();
  before = step_measure ();
  g_assert_cmpint (run_in_child (use_family), ==, 0);
  g_assert_cmpint (run_in_child (fork_again), ==, 0);
  g_assert_cmpint (run_in_child (vfork_and_spawn), ==, 0);
  g_assert_cmpint (run_in_child (end_in_the_middle), ==, 0);
  mp_recover_sweep ();
  step_assert_nothing_left (before);
}

/* The mapping is marked as not to be dumped, in children too; no entry in /dev/shm. */
static gboolean
mapping_has_flag (const char *flag)
{
  g_autofree char *text = NULL;
  const char *mapping, *flags, *end;

  g_assert_true (g_file_get_contents ("/proc/self/smaps", &text, NULL, NULL));
  mapping = strstr (text, "/memfd:mproc");
  g_assert_nonnull (mapping);
  flags = strstr (mapping, "VmFlags:");
  g_assert_nonnull (flags);
  end = strchr (flags, '\n');

  return g_strstr_len (flags, end - flags, flag) != NULL;
}

static int
check_dump_flag (void)
{
  return mapping_has_flag (" dd") ? 0 : 1;
}

static void
test_no_dump (void)
{
  g_assert_true (mp_family_ensure (NULL));
  g_assert_cmpint (check_dump_flag (), ==, 0);
  g_assert_cmpint (run_in_child (check_dump_flag), ==, 0);
}

/* A whole family is killed at once. */
static int
be_killed_with_family (void)
{
  g_autoptr (MpQueue) queue = NULL;

  setpgid (0, 0);
  queue = mp_queue_new (0, NULL);
  for (guint i = 0; i < 4; i++)
    if (fork () == 0)
      for (;;)
        mp_queue_put_bytes (queue, "x", 1, -1, NULL, NULL);
  g_usleep (20000);
  kill (0, SIGKILL);
  return 2;
}

static void
test_nothing_in_files (void)
{
  int before = count_entries ("/dev/shm");

  g_assert_cmpint (run_self ("be-killed"), ==, -SIGKILL);
  g_assert_cmpint (count_entries ("/dev/shm"), <=, before);
}

int
main (int    argc,
      char **argv)
{
  self_path = g_file_read_link ("/proc/self/exe", NULL);
  for (guint i = 0; argc == 2 && i < G_N_ELEMENTS (beginnings); i++)
    if (strcmp (argv[1], beginnings[i].word) == 0)
      return beginnings[i].run ();
  if (argc == 2 && strcmp (argv[1], "be-killed") == 0)
    return be_killed_with_family ();
  if (argc == 2 && strcmp (argv[1], "no-word") == 0)
    return 77;

  g_test_init (&argc, &argv, NULL);

  add_family_case ("/faults/limit", test_limit);
  add_family_case ("/faults/beginnings", test_beginnings);
  add_family_case ("/faults/limits-later", test_limits_later);
  add_family_case ("/faults/thread-slots", test_thread_slots);
  add_family_case ("/faults/process-slots", test_process_slots);
  add_family_case ("/faults/bare-forks", test_bare_forks);
  add_family_case ("/faults/stopped", test_stopped);
  add_family_case ("/faults/processes", test_processes);
  add_family_case ("/faults/no-dump", test_no_dump);
  add_family_case ("/faults/nothing-in-files", test_nothing_in_files);

  return g_test_run ();
}
