/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Who announces the ends of children: one GSource for each main context in which processes were
 * started, with one epoll descriptor in which their pidfds are.
 *
 * All of that is there before a fork. To put a pidfd in afterwards is one system call, which wakes
 * up whoever polls the context by then; whatever else a parent writes right after a fork costs it
 * copies of pages that the child still has, and that made up a third of what a start costs.
 *
 * The table of watches belongs to the process, under the lock of the table of children. A watch
 * holds its context as long as it has children; that of the default context stays. A forked child
 * has none: it closes its copies of the descriptors, and the sources it inherited destroy
 * themselves when its contexts are iterated.
 */

#include "config.h"

#include "mproc/process/mp-process-private.h"

#include <sys/epoll.h>
#include <unistd.h>

#include "mproc/base/mp-at-fork-private.h"

#define N_EVENTS 32

struct _MpProcessWatch
{
  GSource source;
  guint generation;
  GMainContext *context;
  int epoll;            /* -1: there is none, so all are asked from time to time */
  guint n_children;
  MpProcessWatch *next;
};

/* Under the lock. */
static MpProcessWatch *watches;

/* ── The source ──────────────────────────────────────────────────────────────────────────────── */

static gboolean
watch_source_prepare (GSource *source,
                      int     *timeout)
{
  *timeout = -1;
  return ((MpProcessWatch *) source)->generation != mp_process_get_generation ();
}

/* With the lock held: those that have ended, or may have. What is in the epoll descriptor is in the
 * list of children. */
static GPtrArray *
find_ended (MpProcessWatch *self)
{
  GPtrArray *found = mp_process_list_collect (self);
  struct epoll_event events[N_EVENTS];
  int n = self->epoll >= 0 ? epoll_wait (self->epoll, events, N_EVENTS, 0) : 0;

  for (int i = 0; i < n; i++)
    g_ptr_array_add (found, g_object_ref (events[i].data.ptr));

  return found;
}

static gboolean
watch_source_dispatch (GSource     *source,
                       GSourceFunc  callback G_GNUC_UNUSED,
                       gpointer     data G_GNUC_UNUSED)
{
  MpProcessWatch *self = (MpProcessWatch *) source;
  g_autoptr (GPtrArray) ended = NULL;

  if (self->generation != mp_process_get_generation ())
    return G_SOURCE_REMOVE;

  mp_process_lock ();
  g_source_set_ready_time (source, mp_process_list_is_blind (self)
                                     ? g_get_monotonic_time () + MP_PROCESS_BLIND_SLICE : -1);
  ended = find_ended (self);
  mp_process_unlock ();
  for (guint i = 0; i < ended->len; i++)
    mp_process_reap (ended->pdata[i], MP_REAP_ANNOUNCE);

  return G_SOURCE_CONTINUE;
}

/* In a forked child the number may have come to mean another file. */
static void
watch_source_finalize (GSource *source)
{
  MpProcessWatch *self = (MpProcessWatch *) source;

  if (self->generation == mp_process_get_generation ())
    mp_clear_fd (&self->epoll);
}

/* ── Watches ─────────────────────────────────────────────────────────────────────────────────── */

/* With the lock held. Where there is no descriptor now there may be one at the next start. */
static void
open_epoll (MpProcessWatch *self)
{
  self->epoll = epoll_create1 (EPOLL_CLOEXEC);
  if (mp_process_raise_fd (&self->epoll))
    g_source_add_unix_fd (&self->source, self->epoll, G_IO_IN);
  else
    mp_clear_fd (&self->epoll);
}

/* With the lock held. */
static MpProcessWatch *
watch_new (GMainContext *context)
{
  static GSourceFuncs funcs = {
    .prepare = watch_source_prepare,
    .dispatch = watch_source_dispatch,
    .finalize = watch_source_finalize,
  };
  GSource *source = g_source_new (&funcs, sizeof (MpProcessWatch));
  MpProcessWatch *self = (MpProcessWatch *) source;

  self->generation = mp_process_get_generation ();
  self->context = g_main_context_ref (context);
  self->epoll = -1;
  self->n_children = 0;
  self->next = watches;
  watches = self;
  g_source_set_static_name (source, "[mproc] ends of processes");
  g_source_attach (source, context);

  return self;
}

/* It is in no list any more, but may be at work. */
static void
watch_unref (MpProcessWatch *self)
{
  GMainContext *context = self->context;

  g_source_destroy (&self->source);
  g_source_unref (&self->source);
  g_main_context_unref (context);
}

/* Before the fork. The calling thread's default context is the one that will hear of the end. */
MpProcessWatch *
mp_process_watch_take (void)
{
  GMainContext *context = g_main_context_get_thread_default ();
  MpProcessWatch *watch;

  if (context == NULL)
    context = g_main_context_default ();

  mp_process_lock ();
  for (watch = watches; watch != NULL && watch->context != context;)
    watch = watch->next;
  if (watch == NULL)
    watch = watch_new (context);
  if (watch->epoll < 0)
    open_epoll (watch);
  watch->n_children++;
  mp_process_unlock ();

  return watch;
}

/* With the lock held, after the fork. */
void
mp_process_watch_add (MpProcess *process,
                      int        pidfd)
{
  MpProcessPrivate *priv = mp_process_private (process);
  struct epoll_event event = { .events = EPOLLIN, .data.ptr = process };

  priv->blind = pidfd < 0 || priv->watch->epoll < 0 ||
                epoll_ctl (priv->watch->epoll, EPOLL_CTL_ADD, pidfd, &event) != 0;
  if (priv->blind)
    g_source_set_ready_time (&priv->watch->source, 0);
}

/* With the lock held, before the process is let go of, or its pidfd closed: that alone would not
 * take it out if a copy of it is still open somewhere. */
void
mp_process_watch_remove (MpProcess *process,
                         int        pidfd)
{
  MpProcessPrivate *priv = mp_process_private (process);

  if (!priv->blind)
    epoll_ctl (priv->watch->epoll, EPOLL_CTL_DEL, pidfd, NULL);
  priv->blind = FALSE;
}

/* With the lock held: an end that is known is to be announced in the main context. */
void
mp_process_watch_hurry (MpProcessWatch *self)
{
  g_source_set_ready_time (&self->source, 0);
}

/* Without the lock: the process was announced, or not even started. */
void
mp_process_watch_drop (MpProcessWatch *self)
{
  gboolean unused;

  mp_process_lock ();
  unused = --self->n_children == 0 && self->context != g_main_context_default ();
  for (MpProcessWatch **link = &watches; unused && *link != NULL; link = &(*link)->next)
    if (*link == self)
      {
        *link = self->next;
        break;
      }
  mp_process_unlock ();

  if (unused)
    watch_unref (self);
}

/* In a forked child, which has no children. */
MP_AT_FORK void
mp_process_watch_forget (void)
{
  for (MpProcessWatch *watch = watches; watch != NULL; watch = watch->next)
    if (watch->epoll >= 0)
      close (watch->epoll);
  watches = NULL;
}
