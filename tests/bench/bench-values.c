/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * How long the library takes to bring a value from one encoding to another, for bench_values.py and
 * bench_values.js, which ask for it between their own measurements. One line on standard input is
 *
 *   FROM TO TIMES PATH
 *
 * with two numbers of MpEncoding; the file has the encoded value. The answer is a line with the
 * seconds that one conversion took. To a GVariant it goes as a program in C would read it.
 */

#include <mproc/mproc.h>

#include <stdio.h>

static gboolean
convert (MpPayload   *payload,
         MpEncoding   to,
         GError     **error)
{
  if (to == MP_ENCODING_VARIANT)
    {
      g_autoptr (GVariant) value = mp_payload_get_variant (payload, NULL, error);

      return value != NULL;
    }
  else
    {
      g_autoptr (MpPayload) converted = mp_payload_convert (payload, to, error);

      return converted != NULL;
    }
}

static gboolean
measure (int          from,
         int          to,
         guint        times,
         const char  *path,
         GError     **error)
{
  g_autoptr (MpPayload) payload = NULL;
  g_autoptr (GBytes) bytes = NULL;
  char *data;
  gsize size;
  gint64 start;

  if (!g_file_get_contents (path, &data, &size, error))
    return FALSE;

  bytes = g_bytes_new_take (data, size);
  payload = mp_payload_new (from, bytes);
  if (!convert (payload, to, error))
    return FALSE;

  start = g_get_monotonic_time ();
  for (guint i = 0; i < times; i++)
    if (!convert (payload, to, error))
      return FALSE;

  printf ("%.9f\n", (g_get_monotonic_time () - start) / 1e6 / times);
  fflush (stdout);
  return TRUE;
}

int
main (void)
{
  char path[4096];
  unsigned int times;
  int from, to;

  while (scanf ("%d %d %u %4095s", &from, &to, &times, path) == 4)
    {
      g_autoptr (GError) error = NULL;

      if (!measure (from, to, MAX (times, 1), path, &error))
        {
          fprintf (stderr, "bench-values: %s\n", error->message);
          return 1;
        }
    }

  return 0;
}
