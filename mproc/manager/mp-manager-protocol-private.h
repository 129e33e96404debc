/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * What a manager's server and its clients say to each other over a Unix stream socket.
 *
 * Client and server are of one machine, one user and one version, so everything is in native byte
 * order. A connection begins with a hello and a welcome; then every request but
 * MP_METHOD_RELEASE gets one reply, in order. Requests and replies are a fixed header and a body.
 *
 * A body is always a frame of values, the same that bindings pass to mp_proxy_call_data(): a
 * count (32 bits), then for each value its encoding (32 bits), its size (64 bits) and its bytes,
 * nothing aligned. An empty body is a frame of no values. In a reply that is an error, the one
 * value is the message.
 *
 * Nothing here keeps state; any thread may call it, and the two functions that talk to a socket
 * during fork() use no allocator.
 */

#pragma once

#include <sys/socket.h>
#include <sys/un.h>

#include "mproc/base/mp-payload.h"

G_BEGIN_DECLS

#define MP_MANAGER_MAGIC 0x4d506d31u
#define MP_MANAGER_KEY_SIZE 16
#define MP_MANAGER_HEX_SIZE (2 * MP_MANAGER_KEY_SIZE)

/* The largest body: 1 GiB. */
#define MP_MANAGER_MAX_BODY (G_GUINT64_CONSTANT (1) << 30)

/* Before each value of a frame, and before the first. */
#define MP_FRAME_HEAD_SIZE 4
#define MP_FRAME_VALUE_SIZE 12

/* Before address, token and object in a handle. */
#define MP_MANAGER_HANDLE_PREFIX "mproc-manager:"

/* The end of a slice that reaches to the end of the list. */
#define MP_MANAGER_END G_MAXINT64

typedef enum {
  MP_METHOD_NONE,

  /* Not of an object, or about holding one. */
  MP_METHOD_CREATE,
  MP_METHOD_OPEN,
  MP_METHOD_RELEASE,
  MP_METHOD_HOLD,               /* as long as somebody refers to the shared object given */

  /* Of every object. */
  MP_METHOD_LENGTH,
  MP_METHOD_CLEAR,
  MP_METHOD_GET_ALL,
  MP_METHOD_REPLACE,
  MP_METHOD_REPLACE_IF_VERSION,
  MP_METHOD_CONTAINS,
  MP_METHOD_GET,
  MP_METHOD_SET,
  MP_METHOD_POP,
  MP_METHOD_REMOVE,

  /* Of lists. */
  MP_METHOD_EXTEND,
  MP_METHOD_INSERT,
  MP_METHOD_REMOVE_AT,
  MP_METHOD_GET_SLICE,
  MP_METHOD_REPLACE_SLICE,
  MP_METHOD_INDEX_OF,
  MP_METHOD_COUNT,
  MP_METHOD_REVERSE,

  /* Of dicts. */
  MP_METHOD_POP_ITEM,
  MP_METHOD_SET_DEFAULT,
  MP_METHOD_UPDATE,
  MP_METHOD_GET_KEYS,
  MP_METHOD_GET_VALUES,

  MP_N_METHODS,
} MpManagerMethod;

typedef enum {
  MP_OBJECT_LIST = 1,
  MP_OBJECT_DICT = 2,
} MpObjectType;

/* A server to its creator, over the creator's own socket, when it is ready. */
typedef struct {
  guint32 magic;
  guint32 reserved;
  guint8  address[MP_MANAGER_KEY_SIZE];
  guint8  token[MP_MANAGER_KEY_SIZE];
} MpManagerReady;

/* A client's first words. @clone_of: 0, or the number of a connection whose references the new
 * one shall hold too. */
typedef struct {
  guint32 magic;
  guint32 reserved;
  guint8  token[MP_MANAGER_KEY_SIZE];
  guint64 clone_of;
} MpManagerHello;

typedef struct {
  guint32 magic;
  guint32 reserved;
  guint64 number;           /* of this connection */
} MpManagerWelcome;

typedef struct {
  guint64 body_size;
  guint64 object;
  gint64  start;
  gint64  end;
  guint64 version;
  guint32 method;
  guint32 wanted;           /* in which encoding the reply will be read, or 0 */
} MpManagerRequest;

typedef struct {
  guint64 body_size;
  gint64  number;
  guint64 version;
  guint32 status;           /* 0, or an MpError and one */
  guint32 reserved;
} MpManagerReply;

typedef struct {
  guint32       encoding;
  gsize         size;
  const guint8 *data;
} MpFrameValue;

typedef struct {
  const guint8 *at;
  const guint8 *end;
  guint32       left;
} MpFrameReader;

MpManagerMethod mp_manager_method_from_name (const char          *name);

void            mp_frame_append             (GByteArray          *frame,
                                             guint32              encoding,
                                             gconstpointer        data,
                                             gsize                size);
gboolean        mp_frame_check              (gconstpointer        data,
                                             gsize                size,
                                             guint32             *count);
void            mp_frame_reader_init        (MpFrameReader       *self,
                                             gconstpointer        data,
                                             gsize                size);
gboolean        mp_frame_reader_next        (MpFrameReader       *self,
                                             MpFrameValue        *value);

gboolean        mp_manager_random           (guint8              *key,
                                             GError             **error);
void            mp_manager_key_to_hex       (const guint8        *key,
                                             char                *hex);
gboolean        mp_manager_key_from_hex     (const char          *hex,
                                             guint8              *key);

socklen_t       mp_manager_fill_address     (struct sockaddr_un  *address,
                                             const guint8        *key);
int             mp_manager_listen           (const guint8        *key);
int             mp_manager_connect          (const guint8        *key,
                                             int                  seconds);
gboolean        mp_manager_peer             (int                  fd,
                                             pid_t               *pid);
gboolean        mp_manager_send             (int                  fd,
                                             gconstpointer        head,
                                             gsize                head_size,
                                             gconstpointer        body,
                                             gsize                body_size);
gboolean        mp_manager_receive          (int                  fd,
                                             gpointer             data,
                                             gsize                size);

G_END_DECLS
