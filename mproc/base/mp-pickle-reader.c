/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Reads a Python pickle of protocol 2 to 5 into the tree, as far as it is plain data.
 *
 * A pickle is a program for a stack machine. This one has the same stack, marks and memo, one
 * small function for each instruction, and no instruction that imports or calls: names are looked
 * up in the closed table of mp-pickle-reduce.c. Containers are shared by index, so what a pickle
 * adds to one after it was memorized is there for everybody; mp_plain_seal() later finds the
 * cycles that can come of it.
 */

#include "config.h"

#include "mproc/base/mp-pickle-private.h"
#include "mproc/base/mp-plain-out-private.h"

/* A memo entry that was never set. */
#define UNSET 0xff

typedef struct {
  MpPlain      *plain;
  const guint8 *next;
  const guint8 *end;
  gsize        *marks;      /* heights of the stack */
  gsize         n_marks;
  gsize         marks_room;
  gsize         fence;      /* the last mark: nothing below it may be taken */
  MpPlainValue *memo;
  gsize         n_memo;
  gsize         memo_room;
  gboolean      done;
} PickleReader;

typedef gboolean (*OpFunc) (PickleReader *self);

static gboolean
fail (PickleReader *self,
      const char   *what)
{
  mp_plain_fail (self->plain, MP_ERROR_INVALID_DATA, "Pickle: %s at byte %" G_GSIZE_FORMAT, what,
                 (gsize) (self->next - self->plain->input));
  return FALSE;
}

/* The next @length bytes of the pickle. */
static inline const guint8 *
take (PickleReader *self,
      gsize         length)
{
  const guint8 *bytes = self->next;

  if (G_UNLIKELY ((gsize) (self->end - self->next) < length))
    {
      fail (self, "truncated");
      return NULL;
    }

  self->next += length;
  return bytes;
}

/* An unsigned number of @size bytes, little end first. */
static inline gboolean
take_number (PickleReader *self,
             guint         size,
             guint64      *number)
{
  const guint8 *bytes = take (self, size);

  if (bytes == NULL)
    return FALSE;

  *number = 0;
  for (guint i = size; i-- > 0;)
    *number = *number << 8 | bytes[i];
  return TRUE;
}

/* Whether there are @count values above the last mark. */
static inline gboolean
has (PickleReader *self,
     gsize         count)
{
  return G_LIKELY (self->plain->n_stack - self->fence >= count) || fail (self, "stack underflow");
}

static gboolean
pop_mark (PickleReader *self,
          gsize        *mark)
{
  if (self->n_marks == 0)
    return fail (self, "no mark");

  *mark = self->marks[--self->n_marks];
  self->fence = self->n_marks > 0 ? self->marks[self->n_marks - 1] : 0;
  return TRUE;
}

/* ── Scalars ───────────────────────────────────────────────────────────────────────────────── */

static gboolean
op_none (PickleReader *self)
{
  return mp_plain_push_simple (self->plain, MP_PLAIN_NONE, 0);
}

static gboolean
op_true (PickleReader *self)
{
  return mp_plain_push_simple (self->plain, MP_PLAIN_BOOL, 1);
}

static gboolean
op_false (PickleReader *self)
{
  return mp_plain_push_simple (self->plain, MP_PLAIN_BOOL, 0);
}

static gboolean
op_binint (PickleReader *self)
{
  guint64 number;

  return take_number (self, 4, &number) &&
         mp_plain_push_simple (self->plain, MP_PLAIN_INT, (gint32) number);
}

static gboolean
op_binint1 (PickleReader *self)
{
  guint64 number;

  return take_number (self, 1, &number) &&
         mp_plain_push_simple (self->plain, MP_PLAIN_INT, number);
}

static gboolean
op_binint2 (PickleReader *self)
{
  guint64 number;

  return take_number (self, 2, &number) &&
         mp_plain_push_simple (self->plain, MP_PLAIN_INT, number);
}

static gboolean
push_long (PickleReader *self,
           guint         width)
{
  const guint8 *bytes;
  guint64 size;

  if (!take_number (self, width, &size))
    return FALSE;

  bytes = take (self, size);
  return bytes != NULL && mp_plain_push_long (self->plain, bytes, size);
}

static gboolean
op_long1 (PickleReader *self)
{
  return push_long (self, 1);
}

static gboolean
op_long4 (PickleReader *self)
{
  return push_long (self, 4);
}

static gboolean
op_binfloat (PickleReader *self)
{
  const guint8 *bytes = take (self, 8);
  guint64 bits = 0;
  double number;

  if (bytes == NULL)
    return FALSE;

  for (guint i = 0; i < 8; i++)
    bits = bits << 8 | bytes[i];
  memcpy (&number, &bits, sizeof number);
  return mp_plain_push_double (self->plain, number);
}

/* Python encodes lone surrogates as if they were characters, which UTF-8 forbids. */
static gboolean
has_surrogate (const guint8 *text,
               gsize         length)
{
  for (gsize i = 0; i + 1 < length; i++)
    if (text[i] == 0xed && text[i + 1] >= 0xa0)
      return TRUE;

  return FALSE;
}

static inline gboolean
push_text (PickleReader *self,
           guint         width)
{
  const guint8 *text;
  guint64 length;

  if (!take_number (self, width, &length))
    return FALSE;
  text = take (self, length);
  if (text == NULL)
    return FALSE;
  if (mp_plain_push_str (self->plain, text - self->plain->input, length, 0))
    return TRUE;

  if (g_error_matches (self->plain->error, MP_ERROR, MP_ERROR_INVALID_DATA) &&
      has_surrogate (text, length))
    {
      g_clear_error (&self->plain->error);
      mp_plain_fail (self->plain, MP_ERROR_NOT_PLAIN, "Python str with a lone surrogate");
    }
  return FALSE;
}

static gboolean
op_short_text (PickleReader *self)
{
  return push_text (self, 1);
}

static gboolean
op_text (PickleReader *self)
{
  return push_text (self, 4);
}

static gboolean
op_text8 (PickleReader *self)
{
  return push_text (self, 8);
}

static gboolean
push_bytes (PickleReader *self,
            guint         width)
{
  const guint8 *bytes;
  guint64 length;

  if (!take_number (self, width, &length))
    return FALSE;

  bytes = take (self, length);
  return bytes != NULL && mp_plain_push_data (self->plain, MP_PLAIN_BYTES,
                                              bytes - self->plain->input, length, 0);
}

static gboolean
op_short_bytes (PickleReader *self)
{
  return push_bytes (self, 1);
}

static gboolean
op_bytes (PickleReader *self)
{
  return push_bytes (self, 4);
}

static gboolean
op_bytes8 (PickleReader *self)
{
  return push_bytes (self, 8);
}

/* ── Containers ────────────────────────────────────────────────────────────────────────────── */

static gboolean
op_mark (PickleReader *self)
{
  if (!mp_plain_grow (self->plain, &self->marks, &self->marks_room, self->n_marks + 1,
                      sizeof (gsize)))
    return FALSE;

  self->marks[self->n_marks++] = self->fence = self->plain->n_stack;
  return TRUE;
}

static gboolean
op_empty_list (PickleReader *self)
{
  return mp_plain_wrap (self->plain, MP_PLAIN_LIST, self->plain->n_stack);
}

static gboolean
op_empty_tuple (PickleReader *self)
{
  return mp_plain_wrap (self->plain, MP_PLAIN_TUPLE, self->plain->n_stack);
}

static gboolean
op_empty_dict (PickleReader *self)
{
  return mp_plain_wrap (self->plain, MP_PLAIN_DICT, self->plain->n_stack);
}

static gboolean
op_empty_set (PickleReader *self)
{
  return mp_plain_wrap (self->plain, MP_PLAIN_SET, self->plain->n_stack);
}

static gboolean
op_tuple1 (PickleReader *self)
{
  return has (self, 1) && mp_plain_wrap (self->plain, MP_PLAIN_TUPLE, self->plain->n_stack - 1);
}

static gboolean
op_tuple2 (PickleReader *self)
{
  return has (self, 2) && mp_plain_wrap (self->plain, MP_PLAIN_TUPLE, self->plain->n_stack - 2);
}

static gboolean
op_tuple3 (PickleReader *self)
{
  return has (self, 3) && mp_plain_wrap (self->plain, MP_PLAIN_TUPLE, self->plain->n_stack - 3);
}

static gboolean
wrap_marked (PickleReader *self,
             MpPlainKind   kind)
{
  gsize mark;

  return pop_mark (self, &mark) && mp_plain_wrap (self->plain, kind, mark);
}

static gboolean
op_tuple (PickleReader *self)
{
  return wrap_marked (self, MP_PLAIN_TUPLE);
}

static gboolean
op_list (PickleReader *self)
{
  return wrap_marked (self, MP_PLAIN_LIST);
}

static gboolean
op_frozenset (PickleReader *self)
{
  return wrap_marked (self, MP_PLAIN_FROZENSET);
}

static gboolean
op_dict (PickleReader *self)
{
  if (self->n_marks > 0 && (self->plain->n_stack - self->fence) % 2 != 0)
    return fail (self, "a key without a value");

  return wrap_marked (self, MP_PLAIN_DICT);
}

/* Adds the values from @first up to the container below them. */
static gboolean
extend (PickleReader *self,
        MpPlainKind   kind,
        gsize         first)
{
  MpPlainValue *target;

  if (first <= self->fence)
    return fail (self, "stack underflow");

  target = &self->plain->stack[first - 1];
  if (target->kind != kind || mp_plain_node (self->plain, *target)->pending)
    return fail (self, "adding to what is no such container");

  return mp_plain_extend (self->plain, target->as.node, first);
}

static gboolean
op_append (PickleReader *self)
{
  return has (self, 2) && extend (self, MP_PLAIN_LIST, self->plain->n_stack - 1);
}

static gboolean
op_appends (PickleReader *self)
{
  gsize mark;

  return pop_mark (self, &mark) && extend (self, MP_PLAIN_LIST, mark);
}

static gboolean
op_setitem (PickleReader *self)
{
  return has (self, 3) && extend (self, MP_PLAIN_DICT, self->plain->n_stack - 2);
}

static gboolean
op_setitems (PickleReader *self)
{
  gsize mark;

  if (!pop_mark (self, &mark))
    return FALSE;
  if ((self->plain->n_stack - mark) % 2 != 0)
    return fail (self, "a key without a value");
  return extend (self, MP_PLAIN_DICT, mark);
}

static gboolean
op_additems (PickleReader *self)
{
  gsize mark;

  return pop_mark (self, &mark) && extend (self, MP_PLAIN_SET, mark);
}

/* ── Stack and memo ────────────────────────────────────────────────────────────────────────── */

static gboolean
op_pop (PickleReader *self)
{
  gsize mark;

  if (self->n_marks > 0 && self->plain->n_stack == self->fence)
    return pop_mark (self, &mark);
  if (!has (self, 1))
    return FALSE;

  self->plain->n_stack--;
  return TRUE;
}

static gboolean
op_pop_mark (PickleReader *self)
{
  return pop_mark (self, &self->plain->n_stack);
}

static gboolean
op_dup (PickleReader *self)
{
  return has (self, 1) && mp_plain_push (self->plain, self->plain->stack[self->plain->n_stack - 1]);
}

static gboolean
memo_put (PickleReader *self,
          guint64       index)
{
  if (!has (self, 1))
    return FALSE;
  if (index > self->plain->input_size)
    return fail (self, "a memo index that no pickle of this size needs");
  if (!mp_plain_grow (self->plain, &self->memo, &self->memo_room, index + 1,
                      sizeof (MpPlainValue)))
    return FALSE;

  for (; self->n_memo <= index; self->n_memo++)
    self->memo[self->n_memo].kind = UNSET;
  self->memo[index] = self->plain->stack[self->plain->n_stack - 1];
  return TRUE;
}

static gboolean
memo_get (PickleReader *self,
          guint         width)
{
  guint64 index;

  if (!take_number (self, width, &index))
    return FALSE;
  if (index >= self->n_memo || self->memo[index].kind == UNSET)
    return fail (self, "a memo index that was never set");

  return mp_plain_push (self->plain, self->memo[index]);
}

static gboolean
op_memoize (PickleReader *self)
{
  return memo_put (self, self->n_memo);
}

static gboolean
op_binput (PickleReader *self)
{
  guint64 index;

  return take_number (self, 1, &index) && memo_put (self, index);
}

static gboolean
op_long_binput (PickleReader *self)
{
  guint64 index;

  return take_number (self, 4, &index) && memo_put (self, index);
}

static gboolean
op_binget (PickleReader *self)
{
  return memo_get (self, 1);
}

static gboolean
op_long_binget (PickleReader *self)
{
  return memo_get (self, 4);
}

/* ── Framing ───────────────────────────────────────────────────────────────────────────────── */

static gboolean
op_proto (PickleReader *self)
{
  const guint8 *version = take (self, 1);

  if (version == NULL)
    return FALSE;
  return (*version >= 2 && *version <= 5) || fail (self, "unknown protocol");
}

static gboolean
op_frame (PickleReader *self)
{
  guint64 length;

  if (!take_number (self, 8, &length))
    return FALSE;
  return length <= (gsize) (self->end - self->next) || fail (self, "truncated frame");
}

static gboolean
op_stop (PickleReader *self)
{
  self->done = TRUE;
  return has (self, 1) && (self->n_marks == 0 || fail (self, "an open mark"));
}

/* ── Names and calls ───────────────────────────────────────────────────────────────────────── */

static const char *
take_line (PickleReader *self,
           gsize        *length)
{
  const guint8 *start = self->next;
  const guint8 *newline = memchr (start, '\n', self->end - start);

  if (newline == NULL)
    {
      fail (self, "truncated");
      return NULL;
    }

  *length = newline - start;
  self->next = newline + 1;
  return (const char *) start;
}

static gboolean
op_global (PickleReader *self)
{
  gsize module_length, name_length;
  const char *module = take_line (self, &module_length);
  const char *name = module != NULL ? take_line (self, &name_length) : NULL;

  return name != NULL &&
         mp_pickle_push_global (self->plain, module, module_length, name, name_length);
}

static gboolean
op_stack_global (PickleReader *self)
{
  MpPlain *plain = self->plain;
  MpPlainValue module, name;

  if (!has (self, 2))
    return FALSE;

  name = plain->stack[--plain->n_stack];
  module = plain->stack[--plain->n_stack];
  if (name.kind != MP_PLAIN_STR || module.kind != MP_PLAIN_STR)
    return fail (self, "a name that is no string");
  return mp_pickle_push_global (plain,
                                (const char *) mp_plain_data (plain, module), module.length,
                                (const char *) mp_plain_data (plain, name), name.length);
}

static gboolean
op_reduce (PickleReader *self)
{
  return has (self, 2) && mp_pickle_reduce (self->plain);
}

static gboolean
op_build (PickleReader *self)
{
  return has (self, 2) && mp_pickle_build (self->plain);
}

/* NEWOBJ and its kin make instances of classes, and none in the table is made so. */
static gboolean
op_new_object (PickleReader *self)
{
  for (gsize i = self->plain->n_stack; i-- > 0;)
    if (self->plain->stack[i].kind == MP_PLAIN_FOREIGN)
      return mp_plain_fail (self->plain, MP_ERROR_NOT_PLAIN, "Python object of type %s",
                            mp_pickle_foreign_name (self->plain->stack[i]));

  return fail (self, "an object without a class");
}

static gboolean
op_persistent (PickleReader *self)
{
  return mp_plain_fail (self->plain, MP_ERROR_NOT_PLAIN, "Python object kept outside its pickle");
}

static gboolean
op_extension (PickleReader *self)
{
  return mp_plain_fail (self->plain, MP_ERROR_NOT_PLAIN,
                        "Python object of a type known by its extension code");
}

static const OpFunc ops[256] = {
  [0x80] = op_proto,
  [0x95] = op_frame,
  ['.'] = op_stop,
  ['('] = op_mark,
  ['0'] = op_pop,
  ['1'] = op_pop_mark,
  ['2'] = op_dup,
  ['N'] = op_none,
  [0x88] = op_true,
  [0x89] = op_false,
  ['J'] = op_binint,
  ['K'] = op_binint1,
  ['M'] = op_binint2,
  [0x8a] = op_long1,
  [0x8b] = op_long4,
  ['G'] = op_binfloat,
  [0x8c] = op_short_text,
  ['X'] = op_text,
  [0x8d] = op_text8,
  ['C'] = op_short_bytes,
  ['B'] = op_bytes,
  [0x8e] = op_bytes8,
  [0x96] = op_bytes8,        /* BYTEARRAY8 */
  [']'] = op_empty_list,
  ['a'] = op_append,
  ['e'] = op_appends,
  ['l'] = op_list,
  [')'] = op_empty_tuple,
  [0x85] = op_tuple1,
  [0x86] = op_tuple2,
  [0x87] = op_tuple3,
  ['t'] = op_tuple,
  ['}'] = op_empty_dict,
  ['d'] = op_dict,
  ['s'] = op_setitem,
  ['u'] = op_setitems,
  [0x8f] = op_empty_set,
  [0x90] = op_additems,
  [0x91] = op_frozenset,
  [0x94] = op_memoize,
  ['q'] = op_binput,
  ['r'] = op_long_binput,
  ['h'] = op_binget,
  ['j'] = op_long_binget,
  ['c'] = op_global,
  [0x93] = op_stack_global,
  ['R'] = op_reduce,
  ['b'] = op_build,
  [0x81] = op_new_object,    /* NEWOBJ */
  [0x92] = op_new_object,    /* NEWOBJ_EX */
  ['o'] = op_new_object,     /* OBJ */
  ['i'] = op_global,         /* INST: the name is the error */
  ['P'] = op_persistent,
  ['Q'] = op_persistent,
  [0x97] = op_persistent,    /* NEXT_BUFFER */
  [0x98] = op_persistent,    /* READONLY_BUFFER */
  [0x82] = op_extension,
  [0x83] = op_extension,
  [0x84] = op_extension,
};

gboolean
mp_pickle_read (MpPlain *plain)
{
  PickleReader self = { plain, plain->input, plain->input + plain->input_size };
  gboolean ok = TRUE;

  while (ok && !self.done)
    {
      const guint8 *op = take (&self, 1);

      if (op == NULL)
        ok = FALSE;
      else if (ops[*op] == NULL)
        ok = fail (&self, "unknown instruction");
      else
        ok = ops[*op] (&self);
    }
  if (ok && self.next != self.end)
    ok = fail (&self, "more data behind the value");
  if (ok)
    {
      /* What else is on the stack is dropped, as Python does. */
      plain->stack[0] = plain->stack[plain->n_stack - 1];
      plain->n_stack = 1;
    }

  g_free (self.marks);
  g_free (self.memo);
  return ok;
}
