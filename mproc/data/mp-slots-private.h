/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The table of slots that a shareable list is, in shared memory of any kind.
 *
 * A slot has a version and two copies of its value; the version says which is good. A writer, under
 * the table's mutex, writes the other copy and then raises the version: a writer that is killed
 * leaves the old value or the new one. Readers take no lock; they read again if the version moved.
 * Nothing in it depends on the family: processes that know the memory by its name are equals.
 */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

typedef enum {
  MP_ITEM_NOTHING,
  MP_ITEM_BOOLEAN,
  MP_ITEM_INTEGER,
  MP_ITEM_FLOAT,
  MP_ITEM_STRING,
  MP_ITEM_BYTES,
  MP_N_ITEM_KINDS,
} MpItemKind;

/* A value on its way; what it points to is the caller's. */
typedef struct {
  MpItemKind    kind;
  gsize         size;           /* of data */
  gconstpointer data;           /* a gint64, a double, a byte (0 or 1), UTF-8, or bytes… */
  gint64        word;           /* …here if that is NULL */
} MpItem;

typedef struct _MpSlots MpSlots;

/* What a table for such items takes; 0 if that is absurd. */
gsize     mp_slots_measure   (const MpItem   *items,
                              gsize           n);
/* Makes one in zeroed memory of that size. */
gboolean  mp_slots_begin     (gpointer        memory,
                              gsize           size,
                              const MpItem   *items,
                              gsize           n,
                              GError        **error);
/* The table in the memory, if there is a sound one. */
MpSlots  *mp_slots_open      (gpointer        memory,
                              gsize           size,
                              GError        **error);

/* These check what they find: the memory may be anybody's. @size: of the memory. */
gsize     mp_slots_count     (const MpSlots  *slots);
/* A copy of the value, at least one zero behind it (g_free). */
gpointer  mp_slots_get       (MpSlots        *slots,
                              gsize           size,
                              gsize           index,
                              MpItem         *item,
                              GError        **error);
gboolean  mp_slots_set       (MpSlots        *slots,
                              gsize           size,
                              gsize           index,
                              const MpItem   *item,
                              GError        **error);
/* How many bytes the slot has room for; 0: there is no such slot. */
gsize     mp_slots_get_room  (const MpSlots  *slots,
                              gsize           size,
                              gsize           index);

/* Items from and to variants. */
gboolean  mp_item_from_variant (GVariant     *variant,
                                MpItem       *item,
                                GError      **error);
GVariant *mp_item_to_variant   (const MpItem *item);
gconstpointer mp_item_get_data (const MpItem *item);
gboolean  mp_item_check        (const MpItem *item,
                                GError      **error);

G_END_DECLS
