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
int        mp_queue_put_text      (MpQueue        *self,
                                   const char     *text,
                                   gint64          usec);
MP_AVAILABLE_IN_0_1
int        mp_queue_get_text      (MpQueue        *self,
                                   gint64          usec,
                                   char          **text);

G_END_DECLS
