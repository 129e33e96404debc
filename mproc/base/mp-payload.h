/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * A payload is one value on its way between processes: an encoding tag and bytes.
 */

#pragma once

#if !defined(MP_INSIDE) && !defined(MP_COMPILATION)
#error "Only <mproc/mproc.h> can be included directly."
#endif

#include "mproc/base/mp-error.h"

G_BEGIN_DECLS

/**
 * MpEncoding:
 * @MP_ENCODING_VARIANT: a serialized #GVariant of type `v`, native byte order, normal form: what
 *   C and Vala write.
 * @MP_ENCODING_PICKLE: a Python pickle, protocol 2 to 5: what Python writes.
 * @MP_ENCODING_JSON: UTF-8 JSON text with the `$mp` extension for what JSON lacks, and behind it a
 *   NUL and the bytes that it refers to, if it does: what JavaScript writes.
 * @MP_ENCODING_BYTES: the value is a string of bytes, and these are they.
 *
 * How the bytes of a payload are to be read.
 *
 * Since: 0.1
 */
typedef enum {
  MP_ENCODING_VARIANT = 1,
  MP_ENCODING_PICKLE = 2,
  MP_ENCODING_JSON = 3,
  MP_ENCODING_BYTES = 4,
} MpEncoding;

#define MP_TYPE_PAYLOAD (mp_payload_get_type ())

/**
 * MpPayload:
 *
 * A value on its way between processes: an encoding and immutable bytes.
 *
 * Since: 0.1
 */
typedef struct _MpPayload MpPayload;

MP_AVAILABLE_IN_0_1
GType       mp_payload_get_type      (void) G_GNUC_CONST;

MP_AVAILABLE_IN_0_1
MpPayload  *mp_payload_new           (MpEncoding           encoding,
                                      GBytes              *bytes);
MP_AVAILABLE_IN_0_1
MpPayload  *mp_payload_new_variant   (GVariant            *value);
MP_AVAILABLE_IN_0_1
MpPayload  *mp_payload_ref           (MpPayload           *self);
MP_AVAILABLE_IN_0_1
void        mp_payload_unref         (MpPayload           *self);
MP_AVAILABLE_IN_0_1
MpEncoding  mp_payload_get_encoding  (MpPayload           *self);
MP_AVAILABLE_IN_0_1
GBytes     *mp_payload_get_bytes     (MpPayload           *self);
MP_AVAILABLE_IN_0_1
GPtrArray  *mp_payload_get_objects   (MpPayload           *self);
MP_AVAILABLE_IN_0_1
GVariant   *mp_payload_get_variant   (MpPayload           *self,
                                      const GVariantType  *expected,
                                      GError             **error);
MP_AVAILABLE_IN_0_1
MpPayload  *mp_payload_convert       (MpPayload           *self,
                                      MpEncoding           encoding,
                                      GError             **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MpPayload, mp_payload_unref)

G_END_DECLS
