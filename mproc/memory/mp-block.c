/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * MpBlock: one process's lease on a block of the arena, counted like a GBytes.
 *
 * It is no GObject, because it is made and dropped once per large message. A forked child has its
 * own lease at the same index, so what it inherited stays right. The lease's reference moves to
 * a queue when the block is put; if there are views of it, a second one does.
 *
 * Any thread may use a block; the data is not protected from concurrent changes.
 */

#include "config.h"

#include "mproc/memory/mp-block-private.h"

#include <string.h>

#include "mproc/base/mp-error-private.h"
#include "mproc/base/mp-payload-private.h"
#include "mproc/memory/mp-attach-private.h"
#include "mproc/memory/mp-family-private.h"

struct _MpBlock
{
  gatomicrefcount ref_count;
  int      released;
  guint32  lease;
  MpOffset offset;
};

G_DEFINE_BOXED_TYPE (MpBlock, mp_block, mp_block_ref, mp_block_unref)

/* --- In the arena -------------------------------------------------------------------------- */

static guint64 *
get_objects (MpBlockShared *block)
{
  return (guint64 *) (MP_BLOCK_DATA (mp_arena_offset (block)) + (block->size + 7) / 8 * 8);
}

/* The last reference is gone: what the message referred to goes too. */
static void
destroy_block (gpointer shared)
{
  MpBlockShared *block = shared;

  for (guint64 i = 0; i < block->n_objects; i++)
    mp_lease_drop_word (&get_objects (block)[i]);
}

static const MpKindInfo block_kind = {
  .name = "block",
  .size = sizeof (MpBlockShared),
  .destroy = destroy_block,
};

__attribute__ ((constructor)) static void
register_kind (void)
{
  mp_kind_register (MP_KIND_BLOCK, &block_kind);
}

/* All words are 0 before their number says that they are there. */
static MpStatus
refer (MpBlockShared *block,
       GArray        *references)
{
  guint64 *words = get_objects (block);
  MpStatus status = MP_STATUS_OK;

  memset (words, 0, references->len * sizeof *words);
  __atomic_store_n (&block->n_objects, references->len, __ATOMIC_RELEASE);
  for (guint i = 0; i < references->len && status == MP_STATUS_OK; i++)
    {
      const MpReference *reference = &g_array_index (references, MpReference, i);

      status = mp_lease_take_word (reference->offset, reference->kind, reference->serial,
                                   &words[i]);
    }

  return status;
}

MpStatus
mp_block_create (gsize               size,
                 GArray             *references,
                 const MpWaitLimits *limits,
                 MpOffset           *offset,
                 guint32            *lease)
{
  guint n = references != NULL ? references->len : 0;
  gsize more = 64 - sizeof (MpBlockShared) + 8 + n * sizeof (guint64);
  MpBlockShared *block;
  MpStatus status;

  if (__builtin_add_overflow (more, size, &more))
    return MP_STATUS_NO_SPACE;
  status = mp_lease_create_sized (MP_KIND_BLOCK, more, limits, offset, lease);
  if (status != MP_STATUS_OK)
    return status;

  block = mp_arena_pointer (*offset);
  block->size = size;
  if (n > 0)
    status = refer (block, references);
  if (status != MP_STATUS_OK)
    mp_lease_drop (*lease);

  return status;
}

/* --- The handle ---------------------------------------------------------------------------- */

MpBlock *
mp_block_adopt (MpOffset offset,
                guint32  lease)
{
  MpBlock *self = g_new (MpBlock, 1);

  g_atomic_ref_count_init (&self->ref_count);
  self->released = FALSE;
  self->offset = offset;
  self->lease = lease;
  return self;
}

static gboolean
is_usable (MpBlock *self)
{
  return !g_atomic_int_get (&self->released) && !mp_arena.cut_off;
}

gboolean
mp_block_give (MpBlock  *self,
               MpOffset *offset,
               guint32  *lease)
{
  if (!is_usable (self) || !g_atomic_ref_count_compare (&self->ref_count, 1))
    return FALSE;

  *offset = self->offset;
  *lease = self->lease;
  return TRUE;
}

void
mp_block_gave (MpBlock *self)
{
  g_atomic_int_set (&self->released, TRUE);
}

MpStatus
mp_block_lease (MpBlock  *self,
                MpOffset *offset,
                guint32  *lease)
{
  const MpSharedHeader *shared = mp_arena_pointer (self->offset);

  if (!is_usable (self))
    return MP_STATUS_INVALID;

  *offset = self->offset;
  return mp_lease_take (self->offset, MP_KIND_BLOCK, shared->serial, lease);
}

/* @references: of MpReference, or NULL. */
static MpBlock *
make (gsize    size,
      GArray  *references,
      GError **error)
{
  MpOffset offset;
  guint32 lease;
  MpStatus status;

  if (!mp_family_ensure (error))
    return NULL;

  status = mp_block_create (size, references, NULL, &offset, &lease);
  if (!mp_status_to_error (status, error))
    return NULL;

  return mp_block_adopt (offset, lease);
}

/**
 * mp_block_new:
 * @size: how many bytes
 * @error: return location for an error
 *
 * Makes a block, to be filled in place. What is in it at first is undefined.
 *
 * Errors: [error@Mp.Error.NO_SPACE]; a [error@Gio.IOErrorEnum] if there can be no shared memory.
 *
 * Returns: (transfer full): the block
 *
 * Since: 0.1
 */
MpBlock *
mp_block_new (gsize    size,
              GError **error)
{
  return make (size, NULL, error);
}

/**
 * mp_block_new_attached:
 * @size: how many bytes
 * @error: return location for an error
 *
 * Makes a block that holds the shared objects which this thread has attached. For language
 * bindings.
 *
 * They live at least as long as the block; with an error they stay attached. See
 * [method@Mp.Shared.attach] and [ctor@Mp.Block.new].
 *
 * Errors: those of [ctor@Mp.Block.new]; [error@Mp.Error.INVALID_STATE] if such an object is gone.
 *
 * Returns: (transfer full): the block
 *
 * Since: 0.1
 */
MpBlock *
mp_block_new_attached (gsize    size,
                       GError **error)
{
  GArray *references = mp_attach_claim ();
  MpBlock *block = make (size, references, error);

  if (block == NULL)
    mp_attach_restore (references);
  else if (references != NULL)
    g_array_unref (references);

  return block;
}

/**
 * mp_block_ref:
 * @self: a block
 *
 * Takes a reference.
 *
 * Returns: (transfer full): @self
 *
 * Since: 0.1
 */
MpBlock *
mp_block_ref (MpBlock *self)
{
  g_return_val_if_fail (self != NULL, NULL);

  g_atomic_ref_count_inc (&self->ref_count);
  return self;
}

/**
 * mp_block_unref:
 * @self: (transfer full): a block
 *
 * Gives a reference back. With the last one this process lets go of the memory.
 *
 * Since: 0.1
 */
void
mp_block_unref (MpBlock *self)
{
  g_return_if_fail (self != NULL);

  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;

  mp_block_release (self);
  g_free (self);
}

/**
 * mp_block_get_data: (skip)
 * @self: a block
 * @size: (out) (optional): how many bytes
 *
 * Gets the block's memory, which begins at a multiple of 64.
 *
 * Returns: (transfer none) (nullable): the bytes, valid as long as @self is held, or %NULL after
 *   [method@Mp.Block.release]
 *
 * Since: 0.1
 */
gpointer
mp_block_get_data (MpBlock *self,
                   gsize   *size)
{
  gboolean usable;

  g_return_val_if_fail (self != NULL, NULL);

  usable = is_usable (self);
  if (size != NULL)
    *size = usable ? mp_block_size (self->offset) : 0;

  return usable ? MP_BLOCK_DATA (self->offset) : NULL;
}

/**
 * mp_block_get_address:
 * @self: a block
 *
 * Gets where the block's memory lies in this process. For language bindings.
 *
 * Returns: the address, or 0 after [method@Mp.Block.release]
 *
 * Since: 0.1
 */
guint64
mp_block_get_address (MpBlock *self)
{
  g_return_val_if_fail (self != NULL, 0);

  return (guintptr) mp_block_get_data (self, NULL);
}

/**
 * mp_block_get_size:
 * @self: a block
 *
 * Gets the size of the block.
 *
 * Returns: the size in bytes, or 0 after [method@Mp.Block.release]
 *
 * Since: 0.1
 */
gsize
mp_block_get_size (MpBlock *self)
{
  gsize size;

  g_return_val_if_fail (self != NULL, 0);

  mp_block_get_data (self, &size);
  return size;
}

/**
 * mp_block_get_bytes:
 * @self: a block
 *
 * Gets the block's memory as a #GBytes, without a copy.
 *
 * Returns: (transfer full): bytes that hold a reference to @self; empty after
 *   [method@Mp.Block.release]
 *
 * Since: 0.1
 */
GBytes *
mp_block_get_bytes (MpBlock *self)
{
  gpointer data;
  gsize size;

  g_return_val_if_fail (self != NULL, NULL);

  data = mp_block_get_data (self, &size);
  return g_bytes_new_with_free_func (data, size, (GDestroyNotify) mp_block_unref,
                                     mp_block_ref (self));
}

/**
 * mp_block_to_payload:
 * @self: a block
 * @encoding: how its bytes are to be read
 *
 * Makes an encoded value of what lies in the block, without a copy. Sent whole, it is the block
 * that is sent.
 *
 * Returns: (transfer full): a value that holds a reference to @self
 *
 * Since: 0.1
 */
MpPayload *
mp_block_to_payload (MpBlock    *self,
                     MpEncoding  encoding)
{
  g_autoptr (GBytes) bytes = NULL;
  MpPayload *payload;

  g_return_val_if_fail (self != NULL, NULL);

  bytes = mp_block_get_bytes (self);
  payload = mp_payload_new (encoding, bytes);
  mp_payload_set_holder (payload, mp_block_ref (self), (GDestroyNotify) mp_block_unref);

  return payload;
}

/**
 * mp_block_release:
 * @self: a block
 *
 * Lets go of the memory at once, whoever still holds @self. For languages whose garbage collector
 * comes late and does not know how much there is to collect.
 *
 * No view of the memory may be used after that.
 *
 * Since: 0.1
 */
void
mp_block_release (MpBlock *self)
{
  g_return_if_fail (self != NULL);

  if (g_atomic_int_compare_and_exchange (&self->released, FALSE, TRUE) && !mp_arena.cut_off)
    mp_lease_drop (self->lease);
}
