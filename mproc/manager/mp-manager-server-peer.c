/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The server's connections: what stands between a socket and the objects.
 *
 * Nobody can make the server wait, or hold more of it than is theirs:
 *
 *  - a connection begins as a stranger, who has a few seconds to present the token; there are few
 *    strangers at a time, and when one more comes the oldest has to go;
 *  - all sockets are non-blocking; room for a request grows with what has arrived of it, not with
 *    what was announced;
 *  - while a reply has not been read by its receiver, no more of its requests are;
 *  - what is not understood ends the connection.
 *
 * A connection that ended is taken out of the loop at once, but freed only after the events of
 * one round were handled (mp_server_peers_tidy()), since one of them may still name it.
 */

#include "config.h"

#include "mproc/manager/mp-manager-server-peer-private.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "mproc/manager/mp-manager-server-object-private.h"

#define MAX_STRANGERS 64
#define STRANGER_USEC (10 * G_USEC_PER_SEC)

/* Room for requests: at least, and what is kept when a connection is idle. */
#define ROOM 4096
#define ROOM_TO_KEEP (64 * 1024)

struct _MpServerPeer
{
  int             fd;               /* -1: ended */
  guint64         number;
  gint64          deadline;         /* of a stranger */
  GList           link;             /* in one of the queues below */
  GQueue         *queue;

  guint8         *room;             /* what has arrived of requests */
  gsize           room_size;
  gsize           arrived;

  MpManagerReply  head;             /* the reply on its way */
  guint8         *body;
  gsize           head_size;        /* 0: there is none */
  gsize           sent;
  gboolean        wants_writing;    /* the loop watches for room instead of requests */

  GHashTable     *held;             /* NULL: a stranger */
  GPtrArray      *shared;           /* what the last reply named, until the next request */
};

static struct
{
  int epoll_fd;
  int listener;
  gboolean deaf;                    /* out of descriptors: not accepting */
  guint8 token[MP_MANAGER_KEY_SIZE];
  guint64 last_number;
  GQueue strangers;                 /* oldest first */
  GQueue friends;
  GQueue ended;
} server = { .epoll_fd = -1, .listener = -1 };

static gboolean handle_arrived (MpServerPeer *self);

/* ── Coming and going ────────────────────────────────────────────────────────────────────────── */

static void
move (MpServerPeer *self,
      GQueue       *queue)
{
  if (self->queue != NULL)
    g_queue_unlink (self->queue, &self->link);
  self->queue = queue;
  g_queue_push_tail_link (queue, &self->link);
}

static void
listen_again (void)
{
  struct epoll_event event = { .events = EPOLLIN, .data.ptr = NULL };

  if (server.deaf && epoll_ctl (server.epoll_fd, EPOLL_CTL_ADD, server.listener, &event) == 0)
    server.deaf = FALSE;
}

static void
end (MpServerPeer *self)
{
  if (self->fd < 0)
    return;

  close (self->fd);
  self->fd = -1;
  g_clear_pointer (&self->held, mp_server_held_free);
  g_clear_pointer (&self->shared, g_ptr_array_unref);
  move (self, &server.ended);
  listen_again ();
}

static void
peer_free (MpServerPeer *self)
{
  g_queue_unlink (self->queue, &self->link);
  g_free (self->room);
  g_free (self->body);
  g_free (self);
}

static void
add_peer (int fd)
{
  MpServerPeer *self;
  struct epoll_event event = { .events = EPOLLIN };

  if (server.strangers.length >= MAX_STRANGERS)
    end (server.strangers.head->data);

  self = g_new0 (MpServerPeer, 1);
  self->fd = fd;
  self->number = ++server.last_number;
  self->deadline = g_get_monotonic_time () + STRANGER_USEC;
  self->link.data = self;
  move (self, &server.strangers);
  event.data.ptr = self;
  if (epoll_ctl (server.epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
    end (self);
}

/* Out of descriptors: a stranger has to go; without any, wait until somebody ends. */
static gboolean
make_room (void)
{
  if (server.strangers.length > 0)
    {
      end (server.strangers.head->data);
      return TRUE;
    }

  server.deaf = epoll_ctl (server.epoll_fd, EPOLL_CTL_DEL, server.listener, NULL) == 0;
  return FALSE;
}

void
mp_server_peers_accept (void)
{
  for (guint i = 0; i < MAX_STRANGERS; i++)
    {
      int fd = accept4 (server.listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

      if (fd >= 0 && mp_manager_peer (fd, NULL))
        add_peer (fd);
      else if (fd >= 0)
        close (fd);
      else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
        {
          if (!make_room ())
            return;
        }
      else if (errno != EINTR && errno != ECONNABORTED)
        return;
    }
}

/* ── Replies ─────────────────────────────────────────────────────────────────────────────────── */

static gboolean
watch (MpServerPeer *self,
       gboolean      writing)
{
  struct epoll_event event = { .events = writing ? EPOLLOUT : EPOLLIN, .data.ptr = self };

  if (self->wants_writing == writing)
    return TRUE;
  self->wants_writing = writing;

  return epoll_ctl (server.epoll_fd, EPOLL_CTL_MOD, self->fd, &event) == 0;
}

/* Sends as much as the socket takes. FALSE: the connection is broken. */
static gboolean
flush (MpServerPeer *self)
{
  while (self->head_size > 0)
    {
      gsize in_head = MIN (self->sent, self->head_size);
      gsize in_body = self->sent - in_head;
      gsize body_size = self->body != NULL ? self->head.body_size : 0;
      struct iovec parts[] = {
        { (guint8 *) &self->head + in_head, self->head_size - in_head },
        { self->body + in_body, body_size - in_body },
      };
      struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };
      gssize n = sendmsg (self->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);

      if (n < 0 && errno == EAGAIN)
        return watch (self, TRUE);
      if (n < 0 && errno != EINTR)
        return FALSE;
      self->sent += MAX (n, 0);
      if (self->sent == self->head_size + body_size)
        {
          self->head_size = 0;
          g_clear_pointer (&self->body, g_free);
        }
    }

  return watch (self, FALSE);
}

static gboolean
welcome (MpServerPeer *self)
{
  MpManagerWelcome words = { MP_MANAGER_MAGIC, 0, self->number };

  G_STATIC_ASSERT (sizeof words <= sizeof self->head);
  memcpy (&self->head, &words, sizeof words);
  self->head_size = sizeof words;
  self->sent = 0;

  return flush (self);
}

static gboolean
reply_to (MpServerPeer           *self,
          const MpManagerRequest *request,
          const guint8           *body)
{
  MpServerReply reply = { 0 };

  mp_server_objects_call (request, body, self->held, &reply);
  if (request->method == MP_METHOD_RELEASE)
    return TRUE;

  self->head = (MpManagerReply) {
    .body_size = reply.body_size,
    .number = reply.number,
    .version = reply.version,
    .status = reply.status,
  };
  self->head_size = sizeof self->head;
  self->body = reply.body;
  g_clear_pointer (&self->shared, g_ptr_array_unref);
  self->shared = reply.shared;
  self->sent = 0;

  return flush (self);
}

/* ── Requests ────────────────────────────────────────────────────────────────────────────────── */

/* In a time that does not depend on what was guessed right. */
static gboolean
token_is_right (const guint8 *token)
{
  guint8 difference = 0;

  for (guint i = 0; i < MP_MANAGER_KEY_SIZE; i++)
    difference |= token[i] ^ server.token[i];

  return difference == 0;
}

static MpServerPeer *
find_friend (guint64 number)
{
  for (GList *link = server.friends.head; link != NULL; link = link->next)
    if (((MpServerPeer *) link->data)->number == number)
      return link->data;

  return NULL;
}

static gboolean
handle_hello (MpServerPeer         *self,
              const MpManagerHello *hello)
{
  MpServerPeer *original;

  if (hello->magic != MP_MANAGER_MAGIC || !token_is_right (hello->token))
    return FALSE;
  original = find_friend (hello->clone_of);
  if (hello->clone_of != 0 && original == NULL)
    return FALSE;

  self->held = mp_server_held_new ();
  if (original != NULL)
    mp_server_held_copy (original->held, self->held);
  move (self, &server.friends);

  return welcome (self);
}

/* How many bytes the next message has in all, as far as can be told yet; 0 if it is too large. */
static gsize
message_size (MpServerPeer *self)
{
  MpManagerRequest request;

  if (self->held == NULL)
    return sizeof (MpManagerHello);
  if (self->arrived < sizeof request)
    return sizeof request;

  memcpy (&request, self->room, sizeof request);
  if (request.body_size > MP_MANAGER_MAX_BODY)
    return 0;

  return sizeof request + request.body_size;
}

static gboolean
handle_message (MpServerPeer *self)
{
  MpManagerHello hello;
  MpManagerRequest request;

  if (self->held == NULL)
    {
      memcpy (&hello, self->room, sizeof hello);
      return handle_hello (self, &hello);
    }

  memcpy (&request, self->room, sizeof request);
  return reply_to (self, &request, self->room + sizeof request);
}

/* All whole messages, until one's reply has to wait. FALSE: the connection has to end. */
static gboolean
handle_arrived (MpServerPeer *self)
{
  while (self->head_size == 0)
    {
      gsize size = message_size (self);

      if (size == 0)
        return FALSE;
      if (self->arrived < size)
        return TRUE;
      if (!handle_message (self))
        return FALSE;
      self->arrived -= size;
      memmove (self->room, self->room + size, self->arrived);
    }

  return TRUE;
}

/* Room for what is missing, but at most for as much again as is here. */
static gboolean
make_room_for_more (MpServerPeer *self)
{
  gsize needed = MIN (message_size (self), MAX (2 * self->arrived, ROOM));
  gsize size = MAX (needed, ROOM);
  guint8 *room;

  if (self->arrived == 0 && self->room_size > ROOM_TO_KEEP)
    {
      g_clear_pointer (&self->room, g_free);
      self->room_size = 0;
    }
  if (self->room_size >= size && self->room_size > self->arrived)
    return TRUE;

  room = g_try_realloc (self->room, size);
  if (room == NULL)
    return FALSE;
  self->room = room;
  self->room_size = size;

  return TRUE;
}

/* Reads once: what is left keeps the descriptor ready, and others get their turn. */
static gboolean
take_in (MpServerPeer *self)
{
  gssize n;

  if (!make_room_for_more (self))
    return FALSE;

  n = recv (self->fd, self->room + self->arrived, self->room_size - self->arrived, MSG_DONTWAIT);
  if (n < 0)
    return errno == EAGAIN || errno == EINTR;
  if (n == 0)
    return FALSE;
  self->arrived += n;

  return handle_arrived (self);
}

void
mp_server_peer_event (MpServerPeer *self,
                      guint32       events)
{
  gboolean fine = TRUE;

  if (self->fd < 0)
    return;

  if (self->wants_writing)
    fine = flush (self) && handle_arrived (self);
  else
    fine = take_in (self);

  if (!fine || (self->fd >= 0 && self->wants_writing && (events & (EPOLLHUP | EPOLLERR))))
    end (self);
}

/* ── For the loop ────────────────────────────────────────────────────────────────────────────── */

/* Adds the listener to the loop; its events come with no address. */
void
mp_server_peers_init (int           epoll_fd,
                      int           listener,
                      const guint8 *token)
{
  server.epoll_fd = epoll_fd;
  server.listener = listener;
  memcpy (server.token, token, sizeof server.token);
  server.deaf = TRUE;
  listen_again ();
}

/* Milliseconds until the oldest stranger's time is over, or -1. */
int
mp_server_peers_timeout (void)
{
  MpServerPeer *oldest = g_queue_peek_head (&server.strangers);
  gint64 left;

  if (oldest == NULL)
    return -1;
  left = oldest->deadline - g_get_monotonic_time ();

  return left <= 0 ? 0 : left / 1000 + 1;
}

/* After each round of events. */
void
mp_server_peers_tidy (void)
{
  MpServerPeer *peer;

  while ((peer = g_queue_peek_head (&server.strangers)) != NULL
         && peer->deadline <= g_get_monotonic_time ())
    end (peer);
  while ((peer = g_queue_peek_head (&server.ended)) != NULL)
    peer_free (peer);
}

void
mp_server_peers_free (void)
{
  GQueue *queues[] = { &server.strangers, &server.friends };

  for (guint i = 0; i < G_N_ELEMENTS (queues); i++)
    while (queues[i]->head != NULL)
      end (queues[i]->head->data);
  mp_server_peers_tidy ();
}
