/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/* A condition says who holds its lock. */

#include <mproc/mproc.h>

static void
print_shared (gpointer shared)
{
  g_autofree char *text = mp_shared_to_string (shared);

  g_print ("%s\n", text);
}

static gboolean
run (GError **error)
{
  g_autoptr (MpCondition) condition = mp_condition_new (NULL, error);

  if (condition == NULL)
    return FALSE;

  print_shared (condition);
  if (!mp_condition_acquire (condition, -1, NULL, error))
    return FALSE;
  print_shared (condition);

  return mp_condition_release (condition, error);
}

int
main (void)
{
  g_autoptr (GError) error = NULL;

  if (run (&error))
    return 0;

  g_printerr ("condition: %s\n", error->message);
  return 1;
}
