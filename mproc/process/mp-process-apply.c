/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * How what was said of a child becomes true.
 *
 * Before the start the parent opens what is needed. In the child, forked or about to run a program,
 * mp_process_setup_apply() does the rest with nothing but system calls; what fails goes back to the
 * parent as a number of the step, and the start fails with an error that names it. After the start
 * the parent's ends of pipes become streams.
 *
 * Children forked later inherit those ends, and would keep the pipes open. So there the numbers are
 * given to /dev/null: closed they must not be, since objects that will close them live on.
 */

#include "config.h"

#include "mproc/process/mp-process-setup-private.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gunixinputstream.h>
#include <gio/gunixoutputstream.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mproc/base/mp-error-private.h"
#include "mproc/memory/mp-arena-private.h"
#include "mproc/process/mp-process-private.h"

static const struct
{
  int resource;
  const char *name;
} limits[MP_N_LIMITS] = {
  [MP_LIMIT_CPU_TIME] = { RLIMIT_CPU, "CPU time" },
  [MP_LIMIT_FILE_SIZE] = { RLIMIT_FSIZE, "file size" },
  [MP_LIMIT_DATA] = { RLIMIT_DATA, "data" },
  [MP_LIMIT_STACK] = { RLIMIT_STACK, "stack" },
  [MP_LIMIT_CORE] = { RLIMIT_CORE, "core files" },
  [MP_LIMIT_PROCESSES] = { RLIMIT_NPROC, "processes" },
  [MP_LIMIT_FILES] = { RLIMIT_NOFILE, "open files" },
  [MP_LIMIT_LOCKED_MEMORY] = { RLIMIT_MEMLOCK, "locked memory" },
  [MP_LIMIT_ADDRESS_SPACE] = { RLIMIT_AS, "address space" },
};

/* ── In the parent ───────────────────────────────────────────────────────────────────────────── */

static guint64
get_inode (int fd)
{
  struct stat status;

  return fstat (fd, &status) == 0 ? status.st_ino : 0;
}

static gboolean
open_streams (MpProcessSetup *setup)
{
  for (int i = 0; i < MP_N_STREAMS; i++)
    {
      int *read_end = i == STDIN_FILENO ? &setup->child_ends[i] : &setup->parent_ends[i];
      int *write_end = i == STDIN_FILENO ? &setup->parent_ends[i] : &setup->child_ends[i];

      /* A fork server was given them. */
      if (setup->kinds[i] != MP_STREAM_PIPE || setup->child_ends[i] >= 0)
        continue;
      if (!mp_process_open_pipe (read_end, write_end))
        return FALSE;
      setup->inodes[i] = get_inode (setup->parent_ends[i]);
    }

  setup->null_fd = open ("/dev/null", O_RDWR | O_CLOEXEC);

  return mp_process_raise_fd (&setup->null_fd);
}

/* So that a write to a child that is gone is an error and not the end of this process. */
static void
ignore_broken_pipes (void)
{
  struct sigaction action;

  if (sigaction (SIGPIPE, NULL, &action) == 0 && action.sa_handler == SIG_DFL)
    signal (SIGPIPE, SIG_IGN);
}

/* Opens what the start of @process needs. Afterwards mp_process_setup_opened() is due. */
gboolean
mp_process_setup_open (MpProcess  *process,
                       GError    **error)
{
  MpProcessSetup *setup = mp_process_private (process)->setup;

  if (open_streams (setup))
    return TRUE;

  mp_error_set_errno (error, errno, "Cannot open the standard streams of a process");
  return FALSE;
}

/* The child has its ends; ours become streams. Under the lock, as they are closed in others. */
void
mp_process_setup_opened (MpProcess *process,
                         gboolean   started)
{
  MpProcessSetup *setup = mp_process_private (process)->setup;

  mp_process_lock ();
  mp_clear_fd (&setup->null_fd);
  for (int i = 0; i < MP_N_STREAMS; i++)
    {
      mp_clear_fd (&setup->child_ends[i]);
      if (!started)
        mp_clear_fd (&setup->parent_ends[i]);
    }
  mp_process_unlock ();
  if (!started)
    return;

  if (setup->parent_ends[STDIN_FILENO] >= 0)
    {
      ignore_broken_pipes ();
      setup->streams[STDIN_FILENO] =
        g_unix_output_stream_new (setup->parent_ends[STDIN_FILENO], TRUE);
    }
  for (int i = STDOUT_FILENO; i < MP_N_STREAMS; i++)
    if (setup->parent_ends[i] >= 0)
      setup->streams[i] = g_unix_input_stream_new (setup->parent_ends[i], TRUE);
}

/* Says as an error what the child could not do. */
gboolean
mp_process_setup_explain (MpProcess            *process,
                          const MpStartReport  *report,
                          GError              **error)
{
  MpProcessPrivate *priv = mp_process_private (process);
  g_autofree char *what = NULL;

  if (report->step == MP_STEP_EXEC)
    what = g_strdup_printf ("Cannot run the program “%s”", priv->argv[0]);
  else if (report->step == MP_STEP_STREAMS)
    what = g_strdup ("Cannot give the process its standard streams");
  else if (report->step == MP_STEP_DIRECTORY)
    what = g_strdup_printf ("Cannot start in the folder “%s”", priv->setup->directory);
  else if (report->step == MP_STEP_AFFINITY)
    what = g_strdup ("Cannot bind the process to these CPUs");
  else if (report->step == MP_STEP_NICE)
    what = g_strdup ("Cannot change the nice value of the process");
  else
    what = g_strdup_printf ("Cannot limit the process's %s",
                            limits[(report->step - MP_STEP_LIMIT) % MP_N_LIMITS].name);

  mp_error_set_errno (error, report->error, what);

  return FALSE;
}

/* ── In the child: async-signal-safe ─────────────────────────────────────────────────────────── */

static gboolean
take_streams (const MpProcessSetup *setup)
{
  for (int i = 0; i < MP_N_STREAMS; i++)
    {
      int fd = setup->kinds[i] == MP_STREAM_PIPE ? setup->child_ends[i] : setup->null_fd;

      if (setup->kinds[i] != MP_STREAM_INHERIT && dup2 (fd, i) < 0)
        return FALSE;
    }

  return TRUE;
}

static gboolean
be_nice (int increment)
{
  errno = 0;

  return increment == 0 || nice (increment) != -1 || errno == 0;
}

/* The range of the arena is no memory that was asked for. */
static gboolean
take_limit (const MpProcessLimit *limit,
            int                   which)
{
  rlim_t more = which == MP_LIMIT_ADDRESS_SPACE ? mp_arena.header->size : 0;
  struct rlimit rlimit = { RLIM_INFINITY, RLIM_INFINITY };

  if (!limit->given)
    return TRUE;

  if (limit->soft >= 0)
    rlimit.rlim_cur = (rlim_t) limit->soft + more;
  if (limit->hard >= 0)
    rlimit.rlim_max = (rlim_t) limit->hard + more;

  return setrlimit (limits[which].resource, &rlimit) == 0;
}

/* Limits come last: they may forbid what the other steps need. */
int
mp_process_setup_apply (const MpProcessSetup *self,
                        int                  *step)
{
  *step = MP_STEP_STREAMS;
  if (!take_streams (self))
    return errno;

  *step = MP_STEP_DIRECTORY;
  if (self->directory != NULL && chdir (self->directory) != 0)
    return errno;

  *step = MP_STEP_AFFINITY;
  if (self->has_cpus && sched_setaffinity (0, sizeof self->cpus, &self->cpus) != 0)
    return errno;

  *step = MP_STEP_NICE;
  if (!be_nice (self->nice))
    return errno;

  for (int i = 0; i < MP_N_LIMITS; i++)
    {
      *step = MP_STEP_LIMIT + i;
      if (!take_limit (&self->limits[i], i))
        return errno;
    }

  *step = MP_STEP_NONE;
  return 0;
}

void
mp_process_setup_disown (MpProcessSetup *self)
{
  int null_fd = -1;

  for (int i = 0; i < MP_N_STREAMS; i++)
    {
      if (self->parent_ends[i] < 0 || get_inode (self->parent_ends[i]) != self->inodes[i])
        continue;
      if (null_fd < 0)
        null_fd = open ("/dev/null", O_RDWR | O_CLOEXEC);
      if (null_fd >= 0)
        dup3 (null_fd, self->parent_ends[i], O_CLOEXEC);
    }
  mp_clear_fd (&null_fd);
}
