/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The library's own messages. Where nobody listens they cost the look at one variable.
 */

#pragma once

#include "mproc/process/mp-log.h"

G_BEGIN_DECLS

extern int mp_log_threshold;

void mp_log_printf (int         level,
                    const char *format,
                    ...) G_GNUC_PRINTF (2, 3);

#define MP_LOG(level, ...) \
  (G_UNLIKELY (mp_log_threshold != 0 && mp_log_threshold <= (level)) \
     ? mp_log_printf ((level), __VA_ARGS__) : (void) 0)
#define MP_LOG_DEBUG(...) MP_LOG (MP_LOG_LEVEL_DEBUG, __VA_ARGS__)
#define MP_LOG_INFO(...) MP_LOG (MP_LOG_LEVEL_INFO, __VA_ARGS__)

G_END_DECLS
