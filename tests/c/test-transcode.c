/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The transcoders between all encodings: a table of values with the bytes each language writes,
 * what is kept one way only, what is refused, the details of JSON and of GVariant, and the
 * canonical form. Broken input is the subject of test-transcode-hostile.c.
 */

#include "config.h"

#include "mproc/base/mp-transcode-private.h"

#include "transcode-foreign.h"
#include "transcode-samples.h"

/* The bytes in the other encoding, which must exist. */
static GBytes *
transcode (MpEncoding    from,
           gconstpointer data,
           gsize         size,
           MpEncoding    to)
{
  g_autoptr (GError) error = NULL;
  GBytes *bytes = mp_transcode (from, data, size, to, &error);

  g_assert_no_error (error);
  g_assert_nonnull (bytes);
  return bytes;
}

static GBytes *
transcode_bytes (MpEncoding  from,
                 GBytes     *bytes,
                 MpEncoding  to)
{
  return transcode (from, g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), to);
}

static void
assert_bytes (GBytes        *bytes,
              gconstpointer  expected,
              gsize          size)
{
  gsize length;
  gconstpointer data = g_bytes_get_data (bytes, &length);

  g_assert_cmpmem (data, length, expected, size);
}

/* The error of a conversion that must fail, with the message. */
static void
assert_fails (MpEncoding     from,
              gconstpointer  data,
              gsize          size,
              MpEncoding     to,
              int            code,
              const char    *message)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) bytes = mp_transcode (from, data, size, to, &error);

  g_assert_error (error, MP_ERROR, code);
  g_assert_null (bytes);
  if (message != NULL)
    g_assert_cmpstr (error->message, ==, message);
}

/* The value as GVariant text with types. */
static char *
print (MpEncoding          from,
       gconstpointer       data,
       gsize               size,
       const GVariantType *expected)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) bytes = g_bytes_new (data, size);
  g_autoptr (GVariant) value = mp_transcode_to_variant (from, bytes, expected, &error);

  if (value == NULL)
    {
      g_assert_nonnull (error);
      return g_strdup (error->message);
    }

  g_assert_no_error (error);
  g_assert_true (g_variant_is_normal_form (value));
  g_assert_false (g_variant_is_floating (value));
  return g_variant_print (value, TRUE);
}

static void
assert_prints (MpEncoding     from,
               gconstpointer  data,
               gsize          size,
               const char    *expected)
{
  g_autofree char *text = print (from, data, size, NULL);

  g_assert_cmpstr (text, ==, expected);
}

static GBytes *
canonical (MpEncoding    from,
           gconstpointer data,
           gsize         size)
{
  g_autoptr (GError) error = NULL;
  GBytes *bytes = mp_transcode_canonical (from, data, size, &error);

  g_assert_no_error (error);
  return bytes;
}

/* The `v` of the value that the GVariant text is. */
static GBytes *
parse (const char *text)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) value = g_variant_parse (NULL, text, NULL, NULL, &error);

  g_assert_no_error (error);
  return mp_transcode_from_variant (value);
}

/* ── The table ─────────────────────────────────────────────────────────────────────────────── */

static void
check_sample (const Sample *sample)
{
  g_autoptr (GBytes) variant = parse (sample->variant);
  g_autoptr (GBytes) from_pickle = transcode (MP_ENCODING_PICKLE, sample->python,
                                              sample->python_size, MP_ENCODING_VARIANT);
  g_autoptr (GBytes) from_ours = transcode (MP_ENCODING_PICKLE, sample->ours, sample->ours_size,
                                            MP_ENCODING_VARIANT);
  g_autoptr (GBytes) to_ours = transcode_bytes (MP_ENCODING_VARIANT, variant, MP_ENCODING_PICKLE);
  g_autoptr (GBytes) pickle_json = transcode (MP_ENCODING_PICKLE, sample->python,
                                              sample->python_size, MP_ENCODING_JSON);
  g_autoptr (GBytes) variant_json = transcode_bytes (MP_ENCODING_VARIANT, variant,
                                                     MP_ENCODING_JSON);
  g_autoptr (GBytes) json_variant = transcode_bytes (MP_ENCODING_JSON, variant_json,
                                                     MP_ENCODING_VARIANT);
  g_autoptr (GBytes) json_pickle = transcode_bytes (MP_ENCODING_JSON, variant_json,
                                                    MP_ENCODING_PICKLE);
  g_autoptr (GBytes) json_again = transcode_bytes (MP_ENCODING_PICKLE, json_pickle,
                                                   MP_ENCODING_JSON);
  g_autoptr (GBytes) canonical_pickle = canonical (MP_ENCODING_PICKLE, sample->python,
                                                   sample->python_size);
  g_autoptr (GBytes) canonical_json = canonical (MP_ENCODING_JSON, sample->json,
                                                 strlen (sample->json));

  g_assert_true (g_bytes_equal (from_pickle, variant));
  g_assert_true (g_bytes_equal (from_ours, variant));
  assert_bytes (to_ours, sample->ours, sample->ours_size);
  assert_bytes (pickle_json, sample->json, strlen (sample->json));
  assert_bytes (variant_json, sample->json, strlen (sample->json));
  assert_bytes (json_again, sample->json, strlen (sample->json));
  g_assert_true (g_bytes_equal (canonical_pickle, canonical_json));
  if (!(sample->flags & SAMPLE_TYPE_LOST_IN_JSON))
    {
      g_assert_true (g_bytes_equal (json_variant, variant));
      assert_bytes (json_pickle, sample->ours, sample->ours_size);
    }
  assert_prints (MP_ENCODING_PICKLE, sample->python, sample->python_size, sample->variant);
}

static void
test_table (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (samples); i++)
    {
      g_test_message ("%s", samples[i].name);
      check_sample (&samples[i]);
    }
}

static void
test_one_way (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (one_way_samples); i++)
    {
      const OneWaySample *sample = &one_way_samples[i];

      g_test_message ("%s", sample->name);
      assert_prints (MP_ENCODING_PICKLE, sample->python, sample->python_size, sample->result);
    }
}

static void
test_foreign (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (foreign_samples); i++)
    {
      const OneWaySample *sample = &foreign_samples[i];

      g_test_message ("%s", sample->name);
      assert_fails (MP_ENCODING_PICKLE, sample->python, sample->python_size, MP_ENCODING_VARIANT,
                    MP_ERROR_NOT_PLAIN, sample->result);
      assert_fails (MP_ENCODING_PICKLE, sample->python, sample->python_size, MP_ENCODING_JSON,
                    MP_ERROR_NOT_PLAIN, sample->result);
    }
}

/* ── JSON ──────────────────────────────────────────────────────────────────────────────────── */

static const struct
{
  const char *json;
  const char *variant;
} json_good[] = {
  { " null ", "@mv nothing" },
  { "-0", "int64 0" },
  { "-0.0", "-0.0" },
  { "1E+2", "100.0" },
  { "9223372036854775807", "int64 9223372036854775807" },
  { "9223372036854775808", "9.2233720368547758e+18" },
  { "-9223372036854775808", "int64 -9223372036854775808" },
  { "0.1e-5", "9.9999999999999995e-07" },
  { "123456789012345678901234567890.5", "1.2345678901234568e+29" },
  { "4.9406564584124654e-324", "4.9406564584124654e-324" },
  { "0.00000000000000000000000000000000000000000000000000000000000000000000000000000000012e81",
    "0.12" },
  { " [ 1 ,\t2\r\n] ", "[int64 1, 2]" },
  { "{ }", "@a{sv} {}" },
  { "\"\\ud83d\\ude00\\/\\b\\f\\r\"", "'\U0001f600/\\b\\f\\r'" },
  { "\"\\u0041\\u00e9\"", "'A\u00e9'" },
  { "{\"\\u0024mp\":[\"int\",\"5\"]}", "int64 5" },
  { "{\"$mp\":[\"int\",\"-0012\"]}", "int64 -12" },
  { "{\"$mp\":[\"int\",\"1\\u0032\"]}", "int64 12" },
  { "{\"$mp\":[\"bytes\",\"AP8=\"]}", "[byte 0x00, 0xff]" },
  { "{\"$mp\":[\"float\",\"nan\"]}", "nan" },
  { "{\"$mp\":[\"date\",-1]}", "@m(sv) ('mp.datetime', <'1969-12-31T23:59:59.999000Z'>)" },
  { "{\"$mp\":[\"map\",[[[1,[2]],\"x\"]]]}",
    "@m(sv) ('mp.dict', <[(<(int64 1, (int64 2,))>, <'x'>)]>)" },
  { "{\"$mp\":[\"set\",[[1]]]}", "@m(sv) ('mp.set', <[<(int64 1,)>]>)" },
  { "{\"$mp\":[\"object\",[[\"$mp\",1]]]}", "{'$mp': <int64 1>}" },
};

static const char * const json_bad[] = {
  "", " ", "nul", "nulll", "truE", "01", "-", "+1", "1.", ".5", "1e", "1e+", "1e999", "[", "[1",
  "[1,", "[1,]", "[,1]", "[1 2]", "]", "{", "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":1,}",
  "{\"a\" 1}", "{a:1}", "{1:2}", "1 2", "\"", "\"a", "\"\\", "\"\\q\"", "\"\\u12",
  "\"\\u12g4\"", "\"a\tb\"",
  "\"\\n\t\"", "\"\\ud800\"", "\"\\udc00\"", "\"\\ud800\\u0041\"", "\"\\ud800x\"", "\"\xff\"",
  "\"\xed\xa0\x80\"", "{\"a\":1,\"a\":2}", "{\"a\":1,\"\\u0061\":2}",
  "{\"$mp\":1}", "{\"$mp\":[]}", "{\"$mp\":[\"int\"]}", "{\"$mp\":[\"int\",\"1\",2]}",
  "{\"$mp\":[\"int\",\"1\"],\"a\":1}", "{\"a\":1,\"$mp\":[\"int\",\"1\"]}",
  "{\"$mp\":[\"int\",\"\"]}", "{\"$mp\":[\"int\",\"-\"]}", "{\"$mp\":[\"int\",\"1x\"]}",
  "{\"$mp\":[\"int\",1]}", "{\"$mp\":[\"bytes\",\"YW\"]}", "{\"$mp\":[\"bytes\",\"Y===\"]}",
  "{\"$mp\":[\"bytes\",\"====\"]}", "{\"$mp\":[\"bytes\",\"YW=a\"]}", "{\"$mp\":[\"bytes\",[1]]}",
  "{\"$mp\":[\"float\",\"1\"]}", "{\"$mp\":[\"float\",1]}", "{\"$mp\":[\"date\",1.5]}",
  "{\"$mp\":[\"date\",null]}", "{\"$mp\":[\"date\",8640000000000001]}",
  "{\"$mp\":[\"date\",8640000000000000]}", "{\"$mp\":[\"map\",[1]]}",
  "{\"$mp\":[\"map\",[[1,2,3]]]}", "{\"$mp\":[\"map\",{}]}", "{\"$mp\":[\"map\",[[1,2],[1,3]]]}",
  "{\"$mp\":[\"set\",{}]}", "{\"$mp\":[\"set\",[1,1]]}", "{\"$mp\":[\"object\",[[1,2]]]}",
};

static void
test_json (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (json_good); i++)
    {
      g_test_message ("%s", json_good[i].json);
      assert_prints (MP_ENCODING_JSON, json_good[i].json, strlen (json_good[i].json),
                     json_good[i].variant);
    }

  for (guint i = 0; i < G_N_ELEMENTS (json_bad); i++)
    {
      g_autofree char *escaped = g_strescape (json_bad[i], NULL);

      g_test_message ("%s", escaped);
      assert_fails (MP_ENCODING_JSON, json_bad[i], strlen (json_bad[i]), MP_ENCODING_VARIANT,
                    MP_ERROR_INVALID_DATA, NULL);
    }

  assert_fails (MP_ENCODING_JSON, "{\"$mp\":[\"symbol\",1]}", 20, MP_ENCODING_PICKLE,
                MP_ERROR_NOT_PLAIN, "A JavaScript value of kind “symbol”");
}

/* Every double must come back the same, bit for bit, by way of text. */
static void
test_json_doubles (void)
{
  g_autoptr (GRand) random = g_rand_new_with_seed (20260101);

  for (guint i = 0; i < 20000; i++)
    {
      guint64 bits = (guint64) g_rand_int (random) << 32 | g_rand_int (random);
      g_autoptr (GBytes) variant = NULL, json = NULL, again = NULL;
      double number;

      memcpy (&number, &bits, sizeof number);
      if (i % 2 == 0)
        number = (double) (gint64) (bits >> 24) / (i % 4 == 0 ? 1000 : 7);
      if (number != number)
        continue;

      variant = mp_transcode_from_variant (g_variant_new_double (number));
      json = transcode_bytes (MP_ENCODING_VARIANT, variant, MP_ENCODING_JSON);
      again = transcode_bytes (MP_ENCODING_JSON, json, MP_ENCODING_VARIANT);
      g_assert_true (g_bytes_equal (variant, again));
    }
}

/* ── GVariant ──────────────────────────────────────────────────────────────────────────────── */

static const struct
{
  const char *variant;
  const char *json;
} variant_good[] = {
  { "byte 0x05", "5" },
  { "int16 -3", "-3" },
  { "uint16 7", "7" },
  { "-9", "-9" },
  { "uint32 9", "9" },
  { "objectpath '/a/b'", "\"/a/b\"" },
  { "signature 'as'", "\"as\"" },
  { "<<1>>", "1" },
  { "@mi 5", "5" },
  { "@mi nothing", "null" },
  { "@mmi just nothing", "null" },
  { "@m(sv) nothing", "null" },
  { "@m(sv) ('tag', <1>)", "[\"tag\",1]" },
  { "@m(sv) ('mp.int', <'12'>)", "12" },
  { "@an [1, 2]", "[1,2]" },
  { "@as []", "[]" },
  { "@a() [(), ()]", "[[],[]]" },
  { "@a(ybnx) [(1, true, 3, 4), (5, false, 7, 8)]", "[[1,true,3,4],[5,false,7,8]]" },
  { "@a{ys} {1: 'x', 2: 'yy'}", "{\"$mp\":[\"map\",[[1,\"x\"],[2,\"yy\"]]]}" },
  { "@a{os} {'/a': 'x'}", "{\"/a\":\"x\"}" },
  { "{1, <'x'>}", "[1,\"x\"]" },
  { "@ams ['x', nothing]", "[\"x\",null]" },
  { "@a(smv) [('x', nothing), ('y', just <1>)]", "[[\"x\",null],[\"y\",1]]" },
  { "(@ai [], 'x', @as ['y'], 1)", "[[],\"x\",[\"y\"],1]" },
  { "(byte 0x01, 2.5, byte 0x03)", "[1,2.5,3]" },
};

static void
test_variant (void)
{
  g_autoptr (GBytes) handle = parse ("handle 1"), object = parse ("@m(sv) ('mp.object', <1>)");
  g_autoptr (GBytes) other = parse ("@m(sv) ('mp.proxy', <'x'>)");
  g_autoptr (GBytes) twice = parse ("{'a': 1, 'a': 2}"), tag = parse ("@m(sv) ('mp.set', <1>)");

  for (guint i = 0; i < G_N_ELEMENTS (variant_good); i++)
    {
      g_autoptr (GBytes) variant = parse (variant_good[i].variant), json = NULL;

      g_test_message ("%s", variant_good[i].variant);
      json = transcode_bytes (MP_ENCODING_VARIANT, variant, MP_ENCODING_JSON);
      assert_bytes (json, variant_good[i].json, strlen (variant_good[i].json));
    }

  assert_fails (MP_ENCODING_VARIANT, g_bytes_get_data (handle, NULL), g_bytes_get_size (handle),
                MP_ENCODING_JSON, MP_ERROR_NOT_PLAIN, NULL);
  assert_fails (MP_ENCODING_VARIANT, g_bytes_get_data (object, NULL), g_bytes_get_size (object),
                MP_ENCODING_JSON, MP_ERROR_INVALID_DATA, "A shared object has no handle");
  assert_fails (MP_ENCODING_VARIANT, g_bytes_get_data (other, NULL), g_bytes_get_size (other),
                MP_ENCODING_JSON, MP_ERROR_NOT_PLAIN, "A GVariant extension “mp.proxy”");
  assert_fails (MP_ENCODING_VARIANT, g_bytes_get_data (twice, NULL), g_bytes_get_size (twice),
                MP_ENCODING_JSON, MP_ERROR_INVALID_DATA, NULL);
  assert_fails (MP_ENCODING_VARIANT, g_bytes_get_data (tag, NULL), g_bytes_get_size (tag),
                MP_ENCODING_PICKLE, MP_ERROR_INVALID_DATA, NULL);
}

/* Big containers need framing offsets of two and of four bytes. */
static void
test_framing (void)
{
  static const guint counts[] = { 0, 1, 60, 63, 64, 65, 200, 255, 256, 300, 9000, 16384, 22000 };

  for (guint i = 0; i < G_N_ELEMENTS (counts); i++)
    {
      GVariantBuilder builder;
      g_autoptr (GBytes) variant = NULL, pickle = NULL, again = NULL;

      g_variant_builder_init (&builder, G_VARIANT_TYPE ("(asasay)"));
      g_variant_builder_open (&builder, G_VARIANT_TYPE ("as"));
      for (guint k = 0; k < counts[i]; k++)
        g_variant_builder_add (&builder, "s", "ab" + k % 2);
      g_variant_builder_close (&builder);
      g_variant_builder_add_parsed (&builder, "['x']");
      g_variant_builder_add_parsed (&builder, "@ay []");

      variant = mp_transcode_from_variant (g_variant_builder_end (&builder));
      pickle = transcode_bytes (MP_ENCODING_VARIANT, variant, MP_ENCODING_PICKLE);
      again = transcode_bytes (MP_ENCODING_PICKLE, pickle, MP_ENCODING_VARIANT);
      if (counts[i] > 0)
        g_assert_true (g_bytes_equal (variant, again));
    }
}

/* ── What only one direction refuses ───────────────────────────────────────────────────────── */

static void
test_python_keys (void)
{
  static const char folded[] = "{\"$mp\":[\"map\",[[1,1],[true,3]]]}";
  static const char unhashable[] = "{\"$mp\":[\"set\",[{\"a\":1}]]}";
  g_autoptr (GBytes) few_variant = transcode (MP_ENCODING_JSON, folded, strlen (folded),
                                              MP_ENCODING_VARIANT);
  g_autoptr (GBytes) many_variant = NULL;
  g_autoptr (GString) many = g_string_new ("{\"$mp\":[\"map\",[");

  assert_fails (MP_ENCODING_JSON, folded, strlen (folded), MP_ENCODING_PICKLE,
                MP_ERROR_INVALID_DATA, NULL);
  assert_fails (MP_ENCODING_JSON, unhashable, strlen (unhashable), MP_ENCODING_PICKLE,
                MP_ERROR_NOT_PLAIN, NULL);

  for (guint i = 0; i < 1000; i++)
    g_string_append_printf (many, "[%u,null],[\"%u\",null],[[%u],null],", i, i, i);
  g_string_append (many, "[true,0]]]}");
  many_variant = transcode (MP_ENCODING_JSON, many->str, many->len, MP_ENCODING_VARIANT);
  assert_fails (MP_ENCODING_JSON, many->str, many->len, MP_ENCODING_PICKLE,
                MP_ERROR_INVALID_DATA, "A dict has the same key twice");
}

/* Many members that differ only inside must not be compared each with each. */
static void
test_many_sets (void)
{
  g_autoptr (GString) text = g_string_new ("{\"$mp\":[\"set\",[");
  g_autoptr (GBytes) pickle = NULL;

  for (guint i = 0; i < 40000; i++)
    g_string_append_printf (text, "%s{\"$mp\":[\"set\",[%u,%u]]}", i > 0 ? "," : "", i, i + 1);
  g_string_append (text, "]]}");
  pickle = transcode (MP_ENCODING_JSON, text->str, text->len, MP_ENCODING_PICKLE);

  g_string_truncate (text, text->len - 3);
  g_string_append (text, ",{\"$mp\":[\"set\",[39999,40000]]}]]}");
  assert_fails (MP_ENCODING_JSON, text->str, text->len, MP_ENCODING_PICKLE,
                MP_ERROR_INVALID_DATA, "A set has the same member twice");
}

static void
test_bytes (void)
{
  g_autoptr (GBytes) pickle = transcode (MP_ENCODING_BYTES, "a\0b", 3, MP_ENCODING_PICKLE);
  g_autoptr (GBytes) bytes = transcode_bytes (MP_ENCODING_PICKLE, pickle, MP_ENCODING_BYTES);
  g_autoptr (GBytes) empty = transcode (MP_ENCODING_BYTES, NULL, 0, MP_ENCODING_JSON);
  g_autoptr (GBytes) same = transcode (MP_ENCODING_JSON, "not JSON", 8, MP_ENCODING_JSON);

  assert_bytes (bytes, "a\0b", 3);
  assert_bytes (empty, "{\"$mp\":[\"bytes\",\"\"]}", 20);
  assert_bytes (same, "not JSON", 8);
  assert_fails (MP_ENCODING_JSON, "[1]", 3, MP_ENCODING_BYTES, MP_ERROR_INVALID_DATA, NULL);
  assert_fails (0, "", 0, MP_ENCODING_JSON, MP_ERROR_INVALID_ARGUMENT, NULL);
  assert_fails (MP_ENCODING_JSON, "1", 1, 5, MP_ERROR_INVALID_ARGUMENT, NULL);
}

/* ── Shared objects ────────────────────────────────────────────────────────────────────────── */

static void
note_end (gpointer data)
{
  *(gboolean *) data = TRUE;
}

/* What a value names lives as long as the bytes it came in; so what is made of them holds them. */
static void
check_held (const char *text,
            gboolean    expect_held)
{
  static gboolean gone;
  g_autoptr (GError) error = NULL;
  GBytes *source = g_bytes_new_with_free_func (text, strlen (text), note_end, &gone);
  g_autoptr (MpPayload) payload = mp_payload_new (MP_ENCODING_JSON, source);
  MpPayload *converted = mp_payload_convert (payload, MP_ENCODING_PICKLE, &error);
  GVariant *value = mp_payload_get_variant (payload, NULL, &error);
  GVariant *typed = mp_payload_get_variant (payload, G_VARIANT_TYPE ("av"), &error);

  g_assert_no_error (error);
  gone = FALSE;
  g_bytes_unref (source);
  g_clear_pointer (&payload, mp_payload_unref);
  g_assert_cmpint (gone, ==, !expect_held);
  g_variant_unref (value);
  g_assert_cmpint (gone, ==, !expect_held);
  mp_payload_unref (converted);
  g_assert_cmpint (gone, ==, !expect_held);
  g_variant_unref (typed);
  g_assert_true (gone);
}

static void
test_objects (void)
{
  static const char *broken[] = {
    "{\"$mp\":[\"object\",\"\"]}", "{\"$mp\":[\"object\",\"a\\u0000b\"]}",
    "{\"$mp\":[\"object\",1]}", "{\"$mp\":[\"object\",null]}", "{\"$mp\":[\"object\",{\"a\":1}]}",
  };
  static const char key[] = "{\"$mp\":[\"map\",[[{\"$mp\":[\"object\",\"a:1\"]},1],"
                            "[{\"$mp\":[\"object\",\"a:2\"]},2]]]}";
  static const char twice[] = "{\"$mp\":[\"set\",[{\"$mp\":[\"object\",\"a:1\"]},"
                              "{\"$mp\":[\"object\",\"a:1\"]}]]}";
  g_autofree char *many = g_strnfill (256, 'x');
  g_autofree char *longest = g_strdup_printf ("{\"$mp\":[\"object\",\"%s\"]}", many);

  for (guint i = 0; i < G_N_ELEMENTS (broken); i++)
    assert_fails (MP_ENCODING_JSON, broken[i], strlen (broken[i]), MP_ENCODING_VARIANT,
                  MP_ERROR_INVALID_DATA, NULL);
  assert_fails (MP_ENCODING_JSON, longest, strlen (longest), MP_ENCODING_VARIANT,
                MP_ERROR_INVALID_DATA, NULL);
  assert_fails (MP_ENCODING_JSON, twice, strlen (twice), MP_ENCODING_PICKLE,
                MP_ERROR_INVALID_DATA, "A set has the same member twice");
  assert_prints (MP_ENCODING_JSON, key, strlen (key),
                 "@m(sv) ('mp.dict', <[(<@m(sv) ('mp.object', <'a:1'>)>, <int64 1>), "
                 "(<@m(sv) ('mp.object', <'a:2'>)>, <int64 2>)]>)");

  check_held ("[{\"$mp\":[\"object\",\"a:1\"]},1]", TRUE);
  check_held ("[{\"$mp\":[\"int\",\"1\"]},1]", FALSE);
}

/* ── The canonical form ────────────────────────────────────────────────────────────────────── */

/* JSON texts; those of one row are equal, and different from those of all other rows. */
static const char * const equal_values[][4] = {
  { "1", "1.0", "{\"$mp\":[\"int\",\"1\"]}" },
  { "true" },
  { "\"1\"" },
  { "null" },
  { "{\"$mp\":[\"float\",\"nan\"]}" },
  { "1.5", "15e-1" },
  { "[1,2]", "[1.0, 2]" },
  { "[2,1]" },
  { "{\"a\":1,\"b\":2}", "{\"$mp\":[\"object\",[[\"a\",1],[\"b\",2]]]}" },
  { "{\"b\":2,\"a\":1}" },
  { "{\"$mp\":[\"set\",[1,\"a\",[2]]]}", "{\"$mp\":[\"set\",[[2],1.0,\"a\"]]}" },
  { "{\"$mp\":[\"set\",[{\"$mp\":[\"set\",[1,2]]},{\"$mp\":[\"set\",[3,4]]}]]}",
    "{\"$mp\":[\"set\",[{\"$mp\":[\"set\",[4,3]]},{\"$mp\":[\"set\",[2,1]]}]]}" },
  { "{\"$mp\":[\"object\",\"a:1\"]}", "{\"$mp\":[\"object\",\"a\\u003a1\"]}" },
  { "\"a:1\"" },
  { "[]" },
  { "{}", "{\"$mp\":[\"map\",[]]}" },
};

static void
test_canonical (void)
{
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_bytes_hash, g_bytes_equal,
                                                       (GDestroyNotify) g_bytes_unref, NULL);
  g_autoptr (GBytes) byte = parse ("byte 0x01"), tuple = parse ("(byte 0x01, int16 2)");
  g_autoptr (GBytes) one = canonical (MP_ENCODING_JSON, "1", 1);
  g_autoptr (GBytes) pair = canonical (MP_ENCODING_JSON, "[1,2]", 5);
  g_autoptr (GBytes) from_byte = canonical (MP_ENCODING_VARIANT, g_bytes_get_data (byte, NULL),
                                            g_bytes_get_size (byte));
  g_autoptr (GBytes) from_tuple = canonical (MP_ENCODING_VARIANT, g_bytes_get_data (tuple, NULL),
                                             g_bytes_get_size (tuple));
  g_autoptr (GBytes) from_pickle = canonical (MP_ENCODING_PICKLE, "\200\004K\001.", 5);

  g_assert_true (g_bytes_equal (one, from_byte));
  g_assert_true (g_bytes_equal (one, from_pickle));
  g_assert_true (g_bytes_equal (pair, from_tuple));

  for (guint i = 0; i < G_N_ELEMENTS (equal_values); i++)
    {
      g_autoptr (GBytes) first = canonical (MP_ENCODING_JSON, equal_values[i][0],
                                            strlen (equal_values[i][0]));

      for (guint k = 1; k < 4 && equal_values[i][k] != NULL; k++)
        {
          g_autoptr (GBytes) other = canonical (MP_ENCODING_JSON, equal_values[i][k],
                                                strlen (equal_values[i][k]));

          g_test_message ("%s", equal_values[i][k]);
          g_assert_true (g_bytes_equal (first, other));
        }
      g_assert_true (g_hash_table_add (seen, g_steal_pointer (&first)));
    }
}

/* What numpy.ndarray ((1, 2), "|u1", bytearray (b"ab")) makes. */
static const char matrix[] = "\200\005\214\005numpy\214\007ndarray\223((K\001K\002t\214\003|u1"
                             "\226\002\000\000\000\000\000\000\000abtR.";

static void
test_arrays (void)
{
  g_autoptr (GBytes) variant = parse ("@m(sv) ('mp.ndarray', <('|u1', [int64 1, 2], "
                                      "[byte 97, 98])>)");
  g_autoptr (GBytes) written = NULL, pickle = NULL;
  g_autoptr (GVariant) value = NULL;

  pickle = transcode_bytes (MP_ENCODING_VARIANT, variant, MP_ENCODING_PICKLE);
  assert_bytes (pickle, matrix, sizeof matrix - 1);
  written = transcode_bytes (MP_ENCODING_PICKLE, pickle, MP_ENCODING_VARIANT);
  g_assert_true (g_bytes_equal (variant, written));

  assert_fails (MP_ENCODING_PICKLE, matrix, sizeof matrix - 1, MP_ENCODING_JSON,
                MP_ERROR_NOT_PLAIN,
                "An array of other than one dimension, which JavaScript does not have");

  value = mp_transcode_to_variant (MP_ENCODING_PICKLE, pickle, G_VARIANT_TYPE ("(saxay)"), NULL);
  g_assert_nonnull (value);
}

#define N_THREADS 4
#define N_CONVERSIONS 5000

/* Converts two values in turns, so that arrays of different sizes change hands. */
static gpointer
convert_often (gpointer data)
{
  for (guint i = 0; i < N_CONVERSIONS; i++)
    {
      const Sample *sample = &samples[i % 2 == 0 ? 0 : G_N_ELEMENTS (samples) - 1];
      g_autoptr (GBytes) json = transcode (MP_ENCODING_PICKLE, sample->python,
                                           sample->python_size, MP_ENCODING_JSON);

      assert_bytes (json, sample->json, strlen (sample->json));
    }

  return NULL;
}

static void
test_threads (void)
{
  GThread *threads[N_THREADS];

  for (guint i = 0; i < N_THREADS; i++)
    threads[i] = g_thread_new ("converter", convert_often, NULL);
  for (guint i = 0; i < N_THREADS; i++)
    g_thread_join (threads[i]);
}

/* What a pickle has in buffers is as if it were in the pickle; large ones are not copied twice. */
static void
test_buffers (void)
{
  const gsize n = 1000000;
  static const char head[] = "\200\005cnumpy.core.numeric\n_frombuffer\n(\227cnumpy\ndtype\n"
                             "(X\002\000\000\000f8\211\210tR(K\003X\001\000\000\000<NNNJ\377\377"
                             "\377\377J\377\377\377\377K\000tbJ\100\102\017\000\205X\001\000\000"
                             "\000CtR.";
  guint64 trailer[3] = { (sizeof head + 63) / 64 * 64, n * sizeof (double), 1 };
  g_autoptr (GByteArray) pickle = g_byte_array_new ();
  g_autoptr (GVariant) value = NULL, expected = NULL;
  g_autoptr (GBytes) bytes = NULL;
  const double *numbers;
  gsize count;

  g_byte_array_append (pickle, (const guint8 *) head, sizeof head - 1);
  g_byte_array_set_size (pickle, trailer[0] + trailer[1]);
  for (gsize i = 0; i < n; i++)
    ((double *) (pickle->data + trailer[0]))[i] = i / 4.0;
  g_byte_array_append (pickle, (const guint8 *) trailer, sizeof trailer);
  g_byte_array_append (pickle, (const guint8 *) "mpbuf\0\0\1", 8);
  bytes = g_bytes_new (pickle->data, pickle->len);

  value = mp_transcode_to_variant (MP_ENCODING_PICKLE, bytes, NULL, NULL);
  g_assert_nonnull (value);
  g_assert_cmpstr (g_variant_get_type_string (value), ==, "ad");
  numbers = g_variant_get_fixed_array (value, &count, sizeof (double));
  g_assert_cmpuint (count, ==, n);
  for (gsize i = 0; i < n; i++)
    g_assert_cmpfloat (numbers[i], ==, i / 4.0);

  expected = mp_transcode_to_variant (MP_ENCODING_PICKLE, bytes, G_VARIANT_TYPE ("av"), NULL);
  g_assert_nonnull (expected);
  g_assert_cmpuint (g_variant_n_children (expected), ==, n);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/transcode/table", test_table);
  g_test_add_func ("/transcode/one-way", test_one_way);
  g_test_add_func ("/transcode/foreign", test_foreign);
  g_test_add_func ("/transcode/json", test_json);
  g_test_add_func ("/transcode/json-doubles", test_json_doubles);
  g_test_add_func ("/transcode/variant", test_variant);
  g_test_add_func ("/transcode/framing", test_framing);
  g_test_add_func ("/transcode/python-keys", test_python_keys);
  g_test_add_func ("/transcode/many-sets", test_many_sets);
  g_test_add_func ("/transcode/bytes", test_bytes);
  g_test_add_func ("/transcode/objects", test_objects);
  g_test_add_func ("/transcode/arrays", test_arrays);
  g_test_add_func ("/transcode/threads", test_threads);
  g_test_add_func ("/transcode/buffers", test_buffers);
  g_test_add_func ("/transcode/canonical", test_canonical);

  return g_test_run ();
}
