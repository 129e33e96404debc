/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The family as the upper floors see it: who this process is in it, how an exec'ed child gets in.
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The environment variable by which an exec'ed child finds the arena: "FD:TOKEN". */
#define MP_FAMILY_ENVIRONMENT "MPROC_ARENA"

/* Creates or attaches the arena if this process has none yet. Cheap when it has. */
gboolean    mp_family_ensure           (GError     **error);

/* The arena's fd in this process (close-on-exec); valid after mp_family_ensure(). */
int         mp_family_get_fd           (void);

/* "FD:TOKEN" for an exec'ed child in which the arena's fd will be number @fd. Free it. */
char       *mp_family_get_invitation   (int          fd);

/* The name of this process for other members of the family, such as "MainProcess". */
void        mp_family_set_self_name    (const char  *name);
const char *mp_family_get_self_name    (void);

/* The caller has just forked (through fork(), not _Fork() or vfork()) in this thread; @pid as
 * fork() returned it. */
void        mp_family_child_started    (int          pid);

/* The caller has reaped child @pid: what was set aside for it is given back if it never arrived,
 * and what it held is recovered. */
void        mp_family_child_ended      (int          pid);

G_END_DECLS
