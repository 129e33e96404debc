/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The failures of tasks, from the worker's side to the caller's. A GError keeps its domain and
 * code, so that a caller matches it as if the function had run in its own process; all else
 * becomes MP_ERROR_TASK_FAILED with the exception's type and text, but for what all workers have in
 * common. No state; any thread.
 */

#include "config.h"

#include "mproc/pool/mp-task-error-private.h"

#include <signal.h>

#include "mproc/process/mp-process.h"

static void
add_text (GVariantDict *dict,
          const char   *key,
          const char   *text)
{
  g_autofree char *valid = NULL;

  if (text == NULL)
    return;

  valid = g_utf8_make_valid (text, -1);
  g_variant_dict_insert (dict, key, "s", valid);
}

/* Whether that is its name, without the module. */
static gboolean
is_called (const char *type_name,
           const char *name)
{
  const char *dot = type_name != NULL ? strrchr (type_name, '.') : NULL;

  return g_strcmp0 (dot != NULL ? dot + 1 : type_name, name) == 0;
}

/* What workers of all languages say of what they do not know or cannot write, whatever its name
 * there. */
static void
add_common_code (GVariantDict *dict,
                 const char   *type_name)
{
  static const struct
  {
    const char *name;
    MpError     code;
  } common[] = {
    { "NoSuchFunctionError", MP_ERROR_NO_SUCH_FUNCTION },
    { "NotPlainError", MP_ERROR_NOT_PLAIN },
    { "NotSupportedError", MP_ERROR_NOT_SUPPORTED },
  };

  for (guint i = 0; i < G_N_ELEMENTS (common); i++)
    {
      if (!is_called (type_name, common[i].name))
        continue;
      add_text (dict, "domain", g_quark_to_string (MP_ERROR));
      g_variant_dict_insert (dict, "code", "i", common[i].code);
    }
}

GVariant *
mp_task_error_from_exception (const MpTaskException *exception,
                              int                    pid)
{
  GVariantDict dict;

  g_variant_dict_init (&dict, NULL);
  add_text (&dict, "language", exception->language);
  add_text (&dict, "type", exception->type_name);
  add_text (&dict, "message", exception->message);
  add_text (&dict, "traceback", exception->traceback);
  add_common_code (&dict, exception->type_name);
  if (exception->exception != NULL)
    g_variant_dict_insert_value (&dict, "exception",
                                 g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE,
                                                            exception->exception,
                                                            exception->exception_size, 1));
  if (pid != 0)
    g_variant_dict_insert (&dict, "pid", "i", pid);

  return g_variant_dict_end (&dict);
}

GVariant *
mp_task_error_from_error (const GError *error,
                          int           pid)
{
  GVariantDict dict;

  g_variant_dict_init (&dict, NULL);
  add_text (&dict, "domain", g_quark_to_string (error->domain));
  g_variant_dict_insert (&dict, "code", "i", error->code);
  add_text (&dict, "message", error->message);
  if (pid != 0)
    g_variant_dict_insert (&dict, "pid", "i", pid);

  return g_variant_dict_end (&dict);
}

GVariant *
mp_task_error_from_verdict (const GError *error,
                            int           pid,
                            int           exit_code)
{
  g_autoptr (GVariant) plain = g_variant_ref_sink (mp_task_error_from_error (error, pid));
  GVariantDict dict;

  g_variant_dict_init (&dict, plain);
  if (exit_code != MP_EXIT_CODE_NONE && exit_code != MP_EXIT_CODE_UNKNOWN)
    {
      if (exit_code < 0)
        g_variant_dict_insert (&dict, "signal", "i", -exit_code);
      else
        g_variant_dict_insert (&dict, "exit-code", "i", exit_code);
    }

  return g_variant_dict_end (&dict);
}

gboolean
mp_task_error_is_serialization (const GError *error,
                                GVariant     *details)
{
  const char *type = NULL;

  if (g_error_matches (error, MP_ERROR, MP_ERROR_NOT_PLAIN)
      || g_error_matches (error, MP_ERROR, MP_ERROR_INVALID_DATA))
    return TRUE;

  return g_variant_lookup (details, "type", "&s", &type)
         && (g_str_has_suffix (type, "MaybeEncodingError")
             || g_str_has_suffix (type, "PicklingError"));
}

static const char *
look_up_text (GVariant   *details,
              const char *key)
{
  const char *text = NULL;

  return g_variant_lookup (details, key, "&s", &text) && text[0] != '\0' ? text : NULL;
}

GError *
mp_task_error_to_error (GVariant *details)
{
  const char *domain, *message, *type_name;
  gint32 code;

  if (!g_variant_is_of_type (details, G_VARIANT_TYPE_VARDICT))
    return g_error_new (MP_ERROR, MP_ERROR_TASK_FAILED,
                        "The task failed; its worker described the failure as \"%s\"",
                        g_variant_get_type_string (details));

  domain = look_up_text (details, "domain");
  type_name = look_up_text (details, "type");
  message = look_up_text (details, "message");

  if (domain != NULL && g_variant_lookup (details, "code", "i", &code))
    return g_error_new_literal (g_quark_from_string (domain), code,
                                message != NULL ? message : "The task failed");

  if (type_name != NULL && message != NULL)
    return g_error_new (MP_ERROR, MP_ERROR_TASK_FAILED, "%s: %s", type_name, message);

  if (message == NULL)
    message = type_name != NULL ? type_name : "The task failed";

  return g_error_new_literal (MP_ERROR, MP_ERROR_TASK_FAILED, message);
}

static const char *
signal_name (int number)
{
  static const struct
  {
    int         number;
    const char *name;
  } names[] = {
    { SIGHUP, "SIGHUP" },   { SIGINT, "SIGINT" },   { SIGQUIT, "SIGQUIT" }, { SIGILL, "SIGILL" },
    { SIGTRAP, "SIGTRAP" }, { SIGABRT, "SIGABRT" }, { SIGBUS, "SIGBUS" },   { SIGFPE, "SIGFPE" },
    { SIGKILL, "SIGKILL" }, { SIGUSR1, "SIGUSR1" }, { SIGSEGV, "SIGSEGV" }, { SIGUSR2, "SIGUSR2" },
    { SIGPIPE, "SIGPIPE" }, { SIGALRM, "SIGALRM" }, { SIGTERM, "SIGTERM" }, { SIGXCPU, "SIGXCPU" },
    { SIGXFSZ, "SIGXFSZ" }, { SIGPROF, "SIGPROF" }, { SIGSYS, "SIGSYS" },   { SIGIO, "SIGIO" },
    { SIGVTALRM, "SIGVTALRM" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      if (names[i].number == number)
        return names[i].name;
    }

  return NULL;
}

char *
mp_task_error_describe_exit (int exit_code)
{
  if (exit_code == MP_EXIT_CODE_UNKNOWN || exit_code == MP_EXIT_CODE_NONE)
    return g_strdup ("ended in an unknown way");

  if (exit_code >= 0)
    return g_strdup_printf ("exited with code %d", exit_code);

  if (signal_name (-exit_code) == NULL)
    return g_strdup_printf ("was killed by signal %d", -exit_code);

  return g_strdup_printf ("was killed by signal %d (%s)", -exit_code, signal_name (-exit_code));
}
