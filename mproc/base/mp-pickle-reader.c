/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Reads a Python pickle of protocol 2 to 5 into the tree, as far as it is plain data.
 *
 * A pickle is a program for a stack machine. This one has the same stack, marks and memo, one
 * small function for each instruction, and no instruction that imports or calls: names are looked
 * up in the closed table of mp-pickle-reduce.c. The instructions that are most of any pickle are
 * in mp-pickle-scalar.c. Containers are shared by index, so what a pickle
 * adds to one after it was memorized is there for everybody; mp_plain_seal() later finds the
 * cycles that can come of it.
 */

#include "config.h"

#include "mproc/base/mp-pickle-private.h"
#include "mproc/base/mp-plain-out-private.h"

/* What ends a message with buffers behind its pickle; see find_buffers(). */
static const guint8 end_mark[8] = { 'm', 'p', 'b', 'u', 'f', 0, 0, 1 };

#define ALIGNMENT 64
#define ENTRY (2 * sizeof (guint64))
#define TRAILER (sizeof (guint64) + sizeof end_mark)

/* Keeps the error, with the place; returns FALSE. */
gboolean
mp_pickle_fail (MpPickleReader *self,
                const char     *what)
{
  mp_plain_fail (self->plain, MP_ERROR_INVALID_DATA, "Pickle: %s at byte %" G_GSIZE_FORMAT, what,
                 (gsize) (self->next - self->plain->input));
  return FALSE;
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

  *mark = self->plain->offsets[--self->n_marks];
  self->fence = self->n_marks > 0 ? self->plain->offsets[self->n_marks - 1] : 0;
  return TRUE;
}

/* ── Containers ────────────────────────────────────────────────────────────────────────────── */

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
  return mp_pickle_has (self, 1) &&
         mp_plain_wrap (self->plain, MP_PLAIN_TUPLE, self->plain->n_stack - 1);
}

static gboolean
op_tuple2 (MpPickleReader *self)
{
  return mp_pickle_has (self, 2) &&
         mp_plain_wrap (self->plain, MP_PLAIN_TUPLE, self->plain->n_stack - 2);
}

static gboolean
op_tuple3 (MpPickleReader *self)
{
  return mp_pickle_has (self, 3) &&
         mp_plain_wrap (self->plain, MP_PLAIN_TUPLE, self->plain->n_stack - 3);
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
  return mp_pickle_has (self, 2) && extend (self, MP_PLAIN_LIST, self->plain->n_stack - 1);
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
  return mp_pickle_has (self, 3) && extend (self, MP_PLAIN_DICT, self->plain->n_stack - 2);
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
  if (!mp_pickle_has (self, 1))
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
  return mp_pickle_has (self, 1) &&
         mp_plain_push (self->plain, self->plain->stack[self->plain->n_stack - 1]);
}

gboolean
mp_pickle_memo_put (MpPickleReader *self,
                    guint64         index)
{
  MpPlain *plain = self->plain;

  if (!mp_pickle_has (self, 1))
    return FALSE;
  if (index > plain->input_size)
    return mp_pickle_fail (self, "a memo index that no pickle of this size needs");
  if (!mp_plain_grow (plain, &plain->memo, &plain->memo_room, index + 1, sizeof (MpPlainValue)))
    return FALSE;

  for (; self->n_memo <= index; self->n_memo++)
    plain->memo[self->n_memo].kind = MP_PICKLE_UNSET;
  plain->memo[index] = plain->stack[plain->n_stack - 1];
  return TRUE;
}

gboolean
mp_pickle_memo_get (MpPickleReader *self,
                    guint64         index)
{
  if (index >= self->n_memo || self->plain->memo[index].kind == MP_PICKLE_UNSET)
    return mp_pickle_fail (self, "a memo index that was never set");

  return mp_plain_push (self->plain, self->plain->memo[index]);
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
  return mp_pickle_has (self, 1) && (self->n_marks == 0 || mp_pickle_fail (self, "an open mark"));
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

  if (!mp_pickle_has (self, 2))
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
  return mp_pickle_has (self, 2) && mp_pickle_reduce (self->plain);
}

static gboolean
op_build (MpPickleReader *self)
{
  return mp_pickle_has (self, 2) && mp_pickle_build (self->plain);
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

/* The next of the buffers behind the pickle. */
static gboolean
op_next_buffer (MpPickleReader *self)
{
  const guint8 *entry;
  guint64 start, length;

  if (self->n_taken == self->n_buffers)
    return mp_pickle_fail (self, "fewer buffers than the value has");

  entry = self->buffers + self->n_taken++ * ENTRY;
  memcpy (&start, entry, sizeof start);
  memcpy (&length, entry + sizeof start, sizeof length);
  return mp_plain_push_data (self->plain, MP_PLAIN_BYTES, start, length, 0);
}

/* It makes a view of the buffer that is not writable; here nothing is. */
static gboolean
op_readonly_buffer (MpPickleReader *self)
{
  if (!mp_pickle_has (self, 1))
    return FALSE;

  return self->plain->stack[self->plain->n_stack - 1].kind == MP_PLAIN_BYTES ||
         mp_pickle_fail (self, "a buffer that is none");
}

static gboolean
op_extension (MpPickleReader *self)
{
  return mp_plain_fail (self->plain, MP_ERROR_NOT_PLAIN,
                        "Python object of a type known by its extension code");
}

const MpPickleOp mp_pickle_ops[256] = {
  [0x80] = op_proto,
  [0x95] = op_frame,
  ['.'] = op_stop,
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
  [0x97] = op_next_buffer,
  [0x98] = op_readonly_buffer,
  [0x82] = op_extension,
  [0x83] = op_extension,
  [0x84] = op_extension,
};

/* Finds the buffers that the library's Python layer puts behind a pickle:
 *
 *   the pickle | buffers, each at a multiple of 64 | where and how long each is | how many, MARK
 *
 * A pickle ends with a full stop, which MARK does not. The pickle then ends before the first. */
static gboolean
find_buffers (MpPickleReader *self)
{
  const guint8 *input = self->plain->input;
  gsize size = self->plain->input_size, ends;
  guint64 n, start, length;

  if (size < TRAILER || memcmp (input + size - sizeof end_mark, end_mark, sizeof end_mark) != 0)
    return TRUE;

  memcpy (&n, input + size - TRAILER, sizeof n);
  if (n > (size - TRAILER) / ENTRY)
    return mp_pickle_fail (self, "more buffers than there can be");

  ends = size - TRAILER - n * ENTRY;
  self->end = input + ends;
  self->buffers = self->end;
  self->n_buffers = n;
  for (gsize i = 0; i < n; i++)
    {
      memcpy (&start, self->buffers + i * ENTRY, sizeof start);
      memcpy (&length, self->buffers + i * ENTRY + sizeof start, sizeof length);
      if (start > ends || length > ends - start)
        return mp_pickle_fail (self, "a buffer that is not there");
      self->end = MIN (self->end, input + start);
    }

  return TRUE;
}

/* Whether all of the input was used; between a pickle and its buffers there is padding. */
static gboolean
check_end (MpPickleReader *self)
{
  if (self->n_taken < self->n_buffers)
    return mp_pickle_fail (self, "more buffers than the value has");
  if ((gsize) (self->end - self->next) >= (self->n_buffers > 0 ? ALIGNMENT : 1))
    return mp_pickle_fail (self, "more data behind the value");

  return TRUE;
}

gboolean
mp_pickle_read (MpPlain *plain)
{
  MpPickleReader self = { .plain = plain, .next = plain->input,
                          .end = plain->input + plain->input_size };

  if (!find_buffers (&self) || !mp_pickle_run (&self) || !check_end (&self))
    return FALSE;

  /* What else is on the stack is dropped, as Python does. */
  plain->stack[0] = plain->stack[plain->n_stack - 1];
  plain->n_stack = 1;
  return TRUE;
}
