/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The life and death of workers. Everything here is done by the pool's attendant, without the
 * mutex but for the moments in which it reads or changes what others see.
 *
 * What a dead worker leaves is its lease: the number of the last message that it took, or was
 * about to take. The task is lost with it if the message is out of the queue, if no other worker
 * has the same lease (which it would if the dead one did not get to take it), and if no result is
 * there after that was known: a worker puts its result before it clears its lease.
 */

#include "config.h"

#include "mproc/pool/mp-pool-private.h"

#include <signal.h>

#include "mproc/base/mp-deadline-private.h"
#include "mproc/pool/mp-result-private.h"
#include "mproc/pool/mp-task-error-private.h"
#include "mproc/process/mp-process-private.h"

/* A worker that lived longer than this could start well enough. */
#define INFANCY (2 * G_TIME_SPAN_SECOND)

/* When to look at one that should have been killed by the kernel, and at how big they are. */
#define LATE (150 * G_TIME_SPAN_MILLISECOND)
#define MEASURE (60 * G_TIME_SPAN_MILLISECOND)

/* How long the attendant sleeps before it looks at the workers again. */
#define NAP (25 * G_TIME_SPAN_MILLISECOND)

/* Workers that end before they do anything are replaced this often without any success. */
#define MAX_FAILURES(n_workers) ((n_workers) + 8)

/* A child forked beside other threads can find a lock of GLib or of the program held for ever by a
 * thread that it does not have, and stop there. Such a one never comes to its seat. A program of
 * its own has to be loaded first, and modules that may be large, from a disk that may be slow. */
gint64 mp_pool_birth_limit = 30 * G_TIME_SPAN_SECOND;
#define PROGRAMS_ARE_SLOWER 20

/* Deaths in a row without a result between them, after which new workers come ever more slowly. */
#define MAX_DEATHS(n_workers) ((n_workers) + 8)
#define LONGEST_DELAY (100 * G_TIME_SPAN_MILLISECOND)

/* After workers that were of no use. */
#define SHORTEST_WAIT (2 * G_TIME_SPAN_MILLISECOND)
#define LONGEST_WAIT (250 * G_TIME_SPAN_MILLISECOND)

/* ── The dead ───────────────────────────────────────────────────────────────────────────────── */

static gboolean
is_alive (const MpPoolWorker *worker)
{
  return worker->thread != NULL ? !mp_pool_thread_is_over (worker->thread)
                                : mp_process_is_alive (worker->process);
}

static int
get_exit_code (const MpPoolWorker *worker)
{
  return worker->process != NULL ? mp_process_get_exit_code (worker->process) : 0;
}

static void
drain_all (MpPool     *self,
           MpPoolNews *news)
{
  while (mp_pool_drain (self, news) > 0)
    ;
}

typedef struct {
  guint64 number;
  guint   lane;
} Message;

static gboolean
is_other (MpResult *result,
          gpointer  data)
{
  const Message *message = data;

  return result->number != message->number || result->lane != message->lane;
}

/* Under the mutex: the task of a message. A worker mostly lived long enough to say which it is. */
static MpResult *
find_task (MpPoolPrivate *priv,
           guint          seat,
           guint64        lease)
{
  guint64 running = mp_pool_board_get_running (priv->board, seat) & ~MP_SEAT_CONDEMNED;
  Message message = { lease, priv->board->seats[seat].lane };

  if (running != 0)
    return mp_waiting_lookup (&priv->waiting, running);

  return mp_waiting_find (&priv->waiting, is_other, &message);
}

static gboolean
is_held_elsewhere (MpPoolPrivate *priv,
                   guint64        lease,
                   guint          seat)
{
  for (guint i = 0; i < priv->n_seats; i++)
    {
      if (i != seat && mp_pool_board_get_lease (priv->board, i) == lease
          && priv->board->seats[i].lane == priv->board->seats[seat].lane)
        return TRUE;
    }

  return FALSE;
}

/* What a worker of another program left to say of why it could not begin. Without the mutex. */
static const char *
get_last_words (const MpPoolWorker *worker)
{
  if (worker->process == NULL || get_exit_code (worker) <= 0)
    return NULL;

  mp_process_check (worker->process, NULL);

  return mp_process_private (worker->process)->failure;
}

static char *
describe_end (const MpPoolWorker *worker,
              const char         *words)
{
  g_autofree char *how = mp_task_error_describe_exit (get_exit_code (worker));

  if (worker->overdue)
    return g_strdup_printf ("worker %s (pid %d) did not begin to work in time", worker->name,
                            worker->pid);

  return g_strdup_printf ("worker %s (pid %d) %s%s%s", worker->name, worker->pid, how,
                          words != NULL ? ": " : "", words != NULL ? words : "");
}

/* As it said itself, or the kernel. */
static gboolean
was_too_big (MpPoolPrivate *priv,
             guint          seat)
{
  const char *cgroup = priv->roster[seat].cgroup;

  return mp_pool_board_load (&priv->board->seats[seat].verdict) == MP_TASK_FAILURE_MEMORY_LIMIT
         || (cgroup != NULL && mp_cgroup_was_too_big (cgroup));
}

/* What ended it: the pool itself, the kernel for the limit of time, or something else. */
static MpTaskFailure
judge (MpPoolPrivate *priv,
       guint          seat)
{
  const MpPoolWorker *worker = &priv->roster[seat];
  gint64 limit = __atomic_load_n (&priv->board->seats[seat].limit, __ATOMIC_SEQ_CST);
  int exit_code = get_exit_code (worker);

  if (worker->verdict != MP_TASK_FAILURE_NONE)
    return worker->verdict;
  if (exit_code == -SIGKILL && was_too_big (priv, seat))
    return MP_TASK_FAILURE_MEMORY_LIMIT;
  if (limit != 0 && exit_code == -SIGKILL && g_get_monotonic_time () >= limit)
    return MP_TASK_FAILURE_TIME_LIMIT;

  return exit_code < 0 ? MP_TASK_FAILURE_SIGNAL : MP_TASK_FAILURE_EXIT;
}

static GError *
make_verdict (MpPoolPrivate *priv,
              guint          seat,
              MpTaskFailure  failure,
              MpResult      *result)
{
  const MpPoolWorker *worker = &priv->roster[seat];
  g_autofree char *end = NULL;

  if (failure == MP_TASK_FAILURE_TIME_LIMIT && result->extra != NULL)
    return g_error_new (MP_ERROR, MP_ERROR_TIME_LIMIT,
                        "The task ran longer than its limit of %g seconds; its worker %s (pid %d) "
                        "was killed", result->extra->limits.hard / (double) G_USEC_PER_SEC,
                        worker->name, worker->pid);
  if (failure == MP_TASK_FAILURE_MEMORY_LIMIT)
    return g_error_new (MP_ERROR, MP_ERROR_MEMORY_LIMIT,
                        "The worker %s (pid %d) went beyond its memory limit of %" G_GUINT64_FORMAT
                        " bytes while it ran the task, and was killed", worker->name, worker->pid,
                        priv->board->rules.memory_limit);

  end = describe_end (worker, NULL);

  return g_error_new (MP_ERROR, MP_ERROR_WORKER_DIED, "The %s while it ran the task", end);
}

/* Under the mutex. */
static void
take_last_output (MpPoolPrivate *priv,
                  guint          seat,
                  MpResult      *result,
                  MpPoolNews    *news)
{
  g_autoptr (GBytes) output = mp_worker_read_output (priv->roster[seat].output);

  if (output != NULL && !mp_result_peek_ready (result))
    mp_pool_take_output (result, output, news);
}

static void
fail_lost_task (MpPool     *self,
                MpResult   *result,
                guint       seat,
                MpPoolNews *news)
{
  MpPoolPrivate *priv = mp_pool_get_private (self);
  const MpPoolWorker *worker = &priv->roster[seat];
  MpTaskFailure failure = judge (priv, seat);

  mp_pool_lock ();
  take_last_output (priv, seat, result, news);
  mp_pool_unlock ();
  if (mp_pool_retry (self, result, news))
    return;

  mp_pool_lock ();
  if (!mp_result_peek_ready (result))
    {
      mp_result_take_verdict (result, failure, make_verdict (priv, seat, failure, result),
                              worker->pid, get_exit_code (worker));
      mp_pool_complete (self, result, news);
    }
  mp_pool_unlock ();
}

/* Returns FALSE if it cannot be told yet which task the message was. */
static gboolean
settle_lease (MpPool     *self,
              guint       seat,
              guint64     lease,
              MpPoolNews *news)
{
  MpPoolPrivate *priv = mp_pool_get_private (self);
  g_autoptr (MpResult) result = NULL;
  guint n_putting;

  drain_all (self, news);

  mp_pool_lock ();
  result = find_task (priv, seat, lease);
  if (result != NULL)
    g_object_ref (result);
  n_putting = priv->n_putting;
  mp_pool_unlock ();

  if (result == NULL)
    return n_putting == 0;

  if (!mp_queue_was_taken (priv->lanes[priv->board->seats[seat].lane], lease)
      || is_held_elsewhere (priv, lease, seat))
    return TRUE;

  drain_all (self, news);
  fail_lost_task (self, result, seat, news);

  return TRUE;
}

/* Under the mutex: did it end before it was of any use, and for no reason of ours? When the pool is
 * closed a worker leaves for a good reason, but not before the queue is empty. One that never came
 * to its seat was of none, however long its program took to start. */
static gboolean
was_useless (MpPoolPrivate      *priv,
             const MpPoolWorker *worker,
             guint64             lease,
             guint               n_queued,
             guint               place)
{
  return !worker->proved && lease == 0
         && (priv->state == MP_POOL_OPEN || n_queued > 0)
         && worker->generation == priv->generation && worker->verdict == MP_TASK_FAILURE_NONE
         && place != MP_SEAT_LEFT
         && (worker->overdue || place == MP_SEAT_EMPTY
             || g_get_monotonic_time () - worker->started < INFANCY);
}

static guint
count_messages (MpPoolPrivate *priv)
{
  guint n = 0;

  for (guint i = 0; i < MP_POOL_LANES; i++)
    n += mp_queue_qsize (priv->lanes[i]);

  return n;
}

/* When the next one may be started: the delay doubles from one to the next. */
static gint64
slow_down (guint  n,
           gint64 shortest,
           gint64 longest)
{
  return g_get_monotonic_time () + MIN (shortest << MIN (n - 1, 16), longest);
}

static gboolean
see_off (MpPool     *self,
         guint       seat,
         MpPoolNews *news)
{
  MpPoolPrivate *priv = mp_pool_get_private (self);
  guint64 lease = mp_pool_board_get_lease (priv->board, seat);
  guint n_queued = count_messages (priv);
  guint place = mp_pool_board_load (&priv->board->seats[seat].taken);
  g_autofree char *end = NULL;
  MpPoolWorker worker;

  if (lease != 0 && !settle_lease (self, seat, lease, news))
    return FALSE;
  if (lease == 0 && place != MP_SEAT_LEFT)
    end = describe_end (&priv->roster[seat], get_last_words (&priv->roster[seat]));

  mp_pool_lock ();
  worker = priv->roster[seat];
  if (was_useless (priv, &worker, lease, n_queued, place))
    {
      priv->failures++;
      g_free (priv->last_failure);
      priv->last_failure = g_steal_pointer (&end);
      priv->start_at = slow_down (priv->failures, SHORTEST_WAIT, LONGEST_WAIT);
    }
  else if (lease != 0)
    {
      priv->failures = 0;
    }
  if (place != MP_SEAT_LEFT && worker.verdict == MP_TASK_FAILURE_NONE
      && ++priv->deaths > MAX_DEATHS (priv->n_workers))
    priv->start_at = slow_down (priv->deaths - MAX_DEATHS (priv->n_workers),
                                G_TIME_SPAN_MILLISECOND, LONGEST_DELAY);
  mp_pool_board_clear_seat (priv->board, seat);
  priv->roster[seat] = (MpPoolWorker) { 0 };
  priv->roster_serial++;
  mp_pool_unlock ();

  mp_pool_note_change (news, worker.name, worker.pid, TRUE, get_exit_code (&worker));
  mp_pool_worker_clear (&worker);

  return TRUE;
}

/* ── The new ────────────────────────────────────────────────────────────────────────────────── */

/* What a look at the roster tells. */
typedef struct {
  guint    n_here;
  guint    n_wanted;
  guint    n_waiting;       /* tasks */
  guint    free_seat;       /* n_seats if there is none */
  gboolean gave_up;
  gboolean may_start;
} Staff;

/* Under the mutex. Where workers end when they are idle, they are started when there is work. */
static guint
count_wanted (MpPoolPrivate *priv)
{
  if (priv->state == MP_POOL_OPEN && priv->board->rules.idle_usec <= 0)
    return priv->n_workers;
  if (priv->state != MP_POOL_TERMINATED)
    return MIN (priv->n_workers, priv->waiting.size);

  return 0;
}

/* Under the mutex. One that is idle and of an older generation, or was sent home, is as good as
 * gone. */
static gboolean
is_of_use (MpPoolPrivate *priv,
           guint          seat)
{
  const MpPoolSeat *place = &priv->board->seats[seat];

  if (!mp_pool_is_seated (priv, seat) || mp_pool_board_load (&place->taken) == MP_SEAT_LEFT)
    return FALSE;

  return (priv->roster[seat].generation == priv->generation
          && mp_pool_board_load (&place->leave) == 0)
         || mp_pool_board_get_lease (priv->board, seat) != 0;
}

static void
count_staff (MpPoolPrivate *priv,
             Staff         *staff)
{
  mp_pool_lock ();
  *staff = (Staff) { .free_seat = priv->n_seats };
  staff->n_waiting = priv->waiting.size;
  staff->n_wanted = count_wanted (priv);

  for (guint i = 0; i < priv->n_seats; i++)
    {
      if (!mp_pool_is_seated (priv, i))
        staff->free_seat = MIN (staff->free_seat, i);
      else
        staff->n_here += is_of_use (priv, i);
    }

  staff->gave_up = priv->failures >= MAX_FAILURES (priv->n_workers);
  staff->may_start = !staff->gave_up
                     && MAX (priv->retry_at, priv->start_at) <= g_get_monotonic_time ();
  mp_pool_unlock ();
}

static void
empty_lanes (MpPoolPrivate *priv)
{
  GBytes *bytes;
  guint encoding;

  for (guint i = 0; i < MP_POOL_LANES; i++)
    {
      while (mp_queue_take (priv->lanes[i], NULL, 0, FALSE, NULL, &encoding, &bytes, NULL)
             == MP_STATUS_OK)
        g_bytes_unref (bytes);
    }
}

/* Under the mutex: it is not to be run, should its message be put only now. */
static gboolean
cancel (MpResult *result,
        gpointer  data)
{
  MpPoolPrivate *priv = data;

  if (priv->last_id - result->id < MP_POOL_CANCEL_BITS)
    mp_pool_board_set_cancelled (priv->board, result->id, TRUE);

  return TRUE;
}

/* No worker is left and none lives long enough: rather than to fork for ever, tell those who wait.
 * The next task that is given starts it all anew. The queues are emptied before: who hears of it
 * may give a task at once, and that one's message has to stay. */
static void
give_up (MpPool     *self,
         MpPoolNews *news)
{
  MpPoolPrivate *priv = mp_pool_get_private (self);
  g_autoptr (GError) error = g_error_new (MP_ERROR, MP_ERROR_WORKER_DIED,
                                          "Workers keep dying: %s", priv->last_failure);

  empty_lanes (priv);
  mp_pool_lock ();
  mp_waiting_find (&priv->waiting, cancel, priv);
  mp_pool_fail_waiting (self, error, MP_TASK_FAILURE_NO_WORKER, news);
  mp_pool_unlock ();
}

static gboolean
fill_seats (MpPool     *self,
            MpPoolNews *news)
{
  MpPoolPrivate *priv = mp_pool_get_private (self);
  gboolean changed = FALSE;
  Staff staff;

  count_staff (priv, &staff);
  while (staff.n_here < staff.n_wanted && staff.free_seat < priv->n_seats && staff.may_start)
    {
      changed |= mp_pool_start_worker (self, staff.free_seat, news);
      count_staff (priv, &staff);
    }

  if (staff.gave_up && staff.n_here == 0 && staff.n_waiting > 0)
    {
      give_up (self, news);
      changed = TRUE;
    }

  return changed;
}

/* ── The unborn ─────────────────────────────────────────────────────────────────────────────── */

static gboolean
is_unborn (MpPoolPrivate *priv,
           guint          seat)
{
  return mp_pool_is_seated (priv, seat)
         && mp_pool_board_load (&priv->board->seats[seat].taken) == 0;
}

static gint64
get_birth_end (const MpPoolWorker *worker)
{
  MpProcessPrivate *process = worker->process != NULL ? mp_process_private (worker->process) : NULL;
  gboolean is_program = process != NULL && (process->argv != NULL || process->by_server);

  return worker->started + mp_pool_birth_limit * (is_program ? PROGRAMS_ARE_SLOWER : 1);
}

/* Its end is seen by the next look. */
static void
kill_if_overdue (MpPoolPrivate *priv,
                 guint          seat)
{
  MpPoolWorker *worker = &priv->roster[seat];

  if (worker->overdue || !is_unborn (priv, seat)
      || g_get_monotonic_time () < get_birth_end (worker))
    return;

  mp_pool_lock ();
  worker->overdue = TRUE;
  mp_pool_unlock ();
  if (worker->process != NULL)
    mp_process_kill (worker->process, NULL);
}

/* Under the mutex: when the workers are to be looked after even if nothing happens; -1: never. */
gint64
mp_pool_next_look (MpPoolPrivate *priv)
{
  gint64 next = MAX (priv->retry_at, priv->start_at);

  if (next == 0 || (priv->retry_at == 0 && next <= g_get_monotonic_time ()))
    next = G_MAXINT64;

  for (guint i = 0; i < priv->n_seats; i++)
    {
      if (is_unborn (priv, i) && !priv->roster[i].overdue)
        next = MIN (next, get_birth_end (&priv->roster[i]));
      if (mp_pool_is_seated (priv, i) && priv->board->seats[i].limit != 0)
        next = MIN (next, priv->board->seats[i].limit + LATE);
    }
  if (priv->board->rules.memory_limit > 0 && priv->waiting.size > 0)
    next = MIN (next, priv->measured + MEASURE);

  return next == G_MAXINT64 ? -1 : next;
}

/* ── Looking after them ─────────────────────────────────────────────────────────────────────── */

gboolean
mp_pool_supervise (MpPool     *self,
                   MpPoolNews *news)
{
  MpPoolPrivate *priv = mp_pool_get_private (self);
  gboolean changed = FALSE;

  priv->supervised = g_get_monotonic_time ();
  mp_pool_enforce (self);

  for (guint i = 0; i < priv->n_seats; i++)
    {
      if (!mp_pool_is_seated (priv, i))
        continue;
      if (is_alive (&priv->roster[i]))
        kill_if_overdue (priv, i);
      else
        changed |= see_off (self, i, news);
    }

  /* What the last ones to leave a closed pool have put does not need new ones. */
  if (changed)
    drain_all (self, news);
  changed |= fill_seats (self, news);

  return changed;
}

/* ── The end ────────────────────────────────────────────────────────────────────────────────── */

/* Under the mutex. */
gboolean
mp_pool_has_workers (MpPoolPrivate *priv)
{
  for (guint i = 0; i < priv->n_seats; i++)
    {
      if (mp_pool_is_seated (priv, i))
        return TRUE;
    }

  return FALSE;
}

/* It leaves when it has no task any more; the one it has is told. */
static void
dismiss_thread (MpPoolPrivate *priv,
                guint          seat)
{
  guint64 running = mp_pool_board_get_running (priv->board, seat);

  mp_pool_board_store (&priv->board->seats[seat].leave, TRUE);
  if (running != 0)
    mp_pool_board_condemn (priv->board, seat, running & ~MP_SEAT_CONDEMNED);
}

/* Kills and reaps them. The kernel may take a while over a big one; nobody waits for ever. */
void
mp_pool_kill_workers (MpPool *self)
{
  MpPoolPrivate *priv = mp_pool_get_private (self);
  gint64 deadline = g_get_monotonic_time () + 2 * G_TIME_SPAN_SECOND;

  for (guint i = 0; i < priv->n_seats; i++)
    {
      if (priv->roster[i].process != NULL)
        mp_process_kill (priv->roster[i].process, NULL);
      else if (priv->roster[i].thread != NULL)
        dismiss_thread (priv, i);
    }

  for (guint i = 0; i < priv->n_seats; i++)
    {
      MpPoolWorker worker = priv->roster[i];
      double left = mp_deadline_left (deadline, G_TIME_SPAN_MINUTE) / (double) G_USEC_PER_SEC;

      if (!mp_pool_is_seated (priv, i))
        continue;

      if (worker.process != NULL)
        mp_process_join (worker.process, left, NULL, NULL);
      mp_pool_lock ();
      priv->roster[i] = (MpPoolWorker) { 0 };
      priv->roster_serial++;
      mp_pool_unlock ();
      g_free (worker.name);
      mp_pool_worker_clear (&worker);
    }

  if (priv->threads)
    mp_queue_kick (priv->lanes[MP_POOL_LANE_NORMAL]);
}

/* The workers have nothing to do any more: wait for one of them to leave. The kick is for one that
 * looked at the board just before it was told to. */
static MpStatus
sleep_until_one_leaves (MpPoolPrivate *priv,
                        gint64         deadline)
{
  gint64 left = mp_deadline_left (deadline, 10 * G_TIME_SPAN_MILLISECOND);

  mp_queue_kick (priv->lanes[MP_POOL_LANE_NORMAL]);
  if (priv->threads)
    mp_pool_threads_wait (priv, left);
  for (guint i = 0; i < priv->n_seats; i++)
    {
      if (priv->roster[i].process != NULL)
        {
          mp_process_join (priv->roster[i].process, left / (double) G_USEC_PER_SEC, NULL, NULL);
          break;
        }
    }

  return mp_deadline_left (deadline, 1) == 0 ? MP_STATUS_TIMED_OUT : MP_STATUS_OK;
}

static gboolean
was_kicked (gpointer data)
{
  MpPoolPrivate *priv = data;

  return (guint) g_atomic_int_get (&priv->kicks) != priv->kicks_seen;
}

/* Sleeps until there may be news. The end of a worker that leaves no word in shared memory wakes
 * nobody: it is found after a nap. */
MpStatus
mp_pool_sleep (MpPool       *self,
               gboolean      leaving,
               gint64        deadline,
               GCancellable *cancellable)
{
  MpPoolPrivate *priv = mp_pool_get_private (self);
  gint64 nap_end = MIN (deadline, mp_pool_now () + NAP);
  gboolean slept;
  MpStatus status;

  if (leaving)
    return sleep_until_one_leaves (priv, deadline);

  status = mp_pool_board_wait (priv->results, was_kicked, priv, nap_end, cancellable, &slept);
  if (status == MP_STATUS_TIMED_OUT && nap_end < deadline)
    status = MP_STATUS_OK;

  return status;
}
