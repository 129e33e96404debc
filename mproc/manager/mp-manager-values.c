/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Frames of values on the client's side: made of GVariants, read back as GVariants, or
 * in the one encoding that a binding asks for. All conversion happens here, in the
 * client; the server keeps what the writer sent. Frames given to these functions have passed
 * mp_frame_check(). No state; any thread.
 */

#include "config.h"

#include "mproc/manager/mp-manager-values-private.h"

#include <string.h>

#include "mproc/base/mp-transcode-private.h"
#include "mproc/memory/mp-attach-private.h"

static void
append_variant (GByteArray *frame,
                GVariant   *value)
{
  g_autoptr (GVariant) held = g_variant_ref_sink (value);
  g_autoptr (GVariant) inner = NULL;
  g_autoptr (MpPayload) payload = NULL;
  GBytes *bytes;

  while (g_variant_is_of_type (held, G_VARIANT_TYPE_VARIANT))
    {
      inner = g_variant_get_variant (held);
      g_variant_unref (held);
      held = g_steal_pointer (&inner);
    }

  payload = mp_payload_new_variant (held);
  mp_attach_payload (payload);      /* held until mp_proxy_call() is done */
  bytes = mp_payload_get_bytes (payload);
  mp_frame_append (frame, MP_ENCODING_VARIANT, g_bytes_get_data (bytes, NULL),
                   g_bytes_get_size (bytes));
}

/* A frame of none, one or two values; floating references are sunk. */
GByteArray *
mp_values_new (GVariant *first,
               GVariant *second)
{
  GByteArray *frame = g_byte_array_new ();

  if (first != NULL)
    append_variant (frame, first);
  if (second != NULL)
    append_variant (frame, second);

  return frame;
}

/* What is inside @value if it is the extension @name. */
static GVariant *
get_extension (GVariant   *value,
               const char *name)
{
  g_autoptr (GVariant) pair = NULL;
  g_autoptr (GVariant) inner = NULL;
  const char *tag;

  if (!g_variant_is_of_type (value, G_VARIANT_TYPE (MP_EXTENSION_TYPE)))
    return NULL;
  pair = g_variant_get_maybe (value);
  if (pair == NULL)
    return NULL;
  g_variant_get (pair, "(&sv)", &tag, &inner);

  return g_str_equal (tag, name) ? g_steal_pointer (&inner) : NULL;
}

static GVariant *
as_sequence (GVariant *content)
{
  static const char * const names[] = { "mp.tuple", "mp.set", "mp.frozenset" };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      GVariant *inner = get_extension (content, names[i]);

      if (inner != NULL)
        return inner;
    }

  return g_variant_ref (content);
}

static gboolean
append_items (GByteArray  *frame,
              GVariant    *content,
              GError     **error)
{
  g_autoptr (GVariant) items = as_sequence (content);
  gsize n;

  if (!(g_variant_is_of_type (items, G_VARIANT_TYPE_ARRAY)
        || g_variant_is_of_type (items, G_VARIANT_TYPE_TUPLE))
      || g_variant_is_of_type (items, G_VARIANT_TYPE_DICTIONARY))
    {
      g_set_error (error, MP_ERROR, MP_ERROR_INVALID_ARGUMENT,
                   "A list is made of an array or a tuple, not of type %s",
                   g_variant_get_type_string (items));
      return FALSE;
    }

  n = g_variant_n_children (items);
  for (gsize i = 0; i < n; i++)
    {
      g_autoptr (GVariant) item = g_variant_get_child_value (items, i);

      append_variant (frame, item);
    }

  return TRUE;
}

static gboolean
append_pairs (GByteArray  *frame,
              GVariant    *content,
              GError     **error)
{
  g_autoptr (GVariant) extended = get_extension (content, "mp.dict");
  GVariant *pairs = extended != NULL ? extended : content;
  gsize n;

  if (!g_variant_is_of_type (pairs, G_VARIANT_TYPE_DICTIONARY)
      && !(extended != NULL && g_variant_is_of_type (pairs, G_VARIANT_TYPE ("a(vv)"))))
    {
      g_set_error (error, MP_ERROR, MP_ERROR_INVALID_ARGUMENT,
                   "A dict is made of a dictionary, not of type %s",
                   g_variant_get_type_string (pairs));
      return FALSE;
    }

  n = g_variant_n_children (pairs);
  for (gsize i = 0; i < n; i++)
    {
      g_autoptr (GVariant) pair = g_variant_get_child_value (pairs, i);
      g_autoptr (GVariant) key = g_variant_get_child_value (pair, 0);
      g_autoptr (GVariant) value = g_variant_get_child_value (pair, 1);

      append_variant (frame, key);
      append_variant (frame, value);
    }

  return TRUE;
}

/* A frame of the items of a list, or the keys and values of a dict. NULL @content is none. */
GByteArray *
mp_values_new_content (MpObjectType   type,
                       GVariant      *content,
                       GError       **error)
{
  g_autoptr (GByteArray) frame = g_byte_array_new ();
  g_autoptr (GVariant) held = NULL;
  gboolean success;

  if (content == NULL)
    return g_steal_pointer (&frame);

  held = g_variant_ref_sink (content);
  if (g_variant_is_of_type (held, G_VARIANT_TYPE_VARIANT))
    {
      GVariant *inner = g_variant_get_variant (held);

      g_variant_unref (held);
      held = inner;
    }
  success = type == MP_OBJECT_DICT ? append_pairs (frame, held, error)
                                   : append_items (frame, held, error);

  return success ? g_steal_pointer (&frame) : NULL;
}

/* ── Back to GVariants ───────────────────────────────────────────────────────────────────────── */

GVariant *
mp_values_decode (const MpFrameValue  *value,
                  GError             **error)
{
  g_autoptr (GBytes) bytes = g_bytes_new (value->data, value->size);
  GVariant *variant = mp_transcode_to_variant (value->encoding, bytes, NULL, error);

  return variant != NULL ? g_variant_take_ref (variant) : NULL;
}

static GPtrArray *
frame_to_variants (gconstpointer   frame,
                   gsize           size,
                   GError        **error)
{
  g_autoptr (GPtrArray) all = g_ptr_array_new_with_free_func ((GDestroyNotify) g_variant_unref);
  MpFrameReader reader;
  MpFrameValue value;

  mp_frame_reader_init (&reader, frame, size);
  while (mp_frame_reader_next (&reader, &value))
    {
      GVariant *variant = mp_values_decode (&value, error);

      if (variant == NULL)
        return NULL;
      g_ptr_array_add (all, variant);
    }

  return g_steal_pointer (&all);
}

/* The value number @index of a frame. */
GVariant *
mp_values_get (gconstpointer   frame,
               gsize           size,
               guint           index,
               GError        **error)
{
  MpFrameReader reader;
  MpFrameValue value;

  mp_frame_reader_init (&reader, frame, size);
  do
    if (!mp_frame_reader_next (&reader, &value))
      {
        g_set_error_literal (error, MP_ERROR, MP_ERROR_INVALID_DATA,
                             "The manager's server sent too few values");
        return NULL;
      }
  while (index-- > 0);

  return mp_values_decode (&value, error);
}

static GVariant *
box_all (GPtrArray *items)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("av"));
  for (guint i = 0; i < items->len; i++)
    g_variant_builder_add (&builder, "v", items->pdata[i]);

  return g_variant_ref_sink (g_variant_builder_end (&builder));
}

/* As the value model has it: an array of their type if all are of one of a few, else boxed. */
static GVariant *
list_of (GPtrArray *items)
{
  static const char * const alike[] = { "b", "x", "d", "s", "ay", "a{sv}" };
  const char *type = items->len > 0 ? g_variant_get_type_string (items->pdata[0]) : "";
  gboolean simple = FALSE;

  for (guint i = 0; i < G_N_ELEMENTS (alike); i++)
    simple = simple || g_str_equal (type, alike[i]);
  for (guint i = 1; i < items->len && simple; i++)
    simple = g_str_equal (type, g_variant_get_type_string (items->pdata[i]));

  if (!simple)
    return box_all (items);

  return g_variant_ref_sink (g_variant_new_array (NULL, (GVariant **) items->pdata, items->len));
}

static gboolean
keys_are (GPtrArray          *pairs,
          const GVariantType *type)
{
  for (guint i = 0; i < pairs->len; i += 2)
    if (!g_variant_is_of_type (pairs->pdata[i], type))
      return FALSE;

  return TRUE;
}

static GVariant *
extended_dict_of (GPtrArray *pairs)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a(vv)"));
  for (guint i = 0; i + 1 < pairs->len; i += 2)
    g_variant_builder_add (&builder, "(vv)", pairs->pdata[i], pairs->pdata[i + 1]);

  return g_variant_ref_sink (g_variant_new (MP_EXTENSION_TYPE, TRUE, "mp.dict",
                                            g_variant_builder_end (&builder)));
}

static GVariant *
dict_of (GPtrArray *pairs)
{
  GVariantBuilder builder;

  if (keys_are (pairs, G_VARIANT_TYPE_STRING))
    g_variant_builder_init (&builder, G_VARIANT_TYPE ("a{sv}"));
  else if (keys_are (pairs, G_VARIANT_TYPE_INT64))
    g_variant_builder_init (&builder, G_VARIANT_TYPE ("a{xv}"));
  else
    return extended_dict_of (pairs);

  for (guint i = 0; i + 1 < pairs->len; i += 2)
    {
      GVariant *boxed = g_variant_new_variant (pairs->pdata[i + 1]);

      g_variant_builder_add_value (&builder, g_variant_new_dict_entry (pairs->pdata[i], boxed));
    }

  return g_variant_ref_sink (g_variant_builder_end (&builder));
}

/* The whole frame as one list or dict. */
GVariant *
mp_values_get_content (MpObjectType    type,
                       gconstpointer   frame,
                       gsize           size,
                       GError        **error)
{
  g_autoptr (GPtrArray) all = frame_to_variants (frame, size, error);

  if (all == NULL)
    return NULL;

  return type == MP_OBJECT_DICT ? dict_of (all) : list_of (all);
}

/* ── What bindings want ──────────────────────────────────────────────────────────────────────── */

/* The same values, each in @wanted. */
GByteArray *
mp_values_convert (gconstpointer   frame,
                   gsize           size,
                   MpEncoding      wanted,
                   GError        **error)
{
  g_autoptr (GByteArray) converted = g_byte_array_sized_new (size);
  MpFrameReader reader;
  MpFrameValue value;

  mp_frame_reader_init (&reader, frame, size);
  while (mp_frame_reader_next (&reader, &value))
    {
      g_autoptr (GBytes) bytes = NULL;

      if (value.encoding == wanted && wanted != MP_ENCODING_JSON)
        {
          mp_frame_append (converted, wanted, value.data, value.size);
          continue;
        }
      bytes = wanted == MP_ENCODING_JSON
              ? mp_transcode_to_text (value.encoding, value.data, value.size, error)
              : mp_transcode (value.encoding, value.data, value.size, wanted, error);
      if (bytes == NULL)
        return NULL;
      mp_frame_append (converted, wanted, g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes));
    }

  return g_steal_pointer (&converted);
}

/* One JSON array of all values. */
char *
mp_values_to_json (gconstpointer   frame,
                   gsize           size,
                   GError        **error)
{
  g_autoptr (GByteArray) converted = mp_values_convert (frame, size, MP_ENCODING_JSON, error);
  g_autoptr (GString) text = NULL;
  MpFrameReader reader;
  MpFrameValue value;

  if (converted == NULL)
    return NULL;

  text = g_string_sized_new (converted->len + 3);
  mp_frame_reader_init (&reader, converted->data, converted->len);
  while (mp_frame_reader_next (&reader, &value))
    {
      g_string_append_c (text, text->len == 0 ? '[' : ',');
      g_string_append_len (text, (const char *) value.data, value.size);
    }
  g_string_append (text, text->len == 0 ? "[]" : "]");
  if (g_utf8_validate_len (text->str, text->len, NULL))
    return g_string_free (g_steal_pointer (&text), FALSE);

  g_set_error_literal (error, MP_ERROR, MP_ERROR_INVALID_DATA, "A value is not UTF-8 text");
  return NULL;
}
