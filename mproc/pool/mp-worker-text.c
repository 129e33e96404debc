/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The short way through a worker, for bindings of languages in which each thing that crosses the
 * border has its price: a task whose function has a number, and whose argument is a text, is a few
 * numbers and that text; so is its outcome. All other tasks are had by mp_worker_get_task().
 */

#include "config.h"

#include "mproc/pool/mp-worker.h"

#include <string.h>

#include "mproc/base/mp-deadline-private.h"
#include "mproc/pool/mp-worker-private.h"

/* What came in a block may refer to shared objects, which the block holds. */
static gboolean
is_short (MpWorker *self)
{
  const MpWorkerTask *task = &self->task;

  return task->known != 0 && task->encoding == MP_ENCODING_JSON && !task->is_empty
         && self->block == NULL
         && memchr (task->argument, '\0', task->argument_size) == NULL;
}

/**
 * mp_worker_next_text:
 * @self: a worker without a task
 * @usec: how long to wait, in microseconds; negative for no limit
 * @flags: (out): an [flags@Mp.TaskFlags]
 * @function: (out): a number that means the same function for as long as the worker is one
 * @text: (out) (transfer full) (nullable): the argument as JSON text
 *
 * Takes the next task, as [method@Mp.Worker.next] does.
 *
 * The first time that a worker meets a number it learns by [method@Mp.Worker.get_task] what
 * function that is. So it does if @text is %NULL: then @function means nothing, and there is more
 * to the task than a text.
 *
 * Returns: a status as from [method@Mp.Worker.next]
 *
 * Since: 0.1
 */
int
mp_worker_next_text (MpWorker  *self,
                     gint64     usec,
                     guint     *flags,
                     guint     *function,
                     char     **text)
{
  MpStatus status;

  *flags = *function = 0;
  *text = NULL;
  g_return_val_if_fail (MP_IS_WORKER (self), MP_STATUS_INVALID);

  status = mp_worker_take (self, mp_deadline_from_usec (usec));
  if (status != MP_STATUS_OK)
    return status;

  *flags = self->task.flags;
  if (is_short (self))
    {
      *function = self->task.known;
      *text = g_strndup ((const char *) self->task.argument, self->task.argument_size);
    }

  return MP_STATUS_OK;
}

/**
 * mp_worker_finish_text:
 * @self: a worker that has taken a task
 * @text: what the task returned, as JSON text
 *
 * Says that the task went well, as [method@Mp.Worker.finish] does.
 *
 * Returns: a status as from [method@Mp.Worker.finish]
 *
 * Since: 0.1
 */
int
mp_worker_finish_text (MpWorker   *self,
                       const char *text)
{
  g_return_val_if_fail (text != NULL, MP_STATUS_INVALID);

  return mp_worker_finish (self, MP_ENCODING_JSON, (const guint8 *) text, strlen (text));
}
