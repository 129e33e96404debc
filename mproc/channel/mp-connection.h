/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The connection: one of the two ends of a line that messages go along in both directions, or in
 * one. Pipes, clients of a listener, and waiting for many at once.
 */

#pragma once

#if !defined(MP_INSIDE) && !defined(MP_COMPILATION)
#error "Only <mproc/mproc.h> can be included directly."
#endif

#include "mproc/channel/mp-queue.h"

G_BEGIN_DECLS

#define MP_TYPE_CONNECTION (mp_connection_get_type ())

MP_AVAILABLE_IN_0_1
G_DECLARE_DERIVABLE_TYPE (MpConnection, mp_connection, MP, CONNECTION, MpShared)

/**
 * MpConnectionClass:
 * @parent_class: the parent class
 *
 * The class structure of [class@Mp.Connection].
 *
 * Since: 0.1
 */
struct _MpConnectionClass
{
  MpSharedClass parent_class;

  /*< private >*/
  gpointer padding[8];
};

MP_AVAILABLE_IN_0_1
gboolean      mp_pipe_new                (gboolean              duplex,
                                          MpConnection        **one,
                                          MpConnection        **other,
                                          GError              **error);
MP_AVAILABLE_IN_0_1
gboolean      mp_pipe_new_sockets        (gboolean              duplex,
                                          MpConnection        **one,
                                          MpConnection        **other,
                                          GError              **error);

MP_AVAILABLE_IN_0_1
MpConnection *mp_connection_new_for_fd   (int                   fd,
                                          GError              **error);
MP_AVAILABLE_IN_0_1
MpConnection *mp_connection_connect      (const char           *address,
                                          GBytes               *authkey,
                                          double                timeout,
                                          GCancellable         *cancellable,
                                          GError              **error);
MP_AVAILABLE_IN_0_1
void          mp_connection_connect_async (const char          *address,
                                          GBytes               *authkey,
                                          GCancellable         *cancellable,
                                          GAsyncReadyCallback   callback,
                                          gpointer              user_data);
MP_AVAILABLE_IN_0_1
MpConnection *mp_connection_connect_finish (GAsyncResult       *result,
                                          GError              **error);

MP_AVAILABLE_IN_0_1
gboolean      mp_connection_send         (MpConnection         *self,
                                          GVariant             *value,
                                          double                timeout,
                                          GCancellable         *cancellable,
                                          GError              **error);
MP_AVAILABLE_IN_0_1
GVariant     *mp_connection_recv         (MpConnection         *self,
                                          double                timeout,
                                          GCancellable         *cancellable,
                                          GError              **error);
MP_AVAILABLE_IN_0_1
gboolean      mp_connection_send_bytes   (MpConnection         *self,
                                          gconstpointer         data,
                                          gsize                 size,
                                          double                timeout,
                                          GCancellable         *cancellable,
                                          GError              **error);
MP_AVAILABLE_IN_0_1
GBytes       *mp_connection_recv_bytes   (MpConnection         *self,
                                          gsize                 max_size,
                                          double                timeout,
                                          GCancellable         *cancellable,
                                          GError              **error);
MP_AVAILABLE_IN_0_1
gssize        mp_connection_recv_into    (MpConnection         *self,
                                          gpointer              buffer,
                                          gsize                 size,
                                          double                timeout,
                                          GCancellable         *cancellable,
                                          GError              **error);
MP_AVAILABLE_IN_0_1
gboolean      mp_connection_send_payload (MpConnection         *self,
                                          MpPayload            *payload,
                                          double                timeout,
                                          GCancellable         *cancellable,
                                          GError              **error);
MP_AVAILABLE_IN_0_1
MpPayload    *mp_connection_recv_payload (MpConnection         *self,
                                          double                timeout,
                                          GCancellable         *cancellable,
                                          GError              **error);
MP_AVAILABLE_IN_0_1
gboolean      mp_connection_send_fd      (MpConnection         *self,
                                          int                   fd,
                                          double                timeout,
                                          GCancellable         *cancellable,
                                          GError              **error);
MP_AVAILABLE_IN_0_1
int           mp_connection_recv_fd      (MpConnection         *self,
                                          double                timeout,
                                          GCancellable         *cancellable,
                                          GError              **error);
MP_AVAILABLE_IN_0_1
gboolean      mp_connection_poll         (MpConnection         *self,
                                          double                timeout,
                                          GCancellable         *cancellable,
                                          GError              **error);
MP_AVAILABLE_IN_0_1
int           mp_connection_get_fd       (MpConnection         *self);
MP_AVAILABLE_IN_0_1
gboolean      mp_connection_get_readable (MpConnection         *self);
MP_AVAILABLE_IN_0_1
gboolean      mp_connection_get_writable (MpConnection         *self);
MP_AVAILABLE_IN_0_1
void          mp_connection_close        (MpConnection         *self);
MP_AVAILABLE_IN_0_1
gboolean      mp_connection_is_closed    (MpConnection         *self);

MP_AVAILABLE_IN_0_1
void          mp_connection_send_async   (MpConnection         *self,
                                          MpPayload            *payload,
                                          GCancellable         *cancellable,
                                          GAsyncReadyCallback   callback,
                                          gpointer              user_data);
MP_AVAILABLE_IN_0_1
gboolean      mp_connection_send_finish  (MpConnection         *self,
                                          GAsyncResult         *result,
                                          GError              **error);
MP_AVAILABLE_IN_0_1
void          mp_connection_recv_async   (MpConnection         *self,
                                          GCancellable         *cancellable,
                                          GAsyncReadyCallback   callback,
                                          gpointer              user_data);
MP_AVAILABLE_IN_0_1
MpPayload    *mp_connection_recv_finish  (MpConnection         *self,
                                          GAsyncResult         *result,
                                          GError              **error);
MP_AVAILABLE_IN_0_1
GSource      *mp_connection_create_source (MpConnection        *self,
                                          GCancellable         *cancellable);

MP_AVAILABLE_IN_0_1
GPtrArray    *mp_connection_wait         (GObject             **objects,
                                          gsize                 n_objects,
                                          double                timeout,
                                          GCancellable         *cancellable,
                                          GError              **error);

/* For bindings: no GError for ordinary outcomes. usec < 0 waits without limit, but every call
 * returns MP_STATUS_INTERRUPTED at the latest after a tenth of a second. */
MP_AVAILABLE_IN_0_1
MpQueue      *mp_connection_get_input    (MpConnection         *self);
MP_AVAILABLE_IN_0_1
MpQueue      *mp_connection_get_output   (MpConnection         *self);
MP_AVAILABLE_IN_0_1
gboolean      mp_connection_get_plain    (MpConnection         *self);
MP_AVAILABLE_IN_0_1
int           mp_connection_send_data    (MpConnection         *self,
                                          guint                 encoding,
                                          const guint8         *data,
                                          gsize                 size,
                                          gint64                usec,
                                          gboolean             *begun);
MP_AVAILABLE_IN_0_1
int           mp_connection_flush_raw    (MpConnection         *self,
                                          gint64                usec);
MP_AVAILABLE_IN_0_1
int           mp_connection_take_data    (MpConnection         *self,
                                          guint                 wanted,
                                          gsize                 max_size,
                                          gint64                usec,
                                          guint                *encoding,
                                          guint8              **data,
                                          gsize                *size,
                                          MpBlock             **block);
MP_AVAILABLE_IN_0_1
int           mp_connection_take_text    (MpConnection         *self,
                                          gint64                usec,
                                          char                **text);
MP_AVAILABLE_IN_0_1
int           mp_connection_send_fd_raw  (MpConnection         *self,
                                          int                   fd,
                                          gint64                usec);
MP_AVAILABLE_IN_0_1
int           mp_connection_recv_fd_raw  (MpConnection         *self,
                                          gint64                usec,
                                          int                  *fd);
MP_AVAILABLE_IN_0_1
int           mp_connection_poll_raw     (MpConnection         *self,
                                          gint64                usec);
MP_AVAILABLE_IN_0_1
gboolean      mp_connection_check        (MpConnection         *self,
                                          GError              **error);
MP_AVAILABLE_IN_0_1
MpConnection *mp_connection_begin        (const char           *address,
                                          GBytes               *authkey,
                                          GError              **error);
MP_AVAILABLE_IN_0_1
int           mp_connection_open_raw     (MpConnection         *self,
                                          gint64                usec);
MP_AVAILABLE_IN_0_1
int           mp_connection_wait_raw     (GObject             **objects,
                                          gsize                 n_objects,
                                          const int            *fds,
                                          gsize                 n_fds,
                                          gint64                usec,
                                          guint8              **ready,
                                          gsize                *n_ready);

G_END_DECLS
