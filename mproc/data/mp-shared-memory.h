/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Memory that several processes have mapped.
 */

#pragma once

#if !defined(MP_INSIDE) && !defined(MP_COMPILATION)
#error "Only <mproc/mproc.h> can be included directly."
#endif

#include "mproc/memory/mp-shared.h"

G_BEGIN_DECLS

#define MP_TYPE_SHARED_MEMORY (mp_shared_memory_get_type ())

MP_AVAILABLE_IN_0_1
G_DECLARE_DERIVABLE_TYPE (MpSharedMemory, mp_shared_memory, MP, SHARED_MEMORY, MpShared)

/**
 * MpSharedMemoryClass:
 * @parent_class: the parent class
 *
 * The class structure of [class@Mp.SharedMemory].
 *
 * Since: 0.1
 */
struct _MpSharedMemoryClass
{
  MpSharedClass parent_class;

  /*< private >*/
  gpointer padding[4];
};

MP_AVAILABLE_IN_0_1
MpSharedMemory *mp_shared_memory_new         (guint64          size,
                                              GError         **error);
MP_AVAILABLE_IN_0_1
MpSharedMemory *mp_shared_memory_new_named   (const char      *name,
                                              guint64          size,
                                              GError         **error);
MP_AVAILABLE_IN_0_1
MpSharedMemory *mp_shared_memory_open_named  (const char      *name,
                                              GError         **error);
MP_AVAILABLE_IN_0_1
gboolean        mp_shared_memory_unlink      (const char      *name,
                                              GError         **error);
MP_AVAILABLE_IN_0_1
char          **mp_shared_memory_list        (GError         **error);
MP_AVAILABLE_IN_0_1
const char     *mp_shared_memory_get_name    (MpSharedMemory  *self);
MP_AVAILABLE_IN_0_1
guint64         mp_shared_memory_get_size    (MpSharedMemory  *self);
MP_AVAILABLE_IN_0_1
gpointer        mp_shared_memory_get_data    (MpSharedMemory  *self,
                                              gsize           *size,
                                              GError         **error);
MP_AVAILABLE_IN_0_1
GBytes         *mp_shared_memory_get_bytes   (MpSharedMemory  *self,
                                              GError         **error);
MP_AVAILABLE_IN_0_1
void            mp_shared_memory_close       (MpSharedMemory  *self);
MP_AVAILABLE_IN_0_1
gboolean        mp_shared_memory_is_closed   (MpSharedMemory  *self);

/* For bindings */
MP_AVAILABLE_IN_0_1
guint64         mp_shared_memory_get_address (MpSharedMemory  *self,
                                              GError         **error);

G_END_DECLS
