/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Asks /proc/meminfo and the memory cgroups (version 2, then 1) how much memory is left. Called
 * once per family, by its creator. Everything that cannot be read counts as no limit.
 */

#include "config.h"

#include "mproc/memory/mp-available-private.h"

#include <stdio.h>
#include <string.h>


#define LEAST (G_GUINT64_CONSTANT (64) << 20)

static guint64
meminfo_available (void)
{
  guint64 kib = G_MAXUINT64 >> 10;
  char line[256];
  FILE *file = fopen ("/proc/meminfo", "re");

  if (file == NULL)
    return G_MAXUINT64;

  while (fgets (line, sizeof line, file) != NULL)
    if (sscanf (line, "MemAvailable: %" G_GUINT64_FORMAT, &kib) == 1)
      break;
  fclose (file);

  return kib << 10;
}

static gboolean
read_number (const char *directory,
             const char *name,
             guint64    *value)
{
  g_autofree char *path = g_build_filename (directory, name, NULL);
  g_autofree char *text = NULL;

  return g_file_get_contents (path, &text, NULL, NULL) &&
         sscanf (text, "%" G_GUINT64_FORMAT, value) == 1;
}

/* What the cgroup at @directory and those above it, up to @root, leave. */
static guint64
cgroup_left (const char *root,
             const char *path,
             const char *limit_name,
             const char *usage_name)
{
  g_autofree char *directory = g_build_filename (root, path, NULL);
  guint64 left = G_MAXUINT64;

  while (strlen (directory) >= strlen (root))
    {
      guint64 limit, usage;
      char *slash;

      if (read_number (directory, limit_name, &limit) &&
          read_number (directory, usage_name, &usage))
        left = MIN (left, limit > usage ? limit - usage : 0);
      slash = strrchr (directory, '/');
      if (slash == NULL)
        break;
      *slash = '\0';
    }

  return left;
}

static guint64
cgroups_left (void)
{
  g_autofree char *text = NULL;
  g_auto (GStrv) lines = NULL;
  guint64 left = G_MAXUINT64;

  if (!g_file_get_contents ("/proc/self/cgroup", &text, NULL, NULL))
    return left;

  lines = g_strsplit (text, "\n", -1);
  for (char **line = lines; *line != NULL; line++)
    {
      g_auto (GStrv) fields = g_strsplit (*line, ":", 3);

      if (g_strv_length (fields) != 3)
        continue;
      if (fields[1][0] == '\0')
        left = MIN (left, cgroup_left ("/sys/fs/cgroup", fields[2], "memory.max",
                                       "memory.current"));
      else if (strstr (fields[1], "memory") != NULL)
        left = MIN (left, cgroup_left ("/sys/fs/cgroup/memory", fields[2],
                                       "memory.limit_in_bytes", "memory.usage_in_bytes"));
    }

  return left;
}

guint64
mp_available_memory (void)
{
  return MAX (MIN (meminfo_available (), cgroups_left ()), LEAST);
}
