/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Every way to have processes wait for each other, and values that they share. The children are
 * forked: they have the objects from their parent, in which these are plain variables.
 */

#include <mproc/mproc.h>

#define PROCESSES 5
#define TURNS 20

static MpValue *number, *most;
static MpArray *squares;
static MpRLock *rlock;
static MpSemaphore *room;
static MpCondition *turn;
static MpEvent *gate;
static MpBarrier *place;
static MpQueue *words, *jobs;

/* Runs the work in several processes at once. */
static gboolean
run (MpProcessFunc   work,
     guint           n,
     GError        **error)
{
  MpProcess *processes[PROCESSES];
  gboolean well = TRUE;

  for (guint i = 0; i < n; i++)
    {
      processes[i] = mp_process_new (NULL, work, GUINT_TO_POINTER (i), NULL);
      well = well && mp_process_start (processes[i], error);
    }
  for (guint i = 0; i < n; i++)
    {
      well = well && mp_process_join (processes[i], -1, NULL, error) &&
             mp_process_check (processes[i], error);
      g_object_unref (processes[i]);
    }

  return well;
}

static gboolean
say (const char  *word,
     GError     **error)
{
  return mp_queue_put (words, g_variant_new_string (word), -1, NULL, error);
}

static char *
hear (GError **error)
{
  g_autoptr (GVariant) word = mp_queue_get (words, 30, NULL, error);

  return word != NULL ? g_variant_dup_string (word, NULL) : NULL;
}

/* Whether what the children said was these two words in turn, @n times the first in a row. */
static gboolean
heard (const char *first,
       const char *second,
       guint       in_a_row)
{
  gboolean well = TRUE;

  for (guint i = 0; i < 2 * PROCESSES; i++)
    {
      g_autofree char *word = hear (NULL);

      well = well && g_strcmp0 (word, i / in_a_row % 2 == 0 ? first : second) == 0;
    }

  return well;
}

/* --- What the children do ------------------------------------------------------------------- */

static gboolean
count (MpProcess  *process,
       gpointer    data,
       GError    **error)
{
  /* An atomic operation: no lock is needed. */
  for (int i = 0; i < 1000; i++)
    mp_value_add (number, 1, NULL);

  return mp_array_set_double (squares, GPOINTER_TO_UINT (data),
                              GPOINTER_TO_UINT (data) * GPOINTER_TO_UINT (data), error);
}

static gboolean
take_twice (MpProcess  *process,
            gpointer    data,
            GError    **error)
{
  MpLock *lock = MP_LOCK (rlock);

  return mp_lock_acquire (lock, -1, NULL, error) && mp_lock_acquire (lock, -1, NULL, error) &&
         say ("in", error) && say ("out", error) &&
         mp_lock_release (lock, error) && mp_lock_release (lock, error);
}

static gboolean
enter_room (MpProcess  *process,
            gpointer    data,
            GError    **error)
{
  gint64 inside, seen;

  if (!mp_semaphore_acquire (room, -1, NULL, error))
    return FALSE;

  inside = mp_value_add (number, 1, NULL) + 1;
  while ((seen = mp_value_get_int64 (most, NULL)) < inside &&
         !mp_value_compare_and_set (most, seen, inside, NULL))
    ;
  g_usleep (20000);
  mp_value_add (number, -1, NULL);

  return mp_semaphore_release (room, error);
}

/* Counts on when the number is even or odd, as it is its turn. */
static gboolean
take_turns (MpProcess  *process,
            gpointer    data,
            GError    **error)
{
  gboolean well = mp_condition_acquire (turn, -1, NULL, error);

  while (well && mp_value_get_int64 (number, NULL) < TURNS)
    {
      if (mp_value_get_int64 (number, NULL) % 2 == GPOINTER_TO_UINT (data))
        {
          mp_value_add (number, 1, NULL);
          well = mp_condition_notify_all (turn, error);
        }
      else
        well = mp_condition_wait (turn, 30, NULL, error);
    }

  return well && mp_condition_release (turn, error);
}

static gboolean
wait_at_gate (MpProcess  *process,
              gpointer    data,
              GError    **error)
{
  return mp_event_wait (gate, 30, NULL, error) && say ("through", error);
}

static gboolean
meet (MpProcess  *process,
      gpointer    data,
      GError    **error)
{
  return say ("come", error) && mp_barrier_wait (place, 30, NULL, error) >= 0 &&
         say ("gone", error);
}

/* A number is a job, a string says that there are no more. */
static gboolean
work_off (MpProcess  *process,
          gpointer    data,
          GError    **error)
{
  for (;;)
    {
      g_autoptr (GVariant) job = mp_queue_get (jobs, -1, NULL, error);

      if (job == NULL || !mp_queue_task_done (jobs, error))
        return FALSE;
      if (g_variant_is_of_type (job, G_VARIANT_TYPE_STRING))
        return TRUE;
    }
}

/* --- What is shown -------------------------------------------------------------------------- */

static gboolean
show_values (GError **error)
{
  if (!run (count, PROCESSES, error))
    return FALSE;

  g_print ("value: %d\narray:", (int) mp_value_get_int64 (number, NULL));
  for (int i = 0; i < PROCESSES; i++)
    g_print (" %g", mp_array_get_double (squares, i, NULL));
  g_print ("\n");

  return mp_value_set_int64 (number, 0, error);
}

static gboolean
show_locks (GError **error)
{
  if (!run (take_twice, PROCESSES, error))
    return FALSE;
  g_print ("rlock: %s\n", heard ("in", "out", 1) ? "yes" : "no");

  if (!run (enter_room, PROCESSES, error))
    return FALSE;
  g_print ("semaphore: never more than three inside: %s\n",
           mp_value_get_int64 (most, NULL) <= 3 ? "yes" : "no");

  if (!run (take_turns, 2, error))
    return FALSE;
  g_print ("condition: %d turns\n", (int) mp_value_get_int64 (number, NULL));

  return TRUE;
}

static gboolean
show_meetings (GError **error)
{
  g_autoptr (MpProcess) waiting = mp_process_new (NULL, wait_at_gate, NULL, NULL);
  g_autofree char *word = NULL;

  if (!mp_process_start (waiting, error))
    return FALSE;
  g_print ("event: nobody through: %s\n", mp_queue_empty (words) ? "yes" : "no");
  if (!mp_event_set (gate, error) || (word = hear (error)) == NULL ||
      !mp_process_join (waiting, -1, NULL, error))
    return FALSE;
  g_print ("event: %s\n", word);

  if (!run (meet, PROCESSES, error))
    return FALSE;
  g_print ("barrier: %s\n", heard ("come", "gone", PROCESSES) ? "yes" : "no");

  return TRUE;
}

static gboolean
show_jobs (GError **error)
{
  for (int i = 0; i < 20; i++)
    if (!mp_queue_put (jobs, g_variant_new_int32 (i), -1, NULL, error))
      return FALSE;
  for (int i = 0; i < 2; i++)
    if (!mp_queue_put (jobs, g_variant_new_string ("no more"), -1, NULL, error))
      return FALSE;
  if (!run (work_off, 2, error) || !mp_queue_join (jobs, 30, NULL, error))
    return FALSE;

  g_print ("joinable queue: all done: %s\n", mp_queue_empty (jobs) ? "yes" : "no");
  return TRUE;
}

static gboolean
make_all (GError **error)
{
  return (number = mp_value_new (MP_ELEMENT_TYPE_INT64, error)) != NULL &&
         (most = mp_value_new (MP_ELEMENT_TYPE_INT64, error)) != NULL &&
         (squares = mp_array_new (MP_ELEMENT_TYPE_DOUBLE, PROCESSES, error)) != NULL &&
         (rlock = mp_rlock_new (error)) != NULL &&
         (room = mp_semaphore_new (3, error)) != NULL &&
         (turn = mp_condition_new (NULL, error)) != NULL &&
         (gate = mp_event_new (error)) != NULL &&
         (place = mp_barrier_new (PROCESSES, -1, error)) != NULL &&
         (words = mp_queue_new (0, error)) != NULL &&
         (jobs = mp_queue_new_joinable (0, error)) != NULL;
}

int
main (void)
{
  g_autoptr (GError) error = NULL;
  gboolean well = make_all (&error) && show_values (&error) && show_locks (&error) &&
                  show_meetings (&error) && show_jobs (&error);

  g_clear_object (&number);
  g_clear_object (&most);
  g_clear_object (&squares);
  g_clear_object (&rlock);
  g_clear_object (&room);
  g_clear_object (&turn);
  g_clear_object (&gate);
  g_clear_object (&place);
  g_clear_object (&words);
  g_clear_object (&jobs);
  if (!well)
    g_printerr ("%s\n", error->message);

  return well ? 0 : 1;
}
