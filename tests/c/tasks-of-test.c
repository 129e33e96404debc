/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Functions that the tests of other languages call: a library, and a program of the same text. Both
 * sum integers and put the sum into a queue; one function is registered, the other is a symbol.
 */

#include <mproc/mproc.h>

G_MODULE_EXPORT GVariant *exported_sum (GVariant  *argument,
                                        GError   **error);

static gint64
get_integer (GVariant *value)
{
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_INT32))
    return g_variant_get_int32 (value);
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_INT64))
    return g_variant_get_int64 (value);

  return (gint64) g_variant_get_double (value);
}

static GVariant *
put_sum (GVariant    *argument,
         const char  *who,
         GError     **error)
{
  g_autoptr (GVariant) first = NULL;
  g_autoptr (MpShared) queue = NULL;
  gint64 sum = 0;

  if (argument == NULL || !g_variant_is_of_type (argument, G_VARIANT_TYPE ("av")))
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "This is no list of values");
      return NULL;
    }

  g_variant_get_child (argument, 0, "v", &first);
  queue = mp_shared_from_variant (first, error);
  if (queue == NULL)
    return NULL;
  for (gsize i = 1; i < g_variant_n_children (argument); i++)
    {
      g_autoptr (GVariant) value = NULL;

      g_variant_get_child (argument, i, "v", &value);
      sum += get_integer (value);
    }
  if (!mp_queue_put (MP_QUEUE (queue), g_variant_new ("(sx)", who, sum), -1, NULL, error))
    return NULL;

  return g_variant_new_int64 (sum);
}

static GVariant *
put_sum_named (GVariant  *argument,
               gpointer   user_data,
               GError   **error)
{
  return put_sum (argument, user_data, error);
}

GVariant *
exported_sum (GVariant  *argument,
              GError   **error)
{
  return put_sum (argument, "symbol", error);
}

static void __attribute__ ((constructor))
register_functions (void)
{
  mp_function_register ("sum", put_sum_named, (gpointer) "registered", NULL);
}

int
main (int    argc,
      char **argv)
{
  g_autoptr (GError) error = NULL;

  if (argc != 3)
    return 2;
  if (mp_process_serve_worker (argv[1], argv[2], &error))
    return 0;

  g_printerr ("%s\n", error->message);
  return 1;
}
