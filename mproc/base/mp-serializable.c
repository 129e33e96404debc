/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * MpSerializable: how a GObject goes to another process, as its type's name and a GVariant.
 *
 * Who gets such a value makes an object of it only if its own program has said that it may: a name
 * in a message must not be able to call the constructor of any class there is. So each process has
 * a table of the types that are allowed, by exact type, with the functions that make them if they
 * are not made in the usual way. The table is small, under a lock that is not held while anything
 * of the program runs; a fork copies it, and waits for whoever is just changing it.
 */

#include "config.h"

#include "mproc/base/mp-serializable.h"

#include <pthread.h>
#include <string.h>

#include "mproc/base/mp-at-fork-private.h"

#define TAG "mp.gobject"

/**
 * MpSerializable:
 *
 * An object whose state can be given as a [struct@GLib.Variant], so that it can go to other
 * processes.
 *
 * A class implements two methods: one gives the state, the other puts it into a new object. In a
 * value such an object is the name of its type and that state: see
 * [method@Mp.Serializable.to_variant]. In Python and JavaScript it can stand anywhere in a value.
 *
 * Where it is read, an object is made of it only if that process has a type of that name and has
 * allowed it: [func@Mp.Serializable.allow]. What arrives is a copy: the two objects have nothing to
 * do with each other.
 *
 * Since: 0.1
 */

typedef struct {
  gatomicrefcount        ref_count;
  MpSerializableNewFunc  func;          /* NULL: g_object_new() and set_state() */
  gpointer               user_data;
  GDestroyNotify         notify;
} Maker;

static GMutex mutex;
static GHashTable *makers;              /* GType → Maker */

G_DEFINE_INTERFACE (MpSerializable, mp_serializable, G_TYPE_OBJECT)

static void
mp_serializable_default_init (MpSerializableInterface *iface G_GNUC_UNUSED)
{
}

static void
maker_unref (gpointer data)
{
  Maker *self = data;

  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;
  if (self->notify != NULL)
    self->notify (self->user_data);
  g_free (self);
}

static void
lock_table (void)
{
  g_mutex_lock (&mutex);
}

static void
unlock_table (void)
{
  g_mutex_unlock (&mutex);
}

MP_AT_FORK static void
reset_table (void)
{
  mp_mutex_reset (&mutex);
}

__attribute__ ((constructor)) static void
register_fork_handlers (void)
{
  pthread_atfork (lock_table, unlock_table, reset_table);
}

static Maker *
find_maker (GType type)
{
  Maker *maker;

  lock_table ();
  maker = makers != NULL ? g_hash_table_lookup (makers, GSIZE_TO_POINTER (type)) : NULL;
  if (maker != NULL)
    g_atomic_ref_count_inc (&maker->ref_count);
  unlock_table ();

  return maker;
}

/* Consumes @maker; NULL takes the type's away. */
static void
replace_maker (GType  type,
               Maker *maker)
{
  g_autoptr (GPtrArray) old = g_ptr_array_new_with_free_func (maker_unref);
  gpointer before;

  lock_table ();
  if (makers == NULL)
    makers = g_hash_table_new (NULL, NULL);
  if (g_hash_table_steal_extended (makers, GSIZE_TO_POINTER (type), NULL, &before))
    g_ptr_array_add (old, before);
  if (maker != NULL)
    g_hash_table_insert (makers, GSIZE_TO_POINTER (type), maker);
  unlock_table ();
}

/* ── What a class does ───────────────────────────────────────────────────────────────────────── */

/* Where a binding's method has failed without saying how. */
static gboolean
check_error (gboolean      success,
             gpointer      self,
             const char   *method,
             GError      **local,
             GError      **error)
{
  if (success)
    return TRUE;

  if (*local == NULL)
    g_set_error (local, MP_ERROR, MP_ERROR_FAILED, "%s of a %s failed without an error", method,
                 G_OBJECT_TYPE_NAME (self));
  g_propagate_error (error, g_steal_pointer (local));
  return FALSE;
}

/**
 * mp_serializable_get_state: (virtual get_state)
 * @self: an object
 * @error: return location for an error
 *
 * Gives what an object like this one is made of.
 *
 * The state may be of any type but one with file descriptors. It can contain values made by
 * [method@Mp.Shared.to_variant] and by this interface.
 *
 * Errors: whatever the class sets, and [error@Mp.Error.FAILED] if it fails without one.
 *
 * Returns: (transfer full): the state; of a class, a floating reference is sunk
 *
 * Since: 0.1
 */
GVariant *
mp_serializable_get_state (MpSerializable  *self,
                           GError         **error)
{
  MpSerializableInterface *iface;
  g_autoptr (GError) local = NULL;
  GVariant *state;

  g_return_val_if_fail (MP_IS_SERIALIZABLE (self), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  iface = MP_SERIALIZABLE_GET_IFACE (self);
  state = iface->get_state != NULL ? iface->get_state (self, &local) : NULL;
  if (!check_error (state != NULL, self, "get_state()", &local, error))
    return NULL;

  return g_variant_is_floating (state) ? g_variant_ref_sink (state) : state;
}

/**
 * mp_serializable_set_state: (virtual set_state)
 * @self: an object that was just made
 * @state: what [method@Mp.Serializable.get_state] gave in another process
 * @error: return location for an error
 *
 * Gives a new object the state of another.
 *
 * The state comes from another process; a class has to expect any, and set an error if it has no
 * use for it.
 *
 * Errors: whatever the class sets, and [error@Mp.Error.FAILED] if it fails without one.
 *
 * Returns: %TRUE if the object has the state now, %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
mp_serializable_set_state (MpSerializable  *self,
                           GVariant        *state,
                           GError         **error)
{
  MpSerializableInterface *iface;
  g_autoptr (GError) local = NULL;
  gboolean success;

  g_return_val_if_fail (MP_IS_SERIALIZABLE (self), FALSE);
  g_return_val_if_fail (state != NULL, FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  iface = MP_SERIALIZABLE_GET_IFACE (self);
  success = iface->set_state != NULL && iface->set_state (self, state, &local);
  return check_error (success && local == NULL, self, "set_state()", &local, error);
}

/* ── As a value ──────────────────────────────────────────────────────────────────────────────── */

/**
 * mp_serializable_to_variant:
 * @self: an object
 * @error: return location for an error
 *
 * Makes a value that stands for @self, to be put in a queue, alone or inside other values.
 *
 * It can go through a process of any language, also one that knows nothing of the type.
 *
 * Errors: as [method@Mp.Serializable.get_state].
 *
 * Returns: (transfer full): the value, not floating
 *
 * Since: 0.1
 */
GVariant *
mp_serializable_to_variant (MpSerializable  *self,
                            GError         **error)
{
  g_autoptr (GVariant) state = NULL;
  GVariant *content;

  g_return_val_if_fail (MP_IS_SERIALIZABLE (self), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  state = mp_serializable_get_state (self, error);
  if (state == NULL)
    return NULL;

  content = g_variant_new ("(sv)", G_OBJECT_TYPE_NAME (self), state);
  return g_variant_ref_sink (g_variant_new_maybe (NULL, g_variant_new ("(sv)", TAG, content)));
}

/* The name and the state in a value; FALSE if it stands for no object. */
static gboolean
open_value (GVariant  *value,
            char     **name,
            GVariant **state)
{
  g_autoptr (GVariant) pair = NULL;
  g_autoptr (GVariant) content = NULL;
  const char *tag = NULL;

  if (g_variant_is_of_type (value, G_VARIANT_TYPE ("m(sv)")))
    pair = g_variant_get_maybe (value);
  if (pair == NULL)
    return FALSE;
  g_variant_get (pair, "(&sv)", &tag, &content);
  if (strcmp (tag, TAG) != 0 || !g_variant_is_of_type (content, G_VARIANT_TYPE ("(sv)")))
    return FALSE;

  g_variant_get (content, "(sv)", name, state);
  return TRUE;
}

static GObject *
make_object (Maker     *maker,
             GType      type,
             GVariant  *state,
             GError   **error)
{
  g_autoptr (GError) local = NULL;
  g_autoptr (GObject) object = NULL;

  if (maker->func == NULL)
    {
      object = g_object_new (type, NULL);
      if (G_IS_INITIALLY_UNOWNED (object))
        g_object_ref_sink (object);
      return mp_serializable_set_state (MP_SERIALIZABLE (object), state, error)
             ? g_steal_pointer (&object) : NULL;
    }

  object = maker->func (state, maker->user_data, &local);
  if (local == NULL && object != NULL)
    return g_steal_pointer (&object);

  if (local == NULL)
    g_set_error (&local, MP_ERROR, MP_ERROR_FAILED,
                 "The function that makes a %s failed without an error", g_type_name (type));
  g_propagate_error (error, g_steal_pointer (&local));
  return NULL;
}

/**
 * mp_serializable_from_variant:
 * @value: a value that was made by [method@Mp.Serializable.to_variant], in any process
 * @error: return location for an error
 *
 * Makes the object that a value stands for.
 *
 * Errors: [error@Mp.Error.NOT_PLAIN] if this process has no type of that name or has not allowed
 * it, see [func@Mp.Serializable.allow]; [error@Mp.Error.INVALID_DATA] if the value stands for no
 * object of a program's own class; and what the class sets.
 *
 * Returns: (transfer full): a new object
 *
 * Since: 0.1
 */
GObject *
mp_serializable_from_variant (GVariant  *value,
                              GError   **error)
{
  g_autoptr (GVariant) state = NULL;
  g_autofree char *name = NULL;
  GObject *object;
  Maker *maker;
  GType type;

  g_return_val_if_fail (value != NULL, NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  if (!open_value (value, &name, &state))
    {
      g_set_error_literal (error, MP_ERROR, MP_ERROR_INVALID_DATA,
                           "The value stands for no object");
      return NULL;
    }

  type = g_type_from_name (name);
  maker = find_maker (type);
  if (maker == NULL)
    {
      g_set_error (error, MP_ERROR, MP_ERROR_NOT_PLAIN,
                   type == 0 ? "GObject of type %s, which this process does not have"
                             : "GObject of type %s, which this process has not allowed", name);
      return NULL;
    }

  object = make_object (maker, type, state, error);
  maker_unref (maker);
  return object;
}

/* ── What is allowed ─────────────────────────────────────────────────────────────────────────── */

static gboolean
check_type (GType     type,
            GError  **error)
{
  if (g_type_is_a (type, MP_TYPE_SERIALIZABLE) && G_TYPE_IS_INSTANTIATABLE (type) &&
      !G_TYPE_IS_ABSTRACT (type))
    return TRUE;

  g_set_error (error, MP_ERROR, MP_ERROR_INVALID_ARGUMENT,
               "%s is no class of objects that implements MpSerializable",
               type != 0 ? g_type_name (type) : "What is no type");
  return FALSE;
}

/**
 * mp_serializable_allow:
 * @type: a class that implements [iface@Mp.Serializable]
 * @error: return location for an error
 *
 * Says that objects of this type may be made of values in this process.
 *
 * It holds for this type only, not for those derived from it, and in processes forked from here. An
 * object is made without properties, and then gets its state by
 * [method@Mp.Serializable.set_state].
 *
 * Errors: [error@Mp.Error.INVALID_ARGUMENT] if @type does not implement the interface, or is
 * abstract.
 *
 * Returns: %TRUE if the type is allowed now
 *
 * Since: 0.1
 */
gboolean
mp_serializable_allow (GType    type,
                       GError **error)
{
  return mp_serializable_allow_with_func (type, NULL, NULL, NULL, error);
}

/**
 * mp_serializable_allow_with_func:
 * @type: a class that implements [iface@Mp.Serializable]
 * @func: (nullable) (scope notified) (closure user_data) (destroy notify): makes an object of it,
 *   in any thread; %NULL for the usual way
 * @user_data: data for @func
 * @notify: (nullable): frees @user_data
 * @error: return location for an error
 *
 * As [func@Mp.Serializable.allow], for a class whose objects must have their state when they are
 * made. The last call for a type counts.
 *
 * Errors: [error@Mp.Error.INVALID_ARGUMENT] if @type does not implement the interface, or is
 * abstract; @notify is called then too.
 *
 * Returns: %TRUE if the type is allowed now
 *
 * Since: 0.1
 */
gboolean
mp_serializable_allow_with_func (GType                   type,
                                 MpSerializableNewFunc   func,
                                 gpointer                user_data,
                                 GDestroyNotify          notify,
                                 GError                **error)
{
  Maker *maker;

  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  maker = g_new0 (Maker, 1);
  g_atomic_ref_count_init (&maker->ref_count);
  *maker = (Maker) { maker->ref_count, func, user_data, notify };
  if (!check_type (type, error))
    {
      maker_unref (maker);
      return FALSE;
    }

  replace_maker (type, maker);
  return TRUE;
}

/**
 * mp_serializable_disallow:
 * @type: a type
 *
 * Takes back what [func@Mp.Serializable.allow] said. A type that is not allowed stays so.
 *
 * Since: 0.1
 */
void
mp_serializable_disallow (GType type)
{
  replace_maker (type, NULL);
}

/**
 * mp_serializable_is_allowed:
 * @type: a type
 *
 * Tells whether objects of exactly this type may be made of values in this process.
 *
 * Returns: whether they may
 *
 * Since: 0.1
 */
gboolean
mp_serializable_is_allowed (GType type)
{
  Maker *maker = find_maker (type);

  if (maker == NULL)
    return FALSE;

  maker_unref (maker);
  return TRUE;
}
