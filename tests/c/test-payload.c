/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * MpPayload: its lifetime, its conversions, and reading a value with and without an expected type.
 */

#include "config.h"

#include "mproc/base/mp-payload.h"

static MpPayload *
json_payload (const char *text)
{
  g_autoptr (GBytes) bytes = g_bytes_new (text, strlen (text));

  return mp_payload_new (MP_ENCODING_JSON, bytes);
}

static void
test_lifetime (void)
{
  g_autoptr (GBytes) bytes = g_bytes_new_static ("[1]", 3);
  MpPayload *payload = mp_payload_new (MP_ENCODING_JSON, bytes);
  MpPayload *copy = g_boxed_copy (MP_TYPE_PAYLOAD, payload);

  g_assert_true (copy == payload);
  g_assert_cmpint (mp_payload_get_encoding (payload), ==, MP_ENCODING_JSON);
  g_assert_true (mp_payload_get_bytes (payload) == bytes);

  g_boxed_free (MP_TYPE_PAYLOAD, copy);
  g_assert_true (mp_payload_ref (payload) == payload);
  mp_payload_unref (payload);
  mp_payload_unref (payload);
}

/* What C wrote comes back as it was, without a copy. */
static void
test_variant (void)
{
  g_autoptr (GVariant) value = g_variant_ref_sink (g_variant_new ("(isad)", 1, "x", NULL));
  g_autoptr (MpPayload) payload = mp_payload_new_variant (value);
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) back = NULL, same = NULL;
  const guint8 *start;
  gsize size;

  g_assert_cmpint (mp_payload_get_encoding (payload), ==, MP_ENCODING_VARIANT);
  back = mp_payload_get_variant (payload, NULL, &error);
  g_assert_no_error (error);
  g_assert_false (g_variant_is_floating (back));
  g_assert_true (g_variant_equal (back, value));

  start = g_bytes_get_data (mp_payload_get_bytes (payload), &size);
  g_assert_true ((const guint8 *) g_variant_get_data (back) >= start);
  g_assert_true ((const guint8 *) g_variant_get_data (back) < start + size);

  same = mp_payload_get_variant (payload, G_VARIANT_TYPE ("(isad)"), &error);
  g_assert_no_error (error);
  g_assert_true (g_variant_get_data (same) == g_variant_get_data (back));
}

/* A floating value is consumed. */
static void
test_variant_floating (void)
{
  g_autoptr (MpPayload) payload = mp_payload_new_variant (g_variant_new_string ("x"));
  g_autoptr (GVariant) value = mp_payload_get_variant (payload, G_VARIANT_TYPE_STRING, NULL);

  g_assert_cmpstr (g_variant_get_string (value, NULL), ==, "x");
}

/* Bytes at an odd address are copied, not misread. */
static void
test_unaligned (void)
{
  g_autoptr (MpPayload) payload = mp_payload_new_variant (g_variant_new_double (2.5));
  GBytes *bytes = mp_payload_get_bytes (payload);
  gsize size = g_bytes_get_size (bytes);
  g_autofree guint8 *shifted = g_malloc (size + 1);
  g_autoptr (GBytes) odd = NULL;
  g_autoptr (MpPayload) copy = NULL;
  g_autoptr (GVariant) value = NULL;

  memcpy (shifted + 1, g_bytes_get_data (bytes, NULL), size);
  odd = g_bytes_new_static (shifted + 1, size);
  copy = mp_payload_new (MP_ENCODING_VARIANT, odd);
  value = mp_payload_get_variant (copy, G_VARIANT_TYPE_DOUBLE, NULL);
  g_assert_cmpfloat (g_variant_get_double (value), ==, 2.5);
}

/* JSON, the type expected, and the GVariant text or the message of the error. */
static const struct
{
  const char *json;
  const char *type;
  const char *result;
} expectations[] = {
  { "[1,2]", "ad", "[1.0, 2.0]" },
  { "[1,2.5]", "ad", "[1.0, 2.5]" },
  { "[1,2]", "ai", "[1, 2]" },
  { "[0,255]", "ay", "[byte 0x00, 0xff]" },
  { "[0,300]", "ay", "value[1]: 300 does not fit the type “y”" },
  { "[-32768,32767]", "an", "[int16 -32768, 32767]" },
  { "[32768]", "an", "value[0]: 32768 does not fit the type “n”" },
  { "-1", "q", "value: -1 does not fit the type “q”" },
  { "65535", "q", "uint16 65535" },
  { "-1", "u", "value: -1 does not fit the type “u”" },
  { "4294967295", "u", "uint32 4294967295" },
  { "2147483648", "i", "value: 2147483648 does not fit the type “i”" },
  { "-1", "t", "value: -1 does not fit the type “t”" },
  { "{\"$mp\":[\"int\",\"18446744073709551615\"]}", "t", "uint64 18446744073709551615" },
  { "{\"$mp\":[\"int\",\"9223372036854775808\"]}", "x",
    "value: integer does not fit the type “x”" },
  { "{\"$mp\":[\"int\",\"9223372036854775808\"]}", "d", "9.2233720368547758e+18" },
  { "9007199254740993", "d", "value: 9007199254740993 does not fit the type “d”" },
  { "9223372036854775807", "d", "value: 9223372036854775807 does not fit the type “d”" },
  { "{\"$mp\":[\"int\",\"99999999999999999999\"]}", "d",
    "value: big integer does not fit the type “d”" },
  { "3.0", "i", "value: float does not fit the type “i”" },
  { "true", "b", "true" },
  { "true", "i", "value: bool does not fit the type “i”" },
  { "1", "b", "value: 1 does not fit the type “b”" },
  { "\"/a/b\"", "o", "objectpath '/a/b'" },
  { "\"a\"", "o", "value: string does not fit the type “o”" },
  { "\"as\"", "g", "signature 'as'" },
  { "\"a\\u0000\"", "s", "value: string does not fit the type “s”" },
  { "\"x\"", "v", "<'x'>" },
  { "\"x\"", "h", "value: string does not fit the type “h”" },
  { "[]", "as", "@as []" },
  { "[]", "a{sv}", "value: list does not fit the type “a{sv}”" },
  { "{}", "a{sv}", "@a{sv} {}" },
  { "{\"a\":1}", "a{si}", "{'a': 1}" },
  { "{\"a\":1}", "a{sv}", "{'a': <int64 1>}" },
  { "{\"a\":1}", "a(si)", "[('a', 1)]" },
  { "{\"a\":1}", "as", "value: dict does not fit the type “as”" },
  { "{\"a\":{\"b\":[1,\"x\"]}}", "a{sa{sai}}",
    "value[\"a\"][\"b\"][1]: string does not fit the type “i”" },
  { "{\"$mp\":[\"map\",[[1,\"a\"]]]}", "a{ys}", "{byte 0x01: 'a'}" },
  { "{\"$mp\":[\"map\",[[-3,1]]]}", "a{xs}", "value[-3]: 1 does not fit the type “s”" },
  { "[1,\"a\"]", "(is)", "(1, 'a')" },
  { "[1,\"a\"]", "(yv)", "(byte 0x01, <'a'>)" },
  { "[1]", "(is)", "value: list does not fit the type “(is)”" },
  { "[1,[2,[3,\"q\"]]]", "(i(i(ii)))", "value[1][1][1]: string does not fit the type “i”" },
  { "[]", "()", "()" },
  { "[[1,2.5,[\"a\"]],[2,3,[]]]", "a(ydas)",
    "[(byte 0x01, 2.5, ['a']), (0x02, 3.0, [])]" },
  { "null", "mi", "@mi nothing" },
  { "5", "mi", "@mi 5" },
  { "null", "i", "value: nothing does not fit the type “i”" },
  { "[{\"a\":null}]", "aa{smx}", "[{'a': @mx nothing}]" },
  { "{\"$mp\":[\"set\",[2,1]]}", "ai", "[2, 1]" },
  { "{\"$mp\":[\"set\",[1.5]]}", "m(sv)", "@m(sv) ('mp.set', <[<1.5>]>)" },
  { "{\"$mp\":[\"bytes\",\"AQI=\"]}", "ay", "[byte 0x01, 0x02]" },
  { "{\"$mp\":[\"bytes\",\"AQI=\"]}", "s", "value: bytes does not fit the type “s”" },
  { "[1]", "a*", "[int64 1]" },
  { "[1]", "(*)", "value: the type “ax” does not fit the type “(*)”" },
};

static void
test_expected (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (expectations); i++)
    {
      g_autoptr (MpPayload) payload = json_payload (expectations[i].json);
      const GVariantType *type = G_VARIANT_TYPE (expectations[i].type);
      g_autoptr (GError) error = NULL;
      g_autoptr (GVariant) value = mp_payload_get_variant (payload, type, &error);
      g_autofree char *text = value != NULL ? g_variant_print (value, TRUE)
                                            : g_strdup (error->message);

      g_test_message ("%s as %s", expectations[i].json, expectations[i].type);
      g_assert_cmpstr (text, ==, expectations[i].result);
      if (value == NULL)
        g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_DATA);
      else
        g_assert_true (g_variant_is_of_type (value, type) && g_variant_is_normal_form (value));
    }
}

/* A GVariant is brought to another type too. */
static void
test_expected_variant (void)
{
  g_autoptr (MpPayload) payload = mp_payload_new_variant (g_variant_new_parsed ("{'a': 1}"));
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) value = NULL, refused = NULL, own = NULL;
  g_autofree char *text = NULL;

  value = mp_payload_get_variant (payload, G_VARIANT_TYPE ("a{sd}"), &error);
  g_assert_no_error (error);
  text = g_variant_print (value, TRUE);
  g_assert_cmpstr (text, ==, "{'a': 1.0}");

  own = mp_payload_get_variant (payload, G_VARIANT_TYPE ("a{s*}"), &error);
  g_assert_no_error (error);
  g_assert_cmpstr (g_variant_get_type_string (own), ==, "a{si}");

  refused = mp_payload_get_variant (payload, G_VARIANT_TYPE ("a{ss}"), &error);
  g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_DATA);
  g_assert_cmpstr (error->message, ==, "value[\"a\"]: 1 does not fit the type “s”");
  g_assert_null (refused);
}

static void
test_convert (void)
{
  g_autoptr (MpPayload) json = json_payload ("{\"a\":[1,2.5,null]}");
  g_autoptr (GError) error = NULL;
  g_autoptr (MpPayload) same = mp_payload_convert (json, MP_ENCODING_JSON, &error);
  g_autoptr (MpPayload) pickle = mp_payload_convert (json, MP_ENCODING_PICKLE, &error);
  g_autoptr (MpPayload) variant = mp_payload_convert (pickle, MP_ENCODING_VARIANT, &error);
  g_autoptr (MpPayload) back = mp_payload_convert (variant, MP_ENCODING_JSON, &error);
  g_autoptr (MpPayload) none = NULL;

  g_assert_no_error (error);
  g_assert_true (same == json);
  g_assert_cmpint (mp_payload_get_encoding (pickle), ==, MP_ENCODING_PICKLE);
  g_assert_true (g_bytes_equal (mp_payload_get_bytes (json), mp_payload_get_bytes (back)));

  none = mp_payload_convert (json, MP_ENCODING_BYTES, &error);
  g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_DATA);
  g_assert_null (none);
  g_clear_error (&error);

  none = mp_payload_convert (json, 9, &error);
  g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_ARGUMENT);
  g_assert_null (none);
}

static void
test_bytes (void)
{
  g_autoptr (GBytes) bytes = g_bytes_new_static ("a\0b", 3);
  g_autoptr (MpPayload) payload = mp_payload_new (MP_ENCODING_BYTES, bytes);
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) value = mp_payload_get_variant (payload, NULL, &error);

  g_assert_no_error (error);
  g_assert_true (g_variant_is_of_type (value, G_VARIANT_TYPE_BYTESTRING));
  g_assert_cmpmem (g_variant_get_data (value), g_variant_get_size (value), "a\0b", 3);
}

static void
test_broken (void)
{
  static const char * const broken[] = { "", "x", "xyz" };

  for (guint i = 0; i < G_N_ELEMENTS (broken); i++)
    for (MpEncoding encoding = MP_ENCODING_VARIANT; encoding <= MP_ENCODING_JSON; encoding++)
      {
        g_autoptr (GBytes) bytes = g_bytes_new (broken[i], strlen (broken[i]));
        g_autoptr (MpPayload) payload = mp_payload_new (encoding, bytes);
        g_autoptr (GError) error = NULL;
        g_autoptr (GVariant) value = mp_payload_get_variant (payload, NULL, &error);

        g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_DATA);
        g_assert_null (value);
      }
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/payload/lifetime", test_lifetime);
  g_test_add_func ("/payload/variant", test_variant);
  g_test_add_func ("/payload/variant-floating", test_variant_floating);
  g_test_add_func ("/payload/unaligned", test_unaligned);
  g_test_add_func ("/payload/expected", test_expected);
  g_test_add_func ("/payload/expected-variant", test_expected_variant);
  g_test_add_func ("/payload/convert", test_convert);
  g_test_add_func ("/payload/bytes", test_bytes);
  g_test_add_func ("/payload/broken", test_broken);

  return g_test_run ();
}
