/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The results that wait, by the number of their task.
 *
 * Numbers are given in order and most results come in about that order, so the table is a number of
 * pages, each for a run of numbers, that come and go: eight bytes for each task that waits, and
 * mostly the same page for one lookup after the other. It is guarded by the pools' mutex.
 */

#pragma once

#include "mproc/pool/mp-result.h"

G_BEGIN_DECLS

typedef struct _MpWaitingPage MpWaitingPage;

typedef struct {
  GHashTable    *pages;     /* number of the page → (owned) page */
  MpWaitingPage *last;      /* that was used last, or NULL */
  guint          size;
} MpWaiting;

/* TRUE: go on. It may not change the table. */
typedef gboolean (*MpWaitingFunc) (MpResult *result,
                                   gpointer  data);

void      mp_waiting_init    (MpWaiting     *self);
/* Drops what it has. */
void      mp_waiting_clear   (MpWaiting     *self);
/* Takes over @result. */
void      mp_waiting_insert  (MpWaiting     *self,
                              guint64        id,
                              MpResult      *result);
MpResult *mp_waiting_lookup  (MpWaiting     *self,
                              guint64        id);
/* (transfer full) (nullable) */
MpResult *mp_waiting_steal   (MpWaiting     *self,
                              guint64        id);
/* The one with which @func stopped, or NULL. */
MpResult *mp_waiting_find    (MpWaiting     *self,
                              MpWaitingFunc  func,
                              gpointer       data);
/* All of them: (owned). */
GPtrArray *mp_waiting_list   (MpWaiting     *self);

G_END_DECLS
