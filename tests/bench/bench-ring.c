/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * What two CPUs and their caches allow at best: a ring for one producer and one consumer who never
 * sleep, check nothing and may not die.
 */

#include "config.h"

#include <string.h>
#include <sys/mman.h>

#include "bench-peers.h"
#include "bench-team.h"

#define SLOT 64

typedef struct {
  guint64 n_put __attribute__ ((aligned (128)));
  guint64 n_got __attribute__ ((aligned (128)));
  guint64 n_slots __attribute__ ((aligned (128)));
  guint8  slots[] __attribute__ ((aligned (128)));
} BenchRing;

static gpointer
open_ring (guint n_slots,
           gsize size)
{
  BenchRing *ring = mmap (NULL, sizeof (BenchRing) + (gsize) n_slots * SLOT,
                          PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

  g_assert (ring != MAP_FAILED && size == SLOT);
  ring->n_slots = n_slots;
  return ring;
}

static void
close_ring (gpointer channel)
{
  BenchRing *ring = channel;

  munmap (ring, sizeof (BenchRing) + ring->n_slots * SLOT);
}

static void
put_plain (gpointer      channel,
           const guint8 *data,
           gsize         size G_GNUC_UNUSED,
           guint64       n)
{
  BenchRing *ring = channel;

  for (guint64 i = 0; i < n; i++)
    {
      guint64 at = ring->n_put;

      while (at - __atomic_load_n (&ring->n_got, __ATOMIC_ACQUIRE) == ring->n_slots)
        bench_relax ();
      memcpy (ring->slots + (at % ring->n_slots) * SLOT, data, SLOT);
      __atomic_store_n (&ring->n_put, at + 1, __ATOMIC_RELEASE);
    }
}

static void
get_plain (gpointer  channel,
           guint8   *buffer,
           gsize     size G_GNUC_UNUSED,
           guint64   n)
{
  BenchRing *ring = channel;

  for (guint64 i = 0; i < n; i++)
    {
      guint64 at = ring->n_got;

      while (__atomic_load_n (&ring->n_put, __ATOMIC_ACQUIRE) == at)
        bench_relax ();
      memcpy (buffer, ring->slots + (at % ring->n_slots) * SLOT, SLOT);
      __atomic_signal_fence (__ATOMIC_SEQ_CST);
      __atomic_store_n (&ring->n_got, at + 1, __ATOMIC_RELEASE);
    }
}

/* The other's index is read again only when the one remembered says that there is nothing to do. */
static void
put_cached (gpointer      channel,
            const guint8 *data,
            gsize         size G_GNUC_UNUSED,
            guint64       n)
{
  BenchRing *ring = channel;
  guint64 n_got = __atomic_load_n (&ring->n_got, __ATOMIC_ACQUIRE);

  for (guint64 i = 0; i < n; i++)
    {
      guint64 at = ring->n_put;

      while (at - n_got == ring->n_slots)
        {
          bench_relax ();
          n_got = __atomic_load_n (&ring->n_got, __ATOMIC_ACQUIRE);
        }
      memcpy (ring->slots + (at % ring->n_slots) * SLOT, data, SLOT);
      __atomic_store_n (&ring->n_put, at + 1, __ATOMIC_RELEASE);
    }
}

static void
get_cached (gpointer  channel,
            guint8   *buffer,
            gsize     size G_GNUC_UNUSED,
            guint64   n)
{
  BenchRing *ring = channel;
  guint64 n_put = __atomic_load_n (&ring->n_put, __ATOMIC_ACQUIRE);

  for (guint64 i = 0; i < n; i++)
    {
      guint64 at = ring->n_got;

      while (n_put == at)
        {
          bench_relax ();
          n_put = __atomic_load_n (&ring->n_put, __ATOMIC_ACQUIRE);
        }
      memcpy (buffer, ring->slots + (at % ring->n_slots) * SLOT, SLOT);
      __atomic_signal_fence (__ATOMIC_SEQ_CST);
      __atomic_store_n (&ring->n_got, at + 1, __ATOMIC_RELEASE);
    }
}

const BenchPeer bench_ring_plain = {
  "bare ring", open_ring, NULL, put_plain, get_plain, close_ring,
};

const BenchPeer bench_ring_cached = {
  "bare ring, cached indices", open_ring, NULL, put_cached, get_cached, close_ring,
};
