/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The result from inside. Everything below @ready is written once, under the pool's mutex, before
 * @ready is; whoever has seen @ready may read it in any thread without the mutex.
 */

#pragma once

#include "mproc/pool/mp-pool-private.h"
#include "mproc/pool/mp-result-iterator.h"

G_BEGIN_DECLS

struct _MpResult
{
  GObject    parent_instance;

  MpPoolLink *link;         /* (owned) */
  int        owner;         /* the process that made it */
  guint64    id;
  gboolean   is_list;       /* a list of results, one for each item of a chunk */

  /* Under the mutex. */
  guint64    number;        /* of its message in the task queue; 0: not known yet */
  GSList    *ops;           /* operations that wait for it */
  GSList    *iterators;     /* that want to be told when it is ready; none owned */

  int        ready;         /* atomic */
  MpPayload *payload;       /* the value, or NULL */
  GError    *error;         /* why there is none */
  GVariant  *details;       /* of the error, a{sv} */
  int        pid;           /* of the worker; 0: none */
};

MpResult *mp_result_new              (MpPool            *pool,
                                      guint64            id,
                                      gboolean           is_list);

/* Under the mutex; one of the two, once. Take over what they are given. */
void      mp_result_take_payload     (MpResult          *self,
                                      MpPayload         *payload,
                                      int                pid);
void      mp_result_take_failure     (MpResult          *self,
                                      GError            *error,
                                      GVariant          *details,
                                      int                pid);

void      mp_result_notify_ready     (MpResult          *self);

static inline gboolean
mp_result_peek_ready (MpResult *self)
{
  return g_atomic_int_get (&self->ready);
}

/* Waits until it is ready, however the task went. */
MpStatus  mp_result_wait_until       (MpResult          *self,
                                      gint64             deadline,
                                      gboolean           interruptible,
                                      GCancellable      *cancellable);

/* A status of such a wait as an error for the caller. */
gboolean  mp_result_status_to_error  (MpStatus           status,
                                      GError           **error);

/* Of a result that is ready. */
GVariant *mp_result_get_value        (MpResult          *self,
                                      GError           **error);

/* For the pool, under the mutex: @result has become ready. */
void      mp_result_iterator_arrived (MpResultIterator  *self,
                                      MpResult          *result,
                                      MpPoolNews        *news);

G_END_DECLS
