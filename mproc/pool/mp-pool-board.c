/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The board as a class of shared objects. The owner writes generation, closing, rules and the bits
 * of cancelled tasks, each worker its own seat; the owner clears the seat of a worker it found
 * dead, and may condemn what it runs. No lock and no recovery: every word has one writer at a time,
 * or is changed by an atomic exchange, and means something by itself.
 */

#include "config.h"

#include "mproc/pool/mp-pool-board-private.h"

#include "mproc/sync/mp-wait-private.h"

struct _MpPoolBoard
{
  MpShared parent_instance;
};

G_DEFINE_FINAL_TYPE (MpPoolBoard, mp_pool_board, MP_TYPE_SHARED)

static void
mp_pool_board_constructed (GObject *object)
{
  gboolean is_new;

  G_OBJECT_CLASS (mp_pool_board_parent_class)->constructed (object);

  mp_shared_construct (MP_SHARED (object), MP_KIND_POOL, &is_new);
}

static void
mp_pool_board_class_init (MpPoolBoardClass *klass)
{
  G_OBJECT_CLASS (klass)->constructed = mp_pool_board_constructed;
}

static void
mp_pool_board_init (MpPoolBoard *self)
{
}

static void __attribute__ ((constructor))
mp_pool_board_register_kind (void)
{
  static const MpKindInfo info = {
    .name = "pool",
    .size = sizeof (MpPoolBoardData),
    .get_type = mp_pool_board_get_type,
  };

  mp_kind_register (MP_KIND_POOL, &info);
}

MpPoolBoard *
mp_pool_board_new (GError **error)
{
  return mp_shared_check (g_object_new (MP_TYPE_POOL_BOARD, NULL), error);
}

MpPoolBoardData *
mp_pool_board_get_data (MpPoolBoard *self)
{
  return mp_shared_get_data (MP_SHARED (self));
}

/* ── Nothing ────────────────────────────────────────────────────────────────────────────────── */

GVariant *
mp_pool_get_nothing_value (void)
{
  static GVariant *value;

  if (g_once_init_enter (&value))
    g_once_init_leave (&value, g_variant_ref_sink (g_variant_new_maybe (G_VARIANT_TYPE_VARIANT,
                                                                        NULL)));

  return value;
}

/* A variant that is nothing; it is encoded once. */
MpPayload *
mp_pool_get_nothing (void)
{
  static MpPayload *nothing;

  if (g_once_init_enter (&nothing))
    g_once_init_leave (&nothing, mp_payload_new_variant (mp_pool_get_nothing_value ()));

  return nothing;
}

/* ── Waiting ────────────────────────────────────────────────────────────────────────────────── */

typedef struct {
  MpRing      *ring;
  GSourceFunc  ready;
  gpointer     data;
} Waiting;

static gboolean
is_worth_waking (gpointer data)
{
  const Waiting *waiting = data;

  return mp_ring_readable (waiting->ring) || waiting->ready (waiting->data);
}

MpStatus
mp_pool_board_wait (MpQueue      *queue,
                    GSourceFunc   ready,
                    gpointer      data,
                    gint64        deadline,
                    GCancellable *cancellable,
                    gboolean     *slept)
{
  Waiting waiting = { mp_shared_get_data (MP_SHARED (queue)), ready, data };
  MpWaitLimits limits = { deadline, cancellable, TRUE };

  *slept = FALSE;
  if (waiting.ring == NULL)
    return MP_STATUS_INVALID;

  return mp_word_wait (&waiting.ring->readable, is_worth_waking, &waiting, waiting.ring, &limits,
                       slept);
}

void
mp_pool_board_pass_on (MpQueue *queue)
{
  MpRing *ring = mp_shared_get_data (MP_SHARED (queue));

  if (ring != NULL)
    mp_event_pass_on (&ring->readable, mp_ring_readable, ring);
}
