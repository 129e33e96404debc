/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * A real core file: what lies in the arena, and so may be other processes' secrets, is not in it,
 * while the private memory of the process that died is. Two patterns tell one from the other.
 *
 * Skipped where the system writes no core files, or gives them to a program.
 */

#include "config.h"

#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mproc/memory/mp-block.h"

#define SIZE 65536
#define CORE_MOST (256 << 20)   /* a core with the whole range in it would fill the disk */
#define FACTOR_SHARED 37        /* of the patterns: each byte is its place times that, high part */
#define FACTOR_PRIVATE 53

static guint8
pattern_at (guint factor,
            gsize i)
{
  return (guint8) ((i * factor * 2654435761u) >> 13);
}

static void
fill (guint8 *data,
      guint   factor)
{
  for (gsize i = 0; i < SIZE; i++)
    data[i] = pattern_at (factor, i);
}

static gboolean
contains_pattern (const guint8 *data,
                  gsize         size,
                  guint         factor)
{
  guint8 needle[256];

  for (gsize i = 0; i < sizeof needle; i++)
    needle[i] = pattern_at (factor, 1000 + i);

  return memmem (data, size, needle, sizeof needle) != NULL;
}

static void
die_with_secrets (const char *directory)
{
  struct rlimit limit;
  MpBlock *block;
  guint8 *private_data = g_malloc (SIZE);

  getrlimit (RLIMIT_CORE, &limit);
  limit.rlim_cur = MIN (limit.rlim_max, CORE_MOST);
  setrlimit (RLIMIT_CORE, &limit);
  prctl (PR_SET_DUMPABLE, 1);
  block = mp_block_new (SIZE, NULL);
  if (block == NULL || chdir (directory) != 0)
    _exit (1);
  fill (mp_block_get_data (block, NULL), FACTOR_SHARED);
  fill (private_data, FACTOR_PRIVATE);
  signal (SIGABRT, SIG_DFL);
  raise (SIGABRT);
  _exit (private_data[0]);
}

/* The only file in the directory, or NULL. */
static char *
find_core (const char *directory)
{
  g_autoptr (GDir) dir = g_dir_open (directory, 0, NULL);
  const char *name = dir != NULL ? g_dir_read_name (dir) : NULL;

  return name != NULL ? g_build_filename (directory, name, NULL) : NULL;
}

static void
test_core_dump (void)
{
  g_autofree char *directory = g_dir_make_tmp ("mproc-core-XXXXXX", NULL);
  g_autofree char *path = NULL;
  int status = 0;
  int pid = fork ();

  if (pid == 0)
    die_with_secrets (directory);
  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  g_assert_true (WIFSIGNALED (status));
  g_assert_cmpint (WTERMSIG (status), ==, SIGABRT);

  path = find_core (directory);
  if (path == NULL)
    g_test_skip ("This system writes no core files into the directory of a program");
  else
    {
      g_autoptr (GMappedFile) file = g_mapped_file_new (path, FALSE, NULL);
      const guint8 *data = (const guint8 *) g_mapped_file_get_contents (file);
      gsize size = g_mapped_file_get_length (file);

      g_assert_true (contains_pattern (data, size, FACTOR_PRIVATE));
      g_assert_false (contains_pattern (data, size, FACTOR_SHARED));
      g_unlink (path);
    }
  g_assert_cmpint (g_rmdir (directory), ==, 0);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/core-dump/without-the-arena", test_core_dump);

  return g_test_run ();
}
