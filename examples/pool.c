/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/* Four workers square ten numbers. */

#include <mproc/mproc.h>

/* Runs in a worker. */
static GVariant *
square (GVariant  *number,
        GError   **error)
{
  return g_variant_new_int32 (g_variant_get_int32 (number) * g_variant_get_int32 (number));
}

static void
print_numbers (GVariant *numbers)
{
  GVariantIter iter;
  GVariant *number;
  const char *separator = "[";

  g_variant_iter_init (&iter, numbers);
  while (g_variant_iter_loop (&iter, "v", &number))
    {
      g_print ("%s%d", separator, g_variant_get_int32 (number));
      separator = ", ";
    }
  g_print ("]\n");
}

static gboolean
run (GError **error)
{
  g_autoptr (GVariant) numbers =
    g_variant_ref_sink (g_variant_new_parsed ("[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]"));
  g_autoptr (MpPool) pool = mp_pool_new (4, error);
  g_autoptr (GVariant) squares = NULL;

  if (pool == NULL)
    return FALSE;

  /* Chunks of the size that the pool thinks best, and one second at most. */
  squares = mp_pool_map (pool, square, numbers, 0, 1, NULL, error);
  if (squares == NULL)
    return FALSE;
  print_numbers (squares);

  mp_pool_close (pool);
  return mp_pool_join (pool, -1, NULL, error);
}

int
main (void)
{
  g_autoptr (GError) error = NULL;

  if (run (&error))
    return 0;

  g_printerr ("pool: %s\n", error->message);
  return 1;
}
