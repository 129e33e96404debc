/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The ways to get a message from one process to another that are compared, behind one face. The
 * loops are inside, so that the face costs nothing where a message takes ten nanoseconds.
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct {
  const char *name;
  /* In the captain: a channel for @n_slots messages of up to @size bytes. */
  gpointer (*open)   (guint         n_slots,
                      gsize         size);
  /* In each member, once, before it puts or gets; or NULL. */
  void     (*attach) (gpointer      channel,
                      gboolean      puts);
  void     (*put)    (gpointer      channel,
                      const guint8 *data,
                      gsize         size,
                      guint64       n);
  void     (*get)    (gpointer      channel,
                      guint8       *buffer,
                      gsize         size,
                      guint64       n);
  void     (*close)  (gpointer      channel);
} BenchPeer;

/* Messages of the library, as bytes, with no bound, and as GVariants. */
extern const BenchPeer bench_mproc;
extern const BenchPeer bench_mproc_unbounded;
extern const BenchPeer bench_mproc_variant;

/* Rings for one producer and one consumer, with and without remembering the other's index. */
extern const BenchPeer bench_ring_cached;
extern const BenchPeer bench_ring_plain;

extern const BenchPeer bench_pipe;
extern const BenchPeer bench_socket;
extern const BenchPeer bench_packets;           /* keeps messages whole for several readers */
#ifdef BENCH_HAVE_BOOST
extern const BenchPeer bench_boost;
#endif
#ifdef BENCH_HAVE_ZMQ
extern const BenchPeer bench_zmq;
#endif

G_END_DECLS
