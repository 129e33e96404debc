/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * MpQueue: the GObject face of a ring. Putting and getting in the idiom of C and Vala is in
 * mp-queue-values.c, many at once in mp-queue-batch.c, the calls for bindings in mp-queue-raw.c.
 *
 * The waiting is in mp-queue-wait.c. No thread, no descriptor, no private state: the object can be
 * used by any number of threads and processes at once.
 */

#include "config.h"

#include "mproc/channel/mp-queue-private.h"

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
  PROP_JOINABLE,
  PROP_CLOSED,
  N_PROPS,
};

static GParamSpec *properties[N_PROPS];

typedef struct {
  guint    max_items;
  gboolean joinable;
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
  ring->joinable = priv->joinable;
  if (mp_ring_begin (ring) != MP_STATUS_OK)
    mp_shared_fail (MP_SHARED (self), MP_STATUS_NO_SPACE);
}

static char *
mp_queue_to_string (MpShared *shared)
{
  MpQueue *self = MP_QUEUE (shared);
  guint max = mp_queue_get_max_items (self);
  const char *state = mp_queue_is_closed (self) ? ", closed" : "";

  const char *kind = mp_queue_is_joinable (self) ? "joinable " : "";

  if (max == 0)
    return g_strdup_printf ("<%sQueue(%u items%s)>", kind, mp_queue_qsize (self), state);

  return g_strdup_printf ("<%sQueue(%u of %u items%s)>", kind, mp_queue_qsize (self), max, state);
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
    case PROP_JOINABLE:
      g_value_set_boolean (value, mp_queue_is_joinable (self));
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
  else if (property == PROP_JOINABLE)
    priv->joinable = g_value_get_boolean (value);
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
   * MpQueue:joinable: (getter is_joinable)
   *
   * Whether consumers say when the work on a message is done, see [ctor@Mp.Queue.new_joinable].
   *
   * Since: 0.1
   */
  properties[PROP_JOINABLE] =
    g_param_spec_boolean ("joinable", NULL, NULL, FALSE,
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
 * mp_queue_new_joinable:
 * @max_items: how many messages it may hold, or 0 for no bound
 * @error: return location for an error
 *
 * Makes a new queue on which one can wait until all the work that was put is done.
 *
 * Whoever has taken a message says [method@Mp.Queue.task_done] after the work on it. If a consumer
 * dies before that, its message is given to the next who asks: each is worked on at least once.
 * A message costs a little more than in a plain queue.
 *
 * Errors: as [ctor@Mp.Queue.new].
 *
 * Returns: (transfer full): the queue
 *
 * Since: 0.1
 */
MpQueue *
mp_queue_new_joinable (guint     max_items,
                       GError  **error)
{
  return mp_shared_check (g_object_new (MP_TYPE_QUEUE, "max-items", max_items, "joinable", TRUE,
                                        NULL), error);
}

/**
 * mp_queue_is_joinable: (get-property joinable)
 * @self: a queue
 *
 * Tells whether consumers say when the work on a message is done.
 *
 * Returns: %TRUE if [method@Mp.Queue.join] can be used
 *
 * Since: 0.1
 */
gboolean
mp_queue_is_joinable (MpQueue *self)
{
  MpRing *ring;

  g_return_val_if_fail (MP_IS_QUEUE (self), FALSE);

  ring = get_ring (self);
  return ring != NULL && ring->joinable != 0;
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

  if (ring->joinable)
    mp_ring_look_for_lost (ring);
  taken = __atomic_load_n (&ring->head_n, __ATOMIC_ACQUIRE);
  put = __atomic_load_n (&ring->tail_n, __ATOMIC_ACQUIRE);
  return (put > taken ? (guint) MIN (put - taken, G_MAXUINT / 2) : 0) +
         (ring->joinable ? mp_ring_n_lost (ring) : 0);
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
