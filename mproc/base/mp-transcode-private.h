/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The one way from one encoding to another. Runs in any thread, keeps no state.
 */

#pragma once

#include "mproc/base/mp-payload.h"

G_BEGIN_DECLS

/* Converts @size bytes at @data from one encoding to another. If both are equal, or if the value
 * is plain in both, returns new bytes; else NULL with MP_ERROR_NOT_PLAIN or MP_ERROR_INVALID_DATA.
 * Equal encodings are copied unread. Input is hostile: bounded memory, bounded depth. */
GBytes   *mp_transcode              (MpEncoding           from,
                                     gconstpointer        data,
                                     gsize                size,
                                     MpEncoding           to,
                                     GError             **error);

/* The same for bytes: the result, if the value names shared objects, holds @bytes and with them
 * what keeps these objects alive. */
GBytes   *mp_transcode_bytes        (MpEncoding           from,
                                     GBytes              *bytes,
                                     MpEncoding           to,
                                     GError             **error);

/* As JSON that has nothing attached: a text and no more. */
GBytes   *mp_transcode_to_text      (MpEncoding           from,
                                     gconstpointer        data,
                                     gsize                size,
                                     GError             **error);

/* The GVariant (not boxed in `v`) that the encoded value canonically is, or coerced to @expected.
 * A GVariant comes back as it is if @expected is NULL or already its type; it then shares @bytes
 * and is not checked for normal form, which GVariant's accessors can stand. One that names shared
 * objects holds @bytes too. */
GVariant *mp_transcode_to_variant   (MpEncoding           from,
                                     GBytes              *bytes,
                                     const GVariantType  *expected,
                                     GError             **error);

/* The `v`-boxed, normal-form, native-order bytes of @value (which is sunk if floating). */
GBytes   *mp_transcode_from_variant (GVariant            *value);

/* The bytes of a `v` that are equal for equal values, whatever language wrote them: the form to
 * compare dict keys and values by. List and tuple, set and frozen set, an integral float and its
 * integer, one moment in two zones are equal; the members of a set are sorted. True is not 1.
 * The order of a dict's entries matters. */
GBytes   *mp_transcode_canonical    (MpEncoding           from,
                                     gconstpointer        data,
                                     gsize                size,
                                     GError             **error);

G_END_DECLS
