/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The worker from inside: what the files about taking tasks, running functions of C, limits and
 * output share. One thread of the worker's process uses it.
 */

#pragma once

#include <time.h>

#include "mproc/pool/mp-pool-board-private.h"
#include "mproc/pool/mp-worker.h"
#include "mproc/process/mp-function.h"
#include "mproc/process/mp-process.h"

G_BEGIN_DECLS

/* The task that was taken last and is not finished. All of it stays until the next is taken. */
typedef struct {
  gboolean      held;
  guint         kind;
  guint         flags;
  const guint8 *function;
  gsize         function_size;
  guint         known;          /* the function's number on the board, from 1; 0: it has none */
  guint         encoding;       /* of the argument */
  const guint8 *argument;
  gsize         argument_size;
  gboolean      is_empty;       /* there is no argument */
  MpPayload    *payload;        /* (owned) (nullable) the argument, once it was asked for */
} MpWorkerTask;

/* A timer of the kernel that sends this process a signal. */
typedef struct {
  timer_t  id;
  gboolean made;
  gboolean armed;
} MpWorkerTimer;

typedef struct _MpMemoryWatch MpMemoryWatch;

struct _MpWorker
{
  GObject          parent_instance;

  MpPoolBoard     *board_object;
  MpPoolBoardData *board;
  MpPoolSeat      *own;         /* the worker's seat */
  MpQueue         *lanes[MP_POOL_LANES];
  MpRing          *rings[MP_POOL_LANES];
  MpQueue         *results;
  MpRing          *result_ring;
  guint            seat;
  guint            generation;
  int              pid;

  MpTaskHeader     header;      /* of the task */
  MpTaskLimits     limits;
  MpWorkerTask     task;
  const guint8    *message;     /* that the task is in: in the buffer, or the block */
  gsize            message_size;
  guint8          *buffer;
  MpBlock         *block;       /* that the message came in, if it is large */
  MpPayload       *converted;   /* its argument, if it was not as it was asked for */
  MpTaskFunc       functions[MP_POOL_FUNCTIONS];    /* by number, those that were called */

  gint64           began;       /* the task, if it is timed or limited */
  gint64           idle_since;
  gint64           reported;    /* its progress, last */
  guint            n_done;
  gboolean         had_enough;  /* of tasks or memory */
  MpWorkerTimer    hard;
  MpWorkerTimer    soft;
  int              soft_signal; /* 0: none */
  GCancellable    *cancellable; /* (owned) (nullable) of the task, if it asked for one */
  MpMemoryWatch   *memory_watch;    /* (owned) (nullable) */
  int              output;      /* the file that stdout and stderr go to; -1: they do not */
};

/* mp-worker-take.c: one try, as that of mp_worker_next() */
MpStatus            mp_worker_take                (MpWorker      *self,
                                                   gint64         deadline);

/* (transfer none): of the task */
MpPayload          *mp_worker_get_argument        (MpWorker      *self);

/* mp-worker.c */
void                mp_worker_forget_task         (MpWorker      *self);
void                mp_worker_begin_rest          (MpWorker      *self);
MpStatus            mp_worker_end_task            (MpWorker      *self,
                                                   MpStatus       status,
                                                   gsize          size);

/* As mp_worker_finish(), with mp_pool_get_nothing(). */
MpStatus            mp_worker_finish_with_nothing (MpWorker      *self);

/* As mp_worker_fail(), with an error. */
MpStatus            mp_worker_fail_with_error     (MpWorker      *self,
                                                   const GError  *error);

MpStatus            mp_worker_put_outcome         (MpWorker      *self,
                                                   MpOutcome      outcome,
                                                   guint          encoding,
                                                   const void    *data,
                                                   gsize          size);

/* mp-worker-limits.c */
void                mp_worker_begin_limits        (MpWorker      *self);
void                mp_worker_end_limits          (MpWorker      *self);
/* Whether it has done so much, or become so big, that it should end. */
gboolean            mp_worker_has_enough          (MpWorker      *self);
void                mp_worker_drop_timers         (MpWorker      *self);
/* Of any process. */
guint64             mp_worker_get_resident        (int            pid);

/* mp-worker-memory.c */
void                mp_worker_watch_memory        (MpWorker      *self);
void                mp_worker_drop_memory_watch   (MpWorker      *self);

/* For the owner: the worker's control group, if it may have one. */
char               *mp_worker_enter_cgroup        (guint          seat,
                                                   guint64        limit,
                                                   int            pid);
char               *mp_cgroup_find                (const char    *root,
                                                   const char    *membership);
char               *mp_cgroup_enter               (const char    *parent,
                                                   const char    *name,
                                                   guint64        limit,
                                                   int            pid);
gboolean            mp_cgroup_was_too_big         (const char    *group);

/* mp-worker-output.c */
void                mp_worker_begin_output        (MpWorker      *self);
void                mp_worker_send_output         (MpWorker      *self);

/* mp-task.c: the worker whose task this thread runs now, or NULL */
void                mp_task_set_worker            (MpWorker      *worker);
MpWorker           *mp_task_get_worker            (void);

/* mp-task-cancellable.c */
void                mp_task_drop_cancellable      (MpWorker      *worker);

/* For the owner: a file for a worker's output, and what is in it. */
int                 mp_worker_make_output         (void);
GBytes             *mp_worker_read_output         (int            fd);

/* What a native worker runs before its first task. */
typedef struct {
  guint     kind;
  GBytes   *function;
  GVariant *argument;
} MpWorkerStart;

/* Runs tasks until the worker is to end, after what @start (nullable) says. */
MpStatus            mp_worker_serve               (MpWorker            *self,
                                                   const MpWorkerStart *start);

/* A process, not started, that is a worker for functions of C. @start: (nullable) stays the
 * caller's; the process inherits it. */
MpProcess          *mp_worker_make_native_process (const char          *handle,
                                                   const MpWorkerStart *start);

G_END_DECLS
