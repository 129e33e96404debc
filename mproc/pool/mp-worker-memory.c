/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The limit of a worker's memory.
 *
 * Two look at the resident size: the owner when it looks after its workers, and, because it may be
 * busy with something else for long, a thread in the worker's own process, which is started with
 * the first task that has a limit to keep. Found too big, the worker says in its seat why it dies,
 * and kills itself: no code of the task can put that off.
 *
 * Where the program may make control groups that bound memory, each worker is in one of its own,
 * and the kernel keeps the limit exactly. That is where the program's group, or the one above it,
 * is writable and hands on the memory controller already; nothing is moved but the workers.
 */

#include "config.h"

#include "mproc/pool/mp-worker-private.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mproc/pool/mp-pool.h"

/* How often the thread looks. */
#define INTERVAL (20 * G_TIME_SPAN_MILLISECOND)

/* ── The thread ─────────────────────────────────────────────────────────────────────────────── */

struct _MpMemoryWatch
{
  gatomicrefcount ref_count;
  int             stop;         /* atomic */
  MpPoolBoard    *board;        /* (owned) */
  guint           seat;
};

static void
watch_unref (MpMemoryWatch *self)
{
  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;

  g_object_unref (self->board);
  g_free (self);
}

static gpointer
watch (gpointer data)
{
  MpMemoryWatch *self = data;
  MpPoolBoardData *board = mp_pool_board_get_data (self->board);
  MpPoolSeat *seat = &board->seats[self->seat];

  while (!g_atomic_int_get (&self->stop))
    {
      guint64 limit = __atomic_load_n (&board->rules.memory_limit, __ATOMIC_SEQ_CST);
      guint64 task = mp_pool_board_get_running (board, self->seat);

      /* Only the task that was at work while this was measured: it may be done by now. */
      if (limit != 0 && task != 0 && mp_worker_get_resident (getpid ()) > limit
          && mp_pool_board_condemn (board, self->seat, task))
        {
          mp_pool_board_store (&seat->verdict, MP_TASK_FAILURE_MEMORY_LIMIT);
          kill (getpid (), SIGKILL);
        }
      g_usleep (INTERVAL);
    }

  watch_unref (self);

  return NULL;
}

/* No signal of the program's is for this thread. */
static GThread *
start_thread (MpMemoryWatch *watched)
{
  GThread *thread;
  sigset_t all, before;

  sigfillset (&all);
  pthread_sigmask (SIG_SETMASK, &all, &before);
  thread = g_thread_try_new ("memory-limit", watch, watched, NULL);
  pthread_sigmask (SIG_SETMASK, &before, NULL);

  return thread;
}

/* Without the thread the owner looks alone. */
void
mp_worker_watch_memory (MpWorker *self)
{
  MpMemoryWatch *watched = g_new0 (MpMemoryWatch, 1);
  GThread *thread;

  g_atomic_ref_count_init (&watched->ref_count);
  g_atomic_ref_count_inc (&watched->ref_count);
  watched->board = g_object_ref (self->board_object);
  watched->seat = self->seat;
  self->memory_watch = watched;

  thread = start_thread (watched);
  if (thread != NULL)
    g_thread_unref (thread);
  else
    watch_unref (watched);
}

void
mp_worker_drop_memory_watch (MpWorker *self)
{
  g_atomic_int_set (&self->memory_watch->stop, TRUE);
  g_clear_pointer (&self->memory_watch, watch_unref);
}

/* ── The control group ──────────────────────────────────────────────────────────────────────── */

static gboolean
has_word (const char *directory,
          const char *name,
          const char *word)
{
  g_autofree char *path = g_build_filename (directory, name, NULL);
  g_autofree char *text = NULL;
  g_auto (GStrv) words = NULL;

  if (!g_file_get_contents (path, &text, NULL, NULL))
    return FALSE;

  words = g_strsplit (g_strchomp (text), " ", -1);

  return g_strv_contains ((const char * const *) words, word);
}

/* Whether groups that bound memory can be made there. */
static gboolean
is_delegated (const char *directory)
{
  g_autofree char *processes = g_build_filename (directory, "cgroup.procs", NULL);

  return has_word (directory, "cgroup.controllers", "memory")
         && has_word (directory, "cgroup.subtree_control", "memory")
         && access (directory, W_OK | X_OK) == 0 && access (processes, W_OK) == 0;
}

/* The path of this process's group, from the line "0::PATH". */
static char *
read_membership (const char *membership)
{
  g_autofree char *text = NULL;
  g_auto (GStrv) lines = NULL;

  if (!g_file_get_contents (membership, &text, NULL, NULL))
    return NULL;

  lines = g_strsplit (text, "\n", -1);
  for (guint i = 0; lines[i] != NULL; i++)
    {
      if (g_str_has_prefix (lines[i], "0::/"))
        return g_strdup (lines[i] + strlen ("0::"));
    }

  return NULL;
}

/* The directory in which groups for workers can be made, or NULL. @root: where groups are mounted;
 * @membership: the file that tells which one this process is in. */
char *
mp_cgroup_find (const char *root,
                const char *membership)
{
  g_autofree char *path = read_membership (membership);
  g_autofree char *own = NULL;
  g_autofree char *above = NULL;

  if (path == NULL)
    return NULL;

  own = g_build_filename (root, path, NULL);
  if (is_delegated (own))
    return g_steal_pointer (&own);

  above = g_path_get_dirname (own);
  if (strcmp (path, "/") != 0 && is_delegated (above))
    return g_steal_pointer (&above);

  return NULL;
}

static gboolean
write_value (const char *directory,
             const char *name,
             guint64     value)
{
  g_autofree char *path = g_build_filename (directory, name, NULL);
  g_autofree char *text = g_strdup_printf ("%" G_GUINT64_FORMAT, value);
  int fd = open (path, O_WRONLY | O_CLOEXEC | O_TRUNC);
  gboolean written;

  if (fd < 0)
    return FALSE;

  written = write (fd, text, strlen (text)) == (gssize) strlen (text);
  close (fd);

  return written;
}

/* A group below @parent in which the process is from now on; NULL if there can be none. */
char *
mp_cgroup_enter (const char *parent,
                 const char *name,
                 guint64     limit,
                 int         pid)
{
  g_autofree char *path = g_build_filename (parent, name, NULL);

  rmdir (path);                 /* of a process that had this number before, if it was killed */
  if (mkdir (path, 0755) != 0 && errno != EEXIST)
    return NULL;

  if (write_value (path, "memory.max", limit))
    {
      write_value (path, "memory.swap.max", 0);
      if (write_value (path, "cgroup.procs", pid))
        return g_steal_pointer (&path);
    }

  rmdir (path);
  return NULL;
}

/* Whether the kernel has killed anything in it for its memory. */
gboolean
mp_cgroup_was_too_big (const char *group)
{
  g_autofree char *path = g_build_filename (group, "memory.events", NULL);
  g_autofree char *text = NULL;
  const char *found;

  if (!g_file_get_contents (path, &text, NULL, NULL))
    return FALSE;

  found = strstr (text, "oom_kill ");

  return found != NULL && g_ascii_strtoull (found + strlen ("oom_kill "), NULL, 10) > 0;
}

/* The worker's own, or NULL. */
char *
mp_worker_enter_cgroup (guint   seat,
                        guint64 limit,
                        int     pid)
{
  static gsize looked;
  static char *parent;
  g_autofree char *name = NULL;

  if (g_once_init_enter (&looked))
    {
      parent = mp_cgroup_find ("/sys/fs/cgroup", "/proc/self/cgroup");
      g_once_init_leave (&looked, 1);
    }
  if (parent == NULL)
    return NULL;

  name = g_strdup_printf ("mproc-%d-%u", pid, seat);

  return mp_cgroup_enter (parent, name, limit, pid);
}
