/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/* The shop in C of three-languages.py, which starts it. */

#include <mproc/mproc.h>

static GVariant *
answer (GVariant *order)
{
  g_autoptr (GVariant) prices = g_variant_lookup_value (order, "prices", NULL);
  gsize n = g_variant_n_children (prices);
  const char *item = "";
  gint64 pieces = 0;
  double sum = 0;

  g_variant_lookup (order, "item", "&s", &item);
  g_variant_lookup (order, "pieces", "x", &pieces);

  /* A list of floats is "ad"; the empty one has no type that could be told, and is "av". */
  for (gsize i = 0; i < n; i++)
    {
      double price;

      g_variant_get_child (prices, i, "d", &price);
      sum += price;
    }

  return g_variant_new_parsed ("{'item': <%s>, 'sum': <%d>, 'by': <'C'>}", item, sum * pieces);
}

/* Where the other shop is met. The order has to live until this is open. */
static MpBarrier *
get_barrier (GVariant  *order,
             GError   **error)
{
  g_autoptr (GVariant) meet = g_variant_lookup_value (order, "meet", NULL);

  return (MpBarrier *) mp_shared_from_variant (meet, error);
}

/* Until there is an error, or nothing more to do. */
static void
serve (MpQueue  *orders,
       MpQueue  *answers,
       GError  **error)
{
  for (;;)
    {
      g_autoptr (GVariant) order = mp_queue_get (orders, -1, NULL, error);
      g_autoptr (MpBarrier) barrier = NULL;

      if (order == NULL || !g_variant_is_of_type (order, G_VARIANT_TYPE_VARDICT))
        return;

      barrier = get_barrier (order, error);
      if (barrier == NULL ||
          !mp_queue_put (answers, answer (order), -1, NULL, error) ||
          mp_barrier_wait (barrier, -1, NULL, error) < 0)
        return;
    }
}

int
main (int    argc,
      char **argv)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MpShared) orders = argc == 3 ? mp_shared_open (argv[1], &error) : NULL;
  g_autoptr (MpShared) answers = orders != NULL ? mp_shared_open (argv[2], &error) : NULL;

  if (answers != NULL)
    serve (MP_QUEUE (orders), MP_QUEUE (answers), &error);
  if (error == NULL && answers != NULL)
    return 0;

  g_printerr ("three-languages: %s\n", error != NULL ? error->message : "started by the wrong one");
  return 1;
}
