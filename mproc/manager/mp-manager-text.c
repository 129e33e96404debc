/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The content of a list or dict as text for people: [5, 'six', {'seven': 7.5}]. The boxes of
 * GVariant are left out, extensions look like what they stand for. No state; any thread.
 */

#include "config.h"

#include "mproc/manager/mp-manager-values-private.h"

static void print_variant (GString  *text,
                           GVariant *value);

static void
print_children (GString    *text,
                GVariant   *value,
                const char *before,
                const char *after)
{
  gsize n = g_variant_n_children (value);

  g_string_append (text, before);
  for (gsize i = 0; i < n; i++)
    {
      g_autoptr (GVariant) child = g_variant_get_child_value (value, i);

      if (i > 0)
        g_string_append (text, ", ");
      print_variant (text, child);
    }
  g_string_append (text, after);
}

static void
print_pairs (GString  *text,
             GVariant *value)
{
  gsize n = g_variant_n_children (value);

  g_string_append_c (text, '{');
  for (gsize i = 0; i < n; i++)
    {
      g_autoptr (GVariant) pair = g_variant_get_child_value (value, i);
      g_autoptr (GVariant) key = g_variant_get_child_value (pair, 0);
      g_autoptr (GVariant) item = g_variant_get_child_value (pair, 1);

      if (i > 0)
        g_string_append (text, ", ");
      print_variant (text, key);
      g_string_append (text, ": ");
      print_variant (text, item);
    }
  g_string_append_c (text, '}');
}

static void
print_extension (GString  *text,
                 GVariant *pair)
{
  g_autoptr (GVariant) inner = NULL;
  const char *tag;

  g_variant_get (pair, "(&sv)", &tag, &inner);
  if (g_str_equal (tag, "mp.dict") && g_variant_is_of_type (inner, G_VARIANT_TYPE ("a(vv)")))
    print_pairs (text, inner);
  else if (g_str_equal (tag, "mp.tuple") && g_variant_is_container (inner))
    print_children (text, inner, "(", ")");
  else if (g_str_has_suffix (tag, "set") && g_variant_is_container (inner))
    print_children (text, inner, "{", "}");
  else if (g_str_equal (tag, "mp.int") && g_variant_is_of_type (inner, G_VARIANT_TYPE_STRING))
    g_string_append (text, g_variant_get_string (inner, NULL));
  else
    print_variant (text, inner);
}

static void
print_maybe (GString  *text,
             GVariant *value)
{
  g_autoptr (GVariant) inner = g_variant_get_maybe (value);

  if (inner == NULL)
    g_string_append (text, "null");
  else if (g_variant_is_of_type (value, G_VARIANT_TYPE (MP_EXTENSION_TYPE)))
    print_extension (text, inner);
  else
    print_variant (text, inner);
}

static void
print_variant (GString  *text,
               GVariant *value)
{
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_VARIANT))
    {
      g_autoptr (GVariant) inner = g_variant_get_variant (value);

      print_variant (text, inner);
    }
  else if (g_variant_is_of_type (value, G_VARIANT_TYPE_MAYBE))
    print_maybe (text, value);
  else if (g_variant_is_of_type (value, G_VARIANT_TYPE_DICTIONARY))
    print_pairs (text, value);
  else if (g_variant_is_of_type (value, G_VARIANT_TYPE_TUPLE))
    print_children (text, value, "(", g_variant_n_children (value) == 1 ? ",)" : ")");
  else if (g_variant_is_of_type (value, G_VARIANT_TYPE_ARRAY)
           && !g_variant_is_of_type (value, G_VARIANT_TYPE_BYTESTRING))
    print_children (text, value, "[", "]");
  else
    g_variant_print_string (value, text, FALSE);
}

static gboolean
print_value (GString             *text,
             const MpFrameValue  *value,
             GError             **error)
{
  g_autoptr (GError) local_error = NULL;
  g_autoptr (GVariant) variant = mp_values_decode (value, &local_error);

  if (variant != NULL)
    print_variant (text, variant);
  else if (g_error_matches (local_error, MP_ERROR, MP_ERROR_NOT_PLAIN))
    g_string_append (text, "<not plain>");
  else
    {
      g_propagate_error (error, g_steal_pointer (&local_error));
      return FALSE;
    }

  return TRUE;
}

/* The values of a frame as "[9, 8]" or "{'a': 1}". */
char *
mp_values_print (MpObjectType    type,
                 gconstpointer   frame,
                 gsize           size,
                 GError        **error)
{
  g_autoptr (GString) text = g_string_new (type == MP_OBJECT_DICT ? "{" : "[");
  MpFrameReader reader;
  MpFrameValue value;

  mp_frame_reader_init (&reader, frame, size);
  for (guint i = 0; mp_frame_reader_next (&reader, &value); i++)
    {
      if (i > 0)
        g_string_append (text, type == MP_OBJECT_DICT && i % 2 == 1 ? ": " : ", ");
      if (!print_value (text, &value, error))
        return NULL;
    }
  g_string_append_c (text, type == MP_OBJECT_DICT ? '}' : ']');

  return g_string_free (g_steal_pointer (&text), FALSE);
}
