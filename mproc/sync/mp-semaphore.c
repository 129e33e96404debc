/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * MpSemaphore and MpBoundedSemaphore: the GObject face of permits in the arena, which are in
 * mp-semaphore-permits.c. No thread, no descriptor; any number of threads and processes may use one
 * at once.
 */

#include "config.h"

#include "mproc/sync/mp-semaphore-private.h"

#include <string.h>

#include "mproc/base/mp-error-private.h"
#include "mproc/memory/mp-heap-private.h"
#include "mproc/sync/mp-async-private.h"

/**
 * MpSemaphore:
 *
 * A number of permits that the threads of the family's processes take and give.
 *
 * As in Python's `multiprocessing`, anyone may release it, also who did not acquire it, and permits
 * of a process that dies are gone. Those of a *recoverable* semaphore belong to the threads that
 * acquired them: only these may release them, and if they end or are killed the permits are free
 * again.
 *
 * Since: 0.1
 */

/**
 * MpBoundedSemaphore:
 *
 * A semaphore that cannot be released above the value it was made with.
 *
 * Since: 0.1
 */

typedef struct {
  guint    value;               /* asked for at construction */
  gboolean recoverable;
} MpSemaphorePrivate;

enum {
  PROP_VALUE = 1,
  PROP_RECOVERABLE,
  N_PROPS,
};

static GParamSpec *properties[N_PROPS];

G_DEFINE_TYPE_WITH_PRIVATE (MpSemaphore, mp_semaphore, MP_TYPE_SHARED)
G_DEFINE_TYPE (MpBoundedSemaphore, mp_bounded_semaphore, MP_TYPE_SEMAPHORE)

static MpSemaphoreShared *
get_shared (gpointer self)
{
  return mp_shared_get_data (self);
}

static gboolean
recover_semaphore (gpointer shared,
                   guint32  dead G_GNUC_UNUSED)
{
  MpSemaphoreShared *semaphore = shared;

  /* The dead may have been woken, or may have given without waking: all look again. */
  mp_event_wake_all (&semaphore->event);
  return TRUE;
}

static void
destroy_semaphore (gpointer shared)
{
  MpSemaphoreShared *semaphore = shared;

  mp_heap_free (&semaphore->permits);
}

static const MpKindInfo semaphore_kind = {
  .name = "semaphore",
  .size = sizeof (MpSemaphoreShared),
  .get_type = mp_semaphore_get_type,
  .destroy = destroy_semaphore,
  .recover = recover_semaphore,
};

static const MpKindInfo bounded_kind = {
  .name = "bounded-semaphore",
  .size = sizeof (MpSemaphoreShared),
  .get_type = mp_bounded_semaphore_get_type,
  .destroy = destroy_semaphore,
  .recover = recover_semaphore,
};

__attribute__ ((constructor)) static void
register_kinds (void)
{
  mp_kind_register (MP_KIND_SEMAPHORE, &semaphore_kind);
  mp_kind_register (MP_KIND_BOUNDED_SEMAPHORE, &bounded_kind);
}

/* --- Acquiring and releasing --------------------------------------------------------------- */

static MpStatus
acquire (MpSemaphore        *self,
         const MpWaitLimits *limits)
{
  MpSemaphoreShared *semaphore = get_shared (self);

  return semaphore != NULL ? mp_permits_acquire (semaphore, limits) : MP_STATUS_INVALID;
}

static MpStatus
release (MpSemaphore *self)
{
  MpSemaphoreShared *semaphore = get_shared (self);

  return semaphore != NULL ? mp_permits_release (semaphore) : MP_STATUS_INVALID;
}

static gboolean
report_release (MpSemaphore  *self,
                MpStatus      status,
                GError      **error)
{
  if (status != MP_STATUS_NOT_OWNER)
    return mp_status_to_error (status, error);

  g_set_error_literal (error, MP_ERROR, MP_ERROR_NOT_OWNER,
                       mp_semaphore_get_recoverable (self)
                         ? "The caller holds no permit of the recoverable semaphore"
                         : "The semaphore was released too many times");
  return FALSE;
}

/* --- The objects --------------------------------------------------------------------------- */

/* Nobody else knows it yet. */
static MpStatus
make_permits (MpSemaphoreShared *semaphore,
              guint32            n)
{
  gsize size = n * sizeof (guint32);
  MpStatus status = mp_self () != 0 ? mp_heap_allocate (size, &semaphore->permits, NULL)
                                    : MP_STATUS_INVALID;

  if (status != MP_STATUS_OK)
    return status;

  memset (mp_arena_pointer (semaphore->permits), 0, size);
  semaphore->n_permits = n;
  return MP_STATUS_OK;
}

static void
mp_semaphore_constructed (GObject *object)
{
  MpSemaphorePrivate *priv = mp_semaphore_get_instance_private (MP_SEMAPHORE (object));
  gboolean bounded = MP_IS_BOUNDED_SEMAPHORE (object);
  MpStatus status = MP_STATUS_OK;
  gboolean is_new;
  MpSemaphoreShared *semaphore = mp_shared_construct (MP_SHARED (object),
                                                      bounded ? MP_KIND_BOUNDED_SEMAPHORE
                                                              : MP_KIND_SEMAPHORE,
                                                      &is_new);

  G_OBJECT_CLASS (mp_semaphore_parent_class)->constructed (object);
  if (semaphore == NULL || !is_new)
    return;

  semaphore->value = priv->value;
  semaphore->max = bounded ? priv->value : MP_SEMAPHORE_MAX_VALUE;
  if (priv->recoverable)
    status = priv->value >= 1 && priv->value <= MP_SEMAPHORE_MAX_PERMITS
               ? make_permits (semaphore, priv->value)
               : MP_STATUS_INVALID;
  if (status != MP_STATUS_OK)
    mp_shared_fail (MP_SHARED (object), status);
}

static char *
mp_semaphore_to_string (MpShared *shared)
{
  return g_strdup_printf ("<Semaphore(value=%u)>", mp_semaphore_get_value (MP_SEMAPHORE (shared)));
}

static char *
mp_bounded_semaphore_to_string (MpShared *shared)
{
  return g_strdup_printf ("<BoundedSemaphore(value=%u, maxvalue=%u)>",
                          mp_semaphore_get_value (MP_SEMAPHORE (shared)),
                          mp_bounded_semaphore_get_max_value (MP_BOUNDED_SEMAPHORE (shared)));
}

static void
mp_semaphore_get_property (GObject    *object,
                           guint       property,
                           GValue     *value,
                           GParamSpec *pspec)
{
  MpSemaphore *self = MP_SEMAPHORE (object);

  switch (property)
    {
    case PROP_VALUE:
      g_value_set_uint (value, mp_semaphore_get_value (self));
      break;
    case PROP_RECOVERABLE:
      g_value_set_boolean (value, mp_semaphore_get_recoverable (self));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, property, pspec);
    }
}

static void
mp_semaphore_set_property (GObject      *object,
                           guint         property,
                           const GValue *value,
                           GParamSpec   *pspec)
{
  MpSemaphorePrivate *priv = mp_semaphore_get_instance_private (MP_SEMAPHORE (object));

  switch (property)
    {
    case PROP_VALUE:
      priv->value = g_value_get_uint (value);
      break;
    case PROP_RECOVERABLE:
      priv->recoverable = g_value_get_boolean (value);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, property, pspec);
    }
}

static void
mp_semaphore_class_init (MpSemaphoreClass *class)
{
  GObjectClass *object_class = G_OBJECT_CLASS (class);

  object_class->constructed = mp_semaphore_constructed;
  object_class->get_property = mp_semaphore_get_property;
  object_class->set_property = mp_semaphore_set_property;
  MP_SHARED_CLASS (class)->to_string = mp_semaphore_to_string;

  /**
   * MpSemaphore:value: (getter get_value)
   *
   * How many permits are free. Changes are not notified.
   *
   * Since: 0.1
   */
  properties[PROP_VALUE] =
    g_param_spec_uint ("value", NULL, NULL, 0, MP_SEMAPHORE_MAX_VALUE, 1,
                       G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  /**
   * MpSemaphore:recoverable: (getter get_recoverable)
   *
   * Whether permits belong to who acquired them, and are free again when that one dies.
   *
   * Since: 0.1
   */
  properties[PROP_RECOVERABLE] =
    g_param_spec_boolean ("recoverable", NULL, NULL, FALSE,
                          G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
mp_semaphore_init (MpSemaphore *self G_GNUC_UNUSED)
{
}

static void
mp_bounded_semaphore_class_init (MpBoundedSemaphoreClass *class)
{
  MP_SHARED_CLASS (class)->to_string = mp_bounded_semaphore_to_string;
}

static void
mp_bounded_semaphore_init (MpBoundedSemaphore *self G_GNUC_UNUSED)
{
}

static gpointer
make (GType     type,
      guint     value,
      gboolean  recoverable,
      GError  **error)
{
  guint max = recoverable ? MP_SEMAPHORE_MAX_PERMITS : MP_SEMAPHORE_MAX_VALUE;

  if (value > max || (recoverable && value == 0))
    {
      /* Not which it was: a negative number of the caller's language arrives as a large one. */
      g_set_error (error, MP_ERROR, MP_ERROR_INVALID_ARGUMENT,
                   "The value of a %ssemaphore is between %u and %u",
                   recoverable ? "recoverable " : "", recoverable ? 1 : 0, max);
      return NULL;
    }

  return mp_shared_check (g_object_new (type, "value", value, "recoverable", recoverable, NULL),
                          error);
}

/**
 * mp_semaphore_new:
 * @value: how many permits there are at first; up to %MP_SEMAPHORE_MAX_VALUE
 * @error: return location for an error
 *
 * Makes a new semaphore.
 *
 * Errors: [error@Mp.Error.INVALID_ARGUMENT], [error@Mp.Error.NO_SPACE]; a
 * [error@Gio.IOErrorEnum] if there can be no shared memory.
 *
 * Returns: (transfer full): the semaphore
 *
 * Since: 0.1
 */
MpSemaphore *
mp_semaphore_new (guint    value,
                  GError **error)
{
  return make (MP_TYPE_SEMAPHORE, value, FALSE, error);
}

/**
 * mp_semaphore_new_recoverable:
 * @value: how many permits there are; from 1 to 8192
 * @error: return location for an error
 *
 * Makes a new semaphore whose permits are free again when their holder dies.
 *
 * Errors: as [ctor@Mp.Semaphore.new].
 *
 * Returns: (transfer full): the semaphore
 *
 * Since: 0.1
 */
MpSemaphore *
mp_semaphore_new_recoverable (guint    value,
                              GError **error)
{
  return make (MP_TYPE_SEMAPHORE, value, TRUE, error);
}

/**
 * mp_bounded_semaphore_new:
 * @value: how many permits there are; up to %MP_SEMAPHORE_MAX_VALUE
 * @error: return location for an error
 *
 * Makes a new semaphore that cannot be released above @value.
 *
 * Errors: as [ctor@Mp.Semaphore.new].
 *
 * Returns: (transfer full): the semaphore
 *
 * Since: 0.1
 */
MpBoundedSemaphore *
mp_bounded_semaphore_new (guint    value,
                          GError **error)
{
  return make (MP_TYPE_BOUNDED_SEMAPHORE, value, FALSE, error);
}

/**
 * mp_bounded_semaphore_new_recoverable:
 * @value: how many permits there are; from 1 to 8192
 * @error: return location for an error
 *
 * Makes a new bounded semaphore whose permits are free again when their holder dies.
 *
 * Errors: as [ctor@Mp.Semaphore.new].
 *
 * Returns: (transfer full): the semaphore
 *
 * Since: 0.1
 */
MpBoundedSemaphore *
mp_bounded_semaphore_new_recoverable (guint    value,
                                      GError **error)
{
  return make (MP_TYPE_BOUNDED_SEMAPHORE, value, TRUE, error);
}

/**
 * mp_bounded_semaphore_get_max_value:
 * @self: a bounded semaphore
 *
 * Gets the value that the semaphore was made with.
 *
 * Returns: the greatest value it can have, or 0 if it cannot be used in this process
 *
 * Since: 0.1
 */
guint
mp_bounded_semaphore_get_max_value (MpBoundedSemaphore *self)
{
  const MpSemaphoreShared *semaphore;

  g_return_val_if_fail (MP_IS_BOUNDED_SEMAPHORE (self), 0);

  semaphore = get_shared (self);
  return semaphore != NULL ? semaphore->max : 0;
}

/**
 * mp_semaphore_acquire:
 * @self: a semaphore
 * @timeout: how many seconds to wait; negative for no limit
 * @cancellable: (nullable): a #GCancellable
 * @error: return location for an error
 *
 * Takes a permit, waiting while there is none.
 *
 * Errors: [error@Mp.Error.TIMED_OUT], [error@Mp.Error.INVALID_STATE] if the semaphore cannot be
 * used in this process, `G_IO_ERROR_CANCELLED`.
 *
 * Returns: %TRUE if a permit was taken
 *
 * Since: 0.1
 */
gboolean
mp_semaphore_acquire (MpSemaphore   *self,
                      double         timeout,
                      GCancellable  *cancellable,
                      GError       **error)
{
  MpWaitLimits limits = { mp_deadline_from_seconds (timeout), cancellable, FALSE };

  g_return_val_if_fail (MP_IS_SEMAPHORE (self), FALSE);

  if (g_cancellable_set_error_if_cancelled (cancellable, error))
    return FALSE;

  return mp_status_to_error (acquire (self, &limits), error);
}

/**
 * mp_semaphore_try_acquire:
 * @self: a semaphore
 *
 * Takes a permit if there is one.
 *
 * Returns: %TRUE if a permit was taken
 *
 * Since: 0.1
 */
gboolean
mp_semaphore_try_acquire (MpSemaphore *self)
{
  const MpWaitLimits limits = { MP_DEADLINE_NOW, NULL, FALSE };

  g_return_val_if_fail (MP_IS_SEMAPHORE (self), FALSE);

  return acquire (self, &limits) == MP_STATUS_OK;
}

/* For mp_async_wait(). */
static gboolean
may_acquire (gpointer self)
{
  MpSemaphoreShared *semaphore = get_shared (self);

  if (semaphore == NULL)
    return TRUE;

  __atomic_or_fetch (&semaphore->event, 1, __ATOMIC_SEQ_CST);
  return mp_permits_any (semaphore);
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
 * mp_semaphore_acquire_async:
 * @self: a semaphore
 * @cancellable: (nullable): a #GCancellable
 * @callback: (scope async): called in the thread-default main context when there is a result
 * @user_data: data for @callback
 *
 * Takes a permit without blocking: [method@Mp.Semaphore.acquire] for main loops. After a
 * cancellation none was taken.
 *
 * Since: 0.1
 */
void
mp_semaphore_acquire_async (MpSemaphore         *self,
                            GCancellable        *cancellable,
                            GAsyncReadyCallback  callback,
                            gpointer             user_data)
{
  g_autoptr (GTask) task = NULL;

  g_return_if_fail (MP_IS_SEMAPHORE (self));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, mp_semaphore_acquire_async);
  g_task_set_check_cancellable (task, FALSE);
  mp_async_wait (task, may_acquire, self, MP_DEADLINE_NEVER, attempt_acquire);
}

/**
 * mp_semaphore_acquire_finish:
 * @self: a semaphore
 * @result: what the callback got
 * @error: return location for an error
 *
 * Finishes [method@Mp.Semaphore.acquire_async].
 *
 * Errors: [error@Mp.Error.INVALID_STATE], `G_IO_ERROR_CANCELLED`.
 *
 * Returns: %TRUE if a permit was taken
 *
 * Since: 0.1
 */
gboolean
mp_semaphore_acquire_finish (MpSemaphore   *self,
                             GAsyncResult  *result,
                             GError       **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}

/**
 * mp_semaphore_release:
 * @self: a semaphore
 * @error: return location for an error
 *
 * Gives a permit, and wakes one who waits for it.
 *
 * Errors: [error@Mp.Error.NOT_OWNER] if the value is the greatest possible (of a
 * [class@Mp.BoundedSemaphore]: that at its start), or the semaphore is recoverable and the calling
 * thread holds no permit; [error@Mp.Error.INVALID_STATE] if the semaphore cannot be used in this
 * process.
 *
 * Returns: %TRUE if it was released
 *
 * Since: 0.1
 */
gboolean
mp_semaphore_release (MpSemaphore  *self,
                      GError      **error)
{
  g_return_val_if_fail (MP_IS_SEMAPHORE (self), FALSE);

  return report_release (self, release (self), error);
}

/**
 * mp_semaphore_get_value: (get-property value)
 * @self: a semaphore
 *
 * Gets how many permits were free a moment ago.
 *
 * Returns: the number of permits, or 0 if the semaphore cannot be used in this process
 *
 * Since: 0.1
 */
guint
mp_semaphore_get_value (MpSemaphore *self)
{
  const MpSemaphoreShared *semaphore;

  g_return_val_if_fail (MP_IS_SEMAPHORE (self), 0);

  semaphore = get_shared (self);
  return semaphore != NULL ? mp_permits_free (semaphore) : 0;
}

/**
 * mp_semaphore_get_recoverable: (get-property recoverable)
 * @self: a semaphore
 *
 * Tells whether permits belong to who acquired them.
 *
 * Returns: %TRUE if the semaphore is recoverable
 *
 * Since: 0.1
 */
gboolean
mp_semaphore_get_recoverable (MpSemaphore *self)
{
  const MpSemaphoreShared *semaphore;

  g_return_val_if_fail (MP_IS_SEMAPHORE (self), FALSE);

  semaphore = get_shared (self);
  return semaphore != NULL && semaphore->n_permits != 0;
}

/**
 * mp_semaphore_acquire_raw:
 * @self: a semaphore
 * @usec: how many microseconds to wait; negative for no limit
 *
 * Takes a permit. For language bindings.
 *
 * Returns: an [enum@Mp.Status]: `OK`, `TIMED_OUT`, `INVALID`, or `INTERRUPTED`, at the latest after
 *   a tenth of a second: then call again
 *
 * Since: 0.1
 */
int
mp_semaphore_acquire_raw (MpSemaphore *self,
                          gint64       usec)
{
  MpWaitLimits limits = { mp_deadline_from_usec (usec), NULL, TRUE };

  return acquire (self, &limits);
}

/**
 * mp_semaphore_release_raw:
 * @self: a semaphore
 *
 * Gives a permit. For language bindings.
 *
 * Returns: an [enum@Mp.Status]: `OK`, `NOT_OWNER`, `INVALID`
 *
 * Since: 0.1
 */
int
mp_semaphore_release_raw (MpSemaphore *self)
{
  return release (self);
}
