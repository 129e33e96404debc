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
 *
 * A name means the function that was registered last, whoever did. Beside that the registry knows
 * what each library has under a name, for callers who name the library: it is told by where the
 * function's code is.
 */

#include "config.h"

#include "mproc/process/mp-function-private.h"

#include <dlfcn.h>
#include <link.h>
#include <pthread.h>

#include "mproc/base/mp-at-fork-private.h"

typedef struct
{
  MpNamedFunc func;
  gpointer user_data;
  GDestroyNotify notify;
  struct link_map *library;     /* (nullable): what the code is in, if it was loaded from a file */
} NamedFunction;

static GMutex registry_lock;
static GHashTable *registry;    /* name → NamedFunction, as the next one is */
static GHashTable *of_libraries;        /* library and name, see key_of() → NamedFunction */

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
      of_libraries = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
      pthread_atfork (lock_registry, mp_function_unlock, reset_registry);
      g_once_init_leave (&done, 1);
    }

  lock_registry ();
}

/* ── Libraries ───────────────────────────────────────────────────────────────────────────────── */

static char *
key_of (struct link_map *library,
        const char      *name)
{
  return g_strdup_printf ("%p %s", (void *) library, name);
}

/* What a binding makes at run time is in none. */
static struct link_map *
library_of (MpNamedFunc func)
{
  struct link_map *map = NULL;
  Dl_info info;

  return dladdr1 ((void *) func, &info, (void **) &map, RTLD_DL_LINKMAP) != 0 ? map : NULL;
}

/* ── Looking up and calling ──────────────────────────────────────────────────────────────────── */

static NamedFunction *
look_up (GHashTable **table,
         const char  *name)
{
  NamedFunction *named;

  mp_function_lock ();
  named = g_hash_table_lookup (*table, name);
  if (named != NULL)
    g_atomic_rc_box_acquire (named);
  mp_function_unlock ();

  return named;
}

gboolean
mp_function_is_registered (const char *name)
{
  g_autoptr (NamedFunction) named = look_up (&registry, name);

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
  g_autoptr (NamedFunction) named = look_up (&registry, name);

  if (named != NULL)
    return named->func (argument, named->user_data, error);

  g_set_error (error, MP_ERROR, MP_ERROR_NO_SUCH_FUNCTION,
               "No function is registered under the name “%s” in this worker; register it before "
               "the worker is forked, or in the worker's own program, or name its module, too",
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
                   "The workers of this pool run functions of C and Vala: give the name of one, as "
                   "in “libwork.so:function”");
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

gboolean
mp_function_call_of_library (void        *library,
                             const char  *name,
                             GVariant    *argument,
                             GVariant   **result,
                             GError     **error)
{
  g_autoptr (GVariant) held = NULL;
  g_autoptr (NamedFunction) named = NULL;
  g_autofree char *key = NULL;
  struct link_map *map;
  GVariant *returned;
  GError *own_error = NULL;

  if (dlinfo (library, RTLD_DI_LINKMAP, &map) != 0)
    return FALSE;

  key = key_of (map, name);
  named = look_up (&of_libraries, key);
  if (named == NULL)
    return FALSE;

  if (argument != NULL)
    held = g_variant_ref_sink (argument);
  returned = named->func (held, named->user_data, &own_error);
  *result = settle (returned, own_error, error);

  return TRUE;
}

/* ── Registering ─────────────────────────────────────────────────────────────────────────────── */

/* Under the lock. What was there is let go of by the caller, without it. */
static NamedFunction *
replace (GHashTable    *table,
         const char    *name,
         NamedFunction *named)
{
  NamedFunction *former = g_hash_table_lookup (table, name);

  if (named != NULL)
    g_hash_table_replace (table, g_strdup (name), g_atomic_rc_box_acquire (named));
  else
    g_hash_table_remove (table, name);

  return former;
}

static NamedFunction *
named_function_new (MpNamedFunc     func,
                    gpointer        user_data,
                    GDestroyNotify  notify)
{
  NamedFunction *named = g_atomic_rc_box_new0 (NamedFunction);

  *named = (NamedFunction) { func, user_data, notify, library_of (func) };

  return named;
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
 * Makes a function known under a name, in this process and in those forked from it later. Workers
 * that exist already do not hear of it.
 *
 * A function of the same name is replaced. But one that is in another library stays for those who
 * name that library together with the function, as [ctor@Mp.Process.new_function] does.
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
  g_autoptr (NamedFunction) named = NULL;
  g_autoptr (NamedFunction) former = NULL;
  g_autoptr (NamedFunction) former_of_library = NULL;
  struct link_map *library;

  g_return_if_fail (name != NULL);

  if (func != NULL)
    named = named_function_new (func, user_data, notify);

  mp_function_lock ();
  former = replace (registry, name, named);
  library = named != NULL ? named->library : former != NULL ? former->library : NULL;
  if (library != NULL)
    {
      g_autofree char *key = key_of (library, name);

      former_of_library = replace (of_libraries, key, named);
    }
  mp_function_unlock ();
}
