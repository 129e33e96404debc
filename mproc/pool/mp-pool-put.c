/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * How a task's message gets into a task queue: the first time, by whoever gives it, and again, by
 * the attendant, if it is handed back by a worker or to be tried once more.
 *
 * The message of a task that may be tried again is kept as it is, with all that it refers to.
 */

#include "config.h"

#include "mproc/pool/mp-pool-private.h"

#include <string.h>

#include "mproc/base/mp-deadline-private.h"
#include "mproc/base/mp-error-private.h"
#include "mproc/memory/mp-attach-private.h"
#include "mproc/pool/mp-result-private.h"

/* ── Putting ────────────────────────────────────────────────────────────────────────────────── */

static void
copy_parts (guint8            *to,
            const MpQueuePart *parts,
            guint              n_parts)
{
  for (guint i = 0; i < n_parts; i++)
    {
      if (parts[i].size > 0)
        memcpy (to, parts[i].data, parts[i].size);
      to += parts[i].size;
    }
}

/* With what it refers to, for as long as the task may be tried again. */
static MpStatus
keep_in_block (MpTaskExtra       *extra,
               const MpQueuePart *parts,
               guint              n_parts,
               gsize              size)
{
  MpWaitLimits limits = { MP_DEADLINE_NEVER, NULL, FALSE };
  g_autoptr (GArray) references = mp_attach_claim ();
  MpOffset offset;
  guint32 lease;
  MpStatus status = mp_block_create (size, references, &limits, &offset, &lease);

  if (status != MP_STATUS_OK)
    return status;

  copy_parts (MP_BLOCK_DATA (offset), parts, n_parts);
  extra->block = mp_block_adopt (offset, lease);

  return extra->block != NULL ? MP_STATUS_OK : MP_STATUS_FAILED;
}

/* A task that may be tried again keeps its message. */
static MpStatus
keep_message (MpTaskExtra       *extra,
              guint              encoding,
              const MpQueuePart *parts,
              guint              n_parts)
{
  gsize size = 0;
  guint8 *copy;

  for (guint i = 0; i < n_parts; i++)
    size += parts[i].size;

  extra->encoding = encoding;
  if (size > MP_RING_INLINE_MAX || mp_attach_any ())
    return keep_in_block (extra, parts, n_parts, size);

  copy = g_malloc (size);
  copy_parts (copy, parts, n_parts);
  extra->message = g_bytes_new_take (copy, size);

  return MP_STATUS_OK;
}

/* Gives what is kept. */
static MpStatus
put_kept (MpPoolPrivate *priv,
          MpResult      *result,
          guint64       *number)
{
  MpTaskExtra *extra = result->extra;
  MpWaitLimits limits = { MP_DEADLINE_NEVER, NULL, FALSE };
  MpRing *ring = mp_shared_get_data (MP_SHARED (priv->lanes[result->lane]));
  MpQueuePart part;
  MpOffset offset;
  guint32 lease;
  MpStatus status;

  if (extra->message != NULL)
    {
      part.data = g_bytes_get_data (extra->message, &part.size);
      return mp_queue_put_parts (priv->lanes[result->lane], extra->encoding, &part, 1,
                                 MP_DEADLINE_NEVER, FALSE, NULL, number);
    }

  status = mp_block_lease (extra->block, &offset, &lease);
  if (status != MP_STATUS_OK)
    return status;

  status = mp_ring_put_block (ring, extra->encoding, offset, lease, &limits, number);
  if (status != MP_STATUS_OK)
    mp_lease_drop (lease);

  return status;
}

/* Workers wait on the normal queue. */
static void
wake_for_lane (MpPoolPrivate *priv,
               guint          lane)
{
  if (lane != MP_POOL_LANE_NORMAL)
    mp_queue_kick (priv->lanes[MP_POOL_LANE_NORMAL]);
}

MpStatus
mp_pool_put_task (MpPoolPrivate     *priv,
                  MpResult          *result,
                  guint              encoding,
                  const MpQueuePart *parts,
                  guint              n_parts,
                  guint64           *number)
{
  MpStatus status = MP_STATUS_OK;

  if (result->extra == NULL || result->extra->retries == 0)
    {
      status = mp_queue_put_parts (priv->lanes[result->lane], encoding, parts, n_parts,
                                   MP_DEADLINE_NEVER, FALSE, NULL, number);
    }
  else
    {
      status = keep_message (result->extra, encoding, parts, n_parts);
      if (status == MP_STATUS_OK)
        status = put_kept (priv, result, number);
    }

  if (status == MP_STATUS_OK)
    wake_for_lane (priv, result->lane);

  return status;
}

/* ── Again ──────────────────────────────────────────────────────────────────────────────────── */

/* Under the mutex: the put did not succeed. */
static void
fail_put (MpPool     *self,
          MpResult   *result,
          MpStatus    status,
          MpPoolNews *news)
{
  GError *error = NULL;

  if (mp_status_to_error (status, &error))
    return;

  if (mp_result_peek_ready (result))
    {
      g_clear_error (&error);
      return;
    }
  mp_result_take_failure (result, error, NULL, 0);
  mp_pool_complete (self, result, news);
}

gboolean
mp_pool_retry (MpPool     *self,
               MpResult   *result,
               MpPoolNews *news)
{
  MpPoolPrivate *priv = mp_pool_get_private (self);
  guint64 number = 0;
  MpStatus status;
  gboolean again;

  mp_pool_lock ();
  again = result->extra != NULL && result->extra->retries > 0 && !mp_result_peek_ready (result)
          && priv->state != MP_POOL_TERMINATED;
  if (again)
    {
      result->extra->retries--;
      result->extra->n_tries++;
      priv->counts.n_retried++;
      priv->n_putting++;
    }
  mp_pool_unlock ();
  if (!again)
    return FALSE;

  status = put_kept (priv, result, &number);
  mp_pool_lock ();
  priv->n_putting--;
  result->number = number;
  fail_put (self, result, status, news);
  mp_pool_unlock ();
  wake_for_lane (priv, result->lane);

  return TRUE;
}

/* For the attendant: a worker has handed a task back, whose message this is. */
void
mp_pool_put_again (MpPool       *self,
                   MpResult     *result,
                   guint         encoding,
                   const guint8 *message,
                   gsize         size,
                   MpPoolNews   *news)
{
  MpPoolPrivate *priv = mp_pool_get_private (self);
  MpQueuePart part = { message, size };
  guint64 number = 0;
  MpStatus status;

  mp_pool_lock ();
  priv->n_putting++;
  mp_pool_unlock ();

  status = mp_queue_put_parts (priv->lanes[result->lane], encoding, &part, 1, MP_DEADLINE_NEVER,
                               FALSE, NULL, &number);

  mp_pool_lock ();
  priv->n_putting--;
  result->number = number;
  fail_put (self, result, status, news);
  mp_pool_unlock ();
  wake_for_lane (priv, result->lane);
}
