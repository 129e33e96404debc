/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Between GVariants and the frames that travel.
 */

#pragma once

#include "mproc/manager/mp-manager-protocol-private.h"

G_BEGIN_DECLS

/* How extensions of the value model look: Just ("mp.kind", what it is made of). */
#define MP_EXTENSION_TYPE "m(sv)"

GByteArray *mp_values_new           (GVariant       *first,
                                     GVariant       *second);
GByteArray *mp_values_new_content   (MpObjectType    type,
                                     GVariant       *content,
                                     GError        **error);
GVariant   *mp_values_get           (gconstpointer   frame,
                                     gsize           size,
                                     guint           index,
                                     GError        **error);
GVariant   *mp_values_decode        (const MpFrameValue  *value,
                                     GError             **error);
GVariant   *mp_values_get_content   (MpObjectType    type,
                                     gconstpointer   frame,
                                     gsize           size,
                                     GError        **error);
GByteArray *mp_values_convert       (gconstpointer   frame,
                                     gsize           size,
                                     MpEncoding      wanted,
                                     GError        **error);
char       *mp_values_to_json       (gconstpointer   frame,
                                     gsize           size,
                                     GError        **error);

/* mp-manager-text.c */
char       *mp_values_print         (MpObjectType    type,
                                     gconstpointer   frame,
                                     gsize           size,
                                     GError        **error);

G_END_DECLS
