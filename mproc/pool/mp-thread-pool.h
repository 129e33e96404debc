/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * A pool whose workers are threads of this process. See mp-thread-pool.c.
 */

#pragma once

#if !defined(MP_INSIDE) && !defined(MP_COMPILATION)
#error "Only <mproc/mproc.h> can be included directly."
#endif

#include "mproc/pool/mp-pool.h"

G_BEGIN_DECLS

#define MP_TYPE_THREAD_POOL (mp_thread_pool_get_type ())
MP_AVAILABLE_IN_0_1
G_DECLARE_FINAL_TYPE (MpThreadPool, mp_thread_pool, MP, THREAD_POOL, MpPool)

MP_AVAILABLE_IN_0_1
MpThreadPool *mp_thread_pool_new (guint    n_threads,
                                  GError **error);

G_END_DECLS
