/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * A flag that any process may set, clear and wait for.
 */

#pragma once

#if !defined(MP_INSIDE) && !defined(MP_COMPILATION)
#error "Only <mproc/mproc.h> can be included directly."
#endif

#include "mproc/memory/mp-shared.h"

G_BEGIN_DECLS

#define MP_TYPE_EVENT (mp_event_get_type ())

MP_AVAILABLE_IN_0_1
G_DECLARE_DERIVABLE_TYPE (MpEvent, mp_event, MP, EVENT, MpShared)

/**
 * MpEventClass:
 * @parent_class: the parent class
 *
 * The class structure of [class@Mp.Event].
 *
 * Since: 0.1
 */
struct _MpEventClass
{
  MpSharedClass parent_class;

  /*< private >*/
  gpointer padding[4];
};

MP_AVAILABLE_IN_0_1
MpEvent  *mp_event_new         (GError              **error);
MP_AVAILABLE_IN_0_1
gboolean  mp_event_set         (MpEvent              *self,
                                GError              **error);
MP_AVAILABLE_IN_0_1
gboolean  mp_event_clear       (MpEvent              *self,
                                GError              **error);
MP_AVAILABLE_IN_0_1
gboolean  mp_event_is_set      (MpEvent              *self);
MP_AVAILABLE_IN_0_1
gboolean  mp_event_wait        (MpEvent              *self,
                                double                timeout,
                                GCancellable         *cancellable,
                                GError              **error);
MP_AVAILABLE_IN_0_1
void      mp_event_wait_async  (MpEvent              *self,
                                GCancellable         *cancellable,
                                GAsyncReadyCallback   callback,
                                gpointer              user_data);
MP_AVAILABLE_IN_0_1
gboolean  mp_event_wait_finish (MpEvent              *self,
                                GAsyncResult         *result,
                                GError              **error);

/* For bindings: a wait in pieces, each of which may be interrupted. */
MP_AVAILABLE_IN_0_1
guint     mp_event_wait_begin  (MpEvent              *self);
MP_AVAILABLE_IN_0_1
int       mp_event_wait_raw    (MpEvent              *self,
                                guint                 ticket,
                                gint64                usec);

G_END_DECLS
