/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The library, used as any program does.
 */

#include "config.h"

#include <mproc/mproc.h>

#include "bench-peers.h"

static gpointer
open_bounded (guint n_slots,
              gsize size G_GNUC_UNUSED)
{
  g_autoptr (GError) error = NULL;
  MpQueue *queue = mp_queue_new (n_slots, &error);

  g_assert_no_error (error);
  return queue;
}

static gpointer
open_unbounded (guint n_slots G_GNUC_UNUSED,
                gsize size)
{
  return open_bounded (0, size);
}

static void
put_bytes (gpointer      channel,
           const guint8 *data,
           gsize         size,
           guint64       n)
{
  for (guint64 i = 0; i < n; i++)
    if (!mp_queue_put_bytes (channel, data, size, -1, NULL, NULL))
      g_error ("A message cannot be put");
}

static void
get_bytes (gpointer  channel,
           guint8   *buffer,
           gsize     size,
           guint64   n)
{
  for (guint64 i = 0; i < n; i++)
    if (mp_queue_get_into (channel, buffer, size, -1, NULL, NULL) != (gssize) size)
      g_error ("A message cannot be taken");
}

static void
put_variants (gpointer      channel,
              const guint8 *data,
              gsize         size,
              guint64       n)
{
  for (guint64 i = 0; i < n; i++)
    if (!mp_queue_put (channel, g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, data, size, 1), -1,
                       NULL, NULL))
      g_error ("A value cannot be put");
}

static void
get_variants (gpointer  channel,
              guint8   *buffer G_GNUC_UNUSED,
              gsize     size,
              guint64   n)
{
  for (guint64 i = 0; i < n; i++)
    {
      GVariant *value = mp_queue_get (channel, -1, NULL, NULL);

      if (value == NULL || g_variant_get_size (value) != size)
        g_error ("A value cannot be taken");
      g_variant_unref (value);
    }
}

const BenchPeer bench_mproc = {
  "mproc", open_bounded, NULL, put_bytes, get_bytes, g_object_unref,
};

const BenchPeer bench_mproc_unbounded = {
  "mproc, no bound", open_unbounded, NULL, put_bytes, get_bytes, g_object_unref,
};

const BenchPeer bench_mproc_variant = {
  "mproc, as GVariant", open_bounded, NULL, put_variants, get_variants, g_object_unref,
};
