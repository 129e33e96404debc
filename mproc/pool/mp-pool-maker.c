/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * What makes a pool's workers, for all pools of a process; and the link by which results find their
 * pool.
 */

#include "config.h"

#include "mproc/pool/mp-pool-private.h"

#include "mproc/base/mp-error-private.h"
#include "mproc/pool/mp-worker-private.h"
#include "mproc/process/mp-process-private.h"

/* ── The link ───────────────────────────────────────────────────────────────────────────────── */

MpPoolLink *
mp_pool_link_new (MpPool *self)
{
  MpPoolLink *link = g_atomic_rc_box_new0 (MpPoolLink);

  g_weak_ref_init (&link->pool, self);

  return link;
}

static void
link_clear (gpointer link)
{
  g_weak_ref_clear (&((MpPoolLink *) link)->pool);
}

MpPoolLink *
mp_pool_link_ref (MpPoolLink *link)
{
  return g_atomic_rc_box_acquire (link);
}

void
mp_pool_link_unref (MpPoolLink *link)
{
  g_atomic_rc_box_release_full (link, link_clear);
}

/* ── The function that makes workers ────────────────────────────────────────────────────────── */

/* Guarded by the mutex; @n_users is the setting itself and each call that is under way. */
typedef struct {
  MpWorkerFunc   func;
  gpointer       user_data;
  GDestroyNotify notify;
  guint          n_users;
} WorkerMaker;

static WorkerMaker *maker;

static WorkerMaker *
use_maker (void)
{
  WorkerMaker *used;

  mp_pool_lock ();
  used = maker;
  if (used != NULL)
    used->n_users++;
  mp_pool_unlock ();

  return used;
}

static void
drop_maker (WorkerMaker *used)
{
  gboolean last;

  if (used == NULL)
    return;

  mp_pool_lock ();
  last = --used->n_users == 0;
  mp_pool_unlock ();

  if (last)
    {
      if (used->notify != NULL)
        used->notify (used->user_data);
      g_free (used);
    }
}

/**
 * mp_pool_set_worker_func:
 * @func: (scope notified) (nullable): makes workers, or %NULL for the default
 * @user_data: data for @func
 * @notify: (nullable): called when @func is not needed any more
 *
 * Sets how all pools of this process make workers from now on.
 *
 * A language binding sets it when it is loaded, so that workers know that language's functions.
 * The function is called in whichever thread uses the pool, with nothing locked; it must not use
 * the pool itself. By default, workers are forked and run functions of C.
 *
 * Since: 0.1
 */
void
mp_pool_set_worker_func (MpWorkerFunc   func,
                         gpointer       user_data,
                         GDestroyNotify notify)
{
  WorkerMaker *old;
  WorkerMaker *new_maker = NULL;

  if (func != NULL)
    {
      new_maker = g_new0 (WorkerMaker, 1);
      *new_maker = (WorkerMaker) { func, user_data, notify, 1 };
    }

  mp_pool_lock ();
  old = maker;
  maker = new_maker;
  mp_pool_unlock ();

  drop_maker (old);
}

/* The program that runs workers of a language, told to be one of a pool. */
static MpProcess *
make_foreign_worker (const char  *language,
                     const char  *handle,
                     GError     **error)
{
  g_auto (GStrv) words = mp_process_worker_words (language, error);
  guint n = words != NULL ? g_strv_length (words) : 0;

  if (words == NULL)
    return NULL;

  words = g_renew (char *, words, n + 3);
  words[n] = g_strdup ("worker");
  words[n + 1] = g_strdup (handle);
  words[n + 2] = NULL;

  return mp_process_new_command (NULL, (const char * const *) words);
}

/* For the attendant: a process not started yet. */
MpProcess *
mp_pool_make_worker (const char           *handle,
                     const char           *language,
                     const MpWorkerStart  *start,
                     GError              **error)
{
  WorkerMaker *used;
  MpProcess *process;

  if (language != NULL)
    return make_foreign_worker (language, handle, error);

  used = use_maker ();
  if (used != NULL)
    process = used->func (handle, used->user_data);
  else
    process = mp_worker_make_native_process (handle, start);
  drop_maker (used);

  if (process == NULL)
    g_set_error_literal (error, MP_ERROR, MP_ERROR_FAILED,
                         "The function that makes workers made no process");

  return process;
}
