/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

#include <mproc/mproc.h>

int
main (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MpQueue) queue = mp_queue_new (0, &error);
  g_autoptr (GVariant) value = NULL;

  g_assert_no_error (error);
  g_assert_true (mp_queue_put (queue, g_variant_new_string ("hello"), -1, NULL, &error));
  g_assert_no_error (error);
  value = mp_queue_get (queue, 5, NULL, &error);
  g_assert_no_error (error);
  g_print ("%s from C\n", g_variant_get_string (value, NULL));
  return 0;
}
