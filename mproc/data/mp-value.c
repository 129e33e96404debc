/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * MpValue: a number in the arena, with a type, and a lock for those who want to do more than one
 * thing at a time with it. Reading and writing need no lock.
 */

#include "config.h"

#include "mproc/data/mp-value.h"

#include "mproc/base/mp-error-private.h"
#include "mproc/data/mp-value-private.h"
#include "mproc/mp-enum-types.h"

/**
 * MpValue:
 *
 * A number in the family's shared memory, of a type of its own, at first 0.
 *
 * Each call reads or writes it as a whole, and [method@Mp.Value.add] and its like change it in one
 * step, without a lock and whoever dies. For more than that at a time, hold its lock.
 *
 * Since: 0.1
 */

typedef struct {
  MpElementType type;
  gboolean      own_lock;
  MpLock       *lock;
} MpValuePrivate;

enum {
  PROP_ELEMENT_TYPE = 1,
  PROP_LOCK,
  PROP_OWN_LOCK,
  N_PROPS,
};

static GParamSpec *properties[N_PROPS];

G_DEFINE_TYPE_WITH_PRIVATE (MpValue, mp_value, MP_TYPE_SHARED)

#define PRIVATE(self) ((MpValuePrivate *) mp_value_get_instance_private (self))

static void
destroy_value (gpointer shared)
{
  mp_data_link_drop (&((MpValueShared *) shared)->lock);
}

static const MpKindInfo value_kind = {
  .name = "value",
  .size = sizeof (MpValueShared),
  .get_type = mp_value_get_type,
  .destroy = destroy_value,
};

__attribute__ ((constructor)) static void
register_kind (void)
{
  mp_kind_register (MP_KIND_VALUE, &value_kind);
}

MpValueShared *
mp_value_get_shared (MpValue  *self,
                     GError  **error)
{
  MpValueShared *value = mp_shared_get_data (MP_SHARED (self));

  if (value == NULL)
    mp_status_to_error (MP_STATUS_INVALID, error);
  return value;
}

static gboolean
store (MpValue   *self,
       MpNumber   number,
       GError   **error)
{
  MpValueShared *value = mp_value_get_shared (self, error);

  return value != NULL && mp_element_store (value->type, &value->bits, number, error);
}

/* --- The object ---------------------------------------------------------------------------- */

static void
mp_value_constructed (GObject *object)
{
  MpValuePrivate *priv = PRIVATE (MP_VALUE (object));
  gboolean is_new;
  MpValueShared *value = mp_shared_construct (MP_SHARED (object), MP_KIND_VALUE, &is_new);
  MpStatus status;

  G_OBJECT_CLASS (mp_value_parent_class)->constructed (object);
  if (value == NULL)
    return;

  if (is_new)
    value->type = priv->type;
  priv->type = value->type;
  status = mp_data_lock_begin (&value->lock, &priv->lock, is_new, priv->own_lock);
  if (status != MP_STATUS_OK)
    mp_shared_fail (MP_SHARED (object), status);
}

static void
mp_value_dispose (GObject *object)
{
  g_clear_object (&PRIVATE (MP_VALUE (object))->lock);
  G_OBJECT_CLASS (mp_value_parent_class)->dispose (object);
}

static char *
mp_value_to_string (MpShared *shared)
{
  const MpValueShared *value = mp_shared_get_data (shared);
  const MpNumber number = mp_element_load (value->type, &value->bits);
  g_autoptr (GVariant) variant = g_variant_ref_sink (mp_number_to_variant (&number));
  g_autofree char *text = g_variant_print (variant, FALSE);

  return g_strdup_printf ("<Value(%s, %s)>", mp_element_type_name (value->type), text);
}

static void
mp_value_get_property (GObject    *object,
                       guint       property,
                       GValue     *value,
                       GParamSpec *pspec)
{
  MpValuePrivate *priv = PRIVATE (MP_VALUE (object));

  if (property == PROP_ELEMENT_TYPE)
    g_value_set_enum (value, priv->type);
  else if (property == PROP_LOCK)
    g_value_set_object (value, priv->lock);
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, property, pspec);
}

static void
mp_value_set_property (GObject      *object,
                       guint         property,
                       const GValue *value,
                       GParamSpec   *pspec)
{
  MpValuePrivate *priv = PRIVATE (MP_VALUE (object));

  if (property == PROP_ELEMENT_TYPE)
    priv->type = g_value_get_enum (value);
  else if (property == PROP_LOCK)
    priv->lock = g_value_dup_object (value);
  else if (property == PROP_OWN_LOCK)
    priv->own_lock = g_value_get_boolean (value);
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, property, pspec);
}

static void
mp_value_class_init (MpValueClass *class)
{
  GObjectClass *object_class = G_OBJECT_CLASS (class);
  const GParamFlags flags = G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS;

  object_class->constructed = mp_value_constructed;
  object_class->dispose = mp_value_dispose;
  object_class->get_property = mp_value_get_property;
  object_class->set_property = mp_value_set_property;
  MP_SHARED_CLASS (class)->to_string = mp_value_to_string;

  /**
   * MpValue:element-type: (getter get_element_type)
   *
   * The type of the number.
   *
   * Since: 0.1
   */
  properties[PROP_ELEMENT_TYPE] =
    g_param_spec_enum ("element-type", NULL, NULL, MP_TYPE_ELEMENT_TYPE, MP_ELEMENT_TYPE_INT64,
                       G_PARAM_READWRITE | flags);

  /**
   * MpValue:lock: (getter get_lock)
   *
   * The lock that belongs to the value, or %NULL.
   *
   * Since: 0.1
   */
  properties[PROP_LOCK] =
    g_param_spec_object ("lock", NULL, NULL, MP_TYPE_LOCK, G_PARAM_READWRITE | flags);

  /**
   * MpValue:own-lock:
   *
   * Whether a new value that was given no lock gets one of its own, an [class@Mp.RLock].
   *
   * Since: 0.1
   */
  properties[PROP_OWN_LOCK] =
    g_param_spec_boolean ("own-lock", NULL, NULL, TRUE, G_PARAM_WRITABLE | flags);
  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
mp_value_init (MpValue *self G_GNUC_UNUSED)
{
}

/**
 * mp_value_new:
 * @type: the type of the number
 * @error: return location for an error
 *
 * Makes a new value, 0, with a lock of its own, an [class@Mp.RLock].
 *
 * Errors: [error@Mp.Error.INVALID_ARGUMENT] if there is no such type, [error@Mp.Error.NO_SPACE]; a
 * [error@Gio.IOErrorEnum] if there can be no shared memory.
 *
 * Returns: (transfer full): the value
 *
 * Since: 0.1
 */
MpValue *
mp_value_new (MpElementType   type,
              GError        **error)
{
  if (!mp_element_type_check (type, error))
    return NULL;

  return mp_shared_check (g_object_new (MP_TYPE_VALUE, "element-type", type, NULL), error);
}

/**
 * mp_value_new_with_lock:
 * @type: the type of the number
 * @lock: (nullable): the lock to use, or %NULL for none
 * @error: return location for an error
 *
 * Makes a new value, 0, with a given lock, or without one.
 *
 * Errors: as [ctor@Mp.Value.new].
 *
 * Returns: (transfer full): the value
 *
 * Since: 0.1
 */
MpValue *
mp_value_new_with_lock (MpElementType   type,
                        MpLock         *lock,
                        GError        **error)
{
  g_return_val_if_fail (lock == NULL || MP_IS_LOCK (lock), NULL);

  if (!mp_element_type_check (type, error))
    return NULL;

  return mp_shared_check (g_object_new (MP_TYPE_VALUE, "element-type", type, "lock", lock,
                                        "own-lock", FALSE, NULL), error);
}

/**
 * mp_value_get_element_type: (get-property element-type)
 * @self: a value
 *
 * Gets the type of the number.
 *
 * Returns: the type
 *
 * Since: 0.1
 */
MpElementType
mp_value_get_element_type (MpValue *self)
{
  g_return_val_if_fail (MP_IS_VALUE (self), MP_ELEMENT_TYPE_INT64);

  return PRIVATE (self)->type;
}

/**
 * mp_value_get_lock: (get-property lock)
 * @self: a value
 *
 * Gets the lock that belongs to the value.
 *
 * Returns: (transfer none) (nullable): the lock, or %NULL if it has none
 *
 * Since: 0.1
 */
MpLock *
mp_value_get_lock (MpValue *self)
{
  g_return_val_if_fail (MP_IS_VALUE (self), NULL);

  return PRIVATE (self)->lock;
}

/**
 * mp_value_get_data: (skip)
 * @self: a value
 *
 * Gets the number's place in memory.
 *
 * Returns: (transfer none) (nullable): a pointer that is good as long as @self is, or %NULL if the
 *   value cannot be used in this process
 *
 * Since: 0.1
 */
gpointer
mp_value_get_data (MpValue *self)
{
  MpValueShared *value;

  g_return_val_if_fail (MP_IS_VALUE (self), NULL);

  value = mp_shared_get_data (MP_SHARED (self));
  return value != NULL ? &value->bits : NULL;
}

/**
 * mp_value_get_address:
 * @self: a value
 *
 * Gets the address of the number. For language bindings: whatever uses it has to hold @self.
 *
 * Returns: the address, or 0 if the value cannot be used in this process
 *
 * Since: 0.1
 */
guint64
mp_value_get_address (MpValue *self)
{
  return (guint64) (guintptr) mp_value_get_data (self);
}

/* --- Reading and writing ------------------------------------------------------------------- */

/**
 * mp_value_get_int64:
 * @self: a value
 * @error: return location for an error
 *
 * Gets the value as a signed integer. Floats are cut off towards zero.
 *
 * Errors: [error@Mp.Error.INVALID_ARGUMENT] if the number is beyond that range;
 * [error@Mp.Error.INVALID_STATE] if the value cannot be used in this process.
 *
 * Returns: the number, or 0
 *
 * Since: 0.1
 */
gint64
mp_value_get_int64 (MpValue  *self,
                    GError  **error)
{
  const MpValueShared *value;
  MpNumber number;

  g_return_val_if_fail (MP_IS_VALUE (self), 0);

  value = mp_value_get_shared (self, error);
  if (value == NULL)
    return 0;

  number = mp_element_load (value->type, &value->bits);
  return mp_number_to_int64 (&number, error);
}

/**
 * mp_value_get_uint64:
 * @self: a value
 * @error: return location for an error
 *
 * Gets the value as an unsigned integer. Floats are cut off towards zero.
 *
 * Errors: [error@Mp.Error.INVALID_ARGUMENT] if the number is negative or beyond that range;
 * [error@Mp.Error.INVALID_STATE] if the value cannot be used in this process.
 *
 * Returns: the number, or 0
 *
 * Since: 0.1
 */
guint64
mp_value_get_uint64 (MpValue  *self,
                     GError  **error)
{
  const MpValueShared *value;
  MpNumber number;

  g_return_val_if_fail (MP_IS_VALUE (self), 0);

  value = mp_value_get_shared (self, error);
  if (value == NULL)
    return 0;

  number = mp_element_load (value->type, &value->bits);
  return mp_number_to_uint64 (&number, error);
}

/**
 * mp_value_get_double:
 * @self: a value
 * @error: return location for an error
 *
 * Gets the value as a `double`, which is exact for integers up to 2^53.
 *
 * Errors: [error@Mp.Error.INVALID_STATE] if the value cannot be used in this process.
 *
 * Returns: the number, or 0
 *
 * Since: 0.1
 */
double
mp_value_get_double (MpValue  *self,
                     GError  **error)
{
  const MpValueShared *value;
  MpNumber number;

  g_return_val_if_fail (MP_IS_VALUE (self), 0);

  value = mp_value_get_shared (self, error);
  if (value == NULL)
    return 0;

  number = mp_element_load (value->type, &value->bits);
  return mp_number_to_double (&number);
}

/**
 * mp_value_get_variant:
 * @self: a value
 * @error: return location for an error
 *
 * Gets the value as a #GVariant: `b`, `d`, `x`, or from 2^63 on `t`.
 *
 * Errors: [error@Mp.Error.INVALID_STATE] if the value cannot be used in this process.
 *
 * Returns: (transfer full): the number
 *
 * Since: 0.1
 */
GVariant *
mp_value_get_variant (MpValue  *self,
                      GError  **error)
{
  const MpValueShared *value;
  MpNumber number;

  g_return_val_if_fail (MP_IS_VALUE (self), NULL);

  value = mp_value_get_shared (self, error);
  if (value == NULL)
    return NULL;

  number = mp_element_load (value->type, &value->bits);
  return g_variant_ref_sink (mp_number_to_variant (&number));
}

/**
 * mp_value_set_int64:
 * @self: a value
 * @number: the new number
 * @error: return location for an error
 *
 * Sets the value.
 *
 * Errors: [error@Mp.Error.INVALID_ARGUMENT] if @number is outside the range of the type;
 * [error@Mp.Error.INVALID_STATE] if the value cannot be used in this process.
 *
 * Returns: %TRUE if it was set
 *
 * Since: 0.1
 */
gboolean
mp_value_set_int64 (MpValue  *self,
                    gint64    number,
                    GError  **error)
{
  g_return_val_if_fail (MP_IS_VALUE (self), FALSE);

  return store (self, (MpNumber) { .kind = MP_NUMBER_INT, .i = number }, error);
}

/**
 * mp_value_set_uint64:
 * @self: a value
 * @number: the new number
 * @error: return location for an error
 *
 * Sets the value.
 *
 * Errors: [error@Mp.Error.INVALID_ARGUMENT] if @number is outside the range of the type;
 * [error@Mp.Error.INVALID_STATE] if the value cannot be used in this process.
 *
 * Returns: %TRUE if it was set
 *
 * Since: 0.1
 */
gboolean
mp_value_set_uint64 (MpValue  *self,
                     guint64   number,
                     GError  **error)
{
  g_return_val_if_fail (MP_IS_VALUE (self), FALSE);

  return store (self, (MpNumber) { .kind = MP_NUMBER_UINT, .u = number }, error);
}

/**
 * mp_value_set_double:
 * @self: a value
 * @number: the new number
 * @error: return location for an error
 *
 * Sets the value. Integer types take only whole numbers.
 *
 * Errors: [error@Mp.Error.INVALID_ARGUMENT] if @number is outside the range of the type;
 * [error@Mp.Error.INVALID_STATE] if the value cannot be used in this process.
 *
 * Returns: %TRUE if it was set
 *
 * Since: 0.1
 */
gboolean
mp_value_set_double (MpValue  *self,
                     double    number,
                     GError  **error)
{
  g_return_val_if_fail (MP_IS_VALUE (self), FALSE);

  return store (self, (MpNumber) { .kind = MP_NUMBER_DOUBLE, .d = number }, error);
}

/**
 * mp_value_set_variant:
 * @self: a value
 * @number: the new number, as any type of numbers; a floating reference is sunk
 * @error: return location for an error
 *
 * Sets the value.
 *
 * Errors: [error@Mp.Error.INVALID_ARGUMENT] if @number is none, or outside the range of the type;
 * [error@Mp.Error.INVALID_STATE] if the value cannot be used in this process.
 *
 * Returns: %TRUE if it was set
 *
 * Since: 0.1
 */
gboolean
mp_value_set_variant (MpValue   *self,
                      GVariant  *number,
                      GError   **error)
{
  g_autoptr (GVariant) held = NULL;
  MpNumber wrapped;

  g_return_val_if_fail (MP_IS_VALUE (self), FALSE);
  g_return_val_if_fail (number != NULL, FALSE);

  held = g_variant_ref_sink (number);
  return mp_number_from_variant (held, &wrapped, error) &&
         store (self, wrapped, error);
}
