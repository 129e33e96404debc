/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * How much goes through queues, pipes, locks, conditions and shared arrays in a moment. Each line
 * is doubled work until it has taken a quarter of a second; with --quick, much less.
 *
 * The work of a round that needs another process is done by a child that is forked for it.
 */

#include <mproc/mproc.h>

#define SIZE 256        /* bytes of a message */

static MpArray *array;
static MpLock *lock, *rlock;
static MpQueue *queue;
static MpConnection *reader, *writer;
static MpCondition *condition;
static guint8 message[SIZE];
static double least = 0.25;     /* seconds */

typedef gboolean (*Work) (gint64   n,
                          GError **error);

/* Prints how often per second @work does what it does n times. */
static gboolean
measure (const char  *name,
         Work         work,
         GError     **error)
{
  double taken = 0;
  gint64 n = 1;

  while (taken < least)
    {
      gint64 begin = g_get_monotonic_time ();

      n *= 2;
      if (!work (n, error))
        return FALSE;
      taken = (g_get_monotonic_time () - begin) / 1e6;
    }
  g_print ("%s: %" G_GINT64_FORMAT " in %.3f s, %.0f per second\n", name, n, taken, n / taken);

  return TRUE;
}

/* Runs one part here and one in another process. */
static gboolean
with_partner (MpProcessFunc   partner,
              Work            here,
              gint64          n,
              GError        **error)
{
  g_autoptr (MpProcess) process = mp_process_new (NULL, partner, &n, NULL);

  return mp_process_start (process, error) && here (n, error) &&
         mp_process_join (process, -1, NULL, error) && mp_process_check (process, error);
}

/* --- In one process ------------------------------------------------------------------------- */

static gboolean
copy_items (gint64   n,
            GError **error)
{
  gboolean well = TRUE;

  for (gint64 i = 0; well && i < n; i++)
    well = mp_array_set_int64 (array, 5, mp_array_get_int64 (array, 6, error), error);

  return well;
}

/* The memory itself: nobody else may write it meanwhile. */
static gboolean
copy_in_place (gint64   n,
               GError **error)
{
  volatile gint32 *items = mp_array_get_data (array, NULL);

  for (gint64 i = 0; i < n; i++)
    items[5] = items[6];

  return TRUE;
}

static gboolean
hold (MpLock  *held,
      gint64   n,
      GError **error)
{
  gboolean well = TRUE;

  for (gint64 i = 0; well && i < n; i++)
    well = mp_lock_acquire (held, -1, NULL, error) && mp_lock_release (held, error);

  return well;
}

static gboolean
hold_lock (gint64   n,
           GError **error)
{
  return hold (lock, n, error);
}

static gboolean
hold_rlock (gint64   n,
            GError **error)
{
  return hold (rlock, n, error);
}

/* --- From one to another -------------------------------------------------------------------- */

static gboolean
fill_queue (MpProcess  *process,
            gpointer    data,
            GError    **error)
{
  gboolean well = TRUE;

  for (gint64 i = 0; well && i < *(gint64 *) data; i++)
    well = mp_queue_put_bytes (queue, message, SIZE, -1, NULL, error);

  return well;
}

static gboolean
empty_queue (gint64   n,
             GError **error)
{
  guint8 buffer[SIZE];
  gboolean well = TRUE;

  for (gint64 i = 0; well && i < n; i++)
    well = mp_queue_get_into (queue, buffer, SIZE, -1, NULL, error) == SIZE;

  return well;
}

static gboolean
use_queue (gint64   n,
           GError **error)
{
  return with_partner (fill_queue, empty_queue, n, error);
}

static gboolean
fill_pipe (MpProcess  *process,
           gpointer    data,
           GError    **error)
{
  gboolean well = TRUE;

  for (gint64 i = 0; well && i < *(gint64 *) data; i++)
    well = mp_connection_send_bytes (writer, message, SIZE, -1, NULL, error);

  return well;
}

static gboolean
empty_pipe (gint64   n,
            GError **error)
{
  guint8 buffer[SIZE];
  gboolean well = TRUE;

  for (gint64 i = 0; well && i < n; i++)
    well = mp_connection_recv_into (reader, buffer, SIZE, -1, NULL, error) == SIZE;

  return well;
}

static gboolean
use_pipe (gint64   n,
          GError **error)
{
  return with_partner (fill_pipe, empty_pipe, n, error);
}

static gboolean
take_turns (gint64   n,
            GError **error)
{
  gboolean well = TRUE;

  for (gint64 i = 0; well && i < n; i++)
    well = mp_condition_notify (condition, 1, error) &&
           mp_condition_wait (condition, -1, NULL, error);

  return well;
}

/* The first to have the condition is the parent, which waits for its partner. */
static gboolean
answer_turns (MpProcess  *process,
              gpointer    data,
              GError    **error)
{
  return mp_condition_acquire (condition, -1, NULL, error) &&
         take_turns (*(gint64 *) data, error) && mp_condition_notify (condition, 1, error) &&
         mp_condition_release (condition, error);
}

static gboolean
wait_first (gint64   n,
            GError **error)
{
  return mp_condition_wait (condition, -1, NULL, error) && take_turns (n, error) &&
         mp_condition_release (condition, error);
}

static gboolean
use_condition (gint64   n,
               GError **error)
{
  return mp_condition_acquire (condition, -1, NULL, error) &&
         with_partner (answer_turns, wait_first, n, error);
}

/* --- All of it ------------------------------------------------------------------------------ */

static gboolean
run (GError **error)
{
  rlock = MP_LOCK (mp_rlock_new (error));
  lock = mp_lock_new (error);
  array = mp_array_new (MP_ELEMENT_TYPE_INT32, 10, error);
  queue = mp_queue_new (0, error);
  condition = mp_condition_new (NULL, error);
  if (rlock == NULL || lock == NULL || array == NULL || queue == NULL || condition == NULL ||
      !mp_pipe_new (FALSE, &reader, &writer, error))
    return FALSE;

  return measure ("array in place", copy_in_place, error) &&
         measure ("array", copy_items, error) &&
         measure ("lock", hold_lock, error) && measure ("rlock", hold_rlock, error) &&
         measure ("queue", use_queue, error) && measure ("pipe", use_pipe, error) &&
         measure ("condition", use_condition, error);
}

int
main (int    argc,
      char **argv)
{
  g_autoptr (GError) error = NULL;

  if (argc > 1 && g_str_equal (argv[1], "--quick"))
    least = 0.02;
  if (run (&error))
    return 0;

  g_printerr ("%s\n", error != NULL ? error->message : "no room for a lock");
  return 1;
}
