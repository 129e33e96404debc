/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The keeper: holds descriptors that a program has put into values, until their readers take them.
 *
 *   mp-keeper NAME PID
 *
 * A descriptor cannot lie in shared memory, and a thread that hands it out is what mproc does not
 * have. So a program that sends one in a value starts this one, once, which has one thread and one
 * loop. It talks only to processes of its own user, who have to know the descriptor's key. It ends
 * with the process PID, and when it has kept nothing for a while; then the next is started when it
 * is needed. It goes into the background when it listens.
 */

#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "mproc/channel/mp-keeper-private.h"

#define IDLE_MSEC 2000
#define PATIENCE_MSEC 1000      /* for who has connected to say what he wants */

typedef struct {
  guint8 key[16];
  int    fd;
} Kept;

static GArray *kept;

static gboolean
is_same_user (int fd)
{
  struct ucred peer;
  socklen_t size = sizeof peer;

  return getsockopt (fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.uid == geteuid ();
}

static gboolean
receive (int              from,
         MpKeeperRequest *request,
         int             *fd)
{
  union { struct cmsghdr header; guint8 space[CMSG_SPACE (sizeof (int))]; } control = { 0 };
  struct iovec part = { request, sizeof *request };
  struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1,
                            .msg_control = &control, .msg_controllen = sizeof control };
  struct pollfd poll_fd = { from, POLLIN, 0 };

  *fd = -1;
  if (poll (&poll_fd, 1, PATIENCE_MSEC) <= 0 ||
      recvmsg (from, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) != sizeof *request)
    return FALSE;
  if (control.header.cmsg_type == SCM_RIGHTS && control.header.cmsg_len >= CMSG_LEN (sizeof *fd))
    memcpy (fd, CMSG_DATA (&control.header), sizeof *fd);

  return TRUE;
}

static void
answer (int  to,
        char what,
        int  fd)
{
  union { struct cmsghdr header; guint8 space[CMSG_SPACE (sizeof (int))]; } control = { 0 };
  struct iovec part = { &what, 1 };
  struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };

  if (fd >= 0)
    {
      message.msg_control = &control;
      message.msg_controllen = sizeof control;
      control.header.cmsg_level = SOL_SOCKET;
      control.header.cmsg_type = SCM_RIGHTS;
      control.header.cmsg_len = CMSG_LEN (sizeof fd);
      memcpy (CMSG_DATA (&control.header), &fd, sizeof fd);
    }
  sendmsg (to, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* The descriptor of this key, which is kept no longer; or -1. */
static int
find (const guint8 *key)
{
  for (guint i = 0; i < kept->len; i++)
    {
      Kept *one = &g_array_index (kept, Kept, i);
      int fd = one->fd;

      if (memcmp (one->key, key, sizeof one->key) != 0)
        continue;
      g_array_remove_index_fast (kept, i);
      return fd;
    }

  return -1;
}

static void
serve (int peer)
{
  MpKeeperRequest request;
  int fd;

  if (!is_same_user (peer) || !receive (peer, &request, &fd))
    return;

  if (request.what == MP_KEEPER_LEAVE && fd >= 0)
    {
      Kept one = { .fd = fd };

      memcpy (one.key, request.key, sizeof one.key);
      g_array_append_val (kept, one);
      answer (peer, MP_KEEPER_YES, -1);
      return;
    }
  if (fd >= 0)
    close (fd);
  fd = request.what == MP_KEEPER_TAKE ? find (request.key) : -1;
  answer (peer, fd >= 0 ? MP_KEEPER_YES : MP_KEEPER_NO, fd);
  if (fd >= 0)
    close (fd);
}

static int
begin_to_listen (const char *name)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  int fd = socket (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
  gsize size = strlen (name);

  if (fd < 0 || size + 1 > sizeof address.sun_path)
    return -1;
  memcpy (address.sun_path + 1, name, size);
  if (bind (fd, (struct sockaddr *) &address,
            (socklen_t) (offsetof (struct sockaddr_un, sun_path) + 1 + size)) < 0 ||
      listen (fd, SOMAXCONN) < 0)
    return -1;

  return fd;
}

/* As a process of nobody's, with nothing open but what it needs. */
static void
go_into_background (void)
{
  int null = open ("/dev/null", O_RDWR | O_CLOEXEC);
  pid_t pid = fork ();

  if (pid != 0)
    _exit (pid < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
  setsid ();
  signal (SIGPIPE, SIG_IGN);
  if (chdir ("/") < 0 || null < 0)
    _exit (EXIT_FAILURE);
  for (int fd = 0; fd < 3; fd++)
    dup2 (null, fd);
}

int
main (int    argc,
      char **argv)
{
  struct pollfd polls[2] = { { -1, POLLIN, 0 }, { -1, POLLIN, 0 } };
  pid_t program = argc == 3 ? (pid_t) atoi (argv[2]) : 0;

  if (program <= 0)
    return EXIT_FAILURE;
#ifdef SYS_pidfd_open
  polls[1].fd = (int) syscall (SYS_pidfd_open, program, 0);
#endif
  polls[0].fd = begin_to_listen (argv[1]);
  if (polls[0].fd < 0)
    return EXIT_FAILURE;
  kept = g_array_new (FALSE, FALSE, sizeof (Kept));
  go_into_background ();

  for (;;)
    {
      int n = poll (polls, 2, IDLE_MSEC);
      int peer;

      if ((n == 0 && kept->len == 0) || polls[1].revents != 0 ||
          (polls[1].fd < 0 && kill (program, 0) < 0 && errno == ESRCH))
        return EXIT_SUCCESS;
      if (n <= 0)
        continue;
      peer = accept4 (polls[0].fd, NULL, NULL, SOCK_CLOEXEC);
      if (peer < 0)
        continue;
      serve (peer);
      close (peer);
    }
}
