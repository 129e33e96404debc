/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The objects in the server, and the values in them. One thread, so nothing is locked.
 */

#pragma once

#include "mproc/manager/mp-manager-protocol-private.h"
#include "mproc/memory/mp-shared.h"

G_BEGIN_DECLS

/* A value as its writer sent it. Its bytes never change; it may be in several places. */
typedef struct {
  guint   refs;
  guint32 encoding;
  guint8  kind;             /* MpServerKind */
  guint64 digest;           /* of the canonical form, once @kind is MP_SERVER_PLAIN */
  GPtrArray *shared;        /* of MpShared: the objects that are in the value; or NULL */
  gsize   size;
  guint8  data[];
} MpServerValue;

typedef enum {
  MP_SERVER_UNKNOWN,
  MP_SERVER_PLAIN,
  MP_SERVER_OPAQUE,
} MpServerKind;

typedef struct {
  gint64  number;
  guint64 version;
  guint32 status;           /* 0, or an MpError and one */
  guint8 *body;
  gsize   body_size;
  GPtrArray *shared;        /* the objects that are in the body, or NULL */
} MpServerReply;

typedef struct {
  const MpManagerRequest *request;
  GPtrArray              *values;       /* of MpServerValue, owned */
  MpServerReply          *reply;
  gboolean                changed;      /* to be set by the method */
} MpServerCall;

typedef struct _MpServerObject MpServerObject;

typedef struct {
  void    (*run)       (MpServerObject *self, MpServerCall *call);
  guint     min_values;
  guint     max_values;
  gboolean  in_pairs;
} MpServerMethod;

typedef struct {
  MpObjectType          type;
  const MpServerMethod *methods;        /* by MpManagerMethod */
  void                (*init)     (MpServerObject *self);
  void                (*clear)    (MpServerObject *self);
} MpServerClass;

struct _MpServerObject {
  guint64              id;
  guint64              version;
  guint64              holders;         /* references, of all connections */
  const MpServerClass *klass;

  GPtrArray           *items;           /* of a list */
  GHashTable          *entries;         /* of a dict: canonical key → entry */
  GQueue               order;           /* of a dict: its entries, oldest first */
};

#define MP_SERVER_ANY G_MAXUINT

extern const MpServerClass mp_server_list_class;
extern const MpServerClass mp_server_dict_class;

MpServerValue *mp_server_value_new       (const MpFrameValue    *value);
MpServerValue *mp_server_value_ref       (MpServerValue         *self);
void           mp_server_value_unref     (gpointer               self);
GBytes        *mp_server_value_canonical (MpServerValue         *self,
                                          MpServerReply         *reply);
gboolean       mp_server_value_equal     (MpServerValue         *self,
                                          MpServerValue         *other);
gboolean       mp_server_value_readable  (MpServerValue         *self,
                                          MpServerCall          *call);

void           mp_server_reply_error     (MpServerReply         *reply,
                                          MpError                code,
                                          const char            *message);
gboolean       mp_server_reply_values    (MpServerReply         *reply,
                                          MpServerValue * const *values,
                                          gsize                  n_values);

void           mp_server_objects_call    (const MpManagerRequest *request,
                                          const guint8           *body,
                                          GHashTable             *held,
                                          MpServerReply          *reply);
GHashTable    *mp_server_held_new        (void);
void           mp_server_held_copy       (GHashTable            *from,
                                          GHashTable            *to);
void           mp_server_held_free       (GHashTable            *held);
void           mp_server_objects_free    (void);
void           mp_server_object_let_go   (guint64                 id);

/* What is held for messages. */
void           mp_server_tickets_add     (MpShared               *ticket,
                                          guint64                 object);
int            mp_server_tickets_timeout (void);
void           mp_server_tickets_tidy    (gboolean                busy);
void           mp_server_tickets_free    (void);

G_END_DECLS
