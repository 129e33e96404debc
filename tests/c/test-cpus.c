/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/* How many CPUs may be used: the affinity mask, and quotas in a make-believe /proc and /sys. */

#include "config.h"

#include <sched.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "mproc/process/mp-process-private.h"

static char *root;

static void
put (const char *path,
     const char *text)
{
  g_autofree char *file = g_build_filename (root, path, NULL);
  g_autofree char *folder = g_path_get_dirname (file);

  g_assert_cmpint (g_mkdir_with_parents (folder, 0700), ==, 0);
  g_assert_true (g_file_set_contents (file, text, -1, NULL));
}

static void
remove_tree (const char *path)
{
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *child = g_build_filename (path, name, NULL);

      remove_tree (child);
    }
  g_remove (path);
}

static void
begin (const char *groups,
       const char *mounts)
{
  root = g_dir_make_tmp ("mproc-XXXXXX", NULL);
  put ("proc/self/cgroup", groups);
  put ("proc/self/mountinfo", mounts);
}

static void
end (double expected)
{
  double quota = mp_cpus_get_quota (root);

  remove_tree (root);
  g_clear_pointer (&root, g_free);
  g_assert_cmpfloat_with_epsilon (quota, expected, 0.001);
}

#define V2_MOUNT "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw\n"

static void
test_v2 (void)
{
  begin ("0::/user/app\n", V2_MOUNT);
  put ("sys/fs/cgroup/user/app/cpu.max", "250000 100000\n");
  end (2.5);

  begin ("0::/user/app\n", V2_MOUNT);
  put ("sys/fs/cgroup/user/app/cpu.max", "max 100000\n");
  end (0);
}

static void
test_v2_parents (void)
{
  begin ("0::/user/app/scope\n", V2_MOUNT);
  put ("sys/fs/cgroup/user/app/scope/cpu.max", "400000 100000\n");
  put ("sys/fs/cgroup/user/app/cpu.max", "max 100000\n");
  put ("sys/fs/cgroup/user/cpu.max", "150000 100000\n");
  end (1.5);

  begin ("0::/\n", V2_MOUNT);
  put ("sys/fs/cgroup/cpu.max", "50000 100000\n");
  end (0.5);
}

/* In a container, the mount shows a part of the tree, or the group is said from outside of it. */
static void
test_container (void)
{
  begin ("0::/docker/1234/app\n",
         "30 23 0:26 /docker/1234 /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
  put ("sys/fs/cgroup/app/cpu.max", "300000 100000\n");
  end (3);

  begin ("0::/../../other\n", V2_MOUNT);
  put ("sys/fs/cgroup/cpu.max", "200000 100000\n");
  end (2);
}

static void
test_v1 (void)
{
  begin ("5:memory:/a\n4:cpu,cpuacct:/a/b\n0::/\n",
         "31 23 0:27 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
         "32 23 0:28 / /sys/fs/cgroup/my\\040cpu rw - cgroup cgroup rw,cpu,cpuacct\n");
  put ("sys/fs/cgroup/my cpu/a/b/cpu.cfs_quota_us", "-1\n");
  put ("sys/fs/cgroup/my cpu/a/b/cpu.cfs_period_us", "100000\n");
  put ("sys/fs/cgroup/my cpu/a/cpu.cfs_quota_us", "120000\n");
  put ("sys/fs/cgroup/my cpu/a/cpu.cfs_period_us", "100000\n");
  end (1.2);
}

static void
test_nonsense (void)
{
  begin ("", "");
  end (0);
  begin ("0::\n::\nx\n0::/a", "- cgroup2 -\n1 2 3 / - cgroup2 a b\n" V2_MOUNT);
  put ("sys/fs/cgroup/a/cpu.max", "many CPUs");
  put ("sys/fs/cgroup/cpu.max", "100000 0");
  end (0);

  root = g_strdup ("/no/such/folder");
  g_assert_cmpfloat (mp_cpus_get_quota (root), ==, 0);
  g_clear_pointer (&root, g_free);
}

static void
test_affinity (void)
{
  cpu_set_t all, one;
  guint before = mp_get_usable_cpus ();

  g_assert_cmpuint (before, >=, 1);
  g_assert_cmpuint (before, <=, sysconf (_SC_NPROCESSORS_CONF));

  g_assert_cmpint (sched_getaffinity (0, sizeof all, &all), ==, 0);
  CPU_ZERO (&one);
  for (int cpu = 0; cpu < CPU_SETSIZE && CPU_COUNT (&one) == 0; cpu++)
    if (CPU_ISSET (cpu, &all))
      CPU_SET (cpu, &one);
  g_assert_cmpint (sched_setaffinity (0, sizeof one, &one), ==, 0);
  g_assert_cmpuint (mp_get_usable_cpus (), ==, 1);
  g_assert_cmpint (sched_setaffinity (0, sizeof all, &all), ==, 0);
  g_assert_cmpuint (mp_get_usable_cpus (), ==, before);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/cpus/v2", test_v2);
  g_test_add_func ("/cpus/v2-parents", test_v2_parents);
  g_test_add_func ("/cpus/container", test_container);
  g_test_add_func ("/cpus/v1", test_v1);
  g_test_add_func ("/cpus/nonsense", test_nonsense);
  g_test_add_func ("/cpus/affinity", test_affinity);

  return g_test_run ();
}
