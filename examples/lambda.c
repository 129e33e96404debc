/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * A function with data of its own. Workers are forked from this process: they know each function
 * that was registered before, together with what its data were then.
 */

#include <mproc/mproc.h>

/* Runs in a worker: y ** exponent + y. */
static GVariant *
power_plus (GVariant  *argument,
            gpointer   exponent,
            GError   **error)
{
  int y = g_variant_get_int32 (argument);
  int power = 1;

  for (int i = 0; i < *(int *) exponent; i++)
    power *= y;

  return g_variant_new_int32 (power + y);
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
  g_autoptr (MpPool) pool = NULL;
  g_autoptr (GVariant) sums = NULL;
  int exponent = 2;

  mp_function_register ("power-plus", power_plus, g_memdup2 (&exponent, sizeof exponent), g_free);
  pool = mp_pool_new (4, error);
  if (pool == NULL)
    return FALSE;

  sums = mp_pool_map_named (pool, "power-plus",
                            g_variant_new_parsed ("[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]"),
                            0, -1, NULL, error);
  if (sums == NULL)
    return FALSE;
  print_numbers (sums);

  mp_pool_close (pool);
  return mp_pool_join (pool, -1, NULL, error);
}

int
main (void)
{
  g_autoptr (GError) error = NULL;

  if (run (&error))
    return 0;

  g_printerr ("lambda: %s\n", error->message);
  return 1;
}
