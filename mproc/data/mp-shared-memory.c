/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * MpSharedMemory: a block of the family's arena, or a named file that any process of the user can
 * open.
 *
 * The object in the arena keeps the file's name and identity, so that a handle opens a named one,
 * too. An object counts its users in this process: itself, until it is closed, and each GBytes that
 * was given out; the mapping and the lease go with the last. Nothing here needs a lock, so a fork
 * may happen at any moment.
 */

#include "config.h"

#include "mproc/data/mp-shared-memory.h"

#include <string.h>

#include "mproc/base/mp-error-private.h"
#include "mproc/data/mp-data-private.h"
#include "mproc/data/mp-memory-file-private.h"

/**
 * MpSharedMemory:
 *
 * Memory that several processes have mapped, to read and to write.
 *
 * Anonymous memory belongs to the family of processes, as a queue does: another process gets it by
 * inheritance or by its handle, and it is gone with the last process that holds it, however that
 * ends. Its size counts towards [func@Mp.memory_set_limit].
 *
 * Named memory is a file in `/dev/shm`, by which *any* process of the same user can open it. It
 * outlives its processes until [func@Mp.SharedMemory.unlink] removes it;
 * [func@Mp.SharedMemory.list] tells which there are. The environment variable `MPROC_SHM_DIR` names
 * another folder, of a tmpfs, to use instead.
 *
 * All memory is there from the beginning: if there is not enough, the constructor fails, and no
 * later access does. With one exception: a file with a name cannot be sealed. If somebody of the
 * same user cuts it short by other means while it is mapped, touching what was cut off ends a
 * process with SIGBUS.
 *
 * Since: 0.1
 */

typedef struct {
  MpSharedHeader header;
  guint64     size;
  MpDataBlock block;            /* of an anonymous one */
  guint64     device;           /* of a named one */
  guint64     inode;
  char        name[MP_MEMORY_NAME_MAX + 8];     /* "": anonymous */
} MpMemoryShared;

typedef struct {
  char         *name;           /* as given at construction, or as opened */
  guint64       size;
  MpMemoryFile *file;           /* of a named one, once it is mapped */
  int           users;
  int           closed;
} MpSharedMemoryPrivate;

enum {
  PROP_NAME = 1,
  PROP_SIZE,
  N_PROPS,
};

static GParamSpec *properties[N_PROPS];

G_DEFINE_TYPE_WITH_PRIVATE (MpSharedMemory, mp_shared_memory, MP_TYPE_SHARED)

#define PRIVATE(self) ((MpSharedMemoryPrivate *) mp_shared_memory_get_instance_private (self))

static void
destroy_memory (gpointer shared)
{
  mp_data_block_free (&((MpMemoryShared *) shared)->block);
}

static gboolean
recover_memory (gpointer shared,
                guint32  dead G_GNUC_UNUSED)
{
  return mp_data_block_recover (&((MpMemoryShared *) shared)->block);
}

static const MpKindInfo memory_kind = {
  .name = "shared-memory",
  .size = sizeof (MpMemoryShared),
  .get_type = mp_shared_memory_get_type,
  .destroy = destroy_memory,
  .recover = recover_memory,
};

__attribute__ ((constructor)) static void
register_kind (void)
{
  mp_kind_register (MP_KIND_SHARED_MEMORY, &memory_kind);
}

/* --- The mapping of a named one ------------------------------------------------------------ */

static void
free_file (MpMemoryFile *file)
{
  if (file == NULL)
    return;

  mp_memory_file_close (file);
  g_free (file);
}

/* Somebody may have removed the file since, and made another of the same name. */
static MpMemoryFile *
map_again (const MpMemoryShared  *memory,
           GError               **error)
{
  MpMemoryFile *file = g_new0 (MpMemoryFile, 1);

  if (mp_memory_file_open (memory->name, file, error))
    {
      if (file->device == memory->device && file->inode == memory->inode)
        return file;
      g_set_error (error, MP_ERROR, MP_ERROR_NO_SUCH_OBJECT,
                   "The shared memory “%s” was removed, and the name is another’s now",
                   memory->name);
    }
  free_file (file);

  return NULL;
}

static MpMemoryFile *
get_file (MpSharedMemory        *self,
          const MpMemoryShared  *memory,
          GError               **error)
{
  MpSharedMemoryPrivate *priv = PRIVATE (self);
  MpMemoryFile *file = g_atomic_pointer_get (&priv->file);
  MpMemoryFile *none = NULL;

  if (file != NULL)
    return file;

  file = map_again (memory, error);
  if (file == NULL)
    return NULL;
  if (__atomic_compare_exchange_n (&priv->file, &none, file, FALSE, __ATOMIC_ACQ_REL,
                                   __ATOMIC_ACQUIRE))
    return file;

  /* Another thread was faster. */
  free_file (file);
  return none;
}

/* --- Users --------------------------------------------------------------------------------- */

static gboolean
add_user (MpSharedMemory *self)
{
  MpSharedMemoryPrivate *priv = PRIVATE (self);
  int users = __atomic_load_n (&priv->users, __ATOMIC_RELAXED);

  while (users > 0)
    if (__atomic_compare_exchange_n (&priv->users, &users, users + 1, FALSE, __ATOMIC_ACQ_REL,
                                     __ATOMIC_RELAXED))
      return TRUE;

  return FALSE;
}

static void
remove_user (MpSharedMemory *self)
{
  MpSharedMemoryPrivate *priv = PRIVATE (self);

  if (__atomic_sub_fetch (&priv->users, 1, __ATOMIC_ACQ_REL) > 0)
    return;

  free_file (g_steal_pointer (&priv->file));
  mp_shared_fail (MP_SHARED (self), MP_STATUS_INVALID);
}

static void
release_view (gpointer self)
{
  remove_user (self);
  g_object_unref (self);
}

/* --- Construction -------------------------------------------------------------------------- */

static gboolean
begin_named (MpSharedMemory  *self,
             MpMemoryShared  *memory,
             GError         **error)
{
  MpSharedMemoryPrivate *priv = PRIVATE (self);
  g_autofree MpMemoryFile *file = g_new0 (MpMemoryFile, 1);

  if (!(priv->size > 0 ? mp_memory_file_create (priv->name, priv->size, file, error)
                       : mp_memory_file_open (priv->name, file, error)))
    return FALSE;

  memory->device = file->device;
  memory->inode = file->inode;
  memory->size = file->size;
  g_strlcpy (memory->name, priv->name, sizeof memory->name);
  priv->file = g_steal_pointer (&file);
  return TRUE;
}

static gboolean
begin_anonymous (MpSharedMemory  *self,
                 MpMemoryShared  *memory,
                 GError         **error)
{
  MpSharedMemoryPrivate *priv = PRIVATE (self);

  if (priv->size == 0)
    {
      g_set_error (error, MP_ERROR, MP_ERROR_INVALID_ARGUMENT,
                   "Shared memory cannot have a size of 0 bytes");
      return FALSE;
    }
  if (priv->size > G_MAXINT64)
    {
      g_set_error (error, MP_ERROR, MP_ERROR_INVALID_ARGUMENT,
                   "Shared memory cannot have a size of %" G_GUINT64_FORMAT " bytes", priv->size);
      return FALSE;
    }

  memory->size = priv->size;
  return mp_status_to_error (mp_data_block_begin (memory, &memory->block, (gsize) priv->size),
                             error);
}

static void
mp_shared_memory_constructed (GObject *object)
{
  MpSharedMemory *self = MP_SHARED_MEMORY (object);
  MpSharedMemoryPrivate *priv = PRIVATE (self);
  GError *error = NULL;
  gboolean is_new;
  MpMemoryShared *memory = mp_shared_construct (MP_SHARED (object), MP_KIND_SHARED_MEMORY, &is_new);

  G_OBJECT_CLASS (mp_shared_memory_parent_class)->constructed (object);
  if (memory == NULL)
    return;

  if (is_new && !(priv->name != NULL ? begin_named (self, memory, &error)
                                     : begin_anonymous (self, memory, &error)))
    {
      mp_shared_fail_error (MP_SHARED (object), error);
      return;
    }

  priv->users = 1;
  if (!is_new)
    {
      g_free (priv->name);
      priv->name = *memory->name != '\0' ? g_strdup (memory->name) : NULL;
    }
  priv->size = memory->size;
}

static void
mp_shared_memory_dispose (GObject *object)
{
  mp_shared_memory_close (MP_SHARED_MEMORY (object));
  G_OBJECT_CLASS (mp_shared_memory_parent_class)->dispose (object);
}

static void
mp_shared_memory_finalize (GObject *object)
{
  MpSharedMemoryPrivate *priv = PRIVATE (MP_SHARED_MEMORY (object));

  g_free (priv->name);
  G_OBJECT_CLASS (mp_shared_memory_parent_class)->finalize (object);
}

static char *
mp_shared_memory_to_string (MpShared *shared)
{
  MpSharedMemoryPrivate *priv = PRIVATE (MP_SHARED_MEMORY (shared));
  g_autofree char *handle = priv->name == NULL ? mp_shared_get_handle (shared) : NULL;

  return g_strdup_printf ("SharedMemory('%s', size=%" G_GUINT64_FORMAT ")",
                          priv->name != NULL ? priv->name : handle, priv->size);
}

static void
mp_shared_memory_get_property (GObject    *object,
                               guint       property,
                               GValue     *value,
                               GParamSpec *pspec)
{
  MpSharedMemory *self = MP_SHARED_MEMORY (object);

  if (property == PROP_NAME)
    g_value_set_string (value, mp_shared_memory_get_name (self));
  else if (property == PROP_SIZE)
    g_value_set_uint64 (value, mp_shared_memory_get_size (self));
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, property, pspec);
}

static void
mp_shared_memory_set_property (GObject      *object,
                               guint         property,
                               const GValue *value,
                               GParamSpec   *pspec)
{
  MpSharedMemoryPrivate *priv = PRIVATE (MP_SHARED_MEMORY (object));

  if (property == PROP_NAME)
    priv->name = g_value_dup_string (value);
  else if (property == PROP_SIZE)
    priv->size = g_value_get_uint64 (value);
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, property, pspec);
}

static void
mp_shared_memory_class_init (MpSharedMemoryClass *class)
{
  GObjectClass *object_class = G_OBJECT_CLASS (class);
  const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS;

  object_class->constructed = mp_shared_memory_constructed;
  object_class->dispose = mp_shared_memory_dispose;
  object_class->finalize = mp_shared_memory_finalize;
  object_class->get_property = mp_shared_memory_get_property;
  object_class->set_property = mp_shared_memory_set_property;
  MP_SHARED_CLASS (class)->to_string = mp_shared_memory_to_string;

  /**
   * MpSharedMemory:name: (getter get_name)
   *
   * The name by which any process of the user opens the memory, or %NULL.
   *
   * Since: 0.1
   */
  properties[PROP_NAME] = g_param_spec_string ("name", NULL, NULL, NULL, flags);

  /**
   * MpSharedMemory:size: (getter get_size)
   *
   * The size in bytes. Given 0 together with a name, the memory of that name is opened.
   *
   * Since: 0.1
   */
  properties[PROP_SIZE] = g_param_spec_uint64 ("size", NULL, NULL, 0, G_MAXUINT64, 0, flags);
  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
mp_shared_memory_init (MpSharedMemory *self G_GNUC_UNUSED)
{
}

/**
 * mp_shared_memory_new:
 * @size: how many bytes
 * @error: return location for an error
 *
 * Makes zeroed memory for the processes of the family.
 *
 * Errors: [error@Mp.Error.INVALID_ARGUMENT] for a size of 0 or beyond all measure,
 * [error@Mp.Error.NO_SPACE]; a [error@Gio.IOErrorEnum] if there can be no shared memory.
 *
 * Returns: (transfer full): the memory
 *
 * Since: 0.1
 */
MpSharedMemory *
mp_shared_memory_new (guint64   size,
                      GError  **error)
{
  return mp_shared_check (g_object_new (MP_TYPE_SHARED_MEMORY, "size", size, NULL), error);
}

/**
 * mp_shared_memory_new_named:
 * @name: a name of up to 240 bytes, without “/”
 * @size: how many bytes
 * @error: return location for an error
 *
 * Makes zeroed memory that any process of the user can open by its name, and that stays until
 * [func@Mp.SharedMemory.unlink] removes it.
 *
 * Errors: [error@Mp.Error.INVALID_ARGUMENT] for a bad name or size; `G_IO_ERROR_EXISTS` if there is
 * one of that name; `G_IO_ERROR_NO_SPACE` if the memory or the tmpfs is full, and what else the
 * system says. After an error nothing is left behind.
 *
 * Returns: (transfer full): the memory
 *
 * Since: 0.1
 */
MpSharedMemory *
mp_shared_memory_new_named (const char  *name,
                            guint64      size,
                            GError     **error)
{
  g_return_val_if_fail (name != NULL, NULL);

  /* For the property, 0 means to open it. */
  if (size == 0)
    {
      g_set_error (error, MP_ERROR, MP_ERROR_INVALID_ARGUMENT,
                   "Shared memory cannot have a size of 0 bytes");
      return NULL;
    }

  return mp_shared_check (g_object_new (MP_TYPE_SHARED_MEMORY, "name", name, "size", size, NULL),
                          error);
}

/**
 * mp_shared_memory_open_named:
 * @name: the name
 * @error: return location for an error
 *
 * Opens the memory of that name.
 *
 * Errors: `G_IO_ERROR_NOT_FOUND`; [error@Mp.Error.INVALID_DATA] if what has that name was not made
 * by this library, is damaged or was cut short, or is another user's;
 * [error@Mp.Error.INVALID_ARGUMENT] for a bad name; and what else the system says.
 *
 * Returns: (transfer full): the memory
 *
 * Since: 0.1
 */
MpSharedMemory *
mp_shared_memory_open_named (const char  *name,
                             GError     **error)
{
  g_return_val_if_fail (name != NULL, NULL);

  return mp_shared_check (g_object_new (MP_TYPE_SHARED_MEMORY, "name", name, NULL), error);
}

/**
 * mp_shared_memory_unlink:
 * @name: the name
 * @error: return location for an error
 *
 * Removes the name. Those who have the memory open keep it; it goes with the last of them.
 *
 * Errors: `G_IO_ERROR_NOT_FOUND`, [error@Mp.Error.INVALID_ARGUMENT], and what else the system says.
 *
 * Returns: %TRUE if it was removed
 *
 * Since: 0.1
 */
gboolean
mp_shared_memory_unlink (const char  *name,
                         GError     **error)
{
  g_return_val_if_fail (name != NULL, FALSE);

  return mp_memory_file_unlink (name, error);
}

/**
 * mp_shared_memory_list:
 * @error: return location for an error
 *
 * Lists the names of the user's named memory, that of programs which ended included.
 *
 * Errors: a [error@Gio.IOErrorEnum] if the folder cannot be read.
 *
 * Returns: (transfer full) (array zero-terminated=1): the names, sorted
 *
 * Since: 0.1
 */
char **
mp_shared_memory_list (GError **error)
{
  return mp_memory_file_list (error);
}

/**
 * mp_shared_memory_get_name: (get-property name)
 * @self: shared memory
 *
 * Gets the name by which any process of the user opens the memory.
 *
 * Returns: (transfer none) (nullable): the name, or %NULL for anonymous memory
 *
 * Since: 0.1
 */
const char *
mp_shared_memory_get_name (MpSharedMemory *self)
{
  g_return_val_if_fail (MP_IS_SHARED_MEMORY (self), NULL);

  return PRIVATE (self)->name;
}

/**
 * mp_shared_memory_get_size: (get-property size)
 * @self: shared memory
 *
 * Gets the size.
 *
 * Returns: the size in bytes, as it was asked for
 *
 * Since: 0.1
 */
guint64
mp_shared_memory_get_size (MpSharedMemory *self)
{
  g_return_val_if_fail (MP_IS_SHARED_MEMORY (self), 0);

  return PRIVATE (self)->size;
}

/**
 * mp_shared_memory_get_data:
 * @self: shared memory
 * @size: (out) (optional): return location for the size in bytes
 * @error: return location for an error
 *
 * Gets the memory itself, aligned to 64 bytes at least; in C and Vala. Other languages have the
 * property `buf` (Python) or `buffer` (JavaScript) for it.
 *
 * The pointer is good until the object is closed or finalized.
 *
 * Errors: [error@Mp.Error.INVALID_STATE] if it is closed or cannot be used in this process; for
 * named memory that was opened by a handle, as [func@Mp.SharedMemory.open_named], and
 * [error@Mp.Error.NO_SUCH_OBJECT] if the name is another's by now.
 *
 * Returns: (transfer none) (array length=size) (element-type guint8): the memory
 *
 * Since: 0.1
 */
gpointer
mp_shared_memory_get_data (MpSharedMemory  *self,
                           gsize           *size,
                           GError         **error)
{
  const MpMemoryShared *memory;
  const MpMemoryFile *file;

  g_return_val_if_fail (MP_IS_SHARED_MEMORY (self), NULL);

  memory = mp_shared_get_data (MP_SHARED (self));
  if (size != NULL)
    *size = (gsize) PRIVATE (self)->size;
  if (memory == NULL || g_atomic_int_get (&PRIVATE (self)->closed))
    {
      g_set_error (error, MP_ERROR, MP_ERROR_INVALID_STATE,
                   "The shared memory is closed, or cannot be used in this process");
      return NULL;
    }
  if (memory->block.offset != 0)
    return mp_arena_pointer (memory->block.offset);

  file = get_file (self, memory, error);
  return file != NULL ? file->data : NULL;
}

/**
 * mp_shared_memory_get_address:
 * @self: shared memory
 * @error: return location for an error
 *
 * Gets the address of the memory. For language bindings: whatever uses the address has to hold what
 * [method@Mp.SharedMemory.get_bytes] returned.
 *
 * Errors: as [method@Mp.SharedMemory.get_data].
 *
 * Returns: the address, or 0
 *
 * Since: 0.1
 */
guint64
mp_shared_memory_get_address (MpSharedMemory  *self,
                              GError         **error)
{
  return (guint64) (guintptr) mp_shared_memory_get_data (self, NULL, error);
}

/**
 * mp_shared_memory_get_bytes:
 * @self: shared memory
 * @error: return location for an error
 *
 * Gets the memory as a #GBytes, without a copy.
 *
 * Others may change the content. The memory stays as long as the #GBytes does, also if the object
 * is closed meanwhile.
 *
 * Errors: as [method@Mp.SharedMemory.get_data].
 *
 * Returns: (transfer full): the memory
 *
 * Since: 0.1
 */
GBytes *
mp_shared_memory_get_bytes (MpSharedMemory  *self,
                            GError         **error)
{
  gsize size;
  gpointer data = mp_shared_memory_get_data (self, &size, error);

  if (data == NULL)
    return NULL;
  if (!add_user (self))
    {
      mp_status_to_error (MP_STATUS_INVALID, error);
      return NULL;
    }

  return g_bytes_new_with_free_func (data, size, release_view, g_object_ref (self));
}

/**
 * mp_shared_memory_close:
 * @self: shared memory
 *
 * Lets go of the memory in this process, as soon as no #GBytes of it is left. Other processes are
 * not concerned. Closing again does nothing.
 *
 * Since: 0.1
 */
void
mp_shared_memory_close (MpSharedMemory *self)
{
  MpSharedMemoryPrivate *priv;

  g_return_if_fail (MP_IS_SHARED_MEMORY (self));

  priv = PRIVATE (self);
  if (__atomic_exchange_n (&priv->closed, 1, __ATOMIC_ACQ_REL) == 0 && priv->users > 0)
    remove_user (self);
}

/**
 * mp_shared_memory_is_closed:
 * @self: shared memory
 *
 * Tells whether the object was closed.
 *
 * Returns: %TRUE after [method@Mp.SharedMemory.close]
 *
 * Since: 0.1
 */
gboolean
mp_shared_memory_is_closed (MpSharedMemory *self)
{
  g_return_val_if_fail (MP_IS_SHARED_MEMORY (self), TRUE);

  return g_atomic_int_get (&PRIVATE (self)->closed) != 0;
}
