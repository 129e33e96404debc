/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * MpPayload: the value on its way. Immutable and counted atomically, so any thread may hold one.
 * It does not look at its bytes before somebody asks for the value in another form; then
 * mp-transcode.c does the work, each time anew.
 *
 * One that was made of a GVariant holds the shared objects that this names, so that it can be sent
 * at any time: each message in which it goes holds them, too.
 */

#include "config.h"

#include "mproc/base/mp-payload-private.h"

#include "mproc/base/mp-transcode-private.h"

struct _MpPayload
{
  gatomicrefcount ref_count;
  MpEncoding      encoding;
  GBytes         *bytes;
  gpointer        holder;       /* what the bytes came in, and keeps alive what they refer to */
  GDestroyNotify  let_go;
  gsize           looked;       /* whether the objects have been looked for */
  GPtrArray      *objects;      /* (nullable) */
};

static MpPayloadFinder find_objects;

G_DEFINE_BOXED_TYPE (MpPayload, mp_payload, mp_payload_ref, mp_payload_unref)

/**
 * mp_payload_new:
 * @encoding: how @bytes are to be read
 * @bytes: the encoded value; must not change while the payload lives
 *
 * Makes a payload of bytes that are encoded already.
 *
 * The bytes are not checked; whoever reads the value does that.
 *
 * Returns: (transfer full): a payload that holds a reference to @bytes
 *
 * Since: 0.1
 */
MpPayload *
mp_payload_new (MpEncoding  encoding,
                GBytes     *bytes)
{
  MpPayload *self;

  g_return_val_if_fail (encoding >= MP_ENCODING_VARIANT && encoding <= MP_ENCODING_BYTES, NULL);
  g_return_val_if_fail (bytes != NULL, NULL);

  self = g_new0 (MpPayload, 1);
  g_atomic_ref_count_init (&self->ref_count);
  self->encoding = encoding;
  self->bytes = g_bytes_ref (bytes);
  return self;
}

void
mp_payload_set_holder (MpPayload      *self,
                       gpointer        holder,
                       GDestroyNotify  let_go)
{
  self->holder = holder;
  self->let_go = let_go;
}

gpointer
mp_payload_get_holder (MpPayload *self)
{
  return self->holder;
}

/* The shared objects that a `v` names, or NULL. */
static GPtrArray *
find (GBytes *bytes)
{
  MpPayloadFinder finder = (MpPayloadFinder) g_atomic_pointer_get ((gpointer *) &find_objects);

  return finder != NULL ? finder (bytes) : NULL;
}

/**
 * mp_payload_new_variant:
 * @value: a value, which is consumed if it is floating
 *
 * Makes a payload of a [struct@GLib.Variant].
 *
 * Shared objects and proxies that are in the value, made by [method@Mp.Shared.to_variant] and
 * [method@Mp.Proxy.to_variant], live as long as the payload and every message that it is sent in.
 *
 * Returns: (transfer full): a payload of the encoding [enum@Mp.Encoding.VARIANT]
 *
 * Since: 0.1
 */
MpPayload *
mp_payload_new_variant (GVariant *value)
{
  g_autoptr (GVariant) held = NULL;
  g_autoptr (GBytes) bytes = NULL;
  MpPayload *self;

  g_return_val_if_fail (value != NULL, NULL);

  /* The value holds what is in it until that has been found in the bytes. */
  held = g_variant_ref_sink (value);
  bytes = mp_transcode_from_variant (held);
  self = mp_payload_new (MP_ENCODING_VARIANT, bytes);
  self->objects = find (bytes);
  self->looked = 1;             /* nobody else has it yet */
  return self;
}

void
mp_payload_set_finder (MpPayloadFinder finder)
{
  g_atomic_pointer_set ((gpointer *) &find_objects, (gpointer) finder);
}

GPtrArray *
mp_payload_peek_objects (MpPayload *self)
{
  return g_atomic_pointer_get (&self->looked) != 0 ? self->objects : NULL;
}

/**
 * mp_payload_get_objects:
 * @self: a payload
 *
 * Finds the shared objects that a payload of the encoding [enum@Mp.Encoding.VARIANT] names, and
 * has the payload hold them. For language bindings.
 *
 * Every value that is read from the payload afterwards holds them as well. A payload made by
 * [ctor@Mp.Payload.new_variant] has looked already.
 *
 * Returns: (transfer none) (nullable) (element-type GObject.Object): the objects, as
 *   [class@Mp.Shared], or %NULL if there are none
 *
 * Since: 0.1
 */
GPtrArray *
mp_payload_get_objects (MpPayload *self)
{
  g_return_val_if_fail (self != NULL, NULL);

  if (g_once_init_enter (&self->looked))
    {
      if (self->encoding == MP_ENCODING_VARIANT)
        self->objects = find (self->bytes);
      g_once_init_leave (&self->looked, 1);
    }

  return self->objects;
}

/**
 * mp_payload_ref:
 * @self: a payload
 *
 * Takes a reference.
 *
 * Returns: (transfer full): @self
 *
 * Since: 0.1
 */
MpPayload *
mp_payload_ref (MpPayload *self)
{
  g_return_val_if_fail (self != NULL, NULL);

  g_atomic_ref_count_inc (&self->ref_count);
  return self;
}

/**
 * mp_payload_unref:
 * @self: (transfer full): a payload
 *
 * Gives a reference back; the last one frees the payload.
 *
 * Since: 0.1
 */
void
mp_payload_unref (MpPayload *self)
{
  g_return_if_fail (self != NULL);

  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;

  g_bytes_unref (self->bytes);
  if (self->let_go != NULL)
    self->let_go (self->holder);
  g_clear_pointer (&self->objects, g_ptr_array_unref);
  g_free (self);
}

/**
 * mp_payload_get_encoding:
 * @self: a payload
 *
 * Tells how the bytes are encoded.
 *
 * Returns: the encoding
 *
 * Since: 0.1
 */
MpEncoding
mp_payload_get_encoding (MpPayload *self)
{
  g_return_val_if_fail (self != NULL, MP_ENCODING_BYTES);

  return self->encoding;
}

/**
 * mp_payload_get_bytes:
 * @self: a payload
 *
 * The encoded value.
 *
 * Returns: (transfer none): the bytes
 *
 * Since: 0.1
 */
GBytes *
mp_payload_get_bytes (MpPayload *self)
{
  g_return_val_if_fail (self != NULL, NULL);

  return self->bytes;
}

/* The bytes; with the objects that were found, as long as anybody has the bytes. */
static GBytes *
hold_by_bytes (MpPayload *self)
{
  gsize size;
  gconstpointer data = g_bytes_get_data (self->bytes, &size);

  if (G_LIKELY (mp_payload_peek_objects (self) == NULL))
    return g_bytes_ref (self->bytes);

  return g_bytes_new_with_free_func (data, size, (GDestroyNotify) mp_payload_unref,
                                     mp_payload_ref (self));
}

/**
 * mp_payload_get_variant:
 * @self: a payload
 * @expected: (nullable): the type wanted, or %NULL for any
 * @error: return location for an error
 *
 * Reads the value, whatever language wrote it.
 *
 * Without @expected the value has its canonical type: `b`, `x`, `d`, `s`, `ay`, arrays of these
 * for lists of one kind, `a{sv}` for dicts with string keys, `mv` for nothing, and so on. What a
 * program in C or Vala wrote comes back with the type it was written with, without a copy where
 * the bytes are aligned to 8.
 *
 * With @expected the value is brought to that type where nothing is lost: integers within the
 * range of the type, integers to `d`, an empty list to any array, a dict to `a{si}`, a list to a
 * tuple, `mv` to a maybe. A type with wildcards is only compared with the canonical type.
 *
 * Errors are [error@Mp.Error.NOT_PLAIN] if only the language that wrote the value can hold it, or
 * if it is nested deeper than 40 containers, and [error@Mp.Error.INVALID_DATA] if the bytes do not
 * decode or the value does not fit @expected; the message then says where.
 *
 * Returns: (transfer full): the value, not floating
 *
 * Since: 0.1
 */
GVariant *
mp_payload_get_variant (MpPayload           *self,
                        const GVariantType  *expected,
                        GError             **error)
{
  g_autoptr (GBytes) held = NULL;

  g_return_val_if_fail (self != NULL, NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  held = hold_by_bytes (self);
  return mp_transcode_to_variant (self->encoding, held, expected, error);
}

/**
 * mp_payload_convert:
 * @self: a payload
 * @encoding: the encoding wanted
 * @error: return location for an error
 *
 * Gives the same value in another encoding.
 *
 * Errors are [error@Mp.Error.NOT_PLAIN] if only the language that wrote the value can hold it,
 * [error@Mp.Error.INVALID_DATA] if the bytes do not decode, or if @encoding is
 * [enum@Mp.Encoding.BYTES] and the value is not bytes, and [error@Mp.Error.INVALID_ARGUMENT] if
 * there is no such encoding.
 *
 * Returns: (transfer full): a new payload, or @self itself if it has that encoding already
 *
 * Since: 0.1
 */
MpPayload *
mp_payload_convert (MpPayload   *self,
                    MpEncoding   encoding,
                    GError     **error)
{
  g_autoptr (GBytes) held = NULL;
  g_autoptr (GBytes) bytes = NULL;

  g_return_val_if_fail (self != NULL, NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  if (self->encoding == encoding)
    return mp_payload_ref (self);

  held = hold_by_bytes (self);
  bytes = mp_transcode_bytes (self->encoding, held, encoding, error);
  return bytes != NULL ? mp_payload_new (encoding, bytes) : NULL;
}
