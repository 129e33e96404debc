/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Slots of threads and processes: taking one, and telling whether its owner is dead.
 *
 * A thread takes its slot at its first use of the arena and gives it back when it ends (a
 * thread-specific destructor); if it is killed, or its process is, or execs, the kernel walks its
 * robust list and writes FUTEX_OWNER_DIED into the life word. FUTEX_WAITERS is set there by hand,
 * so that the kernel also wakes one sleeper. Only glibc's layout is relied on: the lock word is the
 * first member of pthread_mutex_t (checked by a test).
 */

#include "config.h"

#include "mproc/memory/mp-identity-private.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mproc/base/mp-at-fork-private.h"
#include "mproc/base/mp-error-private.h"
#include "mproc/memory/mp-futex-private.h"
#include "mproc/memory/mp-lease-private.h"

__thread MpSelf mp_self_tls __attribute__ ((tls_model ("initial-exec")));

static pthread_key_t thread_key;
static guint64 own_namespace;           /* of process ids; 0: not known yet */

gboolean
mp_id_is_dead (guint32 id)
{
  MpThreadSlot *slot = mp_id_slot (id);
  guint64 state = __atomic_load_n (&slot->state, __ATOMIC_ACQUIRE);

  return MP_SLOT_STATE (state) != MP_SLOT_LIVE || MP_SLOT_GENERATION (state) != id >> 16 ||
         (__atomic_load_n (mp_life_word (slot), __ATOMIC_ACQUIRE) & FUTEX_OWNER_DIED) != 0;
}

/* Finds a free slot word in a table and makes it RESERVED for this process; -1 if the table is
 * full. @n_used: how many were ever used. */
static gint64
reserve_slot (guint8   *table,
              gsize     stride,
              gsize     state_at,
              guint32  *n_used,
              guint32   n_max,
              guint64  *reserved)
{
  const int pid = getpid ();

  for (guint32 i = 0; i < n_max; i++)
    {
      guint64 *state = (guint64 *) (table + i * stride + state_at);
      guint32 used = __atomic_load_n (n_used, __ATOMIC_ACQUIRE);
      guint64 old;

      if (i >= used)
        {
          if (!mp_arena_populate (mp_arena_offset (table + i * stride), stride))
            return -1;
          __atomic_compare_exchange_n (n_used, &used, i + 1, FALSE, __ATOMIC_ACQ_REL,
                                       __ATOMIC_RELAXED);
        }

      old = __atomic_load_n (state, __ATOMIC_ACQUIRE);
      *reserved = MP_SLOT_WORD (pid, MP_SLOT_GENERATION (old) + 1, MP_SLOT_RESERVED);
      if (MP_SLOT_STATE (old) == MP_SLOT_FREE &&
          __atomic_compare_exchange_n (state, &old, *reserved, FALSE, __ATOMIC_ACQ_REL,
                                       __ATOMIC_RELAXED))
        return i;
    }

  return -1;
}

/* --- Threads ------------------------------------------------------------------------------- */

static void
life_begin (MpThreadSlot *slot)
{
  pthread_mutexattr_t attributes;

  pthread_mutexattr_init (&attributes);
  pthread_mutexattr_setrobust (&attributes, PTHREAD_MUTEX_ROBUST);
  pthread_mutexattr_setpshared (&attributes, PTHREAD_PROCESS_SHARED);
  memset (&slot->life, 0, sizeof slot->life);
  pthread_mutex_init (&slot->life, &attributes);
  pthread_mutexattr_destroy (&attributes);

  pthread_mutex_lock (&slot->life);
  __atomic_or_fetch (mp_life_word (slot), FUTEX_WAITERS, __ATOMIC_SEQ_CST);
}

/* Whether a thread ended in the middle of something, by pthread_exit() in a callback, say. */
static gboolean
leaves_something (const MpThreadSlot *slot)
{
  guint64 any = slot->object | slot->waiting | slot->dying | slot->graves | slot->emptying |
                slot->parked | slot->heap_op;

  for (guint i = 0; i < MP_N_HANDS; i++)
    any |= slot->hands[i];

  return any != 0;
}

/* The thread ends by itself: locks it still holds count as left behind. RESERVED before the life
 * word is let go, so that at no moment the slot seems to live without one. What else it left is for
 * recovery: the kernel marks the life word, as it is not let go. */
static void
release_thread (gpointer data)
{
  MpThreadSlot *slot = data;
  guint64 state = slot->state;
  guint32 generation = MP_SLOT_GENERATION (state);
  guint64 leaving = MP_SLOT_WORD (getpid (), generation, MP_SLOT_RESERVED);

  if (slot != mp_self_tls.slot)
    return;

  mp_self_tls = (MpSelf) { 0 };
  if (leaves_something (slot) ||
      !__atomic_compare_exchange_n (&slot->state, &state, leaving, FALSE, __ATOMIC_ACQ_REL,
                                    __ATOMIC_RELAXED))
    return;

  pthread_mutex_unlock (&slot->life);
  __atomic_compare_exchange_n (&slot->state, &leaving,
                               MP_SLOT_WORD (0, generation, MP_SLOT_FREE), FALSE,
                               __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
  mp_futex_wake (mp_life_word (slot), G_MAXINT);
}

__attribute__ ((constructor)) static void
make_thread_key (void)
{
  pthread_key_create (&thread_key, release_thread);
}

/* What the thread's key still names is no slot of this thread any more, and is not looked at. */
MP_AT_FORK void
mp_identity_forget_thread (void)
{
  mp_self_tls = (MpSelf) { 0 };
  own_namespace = 0;
}

gboolean
mp_identity_attach_thread (void)
{
  MpArenaHeader *header = mp_arena.header;
  MpThreadSlot *slot;
  guint64 reserved;
  gint64 index;

  if (mp_arena.base == NULL || mp_arena.cut_off)
    return FALSE;

  index = reserve_slot ((guint8 *) mp_arena.threads, sizeof *slot,
                        G_STRUCT_OFFSET (MpThreadSlot, state), &header->n_threads, MP_MAX_THREADS,
                        &reserved);
  if (index < 0)
    return FALSE;

  slot = &mp_arena.threads[index];
  slot->process = mp_arena.process;
  slot->heap_op = 0;
  slot->object = 0;
  slot->dying = 0;
  slot->dying_entry = 0;
  slot->graves = 0;
  slot->emptying = 0;
  slot->heir_of = 0;
  slot->parked = 0;
  slot->waiting = 0;
  memset (slot->hands, 0, sizeof slot->hands);
  life_begin (slot);
  if (!__atomic_compare_exchange_n (&slot->state, &reserved,
                                    MP_SLOT_WORD (getpid (), MP_SLOT_GENERATION (reserved),
                                                  MP_SLOT_LIVE),
                                    FALSE, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
    {
      pthread_mutex_unlock (&slot->life);
      return FALSE;
    }

  mp_self_tls.slot = slot;
  mp_self_tls.id = MP_SLOT_GENERATION (reserved) << 16 | ((guint32) index + 1);
  pthread_setspecific (thread_key, slot);
  if (mp_arena.processes[mp_arena.process].start_time == 0)
    mp_identity_describe_process (&mp_arena.processes[mp_arena.process]);

  return TRUE;
}

/* --- Processes ----------------------------------------------------------------------------- */

/* What /proc says of a process. */
typedef struct {
  char    letter;               /* of its state */
  int     parent;
  int     n_threads;
  guint64 start_time;           /* ticks since boot */
} ProcessStat;

/* FALSE if there is none. */
static gboolean
read_stat (int          pid,
           ProcessStat *process)
{
  char path[32], text[1024];
  const char *rest;
  ssize_t size;
  int fd;

  g_snprintf (path, sizeof path, "/proc/%d/stat", pid);
  fd = open (path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return FALSE;
  size = read (fd, text, sizeof text - 1);
  close (fd);
  text[MAX (size, 0)] = '\0';

  rest = strrchr (text, ')');
  return rest != NULL &&
         sscanf (rest + 1,
                 " %c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %d %*d %"
                 G_GUINT64_FORMAT,
                 &process->letter, &process->parent, &process->n_threads,
                 &process->start_time) == 4;
}

/* A leader that has ended alone is a zombie, too. */
static gboolean
has_ended (const ProcessStat *process)
{
  return (process->letter == 'Z' && process->n_threads <= 1) || process->letter == 'X';
}

/* A process never leaves its own; its children may be in another one. */
static guint64
own_pid_namespace (void)
{
  guint64 found = __atomic_load_n (&own_namespace, __ATOMIC_RELAXED);
  struct stat status;

  if (found == 0 && stat ("/proc/self/ns/pid", &status) == 0)
    {
      found = (guint64) status.st_ino;
      __atomic_store_n (&own_namespace, found, __ATOMIC_RELAXED);
    }

  return found;
}

guint64
mp_identity_ticks (void)
{
  struct timespec now;

  clock_gettime (CLOCK_BOOTTIME, &now);
  return (guint64) now.tv_sec * (guint64) sysconf (_SC_CLK_TCK) +
         (guint64) now.tv_nsec * (guint64) sysconf (_SC_CLK_TCK) / 1000000000;
}

gboolean
mp_identity_pid_gone (int     pid,
                      guint64 pid_namespace)
{
  ProcessStat process;

  if (pid_namespace != 0 && pid_namespace != own_pid_namespace ())
    return FALSE;
  if (kill (pid, 0) != 0 && errno == ESRCH)
    return TRUE;
  if (!read_stat (pid, &process))
    return kill (pid, 0) != 0 && errno == ESRCH;

  return has_ended (&process);
}

static gboolean
is_member (int pid)
{
  guint32 n = MIN (__atomic_load_n (&mp_arena.header->n_processes, __ATOMIC_ACQUIRE),
                   MP_MAX_PROCESSES);

  for (guint32 i = 0; i < n; i++)
    {
      guint64 state = __atomic_load_n (&mp_arena.processes[i].state, __ATOMIC_ACQUIRE);

      if (MP_SLOT_STATE (state) == MP_SLOT_LIVE && MP_SLOT_PID (state) == pid)
        return TRUE;
    }

  return FALSE;
}

/* Whether it has the family's arena mapped; also if that cannot be seen. */
static gboolean
may_have_arena (int pid)
{
  char path[32], inode[32];
  g_autofree char *maps = NULL;
  struct stat status;

  g_snprintf (path, sizeof path, "/proc/%d/maps", pid);
  if (fstat (mp_arena.fd, &status) != 0 || !g_file_get_contents (path, &maps, NULL, NULL))
    return TRUE;

  g_snprintf (inode, sizeof inode, " %" G_GUINT64_FORMAT " ", (guint64) status.st_ino);
  return strstr (maps, inode) != NULL;
}

/* Membership is looked up last: who has become a member meanwhile has come. */
gboolean
mp_identity_child_on_way (int     parent,
                          guint64 from,
                          guint64 until)
{
  GDir *directory = g_dir_open ("/proc", 0, NULL);
  gboolean found = directory == NULL;
  const char *name;

  while (!found && (name = g_dir_read_name (directory)) != NULL)
    {
      int pid = atoi (name);
      ProcessStat process;

      found = pid > 0 && read_stat (pid, &process) && !has_ended (&process) &&
              (parent == 0 || process.parent == parent) && process.start_time >= from &&
              process.start_time <= until && may_have_arena (pid) && !is_member (pid);
    }
  g_clear_pointer (&directory, g_dir_close);

  return found;
}

/* The child's pid is known, or else its parent says (see mp-fork.c) as long as that lives. When it
 * is gone, a child that has just begun may still come, for as long as that may take. */
static gboolean
reservation_is_void (MpProcessSlot *slot,
                     guint64        state)
{
  guint64 grace = 2 * (guint64) sysconf (_SC_CLK_TCK);

  if (slot->forked_pid > 0)
    return mp_identity_pid_gone (slot->forked_pid, slot->pid_namespace);
  if (!mp_identity_pid_gone (MP_SLOT_PID (state), slot->pid_namespace))
    return FALSE;

  return mp_identity_ticks () > slot->forked_from + grace ||
         !mp_identity_child_on_way (0, slot->forked_from, slot->forked_from + grace);
}

gboolean
mp_identity_process_gone (MpProcessSlot *slot,
                          guint64        state)
{
  ProcessStat process;

  if (MP_SLOT_STATE (state) == MP_SLOT_RESERVED)
    return reservation_is_void (slot, state);
  if (mp_identity_pid_gone (MP_SLOT_PID (state), slot->pid_namespace))
    return TRUE;
  if (slot->pid_namespace != 0 && slot->pid_namespace != own_pid_namespace ())
    return FALSE;

  return slot->start_time != 0 && read_stat (MP_SLOT_PID (state), &process) &&
         process.start_time != slot->start_time;
}

void
mp_identity_describe_process (MpProcessSlot *slot)
{
  ProcessStat process;

  slot->pid_namespace = own_pid_namespace ();
  if (read_stat (getpid (), &process))
    slot->start_time = process.start_time;
}

/* A clean slot, RESERVED; -1 if there is none. */
gint64
mp_identity_reserve_process (guint64 *reserved)
{
  gint64 index = reserve_slot ((guint8 *) mp_arena.processes, sizeof (MpProcessSlot),
                               G_STRUCT_OFFSET (MpProcessSlot, state),
                               &mp_arena.header->n_processes, MP_MAX_PROCESSES, reserved);
  MpProcessSlot *slot;

  if (index < 0)
    return -1;

  slot = &mp_arena.processes[index];
  slot->start_time = 0;
  slot->pid_namespace = 0;
  slot->forked_pid = 0;
  slot->forked_from = mp_identity_ticks ();
  slot->armed = 0;
  slot->doorbell_size = 0;
  slot->free_lease = 0;
  slot->n_leases = 0;

  return index;
}

gboolean
mp_identity_attach_process (GError **error)
{
  guint64 reserved;
  gint64 index = mp_identity_reserve_process (&reserved);
  MpProcessSlot *slot;

  if (index < 0)
    return mp_status_to_error (MP_STATUS_NO_SPACE, error);

  slot = &mp_arena.processes[index];
  mp_identity_describe_process (slot);
  mp_arena.process = (guint32) index;
  __atomic_store_n (&slot->state,
                    MP_SLOT_WORD (getpid (), MP_SLOT_GENERATION (reserved), MP_SLOT_LIVE),
                    __ATOMIC_RELEASE);

  return TRUE;
}
