/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Processes that a fork server makes, as the program sees them.
 *
 * There is a server per language, a daemon of this process that was spawned when it was first
 * needed. A forked child of this process keeps the connection to it and may ask it too; when it
 * does not answer any more, a new one is started.
 *
 * The server's child is no child of this process: it cannot be waited for. What stands for it are
 * two descriptors: a pidfd, for signals; and a socket on which the server tells the exit code. The
 * latter is what is polled. If the server dies first, the pidfd takes the place of the socket,
 * under the same number.
 */

#include "config.h"

#include "mproc/process/mp-process-private.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "mproc/base/mp-at-fork-private.h"
#include "mproc/base/mp-deadline-private.h"
#include "mproc/base/mp-error-private.h"
#include "mproc/process/mp-fork-socket-private.h"
#include "mproc/process/mp-log.h"
#include "mproc/process/mp-process-setup-private.h"

#define MAX_LANGUAGES 8

typedef struct
{
  char *language;        /* NULL: this program itself */
  char *options;
  MpProcess *process;    /* NULL in a forked child */
  int socket;
} Server;

/* Under the lock of all processes. */
static Server servers[MAX_LANGUAGES];
static guint n_servers;

/* ── Servers ─────────────────────────────────────────────────────────────────────────────────── */

/* With the lock held. */
static Server *
find_server (const char *language)
{
  Server *server;

  for (guint i = 0; i < n_servers; i++)
    if (g_strcmp0 (servers[i].language, language) == 0)
      return &servers[i];

  if (n_servers == MAX_LANGUAGES)
    return NULL;
  server = &servers[n_servers++];
  *server = (Server) { .language = g_strdup (language), .socket = -1 };

  return server;
}

/* After a fork, in the child: the processes are the parent's. Async-signal-safe. */
MP_AT_FORK void
mp_fork_client_forget (void)
{
  for (guint i = 0; i < n_servers; i++)
    servers[i].process = NULL;
}

/**
 * mp_process_set_server_options:
 * @language: (nullable): the language of the server, or %NULL for this program
 * @options: (nullable): a text that it understands
 *
 * Sets what the fork server of a language, if it is not running yet, is told at its start; for
 * language bindings.
 *
 * Since: 0.1
 */
void
mp_process_set_server_options (const char *language,
                               const char *options)
{
  Server *server;

  mp_process_lock ();
  server = find_server (language);
  if (server != NULL)
    {
      g_free (server->options);
      server->options = g_strdup (options);
    }
  mp_process_unlock ();
}

static char **
server_words (const char  *language,
              const char  *options,
              int          fd,
              GError     **error)
{
  g_auto (GStrv) words = mp_process_worker_words (language, error);
  g_autofree char *number = g_strdup_printf ("%d", fd);
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();

  if (words == NULL)
    return NULL;

  g_strv_builder_addv (builder, (const char **) words);
  if (language != NULL)
    {
      g_strv_builder_add (builder, "forkserver");
      g_strv_builder_add (builder, number);
      if (options != NULL)
        g_strv_builder_add (builder, options);
    }

  return g_strv_builder_end (builder);
}

static MpProcess *
make_server (const char  *language,
             const char  *options,
             int          fd,
             GError     **error)
{
  char **words = server_words (language, options, fd, error);
  MpProcessPrivate *priv;
  MpProcess *process;

  if (words == NULL)
    return NULL;

  process = g_object_new (MP_TYPE_PROCESS, "name", "ForkServer", NULL);
  priv = mp_process_private (process);
  priv->argv = words;
  priv->language = g_strdup (language);
  priv->worker = g_strdup_printf ("forkserver %d", fd);
  priv->extra_fd = fd;
  priv->daemon = TRUE;
  priv->hidden = TRUE;
  priv->deaf_to_interrupts = TRUE;

  return process;
}

/* If another thread was quicker, its server is taken, and this one ends for want of a client. */
static void
keep_server (const char *language,
             MpProcess  *process,
             int         socket)
{
  Server *server;

  mp_process_lock ();
  server = find_server (language);
  if (server != NULL && server->socket < 0)
    {
      server->process = process;
      server->socket = socket;
      process = NULL;
      socket = -1;
    }
  mp_process_unlock ();

  mp_clear_fd (&socket);
  g_clear_object (&process);
}

static gboolean
start_server (const char  *language,
              const char  *options,
              GError     **error)
{
  g_autoptr (MpProcess) process = NULL;
  int fds[2];
  gboolean done;

  if (socketpair (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0)
    {
      mp_error_set_errno (error, errno, "Cannot connect to a fork server");
      return FALSE;
    }

  done = mp_process_raise_fd (&fds[1]);
  process = done ? make_server (language, options, fds[1], error) : NULL;
  done = process != NULL && mp_process_start (process, error);
  mp_clear_fd (&fds[1]);
  if (done)
    keep_server (language, g_steal_pointer (&process), fds[0]);
  else
    close (fds[0]);

  return done;
}

/* A copy of the socket of a running server, which the caller closes; -1 with @error set. */
static int
reach_server (const char  *language,
              GError     **error)
{
  g_autofree char *options = NULL;
  Server *server;
  int fd = -1;

  for (int i = 0; i < 2; i++)
    {
      mp_process_lock ();
      server = find_server (language);
      if (server != NULL && server->socket >= 0)
        fd = fcntl (server->socket, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
      else if (server != NULL && options == NULL)
        options = g_strdup (server->options);
      mp_process_unlock ();

      if (fd >= 0)
        return fd;
      if (i == 0 && !start_server (language, options, error))
        return -1;
    }

  g_set_error (error, MP_ERROR, MP_ERROR_SERVER_DIED, "There is no fork server");
  return -1;
}

/* It does not answer: it has ended, is about to, or has gone wrong. */
static void
forget_server (const char *language)
{
  g_autoptr (MpProcess) process = NULL;
  Server *server;

  mp_process_lock ();
  server = find_server (language);
  if (server != NULL)
    {
      mp_clear_fd (&server->socket);
      process = g_steal_pointer (&server->process);
    }
  mp_process_unlock ();

  if (process == NULL)
    return;
  mp_process_send_signal (process, SIGKILL);
  mp_process_wait_until (process, MP_DEADLINE_NEVER, MP_REAP_ANNOUNCE);
}

/**
 * mp_process_stop_servers:
 *
 * Ends the fork servers of this process, and waits until they have ended. Their children live on;
 * on kernels before Linux 6.15 it is not known any more how these end. The next process of the kind
 * starts a new server.
 *
 * There is no need to do so: servers end with the process.
 *
 * Since: 0.1
 */
void
mp_process_stop_servers (void)
{
  g_autoptr (GPtrArray) processes = g_ptr_array_new_with_free_func (g_object_unref);

  mp_process_lock ();
  for (guint i = 0; i < n_servers; i++)
    {
      mp_clear_fd (&servers[i].socket);
      if (servers[i].process != NULL)
        g_ptr_array_add (processes, g_steal_pointer (&servers[i].process));
    }
  mp_process_unlock ();

  for (guint i = 0; i < processes->len; i++)
    {
      mp_process_send_signal (processes->pdata[i], SIGTERM);
      mp_process_wait_until (processes->pdata[i], MP_DEADLINE_NEVER, MP_REAP_ANNOUNCE);
    }
}

/**
 * mp_process_await_server:
 * @language: (nullable): the language of the server, or %NULL for this program
 * @usec: how long to wait, in microseconds; negative for no limit
 * @error: return location for an error
 *
 * Waits until the fork server of a language can make processes, for bindings; it is started if it
 * is not running. Starting a process waits for that too, but cannot be interrupted.
 *
 * It can fail as starting a process does. A server that ends meanwhile is waited for no longer:
 * starting a process tells why.
 *
 * Returns: %MP_STATUS_OK; %MP_STATUS_TIMED_OUT; %MP_STATUS_INTERRUPTED at the latest after a tenth
 *   of a second: run what is pending, and call again; or %MP_STATUS_FAILED with @error set
 *
 * Since: 0.1
 */
int
mp_process_await_server (const char  *language,
                         gint64       usec,
                         GError     **error)
{
  gint64 slice = usec < 0 ? G_MAXINT64 : usec;
  struct pollfd poll_fd = { .fd = reach_server (language, error), .events = POLLIN };
  int n;

  if (poll_fd.fd < 0)
    return MP_STATUS_FAILED;

  slice = MIN (slice, 100 * G_TIME_SPAN_MILLISECOND);
  n = poll (&poll_fd, 1, (int) ((slice + 999) / 1000));
  close (poll_fd.fd);
  if (n > 0)
    return MP_STATUS_OK;

  return n == 0 && slice == usec ? MP_STATUS_TIMED_OUT : MP_STATUS_INTERRUPTED;
}

/* ── Requests ────────────────────────────────────────────────────────────────────────────────── */

static GVariant *
describe_setup_limits (const MpProcessSetup *setup)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a(uxx)"));
  for (guint i = 0; setup != NULL && i < MP_N_LIMITS; i++)
    if (setup->limits[i].given)
      g_variant_builder_add (&builder, "(uxx)", i, setup->limits[i].soft, setup->limits[i].hard);

  return g_variant_builder_end (&builder);
}

static GVariant *
describe_cpus (const MpProcessSetup *setup)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("au"));
  for (guint i = 0; setup != NULL && setup->has_cpus && i < CPU_SETSIZE; i++)
    if (CPU_ISSET (i, &setup->cpus))
      g_variant_builder_add (&builder, "u", i);

  return g_variant_builder_end (&builder);
}

static GVariant *
describe (MpProcess *self)
{
  MpProcessPrivate *priv = mp_process_private (self);
  MpProcessSetup *setup = priv->setup;
  char **environment = setup != NULL ? setup->environment : NULL;
  GVariant *members[] = {
    g_variant_new_string (priv->worker),
    g_variant_new_string (priv->name),
    g_variant_new_string (priv->identity),
    g_variant_new_int32 (getpid ()),
    g_variant_new_string (mp_process_get_name (mp_process_get_current ())),
    g_variant_new_boolean (priv->daemon),
    g_variant_new_int32 (mp_log_get_level ()),
    g_variant_new_boolean (mp_log_get_to_stderr ()),
    g_variant_new_from_bytes (G_VARIANT_TYPE_BYTESTRING, priv->authkey, TRUE),
    g_variant_new_maybe (G_VARIANT_TYPE_BYTESTRING_ARRAY, environment == NULL ? NULL :
                         g_variant_new_bytestring_array ((const char **) environment, -1)),
    g_variant_new_maybe (G_VARIANT_TYPE_BYTESTRING,
                         setup == NULL || setup->directory == NULL ? NULL :
                         g_variant_new_bytestring (setup->directory)),
    describe_cpus (setup),
    g_variant_new_int32 (setup != NULL ? setup->nice : 0),
    describe_setup_limits (setup),
  };

  return g_variant_ref_sink (g_variant_new_tuple (members, G_N_ELEMENTS (members)));
}

/* A file in memory with the request, or -1 with errno set. */
static int
write_request (MpProcess *self)
{
  g_autoptr (GVariant) request = describe (self);
  gsize size = g_variant_get_size (request);
  int fd = memfd_create ("mproc-request", MFD_CLOEXEC);

  if (fd >= 0 && write (fd, g_variant_get_data (request), size) != (ssize_t) size)
    mp_clear_fd (&fd);

  return fd;
}

static int
stream_for_child (const MpProcessSetup *setup,
                  int                   number,
                  int                   null_fd)
{
  MpStream kind = setup != NULL ? setup->kinds[number]
                                : number == STDIN_FILENO ? MP_STREAM_NULL : MP_STREAM_INHERIT;

  if (kind == MP_STREAM_INHERIT && fcntl (number, F_GETFD) >= 0)
    return number;

  return kind == MP_STREAM_PIPE ? setup->child_ends[number] : null_fd;
}

static int
send_request (MpProcess *self,
              int        server,
              int        answer)
{
  MpProcessPrivate *priv = mp_process_private (self);
  int null_fd = open ("/dev/null", O_RDWR | O_CLOEXEC);
  int fds[MP_FORK_MAX_FDS] = {
    [MP_FORK_FD_REQUEST] = write_request (self),
    [MP_FORK_FD_ANSWER] = answer,
    [MP_FORK_FD_PARENT] = mp_pidfd_open (getpid ()),
    [MP_FORK_FD_CONTROL] = priv->control_read,
  };
  int result;

  for (int i = 0; i < MP_N_STREAMS; i++)
    fds[MP_FORK_FD_STDIN + i] = stream_for_child (priv->setup, i, null_fd);

  if (null_fd < 0 || fds[MP_FORK_FD_REQUEST] < 0 || fds[MP_FORK_FD_PARENT] < 0)
    result = errno;
  else
    result = mp_fork_send (server, "", 1, fds, MP_FORK_FD_CONTROL + (priv->control_read >= 0));
  mp_clear_fd (&null_fd);
  mp_clear_fd (&fds[MP_FORK_FD_REQUEST]);
  mp_clear_fd (&fds[MP_FORK_FD_PARENT]);

  return result;
}

/* ── Starting ────────────────────────────────────────────────────────────────────────────────── */

typedef enum {
  ASKED_WELL,
  ASKED_REFUSED,      /* @error is set */
  ASKED_NOBODY,
} Asked;

static Asked
take_answer (MpProcess  *self,
             int         socket,
             GError    **error)
{
  MpProcessPrivate *priv = mp_process_private (self);
  MpForkAnswer answer = { .pid = -1 };
  int fds[MP_FORK_MAX_FDS];
  guint n_fds;

  if (mp_fork_receive (socket, &answer, sizeof answer, fds, &n_fds) != sizeof answer)
    {
      for (guint i = 0; i < n_fds; i++)
        close (fds[i]);
      return ASKED_NOBODY;
    }

  answer.message[sizeof answer.message - 1] = '\0';
  if (answer.pid <= 0)
    {
      g_set_error_literal (error, answer.domain == 1 ? MP_ERROR : G_IO_ERROR, answer.code,
                           answer.message);
      return ASKED_REFUSED;
    }

  mp_process_lock ();
  priv->pid = answer.pid;
  priv->signal_fd = fds[0];
  priv->pidfd = fcntl (socket, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
  mp_process_unlock ();

  return ASKED_WELL;
}

static Asked
ask (MpProcess  *self,
     int         server,
     GError    **error)
{
  Asked asked = ASKED_NOBODY;
  int fds[2], result;

  if (socketpair (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0)
    {
      mp_error_set_errno (error, errno, "Cannot ask the fork server");
      return ASKED_REFUSED;
    }

  result = send_request (self, server, fds[1]);
  close (fds[1]);
  if (result == 0)
    asked = take_answer (self, fds[0], error);
  else if (result != EPIPE && result != ECONNRESET)
    {
      mp_error_set_errno (error, result, "Cannot ask the fork server");
      asked = ASKED_REFUSED;
    }
  close (fds[0]);

  return asked;
}

/* Returns the child's pid, or -1 with @error set. A server that is gone is replaced, once. */
pid_t
mp_fork_client_start (MpProcess  *self,
                      GError    **error)
{
  MpProcessPrivate *priv = mp_process_private (self);
  Asked asked = ASKED_NOBODY;

  for (int i = 0; i < 2 && asked == ASKED_NOBODY; i++)
    {
      int server = reach_server (priv->language, error);

      if (server < 0)
        return -1;
      asked = ask (self, server, error);
      close (server);
      if (asked == ASKED_NOBODY)
        forget_server (priv->language);
    }

  if (asked == ASKED_NOBODY)
    g_set_error (error, MP_ERROR, MP_ERROR_SERVER_DIED,
                 "The fork server ended before it made process %s", priv->name);

  return asked == ASKED_WELL ? priv->pid : -1;
}

/* ── The end ─────────────────────────────────────────────────────────────────────────────────── */

/* With the lock held. TRUE if the child has ended; its exit code is known then, as far as it can
 * be. A socket that has told all is closed for reading, so that it goes on to poll readable. */
gboolean
mp_fork_client_take_status (MpProcessPrivate *priv)
{
  int code;
  ssize_t length = recv (priv->pidfd, &code, sizeof code, MSG_DONTWAIT);

  if (length == sizeof code)
    {
      shutdown (priv->pidfd, SHUT_RDWR);
      priv->exit_code = code;
      return TRUE;
    }
  if (length < 0 && (errno == EAGAIN || errno == EINTR))
    return FALSE;

  /* The server is gone, or was before, and this is the pidfd already. */
  if (!mp_pidfd_has_ended (priv->signal_fd))
    {
      dup3 (priv->signal_fd, priv->pidfd, O_CLOEXEC);
      return FALSE;
    }

  priv->exit_code = mp_pidfd_get_exit_code (priv->signal_fd);
  return TRUE;
}
