/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/* A child process answers through a pipe until nobody asks any more. */

#include <mproc/mproc.h>

typedef struct {
  MpConnection *here;
  MpConnection *there;
} Ends;

/* Runs in the child, which has both ends and closes the one that is not its own. */
static gboolean
answer (MpProcess  *process,
        gpointer    data,
        GError    **error)
{
  Ends *ends = data;
  g_autoptr (GError) ended = NULL;

  mp_connection_close (ends->here);
  while (ended == NULL)
    {
      g_autoptr (GVariant) question = mp_connection_recv (ends->there, -1, NULL, &ended);

      if (question != NULL)
        {
          gint32 number = g_variant_get_int32 (question);

          if (!mp_connection_send (ends->there, g_variant_new_int32 (number * number), -1, NULL,
                                   error))
            return FALSE;
        }
    }

  return g_error_matches (ended, MP_ERROR, MP_ERROR_CLOSED);
}

static gboolean
run (Ends    *ends,
     GError **error)
{
  g_autoptr (MpProcess) process = NULL;

  if (!mp_pipe_new (TRUE, &ends->here, &ends->there, error))
    return FALSE;

  process = mp_process_new ("answerer", answer, ends, NULL);
  if (!mp_process_start (process, error))
    return FALSE;
  mp_connection_close (ends->there);

  for (gint32 i = 1; i <= 3; i++)
    {
      g_autoptr (GVariant) answer_to_it = NULL;

      if (!mp_connection_send (ends->here, g_variant_new_int32 (i), -1, NULL, error))
        return FALSE;
      answer_to_it = mp_connection_recv (ends->here, -1, NULL, error);
      if (answer_to_it == NULL)
        return FALSE;
      g_print ("%d\n", g_variant_get_int32 (answer_to_it));
    }

  mp_connection_close (ends->here);
  return mp_process_join (process, -1, NULL, error);
}

int
main (void)
{
  g_autoptr (GError) error = NULL;
  Ends ends = { NULL, NULL };
  gboolean done = run (&ends, &error);

  g_clear_object (&ends.here);
  g_clear_object (&ends.there);
  if (done)
    return 0;

  g_printerr ("connection: %s\n", error->message);
  return 1;
}
