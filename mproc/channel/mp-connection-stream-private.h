/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Messages over a stream socket: framing, and nothing that blocks.
 *
 * A frame is its length, 4 bytes in network order (above 2 GiB: -1 and then 8 bytes), and so many
 * bytes, the first of which is the encoding. In plain frames there is no such byte: these are the
 * messages of Python's multiprocessing.
 */

#pragma once

#include "mproc/base/mp-payload.h"
#include "mproc/memory/mp-guard-private.h"

G_BEGIN_DECLS

#define MP_STREAM_FD 15u        /* the encoding of a frame that brings a descriptor */
#define MP_STREAM_HEAD_MAX 13u

/* A message on its way out. It is the caller's and the stream's. */
typedef struct {
  guint8        head[MP_STREAM_HEAD_MAX];
  guint         head_size;
  const guint8 *data;
  gsize         size;
  gsize         sent;           /* of head and data */
  GBytes       *owned;          /* keeps the data; NULL: the caller does */
  int           fd;             /* goes with the first byte; -1 */
  gboolean      done;
} MpStreamLetter;

typedef struct {
  GMutex        mutex;          /* for what is below; held for a moment, never while waiting */
  int           fd;             /* -1: closed */
  gboolean      plain;
  guint64       max_size;       /* of what may come in; 0: no limit */
  GError       *failure;        /* why nothing more can be received or sent */
  gboolean      ended;          /* nothing more will come */

  /* What is coming in. */
  guint8        head[MP_STREAM_HEAD_MAX];
  guint         head_have;
  gboolean      head_done;
  guint         encoding;
  guint64       size;
  guint8       *body;
  gsize         have;
  gsize         room;
  int           came;           /* a descriptor */

  GQueue        out;            /* of MpStreamLetter */
} MpStream;

/* Takes @fd over. */
MpStream *mp_stream_new          (int                  fd);
void      mp_stream_free         (MpStream            *self);
/* Closes the descriptor; others who use the stream are told by INVALID. */
void      mp_stream_close        (MpStream            *self);

/* Reads what is there. OK: there is a whole message; TIMED_OUT: not yet; CLOSED: the other end is
 * gone; FAILED: broken, see mp_stream_check(); INVALID: closed. */
MpStatus  mp_stream_receive_step (MpStream            *self);
/* The same if only the beginning is needed: the size is known. */
MpStatus  mp_stream_peek_step    (MpStream            *self,
                                  guint               *encoding,
                                  guint64             *size);
/* After OK: the message; OK, or TIMED_OUT if another thread was faster. INVALID, and it stays, if
 * it is larger than @max, or has a descriptor (@fd NULL) or none. @bytes NULL: it goes to @buffer
 * of @max bytes. */
MpStatus  mp_stream_take         (MpStream            *self,
                                  guint8              *buffer,
                                  guint64              max,
                                  guint               *encoding,
                                  GBytes             **bytes,
                                  gsize               *size,
                                  int                 *fd);
/* Whether a message, or the end, can be told without looking at the descriptor. */
gboolean  mp_stream_has          (MpStream            *self);

/* @owned: bytes that the letter keeps, or NULL for @data that the caller keeps until the letter is
 * done or dropped. @fd is dup()licated; -1 for none. */
MpStreamLetter *mp_stream_letter_new (MpStream        *self,
                                  guint                encoding,
                                  gconstpointer        data,
                                  gsize                size,
                                  GBytes              *owned,
                                  int                  fd);
void      mp_stream_post         (MpStream            *self,
                                  MpStreamLetter      *letter);
/* Writes what can be written. OK: @letter is out (NULL: all are); TIMED_OUT: not yet; else as
 * above. */
MpStatus  mp_stream_send_step    (MpStream            *self,
                                  MpStreamLetter      *letter);
/* The caller's part in the letter ends. If nothing of it is out yet, it never will be; else the
 * rest is kept and goes out before anything else: TRUE. */
gboolean  mp_stream_drop         (MpStream            *self,
                                  MpStreamLetter      *letter);

/* Waits until the descriptor is ready for @events; OK if it may be. */
MpStatus  mp_fd_wait             (int                  fd,
                                  short                events,
                                  const MpWaitLimits  *limits,
                                  gint64               until);
/* Until when a call that began now is to wait before it is INTERRUPTED; 0: as long as it takes. */
gint64    mp_fd_slice            (const MpWaitLimits  *limits);

gboolean  mp_stream_check        (MpStream            *self,
                                  GError             **error);
/* Nothing works any more, and that is why; consumes @error. */
void      mp_stream_fail         (MpStream            *self,
                                  GError              *error);

G_END_DECLS
