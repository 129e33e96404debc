/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * What the files of the listener share.
 */

#pragma once

#include "mproc/channel/mp-auth-private.h"
#include "mproc/channel/mp-listener.h"

G_BEGIN_DECLS

typedef struct {
  MpConnection *connection;
  MpAuth       *auth;
  char         *from;
  gint64        deadline;
  short         wants;
} MpPending;

typedef struct {
  MpConnection *connection;     /* or NULL: */
  GError       *error;
  char         *from;
} MpFinished;

struct _MpListener
{
  GObject    parent_instance;

  GMutex     mutex;             /* held for a moment, never while waiting */
  int        fd;                /* -1: closed */
  char      *address;
  char      *path;              /* to be removed */
  int        owner;             /* pid of who made it */
  int        pid;               /* whose the pending are */
  GBytes    *authkey;
  double     auth_seconds;
  char      *last_accepted;
  GPtrArray *pending;
  GQueue     finished;
};

void      mp_listener_free_finished (gpointer          finished);

/* Whether an accept would have a result now. */
gboolean  mp_listener_look       (MpListener          *self);

/* A source that is dispatched once when mp_listener_look() may be true. What it waits for may be
 * different the next time. */
GSource  *mp_listener_source_new (MpListener          *self);

G_END_DECLS
