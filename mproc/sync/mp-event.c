/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * MpEvent: a flag and a count of how often it was set, in one word of the arena.
 *
 * Who waits remembers the word: it is enough that the flag was set meanwhile, even if it is clear
 * again. Setting and clearing are one compare-and-swap, so there is nothing to repair, and nobody
 * counts those who wait; setting wakes all.
 */

#include "config.h"

#include "mproc/sync/mp-event.h"

#include "mproc/base/mp-error-private.h"
#include "mproc/memory/mp-shared-private.h"
#include "mproc/sync/mp-async-private.h"

/**
 * MpEvent:
 *
 * A flag that any process may set, clear and wait for.
 *
 * Setting it releases all who wait at that moment, also if it is cleared at once.
 *
 * Since: 0.1
 */

typedef struct {
  MpSharedHeader header;
  guint32  event;
  guint32  state;               /* times set << 1 | is set */
} MpEventShared;

typedef struct {
  MpEventShared *event;
  guint32        ticket;        /* the state when the wait began */
} Wait;

typedef struct {
  MpEvent *event;
  guint32  ticket;
} AsyncWait;

G_DEFINE_TYPE (MpEvent, mp_event, MP_TYPE_SHARED)

static MpEventShared *
get_shared (MpEvent *self)
{
  return mp_shared_get_data ((MpShared *) self);
}

static gboolean
recover_event (gpointer shared,
               guint32  dead G_GNUC_UNUSED)
{
  MpEventShared *event = shared;

  /* The dead may have set it without waking. */
  mp_event_wake_all (&event->event);
  return TRUE;
}

static const MpKindInfo event_kind = {
  .name = "event",
  .size = sizeof (MpEventShared),
  .get_type = mp_event_get_type,
  .recover = recover_event,
};

__attribute__ ((constructor)) static void
register_kind (void)
{
  mp_kind_register (MP_KIND_EVENT, &event_kind);
}

static guint32
get_state (const MpEventShared *event)
{
  return __atomic_load_n (&event->state, __ATOMIC_ACQUIRE);
}

static gboolean
happened (gpointer data)
{
  const Wait *wait = data;
  guint32 state = get_state (wait->event);

  return (state & 1) != 0 || (state ^ wait->ticket) >> 1 != 0;
}

static MpStatus
wait_since (MpEvent            *self,
            guint32             ticket,
            const MpWaitLimits *limits)
{
  Wait wait = { get_shared (self), ticket };
  gboolean slept = FALSE;

  if (wait.event == NULL)
    return MP_STATUS_INVALID;

  return mp_word_wait (&wait.event->event, happened, &wait, wait.event, limits, &slept);
}

static void
set (MpEventShared *event)
{
  guint32 state = get_state (event);

  do
    if (state & 1)
      return;
  while (!__atomic_compare_exchange_n (&event->state, &state, (state + 2) | 1, FALSE,
                                       __ATOMIC_SEQ_CST, __ATOMIC_ACQUIRE));

  mp_event_wake_many (&event->event);
}

/* --- The object ---------------------------------------------------------------------------- */

static void
mp_event_constructed (GObject *object)
{
  gboolean is_new;

  mp_shared_construct (MP_SHARED (object), MP_KIND_EVENT, &is_new);
  G_OBJECT_CLASS (mp_event_parent_class)->constructed (object);
}

static char *
mp_event_to_string (MpShared *shared)
{
  return g_strdup_printf ("<Event %s>", mp_event_is_set (MP_EVENT (shared)) ? "set" : "unset");
}

static void
mp_event_class_init (MpEventClass *class)
{
  G_OBJECT_CLASS (class)->constructed = mp_event_constructed;
  MP_SHARED_CLASS (class)->to_string = mp_event_to_string;
}

static void
mp_event_init (MpEvent *self G_GNUC_UNUSED)
{
}

/**
 * mp_event_new:
 * @error: return location for an error
 *
 * Makes a new event, not set.
 *
 * Errors: [error@Mp.Error.NO_SPACE]; a [error@Gio.IOErrorEnum] if there can be no shared memory.
 *
 * Returns: (transfer full): the event
 *
 * Since: 0.1
 */
MpEvent *
mp_event_new (GError **error)
{
  return mp_shared_check (g_object_new (MP_TYPE_EVENT, NULL), error);
}

/**
 * mp_event_set:
 * @self: an event
 * @error: return location for an error
 *
 * Sets the event, which releases all who wait for it.
 *
 * Errors: [error@Mp.Error.INVALID_STATE] if the event cannot be used in this process.
 *
 * Returns: %TRUE if it is set now
 *
 * Since: 0.1
 */
gboolean
mp_event_set (MpEvent  *self,
              GError  **error)
{
  MpEventShared *event;
  MpOffset before;

  g_return_val_if_fail (MP_IS_EVENT (self), FALSE);

  event = get_shared (self);
  if (event == NULL || mp_self () == 0)
    return mp_status_to_error (MP_STATUS_INVALID, error);

  before = mp_self_slot ()->object;
  __atomic_store_n (&mp_self_slot ()->object, mp_arena_offset (event), __ATOMIC_RELEASE);
  set (event);
  __atomic_store_n (&mp_self_slot ()->object, before, __ATOMIC_RELEASE);

  return TRUE;
}

/**
 * mp_event_clear:
 * @self: an event
 * @error: return location for an error
 *
 * Clears the event: who waits from now on waits until it is set again.
 *
 * Errors: [error@Mp.Error.INVALID_STATE] if the event cannot be used in this process.
 *
 * Returns: %TRUE if it is clear now
 *
 * Since: 0.1
 */
gboolean
mp_event_clear (MpEvent  *self,
                GError  **error)
{
  MpEventShared *event;

  g_return_val_if_fail (MP_IS_EVENT (self), FALSE);

  event = get_shared (self);
  if (event == NULL)
    return mp_status_to_error (MP_STATUS_INVALID, error);

  __atomic_and_fetch (&event->state, ~1u, __ATOMIC_SEQ_CST);
  return TRUE;
}

/**
 * mp_event_is_set:
 * @self: an event
 *
 * Tells whether the event was set a moment ago.
 *
 * Returns: %TRUE if it was set
 *
 * Since: 0.1
 */
gboolean
mp_event_is_set (MpEvent *self)
{
  const MpEventShared *event;

  g_return_val_if_fail (MP_IS_EVENT (self), FALSE);

  event = get_shared (self);
  return event != NULL && (get_state (event) & 1) != 0;
}

/**
 * mp_event_wait:
 * @self: an event
 * @timeout: how many seconds to wait; negative for no limit
 * @cancellable: (nullable): a #GCancellable
 * @error: return location for an error
 *
 * Waits until the event is set, if it is not.
 *
 * Errors: [error@Mp.Error.TIMED_OUT], [error@Mp.Error.INVALID_STATE] if the event cannot be used in
 * this process, `G_IO_ERROR_CANCELLED`.
 *
 * Returns: %TRUE if it is or was set meanwhile
 *
 * Since: 0.1
 */
gboolean
mp_event_wait (MpEvent       *self,
               double         timeout,
               GCancellable  *cancellable,
               GError       **error)
{
  MpWaitLimits limits = { mp_deadline_from_seconds (timeout), cancellable, FALSE };

  g_return_val_if_fail (MP_IS_EVENT (self), FALSE);

  if (g_cancellable_set_error_if_cancelled (cancellable, error))
    return FALSE;

  return mp_status_to_error (wait_since (self, mp_event_wait_begin (self), &limits), error);
}

/* --- In a main loop ------------------------------------------------------------------------ */

static gboolean
has_happened (gpointer data)
{
  AsyncWait *async = data;
  Wait wait = { get_shared (async->event), async->ticket };

  return wait.event == NULL || happened (&wait);
}

static gboolean
attempt_wait (gpointer task)
{
  const MpWaitLimits limits = { MP_DEADLINE_NOW, NULL, FALSE };
  AsyncWait *async = g_task_get_task_data (task);

  if (g_task_return_error_if_cancelled (task))
    return G_SOURCE_REMOVE;

  return mp_async_settle (task, wait_since (async->event, async->ticket, &limits));
}

/**
 * mp_event_wait_async:
 * @self: an event
 * @cancellable: (nullable): a #GCancellable
 * @callback: (scope async): called in the thread-default main context when there is a result
 * @user_data: data for @callback
 *
 * Waits until the event is set, without blocking: [method@Mp.Event.wait] for main loops.
 *
 * Since: 0.1
 */
void
mp_event_wait_async (MpEvent             *self,
                     GCancellable        *cancellable,
                     GAsyncReadyCallback  callback,
                     gpointer             user_data)
{
  g_autoptr (GTask) task = NULL;
  AsyncWait *async;

  g_return_if_fail (MP_IS_EVENT (self));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, mp_event_wait_async);
  g_task_set_check_cancellable (task, FALSE);
  async = g_new (AsyncWait, 1);
  *async = (AsyncWait) { self, mp_event_wait_begin (self) };
  g_task_set_task_data (task, async, g_free);
  mp_async_wait (task, has_happened, async, MP_DEADLINE_NEVER, attempt_wait);
}

/**
 * mp_event_wait_finish:
 * @self: an event
 * @result: what the callback got
 * @error: return location for an error
 *
 * Finishes [method@Mp.Event.wait_async].
 *
 * Errors: [error@Mp.Error.INVALID_STATE], `G_IO_ERROR_CANCELLED`.
 *
 * Returns: %TRUE if the event is or was set meanwhile
 *
 * Since: 0.1
 */
gboolean
mp_event_wait_finish (MpEvent       *self,
                      GAsyncResult  *result,
                      GError       **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}

/* --- For bindings -------------------------------------------------------------------------- */

/**
 * mp_event_wait_begin:
 * @self: an event
 *
 * Begins a wait. For language bindings: [method@Mp.Event.wait_raw] follows until it is not
 * interrupted; if the event is set between these calls that is not missed.
 *
 * Returns: what the calls that follow need
 *
 * Since: 0.1
 */
guint
mp_event_wait_begin (MpEvent *self)
{
  const MpEventShared *event;

  g_return_val_if_fail (MP_IS_EVENT (self), 0);

  event = get_shared (self);
  return event != NULL ? get_state (event) : 0;
}

/**
 * mp_event_wait_raw:
 * @self: an event
 * @ticket: from [method@Mp.Event.wait_begin]
 * @usec: how many microseconds to wait; negative for no limit
 *
 * Waits until the event is or was set since @ticket was given. For language bindings.
 *
 * Returns: an [enum@Mp.Status]: `OK`, `TIMED_OUT`, `INVALID`, or `INTERRUPTED`, at the latest after
 *   a tenth of a second: then call again
 *
 * Since: 0.1
 */
int
mp_event_wait_raw (MpEvent *self,
                   guint    ticket,
                   gint64   usec)
{
  MpWaitLimits limits = { mp_deadline_from_usec (usec), NULL, TRUE };

  return wait_since (self, ticket, &limits);
}
