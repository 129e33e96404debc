/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Which GVariant type a plain value canonically has: the one a reader sees who asked for none.
 */

#pragma once

#include "mproc/base/mp-plain-private.h"

G_BEGIN_DECLS

MpCanonical  mp_canonical        (MpPlain      *plain,
                                  MpPlainValue  value);
const char  *mp_canonical_string (MpPlain      *plain,
                                  MpPlainValue  value,
                                  MpCanonical   type,
                                  gsize        *length);

extern const char * const mp_canonical_strings[MP_N_CANONICAL];
extern const guint8 mp_canonical_lengths[MP_N_CANONICAL];

G_END_DECLS
