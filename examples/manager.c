/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/* A list that lives in a manager's server, where every process can reach it. */

#include <mproc/mproc.h>

static gboolean
run (GError **error)
{
  g_autoptr (MpManager) manager = mp_manager_new (error);
  g_autoptr (MpListProxy) list = NULL;
  g_autofree char *text = NULL;

  if (manager == NULL)
    return FALSE;

  list = mp_manager_create_list (manager, g_variant_new_parsed ("[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]"),
                                 error);
  if (list == NULL || !mp_list_proxy_reverse (list, error))
    return FALSE;

  text = mp_proxy_to_string (MP_PROXY (list), error);
  if (text == NULL)
    return FALSE;

  g_print ("%s\n", text);
  g_print ("a proxy of type %s, for %" G_GINT64_FORMAT " items in process %d\n",
           G_OBJECT_TYPE_NAME (list), mp_proxy_get_length (MP_PROXY (list), NULL),
           mp_manager_get_pid (manager));

  return TRUE;
}

int
main (void)
{
  g_autoptr (GError) error = NULL;

  if (run (&error))
    return 0;

  g_printerr ("manager: %s\n", error->message);
  return 1;
}
