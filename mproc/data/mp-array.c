/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * MpArray: numbers of one type in a block of the arena, and a lock for those who want to do more
 * than one thing at a time with them. Reading and writing single ones need no lock.
 */

#include "config.h"

#include "mproc/data/mp-array.h"

#include "mproc/base/mp-error-private.h"
#include "mproc/data/mp-array-private.h"
#include "mproc/mp-enum-types.h"

/**
 * MpArray:
 *
 * Numbers of one type in a row, in the family's shared memory, at first 0.
 *
 * Each call for an element reads or writes it as a whole, and [method@Mp.Array.add] and its like
 * change it in one step, without a lock and whoever dies. For more than that at a time, such as a
 * range, hold the array's lock.
 *
 * Since: 0.1
 */

typedef struct {
  MpElementType type;
  guint64       length;
  gboolean      own_lock;
  MpLock       *lock;
} MpArrayPrivate;

enum {
  PROP_ELEMENT_TYPE = 1,
  PROP_LENGTH,
  PROP_LOCK,
  PROP_OWN_LOCK,
  N_PROPS,
};

static GParamSpec *properties[N_PROPS];

G_DEFINE_TYPE_WITH_PRIVATE (MpArray, mp_array, MP_TYPE_SHARED)

#define PRIVATE(self) ((MpArrayPrivate *) mp_array_get_instance_private (self))

static void
destroy_array (gpointer shared)
{
  MpArrayShared *array = shared;

  mp_data_block_free (&array->block);
  mp_data_link_drop (&array->lock);
}

static gboolean
recover_array (gpointer shared,
               guint32  dead G_GNUC_UNUSED)
{
  return mp_data_block_recover (&((MpArrayShared *) shared)->block);
}

static const MpKindInfo array_kind = {
  .name = "array",
  .size = sizeof (MpArrayShared),
  .get_type = mp_array_get_type,
  .destroy = destroy_array,
  .recover = recover_array,
};

__attribute__ ((constructor)) static void
register_kind (void)
{
  mp_kind_register (MP_KIND_ARRAY, &array_kind);
}

MpArrayShared *
mp_array_get_shared (MpArray  *self,
                     GError  **error)
{
  MpArrayShared *array = mp_shared_get_data (MP_SHARED (self));

  if (array == NULL)
    mp_status_to_error (MP_STATUS_INVALID, error);
  return array;
}

gpointer
mp_array_find (MpArray              *self,
               guint64               index,
               guint64               n,
               const MpArrayShared **array,
               GError              **error)
{
  *array = mp_array_get_shared (self, error);
  if (*array == NULL)
    return NULL;
  if (index <= (*array)->length && n <= (*array)->length - index)
    return (guint8 *) mp_arena_pointer ((*array)->block.offset) +
           index * mp_element_type_get_size ((*array)->type);

  if (n == 1)
    g_set_error (error, MP_ERROR, MP_ERROR_INVALID_ARGUMENT,
                 "There is no element %" G_GUINT64_FORMAT " in an array of %" G_GUINT64_FORMAT,
                 index, (*array)->length);
  else
    g_set_error (error, MP_ERROR, MP_ERROR_INVALID_ARGUMENT,
                 "There are no %" G_GUINT64_FORMAT " elements from %" G_GUINT64_FORMAT
                 " on in an array of %" G_GUINT64_FORMAT, n, index, (*array)->length);
  return NULL;
}

/* --- The object ---------------------------------------------------------------------------- */

/* What @length elements take; 0 if that is absurd. */
static gsize
size_of (MpElementType type,
         guint64       length)
{
  gsize size = mp_element_type_get_size (type);

  return length <= G_MAXINT64 / size ? MAX ((gsize) length * size, 1) : 0;
}

static MpStatus
begin (MpArray       *self,
       MpArrayShared *array)
{
  MpArrayPrivate *priv = PRIVATE (self);
  gsize size = size_of (priv->type, priv->length);

  array->type = priv->type;
  array->length = priv->length;
  return size > 0 ? mp_data_block_begin (array, &array->block, size) : MP_STATUS_NO_SPACE;
}

static void
mp_array_constructed (GObject *object)
{
  MpArrayPrivate *priv = PRIVATE (MP_ARRAY (object));
  gboolean is_new;
  MpArrayShared *array = mp_shared_construct (MP_SHARED (object), MP_KIND_ARRAY, &is_new);
  MpStatus status;

  G_OBJECT_CLASS (mp_array_parent_class)->constructed (object);
  if (array == NULL)
    return;

  status = is_new ? begin (MP_ARRAY (object), array) : MP_STATUS_OK;
  if (status == MP_STATUS_OK)
    status = mp_data_lock_begin (&array->lock, &priv->lock, is_new, priv->own_lock);
  if (status != MP_STATUS_OK)
    {
      mp_shared_fail (MP_SHARED (object), status);
      return;
    }
  priv->type = array->type;
  priv->length = array->length;
}

static void
mp_array_dispose (GObject *object)
{
  g_clear_object (&PRIVATE (MP_ARRAY (object))->lock);
  G_OBJECT_CLASS (mp_array_parent_class)->dispose (object);
}

static char *
mp_array_to_string (MpShared *shared)
{
  const MpArrayShared *array = mp_shared_get_data (shared);

  return g_strdup_printf ("<Array(%s, %" G_GUINT64_FORMAT ")>", mp_element_type_name (array->type),
                          array->length);
}

static void
mp_array_get_property (GObject    *object,
                       guint       property,
                       GValue     *value,
                       GParamSpec *pspec)
{
  MpArrayPrivate *priv = PRIVATE (MP_ARRAY (object));

  if (property == PROP_ELEMENT_TYPE)
    g_value_set_enum (value, priv->type);
  else if (property == PROP_LENGTH)
    g_value_set_uint64 (value, priv->length);
  else if (property == PROP_LOCK)
    g_value_set_object (value, priv->lock);
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, property, pspec);
}

static void
mp_array_set_property (GObject      *object,
                       guint         property,
                       const GValue *value,
                       GParamSpec   *pspec)
{
  MpArrayPrivate *priv = PRIVATE (MP_ARRAY (object));

  if (property == PROP_ELEMENT_TYPE)
    priv->type = g_value_get_enum (value);
  else if (property == PROP_LENGTH)
    priv->length = g_value_get_uint64 (value);
  else if (property == PROP_LOCK)
    priv->lock = g_value_dup_object (value);
  else if (property == PROP_OWN_LOCK)
    priv->own_lock = g_value_get_boolean (value);
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, property, pspec);
}

static void
mp_array_class_init (MpArrayClass *class)
{
  GObjectClass *object_class = G_OBJECT_CLASS (class);
  const GParamFlags flags = G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS;

  object_class->constructed = mp_array_constructed;
  object_class->dispose = mp_array_dispose;
  object_class->get_property = mp_array_get_property;
  object_class->set_property = mp_array_set_property;
  MP_SHARED_CLASS (class)->to_string = mp_array_to_string;

  /**
   * MpArray:element-type: (getter get_element_type)
   *
   * The type of the elements.
   *
   * Since: 0.1
   */
  properties[PROP_ELEMENT_TYPE] =
    g_param_spec_enum ("element-type", NULL, NULL, MP_TYPE_ELEMENT_TYPE, MP_ELEMENT_TYPE_INT64,
                       G_PARAM_READWRITE | flags);

  /**
   * MpArray:length: (getter get_length)
   *
   * How many elements there are.
   *
   * Since: 0.1
   */
  properties[PROP_LENGTH] =
    g_param_spec_uint64 ("length", NULL, NULL, 0, G_MAXUINT64, 0, G_PARAM_READWRITE | flags);

  /**
   * MpArray:lock: (getter get_lock)
   *
   * The lock that belongs to the array, or %NULL.
   *
   * Since: 0.1
   */
  properties[PROP_LOCK] =
    g_param_spec_object ("lock", NULL, NULL, MP_TYPE_LOCK, G_PARAM_READWRITE | flags);

  /**
   * MpArray:own-lock:
   *
   * Whether a new array that was given no lock gets one of its own, an [class@Mp.RLock].
   *
   * Since: 0.1
   */
  properties[PROP_OWN_LOCK] =
    g_param_spec_boolean ("own-lock", NULL, NULL, TRUE, G_PARAM_WRITABLE | flags);
  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
mp_array_init (MpArray *self G_GNUC_UNUSED)
{
}

/**
 * mp_array_new:
 * @type: the type of the elements
 * @length: how many there are; may be 0
 * @error: return location for an error
 *
 * Makes a new array, all 0, with a lock of its own, an [class@Mp.RLock].
 *
 * Errors: [error@Mp.Error.INVALID_ARGUMENT] if there is no such type, [error@Mp.Error.NO_SPACE]; a
 * [error@Gio.IOErrorEnum] if there can be no shared memory.
 *
 * Returns: (transfer full): the array
 *
 * Since: 0.1
 */
MpArray *
mp_array_new (MpElementType   type,
              guint64         length,
              GError        **error)
{
  if (!mp_element_type_check (type, error))
    return NULL;

  return mp_shared_check (g_object_new (MP_TYPE_ARRAY, "element-type", type, "length", length,
                                        NULL), error);
}

/**
 * mp_array_new_with_lock:
 * @type: the type of the elements
 * @length: how many there are; may be 0
 * @lock: (nullable): the lock to use, or %NULL for none
 * @error: return location for an error
 *
 * Makes a new array, all 0, with a given lock, or without one.
 *
 * Errors: as [ctor@Mp.Array.new].
 *
 * Returns: (transfer full): the array
 *
 * Since: 0.1
 */
MpArray *
mp_array_new_with_lock (MpElementType   type,
                        guint64         length,
                        MpLock         *lock,
                        GError        **error)
{
  g_return_val_if_fail (lock == NULL || MP_IS_LOCK (lock), NULL);

  if (!mp_element_type_check (type, error))
    return NULL;

  return mp_shared_check (g_object_new (MP_TYPE_ARRAY, "element-type", type, "length", length,
                                        "lock", lock, "own-lock", FALSE, NULL), error);
}

/**
 * mp_array_get_element_type: (get-property element-type)
 * @self: an array
 *
 * Gets the type of the elements.
 *
 * Returns: the type
 *
 * Since: 0.1
 */
MpElementType
mp_array_get_element_type (MpArray *self)
{
  g_return_val_if_fail (MP_IS_ARRAY (self), MP_ELEMENT_TYPE_INT64);

  return PRIVATE (self)->type;
}

/**
 * mp_array_get_lock: (get-property lock)
 * @self: an array
 *
 * Gets the lock that belongs to the array.
 *
 * Returns: (transfer none) (nullable): the lock, or %NULL if it has none
 *
 * Since: 0.1
 */
MpLock *
mp_array_get_lock (MpArray *self)
{
  g_return_val_if_fail (MP_IS_ARRAY (self), NULL);

  return PRIVATE (self)->lock;
}

/**
 * mp_array_get_length: (get-property length)
 * @self: an array
 *
 * Gets how many elements there are.
 *
 * Returns: the number of elements
 *
 * Since: 0.1
 */
guint64
mp_array_get_length (MpArray *self)
{
  g_return_val_if_fail (MP_IS_ARRAY (self), 0);

  return PRIVATE (self)->length;
}
