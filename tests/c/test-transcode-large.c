/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Large GVariants, which are not checked by GLib, which would look at each byte of an array, but
 * by the library: whole ones are read as they are, and broken ones as GLib itself reads them.
 */

#include "config.h"

#include <gio/gio.h>
#include <string.h>

#include "mproc/base/mp-transcode-private.h"

#define LARGE 8192

/* Texts, arrays of all kinds, a maybe, a tuple with padding. */
static GVariant *
new_value (void)
{
  static const char zeros[LARGE];
  GVariantDict dict;

  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert (&dict, "text", "s", "äöü");
  g_variant_dict_insert (&dict, "path", "o", "/a/b");
  g_variant_dict_insert (&dict, "flags", "ab", NULL);
  g_variant_dict_insert_value (&dict, "list", g_variant_new_parsed ("[(1, 'x', true)]"));
  g_variant_dict_insert_value (&dict, "maybe", g_variant_new_parsed ("just 'x'"));
  g_variant_dict_insert_value (&dict, "bytes",
                               g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, zeros, LARGE, 1));
  return g_variant_ref_sink (g_variant_dict_end (&dict));
}

static GBytes *
new_bytes (void)
{
  g_autoptr (GVariant) value = new_value ();

  return mp_transcode_from_variant (value);
}

static GVariant *
read_by_glib (GBytes *bytes)
{
  g_autoptr (GVariant) box = g_variant_new_from_bytes (G_VARIANT_TYPE_VARIANT, bytes, FALSE);

  g_variant_ref_sink (box);
  return g_variant_get_variant (box);
}

static void
test_whole (void)
{
  g_autoptr (GVariant) value = new_value ();
  g_autoptr (GBytes) bytes = new_bytes ();
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) got = mp_transcode_to_variant (MP_ENCODING_VARIANT, bytes, NULL, &error);

  g_assert_no_error (error);
  g_assert_cmpuint (g_bytes_get_size (bytes), >, LARGE);
  g_assert_true (g_variant_equal (got, value));
  g_assert_true (g_variant_get_data (got) == g_bytes_get_data (bytes, NULL));
}

/* One byte after the other, but in the array, is changed. */
static void
test_broken (void)
{
  g_autoptr (GBytes) whole = new_bytes ();
  gsize size, n_read = 0, n_broken = 0;
  const guint8 *data = g_bytes_get_data (whole, &size);
  const guint8 *array = memmem (data, size, "bytes", 5);

  for (gsize at = 0; at < size; at++)
    {
      g_autofree guint8 *copy = g_memdup2 (data, size);
      g_autoptr (GBytes) bytes = NULL;
      g_autoptr (GVariant) got = NULL;
      g_autoptr (GVariant) wanted = NULL;
      g_autoptr (GError) error = NULL;

      if (data + at > array + 100 && data + at < array + LARGE - 100)
        continue;
      copy[at] ^= at % 2 == 0 ? 0x81 : 0x01;
      bytes = g_bytes_new_take (g_steal_pointer (&copy), size);
      got = mp_transcode_to_variant (MP_ENCODING_VARIANT, bytes, NULL, &error);
      if (got == NULL)
        {
          g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_DATA);
          continue;
        }
      wanted = read_by_glib (bytes);
      g_assert_true (g_variant_equal (got, wanted));
      n_read++;
      n_broken += !g_variant_is_normal_form (wanted);
      g_assert_true (g_variant_is_normal_form (got) == g_variant_is_normal_form (wanted));
    }

  g_assert_cmpuint (n_read, >, n_broken);
  g_assert_cmpuint (n_broken, >, 20);
}

/* Numbers are what their bytes are; what is no whole number of them is not read as some. */
static void
test_numbers (void)
{
  static const char kinds[] = "ynqiuxtd";

  for (const char *kind = kinds; *kind != '\0'; kind++)
    for (gsize size = 0; size < 20; size++)
      {
        char data[32] = { 1, 2, 3 };
        const char type[] = { 'a', *kind, '\0' };
        g_autoptr (GBytes) bytes = NULL;
        g_autoptr (GBytes) again = NULL;
        g_autoptr (GVariant) got = NULL;
        g_autoptr (GVariant) wanted = NULL;

        memcpy (data + size + 1, type, 2);
        data[size] = '\0';
        bytes = g_bytes_new (data, size + 3);
        got = mp_transcode_to_variant (MP_ENCODING_VARIANT, bytes, NULL, NULL);
        wanted = read_by_glib (bytes);
        g_assert_cmpstr (g_variant_get_type_string (got), ==, type);
        g_assert_true (g_variant_equal (got, wanted));
        again = mp_transcode_from_variant (got);
        g_assert_true (g_bytes_equal (bytes, again) == g_variant_is_normal_form (wanted));
      }
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/transcode-large/whole", test_whole);
  g_test_add_func ("/transcode-large/broken", test_broken);
  g_test_add_func ("/transcode-large/numbers", test_numbers);

  return g_test_run ();
}
