/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The memory of the tree between two encodings: arrays that grow by doubling within the budget.
 *
 * Fresh pages cost more than what is done with them, so one set of arrays, the last that was used
 * and is not too large, is kept for the next call. It lies in one word that a call empties and
 * fills again when it ends: two threads at once, or a fork in between, find the word empty and
 * take fresh memory. Sanitizers see nothing in memory that is used again, so with them nothing is
 * kept.
 */

#include "config.h"

#include "mproc/base/mp-plain-private.h"

#include <stdarg.h>

#include "mproc/base/mp-plain-out-private.h"
#include "mproc/base/mp-variant-type-private.h"

#define BUDGET_BASE (256 * G_GUINT64_CONSTANT (1048576))
#define BUDGET_FACTOR 64

/* Of the arrays that are kept, in all. */
#define MAX_KEPT (8 * 1048576)

/* Output of more bytes is given away with the array that it was written to. */
#define MAX_COPIED 65536

#if defined(__has_feature)
#if __has_feature (address_sanitizer)
#define KEEPS_NOTHING
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define KEEPS_NOTHING
#endif

static MpPlain *kept;

static gsize
room_of (const MpPlain *self)
{
  return self->values_room * sizeof *self->values + self->nodes_room * sizeof *self->nodes +
         self->stack_room * sizeof *self->stack + self->scratch_room +
         self->memo_room * sizeof *self->memo + self->offsets_room * sizeof *self->offsets +
         self->types_room * sizeof *self->types + self->out.room;
}

static void
free_all (MpPlain *self)
{
  g_free (self->values);
  g_free (self->nodes);
  g_free (self->stack);
  g_free (self->scratch);
  g_free (self->memo);
  g_free (self->offsets);
  g_free (self->types);
  g_free (self->out.data);
  g_free (self);
}

/* An empty tree for @size bytes at @input, to be closed. It has an error if they are too many. */
MpPlain *
mp_plain_open (gconstpointer input,
               gsize         size)
{
  MpPlain *self = g_atomic_pointer_exchange (&kept, NULL);

  if (self == NULL)
    self = g_new0 (MpPlain, 1);

  self->input = input != NULL ? input : "";
  self->input_size = size;
  self->used = room_of (self);
  self->budget = BUDGET_BASE + BUDGET_FACTOR * (guint64) size;

  if (size > G_MAXUINT32)
    mp_plain_fail (self, MP_ERROR_INVALID_DATA,
                   "Values of 4 GiB and more are not converted between encodings");
  return self;
}

/* Forgets the value and keeps the arrays; the types that every tree begins with stay, too. */
static void
empty (MpPlain *self)
{
  self->n_values = self->n_nodes = self->n_stack = self->n_scratch = self->out.length = 0;
  self->n_types = 0;
  self->has_objects = self->has_arrays = self->flat = FALSE;
  g_clear_error (&self->error);
}

void
mp_plain_close (MpPlain *self)
{
  empty (self);
#ifndef KEEPS_NOTHING
  if (room_of (self) <= MAX_KEPT)
    self = g_atomic_pointer_exchange (&kept, self);
#endif
  if (self != NULL)
    free_all (self);
}

/* Keeps the first error; returns FALSE, so that it can be the value of a return statement. */
gboolean
mp_plain_fail (MpPlain    *self,
               MpError     code,
               const char *format,
               ...)
{
  va_list args;

  if (self->error != NULL)
    return FALSE;

  va_start (args, format);
  self->error = g_error_new_valist (MP_ERROR, code, format, args);
  va_end (args);
  return FALSE;
}

/* Makes room for @need elements in *@array, a pointer to the array's pointer. */
gboolean
mp_plain_grow (MpPlain  *self,
               gpointer  array,
               gsize    *room,
               gsize     need,
               gsize     element)
{
  gsize wanted = MAX (need, MAX (64, *room * 2));
  gpointer old, grown;

  if (need <= *room)
    return TRUE;

  self->used += (guint64) (wanted - *room) * element;
  if (need >= G_MAXUINT32 / 2 || self->used > self->budget)
    return mp_plain_fail (self, MP_ERROR_INVALID_DATA,
                          "The value takes more memory than its size allows");

  memcpy (&old, array, sizeof old);
  grown = g_try_realloc_n (old, wanted, element);
  if (grown == NULL)
    return mp_plain_fail (self, MP_ERROR_FAILED, "There is no memory for the value");

  memcpy (array, &grown, sizeof grown);
  *room = wanted;
  return TRUE;
}

/* The next @length bytes of the scratch area. Valid until the next call. */
guint8 *
mp_plain_scratch (MpPlain *self,
                  gsize    length)
{
  guint8 *space;

  if (self->n_scratch + length >= self->scratch_room &&
      !mp_plain_grow (self, &self->scratch, &self->scratch_room, self->n_scratch + length + 1, 1))
    return NULL;

  space = self->scratch + self->n_scratch;
  self->n_scratch += length;
  return space;
}

gboolean
mp_plain_out_grow (MpPlainOut *self,
                   gsize       more)
{
  gsize wanted = MAX (self->length + more, MAX (1024, self->room * 2));
  guint8 *grown = g_try_realloc (self->data, wanted);

  if (grown == NULL)
    return FALSE;

  self->data = grown;
  self->room = wanted;
  return TRUE;
}

/* The output in an allocation of its own size, since a payload can live long. */
GBytes *
mp_plain_out_steal (MpPlainOut *self)
{
  guint8 *data = self->data;
  gsize length = self->length;

  if (length <= MAX_COPIED)
    return g_bytes_new (data, length);

  if (self->room - length > 64)
    data = g_realloc (data, length);
  *self = (MpPlainOut) { NULL, 0, 0 };
  return g_bytes_new_take (data, length);
}
