/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The transcoders against input that nobody honest wrote: every sample cut at every length and
 * with random changes, bombs, lengths that lie, depth, GVariants that are not in normal form.
 * transcode-check.h says what must hold; run it with sanitizers to see more.
 */

#include "config.h"

#include <sys/resource.h>

#include "transcode-check.h"
#include "transcode-samples.h"

#define FLIPS 100000

typedef struct {
  MpEncoding  encoding;
  GBytes     *bytes;
} Input;

static void
input_free (gpointer data)
{
  Input *input = data;

  g_bytes_unref (input->bytes);
  g_free (input);
}

static void
add_input (GPtrArray     *inputs,
           MpEncoding     encoding,
           gconstpointer  data,
           gsize          size)
{
  Input *input = g_new (Input, 1);

  input->encoding = encoding;
  input->bytes = g_bytes_new (data, size);
  g_ptr_array_add (inputs, input);
}

/* All samples in all encodings. */
static GPtrArray *
all_inputs (void)
{
  GPtrArray *inputs = g_ptr_array_new_with_free_func (input_free);

  for (guint i = 0; i < G_N_ELEMENTS (samples); i++)
    {
      const Sample *sample = &samples[i];
      g_autoptr (GBytes) variant = mp_transcode (MP_ENCODING_PICKLE, sample->python,
                                                 sample->python_size, MP_ENCODING_VARIANT, NULL);

      g_assert_nonnull (variant);
      add_input (inputs, MP_ENCODING_PICKLE, sample->python, sample->python_size);
      add_input (inputs, MP_ENCODING_PICKLE, sample->ours, sample->ours_size);
      add_input (inputs, MP_ENCODING_JSON, sample->json, strlen (sample->json));
      add_input (inputs, MP_ENCODING_VARIANT, g_bytes_get_data (variant, NULL),
                 g_bytes_get_size (variant));
    }
  for (guint i = 0; i < G_N_ELEMENTS (one_way_samples); i++)
    add_input (inputs, MP_ENCODING_PICKLE, one_way_samples[i].python,
               one_way_samples[i].python_size);

  return inputs;
}

/* A conversion that must fail. */
static void
assert_refused (MpEncoding     from,
                gconstpointer  data,
                gsize          size,
                int            code)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) result = mp_transcode (from, data, size,
                                            from == MP_ENCODING_JSON ? MP_ENCODING_VARIANT
                                                                     : MP_ENCODING_JSON, &error);

  g_assert_null (result);
  g_assert_error (error, MP_ERROR, code);
}

static void
test_truncation (void)
{
  g_autoptr (GPtrArray) inputs = all_inputs ();

  for (guint i = 0; i < inputs->len; i++)
    {
      Input *input = g_ptr_array_index (inputs, i);
      gsize size;
      const guint8 *data = g_bytes_get_data (input->bytes, &size);

      for (gsize cut = 0; cut < size; cut++)
        {
          transcode_check (input->encoding, data, cut);
          /* Of the encodings, a pickle alone has an end that cannot be missed. */
          if (input->encoding == MP_ENCODING_PICKLE)
            assert_refused (MP_ENCODING_PICKLE, data, cut, MP_ERROR_INVALID_DATA);
        }
    }
}

static void
test_flips (void)
{
  g_autoptr (GPtrArray) inputs = all_inputs ();
  g_autoptr (GRand) random = g_rand_new_with_seed (40);
  guint accepted = 0;

  for (guint i = 0; i < FLIPS; i++)
    {
      Input *input = g_ptr_array_index (inputs, g_rand_int_range (random, 0, inputs->len));
      gsize size;
      const guint8 *data = g_bytes_get_data (input->bytes, &size);
      g_autofree guint8 *copy = g_memdup2 (data, size);
      g_autoptr (GBytes) result = NULL;

      for (int n = g_rand_int_range (random, 1, 4); n > 0; n--)
        copy[g_rand_int_range (random, 0, size)] = g_rand_int (random);
      transcode_check (input->encoding, copy, size);
      result = mp_transcode (input->encoding, copy, size, MP_ENCODING_JSON, NULL);
      accepted += result != NULL;
    }

  /* Were all refused, or none, the loop above would have tested little. */
  g_test_message ("%u of %d changed inputs were values", accepted, FLIPS);
  g_assert_cmpuint (accepted, >, FLIPS / 100);
  g_assert_cmpuint (accepted, <, FLIPS);
}

#define REFUSED(literal) \
  assert_refused (MP_ENCODING_PICKLE, literal, sizeof (literal) - 1, MP_ERROR_INVALID_DATA)

#define NOT_NORMAL(literal) \
  assert_refused (MP_ENCODING_VARIANT, literal, sizeof (literal) - 1, MP_ERROR_INVALID_DATA)

/* Lengths and indices that promise more than there is. */
static void
test_pickle_lies (void)
{
  REFUSED ("\200\004X\377\377\377\377a.");
  REFUSED ("\200\004\215\377\377\377\377\377\377\377\377a.");
  REFUSED ("\200\004\216\377\377\377\377\377\377\377\177a.");
  REFUSED ("\200\005\226\000\000\000\000\001\000\000\000a.");
  REFUSED ("\200\004\213\377\377\377\177a.");
  REFUSED ("\200\004\225\377\377\377\377\377\377\377\377N.");
  REFUSED ("\200\004Nr\377\377\377\377.");
  REFUSED ("\200\004h\000.");
  REFUSED ("\200\004j\377\377\377\377.");
  REFUSED ("\200\004Nr\004\000\000\000h\003.");
  REFUSED ("\200\006N.");
  REFUSED ("\200\001N.");
  REFUSED ("\200\004.");
  REFUSED ("\200\004(.");
  REFUSED ("\200\004(N.");
  REFUSED ("\200\004NN.N");
  REFUSED ("\200\004t.");
  REFUSED ("\200\004\205.");
  REFUSED ("\200\004N(\205.");
  REFUSED ("\200\004N(Ne.");
  REFUSED ("\200\004)(Ne.");
  REFUSED ("\200\004}(Nu.");
  REFUSED ("\200\004(Nd.");
  REFUSED ("\200\004}Ns.");
  REFUSED ("\200\004](N\220.");
  REFUSED ("\200\004a.");
  REFUSED ("\200\004e.");
  REFUSED ("\200\0040.");
  REFUSED ("\200\0041.");
  REFUSED ("\200\0042.");
  REFUSED ("\200\004NNR.");
  REFUSED ("\200\004NNb.");
  REFUSED ("\200\004NN\223.");
  REFUSED ("\200\004cos\nsystem");
  REFUSED ("\200\004\377.");
  REFUSED ("\200\004}(K\001NK\001Nu.");
  REFUSED ("\200\004\217(NN\220.");
  REFUSED ("I1\n.");
}

#define MARK "mpbuf\0\0\1"
#define WORD(byte) byte "\0\0\0\0\0\0\0"
#define HUGE "\377\377\377\377\377\377\377\377"
#define ABC "\200\005\227." "abc"        /* a pickle of one buffer, and that: seven bytes */

static void
test_pickle_buffers (void)
{
  static const char good[] = ABC WORD ("\004") WORD ("\003") WORD ("\001") MARK;
  static const char two[] = "\200\005\227\227\206." "abc" WORD ("\006") WORD ("\003")
                            WORD ("\007") WORD ("\001") WORD ("\002") MARK;
  g_autoptr (GBytes) result = mp_transcode (MP_ENCODING_PICKLE, good, sizeof good - 1,
                                            MP_ENCODING_JSON, NULL);
  g_autoptr (GBytes) overlap = mp_transcode (MP_ENCODING_PICKLE, two, sizeof two - 1,
                                             MP_ENCODING_JSON, NULL);

  g_assert_nonnull (result);
  g_assert_nonnull (overlap);

  /* Missing, too few, too many, none. */
  REFUSED ("\200\005\227.");
  REFUSED ("\200\005\227\227\206." "abc" WORD ("\006") WORD ("\003") WORD ("\001") MARK);
  REFUSED (ABC WORD ("\004") WORD ("\001") WORD ("\005") WORD ("\001") WORD ("\002") MARK);
  REFUSED ("\200\005N." MARK "x");
  REFUSED ("\200\005\227." WORD ("\0") MARK);
  REFUSED ("\200\005K\001\230." WORD ("\0") MARK);
  REFUSED ("\200\005\230." WORD ("\0") MARK);

  /* Beyond what is there, with sums that overflow, over the pickle, far behind it. */
  REFUSED (ABC WORD ("\004") WORD ("\004") WORD ("\001") MARK);
  REFUSED (ABC WORD ("\010") WORD ("\0") WORD ("\001") MARK);
  REFUSED (ABC HUGE WORD ("\003") WORD ("\001") MARK);
  REFUSED (ABC WORD ("\004") HUGE WORD ("\001") MARK);
  REFUSED (ABC WORD ("\004") WORD ("\003") HUGE MARK);
  REFUSED (ABC WORD ("\004") WORD ("\003") "\0\0\0\0\0\0\0\020" MARK);
  REFUSED (ABC WORD ("\002") WORD ("\003") WORD ("\001") MARK);
  REFUSED (MARK MARK);
  REFUSED ("\200\005\227." WORD ("\0") WORD ("\0") WORD ("\0") WORD ("\0") WORD ("\0") WORD ("\0")
           WORD ("\0") WORD ("\0") "abc" WORD ("\104") WORD ("\003") WORD ("\001") MARK);
}

#define MATRIX(shape, name, bytes) \
  "\200\005cnumpy\nndarray\n(" shape "X\003\000\000\000" name bytes "tR."

/* Arrays whose shape promises more, or less, than there is. */
static void
test_pickle_arrays (void)
{
  static const char * const shapes[] = {
    "K\002K\002\206", "K\001K\003\206", "K\001J\377\377\377\377\206", "K\001N\206",
    "J\377\377\377\177J\377\377\377\177\206", ")", "K\001K\002K\003\207",
    "\212\010\377\377\377\377\377\377\377\177\212\010\377\377\377\377\377\377\377\177\206",
  };
  static const char good[] = MATRIX ("K\001K\002\206", "|u1", "C\002ab");
  static const char small[] = MATRIX ("K\001K\001\206", "<f8", "C\002ab");
  static const char none[] = MATRIX ("K\001K\001\206", "|O1", "C\001a");
  static const char list[] = MATRIX ("](K\001K\002e", "|u1", "C\002ab");
  g_autoptr (GBytes) result = mp_transcode (MP_ENCODING_PICKLE, good, sizeof good - 1,
                                            MP_ENCODING_VARIANT, NULL);

  g_assert_nonnull (result);
  assert_refused (MP_ENCODING_PICKLE, small, sizeof small - 1, MP_ERROR_NOT_PLAIN);
  assert_refused (MP_ENCODING_PICKLE, none, sizeof none - 1, MP_ERROR_NOT_PLAIN);
  assert_refused (MP_ENCODING_PICKLE, list, sizeof list - 1, MP_ERROR_NOT_PLAIN);

  for (guint i = 0; i < G_N_ELEMENTS (shapes); i++)
    {
      g_autoptr (GString) pickle = g_string_new_len ("\200\005cnumpy\nndarray\n(", 18);

      g_string_append (pickle, shapes[i]);
      g_string_append_len (pickle, "X\003\000\000\000|u1C\002abtR.", 15);
      assert_refused (MP_ENCODING_PICKLE, pickle->str, pickle->len, MP_ERROR_NOT_PLAIN);
    }

}

static void
test_variant_arrays (void)
{
  static const char * const texts[] = {
    "@m(sv) ('mp.ndarray', <('<f8', [int64 2], [byte 1])>)",
    "@m(sv) ('mp.ndarray', <('|u1', [int64 2, 0], [byte 1, 2])>)",
    "@m(sv) ('mp.ndarray', <('|u1', [int64 -1, -2], [byte 1, 2])>)",
    "@m(sv) ('mp.ndarray', <('|u1', [int64 4611686018427387904, 4], @ay [])>)",
    "@m(sv) ('mp.ndarray', <('|u2', [int64 1, 1], [byte 1, 2])>)",
    "@m(sv) ('mp.ndarray', <('>u2', [int64 1, 1], [byte 1, 2])>)",
    "@m(sv) ('mp.ndarray', <('<u8', [1.0, 1.0], [byte 1, 2])>)",
    "@m(sv) ('mp.ndarray', <('', @ax [], @ay [])>)",
    "@m(sv) ('mp.ndarray', <('|u1', [int64 1, 1])>)",
    "@m(sv) ('mp.ndarray', <[byte 1]>)",
  };

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_autoptr (GVariant) value = g_variant_parse (NULL, texts[i], NULL, NULL, NULL);
      g_autoptr (GBytes) bytes = mp_transcode_from_variant (value);

      g_test_message ("%s", texts[i]);
      assert_refused (MP_ENCODING_VARIANT, g_bytes_get_data (bytes, NULL),
                      g_bytes_get_size (bytes), MP_ERROR_INVALID_DATA);
    }
}

/* Calls that would do harm in Python are words here. */
static void
test_pickle_calls (void)
{
  static const char shell[] = "\200\004\214\005posix\214\006system\223\214\004true\205R.";
  static const char line[] = "\200\002cposix\nsystem\nX\004\000\000\000true\205R.";
  g_autoptr (GError) error = NULL;

  assert_refused (MP_ENCODING_PICKLE, line, sizeof line - 1, MP_ERROR_NOT_PLAIN);
  g_assert_null (mp_transcode (MP_ENCODING_PICKLE, shell, sizeof shell - 1, MP_ENCODING_JSON,
                               &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_NOT_PLAIN);
  g_assert_cmpstr (error->message, ==, "Python object of type posix.system");
}

/* ((…) (…)) with @levels, each containing the one below @width times: width^levels leaves. */
static GByteArray *
make_bomb (guint       levels,
           guint       width,
           const char *leaf,
           gsize       leaf_size)
{
  GByteArray *pickle = g_byte_array_new ();

  g_byte_array_append (pickle, (const guint8 *) "\200\004", 2);
  g_byte_array_append (pickle, (const guint8 *) leaf, leaf_size);
  for (guint level = 0; level < levels; level++)
    {
      guint8 get[2] = { 'h', level };

      g_byte_array_append (pickle, (const guint8 *) "\2240](", 4);
      for (guint i = 0; i < width; i++)
        g_byte_array_append (pickle, get, 2);
      g_byte_array_append (pickle, (const guint8 *) "e", 1);
    }
  g_byte_array_append (pickle, (const guint8 *) ".", 1);

  return pickle;
}

static long
peak_memory (void)
{
  struct rusage usage;

  getrusage (RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

static void
test_bombs (void)
{
  g_autoptr (GByteArray) wide = make_bomb (38, 2, "N", 1);
  g_autoptr (GByteArray) small = make_bomb (10, 2, "N", 1);
  g_autoptr (GByteArray) heavy = NULL;
  g_autoptr (GBytes) result = NULL;
  g_autofree char *leaf = g_malloc0 (70005);
  long before = peak_memory ();

  /* 70,000 bytes, 4,096 times. */
  memcpy (leaf, "B\160\021\001\000", 5);
  heavy = make_bomb (12, 2, leaf, 70005);

  assert_refused (MP_ENCODING_PICKLE, wide->data, wide->len, MP_ERROR_NOT_PLAIN);
  assert_refused (MP_ENCODING_PICKLE, heavy->data, heavy->len, MP_ERROR_NOT_PLAIN);
  g_assert_cmpint (peak_memory () - before, <, 64 * 1024);

  /* Within the budget sharing is written out. */
  result = mp_transcode (MP_ENCODING_PICKLE, small->data, small->len, MP_ENCODING_JSON, NULL);
  g_assert_nonnull (result);
  g_assert_cmpuint (g_bytes_get_size (result), ==, 1024 * strlen ("null") + 1023 * strlen ("[,]"));
}

/* "[[[…]]]" and the like, @depth levels. */
static GBytes *
nest (const char *open,
      const char *close,
      const char *inside,
      guint       depth)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < depth; i++)
    g_string_append (text, open);
  g_string_append (text, inside);
  for (guint i = 0; i < depth; i++)
    g_string_append (text, close);

  return g_string_free_to_bytes (text);
}

static const struct
{
  const char *open;
  const char *close;
  const char *inside;
  guint       deepest;   /* still a value, as a GVariant */
} nests[] = {
  { "[", "]", "1", 40 },
  { "{\"a\":", "}", "1", 40 },
  { "{\"$mp\":[\"object\",[[\"$mp\",", "]]]}", "1", 40 },
  { "{\"$mp\":[\"map\",[[1,", "]]]}", "1", 40 },
  { "{\"$mp\":[\"map\",[[null,", "]]]}", "1", 20 },
  { "{\"$mp\":[\"set\",[", "]]}", "1", 25 },
};

static void
test_depth (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (nests); i++)
    {
      g_autoptr (GBytes) good = nest (nests[i].open, nests[i].close, nests[i].inside,
                                      nests[i].deepest);
      g_autoptr (GBytes) bad = nest (nests[i].open, nests[i].close, nests[i].inside,
                                     nests[i].deepest + 1);
      g_autoptr (GBytes) far = nest (nests[i].open, nests[i].close, nests[i].inside, 100000);
      g_autoptr (GBytes) variant = transcode_checked (MP_ENCODING_JSON, good, MP_ENCODING_VARIANT);

      g_test_message ("%s", nests[i].open);
      g_assert_nonnull (variant);
      transcode_check_variant (variant);
      assert_refused (MP_ENCODING_JSON, g_bytes_get_data (bad, NULL), g_bytes_get_size (bad),
                      MP_ERROR_NOT_PLAIN);
      assert_refused (MP_ENCODING_JSON, g_bytes_get_data (far, NULL), g_bytes_get_size (far),
                      MP_ERROR_NOT_PLAIN);
    }
}

static void
test_depth_pickle (void)
{
  g_autoptr (GString) pickle = g_string_new_len ("\200\004", 2);

  for (guint i = 0; i < 100000; i++)
    g_string_append_c (pickle, ']');
  for (guint i = 1; i < 100000; i++)
    g_string_append_c (pickle, 'a');
  g_string_append_c (pickle, '.');

  assert_refused (MP_ENCODING_PICKLE, pickle->str, pickle->len, MP_ERROR_NOT_PLAIN);
}

static void
test_depth_variant (void)
{
  g_autoptr (GString) type = g_string_new_len ("\0", 1);
  g_autoptr (GVariant) value = g_variant_ref_sink (g_variant_new_int32 (1));
  g_autoptr (GBytes) boxed = NULL;

  for (guint i = 0; i < 100000; i++)
    g_string_append_c (type, '(');
  for (guint i = 0; i < 100000; i++)
    g_string_append_c (type, ')');
  assert_refused (MP_ENCODING_VARIANT, type->str, type->len, MP_ERROR_INVALID_DATA);

  for (guint i = 0; i < 41; i++)
    {
      GVariant *outer = g_variant_ref_sink (g_variant_new_array (NULL, &value, 1));

      g_variant_unref (value);
      value = outer;
    }
  boxed = mp_transcode_from_variant (value);
  assert_refused (MP_ENCODING_VARIANT, g_bytes_get_data (boxed, NULL), g_bytes_get_size (boxed),
                  MP_ERROR_NOT_PLAIN);
}

/* GVariant would read each of these, as something else than was written. */
static void
test_not_normal (void)
{
  NOT_NORMAL ("");
  NOT_NORMAL ("\0");
  NOT_NORMAL ("x");
  NOT_NORMAL ("\2\0b");                       /* a bool that is neither */
  NOT_NORMAL ("\1\0\0i");                     /* an integer of two bytes */
  NOT_NORMAL ("a\0s");                        /* no NUL */
  NOT_NORMAL ("a\0b\0\0s");                   /* NUL inside */
  NOT_NORMAL ("\377\0\0s");                   /* no UTF-8 */
  NOT_NORMAL ("a\0\0o");                      /* no path */
  NOT_NORMAL ("z\0\0g");                      /* no signature */
  NOT_NORMAL ("\1\0(");                       /* types that are none */
  NOT_NORMAL ("\1\0zz");
  NOT_NORMAL ("\1\0*");
  NOT_NORMAL ("\1\0a?");
  NOT_NORMAL ("\1\0{vs}");
  NOT_NORMAL ("\1\0bb");
  NOT_NORMAL ("\1\2\3\0an");                  /* half an element */
  NOT_NORMAL ("a\0\5\0as");                   /* offsets beyond the end */
  NOT_NORMAL ("a\0b\0\4\2\0as");              /* offsets that go back */
  NOT_NORMAL ("a\0\0as");                     /* an end before the text's */
  NOT_NORMAL ("\1\1\0\0\2\0\0\0\0(yi)");      /* padding that is not zero */
  NOT_NORMAL ("\1\0\0\0\2\0\0\0(yi)");        /* too short */
  NOT_NORMAL ("\1\0()");                      /* the empty tuple is a zero */
  NOT_NORMAL ("\1\2\0mi");                    /* a maybe of the wrong size */
  NOT_NORMAL ("a\0\1\0ms");                   /* and one without its zero */
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/transcode-hostile/truncation", test_truncation);
  g_test_add_func ("/transcode-hostile/flips", test_flips);
  g_test_add_func ("/transcode-hostile/pickle-lies", test_pickle_lies);
  g_test_add_func ("/transcode-hostile/pickle-buffers", test_pickle_buffers);
  g_test_add_func ("/transcode-hostile/pickle-arrays", test_pickle_arrays);
  g_test_add_func ("/transcode-hostile/variant-arrays", test_variant_arrays);
  g_test_add_func ("/transcode-hostile/pickle-calls", test_pickle_calls);
  g_test_add_func ("/transcode-hostile/bombs", test_bombs);
  g_test_add_func ("/transcode-hostile/depth", test_depth);
  g_test_add_func ("/transcode-hostile/depth-pickle", test_depth_pickle);
  g_test_add_func ("/transcode-hostile/depth-variant", test_depth_variant);
  g_test_add_func ("/transcode-hostile/not-normal", test_not_normal);

  return g_test_run ();
}
