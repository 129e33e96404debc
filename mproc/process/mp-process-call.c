/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Functions by name, in a process of any language.
 *
 * For each language there is a command that runs its workers; a last pair of words says what the
 * worker is to do: "call" and the handle of a queue, in which lies one message that names module
 * and function and holds the argument. A worker of the program itself is that program, run again;
 * there the pair comes through the environment, and mp_process_serve() does what it says.
 *
 *   language   command                                       module
 *   NULL       this program                                  a library, or "" for itself
 *   "native"   LIBEXECDIR/mp-worker                          a library
 *   "python"   python3 -c "…mproc.spawn…"                    a module's name or a file's path
 *   "gjs"      gjs -m PKGDATADIR/worker.js                   a URI or a path
 *
 * A worker that cannot do it says why on standard error, and puts the same text into the queue,
 * where mp_process_check() finds it.
 */

#include "config.h"

#include "mproc/process/mp-process.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mproc/process/mp-function-private.h"
#include "mproc/process/mp-process-private.h"

#define NATIVE_PROGRAM "mp-worker"

/* Under the lock of all processes: what set_worker_command() said. */
static GHashTable *commands;

/* "KIND HANDLE", of a worker that is this program, until mp_process_serve() takes it. */
static char *pending;

/* ── Commands ────────────────────────────────────────────────────────────────────────────────── */

/**
 * mp_process_set_worker_command:
 * @language: a language: `python`, `gjs`, `native`, or one of your own
 * @argv: (array zero-terminated=1) (nullable): the program that runs its workers, and its first
 *   arguments; %NULL for the usual ones
 *
 * Sets which program runs the workers of a language. Two arguments are added: what the worker is
 * to do, and the handle of the queue in which it finds more.
 *
 * Since: 0.1
 */
void
mp_process_set_worker_command (const char         *language,
                               const char * const *argv)
{
  char **copy = g_strdupv ((char **) argv);

  g_return_if_fail (language != NULL);

  mp_process_lock ();
  if (commands == NULL)
    commands = g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
                                      (GDestroyNotify) g_strfreev);
  if (copy != NULL)
    g_hash_table_replace (commands, g_strdup (language), copy);
  else
    g_hash_table_remove (commands, language);
  mp_process_unlock ();
}

static char **
copy_command (const char *language)
{
  char **words;

  mp_process_lock ();
  words = commands != NULL ? g_strdupv (g_hash_table_lookup (commands, language)) : NULL;
  mp_process_unlock ();

  return words;
}

static char **
own_words (void)
{
  g_autofree char *path = g_file_read_link ("/proc/self/exe", NULL);

  return g_strdupv ((char *[]) { path != NULL ? path : (char *) g_get_prgname (), NULL });
}

static char **
native_words (void)
{
  const char *folder = secure_getenv ("MPROC_LIBEXECDIR");
  g_autofree char *path = g_build_filename (folder != NULL ? folder : MP_LIBEXECDIR,
                                            NATIVE_PROGRAM, NULL);

  return g_strdupv ((char *[]) { path, NULL });
}

static char **
python_words (void)
{
  const char *python = secure_getenv ("MPROC_PYTHON");

  return g_strdupv ((char *[]) { (char *) (python != NULL ? python : "python3"), (char *) "-c",
                                 (char *) "from mproc.spawn import main; main()", NULL });
}

/* Installed, the overrides are beside the folder of the library's data. */
static char **
gjs_words (void)
{
  const char *named = secure_getenv ("MPROC_PKGDATADIR");
  const char *folder = named != NULL ? named : MP_PKGDATADIR;
  g_autofree char *above = g_path_get_dirname (folder);
  g_autofree char *overrides = named != NULL ? g_strdup (named)
                                             : g_build_filename (above, "gjs-1.0", NULL);
  g_autofree char *program = g_build_filename (folder, "worker.js", NULL);

  return g_strdupv ((char *[]) { (char *) "gjs", (char *) "-I", overrides, (char *) "-m", program,
                                 NULL });
}

char **
mp_process_worker_words (const char  *language,
                         GError     **error)
{
  char **words = language != NULL ? copy_command (language) : own_words ();

  if (words != NULL)
    return words;
  if (strcmp (language, "native") == 0)
    return native_words ();
  if (strcmp (language, "python") == 0)
    return python_words ();
  if (strcmp (language, "gjs") == 0)
    return gjs_words ();

  g_set_error (error, MP_ERROR, MP_ERROR_NOT_SUPPORTED,
               "There are no workers of the language “%s”: python, gjs and native are known, "
               "others have to be set before", language);
  return NULL;
}

/* ── In the parent ───────────────────────────────────────────────────────────────────────────── */

static void
add_word (char       ***words,
          const char   *word)
{
  guint n = g_strv_length (*words);

  *words = g_renew (char *, *words, n + 2);
  (*words)[n] = g_strdup (word);
  (*words)[n + 1] = NULL;
}

/**
 * mp_process_new_worker:
 * @name: (nullable): the name, or %NULL for a default one
 * @language: (nullable): whose worker it is, or %NULL for this program itself
 * @kind: what the worker is to do: a word that it knows
 * @boot: a queue with what else it has to know
 * @error: return location for an error
 *
 * Makes a process that is a worker, for language bindings. The object holds @boot.
 *
 * Fails with [error@Mp.Error.NOT_SUPPORTED] if nothing is known of the language.
 *
 * Returns: (transfer full): the new process, not started yet; it will be spawned
 *
 * Since: 0.1
 */
MpProcess *
mp_process_new_worker (const char  *name,
                       const char  *language,
                       const char  *kind,
                       MpQueue     *boot,
                       GError     **error)
{
  g_autofree char *handle = NULL;
  MpProcessPrivate *priv;
  MpProcess *self;
  char **words;

  g_return_val_if_fail (kind != NULL && MP_IS_QUEUE (boot), NULL);

  words = mp_process_worker_words (language, error);
  if (words == NULL)
    return NULL;

  handle = mp_shared_get_handle (MP_SHARED (boot));
  self = g_object_new (MP_TYPE_PROCESS, "name", name, NULL);
  priv = mp_process_private (self);
  priv->boot = g_object_ref (boot);
  priv->language = g_strdup (language);
  priv->worker = g_strdup_printf ("%s %s", kind, handle);
  if (language != NULL)
    {
      add_word (&words, kind);
      add_word (&words, handle);
    }
  priv->argv = words;

  return self;
}

/**
 * mp_process_get_worker:
 * @self: a process
 *
 * Gets what the process, a worker, is to do, for language bindings.
 *
 * Returns: (transfer none) (nullable): its kind, a blank, and the handle of the queue with the
 *   rest; %NULL if it is no worker
 *
 * Since: 0.1
 */
const char *
mp_process_get_worker (MpProcess *self)
{
  g_return_val_if_fail (MP_IS_PROCESS (self), NULL);

  return mp_process_private (self)->worker;
}

static GVariant *
make_call (const char *module,
           const char *function,
           GVariant   *argument)
{
  GVariantBuilder builder;

  if (argument == NULL)
    argument = g_variant_new_maybe (G_VARIANT_TYPE_VARIANT, NULL);

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&builder, "{sv}", "module",
                         g_variant_new_string (module != NULL ? module : ""));
  g_variant_builder_add (&builder, "{sv}", "function", g_variant_new_string (function));
  g_variant_builder_add (&builder, "{sv}", "argument", argument);

  return g_variant_builder_end (&builder);
}

/**
 * mp_process_new_function:
 * @name: (nullable): the name of the process, or %NULL for a default one
 * @language: (nullable): the language of the function: `python`, `gjs`, `native` (C, Vala and
 *   others that make libraries), or one set by [func@Mp.Process.set_worker_command]; %NULL for
 *   this program, run again, which then has to call [func@Mp.Process.serve]
 * @module: (nullable): where the function is: the name of a Python module or the path of its
 *   file, the URI or path of a JavaScript module, the name or path of a library; %NULL for a
 *   function that the worker's program registers itself
 * @function: the name under which the module has registered the function, or by which it exports
 *   it
 * @argument: (nullable): the argument; a floating reference is sunk
 * @error: return location for an error
 *
 * Makes a process that will call a function of any language, by name: `function (argument)`.
 *
 * A function of a library has the type #MpTaskFunc, or was registered with
 * [func@Mp.function_register] while the library was loaded. What the function returns is dropped;
 * what it gives as an error is printed, and told by [method@Mp.Process.check].
 *
 * Fails with [error@Mp.Error.NOT_SUPPORTED] if nothing is known of the language, and
 * [error@Mp.Error.NO_SPACE] if the argument does not fit into the shared memory.
 *
 * Returns: (transfer full): the new process, not started yet; it will be spawned
 *
 * Since: 0.1
 */
MpProcess *
mp_process_new_function (const char  *name,
                         const char  *language,
                         const char  *module,
                         const char  *function,
                         GVariant    *argument,
                         GError     **error)
{
  g_autoptr (GVariant) held = argument != NULL ? g_variant_ref_sink (argument) : NULL;
  g_autoptr (MpQueue) boot = NULL;

  g_return_val_if_fail (function != NULL, NULL);

  boot = mp_queue_new (1, error);
  if (boot == NULL ||
      !mp_queue_put (boot, make_call (module, function, held), 0, NULL, error))
    return NULL;

  return mp_process_new_worker (name, language, "call", boot, error);
}

static gboolean
refuse (GError     **error,
        const char  *message)
{
  g_set_error_literal (error, MP_ERROR, MP_ERROR_NOT_SUPPORTED, message);
  return FALSE;
}

static gboolean
check_method (MpProcessPrivate  *priv,
              MpStartMethod      method,
              GError           **error)
{
  if (priv->worker == NULL)
    {
      if (method == (priv->argv != NULL ? MP_START_METHOD_SPAWN : MP_START_METHOD_FORK))
        return TRUE;
      return refuse (error, priv->argv != NULL
        ? "A command can only be spawned"
        : "A function without a name can only be forked: only a copy of this process has it");
    }

  if (method == MP_START_METHOD_FORK)
    return refuse (error,
                   "A function by name is run by a worker, which is no copy of this process");
  if (method == MP_START_METHOD_FORKSERVER && g_strcmp0 (priv->language, "gjs") == 0)
    return refuse (error, "gjs does not survive a fork: it cannot be a fork server");

  return TRUE;
}

/**
 * mp_process_set_start_method:
 * @self: a process
 * @method: how it is to be made
 * @error: return location for an error
 *
 * Sets how the process is made. A function given by its address is forked and a command spawned;
 * there is a choice only for a function by name, which is spawned unless
 * %MP_START_METHOD_FORKSERVER is set here.
 *
 * Fails with [error@Mp.Error.NOT_SUPPORTED] if the process cannot be made so, and
 * [error@Mp.Error.INVALID_STATE] if it was started.
 *
 * Returns: %TRUE if it was set
 *
 * Since: 0.1
 */
gboolean
mp_process_set_start_method (MpProcess      *self,
                             MpStartMethod   method,
                             GError        **error)
{
  MpProcessPrivate *priv = mp_process_private (self);

  g_return_val_if_fail (MP_IS_PROCESS (self), FALSE);

  if (priv->state != MP_PROCESS_NEW)
    {
      g_set_error (error, MP_ERROR, MP_ERROR_INVALID_STATE, "Process %s has been started",
                   priv->name);
      return FALSE;
    }
  if (!check_method (priv, method, error))
    return FALSE;

  priv->by_server = method == MP_START_METHOD_FORKSERVER;

  return TRUE;
}

/* ── In the worker ───────────────────────────────────────────────────────────────────────────── */

/* What was loaded stays. */
static void *
load_library (const char  *module,
              GError     **error)
{
  void *library = dlopen (*module != '\0' ? module : NULL, RTLD_NOW | RTLD_LOCAL);

  if (library == NULL)
    g_set_error (error, MP_ERROR, MP_ERROR_NO_SUCH_FUNCTION, "The library cannot be loaded: %s",
                 dlerror ());

  return library;
}

static GVariant *
call_registered (const char  *function,
                 GVariant    *argument,
                 GError     **error)
{
  return mp_function_call (MP_FUNCTION_NAMED, (const guint8 *) function, strlen (function),
                           argument, error);
}

/* The function that a library (its name or path) has registered or exports; or else, as one that
 * it uses may have done so, that anybody has registered. For the program (""), what is registered
 * goes first. */
GVariant *
mp_process_call_module (const char  *module,
                        const char  *function,
                        GVariant    *argument,
                        GError     **error)
{
  void *library;
  MpTaskFunc func;
  GVariant *result;

  if (*module == '\0' && mp_function_is_registered (function))
    return call_registered (function, argument, error);

  library = load_library (module, error);
  if (library == NULL)
    return NULL;
  if (mp_function_call_of_library (library, function, argument, &result, error))
    return result;

  func = (MpTaskFunc) dlsym (library, function);
  if (func != NULL)
    return mp_function_call_func (func, argument, error);
  if (mp_function_is_registered (function))
    return call_registered (function, argument, error);

  g_set_error (error, MP_ERROR, MP_ERROR_NO_SUCH_FUNCTION,
               "%s has no function “%s”, exported or registered",
               *module != '\0' ? module : "The program", function);
  return NULL;
}

static gboolean
call_as_told (MpQueue  *boot,
              GError  **error)
{
  g_autoptr (GVariant) message = mp_queue_try_get (boot, error);
  g_autoptr (GVariant) argument = NULL;
  g_autoptr (GVariant) result = NULL;
  const char *module, *function;

  if (message == NULL)
    return FALSE;
  if (!g_variant_is_of_type (message, G_VARIANT_TYPE_VARDICT) ||
      !g_variant_lookup (message, "module", "&s", &module) ||
      !g_variant_lookup (message, "function", "&s", &function))
    {
      g_set_error_literal (error, MP_ERROR, MP_ERROR_INVALID_DATA,
                           "What the worker was told names no function");
      return FALSE;
    }

  argument = g_variant_lookup_value (message, "argument", NULL);
  result = mp_process_call_module (module, function, argument, error);

  return result != NULL;
}

/* So that the parent can say why. A queue that is gone has nobody who would ask. */
static void
tell_failure (MpQueue      *boot,
              const GError *error)
{
  mp_queue_try_put (boot, g_variant_new_string (error != NULL ? error->message : "unknown"), NULL);
}

gboolean (*mp_process_serve_pool) (const char  *handle,
                                   GError     **error);

gboolean
mp_process_run_worker (const char  *worker,
                       GError     **error)
{
  g_auto (GStrv) words = g_strsplit (worker, " ", 2);
  g_autoptr (GError) own_error = NULL;
  g_autoptr (MpShared) boot = NULL;

  if (g_strv_length (words) == 2 && strcmp (words[0], "forkserver") == 0)
    {
      mp_process_serve_forks (atoi (words[1]));
      return TRUE;
    }
  if (g_strv_length (words) == 2 && strcmp (words[0], "worker") == 0 &&
      mp_process_serve_pool != NULL)
    return mp_process_serve_pool (words[1], error);
  if (g_strv_length (words) != 2 || strcmp (words[0], "call") != 0)
    {
      g_set_error (error, MP_ERROR, MP_ERROR_NOT_SUPPORTED,
                   "A worker of C cannot do what it was told: %s", worker);
      return FALSE;
    }

  boot = mp_shared_open (words[1], error);
  if (boot == NULL)
    return FALSE;
  if (MP_IS_QUEUE (boot) && call_as_told (MP_QUEUE (boot), &own_error))
    return TRUE;

  tell_failure (MP_QUEUE (boot), own_error);
  g_propagate_error (error, g_steal_pointer (&own_error));

  return FALSE;
}

/**
 * mp_process_serve_worker:
 * @kind: what the worker is to do: `call`, `worker`, or `forkserver`
 * @handle: of the queue with the rest; of the pool; of a fork server, the number of its descriptor
 * @error: return location for an error
 *
 * Does the work of a worker that calls functions of libraries, and those that the program has
 * registered, as processes or as tasks of a pool; for the programs of such workers, which have both
 * words from their command line. The call for a fork server does not return.
 *
 * Fails with [error@Mp.Error.NO_SUCH_FUNCTION] if there is no such library or function,
 * [error@Mp.Error.NOT_SUPPORTED] if there is no such kind, [error@Mp.Error.NO_SUCH_OBJECT] if there
 * is no such queue, and whatever the function fails with.
 *
 * Returns: %TRUE if the function succeeded
 *
 * Since: 0.1
 */
gboolean
mp_process_serve_worker (const char  *kind,
                         const char  *handle,
                         GError     **error)
{
  g_autofree char *worker = NULL;

  g_return_val_if_fail (kind != NULL && handle != NULL, FALSE);

  worker = g_strdup_printf ("%s %s", kind, handle);

  return mp_process_run_worker (worker, error);
}

/* When the library is loaded, in a process that mp_process_spawn() made. */
void
mp_process_set_pending (void)
{
  pending = g_strdup (g_getenv (MP_WORKER_ENVIRONMENT));
  g_unsetenv (MP_WORKER_ENVIRONMENT);
}

gboolean
mp_process_is_bootstrapping (void)
{
  return pending != NULL;
}

/**
 * mp_process_serve:
 *
 * Does what this process was started for, if it is a run of the program for one of its own
 * functions, see [ctor@Mp.Process.new_function]; then the process ends, and the call does not
 * return. In any other process it does nothing.
 *
 * Call it first in `main()`, after you have registered your functions with
 * [func@Mp.function_register], and before any process is started.
 *
 * Since: 0.1
 */
void
mp_process_serve (void)
{
  g_autofree char *worker = g_steal_pointer (&pending);
  g_autoptr (GError) error = NULL;

  if (worker == NULL || mp_process_run_worker (worker, &error))
    {
      if (worker != NULL)
        exit (EXIT_SUCCESS);
      return;
    }

  fprintf (stderr, "Process %s: %s\n", mp_process_get_name (mp_process_get_current ()),
           error != NULL ? error->message : "failed");
  exit (EXIT_FAILURE);
}
