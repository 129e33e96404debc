/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The doorbell: how a process that waits in a main loop hears of changes in shared memory. One
 * pollable fd per process; others ring it only while somebody here waits asynchronously. A ring
 * says nothing but "look again".
 */

#pragma once

#include <glib-object.h>

G_BEGIN_DECLS

/* A source that is dispatched when @ready (@data) is true. @ready is asked again whenever the
 * doorbell rings; it runs in the thread of the source's context and must not block. The source's
 * callback is a plain GSourceFunc with its own data (g_source_set_callback). */
GSource *mp_doorbell_source_new (GSourceFunc  ready,
                                 gpointer     data);

/* The source keeps @object alive as long as it lives itself. */
void     mp_doorbell_source_hold (GSource    *source,
                                  GObject    *object);

/* Called after every committed change that somebody may wait for. One load when nobody does. */
void     mp_doorbell_ring       (void);

G_END_DECLS
