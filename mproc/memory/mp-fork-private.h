/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * What happens to a process's place in the family when it forks.
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* A private mutex that fork() takes too: what it protects is never half done in a child. */
void mp_fork_lock   (void);
void mp_fork_unlock (void);

/* Runs @hook in every forked child of this process, before anything else there. */
typedef void (*MpForkHook) (void);

void mp_fork_add_child_hook (MpForkHook hook);

/* Runs @hook when this process joins the family, with the mutex held. */
void mp_fork_add_join_hook  (MpForkHook hook);
void mp_fork_run_join_hooks (void);

/* Gives back what was set aside for children of this process that died before they came. */
void mp_fork_sweep  (void);

G_END_DECLS
