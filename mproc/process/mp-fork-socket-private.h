/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * What a program and its fork server say to each other.
 *
 * They are connected by a socket pair that keeps messages whole. A request is one byte with file
 * descriptors: one of a memory file, in which a GVariant says what child is wanted; one on which
 * the answers to this request are expected, so that several processes may share a server; and the
 * child's standard streams, a pidfd of its parent, the control pipe of a daemon.
 *
 * The answers: first an MpForkAnswer, with a pidfd of the child; then, when the child has ended,
 * its exit code.
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

enum {
  MP_FORK_FD_REQUEST,
  MP_FORK_FD_ANSWER,
  MP_FORK_FD_PARENT,
  MP_FORK_FD_STDIN,
  MP_FORK_FD_STDOUT,
  MP_FORK_FD_STDERR,
  MP_FORK_FD_CONTROL,       /* of a daemon only */
  MP_FORK_MAX_FDS
};

/* Worker, name, identity; parent's pid and name; daemon; log level, to stderr; key; environment,
 * folder; CPUs, nice value, limits (which, soft, hard). */
#define MP_FORK_REQUEST_TYPE "(sssisbibaymaaymayauia(uxx))"

typedef struct
{
  int  pid;                 /* or -1 */
  int  domain;              /* of the error: 0 for GIO's, 1 for ours */
  int  code;
  char message[500];
} MpForkAnswer;

/* Sends @n_fds descriptors and @size bytes as one message; 0, or an errno value. */
int mp_fork_send    (int            socket,
                     gconstpointer  data,
                     gsize          size,
                     const int     *fds,
                     guint          n_fds);

/* Takes one message, with up to MP_FORK_MAX_FDS descriptors, the rest of @fds being -1. Returns
 * its size, 0 at the end, or a negated errno value. */
int mp_fork_receive (int            socket,
                     gpointer       data,
                     gsize          size,
                     int           *fds,
                     guint         *n_fds);

G_END_DECLS
