/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * MpCondition: a count of waiters and a count of wake-ups not yet consumed, and a lock.
 *
 * A thread counts as a waiter exactly as long as its slot says so (the slot's `waiting` and the
 * count move together by an intent), so a dead waiter is uncounted by whoever recovers it, and a
 * wake-up meant for it may wake another for nothing. Notifying raises the epoch and wakes as many
 * sleepers as it adds wake-ups. Everyone who looks up for whatever reason and had come before takes
 * one if there is one left, else goes back to sleep: so a wake-up can be taken by another than the
 * one who was woken for it, but none is left while somebody sleeps that it is for.
 */

#include "config.h"

#include "mproc/sync/mp-condition.h"

#include "mproc/base/mp-error-private.h"
#include "mproc/memory/mp-lease-private.h"
#include "mproc/sync/mp-lock-private.h"
#include "mproc/sync/mp-wait-private.h"

/**
 * MpCondition:
 *
 * Lets those who hold a lock wait until somebody tells them that something changed.
 *
 * The lock is released while they wait, and held again when the wait is over. Wait in a loop that
 * looks at what is waited for.
 *
 * Since: 0.1
 */

typedef struct {
  MpSharedHeader header;
  guint32  guard;               /* for the counts */
  guint32  event;
  guint32  epoch;               /* of the last notification */
  guint32  lock_kind;
  guint64  waiters;
  guint64  wakeups;
  MpIntent intent;
  MpOffset lock;
  guint32  lock_serial;
  guint64  lock_reference;      /* a condition on its way to somebody has nobody else's */
} MpConditionShared;

typedef struct {
  MpLock *lock;
} MpConditionPrivate;

typedef struct {
  MpConditionShared *condition;
  guint32            ticket;
} Wait;

enum {
  PROP_LOCK = 1,
  N_PROPS,
};

static GParamSpec *properties[N_PROPS];

/* What this thread held, and has to hold again after the wait it is in. */
static __thread guint held_count;

G_DEFINE_TYPE_WITH_PRIVATE (MpCondition, mp_condition, MP_TYPE_SHARED)

static MpConditionShared *
get_condition (MpCondition *self)
{
  return mp_shared_get_data (MP_SHARED (self));
}

static MpLock *
get_lock (MpCondition *self)
{
  MpConditionPrivate *priv = mp_condition_get_instance_private (self);

  return priv->lock;
}

/* --- Counting ------------------------------------------------------------------------------ */

static gboolean
lock_counts (MpConditionShared  *condition,
             const MpWaitLimits *limits)
{
  MpGuardResult result = mp_guard_lock (&condition->guard, NULL, limits);

  if (result == MP_GUARD_STOLEN)
    {
      mp_intent_fix (&condition->intent);
      condition->wakeups = MIN (condition->wakeups, condition->waiters);
    }

  return result <= MP_GUARD_STOLEN;
}

static void
count_in (MpConditionShared *condition)
{
  guint64 *waiting = &mp_self_slot ()->waiting;

  mp_intent_begin (&condition->intent, MP_INTENT_TAKE, &condition->waiters, condition->waiters + 1,
                   waiting, mp_arena_offset (condition));
  mp_intent_commit (&condition->intent, &condition->waiters, waiting);
}

static void
count_out (MpConditionShared *condition,
           guint64           *waiting)
{
  mp_intent_begin (&condition->intent, MP_INTENT_GIVE, &condition->waiters, condition->waiters - 1,
                   waiting, mp_arena_offset (condition));
  mp_intent_commit (&condition->intent, &condition->waiters, waiting);
  condition->wakeups = MIN (condition->wakeups, condition->waiters);
}

static gboolean
recover_condition (gpointer shared,
                   guint32  dead)
{
  MpConditionShared *condition = shared;
  MpThreadSlot *slot = mp_id_slot (dead);
  const MpWaitLimits limits = { MP_DEADLINE_NOW, NULL, FALSE };

  if (!lock_counts (condition, &limits))
    return FALSE;

  if (slot->waiting == mp_arena_offset (condition))
    count_out (condition, &slot->waiting);
  mp_guard_unlock (&condition->guard);
  mp_event_wake_all (&condition->event);
  return TRUE;
}

static void
destroy_condition (gpointer shared)
{
  MpConditionShared *condition = shared;

  mp_lease_drop_word (&condition->lock_reference);
}

static const MpKindInfo condition_kind = {
  .name = "condition",
  .size = sizeof (MpConditionShared),
  .get_type = mp_condition_get_type,
  .recover = recover_condition,
  .destroy = destroy_condition,
};

__attribute__ ((constructor)) static void
register_kind (void)
{
  mp_kind_register (MP_KIND_CONDITION, &condition_kind);
}

/* --- Waiting ------------------------------------------------------------------------------- */

static gboolean
notified (gpointer data)
{
  const Wait *wait = data;

  return __atomic_load_n (&wait->condition->epoch, __ATOMIC_ACQUIRE) != wait->ticket;
}

static MpStatus
wait_begin (MpCondition *self,
            guint32     *ticket)
{
  MpConditionShared *condition = get_condition (self);

  if (condition == NULL)
    return MP_STATUS_INVALID;
  if (!mp_lock_is_mine (get_lock (self)))
    return MP_STATUS_NOT_OWNER;
  if (mp_self_slot ()->waiting != 0)    /* this thread waits already, below a signal handler */
    return MP_STATUS_INVALID;
  mp_self_slot ()->object = mp_arena_offset (condition);
  if (!lock_counts (condition, NULL))
    return MP_STATUS_INVALID;

  *ticket = condition->epoch;
  count_in (condition);
  mp_guard_unlock (&condition->guard);
  held_count = mp_lock_release_fully (get_lock (self));

  return MP_STATUS_OK;
}

static MpStatus
wait_notified (MpCondition        *self,
               guint32             ticket,
               const MpWaitLimits *limits)
{
  MpConditionShared *condition = get_condition (self);
  Wait wait = { condition, ticket };
  gboolean slept = FALSE;
  MpStatus status;

  if (condition == NULL || mp_self () == 0)
    return MP_STATUS_INVALID;

  status = mp_word_wait (&condition->event, notified, &wait, condition, limits, &slept);
  mp_self_slot ()->object = mp_arena_offset (condition);
  return status;
}

/* Holds the lock again, and takes a wake-up if there is one for who came before it. */
static MpStatus
wait_end (MpCondition        *self,
          guint32             ticket,
          const MpWaitLimits *limits)
{
  MpConditionShared *condition = get_condition (self);
  MpStatus status = MP_STATUS_TIMED_OUT;
  MpStatus acquired;

  if (condition == NULL || mp_self () == 0 ||
      mp_self_slot ()->waiting != mp_arena_offset (condition))
    return MP_STATUS_INVALID;
  acquired = mp_lock_acquire_again (get_lock (self), held_count, limits);
  if (acquired != MP_STATUS_OK)
    return acquired;

  mp_self_slot ()->object = mp_arena_offset (condition);
  if (lock_counts (condition, NULL))
    {
      if (condition->epoch != ticket && condition->wakeups > 0)
        {
          condition->wakeups--;
          status = MP_STATUS_OK;
        }
      count_out (condition, &mp_self_slot ()->waiting);
      mp_guard_unlock (&condition->guard);
    }
  mp_self_slot ()->object = 0;

  return status;
}

static gboolean
notify_some (MpCondition  *self,
             guint64       n,
             GError      **error)
{
  MpConditionShared *condition = get_condition (self);

  if (condition == NULL)
    return mp_status_to_error (MP_STATUS_INVALID, error);
  if (!mp_lock_is_mine (get_lock (self)))
    return mp_status_to_error (MP_STATUS_NOT_OWNER, error);
  mp_self_slot ()->object = mp_arena_offset (condition);
  if (!lock_counts (condition, NULL))
    return mp_status_to_error (MP_STATUS_INVALID, error);

  /* Also if as many wake-ups as there are waiters are open: some may be owed to the dead. At worst
   * somebody wakes for nothing. */
  n = MIN (n, condition->waiters);
  condition->wakeups = MIN (condition->waiters, condition->wakeups + n);
  if (n > 0)
    __atomic_add_fetch (&condition->epoch, 1, __ATOMIC_SEQ_CST);
  mp_guard_unlock (&condition->guard);
  if (n > 0)
    {
      __atomic_or_fetch (&condition->event, 1, __ATOMIC_SEQ_CST);       /* others may sleep on */
      mp_event_wake_slow (&condition->event, (int) MIN (n, G_MAXINT));
    }
  mp_self_slot ()->object = 0;

  return TRUE;
}

/* --- The object ---------------------------------------------------------------------------- */

/* A condition that was opened opens its lock. */
static MpLock *
open_lock (MpConditionShared *condition)
{
  const MpKindInfo *info = mp_kind_get_info (condition->lock_kind);
  g_autofree char *handle = NULL;

  if (info == NULL)
    return NULL;

  handle = g_strdup_printf ("%s:%" G_GINT64_MODIFIER "x:%x:%" G_GINT64_MODIFIER "x", info->name,
                            condition->lock, condition->lock_serial,
                            mp_arena.header->token[0]);
  return (MpLock *) mp_shared_open (handle, NULL);
}

static void
bind_lock (MpShared           *self,
           MpConditionShared  *condition,
           const MpLockShared *lock)
{
  MpStatus status;

  condition->lock_kind = lock->header.kind;
  condition->lock_serial = lock->header.serial;
  condition->lock = mp_arena_offset (lock);
  status = mp_lease_take_word (condition->lock, condition->lock_kind, condition->lock_serial,
                               &condition->lock_reference);
  if (status != MP_STATUS_OK)
    mp_shared_fail (self, status);
}

static void
mp_condition_constructed (GObject *object)
{
  MpConditionPrivate *priv = mp_condition_get_instance_private (MP_CONDITION (object));
  gboolean is_new;
  MpConditionShared *condition = mp_shared_construct (MP_SHARED (object), MP_KIND_CONDITION,
                                                      &is_new);
  const MpLockShared *lock;

  G_OBJECT_CLASS (mp_condition_parent_class)->constructed (object);
  if (condition == NULL)
    return;

  if (!is_new)
    g_set_object (&priv->lock, NULL);
  if (!is_new)
    priv->lock = open_lock (condition);
  else if (priv->lock == NULL)
    priv->lock = (MpLock *) mp_rlock_new (NULL);

  lock = priv->lock != NULL ? mp_shared_get_data (MP_SHARED (priv->lock)) : NULL;
  if (lock == NULL)
    {
      mp_shared_fail (MP_SHARED (object), MP_STATUS_NO_SPACE);
      return;
    }
  if (is_new)
    bind_lock (MP_SHARED (object), condition, lock);
}

static void
mp_condition_dispose (GObject *object)
{
  MpConditionPrivate *priv = mp_condition_get_instance_private (MP_CONDITION (object));

  g_clear_object (&priv->lock);
  G_OBJECT_CLASS (mp_condition_parent_class)->dispose (object);
}

static char *
mp_condition_to_string (MpShared *shared)
{
  MpConditionShared *condition = get_condition (MP_CONDITION (shared));
  g_autofree char *lock = mp_shared_to_string (MP_SHARED (get_lock (MP_CONDITION (shared))));

  return g_strdup_printf ("<Condition(%s, %" G_GUINT64_FORMAT ")>", lock,
                          condition->waiters - condition->wakeups);
}

static void
mp_condition_get_property (GObject    *object,
                           guint       property,
                           GValue     *value,
                           GParamSpec *pspec)
{
  if (property == PROP_LOCK)
    g_value_set_object (value, get_lock (MP_CONDITION (object)));
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, property, pspec);
}

static void
mp_condition_set_property (GObject      *object,
                           guint         property,
                           const GValue *value,
                           GParamSpec   *pspec)
{
  MpConditionPrivate *priv = mp_condition_get_instance_private (MP_CONDITION (object));

  if (property == PROP_LOCK)
    g_set_object (&priv->lock, g_value_get_object (value));
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, property, pspec);
}

static void
mp_condition_class_init (MpConditionClass *class)
{
  GObjectClass *object_class = G_OBJECT_CLASS (class);

  object_class->constructed = mp_condition_constructed;
  object_class->dispose = mp_condition_dispose;
  object_class->get_property = mp_condition_get_property;
  object_class->set_property = mp_condition_set_property;
  MP_SHARED_CLASS (class)->to_string = mp_condition_to_string;

  /**
   * MpCondition:lock: (getter get_lock)
   *
   * The lock that is held by who waits and notifies. Unless given, a new [class@Mp.RLock].
   *
   * Since: 0.1
   */
  properties[PROP_LOCK] =
    g_param_spec_object ("lock", NULL, NULL, MP_TYPE_LOCK,
                         G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);
  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
mp_condition_init (MpCondition *self G_GNUC_UNUSED)
{
}

/**
 * mp_condition_new:
 * @lock: (nullable): the lock to use, or %NULL for a new [class@Mp.RLock]
 * @error: return location for an error
 *
 * Makes a new condition.
 *
 * Errors: as [ctor@Mp.Lock.new].
 *
 * Returns: (transfer full): the condition
 *
 * Since: 0.1
 */
MpCondition *
mp_condition_new (MpLock  *lock,
                  GError **error)
{
  g_return_val_if_fail (lock == NULL || MP_IS_LOCK (lock), NULL);

  return mp_shared_check (g_object_new (MP_TYPE_CONDITION, "lock", lock, NULL), error);
}

/**
 * mp_condition_get_lock: (get-property lock)
 * @self: a condition
 *
 * Gets the lock that is held by who waits and notifies.
 *
 * Returns: (transfer none) (nullable): the lock, or %NULL if the condition could not be made
 *
 * Since: 0.1
 */
MpLock *
mp_condition_get_lock (MpCondition *self)
{
  g_return_val_if_fail (MP_IS_CONDITION (self), NULL);

  return get_lock (self);
}

/**
 * mp_condition_acquire:
 * @self: a condition
 * @timeout: how many seconds to wait; negative for no limit
 * @cancellable: (nullable): a #GCancellable
 * @error: return location for an error
 *
 * Acquires the condition's lock.
 *
 * Errors: as [method@Mp.Lock.acquire].
 *
 * Returns: %TRUE if the calling thread holds the lock now
 *
 * Since: 0.1
 */
gboolean
mp_condition_acquire (MpCondition   *self,
                      double         timeout,
                      GCancellable  *cancellable,
                      GError       **error)
{
  g_return_val_if_fail (MP_IS_CONDITION (self), FALSE);

  if (get_lock (self) == NULL)
    return mp_status_to_error (MP_STATUS_INVALID, error);
  return mp_lock_acquire (get_lock (self), timeout, cancellable, error);
}

/**
 * mp_condition_release:
 * @self: a condition
 * @error: return location for an error
 *
 * Releases the condition's lock.
 *
 * Errors: as [method@Mp.Lock.release].
 *
 * Returns: %TRUE if it was released
 *
 * Since: 0.1
 */
gboolean
mp_condition_release (MpCondition  *self,
                      GError      **error)
{
  g_return_val_if_fail (MP_IS_CONDITION (self), FALSE);

  if (get_lock (self) == NULL)
    return mp_status_to_error (MP_STATUS_INVALID, error);
  return mp_lock_release (get_lock (self), error);
}

/**
 * mp_condition_wait:
 * @self: a condition
 * @timeout: how many seconds to wait; negative for no limit
 * @cancellable: (nullable): a #GCancellable
 * @error: return location for an error
 *
 * Releases the lock, waits for a notification, and acquires the lock again, whatever the outcome
 * and however long that takes. A lock held several times is released and acquired fully.
 *
 * Errors: [error@Mp.Error.TIMED_OUT], [error@Mp.Error.NOT_OWNER] if the caller does not hold the
 * lock, [error@Mp.Error.INVALID_STATE] if the condition cannot be used in this process,
 * `G_IO_ERROR_CANCELLED`.
 *
 * Returns: %TRUE if notified
 *
 * Since: 0.1
 */
gboolean
mp_condition_wait (MpCondition   *self,
                   double         timeout,
                   GCancellable  *cancellable,
                   GError       **error)
{
  MpWaitLimits limits = { mp_deadline_from_seconds (timeout), cancellable, FALSE };
  MpStatus waited, ended;
  guint32 ticket;

  g_return_val_if_fail (MP_IS_CONDITION (self), FALSE);

  do
    {
      waited = wait_begin (self, &ticket);
      if (waited != MP_STATUS_OK)
        return mp_status_to_error (waited, error);

      waited = wait_notified (self, ticket, &limits);
      ended = wait_end (self, ticket, NULL);
    }
  while (waited == MP_STATUS_OK && ended == MP_STATUS_TIMED_OUT);

  return mp_status_to_error (ended == MP_STATUS_TIMED_OUT ? waited : ended, error);
}

/**
 * mp_condition_notify:
 * @self: a condition
 * @n: how many to wake
 * @error: return location for an error
 *
 * Wakes up to @n of those who wait. The caller must hold the lock.
 *
 * Errors: [error@Mp.Error.NOT_OWNER], [error@Mp.Error.INVALID_STATE].
 *
 * Returns: %TRUE if they were notified, also if nobody waited
 *
 * Since: 0.1
 */
gboolean
mp_condition_notify (MpCondition  *self,
                     guint         n,
                     GError      **error)
{
  g_return_val_if_fail (MP_IS_CONDITION (self), FALSE);

  return notify_some (self, n, error);
}

/**
 * mp_condition_notify_all:
 * @self: a condition
 * @error: return location for an error
 *
 * Wakes all who wait. The caller must hold the lock.
 *
 * Errors: as [method@Mp.Condition.notify].
 *
 * Returns: %TRUE if they were notified, also if nobody waited
 *
 * Since: 0.1
 */
gboolean
mp_condition_notify_all (MpCondition  *self,
                         GError      **error)
{
  g_return_val_if_fail (MP_IS_CONDITION (self), FALSE);

  return notify_some (self, G_MAXUINT64, error);
}

/**
 * mp_condition_wait_begin:
 * @self: a condition
 * @ticket: (out): what the calls that follow need
 *
 * Begins a wait: the lock is released, the thread counts as a waiter. For language bindings:
 * [method@Mp.Condition.wait_raw] follows until it is not interrupted, then
 * [method@Mp.Condition.wait_end] in any case, both in the same thread.
 *
 * Returns: an [enum@Mp.Status]: `OK`, `NOT_OWNER`, `INVALID`
 *
 * Since: 0.1
 */
int
mp_condition_wait_begin (MpCondition *self,
                         guint       *ticket)
{
  *ticket = 0;
  return wait_begin (self, ticket);
}

/**
 * mp_condition_wait_raw:
 * @self: a condition
 * @ticket: from [method@Mp.Condition.wait_begin]
 * @usec: how many microseconds to wait; negative for no limit
 *
 * Waits for a notification. For language bindings.
 *
 * Returns: an [enum@Mp.Status]: `OK`, `TIMED_OUT`, `INVALID`, or `INTERRUPTED`, at the latest after
 *   a tenth of a second: then call again
 *
 * Since: 0.1
 */
int
mp_condition_wait_raw (MpCondition *self,
                       guint        ticket,
                       gint64       usec)
{
  MpWaitLimits limits = { mp_deadline_from_usec (usec), NULL, TRUE };

  return wait_notified (self, ticket, &limits);
}

/**
 * mp_condition_wait_end:
 * @self: a condition
 * @ticket: from [method@Mp.Condition.wait_begin]
 *
 * Ends a wait: acquires the lock again. For language bindings.
 *
 * Returns: an [enum@Mp.Status]: `OK` if a notification was for this thread, `TIMED_OUT` if none was
 *   (begin again if there is time left), both with the lock held; `INVALID`; `INTERRUPTED`, at the
 *   latest after a tenth of a second: then call again
 *
 * Since: 0.1
 */
int
mp_condition_wait_end (MpCondition *self,
                       guint        ticket)
{
  MpWaitLimits limits = { MP_DEADLINE_NEVER, NULL, TRUE };

  return wait_end (self, ticket, &limits);
}
