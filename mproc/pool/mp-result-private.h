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

/* The results of a map that stops at the first error. Under the mutex. */
struct _MpTaskGroup
{
  guint     n_left;
  MpResult *failed;         /* (owned) the first one */
  GSList   *ops;
};

/* What only some tasks have, so that a million of them may wait. */
typedef struct {
  char         *name;
  guint         retries;        /* left */
  gboolean      retry_errors;
  MpTaskLimits  limits;
  guint         encoding;       /* of the message, kept to be put again, */
  GBytes       *message;        /* as it is … */
  MpBlock      *block;          /* … or in shared memory */
  GCancellable *cancellable;
  gulong        cancel_id;
  MpTaskGroup  *group;          /* (owned) */

  /* Under the mutex. */
  GSList       *ops;            /* operations that wait for the result */
  GVariant     *details;        /* of its error, a{sv} */
  guint         n_tries;        /* that were in vain */
  double        progress;
  char         *progress_text;
  GString      *output;
} MpTaskExtra;

struct _MpResult
{
  GObject    parent_instance;

  MpPoolLink *link;         /* (owned) */
  guint64    id;
  guint      is_list : 1;   /* a list of results, one for each item of a chunk */
  guint      lane : 2;      /* the queue that its task is put into */
  guint      failure : 5;   /* MpTaskFailure */

  int        ready;         /* atomic */
  int        pid;           /* of the worker; 0: none */
  int        owner;         /* the process that made it */

  /* Under the mutex. */
  guint64    number;        /* of its message in the task queue; 0: not known yet */
  GSList    *iterators;     /* that want to be told when it is ready; none owned */
  MpTaskExtra *extra;       /* (owned) or NULL */

  MpPayload *payload;       /* the value, or NULL */
  GError    *error;         /* why there is none */
};

MpResult *mp_result_new              (MpPool            *pool,
                                      gboolean           is_list);

/* (transfer full) (nullable): one that no pool made has none. */
MpPool   *mp_result_get_pool         (MpResult          *self);

void      mp_task_extra_free         (MpTaskExtra       *self);

/* Made if there is none. Under the mutex, or before anybody else knows the result. */
MpTaskExtra *mp_result_get_extra     (MpResult          *self);

MpTaskGroup *mp_task_group_new       (guint              n);
MpTaskGroup *mp_task_group_ref       (MpTaskGroup       *self);
void         mp_task_group_unref     (MpTaskGroup       *self);

/* Under the mutex; one of the two, once. Take over what they are given. */
void      mp_result_take_payload     (MpResult          *self,
                                      MpPayload         *payload,
                                      int                pid);
void      mp_result_take_failure     (MpResult          *self,
                                      GError            *error,
                                      GVariant          *details,
                                      int                pid);

/* The same, for what the pool itself knows. Sets more of the details, if there are any. */
void      mp_result_take_verdict     (MpResult          *self,
                                      MpTaskFailure      failure,
                                      GError            *error,
                                      int                pid,
                                      int                exit_code);

void      mp_result_notify_ready     (MpResult          *self);
void      mp_result_notify_progress  (MpResult          *self);
void      mp_result_notify_output    (MpResult          *self);
/* Once it is ready: nothing cancels it any more. Without the mutex. */
void      mp_result_drop_cancellable (MpResult          *self);

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
