/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * mp-manager-server: the process that holds a manager's objects.
 *
 * It is started by MpManager and by nobody else:
 *
 *   mp-manager-server NAME
 *
 * NAME is the abstract socket at which its creator waits to hear of its address and token. One
 * thread runs everything: a loop over the listening socket, the connections, signals and the
 * creator's life. Every step is short, and none waits for anybody.
 *
 * It ends when it gets SIGTERM, and when its creator ends, however that happens: the creator is
 * its parent, watched through a pidfd, or where there are none by looking once a second whether
 * it still is the parent. It does not end by SIGINT, which a terminal sends to it too: its creator
 * decides what that means.
 */

#include "config.h"

#include "mproc/manager/mp-manager-server-peer-private.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "mproc/manager/mp-manager-server-object-private.h"
#include "mproc/memory/mp-family-private.h"

#define EVENTS 32
#define PARENT_CHECK_MSEC 1000

typedef struct
{
  pid_t creator;
  int creator_fd;           /* a pidfd, or -1 */
  int signal_fd;
  int epoll_fd;
  int listener;
} Server;

static gboolean
fail (const char *what)
{
  fprintf (stderr, "mp-manager-server: %s: %s\n", what, g_strerror (errno));
  return FALSE;
}

/* The parent cannot be somebody else by now: a number is not used again while its owner's child
 * sees it as its parent. */
static gboolean
watch_creator (Server *self)
{
#ifdef SYS_pidfd_open
  self->creator_fd = syscall (SYS_pidfd_open, self->creator, 0);
#endif
  errno = ESRCH;

  return getppid () == self->creator || fail ("the creator is not the parent");
}

static gboolean
watch_signals (Server *self)
{
  sigset_t signals;

  signal (SIGINT, SIG_IGN);
  signal (SIGPIPE, SIG_IGN);
  sigemptyset (&signals);
  sigaddset (&signals, SIGTERM);
  sigprocmask (SIG_SETMASK, &signals, NULL);
  self->signal_fd = signalfd (-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);

  return self->signal_fd >= 0 || fail ("signalfd");
}

/* Connections are descriptors: as many as may be. */
static void
raise_limit (void)
{
  struct rlimit limit;

  if (getrlimit (RLIMIT_NOFILE, &limit) < 0)
    return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit (RLIMIT_NOFILE, &limit);
}

static gboolean
add_to_loop (Server *self,
             int    *place)
{
  struct epoll_event event = { .events = EPOLLIN, .data.ptr = place };

  return *place < 0 || epoll_ctl (self->epoll_fd, EPOLL_CTL_ADD, *place, &event) == 0
         || fail ("epoll_ctl");
}

static gboolean
open_address (Server         *self,
              MpManagerReady *ready)
{
  g_autoptr (GError) error = NULL;

  if (!mp_manager_random (ready->address, &error) || !mp_manager_random (ready->token, &error))
    {
      fprintf (stderr, "mp-manager-server: %s\n", error->message);
      return FALSE;
    }
  self->listener = mp_manager_listen (ready->address);

  return self->listener >= 0 || fail ("cannot listen");
}

static gboolean
build_loop (Server               *self,
            const MpManagerReady *ready)
{
  self->epoll_fd = epoll_create1 (EPOLL_CLOEXEC);
  if (self->epoll_fd < 0)
    return fail ("epoll_create");

  mp_server_peers_init (self->epoll_fd, self->listener, ready->token);

  return add_to_loop (self, &self->creator_fd) && add_to_loop (self, &self->signal_fd);
}

/* Everything up to the moment when the creator knows the address. */
static gboolean
prepare (Server     *self,
         const char *name)
{
  MpManagerReady ready = { .magic = MP_MANAGER_MAGIC };
  guint8 rendezvous[MP_MANAGER_KEY_SIZE];
  gboolean success;
  int fd;

  errno = EINVAL;
  if (strlen (name) != MP_MANAGER_HEX_SIZE || !mp_manager_key_from_hex (name, rendezvous))
    return fail (name);
  fd = mp_manager_connect (rendezvous, 0);
  if (fd < 0)
    return fail ("cannot reach the creator");

  raise_limit ();
  mp_family_ensure (NULL);      /* for the shared objects in values */
  success = (mp_manager_peer (fd, &self->creator) && watch_creator (self) && watch_signals (self)
             && open_address (self, &ready) && build_loop (self, &ready)
             && (mp_manager_send (fd, &ready, sizeof ready, NULL, 0) || fail ("send")));
  close (fd);

  return success;
}

/* One event. FALSE: it is time to end. */
static gboolean
handle (Server             *self,
        struct epoll_event *event)
{
  if (event->data.ptr == &self->creator_fd || event->data.ptr == &self->signal_fd)
    return FALSE;

  if (event->data.ptr == NULL)
    mp_server_peers_accept ();
  else
    mp_server_peer_event (event->data.ptr, event->events);

  return TRUE;
}

/* Of two numbers of milliseconds; -1 is no limit. */
static int
sooner (int one,
        int other)
{
  return one < 0 || other < 0 ? MAX (one, other) : MIN (one, other);
}

static int
next_timeout (Server *self)
{
  int timeout = sooner (mp_server_peers_timeout (), mp_server_tickets_timeout ());

  if (self->creator_fd >= 0)
    return timeout;

  return timeout < 0 ? PARENT_CHECK_MSEC : MIN (timeout, PARENT_CHECK_MSEC);
}

static void
serve (Server *self)
{
  gboolean go_on = TRUE;

  while (go_on)
    {
      struct epoll_event events[EVENTS];
      int n = epoll_wait (self->epoll_fd, events, EVENTS, next_timeout (self));

      if (n < 0 && errno != EINTR)
        go_on = fail ("epoll_wait");
      for (int i = 0; i < n && go_on; i++)
        go_on = handle (self, &events[i]);
      mp_server_peers_tidy ();
      mp_server_tickets_tidy (n > 0);
      if (self->creator_fd < 0 && getppid () != self->creator)
        go_on = FALSE;
    }
}

static void
close_all (Server *self)
{
  int *places[] = { &self->creator_fd, &self->signal_fd, &self->listener, &self->epoll_fd };

  for (guint i = 0; i < G_N_ELEMENTS (places); i++)
    if (*places[i] >= 0)
      close (*places[i]);
}

int
main (int    argc,
      char **argv)
{
  Server self = { .creator_fd = -1, .signal_fd = -1, .epoll_fd = -1, .listener = -1 };
  gboolean success;

  if (argc != 2)
    {
      fprintf (stderr, "This program is started by MpManager of mproc, and by nobody else.\n");
      return 2;
    }

  success = prepare (&self, argv[1]);
  if (success)
    serve (&self);
  mp_server_peers_free ();
  mp_server_tickets_free ();
  mp_server_objects_free ();
  close_all (&self);

  return success ? 0 : 1;
}
