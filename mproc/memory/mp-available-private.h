/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * How much memory this process may still expect to get.
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Bytes: the least of MemAvailable and what the memory cgroups above this process leave. At least
 * 64 MiB. */
guint64 mp_available_memory (void);

G_END_DECLS
