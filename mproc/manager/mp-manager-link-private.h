/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * A link: this process's one connection to one manager's server, shared by all its proxies.
 */

#pragma once

#include "mproc/manager/mp-manager-protocol-private.h"

G_BEGIN_DECLS

typedef struct _MpManagerLink MpManagerLink;

/* One request and its reply. The caller fills the first part; @frame may be NULL. */
typedef struct {
  MpManagerMethod method;
  guint64         object;
  gint64          start;
  gint64          end;
  guint64         version;
  guint           wanted;       /* the encoding in which the caller will read the reply, or 0 */
  gconstpointer   frame;
  gsize           frame_size;

  gint64          number;
  guint64         new_version;
  guint8         *reply;        /* a frame that was checked; owned by the call */
  gsize           reply_size;
} MpManagerCall;

MpManagerLink *mp_manager_link_get         (const guint8    *address,
                                            const guint8    *token);
MpManagerLink *mp_manager_link_ref         (MpManagerLink   *self);
void           mp_manager_link_unref       (MpManagerLink   *self);
gboolean       mp_manager_link_call        (MpManagerLink   *self,
                                            MpManagerCall   *call,
                                            GError         **error);
gboolean       mp_manager_link_create      (MpManagerLink   *self,
                                            MpObjectType     type,
                                            GByteArray      *content,
                                            guint64         *object,
                                            GError         **error);
gboolean       mp_manager_link_open        (MpManagerLink   *self,
                                            guint64          object,
                                            MpObjectType    *type,
                                            GError         **error);
void           mp_manager_link_release     (MpManagerLink   *self,
                                            guint64          object);
char          *mp_manager_link_get_handle  (MpManagerLink   *self,
                                            guint64          object);

static inline void
mp_manager_call_clear (MpManagerCall *call)
{
  g_clear_pointer (&call->reply, g_free);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MpManagerLink, mp_manager_link_unref)
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (MpManagerCall, mp_manager_call_clear)

G_END_DECLS
