/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * MpShareableList: a table of slots in shared memory. The object in the arena only says which
 * memory that is; by its name, processes of other families may use the same.
 */

#include "config.h"

#include "mproc/data/mp-shareable-list.h"

#include <string.h>

#include "mproc/base/mp-error-private.h"
#include "mproc/data/mp-data-private.h"
#include "mproc/data/mp-shareable-list-private.h"

/**
 * MpShareableList:
 *
 * A list of fixed length in shared memory, of integers, floats, booleans, strings, bytes and
 * nothing.
 *
 * An item may become one of another kind, in place. Strings and bytes have as much room as the
 * first value of their slot needed, rounded up to 8 bytes beyond it; more than that is an error.
 *
 * Getting never waits. Setting an item is one step: who gets it meanwhile, or after the setter was
 * killed, sees the old value or the new one.
 *
 * Values are variants of the types `x`, `d`, `b`, `s`, `ay`, and `mv` (nothing).
 *
 * Since: 0.1
 */

typedef struct {
  MpSharedHeader header;
  MpDataLink     memory;
} MpListShared;

typedef struct {
  MpSharedMemory *memory;
  guint64         length;
} MpShareableListPrivate;

enum {
  PROP_MEMORY = 1,
  PROP_LENGTH,
  N_PROPS,
};

static GParamSpec *properties[N_PROPS];

G_DEFINE_TYPE_WITH_PRIVATE (MpShareableList, mp_shareable_list, MP_TYPE_SHARED)

#define PRIVATE(self) \
  ((MpShareableListPrivate *) mp_shareable_list_get_instance_private (self))

static void
destroy_list (gpointer shared)
{
  mp_data_link_drop (&((MpListShared *) shared)->memory);
}

static const MpKindInfo list_kind = {
  .name = "shareable-list",
  .size = sizeof (MpListShared),
  .get_type = mp_shareable_list_get_type,
  .destroy = destroy_list,
};

__attribute__ ((constructor)) static void
register_kind (void)
{
  mp_kind_register (MP_KIND_SHAREABLE_LIST, &list_kind);
}

MpSlots *
mp_shareable_list_get_slots (MpShareableList  *self,
                             gsize            *size,
                             GError          **error)
{
  MpShareableListPrivate *priv = PRIVATE (self);
  gpointer data;

  if (priv->memory == NULL)
    {
      mp_status_to_error (MP_STATUS_INVALID, error);
      return NULL;
    }

  data = mp_shared_memory_get_data (priv->memory, size, error);
  return data != NULL ? mp_slots_open (data, *size, error) : NULL;
}

/* --- The object ---------------------------------------------------------------------------- */

static void
mp_shareable_list_constructed (GObject *object)
{
  MpShareableList *self = MP_SHAREABLE_LIST (object);
  MpShareableListPrivate *priv = PRIVATE (self);
  gboolean is_new;
  MpListShared *list = mp_shared_construct (MP_SHARED (object), MP_KIND_SHAREABLE_LIST, &is_new);
  const MpSlots *slots;
  gsize size;

  G_OBJECT_CLASS (mp_shareable_list_parent_class)->constructed (object);
  if (list == NULL)
    return;

  if (!is_new)
    {
      g_clear_object (&priv->memory);
      priv->memory = mp_data_link_open (&list->memory, NULL);
    }
  slots = mp_shareable_list_get_slots (self, &size, NULL);
  if (slots == NULL || (is_new && !mp_data_link_set (&list->memory, priv->memory)))
    mp_shared_fail (MP_SHARED (object), MP_STATUS_INVALID);
  else
    priv->length = mp_slots_count (slots);
}

static void
mp_shareable_list_dispose (GObject *object)
{
  g_clear_object (&PRIVATE (MP_SHAREABLE_LIST (object))->memory);
  G_OBJECT_CLASS (mp_shareable_list_parent_class)->dispose (object);
}

static char *
mp_shareable_list_to_string (MpShared *shared)
{
  MpShareableListPrivate *priv = PRIVATE (MP_SHAREABLE_LIST (shared));
  g_autofree char *memory = mp_shared_to_string (MP_SHARED (priv->memory));

  return g_strdup_printf ("<ShareableList(%" G_GUINT64_FORMAT ", %s)>", priv->length, memory);
}

static void
mp_shareable_list_get_property (GObject    *object,
                                guint       property,
                                GValue     *value,
                                GParamSpec *pspec)
{
  MpShareableListPrivate *priv = PRIVATE (MP_SHAREABLE_LIST (object));

  if (property == PROP_MEMORY)
    g_value_set_object (value, priv->memory);
  else if (property == PROP_LENGTH)
    g_value_set_uint64 (value, priv->length);
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, property, pspec);
}

static void
mp_shareable_list_set_property (GObject      *object,
                                guint         property,
                                const GValue *value,
                                GParamSpec   *pspec)
{
  if (property == PROP_MEMORY)
    PRIVATE (MP_SHAREABLE_LIST (object))->memory = g_value_dup_object (value);
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, property, pspec);
}

static void
mp_shareable_list_class_init (MpShareableListClass *class)
{
  GObjectClass *object_class = G_OBJECT_CLASS (class);

  object_class->constructed = mp_shareable_list_constructed;
  object_class->dispose = mp_shareable_list_dispose;
  object_class->get_property = mp_shareable_list_get_property;
  object_class->set_property = mp_shareable_list_set_property;
  MP_SHARED_CLASS (class)->to_string = mp_shareable_list_to_string;

  /**
   * MpShareableList:memory: (getter get_memory)
   *
   * The memory that the list lies in.
   *
   * Since: 0.1
   */
  properties[PROP_MEMORY] =
    g_param_spec_object ("memory", NULL, NULL, MP_TYPE_SHARED_MEMORY,
                         G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  /**
   * MpShareableList:length: (getter get_length)
   *
   * How many items there are.
   *
   * Since: 0.1
   */
  properties[PROP_LENGTH] =
    g_param_spec_uint64 ("length", NULL, NULL, 0, G_MAXUINT64, 0,
                         G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
mp_shareable_list_init (MpShareableList *self G_GNUC_UNUSED)
{
}

/* --- Making one ---------------------------------------------------------------------------- */

static MpShareableList *
open_in (MpSharedMemory  *memory,
         GError         **error)
{
  gsize size;
  gpointer data = mp_shared_memory_get_data (memory, &size, error);

  /* For the error it gives. */
  if (data == NULL || mp_slots_open (data, size, error) == NULL)
    return NULL;

  return mp_shared_check (g_object_new (MP_TYPE_SHAREABLE_LIST, "memory", memory, NULL), error);
}

static MpShareableList *
make (const char    *name,
      const MpItem  *items,
      gsize          n,
      GError       **error)
{
  g_autoptr (MpSharedMemory) memory = NULL;
  gsize size = mp_slots_measure (items, n);
  MpShareableList *self = NULL;
  gpointer data;

  if (size == 0)
    {
      g_set_error (error, MP_ERROR, MP_ERROR_INVALID_ARGUMENT,
                   "The items of the list are too large");
      return NULL;
    }
  memory = name != NULL ? mp_shared_memory_new_named (name, size, error)
                        : mp_shared_memory_new (size, error);
  if (memory == NULL)
    return NULL;

  data = mp_shared_memory_get_data (memory, NULL, error);
  if (data != NULL && mp_slots_begin (data, size, items, n, error))
    self = open_in (memory, error);
  if (self == NULL && name != NULL)
    mp_shared_memory_unlink (name, NULL);

  return self;
}

/* What is in the boxes, if it is boxed; consumes @value. */
static GVariant *
unbox (GVariant *value)
{
  while (g_variant_is_of_type (value, G_VARIANT_TYPE_VARIANT))
    {
      GVariant *inner = g_variant_get_variant (value);

      g_variant_unref (value);
      value = inner;
    }

  return value;
}

static MpShareableList *
make_from_variant (const char  *name,
                   GVariant    *values,
                   GError     **error)
{
  g_autoptr (GVariant) held = unbox (g_variant_ref_sink (values));
  g_autoptr (GPtrArray) children =
    g_ptr_array_new_with_free_func ((GDestroyNotify) g_variant_unref);
  g_autofree MpItem *items = NULL;
  gsize n;

  if (!g_variant_is_container (held) || g_variant_is_of_type (held, G_VARIANT_TYPE_MAYBE))
    {
      g_set_error (error, MP_ERROR, MP_ERROR_INVALID_ARGUMENT,
                   "A list is made from an array or tuple, and not from a value of type “%s”",
                   g_variant_get_type_string (held));
      return NULL;
    }

  n = g_variant_n_children (held);
  items = g_new0 (MpItem, MAX (n, 1));
  for (gsize i = 0; i < n; i++)
    {
      GVariant *child = unbox (g_variant_get_child_value (held, i));

      g_ptr_array_add (children, child);
      if (!mp_item_from_variant (child, &items[i], error))
        return NULL;
    }

  return make (name, items, n, error);
}

/**
 * mp_shareable_list_new:
 * @items: an array or tuple of the items; a floating reference is sunk
 * @error: return location for an error
 *
 * Makes a list in anonymous shared memory.
 *
 * Errors: [error@Mp.Error.INVALID_ARGUMENT] for items that cannot be in a list,
 * [error@Mp.Error.NO_SPACE]; a [error@Gio.IOErrorEnum] if there can be no shared memory.
 *
 * Returns: (transfer full): the list
 *
 * Since: 0.1
 */
MpShareableList *
mp_shareable_list_new (GVariant  *items,
                       GError   **error)
{
  g_return_val_if_fail (items != NULL, NULL);

  return make_from_variant (NULL, items, error);
}

/**
 * mp_shareable_list_new_named:
 * @name: a name for the memory
 * @items: an array or tuple of the items; a floating reference is sunk
 * @error: return location for an error
 *
 * Makes a list in named shared memory.
 *
 * Errors: as [ctor@Mp.ShareableList.new] and [ctor@Mp.SharedMemory.new_named].
 *
 * Returns: (transfer full): the list
 *
 * Since: 0.1
 */
MpShareableList *
mp_shareable_list_new_named (const char  *name,
                             GVariant    *items,
                             GError     **error)
{
  g_return_val_if_fail (name != NULL, NULL);
  g_return_val_if_fail (items != NULL, NULL);

  return make_from_variant (name, items, error);
}

/**
 * mp_shareable_list_open_named:
 * @name: the name of the memory
 * @error: return location for an error
 *
 * Opens the list that somebody made in named shared memory.
 *
 * Errors: as [func@Mp.SharedMemory.open_named]; [error@Mp.Error.INVALID_DATA] if there is no list
 * in that memory, or it is damaged.
 *
 * Returns: (transfer full): the list
 *
 * Since: 0.1
 */
MpShareableList *
mp_shareable_list_open_named (const char  *name,
                              GError     **error)
{
  g_autoptr (MpSharedMemory) memory = NULL;

  g_return_val_if_fail (name != NULL, NULL);

  memory = mp_shared_memory_open_named (name, error);
  return memory != NULL ? open_in (memory, error) : NULL;
}

/* Reads one item and moves on; FALSE if it is not all there. */
static gboolean
next_item (const guint8 **at,
           gsize         *left,
           MpItem        *item)
{
  guint32 head[2];

  if (*left < sizeof head)
    return FALSE;
  memcpy (head, *at, sizeof head);
  *at += sizeof head;
  *left -= sizeof head;
  if (head[1] > *left)
    return FALSE;

  *item = (MpItem) { .kind = (MpItemKind) head[0], .size = head[1], .data = *at };
  *at += head[1];
  *left -= head[1];
  return mp_item_check (item, NULL);
}

/**
 * mp_shareable_list_new_data:
 * @name: (nullable): a name for the memory, or %NULL for an anonymous one
 * @items: the items: of each, its kind and its size as native 32-bit numbers, and its bytes
 * @error: return location for an error
 *
 * Makes a list. For language bindings. The kinds are 0 nothing (no bytes), 1 a boolean (1 byte), 2
 * an integer, 3 a float (8 native bytes), 4 a string (UTF-8), 5 bytes.
 *
 * Errors: as [ctor@Mp.ShareableList.new_named].
 *
 * Returns: (transfer full): the list
 *
 * Since: 0.1
 */
MpShareableList *
mp_shareable_list_new_data (const char  *name,
                            GBytes      *items,
                            GError     **error)
{
  g_autoptr (GArray) array = g_array_new (FALSE, FALSE, sizeof (MpItem));
  const guint8 *at;
  MpItem item;
  gsize left;

  g_return_val_if_fail (items != NULL, NULL);

  at = g_bytes_get_data (items, &left);
  while (left > 0)
    {
      if (!next_item (&at, &left, &item))
        {
          g_set_error (error, MP_ERROR, MP_ERROR_INVALID_ARGUMENT, "These are no items of a list");
          return NULL;
        }
      g_array_append_val (array, item);
    }

  return make (name, (const MpItem *) (gconstpointer) array->data, array->len, error);
}

/* --- Using one ----------------------------------------------------------------------------- */

/**
 * mp_shareable_list_get_memory: (get-property memory)
 * @self: a list
 *
 * Gets the memory that the list lies in.
 *
 * Returns: (transfer none) (nullable): the memory
 *
 * Since: 0.1
 */
MpSharedMemory *
mp_shareable_list_get_memory (MpShareableList *self)
{
  g_return_val_if_fail (MP_IS_SHAREABLE_LIST (self), NULL);

  return PRIVATE (self)->memory;
}

/**
 * mp_shareable_list_get_length: (get-property length)
 * @self: a list
 *
 * Gets how many items there are.
 *
 * Returns: the number of items
 *
 * Since: 0.1
 */
guint64
mp_shareable_list_get_length (MpShareableList *self)
{
  g_return_val_if_fail (MP_IS_SHAREABLE_LIST (self), 0);

  return PRIVATE (self)->length;
}
