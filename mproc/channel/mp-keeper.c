/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Descriptors in values. Shared memory cannot hold them, and who reads a value may come late; so a
 * small program of the library keeps them meanwhile, see mp-keeper-program.c. Each process that
 * leaves some has its own keeper, which is started when it is first needed, or has gone for want of
 * work. All that this process knows of it is its name, under a mutex; a forked child has none.
 */

#include "config.h"

#include "mproc/channel/mp-keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "mproc/base/mp-at-fork-private.h"
#include "mproc/base/mp-error-private.h"
#include "mproc/channel/mp-keeper-private.h"
#include "mproc/memory/mp-fork-private.h"

#define PROGRAM "mp-keeper"
#define PREFIX "mproc-fd:"
#define KEY_SIZE 16
#define PATIENCE 10             /* seconds, for a keeper that was stopped */

static GMutex mutex;
static pid_t owner;             /* of the keeper that is known */
static char keeper[MP_KEEPER_DIGITS + 1];

/* Another thread may have been in here when this one forked. */
static MP_AT_FORK void
forget_keeper (void)
{
  if (owner == 0 && mutex.i[0] == 0)
    return;                     /* nothing to write, so no page to copy */

  mp_mutex_reset (&mutex);
  owner = 0;
}

__attribute__ ((constructor)) static void
register_hook (void)
{
  mp_fork_add_child_hook (forget_keeper);
}

static void
write_hex (char         *text,
           const guint8 *data)
{
  for (guint i = 0; i < KEY_SIZE; i++)
    g_snprintf (text + 2 * i, 3, "%02x", data[i]);
}

static gboolean
read_hex (const char *text,
          guint8     *data)
{
  for (guint i = 0; i < KEY_SIZE; i++)
    {
      int high = g_ascii_xdigit_value (text[2 * i]);
      int low = high < 0 ? -1 : g_ascii_xdigit_value (text[2 * i + 1]);

      if (low < 0)
        return FALSE;
      data[i] = (guint8) (high << 4 | low);
    }

  return TRUE;
}

/* A connection to the keeper of this name; or -1, with ECONNREFUSED if there is none. */
static int
call_keeper (const char *name)
{
  const struct timeval patience = { .tv_sec = PATIENCE };
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  int fd = socket (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
  struct ucred peer;
  socklen_t size = sizeof peer;
  int n = g_snprintf (address.sun_path + 1, sizeof address.sun_path - 1, MP_KEEPER_PREFIX "%s",
                      name);

  int saved;

  if (fd < 0)
    return -1;

  setsockopt (fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  setsockopt (fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  errno = ECONNREFUSED;
  if (connect (fd, (struct sockaddr *) &address,
               (socklen_t) (offsetof (struct sockaddr_un, sun_path) + 1 + (gsize) n)) == 0 &&
      getsockopt (fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.uid == geteuid ())
    return fd;

  saved = errno;
  close (fd);
  errno = saved;
  return -1;
}

/* Room for what will come: what is sent to a process that has none is lost. */
static gboolean
has_room (void)
{
  int fd = open ("/dev/null", O_RDONLY | O_CLOEXEC);

  if (fd >= 0)
    close (fd);
  return fd >= 0;
}

/* One request and its answer, or -1 with an errno value. *@fd: what goes along; then what came
 * along, or -1. */
static int
ask (int                    socket_fd,
     const MpKeeperRequest *request,
     int                   *fd)
{
  union { struct cmsghdr header; guint8 space[CMSG_SPACE (sizeof (int))]; } control = { 0 };
  struct iovec part = { (gpointer) request, sizeof *request };
  struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
  char answer = MP_KEEPER_NO;
  gssize n;

  if (*fd >= 0)
    {
      message.msg_control = &control;
      message.msg_controllen = sizeof control;
      control.header.cmsg_level = SOL_SOCKET;
      control.header.cmsg_type = SCM_RIGHTS;
      control.header.cmsg_len = CMSG_LEN (sizeof *fd);
      memcpy (CMSG_DATA (&control.header), fd, sizeof *fd);
    }
  *fd = -1;
  if (sendmsg (socket_fd, &message, MSG_NOSIGNAL) != sizeof *request)
    return -1;

  memset (&control, 0, sizeof control);
  part = (struct iovec) { &answer, 1 };
  message.msg_control = &control;
  message.msg_controllen = sizeof control;
  errno = 0;
  while ((n = recvmsg (socket_fd, &message, MSG_CMSG_CLOEXEC)) < 0 && errno == EINTR)
    ;
  if (n != 1)
    {
      errno = n < 0 ? errno : ECONNRESET;
      return -1;
    }
  if (control.header.cmsg_type == SCM_RIGHTS && control.header.cmsg_len >= CMSG_LEN (sizeof *fd))
    memcpy (fd, CMSG_DATA (&control.header), sizeof *fd);

  return answer;
}

/* With the mutex. It has gone into the background when this returns. */
static gboolean
start_keeper (GError **error)
{
  const char *folder = secure_getenv ("MPROC_LIBEXECDIR");
  g_autofree char *path = g_build_filename (folder != NULL ? folder : MP_LIBEXECDIR, PROGRAM, NULL);
  g_autofree char *pid = g_strdup_printf ("%d", (int) getpid ());
  g_autofree char *name = NULL;
  char *argv[] = { path, NULL, pid, NULL };
  guint8 random[KEY_SIZE];
  int status;

  if (getrandom (random, sizeof random, 0) != sizeof random)
    return mp_status_to_error (MP_STATUS_FAILED, error);
  write_hex (keeper, random);
  name = g_strconcat (MP_KEEPER_PREFIX, keeper, NULL);
  argv[1] = name;
  if (!g_spawn_sync ("/", argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, NULL, NULL, &status, error) ||
      !g_spawn_check_wait_status (status, error))
    return FALSE;

  owner = getpid ();
  return TRUE;
}

/* With the mutex: a connection to this process's keeper. */
static int
reach_keeper (GError **error)
{
  int fd = owner == getpid () ? call_keeper (keeper) : -1;

  if (fd >= 0)
    return fd;
  if (owner != getpid () || errno == ECONNREFUSED)
    {
      owner = 0;
      if (!start_keeper (error))
        return -1;
      fd = call_keeper (keeper);
    }
  if (fd < 0)
    mp_error_set_errno (error, errno, "Cannot reach the keeper of descriptors");
  return fd;
}

/* With the mutex. */
static gboolean
leave (const MpKeeperRequest  *request,
       int                     fd,
       GError                **error)
{
  int socket_fd = -1, answer = -1;

  /* It may have gone for want of work just now: once more. */
  for (guint i = 0; i < 2 && answer < 0; i++)
    {
      int with = fd;

      socket_fd = reach_keeper (error);
      if (socket_fd < 0)
        return FALSE;
      answer = ask (socket_fd, request, &with);
      close (socket_fd);
      if (answer < 0 && errno == EAGAIN)
        break;
    }

  if (answer == MP_KEEPER_FULL)
    g_set_error_literal (error, MP_ERROR, MP_ERROR_NO_SPACE,
                         "As many descriptors are waiting as one process may have");
  else if (answer != MP_KEEPER_YES)
    mp_error_set_errno (error, errno == EAGAIN ? ETIMEDOUT : errno,
                        "The keeper of descriptors does not answer");
  return answer == MP_KEEPER_YES;
}

/**
 * mp_fd_leave:
 * @fd: a descriptor; it stays open here
 * @error: return location for an error
 *
 * Leaves a duplicate of a descriptor for another process of the same user, which takes it with
 * [func@Mp.fd_take]: so it can be part of any value, as the text that this returns. It can be taken
 * once.
 *
 * Until then it is kept by a small program, which is started when it is first needed and ends with
 * this process: what nobody has taken by then is closed. To take back what nobody is going to take,
 * use [func@Mp.fd_take] here.
 *
 * Errors: [error@Mp.Error.INVALID_ARGUMENT] if @fd is none; those of g_spawn_sync() if the program
 * cannot be run; another #GIOErrorEnum.
 *
 * Returns: (transfer full): a text that names it
 *
 * Since: 0.1
 */
char *
mp_fd_leave (int      fd,
             GError **error)
{
  MpKeeperRequest request = { .what = MP_KEEPER_LEAVE };
  char key[2 * KEY_SIZE + 1];
  char *ticket = NULL;

  if (fd < 0 || fcntl (fd, F_GETFD) < 0)
    {
      g_set_error (error, MP_ERROR, MP_ERROR_INVALID_ARGUMENT, "%d is not a descriptor", fd);
      return NULL;
    }
  if (getrandom (request.key, sizeof request.key, 0) != sizeof request.key)
    {
      mp_status_to_error (MP_STATUS_FAILED, error);
      return NULL;
    }

  g_mutex_lock (&mutex);
  if (leave (&request, fd, error))
    {
      write_hex (key, request.key);
      ticket = g_strconcat (PREFIX, keeper, "/", key, NULL);
    }
  g_mutex_unlock (&mutex);

  return ticket;
}

/**
 * mp_fd_take:
 * @ticket: what [func@Mp.fd_leave] has returned, in any process of the same user
 * @error: return location for an error
 *
 * Takes a descriptor that a process has left. It is closed when a program is executed.
 *
 * Errors: [error@Mp.Error.INVALID_ARGUMENT] if @ticket is none,
 * [error@Mp.Error.NO_SUCH_OBJECT] if it was taken already, or the process that left it has ended;
 * a #GIOErrorEnum if this process may open no more, and then it can still be taken.
 *
 * Returns: the descriptor, which is the caller's, or -1
 *
 * Since: 0.1
 */
int
mp_fd_take (const char  *ticket,
            GError     **error)
{
  MpKeeperRequest request = { .what = MP_KEEPER_TAKE };
  const char *name;
  char of[MP_KEEPER_DIGITS + 1];
  int socket_fd, fd = -1, answer = -1;

  g_return_val_if_fail (ticket != NULL, -1);

  name = ticket + strlen (PREFIX);
  if (!g_str_has_prefix (ticket, PREFIX) ||
      strlen (name) != MP_KEEPER_DIGITS + 1 + 2 * KEY_SIZE || name[MP_KEEPER_DIGITS] != '/' ||
      !read_hex (name + MP_KEEPER_DIGITS + 1, request.key))
    {
      g_set_error_literal (error, MP_ERROR, MP_ERROR_INVALID_ARGUMENT,
                           "This text does not name a descriptor that was left");
      return -1;
    }

  g_strlcpy (of, name, sizeof of);
  socket_fd = call_keeper (of);
  if (socket_fd >= 0 && has_room ())
    answer = ask (socket_fd, &request, &fd);
  if (fd < 0 && (answer == MP_KEEPER_NO || errno == ECONNREFUSED || errno == ECONNRESET))
    g_set_error_literal (error, MP_ERROR, MP_ERROR_NO_SUCH_OBJECT,
                         "The descriptor was taken already, or the process that left it has ended");
  else if (fd < 0)
    mp_error_set_errno (error, errno == EAGAIN ? ETIMEDOUT : errno,
                        "Cannot take the descriptor");
  if (socket_fd >= 0)
    close (socket_fd);

  return fd;
}
