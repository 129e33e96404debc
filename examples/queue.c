/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/* A child process sends a greeting through a queue. */

#include <mproc/mproc.h>

/* Runs in the child, which inherits the queue. */
static gboolean
greet (MpProcess  *process,
       gpointer    queue,
       GError    **error)
{
  return mp_queue_put (queue, g_variant_new_string ("hello world"), -1, NULL, error);
}

static gboolean
run (GError **error)
{
  g_autoptr (MpQueue) queue = mp_queue_new (0, error);
  g_autoptr (MpProcess) process = NULL;
  g_autoptr (GVariant) greeting = NULL;

  if (queue == NULL)
    return FALSE;

  process = mp_process_new ("greeter", greet, g_object_ref (queue), g_object_unref);
  if (!mp_process_start (process, error))
    return FALSE;

  greeting = mp_queue_get (queue, -1, NULL, error);
  if (greeting == NULL)
    return FALSE;
  g_print ("%s\n", g_variant_get_string (greeting, NULL));

  return mp_process_join (process, -1, NULL, error);
}

int
main (void)
{
  g_autoptr (GError) error = NULL;

  if (run (&error))
    return 0;

  g_printerr ("queue: %s\n", error->message);
  return 1;
}
