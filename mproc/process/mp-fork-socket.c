/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Messages with file descriptors between a program and its fork server. No state; any thread.
 */

#include "config.h"

#include "mproc/process/mp-fork-socket-private.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

typedef union
{
  struct cmsghdr header;
  char space[CMSG_SPACE (MP_FORK_MAX_FDS * sizeof (int))];
} Control;

int
mp_fork_send (int            socket,
              gconstpointer  data,
              gsize          size,
              const int     *fds,
              guint          n_fds)
{
  struct iovec vector = { (gpointer) data, size };
  struct msghdr message = { .msg_iov = &vector, .msg_iovlen = 1 };
  Control control = { 0 };

  if (n_fds > 0)
    {
      struct cmsghdr *header = &control.header;

      message.msg_control = &control;
      message.msg_controllen = CMSG_SPACE (n_fds * sizeof (int));
      header->cmsg_level = SOL_SOCKET;
      header->cmsg_type = SCM_RIGHTS;
      header->cmsg_len = CMSG_LEN (n_fds * sizeof (int));
      memcpy (CMSG_DATA (header), fds, n_fds * sizeof (int));
    }

  while (sendmsg (socket, &message, MSG_NOSIGNAL) < 0)
    if (errno != EINTR)
      return errno;

  return 0;
}

int
mp_fork_receive (int       socket,
                 gpointer  data,
                 gsize     size,
                 int      *fds,
                 guint    *n_fds)
{
  struct iovec vector = { data, size };
  Control control = { 0 };
  struct msghdr message = { .msg_iov = &vector, .msg_iovlen = 1, .msg_control = &control,
                            .msg_controllen = sizeof control };
  ssize_t length;

  for (int i = 0; i < MP_FORK_MAX_FDS; i++)
    fds[i] = -1;
  *n_fds = 0;

  do
    length = recvmsg (socket, &message, MSG_CMSG_CLOEXEC);
  while (length < 0 && errno == EINTR);
  if (length < 0)
    return -errno;

  for (struct cmsghdr *header = CMSG_FIRSTHDR (&message); header != NULL;
       header = CMSG_NXTHDR (&message, header))
    if (header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS)
      {
        *n_fds = MIN ((header->cmsg_len - CMSG_LEN (0)) / sizeof (int), MP_FORK_MAX_FDS);
        memcpy (fds, CMSG_DATA (header), *n_fds * sizeof (int));
      }

  return length;
}
