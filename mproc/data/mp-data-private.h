/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * What the shared objects that hold data have in common: a block of a size of its own, and other
 * shared objects that they need.
 */

#pragma once

#include "mproc/memory/mp-heap-private.h"
#include "mproc/memory/mp-shared-private.h"
#include "mproc/sync/mp-lock.h"

G_BEGIN_DECLS

/* A block that belongs to a shared object. */
typedef struct {
  guint32  guard;
  guint32  unused;
  guint64  offset;              /* 0: none */
  MpIntent intent;
} MpDataBlock;

/* Another shared object, which lives as long as this one. */
typedef struct {
  MpOffset offset;              /* a reference; 0: none */
  guint32  kind;
  guint32  serial;
} MpDataLink;

/* Gives the new object at @shared, of which @block is a part, @size zeroed bytes. */
MpStatus  mp_data_block_begin   (gpointer          shared,
                                 MpDataBlock      *block,
                                 gsize             size);
/* For destroy(). */
void      mp_data_block_free    (MpDataBlock      *block);
/* For recover(). */
gboolean  mp_data_block_recover (MpDataBlock      *block);

/* Of a new object. @target may be NULL. FALSE: it cannot be used. */
gboolean  mp_data_link_set      (MpDataLink       *link,
                                 gpointer          target);
/* For destroy(). */
void      mp_data_link_drop     (MpDataLink       *link);
/* NULL, without an error, if there is none. */
gpointer  mp_data_link_open     (const MpDataLink *link,
                                 GError          **error);

/* The lock of an object just constructed: *@lock is what was given, and becomes the one that
 * @link names, or a new MpRLock if @own. */
MpStatus  mp_data_lock_begin    (MpDataLink       *link,
                                 MpLock          **lock,
                                 gboolean          is_new,
                                 gboolean          own);

G_END_DECLS
