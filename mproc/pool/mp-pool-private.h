/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The pool from inside.
 *
 * All of it lives in the process that made the pool; workers share only the board and the queues.
 * One mutex of the process, mp_pool_lock(), guards the state of all pools, results and iterators.
 * It is held for a few instructions only: never over a put or take, a fork, a wait, a callback, the
 * last unref of anything, or a call to a lower floor, which may have a lock of its own.
 *
 * Nobody looks after a pool in the background. Threads that want something of it take turns as its
 * attendant: the attendant, and nobody else, takes results out of the queue and looks after the
 * workers. What it finds to be told to others is collected as news, and delivered when it has laid
 * down the office and the mutex.
 */

#pragma once

#include <time.h>

#include "mproc/pool/mp-pool-board-private.h"
#include "mproc/pool/mp-pool-waiting-private.h"
#include "mproc/pool/mp-pool.h"
#include "mproc/pool/mp-worker-private.h"

G_BEGIN_DECLS

typedef struct _MpOp MpOp;
typedef struct _MpTaskGroup MpTaskGroup;

/* What results have of their pool, all the same one: a #GWeakRef costs as much to clear as its
 * object has others. */
typedef struct {
  GWeakRef pool;
} MpPoolLink;

typedef enum {
  MP_POOL_OPEN,
  MP_POOL_CLOSED,
  MP_POOL_TERMINATED,
} MpPoolState;

typedef struct _MpPoolThread MpPoolThread;

/* If it has neither process nor thread, nobody sits here. */
typedef struct {
  MpProcess *process;
  MpPoolThread *thread;     /* (owned) */
  char      *name;
  int        pid;
  int        sentinel;      /* polled by main contexts; -1 if there is none */
  guint      generation;
  gint64     started;       /* monotonic, microseconds */
  gboolean   proved;        /* gave a result */
  gboolean   overdue;       /* did not come to its seat, and was killed */
  guint      verdict;       /* MpTaskFailure: why the pool killed it; 0: it did not */
  int        output;        /* the file that it prints to; -1: none */
  char      *cgroup;        /* (owned) (nullable) its own */
} MpPoolWorker;

/* The end of a worker, or its beginning. */
typedef struct {
  char      *name;
  int        pid;
  gboolean   ended;
  int        exit_code;
} MpPoolChange;

typedef struct {
  MpResult  *first;         /* (owned) (nullable) a result that is ready now; mostly there is one */
  GPtrArray *ready;         /* (owned) (nullable) more of them */
  GPtrArray *told;          /* (owned) results whose tasks told how far they are */
  GPtrArray *printed;       /* (owned) results whose tasks printed something */
  GArray    *changes;       /* of MpPoolChange */
  GSList    *ops;           /* operations to finish, last first */
} MpPoolNews;

/* Microseconds, for what is to happen every now and then: the clock's last tick, which costs a few
 * nanoseconds, while the time itself costs as much as a tenth of a task. */
static inline gint64
mp_pool_now (void)
{
  struct timespec now;

  clock_gettime (CLOCK_MONOTONIC_COARSE, &now);

  return (gint64) now.tv_sec * G_USEC_PER_SEC + now.tv_nsec / 1000;
}

/* How many tasks there have been. */
typedef struct {
  guint64    n_done;        /* with a value */
  guint64    n_failed;
  guint64    n_retried;     /* tries that were in vain and repeated */
  guint64    n_given;       /* since the pool last had nothing to do … */
  guint64    n_over;        /* … and how many of these are done or have failed */
} MpPoolCounts;

typedef struct _MpPoolTrace MpPoolTrace;
typedef struct _MpPoolFunction MpPoolFunction;
typedef struct _MpPoolReference MpPoolReference;

typedef struct {
  /* Never changed after construction. */
  int              owner;
  MpPoolBoard     *board_object;
  MpPoolBoardData *board;
  MpQueue         *lanes[MP_POOL_LANES];
  MpQueue         *results;
  GError          *construct_error;
  gboolean         threads;        /* the workers are */
  MpPoolLink      *link;

  /* Under the mutex. */
  MpPoolState      state;
  MpWaiting        waiting;        /* the results that are not ready */
  guint            n_workers;      /* wanted */
  guint            n_seats;        /* that may be taken; never becomes less */
  guint            max_pending;    /* tasks given and not done; 0: no bound */
  gboolean         captures;       /* what workers print */
  const char      *language;       /* of the workers (interned); NULL: as this process has it */
  MpPoolRules      wanted;         /* until there is a board */
  MpWorkerStart   *start;          /* (owned) (nullable) what native workers run first */
  GSList          *old_starts;     /* (owned) those of workers that may be about to be forked */
  MpPoolCounts     counts;
  MpPoolTrace     *trace;          /* (owned) (nullable) */
  GSList          *end_ops;        /* operations that wait for the end */
  guint64          last_id;
  guint            n_putting;      /* threads that have put a task but not yet noted its number */
  GThread         *attendant;
  guint            kicks_seen;     /* by the attendant, when it began */
  GCond            changed;        /* the attendant goes, or told news */
  guint            n_followers;    /* threads that wait for that */
  guint            generation;
  gint64           looked;         /* when a task given last made somebody look */
  guint            failures;       /* workers in a row that were of no use */
  GHashTable      *references;     /* function → (owned) MpPoolReference: its name elsewhere */
  GHashTable      *names;          /* of (owned) MpPoolFunction: what bindings named */
  guint            n_known;        /* of both, those whose names are on the board */
  GPtrArray       *watches;        /* of MpPoolWatch, see mp-pool-async.c */

  /* Written by the attendant under the mutex, read by it without. */
  MpPoolWorker    *roster;         /* by seat */
  guint            roster_serial;  /* changes with the roster */
  gint64           retry_at;       /* when to try again to start workers; 0: no need */
  gint64           start_at;       /* no worker is started before, as too many have died */
  guint            deaths;         /* in a row, without any result */

  MpPoolReference *last_reference; /* atomic: one of those above, */
  MpPoolFunction  *last_name;      /* and of these */
  int              urgent;         /* atomic: the workers are to be looked after now */
  int              kicks;          /* atomic: times that the attendant was told to look up */

  /* The attendant's own. */
  gint64           supervised;     /* when it last looked after the workers, */
  gint64           measured;       /* and at how big they are */
  char            *last_failure;
  GError          *start_error;
  gboolean         buried;
} MpPoolPrivate;

/* The process that this is, known without asking the kernel. */
extern int     mp_pool_this_process;

/* Under the mutex: whether what is waited for has come. */
typedef gboolean (*MpPoolCheck) (gpointer data);

/* mp-pool.c */
MpPool        *mp_pool_construct        (GType          type,
                                         guint          n_workers,
                                         GError       **error);
MpPoolPrivate *mp_pool_get_private      (MpPool        *self);
gboolean       mp_pool_is_owner         (MpPool        *self,
                                         GError       **error);
gboolean       mp_pool_check_open       (MpPoolState    state,
                                         GError       **error);

/* mp-pool-maker.c */
MpProcess     *mp_pool_make_worker      (const char          *handle,
                                         const char          *language,
                                         const MpWorkerStart *start,
                                         GError             **error);
MpPoolLink    *mp_pool_link_new         (MpPool        *self);

MpPoolLink    *mp_pool_link_ref         (MpPoolLink    *link);
void           mp_pool_link_unref       (MpPoolLink    *link);

/* mp-pool-gather.c: the mutex, the attendant, and what it takes out of the result queue */
void           mp_pool_lock             (void);
void           mp_pool_unlock           (void);
void           mp_pool_wake_followers   (MpPoolPrivate *priv);
void           mp_pool_attend           (MpPool        *self,
                                         gboolean       in_dispatch);
MpStatus       mp_pool_wait             (MpPool        *self,
                                         MpPoolCheck    check,
                                         gpointer       data,
                                         gint64         deadline,
                                         gboolean       interruptible,
                                         GCancellable  *cancellable);
void           mp_pool_bury             (MpPool        *self);
guint          mp_pool_drain            (MpPool        *self,
                                         MpPoolNews    *news);
void           mp_pool_complete         (MpPool        *self,
                                         MpResult      *result,
                                         MpPoolNews    *news);
void           mp_pool_fail_waiting     (MpPool        *self,
                                         const GError  *error,
                                         MpTaskFailure  failure,
                                         MpPoolNews    *news);
void           mp_pool_take_output      (MpResult      *result,
                                         GBytes        *bytes,
                                         MpPoolNews    *news);
void           mp_pool_kick             (MpPool        *self);
void           mp_pool_deliver          (MpPool        *self,
                                         MpPoolNews    *news,
                                         gboolean       in_dispatch);

/* mp-pool-settings.c */
void           mp_pool_drop_starts      (MpPoolPrivate *priv);
void           mp_pool_emit_changes     (MpPool        *self,
                                         MpPoolNews    *news);
guint          mp_pool_count_running    (MpPoolPrivate *priv);

/* mp-pool.c */
void           mp_pool_notify_counts    (MpPool        *self);
void           mp_pool_notify_n_workers (MpPool        *self);
void           mp_pool_notify_language  (MpPool        *self);
void           mp_pool_emit_worker      (MpPool             *self,
                                         const MpPoolChange *change);
void           mp_pool_emit_output      (MpPool        *self,
                                         MpResult      *result);

/* mp-pool-end.c */
gboolean       mp_pool_has_ended        (gpointer       self);

/* mp-pool-control.c: returns how many were not done */
guint          mp_pool_cancel           (MpPool        *self,
                                         MpResult     **results,
                                         guint          n);
/* Under the mutex: puts a process to kill, without it, into @doomed (owned). */
gboolean       mp_pool_condemn          (MpPoolPrivate *priv,
                                         guint          seat,
                                         guint64        id,
                                         MpTaskFailure  verdict,
                                         GPtrArray     *doomed);
void           mp_pool_kill_doomed      (GPtrArray     *doomed);
/* For the attendant. */
void           mp_pool_enforce          (MpPool        *self);
/* The task was on a worker that is gone, or failed: TRUE if it is tried again. */
gboolean       mp_pool_retry            (MpPool        *self,
                                         MpResult      *result,
                                         MpPoolNews    *news);

/* mp-pool-trace.c: under the mutex */
void           mp_pool_trace_add        (MpPoolPrivate        *priv,
                                         MpResult             *result,
                                         const MpResultHeader *header,
                                         const MpTaskTimes    *times);
void           mp_pool_trace_free       (MpPoolTrace   *self);

/* How long a worker may take to come to its seat, in microseconds; variable for tests. */
extern gint64  mp_pool_birth_limit;

gint64         mp_pool_next_look        (MpPoolPrivate *priv);

static inline gboolean
mp_pool_is_seated (MpPoolPrivate *priv,
                   guint          seat)
{
  return priv->roster[seat].process != NULL || priv->roster[seat].thread != NULL;
}

/* mp-pool-start.c: for the attendant */
gboolean       mp_pool_start_worker     (MpPool        *self,
                                         guint          seat,
                                         MpPoolNews    *news);
void           mp_pool_note_change      (MpPoolNews    *news,
                                         char          *name,
                                         int            pid,
                                         gboolean       ended,
                                         int            exit_code);

/* mp-thread-pool.c: workers that are threads */
MpPoolThread  *mp_pool_thread_start     (const char          *handle,
                                         const MpWorkerStart *start,
                                         GError             **error);
gboolean       mp_pool_thread_is_over   (MpPoolThread  *self);
/* Whether one that has a seat is. */
gboolean       mp_pool_is_thread_over   (MpPoolPrivate *priv);
/* If it is not over it goes on alone. */
void           mp_pool_thread_free      (MpPoolThread  *self);
/* Until one of them is over, or for so many microseconds. */
void           mp_pool_threads_wait     (MpPoolPrivate *priv,
                                         gint64         usec);
/* Whether threads can do what is asked for. */
gboolean       mp_pool_threads_allow    (MpPoolPrivate       *priv,
                                         const MpTaskLimits  *limits,
                                         GError             **error);
/* What it was, but for the name. */
void           mp_pool_worker_clear     (MpPoolWorker  *worker);

/* mp-pool-supervise.c: for the attendant; TRUE if anything changed */
gboolean       mp_pool_supervise        (MpPool        *self,
                                         MpPoolNews    *news);
void           mp_pool_kill_workers     (MpPool        *self);
/* @leaving: no more tasks or results will come, only the ends of the workers. */
MpStatus       mp_pool_sleep            (MpPool        *self,
                                         gboolean       leaving,
                                         gint64         deadline,
                                         GCancellable  *cancellable);
gboolean       mp_pool_has_workers      (MpPoolPrivate *priv);

/* mp-pool-names.c */

/* How a function is named in a task. */
struct _MpPoolFunction {
  guint         kind;
  gconstpointer name;
  gsize         size;
  guint         known;          /* its number on the board, from 1; 0: it has none */
};

void           mp_pool_reference_free        (gpointer               reference);

MpPoolFunction mp_pool_function_from_name    (const char            *name);
gboolean       mp_pool_function_from_address (MpPool                *self,
                                              MpTaskFunc             func,
                                              MpPoolFunction        *function,
                                              GError               **error);

MpPoolFunction mp_pool_function_find         (MpPool                *self,
                                              const MpPoolFunction  *function);
GHashTable    *mp_pool_names_new             (void);

/* mp-pool-tasks.c */

/* What ends a call's waiting, for room as for what comes after it. */
typedef struct {
  gint64        deadline;
  GCancellable *cancellable;    /* (nullable) */
} MpPoolPatience;

/* What goes with a task; all of it may be missing. Without patience of its own a call waits for
 * room without limit. */
typedef struct {
  MpTaskOptions        *options;
  MpTaskGroup          *group;
  const MpPoolPatience *patience;
} MpPoolRequest;

MpResult      *mp_pool_submit_variant        (MpPool                *self,
                                              const MpPoolFunction  *function,
                                              guint                  flags,
                                              GVariant              *value,
                                              const MpPoolRequest   *request,
                                              GError               **error);

/* Without an argument. */
MpResult      *mp_pool_submit_empty          (MpPool                *self,
                                              const MpPoolFunction  *function,
                                              const MpPoolRequest   *request,
                                              GError               **error);

MpResult      *mp_pool_submit_payload        (MpPool                *self,
                                              const MpPoolFunction  *function,
                                              guint                  flags,
                                              MpPayload             *payload,
                                              const MpPoolRequest   *request,
                                              GError               **error);

/* One that lies in pieces, of which there is at least one. */
typedef struct {
  guint              encoding;
  const MpQueuePart *pieces;
  guint              n_pieces;
} MpPoolArgument;

/* Waits for room, if the pool is bounded: until the request's patience ends, or its options are
 * cancelled. */
gboolean       mp_pool_make_room             (MpPool                *self,
                                              const MpPoolRequest   *request,
                                              GError               **error);

/* Whether a task could not be given only because another thread was faster and took the room. Then
 * @problem is cleared: wait for room again. */
gboolean       mp_pool_was_overtaken         (GError               **problem);

/* For bindings: they may say anything, and it does not wait for room. */
MpResult      *mp_pool_submit_foreign        (MpPool                *self,
                                              const MpPoolFunction  *function,
                                              guint                  flags,
                                              const MpPoolArgument  *argument,
                                              MpTaskOptions         *options,
                                              GError               **error);

/* mp-pool-put.c */
MpStatus       mp_pool_put_task         (MpPoolPrivate     *priv,
                                         MpResult          *result,
                                         guint              encoding,
                                         const MpQueuePart *parts,
                                         guint              n_parts,
                                         guint64           *number);

/* For the attendant. */
void           mp_pool_put_again        (MpPool        *self,
                                         MpResult      *result,
                                         guint          encoding,
                                         const guint8  *message,
                                         gsize          size,
                                         MpPoolNews    *news);

/* mp-pool-map.c: the lists that chunks are
 *
 * GLib checks the offsets of an array that came from elsewhere, from its beginning, at each access
 * to a child. So a list is checked once as a whole, and opened anew as one that can be trusted. */
GVariant      *mp_pool_open_list        (GVariant      *list);

/* An item of it, unboxed if it is a variant. */
GVariant      *mp_pool_get_item         (GVariant      *list,
                                         gsize          index);

gboolean       mp_pool_check_items      (GVariant      *items,
                                         GError       **error);
/* The results of all chunks: (owned). */
GPtrArray     *mp_pool_submit_items     (MpPool                *self,
                                         const MpPoolFunction  *function,
                                         GVariant              *list,
                                         gsize                  chunk_size,
                                         const MpPoolRequest   *request,
                                         GError               **error);

/* mp-pool-async.c: an operation that waits in a main context
 *
 * @advance is called under the mutex; it returns TRUE if the operation is done, else it has put
 * the operation (mp_op_place) into the list of what it waits for next. @finish is called without
 * the mutex and returns the task. */
struct _MpOp {
  GTask     *task;
  GPtrArray *pools;               /* (owned) they live as long as the operation */
  gboolean (*advance) (MpOp *op);
  void     (*finish)  (MpOp *op);
  gpointer   subject;             /* (owned) a GObject: what is waited for */
  GPtrArray *results;             /* (owned) of a map */
  MpTaskGroup *group;             /* (owned) of a map that stops at the first error */
  guint      index;               /* how many of them are ready */
  MpResult  *taken;               /* (owned) from an iterator */
  GSList   **place;               /* the list the operation is in */
  GSource   *cancel;
};

MpOp          *mp_op_new                (GTask         *task,
                                         gpointer       subject);
void           mp_op_add_pool           (MpOp          *op,
                                         MpPool        *pool);
void           mp_op_start              (MpOp          *op);
void           mp_op_place              (MpOp          *op,
                                         GSList       **list);
void           mp_op_advance_all        (GSList       **list,
                                         MpPoolNews    *news);
void           mp_op_finish             (MpOp          *op,
                                         gboolean       in_dispatch);
void           mp_pool_wake_contexts    (MpPoolPrivate *priv);

G_END_DECLS
