/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Bytes behind JSON text, and vectors of numbers: what the reader makes of them, what the writer
 * attaches, and everything that is not right about such messages, each byte of them changed once.
 */

#include "config.h"

#include "transcode-check.h"

#define NUMBERS 1000

/* A message of a text and what is attached to it; @size: 0 for no NUL either. */
static GByteArray *
make_message (const char    *text,
              gconstpointer  pieces,
              gsize          size)
{
  static const guint8 zeros[8];
  GByteArray *message = g_byte_array_new ();
  gsize length = strlen (text);

  g_byte_array_append (message, (const guint8 *) text, length);
  if (size == 0)
    return message;

  g_byte_array_append (message, zeros, 8 - length % 8);
  g_byte_array_append (message, pieces, size);
  return message;
}

static GBytes *
convert (MpEncoding  from,
         GByteArray *message,
         MpEncoding  to)
{
  g_autoptr (GError) error = NULL;
  GBytes *result = mp_transcode (from, message->data, message->len, to, &error);

  g_assert_no_error (error);
  g_assert_nonnull (result);
  return result;
}

static char *
print (MpEncoding  from,
       GBytes     *bytes)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) value = mp_transcode_to_variant (from, bytes, NULL, &error);

  g_assert_no_error (error);
  g_assert_true (g_variant_is_normal_form (value));
  return g_variant_print (value, TRUE);
}

static void
assert_prints (GByteArray *message,
               const char *expected)
{
  g_autoptr (GBytes) bytes = g_bytes_new (message->data, message->len);
  g_autofree char *text = print (MP_ENCODING_JSON, bytes);

  g_assert_cmpstr (text, ==, expected);
}

static const struct
{
  const char *text;
  gsize       size;       /* of what is attached: 1, 2, 3… */
  const char *result;
} good[] = {
  { "{\"$mp\":[\"bytes\",[0,3]]}", 3, "[byte 0x01, 0x02, 0x03]" },
  { "[{\"$mp\":[\"bytes\",[0,1]]},{\"$mp\":[\"view\",[8,1]]}]", 0, "[[byte 0x01], [0x09]]" },
  { "{\"a\":{\"$mp\":[\"int16\",[0,4]]}}", 4, "{'a': <[int16 513, 1027]>}" },
  { "{\"$mp\":[\"uint16\",[ 0 , 4 ]]}", 4, "[uint16 513, 1027]" },
  { "{\"$mp\":[\"int32\",[0,4]]}", 4, "[67305985]" },
  { "{\"$mp\":[\"uint32\",[0,4]]}", 4, "[uint32 67305985]" },
  { "{\"$mp\":[\"int64\",[0,8]]}", 8, "[int64 578437695752307201]" },
  { "{\"$mp\":[\"uint64\",[0,8]]}", 8, "[uint64 578437695752307201]" },
  { "{\"$mp\":[\"clamped\",[0,2]]}", 2, "[byte 0x01, 0x02]" },
  { "{\"$mp\":[\"buffer\",[0,2]]}", 2, "[byte 0x01, 0x02]" },
  { "{\"$mp\":[\"int8\",\"Af8=\"]}", 0, "[int16 1, -1]" },
  { "{\"$mp\":[\"float32\",\"AADAPwAAAMA=\"]}", 0, "[1.5, -2.0]" },
  { "{\"$mp\":[\"float64\",\"AAAAAAAAAIA=\"]}", 0, "[-0.0]" },
  { "{\"$mp\":[\"float64\",\"\"]}", 0, "@ad []" },
  { "{\"$mp\":[\"bytes\",\"\"]}", 0, "@ay []" },
  { "[{\"$mp\":[\"int32\",\"AQAAAA==\"]},{\"$mp\":[\"int32\",\"AgAAAA==\"]}]", 0,
    "[<[1]>, <[2]>]" },
};

static void
test_good (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (good); i++)
    {
      static const guint8 two[9] = { 1, 0, 0, 0, 0, 0, 0, 0, 9 };
      guint8 pieces[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };
      gboolean both = strstr (good[i].text, "[8,1]") != NULL;
      g_autoptr (GByteArray) message = make_message (good[i].text, both ? two : pieces,
                                                     both ? sizeof two : good[i].size);

      g_test_message ("%s", good[i].text);
      assert_prints (message, good[i].result);
    }
}

static const struct
{
  const char *text;
  gsize       size;
} bad[] = {
  { "{\"$mp\":[\"bytes\",[0,3]]}", 0 },                      /* nothing is there */
  { "{\"$mp\":[\"bytes\",[0,4]]}", 3 },                      /* less is there */
  { "{\"$mp\":[\"bytes\",[0,2]]}", 3 },                      /* more is there */
  { "{\"$mp\":[\"bytes\",[8,1]]}", 8 },
  { "{\"$mp\":[\"bytes\",[8,1]]}", 9 },                      /* not from the first on */
  { "{\"$mp\":[\"bytes\",[1,2]]}", 3 },
  { "{\"$mp\":[\"bytes\",[-8,2]]}", 3 },
  { "{\"$mp\":[\"bytes\",[0,0]]}", 3 },
  { "{\"$mp\":[\"bytes\",[0,-1]]}", 3 },
  { "{\"$mp\":[\"bytes\",[0,1.5]]}", 3 },
  { "{\"$mp\":[\"bytes\",[0,3.0]]}", 3 },
  { "{\"$mp\":[\"bytes\",[0,4294967299]]}", 3 },
  { "{\"$mp\":[\"bytes\",[0,9223372036854775807]]}", 3 },
  { "{\"$mp\":[\"bytes\",[0,18446744073709551615]]}", 3 },
  { "{\"$mp\":[\"bytes\",[18446744073709551608,8]]}", 8 },
  { "{\"$mp\":[\"bytes\",[9223372036854775800,8]]}", 8 },
  { "{\"$mp\":[\"bytes\",[\"0\",3]]}", 3 },
  { "{\"$mp\":[\"bytes\",[0]]}", 3 },
  { "{\"$mp\":[\"bytes\",[]]}", 3 },
  { "{\"$mp\":[\"bytes\",[0,3,0]]}", 3 },
  { "{\"$mp\":[\"bytes\",[[0],[3]]]}", 3 },
  { "{\"$mp\":[\"bytes\",{\"0\":0,\"1\":3}]}", 3 },
  { "{\"$mp\":[\"bytes\",[0,3],0]}", 3 },
  { "[{\"$mp\":[\"bytes\",[0,8]]},{\"$mp\":[\"bytes\",[0,8]]}]", 8 },     /* twice */
  { "[{\"$mp\":[\"bytes\",[8,8]]},{\"$mp\":[\"bytes\",[0,8]]}]", 16 },    /* not in order */
  { "[{\"$mp\":[\"bytes\",[0,9]]},{\"$mp\":[\"bytes\",[8,8]]}]", 16 },    /* overlapping */
  { "[{\"$mp\":[\"bytes\",[0,1]]},{\"$mp\":[\"bytes\",[8,8]]}]", 16 },    /* not zero between */
  { "{\"$mp\":[\"int16\",[0,3]]}", 3 },
  { "{\"$mp\":[\"float64\",[0,7]]}", 7 },
  { "{\"$mp\":[\"float64\",\"AAAA\"]}", 0 },
  { "{\"$mp\":[\"int32\",null]}", 0 },
  { "{\"$mp\":[\"int\",[0,3]]}", 3 },
  { "{\"$mp\":[\"date\",[0,3]]}", 3 },
  { "{\"$mp\":[\"map\",[0,3]]}", 3 },
  { "1", 3 },                                                /* what nothing names */
  { "", 3 },
};

static void
assert_refused (GByteArray *message)
{
  for (MpEncoding to = MP_ENCODING_VARIANT; to <= MP_ENCODING_PICKLE; to++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GBytes) result = mp_transcode (MP_ENCODING_JSON, message->data, message->len, to,
                                                &error);

      g_assert_null (result);
      g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_DATA);
      g_assert_cmpuint (strlen (error->message), >, 10);
    }

  /* What is a text may be wrong, and stays as it is. */
  if (memchr (message->data, 0, message->len) != NULL)
    g_assert_null (mp_transcode_to_text (MP_ENCODING_JSON, message->data, message->len, NULL));
}

static void
test_bad (void)
{
  static const guint8 pieces[16] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 };
  static const guint8 zero = 0;

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GByteArray) message = make_message (bad[i].text, pieces, bad[i].size);

      g_test_message ("%s", bad[i].text);
      assert_refused (message);
    }

  for (guint i = 0; i < 20; i++)
    {
      g_autoptr (GByteArray) message = make_message ("\"text\"", NULL, 0);

      for (guint n = 0; n <= i; n++)
        g_byte_array_append (message, &zero, 1);
      assert_refused (message);
    }
}

/* What the writer attaches reads back, and a text without anything attached is the same value. */
static void
check_writer (const char *typecode,
              gsize       size)
{
  g_autofree guint8 *numbers = g_malloc0 (NUMBERS * size);
  g_autofree char *text = g_strdup_printf ("{\"b\":{\"$mp\":[\"%s\",[0,%u]]},"
                                           "\"a\":[{\"$mp\":[\"bytes\",\"AQ==\"]}]}",
                                           typecode, (guint) (NUMBERS * size));
  g_autoptr (GByteArray) message = NULL, again = NULL;
  g_autoptr (GBytes) pickle = NULL, json = NULL, flat = NULL;
  g_autofree char *first = NULL, *second = NULL, *third = NULL;

  for (gsize i = 0; i < NUMBERS * size; i++)
    numbers[i] = i % 61;
  message = make_message (text, numbers, NUMBERS * size);
  pickle = convert (MP_ENCODING_JSON, message, MP_ENCODING_PICKLE);
  again = g_bytes_unref_to_array (g_bytes_ref (pickle));
  json = convert (MP_ENCODING_PICKLE, again, MP_ENCODING_JSON);
  g_assert_cmpmem (g_bytes_get_data (json, NULL), g_bytes_get_size (json), message->data,
                   message->len);

  flat = mp_transcode_to_text (MP_ENCODING_JSON, message->data, message->len, NULL);
  g_assert_null (memchr (g_bytes_get_data (flat, NULL), '\0', g_bytes_get_size (flat)));
  first = print (MP_ENCODING_JSON, json);
  second = print (MP_ENCODING_JSON, flat);
  third = print (MP_ENCODING_PICKLE, pickle);
  g_assert_cmpstr (first, ==, second);
  g_assert_cmpstr (first, ==, third);
}

static void
test_writer (void)
{
  static const struct { const char *name; gsize size; } kinds[] = {
    { "bytes", 2 }, { "int8", 2 }, { "int16", 2 }, { "uint16", 2 }, { "int32", 4 },
    { "uint32", 4 }, { "int64", 8 }, { "uint64", 8 }, { "float32", 4 }, { "float64", 8 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++)
    {
      g_test_message ("%s", kinds[i].name);
      check_writer (kinds[i].name, kinds[i].size);
    }
}

/* A vector is brought to any array that has room for its numbers. */
static void
test_expected (void)
{
  static const struct { const char *text, *type, *result; } cases[] = {
    { "{\"$mp\":[\"int8\",\"Af8=\"]}", "ad", "[1.0, -1.0]" },
    { "{\"$mp\":[\"int8\",\"Af8=\"]}", "ax", "[int64 1, -1]" },
    { "{\"$mp\":[\"int8\",\"Af8=\"]}", "av", "[<int64 1>, <int64 -1>]" },
    { "{\"$mp\":[\"int8\",\"Af8=\"]}", "ami", "[@mi 1, -1]" },
    { "{\"$mp\":[\"int8\",\"Af8=\"]}", "v", "<[int16 1, -1]>" },
    { "{\"$mp\":[\"int8\",\"Af8=\"]}", "aq", "value[1]: -1 does not fit the type “q”" },
    { "{\"$mp\":[\"int8\",\"Af8=\"]}", "as", "value[0]: 1 does not fit the type “s”" },
    { "{\"$mp\":[\"int8\",\"Af8=\"]}", "s", "value: vector does not fit the type “s”" },
    { "{\"$mp\":[\"float64\",\"AAAAAAAA8D8=\"]}", "ax",
      "value[0]: float does not fit the type “x”" },
    { "{\"$mp\":[\"float64\",\"\"]}", "as", "@as []" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GBytes) bytes = g_bytes_new_static (cases[i].text, strlen (cases[i].text));
      g_autoptr (GVariant) value = NULL;
      g_autofree char *text = NULL;

      g_test_message ("%s as %s", cases[i].text, cases[i].type);
      value = mp_transcode_to_variant (MP_ENCODING_JSON, bytes, G_VARIANT_TYPE (cases[i].type),
                                       &error);
      text = value != NULL ? g_variant_print (value, TRUE) : g_strdup (error->message);
      g_assert_cmpstr (text, ==, cases[i].result);
    }
}

/* In every byte each bit flipped once, and cut at every length. */
static void
test_changes (void)
{
  const char *text = "{\"a\":{\"$mp\":[\"bytes\",[0,5]]},\"__proto__\":"
                     "[{\"$mp\":[\"float64\",[8,16]]},{\"$mp\":[\"int8\",\"AQ==\"]}]}";
  guint8 pieces[24] = { 1, 2, 3, 4, 5, [14] = 0xf0, 0x3f };
  g_autoptr (GByteArray) message = make_message (text, pieces, sizeof pieces);

  assert_prints (message, "{'a': <[byte 0x01, 0x02, 0x03, 0x04, 0x05]>, '__proto__': "
                          "<[<[1.0, 0.0]>, <[int16 1]>]>}");
  for (guint i = 0; i < message->len; i++)
    {
      transcode_check (MP_ENCODING_JSON, message->data, i);
      for (guint bit = 0; bit < 8; bit++)
        {
          message->data[i] ^= 1 << bit;
          transcode_check (MP_ENCODING_JSON, message->data, message->len);
          message->data[i] ^= 1 << bit;
        }
    }
}

/* Forms in forms, and many names of nothing, end with an error and not with the stack or memory. */
static void
test_bombs (void)
{
  static const char * const opens[] = {
    "{\"$mp\":[\"bytes\",", "{\"$mp\":[\"map\",[[", "{\"$mp\":[\"set\",[", "{\"$mp\":[\"int8\",[",
    "{\"__proto__\":", "[",
  };
  g_autoptr (GString) many = g_string_new ("[");
  g_autoptr (GByteArray) message = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (opens); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GString) text = g_string_new (NULL);

      for (guint n = 0; n < 100000; n++)
        g_string_append (text, opens[i]);
      g_assert_null (mp_transcode (MP_ENCODING_JSON, text->str, text->len, MP_ENCODING_PICKLE,
                                   &error));
      g_assert_error (error, MP_ERROR, MP_ERROR_NOT_PLAIN);
    }

  for (guint n = 0; n < 100000; n++)
    g_string_append (many, "{\"$mp\":[\"bytes\",[0,8]]},");
  g_string_append (many, "0]");
  message = make_message (many->str, "12345678", 8);
  assert_refused (message);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/json-attachments/good", test_good);
  g_test_add_func ("/json-attachments/bad", test_bad);
  g_test_add_func ("/json-attachments/writer", test_writer);
  g_test_add_func ("/json-attachments/expected", test_expected);
  g_test_add_func ("/json-attachments/changes", test_changes);
  g_test_add_func ("/json-attachments/bombs", test_bombs);

  return g_test_run ();
}
