/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * How a shared object travels inside a value.
 *
 * In the value there is only its handle, a text. So that the object lives until the reader has
 * opened it, even if the writer is gone by then, the message itself holds a reference. Who encodes
 * a value therefore says which objects it has met (mp_shared_attach); the next message that the
 * same thread makes takes these over. The list is the thread's own, and nearly always empty.
 *
 * A GVariant that stands for an object holds it itself, as do those that it is put into, and the
 * payload that is made of them: see mp-attach-find.c.
 */

#include "config.h"

#include "mproc/memory/mp-attach-private.h"

#include "mproc/memory/mp-shared-private.h"

#define TAG "mp.object"

static GPrivate attached = G_PRIVATE_INIT ((GDestroyNotify) g_array_unref);
__thread gboolean mp_attach_pending __attribute__ ((tls_model ("initial-exec")));

GArray *
mp_attach_claim (void)
{
  GArray *references;

  if (G_LIKELY (!mp_attach_pending))
    return NULL;

  mp_attach_pending = FALSE;
  references = g_private_get (&attached);
  g_private_set (&attached, NULL);
  return references;
}

void
mp_attach_restore (GArray *references)
{
  if (references == NULL)
    return;

  g_private_replace (&attached, references);
  mp_attach_pending = TRUE;
}

static void
clear_reference (gpointer data)
{
  MpReference *reference = data;

  reference->let_go (reference->holder);
}

/* Consumes @holder, which keeps the object alive meanwhile. */
static void
add_reference (const MpSharedHeader *shared,
               gpointer              holder,
               GDestroyNotify        let_go)
{
  MpReference reference = { mp_arena_offset (shared), shared->kind, shared->serial, holder,
                            let_go };
  GArray *references = g_private_get (&attached);

  if (references == NULL)
    {
      references = g_array_new (FALSE, FALSE, sizeof reference);
      g_array_set_clear_func (references, clear_reference);
      g_private_set (&attached, references);
    }
  g_array_append_val (references, reference);
  mp_attach_pending = TRUE;
}

void
mp_attach_block (MpBlock *block)
{
  gconstpointer data = mp_block_get_data (block, NULL);
  MpOffset offset = data != NULL ? mp_arena_offset (data) - 64 : 0;

  if (data != NULL && mp_block_has_objects (offset))
    add_reference (mp_arena_pointer (offset), mp_block_ref (block),
                   (GDestroyNotify) mp_block_unref);
}

/**
 * mp_shared_attach:
 * @self: a shared object
 *
 * Says that the value which this thread is encoding contains @self's handle. For language bindings.
 *
 * The next message that this thread sends holds a reference on @self until it has been read or
 * dropped; so the object lives until the reader has opened it.
 *
 * Since: 0.1
 */
void
mp_shared_attach (MpShared *self)
{
  const MpSharedHeader *shared;

  g_return_if_fail (MP_IS_SHARED (self));

  shared = mp_shared_get_data (self);
  if (shared != NULL)
    add_reference (shared, g_object_ref (self), g_object_unref);
}

/**
 * mp_shared_detach_all:
 *
 * Forgets what this thread has attached, because the value will not be sent. For language bindings.
 *
 * Since: 0.1
 */
void
mp_shared_detach_all (void)
{
  GArray *references = mp_attach_claim ();

  if (references != NULL)
    g_array_unref (references);
}

/* The memory of a value, and whom it stands for. */
typedef struct {
  GVariant *value;
  MpShared *holder;
} Held;

static void
let_go (gpointer data)
{
  Held *held = data;

  g_variant_unref (held->value);
  g_object_unref (held->holder);
  g_free (held);
}

GVariant *
mp_attach_variant (MpShared   *holder,
                   const char *handle)
{
  GVariant *pair = g_variant_new ("(sv)", TAG, g_variant_new_string (handle));
  Held *held = g_new (Held, 1);
  g_autoptr (GBytes) bytes = NULL;

  *held = (Held) { g_variant_ref_sink (g_variant_new_maybe (NULL, pair)), g_object_ref (holder) };
  bytes = g_bytes_new_with_free_func (g_variant_get_data (held->value),
                                      g_variant_get_size (held->value), let_go, held);
  return g_variant_new_from_bytes (G_VARIANT_TYPE ("m(sv)"), bytes, TRUE);
}

/**
 * mp_shared_to_variant:
 * @self: a shared object
 *
 * Makes a value that stands for @self, to be put in a queue, alone or inside other values.
 *
 * Every language's reader gets the object itself. The value holds @self, and so does every message
 * in which it is sent, alone or inside other values, until that has been read: you may let go of
 * @self at once. Only a value that it was put into and that GLib has written out since
 * ([method@GLib.Variant.get_data], [method@GLib.Variant.get_normal_form]) does not hold @self any
 * more; then keep @self until you have sent it.
 *
 * Returns: (transfer floating) (nullable): the value, or %NULL if @self could not be made
 *
 * Since: 0.1
 */
GVariant *
mp_shared_to_variant (MpShared *self)
{
  g_autofree char *handle = NULL;

  g_return_val_if_fail (MP_IS_SHARED (self), NULL);

  handle = mp_shared_get_handle (self);
  if (handle == NULL)
    return NULL;

  return mp_attach_variant (self, handle);
}

/**
 * mp_shared_from_variant:
 * @value: a value that was made by [method@Mp.Shared.to_variant], or by a shared object of another
 *   language
 * @error: return location for an error
 *
 * Opens the shared object that a value stands for.
 *
 * Do so while you hold the payload or the value in which it came.
 *
 * Errors: [error@Mp.Error.INVALID_DATA] if the value stands for no shared object, and those of
 * [func@Mp.Shared.open].
 *
 * Returns: (transfer full): the object
 *
 * Since: 0.1
 */
MpShared *
mp_shared_from_variant (GVariant  *value,
                        GError   **error)
{
  g_autoptr (GVariant) pair = NULL;
  g_autoptr (GVariant) content = NULL;
  const char *tag = NULL;

  g_return_val_if_fail (value != NULL, NULL);

  if (g_variant_is_of_type (value, G_VARIANT_TYPE ("m(sv)")))
    pair = g_variant_get_maybe (value);
  if (pair != NULL)
    g_variant_get (pair, "(&sv)", &tag, &content);
  if (g_strcmp0 (tag, TAG) != 0 || !g_variant_is_of_type (content, G_VARIANT_TYPE_STRING))
    {
      g_set_error_literal (error, MP_ERROR, MP_ERROR_INVALID_DATA,
                           "The value stands for no shared object");
      return NULL;
    }

  return mp_shared_open (g_variant_get_string (content, NULL), error);
}
