/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * What a pool and its workers share beside the two queues, and the form of what lies in those.
 *
 * The board is an object in shared memory: what the owner tells its workers (the generation, that
 * nothing more will come, the rules for all, which tasks are cancelled), and a seat per worker with
 * the number of the task message it holds and the task that it runs.
 */

#pragma once

#include "mproc/channel/mp-queue-private.h"
#include "mproc/memory/mp-shared-private.h"

G_BEGIN_DECLS

#define MP_POOL_MAX_WORKERS 1000

/* Workers that leave after a renewal overlap with those that take their place. */
#define MP_POOL_SEATS(n_workers) (2 * (n_workers))

/* A task queue for each priority, the most urgent first. */
#define MP_POOL_LANES 3
#define MP_POOL_LANE_NORMAL 1

/* A bit for each of the tasks given last, see mp_pool_board_is_cancelled(). */
#define MP_POOL_CANCEL_BITS (G_GUINT64_CONSTANT (1) << 20)

/* Functions of C that tasks can name by a number. */
#define MP_POOL_FUNCTIONS 32

/* In MpPoolSeat.running, by the owner: the worker is being killed for this task. */
#define MP_SEAT_CONDEMNED (G_GUINT64_CONSTANT (1) << 63)

typedef enum {
  MP_SEAT_EMPTY,            /* the worker has not come yet */
  MP_SEAT_TAKEN,            /* it has come, and opened all it needs */
  MP_SEAT_LEFT,             /* it takes no more tasks, and is about to end */
} MpSeatState;

/* A cache line. All words but those of the owner are the worker's. */
typedef struct {
  guint64 lease;            /* the message held or just being taken; 0: none */
  guint64 running;          /* the task at work; 0: none. The owner may condemn it */
  gint64  since;            /* when that began, monotonic, microseconds; if it is watched */
  gint64  limit;            /* when the kernel will kill the worker for it; 0: never */
  guint32 taken;            /* MpSeatState */
  guint32 lane;             /* the queue that the lease is from */
  guint32 leave;            /* by the owner: end when idle */
  gint32  output;           /* by the owner: its descriptor of the file to print to; -1: none */
  guint32 verdict;          /* MpTaskFailure: why the worker kills itself; 0: it does not */
  guint32 unused[3];
} MpPoolSeat;

G_STATIC_ASSERT (sizeof (MpPoolSeat) == 64);

/* What holds for every worker, whatever its language; the owner writes it, at any time. */
typedef struct {
  guint32 max_tasks;        /* then a worker ends; 0: no bound */
  guint32 timed;            /* outcomes say when the task began and ended */
  guint64 max_memory;       /* resident bytes after a task with which a worker ends; 0: any */
  guint64 memory_limit;     /* resident bytes; beyond it a worker is killed; 0: none */
  gint64  idle_usec;        /* without a task, after which a worker ends; 0: never */
  gint32  owner;            /* the process, */
  guint32 unused;
} MpPoolRules;

/* How a function of C is named, as mp_function_describe() says. Written once, by the owner, before
 * any task has its number. */
typedef struct {
  guint32 size;
  guint8  name[252];
} MpPoolName;

typedef struct {
  MpSharedHeader header;
  guint32        generation;   /* workers made for an older one leave */
  guint32        closing;      /* workers leave when the task queues are empty */
  MpPoolRules    rules;
  MpPoolSeat     seats[MP_POOL_SEATS (MP_POOL_MAX_WORKERS)] __attribute__ ((aligned (64)));
  guint64        cancelled[MP_POOL_CANCEL_BITS / 64];
  MpPoolName     functions[MP_POOL_FUNCTIONS];
} MpPoolBoardData;

/* In MpTaskHeader.flags, beside those of MpTaskFlags: a MpTaskLimits follows the header. */
#define MP_TASK_LIMITED (1u << 16)
/* There is no argument: it is mp_pool_get_nothing(). */
#define MP_TASK_EMPTY (1u << 17)
/* The function's name is on the board; its size is the number there. */
#define MP_TASK_KNOWN (1u << 18)
#define MP_TASK_INNER (MP_TASK_LIMITED | MP_TASK_EMPTY | MP_TASK_KNOWN)

/* A message in a task queue: this, the argument (in the message's encoding), the function. */
typedef struct {
  guint64 id;
  guint32 kind;
  guint32 flags;
  guint32 generation;       /* of the pool when the task was given */
  guint32 function_size;
} MpTaskHeader;

/* Microseconds from the task's beginning; 0: none. */
typedef struct {
  gint64 soft;
  gint64 hard;
} MpTaskLimits;

typedef enum {
  MP_OUTCOME_VALUE = 1,     /* the payload is the result */
  MP_OUTCOME_FAILED,        /* … the failure, a{sv} as in mp-task-error-private.h */
  MP_OUTCOME_BACK,          /* … the task's own message: the worker was too old for it */
  MP_OUTCOME_PROGRESS,      /* … a double and text: the task goes on */
  MP_OUTCOME_OUTPUT,        /* … what the task printed: its outcome comes next */
  MP_OUTCOME_NOTHING,       /* the result is mp_pool_get_nothing(): there is no payload */
} MpOutcome;

/* A message in the result queue: this, its times if it is timed, the payload (in the message's
 * encoding). */
typedef struct {
  guint64 id;
  guint32 seat;
  gint32  pid;
  guint32 outcome;
  guint32 timed;
} MpResultHeader;

/* Monotonic, microseconds. */
typedef struct {
  gint64 began;
  gint64 ended;
} MpTaskTimes;

#define MP_TYPE_POOL_BOARD (mp_pool_board_get_type ())
G_DECLARE_FINAL_TYPE (MpPoolBoard, mp_pool_board, MP, POOL_BOARD, MpShared)

MpPoolBoard     *mp_pool_board_new      (GError      **error);
MpPoolBoardData *mp_pool_board_get_data (MpPoolBoard  *self);

/* The value that stands for no argument and no result, and as it is encoded: (transfer none). */
GVariant        *mp_pool_get_nothing_value (void);
MpPayload       *mp_pool_get_nothing    (void);

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
  MpPoolSeat *self = &board->seats[seat];

  __atomic_store_n (&self->lease, 0, __ATOMIC_SEQ_CST);
  __atomic_store_n (&self->running, 0, __ATOMIC_SEQ_CST);
  self->since = self->limit = 0;
  self->lane = self->leave = self->verdict = 0;
  self->output = -1;
  mp_pool_board_store (&self->taken, MP_SEAT_EMPTY);
}

static inline void
mp_pool_board_clear_lease (MpPoolBoardData *board,
                           guint            seat)
{
  __atomic_store_n (&board->seats[seat].lease, 0, __ATOMIC_SEQ_CST);
}

/* The task at work there, condemned or not; 0: none. */
static inline guint64
mp_pool_board_get_running (MpPoolBoardData *board,
                           guint            seat)
{
  return __atomic_load_n (&board->seats[seat].running, __ATOMIC_SEQ_CST);
}

/* By the owner: if the worker is at work on task @id, it will never take another. */
static inline gboolean
mp_pool_board_condemn (MpPoolBoardData *board,
                       guint            seat,
                       guint64          id)
{
  return __atomic_compare_exchange_n (&board->seats[seat].running, &id, id | MP_SEAT_CONDEMNED,
                                      FALSE, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

/* By the worker: FALSE if it was condemned meanwhile. */
static inline gboolean
mp_pool_board_end_running (MpPoolBoardData *board,
                           guint            seat,
                           guint64          id)
{
  return __atomic_compare_exchange_n (&board->seats[seat].running, &id, 0, FALSE,
                                      __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

/* Of a task that is in a queue; its worker looks after it has said that it runs it, and the owner
 * says it before it looks who runs it. A task that so many others were given after that its bit is
 * another's cannot be cancelled while it is queued; only its result is dropped. */
static inline gboolean
mp_pool_board_is_cancelled (MpPoolBoardData *board,
                            guint64          id)
{
  const guint64 *word = &board->cancelled[id % MP_POOL_CANCEL_BITS / 64];

  return __atomic_load_n (word, __ATOMIC_SEQ_CST) >> (id % 64) & 1;
}

static inline void
mp_pool_board_set_cancelled (MpPoolBoardData *board,
                             guint64          id,
                             gboolean         cancelled)
{
  guint64 *word = &board->cancelled[id % MP_POOL_CANCEL_BITS / 64];
  guint64 bit = G_GUINT64_CONSTANT (1) << (id % 64);

  if (cancelled)
    __atomic_or_fetch (word, bit, __ATOMIC_SEQ_CST);
  else if ((__atomic_load_n (word, __ATOMIC_RELAXED) & bit) != 0)
    __atomic_and_fetch (word, ~bit, __ATOMIC_SEQ_CST);
}

G_END_DECLS
