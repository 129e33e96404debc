/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * What a pool and its workers share beside the two queues, and the form of what lies in those.
 *
 * The board is an object in shared memory: what the owner tells its workers (the generation, and
 * that nothing more will come), and a seat per worker with the number of the task message it holds.
 */

#pragma once

#include "mproc/channel/mp-queue-private.h"
#include "mproc/memory/mp-shared-private.h"

G_BEGIN_DECLS

#define MP_POOL_MAX_WORKERS 1000

/* Workers that leave after a renewal overlap with those that take their place. */
#define MP_POOL_SEATS(n_workers) (2 * (n_workers))

typedef struct {
  guint64 lease;            /* the message held or just being taken; 0: none */
  guint32 taken;            /* the worker has come, and opened all it needs */
  guint32 unused[5];        /* two seats to a cache line */
} MpPoolSeat;

typedef struct {
  MpSharedHeader header;
  guint32        generation;   /* workers made for an older one leave */
  guint32        closing;      /* workers leave when the task queue is empty */
  MpPoolSeat     seats[MP_POOL_SEATS (MP_POOL_MAX_WORKERS)];
} MpPoolBoardData;

/* A message in the task queue: this, the argument (in the message's encoding), the function. */
typedef struct {
  guint64 id;
  guint32 kind;
  guint32 flags;
  guint32 generation;       /* of the pool when the task was given */
  guint32 function_size;
} MpTaskHeader;

typedef enum {
  MP_OUTCOME_VALUE = 1,     /* the payload is the result */
  MP_OUTCOME_FAILED,        /* … the failure, a{sv} as in mp-task-error-private.h */
  MP_OUTCOME_BACK,          /* … the task's own message: the worker was too old for it */
} MpOutcome;

/* A message in the result queue: this, the payload (in the message's encoding). */
typedef struct {
  guint64 id;
  guint32 seat;
  gint32  pid;
  guint32 outcome;
  guint32 unused;
} MpResultHeader;

#define MP_TYPE_POOL_BOARD (mp_pool_board_get_type ())
G_DECLARE_FINAL_TYPE (MpPoolBoard, mp_pool_board, MP, POOL_BOARD, MpShared)

MpPoolBoard     *mp_pool_board_new      (GError      **error);
MpPoolBoardData *mp_pool_board_get_data (MpPoolBoard  *self);

/* Waits until there is something to take from @queue, or @ready (@data), which must not block, says
 * that there is something else to see to. A kick of the queue has it asked. MP_STATUS_INTERRUPTED:
 * a signal came, or a tenth of a second is over. */
MpStatus         mp_pool_board_wait     (MpQueue      *queue,
                                         GSourceFunc   ready,
                                         gpointer      data,
                                         gint64        deadline,
                                         GCancellable *cancellable,
                                         gboolean     *slept);

/* Who slept and then took something lets the next one know that there may be more. */
void             mp_pool_board_pass_on  (MpQueue      *queue);

static inline guint32
mp_pool_board_load (const guint32 *word)
{
  return __atomic_load_n (word, __ATOMIC_SEQ_CST);
}

static inline void
mp_pool_board_store (guint32 *word,
                     guint32  value)
{
  __atomic_store_n (word, value, __ATOMIC_SEQ_CST);
}

static inline guint64
mp_pool_board_get_lease (MpPoolBoardData *board,
                         guint            seat)
{
  return __atomic_load_n (&board->seats[seat].lease, __ATOMIC_SEQ_CST);
}

/* For a new worker, before it is started. */
static inline void
mp_pool_board_clear_seat (MpPoolBoardData *board,
                          guint            seat)
{
  __atomic_store_n (&board->seats[seat].lease, 0, __ATOMIC_SEQ_CST);
  mp_pool_board_store (&board->seats[seat].taken, 0);
}

static inline void
mp_pool_board_clear_lease (MpPoolBoardData *board,
                           guint            seat)
{
  __atomic_store_n (&board->seats[seat].lease, 0, __ATOMIC_SEQ_CST);
}

G_END_DECLS
