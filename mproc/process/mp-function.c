/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The registry of functions by name, and the call of a function however it was named.
 *
 * There is one registry per process; a forked child inherits a copy, with what the functions'
 * data were at that time. Any thread may register and call. The lock is held only to look a name
 * up, never while a function runs, and over a fork, so that the child finds it free.
 */

#include "config.h"

#include "mproc/process/mp-function-private.h"

#include <pthread.h>

#include "mproc/base/mp-at-fork-private.h"

typedef struct
{
  MpNamedFunc func;
  gpointer user_data;
  GDestroyNotify notify;
} NamedFunction;

static GMutex registry_lock;
static GHashTable *registry;

static void
named_function_clear (gpointer data)
{
  NamedFunction *named = data;

  if (named->notify != NULL)
    named->notify (named->user_data);
}

static void
named_function_unref (NamedFunction *named)
{
  g_atomic_rc_box_release_full (named, named_function_clear);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (NamedFunction, named_function_unref)

static void
lock_registry (void)
{
  g_mutex_lock (&registry_lock);
}

void
mp_function_unlock (void)
{
  g_mutex_unlock (&registry_lock);
}

MP_AT_FORK static void
reset_registry (void)
{
  mp_mutex_reset (&registry_lock);
}

void
mp_function_lock (void)
{
  static gsize done;

  if (g_once_init_enter (&done))
    {
      registry = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
      pthread_atfork (lock_registry, mp_function_unlock, reset_registry);
      g_once_init_leave (&done, 1);
    }

  lock_registry ();
}

static NamedFunction *
look_up (const char *name)
{
  NamedFunction *named;

  mp_function_lock ();
  named = g_hash_table_lookup (registry, name);
  if (named != NULL)
    g_atomic_rc_box_acquire (named);
  mp_function_unlock ();

  return named;
}

gboolean
mp_function_is_registered (const char *name)
{
  g_autoptr (NamedFunction) named = look_up (name);

  return named != NULL;
}

/* A worker may be of another language or program: say what can be done about that. */
static GVariant *
call_named (const guint8  *function,
            gsize          size,
            GVariant      *argument,
            GError       **error)
{
  g_autofree char *name = g_strndup ((const char *) function, size);
  g_autoptr (NamedFunction) named = look_up (name);

  if (named != NULL)
    return named->func (argument, named->user_data, error);

  g_set_error (error, MP_ERROR, MP_ERROR_NO_SUCH_FUNCTION,
               "No function is registered under the name “%s” in this worker; register it before "
               "the worker is forked, or in the worker's own program",
               name);
  return NULL;
}

static GVariant *
call_symbol (const guint8  *function,
             gsize          size,
             GVariant      *argument,
             GError       **error)
{
  MpTaskFunc func = mp_function_resolve (function, size, error);

  return func != NULL ? func (argument, error) : NULL;
}

static GVariant *
call (guint          kind,
      const guint8  *function,
      gsize          size,
      GVariant      *argument,
      GError       **error)
{
  switch (kind)
    {
    case MP_FUNCTION_NAMED:
      return call_named (function, size, argument, error);
    case MP_FUNCTION_SYMBOL:
      return call_symbol (function, size, argument, error);
    default:
      g_set_error (error, MP_ERROR, MP_ERROR_NOT_SUPPORTED,
                   "This worker runs functions of C and Vala only, not of kind %u", kind);
      return NULL;
    }
}

/* Whatever the function gave: a result that is not floating, or an error. */
static GVariant *
settle (GVariant  *returned,
        GError    *own_error,
        GError   **error)
{
  g_autoptr (GVariant) result = returned != NULL ? g_variant_take_ref (returned) : NULL;

  if (own_error != NULL)
    {
      g_propagate_error (error, own_error);
      return NULL;
    }
  if (result == NULL)
    g_set_error (error, MP_ERROR, MP_ERROR_TASK_FAILED,
                 "The function returned neither a result nor an error");

  return g_steal_pointer (&result);
}

GVariant *
mp_function_call (guint          kind,
                  const guint8  *function,
                  gsize          size,
                  GVariant      *argument,
                  GError       **error)
{
  g_autoptr (GVariant) held = argument != NULL ? g_variant_ref_sink (argument) : NULL;
  GError *own_error = NULL;
  GVariant *result = call (kind, function, size, held, &own_error);

  return settle (result, own_error, error);
}

GVariant *
mp_function_call_func (MpTaskFunc   func,
                       GVariant    *argument,
                       GError     **error)
{
  GError *own_error = NULL;
  GVariant *result = func (argument, &own_error);

  return settle (result, own_error, error);
}

/**
 * mp_function_register:
 * @name: the name
 * @func: (scope notified) (closure user_data) (destroy notify) (nullable): the function, or %NULL
 *   to forget the one of this name
 * @user_data: the data for @func
 * @notify: (nullable): frees @user_data when the function is replaced or forgotten and no call of
 *   it runs any more
 *
 * Makes a function known under a name, in this process and in those forked from it later. A
 * function of the same name is replaced. Workers that exist already do not hear of it.
 *
 * The function may be called from any thread.
 *
 * Since: 0.1
 */
void
mp_function_register (const char     *name,
                      MpNamedFunc     func,
                      gpointer        user_data,
                      GDestroyNotify  notify)
{
  g_autoptr (NamedFunction) former = NULL;
  NamedFunction *named = NULL;

  g_return_if_fail (name != NULL);

  if (func != NULL)
    {
      named = g_atomic_rc_box_new0 (NamedFunction);
      *named = (NamedFunction) { func, user_data, notify };
    }

  mp_function_lock ();
  former = g_hash_table_lookup (registry, name);
  if (named != NULL)
    g_hash_table_replace (registry, g_strdup (name), named);
  else
    g_hash_table_remove (registry, name);
  mp_function_unlock ();
}
