/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Killed at random moments, as in test-kill.c: processes that set, clear and await events, meet at
 * barriers, count in values, and write and read shareable lists.
 */

#include "config.h"

#include "mproc/data/mp-shareable-list.h"
#include "mproc/data/mp-value.h"
#include "mproc/sync/mp-barrier.h"
#include "mproc/sync/mp-event.h"
#include "tests/c/kill-common.h"

typedef void (*Work) (gpointer objects,
                      guint    number);

/* Processes that work until they are killed, one after the other; each is replaced. @number: the
 * how many-th it is. */
static void
soak (Work     work,
      gpointer objects,
      guint32  seed)
{
  g_autoptr (GRand) random = g_rand_new_with_seed (seed);
  int pids[N_PEERS];

  for (guint kills = 0; kills < n_kills () + N_PEERS; kills++)
    {
      int *pid = &pids[kills % N_PEERS];

      if (kills >= N_PEERS)
        {
          g_usleep ((gulong) g_rand_int_range (random, 0, 3000));
          kill_and_reap (*pid);
        }
      *pid = fork ();
      g_assert_cmpint (*pid, >=, 0);
      if (*pid == 0)
        {
          for (;;)
            work (objects, kills);
        }
    }
  for (guint i = 0; i < N_PEERS; i++)
    kill_and_reap (pids[i]);
  mp_recover_sweep ();
}

/* --- Events -------------------------------------------------------------------------------- */

static void
use_event (gpointer event,
           guint    number)
{
  if (number % N_PEERS != 0)
    mp_event_wait (event, 0.02, NULL, NULL);
  else if (!mp_event_set (event, NULL) || !mp_event_clear (event, NULL))
    _exit (1);
}

/* Whoever waits is woken, as ever. */
static void
test_event (void)
{
  g_autoptr (MpEvent) event = mp_event_new (NULL);
  int waiter;

  soak (use_event, event, 20);
  g_assert_true (mp_event_clear (event, NULL));
  g_assert_false (mp_event_wait (event, 0, NULL, NULL));
  waiter = fork ();
  if (waiter == 0)
    _exit (mp_event_wait (event, 20, NULL, NULL) ? 0 : 1);
  g_usleep (5000);
  g_assert_true (mp_event_set (event, NULL));
  test_reap (waiter, 0);
  g_assert_true (mp_event_is_set (event));
}

/* --- Barriers ------------------------------------------------------------------------------ */

/* A round breaks if one of its parties dies; whoever sees that begins anew. */
static void
meet (gpointer barrier,
      guint    number G_GNUC_UNUSED)
{
  g_autoptr (GError) error = NULL;

  if (mp_barrier_wait (barrier, 0.05, NULL, &error) >= 0)
    return;

  /* On a busy machine nobody may come in time. */
  if ((!g_error_matches (error, MP_ERROR, MP_ERROR_BROKEN) &&
       !g_error_matches (error, MP_ERROR, MP_ERROR_TIMED_OUT)) ||
      !mp_barrier_reset (barrier, NULL))
    {
      g_printerr ("At the barrier: %s\n", error->message);
      _exit (1);
    }
}

static void
test_barrier (void)
{
  g_autoptr (MpBarrier) barrier = mp_barrier_new (2, -1, NULL);
  int other;

  soak (meet, barrier, 21);
  g_assert_true (mp_barrier_reset (barrier, NULL));
  g_assert_cmpuint (mp_barrier_get_n_waiting (barrier), ==, 0);
  other = fork ();
  if (other == 0)
    _exit (mp_barrier_wait (barrier, 20, NULL, NULL) >= 0 ? 0 : 1);
  g_assert_cmpint (mp_barrier_wait (barrier, 20, NULL, NULL), >=, 0);
  test_reap (other, 0);
  g_assert_cmpuint (mp_barrier_get_n_waiting (barrier), ==, 0);
}

/* --- Values -------------------------------------------------------------------------------- */

typedef struct {
  MpValue *first;
  MpValue *second;
} Values;

static void
count (gpointer argument,
       guint    number G_GNUC_UNUSED)
{
  Values *values = argument;

  mp_value_add (values->first, 1, NULL);
  mp_value_add (values->second, 1, NULL);
}

/* No count is lost: each of the killed may have counted in the first only. */
static void
test_value (void)
{
  g_autoptr (MpValue) first = mp_value_new (MP_ELEMENT_TYPE_INT64, NULL);
  g_autoptr (MpValue) second = mp_value_new (MP_ELEMENT_TYPE_INT64, NULL);
  Values values = { first, second };
  guint killed = n_killed;
  gint64 lead;

  soak (count, &values, 22);
  killed = n_killed - killed;
  lead = mp_value_get_int64 (first, NULL) - mp_value_get_int64 (second, NULL);
  g_test_message ("counted to %" G_GINT64_FORMAT ", %" G_GINT64_FORMAT " behind, %u killed",
                  mp_value_get_int64 (first, NULL), lead, killed);
  g_assert_cmpint (lead, >=, 0);
  g_assert_cmpint (lead, <=, killed);
  g_assert_cmpint (mp_value_get_int64 (second, NULL), >, killed);
}

/* --- Shareable lists ----------------------------------------------------------------------- */

#define N_ITEMS 3
#define ROOM 200

/* A text tells by its first letter how long it is, and all of its letters are the same. */
static GVariant *
make_text (guint letter)
{
  char text[ROOM + 1] = "";

  memset (text, 'a' + (int) letter, 1 + letter * 7);
  return g_variant_new_string (text);
}

static gboolean
is_whole (GVariant *item)
{
  gsize length;
  const char *text = g_variant_get_string (item, &length);

  for (gsize i = 0; i < length; i++)
    if (text[i] != text[0])
      return FALSE;

  return length == 1 + 7 * (gsize) (text[0] - 'a');
}

static void
write_and_read (gpointer list,
                guint    number)
{
  static guint round;
  g_autoptr (GVariant) item = NULL;

  round++;
  if (!mp_shareable_list_set (list, round % N_ITEMS, make_text ((number + round) % 26), NULL))
    _exit (1);
  item = mp_shareable_list_get (list, (round + 1) % N_ITEMS, NULL);
  if (item == NULL || !is_whole (item))
    _exit (2);
}

static void
test_list (void)
{
  g_autoptr (MpShareableList) list = NULL;
  char text[ROOM + 1] = "";
  GVariantBuilder builder;

  memset (text, 'x', ROOM);
  g_variant_builder_init (&builder, G_VARIANT_TYPE ("av"));
  for (guint i = 0; i < N_ITEMS; i++)
    g_variant_builder_add (&builder, "v", g_variant_new_string (text));
  list = mp_shareable_list_new (g_variant_builder_end (&builder), NULL);
  g_assert_nonnull (list);
  for (guint i = 0; i < N_ITEMS; i++)
    g_assert_true (mp_shareable_list_set (list, i, make_text (i), NULL));

  soak (write_and_read, list, 23);
  for (guint i = 0; i < N_ITEMS; i++)
    {
      g_autoptr (GVariant) item = mp_shareable_list_get (list, i, NULL);
      g_autoptr (GVariant) again = NULL;

      g_assert_true (is_whole (item));
      g_assert_true (mp_shareable_list_set (list, i, make_text (i + 20), NULL));
      again = mp_shareable_list_get (list, i, NULL);
      g_assert_true (is_whole (again));
    }
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  add_kill_case ("/kill/event", test_event);
  add_kill_case ("/kill/barrier", test_barrier);
  add_kill_case ("/kill/value", test_value);
  add_kill_case ("/kill/list", test_list);

  return run_kill_cases ();
}
