/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Workers of one's own: tasks go into one queue, results come out of another.
 */

#include <mproc/mproc.h>
#include <string.h>

#define N_WORKERS 4
#define N_TASKS 15

typedef struct
{
  MpQueue *tasks;
  MpQueue *done;
} Queues;

static char *
do_task (GVariant *task)
{
  const char *name;
  int a, b;

  g_variant_get (task, "(&sii)", &name, &a, &b);

  return g_strdup_printf ("%s(%d, %d) = %d", name, a, b, *name == 'a' ? a + b : a * b);
}

/* Runs in each worker, which has the queues from its parent. A string tells it to stop. */
static gboolean
work (MpProcess  *process,
      gpointer    user_data,
      GError    **error)
{
  Queues *queues = user_data;

  for (;;)
    {
      g_autoptr (GVariant) task = mp_queue_get (queues->tasks, -1, NULL, error);
      g_autofree char *line = NULL;

      if (task == NULL)
        return FALSE;
      if (g_variant_is_of_type (task, G_VARIANT_TYPE_STRING))
        return TRUE;
      line = do_task (task);
      if (!mp_queue_put (queues->done, g_variant_new_string (line), -1, NULL, error))
        return FALSE;
    }
}

static gboolean
give_tasks (MpQueue  *tasks,
            GError  **error)
{
  for (int i = 0; i < N_TASKS; i++)
    {
      GVariant *task = i < 10 ? g_variant_new ("(sii)", "multiply", i, 7)
                              : g_variant_new ("(sii)", "add", i - 10, 8);

      if (!mp_queue_put (tasks, task, -1, NULL, error))
        return FALSE;
    }

  return TRUE;
}

static int
compare (gconstpointer a,
         gconstpointer b)
{
  return strcmp (*(const char **) a, *(const char **) b);
}

/* They come in the order in which they are done. */
static gboolean
print_results (MpQueue  *done,
               GError  **error)
{
  g_autoptr (GPtrArray) lines = g_ptr_array_new_with_free_func (g_free);

  for (int i = 0; i < N_TASKS; i++)
    {
      g_autoptr (GVariant) line = mp_queue_get (done, -1, NULL, error);

      if (line == NULL)
        return FALSE;
      g_ptr_array_add (lines, g_variant_dup_string (line, NULL));
    }

  g_ptr_array_sort (lines, compare);
  for (guint i = 0; i < lines->len; i++)
    g_print ("%s\n", (char *) lines->pdata[i]);

  return TRUE;
}

static gboolean
run (GError **error)
{
  g_autoptr (MpQueue) tasks = mp_queue_new (0, error);
  g_autoptr (MpQueue) done = tasks != NULL ? mp_queue_new (0, error) : NULL;
  Queues queues = { tasks, done };
  MpProcess *workers[N_WORKERS];
  gboolean well = done != NULL && give_tasks (tasks, error);

  for (int i = 0; i < N_WORKERS; i++)
    {
      workers[i] = mp_process_new (NULL, work, &queues, NULL);
      well = well && mp_process_start (workers[i], error);
    }

  well = well && print_results (done, error);
  for (int i = 0; well && i < N_WORKERS; i++)
    well = mp_queue_put (tasks, g_variant_new_string ("STOP"), -1, NULL, error);
  for (int i = 0; i < N_WORKERS; i++)
    {
      well = well && mp_process_join (workers[i], -1, NULL, error) &&
             mp_process_check (workers[i], error);
      g_object_unref (workers[i]);
    }

  return well;
}

int
main (void)
{
  g_autoptr (GError) error = NULL;

  if (run (&error))
    return 0;

  g_printerr ("%s\n", error->message);
  return 1;
}
