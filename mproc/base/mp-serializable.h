/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Objects of the program's own classes that may go to other processes.
 */

#pragma once

#if !defined(MP_INSIDE) && !defined(MP_COMPILATION)
#error "Only <mproc/mproc.h> can be included directly."
#endif

#include "mproc/base/mp-error.h"

G_BEGIN_DECLS

#define MP_TYPE_SERIALIZABLE (mp_serializable_get_type ())

MP_AVAILABLE_IN_0_1
G_DECLARE_INTERFACE (MpSerializable, mp_serializable, MP, SERIALIZABLE, GObject)

/**
 * MpSerializableInterface:
 * @parent_iface: the parent interface
 * @get_state: gives what an object like this one is made of; see [method@Mp.Serializable.get_state]
 * @set_state: gives a new object the state of another; see [method@Mp.Serializable.set_state]
 *
 * The interface structure of [iface@Mp.Serializable].
 *
 * Since: 0.1
 */
struct _MpSerializableInterface
{
  GTypeInterface parent_iface;

  GVariant *(*get_state) (MpSerializable  *self,
                          GError         **error);
  gboolean  (*set_state) (MpSerializable  *self,
                          GVariant        *state,
                          GError         **error);
};

/**
 * MpSerializableNewFunc:
 * @state: what [method@Mp.Serializable.get_state] gave in the other process
 * @user_data: the data given with the function
 * @error: return location for an error
 *
 * Makes an object that has @state, of the type with which the function was allowed.
 *
 * The state comes from another process; the function has to expect any.
 *
 * Returns: (transfer full): the new object, or %NULL with @error set
 *
 * Since: 0.1
 */
typedef GObject *(*MpSerializableNewFunc) (GVariant  *state,
                                           gpointer   user_data,
                                           GError   **error);

MP_AVAILABLE_IN_0_1
GVariant *mp_serializable_get_state       (MpSerializable         *self,
                                           GError                **error);
MP_AVAILABLE_IN_0_1
gboolean  mp_serializable_set_state       (MpSerializable         *self,
                                           GVariant               *state,
                                           GError                **error);
MP_AVAILABLE_IN_0_1
GVariant *mp_serializable_to_variant      (MpSerializable         *self,
                                           GError                **error);
MP_AVAILABLE_IN_0_1
GObject  *mp_serializable_from_variant    (GVariant               *value,
                                           GError                **error);
MP_AVAILABLE_IN_0_1
gboolean  mp_serializable_allow           (GType                   type,
                                           GError                **error);
MP_AVAILABLE_IN_0_1
gboolean  mp_serializable_allow_with_func (GType                   type,
                                           MpSerializableNewFunc   func,
                                           gpointer                user_data,
                                           GDestroyNotify          notify,
                                           GError                **error);
MP_AVAILABLE_IN_0_1
void      mp_serializable_disallow        (GType                   type);
MP_AVAILABLE_IN_0_1
gboolean  mp_serializable_is_allowed      (GType                   type);

G_END_DECLS
