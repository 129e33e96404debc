/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * mp-checksum [-j N] PATH...: prints the SHA-256 sums of files, and of all files below folders, in
 * the order of their paths; N processes compute them. `sha256sum -c` accepts the output.
 */

#include <errno.h>
#include <fts.h>
#include <mproc/mproc.h>
#include <stdio.h>
#include <string.h>

#define FILES_PER_TASK 16

typedef struct { char *path; double size; } File;

static gboolean failed, visible;    /* Is stderr a terminal? */
static double all_bytes, bytes_done;
static gint64 started, shown;

/* Runs in a worker, with one path: its size, its sum, and why there is none. */
static GVariant *
checksum (GVariant  *path,
          GError   **error)
{
  g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA256);
  static guint8 buffer[256 * 1024];
  FILE *file = fopen (g_variant_get_bytestring (path), "re");
  gint64 size = 0;
  gsize n;
  int why = errno;

  if (file == NULL)
    return g_variant_new ("(xss)", size, "", g_strerror (why));

  setvbuf (file, NULL, _IONBF, 0);
  for (errno = 0; (n = fread (buffer, 1, sizeof buffer, file)) > 0; size += n)
    g_checksum_update (sum, buffer, n);
  why = ferror (file) ? errno : 0;
  fclose (file);

  return g_variant_new ("(xss)", size, g_checksum_get_string (sum), why ? g_strerror (why) : "");
}

static void
complain (const char *path, const char *why)
{
  fprintf (stderr, "%smp-checksum: %s%s%s\n", visible ? "\r\033[K" : "", path, *path ? ": " : "", why);
  failed = TRUE;
}

static int
compare (gconstpointer a, gconstpointer b)
{
  return strcmp (((const File *) a)->path, ((const File *) b)->path);
}

/* Adds a file, or the regular files below a folder. Only a link that is an argument is followed. */
static void
find (char *path, GArray *files)
{
  g_autoptr (GArray) found = g_array_new (FALSE, FALSE, sizeof (File));
  FTS *walk = fts_open ((char *[]) { path, NULL }, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, NULL);

  for (FTSENT *e; walk != NULL && (e = fts_read (walk)) != NULL;)
    if (e->fts_info == FTS_DNR || e->fts_info == FTS_ERR || e->fts_info == FTS_NS)
      complain (e->fts_path, g_strerror (e->fts_errno));
    else if (e->fts_info == FTS_F || (e->fts_level == 0 && e->fts_info > FTS_DP))
      g_array_append_vals (found, &(File) { g_strdup (e->fts_path), e->fts_statp->st_size }, 1);
  g_clear_pointer (&walk, fts_close);

  g_array_sort (found, compare);
  g_array_append_vals (files, found->data, found->len);
}
