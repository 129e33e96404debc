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

/* Keeps the error, with the place; returns FALSE. */
gboolean
mp_pickle_fail (MpPickleReader *self,
                const char     *what)
{
  mp_plain_fail (self->plain, MP_ERROR_INVALID_DATA, "Pickle: %s at byte %" G_GSIZE_FORMAT, what,
                 (gsize) (self->next - self->plain->input));
  return FALSE;
}

/* Whether there are @count values above the last mark. */
static inline gboolean
has (MpPickleReader *self,
     gsize           count)
{
  return G_LIKELY (self->plain->n_stack - self->fence >= count) ||
         mp_pickle_fail (self, "stack underflow");
}

static gboolean
pop_mark (MpPickleReader *self,
          gsize          *mark)
{
  if (self->n_marks == 0)
    {
      mp_pickle_fail (self, "no mark");
      return FALSE;
    }

  *mark = self->marks[--self->n_marks];
  self->fence = self->n_marks > 0 ? self->marks[self->n_marks - 1] : 0;
  return TRUE;
}

/* ── Containers ────────────────────────────────────────────────────────────────────────────── */

static gboolean
op_mark (MpPickleReader *self)
{
  if (!mp_plain_grow (self->plain, &self->marks, &self->marks_room, self->n_marks + 1,
                      sizeof (gsize)))
    return FALSE;

  self->marks[self->n_marks++] = self->fence = self->plain->n_stack;
  return TRUE;
}

static gboolean
op_empty_list (MpPickleReader *self)
{
  return mp_plain_wrap (self->plain, MP_PLAIN_LIST, self->plain->n_stack);
}

static gboolean
op_empty_tuple (MpPickleReader *self)
{
  return mp_plain_wrap (self->plain, MP_PLAIN_TUPLE, self->plain->n_stack);
}

static gboolean
op_empty_dict (MpPickleReader *self)
{
  return mp_plain_wrap (self->plain, MP_PLAIN_DICT, self->plain->n_stack);
}

static gboolean
op_empty_set (MpPickleReader *self)
{
  return mp_plain_wrap (self->plain, MP_PLAIN_SET, self->plain->n_stack);
}

static gboolean
op_tuple1 (MpPickleReader *self)
{
  return has (self, 1) && mp_plain_wrap (self->plain, MP_PLAIN_TUPLE, self->plain->n_stack - 1);
}

static gboolean
op_tuple2 (MpPickleReader *self)
{
  return has (self, 2) && mp_plain_wrap (self->plain, MP_PLAIN_TUPLE, self->plain->n_stack - 2);
}

static gboolean
op_tuple3 (MpPickleReader *self)
{
  return has (self, 3) && mp_plain_wrap (self->plain, MP_PLAIN_TUPLE, self->plain->n_stack - 3);
}

static gboolean
wrap_marked (MpPickleReader *self,
             MpPlainKind     kind)
{
  gsize mark;

  return pop_mark (self, &mark) && mp_plain_wrap (self->plain, kind, mark);
}

static gboolean
op_tuple (MpPickleReader *self)
{
  return wrap_marked (self, MP_PLAIN_TUPLE);
}

static gboolean
op_list (MpPickleReader *self)
{
  return wrap_marked (self, MP_PLAIN_LIST);
}

static gboolean
op_frozenset (MpPickleReader *self)
{
  return wrap_marked (self, MP_PLAIN_FROZENSET);
}

static gboolean
op_dict (MpPickleReader *self)
{
  if (self->n_marks > 0 && (self->plain->n_stack - self->fence) % 2 != 0)
    return mp_pickle_fail (self, "a key without a value");

  return wrap_marked (self, MP_PLAIN_DICT);
}

/* Adds the values from @first up to the container below them. */
static gboolean
extend (MpPickleReader *self,
        MpPlainKind     kind,
        gsize           first)
{
  MpPlainValue *target;

  if (first <= self->fence)
    return mp_pickle_fail (self, "stack underflow");

  target = &self->plain->stack[first - 1];
  if (target->kind != kind || mp_plain_node (self->plain, *target)->pending)
    return mp_pickle_fail (self, "adding to what is no such container");

  return mp_plain_extend (self->plain, target->as.node, first);
}

static gboolean
op_append (MpPickleReader *self)
{
  return has (self, 2) && extend (self, MP_PLAIN_LIST, self->plain->n_stack - 1);
}

static gboolean
op_appends (MpPickleReader *self)
{
  gsize mark;

  return pop_mark (self, &mark) && extend (self, MP_PLAIN_LIST, mark);
}

static gboolean
op_setitem (MpPickleReader *self)
{
  return has (self, 3) && extend (self, MP_PLAIN_DICT, self->plain->n_stack - 2);
}

static gboolean
op_setitems (MpPickleReader *self)
{
  gsize mark;

  if (!pop_mark (self, &mark))
    return FALSE;
  if ((self->plain->n_stack - mark) % 2 != 0)
    return mp_pickle_fail (self, "a key without a value");
  return extend (self, MP_PLAIN_DICT, mark);
}

static gboolean
op_additems (MpPickleReader *self)
{
  gsize mark;

  return pop_mark (self, &mark) && extend (self, MP_PLAIN_SET, mark);
}

/* ── Stack and memo ────────────────────────────────────────────────────────────────────────── */

static gboolean
op_pop (MpPickleReader *self)
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
op_pop_mark (MpPickleReader *self)
{
  return pop_mark (self, &self->plain->n_stack);
}

static gboolean
op_dup (MpPickleReader *self)
{
  return has (self, 1) && mp_plain_push (self->plain, self->plain->stack[self->plain->n_stack - 1]);
}

static gboolean
memo_put (MpPickleReader *self,
          guint64         index)
{
  if (!has (self, 1))
    return FALSE;
  if (index > self->plain->input_size)
    return mp_pickle_fail (self, "a memo index that no pickle of this size needs");
  if (!mp_plain_grow (self->plain, &self->memo, &self->memo_room, index + 1,
                      sizeof (MpPlainValue)))
    return FALSE;

  for (; self->n_memo <= index; self->n_memo++)
    self->memo[self->n_memo].kind = MP_PICKLE_UNSET;
  self->memo[index] = self->plain->stack[self->plain->n_stack - 1];
  return TRUE;
}

static gboolean
memo_get (MpPickleReader *self,
          guint           width)
{
  guint64 index;

  if (!mp_pickle_take_number (self, width, &index))
    return FALSE;
  if (index >= self->n_memo || self->memo[index].kind == MP_PICKLE_UNSET)
    return mp_pickle_fail (self, "a memo index that was never set");

  return mp_plain_push (self->plain, self->memo[index]);
}

static gboolean
op_memoize (MpPickleReader *self)
{
  return memo_put (self, self->n_memo);
}

static gboolean
op_binput (MpPickleReader *self)
{
  guint64 index;

  return mp_pickle_take_number (self, 1, &index) && memo_put (self, index);
}

static gboolean
op_long_binput (MpPickleReader *self)
{
  guint64 index;

  return mp_pickle_take_number (self, 4, &index) && memo_put (self, index);
}

static gboolean
op_binget (MpPickleReader *self)
{
  return memo_get (self, 1);
}

static gboolean
op_long_binget (MpPickleReader *self)
{
  return memo_get (self, 4);
}

/* ── Framing ───────────────────────────────────────────────────────────────────────────────── */

static gboolean
op_proto (MpPickleReader *self)
{
  const guint8 *version = mp_pickle_take (self, 1);

  if (version == NULL)
    return FALSE;
  return (*version >= 2 && *version <= 5) || mp_pickle_fail (self, "unknown protocol");
}

static gboolean
op_frame (MpPickleReader *self)
{
  guint64 length;

  if (!mp_pickle_take_number (self, 8, &length))
    return FALSE;
  return length <= (gsize) (self->end - self->next) || mp_pickle_fail (self, "truncated frame");
}

static gboolean
op_stop (MpPickleReader *self)
{
  self->done = TRUE;
  return has (self, 1) && (self->n_marks == 0 || mp_pickle_fail (self, "an open mark"));
}

/* ── Names and calls ───────────────────────────────────────────────────────────────────────── */

static const char *
take_line (MpPickleReader *self,
           gsize          *length)
{
  const guint8 *start = self->next;
  const guint8 *newline = memchr (start, '\n', self->end - start);

  if (newline == NULL)
    {
      mp_pickle_fail (self, "truncated");
      return NULL;
    }

  *length = newline - start;
  self->next = newline + 1;
  return (const char *) start;
}

static gboolean
op_global (MpPickleReader *self)
{
  gsize module_length, name_length;
  const char *module = take_line (self, &module_length);
  const char *name = module != NULL ? take_line (self, &name_length) : NULL;

  return name != NULL &&
         mp_pickle_push_global (self->plain, module, module_length, name, name_length);
}

static gboolean
op_stack_global (MpPickleReader *self)
{
  MpPlain *plain = self->plain;
  MpPlainValue module, name;

  if (!has (self, 2))
    return FALSE;

  name = plain->stack[--plain->n_stack];
  module = plain->stack[--plain->n_stack];
  if (name.kind != MP_PLAIN_STR || module.kind != MP_PLAIN_STR)
    return mp_pickle_fail (self, "a name that is no string");
  return mp_pickle_push_global (plain,
                                (const char *) mp_plain_data (plain, module), module.length,
                                (const char *) mp_plain_data (plain, name), name.length);
}

static gboolean
op_reduce (MpPickleReader *self)
{
  return has (self, 2) && mp_pickle_reduce (self->plain);
}

static gboolean
op_build (MpPickleReader *self)
{
  return has (self, 2) && mp_pickle_build (self->plain);
}

/* NEWOBJ and its kin make instances of classes, and none in the table is made so. */
static gboolean
op_new_object (MpPickleReader *self)
{
  for (gsize i = self->plain->n_stack; i-- > 0;)
    if (self->plain->stack[i].kind == MP_PLAIN_FOREIGN)
      return mp_plain_fail (self->plain, MP_ERROR_NOT_PLAIN, "Python object of type %s",
                            mp_pickle_foreign_name (self->plain->stack[i]));

  return mp_pickle_fail (self, "an object without a class");
}

static gboolean
op_persistent (MpPickleReader *self)
{
  return mp_plain_fail (self->plain, MP_ERROR_NOT_PLAIN, "Python object kept outside its pickle");
}

static gboolean
op_extension (MpPickleReader *self)
{
  return mp_plain_fail (self->plain, MP_ERROR_NOT_PLAIN,
                        "Python object of a type known by its extension code");
}

/* The scalars have a table of their own. */
static const MpPickleOp ops[256] = {
  [0x80] = op_proto,
  [0x95] = op_frame,
  ['.'] = op_stop,
  ['('] = op_mark,
  ['0'] = op_pop,
  ['1'] = op_pop_mark,
  ['2'] = op_dup,
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

/* Carries out the next instruction. */
static gboolean
step (MpPickleReader *self)
{
  const guint8 *code = mp_pickle_take (self, 1);
  MpPickleOp op;

  if (code == NULL)
    return FALSE;

  op = mp_pickle_scalar_ops[*code] != NULL ? mp_pickle_scalar_ops[*code] : ops[*code];
  return op != NULL ? op (self) : mp_pickle_fail (self, "unknown instruction");
}

gboolean
mp_pickle_read (MpPlain *plain)
{
  MpPickleReader self = { plain, plain->input, plain->input + plain->input_size };
  gboolean ok = TRUE;

  while (ok && !self.done)
    ok = step (&self);
  if (ok && self.next != self.end)
    ok = mp_pickle_fail (&self, "more data behind the value");
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
