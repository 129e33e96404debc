/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The doorbell: one datagram socket per process, made when somebody first waits in a main loop.
 *
 * Its abstract address lies in the process's slot; ringing is sending it an empty datagram.
 * Eventfds would be faster but cannot reach processes forked earlier, and FIFOs leave files. Anyone
 * in the network namespace could ring: a ring carries no authority, whoever hears it looks at the
 * arena again.
 *
 * A source arms the bell before it looks (prepare), and a ringer commits before it looks at what is
 * armed, both with full fences between: one of them sees the other. One ring disarms; the next
 * prepare arms again. A healing timeout bounds the harm of a ring that was lost with its ringer.
 */

#include "config.h"

#include "mproc/sync/mp-doorbell-private.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "mproc/base/mp-at-fork-private.h"
#include "mproc/memory/mp-fork-private.h"
#include "mproc/memory/mp-identity-private.h"
#include "mproc/memory/mp-recover-private.h"

#define HEAL_SECONDS 1

typedef struct {
  GSource     source;
  GSourceFunc ready;
  gpointer    data;
  gpointer    tag;
  GObject    *held;
} DoorbellSource;

static GMutex mutex;
static int bell_fd = -1;        /* heard by this process's sources */
static int ringer_fd = -1;      /* made on joining the family; a child has its parent's */
static GList *sources;          /* all living ones; not owned */

static MpProcessSlot *
own_slot (void)
{
  return &mp_arena.processes[mp_arena.process];
}

/* In a forked child: the bell is the parent's. Its sources are copies that nobody runs. */
MP_AT_FORK static void
forget_bell (void)
{
  if (bell_fd >= 0)
    close (bell_fd);
  bell_fd = -1;
  sources = NULL;
  mp_mutex_reset (&mutex);
}

static int
make_socket (void)
{
  return socket (AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

/* Early: whoever enters another network namespace later can still ring in the family's. */
static void
open_ringer (void)
{
  __atomic_store_n (&ringer_fd, make_socket (), __ATOMIC_RELEASE);
}

__attribute__ ((constructor)) static void
register_hooks (void)
{
  mp_fork_add_child_hook (forget_bell);
  mp_fork_add_join_hook (open_ringer);
}

/* Binds to an abstract address of 128 random bits and publishes it. */
static gboolean
bind_bell (int fd)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  MpProcessSlot *slot = own_slot ();
  guint8 random[16];
  gsize size = 1;

  if (getrandom (random, sizeof random, 0) != sizeof random)
    return FALSE;

  memcpy (address.sun_path + size, "mproc-", 6);
  size += 6;
  for (guint i = 0; i < sizeof random; i++, size += 2)
    g_snprintf (address.sun_path + size, 3, "%02x", random[i]);
  if (bind (fd, (struct sockaddr *) &address,
            (socklen_t) (offsetof (struct sockaddr_un, sun_path) + size)) != 0)
    return FALSE;

  memcpy (slot->doorbell, address.sun_path, size);
  __atomic_store_n (&slot->doorbell_size, (guint32) size, __ATOMIC_RELEASE);
  return TRUE;
}

/* With the mutex held. */
static int
ensure_bell (void)
{
  int fd;

  if (bell_fd >= 0 || mp_arena.base == NULL || mp_arena.cut_off)
    return bell_fd;

  fd = make_socket ();
  if (fd >= 0 && !bind_bell (fd))
    {
      close (fd);
      fd = -1;
    }
  bell_fd = fd;

  return fd;
}

static int
ensure_ringer (void)
{
  int fd = __atomic_load_n (&ringer_fd, __ATOMIC_ACQUIRE);

  if (fd >= 0)
    return fd;

  g_mutex_lock (&mutex);
  if (ringer_fd < 0)
    __atomic_store_n (&ringer_fd, make_socket (), __ATOMIC_RELEASE);
  fd = ringer_fd;
  g_mutex_unlock (&mutex);

  return fd;
}

/* EAGAIN: it has been rung already. ECONNREFUSED: nobody there any more. */
static void
ring_process (MpProcessSlot *slot)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  guint32 size = MIN (__atomic_load_n (&slot->doorbell_size, __ATOMIC_ACQUIRE),
                      sizeof slot->doorbell);

  if (size == 0)
    return;

  memcpy (address.sun_path, slot->doorbell, size);
  sendto (ensure_ringer (), "", 0, MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *) &address,
          (socklen_t) (offsetof (struct sockaddr_un, sun_path) + size));
}

void
mp_doorbell_ring (void)
{
  MpArenaHeader *header = mp_arena.header;
  guint32 n = MIN (__atomic_load_n (&header->n_processes, __ATOMIC_ACQUIRE), MP_MAX_PROCESSES);

  __atomic_store_n (&header->n_armed, 0, __ATOMIC_SEQ_CST);
  for (guint32 i = 0; i < n; i++)
    if (__atomic_load_n (&mp_arena.processes[i].armed, __ATOMIC_SEQ_CST) != 0 &&
        __atomic_exchange_n (&mp_arena.processes[i].armed, 0, __ATOMIC_SEQ_CST) != 0)
      ring_process (&mp_arena.processes[i]);
}

static void
arm (void)
{
  __atomic_store_n (&own_slot ()->armed, 1, __ATOMIC_SEQ_CST);
  __atomic_store_n (&mp_arena.header->n_armed, 1, __ATOMIC_SEQ_CST);
}

/* --- The source ---------------------------------------------------------------------------- */

static gboolean
doorbell_prepare (GSource *source,
                  int     *timeout)
{
  DoorbellSource *self = (DoorbellSource *) source;

  *timeout = HEAL_SECONDS * 1000;
  if (mp_arena.base == NULL || mp_arena.cut_off)
    return TRUE;

  arm ();
  return self->ready (self->data);
}

/* Empties the bell. Threads that poll the same socket may have gone back to sleep because this one
 * was faster: they are woken by hand. */
static void
drain (void)
{
  char byte;

  g_mutex_lock (&mutex);
  while (recv (bell_fd, &byte, sizeof byte, MSG_DONTWAIT) >= 0)
    ;
  for (GList *link = sources; link != NULL; link = link->next)
    {
      GMainContext *context = g_source_get_context (link->data);

      if (context != NULL && !g_main_context_is_owner (context))
        g_main_context_wakeup (context);
    }
  g_mutex_unlock (&mutex);
}

static gboolean
doorbell_check (GSource *source)
{
  DoorbellSource *self = (DoorbellSource *) source;

  if (self->tag != NULL && g_source_query_unix_fd (source, self->tag) != 0)
    drain ();

  return self->ready (self->data);
}

static gboolean
doorbell_dispatch (GSource     *source G_GNUC_UNUSED,
                   GSourceFunc  callback,
                   gpointer     data)
{
  return callback != NULL ? callback (data) : G_SOURCE_REMOVE;
}

static void
doorbell_finalize (GSource *source)
{
  g_mutex_lock (&mutex);
  sources = g_list_remove (sources, source);
  g_mutex_unlock (&mutex);
  g_clear_object (&((DoorbellSource *) source)->held);
}

static GSourceFuncs doorbell_funcs = {
  .prepare = doorbell_prepare,
  .check = doorbell_check,
  .dispatch = doorbell_dispatch,
  .finalize = doorbell_finalize,
};

GSource *
mp_doorbell_source_new (GSourceFunc ready,
                        gpointer    data)
{
  GSource *source = g_source_new (&doorbell_funcs, sizeof (DoorbellSource));
  DoorbellSource *self = (DoorbellSource *) source;
  int fd;

  self->ready = ready;
  self->data = data;
  g_source_set_static_name (source, "[mproc] doorbell");

  g_mutex_lock (&mutex);
  fd = ensure_bell ();
  sources = g_list_prepend (sources, source);
  g_mutex_unlock (&mutex);
  if (fd >= 0)
    self->tag = g_source_add_unix_fd (source, fd, G_IO_IN);

  return source;
}

void
mp_doorbell_source_hold (GSource *source,
                         GObject *object)
{
  g_set_object (&((DoorbellSource *) source)->held, object);
}
