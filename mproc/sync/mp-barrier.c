/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * MpBarrier: the GObject face of a barrier. Waiting is in mp-barrier-wait.c, the rounds are in
 * mp-barrier-round.c. The action is private to the process; a forked child has it, too.
 */

#include "config.h"

#include "mproc/sync/mp-barrier-private.h"

#include "mproc/base/mp-error-private.h"
#include "mproc/memory/mp-heap-private.h"

/**
 * MpBarrier:
 *
 * Where a number of parties, threads of any processes of the family, wait for each other.
 *
 * When the last one has arrived all are released, and the barrier can be used again. The last one
 * may first run an action ([method@Mp.Barrier.set_action]).
 *
 * If a party gives up, because its time is over or it is cancelled, or if it dies after it has
 * arrived, or its action fails, the barrier is broken: all who wait, and all who come, get
 * [error@Mp.Error.BROKEN] at once, until [method@Mp.Barrier.reset].
 *
 * Since: 0.1
 */

typedef struct {
  guint           parties;      /* asked for at construction, as is the timeout */
  double          timeout;
  MpBarrierAction action;
  gpointer        action_data;
  GDestroyNotify  destroy;
} MpBarrierPrivate;

enum {
  PROP_PARTIES = 1,
  PROP_TIMEOUT,
  PROP_N_WAITING,
  PROP_BROKEN,
  N_PROPS,
};

static GParamSpec *properties[N_PROPS];

G_DEFINE_TYPE_WITH_PRIVATE (MpBarrier, mp_barrier, MP_TYPE_SHARED)

static MpBarrierShared *
get_shared (MpBarrier *self)
{
  return mp_shared_get_data ((MpShared *) self);
}

static void
destroy_barrier (gpointer shared)
{
  MpBarrierShared *barrier = shared;

  mp_heap_free (&barrier->seats);
}

static const MpKindInfo barrier_kind = {
  .name = "barrier",
  .size = sizeof (MpBarrierShared),
  .get_type = mp_barrier_get_type,
  .destroy = destroy_barrier,
  .recover = mp_barrier_recover,
};

__attribute__ ((constructor)) static void
register_kind (void)
{
  mp_kind_register (MP_KIND_BARRIER, &barrier_kind);
}

/* --- The object ---------------------------------------------------------------------------- */

static void
mp_barrier_constructed (GObject *object)
{
  MpBarrierPrivate *priv = mp_barrier_get_instance_private (MP_BARRIER (object));
  MpStatus status = MP_STATUS_INVALID;
  gboolean is_new;
  MpBarrierShared *barrier = mp_shared_construct (MP_SHARED (object), MP_KIND_BARRIER, &is_new);

  G_OBJECT_CLASS (mp_barrier_parent_class)->constructed (object);
  if (barrier == NULL || !is_new)
    return;

  barrier->parties = priv->parties;
  barrier->timeout = priv->timeout >= 0 && priv->timeout <= 1e9
                       ? (gint64) (priv->timeout * G_USEC_PER_SEC)
                       : -1;
  if (mp_self () != 0)
    status = mp_heap_allocate (priv->parties * sizeof (guint32), &barrier->seats, NULL);
  if (status != MP_STATUS_OK)
    mp_shared_fail (MP_SHARED (object), status);
}

static void
mp_barrier_finalize (GObject *object)
{
  mp_barrier_set_action (MP_BARRIER (object), NULL, NULL, NULL);
  G_OBJECT_CLASS (mp_barrier_parent_class)->finalize (object);
}

static char *
mp_barrier_to_string (MpShared *shared)
{
  MpBarrier *self = MP_BARRIER (shared);

  if (mp_barrier_is_broken (self))
    return g_strdup ("<Barrier(broken)>");

  return g_strdup_printf ("<Barrier(%u of %u waiting)>", mp_barrier_get_n_waiting (self),
                          mp_barrier_get_parties (self));
}

static void
mp_barrier_get_property (GObject    *object,
                         guint       property,
                         GValue     *value,
                         GParamSpec *pspec)
{
  MpBarrier *self = MP_BARRIER (object);

  switch (property)
    {
    case PROP_PARTIES:
      g_value_set_uint (value, mp_barrier_get_parties (self));
      break;
    case PROP_TIMEOUT:
      g_value_set_double (value, mp_barrier_get_timeout (self));
      break;
    case PROP_N_WAITING:
      g_value_set_uint (value, mp_barrier_get_n_waiting (self));
      break;
    case PROP_BROKEN:
      g_value_set_boolean (value, mp_barrier_is_broken (self));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, property, pspec);
    }
}

static void
mp_barrier_set_property (GObject      *object,
                         guint         property,
                         const GValue *value,
                         GParamSpec   *pspec)
{
  MpBarrierPrivate *priv = mp_barrier_get_instance_private (MP_BARRIER (object));

  switch (property)
    {
    case PROP_PARTIES:
      priv->parties = g_value_get_uint (value);
      break;
    case PROP_TIMEOUT:
      priv->timeout = g_value_get_double (value);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, property, pspec);
    }
}

static void
mp_barrier_class_init (MpBarrierClass *class)
{
  GObjectClass *object_class = G_OBJECT_CLASS (class);

  object_class->constructed = mp_barrier_constructed;
  object_class->finalize = mp_barrier_finalize;
  object_class->get_property = mp_barrier_get_property;
  object_class->set_property = mp_barrier_set_property;
  MP_SHARED_CLASS (class)->to_string = mp_barrier_to_string;

  /**
   * MpBarrier:parties: (getter get_parties)
   *
   * How many have to arrive.
   *
   * Since: 0.1
   */
  properties[PROP_PARTIES] =
    g_param_spec_uint ("parties", NULL, NULL, 1, MP_BARRIER_MAX_PARTIES, 1,
                       G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  /**
   * MpBarrier:timeout: (getter get_timeout)
   *
   * How many seconds a party waits that names no time of its own; negative for no limit.
   *
   * Since: 0.1
   */
  properties[PROP_TIMEOUT] =
    g_param_spec_double ("timeout", NULL, NULL, -G_MAXDOUBLE, G_MAXDOUBLE, -1,
                         G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  /**
   * MpBarrier:n-waiting: (getter get_n_waiting)
   *
   * How many have arrived. Changes are not notified.
   *
   * Since: 0.1
   */
  properties[PROP_N_WAITING] =
    g_param_spec_uint ("n-waiting", NULL, NULL, 0, MP_BARRIER_MAX_PARTIES, 0,
                       G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

  /**
   * MpBarrier:broken: (getter is_broken)
   *
   * Whether the barrier is broken. Changes are not notified.
   *
   * Since: 0.1
   */
  properties[PROP_BROKEN] =
    g_param_spec_boolean ("broken", NULL, NULL, FALSE,
                          G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
mp_barrier_init (MpBarrier *self G_GNUC_UNUSED)
{
}

/**
 * mp_barrier_new:
 * @parties: how many have to arrive; from 1 to 8192
 * @timeout: how many seconds a party waits that names no time of its own; negative for no limit
 * @error: return location for an error
 *
 * Makes a new barrier.
 *
 * Errors: [error@Mp.Error.INVALID_ARGUMENT], [error@Mp.Error.NO_SPACE]; a
 * [error@Gio.IOErrorEnum] if there can be no shared memory.
 *
 * Returns: (transfer full): the barrier
 *
 * Since: 0.1
 */
MpBarrier *
mp_barrier_new (guint    parties,
                double   timeout,
                GError **error)
{
  if (parties < 1 || parties > MP_BARRIER_MAX_PARTIES)
    {
      g_set_error (error, MP_ERROR, MP_ERROR_INVALID_ARGUMENT,
                   "A barrier has between 1 and %u parties, not %u", MP_BARRIER_MAX_PARTIES,
                   parties);
      return NULL;
    }

  return mp_shared_check (g_object_new (MP_TYPE_BARRIER, "parties", parties, "timeout",
                                        timeout >= 0 ? timeout : -1.0, NULL),
                          error);
}

/**
 * mp_barrier_set_action:
 * @self: a barrier
 * @action: (nullable) (scope notified) (closure user_data) (destroy destroy): what to do, or %NULL
 * @user_data: data for @action
 * @destroy: (nullable): frees @user_data
 *
 * Sets what is done by this process, and those it forks, if it is the last to arrive, before all
 * are released. It is not shared: who opens the barrier by its handle sets his own.
 *
 * Since: 0.1
 */
void
mp_barrier_set_action (MpBarrier       *self,
                       MpBarrierAction  action,
                       gpointer         user_data,
                       GDestroyNotify   destroy)
{
  MpBarrierPrivate *priv;
  GDestroyNotify old_destroy;
  gpointer old_data;

  g_return_if_fail (MP_IS_BARRIER (self));

  priv = mp_barrier_get_instance_private (self);
  old_destroy = priv->destroy;
  old_data = priv->action_data;
  priv->action = action;
  priv->action_data = user_data;
  priv->destroy = destroy;
  if (old_destroy != NULL)
    old_destroy (old_data);
}

gboolean
mp_barrier_run_action (MpBarrier  *self,
                       GError    **error)
{
  MpBarrierPrivate *priv = mp_barrier_get_instance_private (self);

  return priv->action == NULL || priv->action (self, priv->action_data, error);
}

/**
 * mp_barrier_reset:
 * @self: a barrier
 * @error: return location for an error
 *
 * Makes the barrier as it was at first. Who waits gets [error@Mp.Error.BROKEN].
 *
 * Errors: [error@Mp.Error.INVALID_STATE] if the barrier cannot be used in this process.
 *
 * Returns: %TRUE if it can be used again
 *
 * Since: 0.1
 */
gboolean
mp_barrier_reset (MpBarrier  *self,
                  GError    **error)
{
  MpBarrierShared *barrier;

  g_return_val_if_fail (MP_IS_BARRIER (self), FALSE);

  barrier = get_shared (self);
  return mp_status_to_error (barrier != NULL ? mp_barrier_begin_anew (barrier) : MP_STATUS_INVALID,
                             error);
}

/**
 * mp_barrier_abort:
 * @self: a barrier
 * @error: return location for an error
 *
 * Breaks the barrier: who waits, and who comes, gets [error@Mp.Error.BROKEN].
 *
 * Errors: [error@Mp.Error.INVALID_STATE] if the barrier cannot be used in this process.
 *
 * Returns: %TRUE if it is broken now
 *
 * Since: 0.1
 */
gboolean
mp_barrier_abort (MpBarrier  *self,
                  GError    **error)
{
  MpBarrierShared *barrier;

  g_return_val_if_fail (MP_IS_BARRIER (self), FALSE);

  barrier = get_shared (self);
  return mp_status_to_error (barrier != NULL ? mp_barrier_break (barrier) : MP_STATUS_INVALID,
                             error);
}

/**
 * mp_barrier_get_parties: (get-property parties)
 * @self: a barrier
 *
 * Gets how many have to arrive.
 *
 * Returns: the number of parties, or 0 if the barrier cannot be used in this process
 *
 * Since: 0.1
 */
guint
mp_barrier_get_parties (MpBarrier *self)
{
  const MpBarrierShared *barrier;

  g_return_val_if_fail (MP_IS_BARRIER (self), 0);

  barrier = get_shared (self);
  return barrier != NULL ? barrier->parties : 0;
}

/**
 * mp_barrier_get_timeout: (get-property timeout)
 * @self: a barrier
 *
 * Gets how long a party waits that names no time of its own.
 *
 * Returns: seconds, or -1 if there is no limit
 *
 * Since: 0.1
 */
double
mp_barrier_get_timeout (MpBarrier *self)
{
  const MpBarrierShared *barrier;

  g_return_val_if_fail (MP_IS_BARRIER (self), -1);

  barrier = get_shared (self);
  return barrier != NULL && barrier->timeout >= 0 ? (double) barrier->timeout / G_USEC_PER_SEC : -1;
}

/**
 * mp_barrier_get_n_waiting: (get-property n-waiting)
 * @self: a barrier
 *
 * Gets how many have arrived and were not released yet, a moment ago.
 *
 * Returns: the number, 0 if the barrier is broken
 *
 * Since: 0.1
 */
guint
mp_barrier_get_n_waiting (MpBarrier *self)
{
  MpBarrierShared *barrier;

  g_return_val_if_fail (MP_IS_BARRIER (self), 0);

  barrier = get_shared (self);
  return barrier != NULL ? MP_PHASE_ARRIVED (mp_barrier_get_phase (barrier)) : 0;
}

/**
 * mp_barrier_is_broken: (get-property broken)
 * @self: a barrier
 *
 * Tells whether the barrier is broken.
 *
 * Returns: %TRUE if waiting would fail with [error@Mp.Error.BROKEN]
 *
 * Since: 0.1
 */
gboolean
mp_barrier_is_broken (MpBarrier *self)
{
  MpBarrierShared *barrier;

  g_return_val_if_fail (MP_IS_BARRIER (self), FALSE);

  barrier = get_shared (self);
  return barrier != NULL &&
         MP_PHASE_STATE (mp_barrier_get_phase (barrier)) == MP_BARRIER_BROKEN;
}
