/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The fork server: a process with one thread that makes children for others.
 *
 * It is a loop in mp_process_serve_forks(), which waits for requests and for the ends of the
 * children it made. A child is forked as any other is, by the language's fork function; but in its
 * birth certificate another process is named as its parent, and it gets that one's streams. The
 * server ends when nobody is connected to it any more.
 */

#include "config.h"

#include "mproc/process/mp-process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mproc/base/mp-at-fork-private.h"
#include "mproc/process/mp-fork-socket-private.h"
#include "mproc/process/mp-process-private.h"
#include "mproc/process/mp-process-setup-private.h"

typedef struct
{
  MpProcess *process;
  int sentinel;
  int answer;           /* where its exit code goes */
} Ward;

/* ── A request becomes a process ─────────────────────────────────────────────────────────────── */

static GVariant *
read_request (int fd)
{
  struct stat status;
  g_autoptr (GBytes) bytes = NULL;
  char *data;

  if (fstat (fd, &status) != 0 || status.st_size <= 0)
    return NULL;

  data = g_malloc (status.st_size);
  if (pread (fd, data, status.st_size, 0) != status.st_size)
    {
      g_free (data);
      return NULL;
    }
  bytes = g_bytes_new_take (data, status.st_size);

  return g_variant_ref_sink (g_variant_new_from_bytes (G_VARIANT_TYPE (MP_FORK_REQUEST_TYPE), bytes,
                                                       FALSE));
}

static void
set_up_cpus (MpProcessSetup *setup,
             GVariant       *cpus)
{
  gsize n;
  const guint32 *numbers = g_variant_get_fixed_array (cpus, &n, sizeof *numbers);

  CPU_ZERO (&setup->cpus);
  for (gsize i = 0; i < n; i++)
    if (numbers[i] < CPU_SETSIZE)
      CPU_SET (numbers[i], &setup->cpus);
  setup->has_cpus = n > 0;
}

static void
set_up_limits (MpProcessSetup *setup,
               GVariant       *limits)
{
  GVariantIter iter;
  guint which;
  gint64 soft, hard;

  g_variant_iter_init (&iter, limits);
  while (g_variant_iter_next (&iter, "(uxx)", &which, &soft, &hard))
    if (which < MP_N_LIMITS)
      setup->limits[which] = (MpProcessLimit) { soft, hard, TRUE };
}

/* Takes the descriptors that it uses out of @fds. */
static void
set_up (MpProcessPrivate *priv,
        GVariant         *request,
        int              *fds)
{
  MpProcessSetup *setup = priv->setup = mp_process_setup_new ();
  g_autoptr (GVariant) cpus = g_variant_get_child_value (request, 11);
  g_autoptr (GVariant) limits = g_variant_get_child_value (request, 13);

  for (int i = 0; i < MP_N_STREAMS; i++)
    {
      setup->kinds[i] = MP_STREAM_PIPE;
      setup->child_ends[i] = fds[MP_FORK_FD_STDIN + i];
      fds[MP_FORK_FD_STDIN + i] = -1;
    }
  g_variant_get_child (request, 9, "m^aay", &setup->environment);
  g_variant_get_child (request, 10, "m^ay", &setup->directory);
  set_up_cpus (setup, cpus);
  g_variant_get_child (request, 12, "i", &setup->nice);
  set_up_limits (setup, limits);
}

static MpBirth *
make_birth (GVariant *request,
            int      *fds)
{
  MpBirth *birth = g_new0 (MpBirth, 1);
  gboolean daemon;

  g_variant_get_child (request, 3, "i", &birth->story.parent_pid);
  g_variant_get_child (request, 4, "s", &birth->story.parent_name);
  g_variant_get_child (request, 5, "b", &daemon);
  g_variant_get_child (request, 6, "i", &birth->log_level);
  g_variant_get_child (request, 7, "b", &birth->log_to_stderr);
  birth->story.daemon = daemon;
  birth->parent_pidfd = fds[MP_FORK_FD_PARENT];
  fds[MP_FORK_FD_PARENT] = -1;

  return birth;
}

static void
birth_free (MpBirth *birth)
{
  mp_clear_fd (&birth->parent_pidfd);
  g_free (birth->story.parent_name);
  g_free (birth);
}

static MpProcess *
make_process (GVariant *request,
              int      *fds)
{
  MpProcess *process;
  MpProcessPrivate *priv;
  g_autoptr (GVariant) key = g_variant_get_child_value (request, 8);
  g_autofree char *name = NULL;

  g_variant_get_child (request, 1, "s", &name);
  process = g_object_new (MP_TYPE_PROCESS, "name", name, NULL);
  priv = mp_process_private (process);
  g_variant_get_child (request, 0, "s", &priv->worker);
  g_free (priv->identity);
  g_variant_get_child (request, 2, "s", &priv->identity);
  g_bytes_unref (priv->authkey);
  priv->authkey = g_variant_get_data_as_bytes (key);
  priv->daemon = FALSE;
  priv->control_read = fds[MP_FORK_FD_CONTROL];
  fds[MP_FORK_FD_CONTROL] = -1;
  set_up (priv, request, fds);
  priv->birth = make_birth (request, fds);

  return process;
}

/* ── Answers ─────────────────────────────────────────────────────────────────────────────────── */

static void
answer_started (MpProcess *process,
                int        fd)
{
  const MpForkAnswer answer = { .pid = mp_process_get_pid (process) };
  const int pidfd = mp_process_get_sentinel (process);

  mp_fork_send (fd, &answer, sizeof answer, &pidfd, pidfd >= 0);
}

static void
answer_failed (const GError *error,
               int           fd)
{
  MpForkAnswer answer = { .pid = -1, .domain = error->domain == MP_ERROR, .code = error->code };

  g_strlcpy (answer.message, error->message, sizeof answer.message);
  mp_fork_send (fd, &answer, sizeof answer, NULL, 0);
}

/* What the server needs of a child that runs is little. */
static void
fork_for (GArray   *wards,
          GVariant *request,
          int      *fds)
{
  g_autoptr (MpProcess) process = make_process (request, fds);
  g_autoptr (GError) error = NULL;
  gboolean started = mp_process_start (process, &error);
  MpProcessPrivate *priv = mp_process_private (process);

  g_clear_pointer (&priv->birth, birth_free);
  if (!started)
    {
      answer_failed (error, fds[MP_FORK_FD_ANSWER]);
      return;
    }

  answer_started (process, fds[MP_FORK_FD_ANSWER]);
  g_array_append_val (wards, ((Ward) { g_object_ref (process), mp_process_get_sentinel (process),
                                       fds[MP_FORK_FD_ANSWER] }));
  fds[MP_FORK_FD_ANSWER] = -1;
}

/* FALSE when nobody is connected any more. */
static gboolean
serve_request (GArray *wards,
               int     socket)
{
  g_autoptr (GVariant) request = NULL;
  int fds[MP_FORK_MAX_FDS];
  guint n_fds;
  char byte;
  int length = mp_fork_receive (socket, &byte, 1, fds, &n_fds);

  if (length > 0 && n_fds >= MP_FORK_FD_CONTROL)
    request = read_request (fds[MP_FORK_FD_REQUEST]);
  if (request != NULL)
    fork_for (wards, request, fds);

  for (int i = 0; i < MP_FORK_MAX_FDS; i++)
    mp_clear_fd (&fds[i]);

  return length > 0;
}

static void
see_to_wards (GArray *wards)
{
  for (guint i = wards->len; i > 0; i--)
    {
      Ward *ward = &g_array_index (wards, Ward, i - 1);
      int code = mp_process_get_exit_code (ward->process);

      if (code == MP_EXIT_CODE_NONE)
        continue;
      mp_fork_send (ward->answer, &code, sizeof code, NULL, 0);
      close (ward->answer);
      mp_process_close (ward->process, NULL);
      g_object_unref (ward->process);
      g_array_remove_index_fast (wards, i - 1);
    }
}

/* ── The loop ────────────────────────────────────────────────────────────────────────────────── */

static void
wait_for_work (GArray *wards,
               int     socket,
               short  *events)
{
  g_autofree struct pollfd *fds = g_new0 (struct pollfd, wards->len + 1);

  fds[0] = (struct pollfd) { .fd = socket, .events = POLLIN };
  for (guint i = 0; i < wards->len; i++)
    fds[i + 1] = (struct pollfd) { .fd = g_array_index (wards, Ward, i).sentinel,
                                   .events = POLLIN };

  *events = poll (fds, wards->len + 1, -1) > 0 ? fds[0].revents : 0;
}

/* In a child of the server: what is the server's is closed. Async-signal-safe. */
static GArray *served_wards;
static int served_socket = -1;

MP_AT_FORK void
mp_fork_server_forget (void)
{
  mp_clear_fd (&served_socket);
  for (guint i = 0; served_wards != NULL && i < served_wards->len; i++)
    mp_clear_fd (&g_array_index (served_wards, Ward, i).answer);
  served_wards = NULL;
}

/**
 * mp_process_serve_forks:
 * @fd: the descriptor that the command line of a fork server names
 *
 * Forks for others until nobody is connected any more. For language bindings, in a fork server,
 * which must have no other thread. The language's fork function runs within this call, which does
 * not return: the process ends.
 *
 * Since: 0.1
 */
void
mp_process_serve_forks (int fd)
{
  g_autoptr (GArray) wards = g_array_new (FALSE, FALSE, sizeof (Ward));
  short events;

  fcntl (fd, F_SETFD, FD_CLOEXEC);
  signal (SIGINT, SIG_IGN);
  served_wards = wards;
  served_socket = fd;
  mp_fork_send (fd, "", 1, NULL, 0);    /* is never read: from now on the other end is readable */

  do
    {
      wait_for_work (wards, fd, &events);
      see_to_wards (wards);
    }
  while (events == 0 || serve_request (wards, fd));

  _exit (0);
}
