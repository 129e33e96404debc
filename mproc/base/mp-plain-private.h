/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * MpPlain: one plain value between two encodings, as a compact tree.
 *
 * A reader (pickle, JSON, GVariant) parses its input onto a stack of 16-byte values. When a
 * container is complete, its children move from the stack to one shared array and the container
 * becomes a value itself, which names its node by index. Nothing holds a pointer, so every array
 * may move while it grows. Texts and bytes stay where they are in the input; only what had to be
 * decoded (escapes, base64, big integers) lies in the scratch area.
 *
 * A node may be named by several values, because a pickle shares; mp_plain_seal() makes sure that
 * there is no cycle, that the depth is bounded and that writing every shared part out again stays
 * within the budget. Only a sealed tree may be given to a writer.
 *
 * All memory counts against a budget of 256 MiB plus 64 times the input, so hostile input cannot
 * take more. The first error is kept in the tree; functions that can fail return FALSE after it.
 * One tree belongs to one call of the transcoder and is never shared between threads; what it was
 * built in is kept for the next call, since fresh pages cost more than all the work on them.
 */

#pragma once

#include <string.h>

#include "mproc/base/mp-error.h"

G_BEGIN_DECLS

/* Containers inside containers; GVariant itself gives up at 42 nested a{sv}. */
#define MP_PLAIN_MAX_DEPTH 40

/* Decimal digits of the largest integer that is converted. */
#define MP_PLAIN_MAX_DIGITS 10000

typedef enum {
  MP_PLAIN_NONE,
  MP_PLAIN_BOOL,       /* as.i is 0 or 1 */
  MP_PLAIN_INT,        /* as.i */
  MP_PLAIN_UINT,       /* as.u, above G_MAXINT64 */
  MP_PLAIN_BIGINT,     /* decimal text, beyond 64 bits, no leading zeros */
  MP_PLAIN_DOUBLE,     /* as.d */
  MP_PLAIN_STR,        /* valid UTF-8, perhaps with NUL inside */
  MP_PLAIN_BYTES,
  MP_PLAIN_DATETIME,   /* as.i: microseconds since 1970 in UTC; length: zone offset in seconds */
  MP_PLAIN_OBJECT,     /* a shared object: its handle, a text without NUL */
  MP_PLAIN_LIST,
  MP_PLAIN_TUPLE,
  MP_PLAIN_DICT,       /* key, value, key, value… */
  MP_PLAIN_SET,
  MP_PLAIN_FROZENSET,
  MP_PLAIN_VECTOR,     /* numbers of one type, side by side; see mp-plain-vector.c */
  MP_PLAIN_VARIANT,    /* a GVariant as it is: what it is as a plain value, and its bytes */
  MP_PLAIN_ARRAY,      /* an array of several dimensions, or none; see mp-plain-array.c */
  MP_PLAIN_GOBJECT,    /* a GObject: its name and state, and the bytes; see mp-plain-raw.c */
  MP_PLAIN_FOREIGN,    /* only while a pickle is read: a class, a zone, a dtype… */
} MpPlainKind;

enum {
  MP_PLAIN_SCRATCH = 1 << 0,   /* the data is in the scratch area, not in the input */
  MP_PLAIN_HAS_NUL = 1 << 1,   /* the text contains U+0000 */
};

/* The GVariant types that values canonically have. */
typedef enum {
  MP_CANONICAL_UNKNOWN,      /* not asked yet; as a result: failed */
  MP_CANONICAL_NONE,         /* mv */
  MP_CANONICAL_BOOL,
  MP_CANONICAL_INT,
  MP_CANONICAL_UINT,
  MP_CANONICAL_DOUBLE,
  MP_CANONICAL_STR,
  MP_CANONICAL_BYTES,
  MP_CANONICAL_EXTENSION,    /* m(sv) with a tag */
  MP_CANONICAL_BOOLS,
  MP_CANONICAL_INTS,
  MP_CANONICAL_DOUBLES,
  MP_CANONICAL_STRS,
  MP_CANONICAL_BYTE_STRINGS,
  MP_CANONICAL_VARDICTS,
  MP_CANONICAL_LIST,         /* av */
  MP_CANONICAL_VARDICT,      /* a{sv} */
  MP_CANONICAL_INT_DICT,     /* a{xv} */
  MP_CANONICAL_PAIRS,        /* a(vv), only inside an extension */
  MP_CANONICAL_PARTS,        /* (saxay), only inside an extension */
  MP_CANONICAL_VARIANT,      /* v, of which it has its own type */
  MP_CANONICAL_VECTORS,      /* an aq ai au at, in this order */
  MP_CANONICAL_TUPLE = MP_CANONICAL_VECTORS + 5,  /* its own, in the scratch area */
  MP_N_CANONICAL = MP_CANONICAL_TUPLE,
} MpCanonical;

/* How far a node is; only those that are at least sealed are part of the value. */
enum {
  MP_PLAIN_NEW,
  MP_PLAIN_OPEN,
  MP_PLAIN_SEALED,
  MP_PLAIN_NORMAL,
};

typedef struct {
  guint8  kind;
  guint8  flags;
  guint16 extra;
  guint32 length;
  union {
    gint64  i;
    guint64 u;
    double  d;
    guint64 offset;
    guint32 node;
  } as;
} MpPlainValue;

typedef struct {
  guint32 start;        /* first child in MpPlain.values */
  guint32 count;
  guint32 room;
  guint8  kind;
  guint8  state;
  guint8  height;       /* containers from here down, this one included */
  guint8  type;         /* of the GVariant writer: its canonical type, 0 if not known yet */
  guint32 type_offset;  /* tuples: their type string in the scratch area */
  guint16 type_length;
  guint8  alignment;    /* tuples: of that type */
  guint8  pending;      /* pickle: a numeric vector that waits for its contents */
  guint64 cost;         /* bytes this takes with all shared parts written out */
} MpPlainNode;

/* What a writer has written so far; mp-plain-out-private.h has the functions. */
typedef struct {
  guint8 *data;
  gsize   length;
  gsize   room;
} MpPlainOut;

struct _MpVariantType;

typedef struct {
  const guint8 *input;
  gsize         input_size;

  MpPlainValue *values;
  gsize         n_values;
  gsize         values_room;

  MpPlainNode  *nodes;
  gsize         n_nodes;
  gsize         nodes_room;

  MpPlainValue *stack;
  gsize         n_stack;
  gsize         stack_room;

  guint8       *scratch;
  gsize         n_scratch;
  gsize         scratch_room;

  /* Of the readers and writers that need them, here so that they are kept with the rest. */
  MpPlainValue *memo;
  gsize         memo_room;
  gsize        *offsets;
  gsize         offsets_room;
  struct _MpVariantType *types;
  gsize         n_types;
  gsize         types_room;
  gsize         n_common_types;                /* which every value begins with */
  guint32       canonical[MP_N_CANONICAL];     /* where they are among them */
  MpPlainOut    out;

  gboolean      flat;          /* JSON is to have all bytes in its text */
  gboolean      has_arrays;    /* there are some of several dimensions */
  gboolean      has_objects;   /* the input names shared objects, and what it lies in holds them */
  guint64       used;
  guint64       budget;
  GError       *error;
} MpPlain;

MpPlain     *mp_plain_open         (gconstpointer  input,
                                    gsize          size);
void         mp_plain_close        (MpPlain       *self);
gboolean     mp_plain_fail         (MpPlain       *self,
                                    MpError        code,
                                    const char    *format,
                                    ...) G_GNUC_PRINTF (3, 4);
gboolean     mp_plain_grow         (MpPlain       *self,
                                    gpointer       array,
                                    gsize         *room,
                                    gsize          need,
                                    gsize          element);
gboolean     mp_plain_wrap         (MpPlain       *self,
                                    MpPlainKind    kind,
                                    gsize          first);
gboolean     mp_plain_extend       (MpPlain       *self,
                                    guint32        node,
                                    gsize          first);
gboolean     mp_plain_push_str     (MpPlain       *self,
                                    gsize          offset,
                                    gsize          length,
                                    guint8         flags);
guint8      *mp_plain_scratch      (MpPlain       *self,
                                    gsize          length);
gboolean     mp_plain_push_object  (MpPlain       *self,
                                    MpPlainValue   handle);
gboolean     mp_plain_push_decimal (MpPlain       *self,
                                    const char    *digits,
                                    gsize          length);
gboolean     mp_plain_freeze       (MpPlain       *self,
                                    MpPlainValue  *value);
gboolean     mp_plain_pairs        (MpPlain       *self,
                                    gboolean       freeze_keys);
gboolean     mp_plain_seal         (MpPlain       *self);

/* mp-plain-raw.c */
gboolean     mp_plain_push_variant (MpPlain       *self,
                                    MpPlainValue   bytes);
gboolean     mp_plain_push_gobject (MpPlain       *self,
                                    gconstpointer  data,
                                    gsize          size,
                                    guint          levels);
MpPlainValue mp_plain_raw_value    (MpPlain       *self,
                                    MpPlainValue   raw);
MpPlainValue mp_plain_raw_bytes    (MpPlain       *self,
                                    MpPlainValue   raw);
void         mp_plain_unwrap       (MpPlain       *self,
                                    MpPlainValue  *value);

const char  *mp_plain_kind_name    (MpPlainKind    kind);

/* mp-plain-vector.c: what the numbers of a vector are, and what that is called elsewhere */
typedef struct {
  char        kind;       /* 'i', 'u', 'f' or 'b', as numpy has it */
  guint8      size;
  char        variant;    /* of the array that has the same bytes, or 0 */
  char        python;     /* type code of array.array, or 0 */
  const char *json;       /* or NULL */
} MpVectorType;

gboolean            mp_plain_push_raw      (MpPlain       *self,
                                            char           kind,
                                            gsize          size,
                                            const guint8  *raw);
gboolean            mp_plain_push_vector   (MpPlain       *self,
                                            MpPlainValue   bytes,
                                            char           kind,
                                            gsize          size);
gboolean            mp_plain_vector_bytes  (MpPlain       *self,
                                            MpPlainValue  *bytes,
                                            char           kind,
                                            gsize          size);
const MpVectorType *mp_plain_vector        (MpPlain       *self,
                                            MpPlainValue   vector,
                                            MpPlainValue  *bytes);
gboolean            mp_plain_vector_item   (MpPlain       *self,
                                            MpPlainValue   vector,
                                            gsize          index,
                                            MpPlainValue  *item);
const MpVectorType *mp_vector_type_of_json (const guint8  *name,
                                            gsize          length);

/* mp-plain-array.c */
gboolean            mp_plain_push_parts    (MpPlain       *self,
                                            MpPlainValue   bytes,
                                            char           kind,
                                            gsize          item,
                                            MpPlainValue   shape,
                                            gboolean       first_fastest);
gboolean            mp_plain_push_array    (MpPlain       *self,
                                            MpPlainValue   name,
                                            MpPlainValue   shape,
                                            MpPlainValue   bytes);
const MpPlainValue *mp_plain_parts         (MpPlain       *self,
                                            MpPlainValue   array);

/* mp-plain-key.c */
gboolean     mp_plain_check_keys   (MpPlain       *self,
                                    gboolean       for_python);
gboolean     mp_plain_normalize    (MpPlain       *self);

/* mp-plain-number.c: numbers and dates as text and as little-endian bytes */
#define MP_ISO8601_SIZE 48

gboolean     mp_plain_push_long    (MpPlain       *self,
                                    const guint8  *little_endian,
                                    gsize          size);
gsize        mp_decimal_to_long    (const char    *digits,
                                    gsize          length,
                                    guint8        *little_endian);
void         mp_days_to_date       (gint64         days,
                                    int           *year,
                                    int           *month,
                                    int           *day);
gint64       mp_date_to_days       (int            year,
                                    int            month,
                                    int            day);
gboolean     mp_plain_push_time    (MpPlain       *self,
                                    gint64         microseconds,
                                    gint64         offset);
gboolean     mp_plain_push_iso8601 (MpPlain       *self,
                                    const char    *text,
                                    gsize          length);
gsize        mp_plain_iso8601      (MpPlainValue   value,
                                    char          *buffer);

static inline gboolean
mp_plain_push (MpPlain      *self,
               MpPlainValue  value)
{
  if (G_UNLIKELY (self->n_stack == self->stack_room) &&
      !mp_plain_grow (self, &self->stack, &self->stack_room, self->n_stack + 1,
                      sizeof (MpPlainValue)))
    return FALSE;

  self->stack[self->n_stack++] = value;
  return TRUE;
}

static inline gboolean
mp_plain_push_simple (MpPlain     *self,
                      MpPlainKind  kind,
                      gint64       number)
{
  return mp_plain_push (self, (MpPlainValue) { .kind = kind, .as.i = number });
}

static inline gboolean
mp_plain_push_double (MpPlain *self,
                      double   number)
{
  return mp_plain_push (self, (MpPlainValue) { .kind = MP_PLAIN_DOUBLE, .as.d = number });
}

static inline gboolean
mp_plain_push_unsigned (MpPlain *self,
                        guint64  number)
{
  MpPlainKind kind = number > G_MAXINT64 ? MP_PLAIN_UINT : MP_PLAIN_INT;

  return mp_plain_push (self, (MpPlainValue) { .kind = kind, .as.u = number });
}

static inline gboolean
mp_plain_push_data (MpPlain     *self,
                    MpPlainKind  kind,
                    gsize        offset,
                    gsize        length,
                    guint8       flags)
{
  return mp_plain_push (self, (MpPlainValue) { .kind = kind, .flags = flags,
                                               .length = (guint32) length,
                                               .as.offset = offset });
}

static inline gboolean
mp_plain_is_container (MpPlainValue value)
{
  return value.kind >= MP_PLAIN_LIST && value.kind <= MP_PLAIN_GOBJECT;
}

static inline MpPlainNode *
mp_plain_node (MpPlain      *self,
               MpPlainValue  value)
{
  return &self->nodes[value.as.node];
}

static inline const MpPlainValue *
mp_plain_children (MpPlain           *self,
                   const MpPlainNode *node)
{
  return node->count == 0 ? NULL : self->values + node->start;
}

static inline const guint8 *
mp_plain_data (MpPlain      *self,
               MpPlainValue  value)
{
  const guint8 *base = (value.flags & MP_PLAIN_SCRATCH) ? self->scratch : self->input;

  return base != NULL ? base + value.as.offset : (const guint8 *) "";
}

G_END_DECLS
