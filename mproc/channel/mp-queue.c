/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * MpQueue: the GObject face of a ring, in the idiom of C and Vala. The calls for bindings are in
 * mp-queue-raw.c.
 *
 * The waiting is in mp-queue-wait.c. No thread, no descriptor, no private state: the object can be
 * used by any number of threads and processes at once.
 */

#include "config.h"

#include "mproc/channel/mp-queue-private.h"

#include <string.h>

#include "mproc/base/mp-deadline-private.h"
#include "mproc/base/mp-error-private.h"
#include "mproc/channel/mp-ring-private.h"

/**
 * MpQueue:
 *
 * A queue of values between processes: any process of the family may put, any may get.
 *
 * What one process puts arrives in the order in which it put it. A message is delivered to one
 * consumer. A process may be killed at any moment: what it had put stays, what it had taken is
 * gone with it, and everyone else goes on.
 *
 * The value is a #GVariant of any type; a Python or JavaScript program at the other end sees a
 * natural value of its own. Large messages, too, are limited by the family's memory only
 * ([func@Mp.memory_set_limit]).
 *
 * ```c
 * g_autoptr (MpQueue) queue = mp_queue_new (0, &error);
 *
 * mp_queue_put (queue, g_variant_new_string ("hello"), -1, NULL, &error);
 * value = mp_queue_get (queue, 5.0, NULL, &error);
 * ```
 *
 * Since: 0.1
 */

enum {
  PROP_MAX_ITEMS = 1,
  PROP_CLOSED,
  N_PROPS,
};

static GParamSpec *properties[N_PROPS];

typedef struct {
  guint max_items;
} MpQueuePrivate;

G_DEFINE_TYPE_WITH_PRIVATE (MpQueue, mp_queue, MP_TYPE_SHARED)

static const MpKindInfo queue_kind = {
  .name = "queue",
  .size = sizeof (MpRing),
  .get_type = mp_queue_get_type,
  .destroy = mp_ring_destroy,
  .recover = mp_ring_recover,
};

__attribute__ ((constructor)) static void
register_kind (void)
{
  mp_kind_register (MP_KIND_QUEUE, &queue_kind);
}

static MpRing *
get_ring (MpQueue *self)
{
  return mp_shared_get_data (MP_SHARED (self));
}

/* A wait that ended because there was no room or nothing there says so. */
static gboolean
report (MpStatus   status,
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

/* --- The object ---------------------------------------------------------------------------- */

static void
mp_queue_constructed (GObject *object)
{
  MpQueue *self = MP_QUEUE (object);
  MpQueuePrivate *priv = mp_queue_get_instance_private (self);
  gboolean is_new;
  MpRing *ring = mp_shared_construct (MP_SHARED (self), MP_KIND_QUEUE, &is_new);

  G_OBJECT_CLASS (mp_queue_parent_class)->constructed (object);

  if (ring == NULL || !is_new)
    return;

  ring->max = priv->max_items;
  if (mp_ring_begin (ring) != MP_STATUS_OK)
    mp_shared_fail (MP_SHARED (self), MP_STATUS_NO_SPACE);
}

static char *
mp_queue_to_string (MpShared *shared)
{
  MpQueue *self = MP_QUEUE (shared);
  guint max = mp_queue_get_max_items (self);
  const char *state = mp_queue_is_closed (self) ? ", closed" : "";

  if (max == 0)
    return g_strdup_printf ("<Queue(%u items%s)>", mp_queue_qsize (self), state);

  return g_strdup_printf ("<Queue(%u of %u items%s)>", mp_queue_qsize (self), max, state);
}

static void
mp_queue_get_property (GObject    *object,
                       guint       property,
                       GValue     *value,
                       GParamSpec *pspec)
{
  MpQueue *self = MP_QUEUE (object);

  switch (property)
    {
    case PROP_MAX_ITEMS:
      g_value_set_uint (value, mp_queue_get_max_items (self));
      break;
    case PROP_CLOSED:
      g_value_set_boolean (value, mp_queue_is_closed (self));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, property, pspec);
    }
}

static void
mp_queue_set_property (GObject      *object,
                       guint         property,
                       const GValue *value,
                       GParamSpec   *pspec)
{
  MpQueuePrivate *priv = mp_queue_get_instance_private (MP_QUEUE (object));

  if (property == PROP_MAX_ITEMS)
    priv->max_items = g_value_get_uint (value);
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, property, pspec);
}

static void
mp_queue_class_init (MpQueueClass *class)
{
  GObjectClass *object_class = G_OBJECT_CLASS (class);

  object_class->constructed = mp_queue_constructed;
  object_class->get_property = mp_queue_get_property;
  object_class->set_property = mp_queue_set_property;
  MP_SHARED_CLASS (class)->to_string = mp_queue_to_string;

  /**
   * MpQueue:max-items: (getter get_max_items)
   *
   * How many messages the queue may hold; 0 for no bound.
   *
   * Since: 0.1
   */
  properties[PROP_MAX_ITEMS] =
    g_param_spec_uint ("max-items", NULL, NULL, 0, G_MAXUINT, 0,
                       G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  /**
   * MpQueue:closed: (getter is_closed)
   *
   * Whether the queue was closed by any process. Changes are not notified.
   *
   * Since: 0.1
   */
  properties[PROP_CLOSED] =
    g_param_spec_boolean ("closed", NULL, NULL, FALSE,
                          G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
mp_queue_init (MpQueue *self G_GNUC_UNUSED)
{
}

/**
 * mp_queue_new:
 * @max_items: how many messages it may hold, or 0 for no bound
 * @error: return location for an error
 *
 * Makes a new queue in the family's shared memory.
 *
 * Errors: [error@Mp.Error.NO_SPACE]; a [error@Gio.IOErrorEnum] if there can be no shared memory.
 *
 * Returns: (transfer full): the queue
 *
 * Since: 0.1
 */
MpQueue *
mp_queue_new (guint     max_items,
              GError  **error)
{
  return mp_shared_check (g_object_new (MP_TYPE_QUEUE, "max-items", max_items, NULL), error);
}

/**
 * mp_queue_get_max_items: (get-property max-items)
 * @self: a queue
 *
 * Gets how many messages the queue may hold.
 *
 * Returns: the bound, or 0 if there is none
 *
 * Since: 0.1
 */
guint
mp_queue_get_max_items (MpQueue *self)
{
  MpRing *ring;

  g_return_val_if_fail (MP_IS_QUEUE (self), 0);

  ring = get_ring (self);
  return ring != NULL ? (guint) ring->max : 0;
}

/**
 * mp_queue_put:
 * @self: a queue
 * @value: the value; a floating reference is sunk
 * @timeout: how many seconds to wait for room; negative for no limit
 * @cancellable: (nullable): a #GCancellable
 * @error: return location for an error
 *
 * Puts a value at the end of the queue, waiting while the queue is full.
 *
 * Errors: [error@Mp.Error.TIMED_OUT] ([error@Mp.Error.FULL] if @timeout is 0),
 * [error@Mp.Error.CLOSED], [error@Mp.Error.NO_SPACE] if the family's memory has reached its
 * limit, [error@Mp.Error.INVALID_STATE] if the queue cannot be used in this process,
 * `G_IO_ERROR_CANCELLED`. After an error nothing was put.
 *
 * Returns: %TRUE if the value was put
 *
 * Since: 0.1
 */
gboolean
mp_queue_put (MpQueue       *self,
              GVariant      *value,
              double         timeout,
              GCancellable  *cancellable,
              GError       **error)
{
  g_autoptr (MpPayload) payload = NULL;

  g_return_val_if_fail (MP_IS_QUEUE (self), FALSE);
  g_return_val_if_fail (value != NULL, FALSE);

  payload = mp_payload_new_variant (value);
  return mp_queue_put_payload (self, payload, timeout, cancellable, error);
}

/**
 * mp_queue_try_put:
 * @self: a queue
 * @value: the value; a floating reference is sunk
 * @error: return location for an error
 *
 * Puts a value at the end of the queue if there is room now.
 *
 * Errors: [error@Mp.Error.FULL], and those of [method@Mp.Queue.put].
 *
 * Returns: %TRUE if the value was put
 *
 * Since: 0.1
 */
gboolean
mp_queue_try_put (MpQueue   *self,
                  GVariant  *value,
                  GError   **error)
{
  return mp_queue_put (self, value, 0, NULL, error);
}

/**
 * mp_queue_get:
 * @self: a queue
 * @timeout: how many seconds to wait for a value; negative for no limit
 * @cancellable: (nullable): a #GCancellable
 * @error: return location for an error
 *
 * Takes the first value, waiting while the queue is empty.
 *
 * A value that was put by another language arrives as the canonical #GVariant for it.
 *
 * Errors: [error@Mp.Error.TIMED_OUT] ([error@Mp.Error.EMPTY] if @timeout is 0),
 * [error@Mp.Error.CLOSED] once the queue is closed and empty, [error@Mp.Error.NOT_PLAIN] if
 * only the language that put the value can read it (it is taken all the same: use
 * [method@Mp.Queue.get_payload] to be able to pass it on), [error@Mp.Error.INVALID_STATE] if the
 * queue cannot be used in this process, `G_IO_ERROR_CANCELLED`.
 *
 * Returns: (transfer full): the value
 *
 * Since: 0.1
 */
GVariant *
mp_queue_get (MpQueue       *self,
              double         timeout,
              GCancellable  *cancellable,
              GError       **error)
{
  g_autoptr (MpPayload) payload = mp_queue_get_payload (self, timeout, cancellable, error);

  return payload != NULL ? mp_payload_get_variant (payload, NULL, error) : NULL;
}

/**
 * mp_queue_try_get:
 * @self: a queue
 * @error: return location for an error
 *
 * Takes the first value if there is one now.
 *
 * Errors: [error@Mp.Error.EMPTY], and those of [method@Mp.Queue.get].
 *
 * Returns: (transfer full): the value
 *
 * Since: 0.1
 */
GVariant *
mp_queue_try_get (MpQueue  *self,
                  GError  **error)
{
  return mp_queue_get (self, 0, NULL, error);
}

/**
 * mp_queue_put_bytes: (skip)
 * @self: a queue
 * @data: (array length=size) (element-type guint8) (nullable): the bytes
 * @size: how many
 * @timeout: how many seconds to wait for room; negative for no limit
 * @cancellable: (nullable): a #GCancellable
 * @error: return location for an error
 *
 * Puts bytes, the fastest kind of value: `ay` to C and Vala, `bytes` to Python.
 *
 * Errors: as [method@Mp.Queue.put].
 *
 * Returns: %TRUE if the bytes were put
 *
 * Since: 0.1
 */
gboolean
mp_queue_put_bytes (MpQueue        *self,
                    gconstpointer   data,
                    gsize           size,
                    double          timeout,
                    GCancellable   *cancellable,
                    GError        **error)
{
  gint64 deadline = mp_deadline_from_seconds (timeout);
  MpQueuePart part = { data, size };

  g_return_val_if_fail (MP_IS_QUEUE (self), FALSE);
  g_return_val_if_fail (data != NULL || size == 0, FALSE);

  return report (mp_queue_put_parts (self, MP_ENCODING_BYTES, &part, 1, deadline, FALSE,
                                     cancellable, NULL), deadline, MP_ERROR_FULL, error);
}

static gssize
too_small (gsize    needed,
           gsize    size,
           GError **error)
{
  g_set_error (error, MP_ERROR, MP_ERROR_INVALID_ARGUMENT,
               "The message has %" G_GSIZE_FORMAT " bytes, the buffer %" G_GSIZE_FORMAT, needed,
               size);
  return -1;
}

/**
 * mp_queue_get_into: (skip)
 * @self: a queue
 * @buffer: (array length=size) (element-type guint8): where the bytes go
 * @size: how many bytes there is room for
 * @timeout: how many seconds to wait for a value; negative for no limit
 * @cancellable: (nullable): a #GCancellable
 * @error: return location for an error
 *
 * Takes the first message as it was encoded, with no memory allocated for it.
 *
 * For queues on which only [method@Mp.Queue.put_bytes] is used; of other values one gets the
 * encoded form. Up to 4096 bytes, a message that does not fit stays in the queue.
 *
 * Errors: [error@Mp.Error.INVALID_ARGUMENT] if the message is larger than @size, and those of
 * [method@Mp.Queue.get].
 *
 * Returns: the message's size in bytes, or -1
 *
 * Since: 0.1
 */
gssize
mp_queue_get_into (MpQueue       *self,
                   gpointer       buffer,
                   gsize          size,
                   double         timeout,
                   GCancellable  *cancellable,
                   GError       **error)
{
  const MpWaitLimits limits = { mp_deadline_from_seconds (timeout), cancellable, FALSE };
  MpRingMessage message = { 0 };
  MpStatus status;

  g_return_val_if_fail (MP_IS_QUEUE (self), -1);
  g_return_val_if_fail (buffer != NULL || size == 0, -1);

  status = mp_queue_get_until (self, buffer, size, NULL, &limits, &message);
  if (status == MP_STATUS_INVALID && message.size > size)
    return too_small (message.size, size, error);
  if (!report (status, limits.deadline, MP_ERROR_EMPTY, error))
    return -1;

  if (message.data != NULL && message.size <= size)
    memcpy (buffer, message.data, message.size);
  g_free (message.data);

  return message.size <= size ? (gssize) message.size : too_small (message.size, size, error);
}

/**
 * mp_queue_put_payload:
 * @self: a queue
 * @payload: the encoded value
 * @timeout: how many seconds to wait for room; negative for no limit
 * @cancellable: (nullable): a #GCancellable
 * @error: return location for an error
 *
 * Puts a value that is encoded already, such as one taken with
 * [method@Mp.Queue.get_payload].
 *
 * Errors: as [method@Mp.Queue.put].
 *
 * Returns: %TRUE if the value was put
 *
 * Since: 0.1
 */
gboolean
mp_queue_put_payload (MpQueue       *self,
                      MpPayload     *payload,
                      double         timeout,
                      GCancellable  *cancellable,
                      GError       **error)
{
  gint64 deadline = mp_deadline_from_seconds (timeout);
  MpQueuePart part;

  g_return_val_if_fail (MP_IS_QUEUE (self), FALSE);
  g_return_val_if_fail (payload != NULL, FALSE);

  part.data = g_bytes_get_data (mp_payload_get_bytes (payload), &part.size);
  return report (mp_queue_put_parts (self, mp_payload_get_encoding (payload), &part, 1, deadline,
                                     FALSE, cancellable, NULL), deadline, MP_ERROR_FULL, error);
}

/**
 * mp_queue_get_payload:
 * @self: a queue
 * @timeout: how many seconds to wait for a value; negative for no limit
 * @cancellable: (nullable): a #GCancellable
 * @error: return location for an error
 *
 * Takes the first value as its writer encoded it, without reading it.
 *
 * Errors: those of [method@Mp.Queue.get], but never [error@Mp.Error.NOT_PLAIN].
 *
 * Returns: (transfer full): the encoded value
 *
 * Since: 0.1
 */
MpPayload *
mp_queue_get_payload (MpQueue       *self,
                      double         timeout,
                      GCancellable  *cancellable,
                      GError       **error)
{
  gint64 deadline = mp_deadline_from_seconds (timeout);
  g_autoptr (GBytes) bytes = NULL;
  MpStatus status;
  guint encoding;
  guint8 *data;
  gsize size;

  g_return_val_if_fail (MP_IS_QUEUE (self), NULL);

  status = mp_queue_take (self, NULL, deadline, FALSE, cancellable, &encoding, &data, &size);
  if (!report (status, deadline, MP_ERROR_EMPTY, error))
    return NULL;

  bytes = g_bytes_new_take (data, size);
  return mp_payload_new (encoding, bytes);
}

/**
 * mp_queue_qsize:
 * @self: a queue
 *
 * Gets how many messages are in the queue: true a moment ago, since others put and take.
 *
 * Returns: the number of messages
 *
 * Since: 0.1
 */
guint
mp_queue_qsize (MpQueue *self)
{
  MpRing *ring;
  guint64 taken, put;

  g_return_val_if_fail (MP_IS_QUEUE (self), 0);

  ring = get_ring (self);
  if (ring == NULL)
    return 0;

  taken = __atomic_load_n (&ring->head_n, __ATOMIC_ACQUIRE);
  put = __atomic_load_n (&ring->tail_n, __ATOMIC_ACQUIRE);
  return put > taken ? (guint) MIN (put - taken, G_MAXUINT) : 0;
}

/**
 * mp_queue_empty:
 * @self: a queue
 *
 * Tells whether there was nothing in the queue a moment ago.
 *
 * Returns: %TRUE if it was empty
 *
 * Since: 0.1
 */
gboolean
mp_queue_empty (MpQueue *self)
{
  return mp_queue_qsize (self) == 0;
}

/**
 * mp_queue_full:
 * @self: a queue
 *
 * Tells whether there was no room in the queue a moment ago. Never for a queue without a bound.
 *
 * Returns: %TRUE if it was full
 *
 * Since: 0.1
 */
gboolean
mp_queue_full (MpQueue *self)
{
  guint max = mp_queue_get_max_items (self);

  return max != 0 && mp_queue_qsize (self) >= max;
}

/**
 * mp_queue_close:
 * @self: a queue
 *
 * Closes the queue, for every process: nothing more can be put, what is in it can still be taken,
 * and everyone who waits is woken.
 *
 * Since: 0.1
 */
void
mp_queue_close (MpQueue *self)
{
  MpRing *ring;

  g_return_if_fail (MP_IS_QUEUE (self));

  ring = get_ring (self);
  if (ring != NULL)
    mp_ring_close (ring);
}

/**
 * mp_queue_is_closed: (get-property closed)
 * @self: a queue
 *
 * Tells whether any process has closed the queue.
 *
 * Returns: %TRUE if it is closed
 *
 * Since: 0.1
 */
gboolean
mp_queue_is_closed (MpQueue *self)
{
  MpRing *ring;

  g_return_val_if_fail (MP_IS_QUEUE (self), TRUE);

  ring = get_ring (self);
  return ring == NULL || __atomic_load_n (&ring->closed, __ATOMIC_ACQUIRE) != 0;
}
