/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Two libraries that know functions by the same names, each of which answers with its library's
 * name, WHO. The first registers all of its functions, the second exports one.
 */

#include <mproc/mproc.h>

static GVariant *
answer (GVariant  *argument,
        gpointer   user_data,
        GError   **error)
{
  return g_variant_new_string (user_data);
}

#ifdef EXPORTS
G_MODULE_EXPORT GVariant *work (GVariant  *argument,
                                GError   **error);

GVariant *
work (GVariant  *argument,
      GError   **error)
{
  return answer (argument, (gpointer) WHO, error);
}
#else
static void __attribute__ ((constructor))
register_work (void)
{
  mp_function_register ("work", answer, (gpointer) WHO, NULL);
  mp_function_register ("only", answer, (gpointer) WHO, NULL);
}
#endif

static void __attribute__ ((constructor))
register_both (void)
{
  mp_function_register ("both", answer, (gpointer) WHO, NULL);
}
