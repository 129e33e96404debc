/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/**
 * MpTaskOptions:
 *
 * How a task is to be run: its limits, its priority, how often it is tried.
 *
 * It is given with a task, and says nothing any more once that was given: it can be changed then,
 * and used for others. Without options, a task is run once, has all the time in the world, and
 * waits
 * for its turn.
 *
 * ```c
 * g_autoptr (MpTaskOptions) options = mp_task_options_new ();
 *
 * mp_task_options_set_time_limit (options, 10);
 * mp_task_options_set_retries (options, 2);
 * result = mp_pool_submit_with (pool, render, page, options, &error);
 * ```
 *
 * Since: 0.1
 */

/*
 * A plain bag of settings; the thread that fills it owns it. The pool takes what it needs when the
 * task is given.
 */

#include "config.h"

#include "mproc/pool/mp-task-options.h"

#include <gio/gio.h>

#include "mproc/mp-enum-types.h"

struct _MpTaskOptions
{
  GObject         parent_instance;

  char           *name;
  MpTaskPriority  priority;
  guint           retries;
  gboolean        retry_errors;
  double          time_limit;
  double          soft_time_limit;
  gboolean        stop_on_error;
  GCancellable   *cancellable;
};

enum
{
  PROP_0,
  PROP_NAME,
  PROP_PRIORITY,
  PROP_RETRIES,
  PROP_RETRY_ERRORS,
  PROP_TIME_LIMIT,
  PROP_SOFT_TIME_LIMIT,
  PROP_STOP_ON_ERROR,
  PROP_CANCELLABLE,
  N_PROPS,
};

static GParamSpec *props[N_PROPS];

G_DEFINE_FINAL_TYPE (MpTaskOptions, mp_task_options, G_TYPE_OBJECT)

static void
mp_task_options_finalize (GObject *object)
{
  MpTaskOptions *self = MP_TASK_OPTIONS (object);

  g_clear_pointer (&self->name, g_free);
  g_clear_object (&self->cancellable);

  G_OBJECT_CLASS (mp_task_options_parent_class)->finalize (object);
}

static void
mp_task_options_get_property (GObject    *object,
                              guint       prop_id,
                              GValue     *value,
                              GParamSpec *pspec)
{
  MpTaskOptions *self = MP_TASK_OPTIONS (object);

  switch (prop_id)
    {
    case PROP_NAME:
      g_value_set_string (value, self->name);
      break;
    case PROP_PRIORITY:
      g_value_set_enum (value, self->priority);
      break;
    case PROP_RETRIES:
      g_value_set_uint (value, self->retries);
      break;
    case PROP_RETRY_ERRORS:
      g_value_set_boolean (value, self->retry_errors);
      break;
    case PROP_TIME_LIMIT:
      g_value_set_double (value, self->time_limit);
      break;
    case PROP_SOFT_TIME_LIMIT:
      g_value_set_double (value, self->soft_time_limit);
      break;
    case PROP_STOP_ON_ERROR:
      g_value_set_boolean (value, self->stop_on_error);
      break;
    case PROP_CANCELLABLE:
      g_value_set_object (value, self->cancellable);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
mp_task_options_set_property (GObject      *object,
                              guint         prop_id,
                              const GValue *value,
                              GParamSpec   *pspec)
{
  MpTaskOptions *self = MP_TASK_OPTIONS (object);

  switch (prop_id)
    {
    case PROP_NAME:
      mp_task_options_set_name (self, g_value_get_string (value));
      break;
    case PROP_PRIORITY:
      mp_task_options_set_priority (self, g_value_get_enum (value));
      break;
    case PROP_RETRIES:
      mp_task_options_set_retries (self, g_value_get_uint (value));
      break;
    case PROP_RETRY_ERRORS:
      mp_task_options_set_retry_errors (self, g_value_get_boolean (value));
      break;
    case PROP_TIME_LIMIT:
      mp_task_options_set_time_limit (self, g_value_get_double (value));
      break;
    case PROP_SOFT_TIME_LIMIT:
      mp_task_options_set_soft_time_limit (self, g_value_get_double (value));
      break;
    case PROP_STOP_ON_ERROR:
      mp_task_options_set_stop_on_error (self, g_value_get_boolean (value));
      break;
    case PROP_CANCELLABLE:
      mp_task_options_set_cancellable (self, g_value_get_object (value));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
add_property (guint       id,
              GParamSpec *spec)
{
  props[id] = spec;
}

#define FLAGS (G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS)

static void
add_trial_properties (void)
{
  /**
   * MpTaskOptions:name: (getter get_name) (setter set_name)
   *
   * What the task is called in messages and timelines.
   *
   * Since: 0.1
   */
  add_property (PROP_NAME,
                g_param_spec_string ("name", NULL, NULL, NULL, FLAGS));

  /**
   * MpTaskOptions:priority: (getter get_priority) (setter set_priority)
   *
   * Which of the tasks that wait is taken first.
   *
   * Since: 0.1
   */
  add_property (PROP_PRIORITY,
                g_param_spec_enum ("priority", NULL, NULL, MP_TYPE_TASK_PRIORITY,
                                   MP_TASK_PRIORITY_NORMAL, FLAGS));

  /**
   * MpTaskOptions:retries: (getter get_retries) (setter set_retries)
   *
   * How often the task is run again if its worker ends before it is done: if it is killed, exits,
   * crashes, or goes beyond a limit of time or memory.
   *
   * Since: 0.1
   */
  add_property (PROP_RETRIES,
                g_param_spec_uint ("retries", NULL, NULL, 0, G_MAXUINT, 0, FLAGS));

  /**
   * MpTaskOptions:retry-errors: (getter get_retry_errors) (setter set_retry_errors)
   *
   * Whether a task that fails by itself is run again, too, as often as the retries allow.
   *
   * Since: 0.1
   */
  add_property (PROP_RETRY_ERRORS,
                g_param_spec_boolean ("retry-errors", NULL, NULL, FALSE, FLAGS));
}

static void
add_limit_properties (void)
{
  /**
   * MpTaskOptions:time-limit: (getter get_time_limit) (setter set_time_limit)
   *
   * How long the task may run, in seconds from its beginning; 0 for no limit. After that its
   * worker is
   * killed by the kernel, whatever it does, and the task fails with [error@Mp.Error.TIME_LIMIT].
   *
   * Since: 0.1
   */
  add_property (PROP_TIME_LIMIT,
                g_param_spec_double ("time-limit", NULL, NULL, 0, G_MAXDOUBLE, 0, FLAGS));

  /**
   * MpTaskOptions:soft-time-limit: (getter get_soft_time_limit) (setter set_soft_time_limit)
   *
   * After how many seconds the task is told that it should stop; 0 for never. In C it asks
   * [func@Mp.task_should_stop]; a language may have an exception for it.
   *
   * Since: 0.1
   */
  add_property (PROP_SOFT_TIME_LIMIT,
                g_param_spec_double ("soft-time-limit", NULL, NULL, 0, G_MAXDOUBLE, 0, FLAGS));

  /**
   * MpTaskOptions:stop-on-error: (getter get_stop_on_error) (setter set_stop_on_error)
   *
   * Whether the first task of a map that fails ends it: what is queued is dropped, what runs is
   * stopped, and the map fails at once.
   *
   * Since: 0.1
   */
  add_property (PROP_STOP_ON_ERROR,
                g_param_spec_boolean ("stop-on-error", NULL, NULL, FALSE, FLAGS));

  /**
   * MpTaskOptions:cancellable: (getter get_cancellable) (setter set_cancellable)
   *
   * What cancels the task, as [method@Mp.Result.cancel] does.
   *
   * Since: 0.1
   */
  add_property (PROP_CANCELLABLE,
                g_param_spec_object ("cancellable", NULL, NULL, G_TYPE_CANCELLABLE, FLAGS));
}

static void
mp_task_options_class_init (MpTaskOptionsClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->finalize = mp_task_options_finalize;
  object_class->get_property = mp_task_options_get_property;
  object_class->set_property = mp_task_options_set_property;

  add_trial_properties ();
  add_limit_properties ();
  g_object_class_install_properties (object_class, N_PROPS, props);
}

static void
mp_task_options_init (MpTaskOptions *self)
{
}

/**
 * mp_task_options_new:
 *
 * Makes options that ask for nothing special.
 *
 * Returns: (transfer full): the options
 *
 * Since: 0.1
 */
MpTaskOptions *
mp_task_options_new (void)
{
  return g_object_new (MP_TYPE_TASK_OPTIONS, NULL);
}

/**
 * mp_task_options_get_name: (get-property name)
 * @self: options
 *
 * What the task is called in messages and timelines.
 *
 * Returns: (nullable): the name, or %NULL for the function's
 *
 * Since: 0.1
 */
const char *
mp_task_options_get_name (MpTaskOptions *self)
{
  g_return_val_if_fail (MP_IS_TASK_OPTIONS (self), NULL);

  return self->name;
}

/**
 * mp_task_options_set_name: (set-property name)
 * @self: options
 * @name: (nullable): the name
 *
 * What the task is called in messages and timelines.
 *
 * Since: 0.1
 */
void
mp_task_options_set_name (MpTaskOptions *self,
                          const char    *name)
{
  g_return_if_fail (MP_IS_TASK_OPTIONS (self));

  if (g_strcmp0 (self->name, name) == 0)
    return;

  g_free (self->name);
  self->name = g_strdup (name);
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_NAME]);
}

/**
 * mp_task_options_get_priority: (get-property priority)
 * @self: options
 *
 * Which of the tasks that wait is taken first.
 *
 * Returns: the priority
 *
 * Since: 0.1
 */
MpTaskPriority
mp_task_options_get_priority (MpTaskOptions *self)
{
  g_return_val_if_fail (MP_IS_TASK_OPTIONS (self), MP_TASK_PRIORITY_NORMAL);

  return self->priority;
}

/**
 * mp_task_options_set_priority: (set-property priority)
 * @self: options
 * @priority: the priority
 *
 * Which of the tasks that wait is taken first.
 *
 * Since: 0.1
 */
void
mp_task_options_set_priority (MpTaskOptions  *self,
                              MpTaskPriority  priority)
{
  g_return_if_fail (MP_IS_TASK_OPTIONS (self));

  priority = CLAMP (priority, MP_TASK_PRIORITY_LOW, MP_TASK_PRIORITY_HIGH);
  if (self->priority == priority)
    return;

  self->priority = priority;
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_PRIORITY]);
}

/**
 * mp_task_options_get_retries: (get-property retries)
 * @self: options
 *
 * How often the task is run again if its worker ends before it is done: if it is killed, exits,
 * crashes, or goes beyond a limit of time or memory.
 *
 * Returns: the number; by default 0
 *
 * Since: 0.1
 */
guint
mp_task_options_get_retries (MpTaskOptions *self)
{
  g_return_val_if_fail (MP_IS_TASK_OPTIONS (self), 0);

  return self->retries;
}

/**
 * mp_task_options_set_retries: (set-property retries)
 * @self: options
 * @retries: the number
 *
 * How often the task is run again if its worker ends before it is done: if it is killed, exits,
 * crashes, or goes beyond a limit of time or memory.
 *
 * Since: 0.1
 */
void
mp_task_options_set_retries (MpTaskOptions *self,
                             guint          retries)
{
  g_return_if_fail (MP_IS_TASK_OPTIONS (self));

  if (self->retries == retries)
    return;

  self->retries = retries;
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_RETRIES]);
}

/**
 * mp_task_options_get_retry_errors: (get-property retry-errors)
 * @self: options
 *
 * Whether a task that fails by itself is run again, too, as often as the retries allow.
 *
 * Returns: %TRUE if they do
 *
 * Since: 0.1
 */
gboolean
mp_task_options_get_retry_errors (MpTaskOptions *self)
{
  g_return_val_if_fail (MP_IS_TASK_OPTIONS (self), FALSE);

  return self->retry_errors;
}

/**
 * mp_task_options_set_retry_errors: (set-property retry-errors)
 * @self: options
 * @retry_errors: whether they do
 *
 * Whether a task that fails by itself is run again, too, as often as the retries allow.
 *
 * Since: 0.1
 */
void
mp_task_options_set_retry_errors (MpTaskOptions *self,
                                  gboolean       retry_errors)
{
  g_return_if_fail (MP_IS_TASK_OPTIONS (self));

  retry_errors = !!retry_errors;
  if (self->retry_errors == retry_errors)
    return;

  self->retry_errors = retry_errors;
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_RETRY_ERRORS]);
}

/**
 * mp_task_options_get_time_limit: (get-property time-limit)
 * @self: options
 *
 * How long the task may run, in seconds from its beginning; 0 for no limit. After that its worker
 * is
 * killed by the kernel, whatever it does, and the task fails with [error@Mp.Error.TIME_LIMIT].
 *
 * Returns: seconds, or 0 for no limit
 *
 * Since: 0.1
 */
double
mp_task_options_get_time_limit (MpTaskOptions *self)
{
  g_return_val_if_fail (MP_IS_TASK_OPTIONS (self), 0);

  return self->time_limit;
}

/**
 * mp_task_options_set_time_limit: (set-property time-limit)
 * @self: options
 * @time_limit: seconds, or 0
 *
 * How long the task may run, in seconds from its beginning; 0 for no limit. After that its worker
 * is
 * killed by the kernel, whatever it does, and the task fails with [error@Mp.Error.TIME_LIMIT].
 *
 * Since: 0.1
 */
void
mp_task_options_set_time_limit (MpTaskOptions *self,
                                double         time_limit)
{
  g_return_if_fail (MP_IS_TASK_OPTIONS (self));

  time_limit = time_limit > 0 ? time_limit : 0;
  if (self->time_limit == time_limit)
    return;

  self->time_limit = time_limit;
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_TIME_LIMIT]);
}

/**
 * mp_task_options_get_soft_time_limit: (get-property soft-time-limit)
 * @self: options
 *
 * After how many seconds the task is told that it should stop; 0 for never. In C it asks
 * [func@Mp.task_should_stop]; a language may have an exception for it.
 *
 * Returns: seconds, or 0 for never
 *
 * Since: 0.1
 */
double
mp_task_options_get_soft_time_limit (MpTaskOptions *self)
{
  g_return_val_if_fail (MP_IS_TASK_OPTIONS (self), 0);

  return self->soft_time_limit;
}

/**
 * mp_task_options_set_soft_time_limit: (set-property soft-time-limit)
 * @self: options
 * @soft_time_limit: seconds, or 0
 *
 * After how many seconds the task is told that it should stop; 0 for never. In C it asks
 * [func@Mp.task_should_stop]; a language may have an exception for it.
 *
 * Since: 0.1
 */
void
mp_task_options_set_soft_time_limit (MpTaskOptions *self,
                                     double         soft_time_limit)
{
  g_return_if_fail (MP_IS_TASK_OPTIONS (self));

  soft_time_limit = soft_time_limit > 0 ? soft_time_limit : 0;
  if (self->soft_time_limit == soft_time_limit)
    return;

  self->soft_time_limit = soft_time_limit;
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_SOFT_TIME_LIMIT]);
}

/**
 * mp_task_options_get_stop_on_error: (get-property stop-on-error)
 * @self: options
 *
 * Whether the first task of a map that fails ends it: what is queued is dropped, what runs is
 * stopped, and the map fails at once.
 *
 * Returns: %TRUE if it does
 *
 * Since: 0.1
 */
gboolean
mp_task_options_get_stop_on_error (MpTaskOptions *self)
{
  g_return_val_if_fail (MP_IS_TASK_OPTIONS (self), FALSE);

  return self->stop_on_error;
}

/**
 * mp_task_options_set_stop_on_error: (set-property stop-on-error)
 * @self: options
 * @stop_on_error: whether it does
 *
 * Whether the first task of a map that fails ends it: what is queued is dropped, what runs is
 * stopped, and the map fails at once.
 *
 * Since: 0.1
 */
void
mp_task_options_set_stop_on_error (MpTaskOptions *self,
                                   gboolean       stop_on_error)
{
  g_return_if_fail (MP_IS_TASK_OPTIONS (self));

  stop_on_error = !!stop_on_error;
  if (self->stop_on_error == stop_on_error)
    return;

  self->stop_on_error = stop_on_error;
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_STOP_ON_ERROR]);
}

/**
 * mp_task_options_get_cancellable: (get-property cancellable)
 * @self: options
 *
 * What cancels the task, as [method@Mp.Result.cancel] does.
 *
 * Returns: (transfer none) (nullable): the #GCancellable, or %NULL
 *
 * Since: 0.1
 */
GCancellable *
mp_task_options_get_cancellable (MpTaskOptions *self)
{
  g_return_val_if_fail (MP_IS_TASK_OPTIONS (self), NULL);

  return self->cancellable;
}

/**
 * mp_task_options_set_cancellable: (set-property cancellable)
 * @self: options
 * @cancellable: (nullable): a #GCancellable
 *
 * What cancels the task, as [method@Mp.Result.cancel] does.
 *
 * Since: 0.1
 */
void
mp_task_options_set_cancellable (MpTaskOptions *self,
                                 GCancellable  *cancellable)
{
  g_return_if_fail (MP_IS_TASK_OPTIONS (self));

  if (!g_set_object (&self->cancellable, cancellable))
    return;

  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_CANCELLABLE]);
}
