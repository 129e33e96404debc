/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The types that the elements of shared values and arrays can have.
 */

#pragma once

#if !defined(MP_INSIDE) && !defined(MP_COMPILATION)
#error "Only <mproc/mproc.h> can be included directly."
#endif

#include "mproc/base/mp-error.h"

G_BEGIN_DECLS

/**
 * MpElementType:
 * @MP_ELEMENT_TYPE_INT8: a signed integer of 8 bits.
 * @MP_ELEMENT_TYPE_UINT8: an unsigned integer of 8 bits.
 * @MP_ELEMENT_TYPE_INT16: a signed integer of 16 bits.
 * @MP_ELEMENT_TYPE_UINT16: an unsigned integer of 16 bits.
 * @MP_ELEMENT_TYPE_INT32: a signed integer of 32 bits.
 * @MP_ELEMENT_TYPE_UINT32: an unsigned integer of 32 bits.
 * @MP_ELEMENT_TYPE_INT64: a signed integer of 64 bits.
 * @MP_ELEMENT_TYPE_UINT64: an unsigned integer of 64 bits.
 * @MP_ELEMENT_TYPE_FLOAT: a `float`.
 * @MP_ELEMENT_TYPE_DOUBLE: a `double`.
 * @MP_ELEMENT_TYPE_BOOLEAN: a byte that is 0 or 1.
 *
 * The type of a shared value, and of an array's elements.
 *
 * C's own types are among them under other names on each platform: see
 * [func@Mp.ElementType.from_typecode].
 *
 * Since: 0.1
 */
typedef enum {
  MP_ELEMENT_TYPE_INT8 = 1,
  MP_ELEMENT_TYPE_UINT8 = 2,
  MP_ELEMENT_TYPE_INT16 = 3,
  MP_ELEMENT_TYPE_UINT16 = 4,
  MP_ELEMENT_TYPE_INT32 = 5,
  MP_ELEMENT_TYPE_UINT32 = 6,
  MP_ELEMENT_TYPE_INT64 = 7,
  MP_ELEMENT_TYPE_UINT64 = 8,
  MP_ELEMENT_TYPE_FLOAT = 9,
  MP_ELEMENT_TYPE_DOUBLE = 10,
  MP_ELEMENT_TYPE_BOOLEAN = 11,
} MpElementType;

MP_AVAILABLE_IN_0_1
MpElementType  mp_element_type_from_typecode (const char     *typecode,
                                              GError        **error);
MP_AVAILABLE_IN_0_1
gsize          mp_element_type_get_size      (MpElementType   type);

G_END_DECLS
