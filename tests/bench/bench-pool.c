/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * What a task of a pool costs in C, beside what its messages cost that go through a queue: a stream
 * of empty tasks beside a stream of messages of 64 bytes, and one task there and back beside one
 * message there and back. The absolute numbers are the machine's; the ratios are what it is for.
 *
 * Each row is measured in turns with its peer, and of each the best turn counts.
 *
 *   bench-pool [--quick]
 */

#include <stdlib.h>
#include <string.h>

#include <mproc/mproc.h>

#define TURNS 5
#define N_WORKERS 2
#define MESSAGE_SIZE 64
#define LEAVE_WORD 'x'

static guint n_streamed = 200000;
static guint n_rounds = 20000;

static double
seconds_since (gint64 began)
{
  return (g_get_monotonic_time () - began) / (double) G_USEC_PER_SEC;
}

G_NORETURN static void
fail (const char   *what,
      const GError *error)
{
  g_printerr ("%s: %s\n", what, error != NULL ? error->message : "failed");
  exit (EXIT_FAILURE);
}

/* ── Queues ─────────────────────────────────────────────────────────────────────────────────── */

static MpQueue *there;
static MpQueue *back;
static MpProcess *consumers[N_WORKERS];

static gboolean
take (MpQueue *queue,
      guint8  *first)
{
  guint encoding;
  guint8 *data;
  gsize size;
  int status;

  do
    status = mp_queue_get_data (queue, 0, -1, &encoding, &data, &size);
  while (status == MP_STATUS_INTERRUPTED);

  if (status != MP_STATUS_OK)
    return FALSE;
  *first = data[0];
  g_free (data);

  return TRUE;
}

static void
put (MpQueue *queue,
     guint8   first)
{
  guint8 message[MESSAGE_SIZE] = { first };

  while (mp_queue_put_data (queue, MP_ENCODING_BYTES, message, sizeof message, -1)
         == MP_STATUS_INTERRUPTED)
    ;
}

/* Counts; answers those that want an answer, and tells at the end of a stream. */
static gboolean
consume (MpProcess *process,
         gpointer   data,
         GError   **error)
{
  guint8 word;

  while (take (there, &word) && word != LEAVE_WORD)
    {
      if (word != 0)
        put (back, word);
    }

  return TRUE;
}

static void
start_consumers (guint n)
{
  g_autoptr (GError) error = NULL;

  there = mp_queue_new (0, &error);
  if (there != NULL)
    back = mp_queue_new (0, &error);
  if (back == NULL)
    fail ("A queue", error);

  for (guint i = 0; i < n; i++)
    {
      consumers[i] = mp_process_new (NULL, consume, NULL, NULL);
      if (!mp_process_start (consumers[i], &error))
        fail ("A consumer", error);
    }
}

static void
stop_consumers (guint n)
{
  for (guint i = 0; i < n; i++)
    put (there, LEAVE_WORD);
  for (guint i = 0; i < n; i++)
    {
      mp_process_join (consumers[i], -1, NULL, NULL);
      g_clear_object (&consumers[i]);
    }
  g_clear_object (&there);
  g_clear_object (&back);
}

static double
stream_messages (void)
{
  gint64 began;
  double took;
  guint8 word;

  start_consumers (N_WORKERS);
  for (guint i = 0; i < N_WORKERS; i++)
    put (there, 1);
  for (guint i = 0; i < N_WORKERS; i++)
    take (back, &word);

  began = g_get_monotonic_time ();
  for (guint i = 0; i < n_streamed; i++)
    put (there, 0);
  put (there, 1);
  take (back, &word);
  took = seconds_since (began);
  stop_consumers (N_WORKERS);

  return took / n_streamed;
}

static double
send_messages_back (void)
{
  gint64 began;
  double took;
  guint8 word;

  start_consumers (1);
  for (guint i = 0; i < 100; i++)
    {
      put (there, 1);
      take (back, &word);
    }

  began = g_get_monotonic_time ();
  for (guint i = 0; i < n_rounds; i++)
    {
      put (there, 1);
      take (back, &word);
    }
  took = seconds_since (began);
  stop_consumers (1);

  return took / n_rounds;
}

/* ── Pools ──────────────────────────────────────────────────────────────────────────────────── */

static GVariant *
do_nothing (GVariant  *argument,
            GError   **error)
{
  return g_variant_ref (argument);
}

static MpPool *
new_pool (guint n_workers)
{
  g_autoptr (GError) error = NULL;
  MpPool *pool = mp_pool_new (n_workers, &error);

  if (pool == NULL)
    fail ("A pool", error);

  return pool;
}

static MpResult *
submit (MpPool *pool)
{
  g_autoptr (GError) error = NULL;
  MpResult *result = mp_pool_submit (pool, do_nothing, NULL, &error);

  if (result == NULL)
    fail ("A task", error);

  return result;
}

static void
finish (MpResult *result)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) value = mp_result_get (result, -1, NULL, &error);

  if (value == NULL)
    fail ("A task", error);
  g_object_unref (result);
}

static void
end (MpPool *pool)
{
  mp_pool_close (pool);
  mp_pool_join (pool, -1, NULL, NULL);
  g_object_unref (pool);
}

static double
stream_tasks (void)
{
  MpPool *pool = new_pool (N_WORKERS);
  MpResult **results = g_new (MpResult *, n_streamed);
  gint64 began;
  double took;

  for (guint i = 0; i < 100; i++)
    finish (submit (pool));

  began = g_get_monotonic_time ();
  for (guint i = 0; i < n_streamed; i++)
    results[i] = submit (pool);
  for (guint i = 0; i < n_streamed; i++)
    finish (results[i]);
  took = seconds_since (began);
  end (pool);
  g_free (results);

  return took / n_streamed;
}

static double
apply_tasks (void)
{
  MpPool *pool = new_pool (1);
  gint64 began;
  double took;

  for (guint i = 0; i < 100; i++)
    finish (submit (pool));

  began = g_get_monotonic_time ();
  for (guint i = 0; i < n_rounds; i++)
    finish (submit (pool));
  took = seconds_since (began);
  end (pool);

  return took / n_rounds;
}

/* ── Rows ───────────────────────────────────────────────────────────────────────────────────── */

typedef struct {
  const char *name;
  double    (*peer) (void);
  double    (*ours) (void);
  double      asked;
} Row;

static const Row rows[] = {
  { "a stream of empty tasks, 2 workers", stream_messages, stream_tasks, 10 },
  { "a task there and back", send_messages_back, apply_tasks, 3 },
};

int
main (int    argc,
      char **argv)
{
  guint turns = TURNS;

  if (argc > 1 && strcmp (argv[1], "--quick") == 0)
    {
      n_streamed = 5000;
      n_rounds = 500;
      turns = 1;
    }

  g_print ("%-36s %12s %12s %8s %10s\n", "", "queue, µs", "pool, µs", "times", "at most");
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      double peer = G_MAXDOUBLE;
      double ours = G_MAXDOUBLE;

      for (guint turn = 0; turn < turns; turn++)
        {
          peer = MIN (peer, rows[i].peer ());
          ours = MIN (ours, rows[i].ours ());
        }
      g_print ("%-36s %12.3f %12.3f %8.2f %10.1f\n", rows[i].name, peer * 1e6, ours * 1e6,
               ours / peer, rows[i].asked);
    }

  return EXIT_SUCCESS;
}
