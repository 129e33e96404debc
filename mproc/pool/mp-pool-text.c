/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Tasks whose function and argument are texts, for bindings of languages in which a text crosses
 * the border at much less cost than bytes do, and an object at more: one call gives a task, waits
 * for it a moment, and has its value.
 */

#include "config.h"

#include "mproc/pool/mp-pool.h"

#include <string.h>

#include "mproc/base/mp-deadline-private.h"
#include "mproc/base/mp-payload-private.h"
#include "mproc/pool/mp-pool-private.h"
#include "mproc/pool/mp-result-private.h"

/**
 * mp_pool_submit_text:
 * @self: a pool
 * @kind: how @function is to be understood: an [enum@Mp.FunctionKind], or a number from
 *   %MP_FUNCTION_LANGUAGE up
 * @function: what names the function
 * @flags: an [flags@Mp.TaskFlags]
 * @text: the argument as JSON text
 * @options: (nullable): how the task is to be run
 * @error: return location for an error
 *
 * Gives a task, as [method@Mp.Pool.submit_data_with] does, for bindings.
 *
 * It fails as [method@Mp.Pool.submit_data] does.
 *
 * Returns: (transfer full): the result to be
 *
 * Since: 0.1
 */
MpResult *
mp_pool_submit_text (MpPool         *self,
                     guint           kind,
                     const char     *function,
                     guint           flags,
                     const char     *text,
                     MpTaskOptions  *options,
                     GError        **error)
{
  MpQueuePart piece;

  g_return_val_if_fail (MP_IS_POOL (self), NULL);
  g_return_val_if_fail (function != NULL && text != NULL, NULL);
  g_return_val_if_fail (options == NULL || MP_IS_TASK_OPTIONS (options), NULL);

  piece = (MpQueuePart) { text, strlen (text) };

  return mp_pool_submit_foreign (self, &(MpPoolFunction) { kind, function, strlen (function), 0 },
                                 flags, &(MpPoolArgument) { MP_ENCODING_JSON, &piece, 1 },
                                 options, error);
}

/* (transfer full) (nullable): the value, if it is there, is a text, and refers to nothing. */
static char *
steal_text (MpResult *result)
{
  const char *data;
  gsize size;

  if (!mp_result_peek_ready (result) || result->error != NULL
      || mp_payload_get_encoding (result->payload) != MP_ENCODING_JSON
      || mp_payload_get_holder (result->payload) != NULL)
    return NULL;

  data = g_bytes_get_data (mp_payload_get_bytes (result->payload), &size);

  return memchr (data, '\0', size) == NULL ? g_strndup (data, size) : NULL;
}

/**
 * mp_pool_apply_text:
 * @self: a pool
 * @kind: how @function is to be understood: an [enum@Mp.FunctionKind], or a number from
 *   %MP_FUNCTION_LANGUAGE up
 * @function: what names the function
 * @text: the argument as JSON text
 * @rest: (out) (transfer full) (nullable): the result, unless its text is returned
 * @error: return location for an error
 *
 * Gives a task and waits for it, for bindings: at most a tenth of a second, once it is given.
 *
 * If the task is not done until then, or failed, or its value is no text alone, @rest is the
 * result, to be dealt with as that of [method@Mp.Pool.submit_text].
 *
 * In a pool that is bounded it first waits for room, without limit: a caller whose waiting can end
 * calls [method@Mp.Pool.wait_room_raw] instead, and then [method@Mp.Pool.submit_text]. It fails as
 * [method@Mp.Pool.submit] does.
 *
 * Returns: (transfer full) (nullable): what the task returned, as JSON text, or %NULL with either
 *   @rest or @error set
 *
 * Since: 0.1
 */
char *
mp_pool_apply_text (MpPool      *self,
                    guint        kind,
                    const char  *function,
                    const char  *text,
                    MpResult   **rest,
                    GError     **error)
{
  g_autoptr (MpResult) result = NULL;
  GError *problem = NULL;
  char *value;

  *rest = NULL;
  g_return_val_if_fail (MP_IS_POOL (self), NULL);
  g_return_val_if_fail (function != NULL && text != NULL, NULL);

  do
    {
      if (!mp_pool_make_room (self, &(MpPoolRequest) { NULL }, error))
        return NULL;
      result = mp_pool_submit_text (self, kind, function, MP_TASK_DEFAULT, text, NULL, &problem);
    }
  while (result == NULL && mp_pool_was_overtaken (&problem));

  if (problem != NULL)
    g_propagate_error (error, problem);
  if (result == NULL)
    return NULL;

  mp_result_wait_until (result, MP_DEADLINE_NEVER, TRUE, NULL);
  value = steal_text (result);
  if (value == NULL)
    *rest = g_steal_pointer (&result);

  return value;
}
