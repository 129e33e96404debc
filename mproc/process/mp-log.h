/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Messages about what processes do.
 */

#pragma once

#if !defined(MP_INSIDE) && !defined(MP_COMPILATION)
#error "Only <mproc/mproc.h> can be included directly."
#endif

#include "mproc/base/mp-error.h"

G_BEGIN_DECLS

/**
 * MpLogLevel:
 * @MP_LOG_LEVEL_OFF: nothing is logged.
 * @MP_LOG_LEVEL_SUBDEBUG: for who looks for a fault in the library itself.
 * @MP_LOG_LEVEL_DEBUG: details.
 * @MP_LOG_LEVEL_INFO: processes that start and end.
 * @MP_LOG_LEVEL_SUBWARNING: what may be worth a look.
 * @MP_LOG_LEVEL_WARNING: what is probably wrong.
 * @MP_LOG_LEVEL_ERROR: what failed.
 *
 * How important a message is. Any number in between may be used too; only messages of at least the
 * level that was set are logged.
 *
 * Since: 0.1
 */
typedef enum {
  MP_LOG_LEVEL_OFF = 0,
  MP_LOG_LEVEL_SUBDEBUG = 5,
  MP_LOG_LEVEL_DEBUG = 10,
  MP_LOG_LEVEL_INFO = 20,
  MP_LOG_LEVEL_SUBWARNING = 25,
  MP_LOG_LEVEL_WARNING = 30,
  MP_LOG_LEVEL_ERROR = 40,
} MpLogLevel;

/**
 * MpLogFunc:
 * @level: how important it is, see [enum@Mp.LogLevel]
 * @message: the text
 * @user_data: the data given to mp_log_set_func()
 *
 * Writes a message. It may log nothing itself through the library.
 *
 * Since: 0.1
 */
typedef void (*MpLogFunc) (int         level,
                           const char *message,
                           gpointer    user_data);

MP_AVAILABLE_IN_0_1
void     mp_log_set_level     (int             level);
MP_AVAILABLE_IN_0_1
int      mp_log_get_level     (void);
MP_AVAILABLE_IN_0_1
void     mp_log_set_to_stderr (gboolean        to_stderr);
MP_AVAILABLE_IN_0_1
gboolean mp_log_get_to_stderr (void);
MP_AVAILABLE_IN_0_1
void     mp_log_set_func      (MpLogFunc       func,
                               gpointer        user_data,
                               GDestroyNotify  notify);
MP_AVAILABLE_IN_0_1
void     mp_log_message       (int             level,
                               const char     *message);

G_END_DECLS
