/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Killed at any instruction: a child is single-stepped with ptrace(2) through one operation, killed
 * at a point, and the survivor checks that nothing is lost but what the dead had taken, and that no
 * lock, slot, lease or byte is left behind. Then the same one point later.
 *
 * What others can see of a process is what it stored in shared memory. So a point is, as a rule,
 * the instruction after which the arena differs from before: the tracer has the arena mapped too,
 * and compares. Deaths between two such instructions leave the same arena behind. To get from one
 * to the next quickly, the victim may only read the arena, and is stopped by its own fault.
 * MPROC_TEST_STRIDE=N takes each N-th instruction instead, with 1 really each of them, but where
 * system calls are points; 0 skips the tests, for tools that cannot be traced.
 * MPROC_TEST_ALL=1 leaves out no pair of points below. What is printed are the stores, or the
 * instructions, of one run to the end, and how many processes died on that way, one at each point.
 *
 * The recoverer is killed the same way: a first victim at some of its points, then at each point of
 * the process that clears up after it; the third one checks.
 *
 * Everything runs in the main thread of the test, which is the tracer.
 */

#pragma once

#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>

#include "mproc/memory/mp-family-private.h"
#include "mproc/memory/mp-heap-private.h"
#include "mproc/memory/mp-lease-private.h"
#include "mproc/memory/mp-recover-private.h"
#include "tests/c/family-common.h"

typedef struct {
  const char *name;
  gpointer  (*set_up)    (void);                /* in the survivor, and in the victim to warm it */
  void      (*operate)   (gpointer state);      /* what the victim is killed in */
  void      (*check)     (gpointer state);      /* by the survivor */
  void      (*tear_down) (gpointer state);
  void      (*prepare)   (gpointer state);      /* in the victim before it is stepped; or NULL */
  gboolean    forks;            /* the operation does */
  gboolean    calls;            /* system calls are points, too: where files are what counts */
} StepCase;

/* --- What is in use ------------------------------------------------------------------------ */

typedef struct {
  guint64 bytes;                /* taken from the heap, to the block */
  guint64 leases;
  guint   slots;                /* of threads and processes */
} StepUse;

static inline guint64
step_bytes_in_use (void)
{
  guint64 used = 0;

  for (guint64 i = 0; i < mp_arena.header->heap_ready >> MP_SPAN_SHIFT;)
    {
      guint32 length = (guint32) mp_arena.spans[i];
      gboolean is_cut = (mp_arena.spans[i] >> 32 & 0xff) != 0;
      gsize size = MP_SPAN_SIZE;

      /* What is left over at the end of a span that is cut into blocks is nobody's. */
      if (is_cut)
        mp_heap_block (mp_arena.header->heap + (i << MP_SPAN_SHIFT), &size);
      used += is_cut ? MP_SPAN_SIZE / size * size : (guint64) length << MP_SPAN_SHIFT;
      i += MAX (length, 1);
    }
  for (guint class = 0; class < MP_N_CLASSES; class++)
    for (MpOffset block = mp_arena.header->classes[class].head; block != 0;
         block = *(guint64 *) mp_arena_pointer (block))
      {
        gsize size;

        g_assert_cmpuint (mp_heap_block (block, &size), ==, block);
        used -= size;
      }

  return used;
}

/* Leases that this process has on objects; its free entries are odd or 0. */
static inline guint64
step_leases_in_use (void)
{
  MpProcessSlot *process = &mp_arena.processes[mp_arena.process];
  guint64 n = 0;

  for (guint64 i = 0; i < process->n_leases; i++)
    {
      guint chunk = (guint) (63 - __builtin_clzll (i / 64 + 1));
      guint64 *entries = mp_arena_pointer (process->lease_chunks[chunk]);
      guint64 entry = entries[i - 64 * ((G_GUINT64_CONSTANT (1) << chunk) - 1)];

      n += entry != 0 && (entry & 1) == 0;
    }

  return n;
}

static inline guint
step_slots_in_use (void)
{
  guint n = 0;

  for (guint32 i = 0; i < mp_arena.header->n_threads; i++)
    n += MP_SLOT_STATE (mp_arena.threads[i].state) != MP_SLOT_FREE;
  for (guint32 i = 0; i < mp_arena.header->n_processes; i++)
    n += MP_SLOT_STATE (mp_arena.processes[i].state) != MP_SLOT_FREE;

  return n;
}

static inline StepUse
step_measure (void)
{
  StepUse use = { step_bytes_in_use (), step_leases_in_use (), step_slots_in_use () };

  return use;
}

static inline void
step_assert_nothing_left (StepUse before)
{
  StepUse now = step_measure ();

  g_assert_cmpuint (now.slots, ==, before.slots);
  g_assert_cmpuint (now.leases, ==, before.leases);
  g_assert_cmpuint (now.bytes, ==, before.bytes);
}

/* --- Points -------------------------------------------------------------------------------- */

/* -1: each store into the arena is a point; 0: no test. */
static inline int
step_stride (const StepCase *step_case)
{
  const char *text = g_getenv ("MPROC_TEST_STRIDE");
  int stride = text != NULL ? MAX (atoi (text), 0) : -1;

  return stride > 0 && step_case != NULL && step_case->calls ? -1 : stride;
}

#define STEP_N_REGIONS 5

typedef struct {
  const guint8 *data;
  guint8       *copy;
  gsize         size;
} StepRegion;

/* A copy of all of the arena that is in use, to tell whether a step changed it. */
typedef struct {
  StepRegion regions[STEP_N_REGIONS];
} StepView;

static inline void
step_view_add (StepRegion    *region,
               gconstpointer  data,
               gsize          size)
{
  region->data = data;
  region->size = size;
  region->copy = g_memdup2 (data, size);
}

static inline void
step_view_begin (StepView *view)
{
  const MpArenaHeader *header = mp_arena.header;
  gsize ready = MIN (header->heap_ready, 8 * MP_SPAN_SIZE);

  step_view_add (&view->regions[0], header, sizeof *header);
  step_view_add (&view->regions[1], mp_arena.threads,
                 header->n_threads * sizeof (MpThreadSlot));
  step_view_add (&view->regions[2], mp_arena.processes,
                 header->n_processes * sizeof (MpProcessSlot));
  step_view_add (&view->regions[3], mp_arena.spans,
                 (header->heap_ready >> MP_SPAN_SHIFT) * sizeof (guint64));
  step_view_add (&view->regions[4], mp_arena_pointer (header->heap), ready);
}

static inline void
step_view_end (StepView *view)
{
  for (guint i = 0; i < STEP_N_REGIONS; i++)
    g_free (view->regions[i].copy);
}

static inline gboolean
step_view_changed (StepView *view)
{
  gboolean changed = FALSE;

  for (guint i = 0; i < STEP_N_REGIONS; i++)
    {
      StepRegion *region = &view->regions[i];

      if (memcmp (region->copy, region->data, region->size) != 0)
        {
          memcpy (region->copy, region->data, region->size);
          changed = TRUE;
        }
    }

  return changed;
}

/* --- Stepping ------------------------------------------------------------------------------ */

typedef struct {
  guint64 kills;                /* of all runs */
  guint64 stores;               /* into the arena, in the longest run */
  guint64 instructions;         /* if each was stepped; in the longest run */
} StepCount;

/* Waits for the child's next stop. FALSE if it is done. */
static inline gboolean
step_wait (int  pid,
           int *signal_number)
{
  int status = 0;

  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  g_assert_true (WIFSTOPPED (status));
  *signal_number = WSTOPSIG (status) == SIGTRAP ? 0 : WSTOPSIG (status);

  return *signal_number != SIGSTOP;
}

/* One instruction. */
static inline gboolean
step_once (int  pid,
           int *signal_number)
{
  g_assert_cmpint (ptrace (PTRACE_SINGLESTEP, pid, 0, *signal_number), ==, 0);
  return step_wait (pid, signal_number);
}

#if defined(__x86_64__)
#define STEP_CAN_PROTECT 1

/* Where a system call instruction is, here and so in every child. */
static inline guintptr
step_syscall_instruction (void)
{
  const guint8 *code = (const guint8 *) syscall;

  while (code[0] != 0x0f || code[1] != 0x05)
    code++;

  return (guintptr) code;
}

/* Makes the child, which is stopped, call mprotect() on its arena. */
static inline void
step_protect (int pid,
              int protection)
{
  struct user_regs_struct saved, regs;
  int status;

  g_assert_cmpint (ptrace (PTRACE_GETREGS, pid, 0, &saved), ==, 0);
  regs = saved;
  regs.rip = step_syscall_instruction ();
  regs.rax = SYS_mprotect;
  regs.orig_rax = (unsigned long long) -1;
  regs.rdi = (guintptr) mp_arena.base;
  regs.rsi = mp_arena.header->size;
  regs.rdx = (unsigned long long) protection;
  g_assert_cmpint (ptrace (PTRACE_SETREGS, pid, 0, &regs), ==, 0);
  for (guint i = 0; i < 2; i++) /* its beginning and its end */
    {
      g_assert_cmpint (ptrace (PTRACE_SYSCALL, pid, 0, 0), ==, 0);
      g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
      g_assert_true (WIFSTOPPED (status) && WSTOPSIG (status) == SIGTRAP);
    }
  g_assert_cmpint (ptrace (PTRACE_GETREGS, pid, 0, &regs), ==, 0);
  g_assert_cmpint ((int) regs.rax, ==, 0);
  g_assert_cmpint (ptrace (PTRACE_SETREGS, pid, 0, &saved), ==, 0);
}

/* The length of the instruction at @code if it is a string instruction with a repeat prefix, which
 * would take a step for each byte; else 0. */
static inline guint
step_repeats (const guint8 *code)
{
  guint length = code[1] == 0x48 ? 3 : 2;
  guint8 last = code[length - 1];

  return code[0] == 0xf3 && (last == 0xa4 || last == 0xa5 || last == 0xaa || last == 0xab) ? length
                                                                                          : 0;
}

/* One instruction, but all of its repetitions: up to a breakpoint behind it. */
static inline gboolean
step_whole (int  pid,
            int *signal_number)
{
  struct user_regs_struct regs;
  guint length;
  gulong next;
  long word;

  g_assert_cmpint (ptrace (PTRACE_GETREGS, pid, 0, &regs), ==, 0);
  length = step_repeats ((const guint8 *) regs.rip);
  if (length == 0)
    return step_once (pid, signal_number);

  next = regs.rip + length;
  word = ptrace (PTRACE_PEEKTEXT, pid, next, 0);
  ptrace (PTRACE_POKETEXT, pid, next, (word & ~0xffL) | 0xcc);
  g_assert_cmpint (ptrace (PTRACE_CONT, pid, 0, 0), ==, 0);
  g_assert_true (step_wait (pid, signal_number));
  ptrace (PTRACE_POKETEXT, pid, next, word);
  g_assert_cmpint (ptrace (PTRACE_GETREGS, pid, 0, &regs), ==, 0);
  g_assert_cmpuint (regs.rip, ==, next + 1);
  regs.rip = next;
  return ptrace (PTRACE_SETREGS, pid, 0, &regs) == 0;
}

/* Up to and with the next instruction that stores into the arena, where the child may only read;
 * one with a repeat prefix, which copies a message, as a whole. Or, if @calls, up to the end of the
 * next system call. */
static inline gboolean
step_to_store (int      pid,
               gboolean calls,
               int     *signal_number)
{
  siginfo_t info;

  g_assert_cmpint (ptrace (calls ? PTRACE_SYSCALL : PTRACE_CONT, pid, 0, *signal_number), ==, 0);
  if (!step_wait (pid, signal_number))
    return FALSE;
  if (calls && *signal_number == 0)
    {
      /* It may have sent a signal, which would come at a bad time later. */
      g_assert_cmpint (ptrace (PTRACE_SYSCALL, pid, 0, 0), ==, 0);
      return step_wait (pid, signal_number) && step_once (pid, signal_number);
    }
  if (*signal_number != SIGSEGV)
    return TRUE;

  g_assert_cmpint (ptrace (PTRACE_GETSIGINFO, pid, 0, &info), ==, 0);
  g_assert_true ((guint8 *) info.si_addr >= mp_arena.base &&
                 (guint8 *) info.si_addr < mp_arena.base + mp_arena.header->size);
  *signal_number = 0;
  step_protect (pid, PROT_READ | PROT_WRITE);
  if (!step_whole (pid, signal_number))
    return FALSE;
  step_protect (pid, PROT_READ);

  return TRUE;
}
#else
#define STEP_CAN_PROTECT 0
#define step_protect(pid, protection)
#define step_to_store(pid, calls, signal_number) step_once (pid, signal_number)
#endif

/* A child that is done. */
static inline void
step_end (int pid)
{
  g_assert_cmpint (ptrace (PTRACE_CONT, pid, 0, 0), ==, 0);
  test_reap (pid, 0);
}

static inline void
step_kill (int pid)
{
  int status = 0;

  kill (pid, SIGKILL);
  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  g_assert_true (WIFSIGNALED (status));
}

/* Runs the child, which is stopped, to its @point-th point and kills it there. FALSE if it ended
 * before. @stride: -1 for changes of the arena, else instructions. @step_case: NULL if what runs is
 * the recoverer. A child's own children must be able to write. */
static inline gboolean
step_to_death (int             pid,
               guint           point,
               int             stride,
               const StepCase *step_case,
               StepCount      *count)
{
  guint64 n = stride > 0 ? (guint64) point * (guint) stride : point;
  gboolean forks = step_case != NULL && step_case->forks;
  gboolean calls = step_case != NULL && step_case->calls;
  gboolean protect = STEP_CAN_PROTECT && stride < 0 && !forks;
  gboolean alive = TRUE;
  int signal_number = 0;
  guint64 stores = 0, instructions = 0;
  StepView view = { 0 };

  if (stride < 0)
    step_view_begin (&view);
  if (protect)
    step_protect (pid, PROT_READ);
  while (alive && n > 0)
    {
      gboolean changed;

      alive = protect ? step_to_store (pid, calls, &signal_number)
                      : step_once (pid, &signal_number);
      changed = alive && stride < 0 && (step_view_changed (&view) || calls);
      stores += alive && (protect || changed);
      instructions += alive && !protect;
      n -= alive && (stride > 0 || changed);
    }
  count->stores = MAX (count->stores, stores);
  count->instructions = MAX (count->instructions, instructions);
  if (stride < 0)
    step_view_end (&view);
  if (protect)                  /* the kernel has to mark the life word */
    step_protect (pid, PROT_READ | PROT_WRITE);
  if (alive)
    step_kill (pid);
  else
    step_end (pid);
  count->kills += alive;

  return alive;
}

static inline void
step_warm_victim (const StepCase *step_case,
                  gpointer        state)
{
  gpointer warm = step_case->set_up ();

  if (step_case->prepare != NULL)
    step_case->prepare (warm);
  step_case->operate (warm);
  step_case->tear_down (warm);
  if (step_case->prepare != NULL)
    step_case->prepare (state);
}

/* A child that stops before @operate, with all that it needs warm. */
static inline int
step_start (const StepCase *step_case,
            gpointer        state,
            void          (*operate) (gpointer state))
{
  int pid = fork ();
  int status;

  if (pid == 0)
    {
      if (operate == step_case->operate)
        step_warm_victim (step_case, state);
      else
        operate (state);
      ptrace (PTRACE_TRACEME, 0, 0, 0);
      raise (SIGSTOP);
      operate (state);
      raise (SIGSTOP);          /* says that it is done */
      _exit (0);
    }
  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  g_assert_true (WIFSTOPPED (status));

  return pid;
}

/* --- One death ----------------------------------------------------------------------------- */

static inline void
step_finish (const StepCase *step_case,
             gpointer        state,
             const StepUse  *before)
{
  step_case->check (state);
  step_case->tear_down (state);
  mp_recover_sweep ();
  if (before != NULL)
    step_assert_nothing_left (*before);
}

/* FALSE if the operation was over before the point. */
static inline gboolean
step_die_at (const StepCase *step_case,
             guint           point,
             int             stride,
             const StepUse  *before,
             StepCount      *count)
{
  gpointer state = step_case->set_up ();
  gboolean died = step_to_death (step_start (step_case, state, step_case->operate), point, stride,
                                 step_case, count);

  step_finish (step_case, state, before);
  return died;
}

/* The first deaths make what stays: tables and lists grow to their size. */
static inline StepUse
step_warm_up (const StepCase *step_case)
{
  StepCount ignored = { 0 };

  g_assert_true (mp_family_ensure (NULL));
  for (guint i = 1; i < 3; i++)
    step_die_at (step_case, i, -1, NULL, &ignored);

  return step_measure ();
}

static inline void
step_run (gconstpointer argument)
{
  const StepCase *step_case = argument;
  int stride = step_stride (step_case);
  StepCount count = { 0 };
  StepUse before;

  if (stride == 0)
    {
      g_test_skip ("MPROC_TEST_STRIDE is 0");
      return;
    }
  before = step_warm_up (step_case);
  /* What is shorter than the stride gets a shorter one. */
  for (; count.kills == 0; stride /= 2)
    {
      for (guint point = 1; step_die_at (step_case, point, stride, &before, &count); point++)
        ;
      if (stride <= 1)
        break;
    }

  g_assert_cmpuint (count.kills, >, 0);
  g_test_message ("%s: %" G_GUINT64_FORMAT " %s, %" G_GUINT64_FORMAT " deaths", step_case->name,
                  stride > 0 ? count.instructions : count.stores,
                  stride > 0 ? "instructions" : step_case->calls ? "stores and calls" : "stores",
                  count.kills);
}

/* --- The recoverer ------------------------------------------------------------------------- */

static inline void
step_recover (gpointer state G_GNUC_UNUSED)
{
  mp_recover_sweep ();
}

#define STEP_SKIP 97            /* instructions of the victim, with a stride */

/* It takes many more instructions than any victim: up to this stride, each store is its point. */
static inline int
step_recoverer_stride (const StepCase *step_case)
{
  int stride = step_stride (step_case);

  return stride > STEP_SKIP ? stride : -1;
}

/* The victim dies at @point, then the recoverer at @second. FALSE in *@first_died or *@second_died
 * if one was done before. The recoverer is forked first, so that nobody but it looks at what the
 * victim left. */
static inline void
step_two_deaths (const StepCase *step_case,
                 guint           point,
                 guint           second,
                 const StepUse  *before,
                 gboolean        died[2],
                 StepCount      *count)
{
  StepCount ignored = { 0 };
  int stride = step_stride (step_case);
  gpointer state = step_case->set_up ();
  int recoverer = step_start (step_case, state, step_recover);
  int victim = step_start (step_case, state, step_case->operate);

  died[0] = step_to_death (victim, point, stride, step_case, &ignored);
  died[1] = died[0] && step_to_death (recoverer, second,
                                       step_recoverer_stride (step_case), NULL, count);
  if (!died[0])
    step_kill (recoverer);
  step_finish (step_case, state, before);
}

/* The first points of the victim are all taken, then fewer and fewer, and each seventh of the
 * recoverer's; all of both if MPROC_TEST_ALL is set. With a stride every 97th instruction of the
 * victim, and all points of the recoverer. */
static inline void
step_run_recoverer (gconstpointer argument)
{
  const StepCase *step_case = argument;
  int stride = step_stride (step_case);
  gboolean all = g_getenv ("MPROC_TEST_ALL") != NULL;
  guint skip = stride > 0 ? MAX (STEP_SKIP / (guint) stride, 1) : all;
  /* A forking victim takes its way to its death in single steps each time. */
  guint skip_second = stride > 0 || all ? 1 : step_case->forks ? 29 : 7;
  gboolean died[2] = { TRUE, TRUE };
  StepCount count = { 0 };
  guint victims = 0;
  StepUse before;

  if (stride == 0)
    {
      g_test_skip ("MPROC_TEST_STRIDE is 0");
      return;
    }
  before = step_warm_up (step_case);
  for (guint point = 1; died[0]; point += skip > 0 ? skip : 1 + point / 4)
    {
      died[1] = TRUE;
      /* Where it begins differs, so that in the end all points had their turn. */
      for (guint second = 1 + victims % skip_second; died[0] && died[1]; second += skip_second)
        step_two_deaths (step_case, point, second, &before, died, &count);
      victims += died[0];
    }

  if (count.kills == 0 && stride > 1)
    {
      g_test_skip ("Shorter than MPROC_TEST_STRIDE");
      return;
    }
  g_assert_cmpuint (count.kills, >, 0);
  g_test_message ("%s: %u victims, %" G_GUINT64_FORMAT " deaths of recoverers, each of which takes "
                  "up to %" G_GUINT64_FORMAT " %s", step_case->name, victims, count.kills,
                  step_recoverer_stride (step_case) > 0 ? count.instructions : count.stores,
                  step_recoverer_stride (step_case) > 0 ? "instructions" : "stores");
}

/* Tracer and victim never run at the same time: on one CPU no other has to be woken up for each
 * step, which takes most of the time. */
static inline void
step_stay_on_one_cpu (void)
{
  cpu_set_t set;

  CPU_ZERO (&set);
  CPU_SET ((gsize) MAX (sched_getcpu (), 0), &set);
  sched_setaffinity (0, sizeof set, &set);
}

static inline void
step_add_cases (const StepCase *cases,
                guint           n_cases)
{
  step_stay_on_one_cpu ();
  for (guint i = 0; i < n_cases; i++)
    {
      g_autofree char *path = g_strconcat ("/step/", cases[i].name, NULL);
      g_autofree char *recoverer = g_strconcat ("/step-recoverer/", cases[i].name, NULL);

      g_test_add_data_func (path, &cases[i], step_run);
      g_test_add_data_func (recoverer, &cases[i], step_run_recoverer);
    }
}
