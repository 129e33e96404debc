/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * A list of fixed slots in shared memory.
 */

#pragma once

#if !defined(MP_INSIDE) && !defined(MP_COMPILATION)
#error "Only <mproc/mproc.h> can be included directly."
#endif

#include "mproc/data/mp-shared-memory.h"

G_BEGIN_DECLS

#define MP_TYPE_SHAREABLE_LIST (mp_shareable_list_get_type ())

MP_AVAILABLE_IN_0_1
G_DECLARE_DERIVABLE_TYPE (MpShareableList, mp_shareable_list, MP, SHAREABLE_LIST, MpShared)

/**
 * MpShareableListClass:
 * @parent_class: the parent class
 *
 * The class structure of [class@Mp.ShareableList].
 *
 * Since: 0.1
 */
struct _MpShareableListClass
{
  MpSharedClass parent_class;

  /*< private >*/
  gpointer padding[4];
};

MP_AVAILABLE_IN_0_1
MpShareableList *mp_shareable_list_new        (GVariant         *items,
                                               GError          **error);
MP_AVAILABLE_IN_0_1
MpShareableList *mp_shareable_list_new_named  (const char       *name,
                                               GVariant         *items,
                                               GError          **error);
MP_AVAILABLE_IN_0_1
MpShareableList *mp_shareable_list_open_named (const char       *name,
                                               GError          **error);
MP_AVAILABLE_IN_0_1
MpSharedMemory  *mp_shareable_list_get_memory (MpShareableList  *self);
MP_AVAILABLE_IN_0_1
guint64          mp_shareable_list_get_length (MpShareableList  *self);
MP_AVAILABLE_IN_0_1
char            *mp_shareable_list_get_format (MpShareableList  *self,
                                               GError          **error);
MP_AVAILABLE_IN_0_1
GVariant        *mp_shareable_list_get        (MpShareableList  *self,
                                               guint64           index,
                                               GError          **error);
MP_AVAILABLE_IN_0_1
gboolean         mp_shareable_list_set        (MpShareableList  *self,
                                               guint64           index,
                                               GVariant         *value,
                                               GError          **error);
MP_AVAILABLE_IN_0_1
gint64           mp_shareable_list_count      (MpShareableList  *self,
                                               GVariant         *value,
                                               GError          **error);
MP_AVAILABLE_IN_0_1
gint64           mp_shareable_list_index      (MpShareableList  *self,
                                               GVariant         *value,
                                               GError          **error);

/* For bindings */
MP_AVAILABLE_IN_0_1
MpShareableList *mp_shareable_list_new_data   (const char       *name,
                                               GBytes           *items,
                                               GError          **error);
MP_AVAILABLE_IN_0_1
GBytes          *mp_shareable_list_get_data   (MpShareableList  *self,
                                               guint64           index,
                                               guint            *kind,
                                               GError          **error);
MP_AVAILABLE_IN_0_1
gboolean         mp_shareable_list_set_data   (MpShareableList  *self,
                                               guint64           index,
                                               guint             kind,
                                               GBytes           *data,
                                               GError          **error);

G_END_DECLS
