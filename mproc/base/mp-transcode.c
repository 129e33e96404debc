/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Brings readers and writers together: read into a tree, seal it, check what the target cannot
 * hold, write. A table of readers and one of writers, so a further encoding is two rows.
 *
 * Nothing here blocks or keeps state; any process and any thread may call it.
 */

#include "config.h"

#include "mproc/base/mp-transcode-private.h"

#include <string.h>

#include "mproc/base/mp-plain-out-private.h"

static gboolean
read_bytes (MpPlain *plain)
{
  return mp_plain_push_data (plain, MP_PLAIN_BYTES, 0, plain->input_size, 0);
}

static gboolean
write_bytes (MpPlain    *plain,
             MpPlainOut *out)
{
  MpPlainValue value = plain->stack[0];

  if (value.kind != MP_PLAIN_BYTES)
    return mp_plain_fail (plain, MP_ERROR_INVALID_DATA, "The value is no bytes, but: %s",
                          mp_plain_kind_name (value.kind));

  return mp_plain_out_bytes (out, mp_plain_data (plain, value), value.length) ||
         mp_plain_fail (plain, MP_ERROR_FAILED, "There is no memory for the value");
}

static const struct
{
  gboolean (*read)  (MpPlain *plain);
  gboolean (*write) (MpPlain *plain, MpPlainOut *out);
} codecs[] = {
  [MP_ENCODING_VARIANT] = { mp_variant_read, mp_variant_write },
  [MP_ENCODING_PICKLE] = { mp_pickle_read, mp_pickle_write },
  [MP_ENCODING_JSON] = { mp_json_read, mp_json_write },
  [MP_ENCODING_BYTES] = { read_bytes, write_bytes },
};

static gboolean
is_encoding (MpEncoding   encoding,
             GError     **error)
{
  if (encoding >= MP_ENCODING_VARIANT && encoding <= MP_ENCODING_BYTES)
    return TRUE;

  g_set_error (error, MP_ERROR, MP_ERROR_INVALID_ARGUMENT, "There is no encoding %d",
               (int) encoding);
  return FALSE;
}

/* Reads and checks. A pickle made by hand can have a key twice, so it is checked like the rest. */
static gboolean
read_plain (MpPlain    *plain,
            MpEncoding  from,
            gboolean    for_python)
{
  return plain->error == NULL && codecs[from].read (plain) && mp_plain_seal (plain) &&
         mp_plain_check_keys (plain, for_python);
}

/* Bytes that hold others. */
typedef struct {
  GBytes *bytes;
  GBytes *source;
} Tied;

static void
untie (gpointer data)
{
  Tied *tied = data;

  g_bytes_unref (tied->bytes);
  g_bytes_unref (tied->source);
  g_free (tied);
}

/* @bytes (transfer full) once more, holding @source. */
static GBytes *
tie (GBytes *bytes,
     GBytes *source)
{
  Tied *tied = g_new (Tied, 1);
  gsize size;
  gconstpointer data = g_bytes_get_data (bytes, &size);

  *tied = (Tied) { bytes, g_bytes_ref (source) };
  return g_bytes_new_with_free_func (data, size, untie, tied);
}

/* Ends the work on a tree: its output if @ok, else its error. @source: what was read, or NULL. */
static GBytes *
finish (MpPlain   *plain,
        gboolean   ok,
        GBytes    *source,
        GError   **error)
{
  GBytes *bytes = ok ? mp_plain_out_steal (&plain->out) : NULL;

  if (!ok)
    g_propagate_error (error, g_steal_pointer (&plain->error));
  else if (source != NULL && plain->has_objects)
    bytes = tie (bytes, source);

  mp_plain_close (plain);
  return bytes;
}

static GBytes *
transcode (MpEncoding      from,
           gconstpointer   data,
           gsize           size,
           MpEncoding      to,
           GBytes         *source,
           GError        **error)
{
  MpPlain *plain;
  gboolean ok;

  if (!is_encoding (from, error) || !is_encoding (to, error))
    return NULL;
  if (from == to)
    return source != NULL ? g_bytes_ref (source) : g_bytes_new (data, size);

  plain = mp_plain_open (data, size);
  ok = read_plain (plain, from, to == MP_ENCODING_PICKLE) && codecs[to].write (plain, &plain->out);
  return finish (plain, ok, source, error);
}

GBytes *
mp_transcode (MpEncoding      from,
              gconstpointer   data,
              gsize           size,
              MpEncoding      to,
              GError        **error)
{
  return transcode (from, data, size, to, NULL, error);
}

GBytes *
mp_transcode_bytes (MpEncoding   from,
                    GBytes      *bytes,
                    MpEncoding   to,
                    GError     **error)
{
  gsize size;
  gconstpointer data = g_bytes_get_data (bytes, &size);

  return transcode (from, data, size, to, bytes, error);
}

GBytes *
mp_transcode_to_text (MpEncoding      from,
                      gconstpointer   data,
                      gsize           size,
                      GError        **error)
{
  MpPlain *plain;
  gboolean ok;

  if (!is_encoding (from, error))
    return NULL;
  if (from == MP_ENCODING_JSON && (size == 0 || memchr (data, '\0', size) == NULL))
    return g_bytes_new (data, size);

  plain = mp_plain_open (data, size);
  plain->flat = TRUE;
  ok = read_plain (plain, from, FALSE) && mp_json_write (plain, &plain->out);
  return finish (plain, ok, NULL, error);
}

GBytes *
mp_transcode_canonical (MpEncoding      from,
                        gconstpointer   data,
                        gsize           size,
                        GError        **error)
{
  MpPlain *plain;
  gboolean ok;

  if (!is_encoding (from, error))
    return NULL;

  plain = mp_plain_open (data, size);
  ok = read_plain (plain, from, FALSE) && mp_plain_normalize (plain) &&
       mp_variant_write (plain, &plain->out);
  return finish (plain, ok, NULL, error);
}

/* The size of the numbers in an array of them, or 0 if the type is another one. Such an array is
 * normal whatever its bytes are; GLib looks at each number. */
static gsize
get_number_size (const char *type,
                 gsize       length)
{
  if (length != 2 || type[0] != 'a')
    return 0;

  switch (type[1])
    {
    case 'y':
      return 1;
    case 'n':
    case 'q':
      return 2;
    case 'i':
    case 'u':
      return 4;
    case 'x':
    case 't':
    case 'd':
      return 8;
    default:
      return 0;
    }
}

#define SMALL 4096              /* bytes that GLib looks at soon enough */

/* Whether many bytes are a `v` in normal form. GLib would look at each byte in an array of them. */
static gboolean
is_normal (const char *data,
           gsize       size)
{
  MpPlain *plain;
  gboolean ok;

  if (size < SMALL)
    return FALSE;

  plain = mp_plain_open (data, size);
  ok = plain->error == NULL && mp_variant_read (plain) && mp_plain_seal (plain);
  g_clear_error (&plain->error);
  mp_plain_close (plain);

  return ok;
}

/* The value in a serialized `v` that has a type, sharing its memory if that is aligned. Checked as
 * a whole, once, unless it is trusted: GLib else checks the offsets before a child each time a
 * child is taken. */
static GVariant *
unbox (GBytes   *bytes,
       gboolean  trusted)
{
  gsize size;
  const char *data = g_bytes_get_data (bytes, &size);
  const char *type = (const char *) memrchr (data, '\0', size) + 1;
  gsize n_content = type - 1 - data;
  gsize number = get_number_size (type, data + size - type);
  g_autoptr (GBytes) content = g_bytes_new_from_bytes (bytes, 0, n_content);
  GVariant *value;

  trusted = trusted || (number != 0 ? n_content % number == 0 : is_normal (data, size));
  value = g_variant_new_from_bytes ((const GVariantType *) type, content, trusted);
  if (!trusted)
    g_variant_is_normal_form (value);

  return g_variant_ref_sink (value);
}

/* Whether there is a value with a type in the `v`; what is not reads as the empty tuple. */
static gboolean
is_boxed (GBytes *bytes)
{
  gsize size;
  const char *data = g_bytes_get_data (bytes, &size);
  const char *type = size > 0 ? memrchr (data, 0, size) : NULL;
  const char *end;

  if (type == NULL || ++type == data + size)
    return FALSE;
  if (!g_variant_type_string_scan (type, data + size, &end) || end != data + size)
    return FALSE;

  /* Indefinite types are valid strings, but no value has one. */
  return memchr (type, '*', data + size - type) == NULL &&
         memchr (type, '?', data + size - type) == NULL &&
         memchr (type, 'r', data + size - type) == NULL;
}

/* Reads the value and writes it as @expected, which is definite. */
static GVariant *
coerce (MpEncoding           from,
        GBytes              *bytes,
        const GVariantType  *expected,
        GError             **error)
{
  MpPlain *plain;
  g_autoptr (GBytes) coerced = NULL;
  gsize size;
  gconstpointer data = g_bytes_get_data (bytes, &size);
  gboolean ok;

  plain = mp_plain_open (data, size);
  ok = read_plain (plain, from, FALSE) && mp_variant_write_as (plain, &plain->out, expected);
  coerced = finish (plain, ok, bytes, error);
  if (coerced == NULL)
    return NULL;

  return g_variant_ref_sink (g_variant_new_from_bytes (expected, coerced, TRUE));
}

GVariant *
mp_transcode_to_variant (MpEncoding           from,
                         GBytes              *bytes,
                         const GVariantType  *expected,
                         GError             **error)
{
  g_autoptr (GVariant) value = NULL;
  g_autoptr (GBytes) boxed = NULL;
  g_autofree char *wanted = NULL;

  if (!is_encoding (from, error))
    return NULL;

  if (from == MP_ENCODING_VARIANT && !is_boxed (bytes))
    {
      g_set_error (error, MP_ERROR, MP_ERROR_INVALID_DATA, "A GVariant has no valid type string");
      return NULL;
    }

  if (from == MP_ENCODING_VARIANT)
    value = unbox (bytes, FALSE);
  else if (expected == NULL || !g_variant_type_is_definite (expected))
    {
      boxed = mp_transcode_bytes (from, bytes, MP_ENCODING_VARIANT, error);
      if (boxed == NULL)
        return NULL;
      value = unbox (boxed, TRUE);
    }

  if (value != NULL && (expected == NULL || g_variant_is_of_type (value, expected)))
    return g_steal_pointer (&value);
  if (g_variant_type_is_definite (expected))
    return coerce (from, bytes, expected, error);

  wanted = g_variant_type_dup_string (expected);
  g_set_error (error, MP_ERROR, MP_ERROR_INVALID_DATA,
               "value: the type “%s” does not fit the type “%s”",
               g_variant_get_type_string (value), wanted);
  return NULL;
}

/* The `v` of an array of numbers; NULL if the value is something else. */
static GBytes *
box_numbers (GVariant *value)
{
  const char *type = g_variant_get_type_string (value);
  gsize n_type = strlen (type);
  gsize number = get_number_size (type, n_type), size;
  char *data;

  if (number == 0)
    return NULL;
  size = g_variant_get_size (value);
  if (size % number != 0)
    return NULL;

  data = g_malloc (size + 1 + n_type);
  g_variant_store (value, data);
  data[size] = '\0';
  memcpy (data + size + 1, type, n_type);

  return g_bytes_new_take (data, size + 1 + n_type);
}

GBytes *
mp_transcode_from_variant (GVariant *value)
{
  g_autoptr (GVariant) sunk = g_variant_ref_sink (value);
  g_autoptr (GVariant) box = NULL;
  g_autoptr (GVariant) normal = NULL;
  GBytes *numbers = box_numbers (sunk);

  if (numbers != NULL)
    return numbers;

  box = g_variant_ref_sink (g_variant_new_variant (sunk));
  normal = g_variant_get_normal_form (box);
  return g_variant_get_data_as_bytes (normal);
}
