/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * MpLock and MpRLock: a guard word in the arena with a GObject around it.
 *
 * Uncontended, acquiring is one compare-and-swap and releasing one exchange. A lock whose holder
 * died is taken by the next one who asks, and says that it was abandoned: what the dead left half
 * done is the program's to judge.
 *
 * Who waits in a main loop marks the word as a sleeper does, so that only those who let go of a
 * lock that is waited for look for doorbells.
 */

#include "config.h"

#include "mproc/sync/mp-lock-private.h"

#include <pthread.h>
#include <unistd.h>

#include "mproc/base/mp-error-private.h"
#include "mproc/memory/mp-family-private.h"
#include "mproc/memory/mp-futex-private.h"
#include "mproc/sync/mp-async-private.h"
#include "mproc/sync/mp-doorbell-private.h"

enum {
  PROP_ABANDONED = 1,
  N_PROPS,
};

static GParamSpec *properties[N_PROPS];
static gpointer lock_class;
static gpointer rlock_class;

/**
 * MpLock:
 *
 * A lock that one thread of one process of the family holds at a time.
 *
 * As in Python's `multiprocessing`, anyone may release it. If the holder dies, the lock goes to the
 * next who asks, and [method@Mp.Lock.get_abandoned] tells that one.
 *
 * Since: 0.1
 */

/**
 * MpRLock:
 *
 * A lock that its holder may acquire several times, and has to release as often. Only the holder, a
 * thread, may release it.
 *
 * Since: 0.1
 */

G_DEFINE_TYPE (MpLock, mp_lock, MP_TYPE_SHARED)
G_DEFINE_TYPE (MpRLock, mp_rlock, MP_TYPE_LOCK)

static void
ring_if_armed (void)
{
  if (__atomic_load_n (&mp_arena.header->n_armed, __ATOMIC_SEQ_CST) != 0)
    mp_doorbell_ring ();
}

static gboolean
recover_lock (gpointer shared,
              guint32  dead G_GNUC_UNUSED)
{
  MpLockShared *lock = shared;

  /* The dead may have been woken, or may have let go without waking: all look again. */
  mp_futex_wake (&lock->word, G_MAXINT);
  ring_if_armed ();
  return TRUE;
}

static const MpKindInfo lock_kind = {
  .name = "lock",
  .size = sizeof (MpLockShared),
  .get_type = mp_lock_get_type,
  .recover = recover_lock,
};

static const MpKindInfo rlock_kind = {
  .name = "rlock",
  .size = sizeof (MpLockShared),
  .get_type = mp_rlock_get_type,
  .recover = recover_lock,
};

__attribute__ ((constructor)) static void
register_kinds (void)
{
  mp_kind_register (MP_KIND_LOCK, &lock_kind);
  mp_kind_register (MP_KIND_RLOCK, &rlock_kind);
}

/* MP_IS_LOCK(), but for locks and recursive locks themselves at the cost of a comparison. */
static inline gboolean
is_lock (MpLock *self)
{
  gpointer class = self != NULL ? ((GTypeInstance *) self)->g_class : NULL;

  return G_LIKELY (class != NULL && (class == lock_class || class == rlock_class)) ||
         MP_IS_LOCK (self);
}

/* A checked cast would cost half as much as acquiring. */
static MpLockShared *
get_lock (MpLock *self)
{
  return mp_shared_get_data ((MpShared *) self);
}

static guint32
owner_of (const MpLockShared *lock)
{
  return __atomic_load_n (&lock->word, __ATOMIC_ACQUIRE) & MP_ID_MASK;
}

gboolean
mp_lock_is_mine (MpLock *self)
{
  const MpLockShared *lock = get_lock (self);

  return lock != NULL && mp_self () != 0 && owner_of (lock) == mp_self ();
}

/* The lock is ours now. */
static void
note_acquired (MpLockShared  *lock,
               MpGuardResult  result)
{
  guint32 abandoned = result == MP_GUARD_STOLEN;

  lock->count = 1;
  if (lock->abandoned != abandoned)
    lock->abandoned = abandoned;
}

/* Whether a lock with this word is held by somebody who lives. */
static gboolean
is_held (guint32 word)
{
  guint32 owner = word & MP_ID_MASK;

  return owner != 0 && !mp_id_is_dead (owner);
}

/* If it is free. Asks no clock. */
static inline gboolean
acquire_at_once (MpLock *self)
{
  MpLockShared *lock = get_lock (self);
  guint32 me = lock != NULL ? mp_self () : 0;
  guint32 expected = 0;

  if (me == 0 || !__atomic_compare_exchange_n (&lock->word, &expected, me, FALSE, __ATOMIC_ACQUIRE,
                                               __ATOMIC_RELAXED))
    return FALSE;

  note_acquired (lock, MP_GUARD_TAKEN);
  return TRUE;
}

static MpStatus
acquire (MpLock             *self,
         const MpWaitLimits *limits)
{
  MpLockShared *lock = get_lock (self);
  guint32 me = lock != NULL ? mp_self () : 0;
  MpGuardResult result;

  if (me == 0)
    return MP_STATUS_INVALID;
  if (lock->header.kind == MP_KIND_RLOCK && owner_of (lock) == me)
    {
      lock->count++;
      return MP_STATUS_OK;
    }

  mp_self_slot ()->object = mp_arena_offset (lock);
  result = limits != NULL && limits->deadline == MP_DEADLINE_NOW
             ? mp_guard_try_lock (&lock->word)
             : mp_guard_lock (&lock->word, NULL, limits);
  mp_self_slot ()->object = 0;
  if (result <= MP_GUARD_STOLEN)
    note_acquired (lock, result);

  return mp_guard_status (result);
}

/* With waiters: whoever is killed between letting go and waking is known to have been here. */
static guint32
let_go_slowly (MpLockShared *lock)
{
  gboolean known = mp_self () != 0;
  MpOffset before = known ? mp_self_slot ()->object : 0;
  guint32 old;

  if (known)
    __atomic_store_n (&mp_self_slot ()->object, mp_arena_offset (lock), __ATOMIC_RELEASE);
  old = __atomic_exchange_n (&lock->word, 0, __ATOMIC_SEQ_CST);
  if (old & MP_GUARD_WAITERS)
    {
      mp_guard_wake (&lock->word);
      ring_if_armed ();
    }
  if (known)
    __atomic_store_n (&mp_self_slot ()->object, before, __ATOMIC_RELEASE);

  return old;
}

static MpStatus
release (MpLock *self)
{
  MpLockShared *lock = get_lock (self);
  guint32 old;

  if (lock == NULL)
    return MP_STATUS_INVALID;
  if (lock->header.kind == MP_KIND_RLOCK)
    {
      if (owner_of (lock) != mp_self ())
        return MP_STATUS_NOT_OWNER;
      if (--lock->count > 0)
        return MP_STATUS_OK;
    }

  old = __atomic_load_n (&lock->word, __ATOMIC_RELAXED);
  if (G_UNLIKELY ((old & MP_GUARD_WAITERS) != 0 ||
                  !__atomic_compare_exchange_n (&lock->word, &old, 0, FALSE, __ATOMIC_SEQ_CST,
                                                __ATOMIC_RELAXED)))
    old = let_go_slowly (lock);

  return (old & MP_ID_MASK) != 0 ? MP_STATUS_OK : MP_STATUS_NOT_OWNER;
}

guint
mp_lock_release_fully (MpLock *self)
{
  MpLockShared *lock = get_lock (self);
  guint count = lock->count;

  lock->count = 1;
  release (self);
  return count;
}

MpStatus
mp_lock_acquire_again (MpLock             *self,
                       guint               count,
                       const MpWaitLimits *limits)
{
  MpStatus status = acquire (self, limits);

  if (status == MP_STATUS_OK)
    get_lock (self)->count = count;
  return status;
}

/* --- The objects --------------------------------------------------------------------------- */

static void
mp_lock_constructed (GObject *object)
{
  gboolean is_new;

  mp_shared_construct (MP_SHARED (object), MP_IS_RLOCK (object) ? MP_KIND_RLOCK : MP_KIND_LOCK,
                       &is_new);
  G_OBJECT_CLASS (mp_lock_parent_class)->constructed (object);
}

/* As multiprocessing says it: the process, and the thread unless it is the main one. */
static char *
describe_owner (const MpLockShared *lock)
{
  guint32 owner = owner_of (lock);
  char thread[32] = "?";

  if (owner == 0)
    return g_strdup ("None");
  if (owner == mp_self ())
    {
      if (gettid () == getpid ())
        return g_strdup (mp_family_get_self_name ());
      pthread_getname_np (pthread_self (), thread, sizeof thread);
      return g_strconcat (mp_family_get_self_name (), "|", thread, NULL);
    }

  return g_strdup (mp_id_slot (owner)->process == mp_arena.process ? "SomeOtherThread"
                                                                   : "SomeOtherProcess");
}

static char *
mp_lock_to_string (MpShared *shared)
{
  const MpLockShared *lock = get_lock (MP_LOCK (shared));
  g_autofree char *owner = describe_owner (lock);

  return g_strdup_printf ("<Lock(owner=%s)>", owner);
}

static char *
mp_rlock_to_string (MpShared *shared)
{
  const MpLockShared *lock = get_lock (MP_LOCK (shared));
  g_autofree char *owner = describe_owner (lock);

  if (owner_of (lock) == 0)
    return g_strdup ("<RLock(None, 0)>");
  if (owner_of (lock) == mp_self ())
    return g_strdup_printf ("<RLock(%s, %u)>", owner, lock->count);

  return g_strdup_printf ("<RLock(%s, nonzero)>", owner);
}

static void
mp_lock_get_property (GObject    *object,
                      guint       property,
                      GValue     *value,
                      GParamSpec *pspec)
{
  if (property == PROP_ABANDONED)
    g_value_set_boolean (value, mp_lock_get_abandoned (MP_LOCK (object)));
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, property, pspec);
}

static void
mp_lock_class_init (MpLockClass *class)
{
  GObjectClass *object_class = G_OBJECT_CLASS (class);

  lock_class = class;
  object_class->constructed = mp_lock_constructed;
  object_class->get_property = mp_lock_get_property;
  MP_SHARED_CLASS (class)->to_string = mp_lock_to_string;

  /**
   * MpLock:abandoned: (getter get_abandoned)
   *
   * Whether the one who held the lock before its present holder died with it. Changes are not
   * notified.
   *
   * Since: 0.1
   */
  properties[PROP_ABANDONED] =
    g_param_spec_boolean ("abandoned", NULL, NULL, FALSE,
                          G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
mp_lock_init (MpLock *self G_GNUC_UNUSED)
{
}

static void
mp_rlock_class_init (MpRLockClass *class)
{
  rlock_class = class;
  MP_SHARED_CLASS (class)->to_string = mp_rlock_to_string;
}

static void
mp_rlock_init (MpRLock *self G_GNUC_UNUSED)
{
}

/**
 * mp_lock_new:
 * @error: return location for an error
 *
 * Makes a new lock, held by nobody.
 *
 * Errors: [error@Mp.Error.NO_SPACE]; a [error@Gio.IOErrorEnum] if there can be no shared memory.
 *
 * Returns: (transfer full): the lock
 *
 * Since: 0.1
 */
MpLock *
mp_lock_new (GError **error)
{
  return mp_shared_check (g_object_new (MP_TYPE_LOCK, NULL), error);
}

/**
 * mp_rlock_new:
 * @error: return location for an error
 *
 * Makes a new lock, held by nobody, that its holder may acquire again.
 *
 * Errors: as [ctor@Mp.Lock.new].
 *
 * Returns: (transfer full): the lock
 *
 * Since: 0.1
 */
MpRLock *
mp_rlock_new (GError **error)
{
  return mp_shared_check (g_object_new (MP_TYPE_RLOCK, NULL), error);
}

/**
 * mp_lock_acquire:
 * @self: a lock
 * @timeout: how many seconds to wait; negative for no limit
 * @cancellable: (nullable): a #GCancellable
 * @error: return location for an error
 *
 * Acquires the lock, waiting while somebody else who lives holds it.
 *
 * Errors: [error@Mp.Error.TIMED_OUT], [error@Mp.Error.INVALID_STATE] if the lock cannot be used
 * in this process, `G_IO_ERROR_CANCELLED`.
 *
 * Returns: %TRUE if the calling thread holds the lock now
 *
 * Since: 0.1
 */
gboolean
mp_lock_acquire (MpLock        *self,
                 double         timeout,
                 GCancellable  *cancellable,
                 GError       **error)
{
  MpWaitLimits limits = { MP_DEADLINE_NEVER, cancellable, FALSE };

  g_return_val_if_fail (is_lock (self), FALSE);

  if (cancellable != NULL && g_cancellable_set_error_if_cancelled (cancellable, error))
    return FALSE;
  if (G_LIKELY (acquire_at_once (self)))
    return TRUE;

  limits.deadline = mp_deadline_from_seconds (timeout);
  return mp_status_to_error (acquire (self, &limits), error);
}

/**
 * mp_lock_try_acquire:
 * @self: a lock
 *
 * Acquires the lock if nobody else who lives holds it.
 *
 * Returns: %TRUE if the calling thread holds the lock now
 *
 * Since: 0.1
 */
gboolean
mp_lock_try_acquire (MpLock *self)
{
  const MpWaitLimits limits = { MP_DEADLINE_NOW, NULL, FALSE };

  g_return_val_if_fail (MP_IS_LOCK (self), FALSE);

  return acquire (self, &limits) == MP_STATUS_OK;
}

/* For mp_async_wait(). FALSE: whoever lets go of it will ring. */
static gboolean
may_acquire (gpointer self)
{
  MpLockShared *lock = get_lock (self);
  guint32 word = lock != NULL ? __atomic_load_n (&lock->word, __ATOMIC_ACQUIRE) : 0;

  if (!is_held (word))
    return TRUE;

  return (word & MP_GUARD_WAITERS) == 0 &&
         !__atomic_compare_exchange_n (&lock->word, &word, word | MP_GUARD_WAITERS, FALSE,
                                       __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
}

static gboolean
attempt_acquire (gpointer task)
{
  const MpWaitLimits limits = { MP_DEADLINE_NOW, NULL, FALSE };

  if (g_task_return_error_if_cancelled (task))
    return G_SOURCE_REMOVE;

  return mp_async_settle (task, acquire (g_task_get_source_object (task), &limits));
}

/**
 * mp_lock_acquire_async:
 * @self: a lock
 * @cancellable: (nullable): a #GCancellable
 * @callback: (scope async): called in the thread-default main context when there is a result
 * @user_data: data for @callback
 *
 * Acquires the lock without blocking: [method@Mp.Lock.acquire] for main loops. The holder then is
 * the thread that runs the main context. After a cancellation the lock was not acquired.
 *
 * Since: 0.1
 */
void
mp_lock_acquire_async (MpLock              *self,
                       GCancellable        *cancellable,
                       GAsyncReadyCallback  callback,
                       gpointer             user_data)
{
  g_autoptr (GTask) task = NULL;

  g_return_if_fail (MP_IS_LOCK (self));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, mp_lock_acquire_async);
  g_task_set_check_cancellable (task, FALSE);
  mp_async_wait (task, may_acquire, self, MP_DEADLINE_NEVER, attempt_acquire);
}

/**
 * mp_lock_acquire_finish:
 * @self: a lock
 * @result: what the callback got
 * @error: return location for an error
 *
 * Finishes [method@Mp.Lock.acquire_async].
 *
 * Errors: [error@Mp.Error.INVALID_STATE], `G_IO_ERROR_CANCELLED`.
 *
 * Returns: %TRUE if the lock was acquired
 *
 * Since: 0.1
 */
gboolean
mp_lock_acquire_finish (MpLock        *self,
                        GAsyncResult  *result,
                        GError       **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}

/**
 * mp_lock_release:
 * @self: a lock
 * @error: return location for an error
 *
 * Releases the lock. Anyone may release a [class@Mp.Lock]; a [class@Mp.RLock] only its holder, and
 * it is free when that has been done as often as it was acquired.
 *
 * Errors: [error@Mp.Error.NOT_OWNER] if nobody, or for an [class@Mp.RLock] not the caller, holds
 * it, [error@Mp.Error.INVALID_STATE] if the lock cannot be used in this process.
 *
 * Returns: %TRUE if it was released
 *
 * Since: 0.1
 */
gboolean
mp_lock_release (MpLock  *self,
                 GError **error)
{
  MpStatus status;

  g_return_val_if_fail (is_lock (self), FALSE);

  status = release (self);
  return G_LIKELY (status == MP_STATUS_OK) || mp_status_to_error (status, error);
}

/**
 * mp_lock_is_locked:
 * @self: a lock
 *
 * Tells whether somebody held the lock a moment ago.
 *
 * Returns: %TRUE if it was held
 *
 * Since: 0.1
 */
gboolean
mp_lock_is_locked (MpLock *self)
{
  const MpLockShared *lock;

  g_return_val_if_fail (MP_IS_LOCK (self), FALSE);

  lock = get_lock (self);
  return lock != NULL && is_held (owner_of (lock));
}

/**
 * mp_lock_get_abandoned: (get-property abandoned)
 * @self: a lock
 *
 * Tells its holder whether the one before died while he held the lock, so that what the lock
 * protects may be half changed.
 *
 * Returns: %TRUE if the lock was last taken from the dead
 *
 * Since: 0.1
 */
gboolean
mp_lock_get_abandoned (MpLock *self)
{
  const MpLockShared *lock;

  g_return_val_if_fail (MP_IS_LOCK (self), FALSE);

  lock = get_lock (self);
  return lock != NULL && lock->abandoned != 0;
}

/**
 * mp_lock_acquire_raw:
 * @self: a lock
 * @usec: how many microseconds to wait; negative for no limit
 *
 * Acquires the lock. For language bindings.
 *
 * Returns: an [enum@Mp.Status]: `OK`, `TIMED_OUT`, `INVALID`, or `INTERRUPTED`, at the latest after
 *   a tenth of a second: then call again
 *
 * Since: 0.1
 */
int
mp_lock_acquire_raw (MpLock *self,
                     gint64  usec)
{
  MpWaitLimits limits = { MP_DEADLINE_NEVER, NULL, TRUE };

  if (G_LIKELY (acquire_at_once (self)))
    return MP_STATUS_OK;

  limits.deadline = mp_deadline_from_usec (usec);
  return acquire (self, &limits);
}

/**
 * mp_lock_release_raw:
 * @self: a lock
 *
 * Releases the lock. For language bindings.
 *
 * Returns: an [enum@Mp.Status]: `OK`, `NOT_OWNER`, `INVALID`
 *
 * Since: 0.1
 */
int
mp_lock_release_raw (MpLock *self)
{
  return release (self);
}
