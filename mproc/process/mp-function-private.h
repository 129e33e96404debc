/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * How a function's name or address travels to another process, and how it is called there.
 */

#pragma once

#include "mproc/process/mp-function.h"

G_BEGIN_DECLS

/* Calls the function that @size bytes at @function name, in the way @kind. Returns its result, not
 * floating, or NULL with @error set: the function's own error, or MP_ERROR_NO_SUCH_FUNCTION,
 * MP_ERROR_NOT_SUPPORTED or MP_ERROR_TASK_FAILED. */
GVariant   *mp_function_call            (guint          kind,
                                         const guint8  *function,
                                         gsize          size,
                                         GVariant      *argument,
                                         GError       **error);

/* The same for a function whose address is known. */
GVariant   *mp_function_call_func       (MpTaskFunc     func,
                                         GVariant      *argument,
                                         GError       **error);

/* What names the function at the address @func in another process, for MP_FUNCTION_SYMBOL. NULL
 * with MP_ERROR_NOT_SUPPORTED if it is in no library and not in the program either. */
GBytes     *mp_function_describe        (MpTaskFunc     func,
                                         GError       **error);

/* The address, in this process, of what mp_function_describe() named in another one; the library
 * is loaded if need be, and stays. NULL with MP_ERROR_NO_SUCH_FUNCTION. */
MpTaskFunc  mp_function_resolve         (const guint8  *function,
                                         gsize          size,
                                         GError       **error);

/* Calls the function that is registered under a name and is in the library of this handle of
 * dlopen(), for @result or @error as above; FALSE if there is none. */
gboolean    mp_function_call_of_library (void          *library,
                                         const char    *name,
                                         GVariant      *argument,
                                         GVariant     **result,
                                         GError       **error);

/* Whether a function is registered under this name in this process. */
gboolean    mp_function_is_registered   (const char    *name);

/* Guards what is known of functions; found free after a fork. */
void        mp_function_lock            (void);
void        mp_function_unlock          (void);

G_END_DECLS
