/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * How functions are named to the workers. Names that are short enough are put on the board the
 * first time, as long as there is room, and stay there as long as the pool does: so they do not go
 * with each task, which is smaller by that, and a worker knows the function by its number.
 *
 * The pool keeps what it has put there: by address for functions of C, by name for those of
 * bindings. A program often calls the same function again, which is found without the mutex.
 */

#include "config.h"

#include "mproc/pool/mp-pool-private.h"

#include <string.h>

#include "mproc/base/mp-error-private.h"
#include "mproc/process/mp-function-private.h"

/* Under the mutex: puts the name on the board. FALSE if there is no room for it. */
static gboolean
make_known (MpPoolPrivate  *priv,
            MpPoolFunction *function)
{
  MpPoolName *place;

  if (priv->board == NULL || priv->n_known == MP_POOL_FUNCTIONS
      || function->size > sizeof place->name)
    return FALSE;

  place = &priv->board->functions[priv->n_known];
  if (function->size > 0)
    memcpy (place->name, function->name, function->size);
  place->size = function->size;
  function->known = ++priv->n_known;

  return TRUE;
}

/* ── By address ─────────────────────────────────────────────────────────────────────────────── */

/* What the pool keeps of a function that it was given by address. */
struct _MpPoolReference {
  MpTaskFunc     func;
  GBytes        *bytes;
  MpPoolFunction function;
};

void
mp_pool_reference_free (gpointer reference)
{
  MpPoolReference *self = reference;

  g_bytes_unref (self->bytes);
  g_free (self);
}

static MpPoolReference *
new_reference (MpPoolPrivate  *priv,
               MpTaskFunc      func,
               GError        **error)
{
  GBytes *bytes = mp_function_describe (func, error);
  MpPoolReference *self, *other;

  if (bytes == NULL)
    return NULL;

  self = g_new0 (MpPoolReference, 1);
  self->func = func;
  self->bytes = bytes;
  self->function.kind = MP_FUNCTION_SYMBOL;
  self->function.name = g_bytes_get_data (bytes, &self->function.size);

  mp_pool_lock ();
  other = g_hash_table_lookup (priv->references, (gpointer) func);
  if (other == NULL)
    {
      make_known (priv, &self->function);
      g_hash_table_insert (priv->references, (gpointer) func, self);
    }
  mp_pool_unlock ();
  if (other != NULL)
    mp_pool_reference_free (self);

  return other != NULL ? other : self;
}

/* How @func is named elsewhere; the pool keeps it. Mostly it is the one that was asked for last. */
gboolean
mp_pool_function_from_address (MpPool          *self,
                               MpTaskFunc       func,
                               MpPoolFunction  *function,
                               GError         **error)
{
  MpPoolPrivate *priv = mp_pool_get_private (self);
  MpPoolReference *reference = g_atomic_pointer_get (&priv->last_reference);

  if (reference == NULL || reference->func != func)
    {
      mp_pool_lock ();
      reference = g_hash_table_lookup (priv->references, (gpointer) func);
      mp_pool_unlock ();
      if (reference == NULL)
        reference = new_reference (priv, func, error);
      if (reference == NULL)
        return FALSE;
      g_atomic_pointer_set (&priv->last_reference, reference);
    }

  *function = reference->function;

  return TRUE;
}

MpPoolFunction
mp_pool_function_from_name (const char *name)
{
  return (MpPoolFunction) { MP_FUNCTION_NAMED, name, strlen (name), 0 };
}

/* ── By name ────────────────────────────────────────────────────────────────────────────────── */

/* For the table of names: two of different kinds may be the same. */
static guint
hash_function (gconstpointer key)
{
  const MpPoolFunction *function = key;
  const guint8 *name = function->name;
  guint hash = function->kind;

  for (gsize i = 0; i < function->size; i++)
    hash = hash * 33 + name[i];

  return hash;
}

static gboolean
equal_functions (gconstpointer one,
                 gconstpointer other)
{
  const MpPoolFunction *a = one, *b = other;

  return a->kind == b->kind && a->size == b->size
         && (a->size == 0 || memcmp (a->name, b->name, a->size) == 0);
}

static void
free_function (gpointer data)
{
  MpPoolFunction *function = data;

  g_free ((gpointer) function->name);
  g_free (function);
}

GHashTable *
mp_pool_names_new (void)
{
  return g_hash_table_new_full (hash_function, equal_functions, NULL, free_function);
}

/* Under the mutex. (nullable): what the pool keeps of the function, if it has a number. */
static MpPoolFunction *
find_known (MpPoolPrivate        *priv,
            const MpPoolFunction *function)
{
  MpPoolFunction *kept = g_hash_table_lookup (priv->names, function);
  MpPoolFunction made = *function;

  if (kept != NULL || !make_known (priv, &made))
    return kept;

  kept = g_memdup2 (&made, sizeof made);
  kept->name = g_memdup2 (made.name, made.size);
  g_hash_table_add (priv->names, kept);

  return kept;
}

/* The function with its number, if it can have one. */
MpPoolFunction
mp_pool_function_find (MpPool               *self,
                       const MpPoolFunction *function)
{
  MpPoolPrivate *priv = mp_pool_get_private (self);
  MpPoolFunction *known = g_atomic_pointer_get (&priv->last_name);

  if (known == NULL || !equal_functions (known, function))
    {
      mp_pool_lock ();
      known = find_known (priv, function);
      mp_pool_unlock ();
      if (known == NULL)
        return *function;
      g_atomic_pointer_set (&priv->last_name, known);
    }

  return *known;
}
