/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The captain, the process that forked the team, takes no part: it asks for a round and sleeps on a
 * pipe until a byte of every member has come. A member that does not answer ends the program.
 */

#include "config.h"

#include "bench-team.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE (120 * 1000)           /* milliseconds for a round */

typedef struct {
  gint64 start;
  gint64 end;
} __attribute__ ((aligned (128))) BenchTimes;

/* Shared by the captain and the members. */
typedef struct {
  guint64    n;                 /* 0: go home */
  guint      arrived __attribute__ ((aligned (128)));
  gboolean   reported;
  double     value;
  BenchTimes times[BENCH_MAX_MEMBERS];
} BenchField;

struct _BenchTeam {
  BenchField *field;
  guint       n_members;
  pid_t       pids[BENCH_MAX_MEMBERS];
  int         calls[BENCH_MAX_MEMBERS];         /* write ends: a byte asks for a round */
  int         answers;                          /* read end: a byte of each member ends it */
};

static int cpus[2];
static BenchField *own_field;

gboolean
bench_find_cpus (void)
{
  cpu_set_t set;
  guint n = 0;

  if (sched_getaffinity (0, sizeof set, &set) != 0)
    return FALSE;
  for (int i = 0; i < CPU_SETSIZE && n < 2; i++)
    if (CPU_ISSET (i, &set))
      cpus[n++] = i;

  return n == 2;
}

void
bench_pin (guint cpu)
{
  cpu_set_t set;

  CPU_ZERO (&set);
  CPU_SET (cpus[cpu], &set);
  if (sched_setaffinity (0, sizeof set, &set) != 0)
    g_error ("Cannot be pinned to CPU %d: %s", cpus[cpu], g_strerror (errno));
}

void
bench_report (double value)
{
  own_field->value = value;
  own_field->reported = TRUE;
}

/* All start together; those who have to share a CPU let one another run. */
static void
meet (BenchField *field,
      guint       n_members)
{
  __atomic_add_fetch (&field->arrived, 1, __ATOMIC_ACQ_REL);
  while (__atomic_load_n (&field->arrived, __ATOMIC_ACQUIRE) < n_members)
    if (n_members > 2)
      sched_yield ();
    else
      bench_relax ();
}

G_NORETURN static void
be_member (BenchField        *field,
           gpointer           state,
           const BenchMember *member,
           guint              index,
           guint              n_members,
           int                calls,
           int                answers)
{
  char byte;

  prctl (PR_SET_PDEATHSIG, SIGKILL);
  own_field = field;
  if (member->prepare != NULL)
    member->prepare (state, 0);

  /* Nobody meets anyone before all are where they belong. */
  if (write (answers, "", 1) != 1)
    _exit (1);
  while (read (calls, &byte, 1) == 1 && field->n != 0)
    {
      meet (field, n_members);
      field->times[index].start = bench_now ();
      member->part (state, field->n);
      field->times[index].end = bench_now ();
      if (write (answers, &byte, 1) != 1)
        break;
    }

  _exit (0);
}

static void
fork_member (BenchTeam         *self,
             gpointer           state,
             const BenchMember *member,
             guint              index,
             int                answers)
{
  int ends[2];

  if (pipe (ends) != 0)
    g_error ("No pipe for a member: %s", g_strerror (errno));

  self->pids[index] = fork ();
  if (self->pids[index] < 0)
    g_error ("No process for a member: %s", g_strerror (errno));
  if (self->pids[index] == 0)
    {
      bench_pin (member->cpu);
      close (ends[1]);
      be_member (self->field, state, member, index, self->n_members, ends[0], answers);
    }

  close (ends[0]);
  self->calls[index] = ends[1];
}

static void
await_members (BenchTeam *self)
{
  struct pollfd fd = { self->answers, POLLIN, 0 };

  for (guint i = 0; i < self->n_members; i++)
    {
      char byte;

      if (poll (&fd, 1, PATIENCE) != 1 || read (self->answers, &byte, 1) != 1)
        g_error ("A member does not answer");
    }
}

BenchTeam *
bench_team_new (gpointer           state,
                const BenchMember *members,
                guint              n_members)
{
  BenchTeam *self = g_new0 (BenchTeam, 1);
  int ends[2];

  self->n_members = n_members;
  self->field = mmap (NULL, sizeof (BenchField), PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (self->field == MAP_FAILED || pipe (ends) != 0)
    g_error ("No team: %s", g_strerror (errno));

  self->answers = ends[0];
  for (guint i = 0; i < n_members; i++)
    fork_member (self, state, &members[i], i, ends[1]);
  close (ends[1]);
  await_members (self);

  return self;
}

static void
call_members (BenchTeam *self,
              guint64    n)
{
  const char byte = 0;

  self->field->n = n;
  self->field->arrived = 0;
  self->field->reported = FALSE;
  __atomic_thread_fence (__ATOMIC_SEQ_CST);
  for (guint i = 0; i < self->n_members; i++)
    if (write (self->calls[i], &byte, 1) != 1)
      g_error ("A member does not listen: %s", g_strerror (errno));
}

double
bench_team_run (BenchTeam *self,
                guint64    n)
{
  const BenchTimes *times = self->field->times;
  gint64 start = G_MAXINT64;
  gint64 end = 0;

  call_members (self, n);
  await_members (self);
  if (self->field->reported)
    return self->field->value;

  for (guint i = 0; i < self->n_members; i++)
    {
      start = MIN (start, times[i].start);
      end = MAX (end, times[i].end);
    }

  return (double) (end - start);
}

void
bench_team_free (BenchTeam *self)
{
  call_members (self, 0);
  for (guint i = 0; i < self->n_members; i++)
    {
      waitpid (self->pids[i], NULL, 0);
      close (self->calls[i]);
    }
  close (self->answers);
  munmap (self->field, sizeof (BenchField));
  g_free (self);
}
