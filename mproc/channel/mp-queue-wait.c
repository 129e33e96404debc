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

#include <string.h>

#include "mproc/base/mp-error-private.h"
#include "mproc/base/mp-payload-private.h"
#include "mproc/channel/mp-ring-fast-private.h"
#include "mproc/memory/mp-attach-private.h"
#include "mproc/memory/mp-recover-private.h"
#include "mproc/sync/mp-wait-private.h"

static MpRing *
get_ring (MpQueue *self)
{
  return mp_shared_get_data (MP_SHARED (self));
}

/* --- Putting ------------------------------------------------------------------------------- */

/* What is on its way into a queue: the parts of one message, or the block that they are in already;
 * or a batch, each of whose messages is a part. */
typedef struct {
  guint             encoding;
  const MpRingPart *parts;
  guint             n_parts;
  MpOffset          block;
  guint32           lease;
  guint            *n_put;      /* of a batch; else NULL */
} Outgoing;

static MpStatus
put_once (MpRing             *ring,
          const Outgoing     *message,
          const MpWaitLimits *limits,
          guint64            *number)
{
  if (message->n_put != NULL)
    return mp_ring_put_batch (ring, message->encoding, message->parts, message->n_parts, limits,
                              message->n_put);
  if (message->block != 0)
    return mp_ring_put_block (ring, message->encoding, message->block, message->lease, limits,
                              number);

  return mp_ring_put (ring, message->encoding, message->parts, message->n_parts, limits, number);
}

/* Whoever slept hands the wake-up on that it may have had, even if it gives up. */
static MpStatus
end_put (MpRing   *ring,
         gboolean  slept,
         MpStatus  status)
{
  if (slept)
    mp_event_pass_on (&ring->writable, mp_ring_writable, ring);

  return status;
}

static MpStatus
end_get (MpRing   *ring,
         gboolean  slept,
         MpStatus  status)
{
  if (slept)
    mp_event_pass_on (&ring->readable, mp_ring_readable, ring);

  return status;
}

static MpStatus
put_until (MpRing             *ring,
           const Outgoing     *message,
           const MpWaitLimits *limits,
           guint64            *number)
{
  gboolean slept = FALSE;
  gboolean swept = FALSE;
  MpStatus status;

  while ((status = put_once (ring, message, limits, number)) != MP_STATUS_OK)
    {
      /* Before a put fails for want of memory: what the dead still hold is memory too. */
      if (status == MP_STATUS_NO_SPACE && !swept)
        {
          mp_recover_sweep ();
          swept = TRUE;
          continue;
        }
      if (status != MP_STATUS_TIMED_OUT || mp_deadline_passed (limits->deadline))
        break;
      status = mp_word_wait (&ring->writable, mp_ring_writable, ring, ring, limits, &slept);
      if (status != MP_STATUS_OK)
        break;
    }

  return end_put (ring, slept, status);
}

static MpStatus
create_block (gsize               size,
              GArray             *references,
              const MpWaitLimits *limits,
              Outgoing           *message)
{
  MpStatus status = mp_block_create (size, references, limits, &message->block, &message->lease);

  if (status != MP_STATUS_NO_SPACE)
    return status;

  mp_recover_sweep ();
  return mp_block_create (size, references, limits, &message->block, &message->lease);
}

static MpStatus
make_block (Outgoing           *message,
            gsize               size,
            GArray             *references,
            const MpWaitLimits *limits)
{
  MpStatus status = create_block (size, references, limits, message);
  guint8 *to;

  if (status != MP_STATUS_OK)
    return status;

  to = MP_BLOCK_DATA (message->block);
  for (guint i = 0; i < message->n_parts; i++)
    {
      if (message->parts[i].size > 0)
        memcpy (to, message->parts[i].data, message->parts[i].size);
      to += message->parts[i].size;
    }

  return MP_STATUS_OK;
}

/* Before much is copied for what cannot be put yet, and maybe never. */
static MpStatus
wait_for_room (MpRing             *ring,
               const MpWaitLimits *limits)
{
  gboolean slept = FALSE;
  MpStatus status;

  if (G_LIKELY (mp_ring_writable (ring)))
    return MP_STATUS_OK;

  status = mp_word_wait (&ring->writable, mp_ring_writable, ring, ring, limits, &slept);
  return end_put (ring, slept, status);
}

static MpStatus
put_as_block (MpRing             *ring,
              Outgoing           *message,
              gsize               size,
              const MpWaitLimits *limits,
              guint64            *number)
{
  GArray *references = mp_attach_claim ();
  MpStatus status = wait_for_room (ring, limits);

  if (status == MP_STATUS_OK)
    status = make_block (message, size, references, limits);

  if (status == MP_STATUS_OK)
    {
      status = put_until (ring, message, limits, number);
      if (status != MP_STATUS_OK)
        mp_lease_drop (message->lease);
    }
  if (status == MP_STATUS_INTERRUPTED)
    mp_attach_restore (references);
  else if (references != NULL)
    g_array_unref (references);

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
  Outgoing message = { .encoding = encoding, .parts = parts, .n_parts = n_parts };
  MpRing *ring = get_ring (self);
  gsize size = 0;

  if (ring == NULL)
    return MP_STATUS_INVALID;
  if (g_cancellable_is_cancelled (cancellable))
    return MP_STATUS_CANCELLED;
  for (guint i = 0; i < n_parts; i++)
    if (__builtin_add_overflow (size, parts[i].size, &size))
      return MP_STATUS_NO_SPACE;

  if (G_UNLIKELY (size > MP_RING_INLINE_MAX || ring->joinable || mp_attach_any ()))
    return put_as_block (ring, &message, size, &limits, number);

  return put_until (ring, &message, &limits, number);
}

MpStatus
mp_queue_put_block_until (MpQueue            *self,
                          guint               encoding,
                          MpBlock            *block,
                          const MpWaitLimits *limits)
{
  Outgoing message = { .encoding = encoding };
  MpRing *ring = get_ring (self);
  MpStatus status = MP_STATUS_OK;
  gboolean given;

  if (ring == NULL)
    return MP_STATUS_INVALID;
  if (g_cancellable_is_cancelled (limits->cancellable))
    return MP_STATUS_CANCELLED;

  given = mp_block_give (block, &message.block, &message.lease);
  if (!given)
    status = mp_block_lease (block, &message.block, &message.lease);
  if (status != MP_STATUS_OK)
    return status;

  status = put_until (ring, &message, limits, NULL);
  if (given && status == MP_STATUS_OK)
    mp_block_gave (block);
  else if (!given && status != MP_STATUS_OK)
    mp_lease_drop (message.lease);

  return status;
}

MpStatus
mp_queue_put_encoded (MpQueue            *self,
                      MpPayload          *payload,
                      const MpWaitLimits *limits)
{
  MpBlock *block = mp_payload_get_holder (payload);
  guint encoding = mp_payload_get_encoding (payload);
  gboolean attached = mp_attach_payload (payload);
  MpStatus status;
  MpQueuePart part;

  part.data = g_bytes_get_data (mp_payload_get_bytes (payload), &part.size);
  if (block != NULL && mp_block_get_data (block, NULL) == part.data &&
      mp_block_get_size (block) == part.size && !mp_attach_any ())
    return mp_queue_put_block_until (self, encoding, block, limits);

  if (block != NULL)
    mp_attach_block (block);
  status = mp_queue_put_parts (self, encoding, &part, 1, limits->deadline, limits->interruptible,
                               limits->cancellable, NULL);

  /* Another try attaches them again. */
  if (attached || block != NULL)
    mp_shared_detach_all ();
  return status;
}

MpStatus
mp_queue_put_some (MpQueue            *self,
                   guint               encoding,
                   const MpRingPart   *items,
                   guint               n_items,
                   const MpWaitLimits *limits,
                   guint              *n_put)
{
  const Outgoing batch = { .encoding = encoding, .parts = items, .n_parts = n_items,
                           .n_put = n_put };
  MpRing *ring = get_ring (self);

  *n_put = 0;
  return ring != NULL ? put_until (ring, &batch, limits, NULL) : MP_STATUS_INVALID;
}

/* --- Taking -------------------------------------------------------------------------------- */

static MpStatus
get_once (MpRing             *ring,
          guint8             *buffer,
          gsize               size,
          gboolean            views,
          guint64            *lease,
          const MpWaitLimits *limits,
          MpRingMessage      *message)
{
  if (lease == NULL)
    {
      message->encoding = mp_ring_get_fast (ring, buffer, size, &message->size);
      message->block = 0;
      if (message->encoding != 0)
        return MP_STATUS_OK;
    }

  return mp_ring_get (ring, buffer, size, views, lease, limits, message);
}

MpStatus
mp_queue_get_until (MpQueue            *self,
                    guint8             *buffer,
                    gsize               size,
                    gboolean            views,
                    guint64            *lease,
                    const MpWaitLimits *limits,
                    MpRingMessage      *message)
{
  MpRing *ring = get_ring (self);
  gboolean slept = FALSE;
  gboolean looked = FALSE;
  MpStatus status;

  if (ring == NULL)
    return MP_STATUS_INVALID;

  while ((status = get_once (ring, buffer, size, views, lease, limits, message)) ==
         MP_STATUS_TIMED_OUT)
    {
      if (G_UNLIKELY (ring->joinable) && !looked)
        {
          mp_ring_look_for_lost (ring);
          looked = TRUE;
          continue;
        }
      if (mp_deadline_passed (limits->deadline))
        break;
      status = mp_word_wait (&ring->readable, mp_ring_readable, ring, ring, limits, &slept);
      if (status != MP_STATUS_OK)
        break;
    }

  return end_get (ring, slept, status);
}

MpStatus
mp_queue_take (MpQueue       *self,
               guint64       *lease,
               gint64         deadline,
               gboolean       interruptible,
               GCancellable  *cancellable,
               guint         *encoding,
               GBytes       **bytes,
               MpBlock      **block)
{
  MpWaitLimits limits = { deadline, cancellable, interruptible };
  guint8 buffer[MP_RING_INLINE_MAX];
  MpRingMessage message = { 0 };
  MpBlock *came_in = NULL;
  MpStatus status;

  *encoding = 0;
  *bytes = NULL;
  if (block != NULL)
    *block = NULL;
  if (g_cancellable_is_cancelled (cancellable))
    return MP_STATUS_CANCELLED;

  status = mp_queue_get_until (self, buffer, sizeof buffer, TRUE, lease, &limits, &message);
  if (status != MP_STATUS_OK)
    return status;

  *encoding = message.encoding;
  if (message.block != 0)
    came_in = mp_block_adopt (message.block, message.lease);
  *bytes = came_in != NULL ? mp_block_get_bytes (came_in) : g_bytes_new (buffer, message.size);
  if (block != NULL)
    *block = g_steal_pointer (&came_in);
  if (came_in != NULL)
    mp_block_unref (came_in);

  return MP_STATUS_OK;
}

/* --- Looking ------------------------------------------------------------------------------- */

gboolean
mp_queue_report (MpStatus   status,
                 gint64     deadline,
                 int        at_once,
                 GError   **error)
{
  if (status != MP_STATUS_TIMED_OUT)
    return mp_status_to_error (status, error);

  g_set_error_literal (error, MP_ERROR,
                       deadline == MP_DEADLINE_NOW ? at_once : (int) MP_ERROR_TIMED_OUT,
                       at_once == MP_ERROR_FULL ? "The queue is full" : "The queue is empty");
  return FALSE;
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
  gboolean slept = FALSE;
  MpStatus status;

  if (ring == NULL)
    return MP_STATUS_INVALID;

  status = mp_word_wait (&ring->readable, mp_ring_readable, ring, ring, &limits, &slept);
  return end_get (ring, slept, status);
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

  if (ring == NULL)
    return TRUE;

  mp_event_listen (&ring->readable);
  return mp_ring_readable (ring);
}

gboolean
mp_queue_is_writable (MpQueue *self)
{
  MpRing *ring = get_ring (self);

  if (ring == NULL)
    return TRUE;

  mp_event_listen (&ring->writable);
  return mp_ring_writable (ring);
}
