/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Messages over a stream socket, in steps that never block.
 *
 * How far a message has come in, and how far one has gone out, is kept in the stream: a call that
 * gives up, because its time is over or a signal came, leaves the framing intact for the next. Any
 * thread may take a step; the mutex is held for that step only, and who has to wait polls without
 * it. The flags of the descriptor, which other processes may share, are never changed.
 *
 * What the other end says is not trusted: memory for a message grows with what has come of it and
 * not with what was announced.
 */

#include "config.h"

#include "mproc/channel/mp-connection-stream-private.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "mproc/base/mp-error-private.h"
#include "mproc/memory/mp-sleep-private.h"

#define FIRST_ROOM (256u * 1024)
#define LONG_FRAME 0x7fffffffu

MpStream *
mp_stream_new (int fd)
{
  MpStream *self = g_new0 (MpStream, 1);

  g_mutex_init (&self->mutex);
  g_queue_init (&self->out);
  self->fd = fd;
  self->came = -1;

  return self;
}

static void
free_letter_content (gpointer data)
{
  MpStreamLetter *letter = data;

  if (letter->fd >= 0)
    close (letter->fd);
  g_clear_pointer (&letter->owned, g_bytes_unref);
}

static void
release_letter (gpointer letter)
{
  g_atomic_rc_box_release_full (letter, free_letter_content);
}

void
mp_stream_close (MpStream *self)
{
  g_mutex_lock (&self->mutex);
  if (self->fd >= 0)
    close (self->fd);
  self->fd = -1;
  if (self->came >= 0)
    close (self->came);
  self->came = -1;
  g_mutex_unlock (&self->mutex);
}

void
mp_stream_free (MpStream *self)
{
  mp_stream_close (self);
  g_queue_clear_full (&self->out, release_letter);
  g_free (self->body);
  g_clear_error (&self->failure);
  g_mutex_clear (&self->mutex);
  g_free (self);
}

/* With the mutex. */
static MpStatus
fail (MpStream   *self,
      int         code,
      const char *message)
{
  if (self->failure == NULL)
    self->failure = g_error_new_literal (MP_ERROR, code, message);

  return MP_STATUS_FAILED;
}

static MpStatus
fail_errno (MpStream   *self,
            int         saved_errno,
            const char *what)
{
  if (self->failure == NULL)
    mp_error_set_errno (&self->failure, saved_errno, what);

  return MP_STATUS_FAILED;
}

void
mp_stream_fail (MpStream *self,
                GError   *error)
{
  g_mutex_lock (&self->mutex);
  if (self->failure == NULL)
    self->failure = g_steal_pointer (&error);
  g_mutex_unlock (&self->mutex);
  g_clear_error (&error);
}

gboolean
mp_stream_check (MpStream  *self,
                 GError   **error)
{
  gboolean usable;

  g_mutex_lock (&self->mutex);
  usable = self->failure == NULL;
  if (!usable && error != NULL)
    *error = g_error_copy (self->failure);
  g_mutex_unlock (&self->mutex);

  return usable;
}

/* --- Receiving ----------------------------------------------------------------------------- */

/* The first descriptor that came is kept until the frame is known; whatever else came is closed. */
static void
keep_descriptors (MpStream      *self,
                  struct msghdr *message)
{
  for (struct cmsghdr *control = CMSG_FIRSTHDR (message); control != NULL;
       control = CMSG_NXTHDR (message, control))
    {
      gsize n = (control->cmsg_len - CMSG_LEN (0)) / sizeof (int);

      if (control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_RIGHTS)
        continue;
      for (gsize i = 0; i < n; i++)
        {
          int fd;

          memcpy (&fd, CMSG_DATA (control) + i * sizeof fd, sizeof fd);
          if (self->came < 0)
            self->came = fd;
          else
            close (fd);
        }
    }
}

/* Nothing more will come: at the end of a message, or in the middle of one. */
static MpStatus
end_of_stream (MpStream *self)
{
  self->ended = TRUE;
  if (self->head_have > 0)
    return fail (self, MP_ERROR_INVALID_DATA,
                 "The other end was closed in the middle of a message");

  return MP_STATUS_CLOSED;
}

static MpStatus
receive_some (MpStream *self,
              guint8   *to,
              gsize     size,
              gsize    *n_received)
{
  union { struct cmsghdr header; guint8 space[CMSG_SPACE (sizeof (int))]; } control;
  struct iovec part = { to, size };
  struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1,
                            .msg_control = &control, .msg_controllen = sizeof control };
  gssize n;

  do
    n = recvmsg (self->fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  while (n < 0 && errno == EINTR);

  if (G_LIKELY (n > 0))
    {
      if (message.msg_controllen > 0)
        keep_descriptors (self, &message);
      *n_received = (gsize) n;
      return MP_STATUS_OK;
    }
  if (n < 0 && errno == EAGAIN)
    return MP_STATUS_TIMED_OUT;
  if (n < 0 && errno != ECONNRESET && errno != EPIPE)
    return fail_errno (self, errno, "Cannot receive");

  return end_of_stream (self);
}

/* How many bytes of the head have to be there, as far as is known. */
static guint
head_needs (MpStream *self)
{
  guint32 length;

  if (self->head_have < 4)
    return self->plain ? 4 : 5;

  memcpy (&length, self->head, sizeof length);
  return (length == G_MAXUINT32 ? 12 : 4) + (self->plain ? 0 : 1);
}

/* The head is whole: what does it say? */
static MpStatus
read_head (MpStream *self)
{
  guint32 length;
  guint64 wide;

  memcpy (&length, self->head, sizeof length);
  length = GUINT32_FROM_BE (length);
  memcpy (&wide, self->head + 4, sizeof wide);
  self->size = length == G_MAXUINT32 ? GUINT64_FROM_BE (wide) : length;
  self->encoding = self->plain ? MP_ENCODING_BYTES : self->head[self->head_have - 1];

  if ((length > LONG_FRAME && length != G_MAXUINT32) || self->size > G_MAXINT64 ||
      (!self->plain && (self->size == 0 || ((self->encoding < MP_ENCODING_VARIANT ||
                                             self->encoding > MP_ENCODING_BYTES) &&
                                            self->encoding != MP_STREAM_FD))))
    return fail (self, MP_ERROR_INVALID_DATA, "What came is not a message");

  self->size -= self->plain ? 0 : 1;
  if (self->max_size != 0 && self->size > self->max_size)
    return fail (self, MP_ERROR_INVALID_DATA, "A message is larger than allowed");

  self->head_done = TRUE;
  self->have = 0;
  return MP_STATUS_OK;
}

static MpStatus
receive_head (MpStream *self)
{
  while (!self->head_done)
    {
      guint needs = head_needs (self);
      MpStatus status = MP_STATUS_OK;
      gsize n = 0;

      if (self->head_have < needs)
        status = receive_some (self, self->head + self->head_have, needs - self->head_have, &n);
      if (status != MP_STATUS_OK)
        return status;
      self->head_have += (guint) n;
      if (self->head_have >= 4 && self->head_have == head_needs (self))
        {
          status = read_head (self);
          if (status != MP_STATUS_OK)
            return status;
        }
    }

  return MP_STATUS_OK;
}

/* Room for what is still to come, but no more than twice what is there. */
static MpStatus
make_room (MpStream *self)
{
  guint64 room = MIN (self->size, MAX (FIRST_ROOM, (guint64) self->room * 2));
  guint8 *body;

  if (self->have < self->room || room == self->room)
    return MP_STATUS_OK;

  body = g_try_realloc (self->body, room);
  if (body == NULL)
    return fail (self, MP_ERROR_NO_SPACE, "There is no memory for a message");
  self->body = body;
  self->room = room;
  return MP_STATUS_OK;
}

static MpStatus
receive_body (MpStream *self)
{
  while (self->have < self->size)
    {
      MpStatus status = make_room (self);
      gsize n = 0;

      if (status == MP_STATUS_OK)
        status = receive_some (self, self->body + self->have, self->room - self->have, &n);
      if (status != MP_STATUS_OK)
        return status;
      self->have += n;
    }

  return MP_STATUS_OK;
}

/* With the mutex. */
static MpStatus
can_go_on (MpStream *self)
{
  if (self->fd < 0)
    return MP_STATUS_INVALID;
  if (self->failure != NULL)
    return MP_STATUS_FAILED;

  return self->ended ? MP_STATUS_CLOSED : MP_STATUS_OK;
}

MpStatus
mp_stream_peek_step (MpStream *self,
                     guint    *encoding,
                     guint64  *size)
{
  MpStatus status;

  g_mutex_lock (&self->mutex);
  status = can_go_on (self);
  if (status == MP_STATUS_OK)
    status = receive_head (self);
  if (status == MP_STATUS_OK)
    {
      *encoding = self->encoding;
      *size = self->size;
    }
  g_mutex_unlock (&self->mutex);

  return status;
}

MpStatus
mp_stream_receive_step (MpStream *self)
{
  MpStatus status;

  g_mutex_lock (&self->mutex);
  status = can_go_on (self);
  if (G_LIKELY (status == MP_STATUS_OK))
    status = receive_head (self);
  if (G_LIKELY (status == MP_STATUS_OK))
    status = receive_body (self);
  g_mutex_unlock (&self->mutex);

  return status;
}

/* With the mutex: the way is free for the next message. */
static void
forget_message (MpStream *self)
{
  self->head_have = 0;
  self->head_done = FALSE;
  self->have = 0;
  self->room = 0;
  g_clear_pointer (&self->body, g_free);
  if (self->came >= 0)
    close (self->came);
  self->came = -1;
}

/* With the mutex: whether the message is one that the caller can take. */
static MpStatus
may_take (MpStream *self,
          guint64   max,
          int      *fd)
{
  if (!self->head_done || self->have < self->size)
    return MP_STATUS_TIMED_OUT;
  if ((self->encoding == MP_STREAM_FD) != (fd != NULL) || self->size > max)
    return MP_STATUS_INVALID;

  return MP_STATUS_OK;
}

MpStatus
mp_stream_take (MpStream  *self,
                guint8    *buffer,
                guint64    max,
                guint     *encoding,
                GBytes   **bytes,
                gsize     *size,
                int       *fd)
{
  MpStatus status;

  g_mutex_lock (&self->mutex);
  status = may_take (self, max, fd);
  if (status == MP_STATUS_OK)
    {
      *encoding = self->encoding;
      if (size != NULL)
        *size = self->have;
      if (bytes != NULL)
        *bytes = g_bytes_new_take (g_steal_pointer (&self->body), self->have);
      else if (buffer != NULL && self->have > 0)
        memcpy (buffer, self->body, self->have);
      if (fd != NULL)
        {
          *fd = self->came;
          self->came = -1;
        }
      forget_message (self);
    }
  g_mutex_unlock (&self->mutex);

  return status;
}

gboolean
mp_stream_has (MpStream *self)
{
  gboolean has;

  g_mutex_lock (&self->mutex);
  has = self->fd < 0 || self->failure != NULL || self->ended ||
        (self->head_done && self->have == self->size);
  g_mutex_unlock (&self->mutex);

  return has;
}

/* --- Sending ------------------------------------------------------------------------------- */

MpStreamLetter *
mp_stream_letter_new (MpStream      *self,
                      guint          encoding,
                      gconstpointer  data,
                      gsize          size,
                      GBytes        *owned,
                      int            fd)
{
  MpStreamLetter *letter = g_atomic_rc_box_new0 (MpStreamLetter);
  guint64 length = (guint64) size + (self->plain ? 0 : 1);
  guint32 first = GUINT32_TO_BE (length > LONG_FRAME ? G_MAXUINT32 : (guint32) length);
  guint64 wide = GUINT64_TO_BE (length);

  memcpy (letter->head, &first, sizeof first);
  letter->head_size = sizeof first;
  if (length > LONG_FRAME)
    {
      memcpy (letter->head + letter->head_size, &wide, sizeof wide);
      letter->head_size += sizeof wide;
    }
  if (!self->plain)
    letter->head[letter->head_size++] = (guint8) encoding;
  letter->data = data;
  letter->size = size;
  letter->owned = owned != NULL ? g_bytes_ref (owned) : NULL;
  letter->fd = fd >= 0 ? fcntl (fd, F_DUPFD_CLOEXEC, 0) : -1;

  return letter;
}

void
mp_stream_post (MpStream       *self,
                MpStreamLetter *letter)
{
  g_mutex_lock (&self->mutex);
  g_queue_push_tail (&self->out, g_atomic_rc_box_acquire (letter));
  g_mutex_unlock (&self->mutex);
}

/* With the descriptor if the letter has one: that goes with the first byte. */
static gssize
write_some (MpStream       *self,
            MpStreamLetter *letter)
{
  union { struct cmsghdr header; guint8 space[CMSG_SPACE (sizeof (int))]; } control = { 0 };
  gsize in_head = MIN (letter->sent, letter->head_size);
  gsize in_data = letter->sent - in_head;
  struct iovec parts[] = {
    { letter->head + in_head, letter->head_size - in_head },
    { (guint8 *) letter->data + in_data, letter->size - in_data },
  };
  struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };

  if (letter->fd >= 0 && letter->sent == 0)
    {
      control.header.cmsg_level = SOL_SOCKET;
      control.header.cmsg_type = SCM_RIGHTS;
      control.header.cmsg_len = CMSG_LEN (sizeof (int));
      memcpy (CMSG_DATA (&control.header), &letter->fd, sizeof (int));
      message.msg_control = &control;
      message.msg_controllen = sizeof control;
    }

  return sendmsg (self->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* With the mutex: the first letter, as far as it goes. */
static MpStatus
write_letter (MpStream       *self,
              MpStreamLetter *letter)
{
  while (letter->sent < letter->head_size + letter->size)
    {
      gssize n = write_some (self, letter);

      if (n >= 0)
        letter->sent += (gsize) n;
      else if (errno == EAGAIN)
        return MP_STATUS_TIMED_OUT;
      else if (errno == EPIPE || errno == ECONNRESET)
        return MP_STATUS_CLOSED;
      else if (errno != EINTR)
        return fail_errno (self, errno, "Cannot send");
    }

  letter->done = TRUE;
  return MP_STATUS_OK;
}

MpStatus
mp_stream_send_step (MpStream       *self,
                     MpStreamLetter *letter)
{
  MpStatus status = MP_STATUS_OK;

  g_mutex_lock (&self->mutex);
  if (self->fd < 0)
    status = MP_STATUS_INVALID;
  else if (self->failure != NULL)
    status = MP_STATUS_FAILED;
  while (status == MP_STATUS_OK && (letter == NULL || !letter->done) &&
         !g_queue_is_empty (&self->out))
    {
      MpStreamLetter *first = g_queue_peek_head (&self->out);

      status = write_letter (self, first);
      if (status == MP_STATUS_OK)
        release_letter (g_queue_pop_head (&self->out));
    }
  g_mutex_unlock (&self->mutex);

  return status;
}

gboolean
mp_stream_drop (MpStream       *self,
                MpStreamLetter *letter)
{
  gboolean begun;

  g_mutex_lock (&self->mutex);
  begun = letter->sent > 0 && !letter->done && self->fd >= 0 && self->failure == NULL;
  if (begun && letter->owned == NULL)
    {
      gsize in_head = MIN (letter->sent, letter->head_size);
      gsize in_data = letter->sent - in_head;

      /* The caller's bytes are about to go: what is left of them is copied. */
      memmove (letter->head, letter->head + in_head, letter->head_size - in_head);
      letter->head_size -= in_head;
      letter->owned = g_bytes_new (letter->data + in_data, letter->size - in_data);
      letter->data = g_bytes_get_data (letter->owned, &letter->size);
      letter->sent = 0;
      if (letter->fd >= 0)
        close (letter->fd);
      letter->fd = -1;
    }
  else if (!begun && g_queue_remove (&self->out, letter))
    release_letter (letter);
  g_mutex_unlock (&self->mutex);
  release_letter (letter);

  return begun;
}

/* --- Waiting ------------------------------------------------------------------------------- */

gint64
mp_fd_slice (const MpWaitLimits *limits)
{
  return limits->interruptible && limits->deadline != MP_DEADLINE_NOW
           ? g_get_monotonic_time () + MP_SLEEP_SLICE
           : 0;
}

MpStatus
mp_fd_wait (int                 fd,
            short               events,
            const MpWaitLimits *limits,
            gint64              until)
{
  struct pollfd fds[2] = { { fd, events, 0 }, { -1, POLLIN, 0 } };
  gint64 left = mp_deadline_left (limits->deadline, MP_SLEEP_SLICE);
  GPollFD cancel = { -1, 0, 0 };
  int n;

  if (mp_deadline_passed (limits->deadline))
    return MP_STATUS_TIMED_OUT;
  if (until != 0)
    left = MIN (left, mp_deadline_left (until, MP_SLEEP_SLICE));
  if (until != 0 && left == 0)
    return MP_STATUS_INTERRUPTED;
  if (limits->cancellable != NULL && g_cancellable_make_pollfd (limits->cancellable, &cancel))
    fds[1].fd = cancel.fd;

  n = poll (fds, 2, (int) ((left + 999) / 1000));
  if (cancel.fd >= 0)
    g_cancellable_release_fd (limits->cancellable);
  if (g_cancellable_is_cancelled (limits->cancellable))
    return MP_STATUS_CANCELLED;

  return n < 0 && errno == EINTR && limits->interruptible ? MP_STATUS_INTERRUPTED : MP_STATUS_OK;
}
