/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * How the failure of a task travels: a dictionary of type a{sv} with any of
 *
 *   domain s, code i     of a GError; the caller gets the very same again
 *   language s, type s   of an exception: "python", "ValueError"
 *   message s
 *   traceback s          as the language prints it
 *   exception ay         as the language stores it
 *   pid i                of the worker
 *   signal i             that ended it, or
 *   exit-code i          with which it exited
 */

#pragma once

#include "mproc/base/mp-error.h"

G_BEGIN_DECLS

/* What a language tells of an exception. Texts may be NULL, and need not be UTF-8. */
typedef struct {
  const char   *language;
  const char   *type_name;
  const char   *message;
  const char   *traceback;
  const guint8 *exception;
  gsize         exception_size;
} MpTaskException;

/* Both return a floating a{sv}. @pid: 0 if no worker had anything to do with it. */
GVariant *mp_task_error_from_exception (const MpTaskException *exception,
                                        int                    pid);
GVariant *mp_task_error_from_error     (const GError          *error,
                                        int                    pid);

/* The same for a worker that ended; @exit_code: MP_EXIT_CODE_NONE if it did not. */
GVariant *mp_task_error_from_verdict   (const GError          *error,
                                        int                    pid,
                                        int                    exit_code);

/* Whether what failed is the task's travel, rather than the task. */
gboolean  mp_task_error_is_serialization (const GError        *error,
                                          GVariant            *details);

/* The error for the task's caller. @details of any other type gives one that says so. */
GError   *mp_task_error_to_error       (GVariant              *details);

/* "was killed by signal 9 (SIGKILL)", "exited with code 3"… Free it. */
char     *mp_task_error_describe_exit  (int                    exit_code);

G_END_DECLS
