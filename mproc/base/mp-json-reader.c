/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Reads JSON text into the tree: the grammar of RFC 8259 and nothing beside it, and objects with
 * the one key "$mp" for what JSON lacks:
 *
 *   {"$mp":["bytes","<base64>"]}     {"$mp":["int","<decimal>"]}     {"$mp":["float","nan"]}
 *   {"$mp":["map",[[k,v],…]]}        {"$mp":["set",[…]]}             {"$mp":["date",<ms>]}
 *   {"$mp":["int8",<as bytes>]}      and int16 … int64, uint16 … uint64, float32, float64: vectors
 *   {"$mp":["clamped",<as bytes>]}   bytes, as are "buffer" and "view"
 *   {"$mp":["object","<handle>"]}    a shared object
 *   {"$mp":["object",[[k,v],…]]}     an object of JSON that has the key "$mp" itself
 *
 * In any other object the key "$mp" is an error, so that nothing can be read in two ways. Arrays
 * that are keys of a map or members of a set are read as tuples: Python could hash nothing else.
 *
 * Bytes may also be attached: behind the text and a NUL, each piece at a multiple of 8 from the
 * start of the message. In place of the base64, [offset, length] says where, counted from the
 * first piece. The pieces lie in the order in which the text names them, each is named once, and
 * nothing but zeros is between them: so neither can a message hide anything, nor can a small one
 * name the same piece a million times.
 */

#include "config.h"

#include "mproc/base/mp-json-private.h"

#include <math.h>

/* JSON levels: a map takes three for each level of plain data. */
#define MAX_LEVELS (4 * MP_PLAIN_MAX_DEPTH)

/* The largest time value of ECMAScript, in milliseconds. */
#define MAX_DATE_MS (G_GINT64_CONSTANT (8640000000000000))

typedef struct {
  MpPlain      *plain;
  const guint8 *next;
  const guint8 *end;        /* of the text */
  const guint8 *pieces;     /* what is attached, or NULL */
  gsize         size;       /* of it */
  gsize         named;      /* bytes of it up to the end of the last piece that was named */
} JsonReader;

static gboolean read_value (JsonReader *self, guint level);

static gboolean
fail (JsonReader *self,
      const char *what)
{
  return mp_plain_fail (self->plain, MP_ERROR_INVALID_DATA, "JSON: %s at byte %" G_GSIZE_FORMAT,
                        what, (gsize) (self->next - self->plain->input));
}

static inline int
peek (JsonReader *self)
{
  while (self->next < self->end &&
         (*self->next == ' ' || *self->next == '\n' || *self->next == '\r' ||
          *self->next == '\t'))
    self->next++;

  return self->next < self->end ? *self->next : -1;
}

static gboolean
expect (JsonReader *self,
        char        c)
{
  if (peek (self) != c)
    return fail (self, "unexpected character or end");

  self->next++;
  return TRUE;
}

static gboolean
read_hex (JsonReader *self,
          guint32    *code)
{
  if (self->end - self->next < 4)
    return fail (self, "truncated escape");

  *code = 0;
  for (guint i = 0; i < 4; i++)
    {
      int digit = g_ascii_xdigit_value (*self->next);

      if (digit < 0)
        return fail (self, "malformed escape");
      *code = *code << 4 | digit;
      self->next++;
    }

  return TRUE;
}

/* Behind "\u". Two surrogates make one character, one of them alone none. */
static gboolean
read_code (JsonReader *self,
           guint32    *code)
{
  guint32 low;

  if (!read_hex (self, code))
    return FALSE;
  if (*code < 0xd800 || *code > 0xdfff)
    return TRUE;

  if (*code > 0xdbff || self->end - self->next < 2 || self->next[0] != '\\' ||
      self->next[1] != 'u')
    return fail (self, "lone surrogate");
  self->next += 2;
  if (!read_hex (self, &low))
    return FALSE;
  if (low < 0xdc00 || low > 0xdfff)
    return fail (self, "lone surrogate");

  *code = 0x10000 + ((*code - 0xd800) << 10) + (low - 0xdc00);
  return TRUE;
}

/* Behind the backslash; writes at most four bytes to *@target and moves it. */
static gboolean
read_escape (JsonReader  *self,
             guint8     **target)
{
  static const char letters[] = "\"\\/bfnrt";
  static const char meanings[] = "\"\\/\b\f\n\r\t";
  const char *letter;
  guint32 code;

  if (self->next == self->end)
    return fail (self, "truncated escape");

  if (*self->next == 'u')
    {
      self->next++;
      if (!read_code (self, &code))
        return FALSE;
      *target += g_unichar_to_utf8 (code, (char *) *target);
      return TRUE;
    }

  letter = *self->next != '\0' ? strchr (letters, *self->next) : NULL;
  if (letter == NULL)
    return fail (self, "unknown escape");
  *(*target)++ = meanings[letter - letters];
  self->next++;
  return TRUE;
}

/* Moves over characters that stand for themselves. */
static inline void
skip_literal (JsonReader *self)
{
  while (self->next < self->end && *self->next != '"' && *self->next != '\\' &&
         *self->next >= 0x20)
    self->next++;
}

/* A string with escapes, decoded into the scratch area; what is decoded is never longer. */
static gboolean
read_escaped (JsonReader   *self,
              const guint8 *start)
{
  const guint8 *closing = self->next;
  gsize offset = self->plain->n_scratch;
  guint8 *space, *target;

  for (; closing < self->end && *closing != '"'; closing++)
    closing += *closing == '\\' && closing + 1 < self->end;
  space = target = mp_plain_scratch (self->plain, closing - start);
  if (space == NULL)
    return FALSE;

  for (self->next = start;; start = self->next)
    {
      skip_literal (self);
      memcpy (target, start, self->next - start);
      target += self->next - start;
      if (self->next == self->end || *self->next < 0x20)
        return fail (self, "unterminated string");
      if (*self->next++ == '"')
        break;
      if (!read_escape (self, &target))
        return FALSE;
    }

  self->plain->n_scratch = offset + (target - space);
  return mp_plain_push_str (self->plain, offset, target - space, MP_PLAIN_SCRATCH);
}

/* Pushes the string whose opening quote is next. */
static gboolean
read_string (JsonReader *self)
{
  const guint8 *start;

  if (!expect (self, '"'))
    return FALSE;

  start = self->next;
  skip_literal (self);
  if (self->next < self->end && *self->next == '\\')
    return read_escaped (self, start);
  if (self->next == self->end || *self->next != '"')
    return fail (self, "unterminated string");

  self->next++;
  return mp_plain_push_str (self->plain, start - self->plain->input, self->next - 1 - start, 0);
}

static gboolean
read_array (JsonReader *self,
            guint       level)
{
  gsize first = self->plain->n_stack;

  self->next++;
  while (peek (self) != ']')
    {
      if (self->plain->n_stack > first && (!expect (self, ',') || peek (self) == ']'))
        return fail (self, "unexpected character or end");
      if (!read_value (self, level + 1))
        return FALSE;
    }

  self->next++;
  return mp_plain_wrap (self->plain, MP_PLAIN_LIST, first);
}

/* The value of an extension is on top of the stack: what each makes of it. */
static gboolean
is_zero (const guint8 *bytes,
         gsize         length)
{
  for (gsize i = 0; i < length; i++)
    if (bytes[i] != 0)
      return FALSE;

  return TRUE;
}

/* Pushes the piece at [offset, length]. */
static gboolean
push_piece (JsonReader   *self,
            MpPlainValue  place)
{
  const MpPlainNode *node = mp_plain_node (self->plain, place);
  const MpPlainValue *numbers = self->plain->values + node->start;
  gsize start = MP_JSON_ALIGN (self->named);

  if (node->count != 2 || numbers[0].kind != MP_PLAIN_INT || numbers[1].kind != MP_PLAIN_INT)
    return fail (self, "a place of bytes that is not [offset, length]");
  if (numbers[0].as.u != start)
    return fail (self, "bytes that are named twice or out of order");
  if (start >= self->size || numbers[1].as.i < 1 || numbers[1].as.u > self->size - start)
    return fail (self, "bytes that are not there");
  if (!is_zero (self->pieces + self->named, start - self->named))
    return fail (self, "something between the bytes");

  self->named = start + numbers[1].as.u;
  return mp_plain_push_data (self->plain, MP_PLAIN_BYTES,
                             self->pieces + start - self->plain->input, numbers[1].as.u, 0);
}

static gboolean
make_bytes (JsonReader   *self,
            MpPlainValue  value)
{
  if (value.kind == MP_PLAIN_LIST)
    return push_piece (self, value);

  return value.kind == MP_PLAIN_STR
         ? mp_json_push_base64 (self->plain, mp_plain_data (self->plain, value), value.length)
         : fail (self, "bytes that are neither base64 nor a place");
}

static gboolean
make_vector (JsonReader         *self,
             const MpVectorType *type,
             MpPlainValue        value)
{
  MpPlain *plain = self->plain;

  return make_bytes (self, value) &&
         (mp_plain_push_vector (plain, plain->stack[--plain->n_stack], type->kind, type->size) ||
          fail (self, "a vector that ends within a number"));
}

static gboolean
make_int (JsonReader   *self,
          MpPlainValue  value)
{
  MpPlain *plain = self->plain;
  const char *text = (const char *) mp_plain_data (plain, value);
  g_autofree char *copy = NULL;

  if (value.kind != MP_PLAIN_STR)
    return fail (self, "an integer that is no string");

  /* Decoding may move the scratch area, should the text lie there. */
  if (value.flags & MP_PLAIN_SCRATCH)
    text = copy = g_strndup (text, value.length);
  return mp_plain_push_decimal (plain, text, value.length);
}

static gboolean
make_float (JsonReader   *self,
            MpPlainValue  value)
{
  static const char * const names[] = { "nan", "inf", "-inf" };
  const double numbers[] = { NAN, INFINITY, -INFINITY };
  const guint8 *text = mp_plain_data (self->plain, value);

  for (guint i = 0; value.kind == MP_PLAIN_STR && i < G_N_ELEMENTS (names); i++)
    if (value.length == strlen (names[i]) && memcmp (text, names[i], value.length) == 0)
      return mp_plain_push_double (self->plain, numbers[i]);

  return fail (self, "a float that is none of nan, inf and -inf");
}

static gboolean
make_date (JsonReader   *self,
           MpPlainValue  value)
{
  if (value.kind == MP_PLAIN_STR)
    return mp_plain_push_iso8601 (self->plain, (const char *) mp_plain_data (self->plain, value),
                                  value.length);
  if (value.kind != MP_PLAIN_INT || value.as.i < -MAX_DATE_MS || value.as.i > MAX_DATE_MS)
    return fail (self, "a date that is no number of milliseconds");

  return mp_plain_push_time (self->plain, value.as.i * 1000, 0);
}

static gboolean
make_map (JsonReader   *self,
          MpPlainValue  value)
{
  return mp_plain_push (self->plain, value) && mp_plain_pairs (self->plain, TRUE);
}

static gboolean
make_object (JsonReader   *self,
             MpPlainValue  value)
{
  MpPlainNode *node;

  if (value.kind == MP_PLAIN_STR)
    return mp_plain_push_object (self->plain, value) || fail (self, "what is no handle");
  if (!make_map (self, value))
    return FALSE;

  node = mp_plain_node (self->plain, self->plain->stack[self->plain->n_stack - 1]);
  for (guint32 i = 0; i < node->count; i += 2)
    if (self->plain->values[node->start + i].kind != MP_PLAIN_STR)
      return fail (self, "an object with a key that is no string");

  return TRUE;
}

static gboolean
make_variant (JsonReader   *self,
              MpPlainValue  value)
{
  MpPlain *plain = self->plain;

  return make_bytes (self, value) &&
         mp_plain_push_variant (plain, plain->stack[--plain->n_stack]);
}

static gboolean
make_set (JsonReader   *self,
          MpPlainValue  value)
{
  MpPlainNode *node;

  if (value.kind != MP_PLAIN_LIST)
    return fail (self, "a set that is no array");

  node = mp_plain_node (self->plain, value);
  node->kind = value.kind = MP_PLAIN_SET;
  for (guint32 i = 0; i < node->count; i++)
    if (!mp_plain_freeze (self->plain, &self->plain->values[node->start + i]))
      return FALSE;

  return mp_plain_push (self->plain, value);
}

static const struct
{
  const char  *tag;
  gboolean   (*make) (JsonReader *self, MpPlainValue value);
} extensions[] = {
  { "bytes", make_bytes },
  { "clamped", make_bytes },
  { "buffer", make_bytes },
  { "view", make_bytes },
  { "int", make_int },
  { "float", make_float },
  { "map", make_map },
  { "set", make_set },
  { "date", make_date },
  { "object", make_object },
  { "variant", make_variant },
};

/* Behind {"$mp": up to the closing brace. */
static gboolean
read_extension (JsonReader *self,
                guint       level)
{
  MpPlain *plain = self->plain;
  const MpVectorType *vector;
  MpPlainValue tag, value;
  const guint8 *text;

  if (!expect (self, '[') || peek (self) != '"' || !read_string (self) || !expect (self, ',') ||
      !read_value (self, level + 1) || !expect (self, ']') || !expect (self, '}'))
    return fail (self, "a malformed \"$mp\" object");

  value = plain->stack[--plain->n_stack];
  tag = plain->stack[--plain->n_stack];
  text = mp_plain_data (plain, tag);
  for (guint i = 0; i < G_N_ELEMENTS (extensions); i++)
    if (tag.length == strlen (extensions[i].tag) &&
        memcmp (text, extensions[i].tag, tag.length) == 0)
      return extensions[i].make (self, value);

  vector = mp_vector_type_of_json (text, tag.length);
  if (vector != NULL)
    return make_vector (self, vector, value);

  return mp_plain_fail (plain, MP_ERROR_NOT_PLAIN, "A JavaScript value of kind “%.*s”",
                        (int) MIN (tag.length, 40), text);
}

/* Whether the string on top of the stack is the key of an extension. */
static inline gboolean
is_mark (JsonReader *self)
{
  MpPlainValue key = self->plain->stack[self->plain->n_stack - 1];

  return key.length == strlen (MP_JSON_MARK) &&
         memcmp (mp_plain_data (self->plain, key), MP_JSON_MARK, key.length) == 0;
}

static gboolean
read_object (JsonReader *self,
             guint       level)
{
  gsize first = self->plain->n_stack;

  self->next++;
  if (peek (self) == '}')
    {
      self->next++;
      return mp_plain_wrap (self->plain, MP_PLAIN_DICT, first);
    }

  for (;;)
    {
      if (peek (self) != '"')
        return fail (self, "a key is missing");
      if (!read_string (self) || !expect (self, ':'))
        return FALSE;
      if (is_mark (self))
        {
          if (self->plain->n_stack > first + 1)
            return fail (self, "the key \"$mp\" in an object with others");
          self->plain->n_stack = first;
          return read_extension (self, level);
        }
      if (!read_value (self, level + 1))
        return FALSE;
      if (peek (self) == '}')
        break;
      if (!expect (self, ','))
        return FALSE;
    }

  self->next++;
  return mp_plain_wrap (self->plain, MP_PLAIN_DICT, first);
}

static gboolean
read_word (JsonReader  *self,
           const char  *word,
           MpPlainKind  kind,
           gint64       number)
{
  gsize length = strlen (word);

  if ((gsize) (self->end - self->next) < length || memcmp (self->next, word, length) != 0)
    return fail (self, "unexpected character");

  self->next += length;
  return mp_plain_push_simple (self->plain, kind, number);
}

static gboolean
read_number (JsonReader *self)
{
  const guint8 *after;

  if (*self->next != '-' && !g_ascii_isdigit (*self->next))
    return fail (self, "unexpected character");
  if (!mp_json_push_number (self->plain, self->next, self->end, &after))
    return FALSE;

  self->next = after;
  return TRUE;
}

static gboolean
read_value (JsonReader *self,
            guint       level)
{
  if (level > MAX_LEVELS)
    return mp_plain_fail (self->plain, MP_ERROR_NOT_PLAIN,
                          "The value is nested deeper than %d containers", MP_PLAIN_MAX_DEPTH);

  switch (peek (self))
    {
    case '{':
      return read_object (self, level);
    case '[':
      return read_array (self, level);
    case '"':
      return read_string (self);
    case 'n':
      return read_word (self, "null", MP_PLAIN_NONE, 0);
    case 't':
      return read_word (self, "true", MP_PLAIN_BOOL, 1);
    case 'f':
      return read_word (self, "false", MP_PLAIN_BOOL, 0);
    case -1:
      return fail (self, "unexpected end");
    default:
      return read_number (self);
    }
}

/* Finds out where the text ends and what is attached begins. */
static gboolean
find_pieces (JsonReader *self)
{
  const guint8 *input = self->plain->input, *last = input + self->plain->input_size;
  const guint8 *nul = memchr (input, '\0', last - input);

  self->end = nul != NULL ? nul : last;
  if (nul == NULL)
    return TRUE;

  self->pieces = input + MIN (MP_JSON_ALIGN (nul + 1 - input), (gsize) (last - input));
  self->size = last - self->pieces;
  self->next = nul;
  if (self->size == 0 || !is_zero (nul, self->pieces - nul))
    return fail (self, "a NUL that no bytes are behind");

  self->next = input;
  return TRUE;
}

gboolean
mp_json_read (MpPlain *plain)
{
  JsonReader self = { .plain = plain, .next = plain->input };

  if (!find_pieces (&self) || !read_value (&self, 0))
    return FALSE;
  if (peek (&self) != -1)
    return fail (&self, "more text behind the value");

  return self.named == self.size || fail (&self, "bytes that nothing names behind the text");
}
