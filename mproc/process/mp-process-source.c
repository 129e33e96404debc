/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The end of a process as a GSource, for main loops of one's own.
 *
 * The source has a descriptor of its own, since that of the process is closed when somebody else
 * reaps it. In a forked child it is of no use, and destroys itself when it is next looked at.
 */

#include "config.h"

#include "mproc/process/mp-process-private.h"

#include <fcntl.h>

typedef struct
{
  GSource source;
  MpProcess *process;
  GCancellable *cancellable;
  int fd;               /* -1 where there are no pidfds */
  guint generation;
} ProcessSource;

static gboolean
is_ready (ProcessSource *self)
{
  return self->generation != mp_process_get_generation () ||
         g_cancellable_is_cancelled (self->cancellable) || !mp_process_is_alive (self->process);
}

static gboolean
process_source_prepare (GSource *source,
                        int     *timeout)
{
  ProcessSource *self = (ProcessSource *) source;

  *timeout = self->fd < 0 ? MP_PROCESS_BLIND_SLICE / 1000 : -1;
  return self->generation != mp_process_get_generation ();
}

static gboolean
process_source_check (GSource *source)
{
  return is_ready ((ProcessSource *) source);
}

static gboolean
process_source_dispatch (GSource     *source,
                         GSourceFunc  callback,
                         gpointer     data)
{
  ProcessSource *self = (ProcessSource *) source;

  if (self->generation != mp_process_get_generation () || callback == NULL)
    return G_SOURCE_REMOVE;

  return is_ready (self) ? callback (data) : G_SOURCE_CONTINUE;
}

static void
process_source_finalize (GSource *source)
{
  ProcessSource *self = (ProcessSource *) source;

  mp_clear_fd (&self->fd);
  g_object_unref (self->process);
  g_clear_object (&self->cancellable);
}

static int
dup_sentinel (MpProcess *process)
{
  MpProcessPrivate *priv = mp_process_private (process);
  int fd = -1;

  mp_process_lock ();
  if (priv->pidfd >= 0)
    fd = fcntl (priv->pidfd, F_DUPFD_CLOEXEC, 3);
  mp_process_unlock ();

  return fd;
}

/**
 * mp_process_create_source:
 * @self: a started process, or the parent
 * @cancellable: (nullable): a cancellable
 *
 * Makes a source that is ready when the process has ended, or when @cancellable was cancelled. Its
 * callback is a #GSourceFunc; as long as that returns %G_SOURCE_CONTINUE it is called again. For a
 * process that was not started it is ready at once.
 *
 * Returns: (transfer full): the source, to be attached to a main context
 *
 * Since: 0.1
 */
GSource *
mp_process_create_source (MpProcess    *self,
                          GCancellable *cancellable)
{
  static GSourceFuncs funcs = {
    .prepare = process_source_prepare,
    .check = process_source_check,
    .dispatch = process_source_dispatch,
    .finalize = process_source_finalize,
  };
  GSource *source;
  ProcessSource *it;

  g_return_val_if_fail (MP_IS_PROCESS (self), NULL);

  source = g_source_new (&funcs, sizeof (ProcessSource));
  g_source_set_static_name (source, "[mproc] process");
  it = (ProcessSource *) source;
  it->process = g_object_ref (self);
  it->fd = dup_sentinel (self);
  it->generation = mp_process_get_generation ();
  if (it->fd >= 0)
    g_source_add_unix_fd (source, it->fd, G_IO_IN);
  if (!mp_process_is_alive (self))
    g_source_set_ready_time (source, 0);

  if (cancellable != NULL)
    {
      g_autoptr (GSource) cancelled = g_cancellable_source_new (cancellable);

      it->cancellable = g_object_ref (cancellable);
      g_source_set_dummy_callback (cancelled);
      g_source_add_child_source (source, cancelled);
    }

  return source;
}
