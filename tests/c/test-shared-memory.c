/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * MpSharedMemory: anonymous and named, between processes, after deaths, with nothing left of any
 * resource, and with files that somebody else made or spoiled.
 */

#include "config.h"

#include "mproc/data/mp-shared-memory.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "mproc/memory/mp-memory.h"
#include "tests/c/family-common.h"

#define MIB (1u << 20)

static char *own_name;
static const char *own_program;

/* What a child has when it ends is no leak. */
static gpointer volatile kept[3];

static MpSharedMemory *
make (guint64 size)
{
  g_autoptr (GError) error = NULL;
  MpSharedMemory *memory = mp_shared_memory_new (size, &error);

  g_assert_no_error (error);
  return memory;
}

static MpSharedMemory *
make_named (guint64 size)
{
  g_autoptr (GError) error = NULL;
  MpSharedMemory *memory = mp_shared_memory_new_named (own_name, size, &error);

  g_assert_no_error (error);
  return memory;
}

static char *
data_of (MpSharedMemory *memory)
{
  g_autoptr (GError) error = NULL;
  gsize size = 0;
  gpointer data = mp_shared_memory_get_data (memory, &size, &error);

  g_assert_no_error (error);
  g_assert_cmpuint (size, ==, mp_shared_memory_get_size (memory));
  return data;
}

static void
remove_name (void)
{
  g_autoptr (GError) error = NULL;

  mp_shared_memory_unlink (own_name, &error);
  g_assert_no_error (error);
}

static gboolean
is_listed (const char *name)
{
  g_auto (GStrv) names = mp_shared_memory_list (NULL);

  return g_strv_contains ((const char *const *) names, name);
}

static char *
path_of (const char *name)
{
  const char *directory = g_getenv ("MPROC_SHM_DIR");

  return g_strdup_printf ("%s/mproc-%s", directory != NULL ? directory : "/dev/shm", name);
}

static void
assert_refused (const char *name,
                int         code)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MpSharedMemory) memory = mp_shared_memory_open_named (name, &error);

  g_assert_null (memory);
  g_assert_error (error, MP_ERROR, code);
}

/* --- Anonymous ----------------------------------------------------------------------------- */

static void
test_anonymous (void)
{
  g_autoptr (MpSharedMemory) memory = make (100);
  g_autofree char *handle = mp_shared_get_handle (MP_SHARED (memory));
  g_autoptr (MpShared) same = mp_shared_open (handle, NULL);
  char *data = data_of (memory);
  int pid;

  kept[0] = memory;
  kept[1] = same;
  kept[2] = handle;
  g_assert_null (mp_shared_memory_get_name (memory));
  for (guint i = 0; i < 100; i++)
    g_assert_cmpint (data[i], ==, 0);
  strcpy (data, "here");
  g_assert_cmpuint (mp_shared_memory_get_size (MP_SHARED_MEMORY (same)), ==, 100);
  g_assert_cmpstr (data_of (MP_SHARED_MEMORY (same)), ==, "here");

  pid = fork ();
  if (pid == 0)
    {
      strcpy (data_of (memory), "there");
      _exit (0);
    }
  test_reap (pid, 0);
  g_assert_cmpstr (data, ==, "there");
}

/* The heap gives the same memory again: it must not show what was in it. */
static void
test_zeroed_again (void)
{
  for (guint i = 0; i < 20; i++)
    {
      g_autoptr (MpSharedMemory) memory = make (100000);
      char *data = data_of (memory);

      g_assert_cmpint (data[0], ==, 0);
      g_assert_cmpint (memcmp (data, data + 1, 99999), ==, 0);
      memset (data, 0xaa, 100000);
    }
}

static void
test_creator_dies (void)
{
  g_autoptr (MpShared) memory = NULL;
  char handle[128] = "";
  int pid, ready[2];

  g_assert_cmpint (pipe (ready), ==, 0);
  pid = fork ();
  if (pid == 0)
    {
      MpSharedMemory *mine = make (MIB);

      strcpy (data_of (mine), "heritage");
      g_strlcpy (handle, mp_shared_get_handle (MP_SHARED (mine)), sizeof handle);
      g_assert_cmpint (write (ready[1], handle, sizeof handle), ==, sizeof handle);
      for (;;)
        pause ();
    }
  g_assert_cmpint (read (ready[0], handle, sizeof handle), ==, sizeof handle);
  memory = mp_shared_open (handle, NULL);
  g_assert_nonnull (memory);
  kill (pid, SIGKILL);
  test_reap (pid, -SIGKILL);
  mp_memory_trim ();
  g_assert_cmpstr (data_of (MP_SHARED_MEMORY (memory)), ==, "heritage");
  close (ready[0]);
  close (ready[1]);
}

/* What the dead held alone is gone. */
static void
test_all_die (void)
{
  guint64 before;
  int pid;

  mp_memory_trim ();
  before = mp_memory_get_used ();
  for (guint i = 0; i < 5; i++)
    {
      pid = fork ();
      if (pid == 0)
        {
          make (8 * MIB);
          kill (getpid (), SIGKILL);
        }
      test_reap (pid, -SIGKILL);
    }
  mp_memory_trim ();
  g_assert_cmpuint (mp_memory_get_used (), <=, before + MIB);
}

static void
test_close (void)
{
  g_autoptr (MpSharedMemory) memory = make (4 * MIB);
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) view = mp_shared_memory_get_bytes (memory, &error);
  guint64 used = mp_memory_get_used ();

  g_assert_no_error (error);
  g_assert_false (mp_shared_memory_is_closed (memory));
  mp_shared_memory_close (memory);
  mp_shared_memory_close (memory);
  g_assert_true (mp_shared_memory_is_closed (memory));
  g_assert_cmpuint (mp_shared_memory_get_size (memory), ==, 4 * MIB);

  g_assert_null (mp_shared_memory_get_data (memory, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_STATE);
  g_clear_error (&error);
  g_assert_null (mp_shared_memory_get_bytes (memory, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_STATE);

  /* The view keeps it, and nothing else does. */
  g_assert_cmpuint (mp_memory_get_used (), ==, used);
  memset ((gpointer) g_bytes_get_data (view, NULL), 1, 4 * MIB);
  g_clear_pointer (&view, g_bytes_unref);
  g_assert_cmpuint (mp_memory_get_used (), <=, used - 4 * MIB);
}

static void
test_view_outlives_object (void)
{
  MpSharedMemory *memory = make (MIB);
  GBytes *view = mp_shared_memory_get_bytes (memory, NULL);

  g_object_unref (memory);
  memset ((gpointer) g_bytes_get_data (view, NULL), 7, MIB);
  g_bytes_unref (view);
}

static void
test_sizes (void)
{
  const guint64 absurd[] = { 0, G_MAXUINT64, (guint64) G_MAXINT64 + 1 };
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (absurd); i++)
    {
      g_assert_null (mp_shared_memory_new (absurd[i], &error));
      g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_ARGUMENT);
      g_clear_error (&error);
      g_assert_null (mp_shared_memory_new_named (own_name, absurd[i], &error));
      g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_ARGUMENT);
      g_clear_error (&error);
    }
  g_assert_null (mp_shared_memory_new (G_MAXINT64, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_NO_SPACE);
  g_clear_error (&error);
  g_assert_null (mp_shared_memory_new_named (own_name, G_MAXINT64 / 2, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE);
  g_assert_false (is_listed (own_name));
}

static void
test_limit (void)
{
  guint64 limit = mp_memory_get_limit ();
  g_autoptr (GError) error = NULL;
  g_autoptr (MpSharedMemory) memory = NULL;

  mp_memory_set_limit (mp_memory_get_used () + MIB, NULL);
  memory = mp_shared_memory_new (512 * MIB, &error);
  g_assert_null (memory);
  g_assert_error (error, MP_ERROR, MP_ERROR_NO_SPACE);
  mp_memory_set_limit (limit, NULL);
  memory = make (MIB);
  memset (data_of (memory), 1, MIB);
}

/* --- Named --------------------------------------------------------------------------------- */

static void
test_named (void)
{
  g_autoptr (MpSharedMemory) memory = make_named (5000);
  g_autoptr (MpSharedMemory) same = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *path = path_of (own_name);
  struct stat status;

  g_assert_cmpstr (mp_shared_memory_get_name (memory), ==, own_name);
  g_assert_true (is_listed (own_name));
  g_assert_cmpint (stat (path, &status), ==, 0);
  g_assert_cmpint (status.st_mode & 07777, ==, 0600);
  g_assert_null (mp_shared_memory_new_named (own_name, 10, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_EXISTS);
  g_clear_error (&error);

  strcpy (data_of (memory) + 4990, "end");
  same = mp_shared_memory_open_named (own_name, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (mp_shared_memory_get_size (same), ==, 5000);
  g_assert_cmpstr (data_of (same) + 4990, ==, "end");

  remove_name ();
  g_assert_false (is_listed (own_name));
  g_assert_cmpstr (data_of (same) + 4990, ==, "end");
  g_assert_false (mp_shared_memory_unlink (own_name, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
  g_clear_error (&error);
  g_assert_null (mp_shared_memory_open_named (own_name, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
}

static void
test_names (void)
{
  g_autofree char *long_name = g_strnfill (241, 'n');
  g_autofree char *longest = g_strnfill (240, 'n');
  const char *bad[] = { "", "a/b", "/a", "../a", long_name, "bad\xff" };
  const char *good[] = { ".", "..", "a b", "ü", longest };

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_null (mp_shared_memory_new_named (bad[i], 10, &error));
      g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_ARGUMENT);
      assert_refused (bad[i], MP_ERROR_INVALID_ARGUMENT);
      g_clear_error (&error);
      g_assert_false (mp_shared_memory_unlink (bad[i], &error));
      g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_ARGUMENT);
    }
  for (guint i = 0; i < G_N_ELEMENTS (good); i++)
    {
      g_autoptr (MpSharedMemory) memory = mp_shared_memory_new_named (good[i], 10, NULL);

      g_assert_nonnull (memory);
      g_assert_true (is_listed (good[i]));
      g_assert_true (mp_shared_memory_unlink (good[i], NULL));
    }
}

/* It stays when its processes are killed, and any process of the user finds it. */
static void
test_outlives (void)
{
  g_autoptr (MpSharedMemory) memory = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *out = NULL;
  const char *argv[] = { own_program, "--unrelated", own_name, NULL };
  int pid = fork ();
  int status;

  if (pid == 0)
    {
      strcpy (data_of (make_named (MIB)), "still there");
      kill (getpid (), SIGKILL);
    }
  test_reap (pid, -SIGKILL);
  g_assert_true (is_listed (own_name));

  /* A program of its own is another family. */
  g_spawn_sync (NULL, (char **) argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, &out, NULL, &status,
                &error);
  g_assert_no_error (error);
  g_assert_cmpint (status, ==, 0);
  g_assert_cmpstr (out, ==, "still there\n");
  memory = mp_shared_memory_open_named (own_name, NULL);
  g_assert_cmpstr (data_of (memory), ==, "STILL there");
  remove_name ();
}

static int
run_unrelated (const char *name)
{
  g_autoptr (MpSharedMemory) memory = mp_shared_memory_open_named (name, NULL);
  char *data = data_of (memory);

  g_print ("%s\n", data);
  memcpy (data, "STILL", 5);
  return 0;
}

static void
test_named_handle (void)
{
  g_autoptr (MpSharedMemory) memory = make_named (100);
  g_autofree char *handle = mp_shared_get_handle (MP_SHARED (memory));
  g_autoptr (MpShared) same = mp_shared_open (handle, NULL);
  g_autoptr (MpShared) late = NULL;
  g_autoptr (MpSharedMemory) other = NULL;
  g_autoptr (GError) error = NULL;

  strcpy (data_of (memory), "by handle");
  g_assert_cmpstr (mp_shared_memory_get_name (MP_SHARED_MEMORY (same)), ==, own_name);
  g_assert_cmpstr (data_of (MP_SHARED_MEMORY (same)), ==, "by handle");

  /* The name is another's by now: that must not be taken for it. */
  late = mp_shared_open (handle, NULL);
  remove_name ();
  g_assert_null (mp_shared_memory_get_data (MP_SHARED_MEMORY (late), NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
  g_clear_error (&error);
  other = make_named (100);
  g_assert_null (mp_shared_memory_get_data (MP_SHARED_MEMORY (late), NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_NO_SUCH_OBJECT);
  remove_name ();
}

static void
test_spoiled_files (void)
{
  g_autofree char *path = path_of (own_name);
  g_autofree char *garbage = g_strnfill (9000, 'g');
  g_autoptr (MpSharedMemory) memory = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_true (g_file_set_contents (path, "short", -1, NULL));
  assert_refused (own_name, MP_ERROR_INVALID_DATA);
  g_assert_true (g_file_set_contents (path, garbage, 9000, NULL));
  assert_refused (own_name, MP_ERROR_INVALID_DATA);
  g_assert_null (mp_shared_memory_new_named (own_name, 10, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_EXISTS);
  g_clear_error (&error);
  remove_name ();

  memory = make_named (100000);
  g_clear_object (&memory);
  g_assert_cmpint (truncate (path, 50000), ==, 0);
  assert_refused (own_name, MP_ERROR_INVALID_DATA);
  /* With a hole now, which gets its memory when it is opened. */
  g_assert_cmpint (truncate (path, 104096), ==, 0);
  memory = mp_shared_memory_open_named (own_name, &error);
  g_assert_no_error (error);
  memset (data_of (memory), 1, 100000);
  remove_name ();
}

static void
test_odd_files (void)
{
  g_autofree char *path = path_of (own_name);
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (symlink ("/etc/passwd", path), ==, 0);
  assert_refused (own_name, MP_ERROR_INVALID_DATA);
  g_assert_false (is_listed (own_name));
  remove_name ();
  g_assert_cmpint (mkfifo (path, 0600), ==, 0);
  assert_refused (own_name, MP_ERROR_INVALID_DATA);
  remove_name ();
  g_assert_cmpint (mkdir (path, 0700), ==, 0);
  g_assert_null (mp_shared_memory_open_named (own_name, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_IS_DIRECTORY);
  g_clear_error (&error);
  g_assert_cmpint (rmdir (path), ==, 0);

  if (geteuid () != 0)
    return;
  g_object_unref (make_named (100));
  g_assert_cmpint (chown (path, 1, 1), ==, 0);
  assert_refused (own_name, MP_ERROR_INVALID_DATA);
  g_assert_false (is_listed (own_name));
  remove_name ();
}

/* --- Nothing left -------------------------------------------------------------------------- */

typedef void (*Spoil) (void);

static void
limit_to (int    resource,
          rlim_t most)
{
  const struct rlimit limit = { most, most };

  g_assert_cmpint (setrlimit (resource, &limit), ==, 0);
}

static void
spoil_file_size (void)
{
  limit_to (RLIMIT_FSIZE, MIB);
}

static void
spoil_address_space (void)
{
  limit_to (RLIMIT_AS, 64 * MIB);
}

static void
spoil_files (void)
{
  limit_to (RLIMIT_NOFILE, 3);
}

/* In a child that can have no more of something: an error, no signal, and nothing left. */
static void
try_spoiled (Spoil spoil,
             int   code)
{
  int pid;

  g_object_unref (make (1));    /* the arena is there before */
  pid = fork ();
  if (pid == 0)
    {
      g_autoptr (GError) error = NULL;
      MpSharedMemory *memory;

      spoil ();
      memory = mp_shared_memory_new_named (own_name, 8 * MIB, &error);
      if (memory != NULL)
        _exit (1);
      g_assert_error (error, G_IO_ERROR, code);
      _exit (0);
    }
  test_reap (pid, 0);
  g_assert_false (is_listed (own_name));
}

static void
test_limits (void)
{
  try_spoiled (spoil_file_size, g_io_error_from_errno (EFBIG));
  /* Not where a tool needs these for itself. */
  if (g_getenv ("MPROC_TEST_SLOWNESS") != NULL)
    return;
  try_spoiled (spoil_address_space, g_io_error_from_errno (ENOMEM));
  try_spoiled (spoil_files, G_IO_ERROR_TOO_MANY_OPEN_FILES);
}

static void
on_signal (int number G_GNUC_UNUSED)
{
}

/* Somebody who waits for SIGXFSZ of his own still gets it, and only that. */
static void
test_signals_stay (void)
{
  int pid = fork ();

  if (pid == 0)
    {
      sigset_t pending;

      signal (SIGALRM, on_signal);
      ualarm (1000, 1000);
      kept[0] = make_named (64 * MIB);
      memset (data_of (kept[0]), 1, 64 * MIB);
      ualarm (0, 0);
      limit_to (RLIMIT_FSIZE, MIB);
      g_assert_null (mp_shared_memory_new_named ("other", 8 * MIB, NULL));
      sigpending (&pending);
      _exit (sigismember (&pending, SIGXFSZ));
    }
  test_reap (pid, 0);
  remove_name ();
}

static void
test_full_tmpfs (void)
{
  g_autofree char *directory = g_dir_make_tmp ("mproc-test-XXXXXX", NULL);
  g_autoptr (MpSharedMemory) memory = NULL;
  g_autoptr (GError) error = NULL;

  if (mount ("none", directory, "tmpfs", 0, "size=1m") != 0)
    {
      g_rmdir (directory);
      g_test_skip ("no tmpfs can be mounted here");
      return;
    }

  g_setenv ("MPROC_SHM_DIR", directory, TRUE);
  memory = mp_shared_memory_new_named (own_name, 2 * MIB, &error);
  g_assert_null (memory);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE);
  g_clear_error (&error);
  g_assert_false (is_listed (own_name));

  memory = make_named (MIB / 2);
  memset (data_of (memory), 1, MIB / 2);
  g_assert_null (mp_shared_memory_new_named ("second", MIB, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE);
  remove_name ();
  g_clear_object (&memory);
  g_assert_cmpint (umount (directory), ==, 0);
  g_unsetenv ("MPROC_SHM_DIR");
  g_rmdir (directory);
}

static void
test_text (void)
{
  g_autoptr (MpSharedMemory) memory = make_named (10);
  g_autofree char *text = mp_shared_to_string (MP_SHARED (memory));
  g_autofree char *expected = g_strdup_printf ("SharedMemory('%s', size=10)", own_name);
  g_autofree char *closed = NULL;

  g_assert_cmpstr (text, ==, expected);
  mp_shared_memory_close (memory);
  closed = mp_shared_to_string (MP_SHARED (memory));
  g_assert_cmpstr (closed, ==, "<SharedMemory unusable>");
  remove_name ();
}

int
main (int    argc,
      char **argv)
{
  if (argc == 3 && g_str_equal (argv[1], "--unrelated"))
    return run_unrelated (argv[2]);

  g_test_init (&argc, &argv, NULL);
  own_name = g_strdup_printf ("test-%d", getpid ());
  own_program = argv[0];

  add_family_case ("/shared-memory/anonymous", test_anonymous);
  add_family_case ("/shared-memory/zeroed-again", test_zeroed_again);
  add_family_case ("/shared-memory/creator-dies", test_creator_dies);
  add_family_case ("/shared-memory/all-die", test_all_die);
  add_family_case ("/shared-memory/close", test_close);
  add_family_case ("/shared-memory/view-outlives-object", test_view_outlives_object);
  add_family_case ("/shared-memory/sizes", test_sizes);
  add_family_case ("/shared-memory/limit", test_limit);
  add_family_case ("/shared-memory/named", test_named);
  add_family_case ("/shared-memory/names", test_names);
  add_family_case ("/shared-memory/outlives", test_outlives);
  add_family_case ("/shared-memory/named-handle", test_named_handle);
  add_family_case ("/shared-memory/spoiled-files", test_spoiled_files);
  add_family_case ("/shared-memory/odd-files", test_odd_files);
  add_family_case ("/shared-memory/limits", test_limits);
  add_family_case ("/shared-memory/signals-stay", test_signals_stay);
  add_family_case ("/shared-memory/full-tmpfs", test_full_tmpfs);
  add_family_case ("/shared-memory/text", test_text);

  return g_test_run ();
}
