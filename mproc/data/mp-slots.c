/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The table of slots behind a shareable list. See the header for how it survives its writers.
 *
 * The mutex is a robust one of the C library, because processes of different families may share
 * the table. Whoever gets it from the dead has nothing to repair.
 */

#include "config.h"

#include "mproc/data/mp-slots-private.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "mproc/base/mp-error-private.h"

#define MAGIC G_GUINT64_CONSTANT (0x6d702d736c6f7473)
#define MAX_ROUNDS 1000
#define SLOT_SIZE(room) (sizeof (guint64) + 2 * (sizeof (Copy) + (room)))

struct _MpSlots {
  guint64         magic;        /* written last */
  guint64         mutex_size;   /* another C library's may differ */
  guint64         n;
  pthread_mutex_t mutex;
  guint64         offsets[];    /* of n slots, and of their end */
};

typedef struct {
  guint32 kind;
  guint32 unused;
  guint64 size;
  guint8  data[];
} Copy;

typedef struct {
  guint64 *version;
  Copy    *copies[2];
  gsize    room;
} Slot;

/* --- Items --------------------------------------------------------------------------------- */

/* As in multiprocessing: text has room for a little more than it had at first. */
static gsize
room_for (const MpItem *item)
{
  return item->kind >= MP_ITEM_STRING ? 8 * (item->size / 8 + 1) : 8;
}

static gboolean
has_sound_size (const MpItem *item)
{
  switch (item->kind)
    {
    case MP_ITEM_NOTHING:
      return item->size == 0;
    case MP_ITEM_BOOLEAN:
      return item->size == 1;
    case MP_ITEM_INTEGER:
    case MP_ITEM_FLOAT:
      return item->size == 8;
    case MP_ITEM_STRING:
    case MP_ITEM_BYTES:
      return TRUE;
    case MP_N_ITEM_KINDS:
    default:
      return FALSE;
    }
}

gboolean
mp_item_check (const MpItem  *item,
               GError       **error)
{
  if (has_sound_size (item))
    return TRUE;

  g_set_error (error, MP_ERROR, MP_ERROR_INVALID_ARGUMENT, "That is no item of a list");
  return FALSE;
}

static void
set_word (MpItem        *item,
          MpItemKind     kind,
          gconstpointer  word,
          gsize          size)
{
  item->kind = kind;
  item->size = size;
  memcpy (&item->word, word, size);
  item->data = NULL;
}

static gboolean
integer_from_variant (GVariant *variant,
                      gint64   *number)
{
  switch (g_variant_classify (variant))
    {
    case G_VARIANT_CLASS_BYTE:
      *number = g_variant_get_byte (variant);
      return TRUE;
    case G_VARIANT_CLASS_INT16:
      *number = g_variant_get_int16 (variant);
      return TRUE;
    case G_VARIANT_CLASS_UINT16:
      *number = g_variant_get_uint16 (variant);
      return TRUE;
    case G_VARIANT_CLASS_INT32:
      *number = g_variant_get_int32 (variant);
      return TRUE;
    case G_VARIANT_CLASS_UINT32:
      *number = g_variant_get_uint32 (variant);
      return TRUE;
    case G_VARIANT_CLASS_INT64:
      *number = g_variant_get_int64 (variant);
      return TRUE;
    case G_VARIANT_CLASS_UINT64:
      *number = (gint64) g_variant_get_uint64 (variant);
      return *number >= 0;
    case G_VARIANT_CLASS_BOOLEAN:
    case G_VARIANT_CLASS_HANDLE:
    case G_VARIANT_CLASS_DOUBLE:
    case G_VARIANT_CLASS_STRING:
    case G_VARIANT_CLASS_OBJECT_PATH:
    case G_VARIANT_CLASS_SIGNATURE:
    case G_VARIANT_CLASS_VARIANT:
    case G_VARIANT_CLASS_MAYBE:
    case G_VARIANT_CLASS_ARRAY:
    case G_VARIANT_CLASS_TUPLE:
    case G_VARIANT_CLASS_DICT_ENTRY:
    default:
      return FALSE;
    }
}

/* What it points to lives as long as @variant. */
gboolean
mp_item_from_variant (GVariant  *variant,
                      MpItem    *item,
                      GError   **error)
{
  gint64 integer;

  memset (item, 0, sizeof *item);
  if (g_variant_is_of_type (variant, G_VARIANT_TYPE_VARIANT))
    {
      /* The child is part of its parent's memory. */
      g_autoptr (GVariant) child = g_variant_get_variant (variant);

      return mp_item_from_variant (child, item, error);
    }

  if (g_variant_is_of_type (variant, G_VARIANT_TYPE_BOOLEAN))
    {
      guint8 byte = g_variant_get_boolean (variant) ? 1 : 0;

      set_word (item, MP_ITEM_BOOLEAN, &byte, sizeof byte);
    }
  else if (g_variant_is_of_type (variant, G_VARIANT_TYPE_DOUBLE))
    {
      double number = g_variant_get_double (variant);

      set_word (item, MP_ITEM_FLOAT, &number, sizeof number);
    }
  else if (integer_from_variant (variant, &integer))
    set_word (item, MP_ITEM_INTEGER, &integer, sizeof integer);
  else if (g_variant_is_of_type (variant, G_VARIANT_TYPE_STRING) ||
           g_variant_is_of_type (variant, G_VARIANT_TYPE_OBJECT_PATH) ||
           g_variant_is_of_type (variant, G_VARIANT_TYPE_SIGNATURE))
    {
      item->kind = MP_ITEM_STRING;
      item->data = g_variant_get_string (variant, &item->size);
    }
  else if (g_variant_is_of_type (variant, G_VARIANT_TYPE_BYTESTRING))
    {
      item->kind = MP_ITEM_BYTES;
      item->data = g_variant_get_fixed_array (variant, &item->size, 1);
    }
  else if (!g_variant_is_of_type (variant, G_VARIANT_TYPE_MAYBE) ||
           g_variant_n_children (variant) > 0)
    {
      g_set_error (error, MP_ERROR, MP_ERROR_INVALID_ARGUMENT,
                   "A value of type “%s” cannot be an item of a list: integers up to 64 bits, "
                   "floats, booleans, strings, bytes and nothing can",
                   g_variant_get_type_string (variant));
      return FALSE;
    }

  return TRUE;
}

GVariant *
mp_item_to_variant (const MpItem *item)
{
  gint64 integer = 0;
  double number = 0;

  switch (item->kind)
    {
    case MP_ITEM_BOOLEAN:
      return g_variant_new_boolean (*(const guint8 *) item->data != 0);
    case MP_ITEM_INTEGER:
      memcpy (&integer, item->data, sizeof integer);
      return g_variant_new_int64 (integer);
    case MP_ITEM_FLOAT:
      memcpy (&number, item->data, sizeof number);
      return g_variant_new_double (number);
    case MP_ITEM_STRING:
      if (g_utf8_validate (item->data, (gssize) item->size, NULL))
        return g_variant_new_string (item->data);
      return g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, item->data, item->size, 1);
    case MP_ITEM_BYTES:
      return g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, item->data, item->size, 1);
    case MP_ITEM_NOTHING:
    case MP_N_ITEM_KINDS:
    default:
      return g_variant_new_maybe (G_VARIANT_TYPE_VARIANT, NULL);
    }
}

gconstpointer
mp_item_get_data (const MpItem *item)
{
  return item->data != NULL ? item->data : &item->word;
}

/* --- The table ----------------------------------------------------------------------------- */

gsize
mp_slots_measure (const MpItem *items,
                  gsize         n)
{
  gsize size = sizeof (MpSlots);

  for (gsize i = 0; i < n; i++)
    {
      if (items[i].size > G_MAXINT32)
        return 0;
      size += sizeof (guint64) + SLOT_SIZE (room_for (&items[i]));
      if (size > G_MAXINT64 / 2)
        return 0;
    }

  return size + sizeof (guint64);
}

static void
write_copy (Copy         *copy,
            const MpItem *item)
{
  copy->kind = item->kind;
  copy->size = item->size;
  if (item->size > 0)
    memcpy (copy->data, mp_item_get_data (item), item->size);
}

gboolean
mp_slots_begin (gpointer       memory,
                gsize          size,
                const MpItem  *items,
                gsize          n,
                GError       **error)
{
  MpSlots *slots = memory;
  gsize offset = sizeof *slots + (n + 1) * sizeof (guint64);
  pthread_mutexattr_t attributes;
  int result;

  pthread_mutexattr_init (&attributes);
  pthread_mutexattr_setpshared (&attributes, PTHREAD_PROCESS_SHARED);
  pthread_mutexattr_setrobust (&attributes, PTHREAD_MUTEX_ROBUST);
  result = pthread_mutex_init (&slots->mutex, &attributes);
  pthread_mutexattr_destroy (&attributes);
  if (result != 0)
    {
      mp_error_set_errno (error, result, "Failed to make the lock of a list");
      return FALSE;
    }

  slots->mutex_size = sizeof slots->mutex;
  slots->n = n;
  for (gsize i = 0; i < n; i++)
    {
      slots->offsets[i] = offset;
      write_copy ((Copy *) ((guint8 *) memory + offset + sizeof (guint64)), &items[i]);
      offset += SLOT_SIZE (room_for (&items[i]));
    }
  slots->offsets[n] = offset;
  g_return_val_if_fail (offset <= size, FALSE);
  __atomic_store_n (&slots->magic, MAGIC, __ATOMIC_RELEASE);

  return TRUE;
}

static gboolean
fail_damaged (GError **error)
{
  g_set_error (error, MP_ERROR, MP_ERROR_INVALID_DATA, "The shareable list is damaged");
  return FALSE;
}

MpSlots *
mp_slots_open (gpointer   memory,
               gsize      size,
               GError   **error)
{
  MpSlots *slots = memory;

  if (size < sizeof *slots || __atomic_load_n (&slots->magic, __ATOMIC_ACQUIRE) != MAGIC)
    {
      g_set_error (error, MP_ERROR, MP_ERROR_INVALID_DATA,
                   "The shared memory does not hold a shareable list");
      return NULL;
    }
  if (slots->mutex_size != sizeof slots->mutex ||
      slots->n >= (size - sizeof *slots) / sizeof (guint64))
    {
      fail_damaged (error);
      return NULL;
    }

  return slots;
}

gsize
mp_slots_count (const MpSlots *slots)
{
  return (gsize) slots->n;
}

static gboolean
find_slot (const MpSlots  *slots,
           gsize           size,
           gsize           index,
           Slot           *slot,
           GError        **error)
{
  gsize n = (gsize) __atomic_load_n (&slots->n, __ATOMIC_RELAXED);
  guint64 start, end;
  guint8 *at;

  if (n >= (size - sizeof *slots) / sizeof (guint64))
    return fail_damaged (error);
  if (index >= n)
    {
      g_set_error (error, MP_ERROR, MP_ERROR_NO_SUCH_KEY,
                   "There is no item %" G_GSIZE_FORMAT " in a list of %" G_GSIZE_FORMAT, index, n);
      return FALSE;
    }

  start = __atomic_load_n (&slots->offsets[index], __ATOMIC_RELAXED);
  end = __atomic_load_n (&slots->offsets[index + 1], __ATOMIC_RELAXED);
  if (start % 8 != 0 || end % 8 != 0 || end > size || start < sizeof *slots || start > end ||
      end - start < SLOT_SIZE (8))
    return fail_damaged (error);

  at = (guint8 *) slots + start;
  slot->room = ((end - start - sizeof (guint64)) / 2 - sizeof (Copy)) & ~(gsize) 7;
  slot->version = (guint64 *) at;
  slot->copies[0] = (Copy *) (at + sizeof (guint64));
  slot->copies[1] = (Copy *) (at + sizeof (guint64) + sizeof (Copy) + slot->room);
  return TRUE;
}

gsize
mp_slots_get_room (const MpSlots *slots,
                   gsize          size,
                   gsize          index)
{
  Slot slot;

  return find_slot (slots, size, index, &slot, NULL) ? slot.room : 0;
}

/* One attempt: FALSE if a writer came between. */
static gboolean
try_read (const Slot *slot,
          MpItem     *item,
          guint8     *data)
{
  guint64 version = __atomic_load_n (slot->version, __ATOMIC_ACQUIRE);
  const Copy *copy = slot->copies[version & 1];

  item->kind = (MpItemKind) copy->kind;
  item->size = (gsize) copy->size;
  memcpy (data, copy->data, MIN (item->size, slot->room));
  __atomic_thread_fence (__ATOMIC_ACQUIRE);

  return __atomic_load_n (slot->version, __ATOMIC_RELAXED) == version;
}

static gboolean
lock_slots (MpSlots  *slots,
            GError  **error)
{
  int result = pthread_mutex_lock (&slots->mutex);

  if (result == EOWNERDEAD)
    result = pthread_mutex_consistent (&slots->mutex);
  if (result != 0)
    mp_error_set_errno (error, result, "Failed to lock the shareable list");
  return result == 0;
}

gpointer
mp_slots_get (MpSlots  *slots,
              gsize     size,
              gsize     index,
              MpItem   *item,
              GError  **error)
{
  g_autofree guint8 *data = NULL;
  Slot slot;
  guint rounds = 0;

  if (!find_slot (slots, size, index, &slot, error))
    return NULL;

  data = g_try_malloc0 (slot.room + 8);
  if (data == NULL)
    {
      mp_error_set_errno (error, ENOMEM, "Failed to read the shareable list");
      return NULL;
    }
  while (!try_read (&slot, item, data))
    if (++rounds > MAX_ROUNDS)
      {
        if (!lock_slots (slots, error))
          return NULL;
        try_read (&slot, item, data);
        pthread_mutex_unlock (&slots->mutex);
        break;
      }

  item->data = data;
  if (item->kind >= MP_N_ITEM_KINDS || item->size > slot.room || !has_sound_size (item))
    {
      fail_damaged (error);
      return NULL;
    }
  data[item->size] = 0;
  return g_steal_pointer (&data);
}

gboolean
mp_slots_set (MpSlots       *slots,
              gsize          size,
              gsize          index,
              const MpItem  *item,
              GError       **error)
{
  guint64 version;
  Slot slot;

  if (!find_slot (slots, size, index, &slot, error))
    return FALSE;
  if (item->size > slot.room)
    {
      g_set_error (error, MP_ERROR, MP_ERROR_INVALID_ARGUMENT,
                   "%" G_GSIZE_FORMAT " bytes exceed the room of item %" G_GSIZE_FORMAT
                   ", which is %" G_GSIZE_FORMAT, item->size, index, slot.room);
      return FALSE;
    }
  if (!lock_slots (slots, error))
    return FALSE;

  version = __atomic_load_n (slot.version, __ATOMIC_RELAXED) + 1;
  write_copy (slot.copies[version & 1], item);
  __atomic_store_n (slot.version, version, __ATOMIC_RELEASE);
  pthread_mutex_unlock (&slots->mutex);

  return TRUE;
}
