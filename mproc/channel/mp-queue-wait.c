/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * How a queue is waited for. Every blocking call is the same loop: try; if there is nothing, wait
 * on the ring's event until there may be; try again.
 */

#include "config.h"

#include "mproc/channel/mp-queue-private.h"

#include "mproc/memory/mp-recover-private.h"
#include "mproc/sync/mp-wait-private.h"

static MpRing *
get_ring (MpQueue *self)
{
  return mp_shared_get_data (MP_SHARED (self));
}

/* Before a put fails for want of memory: what the dead still hold is memory too. */
static MpStatus
put_once (MpRing             *ring,
          guint               encoding,
          const MpRingPart   *parts,
          guint               n_parts,
          const MpWaitLimits *limits,
          guint64            *number)
{
  MpStatus status = mp_ring_put (ring, encoding, parts, n_parts, limits, number);

  if (G_LIKELY (status != MP_STATUS_NO_SPACE))
    return status;

  mp_recover_sweep ();
  return mp_ring_put (ring, encoding, parts, n_parts, limits, number);
}

static MpStatus
put_until (MpQueue            *self,
           guint               encoding,
           const MpRingPart   *parts,
           guint               n_parts,
           const MpWaitLimits *limits,
           guint64            *number)
{
  MpRing *ring = get_ring (self);
  gboolean slept = FALSE;
  MpStatus status;

  if (ring == NULL)
    return MP_STATUS_INVALID;

  while ((status = put_once (ring, encoding, parts, n_parts, limits, number)) ==
         MP_STATUS_TIMED_OUT)
    {
      if (limits->deadline <= g_get_monotonic_time ())
        return MP_STATUS_TIMED_OUT;
      status = mp_event_wait (&ring->writable, mp_ring_writable, ring, ring, limits, &slept);
      if (status != MP_STATUS_OK)
        return status;
    }
  if (slept && status == MP_STATUS_OK)
    mp_event_pass_on (&ring->writable, mp_ring_writable, ring);

  return status;
}

MpStatus
mp_queue_get_until (MpQueue            *self,
                    guint8             *buffer,
                    gsize               size,
                    guint64            *lease,
                    const MpWaitLimits *limits,
                    MpRingMessage      *message)
{
  MpRing *ring = get_ring (self);
  gboolean slept = FALSE;
  MpStatus status;

  if (ring == NULL)
    return MP_STATUS_INVALID;

  while ((status = mp_ring_get (ring, buffer, size, lease, limits, message)) ==
         MP_STATUS_TIMED_OUT)
    {
      if (limits->deadline <= g_get_monotonic_time ())
        return MP_STATUS_TIMED_OUT;
      status = mp_event_wait (&ring->readable, mp_ring_readable, ring, ring, limits, &slept);
      if (status != MP_STATUS_OK)
        return status;
    }
  if (slept && status == MP_STATUS_OK)
    mp_event_pass_on (&ring->readable, mp_ring_readable, ring);

  return status;
}

MpStatus
mp_queue_put_parts (MpQueue           *self,
                    guint              encoding,
                    const MpQueuePart *parts,
                    guint              n_parts,
                    gint64             deadline,
                    gboolean           interruptible,
                    GCancellable      *cancellable,
                    guint64           *number)
{
  MpWaitLimits limits = { deadline, cancellable, interruptible };

  if (g_cancellable_is_cancelled (cancellable))
    return MP_STATUS_CANCELLED;

  return put_until (self, encoding, parts, n_parts, &limits, number);
}

MpStatus
mp_queue_take (MpQueue       *self,
               guint64       *lease,
               gint64         deadline,
               gboolean       interruptible,
               GCancellable  *cancellable,
               guint         *encoding,
               guint8       **data,
               gsize         *size)
{
  MpWaitLimits limits = { deadline, cancellable, interruptible };
  guint8 buffer[MP_RING_INLINE_MAX];
  MpRingMessage message = { 0 };
  MpStatus status;

  *encoding = 0;
  *data = NULL;
  *size = 0;
  if (g_cancellable_is_cancelled (cancellable))
    return MP_STATUS_CANCELLED;

  status = mp_queue_get_until (self, buffer, sizeof buffer, lease, &limits, &message);
  if (status != MP_STATUS_OK)
    return status;

  *encoding = message.encoding;
  *size = message.size;
  *data = message.data;
  if (*data == NULL && *size > 0)
    *data = g_memdup2 (buffer, *size);

  return MP_STATUS_OK;
}

gboolean
mp_queue_was_taken (MpQueue *self,
                    guint64  number)
{
  MpRing *ring = get_ring (self);

  return ring != NULL && mp_ring_n_taken (ring) >= number;
}

MpStatus
mp_queue_wait_readable (MpQueue      *self,
                        gint64        deadline,
                        GCancellable *cancellable)
{
  MpRing *ring = get_ring (self);
  MpWaitLimits limits = { deadline, cancellable, TRUE };
  gboolean slept;
  MpStatus status;

  if (ring == NULL)
    return MP_STATUS_INVALID;

  status = mp_event_wait (&ring->readable, mp_ring_readable, ring, ring, &limits, &slept);
  if (status == MP_STATUS_OK && slept)
    mp_event_pass_on (&ring->readable, mp_ring_readable, ring);

  return status;
}

void
mp_queue_kick (MpQueue *self)
{
  MpRing *ring = get_ring (self);

  if (ring != NULL)
    {
      mp_event_wake_all (&ring->readable);
      mp_event_wake_all (&ring->writable);
    }
}

gboolean
mp_queue_is_readable (MpQueue *self)
{
  MpRing *ring = get_ring (self);

  return ring == NULL || mp_ring_readable (ring);
}
