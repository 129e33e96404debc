/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * How many CPUs this process may use. Two things limit that beside the machine: the affinity
 * mask, and the CPU quota of the control groups the process is in. A quota counts on every level,
 * from the process's own group up to the root that can be seen; the smallest is what holds.
 * Both versions of control groups are read, since both may be mounted.
 *
 * Everything here is read anew on each call and keeps no state, so any thread may ask.
 */

#include "config.h"

#include "mproc/process/mp-process-private.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where one hierarchy of control groups is mounted, and which part of it. */
typedef struct
{
  char *directory;
  char *top;
} Mount;

static void
mount_clear (Mount *mount)
{
  g_free (mount->directory);
  g_free (mount->top);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Mount, mount_clear)

static char *
read_text (const char *directory,
           const char *name)
{
  g_autofree char *path = g_build_filename (directory, name, NULL);
  char *text = NULL;

  return g_file_get_contents (path, &text, NULL, NULL) ? text : NULL;
}

/* CPUs as quota / period; 0 for none. */
static double
read_quota_v2 (const char *directory)
{
  g_autofree char *text = read_text (directory, "cpu.max");
  double quota, period;

  if (text == NULL || sscanf (text, "%lf %lf", &quota, &period) != 2 || period <= 0)
    return 0;

  return quota / period;
}

static double
read_quota_v1 (const char *directory)
{
  g_autofree char *quota = read_text (directory, "cpu.cfs_quota_us");
  g_autofree char *period = read_text (directory, "cpu.cfs_period_us");
  double cpus;

  if (quota == NULL || period == NULL || atof (period) <= 0)
    return 0;

  cpus = atof (quota) / atof (period);
  return cpus > 0 ? cpus : 0;
}

/* One line of mountinfo is "id parent dev TOP DIRECTORY options [optional…] - TYPE source
 * OPTIONS". @controller is NULL for version 2. */
static gboolean
parse_mount (Mount      *mount,
             const char *line,
             const char *controller)
{
  g_auto (GStrv) halves = g_strsplit (line, " - ", 2);
  g_auto (GStrv) left = NULL;
  g_auto (GStrv) right = NULL;
  g_auto (GStrv) options = NULL;

  if (g_strv_length (halves) != 2)
    return FALSE;

  left = g_strsplit (halves[0], " ", -1);
  right = g_strsplit (halves[1], " ", -1);
  if (g_strv_length (left) < 5 || g_strv_length (right) < 3)
    return FALSE;

  if (strcmp (right[0], controller == NULL ? "cgroup2" : "cgroup") != 0)
    return FALSE;
  options = g_strsplit (right[2], ",", -1);
  if (controller != NULL && !g_strv_contains ((const char * const *) options, controller))
    return FALSE;

  mount->top = g_strcompress (left[3]);
  mount->directory = g_strcompress (left[4]);
  return TRUE;
}

static gboolean
find_mount (Mount      *mount,
            const char *root,
            const char *controller)
{
  g_autofree char *text = read_text (root, "proc/self/mountinfo");
  g_auto (GStrv) lines = text != NULL ? g_strsplit (text, "\n", -1) : NULL;

  for (char **line = lines; line != NULL && *line != NULL; line++)
    if (parse_mount (mount, *line, controller))
      return TRUE;

  return FALSE;
}

/* A group above what is mounted, as seen from a container, has the mount's top for its own. */
static const char *
below_top (const Mount *mount,
           const char  *group)
{
  gsize length = strlen (mount->top);

  if (strcmp (mount->top, "/") == 0)
    return g_str_has_prefix (group, "/..") ? "/" : group;
  if (g_str_has_prefix (group, mount->top) && (group[length] == '/' || group[length] == '\0'))
    return group + length;

  return "/";
}

static double
smaller (double one,
         double other)
{
  if (one <= 0 || other <= 0)
    return MAX (one, other);

  return MIN (one, other);
}

/* The least quota from @group up to the mount. */
static double
least_quota (const char *root,
             const char *group,
             const char *controller)
{
  g_auto (Mount) mount = { NULL, NULL };
  g_autofree char *path = NULL;
  double least = 0;

  if (!find_mount (&mount, root, controller))
    return 0;

  path = g_strdup (below_top (&mount, group));
  for (;;)
    {
      g_autofree char *directory = g_build_filename (root, mount.directory, path, NULL);
      char *slash = strrchr (path, '/');

      least = smaller (least, controller == NULL ? read_quota_v2 (directory)
                                                 : read_quota_v1 (directory));
      if (slash == NULL)
        return least;
      *slash = '\0';
    }
}

/* Each line of /proc/self/cgroup is "N:CONTROLLERS:GROUP"; version 2 has no controllers. */
double
mp_cpus_get_quota (const char *root)
{
  g_autofree char *text = read_text (root, "proc/self/cgroup");
  g_auto (GStrv) lines = text != NULL ? g_strsplit (text, "\n", -1) : NULL;
  double least = 0;

  for (char **line = lines; line != NULL && *line != NULL; line++)
    {
      g_auto (GStrv) fields = g_strsplit (*line, ":", 3);
      g_auto (GStrv) controllers = NULL;

      if (g_strv_length (fields) != 3)
        continue;

      controllers = g_strsplit (fields[1], ",", -1);
      if (fields[1][0] == '\0')
        least = smaller (least, least_quota (root, fields[2], NULL));
      else if (g_strv_contains ((const char * const *) controllers, "cpu"))
        least = smaller (least, least_quota (root, fields[2], "cpu"));
    }

  return least;
}

/* The mask may be larger than cpu_set_t on big machines: EINVAL then. */
static guint
count_affinity (void)
{
  for (int cpus = CPU_SETSIZE; cpus <= CPU_SETSIZE * 64; cpus *= 2)
    {
      cpu_set_t *set = CPU_ALLOC (cpus);
      gsize size = CPU_ALLOC_SIZE (cpus);
      int count = sched_getaffinity (0, size, set) == 0 ? CPU_COUNT_S (size, set) : 0;

      CPU_FREE (set);
      if (count > 0)
        return count;
    }

  return g_get_num_processors ();
}

/**
 * mp_get_usable_cpus:
 *
 * Counts the CPUs that this process may use: those of its affinity mask, and no more than the
 * quota of its control groups allows, rounded up.
 *
 * Returns: the number of CPUs, at least 1
 *
 * Since: 0.1
 */
guint
mp_get_usable_cpus (void)
{
  guint cpus = count_affinity ();
  double quota = mp_cpus_get_quota ("/");

  if (quota > 0 && quota < cpus)
    cpus = (guint) quota < quota ? (guint) quota + 1 : (guint) quota;

  return MAX (cpus, 1);
}
