/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The side of C in the table of values (cases*.toml); test_pairs.py starts it, beside the same in
 * the other languages:
 *
 *   values write QUEUE PROXY   puts the value of each case, and then the case's name; the proxy is
 *                              that of a list in the test's manager
 *   values read QUEUE          takes them
 *   values pass QUEUE OTHER    takes them, and puts what it got into the other queue
 *
 * It prints a line for everything it does: what, the name of the case and the value as a text of
 * this language, which is g_variant_print(); or the error. All run in processes of the family of
 * the test, whose queues they open by their handles.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mproc/mproc.h>

#define SECONDS 60.0
#define LONGEST 2000
#define MANY 100000
#define MIB (1 << 20)

/* The case of no name ends everything. */
#define END ""

/* --- An object of the program's own -------------------------------------------------------- */

typedef struct {
  GObject parent_instance;
  int     x;
  int     y;
} ValuesPoint;

typedef GObjectClass ValuesPointClass;

static void serializable_init (MpSerializableInterface *iface);
static GType values_point_get_type (void);

G_DEFINE_TYPE_WITH_CODE (ValuesPoint, values_point, G_TYPE_OBJECT,
                         G_IMPLEMENT_INTERFACE (MP_TYPE_SERIALIZABLE, serializable_init))

static GVariant *
get_state (MpSerializable  *object,
           GError         **error)
{
  ValuesPoint *self = (ValuesPoint *) object;

  return g_variant_new ("(ii)", self->x, self->y);
}

static gboolean
set_state (MpSerializable  *object,
           GVariant        *state,
           GError         **error)
{
  ValuesPoint *self = (ValuesPoint *) object;

  g_variant_get (state, "(ii)", &self->x, &self->y);
  return TRUE;
}

static void
serializable_init (MpSerializableInterface *iface)
{
  iface->get_state = get_state;
  iface->set_state = set_state;
}

static void
values_point_class_init (ValuesPointClass *class)
{
}

static void
values_point_init (ValuesPoint *self)
{
}

static GVariant *
new_point (int x,
           int y)
{
  g_autoptr (MpSerializable) object = g_object_new (values_point_get_type (), NULL);
  ValuesPoint *point = (ValuesPoint *) object;

  point->x = x;
  point->y = y;
  return mp_serializable_to_variant (object, NULL);
}

/* --- Cases --------------------------------------------------------------------------------- */

typedef struct {
  const char *name;
  const char *text;
} Case;

/* What a text can hold, as g_variant_parse() reads it. */
static const Case cases[] = {
  { "null", "@mv nothing" },
  { "true", "true" },
  { "false", "false" },
  { "int 0", "int64 0" },
  { "int 1", "int64 1" },
  { "int -1", "int64 -1" },
  { "int 2^31-1", "int64 2147483647" },
  { "int 2^31", "int64 2147483648" },
  { "int -2^31", "int64 -2147483648" },
  { "int -2^31-1", "int64 -2147483649" },
  { "int 2^53-1", "int64 9007199254740991" },
  { "int 2^53", "int64 9007199254740992" },
  { "int 2^53+1", "int64 9007199254740993" },
  { "int -2^53+1", "int64 -9007199254740991" },
  { "int -2^53-1", "int64 -9007199254740993" },
  { "int 2^63-1", "int64 9223372036854775807" },
  { "int -2^63", "int64 -9223372036854775808" },
  { "int 2^63", "uint64 9223372036854775808" },
  { "int 2^64-1", "uint64 18446744073709551615" },
  { "int 2^64", "@m(sv) ('mp.int', <'18446744073709551616'>)" },
  { "int -2^63-1", "@m(sv) ('mp.int', <'-9223372036854775809'>)" },
  { "float 0.5", "0.5" },
  { "float 0.1", "0.1" },
  { "float 1.0", "1.0" },
  { "float -0.0", "-0.0" },
  { "float 1e22", "1e22" },
  { "float largest", "1.7976931348623157e308" },
  { "float inf", "inf" },
  { "float -inf", "-inf" },
  { "float nan", "nan" },
  { "str empty", "''" },
  { "str ASCII", "'Hello, world'" },
  { "str escapes", "'a\"b\\\\c\\n\\t'" },
  { "str null", "'null'" },
  { "str $mp", "'\"$mp\"'" },
  { "str beyond the BMP", "'h\xc3\xa9 \xe6\x97\xa5 \xf0\x9f\x98\x80'" },
  { "str with U+0000", "@m(sv) ('mp.str', <[byte 0x61, 0x00, 0x62]>)" },
  { "bytes empty", "@ay []" },
  { "bytes", "[byte 0x00, 0x01, 0x7f, 0xff]" },
  { "list empty", "@av []" },
  { "list of bools", "[true, false]" },
  { "list of ints", "[int64 1, -2, 9007199254740993]" },
  { "list of floats", "[0.5, -1.5]" },
  { "list of strs", "['a', '', 'b']" },
  { "list of bytes", "[[byte 0x01], []]" },
  { "list of dicts", "[{'a': <int64 1>}, {}]" },
  { "list mixed", "[<int64 1>, <'a'>, <@mv nothing>, <true>]" },
  { "list of int and float", "[<int64 1>, <2.5>]" },
  { "list of int and uint64", "[<int64 1>, <uint64 9223372036854775808>]" },
  { "list of lists", "[<[int64 1, 2]>, <@av []>]" },
  { "list of nulls", "[<@mv nothing>, <@mv nothing>]" },
  { "tuple empty", "()" },
  { "tuple of 1", "('a',)" },
  { "tuple of 2", "(int64 1, 'a')" },
  { "tuple of tuples", "((int64 1, int64 2), ('a',))" },
  { "dict empty", "@a{sv} {}" },
  { "dict", "{'b': <int64 1>, 'a': <[<@mv nothing>]>}" },
  { "dict integer-like", "{'2': <'two'>, '1': <'one'>, 'x': <'ex'>}" },
  { "dict $mp", "{'$mp': <int64 1>}" },
  { "dict __proto__", "{'__proto__': <int64 1>, 'a': <int64 2>}" },
  { "dict of int", "{int64 1: <'a'>, -5: <'b'>}" },
  { "dict of bytes", "@m(sv) ('mp.dict', <[(<[byte 0x6b]>, <int64 1>)]>)" },
  { "dict mixed", "@m(sv) ('mp.dict', <[(<'a'>, <int64 1>), (<2.5>, <'b'>), (<@mv nothing>, <'c'>),"
                  " (<(int64 1, int64 2)>, <'d'>)]>)" },
  { "dict key with U+0000", "@m(sv) ('mp.dict', <[(<@m(sv) ('mp.str', <[byte 0x61, 0x00]>)>,"
                            " <int64 1>)]>)" },
  { "set", "@m(sv) ('mp.set', <[<int64 1>, <int64 2>, <int64 3>]>)" },
  { "set empty", "@m(sv) ('mp.set', <@av []>)" },
  { "set of tuple", "@m(sv) ('mp.set', <[<(int64 1, 'a')>]>)" },
  { "set of frozenset", "@m(sv) ('mp.set', <[<@m(sv) ('mp.frozenset', <[<int64 1>]>)>]>)" },
  { "frozenset", "@m(sv) ('mp.frozenset', <[<int64 1>, <int64 2>]>)" },
  { "moment in UTC", "@m(sv) ('mp.datetime', <'2020-02-29T23:59:58.125000Z'>)" },
  { "moment in a zone", "@m(sv) ('mp.datetime', <'2020-02-29T23:59:58.123456+05:30'>)" },
  { "shared twice", "[<[int64 1]>, <[int64 1]>]" },

  /* What only C and Vala have. */
  { "byte", "byte 0xff" },
  { "int16", "int16 -5" },
  { "int32", "-2147483648" },
  { "uint32", "uint32 4294967295" },
  { "array of int32", "[1, 2]" },
  { "array of uint16", "[uint16 1, 65535]" },
  { "dict of int32", "{'a': 1}" },
  { "dict by uint32", "{uint32 7: 'seven'}" },
  { "dict by double", "{0.5: 'half'}" },
  { "entry", "{'a', int64 1}" },
  { "Just", "@mx 5" },
  { "Just Nothing", "@mmx just nothing" },
  { "boxed", "<<int64 5>>" },
  { "object path", "objectpath '/org/example'" },
  { "signature", "signature 'a{sv}'" },
  { "bytestring", "b'text'" },
  { "handle", "handle 5" },
  { "pair like an extension", "@m(sv) ('own.tag', <int64 5>)" },
  { "unknown extension", "@m(sv) ('mp.unknown', <int64 5>)" },
  { "dict with a key twice", "{'a': <int64 1>, 'a': <int64 2>}" },
  { "set with a member twice", "@m(sv) ('mp.set', <[<int64 1>, <int64 1>]>)" },
  { "object that is not allowed", "@m(sv) ('mp.gobject', <('ValuesSecret', <int64 1>)>)" },
  { "moment of nonsense", "@m(sv) ('mp.datetime', <'yesterday'>)" },
};

/* ── The values that are no text ─────────────────────────────────────────────────────────────── */

/* -1 and hundred zeros, or as many digits as wanted. */
static GVariant *
new_power (guint zeros)
{
  GString *digits = g_string_new ("1");

  for (guint i = 0; i < zeros; i++)
    g_string_append_c (digits, '0');

  return g_variant_new ("m(sv)", TRUE, "mp.int",
                        g_variant_new_take_string (g_string_free (digits, FALSE)));
}

static GVariant *
new_bytes (gsize size)
{
  guint8 *bytes = g_malloc (size);

  for (gsize i = 0; i < size; i++)
    bytes[i] = (guint8) (i % 4);

  return g_variant_new_from_data (G_VARIANT_TYPE_BYTESTRING, bytes, size, TRUE, g_free, bytes);
}

static GVariant *
new_text (gsize size)
{
  return g_variant_new_take_string (g_strnfill (size, 'x'));
}

static GVariant *
new_numbers (gsize n)
{
  gint64 *numbers = g_new (gint64, n);

  for (gsize i = 0; i < n; i++)
    numbers[i] = (gint64) i;

  return g_variant_new_from_data (G_VARIANT_TYPE ("ax"), numbers, n * sizeof numbers[0], TRUE,
                                  g_free, numbers);
}

static GVariant *
new_lists (guint depth)
{
  GVariant *value = g_variant_new_parsed ("@av []");

  while (--depth > 0)
    value = g_variant_new_parsed ("[%v]", value);

  return value;
}

static GVariant *
new_dicts (guint depth)
{
  GVariant *value = g_variant_new_parsed ("@a{sv} {}");

  while (--depth > 0)
    value = g_variant_new_parsed ("{'k': %v}", value);

  return value;
}

static GVariant *
new_tuple (gsize n)
{
  GVariant *items[65];

  for (gsize i = 0; i < n; i++)
    items[i] = n > 64 ? g_variant_new_variant (g_variant_new_int64 ((gint64) i))
                      : g_variant_new_int64 ((gint64) i);

  return n > 64 ? g_variant_new ("m(sv)", TRUE, "mp.tuple",
                                 g_variant_new_array (G_VARIANT_TYPE_VARIANT, items, n))
                : g_variant_new_tuple (items, n);
}

/* ── Values as texts ─────────────────────────────────────────────────────────────────────────── */

static gboolean
describe_shared (const GMatchInfo *info,
                 GString          *text,
                 gpointer          data)
{
  g_autofree char *handle = g_match_info_fetch (info, 1);
  g_autoptr (GError) error = NULL;
  g_autoptr (GObject) shared = NULL;

  if (g_str_has_prefix (handle, "mproc-manager:"))
    shared = G_OBJECT (mp_proxy_open (handle, &error));
  else
    shared = (GObject *) mp_shared_open (handle, &error);

  if (shared == NULL)
    g_string_append (text, error->message);
  else if (MP_IS_PROXY (shared))
    g_string_append_printf (text, "<ListProxy %" G_GINT64_FORMAT ">",
                            mp_proxy_get_length (MP_PROXY (shared), NULL));
  else
    g_string_append_printf (text, "<Queue %u>", mp_queue_qsize (MP_QUEUE (shared)));
  return FALSE;
}

/* A shared object is told by what it is, and so is one of ours; a long text by its length and
 * checksum. */
static char *
describe (GVariant *value)
{
  g_autofree char *printed = g_variant_print (value, TRUE);
  g_autoptr (GObject) object = mp_serializable_from_variant (value, NULL);
  g_autoptr (GRegex) handles = NULL;
  g_autofree char *checksum = NULL;

  if (object != NULL)
    return g_strdup_printf ("<%s %d %d>", G_OBJECT_TYPE_NAME (object), ((ValuesPoint *) object)->x,
                            ((ValuesPoint *) object)->y);
  if (strlen (printed) > LONGEST)
    {
      checksum = g_compute_checksum_for_string (G_CHECKSUM_SHA256, printed, -1);
      return g_strdup_printf ("%" G_GSIZE_FORMAT " bytes %s", strlen (printed), checksum);
    }

  handles = g_regex_new ("@m\\(sv\\) \\('mp.object', <'([^']*)'>\\)", 0, 0, NULL);
  return g_regex_replace_eval (handles, printed, -1, 0, 0, describe_shared, NULL, NULL);
}

static void
say (const char *what,
     const char *name,
     const char *text)
{
  printf ("%s\t%s\t%s\n", what, name, text);
}

static void
say_error (const char   *what,
           const char   *name,
           const GError *error)
{
  g_autofree char *text = NULL;

  if (error->domain == MP_ERROR)
    {
      g_autoptr (GEnumClass) codes = g_type_class_ref (MP_TYPE_ERROR);
      const char *code = g_enum_get_value (codes, error->code)->value_name;

      text = g_strdup_printf ("error %s %s", code + strlen ("MP_ERROR_"), error->message);
    }
  else
    text = g_strdup_printf ("error %s", error->message);
  say (what, name, text);
}

/* ── The three programs ──────────────────────────────────────────────────────────────────────── */

static MpQueue *
open_queue (const char *handle)
{
  g_autoptr (GError) error = NULL;
  MpShared *shared = mp_shared_open (handle, &error);

  if (shared == NULL)
    g_error ("%s", error->message);
  return MP_QUEUE (shared);
}

/* Puts the value and the name behind it. */
static void
put (MpQueue    *queue,
     const char *name,
     GVariant   *value)
{
  g_autoptr (GError) error = NULL;

  if (!mp_queue_put (queue, value, SECONDS, NULL, &error))
    say_error ("refused", name, error);
  else if (!mp_queue_put (queue, g_variant_new_string (name), SECONDS, NULL, &error))
    g_error ("%s", error->message);
}

static void
write_value (MpQueue    *queue,
             const char *name,
             GVariant   *value)
{
  g_autoptr (GVariant) held = g_variant_ref_sink (value);
  g_autofree char *text = describe (held);

  say ("wrote", name, text);
  put (queue, name, held);
}

static void
write_all (MpQueue    *queue,
           const char *handle)
{
  g_autoptr (MpQueue) inner = mp_queue_new (0, NULL);
  g_autoptr (MpProxy) list = mp_proxy_open (handle, NULL);

  mp_queue_put (inner, g_variant_new_int64 (7), SECONDS, NULL, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    write_value (queue, cases[i].name, g_variant_new_parsed (cases[i].text));

  write_value (queue, "float smallest", g_variant_new_double (5e-324));
  write_value (queue, "int 10^100", new_power (100));
  write_value (queue, "int of 10000 digits", new_power (9999));
  write_value (queue, "int of 10001 digits", new_power (10000));
  write_value (queue, "tuple of 64", new_tuple (64));
  write_value (queue, "tuple of 65", new_tuple (65));
  write_value (queue, "40 lists", new_lists (40));
  write_value (queue, "41 lists", new_lists (41));
  write_value (queue, "40 dicts", new_dicts (40));
  write_value (queue, "41 dicts", new_dicts (41));
  write_value (queue, "bytes of 1 MiB", new_bytes (MIB));
  write_value (queue, "str of 1 MiB", new_text (MIB));
  write_value (queue, "list of 100000", new_numbers (MANY));
  write_value (queue, "queue", mp_shared_to_variant (MP_SHARED (inner)));
  write_value (queue, "queue inside",
               g_variant_new_parsed ("{'inside': <[%v, <'x'>]>}",
                                     mp_shared_to_variant (MP_SHARED (inner))));
  write_value (queue, "object", new_point (1, -2));
  write_value (queue, "object inside", g_variant_new_parsed ("[%v, <'x'>]", new_point (3, 4)));
  write_value (queue, "proxy", mp_proxy_to_variant (list, NULL));
  write_value (queue, "proxy inside",
               g_variant_new_parsed ("[%v, <'x'>]", mp_proxy_to_variant (list, NULL)));
  put (queue, END, g_variant_new_string (END));
}

/* @other: where to put what was read, or NULL. */
static void
read_all (MpQueue *queue,
          MpQueue *other)
{
  for (;;)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GVariant) value = mp_queue_get (queue, SECONDS, NULL, &error);
      g_autoptr (GVariant) named = mp_queue_get (queue, SECONDS, NULL, NULL);
      g_autofree char *text = value != NULL ? describe (value) : NULL;
      const char *name = g_variant_get_string (named, NULL);

      if (name[0] == '\0')
        break;
      if (value == NULL)
        {
          say_error ("read", name, error);
          continue;
        }
      say ("read", name, text);
      if (other != NULL)
        put (other, name, value);
    }

  if (other != NULL)
    put (other, END, g_variant_new_string (END));
}

int
main (int    argc,
      char **argv)
{
  g_autoptr (MpQueue) queue = argc > 2 ? open_queue (argv[2]) : NULL;
  g_autoptr (MpQueue) other = argc > 3 && strcmp (argv[1], "pass") == 0 ? open_queue (argv[3])
                                                                        : NULL;

  if (queue == NULL)
    return EXIT_FAILURE;

  if (!mp_serializable_allow (values_point_get_type (), NULL))
    return EXIT_FAILURE;
  if (strcmp (argv[1], "write") == 0)
    write_all (queue, argv[3]);
  else
    read_all (queue, other);

  return EXIT_SUCCESS;
}
