/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The queue: values from any process of the family to any other, first in, first out.
 */

#pragma once

#if !defined(MP_INSIDE) && !defined(MP_COMPILATION)
#error "Only <mproc/mproc.h> can be included directly."
#endif

#include "mproc/base/mp-payload.h"
#include "mproc/memory/mp-block.h"
#include "mproc/memory/mp-shared.h"

G_BEGIN_DECLS

#define MP_TYPE_QUEUE (mp_queue_get_type ())

MP_AVAILABLE_IN_0_1
G_DECLARE_DERIVABLE_TYPE (MpQueue, mp_queue, MP, QUEUE, MpShared)

/**
 * MpQueueClass:
 * @parent_class: the parent class
 *
 * The class structure of [class@Mp.Queue].
 *
 * Since: 0.1
 */
struct _MpQueueClass
{
  MpSharedClass parent_class;

  /*< private >*/
  gpointer padding[8];
};

MP_AVAILABLE_IN_0_1
MpQueue   *mp_queue_new           (guint           max_items,
                                   GError        **error);
MP_AVAILABLE_IN_0_1
MpQueue   *mp_queue_new_joinable  (guint           max_items,
                                   GError        **error);
MP_AVAILABLE_IN_0_1
gboolean   mp_queue_is_joinable   (MpQueue        *self);
MP_AVAILABLE_IN_0_1
guint      mp_queue_get_max_items (MpQueue        *self);
MP_AVAILABLE_IN_0_1
gboolean   mp_queue_put           (MpQueue        *self,
                                   GVariant       *value,
                                   double          timeout,
                                   GCancellable   *cancellable,
                                   GError        **error);
MP_AVAILABLE_IN_0_1
gboolean   mp_queue_try_put       (MpQueue        *self,
                                   GVariant       *value,
                                   GError        **error);
MP_AVAILABLE_IN_0_1
GVariant  *mp_queue_get           (MpQueue        *self,
                                   double          timeout,
                                   GCancellable   *cancellable,
                                   GError        **error);
MP_AVAILABLE_IN_0_1
GVariant  *mp_queue_try_get       (MpQueue        *self,
                                   GError        **error);
MP_AVAILABLE_IN_0_1
gboolean   mp_queue_put_bytes     (MpQueue        *self,
                                   gconstpointer   data,
                                   gsize           size,
                                   double          timeout,
                                   GCancellable   *cancellable,
                                   GError        **error);
MP_AVAILABLE_IN_0_1
gssize     mp_queue_get_into      (MpQueue        *self,
                                   gpointer        buffer,
                                   gsize           size,
                                   double          timeout,
                                   GCancellable   *cancellable,
                                   GError        **error);
MP_AVAILABLE_IN_0_1
gboolean   mp_queue_put_payload   (MpQueue        *self,
                                   MpPayload      *payload,
                                   double          timeout,
                                   GCancellable   *cancellable,
                                   GError        **error);
MP_AVAILABLE_IN_0_1
MpPayload *mp_queue_get_payload   (MpQueue        *self,
                                   double          timeout,
                                   GCancellable   *cancellable,
                                   GError        **error);
MP_AVAILABLE_IN_0_1
gboolean   mp_queue_put_block     (MpQueue        *self,
                                   MpBlock        *block,
                                   double          timeout,
                                   GCancellable   *cancellable,
                                   GError        **error);
MP_AVAILABLE_IN_0_1
MpBlock   *mp_queue_get_block     (MpQueue        *self,
                                   double          timeout,
                                   GCancellable   *cancellable,
                                   GError        **error);
MP_AVAILABLE_IN_0_1
gsize      mp_queue_put_batch     (MpQueue        *self,
                                   MpPayload     **payloads,
                                   gsize           n_payloads,
                                   double          timeout,
                                   GCancellable   *cancellable,
                                   GError        **error);
MP_AVAILABLE_IN_0_1
GPtrArray *mp_queue_get_batch     (MpQueue        *self,
                                   guint           max,
                                   double          timeout,
                                   GCancellable   *cancellable,
                                   GError        **error);
MP_AVAILABLE_IN_0_1
gboolean   mp_queue_task_done     (MpQueue        *self,
                                   GError        **error);
MP_AVAILABLE_IN_0_1
gboolean   mp_queue_join          (MpQueue        *self,
                                   double          timeout,
                                   GCancellable   *cancellable,
                                   GError        **error);
MP_AVAILABLE_IN_0_1
void       mp_queue_join_async    (MpQueue             *self,
                                   GCancellable        *cancellable,
                                   GAsyncReadyCallback  callback,
                                   gpointer             user_data);
MP_AVAILABLE_IN_0_1
gboolean   mp_queue_join_finish   (MpQueue             *self,
                                   GAsyncResult        *result,
                                   GError             **error);
MP_AVAILABLE_IN_0_1
void       mp_queue_put_async     (MpQueue             *self,
                                   MpPayload           *payload,
                                   GCancellable        *cancellable,
                                   GAsyncReadyCallback  callback,
                                   gpointer             user_data);
MP_AVAILABLE_IN_0_1
gboolean   mp_queue_put_finish    (MpQueue             *self,
                                   GAsyncResult        *result,
                                   GError             **error);
MP_AVAILABLE_IN_0_1
GSource   *mp_queue_create_source (MpQueue             *self,
                                   GIOCondition         condition,
                                   GCancellable        *cancellable);
MP_AVAILABLE_IN_0_1
void       mp_queue_get_async     (MpQueue             *self,
                                   GCancellable        *cancellable,
                                   GAsyncReadyCallback  callback,
                                   gpointer             user_data);
MP_AVAILABLE_IN_0_1
MpPayload *mp_queue_get_finish    (MpQueue             *self,
                                   GAsyncResult        *result,
                                   GError             **error);
MP_AVAILABLE_IN_0_1
guint      mp_queue_qsize         (MpQueue        *self);
MP_AVAILABLE_IN_0_1
gboolean   mp_queue_empty         (MpQueue        *self);
MP_AVAILABLE_IN_0_1
gboolean   mp_queue_full          (MpQueue        *self);
MP_AVAILABLE_IN_0_1
void       mp_queue_close         (MpQueue        *self);
MP_AVAILABLE_IN_0_1
gboolean   mp_queue_is_closed     (MpQueue        *self);

/* For bindings: no GError for ordinary outcomes. usec < 0 waits without limit, but every call
 * returns MP_STATUS_INTERRUPTED at the latest after a tenth of a second: call again. */
MP_AVAILABLE_IN_0_1
int        mp_queue_put_data      (MpQueue        *self,
                                   guint           encoding,
                                   const guint8   *data,
                                   gsize           size,
                                   gint64          usec);
MP_AVAILABLE_IN_0_1
int        mp_queue_get_data      (MpQueue        *self,
                                   guint           wanted,
                                   gint64          usec,
                                   guint          *encoding,
                                   guint8        **data,
                                   gsize          *size);
MP_AVAILABLE_IN_0_1
int        mp_queue_take_data     (MpQueue        *self,
                                   guint           wanted,
                                   gint64          usec,
                                   guint          *encoding,
                                   guint8        **data,
                                   gsize          *size,
                                   MpBlock       **block);
MP_AVAILABLE_IN_0_1
int        mp_queue_put_block_data (MpQueue       *self,
                                   guint           encoding,
                                   MpBlock        *block,
                                   gint64          usec);
MP_AVAILABLE_IN_0_1
int        mp_queue_put_frames    (MpQueue        *self,
                                   const guint8   *frames,
                                   gsize           size,
                                   gint64          usec,
                                   gsize          *n_put);
MP_AVAILABLE_IN_0_1
int        mp_queue_get_frames    (MpQueue        *self,
                                   guint           wanted,
                                   guint           max,
                                   gint64          usec,
                                   guint8        **frames,
                                   gsize          *size,
                                   guint          *n_got);
MP_AVAILABLE_IN_0_1
int        mp_queue_task_done_raw (MpQueue        *self);
MP_AVAILABLE_IN_0_1
int        mp_queue_join_raw      (MpQueue        *self,
                                   gint64          usec);
MP_AVAILABLE_IN_0_1
int        mp_queue_put_payload_raw (MpQueue      *self,
                                   MpPayload      *payload,
                                   gint64          usec);
MP_AVAILABLE_IN_0_1
int        mp_queue_get_payload_raw (MpQueue      *self,
                                   gint64          usec,
                                   MpPayload     **payload);
MP_AVAILABLE_IN_0_1
int        mp_queue_put_text      (MpQueue        *self,
                                   const char     *text,
                                   gint64          usec);
MP_AVAILABLE_IN_0_1
int        mp_queue_get_text      (MpQueue        *self,
                                   gint64          usec,
                                   char          **text);
MP_AVAILABLE_IN_0_1
int        mp_queue_take_text     (MpQueue        *self,
                                   gint64          usec,
                                   char          **text,
                                   guint8        **pieces,
                                   gsize          *n_pieces,
                                   MpBlock       **block);

G_END_DECLS
