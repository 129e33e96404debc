/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * What the files of the connection share: its two transports, and how each call begins and ends.
 */

#pragma once

#include "mproc/channel/mp-connection-stream-private.h"
#include "mproc/channel/mp-connection.h"
#include "mproc/channel/mp-queue-private.h"

G_BEGIN_DECLS

/* A client on its way, see mp-connection-connect.c. */
typedef struct _MpOpening MpOpening;

typedef struct {
  int        given_fd;          /* at construction */
  gboolean   closed;
  /* An end of a pipe in shared memory: what it reads from and writes to; NULL: not that way. */
  MpQueue   *input;
  MpQueue   *output;
  int        mailbox;           /* where descriptors arrive; -1 */
  /* Or a socket. */
  MpStream  *stream;
  gboolean   no_input;
  gboolean   no_output;
  MpOpening *opening;
} MpConnectionPrivate;

MpConnectionPrivate *mp_connection_private (MpConnection *self);

/* The calls that wait. OK, or why not; mp_connection_report() makes an error of it. */
MpStatus   mp_connection_send_until   (MpConnection         *self,
                                       guint                 encoding,
                                       gconstpointer         data,
                                       gsize                 size,
                                       GBytes               *owned,
                                       const MpWaitLimits   *limits,
                                       gboolean             *begun);
MpStatus   mp_connection_take_until   (MpConnection         *self,
                                       guint64               max,
                                       const MpWaitLimits   *limits,
                                       guint                *encoding,
                                       GBytes              **bytes,
                                       MpBlock             **block);
MpStatus   mp_connection_poll_until   (MpConnection         *self,
                                       const MpWaitLimits   *limits);
MpStatus   mp_connection_flush_until  (MpConnection         *self,
                                       const MpWaitLimits   *limits);
MpStatus   mp_connection_send_fd_until (MpConnection        *self,
                                       int                   fd,
                                       const MpWaitLimits   *limits,
                                       gboolean             *begun);
MpStatus   mp_connection_recv_fd_until (MpConnection        *self,
                                       const MpWaitLimits   *limits,
                                       int                  *fd);
void       mp_connection_close_mailbox (MpConnection        *self);

/* Posts, and sends as far as it goes; see mp_stream_send_step(). */
MpStatus   mp_connection_letter_until (MpConnection         *self,
                                       MpStreamLetter       *letter,
                                       const MpWaitLimits   *limits,
                                       gboolean             *begun);

/* Without waiting, for main loops: TIMED_OUT if nothing is there; or if there is no room. */
gboolean   mp_connection_report       (MpConnection         *self,
                                       MpStatus              status,
                                       GError              **error);

/* Whether there is something to take, or nothing will come; for main loops, not while a guard is
 * held. Says that somebody listens. */
gboolean   mp_connection_look         (gpointer              self);

/* Now and then: what the dead held is given back, where nobody watches their lives. */
void       mp_connection_look_for_dead (void);

/* Has @source, which waits for a pipe in shared memory, look again when a relative has died. */
void       mp_connection_watch_peers   (GSource      *source);

/* A source that is dispatched when mp_connection_look() may be true; @out: or there is room in the
 * socket. */
GSource   *mp_connection_source_new   (MpConnection         *self,
                                       gboolean              out);

/* Takes @fd over: a connected stream socket. */
MpConnection *mp_connection_adopt     (int                   fd);

/* Frees an opening. */
void       mp_opening_free            (MpOpening            *self);

/* Makes both directions of a socket what they are after shutdown(2). */
void       mp_connection_set_ways     (MpConnection         *self,
                                       gboolean              readable,
                                       gboolean              writable);

G_END_DECLS
