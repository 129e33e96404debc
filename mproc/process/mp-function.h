/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Functions that can be named in one process and run in another.
 */

#pragma once

#if !defined(MP_INSIDE) && !defined(MP_COMPILATION)
#error "Only <mproc/mproc.h> can be included directly."
#endif

#include "mproc/base/mp-error.h"

G_BEGIN_DECLS

/**
 * MpTaskFunc:
 * @argument: the task's argument
 * @error: return location for an error, which the caller of the task gets
 *
 * A function that can be a task: it has no data of its own, so that its address or symbol is
 * all a worker must know.
 *
 * Returns: (transfer full): the result; a floating reference is sunk
 *
 * Since: 0.1
 */
typedef GVariant *(*MpTaskFunc)  (GVariant  *argument,
                                  GError   **error);

/**
 * MpNamedFunc:
 * @argument: the task's argument
 * @user_data: the data given at registration
 * @error: return location for an error, which the caller of the task gets
 *
 * A function registered under a name. It may have data of its own, because workers that are
 * forked after the registration inherit it.
 *
 * Returns: (transfer full): the result; a floating reference is sunk
 *
 * Since: 0.1
 */
typedef GVariant *(*MpNamedFunc) (GVariant  *argument,
                                  gpointer   user_data,
                                  GError   **error);

/**
 * MpFunctionKind:
 * @MP_FUNCTION_NAMED: the bytes are a name given to [func@Mp.function_register].
 * @MP_FUNCTION_SYMBOL: the bytes are a library's path and an offset in it.
 * @MP_FUNCTION_LANGUAGE: the first value that language bindings use as they like.
 *
 * How a task names its function.
 *
 * Since: 0.1
 */
typedef enum {
  MP_FUNCTION_NAMED = 1,
  MP_FUNCTION_SYMBOL = 2,
  MP_FUNCTION_LANGUAGE = 16,
} MpFunctionKind;

MP_AVAILABLE_IN_0_1
void     mp_function_register (const char     *name,
                               MpNamedFunc     func,
                               gpointer        user_data,
                               GDestroyNotify  notify);

G_END_DECLS
