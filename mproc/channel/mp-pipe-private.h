/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The end of a pipe as it lies in the arena.
 */

#pragma once

#include "mproc/channel/mp-queue-private.h"

G_BEGIN_DECLS

/* What both ends know of each other beside the rings: where descriptors go. */
typedef struct {
  MpSharedHeader header;
  guint64  name[2];             /* random: of the mailboxes… */
  guint64  secret[2];           /* …and what a sender has to know */
  guint32  event;
  guint32  turns[2];            /* changed when the mailbox of an end is opened or emptied */
} MpPipeLine;

/* References on the line and on rings (see mp-ring-private.h), or 0. The other end has them. */
typedef struct {
  MpSharedHeader header;
  guint64  line;
  guint64  input;
  guint64  output;
  guint32  side;                /* 0 or 1 */
} MpPipeEnd;

/* The queue that a word of an end refers to, or NULL. */
MpQueue  *mp_pipe_open_queue (const guint64  *word);

G_END_DECLS
