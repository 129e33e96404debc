/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * mp-checksum [-j N] PATH...: prints the SHA-256 sums of files, and of all files below folders, in
 * the order of their paths. N processes compute them. `sha256sum -c` accepts the output.
 */

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <mproc/mproc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILES_PER_TASK 16
#define CLEAR "\r\033[K"

static struct { double bytes, bytes_done; gint64 started, shown; } progress;
static const char *clear_out = "", *clear_err = "";    /* if it is a terminal */
static gboolean failed;

/* Runs in a worker, with one path; the result is size, sum, and why there is none. */
static GVariant *
checksum (GVariant *path, GError **error)
{
  g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA256);
  static guint8 buffer[256 * 1024];
  int fd = open (g_variant_get_bytestring (path), O_RDONLY | O_CLOEXEC);
  const char *why = "";
  gint64 size = 0;
  gssize n = fd;

  for (; fd >= 0 && (n = read (fd, buffer, sizeof buffer)) > 0; size += n)
    g_checksum_update (sum, buffer, n);
  if (n < 0)
    why = g_strerror (errno);
  if (fd >= 0)
    close (fd);
  return g_variant_new ("(xss)", size, g_checksum_get_string (sum), why);
}

static void
complain (const char *path, const char *why)
{
  fprintf (stderr, "%smp-checksum: %s: %s\n", clear_err, path, why);
  failed = TRUE;
}

static int
compare (const void *a, const void *b)
{
  return strcmp (*(char *const *) a, *(char *const *) b);
}

/* Adds a file, or the regular files below a folder. Only a link that is an argument is followed. */
static void
find (char *path, GPtrArray *files)
{
  guint first = files->len;
  char *paths[] = { path, NULL };
  FTS *walk = fts_open (paths, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, NULL);

  if (walk == NULL)
    complain (path, g_strerror (errno));
  for (FTSENT *e; walk != NULL && (e = fts_read (walk)) != NULL;)
    if (e->fts_info == FTS_DNR || e->fts_info == FTS_ERR || e->fts_info == FTS_NS)
      complain (e->fts_path, g_strerror (e->fts_errno));
    else if (e->fts_info == FTS_F
             || (e->fts_level == 0 && e->fts_info != FTS_D && e->fts_info != FTS_DP))
      {
        g_ptr_array_add (files, g_strdup (e->fts_path));
        progress.bytes += e->fts_statp->st_size;
      }

  g_clear_pointer (&walk, fts_close);
  if (files->len > first)
    qsort (files->pdata + first, files->len - first, sizeof files->pdata[0], compare);
}

/* What checksum() said of a path. sha256sum, too, puts a backslash before a line whose name is
 * escaped. */
static void
print_result (const char *path, GVariant *result)
{
  g_autoptr (GString) name = g_string_new (path);
  const char *sum, *why;
  gint64 size;

  g_variant_get (result, "(x&s&s)", &size, &sum, &why);
  progress.bytes_done += size;
  g_string_replace (name, "\\", "\\\\", 0);
  g_string_replace (name, "\n", "\\n", 0);
  g_string_replace (name, "\r", "\\r", 0);
  if (*why != '\0')
    complain (path, why);
  else
    printf ("%s%s%s  %s\n", clear_out, g_str_equal (name->str, path) ? "" : "\\", sum, name->str);
}

static void
show_progress (guint done, guint files)
{
  gint64 now = g_get_monotonic_time ();
  double rate = MAX (progress.bytes_done / MAX (now - progress.started, 1), 1e-6);

  if (*clear_err == '\0' || now - progress.shown < G_USEC_PER_SEC / 10)
    return;
  progress.shown = now;
  fprintf (stderr, CLEAR "%u of %u files, %.1f of %.1f MB, %.1f MB/s, %.0f s left", done, files,
           progress.bytes_done / 1e6, progress.bytes / 1e6, rate,
           MAX (progress.bytes - progress.bytes_done, 0) / 1e6 / rate);
}

int
main (int argc, char **argv)
{
  g_autoptr (GPtrArray) files = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (MpPool) pool = NULL;
  g_autoptr (MpResultIterator) results = NULL;
  g_autoptr (GError) error = NULL;
  GVariant *result;
  guint64 jobs = 0;
  gboolean usable = TRUE;

  for (int option; (option = getopt (argc, argv, "j:")) != -1;)
    usable &= option == 'j' && g_ascii_string_to_unsigned (optarg, 10, 0, 1000, &jobs, NULL);
  if (!usable || optind == argc)
    return fputs ("Usage: mp-checksum [-j N] PATH...\n", stderr), 2;

  clear_err = isatty (STDERR_FILENO) ? CLEAR : "";
  clear_out = isatty (STDOUT_FILENO) ? clear_err : "";
  for (int i = optind; i < argc; i++)
    find (argv[i], files);
  progress.started = progress.shown = g_get_monotonic_time ();

  pool = mp_pool_new (jobs, &error);
  if (pool != NULL)
    results = mp_pool_iterate (pool, checksum,
                               g_variant_new_bytestring_array ((const char **) files->pdata,
                                                               files->len),
                               FILES_PER_TASK, TRUE, &error);
  for (guint i = 0; results != NULL; g_variant_unref (result))
    {
      if (!mp_result_iterator_next (results, -1, NULL, &result, &error))
        break;
      print_result (files->pdata[i], result);
      show_progress (++i, files->len);
    }

  if (error != NULL)
    complain ("error", error->message);
  if (fflush (stdout) != 0 || ferror (stdout))
    complain ("stdout", g_strerror (errno));
  fputs (clear_err, stderr);
  return failed;
}
