/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * How a class of shared objects is made: a kind number, a size, and what to do when the last
 * process lets go.
 */

#pragma once

#include "mproc/memory/mp-guard-private.h"
#include "mproc/memory/mp-shared.h"

G_BEGIN_DECLS

#define MP_SHARED_MAGIC 0x4d705368u

typedef enum {
  MP_KIND_LOCK = 1,
  MP_KIND_RLOCK,
  MP_KIND_CONDITION,
  MP_KIND_QUEUE,
  MP_KIND_POOL,
  MP_KIND_BLOCK,
  MP_KIND_SEMAPHORE,
  MP_KIND_BOUNDED_SEMAPHORE,
  MP_KIND_EVENT,
  MP_KIND_BARRIER,
  MP_KIND_SHARED_MEMORY,
  MP_KIND_VALUE,
  MP_KIND_ARRAY,
  MP_KIND_SHAREABLE_LIST,
  MP_KIND_CONNECTION,
  MP_KIND_PIPE,
  MP_KIND_TICKET,
  MP_N_KINDS = 32,
} MpKind;

/* The start of every shared object. */
typedef struct {
  guint32  magic;
  guint32  kind;
  guint32  serial;              /* no two objects of a family have the same */
  guint32  dying;               /* id of the thread that destroys it */
  guint64  refs;                /* changed under the object's stripe, see mp-lease.c */
  MpOffset next_grave;          /* once nobody refers to it */
} MpSharedHeader;

typedef struct {
  const char  *name;                      /* as it appears in handles */
  gsize        size;                      /* of the structure in the arena, header included */
  GType      (*get_type) (void);          /* the GObject class that wraps it, or NULL */
  /* Frees what the object owns in the arena, one piece at a time, each by an intent; may be
   * repeated by another process if this one dies meanwhile. NULL: nothing but itself. */
  void       (*destroy)  (gpointer shared);
  /* After the thread with id @dead died while the object was its current one (slot->object):
   * takes and repairs the object's locks, wakes all who wait. Idempotent. FALSE: not now, since
   * somebody who lives is stopped with a lock. NULL: nothing to do. */
  gboolean   (*recover)  (gpointer shared, guint32 dead);
} MpKindInfo;

/* Once per kind, from a constructor function of the file that defines it. */
void              mp_kind_register      (MpKind             kind,
                                         const MpKindInfo  *info);
const MpKindInfo *mp_kind_get_info      (guint              kind);

/* From the constructed() of a class: opens the object that the handle property names, or else makes
 * a new zeroed one. @is_new tells which. NULL: failed; mp_shared_check() tells why. */
gpointer          mp_shared_construct   (MpShared          *self,
                                         MpKind             kind,
                                         gboolean          *is_new);

/* The object's structure in the arena, or NULL if @self has none that can be used here. */
gpointer          mp_shared_get_data    (MpShared          *self);

/* Consumes @self (transfer full) and reports why its construction failed, or returns it. */
gpointer          mp_shared_check       (gpointer           self,
                                         GError           **error);

/* Says that the object cannot be used because what it needs beside its block could not be had. */
void              mp_shared_fail        (MpShared          *self,
                                         MpStatus           status);
/* The same; consumes @error. */
void              mp_shared_fail_error  (MpShared          *self,
                                         GError            *error);

G_END_DECLS
