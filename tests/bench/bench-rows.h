/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The groups of rows of the table, one function each. Each opens what it compares, runs the
 * contest, and closes it all again.
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* bench-streams.c: messages per second. */
void bench_streams       (void);
void bench_crowds        (void);
void bench_large         (void);

/* bench-blocks.c: large messages without a copy. */
void bench_views         (void);
void bench_in_place      (void);

/* bench-latency.c: how soon an answer comes, and what waiting costs. */
void bench_hot_trips     (void);
void bench_asleep_trips  (void);
void bench_idle          (void);

/* bench-objects.c: locks, and what queues and locks cost to have. */
void bench_locks         (void);
void bench_many_locks    (void);
void bench_creation      (void);
void bench_backlog       (void);
void bench_fork          (void);

/* bench-connections.c: ends of pipes, and sockets. */
void bench_connections   (void);

G_END_DECLS
