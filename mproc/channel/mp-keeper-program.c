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
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "mproc/channel/mp-keeper-private.h"

#define IDLE_MSEC 2000
#define PATIENCE_USEC G_USEC_PER_SEC    /* for who has connected to say what he wants */
#define MOST_PEERS 64
#define OTHERS 16               /* descriptors that are neither kept nor peers */

typedef struct {
  guint8 key[16];
  int    fd;
} Kept;

/* Who has connected, and until when he may say what he wants. All are listened to at once. */
typedef struct {
  int    fd;
  gint64 deadline;
} Peer;

static GArray *kept;
static GArray *peers;
static guint most_peers, most_kept;

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

  *fd = -1;
  if (recvmsg (from, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) != sizeof *request)
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
keep (const MpKeeperRequest *request,
      int                    fd)
{
  Kept one = { .fd = fd };

  memcpy (one.key, request->key, sizeof one.key);
  g_array_append_val (kept, one);
}

static void
serve (int peer)
{
  MpKeeperRequest request;
  int fd;

  if (!receive (peer, &request, &fd))
    return;

  if (request.what == MP_KEEPER_LEAVE && fd >= 0 && kept->len < most_kept)
    {
      keep (&request, fd);
      answer (peer, MP_KEEPER_YES, -1);
      return;
    }
  if (fd >= 0)
    close (fd);
  if (request.what == MP_KEEPER_LEAVE)
    {
      answer (peer, MP_KEEPER_FULL, -1);
      return;
    }
  fd = request.what == MP_KEEPER_TAKE ? find (request.key) : -1;
  answer (peer, fd >= 0 ? MP_KEEPER_YES : MP_KEEPER_NO, fd);
  if (fd >= 0)
    close (fd);
}

static void
drop_peer (guint i)
{
  close (g_array_index (peers, Peer, i).fd);
  g_array_remove_index (peers, i);
}

/* If there are too many, the one that has been silent for longest has to go. */
static void
take_in (int listener)
{
  Peer peer = { accept4 (listener, NULL, NULL, SOCK_CLOEXEC),
                g_get_monotonic_time () + PATIENCE_USEC };

  if (peer.fd < 0)
    return;
  if (!is_same_user (peer.fd))
    {
      close (peer.fd);
      return;
    }
  if (peers->len >= most_peers)
    drop_peer (0);
  g_array_append_val (peers, peer);
}

/* Serves who has said something, drops who has not for too long. @polls: one for each peer. */
static void
look_at_peers (const struct pollfd *polls)
{
  gint64 now = g_get_monotonic_time ();

  for (guint i = peers->len; i > 0; i--)
    {
      Peer peer = g_array_index (peers, Peer, i - 1);

      if (polls[i - 1].revents != 0)
        serve (peer.fd);
      if (polls[i - 1].revents != 0 || now >= peer.deadline)
        drop_peer (i - 1);
    }
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

/* What is opened later is no standard stream, of which the program may have closed some. */
static gboolean
fill_standard_streams (void)
{
  int fd;

  do
    fd = open ("/dev/null", O_RDWR);
  while (fd >= 0 && fd <= STDERR_FILENO);

  return fd >= 0 && close (fd) == 0;
}

/* As many descriptors as the system allows, and how many of which kind. */
static void
divide_room (void)
{
  struct rlimit limit = { 256, 256 };
  guint most;

  if (getrlimit (RLIMIT_NOFILE, &limit) == 0)
    {
      limit.rlim_cur = limit.rlim_max;
      setrlimit (RLIMIT_NOFILE, &limit);
      getrlimit (RLIMIT_NOFILE, &limit);
    }
  most = (guint) MIN (limit.rlim_cur, G_MAXINT);
  most_peers = CLAMP (most / 4, 1, MOST_PEERS);
  most_kept = most > most_peers + OTHERS ? most - most_peers - OTHERS : 0;
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
  close (null);
}

/* Until the program ends, or there was nothing to do for a while. */
static void
run (int   listener,
     int   program_fd,
     pid_t program)
{
  struct pollfd polls[MOST_PEERS + 2];

  for (;;)
    {
      int n;

      polls[0] = (struct pollfd) { listener, POLLIN, 0 };
      polls[1] = (struct pollfd) { program_fd, POLLIN, 0 };
      for (guint i = 0; i < peers->len; i++)
        polls[i + 2] = (struct pollfd) { g_array_index (peers, Peer, i).fd, POLLIN, 0 };

      n = poll (polls, peers->len + 2, IDLE_MSEC);
      if ((n == 0 && kept->len == 0 && peers->len == 0) || (n > 0 && polls[1].revents != 0) ||
          (program_fd < 0 && kill (program, 0) < 0 && errno == ESRCH))
        return;
      if (n < 0)
        continue;
      look_at_peers (polls + 2);
      if (n > 0 && polls[0].revents != 0)
        take_in (listener);
    }
}

int
main (int    argc,
      char **argv)
{
  pid_t program = argc == 3 ? (pid_t) atoi (argv[2]) : 0;
  int listener, program_fd = -1;

  if (program <= 0 || !fill_standard_streams ())
    return EXIT_FAILURE;
#ifdef SYS_pidfd_open
  program_fd = (int) syscall (SYS_pidfd_open, program, 0);
#endif
  listener = begin_to_listen (argv[1]);
  if (listener < 0)
    return EXIT_FAILURE;
  kept = g_array_new (FALSE, FALSE, sizeof (Kept));
  peers = g_array_new (FALSE, FALSE, sizeof (Peer));
  divide_room ();
  go_into_background ();
  run (listener, program_fd, program);

  return EXIT_SUCCESS;
}
