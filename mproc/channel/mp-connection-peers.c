/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * How a main loop that waits for a pipe in shared memory hears of its peer's death.
 *
 * Who is killed rings nobody's doorbell. So while any source of this process waits for a pipe, the
 * process has one epoll descriptor with the pidfds of its relatives, which all these sources poll.
 * The first to see an end sweeps: that closes what the dead had, and closing rings. Who joins the
 * family while a source sleeps is noticed when it is prepared again, at the latest by the healing
 * of the doorbell; so are relatives beyond the first MAX_PEERS, and all where there are no pidfds.
 *
 * All state is the process's own, under one mutex; a forked child begins without.
 */

#include "config.h"

#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "mproc/base/mp-at-fork-private.h"
#include "mproc/channel/mp-connection-private.h"
#include "mproc/memory/mp-fork-private.h"
#include "mproc/memory/mp-identity-private.h"
#include "mproc/memory/mp-recover-private.h"

#define MAX_PEERS 64

typedef struct {
  guint32 slot;
  guint64 state;                /* of the slot, when it was opened */
  int     fd;
} Peer;

static GMutex mutex;
static Peer peers[MAX_PEERS];
static guint n_peers;
static guint n_sources;
static int epoll_fd = -1;
static guint epoch;             /* how often this process's forebears forked meanwhile */

/* In a forked child: the sources are copies that nobody runs. */
MP_AT_FORK static void
forget_peers (void)
{
  if (epoll_fd < 0 && mutex.i[0] == 0)
    return;                     /* nothing to write, so no page to copy */

  for (guint i = 0; i < n_peers; i++)
    close (peers[i].fd);
  if (epoll_fd >= 0)
    close (epoll_fd);
  epoll_fd = -1;
  n_peers = 0;
  n_sources = 0;
  epoch++;
  mp_mutex_reset (&mutex);
}

__attribute__ ((constructor)) static void
register_hooks (void)
{
  mp_fork_add_child_hook (forget_peers);
}

static int
open_pidfd (int pid)
{
#ifdef SYS_pidfd_open
  return (int) syscall (SYS_pidfd_open, pid, 0);
#else
  (void) pid;
  return -1;
#endif
}

/* With the mutex. */
static void
drop_peer (guint i)
{
  /* By itself it would stay as long as a child that has not executed its program yet has it. */
  epoll_ctl (epoll_fd, EPOLL_CTL_DEL, peers[i].fd, NULL);
  close (peers[i].fd);
  peers[i] = peers[--n_peers];
}

static gboolean
is_known (guint32 slot)
{
  for (guint i = 0; i < n_peers; i++)
    if (peers[i].slot == slot)
      return TRUE;

  return FALSE;
}

static void
add_peer (guint32 slot,
          guint64 state)
{
  struct epoll_event event = { .events = EPOLLIN, .data.u32 = slot };
  int fd = open_pidfd (MP_SLOT_PID (state));

  if (fd < 0)
    return;                     /* gone already, or of another pid namespace: the sweep sees it */
  if (epoll_ctl (epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
    {
      close (fd);
      return;
    }
  peers[n_peers++] = (Peer) { slot, state, fd };
}

/* With the mutex: those who are in the family now. */
static void
look_who_is_there (void)
{
  guint32 n = MIN (__atomic_load_n (&mp_arena.header->n_processes, __ATOMIC_ACQUIRE),
                   MP_MAX_PROCESSES);

  for (guint i = n_peers; i-- > 0;)
    if (__atomic_load_n (&mp_arena.processes[peers[i].slot].state, __ATOMIC_ACQUIRE) !=
        peers[i].state)
      drop_peer (i);

  for (guint32 slot = 0; slot < n && n_peers < MAX_PEERS; slot++)
    {
      guint64 state = __atomic_load_n (&mp_arena.processes[slot].state, __ATOMIC_ACQUIRE);

      if (slot != mp_arena.process && MP_SLOT_STATE (state) == MP_SLOT_LIVE && !is_known (slot))
        add_peer (slot, state);
    }
}

/* With the mutex: whether any has ended. They are watched no longer. */
static gboolean
has_lost_one (void)
{
  struct epoll_event events[8];
  gboolean lost = FALSE;
  int n = epoll_fd >= 0 ? epoll_wait (epoll_fd, events, G_N_ELEMENTS (events), 0) : 0;

  for (; n > 0; n--)
    for (guint i = n_peers; i-- > 0;)
      if (peers[i].slot == events[n - 1].data.u32)
        {
          drop_peer (i);
          lost = TRUE;
        }

  return lost;
}

/* --- The source ---------------------------------------------------------------------------- */

typedef struct {
  GSource  source;
  gboolean polls;
  guint    epoch;
} PeersSource;

static gboolean
peers_prepare (GSource *source G_GNUC_UNUSED,
               int     *timeout)
{
  *timeout = -1;
  if (mp_arena.base == NULL || mp_arena.cut_off)
    return FALSE;

  g_mutex_lock (&mutex);
  if (epoll_fd >= 0)
    look_who_is_there ();
  g_mutex_unlock (&mutex);

  return FALSE;
}

static gboolean
peers_check (GSource *source G_GNUC_UNUSED)
{
  gboolean lost;

  g_mutex_lock (&mutex);
  lost = has_lost_one ();
  g_mutex_unlock (&mutex);
  if (lost && mp_arena.base != NULL && !mp_arena.cut_off)
    mp_recover_sweep ();

  return lost;
}

static gboolean
peers_dispatch (GSource     *source G_GNUC_UNUSED,
                GSourceFunc  callback G_GNUC_UNUSED,
                gpointer     data G_GNUC_UNUSED)
{
  return G_SOURCE_CONTINUE;
}

static gboolean
nothing (gpointer data G_GNUC_UNUSED)
{
  return G_SOURCE_CONTINUE;
}

static void
peers_finalize (GSource *source)
{
  PeersSource *self = (PeersSource *) source;

  if (!self->polls)
    return;

  g_mutex_lock (&mutex);
  if (self->epoch == epoch && --n_sources == 0)
    {
      while (n_peers > 0)
        drop_peer (n_peers - 1);
      if (epoll_fd >= 0)
        close (epoll_fd);
      epoll_fd = -1;
    }
  g_mutex_unlock (&mutex);
}

static GSourceFuncs peers_funcs = {
  .prepare = peers_prepare,
  .check = peers_check,
  .dispatch = peers_dispatch,
  .finalize = peers_finalize,
};

void
mp_connection_watch_peers (GSource *source)
{
  g_autoptr (GSource) child = g_source_new (&peers_funcs, sizeof (PeersSource));
  PeersSource *self = (PeersSource *) child;

  g_mutex_lock (&mutex);
  if (epoll_fd < 0)
    epoll_fd = epoll_create1 (EPOLL_CLOEXEC);
  if (epoll_fd >= 0)
    {
      n_sources++;
      self->polls = TRUE;
      self->epoch = epoch;
      g_source_add_unix_fd (child, epoll_fd, G_IO_IN);
    }
  g_mutex_unlock (&mutex);

  g_source_set_callback (child, nothing, NULL, NULL);
  g_source_add_child_source (source, child);
}
